"""A hub as the command finds it: by its var folder and the environment."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from hub import migrate
from hub.cli import main
from hub.settings import Settings
from hub.wiring import Hub
from indexer.rebuild import rebuild
from tests import factories


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    """Without tables: `var` migrates, as `hub init` does."""
    parts = Hub(settings)
    yield parts
    parts.close()


@pytest.fixture
def var(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a hub that is set up."""
    migrate.upgrade(hub.database.engine)
    hub.settings.var.mkdir(exist_ok=True)
    for name, value in {
        "HUB_VAR": str(hub.settings.var),
        "HUB_DATABASE_URL": hub.settings.database,
        "HUB_SECRET_KEY": "only for tests",
        "HUB_EMBEDDING_MODEL": "none",
    }.items():
        monkeypatch.setenv(name, value)
    return hub.settings.var


@pytest.fixture
def run(var: Path) -> Callable[..., Result]:
    """The `hub` command, in this process."""
    return lambda *words: CliRunner().invoke(main, list(words))


@pytest.fixture
def indexed(hub: Hub, var: Path, session: Session) -> None:
    """One record, in the index."""
    factories.state(session, "GHA", regions=("Western Africa", "Africa"))
    factories.agency(session, "ilo", objectives={6: "primary"}, mandate="Labour standards and domestic workers.")
    factories.document(
        session,
        "contract",
        title="Standard contract for domestic workers",
        summary="A contract.",
        countries=("PHL",),
        objectives=(6,),
        agencies=("ilo",),
    )
    session.commit()
    rebuild(hub)
