"""Signing in through the real form, for every test of pages and API.

membership = factories.member(session, FOCAL_POINT, factories.state(session))
sign_in(client, membership)
post(client, "/en/requests", {"title": "…"})
"""

import re
from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy.orm import object_session
from werkzeug.test import TestResponse

from hub.accounts import credentials, tokens
from hub.accounts.models import Membership, Person

PASSWORD = "several unrelated words"
SIGN_IN = "/en/sign-in"


def csrf_token(client: FlaskClient, page: str = "/en/account") -> str:
    """The token of the first form of a page. It is good for every form and the `X-CSRFToken` header of this client,

    until the client signs in or out.
    """
    html = client.get(page).get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found, f"no form with a CSRF token at {page}"
    return found.group(1)


def give_password(person: Person, password: str = PASSWORD) -> None:
    """Let the person sign in with it. Commits the session that the row is in."""
    session = object_session(person)
    assert session is not None, "the row is in no session"
    person.password_hash = credentials.hash_password(password)
    session.commit()


def sign_in(client: FlaskClient, who: Person | Membership) -> None:
    """Sign the client in. Commits the session that the row is in. A membership is the one acted in afterwards."""
    person = who.person if isinstance(who, Membership) else who
    give_password(person)
    response = post(client, SIGN_IN, {"email": person.email, "password": PASSWORD}, page=SIGN_IN)
    assert response.status_code == 303, response.get_data(as_text=True)
    if isinstance(who, Membership) and len(person.memberships) > 1:
        response = post(client, "/en/account/acting", {"membership_id": who.id})
        assert response.status_code == 303, response.get_data(as_text=True)


def sign_out(client: FlaskClient) -> None:
    post(client, "/en/sign-out")


def post(
    client: FlaskClient, address: str, data: Mapping[str, Any] | None = None, *, page: str = "/en/account", **more: Any
) -> TestResponse:
    """Send a form with the CSRF token of `page`, by default a signed-in person's account."""
    return client.post(address, data={**(data or {}), "csrf_token": csrf_token(client, page)}, **more)


def bearer(who: Membership, name: str = "tests") -> dict[str, str]:
    """Headers of a script that acts as the membership. Commits the session that the row is in."""
    session = object_session(who)
    assert session is not None, "the row is in no session"
    _, plain = tokens.create(session, who, name)
    return {"Authorization": f"Bearer {plain}"}
