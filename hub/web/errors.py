"""What a reader sees when something goes wrong: a page in their language that says what to do next.

The three handlers here are the application's only ones; addresses of the API get a problem document instead.
"""

import logging
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, make_response, render_template, request
from flask_babel import LazyString, gettext, lazy_gettext
from flask_wtf.csrf import CSRFError
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from hub.api import problems
from hub.errors import BadRequest, HubError
from hub.web.sentences import told

log = logging.getLogger(__name__)

WORDS: Mapping[int, tuple[LazyString, LazyString]] = {
    400: (
        lazy_gettext("The request cannot be read"),
        lazy_gettext("Check the address, or go back and try again."),
    ),
    401: (
        lazy_gettext("Sign in first"),
        lazy_gettext("This page is for people with an account. Reading and searching need none."),
    ),
    403: (
        lazy_gettext("You may not do this"),
        lazy_gettext("Your account does not allow it. If it should, ask the secretariat of the Network."),
    ),
    404: (
        lazy_gettext("There is nothing here"),
        lazy_gettext("The address may be old or mistyped, or the page may not be meant for you. Try the search."),
    ),
    405: (
        lazy_gettext("This cannot be done here"),
        lazy_gettext("Go back and use the buttons of the page."),
    ),
    409: (
        lazy_gettext("This step is not possible now"),
        lazy_gettext("Things have changed since you opened the page. Go back, reload it and look again."),
    ),
    410: (
        lazy_gettext("This was withdrawn"),
        lazy_gettext("The record was published here and has been taken back. Its address stays reserved."),
    ),
    413: (
        lazy_gettext("That is too much at once"),
        lazy_gettext("Shorten the text and send it again."),
    ),
    422: (
        lazy_gettext("Some fields need another look"),
        lazy_gettext("Go back and correct what is named below."),
    ),
    429: (
        lazy_gettext("Too many attempts; wait a little"),
        lazy_gettext("Try again in a few minutes."),
    ),
    500: (
        lazy_gettext("Something went wrong"),
        lazy_gettext("The mistake is ours and has been logged. Try again in a moment."),
    ),
    503: (
        lazy_gettext("Search is not available right now"),
        lazy_gettext("Try again in a moment. Records can be browsed meanwhile."),
    ),
}
"""Status -> what happened, and what to do next. Another status is told in the words of 400 or 500."""

LAST_RESORT = (
    "<!doctype html><title>Something went wrong</title><h1>Something went wrong</h1><p>Try again in a moment.</p>"
)


def init_app(app: Flask) -> None:
    app.before_request(refuse_broken_text)
    for kind in (HubError, ValidationError, HTTPException, Exception):
        app.register_error_handler(kind, handle)


def refuse_broken_text() -> None:
    """400 for an address that is not UTF-8: it would reach search or the database as something nobody typed."""
    try:
        request.environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8")
        unquote_to_bytes(request.query_string).decode("utf-8")
    except UnicodeError:
        raise BadRequest("The address is not valid UTF-8.") from None
    if "\x00" in request.path:
        raise BadRequest("The address holds a character that no address here has.")


def handle(error: Exception) -> Response:
    """The answer to any error."""
    if problems.wanted():
        return problems.respond(error)
    if isinstance(error, HubError):
        headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
        return page(error.status, told(error.detail), headers)
    if isinstance(error, ValidationError):
        return page(422, errors=error.normalized_messages())
    if isinstance(error, CSRFError):
        return page(400, gettext("The form had expired. Go back, reload the page and send it again."))
    if isinstance(error, HTTPException):
        allowed = getattr(error, "valid_methods", None)
        return page(error.code or 500, headers={"Allow": ", ".join(sorted(allowed))} if allowed else {})
    log.error("unexpected error at %s %s", request.method, request.path, exc_info=error)
    return page(500)


def page(
    status: int,
    detail: str = "",
    headers: Mapping[str, str] | None = None,
    errors: Mapping[str, object] | None = None,
) -> Response:
    """An error page. Where even that fails (the database is gone), a bare sentence."""
    title, advice = WORDS.get(status) or WORDS[500 if status >= 500 else 400]
    try:
        body = render_template(
            "errors/page.html",
            status=status,
            title=title,
            advice=advice,
            detail=detail,
            errors=errors or {},
            error_page=True,
        )
    except Exception:
        log.exception("the error page itself failed at %s", request.path)
        body = LAST_RESORT
    response = make_response(body, status)
    response.headers.update(headers or {})
    return response
