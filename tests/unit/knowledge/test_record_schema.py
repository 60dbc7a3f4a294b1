import json

import pytest
from marshmallow import ValidationError

from corpus.load import seed_files
from hub.schemas.knowledge import RecordSchema
from tests.indexer.delivery import record


def faults(**fields) -> dict:
    try:
        RecordSchema().load(record(**fields))
    except ValidationError as error:
        return error.normalized_messages()
    return {}


@pytest.mark.parametrize("file", seed_files(), ids=lambda file: file.stem)
def test_every_record_of_the_corpus_loads_with_every_field_it_has(file):
    schema = RecordSchema()
    for line in file.read_text("utf-8").splitlines():
        raw = json.loads(line)
        loaded = schema.load(raw)
        assert {name: loaded[name] for name in raw} == raw | {"gcm_objectives": sorted(raw["gcm_objectives"])}


def test_what_is_absent_is_empty():
    loaded = RecordSchema().load(record())
    assert loaded["countries"] == []
    assert loaded["benefits"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "has a space"},
        {"name": "../etc"},
        {"name": "x" * 201},
        {"kind": "novel"},
        {"title": ""},
        {"title": " \n"},
        {"title": "x" * 501},
        {"title": 5},
        {"summary": "x" * 20_001},
        {"language": "de"},
        {"countries": ["XXX"]},
        {"countries": ["phl"]},
        {"countries": ["PH"]},
        {"countries": "PHL"},
        {"countries": [None]},
        {"regions": ["Atlantis"]},
        {"implementers": [{"name": "X", "type": "alien"}]},
        {"implementers": [{"name": "X", "type": "un", "more": 1}]},
        {"partners": [""]},
        {"gcm_objectives": [0]},
        {"gcm_objectives": [24]},
        {"gcm_objectives": ["6"]},
        {"gcm_objectives": [True]},
        {"gcm_objectives": [6.5]},
        {"gcm_objectives": None},
        {"guiding_principles": ["gcm-gp-human-rights"]},
        {"sdg_targets": ["18.1"]},
        {"year": 1066},
        {"year": 10**30},
        {"start_year": 2020, "end_year": 2019},
        {"status": "dreamt"},
        {"source_url": "javascript:alert(1)"},
        {"source_url": "http://[x"},
        {"source_url": "www.example.org"},
        {"colour": "blue"},
    ],
    ids=str,
)
def test_a_field_that_cannot_be_is_named(fields):
    named = "id" if "name" in fields else list(fields)[-1]
    assert list(faults(**fields)) == [named]


@pytest.mark.parametrize("missing", ["id", "kind", "title", "summary", "language", "gcm_objectives"])
def test_what_must_be_there_is_named_when_it_is_not(missing):
    raw = record()
    del raw[missing]
    with pytest.raises(ValidationError) as caught:
        RecordSchema().load(raw)
    assert list(caught.value.normalized_messages()) == [missing]


def test_what_is_named_twice_counts_once():
    loaded = RecordSchema().load(record(countries=["PHL", "NPL", "PHL"], gcm_objectives=[7, 6, 7]))
    assert loaded["countries"] == ["PHL", "NPL"]
    assert loaded["gcm_objectives"] == [6, 7]
