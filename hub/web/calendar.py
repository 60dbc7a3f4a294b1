"""Deadlines in a calendar program: the feed itself, and the page on which a person gets or ends its address."""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import force_locale, gettext
from icalendar import Calendar, Event
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.support import calendar_feed
from hub.support.calendar_feed import Deadline
from hub.web.i18n import PREFIX
from hub.web.support.words import CLOCK_NAMES

blueprint = Blueprint("calendar", __name__)

PRODUCT = "-//United Nations Network on Migration//Migration Network Hub//EN"
ASK_AGAIN = timedelta(hours=6)
"""How often a calendar program should look; deadlines are days."""


@blueprint.get("/calendar/<token>.ics")
@guard.public
def feed(token: str) -> Response:
    """The address is the secret: whoever has it reads references and stages, nothing else."""
    settings = current_app.extensions["hub"].settings
    person, deadlines = calendar_feed.read(db(), token, demo_allowed=settings.demo)
    with force_locale(person.language):
        response = make_response(_calendar(deadlines, settings.public_url.rstrip("/"), person.language).to_ical())
    response.content_type = "text/calendar; charset=utf-8"
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    response.add_etag()
    return response.make_conditional(request)


def _calendar(deadlines: list[Deadline], public_url: str, language: str) -> Calendar:
    made = Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("x-wr-calname", gettext("Deadlines of requests"))
    made.add("refresh-interval", ASK_AGAIN, parameters={"VALUE": "DURATION"})
    for one in deadlines:
        event = Event()
        event.add("uid", f"clock-{one.clock_id}@{urlsplit(public_url).hostname}")
        event.add("dtstamp", one.started_at)
        event.add("dtstart", one.due_at.date())
        event.add("dtend", one.due_at.date() + timedelta(days=1))
        event.add("summary", f"{one.reference}: {CLOCK_NAMES[one.stage]}")
        event.add("url", public_url + url_for("support.show", name=one.request_id, language=language))
        event.add("transp", "TRANSPARENT")  # nobody is busy all day for it
        made.add_component(event)
    return made


@blueprint.get(f"{PREFIX}/calendar")
@guard.signed_in
def page() -> Response:
    return _page()


@blueprint.post(f"{PREFIX}/calendar")
@guard.signed_in
def create() -> Response:
    return _page(calendar_feed.create(db(), membership_needed()))


@blueprint.post(f"{PREFIX}/calendar/end")
@guard.signed_in
def revoke() -> Response:
    calendar_feed.revoke(db(), membership_needed())
    flash(gettext("The address works no longer."))
    return redirect(url_for("calendar.page"), 303)


def address_of(token: str) -> str:
    public_url = current_app.extensions["hub"].settings.public_url.rstrip("/")
    return public_url + url_for("calendar.feed", token=token)


def _page(token: str = "") -> Response:
    response = make_response(
        render_template(
            "calendar/page.html",
            feed=calendar_feed.current(db(), membership_needed()),
            address=address_of(token) if token else "",
        )
    )
    response.headers["Cache-Control"] = "no-store"
    return response
