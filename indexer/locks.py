"""One at a time, over all processes that share the database."""

import hashlib
import time
from collections.abc import Generator
from contextlib import contextmanager

from filelock import FileLock, Timeout
from sqlalchemy import text

from hub.errors import HubError
from hub.wiring import Hub

REBUILD, INDEX, INGEST = "rebuild", "index", "ingest"
"""`REBUILD`: held while a generation is filled. `INDEX`: held while the served one is written to, and for the swap.

`INGEST`: held while records come in.
"""
_LOOK_AGAIN_S = 0.1


class Busy(HubError):
    """Another process does this already."""

    status = 409
    slug = "busy"
    title = "Another process is at it already"


@contextmanager
def only_one(hub: Hub, name: str, *, wait_s: float) -> Generator[None]:
    """Hold the lock of that name; raises `Busy` when it is not free within `wait_s`. It ends with its process.

    A file in the var folder with SQLite, an advisory lock with PostgreSQL, whose users need not share a machine.
    """
    engine = hub.database.engine
    if engine.dialect.name != "postgresql":
        hub.settings.var.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(hub.settings.var / f"{name}.lock", timeout=wait_s):
                yield
        except Timeout:
            raise Busy(f"Another process holds the {name} lock.") from None
        return
    number = int.from_bytes(hashlib.sha256(f"hub {name}".encode()).digest()[:8], "big", signed=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        until = time.monotonic() + wait_s
        while not connection.scalar(text("select pg_try_advisory_lock(:number)"), {"number": number}):
            if time.monotonic() >= until:
                raise Busy(f"Another process holds the {name} lock.")
            time.sleep(_LOOK_AGAIN_S)
        try:
            yield
        finally:
            connection.execute(text("select pg_advisory_unlock(:number)"), {"number": number})
