"""Beyond the list of results: files and feeds, similar records, the map, and why a hit is there."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from hub.knowledge.models import CachedVector, Document
from hub.network import vocabulary
from hub.search import service
from hub.search.embedding import HashEmbedder
from hub.search.types import Hit, Marked, Page, SearchQuery, Vector
from hub.web.places import HEIGHT, PLACES, WIDTH
from hub.web.why import why as why_of
from hub.wiring import Hub
from indexer.documents import key, texts, to_index_docs
from indexer.rebuild import rebuild
from tests import factories
from tests.api.test_pages import Outline, index, text

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


class KnownVectors:
    """A model that only knows what was encoded before: nothing may be encoded while a reader waits."""

    model = "known"
    dim = 3

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise AssertionError(f"encoded in a request: {texts}")

    documents = queries


def index_vectors(hub: Hub, session: Session, points: Mapping[Document, tuple[float, float, float]]) -> None:
    """Serve the rows with these vectors, and keep them as the indexer does."""
    hub.embedder = KnownVectors()
    vectors: dict[str, Vector] = {}
    for row, point in points.items():
        values = np.array(point, np.float32) / np.float32(np.linalg.norm(point))
        (encoded,) = texts(row)
        vectors[key(encoded)] = Vector("known", values)
        session.add(CachedVector(model="known", content_hash=key(encoded), values=values.astype("<f4").tobytes()))
    session.commit()
    with hub.engine.rebuild("gen-1", model="known") as rebuild:
        rebuild.write(to_index_docs(points, vectors))
        rebuild.commit()


def similar_records(page: str) -> list[str]:
    """Slugs under the heading, in order."""
    return re.findall(
        r'href="/en/documents/([\w-]+)"', page.partition('id="similar-title"')[2].partition("</section>")[0]
    )


def test_a_record_page_shows_the_nearest_works_and_why_without_encoding_anything(client, hub, session, words):
    def record(slug, **fields):
        return factories.document(session, slug, title=slug.title(), **fields)

    asked = record("asked", countries=("NPL",), objectives=(6, 7))
    index_vectors(
        hub,
        session,
        {
            asked: (1, 0, 0),
            record("asked-es", language="es", work_id=asked.work_id): (1, 0.01, 0),
            record("near", countries=("NPL", "GHA"), objectives=(5, 6, 7)): (1, 0.3, 0),
            record("nearer"): (1, 0.1, 0),
            record("withdrawn", status="withdrawn"): (1, 0.2, 0),
            record("far"): (0, 0, 1),
            record("farther"): (-1, 1, 0),
        },
    )

    page = client.get("/en/documents/asked").text

    assert similar_records(page) == ["nearer", "near"]
    said = text(page.partition('id="similar-title"')[2])
    assert "close in meaning" in said
    assert "shares objectives 6, 7" in said
    assert "same country: Nepal" in said
    assert "same country: Ghana" not in said


def test_a_similar_record_is_shown_in_the_language_of_the_reader_and_once(client, hub, session, words):
    asked = factories.document(session, "asked", title="Asked")
    other = factories.document(session, "other", title="Other")
    french = factories.document(session, "other-fr", title="Autre", language="fr", work_id=other.work_id)
    far = factories.document(session, "far", title="Far")
    index_vectors(hub, session, {asked: (1, 0, 0), other: (1, 0.1, 0), french: (1, 0.2, 0), far: (-1, 0, 1)})

    page = client.get("/fr/documents/asked").text

    assert re.findall(r'href="/fr/documents/(other[\w-]*)"', page) == ["other-fr"]


def test_a_record_like_no_other_has_no_similar_ones(client, hub, session, words):
    rows = [factories.document(session, slug, title=slug) for slug in ("asked", "b", "c")]
    index_vectors(hub, session, dict(zip(rows, [(1, 0, 0), (0, 1, 0), (0, 0, 1)], strict=True)))

    assert "Similar records" not in client.get("/en/documents/asked").text


def test_without_vectors_similar_records_share_the_words_of_the_title(client, hub, session, words):
    asked = factories.document(session, "asked", title="Legal aid for domestic workers", summary="One.")
    near = factories.document(session, "near", title="Domestic workers and legal aid", summary="Two.")
    far = factories.document(session, "far", title="Border crossings", summary="Three.")
    index(hub, session, asked, near, far)

    page = client.get("/en/documents/asked").text

    assert similar_records(page) == ["near"]
    assert "shares words with the title" in page
    assert "close in meaning" not in page


def test_a_record_can_be_read_without_an_engine(client, session, words):
    factories.document(session, "visa", summary="All about it.")
    session.commit()

    page = client.get("/en/documents/visa")

    assert page.status_code == 200
    assert "All about it." in page.text
    assert "Similar records cannot be looked up right now." in page.text


def test_the_map_counts_results_by_country_and_each_dot_narrows_the_search_to_it(client, hub, session, words):
    rows = [
        factories.document(session, title="Visa", countries=("NPL",), objectives=(6,)),
        factories.document(session, title="Visa", countries=("NPL", "GHA"), objectives=(6,)),
        factories.document(session, title="Visa", objectives=(6,)),
    ]
    index(hub, session, *rows)

    outline = Outline(client.get("/en/search?q=visa&objective=6").text)

    dots = {a["aria-label"]: a["href"] for a in outline.all("a") if "aria-label" in a}
    assert dots == {
        "Nepal: 2 results": "/en/search?q=visa&objective=6&country=NPL",
        "Ghana: 1 result": "/en/search?q=visa&objective=6&country=GHA",
    }
    radii = [float(circle["r"]) for circle in outline.all("circle")]
    assert radii[0] > radii[1]


def test_a_country_that_is_chosen_is_marked_on_the_map_and_leads_back(client, hub, session, words):
    index(hub, session, factories.document(session, title="Visa", countries=("NPL",)))

    (dot,) = [a for a in Outline(client.get("/ru/search?q=visa&country=NPL").text).all("a") if "aria-label" in a]

    assert (dot["href"], dot["aria-current"]) == ("/ru/search?q=visa", "true")


def test_results_about_no_country_have_no_map(client, hub, session, words):
    index(hub, session, factories.document(session, title="Visa"))

    assert "Map of the results" not in client.get("/en/search?q=visa").text


def test_every_state_has_its_place_on_the_map(session, words):
    codes = {country.code for country in vocabulary.countries(session) if country.state}

    assert codes <= PLACES.keys()
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in PLACES.values())


def test_places_are_where_they_are():
    def west_of(one: str, other: str) -> bool:
        return PLACES[one][0] < PLACES[other][0]

    def north_of(one: str, other: str) -> bool:
        return PLACES[one][1] < PLACES[other][1]

    assert west_of("USA", "FRA")
    assert west_of("PRT", "ESP")
    assert west_of("AUS", "WSM")
    assert north_of("NOR", "ITA")
    assert north_of("KEN", "ZAF")


def reasons(page: str) -> list[str]:
    """The words of each "Why?", in order of the hits."""
    return [text(part) for part in re.findall(r'<details class="why.*?</details>', page, re.DOTALL)]


def test_each_hit_says_which_words_matched_and_what_they_count(client, hub, session, words):
    rows = [
        factories.document(session, title="Visas for domestic workers", summary="A visa for a Domestic worker."),
        factories.document(session, title="Fees", summary="What a worker pays and much else that has no bearing."),
    ]
    index(hub, session, *rows)

    page = client.get("/en/search?q=domestic+worker").text
    found = client.get("/api/v1/search?q=domestic+worker").json["hits"]

    first, second = reasons(page)
    assert "Matching words: domestic workers worker" in first
    assert "Matching words: worker " in second
    assert "Words in common strong" in first
    for said, hit in zip((first, second), found, strict=True):
        assert f"the list is ordered {round(hit['score'], 2):g}" in said
    assert "Closeness in meaning" not in first


def test_a_hit_found_by_meaning_alone_says_so(client, hub, session, words):
    hub.embedder = HashEmbedder()
    rows = [
        factories.document(session, title=title, summary=summary)
        for title, summary in (("Travailleuses", "domestiques"), ("Hotel", "rooms"), ("Visa", "paper"))
    ]
    session.commit()
    vectors = {
        key(encoded): Vector(hub.embedder.model, hub.embedder.documents([encoded])[0])
        for row in rows
        for encoded in texts(row)
    }
    with hub.engine.rebuild("gen-1", model=hub.embedder.model) as rebuild:
        rebuild.write(to_index_docs(rows, vectors))
        rebuild.commit()

    page = client.get("/en/search?q=domestique+travailleuse&mode=vector").text

    said = reasons(page)[0]
    assert "Closeness in meaning strong" in said
    assert "Words in common" not in said


def test_words_that_another_language_cannot_share_are_called_estimated():
    def hit(id_: str, language: str, marks: tuple[tuple[int, int], ...]) -> Hit:
        parts = {"keyword": 1.0, "meaning": 2.0}
        shown = Marked("visa", marks)
        return Hit(id_, id_, 1, 3.0, language, shown, Marked(""), "practice", id_, (), (), parts)

    hits = (hit("a", "en", ((0, 4),)), hit("b", "fr", ()), hit("c", "en", ()))
    page = Page(SearchQuery("visa"), "hybrid", "en", hits, 3, True, {}, 1.0)

    said = {id_: str(why.parts[0].label) for id_, why in why_of(page).items()}

    assert said == {
        "a": "Words in common",
        "b": "Words, estimated: the record is in another language",
        "c": "Words in common",
    }


def test_a_list_without_a_question_gives_no_reasons(client, hub, session, words):
    index(hub, session, factories.document(session, title="Visa", objectives=(6,)))

    assert not reasons(client.get("/en/search?objective=6").text)


def test_notes_of_an_answer_are_told_in_words(client, hub, session, words, monkeypatch):
    index(hub, session, factories.document(session, title="Visa"))
    found = service.search

    def noted(*args: Any, **kwargs: Any) -> Page:
        return replace(found(*args, **kwargs), notes=("weak", "query_malformed", "model_failed", "of the future"))

    monkeypatch.setattr(service, "search", noted)

    page = text(client.get("/en/search?q=visa").text)

    assert "Nothing in the collection seems to answer this." in page
    assert "so it was searched as plain words" in page
    assert "rest on matching words only" in page
    assert "of the future" not in page


def test_a_facet_keeps_its_other_values_while_one_is_chosen(client, hub, session, words):
    rows = [factories.document(session, title="Visa", countries=(code,)) for code in ("NPL", "GHA", "GHA")]
    index(hub, session, *rows)

    outline = Outline(client.get("/en/search?q=visa&country=NPL").text)

    boxes = {box["value"]: "checked" in box for box in outline.all("input") if box.get("name") == "country"}
    assert boxes == {"NPL": True, "GHA": False}
    assert len([a for a in outline.all("a") if "aria-label" in a]) == 2


def test_a_misspelled_word_is_offered_in_one_click_and_never_replaced(client, hub, session, words):
    factories.document(
        session, "contract", title="Contracts for domestic workers", summary="Domestic workers have contracts."
    )
    session.commit()
    rebuild(hub)

    page = client.get("/en/search?q=domestik+workers").get_data(as_text=True)

    assert 'href="/en/search?q=domestic+workers"' in page
    assert 'value="domestik workers"' in page


def test_results_can_be_put_in_order_of_date_and_the_order_is_kept(client, hub, session, words):
    for slug, year in (("older", 2001), ("newer", 2020)):
        factories.document(session, slug, title=f"Domestic work {slug}", summary="Domestic work.", year=year)
    session.commit()
    rebuild(hub)

    page = client.get("/en/search?q=domestic+work&sort=oldest").get_data(as_text=True)

    assert page.index("/en/documents/older") < page.index("/en/documents/newer")
    assert '<input type="hidden" name="sort" value="oldest">' in page
    assert 'href="/en/search?q=domestic+work&amp;sort=newest"' in page
