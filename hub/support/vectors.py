"""The words of requests and sent answers as points of the encoder's space, kept with their rows, so that nobody waits for them.

They live and die with the row and are in no cache that others read. A job makes them after each writing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from hub.support import reading
from hub.support.models import Answer, AnswerVector, RequestVectors, SupportRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hub.search.embedding import Embedder

ENCODE = "encode"
"""Kind of `Outbox` row: make the vectors of a request, or of a sent answer. Payload: `{request}` or `{answer}`, its id."""
AT_ONCE = 5
"""Answers encoded by one job: each takes about as long as a request."""


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
    """Job `encode`: make them from the words as they are now. Raises `EmbeddingUnavailable`.

    Answers that were sent before there were jobs for them, or before this model, follow a few at a time.
    """
    from hub.matching import service  # noqa: PLC0415 - as above

    embedder = hub.embedder
    if embedder is None:
        return
    _encode_answers(session, embedder, payload.get("answer"))
    row = session.get(SupportRequest, payload["request"]) if "request" in payload else None
    if row is None:
        return
    texts = service.texts(reading.match_request(row))
    if not texts:
        return
    values = embedder.queries(texts).tobytes()
    session.merge(RequestVectors(request_id=row.id, model=embedder.model, digest=_digest(texts), values=values))


def _encode_answers(session: Session, embedder: "Embedder", first: str | None) -> None:
    known = exists().where(AnswerVector.answer_id == Answer.id, AnswerVector.model == embedder.model)
    waiting = select(Answer.id, Answer.text).where(Answer.status == "sent", Answer.text != "", ~known)
    rows = session.execute(waiting.order_by(Answer.id != (first or ""), Answer.id).limit(AT_ONCE)).all()
    for (id_, _), vector in zip(rows, embedder.documents([text for _, text in rows]) if rows else (), strict=True):
        session.merge(AnswerVector(answer_id=id_, model=embedder.model, values=vector.tobytes()))


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
