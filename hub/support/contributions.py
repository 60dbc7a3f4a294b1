"""What contributing agencies write for the lead, who puts it into the one plan and the one answer that the State gets."""

from collections.abc import Collection, Sequence

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from hub.accounts import policy
from hub.accounts.models import EXPERT, SECRETARIAT, Membership
from hub.database import now
from hub.errors import Invalid, NotFound, StaleVersion
from hub.knowledge.models import Document
from hub.support import reading, steps
from hub.support.delivery_models import DRAFT, HANDED, Contribution
from hub.support.lifecycle import TRANSITIONS
from hub.support.models import Answer, Plan, SupportRequest
from hub.support.written import AnswerData, cited

CHANGED = "A colleague changed this draft since you opened it."


def listing(session: Session, membership: Membership | None, row: SupportRequest) -> list[Contribution]:
    """Those that this membership may read, oldest first: what was handed is the lead's, the secretariat's and its own agency's

    to read, a draft its own agency's.
    """
    if membership is None or not policy.can(membership, "details", row):
        return []
    leads = membership.role == EXPERT and policy.can(membership, "answer", row)
    handed = Contribution.status == HANDED
    if membership.role == EXPERT:
        own = Contribution.entity_id == membership.entity_id
        wanted = own | handed if leads else own
    elif membership.role == SECRETARIAT:
        wanted = handed
    else:
        return []
    return list(
        session.scalars(
            select(Contribution)
            .where(Contribution.request_id == row.id, wanted)
            .order_by(Contribution.created_at, Contribution.id)
            .options(joinedload(Contribution.entity))
            .execution_options(populate_existing=True)
        )
    )


def contributors(session: Session, *rows: SupportRequest) -> dict[str, list[str]]:
    """Id of an answer or a plan -> ids of the agencies whose words went into it, in the order in which they handed them.

    Without the agency whose answer or plan it is: it may have contributed before it led.
    """
    found: dict[str, list[str]] = {}
    handed = session.execute(
        select(Contribution.entity_id, Answer.id, Answer.entity_id, Plan.id, Plan.entity_id)
        .outerjoin(Answer, Answer.id == Contribution.answer_id)
        .outerjoin(Plan, Plan.id == Contribution.plan_id)
        .where(Contribution.request_id.in_([row.id for row in rows]), Contribution.status == HANDED)
        .order_by(Contribution.handed_at, Contribution.id)
    )
    for entity_id, answer_id, answered_by, plan_id, planned_by in handed:
        for id_, led_by in ((answer_id, answered_by), (plan_id, planned_by)):
            if id_ and entity_id not in (led_by, *found.get(id_, ())):
                found.setdefault(id_, []).append(entity_id)
    return found


def save_draft(
    session: Session, membership: Membership | None, name: str, data: AnswerData, *, seen: int | None = None
) -> Contribution:
    """Keep what was written so far, for the agency's own eyes. `seen`: version of the draft that was read, None: none was."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "draft_contribution", row.version)
    written = _write(session, acting, row, data, seen)
    steps.tell(
        session,
        acting,
        row,
        "draft_contribution",
        audience=TRANSITIONS[row.status, "draft_contribution"].audience,
        before=row.status,
        data={"contribution": written.id, "entity": acting.entity_id},
    )
    session.commit()
    return written


def discard_draft(session: Session, membership: Membership | None, name: str, *, seen: int) -> SupportRequest:
    """Throw the agency's draft away. `seen`: version of the draft that was read. No file belongs to a contribution."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "draft_contribution", row.version)
    draft = _own_draft(session, acting, row)
    if draft is None:
        raise NotFound("There is no draft of a contribution.")
    if draft.version != seen:
        session.rollback()
        raise StaleVersion(CHANGED, answer_version=draft.version)
    data = {"contribution": draft.id, "entity": acting.entity_id}
    session.delete(draft)
    steps.tell(
        session,
        acting,
        row,
        "discard_contribution",
        audience=TRANSITIONS[row.status, "draft_contribution"].audience,
        before=row.status,
        data=data,
    )
    session.commit()
    return row


def contribute(
    session: Session,
    membership: Membership | None,
    name: str,
    data: AnswerData,
    *,
    version: int,
    seen: int | None = None,
) -> Contribution:
    """Hand it to the lead; from then on it stays as it is, and another one can be written."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "contribute", version)
    if not data.text.strip():
        raise Invalid({"text": ["Write the contribution first."]})
    written = _write(session, acting, row, data, seen)
    written.status, written.handed_at, written.membership_id = HANDED, now(), acting.id
    steps.take(
        session, acting, row, "contribute", version, data={"contribution": written.id, "entity": acting.entity_id}
    )
    steps.finish(session, row, "contribute")
    return written


def _write(
    session: Session, membership: Membership, row: SupportRequest, data: AnswerData, seen: int | None
) -> Contribution:
    """The agency's draft with these words, flushed. `StaleVersion` if it is not the one seen."""
    values = {
        "text": data.text,
        "language": steps.language_of(data.language, "", data.text, membership),
        "citations": [document.id for document in cited(session, data.citations)],
    }
    current = _own_draft(session, membership, row)
    if current is None:
        if seen is not None:
            raise StaleVersion(CHANGED, answer_version=None)
        current = Contribution(request_id=row.id, entity_id=membership.entity_id, membership_id=membership.id, **values)
        session.add(current)
        try:
            session.flush()
        except IntegrityError:  # a colleague began one in the same moment
            session.rollback()
            raise StaleVersion(CHANGED, answer_version=1) from None
        return current
    if all(getattr(current, name) == value for name, value in values.items()):  # sent twice: no conflict
        return current
    written = session.scalar(
        update(Contribution)
        .where(Contribution.id == current.id, Contribution.version == seen, Contribution.status == DRAFT)
        .values(**values, membership_id=membership.id, version=Contribution.version + 1)
        .returning(Contribution.version)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        newest = session.scalar(select(Contribution.version).where(Contribution.id == current.id))
        raise StaleVersion(CHANGED, answer_version=newest)
    session.refresh(current)
    return current


def _own_draft(session: Session, membership: Membership, row: SupportRequest) -> Contribution | None:
    """The draft of the membership's agency, locked."""
    return session.scalar(
        select(Contribution)
        .where(
            Contribution.request_id == row.id,
            Contribution.entity_id == membership.entity_id,
            Contribution.status == DRAFT,
        )
        .with_for_update(of=Contribution)
        .execution_options(populate_existing=True)
    )


def put_into(session: Session, row: SupportRequest, target: Answer | Plan, ids: Collection[str] | None) -> None:
    """Say that the contributions of these ids went into an answer or a plan. None: every one that is in none of that kind yet.

    Doing it again replaces what was said before, as long as the answer is a draft.
    """
    column = Contribution.answer_id if isinstance(target, Answer) else Contribution.plan_id
    handed = list(
        session.scalars(
            select(Contribution)
            .where(
                Contribution.request_id == row.id,
                Contribution.status == HANDED,
                or_(column.is_(None), column == target.id),
            )
            .order_by(Contribution.handed_at, Contribution.id)
        )
    )
    unknown = set(ids or ()) - {one.id for one in handed}
    if unknown:
        raise Invalid({"contributions": ["This contribution is not there, or in an earlier answer already."]})
    for one in handed:
        setattr(one, column.key, target.id if ids is None or one.id in ids else None)


def documents(session: Session, found: Sequence[Contribution]) -> dict[str, Document]:
    """The records that contributions cite and that are still published, by id."""
    wanted = {id_ for one in found for id_ in one.citations}
    rows = session.scalars(select(Document).where(Document.id.in_(wanted), Document.status == "published"))
    return {document.id: document for document in rows}
