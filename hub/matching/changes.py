"""Why this rank, and what would change it: from the gains and counterfactual scores that matches carry. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence

from hub.matching.sums import spread
from hub.matching.types import Change, Match, Reason, ReasonParam
from hub.matching.weights import FLOORS, PER_SUBREGION, TOP

FLOOR_OF: Mapping[str, str] = {"agencies": "agency", "practices": "record", "guidance": "record", "funding": "funding"}
"""List of `Matches` -> the floor of its scores. The other floors ask more than a score."""
MOST = 3
"""So many gains, and so many losses, are told: those that take least."""


def what_would_change(matches: Sequence[Match], position: int, *, floor: str = "") -> tuple[Change, ...]:
    """For the match at `position` of one list as it was returned, best first.

    First what the one above is ahead by; then the smallest gains that lift its rank, each alone; then the reasons without
    which it falls, heaviest first. `floor`: a key of `FLOORS` below which the list ends.
    """
    match = matches[position]
    behind = (_behind(matches[position - 1], match),) if position else ()
    lifted = [
        Change("gain", gain.code, gain.params, gain.weight, rank)
        for gain in match.gains
        if (rank := _rank(matches, position, match.score + gain.weight)) < match.rank
    ]
    lost: list[Change] = []
    for reason in match.reasons:
        if reason.without is None or reason.without >= match.score:
            continue
        gone = bool(floor) and reason.without < FLOORS[floor]
        rank = _rank(matches, position, reason.without)
        if gone or rank > match.rank:
            params: dict[str, ReasonParam] = {**reason.params, "reason": reason.id}
            if rank == len(matches):
                params["or_lower"] = 1  # what stands below the list is not known here
            lost.append(Change("loss", reason.code, params, reason.without - match.score, None if gone else rank))
    return (
        *behind,
        *sorted(lifted, key=lambda change: (change.weight, change.code, sorted(change.params)))[:MOST],
        *sorted(lost, key=lambda change: (change.weight, change.code))[:MOST],
    )


def _rank(matches: Sequence[Match], position: int, score: float) -> int:
    """The place that the match would have with this score among the same others."""
    own = matches[position]
    others = [one for one in matches if one is not own]
    ordered = sorted(
        [(-round(one.score, 9), one.id, one.kin) for one in others] + [(-round(score, 9), own.id, own.kin)]
    )
    order = spread([kin for _, _, kin in ordered], PER_SUBREGION, TOP)
    return 1 + next(place for place, at in enumerate(order) if ordered[at][1] == own.id)


def _behind(above: Match, match: Match) -> Change:
    """The code of reasons by which `above` is ahead most, with the parameters of its heaviest reason of that code."""
    ahead = {
        reason.code: _sum(above, reason.code) - _sum(match, reason.code) for reason in (*above.reasons, *match.reasons)
    }
    code = max(sorted(ahead), key=lambda one: ahead[one])
    reason = next(_of(above, code), None)
    params = {**(reason.params if reason else {}), "above": above.id, "gap": above.score - match.score}
    return Change("behind", code, params, ahead[code], above.rank)


def _of(match: Match, code: str) -> Iterator[Reason]:
    return (reason for reason in match.reasons if reason.code == code)


def _sum(match: Match, code: str) -> float:
    return math.fsum(reason.weight for reason in _of(match, code))
