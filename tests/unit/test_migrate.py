import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from hub import migrate
from hub.database import Database

pytestmark = pytest.mark.both_databases


@pytest.fixture
def empty(database_url):
    database = Database(database_url)
    yield database
    database.close()


def test_migrating_an_empty_database_gives_exactly_the_models(empty):
    assert migrate.current(empty.engine) is None
    assert migrate.upgrade(empty.engine)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, migrate.metadata()) == []
    assert migrate.current(empty.engine) == migrate.newest()


def test_migrating_again_does_nothing(empty):
    migrate.upgrade(empty.engine)
    assert not migrate.upgrade(empty.engine)


def test_a_migration_that_fails_leaves_nothing_behind(empty, monkeypatch):
    from alembic import op

    create = op.create_table

    def fail_late(name, *columns, **options):
        if name == "support_request":
            raise RuntimeError("the machine went away")
        return create(name, *columns, **options)

    monkeypatch.setattr(op, "create_table", fail_late)
    with pytest.raises(RuntimeError, match="went away"):
        migrate.upgrade(empty.engine)
    assert inspect(empty.engine).get_table_names() == []
