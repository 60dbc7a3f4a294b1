"""The container files are not run in CI; what can be seen in their text is checked here."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))


def test_every_secret_must_be_given():
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    for name in ("HUB_SECRET_KEY", "POSTGRES_PASSWORD"):
        assert f"${{{name}:?" in text
        assert f"${{{name}:-" not in text


def test_only_the_hub_is_published_and_only_on_loopback():
    services = compose()["services"]
    assert services["hub"]["ports"] == ["127.0.0.1:8000:8000"]
    assert not any("ports" in services[name] for name in ("postgres", "elasticsearch"))


def test_the_hub_waits_for_healthy_servers():
    services = compose()["services"]
    for name, condition in services["hub"]["depends_on"].items():
        assert condition == {"condition": "service_healthy"}
        assert "healthcheck" in services[name]


def test_every_named_volume_is_declared():
    description = compose()
    used = {volume.split(":")[0] for service in description["services"].values() for volume in service["volumes"]}
    assert used == set(description["volumes"])


def test_compose_uses_settings_that_exist():
    from hub.settings import VARIABLES

    environment = compose()["services"]["hub"]["environment"]
    assert set(environment) <= set(VARIABLES)


def test_the_image_installs_the_same_torch_as_the_makefile_and_runs_unprivileged():
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    pinned = next(line.split(":=")[1].strip() for line in makefile.splitlines() if line.startswith("TORCH"))
    assert pinned in dockerfile
    assert "\nUSER hub\n" in dockerfile


def test_both_files_say_that_nobody_ran_them():
    for name in ("Dockerfile", "docker-compose.yml"):
        assert "Untested" in (ROOT / name).read_text("utf-8")
