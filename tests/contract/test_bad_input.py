"""Whatever is typed gets an answer in bounded time, on both engines."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.search.engine import SearchEngine
from hub.search.query import asked_words, parse
from hub.search.service import LONGEST_CORRECTED
from hub.search.text import detect, mark, spelled
from hub.search.types import LANGUAGES, Mode
from tests.contract.documents import doc, serve, vector

MOST_S = 2.0
MODES: tuple[Mode, ...] = ("hybrid", "keyword")
BODY = "The border is open to migrant workers. Мигранты и граница. 移民工人在边境。 العمال المهاجرون. 🙂 <b>50%</b> a-b NEAR"
PIECES = (
    "border",
    "the of and in to",
    "migrant workers remittances",
    "移民工人汇款",
    "العمال المهاجرين",
    "трудящиеся-мигранты",
    "🙂👩‍👩‍👧🏽",
    "?!…,.;:",
    "\u202e\u200f\u200b\ufeff",
    "NEAR(",
    '"',
    "“",
    "(((",
    ")",
    "*",
    "a* b* c* mi* wo*",
    "-",
    " AND ",
    " OR ",
    " NOT ",
    "title:",
    "country:PHL",
    "year:2019..",
    "'; DROP TABLE documents; --",
    "<script>alert(1)</script>",
    "{{7*7}} ${x} \\ \x00",
    "x" * 300,
)
WHOLE = {
    "ten thousand words": " ".join(f"word{at}" for at in range(10_000)),
    "ten thousand words of the field": "migrant workers remittances border visa " * 2_000,
    "ten thousand quotation marks": '"border" ' * 10_000,
    "ten thousand brackets": "(" * 10_000 + "border" + ")" * 10_000,
    "a flood of wildcards": "bo* " * 10_000,
    "a flood of short wildcards": " OR ".join(f"{one}{two}*" for one in "abcdefgh" for two in "aeiou"),
    "function words only": "the of and in to " * 2_000,
    "signs only": "?!…,.;: " * 10_000,
    "one long Chinese run": "移民工人汇款边境" * 5_000,
    "emoji": "🙂👩‍👩‍👧🏽" * 5_000,
    "marks of direction": "\u202e\u200f\u200bborder\u202c" * 5_000,
    "a field without an end": "title:" * 10_000,
    "negations": "-" * 10_000 + "border",
}


def answered(engine: SearchEngine, typed: str, language: str | None) -> float:
    """Seconds that the slowest of a search in either mode, suggesting and correcting takes. Raises what they raise."""
    if engine.status().generation is None:
        serve(engine, *(doc(f"d{at:02}", BODY, title=f"Border {at}", vectors=(vector(1, at),)) for at in range(20)))
        engine.retrieve(query=parse("remittances", "en").sought("hybrid"), limit=1)  # reads the glossary
    took: list[float] = []
    for mode in MODES:
        started = time.perf_counter()
        parsed = parse(typed, language or detect(typed))
        found = engine.retrieve(query=parsed.sought(mode), vector=vector(1, 1), limit=10, facets=["country"])
        mark(BODY, asked_words(parsed.sought(mode)), "en")
        took.append(time.perf_counter() - started)
        assert len(found.keyword) == min(found.total, 10)
    started = time.perf_counter()
    engine.suggest(typed, 5)
    took.append(time.perf_counter() - started)
    started = time.perf_counter()
    engine.correct([token.term for token in spelled(typed[:LONGEST_CORRECTED])], language)
    took.append(time.perf_counter() - started)
    return max(took)


def bounded(engine: SearchEngine, typed: str, language: str | None) -> bool:
    """A second try is for a machine that is busy with something else."""
    return any(answered(engine, typed, language) < MOST_S for _ in range(2))


@pytest.mark.parametrize("typed", WHOLE.values(), ids=WHOLE.keys())
def test_what_is_far_too_much_is_answered_in_bounded_time(engine: SearchEngine, typed: str) -> None:
    for language in ("en", None):
        assert bounded(engine, typed, language)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=40),
    between=st.sampled_from([" ", "", "\n"]),
    times=st.sampled_from([1, 1, 50]),
    language=st.sampled_from([*LANGUAGES, None]),
)
def test_any_mixture_is_answered_in_bounded_time(
    engine: SearchEngine, pieces: list[str], between: str, times: int, language: str | None
) -> None:
    assert bounded(engine, between.join(pieces * times), language)
