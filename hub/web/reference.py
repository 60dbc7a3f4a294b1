"""The description of the API as pages: the OpenAPI document, told for people. What they say comes from that document alone.

One page lists everything, and each group of addresses has one of its own, with all that is sent and answered there.
"""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, current_app, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.api.openapi import document
from hub.api.problems import TYPE
from hub.errors import HubError, NotFound
from hub.web.i18n import PREFIX

blueprint = Blueprint("reference", __name__)
Schema = Mapping[str, Any]
_REFERENCE = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a type's notation; `schema`: name of the schema that it means, or nothing."""

    text: str
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A parameter, or a member of an object. `limits` in the reader's words, `meaning` in English."""

    name: str
    notation: tuple[Piece, ...]
    required: bool
    limits: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    media_type: str
    notation: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """`method` in capitals; `path` with `{name}` blanks; `example`: a command line that calls it."""

    id: str
    group: str
    method: str
    path: str
    summary: str
    public: bool
    parameters: tuple[Entry, ...]
    body: tuple[Piece, ...]
    answers: tuple[Answer, ...]
    example: str


@blueprint.get(urlsplit(TYPE).path)
@guard.public
def problem_types() -> Response:
    """Where the type of a problem leads: a browser keeps its name, which stands behind the `#`."""
    return redirect(url_for("reference.api"))


@blueprint.get(f"{PREFIX}/api")
@guard.public
def api() -> str:
    """Every address and schema by name, each leading to the page that tells it; whatever a link names has its place here."""
    described = document(current_app)
    groups = _groups(described)
    pages = {name: group for group in reversed(groups) for name in schemas_of(described, group)}
    return render_template(
        "reference/api.html",
        groups=groups,
        pages=dict(sorted(pages.items())),
        problems=problems(),
        problem_type=TYPE,
        version=described["openapi"],
    )


@blueprint.get(f"{PREFIX}/api/<group>")
@guard.public
def group(group: str) -> str:
    described = document(current_app)
    groups = _groups(described)
    if group not in groups:
        raise NotFound("There is no such part of the API.")
    schemas: Mapping[str, Schema] = described["components"]["schemas"]
    return render_template(
        "reference/group.html",
        name=group,
        operations=groups[group],
        schemas={name: members(schemas[name]) for name in schemas_of(described, group)},
    )


def _groups(described: Mapping[str, Any]) -> dict[str, list[Operation]]:
    base = current_app.extensions["hub"].settings.public_url.rstrip("/")
    found = sorted(operations(described, base), key=lambda one: one.group)
    return {name: list(members) for name, members in groupby(found, key=lambda one: one.group)}


def schemas_of(described: Mapping[str, Any], group: str) -> list[str]:
    """Names of the schemas that a group's operations speak of, and of those that these hold; in order."""
    schemas: Mapping[str, Schema] = described["components"]["schemas"]
    told = [one for methods in described["paths"].values() for one in methods.values() if group in one["tags"]]
    found: set[str] = set()
    waiting = set(_references(told))
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(_references(schemas[name])) - found
    return sorted(found)


def _references(told: Any) -> Iterator[str]:
    """Names of the schemas that a part of the document points to."""
    if isinstance(told, Mapping):
        if "$ref" in told:
            yield told["$ref"].removeprefix(_REFERENCE)
        told = told.values()
    if not isinstance(told, str) and isinstance(told, Iterable):
        for one in told:
            yield from _references(one)


def operations(described: Mapping[str, Any], base: str) -> Iterator[Operation]:
    """Every operation of an OpenAPI document whose addresses begin with `base`."""
    schemas: Mapping[str, Schema] = described["components"]["schemas"]
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            body = _content(told.get("requestBody", {}))[1]
            yield Operation(
                id=told["operationId"],
                group=told["tags"][0],
                method=method.upper(),
                path=path,
                summary=told["summary"],
                public={} in told["security"],
                parameters=tuple(
                    _entry(one["name"], one["schema"], required=one.get("required", False), told=one)
                    for one in told["parameters"]
                ),
                body=notation(body) if body else (),
                answers=tuple(_answer(status, answer) for status, answer in told["responses"].items()),
                example=example(method.upper(), base + path, told, schemas),
            )


def _answer(status: str, told: Mapping[str, Any]) -> Answer:
    media_type, schema = _content(told)
    return Answer(status, media_type, notation(schema) if schema else ())


def _content(told: Mapping[str, Any]) -> tuple[str, Schema]:
    """Media type and schema of a body; both empty where there is none."""
    return next(((kind, of["schema"]) for kind, of in told.get("content", {}).items()), ("", {}))


def members(schema: Schema) -> list[Entry]:
    """What an object of the schema holds, in the document's order."""
    needed = schema.get("required", ())
    return [_entry(name, of, required=name in needed, told=of) for name, of in schema.get("properties", {}).items()]


def _entry(name: str, schema: Schema, *, required: bool, told: Mapping[str, Any]) -> Entry:
    meaning = told.get("description") or schema.get("description", "")
    return Entry(name, notation(schema), required, tuple(_limits(schema)), meaning)


def notation(schema: Schema) -> tuple[Piece, ...]:
    """A type in short: `string`, `integer | null`, `Hit[]`, `en | fr`, `{items: Hit[], next: string | null}`."""
    return tuple(_pieces(schema))


def _pieces(schema: Schema) -> Iterator[Piece]:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        yield Piece(name, name)
        return
    for combined, sign in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if combined in schema:
            yield from _joined(schema[combined], sign)
            return
    if "enum" in schema:
        yield Piece(" | ".join("null" if value is None else str(value) for value in schema["enum"]))
        return
    given = schema.get("type", "object")
    kinds = [given] if isinstance(given, str) else given
    for at, kind in enumerate(kinds):
        yield Piece(" | " if at else "")
        yield from _kind(kind, schema)


def _joined(schemas: list[Schema], sign: str) -> Iterator[Piece]:
    for at, schema in enumerate(schemas):
        yield Piece(sign if at else "")
        yield from _pieces(schema)


def _kind(kind: str, schema: Schema) -> Iterator[Piece]:
    more = schema.get("additionalProperties")
    if kind == "array":
        inner = notation(schema.get("items", {}))
        choice = any(" | " in piece.text for piece in inner)
        yield from (Piece("("), *inner, Piece(")[]")) if choice else (*inner, Piece("[]"))
    elif kind == "object" and "properties" in schema:
        for at, (name, of) in enumerate(schema["properties"].items()):
            yield Piece(f"{', ' if at else '{'}{name}: ")
            yield from _pieces(of)
        yield Piece("}")
    elif kind == "object" and isinstance(more, dict) and more:
        yield from (Piece("{string: "), *_pieces(more), Piece("}"))
    else:
        yield Piece(f"{kind} ({schema['format']})" if kind == "string" and "format" in schema else kind)


def _limits(schema: Schema) -> Iterator[str]:
    if schema.get("type") == "array":
        if span := _span(schema, "minItems", "maxItems"):
            yield gettext("number of values: %(span)s", span=span)
        yield from _limits(schema.get("items", {}))
        return
    if span := _span(schema, "minimum", "maximum"):
        yield span
    if span := _span(schema, "minLength", "maxLength"):
        yield gettext("characters: %(span)s", span=span)
    if "pattern" in schema:
        yield gettext("pattern: %(pattern)s", pattern=schema["pattern"])
    if schema.get("default") not in {None, ""}:
        yield gettext("if absent: %(value)s", value=json.dumps(schema["default"]))


def _span(schema: Schema, lowest: str, highest: str) -> str:
    low, high = schema.get(lowest), schema.get(highest)
    if low is None and high is None:
        return ""
    if high is None:
        return f"≥ {low}"
    return f"≤ {high}" if low is None else f"{low} – {high}"


def example(method: str, address: str, told: Mapping[str, Any], schemas: Mapping[str, Schema]) -> str:
    """A line for a shell. Blanks of the path in capitals; of the query what is needed or has an example."""
    for one in told["parameters"]:
        if one["in"] == "path":
            address = address.replace(f"{{{one['name']}}}", one["name"].upper())
    query = {
        one["name"]: sample({**one["schema"], **one}, schemas)
        for one in told["parameters"]
        if one["in"] == "query" and (one.get("required") or "example" in one or "example" in one["schema"])
    }
    words = ["curl -s"] if method == "GET" else [f"curl -s -X {method}"]
    if {} not in told["security"]:
        words.append('-H "Authorization: Bearer $TOKEN"')
    media_type, body = _content(told.get("requestBody", {}))
    if media_type == "multipart/form-data":
        words += [f"-F {shlex.quote(f'{name}=@letter.pdf')}" for name in sample(body, schemas)]
    elif body:
        words += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(json.dumps(sample(body, schemas)))}"]
    return " ".join([*words, shlex.quote(f"{address}?{urlencode(query)}" if query else address)])


def sample(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """The smallest thing that shows what the schema wants: what is needed, or else the first member."""
    if "example" in schema:
        return schema["example"]
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].removeprefix(_REFERENCE)], schemas)
    if "enum" in schema:
        return schema["enum"][0]
    given = schema.get("type", "object")
    kind = given if isinstance(given, str) else given[0]
    if kind == "object":
        properties: Mapping[str, Schema] = schema.get("properties", {})
        names = schema.get("required") or list(properties)[:1]
        return {name: sample(properties[name], schemas) for name in names}
    if kind == "array":
        return [sample(schema.get("items", {}), schemas)]
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    return True if kind == "boolean" else "..."


def problems() -> list[type[HubError]]:
    """Every kind of problem that has a name of its own, by status."""
    kinds: list[type[HubError]] = [HubError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return sorted((kind for kind in kinds if kind.__module__ == HubError.__module__), key=lambda kind: kind.status)
