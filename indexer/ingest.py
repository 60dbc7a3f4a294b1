"""Rows of files -> records, with a sentence for every row that is none."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click
from marshmallow import ValidationError

from corpus.load import load_vocabulary
from hub.knowledge.practices import ImportReport, import_records
from hub.schemas.knowledge import RecordSchema
from hub.wiring import Hub
from indexer.files import Row, read_rows
from indexer.locks import INGEST, only_one
from indexer.progress import bar

LOCK_WAIT_S = 10.0
_LONGEST_SENTENCE = 300


@dataclass(slots=True)
class IngestReport(ImportReport):
    """`bad`: lines that could not be used."""

    bad: int = 0

    def __str__(self) -> str:
        names = ("added", "changed", "unchanged", "proposed", "missing", "bad")
        return ", ".join(f"{name} {getattr(self, name)}" for name in names)


def ingest_files(hub: Hub, files: Sequence[Path], *, source: str, check: bool = False) -> IngestReport:
    """Import the records of all files as one delivery of `source`; vocabulary first. Faults go to standard error.

    `check` writes nothing. Raises `Busy` while another one runs, and what the database raises.
    """
    alone = nullcontext() if check else only_one(hub, INGEST, wait_s=LOCK_WAIT_S)
    with alone, bar("Reading records", sum(file.stat().st_size for file in files), "B", show=True) as progress:

        def complain(sentence: str) -> None:
            if sys.stderr.isatty():
                progress.clear()
            click.echo(sentence, err=True)

        reader = Reader(complain, progress.update)
        records = (record for file in files for record in reader.records(file))
        with hub.database.session() as session:
            if not check:
                load_vocabulary(session)
            report = import_records(session, records, source=source, check=check, unreadable=reader.unreadable)
    return IngestReport(
        added=report.added,
        changed=report.changed,
        unchanged=report.unchanged,
        proposed=report.proposed,
        missing=report.missing,
        missing_ids=report.missing_ids,
        bad=reader.bad,
    )


class Reader:
    """Reads files of records. `complain` gets `file:line: field: sentence` for each fault; `bad` counts lines with one.

    `unreadable` collects the ids of those lines where one can be told. `advance` hears how many bytes were read.
    """

    def __init__(self, complain: Callable[[str], None], advance: Callable[[int], object]) -> None:
        self._complain = complain
        self._advance = advance
        self._schema = RecordSchema()
        self._first: dict[str, str] = {}
        self.bad = 0
        self.unreadable: set[str] = set()

    def records(self, path: Path) -> Iterator[dict[str, Any]]:
        """The good records of a file, in order. An id counts once, whichever file of this reader names it first."""
        for row in read_rows(path, self._advance):
            place = f"{path}:{row.line}"
            try:
                record = self._record(row, place)
            except ValidationError as error:
                self.bad += 1
                for field, sentence in _faults(error.normalized_messages()):
                    self._complain(f"{place}: {_printable(field)}: {_printable(sentence)}")
            else:
                yield record

    def _record(self, row: Row, place: str) -> dict[str, Any]:
        id_ = row.values.get("id")
        try:
            if row.fault is not None:
                raise row.fault
            record = cast("dict[str, Any]", self._schema.load(row.values))
        except ValidationError:
            if isinstance(id_, str):
                self.unreadable.add(id_)
            raise
        if record["id"] in self._first:
            raise ValidationError(f"{record['id']!r} was named already in {self._first[record['id']]}.", "id")
        self._first[record["id"]] = place
        return record


def _faults(messages: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(field, sentence) for each: `implementers.0.type`."""
    if isinstance(messages, Mapping):
        for name, inner in cast("Mapping[Any, Any]", messages).items():
            yield from _faults(inner, f"{path}.{name}" if path else str(name))
    else:
        for sentence in cast("list[Any]", messages):
            yield path, str(sentence)


def _printable(sentence: str) -> str:
    """One line of bounded length, whatever the file held."""
    plain = "".join(sign if sign.isprintable() else " " for sign in sentence)
    return plain if len(plain) <= _LONGEST_SENTENCE else plain[:_LONGEST_SENTENCE] + "…"
