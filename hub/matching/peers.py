"""Peer States for a need: what they did, and how like the asker's their situation is. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from hub.matching import situation
from hub.matching.agencies import NOTHING_PRIVATE, Private
from hub.matching.candidates import Evidence, Rows, StateFacts
from hub.matching.scoring import Need, Relevance, Scores, Told, answer_terms, answers_told, lost_answer, of_records
from hub.matching.sums import Candidate, Term, matches, score, spread
from hub.matching.tables import NOBODY, counted
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
    private: Private = NOTHING_PRIVATE,
    excluded: Collection[str] = (),
) -> tuple[Match, ...]:
    """States whose practices meet the need, asker and `excluded` left out, a subregion at most three times among the first ten.

    All are added up; reasons are made for those that are listed alone.
    """
    told = answers_told(evidence, need)
    done = [one for one in _done(evidence, need, found) if evidence.states[one.state].id not in excluded]
    alike = _sums_alike(evidence, need)
    ranked: list[tuple[float, _Done]] = []
    for one in done:
        state = evidence.states[one.state].id
        answers = score(answer_terms(told, state, "peer.answer", "answer_received"))
        ranked.append((one.worth() + float(alike[one.state]) + answers + private.worth(state), one))
    ranked.sort(key=lambda each: (-round(each[0], 9), each[1].state))  # States are in order of id
    order = spread([_kin(evidence.states[one.state]) for _, one in ranked], PER_SUBREGION, TOP)
    nearest = next((row for row in found.order.tolist() if evidence.practice[row]), None)
    seen = _Seen(evidence, need, found, told, nearest)
    listed = (_candidate(seen, ranked[at][1], private) for at in order[:limit])
    return matches(of_records(evidence, one) for one in listed)


class _Seen(NamedTuple):
    """What all States are seen by. `told`: public answers; `nearest`: row of the practice that is closest to the need."""

    evidence: Evidence
    need: Need
    found: Relevance
    told: Told
    nearest: int | None


def _kin(facts: StateFacts) -> str:
    return facts.regions[0] if facts.regions else ""


def _candidate(seen: _Seen, done: "_Done", private: Private) -> Candidate:
    evidence, need, found, told, nearest = seen
    facts, asker = evidence.states[done.state], evidence.state_rows.get(need.country)
    terms = [
        *_practice_terms(done.best()),
        *_neighbour_terms(evidence, facts, None if asker is None else evidence.states[asker]),
        *_likeness_terms(evidence, need, facts),
        *answer_terms(told, facts.id, "peer.answer", "answer_received"),
        *private.terms(facts.id),
    ]
    lost = partial(_lost, done, told, facts.id)
    gains = partial(_gains, evidence, found, done, nearest, facts)
    return Candidate(facts.id, facts.name, True, facts.id, terms, lost, gains, _kin(facts))


def _done(evidence: Evidence, need: Need, found: Relevance) -> "Iterable[_Done]":
    """What each State did that meets the need, where its best practice reaches the floor; the asker left out."""
    best = np.zeros(len(evidence.documents), np.bool_)
    best[found.order] = True
    counted = best & evidence.practice
    asker = evidence.state_rows.get(need.country, -1)
    pairs = np.flatnonzero(counted[evidence.country_document] & (evidence.country_state != asker))
    document, state = evidence.country_document[pairs], evidence.country_state[pairs]
    value = found.total[document] * np.where(evidence.country_first[pairs], 1.0, NOT_FIRST)
    order = np.lexsort((-value, state))  # stable, and pairs are in order of their documents
    document, state, value = document[order], state[order], value[order]
    for start, end in _runs(state):
        if value[start] >= FLOORS["peer"]:
            yield _Done(int(state[start]), document[start:end], value[start:end])


def _sums_alike(evidence: Evidence, need: Need) -> Scores:
    """(states,): what neighbourhood, championship and likeness of situations are worth, for all of them at once."""
    table, size = evidence.state_table, len(evidence.states)
    sums = weight("peer.champion") * table.champion
    asker = evidence.state_rows.get(need.country)
    if asker is not None:
        own = evidence.states[asker]
        sums[table.last.get(own.regions[-1] if own.regions else "", NOBODY)] += weight("peer.region")
        sums[table.first.get(own.regions[0] if own.regions else "", NOBODY)] += weight("peer.subregion")
        sums += weight("peer.commission") * (counted(table.commissions, set(own.commissions), size) > 0)
    for code, features in situation.features(evidence.situations, table, size, need.country, need.states):
        sums += weight(LIKENESS[code]) * features
    return sums


class _Done(NamedTuple):
    """The practices of a State (by row), best first: rows of records, and what each is worth."""

    state: int
    rows: Rows
    values: Scores

    def best(self, without: int | None = None) -> list[tuple[int, float]]:
        """The three that count; `without` a row: those that count then."""
        few = zip(self.rows[: BEST + 1].tolist(), self.values[: BEST + 1].tolist(), strict=True)
        return [each for each in few if each[0] != without][:BEST]

    def worth(self) -> float:
        """What `_practice_terms` of the best sum to."""
        return sum(share * value for share, value in zip(_SHARES, self.values[:BEST].tolist(), strict=False))


_SHARES = (weight("peer.first"), weight("peer.second"), weight("peer.third"))
BEST = len(_SHARES)
"""So many practices of a State count."""


def _runs(values: Rows) -> Iterable[tuple[int, int]]:
    """Bounds of the runs of equal values."""
    bounds = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return ((start, end) for start, end in pairwise(bounds) if end > start)


def _practice_terms(done: Sequence[tuple[int, float]]) -> list[Term]:
    """The three best of (record, value), best first."""
    return [
        Term("practice_similar", {}, share * value, (), (row,))
        for share, (row, value) in zip(_SHARES, done, strict=False)
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
