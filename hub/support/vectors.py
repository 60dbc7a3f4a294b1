"""The words of a request as points of the encoder's space, kept with its row, so that nobody who opens it waits for them.

They live and die with the row and are in no cache that others read. A job makes them after each writing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.support import reading
from hub.support.models import RequestVectors, SupportRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hub.search.embedding import Embedder

ENCODE = "encode"
"""Kind of `Outbox` row: make the vectors of a request. Payload: `{request}`, its id."""


class AtHand:
    """An encoder that has the vectors of some texts already. All others it leaves to the one behind it."""

    def __init__(self, embedder: "Embedder", texts: Sequence[str], vectors: "NDArray[np.float32]") -> None:
        self._embedder, self._texts, self._vectors = embedder, list(texts), vectors

    @property
    def model(self) -> str:
        return self._embedder.model

    @property
    def dim(self) -> int:
        return self._embedder.dim

    def queries(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        return self._vectors if list(texts) == self._texts else self._embedder.queries(texts)

    def documents(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        return self._embedder.documents(texts)


def at_hand(session: Session, row: SupportRequest, embedder: "Embedder | None") -> "Embedder | None":
    """The encoder, with the request's vectors if they are those of its words and of this model; else as it is."""
    return all_at_hand(session, [row], embedder)[0]


def all_at_hand(
    session: Session, rows: Sequence[SupportRequest], embedder: "Embedder | None"
) -> "list[Embedder | None]":
    """As `at_hand` for each, in order, in one query."""
    from hub.matching import service  # noqa: PLC0415 - not needed to write a request

    if embedder is None:
        return [None] * len(rows)
    found = select(RequestVectors.request_id, RequestVectors.digest, RequestVectors.values).where(
        RequestVectors.request_id.in_([row.id for row in rows]), RequestVectors.model == embedder.model
    )
    kept = {id_: (digest, values) for id_, digest, values in session.execute(found)}
    return [_with(embedder, service.texts(reading.match_request(row)), *kept.get(row.id, ("", b""))) for row in rows]


def _with(embedder: "Embedder", texts: Sequence[str], digest: str, values: bytes) -> "Embedder":
    import numpy as np  # noqa: PLC0415 - as above

    if digest != _digest(texts) or not values:
        return embedder
    return AtHand(embedder, texts, np.frombuffer(values, np.float32).reshape(len(texts), -1))


def encode(hub: Any, session: Session, payload: Mapping[str, Any]) -> None:
    """Job `encode`: make them from the words as they are now. Raises `EmbeddingUnavailable`."""
    from hub.matching import service  # noqa: PLC0415 - as above

    row, embedder = session.get(SupportRequest, payload["request"]), hub.embedder
    if row is None or embedder is None:
        return
    texts = service.texts(reading.match_request(row))
    if not texts:
        return
    values = embedder.queries(texts).tobytes()
    session.merge(RequestVectors(request_id=row.id, model=embedder.model, digest=_digest(texts), values=values))


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
