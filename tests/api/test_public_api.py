"""The open part of the API: anybody, no key, clear answers to bad questions."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from hub.errors import SearchUnavailable
from indexer.rebuild import rebuild
from tests import factories, signing


@pytest.fixture
def record(hub, session):
    row = factories.document(
        session,
        "a-practice",
        title="Labour attachés",
        summary="Attachés protect workers.",
        countries=("PHL",),
        objectives=(14,),
    )
    session.commit()
    rebuild(hub)
    return row


def test_search_answers_with_the_names_of_the_contract(client, record):
    answer = client.get("/api/v1/search?q=labour+attaches&country=PHL").get_json()
    assert {"query", "mode", "total", "took_ms", "hits", "facets"} <= set(answer)
    hit = answer["hits"][0]
    assert {"id", "kind", "title", "language", "score", "rank", "passage", "countries", "objectives"} <= set(hit)
    assert (hit["id"], hit["countries"], hit["objectives"], hit["rank"]) == ("a-practice", ["PHL"], [14], 1)
    assert answer["facets"]["objective"] == {"14": 1}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("offset=-1", "offset"),
        ("mode=magic", "mode"),
        ("lang=de", "lang"),
        ("objective=24", "objective"),
        ("country=Philippines", "country"),
        ("q=a&q=b", "q"),
        ("q=" + "x" * 20_001, "q"),
    ],
)
def test_a_bad_question_is_answered_with_the_field_named(client, record, query, field):
    response = client.get(f"/api/v1/search?{query}")
    assert response.status_code == 422
    assert response.mimetype == "application/problem+json"
    assert field in response.get_json()["errors"]


def test_broken_utf_8_is_a_bad_request(client, record):
    assert client.get("/api/v1/search?q=%ff%fe").status_code == 400


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gets_an_answer_or_a_clear_refusal(client, record, text):
    for address in ("/api/v1/search", "/en/search"):
        response = client.get(address, query_string={"q": text})
        assert response.status_code in {200, 400, 422}, (address, text)


@pytest.mark.parametrize(
    "text",
    [
        "NEAR(",
        '"',
        "50% AND",
        "*" * 500,
        "a-b",
        "👩‍🌾",
        "\u202eabc",
        "<script>",
        "'; drop table document; --",
        "的" * 5_000,
        "the of and",
    ],
)
def test_hostile_text_is_just_text(client, record, text):
    assert client.get("/api/v1/search", query_string={"q": text}).status_code == 200
    page = client.get("/en/search", query_string={"q": text}).get_data(as_text=True)
    assert "<script>" not in page


def test_a_record_is_read_by_slug_or_id_and_cached_by_its_version(client, record):
    by_slug = client.get("/api/v1/documents/a-practice")
    by_id = client.get(f"/api/v1/documents/{record.id}")
    assert by_slug.get_json() == by_id.get_json()
    assert by_slug.get_json()["gcm_objectives"] == [14]
    again = client.get("/api/v1/documents/a-practice", headers={"If-None-Match": by_slug.headers["ETag"]})
    assert again.status_code == 304


def test_a_withdrawn_record_is_gone_and_an_unknown_one_not_found(client, session, record):
    record.status = "withdrawn"
    session.commit()
    assert client.get("/api/v1/documents/a-practice").status_code == 410
    assert client.get("/api/v1/documents/nothing").status_code == 404


def test_vocabulary_comes_in_the_language_asked_for(client, session):
    from corpus.load import load_vocabulary

    load_vocabulary(session)
    arabic = client.get("/api/v1/countries?lang=ar").get_json()["items"]
    assert next(one["name"] for one in arabic if one["id"] == "PHL") == "الفلبين"
    by_header = client.get("/api/v1/objectives", headers={"Accept-Language": "fr"})
    assert by_header.headers["Content-Language"] == "fr"
    assert len(by_header.get_json()["items"]) == 23
    agencies = client.get("/api/v1/agencies").get_json()["items"]
    unverified = {one["id"] for one in agencies if not one["verified"]}
    assert "osrsg-vac" in unverified
    assert "iom" not in unverified
    assert client.get("/api/v1/agencies?lang=xx").status_code == 422


def test_the_description_is_valid_and_covers_the_addresses_of_the_contract(client):
    document = client.get("/api/v1/openapi.json").get_json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    paths = set(document["paths"])
    for tail in ("/search", "/countries", "/objectives", "/agencies", "/requests"):
        assert f"/api/v1{tail}" in paths
    assert any(path.startswith("/api/v1/requests/{") and path.endswith("/matches") for path in paths)


def test_health_readiness_and_index_tell_operators_the_truth(client, hub, record):
    assert client.get("/healthz").get_json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.get_json()["model"].startswith("none")
    index = client.get("/api/v1/index").get_json()
    assert (index["engine"], index["documents"]) == ("embedded", 1)


def test_a_hub_without_an_index_is_alive_but_not_ready(client):
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    refused = client.get("/api/v1/search?q=a")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert client.get("/en/search?q=a").status_code == 503


def test_requests_are_written_while_the_engine_is_away(client, hub, session):
    class Away:
        def __getattr__(self, name):
            raise SearchUnavailable("Elasticsearch does not answer.")

        def close(self):
            pass

    hub.__dict__["engine"] = Away()
    focal_point = factories.member(session, "focal_point", factories.state(session, "PRT"))
    headers = signing.bearer(focal_point)
    assert client.get("/api/v1/search?q=a").status_code == 503
    written = client.post(
        "/api/v1/requests", json={"title": "Help", "description": "With contracts.", "language": "en"}, headers=headers
    )
    assert written.status_code == 201
    name = written.get_json()["id"]
    submitted = client.post(f"/api/v1/requests/{name}/actions/submit", json={"version": 1}, headers=headers)
    assert submitted.status_code == 200, submitted.get_data(as_text=True)


def test_a_wrong_token_is_refused_even_where_none_is_needed(client, record):
    response = client.get("/api/v1/search?q=a", headers={"Authorization": "Bearer hub_wrong"})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_answer_carries_its_request_id_and_a_plain_one_is_taken_over(client):
    assert client.get("/healthz").headers["X-Request-Id"]
    assert client.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert client.get("/healthz", headers={"X-Request-Id": "a b\tc"}).headers["X-Request-Id"] != "a b\tc"


def test_logs_are_json_and_hold_no_query_text(client, record, capsys):
    import logging

    from hub import logs

    before = logging.getLogger().handlers[:]
    try:
        logs.configure("INFO")
        client.get("/api/v1/search?q=secretplan")
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        logging.basicConfig(handlers=before, force=True)
    access = next(line for line in lines if line["logger"] == "hub.access")
    assert access["status"] == 200
    assert access["request_id"]
    assert "secretplan" not in json.dumps(lines)
