"""match(): from a need to agencies, peer States, practices and guidance, each with its reasons.

The text of a request is read, encoded and forgotten: nothing of it is kept, logged or indexed here.
"""

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from hub.errors import SearchUnavailable
from hub.matching import candidates, scoring
from hub.matching.candidates import Evidence
from hub.matching.reasons import (
    KEYWORDS_UNAVAILABLE,
    MEANING_UNAVAILABLE,
    NO_AGENCY,
    NO_GUIDANCE,
    NO_PEER,
    NO_PRACTICE,
    OBJECTIVES_PREDICTED,
    OBJECTIVES_UNKNOWN,
    OUT_OF_SCOPE,
)
from hub.matching.scoring import Need, Scores
from hub.matching.types import Match, Matches, MatchRequest, Reason, ReasonParam
from hub.network import vocabulary
from hub.search import query, text
from hub.search.embedding import Embedder, EmbeddingUnavailable
from hub.search.engine import SearchEngine
from hub.search.types import LANGUAGES

log = logging.getLogger(__name__)

KEYWORD_POOL = 200
"""How many records the keyword side brings; what lies behind shares next to nothing with the request."""


PART_CHARACTERS, DESCRIPTION_CHARACTERS = 200, 3_000
"""Mandates are compared with pieces of about a sentence, of as much of the description as an encoder reads."""


def match(
    session: Session,
    request: MatchRequest,
    *,
    embedder: Embedder | None,
    engine: SearchEngine | None = None,
    limit: int = 10,
) -> Matches:
    """The best `limit` of each list. Without a model or an engine the rest still works, and `notes` says so.

    Only public evidence counts: published records, mandates, vocabulary. Reads the database, writes nothing.
    """
    notes: list[str] = []
    wanted = f"{request.title}\n{request.description}".strip()
    language = request.language or text.detect(wanted)
    evidence, vectors = _meaning(session, embedder, [wanted, *_parts(request, language)] if wanted else [])
    if vectors is None and wanted:
        notes.append(MEANING_UNAVAILABLE)
    keyword = _keyword(engine, evidence, wanted, language)
    if keyword is None and wanted:
        notes.append(KEYWORDS_UNAVAILABLE)
    named = scoring.named_objectives(request.objectives)
    need = Need(
        country=request.country,
        language=language,
        objectives=named,
        predicted=not named.any(),
        keyword=keyword,
        similar=None if vectors is None else scoring.similarities(evidence, vectors[0]),
        vector=None if vectors is None else vectors[0],
        parts=None if vectors is None else vectors[1:],
    )
    if not scoring.in_scope(evidence, need):
        return Matches((), (), (), (), notes=(*notes, OUT_OF_SCOPE))
    words, meaning = scoring.text_relevance(evidence, need)
    if need.predicted:
        need = replace(need, objectives=scoring.predict_objectives(evidence, need, words + meaning))
        notes.append(OBJECTIVES_PREDICTED if need.objectives.any() else OBJECTIVES_UNKNOWN)
    found = scoring.relevance(evidence, need, words, meaning)
    agencies = scoring.agencies(evidence, need, found, limit=limit)
    peers = scoring.peer_states(evidence, need, found, limit=limit)
    practices = scoring.records(evidence, need, found, practices=True, limit=limit)
    guidance = scoring.records(evidence, need, found, practices=False, limit=limit)
    lists = ((agencies, NO_AGENCY), (peers, NO_PEER), (practices, NO_PRACTICE), (guidance, NO_GUIDANCE))
    for listed, note in lists:
        if not listed:
            notes.append(note)
    names = _Names(session)
    return Matches(
        agencies=names.given(agencies),
        peer_states=names.given(peers),
        practices=names.given(practices),
        guidance=names.given(guidance),
        notes=tuple(notes),
        objectives=tuple(
            int(index) + 1 for index in np.argsort(-need.objectives, kind="stable") if need.objectives[index]
        ),
    )


def _parts(request: MatchRequest, language: str | None) -> list[str]:
    """The title, and the description sentence by sentence (short ones together)."""
    body = request.description[:DESCRIPTION_CHARACTERS]
    pieces = [body[start:end] for start, end in text.passages(body, language or "en", PART_CHARACTERS)]
    return [piece for piece in (request.title, *pieces) if piece.strip()]


def _meaning(
    session: Session, embedder: Embedder | None, texts: list[str]
) -> tuple[Evidence, NDArray[np.float32] | None]:
    """The evidence, and the texts as points of its space; None where there is no model or nothing was encoded yet."""
    if embedder is not None:
        try:
            evidence = candidates.evidence(session, embedder)
            return evidence, embedder.queries(texts) if texts and len(evidence.passages) else None
        except EmbeddingUnavailable:
            log.warning("the embedding model cannot be used; matching goes on without it")
    return candidates.evidence(session, None), None


def _keyword(engine: SearchEngine | None, evidence: Evidence, wanted: str, language: str | None) -> Scores | None:
    """BM25 per document, or None when there is no engine, or none that answers."""
    if engine is None or not wanted:
        return None
    try:
        hits = engine.retrieve(query=query.words(wanted, language), limit=KEYWORD_POOL).keyword
    except SearchUnavailable:
        log.warning("the search engine does not answer; matching goes on without shared words")
        return None
    scores = np.zeros(len(evidence.documents))
    for hit in hits:
        row = evidence.document_rows.get(hit.id)  # an index may be ahead of or behind the database
        if row is not None:
            scores[row] = hit.score
    return scores


class _Names:
    """Puts the names of objectives and regions into the parameters of reasons, in all languages of the hub."""

    def __init__(self, session: Session) -> None:
        self._labels = {
            (scheme, language): vocabulary.labels(session, scheme, language)
            for scheme in ("objective", "region")
            for language in LANGUAGES
        }

    def given(self, matches: tuple[Match, ...]) -> tuple[Match, ...]:
        return tuple(
            replace(match, reasons=tuple(replace(reason, params=self._params(reason)) for reason in match.reasons))
            for match in matches
        )

    def _params(self, reason: Reason) -> dict[str, ReasonParam]:
        params = dict(reason.params)
        for scheme in ("objective", "region"):
            if scheme in params:
                code = str(params[scheme])
                for language in LANGUAGES:
                    params[f"name.{language}"] = self._labels[scheme, language].get(code, code)
        return params
