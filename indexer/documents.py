"""Row -> `IndexDoc`, pure: what an engine holds of a record, and which texts of it are encoded."""

import hashlib
from collections.abc import Iterable, Mapping

from hub.knowledge.models import Document
from hub.network.vocabulary import with_ancestors
from hub.search import text
from hub.search.types import IndexDoc, Passage, Vector


def _parts(row: Document) -> list[tuple[int, int, str]]:
    """(start, end, encoded text) of each passage of `row.body`: one, unless it is longer than the encoder reads."""
    body = row.body
    ranges = text.passages(body, row.language, text.PASSAGE_CHARACTERS)
    return [(start, end, f"{row.title}\n{body[start:end]}") for start, end in ranges]


def texts(row: Document) -> list[str]:
    """What is encoded, one text per passage: the title and, on the next line, the passage."""
    return [encoded for _, _, encoded in _parts(row)]


def key(encoded: str) -> str:
    """SHA-256 of an encoded text: under it, and its model, the vector is cached."""
    return hashlib.sha256(encoded.encode()).hexdigest()


def to_index_docs(rows: Iterable[Document], vectors: Mapping[str, Vector]) -> list[IndexDoc]:
    """In the order given. `vectors`: by `key`; a text without one is found by keywords only."""
    return [_index_doc(row, vectors) for row in rows]


def _index_doc(row: Document, vectors: Mapping[str, Vector]) -> IndexDoc:
    return IndexDoc(
        id=row.id,
        work=row.work_id,
        version=row.version,
        language=row.language,
        title=row.title,
        body=row.body,
        facets=facets(row),
        passages=tuple(Passage(start, end, vectors.get(key(encoded))) for start, end, encoded in _parts(row)),
    )


def facets(row: Document) -> dict[str, tuple[str, ...]]:
    """Codes by facet, without the empty ones. Regions come with all that they lie in; World only where the record says so."""
    status = row.facts.get("status")
    every = {
        "kind": (row.kind,),
        "objective": tuple(str(objective.number) for objective in row.objectives),
        "principle": tuple(row.principles),
        "country": tuple(country.country for country in row.countries),
        "region": tuple(dict.fromkeys(above for region in row.regions for above in with_ancestors(region))),
        "language": (row.language,),
        "implementer": tuple(dict.fromkeys(implementer["type"] for implementer in row.implementers)),
        "status": (status,) if status else (),
        "year": (str(row.year),) if row.year else (),
    }
    return {name: codes for name, codes in every.items() if codes}
