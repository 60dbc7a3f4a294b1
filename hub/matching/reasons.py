"""From codes to sentences in the reader's language, and matches as JSON. Nothing here makes up text.

`name.fr` among the parameters of a reason is the name of its objective or region in French: the service puts in all six,
so that a reason can be told in any language without a database.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from babel import Locale
from flask import has_app_context
from flask_babel import force_locale, get_locale, gettext, ngettext

from hub.matching.changes import FLOOR_OF, what_would_change
from hub.matching.types import LISTS, Change, Match, Matches, Reason, ReasonParam

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


def _role_like(p: Params) -> str:
    names = {"origin": gettext("origin"), "transit": gettext("transit"), "destination": gettext("destination")}
    roles = ", ".join(names.get(role, role) for role in str(p["roles"]).split(", "))
    return gettext("Has the same role in migration: %(roles)s", roles=roles)


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
    "answer_released": lambda _: gettext("Gave an answer, public now, that is close to the request"),
    "answer_received": lambda _: gettext("Asked for help itself; the answer, public now, is close to the request"),
    "practice_similar": lambda p: gettext("Has a practice close to the request: “%(title)s”", **p),
    "same_region": lambda p: gettext("Lies in the same region: %(name)s", **p),
    "same_subregion": lambda p: gettext("Lies in the same subregion: %(name)s", **p),
    "champion": lambda _: gettext("Is a champion country of the Compact"),
    "same_commission": lambda p: gettext("Belongs to the same regional commission: %(commission)s", **p),
    "corridor_ends": lambda p: gettext(
        "Is the other end of a migration corridor: from %(origin)s to %(destination)s", **p
    ),
    "destinations_shared": lambda p: gettext("People from there go to the same States: %(name)s", **p),
    "origins_shared": lambda p: gettext("People come there from the same States: %(name)s", **p),
    "route_shared": lambda p: gettext("Lies on the same migration route: %(name)s", **p),
    "role_like": _role_like,
    "same_size": lambda p: (
        gettext("Is a small State too") if p.get("size") == "small" else gettext("Is a State of many people too")
    ),
    "same_language": lambda p: gettext("Uses the same language: %(name)s", **p),
    "presence_country": lambda _: gettext("Took part in a record from the requesting State"),
    "presence_region": lambda p: gettext("Took part in a record from the same region: %(name)s", **p),
    "works_in_country": lambda _: gettext("Works in the requesting State, as the agency says"),
    "works_in_region": lambda p: gettext("Works in the same region, as the agency says: %(name)s", **p),
    "helps_in_language": lambda p: gettext("Can help in the language of the request: %(name)s", **p),
    "offer_objective": lambda p: gettext("Is offered for objective %(objective)s (%(name)s)", **p),
    "offer_any": lambda _: gettext("Is offered for any objective"),
    "offer_text": lambda _: gettext("Says what is close in meaning to the request"),
    "offer_place": lambda p: (
        gettext("Is offered for this region: %(name)s", **p)
        if p.get("region")
        else gettext("Is offered for the requesting State")
    ),
    "offer_language": lambda p: gettext("Is given in the language of the request: %(name)s", **p),
    "funding_objective": lambda p: gettext("Covers objective %(objective)s (%(name)s)", **p),
    "funding_text": lambda _: gettext("Its description is close in meaning to the request"),
    "expert_objective": lambda p: gettext("Works on objective %(objective)s (%(name)s)", **p),
    "expert_agency": lambda p: gettext("Is of an agency that matches: %(agency)s", **p),
    "expert_language": lambda p: gettext("Works in the language of the request: %(name)s", **p),
    "expert_region": lambda _: gettext("Works on the requesting State or its region"),
    "load": lambda p: ngettext("Has %(num)s request at work", "Has %(num)s requests at work", p["count"]),
    "accepts": lambda p: gettext("Accepted %(percent)s%% of what it was asked", **p),
    "answers_fast": lambda p: gettext("Took %(days)s days to decide, in the median", **p),
    "answered_similar": lambda p: ngettext(
        "Answered %(num)s request on the same objectives",
        "Answered %(num)s requests on the same objectives",
        p["count"],
    ),
    "answered_close": lambda _: gettext("Gave an answer, not public, that is close to the request"),
    "expert_answered": lambda _: gettext("Wrote an answer that is close to the request"),
    "ready": lambda _: gettext("Has a focal point here, who can be asked"),
    "practice_about": lambda p: gettext("A practice on this objective is close to the text: “%(title)s”", **p),
    "objective_close": lambda _: gettext("What this objective is about is close to the text"),
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
    """With `name` in the language spoken, else in English, else the code itself; so too what has `key.fr` beside it."""
    locale = get_locale() if has_app_context() else None
    language = locale.language if locale else "en"
    plain = {key: value for key, value in params.items() if "." not in key}
    for key in {key.partition(".")[0] for key in params if "." in key} - {"name"}:
        plain[key] = params.get(f"{key}.{language}") or params.get(f"{key}.en") or plain[key]
    code = params.get("region", params.get("objective", params.get("route", params.get("countries", ""))))
    name = params.get(f"name.{language}") or params.get("name.en") or code
    if "language" in params:
        spoken = str(params["language"])
        name = Locale(language).languages.get(spoken, spoken)
    return plain | {"name": name}


def change_text(change: Change, language: str | None = None, *, above: str = "") -> str:
    """What would change a rank, as a sentence around the one of the reason that comes or goes. `above`: a name for the match above."""
    with _speaking(language):
        plain = {"objective_primary": "objective_shared"}.get(change.code, change.code)
        extra: dict[str, Any] = {"strength": "primary"} if change.code == "objective_primary" else {}
        what = _GAINS[change.code](_params(change.params)) if change.code in _GAINS and change.kind == "gain" else ""
        what = what or _SENTENCES[plain](_params({**change.params, **extra}))
        weight = f"{abs(change.weight):.2f}"
        if change.kind == "behind":
            return gettext(
                "One place above stands %(above)s, by %(gap)s. It is ahead most by this (%(weight)s): %(what)s",
                above=above or change.params["above"],
                gap=f"{change.params['gap']:.2f}",
                weight=weight,
                what=what,
            )
        if change.kind == "gain":
            return gettext(
                "It would be number %(rank)s with this (+%(weight)s): %(what)s",
                rank=change.rank,
                weight=weight,
                what=what,
            )
        if change.rank is None:
            return gettext("It would not be listed without this (−%(weight)s): %(what)s", weight=weight, what=what)
        if change.params.get("or_lower"):
            return gettext(
                "It would be number %(rank)s or lower without this (−%(weight)s): %(what)s",
                rank=change.rank,
                weight=weight,
                what=what,
            )
        return gettext(
            "It would be number %(rank)s without this (−%(weight)s): %(what)s",
            rank=change.rank,
            weight=weight,
            what=what,
        )


_GAINS: Mapping[str, Callable[[Params], str]] = {
    "objective_primary": lambda p: gettext("Objective %(objective)s (%(name)s) as a core task", **p),
    "objective_tagged": lambda p: gettext("Being about objective %(objective)s (%(name)s) too", **p),
    "record_of_agency": lambda p: gettext("A part in a record as close as “%(title)s”", **p),
    "practice_similar": lambda p: gettext("A practice as close as “%(title)s”", **p),
}
"""Where a gain is said in other words than the reason that it would be."""


def to_json(matches: Matches, language: str | None = None) -> dict[str, Any]:
    """What `hub match --json` prints: all lists, notes as sentences, the objectives used."""
    return {
        **{
            name: [_match(listed, position, FLOOR_OF.get(name, ""), language) for position in range(len(listed))]
            for name in LISTS
            for listed in (getattr(matches, name),)
        },
        "notes": [{"code": code, "text": note(code, language)} for code in matches.notes],
        "objectives": list(matches.objectives),
    }


def _match(listed: Sequence[Match], position: int, floor: str, language: str | None) -> dict[str, Any]:
    match = listed[position]
    above = listed[position - 1].name if position else ""
    return {
        "id": match.id,
        "name": match.name,
        "rank": match.rank,
        "score": match.score,
        "verified": match.verified,
        "reasons": [
            {
                "id": reason.id,
                "code": reason.code,
                "weight": reason.weight,
                "without": reason.without,
                "text": text(reason, language),
                "evidence": list(reason.evidence),
            }
            for reason in match.reasons
        ],
        "changes": [
            {
                "kind": change.kind,
                "code": change.code,
                "weight": change.weight,
                "rank": change.rank,
                "text": change_text(change, language, above=above),
            }
            for change in what_would_change(listed, position, floor=floor)
        ],
    }
