"""Offers of support: what forms and scripts send, and what they get."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from hub.accounts.models import Membership
from hub.schemas.fields import Body, Language, Objectives, Version, Words
from hub.search.types import LANGUAGES
from hub.support import offers
from hub.support.models import OFFER_AUDIENCES, Offer
from hub.support.offers import KINDS, OfferData, OpenOffer
from hub.support.wanted import Fit

LONGEST_TITLE = 300
LONGEST_TEXT = 10_000
LONGEST_AMOUNT = 500
MOST_PLACES = 60
CHOOSE = "Choose one."


class Day(fields.Date):
    """A day, as 2026-12-31. `needed`: it must be given."""

    def __init__(self, *, needed: bool = False) -> None:
        more: dict[str, Any] = {"required": True} if needed else {"load_default": None, "allow_none": True}
        super().__init__(
            error_messages={
                "invalid": "Not a date, such as 2026-12-31.",
                "required": "Fill this in.",
                "null": "Fill this in.",
            },
            **more,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not value:
            if self.required:
                raise self.make_error("required")
            return None
        return super()._deserialize(value, attr, data, **kwargs)


class OfferBody(Body):
    """What an offer says. Of objectives, places and languages, none means: not limited."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf(KINDS, error=CHOOSE),
        error_messages={"required": CHOOSE},
    )
    title = Words(LONGEST_TITLE, needed=True)
    text = Words(LONGEST_TEXT, needed=True, description="What is offered, to whom, and what it takes.")
    amount = Words(LONGEST_AMOUNT, description="How much, in words: three weeks, 20 participants.")
    gcm_objectives = Objectives()
    places = fields.List(
        Words(60, needed=True),
        load_default=list,
        validate=validate.Length(max=MOST_PLACES, error="At most {max} lines."),
        metadata={"description": "ISO 3166-1 alpha-3 codes, or names of M49 regions.", "example": ["Africa", "GHA"]},
    )
    languages = fields.List(
        fields.String(validate=validate.OneOf(LANGUAGES, error="Not one of the six official languages.")),
        load_default=list,
        metadata={"description": "In which it can be given."},
    )
    language = Language()
    audience = fields.String(
        load_default="network",
        validate=validate.OneOf(OFFER_AUDIENCES, error=CHOOSE),
        metadata={"description": "public: everybody; network: who is signed in."},
    )
    starts_on = Day()
    until = Day(needed=True)


class NewOffer(OfferBody):
    """`entity`: the agency or State that offers; the writer's own if absent. The secretariat names it."""

    entity = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=60))

    @pre_load
    def empty_is_none(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A form sends an empty choice."""
        return {name: value for name, value in dict(data).items() if name != "entity" or value}


class OfferChange(OfferBody):
    """Any of the words; what is left out stays."""

    kind = fields.String(validate=validate.OneOf(KINDS, error=CHOOSE))
    title = Words(LONGEST_TITLE, needed=True, required=False)
    text = Words(LONGEST_TEXT, needed=True, required=False)
    until = Day()
    version = Version("Of the offer, as read; or send it as If-Match.", required=True)


KEPT = ("amount", "gcm_objectives", "places", "languages", "language", "audience", "starts_on", "until")
"""Fields of `OfferChange` that have a default, which must not replace what is stored."""


class OfferStep(Body):
    version = Version("Of the offer, as read; or send it as If-Match.", required=True)


class Extend(OfferStep):
    until = Day(needed=True)


STEPS: Mapping[str, type[Schema]] = {"withdraw": OfferStep, "extend": Extend}


class AnyOfferStep(OfferStep):
    """For the description of the API only: what each action takes, together."""

    until = fields.Date(metadata={"description": "extend: the last day"})


class Wanted(Body):
    offer = Words(36, needed=True)


class OfferParams(Body):
    """Filters of the list. `mine`: what the caller manages, whatever its status."""

    kind = fields.String(load_default=None, validate=validate.OneOf(("", *KINDS), error=CHOOSE))
    objective = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 23, error="Objectives are numbered 1 to 23."),
    )
    place = fields.String(load_default=None, validate=validate.Length(max=60), metadata={"example": "Africa"})
    language = fields.String(load_default=None, validate=validate.OneOf(("", *LANGUAGES)))
    entity = fields.String(load_default=None, validate=validate.Length(max=60))
    mine = fields.Boolean(load_default=False)
    limit = fields.Integer(load_default=20, validate=validate.Range(1, offers.LARGEST_PAGE))
    cursor = fields.String(load_default=None, validate=validate.Length(max=200))

    @pre_load
    def collect(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A `MultiDict` of a request: nothing may come several times; an empty filter is none."""
        lists = getattr(data, "getlist", None)
        if lists is not None and (repeated := [name for name in data if len(lists(name)) > 1]):
            raise ValidationError({name: ["Given more than once."] for name in repeated})
        return {name: data[name] for name in data if data[name] != ""}


def to_offer(values: Mapping[str, Any], current: OfferData | None = None) -> OfferData:
    """The words loaded by one of the schemas above; what they leave out is taken from `current`."""
    plain = ("kind", "title", "text", "amount", "audience", "language", "starts_on", "until", "entity")
    given: dict[str, Any] = {name: values[name] for name in plain if name in values}
    for name, field in (("gcm_objectives", "objectives"), ("places", "places"), ("languages", "languages")):
        if name in values:
            given[field] = tuple(sorted(set(values[name])))
    if given.get("until", True) is None:
        del given["until"]
    return OfferData(**given) if current is None else replace(current, **given)


class EntitySchema(Schema):
    """Who gives it. `kind`: agency or state. `verified`: whether an agency's membership of the Network was confirmed."""

    id = fields.String()
    name = fields.String()
    kind = fields.String()
    verified = fields.Boolean()


class OfferSchema(Schema):
    """`status`: open, expired or withdrawn. `on_behalf`: entered by the secretariat. `actions`: what the caller can do."""

    id = fields.String()
    entity = fields.Nested(EntitySchema)
    on_behalf = fields.Boolean()
    kind = fields.String(validate=validate.OneOf(KINDS))
    title = fields.String()
    text = fields.String()
    amount = fields.String()
    language = fields.String()
    gcm_objectives = fields.List(fields.Integer())
    places = fields.List(fields.String())
    languages = fields.List(fields.String())
    audience = fields.String(validate=validate.OneOf(OFFER_AUDIENCES))
    starts_on = fields.Date()
    until = fields.Date()
    status = fields.String(validate=validate.OneOf(("open", "expired", "withdrawn")))
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    version = fields.Integer()
    actions = fields.List(fields.String())


class FitSchema(Schema):
    """An offer beside a request. `objectives`: those that both name. `wanted`: asked, waits, dropped or null.

    `score`: of the match; null where it was not matched and only fits.
    """

    offer = fields.String()
    title = fields.String()
    entity = fields.String()
    kind = fields.String()
    amount = fields.String()
    until = fields.Date()
    objectives = fields.List(fields.Integer())
    place = fields.Boolean()
    language = fields.Boolean()
    wanted = fields.String(allow_none=True)
    score = fields.Float(allow_none=True)


def dump_offer(membership: Membership | None, offer: Offer) -> dict[str, Any]:
    shape: OpenOffer = offers.as_open(offer)
    return {
        "id": offer.id,
        "entity": {
            "id": shape.entity_id,
            "name": shape.entity_name,
            "kind": shape.entity_kind,
            "verified": shape.verified,
        },
        "on_behalf": offer.on_behalf,
        "kind": offer.kind,
        "title": offer.title,
        "text": offer.text,
        "amount": offer.amount,
        "language": offer.language,
        "gcm_objectives": list(shape.objectives),
        "places": list(shape.places),
        "languages": list(shape.languages),
        "audience": offer.audience,
        "starts_on": offer.starts_on.isoformat(),
        "until": offer.until.isoformat(),
        "status": offers.status_of(offer),
        "created_at": offer.created_at.isoformat(),
        "updated_at": offer.updated_at.isoformat(),
        "version": offer.version,
        "actions": list(offers.possible(membership, offer)),
    }


def dump_fits(found: Sequence[Fit]) -> list[dict[str, Any]]:
    return [
        {
            "offer": fit.offer.id,
            "title": fit.offer.title,
            "entity": fit.offer.entity_id,
            "kind": fit.offer.kind,
            "amount": fit.offer.amount,
            "until": fit.offer.until.isoformat(),
            "objectives": list(fit.objectives),
            "place": fit.place,
            "language": fit.language,
            "wanted": fit.wanted,
            "score": fit.score,
        }
        for fit in found
    ]
