"""Small documents and vectors for the engine suite."""

import numpy as np

from hub.search.engine import SearchEngine
from hub.search.query import words
from hub.search.types import IndexDoc, Passage, Vector

MODEL = "test-model"


def vector(*values: float, model: str = MODEL) -> Vector:
    """Scaled to length 1."""
    array = np.array(values, dtype=np.float32)
    return Vector(model, array / np.linalg.norm(array))


def doc(
    doc_id: str,
    body: str = "",
    *,
    title: str = "",
    work: str | None = None,
    version: int = 1,
    language: str = "en",
    vectors: tuple[Vector | None, ...] = (),
    **facets: str | tuple[str, ...],
) -> IndexDoc:
    """One work of its own unless `work` says otherwise; a facet may be given as one code."""
    size = max(1, len(body) // max(1, len(vectors)))
    return IndexDoc(
        id=doc_id,
        work=work or doc_id,
        version=version,
        language=language,
        title=title,
        body=body,
        facets={name: (codes,) if isinstance(codes, str) else codes for name, codes in facets.items()},
        passages=tuple(Passage(at * size, (at + 1) * size, each) for at, each in enumerate(vectors)),
    )


def serve(engine: SearchEngine, *docs: IndexDoc, generation: str = "1", model: str | None = MODEL) -> None:
    """A committed generation of these documents."""
    with engine.rebuild(generation, model=model) as rebuild:
        rebuild.write(docs)
        rebuild.commit()
    engine.refresh()


def found(engine: SearchEngine, text: str, *, language: str | None = "en", limit: int = 10) -> list[str]:
    """Ids on the keyword side, best first."""
    return [hit.id for hit in engine.retrieve(query=words(text, language), limit=limit).keyword]


def near(engine: SearchEngine, where: Vector, *, limit: int = 10) -> list[str]:
    """Ids on the nearest side, best first."""
    return [hit.id for hit in engine.retrieve(vector=where, limit=limit).nearest]
