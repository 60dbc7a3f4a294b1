"""Bring a database to the newest schema, forward only, on SQLite and PostgreSQL."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData

from hub.accounts.models import Person
from hub.database import Base
from hub.events import Event
from hub.notices.models import Notice
from hub.support.delivery_models import Contribution
from hub.support.expert_models import ExpertProfile
from hub.support.papers import Attachment

DOMAINS = (Person, Event, Contribution, ExpertProfile, Attachment, Notice)
"""One model of each module at the end of the imports: together they bring in all others."""
FOLDER = Path(__file__).parent / "migrations"


def metadata() -> MetaData:
    """Every table of every domain: a model is a table only once its module is imported."""
    return Base.metadata


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config


def current(engine: Engine) -> str | None:
    """The revision a database is at; None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def upgrade(engine: Engine) -> bool:
    """Migrate if needed, in one transaction: a crash leaves the old schema. Returns whether anything was done."""
    if current(engine) == newest():
        return False
    config = _config()
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver itself begins none before a CREATE TABLE
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True


def write_revision(engine: Engine, message: str) -> None:
    """For developers: write a migration from the difference between models and an up-to-date database."""
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
