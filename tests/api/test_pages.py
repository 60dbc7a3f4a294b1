"""What a visitor sees: home, search, list, record, about, and what the pages say when something is wrong."""

import html
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from hub.knowledge.models import Document
from hub.search.types import LANGUAGES, IndexDoc, Passage
from hub.wiring import Hub
from tests import factories, signing


def index(hub: Hub, session: Session, *rows: Document) -> None:
    """Serve the rows, by keyword only."""
    session.commit()
    docs = [
        IndexDoc(
            id=row.id,
            work=row.work_id,
            version=row.version,
            language=row.language,
            title=row.title,
            body=row.body,
            facets={
                "kind": (row.kind,),
                "language": (row.language,),
                "country": tuple(country.country for country in row.countries),
                "objective": tuple(str(objective.number) for objective in row.objectives),
            },
            passages=(Passage(0, len(row.body)),),
        )
        for row in rows
    ]
    with hub.engine.rebuild("gen-1", model=None) as rebuild:
        rebuild.write(docs)
        rebuild.commit()


class Outline(HTMLParser):
    """The parts of a page that every page must get right."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Mapping[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[Mapping[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def text(page: str) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", page)))


def test_the_root_leads_to_the_best_language_of_the_reader(client):
    response = client.get("/", headers={"Accept-Language": "de, ar;q=0.8, en;q=0.5"})

    assert response.location == "/ar/"
    assert "Accept-Language" in response.headers["Vary"]


def test_a_language_that_is_not_of_the_six_is_no_address(client):
    assert client.get("/de/").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_says_its_language_and_leads_to_itself_in_the_others(client, words, language):
    response = client.get(f"/{language}/documents?kind=report")

    outline = Outline(response.text)
    root = outline.all("html")[0]
    assert (root["lang"], root["dir"]) == (language, "rtl" if language == "ar" else "ltr")
    links = {a["hreflang"]: a["href"] for a in outline.all("a") if "hreflang" in a}
    assert links == {code: f"/{code}/documents?kind=report" for code in LANGUAGES}


def test_the_home_page_counts_published_works_once_whatever_their_languages(client, session, words):
    first = factories.document(session, language="en", countries=("PHL",), objectives=(6,))
    factories.document(session, language="ar", countries=("PHL",), objectives=(6,), work_id=first.work_id)
    factories.document(session, kind="report", objectives=(6, 7))
    factories.document(session, status="withdrawn", objectives=(6,), countries=("NPL",))
    session.commit()

    page = client.get("/en/").text

    figures = dict(re.findall(r"<dt>(.*?)</dt><dd>(?:<a[^>]*>)?(\d+)", page))
    assert figures == {"practice": "1", "guidance record": "1", "country named": "1", "languages": "2"}
    assert "6 Fair recruitment and decent work, records: 2" in text(page)


def test_a_search_shows_title_kind_countries_objectives_and_the_marked_passage(client, hub, session, words):
    row = factories.document(
        session,
        "hotline",
        title="A hotline for domestic workers",
        summary="The ministry answers domestic workers abroad, at any hour.",
        countries=("PHL",),
        objectives=(6,),
    )
    index(hub, session, row)

    page = client.get("/en/search?q=domestic+workers").text

    assert "1 result “domestic workers”" in text(page)
    assert '<a href="/en/documents/hotline">A hotline for <mark>domestic</mark> <mark>workers</mark></a>' in page
    assert "The ministry answers <mark>domestic</mark> <mark>workers</mark> abroad" in page
    assert "Practice" in text(page)
    assert "Philippines" in text(page)
    assert "6 Fair recruitment and decent work" in text(page)


def test_text_of_a_record_and_of_a_question_never_becomes_markup(client, hub, session, words):
    row = factories.document(session, title="<script>alert(1)</script> labour", summary="<b>labour</b> & more")
    index(hub, session, row)

    page = client.get("/en/search", query_string={"q": 'labour "><script>alert(2)</script>'}).text

    assert "<script>" not in page
    assert "&lt;b&gt;<mark>labour</mark>&lt;/b&gt; &amp; more" in page


def test_text_in_another_language_says_its_language_and_direction(client, hub, session, words):
    index(hub, session, factories.document(session, "arabic", title="حماية العمال", summary="حماية", language="ar"))

    outline = Outline(client.get("/en/search", query_string={"q": "حماية"}).text)

    titles = [(h.get("lang"), h.get("dir")) for h in outline.all("h3")]
    assert ("ar", "rtl") in titles


def test_a_filter_in_force_is_ticked_and_its_link_leads_to_the_same_search_without_it(client, hub, session, words):
    rows = [
        factories.document(session, title="Workers in Ghana", countries=("GHA",), objectives=(6,)),
        factories.document(session, title="Workers in Nepal", countries=("NPL",), objectives=(6, 7)),
    ]
    index(hub, session, *rows)

    page = client.get("/en/search?q=workers&country=NPL&objective=7").text

    outline = Outline(page)
    assert "Workers in Ghana" not in text(page)
    ticked = {(box["name"], box["value"]) for box in outline.all("input") if "checked" in box}
    assert ticked == {("country", "NPL"), ("objective", "7")}
    removals = [parse_qs(urlsplit(a["href"]).query) for a in outline.all("a") if a["href"].startswith("/en/search?q=")]
    assert {"q": ["workers"], "objective": ["7"]} in removals
    assert {"q": ["workers"], "country": ["NPL"]} in removals
    assert {"q": ["workers"]} in removals


def test_a_filter_on_the_language_of_records_is_not_the_language_of_the_page(client, hub, session, words):
    index(hub, session, factories.document(session, title="Труд", summary="Труд", language="ru"))

    page = client.get("/fr/search?language=ru").text

    outline = Outline(page)
    assert outline.all("html")[0]["lang"] == "fr"
    assert any(box.get("name") == "language" and "checked" in box for box in outline.all("input"))
    assert "Труд" in page


def test_results_are_paged_by_address(client, hub, session, words):
    rows = [factories.document(session, f"r-{number:02}", title=f"Visa {number}") for number in range(13)]
    index(hub, session, *rows)

    first = client.get("/en/search?q=visa")
    onward = next(a["href"] for a in Outline(first.text).all("a") if a.get("rel") == "next")
    second = client.get(onward)

    shown = [set(re.findall(r'href="/en/documents/(r-\d\d)"', response.text)) for response in (first, second)]
    assert [len(slugs) for slugs in shown] == [10, 3]
    assert not shown[0] & shown[1]
    assert "11 to 13" in text(second.text)


def test_a_search_without_a_model_says_that_only_words_were_compared(client, hub, session, words):
    index(hub, session, factories.document(session, title="Visa"))

    assert "matching words only" in text(client.get("/en/search?q=visa").text)


def test_nothing_found_is_said_and_leads_on(client, hub, session, words):
    index(hub, session, factories.document(session, title="Visa"))

    page = client.get("/en/search?q=zzzzqq&country=GHA").text

    assert "Nothing in the collection answers this." in text(page)
    links = [a["href"] for a in Outline(page).all("a")]
    assert "/en/search?q=zzzzqq" in links
    assert "/en/documents" in links


def test_a_search_without_an_engine_answers_503_keeps_the_question_and_leads_to_the_list(client, session, words):
    response = client.get("/en/search?q=domestic+workers&objective=6")

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    outline = Outline(response.text)
    assert any(box.get("value") == "domestic workers" for box in outline.all("input"))
    assert "/en/documents?kind=practice" in [a["href"] for a in outline.all("a")]


def test_a_filter_that_does_not_exist_is_refused_in_a_sentence(client):
    response = client.get("/en/search?objective=99")

    assert response.status_code == 422
    assert "There is no objective 99" in text(response.text)


def test_the_list_needs_no_engine_and_narrows_by_kind_and_language(client, session, words):
    factories.document(session, title="A practice in English")
    factories.document(session, title="A report in English", kind="report")
    factories.document(session, title="Un rapport", kind="report", language="fr")
    session.commit()

    page = text(client.get("/en/documents?kind=report&language=fr").text)

    assert "1 record" in page
    assert "Un rapport" in page
    assert "A report in English" not in page


def test_the_list_shows_a_work_once_in_the_language_of_the_reader(client, session, words):
    first = factories.document(session, title="Labour visas", language="en")
    factories.document(session, title="Visas de travail", language="fr", work_id=first.work_id)
    session.commit()

    page = text(client.get("/fr/documents").text)

    assert "Visas de travail" in page
    assert "Labour visas" not in page


def test_a_record_is_shown_whole_with_source_and_citation(client, session, words):
    factories.document(
        session,
        "hotline",
        title="A hotline",
        summary="What it is.",
        benefits="What it brought.",
        lessons="What was learned.",
        replicability="Where else.",
        countries=("PHL",),
        objectives=(6,),
        regions=["South-eastern Asia"],
        principles=["human-rights"],
        implementers=[{"name": "Ministry of Labour", "type": "government"}],
        partners=["A union"],
        facts={"gcm_objectives_basis": "assigned", "title_basis": "practice-name-or-label", "status": "ongoing"},
        source_url="https://example.org/hotline",
        source_title="The hotline",
        source_publisher="Ministry",
    )
    session.commit()

    response = client.get("/en/documents/hotline")

    page = text(response.text)
    for words_shown in (
        *("What it is.", "What it brought.", "What was learned.", "Where else.", "Philippines", "Human rights"),
        *("6 Fair recruitment and decent work", "South-eastern Asia", "Ministry of Labour", "A union", "Ongoing"),
        *("Assigned by the editors", "a label of ours", "The hotline"),
        "Ministry. A hotline. Migration Network Hub, record hotline, version 1. http://127.0.0.1:8000/documents/hotline",
        "@misc{hotline,",
    ):
        assert words_shown in page
    assert 'href="https://example.org/hotline"' in response.text
    assert "http://127.0.0.1:8000/documents/hotline" in response.headers["Link"]


def test_a_source_that_is_no_web_address_is_no_link(client, session, words):
    factories.document(session, "bad", source_url="javascript:alert(1)")
    session.commit()

    links = [a["href"] for a in Outline(client.get("/en/documents/bad").text).all("a")]

    assert not [href for href in links if href.startswith("javascript")]


def test_a_record_leads_to_its_other_languages(client, session, words):
    first = factories.document(session, "visas", language="en")
    factories.document(session, "visas-ar", language="ar", work_id=first.work_id)
    session.commit()

    links = [(a["href"], a.get("hreflang")) for a in Outline(client.get("/en/documents/visas").text).all("a")]

    assert ("/en/documents/visas-ar", "ar") in links


def test_the_id_and_the_permanent_link_lead_to_the_slug(client, session, words):
    row = factories.document(session, "hotline")
    session.commit()

    by_id = client.get(f"/fr/documents/{row.id}")
    permanent = client.get("/documents/hotline", headers={"Accept-Language": "ru"})

    assert (by_id.status_code, by_id.location) == (301, "/fr/documents/hotline")
    assert permanent.location == "/ru/documents/hotline"


def test_a_withdrawn_record_answers_410_and_an_unknown_one_404(client, session, words):
    factories.document(session, "gone", status="withdrawn")
    session.commit()

    gone = client.get("/en/documents/gone")
    assert gone.status_code == 410
    assert "This was withdrawn" in text(gone.text)
    assert client.get("/en/documents/never").status_code == 404


def test_an_error_page_is_in_the_language_of_its_address(client):
    response = client.get("/ar/nothing/here", headers={"Accept-Language": "en"})

    assert response.status_code == 404
    assert Outline(response.text).all("html")[0]["lang"] == "ar"


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"PATH_INFO": "/en/documents/\xff\xfe"}, id="path"),
        pytest.param({"QUERY_STRING": "q=%ff%fe"}, id="query"),
        pytest.param({"PATH_INFO": "/en/documents/a\x00b"}, id="nul"),
    ],
)
def test_an_address_that_is_not_text_is_refused_with_a_page(client, environ):
    response = client.get("/en/search", environ_overrides=environ)

    assert response.status_code == 400
    assert "The request cannot be read" in text(response.text)


def test_a_form_without_its_token_is_refused_with_advice(client):
    response = client.post("/en/sign-in", data={"email": "a@example.org", "password": "x"})

    assert response.status_code == 400
    assert "The form had expired" in text(response.text)


def test_an_unexpected_failure_is_logged_and_tells_nothing_of_itself(client, hub, caplog, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("hub.knowledge.listing.figures", fail)

    response = client.get("/en/")

    assert response.status_code == 500
    assert "secret detail" not in response.text
    assert "Something went wrong" in text(response.text)
    assert "secret detail" in caplog.text


def test_where_even_the_error_page_needs_what_is_broken_a_bare_sentence_answers(client, session, caplog):
    signing.sign_in(client, factories.secretariat(session))
    session.execute(sql("ALTER TABLE membership RENAME TO away"))
    session.commit()

    response = client.get("/en/")

    assert response.status_code == 500
    assert "Try again in a moment" in text(response.text)
    assert "no such table" in caplog.text


PAGES = (
    "/en/",
    "/ar/",
    "/en/about",
    "/en/search",
    "/zh/search?q=visa&objective=6",
    "/en/documents",
    "/ar/documents/visa",
    "/en/sign-in",
    "/en/nothing",
)


@pytest.mark.parametrize("address", PAGES)
def test_pages_are_built_for_everybody(client, hub, session, words, address):
    """One h1, headings without gaps, unique ids, labels for controls, text for images, nothing inline, nothing foreign."""
    row = factories.document(session, "visa", title="Visa", objectives=(6,), source_url="https://example.org/")
    index(hub, session, row)

    outline = Outline(client.get(address).text)

    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {label["for"] for label in outline.all("label") if "for" in label}
    controls = [*outline.all("input"), *outline.all("select"), *outline.all("textarea")]
    for control in controls:
        if control.get("type") not in {"hidden", "checkbox", "radio"}:
            assert control["id"] in labelled
    for attributes in outline.all("a"):
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids
    for _, attributes in outline.elements:
        for reference in ("aria-describedby", "aria-labelledby", "form"):
            assert set(attributes.get(reference, "").split()) <= set(ids)
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
    assert all("alt" in image for image in outline.all("img"))
    assert not outline.all("style")
    loaded = [
        *(element.get("src", "") for tag in ("img", "script") for element in outline.all(tag)),
        *(link["href"] for link in outline.all("link") if link["rel"] in {"stylesheet", "icon"}),
    ]
    assert all(address.startswith("/static/") for address in loaded)
