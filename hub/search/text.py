"""The one analyser: what a word is for index, query and excerpt, on both engines, in six languages.

A run of letters, marks and digits is a word; a run of Chinese, Japanese or Korean signs is read as all its signs, then all
its pairs. Words are folded (NFKC, case, Latin accents, Arabic hamza, tatweel and vowel signs) before the Snowball stemmer of
their language sees them; function words are dropped when documents and queries are read. Measured in docs/benchmarks.md.
"""

import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

import regex
import Stemmer

from hub.search.stop_words import STOP_WORDS
from hub.search.types import Marked

ANALYSER = "1"
"""Changes with anything that changes a term: an index of another version is refused and rebuilt."""

VERBATIM = "="
"""First character of a query word that is to be looked up unstemmed, in the field of `folded_words`."""

ANY_END = "*"
"""Last character of such a word of which only the beginning is known."""

QUERY_CHARACTERS = 2_000
QUERY_WORDS = 64
"""A query is read up to these bounds; a person's longest so far (a pasted paragraph) has about 40 different words."""

PASSAGE_CHARACTERS = 1_500
"""Longest passage that gets a vector of its own: about 400 of the 512 tokens that the default encoder reads, title included."""

WHOLE_TITLE_CHARACTERS = 200
"""A person types the beginning of a title, not all of a long one."""

_TERM_CHARACTERS = 100
_CJK = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}"
_WORD = regex.compile(rf"[{_CJK}]+|[[\p{{L}}\p{{M}}\p{{N}}]--[{_CJK}]]+", regex.V1)
_RUN = regex.compile(rf"[{_CJK}]")
_NOT_WORD = regex.compile(r"[^\p{L}\p{M}\p{N}]")
_MARK = regex.compile(r"\p{M}")
_LATIN = regex.compile(r"\p{Latin}")
_CYRILLIC = regex.compile(r"\p{Cyrillic}")
_ARABIC = regex.compile(r"\p{Arabic}")
_HAN = regex.compile(r"\p{Han}")
_KANA_OR_HANGUL = regex.compile(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]")
_SENTENCE_END = regex.compile(r"[.!?…؟۔]+[\"'»”’)\]]*\s+|[。！？；]+[」』”’）]*\s*|\s*\n\s*")
_SPACES = regex.compile(r"\s+")

# What NFKC and NFD leave alone. Arabic: forms of alif, hamza on its seats, alif maqsura, tatweel, Eastern digits.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ё": "е"}
    | {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ؤ": "و", "ئ": "ي", "ى": "ي", "ی": "ي", "ک": "ك", "ـ": ""}
    | {chr(zero + digit): str(digit) for zero in (0x660, 0x6F0) for digit in range(10)}
)
_ALGORITHMS = {"ar": "arabic", "en": "english", "es": "spanish", "fr": "french", "ru": "russian"}
_SCRIPT_LANGUAGES: tuple[tuple["regex.Pattern[str]", tuple[str, ...]], ...] = (
    (_LATIN, ("en", "fr", "es")),
    (_CYRILLIC, ("ru",)),
    (_ARABIC, ("ar",)),
)
_local = threading.local()


class Token(NamedTuple):
    """A term and the characters `[start, end)` of the text it stands for."""

    term: str
    start: int
    end: int


@lru_cache(maxsize=200_000)
def _fold(word: str) -> str:
    """Lower case without accents or vowel signs; "" if nothing is left. Scripts that we do not stem keep their marks."""
    # NFKC can bring in spaces and signs (½, ﷺ): a term holds neither.
    folded = _NOT_WORD.sub("", unicodedata.normalize("NFKC", word).casefold().translate(_LETTERS))
    if _LATIN.search(folded):
        folded = _MARK.sub("", unicodedata.normalize("NFD", folded))
    elif _CYRILLIC.search(folded) or _ARABIC.search(folded):
        # Composed letters (й) stay whole; what stands alone after NFC is a stress sign or a vowel sign.
        folded = _MARK.sub("", folded)
    return folded[:_TERM_CHARACTERS]


@cache
def _stop_words(language: str) -> frozenset[str]:
    return frozenset(
        folded
        for entry in STOP_WORDS[language]
        for match in _WORD.finditer(entry)
        # "don't" is read as "don" and "t": only the tail is a function word.
        if (folded := _fold(match.group())) and (match.group() == entry or len(folded) <= 2)
    )


def _languages(folded: str, language: str | None) -> tuple[str, ...]:
    """The languages whose stemmers read this word: `language` if it is written so, else those of the word's script."""
    for script, languages in _SCRIPT_LANGUAGES:
        if script.search(folded):
            if language in languages:
                return (language,)
            return languages if language is None else languages[:1]
    return ()


@lru_cache(maxsize=200_000)
def _stems(folded: str, language: str | None) -> tuple[str, ...]:
    """Stems of a folded word, one per language that may read it; none for a function word of any of them."""
    languages = _languages(folded, language)
    if any(folded in _stop_words(each) for each in languages):
        return ()
    return tuple(dict.fromkeys(_stemmer(each).stemWord(folded) for each in languages)) or (folded,)


def _stemmer(language: str) -> Stemmer.Stemmer:
    """Of this thread: a stemmer is not reentrant. `_stems` is its cache."""
    stemmers: dict[str, Stemmer.Stemmer] = _local.__dict__
    if language not in stemmers:
        stemmers[language] = Stemmer.Stemmer(_ALGORITHMS[language], 0)
    return stemmers[language]


def _is_run(word: str) -> bool:
    """Whether a match of `_WORD` is a run of CJK signs: the first of them, in Unicode, is U+1100."""
    return word[0] >= "\u1100" and _RUN.match(word) is not None


def _folded_tokens(text: str) -> Iterator[tuple[Token, bool]]:
    """Folded tokens in order, and whether each is to be stemmed. A CJK run gives its signs, then its pairs."""
    for match in _WORD.finditer(text):
        word = match.group()
        start, end = match.span()
        if not _is_run(word):
            if folded := _fold(word):
                yield Token(folded, start, end), True
            continue
        # A radical alone is a sign of the script and yet no letter: nothing is left of it.
        signs = [Token(folded, at, at + 1) for at, sign in enumerate(word, start) if (folded := _fold(sign))]
        for sign in signs:
            yield sign, False
        for one, other in pairwise(signs):
            yield Token(one.term + other.term, one.start, other.end), False


def analyse(text: str, language: str) -> list[Token]:
    """`terms`, and where they stand."""
    tokens: list[Token] = []
    for token, stemmed in _folded_tokens(text):
        if not stemmed:
            tokens.append(token)
        elif stems := _stems(token.term, language):
            tokens.append(token._replace(term=stems[0]))
    return tokens


@lru_cache(maxsize=200_000)
def _term(word: str, language: str) -> str:
    """What an engine indexes for a word of a document; "" for nothing."""
    folded = _fold(word)
    stems = _stems(folded, language) if folded else ()
    return stems[0] if stems else ""


def _shaped(text: str, shape: Callable[[str], str]) -> list[str]:
    """As `_folded_tokens`, without positions, three times as fast: a rebuild spends most of its time here."""
    shaped: list[str] = []
    for word in _WORD.findall(text):
        if _is_run(word):
            signs = [folded for sign in word if (folded := _fold(sign))]
            shaped += signs
            shaped += [one + other for one, other in pairwise(signs)]
        elif term := shape(word):
            shaped.append(term)
    return shaped


def terms(text: str, language: str) -> list[str]:
    """What an engine indexes in its fields `all` (title and body) and `title`: stems in order, repeated as in the text,
    function words dropped. `language` is the document's."""
    return _shaped(text, lambda word: _term(word, language))


def folded_words(text: str) -> list[str]:
    """What an engine indexes in its fields `words` and `title_words`: every word unstemmed, function words too, in order."""
    return _shaped(text, _fold)


def spelled_words(text: str) -> list[str]:
    """Distinct words of `folded_words` that a misspelled word may be meant for: of letters only, no CJK signs."""
    return [word for word in dict.fromkeys(map(_fold, _WORD.findall(text))) if word.isalpha() and not _is_run(word)]


def spelled(text: str) -> list[Token]:
    """The words of a query that may be misspelled, folded, and where they stand: not what is part of its signs."""
    return [
        Token(folded, *match.span())
        for match in _WORD.finditer(text[:QUERY_CHARACTERS])
        if (folded := _fold(match.group()))
        and not _is_run(match.group())
        and text[match.end() : match.end() + 1] not in {":", "*"}
        and text[max(0, match.start() - 1) : match.start()] != ":"
    ]


def phrase_runs(text: str) -> list[tuple[str, ...]]:
    """Stretches of `folded_words` that stand side by side in a document that has the text: a run of CJK signs is one of its own."""
    runs: list[tuple[str, ...]] = []
    plain: list[str] = []
    for word in _WORD.findall(text):
        if _is_run(word):
            runs += [tuple(plain), tuple(folded for sign in word if (folded := _fold(sign)))]
            plain = []
        elif folded := _fold(word):
            plain.append(folded)
    return [run for run in (*runs, tuple(plain)) if run]


def whole_title(title: str) -> str:
    """What an engine indexes in its field of that name: the words of a title, CJK as signs, as one term to be begun."""
    return " ".join(term for run in phrase_runs(title) for term in run)[:WHOLE_TITLE_CHARACTERS]


def is_sign(term: str) -> bool:
    """Whether a term is a CJK sign or a pair of them."""
    return _is_run(term)


def query_weights(text: str, language: str | None) -> dict[tuple[str, ...], int]:
    """Distinct words of a query, each with the stems it may have in a document (one if `language` is known), in order,
    and how often it is asked: a boost of its clause. Saying a word twice is how a long request stresses it (nDCG@10 of
    cacm .498 to .535, cisi .334 to .413, lisa .420 to .495; the short questions of belebele and xquad do not change).

    Function words are left out; a query of nothing else gives its words unstemmed, each behind `VERBATIM`. At most
    `QUERY_WORDS` words of the first `QUERY_CHARACTERS` characters; empty if there is no word in them.
    """
    words: Counter[tuple[str, ...]] = Counter()
    verbatim: Counter[tuple[str, ...]] = Counter()
    for token, stemmed in _folded_tokens(text[:QUERY_CHARACTERS]):
        stems = _stems(token.term, language) if stemmed else (token.term,)
        if stems:
            words[stems] += 1
        else:
            verbatim[(VERBATIM + token.term,)] += 1
    return dict(islice((words or verbatim).items(), QUERY_WORDS))


def query_words(text: str, language: str | None) -> tuple[tuple[str, ...], ...]:
    """The words of `query_weights`."""
    return tuple(query_weights(text, language))


_SIGNS = " "
"""Stands for a run of CJK signs, each of which may answer."""


class _Answering(dict[str, str]):
    """A match of `_WORD` -> the term of the query that it answers, "" for none, or `_SIGNS`; worked out once a word."""

    def __init__(self, words: tuple[tuple[str, ...], ...], language: str) -> None:
        super().__init__()
        wanted = {term for alternatives in words for term in alternatives}
        # Of a Chinese word of several signs the pairs answer, not a sign alone, which is in many other words.
        self._wanted = wanted - {sign for term in wanted if len(term) > 1 and _is_run(term) for sign in term}
        self._starts = tuple(term[len(VERBATIM) : -len(ANY_END)] for term in self._wanted if term.endswith(ANY_END))
        self._stemmed = not any(term.startswith(VERBATIM) for term in self._wanted)
        self._language = language

    def __missing__(self, word: str) -> str:
        self[word] = found = self._answered(word)
        return found

    def _answered(self, word: str) -> str:
        if _is_run(word):
            return _SIGNS
        if self._stemmed:
            term = _term(word, self._language)
            return term if term in self._wanted else ""
        folded = _fold(word)
        return self.term(folded, _stems(folded, self._language)) if folded else ""

    def term(self, folded: str, stems: tuple[str, ...]) -> str:
        for term in (*stems[:1], VERBATIM + folded):
            if term in self._wanted:
                return term
        return VERBATIM + folded if self._starts and folded.startswith(self._starts) else ""


@lru_cache(maxsize=32)
def _answering(words: tuple[tuple[str, ...], ...], language: str) -> _Answering:
    """Shared by the records of a page of results, which repeat most of their words."""
    return _Answering(words, language)


def _matches(text: str, start: int, end: int, words: tuple[tuple[str, ...], ...], language: str) -> list[Token]:
    """Tokens of `text[start:end]` that are one of the words, in order, overlapping ones (CJK) merged; `term` of the first."""
    answering = _answering(words, language)
    found: list[Token] = []
    for match in _WORD.finditer(text, start, end):
        word = match.group()
        answered = answering[word]
        if not answered:
            continue
        if answered != _SIGNS:
            found.append(Token(answered, *match.span()))
            continue
        for token, _ in _folded_tokens(word):
            if term := answering.term(token.term, (token.term,)):
                found.append(Token(term, token.start + match.start(), token.end + match.start()))
    found.sort(key=lambda token: (token.start, -token.end))
    merged: list[Token] = []
    for token in found:
        if merged and token.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, token.end))
        else:
            merged.append(token)
    return merged


def mark(
    text: str,
    words: tuple[tuple[str, ...], ...],
    language: str,
    *,
    around: tuple[int, int] | None = None,
    length: int = 280,
) -> Marked:
    """The stretch of about `length` characters that answers most of the words (`query_words`), those words marked.

    Taken from `around` `[start, end)` or the whole text; without a match its beginning. Starts at a sentence where it can,
    cuts between words, and shows a cut by "…". `language` is the text's.
    """
    low, high = around or (0, len(text))
    low, high = max(0, min(low, len(text))), max(0, min(high, len(text)))
    found = _matches(text, low, high, words, language)
    start, end = _window(text, low, high, found, length)
    head = "… " if start > 0 else ""
    tail = " …" if end < len(text) else ""
    shift = len(head) - start
    marks = tuple(
        (token.start + shift, token.end + shift) for token in found if start <= token.start < token.end <= end
    )
    return Marked(head + text[start:end] + tail, marks)


def _window(text: str, low: int, high: int, found: list[Token], length: int) -> tuple[int, int]:
    """Where to cut `text[low:high]` so that about `length` characters hold most different matches, then most matches."""
    if high - low <= length:
        return low, high
    first = reach = low
    best = (0, 0)
    last = 0
    counts: dict[str, int] = {}
    for at, token in enumerate(found):
        while last < len(found) and found[last].end - token.start <= length:
            counts[found[last].term] = counts.get(found[last].term, 0) + 1
            last += 1
        score = (len(counts), last - at)
        if score > best:
            best, first = score, token.start
            reach = found[last - 1].end if last > at else token.end
        if last > at:
            counts[token.term] -= 1
            if not counts[token.term]:
                del counts[token.term]
        else:
            last = at + 1
    if best == (0, 0):
        return low, _word_end(text, low, min(high, low + length), high)
    # Back to the start of the sentence if the matches stay inside, else by whatever room is left over.
    earliest = max(low, min(first, reach - length))
    starts = [match.end() for match in _SENTENCE_END.finditer(text, earliest, first)]
    if earliest == low:
        start = low
    elif starts:
        start = starts[0]
    else:
        space = _SPACES.search(text, max(earliest, first - length // 4), first)
        start = space.end() if space else first
    return start, _word_end(text, max(start, reach), min(high, start + length), high)


def _word_end(text: str, low: int, end: int, high: int) -> int:
    """The last place up to `end`, not before `low`, where no word is cut."""
    if end >= high:
        return high
    spaces = [match.start() for match in _SPACES.finditer(text, low, end + 1)]
    return spaces[-1] if spaces and spaces[-1] > low else end


def detect(text: str) -> str | None:
    """The official language that a text is written in, by script, then (Latin) by its words; None when unsure."""
    sample = text[:QUERY_CHARACTERS]
    counts = {
        "latin": len(_LATIN.findall(sample)),
        "ru": len(_CYRILLIC.findall(sample)),
        "ar": len(_ARABIC.findall(sample)),
        "zh": 3 * len(_HAN.findall(sample)),  # a sign says about as much as three letters
    }
    script = max(counts, key=lambda name: counts[name])
    if not counts[script] or (script == "zh" and _KANA_OR_HANGUL.search(sample)):
        return None
    return _detect_latin(sample) if script == "latin" else script


@cache
def _identifier():  # noqa: ANN202 - its class is imported here
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - 50 ms and 30 MB, for Latin script only

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(["en", "es", "fr"])
    return identifier


def _detect_latin(text: str) -> str | None:
    language, confidence = _identifier().classify(text.lower())
    return language if confidence >= 0.8 else None


def passages(body: str, language: str, max_chars: int) -> list[tuple[int, int]]:
    """Ranges `[start, end)` that cover `body` in order, each at most `max_chars` long, cut at sentences where possible.

    Chinese counts three for one: an encoder reads about as much in a sign as in three letters. At least one range.
    """
    room = max(1, max_chars // 3 if language == "zh" else max_chars)
    ranges: list[tuple[int, int]] = []
    start = 0
    while len(body) - start > room:
        limit = start + room
        ends = [match.end() for match in _SENTENCE_END.finditer(body, start, limit)]
        if not ends:
            ends = [match.end() for match in _SPACES.finditer(body, start, limit)]
        end = ends[-1] if ends else limit
        ranges.append((start, end))
        start = end
    if start < len(body) or not ranges:
        ranges.append((start, len(body)))
    return ranges
