"""Is the process alive, can it serve, and what index does it serve. For operators and their probes."""

from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from hub.accounts import guard
from hub.api.describe import describe
from hub.database import now
from hub.errors import SearchUnavailable

blueprint = Blueprint("api_health", __name__)


@blueprint.get("/healthz")
@guard.public
def get_health() -> Response:
    """The process answers; nothing else is asked."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
@guard.public
def get_ready() -> tuple[Response, int]:
    """Database and a served generation answer; else 503 and which of them does not."""
    parts = current_app.extensions["hub"]
    checks = {"database": "ok", "search": "ok", "model": "ok" if parts.settings.model else "none: keyword search only"}
    try:
        guard.db().execute(text("select 1"))
    except SQLAlchemyError:
        checks["database"] = "does not answer"
    try:
        if parts.engine.status().generation is None:
            checks["search"] = "no index is served yet"
    except SearchUnavailable as error:
        checks["search"] = error.detail or error.title
    ready = checks["database"] == checks["search"] == "ok"
    return jsonify({"status": "ok" if ready else "unavailable", **checks}), 200 if ready else 503


@blueprint.get("/api/v1/index")
@guard.public
@describe("Which index is served, how old it is, and whether a rebuild runs", errors=(503,))
def get_index() -> Response:
    status = current_app.extensions["hub"].engine.status()
    return jsonify(
        {
            "engine": status.engine,
            "generation": status.generation,
            "model": status.model,
            "documents": status.documents,
            "built_at": status.built_at.isoformat() if status.built_at else None,
            "age_s": round((now() - status.built_at).total_seconds()) if status.built_at else None,
            "rebuild_since": status.rebuild_since.isoformat() if status.rebuild_since else None,
        }
    )
