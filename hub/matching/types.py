"""The words of matching: a need in, reasoned lists out. Frozen; free of Flask, engine and database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ReasonParam = str | int | float

View = Literal["public", "member", "secretariat"]
"""Whose eyes: what everybody may see; with offers to the Network's members; with load, answers and experts."""


@dataclass(frozen=True, slots=True)
class MatchRequest:
    """What a Member State needs. `country`: ISO alpha-3; `language`: of the text (None: detected by the engine).

    `objectives`: Compact objectives 1-23 that the State named; empty: predicted from the nearest practices.
    """

    country: str
    title: str
    description: str
    language: str | None = None
    objectives: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """One term of a score. `weight` = coefficient x feature, the contribution itself; it may be negative.

    `code` and `params` are turned into a sentence by `hub.matching.reasons.text`; params hold codes (`6`, `GHA`,
    `Western Africa`), never words of a language. `evidence`, never empty: document slugs, entity ids, or ids of vocabulary
    terms (`objective:6`, `region:Western Africa`, `corridor:NPL-QAT`), `champion:KEN`, `offer:ID`, `expert:ID`, `request:ID`.
    `without`: the score of the match if this evidence were not there and everything else, the need too, stayed; None: not
    computed.
    """

    code: str
    params: Mapping[str, ReasonParam]
    weight: float
    evidence: tuple[str, ...]
    without: float | None = None

    @property
    def id(self) -> str:
        """Names the reason within its match, the same whenever it rests on the same first piece of evidence."""
        return f"{self.code}:{self.evidence[0]}"


@dataclass(frozen=True, slots=True)
class Gain:
    """What a match lacks: with it, the score would be higher by `weight`. `code`, `params` as of a reason."""

    code: str
    params: Mapping[str, ReasonParam]
    weight: float


@dataclass(frozen=True, slots=True)
class Match:
    """One agency, State, record, expert, offer or funding area. The weights of `reasons` sum to `score`; `rank` from 1; ties by `id`.

    `id`: acronym of an agency, ISO alpha-3 of a State, slug of a record, id of a membership, an offer or a funding area.
    `url_id`: id for an address in the hub (entity id, document id, offer id). `verified`: False where the membership of an
    agency in the Network is not confirmed, or the objectives of a funding area are not. `kin`: subregion of a State, of which at most
    three stand among the first ten.
    """

    id: str
    name: str
    rank: int
    score: float
    reasons: tuple[Reason, ...]
    verified: bool
    url_id: str | None
    gains: tuple[Gain, ...] = ()
    kin: str = ""


@dataclass(frozen=True, slots=True)
class Matches:
    """Lists best first, never padded. `notes`: codes of `hub.matching.reasons.NOTES`, said to the reader once.

    `objectives`: those used, named by the request or predicted (then `notes` holds `objectives_predicted`). `experts` are
    listed in the secretariat's view alone.
    """

    agencies: tuple[Match, ...]
    peer_states: tuple[Match, ...]
    practices: tuple[Match, ...]
    guidance: tuple[Match, ...]
    notes: tuple[str, ...] = ()
    objectives: tuple[int, ...] = ()
    experts: tuple[Match, ...] = ()
    offers: tuple[Match, ...] = ()
    funding: tuple[Match, ...] = ()


LISTS = ("agencies", "peer_states", "practices", "guidance", "experts", "offers", "funding")
"""The lists of `Matches`, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class ExpertFacts:
    """Somebody who may be asked. `id`: of the membership; `entity_id`: the agency. `load`: requests at a time now.

    `objectives` empty: whatever the agency does. `countries`: ISO alpha-3 codes, None: anywhere. `own_states`: not theirs to help.
    """

    id: str
    name: str
    entity_id: str
    languages: frozenset[str]
    objectives: frozenset[int]
    countries: frozenset[str] | None
    own_states: frozenset[str]
    capacity: int
    load: int
    absent: bool


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """An answer that was sent. `membership_id`: who wrote it; `release_id`: its public words, which may or may not be public yet."""

    id: str
    request_id: str
    entity_id: str
    membership_id: str
    release_id: str | None


@dataclass(frozen=True, slots=True)
class Inside:
    """What the secretariat knows and no State is shown, by entity. `hub.support.inside.read` fills it.

    `open_requests`: ids of requests that take an agency's time; `acceptance`: share of its decisions that were to accept; `days`:
    median from being asked to its decision; `answered`: (request id, objectives) of requests it answered; `ready`: States with
    a focal point here. `answers`: model -> sent answers, and their words as unit vectors of its space, (answers, dim).
    """

    open_requests: Mapping[str, tuple[str, ...]]
    acceptance: Mapping[str, float]
    days: Mapping[str, float]
    answered: Mapping[str, tuple[tuple[str, frozenset[int]], ...]]
    ready: frozenset[str]
    experts: tuple[ExpertFacts, ...]
    answers: Mapping[str, tuple[tuple[PastAnswer, ...], NDArray[np.float32]]] = field(
        default_factory=dict[str, tuple[tuple[PastAnswer, ...], NDArray[np.float32]]]
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What would move a match in its list, everything else as it is. `rank`: its place then, None: not in the list any more.

    `kind`: `behind`: the heaviest kind of reason, `code`, in which the match one place above is ahead by `weight`; `gain`: what
    it lacks, worth `weight`; `loss`: a reason that it would lose, as `Reason.id` in `params["reason"]`, with `or_lower` where the
    rank is that of the end of the list.
    """

    kind: Literal["behind", "gain", "loss"]
    code: str
    params: Mapping[str, ReasonParam]
    weight: float
    rank: int | None
