"""What the State that asks does with its request: write, submit, reply, agree to a plan, close, open again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.accounts import policy
from hub.accounts.models import Membership
from hub.database import later, new_id, now
from hub.errors import Forbidden, Invalid, StaleVersion
from hub.events import Event
from hub.support import clocks, reading, steps
from hub.support.lifecycle import DRAFT
from hub.support.models import AGREED, REQUESTING, SENT_BACK, Party, RequestCounter, RequestObjective, SupportRequest
from hub.support.papers import Attachment
from hub.support.vectors import ENCODE


@dataclass(frozen=True, slots=True)
class RequestData:
    """What a focal point writes. `language` None: detected. `country` None: the writer's own State.

    `summary`: what an agency may see before it accepts.
    """

    title: str
    description: str
    language: str | None = None
    objectives: tuple[int, ...] = ()
    country: str | None = None
    summary: str = ""


def draft(
    session: Session,
    membership: Membership | None,
    data: RequestData,
    *,
    key: str | None = None,
    submit: bool = False,
    papers: Sequence[Attachment] = (),
) -> SupportRequest:
    """Write a new request for the writer's own State and keep it as a draft, or submit it at once.

    `key` names this act of writing: the same key with the same words gives the request made the first time; with other
    words `StaleVersion`, which carries that request's `id` and `reference`. `papers`: files that come with it.
    """
    if membership is None or not policy.can_create(membership, data.country or membership.entity_id):
        raise Forbidden("Only the focal points of a State write its requests.")
    reference = _next_reference(session)  # first: it holds back a second request with the same key
    earlier = key and session.scalar(
        select(SupportRequest).where(SupportRequest.created_by == membership.id, SupportRequest.submission_key == key)
    )
    if earlier:
        session.rollback()
        return _repeat(session, membership, earlier, data, submit=submit)
    row = SupportRequest(
        id=new_id(),
        reference=reference,
        country_id=membership.entity_id,
        title=data.title,
        description=data.description,
        summary=data.summary,
        language=steps.language_of(data.language, data.title, data.description, membership),
        status=DRAFT,
        created_by=membership.id,
        submission_key=key,
        version=1,
        objectives=[RequestObjective(number=number) for number in sorted(set(data.objectives))],
        parties=[Party(entity_id=membership.entity_id, role=REQUESTING)],
    )
    session.add(row)
    session.flush()
    for paper in papers:
        paper.request_id = row.id
        session.add(paper)
    steps.tell(session, membership, row, "draft", audience="requesting", before=None)
    later(session, ENCODE, {"request": row.id})
    if submit:
        steps.take(session, membership, row, "submit", 1, submitted_at=now())
    steps.finish(session, row, "submit" if submit else "draft")
    return row


def _repeat(
    session: Session, membership: Membership, earlier: SupportRequest, data: RequestData, *, submit: bool
) -> SupportRequest:
    row = reading.get(session, membership, earlier.id)
    same = (
        row.title == data.title
        and row.description == data.description
        and row.summary == data.summary
        and [objective.number for objective in row.objectives] == sorted(set(data.objectives))
        and (data.language is None or row.language == data.language)
    )
    if not same:
        detail = "This form was already saved, with other words. Continue with the saved request."
        raise StaleVersion(detail, version=row.version, id=row.id, reference=row.reference)
    if submit and row.status == DRAFT:
        steps.take(session, membership, row, "submit", row.version, submitted_at=now())
        steps.finish(session, row, "submit")
    return row


def edit(
    session: Session, membership: Membership | None, name: str, data: RequestData, *, version: int
) -> SupportRequest:
    """Replace the words of a request that was not sent to anybody yet."""
    row = reading.get(session, membership, name)
    if data.country not in {None, row.country_id}:
        raise Invalid({"country": ["A request stays with the State that wrote it."]})
    acting = steps.check(membership, row, "edit", version)
    steps.take(
        session,
        acting,
        row,
        "edit",
        version,
        title=data.title,
        description=data.description,
        summary=data.summary,
        language=steps.language_of(data.language, data.title, data.description, acting),
    )
    kept = {objective.number: objective for objective in row.objectives}
    row.objectives = [kept.get(number) or RequestObjective(number=number) for number in sorted(set(data.objectives))]
    later(session, ENCODE, {"request": row.id})
    steps.finish(session, row, "edit")
    return row


def submit(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Hand a draft to the secretariat."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "submit", version)
    steps.take(session, acting, row, "submit", version, submitted_at=now())
    steps.finish(session, row, "submit")
    return row


def withdraw(
    session: Session, membership: Membership | None, name: str, *, version: int, note: str = ""
) -> SupportRequest:
    """Take a request back. A draft is discarded: nobody but its team ever learns of it."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "withdraw", version)
    steps.take(session, acting, row, "withdraw", version, note=note)
    steps.finish(session, row, "withdraw")
    return row


def reply(
    session: Session, membership: Membership | None, name: str, *, version: int, note: str = ""
) -> SupportRequest:
    """Answer the secretariat's question: by `note`, or by having changed the words since it was asked."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "reply", version)
    question = session.scalar(
        select(Event)
        .where(Event.subject_kind == reading.SUBJECT, Event.subject_id == row.id, Event.action == "ask")
        .order_by(Event.id.desc())
        .limit(1)
    )
    if not note.strip() and question is not None and question.version == row.version:
        raise Invalid({"note": ["Write a reply, or change the words of the request first."]})
    steps.take(session, acting, row, "reply", version, note=note)
    steps.finish(session, row, "reply")
    return row


def agree(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Accept the plan that is proposed."""
    return _decide(session, membership, name, "agree", AGREED, version=version)


def send_back(session: Session, membership: Membership | None, name: str, *, version: int, note: str) -> SupportRequest:
    """Ask for another plan; `note` says what should be different."""
    if not note.strip():
        raise Invalid({"note": ["Say in a sentence why."]})
    return _decide(session, membership, name, "send_back", SENT_BACK, version=version, note=note)


def _decide(
    session: Session,
    membership: Membership | None,
    name: str,
    action: str,
    status: str,
    *,
    version: int,
    note: str = "",
) -> SupportRequest:
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, action, version)
    plan = row.proposed_plan
    steps.take(session, acting, row, action, version, note=note, data={"plan": plan.id} if plan else None)
    if plan:
        plan.status, plan.decided_at = status, now()
    steps.finish(session, row, action)
    return row


def close(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Say that the answer is enough."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "close", version)
    steps.take(session, acting, row, "close", version, closed_at=now())
    steps.finish(session, row, "close")
    return row


def reopen(
    session: Session, membership: Membership | None, name: str, *, version: int, note: str = ""
) -> SupportRequest:
    """Ask the agencies that accepted to go on; `note` says what is missing."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "reopen", version)
    steps.take(session, acting, row, "reopen", version, note=note, closed_at=None)
    steps.finish(session, row, "reopen")
    return row


def lapse(session: Session, row: SupportRequest, *, at: datetime) -> None:
    """End a request whose State has not answered by the day that was announced. For the job that looks at the clock,

    which commits; nobody takes this step.
    """
    steps.take(session, None, row, "lapse", row.version)
    clocks.follow(session, row, "lapse", at)


def _next_reference(session: Session) -> str:
    """The next `R-YYYY-NNNN`. Holds the year's counter until the transaction ends, so numbers have no gaps."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    year = now().year
    number = session.scalar(
        insert(RequestCounter)
        .values(year=year, last=1)
        .on_conflict_do_update(index_elements=[RequestCounter.year], set_={"last": RequestCounter.last + 1})
        .returning(RequestCounter.last)
    )
    return f"R-{year}-{number:04d}"
