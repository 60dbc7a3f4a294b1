"""The Hub: knowledge platform and connection hub of the UN Network on Migration."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from hub.settings import Settings
    from hub.wiring import Hub

BLUEPRINTS = (
    "hub.api.health",
    "hub.api.openapi",
    "hub.api.search",
    "hub.api.documents",
    "hub.api.vocabulary",
    "hub.api.support",
    "hub.api.papers",
    "hub.api.matches",
    "hub.api.offers",
    "hub.api.register",
    "hub.api.drafting",
    "hub.api.corrections",
    "hub.api.notices",
    "hub.api.calendar",
    "hub.api.experts",
    "hub.api.assignment",
    "hub.api.metrics",
    "hub.web.home",
    "hub.web.search",
    "hub.web.search_report",
    "hub.web.documents",
    "hub.web.accounts",
    "hub.web.support",
    "hub.web.question",
    "hub.web.experts",
    "hub.web.assignment",
    "hub.web.notices",
    "hub.web.calendar",
    "hub.web.corrections",
    "hub.web.offers",
    "hub.web.register",
    "hub.web.reference",
)
"""Modules of the two edges; each has one `blueprint`."""


def create_app(settings: Settings | None = None, hub: Hub | None = None) -> Flask:
    """A wired application. Nothing is opened before it is needed; nothing is created at import time.

    `hub` hands in parts that are open already (tests, the `serve` command); else they are made from `settings`.
    """
    from flask import Flask, g  # noqa: PLC0415 - importing `hub.search` alone must not load Flask

    from hub import logs, metrics  # noqa: PLC0415
    from hub import settings as settings_module  # noqa: PLC0415
    from hub.accounts import guard, session  # noqa: PLC0415
    from hub.errors import SettingError  # noqa: PLC0415
    from hub.web import errors, i18n  # noqa: PLC0415
    from hub.wiring import Hub  # noqa: PLC0415

    settings = settings or (hub.settings if hub else settings_module.load())
    if not settings.secret_key:
        raise SettingError("HUB_SECRET_KEY", "is not set; `hub init` writes one")
    app = Flask("hub", template_folder="web/templates", static_folder="web/static", static_url_path="/static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        TESTING=settings.testing,
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        PERMANENT_SESSION_LIFETIME=settings.session_ttl_s,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.trusted_proxies:
        from werkzeug.middleware.proxy_fix import ProxyFix  # noqa: PLC0415

        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    app.extensions["hub"] = hub or Hub(settings)

    logs.init_app(app)
    metrics.init_app(app)
    i18n.init_app(app)
    session.init_app(app)
    guard.enforce(app)
    errors.init_app(app)
    for name in BLUEPRINTS:
        app.register_blueprint(importlib.import_module(name).blueprint)

    @app.teardown_appcontext
    def close_session(_error: BaseException | None) -> None:
        opened = g.pop("session", None)
        if opened is not None:
            opened.close()

    return app
