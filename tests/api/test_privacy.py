"""A request is seen by its State's team, the secretariat and the agencies it was sent to, and by nobody else, anywhere.

Every way in is tried by everybody who must not get in: pages and API, one request and lists, counts and tasks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from hub.accounts import people
from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT, Membership
from hub.database import now
from hub.support import delivery, reading, requests, triage, verbs
from hub.support.delivery import AnswerData, PlanData
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from tests import factories, signing

SECRET = "Confidential corridor"
ANSWER = "Confidential advice"

READS = ("", "/matches", "/answers", "/plans", "/events")
"""Below `/api/v1/requests/{id}`."""
PAGES = ("", "/edit", "/answer")
"""Below `/en/requests/{id}`."""


@dataclass
class Scene:
    """An answered request of Portugal that IOM works on."""

    row: SupportRequest
    portugal: Membership
    secretariat: Membership
    iom: Membership


@pytest.fixture
def scene(session: Session) -> Scene:
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    secretariat = factories.secretariat(session)
    iom = factories.member(session, EXPERT, factories.agency(session, "iom", objectives={6: "primary"}))
    session.commit()
    row = requests.draft(session, portugal, RequestData(SECRET, f"{SECRET} in full", "en", (6,)), submit=True)
    row = triage.send(session, secretariat, row.id, "iom", version=row.version)
    row = delivery.accept(session, iom, row.id, version=row.version)
    delivery.answer(session, iom, row.id, AnswerData(ANSWER, "en"), version=row.version)
    return Scene(reading.get(session, portugal, row.id), portugal, secretariat, iom)


Outsider = Callable[[Session, Scene], Membership]


def other_state(session: Session, _scene: Scene) -> Membership:
    return factories.member(session, FOCAL_POINT, factories.state(session, "GHA"))


def other_agency(session: Session, _scene: Scene) -> Membership:
    """As good a match as the one that has the request: a match grants nothing."""
    return factories.member(session, EXPERT, factories.agency(session, "ilo", objectives={6: "primary"}))


def agency_that_declined(session: Session, scene: Scene) -> Membership:
    member = other_agency(session, scene)
    factories.party(session, scene.row, member.entity, state="declined").until = now()
    return member


def agency_that_declined_without_an_end(session: Session, scene: Scene) -> Membership:
    member = other_agency(session, scene)
    factories.party(session, scene.row, member.entity, state="declined")
    return member


def agency_that_left(session: Session, scene: Scene) -> Membership:
    member = other_agency(session, scene)
    factories.party(session, scene.row, member.entity, state="accepted").until = now()
    return member


def agency_named_as_peer(session: Session, scene: Scene) -> Membership:
    member = other_agency(session, scene)
    factories.party(session, scene.row, member.entity, role="peer", state="accepted")
    return member


def peer_state(session: Session, scene: Scene) -> Membership:
    member = other_state(session, scene)
    factories.party(session, scene.row, member.entity, role="peer", state="active")
    return member


def peer_that_declined(session: Session, scene: Scene) -> Membership:
    member = other_state(session, scene)
    factories.party(session, scene.row, member.entity, role="peer", state="declined").until = now()
    return member


def state_that_did_not_join(session: Session, scene: Scene) -> Membership:
    member = other_state(session, scene)
    factories.party(session, scene.row, member.entity, role="co_requesting", state="declined").until = now()
    return member


def administrator(session: Session, _scene: Scene) -> Membership:
    return factories.member(session, ADMINISTRATOR)


OUTSIDERS: tuple[Outsider, ...] = (
    other_state,
    other_agency,
    agency_that_declined,
    agency_that_declined_without_an_end,
    agency_that_left,
    agency_named_as_peer,
    peer_state,
    peer_that_declined,
    state_that_did_not_join,
    administrator,
)


@pytest.fixture(params=OUTSIDERS, ids=lambda make: make.__name__)
def outsider(request: pytest.FixtureRequest, session: Session, scene: Scene) -> Membership:
    member = request.param(session, scene)
    session.commit()
    return member


@pytest.fixture
def signed(client: FlaskClient, outsider: Membership) -> FlaskClient:
    signing.sign_in(client, outsider)
    return client


def shape(body: Any) -> dict[str, Any]:
    """A problem without what names the address asked for."""
    return {name: value for name, value in body.items() if name != "instance"}


def test_by_api_it_is_not_there(client: FlaskClient, scene: Scene, outsider: Membership) -> None:
    headers = signing.bearer(outsider)
    unknown = client.get("/api/v1/requests/01890a5d-ac96-774b-bcce-b302099a8057", headers=headers)
    assert unknown.status_code == 404
    for name in (scene.row.id, scene.row.reference):
        for below in READS:
            answer = client.get(f"/api/v1/requests/{name}{below}", headers=headers)
            assert answer.status_code == 404, below
            assert shape(answer.json) == shape(unknown.json)


def test_by_api_nothing_can_be_done_to_it(client: FlaskClient, scene: Scene, outsider: Membership) -> None:
    headers = signing.bearer(outsider)
    body = {"version": scene.row.version}
    address = f"/api/v1/requests/{scene.row.id}"
    for action in verbs.VERBS:
        assert client.post(f"{address}/actions/{action}", json=body, headers=headers).status_code == 404, action
    assert client.patch(address, json=body | {"title": "Ours"}, headers=headers).status_code == 404
    assert client.post(f"{address}/answers", json=body | {"text": "Ours"}, headers=headers).status_code == 404


def test_by_api_lists_and_counts_leave_it_out(client: FlaskClient, scene: Scene, outsider: Membership) -> None:
    listed = client.get("/api/v1/requests", headers=signing.bearer(outsider)).json
    assert listed == {"items": [], "next": None, "total": 0}


def test_as_a_page_it_is_not_there(signed: FlaskClient, scene: Scene) -> None:
    for below in PAGES:
        answer = signed.get(f"/en/requests/{scene.row.id}{below}")
        assert answer.status_code in {403, 404}, below
        assert SECRET not in answer.get_data(as_text=True)


def test_as_a_page_it_answers_like_one_that_never_was(signed: FlaskClient, scene: Scene) -> None:
    there = signed.get(f"/en/requests/{scene.row.id}")
    never = signed.get("/en/requests/01890a5d-ac96-774b-bcce-b302099a8057")
    assert there.status_code == never.status_code
    assert words(there, scene.row.id) == words(never, "01890a5d-ac96-774b-bcce-b302099a8057")


def words(response: Any, id_: str) -> str:
    """The page without the address asked for and the token of its forms."""
    html = response.get_data(as_text=True).replace(id_, "ID")
    return re.sub(r'name="csrf_token" value="[^"]*"', "", html)


def test_as_a_page_nothing_can_be_done_to_it(signed: FlaskClient, scene: Scene) -> None:
    form = {"version": scene.row.version, "title": "Ours", "description": "Ours", "text": "Ours", "do": "send"}
    addresses = [f"/actions/{action}" for action in verbs.VERBS] + ["/edit", "/answer"]
    for below in addresses:
        answer = signing.post(signed, f"/en/requests/{scene.row.id}{below}", form)
        assert answer.status_code in {403, 404}, below
        assert SECRET not in answer.get_data(as_text=True)


def test_lists_tasks_and_counts_of_pages_leave_it_out(signed: FlaskClient, scene: Scene) -> None:
    answer = signed.get("/en/requests")
    html = answer.get_data(as_text=True)
    assert answer.status_code in {200, 403}
    assert SECRET not in html
    assert scene.row.reference not in html
    assert "Answered" not in html


def test_a_visitor_is_asked_who_they_are_by_api(client: FlaskClient, scene: Scene) -> None:
    for below in READS:
        assert client.get(f"/api/v1/requests/{scene.row.id}{below}").status_code == 401
    assert client.get("/api/v1/requests").status_code == 401
    assert client.post("/api/v1/requests", json={}).status_code == 401
    assert client.post("/api/v1/matches", json={}).status_code == 401


def test_a_visitor_of_a_page_is_led_to_sign_in(client: FlaskClient, scene: Scene) -> None:
    for address in ("/en/requests", "/en/requests/new", *(f"/en/requests/{scene.row.id}{below}" for below in PAGES)):
        answer = client.get(address)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/en/sign-in")


@pytest.mark.parametrize("who", ["portugal", "secretariat", "iom"])
def test_ending_a_membership_closes_every_door(client: FlaskClient, session: Session, scene: Scene, who: str) -> None:
    member: Membership = getattr(scene, who)
    signing.sign_in(client, member)
    headers = signing.bearer(member)
    assert client.get(f"/en/requests/{scene.row.id}").status_code == 200
    member.until = now()
    session.commit()
    assert client.get(f"/en/requests/{scene.row.id}").status_code == 303
    assert client.get(f"/api/v1/requests/{scene.row.id}").status_code == 401
    assert client.get(f"/api/v1/requests/{scene.row.id}", headers=headers).status_code == 401


def test_a_person_acts_in_one_membership_at_a_time(client: FlaskClient, session: Session, scene: Scene) -> None:
    """Somebody who is an expert of IOM too reads the request as that, not as focal point of another State."""
    ghana = factories.member(session, FOCAL_POINT, factories.state(session, "GHA"))
    second = Membership(person=ghana.person, entity=scene.iom.entity, role=EXPERT, confirmed_at=now())
    session.add(second)
    session.commit()
    signing.sign_in(client, ghana)
    assert client.get(f"/en/requests/{scene.row.id}").status_code == 404
    signing.post(client, "/en/account/acting", {"membership_id": second.id})
    assert client.get(f"/en/requests/{scene.row.id}").status_code == 200


def test_a_draft_is_its_teams_own(client: FlaskClient, session: Session, scene: Scene) -> None:
    draft = requests.draft(session, scene.portugal, RequestData("Only thinking aloud", "Words", "en"))
    colleague = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    for reader, status in [(colleague, 200), (scene.secretariat, 404), (scene.iom, 404)]:
        headers = signing.bearer(reader)
        assert client.get(f"/api/v1/requests/{draft.id}", headers=headers).status_code == status
        shown = client.get("/api/v1/requests", headers=headers).get_data(as_text=True)
        assert ("Only thinking aloud" in shown) is (status == 200)


def test_public_search_and_suggestions_know_nothing_of_requests(client: FlaskClient, scene: Scene) -> None:
    for address in ("/en/", "/en/documents", "/api/v1/openapi.json"):
        html = client.get(address).get_data(as_text=True)
        assert SECRET not in html
        assert ANSWER not in html
        assert scene.row.reference not in html


def test_being_matched_gives_no_access(client: FlaskClient, session: Session, scene: Scene) -> None:
    """The matches that the State sees name an agency; its experts still find nothing."""
    expert = other_agency(session, scene)
    session.commit()
    found = client.get(f"/api/v1/requests/{scene.row.id}/matches", headers=signing.bearer(scene.portugal)).json
    assert "ILO" in [one["id"] for one in found["agencies"]]
    headers = signing.bearer(expert)
    assert client.get(f"/api/v1/requests/{scene.row.id}", headers=headers).status_code == 404
    assert client.get("/api/v1/requests", headers=headers).json["total"] == 0


def test_an_agency_that_has_not_accepted_sees_no_matches(client: FlaskClient, session: Session, scene: Scene) -> None:
    expert = other_agency(session, scene)
    factories.party(session, scene.row, expert.entity, role="contributor", state="sent")
    session.commit()
    headers = signing.bearer(expert)
    assert client.get(f"/api/v1/requests/{scene.row.id}", headers=headers).status_code == 200
    assert client.get(f"/api/v1/requests/{scene.row.id}/matches", headers=headers).status_code == 403


@pytest.fixture
def undecided(session: Session, scene: Scene) -> Membership:
    """An expert of an agency that was sent the request beside the one that works on it."""
    expert = factories.member(session, EXPERT, factories.agency(session, "ilo"))
    scene.row.summary = "Advice on contracts"
    session.commit()
    row = triage.send(session, scene.secretariat, scene.row.id, "ilo", version=scene.row.version, role="contributor")
    delivery.propose(session, scene.iom, row.id, PlanData(f"{ANSWER} as a plan"), version=row.version)
    return expert


@pytest.fixture
def scene_in_progress(session: Session, scene: Scene) -> Scene:
    scene.row.status = "in_progress"
    session.commit()
    return scene


def test_before_accepting_an_agency_sees_state_objectives_language_and_summary_by_api(
    client: FlaskClient, scene_in_progress: Scene, undecided: Membership
) -> None:
    headers = signing.bearer(undecided)
    row = scene_in_progress.row
    shown = client.get(f"/api/v1/requests/{row.id}", headers=headers).json
    assert (shown["country"], shown["gcm_objectives"], shown["language"]) == ("PRT", [6], "en")
    assert (shown["summary"], shown["title"], shown["description"]) == ("Advice on contracts", None, None)
    assert [party["id"] for party in shown["parties"]] == ["PRT", "ilo"]
    for address in ("", "?limit=5", *(f"/{row.id}{below}" for below in READS)):
        text = client.get(f"/api/v1/requests{address}", headers=headers).get_data(as_text=True)
        assert SECRET not in text, address
        assert ANSWER not in text, address
        assert "iom" not in text, address
    events = client.get(f"/api/v1/requests/{row.id}/events", headers=headers).json["items"]
    assert [(event["action"], event["target"]["id"], event["note"]) for event in events] == [("send", "ilo", None)]


def test_before_accepting_an_agency_sees_state_objectives_language_and_summary_on_pages(
    client: FlaskClient, scene_in_progress: Scene, undecided: Membership
) -> None:
    signing.sign_in(client, undecided)
    row = scene_in_progress.row
    for address in ("/en/requests", f"/en/requests/{row.id}", f"/en/requests/{row.id}/answer", "/en/notices"):
        text = client.get(address).get_data(as_text=True)
        assert SECRET not in text, address
        assert ANSWER not in text, address
    page = client.get(f"/en/requests/{row.id}").get_data(as_text=True)
    assert "Advice on contracts" in page
    assert "conflict of interest" in page
    failed = signing.post(client, f"/en/requests/{row.id}/actions/accept", {"version": 1})
    assert failed.status_code == 409
    assert SECRET not in failed.get_data(as_text=True)


@pytest.mark.parametrize(("role", "state"), [("peer", "sent"), ("peer", "accepted"), ("co_requesting", "sent")])
def test_a_state_that_was_asked_sees_state_objectives_language_and_summary(
    client: FlaskClient, session: Session, scene: Scene, role: str, state: str
) -> None:
    ghana = other_state(session, scene)
    factories.party(session, scene.row, ghana.entity, role=role, state=state)
    scene.row.summary = "Advice on contracts"
    session.commit()
    headers = signing.bearer(ghana)
    shown = client.get(f"/api/v1/requests/{scene.row.id}", headers=headers).json
    assert (shown["summary"], shown["title"], shown["gcm_objectives"]) == ("Advice on contracts", None, [6])
    assert [party["id"] for party in shown["parties"]] == ["PRT", "GHA"]
    assert client.get(f"/api/v1/requests/{scene.row.id}/events", headers=headers).json["items"] == []
    signing.sign_in(client, ghana)
    for address in (
        "/en/requests",
        *(f"/en/requests/{scene.row.id}{below}" for below in PAGES),
        "/api/v1/requests",
        *(f"/api/v1/requests/{scene.row.id}{below}" for below in READS),
    ):
        text = client.get(address).get_data(as_text=True)
        assert SECRET not in text, address
        assert ANSWER not in text, address
        assert "iom" not in text.lower(), address
    body = {"version": scene.row.version, "title": "Ours", "description": "Ours"}
    assert client.patch(f"/api/v1/requests/{scene.row.id}", json=body, headers=headers).status_code in {403, 409}


def test_after_accepting_it_sees_everything(
    client: FlaskClient, session: Session, scene_in_progress: Scene, undecided: Membership
) -> None:
    row = reading.get(session, undecided, scene_in_progress.row.id)
    delivery.accept(session, undecided, row.id, version=row.version)
    headers = signing.bearer(undecided)
    assert client.get(f"/api/v1/requests/{row.id}", headers=headers).json["title"] == SECRET
    assert ANSWER in client.get(f"/api/v1/requests/{row.id}/plans", headers=headers).get_data(as_text=True)


def test_private_answers_are_never_cached(client: FlaskClient, scene: Scene) -> None:
    signing.sign_in(client, scene.portugal)
    for address in ("/en/requests", f"/en/requests/{scene.row.id}", f"/api/v1/requests/{scene.row.id}"):
        assert client.get(address).headers["Cache-Control"] == "no-store"


def test_the_sign_in_ended_by_an_operator_ends_access(client: FlaskClient, session: Session, scene: Scene) -> None:
    signing.sign_in(client, scene.iom)
    people.leave(session, scene.iom)
    assert client.get(f"/en/requests/{scene.row.id}").status_code == 303
