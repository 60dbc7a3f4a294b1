"""Every address has an access rule, and the rule holds before the view runs."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from hub.accounts import guard
from tests import factories, signing

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
OPEN_TO_VISITORS = {"accounts.sign_in", "accounts.sign_out", "accounts.welcome", "question.question"}
"""Public routes that take POST. A new one needs a reason: it can be called by anybody, any number of times."""


def _rules(app: Flask) -> Iterator[tuple[Rule, object]]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static":
            yield rule, getattr(app.view_functions[rule.endpoint], guard.RULE, None)


def _address(app: Flask, rule: Rule) -> str:
    values = {name: "en" if name == "language" else "1" for name in rule.arguments}
    return app.url_map.bind("localhost").build(rule.endpoint, values)


def test_every_route_names_its_access_rule(app):
    assert [rule.endpoint for rule, access in _rules(app) if access is None] == []


def test_only_signing_in_and_out_can_be_posted_by_visitors(app):
    posted = {rule.endpoint for rule, access in _rules(app) if access == guard.PUBLIC and rule.methods & CHANGES}

    assert posted == OPEN_TO_VISITORS


def test_a_visitor_is_sent_to_sign_in_by_pages_and_refused_by_the_api(app, client):
    tried = 0
    for rule, access in _rules(app):
        if access == guard.PUBLIC or "GET" not in rule.methods:
            continue
        address = _address(app, rule)
        response = client.get(address)
        if rule.rule.startswith("/api/"):
            assert response.status_code == 401, address
            assert response.mimetype == "application/problem+json"
        else:
            assert response.status_code == 303, address
            assert response.location.startswith("/en/sign-in?next=/en/"), address
        tried += 1
    assert tried


def test_no_page_takes_a_form_without_its_csrf_token(app, client):
    for rule, _ in _rules(app):
        if rule.rule.startswith("/api/"):
            continue
        for method in rule.methods & CHANGES:
            assert client.open(_address(app, rule), method=method).status_code == 400, rule.rule


def test_the_api_takes_a_cookie_with_the_csrf_header_only(app, client, session):
    signing.sign_in(client, factories.secretariat(session))
    tried = 0
    for rule, _ in _rules(app):
        if not rule.rule.startswith("/api/"):
            continue
        for method in rule.methods & CHANGES:
            refused = client.open(_address(app, rule), method=method, json={})
            assert refused.status_code == 400, rule.rule
            assert "CSRF" in refused.get_json()["detail"]
            tried += 1
    assert tried


@pytest.mark.parametrize("who", ["visitor", "secretariat"])
def test_a_view_without_a_rule_is_refused_to_everybody(app, client, session, who):
    app.add_url_rule("/en/forgotten", "forgotten", lambda: "secret")
    if who == "secretariat":
        signing.sign_in(client, factories.secretariat(session))

    response = client.get("/en/forgotten")

    assert response.status_code == 403
    assert "secret" not in response.get_data(as_text=True).replace("secretariat", "")
