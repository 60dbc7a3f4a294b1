import json

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from corpus.load import seed_files
from hub.database import Database, Outbox
from hub.knowledge.models import Document
from indexer.__main__ import main
from indexer.files import LONGEST_LINE
from indexer.locks import INGEST, only_one
from tests.indexer.delivery import record, write_file


@pytest.fixture
def ingest(loaded, settings, monkeypatch):
    """Runs the command on the test's own database; gives exit status, standard output and standard error."""
    monkeypatch.setenv("HUB_VAR", str(settings.var))
    monkeypatch.setenv("HUB_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("HUB_EMBEDDING_MODEL", "none")

    def run(*arguments):
        result = CliRunner().invoke(main, ["ingest", *map(str, arguments)])
        return result.exit_code, result.stdout, result.stderr

    return run


def count(database: Database, table=Document) -> int:
    with database.session() as session:
        return session.scalar(select(func.count()).select_from(table))


@pytest.mark.both_databases
def test_the_real_corpus_comes_in_whole_and_a_second_time_changes_nothing(ingest, database):
    assert ingest(*seed_files()) == (0, "added 581, changed 0, unchanged 0, proposed 0, missing 0, bad 0\n", "")
    assert count(database, Outbox) == 581
    assert ingest(*seed_files())[1] == "added 0, changed 0, unchanged 581, proposed 0, missing 0, bad 0\n"
    assert count(database, Outbox) == 581


def test_a_bad_line_is_named_by_file_line_and_field_and_the_good_ones_land(ingest, database, tmp_path):
    file = write_file(
        tmp_path / "some.jsonl",
        record("good"),
        record("bad", gcm_objectives=[24], language="de", implementers=[{"name": "X"}]),
        record("also-good"),
    )
    status, out, err = ingest(file)
    assert status == 1
    assert out == "added 2, changed 0, unchanged 0, proposed 0, missing 0, bad 1\n"
    assert sorted(err.splitlines()) == [
        f"{file}:2: gcm_objectives.0: Must be greater than or equal to 1 and less than or equal to 23.",
        f"{file}:2: implementers.0.type: Missing data for required field.",
        f"{file}:2: language: de is none of ar, zh, en, fr, ru, es.",
    ]
    assert count(database) == 2


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"id": "x",', "line: Is not JSON at character 12"),
        (b'{"id": "\xff\xfe"}', "line: Is not UTF-8 at byte 9."),
        (b"[1, 2]", "line: Is not a JSON object."),
        (b"null", "line: Is not a JSON object."),
        (b"[" * 100_000, "line: Is not JSON that can be read"),
        (b'{"year": ' + b"9" * 5_000 + b"}", "line: Is not JSON that can be read"),
        (b'"' + b"x" * LONGEST_LINE + b'"', "line: Is longer than 1,000,000 bytes."),
        (json.dumps(record(title="half \ud800 of a sign")).encode(), "title: Holds a character that is no text."),
        (json.dumps(record(title="nul \0")).encode(), "title: Holds a character that is no text."),
        (json.dumps(record(source_url="javascript:alert(1)")).encode(), "source_url: Is not a web address"),
        (json.dumps(record("first")).encode(), "id: 'first' was named already in"),
    ],
    ids=["json", "utf-8", "list", "null", "deep", "number", "long", "surrogate", "nul", "script", "twice"],
)
def test_a_line_that_cannot_be_read_is_passed_over(ingest, database, tmp_path, line, complaint):
    file = tmp_path / "some.jsonl"
    lines = [json.dumps(record("first")).encode(), line, json.dumps(record("last")).encode()]
    file.write_bytes(b"\n".join(lines))  # no line break at the end either
    status, _, err = ingest(file)
    assert status == 1
    assert err.startswith(f"{file}:2: {complaint}")
    assert len(err.splitlines()) == 1
    assert count(database) == 2


def test_what_a_bad_line_says_is_shown_on_one_line_of_bounded_length(ingest, tmp_path):
    file = write_file(tmp_path / "some.jsonl", record(language="\x1b[31m\n" + "x" * 10_000))
    err = ingest(file)[2]
    assert len(err.splitlines()) == 1
    assert "\x1b" not in err
    assert len(err) < 600


def test_a_byte_order_mark_and_empty_lines_do_no_harm(ingest, database, tmp_path):
    file = tmp_path / "some.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(record()).encode() + b"\r\n\n  \n")
    assert ingest(file)[0] == 0
    assert count(database) == 1


def test_check_says_what_would_happen_and_writes_nothing(ingest, database, tmp_path):
    file = write_file(tmp_path / "some.jsonl", record("one"))
    ingest(file)
    outbox = count(database, Outbox)
    write_file(file, record("one", title="Another title"), record("two"), record("bad", language="xx"))
    status, out, _ = ingest(file, "--check")
    assert (status, out) == (1, "would be: added 1, changed 1, unchanged 0, proposed 0, missing 0, bad 1\n")
    assert count(database) == 1
    assert count(database, Outbox) == outbox
    with database.session() as session:
        assert session.scalar(select(Document.title)) == "Title of one"


def test_a_record_missing_from_the_file_is_reported_and_kept(ingest, database, tmp_path):
    ingest(write_file(tmp_path / "some.jsonl", record("one"), record("two"), record("three")))
    status, out, _ = ingest(write_file(tmp_path / "some.jsonl", record("one"), record("three", language="xx")))
    assert status == 1
    assert "missing 1, bad 1" in out
    assert "two" in out
    assert "three" not in out  # its line is there, if bad
    assert count(database) == 3


def test_another_source_may_use_the_same_ids(ingest, database, tmp_path):
    file = write_file(tmp_path / "some.jsonl", record("one"))
    ingest(file)
    assert "added 1, " in ingest(file, "--source", "elsewhere")[1]
    with database.session() as session:
        slugs = session.scalars(select(Document.slug).order_by(Document.created_at)).all()
    assert slugs[0] == "one"
    assert len(set(slugs)) == 2


def test_a_database_without_tables_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_VAR", str(tmp_path / "nothing"))
    monkeypatch.delenv("HUB_DATABASE_URL", raising=False)
    result = CliRunner().invoke(main, ["ingest", str(write_file(tmp_path / "some.jsonl", record()))])
    assert result.exit_code == 1
    assert result.stderr == "Error: The database has no tables yet: run `hub init`.\n"


@pytest.mark.both_databases
def test_two_ingests_at_once_are_refused(ingest, loaded, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.ingest.LOCK_WAIT_S", 0.1)
    file = write_file(tmp_path / "some.jsonl", record())
    with only_one(loaded, INGEST, wait_s=1):
        status, _, err = ingest(file)
        assert (status, err) == (1, "Error: Another process holds the ingest lock.\n")
        assert ingest(file, "--check")[0] == 0
