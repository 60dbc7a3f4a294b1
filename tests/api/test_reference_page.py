"""The description of the API as pages, and the document that they are made from."""

import json
import re
import shlex

import pytest
from jsonschema import Draft202012Validator

from hub.api.openapi import document
from hub.search.types import LANGUAGES
from hub.web import reference


@pytest.fixture
def described(app):
    with app.app_context():
        return document(app)


@pytest.fixture
def pages(client, described):
    """Group -> its page in English."""
    tags = {told["tags"][0] for methods in described["paths"].values() for told in methods.values()}
    return {tag: client.get(f"/en/api/{tag}").text for tag in sorted(tags)}


def links(page):
    return re.findall(r'href="#([^"]+)"', page)


def ids(page):
    return re.findall(r'\bid="([^"]+)"', page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_operation_and_schema_of_the_document_is_listed_and_told_on_the_page_that_it_leads_to(
    client, described, language
):
    response = client.get(f"/{language}/api")

    assert response.status_code == 200
    told_at = dict(re.findall(rf'<li id="([^"]+)"><a href="/{language}/api/(\w+)#\1"', response.text))
    operations = {
        told["operationId"]: f"{method.upper()} {path}"
        for path, methods in described["paths"].items()
        for method, told in methods.items()
    }
    assert set(told_at) == {*operations, *(f"schema-{name}" for name in described["components"]["schemas"])}
    pages = {group: client.get(f"/{language}/api/{group}").text for group in set(told_at.values())}
    for name, group in told_at.items():
        assert f'id="{name}"' in pages[group]
        assert operations.get(name, "") in pages[group].replace("<wbr>", "")
        assert operations.get(name, "") in response.text.replace("<wbr>", "")


def test_every_link_within_a_page_leads_somewhere_and_ids_stand_once(client, pages):
    for page in (*pages.values(), client.get("/en/api").text):
        assert len(ids(page)) == len(set(ids(page)))
        assert set(links(page)) <= set(ids(page))


def test_a_part_of_the_api_that_does_not_exist_is_not_found(client):
    assert client.get("/en/api/nothing").status_code == 404


def test_the_pages_run_no_script_and_load_nothing_from_elsewhere(client, pages):
    for page in (*pages.values(), client.get("/en/api").text):
        assert "<script" not in page
        assert not re.findall(r'(?:src|<link rel="stylesheet" href)="(?!/static/)[^"]*"', page)


def test_the_example_of_search_can_be_called(client, pages):
    address = re.search(r"http://127.0.0.1:8000(/api/v1/search\?q=[^&\s]+)", pages["search"])

    assert address
    assert client.get(address.group(1).rstrip("'")).status_code != 422


def test_bodies_of_examples_fit_their_schemas(described):
    schemas = described["components"]["schemas"]
    tried = 0
    for operation in reference.operations(described, "https://hub.example"):
        if not operation.body:
            continue
        words = shlex.split(operation.example)
        if "-F" in words:
            assert words[words.index("-F") + 1] == "file=@letter.pdf"
            continue
        body = words[words.index("-d") + 1]
        schema = {"$ref": f"#/components/schemas/{operation.body[0].schema}", "components": {"schemas": schemas}}
        Draft202012Validator(schema).validate(json.loads(body))
        assert words[:4] == ["curl", "-s", "-X", operation.method]
        tried += 1
    assert tried


def test_examples_carry_a_token_where_one_is_needed(described):
    for operation in reference.operations(described, "https://hub.example"):
        assert ("Bearer $TOKEN" in operation.example) is not operation.public


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["string", "null"], "format": "date"}, "string (date) | null"),
        ({"enum": ["en", "fr", None]}, "en | fr | null"),
        ({"$ref": "#/components/schemas/Hit"}, "Hit"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Hit"}}, "Hit[]"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "(a | b)[]"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "{string: integer}"),
        (
            {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}},
            "{a: string, b: number}",
        ),
        ({"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/Hit"}]}, "string | Hit"),
        ({}, "object"),
    ],
)
def test_a_type_is_told_in_short(schema, told):
    assert "".join(piece.text for piece in reference.notation(schema)) == told


def test_the_type_of_a_problem_is_an_address_that_explains_it(client):
    problem = client.get("/api/v1/documents/none").get_json()
    response = client.get(problem["type"].partition("#")[0], headers={"Accept-Language": "fr"})

    assert response.status_code == 302
    assert response.location == "/fr/api"
    assert f'id="{problem["type"].partition("#")[2]}"' in client.get(response.location).text


def test_the_page_is_linked_from_what_the_hub_says_of_itself(client):
    assert 'href="/en/api"' in client.get("/en/about").text
