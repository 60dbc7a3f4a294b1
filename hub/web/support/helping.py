"""What the hub makes of a text before it is sent: proposals to take over or leave. Nothing is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app
from flask_babel import LazyString, lazy_gettext
from werkzeug.datastructures import MultiDict

from hub.accounts.guard import db
from hub.network import vocabulary
from hub.support import drafting
from hub.support.requests import RequestData
from hub.web.i18n import language
from hub.web.support.matching import MatchLine, ReasonLine, lines

if TYPE_CHECKING:
    from hub.matching.types import Match

SHOWN = 3
"""Practices, guidance and answers each: what somebody reads before writing on."""
MOST_REASONS = 3

FACT_NAMES: Mapping[str, LazyString] = {
    "who": lazy_gettext("Who is concerned"),
    "tried": lazy_gettext("What was tried so far"),
    "by_when": lazy_gettext("By when help is needed"),
    "help": lazy_gettext("Kind of help"),
    "scale": lazy_gettext("How many people, or how large"),
    "answer_language": lazy_gettext("Language of the answer"),
}
"""`drafting.FACTS` as headings of a text."""
FACT_HINTS: Mapping[str, LazyString] = {
    "who": lazy_gettext("Which people, and where do they live or work?"),
    "tried": lazy_gettext("What exists already, and what came of it?"),
    "by_when": lazy_gettext("A month is enough. Is there an event or a decision before which it must be there?"),
    "help": lazy_gettext("Advice, examples, training, an expert, a visit, comments on a draft, money?"),
    "scale": lazy_gettext("An estimate is enough."),
    "answer_language": lazy_gettext("In which language can your team best work with it?"),
}
SIGHTS: Mapping[str, LazyString] = {
    "team": lazy_gettext("Your State’s team"),
    "secretariat": lazy_gettext("The secretariat of the Network"),
    "asked": lazy_gettext("An agency that is asked, before it accepts"),
    "accepted": lazy_gettext("An agency that has accepted"),
    "peer": lazy_gettext("A State that is asked to be a peer"),
    "public": lazy_gettext("Everybody else"),
}
SEEN: Mapping[str, LazyString] = {
    drafting.NOTHING: lazy_gettext("nothing"),
    drafting.OUTLINE: lazy_gettext("State, objectives, language and summary"),
    drafting.EVERYTHING: lazy_gettext("everything"),
}


@dataclass(frozen=True, slots=True)
class SuggestedObjective:
    code: str
    label: str
    reasons: tuple[ReasonLine, ...]


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """A released answer: the office that gave it, its language, its beginning, and what it has in common with the text."""

    office: str
    language: str
    excerpt: str
    objectives: tuple[int, ...]
    words: tuple[str, ...]
    entry: str


@dataclass(frozen=True, slots=True)
class Help:
    """`summary`: proposed; "" where one is written. `missing`: code, name and hint of each fact that was not found."""

    objectives: tuple[SuggestedObjective, ...]
    practices: tuple[MatchLine, ...]
    guidance: tuple[MatchLine, ...]
    answers: tuple[AnswerLine, ...]
    missing: tuple[tuple[str, LazyString, LazyString], ...]
    summary: str


def with_answers(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """The form with what was answered to our questions at the end of the description, and the summary if it was approved."""
    given = form.copy()
    facts = {code: given.pop(f"fact_{code}", "") for code in drafting.FACTS}
    if any(value.strip() for value in facts.values()):
        headings = {code: str(name) for code, name in FACT_NAMES.items()}
        given["description"] = drafting.with_facts(given.get("description", ""), facts, headings)
    proposed = given.pop("proposed_summary", "")
    if given.pop("approve_summary", "") and not given.get("summary", "").strip():
        given["summary"] = proposed
    return given


def help_with(country: str, data: RequestData) -> Help:
    from hub.matching import service  # noqa: PLC0415 - numpy and more, not needed by other pages
    from hub.matching.types import MatchRequest  # noqa: PLC0415 - as above

    parts = current_app.extensions["hub"]
    text = f"{data.title}\n{data.description}".strip()
    suggested = service.suggest_objectives(
        db(), text, country=country, language=data.language, embedder=parts.embedder, engine=parts.engine
    )
    wanted = MatchRequest(country, data.title, data.description, data.language, data.objectives)
    found = service.match(db(), wanted, embedder=parts.embedder, engine=parts.engine, limit=SHOWN)
    about = data.objectives or tuple(int(one.id) for one in suggested)
    answers = drafting.similar_answers(db(), data.description, data.language, about, limit=SHOWN)
    return Help(
        objectives=_objectives(suggested),
        practices=lines(found.practices),
        guidance=lines(found.guidance),
        answers=tuple(_answer(one) for one in answers),
        missing=tuple(
            (code, FACT_NAMES[code], FACT_HINTS[code]) for code in drafting.missing(f"{data.title}\n{data.description}")
        ),
        summary="" if data.summary else drafting.propose_summary(data.description),
    )


def _objectives(suggested: "Sequence[Match]") -> tuple[SuggestedObjective, ...]:
    names = vocabulary.labels(db(), "objective", language())
    told = lines(suggested)
    return tuple(
        SuggestedObjective(one.id, f"{one.id}. {names.get(one.id, one.name)}", line.reasons[:MOST_REASONS])
        for one, line in zip(suggested, told, strict=True)
    )


def _answer(one: drafting.SimilarAnswer) -> AnswerLine:
    answer = one.answer
    return AnswerLine(
        office=vocabulary.label(db(), "agency", answer.agency, language()),
        language=answer.language,
        excerpt=drafting.propose_summary(answer.text),
        objectives=one.objectives,
        words=one.words,
        entry=answer.entry,
    )
