"""From what a person types to the tree that engines get.

    migration workers           any of the words, as everywhere on the site
    "domestic work"             these words side by side, as typed but for case and accents. Required where the query is
                                made of signs alone or joined by AND, OR, NOT; beside loose words a wish like these, that
                                counts once more where they stand so: `permits "domestic work"`, `permits AND "domestic work"`
    a AND b, a OR b, NOT a, -a  and brackets; AND binds closer than OR, words without a sign between them closest
    migra*                      words that begin so (two letters at least)
    title:word                  also title:"some words", title:word*
    country:PHL,Ghana           and every other facet; year:2019, year:2019..2022, year:2019..

Text without any of these signs is words and nothing else. So is a paragraph, whatever quotation marks it has, and whatever
is malformed or too large, and then a note says so. Nothing here raises.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from typing import NamedTuple

import regex

from hub.search import text as analyser
from hub.search.glossary import ALONE, translated
from hub.search.synonyms import widened
from hub.search.types import (
    EVERYTHING,
    FACETS,
    LANGUAGES,
    All,
    AnyOf,
    Having,
    InTitle,
    Mode,
    Not,
    Phrase,
    Prefix,
    Query,
    Words,
)

MALFORMED = "query_malformed"
"""Note: signs of the query language were there and made no sense, so everything was read as words."""

LEAVES = 64
TERMS = 2 * analyser.QUERY_WORDS
PREFIXES = 8
DEPTH = 16
"""Bounds of a tree: parts without parts, words in all of them, prefixes, brackets in brackets."""
PARAGRAPH_WORDS = 32
"""From so many words on, quotation marks, brackets and dashes are taken for those of a pasted text."""
SHOUTED_WORDS = 8
"""From so many words on, AND, OR and NOT in a text of capitals are words like the others (lisa: nDCG@10 .34, so read .50)."""
PREFIX_LETTERS = 2
LISTED, ENOUGH = 0.5, 4
"""A record is listed for its words if it holds half of them, or four where there are more."""
YEARS = range(1900, 2101)

Codes = Callable[[str, str], str | None]
"""(facet, what was typed) -> the code that is meant, None if there is none."""

_CONNECTIVES = ("AND", "OR", "NOT")
_FIELD = regex.compile(rf"(title|{'|'.join(FACETS)}):\s*")
_CLOSING = {'"': '"', "“": '””"', "”": '”"'}
_RANGE = regex.compile(r"([0-9]{4})?(\.\.)?([0-9]{4})?")


@dataclass(frozen=True, slots=True)
class Parsed:
    """`tree`: what was asked. `meaning`: the text to be encoded, of what is asked and not excluded; "" where only signs are left.

    `elsewhere`: its loose words in other languages (`glossary.translated`), `covered`: the share of them that these are,
    `of_field` by the glossary of the field alone; `gloss`: them in English, to be encoded too.
    """

    tree: Query
    meaning: str
    notes: tuple[str, ...] = ()
    elsewhere: tuple[Query, ...] = ()
    covered: float = 0.0
    gloss: str = ""
    of_field: float = 0.0

    def sought(self, mode: Mode) -> Query:
        """What engines are asked: what was asked, or its loose words in other languages."""
        return _or_elsewhere(self.tree, _lighter(self.elsewhere) if mode == "keyword" else self.elsewhere)

    def listed(self, mode: Mode) -> Query:
        """The same of what is listed for its words: where meaning is compared as well, one of many is not enough."""
        return self.sought(mode) if mode == "keyword" else _several(self.sought(mode))


def as_typed(facet: str, value: str) -> str | None:
    """Codes as they are, in their own case where that is known."""
    if facet == "country":
        return value.upper() if regex.fullmatch("[A-Za-z]{3}", value) else None
    return value


def words(text: str, language: str | None) -> Query:
    """Any text as words; "" is `EVERYTHING`. `language` None: read by every stemmer of its script."""
    return Words(tuple(analyser.query_weights(text, language).items())) if text else EVERYTHING


def parse(text: str, language: str | None, codes: Codes = as_typed) -> Parsed:
    """What was typed, read by the rules above; loose words are widened by their synonyms. Reads `analyser.QUERY_CHARACTERS`; time and tree are bounded."""
    parsed = _parsed(text, language, codes)
    if not any(isinstance(part, Words) and not part.needed for part in _beside(parsed.tree)):
        return parsed
    elsewhere, covered, gloss, of_field = translated(parsed.meaning, language)
    return replace(parsed, elsewhere=elsewhere, covered=covered, gloss=gloss, of_field=of_field)


def _parsed(text: str, language: str | None, codes: Codes) -> Parsed:
    tree = Words(tuple(widened(text.strip(), language).items())) if text.strip() else EVERYTHING
    plain = Parsed(tree, text.strip())
    malformed = replace(plain, notes=(MALFORMED,))
    if len(text.split()) >= SHOUTED_WORDS and 2 * sum(map(str.isupper, text)) > sum(map(str.isalpha, text)):
        return plain
    try:
        tokens = list(_tokens(text[: analyser.QUERY_CHARACTERS]))
        kinds = {token.kind for token in tokens}
        if not kinds & {"AND", "OR", "NOT", "field", "prefix", "-", "phrase"}:
            _check_brackets(tokens)
            return plain
        if not kinds & {"AND", "OR", "NOT", "field", "prefix"} and len(text.split()) > PARAGRAPH_WORDS:
            return plain
        reader = _Reader(tokens, language, codes, joined=bool(kinds & set(_CONNECTIVES)))
        tree = reader.whole()
        _check_size(tree)
    except _Malformed:
        return plain if len(text.split()) > PARAGRAPH_WORDS and not _connected(text) else malformed
    return Parsed(tree, " ".join(reader.asked))


def _beside(query: Query) -> tuple[Query, ...]:
    return query.parts if isinstance(query, All) else (query,)


def _or_elsewhere(query: Query, elsewhere: tuple[Query, ...]) -> Query:
    """The same with its loose words, at the root or beside conditions, found in other languages too."""
    if not elsewhere:
        return query
    return _all(
        tuple(
            AnyOf((part, *elsewhere)) if isinstance(part, Words) and not part.needed else part
            for part in _beside(query)
        )
    )


def _several(query: Query) -> Query:
    match query:
        case Words(words, needed=False):
            return replace(query, least=min(ceil(LISTED * len(words)), ENOUGH) or 1)
        case All(parts):
            return All(tuple(map(_several, parts)))
        case AnyOf(parts):
            return AnyOf(tuple(map(_several, parts)))
        case _:
            return query


def _lighter(elsewhere: tuple[Query, ...]) -> tuple[Query, ...]:
    def lighter(part: Query) -> Query:
        if isinstance(part, Words):
            return replace(part, words=tuple((word, ALONE * times) for word, times in part.words))
        return All(tuple(map(lighter, part.parts))) if isinstance(part, All) else part

    return tuple(map(lighter, elsewhere))


def begun(typed: str) -> tuple[Query, str] | None:
    """Of a title that is being typed: what it must hold, and what `text.whole_title` of it begins with. None: too little."""
    runs = analyser.phrase_runs(typed[: analyser.QUERY_CHARACTERS])
    if not runs or sum(map(len, runs)) > analyser.QUERY_WORDS:
        return None
    *whole, last = runs
    parts: list[Query] = []
    for run in whole:
        parts += _whole_words(run)
    if analyser.is_sign(last[0]):
        parts.append(InTitle(Phrase(last, Words(()))))
    else:
        parts += _whole_words(last[:-1])
        if len(last[-1]) >= PREFIX_LETTERS:
            parts.append(InTitle(Prefix(last[-1])))
    return (All(tuple(parts)), " ".join(term for run in runs for term in run)) if parts else None


def _whole_words(run: tuple[str, ...]) -> list[Query]:
    if run and analyser.is_sign(run[0]):
        return [InTitle(Phrase(run, Words(())))]
    return [InTitle(Phrase((term,), Words(()))) for term in run]


def constraint(query: Query) -> Query | None:
    """What even a hit found by meaning must fulfil: all but words that are not `needed`. None: nothing."""
    match query:
        case Words():
            return query if query.needed else None
        case All(parts):
            kept = tuple(part for part in map(constraint, parts) if part is not None)
            return _all(kept) if kept else None
        case AnyOf(parts):
            bounds = [constraint(part) for part in parts]
            return AnyOf(tuple(bound for bound in bounds if bound is not None)) if None not in bounds else None
        case _:
            return query


def asked_words(query: Query) -> tuple[tuple[str, ...], ...]:
    """The words of a tree that a hit may show, in order, each once: for excerpts and for the weight of meaning."""
    return tuple(dict.fromkeys(_asked_words(query)))


def _asked_words(query: Query) -> Iterator[tuple[str, ...]]:
    match query:
        case Words(weighted):
            yield from (alternatives for alternatives, _ in weighted)
        case Phrase(_, bag):
            yield from _asked_words(bag)
        case Prefix(start):
            yield (analyser.VERBATIM + start + analyser.ANY_END,)
        case InTitle(part):
            yield from _asked_words(part)
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _asked_words(part)
        case Having() | Not():
            pass


class _Malformed(Exception):
    pass


class _Token(NamedTuple):
    """`kind`: AND OR NOT ( ) - word prefix phrase field; `text` is what the person wrote, without the sign."""

    kind: str
    text: str


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    apart = True  # nothing but space or an open bracket before
    while at < len(text):
        sign = text[at]
        if sign.isspace():
            at += 1
            apart = True
        elif sign in "()":
            yield _Token(sign, sign)
            at += 1
            apart = sign == "("
        elif sign in _CLOSING:
            end = next((end for end in range(at + 1, len(text)) if text[end] in _CLOSING[sign]), None)
            if end is None:
                raise _Malformed
            yield _Token("phrase", text[at + 1 : end])
            at = end + 1
            apart = False
        elif sign == "-" and apart and at + 1 < len(text) and not text[at + 1].isspace() and text[at + 1] != "-":
            yield _Token("-", sign)
            at += 1
        elif apart and (field := _FIELD.match(text, at)):
            yield _Token("field", field[1])
            at = field.end()
        else:
            end = _word_end(text, at)
            yield _word(text[at:end])
            at = end
            apart = False


def _word_end(text: str, at: int) -> int:
    """Where a word ends: at space, a quotation mark, or a bracket that did not open inside it (`worker(s)`)."""
    opened = 0
    for end in range(at, len(text)):
        sign = text[end]
        if sign.isspace() or sign in _CLOSING or (sign == ")" and not opened):
            return max(end, at + 1)
        opened += (sign == "(") - (sign == ")")
    return len(text)


def _word(raw: str) -> _Token:
    if raw in _CONNECTIVES:
        return _Token(raw, raw)
    start = raw.removesuffix("*")
    if start != raw and start and start[-1].isalnum():
        return _Token("prefix", start)
    return _Token("word", raw)


def _check_brackets(tokens: list[_Token]) -> None:
    depth = 0
    for token in tokens:
        depth += (token.kind == "(") - (token.kind == ")")
        if depth < 0:
            break
    if depth:
        raise _Malformed


def _connected(text: str) -> bool:
    return any(connective in text.split() for connective in _CONNECTIVES) or _FIELD.search(text) is not None


class _Reader:
    """Recursive descent. `asked` gathers the text to be encoded. `joined`: there are connectives, so phrases are required."""

    def __init__(self, tokens: list[_Token], language: str | None, codes: Codes, *, joined: bool) -> None:
        self._tokens = tokens
        self._joined = joined
        self._at = 0
        self._depth = 0
        self._excluded = 0
        self._language = language
        self._codes = codes
        self.asked: list[str] = []

    def whole(self) -> Query:
        tree = self._either()
        if self._at < len(self._tokens):
            raise _Malformed
        return tree

    def _next(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _take(self) -> _Token:
        if self._at == len(self._tokens):
            raise _Malformed
        self._at += 1
        return self._tokens[self._at - 1]

    def _either(self) -> Query:
        parts = [self._both()]
        while self._next() == "OR":
            self._take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _both(self) -> Query:
        parts = [self._beside()]
        while self._next() == "AND":
            self._take()
            parts.append(self._beside())
        return parts[0] if len(parts) == 1 else All(tuple(_needed(part) for part in parts))

    def _beside(self) -> Query:
        """Parts without a connective: their words are one bag, all else must hold beside it."""
        after = self._tokens[self._at - 1].kind if self._at else ""
        raw: list[str] = []
        quoted: dict[int, str] = {}  # by its place in `raw`
        parts: list[Query] = []
        phrases: list[Query] = []
        while self._next() not in {"", ")", "OR", "AND"}:
            if self._next() == "word":
                raw.append(self._take().text)
                self._ask(raw[-1])
            elif self._next() == "phrase" and not self._joined:
                quoted[len(raw)] = self._tokens[self._at].text
                raw.append(quoted[len(raw)])
                phrases.append(self._unit())
            else:
                parts.append(self._unit())
        if len(raw) == len(quoted):  # no loose word beside them
            parts = [*phrases, *parts]
            raw.clear()
        connected = {after, self._next()} & {"OR", "AND"}
        bag = self._one_word(raw[0]) if len(raw) == 1 and connected else self._bag(" ".join(raw), wide=True)
        if isinstance(bag, Words):
            bag = _wishing(bag, tuple(quoted.values()))
        if bag is not None:
            parts.insert(0, bag)
        if not parts:
            raise _Malformed
        return _all(tuple(parts))

    def _unit(self) -> Query:
        token = self._take()
        match token.kind:
            case "-" | "NOT":
                self._excluded += 1
                self._deeper()
                part = self._unit()
                self._depth -= 1
                self._excluded -= 1
                return Not(part)
            case "(":
                self._deeper()
                part = self._either()
                if self._take().kind != ")":
                    raise _Malformed
                self._depth -= 1
                return part
            case "field":
                return self._field(token.text)
            case _:
                return self._text(token)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise _Malformed

    def _text(self, token: _Token) -> Query:
        match token.kind:
            case "word":
                self._ask(token.text)
                part = self._one_word(token.text)
            case "phrase":
                self._ask(token.text)
                part = self._phrase(token.text)
            case "prefix":
                part = self._prefix(token.text)
            case _:
                part = None
        if part is None:
            raise _Malformed
        return part

    def _ask(self, text: str) -> None:
        if not self._excluded:
            self.asked.append(text.strip())

    def _one_word(self, raw: str) -> Query | None:
        """One word between signs. What the analyser takes apart (`self-employed`, Chinese) is meant as a whole."""
        several = sum(map(len, analyser.phrase_runs(raw))) > 1
        return self._phrase(raw) if several else self._bag(raw)

    def _bag(self, raw: str, *, wide: bool = False) -> Words | None:
        """`wide`: with synonyms. What is excluded, quoted or connected is taken at its word."""
        weights = (widened if wide and not self._excluded else analyser.query_weights)(raw, self._language)
        return Words(tuple(weights.items())) if weights else None

    def _phrase(self, raw: str) -> Query | None:
        bag = self._bag(raw)
        runs = analyser.phrase_runs(raw)
        if bag is None or not runs:
            return None
        if len(runs) == 1:
            return Phrase(runs[0], bag)
        # Chinese beside another script: each is whole, and scored once.
        return All((Phrase(runs[0], bag), *(Phrase(run, Words(())) for run in runs[1:])))

    def _prefix(self, raw: str) -> Query | None:
        runs = analyser.phrase_runs(raw)
        if len(runs) != 1:
            return None
        if len(runs[0]) == 1 and not analyser.is_sign(runs[0][0]):
            return Prefix(runs[0][0]) if len(runs[0][0]) >= PREFIX_LETTERS else None
        # Chinese has no end of a word to leave open.
        return self._phrase(raw) if all(map(analyser.is_sign, runs[0])) else None

    def _field(self, name: str) -> Query:
        token = self._take()
        if name == "title":
            part = self._text(token)
            if isinstance(part, Words | Phrase | Prefix):
                return InTitle(part)
            if isinstance(part, All):
                return All(tuple(InTitle(each) for each in part.parts if isinstance(each, Phrase)))
            raise _Malformed
        if token.kind not in {"word", "phrase"}:
            raise _Malformed
        listed = token.text
        while self._next() in {"word", "phrase"} and (
            listed.endswith(",") or self._tokens[self._at].text.startswith(",")
        ):
            listed += self._take().text
        values = [value.strip() for value in listed.split(",") if value.strip()]
        found = [code for value in values for code in self._values(name, value)]
        if not found:
            raise _Malformed
        return Having(name, tuple(dict.fromkeys(found)))

    def _values(self, facet: str, value: str) -> list[str]:
        if facet == "year":
            return _years(value)
        if facet == "objective":
            code = str(int(value)) if regex.fullmatch(r"[0-9]{1,2}", value) and 1 <= int(value) <= 23 else None
        elif facet == "language":
            code = value.lower() if value.lower() in LANGUAGES else None
        else:
            code = self._codes(facet, value)
        if code is None:
            raise _Malformed
        return [code]


def _wishing(bag: Words, phrases: Sequence[str]) -> Words:
    """The bag and, as further words of it, the phrases of several words: where they stand side by side counts once more."""
    runs = [run for phrase in phrases for run in analyser.phrase_runs(phrase) if len(run) > 1]
    further = {(analyser.VERBATIM + " ".join(run),): 1 for run in runs}
    return replace(bag, words=tuple(islice((dict(bag.words) | further).items(), analyser.QUERY_WORDS)))


def _years(value: str) -> list[str]:
    match = _RANGE.fullmatch(value)
    if match is None or not (match[1] or match[3]) or (match[3] and not match[2]):
        raise _Malformed
    first = int(match[1] or YEARS[0])
    last = int(match[3] or (YEARS[-1] if match[2] else first))
    years = [str(year) for year in YEARS if first <= year <= last]
    if not years:
        raise _Malformed
    return years


def _all(parts: tuple[Query, ...]) -> Query:
    return parts[0] if len(parts) == 1 else All(parts)


def _needed(query: Query) -> Query:
    match query:
        case Words():
            return replace(query, needed=True)
        case All(parts):
            return All(tuple(map(_needed, parts)))
        case AnyOf(parts):
            return AnyOf(tuple(map(_needed, parts)))
        case _:
            return query


def _check_size(query: Query) -> None:
    leaves = list(_leaves(query))
    terms = sum(
        len(leaf.words) if isinstance(leaf, Words) else len(leaf.terms) if isinstance(leaf, Phrase) else 1
        for leaf in leaves
    )
    prefixes = sum(isinstance(leaf, Prefix) for leaf in leaves)
    if len(leaves) > LEAVES or terms > TERMS or prefixes > PREFIXES:
        raise _Malformed


def _leaves(query: Query) -> Iterator[Query]:
    match query:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part) | InTitle(part):
            yield from _leaves(part)
        case _:
            yield query
