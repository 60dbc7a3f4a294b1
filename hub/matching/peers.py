"""Peer States for a need: what they did, and how like the asker's their situation is. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from hub.matching import situation
from hub.matching.agencies import Private, nothing_private
from hub.matching.candidates import Evidence, Rows, StateFacts
from hub.matching.scoring import Need, Relevance, Scores, Told, answer_terms, answers_told, lost_answer, of_records
from hub.matching.sums import Candidate, Term, best_first, matches, score, spread
from hub.matching.types import Gain, Match
from hub.matching.weights import FLOORS, NOT_FIRST, PER_SUBREGION, TOP, weight

LIKENESS: Mapping[str, str] = MappingProxyType(
    {
        "corridor_ends": "peer.corridor",
        "destinations_shared": "peer.ends",
        "origins_shared": "peer.ends",
        "route_shared": "peer.route",
        "role_like": "peer.role",
        "same_size": "peer.size",
        "same_language": "peer.language",
    }
)
"""Code of a likeness of situations -> its weight."""


def peer_states(
    evidence: Evidence,
    need: Need,
    found: Relevance,
    *,
    limit: int,
    private: Private = nothing_private,
    excluded: Collection[str] = (),
) -> tuple[Match, ...]:
    """States whose practices meet the need, asker and `excluded` left out, a subregion at most three times among the first ten."""
    ranked = best_first(candidates(evidence, need, found, private, excluded))
    order = spread([one.kin for one in ranked], PER_SUBREGION, TOP)
    return matches(of_records(evidence, ranked[position]) for position in order[:limit])


def candidates(
    evidence: Evidence, need: Need, found: Relevance, private: Private, excluded: Collection[str] = ()
) -> list[Candidate]:
    best = np.zeros(len(evidence.documents), np.bool_)
    best[found.order] = True
    counted = best & evidence.practice
    asker = evidence.state_rows.get(need.country, -1)
    pairs = np.flatnonzero(counted[evidence.country_document] & (evidence.country_state != asker))
    document, state = evidence.country_document[pairs], evidence.country_state[pairs]
    value = found.total[document] * np.where(evidence.country_first[pairs], 1.0, NOT_FIRST)
    order = np.lexsort((-value, state))  # stable, and pairs are in order of their documents
    document, state, value = document[order], state[order], value[order]
    nearest = next((row for row in found.order.tolist() if evidence.practice[row]), None)
    own = evidence.states[asker] if asker >= 0 else None
    told = answers_told(evidence, need)
    listed: list[Candidate] = []
    for start, end in _runs(state):
        if value[start] < FLOORS["peer"]:
            continue
        facts = evidence.states[int(state[start])]
        if facts.id in excluded:
            continue
        done = _Done(document[start:end], value[start:end])
        terms = [
            *_practice_terms(done.best()),
            *_neighbour_terms(evidence, facts, own),
            *_likeness_terms(evidence, need, facts),
            *answer_terms(told, facts.id, "peer.answer", "answer_received"),
            *private(facts.id),
        ]
        lost = partial(_lost, done, told, facts.id)
        gains = partial(_gains, evidence, found, done, nearest, facts)
        kin = facts.regions[0] if facts.regions else ""
        listed.append(Candidate(facts.id, facts.name, True, facts.id, terms, lost, gains, kin))
    return listed


class _Done(NamedTuple):
    """The practices of a State, best first: rows of records, and what each is worth."""

    rows: Rows
    values: Scores

    def best(self, without: int | None = None) -> list[tuple[int, float]]:
        """The three that count; `without` a row: those that count then."""
        few = zip(self.rows[: BEST + 1].tolist(), self.values[: BEST + 1].tolist(), strict=True)
        return [each for each in few if each[0] != without][:BEST]


BEST = 3
"""So many practices of a State count."""


def _runs(values: Rows) -> Iterable[tuple[int, int]]:
    """Bounds of the runs of equal values."""
    bounds = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return ((start, end) for start, end in pairwise(bounds) if end > start)


def _practice_terms(done: Sequence[tuple[int, float]]) -> list[Term]:
    """The three best of (record, value), best first."""
    shares = (weight("peer.first"), weight("peer.second"), weight("peer.third"))
    return [
        Term("practice_similar", {}, share * value, (), (row,))
        for share, (row, value) in zip(shares, done, strict=False)
    ]


def _neighbour_terms(evidence: Evidence, facts: StateFacts, own: StateFacts | None) -> Iterable[Term]:
    regions = own.regions if own else ()
    if regions and facts.regions and facts.regions[-1] == regions[-1]:
        yield Term("same_region", {"region": regions[-1]}, weight("peer.region"), (f"region:{regions[-1]}", facts.id))
    if regions and facts.regions and facts.regions[0] == regions[0]:
        yield Term(
            "same_subregion", {"region": regions[0]}, weight("peer.subregion"), (f"region:{regions[0]}", facts.id)
        )
    if own and (shared := sorted(set(own.commissions) & set(facts.commissions))):
        bodies = tuple(evidence.agency_ids.get(code, code) for code in shared)
        yield Term("same_commission", {"commission": shared[0]}, weight("peer.commission"), (*bodies, facts.id))
    if facts.champion:
        yield Term("champion", {"country": facts.id}, weight("peer.champion"), (f"champion:{facts.id}",))


def _likeness_terms(evidence: Evidence, need: Need, facts: StateFacts) -> Iterable[Term]:
    for code, params, feature, told in situation.likenesses(evidence.situations, need.country, facts.id, need.states):
        yield Term(code, params, weight(LIKENESS[code]) * feature, told)


# What if


def _lost(done: _Done, told: Told, state: str, term: Term) -> float:
    """Without a practice, or an answer, the next best stands in its place."""
    if term.code == "answer_received":
        return lost_answer(told, state, "peer.answer")
    if term.code != "practice_similar":
        return -term.weight
    return score(_practice_terms(done.best(without=term.rows[0]))) - score(_practice_terms(done.best()))


def _gains(evidence: Evidence, found: Relevance, done: _Done, nearest: int | None, facts: StateFacts) -> Iterable[Gain]:
    if nearest is not None and nearest not in done.rows:
        more = sorted([*done.best(), (nearest, float(found.total[nearest]))], key=lambda each: (-each[1], each[0]))
        gained = score(_practice_terms(more)) - score(_practice_terms(done.best()))
        yield Gain("practice_similar", {"title": evidence.documents[nearest].title}, gained)
    if not facts.champion:
        yield Gain("champion", {"country": facts.id}, weight("peer.champion"))
