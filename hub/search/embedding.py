"""Text to vectors: sentence-transformers for the product, a hash for unit tests."""

import hashlib
import json
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hub.errors import HubError
from hub.search.onnx_encoder import GRAPH, OnnxEncoder
from hub.search.types import Vector

MANIFEST = "hub_model.json"
"""In a model folder made by set-up: `name`, `revision`, `dim`."""

_BATCH = 16
_MAX_CHARACTERS = 20_000  # far beyond the 512 tokens that are read; keeps a huge text from being analysed in vain
_RETRY_S = 60.0


class EmbeddingUnavailable(HubError):
    """There is no usable embedding model; search goes on by keywords, and says so."""

    status = 503
    slug = "embedding-unavailable"
    title = "The embedding model is not available"
    retry_after_s = 60


class Embedder(Protocol):
    """Turns texts into points of one vector space. Safe to call from several threads.

    Raises `EmbeddingUnavailable` when the model is missing or broken.
    """

    @property
    def model(self) -> str:
        """Identity of the space: name, weights, precision. What `Vector.model` carries. Never raises."""
        ...

    @property
    def dim(self) -> int: ...

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (n, dim), rows of L2 norm 1, in the order given; as questions where the model knows the difference."""
        ...

    def documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (n, dim), rows of L2 norm 1, in the order given."""
        ...


def query_vector(embedder: Embedder, text: str) -> Vector:
    """One question as a point of the embedder's space."""
    return Vector(embedder.model, embedder.queries([text])[0])


class _Encoder(Protocol):
    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]: ...

    def encode_document(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, by folder or by name, on the CPU in float32. Loaded at the first text.

    A folder made by set-up runs on ONNX Runtime instead of torch: the same vectors (cosine above 0.99999), loaded in one
    second instead of eight, 14 ms of CPU a query instead of 35, 541 MB instead of 943 (two-core machine, busy).
    """

    def __init__(self, folder_or_name: str) -> None:
        """Cheap and never raises: nothing heavy is imported, nothing loaded."""
        self._source = folder_or_name
        self._manifest = _read_manifest(Path(folder_or_name))
        self._model = self._manifest[0] if self._manifest else _identity(folder_or_name)
        self._loading = threading.Lock()
        self._encoder: _Encoder | None = None
        self._failed: tuple[float, str] | None = None
        self._dim = self._manifest[1] if self._manifest else None

    @property
    def model(self) -> str:
        return self._model

    @property
    def dim(self) -> int:
        if self._dim is None:
            self._dim = int(self._load().encode_query(["?"]).shape[1])
        return self._dim

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._rows(self._load().encode_query, texts)

    def documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Fastest with some hundred texts a call: they are sorted by length, so that little is padding."""
        return self._rows(self._load().encode_document, texts)

    def _rows(
        self, encode: Callable[[Sequence[str]], NDArray[np.float32]], texts: Sequence[str]
    ) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self.dim), np.float32)
        return _unit(encode([_clean(text) for text in texts]))

    def _load(self) -> _Encoder:
        """Load once. A failure is remembered for a minute, so that a missing hub does not slow down every search."""
        with self._loading:
            if self._encoder is not None:
                return self._encoder
            if self._failed and time.monotonic() - self._failed[0] < _RETRY_S:
                raise EmbeddingUnavailable(self._failed[1])
            folder = Path(self._source)
            try:
                if _is_path(self._source) and not folder.is_dir():
                    raise FileNotFoundError("there is no such folder; `hub init` makes the default one")  # noqa: TRY301
                prepared = self._manifest and (folder / GRAPH).is_file()
                self._encoder = OnnxEncoder(folder) if prepared else _TorchEncoder(self._source)
            except Exception as error:
                reason = f"The embedding model {self._source} cannot be loaded: {error}"
                self._failed = (time.monotonic(), reason)
                raise EmbeddingUnavailable(reason) from error
            return self._encoder


class _TorchEncoder:
    def __init__(self, source: str) -> None:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - imports torch, seconds
        from transformers.utils import logging  # noqa: PLC0415

        logging.disable_progress_bar()
        self._transformer = SentenceTransformer(source, device="cpu", local_files_only=Path(source).is_dir())
        self._turn = threading.Lock()  # its tokenizer may not be used by two threads at once

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._turn:
            return self._transformer.encode_query(list(texts), batch_size=_BATCH, show_progress_bar=False)

    def encode_document(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._turn:
            return self._transformer.encode_document(list(texts), batch_size=_BATCH, show_progress_bar=False)


def _is_path(source: str) -> bool:
    """Whether this names a folder rather than a model of a hub (`name` or `owner/name`)."""
    return Path(source).exists() or Path(source).is_absolute() or source.startswith(".") or source.count("/") > 1


def _read_manifest(folder: Path) -> tuple[str, int] | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return f"{manifest['name']}@{manifest['revision']}", int(manifest["dim"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _identity(source: str) -> str:
    """A folder of unknown origin: a hash over its files' names, sizes, first and last 64 KB. Else the name itself."""
    folder = Path(source)
    if not folder.is_dir():
        return f"{source}/float32"
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".json", ".safetensors", ".bin", ".model", ".txt"}):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(65_536))
            file.seek(max(0, size - 65_536))
            digest.update(file.read())
    return f"{folder.resolve().name}@{digest.hexdigest()[:12]}/float32"


def _clean(text: str) -> str:
    """Text that a tokenizer takes: no lone surrogates, of bounded length."""
    return text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


class HashEmbedder:
    """Words and character trigrams hashed into `dim` signed buckets: the same in every process, knows no meaning.

    For unit tests only: texts that share words are near, and nothing needs to be loaded.
    """

    def __init__(self, dim: int = 64) -> None:
        self.model = f"hash-{dim}"
        self.dim = dim

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.documents(texts)

    def documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for feature, weight in _features(text):
                bits = int.from_bytes(
                    hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest(), "big"
                )
                row[(bits >> 1) % self.dim] += weight if bits & 1 else -weight
            if not row.any():
                row[0] = 1.0
        return _unit(vectors)


def _features(text: str) -> list[tuple[str, float]]:
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
    trigrams = [f"#{padded[i : i + 3]}" for word in words for padded in [f" {word} "] for i in range(len(padded) - 2)]
    return [(word, 1.0) for word in words] + [(trigram, 0.25) for trigram in trigrams]
