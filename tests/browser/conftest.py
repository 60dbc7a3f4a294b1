"""A hub that serves, with the real corpus, and headless Chromium to visit it.

`live` is shared by the run: a test that writes makes its own people and requests (`tests/factories.py`, through
`live.hub.database`) and leaves records alone. `page` has scripts, `plain_page` has none: no page may need them.
Chromium is that of the system, `HUB_TEST_CHROMIUM` names another. Without one: a skip locally, a failure where `CI` is set.
"""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hub.network.models import Entity
from hub.settings import Settings
from hub.wiring import Hub
from tests import factories, signing

ARGUMENTS = (
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 20_000
"""How long a step may take on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True, slots=True)
class Live:
    """A serving hub. `address` has no slash at its end."""

    address: str
    hub: Hub


@pytest.fixture(scope="session")
def live(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The real application on a free port, in a thread of its own, ready before the first visit.

    Asks for the browser first, so that nothing is built where there is none.
    """
    from waitress.server import create_server

    from corpus.load import load_vocabulary, seed_files
    from hub import create_app
    from hub.migrate import upgrade
    from hub.search.embedding import HashEmbedder
    from indexer.ingest import ingest_files
    from indexer.rebuild import rebuild

    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    hub = Hub(
        Settings(
            var=tmp_path_factory.mktemp("live"),
            secret_key="only for tests",
            public_url=address,
            demo=True,
            testing=True,
            sign_in_limit="1000 per minute",
            search_log_sample=0,
        )
    )
    hub.embedder = HashEmbedder()
    upgrade(hub.database.engine)
    with hub.database.session() as session:
        load_vocabulary(session)
    ingest_files(hub, seed_files(), source="corpus")
    rebuild(hub)
    server = create_server(create_app(hub=hub), sockets=[listening], threads=4)
    thread = threading.Thread(target=server.run, name="live hub", daemon=True)
    thread.start()
    yield Live(address, hub)
    server.close()
    thread.join(timeout=10)
    hub.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("HUB_TEST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = f"Chromium is not installed (looked for {', '.join(NAMES)}; HUB_TEST_CHROMIUM names another)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, live: Live) -> Iterator[Page]:
    """A fresh visitor whose browser prefers English. Relative addresses lead to the live hub."""
    yield from _visit(chromium, live, scripts=True)


@pytest.fixture
def plain_page(chromium: Browser, live: Live) -> Iterator[Page]:
    """The same without JavaScript."""
    yield from _visit(chromium, live, scripts=False)


def _visit(chromium: Browser, live: Live, *, scripts: bool) -> Iterator[Page]:
    context = chromium.new_context(base_url=live.address, locale="en-GB", java_script_enabled=scripts)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(chromium: Browser, live: Live) -> Iterator[SignIn]:
    """A new browser in which a new person of that role is signed in, through the form."""
    opened = []

    def enter(role: str, entity: str = "secretariat", *, scripts: bool = True, language: str = "en") -> Page:
        with live.hub.database.session() as session:
            membership = factories.member(session, role, session.get(Entity, entity))
            signing.give_password(membership.person)
            email = membership.person.email
        context = chromium.new_context(base_url=live.address, locale="en-GB", java_script_enabled=scripts)
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        page = context.new_page()
        page.goto(f"/{language}/sign-in")
        page.locator("[name=email]").fill(email)
        page.locator("[name=password]").fill(signing.PASSWORD)
        page.locator("main form .button").click()
        expect(page.locator("main form [name=password]")).to_have_count(0)
        return page

    yield enter
    for context in opened:
        context.close()


def checked(page: Page) -> None:
    """The page as it stands passes the automatic checks."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": rules}, "resultTypes": ["violations"]})
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
