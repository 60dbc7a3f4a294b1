"""How good matches are on the development requests, through the product's own import, index and model.

The floors are the figures of docs/matching.md less .02: they guard against loss, they are no proof of quality.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.database import Base
from hub.matching import service
from hub.matching.evaluate import evaluate, read_requests
from hub.matching.types import Matches, MatchRequest
from hub.search.packaged_model import ensure_packaged_model
from hub.settings import MODEL_FOLDER, Settings
from hub.wiring import Hub
from tests.relevance.bench_match_quality import in_order, read_pairs

pytestmark = [pytest.mark.model, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
RECORDS = [ROOT / "corpus" / "practices.jsonl", ROOT / "corpus" / "guidance.jsonl"]
REQUESTS = ROOT / "corpus" / "judgements" / "requests_dev.jsonl"
MODEL = ROOT / "var" / MODEL_FOLDER

NAMED = {"agencies_ndcg_at_5": 0.84, "peer_states_recall_at_10": 0.75, "practices_ndcg_at_10": 0.71}
HIDDEN = {"agencies_ndcg_at_5": 0.824, "peer_states_recall_at_10": 0.779, "practices_ndcg_at_10": 0.653}


@pytest.fixture(scope="module")
def corpus_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The whole corpus, imported and indexed with the real model. About a minute."""
    import hub.accounts.models
    import hub.events
    import hub.support.models  # noqa: F401
    from indexer.ingest import ingest_files
    from indexer.rebuild import rebuild

    folder = tmp_path_factory.mktemp("matching")
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


def matcher(parts: Hub, session: Any) -> Any:
    def match(request: MatchRequest) -> Matches:
        return service.match(session, request, embedder=parts.embedder, engine=parts.engine)

    return match


@pytest.mark.parametrize(
    ("hide", "floors"), [(False, NAMED), (True, HIDDEN)], ids=["objectives-named", "objectives-hidden"]
)
def test_matches_are_as_good_as_they_were(corpus_hub: Hub, hide: bool, floors: dict[str, float]) -> None:
    with corpus_hub.database.session() as session:
        figures = evaluate(matcher(corpus_hub, session), read_requests(REQUESTS), hide_objectives=hide)["all"]
    assert figures["requests"] == 20
    below = {name: figures[name] for name, floor in floors.items() if figures[name] < floor}
    assert not below


@pytest.mark.parametrize("split", ["tuning", "final"])
def test_of_two_states_the_one_whose_situation_is_alike_has_the_higher_score(corpus_hub: Hub, split: str) -> None:
    with corpus_hub.database.session() as session:

        def match(request: MatchRequest) -> Matches:
            return service.match(session, request, embedder=corpus_hub.embedder, engine=corpus_hub.engine, limit=300)

        right = [in_order(match, pair) for pair in read_pairs() if pair.split == split]
    assert len(right) == 15
    assert sum(right) >= 0.8 * len(right)


def test_no_asker_is_its_own_peer_and_all_lists_are_sums_of_reasons(corpus_hub: Hub) -> None:
    with corpus_hub.database.session() as session:
        for judged in read_requests(REQUESTS):
            found = matcher(corpus_hub, session)(judged.request)
            assert judged.request.country not in {match.id for match in found.peer_states}
            for match in (*found.agencies, *found.peer_states, *found.practices, *found.guidance):
                assert sum(reason.weight for reason in match.reasons) == pytest.approx(match.score, abs=1e-9)
                assert all(reason.evidence for reason in match.reasons)


@pytest.mark.parametrize(
    ("language", "title", "description"),
    [
        ("en", "Apple pie", "We ask for a recipe for an apple pie with cinnamon, and for oven temperatures."),
        ("en", "Satellites", "Help to design a rocket engine and a launch pad for small satellites."),
        ("es", "Paella", "Receta de paella con mariscos y azafrán."),
        ("ru", "Борщ", "Как приготовить борщ со сметаной и свёклой?"),
        ("ar", "الخبز", "وصفة لتحضير الخبز في المنزل."),
        ("zh", "牛肉面", "如何做一碗牛肉面？"),
    ],
)
def test_what_has_nothing_to_do_with_migration_gets_a_sentence_instead_of_matches(
    corpus_hub: Hub, language: str, title: str, description: str
) -> None:
    with corpus_hub.database.session() as session:
        found = matcher(corpus_hub, session)(MatchRequest("PRT", title, description, language))
    assert found == Matches((), (), (), (), notes=("out_of_scope",))


def test_short_requests_in_six_languages_are_not_taken_for_something_else(corpus_hub: Hub) -> None:
    titles = {
        "en": "Remittances cost too much",
        "fr": "Coût des envois de fonds",
        "es": "Niños no acompañados en tránsito",
        "ru": "Пенсии трудовых мигрантов",
        "ar": "حماية العمال المنزليين في الخارج",
        "zh": "我们希望保护在国外工作的家政工人",
    }
    with corpus_hub.database.session() as session:
        match = matcher(corpus_hub, session)
        found = {code: match(MatchRequest("PRT", title, "", code)) for code, title in titles.items()}
        again = {code: match(replace(MatchRequest("PRT", title, "", code))) for code, title in titles.items()}
    assert all(each.agencies and each.peer_states and each.practices for each in found.values())
    assert found == again
