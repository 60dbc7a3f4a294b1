"""Signing in and out, the own account, and the members whom one may manage."""

import hashlib
import logging
from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext
from marshmallow import Schema, ValidationError
from werkzeug.wrappers import Response as BaseResponse

from hub.accounts import guard, people, session, tokens
from hub.accounts.guard import current_membership, db, membership_needed
from hub.accounts.models import (
    ADMINISTRATOR,
    DAILY,
    EACH,
    EXPERT,
    FOCAL_POINT,
    NO_MAIL,
    ROLES,
    SECRETARIAT,
    Membership,
    Person,
)
from hub.accounts.policy import can_manage_members
from hub.accounts.throttle import address_key
from hub.errors import Forbidden, Invalid, Unauthenticated
from hub.network import vocabulary
from hub.network.models import AGENCY, STATE, Entity
from hub.notices import mail
from hub.outbox import NotYet
from hub.schemas import accounts as schemas
from hub.search.types import LANGUAGES
from hub.settings import Settings
from hub.web.i18n import PREFIX, language, own_name

log = logging.getLogger(__name__)

blueprint = Blueprint("accounts", __name__, url_prefix=PREFIX)

ROLE_NAMES: Mapping[str, LazyString] = {
    FOCAL_POINT: lazy_gettext("Focal point"),
    EXPERT: lazy_gettext("Network expert"),
    SECRETARIAT: lazy_gettext("Secretariat"),
    ADMINISTRATOR: lazy_gettext("Administrator"),
}
MAIL_NAMES: Mapping[str, LazyString] = {
    EACH: lazy_gettext("One mail for each notice"),
    DAILY: lazy_gettext("One mail a day with all unread notices"),
    NO_MAIL: lazy_gettext("No mail"),
}
MANAGERS = (FOCAL_POINT, SECRETARIAT, ADMINISTRATOR)


def _settings() -> Settings:
    return current_app.extensions["hub"].settings


def entity_name(entity: Entity) -> str:
    """In the reader's language, where the vocabulary has it."""
    scheme = {STATE: "country", AGENCY: "agency"}.get(entity.kind)
    name = vocabulary.label(db(), scheme, entity.id, language()) if scheme else entity.id
    return entity.name if name == entity.id else name


def _load(schema: Schema) -> dict[str, Any]:
    """The form as sent. Raises `ValidationError`."""
    values = request.form.to_dict()
    values.pop("csrf_token", None)
    return schema.load(values)  # pyright: ignore[reportReturnType] - a schema without `many` gives one


def _errors(error: ValidationError | Invalid) -> Mapping[str, Any]:
    return error.errors if isinstance(error, Invalid) else error.normalized_messages()


def _page(template: str, status: int = 200, **values: Any) -> Response:
    """A page that holds something for its reader only."""
    response = make_response(render_template(f"accounts/{template}.html", **values), status)
    response.headers["Cache-Control"] = "no-store"
    return response


# Signing in and out


def safe_next(target: str) -> str | None:
    """The address if it is a path on this site, else None: a sign-in page must not send people elsewhere.

    Browsers read a backslash as a slash and drop control characters, so neither may stand in it.
    """
    if not target.startswith("/") or target.startswith("//") or "\\" in target or not target.isprintable():
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target


def _landing(membership: Membership) -> str:
    return url_for("accounts.members" if membership.role == ADMINISTRATOR else "support.requests")


@blueprint.route("/sign-in", methods=["GET", "POST"])
@guard.public
def sign_in() -> BaseResponse:
    if request.method != "POST":
        target = safe_next(request.args.get("next", "")) or ""
        membership = current_membership()
        if membership is not None:
            return redirect(target or _landing(membership), 303)
        return _page("sign_in", next=target, email="", errors={})
    try:
        form = _load(schemas.SignIn())
    except ValidationError as error:
        return _page("sign_in", 422, next="", email="", errors=_errors(error))
    target = safe_next(form["next"]) or ""
    account = hashlib.sha256(form["email"].strip().lower().encode("utf-8", "surrogatepass")).hexdigest()
    current_app.extensions["throttle"].hit(address_key(request.remote_addr), f"account:{account}")
    try:
        person = people.authenticate(db(), form["email"], form["password"], demo_allowed=_settings().demo)
        membership = people.enter(db(), person)
    except (Unauthenticated, Forbidden) as error:
        log.warning("sign-in refused", extra={"address": request.remote_addr, "reason": error.slug})
        return _page("sign_in", error.status, next=target, email=form["email"], errors={"_form": [error.detail]})
    session.begin(membership)
    return redirect(target or _landing(membership), 303)


@blueprint.post("/sign-out")
@guard.public
def sign_out() -> BaseResponse:
    membership = current_membership()
    if membership is not None:
        people.leave(db(), membership)
    session.finish()
    flash(gettext("You are signed out, on every device."))
    return redirect(url_for("home.index"), 303)


@blueprint.route("/welcome/<token>", methods=["GET", "POST"])
@guard.public
def welcome(token: str) -> BaseResponse:
    """Set a password by link. Looking at the page does not use the link up."""
    link = people.find_link(db(), token)
    if request.method != "POST":
        return _page("welcome", person=link.person, errors={})
    try:
        form = _load(schemas.NewPassword())
        people.use_link(db(), token, form["password"])
    except (ValidationError, Invalid) as error:
        return _page("welcome", 422, person=link.person, errors=_errors(error))
    flash(gettext("Your password is set. Sign in with it."))
    return redirect(url_for("accounts.sign_in"), 303)


# The own account


def _account(
    membership: Membership, status: int = 200, *, errors: Mapping[str, Any] | None = None, new_token: str = ""
) -> Response:
    return _page(
        "account",
        status,
        person=membership.person,
        acting=membership,
        memberships=people.open_memberships(db(), membership.person_id),
        tokens=tokens.listing(db(), membership),
        new_token=new_token,
        role_names=ROLE_NAMES,
        entity_name=entity_name,
        language_names={code: own_name(code) for code in LANGUAGES},
        mail_names=MAIL_NAMES,
        mailing=bool(_settings().smtp_url),
        given=request.form,
        errors=errors or {},
    )


@blueprint.route("/account", methods=["GET", "POST"])
@guard.signed_in
def account() -> BaseResponse:
    membership = membership_needed()
    if request.method != "POST":
        return _account(membership)
    try:
        form = _load(schemas.OwnData())
        people.update_person(db(), membership, **form)
    except (ValidationError, Invalid) as error:
        return _account(membership, 422, errors=_errors(error))
    flash(gettext("Your changes are saved."))
    return redirect(url_for("accounts.account"), 303)


@blueprint.post("/account/password")
@guard.signed_in
def change_password() -> BaseResponse:
    membership = membership_needed()
    # Whoever sits at an open browser must not guess the password here either.
    current_app.extensions["throttle"].hit(f"password:{membership.person_id}")
    try:
        form = _load(schemas.OtherPassword())
        people.change_password(db(), membership, current=form["current"], password=form["password"])
    except (ValidationError, Invalid) as error:
        return _account(membership, 422, errors=_errors(error))
    session.begin(membership)
    flash(gettext("Your password is changed. Other devices are signed out."))
    return redirect(url_for("accounts.account"), 303)


@blueprint.post("/account/acting")
@guard.signed_in
def switch() -> BaseResponse:
    form = _load(schemas.Acting())
    membership = people.switch(db(), membership_needed(), form["membership_id"])
    session.begin(membership)
    return redirect(safe_next(form["next"]) or _landing(membership), 303)


@blueprint.post("/account/tokens")
@guard.signed_in
def create_token() -> BaseResponse:
    """Answers with the page itself, not a redirect: the token is shown now and never again."""
    membership = membership_needed()
    try:
        form = _load(schemas.NewToken())
        _, plain = tokens.create(db(), membership, form["token_name"])
    except ValidationError as error:
        return _account(membership, 422, errors=_errors(error))
    except Invalid as error:
        return _account(membership, 422, errors={"token_name": error.errors["name"]})
    return _account(membership, new_token=plain)


@blueprint.post("/account/tokens/<token_id>/revoke")
@guard.signed_in
def revoke_token(token_id: str) -> BaseResponse:
    tokens.revoke(db(), membership_needed(), token_id)
    flash(gettext("The token works no longer."))
    return redirect(url_for("accounts.account"), 303)


# Members


def _members(
    by: Membership,
    status: int = 200,
    *,
    errors: Mapping[str, Any] | None = None,
    invited: Membership | None = None,
    link_for: Person | None = None,
    link: str = "",
) -> Response:
    """`link`: the address for `link_for`: mailed to that person if that works, else shown this once, to be handed over."""
    mailed = link_for is not None and bool(link) and _mailed(link_for, link)
    rows = [
        {
            "membership": each,
            "role": ROLE_NAMES[each.role],
            "can_link": people.can_issue_link(by, each.person),
            "can_disable": people.can_disable(by, each.person),
            "can_confirm": each.confirmed_at is None and each.person_id != by.person_id,
        }
        for each in people.manageable(db(), by)
    ]
    roles = [role for role in ROLES if can_manage_members(by, by.entity_id, role)]
    teams = [(each.id, entity_name(each)) for each in people.teams(db(), roles)]
    return _page(
        "members",
        status,
        by=by,
        rows=rows,
        roles={role: ROLE_NAMES[role] for role in roles} if len(roles) > 1 else {},
        teams=dict(sorted(teams, key=lambda team: team[1])),
        entity_name=entity_name,
        can_confirm=by.role != FOCAL_POINT,
        language_names={code: own_name(code) for code in LANGUAGES},
        given=request.form,
        errors=errors or {},
        invited=invited,
        link_for=link_for,
        link="" if mailed else link,
        mailed=mailed,
        link_hours=_settings().link_ttl_s // 3600,
    )


def _mailed(person: Person, link: str) -> bool:
    """Whether a mail server took the link. At once, not by a job: no row may hold the secret."""
    settings = _settings()
    if not settings.smtp_url or person.is_demo:
        return False
    try:
        mail.send(settings, mail.link_mail(settings, person, link))
    except (NotYet, mail.MailRefused, OSError, SMTPException) as error:
        log.warning("a link was not mailed: %s", error)
        return False
    return True


def _address(person: Person, token: str) -> str:
    return people.link_address(_settings().public_url, person, token)


@blueprint.route("/members", methods=["GET", "POST"])
@guard.role(*MANAGERS)
def members() -> BaseResponse:
    """The list, and the invitation. A new link is in the answer itself, not behind a redirect: it is shown once."""
    by = membership_needed()
    if request.method != "POST":
        return _members(by)
    try:
        form = _load(schemas.Invitation())
        form["role"] = form["role"] or by.role
        form["entity_id"] = form["entity_id"] or by.entity_id
        invited, token = people.invite(db(), by, **form, ttl_s=_settings().link_ttl_s)
    except (ValidationError, Invalid) as error:
        return _members(by, 422, errors=_errors(error))
    link = _address(invited.person, token) if token else ""
    return _members(by, 201, invited=invited, link_for=invited.person, link=link)


@blueprint.post("/members/<membership_id>/confirm")
@guard.role(*MANAGERS)
def confirm(membership_id: str) -> BaseResponse:
    people.confirm(db(), membership_needed(), membership_id)
    flash(gettext("The membership is confirmed."))
    return redirect(url_for("accounts.members"), 303)


@blueprint.post("/members/<membership_id>/end")
@guard.role(*MANAGERS)
def end(membership_id: str) -> BaseResponse:
    people.end_membership(db(), membership_needed(), membership_id)
    flash(gettext("The membership has ended."))
    return redirect(url_for("accounts.members"), 303)


@blueprint.post("/people/<person_id>/link")
@guard.role(*MANAGERS)
def link(person_id: str) -> BaseResponse:
    by = membership_needed()
    person, token = people.hand_link(db(), by, person_id, _settings().link_ttl_s)
    return _members(by, link_for=person, link=_address(person, token))


@blueprint.post("/people/<person_id>/disable")
@guard.role(*MANAGERS)
def disable(person_id: str) -> BaseResponse:
    people.disable(db(), membership_needed(), person_id)
    flash(gettext("The account is disabled."))
    return redirect(url_for("accounts.members"), 303)
