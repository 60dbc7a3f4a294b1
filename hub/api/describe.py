"""What a view of the API takes and gives, said once beside it: the OpenAPI document is made from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import Schema

View = TypeVar("View", bound=Callable[..., Any])
DESCRIPTION = "api_description"


@dataclass(frozen=True, slots=True)
class Description:
    """`query`, `body`: schema of the query string and of the JSON body. `status` is that of success.

    `errors`: further statuses that the view answers with a problem document, beside those every view may.
    """

    summary: str
    query: type[Schema] | None
    body: type[Schema] | None
    response: type[Schema] | None
    many: bool
    status: int
    errors: tuple[int, ...]
    body_type: str = "application/json"


def describe(
    summary: str,
    *,
    query: type[Schema] | None = None,
    body: type[Schema] | None = None,
    response: type[Schema] | None = None,
    many: bool = False,
    status: int = 200,
    errors: tuple[int, ...] = (),
    body_type: str = "application/json",
) -> Callable[[View], View]:
    """Attach a `Description`. `many`: the response is `{"items": [...], "next": cursor or null}`."""

    def attach(view: View) -> View:
        setattr(view, DESCRIPTION, Description(summary, query, body, response, many, status, errors, body_type))
        return view

    return attach
