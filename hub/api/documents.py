"""`GET /api/v1/documents/{id}`: one record whole, with the other languages it exists in."""

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response as WerkzeugResponse

from hub.accounts import guard
from hub.api.describe import describe
from hub.knowledge import reading
from hub.schemas.documents import DocumentSchema, dump_document

blueprint = Blueprint("api_documents", __name__, url_prefix="/api/v1")


@blueprint.get("/documents/<name>")
@guard.public
@describe("A practice or guidance record by its slug or id", response=DocumentSchema, errors=(410,))
def get_document(name: str) -> WerkzeugResponse:
    row = reading.get(guard.db(), name)
    response = jsonify(dump_document(row, reading.versions(guard.db(), row)))
    response.set_etag(f"{row.id}-{row.version}")
    return response.make_conditional(request)
