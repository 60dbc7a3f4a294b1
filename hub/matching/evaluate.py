"""How good matches are, by requests of which it is known who should help: means over all and per language."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hub.matching.types import Match, Matches, MatchRequest
from hub.search.metrics import ndcg_at, recall_at, reciprocal_rank


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
    agencies, peers, practices = _ids(found.agencies), _ids(found.peer_states), _ids(found.practices)
    others = [agency for agency in agencies if agency != top]
    return {
        "agencies_ndcg_at_5": ndcg_at(5, agencies, _gains(judged.agencies)),
        "agencies_ndcg_at_5_without_top": ndcg_at(5, others, _gains(set(judged.agencies) - {top})),
        "agencies_mrr": reciprocal_rank(agencies, judged.agencies),
        "peer_states_recall_at_5": recall_at(5, peers, judged.peer_states),
        "peer_states_recall_at_10": recall_at(10, peers, judged.peer_states),
        "practices_ndcg_at_10": ndcg_at(10, practices, _gains(judged.practices)),
    }


def _ids(matches: Sequence[Match]) -> list[str]:
    return [match.id for match in matches]


def _gains(relevant: Iterable[str]) -> dict[str, float]:
    return dict.fromkeys(relevant, 1.0)


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    return {"requests": len(rows)} | {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
