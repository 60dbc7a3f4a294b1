"""Every word of a page exists in six languages, and says the same things with the same blanks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from hub.search.types import LANGUAGES
from hub.web import sentences

ROOT = Path(__file__).parents[2]
CATALOGUES = ROOT / "hub" / "web" / "translations"
TRANSLATED = [language for language in LANGUAGES if language != "en"]
BLANK = re.compile(r"%\((\w+)\)s")


@pytest.fixture(scope="module")
def said() -> set[str | tuple[str, ...]]:
    """Every message of code and templates, as `make messages` collects them."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = {**DEFAULT_KEYWORDS, "lazy_gettext": None}
    found = extract_from_dir(ROOT / "hub", prefixed(methods), options, keywords)
    return {message for _, _, message, _, _ in found}


def prefixed(methods: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The patterns of `babel.cfg` begin at the root; only `hub` is walked here."""
    return [(pattern.removeprefix("hub/"), method) for pattern, method in methods]


def catalogue(language: str) -> Catalog:
    with (CATALOGUES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def forms(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(said, language):
    known = catalogue(language)

    missing = [message for message in said if known.get(message[0] if isinstance(message, tuple) else message) is None]
    untranslated = [message.id for message in known if message.id and not all(forms(message))]
    fuzzy = [message.id for message in known if message.id and message.fuzzy]

    assert not missing, f"run `make messages` and translate: {missing}"
    assert not untranslated
    assert not fuzzy


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_have_the_blanks_of_the_english_text(language):
    """A form for one or two things may say the number in words; what is said of many names it."""
    for message in catalogue(language):
        if not message.id:
            continue
        if isinstance(message.id, tuple):
            blanks = {blank for text in message.id for blank in BLANK.findall(text)}
            assert all(set(BLANK.findall(form)) <= blanks for form in forms(message)), message.id
            assert set(BLANK.findall(forms(message)[-1])) == blanks, message.id
        else:
            assert sorted(set(BLANK.findall(message.string))) == sorted(set(BLANK.findall(message.id))), message.id
        assert "%(" not in BLANK.sub("", "".join(forms(message))), message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_as_many_plural_forms_as_its_language(language):
    known = catalogue(language)

    assert not known.fuzzy, "a catalogue whose header is marked fuzzy is not compiled"
    for message in known:
        if isinstance(message.id, tuple):
            assert len(forms(message)) == known.num_plurals, message.id


RAISERS = (
    *(ROOT / "hub" / "accounts").glob("*.py"),
    *(ROOT / "hub" / "support").glob("*.py"),
    *(path for path in (ROOT / "hub" / "schemas").glob("*.py") if path.stem not in {"knowledge", "documents"}),
    ROOT / "hub" / "knowledge" / "reading.py",
    ROOT / "hub" / "knowledge" / "corrections.py",
)
"""Where what is raised can reach a page. `console.py` and `demo.py` speak to the operator."""
NEVER_ON_A_PAGE = frozenset(
    {
        "This address has no access rule.",  # a mistake of ours, found by tests
        "No account x has a calendar address.",  # of the command line
        "This token is wrong, revoked or no longer valid.",
        "Name the version that you read, here or in If-Match.",
    }
)


def raised(path: Path) -> Iterator[str]:
    """Sentences in `raise` statements, in `error=` of validators, and in constants; blanks of f-strings as `x`."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            yield from told_in(node)
        elif (isinstance(node, ast.keyword) and node.arg == "error") or (
            isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()
        ):
            yield from told_in(node.value)


def told_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
        yield from filter(is_sentence, ["".join(map(str, parts))])
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_sentence(node.value):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from told_in(child)


def is_sentence(text: str) -> bool:
    return " " in text and text[0] in "{ABCDEFGHIJKLMNOPQRSTUVWXYZx" and text.endswith(".")


def test_every_sentence_that_can_reach_a_page_is_told_in_the_language_of_the_reader():
    unknown = {
        sentence
        for path in RAISERS
        if path.name not in {"console.py", "demo.py", "guard.py"}
        for sentence in raised(path)
        if sentence not in NEVER_ON_A_PAGE and sentences.find(re.sub(r"\{\w+\}", "x", sentence)) is None
    }

    assert not unknown, "list them in hub/web/sentences.py"


def test_a_reader_is_told_in_the_own_language_with_the_right_plural(client):
    """Compiles what is not compiled yet, as the set-up does."""
    for language in TRANSLATED:
        source = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            with target.open("wb") as file:
                write_mo(file, catalogue(language))

    assert "0 запис" in client.get("/ru/documents").text
    assert "لا سجلات" in client.get("/ar/documents").text
    assert "Il n’existe pas d’objectif 99" in client.get("/fr/search?objective=99").text
