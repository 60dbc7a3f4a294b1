"""Lines of JSON -> records, with a sentence for every line that is none."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from marshmallow import ValidationError

from hub.schemas.knowledge import RecordSchema

LONGEST_LINE = 1_000_000
"""Bytes; the longest line of the corpus has 8,000."""
_LONGEST_SENTENCE = 300


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
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file, self._advance), 1):
                if line is not None and not line.strip():
                    continue
                place = f"{path}:{number}"
                try:
                    record = self._record(line, place)
                except ValidationError as error:
                    self.bad += 1
                    for field, sentence in _faults(error.normalized_messages()):
                        self._complain(f"{place}: {field}: {_printable(sentence)}")
                else:
                    yield record

    def _record(self, line: bytes | None, place: str) -> dict[str, Any]:
        if line is None:
            raise ValidationError(f"Is longer than {LONGEST_LINE:,} bytes.", "line")
        raw = _parse(line)
        id_ = raw.get("id")
        try:
            record = cast("dict[str, Any]", self._schema.load(raw))
        except ValidationError:
            if isinstance(id_, str):
                self.unreadable.add(id_)
            raise
        if record["id"] in self._first:
            raise ValidationError(f"{record['id']!r} was named already in {self._first[record['id']]}.", "id")
        self._first[record["id"]] = place
        return record


def _lines(file: BinaryIO, advance: Callable[[int], object]) -> Iterator[bytes | None]:
    """Lines without their end; None for one that is too long, which is passed over without being kept."""
    first = True
    while line := file.readline(LONGEST_LINE + 1):
        advance(len(line))
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            while rest := file.readline(LONGEST_LINE):
                advance(len(rest))
                if rest.endswith(b"\n"):
                    break
            yield None
        else:
            yield line.removeprefix(b"\xef\xbb\xbf") if first else line
        first = False


def _parse(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValidationError(f"Is not UTF-8 at byte {error.start + 1}.", "line") from None
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValidationError(f"Is not JSON at character {error.pos + 1}: {error.msg}.", "line") from None
    except (ValueError, RecursionError):
        raise ValidationError("Is not JSON that can be read: a number too long, or too deep.", "line") from None
    if not isinstance(raw, dict):
        raise ValidationError("Is not a JSON object.", "line")
    return cast("dict[str, Any]", raw)


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
