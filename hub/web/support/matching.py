"""Matches as lines with reasons."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flask import url_for
from flask_babel import LazyString, lazy_gettext
from markupsafe import Markup
from sqlalchemy import select

from hub.accounts.guard import current_membership, db
from hub.accounts.models import EXPERT
from hub.knowledge.models import Document
from hub.network import vocabulary
from hub.web.i18n import language
from hub.web.support.parts import isolated

if TYPE_CHECKING:
    from hub.matching.types import Match, Matches, Reason


FUND_AREA = "mptf-"
"""How ids of areas begin: what is not verified of them is said above the list."""
MATCHES = 5
"""Of each list on a page: what somebody reads through. The API gives more."""


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """`evidence`: title and address of each record that it rests on, where `text` does not link it. `without`: the score then."""

    text: str | Markup
    weight: float
    evidence: tuple[tuple[str, str], ...]
    without: float | None = None
    contest: str = ""
    """Where the agency that it is about can say that it is wrong; "" for other readers."""


@dataclass(frozen=True, slots=True)
class MatchLine:
    """`changes`: why this rank, and what would change it, in sentences."""

    name: str
    address: str
    rank: int
    score: float
    verified: bool
    reasons: tuple[ReasonLine, ...]
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchGroup:
    """`scale`: the largest weight, the full length of a bar. `none`: what to say when nothing matches. `note`: what to mind."""

    heading: LazyString
    none: LazyString | str
    lines: tuple[MatchLine, ...]
    scale: float
    note: LazyString | str = ""


def notes(found: "Matches | None") -> list[str]:
    """What is to be said about all lists; that one of them is empty is said in its place."""
    from hub.matching import reasons  # noqa: PLC0415 - as in `_preview`

    return [reasons.note(code) for code in found.notes if not code.startswith("no_")] if found else []


@dataclass(frozen=True, slots=True)
class _List:
    """One list of `Matches`. `always`: shown, with its `none`, when it is empty too. `floor`: see `what_would_change`."""

    name: str
    heading: LazyString
    none: LazyString | str
    link: "Callable[[Match], tuple[str, str]]"
    always: bool = False
    note: LazyString | str = ""


def _lists() -> tuple[_List, ...]:
    return (
        _List(
            "agencies",
            lazy_gettext("Agencies"),
            lazy_gettext("No agency matches well enough to be named."),
            _agency_link,
            always=True,
        ),
        _List("experts", lazy_gettext("Experts"), "", _expert_link, note=lazy_gettext("For the secretariat alone.")),
        _List(
            "peer_states",
            lazy_gettext("Peer States"),
            lazy_gettext("No other State has a practice that is close enough."),
            _state_link,
            always=True,
            note=lazy_gettext(
                "Corridors, routes, roles and languages are general knowledge, not checked against a source yet."
            ),
        ),
        _List("offers", lazy_gettext("Offers of support"), "", _offer_link),
        _List(
            "practices",
            lazy_gettext("Practices"),
            lazy_gettext("No practice is close enough."),
            _record_link,
            always=True,
        ),
        _List(
            "guidance",
            lazy_gettext("Guidance"),
            lazy_gettext("No guidance is close enough."),
            _record_link,
            always=True,
        ),
        _List(
            "funding",
            lazy_gettext("Areas of the Migration Multi-Partner Trust Fund"),
            "",
            _area_link,
            note=lazy_gettext("Which objectives belong to which area is not verified yet."),
        ),
    )


def groups(found: "Matches") -> tuple[MatchGroup, ...]:
    """The lists that have something to show or to say."""
    titles = _titles(match for one in _lists() for match in getattr(found, one.name))
    return tuple(
        _group(one, getattr(found, one.name), titles) for one in _lists() if one.always or getattr(found, one.name)
    )


def _group(one: _List, matches: "Sequence[Match]", titles: Mapping[str, str]) -> MatchGroup:
    from hub.matching import changes, reasons  # noqa: PLC0415 - as in `_preview`

    floor = changes.FLOOR_OF.get(one.name, "")

    def told(position: int) -> tuple[str, ...]:
        above = one.link(matches[position - 1])[0] if position else ""
        found = changes.what_would_change(matches, position, floor=floor)
        return tuple(reasons.change_text(change, above=isolated(above)) for change in found)

    return MatchGroup(
        one.heading,
        one.none,
        tuple(
            replace(_line(match, one.link(match), titles), changes=told(position))
            for position, match in enumerate(matches)
        ),
        max((reason.weight for match in matches for reason in match.reasons), default=1.0),
        one.note if matches else "",
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
    reader = current_membership()
    own = reader is not None and reader.role == EXPERT and reader.entity_id == match.url_id
    return MatchLine(
        *link,
        rank=match.rank,
        score=match.score,
        verified=match.verified or match.id.startswith(FUND_AREA),
        reasons=tuple(
            replace(_reason(reason, match, titles), contest=url_for("corrections.own", reason=reason.id) if own else "")
            for reason in match.reasons
        ),
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
        return ReasonLine(linked, reason.weight, (), reason.without)
    return ReasonLine(text, reason.weight, evidence, reason.without)


def _agency_link(match: "Match") -> tuple[str, str]:
    return vocabulary.label(db(), "agency", match.url_id or "", language()) if match.url_id else match.name, ""


def _state_link(match: "Match") -> tuple[str, str]:
    return vocabulary.label(db(), "country", match.id, language()), ""


def _offer_link(match: "Match") -> tuple[str, str]:
    return match.name, url_for("offers.show", name=match.id)


def _expert_link(match: "Match") -> tuple[str, str]:
    return f"{match.name} ({vocabulary.label(db(), 'agency', match.url_id or '', language())})", ""


def _area_link(match: "Match") -> tuple[str, str]:
    return vocabulary.label(db(), "fund_area", match.id, language()), ""


def _record_link(match: "Match") -> tuple[str, str]:
    return match.name, url_for("documents.show", name=match.id)
