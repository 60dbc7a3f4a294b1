"""The truth: engine, sessions, column types and the outbox that every change writes to in its own transaction."""

import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import uuid_utils
from sqlalchemy import JSON, DateTime, Dialect, Engine, Integer, MetaData, String, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.types import TypeDecorator

BUSY_TIMEOUT_MS = 10_000
"""How long a writer of SQLite waits for another one. A rebuild's longest transaction is far shorter."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times on every database; SQLite keeps them without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class names it
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class names it
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """`id` columns are strings: vocabulary codes, or UUIDv7 in their usual spelling."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
    }


def new_id() -> str:
    """A UUIDv7: unique everywhere, in order of time."""
    return str(uuid_utils.uuid7())


def is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def now() -> datetime:
    return datetime.now(UTC)


class Outbox(Base):
    """Work for later, written with the change that causes it. `kind`: index, notice, mail, digest.

    Payloads hold ids only; the job reads the row as it is when it runs. `lease_until`: a worker has it until then.
    """

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(20), index=True)
    payload: Mapped[dict[str, Any]]
    run_at: Mapped[datetime] = mapped_column(default=now, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


CONNECTIONS = 10
"""To a database server, kept open by each process: one for each thread of `hub serve`, its worker and what watches it.

As many more are opened when they are needed, and closed again.
"""


STATEMENTS = 500
"""That each connection keeps prepared, planned once: psycopg keeps 100, of which pages of requests leave none to be used again.

Planning a statement anew takes longer than answering it: 14 ms against 1.5 for the tasks of a member of the secretariat.
"""


def later(session: Session, kind: str, payload: Mapping[str, Any], *, run_at: datetime | None = None) -> None:
    """Put work into the outbox, in the transaction of `session`."""
    session.add(Outbox(kind=kind, payload=dict(payload), run_at=run_at or now()))


def connect(url: str) -> Engine:
    """An engine for SQLite (WAL, foreign keys, waiting for locks) or PostgreSQL. Creates the folder of a SQLite file."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        # The last one used first: it has most statements prepared, and planning one takes longer than answering it.
        engine = create_engine(
            address, pool_pre_ping=True, pool_use_lifo=True, pool_size=CONNECTIONS, max_overflow=CONNECTIONS
        )

        @event.listens_for(engine, "do_connect")
        def open_one(_dialect: object, _record: object, arguments: Any, named: Any) -> Any:
            return _keeping().connect(*arguments, **named)

        @event.listens_for(engine, "connect")
        def remember(connection: Any, _record: object) -> None:
            connection.prepared_max = STATEMENTS
            connection.execute("SET plan_cache_mode = force_generic_plan")
            connection.commit()

        return engine
    if address.database and address.database != ":memory:":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # what was accepted survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.close()

    return engine


@cache
def _keeping() -> Any:
    """Class of connections that know their prepared statements after a rollback, with which every read ends.

    psycopg forgets them all then, as tables may have been made and unmade in the transaction. No page makes tables.
    """
    import psycopg  # noqa: PLC0415 - not needed with SQLite
    from psycopg.pq import TransactionStatus  # noqa: PLC0415

    class Keeping(psycopg.Connection[Any]):
        def rollback(self) -> None:
            if self.pgconn.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
                self.pgconn.exec_(b"ROLLBACK")
            else:
                super().rollback()

    return Keeping


class Database:
    """Hands out sessions. One per request, command or job."""

    def __init__(self, url: str) -> None:
        self.engine = connect(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    def session(self) -> Session:
        return self._sessions()

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """A session that commits at the end, or rolls back when the block raises."""
        with self._sessions() as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()
