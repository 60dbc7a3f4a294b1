import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.search import ranking
from hub.search.types import EngineHit, LanguageProfile, Retrieved, Vector

QUERY = np.array([1.0, 0.0], dtype=np.float32)


def hit(identifier, score, *, language="en", matched=True):
    return EngineHit(id=identifier, work=identifier, score=score, language=language, matched=matched)


def retrieved(keyword=(), nearest=(), languages=None):
    return Retrieved(tuple(keyword), tuple(nearest), len(tuple(keyword)), {}, languages or {})


def order(ranked):
    return [one.id for one in ranked]


def test_without_a_vector_the_keyword_order_and_scores_stand():
    ranked = ranking.fuse(retrieved([hit("a", 3.0), hit("b", 2.0)]), query=None, words=(("x",),), language="en")
    assert [(one.id, one.score, one.keyword, one.meaning) for one in ranked] == [
        ("a", 3.0, 3.0, 0.0),
        ("b", 2.0, 2.0, 0.0),
    ]


def test_without_a_word_in_common_meaning_alone_ranks():
    nearest = [hit("a", 0.9, matched=False), hit("b", 0.8, matched=False)]
    assert order(ranking.fuse(retrieved([], nearest), query=QUERY, words=(("x",),), language="en")) == ["a", "b"]


def test_what_both_sides_find_outranks_what_one_finds():
    keyword = [hit("both", 3.0), hit("words", 2.9), hit("k", 1.0)]
    nearest = [hit("meaning", 0.9, matched=False), hit("both", 0.89), hit("n", 0.5, matched=False)]
    ranked = ranking.fuse(retrieved(keyword, nearest), query=QUERY, words=(("x",),) * 10, language="en")
    assert order(ranked)[0] == "both"


def test_the_more_words_the_less_weight_has_meaning():
    assert ranking.meaning_weight(1) == pytest.approx(ranking.MEANING_MOST)
    assert ranking.meaning_weight(12) == pytest.approx(0.4)
    assert ranking.meaning_weight(100) == pytest.approx(ranking.MEANING_LEAST)


def test_pairs_of_chinese_signs_count_as_half_a_word():
    assert ranking.word_count((("家",), ("政",), ("家政",), ("政工",))) == pytest.approx(1.0)


def test_another_language_without_a_shared_word_is_judged_by_meaning():
    keyword = [hit("en1", 5.0), hit("en2", 4.0), hit("en3", 0.5)]
    nearest = [hit("ar1", 0.95, language="ar", matched=False), hit("en1", 0.6), hit("en2", 0.5), hit("en3", 0.4)]
    ranked = ranking.fuse(retrieved(keyword, nearest), query=QUERY, words=(("x",),) * 8, language="en")
    assert order(ranked).index("ar1") < order(ranked).index("en3")


def test_what_a_language_has_in_common_with_the_query_is_taken_off():
    profiles = {
        "en": LanguageProfile(1000, np.array([0.9, 0.1], dtype=np.float32)),
        "ar": LanguageProfile(1000, np.array([0.7, 0.1], dtype=np.float32)),
    }
    nearest = [hit("en", 0.90), hit("ar", 0.85, language="ar")]
    shifted = ranking.shifted(nearest, QUERY, retrieved((), nearest, profiles))
    assert shifted["ar"] > shifted["en"]


def test_hits_of_one_language_keep_their_distances():
    nearest = [hit("a", 0.9), hit("b", 0.8)]
    profiles = {"en": LanguageProfile(10, QUERY), "ar": LanguageProfile(10, -QUERY)}
    shifted = ranking.shifted(nearest, QUERY, retrieved((), nearest, profiles))
    assert shifted["a"] - shifted["b"] == pytest.approx(0.1)


def test_an_index_of_one_language_is_not_shifted():
    nearest = [hit("a", 0.9), hit("b", 0.8)]
    profiles = {"en": LanguageProfile(10, QUERY)}
    assert ranking.shifted(nearest, QUERY, retrieved((), nearest, profiles)) == {"a": 0.9, "b": 0.8}


@pytest.mark.parametrize(
    ("model", "cosine", "language", "covered", "weak"),
    [
        ("multilingual-e5-small-q4@1", 0.82, "en", 0.0, True),
        ("multilingual-e5-small-q4@1", 0.84, "en", 0.0, False),
        ("multilingual-e5-small-q4@1", 0.82, "en", 0.5, False),
        ("another encoder", 0.1, "en", 0.0, False),
        ("multilingual-e5-small-q4@1", 0.1, "sw", 0.0, False),
        ("multilingual-e5-small-q4@1", 0.1, None, 0.0, False),
    ],
)
def test_a_question_is_weak_if_the_nearest_is_far_and_its_words_are_not_of_the_field(
    model, cosine, language, covered, weak
):
    answer = retrieved((), [hit("a", 0.0), hit("b", cosine), hit("c", cosine - 0.05)], {"en": LanguageProfile(50, QUERY)})  # fmt: skip
    assert ranking.is_weak(answer, Vector(model, QUERY), language, covered) is weak


def test_in_an_index_of_several_languages_the_best_move_a_question_further():
    other = np.eye(len(QUERY), dtype=np.float32)[1]
    centre = np.zeros_like(QUERY)
    one = {"en": LanguageProfile(50, centre)}
    several = one | {"fr": LanguageProfile(50, centre)}
    alone, across = (ranking.feedback(QUERY, [("en", other)], profiles, 3.0) for profiles in (one, several))
    assert across @ other > alone @ other > QUERY @ other


def test_a_question_without_any_hit_is_not_called_weak():
    answer = retrieved((), (), {"en": LanguageProfile(50, QUERY)})
    assert not ranking.is_weak(answer, Vector("multilingual-e5-small-q4@1", QUERY), "en")


def test_what_is_rare_in_a_small_language_does_not_outrank_by_words():
    english = [hit(f"e{at:02}", 40.0 - at, language="en") for at in range(40)]
    chinese = [hit(f"z{at:02}", 80.0 - at, language="zh") for at in range(40)]
    levelled = ranking.levelled([*english, *chinese])
    assert levelled["e00"] > levelled["z20"]
    assert levelled["z00"] > levelled["z01"]
    assert levelled["e00"] > levelled["e01"]


def test_words_of_one_language_are_left_as_they_are():
    assert ranking.levelled([hit("a", 3.0), hit("b", 1.0)]) == {"a": 3.0, "b": 1.0}


def test_a_translated_question_leaves_other_languages_to_their_words():
    near = hit("near", 0.9, language="fr", matched=False)
    worded = hit("worded", 0.5, language="en")
    answer = retrieved([hit("worded", 9.0, language="en"), hit("other", 1.0, language="en")], [near, worded])
    by_meaning, by_words = (
        {one.id: one for one in ranking.fuse(answer, query=QUERY, words=[("a",)], language="en", covered=covered)}
        for covered in (0.0, 1.0)
    )
    assert by_meaning["near"].score > by_words["near"].score
    assert by_meaning["worded"].score == by_words["worded"].score


def test_meaning_below_the_cut_is_not_listed():
    nearest = [hit("near", 0.9, matched=False), hit("far", 0.1, matched=False)]
    ranked = ranking.fuse(
        retrieved([hit("k", 1.0), hit("l", 0.5)], nearest), query=QUERY, words=(("x",),), language="en"
    )
    assert set(order(ranked)) == {"near", "k", "l"}


def test_what_holds_too_few_words_is_listed_for_a_rare_one_or_for_its_meaning_alone():
    compared = [hit("whole", 9.0), hit("rare", 8.0), *(hit(f"common{at}", 1.0) for at in range(6))]
    nearest = [hit("common0", 0.9, matched=False), hit("common1", 0.1, matched=False)]
    answer = retrieved([hit("whole", 9.0), hit("below", 0.5)], nearest)

    ranked = ranking.fuse(answer, query=QUERY, words=(("x",),) * 4, language="en", compared=compared)

    assert {one.id: one.hit.matched for one in ranked} == {
        "whole": True,
        "rare": False,
        "common0": False,
        "below": True,
    }
    assert order(ranked)[-1] == "below"


def test_the_rest_of_the_keyword_side_follows_the_pool_in_its_order():
    pool, count = ranking.POOL, ranking.POOL + 50
    keyword = [hit(f"k{number:03}", 300.0 - number) for number in range(count)]
    near = f"k{pool + 40:03}"
    ranked = ranking.fuse(retrieved(keyword, [hit(near, 0.9)]), query=QUERY, words=(("x",),), language="en")
    tail = [one.id for one in keyword[pool:] if one.id != near]
    assert order(ranked)[-len(tail) :] == tail
    assert len(ranked) == count


hits = st.lists(
    st.tuples(
        st.integers(0, 60), st.floats(0, 50, allow_nan=False), st.sampled_from(["en", "ar", "fr"]), st.booleans()
    ),
    max_size=40,
    unique_by=lambda each: each[0],
)


def test_a_work_found_in_two_languages_is_listed_once_in_the_version_with_the_words():
    keyword = [EngineHit(id="w-en", work="w", score=2.0, language="en"), hit("other", 1.0)]
    nearest = [EngineHit(id="w-ar", work="w", score=0.9, language="ar"), hit("other", 0.1)]
    ranked = ranking.fuse(retrieved(keyword, nearest), query=QUERY, words=(("x",),), language="en")
    assert order(ranked) == ["w-en", "other"]
    assert ranked[0].meaning > 0


@given(hits, hits, st.integers(0, 12), st.sampled_from([None, "en", "ar"]))
def test_any_two_lists_give_one_ranking_that_sums_and_is_in_order(keyword, nearest, words, language):
    left = sorted((hit(f"d{i:02}", s, language=lang) for i, s, lang, _ in keyword), key=lambda h: (-h.score, h.id))
    found = {one.id for one in left}
    right = sorted(
        (hit(f"d{i:02}", s / 50, language=lang, matched=f"d{i:02}" in found) for i, s, lang, _ in nearest),
        key=lambda h: (-h.score, h.id),
    )
    arguments = {"query": QUERY, "words": (("x",),) * words, "language": language}
    ranked = ranking.fuse(retrieved(left, right), **arguments)
    assert ranked == ranking.fuse(retrieved(left, right), **arguments)
    assert len({one.id for one in ranked}) == len(ranked)
    assert all(one.score == pytest.approx(one.keyword + one.meaning) for one in ranked)
    assert [(-one.score, one.id) for one in ranked] == sorted((-one.score, one.id) for one in ranked)


def spread(*languages):
    """Profiles of twenty documents each along an axis of their own, which all share the first."""
    centroids = np.eye(4, dtype=np.float32)[: len(languages) + 1]
    return {
        language: LanguageProfile(20, centroids[0] + 0.3 * centroids[at]) for at, language in enumerate(languages, 1)
    }


@pytest.mark.parametrize(("words", "weight"), [(3, 0.25), (8, 0.25), (12, 0.375), (16, 0.5), (60, 0.5)])
def test_feedback_moves_a_query_towards_its_best_documents_less_their_language_and_a_long_one_further(words, weight):
    query = np.array([1, 0, 0, 0], dtype=np.float32)
    profiles = spread("en")
    topic = np.array([0, 0, 0, 1], dtype=np.float32)
    moved = ranking.feedback(query, [("en", profiles["en"].centroid + topic)] * 3, profiles, words)
    expected = np.array([1, 0, 0, weight])
    assert moved == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)


def test_what_a_query_has_of_its_language_is_halved():
    query = np.array([1, 0.4, 0, 0], dtype=np.float32)
    query /= np.linalg.norm(query)
    profiles = spread("en", "ar")
    apart = profiles["en"].centroid - profiles["ar"].centroid
    assert ranking.feedback(query, [], profiles, 5) @ apart == pytest.approx(0.5 * float(query @ apart), rel=0.05)


def test_a_language_of_few_documents_takes_nothing_off_a_query():
    query = np.array([1, 1, 0, 0], dtype=np.float32) / np.sqrt(2, dtype=np.float32)
    profiles = spread("en", "ar")
    profiles["zh"] = LanguageProfile(1, np.array([0, 0, 1, 0], dtype=np.float32))
    without = ranking.feedback(query, [], {name: profiles[name] for name in ("en", "ar")}, 5)
    assert ranking.feedback(query, [], profiles, 5) @ without > 0.99


def test_a_name_shared_across_languages_does_not_push_a_document_below_its_meaning():
    keyword = [hit("name", 1.0, language="ru")]
    nearest = [hit("name", 0.9, language="ru")] + [
        hit(f"ru{at}", 0.8 - at / 100, language="ru", matched=False) for at in range(20)
    ]
    ranked = ranking.fuse(retrieved(keyword, nearest), query=QUERY, words=(("x",),) * 8, language="es")
    assert order(ranked)[0] == "name"


def test_a_ranking_says_what_language_did_to_it():
    profiles = {
        "en": LanguageProfile(100, np.array([0.9, 0.1], dtype=np.float32)),
        "fr": LanguageProfile(50, np.array([0.4, 0.2], dtype=np.float32)),
    }
    nearest = [hit("a", 0.9, matched=False), hit("c", 0.85), hit("b", 0.8, language="fr", matched=False), hit("d", 0.5)]
    answer = retrieved([hit("c", 4.0), hit("e", 2.0)], nearest, profiles)
    by_id = {one.id: one for one in ranking.fuse(answer, query=QUERY, words=(("x",),), language="en")}
    plain = {
        one.id: one
        for one in ranking.fuse(retrieved(answer.keyword, nearest), query=QUERY, words=(("x",),), language="en")
    }
    assert by_id["a"].language_shift < 0 < by_id["b"].language_shift
    assert by_id["b"].language_boost > 0 == by_id["a"].language_boost
    assert {one.language_shift for one in plain.values()} == {0.0}
