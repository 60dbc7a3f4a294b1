"""How good matches are against the prototype, by paired intervals; peers by situation; weights left one out. See docs/benchmarks.md.

    python -m tests.relevance.bench_match_quality [--leave-one-out]

Over the hub that the settings name (`HUB_VAR`), with its corpus imported and indexed.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from hub.matching import candidates, service, weights
from hub.matching.evaluate import JudgedRequest, per_request, read_requests
from hub.matching.types import Matches, MatchRequest
from hub.matching.weights import Weight
from hub.search.metrics import interval
from hub.settings import load
from hub.wiring import Hub
from tests.relevance.match_prototype import prototype

JUDGEMENTS = Path(__file__).parents[2] / "corpus" / "judgements"
FIGURES = (
    "agencies_ndcg_at_5",
    "agencies_ndcg_at_5_without_top",
    "peer_states_recall_at_5",
    "peer_states_recall_at_10",
    "practices_ndcg_at_10",
)
LISTS = {"agency": FIGURES[0], "peer": FIGURES[3], "record": FIGURES[4]}
"""Prefix of weights -> the figure that they are for."""
FACTORS = (0.0, 0.5, 1.5, 2.0)

Matcher = Callable[[MatchRequest], Matches]


@dataclass(frozen=True, slots=True)
class Pair:
    """`better` helps the asker more than `worse`."""

    id: str
    request: MatchRequest
    better: str
    worse: str
    split: str


def read_pairs(path: Path = JUDGEMENTS / "peer_pairs.jsonl") -> list[Pair]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Pair(
            row["id"],
            MatchRequest(
                row["country"], row["title"], row["description"], row["language"], tuple(row["gcm_objectives"])
            ),
            row["better"],
            row["worse"],
            row["split"],
        )
        for row in rows
    ]


def in_order(match: Matcher, pair: Pair) -> bool:
    """Whether the better State has the higher score; one that is not listed has none. `match` must list all."""
    scores = {one.id: one.score for one in match(pair.request).peer_states}
    return pair.better in scores and scores[pair.better] > scores.get(pair.worse, float("-inf"))


class Once:
    """An embedder that encodes each text once."""

    def __init__(self, embedder: Any) -> None:
        self.model, self.dim, self.documents = embedder.model, embedder.dim, embedder.documents
        self._embedder = embedder
        self._known: dict[tuple[str, ...], Any] = {}

    def queries(self, texts: Sequence[str]) -> Any:
        key = tuple(texts)
        if key not in self._known:
            self._known[key] = self._embedder.queries(texts)
        return self._known[key]


@contextmanager
def changed(values: Mapping[str, float]) -> Iterator[None]:
    """With other weights for a while."""
    kept = weights.WEIGHTS
    weights.WEIGHTS = MappingProxyType({**kept, **{name: Weight(value, "tried") for name, value in values.items()}})
    try:
        yield
    finally:
        weights.WEIGHTS = kept


def compare(match: Matcher, baseline: Matcher, requests: Sequence[JudgedRequest]) -> None:
    for hide in (False, True):
        ours, theirs = (per_request(each, requests, hide_objectives=hide) for each in (match, baseline))
        print("objectives hidden" if hide else "objectives named")
        for name in FIGURES:
            gains = [own[name] - other[name] for own, other in zip(ours, theirs, strict=True)]
            low, high = interval(gains)
            own, other = (float(np.mean([row[name] for row in rows])) for rows in (ours, theirs))
            print(
                f"  {name:32} {own:.3f}  prototype {other:.3f}  difference {own - other:+.3f} [{low:+.3f}, {high:+.3f}]"
            )


def judge_pairs(match: Matcher, pairs: Sequence[Pair]) -> None:
    held = {pair: in_order(match, pair) for pair in pairs}
    for split in ("tuning", "final"):
        half = [right for pair, right in held.items() if pair.split == split]
        print(f"pairs, {split:6} half: {sum(half)} of {len(half)} in the right order")
    print("  wrong:", ", ".join(pair.id for pair, right in held.items() if not right) or "none")


def leave_one_out(match: Matcher, requests: Sequence[JudgedRequest]) -> None:
    """Of changes of one weight at a time the best on nineteen requests, named and hidden, judged on the twentieth."""
    for prefix, figure in LISTS.items():
        names = [name for name in weights.WEIGHTS if name.startswith(f"{prefix}.")]
        tried = [{}, *({name: weights.weight(name) * factor} for name in names for factor in FACTORS)]
        rows: list[list[list[float]]] = []
        for values in tried:
            with changed(values):
                rows.append(
                    [
                        [row[figure] for row in per_request(match, requests, hide_objectives=hide)]
                        for hide in (False, True)
                    ]
                )
        found = np.array(rows)  # (tried, 2, requests)
        left = np.arange(len(requests))
        kept = [found[int(np.argmax(found[:, :, left != at].mean(axis=(1, 2)))), :, at] for at in left]
        named, hidden = np.mean(kept, axis=0)
        print(
            f"leave-one-out {figure:26} {named:.3f} / {hidden:.3f}; any one changed: {found.mean(axis=2).min():.3f} at least"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leave-one-out", action="store_true")
    arguments = parser.parse_args()
    requests = read_requests(JUDGEMENTS / "requests_dev.jsonl")
    parts = Hub(load())
    with closing(parts), parts.database.session() as session:
        embedder: Any = Once(parts.embedder)

        def match(request: MatchRequest, limit: int = 10) -> Matches:
            return service.match(session, request, embedder=embedder, engine=parts.engine, limit=limit)

        evidence = candidates.evidence(session, embedder)
        compare(match, lambda request: prototype(evidence, request, embedder, parts.engine), requests)
        judge_pairs(lambda request: match(request, 300), read_pairs())
        with changed({name: 0.0 for name in weights.WEIGHTS if name in SITUATION}):
            print("without the situation of States:")
            judge_pairs(lambda request: match(request, 300), read_pairs())
        if arguments.leave_one_out:
            leave_one_out(match, requests)


SITUATION = {f"peer.{name}" for name in ("corridor", "ends", "route", "role", "commission", "size", "language")}

if __name__ == "__main__":
    main()
