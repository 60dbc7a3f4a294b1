"""Offers of support as pages: the public list, one offer, what one manages, the form; those beside a request."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import current_membership, db, membership_needed
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from hub.database import new_id
from hub.errors import Forbidden, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.network import vocabulary
from hub.network.models import AGENCY
from hub.schemas import offers as schemas
from hub.schemas.fields import LONGEST_KEY
from hub.schemas.fields import load as load_schema
from hub.search.types import LANGUAGES
from hub.support import offers, reading, wanted
from hub.support.models import Offer
from hub.web.i18n import PREFIX, language, name_of
from hub.web.support.parts import load, name_in_words

blueprint = Blueprint("offers", __name__, url_prefix=PREFIX)

PER_PAGE = 20
COMPARED = 6
"""Offers beside each other on a page: more are not compared but searched."""
KIND_NAMES: Mapping[str, LazyString] = {
    "expertise": lazy_gettext("Expertise"),
    "exchange": lazy_gettext("Study visit or exchange"),
    "documents": lazy_gettext("Documents and tools"),
    "training": lazy_gettext("Training"),
    "equipment": lazy_gettext("Equipment"),
    "funding": lazy_gettext("Money"),
    "other": lazy_gettext("Something else"),
}
STATUS_NAMES: Mapping[str, LazyString] = {
    "open": lazy_gettext("Open"),
    "expired": lazy_gettext("Over"),
    "withdrawn": lazy_gettext("Withdrawn"),
}
AUDIENCE_NAMES: Mapping[str, LazyString] = {
    "network": lazy_gettext("Members of the Network only"),
    "public": lazy_gettext("Everybody"),
}
WANTED_NAMES: Mapping[str, LazyString] = {
    "waits": lazy_gettext("Wanted; the secretariat asks"),
    "asked": lazy_gettext("Its giver was asked"),
    "dropped": lazy_gettext("No longer wanted"),
}
MANAGERS = (FOCAL_POINT, EXPERT, SECRETARIAT)


# Reading


@blueprint.get("/offers", endpoint="offers")
@guard.public
def listing() -> Response:
    asked = load_schema(schemas.OfferParams, request.args)
    chosen = {name: asked[name] for name in ("kind", "objective", "place", "language", "entity") if asked[name]}
    page = offers.listing(db(), current_membership(), **chosen, limit=PER_PAGE, cursor=asked["cursor"])
    return _page(
        "list.html",
        page=page,
        chosen=chosen,
        first=url_for("offers.offers", **chosen) if asked["cursor"] else "",
        next=url_for("offers.offers", **chosen, cursor=page.cursor) if page.cursor else "",
        may_offer=offers.may_offer(current_membership()),
    )


@blueprint.get("/offers/mine")
@guard.role(*MANAGERS)
def mine() -> Response:
    cursor = load_schema(schemas.OfferParams, request.args)["cursor"]
    page = offers.listing(db(), membership_needed(), mine=True, limit=PER_PAGE, cursor=cursor)
    return _page(
        "mine.html",
        page=page,
        wants=wanted.wanted_by_others(db(), membership_needed(), page.rows),
        first=url_for("offers.mine") if cursor else "",
        next=url_for("offers.mine", cursor=page.cursor) if page.cursor else "",
    )


@blueprint.get("/offers/<name>")
@guard.public
def show(name: str) -> Response:
    return _show(offers.get(db(), current_membership(), name))


def _show(offer: Offer, status: int = 200, *, errors: Mapping[str, Any] | None = None, conflict: str = "") -> Response:
    membership = current_membership()
    earlier = [
        (kept, name_in_words(office))
        for kept, office in offers.versions(db(), membership, offer)
        if kept.version != offer.version
    ]
    return _page(
        "show.html",
        status,
        offer=offer,
        actions=offers.possible(membership, offer),
        earlier=earlier,
        wants=wanted.wanted_by_others(db(), membership, [offer]).get(offer.id, 0),
        given=request.form,
        errors=errors or {},
        conflict=conflict,
    )


# Writing


@blueprint.route("/offers/new", methods=["GET", "POST"])
@guard.role(*MANAGERS)
def new() -> Response:
    membership = membership_needed()
    if request.method != "POST":
        return _form({"key": new_id(), "audience": "network", "starts_on": offers.today().isoformat()})
    try:
        data = schemas.to_offer(load(schemas.NewOffer))
        offer = offers.create(db(), membership, data, key=request.form.get("key", "")[:LONGEST_KEY] or None)
    except ValidationError as error:
        return _form(_typed(), 422, errors=error.normalized_messages())
    except Invalid as error:
        return _form(_typed(), 422, errors=error.errors)
    except StaleVersion as error:
        return _form(_typed(), 409, conflict=gettext(error.detail), saved=str(error.extra.get("id", "")))
    flash(gettext("The offer is registered."))
    return redirect(url_for("offers.show", name=offer.id), 303)


@blueprint.route("/offers/<name>/edit", methods=["GET", "POST"])
@guard.role(*MANAGERS)
def edit(name: str) -> Response:
    membership = membership_needed()
    offer = offers.get(db(), membership, name)
    if not offers.may_offer(membership, offer.entity):
        raise Forbidden
    if request.method != "POST":
        if "edit" not in offers.possible(membership, offer):
            raise IllegalTransition(offers.WITHDRAWN)
        return _form(schemas.dump_offer(membership, offer), offer=offer)
    try:
        data = schemas.to_offer(load(schemas.OfferBody))
        version = load(schemas.OfferStep)["version"]
        offers.edit(db(), membership, offer.id, data, version=version)
    except ValidationError as error:
        return _form(_typed(), 422, offer=offer, errors=error.normalized_messages())
    except Invalid as error:
        return _form(_typed(), 422, offer=offer, errors=error.errors)
    except StaleVersion as error:
        offer = offers.get(db(), membership, name)
        typed = {**_typed(), "version": offer.version}
        return _form(typed, 409, offer=offer, conflict=gettext(error.detail))
    flash(gettext("Your changes are saved."))
    return redirect(url_for("offers.show", name=offer.id), 303)


@blueprint.post("/offers/<name>/actions/<action>")
@guard.role(*MANAGERS)
def act(name: str, action: str) -> Response:
    membership = membership_needed()
    offer = offers.get(db(), membership, name)
    if action not in schemas.STEPS:
        raise NotFound
    verb = offers.withdraw if action == "withdraw" else offers.extend
    try:
        verb(db(), membership, offer.id, **load(schemas.STEPS[action]))
    except ValidationError as error:
        return _show(offer, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _show(offer, 422, errors=error.errors)
    except (StaleVersion, IllegalTransition) as error:
        return _show(offers.get(db(), membership, name), 409, conflict=gettext(error.detail))
    flash(
        gettext("The offer is withdrawn.") if action == "withdraw" else gettext("The offer has another last day now.")
    )
    return redirect(url_for("offers.show", name=offer.id), 303)


def _typed() -> dict[str, Any]:
    form = request.form
    return {**form.to_dict(), **{name: form.getlist(name) for name in ("gcm_objectives", "places", "languages")}}


def _form(
    given: Mapping[str, Any],
    status: int = 200,
    *,
    offer: Offer | None = None,
    errors: Mapping[str, Any] | None = None,
    conflict: str = "",
    saved: str = "",
) -> Response:
    """The form with what was typed. `saved`: the offer that the same form made before, if it did."""
    membership = membership_needed()
    states = {country.code for country in vocabulary.countries(db()) if country.state}
    names = vocabulary.labels(db(), "country", language())
    givers: dict[str, str] = {}
    if membership.role == SECRETARIAT and offer is None:
        givers = {
            **vocabulary.labels(db(), "agency", language()),
            **{one: names[one] for one in names if one in states},
        }
    return _page(
        "form.html",
        status,
        offer=offer,
        given=given,
        errors=errors or {},
        conflict=conflict,
        saved=saved,
        giver=name_in_words(offer.entity if offer else membership.entity),
        givers=givers,
        labels={
            "entity": gettext("Who offers it"),
            "kind": gettext("Kind"),
            "title": gettext("Title"),
            "text": gettext("What is offered"),
            "amount": gettext("How much"),
            "gcm_objectives": gettext("Objectives"),
            "places": gettext("Regions and countries"),
            "languages": gettext("Languages in which it can be given"),
            "language": gettext("Language of the text"),
            "audience": gettext("Who sees it"),
            "starts_on": gettext("From"),
            "until": gettext("Until"),
        },
    )


# Beside a request


@blueprint.get("/requests/<name>/offers")
@guard.role(*MANAGERS)
def compare(name: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    parts = current_app.extensions["hub"]
    fits = wanted.compared(db(), membership, row, embedder=parts.embedder, engine=parts.engine)
    shown = [fit for fit in fits if fit.wanted != wanted.DROPPED][:COMPARED]
    settled = [(want, state) for want, state in wanted.wants(db(), membership, row) if state != wanted.DROPPED]
    beside = {fit.offer.id for fit in shown}
    return _page(
        "compare.html",
        row=row,
        fits=shown,
        more=len([fit for fit in fits if fit.wanted != wanted.DROPPED]) - len(shown),
        gone=[(want.offer, state) for want, state in settled if want.offer_id not in beside],
        states={want.offer_id: state for want, state in settled},
        may_want=membership.role == FOCAL_POINT and row.status in reading.OFFERS_WANTED_IN,
        possible=reading.possible_actions(membership, row),
        agencies={one.code: one for one in vocabulary.agencies(db())},
        leads=any(party.role == "lead" and party.until is None for party in row.parties),
    )


@blueprint.post("/requests/<name>/offers/<offer>/<action>")
@guard.role(*MANAGERS)
def take_up(name: str, offer: str, action: str) -> Response:
    """Want an offer for a request, or let it be."""
    if action not in {"want", "drop"}:
        raise NotFound
    verb = wanted.want if action == "want" else wanted.drop
    row = verb(db(), membership_needed(), name, offer)
    flash(
        gettext("The secretariat knows that you want this offer, and asks who gives it.")
        if action == "want"
        else gettext("The offer is let be.")
    )
    return redirect(url_for("offers.compare", name=row.id), 303)


def _page(template: str, status: int = 200, **values: Any) -> Response:
    """Never kept by a cache: an offer is gone the moment it is withdrawn."""
    session, own = db(), language()
    countries = vocabulary.labels(session, "country", own)
    regions = vocabulary.labels(session, "region", own)
    html = render_template(
        f"offers/{template}",
        kind_names=KIND_NAMES,
        status_names=STATUS_NAMES,
        audience_names=AUDIENCE_NAMES,
        wanted_names=WANTED_NAMES,
        language_names={code: name_of(code) for code in LANGUAGES},
        objectives={code: f"{code}. {label}" for code, label in vocabulary.labels(session, "objective", own).items()},
        regions=regions,
        countries=countries,
        places={**regions, **countries},
        status_of=offers.status_of,
        giver_name=_giver,
        AGENCY=AGENCY,
        today=offers.today(),
        **values,
    )
    response = make_response(html, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _giver(entity_id: str, kind: str) -> str:
    return vocabulary.label(db(), "agency" if kind == AGENCY else "country", entity_id, language())
