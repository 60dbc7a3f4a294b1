"""One question of the secretariat, answered once by whoever holds the link: for peers and agencies without an account.

The link shows the question, the State and the summary that the State approved for agencies, and nothing else of the request.
Looking never uses it up: mail filters open links too. Its token is made from the link's id under the hub's secret key, so
that the mail can be written later without any token lying in the database, which keeps its hash alone.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session, joinedload

from hub.accounts import policy
from hub.accounts.credentials import hash_token
from hub.accounts.models import Membership
from hub.database import is_id, later, new_id, now
from hub.errors import Forbidden, Gone, Invalid, NotFound
from hub.network.models import AGENCY, STATE, Agency, Entity
from hub.support import reading, steps
from hub.support.lifecycle import CLOSED, DECLINED, DISCARDED, LAPSED, WITHDRAWN
from hub.support.models import SupportRequest
from hub.support.papers import LINK_KINDS, YES_NO, AnswerLink

MAIL_LINK = "link"
"""Kind of `Outbox` row: mail a link (`hub.notices.links`). Payload: `{link}`, its id."""
OPEN_FOR = timedelta(days=14)
OVER = (CLOSED, DECLINED, DISCARDED, LAPSED, WITHDRAWN)
"""Statuses of a request of which nothing is asked any more."""
MOST_OPEN = 20
"""Links of one request that wait at the same time."""
USED_UP = "This link was used, taken back or has expired. Ask the secretariat of the Network for a new one."


@dataclass(frozen=True, slots=True)
class LinkData:
    """What the secretariat asks. `entity`: code of a State, code or acronym of an agency. `address`: where to mail it, or none."""

    entity: str
    question: str
    kind: str = YES_NO
    language: str = "en"
    address: str = ""


def token_of(link_id: str, secret_key: str) -> str:
    """256 bits that nobody without the hub's secret key can tell from chance (HMAC-SHA-256)."""
    digest = hmac.new(secret_key.encode(), f"answer link {link_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def create(
    session: Session, membership: Membership | None, name: str, data: LinkData, *, secret_key: str
) -> tuple[AnswerLink, str]:
    """A link to one question, and its token, which is shown this once. With an address it is mailed as well."""
    row = reading.get(session, membership, name)
    if membership is None or not policy.can(membership, "ask_by_link", row):
        raise Forbidden(reading.NOT_YOURS)
    if row.status in OVER:
        raise Invalid({"question": ["The request has ended; nothing is asked about it any more."]})
    entity = session.scalar(
        select(Entity)
        .outerjoin(Agency)
        .where(
            Entity.kind.in_((STATE, AGENCY)),
            (Entity.id == data.entity) | (Agency.acronym == data.entity),
            Entity.id != row.country_id,
        )
    )
    errors: dict[str, list[str]] = {}
    if entity is None:
        errors["entity"] = ["Choose a State or an agency other than the one that asks."]
    if not data.question.strip():
        errors["question"] = ["Write the question."]
    if data.kind not in LINK_KINDS:
        errors["kind"] = ["Choose one."]
    if errors or entity is None:
        raise Invalid(errors)
    if sum(link.waits for link in listing(session, membership, row)) >= MOST_OPEN:
        raise Invalid({"question": ["Too many links of this request wait already. Take one back first."]})
    id_ = new_id()
    token = token_of(id_, secret_key)
    link = AnswerLink(
        id=id_,
        request_id=row.id,
        entity_id=entity.id,
        entity=entity,
        membership_id=membership.id,
        kind=data.kind,
        question=data.question.strip(),
        language=data.language,
        token_hash=hash_token(token),
        address=data.address or None,
        expires_at=now() + OPEN_FOR,
    )
    session.add(link)
    _tell(session, membership, row, link, "link_made")
    if link.address:
        later(session, MAIL_LINK, {"link": link.id})
    session.commit()
    return link, token


def listing(session: Session, membership: Membership | None, row: SupportRequest) -> "list[Shown]":
    """Links of a request, oldest first, for who may ask by them."""
    if not policy.can(membership, "ask_by_link", row):
        return []
    found = session.scalars(
        select(AnswerLink)
        .where(AnswerLink.request_id == row.id)
        .order_by(AnswerLink.id)
        .options(joinedload(AnswerLink.entity))
        .execution_options(populate_existing=True)
    )
    return [Shown(link, status_of(link, row)) for link in found]


def for_operator(session: Session) -> "list[tuple[Shown, str]]":
    """Every link with the reference of its request, newest first; for the person at the machine's command line. Never for an edge."""
    found = session.execute(
        select(AnswerLink, SupportRequest)
        .join(SupportRequest, SupportRequest.id == AnswerLink.request_id)
        .order_by(AnswerLink.id.desc())
    )
    return [(Shown(link, status_of(link, row)), row.reference) for link, row in found]


WAITS, USED, EXPIRED, REVOKED, OVERTAKEN, ERASED = "waits", "used", "expired", "revoked", "over", "erased"


@dataclass(frozen=True, slots=True)
class Shown:
    link: AnswerLink
    status: str

    @property
    def waits(self) -> bool:
        return self.status == WAITS


def status_of(link: AnswerLink, row: SupportRequest) -> str:
    """waits, used, expired, revoked, erased, or over: the request has ended."""
    if link.erased_at is not None:
        return ERASED
    if link.used_at is not None:
        return USED
    if link.revoked_at is not None:
        return REVOKED
    if link.expires_at <= now():
        return EXPIRED
    return OVERTAKEN if row.status in OVER else WAITS


@dataclass(frozen=True, slots=True)
class Question:
    """What a link shows: one question, who asks for support, and the approved summary. `language` is the summary's."""

    link: AnswerLink
    country: Entity
    summary: str
    language: str
    objectives: tuple[int, ...]


def look(session: Session, token: str) -> Question:
    """The question behind a link. Changes nothing. `NotFound` for no link of ours, `Gone` for one that is used up."""
    return _question(*_find(session, token))


def answer(session: Session, token: str, *, choice: bool | None = None, text: str = "") -> Question:
    """Answer once: of two at the same moment one wins, the other is told `Gone`."""
    link, row = _find(session, token)
    text = text.strip()
    if link.kind == YES_NO and choice is None:
        raise Invalid({"choice": ["Choose one."]})
    if link.kind != YES_NO and not text:
        raise Invalid({"text": ["Write the answer first."]})
    written = session.scalar(
        update(AnswerLink)
        .where(
            AnswerLink.id == link.id,
            AnswerLink.used_at.is_(None),
            AnswerLink.revoked_at.is_(None),
            AnswerLink.expires_at > now(),
        )
        .values(used_at=now(), choice=choice if link.kind == YES_NO else None, answer=text)
        .returning(AnswerLink.id)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        raise Gone(USED_UP)
    session.refresh(link)
    _tell(session, None, row, link, "link_answered")
    session.commit()
    return _question(link, row)


def _find(session: Session, token: str) -> tuple[AnswerLink, SupportRequest]:
    link = session.scalar(
        select(AnswerLink)
        .where(AnswerLink.token_hash == hash_token(token))
        .options(joinedload(AnswerLink.entity))
        .execution_options(populate_existing=True)
    )
    if link is None:
        raise NotFound("There is no such link. Check that it was copied whole.")
    row = session.get_one(SupportRequest, link.request_id, populate_existing=True)
    if status_of(link, row) != WAITS:
        raise Gone(USED_UP)
    return link, row


def _question(link: AnswerLink, row: SupportRequest) -> Question:
    return Question(link, row.country, row.summary, row.language, tuple(each.number for each in row.objectives))


def revoke(session: Session, membership: Membership | None, id_: str) -> SupportRequest:
    """Take a link back: it opens nothing any more, and is not mailed."""
    link, row, acting = _own(session, membership, id_)
    written = session.scalar(
        update(AnswerLink)
        .where(AnswerLink.id == link.id, AnswerLink.used_at.is_(None), AnswerLink.revoked_at.is_(None))
        .values(revoked_at=now(), address=None)
        .returning(AnswerLink.id)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        raise Gone("This link was used or taken back already.")
    session.refresh(link)
    _tell(session, acting, row, link, "link_revoked")
    session.commit()
    return row


def erase(session: Session, membership: Membership | None, id_: str) -> SupportRequest:
    """Empty question, answer and address. That something was asked, and whether it was answered, stays."""
    link, row, acting = _own(session, membership, id_)
    if link.erased_at is None:
        session.execute(  # one statement, so that an answer of this moment is emptied or refused
            update(AnswerLink)
            .where(AnswerLink.id == link.id)
            .values(
                question="",
                answer="",
                choice=None,
                address=None,
                erased_at=now(),
                revoked_at=case((AnswerLink.used_at.is_(None), now()), else_=AnswerLink.revoked_at),
            )
            .execution_options(synchronize_session=False)
        )
        session.refresh(link)
        _tell(session, acting, row, link, "link_erased")
        session.commit()
    return row


def _own(session: Session, membership: Membership | None, id_: str) -> tuple[AnswerLink, SupportRequest, Membership]:
    link = session.get(AnswerLink, id_, populate_existing=True) if is_id(id_) else None
    if link is None or membership is None:
        raise NotFound
    row = reading.get(session, membership, link.request_id)
    if not policy.can(membership, "ask_by_link", row):
        raise NotFound
    return link, row, membership


def _tell(session: Session, membership: Membership | None, row: SupportRequest, link: AnswerLink, action: str) -> None:
    data = {"link": link.id, "entity": link.entity_id}
    steps.tell(session, membership, row, action, audience="secretariat", before=row.status, data=data)
