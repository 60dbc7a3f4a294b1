"""What a reader sees: one committed state of one generation, and every question asked of it."""

import sys
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tantivy
from numpy.typing import NDArray

from hub.errors import ModelMismatch, SearchUnavailable
from hub.search import spelling
from hub.search import text as analyser
from hub.search.embedded.generation import REBUILD, Manifest, facet_field, guarded, schema, spell_field, stored
from hub.search.embedded.rows import ERROR, Rows
from hub.search.query import begun, constraint
from hub.search.types import (
    EVERYTHING,
    FACETS,
    LANGUAGES,
    UNDATED_NEWEST,
    UNDATED_OLDEST,
    All,
    AnyOf,
    DocId,
    EngineHit,
    Filters,
    Having,
    InTitle,
    LanguageProfile,
    Not,
    Phrase,
    Place,
    Prefix,
    Query,
    Retrieved,
    Sort,
    Suggested,
    Vector,
    Words,
    place,
    year_of,
)

TITLE_BOOST = 0.3
"""Of a word in the title over the same in title and body: best of those tried on scifact and cranfield (docs/benchmarks.md)."""

SHORT, MOST_KEPT = 3, 2_000
"""Letters of a beginning whose suggestions are kept until the next write, and of how many."""
_ANYWHERE: Mapping[str, float] = {"all": 1.0, "title": TITLE_BOOST}
_TITLE: Mapping[str, float] = {"title": 1.0}
_WORDS_OF = {"all": "words", "title": "title_words"}
"""Field of stems -> that of the same words unstemmed."""

_MUST, _MUST_NOT, _SHOULD = tantivy.Occur.Must, tantivy.Occur.MustNot, tantivy.Occur.Should


def _unscored(query: tantivy.Query) -> tantivy.Query:
    return tantivy.Query.const_score_query(query, 0.0)


_ANYTHING = _unscored(tantivy.Query.all_query())


class Entry(NamedTuple):
    """What is kept in memory of a document. `facets` stands in the order of `FACETS`; `row` is the first of its vectors,
    `passages` the indices of the passages that have one."""

    id: DocId
    work: str
    version: int
    language: str
    facets: tuple[tuple[str, ...], ...]
    row: int
    passages: tuple[int, ...]


class _Facet(NamedTuple):
    """Pairs (document, code) of one facet as numbers, in order of code, then work: equal pairs of a work stand together."""

    codes: list[str]
    docs: NDArray[np.int64]
    values: NDArray[np.int64]


class Snapshot:
    """Documents are numbered in the order of their ids, so a tie by number is a tie by id."""

    def __init__(self, folder: Path, previous: "Snapshot | None" = None) -> None:
        """`previous` lends what it has already read of the same generation. Raises `SearchUnavailable`."""
        self.folder = folder
        self.manifest = Manifest.load(folder)
        self._schema = schema()
        with guarded():
            self._searcher = tantivy.Index.open(str(folder / "t")).searcher()
            before = previous if previous is not None and previous.folder == folder else None
            self._read_entries(before)
            self._map_vectors(before)
        self._facets: dict[str, _Facet] = {}
        self._suggestions: dict[tuple[str, int], tuple[Suggested, ...]] = {}
        self._last_matched: tuple[Any, dict[str, bool]] = (None, {})

    def _read_entries(self, previous: "Snapshot | None") -> None:
        known = previous.by_serial if previous else {}
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}
        addresses = self._search_all(tantivy.Query.all_query())
        serials = self._searcher.fast_field_values("serial", addresses)
        self.by_serial: dict[int, Entry] = {}
        for serial, address in zip(serials, addresses, strict=True):
            assert serial is not None  # noqa: S101 - every document is written with one
            self.by_serial[int(serial)] = known.get(int(serial)) or _entry(stored(self._searcher.doc(address)), shared)
        numbered = sorted(self.by_serial.items(), key=lambda item: item[1].id)
        self.entries = [entry for _, entry in numbered]
        serial_of = np.fromiter((serial for serial, _ in numbered), dtype=np.int64, count=len(numbered))
        self._order = np.argsort(serial_of)
        self._serials = serial_of[self._order]
        works: dict[str, int] = {}
        self._work = np.fromiter(
            (works.setdefault(entry.work, len(works)) for entry in self.entries), dtype=np.int64, count=len(numbered)
        )
        self._one_version_each = len(works) == len(self.entries)
        self._years = [year_of(entry.facets[FACETS.index("year")]) for entry in self.entries]

    def _map_vectors(self, previous: "Snapshot | None") -> None:
        """Map the rows, note whose each is (-1: nobody's), and average them by language."""
        dim = self.manifest.dim or 0
        path = self.folder / "vectors.f32"
        rows = path.stat().st_size // (4 * dim) if dim else 0
        used = max((entry.row + len(entry.passages) for entry in self.entries), default=0)
        if used > rows:
            raise SearchUnavailable(f"The search index has lost vectors: {REBUILD}.")
        self.rows = Rows(path, used, dim, previous.rows if previous else None)
        counts = np.fromiter((len(entry.passages) for entry in self.entries), np.int64, len(self.entries))
        starts = np.fromiter((entry.row for entry in self.entries), np.int64, len(self.entries))
        owners = np.repeat(np.arange(len(self.entries)), counts)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
        self._owner = np.full(used, -1, dtype=np.int64)
        self._owner[np.repeat(starts, counts) + within] = owners
        self._live = np.flatnonzero(self._owner >= 0)
        self.languages = self._profiles()

    def _profiles(self) -> Mapping[str, LanguageProfile]:
        names = sorted({entry.language for entry in self.entries})
        number = {name: at for at, name in enumerate(names)}
        language = np.fromiter((number[entry.language] for entry in self.entries), np.int64, len(self.entries))
        counts = np.bincount(language, minlength=len(names))
        members = np.zeros((len(names), len(self.rows)), dtype=np.float32)
        members[language[self._owner[self._live]], self._live] = 1.0
        sums = members @ self.rows.exact
        means = sums / np.maximum(members.sum(axis=1, keepdims=True), 1.0)
        return {name: LanguageProfile(int(counts[at]), means[at]) for name, at in number.items()}

    def versions(self) -> dict[DocId, int]:
        return {entry.id: entry.version for entry in self.entries}

    def vectors(self, ids: Sequence[DocId]) -> dict[DocId, NDArray[np.float32]]:
        """As `SearchEngine.vectors`."""
        found: dict[DocId, NDArray[np.float32]] = {}
        for wanted in ids:
            at = bisect_left(self.entries, wanted, key=lambda entry: entry.id)
            if at < len(self.entries) and self.entries[at].id == wanted and self.entries[at].passages:
                entry = self.entries[at]
                found[wanted] = self.rows.exact[entry.row : entry.row + len(entry.passages)]
        return found

    def retrieve(
        self,
        *,
        query: Query | None,
        vector: Vector | None,
        filters: Filters,
        limit: int,
        facets: Sequence[str] = (),
        sort: Sort = "relevance",
        after: Place | None = None,
        listed: bool = True,
        counted: bool = True,
    ) -> Retrieved:
        """As `SearchEngine.retrieve`."""
        if limit < 1:
            raise ValueError("limit is at least 1")
        if vector is not None and (
            vector.model != self.manifest.model or (self.manifest.dim or len(vector.values)) != len(vector.values)
        ):
            raise ModelMismatch
        allowed = self._allowed(filters)
        keyword: tuple[EngineHit, ...] = ()
        total = 0
        counts: dict[str, Mapping[str, int]] = {name: {} for name in facets}
        if listed and query == EVERYTHING:
            docs = np.arange(len(self.entries)) if allowed is None else np.flatnonzero(allowed)
            keyword = self._hits([(1.0, doc) for doc in docs.tolist()], limit, sort, after)
            total = self._count_works(docs)
            for rest, names in _by_rest(facets, filters):
                everything = self._allowed(rest)
                docs = np.arange(len(self.entries)) if everything is None else np.flatnonzero(everything)
                counts |= self._count_facets(docs, names)
        elif listed and query is not None:
            keyword, total = self._keyword(self._filtered(self._query(query), filters), limit, sort, after)
            for rest, names in _by_rest(facets, filters) if counted else ():
                counts |= self._count(self._filtered(self._query(query, scored=False), rest), names)
        if not counted:
            keyword = tuple(self._carrying(hit, facets) for hit in keyword)
        if vector is None:
            return Retrieved(keyword, (), total, counts, self.languages)
        bound = constraint(query) if query is not None else None
        if bound is not None:
            having = np.zeros(len(self.entries), dtype=np.bool_)
            having[self._numbers(self._search_all(self._query(bound, scored=False)))] = True
            allowed = having if allowed is None else allowed & having
        near = self._nearest(vector, allowed, limit)
        works = {self.entries[self._owner[row]].work for _, row in near}
        matched = works if query == EVERYTHING else self._matched(query, filters, works)
        nearest = self._near_hits(near, matched, facets)
        return Retrieved(keyword, nearest, total, counts, self.languages)

    def suggest(self, prefix: str, limit: int) -> tuple[Suggested, ...]:
        """As `SearchEngine.suggest`. Of short beginnings, which everybody types and thousands of titles have, kept."""
        if len(prefix) > SHORT:
            return self._suggest(prefix, limit)
        found = self._suggestions.get((prefix, limit))
        if found is None:
            found = self._suggest(prefix, limit)
            if len(self._suggestions) >= MOST_KEPT:
                self._suggestions = {}
            self._suggestions[prefix, limit] = found
        return found

    def _suggest(self, prefix: str, limit: int) -> tuple[Suggested, ...]:
        asked = begun(prefix)
        if asked is None or not self.entries:
            return ()
        tree, start = asked
        begins = tantivy.Query.regex_query(self._schema, "whole_title", f"{start}.*")
        first: dict[str, int] = {}
        for query in (begins, self._query(tree)):
            for doc in self._in_order(query):
                if len(first) == limit:
                    break
                first.setdefault(self.entries[doc].work, doc)
        return tuple(self._suggested(doc) for doc in first.values())

    def correct(self, words: Sequence[str], language: str | None) -> dict[str, str]:
        """As `SearchEngine.correct`."""
        field = spell_field(language) if language in LANGUAGES else "words"
        found: dict[str, str] = {}
        with guarded():
            for word in words:
                if spelling.slips(word) and not self._searcher.doc_freq("words", word):
                    other = spelling.meant(word, self._searcher.terms_with_prefix(field, word[0]))
                    found |= {word: other} if other else {}
        return found

    def _in_order(self, query: tantivy.Query) -> list[int]:
        """Numbers of all documents that a query finds: in order of id."""
        return np.sort(self._numbers(self._search_all(query))).tolist()

    def _suggested(self, doc: int) -> Suggested:
        entry = self.entries[doc]
        with guarded():
            found = self._searcher.search(tantivy.Query.term_query(self._schema, "id", entry.id), limit=1, count=False)
            title = stored(self._searcher.doc(found.hits[0][1]))["title"]
        return Suggested(entry.id, entry.work, entry.language, title)

    # Filters and counts

    def _facet(self, name: str) -> _Facet:
        if name not in self._facets:
            number: dict[str, int] = {}
            docs: list[int] = []
            values: list[int] = []
            at = FACETS.index(name)
            for doc, entry in enumerate(self.entries):
                for code in entry.facets[at]:
                    docs.append(doc)
                    values.append(number.setdefault(code, len(number)))
            doc_array, value_array = np.array(docs, np.int64), np.array(values, np.int64)
            order = np.lexsort((self._work[doc_array], value_array))
            self._facets[name] = _Facet(list(number), doc_array[order], value_array[order])
        return self._facets[name]

    def _allowed(self, filters: Filters) -> NDArray[np.bool_] | None:
        """Which documents the filters let through; None: all."""
        if not filters:
            return None
        allowed = np.ones(len(self.entries), dtype=np.bool_)
        for name, wanted in filters.values.items():
            if not wanted:
                continue
            having = np.zeros(len(self.entries), dtype=np.bool_)
            if name in FACETS:
                facet = self._facet(name)
                numbers = [at for at, code in enumerate(facet.codes) if code in wanted]
                having[facet.docs[np.isin(facet.values, numbers)]] = True
            allowed &= having
        return allowed

    def _count_works(self, docs: NDArray[np.int64]) -> int:
        return len(docs) if self._one_version_each else len(np.unique(self._work[docs]))

    def _count_facets(self, docs: NDArray[np.int64], names: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Name -> code -> works among `docs` that have it."""
        chosen = np.zeros(len(self.entries), dtype=np.bool_)
        chosen[docs] = True
        counts: dict[str, dict[str, int]] = {}
        for name in names:
            if name not in FACETS:
                counts[name] = {}
                continue
            facet = self._facet(name)
            pairs = np.flatnonzero(chosen[facet.docs])
            works, values = self._work[facet.docs[pairs]], facet.values[pairs]
            first = np.ones(len(pairs), dtype=np.bool_)
            first[1:] = (works[1:] != works[:-1]) | (values[1:] != values[:-1])
            numbers = np.bincount(values[first], minlength=len(facet.codes))
            counts[name] = {code: int(numbers[at]) for at, code in enumerate(facet.codes) if numbers[at]}
        return counts

    # The keyword side

    def _filtered(self, query: tantivy.Query, filters: Filters) -> tantivy.Query:
        having = [self._having(name, codes) for name, codes in filters.values.items() if codes]
        return tantivy.Query.boolean_query([(_MUST, query), *((_MUST, each) for each in having)]) if having else query

    def _having(self, name: str, codes: Sequence[str]) -> tantivy.Query:
        if name not in FACETS:
            return tantivy.Query.empty_query()
        if len(codes) == 1:  # a set is looked up by an automaton over all terms
            return _unscored(tantivy.Query.term_query(self._schema, facet_field(name), codes[0], "basic"))
        return _unscored(tantivy.Query.term_set_query(self._schema, facet_field(name), list(codes)))

    def _query(self, query: Query, *, title: bool = False, scored: bool = True) -> tantivy.Query:
        """`title`: words are looked for there alone. Not `scored`: finds the same in a fraction of the time."""
        fields = _TITLE if title else _ANYWHERE
        field = _WORDS_OF[next(iter(fields))]
        match query:
            case Words(weighted):
                read = self._words_query if scored else self._any_word
                return read(weighted, fields, query.least)
            case Phrase(terms) if not scored:
                return self._side_by_side(field, terms)
            case Phrase(terms, bag):
                return self._phrase_query(field, terms, self._words_query(bag.words, fields))
            case Prefix(start):
                # Letters, marks and digits only: nothing in it is a sign of the pattern.
                starting = tantivy.Query.regex_query(self._schema, field, f"{start}.*")
                return tantivy.Query.const_score_query(starting, 1.0)
            case InTitle(part):
                return self._query(part, title=True, scored=scored)
            case Having(facet, codes):
                return self._having(facet, codes)
            case All(parts):
                without = [(_MUST_NOT, self._query(part.part, scored=False)) for part in parts if isinstance(part, Not)]
                within = [(_MUST, self._query(part, scored=scored)) for part in parts if not isinstance(part, Not)]
                return tantivy.Query.boolean_query([*(within or [(_MUST, _ANYTHING)]), *without])
            case AnyOf(parts):
                return tantivy.Query.boolean_query([(_SHOULD, self._query(part, scored=scored)) for part in parts])
            case Not(part):
                return tantivy.Query.boolean_query([(_MUST, _ANYTHING), (_MUST_NOT, self._query(part, scored=False))])

    def _words_query(
        self,
        weighted: Sequence[tuple[tuple[str, ...], float]],
        fields: Mapping[str, float],
        least: int = 1,
    ) -> tantivy.Query:
        """`fields`: where stems are looked for -> what one there counts. Stems stand side by side where they can: tantivy

        adds up what matches single terms in half the time of what matches queries."""
        clauses: list[tantivy.Query] = []
        for alternatives, times in weighted:
            if least == 1 and len(alternatives) == 1 and not alternatives[0].startswith(analyser.VERBATIM):
                clauses += self._stem_queries(alternatives[0], fields, times)
                continue
            queries = [self._term_query(term, fields) for term in alternatives]
            word = queries[0] if len(queries) == 1 else tantivy.Query.disjunction_max_query(queries)
            clauses.append(tantivy.Query.boost_query(word, times))
        return tantivy.Query.boolean_query([(_SHOULD, each) for each in clauses], least)

    def _any_word(
        self, weighted: Sequence[tuple[tuple[str, ...], float]], fields: Mapping[str, float], least: int
    ) -> tantivy.Query:
        """As `_words_query`, unscored: the first field holds all stems looked for, those of the title stand in `all` too."""
        first = {next(iter(fields)): 1.0}
        clauses: list[tantivy.Query] = []
        for alternatives, _ in weighted:
            queries = [self._term_query(term, first) for term in alternatives]
            if least == 1 or len(queries) == 1:
                clauses += queries
            else:
                clauses.append(tantivy.Query.boolean_query([(_SHOULD, each) for each in queries]))
        return tantivy.Query.boolean_query([(_SHOULD, each) for each in clauses], least)

    def _term_query(self, term: str, fields: Mapping[str, float]) -> tantivy.Query:
        if term.startswith(analyser.VERBATIM):
            return self._side_by_side(_WORDS_OF[next(iter(fields))], term.removeprefix(analyser.VERBATIM).split())
        queries = self._stem_queries(term, fields, 1.0)
        return queries[0] if len(queries) == 1 else tantivy.Query.boolean_query([(_SHOULD, each) for each in queries])

    def _stem_queries(self, stem: str, fields: Mapping[str, float], times: float) -> list[tantivy.Query]:
        return [
            tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, field, stem, "freq"), times * counts)
            for field, counts in fields.items()
        ]

    def _phrase_query(self, field: str, terms: Sequence[str], words: tantivy.Query) -> tantivy.Query:
        return tantivy.Query.boolean_query([(_MUST, _unscored(self._side_by_side(field, terms))), (_SHOULD, words)])

    def _side_by_side(self, field: str, terms: Sequence[str]) -> tantivy.Query:
        if len(terms) == 1:  # a phrase of one is a panic
            return tantivy.Query.term_query(self._schema, field, terms[0], "freq")
        return tantivy.Query.phrase_query(self._schema, field, list(terms))

    def _keyword(
        self, query: tantivy.Query, limit: int, sort: Sort, after: Place | None
    ) -> tuple[tuple[EngineHit, ...], int]:
        """The works that come first, and how many there are in all."""
        if not self.entries:
            return (), 0
        if self._one_version_each and sort == "relevance" and after is None:
            scored, total = self._best(query, limit)
            return self._hits(scored, limit, sort, after), total
        scored, _ = self._best(query, len(self.entries))
        docs = np.fromiter((doc for _, doc in scored), np.int64, len(scored))
        return self._hits(scored, limit, sort, after), self._count_works(docs)

    def _count(self, query: tantivy.Query, names: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Name -> code -> works that the query finds. tantivy counts documents: right where each work has one, and faster."""
        if self._one_version_each:
            return self._aggregate(query, [name for name in names if name in FACETS])
        return self._count_facets(self._numbers(self._search_all(query)), names)

    def _best(self, query: tantivy.Query, limit: int) -> tuple[list[tuple[float, int]], int]:
        """(score, document) of at least the `limit` best, ties by id, and how many documents there are in all.

        tantivy breaks ties its own way, so one that the limit would cut is read whole.
        """
        size = min(limit + 1, len(self.entries))
        while True:
            with guarded():
                result = self._searcher.search(query, limit=size, count=True)
            hits = result.hits
            if len(hits) < size or size == len(self.entries) or hits[-1][0] < hits[limit - 1][0]:
                break
            size = min(4 * size, len(self.entries))
        docs = self._numbers([address for _, address in hits])
        scored = [(float(score), int(doc)) for (score, _), doc in zip(hits, docs, strict=True)]
        return sorted(scored, key=lambda item: (-item[0], item[1])), int(getattr(result, "count", len(hits)))

    def _aggregate(self, query: tantivy.Query, names: Sequence[str]) -> dict[str, dict[str, int]]:
        if not names or not self.entries:
            return {}
        request = {name: {"terms": {"field": facet_field(name), "size": 10_000}} for name in names}
        with guarded():
            answer = self._searcher.aggregate(query, request)
        return {name: {bucket["key"]: int(bucket["doc_count"]) for bucket in answer[name]["buckets"]} for name in names}

    def _matched(self, query: Query | None, filters: Filters, works: set[str]) -> set[str]:
        """Those of `works` that the keyword side finds."""
        if query is None:
            return set()
        # A second look meets most of the works of the first: looking one up costs more than all else here.
        asked = query, dict(filters.values)
        before, known = self._last_matched
        known = known if before == asked else {}
        new = works - known.keys()
        found = self._found_among(query, filters, new) if new else set[str]()
        known = known | {work: work in found for work in new}
        self._last_matched = asked, known
        return {work for work in works if known[work]}

    def _found_among(self, query: Query, filters: Filters, works: set[str]) -> set[str]:
        among = tantivy.Query.term_set_query(self._schema, "work", sorted(works))
        finds = self._filtered(self._query(query, scored=False), filters)
        both = tantivy.Query.boolean_query([(_MUST, finds), (_MUST, among)])
        return {self.entries[doc].work for doc in self._numbers(self._search_all(both))}

    # The nearest side

    def _nearest(self, vector: Vector, allowed: NDArray[np.bool_] | None, limit: int) -> list[tuple[float, int]]:
        """(cosine, row) of the best passage of each of the nearest works, in whatever language, best first, ties by id.

        Exact: every row that is let through is compared.
        """
        rows = self._live if allowed is None else self._live[allowed[self._owner[self._live]]]
        if not len(rows):
            return []
        query = np.asarray(vector.values, dtype=np.float32)
        scores = self.rows.about(query, rows)
        size = min(2 * limit, len(rows))
        while True:
            cut = np.partition(scores, -size)[-size]
            at = rows[np.flatnonzero(scores >= cut - 2 * ERROR)]
            exact = self.rows.exactly(query, at)
            owners = self._owner[at]
            order = np.lexsort((at, owners, -exact))
            best: dict[int, tuple[float, int]] = {}
            ranked = zip(exact[order].tolist(), at[order].tolist(), self._work[owners[order]].tolist(), strict=True)
            for score, row, work in ranked:
                if work not in best:
                    best[work] = (score, row)
                    if len(best) == limit:
                        break
            found = list(best.values())
            # What was left out scores below `cut - ERROR`: the hits are right if none of them does.
            if len(at) == len(rows) or (len(found) == limit and found[-1][0] >= cut - ERROR):
                return found
            size = min(4 * size, len(rows))

    def _near_hits(
        self, near: Sequence[tuple[float, int]], matched: set[str], facets: Sequence[str]
    ) -> tuple[EngineHit, ...]:
        positions = [(name, FACETS.index(name)) for name in facets if name in FACETS]
        hits: list[EngineHit] = []
        for score, row in near:
            owner = self._owner[row]
            entry = self.entries[owner]
            hits.append(
                EngineHit(
                    entry.id,
                    entry.work,
                    score,
                    entry.language,
                    matched=entry.work in matched,
                    passage=entry.passages[row - entry.row],
                    facets={name: entry.facets[at] for name, at in positions},
                    year=self._years[owner],
                )
            )
        return tuple(hits)

    # Numbers, addresses, hits

    def _hits(
        self, scored: list[tuple[float, int]], limit: int, sort: Sort, after: Place | None
    ) -> tuple[EngineHit, ...]:
        """The first document of each work, at most `limit` of those behind `after`. `scored`: best first, ties by number."""
        if sort != "relevance":
            years = [self._years[doc] for _, doc in scored]
            keys = [-(year or UNDATED_NEWEST) if sort == "newest" else year or UNDATED_OLDEST for year in years]
            scored = [scored[at] for at in sorted(range(len(scored)), key=lambda at: (keys[at], scored[at][1]))]
        hits: list[EngineHit] = []
        seen: set[str] = set()
        for score, doc in scored:
            entry = self.entries[doc]
            if entry.work in seen:
                continue
            seen.add(entry.work)
            hit = EngineHit(entry.id, entry.work, score, entry.language, year=self._years[doc])
            if after is None or place(hit, sort) > after:
                hits.append(hit)
                if len(hits) == limit:
                    break
        return tuple(hits)

    def _carrying(self, hit: EngineHit, facets: Sequence[str]) -> EngineHit:
        entry = self.entries[bisect_left(self.entries, hit.id, key=lambda entry: entry.id)]
        return hit._replace(facets={name: entry.facets[FACETS.index(name)] for name in facets if name in FACETS})

    def _search_all(self, query: tantivy.Query) -> list[tantivy.DocAddress]:
        with guarded():
            # A limit of 0 is a panic.
            limit = max(1, self._searcher.num_docs)
            return [address for _, address in self._searcher.search(query, limit=limit, count=False).hits]

    def _numbers(self, addresses: list[tantivy.DocAddress]) -> NDArray[np.int64]:
        with guarded():
            serials = np.array(self._searcher.fast_field_values("serial", addresses), dtype=np.int64)
        return self._order[np.searchsorted(self._serials, serials)]


def _by_rest(facets: Sequence[str], filters: Filters) -> list[tuple[Filters, list[str]]]:
    """The filters that a facet's counts obey, all but its own, and the facets that obey the same."""
    groups: dict[str, list[str]] = {}
    for name in facets:
        groups.setdefault(name if filters.values.get(name) else "", []).append(name)
    return [
        (Filters({other: codes for other, codes in filters.values.items() if other != own}) if own else filters, names)
        for own, names in groups.items()
    ]


def _entry(data: dict[str, Any], shared: dict[tuple[str, ...], tuple[str, ...]]) -> Entry:
    """Equal tuples and strings are kept once: most documents share their codes."""
    facets = tuple(
        shared.setdefault(codes, codes)
        for codes in (tuple(sys.intern(code) for code in data["facets"].get(name, ())) for name in FACETS)
    )
    return Entry(
        data["id"],
        data["work"],
        data["version"],
        sys.intern(data["language"]),
        facets,
        data["row"],
        (0,) if data["passages"] == [0] else tuple(data["passages"]),
    )
