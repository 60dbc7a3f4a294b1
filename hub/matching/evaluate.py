"""How good matches are, by requests of which it is known who should help: means over all and per language."""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hub.matching.types import Match, Matches, MatchRequest


@dataclass(frozen=True, slots=True)
class JudgedRequest:
    """A need and what is relevant to it (ids as in `Match.id`); what is not listed is not relevant."""

    id: str
    request: MatchRequest
    agencies: tuple[str, ...]
    peer_states: tuple[str, ...]
    practices: tuple[str, ...]


def read_requests(path: Path) -> list[JudgedRequest]:
    """JSON Lines; ValueError names the line that cannot be read. Further keys are ignored."""
    requests: list[JudgedRequest] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            requests.append(
                JudgedRequest(
                    id=data["rid"],
                    request=MatchRequest(
                        country=data["country"],
                        title=data["title"],
                        description=data["description"],
                        language=data.get("language"),
                        objectives=tuple(int(number) for number in data.get("gcm_objectives", ())),
                    ),
                    agencies=tuple(data["expected_agencies"]),
                    peer_states=tuple(data["expected_peer_states"]),
                    practices=tuple(data["relevant_practices"]),
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}:{number}: {error!r}") from error
    return requests


def evaluate(
    match: Callable[[MatchRequest], Matches], requests: Sequence[JudgedRequest], *, hide_objectives: bool = False
) -> dict[str, dict[str, float]]:
    """`all` and each language -> figure -> mean over its requests; `requests` is their number.

    `agencies_ndcg_at_5_without_top`: the agency that is expected most often (it fits nearly everything) left out.
    """
    figures = per_request(match, requests, hide_objectives=hide_objectives)
    groups: dict[str, list[Mapping[str, float]]] = {"all": []}
    for judged, values in zip(requests, figures, strict=True):
        groups["all"].append(values)
        groups.setdefault(judged.request.language or "unknown", []).append(values)
    return {group: _means(rows) for group, rows in groups.items() if rows}


def per_request(
    match: Callable[[MatchRequest], Matches], requests: Sequence[JudgedRequest], *, hide_objectives: bool = False
) -> list[dict[str, float]]:
    """The figures of each request, in order: what intervals and comparisons rest on."""
    expected = [agency for judged in requests for agency in judged.agencies]
    top = max(sorted(set(expected)), key=expected.count, default="")
    return [_judge(judged, match(_asked(judged, hide_objectives=hide_objectives)), top) for judged in requests]


def _asked(judged: JudgedRequest, *, hide_objectives: bool) -> MatchRequest:
    return replace(judged.request, objectives=()) if hide_objectives else judged.request


def _judge(judged: JudgedRequest, found: Matches, top: str) -> dict[str, float]:
    agencies, peers, practices = (_ids(found.agencies), _ids(found.peer_states), _ids(found.practices))
    return {
        "agencies_ndcg_at_5": ndcg(agencies, judged.agencies, 5),
        "agencies_ndcg_at_5_without_top": ndcg(
            [agency for agency in agencies if agency != top], [agency for agency in judged.agencies if agency != top], 5
        ),
        "agencies_mrr": reciprocal_rank(agencies, judged.agencies),
        "peer_states_recall_at_5": recall(peers, judged.peer_states, 5),
        "peer_states_recall_at_10": recall(peers, judged.peer_states, 10),
        "practices_ndcg_at_10": ndcg(practices, judged.practices, 10),
    }


def _ids(matches: Sequence[Match]) -> list[str]:
    return [match.id for match in matches]


def ndcg(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Normalised discounted cumulative gain with gains 0 or 1; 0 if nothing is relevant."""
    gain = sum(1 / math.log2(rank + 1) for rank, one in enumerate(ranked[:k], start=1) if one in relevant)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(set(relevant))) + 1))
    return gain / ideal if ideal else 0.0


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str]) -> float:
    return next((1 / rank for rank, one in enumerate(ranked, start=1) if one in relevant), 0.0)


def recall(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    wanted = set(relevant)
    return len(wanted & set(ranked[:k])) / len(wanted) if wanted else 0.0


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    return {"requests": len(rows)} | {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
