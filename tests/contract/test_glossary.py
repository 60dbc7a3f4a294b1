"""A question's words in other languages, on both engines alike."""

from dataclasses import replace

import pytest

from hub.search.engine import SearchEngine
from hub.search.query import parse
from hub.search.types import IndexDoc, Mode, Vector
from tests.contract.documents import doc, serve, vector


def spoken(doc_id: str, body: str, language: str = "en", vectors: tuple[Vector, ...] = ()) -> IndexDoc:
    """With its language among its facets, as every record has it."""
    return replace(doc(doc_id, body, language=language, vectors=vectors), facets={"language": (language,)})


DOCS = [
    spoken("en", "Remittances cost less", vectors=(vector(1, 0),)),
    spoken("fr", "Des envois de fonds moins chers", language="fr", vectors=(vector(1, 0.1),)),
    spoken("zh", "降低汇款费用", language="zh", vectors=(vector(1, 0.2),)),
    spoken("false-friend", "The word envoi is French, and fonds is too", vectors=(vector(0, 1),)),
    spoken("other", "Schools", vectors=(vector(0.1, 1),)),
]


@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
def test_records_of_other_languages_are_found_by_their_own_words_alone(engine: SearchEngine, mode: Mode) -> None:
    serve(engine, *DOCS)

    found = engine.retrieve(query=parse("remittances", "en").sought(mode), vector=vector(1, 0), limit=10)

    assert {hit.id for hit in found.keyword} == {"en", "fr", "zh"}
    assert found.total == 3
    assert {hit.id for hit in found.nearest if hit.matched} == {"en", "fr", "zh"}
    assert {hit.id for hit in found.nearest} == {each.id for each in DOCS}


def test_a_translated_word_scores_as_one_that_was_asked_and_half_of_it_by_keyword_alone(engine: SearchEngine) -> None:
    serve(engine, *DOCS)

    def score(mode: Mode) -> float:
        hits = engine.retrieve(query=parse("remittances", "en").sought(mode), limit=10).keyword
        return next(hit.score for hit in hits if hit.id == "zh")

    # Of 汇款 and of other ways to say it the best is counted.
    asked = engine.retrieve(query=parse('"汇款"', "zh").tree, limit=10).keyword[0].score
    assert 0 < score("hybrid") <= asked
    assert score("keyword") == pytest.approx(score("hybrid") / 2, rel=1e-4)
