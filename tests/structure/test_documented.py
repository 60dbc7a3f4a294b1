from pathlib import Path

from hub import errors, settings

DOCS = Path(__file__).parents[2] / "docs"


def test_every_setting_is_explained_and_every_explained_setting_exists():
    text = (DOCS / "settings.md").read_text("utf-8")
    explained = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `HUB_")}
    assert explained == set(settings.VARIABLES)


def test_every_kind_of_problem_is_explained():
    text = (DOCS / "api.md").read_text("utf-8")
    kinds = [errors.HubError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    for kind in kinds:
        if kind.__module__ == "hub.errors":
            assert f"`{kind.slug}`" in text, kind.__name__
