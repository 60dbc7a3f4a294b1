"""Six languages: the first part of a page's address says which; the API follows `Accept-Language`."""

from typing import Any

from babel import Locale
from flask import Flask, g, request
from flask_babel import Babel

from hub.search.types import LANGUAGES

PREFIX = "/<any(ar, zh, en, fr, ru, es):language>"
"""Every blueprint of pages begins with it; views never see the value, `g.language` holds it."""
RIGHT_TO_LEFT = frozenset({"ar"})


def language() -> str:
    """The reader's language: of the address, else the best of `Accept-Language`, else English."""
    if "language" not in g:
        g.language = request.accept_languages.best_match(LANGUAGES, "en") if request else "en"
    return g.language


def direction() -> str:
    return "rtl" if language() in RIGHT_TO_LEFT else "ltr"


def own_name(code: str) -> str:
    """What a language calls itself."""
    return Locale.parse(code).get_display_name(code) or code


def init_app(app: Flask) -> None:
    Babel(app, default_locale="en", default_translation_directories="web/translations", locale_selector=language)

    @app.url_value_preprocessor
    def take(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values and "language" in values:
            g.language = values.pop("language")

    @app.url_defaults
    def give(endpoint: str, values: dict[str, Any]) -> None:
        if "language" not in values and app.url_map.is_endpoint_expecting(endpoint, "language"):
            values["language"] = language()

    @app.context_processor
    def expose() -> dict[str, Any]:
        return {"language": language(), "direction": direction(), "languages": LANGUAGES, "own_name": own_name}
