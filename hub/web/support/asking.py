"""Questions by single-use link: the secretariat's side."""

from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask_babel import gettext, lazy_gettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from hub.accounts import guard, policy
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import SECRETARIAT
from hub.errors import Forbidden, Invalid, NotFound
from hub.network import vocabulary
from hub.schemas import papers as schemas
from hub.search.types import LANGUAGES
from hub.support import links, reading
from hub.support.models import SupportRequest
from hub.web.i18n import language, name_of
from hub.web.support.parts import blueprint, load, page

LINK_STATES = {
    links.WAITS: lazy_gettext("waits for an answer"),
    links.USED: lazy_gettext("answered"),
    links.EXPIRED: lazy_gettext("expired"),
    links.REVOKED: lazy_gettext("taken back"),
    links.OVERTAKEN: lazy_gettext("the request has ended"),
    links.ERASED: lazy_gettext("erased"),
}


@blueprint.route("/<name>/links", methods=["GET", "POST"])
@guard.role(SECRETARIAT)
def ask_by_link(name: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    if not policy.can(membership, "ask_by_link", row):
        raise Forbidden
    if request.method != "POST":
        return _form(row, {"kind": "yes_no", "language": language()})
    settings = current_app.extensions["hub"].settings
    try:
        data = schemas.to_link(load(schemas.NewLink))
        _check_mailable(data)
        link, token = links.create(db(), membership, row.id, data, secret_key=settings.secret_key)
    except ValidationError as error:
        return _form(row, request.form, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _form(row, request.form, 422, errors=error.errors)
    address = url_for("question.question", token=token, language=link.language)
    return _form(row, {"kind": "yes_no", "language": language()}, made=settings.public_url.rstrip("/") + address)


def _check_mailable(data: links.LinkData) -> None:
    if data.address and not current_app.extensions["hub"].settings.smtp_url:
        raise Invalid({"address": ["No mail server is set up. Pass the link on yourself."]})


@blueprint.post("/<name>/links/<id_>/<do>")
@guard.role(SECRETARIAT)
def end_link(name: str, id_: str, do: str) -> Response:
    reading.get(db(), membership_needed(), name)
    if do not in {"revoke", "erase"}:
        raise NotFound
    if do == "revoke":
        row = links.revoke(db(), membership_needed(), id_)
        flash(gettext("The link is taken back."))
    else:
        row = links.erase(db(), membership_needed(), id_)
        flash(gettext("Question and answer are erased."))
    return redirect(url_for("support.ask_by_link", name=row.id), 303)


def _form(row: SupportRequest, given: Any, status: int = 200, *, errors: Any = None, made: str = "") -> Response:
    return page(
        "links.html",
        status,
        row=row,
        given=given,
        errors=errors or {},
        made=made,
        links=links.listing(db(), membership_needed(), row),
        link_states=LINK_STATES,
        entities={
            **vocabulary.labels(db(), "agency", language()),
            **{code: name for code, name in vocabulary.states(db(), language()).items() if code != row.country_id},
        },
        language_names={code: name_of(code) for code in LANGUAGES},
        mailing=bool(current_app.extensions["hub"].settings.smtp_url),
    )
