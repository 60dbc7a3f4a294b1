"""`hub serve --processes N`: real processes, on one database and one index."""

import os
import signal
import urllib.request

import psutil
import pytest

from tests import factories, signing
from tests.cli.server import Server

pytestmark = pytest.mark.slow
TOKEN = "a token of the tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def server(indexed, var, monkeypatch):
    monkeypatch.setenv("HUB_METRICS_TOKEN", TOKEN)
    server = Server(var, "--processes", "2")
    server.wait()
    yield server
    if server.process.poll() is None:
        server.stop()


def children(server):
    """What serves, in the order of their start, and the worker at the end."""
    found = psutil.Process(server.process.pid).children()
    return sorted(found, key=lambda one: (one.nice(), one.create_time()))


def figures(server):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/metrics", headers=HEADERS)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def test_two_serve_and_a_third_works_at_low_priority(server):
    own = psutil.Process(server.process.pid).nice()
    assert [one.nice() - own for one in children(server)] == [0, 0, min(10, 19 - own)]


def test_figures_are_those_of_all_processes(server):
    for _ in range(20):
        server.ask("/api/v1/index")
    counted = 'hub_http_request_duration_seconds_count{method="GET",route="/api/v1/index",status="200"} 20.0'
    for _ in range(10):
        assert counted in figures(server)


def test_a_process_that_is_killed_is_replaced_and_nothing_accepted_is_lost(server, session):
    headers = signing.bearer(factories.member(session, "focal_point", factories.state(session, "PRT")))
    body = {"title": "Help", "description": "With contracts.", "language": "en"}
    accepted = {server.ask("/api/v1/requests", body, headers)["id"] for _ in range(5)}
    gone = children(server)[0]
    gone.kill()
    gone.wait(10)
    accepted |= {server.ask("/api/v1/requests", body, headers)["id"] for _ in range(5)}
    while len(children(server)) < 3:
        server.ask("/healthz")
    kept = {one["id"] for one in server.ask("/api/v1/requests?limit=100", headers=headers)["items"]}
    assert kept == accepted
    assert "it is started again" in server.log.read_text()


def test_all_end_together_and_free_the_address(server, var):
    all_of_them = children(server)
    assert server.stop() == 0
    assert not psutil.wait_procs(all_of_them, 0)[1]
    again = Server(var, "--processes", "2", "--port", str(server.port))
    again.port = server.port
    again.wait()
    again.stop()


def test_they_end_when_the_one_above_them_is_killed(server):
    all_of_them = children(server)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(10)
    assert not psutil.wait_procs(all_of_them, 20)[1]
