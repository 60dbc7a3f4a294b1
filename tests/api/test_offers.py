"""Offers by API and as pages: the same verbs, told to scripts and to people."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.database import Outbox, now
from hub.notices import mail, notices
from hub.support import offers, requests, wanted
from hub.support.models import Offer
from hub.support.offers import OfferData
from hub.support.requests import RequestData
from hub.wiring import Hub
from tests import factories, signing

UNTIL = offers.today() + timedelta(days=60)
BODY = {
    "kind": "exchange",
    "title": "Study visit",
    "text": "A week with our inspectorate.",
    "audience": "public",
    "until": UNTIL.isoformat(),
    "gcm_objectives": [6],
    "places": ["GHA", "Europe"],
    "languages": ["fr"],
    "language": "en",
}


@pytest.fixture
def iom(session: Session) -> Membership:
    factories.state(session, "GHA", regions=("Western Africa", "Africa"))
    membership = factories.member(session, EXPERT, factories.agency(session, "iom"))
    session.commit()
    return membership


@pytest.fixture
def portugal(session: Session) -> Membership:
    membership = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    session.commit()
    return membership


def offer(session: Session, giver: Membership, **words: Any) -> Offer:
    values: dict[str, Any] = {"kind": "training", "title": "Training", "text": "Words", "audience": "public"}
    return offers.create(session, giver, OfferData(until=UNTIL, **{**values, **words}))


def test_a_script_registers_an_offer_once_changes_it_and_withdraws_it(client: FlaskClient, iom: Membership) -> None:
    headers = signing.bearer(iom)
    key = {"Idempotency-Key": "one"}
    made = client.post("/api/v1/offers", json=BODY, headers=headers | key)
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert made.json["entity"] == {"id": "iom", "name": "IOM", "kind": "agency", "verified": True}
    assert (made.json["places"], made.json["actions"]) == (["Europe", "GHA"], ["edit", "extend", "withdraw"])
    assert client.post("/api/v1/offers", json=BODY, headers=headers | key).json["id"] == made.json["id"]
    address = made.headers["Location"]

    changed = client.patch(address, json={"title": "Longer visit"}, headers=headers | {"If-Match": '"1"'})
    assert (changed.json["title"], changed.json["text"], changed.json["version"]) == ("Longer visit", BODY["text"], 2)
    assert (changed.json["audience"], changed.json["until"], changed.json["languages"]) == (
        "public",
        BODY["until"],
        ["fr"],
    )
    stale = client.patch(address, json={"title": "Other"}, headers=headers | {"If-Match": '"1"'})
    assert (stale.status_code, stale.json["version"]) == (409, 2)

    longer = (UNTIL + timedelta(days=9)).isoformat()
    extended = client.post(f"{address}/actions/extend", json={"until": longer, "version": 2}, headers=headers)
    assert extended.json["until"] == longer
    withdrawn = client.post(f"{address}/actions/withdraw", json={"version": 3}, headers=headers)
    assert (withdrawn.json["status"], withdrawn.json["actions"]) == ("withdrawn", [])
    assert client.get(address).status_code == 410
    assert client.get("/api/v1/offers").json == {"items": [], "next": None, "total": 0}


def test_anybody_lists_public_offers_with_filters_and_a_cursor(
    client: FlaskClient, session: Session, iom: Membership
) -> None:
    for number in range(3):
        offer(session, iom, title=f"Offer {number}", places=("GHA",))
    hidden = offer(session, iom, title="For members", audience="network")
    first = client.get("/api/v1/offers?place=Africa&limit=2").json
    assert ([one["title"] for one in first["items"]], first["total"]) == (["Offer 2", "Offer 1"], 3)
    rest = client.get(f"/api/v1/offers?place=Africa&limit=2&cursor={first['next']}").json
    assert ([one["title"] for one in rest["items"]], rest["next"]) == (["Offer 0"], None)
    assert client.get("/api/v1/offers?place=Asia").json["total"] == 0
    assert client.get(f"/api/v1/offers/{hidden.id}").status_code == 404
    assert client.get("/api/v1/offers?mine=true").json["total"] == 0
    assert client.get("/api/v1/offers", headers=signing.bearer(iom)).json["total"] == 4
    assert client.get("/api/v1/offers?cursor=x").status_code == 400
    assert client.get("/api/v1/offers?objective=99").status_code == 422
    assert client.get("/api/v1/offers/nonsense").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "gift"}, "kind"),
        ({"until": "soon"}, "until"),
        ({"until": None}, "until"),
        ({"title": " "}, "title"),
        ({"text": "\x00"}, "text"),
        ({"places": ["Atlantis"]}, "places"),
        ({"contact": "somebody@example.org"}, "contact"),
    ],
)
def test_a_bad_field_is_named(client: FlaskClient, iom: Membership, change: dict[str, Any], field: str) -> None:
    refused = client.post("/api/v1/offers", json=BODY | change, headers=signing.bearer(iom))
    assert (refused.status_code, list(refused.json["errors"])) == (422, [field])


def test_a_state_wants_an_offer_beside_its_request_and_its_giver_still_sees_nothing(
    client: FlaskClient, session: Session, iom: Membership, portugal: Membership
) -> None:
    made = offer(session, iom)
    row = requests.draft(session, portugal, RequestData("Secret need", "Words", "en", (6,)), submit=True)
    address = f"/api/v1/requests/{row.reference}/offers"
    headers = signing.bearer(portugal)
    assert [one["wanted"] for one in client.get(address, headers=headers).json["items"]] == [None]
    wanted = client.post(address, json={"offer": made.id}, headers=headers)
    assert [(one["offer"], one["wanted"]) for one in wanted.json["items"]] == [(made.id, "waits")]
    assert client.get(address, headers=signing.bearer(iom)).status_code == 404
    assert client.post(address, json={"offer": made.id}, headers=signing.bearer(iom, "b")).status_code == 404
    dropped = client.delete(f"{address}/{made.id}", headers=headers)
    assert [one["wanted"] for one in dropped.json["items"]] == ["dropped"]


# Pages


@pytest.mark.usefixtures("words")
def test_a_focal_point_registers_an_offer_on_a_page_and_a_visitor_reads_it(
    app: Any, client: FlaskClient, portugal: Membership
) -> None:
    signing.sign_in(client, portugal)
    form = BODY | {"key": "k", "entity": ""}
    failed = signing.post(client, "/en/offers/new", form | {"until": "2001-01-01", "title": "<b>Visit</b>"})
    assert failed.status_code == 422
    assert "&lt;b&gt;Visit" in failed.get_data(as_text=True)
    made = signing.post(client, "/en/offers/new", form)
    assert made.status_code == 303

    visitor = app.test_client()
    shown = visitor.get(made.headers["Location"]).get_data(as_text=True)
    assert "A week with our inspectorate." in shown
    assert "Portugal" in shown
    assert portugal.person.name not in shown
    assert "Withdraw" not in shown
    listed = visitor.get("/en/offers?objective=6&place=Africa&language=fr&kind=exchange").get_data(as_text=True)
    assert "Study visit" in listed
    assert "No offer fits." in visitor.get("/en/offers?place=Asia").get_data(as_text=True)
    assert visitor.get("/ar/offers").status_code == 200


@pytest.mark.usefixtures("words")
def test_an_offer_is_withdrawn_in_one_click_and_gone_for_others(
    app: Any, client: FlaskClient, session: Session, portugal: Membership
) -> None:
    made = offer(session, portugal, title="To be withdrawn")
    signing.sign_in(client, portugal)
    page = client.get("/en/offers/mine").get_data(as_text=True)
    assert f"/en/offers/{made.id}/actions/withdraw" in page
    done = signing.post(client, f"/en/offers/{made.id}/actions/withdraw", {"version": 1})
    assert done.status_code == 303
    gone = app.test_client().get(f"/en/offers/{made.id}")
    assert gone.status_code == 410
    assert "To be withdrawn" not in gone.get_data(as_text=True)
    assert "Withdrawn" in client.get("/en/offers/mine").get_data(as_text=True)
    again = signing.post(client, f"/en/offers/{made.id}/actions/withdraw", {"version": 1})
    assert again.status_code == 409


@pytest.mark.usefixtures("words")
def test_two_who_edit_an_offer_lose_no_words(client: FlaskClient, session: Session, portugal: Membership) -> None:
    made = offer(session, portugal)
    signing.sign_in(client, portugal)
    assert client.get(f"/en/offers/{made.id}/edit").status_code == 200
    offers.extend(session, portugal, made.id, until=UNTIL, version=1)
    late = signing.post(client, f"/en/offers/{made.id}/edit", BODY | {"version": 1, "text": "My late words"})
    assert late.status_code == 409
    assert "My late words" in late.get_data(as_text=True)
    saved = signing.post(client, f"/en/offers/{made.id}/edit", BODY | {"version": 2, "text": "My late words"})
    assert saved.status_code == 303
    assert "Earlier versions" in client.get(f"/en/offers/{made.id}").get_data(as_text=True)


@pytest.mark.usefixtures("words")
def test_the_secretariat_enters_an_offer_for_an_agency_and_the_page_says_so(
    client: FlaskClient, session: Session
) -> None:
    signing.sign_in(client, factories.secretariat(session))
    missing = signing.post(client, "/en/offers/new", BODY | {"key": "k", "entity": ""})
    assert missing.status_code == 422
    made = signing.post(client, "/en/offers/new", BODY | {"key": "k", "entity": "ilo"})
    shown = client.get(made.headers["Location"]).get_data(as_text=True)
    assert "entered by the secretariat" in shown


@pytest.mark.usefixtures("words")
def test_offers_are_compared_beside_a_request_and_the_secretariat_asks_the_giver(
    app: Any, client: FlaskClient, session: Session, iom: Membership, portugal: Membership
) -> None:
    made = offer(session, iom, title="Fitting training", objectives=(6,))
    row = requests.draft(session, portugal, RequestData("Need", "Words", "en", (6,)), submit=True)
    signing.sign_in(client, portugal)
    assert f"/en/requests/{row.id}/offers" in client.get(f"/en/requests/{row.id}").get_data(as_text=True)
    assert "Fitting training" in client.get(f"/en/requests/{row.id}/offers").get_data(as_text=True)
    signing.post(client, f"/en/requests/{row.id}/offers/{made.id}/want")
    assert "wants an offer of" in client.get(f"/en/requests/{row.id}").get_data(as_text=True)

    desk = app.test_client()
    signing.sign_in(desk, factories.secretariat(session))
    assert "Ask who offers what the State wants" in desk.get("/en/requests").get_data(as_text=True)
    page = desk.get(f"/en/requests/{row.id}/offers").get_data(as_text=True)
    assert f"/en/requests/{row.id}/actions/send" in page
    sent = signing.post(desk, f"/en/requests/{row.id}/actions/send", {"version": row.version, "agency": "iom"})
    assert sent.status_code == 303
    assert "Its giver was asked" in desk.get(f"/en/requests/{row.id}/offers").get_data(as_text=True)


@pytest.mark.usefixtures("words")
def test_who_gives_a_wanted_offer_is_told_and_learns_nothing_of_the_request(
    client: FlaskClient, session: Session, hub: Hub, iom: Membership, portugal: Membership
) -> None:
    made = offer(session, iom, title="Fitting training")
    row = requests.draft(session, portugal, RequestData("Secret need", "Words", "en", (6,)), submit=True)
    wanted.want(session, portugal, row.id, made.id)
    for job in session.scalars(select(Outbox).where(Outbox.kind == "notice")):
        notices.announce(hub, session, job.payload)
    session.commit()
    signing.sign_in(client, iom)
    page = client.get("/en/notices").get_data(as_text=True)
    assert "Somebody wants what you offer" in page
    assert f"/en/offers/{made.id}" in page
    for secret in ("Secret need", row.id, row.reference, "Portugal"):
        assert secret not in page
    (notice,) = client.get("/api/v1/notices").json["items"]
    assert (notice["request"], notice["offer"], notice["action"]) == (None, made.id, "wanted")
    assert client.get(f"/en/notices/{notice['id']}").headers["Location"] == f"/en/offers/{made.id}"
    speak = mail.notice_mail(hub.settings, iom.person, notices.unread_of(session, iom.person_id)[0])
    assert "Somebody wants" in str(speak["Subject"])
    assert "Fitting" not in str(speak)
    desk = client.application.test_client()
    signing.sign_in(desk, factories.secretariat(session))
    assert "Somebody wants what you offer" not in desk.get("/en/notices").get_data(as_text=True)
    iom.until = now()
    session.commit()
    assert notices.unread_of(session, iom.person_id) == []
