"""API tokens: a script acts in one membership. Only a hash is kept; the token is shown once, when it is made."""

from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from hub import events
from hub.accounts import credentials
from hub.accounts.models import ApiToken, Membership
from hub.accounts.people import normal_name
from hub.database import is_id, now
from hub.errors import Forbidden, Invalid, NotFound

PREFIX = "hub_"
"""Lets scanners of leaked secrets recognise one."""
LONGEST_NAME = 100
SEEN_EVERY_S = 60
"""`last_used_at` is written at most this often: a script that asks every second does not write every second."""


def create(session: Session, membership: Membership, name: str) -> tuple[ApiToken, str]:
    """A token that acts as the membership, and its plain text. Raises `Invalid` if the name is taken or no name."""
    if not membership.active:
        raise Forbidden
    name = normal_name(name)
    if len(name) > LONGEST_NAME:
        raise Invalid({"name": [f"At most {LONGEST_NAME} characters."]})
    plain = PREFIX + credentials.new_token()
    token = ApiToken(membership_id=membership.id, name=name, token_hash=credentials.hash_token(plain), hint=plain[-4:])
    session.add(token)
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        raise Invalid({"name": ["You have, or had, a token of this name; choose another."]}) from None
    _record(session, token, "token_created", membership)
    session.commit()
    return token, plain


def revoke(session: Session, membership: Membership, token_id: str) -> None:
    """The token works no longer. Raises `NotFound` for one of another membership or revoked already."""
    if not is_id(token_id):
        raise NotFound
    changed = session.execute(
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.membership_id == membership.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(ApiToken.id)
    ).all()
    if not changed:
        session.rollback()
        raise NotFound
    token = session.get_one(ApiToken, token_id)
    _record(session, token, "token_revoked", membership)
    session.commit()


def find(session: Session, plain: str, *, demo_allowed: bool) -> ApiToken | None:
    """The token of that text with membership, person and entity, if it may be used now. Notes the use."""
    token = session.scalar(
        select(ApiToken)
        .where(ApiToken.token_hash == credentials.hash_token(plain))
        .options(
            joinedload(ApiToken.membership).joinedload(Membership.person),
            joinedload(ApiToken.membership).joinedload(Membership.entity),
        )
    )
    if token is None or token.revoked_at is not None or not token.membership.active:
        return None
    person = token.membership.person
    if person.disabled_at is not None or (person.is_demo and not demo_allowed):
        return None
    stale = now() - timedelta(seconds=SEEN_EVERY_S)
    if token.last_used_at is None or token.last_used_at < stale:
        session.execute(
            update(ApiToken)
            .where(ApiToken.id == token.id, or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at < stale))
            .values(last_used_at=now())
        )
        session.commit()
    return token


def listing(session: Session, membership: Membership) -> list[ApiToken]:
    """Those of the membership that are not revoked, oldest first."""
    return list(
        session.scalars(
            select(ApiToken)
            .where(ApiToken.membership_id == membership.id, ApiToken.revoked_at.is_(None))
            .order_by(ApiToken.id)
        )
    )


def _record(session: Session, token: ApiToken, action: str, by: Membership) -> None:
    events.record(
        session,
        subject=("membership", by.id),
        action=action,
        audience="secretariat",
        person_id=by.person_id,
        membership_id=by.id,
        data={"token": token.id},
    )
