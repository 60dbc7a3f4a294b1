"""The words of matching: a need in, reasoned lists out. Frozen; free of Flask, engine and database."""

from collections.abc import Mapping
from dataclasses import dataclass

ReasonParam = str | int | float


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
    `Western Africa`), never words of a language. `evidence`, never empty: document slugs, entity ids, or
    `objective:6`, `region:Western Africa`, `language:fr`.
    """

    code: str
    params: Mapping[str, ReasonParam]
    weight: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """One agency, State or record. The weights of `reasons` sum to `score`; `rank` starts at 1; ties by `id`.

    `id`: acronym of an agency, ISO alpha-3 of a State, slug of a record. `url_id`: id for an address in the hub
    (entity id, document id). `verified`: False where the membership of an agency in the Network is not confirmed.
    """

    id: str
    name: str
    rank: int
    score: float
    reasons: tuple[Reason, ...]
    verified: bool
    url_id: str | None


@dataclass(frozen=True, slots=True)
class Matches:
    """Lists best first, never padded. `notes`: codes of `hub.matching.reasons.NOTES`, said to the reader once.

    `objectives`: those used, named by the request or predicted (then `notes` holds `objectives_predicted`).
    """

    agencies: tuple[Match, ...]
    peer_states: tuple[Match, ...]
    practices: tuple[Match, ...]
    guidance: tuple[Match, ...]
    notes: tuple[str, ...] = ()
    objectives: tuple[int, ...] = ()
