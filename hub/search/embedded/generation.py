"""One generation on disk and how it is written.

    gen-7/manifest.json   what it was built with; a reader refuses one that does not fit
    gen-7/t/              tantivy index, one document per `IndexDoc`
    gen-7/vectors.f32     float32 rows, one per passage, appended; a document says which rows are its own
    gen-7/deleted.jsonl   `[id, version]` a line: what was deleted, so that a late older write stays out

Order makes it safe against a crash anywhere: vectors and deletions reach the disk before tantivy's commit names them, in one
step. Rows without a document are dead weight that the next rebuild leaves behind.
"""

import json
import os
import secrets
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from hub.errors import ModelMismatch, SearchUnavailable
from hub.search import text
from hub.search.types import FACETS, LANGUAGES, DocId, IndexDoc

FORMAT = 3
"""Of the folder and the fields below; changes with either."""

REBUILD = "run `python -m indexer rebuild`"

_HEAP_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """`dim` is None until the first vector is written. `built_at` is an ISO time, None while being filled."""

    generation: str
    model: str | None
    dim: int | None = None
    built_at: str | None = None
    analyser: str = text.ANALYSER
    format: int = FORMAT

    def save(self, folder: Path) -> None:
        write_whole(folder / "manifest.json", json.dumps(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Raises `SearchUnavailable` for one that is missing, torn or of another analyser or format."""
        try:
            manifest = cls(**json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise SearchUnavailable(f"The search index cannot be read: {REBUILD}.") from error
        if (manifest.analyser, manifest.format) != (text.ANALYSER, FORMAT):
            raise SearchUnavailable(f"The search index was built by another version of the hub: {REBUILD}.")
        return manifest


def write_whole(path: Path, content: str) -> None:
    """Replace a file in one step: a reader, or a crash, sees the old content or the new."""
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    if os.name == "posix":  # elsewhere a folder cannot be opened, and need not be
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


@contextmanager
def guarded() -> Generator[None]:
    """Turn what tantivy and the disk raise into `SearchUnavailable`."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise SearchUnavailable from error
    except BaseException as error:
        # A failed assertion in tantivy is no Exception, so it would pass every handler above us.
        if type(error).__name__ == "PanicException":
            raise SearchUnavailable from error
        raise


def schema() -> tantivy.Schema:
    """Terms are separated by spaces: `text.py` has already made them.

    `all` holds the stems of title and body, `title` those of the title, `words` and `title_words` every word unstemmed and
    where it stands. `whole_title` is one term. `serial` is new with every write of a
    document, so that a reader reloads only what changed; `stored` is JSON for `Entry`, and the title as it is.
    """
    builder = tantivy.SchemaBuilder()
    for name in ("all", "title"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    for name in ("words", "title_words"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    for name in ("id", "work", "whole_title"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in FACETS:
        builder.add_text_field(facet_field(name), tokenizer_name="raw", index_option="basic", fast=True)
    for language in LANGUAGES:
        builder.add_text_field(spell_field(language), tokenizer_name="whitespace", index_option="basic")
    builder.add_unsigned_field("serial", fast=True)
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


def facet_field(name: str) -> str:
    return f"facet_{name}"


def spell_field(language: str) -> str:
    """Of the words of a language's documents, to correct by."""
    return f"spell_{language}"


def create(folder: Path, manifest: Manifest) -> None:
    """Make an empty generation."""
    with guarded():
        (folder / "t").mkdir(parents=True)
        (folder / "vectors.f32").touch()
        (folder / "deleted.jsonl").touch()
        manifest.save(folder)
        tantivy.Index(schema(), str(folder / "t"))


def stored(document: tantivy.Document) -> dict[str, Any]:
    return json.loads(bytes(document.get_first("stored") or b"{}"))


class GenerationWriter:
    """Writes to one generation. Nothing shows before `commit`; `close` drops what was not committed.

    Only one at a time may be open on a generation: whoever makes one holds a lock.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.manifest = Manifest.load(folder)
        with guarded():
            self._index = tantivy.Index.open(str(folder / "t"))
            self._schema = self._index.schema
            self._searcher = self._index.searcher()
            self._writer = self._index.writer(_HEAP_BYTES, 1)
            self._vectors = (folder / "vectors.f32").open("ab")
        self._deleted = _load_deleted(folder)
        self._deleted_now: dict[DocId, int] = {}
        self._pending: dict[DocId, int | None] = {}
        """Id -> version written, or None for deleted, since the last commit."""

    @property
    def pending(self) -> int:
        """Documents changed since the last commit."""
        return len(self._pending)

    def write(self, docs: Iterable[IndexDoc]) -> int:
        """Take what is not older than what is held and newer than its deletion. Checked before anything is written."""
        batch = list(docs)
        for doc in batch:
            self._check_vectors(doc)
        taken = 0
        with guarded():
            for doc in batch:
                held = self._version(doc.id)
                if (held is not None and doc.version < held) or doc.version <= self._deleted.get(doc.id, -1):
                    continue
                self._writer.delete_documents_by_term("id", doc.id)
                self._writer.add_document(self._document(doc))
                self._pending[doc.id] = doc.version
                taken += 1
        return taken

    def delete(self, ids: Mapping[DocId, int]) -> None:
        with guarded():
            for doc_id, version in ids.items():
                if version > self._deleted.get(doc_id, -1):
                    self._deleted[doc_id] = self._deleted_now[doc_id] = version
                held = self._version(doc_id)
                if held is not None and held <= version:
                    self._writer.delete_documents_by_term("id", doc_id)
                    self._pending[doc_id] = None

    def commit(self) -> None:
        """Make everything so far durable and visible, in one step."""
        if not self._pending and not self._deleted_now:
            return
        with guarded():
            self._vectors.flush()
            os.fsync(self._vectors.fileno())
            if self._deleted_now:
                with (self._folder / "deleted.jsonl").open("a", encoding="utf-8") as file:
                    # The line break comes first: a line torn by a crash must not swallow the next.
                    file.writelines(f"\n{json.dumps(item)}" for item in self._deleted_now.items())
                    file.flush()
                    os.fsync(file.fileno())
            self._writer.commit()
            self._index.reload()
            self._searcher = self._index.searcher()
        self._pending.clear()
        self._deleted_now.clear()

    def close(self) -> None:
        self._vectors.close()
        with guarded():
            self._writer.rollback()
            self._writer.wait_merging_threads()

    def _version(self, doc_id: DocId) -> int | None:
        if doc_id in self._pending:
            return self._pending[doc_id]
        query = tantivy.Query.term_query(self._schema, "id", doc_id)
        hits = self._searcher.search(query, limit=1, count=False).hits
        return stored(self._searcher.doc(hits[0][1]))["version"] if hits else None

    def _check_vectors(self, doc: IndexDoc) -> None:
        for passage in doc.passages:
            if passage.vector is None:
                continue
            if passage.vector.model != self.manifest.model:
                raise ModelMismatch
            if self.manifest.dim is None:
                self.manifest = replace(self.manifest, dim=int(passage.vector.values.shape[0]))
                self.manifest.save(self._folder)
            if passage.vector.values.shape != (self.manifest.dim,):
                raise ModelMismatch

    def _document(self, doc: IndexDoc) -> tantivy.Document:
        document = tantivy.Document()
        whole = f"{doc.title}\n{doc.body}"
        document.add_text("all", " ".join(text.terms(whole, doc.language)))
        document.add_text("title", " ".join(text.terms(doc.title, doc.language)))
        title_words = " ".join(text.folded_words(doc.title))
        document.add_text("words", title_words)
        document.add_text("words", " ".join(text.folded_words(doc.body)))
        document.add_text("title_words", title_words)
        if doc.language in LANGUAGES:
            document.add_text(spell_field(doc.language), " ".join(text.spelled_words(whole)))
        document.add_text("whole_title", text.whole_title(doc.title))
        document.add_text("id", doc.id)
        document.add_text("work", doc.work)
        for name in FACETS:
            for value in dict.fromkeys(doc.facets.get(name, ())):
                document.add_text(facet_field(name), value)
        document.add_unsigned("serial", secrets.randbits(63))
        vectors = {at: passage.vector for at, passage in enumerate(doc.passages) if passage.vector is not None}
        entry = {
            "id": doc.id,
            "work": doc.work,
            "version": doc.version,
            "language": doc.language,
            "title": doc.title,
            "facets": {name: list(dict.fromkeys(doc.facets[name])) for name in FACETS if doc.facets.get(name)},
            "row": self._append([vector.values for vector in vectors.values()]),
            "passages": list(vectors),
        }
        document.add_bytes("stored", json.dumps(entry, ensure_ascii=False).encode(errors="replace"))
        return document

    def _append(self, rows: list[np.ndarray[Any, np.dtype[np.float32]]]) -> int:
        """Number of the first row written."""
        if not rows:
            return 0
        width = 4 * len(rows[0])
        torn = -self._vectors.tell() % width
        self._vectors.write(bytes(torn))
        first = self._vectors.tell() // width
        self._vectors.write(np.ascontiguousarray(rows, dtype="<f4").tobytes())
        return first


def _load_deleted(folder: Path) -> dict[DocId, int]:
    deleted: dict[DocId, int] = {}
    for line in (folder / "deleted.jsonl").read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            doc_id, version = json.loads(line)
        except ValueError:
            continue  # torn by a crash before its commit, so it was never promised
        deleted[doc_id] = max(version, deleted.get(doc_id, -1))
    return deleted
