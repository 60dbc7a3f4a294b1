"""search(): embed, keyword + nearest, fuse, read rows, mark, page. Knows no engine and no web framework."""

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from hub.errors import ModelMismatch
from hub.knowledge.models import Document, DocumentCountry, DocumentObjective, whole_body
from hub.network import vocabulary
from hub.search import ranking, text
from hub.search.embedding import Embedder, EmbeddingUnavailable, query_vector
from hub.search.engine import SearchEngine
from hub.search.query import Codes, Parsed, asked_words, begun, constraint, parse
from hub.search.ranking import Ranked
from hub.search.types import (
    Cursor,
    EngineHit,
    Hit,
    Marked,
    Mode,
    Page,
    Place,
    Query,
    Retrieved,
    SearchQuery,
    Suggestion,
    Vector,
    place,
)

log = logging.getLogger(__name__)

_beside = ThreadPoolExecutor(32, thread_name_prefix="search")
"""What does not need the question's vector is done while it is being encoded. Threads begin with the first search."""

NO_MODEL, MODEL_FAILED, MODEL_MISMATCH = "no_model", "model_failed", "model_mismatch"
"""Notes of a page: why the answer rests on keywords alone."""

WEAK = "weak"
"""Note of a page: nothing that is here seems to answer the question; what comes nearest is shown. About one answerable
question in forty is said so too (docs/benchmarks.md)."""


def search(
    engine: SearchEngine,
    embedder: Embedder | None,
    session: Session,
    query: SearchQuery,
    *,
    reader: str | None = None,
) -> Page:
    """The page of published works that answer a query. `reader`: language in which a work is shown if it exists in it.

    Raises `SearchUnavailable` when the engine does not answer. Without a model the mode is `keyword` and a note says so.
    """
    started = time.perf_counter()
    codes = _codes(session, query.language or reader)
    language = query.language or text.detect(parse(query.text, None, codes).meaning)
    parsed = parse(query.text, language, codes)
    meant = _beside.submit(_did_you_mean, engine, query, language)
    ranked, retrieved, mode, notes, words = rank(engine, embedder, query, language, parsed=parsed)
    counted = [one for one in ranked if not one.hit.matched]
    total = retrieved.total + len(counted)
    seen = query.cursor.seen if query.cursor else query.offset
    chosen = _chosen(engine, query, parsed.listed(mode), mode=mode, ranked=ranked, retrieved=retrieved)
    reached = seen + len(chosen)
    more = len(chosen) == query.limit and reached != total
    hits = _read(session, chosen, words, first_rank=seen + 1, reader=reader)
    return Page(
        query=query,
        mode=mode,
        language=language,
        hits=tuple(hits),
        total=total,
        exact=mode == "keyword",
        facets=_facets(query.facets, retrieved, counted),
        took_ms=(time.perf_counter() - started) * 1000,
        notes=notes,
        did_you_mean=meant.result(),
        next=_cursor(query, mode, reached, chosen[-1], retrieved) if more else None,
    )


NAMED = ("country", "objective", "region", "kind", "principle", "implementer", "status")
"""Facets whose codes have names in the vocabulary."""
SUGGESTED = 10
NAMES_SUGGESTED = 4
"""Suggestions in all, and of them names of the vocabulary at most while there are titles enough."""


def suggest(
    engine: SearchEngine, session: Session, prefix: str, language: str, *, limit: int = SUGGESTED
) -> list[Suggestion]:
    """Names of the vocabulary in `language`, then titles of published records, that hold what has been typed so far.

    Names that begin with it come first, in the order of `NAMED`. Raises `SearchUnavailable` when the engine does not answer.
    """
    names = _names_begun(session, prefix, language)
    found = engine.suggest(prefix, limit)
    rows = session.execute(
        select(Document.id, Document.slug, Document.title, Document.language, Document.status).where(
            Document.id.in_([one.id for one in found])
        )
    )
    published = {
        row.id: Suggestion("title", row.slug, row.title, row.language) for row in rows if row.status == "published"
    }
    titles = [published[one.id] for one in found if one.id in published]
    return [*names[: max(NAMES_SUGGESTED, limit - len(titles))], *titles][:limit]


def _names_begun(session: Session, prefix: str, language: str) -> list[Suggestion]:
    start = text.whole_title(prefix)
    if begun(prefix) is None or not start:
        return []
    first: list[Suggestion] = []
    inside: list[Suggestion] = []
    for scheme in NAMED:
        for code, name in vocabulary.labels(session, scheme, language).items():
            folded = _folded_name(name)
            if folded.startswith(start):
                first.append(Suggestion(scheme, code, name, language))
            elif f" {start}" in folded:
                inside.append(Suggestion(scheme, code, name, language))
    return first + inside


_folded_name = lru_cache(8_192)(text.whole_title)
"""There are some 350 names in a language, and each letter that somebody types asks for all of them."""


def _codes(session: Session, language: str | None) -> Codes:
    """Codes, or names in the language of the query or in English, as they are typed behind `country:` and the like."""

    def code(facet: str, value: str) -> str | None:
        wanted = text.whole_title(value)
        if not wanted:
            return None
        for spoken in dict.fromkeys((language or "en", "en")):
            for one, name in vocabulary.labels(session, facet, spoken).items():
                if wanted in {text.whole_title(one), text.whole_title(name)}:
                    return one
        return None

    return code


LONGEST_CORRECTED = 200
"""Characters of a query that is looked over for slips: a pasted paragraph is not."""


def _did_you_mean(engine: SearchEngine, query: SearchQuery, language: str | None) -> str:
    """The first page's question with its slips corrected, or ""."""
    if query.offset or query.cursor or len(query.text) > LONGEST_CORRECTED:
        return ""
    tokens = text.spelled(query.text)
    meant = engine.correct(list(dict.fromkeys(token.term for token in tokens)), language) if tokens else {}
    corrected = query.text
    for token in reversed(tokens):
        if token.term in meant:
            corrected = corrected[: token.start] + meant[token.term] + corrected[token.end :]
    return corrected if meant else ""


def _chosen(
    engine: SearchEngine,
    query: SearchQuery,
    tree: Query,
    *,
    mode: Mode,
    ranked: list[Ranked],
    retrieved: Retrieved,
) -> list[Ranked]:
    """The works of the page asked for.

    By relevance: what `rank` lists, then the rest of the keyword side in its own order. By date: the same works, those that
    only meaning found merged into the keyword side.
    """
    cursor = query.cursor
    start, after = (cursor.seen, cursor.after) if cursor else (query.offset, None)
    if query.sort != "relevance":
        return _by_date(engine, query, tree, mode, ranked, start=0 if after else start, after=after)
    chosen = [] if after else ranked[start : start + query.limit]
    if len(chosen) == query.limit or mode == "vector" or (after is None and retrieved.total <= len(retrieved.keyword)):
        return chosen
    listed = {one.hit.work for one in ranked} if mode == "hybrid" else set[str]()
    beyond = engine.retrieve(
        query=tree,
        filters=query.filters,
        limit=query.limit - len(chosen) + len(listed),
        after=after or place(retrieved.keyword[-1], "relevance"),
    ).keyword
    tail = [hit for hit in beyond if hit.work not in listed][: query.limit - len(chosen)]
    if mode == "keyword":
        return chosen + [Ranked(hit.id, hit, hit.score, hit.score, 0.0) for hit in tail]
    floor = ranked[-1].score if ranked else 0.0
    return chosen + ranking.below(floor, tail, first=start + len(chosen) - len(ranked))


def _by_date(
    engine: SearchEngine,
    query: SearchQuery,
    tree: Query,
    mode: Mode,
    ranked: Sequence[Ranked],
    *,
    start: int,
    after: Place | None,
) -> list[Ranked]:
    known = {one.hit.work: one for one in ranked}
    lowest = min((one.score for one in ranked), default=0.0)

    def as_ranked(hit: EngineHit) -> Ranked:
        one = known.get(hit.work)
        score = hit.score if mode == "keyword" else lowest
        return one._replace(id=hit.id, hit=hit) if one else Ranked(hit.id, hit, score, score, 0.0)

    loose = [one.hit for one in ranked if not one.hit.matched]
    matched: Sequence[EngineHit] = ()
    if mode != "vector":
        matched = engine.retrieve(
            query=tree, filters=query.filters, limit=start + query.limit, sort=query.sort, after=after
        ).keyword
    hits = sorted((*matched, *loose), key=lambda hit: place(hit, query.sort))
    left = [hit for hit in hits if after is None or place(hit, query.sort) > after]
    return [as_ranked(hit) for hit in left[start : start + query.limit]]


def _cursor(query: SearchQuery, mode: Mode, reached: int, last: Ranked, retrieved: Retrieved) -> Cursor:
    """Within what is ranked as a whole a number says enough; beyond it, and by date, the place of the last hit."""
    first = ranking.POOL + max(
        0, len(retrieved.keyword) - _depth(query)
    )  # beyond the depth: what `rank` puts before it
    pool = {hit.work for hit in (*retrieved.keyword[:first], *retrieved.nearest[: ranking.POOL])}
    whole = mode == "vector" or (mode == "hybrid" and (last.hit.work in pool or not last.hit.matched))
    by_number = query.sort == "relevance" and whole
    return Cursor(query.fingerprint(), reached, None if by_number else place(last.hit, query.sort))


def _depth(query: SearchQuery) -> int:
    """How many works are asked of each side, so that what is ranked as a whole is the same for every page."""
    return max(ranking.POOL, 0 if query.cursor else query.offset + query.limit)


def _reach(query: SearchQuery) -> int:
    """How many works there are down to the end of the page."""
    return (query.cursor.seen if query.cursor else query.offset) + query.limit


def rank(
    engine: SearchEngine,
    embedder: Embedder | None,
    query: SearchQuery,
    language: str | None,
    *,
    parsed: Parsed | None = None,
) -> tuple[list[Ranked], Retrieved, Mode, tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Everything listed for the query, best first, at least down to the end of its page; what the engine brought; the

    mode that was possible; notes; the analysed words. A query of signs alone (`country:PHL`, `migra*`) has no meaning to
    compare, so its mode is `keyword`. `parsed`: the query's text, if it was read already.
    """
    parsed = parsed or parse(query.text, language)
    words = asked_words(parsed.tree)
    mode: Mode = query.mode if parsed.meaning else "keyword"
    notes = parsed.notes
    vector: Vector | None = None
    limit = _depth(query)
    tree, wider = parsed.listed(mode), parsed.sought(mode)
    by_words: Future[Retrieved] | None = None
    compared: Sequence[EngineHit] = ()
    if mode != "keyword":
        if mode == "hybrid" and embedder is not None:
            by_words = _beside.submit(
                engine.retrieve,
                query=tree,
                compared=None if wider == tree else wider,
                filters=query.filters,
                limit=limit,
                facets=query.facets,
            )
        vector, failed = _embed(embedder, parsed, language)
        notes += failed
        if vector is None:
            mode = "keyword"
    try:
        if by_words is not None and vector is not None:
            seen = by_words.result()
            if wider != tree:
                compared = seen.keyword[: ranking.POOL]
                seen = replace(seen, keyword=tuple(hit for hit in compared if hit.matched))
            # The first look says what the best have in common: which of the others hold a word is asked in the second.
            bare, bound = replace(query, facets=()), constraint(tree)
            retrieved = _nearest(engine, bare, bound, seen=seen, vector=vector, limit=limit)
            notes += (WEAK,) if ranking.is_weak(retrieved, vector, language, parsed.of_field) else ()
            vector = _moved(
                engine,
                retrieved,
                language=language,
                vector=vector,
                words=words,
                covered=parsed.covered,
                compared=compared,
            )
            retrieved = _nearest(engine, query, tree, seen=retrieved, vector=vector, limit=limit)
        else:
            retrieved = _retrieve(engine, query, parsed.sought(mode), mode=mode, vector=vector, limit=limit)
    except ModelMismatch:
        log.warning("the index was built with another model; answering by keyword")
        mode, notes, vector, compared = "keyword", (*parsed.notes, MODEL_MISMATCH), None, ()
        retrieved = _retrieve(engine, query, parsed.sought(mode), mode=mode, vector=None, limit=limit)

    def fused() -> list[Ranked]:
        return ranking.fuse(
            retrieved,
            query=None if vector is None else vector.values,
            words=words,
            language=language,
            covered=parsed.covered,
            compared=compared,
        )

    ranked = fused()
    if compared and len(ranked) < _reach(query) and retrieved.total > len(retrieved.keyword):
        # The page ends below all that was compared: what the words find goes on there.
        listed = engine.retrieve(query=tree, filters=query.filters, limit=limit).keyword
        works = {hit.work for hit in listed}
        # What is ranked as a whole stays so on every page.
        pooled = tuple(hit for hit in compared if hit.matched and hit.work not in works)
        retrieved = replace(retrieved, keyword=(*pooled, *listed))
        ranked = fused()
    return ranked, retrieved, mode, notes, asked_words(parsed.sought(mode))


def _moved(
    engine: SearchEngine,
    seen: Retrieved,
    *,
    language: str | None,
    vector: Vector,
    words: tuple[tuple[str, ...], ...],
    covered: float,
    compared: Sequence[EngineHit],
) -> Vector:
    """The query's vector after a first look at what answers it; a second look with it brings +.02 to +.04 nDCG@10."""
    best = ranking.fuse(
        seen,
        query=vector.values,
        words=words,
        language=language,
        covered=covered,
        compared=compared,
        most=ranking.FEEDBACK,
    )[: ranking.FEEDBACK]
    held = engine.vectors([one.id for one in best])
    documents = [(one.hit.language, held[one.id].mean(axis=0)) for one in best if one.id in held]
    count = ranking.word_count(words)
    return Vector(vector.model, ranking.feedback(vector.values, documents, seen.languages, count))


def _nearest(
    engine: SearchEngine, query: SearchQuery, tree: Query | None, *, seen: Retrieved, vector: Vector, limit: int
) -> Retrieved:
    """The nearest side alone, beside what the words find and the counts, which were `seen`."""
    found = engine.retrieve(
        query=tree, vector=vector, filters=query.filters, limit=limit, facets=query.facets, listed=False
    )
    return replace(seen, nearest=found.nearest)


def _embed(embedder: Embedder | None, parsed: Parsed, language: str | None) -> tuple[Vector | None, tuple[str, ...]]:
    if embedder is None:
        return None, (NO_MODEL,)
    try:
        gloss = _beside.submit(query_vector, embedder, parsed.gloss) if parsed.gloss else None
        vector = query_vector(embedder, parsed.meaning)
        return ranking.glossed(vector, gloss.result(), language) if gloss and language else vector, ()
    except EmbeddingUnavailable:
        log.exception("the embedding model cannot be used; answering by keyword")
        return None, (MODEL_FAILED,)


def _retrieve(
    engine: SearchEngine,
    query: SearchQuery,
    tree: Query,
    *,
    mode: Mode,
    vector: Vector | None,
    limit: int,
) -> Retrieved:
    sought = constraint(tree) if mode == "vector" else tree
    retrieved = engine.retrieve(query=sought, vector=vector, filters=query.filters, limit=limit, facets=query.facets)
    if mode == "vector":  # words were asked to exclude at most, so nothing counts as matched
        nearest = tuple(hit._replace(matched=False) for hit in retrieved.nearest)
        return replace(retrieved, keyword=(), nearest=nearest, total=0, facets={})
    return retrieved


def _facets(names: Sequence[str], retrieved: Retrieved, counted: Sequence[Ranked]) -> Mapping[str, Mapping[str, int]]:
    """Counts of the keyword side, and of what only meaning found above the cut.

    On the keyword side a facet's own filter does not narrow its counts. What only meaning finds is known inside all filters
    only, so a code that is not chosen counts at least what the words find with it.
    """
    facets: dict[str, dict[str, int]] = {}
    for name in names:
        counts = dict(retrieved.facets.get(name, {}))
        for one in counted:
            for code in one.hit.facets.get(name, ()):
                counts[code] = counts.get(code, 0) + 1
        facets[name] = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return facets


def _read(
    session: Session,
    chosen: Sequence[Ranked],
    words: tuple[tuple[str, ...], ...],
    *,
    first_rank: int,
    reader: str | None,
) -> list[Hit]:
    """The works found as the database has them, published ones only; an index may be behind it."""
    versions: dict[str, list[_Row]] = {}
    for row in _rows(session, [one.hit.work for one in chosen]):
        versions.setdefault(row.work, []).append(row)
    hits: list[Hit] = []
    for at, one in enumerate(chosen):
        found = versions.get(one.hit.work)
        if found:
            hits.append(_hit(found, one, words, rank=first_rank + at, reader=reader))
    return hits


@dataclass(frozen=True, slots=True)
class _Row:
    """What a result shows of a record. Columns, not mapped objects: they take a third of the time."""

    id: str
    work: str
    slug: str
    kind: str
    language: str
    title: str
    body: str
    countries: tuple[str, ...]
    objectives: tuple[int, ...]


_document, _country, _objective = (model.__table__.c for model in (Document, DocumentCountry, DocumentObjective))
_VERSIONS = select(
    _document.id,
    _document.work_id,
    _document.slug,
    _document.kind,
    _document.language,
    _document.title,
    _document.summary,
    _document.benefits,
    _document.lessons,
    _document.replicability,
    _document.status,
).where(_document.work_id.in_(bindparam("works", expanding=True)))
_COUNTRIES = (
    select(_country.document_id, _country.country)
    .where(_country.document_id.in_(bindparam("ids", expanding=True)))
    .order_by(_country.position)
)
_OBJECTIVES = (
    select(_objective.document_id, _objective.number)
    .where(_objective.document_id.in_(bindparam("ids", expanding=True)))
    .order_by(_objective.number)
)
"""Made once, of tables: to put a statement together takes as long as to have it answered."""


def _rows(session: Session, works: Sequence[str]) -> list[_Row]:
    """Published versions of the works."""
    rows = session.execute(_VERSIONS, {"works": works})
    # Not in the query: SQLite takes an index of all that is published before that of the works (11 ms among 10,000).
    found = [row for row in rows if row.status == "published"]
    ids = [row.id for row in found]
    countries: dict[str, list[str]] = {}
    for document_id, country in session.execute(_COUNTRIES, {"ids": ids}):
        countries.setdefault(document_id, []).append(country)
    objectives: dict[str, list[int]] = {}
    for document_id, number in session.execute(_OBJECTIVES, {"ids": ids}):
        objectives.setdefault(document_id, []).append(number)
    return [
        _Row(
            id=row.id,
            work=row.work_id,
            slug=row.slug,
            kind=row.kind,
            language=row.language,
            title=row.title,
            body=whole_body(row.summary, row.benefits, row.lessons, row.replicability),
            countries=tuple(countries.get(row.id, ())),
            objectives=tuple(objectives.get(row.id, ())),
        )
        for row in found
    ]


def _hit(
    versions: Sequence[_Row], one: Ranked, words: tuple[tuple[str, ...], ...], *, rank: int, reader: str | None
) -> Hit:
    best = next((row for row in versions if row.id == one.id), versions[0])
    row = next((row for row in versions if row.language == reader), best)
    body = row.body
    title = text.mark(row.title, words, row.language, length=len(row.title))
    return Hit(
        id=row.id,
        work=row.work,
        rank=rank,
        score=one.score,
        language=row.language,
        title=title,
        passage=_passage(body, words, row.language, one.hit if row is best else None),
        kind=row.kind,
        slug=row.slug,
        countries=row.countries,
        objectives=row.objectives,
        contributions={"keyword": one.keyword, "meaning": one.meaning},
        explanation={
            "keyword": one.keyword - one.language_boost,
            "meaning": one.meaning - one.language_shift,
            "language_shift": one.language_shift,
            "language_boost": one.language_boost,
        },
    )


def _passage(body: str, words: tuple[tuple[str, ...], ...], language: str, hit: EngineHit | None) -> Marked:
    """The stretch that holds the words; where none is there and the record is long, from the passage found by meaning."""
    marked = text.mark(body, words, language)
    if marked.marks or hit is None or not hit.passage:
        return marked
    ranges = text.passages(body, language, text.PASSAGE_CHARACTERS)
    around = ranges[hit.passage] if hit.passage < len(ranges) else None
    return text.mark(body, words, language, around=around)
