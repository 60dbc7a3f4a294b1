"""Database and files in one archive that either database can read: rows as JSON Lines, one file a table.

The archive does not hold the secret key, the index (one command rebuilds it) or the model.
"""

import base64
import io
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Connection, Date, LargeBinary, RowMapping, Table, func, insert, select, text

from hub import migrate
from hub.database import UtcDateTime, now
from hub.errors import HubError
from hub.wiring import Hub

FORMAT = 1
BATCH = 500


class BackupError(HubError):
    status = 422
    slug = "backup"
    title = "The backup cannot be used"


@dataclass(frozen=True, slots=True)
class Summary:
    tables: int
    rows: int
    files: int


def backup(hub: Hub, target: Path) -> Summary:
    """Write a consistent state of the database and the files to `target`, whole or not at all; mode 0600."""
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".backup-") as scratch:
        partial = Path(scratch) / "archive"
        partial.touch(mode=0o600)
        with tarfile.open(partial, "w:gz") as archive, _consistent(hub) as connection:
            manifest = {"format": FORMAT, "schema": migrate.current(hub.database.engine), "made_at": now().isoformat()}
            _add(archive, "manifest.json", json.dumps(manifest).encode())
            rows = 0
            for table in migrate.metadata().sorted_tables:
                lines = Path(scratch) / "lines"
                rows += _dump(connection, table, lines)
                archive.add(lines, f"tables/{table.name}.jsonl")
            files = 0
            for file in sorted(hub.settings.files.rglob("*")) if hub.settings.files.is_dir() else ():
                if not file.is_file() or file.name.startswith("."):  # its lock, and what is still coming in
                    continue
                with suppress(FileNotFoundError):  # erased since the state of the database that is written here
                    archive.add(file, f"files/{file.relative_to(hub.settings.files).as_posix()}")
                    files += 1
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    return Summary(len(migrate.metadata().sorted_tables), rows, files)


def restore(hub: Hub, source: Path, *, replace: bool = False) -> Summary:
    """Fill an empty database (or, with `replace`, empty it first) in one transaction, then put the files back.

    Raises `BackupError` for another schema, a database that is not empty, or an archive that is none of ours.
    """
    try:
        with tarfile.open(source, "r:gz") as archive:
            return _restore(hub, archive, replace=replace)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, KeyError) as error:
        raise BackupError(f"{source} is not a backup of this hub: {error}") from error


def _restore(hub: Hub, archive: tarfile.TarFile, *, replace: bool) -> Summary:
    manifest = json.loads(_read(archive, "manifest.json"))
    schema = migrate.current(hub.database.engine)
    if manifest["format"] != FORMAT or manifest["schema"] != schema:
        raise BackupError(
            f"It was made with schema {manifest['schema']}, this hub has {schema}: restore it with that version, then upgrade."
        )
    tables = migrate.metadata().sorted_tables
    rows = 0
    with hub.database.engine.begin() as connection:
        if replace:
            for table in reversed(tables):
                connection.execute(table.delete())
        filled = [each.name for each in tables if connection.scalar(select(func.count()).select_from(each))]
        if filled:
            raise BackupError(
                f"The database is not empty ({', '.join(filled[:3])} …); --replace deletes what it holds."
            )
        for table in tables:
            rows += _load(connection, table, archive)
        _raise_sequences(connection, tables)
    return Summary(len(tables), rows, _restore_files(archive, hub.settings.files))


def _consistent(hub: Hub) -> Any:
    """A connection that sees one state of the database throughout."""
    engine = hub.database.engine
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ").connect()
    connection = engine.connect()
    connection.exec_driver_sql("BEGIN")
    return connection


def _dump(connection: Connection, table: Table, target: Path) -> int:
    count = 0
    with target.open("w", encoding="utf-8") as lines:
        for row in (
            connection.execution_options(yield_per=BATCH).execute(select(table).order_by(*table.primary_key)).mappings()
        ):
            lines.write(json.dumps(_plain(row), ensure_ascii=False) + "\n")
            count += 1
    return count


def _plain(row: RowMapping) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, date):  # or a moment, which is one too
            values[name] = value.isoformat()
        elif isinstance(value, bytes):
            values[name] = base64.b64encode(value).decode("ascii")
        else:
            values[name] = value
    return values


def _load(connection: Connection, table: Table, archive: tarfile.TarFile) -> int:
    count = 0
    batch: list[dict[str, Any]] = []
    for line in _lines(archive, f"tables/{table.name}.jsonl"):
        batch.append(_typed(table, json.loads(line)))
        if len(batch) == BATCH:
            connection.execute(insert(table), batch)
            count += len(batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)
    return count + len(batch)


def _typed(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    for column in table.columns:
        value = values.get(column.name)
        if value is None:
            continue
        if isinstance(column.type, UtcDateTime):
            values[column.name] = datetime.fromisoformat(value)
        elif isinstance(column.type, Date):
            values[column.name] = date.fromisoformat(value)
        elif isinstance(column.type, LargeBinary):
            values[column.name] = base64.b64decode(value)
    return values


def _raise_sequences(connection: Connection, tables: list[Table]) -> None:
    """PostgreSQL counts on its own; let it go on after the highest number restored."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        column = table.autoincrement_column
        if column is not None:
            connection.execute(
                text(
                    f"select setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608 - names of our own tables
                    f"coalesce((select max({column.name}) from {table.name}), 0) + 1, false)"
                )
            )


def _restore_files(archive: tarfile.TarFile, folder: Path) -> int:
    count = 0
    for member in archive.getmembers():
        path = PurePosixPath(member.name)
        if path.parts[:1] != ("files",) or not member.isfile() or ".." in path.parts:
            continue
        opened = archive.extractfile(member)
        if opened is not None:
            target = folder.joinpath(*path.parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(opened.read())
            count += 1
    return count


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    opened = archive.extractfile(name)
    if opened is None:
        raise KeyError(name)
    return opened.read()


def _lines(archive: tarfile.TarFile, name: str) -> Iterator[bytes]:
    opened = archive.extractfile(name)
    if opened is None:
        raise KeyError(name)
    yield from opened
