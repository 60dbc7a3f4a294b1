"""`GET /api/v1/search`: public, read-only, the same answer as the page."""

from flask import Blueprint, Response, current_app, jsonify, request

from hub.accounts import guard
from hub.api.describe import describe
from hub.schemas.search import PageSchema, SearchParams, dump_page, search_query
from hub.search.service import search

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
