"""Beyond the list of results: files and feeds, similar records, the map, and why a hit is there."""

import csv
import io
from xml.etree import ElementTree as ET

import pytest

from tests import factories
from tests.api.test_pages import Outline, index

ATOM = {"": "http://www.w3.org/2005/Atom"}
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def table(response) -> list[dict[str, str]]:
    assert response.data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"), newline="")))


def test_the_page_leads_to_the_same_search_as_table_data_and_feed(client, hub, session, words):
    index(hub, session, factories.document(session, title="Visa", objectives=(6,)))

    outline = Outline(client.get("/fr/search?q=visa&objective=6&limit=5").text)

    links = [a["href"] for a in outline.all("a") if "/fr/search." in a.get("href", "")]
    assert links == [f"/fr/search.{form}?q=visa&objective=6" for form in ("csv", "json", "atom")]
    announced = [link["href"] for link in outline.all("link") if link.get("type") == "application/atom+xml"]
    assert announced == ["/fr/search.atom?q=visa&objective=6"]
    for link in links:
        assert client.get(link).status_code == 200


def test_a_table_holds_all_results_with_their_permanent_addresses_whatever_page_was_shown(client, hub, session, words):
    rows = [
        factories.document(session, f"visa-{at:02}", title=f"Visa {at}", countries=("GHA", "NPL"), objectives=(5, 6))
        for at in range(12)
    ]
    index(hub, session, *rows)

    response = client.get("/ar/search.csv?q=visa&offset=10&limit=1")

    found = table(response)
    assert response.content_type == "text/csv; charset=utf-8"
    assert [row["rank"] for row in found] == [str(rank) for rank in range(1, 13)]
    assert {row["address"] for row in found} == {f"http://127.0.0.1:8000/documents/visa-{at:02}" for at in range(12)}
    assert (found[0]["countries"], found[0]["objectives"]) == ("GHA;NPL", "5;6")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "＝"])
def test_no_cell_of_a_table_is_a_formula(client, hub, session, words, start):
    row = factories.document(session, title=f'{start}HYPERLINK("http://evil.example","visa")', summary=f"{start}visa")
    index(hub, session, row)

    found = table(client.get("/en/search.csv?q=visa"))

    assert found[0]["title"] == f"'{row.title}"
    assert found[0]["passage"] == f"'{row.summary}"


def test_a_table_keeps_every_script_and_line(client, hub, session, words):
    row = factories.document(session, title='签证, "工作"', summary="签证\nвиза حماية", language="zh")
    index(hub, session, row)

    found = table(client.get("/zh/search.csv", query_string={"q": "签证"}))

    assert found[0]["title"] == row.title


def test_data_is_the_answer_of_the_api_with_addresses(client, hub, session, words):
    rows = [
        factories.document(session, f"visa-{at}", title="Visa", kind=kind)
        for at, kind in enumerate(("practice", "report"))
    ]
    index(hub, session, *rows)

    exported = client.get("/en/search.json?q=visa&kind=report").json
    answered = client.get("/api/v1/search?q=visa&kind=report").json

    assert [hit.pop("address") for hit in exported["hits"]] == ["http://127.0.0.1:8000/documents/visa-1"]
    assert exported["hits"] == answered["hits"]
    assert exported["facets"] == answered["facets"]


def test_a_feed_has_the_last_changed_first_and_all_that_atom_asks_for(client, hub, session, words):
    old = factories.document(session, "old", title="Visa, visa", summary="Visa & <b>work</b>", objectives=(6,))
    new = factories.document(session, "new", title="Виза visa", language="ru")
    old.updated_at = old.updated_at.replace(year=2001)
    index(hub, session, old, new)

    response = client.get("/en/search.atom?q=visa")

    feed = ET.fromstring(response.data)
    assert response.content_type == "application/atom+xml; charset=utf-8"
    assert [entry.findtext("id", None, ATOM) for entry in feed.findall("entry", ATOM)] == [
        "http://127.0.0.1:8000/documents/new",
        "http://127.0.0.1:8000/documents/old",
    ]
    for part in (feed, *feed.findall("entry", ATOM)):
        assert all(part.findtext(name, "", ATOM) for name in ("id", "title", "updated"))
    assert feed.findtext("updated", None, ATOM) == feed.findtext("entry/updated", None, ATOM)
    assert feed.findtext("author/name", "", ATOM)
    links = {link.attrib["rel"]: link.attrib["href"] for link in feed.findall("link", ATOM)}
    assert links["self"] == "http://127.0.0.1:8000/en/search.atom?q=visa"
    assert links["alternate"] == "http://127.0.0.1:8000/en/search?q=visa"
    titles = feed.findall("entry/title", ATOM)
    assert [title.attrib[XML_LANG] for title in titles] == ["ru", "en"]
    assert feed.findall("entry/summary", ATOM)[1].text == "Visa & <b>work</b>"


def test_a_feed_survives_a_question_that_xml_cannot_write(client, hub, session, words):
    index(hub, session, factories.document(session, title="Visa \x0b<x>"))

    response = client.get("/en/search.atom", query_string={"q": "visa \x01 ]]> & \ufffe"})

    assert ET.fromstring(response.data).findtext("entry/title", None, ATOM) == "Visa <x>"


def test_an_unchanged_feed_is_not_sent_twice(client, hub, session, words):
    index(hub, session, factories.document(session, title="Visa"))
    first = client.get("/en/search.atom?q=visa")

    again = client.get("/en/search.atom?q=visa", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304


def test_an_export_refuses_what_the_search_page_refuses_and_says_when_there_is_no_engine(client, session, words):
    assert client.get("/en/search.csv?objective=99").status_code == 422
    assert client.get("/en/search.csv?q=visa").status_code == 503
    assert client.get("/en/search.pdf?q=visa").status_code == 404
