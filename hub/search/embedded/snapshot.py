"""What a reader sees: one committed state of one generation, and every question asked of it."""

import sys
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
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
    NO_FACETS,
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

MOST_FINDS = 16
"""Questions of which is remembered what they find: a search looks more than once, many at the same time."""
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


class _Codes(NamedTuple):
    """Pairs (document, code) of all facets as numbers, in order of code, then work: equal pairs of a work stand together.

    `numbers`: facet -> code -> its number; the pairs of a code are those from `starts[number]` to `starts[number + 1]`.
    """

    numbers: Mapping[str, Mapping[str, int]]
    starts: NDArray[np.int64]
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
        self._finds: dict[Query, NDArray[np.int64]] = {}
        self._suggestions: dict[tuple[str, int], tuple[Suggested, ...]] = {}

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
        self._ids = [entry.id for entry in self.entries]
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
            at = bisect_left(self._ids, wanted)
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
        compared: Query | None = None,
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
        asked = counted or query == EVERYTHING or vector is not None or bool(facets) or compared is not None
        found = self._found(query) if query is not None and asked else np.empty(0, np.int64)
        within = found if allowed is None else found[allowed[found]]
        if listed and query is not None:
            if query == EVERYTHING:
                keyword = self._hits([(1.0, doc) for doc in within.tolist()], limit, sort, after)
            else:
                scored = self._scored(self._filtered(self._query(compared or query), filters), limit, sort, after)
                keyword = self._hits(scored, limit, sort, after)
            total = self._count_works(within)
            for rest, names in _by_rest(facets, filters):
                reach = self._allowed(rest)
                counts |= self._count_facets(found if reach is None else found[reach[found]], names)
        if compared is not None:
            keyword = self._compared(keyword, self._works(within), facets)
        if vector is None:
            return Retrieved(keyword, (), total, counts, self.languages)
        bound = constraint(query) if query is not None else None
        if bound is not None:
            having = np.zeros(len(self.entries), dtype=np.bool_)
            having[self._found(bound)] = True
            allowed = having if allowed is None else allowed & having
        nearest = self._near_hits(self._nearest(vector, allowed, limit), self._works(within), facets)
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

    @cached_property
    def _codes(self) -> _Codes:
        numbers: dict[str, dict[str, int]] = {name: {} for name in FACETS}
        docs: list[int] = []
        values: list[int] = []
        first = 0
        for at, own in enumerate(numbers.values()):
            for doc, entry in enumerate(self.entries):
                for code in entry.facets[at]:
                    docs.append(doc)
                    values.append(own.setdefault(code, first + len(own)))
            first += len(own)
        doc_array, value_array = np.array(docs, np.int64), np.array(values, np.int64)
        order = np.lexsort((self._work[doc_array], value_array))
        starts = np.searchsorted(value_array[order], np.arange(first + 1))
        return _Codes(numbers, starts, doc_array[order], value_array[order])

    def _allowed(self, filters: Filters) -> NDArray[np.bool_] | None:
        """Which documents the filters let through; None: all."""
        if not filters:
            return None
        allowed = np.ones(len(self.entries), dtype=np.bool_)
        for name, wanted in filters.values.items():
            if not wanted:
                continue
            having = np.zeros(len(self.entries), dtype=np.bool_)
            codes = self._codes
            known = codes.numbers.get(name, {})
            for number in (known[code] for code in wanted if code in known):
                having[codes.docs[codes.starts[number] : codes.starts[number + 1]]] = True
            allowed &= having
        return allowed

    def _count_works(self, docs: NDArray[np.int64]) -> int:
        return len(docs) if self._one_version_each else len(np.unique(self._work[docs]))

    def _count_facets(self, docs: NDArray[np.int64], names: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Name -> code -> works among `docs` that have it."""
        if not names:
            return {}
        codes = self._codes
        chosen = np.zeros(len(self.entries), dtype=np.bool_)
        chosen[docs] = True
        pairs = np.flatnonzero(chosen[codes.docs])
        values = codes.values[pairs]
        if not self._one_version_each:
            works = self._work[codes.docs[pairs]]
            first = np.ones(len(pairs), dtype=np.bool_)
            first[1:] = (works[1:] != works[:-1]) | (values[1:] != values[:-1])
            values = values[first]
        counted = np.bincount(values, minlength=len(codes.starts) - 1).tolist()
        return {
            name: {code: counted[number] for code, number in codes.numbers.get(name, {}).items() if counted[number]}
            for name in names
        }

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
        queries: list[tantivy.Query] = []
        for field, counts in fields.items():
            query = tantivy.Query.term_query(self._schema, field, stem, "freq")
            queries.append(query if times * counts == 1.0 else tantivy.Query.boost_query(query, times * counts))
        return queries

    def _phrase_query(self, field: str, terms: Sequence[str], words: tantivy.Query) -> tantivy.Query:
        return tantivy.Query.boolean_query([(_MUST, _unscored(self._side_by_side(field, terms))), (_SHOULD, words)])

    def _side_by_side(self, field: str, terms: Sequence[str]) -> tantivy.Query:
        if len(terms) == 1:  # a phrase of one is a panic
            return tantivy.Query.term_query(self._schema, field, terms[0], "freq")
        return tantivy.Query.phrase_query(self._schema, field, list(terms))

    def _scored(self, query: tantivy.Query, limit: int, sort: Sort, after: Place | None) -> list[tuple[float, int]]:
        """(score, document), best first, ties by id: enough of them for `limit` works in the order asked for."""
        if not self.entries:
            return []
        whole = not self._one_version_each or sort != "relevance" or after is not None
        return self._best(query, len(self.entries) if whole else limit)

    def _found(self, query: Query) -> NDArray[np.int64]:
        """Numbers of all documents that a query finds, ascending. Kept for the next look of the same search."""
        found = self._finds.get(query)
        if found is None:
            if query == EVERYTHING:
                found = np.arange(len(self.entries))
            else:
                found = np.sort(self._numbers(self._search_all(self._query(query, scored=False))))
            if len(self._finds) >= MOST_FINDS:
                self._finds = {}
            self._finds[query] = found
        return found

    def _works(self, docs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """By number of a work: whether one of these documents is a version of it."""
        works = np.zeros(len(self.entries), dtype=np.bool_)
        works[self._work[docs]] = True
        return works

    def _best(self, query: tantivy.Query, limit: int) -> list[tuple[float, int]]:
        """(score, document) of at least the `limit` best, ties by id.

        tantivy breaks ties its own way, so one that the limit would cut is read whole.
        """
        size = min(limit + 1, len(self.entries))
        while True:
            with guarded():
                hits = self._searcher.search(query, limit=size, count=False).hits
            if len(hits) < size or size == len(self.entries) or hits[-1][0] < hits[limit - 1][0]:
                break
            size = min(4 * size, len(self.entries))
        docs = self._numbers([address for _, address in hits]).tolist()
        scores = [score for score, _ in hits]
        order = sorted(range(len(hits)), key=lambda at: (-scores[at], docs[at]))
        return [(scores[at], docs[at]) for at in order]

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
        self, near: Sequence[tuple[float, int]], works: NDArray[np.bool_], facets: Sequence[str]
    ) -> tuple[EngineHit, ...]:
        """`works`: by number, what the keyword side finds."""
        owners = self._owner[[row for _, row in near]].tolist() if near else []
        matched = works[self._work[owners]].tolist() if near else []
        hits: list[EngineHit] = []
        for (score, row), owner, match in zip(near, owners, matched, strict=True):
            entry = self.entries[owner]
            passage = entry.passages[row - entry.row]
            codes = _codes_of(entry, facets)
            hits.append(
                EngineHit(entry.id, entry.work, score, entry.language, match, passage, codes, self._years[owner])
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
            hit = EngineHit(entry.id, entry.work, score, entry.language, True, None, NO_FACETS, self._years[doc])
            if after is None or place(hit, sort) > after:
                hits.append(hit)
                if len(hits) == limit:
                    break
        return tuple(hits)

    def _compared(
        self, hits: Sequence[EngineHit], works: NDArray[np.bool_], facets: Sequence[str]
    ) -> tuple[EngineHit, ...]:
        """The hits with their codes, `matched` where their work is one of `works`."""
        docs = [bisect_left(self._ids, hit.id) for hit in hits]
        matched = works[self._work[docs]].tolist() if docs else []
        return tuple(
            EngineHit(
                hit.id, hit.work, hit.score, hit.language, match, None, _codes_of(self.entries[doc], facets), hit.year
            )
            for hit, doc, match in zip(hits, docs, matched, strict=True)
        )

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


def _codes_of(entry: Entry, facets: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    if facets == FACETS:
        return dict(zip(FACETS, entry.facets, strict=True))
    return {name: entry.facets[FACETS.index(name)] for name in facets if name in FACETS}


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
