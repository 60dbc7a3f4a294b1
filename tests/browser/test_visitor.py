"""A visitor's way: ask, narrow, read, go on in another language. And what every page owes to everybody."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

QUESTION = "protect domestic workers abroad"


@pytest.mark.parametrize("browser_page", ["page", "plain_page"], ids=["with scripts", "without scripts"])
def test_a_visitor_searches_narrows_reads_and_goes_on_in_arabic(request: pytest.FixtureRequest, browser_page: str):
    page: Page = request.getfixturevalue(browser_page)

    page.goto("/")
    expect(page).to_have_url("/en/")
    page.get_by_role("searchbox").fill(QUESTION)
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
    expect(page.get_by_role("searchbox")).to_have_value(QUESTION)
    page.locator(f'.result a[href="/ar/documents/{slug}"]').first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator("html")).to_have_attribute("lang", "ar")


def test_a_question_in_arabic_finds_records_and_shows_them_from_right_to_left(page: Page):
    page.goto("/ar/search")
    page.get_by_role("searchbox").fill("حماية عمال المنازل")
    page.get_by_role("searchbox").press("Enter")

    arabic = page.locator('.result h3[lang="ar"]').first
    expect(arabic).to_have_attribute("dir", "rtl")
    expect(page.locator('.passage[lang="ar"] mark').first).to_be_visible()


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
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": rules}, "resultTypes": ["violations"]})
        assert found.violations_count == 0, f"{language}{address}\n{found.generate_report()}"


def test_pages_load_nothing_from_elsewhere_and_break_no_rule_of_their_own(page: Page):
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    page.goto(f"/en/search?q={QUESTION}")

    own = page.url.split("/en/")[0]
    assert [url for url in asked if not url.startswith(own)] == []
    assert complaints == []
