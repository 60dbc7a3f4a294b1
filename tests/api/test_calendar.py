"""Deadlines as iCalendar: references and stages only, for whoever has the address, as long as the person may read them."""

from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy.orm import Session

from hub.accounts import people
from hub.accounts.models import FOCAL_POINT, Membership
from hub.database import now
from hub.support import requests
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from tests import factories, signing


@pytest.fixture
def portugal(session: Session) -> Membership:
    return factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))


@pytest.fixture
def row(session: Session, portugal: Membership) -> SupportRequest:
    data = RequestData("Secret title", "Secret words", "en", (6,), summary="Secret summary")
    return requests.draft(session, portugal, data, submit=True)


def address(client: Any, membership: Membership) -> str:
    signing.sign_in(client, membership)
    return another(client)


def another(client: Any) -> str:
    made = signing.post(client, "/en/calendar", {})
    (found,) = [word for word in made.get_data(as_text=True).split("<") if ".ics" in word]
    return "/calendar/" + found.rsplit("/", 1)[1]


def test_a_feed_tells_what_is_due_and_nothing_of_what_is_asked(app, client, session, portugal, row):
    response = app.test_client().get(address(client, portugal))

    assert response.content_type == "text/calendar; charset=utf-8"
    assert "Secret" not in response.get_data(as_text=True)
    events = Calendar.from_ical(response.data).walk("VEVENT")
    told = {str(event["SUMMARY"]): event["DTSTART"].dt for event in events}
    stages = {clock.stage: clock.due_at.date() for clock in row.clocks}
    assert told[f"{row.reference}: Acknowledgement"] == stages["acknowledge"]
    assert told[f"{row.reference}: First answer"] == stages["answer"]
    assert len(told) == len(stages)
    assert {str(event["URL"]) for event in events} == {f"http://127.0.0.1:8000/en/requests/{row.id}"}


def test_an_unchanged_feed_is_the_same_and_not_sent_twice(app, client, portugal, row):
    feed = address(client, portugal)
    visitor = app.test_client()

    first = visitor.get(feed)
    again = visitor.get(feed, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert visitor.get(feed).data == first.data


@pytest.mark.both_databases
def test_a_feed_follows_the_rights_of_its_person_when_it_is_read(app, client, session, portugal, row):
    feed = address(client, portugal)
    visitor = app.test_client()
    assert b"VEVENT" in visitor.get(feed).data

    portugal.until = now()
    session.commit()

    assert b"VEVENT" not in visitor.get(feed).data


def test_what_a_state_withdrew_or_another_state_asks_is_not_in_it(app, client, session, portugal, row):
    feed = address(client, portugal)
    ghana = factories.member(session, FOCAL_POINT, factories.state(session, "GHA"))
    other = requests.draft(session, ghana, RequestData("Theirs", "Words", "en"), submit=True)
    requests.withdraw(session, portugal, row.id, version=row.version)

    told = app.test_client().get(feed).get_data(as_text=True)

    assert row.reference not in told
    assert other.reference not in told


def test_an_address_that_was_ended_replaced_or_guessed_is_not_there(app, client, session, portugal, row):
    feed = address(client, portugal)
    visitor = app.test_client()
    newer = another(client)
    assert visitor.get(feed).status_code == 404
    assert visitor.get(newer).status_code == 200

    ended = signing.post(client, "/en/calendar/end", {})

    assert ended.status_code == 303
    assert visitor.get(newer).status_code == 404
    assert visitor.get("/calendar/guess.ics").status_code == 404
    assert signing.post(client, "/en/calendar/end", {}).status_code == 404


def test_the_address_of_a_disabled_person_is_not_there(app, client, session, portugal, row):
    feed = address(client, portugal)
    administrator = factories.member(session, "administrator")
    people.disable(session, administrator, portugal.person_id)

    assert app.test_client().get(feed).status_code == 404


def test_the_language_is_that_of_the_person(app, client, session, portugal, row):
    portugal.person.language = "fr"
    session.commit()

    events = Calendar.from_ical(app.test_client().get(address(client, portugal)).data).walk("VEVENT")

    assert {str(event["URL"]) for event in events} == {f"http://127.0.0.1:8000/fr/requests/{row.id}"}


def test_a_script_makes_and_ends_the_address_and_sees_it_once(app, client, session, portugal, row):
    signing.sign_in(client, portugal)
    token = signing.csrf_token(client)

    made = client.post("/api/v1/calendar", headers={"X-CSRFToken": token})

    assert made.status_code == 201
    feed = made.get_json()["address"].removeprefix("http://127.0.0.1:8000")
    assert app.test_client().get(feed).status_code == 200
    assert client.get("/api/v1/calendar").get_json()["address"] is None
    assert client.delete("/api/v1/calendar", headers={"X-CSRFToken": token}).status_code == 204
    assert app.test_client().get(feed).status_code == 404


def test_the_log_does_not_hold_the_address(app, client, portugal, row, caplog):
    feed = address(client, portugal)
    with caplog.at_level("INFO", "hub.access"):
        app.test_client().get(feed)

    assert "/calendar/…" in caplog.text
    assert feed not in caplog.text
