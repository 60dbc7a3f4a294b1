"""What several pages of requests need; their blueprint."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask_babel import LazyString, gettext
from marshmallow import Schema, fields
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from hub.accounts.guard import db, membership_needed
from hub.network import vocabulary
from hub.network.models import AGENCY, OFFICE, Entity
from hub.schemas.fields import load as load_schema
from hub.support import reading
from hub.support.models import SupportRequest
from hub.web.i18n import PREFIX, language
from hub.web.support.words import STATUS_NAMES

blueprint = Blueprint("support", __name__, url_prefix=f"{PREFIX}/requests")


@dataclass(frozen=True, slots=True)
class Change:
    """A field that somebody else has meanwhile changed: its label and what stands there now."""

    label: LazyString | str
    now: str


def numbers(row: SupportRequest) -> list[str]:
    return [str(objective.number) for objective in row.objectives]


@blueprint.app_template_global("request_title")
def request_title(row: SupportRequest) -> str:
    """What the reader may call a request: its title, or whose it is."""
    if reading.detailed(membership_needed(), row):
        return row.title
    if not reading.readable(membership_needed(), row):
        return ""  # a delay that a co-lead was told of: not even whose it is
    return gettext("Request of %(country)s", country=name_in_words(row.country))


@blueprint.app_template_global("request_address")
def request_address(row: SupportRequest) -> str:
    """Where the reader looks into what was told of a request."""
    if reading.readable(membership_needed(), row):
        return url_for("support.show", name=row.id)
    return url_for("support.requests", _anchor="late")


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page of somebody signed in; never kept by a cache."""
    html = render_template(f"support/{template}", status_names=STATUS_NAMES, **values)
    response = make_response(html, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def to_request(row: SupportRequest) -> Response:
    return redirect(url_for("support.show", name=row.id), 303)


def load(schema: type[Schema], given: MultiDict[str, str] | None = None) -> dict[str, Any]:
    """The fields of a schema from the form, or what was `given` instead; what else is there (buttons, tokens) is passed over."""
    form = request.form if given is None else given
    return load_schema(
        schema,
        {
            name: form.getlist(name) if isinstance(kind, fields.List) else form[name]
            for name, kind in schema().fields.items()
            if name in form
        },
    )


def name_in_words(entity: Entity) -> str:
    """What an office is called in the reader's language."""
    if entity.kind == OFFICE:
        return gettext("Secretariat of the Network")
    return vocabulary.label(db(), "agency" if entity.kind == AGENCY else "country", entity.id, language())


def isolated(name: str) -> str:
    """A name that may run in another direction than the sentence around it (Unicode isolates)."""
    return f"\u2068{name}\u2069"
