"""Synonyms: a word of a query finds the other ways to write it, on both engines alike."""

import pytest

from hub.search.engine import SearchEngine
from hub.search.query import parse
from tests.contract.documents import doc, serve

DOCS = [
    doc("acronym", "A BLA with Qatar"),
    doc("long", "Two bilateral labour agreements were signed"),
    doc("apart", "A bilateral talk, a labour court, agreements"),
    doc("visado", "El visado de trabajo", language="es"),
    doc("people", "打击拐卖和贩运人口", language="zh"),
    doc("trade", "人口统计", language="zh"),
    doc("center", "A migrant resource center"),
]


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("BLA", "en", {"acronym", "long"}),
        ("BLA", None, {"acronym", "long"}),
        ("BLA", "fr", {"acronym"}),
        ("-BLA", "en", {each.id for each in DOCS} - {"acronym"}),
        ('"BLA"', "en", {"acronym"}),
        ("BLA -Qatar", "en", {"long"}),
        ("centre", "en", {"center"}),
        ("MRC", "en", {"center"}),
        ("visa", "es", {"visado"}),
    ],
)
def test_a_form_finds_the_others_of_its_group(
    engine: SearchEngine, text: str, language: str | None, found: set[str]
) -> None:
    serve(engine, *DOCS)

    retrieved = engine.retrieve(query=parse(text, language).tree, limit=10)

    assert {hit.id for hit in retrieved.keyword} == found


def test_a_longer_form_in_a_query_finds_the_acronym_too(engine: SearchEngine) -> None:
    serve(engine, *DOCS)

    retrieved = engine.retrieve(query=parse("bilateral labour agreement", "en").tree, limit=10)

    assert {hit.id for hit in retrieved.keyword} == {"acronym", "long", "apart"}
    assert retrieved.keyword[0].id == "long"


def test_chinese_forms_are_sought_side_by_side(engine: SearchEngine) -> None:
    serve(engine, *DOCS)

    hits = engine.retrieve(query=parse("人口贩运", "zh").tree, limit=10).keyword

    assert [hit.id for hit in hits] == ["people", "trade"]


def test_a_query_that_is_all_synonyms_stays_bounded(engine: SearchEngine) -> None:
    serve(engine, *DOCS)

    retrieved = engine.retrieve(query=parse("BLA TIP OFW " * 400, "en").tree, limit=10)

    assert {hit.id for hit in retrieved.keyword} == {"acronym", "long"}
