"""The search log from outside: what a visit leaves behind, and who reads the report."""

import csv
import io
import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT
from hub.database import now
from hub.knowledge.models import SearchLog
from indexer.rebuild import rebuild
from tests import factories, signing


@pytest.fixture
def settings(settings):
    return replace(settings, search_log_sample=1)


@pytest.fixture
def collection(hub, session):
    factories.document(session, "a-practice", title="Labour attachés")
    session.commit()
    rebuild(hub)


def visit(client, address):
    """Look at a page to its end: what is kept is written once the answer went out."""
    with client.get(address) as response:
        return response.text


def kept(session):
    session.rollback()
    return [(row.text, row.total, row.clicked_rank) for row in session.scalars(select(SearchLog))]


def row(session, text, **more):
    values = {"day": now().date(), "language": "en", "mode": "hybrid", "total": 1, "weak": False, **more}
    session.add(SearchLog(id=text[:32], text=text, **values))


def test_a_search_is_kept_and_opening_a_result_is_counted_without_a_cookie(client, session, collection):
    found = visit(client, "/en/search?q=Labour")
    assert kept(session) == [("labour", 1, None)]

    link = re.search(r'href="(/en/documents/a-practice\?from=[^"]+)"', found).group(1)
    with client.get(link) as response:
        assert response.status_code == 200
        assert "Set-Cookie" not in response.headers
        assert link.partition("?")[2] not in response.headers["Link"]

    assert kept(session) == [("labour", 1, 1)]


@pytest.mark.parametrize(
    "address",
    ["/api/v1/search?q=labour", "/en/search.csv?q=labour", "/en/search", "/en/search?q=labour&offset=10",
     "/en/search?q=labour&country=PHL", "/en/search?q=me%40example.org"],
)  # fmt: skip
def test_other_ways_to_search_leave_nothing(client, session, collection, address):
    visit(client, address)

    assert kept(session) == []


@pytest.mark.parametrize("role", [FOCAL_POINT, EXPERT])
def test_what_people_with_an_account_search_for_is_theirs(client, session, collection, role):
    entity = factories.state(session) if role == FOCAL_POINT else factories.agency(session)
    signing.sign_in(client, factories.member(session, role, entity))
    found = visit(client, "/en/search?q=labour")
    visit(client, "/api/v1/search?q=labour")

    assert "?from=" not in found
    assert kept(session) == []


def test_a_failure_to_keep_breaks_no_search(client, hub, session, collection):
    SearchLog.__table__.drop(hub.database.engine)

    assert "a-practice" in visit(client, "/en/search?q=labour")
    assert "attachés" in visit(client, f"/en/documents/a-practice?from={'0' * 32}-1")


@pytest.mark.parametrize("role", [None, FOCAL_POINT, EXPERT])
def test_the_report_is_for_those_who_look_after_the_collection(client, session, role):
    if role:
        entity = factories.state(session) if role == FOCAL_POINT else factories.agency(session)
        signing.sign_in(client, factories.member(session, role, entity))

    for address in ("/en/search-report", "/en/search-report.csv"):
        assert client.get(address).status_code == (403 if role else 303)
    assert "/en/search-report" not in client.get("/en/search").text


@pytest.mark.parametrize("make", [factories.secretariat, lambda session: factories.member(session, ADMINISTRATOR)])
def test_the_report_shows_questions_as_text_with_a_way_to_try_them(client, session, make):
    row(session, "<b>bread</b> & rights", total=0)
    signing.sign_in(client, make(session))

    page = client.get("/en/search-report").text

    assert "&lt;b&gt;bread&lt;/b&gt; &amp; rights" in page
    assert "/en/search?q=%3Cb%3Ebread%3C/b%3E+%26+rights" in page
    assert "1 search is in this report." in page
    assert "100%" in page
    assert 'href="/en/search-report"' in client.get("/en/search").text


def test_the_table_has_no_cell_that_a_spreadsheet_would_run(client, session):
    for text in ("=cmd|'/c calc'!a1", "+1", "-1", "@sum(a1)", "plain"):
        row(session, text)
    signing.sign_in(client, factories.secretariat(session))

    response = client.get("/en/search-report.csv")
    table = list(csv.reader(io.StringIO(response.get_data().decode("utf-8-sig"))))

    assert response.mimetype == "text/csv"
    assert table[0] == ["query", "language", "searches", "unanswered", "opened"]
    assert sorted(line[0] for line in table[1:]) == sorted(["'=cmd|'/c calc'!a1", "'+1", "'-1", "'@sum(a1)", "plain"])


def test_visitors_are_told_that_some_searches_are_kept(client):
    assert "kept for 90 days" in client.get("/en/about").text
