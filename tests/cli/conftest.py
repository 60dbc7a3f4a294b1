"""A hub as the command finds it: by its var folder and the environment."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub import migrate
from hub.cli import main
from hub.settings import Settings
from hub.wiring import Hub


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
