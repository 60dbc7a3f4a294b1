"""Which groups of a request's fields are public: what every State that asks agrees to, in the words that stand there now.

The one place that says so, read from rows alone: the register and matching both ask here.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from hub.accounts import policy
from hub.accounts.models import Membership
from hub.support import contributions
from hub.support.models import ANSWER, FACTS, TEXT, Answer, Consent, Party, RegisterEntry, Release, SupportRequest


class Agreed(NamedTuple):
    """`office`: the entity for which the person who said so acts, the State's own or the secretariat, which had its word."""

    state: str
    at: datetime
    office: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """Where consent to one group stands. `subject`: as in `Consent`; `seal`: of the words as they are now.

    `agreed`: of the States that do; `missing`: those that do not, or agreed to other words.
    """

    group: str
    subject: str
    seal: str
    agreed: tuple[Agreed, ...]
    missing: tuple[str, ...]

    @property
    def public(self) -> bool:
        return bool(self.agreed) and not self.missing


@dataclass(frozen=True, slots=True)
class Given:
    """What was said of publishing some requests. `consents`: those that nobody took back, with the office that gave each.

    `contributors`: answer -> ids of agencies whose words went into it, beside its own.
    """

    releases: Sequence[Release]
    consents: Sequence[tuple[Consent, str]]
    contributors: Mapping[str, Sequence[str]]


def agreements_of(row: SupportRequest, said: Given) -> list[Agreement]:
    """Facts, text, then every answer that was prepared for publication. Agencies that an answer names are of its words."""
    parts = [(FACTS, row.id, ""), (TEXT, row.id, seal_of(row.title, row.summary, row.language))]
    for one in said.releases:
        if one.request_id == row.id:
            named = said.contributors.get(one.answer_id, ())
            parts.append((ANSWER, one.id, seal_of(one.text, one.language, *named)))
    asking = [party.entity_id for party in row.parties if asks(party)]
    found: list[Agreement] = []
    for group, subject, seal in parts:
        by_state = {
            one.entity_id: Agreed(one.entity_id, one.given_at, office)
            for one, office in said.consents
            if (one.group, one.subject, one.seal) == (group, subject, seal)
        }
        agreed = tuple(by_state[state] for state in asking if state in by_state)
        missing = tuple(state for state in asking if state not in by_state)
        found.append(Agreement(group, subject, seal, agreed, missing))
    return found


def asks(party: Party) -> bool:
    return party.role in policy.TEAM and party.state == "active" and party.until is None


def seal_of(*parts: str) -> str:
    """A digest of words: the same for the same words, and no others."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def given(session: Session, rows: Sequence[SupportRequest]) -> Given:
    """In three queries."""
    ids = [row.id for row in rows]
    releases = releases_of(session, rows)
    consents = session.execute(
        select(Consent, Membership.entity_id)
        .join(Membership, Membership.id == Consent.given_by)
        .where(Consent.request_id.in_(ids), Consent.withdrawn_at.is_(None))
        .execution_options(populate_existing=True)
    )
    return Given(
        releases,
        [(one, office) for one, office in consents],
        contributions.contributors(session, *rows) if releases else {},
    )


def releases_of(session: Session, rows: Sequence[SupportRequest]) -> Sequence[Release]:
    ids = [row.id for row in rows]
    return session.scalars(
        select(Release)
        .where(Release.request_id.in_(ids))
        .order_by(Release.id)
        .options(joinedload(Release.answer).joinedload(Answer.entity))
        .execution_options(populate_existing=True)
    ).all()


def released(session: Session) -> list[tuple[Release, str, tuple[str, ...]]]:
    """Every answer that is public, in order of id, with the id of its entry in the register, and the States that asked

    where that is public too. In five queries.
    """
    entries = {
        row.request_id: row.id
        for row in session.execute(
            select(RegisterEntry.request_id, RegisterEntry.id).join(
                Release, Release.request_id == RegisterEntry.request_id
            )
        )
    }
    rows = session.scalars(
        select(SupportRequest)
        .where(SupportRequest.id.in_(entries), SupportRequest.status.not_in(policy.UNSEEN))
        .options(selectinload(SupportRequest.parties))
        .execution_options(populate_existing=True)
    ).all()
    said = given(session, rows)
    found: list[tuple[Release, str, tuple[str, ...]]] = []
    for row in rows:
        public = {(one.group, one.subject) for one in agreements_of(row, said) if one.public}
        states = tuple(party.entity_id for party in row.parties if asks(party)) if (FACTS, row.id) in public else ()
        found += [
            (one, entries[row.id], states)
            for one in said.releases
            if one.request_id == row.id and (ANSWER, one.id) in public
        ]
    return sorted(found, key=lambda each: each[0].id)


def stamp() -> list[ScalarSelect[int]]:
    """Scalars that change whenever `released` may: with a consent, a release, and a request or its parties that have one."""
    of_request = select(SupportRequest.id).join(Release, Release.request_id == SupportRequest.id)
    asking = (Party.role.in_(policy.TEAM), Party.state == "active", Party.until.is_(None))
    return [
        select(func.count()).select_from(Consent).scalar_subquery(),
        select(func.count(Consent.withdrawn_at)).scalar_subquery(),
        select(func.count()).select_from(Release).scalar_subquery(),
        select(func.sum(Release.version)).scalar_subquery(),
        select(func.sum(SupportRequest.version)).where(SupportRequest.id.in_(of_request)).scalar_subquery(),
        select(func.count()).select_from(Party).where(Party.request_id.in_(of_request), *asking).scalar_subquery(),
    ]
