"""Suggestions of the service: titles, and names of the vocabulary in the reader's language."""

import pytest

from hub.search.service import search, suggest
from hub.search.types import SearchQuery
from indexer.rebuild import rebuild
from tests import factories


@pytest.fixture
def served(hub, session):
    from corpus.load import load_vocabulary

    load_vocabulary(session)
    factories.document(session, "ghana-desk", title="Ghana opens a desk for migrants", countries=("GHA",))
    factories.document(session, "labour", title="Labour migration", summary="On labour.")
    session.commit()
    rebuild(hub)
    return hub


def texts(hub, session, prefix, language="en"):
    return [(each.kind, each.value) for each in suggest(hub.engine, session, prefix, language)]


def test_names_in_the_readers_language_come_before_titles(served, session):
    assert texts(served, session, "gha") == [("country", "GHA"), ("title", "ghana-desk")]
    assert texts(served, session, "Filip", "es")[0] == ("country", "PHL")
    assert texts(served, session, "الفلب", "ar")[0] == ("country", "PHL")
    assert texts(served, session, "菲律", "zh")[0] == ("country", "PHL")
    assert ("title", "labour") in texts(served, session, "labour m")
    assert texts(served, session, "g") == texts(served, session, "") == []


def test_a_withdrawn_record_is_not_suggested_even_if_the_index_is_behind(served, session):
    from hub.knowledge.models import Document

    session.query(Document).filter_by(slug="labour").one().status = "withdrawn"
    session.commit()

    assert ("title", "labour") not in texts(served, session, "labour m")


@pytest.mark.parametrize("typed", ["country:GHA", "country:Ghana", "country:gha", "desk country:ghana"])
def test_fields_take_codes_and_names(served, session, typed):
    page = search(served.engine, None, session, SearchQuery(typed))

    assert ([hit.slug for hit in page.hits], page.total) == (["ghana-desk"], 1)
    assert "query_malformed" not in page.notes


def test_names_are_read_in_the_language_of_the_query(served, session):
    assert search(served.engine, None, session, SearchQuery("país country:Ghana", language="es")).total == 0
    assert search(served.engine, None, session, SearchQuery("country:加纳", language="zh")).total == 1


def test_a_name_that_is_none_is_said_and_read_as_a_word(served, session):
    page = search(served.engine, None, session, SearchQuery("country:Narnia labour"))

    assert "query_malformed" in page.notes
    assert [hit.slug for hit in page.hits] == ["labour"]


def test_the_api_suggests(app, client, served):
    answer = client.get("/api/v1/suggest?q=gha&lang=fr")

    assert answer.status_code == 200
    assert answer.json["items"][0] == {"kind": "country", "value": "GHA", "text": "Ghana", "language": "fr"}
    assert client.get("/api/v1/suggest").status_code == 422
    assert client.get("/api/v1/suggest?q=gha&lang=tlh").status_code == 422
