"""What the agencies of a request do: accept or not, plan, write the answer."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from hub.accounts.models import Membership
from hub.database import later, new_id, now
from hub.errors import Invalid, NotFound, StaleVersion
from hub.support import attachments, conflicts, contributions, reading, steps, team
from hub.support.lifecycle import TRANSITIONS
from hub.support.models import CONTRIBUTOR, LEAD, PROPOSED, REPLACED, Answer, Citation, Party, Plan, SupportRequest
from hub.support.vectors import ENCODE
from hub.support.written import AnswerData, PlanData, cited

CONFLICT = "conflict_of_interest"
REFUSALS = ("no_capacity", "outside_mandate", CONFLICT, "other")
"""Why an agency does not take a request."""
ANSWER_CHANGED = "A colleague changed this draft answer since you opened it."


def accept(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Take a request that was sent to the agency. A contributor waits for a lead; with a lead a plan is next."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "accept", version)
    own = steps.own_parties(acting, row)
    leads = any(party.role == LEAD for party in own)
    steps.take(session, acting, row, "accept", version, other=not leads, data={"entity": acting.entity_id})
    for party in own:
        party.state = "accepted"
    if leads:  # who contributed so far leads from now on
        for party in row.parties:
            if party.entity_id == acting.entity_id and party.role == CONTRIBUTOR and party.until is None:
                team.end_part(party, "removed")
    steps.finish(session, row, "accept")
    return row


def refuse(
    session: Session, membership: Membership | None, name: str, *, version: int, reason: str, note: str = ""
) -> SupportRequest:
    """Not take it: the agency's access ends. `reason`: one of `REFUSALS`; `other` needs a note."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "refuse", version)
    steps.check_reason(reason, REFUSALS, note)
    if reason == CONFLICT:
        row.conflicts.append(conflicts.declared_by(acting, conflicts.UNSAID, whole_agency=True))
    return leave(
        session, acting, row, "refuse", steps.own_parties(acting, row), version=version, reason=reason, note=note
    )


def declare(
    session: Session,
    membership: Membership | None,
    name: str,
    *,
    version: int,
    reason: str,
    whole_agency: bool = False,
) -> SupportRequest:
    """Declare a conflict of interest, before reading the details or later: the expert sees nothing of it any more.

    Colleagues go on, unless it is the `whole_agency`'s or nobody is left to: then the agency leaves as if it had refused.
    `reason`: one of `conflicts.REASONS`.
    """
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "declare", version)
    steps.check_reason(reason, conflicts.REASONS, "")
    whole = whole_agency or conflicts.alone(session, acting, row)
    row.conflicts.append(conflicts.declared_by(acting, reason, whole_agency=whole_agency))
    if whole:
        own = [party for party in row.parties if party.entity_id == acting.entity_id and team.has_part(party)]
        return leave(session, acting, row, "declare", own, version=version, reason=reason)
    steps.take(session, acting, row, "declare", version, reason=reason, data={"entity": acting.entity_id})
    for party in row.parties:
        if party.assignee_id == acting.id:
            party.assignee_id = None
    steps.finish(session, row, "declare")
    return row


def leave(
    session: Session,
    acting: Membership,
    row: SupportRequest,
    action: str,
    own: Sequence[Party],
    *,
    version: int,
    entity_id: str = "",
    state: str = "declined",
    reason: str | None = None,
    note: str = "",
) -> SupportRequest:
    """The agency's access ends, and the next one is asked for its part, which is the lead's if it had that.

    Nobody is asked for the part of a contributor that the secretariat removed. A request that nobody else has is looked
    after by the secretariat again. `entity_id`: of another agency than the acting one.
    """
    others = any(team.has_part(party) and party not in own for party in row.parties)
    role = LEAD if any(party.role == LEAD for party in own) else CONTRIBUTOR
    following = team.next_agency(session, row) if role == LEAD or action != "remove" else None
    alone = not others and following is None
    data = {"entity": entity_id or acting.entity_id}
    steps.take(session, acting, row, action, version, other=alone, reason=reason, note=note, data=data)
    for party in own:
        team.end_part(party, state)
    if following:
        team.ask_next(session, row, following, role)
    steps.finish(session, row, action)
    return row


def propose(
    session: Session, membership: Membership | None, name: str, data: PlanData, *, version: int
) -> SupportRequest:
    """Put a plan before the State, as lead; it replaces one that still waits, or the one agreed before."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "propose", version)
    if not data.text.strip():
        raise Invalid({"text": ["Write the plan first."]})
    plan = Plan(
        id=new_id(),
        number=len(row.plans) + 1,
        entity_id=acting.entity_id,
        membership_id=acting.id,
        language=steps.language_of(data.language, "", "\n".join((data.text, *data.steps)), acting),
        text=data.text,
        steps=list(data.steps),
        target_on=data.target_on,
        status=PROPOSED,
    )
    steps.take(session, acting, row, "propose", version, data={"entity": acting.entity_id, "plan": plan.id})
    _replace_plan(row)
    row.plans.append(plan)
    session.flush()
    contributions.put_into(session, row, plan, data.contributions)
    steps.finish(session, row, "propose")
    return row


def no_plan(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Say, as lead, that the answer needs no plan."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "no_plan", version)
    steps.take(session, acting, row, "no_plan", version, data={"entity": acting.entity_id})
    _replace_plan(row)
    steps.finish(session, row, "no_plan")
    return row


def _replace_plan(row: SupportRequest) -> None:
    """What waited for the State's word waits no more."""
    if row.proposed_plan:
        row.proposed_plan.status = REPLACED


def save_answer_draft(
    session: Session, membership: Membership | None, name: str, data: AnswerData, *, answer_version: int | None = None
) -> Answer:
    """Keep what was written so far, for the agency's own eyes. `answer_version`: that of the draft seen, None: none.

    The request's version stays: a draft changes nothing for anybody else.
    """
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "draft_answer", row.version)
    written = _write_answer(session, acting, row, data, answer_version)
    if data.contributions is not None:
        contributions.put_into(session, row, written, data.contributions)
    steps.tell(
        session,
        acting,
        row,
        "draft_answer",
        audience=TRANSITIONS[row.status, "draft_answer"].audience,
        before=row.status,
        data={"answer": written.id, "entity": acting.entity_id},
    )
    session.commit()
    return written


def discard_answer_draft(
    session: Session, membership: Membership | None, name: str, *, answer_version: int
) -> SupportRequest:
    """Throw the agency's draft away, with the files that came with it. `answer_version`: that of the draft seen.

    What others contributed stays, and is in no answer any more.
    """
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "draft_answer", row.version)
    draft = session.scalar(
        select(Answer)
        .where(Answer.request_id == row.id, Answer.entity_id == acting.entity_id, Answer.status == "draft")
        .with_for_update(of=Answer)
        .execution_options(populate_existing=True)
    )
    if draft is None:
        raise NotFound("There is no draft of an answer.")
    if draft.version != answer_version:
        session.rollback()
        raise StaleVersion(ANSWER_CHANGED, answer_version=draft.version)
    id_ = draft.id
    contributions.put_into(session, row, draft, ())
    attachments.erase_of(session, id_)
    session.delete(draft)
    steps.tell(
        session,
        acting,
        row,
        "discard_draft",
        audience=TRANSITIONS[row.status, "draft_answer"].audience,
        before=row.status,
        data={"answer": id_, "entity": acting.entity_id},
    )
    session.commit()
    return row


def answer(
    session: Session,
    membership: Membership | None,
    name: str,
    data: AnswerData,
    *,
    version: int,
    answer_version: int | None = None,
) -> Answer:
    """Send the answer, as lead: the agency's draft if there is one (then `answer_version` is the one seen), else a new one.

    It is the next version of the one answer that the State gets; the earlier ones stay as they were.
    """
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "answer", version)
    if not data.text.strip():
        raise Invalid({"text": ["Write the answer first."]})
    written = _write_answer(session, acting, row, data, answer_version)
    contributions.put_into(session, row, written, data.contributions)
    written.status, written.sent_at, written.membership_id = "sent", now(), acting.id
    steps.take(session, acting, row, "answer", version, data={"answer": written.id, "entity": acting.entity_id})
    _replace_plan(row)
    later(session, ENCODE, {"answer": written.id})
    steps.finish(session, row, "answer")
    return written


def _write_answer(
    session: Session, membership: Membership, row: SupportRequest, data: AnswerData, seen: int | None
) -> Answer:
    """The agency's draft with these words, flushed. `StaleVersion` if it is not the one seen."""
    documents = cited(session, data.citations)
    current = session.scalar(
        select(Answer)
        .where(Answer.request_id == row.id, Answer.entity_id == membership.entity_id, Answer.status == "draft")
        .options(selectinload(Answer.citations))
        .with_for_update(of=Answer)
        .execution_options(populate_existing=True)
    )
    language = steps.language_of(data.language, "", data.text, membership)
    citations = [document.id for document in documents]
    if current is None:
        if seen is not None:
            raise StaleVersion(ANSWER_CHANGED, answer_version=None)
        current = Answer(
            request_id=row.id,
            entity_id=membership.entity_id,
            membership_id=membership.id,
            language=language,
            text=data.text,
            citations=[Citation(document_id=id_, position=at) for at, id_ in enumerate(citations)],
        )
        session.add(current)
        try:
            session.flush()
        except IntegrityError:  # a colleague began one in the same moment
            session.rollback()
            raise StaleVersion(ANSWER_CHANGED, answer_version=1) from None
        return current
    same = (  # sent twice: neither a conflict nor a new version
        current.text == data.text
        and current.language == language
        and [citation.document_id for citation in current.citations] == citations
    )
    written = session.scalar(
        update(Answer)
        .where(Answer.id == current.id, Answer.version == (current.version if same else seen), Answer.status == "draft")
        .values(
            text=data.text,
            language=language,
            membership_id=membership.id,
            version=Answer.version if same else Answer.version + 1,
        )
        .returning(Answer.version)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        newest = session.scalar(select(Answer.version).where(Answer.id == current.id))
        raise StaleVersion(ANSWER_CHANGED, answer_version=newest)
    session.refresh(current)
    kept = {citation.document_id: citation for citation in current.citations}
    current.citations = [kept.get(id_) or Citation(document_id=id_) for id_ in citations]
    for at, citation in enumerate(current.citations):
        citation.position = at
    session.flush()
    return current
