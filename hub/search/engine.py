"""The contract that every search engine keeps. It speaks our types: no query syntax, SQL or driver error crosses it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hub.search.types import DocId, EngineStatus, Filters, IndexDoc, Place, Query, Retrieved, Sort, Suggested, Vector


class Rebuild(Protocol):
    """A generation being filled beside the served one. Leaving the context without `commit()` drops it."""

    def write(self, docs: Iterable[IndexDoc]) -> int:
        """Add or replace; an older `version` is ignored. Returns how many were taken."""
        ...

    def delete(self, ids: Mapping[DocId, int]) -> None:
        """As `SearchEngine.delete`, in this generation."""
        ...

    def versions(self) -> Mapping[DocId, int]:
        """Id -> version of what this generation holds, everything written so far included."""
        ...

    def retrieve(self, *, query: Query | None = None, vector: Vector | None = None, limit: int = 10) -> Retrieved:
        """As `SearchEngine.retrieve` on this unserved generation: for the gate."""
        ...

    def commit(self) -> None:
        """Serve this generation in one step and drop the one served before."""
        ...


class SearchEngine(Protocol):
    """Keyword and nearest-neighbour retrieval over one served generation.

    Raises `SearchUnavailable` when it cannot answer and `ModelMismatch` for a vector of another model than the
    generation's. Any text is safe: `hub.search.query` parses what a person typed, engines get trees of analysed words.
    """

    def write(self, docs: Iterable[IndexDoc]) -> int:
        """Add or replace in the served generation; an older `version` is ignored. Returns how many were taken."""
        ...

    def delete(self, ids: Mapping[DocId, int]) -> None:
        """Id -> version of the deletion: a later write of that or an older version stays deleted; unknown ids are fine."""
        ...

    def retrieve(
        self,
        *,
        query: Query | None = None,
        vector: Vector | None = None,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        limit: int,
        facets: Sequence[str] = (),
        sort: Sort = "relevance",
        after: Place | None = None,
        listed: bool = True,
        compared: Query | None = None,
        counted: bool = True,
    ) -> Retrieved:
        """One round trip: at most `limit` works a side, filters applied before the limit.

        `query` None: no keyword side; `EVERYTHING`: the keyword side is all that the filters let through, in order of id.
        The nearest side obeys `query.constraint` of the tree: what is excluded, required or put in quotation marks holds
        there too. Any tree within the bounds of `query.parse` is answered. `limit` at least 1.

        `sort` and `after` are of the keyword side, whose hits go on where a page before ended, however far that is (on
        Elasticsearch works with several versions then take a round trip or two more); `total` and `facets` are of the whole.

        `listed` false, for a second look with another vector: nothing but `nearest` is filled. `query` still says what that
        side obeys and which of its hits are `matched`, `facets` what they carry. `compared`, which finds all that `query` does:
        the hits of the keyword side are the best of it, `matched` where `query` finds them too, and carry `facets`; `total`
        and counts are still of `query`. `counted` false, for who wants the hits alone: `total` may be 0.
        """
        ...

    def suggest(self, prefix: str, limit: int) -> tuple[Suggested, ...]:
        """Titles that hold all words of `prefix`, the last of them begun at least (`query.begun`), one per work.

        Those that begin with it come first; then by id. Nothing for less than two letters or one CJK sign.
        """
        ...

    def correct(self, words: Sequence[str], language: str | None) -> Mapping[str, str]:
        """Of these folded words, those that no document holds -> what they are meant for, where there is such a word.

        It begins with the same letter and stands in documents of `language` (None: any); see `spelling.meant`.
        """
        ...

    def versions(self) -> Mapping[DocId, int]:
        """Id -> version of what the served generation holds. Empty when none is served."""
        ...

    def vectors(self, ids: Sequence[DocId]) -> Mapping[DocId, NDArray[np.float32]]:
        """Vectors of the passages of those that the served generation holds and that have any: shape (passages, dim)."""
        ...

    def rebuild(self, generation: str, *, model: str | None) -> AbstractContextManager[Rebuild]:
        """Start the generation of that name, for vectors of `model` (None: no vectors). One at a time."""
        ...

    def status(self) -> EngineStatus:
        """What is served now. Does not raise when nothing is; raises `SearchUnavailable` when the engine is away."""
        ...

    def refresh(self) -> None:
        """Make writes visible. Tests and the indexer call it, request code does not."""
        ...

    def drop(self) -> None:
        """Delete everything of this engine, the served generation too. Evaluations and tests call it, nothing else does."""
        ...

    def close(self) -> None:
        """Let go of files and connections. A closed engine is not used again."""
        ...
