"""What one process keeps in memory, another may change: two hubs on one database and index stand for two processes."""

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from hub.knowledge.models import Document
from hub.matching import candidates
from hub.network import vocabulary
from hub.network.models import Label, Term
from hub.search import service
from hub.search.types import SearchQuery
from hub.settings import Settings
from hub.wiring import Hub
from indexer import sync
from indexer.rebuild import rebuild
from tests import factories

pytestmark = pytest.mark.both_databases


@pytest.fixture
def other(settings: Settings, hub: Hub) -> Iterator[Hub]:
    parts = Hub(settings)
    yield parts
    parts.close()


def test_matching_compares_what_another_process_published_and_no_longer_what_it_withdrew(hub, other):
    with other.database.transaction() as session:
        before = factories.document(session, "before")
    with hub.database.session() as session:
        assert set(candidates.evidence(session, None).slug_rows) == {"before"}
    with other.database.transaction() as session:
        factories.document(session, "after")
        session.execute(
            update(Document).where(Document.id == before.id).values(status="withdrawn", version=Document.version + 1)
        )
    with hub.database.session() as session:
        assert set(candidates.evidence(session, None).slug_rows) == {"after"}


def test_names_are_those_that_another_process_gave(hub, other):
    with other.database.transaction() as session:
        session.add(Term(id="kind:practice", scheme="kind", code="practice", data={}))
        session.add(Label(id="kind:practice", language="en", text="Practice"))
    with hub.database.session() as session:
        assert vocabulary.label(session, "kind", "practice", "en") == "Practice"
    with other.database.transaction() as session:
        session.execute(update(Label).where(Label.id == "kind:practice").values(text="Good practice"))
        vocabulary.touch(session, "another")
    with hub.database.session() as session:
        assert vocabulary.label(session, "kind", "practice", "en") == "Good practice"


def test_search_and_its_counts_are_those_of_what_another_process_indexed(hub, other):
    with other.database.transaction() as session:
        factories.document(session, "before", title="Contracts for domestic workers", objectives=(6,))
    rebuild(other)
    assert found(hub) == (["before"], {"6": 1})
    with other.database.transaction() as session:
        factories.document(session, "after", title="Contracts", objectives=(6, 7))
    sync.drain(other)
    sync.repair(other)
    assert found(hub) == (["after", "before"], {"6": 2, "7": 1})
    rebuild(other)
    assert found(hub) == (["after", "before"], {"6": 2, "7": 1})


def found(hub: Hub) -> tuple[list[str], dict[str, int]]:
    """The second answer: while one thread opens what changed, others of the same search read what was there before."""
    with hub.database.session() as session:
        service.search(hub.engine, hub.embedder, session, SearchQuery(text="contracts"))
        page = service.search(hub.engine, hub.embedder, session, SearchQuery(text="contracts"))
    return sorted(hit.slug for hit in page.hits), dict(page.facets["objective"])
