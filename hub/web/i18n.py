"""Six languages: the first part of a page's address says which; the API follows `Accept-Language`."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from babel import Locale
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.support import NullTranslations
from flask import Flask, g, request
from flask_babel import Babel, get_translations

from hub.search.types import LANGUAGES
from hub.web.sentences import sentences, told

PREFIX = "/<any(ar, zh, en, fr, ru, es):language>"
"""Every blueprint of pages begins with it; views never see the value, `g.language` holds it."""
RIGHT_TO_LEFT = frozenset({"ar"})


def language() -> str:
    """The reader's language: of the address, else the best of `Accept-Language`, else English."""
    if "language" not in g:
        first = request.path.split("/", 2)[1] if request else ""
        # An address that leads nowhere still says in which language its reader was reading.
        g.language = first if first in LANGUAGES else _accepted()
    return g.language


def _accepted() -> str:
    return request.accept_languages.best_match(LANGUAGES, "en") if request else "en"


def locale() -> str:
    """For dates and numbers: English ones as the United Nations write them, the day before the month."""
    return "en_GB" if language() == "en" else language()


def _catalogue() -> NullTranslations:
    """The translations of this page. Flask-Babel asks for language and domain at each of its hundreds of words."""
    if "catalogue" not in g:
        g.catalogue = get_translations()
    return g.catalogue


@lru_cache(maxsize=10_000)
def _number(value: float, locale: str) -> str:
    """Small counts come again and again: a page of results holds three hundred numbers."""
    return format_decimal(value, locale=locale)


def direction(code: str | None = None) -> str:
    """`rtl` or `ltr`, of a language or of the reader's."""
    return "rtl" if (code or language()) in RIGHT_TO_LEFT else "ltr"


def own_name(code: str) -> str:
    """What a language calls itself."""
    name = Locale.parse(code).get_display_name(code) or code
    return name[0].upper() + name[1:]


def name_of(code: str) -> str:
    """What a language is called in the reader's."""
    name = Locale.parse(code).get_display_name(language()) or code
    return name[0].upper() + name[1:]


def listed(parts: Iterable[str]) -> str:
    """As the reader's language joins a list: "a, b and c"."""
    return format_list([str(part) for part in parts], locale=locale())


def in_language(code: str) -> str:
    """The address of this page in another language. A page that only answers POST leads to the home page."""
    head, _, rest = request.path.lstrip("/").partition("/")
    readable = request.url_rule is None or "GET" in (request.url_rule.methods or ())
    if head not in LANGUAGES or not readable:
        return f"/{code}/"
    query = request.query_string.decode("ascii", "replace")
    return f"/{code}/{quote(rest)}" + (f"?{query}" if query else "")


def init_app(app: Flask) -> None:
    Babel(app, default_locale="en_GB", default_translation_directories="web/translations", locale_selector=locale)
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined] - of its extension
        gettext=lambda text: _catalogue().ugettext(text),
        ngettext=lambda one, many, count: _catalogue().ungettext(one, many, count),
        newstyle=True,
    )
    app.add_template_filter(lambda value: _number(value, locale()), "numberformat")
    app.add_template_filter(listed)
    app.add_template_filter(sentences)
    app.add_template_filter(told)

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
        return {
            "language": language(),
            "direction": direction(),
            "direction_of": direction,
            "languages": LANGUAGES,
            "own_name": own_name,
            "name_of": name_of,
            "language_links": [(code, in_language(code)) for code in LANGUAGES] if request else [],
        }
