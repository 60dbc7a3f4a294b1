import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts import credentials

ANYBODY = {"email": "anna@example.org", "name": "Office of Anna"}


@pytest.mark.parametrize(
    "password", ["several unrelated words", "x7#kQ9!mZ2@p", "十二个以上的字符组成的一句话", "пароль из слов"]
)
def test_a_long_phrase_in_any_script_is_a_good_password(password):
    assert credentials.password_problems(password, **ANYBODY) == []


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "at least 12"),
        ("short", "at least 12"),
        ("eleven char", "at least 12"),
        ("x" * 300, "at most 256"),
        ("anna@example.org", "e-mail"),
        ("ANNA@example.org", "e-mail"),
        ("my anna@example.org", "e-mail"),
        ("na@example.org", "e-mail"),
        ("OFFICE OF ANNA", "e-mail"),
        ("Password1234", "easy to guess"),
        ("aaaaaaaaaaaaaaaa", "easy to guess"),
        ("121212121212121", "easy to guess"),
    ],
)
def test_a_weak_password_is_refused_with_a_sentence(password, sentence):
    problems = credentials.password_problems(password, **ANYBODY)

    assert len(problems) == 1
    assert sentence in problems[0]


@given(st.text(min_size=0, max_size=300))
def test_any_text_can_be_hashed_and_only_it_matches(password):
    credentials.weaken_for_tests()
    hashed = credentials.hash_password(password)

    assert credentials.verify_password(hashed, password) is (len(password) <= credentials.LONGEST)
    assert not credentials.verify_password(hashed, password[:250] + "x")


def test_lone_surrogates_of_a_json_body_are_a_wrong_password_not_an_error():
    assert not credentials.verify_password(credentials.hash_password("several words"), "\ud800")


def test_the_same_letters_typed_composed_or_not_are_one_password():
    hashed = credentials.hash_password("crème brûlée pour tous")

    assert credentials.verify_password(hashed, "cre\u0300me bru\u0302le\u0301e pour tous")


def test_no_hash_and_a_broken_hash_match_nothing():
    assert not credentials.verify_password(None, "several unrelated words")
    assert not credentials.verify_password("not a hash", "several unrelated words")


def test_an_unknown_account_takes_about_as_long_as_a_wrong_password(monkeypatch):
    monkeypatch.setattr(credentials, "_hasher", credentials.PasswordHasher(time_cost=2, memory_cost=8192))
    hashed = credentials.hash_password("several unrelated words")
    credentials.verify_password(None, "warm up")

    def quickest(stored: str | None) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            credentials.verify_password(stored, "a wrong password")
            times.append(time.perf_counter() - start)
        return min(times)

    assert quickest(None) > quickest(hashed) / 3


def test_hashes_are_argon2id_and_salted(monkeypatch):
    monkeypatch.setattr(credentials, "_hasher", credentials._strong)

    first, second = (credentials.hash_password("several unrelated words") for _ in range(2))

    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert first != second
