"""The secretariat acts for a State or an agency that wrote, called or met it. The step is that entity's own, with its rules.

It is taken in a view of the secretariat's membership: the same membership and person, with the entity and the role that the
entity's people have. `policy` judges that view like one of them; every event says who acted, for whom, and on what.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from hub.accounts import policy
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT, Behalf, Membership
from hub.database import new_id, now
from hub.errors import Forbidden, IllegalTransition, Invalid, NotFound
from hub.network.models import AGENCY, STATE, Entity
from hub.support import attachments, delivery, ratings, reading, register, requests, verbs
from hub.support.filestore import FileStore, Stored, Upload
from hub.support.models import Answer, SupportRequest
from hub.support.papers import SOURCE, Attachment
from hub.support.requests import RequestData

SOURCES = ("letter", "note_verbale", "email", "call", "meeting")
"""How the entity said what is done for it."""
ROLES: Mapping[str, str] = {STATE: FOCAL_POINT, AGENCY: EXPERT}
"""Kind of entity -> what its people are. The secretariat acts for no other kind, its own office least of all."""
ACTIONS: Mapping[str, Any] = {
    **{
        action: verbs.VERBS[action]
        for action in (
            *("reply", "withdraw", "agree", "send_back", "close", "reopen", "invite", "join", "stay_out", "share"),
            *("accept", "refuse", "propose", "no_plan"),
        )
    },
    "edit": requests.edit,
    "answer": delivery.answer,
    "publish": register.publish,
    "unpublish": register.unpublish,
    "release": register.release,
    "rate": ratings.rate,
}
"""What can be done for somebody, as far as `policy` lets that entity's own people do it. What only people can say of

themselves is not among them: a draft answer, a conflict of interest, who of an agency takes a request.
"""
SAID = ("publish", "unpublish", "release", "rate")
"""Of those, what is no step of the life cycle: what a State says of an answer and of what is public."""


def view(membership: Membership | None, entity: Entity, behalf: Behalf) -> Membership:
    """The secretariat's membership as one of `entity`. Belongs to no session and is never stored."""
    role = ROLES.get(entity.kind)
    if (
        membership is None
        or not membership.active
        or membership.role != SECRETARIAT
        or role is None
        or membership.behalf
    ):
        raise Forbidden(reading.NOT_YOURS)
    acting = Membership(
        id=membership.id,
        person_id=membership.person_id,
        entity_id=entity.id,
        role=role,
        since=membership.since,
        confirmed_at=membership.confirmed_at,
    )
    set_committed_value(
        acting, "person", membership.person
    )  # without a word to the session, as an assignment would have
    set_committed_value(acting, "entity", entity)
    vars(acting)["_behalf"] = behalf
    return acting


def possible(membership: Membership | None, row: SupportRequest) -> list[tuple[Entity, tuple[str, ...]]]:
    """Whom the secretariat can act for in a request now, and the steps; in the order in which they came in."""
    if not policy.can(membership, "act_for", row):
        return []
    found: list[tuple[Entity, tuple[str, ...]]] = []
    for entity in dict.fromkeys(party.entity for party in row.parties if party.until is None):
        if entity.kind in ROLES:
            acting = view(membership, entity, Behalf(SOURCES[0], now().date()))
            steps = tuple(action for action in reading.possible_actions(acting, row) if action in ACTIONS)
            if policy.can(acting, "publish", row):
                answered = any(answer.status == "sent" for answer in row.answers)
                steps += SAID if answered else ("publish", "unpublish")
            if steps:
                found.append((entity, steps))
    return found


def take(
    session: Session,
    membership: Membership | None,
    store: FileStore,
    name: str,
    *,
    entity_id: str,
    action: str,
    behalf: Behalf,
    values: Mapping[str, Any],
    letter: Upload | None = None,
) -> SupportRequest:
    """Take a step of a party for it. `values`: what the verb of the step takes besides (`version`, `note`, `data` …)."""
    row = reading.get(session, membership, name)
    if not policy.can(membership, "act_for", row):
        raise Forbidden(reading.NOT_YOURS)
    entity = next((party.entity for party in row.parties if party.entity_id == entity_id and party.until is None), None)
    if entity is None or action not in ACTIONS:
        raise NotFound
    check(behalf)
    if action == "answer" and _drafting(session, row, entity):
        raise IllegalTransition("This agency is writing an answer of its own. Ask it to send that.")
    try:
        with _kept(store, letter) as stored:
            behalf, papers = _source(session, membership, entity, behalf, stored=stored, row=row)
            if papers:
                attachments.check_room(session, row)
            for paper in papers:
                paper.request_id = row.id
                session.add(paper)
            ACTIONS[action](session, view(membership, entity, behalf), row.id, **values)
    except Exception:
        session.rollback()
        raise
    return reading.get(session, membership, row.id)


def write(
    session: Session,
    membership: Membership | None,
    store: FileStore,
    data: RequestData,
    behalf: Behalf,
    *,
    key: str | None = None,
    letter: Upload | None = None,
) -> SupportRequest:
    """Write and submit a request for the State `data.country`, in its words."""
    state = session.scalar(select(Entity).where(Entity.id == (data.country or ""), Entity.kind == STATE))
    if state is None:
        raise Invalid({"country": ["There is no such State."]})
    view(membership, state, behalf)
    check(behalf)
    try:
        with _kept(store, letter) as stored:
            behalf, papers = _source(session, membership, state, behalf, stored=stored)
            acting = view(membership, state, behalf)
            row = requests.draft(session, acting, data, key=key, submit=True, papers=papers)
    except Exception:
        session.rollback()
        raise
    return reading.get(session, membership, row.id)


def check(behalf: Behalf) -> None:
    if behalf.source not in SOURCES:
        raise Invalid({"source": ["Choose one."]})
    if behalf.dated > now().date() + timedelta(days=1):  # it may be tomorrow already where the letter was written
        raise Invalid({"dated": ["This day has not come yet."]})


@contextmanager
def _kept(store: FileStore, letter: Upload | None) -> Generator[Stored | None]:
    with nullcontext() if letter is None else store.keep(letter) as stored:
        yield stored


def _source(
    session: Session,
    membership: Membership | None,
    entity: Entity,
    behalf: Behalf,
    *,
    stored: Stored | None,
    row: SupportRequest | None = None,
) -> tuple[Behalf, Sequence[Attachment]]:
    """With the row of the letter, whose entity is the one that wrote it.

    Without a file, `behalf.letter` may name a source of that entity that the request has already: one letter often says
    several things.
    """
    if stored is None or membership is None:
        named = session.get(Attachment, behalf.letter) if behalf.letter else None
        if behalf.letter and not (
            named is not None
            and row is not None
            and (named.request_id, named.subject_kind, named.entity_id) == (row.id, SOURCE, entity.id)
            and named.erased_at is None
        ):
            raise Invalid({"letter": ["The request has no such source of this State or agency."]})
        return behalf, ()
    if behalf.letter:
        raise Invalid({"letter": ["Send the file, or name one that is there: not both."]})
    id_ = new_id()
    file = attachments.describe(membership, stored, kind=SOURCE, id_=id_)
    file.entity_id = entity.id
    return replace(behalf, letter=id_), (file,)


def _drafting(session: Session, row: SupportRequest, entity: Entity) -> bool:
    draft = select(Answer.id).where(
        Answer.request_id == row.id, Answer.entity_id == entity.id, Answer.status == "draft"
    )
    return session.scalar(draft) is not None
