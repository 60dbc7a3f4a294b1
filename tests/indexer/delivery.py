"""Records for tests of what brings them in and indexes them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from hub.database import later, now
from hub.knowledge.models import Document
from hub.knowledge.practices import import_records
from hub.schemas.knowledge import RecordSchema
from hub.search.embedding import HashEmbedder
from hub.search.query import words
from hub.wiring import Hub


class CountingEmbedder:
    """`encoded`: every text it was given, in order. `during` runs before each batch."""

    def __init__(self, dim: int = 32) -> None:
        self._hash = HashEmbedder(dim)
        self.model = self._hash.model
        self.dim = dim
        self.encoded: list[str] = []
        self.during: Callable[[], None] = lambda: None

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._hash.queries(texts)

    def documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.during()
        self.encoded += texts
        return self._hash.documents(texts)


def record(name: str = "a-practice", **fields: Any) -> dict[str, Any]:
    """One line of a file."""
    return {
        "id": name,
        "kind": "practice",
        "title": f"Title of {name}",
        "summary": f"What was done in {name}.",
        "language": "en",
        "gcm_objectives": [6],
        **fields,
    }


def write_file(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records), "utf-8")
    return path


def bring_in(session: Session, *records: dict[str, Any], source: str = "corpus", check: bool = False) -> Any:
    schema = RecordSchema()
    return import_records(session, [schema.load(each) for each in records], source=source, check=check)


def edit(session: Session, slug: str, **columns: Any) -> Document:
    """What an editor's verb does: change, new version, work for the index, one commit."""
    row = session.query(Document).filter_by(slug=slug).one()
    for name, value in columns.items():
        setattr(row, name, value)
    row.version += 1
    row.edited_at = now()
    later(session, "index", {"document_id": row.id})
    session.commit()
    return row


def found(hub: Hub, text: str) -> list[str]:
    """Slugs that the served generation finds by keywords, best first."""
    hits = hub.engine.retrieve(query=words(text, "en"), limit=10).keyword
    with hub.database.session() as session:
        slugs = dict(session.query(Document.id, Document.slug).all())
    return [slugs[hit.id] for hit in hits]
