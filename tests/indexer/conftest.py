"""A hub with the real vocabulary and an encoder that counts. Records are made and brought in by `delivery.py`."""

import pytest

from corpus.load import load_vocabulary
from hub.wiring import Hub
from tests.indexer.delivery import CountingEmbedder


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def loaded(hub: Hub, embedder: CountingEmbedder) -> Hub:
    """Vocabulary in, no records, nothing indexed."""
    with hub.database.session() as session:
        load_vocabulary(session)
    hub.__dict__["embedder"] = embedder
    return hub
