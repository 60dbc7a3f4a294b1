"""Records as a table. What is checked, reported and written is the same as for JSON Lines (`test_ingest.py`)."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import fields
from sqlalchemy import func, select

from corpus.load import seed_files
from hub.database import Outbox
from hub.knowledge.models import Document
from hub.network.vocabulary import IMPLEMENTERS, KINDS, PRINCIPLES, REGIONS, STATUSES
from hub.schemas.knowledge import RecordSchema
from hub.search.types import LANGUAGES
from indexer.__main__ import main
from indexer.files import read_rows
from indexer.ingest import Reader
from tests.indexer.delivery import record, write_file

EXAMPLE = Path(__file__).with_name("records.csv")
HEAD = "id,kind,title,summary,language,gcm_objectives"
SCHEMA = RecordSchema()


def as_csv(records, *, delimiter=",", bom=False) -> bytes:
    """A table of records with all columns, as a spreadsheet would save it."""

    def entry(value):
        return f"{escaped(value['name'])}|{value['type']}" if isinstance(value, dict) else escaped(value)

    def escaped(value):
        return re.sub(r"([\\;|])", r"\\\1", str(value))

    def cell(value):
        if isinstance(value, list):
            return ";".join(map(entry, value))
        return "" if value is None else value

    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)  # Excel's own dialect
    writer.writerow(SCHEMA.fields)
    writer.writerows([cell(each.get(name)) for name in SCHEMA.fields] for each in records)
    return text.getvalue().encode("utf-8-sig" if bom else "utf-8")


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def read(path):
    """The good records of a file and the sentences about the others."""
    said: list[str] = []
    return list(Reader(said.append, lambda _: None).records(path)), said


@pytest.fixture
def ingest(loaded, settings, monkeypatch):
    monkeypatch.setenv("HUB_VAR", str(settings.var))
    monkeypatch.setenv("HUB_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("HUB_EMBEDDING_MODEL", "none")

    def run(*arguments):
        result = CliRunner().invoke(main, ["ingest", *map(str, arguments)])
        return result.exit_code, result.stdout, result.stderr

    return run


def test_the_example_of_the_documentation_comes_in(ingest, session):
    assert ingest(EXAMPLE) == (0, "added 2, changed 0, unchanged 0, proposed 0, missing 0, bad 0\n", "")

    row = session.scalar(select(Document).where(Document.slug == "example-orientation"))
    assert row.summary.endswith('call.\nThe course is free; it takes "two days".')
    assert [each.number for each in row.objectives] == [6, 16]
    assert row.year == 2019
    assert session.scalar(select(Document.language).where(Document.slug == "example-guide")) == "es"


def test_the_same_records_from_json_and_from_csv_are_the_same(ingest, tmp_path):
    write_file(tmp_path / "some.jsonl", record("one", implementers=[{"name": "A|B", "type": "un"}]), record("two"))
    (tmp_path / "some.csv").write_bytes(as_csv(lines(tmp_path / "some.jsonl")))
    ingest(tmp_path / "some.jsonl")

    assert ingest(tmp_path / "some.csv")[1] == "added 0, changed 0, unchanged 2, proposed 0, missing 0, bad 0\n"


def test_the_whole_corpus_survives_the_way_through_a_table(tmp_path):
    records = [each for file in seed_files() for each in lines(file)]
    table = tmp_path / "all.csv"
    table.write_bytes(as_csv(records, bom=True))

    assert read(table) == ([SCHEMA.load(each) for each in records], [])


def test_check_says_what_would_happen_and_writes_nothing(ingest, session, tmp_path):
    status, out, _ = ingest(EXAMPLE, "--check")

    assert (status, out) == (0, "would be: added 2, changed 0, unchanged 0, proposed 0, missing 0, bad 0\n")
    assert session.scalar(select(func.count()).select_from(Outbox)) == 0


def test_faults_are_named_by_file_line_and_field_and_the_good_rows_land(ingest, tmp_path):
    table = tmp_path / "some.csv"
    table.write_text(
        f"{HEAD},year,implementers,countries\n"
        'good,practice,T,"two\nlines",en,6,2019,X|un,\n'
        "\n"
        ",,,,,,,,\n"
        "bad,practice,T,S,de,6;24;seven,MMXIX,X;|;Y|church,PHL;UK\n"
        "also-good,practice,T,S,fr,,,,\n",
        "utf-8",
    )

    status, out, err = ingest(table)

    assert (status, out) == (1, "added 2, changed 0, unchanged 0, proposed 0, missing 0, bad 1\n")
    assert sorted(line.split(": ", 2)[:2] for line in err.splitlines()) == [
        [f"{table}:6", field]
        for field in (
            "countries.1",
            "gcm_objectives.1",
            "gcm_objectives.2",
            "implementers.0.type",
            "implementers.1.name",
            "implementers.1.type",
            "implementers.2.type",
            "language",
            "year",
        )
    ]


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        (HEAD + ",colour", "colour: There is no such field."),
        (HEAD + ",title", "title: The column stands more than once."),
        (HEAD.replace("summary,", ""), "summary: The column is missing."),
    ],
)
def test_a_fault_in_the_first_line_is_told_once_and_nothing_comes_in(ingest, tmp_path, head, complaint):
    table = tmp_path / "some.csv"
    table.write_text(head + "\n" + "a,practice,T,S,en,6,\nb,practice,T,S,en,6,\n", "utf-8")

    status, out, err = ingest(table)

    assert (status, err) == (1, f"{table}:1: {complaint}\n")
    assert out == "added 0, changed 0, unchanged 0, proposed 0, missing 0, bad 3\n"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (b'x,practice,"T"x,S,en,6', "Is not CSV: ',' expected after '\"'."),
        (b"x,practice,T\xff,S,en,6", "Is not UTF-8 at byte 13."),
        (b"x,practice,T,S,en,6,more", "Has a cell that stands in no named column."),
        (b"x,practice,T," + b"S" * 200_000 + b",en,6", "Is not CSV: field larger than field limit (131072)."),
        (b"x" * 1_000_001, "Is longer than 1,000,000 bytes."),
    ],
    ids=["quotes", "encoding", "cells", "cell", "line"],
)
def test_a_row_that_is_none_is_named_and_the_next_one_comes_in(tmp_path, row, complaint):
    table = tmp_path / "some.csv"
    table.write_bytes(f"{HEAD}\n".encode() + row + b"\nnext,practice,T,S,en,6\n")

    records, said = read(table)

    assert [each["id"] for each in records] == ["next"]
    assert said == [f"{table}:2: line: {complaint}"]


def test_an_open_quotation_mark_says_which_lines_it_swallowed(tmp_path):
    table = tmp_path / "some.csv"
    table.write_text(f'{HEAD}\none,practice,"T,S,en,6\ntwo,practice,T,S,en,6\n', "utf-8")

    records, said = read(table)

    assert records == []
    assert said == [
        f"{table}:2: line: Is not CSV: unexpected end of data. Lines 2 to 3 are passed over; is a quotation mark open?"
    ]


def test_an_empty_table_brings_nothing(tmp_path):
    (tmp_path / "some.csv").write_bytes(b"")
    assert read(tmp_path / "some.csv") == ([], [])


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40).filter(str.strip)
NAMES = WORDS.map(str.strip)
YEARS = st.none() | st.integers(1900, 2100)
RECORDS = st.fixed_dictionaries(
    {
        "id": st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,20}\Z"),
        "kind": st.sampled_from(list(KINDS)),
        "title": WORDS,
        "summary": WORDS,
        "language": st.sampled_from(LANGUAGES),
        "countries": st.lists(st.sampled_from(["PHL", "PRT", "GHA"])),
        "regions": st.lists(st.sampled_from(list(REGIONS))),
        "implementers": st.lists(st.fixed_dictionaries({"name": NAMES, "type": st.sampled_from(list(IMPLEMENTERS))})),
        "partners": st.lists(NAMES),
        "publishers": st.lists(NAMES),
        "year": YEARS,
        "gcm_objectives": st.lists(st.integers(1, 23)),
        "guiding_principles": st.lists(st.sampled_from(list(PRINCIPLES))),
        "sdg_targets": st.lists(st.sampled_from(["10", "10.7", "10.c"])),
        "status": st.none() | st.sampled_from(list(STATUSES)),
        "benefits": st.none() | WORDS,
        "source_title": st.none() | WORDS,
    }
)


@given(
    st.lists(RECORDS, min_size=1, max_size=3, unique_by=lambda each: each["id"]), st.sampled_from(",;\t"), st.booleans()
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_comes_back_from_a_table_as_it_was(tmp_path, records, delimiter, bom):
    table = tmp_path / "some.csv"
    table.write_bytes(as_csv(records, delimiter=delimiter, bom=bom))

    assert read(table) == ([SCHEMA.load(each) for each in records], [])


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_rows_or_faults_of_known_lines(tmp_path, content):
    table = tmp_path / "some.csv"
    table.write_bytes(content)

    lines = [row.line for row in read_rows(table, lambda _: None)]

    assert lines == sorted(lines)
    assert all(1 <= line <= content.count(b"\n") + 1 for line in lines)


def test_every_field_of_a_record_is_one_that_a_cell_can_hold():
    kinds = {type(field) for field in SCHEMA.fields.values()}
    assert all(issubclass(kind, (fields.String, fields.Integer, fields.List)) for kind in kinds)
