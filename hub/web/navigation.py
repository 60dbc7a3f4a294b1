"""What the frame of every page offers: links that the reader's account may follow, and the facts of this installation."""

from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from hub.accounts import guard
from hub.accounts.models import Membership
from hub.notices import notices


@dataclass(frozen=True, slots=True)
class Item:
    """`current`: `page` when it is this very page, `true` when this page belongs to it."""

    address: str
    label: LazyString
    current: str


REQUESTS, NOTICES = "support.requests", "notices.notices"
ITEMS: tuple[tuple[str, LazyString], ...] = (
    ("search.results", lazy_gettext("Search")),
    ("documents.browse", lazy_gettext("Browse")),
    ("offers.offers", lazy_gettext("Offers")),
    ("register.register", lazy_gettext("Register")),
    (REQUESTS, lazy_gettext("Requests")),
    ("assignment.board", lazy_gettext("Assignment")),
    ("experts.listing", lazy_gettext("Experts")),
    (NOTICES, lazy_gettext("Notices")),
    ("search_report.report", lazy_gettext("Search report")),
    ("accounts.members", lazy_gettext("Members")),
    ("accounts.account", lazy_gettext("Account")),
)
"""Endpoint and label, in order."""
BESIDE_REQUESTS = {"offers.compare", "register.publishing", "corrections.own", "corrections.listing"}
"""Pages of other blueprints to which the pages of requests lead."""
MOST_COUNTED = 99
"""Of unread notices; the list says how many they are."""
SIGN_IN, SIGN_OUT = "accounts.sign_in", "accounts.sign_out"


def allowed(endpoint: str, membership: Membership | None) -> bool:
    """Does the route's own access rule let this membership in?"""
    rule = getattr(current_app.view_functions.get(endpoint), guard.RULE, None)
    if rule is None:
        return False
    if rule == guard.PUBLIC:
        return True
    return membership is not None and membership.active and (not rule or membership.role in rule)


def current(endpoint: str) -> str:
    if request.endpoint == endpoint:
        return "page"
    if request.endpoint in BESIDE_REQUESTS:
        return "true" if endpoint == REQUESTS else ""
    # Accounts are several places, each other blueprint is one.
    blueprint = endpoint.partition(".")[0]
    return "true" if request.blueprint == blueprint and blueprint != "accounts" else ""


def _counted(endpoint: str, label: LazyString, membership: Membership | None) -> LazyString:
    """With the number of what is unread. An error page may have no database to ask."""
    if endpoint != NOTICES:
        return label
    try:
        unread = notices.count_unread(guard.db(), membership, at_most=MOST_COUNTED + 1)
    except SQLAlchemyError:
        return label
    number = f"{MOST_COUNTED}+" if unread > MOST_COUNTED else unread
    return lazy_gettext("Notices (%(number)s unread)", number=number) if unread else label


def frame() -> dict[str, Any]:
    """Context of `base.html`."""
    settings = current_app.extensions["hub"].settings
    signed_in = bool(current_user.is_authenticated)
    membership = guard.current_membership() if signed_in else None
    items = [
        Item(url_for(endpoint), _counted(endpoint, label, membership), current(endpoint))
        for endpoint, label in ITEMS
        if allowed(endpoint, membership)
    ]
    if not signed_in:
        items.append(Item(url_for(SIGN_IN), lazy_gettext("Sign in"), current(SIGN_IN)))
    return {
        "navigation": items,
        "requests_address": url_for(REQUESTS) if allowed(REQUESTS, membership) else "",
        "sign_in_address": "" if signed_in else url_for(SIGN_IN),
        "sign_out_address": url_for(SIGN_OUT) if signed_in else "",
        "demo": settings.demo,
        "public_url": settings.public_url.rstrip("/"),
    }
