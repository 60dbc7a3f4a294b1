"""Who and what could help: the public evidence of the database in arrays, read once per database state (recall).

Private requests are not here, nor any text of them: what is kept is published records, mandates, vocabulary and answers that their States made public.
"""

import gc
import hashlib
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, Select, String, bindparam, cast, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from hub.knowledge.models import (
    PRACTICE,
    CachedVector,
    Document,
    DocumentCountry,
    DocumentEntity,
    DocumentObjective,
)
from hub.matching import situation, tables
from hub.matching.situation import Situations
from hub.matching.tables import OBJECTIVES, AgencyTable, StateTable
from hub.network import vocabulary
from hub.network.models import Agency, Entity, EntityObjective, MemberState, Term, WorkingGroup
from hub.search import text
from hub.search.embedding import Embedder
from hub.support import consents
from hub.support.models import EVERYBODY, OPEN, Offer

LARGE = 500
"""Records from which on the evidence is kept from Python's garbage collector."""
_CLAUSE = re.compile(r"[;.؛。；]\s*")
"""A mandate names several things; each is compared with the request on its own."""

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """A published record as matching names it. `work`: language versions of one record share it."""

    id: str
    slug: str
    work: str
    title: str
    kind: str
    language: str


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    """`strengths`: objective -> (strength, basis) with the better of several; `leads`: objective -> groups co-led.

    `commission`: is a regional commission, whose remit is the States that count it among their `home_commissions`.
    `languages`, `presence` (ISO alpha-3, M49 names): what the agency said and the secretariat confirmed.
    """

    id: str
    acronym: str
    name: str
    verified: bool
    strengths: Mapping[int, tuple[str, str]]
    leads: Mapping[int, tuple[str, ...]]
    commission: bool
    languages: frozenset[str] = frozenset()
    presence: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StateFacts:
    """`regions`: M49 names from the smallest up. `champion`: only where the source is sure of it."""

    id: str
    name: str
    regions: tuple[str, ...]
    commissions: tuple[str, ...]
    champion: bool


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """An offer that was not withdrawn. `public`: told to everybody, else to members. None of objectives, places (regions and

    ISO alpha-3 codes) or languages: not limited by them.
    """

    id: str
    entity_id: str
    verified: bool
    title: str
    text: str
    objectives: frozenset[int]
    places: frozenset[str]
    languages: frozenset[str]
    starts_on: date
    until: date
    public: bool


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """An answer that is public, in the words of the State that released it. `entry`: its entry in the register.

    `entity_id`: who gave it; `states`: who asked, where that is public too.
    """

    id: str
    entry: str
    entity_id: str
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AreaFacts:
    """A thematic area of the Migration Multi-Partner Trust Fund, with the objectives gathered under it (not verified yet)."""

    id: str
    name: str
    description: str
    objectives: frozenset[int]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything public that a match rests on. Rows of `documents`, `agencies`, `states` are the indices of all arrays.

    `passages` (p, dim): unit vectors of passages, sorted by `passage_document` (p,); none without a model.
    `objectives` (documents, 23), rows of norm 1 or 0.
    `country_document`, `country_state`, `country_first`: one entry per country of a record that is a known State.
    `link_document`, `link_agency`: one entry per agency recognised in a record, by agency. `clauses` (c, dim): parts of mandates, each
    of the agency `clause_agency` (c,); `objective_texts` (23, dim): what each objective is about. Both without rows when there
    is no model; `clause_level` (c,), `objective_level` (23,): their mean cosine with all passages. `scope`: cosine below which the nearest record is too far for
    a text to be about migration at all: that of the objective whose description is farthest from any record (-1: unknown).
    `agency_ids`: acronym -> id. `offers`, `areas`, `answers` have the rows of `offer_texts`, `area_texts` and `answer_texts` (n, dim),
    none without a model.
    """

    documents: tuple[DocumentFacts, ...]
    agencies: tuple[AgencyFacts, ...]
    states: tuple[StateFacts, ...]
    document_rows: Mapping[str, int]
    slug_rows: Mapping[str, int]
    state_rows: Mapping[str, int]
    agency_ids: Mapping[str, str]
    practice: NDArray[np.bool_]
    objectives: Floats
    languages: tuple[str, ...]
    document_language: Rows
    works: Rows
    passages: Floats
    passage_document: Rows
    clauses: Floats
    clause_level: Floats
    clause_agency: Rows
    objective_texts: Floats
    objective_level: Floats
    scope: float
    country_document: Rows
    country_state: Rows
    country_first: NDArray[np.bool_]
    link_document: Rows
    link_agency: Rows
    region_documents: Mapping[str, Rows]
    country_documents: Mapping[str, Rows]
    situations: Situations
    offers: tuple[OfferFacts, ...]
    offer_texts: Floats
    offer_level: Floats
    areas: tuple[AreaFacts, ...]
    area_texts: Floats
    area_level: Floats
    answers: tuple[AnswerFacts, ...]
    answer_texts: Floats

    @cached_property
    def agency_table(self) -> AgencyTable:
        return tables.of_agencies(self.agencies)

    @cached_property
    def state_table(self) -> StateTable:
        return tables.of_states(self.states, self.situations)


def encoded_texts(title: str, body: str, language: str) -> list[str]:
    """What is encoded of a record: its title before each passage of its body, as the indexer does it."""
    return [f"{title}\n{body[start:end]}" for start, end in text.passages(body, language, text.PASSAGE_CHARACTERS)]


def content_hash(encoded: str) -> str:
    """The key of `CachedVector`."""
    return hashlib.sha256(encoded.encode("utf-8", "replace")).hexdigest()


_ASKED = "asked: "
"""Marks a text that was encoded as a question."""


@dataclass(slots=True)
class _Kept:
    """What this process read from one database for one model. `texts`: public text -> vector, of any age.

    `answers`: the same of answers that are public, of those alone: who takes an answer back has its words forgotten.
    """

    stamp: tuple[object, ...] = ()
    evidence: Evidence | None = None
    texts: dict[str, Floats] = field(default_factory=dict[str, Floats])
    answers: dict[str, Floats] = field(default_factory=dict[str, Floats])


_kept: WeakKeyDictionary[Engine, dict[str, _Kept]] = WeakKeyDictionary()
_lock = threading.Lock()


def evidence(session: Session, embedder: Embedder | None) -> Evidence:
    """The evidence of the database as it is now; kept in this process until the database changes.

    Mandates and objectives are encoded here, once in a process: a second or two. Raises `EmbeddingUnavailable`.
    """
    model = embedder.model if embedder else ""
    with _lock:
        kept = _kept.setdefault(session.get_bind().engine, {}).setdefault(model, _Kept())
        stamp = _stamp(session, model)
        if kept.evidence is None or kept.stamp != stamp:
            kept.evidence = _read(session, embedder, kept)
            kept.stamp = stamp
            if len(kept.evidence.documents) >= LARGE:
                _leave_alone()
        return kept.evidence


def _leave_alone() -> None:
    """Keep Python's collector from walking the evidence, tens of thousands of objects: a tenth of a second in the middle of a match.

    What became garbage of what was left alone the last time is collected first.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _stamp(session: Session, model: str) -> tuple[object, ...]:
    """Changes whenever a published record, an entity, a vector, an offer, a public answer or the vocabulary does.

    Read from indexes alone, in 2 ms for 10,000 records.
    """
    return tuple(session.execute(_stamped(), {"model": model}).one())


@cache
def _stamped() -> Select[Any]:
    """Made once: it takes longer to make than to answer."""
    published = select(func.count().label("count"), func.sum(Document.version).label("version"))
    documents = published.where(Document.status == "published").subquery()
    vectors = select(func.count()).select_from(CachedVector).where(CachedVector.model == bindparam("model"))
    return select(
        documents.c.count,
        documents.c.version,
        select(func.sum(Document.version)).scalar_subquery(),  # one withdrawn and one published: the first two stay
        select(func.count()).select_from(Entity).scalar_subquery(),
        select(func.sum(Entity.version)).scalar_subquery(),
        vectors.scalar_subquery(),
        select(func.count()).select_from(Offer).scalar_subquery(),
        select(func.sum(Offer.version)).scalar_subquery(),
        select(cast(Term.data, String)).where(Term.id == vocabulary.STAMP).scalar_subquery(),
        *consents.stamp(),
    )


def _read(session: Session, embedder: Embedder | None, kept: _Kept) -> Evidence:
    known = kept.texts
    vectors = _cached_vectors(session, embedder.model if embedder else "")
    documents: list[DocumentFacts] = []
    found: list[tuple[int, Floats]] = []
    regions: list[tuple[str, ...]] = []
    for row in session.execute(
        select(
            Document.id,
            Document.slug,
            Document.work_id,
            Document.title,
            Document.kind,
            Document.language,
            Document.regions,
            Document.summary,
            Document.benefits,
            Document.lessons,
            Document.replicability,
        )
        .where(Document.status == "published")
        .order_by(Document.slug)
    ):
        at = len(documents)
        documents.append(DocumentFacts(row.id, row.slug, row.work_id, row.title, row.kind, row.language))
        regions.append(tuple(row.regions))
        if vectors:
            body = "\n".join(part for part in (row.summary, row.benefits, row.lessons, row.replicability) if part)
            hashes = map(content_hash, encoded_texts(row.title, body, row.language))
            found.extend((at, vectors[each]) for each in hashes if each in vectors)
    rows = {facts.id: at for at, facts in enumerate(documents)}
    states = _states_of(session)
    state_rows = {facts.id: at for at, facts in enumerate(states)}
    countries = sorted(
        (rows[pair.document_id], state_rows[pair.country], pair.position == 0)
        for pair in session.execute(
            select(DocumentCountry.document_id, DocumentCountry.country, DocumentCountry.position)
        )
        if pair.document_id in rows and pair.country in state_rows
    )
    agencies, spoken = _agencies_of(session, states)
    agency_rows = {facts.id: at for at, facts in enumerate(agencies)}
    links = sorted(
        {
            (agency_rows[pair.entity_id], rows[pair.document_id])
            for pair in session.execute(select(DocumentEntity.document_id, DocumentEntity.entity_id))
            if pair.document_id in rows and pair.entity_id in agency_rows
        }
    )
    languages = tuple(sorted({facts.language for facts in documents}))
    works = {work: at for at, work in enumerate(dict.fromkeys(facts.work for facts in documents))}
    by_country: dict[str, list[int]] = {}
    by_region: dict[str, set[int]] = {}
    for at, named in enumerate(regions):
        for region in named:
            by_region.setdefault(region, set()).add(at)
    for at, state, _ in countries:
        by_country.setdefault(states[state].id, []).append(at)
        for region in states[state].regions:
            by_region.setdefault(region, set()).add(at)
    passages = _matrix([vector for _, vector in found])
    clauses = [
        (at, clause.strip()) for at, mandate in enumerate(spoken) for clause in _CLAUSE.split(mandate) if clause.strip()
    ]
    mandates = _encoded([clause for _, clause in clauses], embedder, known)
    objective_texts = _encoded(_objective_texts(session), embedder, known)
    offers = _offers_of(session)
    offer_texts = _encoded([f"{facts.title}\n{facts.text}" for facts in offers], embedder, known)
    answers, words = _answers_of(session)
    kept.answers = {one: kept.answers[one] for one in words if one in kept.answers}
    answer_texts = _encoded(words, embedder, kept.answers)
    areas = _areas_of(session)
    area_texts = _encoded([f"{facts.name}\n{facts.description}" for facts in areas], embedder, known)
    return Evidence(
        documents=tuple(documents),
        agencies=agencies,
        states=states,
        document_rows=rows,
        slug_rows={facts.slug: at for at, facts in enumerate(documents)},
        state_rows=state_rows,
        agency_ids={facts.acronym: facts.id for facts in agencies},
        practice=np.array([facts.kind == PRACTICE for facts in documents], np.bool_),
        objectives=_objectives_of(session, rows),
        languages=languages,
        document_language=_rows(languages.index(facts.language) for facts in documents),
        works=_rows(works[facts.work] for facts in documents),
        passages=passages,
        passage_document=_rows(at for at, _ in found),
        clauses=mandates,
        clause_level=_level(mandates, passages),
        clause_agency=_rows(agency for agency, _ in clauses),
        objective_texts=objective_texts,
        objective_level=_level(objective_texts, passages),
        scope=_scope(session, embedder, known, passages),
        country_document=_rows(at for at, _, _ in countries),
        country_state=_rows(state for _, state, _ in countries),
        country_first=np.array([first for _, _, first in countries], np.bool_),
        link_document=_rows(at for _, at in links),
        link_agency=_rows(agency for agency, _ in links),
        region_documents={region: _rows(sorted(members)) for region, members in by_region.items()},
        country_documents={country: _rows(members) for country, members in by_country.items()},
        situations=situation.read(session),
        offers=offers,
        offer_texts=offer_texts,
        offer_level=_level(offer_texts, passages),
        areas=areas,
        area_texts=area_texts,
        area_level=_level(area_texts, passages),
        answers=answers,
        answer_texts=answer_texts,
    )


def _rows(values: Iterable[int]) -> Rows:
    return np.fromiter(values, np.int64)


def _matrix(vectors: Sequence[Floats]) -> Floats:
    return np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)


def _level(texts: Floats, passages: Floats) -> Floats:
    """Mean cosine of each text with all passages."""
    return texts @ passages.mean(axis=0) if len(texts) and len(passages) else np.zeros(len(texts), np.float32)


def _cached_vectors(session: Session, model: str) -> dict[str, Floats]:
    if not model:
        return {}
    return {
        key: np.frombuffer(values, "<f4")
        for key, values in session.execute(
            select(CachedVector.content_hash, CachedVector.values).where(CachedVector.model == model)
        )
    }


def _objectives_of(session: Session, rows: Mapping[str, int]) -> Floats:
    matrix = np.zeros((len(rows), OBJECTIVES), np.float32)
    for document_id, number in session.execute(select(DocumentObjective.document_id, DocumentObjective.number)):
        if document_id in rows and 1 <= number <= OBJECTIVES:
            matrix[rows[document_id], number - 1] = 1.0
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)


def _states_of(session: Session) -> tuple[StateFacts, ...]:
    return tuple(
        StateFacts(
            id=entity_id,
            name=name,
            regions=tuple(regions),
            commissions=tuple(commissions),
            champion=bool(champion) and champion.get("confidence") == "high",
        )
        for entity_id, name, regions, commissions, champion in session.execute(
            select(Entity.id, Entity.name, MemberState.regions, MemberState.home_commissions, MemberState.champion)
            .join(MemberState)
            .order_by(Entity.id)
        )
    )


def _agencies_of(session: Session, states: Sequence[StateFacts]) -> tuple[tuple[AgencyFacts, ...], list[str]]:
    """Agencies in order of acronym, and the text of each that is read for its mandate."""
    strengths: dict[str, dict[int, tuple[str, str]]] = {}
    objectives: dict[str, list[int]] = {}
    for each in session.scalars(select(EntityObjective).order_by(EntityObjective.number, EntityObjective.basis)):
        objectives.setdefault(each.entity_id, []).append(each.number)
        known = strengths.setdefault(each.entity_id, {})
        if known.get(each.number, ("", ""))[0] != "primary":
            known[each.number] = (each.strength, each.basis)
    leads: dict[str, dict[int, tuple[str, ...]]] = {}
    for group in session.scalars(select(WorkingGroup).order_by(WorkingGroup.entity_id)):
        for lead in group.co_lead_ids if group.co_leads_verified else ():
            for number in objectives.get(group.entity_id, ()):
                led = leads.setdefault(lead, {})
                led[number] = (*led.get(number, ()), group.entity_id)
    remits = {code for state in states for code in state.commissions}
    facts: list[AgencyFacts] = []
    mandates: list[str] = []
    for entity, agency in session.execute(select(Entity, Agency).join(Agency).order_by(Agency.acronym)):
        facts.append(
            AgencyFacts(
                id=entity.id,
                acronym=agency.acronym,
                name=entity.name,
                verified=agency.verified,
                strengths=strengths.get(entity.id, {}),
                leads=leads.get(entity.id, {}),
                commission=agency.acronym in remits,
                languages=frozenset(agency.languages),
                presence=frozenset(agency.presence),
            )
        )
        mandates.append(agency.mandate)
    return tuple(facts), mandates


def _offers_of(session: Session) -> tuple[OfferFacts, ...]:
    rows = session.scalars(
        select(Offer)
        .where(Offer.status == OPEN)
        .order_by(Offer.id)
        .options(
            selectinload(Offer.objectives),
            selectinload(Offer.places),
            joinedload(Offer.entity).joinedload(Entity.agency),
        )
    )
    return tuple(
        OfferFacts(
            id=row.id,
            entity_id=row.entity_id,
            verified=row.entity.agency is None or row.entity.agency.verified,
            title=row.title,
            text=row.text,
            objectives=frozenset(one.number for one in row.objectives),
            places=frozenset(one.code for one in row.places),
            languages=frozenset(row.languages),
            starts_on=row.starts_on,
            until=row.until,
            public=row.audience == EVERYBODY,
        )
        for row in rows
    )


def _answers_of(session: Session) -> tuple[tuple[AnswerFacts, ...], list[str]]:
    """The answers that are public, and their words."""
    found = consents.released(session)
    facts = tuple(AnswerFacts(one.id, entry, one.answer.entity_id, states) for one, entry, states in found)
    return facts, [one.text for one, _, _ in found]


def _areas_of(session: Session) -> tuple[AreaFacts, ...]:
    names = vocabulary.labels(session, "fund_area", "en")
    return tuple(
        AreaFacts(
            term.code, names.get(term.code, term.code), term.data["description"], frozenset(term.data["objectives"])
        )
        for term in session.scalars(select(Term).where(Term.scheme == "fund_area").order_by(Term.position, Term.code))
    )


def _objective_texts(session: Session) -> list[str]:
    """In order of number; none unless the vocabulary is loaded."""
    known = {each.number: each for each in vocabulary.objectives(session)}
    if len(known) != OBJECTIVES:
        return []
    return [
        f"{known[number].title}\n{known[number].description}\n{', '.join(known[number].keywords)}"
        for number in sorted(known)
    ]


def _scope(session: Session, embedder: Embedder | None, known: dict[str, Floats], passages: Floats) -> float:
    texts = [each.description for each in vocabulary.objectives(session)]
    if embedder is None or not texts or not len(passages):
        return -1.0
    if missing := [one for one in texts if f"{_ASKED}{one}" not in known]:
        known.update(zip((f"{_ASKED}{one}" for one in missing), embedder.queries(missing), strict=True))
    asked = np.stack([known[f"{_ASKED}{one}"] for one in texts])
    return float((asked @ passages.T).max(axis=1).min())


def _encoded(texts: Sequence[str], embedder: Embedder | None, known: dict[str, Floats]) -> Floats:
    """(texts, dim), or no rows without a model. Only what is not in `known` is encoded, and put there."""
    if embedder is None:
        return np.zeros((0, 0), np.float32)
    missing = [one for one in dict.fromkeys(texts) if one not in known]
    if missing:
        known.update(zip(missing, embedder.documents(missing), strict=True))
    return _matrix([known[one] for one in texts])
