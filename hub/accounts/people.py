"""People and their memberships: invite, confirm, end; links, passwords and signing in.

Verbs take the membership that acts (`by`) and commit once; events hold ids and codes, never an address or a secret.
Whoever cannot manage a person or membership gets the `NotFound` of an unknown id.
"""

import unicodedata
from collections.abc import Iterable
from datetime import timedelta

from marshmallow import ValidationError
from marshmallow.validate import Email
from sqlalchemy import false, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from hub import events
from hub.accounts import credentials
from hub.accounts.models import (
    ADMINISTRATOR,
    EXPERT,
    FOCAL_POINT,
    ROLES,
    SECRETARIAT,
    ApiToken,
    Membership,
    Person,
    SignInLink,
)
from hub.accounts.policy import can_manage_members
from hub.database import is_id, later, new_id, now
from hub.errors import Forbidden, Gone, IllegalTransition, Invalid, NotFound, StaleVersion, Unauthenticated
from hub.events import Event
from hub.network.models import AGENCY, OFFICE, STATE, Entity
from hub.search.types import LANGUAGES

LEFT = "left"
"""Kind of `Outbox` row: somebody of a team left. Payload: `{entity, role, at}`."""
KIND_OF_ROLE = {FOCAL_POINT: STATE, EXPERT: AGENCY, SECRETARIAT: OFFICE, ADMINISTRATOR: OFFICE}
"""Role -> kind of the entity that it is held for."""
LONGEST_EMAIL, LONGEST_NAME = 254, 200
WRONG = "The e-mail address or the password is wrong."
"""One sentence for every refusal to sign in, so that nobody learns which accounts exist."""
DEAD_LINK = "This link was used, replaced or has expired. Ask the person who gave it to you for a new one."
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


# Input


def normal_email(text: str) -> str:
    """Lower case, without blanks around. Raises `Invalid` for what is no plain ASCII address of at most 254 characters."""
    email = text.strip().lower()
    try:
        Email()(email)
    except ValidationError:
        email = ""
    if not email or len(email) > LONGEST_EMAIL or not email.isascii() or not email.isprintable() or " " in email:
        raise Invalid({"email": ["This is not an e-mail address."]})
    return email


def normal_name(text: str) -> str:
    """One line, NFC. Raises `Invalid` for an empty or too long one, and for characters that only hide something."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise Invalid({"name": ["A name is needed."]})
    if len(name) > LONGEST_NAME:
        raise Invalid({"name": [f"At most {LONGEST_NAME} characters."]})
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Co", "Cn"} or letter in BIDI_CONTROLS for letter in name):
        raise Invalid({"name": ["A name has no control characters."]})
    return name


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise Invalid({"language": ["There is no such language."]})
    return code


def entity_for(session: Session, entity_id: str, role: str) -> Entity:
    """The State, agency or office, if the role can be held for it. Raises `Invalid` by field."""
    if role not in ROLES:
        raise Invalid({"role": ["There is no such role."]})
    entity = session.get(Entity, entity_id) if entity_id.isprintable() else None
    if entity is None or entity.kind != KIND_OF_ROLE[role]:
        raise Invalid({"entity_id": ["There is no such State, agency or office for this role."]})
    return entity


# Building blocks: they write into the caller's transaction and commit nothing


def create_person(session: Session, *, email: str, name: str, language: str = "en", is_demo: bool = False) -> Person:
    """A new person without password or membership, flushed but not committed. Raises `Invalid` if the address is taken."""
    person = Person(email=normal_email(email), name=normal_name(name), language=_language(language), is_demo=is_demo)
    session.add(person)
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        raise Invalid({"email": ["There is already an account with this address."]}) from None
    return person


def join(
    session: Session, person: Person, entity: Entity, role: str, *, by: Membership | None, reason: str, confirmed: bool
) -> Membership:
    """A new membership, flushed but not committed. Raises `Invalid` if the person has the same one already."""
    # Writing the person first makes two simultaneous invitations of one person wait for each other.
    session.execute(update(Person).where(Person.id == person.id).values(version=Person.version + 1))
    same = select(Membership.id).where(
        Membership.person_id == person.id,
        Membership.entity_id == entity.id,
        Membership.role == role,
        Membership.until.is_(None),
    )
    if session.scalar(same) is not None:
        session.rollback()
        raise Invalid({"email": ["This person is in the team already."]})
    membership = Membership(person=person, entity=entity, role=role)
    if confirmed:
        membership.confirmed_at = now()
        membership.confirmed_by = by.person_id if by else None
    session.add(membership)
    session.flush()
    record(
        session,
        ("membership", membership.id),
        "invited",
        by,
        reason=reason,
        to_state="active" if confirmed else "unconfirmed",
        data={"person": person.id, "entity": entity.id, "role": role},
    )
    return membership


def new_link(session: Session, person: Person, purpose: str, ttl_s: int, *, by: Membership | None) -> str:
    """The token of a new link that works once within `ttl_s`; earlier ones of the same purpose die. Not committed."""
    _kill_links(session, person.id, purpose)
    token = credentials.new_token()
    link = SignInLink(
        person_id=person.id,
        purpose=purpose,
        token_hash=credentials.hash_token(token),
        expires_at=now() + timedelta(seconds=ttl_s),
    )
    session.add(link)
    session.flush()
    record(session, ("person", person.id), "link_issued", by, reason=purpose, data={"link": link.id})
    return token


def _kill_links(session: Session, person_id: str, purpose: str | None = None) -> None:
    condition = SignInLink.purpose == purpose if purpose else true()
    session.execute(
        update(SignInLink)
        .where(SignInLink.person_id == person_id, SignInLink.used_at.is_(None), condition)
        .values(used_at=now())
    )


def _new_hash(person: Person, password: str) -> str:
    problems = credentials.password_problems(password, email=person.email, name=person.name)
    if problems:
        raise Invalid({"password": problems})
    return credentials.hash_password(password)


def _keep_hash(session: Session, person: Person, password_hash: str, *, by: Membership | None, reason: str) -> None:
    person.password_hash = password_hash
    person.session_key = new_id()
    record(session, ("person", person.id), "password_set", by, reason=reason)


def record(
    session: Session,
    subject: tuple[str, str],
    action: str,
    by: Membership | None,
    *,
    reason: str | None = None,
    to_state: str | None = None,
    data: dict[str, str] | None = None,
) -> None:
    """An event about a person or membership, for the secretariat. `by` None: the operator, or a link's holder."""
    events.record(
        session,
        subject=subject,
        action=action,
        audience="secretariat",
        person_id=by.person_id if by else None,
        membership_id=by.id if by else None,
        reason=reason,
        to_state=to_state,
        data=data,
    )


# Who manages whom


def manageable(session: Session, by: Membership) -> list[Membership]:
    """Memberships, not ended, that `by` may manage, with person and entity, by name of entity and person.

    The same rule as `policy.can_manage_members`, as a query. Raises `Forbidden` for those who manage nobody.
    """
    condition = {
        ADMINISTRATOR: true(),
        SECRETARIAT: Membership.role.in_((FOCAL_POINT, EXPERT)),
        FOCAL_POINT: (Membership.role == FOCAL_POINT) & (Membership.entity_id == by.entity_id),
    }.get(by.role, false())
    if not by.active or by.role not in {ADMINISTRATOR, SECRETARIAT, FOCAL_POINT}:
        raise Forbidden
    rows = session.scalars(
        select(Membership)
        .join(Membership.person)
        .join(Membership.entity)
        .where(Membership.until.is_(None), condition)
        .order_by(Entity.name, Person.name, Membership.id)
        .options(joinedload(Membership.person).selectinload(Person.memberships), joinedload(Membership.entity))
    )
    return list(rows)


def teams(session: Session, roles: Iterable[str]) -> list[Entity]:
    """The States, agencies and office for which the roles can be held, by name."""
    kinds = {KIND_OF_ROLE[role] for role in roles}
    return list(session.scalars(select(Entity).where(Entity.kind.in_(kinds)).order_by(Entity.name, Entity.id)))


def open_memberships(session: Session, person_id: str) -> list[Membership]:
    """Those that have not ended, confirmed or not, oldest first."""
    return list(
        session.scalars(
            select(Membership)
            .where(Membership.person_id == person_id, Membership.until.is_(None))
            .order_by(Membership.since, Membership.id)
            .options(joinedload(Membership.entity))
        )
    )


def can_manage_person(by: Membership, person: Person) -> bool:
    """Whether `by` may act on the account as a whole: every membership that has not ended must be theirs to manage.

    Else a link for a colleague in one team would open what the same person does in another.
    """
    if by.active and by.role == ADMINISTRATOR:
        return True
    memberships = [each for each in person.memberships if each.until is None]
    return bool(memberships) and all(can_manage_members(by, each.entity_id, each.role) for each in memberships)


def can_issue_link(by: Membership, person: Person) -> bool:
    """A first link: whoever manages the person. A reset opens a living account, so no focal point may give one."""
    if person.disabled_at is not None or not can_manage_person(by, person):
        return False
    return person.password_hash is None or by.role in {SECRETARIAT, ADMINISTRATOR}


def can_disable(by: Membership, person: Person) -> bool:
    return by.role in {SECRETARIAT, ADMINISTRATOR} and person.id != by.person_id and can_manage_person(by, person)


def _membership(session: Session, membership_id: str) -> Membership | None:
    return session.get(Membership, membership_id) if is_id(membership_id) else None


def _managed_person(session: Session, by: Membership, person_id: str) -> Person:
    person = session.get(Person, person_id) if is_id(person_id) else None
    if person is None or not can_manage_person(by, person):
        raise NotFound
    return person


def _managed_membership(session: Session, by: Membership, membership_id: str) -> Membership:
    membership = _membership(session, membership_id)
    if membership is None or not can_manage_members(by, membership.entity_id, membership.role):
        raise NotFound
    return membership


# Memberships


def invite(
    session: Session,
    by: Membership,
    *,
    email: str,
    name: str,
    entity_id: str,
    role: str,
    language: str = "en",
    ttl_s: int,
    confirm: bool = False,
) -> tuple[Membership, str | None]:
    """A membership for a new or known person, and the token of a link to set the first password.

    No token for a person who has a password, or memberships that `by` does not manage: they sign in as ever.
    `name` and `language` are taken for a new person only. Confirmed at once: experts and office staff, and a focal
    point invited by one of the same State, or by somebody else entitled with `confirm`.
    Raises `Forbidden`, and `Invalid` by field.
    """
    email, name = normal_email(email), normal_name(name)
    entity = entity_for(session, entity_id, role)
    if not can_manage_members(by, entity.id, role):
        raise Forbidden("You may not invite people into this team.")
    person = session.scalar(select(Person).where(Person.email == email))
    if person is None:
        person = create_person(session, email=email, name=name, language=language)
    elif person.disabled_at is not None:
        raise Invalid({"email": ["This account is disabled; ask an administrator."]})
    confirmed = role != FOCAL_POINT or by.role == FOCAL_POINT or confirm
    membership = join(session, person, entity, role, by=by, reason="invitation", confirmed=confirmed)
    token = None
    if person.password_hash is None and can_issue_link(by, person):
        token = new_link(session, person, "invite", ttl_s, by=by)
    session.commit()
    return membership, token


def confirm(session: Session, by: Membership, membership_id: str) -> Membership:
    """Let an unconfirmed focal point act. Nobody confirms themselves. Raises `IllegalTransition` if it has ended."""
    membership = _managed_membership(session, by, membership_id)
    if membership.person_id == by.person_id:
        raise Forbidden("Somebody else has to confirm your own membership.")
    changed = session.execute(
        update(Membership)
        .where(Membership.id == membership.id, Membership.until.is_(None), Membership.confirmed_at.is_(None))
        .values(confirmed_at=now(), confirmed_by=by.person_id)
        .returning(Membership.id)
    ).all()
    if not changed:
        session.rollback()
        raise IllegalTransition("This membership was confirmed or ended meanwhile.")
    session.refresh(membership)
    record(session, ("membership", membership.id), "confirmed", by, to_state="active")
    session.commit()
    return membership


def end_membership(session: Session, by: Membership, membership_id: str) -> Membership:
    """End a membership of a team that `by` manages, or one's own. Its sessions and tokens work no longer.

    If it was the person's last one, open links die too. Raises `IllegalTransition` if it has ended already.
    """
    membership = _membership(session, membership_id)
    if membership is None or membership.person_id != by.person_id:
        membership = _managed_membership(session, by, membership_id)
    changed = session.execute(
        update(Membership)
        .where(Membership.id == membership.id, Membership.until.is_(None))
        .values(until=now())
        .returning(Membership.id)
    ).all()
    if not changed:
        session.rollback()
        raise IllegalTransition("This membership has ended already.")
    session.execute(
        update(ApiToken)
        .where(ApiToken.membership_id == membership.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now())
    )
    session.refresh(membership)
    if not open_memberships(session, membership.person_id):
        _kill_links(session, membership.person_id)
    record(session, ("membership", membership.id), "ended", by, to_state="ended")
    _tell_who_left(session, membership)
    session.commit()
    return membership


def _tell_who_left(session: Session, membership: Membership) -> None:
    """A job that looks whether anybody is left for what the entity has in hand."""
    later(session, LEFT, {"entity": membership.entity_id, "role": membership.role, "at": now().isoformat()})


def switch(session: Session, by: Membership, membership_id: str) -> Membership:
    """Act in another membership of the same person from now on. Raises `NotFound` for any other, or one not active."""
    membership = _membership(session, membership_id)
    if membership is None or membership.person_id != by.person_id or not membership.active:
        raise NotFound
    record(session, ("person", by.person_id), "switched", membership)
    session.commit()
    return membership


# The account as a whole


def disable(session: Session, by: Membership, person_id: str) -> Person:
    """Nobody signs in with this account any more, and its sessions, links and tokens stop working at once."""
    person = _managed_person(session, by, person_id)
    if not can_disable(by, person):
        raise Forbidden("You may not disable this account.")
    close_account(session, person, by=by)
    session.commit()
    return person


def close_account(session: Session, person: Person, *, by: Membership | None) -> None:
    """What `disable` does, in the caller's transaction. `by` None: the operator of the machine."""
    if person.disabled_at is not None:
        return
    for membership in open_memberships(session, person.id):
        _tell_who_left(session, membership)
    person.disabled_at = now()
    person.session_key = new_id()
    _kill_links(session, person.id)
    record(session, ("person", person.id), "disabled", by, to_state="disabled")


def update_person(
    session: Session, by: Membership, *, name: str, language: str, version: int, mail: str | None = None
) -> Person:
    """Change one's own name, language and, unless it is None, how notices are mailed. Raises `StaleVersion` if the row changed since `version` was read."""
    name, language = normal_name(name), _language(language)
    changed = session.execute(
        update(Person)
        .where(Person.id == by.person_id, Person.version == version)
        .values(name=name, language=language, mail=mail or Person.mail, version=version + 1)
        .returning(Person.id)
    ).all()
    if not changed:
        session.rollback()
        raise StaleVersion
    session.refresh(by.person)
    record(session, ("person", by.person_id), "edited", by)
    session.commit()
    return by.person


# Links and passwords


def issue_link(session: Session, person: Person, purpose: str, ttl_s: int) -> str:
    """The operator's way: the token of a link for anybody. `purpose`: invite or reset. People use `hand_link`."""
    token = new_link(session, person, purpose, ttl_s, by=None)
    session.commit()
    return token


def hand_link(session: Session, by: Membership, person_id: str, ttl_s: int) -> tuple[Person, str]:
    """The token of a link to hand over to a person whom `by` manages: to set the first password, or another."""
    person = _managed_person(session, by, person_id)
    if not can_issue_link(by, person):
        raise Forbidden("Ask the secretariat or an administrator for this link.")
    token = new_link(session, person, "invite" if person.password_hash is None else "reset", ttl_s, by=by)
    session.commit()
    return person, token


def find_link(session: Session, token: str) -> SignInLink:
    """The link that the token opens, not used up by looking. Raises `Gone` for any that does not work now."""
    link = session.scalar(
        select(SignInLink)
        .where(
            SignInLink.token_hash == credentials.hash_token(token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now(),
        )
        .options(joinedload(SignInLink.person))
    )
    if link is None or link.person.disabled_at is not None:
        raise Gone(DEAD_LINK)
    return link


def use_link(session: Session, token: str, password: str) -> Person:
    """Set the password that the link is for; all sessions and other links of the person end.

    A refused password (`Invalid`) leaves the link usable. Of two simultaneous uses one wins, the other gets `Gone`.
    """
    link = find_link(session, token)
    person = link.person
    password_hash = _new_hash(person, password)  # slow, so before the first row is locked
    taken = session.execute(
        update(SignInLink)
        .where(SignInLink.id == link.id, SignInLink.used_at.is_(None), SignInLink.expires_at > now())
        .values(used_at=now())
        .returning(SignInLink.id)
    ).all()
    if not taken:
        session.rollback()
        raise Gone(DEAD_LINK)
    _keep_hash(session, person, password_hash, by=None, reason=link.purpose)
    _kill_links(session, person.id)
    session.commit()
    return person


def set_password(session: Session, person: Person, password: str) -> None:
    """The operator's way, for demo accounts. Ends the person's sessions. Raises `Invalid` for a weak password."""
    _keep_hash(session, person, _new_hash(person, password), by=None, reason="operator")
    session.commit()


def change_password(session: Session, by: Membership, *, current: str, password: str) -> Person:
    """Set another password, knowing the current one. All sessions of the person end, so the caller begins a new one."""
    person = by.person
    if not credentials.verify_password(person.password_hash, current):
        raise Invalid({"current": ["This is not your current password."]})
    _keep_hash(session, person, _new_hash(person, password), by=by, reason="own")
    _kill_links(session, person.id)
    session.commit()
    return person


# Signing in and out


def authenticate(session: Session, email: str, password: str, *, demo_allowed: bool) -> Person:
    """The person with that address and password. Raises `Unauthenticated`, with one sentence and after the same work

    whether the account is unknown, the password wrong, the account disabled, or a demo account where none may sign in.
    """
    try:
        address = normal_email(email)
    except Invalid:
        person = None
    else:
        person = session.scalar(select(Person).where(Person.email == address))
    if not credentials.verify_password(person.password_hash if person else None, password) or person is None:
        raise Unauthenticated(WRONG)
    if person.disabled_at is not None or (person.is_demo and not demo_allowed):
        raise Unauthenticated(WRONG)
    if person.password_hash and credentials.needs_rehash(person.password_hash):
        person.password_hash = credentials.hash_password(password)
        session.commit()
    return person


def enter(session: Session, person: Person) -> Membership:
    """The membership to act in after signing in: the one used last, else the oldest. Raises `Forbidden` if none is active."""
    memberships = open_memberships(session, person.id)
    active = [each for each in memberships if each.active]
    if not active:
        raise Forbidden(
            "The secretariat has not confirmed your membership yet. You can sign in once it has."
            if memberships
            else "Your membership has ended. Ask the secretariat if you should have one."
        )
    used = session.scalars(
        select(Event.membership_id)
        .where(
            Event.subject_kind == "person", Event.subject_id == person.id, Event.action.in_(("signed_in", "switched"))
        )
        .order_by(Event.id.desc())
        .limit(1)
    ).first()
    membership = next((each for each in active if each.id == used), active[0])
    record(session, ("person", person.id), "signed_in", membership)
    session.commit()
    return membership


def leave(session: Session, by: Membership) -> None:
    """Sign out, everywhere: a copy of the cookie of any session of the person works no longer."""
    by.person.session_key = new_id()
    record(session, ("person", by.person_id), "signed_out", by)
    session.commit()


def link_address(public_url: str, person: Person, token: str) -> str:
    """Where the person sets the password, in their language."""
    return f"{public_url.rstrip('/')}/{person.language}/welcome/{token}"
