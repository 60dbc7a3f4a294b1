"""What pages need before they can name anything."""

from pathlib import Path

import pytest
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from corpus.load import load_vocabulary
from hub.database import Base, Database


@pytest.fixture(scope="session")
def vocabulary_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that holds the vocabulary and nothing else; loading it takes a second, copying it none."""
    path = tmp_path_factory.mktemp("vocabulary") / "hub.db"
    made = Database(f"sqlite:///{path}")
    Base.metadata.create_all(made.engine)
    with made.transaction() as session:
        load_vocabulary(session)
    made.close()
    return path


@pytest.fixture
def words(session: Session, vocabulary_file: Path) -> None:
    """The vocabulary, so that pages have names for their codes."""
    connection = session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    connection.execute(sql("ATTACH :path AS vocabulary"), {"path": str(vocabulary_file)})
    for table in ("entity", "agency", "member_state", "working_group", "entity_objective", "term", "label"):
        connection.execute(sql(f"INSERT INTO {table} SELECT * FROM vocabulary.{table}"))
    connection.execute(sql("DETACH vocabulary"))
    session.commit()
