"""Who is asking, and the access rule of every route. Shared by pages and API; deny by default.

A view names its rule with one of the decorators below. A route without one is refused by `enforce`, and
`tests/structure` finds it before that.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, g, redirect, request, url_for
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.accounts.models import Membership
from hub.errors import Forbidden, TooLarge, Unauthenticated

View = TypeVar("View", bound=Callable[..., Any])
RULE = "access_rule"
FILES = "takes_files"
LARGEST_FORM = 1 << 20
"""Bytes of what is sent beside a file."""
PUBLIC = "public"


def public(view: View) -> View:
    """Anybody, signed in or not."""
    setattr(view, RULE, PUBLIC)
    return view


def signed_in(view: View) -> View:
    """Anybody with an active membership; the verb checks the row."""
    setattr(view, RULE, ())
    return view


def role(*roles: str) -> Callable[[View], View]:
    """Only memberships of one of the roles; the verb checks the row."""

    def mark(view: View) -> View:
        setattr(view, RULE, roles)
        return view

    return mark


def takes_files(view: View) -> View:
    """The view takes a file: its body may be as large as one, from who is signed in."""
    setattr(view, FILES, True)
    return view


def current_membership() -> Membership | None:
    """The membership in which the caller acts, read from the database in this request; None for a visitor."""
    return current_user.membership if current_user.is_authenticated else None


def membership_needed() -> Membership:
    """As `current_membership`, for views that are never a visitor's."""
    membership = current_membership()
    if membership is None:
        raise Unauthenticated
    return membership


def enforce(app: Flask) -> None:
    """Check the rule of the route before every view. A visitor of a page is sent to sign in, and back afterwards."""

    @app.url_value_preprocessor
    def make_room(endpoint: str | None, _values: dict[str, Any] | None) -> None:
        """Before anything reads the form, as the look for its CSRF token does."""
        if getattr(app.view_functions.get(endpoint or ""), FILES, False) and current_membership() is not None:
            largest = current_app.extensions["hub"].settings.largest_file
            request.max_content_length = largest + LARGEST_FORM
            if (request.content_length or 0) > request.max_content_length:
                raise TooLarge(f"A file has at most {largest >> 20} MB.")

    @app.before_request
    def check() -> Response | None:
        if request.endpoint is None:
            return None  # no such address: the 404 handler answers
        view = app.view_functions.get(request.endpoint)
        rule = PUBLIC if request.endpoint == "static" else getattr(view, RULE, None)
        if rule is None:
            raise Forbidden("This address has no access rule.")
        if rule == PUBLIC:
            return None
        if current_membership() is None and not is_api():
            wanted = request.full_path.removesuffix("?") if request.method in {"GET", "HEAD"} else None
            return redirect(url_for("accounts.sign_in", next=wanted), 303)
        membership = membership_needed()
        if not membership.active or (rule and membership.role not in rule):
            raise Forbidden
        return None


def is_api() -> bool:
    """Addresses of the API answer scripts: problem documents and 401, never a page or a way to one."""
    return request.path.startswith("/api/")


def db() -> Session:
    """The database session of this request; closed when the request ends."""
    if "session" not in g:
        g.session = current_app.extensions["hub"].database.session()
    return g.session
