"""Fixtures of the whole suite. Strategy: each test builds the smallest data that shows its point with `tests/factories.py`.

`database` runs a test on SQLite and on PostgreSQL; `session` and `client` on SQLite only, unless a test asks for both by
the marker `both_databases`. Servers are found and started by `tests/servers.py`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.database import Base, Database
from hub.settings import Settings
from hub.wiring import Hub


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`both_databases`: the test runs on SQLite and on PostgreSQL, wherever the database enters."""
    if "database_url" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_databases"):
        metafunc.parametrize(
            "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
        )


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of its own."""
    if getattr(request, "param", "sqlite") == "postgres":
        return request.getfixturevalue("fresh_postgres_url")
    return f"sqlite:///{tmp_path / 'hub.db'}"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        var=tmp_path / "var",
        secret_key="only for tests",
        database_url=database_url,
        embedding_model="none",
        demo=True,
        testing=True,
        sign_in_limit="1000 per minute",
        search_log_sample=0,  # chance has no place in a test that does not ask for it
    )


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    """Parts on an empty, migrated database and an empty embedded index; no model unless the test sets one."""
    import hub.accounts.models
    import hub.events
    import hub.notices.models
    import hub.support.expert_models
    import hub.support.papers  # noqa: F401

    parts = Hub(settings)
    Base.metadata.create_all(parts.database.engine)
    yield parts
    parts.close()


@pytest.fixture
def database(hub: Hub) -> Database:
    return hub.database


@pytest.fixture
def session(database: Database) -> Iterator[Any]:
    """A session for building and looking; commit what a view or another session must see."""
    with database.session() as opened:
        yield opened


@pytest.fixture
def app(hub: Hub) -> Any:
    from hub import create_app

    return create_app(hub=hub)


@pytest.fixture
def client(app: Any) -> Any:
    """A visitor's browser. `tests/factories.py` makes the people who sign in."""
    return app.test_client()
