"""What each kind of people comes for, on the pages of one request, and what stands first for them there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from hub.network.models import Entity
from hub.support import delivery, requests, triage
from hub.support.delivery import AnswerData, PlanData
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from tests import factories
from tests.browser.conftest import Live, SignIn, checked

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

Step = Callable[[Session, SupportRequest], SupportRequest]


class Story:
    """A request of Ghana for which others act behind the scenes."""

    def __init__(self, live: Live, title: str) -> None:
        self.live, self.title = live, title
        with live.hub.database.session() as session:
            ghana = factories.member(session, FOCAL_POINT, session.get(Entity, "GHA"))
            data = RequestData(title, "Workers pay fees for a year.", "en", (6,), summary="Advice on recruitment fees.")
            self.id = requests.draft(session, ghana, data, submit=True).id
        self.address = f"/en/requests/{self.id}"

    def send(self, agency: str, *alternates: str) -> None:
        with self.live.hub.database.session() as session:
            row = session.get_one(SupportRequest, self.id)
            by = factories.secretariat(session)
            triage.send(session, by, row.id, agency, version=row.version, alternates=alternates)

    def planned_by(self, agency: str) -> None:
        self.send(agency)
        with self.live.hub.database.session() as session:
            by = factories.member(session, EXPERT, session.get(Entity, agency))
            row = delivery.accept(session, by, self.id, version=session.get_one(SupportRequest, self.id).version)
            delivery.propose(session, by, row.id, PlanData("Review the draft law."), version=row.version)

    def answered_by(self, agency: str) -> None:
        with self.live.hub.database.session() as session:
            by = factories.member(session, EXPERT, session.get(Entity, agency))
            row = session.get_one(SupportRequest, self.id)
            delivery.answer(session, by, row.id, AnswerData("Let employers pay the fees.", "en"), version=row.version)


def fits(page: Page) -> None:
    """The page passes the automatic checks and nothing sticks out of a narrow screen."""
    checked(page)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    page.set_viewport_size({"width": 1280, "height": 900})


def above(page: Page, first: str, second: str) -> bool:
    boxes = [page.locator(one).bounding_box() for one in (first, second)]
    assert boxes[0]
    assert boxes[1]
    return boxes[0]["y"] < boxes[1]["y"]


def test_a_focal_point_agrees_reads_rates_and_publishes_and_a_visitor_reads_it(
    live: Live, sign_in: SignIn, page: Page
) -> None:
    story = Story(live, "Fees of recruitment agencies")
    story.planned_by("fao")
    state = sign_in(FOCAL_POINT, "GHA")
    state.goto(story.address)
    assert above(state, "#actions", "#words")
    fits(state)
    state.locator("#actions").get_by_role("link", name="Look at the proposed plan").click()
    expect(state.locator("#plans")).to_contain_text("Review the draft law.")
    state.get_by_role("button", name="Agree to the plan").click()
    expect(state.locator("#actions")).to_contain_text("Nothing waits for you.")

    story.answered_by("fao")
    state.goto(story.address)
    assert above(state, "#answers", "#words")
    fits(state)
    state.locator("#actions").get_by_role("link", name="Rating and publishing").click()
    state.locator("[name=score]").select_option("5")
    state.get_by_role("button", name="Say so").click()
    for part in ("State, objectives, status and dates", "Title and summary"):
        state.get_by_role("button", name=re.compile(f"Agree to publish this.*{part}")).click()
        expect(state.get_by_role("button", name=re.compile(f"Take the agreement back.*{part}"))).to_be_visible()
    state.locator("summary", has_text="Write it for publication").click()
    state.locator("[name=text]").fill("Employers can pay.")
    state.get_by_role("button", name="Save the text").click()
    state.get_by_role("button", name=re.compile("Agree to publish this.*The answer")).click()
    fits(state)

    page.goto("/en/register")
    page.get_by_role("link", name=story.title).click()
    expect(page.locator("main")).to_contain_text("Employers can pay.")
    expect(page.locator("main")).not_to_contain_text("Let employers pay the fees.")
    expect(page.locator("main")).not_to_contain_text("Workers pay fees for a year.")


def test_an_expert_declines_and_the_next_agency_accepts_plans_and_adds_a_file(
    live: Live, sign_in: SignIn, tmp_path: Path
) -> None:
    story = Story(live, "Rules for recruiters")
    story.send("fao", "ohchr")
    first, second = sign_in(EXPERT, "fao"), sign_in(EXPERT, "ohchr")
    first.goto(story.address)
    expect(first.locator("main")).to_contain_text("Advice on recruitment fees.")
    expect(first.locator("main")).not_to_contain_text("Workers pay fees for a year.")
    assert above(first, "#actions", "#words")
    fits(first)
    first.locator("summary", has_text="Do not accept").click()
    first.get_by_role("radio", name="No capacity at present").check()
    first.get_by_role("button", name="Do not accept; end our access").click()
    expect(first.get_by_role("heading", level=1)).to_have_text("Requests for support")

    second.goto(story.address)
    expect(second.locator("#actions")).to_contain_text("Decide whether your agency takes it")
    second.get_by_role("button", name="Accept for my agency").click()
    expect(second.locator("#words")).to_contain_text("Workers pay fees for a year.")
    second.locator("summary", has_text="Propose a plan").click()
    second.get_by_label("What your agency plans to do").fill("Compare the rules of three States.")
    fits(second)
    second.get_by_role("button", name="Propose the plan").click()
    expect(second.locator("#plans")).to_contain_text("Compare the rules of three States.")

    (tmp_path / "rules.pdf").write_bytes(PDF)
    second.get_by_role("link", name="Add a file").click()
    second.locator("[type=file]").set_input_files(tmp_path / "rules.pdf")
    second.get_by_role("button", name="Add the file").click()
    with second.expect_download() as download:
        second.get_by_role("link", name="rules.pdf").click()
    assert Path(download.value.path()).read_bytes() == PDF


def test_the_secretariat_acknowledges_by_keyboard_sends_with_alternates_and_asks_somebody_without_an_account(
    live: Live, sign_in: SignIn, page: Page
) -> None:
    story = Story(live, "Licences for recruiters")
    desk = sign_in(SECRETARIAT)
    desk.goto("/en/requests/queue")
    fits(desk)
    chosen = desk.locator("tr", has_text=story.title).get_by_role("checkbox")
    for _ in range(desk.locator("tbody tr").count()):
        desk.keyboard.press("j")
        if chosen.evaluate("box => box.closest('tr').contains(document.activeElement)"):
            break
    desk.keyboard.press("x")
    expect(chosen).to_be_checked()
    desk.get_by_role("button", name="Say that you have seen it").click()
    expect(desk.locator("main")).to_contain_text("What was done")

    desk.goto(story.address)
    expect(desk.locator("#timeline-title + ol")).to_contain_text("has seen the request")
    desk.get_by_role("link", name="Send it to an agency").click()
    fits(desk)
    best = desk.get_by_label("Agency", exact=True).locator("option").nth(1).get_attribute("value")
    desk.get_by_label("Agency", exact=True).select_option(best)
    assert desk.get_by_label("Agency 1 to ask next").input_value() not in ("", best)
    desk.get_by_role("button", name="Send", exact=True).click()
    expect(desk.locator("aside")).to_contain_text("asked, has not decided yet")

    desk.get_by_role("link", name="Ask one question by link").click()
    desk.get_by_label("Who is asked").select_option("PHL")
    desk.locator("[name=question]").fill("May Ghana write to you?")
    desk.get_by_role("button", name="Make the link").click()
    found = re.search(r"/en/question/\S+", desk.locator("main").inner_text())
    assert found
    page.goto(found.group(0))
    expect(page.locator("main")).to_contain_text("May Ghana write to you?")
    fits(page)
    page.get_by_role("radio", name="Yes").check()
    page.get_by_role("button", name="Send the answer").click()
    page.goto(found.group(0))
    expect(page.get_by_role("heading", level=1)).to_have_text("This link is used up")
    desk.goto(story.address)
    expect(desk.locator("#links")).to_contain_text("Yes")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_field_on_the_page_of_a_request_has_a_label_of_its_own(
    live: Live, sign_in: SignIn, language: str
) -> None:
    story = Story(live, "Labels")
    desk = sign_in(SECRETARIAT)
    desk.goto(story.address.replace("/en/", f"/{language}/"))
    desk.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
    ids = desk.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    fits(desk)
