"""`GET /api/v1/search`: public, read-only, the same answer as the page."""

from flask import Blueprint, Response, current_app, jsonify, request

from hub.accounts import guard
from hub.api.describe import describe
from hub.schemas.search import (
    PageSchema,
    SearchParams,
    SuggestionSchema,
    SuggestParams,
    dump_page,
    search_query,
    suggest_params,
)
from hub.search.service import search, suggest

blueprint = Blueprint("api_search", __name__, url_prefix="/api/v1")


@blueprint.get("/search")
@guard.public
@describe("Find practices and guidance", query=SearchParams, response=PageSchema, errors=(503,))
def get_search() -> Response:
    query = search_query(request.args)
    parts = current_app.extensions["hub"]
    page = search(parts.engine, parts.embedder, guard.db(), query)
    current_app.extensions["metrics"].searched(page)
    return jsonify(dump_page(page))


@blueprint.get("/suggest")
@guard.public
@describe("Suggest while a person types", query=SuggestParams, response=SuggestionSchema, many=True, errors=(503,))
def get_suggest() -> Response:
    prefix, language = suggest_params(request.args)
    parts = current_app.extensions["hub"]
    found = suggest(parts.engine, guard.db(), prefix, language)
    return jsonify({"items": SuggestionSchema(many=True).dump(found), "next": None})
