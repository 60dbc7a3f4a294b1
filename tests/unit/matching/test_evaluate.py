"""Figures of matching, against values worked out by hand."""

import json
import math
from pathlib import Path

import pytest

from hub.matching import evaluate
from hub.matching.types import Match, Matches, MatchRequest


def listed(*ids: str) -> tuple[Match, ...]:
    return tuple(Match(id_, id_, rank, 1.0, (), True, None) for rank, id_ in enumerate(ids, start=1))


def requests(tmp_path: Path, **changes: object) -> list[evaluate.JudgedRequest]:
    line = {
        "rid": "r1",
        "country": "GHA",
        "title": "t",
        "description": "d",
        "language": "fr",
        "gcm_objectives": [22],
        "expected_agencies": ["ILO", "IOM"],
        "expected_peer_states": ["MAR", "PHL"],
        "relevant_practices": ["a"],
        "origin": "synthetic",
        **changes,
    }
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps(line) + "\n\n", encoding="utf-8")
    return evaluate.read_requests(path)


def test_figures_are_means_over_all_and_per_language(tmp_path: Path) -> None:
    answer = Matches(listed("WHO", "ILO"), listed("BEL", "MAR"), listed("a"), ())
    result = evaluate.evaluate(lambda _: answer, requests(tmp_path))
    assert set(result) == {"all", "fr"}
    figures = result["all"]
    assert figures["requests"] == 1
    assert figures["agencies_ndcg_at_5"] == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert figures["agencies_mrr"] == 0.5
    assert figures["peer_states_recall_at_5"] == 0.5
    assert figures["practices_ndcg_at_10"] == 1.0


def test_hidden_objectives_are_not_shown_to_the_matcher(tmp_path: Path) -> None:
    seen: list[MatchRequest] = []

    def match(request: MatchRequest) -> Matches:
        seen.append(request)
        return Matches((), (), (), ())

    for hide in (False, True):
        evaluate.evaluate(match, requests(tmp_path), hide_objectives=hide)
    assert [request.objectives for request in seen] == [(22,), ()]
    assert all("expected" not in repr(request) for request in seen)


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"requests\.jsonl:1"):
        requests(tmp_path, gcm_objectives=["x"])
