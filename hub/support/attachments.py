"""Files that come with a request: added, listed, read under policy each time, erased.

Adding one changes no word of the request, so its version stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from hub import events
from hub.accounts import policy
from hub.accounts.models import EXPERT, SECRETARIAT, Membership
from hub.database import Outbox, is_id, later, new_id, now
from hub.errors import Forbidden, Gone, Invalid, NotFound
from hub.support import reading, steps
from hub.support.filestore import FileStore, Stored, Upload
from hub.support.lifecycle import DRAFT
from hub.support.models import Answer, SupportRequest
from hub.support.papers import ANSWER, PLAN, REQUEST, SOURCE, Attachment

SWEEP = "files"
"""Kind of `Outbox` row: remove files that no row names. Payload: `{}`."""
SWEEP_AFTER = timedelta(days=1)
MOST_FILES = 50
"""Of one request: a limit against mistakes, not a quota."""
NOT_THERE = "There is no such file, or it is not open to you."


@dataclass(frozen=True, slots=True)
class Target:
    """What somebody may add a file to. `number`: of a plan; `draft`: an answer that only its agency sees."""

    kind: str
    id: str | None = None
    number: int = 0
    draft: bool = False


def targets(session: Session, membership: Membership | None, row: SupportRequest) -> list[Target]:
    """The request, and the plans and answers of the membership's own agency."""
    if membership is None or not policy.can(membership, "attach", row):
        return []
    found = [Target(REQUEST)]
    if membership.role == EXPERT:
        own = [plan for plan in row.plans if plan.entity_id == membership.entity_id]
        found += [Target(PLAN, plan.id, number=plan.number) for plan in own]
        found += [
            Target(ANSWER, answer.id, draft=answer.status == "draft")
            for answer in reading.answers(session, membership, row)
            if answer.entity_id == membership.entity_id
        ]
    return found


def add(
    session: Session,
    membership: Membership | None,
    store: FileStore,
    name: str,
    upload: Upload,
    *,
    kind: str = REQUEST,
    subject_id: str | None = None,
) -> Attachment:
    """Add a file to a request, or to one of the own agency's plans and answers. The file is there before its row is."""
    row = reading.get(session, membership, name)
    if membership is None or not policy.can(membership, "attach", row):
        raise Forbidden(reading.NOT_YOURS)
    target = next(
        (each for each in targets(session, membership, row) if (each.kind, each.id) == (kind, subject_id or None)), None
    )
    if target is None:
        raise Invalid({"subject": ["Choose what the file belongs to."]})
    check_room(session, row)
    with store.keep(upload) as stored:
        file = describe(membership, stored, kind=kind, subject_id=target.id)
        file.request_id = row.id
        session.add(file)
        _record(session, membership, row, "attach", file, quiet=target.draft)
        queue_sweep(session)
        session.commit()
    return file


def describe(
    membership: Membership, stored: Stored, *, kind: str, subject_id: str | None = None, id_: str = ""
) -> Attachment:
    """The row of a file that is in its place; whoever adds it names its request."""
    return Attachment(
        id=id_ or new_id(),
        subject_kind=kind,
        subject_id=subject_id,
        entity_id=membership.entity_id,
        membership_id=membership.id,
        name=stored.name,
        media_type=stored.media_type,
        size=stored.size,
        sha256=stored.sha256,
        added_at=now(),
    )


def check_room(session: Session, row: SupportRequest) -> None:
    count = select(func.count()).select_from(Attachment).where(Attachment.request_id == row.id, _live())
    if (session.scalar(count) or 0) >= MOST_FILES:
        raise Invalid({"file": [f"A request holds at most {MOST_FILES} files."]})


def listing(session: Session, membership: Membership | None, row: SupportRequest) -> list[Attachment]:
    """Files of a request that this membership may read now, oldest first; erased ones are left out."""
    if membership is None:
        return []
    found = session.scalars(
        select(Attachment)
        .where(Attachment.request_id == row.id, _live())
        .order_by(Attachment.added_at, Attachment.id)
        .options(joinedload(Attachment.entity))
    ).all()
    answers = {answer.id for answer in reading.answers(session, membership, row)} if found else set[str]()
    return [file for file in found if _may_read(membership, row, file, answers)]


def for_operator(session: Session, of: SupportRequest | None = None) -> list[tuple[Attachment, str]]:
    """Every file with the reference of its request, newest first; for the machine's command line. Never for an edge."""
    found = select(Attachment, SupportRequest.reference).join(SupportRequest).order_by(Attachment.id.desc())
    rows = session.execute(found if of is None else found.where(Attachment.request_id == of.id))
    return [(file, reference) for file, reference in rows]


def get(session: Session, membership: Membership | None, id_: str) -> tuple[Attachment, SupportRequest]:
    """A file and its request, if this membership may read it now. `NotFound` otherwise, `Gone` once it is erased."""
    file = session.get(Attachment, id_, populate_existing=True) if is_id(id_) else None
    if file is None or membership is None:
        raise NotFound(NOT_THERE)
    try:
        row = reading.get(session, membership, file.request_id)
    except NotFound:
        raise NotFound(NOT_THERE) from None
    answer = session.get(Answer, file.subject_id) if file.subject_kind == ANSWER and file.subject_id else None
    answers = {answer.id} if answer is not None and policy.can_read_answer(membership, answer, row) else set[str]()
    if not _may_read(membership, row, file, answers):
        raise NotFound(NOT_THERE)
    if file.erased_at is not None:
        raise Gone("This file was erased.")
    return file, row


def _may_read(membership: Membership, row: SupportRequest, file: Attachment, answers: set[str]) -> bool:
    if not policy.can(membership, "details", row):
        return False
    if file.subject_kind == ANSWER:
        return file.subject_id in answers
    if file.subject_kind == SOURCE:
        return membership.role == SECRETARIAT or membership.entity_id == file.entity_id
    return True


def may_erase(membership: Membership | None, row: SupportRequest, file: Attachment) -> bool:
    """The secretariat, and whose file it is; a source stays as long as the secretariat wants it."""
    if membership is None or not policy.can(membership, "attach", row):
        return False
    own = membership.entity_id == file.entity_id and file.subject_kind != SOURCE
    return own or membership.role == SECRETARIAT


def erase(session: Session, membership: Membership | None, id_: str) -> SupportRequest:
    """Name and hash go from the row, the bytes go as soon as no other row names them. What stays says that it was there."""
    file, row = get(session, membership, id_)
    if membership is None or not may_erase(membership, row, file):
        raise Forbidden(reading.NOT_YOURS)
    draft = session.get(Answer, file.subject_id) if file.subject_kind == ANSWER and file.subject_id else None
    file.name, file.sha256, file.erased_at = "", None, now()
    _record(session, membership, row, "erase_file", file, quiet=draft is not None and draft.status == "draft")
    later(session, SWEEP, {})
    session.commit()
    return row


def erase_of(session: Session, subject_id: str) -> None:
    """Erase the files of a plan or an answer that goes away; leaves the commit and the word of it to the caller."""
    files = session.scalars(select(Attachment).where(Attachment.subject_id == subject_id, _live())).all()
    for file in files:
        file.name, file.sha256, file.erased_at = "", None, now()
    if files:
        later(session, SWEEP, {})


def _record(
    session: Session, membership: Membership, row: SupportRequest, action: str, file: Attachment, *, quiet: bool
) -> None:
    """In the timeline of who may read the file. `quiet`: beside a draft answer, which is news to nobody yet."""
    audience = "requesting" if row.status == DRAFT else "parties"
    if file.subject_kind == SOURCE:
        audience = "secretariat"
    data = {"attachment": file.id, "entity": membership.entity_id}
    if quiet:
        events.record(
            session,
            subject=(reading.SUBJECT, row.id),
            action=action,
            audience="delivery",
            person_id=membership.person_id,
            membership_id=membership.id,
            from_state=row.status,
            to_state=row.status,
            version=row.version,
            data=data,
        )
    else:
        steps.tell(session, membership, row, action, audience=audience, before=row.status, data=data)


def queue_sweep(session: Session) -> None:
    """A look at the folder within a day, unless one is planned: an upload that crashed may have left something."""
    if session.scalar(select(Outbox.id).where(Outbox.kind == SWEEP).limit(1)) is None:
        later(session, SWEEP, {}, run_at=now() + SWEEP_AFTER)


def _live() -> Any:
    return Attachment.erased_at.is_(None)


def sweep(hub: Any, _session: Session, _payload: Mapping[str, Any]) -> None:
    """Job `files`: remove what no row names. Reads the rows anew while nobody can add one."""
    store = FileStore(hub.settings.files, hub.settings.largest_file)
    if not store.folder.is_dir():
        return
    with store.locked(), hub.database.session() as fresh:  # the job's own may have begun before the lock was free
        store.sweep(set(fresh.scalars(select(Attachment.sha256).where(Attachment.sha256.is_not(None)))))
