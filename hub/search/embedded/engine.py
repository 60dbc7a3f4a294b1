"""`EmbeddedEngine`: which generation is served, who may write, how one replaces another.

    CURRENT        name of the folder served, replaced in one step
    writer.lock    held for each write to the served generation and for the swap
    rebuild.lock   held while a generation is being filled; rebuild.json says since when
    gen-*/         generations (`generation.py`)

Readers take no lock: they look at CURRENT and at the index's own state file before each answer, and open anew what changed,
so a server sees what another process writes. Files of a dropped generation live on while a reader has them open.
"""

import json
import re
import shutil
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from hub.errors import SearchUnavailable
from hub.search.embedded.generation import REBUILD, GenerationWriter, Manifest, create, guarded, write_whole
from hub.search.embedded.snapshot import Snapshot
from hub.search.engine import Rebuild
from hub.search.types import DocId, EngineStatus, Filters, IndexDoc, Place, Query, Retrieved, Sort, Suggested, Vector

_BATCH = 500
"""Documents per commit to the served generation: a commit costs 0.1 to 0.2 s, and a reader sees nothing before it."""

_REBUILD_BATCH = 5_000
"""The same for a generation that nobody reads yet."""

_WRITE_WAIT_S = 60.0
_REBUILD_WAIT_S = 2.0


class EmbeddedEngine:
    """Keeps `SearchEngine` in one folder. Threads may share it; other processes may open the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loading = threading.Lock()
        self._loaded: tuple[tuple[str, int, int, int], Snapshot] | None = None
        self._current: tuple[tuple[int, int], str] | None = None
        """State of CURRENT, by inode and time, and what it says: reading it takes ten times as long as asking for that."""

    def write(self, docs: Iterable[IndexDoc]) -> int:
        taken = 0
        for batch in _batches(docs, _BATCH):
            with self._writer() as writer:
                taken += writer.write(batch)
                writer.commit()
        return taken

    def delete(self, ids: Mapping[DocId, int]) -> None:
        with self._writer() as writer:
            writer.delete(ids)
            writer.commit()

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
        return self._snapshot().retrieve(
            query=query,
            vector=vector,
            filters=filters,
            limit=limit,
            facets=facets,
            sort=sort,
            after=after,
            listed=listed,
            compared=compared,
            counted=counted,
        )

    def suggest(self, prefix: str, limit: int) -> tuple[Suggested, ...]:
        return self._snapshot().suggest(prefix, limit)

    def correct(self, words: Sequence[str], language: str | None) -> Mapping[str, str]:
        return self._snapshot().correct(words, language)

    def versions(self) -> Mapping[DocId, int]:
        return self._snapshot(wait=True).versions() if self._served() else {}

    def vectors(self, ids: Sequence[DocId]) -> Mapping[DocId, NDArray[np.float32]]:
        return self._snapshot().vectors(ids)

    @contextmanager
    def rebuild(self, generation: str, *, model: str | None) -> Generator[Rebuild]:
        """A second one at the same time raises `SearchUnavailable`. What a crash left behind is swept up first."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / "rebuild.lock", timeout=_REBUILD_WAIT_S, thread_local=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise SearchUnavailable("The search index is being rebuilt already.") from error
        try:
            self._sweep()
            folder = self._fresh_folder(generation)
            create(folder, Manifest(generation, model))
            write_whole(self._folder / "rebuild.json", json.dumps({"since": datetime.now(UTC).isoformat()}))
            filling = _Filling(folder, self._swap)
            try:
                yield filling
            finally:
                filling.close()
                self._sweep()
                (self._folder / "rebuild.json").unlink(missing_ok=True)
        finally:
            lock.release()

    def status(self) -> EngineStatus:
        """A generation that does not fit this version of the hub counts as none: it must be rebuilt."""
        since = self._rebuild_since()
        if self._served() is None:
            return EngineStatus("embedded", None, None, 0, None, since)
        try:
            snapshot = self._snapshot()
        except SearchUnavailable:
            return EngineStatus("embedded", None, None, 0, None, since)
        manifest = snapshot.manifest
        built_at = datetime.fromisoformat(manifest.built_at) if manifest.built_at else None
        return EngineStatus("embedded", manifest.generation, manifest.model, len(snapshot.entries), built_at, since)

    def refresh(self) -> None:
        if self._served() is not None:
            self._snapshot(wait=True)

    def drop(self) -> None:
        self.close()
        with self._lock():
            (self._folder / "CURRENT").unlink(missing_ok=True)
            self._sweep()

    def close(self) -> None:
        self._loaded = None

    # Reading

    def _served(self) -> str | None:
        """Name of the folder served."""
        path = self._folder / "CURRENT"
        try:
            state = path.stat()
            key = state.st_ino, state.st_mtime_ns
            current = self._current
            if current is None or current[0] != key:
                self._current = current = key, path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return current[1] or None

    def _snapshot(self, *, wait: bool = False) -> Snapshot:
        """The newest committed state. While another thread opens it, the one before, unless told to `wait`."""
        for last in (False, False, True):
            served = self._served()
            if served is None:
                raise SearchUnavailable(f"There is no search index yet: {REBUILD}.")
            try:
                state = (self._folder / served / "t" / "meta.json").stat()
            except OSError as error:
                if last:
                    raise SearchUnavailable(f"The search index cannot be read: {REBUILD}.") from error
                continue  # replaced between the two looks
            key = (served, state.st_ino, state.st_mtime_ns, state.st_size)
            loaded = self._loaded
            if loaded is not None and loaded[0] == key:
                return loaded[1]
            if not self._loading.acquire(blocking=wait or loaded is None):
                assert loaded is not None  # noqa: S101 - else it would have waited
                return loaded[1]
            try:
                loaded = self._loaded
                if loaded is None or loaded[0] != key:
                    loaded = (key, Snapshot(self._folder / served, loaded[1] if loaded else None))
                    self._loaded = loaded
                return loaded[1]
            except SearchUnavailable:
                if last or self._served() == served:
                    raise
            finally:
                self._loading.release()
        raise SearchUnavailable

    # Writing

    @contextmanager
    def _writer(self) -> Generator[GenerationWriter]:
        """The only writer of the served generation, for a moment."""
        with self._lock():
            served = self._served()
            if served is None:
                raise SearchUnavailable(f"There is no search index yet: {REBUILD}.")
            writer = GenerationWriter(self._folder / served)
            try:
                yield writer
            finally:
                writer.close()

    @contextmanager
    def _lock(self) -> Generator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / "writer.lock", timeout=_WRITE_WAIT_S):
                yield
        except Timeout as error:
            raise SearchUnavailable("Another writer holds the search index.") from error

    def _fresh_folder(self, generation: str) -> Path:
        stem = "gen-" + re.sub(r"[^\w.-]", "_", generation)
        names = (stem, *(f"{stem}.{again}" for again in range(1, 1_000)))
        return next(folder for name in names if not (folder := self._folder / name).exists())

    def _swap(self, folder: Path) -> None:
        with self._lock(), guarded():
            write_whole(self._folder / "CURRENT", folder.name)

    def _sweep(self) -> None:
        """Drop every generation but the served one. Only while `rebuild.lock` is held."""
        served = self._served()
        for folder in self._folder.glob("gen-*"):
            if folder.name != served:
                shutil.rmtree(folder, ignore_errors=True)

    def _rebuild_since(self) -> datetime | None:
        """When the rebuild now running began, in whatever process; a note left by a dead one does not count."""
        try:
            noted = json.loads((self._folder / "rebuild.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        with suppress(Timeout), FileLock(self._folder / "rebuild.lock", timeout=0):
            return None
        return datetime.fromisoformat(noted["since"])


class _Filling:
    """Keeps `Rebuild`: a generation that nobody serves yet."""

    def __init__(self, folder: Path, swap: Callable[[Path], None]) -> None:
        self._folder = folder
        self._swap = swap
        self._writer: GenerationWriter | None = GenerationWriter(folder)
        self._snapshot: Snapshot | None = None
        self._changed = False

    def write(self, docs: Iterable[IndexDoc]) -> int:
        taken = 0
        self._changed = True
        for batch in _batches(docs, _BATCH):
            writer = self._open()
            taken += writer.write(batch)
            if writer.pending >= _REBUILD_BATCH:
                writer.commit()
        return taken

    def delete(self, ids: Mapping[DocId, int]) -> None:
        self._changed = True
        self._open().delete(ids)

    def versions(self) -> Mapping[DocId, int]:
        return self._read().versions()

    def retrieve(self, *, query: Query | None = None, vector: Vector | None = None, limit: int = 10) -> Retrieved:
        return self._read().retrieve(query=query, vector=vector, filters=Filters(), limit=limit, facets=())

    def commit(self) -> None:
        writer = self._open()
        writer.commit()
        self.close()
        replace(writer.manifest, built_at=datetime.now(UTC).isoformat()).save(self._folder)
        self._swap(self._folder)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self) -> GenerationWriter:
        if self._writer is None:
            raise ValueError("this generation is served or dropped already")
        return self._writer

    def _read(self) -> Snapshot:
        writer = self._open()
        if self._snapshot is None or self._changed:
            writer.commit()
            self._snapshot = Snapshot(self._folder, self._snapshot)
            self._changed = False
        return self._snapshot


def _batches(docs: Iterable[IndexDoc], size: int) -> Iterator[list[IndexDoc]]:
    iterator = iter(docs)
    while batch := list(islice(iterator, size)):
        yield batch
