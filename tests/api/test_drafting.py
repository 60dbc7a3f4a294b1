"""The form of a request helps with a paragraph, shows who will see what, and stores nothing by it."""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.search.embedding import HashEmbedder
from hub.support import requests
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from indexer.rebuild import rebuild
from tests import factories, signing
from tests.api.test_pages import Outline, text

PARAGRAPH = "Our nationals are domestic workers abroad. We would like advice on standard contracts of domestic workers."


@pytest.fixture
def portugal(session: Session, words: None) -> Membership:
    return factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))


@pytest.fixture
def records(hub: Any, session: Session, words: None) -> None:
    hub.embedder = HashEmbedder()
    for at in range(4):
        factories.document(
            session,
            f"contract-{at}",
            title=f"Standard contract of domestic workers {at}",
            summary="Advice on standard contracts of domestic workers abroad, with their unions.",
            countries=("PHL",),
            objectives=(6,),
        )
    session.commit()
    rebuild(hub)


def helped(client: Any, **form: Any) -> str:
    response = signing.post(client, "/en/requests/new", {"description": PARAGRAPH, "key": "k", "do": "help", **form})
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data(as_text=True)


def test_a_paragraph_is_answered_with_proposals_and_nothing_is_stored(client, session, portugal, records):
    signing.sign_in(client, portugal)

    page = helped(client)

    outline = Outline(page)
    ticks = {box["value"]: "checked" in box for box in outline.all("input") if box.get("name") == "gcm_objectives"}
    assert ticks["6"] is False  # proposed, never chosen for the State
    assert text(page).count("6. Fair recruitment and decent work") == 1
    assert "Standard contract of domestic workers 0" in text(page)
    assert {area["id"] for area in outline.all("textarea")} >= {"fact_tried", "fact_by_when", "proposed_summary"}
    assert "fact_who" not in {area["id"] for area in outline.all("textarea")}
    titles = [box["value"] for box in outline.all("input") if box.get("name") == "title"]
    assert titles == ["Our nationals are domestic workers abroad"]
    assert session.scalar(select(func.count()).select_from(SupportRequest)) == 0


def test_the_summary_is_the_states_only_once_it_says_so(client, session, portugal, records):
    signing.sign_in(client, portugal)
    form = {"title": "Contracts", "description": PARAGRAPH, "proposed_summary": "Proposed", "do": "save"}

    signing.post(client, "/en/requests/new", {**form, "key": "a"})
    signing.post(client, "/en/requests/new", {**form, "key": "b", "approve_summary": "1"})
    signing.post(client, "/en/requests/new", {**form, "key": "c", "approve_summary": "1", "summary": "Our own"})

    kept = session.scalars(select(SupportRequest.summary).order_by(SupportRequest.id)).all()
    assert kept == ["", "Proposed", "Our own"]


def test_answers_to_the_questions_end_the_text_under_their_headings(client, session, portugal, records):
    signing.sign_in(client, portugal)
    form = {"title": "Contracts", "description": PARAGRAPH, "do": "save", "key": "a"}

    signing.post(
        client, "/en/requests/new", {**form, "fact_by_when": "June", "fact_tried": "A hotline", "fact_who": " "}
    )

    (kept,) = session.scalars(select(SupportRequest.description)).all()
    assert kept == f"{PARAGRAPH}\n\nWhat was tried so far\nA hotline\n\nBy when help is needed\nJune"


def test_the_preview_names_colleagues_and_shows_what_an_agency_reads(client, session, portugal, records):
    factories.member(session, FOCAL_POINT, portugal.entity, name="Second focal point")
    session.commit()
    signing.sign_in(client, portugal)

    page = text(helped(client, do="preview", title="Secret title", summary="For agencies", gcm_objectives="6"))

    assert "Second focal point" in page
    exact = page[page.index("Exactly what an agency reads") :]
    assert "For agencies" in exact
    assert "Fair recruitment and decent work" in exact
    assert "Secret title" not in exact
    assert PARAGRAPH not in exact


def test_a_colleague_goes_on_with_a_draft_and_is_helped_there(client, session, portugal, records):
    row = requests.draft(session, portugal, RequestData("Contracts", PARAGRAPH, "en"))
    signing.sign_in(client, factories.member(session, FOCAL_POINT, portugal.entity))
    form = {"title": "Contracts", "description": PARAGRAPH, "version": row.version, "do": "help"}

    response = signing.post(client, f"/en/requests/{row.id}/edit", form)

    assert "Help with your text" in text(response.get_data(as_text=True))
    session.refresh(row)
    assert row.version == 1


def test_an_empty_text_is_not_helped_but_told(client, session, portugal, records):
    signing.sign_in(client, portugal)

    response = signing.post(client, "/en/requests/new", {"description": " ", "key": "k", "do": "help"})

    assert response.status_code == 422
    assert "Fill this in." in text(response.get_data(as_text=True))


def test_help_works_without_a_model_and_without_an_index(client, session, portugal, words):
    signing.sign_in(client, portugal)

    assert "No objective of the Compact stands out." in text(helped(client))


def test_a_script_gets_the_same_help(client, session, portugal, records):
    signing.sign_in(client, portugal)
    headers = {"X-CSRFToken": signing.csrf_token(client)}

    found = client.post("/api/v1/requests/help", json={"text": PARAGRAPH}, headers=headers).get_json()

    assert found["title"] == "Our nationals are domestic workers abroad"
    assert found["missing"] == ["tried", "by_when", "scale", "answer_language"]
    assert "6" in {one["id"] for one in found["objectives"]}
    assert found["practices"][0]["id"].startswith("contract-")
    assert session.scalar(select(func.count()).select_from(SupportRequest)) == 0


def test_help_is_for_focal_points(client, session, words):
    signing.sign_in(client, factories.member(session, EXPERT, factories.agency(session, "iom")))

    headers = {"X-CSRFToken": signing.csrf_token(client)}
    assert client.post("/api/v1/requests/help", json={"text": PARAGRAPH}, headers=headers).status_code == 403
