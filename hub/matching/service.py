"""match(): from a need to agencies, peer States, practices, guidance, offers, areas of the fund and experts, with reasons.

The text of a request is read, encoded and forgotten: nothing of it is kept, logged or indexed here.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from hub.database import now
from hub.errors import SearchUnavailable
from hub.matching import candidates, scoring
from hub.matching.agencies import NOTHING_PRIVATE, agencies, scored
from hub.matching.candidates import Evidence
from hub.matching.insiders import People, experts, of_agencies, of_states
from hub.matching.means import funding, offers
from hub.matching.peers import peer_states
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
from hub.matching.scoring import Need, Relevance, Scores
from hub.matching.situation import named_states
from hub.matching.types import LISTS, Gain, Inside, Match, Matches, MatchRequest, Reason, ReasonParam, View
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
    view: View = "public",
    inside: Inside | None = None,
    excluded: Collection[str] = (),
) -> Matches:
    """The best `limit` of each list. Without a model or an engine the rest still works, and `notes` says so.

    Only public evidence counts: published records, mandates, vocabulary, offers; in the view of members, offers to members
    too. `inside`, for the secretariat's view and assignment alone, adds load, acceptance, speed, answers and experts;
    ValueError with any other view. `excluded`: ids of agencies, States and experts (memberships) that are not even scored, for a
    conflict of interest. Reads the database, writes nothing.
    """
    if inside is not None and view != "secretariat":
        raise ValueError("What the secretariat knows is for its own view alone")
    notes: list[str] = []
    evidence, need = _need(partial(candidates.evidence, session), request, embedder, engine, notes)
    if not scoring.in_scope(evidence, need):
        return Matches((), (), (), (), notes=(*notes, OUT_OF_SCOPE))
    need, found = _relevant(evidence, need)
    if need.predicted:
        notes.append(OBJECTIVES_PREDICTED if need.objectives.any() else OBJECTIVES_UNKNOWN)
    of_agency, of_state = NOTHING_PRIVATE, NOTHING_PRIVATE
    if inside is not None:
        of_agency, of_state = of_agencies(evidence, inside, need), of_states(inside)
    every = scored(evidence, need, found)
    listed = Matches(
        agencies=agencies(every, limit=limit, private=of_agency, excluded=excluded),
        peer_states=peer_states(evidence, need, found, limit=limit, private=of_state, excluded=excluded),
        practices=scoring.records(evidence, need, found, practices=True, limit=limit),
        guidance=scoring.records(evidence, need, found, practices=False, limit=limit),
        offers=offers(evidence, need, members=view != "public", on=now().date(), limit=limit, excluded=excluded),
        funding=funding(evidence, need, limit=limit),
        experts=()
        if inside is None
        else experts(every, need, People(evidence, inside), limit=limit, excluded=excluded),
    )
    empty = (
        (listed.agencies, NO_AGENCY),
        (listed.peer_states, NO_PEER),
        (listed.practices, NO_PRACTICE),
        (listed.guidance, NO_GUIDANCE),
    )
    notes.extend(note for matches, note in empty if not matches)
    named = _names(session)
    return replace(
        listed,
        **{name: named.given(getattr(listed, name)) for name in LISTS},
        notes=tuple(notes),
        objectives=_used(need),
    )


def _relevant(evidence: Evidence, need: Need) -> tuple[Need, Relevance]:
    """The need with its objectives, predicted where none is named, and how relevant records are to it."""
    words, meaning = scoring.text_relevance(evidence, need)
    if need.predicted:
        need = replace(need, objectives=scoring.predict_objectives(evidence, need, words + meaning))
    return need, scoring.relevance(evidence, need, words, meaning)


def _used(need: Need) -> tuple[int, ...]:
    """The objectives of a need, the weightiest first."""
    order = np.argsort(-need.objectives, kind="stable")
    return tuple(int(index) + 1 for index in order if need.objectives[index])


class Affinities(NamedTuple):
    """What `match` says of every expert for one request, in the secretariat's view, without reasons.

    `scores` (experts,): in the order of `Inside.experts`, NaN for who would not be listed. `objectives` as in `Matches`.
    """

    scores: NDArray[np.float64]
    objectives: tuple[int, ...]


def affinities(
    session: Session,
    requests: Iterable[tuple[MatchRequest, Embedder | None]],
    inside: Inside,
    *,
    engine: SearchEngine | None = None,
) -> Iterator[Affinities]:
    """One after the other, in the order given, each request with its encoder; conflicts of interest are the caller's.

    The evidence is read once for all: what changes meanwhile counts the next time.
    """
    known: dict[str, tuple[Evidence, People]] = {}

    def read(embedder: Embedder | None) -> Evidence:
        model = embedder.model if embedder else ""
        if model not in known:
            evidence = candidates.evidence(session, embedder)
            known[model] = evidence, People(evidence, inside)
        return known[model][0]

    for request, embedder in requests:
        evidence, need = _need(read, request, embedder, engine, [])
        if not scoring.in_scope(evidence, need):
            yield Affinities(np.full(len(inside.experts), np.nan), ())
            continue
        need, found = _relevant(evidence, need)
        people = next(people for one, people in known.values() if one is evidence)
        yield Affinities(people.worth(need, scored(evidence, need, found).strengths), _used(need))


def suggest_objectives(
    session: Session,
    words: str,
    *,
    country: str = "",
    language: str | None = None,
    embedder: Embedder | None,
    engine: SearchEngine | None = None,
    limit: int = 5,
) -> tuple[Match, ...]:
    """The objectives that a paragraph seems to be about, best first; none where nothing published is close to it.

    `id`: the number as text, `name` English; the reasons name the practices, and whether the objective's own description is
    close. Nothing of the paragraph is kept.
    """
    request = MatchRequest(country, "", words, language)
    evidence, need = _need(partial(candidates.evidence, session), request, embedder, engine, [])
    if not words.strip() or not scoring.in_scope(evidence, need):
        return ()
    names = {each.number: each.title for each in vocabulary.objectives(session)}
    found = scoring.suggestions(evidence, need, np.add(*scoring.text_relevance(evidence, need)), names)
    return _names(session).given(found[:limit])


Read = Callable[[Embedder | None], Evidence]
"""What is known, for the space of an encoder."""


def _need(
    read: Read,
    request: MatchRequest,
    embedder: Embedder | None,
    engine: SearchEngine | None,
    notes: list[str],
) -> tuple[Evidence, Need]:
    """The request in numbers; what could not be used is added to `notes`."""
    wanted = f"{request.title}\n{request.description}".strip()
    language = request.language or text.detect(wanted)
    evidence, vectors = _meaning(read, embedder, texts(request))
    if vectors is None and wanted:
        notes.append(MEANING_UNAVAILABLE)
    keyword = _keyword(engine, evidence, wanted, language)
    if keyword is None and wanted:
        notes.append(KEYWORDS_UNAVAILABLE)
    named = scoring.named_objectives(request.objectives)
    return evidence, Need(
        country=request.country,
        language=language,
        objectives=named,
        predicted=not named.any(),
        keyword=keyword,
        similar=None if vectors is None else scoring.similarities(evidence, vectors[0]),
        vector=None if vectors is None else vectors[0],
        parts=None if vectors is None else vectors[1:],
        states=named_states(evidence.situations, wanted, language),
        model="" if vectors is None or embedder is None else embedder.model,
    )


def texts(request: MatchRequest) -> list[str]:
    """What of a request is encoded, in the order in which it is: the whole, then its parts. Empty without words."""
    wanted = f"{request.title}\n{request.description}".strip()
    return [wanted, *_parts(request, request.language or text.detect(wanted))] if wanted else []


def _parts(request: MatchRequest, language: str | None) -> list[str]:
    """The title, and the description sentence by sentence (short ones together)."""
    body = request.description[:DESCRIPTION_CHARACTERS]
    pieces = [body[start:end] for start, end in text.passages(body, language or "en", PART_CHARACTERS)]
    return [piece for piece in (request.title, *pieces) if piece.strip()]


def _meaning(read: Read, embedder: Embedder | None, texts: list[str]) -> tuple[Evidence, NDArray[np.float32] | None]:
    """The evidence, and the texts as points of its space; None where there is no model or nothing was encoded yet."""
    if embedder is not None:
        try:
            evidence = read(embedder)
            return evidence, embedder.queries(texts) if texts and len(evidence.passages) else None
        except EmbeddingUnavailable:
            log.warning("the embedding model cannot be used; matching goes on without it")
    return read(None), None


def _keyword(engine: SearchEngine | None, evidence: Evidence, wanted: str, language: str | None) -> Scores | None:
    """BM25 per document, or None when there is no engine, or none that answers."""
    if engine is None or not wanted:
        return None
    try:
        hits = engine.retrieve(query=query.words(wanted, language), limit=KEYWORD_POOL, counted=False).keyword
    except SearchUnavailable:
        log.warning("the search engine does not answer; matching goes on without shared words")
        return None
    scores = np.zeros(len(evidence.documents))
    for hit in hits:
        row = evidence.document_rows.get(hit.id)  # an index may be ahead of or behind the database
        if row is not None:
            scores[row] = hit.score
    return scores


_NAMED: Mapping[str, str] = {"objective": "objective", "region": "region", "route": "route", "countries": "country",
    "country": "country", "origin": "country", "destination": "country"}  # fmt: skip
"""Parameter of a reason -> the scheme that names it."""
_ALONE = ("objective", "region", "route", "countries")
"""Parameters whose name is `name.fr`; the names of others stand under their own, as `origin.fr`."""


def _names(session: Session) -> "_Names":
    """As the vocabulary is now; kept until it changes."""
    engine = session.get_bind().engine
    kept = _kept_names.get(engine)
    if kept is None or kept.read_from is not vocabulary.labels(session, "objective", "en"):
        kept = _kept_names[engine] = _Names(session)
    return kept


class _Names:
    """Puts the names of objectives, regions, routes and States into the parameters of reasons, in all languages of the hub."""

    def __init__(self, session: Session) -> None:
        self.read_from = vocabulary.labels(session, "objective", "en")
        self._labels = {
            (scheme, language): vocabulary.labels(session, scheme, language)
            for scheme in sorted(set(_NAMED.values()))
            for language in LANGUAGES
        }
        self._known: dict[tuple[str, str], Mapping[str, str]] = {}

    def given(self, matches: tuple[Match, ...]) -> tuple[Match, ...]:
        return tuple(
            replace(
                match,
                reasons=tuple(
                    Reason(one.code, self._params(one.params), one.weight, one.evidence, one.without)
                    if self._has(one.params)
                    else one
                    for one in match.reasons
                ),
                gains=tuple(
                    Gain(one.code, self._params(one.params), one.weight) if self._has(one.params) else one
                    for one in match.gains
                ),
            )
            for match in matches
        )

    def _has(self, given: Mapping[str, ReasonParam]) -> bool:
        return not _NAMED.keys().isdisjoint(given)

    def _params(self, given: Mapping[str, ReasonParam]) -> Mapping[str, ReasonParam]:
        params = dict(given)
        for name in _NAMED.keys() & given.keys():
            params |= self._names(name, str(given[name]))
        return params

    def _names(self, name: str, codes: str) -> Mapping[str, str]:
        """Of one parameter; most are asked for by many reasons."""
        if (name, codes) not in self._known:
            prefix = "name" if name in _ALONE else name
            each = codes.split(", ")
            self._known[name, codes] = {
                f"{prefix}.{language}": ", ".join(self._labels[_NAMED[name], language].get(code, code) for code in each)
                for language in LANGUAGES
            }
        return self._known[name, codes]


_kept_names: WeakKeyDictionary[Engine, _Names] = WeakKeyDictionary()
