"""The `hub` command as an operator types it: real processes for what starts them, the same code in-process for the rest."""

import json
import signal
import time

import pytest
from click.testing import CliRunner

from hub.cli import main
from hub.settings import ENV_FILE
from tests import factories, signing
from tests.cli.server import Server


def run(*arguments, **options):
    return CliRunner().invoke(main, arguments, **options)


def test_search_prints_the_agreed_names(indexed):
    answer = json.loads(run("search", "domestic workers", "--json", "--filter", "country=PHL").stdout)
    assert answer["hits"][0]["id"] == "contract"
    assert answer["mode"] == "keyword"
    assert set(answer["hits"][0]) >= {
        "id", "kind", "title", "language", "score", "rank", "passage", "countries", "objectives",
    }  # fmt: skip


def test_search_says_why_it_went_by_words_only(indexed):
    result = run("search", "domestic workers")
    assert result.exit_code == 0
    assert "by words only" in result.stderr
    assert "Standard contract" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("search", "x", "--filter", "colour=red"), "NAME=VALUE"),
        (("search", "x", "--filter", "objective=24"), "no objective 24"),
        (("search", "x", "--limit", "0"), "0"),
        (("match", "R-2026-9999"), ""),
        (("user", "disable", "nobody@example.org"), ""),
    ],
)
def test_a_mistake_is_one_sentence_and_a_status_never_a_traceback(indexed, arguments, sentence):
    result = run(*arguments)
    assert result.exit_code in {1, 2}
    assert result.stderr.strip()
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_match_reads_a_file_and_its_weights_sum_to_the_score(indexed, tmp_path):
    file = tmp_path / "request.json"
    file.write_text(
        json.dumps(
            {
                "country": "GHA",
                "title": "Domestic workers",
                "description": "A standard contract for domestic workers.",
                "language": "en",
                "gcm_objectives": [6],
                "rid": "ignored",
            }
        )
    )
    answer = json.loads(run("match", str(file), "--json").stdout)
    assert answer["agencies"][0]["id"] == "ILO"
    assert answer["practices"][0]["id"] == "contract"
    for name in ("agencies", "peer_states", "practices"):
        for one in answer[name]:
            assert sum(reason["weight"] for reason in one["reasons"]) == pytest.approx(one["score"])
            assert all(reason["evidence"] and reason["text"] for reason in one["reasons"])
    assert run("match", "-", input=file.read_text()).exit_code == 0


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b'{"country": "XXX"}', b'{"country": "GHA"}'])
def test_a_request_that_cannot_be_read_is_refused_in_words(indexed, tmp_path, content):
    file = tmp_path / "request.json"
    file.write_bytes(content)
    result = run("match", str(file))
    assert result.exit_code == 1
    assert result.stderr.startswith("hub: ")


def test_an_account_is_added_listed_and_disabled(indexed, hub):
    link = run(
        "user", "add", "--email", "F@example.org", "--name", "Focal point", "--role", "focal_point", "--entity", "GHA"
    )
    assert link.exit_code == 0, link.output
    assert "/en/welcome/" in link.stdout
    listed = json.loads(run("user", "list", "--json").stdout)
    assert [(one["email"], one["status"]) for one in listed] == [("f@example.org", "invited")]
    assert run("user", "disable", "f@example.org").exit_code == 0
    assert json.loads(run("user", "list", "--json").stdout)[0]["status"] == "disabled"


def test_doctor_names_what_is_missing_and_ends_with_1(var):
    result = run("doctor")
    assert result.exit_code == 1
    assert "MISSING search index" in result.stdout
    assert "python -m indexer rebuild" in result.stdout


def test_doctor_is_content_with_a_hub_that_can_serve(indexed):
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "MISSING" not in result.output


def test_doctor_says_that_several_processes_count_attempts_each_for_itself(indexed, monkeypatch):
    assert "counts attempts" not in run("doctor").stdout
    monkeypatch.setenv("HUB_PROCESSES", "3")
    assert "each of the 3 processes counts attempts" in run("doctor").stdout
    monkeypatch.setenv("HUB_RATE_LIMIT_STORAGE", "redis://127.0.0.1:1")
    assert "counts attempts" not in run("doctor").stdout


def test_backup_and_restore_are_two_commands(indexed, tmp_path):
    file = tmp_path / "hub.tar.gz"
    assert run("backup", str(file)).exit_code == 0
    refused = run("restore", str(file))
    assert refused.exit_code == 1
    assert "not empty" in refused.stderr
    assert run("restore", str(file), "--replace").exit_code == 0


def test_a_database_that_is_not_set_up_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_VAR", str(tmp_path))
    result = run("search", "x")
    assert result.exit_code == 1
    assert "hub init" in result.stderr


def test_a_setting_that_does_not_exist_stops_the_command(monkeypatch):
    monkeypatch.setenv("HUB_SERACH_ENGINE", "embedded")
    result = run("doctor")
    assert result.exit_code == 2
    assert "HUB_SERACH_ENGINE" in result.stderr


def test_serving_without_a_secret_is_refused(var, monkeypatch):
    monkeypatch.setenv("HUB_SECRET_KEY", "")
    result = run("serve")
    assert result.exit_code == 2
    assert "HUB_SECRET_KEY" in result.stderr


@pytest.mark.slow
def test_a_killed_server_has_lost_nothing_it_accepted_and_starts_again(indexed, var, session):
    headers = signing.bearer(factories.member(session, "focal_point", factories.state(session, "GHA")))
    accepted = []
    for _ in range(3):
        server = Server(var)
        server.wait()
        for _ in range(4):
            body = {"title": "Help", "description": "With contracts.", "language": "en"}
            accepted.append(server.ask("/api/v1/requests", body, headers)["id"])
        server.stop(signal.SIGKILL)
    server = Server(var)
    server.wait()
    kept = {one["id"] for one in server.ask("/api/v1/requests?limit=100", headers=headers)["items"]}
    assert kept == set(accepted)
    assert server.ask("/api/v1/search?q=contract")["total"] == 1
    assert server.stop() in {0, 130, -signal.SIGTERM}


@pytest.mark.slow
def test_set_up_makes_what_is_missing_and_nothing_twice(tmp_path, monkeypatch):
    """The real corpus, without the model: `tests/relevance` and `make run` cover that."""
    monkeypatch.setenv("HUB_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("HUB_EMBEDDING_MODEL", "none")
    first = run("init", "--demo")
    assert first.exit_code == 0, first.output
    assert "581" in first.output
    assert "Focal point, Portugal (demo)" in first.output
    secrets = [tmp_path / "var" / ENV_FILE, tmp_path / "var" / "demo-accounts.txt"]
    assert [file.stat().st_mode & 0o777 for file in secrets] == [0o600, 0o600]
    kept = [file.read_text() for file in secrets]
    status = json.loads(run("search", "domestic workers", "--json").stdout)
    assert status["total"] > 0

    began = time.monotonic()
    second = run("init", "--demo")
    assert second.exit_code == 0, second.output
    assert "Index: building" not in second.output
    assert [file.read_text() for file in secrets] == kept
    assert time.monotonic() - began < 30
