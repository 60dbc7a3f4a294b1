"""Judging by data: folders apart from the served index, queries over it, comparisons of two results."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub.cli import main
from hub.evaluation import EvaluationError, compare, evaluate_folder, evaluate_hub, read_queries, read_result
from hub.search.embedding import HashEmbedder
from hub.search.metrics import interval, ndcg_at, recall_at, reciprocal_rank
from hub.wiring import Hub
from indexer.rebuild import rebuild
from tests import factories


class CountingEmbedder(HashEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def queries(self, texts: Any) -> Any:
        self.asked += texts
        return super().queries(texts)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def question(qid: str, query: str, *slugs: str, language: str = "en", grade: int = 3) -> dict[str, Any]:
    relevant = [{"id": slug, "grade": grade} for slug in slugs]
    return {"qid": qid, "query": query, "language": language, "relevant": relevant}


@pytest.fixture
def served(hub: Hub) -> Hub:
    """Three published practices, indexed."""
    hub.__dict__["embedder"] = CountingEmbedder()
    with hub.database.session() as session:
        for slug, title, language in (
            ("fishers", "Insurance for fishers", "en"),
            ("nurses", "Recruitment of nurses", "en"),
            ("pescadores", "Seguro para pescadores", "es"),
        ):
            factories.document(session, slug, title=title, summary=title, language=language)
        session.commit()
    rebuild(hub)
    return hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "tiny"
    write_lines(
        data / "corpus.jsonl",
        [{"_id": "a", "title": "Wheat", "text": "wheat grows"}, {"_id": "b", "title": "Rye", "text": "rye grows"}],
    )
    write_lines(data / "queries.jsonl", [{"_id": "q1", "text": "wheat"}, {"_id": "q2", "text": "rye"}])
    (data / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\ta\t1\nq2\ta\t1\n", encoding="utf-8")
    return data


def test_gains_count_as_graded_and_fall_with_the_logarithm_of_the_rank():
    gains = {"a": 3.0, "b": 1.0}
    ideal = 3 + 1 / math.log2(3)
    assert ndcg_at(10, ["x", "a", "b"], gains) == pytest.approx((3 / math.log2(3) + 1 / math.log2(4)) / ideal)
    assert ndcg_at(1, ["x", "a"], gains) == 0
    assert ndcg_at(10, ["a"], {}) == 0


def test_recall_and_reciprocal_rank_look_at_what_is_relevant():
    assert recall_at(2, ["a", "x", "b"], {"a", "b"}) == 0.5
    assert reciprocal_rank(["x", "a"], {"a", "b"}) == 0.5
    assert reciprocal_rank(["x"], {"a"}) == 0


def test_an_interval_holds_the_mean_narrows_with_more_queries_and_is_the_same_each_time():
    few, many = [0.0, 1.0] * 5, [0.0, 1.0] * 500
    low, high = interval(few)
    assert low < 0.5 < high
    assert interval(many)[1] - interval(many)[0] < (high - low) / 5
    assert interval(few) == (low, high)
    assert interval([0.25] * 8) == (0.25, 0.25)


def test_the_served_index_is_judged_by_mode_and_language(served: Hub, tmp_path: Path):
    path = write_lines(
        tmp_path / "queries.jsonl",
        [question("1", "insurance", "fishers"), question("2", "pescadores", "pescadores", language="es")],
    )
    result = evaluate_hub(served, path)
    assert list(result["modes"]) == ["keyword", "vector", "hybrid", "rrf"]
    assert (result["queries"], result["documents"], result["unknown"]) == (2, 3, [])
    keyword = result["modes"]["keyword"]
    assert keyword["ndcg_at_10"] == keyword["mrr"] == keyword["recall_at_10"] == keyword["recall_at_100"] == 1
    assert keyword["intervals"]["mrr"] == (1, 1)
    assert {language: part["queries"] for language, part in keyword["languages"].items()} == {"en": 1, "es": 1}


def test_each_query_is_encoded_once_whatever_the_modes(served: Hub, tmp_path: Path):
    path = write_lines(
        tmp_path / "queries.jsonl", [question("1", "insurance", "fishers"), question("2", "x", "nurses")]
    )
    evaluate_hub(served, path)
    assert served.embedder.asked == ["insurance", "x"]


def test_a_judged_record_that_the_hub_does_not_hold_is_named_and_counts_as_not_found(served: Hub, tmp_path: Path):
    path = write_lines(tmp_path / "queries.jsonl", [question("1", "insurance", "fishers", "gone")])
    result = evaluate_hub(served, path, ["keyword"])
    assert result["unknown"] == ["gone"]
    assert result["modes"]["keyword"]["recall_at_100"] == 0.5


def test_without_a_model_only_keywords_are_judged(served: Hub, tmp_path: Path):
    served.__dict__["embedder"] = None
    path = write_lines(tmp_path / "queries.jsonl", [question("1", "insurance", "fishers")])
    assert list(evaluate_hub(served, path)["modes"]) == ["keyword"]


def test_a_folder_is_judged_apart_from_the_served_index(served: Hub, folder: Path, tmp_path: Path):
    result = evaluate_folder(served, folder, vectors=tmp_path / "vectors.db")
    assert result["documents"] == result["queries"] == result["encoded"] == 2
    assert result["modes"]["keyword"]["per_query"]["q1"]["ndcg_at_10"] == 1
    assert result["modes"]["keyword"]["per_query"]["q2"]["ndcg_at_10"] == 0
    assert served.engine.status().documents == 3
    assert evaluate_folder(served, folder, vectors=tmp_path / "vectors.db")["encoded"] == 0


def test_a_comparison_is_paired_by_query():
    def result(**values: float) -> dict[str, Any]:
        metrics = ("ndcg_at_10", "recall_at_10", "recall_at_100", "mrr")
        return {
            "modes": {"hybrid": {"per_query": {qid: dict.fromkeys(metrics, value) for qid, value in values.items()}}}
        }

    compared = compare(result(a=0.1, b=0.9, gone=1.0), result(a=0.2, b=1.0, new=0.0))
    change = compared["modes"]["hybrid"]["mrr"]
    assert compared["queries"] == 2
    assert change["difference"] == pytest.approx(0.1)
    assert change["interval"] == (pytest.approx(0.1), pytest.approx(0.1))
    assert (change["gained"], change["lost"]) == (2, 0)
    with pytest.raises(EvaluationError):
        compare(result(a=1.0), result(b=1.0))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "queries.jsonl"),
        ('{"qid": "1", "query": "x", "relevant": []}', ":1: language is missing"),
        ('{"qid": "1", "query": "x", "language": "en", "relevant": [{"id": "a"}]}', ":1: relevant"),
    ],
)
def test_a_fault_in_the_queries_names_file_and_line(tmp_path: Path, line: str, said: str):
    path = tmp_path / "queries.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(EvaluationError, match=said):
        read_queries(path)


def test_questions_that_nothing_answers_are_counted_apart(served: Hub, tmp_path: Path):
    path = write_lines(tmp_path / "queries.jsonl", [question("1", "insurance", "fishers"), question("2", "comets")])
    result = evaluate_hub(served, path)
    assert result["queries"] == 1
    assert list(result["modes"]["hybrid"]["per_query"]) == ["1"]
    assert result["weak"] == {"answerable": 0, "unanswerable": 0}  # this encoder has no measured limit
    alone = evaluate_hub(served, write_lines(tmp_path / "alone.jsonl", [question("2", "comets")]))
    assert (alone["modes"], set(alone["weak"])) == ({}, {"unanswerable"})


def test_a_file_without_queries_is_refused(served: Hub, tmp_path: Path):
    with pytest.raises(EvaluationError):
        evaluate_hub(served, write_lines(tmp_path / "queries.jsonl", []))


def test_what_is_no_result_cannot_be_compared(tmp_path: Path):
    path = tmp_path / "result.json"
    path.write_text('{"modes": {"hybrid": {}}}', encoding="utf-8")
    with pytest.raises(EvaluationError):
        read_result(path)


def test_results_are_written_by_one_command_and_compared_by_another(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HUB_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("HUB_EMBEDDING_MODEL", "none")
    out = tmp_path / "result.json"
    judged = CliRunner().invoke(main, ["eval", "search", str(folder), "--out", str(out)])
    assert judged.exit_code == 0, judged.output
    assert "nDCG@10 0.500 [0.000, 1.000]" in judged.output
    compared = CliRunner().invoke(main, ["eval", "compare", str(out), str(out), "--json"])
    assert json.loads(compared.output)["modes"]["keyword"]["ndcg_at_10"]["difference"] == 0
