"""Who is asking: the cookie of a browser or the token of a script, read anew from the database in every request.

Also what guards every answer: CSRF on unsafe methods, security headers, nothing private in a cache.
"""

import hmac

from flask import Flask, Request, Response, current_app, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import CSRFProtect
from sqlalchemy.orm import joinedload

from hub.accounts import credentials, guard, tokens
from hub.accounts.models import Membership
from hub.accounts.throttle import Throttle
from hub.errors import Unauthenticated
from hub.settings import Settings

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
HSTS_S = 365 * 24 * 3600


class Viewer(UserMixin):  # pyright: ignore[reportUntypedBaseClass]
    """A signed-in caller: a person acting in one membership."""

    def __init__(self, membership: Membership) -> None:
        self.membership = membership
        self.person = membership.person

    def get_id(self) -> str:
        """What the signed cookie holds. A new `session_key` or an ended membership makes it worthless."""
        return f"{self.membership.id}:{self.person.session_key}"


class Sessions(SecureCookieSessionInterface):
    """No cookie on static files: a shared cache may keep those."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        return request.endpoint != "static" and super().should_set_cookie(app, session)


def init_app(app: Flask) -> None:
    settings: Settings = app.extensions["hub"].settings
    if settings.testing:
        credentials.weaken_for_tests()
    app.session_interface = Sessions()
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,  # `check_origin` decides
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a request may take an afternoon to write
    )
    app.extensions["throttle"] = Throttle(settings.sign_in_limit, settings.rate_limit_storage)
    login_manager = LoginManager()
    # "basic" marks a session seen from elsewhere as not fresh; "strong" would sign people out who change networks.
    login_manager.session_protection = "basic"
    login_manager.user_loader(_from_cookie)
    login_manager.request_loader(_from_token)
    login_manager.init_app(app)
    csrf = CSRFProtect(app)

    @app.before_request
    def check_token() -> None:
        """A token that does not work is an error, never a visitor."""
        if _has_token() and not current_user.is_authenticated:
            raise Unauthenticated("This token is wrong, revoked or no longer valid.")

    @app.before_request
    def check_origin() -> None:
        """CSRF, where a browser would send a cookie along: pages always, the API unless a token speaks for itself."""
        if request.endpoint is None or (guard.is_api() and (_has_token() or "_user_id" not in session)):
            return
        csrf.protect()

    app.after_request(_protect)


def _has_token() -> bool:
    return guard.is_api() and "Authorization" in request.headers


def _demo_allowed() -> bool:
    return current_app.extensions["hub"].settings.demo


def _from_cookie(key: str) -> Viewer | None:
    """The viewer of a session cookie; None, a visitor, if it stands for nobody who may act now."""
    if _has_token():
        return None
    membership_id, _, session_key = key.partition(":")
    membership = guard.db().get(
        Membership, membership_id, options=[joinedload(Membership.person), joinedload(Membership.entity)]
    )
    if membership is None or not membership.active:
        return None
    person = membership.person
    if person.disabled_at is not None or (person.is_demo and not _demo_allowed()):
        return None
    return Viewer(membership) if hmac.compare_digest(person.session_key.encode(), session_key.encode()) else None


def _from_token(incoming: Request) -> Viewer | None:
    """The viewer of `Authorization: Bearer`, on addresses of the API only."""
    given = incoming.authorization
    if not _has_token() or given is None or given.type != "bearer" or not given.token:
        return None
    token = tokens.find(guard.db(), given.token, demo_allowed=_demo_allowed())
    return Viewer(token.membership) if token else None


def begin(membership: Membership) -> None:
    """Sign the browser in. What its session held before is dropped, so that nobody can have planted it."""
    session.clear()
    session.permanent = True
    login_user(Viewer(membership))


def finish() -> None:
    logout_user()
    session.clear()


def _protect(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    if current_app.extensions["hub"].settings.public_url.startswith("https:"):
        headers.setdefault("Strict-Transport-Security", f"max-age={HSTS_S}")
    if request.endpoint != "static" and ("_user_id" in session or _has_token()):
        headers["Cache-Control"] = "no-store"
    return response
