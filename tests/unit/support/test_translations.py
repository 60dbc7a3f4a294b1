"""Translations stand beside the original, say what they are, and show no word that their reader may not see."""

import pytest
from sqlalchemy import select

from hub.errors import Forbidden, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.support import delivery, requests, translations
from hub.support.delivery import AnswerData, PlanData
from hub.support.papers import Translation
from hub.support.requests import RequestData
from hub.support.translations import TranslationData
from tests.unit.support import papers

FRENCH = TranslationData("fr", {"title": "Titre", "description": "Mots", "summary": "Résumé"})


@pytest.fixture
def people(session):
    return papers.cast(session)


def put(session, who, row, data=FRENCH, *, subject=None, version=None):
    return translations.put(session, who, row.id, subject or ("request", row.id), data, version=version)


@pytest.mark.both_databases
def test_a_translation_stands_beside_what_it_translates_until_that_changes(session, people):
    row = papers.submitted(session, people)
    made = put(session, people.secretary, row)
    (shown,) = translations.shown(session, people.ana, row)[row.id]
    assert (shown.row.id, shown.texts, shown.outdated) == (made.id, FRENCH.texts, False)
    requests.edit(session, people.ana, row.id, RequestData("Other", "Words", language="en"), version=row.version)
    (shown,) = translations.shown(session, people.ana, row)[row.id]
    assert shown.outdated
    put(session, people.ana, row, version=made.version)
    (shown,) = translations.shown(session, people.ana, row)[row.id]
    assert (shown.outdated, shown.row.entity_id, shown.row.version) == (False, "PRT", 2)


def test_a_step_that_changes_no_word_makes_no_translation_old(session, people):
    row = papers.submitted(session, people)
    put(session, people.ana, row)
    row = requests.withdraw(session, people.ana, row.id, version=row.version)
    assert [each.outdated for each in translations.shown(session, people.ana, row)[row.id]] == [False]


def test_who_sees_the_summary_alone_sees_its_translation_alone(session, people):
    row = papers.accepted(session, people)
    put(session, people.ana, row)
    (shown,) = translations.shown(session, people.unhcr, row)[row.id]
    assert shown.texts == {"summary": "Résumé"}
    assert translations.shown(session, people.ghana, row) == {}
    with pytest.raises(Forbidden):
        put(session, people.unhcr, row)


def test_a_translation_without_the_summary_is_nothing_to_who_sees_the_summary_alone(session, people):
    row = papers.accepted(session, people)
    put(session, people.ana, row, TranslationData("fr", {"title": "Titre"}))
    assert translations.shown(session, people.unhcr, row) == {}


def test_plans_and_sent_answers_are_translated_by_their_agency_and_by_their_readers(session, people):
    row = papers.accepted(session, people)
    row = delivery.propose(
        session, people.iom, row.id, PlanData("Plan", ("One", "Two"), language="en"), version=row.version
    )
    plan = row.plans[0]
    put(
        session,
        people.iom,
        row,
        TranslationData("es", {"text": "Plan", "steps": "Uno\nDos"}),
        subject=("plan", plan.id),
    )
    answer = delivery.answer(session, people.iom, row.id, AnswerData("Do it", "en"), version=row.version)
    put(session, people.ana, row, TranslationData("es", {"text": "Hazlo"}, "machine"), subject=("answer", answer.id))
    found = translations.shown(session, people.ana, row)
    assert found[plan.id][0].texts == {"text": "Plan", "steps": "Uno\nDos"}
    assert (found[answer.id][0].texts, found[answer.id][0].row.origin) == ({"text": "Hazlo"}, "machine")
    with pytest.raises(Forbidden):
        put(session, people.iom, row)  # the request is not its own


def test_a_draft_answer_is_not_translated(session, people):
    row = papers.accepted(session, people)
    draft = delivery.save_answer_draft(session, people.iom, row.id, AnswerData("Soon"))
    for who in (people.iom, people.secretary):
        with pytest.raises(NotFound):
            put(session, who, row, TranslationData("fr", {"text": "Bientôt"}), subject=("answer", draft.id))


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (TranslationData("en", {"title": "Title"}), "language"),
        (TranslationData("de", {"title": "Titel"}), "language"),
        (TranslationData("fr", {"title": "Titre"}, "oracle"), "origin"),
        (TranslationData("fr", {"text": "of an answer"}), "title"),
        (TranslationData("fr", {}), "title"),
    ],
)
def test_what_is_no_translation_is_refused(session, people, data, field):
    row = papers.submitted(session, people)
    with pytest.raises(Invalid) as refused:
        put(session, people.ana, row, data)
    assert set(refused.value.errors) == {field}


@pytest.mark.both_databases
def test_two_translators_do_not_overwrite_each_other(session, people):
    row = papers.submitted(session, people)
    first = put(session, people.ana, row)
    for seen in (None, first.version + 1):
        with pytest.raises(StaleVersion):
            put(session, people.secretary, row, TranslationData("fr", {"title": "Autre"}), version=seen)
    with pytest.raises(StaleVersion):
        put(session, people.ana, row, TranslationData("ar", {"title": "عنوان"}), version=1)
    put(session, people.secretary, row, TranslationData("fr", {"title": "Autre"}), version=first.version)
    assert len(session.scalars(select(Translation)).all()) == 1


def test_a_translation_taken_away_is_gone_and_the_events_hold_none_of_its_words(session, people):
    row = papers.submitted(session, people)
    made = put(session, people.ana, row)
    with pytest.raises(NotFound):
        translations.remove(session, people.ghana, made.id)
    translations.remove(session, people.secretary, made.id)
    assert translations.shown(session, people.ana, row) == {}
    events = session.scalars(select(Event).where(Event.subject_id == row.id)).all()
    assert {"translate", "remove_translation"} <= {event.action for event in events}
    assert "Titre" not in str([event.data for event in events])
