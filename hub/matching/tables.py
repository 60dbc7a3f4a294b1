"""Facts of agencies and States as arrays, so that all of them are added up at once and reasons made for the best alone. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hub.matching.weights import STRENGTH

if TYPE_CHECKING:
    from hub.matching.candidates import AgencyFacts, StateFacts
    from hub.matching.situation import Situations

OBJECTIVES = 23
Values = NDArray[np.float64]
Rows = NDArray[np.int64]
Holders = Mapping[str, Rows]
"""Code -> rows of those who have it."""
NOBODY: Rows = np.zeros(0, np.int64)


def holders(held: Iterable[Collection[str]]) -> Holders:
    found: dict[str, list[int]] = {}
    for row, codes in enumerate(held):
        for code in codes:
            found.setdefault(code, []).append(row)
    return {code: np.array(rows, np.int64) for code, rows in found.items()}


@dataclass(frozen=True, slots=True, eq=False)
class AgencyTable:
    """Rows are those of `Evidence.agencies`. `strengths`, `leads` (agencies, 23): share of an objective covered; 1 where it

    co-leads a group on it. `counts` (agencies,): of objectives. `commissions`: rows of regional commissions.
    """

    rows: Mapping[str, int]
    strengths: Values
    leads: Values
    counts: Values
    commissions: Sequence[int]
    languages: Holders
    presence: Holders


def of_agencies(agencies: Sequence["AgencyFacts"]) -> AgencyTable:
    strengths, leads = np.zeros((len(agencies), OBJECTIVES)), np.zeros((len(agencies), OBJECTIVES))
    for row, facts in enumerate(agencies):
        for number, (strength, _) in facts.strengths.items():
            strengths[row, number - 1] = STRENGTH.get(strength, 0.0)
        for number in facts.leads:
            leads[row, number - 1] = 1.0
    return AgencyTable(
        rows={facts.id: row for row, facts in enumerate(agencies)},
        strengths=strengths,
        leads=leads,
        counts=np.array([len(facts.strengths) for facts in agencies], np.float64),
        commissions=[row for row, facts in enumerate(agencies) if facts.commission],
        languages=holders(facts.languages for facts in agencies),
        presence=holders(facts.presence for facts in agencies),
    )


@dataclass(frozen=True, slots=True, eq=False)
class StateTable:
    """Rows are those of `Evidence.states`. `itself`: by id; `first`, `last`: by smallest and largest region; the rest as in `Situations`.

    `role_counts` (states,): how many roles each has.
    """

    champion: Values
    itself: Holders
    first: Holders
    last: Holders
    commissions: Holders
    destinations: Holders
    origins: Holders
    routes: Holders
    roles: Holders
    role_counts: Values
    sizes: Holders
    languages: Holders


def of_states(states: Sequence["StateFacts"], situations: "Situations") -> StateTable:
    def of(facts: Mapping[str, frozenset[str]]) -> list[frozenset[str]]:
        return [facts.get(state.id, frozenset()) for state in states]

    return StateTable(
        champion=np.array([state.champion for state in states], np.float64),
        itself=holders((state.id,) for state in states),
        first=holders(state.regions[:1] for state in states),
        last=holders(state.regions[-1:] for state in states),
        commissions=holders(frozenset(state.commissions) for state in states),
        destinations=holders(of(situations.destinations)),
        origins=holders(of(situations.origins)),
        routes=holders(of(situations.routes)),
        roles=holders(of(situations.roles)),
        role_counts=np.array([len(roles) for roles in of(situations.roles)], np.float64),
        sizes=holders(of(situations.sizes)),
        languages=holders(of(situations.languages)),
    )


def counted(held: Holders, codes: Iterable[str], size: int) -> Values:
    """(size,): how many of these codes each has."""
    rows = [held[code] for code in codes if code in held]
    return np.bincount(np.concatenate(rows), minlength=size).astype(np.float64) if rows else np.zeros(size)
