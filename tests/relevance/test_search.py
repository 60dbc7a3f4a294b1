"""How good answers are on the judged questions, through the product's own import, index and model.

The floors are the figures of docs/benchmarks.md less .02: they guard against loss, they are no proof of quality.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.database import Base
from hub.evaluation import compare, evaluate_hub, read_queries
from hub.search.packaged_model import ensure_packaged_model
from hub.search.service import search
from hub.settings import MODEL_FOLDER, Settings
from hub.wiring import Hub

pytestmark = [pytest.mark.model, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
RECORDS = [ROOT / "corpus" / "practices.jsonl", ROOT / "corpus" / "guidance.jsonl"]
JUDGEMENTS = ROOT / "corpus" / "judgements"
MODEL = ROOT / "var" / MODEL_FOLDER

AS_ASKED = {"ndcg_at_10": 0.562, "recall_at_100": 0.826}
LISTED = 110
"""Works that a question lists on average at most, of 581."""
SIX_LANGUAGES = {"ar": 0.452, "en": 0.553, "es": 0.497, "fr": 0.498, "ru": 0.491, "zh": 0.438}
TOLD, TOLD_WRONGLY = 0.7, 0.05
"""Share of the unanswerable questions that are told so at least, and of the others at most."""


@pytest.fixture(scope="module")
def corpus_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The whole corpus, imported and indexed with the real model. About a minute."""
    import hub.accounts.models
    import hub.events
    import hub.support.models  # noqa: F401
    from indexer.ingest import ingest_files
    from indexer.rebuild import rebuild

    folder = tmp_path_factory.mktemp("search")
    parts = Hub(
        Settings(
            var=folder,
            secret_key="only for tests",
            database_url=f"sqlite:///{folder / 'hub.db'}",
            embedding_model=str(ensure_packaged_model(MODEL)),
            testing=True,
        )
    )
    Base.metadata.create_all(parts.database.engine)
    assert ingest_files(parts, RECORDS, source="corpus").bad == 0
    rebuild(parts)
    yield parts
    parts.close()


@pytest.fixture(scope="module")
def as_asked(corpus_hub: Hub) -> dict[str, Any]:
    return evaluate_hub(corpus_hub, JUDGEMENTS / "queries_dev.jsonl")


def test_the_judged_questions_find_what_they_ask_for(as_asked: dict[str, Any]):
    hybrid = as_asked["modes"]["hybrid"]
    assert as_asked["unknown"] == []
    assert {name: hybrid[name] >= floor for name, floor in AS_ASKED.items()} == dict.fromkeys(AS_ASKED, True), hybrid


def test_hybrid_search_beats_each_of_its_sides_and_the_usual_fusion(as_asked: dict[str, Any]):
    modes = as_asked["modes"]
    for mode in ("keyword", "vector"):
        gain = compare({"modes": {"hybrid": modes[mode]}}, {"modes": {"hybrid": modes["hybrid"]}})
        assert gain["modes"]["hybrid"]["ndcg_at_10"]["interval"][0] > 0, mode
    assert modes["hybrid"]["ndcg_at_10"] > modes["rrf"]["ndcg_at_10"] + 0.02


def test_a_list_ends_where_records_have_little_to_do_with_the_question(corpus_hub: Hub):
    questions = [one.query for one in read_queries(JUDGEMENTS / "queries_dev.jsonl").values()]
    with corpus_hub.database.session() as session:
        totals = [search(corpus_hub.engine, corpus_hub.embedder, session, query).total for query in questions]
    assert sum(totals) / len(totals) <= LISTED


def test_a_question_finds_the_same_in_six_languages(corpus_hub: Hub):
    result = evaluate_hub(corpus_hub, JUDGEMENTS / "queries_dev_six.jsonl", ["hybrid"])
    reached = {name: part["ndcg_at_10"] for name, part in result["modes"]["hybrid"]["languages"].items()}
    below = {name: value for name, value in reached.items() if value < SIX_LANGUAGES[name]}
    assert below == {}


def test_a_question_that_nothing_answers_is_told_so(corpus_hub: Hub, tmp_path: Path):
    files = ("queries_dev_six.jsonl", "unanswerable.jsonl")
    both = tmp_path / "both.jsonl"
    both.write_text("".join((JUDGEMENTS / name).read_text(encoding="utf-8") for name in files), encoding="utf-8")
    weak = evaluate_hub(corpus_hub, both, ["hybrid"])["weak"]
    assert weak["unanswerable"] >= TOLD
    assert weak["answerable"] <= TOLD_WRONGLY
