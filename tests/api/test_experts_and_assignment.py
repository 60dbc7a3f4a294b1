"""Experts' profiles, conflicts of interest and the assignment, as people and scripts meet them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.support import conflicts, experts, reading, requests, triage
from hub.support.experts import ProfileData
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from tests import factories, signing

pytestmark = pytest.mark.usefixtures("words")

PROFILE = {"capacity": 2, "languages": ["en", "sw"], "gcm_objectives": [6], "regions": ["Western Africa"], "version": 0}


@dataclass
class Browser:
    membership: Membership
    client: Any

    def get(self, address: str, status: int = 200) -> str:
        return _text(self.client.get(address), status)

    def post(self, address: str, status: int = 303, **form: Any) -> str:
        response = signing.post(self.client, address, form)
        if response.status_code == 303:
            assert status == 303
            return self.get(response.location.partition("#")[0])
        return _text(response, status)

    def call(self, method: str, address: str, status: int = 200, **body: Any) -> Any:
        headers = {"X-CSRFToken": signing.csrf_token(self.client)}
        response = self.client.open(f"/api/v1{address}", method=method, json=body, headers=headers)
        assert response.status_code == status, response.get_data(as_text=True)
        return response.get_json(silent=True)


def _text(response: TestResponse, status: int) -> str:
    html = unescape(response.get_data(as_text=True))
    assert response.status_code == status, html
    return html


@pytest.fixture
def browser(app: Any, session: Session) -> Callable[..., Browser]:
    def make(role: str, entity: str | None = None, **person: Any) -> Browser:
        makes = {"iom": factories.agency, "ilo": factories.agency, "PRT": factories.state}
        opened = Browser(
            factories.member(session, role, makes[entity](session, entity) if entity else None, **person),
            app.test_client(),
        )
        signing.sign_in(opened.client, opened.membership)
        return opened

    return make


@pytest.fixture
def secretariat(browser: Callable[..., Browser]) -> Browser:
    return browser("secretariat")


@pytest.fixture
def iom(browser: Callable[..., Browser]) -> Browser:
    return browser(EXPERT, "iom", name="Amina of IOM (test)")


@pytest.fixture
def ilo(browser: Callable[..., Browser]) -> Browser:
    return browser(EXPERT, "ilo", name="Luis of ILO (test)")


@pytest.fixture
def row(browser: Callable[..., Browser], session: Session, secretariat: Browser) -> SupportRequest:
    portugal = browser(FOCAL_POINT, "PRT").membership
    data = RequestData("A title of secrets", "Advice on contracts", "en", (6,), summary="Workers")
    made = requests.draft(session, portugal, data, submit=True)
    return triage.triage(session, secretariat.membership, made.id, version=made.version)


def test_an_expert_fills_in_the_profile_and_clears_an_absence(iom: Browser, session: Session) -> None:
    me = f"/en/experts/{iom.membership.id}"
    form = {"version": 0, "capacity": 4, "minimum_load": 1, "languages": ["fr"], "other_languages": "pt, SW"}
    page = iom.post(me, **form, from_0="2030-01-01", until_0="2030-01-31", regions=["Africa"], own_states=["GHA"])
    assert 'value="2030-01-31"' in page
    assert 'value="pt, sw"' in page
    saved = experts.entry(session, iom.membership, iom.membership.id).profile
    assert saved is not None
    assert (saved.capacity, saved.languages, saved.own_states) == (4, ["fr", "pt", "sw"], ["GHA"])
    page = iom.post(me, **{**form, "version": 1}, from_0="", until_0="")
    assert "2030-01-31" not in page


def test_what_was_typed_comes_back_with_what_is_wrong(iom: Browser) -> None:
    me = f"/en/experts/{iom.membership.id}"
    page = iom.post(me, 422, version=0, capacity=3, languages=["en"], from_0="2030-01-02", until_0="", note="Call me")
    assert "An absence needs its first and its last day." in page
    assert 'value="2030-01-02"' in page
    assert "Call me" in page
    assert "Choose at least one language." in iom.post(me, 422, version=0, capacity=3)
    iom.post(me, version=0, capacity=3, languages=["en"])
    assert "Somebody else changed this profile" in iom.post(me, 409, version=0, capacity=9, languages=["en"])


def test_note_and_own_states_are_not_for_colleagues(
    browser: Callable[..., Browser], iom: Browser, secretariat: Browser
) -> None:
    colleague = browser(EXPERT, "iom")
    iom.call("PUT", "/experts/me", **PROFILE, own_states=["GHA"], note="On parental leave soon")
    seen = next(one for one in colleague.call("GET", "/experts")["items"] if one["id"] == iom.membership.id)
    assert seen["capacity"] == 2
    assert {"note", "own_states"}.isdisjoint(seen)
    assert "parental" not in colleague.get(f"/en/experts/{iom.membership.id}")
    assert "parental" not in colleague.get("/en/experts")
    assert "parental" in secretariat.get(f"/en/experts/{iom.membership.id}")
    colleague.call("PUT", f"/experts/{iom.membership.id}", 403, **{**PROFILE, "version": 1})
    secretariat.call("POST", f"/experts/{iom.membership.id}/coordinator", coordinator=True, version=1)
    iom.call("PUT", f"/experts/{colleague.membership.id}", **PROFILE)


def test_an_expert_of_another_agency_is_not_there(iom: Browser, ilo: Browser) -> None:
    iom.get(f"/en/experts/{ilo.membership.id}", 404)
    iom.call("GET", f"/experts/{ilo.membership.id}", 404)


def test_a_conflict_is_declared_on_the_outline_before_anything_is_read(
    iom: Browser, browser: Callable[..., Browser], secretariat: Browser, row: SupportRequest, session: Session
) -> None:
    browser(EXPERT, "iom")
    sent = triage.send(session, secretariat.membership, row.id, "iom", version=row.version)
    page = iom.get(f"/en/requests/{row.id}")
    assert "A title of secrets" not in page
    assert "Declare a conflict of interest" in page
    act = f"/en/requests/{row.id}/actions/declare"
    assert "Choose one." in iom.post(act, 422, version=sent.version)
    assert "is recorded" in iom.post(act, version=sent.version, reason="personal")
    iom.get(f"/en/requests/{row.id}", 404)

    page = secretariat.get(f"/en/requests/{row.id}")
    assert "Amina of IOM (test)" in page
    assert "Personal or family ties" in page
    (conflict,) = [one for one in secretariat.call("GET", f"/requests/{row.id}/conflicts")["items"] if one["id"]]
    assert (conflict["kind"], conflict["expert"]) == ("declared", iom.membership.id)
    iom.call("GET", f"/requests/{row.id}/conflicts", 403)
    secretariat.call("DELETE", f"/requests/{row.id}/conflicts/{conflict['id']}", 204)
    assert "Workers" in iom.get(f"/en/requests/{row.id}")


def test_a_programme_with_a_state_keeps_its_agency_out_of_the_form_to_send(
    secretariat: Browser, row: SupportRequest
) -> None:
    assert '<option value="iom"' in secretariat.get(f"/en/requests/{row.id}")
    assert "Fill this in." in secretariat.post(
        "/en/conflicts", 422, agency="iom", country="PRT", programme="", source=""
    )
    tie = {"agency": "iom", "country": "PRT", "programme": "Return (test)", "source": "Report 7"}
    assert "Return (test)" in secretariat.post("/en/conflicts", **tie)
    page = secretariat.get(f"/en/requests/{row.id}")
    assert '<option value="iom"' not in page
    assert "Report 7" in page
    (shown,) = secretariat.call("GET", "/programme-ties")["items"]
    assert {name: shown[name] for name in tie} == tie
    assert "No tie is recorded." in secretariat.post(f"/en/conflicts/{shown['id']}/end")


def test_all_open_requests_are_solved_applied_undone_and_sent_by_buttons(
    secretariat: Browser, iom: Browser, ilo: Browser, row: SupportRequest, session: Session
) -> None:
    iom.call("PUT", "/experts/me", **{**PROFILE, "regions": []})
    ilo.call("PUT", "/experts/me", **{**PROFILE, "languages": ["fr"], "regions": []})
    page = secretariat.post("/en/assignment", change_cost="0.1")
    assert "Amina of IOM (test)" in page
    assert "Luis" not in page
    assert "dry run" in page
    run = re.search(r"/en/assignment/([0-9a-f-]{36})/apply", page)
    assert run
    assert "Nothing is sent yet." in secretariat.post(f"/en/assignment/{run[1]}/apply")
    assert '<option value="iom" selected>' in secretariat.get(f"/en/requests/{row.id}")
    assert "as they were before" in secretariat.post(f"/en/assignment/{run[1]}/undo")
    assert "Nobody is proposed" in secretariat.get("/en/assignment")
    assert "not ready" in secretariat.post(f"/en/assignment/{run[1]}/apply", 409)

    made = secretariat.call("POST", "/assignments", 201)
    assert secretariat.call("POST", f"/assignments/{made['id']}/apply")["status"] == "applied"
    assert "locked" in secretariat.post(f"/en/assignment/lock/{row.id}", locked="true")
    assert f"Sent: \u2068{row.reference}\u2069" in secretariat.post("/en/assignment/send")
    assert reading.readable(iom.membership, reading.get(session, secretariat.membership, row.id))


def test_a_shortage_is_said_in_words(secretariat: Browser, iom: Browser, row: SupportRequest, session: Session) -> None:
    iom.call("PUT", "/experts/me", **{**PROFILE, "languages": ["fr"]})
    assert "No speaker of English for objective 6" in secretariat.post("/en/assignment")


def test_what_changed_since_is_named_and_another_run_offered(
    secretariat: Browser, iom: Browser, row: SupportRequest
) -> None:
    iom.call("PUT", "/experts/me", **{**PROFILE, "regions": []})
    made = secretariat.call("POST", "/assignments", 201)
    iom.call("PUT", "/experts/me", **{**PROFILE, "version": 1})
    page = secretariat.post(f"/en/assignment/{made['id']}/apply", 409)
    assert "Something has changed since this was computed." in page
    assert "Amina of IOM (test)" in page
    assert "Solve it again" in page
    problem = secretariat.call("POST", f"/assignments/{made['id']}/apply", 409)
    assert problem["changed"] == {"experts": [iom.membership.id]}


def test_the_board_says_what_is_left_out_and_joins_counts_as_the_language_does(
    secretariat: Browser, iom: Browser, row: SupportRequest, session: Session, browser: Callable[..., Browser]
) -> None:
    assert "left out" not in secretariat.get("/en/assignment")
    portugal = browser(FOCAL_POINT, "PRT").membership
    for status in ("submitted", "clarification", "draft"):
        factories.request(session, portugal, status=status)
    session.commit()
    page = secretariat.get("/en/assignment")
    assert "1 open request and 1 expert who is there" in page
    assert "2 requests are not taken on yet and are left out." in page


def test_the_assignment_is_the_secretariats_alone(iom: Browser, browser: Callable[..., Browser]) -> None:
    for reader in (iom, browser(FOCAL_POINT, "PRT")):
        reader.get("/en/assignment", 403)
        reader.call("GET", "/assignments", 403)
        reader.call("POST", "/assignments", 403)
    browser(FOCAL_POINT, "PRT").get("/en/experts", 403)


@pytest.mark.parametrize("language", ["ar", "zh", "fr", "ru", "es"])
def test_every_page_works_in_every_language(
    secretariat: Browser, iom: Browser, row: SupportRequest, language: str, session: Session
) -> None:
    experts.save(session, iom.membership, iom.membership.id, ProfileData(1, ("en",), regions=("Africa",)), version=0)
    conflicts.tie(session, secretariat.membership, agency="ilo", country="PRT", programme="P", source="S")
    made = secretariat.call("POST", "/assignments", 201)
    pages = ("assignment", f"assignment/{made['id']}", "experts", f"experts/{iom.membership.id}", "conflicts")
    for page in (*pages, f"requests/{row.id}"):
        assert f'lang="{language}"' in secretariat.get(f"/{language}/{page}")
    assert f'lang="{language}"' in iom.get(f"/{language}/experts/me")
