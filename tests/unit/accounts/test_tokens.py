from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.accounts import tokens
from hub.accounts.models import EXPERT, ApiToken
from hub.database import now
from hub.errors import Forbidden, Invalid, NotFound
from tests import factories


def expert(session, **more):
    return factories.member(session, EXPERT, factories.agency(session), **more)


def test_a_token_is_found_by_its_text_and_kept_as_a_hash_only(session):
    by = expert(session)

    token, plain = tokens.create(session, by, "nightly export")

    assert plain.startswith("hub_")
    assert tokens.find(session, plain, demo_allowed=False) is token
    assert token.hint == plain[-4:]
    assert plain not in str(vars(session.scalars(select(ApiToken)).one()))


@pytest.mark.parametrize("plain", ["", "hub_", "hub_wrong", "\ud800", "x" * 10_000])
def test_any_other_text_finds_nothing(session, plain):
    tokens.create(session, expert(session), "export")

    assert tokens.find(session, plain, demo_allowed=True) is None


def test_a_revoked_token_is_found_no_more_and_revoked_once(session):
    by = expert(session)
    token, plain = tokens.create(session, by, "export")

    tokens.revoke(session, by, token.id)

    assert tokens.find(session, plain, demo_allowed=True) is None
    assert tokens.listing(session, by) == []
    with pytest.raises(NotFound):
        tokens.revoke(session, by, token.id)


def test_nobody_revokes_the_token_of_another(session):
    token, plain = tokens.create(session, expert(session), "export")

    with pytest.raises(NotFound):
        tokens.revoke(session, expert(session), token.id)

    assert tokens.find(session, plain, demo_allowed=True) is not None


def test_a_name_is_used_once(session):
    by = expert(session)
    tokens.create(session, by, "export")

    with pytest.raises(Invalid) as refused:
        tokens.create(session, by, " export ")

    assert "name" in refused.value.errors
    assert len(tokens.listing(session, by)) == 1


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "x" * 101])
def test_a_name_is_one_short_printable_line(session, name):
    by = expert(session)

    with pytest.raises(Invalid):
        tokens.create(session, by, name)


def test_an_unconfirmed_membership_has_no_tokens(session):
    by = expert(session, confirmed=False)

    with pytest.raises(Forbidden):
        tokens.create(session, by, "export")


def test_the_token_of_a_demo_person_works_in_a_demonstration_only(session):
    _, plain = tokens.create(session, expert(session, is_demo=True), "export")

    assert tokens.find(session, plain, demo_allowed=False) is None
    assert tokens.find(session, plain, demo_allowed=True) is not None


def test_the_last_use_is_written_at_most_once_a_minute(session):
    token, plain = tokens.create(session, expert(session), "export")

    tokens.find(session, plain, demo_allowed=False)
    first = token.last_used_at
    tokens.find(session, plain, demo_allowed=False)
    assert token.last_used_at == first

    token.last_used_at = now() - timedelta(seconds=61)
    session.commit()
    tokens.find(session, plain, demo_allowed=False)
    assert now() - token.last_used_at < timedelta(seconds=10)
