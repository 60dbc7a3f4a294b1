"""From codes to sentences in the reader's language, and matches as JSON. Nothing here makes up text.

`name.fr` among the parameters of a reason is the name of its objective or region in French: the service puts in all six,
so that a reason can be told in any language without a database.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from flask import has_app_context
from flask_babel import force_locale, get_locale, gettext, ngettext

from hub.matching.types import Match, Matches, Reason, ReasonParam

OBJECTIVES_PREDICTED, OBJECTIVES_UNKNOWN = "objectives_predicted", "objectives_unknown"
MEANING_UNAVAILABLE, KEYWORDS_UNAVAILABLE = "meaning_unavailable", "keywords_unavailable"
OUT_OF_SCOPE = "out_of_scope"
NO_AGENCY, NO_PEER, NO_PRACTICE, NO_GUIDANCE = "no_agency", "no_peer", "no_practice", "no_guidance"

Params = Mapping[str, Any]


def _objective_shared(p: Params) -> str:
    if p.get("basis") == "working-group":
        return gettext("Works on objective %(objective)s (%(name)s), also in a working group of the Network", **p)
    if p.get("strength") == "primary":
        return gettext("Objective %(objective)s (%(name)s) is a core task of this agency", **p)
    if p.get("strength"):
        return gettext("Contributes to objective %(objective)s (%(name)s)", **p)
    return gettext("Is about objective %(objective)s (%(name)s), as the request is", **p)


def _objective_predicted(p: Params) -> str:
    if p.get("strength") == "primary":
        return gettext(
            "The request seems to be about objective %(objective)s (%(name)s), a core task of this agency", **p
        )
    if p.get("strength"):
        return gettext(
            "The request seems to be about objective %(objective)s (%(name)s), to which this agency contributes", **p
        )
    return gettext("Is about objective %(objective)s (%(name)s), as the request seems to be", **p)


_SENTENCES: Mapping[str, Callable[[Params], str]] = {
    "objective_shared": _objective_shared,
    "objective_predicted": _objective_predicted,
    "working_group_lead": lambda p: gettext(
        "Co-leads a working group of the Network on objective %(objective)s (%(name)s)", **p
    ),
    "record_of_agency": lambda p: gettext("Took part in “%(title)s”, which is close to the request", **p),
    "often_involved": lambda p: ngettext(
        "Took part in %(num)s of the records closest to the request",
        "Took part in %(num)s of the records closest to the request",
        p["count"],
    ),
    "mandate_close": lambda _: gettext("Its mandate is close in meaning to the request"),
    "mandate_breadth": lambda p: ngettext(
        "Works on %(num)s objective of the Compact; broad mandates are asked most often",
        "Works on %(num)s objectives of the Compact; broad mandates are asked most often",
        p["count"],
    ),
    "region_commission": lambda _: gettext("Is the regional commission of the requesting State"),
    "region_elsewhere": lambda _: gettext("Is the commission of another region"),
    "practice_similar": lambda p: gettext("Has a practice close to the request: “%(title)s”", **p),
    "same_region": lambda p: gettext("Lies in the same region: %(name)s", **p),
    "same_subregion": lambda p: gettext("Lies in the same subregion: %(name)s", **p),
    "champion": lambda _: gettext("Is a champion country of the Compact"),
    "words_shared": lambda _: gettext("Shares words with the request"),
    "meaning_close": lambda _: gettext("Is close in meaning to the request"),
    "place_own": lambda _: gettext("Comes from the requesting State itself"),
    "place_region": lambda p: gettext("Comes from the same region: %(name)s", **p),
}

_NOTES: Mapping[str, Callable[[], str]] = {
    OBJECTIVES_PREDICTED: lambda: gettext(
        "The request names no objective: they were inferred from the practices closest to it."
    ),
    OBJECTIVES_UNKNOWN: lambda: gettext(
        "The request names no objective, and no practice is close enough to infer one."
    ),
    MEANING_UNAVAILABLE: lambda: gettext("Similarity of meaning could not be used for these matches."),
    KEYWORDS_UNAVAILABLE: lambda: gettext("Shared words could not be used for these matches."),
    OUT_OF_SCOPE: lambda: gettext(
        "Nothing published here is close to this request. Say more about it, or name the objectives it is about."
    ),
    NO_AGENCY: lambda: gettext("No agency matches well enough to be named."),
    NO_PEER: lambda: gettext("No other State has a practice that is close enough to the request."),
    NO_PRACTICE: lambda: gettext("No practice is close enough to the request."),
    NO_GUIDANCE: lambda: gettext("No guidance is close enough to the request."),
}

CODES = tuple(_SENTENCES)
NOTES = tuple(_NOTES)


def text(reason: Reason, language: str | None = None) -> str:
    """The sentence of a reason. `language` None: the reader's; English outside an application. KeyError: unknown code."""
    with _speaking(language):
        return _SENTENCES[reason.code](_params(reason.params))


def note(code: str, language: str | None = None) -> str:
    """The sentence of a code in `Matches.notes`."""
    with _speaking(language):
        return _NOTES[code]()


def _speaking(language: str | None) -> Any:
    return force_locale(language) if language and has_app_context() else nullcontext()


def _params(params: Mapping[str, ReasonParam]) -> dict[str, Any]:
    """With `name` in the language spoken, else in English, else the code itself."""
    locale = get_locale() if has_app_context() else None
    language = locale.language if locale else "en"
    code = params.get("region", params.get("objective", ""))
    name = params.get(f"name.{language}") or params.get("name.en") or code
    return {key: value for key, value in params.items() if not key.startswith("name.")} | {"name": name}


def to_json(matches: Matches, language: str | None = None) -> dict[str, Any]:
    """What `hub match --json` prints: four lists, notes as sentences, the objectives used."""
    return {
        "agencies": [_match(one, language) for one in matches.agencies],
        "peer_states": [_match(one, language) for one in matches.peer_states],
        "practices": [_match(one, language) for one in matches.practices],
        "guidance": [_match(one, language) for one in matches.guidance],
        "notes": [{"code": code, "text": note(code, language)} for code in matches.notes],
        "objectives": list(matches.objectives),
    }


def _match(match: Match, language: str | None) -> dict[str, Any]:
    return {
        "id": match.id,
        "name": match.name,
        "rank": match.rank,
        "score": match.score,
        "verified": match.verified,
        "reasons": [
            {
                "code": reason.code,
                "weight": reason.weight,
                "text": text(reason, language),
                "evidence": list(reason.evidence),
            }
            for reason in match.reasons
        ],
    }
