"""`GET /api/v1/objectives`, `/countries`, `/agencies`: the words that filters and requests are made of."""

from collections.abc import Callable
from typing import Any, cast

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session

from hub.accounts import guard
from hub.api.describe import describe
from hub.schemas.vocabulary import (
    AgencySchema,
    CountrySchema,
    ObjectiveSchema,
    VocabularyParams,
    dump_agencies,
    dump_countries,
    dump_objectives,
)
from hub.search.types import LANGUAGES

blueprint = Blueprint("api_vocabulary", __name__, url_prefix="/api/v1")


def _answer(dump: Callable[[Session, str], list[dict[str, Any]]]) -> Response:
    params = cast("dict[str, Any]", VocabularyParams().load(request.args))
    language = params["lang"] or request.accept_languages.best_match(LANGUAGES, "en")
    response = jsonify({"items": dump(guard.db(), language), "next": None})
    response.content_language.add(language)
    response.vary.add("Accept-Language")
    return response


@blueprint.get("/objectives")
@guard.public
@describe("The 23 objectives of the Compact", query=VocabularyParams, response=ObjectiveSchema, many=True)
def get_objectives() -> Response:
    return _answer(dump_objectives)


@blueprint.get("/countries")
@guard.public
@describe("States and areas, with their regions", query=VocabularyParams, response=CountrySchema, many=True)
def get_countries() -> Response:
    return _answer(dump_countries)


@blueprint.get("/agencies")
@guard.public
@describe(
    "Agencies of the Network, with what they are good at", query=VocabularyParams, response=AgencySchema, many=True
)
def get_agencies() -> Response:
    return _answer(dump_agencies)
