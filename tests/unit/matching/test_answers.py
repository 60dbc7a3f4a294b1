"""Answers that States made public are evidence for everybody, as long as they are public; others are nobody's but the secretariat's."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.database import later
from hub.knowledge.models import CachedVector
from hub.matching import candidates, reasons, service
from hub.matching.types import Matches, Reason
from hub.support import consents, delivery, inside, reading, register, requests, triage, vectors
from hub.support.delivery import AnswerData
from hub.support.models import Answer, AnswerVector, SupportRequest
from hub.support.requests import RequestData
from hub.worker import Worker
from tests import factories
from tests.unit.matching.test_service import EMBEDDER, WANTED, corpus, ids, match


@dataclass
class Scene:
    row: SupportRequest
    senegal: Membership
    answer: Answer


@pytest.fixture
def scene(session: Session) -> Scene:
    """The agency UNODC answered a request of Senegal, in the words of another request."""
    corpus(session)
    factories.agency(session, "iom", objectives={6: "primary"}, mandate="Migration.")
    senegal = factories.member(session, FOCAL_POINT, factories.state(session, "SEN"))
    desk = factories.secretariat(session)
    iom = factories.member(session, EXPERT, factories.agency(session, "undp", objectives={6: "primary"}))
    session.commit()
    row = requests.draft(session, senegal, RequestData("Title", "Text", "en", (6,), summary="Summary"), submit=True)
    row = triage.send(session, desk, row.id, "undp", version=row.version)
    row = delivery.accept(session, iom, row.id, version=row.version)
    delivery.answer(session, iom, row.id, AnswerData(WANTED.description, "en"), version=row.version)
    row = reading.get(session, senegal, row.id)
    return Scene(row, senegal, reading.answers(session, senegal, row)[0])


def release(session: Session, scene: Scene, text: str = WANTED.description) -> str:
    """Make the answer public, in these words; returns the release's id."""
    written = register.release(session, scene.senegal, scene.row.id, scene.answer.id, text, language="en")
    seal = consents.seal_of(text, "en")
    register.publish(session, scene.senegal, scene.row.id, "answer", subject=written.id, seal=seal)
    return written.id


def reason(found: Matches, name: str, id_: str, code: str) -> Reason | None:
    one = next(each for each in getattr(found, name) if each.id == id_)
    return next((reason for reason in one.reasons if reason.code == code), None)


@pytest.mark.both_databases
def test_a_public_answer_speaks_for_the_agency_that_gave_it_until_its_state_takes_it_back(
    session: Session, scene: Scene
) -> None:
    before = match(session)
    assert reason(before, "agencies", "UNDP", "answer_released") is None
    id_ = release(session, scene)
    (public,) = register.released_answers(session)
    found = match(session)
    given = reason(found, "agencies", "UNDP", "answer_released")
    assert given is not None
    assert given.evidence == (f"answer:{id_}", f"register:{public.entry}")
    assert reasons.text(given) == "Gave an answer, public now, that is close to the request"
    own = {each.id: each.score for each in before.agencies}
    assert given.without == pytest.approx(own["UNDP"], abs=1e-9)
    assert {each.id: each.score for each in found.agencies if each.id != "UNDP"} == {
        id_: score for id_, score in own.items() if id_ != "UNDP"
    }
    register.unpublish(session, scene.senegal, scene.row.id, "answer", subject=id_)
    assert match(session) == before
    kept = candidates._kept[session.get_bind().engine]
    assert not any(each.answers for each in kept.values())


def test_other_words_are_no_evidence_until_they_are_agreed_to(session: Session, scene: Scene) -> None:
    before = match(session)
    release(session, scene)
    register.release(session, scene.senegal, scene.row.id, scene.answer.id, "Other words", version=1)
    assert match(session) == before


def test_a_state_is_known_to_have_asked_only_where_that_is_public(session: Session, scene: Scene) -> None:
    factories.document(session, "of-senegal", title=WANTED.title, countries=("SEN",), objectives=(6,))
    session.commit()
    release(session, scene)
    assert reason(match(session), "peer_states", "SEN", "answer_received") is None
    register.publish(session, scene.senegal, scene.row.id, "facts")
    assert reason(match(session), "peer_states", "SEN", "answer_received") is not None
    register.unpublish(session, scene.senegal, scene.row.id, "facts")
    assert reason(match(session), "peer_states", "SEN", "answer_received") is None


def test_an_answer_that_is_not_public_counts_in_the_secretariats_view_alone(session: Session, scene: Scene) -> None:
    assert reason(match(session), "agencies", "UNDP", "answered_similar") is None
    found = match(session, view="secretariat", inside=inside.read(session))
    told = reason(found, "agencies", "UNDP", "answered_similar")
    assert told is not None
    assert told.evidence == (f"request:{scene.row.id}",)


def inside_of(session: Session) -> Matches:
    return match(session, view="secretariat", inside=inside.read(session))


def worked(hub: Any, session: Session) -> None:
    """Let the worker make the vectors that wait."""
    hub.embedder = EMBEDDER
    Worker(hub, {vectors.ENCODE: vectors.encode}).run_once()
    session.expire_all()


@pytest.mark.both_databases
def test_the_words_of_a_private_answer_speak_for_its_agency_and_author_to_the_secretariat_and_to_nobody_else(
    session: Session, scene: Scene, hub: Any
) -> None:
    public, member, before = match(session), match(session, view="member"), inside_of(session)
    worked(hub, session)
    assert match(session) == public
    assert match(session, view="member") == member
    found = inside_of(session)
    author = scene.answer.membership_id
    for name, id_, code in (("agencies", "UNDP", "answered_close"), ("experts", author, "expert_answered")):
        told = reason(found, name, id_, code)
        assert told is not None
        assert told.evidence == (f"answer:{scene.answer.id}", f"request:{scene.row.id}")
        assert told.weight > 0.1
        earlier = next(one.score for one in getattr(before, name) if one.id == id_)
        assert told.without == pytest.approx(earlier, abs=1e-9)
    assert (found.practices, found.guidance, found.peer_states) == (
        before.practices,
        before.guidance,
        before.peer_states,
    )

    release(session, scene)  # now everybody may read it: it counts once, by its public words
    found = inside_of(session)
    assert reason(found, "agencies", "UNDP", "answered_close") is None
    assert reason(found, "agencies", "UNDP", "answer_released") is not None


@pytest.mark.both_databases
def test_the_vector_of_an_answer_goes_with_it_and_one_that_was_missed_follows(
    session: Session, scene: Scene, hub: Any
) -> None:
    worked(hub, session)
    shared = session.scalar(select(func.count()).select_from(CachedVector))
    session.execute(update(AnswerVector).values(model="another"))
    assert reason(inside_of(session), "agencies", "UNDP", "answered_close") is None
    later(session, vectors.ENCODE, {"request": scene.row.id})
    session.commit()
    worked(hub, session)
    assert reason(inside_of(session), "agencies", "UNDP", "answered_close") is not None
    assert session.scalar(select(func.count()).select_from(CachedVector)) == shared
    session.execute(delete(Answer).where(Answer.id == scene.answer.id))
    assert session.scalars(select(AnswerVector)).all() == []


def test_public_answers_about_something_else_count_for_nobody(session: Session, scene: Scene) -> None:
    before = match(session)
    release(session, scene, "Zebra quartz violin.")
    found = service.match(session, WANTED, embedder=EMBEDDER)
    assert reason(found, "agencies", "UNDP", "answer_released") is None
    assert ids(found.agencies) == ids(before.agencies)
