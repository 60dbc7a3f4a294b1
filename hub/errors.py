"""What can go wrong, in the words of the field. Imports neither Flask nor a driver.

`status`, `slug` and `title` are class attributes read through `self`, so a child overrides them by naming them.
"""

from collections.abc import Mapping
from typing import Any


class HubError(Exception):
    """A failure with a sentence for the person who caused or met it.

    `detail` is shown to that person; `extra` holds further members of the problem document (RFC 9457).
    """

    status: int = 500
    slug: str = "internal"
    title: str = "Something went wrong"
    retry_after_s: int | None = None

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.extra: Mapping[str, Any] = extra


class BadRequest(HubError):
    status = 400
    slug = "bad-request"
    title = "The request cannot be read"


class Unauthenticated(HubError):
    status = 401
    slug = "sign-in-needed"
    title = "Sign in first"


class Forbidden(HubError):
    status = 403
    slug = "forbidden"
    title = "You may not do this"


class NotFound(HubError):
    status = 404
    slug = "not-found"
    title = "There is nothing here"


class Gone(HubError):
    status = 410
    slug = "gone"
    title = "This was withdrawn"


class IllegalTransition(HubError):
    """A step that the life cycle does not allow; `possible` lists the actions that are."""

    status = 409
    slug = "illegal-transition"
    title = "This step is not possible now"


class StaleVersion(HubError):
    """Somebody else changed the row since it was read; `version` is the one it has now."""

    status = 409
    slug = "stale-version"
    title = "Somebody else changed this meanwhile"


class Invalid(HubError):
    """Bad input found by a verb rather than a schema. `errors` maps a field to its sentences."""

    status = 422
    slug = "invalid"
    title = "Some fields need another look"

    def __init__(self, errors: Mapping[str, list[str]], detail: str = "") -> None:
        super().__init__(detail, errors=dict(errors))
        self.errors = errors


class TooLarge(HubError):
    status = 413
    slug = "too-large"
    title = "That is too much at once"


class TooManyAttempts(HubError):
    status = 429
    slug = "too-many-attempts"
    title = "Too many attempts; wait a little"
    retry_after_s = 60


class SearchUnavailable(HubError):
    """The engine does not answer, or has no generation to serve."""

    status = 503
    slug = "search-unavailable"
    title = "Search is not available right now"
    retry_after_s = 10


class ModelMismatch(SearchUnavailable):
    """A vector of one model was offered to a generation of another: rebuild the index."""

    slug = "model-mismatch"
    title = "The index was built with another embedding model"


class SettingError(Exception):
    """A setting cannot be used. Stops the start and names the variable."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason
