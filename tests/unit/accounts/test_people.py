"""Verbs of people and memberships, on a real database. `TTL` is how long a link works, in seconds."""

import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from hub.accounts import credentials, people, tokens
from hub.accounts.models import (
    ADMINISTRATOR,
    EXPERT,
    FOCAL_POINT,
    ROLES,
    SECRETARIAT,
    ApiToken,
    Membership,
    Person,
    SignInLink,
)
from hub.accounts.policy import can_manage_members
from hub.database import now
from hub.errors import Forbidden, Gone, IllegalTransition, Invalid, NotFound, StaleVersion, Unauthenticated
from hub.events import Event
from tests import factories

TTL = 3600
PASSWORD = "several unrelated words"


def invite(session, by, email="new@example.org", *, entity="PRT", role=FOCAL_POINT, **more):
    return people.invite(session, by, email=email, name="New colleague", entity_id=entity, role=role, ttl_s=TTL, **more)


def focal_point(session, code="PRT", **more):
    return factories.member(session, FOCAL_POINT, factories.state(session, code), **more)


def expert(session, code="iom", **more):
    return factories.member(session, EXPERT, factories.agency(session, code), **more)


def actions(session, subject_id):
    return session.scalars(select(Event.action).where(Event.subject_id == subject_id).order_by(Event.id)).all()


# Inviting


def test_a_states_first_focal_point_acts_only_once_the_secretariat_has_confirmed(session):
    factories.state(session)
    secretariat = factories.secretariat(session)

    membership, token = invite(session, secretariat)
    people.use_link(session, token, PASSWORD)

    assert not membership.active
    with pytest.raises(Forbidden, match="not confirmed"):
        people.enter(session, membership.person)
    people.confirm(session, secretariat, membership.id)
    assert people.enter(session, membership.person) is membership


def test_a_confirmed_focal_point_invites_colleagues_who_can_act_at_once(session):
    by = focal_point(session)

    membership, token = invite(session, by)

    assert membership.active
    assert membership.confirmed_by == by.person_id
    assert token


def test_the_secretariat_can_confirm_while_inviting(session):
    factories.state(session)

    membership, _ = invite(session, factories.secretariat(session), confirm=True)

    assert membership.active


def test_an_expert_invited_by_the_secretariat_can_act_at_once(session):
    factories.agency(session, "iom")

    membership, _ = invite(session, factories.secretariat(session), entity="iom", role=EXPERT)

    assert membership.active


@pytest.mark.parametrize(
    ("role", "entity", "invited_role"),
    [
        (FOCAL_POINT, "GHA", FOCAL_POINT),
        (FOCAL_POINT, "iom", EXPERT),
        (FOCAL_POINT, "secretariat", SECRETARIAT),
        (EXPERT, "iom", EXPERT),
        (SECRETARIAT, "secretariat", SECRETARIAT),
        (SECRETARIAT, "secretariat", ADMINISTRATOR),
    ],
)
def test_nobody_invites_beyond_their_own_teams(session, role, entity, invited_role):
    factories.state(session, "GHA")
    factories.agency(session, "iom")
    factories.secretariat_office(session)
    home = {FOCAL_POINT: factories.state(session), EXPERT: factories.agency(session, "iom"), SECRETARIAT: None}[role]

    with pytest.raises(Forbidden):
        invite(session, factories.member(session, role, home), entity=entity, role=invited_role)


def test_an_unconfirmed_focal_point_invites_nobody(session):
    with pytest.raises(Forbidden):
        invite(session, focal_point(session, confirmed=False))


def test_a_role_is_held_for_its_own_kind_of_entity_only(session):
    factories.agency(session, "iom")
    administrator = factories.member(session, ADMINISTRATOR)

    with pytest.raises(Invalid) as refused:
        invite(session, administrator, entity="iom", role=FOCAL_POINT)

    assert "entity_id" in refused.value.errors


def test_an_invitation_gives_no_link_into_the_account_of_somebody_with_other_memberships(session):
    """Else the focal point of one State could set the password of an administrator."""
    administrator = factories.member(session, ADMINISTRATOR, email="admin@example.org")

    membership, token = invite(session, focal_point(session), "Admin@Example.org")

    assert membership.person is administrator.person
    assert token is None
    assert session.scalar(select(func.count()).select_from(SignInLink)) == 0


def test_the_same_person_is_not_invited_twice_into_one_team(session):
    by = focal_point(session)
    invite(session, by)

    with pytest.raises(Invalid) as refused:
        invite(session, by)

    assert "email" in refused.value.errors


def test_a_person_whose_membership_ended_can_be_invited_again(session):
    by = focal_point(session)
    first, _ = invite(session, by)
    people.end_membership(session, by, first.id)

    again, token = invite(session, by)

    assert again.id != first.id
    assert again.person_id == first.person_id
    assert token


def test_a_disabled_account_is_not_invited(session):
    by = focal_point(session)
    expert(session, email="gone@example.org", disabled_at=now())

    with pytest.raises(Invalid):
        invite(session, by, "gone@example.org")


@pytest.mark.both_databases
def test_two_simultaneous_invitations_of_one_address_make_one_person_and_one_membership(database, session):
    by = focal_point(session)
    session.commit()
    outcomes = _at_once(database, lambda own: invite(own, own.get_one(Membership, by.id)))

    assert sorted(outcome is None for outcome in outcomes) == [False, True]
    assert all(outcome is None or isinstance(outcome, Invalid) for outcome in outcomes)
    assert session.scalar(select(func.count()).select_from(Person).where(Person.email == "new@example.org")) == 1
    assert session.scalar(select(func.count()).select_from(Membership)) == 2


@pytest.mark.parametrize("name", ["", " \n ", "a\x00b", "Anna\u202egnp.exe", "x" * 201, "\ud800"])
def test_a_name_that_hides_something_is_refused_by_field(name):
    with pytest.raises(Invalid) as refused:
        people.normal_name(name)

    assert list(refused.value.errors) == ["name"]


HOSTILE_EMAILS = [
    "",
    " ",
    "nobody",
    "a@b",
    "a b@example.org",
    "a@example.org\nBcc: b@example.org",
    "a\x00@example.org",
    "a\u202e@example.org",
    '"a b"@example.org',
    "a@example.org, b@example.org",
    "a" * 250 + "@example.org",
    "ä@example.org",
    "\ud800@example.org",
]


@pytest.mark.parametrize("email", HOSTILE_EMAILS)
def test_what_is_no_plain_address_is_refused_by_field(email):
    with pytest.raises(Invalid) as refused:
        people.normal_email(email)

    assert list(refused.value.errors) == ["email"]


def test_an_address_is_kept_in_lower_case():
    assert people.normal_email("  Anna.B@Example.ORG ") == "anna.b@example.org"


@given(st.text(max_size=300))
def test_any_text_is_a_name_of_one_printable_line_or_refused(text):
    try:
        name = people.normal_name(text)
    except Invalid:
        return
    assert 1 <= len(name) <= people.LONGEST_NAME
    assert len(name.splitlines()) == 1
    assert "\x00" not in name
    name.encode()


@given(st.text(max_size=300))
def test_any_text_is_an_ascii_address_in_lower_case_or_refused(text):
    try:
        email = people.normal_email(text)
    except Invalid:
        return
    assert email.isascii()
    assert email == email.lower()
    assert email.count("@") == 1


# Confirming and ending


def test_nobody_confirms_their_own_membership(session):
    secretariat = factories.secretariat(session)
    own, _ = invite(session, secretariat, secretariat.person.email, entity=factories.state(session).id)

    with pytest.raises(Forbidden):
        people.confirm(session, secretariat, own.id)


def test_a_membership_of_another_team_is_as_unknown_as_no_membership(session):
    by = focal_point(session)
    other = focal_point(session, "GHA", confirmed=False)

    for verb in (people.confirm, people.end_membership):
        for membership_id in (other.id, "no such id", "\ud800"):
            with pytest.raises(NotFound):
                verb(session, by, membership_id)


def test_confirming_twice_is_said_to_be_late(session):
    secretariat = factories.secretariat(session)
    pending = focal_point(session, confirmed=False)
    people.confirm(session, secretariat, pending.id)

    with pytest.raises(IllegalTransition):
        people.confirm(session, secretariat, pending.id)


def test_ending_a_membership_ends_its_tokens_and_links_at_once(session):
    secretariat = factories.secretariat(session)
    leaving = focal_point(session)
    _, plain = tokens.create(session, leaving, "export")
    link = people.issue_link(session, leaving.person, "invite", TTL)

    people.end_membership(session, secretariat, leaving.id)

    assert tokens.find(session, plain, demo_allowed=True) is None
    assert session.scalars(select(ApiToken.revoked_at)).one() is not None
    with pytest.raises(Gone):
        people.find_link(session, link)
    with pytest.raises(Forbidden, match="ended"):
        people.enter(session, leaving.person)


def test_ending_one_of_two_memberships_leaves_the_other(session):
    secretariat = factories.secretariat(session)
    staying = expert(session)
    leaving = Membership(person=staying.person, entity=factories.state(session), role=FOCAL_POINT, confirmed_at=now())
    session.add(leaving)
    _, plain = tokens.create(session, staying, "export")

    people.end_membership(session, secretariat, leaving.id)

    assert people.enter(session, staying.person) is staying
    assert tokens.find(session, plain, demo_allowed=True) is not None


def test_an_expert_may_leave_but_not_end_a_colleague(session):
    leaving, colleague = expert(session), expert(session)
    session.commit()

    with pytest.raises(NotFound):
        people.end_membership(session, leaving, colleague.id)
    assert people.end_membership(session, leaving, leaving.id).until is not None


def test_an_ended_membership_stays_as_history_and_ends_once(session):
    secretariat = factories.secretariat(session)
    leaving = focal_point(session)
    people.end_membership(session, secretariat, leaving.id)

    with pytest.raises(IllegalTransition):
        people.end_membership(session, secretariat, leaving.id)

    assert actions(session, leaving.id) == ["ended"]


@pytest.mark.parametrize("role", ROLES)
def test_the_list_of_members_and_the_rule_of_access_agree(session, role):
    home = {FOCAL_POINT: factories.state(session), EXPERT: factories.agency(session)}
    everyone = [factories.member(session, each, home.get(each)) for each in ROLES]
    everyone += [focal_point(session, "GHA"), focal_point(session, confirmed=False), expert(session, "ilo")]
    by = everyone[ROLES.index(role)]

    try:
        listed = people.manageable(session, by)
    except Forbidden:
        listed = []

    assert set(listed) == {each for each in everyone if can_manage_members(by, each.entity_id, each.role)}


# Links


def test_a_link_sets_a_password_once(session):
    person = focal_point(session).person
    token = people.issue_link(session, person, "invite", TTL)

    assert people.find_link(session, token).person is person
    people.use_link(session, token, PASSWORD)

    assert people.authenticate(session, person.email, PASSWORD, demo_allowed=False) is person
    with pytest.raises(Gone):
        people.use_link(session, token, "another set of words")
    assert people.authenticate(session, person.email, PASSWORD, demo_allowed=False) is person


def test_a_refused_password_leaves_the_link_usable(session):
    person = focal_point(session).person
    token = people.issue_link(session, person, "invite", TTL)

    with pytest.raises(Invalid):
        people.use_link(session, token, "short")

    assert people.use_link(session, token, PASSWORD) is person


def test_an_expired_link_is_gone(session):
    person = focal_point(session).person
    token = people.issue_link(session, person, "reset", TTL)
    session.scalars(select(SignInLink)).one().expires_at = now() - timedelta(seconds=1)
    session.commit()

    with pytest.raises(Gone):
        people.use_link(session, token, PASSWORD)


@pytest.mark.parametrize("token", ["", "x", "\ud800", "a" * 10_000])
def test_a_token_that_nobody_issued_is_gone(session, token):
    with pytest.raises(Gone):
        people.find_link(session, token)


def test_a_new_link_replaces_the_earlier_one_of_the_same_purpose(session):
    person = focal_point(session).person
    first = people.issue_link(session, person, "reset", TTL)
    second = people.issue_link(session, person, "reset", TTL)

    with pytest.raises(Gone):
        people.find_link(session, first)
    assert people.find_link(session, second).person is person


def test_using_a_link_ends_the_other_links_and_the_sessions_of_the_person(session):
    person = focal_point(session).person
    key = person.session_key
    other = people.issue_link(session, person, "reset", TTL)

    people.use_link(session, people.issue_link(session, person, "invite", TTL), PASSWORD)

    assert person.session_key != key
    with pytest.raises(Gone):
        people.find_link(session, other)


@pytest.mark.both_databases
def test_two_simultaneous_uses_of_one_link_set_one_password(database, session):
    person = focal_point(session).person
    token = people.issue_link(session, person, "invite", TTL)
    passwords = iter(["words of the first one", "words of the second one"])

    outcomes = _at_once(database, lambda own: people.use_link(own, token, next(passwords)))

    assert sorted(outcome is None for outcome in outcomes) == [False, True]
    assert all(outcome is None or isinstance(outcome, Gone) for outcome in outcomes)


def _at_once(database, act):
    """Run `act(session)` in two threads that start together; for each, None or what it raised."""
    barrier = threading.Barrier(2)
    outcomes = []

    def run():
        with database.session() as own:
            barrier.wait()
            try:
                act(own)
            except Exception as error:  # noqa: BLE001 - the test judges it
                outcomes.append(error)
            else:
                outcomes.append(None)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(outcomes) == 2
    return outcomes


def test_a_focal_point_hands_a_first_link_but_no_reset_to_a_colleague(session):
    by = focal_point(session)
    colleague, _ = invite(session, by)

    assert people.hand_link(session, by, colleague.person_id, TTL)[1]
    people.set_password(session, colleague.person, PASSWORD)
    with pytest.raises(Forbidden):
        people.hand_link(session, by, colleague.person_id, TTL)
    assert people.hand_link(session, factories.secretariat(session), colleague.person_id, TTL)[1]


def test_the_secretariat_hands_no_link_to_an_administrator_who_is_also_an_expert(session):
    secretariat = factories.secretariat(session)
    both = expert(session)
    session.add(
        Membership(
            person=both.person, entity=factories.secretariat_office(session), role=ADMINISTRATOR, confirmed_at=now()
        )
    )
    session.flush()

    with pytest.raises(NotFound):
        people.hand_link(session, secretariat, both.person_id, TTL)


# Signing in


def test_every_refusal_to_sign_in_has_the_same_words(session):
    known = focal_point(session, email="known@example.org")
    disabled = focal_point(session, email="disabled@example.org")
    demo = focal_point(session, email="demo@demo.invalid", is_demo=True)
    focal_point(session, email="invited@example.org")
    for membership in (known, disabled, demo):
        people.set_password(session, membership.person, PASSWORD)
    people.disable(session, factories.secretariat(session), disabled.person_id)

    said = set()
    for email, password in [
        ("known@example.org", "a wrong password"),
        ("known@example.org", ""),
        ("known@example.org", PASSWORD + "x" * 500),
        ("unknown@example.org", PASSWORD),
        ("disabled@example.org", PASSWORD),
        ("demo@demo.invalid", PASSWORD),
        ("invited@example.org", PASSWORD),
        ("no address\x00", PASSWORD),
        ("\ud800", "\ud800"),
    ]:
        with pytest.raises(Unauthenticated) as refused:
            people.authenticate(session, email, password, demo_allowed=False)
        said.add(str(refused.value))

    assert said == {people.WRONG}


def test_demo_people_sign_in_where_the_hub_is_a_demonstration(session):
    demo = focal_point(session, email="demo@demo.invalid", is_demo=True).person
    people.set_password(session, demo, PASSWORD)

    assert people.authenticate(session, "Demo@demo.invalid", PASSWORD, demo_allowed=True) is demo


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(session):
    person = focal_point(session).person
    person.password_hash = credentials.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    old = person.password_hash

    people.authenticate(session, person.email, PASSWORD, demo_allowed=False)

    assert person.password_hash != old
    assert people.authenticate(session, person.email, PASSWORD, demo_allowed=False) is person


def test_signing_in_continues_in_the_membership_used_last(session):
    first = expert(session)
    second = Membership(person=first.person, entity=factories.state(session), role=FOCAL_POINT, confirmed_at=now())
    session.add(second)
    session.commit()

    assert people.enter(session, first.person) is first
    people.switch(session, first, second.id)
    assert people.enter(session, first.person) is second


def test_nobody_switches_into_a_membership_that_is_not_theirs_or_not_active(session):
    mine, other = expert(session), expert(session)
    pending = Membership(person=mine.person, entity=factories.state(session), role=FOCAL_POINT)
    session.add(pending)
    session.commit()

    for target in (other.id, pending.id, "nothing"):
        with pytest.raises(NotFound):
            people.switch(session, mine, target)


def test_a_password_is_changed_by_who_knows_the_present_one(session):
    by = expert(session)
    people.set_password(session, by.person, PASSWORD)
    key = by.person.session_key

    with pytest.raises(Invalid) as refused:
        people.change_password(session, by, current="a wrong guess here", password="other unrelated words")
    assert list(refused.value.errors) == ["current"]
    people.change_password(session, by, current=PASSWORD, password="other unrelated words")

    assert by.person.session_key != key
    assert people.authenticate(session, by.person.email, "other unrelated words", demo_allowed=False)


# The account


def test_a_disabled_person_cannot_come_back_by_session_link_or_token(session):
    secretariat = factories.secretariat(session)
    by = expert(session)
    people.set_password(session, by.person, PASSWORD)
    _, plain = tokens.create(session, by, "export")
    link = people.issue_link(session, by.person, "reset", TTL)
    key = by.person.session_key

    people.disable(session, secretariat, by.person_id)

    assert by.person.session_key != key
    assert tokens.find(session, plain, demo_allowed=True) is None
    with pytest.raises(Gone):
        people.find_link(session, link)
    with pytest.raises(Unauthenticated):
        people.authenticate(session, by.person.email, PASSWORD, demo_allowed=True)


def test_a_focal_point_disables_nobody_and_nobody_disables_themselves(session):
    by = focal_point(session)
    colleague = focal_point(session)
    administrator = factories.member(session, ADMINISTRATOR)

    with pytest.raises(Forbidden):
        people.disable(session, by, colleague.person_id)
    with pytest.raises(Forbidden):
        people.disable(session, administrator, administrator.person_id)


def test_own_data_is_not_written_over_a_change_that_was_not_seen(session):
    by = expert(session)
    session.commit()
    seen = by.person.version

    people.update_person(session, by, name="Migration desk", language="fr", version=seen)

    assert (by.person.name, by.person.language, by.person.version) == ("Migration desk", "fr", seen + 1)
    with pytest.raises(StaleVersion):
        people.update_person(session, by, name="Other desk", language="en", version=seen)


def test_events_hold_ids_and_codes_for_the_secretariat_and_no_secret(session):
    by = focal_point(session)
    membership, token = invite(session, by, "somebody@example.org")
    people.use_link(session, token, PASSWORD)
    _, plain = tokens.create(session, membership, "export")

    events = session.scalars(select(Event)).all()
    written = " ".join(str({**vars(event)}) for event in events)

    assert {event.audience for event in events} == {"secretariat"}
    assert {event.action for event in events} == {"invited", "link_issued", "password_set", "token_created"}
    for secret in (token, plain, PASSWORD, "somebody@example.org", "New colleague"):
        assert secret not in written


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(email=st.text(max_size=40), password=st.text(max_size=40))
def test_no_text_makes_signing_in_fail_otherwise_than_by_refusing(session, email, password):
    with pytest.raises(Unauthenticated):
        people.authenticate(session, email, password, demo_allowed=True)
