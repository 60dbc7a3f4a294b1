"""What of a request is public: what every State that asks agreed to, in the words agreed to, as long as it does."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.database import new_id
from hub.errors import Forbidden, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.support import consents, contributions, delivery, peers, ratings, reading, register, requests, triage
from hub.support.delivery import AnswerData
from hub.support.models import Answer, Consent, SupportRequest
from hub.support.register import Agreement, PublicEntry
from hub.support.requests import RequestData
from tests import factories

WORDS = RequestData("Secret title", "Secret description", "en", (6,), summary="Secret summary")


@dataclass
class Scene:
    row: SupportRequest
    portugal: Membership
    ghana: Membership
    secretariat: Membership
    iom: Membership
    answer: Answer


@pytest.fixture
def scene(session: Session) -> Scene:
    """An answered request of Portugal."""
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    ghana = factories.member(session, FOCAL_POINT, factories.state(session, "GHA"))
    desk = factories.secretariat(session)
    iom = factories.member(session, EXPERT, factories.agency(session, "iom"))
    session.commit()
    row = requests.draft(session, portugal, WORDS, submit=True)
    row = triage.send(session, desk, row.id, "iom", version=row.version)
    row = delivery.accept(session, iom, row.id, version=row.version)
    delivery.answer(session, iom, row.id, AnswerData("Secret advice", "en"), version=row.version)
    row = reading.get(session, portugal, row.id)
    return Scene(row, portugal, ghana, desk, iom, reading.answers(session, portugal, row)[0])


def agreement(session: Session, scene: Scene, group: str) -> Agreement:
    found = register.agreements(session, scene.secretariat, reading.get(session, scene.secretariat, scene.row.id))
    return next(one for one in found if one.group == group)


def agree(session: Session, scene: Scene, group: str, who: Membership | None = None) -> None:
    current = agreement(session, scene, group)
    register.publish(session, who or scene.portugal, scene.row.id, group, subject=current.subject, seal=current.seal)


def public(session: Session) -> list[PublicEntry]:
    return register.entries(session)[0]


def test_without_consent_nothing_is_public(session: Session, scene: Scene) -> None:
    assert public(session) == []
    assert register.released_answers(session) == []
    assert register.of_request(session, scene.row) is None


@pytest.mark.both_databases
def test_each_group_shows_its_own_fields_and_no_others(session: Session, scene: Scene) -> None:
    agree(session, scene, "facts")
    (entry,) = public(session)
    assert entry.facts is not None
    assert (entry.facts.states, entry.facts.objectives, entry.facts.status) == ((("PRT", "Prt"),), (6,), "answered")
    assert (entry.words, entry.answers) == (None, ())
    assert "Secret" not in repr(entry)
    assert scene.row.id not in repr(entry)
    assert scene.row.reference not in repr(entry)

    agree(session, scene, "text")
    register.unpublish(session, scene.portugal, scene.row.id, "facts")
    (entry,) = public(session)
    assert entry.facts is None
    assert entry.words == register.Words("Secret title", "Secret summary", "en")
    assert "PRT" not in repr(entry)
    assert public(session) == [register.entry(session, entry.id)]


@pytest.mark.both_databases
def test_a_released_answer_is_the_states_own_words_and_the_original_stays(session: Session, scene: Scene) -> None:
    with pytest.raises(NotFound):
        register.publish(session, scene.portugal, scene.row.id, "answer", subject=new_id())
    register.release(session, scene.portugal, scene.row.id, scene.answer.id, "Advice without names", language="en")
    assert public(session) == []
    agree(session, scene, "answer")
    (released,) = register.released_answers(session)
    assert (released.agency, released.text, released.states, released.objectives) == (
        "iom",
        "Advice without names",
        (),
        (),
    )
    agree(session, scene, "facts")
    assert register.released_answers(session)[0].states == ("PRT",)
    assert reading.answers(session, scene.portugal, scene.row)[0].text == "Secret advice"

    with pytest.raises(StaleVersion):
        register.release(session, scene.portugal, scene.row.id, scene.answer.id, "Other words")
    register.release(session, scene.portugal, scene.row.id, scene.answer.id, "Other words", version=1)
    assert register.released_answers(session) == []  # other words need consent anew


@pytest.mark.both_databases
def test_a_released_answer_names_the_agencies_that_contributed_and_no_person(session: Session, scene: Scene) -> None:
    register.release(session, scene.portugal, scene.row.id, scene.answer.id, "Public advice", language="en")
    agree(session, scene, "answer")
    ilo, unhcr = (factories.member(session, EXPERT, factories.agency(session, code)) for code in ("ilo", "unhcr"))
    row = scene.row
    for who in (ilo, unhcr):
        row = triage.send(
            session,
            scene.secretariat,
            row.id,
            who.entity_id,
            version=row.version,
            role="contributor",
            adjustment="It knows contracts.",
        )
        row = delivery.accept(session, who, row.id, version=row.version)
        given = contributions.contribute(session, who, row.id, AnswerData("Secret words", "en"), version=row.version)
        row = reading.get(session, scene.iom, row.id)
    late = AnswerData("Secret advice, again", "en", contributions=(given.id,))
    second = delivery.answer(session, scene.iom, row.id, late, version=row.version)
    assert [one.agencies for one in register.released_answers(session)] == [(("iom", "IOM"),)]

    written = register.release(session, scene.portugal, row.id, second.id, "More public advice", language="en")
    bare = consents.seal_of(written.text, "en")
    with pytest.raises(StaleVersion):  # the agencies that it names are of what is agreed to
        register.publish(session, scene.portugal, row.id, "answer", subject=written.id, seal=bare)
    seal = consents.seal_of(written.text, "en", "unhcr")
    register.publish(session, scene.portugal, row.id, "answer", subject=written.id, seal=seal)

    named = {one.text: one.agencies for one in register.released_answers(session)}
    assert named == {
        "Public advice": (("iom", "IOM"),),
        "More public advice": (("iom", "IOM"), ("unhcr", "UNHCR")),
    }
    (entry,) = public(session)
    assert "Secret" not in repr(entry)
    assert not any(one.person.name in repr(entry) for one in (scene.iom, ilo, unhcr))


def test_taking_consent_back_empties_the_register_at_once_and_is_kept_as_history(
    session: Session, scene: Scene
) -> None:
    agree(session, scene, "text")
    entry_id = public(session)[0].id
    register.unpublish(session, scene.portugal, scene.row.id, "text")
    assert public(session) == []
    with pytest.raises(NotFound):
        register.entry(session, entry_id)
    agree(session, scene, "text")
    assert public(session)[0].id == entry_id
    rows = session.scalars(select(Consent).order_by(Consent.given_at)).all()
    assert [(one.given_by, one.withdrawn_by) for one in rows] == [
        (scene.portugal.id, scene.portugal.id),
        (scene.portugal.id, None),
    ]
    told = session.scalars(select(Event).where(Event.action.in_(("publish", "unpublish"))).order_by(Event.id)).all()
    assert [(event.action, event.data["group"], event.audience) for event in told] == [
        ("publish", "text", "requesting"),
        ("unpublish", "text", "requesting"),
        ("publish", "text", "requesting"),
    ]
    assert "Secret" not in repr([event.data for event in told])


def test_consent_is_to_the_words_that_were_read(session: Session, scene: Scene) -> None:
    draft = requests.draft(session, scene.portugal, replace(WORDS, title="First words"), submit=True)
    early = register.agreements(session, scene.portugal, draft)[1]
    register.publish(session, scene.portugal, draft.id, "text", seal=early.seal)
    assert public(session)[0].words is not None
    requests.edit(session, scene.portugal, draft.id, replace(WORDS, title="Other words"), version=draft.version)
    assert public(session) == []
    with pytest.raises(StaleVersion) as caught:
        register.publish(session, scene.portugal, draft.id, "text", seal=early.seal)
    register.publish(session, scene.portugal, draft.id, "text", seal=caught.value.extra["seal"])
    assert [entry.words and entry.words.title for entry in public(session)] == ["Other words"]


def test_of_several_states_each_must_agree(session: Session, scene: Scene) -> None:
    joint = requests.draft(session, scene.portugal, WORDS, submit=True)
    joint = peers.invite(session, scene.portugal, joint.id, country="GHA", version=joint.version)
    register.publish(session, scene.portugal, joint.id, "facts")
    assert len(public(session)) == 1  # Ghana was asked and takes no part yet
    peers.join(session, scene.ghana, joint.id, version=joint.version)
    assert public(session) == []
    joint = reading.get(session, scene.ghana, joint.id)
    assert register.agreements(session, scene.ghana, joint)[0].missing == ("GHA",)
    register.publish(session, scene.ghana, joint.id, "facts")
    facts = public(session)[0].facts
    assert facts is not None
    assert {state for state, _ in facts.states} == {"PRT", "GHA"}
    register.unpublish(session, scene.ghana, joint.id, "facts")
    assert public(session) == []


def test_agreeing_twice_is_agreeing_once(session: Session, scene: Scene) -> None:
    agree(session, scene, "facts")
    agree(session, scene, "facts")
    assert len(session.scalars(select(Consent)).all()) == 1


Who = Callable[[Scene], Membership]


@pytest.mark.parametrize(("who", "error"), [("secretariat", Forbidden), ("iom", Forbidden), ("ghana", NotFound)])
def test_only_the_states_that_ask_agree_release_and_rate(
    session: Session, scene: Scene, who: str, error: type[Exception]
) -> None:
    other: Membership = getattr(scene, who)
    with pytest.raises(error):
        register.publish(session, other, scene.row.id, "facts")
    with pytest.raises(error):
        register.release(session, other, scene.row.id, scene.answer.id, "Words")
    with pytest.raises(error):
        ratings.rate(session, other, scene.row.id, scene.answer.id, score=5)


def test_a_draft_cannot_be_published(session: Session, scene: Scene) -> None:
    draft = requests.draft(session, scene.portugal, WORDS)
    with pytest.raises(IllegalTransition):
        register.publish(session, scene.portugal, draft.id, "facts")


def test_the_list_goes_on_where_it_ended_and_filters_by_public_facts_alone(session: Session, scene: Scene) -> None:
    for number in range(5):
        row = requests.draft(session, scene.ghana, replace(WORDS, objectives=(number + 1,)), submit=True)
        register.publish(session, scene.ghana, row.id, "facts")
    hidden = requests.draft(session, scene.ghana, WORDS, submit=True)
    text = register.agreements(session, scene.ghana, hidden)[1]
    register.publish(session, scene.ghana, hidden.id, "text", seal=text.seal)
    first, cursor = register.entries(session, limit=4)
    rest, end = register.entries(session, limit=4, cursor=cursor)
    assert [len(first), len(rest), end] == [4, 2, None]
    assert len({entry.id for entry in (*first, *rest)}) == 6
    assert len(register.entries(session, state="GHA")[0]) == 5
    assert len(register.entries(session, objective=3)[0]) == 1
    assert register.entries(session, objective=6)[0] == []


# Ratings


def test_an_answer_is_rated_and_later_said_to_be_used(session: Session, scene: Scene) -> None:
    ratings.rate(session, scene.portugal, scene.row.id, scene.answer.id, score=4, word="Clear")
    ratings.rate(session, scene.portugal, scene.row.id, scene.answer.id, used="partly")
    ratings.rate(session, scene.portugal, scene.row.id, scene.answer.id, used="yes")
    ratings.rate(session, scene.portugal, scene.row.id, scene.answer.id, used="yes")
    for reader in (scene.portugal, scene.secretariat, scene.iom):
        (verdict,) = ratings.verdicts(session, reader, scene.row)
        assert (verdict.state, verdict.score, verdict.word, verdict.used) == ("PRT", 4, "Clear", "yes")
    assert ratings.verdicts(session, scene.ghana, scene.row) == []
    told = [entry.event for entry in reading.history(session, scene.iom, scene.row) if entry.event.action == "rate"]
    assert len(told) == 3
    assert "Clear" not in repr([event.data for event in told])
    with pytest.raises(Invalid):
        ratings.rate(session, scene.portugal, scene.row.id, scene.answer.id)
