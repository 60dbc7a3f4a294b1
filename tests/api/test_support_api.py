"""Support requests by API: the same verbs as the pages, told in JSON and problem documents."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.support.delivery_models import Alternate
from tests import factories, signing

WORDS = {
    "title": "Protect domestic workers",
    "description": "We would like advice on contracts.",
    "language": "en",
    "gcm_objectives": [6],
}


@dataclass
class Caller:
    """A script with the token of one membership."""

    membership: Membership
    client: Any
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers=self.headers, **more)

    def post(self, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> TestResponse:
        return self.client.post(f"/api/v1{path}", json=body, headers=self.headers | (headers or {}))

    def patch(self, path: str, body: Any, *, headers: dict[str, str] | None = None) -> TestResponse:
        return self.client.patch(f"/api/v1{path}", json=body, headers=self.headers | (headers or {}))

    def delete(self, path: str, body: Any) -> TestResponse:
        return self.client.delete(f"/api/v1{path}", json=body, headers=self.headers)

    def step(self, name: str, action: str, version: int, **body: Any) -> TestResponse:
        return self.post(f"/requests/{name}/actions/{action}", {"version": version, **body})


@pytest.fixture
def caller(app: Any, session: Session) -> Callable[..., Caller]:
    def make(role: str, entity: str = "") -> Caller:
        if role == FOCAL_POINT:
            membership = factories.member(session, role, factories.state(session, entity))
        elif role == EXPERT:
            membership = factories.member(session, role, factories.agency(session, entity))
        else:
            membership = factories.secretariat(session)
        session.commit()
        return Caller(membership, app.test_client(), signing.bearer(membership))

    return make


@pytest.fixture
def portugal(caller: Callable[..., Caller]) -> Caller:
    return caller(FOCAL_POINT, "PRT")


@pytest.fixture
def secretariat(caller: Callable[..., Caller]) -> Caller:
    return caller("secretariat")


@pytest.fixture
def iom(caller: Callable[..., Caller]) -> Caller:
    return caller(EXPERT, "iom")


def problem(response: TestResponse, status: int, slug: str) -> dict[str, Any]:
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    assert response.json["type"].endswith(f"#{slug}")
    return response.json


@pytest.mark.both_databases
def test_a_request_goes_from_draft_to_closed(
    portugal: Caller, secretariat: Caller, iom: Caller, session: Session
) -> None:
    factories.document(session, "model-contracts", title="Model contracts")
    session.commit()

    made = portugal.post("/requests", WORDS)
    assert made.status_code == 201
    assert made.headers["ETag"] == '"1"'
    assert made.json["actions"] == ["edit", "submit", "withdraw", "invite"]
    name = made.json["reference"]
    assert made.headers["Location"] == f"/api/v1/requests/{made.json['id']}"

    assert portugal.step(name, "submit", 1).json["status"] == "submitted"
    assert secretariat.step(name, "send", 2, agency="IOM").json["status"] == "matching"
    assert iom.step(name, "accept", 3).json["status"] == "planning"
    sent = iom.post(f"/requests/{name}/answers", {"text": "Use these.", "citations": ["model-contracts"], "version": 4})
    assert sent.status_code == 201
    (answer,) = portugal.get(f"/requests/{name}/answers").json["items"]
    assert (answer["text"], answer["agency"]) == ("Use these.", "iom")
    assert answer["citations"][0]["title"] == "Model contracts"
    closed = portugal.step(name, "close", 5).json
    assert (closed["status"], closed["version"], closed["actions"]) == ("closed", 6, ["reopen"])

    events = portugal.get(f"/requests/{name}/events").json["items"]
    assert [event["action"] for event in events] == ["draft", "submit", "send", "accept", "answer", "close"]
    assert events[2]["office"]["id"] == "secretariat"
    assert events[2]["target"] == {"id": "iom", "name": "IOM"}


def test_a_request_is_asked_about_triaged_and_planned(portugal: Caller, secretariat: Caller, iom: Caller) -> None:
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    assert secretariat.step(name, "ask", 2, note="For whom?").json["status"] == "clarification"
    assert "note" in problem(portugal.step(name, "reply", 3), 422, "invalid")["errors"]
    assert portugal.step(name, "reply", 3, note="For all.").json["status"] == "submitted"
    triaged = secretariat.step(name, "triage", 4, reason="partly_in_scope").json
    assert (triaged["status"], triaged["actions"]) == ("triaged", ["ask", "send", "decline", "pause"])
    secretariat.step(name, "send", 5, agency="IOM")
    iom.step(name, "accept", 6)
    plan = {"text": "We compare.", "steps": ["Read", "Write"], "target_on": "2026-12-31"}
    assert iom.step(name, "propose", 7, **plan).json["status"] == "planning"
    assert "agree" in portugal.get(f"/requests/{name}").json["actions"]
    assert portugal.step(name, "send_back", 8, note="Sooner.").json["status"] == "planning"
    possible = problem(portugal.step(name, "agree", 9), 409, "illegal-transition")["possible"]
    assert possible == ["withdraw"]
    iom.step(name, "propose", 9, **plan)
    assert portugal.step(name, "agree", 10).json["status"] == "in_progress"
    first, second = iom.get(f"/requests/{name}/plans").json["items"]
    assert (first["status"], second["status"], second["number"]) == ("sent_back", "agreed", 2)
    assert (second["steps"], second["target_on"], second["agency"]) == (["Read", "Write"], "2026-12-31", "iom")


def test_the_clocks_of_a_request_are_told(portugal: Caller, secretariat: Caller) -> None:
    made = portugal.post("/requests", WORDS).json
    assert made["clocks"] == []
    name = made["id"]
    running = portugal.step(name, "submit", 1).json["clocks"]
    assert [clock["stage"] for clock in running] == ["acknowledge", "triage", "match", "plan", "answer"]
    assert not any(clock["overdue"] or clock["paused"] or clock["stopped_at"] for clock in running)
    assert secretariat.step(name, "acknowledge", 2).json["clocks"][0]["stopped_at"]
    clocks = {clock["stage"]: clock for clock in secretariat.step(name, "ask", 3, note="For whom?").json["clocks"]}
    assert (clocks["triage"]["paused"], clocks["reply"]["paused"]) == (True, False)


@pytest.mark.parametrize(
    ("action", "body", "named"),
    [
        ("ask", {}, "note"),
        ("ask", {"note": " "}, "note"),
        ("triage", {"reason": "because"}, "reason"),
        ("triage", {"reason": "other"}, "note"),
        ("propose", {}, "text"),
        ("propose", {"text": "T", "target_on": "soon"}, "target_on"),
        ("propose", {"text": "T", "target_on": 7}, "target_on"),
        ("propose", {"text": "T", "steps": "one"}, "steps"),
        ("propose", {"text": "T", "steps": [7]}, "steps"),
        ("propose", {"text": "T", "steps": ["a"] * 31}, "steps"),
        ("propose", {"text": "T", "steps": ["a" * 501]}, "steps"),
        ("send_back", {}, "note"),
    ],
)
def test_a_step_with_bad_words_names_them(
    secretariat: Caller, portugal: Caller, action: str, body: Any, named: str
) -> None:
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    assert named in problem(secretariat.step(name, action, 2, **body), 422, "invalid")["errors"]


def test_a_request_can_be_submitted_at_once(portugal: Caller) -> None:
    assert portugal.post("/requests", WORDS | {"submit": True}).json["status"] == "submitted"


def test_the_version_may_come_as_if_match(portugal: Caller) -> None:
    name = portugal.post("/requests", WORDS | {"summary": "For agencies"}).json["id"]
    changed = portugal.patch(f"/requests/{name}", {"title": "Other"}, headers={"If-Match": '"1"'})
    assert (changed.json["title"], changed.json["version"]) == ("Other", 2)
    assert changed.headers["ETag"] == '"2"'
    assert changed.json["description"] == WORDS["description"]
    assert changed.json["summary"] == "For agencies"
    stale = portugal.patch(f"/requests/{name}", {"title": "Third"}, headers={"If-Match": '"1"'})
    assert problem(stale, 409, "stale-version")["version"] == 2


@pytest.mark.parametrize("tag", ['"x"', "*", '"1", "2"', 'W/"1"', '"²"', '"99999999999999999999"'])
def test_an_if_match_that_is_no_version_changes_nothing(portugal: Caller, tag: str) -> None:
    name = portugal.post("/requests", WORDS).json["id"]
    answer = portugal.patch(f"/requests/{name}", {"title": "Other"}, headers={"If-Match": tag})
    assert answer.status_code in {409, 422}
    assert portugal.get(f"/requests/{name}").json["title"] == WORDS["title"]


def test_a_write_without_a_version_is_refused(portugal: Caller) -> None:
    name = portugal.post("/requests", WORDS).json["id"]
    assert "version" in problem(portugal.patch(f"/requests/{name}", {"title": "Other"}), 422, "invalid")["errors"]
    assert "version" in problem(portugal.post(f"/requests/{name}/actions/submit", {}), 422, "invalid")["errors"]


def test_body_and_header_must_agree_on_the_version(portugal: Caller) -> None:
    name = portugal.post("/requests", WORDS).json["id"]
    answer = portugal.patch(f"/requests/{name}", {"title": "Other", "version": 1}, headers={"If-Match": '"2"'})
    assert "version" in problem(answer, 422, "invalid")["errors"]


def test_an_impossible_step_says_what_is_possible(portugal: Caller) -> None:
    name = portugal.post("/requests", WORDS).json["id"]
    assert problem(portugal.step(name, "close", 1), 409, "illegal-transition")["possible"] == [
        "edit",
        "submit",
        "withdraw",
        "invite",
    ]


def test_an_unknown_action_is_not_there(portugal: Caller) -> None:
    name = portugal.post("/requests", WORDS).json["id"]
    problem(portugal.step(name, "publish", 1), 404, "not-found")


def test_a_step_of_somebody_else_is_forbidden(portugal: Caller, secretariat: Caller) -> None:
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    problem(portugal.step(name, "decline", 2, reason="duplicate"), 403, "forbidden")
    problem(secretariat.step(name, "withdraw", 2), 403, "forbidden")


def test_the_same_key_makes_one_request(portugal: Caller) -> None:
    key = {"Idempotency-Key": "night-job-17"}
    first = portugal.post("/requests", WORDS, headers=key)
    second = portugal.post("/requests", WORDS, headers=key)
    assert first.json["id"] == second.json["id"]
    assert portugal.get("/requests").json["total"] == 1
    other = portugal.post("/requests", WORDS | {"title": "Another"}, headers=key)
    assert problem(other, 409, "stale-version")["reference"] == first.json["reference"]


@pytest.mark.parametrize("key", ["", "x" * 101, "é"])
def test_a_key_that_cannot_be_kept_is_refused(portugal: Caller, key: str) -> None:
    problem(portugal.post("/requests", WORDS, headers={"Idempotency-Key": key}), 422, "invalid")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"title": None}, "title"),
        ({"title": 7}, "title"),
        ({"title": "a\u0000b"}, "title"),
        ({"description": "x" * 20_001}, "description"),
        ({"summary": "x" * 1_001}, "summary"),
        ({"language": "de"}, "language"),
        ({"language": ["en"]}, "language"),
        ({"gcm_objectives": [24]}, "gcm_objectives"),
        ({"gcm_objectives": [0]}, "gcm_objectives"),
        ({"gcm_objectives": ["six"]}, "gcm_objectives"),
        ({"gcm_objectives": 6}, "gcm_objectives"),
        ({"gcm_objectives": [1e400]}, "gcm_objectives"),
        ({"country": "Portugal"}, "country"),
        ({"status": "closed"}, "status"),
    ],
)
def test_a_bad_field_is_named(portugal: Caller, change: dict[str, Any], named: str) -> None:
    assert named in problem(portugal.post("/requests", WORDS | change), 422, "invalid")["errors"]
    assert portugal.get("/requests").json["total"] == 0


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"title": NaN}', b"null"])
def test_a_broken_body_is_a_4xx_with_a_sentence(portugal: Caller, body: bytes) -> None:
    answer = portugal.client.post(
        "/api/v1/requests", data=body, headers=portugal.headers, content_type="application/json"
    )
    assert 400 <= answer.status_code < 500
    assert answer.json["title"]


@pytest.mark.both_databases
def test_half_a_character_is_refused(portugal: Caller) -> None:
    body = b'{"title": "half \\ud83d", "description": "Words"}'
    answer = portugal.client.post(
        "/api/v1/requests", data=body, headers=portugal.headers, content_type="application/json"
    )
    assert "title" in problem(answer, 422, "invalid")["errors"]


def test_a_body_of_another_kind_is_refused(portugal: Caller) -> None:
    answer = portugal.client.post("/api/v1/requests", data="title=x", headers=portugal.headers)
    assert answer.status_code == 415


def test_a_request_for_another_state_is_forbidden(portugal: Caller) -> None:
    problem(portugal.post("/requests", WORDS | {"country": "GHA"}), 403, "forbidden")


def test_a_list_is_paged_by_an_opaque_cursor(portugal: Caller) -> None:
    made = [portugal.post("/requests", WORDS).json["id"] for _ in range(3)]
    first = portugal.get("/requests", query_string={"limit": 2}).json
    rest = portugal.get("/requests", query_string={"limit": 2, "cursor": first["next"]}).json
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
    assert (first["total"], rest["next"]) == (3, None)


def test_a_list_is_narrowed_by_status(portugal: Caller) -> None:
    portugal.post("/requests", WORDS)
    portugal.post("/requests", WORDS | {"submit": True})
    assert portugal.get("/requests?status=submitted").json["total"] == 1
    assert portugal.get("/requests?status=submitted&status=draft").json["total"] == 2


@pytest.mark.parametrize("query", ["status=odd", "limit=0", "limit=1000", "limit=x", "page=2", "limit=1&limit=2"])
def test_unknown_and_bad_parameters_are_named(portugal: Caller, query: str) -> None:
    assert query.split("=", maxsplit=1)[0] in problem(portugal.get(f"/requests?{query}"), 422, "invalid")["errors"]


def test_a_made_up_cursor_is_refused(portugal: Caller) -> None:
    problem(portugal.get("/requests?cursor=made-up"), 400, "bad-request")


def test_refusing_ends_the_agencys_access(portugal: Caller, secretariat: Caller, iom: Caller) -> None:
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    secretariat.step(name, "send", 2, agency="iom")
    assert iom.step(name, "refuse", 3, reason="no_capacity").status_code == 204
    problem(iom.get(f"/requests/{name}"), 404, "not-found")


def test_a_draft_answer_is_kept_and_sent(portugal: Caller, secretariat: Caller, iom: Caller) -> None:
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    secretariat.step(name, "send", 2, agency="iom")
    iom.step(name, "accept", 3)
    draft = iom.post(f"/requests/{name}/answers", {"text": "Half", "status": "draft"})
    assert (draft.status_code, draft.json["status"]) == (201, "draft")
    assert portugal.get(f"/requests/{name}/answers").json["items"] == []
    blind = iom.post(f"/requests/{name}/answers", {"text": "Whole", "version": 4})
    assert problem(blind, 409, "stale-version")["answer_version"] == 1
    sent = iom.post(f"/requests/{name}/answers", {"text": "Whole", "version": 4, "answer_version": 1})
    assert sent.json["status"] == "sent"
    assert [one["text"] for one in portugal.get(f"/requests/{name}/answers").json["items"]] == ["Whole"]


def test_an_answer_citing_nothing_that_exists_is_refused(portugal: Caller, secretariat: Caller, iom: Caller) -> None:
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    secretariat.step(name, "send", 2, agency="iom")
    iom.step(name, "accept", 3)
    answer = iom.post(f"/requests/{name}/answers", {"text": "T", "citations": ["made-up"], "version": 4})
    assert "citations" in problem(answer, 422, "invalid")["errors"]


def test_matches_of_a_request_come_with_reasons_that_sum_to_the_score(portugal: Caller, session: Session) -> None:
    factories.agency(session, "ilo", objectives={6: "primary"})
    factories.document(
        session, "contracts", title="Contracts for domestic workers", countries=("PHL",), objectives=(6,)
    )
    session.commit()
    name = portugal.post("/requests", WORDS).json["id"]
    found = portugal.get(f"/requests/{name}/matches").json
    assert [one["id"] for one in found["agencies"]] == ["ILO"]
    assert [one["id"] for one in found["practices"]] == ["contracts"]
    for one in found["agencies"] + found["peer_states"] + found["practices"]:
        assert one["score"] == pytest.approx(sum(reason["weight"] for reason in one["reasons"]))
        assert all(reason["evidence"] and reason["text"] for reason in one["reasons"])


def test_a_need_is_matched_without_storing_it(portugal: Caller, session: Session) -> None:
    factories.agency(session, "ilo", objectives={6: "primary"})
    session.commit()
    found = portugal.post("/matches", {"country": "PRT", **WORDS})
    assert [one["id"] for one in found.json["agencies"]] == ["ILO"]
    assert portugal.get("/requests").json["total"] == 0


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"title": "T"}, "country"),
        ({"country": "XXX", "title": "T"}, "country"),
        ({"country": "prt", "title": "T"}, "country"),
        ({"country": "PRT\n", "title": "T"}, "country"),
        ({"country": "PRT"}, "description"),
        ({"country": "PRT", "title": "T", "rid": "1"}, "rid"),
    ],
)
def test_a_need_that_cannot_be_matched_is_named(portugal: Caller, body: dict[str, Any], named: str) -> None:
    assert named in problem(portugal.post("/matches", body), 422, "invalid")["errors"]


def test_a_contribution_is_handed_to_the_lead_and_named_in_the_answer(
    portugal: Caller, secretariat: Caller, iom: Caller, caller: Callable[..., Caller]
) -> None:
    ilo = caller(EXPERT, "ilo")
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    secretariat.step(name, "send", 2, agency="iom")
    secretariat.step(name, "send", 3, agency="ilo", role="contributor", adjustment="It knows contracts.")
    iom.step(name, "accept", 4)
    ilo.step(name, "accept", 5)
    problem(ilo.post(f"/requests/{name}/answers", {"text": "Mine.", "version": 6}), 403, "forbidden")
    problem(ilo.post(f"/requests/{name}/contributions", {"text": "Ours."}), 422, "invalid")
    ilo.post(f"/requests/{name}/contributions", {"text": "Or so.", "status": "draft"})
    problem(ilo.delete(f"/requests/{name}/contributions/draft", {"version": 2}), 409, "stale-version")
    assert ilo.delete(f"/requests/{name}/contributions/draft", {"version": 1}).status_code == 204
    assert ilo.get(f"/requests/{name}/contributions").json["items"] == []
    handed = ilo.post(f"/requests/{name}/contributions", {"text": "Ours.", "version": 6}).json
    assert handed["status"] == "handed"
    assert portugal.get(f"/requests/{name}/contributions").json["items"] == []
    assert [one["text"] for one in iom.get(f"/requests/{name}/contributions").json["items"]] == ["Ours."]
    sent = iom.post(f"/requests/{name}/answers", {"text": "Together.", "version": 7})
    assert (sent.status_code, sent.json["number"], sent.json["contributors"]) == (201, 1, ["ilo"])
    (read,) = portugal.get(f"/requests/{name}/answers").json["items"]
    assert (read["agency"], read["contributors"]) == ("iom", ["ilo"])


def test_an_agency_that_is_not_the_best_match_is_sent_a_request_for_a_reason_alone(
    portugal: Caller, secretariat: Caller, session: Session
) -> None:
    factories.agency(session, "ilo", objectives={6: "primary"})
    factories.agency(session, "unhcr", objectives={6: "secondary"})
    factories.agency(session, "aaa")
    session.commit()
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    assert "adjustment" in problem(secretariat.step(name, "send", 2, agency="aaa"), 422, "invalid")["errors"]
    assert secretariat.step(name, "send", 2, agency="ILO").status_code == 200
    chosen = [one.entity_id for one in session.scalars(select(Alternate).order_by(Alternate.position))]
    assert chosen == ["unhcr"]  # the next best, unless somebody says otherwise


def test_many_requests_take_a_step_each_by_itself(portugal: Caller, secretariat: Caller, session: Session) -> None:
    factories.agency(session, "ilo", objectives={6: "primary"})
    session.commit()
    first, second, third = (portugal.post("/requests", WORDS | {"submit": True}).json for _ in range(3))
    portugal.step(third["id"], "withdraw", 2)
    picked = [f"{first['reference']}:2", f"{second['id']}:1", f"{third['id']}:3", "R-2000-0001:1"]
    done = secretariat.post("/requests/many", {"action": "send", "requests": picked}).json["items"]
    assert [one["done"] for one in done] == [True, False, False, False]
    assert [one["reference"] for one in done] == [first["reference"], second["reference"], third["reference"], None]
    assert all(one["detail"] for one in done[1:])
    assert secretariat.get(f"/requests/{first['id']}").json["status"] == "matching"
    assert secretariat.get(f"/requests/{second['id']}").json["status"] == "submitted"


@pytest.mark.parametrize(
    "body",
    [
        {"action": "close", "requests": ["a:1"]},
        {"action": "send", "requests": []},
        {"action": "send", "requests": ["a:x"]},
    ],
)
def test_many_requests_with_bad_words_change_nothing(secretariat: Caller, body: dict[str, Any]) -> None:
    problem(secretariat.post("/requests/many", body), 422, "invalid")


def test_the_secretariat_sees_loads_and_shortages_and_nobody_else_does(
    portugal: Caller, secretariat: Caller, iom: Caller
) -> None:
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    secretariat.step(name, "send", 2, agency="iom")
    found = secretariat.get("/requests/loads").json
    assert found["agencies"] == [{"id": "iom", "name": "IOM", "asked": 1, "accepted": 0, "overdue": 0, "declined": 0}]
    assert found["shortages"] == [{"gcm_objective": 6, "open": 1, "without_agency": 1}]
    assert secretariat.get("/requests/overdue").json["items"] == []
    for path in ("loads", "overdue"):
        for stranger in (portugal, iom):
            problem(stranger.get(f"/requests/{path}"), 403, "forbidden")
    iom.step(name, "accept", 3)
    assert secretariat.get("/requests/loads").json["shortages"] == []


@pytest.mark.parametrize("field", ["text", "note"])
def test_an_oversized_text_is_named_and_changes_nothing(
    portugal: Caller, secretariat: Caller, iom: Caller, field: str
) -> None:
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    secretariat.step(name, "send", 2, agency="iom")
    iom.step(name, "accept", 3)
    body = {"text": "x" * 100_001, "version": 4} if field == "text" else {"note": "x" * 2_001, "version": 4}
    path = f"/requests/{name}/answers" if field == "text" else f"/requests/{name}/actions/withdraw"
    answer = (iom if field == "text" else portugal).post(path, body)
    assert field in problem(answer, 422, "invalid")["errors"]
    assert portugal.get(f"/requests/{name}").json["version"] == 4


def test_a_double_click_accepts_once(portugal: Caller, secretariat: Caller, iom: Caller) -> None:
    name = portugal.post("/requests", WORDS | {"submit": True}).json["id"]
    secretariat.step(name, "send", 2, agency="iom")
    assert [iom.step(name, "accept", 3).status_code for _ in range(2)] == [200, 403]
    events = portugal.get(f"/requests/{name}/events").json["items"]
    assert [one["action"] for one in events].count("accept") == 1
