"""What of a request is public: consent by group of fields, released answers, and the register that everybody reads.

A group is public while every State that asks agrees to it, in the words that stand there now: other words need consent
anew, and taking it back takes the group out of the register at once, because the register is read from these rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from hub.accounts import policy
from hub.accounts.models import SECRETARIAT, Membership
from hub.database import is_id, new_id, now
from hub.errors import BadRequest, Forbidden, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.network.models import Entity
from hub.search import text as words
from hub.support import reading, steps
from hub.support.consents import Agreement, Given, agreements_of, asks, given, releases_of
from hub.support.models import (
    ANSWER,
    CONSENT_GROUPS,
    FACTS,
    TEXT,
    Answer,
    Consent,
    Party,
    RegisterEntry,
    Release,
    SupportRequest,
)

LARGEST_PAGE = 100
_BATCH = 50
OTHER_WORDS = "The words were changed since you read them. Read them again before you agree."
RELEASE_CHANGED = "A colleague changed this text since you opened it."


@dataclass(frozen=True, slots=True)
class Facts:
    """`states`: id and English name of those that ask together. Days are of UTC."""

    states: tuple[tuple[str, str], ...]
    objectives: tuple[int, ...]
    status: str
    submitted_on: date | None
    closed_on: date | None


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    summary: str
    language: str


@dataclass(frozen=True, slots=True)
class ReleasedAnswer:
    """An answer in the words that its requesting States published. `entry`: its id in the register.

    `objectives` and `states` are empty where the facts are not public. `contributors`: id and English name of the agencies
    whose words went into it beside those of `agency`, which led.
    """

    id: str
    entry: str
    agency: str
    agency_name: str
    text: str
    language: str
    objectives: tuple[int, ...] = ()
    states: tuple[str, ...] = ()
    contributors: tuple[tuple[str, str], ...] = ()

    @property
    def agencies(self) -> tuple[tuple[str, str], ...]:
        """Whose answer it is: who led first."""
        return ((self.agency, self.agency_name), *self.contributors)


@dataclass(frozen=True, slots=True)
class PublicEntry:
    """A request as far as it is public: a group that is not agreed to is None, or empty."""

    id: str
    facts: Facts | None
    words: Words | None
    answers: tuple[ReleasedAnswer, ...]


# Consent


def agreements(session: Session, membership: Membership | None, row: SupportRequest) -> list[Agreement]:
    """Facts, text, then every answer that was prepared for publication; for the States that ask and the secretariat."""
    _must_see(membership, row)
    return agreements_of(row, given(session, [row]))


def published(session: Session, membership: Membership | None, row: SupportRequest) -> tuple[str, ...] | None:
    """Groups of fields that are public now, in order; None to who may not read the request in full.

    Agencies know by it, before they write, what the State lets everybody read.
    """
    if not policy.can(membership, "details", row):
        return None
    found = {one.group for one in agreements_of(row, given(session, [row])) if one.public}
    return tuple(group for group in CONSENT_GROUPS if group in found)


def publish(
    session: Session, membership: Membership | None, name: str, group: str, *, subject: str = "", seal: str = ""
) -> SupportRequest:
    """Agree for one's State that a group is public. `subject`: the release, for an answer.

    `seal`: that of the words as the caller read them; `StaleVersion` if there are others now. Agreeing again changes nothing.
    """
    row, acting = _for_team(session, membership, name)
    current = _agreement(session, row, group, subject)
    if current.seal != seal:
        raise StaleVersion(OTHER_WORDS, seal=current.seal)
    if any(one.state == acting.entity_id for one in current.agreed):
        return row
    _end(session, acting, group, current.subject)  # consent to other words, if there is any
    if session.scalar(select(RegisterEntry.id).where(RegisterEntry.request_id == row.id)) is None:
        session.add(RegisterEntry(request_id=row.id))
    session.add(
        Consent(
            request_id=row.id,
            group=group,
            subject=current.subject,
            entity_id=acting.entity_id,
            seal=seal,
            given_by=acting.id,
        )
    )
    try:
        session.flush()
    except IntegrityError:  # a colleague agreed at the same moment
        session.rollback()
        return reading.get(session, membership, name)
    _tell(session, acting, row, "publish", {"group": group, "subject": current.subject})
    session.commit()
    return row


def unpublish(
    session: Session, membership: Membership | None, name: str, group: str, *, subject: str = ""
) -> SupportRequest:
    """Take one's State's agreement back. The group is out of the register when this returns."""
    row, acting = _for_team(session, membership, name)
    current = _agreement(session, row, group, subject)
    if _end(session, acting, group, current.subject):
        _tell(session, acting, row, "unpublish", {"group": group, "subject": current.subject})
        session.commit()
    return row


def _end(session: Session, acting: Membership, group: str, subject: str) -> bool:
    ended = session.execute(
        update(Consent)
        .where(
            Consent.subject == subject,
            Consent.group == group,
            Consent.entity_id == acting.entity_id,
            Consent.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now(), withdrawn_by=acting.id)
        .returning(Consent.id)
        .execution_options(synchronize_session=False)
    )
    return bool(ended.all())


def _for_team(session: Session, membership: Membership | None, name: str) -> tuple[SupportRequest, Membership]:
    row = reading.get(session, membership, name)
    if membership is None or not policy.can(membership, "publish", row):
        raise Forbidden(reading.NOT_YOURS)
    if row.status in policy.UNSEEN:
        raise IllegalTransition(steps.NOT_NOW, status_now=row.status, possible=[])
    return row, membership


def _must_see(membership: Membership | None, row: SupportRequest) -> None:
    desk = membership is not None and membership.role == SECRETARIAT
    if not policy.can(membership, "publish", row) and not (desk and policy.can(membership, "read", row)):
        raise Forbidden(reading.NOT_YOURS)


def _agreement(session: Session, row: SupportRequest, group: str, subject: str) -> Agreement:
    if group not in CONSENT_GROUPS:
        raise Invalid({"group": ["Choose one."]})
    for one in agreements_of(row, given(session, [row])):
        if one.group == group and (group != ANSWER or one.subject == subject):
            return one
    raise NotFound("There is no such text to publish.")


# Released answers


def releases(session: Session, membership: Membership | None, row: SupportRequest) -> dict[str, Release]:
    """Answer -> its words for publication, if somebody wrote some; for who may agree to them."""
    _must_see(membership, row)
    return {one.answer_id: one for one in releases_of(session, [row])}


def release(
    session: Session,
    membership: Membership | None,
    name: str,
    answer_id: str,
    text: str,
    *,
    language: str | None = None,
    version: int | None = None,
) -> Release:
    """Write an answer as it could be published, in the State's own words; the answer itself stays as it was sent.

    `version`: of the text that this replaces, None for the first. It is public once every State that asks agrees to it.
    """
    row, acting = _for_team(session, membership, name)
    answer = _sent(session, acting, row, answer_id)
    if not text.strip():
        raise Invalid({"text": ["Fill this in."]})
    spoken = language or words.detect(text) or answer.language
    current = session.scalar(select(Release).where(Release.answer_id == answer.id))
    if (current.version if current else None) != version:
        raise StaleVersion(RELEASE_CHANGED, release_version=current.version if current else None)
    if current is None:
        current = Release(
            id=new_id(), request_id=row.id, answer_id=answer.id, text=text, language=spoken, membership_id=acting.id
        )
        session.add(current)
        try:
            session.flush()
        except IntegrityError:
            session.rollback()
            raise StaleVersion(RELEASE_CHANGED, release_version=1) from None
    else:
        written = session.scalar(
            update(Release)
            .where(Release.id == current.id, Release.version == version)
            .values(text=text, language=spoken, membership_id=acting.id, version=Release.version + 1, updated_at=now())
            .returning(Release.version)
            .execution_options(synchronize_session=False)
        )
        if written is None:
            session.rollback()
            raise StaleVersion(RELEASE_CHANGED, release_version=None)
        session.refresh(current)
    _tell(session, acting, row, "release", {"answer": answer.id})
    session.commit()
    return current


def _sent(session: Session, membership: Membership, row: SupportRequest, answer_id: str) -> Answer:
    for answer in reading.answers(session, membership, row):
        if answer.id == answer_id and answer.status == "sent":
            return answer
    raise NotFound("There is no such answer.")


def _tell(session: Session, membership: Membership, row: SupportRequest, action: str, data: dict[str, str]) -> None:
    steps.tell(session, membership, row, action, audience="requesting", before=row.status, data=data)


# The register


def entries(
    session: Session,
    *,
    objective: int | None = None,
    state: str | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> tuple[list[PublicEntry], str | None]:
    """What is public, newest first, and the cursor of what follows. `objective`, `state`: by public facts alone."""
    limit = max(1, min(limit, LARGEST_PAGE))
    if cursor is not None and not is_id(cursor):
        raise BadRequest("This cursor is not one of ours; start the list again.")
    found: list[PublicEntry] = []
    for entry in _public(session, before=cursor):
        facts = entry.facts
        if objective and (facts is None or objective not in facts.objectives):
            continue
        if state and (facts is None or state not in [one for one, _ in facts.states]):
            continue
        if len(found) == limit:
            return found, found[-1].id
        found.append(entry)
    return found, None


def entry(session: Session, entry_id: str) -> PublicEntry:
    """One entry; `NotFound` for what is not public, never was, or is not any more: they are not told apart."""
    if is_id(entry_id):
        for found in _read(session, session.scalars(select(RegisterEntry).where(RegisterEntry.id == entry_id)).all()):
            return found
    raise NotFound("There is nothing of this name in the register.")


def of_request(session: Session, row: SupportRequest) -> PublicEntry | None:
    """The request's entry, if anything of it is public."""
    rows = session.scalars(select(RegisterEntry).where(RegisterEntry.request_id == row.id)).all()
    return next(iter(_read(session, rows)), None)


def released_answers(session: Session) -> list[ReleasedAnswer]:
    """Every answer that is public, newest entry first."""
    return [answer for entry in _public(session) for answer in entry.answers]


def _public(session: Session, before: str | None = None) -> Iterator[PublicEntry]:
    while True:
        wanted = select(RegisterEntry).order_by(RegisterEntry.id.desc()).limit(_BATCH)
        rows = session.scalars(wanted.where(RegisterEntry.id < before) if before else wanted).all()
        if not rows:
            return
        yield from _read(session, rows)
        before = rows[-1].id


def _read(session: Session, rows: Sequence[RegisterEntry]) -> list[PublicEntry]:
    """Those of the entries that have something public, in the order given, in six queries at most."""
    requests = {
        row.id: row
        for row in session.scalars(
            select(SupportRequest)
            .where(SupportRequest.id.in_([one.request_id for one in rows]), SupportRequest.status.not_in(policy.UNSEEN))
            .options(
                selectinload(SupportRequest.objectives),
                selectinload(SupportRequest.parties).joinedload(Party.entity).joinedload(Entity.agency),
            )
            .execution_options(populate_existing=True)
        )
    }
    found = list(requests.values())
    said = given(session, found)
    named = {id_ for ids in said.contributors.values() for id_ in ids}
    names = {one.id: one.name for one in session.scalars(select(Entity).where(Entity.id.in_(named)))} if named else {}
    read = [_entry(one, requests[one.request_id], said, names) for one in rows if one.request_id in requests]
    return [one for one in read if one.facts or one.words or one.answers]


def _entry(name: RegisterEntry, row: SupportRequest, said: Given, names: Mapping[str, str]) -> PublicEntry:
    public = {(one.group, one.subject) for one in agreements_of(row, said) if one.public}
    facts = None
    if (FACTS, row.id) in public:
        facts = Facts(
            states=tuple((party.entity_id, party.entity.name) for party in row.parties if asks(party)),
            objectives=tuple(one.number for one in row.objectives),
            status=row.status,
            submitted_on=row.submitted_at.date() if row.submitted_at else None,
            closed_on=row.closed_at.date() if row.closed_at else None,
        )
    answers = tuple(
        ReleasedAnswer(
            id=one.id,
            entry=name.id,
            agency=one.answer.entity_id,
            agency_name=one.answer.entity.name,
            contributors=tuple((id_, names[id_]) for id_ in said.contributors.get(one.answer_id, ())),
            text=one.text,
            language=one.language,
            objectives=facts.objectives if facts else (),
            states=tuple(state for state, _ in facts.states) if facts else (),
        )
        for one in said.releases
        if (ANSWER, one.id) in public
    )
    text = Words(row.title, row.summary, row.language) if (TEXT, row.id) in public else None
    return PublicEntry(name.id, facts, text, answers)
