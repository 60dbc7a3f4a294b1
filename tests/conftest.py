"""Servers and what tests get of them. A server (`servers.py`) starts with the first test that asks and is shared by the run;
a test has a prefix or a database of its own on it.
"""

import uuid
from collections.abc import Iterator

import pytest

from hub.search.elastic import ElasticEngine
from tests import servers


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        servers.open_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        servers.close_run()


@pytest.fixture(scope="session")
def elasticsearch_url() -> str:
    return servers.elasticsearch()


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """Of the server; `fresh_postgres_url` is a database on it."""
    return servers.postgres()


@pytest.fixture
def fresh_postgres_url(postgres_url: str) -> Iterator[str]:
    """An empty database, dropped after the test."""
    url = servers.fresh_postgres_database(postgres_url)
    yield url
    servers.drop_postgres_database(url)


@pytest.fixture
def elastic_engine(elasticsearch_url: str) -> Iterator[ElasticEngine]:
    """Nothing served yet. Its timeout leaves room for a busy machine."""
    from elasticsearch import Elasticsearch

    prefix = f"test-{uuid.uuid4().hex}"
    engine = ElasticEngine(elasticsearch_url, prefix=prefix, timeout_s=30)
    yield engine
    engine.close()
    with Elasticsearch(elasticsearch_url) as client:
        for index in client.indices.get(index=f"{prefix}-*"):
            client.indices.delete(index=index)
