"""The vocabulary as the API gives it: names in the language of the answer, codes the same in all."""

from typing import Any

from marshmallow import RAISE, Schema, fields, validate
from sqlalchemy.orm import Session

from hub.network import vocabulary
from hub.search.types import LANGUAGES


class VocabularyParams(Schema):
    """`lang`: language of the names; the best of `Accept-Language` if absent."""

    class Meta:
        unknown = RAISE

    lang = fields.String(load_default=None, validate=validate.OneOf(LANGUAGES))


class ObjectiveSchema(Schema):
    """`title` is our short wording, `description` and `keywords` are in English; the agreed text is that of A/RES/73/195."""

    number = fields.Integer()
    title = fields.String()
    description = fields.String()
    keywords = fields.List(fields.String())
    paragraph = fields.Integer()


class CountrySchema(Schema):
    """`state`: can submit requests and be a peer. `un_status`: member, observer or none. `regions`: smallest first."""

    id = fields.String()
    name = fields.String()
    iso2 = fields.String()
    m49 = fields.String()
    state = fields.Boolean()
    un_status = fields.String()
    regions = fields.List(fields.String())
    champion = fields.Boolean()


class AgencySchema(Schema):
    """`verified` is false where membership of the Network was not confirmed. `objectives`: number -> strength."""

    id = fields.String()
    acronym = fields.String()
    name = fields.String()
    url = fields.String(allow_none=True)
    mandate = fields.String()
    membership_status = fields.String()
    verified = fields.Boolean()
    executive_committee = fields.Boolean()
    objectives = fields.Dict(keys=fields.String(), values=fields.String())


def dump_objectives(session: Session, language: str) -> list[dict[str, Any]]:
    names = vocabulary.labels(session, "objective", language)
    return [
        {
            "number": one.number,
            "title": names.get(str(one.number), one.title),
            "description": one.description,
            "keywords": list(one.keywords),
            "paragraph": one.paragraph,
        }
        for one in vocabulary.objectives(session)
    ]


def dump_countries(session: Session, language: str) -> list[dict[str, Any]]:
    names = vocabulary.labels(session, "country", language)
    return [
        {
            "id": one.code,
            "name": names.get(one.code, one.name),
            "iso2": one.iso2,
            "m49": one.m49,
            "state": one.state,
            "un_status": one.un_status,
            "regions": list(one.regions),
            # A record that nobody could confirm must not be shown as fact.
            "champion": one.champion is not None and one.champion.get("confidence") != "unverified",
        }
        for one in vocabulary.countries(session)
    ]


def dump_agencies(session: Session, language: str) -> list[dict[str, Any]]:
    names = vocabulary.labels(session, "agency", language)
    return [
        {
            "id": one.code,
            "acronym": one.acronym,
            "name": names.get(one.code, one.name),
            "url": one.url,
            "mandate": one.mandate,
            "membership_status": one.membership_status,
            "verified": one.verified,
            "executive_committee": one.executive_committee,
            "objectives": {str(number): strength for number, strength in one.objectives.items()},
        }
        for one in vocabulary.agencies(session)
    ]
