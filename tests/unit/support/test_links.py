"""One question, one answer: who sees what by a link, and that it works once."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.accounts.credentials import hash_token
from hub.database import Database, Outbox, now
from hub.errors import Forbidden, Gone, Invalid, NotFound
from hub.events import Event
from hub.support import links, requests
from hub.support.links import LinkData
from hub.support.papers import AnswerLink
from tests.unit.support import papers

KEY = "only for tests"


@pytest.fixture
def people(session):
    return papers.cast(session)


@pytest.fixture
def row(session, people):
    return papers.submitted(session, people)


def ask(session, people, row, **data):
    data = LinkData(**{"entity": "GHA", "question": "Can you help?", **data})
    return links.create(session, people.secretary, row.id, data, secret_key=KEY)


@pytest.mark.both_databases
def test_a_question_is_answered_once(session, people, row):
    link, token = ask(session, people, row)
    for _ in range(3):  # looking uses nothing up: mail filters look too
        asked = links.look(session, token)
    assert (asked.country.id, asked.summary, asked.link.question) == ("PRT", "Approved summary", "Can you help?")
    assert not any("private" in str(value) for value in vars(asked.link).values())
    links.answer(session, token, choice=True, text="Gladly.")
    for again in (lambda: links.look(session, token), lambda: links.answer(session, token, choice=False)):
        with pytest.raises(Gone):
            again()
    (shown,) = links.listing(session, people.secretary, row)
    assert (shown.status, shown.link.choice, shown.link.answer) == ("used", True, "Gladly.")
    events = session.scalars(select(Event).where(Event.data["link"].as_string() == link.id).order_by(Event.id)).all()
    assert [(event.action, event.audience) for event in events] == [
        ("link_made", "secretariat"),
        ("link_answered", "secretariat"),
    ]
    assert events[1].membership_id is None
    assert "Gladly" not in str([event.data for event in events])


@pytest.mark.both_databases
def test_of_two_answers_at_the_same_moment_one_wins(database: Database, session, people, row):
    _, token = ask(session, people, row, kind="words")
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def answer(text):
        with database.session() as own:
            links.look(own, token)
            own.rollback()
            together.wait()
            try:
                links.answer(own, token, text=text)
                outcomes.append(text)
            except Gone:
                outcomes.append("gone")

    threads = [threading.Thread(target=answer, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("gone") == 1
    (shown,) = links.listing(session, people.secretary, row)
    assert shown.link.answer in outcomes
    assert len(session.scalars(select(Event).where(Event.action == "link_answered")).all()) == 1


def test_only_the_hash_of_a_token_is_kept_and_no_secret_key_gives_another(session, people, row):
    link, token = ask(session, people, row)
    assert link.token_hash == hash_token(token)
    assert token == links.token_of(link.id, KEY) != links.token_of(link.id, "another")
    assert token not in str([vars(one) for one in session.scalars(select(AnswerLink))])
    assert token not in str([job.payload for job in session.scalars(select(Outbox))])


def test_a_link_ends_by_time_by_hand_and_with_its_request(session, people, row):
    expired, revoked, over = (ask(session, people, row) for _ in range(3))
    expired[0].expires_at = now() - timedelta(seconds=1)
    session.commit()
    links.revoke(session, people.secretary, revoked[0].id)
    requests.withdraw(session, people.ana, row.id, version=row.version)
    for _, token in (expired, revoked, over):
        with pytest.raises(Gone):
            links.look(session, token)
        with pytest.raises(Gone):
            links.answer(session, token, choice=True)
    with pytest.raises(Gone):
        links.revoke(session, people.secretary, revoked[0].id)
    with pytest.raises(Invalid):
        ask(session, people, row)
    row = session.get_one(type(row), row.id)
    assert [each.status for each in links.listing(session, people.secretary, row)] == ["expired", "revoked", "over"]


def test_fourteen_days_are_what_a_link_lasts(session, people, row):
    link, _ = ask(session, people, row)
    assert timedelta(days=13, hours=23) < link.expires_at - now() <= timedelta(days=14)


@pytest.mark.parametrize("token", ["", "x", "hub_" + "a" * 43, "é" * 40, "\ud800"])
def test_no_link_of_ours_is_found_by_another_token(session, people, row, token):
    ask(session, people, row)
    with pytest.raises(NotFound):
        links.look(session, token)


def test_nobody_but_the_secretariat_asks_by_link_or_sees_the_answers(session, people, row):
    link, _ = ask(session, people, row)
    data = LinkData("GHA", "Can you help?")
    for who in (people.ana, people.ghana, people.administrator, None):
        with pytest.raises((Forbidden, NotFound)):
            links.create(session, who, row.id, data, secret_key=KEY)
        with pytest.raises(NotFound):
            links.revoke(session, who, link.id)
        with pytest.raises(NotFound):
            links.erase(session, who, link.id)
        assert links.listing(session, who, row) == []


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"entity": "PRT"}, "entity"),
        ({"entity": "secretariat"}, "entity"),
        ({"entity": "XXX"}, "entity"),
        ({"question": "  "}, "question"),
        ({"kind": "maybe"}, "kind"),
    ],
)
def test_a_question_needs_words_and_somebody_else_to_answer(session, people, row, data, field):
    with pytest.raises(Invalid) as refused:
        ask(session, people, row, **data)
    assert set(refused.value.errors) == {field}


def test_an_agency_is_found_by_its_acronym_too(session, people, row):
    assert ask(session, people, row, entity="UNHCR")[0].entity_id == "unhcr"


def test_an_answer_says_something(session, people, row):
    _, yes_no = ask(session, people, row)
    _, words = ask(session, people, row, kind="words")
    with pytest.raises(Invalid):
        links.answer(session, yes_no, text="Perhaps")
    with pytest.raises(Invalid):
        links.answer(session, words, choice=True, text=" ")
    links.answer(session, words, text="Words")


@pytest.mark.both_databases
def test_erasing_leaves_that_something_was_asked_and_nothing_of_what(session, people, row):
    used, token = ask(session, people, row, kind="words", address="office@example.org")
    links.answer(session, token, text="Private answer")
    waiting, other = ask(session, people, row)
    for link in (used, waiting):
        links.erase(session, people.secretary, link.id)
        session.refresh(link)
        assert (link.question, link.answer, link.choice, link.address) == ("", "", None, None)
    assert used.used_at is not None
    for each in (token, other):
        with pytest.raises(Gone):
            links.look(session, each)


def test_so_many_links_wait_at_a_time_and_no_more(session, people, row, monkeypatch):
    monkeypatch.setattr(links, "MOST_OPEN", 1)
    link, _ = ask(session, people, row)
    with pytest.raises(Invalid):
        ask(session, people, row)
    links.revoke(session, people.secretary, link.id)
    ask(session, people, row)
