"""Affinity of people's documents to a text, with an embedder whose cosines are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.matching.affinity import text_affinity
from hub.search.embedding import HashEmbedder
from hub.search.text import PASSAGE_CHARACTERS


class Dial:
    """A text that starts with a number lies at that cosine from every question."""

    model, dim = "dial", 2

    def documents(self, texts: Sequence[str]) -> Any:
        cosines = np.array([float(text.split()[0]) for text in texts], np.float32)
        return np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)

    def queries(self, texts: Sequence[str]) -> Any:
        return np.tile(np.array([1.0, 0.0], np.float32), (len(texts), 1))


def test_the_three_best_documents_count() -> None:
    found = text_affinity({"ana": ["0.1 a", "0.9 b", "0.6 c", "0.3 d"]}, "question", Dial())
    assert found == {"ana": pytest.approx(0.6, abs=1e-6)}


def test_fewer_documents_are_no_disadvantage() -> None:
    assert text_affinity({"ana": ["0.8 a"]}, "question", Dial()) == {"ana": pytest.approx(0.8, abs=1e-6)}


def test_who_has_written_nothing_scores_0_and_stands_in_the_result() -> None:
    assert text_affinity({"ben": [], "ana": ["0.5 a"], "eve": [" "]}, "question", Dial()) == {
        "ben": 0.0,
        "ana": 0.5,
        "eve": 0.0,
    }


def test_a_blank_text_is_near_nobody() -> None:
    assert text_affinity({"ana": ["0.5 a"]}, " \n", Dial()) == {"ana": 0.0}


def test_what_points_away_scores_0() -> None:
    assert text_affinity({"ana": ["-0.5 a"]}, "question", Dial()) == {"ana": 0.0}


def test_of_a_long_document_the_best_passage_counts() -> None:
    sentences = [f"{cosine} {'word ' * 18}end. " * 15 for cosine in ("0.1", "0.7", "0.4")]
    assert {len(each) for each in sentences} == {PASSAGE_CHARACTERS - 15}
    found = text_affinity({"ana": ["".join(sentences)]}, "question", Dial())
    assert found == {"ana": pytest.approx(0.7, abs=1e-6)}


texts = st.lists(st.text(alphabet="abcdé ñ中文.", max_size=30), max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=3), texts, max_size=4), st.text(max_size=30))
def test_scores_lie_between_0_and_1_whatever_the_order(profiles: dict[str, list[str]], text: str) -> None:
    found = text_affinity(profiles, text, HashEmbedder())
    assert list(found) == list(profiles)
    assert all(0 <= score <= 1 for score in found.values())
    turned = {name: profiles[name][::-1] for name in reversed(profiles)}
    assert text_affinity(turned, text, HashEmbedder()) == found
