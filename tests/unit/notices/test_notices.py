"""Who is told of which step, and what they are shown."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts import people
from hub.accounts.models import EXPERT
from hub.database import Outbox, later, new_id
from hub.errors import BadRequest, NotFound
from hub.events import Event
from hub.notices import notices
from hub.notices.models import Notice
from hub.support import delivery, reading, requests, triage
from hub.support.delivery import AnswerData
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from hub.wiring import Hub
from tests import factories
from tests.unit.notices.conftest import Cast, submitted, work

WORDS = RequestData(title="Title", description="Description", language="en")
TEAM = {"ana", "ben"}
OFFICE = {"secretary", "secretary_colleague"}
IOM = {"iom", "iom_colleague"}


def told(session: Session, cast: Cast, action: str) -> set[str]:
    """Who has a notice of the last event of that kind: the same people whose lists show it."""
    event = session.scalars(select(Event).where(Event.action == action).order_by(Event.id.desc())).first()
    assert event is not None
    persons = set(session.scalars(select(Notice.person_id).where(Notice.event_id == event.id)))
    names = {name for name, who in cast.everybody().items() if who.person_id in persons}
    listed = {name: notices.listing(session, who, limit=100).rows for name, who in cast.everybody().items()}
    assert names == {name for name, rows in listed.items() if any(row.event.id == event.id for row in rows)}
    return names


def sent(session: Session, cast: Cast) -> SupportRequest:
    """To IOM and to UNHCR."""
    row = submitted(session, cast.ana)
    row = triage.send(session, cast.secretary, row.id, "iom", version=row.version)
    return triage.send(session, cast.secretary, row.id, "unhcr", version=row.version, role="contributor")


def answered(session: Session, cast: Cast) -> SupportRequest:
    row = sent(session, cast)
    row = delivery.accept(session, cast.iom, row.id, version=row.version)
    delivery.answer(session, cast.iom, row.id, AnswerData(text="Do this.", language="en"), version=row.version)
    return reading.get(session, cast.ana, row.id)


def edit_a_draft(session: Session, cast: Cast) -> None:
    row = requests.draft(session, cast.ana, WORDS)
    requests.edit(session, cast.ana, row.id, WORDS, version=row.version)


def edit_later(session: Session, cast: Cast) -> None:
    row = submitted(session, cast.ana)
    requests.edit(session, cast.ana, row.id, WORDS, version=row.version)


def discard(session: Session, cast: Cast) -> None:
    row = requests.draft(session, cast.ana, WORDS)
    requests.withdraw(session, cast.ana, row.id, version=row.version)


def withdraw(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    requests.withdraw(session, cast.ana, row.id, version=row.version)


def decline(session: Session, cast: Cast) -> None:
    row = submitted(session, cast.ana)
    triage.decline(session, cast.secretary, row.id, version=row.version, reason="outside_scope")


def accept(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    delivery.accept(session, cast.iom, row.id, version=row.version)


def refuse(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    delivery.refuse(session, cast.iom, row.id, version=row.version, reason="no_capacity")


def save_a_draft_answer(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    row = delivery.accept(session, cast.iom, row.id, version=row.version)
    delivery.save_answer_draft(session, cast.iom, row.id, AnswerData(text="Perhaps", language="en"))


def close(session: Session, cast: Cast) -> None:
    row = answered(session, cast)
    requests.close(session, cast.ana, row.id, version=row.version)


def reopen(session: Session, cast: Cast) -> None:
    row = answered(session, cast)
    row = requests.close(session, cast.ana, row.id, version=row.version)
    requests.reopen(session, cast.ben, row.id, version=row.version)


@pytest.mark.parametrize(
    ("step", "action", "expected"),
    [
        (lambda session, cast: requests.draft(session, cast.ana, WORDS), "draft", {"ben"}),
        (edit_a_draft, "edit", set()),
        (discard, "withdraw", {"ben"}),
        (lambda session, cast: submitted(session, cast.ana), "submit", {"ben"} | OFFICE),
        (edit_later, "edit", {"ben"} | OFFICE),
        (decline, "decline", TEAM | {"secretary_colleague"}),
        (sent, "send", TEAM | {"unhcr", "secretary_colleague"}),
        (accept, "accept", TEAM | OFFICE | {"iom_colleague"}),
        (refuse, "refuse", OFFICE),
        (save_a_draft_answer, "draft_answer", set()),
        (answered, "answer", TEAM | OFFICE | {"iom_colleague"}),
        (close, "close", {"ben"} | IOM | OFFICE),
        (reopen, "reopen", {"ana"} | IOM | OFFICE),
        (withdraw, "withdraw", {"ben"} | OFFICE),
    ],
)
def test_a_step_is_told_to_those_who_may_see_it_and_to_nobody_else(  # noqa: PLR0917
    hub: Hub, session: Session, cast: Cast, step: Callable[[Session, Cast], object], action: str, expected: set[str]
) -> None:
    step(session, cast)
    work(hub)
    assert told(session, cast, action) == expected


def test_readers_are_those_of_the_moment_when_it_is_told(hub, session, cast):
    submitted(session, cast.ana)
    people.end_membership(session, cast.ben, cast.ben.id)
    newcomer = factories.secretariat(session)
    session.commit()
    work(hub)
    assert told(session, cast, "submit") == OFFICE
    assert notices.count_unread(session, newcomer) == 1


@pytest.mark.both_databases
def test_an_event_that_is_told_twice_is_told_once(hub, session, cast, mailbox):
    submitted(session, cast.ana)
    payload = dict(session.scalars(select(Outbox.payload).where(Outbox.kind == "notice")).first())
    work(hub)
    count, mails = len(session.scalars(select(Notice)).all()), len(mailbox.mails)
    assert count > 0
    assert mails > 0
    later(session, "notice", payload)
    session.commit()
    work(hub)
    assert len(session.scalars(select(Notice)).all()) == count
    assert len(mailbox.mails) == mails


def test_a_person_of_two_offices_is_told_once(hub, session, cast):
    second = factories.member(session, EXPERT, factories.agency(session, "iom"))
    second.person = cast.secretary_colleague.person
    session.commit()
    row = submitted(session, cast.ana)
    triage.send(session, cast.secretary, row.id, "iom", version=row.version)
    work(hub)
    own = session.scalars(select(Notice).where(Notice.person_id == second.person_id)).all()
    assert len(own) == 2  # submitted, sent
    assert notices.count_unread(session, cast.secretary_colleague) == 2
    assert notices.count_unread(session, cast.secretary_colleague, at_most=1) == 1
    assert notices.count_unread(session, second) == 1  # an agency that has not accepted hears of its invitation alone
    assert [(each.id, count) for each, count in notices.elsewhere(session, second)] == [
        (cast.secretary_colleague.id, 1)
    ]


def test_what_only_another_membership_may_hear_of_is_not_shown_in_this_one(hub, session, cast):
    second = factories.member(session, EXPERT, factories.agency(session, "ilo"))
    second.person = cast.secretary_colleague.person
    session.commit()
    submitted(session, cast.ana)
    work(hub)
    assert notices.listing(session, second).rows == ()
    assert notices.mark_read(session, second) == 0
    assert [(other.id, count) for other, count in notices.elsewhere(session, second)] == [
        (cast.secretary_colleague.id, 1)
    ]
    notice = notices.listing(session, cast.secretary_colleague).rows[0].notice
    assert notices.get(session, second, notice.id)[1].id == cast.secretary_colleague.id


@pytest.mark.both_databases
def test_notices_go_with_the_access_they_were_about(hub, session, cast):
    row = sent(session, cast)
    work(hub)
    assert notices.count_unread(session, cast.iom) == 1  # its invitation
    notice = notices.listing(session, cast.iom).rows[0].notice
    delivery.refuse(session, cast.iom_colleague, row.id, version=row.version, reason="no_capacity")
    assert notices.count_unread(session, cast.iom) == 0
    assert notices.listing(session, cast.iom).rows == ()
    with pytest.raises(NotFound):
        notices.get(session, cast.iom, notice.id)


@pytest.mark.both_databases
def test_the_list_is_newest_first_and_continues(hub, session, cast):
    rows = [submitted(session, cast.ana) for _ in range(3)]
    work(hub)
    first = notices.listing(session, cast.ben, limit=2)
    second = notices.listing(session, cast.ben, limit=2, cursor=first.cursor)
    shown = [told.request.reference for told in (*first.rows, *second.rows)]
    assert set(shown) == {row.reference for row in rows}
    assert len(shown) == 3
    assert second.cursor is None
    ids = [told.notice.id for told in (*first.rows, *second.rows)]
    assert ids == sorted(ids, reverse=True)


def test_a_cursor_that_is_none_is_refused(session, cast):
    with pytest.raises(BadRequest):
        notices.listing(session, cast.ana, cursor="' or 1=1")


@pytest.mark.both_databases
def test_what_came_after_the_page_was_read_stays_unread(hub, session, cast):
    submitted(session, cast.ana)
    work(hub)
    newest = notices.listing(session, cast.secretary).rows[0].notice.id
    submitted(session, cast.ana)
    work(hub)
    assert notices.mark_read(session, cast.secretary, until=newest) == 1
    assert notices.mark_read(session, cast.secretary, until=newest) == 0
    assert notices.count_unread(session, cast.secretary) == 1
    assert notices.mark_read(session, cast.secretary) == 1
    assert notices.count_unread(session, cast.secretary_colleague) == 2


def test_nobody_marks_the_notices_of_others(hub, session, cast):
    submitted(session, cast.ana)
    work(hub)
    theirs = notices.listing(session, cast.secretary).rows[0].notice.id
    assert notices.mark_read(session, cast.secretary_colleague, ids=[theirs]) == 0
    with pytest.raises(NotFound):
        notices.get(session, cast.secretary_colleague, theirs)
    for unknown in (new_id(), "x"):
        with pytest.raises(NotFound):
            notices.get(session, cast.secretary, unknown)
