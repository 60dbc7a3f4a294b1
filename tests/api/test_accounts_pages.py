"""Signing in and out, the account page, the members page and tokens, as a browser or a script meets them."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from hub import create_app
from hub.accounts import people, tokens
from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT, SECRETARIAT, ApiToken, Membership, Person
from hub.database import new_id, now
from hub.web.accounts import safe_next
from hub.wiring import Hub
from tests import factories, signing
from tests.signing import PASSWORD, post

SIGN_IN = "/en/sign-in"
ACCOUNT = "/en/account"
MEMBERS = "/en/members"
SCRIPTED = "/api/v1/requests"


def focal_point(session, code="PRT", **more):
    return factories.member(session, FOCAL_POINT, factories.state(session, code), **more)


def expert(session, code="iom", **more):
    return factories.member(session, EXPERT, factories.agency(session, code), **more)


def second_membership(session, person, code="GHA"):
    membership = Membership(person=person, entity=factories.state(session, code), role=FOCAL_POINT, confirmed_at=now())
    session.add(membership)
    session.commit()
    return membership


def client_of(hub, **settings):
    """A browser of an installation with other settings on the same database."""
    other = Hub(replace(hub.settings, **settings))
    other.__dict__["database"] = hub.database
    return create_app(hub=other).test_client()


def attempt(client, email, password, **more):
    return post(client, SIGN_IN, {"email": email, "password": password, **more}, page=SIGN_IN)


def is_signed_in(client):
    return client.get(ACCOUNT).status_code == 200


# Signing in and out


def test_a_focal_point_signs_in_and_sees_the_own_account(client, session):
    signing.sign_in(client, focal_point(session, name="Office of migration"))

    page = client.get(ACCOUNT)
    assert page.status_code == 200
    assert "Office of migration" in page.get_data(as_text=True)


def test_unknown_wrong_and_disabled_get_the_same_answer(client, session):
    known = focal_point(session, email="known@example.org")
    disabled = focal_point(session, email="disabled@example.org", disabled_at=now())
    for membership in (known, disabled):
        signing.give_password(membership.person)

    answers = set()
    for email, password in [
        ("known@example.org", "a wrong password"),
        ("unknown@example.org", PASSWORD),
        ("disabled@example.org", PASSWORD),
    ]:
        response = attempt(client, email, password)
        text = re.sub(r'name="csrf_token" value="[^"]+"', "", response.get_data(as_text=True))
        answers.add((response.status_code, text.replace(email, "")))

    assert len(answers) == 1
    assert people.WRONG in answers.pop()[1]
    assert not is_signed_in(client)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "form",
    [
        {},
        {"email": "a\x00@example.org", "password": "\x00"},
        {"email": "x" * 5000, "password": PASSWORD},
        {"email": "a@example.org", "password": "x" * 100_000},
        {"email": "a@example.org", "password": PASSWORD, "admin": "1"},
        {"email": "' OR 1=1 --", "password": "<script>alert(1)</script>"},
        {"email": b"\xff\xfe@example.org", "password": b"\xc3\x28"},
    ],
)
def test_hostile_sign_in_forms_get_the_form_again_with_a_sentence(client, form):
    response = post(client, SIGN_IN, form, page=SIGN_IN)

    assert response.status_code in {401, 422}
    assert "<script>alert" not in response.get_data(as_text=True)


def test_an_unconfirmed_focal_point_is_told_to_wait(client, session):
    membership = focal_point(session, confirmed=False)
    signing.give_password(membership.person)

    response = attempt(client, membership.person.email, PASSWORD)

    assert response.status_code == 403
    assert "not confirmed your membership yet" in response.get_data(as_text=True)
    assert not is_signed_in(client)


def test_signing_out_ends_the_session_even_for_a_copy_of_its_cookie(client, app, session):
    signing.sign_in(client, expert(session))
    copy = app.test_client()
    copy.set_cookie("session", client.get_cookie("session").value)
    assert is_signed_in(copy)

    signing.sign_out(client)

    assert not is_signed_in(client)
    assert not is_signed_in(copy)


def test_the_session_is_new_at_sign_in(client, session):
    with client.session_transaction() as planted:
        planted["csrf_token"] = "known to somebody else"
        planted["planted"] = True

    signing.sign_in(client, expert(session))

    with client.session_transaction() as own:
        assert "planted" not in own
        assert own.get("csrf_token") != "known to somebody else"


def test_a_forged_or_old_cookie_is_a_visitors(client, app, session):
    membership = expert(session)
    session.commit()
    client.set_cookie("session", "eyJfdXNlcl9pZCI6IjEifQ.forged.cookie")
    assert not is_signed_in(client)

    other = app.test_client()
    with other.session_transaction() as own:
        own["_user_id"] = f"{membership.id}:{new_id()}"
    assert not is_signed_in(other)


def test_the_cookie_is_kept_from_scripts_and_other_sites(client, session):
    membership = expert(session)
    signing.give_password(membership.person)

    response = attempt(client, membership.person.email, PASSWORD)

    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires=" in cookie


def test_demo_people_are_refused_where_the_hub_is_no_demonstration(hub, client, session):
    demo = expert(session, is_demo=True)
    signing.sign_in(client, demo)
    headers = signing.bearer(demo)
    real = client_of(hub, demo=False)

    assert attempt(real, demo.person.email, PASSWORD).status_code == 401
    real.set_cookie("session", client.get_cookie("session").value)
    assert not is_signed_in(real)
    assert real.get(SCRIPTED, headers=headers).status_code == 401
    assert client.get(SCRIPTED, headers=headers).status_code == 200


def test_too_many_attempts_have_to_wait(hub):
    client = client_of(hub, sign_in_limit="3 per minute")
    for _ in range(3):
        assert attempt(client, "a@example.org", "wrong").status_code == 401

    response = attempt(client, "a@example.org", "wrong")

    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 61


def test_attempts_on_one_account_are_counted_over_all_addresses(hub):
    client = client_of(hub, sign_in_limit="3 per minute")
    for number in range(3):
        attempt_from = {"REMOTE_ADDR": f"192.0.2.{number}"}
        data = {"email": "A@example.org ", "password": "wrong", "csrf_token": signing.csrf_token(client, SIGN_IN)}
        assert client.post(SIGN_IN, data=data, environ_base=attempt_from).status_code == 401

    assert attempt(client, "a@example.org", "wrong").status_code == 429
    assert attempt(client, "b@example.org", "wrong").status_code == 401


# Where to go next


@pytest.mark.parametrize("target", ["/en/account", "/ar/search?q=a%20b&lang=ar", "/zh/", "/en/search?q=عمال"])
def test_a_path_of_this_site_is_gone_back_to(target):
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\x00/en",
        " /en",
        "javascript:alert(1)",
        "en/account",
        "http:/en",
        "/en\r\nSet-Cookie: a=b",
    ],
)
def test_an_address_elsewhere_is_never_gone_to(target):
    assert safe_next(target) is None


def test_signing_in_never_leads_to_another_site(client, session):
    membership = expert(session)
    signing.give_password(membership.person)
    for target in ("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"):
        form = {"email": membership.person.email, "password": PASSWORD, "next": target}

        response = post(client, SIGN_IN, form, page="/en/account" if is_signed_in(client) else SIGN_IN)

        assert response.status_code == 303
        assert response.location.startswith("/en/"), target
        asked = client.get(SIGN_IN, query_string={"next": target})
        assert asked.location.startswith("/en/"), target


def test_a_visitor_signs_in_and_arrives_where_they_wanted_to_go(client, session):
    membership = focal_point(session)
    signing.give_password(membership.person)

    sent = client.get("/en/account?from=mail")
    assert sent.status_code == 303
    page = client.get(sent.location).get_data(as_text=True)
    target = re.search(r'name="next" value="([^"]*)"', page).group(1)

    assert attempt(client, membership.person.email, PASSWORD, next=target).location == "/en/account?from=mail"


# Fresh from the database


@pytest.mark.parametrize("what", ["membership ended", "person disabled", "password set by link"])
def test_an_open_session_ends_at_once(client, session, what):
    membership = expert(session)
    signing.sign_in(client, membership)
    secretariat = factories.secretariat(session)
    assert is_signed_in(client)

    if what == "membership ended":
        people.end_membership(session, secretariat, membership.id)
    elif what == "person disabled":
        people.disable(session, secretariat, membership.person_id)
    else:
        _, token = people.hand_link(session, secretariat, membership.person_id, 60)
        people.use_link(session, token, "another set of words")

    assert not is_signed_in(client)


def test_a_person_with_two_memberships_switches_between_them(client, session):
    first = expert(session)
    second = second_membership(session, first.person)
    signing.sign_in(client, first)
    assert client.get(MEMBERS).status_code == 403

    assert post(client, "/en/account/acting", {"membership_id": second.id}).status_code == 303

    assert client.get(MEMBERS).status_code == 200
    other = client.application.test_client()
    assert attempt(other, first.person.email, PASSWORD).status_code == 303
    assert other.get(MEMBERS).status_code == 200, "signs in where the person acted last"


@pytest.mark.both_databases
@pytest.mark.parametrize("membership_id", ["", "nothing", "\x00", "x" * 900])
def test_switching_into_nothing_is_not_found(client, session, membership_id):
    signing.sign_in(client, expert(session))

    assert post(client, "/en/account/acting", {"membership_id": membership_id}).status_code == 404


# Links


def test_an_invited_person_chooses_a_password_and_signs_in(client, session):
    membership = expert(session, name="Desk of Anna")
    address = f"/en/welcome/{people.issue_link(session, membership.person, 'invite', 3600)}"

    for _ in range(2):  # looking does not use it up
        page = client.get(address)
        assert page.status_code == 200
        assert "Desk of Anna" in page.get_data(as_text=True)
        assert page.headers["Cache-Control"] == "no-store"
    chosen = post(client, address, {"password": PASSWORD, "repeat": PASSWORD}, page=address)

    assert chosen.location == SIGN_IN
    assert attempt(client, membership.person.email, PASSWORD).status_code == 303
    assert client.get(address).status_code == 410


@pytest.mark.parametrize(
    ("password", "repeat", "sentence"),
    [("short", "short", "at least 12"), (PASSWORD, "other words than these", "differ")],
)
def test_a_refused_password_keeps_the_link(client, session, password, repeat, sentence):
    membership = expert(session)
    address = f"/en/welcome/{people.issue_link(session, membership.person, 'invite', 3600)}"

    response = post(client, address, {"password": password, "repeat": repeat}, page=address)

    assert response.status_code == 422
    assert sentence in response.get_data(as_text=True)
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("token", ["x", "a" * 5000, "%F0%9F%98%80", "..%2f"])
def test_a_link_that_nobody_issued_is_gone(client, token):
    assert client.get(f"/en/welcome/{token}").status_code in {404, 410}


def test_the_address_of_a_link_leads_to_its_page_in_the_persons_language(client, session):
    person = expert(session, language="ar").person
    token = people.issue_link(session, person, "invite", 60)

    address = people.link_address("https://hub.example/", person, token)

    assert address.startswith("https://hub.example/ar/")
    page = client.get(address.removeprefix("https://hub.example"))
    assert page.status_code == 200
    assert 'dir="rtl"' in page.get_data(as_text=True)


# The account


def test_a_person_changes_name_and_language(client, session):
    membership = expert(session)
    signing.sign_in(client, membership)

    form = {"name": "Migration desk", "language": "fr", "version": membership.person.version}
    assert post(client, ACCOUNT, form).status_code == 303

    assert "Migration desk" in client.get(ACCOUNT).get_data(as_text=True)
    assert post(client, ACCOUNT, form).status_code == 409, "the version is not the one seen"


@pytest.mark.parametrize(
    ("field", "value"), [("name", " "), ("name", "a\x00b"), ("language", "xx"), ("version", "one"), ("email", "a@b.c")]
)
def test_wrong_own_data_is_named_by_field(client, session, field, value):
    membership = expert(session)
    signing.sign_in(client, membership)

    response = post(client, ACCOUNT, {"name": "Desk", "language": "en", "version": 1, field: value})

    assert response.status_code == 422
    assert "Some fields need another look" in response.get_data(as_text=True)


def test_changing_the_password_signs_out_other_devices_but_not_this_one(client, app, session):
    membership = expert(session)
    other = app.test_client()
    signing.sign_in(other, membership)
    signing.sign_in(client, membership)
    words = "other unrelated words"

    wrong = post(client, "/en/account/password", {"current": "wrong", "password": words, "repeat": words})
    assert wrong.status_code == 422
    right = post(client, "/en/account/password", {"current": PASSWORD, "password": words, "repeat": words})

    assert right.status_code == 303
    assert is_signed_in(client)
    assert not is_signed_in(other)
    assert attempt(other, membership.person.email, PASSWORD).status_code == 401
    assert attempt(other, membership.person.email, words).status_code == 303


def test_a_token_is_shown_once_works_and_is_revoked(client, app, session):
    membership = expert(session)
    signing.sign_in(client, membership)
    script = app.test_client()

    shown = post(client, "/en/account/tokens", {"token_name": "nightly export"}).get_data(as_text=True)
    plain = re.search(r"hub_[\w-]+", shown).group()
    headers = {"Authorization": f"Bearer {plain}"}

    assert script.get(SCRIPTED, headers=headers).status_code == 200
    again = client.get(ACCOUNT).get_data(as_text=True)
    assert plain not in again
    assert "nightly export" in again
    token_id = session.scalars(select(ApiToken.id)).one()
    assert post(client, f"/en/account/tokens/{token_id}/revoke").status_code == 303
    assert script.get(SCRIPTED, headers=headers).status_code == 401


def test_a_second_token_of_the_same_name_is_refused_by_field(client, session):
    signing.sign_in(client, expert(session))
    post(client, "/en/account/tokens", {"token_name": "export"})

    assert post(client, "/en/account/tokens", {"token_name": "export"}).status_code == 422


# Tokens


def test_a_token_that_does_not_work_is_refused_even_where_visitors_may_read(client):
    wrong = [
        "Bearer wrong",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "hub_x",
        "Bearer hub_\u00e9",
        "bearer a b",
        "\x7f",
    ]
    for header in wrong:
        for address in (SCRIPTED, "/api/v1/search?q=a", "/api/v1/objectives"):
            response = client.get(address, headers={"Authorization": header})

            assert response.status_code == 401, (header, address)
            assert response.mimetype == "application/problem+json"
            assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_token_is_not_rescued_by_a_cookie(client, session):
    signing.sign_in(client, expert(session))
    assert client.get(SCRIPTED).status_code == 200

    assert client.get(SCRIPTED, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_token_acts_in_its_own_membership_not_the_cookies(client, session):
    visitor, owner = expert(session), expert(session, "ilo")
    headers = signing.bearer(owner)
    signing.sign_in(client, visitor)
    client.get(SCRIPTED, headers=headers)

    session.expire_all()
    assert tokens.listing(session, owner)[0].last_used_at is not None


def test_pages_do_not_take_tokens(client, session):
    assert client.get(ACCOUNT, headers=signing.bearer(expert(session))).status_code == 303


def test_the_token_of_an_ended_membership_works_no_longer(client, session):
    membership = expert(session)
    headers = signing.bearer(membership)
    assert client.get(SCRIPTED, headers=headers).status_code == 200

    people.end_membership(session, factories.secretariat(session), membership.id)

    assert client.get(SCRIPTED, headers=headers).status_code == 401


def test_a_script_needs_no_csrf_token_but_a_browser_does(client, app, session):
    membership = focal_point(session)
    signing.sign_in(client, membership)
    script = app.test_client()

    assert script.post(SCRIPTED, json={}, headers=signing.bearer(membership)).status_code == 422
    assert client.post(SCRIPTED, json={}).status_code == 400
    with_header = {"X-CSRFToken": signing.csrf_token(client)}
    assert client.post(SCRIPTED, json={}, headers=with_header).status_code == 422
    assert app.test_client().post(SCRIPTED, json={}).status_code == 401


# Members


def invitation(**more):
    return {"name": "New colleague", "email": "new@example.org", "language": "fr", **more}


def test_a_focal_point_invites_a_colleague_who_takes_part_at_once(client, app, session):
    signing.sign_in(client, focal_point(session))

    response = post(client, MEMBERS, invitation())

    assert response.status_code == 201
    address = re.search(r"/fr/welcome/[\w-]+", response.get_data(as_text=True)).group()
    assert address not in client.get(MEMBERS).get_data(as_text=True)
    colleague = app.test_client()
    post(colleague, address, {"password": PASSWORD, "repeat": PASSWORD}, page=address)
    assert attempt(colleague, "new@example.org", PASSWORD).status_code == 303
    assert "New colleague" in client.get(MEMBERS).get_data(as_text=True)


def test_the_secretariat_invites_a_first_focal_point_and_confirms_them(client, session):
    factories.state(session, "GHA")
    signing.sign_in(client, factories.secretariat(session))

    invited = post(client, MEMBERS, invitation(role=FOCAL_POINT, entity_id="GHA"))
    assert invited.status_code == 201
    membership = session.scalars(select(Membership).where(Membership.entity_id == "GHA")).one()
    assert not membership.active

    assert post(client, f"{MEMBERS}/{membership.id}/confirm").status_code == 303
    session.refresh(membership)
    assert membership.active
    assert post(client, f"{MEMBERS}/{membership.id}/confirm").status_code == 409


def test_the_secretariat_may_confirm_while_inviting(client, session):
    factories.state(session, "GHA")
    signing.sign_in(client, factories.secretariat(session))

    post(client, MEMBERS, invitation(role=FOCAL_POINT, entity_id="GHA", confirm="true"))

    assert session.scalars(select(Membership).where(Membership.entity_id == "GHA")).one().active


@pytest.mark.parametrize("role", [FOCAL_POINT, SECRETARIAT, ADMINISTRATOR])
def test_everybody_sees_the_members_they_manage_and_no_others(client, session, role):
    everyone = {
        "colleague": focal_point(session, name="Colleague of Portugal"),
        "other state": focal_point(session, "GHA", name="Desk of Ghana"),
        "expert": expert(session, name="Desk of IOM"),
        "administrator": factories.member(session, ADMINISTRATOR, name="Machine room"),
    }
    home = factories.state(session, "PRT") if role == FOCAL_POINT else None
    signing.sign_in(client, factories.member(session, role, home))
    expected = {
        FOCAL_POINT: {"colleague"},
        SECRETARIAT: {"colleague", "other state", "expert"},
        ADMINISTRATOR: set(everyone),
    }[role]

    page = client.get(MEMBERS).get_data(as_text=True)

    assert {key for key, membership in everyone.items() if membership.person.name in page} == expected
    assert {key for key, membership in everyone.items() if membership.person.email in page} == expected


def test_a_long_list_of_members_takes_no_more_queries_than_a_short_one(client, database, session):
    signing.sign_in(client, factories.secretariat(session))
    expert(session)
    session.commit()
    client.get(MEMBERS)  # the vocabulary is read once per process
    counts = []
    for number in (2, 20):
        for _ in range(number):
            expert(session)
        session.commit()
        statements = []
        event.listen(database.engine, "before_cursor_execute", lambda *given, kept=statements: kept.append(given[2]))
        client.get(MEMBERS)
        counts.append(len(statements))

    assert counts[0] == counts[1]


def test_experts_have_no_members_page(client, session):
    signing.sign_in(client, expert(session))

    assert client.get(MEMBERS).status_code == 403
    assert MEMBERS not in client.get(ACCOUNT).get_data(as_text=True)


def test_a_focal_point_cannot_reach_beyond_their_state(client, session):
    other = focal_point(session, "GHA")
    factories.agency(session, "iom")
    signing.sign_in(client, focal_point(session))

    assert post(client, f"{MEMBERS}/{other.id}/end").status_code == 404
    assert post(client, f"{MEMBERS}/{other.id}/confirm").status_code == 404
    assert post(client, f"/en/people/{other.person_id}/link").status_code == 404
    assert post(client, f"/en/people/{other.person_id}/disable").status_code == 404
    assert post(client, MEMBERS, invitation(role=FOCAL_POINT, entity_id="GHA")).status_code == 403
    assert post(client, MEMBERS, invitation(role=EXPERT, entity_id="iom")).status_code == 403


def test_the_secretariat_hands_over_a_link_for_a_forgotten_password(client, app, session):
    forgetful = focal_point(session)
    signing.give_password(forgetful.person)
    signing.sign_in(client, factories.secretariat(session))

    page = post(client, f"/en/people/{forgetful.person_id}/link").get_data(as_text=True)

    address = re.search(r"/en/welcome/[\w-]+", page).group()
    words = "other unrelated words"
    post(browser := app.test_client(), address, {"password": words, "repeat": words}, page=address)
    assert attempt(browser, forgetful.person.email, words).status_code == 303


def test_a_manager_ends_a_membership_and_disables_an_account(client, session):
    leaving, closed = focal_point(session), expert(session)
    signing.sign_in(client, factories.secretariat(session))

    assert post(client, f"{MEMBERS}/{leaving.id}/end").status_code == 303
    assert post(client, f"/en/people/{closed.person_id}/disable").status_code == 303

    session.expire_all()
    assert leaving.until is not None
    assert closed.person.disabled_at is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", "a\x00b@example.org"),
        ("name", ""),
        ("role", "king"),
        ("entity_id", "atlantis"),
        ("entity_id", "\x00"),
        ("language", "xx"),
        ("confirm", "perhaps"),
        ("is_demo", "1"),
    ],
)
def test_a_wrong_invitation_is_named_by_field_and_keeps_what_was_typed(client, session, field, value):
    factories.state(session, "GHA")
    signing.sign_in(client, factories.secretariat(session))

    response = post(client, MEMBERS, {**invitation(role=FOCAL_POINT, entity_id="GHA"), field: value})

    text = response.get_data(as_text=True)
    assert response.status_code == 422
    assert f'href="#{field}"' in text
    assert 'value="fr" selected' in text or field == "language"
    assert session.scalar(select(Person.id).where(Person.email == "new@example.org")) is None


def test_demo_people_are_labelled(client, session):
    focal_point(session, name="Desk of Portugal", is_demo=True)
    signing.sign_in(client, factories.secretariat(session))

    assert "tag-demo" in client.get(MEMBERS).get_data(as_text=True).split("Desk of Portugal")[1]


# What guards every answer


def test_every_answer_carries_the_security_headers(client):
    for address in (
        "/en/",
        SIGN_IN,
        "/en/nothing",
        "/api/v1/objectives",
        "/api/v1/nothing",
        "/static/hub.css",
        MEMBERS,
    ):
        headers = client.get(address, buffered=True).headers

        assert "default-src 'self'" in headers["Content-Security-Policy"], address
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers


def test_https_is_insisted_on_where_the_hub_is_reached_by_it(hub):
    headers = client_of(hub, public_url="https://hub.example").get("/en/about").headers

    assert headers["Strict-Transport-Security"].startswith("max-age=")


def test_what_a_signed_in_person_sees_is_stored_nowhere(client, session):
    signing.sign_in(client, expert(session))

    assert client.get("/en/about").headers["Cache-Control"] == "no-store"
    assert client.get(SCRIPTED).headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in client.get("/static/hub.css", buffered=True).headers


def test_a_session_without_a_visit_ends(client, hub, session, monkeypatch):
    signing.sign_in(client, expert(session))
    assert is_signed_in(client)
    later = now() + timedelta(seconds=hub.settings.session_ttl_s + 60)

    monkeypatch.setattr("itsdangerous.timed.time.time", later.timestamp)

    copy = client.application.test_client()
    copy.set_cookie("session", client.get_cookie("session").value)
    assert not is_signed_in(copy)


def test_a_form_without_its_token_gets_a_plain_sentence(client, session):
    signing.sign_in(client, expert(session))

    response = client.post(ACCOUNT, data={"name": "Desk"})

    assert response.status_code == 400
    assert "reload the page" in response.get_data(as_text=True)
