"""A search as a file or a feed: what spreadsheets, scripts and feed readers take."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.knowledge.models import Document
from hub.schemas.search import dump_page
from hub.search.types import Hit, Page, SearchQuery

MOST_ROWS = 1_000
MOST_ENTRIES = 50
"""Of a feed: the latest of what is found. Readers come back for more and need no archive."""
COLUMNS = (
    *("rank", "id", "title", "kind", "language", "countries", "objectives", "year", "score", "passage"),
    *("source", "updated", "address"),
)
"""In English in every language of the page, as in the API: they are names for machines. Several codes have `;` between."""
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as the code page of its machine."""
_FORMULA = tuple("=+-@\t\r＝＋－＠")
"""What makes a spreadsheet take text for a formula when a cell begins with it (OWASP, CSV injection)."""
_CONTROLS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write."""


@dataclass(frozen=True, slots=True)
class Row:
    """A hit with what only its record knows. `address`: the permanent one, the same in every language."""

    hit: Hit
    year: int | None
    source: str | None
    summary: str
    updated_at: datetime
    address: str


def whole(query: SearchQuery) -> SearchQuery:
    """The same question from its first result to the last that is exported, whatever page of it was looked at."""
    return replace(query, offset=0, limit=MOST_ROWS)


def rows(session: Session, hits: Sequence[Hit], public_url: str) -> list[Row]:
    """In the order of the hits, read in one query."""
    facts = {
        row.id: row
        for row in session.execute(
            select(Document.id, Document.year, Document.source_url, Document.summary, Document.updated_at).where(
                Document.id.in_([hit.id for hit in hits])
            )
        )
    }
    return [
        Row(
            hit,
            facts[hit.id].year,
            facts[hit.id].source_url,
            facts[hit.id].summary,
            facts[hit.id].updated_at,
            permanent(hit, public_url),
        )
        for hit in hits
        if hit.id in facts
    ]


def permanent(hit: Hit, public_url: str) -> str:
    return f"{public_url}/documents/{hit.slug}"


def latest(found: Sequence[Row]) -> list[Row]:
    """The rows of a feed, last changed first."""
    return sorted(found, key=lambda row: (row.updated_at, row.hit.id), reverse=True)[:MOST_ENTRIES]


def as_csv(found: Sequence[Row]) -> str:
    return table(COLUMNS, map(_cells, found))


def table(columns: Sequence[str], found: Iterable[Iterable[object]]) -> str:
    """RFC 4180 with a byte order mark. No cell can be taken for a formula."""
    file = io.StringIO(newline="")
    file.write(BYTE_ORDER_MARK)
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in found)
    return file.getvalue()


def _cells(row: Row) -> Iterator[Any]:
    hit = row.hit
    yield from (hit.rank, hit.slug, hit.title.text, hit.kind, hit.language)
    yield from (";".join(hit.countries), ";".join(map(str, hit.objectives)), row.year, round(hit.score, 6))
    yield from (hit.passage.text, row.source, row.updated_at.isoformat(timespec="seconds"), row.address)


def _safe(cell: object) -> object:
    """A text that would be a formula gets an apostrophe in front, which spreadsheets hide."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA) else cell


def as_json(page: Page, public_url: str) -> Mapping[str, Any]:
    """The answer of the API to the same question, each hit with its address."""
    made = dump_page(page)
    for dumped, hit in zip(made["hits"], page.hits, strict=True):
        dumped["address"] = permanent(hit, public_url)
    return made


def without_controls(xml: str) -> str:
    return _CONTROLS.sub("", xml)
