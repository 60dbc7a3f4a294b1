"""What a person was told, and the way from a mail to what it is about."""

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import Membership
from hub.network.models import OFFICE
from hub.notices import notices, words
from hub.notices.notices import Told
from hub.schemas.fields import load
from hub.schemas.notices import NoticeParams, ReadBody
from hub.web.accounts import ROLE_NAMES, entity_name
from hub.web.i18n import PREFIX
from hub.web.support.parts import request_address

blueprint = Blueprint("notices", __name__, url_prefix=PREFIX)


@blueprint.get("/notices", endpoint="notices")
@guard.signed_in
def listing() -> Response:
    membership = membership_needed()
    page = notices.listing(db(), membership, **load(NoticeParams, request.args))
    return _page(
        "list.html",
        rows=[(told, step(told)) for told in page.rows],
        unread=page.unread,
        until=page.rows[0].notice.id if page.rows else "",
        first=url_for("notices.notices") if "cursor" in request.args else "",
        next=url_for("notices.notices", cursor=page.cursor) if page.cursor else "",
        elsewhere=[(other, office(other), count) for other, count in notices.elsewhere(db(), membership)],
    )


@blueprint.post("/notices/read")
@guard.signed_in
def read() -> Response:
    form = {name: value for name, value in request.form.items() if name != "csrf_token"}
    notices.mark_read(db(), membership_needed(), **load(ReadBody, form))
    return redirect(url_for("notices.notices"), 303)


@blueprint.get("/notices/<notice_id>")
@guard.signed_in
def show(notice_id: str) -> Response:
    """The request, or the way to the membership of the reader in which it is open."""
    membership = membership_needed()
    told, able = notices.get(db(), membership, notice_id)
    if able.id == membership.id:
        if told.offer:
            return redirect(url_for("offers.show", name=told.offer.id), 303)
        if told.request is None:
            return redirect(url_for("corrections.own"), 303)
        return redirect(request_address(told.request), 303)
    return _page("show.html", told=told, step=step(told), able=able, office=office(able), acting=office(membership))


def step(told: Told) -> str:
    return gettext(words.step(told.event))


def office(membership: Membership) -> str:
    """The role, and for whom; a name that may run in another direction is isolated (Unicode)."""
    role = str(ROLE_NAMES[membership.role])
    return role if membership.entity.kind == OFFICE else f"{role} (\u2068{entity_name(membership.entity)}\u2069)"


def _page(template: str, **values: object) -> Response:
    response = make_response(render_template(f"notices/{template}", **values))
    response.headers["Cache-Control"] = "no-store"
    return response
