"""Matches as lines with reasons."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import url_for
from flask_babel import LazyString, lazy_gettext
from markupsafe import Markup
from sqlalchemy import select

from hub.accounts.guard import db
from hub.knowledge.models import Document
from hub.network import vocabulary
from hub.web.i18n import language

if TYPE_CHECKING:
    from hub.matching.types import Match, Matches, Reason


MATCHES = 5
"""Of each list on a page: what somebody reads through. The API gives more."""


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """`evidence`: title and address of each record that it rests on, where `text` does not link it."""

    text: str | Markup
    weight: float
    evidence: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MatchLine:
    name: str
    address: str
    rank: int
    score: float
    verified: bool
    reasons: tuple[ReasonLine, ...]


@dataclass(frozen=True, slots=True)
class MatchGroup:
    """`scale`: the largest weight, the full length of a bar. `none`: what to say when nothing matches."""

    heading: LazyString
    none: LazyString
    lines: tuple[MatchLine, ...]
    scale: float


def notes(found: "Matches | None") -> list[str]:
    """What is to be said about all lists; that one of them is empty is said in its place."""
    from hub.matching import reasons  # noqa: PLC0415 - as in `_preview`

    return [reasons.note(code) for code in found.notes if not code.startswith("no_")] if found else []


def groups(found: "Matches") -> tuple[MatchGroup, ...]:
    lists: tuple[tuple[LazyString, LazyString, tuple[Match, ...], Callable[[Match], tuple[str, str]]], ...] = (
        (
            lazy_gettext("Agencies"),
            lazy_gettext("No agency matches well enough to be named."),
            found.agencies,
            _agency_link,
        ),
        (
            lazy_gettext("Peer States"),
            lazy_gettext("No other State has a practice that is close enough."),
            found.peer_states,
            _state_link,
        ),
        (lazy_gettext("Practices"), lazy_gettext("No practice is close enough."), found.practices, _record_link),
        (lazy_gettext("Guidance"), lazy_gettext("No guidance is close enough."), found.guidance, _record_link),
    )
    titles = _titles(match for _, _, matches, _ in lists for match in matches)
    return tuple(
        MatchGroup(
            heading,
            none,
            tuple(_line(match, link(match), titles) for match in matches),
            max((reason.weight for match in matches for reason in match.reasons), default=1.0),
        )
        for heading, none, matches, link in lists
    )


def lines(matches: "Sequence[Match]") -> tuple[MatchLine, ...]:
    """Records, or whatever else has no page of its own, with their reasons."""
    titles = _titles(matches)
    return tuple(
        _line(match, _record_link(match) if match.id in titles else (match.name, ""), titles) for match in matches
    )


def _titles(matches: "Iterable[Match]") -> dict[str, str]:
    """Slug -> title of the records named, or named as evidence, in one query."""
    named = {
        name
        for match in matches
        for name in (match.id, *(name for reason in match.reasons for name in reason.evidence))
        if ":" not in name
    }
    rows = db().execute(
        select(Document.slug, Document.title).where(Document.slug.in_(named), Document.status == "published")
    )
    return {row.slug: row.title for row in rows}


def _line(match: "Match", link: tuple[str, str], titles: Mapping[str, str]) -> MatchLine:
    return MatchLine(
        *link,
        rank=match.rank,
        score=match.score,
        verified=match.verified,
        reasons=tuple(_reason(reason, match, titles) for reason in match.reasons),
    )


def _reason(reason: "Reason", match: "Match", titles: Mapping[str, str]) -> ReasonLine:
    """A reason that names its one record links it in the sentence; others list their records below."""
    from hub.matching import reasons  # noqa: PLC0415 - as in `_preview`

    text = reasons.text(reason)
    evidence = tuple(
        (titles[slug], url_for("documents.show", name=slug))
        for slug in reason.evidence
        if slug in titles and slug != match.id
    )
    if len(evidence) == 1 and evidence[0][0] in text:
        title, address = evidence[0]
        before, after = text.split(title, 1)
        linked = Markup('{}<a href="{}"><bdi>{}</bdi></a>{}').format(before, address, title, after)
        return ReasonLine(linked, reason.weight, ())
    return ReasonLine(text, reason.weight, evidence)


def _agency_link(match: "Match") -> tuple[str, str]:
    return vocabulary.label(db(), "agency", match.url_id or "", language()) if match.url_id else match.name, ""


def _state_link(match: "Match") -> tuple[str, str]:
    return vocabulary.label(db(), "country", match.id, language()), ""


def _record_link(match: "Match") -> tuple[str, str]:
    return match.name, url_for("documents.show", name=match.id)
