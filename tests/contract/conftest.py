"""The one suite that every engine passes. `engine` serves nothing yet; `documents.serve` gives it a generation.

Nothing here is skipped for one engine: what one cannot do, the contract does not promise.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.search.embedded import EmbeddedEngine
from hub.search.engine import SearchEngine


@pytest.fixture
def embedded_engine(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(tmp_path / "index")
    yield engine
    engine.close()


@pytest.fixture(params=["embedded", pytest.param("elastic", marks=pytest.mark.elasticsearch)])
def engine(request: pytest.FixtureRequest) -> SearchEngine:
    return request.getfixturevalue(f"{request.param}_engine")
