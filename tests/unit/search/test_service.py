"""The search service over the real embedded engine and database; vectors by the deterministic embedder."""

import pytest

from hub.errors import SearchUnavailable
from hub.search.embedding import EmbeddingUnavailable, HashEmbedder
from hub.search.service import MODEL_FAILED, MODEL_MISMATCH, NO_MODEL, search
from hub.search.types import Filters, SearchQuery
from indexer.rebuild import rebuild
from tests import factories


@pytest.fixture
def embedder():
    return HashEmbedder()


@pytest.fixture
def served(hub, session, embedder):
    """Three records in two languages, indexed by the product's own code."""
    factories.document(
        session,
        "contract",
        title="Standard contract for domestic workers",
        summary="A ministry agreed a standard contract. It protects domestic workers abroad.",
        countries=("PHL",),
        objectives=(6,),
    )
    factories.document(session, "census", title="Migration census", summary="Counting people.", objectives=(1,))
    factories.document(
        session,
        "contrat",
        title="Contrat type",
        summary="Un contrat pour le travail domestique.",
        language="fr",
        objectives=(6,),
    )
    session.commit()
    hub.embedder = embedder
    rebuild(hub)
    return hub


def ask(hub, session, text, *, embedder=None, **query):
    reader = query.pop("reader", None)
    return search(hub.engine, embedder, session, SearchQuery(text=text, **query), reader=reader)


def test_a_page_shows_the_record_with_its_passage_marked(served, session, embedder):
    page = ask(served, session, "protecting domestic workers", embedder=embedder)
    first = page.hits[0]
    assert (page.mode, page.language, first.slug, first.rank) == ("hybrid", "en", "contract", 1)
    assert (first.countries, first.objectives) == (("PHL",), (6,))
    marked = {first.passage.text[start:end] for start, end in first.passage.marks}
    assert marked == {"protects", "domestic", "workers"}
    assert sum(first.contributions.values()) == pytest.approx(first.score)


def test_without_a_model_it_answers_by_words_and_says_so(served, session):
    page = ask(served, session, "domestic workers")
    assert (page.mode, page.notes, page.exact) == ("keyword", (NO_MODEL,), True)
    assert page.hits[0].slug == "contract"


def test_a_model_that_fails_is_said_too(served, session):
    class Broken(HashEmbedder):
        def queries(self, texts):
            raise EmbeddingUnavailable("the file is gone")

    page = ask(served, session, "domestic workers", embedder=Broken())
    assert (page.mode, page.notes) == ("keyword", (MODEL_FAILED,))


def test_an_index_of_another_model_is_searched_by_words(served, session):
    page = ask(served, session, "domestic workers", embedder=HashEmbedder(dim=32))
    assert (page.mode, page.notes) == ("keyword", (MODEL_MISMATCH,))
    assert page.hits[0].slug == "contract"


def test_a_withdrawn_record_is_not_shown_even_if_the_index_is_behind(served, session, embedder):
    row = factories.document(session, "late")
    session.rollback()
    del row
    contract = next(hit for hit in ask(served, session, "contract", embedder=embedder).hits if hit.slug == "contract")
    from hub.knowledge.models import Document

    session.get(Document, contract.id).status = "withdrawn"
    session.commit()
    assert "contract" not in [hit.slug for hit in ask(served, session, "contract", embedder=embedder).hits]


def test_a_work_is_shown_in_the_readers_language_if_it_exists(hub, session):
    english = factories.document(session, "english", title="Return counselling", summary="Advice before return.")
    factories.document(
        session, "arabic", title="المشورة قبل العودة", summary="نصيحة", language="ar", work_id=english.work_id
    )
    session.commit()
    rebuild(hub)
    assert [hit.slug for hit in ask(hub, session, "return counselling").hits] == ["english"]
    assert [hit.slug for hit in ask(hub, session, "return counselling", reader="ar").hits] == ["arabic"]
    assert ask(hub, session, "return counselling", reader="ar").total == 1


def test_filters_narrow_and_facets_count_what_is_listed(served, session, embedder):
    page = ask(served, session, "domestic", embedder=embedder, filters=Filters({"objective": ("6",)}))
    assert {hit.slug for hit in page.hits} <= {"contract", "contrat"}
    assert sum(page.facets["kind"].values()) == page.total
    everything = ask(served, session, "", embedder=embedder)
    assert everything.total == 3
    assert everything.facets["objective"] == {"6": 2, "1": 1}


def test_pages_follow_each_other_without_gap_or_repeat(served, session, embedder):
    whole = [hit.slug for hit in ask(served, session, "domestic contract", embedder=embedder).hits]
    parts = [
        hit.slug
        for offset in range(len(whole))
        for hit in ask(served, session, "domestic contract", embedder=embedder, limit=1, offset=offset).hits
    ]
    assert parts == whole


def test_without_an_index_search_is_unavailable_and_not_empty(hub, session):
    with pytest.raises(SearchUnavailable):
        ask(hub, session, "anything")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("protecting domsetic wrokers", "protecting domestic workers"),
        ('"Domsetic workers" -census', '"domestic workers" -census'),
        ("domestic workers", ""),
        ("domestic country:PHL migra*", ""),
        ("xylophone", ""),
        ("", ""),
    ],
)
def test_a_slip_is_offered_to_be_corrected_and_never_corrected(served, session, embedder, typed, meant):
    page = ask(served, session, typed, embedder=embedder)
    assert page.did_you_mean == meant
    assert page.query.text == typed


def test_conditions_of_a_query_hold_for_what_meaning_finds(served, session, embedder):
    found = {hit.slug for hit in ask(served, session, "work", embedder=embedder, mode="vector").hits}
    assert found == {"contract", "census", "contrat"}
    left = ask(served, session, "work -census", embedder=embedder, mode="vector").hits
    assert {hit.slug for hit in left} == found - {"census"}
    assert {hit.slug for hit in ask(served, session, "work language:fr", embedder=embedder).hits} == {"contrat"}
    for mode in ("hybrid", "vector"):
        page = ask(served, session, '"domestic workers"', embedder=embedder, mode=mode)
        assert ([hit.slug for hit in page.hits], page.total, page.mode) == (["contract"], 1, mode)


def test_signs_without_words_have_no_meaning_to_compare(served, session, embedder):
    page = ask(served, session, "-census", embedder=embedder)
    assert (page.mode, page.total, page.notes) == ("keyword", 2, ())


def test_a_malformed_query_is_read_as_words_and_says_so(served, session, embedder):
    page = ask(served, session, '"domestic workers', embedder=embedder)
    assert page.hits[0].slug == "contract"
    assert "query_malformed" in page.notes
