"""Files of records, JSON Lines or CSV: rows as `RecordSchema` takes them, each with the line where it begins."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from marshmallow import ValidationError, fields

from hub.schemas.knowledge import RecordSchema

LONGEST_LINE = 1_000_000
"""Bytes; the longest line of the corpus has 8,000."""
SEPARATORS = ",;\t"
"""Between cells: Excel takes the one of the country it is set to."""
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,9}\s*")
_ESCAPED = re.compile(r"\\([\\;|])")
_PIECES = {sign: re.compile(rf"(?:\\.|[^{sign}])+", re.DOTALL) for sign in ";|"}
_FIELDS = RecordSchema().fields

Advance = Callable[[int], object]
"""Hears how many bytes were read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it stands in a file, or `fault`: why it is none. A fault without messages was told before."""

    line: int
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    fault: ValidationError | None = None


def read_rows(path: Path, advance: Advance) -> Iterator[Row]:
    """The rows of a file, in order, empty lines left out. `.csv` is CSV, every other name JSON Lines."""
    with path.open("rb") as file:
        yield from (_csv_rows if path.suffix.lower() == ".csv" else _json_rows)(_Text(file, advance))


class _Text:
    """Lines of a file without byte order mark; `number`: of the last one taken, from 1.

    A line that is too long or no UTF-8 raises `ValidationError`, and the next one follows after it.
    """

    def __init__(self, file: BinaryIO, advance: Advance) -> None:
        self._file = file
        self._advance = advance
        self.number = 0

    def __iter__(self) -> "_Text":
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self._advance(len(line))
        self.number += 1
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            self._pass_over()
            raise ValidationError(f"Is longer than {LONGEST_LINE:,} bytes.", "line")
        if self.number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValidationError(f"Is not UTF-8 at byte {error.start + 1}.", "line") from None

    def _pass_over(self) -> None:
        """The rest of a line, without keeping it."""
        while rest := self._file.readline(LONGEST_LINE):
            self._advance(len(rest))
            if rest.endswith(b"\n"):
                break


def _json_rows(text: _Text) -> Iterator[Row]:
    while True:
        try:
            line = next(text).rstrip("\r\n")
            if line.strip():
                yield Row(text.number, _parse(line))
        except StopIteration:
            return
        except ValidationError as fault:
            yield Row(text.number, fault=fault)


def _parse(line: str) -> dict[str, Any]:
    try:
        raw = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValidationError(f"Is not JSON at character {error.pos + 1}: {error.msg}.", "line") from None
    except (ValueError, RecursionError):
        raise ValidationError("Is not JSON that can be read: a number too long, or too deep.", "line") from None
    if not isinstance(raw, dict):
        raise ValidationError("Is not a JSON object.", "line")
    return cast("dict[str, Any]", raw)


def _csv_rows(text: _Text) -> Iterator[Row]:
    """The first line names the columns. A fault in it makes every row unusable, and is told once."""
    try:
        first = next(text)
    except StopIteration:
        return
    except ValidationError as fault:
        yield Row(1, fault=fault)
        return
    separator = min((sign for sign in SEPARATORS if sign in first), key=first.index, default=",")
    columns = [name.strip() for name in next(csv.reader([first], delimiter=separator), [])]
    faults = _column_faults(columns)
    if faults:
        yield Row(1, fault=ValidationError(cast("dict[str, Any]", faults)))
    reader = csv.reader(text, delimiter=separator, strict=True)
    while True:
        line = text.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except ValidationError as fault:
            yield Row(line, fault=fault)
        except csv.Error as error:
            yield Row(line, fault=ValidationError(_no_csv(error, line, text.number), "line"))
        else:
            if any(cell.strip() for cell in cells):
                yield _row(line, columns, cells, ValidationError({}) if faults else None)


def _column_faults(columns: Sequence[str]) -> dict[str, list[str]]:
    """Sentences by column: names that are no field, or stand twice, and columns that are needed. One may be without name."""
    known = set(columns)
    return {
        **{name: ["There is no such field."] for name in columns if name and name not in _FIELDS},
        **{name: ["The column stands more than once."] for name in columns if name and columns.count(name) > 1},
        **{name: ["The column is missing."] for name, of in _FIELDS.items() if of.required and name not in known},
    }


def _row(line: int, columns: Sequence[str], cells: Sequence[str], fault: ValidationError | None) -> Row:
    named = dict(zip(columns, cells, strict=False))
    if any(cell.strip() for cell in (*cells[len(columns) :], named.pop("", ""))):
        fault = fault or ValidationError("Has a cell that stands in no named column.", "line")
    values = {name: _value(_FIELDS[name], cell) for name, cell in named.items() if name in _FIELDS}
    return Row(line, {name: value for name, value in values.items() if value is not None}, fault)


def _value(of: fields.Field[Any], cell: str) -> Any:
    """What a cell says; an empty one of a list says that nothing is in it, any other empty one nothing (None)."""
    if isinstance(of, fields.List):
        inner = cast("fields.Field[Any]", of.inner)
        return [_item(inner, piece) for piece in _pieces(cell, ";")]
    return _scalar(of, cell) if cell.strip() else None


def _item(of: fields.Field[Any], piece: str) -> Any:
    if not isinstance(of, fields.Nested):
        return _scalar(of, _plain(piece))
    name, *rest = _pieces(piece, "|") or [""]
    return {"name": _plain(name), **({"type": _plain("|".join(rest))} if rest else {})}


def _scalar(of: fields.Field[Any], text: str) -> int | str:
    """A number where one is wanted and stands there; the schema complains about everything else."""
    return int(text) if isinstance(of, fields.Integer) and _WHOLE.fullmatch(text) else text


def _pieces(text: str, sign: str) -> list[str]:
    found = (match.group().strip() for match in _PIECES[sign].finditer(text))
    return [piece for piece in found if piece]


def _plain(text: str) -> str:
    r"""Without the backslashes of `\;`, `\|` and `\\`."""
    return _ESCAPED.sub(r"\1", text)


def _no_csv(error: csv.Error, first: int, last: int) -> str:
    sentence = f"Is not CSV: {error}."
    return (
        sentence if last <= first else f"{sentence} Lines {first} to {last} are passed over; is a quotation mark open?"
    )
