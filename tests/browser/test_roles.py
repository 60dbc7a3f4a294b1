"""A request from its first word to its close, as its four kinds of people meet it, each in a browser of their own."""

import pytest
from playwright.sync_api import Page, expect

from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT, SECRETARIAT
from tests import signing
from tests.browser.conftest import SignIn


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_request_goes_from_draft_to_closed(sign_in: SignIn, scripts: bool):
    focal_point = sign_in(FOCAL_POINT, "PRT", scripts=scripts)
    focal_point.goto("/en/requests")
    focal_point.get_by_role("link", name="Write a request").first.click()
    focal_point.locator("[name=title]").fill("Protecting domestic workers abroad")
    focal_point.locator("[name=description]").fill(
        "Our nationals work in private households. We would like advice on standard contracts and on inspection."
    )
    focal_point.locator("[name=summary]").fill("Advice on contracts and inspection")
    focal_point.get_by_role("checkbox", name="6. Fair recruitment and decent work").check()
    focal_point.get_by_role("button", name="Show who could help").click()
    matches = focal_point.locator("#who-could-help")
    for heading in ("Agencies", "Peer States", "Practices", "Guidance"):
        expect(matches.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(matches.locator(".reasons li").first).to_be_visible()
    expect(focal_point.locator("[name=title]")).to_have_value("Protecting domestic workers abroad")
    focal_point.get_by_role("button", name="Submit").click()
    expect(focal_point.get_by_role("heading", level=1)).to_have_text("Protecting domestic workers abroad")
    request = focal_point.url.split("#")[0]

    expert = sign_in(EXPERT, "ilo", scripts=scripts)
    expert.goto(request)
    expect(expert.get_by_role("heading", level=1)).to_have_text("There is nothing here")

    secretariat = sign_in(SECRETARIAT, scripts=scripts)
    secretariat.goto("/en/requests")
    secretariat.get_by_role("link", name="Protecting domestic workers abroad").first.click()
    secretariat.goto(request)
    secretariat.get_by_role("link", name="Send it to an agency").click()
    secretariat.get_by_label("Agency", exact=True).select_option("ilo")
    secretariat.get_by_role("button", name="Send", exact=True).click()
    expect(secretariat.locator("main")).to_contain_text("International Labour Organization")

    expert.goto("/en/requests")
    expert.get_by_role("link", name="Request of Portugal").first.click()
    expect(expert.locator("main")).to_contain_text("Advice on contracts and inspection")
    expect(expert.locator("main")).not_to_contain_text("Our nationals work in private households.")
    expert.get_by_role("button", name="Accept").click()
    expect(expert.get_by_role("heading", level=1)).to_have_text("Protecting domestic workers abroad")
    expert.get_by_role("link", name="Write the answer").click()
    expert.locator("[name=text]").fill("Begin with the standard contract that others already use.")
    expert.locator("#q").fill("domestic workers contract")
    expert.locator("button[name=do][value=search]:not(.visually-hidden)").click()
    expect(expert.locator("[name=text]")).to_have_value("Begin with the standard contract that others already use.")
    expert.get_by_role("button", name="Cite this").first.click()
    expert.get_by_role("button", name="Send the answer").click()
    expect(expert.locator("main")).to_contain_text("Begin with the standard contract")

    focal_point.goto(request)
    expect(focal_point.locator("main")).to_contain_text("Begin with the standard contract that others already use.")
    cited = focal_point.locator("#answers article li a").first
    assert "/documents/" in (cited.get_attribute("href") or "")
    focal_point.get_by_role("button", name="Close: the answer is enough").click()
    expect(focal_point.locator("main")).to_contain_text("Closed")

    stranger = sign_in(FOCAL_POINT, "GHA", scripts=scripts)
    stranger.goto(request)
    expect(stranger.get_by_role("heading", level=1)).to_have_text("There is nothing here")


def test_an_administrator_invites_somebody_who_sets_a_password_and_signs_in(sign_in: SignIn, page: Page):
    administrator = sign_in(ADMINISTRATOR)
    administrator.goto("/en/members")
    administrator.locator("[name=email]").fill("new.expert@example.org")
    administrator.locator("[name=name]").fill("Expert, FAO (test)")
    administrator.locator("[name=role]").select_option("expert")
    administrator.locator("[name=entity_id]").select_option("fao")
    administrator.get_by_role("button", name="Invite").click()
    link = administrator.locator("main .notice code").inner_text().strip()

    page.goto(link)
    page.locator("[name=password]").fill(signing.PASSWORD)
    page.locator("[name=repeat]").fill(signing.PASSWORD)
    page.locator("main form .button").click()
    page.locator("[name=email]").fill("new.expert@example.org")
    page.locator("[name=password]").fill(signing.PASSWORD)
    page.locator("main form .button").click()
    expect(page.locator("header")).to_contain_text("Sign out")
    page.goto(link)
    expect(page.locator("main form [name=repeat]")).to_have_count(0)
