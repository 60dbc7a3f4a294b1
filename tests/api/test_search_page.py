"""The search page helps: suggestions, every facet as boxes, what a filter costs, and a line that says why."""

import json

from hub.search.embedding import HashEmbedder
from indexer.rebuild import rebuild
from tests import factories
from tests.api.test_pages import Outline, index, text


def boxes(page: str, name: str) -> list[str]:
    return [box["value"] for box in Outline(page).all("input") if box.get("name") == name]


def test_years_and_statuses_have_boxes_the_last_year_first(client, hub, session, words):
    hub.embedder = HashEmbedder()
    for year, status in ((2019, "ongoing"), (2022, "completed"), (2020, "ongoing")):
        factories.document(session, title="Visa", year=year, facts={"status": status})
    session.commit()
    rebuild(hub)

    page = client.get("/en/search?q=visa&status=ongoing").text

    assert boxes(page, "year") == ["2020", "2019"]
    assert sorted(boxes(page, "status")) == ["completed", "ongoing"]


def test_years_in_a_row_are_one_filter_in_the_address_and_one_chip(client, hub, session, words):
    hub.embedder = HashEmbedder()
    for year in (2018, 2019, 2020, 2021):
        factories.document(session, title="Visa", year=year)
    session.commit()
    rebuild(hub)

    page = client.get("/en/search?q=visa&year=2019..2021&sort=oldest").text

    assert "3 results" in text(page)
    links = {a["href"] for a in Outline(page).all("a")}
    assert "/en/search?q=visa&sort=oldest" in links
    assert "Remove the filter: 2019–2021" in text(page)
    assert "/en/search?q=visa&year=2019..2021" in links  # the same search in another order
    assert client.get("/api/v1/search?q=visa&year=2019..2021").json["total"] == 3


def test_a_span_of_years_that_is_none_is_refused(client):
    for wrong in ("2021..2019", "1000..2000", "19..21"):
        response = client.get(f"/en/search?year={wrong}")
        assert response.status_code == 422
        assert f"{wrong} is not a year." in text(response.text)


def test_nothing_found_says_what_each_filter_keeps_away(client, hub, session, words):
    rows = [
        factories.document(session, title="Visa", countries=("NPL",), objectives=(5,)),
        factories.document(session, title="Visa", countries=("GHA",), objectives=(6,)),
        factories.document(session, title="Visa", countries=("GHA",), objectives=(7,)),
    ]
    index(hub, session, *rows)

    page = client.get("/en/search?q=visa&country=GHA&objective=5").text

    assert "Without the filter “Ghana”: 1 result" in text(page)
    assert "Without the filter “Minimize vulnerabilities" not in text(page)
    assert "Without any filter: 3 results" in text(page)
    assert "/en/search?q=visa&objective=5" in [a["href"] for a in Outline(page).all("a")]


def test_filters_are_not_blamed_where_they_are_not_the_reason(client, hub, session, words):
    index(hub, session, factories.document(session, title="Visa", countries=("GHA",)))

    assert "The filters are not the reason" in text(client.get("/en/search?q=zzzzqq&country=GHA").text)


def test_each_hit_says_in_a_line_why_it_is_there(client, hub, session, words):
    row = factories.document(
        session, title="Domestic workers", summary="Contracts of domestic workers.", objectives=(6, 7)
    )
    index(hub, session, row)

    page = text(client.get("/en/search?q=domestic+workers&objective=6").text)

    assert "Why this result? matches Domestic, workers objective 6" in page
    assert "close in meaning" not in page  # no model is set up here


def test_what_the_script_needs_is_in_the_form_in_the_language_of_the_reader(client, session, words):
    outline = Outline(client.get("/fr/").text)

    (form,) = [form for form in outline.all("form") if form.get("role") == "search"]
    kinds = json.loads(form["data-words"])["kinds"]
    assert kinds["country"] == "Pays"
    assert form["data-records"] == "/fr/documents/"
    response = client.get(form["data-suggest"], query_string={"q": "phil", "lang": "fr"})
    assert response.status_code in {200, 503}  # the address that the script asks exists
    assert [script["src"] for script in outline.all("script")] == ["/static/suggest.js"]
