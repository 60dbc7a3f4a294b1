"""A visitor's way: ask, narrow, read, go on in another language. And what every page owes to everybody."""

import re

import pytest
from playwright.sync_api import Page, expect

from hub.accounts.models import SECRETARIAT
from hub.database import now
from hub.knowledge.models import SearchLog
from tests.browser.conftest import Live, SignIn, checked

QUESTION = "protect domestic workers abroad"


@pytest.mark.parametrize("browser_page", ["page", "plain_page"], ids=["with scripts", "without scripts"])
def test_a_visitor_searches_narrows_reads_and_goes_on_in_arabic(request: pytest.FixtureRequest, browser_page: str):
    page: Page = request.getfixturevalue(browser_page)

    page.goto("/")
    expect(page).to_have_url("/en/")
    page.locator("#q").fill(QUESTION)
    page.get_by_role("button", name="Search").click()

    results = page.locator(".result")
    expect(results).to_have_count(10)
    expect(page.locator(".passage mark").first).to_be_visible()
    before = page.locator("#results-title").inner_text()

    page.get_by_role("checkbox", name="6 Fair recruitment and decent work").check()
    page.get_by_role("button", name="Apply the filters").click()

    expect(page.get_by_role("link", name="Remove the filter: Fair recruitment and decent work")).to_be_visible()
    assert page.locator("#results-title").inner_text() != before
    for result in results.all():
        expect(result.get_by_role("link", name="6 Fair recruitment and decent work")).to_be_visible()

    first = results.first.locator("h3 a")
    slug = (first.get_attribute("href") or "").rsplit("/", 1)[-1]
    title = first.inner_text()
    searched = page.url
    first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    source = page.locator('a[rel~="external"]')
    assert (source.get_attribute("href") or "").startswith("http")
    expect(page.get_by_role("heading", name="How to cite")).to_be_visible()

    page.goto(searched)
    page.locator(".languages").get_by_role("link", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("#q")).to_have_value(QUESTION)
    page.locator(f'.result a[href="/ar/documents/{slug}"]').first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator("html")).to_have_attribute("lang", "ar")


def test_a_question_in_arabic_finds_records_and_shows_them_from_right_to_left(page: Page):
    page.goto("/ar/search")
    page.locator("#q").fill("حماية عمال المنازل")
    page.locator("#q").press("Enter")

    arabic = page.locator('.result h3[lang="ar"]').first
    expect(arabic).to_have_attribute("dir", "rtl")
    expect(page.locator('.passage[lang="ar"] mark').first).to_be_visible()


def test_suggestions_are_chosen_by_keyboard_and_announced(page: Page):
    page.goto("/en/")
    field = page.get_by_role("combobox", name="Search practices and guidance")
    options = page.get_by_role("option")

    field.press_sequentially("p")
    page.wait_for_timeout(400)
    expect(options).to_have_count(0)
    field.press_sequentially("hil")
    expect(options.first).to_contain_text("Philippines")
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("status").filter(has_text="Suggestions:")).to_have_count(1)

    field.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    field.press("ArrowDown")
    expect(page.locator("[aria-selected=true]")).to_have_count(0)  # back in the field
    field.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", options.first.get_attribute("id") or "none")
    checked(page)

    field.press("Escape")
    expect(options).to_have_count(0)
    expect(field).to_have_value("phil")
    expect(field).to_be_focused()
    field.press("ArrowDown")
    expect(options.first).to_be_visible()
    field.press("ArrowDown")
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"/en/search\?country=PHL$"))

    page.get_by_role("link", name="Remove the filter: Philippines").click()
    expect(page).to_have_url(re.compile(r"/en/search$"))


def test_a_suggested_record_opens_and_a_suggested_name_keeps_the_filters(page: Page):
    page.goto("/en/search?q=x&objective=6")
    field = page.locator("#q")

    field.fill("ghana")
    page.get_by_role("option").filter(has_text="Country").first.click()
    expect(page).to_have_url(re.compile(r"\?objective=6&country=GHA$"))

    field.fill("medical assistance provided to migrants in")
    option = page.get_by_role("option").filter(has_text="Niger").first
    title = option.locator("bdi").inner_text()
    option.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_suggestions_in_arabic_stand_under_the_field_from_the_right(page: Page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/ar/")
    page.locator("#q").press_sequentially("الفل")

    option = page.get_by_role("option").first
    expect(option).to_contain_text("الفلبين")
    name, kind = option.locator("bdi").bounding_box(), option.locator("small").bounding_box()
    assert name is not None
    assert kind is not None
    assert name["x"] > kind["x"]
    page.locator("#q").press("ArrowDown")
    page.locator("#q").press("Enter")
    expect(page).to_have_url(re.compile("country=PHL"))


def test_a_question_that_is_stale_is_given_up(page: Page):
    """The answer to the first letters never comes: it is not waited for."""
    page.route(re.compile(r"/suggest\?q=gh&"), lambda _: None)
    page.goto("/en/")
    with page.expect_request(re.compile(r"/suggest\?q=gh&")):
        page.locator("#q").fill("gh")

    with page.expect_event("requestfailed", lambda request: "q=gh&" in request.url):
        page.locator("#q").fill("nepal")

    expect(page.get_by_role("option").first).to_contain_text("Nepal")


def test_a_field_still_searches_when_suggestions_fail(page: Page):
    page.route("**/api/v1/suggest?*", lambda route: route.abort())
    page.goto("/en/")
    page.locator("#q").press_sequentially("visa")
    page.wait_for_timeout(400)
    page.locator("#q").press("Enter")

    expect(page.locator(".result").first).to_be_visible()


def test_chips_take_one_filter_away_each_and_all_at_once(plain_page: Page):
    page = plain_page
    page.goto("/en/search?q=workers&year=2018..2021&objective=6&country=GHA")

    page.get_by_role("link", name="Remove the filter: 2018–2021").click()
    expect(page).to_have_url(re.compile(r"\?q=workers&objective=6&country=GHA$"))
    page.get_by_role("link", name="Remove all filters").click()
    expect(page).to_have_url(re.compile(r"\?q=workers$"))


def test_the_first_stop_of_the_keyboard_leads_past_the_menu(page: Page):
    page.goto("/en/documents")
    page.keyboard.press("Tab")

    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    skip.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_filters_are_folded_on_a_phone_and_open_on_a_wide_screen(page: Page):
    box = page.get_by_role("checkbox", name="6 Fair recruitment and decent work")

    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"/en/search?q={QUESTION}")
    expect(box).to_be_visible()

    page.set_viewport_size({"width": 390, "height": 844})
    expect(box).to_be_hidden()
    page.get_by_text("Filters", exact=True).click()
    expect(box).to_be_visible()


RECORD = "/documents/medical-assistance-provided-to-migrants-in-niger"
ADDRESSES = (
    "/",
    f"/search?q={QUESTION}&objective=6",
    "/search?q=zzzzqq&country=GHA",
    "/documents",
    RECORD,
    "/about",
    "/api",
    "/api/offers",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_sticks_out_of_a_narrow_screen(page: Page, address: str):
    page.set_viewport_size({"width": 320, "height": 700})
    for language in ("ar", "ru", "zh"):
        page.goto(f"/{language}{address}")
        out = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert out == 0, f"{language}{address} is {out} px too wide"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", [*ADDRESSES, "/sign-in", "/nothing"])
def test_pages_pass_the_automatic_checks_of_wcag_2_2_aa(page: Page, address: str, scheme: str):
    page.emulate_media(color_scheme=scheme)
    for language in ("en", "ar"):
        page.goto(f"/{language}{address}")
        checked(page)


def test_the_search_report_passes_them_too(sign_in: SignIn, live: Live):
    with live.hub.database.transaction() as session:
        session.add_all(
            SearchLog(id=f"{at}", day=now().date(), text=text, language="en", mode="hybrid", total=total, weak=False)
            for at, (text, total) in enumerate(3 * [("visa for nurses", 0), ("domestic workers", 12)])
        )
    page = sign_in(SECRETARIAT)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for language in ("en", "ar"):
            page.goto(f"/{language}/search-report")
            expect(page.locator("table").first).to_be_visible()
            checked(page)


def test_pages_load_nothing_from_elsewhere_and_break_no_rule_of_their_own(page: Page):
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    page.goto(f"/en/search?q={QUESTION}")

    own = page.url.split("/en/")[0]
    assert [url for url in asked if not url.startswith(own)] == []
    assert complaints == []
