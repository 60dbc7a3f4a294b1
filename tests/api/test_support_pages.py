"""Support requests as the four kinds of people meet them in a browser."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.network.models import WORKING_GROUP, Entity, EntityObjective, Term, WorkingGroup
from hub.support import delivery, drafting, reading, reminders, requests, triage
from hub.support.delivery import AnswerData
from hub.support.models import SupportRequest
from hub.support.register import ReleasedAnswer
from hub.support.requests import RequestData
from tests import factories, signing

WORDS = {"title": "Protect domestic workers", "description": "We would like advice on contracts.", "language": "en"}


@dataclass
class Browser:
    membership: Membership
    client: Any

    def get(self, address: str) -> str:
        response = self.client.get(address)
        assert response.status_code == 200, response.get_data(as_text=True)
        return words(response)

    def post(self, address: str, form: Mapping[str, Any]) -> TestResponse:
        return signing.post(self.client, address, form)

    def step(self, row: SupportRequest, action: str, **form: Any) -> TestResponse:
        return self.post(f"/en/requests/{row.id}/actions/{action}", {"version": row.version, **form})


def words(response: TestResponse) -> str:
    return unescape(response.get_data(as_text=True))


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, name
    return found.group(1)


@pytest.fixture
def browser(app: Any, session: Session) -> Callable[..., Browser]:
    def make(membership: Membership) -> Browser:
        opened = Browser(membership, app.test_client())
        signing.sign_in(opened.client, membership)
        return opened

    return make


@pytest.fixture
def portugal(browser: Callable[..., Browser], session: Session) -> Browser:
    return browser(factories.member(session, FOCAL_POINT, factories.state(session, "PRT")))


@pytest.fixture
def secretariat(browser: Callable[..., Browser], session: Session) -> Browser:
    return browser(factories.secretariat(session))


@pytest.fixture
def iom(browser: Callable[..., Browser], session: Session) -> Browser:
    return browser(factories.member(session, EXPERT, factories.agency(session, "iom")))


def submitted(session: Session, by: Browser, **fields: Any) -> SupportRequest:
    data = RequestData(**{"title": WORDS["title"], "description": WORDS["description"], "language": "en", **fields})
    return requests.draft(session, by.membership, data, submit=True)


def accepted(session: Session, portugal: Browser, secretariat: Browser, iom: Browser) -> SupportRequest:
    row = submitted(session, portugal)
    row = triage.send(session, secretariat.membership, row.id, "iom", version=row.version)
    return delivery.accept(session, iom.membership, row.id, version=row.version)


def test_the_whole_way_by_buttons(portugal: Browser, secretariat: Browser, iom: Browser, session: Session) -> None:
    factories.document(session, "model-contracts", title="Model contracts of others")
    session.commit()

    form = portugal.get("/en/requests/new")
    made = portugal.post(
        "/en/requests/new", {**WORDS, "gcm_objectives": "6", "key": hidden(form, "key"), "do": "submit"}
    )
    address = made.headers["Location"]
    assert made.status_code == 303

    page = secretariat.get("/en/requests")
    assert "Check it and send it on" in page
    page = secretariat.get(address)
    secretariat.post(f"{address}/actions/send", {"version": hidden(page, "version"), "agency": "iom", "role": "lead"})

    assert "Decide whether your agency takes it" in iom.get("/en/requests")
    page = iom.get(address)
    iom.post(f"{address}/actions/accept", {"version": hidden(page, "version")})
    page = iom.get(f"{address}/answer")
    sent = iom.post(
        f"{address}/answer",
        {
            "version": hidden(page, "version"),
            "text": "Use these contracts.",
            "language": "en",
            "citations": "model-contracts",
            "do": "send",
        },
    )
    assert sent.status_code == 303

    assert "Read the answer" in portugal.get("/en/requests")
    page = portugal.get(address)
    assert "Use these contracts." in page
    assert 'href="/en/documents/model-contracts"' in page
    portugal.post(f"{address}/actions/close", {"version": hidden(page, "version")})
    assert "Open it again" in portugal.get(address)


def objectives(session: Session, *numbers: int) -> None:
    for number in numbers:
        data = {"description": "", "keywords": [], "paragraph": "", "round_table": "", "fund_area": ""}
        session.add(Term(id=f"objective:{number}", scheme="objective", code=str(number), position=number, data=data))


def test_who_could_help_is_shown_without_saving_or_losing_anything(portugal: Browser, session: Session) -> None:
    objectives(session, 6, 7, 22)
    factories.agency(session, "ilo", objectives={6: "primary"})
    session.commit()
    page = words(portugal.post("/en/requests/new", {**WORDS, "gcm_objectives": ["6", "22"], "key": "k", "do": "match"}))
    assert "ILO" in page
    assert "meter" in page
    assert WORDS["title"] in page
    assert WORDS["description"] in page
    assert re.findall(r'value="(\d+)" checked', page) == ["6", "22"]
    assert session.scalar(select(func.count()).select_from(SupportRequest)) == 0


def test_no_match_is_said_in_a_sentence(portugal: Browser) -> None:
    page = words(portugal.post("/en/requests/new", {**WORDS, "key": "k", "do": "match"}))
    assert "No agency matches well enough to be named." in page
    assert "No practice is close enough." in page


def test_a_double_click_makes_one_request(portugal: Browser, session: Session) -> None:
    form = {**WORDS, "key": hidden(portugal.get("/en/requests/new"), "key"), "do": "submit"}
    first, second = (portugal.post("/en/requests/new", form).headers["Location"] for _ in range(2))
    assert first == second
    assert session.scalar(select(func.count()).select_from(SupportRequest)) == 1


def test_going_back_and_sending_other_words_keeps_them_and_names_the_saved_request(portugal: Browser) -> None:
    form = {**WORDS, "key": "the-form", "do": "save"}
    portugal.post("/en/requests/new", form)
    again = portugal.post("/en/requests/new", {**form, "title": "A quite different title"})
    page = words(again)
    assert again.status_code == 409
    assert "A quite different title" in page
    assert re.search(r"R-\d{4}-0001", page)


def test_a_field_left_empty_is_named_and_the_rest_kept(portugal: Browser) -> None:
    answer = portugal.post("/en/requests/new", {**WORDS, "title": " ", "key": "k", "do": "save"})
    page = words(answer)
    assert answer.status_code == 422
    assert 'id="title-error"' in page
    assert WORDS["description"] in page


def test_a_form_by_somebody_else_is_not_there(secretariat: Browser, iom: Browser) -> None:
    assert secretariat.client.get("/en/requests/new").status_code == 403
    assert iom.client.get("/en/requests/new").status_code == 403


def test_a_stale_edit_keeps_what_was_typed_and_shows_what_changed(portugal: Browser, session: Session) -> None:
    row = requests.draft(session, portugal.membership, RequestData("Old title", "Old text", "en"))
    page = portugal.get(f"/en/requests/{row.id}/edit")
    requests.edit(session, portugal.membership, row.id, RequestData("Colleague's title", "Old text", "en"), version=1)
    form = {"title": "My title", "description": "Old text", "language": "en", "version": hidden(page, "version")}
    answer = portugal.post(f"/en/requests/{row.id}/edit", {**form, "do": "save"})
    page = words(answer)
    assert answer.status_code == 409
    assert "Colleague's title" in page
    assert 'value="My title"' in page
    assert hidden(page, "version") == "2"
    again = portugal.post(f"/en/requests/{row.id}/edit", {**form, "version": 2, "do": "save"})
    assert again.status_code == 303
    assert "My title" in portugal.get(f"/en/requests/{row.id}")


def test_editing_and_submitting_in_one_go(portugal: Browser, session: Session) -> None:
    row = requests.draft(session, portugal.membership, RequestData("Old title", "Old text", "en"))
    portugal.post(f"/en/requests/{row.id}/edit", {**WORDS, "version": 1, "do": "submit"})
    read = reading.get(session, portugal.membership, row.id)
    assert (read.title, read.status) == (WORDS["title"], "submitted")


def test_buttons_are_the_readers_own(portugal: Browser, secretariat: Browser, iom: Browser, session: Session) -> None:
    row = submitted(session, portugal)
    assert "actions/withdraw" in portugal.get(f"/en/requests/{row.id}")
    assert "actions/send" not in portugal.get(f"/en/requests/{row.id}")
    page = secretariat.get(f"/en/requests/{row.id}")
    assert "matches=1#send" in page
    assert "actions/decline" in page
    assert "actions/withdraw" not in page
    assert "actions/send" in secretariat.get(f"/en/requests/{row.id}?matches=1")
    triage.send(session, secretariat.membership, row.id, "iom", version=row.version)
    page = iom.get(f"/en/requests/{row.id}")
    assert "actions/accept" in page
    assert "actions/refuse" in page
    assert "actions/send" not in page


def test_the_best_match_is_proposed_first_and_an_unverified_one_marked(
    portugal: Browser, secretariat: Browser, session: Session
) -> None:
    factories.agency(session, "aaa")
    factories.agency(session, "ilo", objectives={6: "primary"})
    factories.agency(session, "new", verified=False)
    session.commit()
    row = submitted(session, portugal, objectives=(6,))
    page = secretariat.get(f"/en/requests/{row.id}?matches=1")
    assert re.search(r'<option value="ilo" selected>', page)
    assert page.index('<option value="ilo"') < page.index('<option value="aaa"')
    assert "NEW (membership not verified)" in page


def test_sending_to_an_unverified_agency_asks_again_and_keeps_the_choice(
    portugal: Browser, secretariat: Browser, session: Session
) -> None:
    factories.agency(session, "new", verified=False)
    row = submitted(session, portugal)
    answer = secretariat.step(row, "send", agency="new", role="contributor")
    page = words(answer)
    assert answer.status_code == 422
    assert 'id="confirm_unverified-error"' in page
    assert re.search(r'<option value="new" selected>', page)
    assert secretariat.step(row, "send", agency="new", role="lead", confirm_unverified="1").status_code == 303


def test_a_question_and_its_reply_by_buttons(portugal: Browser, secretariat: Browser, session: Session) -> None:
    row = submitted(session, portugal)
    assert secretariat.step(row, "ask").status_code == 422
    assert secretariat.step(row, "ask", note="For how many people?").status_code == 303
    assert "Answer the secretariat’s question" in portugal.get("/en/requests")
    page = portugal.get(f"/en/requests/{row.id}")
    assert 'id="question"' in page
    assert "For how many people?" in page
    asked = reading.get(session, portugal.membership, row.id)
    assert portugal.step(asked, "reply", note="For a thousand.").status_code == 303
    page = secretariat.get(f"/en/requests/{row.id}")
    assert "For a thousand." in page
    assert 'id="question"' not in page


def test_the_next_dates_are_shown_and_wait_for_the_state(
    portugal: Browser, secretariat: Browser, session: Session
) -> None:
    row = submitted(session, portugal)
    page = secretariat.get(f"/en/requests/{row.id}")
    assert "Decision to take it on" in page
    assert "overdue" not in page
    assert secretariat.step(row, "acknowledge").status_code == 303
    row = reading.get(session, portugal.membership, row.id)
    secretariat.step(row, "ask", note="For whom?")
    page = portugal.get(f"/en/requests/{row.id}")
    assert "Without a reply by the end of" in page
    assert "The other dates wait until the State has replied." in page
    for clock in row.clocks:
        clock.due_at = datetime(2020, 1, 1, tzinfo=UTC)
    session.commit()
    row = reading.get(session, portugal.membership, row.id)
    portugal.step(row, "reply", note="For all.")
    assert "overdue" in secretariat.get("/en/requests")
    assert "overdue" in secretariat.get(f"/en/requests/{row.id}")


def test_what_a_clock_did_is_told_in_the_timeline(portugal: Browser, secretariat: Browser, session: Session) -> None:
    row = submitted(session, portugal)
    row = triage.ask(session, secretariat.membership, row.id, version=row.version, note="For whom?")
    (clock,) = [one for one in row.clocks if one.stage == "reply"]
    reminders.ring(session, clock.id, at=clock.remind_at)
    session.commit()
    assert "Reminder: Reply of the State is due." in portugal.get(f"/en/requests/{row.id}")
    reminders.ring(session, clock.id, at=clock.escalate_at)
    session.commit()
    assert "Ended without a reply" in portugal.get(f"/en/requests/{row.id}")


def test_a_peer_state_is_asked_and_agrees_by_buttons(
    portugal: Browser, secretariat: Browser, browser: Callable[..., Browser], session: Session
) -> None:
    factories.agency(session, "iom")
    ghana = factories.member(session, FOCAL_POINT, factories.state(session, "GHA"))
    session.commit()
    peer = browser(ghana)
    row = submitted(session, portugal, summary="Advice on contracts")
    row = triage.send(session, secretariat.membership, row.id, "iom", version=row.version)
    assert '<option value="GHA">' in secretariat.get(f"/en/requests/{row.id}")
    assert secretariat.step(row, "ask_peer", country="").status_code == 422
    assert secretariat.step(row, "ask_peer", country="GHA").status_code == 303
    assert "Decide whether your State takes part" in peer.get("/en/requests")
    page = peer.get(f"/en/requests/{row.id}")
    assert "Advice on contracts" in page
    assert WORDS["title"] not in page
    row = reading.get(session, portugal.membership, row.id)
    assert peer.step(row, "join").status_code == 303
    assert "agreed to be a peer and sees the summary only." in portugal.get(f"/en/requests/{row.id}")
    row = reading.get(session, portugal.membership, row.id)
    assert portugal.step(row, "share", country="GHA").status_code == 303
    assert WORDS["title"] in peer.get(f"/en/requests/{row.id}")


def test_another_state_is_invited_and_stays_out_by_buttons(
    portugal: Browser, browser: Callable[..., Browser], session: Session
) -> None:
    ghana = factories.member(session, FOCAL_POINT, factories.state(session, "GHA"))
    session.commit()
    other = browser(ghana)
    row = submitted(session, portugal)
    assert portugal.step(row, "invite", country="GHA").status_code == 303
    assert "Your State is invited to ask together" in other.get(f"/en/requests/{row.id}")
    row = reading.get(session, portugal.membership, row.id)
    left = other.step(row, "stay_out")
    assert (left.status_code, left.headers["Location"]) == (303, "/en/requests")
    assert other.client.get(f"/en/requests/{row.id}").status_code == 404


def test_a_plan_by_buttons(portugal: Browser, secretariat: Browser, iom: Browser, session: Session) -> None:
    row = accepted(session, portugal, secretariat, iom)
    assert "Propose a plan, or say that none is needed" in iom.get("/en/requests")
    plan = {"text": "We compare contracts.", "steps": "Read\r\n\r\nWrite", "target_on": "2026-12-31", "language": "en"}
    late = iom.step(row, "propose", **plan | {"target_on": "31/12"})
    assert late.status_code == 422
    assert 'id="target_on-error"' in words(late)
    assert "We compare contracts." in words(late)
    assert iom.step(row, "propose", **plan).status_code == 303
    assert "Look at the proposed plan" in portugal.get("/en/requests")
    page = portugal.get(f"/en/requests/{row.id}")
    assert "<li>Read</li><li>Write</li>" in page
    assert "31 Dec 2026" in page
    row = reading.get(session, portugal.membership, row.id)
    portugal.step(row, "send_back", note="Sooner, please.")
    row = reading.get(session, portugal.membership, row.id)
    page = iom.get(f"/en/requests/{row.id}")
    assert "Sooner, please." in page
    assert re.search(r'name="target_on" value="2026-12-31"', page)
    iom.step(row, "propose", **plan)
    row = reading.get(session, portugal.membership, row.id)
    assert portugal.step(row, "agree").status_code == 303
    page = portugal.get(f"/en/requests/{row.id}")
    assert "Earlier versions" in page
    assert "An agency works on it" in page


def test_a_short_answer_needs_one_click_or_none_for_the_plan(
    portugal: Browser, secretariat: Browser, iom: Browser, session: Session
) -> None:
    row = accepted(session, portugal, secretariat, iom)
    page = iom.get(f"/en/requests/{row.id}")
    assert "actions/no_plan" in page
    assert f"/en/requests/{row.id}/answer" in page
    assert iom.step(row, "no_plan").status_code == 303
    assert reading.get(session, iom.membership, row.id).status == "in_progress"


def test_refusing_leads_back_to_the_list(
    portugal: Browser, secretariat: Browser, iom: Browser, session: Session
) -> None:
    row = submitted(session, portugal)
    row = triage.send(session, secretariat.membership, row.id, "iom", version=row.version)
    answer = iom.step(row, "refuse", reason="no_capacity")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/en/requests")
    page = secretariat.get(f"/en/requests/{row.id}")
    assert "did not accept." in page
    assert "No capacity at present" in page
    assert "did not accept." not in portugal.get(f"/en/requests/{row.id}")


def test_refusing_without_a_reason_keeps_the_note(
    portugal: Browser, secretariat: Browser, iom: Browser, session: Session
) -> None:
    row = submitted(session, portugal)
    row = triage.send(session, secretariat.membership, row.id, "iom", version=row.version)
    answer = iom.step(row, "refuse", note="We are very sorry.")
    assert answer.status_code == 422
    assert "We are very sorry." in words(answer)


def test_a_step_too_late_shows_the_request_as_it_is(portugal: Browser, secretariat: Browser, session: Session) -> None:
    factories.agency(session, "iom")
    row = submitted(session, portugal)
    requests.withdraw(session, portugal.membership, row.id, version=2)
    answer = secretariat.post(f"/en/requests/{row.id}/actions/send", {"version": 2, "agency": "iom"})
    assert answer.status_code == 409
    assert "Withdrawn" in words(answer)


def test_citing_works_by_buttons_of_the_same_form(
    portugal: Browser, secretariat: Browser, iom: Browser, session: Session
) -> None:
    factories.document(session, "one", title="First record")
    factories.document(session, "two", title="Second record")
    row = accepted(session, portugal, secretariat, iom)
    address = f"/en/requests/{row.id}/answer"
    typed = {"version": row.version, "text": "Half a sentence", "q": ""}
    page = words(iom.post(address, {**typed, "citations": ["one"], "add": "two"}))
    assert re.findall(r'name="citations" value="([^"]+)"', page) == ["one", "two"]
    assert "Half a sentence" in page
    page = words(iom.post(address, {**typed, "citations": ["one", "two"], "remove": "one"}))
    assert re.findall(r'name="citations" value="([^"]+)"', page) == ["two"]
    assert reading.answers(session, iom.membership, reading.get(session, iom.membership, row.id)) == []


def test_a_saved_draft_answer_is_there_again(
    portugal: Browser, secretariat: Browser, iom: Browser, session: Session
) -> None:
    factories.document(session, "one", title="First record")
    row = accepted(session, portugal, secretariat, iom)
    address = f"/en/requests/{row.id}/answer"
    saved = iom.post(
        address, {"version": row.version, "text": "Half a sentence", "language": "fr", "citations": "one", "do": "save"}
    )
    assert (saved.status_code, saved.headers["Location"]) == (303, address)
    page = iom.get(address)
    assert "Half a sentence" in page
    assert hidden(page, "answer_version") == "1"
    assert hidden(page, "citations") == "one"
    assert "Half a sentence" not in portugal.get(f"/en/requests/{row.id}")
    assert "Half a sentence" not in secretariat.get(f"/en/requests/{row.id}")


def test_a_colleagues_draft_answer_is_shown_beside_ones_own(
    portugal: Browser, secretariat: Browser, iom: Browser, session: Session
) -> None:
    row = accepted(session, portugal, secretariat, iom)
    colleague = factories.member(session, EXPERT, factories.agency(session, "iom"))
    delivery.save_answer_draft(session, colleague, row.id, AnswerData("Words of a colleague", "en"))
    address = f"/en/requests/{row.id}/answer"
    answer = iom.post(address, {"version": row.version, "text": "My own words", "language": "en", "do": "send"})
    page = words(answer)
    assert answer.status_code == 409
    assert "Words of a colleague" in page
    assert "My own words" in page
    form = {"version": hidden(page, "version"), "answer_version": hidden(page, "answer_version")}
    assert iom.post(address, {**form, "text": "Both", "language": "en", "do": "send"}).status_code == 303


def test_an_answer_to_a_request_withdrawn_meanwhile_keeps_what_was_typed(
    portugal: Browser, secretariat: Browser, iom: Browser, session: Session
) -> None:
    row = accepted(session, portugal, secretariat, iom)
    requests.withdraw(session, portugal.membership, row.id, version=row.version)
    answer = iom.post(
        f"/en/requests/{row.id}/answer",
        {"version": row.version, "text": "A day's work", "language": "en", "do": "send"},
    )
    assert answer.status_code == 409
    assert "A day's work" in words(answer)


def test_an_empty_answer_is_named(portugal: Browser, secretariat: Browser, iom: Browser, session: Session) -> None:
    row = accepted(session, portugal, secretariat, iom)
    answer = iom.post(f"/en/requests/{row.id}/answer", {"version": row.version, "text": " ", "do": "send"})
    assert answer.status_code == 422
    assert 'id="text-error"' in words(answer)


def test_a_list_is_narrowed_by_status(portugal: Browser, secretariat: Browser, session: Session) -> None:
    requests.draft(session, portugal.membership, RequestData("Only a draft", "Text", "en"))
    submitted(session, portugal, title="Handed in")
    tasks, listed = portugal.get("/en/requests?status=submitted").split('id="all-title"')
    assert "Handed in" in listed
    assert "Only a draft" not in listed
    assert "Only a draft" in tasks  # which are all of them
    assert "Only a draft" not in secretariat.get("/en/requests")


@pytest.mark.parametrize("language", ["ar", "zh", "fr", "ru", "es"])
def test_every_page_works_in_every_language(
    portugal: Browser, secretariat: Browser, iom: Browser, session: Session, language: str
) -> None:
    row = accepted(session, portugal, secretariat, iom)
    for reader in (portugal, secretariat, iom):
        for address in (f"/{language}/requests", f"/{language}/requests/{row.id}"):
            assert f'lang="{language}"' in reader.get(address)
    assert f'lang="{language}"' in iom.get(f"/{language}/requests/{row.id}/answer")
    assert f'lang="{language}"' in portugal.get(f"/{language}/requests/new")


def test_what_people_type_is_never_markup(portugal: Browser, session: Session) -> None:
    row = submitted(session, portugal, title="<script>alert(1)</script>", description="<img src=x onerror=alert(2)>")
    html = portugal.client.get(f"/en/requests/{row.id}").get_data(as_text=True)
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_a_form_without_its_token_changes_nothing(portugal: Browser, session: Session) -> None:
    answer = portugal.client.post("/en/requests/new", data={**WORDS, "key": "k", "do": "submit"})
    assert answer.status_code == 400
    assert session.scalar(select(func.count()).select_from(SupportRequest)) == 0


def test_a_step_is_never_taken_by_looking(portugal: Browser, session: Session) -> None:
    row = submitted(session, portugal)
    assert portugal.client.get(f"/en/requests/{row.id}/actions/withdraw").status_code == 405


def test_the_lead_puts_a_contribution_into_the_answer_by_buttons(
    portugal: Browser, secretariat: Browser, iom: Browser, browser: Callable[..., Browser], session: Session
) -> None:
    ilo = browser(factories.member(session, EXPERT, factories.agency(session, "ilo")))
    practice = factories.document(session, "model-contracts", title="Model contracts")
    row = submitted(session, portugal)
    for agency, role in (("iom", "lead"), ("ilo", "contributor")):
        row = triage.send(session, secretariat.membership, row.id, agency, version=row.version, role=role)
    for who in (iom, ilo):
        row = delivery.accept(session, who.membership, row.id, version=row.version)
    assert f"/requests/{row.id}/contribution" in ilo.get(f"/en/requests/{row.id}")
    address = f"/en/requests/{row.id}/contribution"
    ilo.post(address, {"version": row.version, "text": "Half a sentence", "do": "save"})
    assert re.search(rf'<a href="{address}">Finish the saved draft</a>', ilo.get(f"/en/requests/{row.id}"))
    assert "Finish the saved draft" in ilo.get("/en/requests")
    editor = ilo.get(address)
    assert "Half a sentence" in editor
    form = {"version": row.version, "answer_version": "7", "text": "Half a sentence", "do": "discard"}
    assert ilo.post(address, form).status_code == 409
    assert ilo.post(address, {**form, "answer_version": hidden(editor, "answer_version")}).status_code == 303
    assert "Half a sentence" not in ilo.get(address)
    form = {"version": row.version, "text": "Contracts matter.", "citations": practice.slug, "do": "send"}
    assert ilo.post(address, form).status_code == 303
    editor = iom.get(f"/en/requests/{row.id}/answer")
    handed = hidden(editor, "contributions")
    version = hidden(editor, "version")
    merged = words(iom.post(f"/en/requests/{row.id}/answer", {"version": version, "text": "We say:", "merge": handed}))
    assert re.search(r"We say:\n\nContracts matter\.</textarea>", merged)
    assert 'name="citations" value="model-contracts"' in merged
    form = {"version": version, "text": "Together.", "contributions": handed, "do": "send"}
    assert iom.post(f"/en/requests/{row.id}/answer", form).status_code == 303
    page = portugal.get(f"/en/requests/{row.id}")
    assert "With contributions of:" in page
    assert "Contracts matter." not in page


def test_many_requests_are_sent_to_their_best_match_at_once(
    portugal: Browser, secretariat: Browser, session: Session
) -> None:
    factories.agency(session, "ilo", objectives={6: "primary"})
    session.commit()
    first, second = submitted(session, portugal, objectives=(6,)), submitted(session, portugal, objectives=(6,))
    queue = secretariat.get("/en/requests/queue")
    assert queue.index(first.reference) < queue.index(second.reference)
    form = {"pick": [f"{first.id}:{first.version}", f"{second.id}:1"], "action": "send"}
    page = words(secretariat.post("/en/requests/queue", form))
    assert re.search(rf"{first.reference}</bdi></a>: done", page)
    assert re.search(rf"{second.reference}</bdi></a>: not done\. Somebody else changed", page)
    refused = secretariat.post("/en/requests/queue", {"action": "send"})
    assert refused.status_code == 422
    assert "ILO" in secretariat.get("/en/requests/loads")


def test_a_colleague_is_handed_the_request_by_buttons(
    portugal: Browser, secretariat: Browser, iom: Browser, browser: Callable[..., Browser], session: Session
) -> None:
    colleague = browser(factories.member(session, EXPERT, factories.agency(session, "iom"), name="Colleague Two"))
    row = submitted(session, portugal)
    row = triage.send(session, secretariat.membership, row.id, "iom", version=row.version)
    assert iom.step(row, "hand_over", assignee=colleague.membership.id).status_code == 303
    assert "Works on it: <bdi>Colleague Two</bdi>" in colleague.get(f"/en/requests/{row.id}")
    assert "Nothing waits for you." in iom.get("/en/requests")
    assert "Colleague Two" not in portugal.get(f"/en/requests/{row.id}")


def test_a_co_lead_sees_a_delay_on_its_list_and_never_whose_it_is(
    portugal: Browser, secretariat: Browser, iom: Browser, browser: Callable[..., Browser], session: Session
) -> None:
    lead = browser(factories.member(session, EXPERT, factories.agency(session, "ilo")))
    group = Entity(id="cwg", kind=WORKING_GROUP, name="Working group")
    group.group = WorkingGroup(type="core", co_lead_ids=["ilo"])
    group.objectives = [EntityObjective(number=6, basis="working-group", strength="primary")]
    session.add(group)
    row = submitted(session, portugal, objectives=(6,))
    row = triage.send(session, secretariat.membership, row.id, "iom", version=row.version)
    row = delivery.accept(session, iom.membership, row.id, version=row.version)
    clock = next(one for one in row.clocks if one.stage == "plan")
    reminders.ring(session, clock.id, at=clock.escalate_at)
    session.commit()
    page = lead.get("/en/requests")
    assert row.reference in page
    assert WORDS["title"] not in page
    assert "Prt" not in page.split('id="late"')[1]
    assert lead.client.get(f"/en/requests/{row.id}").status_code == 404


def test_an_answer_begins_with_the_words_of_a_released_one(
    portugal: Browser, secretariat: Browser, iom: Browser, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = submitted(session, portugal, objectives=(6,))
    row = triage.send(session, secretariat.membership, row.id, "iom", version=row.version)
    row = delivery.accept(session, iom.membership, row.id, version=row.version)
    public = ReleasedAnswer("a-1", "e-1", "ilo", "ILO", "Advice on contracts of domestic workers.", "en", (6,))
    monkeypatch.setattr(drafting, "released_answers", lambda _: [public])
    editor = iom.get(f"/en/requests/{row.id}/answer")
    assert 'name="begin" value="a-1"' in editor
    form = {"version": row.version, "text": "We say:", "begin": "a-1"}
    begun = words(iom.post(f"/en/requests/{row.id}/answer", form))
    assert re.search(r"We say:\n\nAdvice on contracts of domestic workers\.</textarea>", begun)
