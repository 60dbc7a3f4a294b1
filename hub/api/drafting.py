"""`POST /api/v1/requests/help`: what the hub makes of a paragraph. Nothing of it is stored."""

from flask import Blueprint, Response, current_app, jsonify
from marshmallow import RAISE, Schema, fields

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import FOCAL_POINT
from hub.api.bodies import json_body
from hub.api.describe import describe
from hub.schemas.fields import LONGEST_DESCRIPTION, Body, Language, Objectives, Words, load
from hub.schemas.matches import MatchSchema
from hub.support import drafting
from hub.support.fact_words import FACTS

blueprint = Blueprint("api_drafting", __name__, url_prefix="/api/v1")
SHOWN = 5


class HelpBody(Body):
    """A text as it is, pasted from a letter or an e-mail if you like."""

    text = Words(LONGEST_DESCRIPTION, needed=True)
    language = Language()
    gcm_objectives = Objectives()


class SimilarAnswerSchema(Schema):
    """A released answer, and what it has in common with the text."""

    id = fields.String()
    entry = fields.String()
    agency = fields.String()
    language = fields.String()
    text = fields.String()
    objectives = fields.List(fields.Integer())
    words = fields.List(fields.String())


class HelpSchema(Schema):
    """Proposals to take over or leave. `missing`: facts of which the text seems to say nothing. `title` and `summary` are

    sentences of the text itself; the State approves a summary before an agency reads it.
    """

    objectives = fields.List(fields.Nested(MatchSchema))
    missing = fields.List(fields.String(metadata={"enum": list(FACTS)}))
    title = fields.String()
    summary = fields.String()
    practices = fields.List(fields.Nested(MatchSchema))
    guidance = fields.List(fields.Nested(MatchSchema))
    answers = fields.List(fields.Nested(SimilarAnswerSchema))


@blueprint.post("/requests/help")
@guard.role(FOCAL_POINT)
@describe("Help with a text before it is sent; nothing is stored", body=HelpBody, response=HelpSchema)
def post_help() -> Response:
    from hub.matching import reasons, service  # noqa: PLC0415 - numpy and more, not needed by other addresses
    from hub.matching.types import Matches, MatchRequest  # noqa: PLC0415 - as above

    asked = load(HelpBody, json_body(), unknown=RAISE)
    text, language = asked["text"], asked["language"]
    country = membership_needed().entity_id
    parts = current_app.extensions["hub"]
    suggested = service.suggest_objectives(
        db(), text, country=country, language=language, embedder=parts.embedder, engine=parts.engine
    )
    named = tuple(sorted(set(asked["gcm_objectives"])))
    wanted = MatchRequest(country, "", text, language, named)
    found = service.match(db(), wanted, embedder=parts.embedder, engine=parts.engine, limit=SHOWN)
    told = reasons.to_json(found)
    about = named or tuple(int(one.id) for one in suggested)
    answers = drafting.similar_answers(db(), text, language, about, limit=SHOWN)
    return jsonify(
        {
            "objectives": reasons.to_json(Matches(suggested, (), (), ()))["agencies"],
            "missing": list(drafting.missing(text)),
            "title": drafting.propose_title(text),
            "summary": drafting.propose_summary(text),
            "practices": told["practices"],
            "guidance": told["guidance"],
            "answers": [
                {
                    "id": one.answer.id,
                    "entry": one.answer.entry,
                    "agency": one.answer.agency,
                    "language": one.answer.language,
                    "text": one.answer.text,
                    "objectives": list(one.objectives),
                    "words": list(one.words),
                }
                for one in answers
            ],
        }
    )
