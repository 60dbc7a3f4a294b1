"""The page of a request, and the editor of its answer, in a real browser."""

import re

from playwright.sync_api import FloatRect, Page, expect

from hub.accounts.models import EXPERT, FOCAL_POINT
from hub.network.models import Entity
from hub.support import delivery, requests, triage
from hub.support.requests import RequestData
from tests import factories
from tests.browser.conftest import Live, SignIn, checked


def worked_on(live: Live) -> str:
    """Id of a request that the ILO leads."""
    with live.hub.database.session() as session:
        state = factories.member(session, FOCAL_POINT, session.get(Entity, "PRT"))
        desk = factories.secretariat(session)
        ilo = factories.member(session, EXPERT, session.get(Entity, "ilo"))
        row = requests.draft(session, state, RequestData("Contracts", "Advice on contracts.", "en"), submit=True)
        row = triage.send(session, desk, row.id, "ilo", version=row.version)
        return delivery.accept(session, ilo, row.id, version=row.version).id


def editor(live: Live, sign_in: SignIn, language: str = "en") -> Page:
    name = worked_on(live)
    page = sign_in(EXPERT, "ilo", language=language)
    page.goto(f"/{language}/requests/{name}/answer")
    return page


SECTIONS = ("actions", "words", "facts", "clocks", "timeline", "matches", "more")


def test_a_phone_shows_what_waits_then_what_is_asked_then_what_happened(live: Live, sign_in: SignIn):
    name = worked_on(live)
    page = sign_in(FOCAL_POINT, "PRT")
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"/en/requests/{name}")

    expect(page.locator("[aria-labelledby=actions-title]")).to_contain_text("Nothing waits for you.")
    expect(page.locator("[aria-labelledby=actions-title]")).to_contain_text("Next date:")
    tops = [place(page, section)["y"] for section in SECTIONS]
    assert tops == sorted(tops)
    checked(page)

    page.set_viewport_size({"width": 1280, "height": 900})
    asked, beside, below = (place(page, section) for section in ("words", "facts", "matches"))
    assert beside["y"] < asked["y"] < below["y"]
    assert beside["x"] > asked["x"] == below["x"]


def place(page: Page, section: str) -> FloatRect:
    box = page.locator(f"#{section}-title").bounding_box()
    assert box, section
    return box


def test_a_record_is_found_while_typing_and_cited_by_the_keyboard(live: Live, sign_in: SignIn):
    page = editor(live, sign_in)
    page.locator("[name=text]").fill("Begin with contracts.")
    page.locator("#q").press_sequentially("domestic")

    option = page.locator("#q-suggestions li").first
    title = option.locator("bdi").inner_text()
    checked(page)
    page.locator("#q").press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.locator("#q").press("Enter")

    expect(page.locator("#citations ul a")).to_have_text([title])
    expect(page.locator("[name=text]")).to_have_value("Begin with contracts.")
    expect(page.locator("#q")).to_have_value("")
    assert page.url.endswith("/answer#citations")
    page.locator("#q").press_sequentially("domestic")
    expect(page.locator("#q-suggestions li").first).to_be_visible()
    expect(page.locator("#q-suggestions li").filter(has_text=re.compile(re.escape(title)))).to_have_count(0)


def test_enter_searches_as_long_as_no_suggestion_is_chosen(live: Live, sign_in: SignIn):
    page = editor(live, sign_in, "ar")
    page.locator("#q").press_sequentially("domestic workers")
    expect(page.locator("#q-suggestions li").first).to_be_visible()
    page.locator("#q").press("Enter")

    expect(page.locator("#citations .card button").first).to_be_visible()
    expect(page.locator("#citations ul a[href*=documents]").first).to_be_visible()
