"""Suggestions: titles for what has been typed so far."""

import pytest

from hub.errors import SearchUnavailable
from hub.search.engine import SearchEngine
from hub.search.types import Suggested
from tests.contract.documents import doc, serve


def titles(engine: SearchEngine, prefix: str, limit: int = 10) -> list[str]:
    return [each.title for each in engine.suggest(prefix, limit)]


def test_titles_are_suggested_by_beginnings_of_words(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("a", "migration", title="Contracts for Migrant Workers"),
        doc("b", title="Migrant workers’ contracts"),
        doc("c", title="Éducation des migrants", language="fr"),
        doc("d", title="Border health"),
    )

    assert titles(engine, "mig") == [
        "Migrant workers’ contracts",
        "Contracts for Migrant Workers",
        "Éducation des migrants",
    ]
    assert titles(engine, "contracts for mi") == ["Contracts for Migrant Workers"]
    assert titles(engine, "workers con") == ["Contracts for Migrant Workers", "Migrant workers’ contracts"]
    assert titles(engine, "educ") == titles(engine, "ÉDUC") == ["Éducation des migrants"]
    assert titles(engine, "work mig") == titles(engine, "photo") == []
    assert engine.suggest("bord", 1) == (Suggested("d", "d", "en", "Border health"),)


def test_chinese_and_arabic_titles_are_suggested(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("a", title="保护家政工人的权利", language="zh"),
        doc("b", title="家政工人", language="zh"),
        doc("c", title="حِمَايَةُ العُمَّالِ", language="ar"),
    )

    assert titles(engine, "家政工") == ["家政工人", "保护家政工人的权利"]
    assert titles(engine, "حما") == ["حِمَايَةُ العُمَّالِ"]


def test_what_begins_so_comes_first_then_by_id_and_the_limit_holds(engine: SearchEngine) -> None:
    serve(
        engine,
        *(doc(f"a{at:02}", title=f"On the border {at}") for at in range(20)),
        *(doc(f"b{at:02}", title=f"Border {at}") for at in range(3)),
    )

    assert [each.id for each in engine.suggest("bor", 5)] == ["b00", "b01", "b02", "a00", "a01"]
    assert len(engine.suggest("bor", 100)) == 23


def test_a_work_is_suggested_once(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("w1-en", title="GCM", work="w1"),
        doc("w1-fr", title="GCM ", work="w1", language="fr"),
        doc("w2", title="About GCM"),
    )

    assert [(each.id, each.work) for each in engine.suggest("gc", 10)] == [("w1-en", "w1"), ("w2", "w2")]


@pytest.mark.parametrize("prefix", ["", " ", "m", "*", "?", '"', "m.*", "x" * 5_000, "a " * 500, "\x00", "\ud800"])
def test_too_little_too_much_and_signs_suggest_nothing(engine: SearchEngine, prefix: str) -> None:
    serve(engine, doc("a", title="Migration"))

    assert engine.suggest(prefix, 10) == ()


def test_deleted_titles_are_not_suggested(engine: SearchEngine) -> None:
    serve(engine, doc("a", title="Migration"), doc("b", title="Migration"))
    engine.delete({"a": 1})
    engine.refresh()

    assert [each.id for each in engine.suggest("mi", 10)] == ["b"]


def test_without_a_generation_there_is_nothing_to_suggest_from(engine: SearchEngine) -> None:
    with pytest.raises(SearchUnavailable):
        engine.suggest("mi", 10)
