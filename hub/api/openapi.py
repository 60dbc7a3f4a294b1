"""`GET /api/v1/openapi.json`: the API's description, made from the schemas and the views themselves."""

import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Flask, Response, current_app, jsonify
from marshmallow import Schema, fields

from hub.accounts import guard
from hub.api.describe import DESCRIPTION, Description, describe
from hub.api.problems import MEDIA_TYPE, TYPE

blueprint = Blueprint("api_openapi", __name__, url_prefix="/api/v1")
_PARAMETER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class ProblemSchema(Schema):
    """RFC 9457. `errors` maps a field to its sentences (422 only)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    instance = fields.String()
    errors = fields.Dict(keys=fields.String())


@blueprint.get("/openapi.json")
@guard.public
@describe("This document (OpenAPI 3.1)")
def get_openapi() -> Response:
    return jsonify(document(current_app))


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI 3.1 document of every described view of `app`."""
    plugin = MarshmallowPlugin(schema_name_resolver=_schema_name)
    spec = APISpec(
        title="Hub of the UN Network on Migration",
        version="1",
        openapi_version="3.1.0",
        info={
            "description": "Search practices and guidance on the Global Compact for Migration; submit and follow "
            "support requests. Everything public needs no key. Errors are problem documents (RFC 9457); "
            f"their `type` is `{TYPE}` and a slug.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        plugins=[plugin],
    )
    spec.components.schema("Problem", schema=ProblemSchema)
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    for rule in sorted(app.url_map.iter_rules(), key=str):
        view = app.view_functions[rule.endpoint]
        described: Description | None = getattr(view, DESCRIPTION, None)
        if described is None:
            continue
        operations = {
            method.lower(): _operation(rule.endpoint, method, rule.arguments, view, described)
            for method in sorted(rule.methods or ())
            if method not in {"HEAD", "OPTIONS"}
        }
        spec.path(_PARAMETER.sub(r"{\1}", str(rule)), operations=operations)
    return spec.to_dict()


def _operation(endpoint: str, method: str, arguments: set[str], view: Any, described: Description) -> dict[str, Any]:
    public = getattr(view, guard.RULE, None) == guard.PUBLIC
    parameters: list[dict[str, Any]] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}} for name in sorted(arguments)
    ]
    if described.query is not None:
        parameters.append({"in": "query", "schema": described.query})
    errors = {400, 429, *described.errors}
    if described.query or described.body:
        errors.add(422)
    if arguments:
        errors.add(404)
    if not public:
        errors |= {401, 403}
    operation: dict[str, Any] = {
        "operationId": endpoint.replace(".", "_"),
        "summary": described.summary,
        "tags": [endpoint.split(".", maxsplit=1)[0].removeprefix("api_")],
        "security": [{}] if public else [{"token": []}],
        "parameters": parameters,
        "responses": {
            str(described.status): {"description": "Done", **_content(described)},
            **{
                str(status): {"description": "A problem", "content": {MEDIA_TYPE: {"schema": ProblemSchema}}}
                for status in sorted(errors)
            },
        },
    }
    if described.body is not None and method not in {"GET", "DELETE"}:
        operation["requestBody"] = {
            "required": True,
            "content": {described.body_type: {"schema": described.body}},
        }
    return operation


def _content(described: Description) -> dict[str, Any]:
    if described.response is None:
        return {"content": {"application/json": {"schema": {"type": "object"}}}} if described.status != 204 else {}
    schema: Any = described.response
    if described.many:
        schema = {
            "type": "object",
            "required": ["items", "next"],
            "properties": {
                "items": {"type": "array", "items": described.response},
                "next": {"type": ["string", "null"]},
            },
        }
    return {"content": {"application/json": {"schema": schema}}}


def _schema_name(schema: Any) -> str:
    name = schema.__name__ if isinstance(schema, type) else type(schema).__name__
    return name.removesuffix("Schema")
