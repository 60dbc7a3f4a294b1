"""What Prometheus reads, and who may."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub import create_app
from hub.database import Outbox, later
from hub.errors import SearchUnavailable
from hub.outbox import MOST_ATTEMPTS
from hub.wiring import Hub
from indexer.rebuild import rebuild
from tests import factories

TOKEN = "a token of the tests"


@pytest.fixture
def settings(settings):
    return replace(settings, metrics_token=TOKEN)


@pytest.fixture
def read(client):
    """Asks as Prometheus does; gives the value of a sample by its name and labels, None if there is none."""

    def ask():
        response = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert response.status_code == 200
        samples = [each for family in text_string_to_metric_families(response.text) for each in family.samples]
        return lambda name, **labels: next(
            (each.value for each in samples if each.name == name and labels.items() <= each.labels.items()), None
        )

    return ask


def test_requests_are_counted_by_route_pattern_and_status(client, read, session):
    factories.document(session, "a-practice")
    session.commit()
    for name in ("a-practice", "a-practice", "none"):
        client.get(f"/api/v1/documents/{name}")
    client.get("/fr/documents/a-practice")
    value = read()

    count = "hub_http_request_duration_seconds_count"
    route = "/api/v1/documents/{name}"
    assert value(count, method="GET", route=route, status="200") == 2
    assert value(count, method="GET", route=route, status="404") == 1
    assert value(count, route="/{language}/documents/{name}", status="200") == 1


def test_no_address_and_no_invented_method_becomes_a_label(client):
    client.get("/en/nothing-of-this-name")
    client.open("/en/search", method="INVENTED")

    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text

    assert "nothing-of-this-name" not in text
    assert "INVENTED" not in text
    assert 'method="other",route="none",status="405"' in text


def test_searches_are_timed_by_mode_on_page_and_api(hub, client, read, session):
    factories.document(session, "a-practice", title="Labour")
    session.commit()
    rebuild(hub)
    client.get("/api/v1/search?q=labour")
    client.get("/en/search?q=labour")

    assert read()("hub_search_duration_seconds_count", mode="keyword") == 2


def test_index_and_outbox_are_told_as_they_stand(hub, read, session):
    assert read()("hub_index_info") is None
    factories.document(session, "a-practice")
    later(session, "mail", {})
    session.add(Outbox(kind="mail", payload={}, attempts=MOST_ATTEMPTS))
    session.commit()
    generation = rebuild(hub).generation
    value = read()

    assert value("hub_index_info", engine="embedded", generation=generation) == 1
    assert value("hub_index_documents") == 1
    assert 0 <= value("hub_index_age_seconds") < 60
    assert value("hub_index_rebuilding") == 0
    assert value("hub_outbox_jobs", kind="mail", state="waiting") == 1
    assert value("hub_outbox_jobs", kind="mail", state="failed") == 1
    assert value("hub_up", part="database") == value("hub_up", part="search") == 1


def test_an_engine_that_is_away_is_a_figure_and_no_failure(hub, read, monkeypatch):
    def away():
        raise SearchUnavailable

    monkeypatch.setattr(hub.engine, "status", away)
    value = read()

    assert value("hub_up", part="search") == 0
    assert value("hub_up", part="database") == 1
    assert value("hub_index_documents") is None


@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN[:-1]}"])
def test_the_figures_are_for_whoever_knows_the_token(client, header):
    response = client.get("/metrics", headers={"Authorization": header} if header else {})

    assert response.status_code == 401
    assert response.mimetype == "application/problem+json"
    assert "hub_" not in response.text


def test_without_a_token_in_the_settings_there_is_nothing(settings, hub):
    client = create_app(hub=Hub(replace(settings, metrics_token=""))).test_client()

    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
