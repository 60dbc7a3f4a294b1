"""The register as pages, by API and as files: what is agreed to, at once, and not a word more."""

import csv
import io
import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.support import consents, contributions, delivery, reading, requests, snapshots, triage
from hub.support.delivery import AnswerData
from hub.support.models import Answer, Snapshot, SupportRequest
from hub.support.requests import RequestData
from tests import factories, signing

TITLE, DESCRIPTION, SUMMARY, ANSWER = "=Secret title", "Secret description", "Secret summary", "Secret advice"
CONTRIBUTION = "Secret contribution"
SECRETS = (TITLE, DESCRIPTION, SUMMARY, ANSWER, CONTRIBUTION)


@dataclass
class Scene:
    row: SupportRequest
    portugal: Membership
    iom: Membership
    answer: Answer


@pytest.fixture
def scene(session: Session) -> Scene:
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    desk = factories.secretariat(session)
    ilo = factories.member(session, EXPERT, factories.agency(session, "ilo"))
    iom = factories.member(session, EXPERT, factories.agency(session, "iom"))
    session.commit()
    row = requests.draft(session, portugal, RequestData(TITLE, DESCRIPTION, "en", (6,), summary=SUMMARY), submit=True)
    row = triage.send(session, desk, row.id, "iom", version=row.version)
    row = delivery.accept(session, iom, row.id, version=row.version)
    row = triage.send(session, desk, row.id, "ilo", version=row.version, role="contributor", adjustment="Contracts.")
    row = delivery.accept(session, ilo, row.id, version=row.version)
    contributions.contribute(session, ilo, row.id, AnswerData(CONTRIBUTION, "en"), version=row.version)
    session.refresh(row)
    delivery.answer(session, iom, row.id, AnswerData(ANSWER, "en"), version=row.version)
    row = reading.get(session, portugal, row.id)
    return Scene(row, portugal, iom, reading.answers(session, portugal, row)[0])


PUBLIC = (
    "/en/register",
    "/en/register?state=PRT",
    "/en/register?objective=6",
    "/en/register.csv",
    "/en/register/figures",
    "/en/register/figures.csv",
    "/en/offers",
    "/api/v1/register",
    "/api/v1/register/figures",
    "/api/v1/offers",
)


def everything(client: FlaskClient) -> str:
    read = ""
    for address in PUBLIC:
        answer = client.get(address)
        assert answer.status_code == 200, address
        read += answer.get_data(as_text=True)
    return read


@pytest.mark.usefixtures("words")
def test_without_consent_no_public_address_knows_of_a_request(client: FlaskClient, scene: Scene) -> None:
    read = everything(client)
    for secret in (*SECRETS, scene.row.id, scene.row.reference):
        assert secret not in read
    assert client.get("/api/v1/register").json == {"items": [], "next": None}
    never = "01890a5d-ac96-774b-bcce-b302099a8057"
    for name in (scene.row.id, scene.row.reference, never, "nonsense"):
        assert client.get(f"/en/register/{name}").status_code == 404
        assert client.get(f"/api/v1/register/{name}").status_code == 404
    assert client.get("/en/register?cursor=nonsense").status_code == 400


@pytest.mark.usefixtures("words")
def test_a_focal_point_publishes_group_by_group_on_a_page_and_takes_it_back(
    app: Any, client: FlaskClient, session: Session, scene: Scene
) -> None:
    signing.sign_in(client, scene.portugal)
    address = f"/en/requests/{scene.row.id}/publishing"
    assert address in client.get(f"/en/requests/{scene.row.id}").get_data(as_text=True)
    page = client.get(address).get_data(as_text=True)
    assert page.count("Agree to publish this") == 2
    signing.post(client, f"{address}/agree", {"group": "facts", "seal": ""})
    seal = consents.seal_of(TITLE, SUMMARY, "en")
    assert signing.post(client, f"{address}/agree", {"group": "text", "seal": "x"}).status_code == 409
    signing.post(client, f"{address}/agree", {"group": "text", "seal": seal})

    visitor = app.test_client()
    read = everything(visitor)
    assert TITLE in read
    assert "Portugal" in read
    for secret in (DESCRIPTION, ANSWER, scene.row.id, scene.row.reference):
        assert secret not in read
    (entry,) = visitor.get("/api/v1/register").json["items"]
    shown = visitor.get(f"/en/register/{entry['id']}").get_data(as_text=True)
    assert SUMMARY in shown
    assert DESCRIPTION not in shown
    (row,) = list(csv.DictReader(io.StringIO(visitor.get("/en/register.csv").get_data(as_text=True).lstrip("\ufeff"))))
    assert (row["title"], row["states"], row["answers"]) == ("'" + TITLE, "PRT", "")

    signing.post(client, f"{address}/withdraw", {"group": "facts"})
    signing.post(client, f"{address}/withdraw", {"group": "text"})
    assert TITLE not in everything(visitor)
    assert visitor.get(f"/en/register/{entry['id']}").status_code == 404


@pytest.mark.usefixtures("words")
def test_the_page_of_a_request_says_what_everybody_may_see_before_an_agency_writes(
    app: Any, client: FlaskClient, session: Session, scene: Scene
) -> None:
    expert, desk = app.test_client(), app.test_client()
    signing.sign_in(client, scene.portugal)
    signing.sign_in(expert, scene.iom)
    signing.sign_in(desk, factories.secretariat(session))
    address = f"/en/requests/{scene.row.id}"
    editor = f"{address}/answer"
    for reader, page in ((client, address), (expert, address), (expert, editor), (desk, address)):
        assert "The State agreed to publish nothing of this request so far." in reader.get(page).get_data(as_text=True)
    signing.post(client, f"{address}/publishing/agree", {"group": "facts", "seal": ""})
    for page in (address, editor):
        read = expert.get(page).get_data(as_text=True)
        assert re.search(r"The State agreed to publish:\s*State, objectives, status and dates\.", read)
        assert "agreed on" not in read
    for reader in (client, desk):
        shown = reader.get(address).get_data(as_text=True)
        assert re.search(
            r"State, objectives, status and dates</strong>: Public now\.\s*<span><bdi>Portugal</bdi>: agreed on", shown
        )


@pytest.mark.usefixtures("words")
def test_an_answer_is_released_in_other_words_rated_and_said_to_be_used(
    app: Any, client: FlaskClient, scene: Scene
) -> None:
    signing.sign_in(client, scene.portugal)
    address = f"/en/requests/{scene.row.id}"
    below = f"{address}/answers/{scene.answer.id}"
    page = client.get(f"{address}/publishing").get_data(as_text=True)
    assert ANSWER in page
    assert re.search(r"With contributions of:\s*<bdi>[^<]*Labour", page)
    empty = signing.post(client, f"{below}/release", {"text": " "})
    assert empty.status_code == 422
    saved = signing.post(client, f"{below}/release", {"text": "Public advice", "language": "en", "release_version": ""})
    assert saved.status_code == 303
    late = signing.post(client, f"{below}/release", {"text": "My late words", "release_version": ""})
    assert late.status_code == 409
    assert "My late words" in late.get_data(as_text=True)

    headers = signing.bearer(scene.portugal)
    consents = client.get(f"/api/v1/requests/{scene.row.id}/consents", headers=headers).json["items"]
    answer = next(one for one in consents if one["group"] == "answer")
    body = {name: answer[name] for name in ("group", "subject", "seal")}
    script = app.test_client()
    own = f"/api/v1/requests/{scene.row.id}"
    expert = signing.bearer(scene.iom)
    assert script.get(own, headers=headers).json["published"] == []
    agreed = script.post(f"/api/v1/requests/{scene.row.id}/consents", json=body, headers=headers)
    assert [one["office"] for one in agreed.json["items"][2]["agreed"]] == ["PRT"]
    assert [script.get(own, headers=who).json["published"] for who in (headers, expert)] == [["answer"], ["answer"]]
    assert [one["public"] for one in agreed.json["items"]] == [False, False, True]
    visitor = app.test_client()
    (entry,) = visitor.get("/api/v1/register").json["items"]
    assert (entry["facts"], entry["text"]) == (None, None)
    assert [(one["agency"], one["contributors"], one["text"]) for one in entry["answers"]] == [
        ("iom", ["ilo"], "Public advice")
    ]
    assert entry["answers"][0]["attribution"] == [
        "International Organization for Migration",
        "International Labour Organization",
    ]
    shown = visitor.get(f"/en/register/{entry['id']}").get_data(as_text=True)
    assert re.search(r"With contributions of:\s*<bdi>[^<]*Labour", shown)
    (row,) = list(csv.DictReader(io.StringIO(visitor.get("/en/register.csv").get_data(as_text=True).lstrip("\ufeff"))))
    assert (row["answers"], row["agencies"]) == (
        "Public advice",
        "International Organization for Migration; International Labour Organization",
    )
    read = everything(visitor)
    assert not any(secret in read for secret in (ANSWER, CONTRIBUTION))
    assert "Public advice" in visitor.get(f"/en/register/{entry['id']}").get_data(as_text=True)

    assert signing.post(client, f"{below}/rating", {"score": "9"}).status_code == 422
    assert signing.post(client, f"{below}/rating", {"score": "", "word": "", "used": ""}).status_code == 422
    signing.post(client, f"{below}/rating", {"score": "4", "word": "Clear", "used": ""})
    signing.post(client, f"{below}/rating", {"score": "4", "word": "Clear", "used": "partly"})
    (rating,) = script.get(f"/api/v1/requests/{scene.row.id}/ratings", headers=headers).json["items"]
    assert (rating["score"], rating["word"], rating["used"]) == (4, "Clear", "partly")
    assert "Clear" not in everything(visitor)
    shown = client.get(address).get_data(as_text=True)
    assert "useful: 4 of 5" in shown
    assert "Partly" in shown


@pytest.mark.parametrize("method", ["get", "post"])
def test_others_neither_see_nor_change_what_is_published(app: Any, session: Session, scene: Scene, method: str) -> None:
    ghana = factories.member(session, FOCAL_POINT, factories.state(session, "GHA"))
    session.commit()
    script = app.test_client()
    headers = signing.bearer(ghana)
    address = f"/api/v1/requests/{scene.row.id}/consents"
    if method == "get":
        assert script.get(address, headers=headers).status_code == 404
        assert script.get(f"/api/v1/requests/{scene.row.id}/ratings", headers=headers).status_code == 404
    else:
        assert script.post(address, json={"group": "facts"}, headers=headers).status_code == 404
        assert script.post(f"{address}/withdraw", json={"group": "facts"}, headers=headers).status_code == 404
        below = f"/api/v1/requests/{scene.row.id}/answers/{scene.answer.id}"
        assert script.put(f"{below}/release", json={"text": "Ours"}, headers=headers).status_code == 404
        assert script.post(f"{below}/ratings", json={"score": 1}, headers=headers).status_code == 404


@pytest.mark.usefixtures("words")
def test_figures_show_what_is_frozen_and_say_what_is_not_shown(client: FlaskClient, session: Session) -> None:
    assert "No quarter is counted yet." in client.get("/en/register/figures").get_data(as_text=True)
    figures = snapshots.figures(session, "2026Q2")
    figures |= {"total": 60, "stages": {**figures["stages"], "answered": 55}}
    figures["times"]["answer"] = {"open": 7, "total_days": {"median": 31, "p90": 64}, "working_days": None}
    session.add(Snapshot(quarter="2026Q2", as_of=snapshots.as_of("2026Q2"), figures=figures))
    session.commit()
    for address in ("/en/register/figures", "/ar/register/figures?quarter=2026Q2"):
        page = client.get(address).get_data(as_text=True)
        assert 'value="55"' in page
        assert "31" in page
    assert "not shown" in client.get("/en/register/figures").get_data(as_text=True)
    assert client.get("/en/register/figures?quarter=2026Q3").status_code == 404
    assert client.get("/api/v1/register/figures/2026Q2").json["figures"]["stages"]["answered"] == 55
    assert client.get("/api/v1/register/figures/2026Q9").status_code == 404
    lines = client.get("/en/register/figures.csv").get_data(as_text=True).splitlines()
    assert "2026Q2,2026-08-14,stages,answered,Answered,55" in lines
    assert any(line.startswith("2026Q2,2026-08-14,stages,received,Received,") and line.endswith(",") for line in lines)
