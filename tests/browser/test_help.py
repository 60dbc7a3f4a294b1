"""Help with a text, the agency's record, corrections and the calendar, in a browser: by keyboard, small, dark, in Arabic."""

import pytest
from playwright.sync_api import Page, expect

from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from tests.browser.conftest import SignIn, checked

PARAGRAPH = (
    "Our nationals work in private households abroad. We would like advice on standard contracts of domestic workers."
)


def everywhere(page: Page) -> None:
    """The page as it stands passes the automatic checks, light and dark, and fits a narrow screen."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_timeout(300)  # until every colour has changed: what was posted cannot be loaded again
        checked(page)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_focal_point_begins_with_a_paragraph_and_ends_with_a_draft(sign_in: SignIn, scripts: bool):
    page = sign_in(FOCAL_POINT, "PRT", scripts=scripts)
    page.goto("/en/requests/new")
    page.locator("[name=description]").fill(PARAGRAPH)
    page.get_by_role("button", name="Help me with this text").click()

    expect(page.get_by_role("heading", name="Help with your text")).to_be_visible()
    expect(page.locator("[name=title]")).to_have_value("Our nationals work in private households abroad")
    expect(page.locator("[name=summary]")).to_have_value("")
    page.get_by_role("checkbox", name="6. Fair recruitment and decent work").check()
    page.get_by_label("By when help is needed").fill("June 2027")
    page.get_by_role("checkbox", name="Use this as the summary").check()
    page.get_by_role("button", name="Show who will see what").click()

    expect(page.locator("[name=description]")).to_have_value(f"{PARAGRAPH}\n\nBy when help is needed\nJune 2027")
    expect(page.locator("#who-sees .card")).to_contain_text("advice on standard contracts")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Our nationals work in private households abroad")
    expect(page.locator("main")).to_contain_text("June 2027")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_pages_of_help_pass_the_automatic_checks_and_fit(sign_in: SignIn, language: str):
    focal_point = sign_in(FOCAL_POINT, "PRT", language=language)
    focal_point.goto(f"/{language}/requests/new")
    focal_point.locator("[name=description]").fill(PARAGRAPH)
    focal_point.locator("button[value=help]").first.click()
    everywhere(focal_point)
    focal_point.locator("button[value=preview]").click()
    everywhere(focal_point)
    focal_point.goto(f"/{language}/calendar")
    focal_point.locator("main form .button").first.click()
    expect(focal_point.locator("main code")).to_contain_text(".ics")
    everywhere(focal_point)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_pages_of_corrections_pass_the_automatic_checks_and_fit(sign_in: SignIn, language: str):
    expert = sign_in(EXPERT, "unhcr", language=language)
    expert.goto(f"/{language}/record?reason=mandate_close:unhcr")
    for fold in expert.locator("main summary").all():
        fold.click()
    everywhere(expert)
    expert.locator("#value-presence").fill("GHA\nAtlantis")
    expert.locator("form", has=expert.locator("#value-presence")).locator("button").click()
    expect(expert.locator(".field-error")).to_contain_text("Atlantis")
    everywhere(expert)
    expert.locator("#value-presence").fill("GHA" if language == "en" else "GHA\nNPL")
    expert.locator("form", has=expert.locator("#value-presence")).locator("button").click()

    secretariat = sign_in(SECRETARIAT, language=language)
    secretariat.goto(f"/{language}/corrections")
    everywhere(secretariat)
    secretariat.locator("button[value=confirm]").first.click()
    expect(secretariat.locator("button[value=confirm]")).to_have_count(0)
    everywhere(secretariat)
