"""Imports point one way. The table is that of docs/architecture.md; a new arrow is a decision, not an accident."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE = {"hub.errors", "hub.database", "hub.events", "hub.search.types"}
MODELS = {
    "hub.accounts.models",
    "hub.network.models",
    "hub.knowledge.models",
    "hub.support.models",
    "hub.support.delivery_models",
    "hub.support.expert_models",
    "hub.support.papers",
}
SERVICES = {"hub.search.service", "hub.matching.service"}

# First matching prefix decides. A module may import its own folder, and whatever begins with one of the names.
ALLOWED: list[tuple[str, set[str]]] = [
    ("hub.errors", set()),
    ("hub.settings", {"hub.errors"}),
    ("hub.database", set()),
    ("hub.events", {"hub.database"}),
    ("hub.outbox", {"hub.database"}),
    ("hub.search.service", BASE | {"hub.search", "hub.knowledge.models", "hub.network.vocabulary", "hub.accounts.policy"}),
    ("hub.search", {"hub.errors", "hub.search"}),
    ("hub.matching", BASE | MODELS | {"hub.support.consents", "hub.search", "hub.network.vocabulary", "hub.accounts.policy"}),
    ("hub.network", BASE),
    ("hub.knowledge", BASE | MODELS | {"hub.network", "hub.schemas.knowledge", "hub.search.types"}),
    ("hub.accounts", BASE | MODELS | {"hub.settings", "hub.network"}),
    ("hub.support", BASE | MODELS | SERVICES | {"hub.outbox", "hub.accounts", "hub.knowledge", "hub.network", "hub.search", "hub.matching.types", "hub.matching.assignment"}),
    ("hub.notices", BASE | MODELS | {"hub.accounts.credentials", "hub.accounts.policy", "hub.outbox", "hub.settings", "hub.support.lifecycle", "hub.support.links", "hub.wiring"}),
    ("hub.schemas", BASE | MODELS | {"hub.network", "hub.knowledge", "hub.support", "hub.accounts", "hub.notices", "hub.search.types", "hub.matching"}),
    ("hub.wiring", {"hub.settings", "hub.database", "hub.search"}),
    ("hub.logs", {"hub.database"}),
    ("hub.metrics", BASE | {"hub.outbox", "hub.wiring"}),
    ("hub.migrate", BASE | MODELS | {"hub.notices.models"}),
    ("hub.backup", BASE | {"hub.migrate", "hub.wiring"}),
    (
        "hub.api",
        BASE | SERVICES | MODELS | {
            "hub.accounts", "hub.knowledge", "hub.network", "hub.support", "hub.notices", "hub.schemas", "hub.search.types", "hub.matching", "hub.wiring",
        },
    ),
    (
        "hub.web",
        BASE | SERVICES | MODELS | {
            "hub.accounts", "hub.knowledge", "hub.network", "hub.support", "hub.notices", "hub.schemas", "hub.search.types", "hub.matching", "hub.wiring",
            "hub.api.problems", "hub.api.openapi", "hub.settings", "hub.outbox",
        },
    ),
    ("indexer", BASE | MODELS | {"hub.settings", "hub.wiring", "hub.search", "hub.network", "hub.knowledge", "hub.schemas.knowledge", "hub.outbox", "corpus"}),
    ("corpus", BASE | MODELS | {"hub.network"}),
]  # fmt: skip
WIRING = {
    "hub",
    "hub.cli",
    "hub.cli_requests",
    "hub.cli_desk",
    "hub.cli_papers",
    "hub.worker",
    "hub.setup",
    "hub.serving",
    "hub.processes",
    "hub.doctor",
    "hub.evaluation",
}
"""The command and what it starts may import anything."""


def modules():
    for folder in ("hub", "indexer", "corpus"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if _is_module(name) else node.module for name in names)


def _is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def rule(module):
    return next((allowed for prefix, allowed in ALLOWED if (module + ".").startswith(prefix + ".")), None)


@pytest.mark.parametrize(("module", "path"), [pytest.param(*each, id=each[0]) for each in modules()])
def test_a_module_imports_only_what_lies_below_it(module, path):
    if module in WIRING:
        return
    allowed = rule(module)
    assert allowed is not None, f"{module} has no place in the table"
    own = ".".join(module.split(".")[:2]) if module.startswith("hub.") else module.split(".")[0]
    wrong = {
        name
        for name in imported(path)
        if name.split(".")[0] in {"hub", "indexer", "corpus"}
        and not (name + ".").startswith(own + ".")
        and not any((name + ".").startswith(prefix + ".") for prefix in allowed)
    }
    assert not wrong


@pytest.mark.parametrize(
    ("library", "only"),
    [
        ("elasticsearch", {"hub.search.elastic"}),
        ("tantivy", {"hub.search.embedded"}),
        ("torch", {"hub.search.packaged_model", "hub.search.embedding"}),
        (
            "flask",
            {
                "hub",
                "hub.logs",
                "hub.metrics",
                "hub.api",
                "hub.web",
                "hub.accounts.guard",
                "hub.accounts.session",
                "hub.matching.reasons",
            },
        ),
    ],
)
def test_a_library_is_known_in_its_own_room_only(library, only):
    wrong = {
        module
        for module, path in modules()
        if any(name.split(".")[0] == library for name in imported(path))
        and not any(module == room or (room != "hub" and module.startswith(room + ".")) for room in only)
    }
    assert not wrong
