"""Errors as `application/problem+json` (RFC 9457). Which addresses answer so: `wanted()`."""

import logging
from collections.abc import Mapping
from typing import Any

from flask import Response, json, request
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from hub.errors import HubError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE = "/api/v1/problems#"
"""Before the slug: the address of the list of problems in the API's description."""


def wanted() -> bool:
    """Is this an address of the API or of operations? Pages answer people in words instead."""
    return request.path.startswith(("/api/", "/healthz", "/readyz", "/metrics"))


def respond(error: Exception) -> Response:
    """The problem document of any error. The unexpected is logged and tells nothing of itself."""
    if isinstance(error, ValidationError):
        errors = error.normalized_messages()
        return problem(422, "invalid", "Some fields need another look", _sentence(errors), {"errors": errors})
    if isinstance(error, HubError):
        response = problem(error.status, error.slug, error.title, error.detail, error.extra)
        if error.retry_after_s is not None:
            response.headers["Retry-After"] = str(error.retry_after_s)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="hub"'
        return response
    if isinstance(error, HTTPException):
        status = error.code or 500
        response = problem(status, error.name.lower().replace(" ", "-"), error.name, error.description or "")
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response
    log.error("unexpected error at %s %s", request.method, request.path, exc_info=error)
    return problem(500, "internal", "Something went wrong", "The error was logged. Try again in a moment.")


def problem(status: int, slug: str, title: str, detail: str = "", extra: Mapping[str, Any] | None = None) -> Response:
    """A problem document; `extra` adds members, it never replaces the standard ones."""
    body: dict[str, object] = {"type": TYPE + slug, "title": title, "status": status}
    if detail:
        body["detail"] = detail
    body["instance"] = request.path
    body |= {name: value for name, value in (extra or {}).items() if name not in body}
    return Response(json.dumps(body), status=status, content_type=MEDIA_TYPE)


def _sentence(errors: object) -> str:
    """The first message in a tree of them, with the field it belongs to."""
    path: list[str] = []
    while isinstance(errors, dict) and errors:
        name, errors = next(iter(errors.items()))
        path.append(str(name))
    first = errors[0] if isinstance(errors, list) and errors else errors
    return f"{'.'.join(path)}: {first}" if path else str(first)
