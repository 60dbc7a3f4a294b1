"""The 60-line prototype that matching has to beat: what a good afternoon's work gives. A baseline for tests, not part of the hub.

Keyword and e5 on practices (.5 / .5; .25 / .75 for other languages than English), cosine of objectives x 1.5; peers by their
three best practices with weights 1, 1/2, 1/3 plus .3 for region and .3 for subregion; agencies by z(strength) + z(mean of
their three best linked practices). Objectives that are hidden are predicted from the fifteen nearest practices.
"""

from typing import Any

import numpy as np

from hub.matching.candidates import Evidence
from hub.matching.scoring import named_objectives, similarities
from hub.matching.types import Match, Matches, MatchRequest
from hub.search import query
from hub.search.embedding import Embedder
from hub.search.engine import SearchEngine

POOL, NEAREST, LISTED = 200, 15, 10


def prototype(evidence: Evidence, request: MatchRequest, embedder: Embedder, engine: SearchEngine) -> Matches:
    text = f"{request.title}\n{request.description}"
    keyword = np.zeros(len(evidence.documents))
    for hit in engine.retrieve(query=query.words(text, request.language), limit=POOL).keyword:
        keyword[evidence.document_rows[hit.id]] = hit.score
    share = 0.5 if request.language == "en" else 0.25
    cosines = similarities(evidence, embedder.queries([text])[0])
    near = share * _z(keyword) + (1 - share) * _z(np.nan_to_num(cosines, nan=float(np.nanmin(cosines))))
    practices = np.flatnonzero(evidence.practice)
    objectives = named_objectives(request.objectives)
    if not objectives.any():
        nearest = practices[np.argsort(-near[practices], kind="stable")][:NEAREST]
        objectives = np.asarray((evidence.objectives[nearest] > 0).sum(axis=0), np.float64)
    found = near + 1.5 * (evidence.objectives @ (objectives / max(float(np.linalg.norm(objectives)), 1e-9)))
    ranked = practices[np.argsort(-found[practices], kind="stable")]
    return Matches(
        agencies=_listed(_agencies(evidence, objectives, found)),
        peer_states=_listed(_peers(evidence, request.country, found)),
        practices=_listed([(evidence.documents[row].slug, float(found[row])) for row in ranked[:LISTED]]),
        guidance=(),
    )


def _z(values: Any) -> Any:
    return (values - values.mean()) / max(float(values.std()), 1e-9)


def _agencies(evidence: Evidence, objectives: Any, found: Any) -> list[tuple[str, float]]:
    strength, linked = np.zeros(len(evidence.agencies)), np.zeros(len(evidence.agencies))
    for row, facts in enumerate(evidence.agencies):
        for number, (level, _) in facts.strengths.items():
            strength[row] += objectives[number - 1] * (1.0 if level == "primary" else 0.5)
        own = evidence.link_document[evidence.link_agency == row]
        own = own[evidence.practice[own]]
        linked[row] = float(np.sort(found[own])[-3:].mean()) if len(own) else float(found.mean())
    return [
        (facts.acronym, float(score)) for facts, score in zip(evidence.agencies, _z(strength) + _z(linked), strict=True)
    ]


def _peers(evidence: Evidence, country: str, found: Any) -> list[tuple[str, float]]:
    regions = {facts.id: facts.regions for facts in evidence.states}
    asker = regions.get(country, ())
    scores: list[tuple[str, float]] = []
    for row, facts in enumerate(evidence.states):
        own = evidence.country_document[evidence.country_state == row]
        best = np.sort(found[own[evidence.practice[own]]])[::-1][:3]
        if facts.id == country or not len(best):
            continue
        near = 0.3 * (facts.regions[-1:] == asker[-1:]) + 0.3 * (facts.regions[:1] == asker[:1])
        scores.append((facts.id, float(best @ (1.0, 0.5, 1 / 3)[: len(best)]) + near))
    return scores


def _listed(scores: list[tuple[str, float]]) -> tuple[Match, ...]:
    ranked = sorted(scores, key=lambda each: (-each[1], each[0]))[:LISTED]
    return tuple(Match(id_, id_, rank, score, (), True, id_) for rank, (id_, score) in enumerate(ranked, start=1))
