"""What is configured, reachable and missing, in plain words."""

import importlib.util
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from hub import migrate, outbox
from hub.errors import SearchUnavailable
from hub.knowledge.models import Document
from hub.notices import mail
from hub.settings import ENV_FILE
from hub.support.filestore import FileStore
from hub.support.papers import Attachment
from hub.wiring import Hub
from indexer import sync

LEAST_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """`state`: ok, note (works, but know this) or missing (the hub cannot serve)."""

    subject: str
    state: Literal["ok", "note", "missing"]
    sentence: str

    @property
    def mark(self) -> str:
        return {"ok": "ok     ", "note": "note   ", "missing": "MISSING"}[self.state]


def examine(hub: Hub) -> list[Finding]:
    """All findings, in the order in which one would mend them."""
    checks: tuple[Callable[[Hub], list[Finding]], ...] = (
        _secrets,
        _database,
        _corpus,
        _model,
        _index,
        _mail,
        _files,
        _jobs,
        _limits,
        _demo,
        _disk,
    )
    findings: list[Finding] = []
    for check in checks:
        findings += check(hub)
        if check is _database and findings[-1].state == "missing":
            break  # the rest reads the database
    return findings


def _secrets(hub: Hub) -> list[Finding]:
    if not hub.settings.secret_key:
        return [Finding("secret key", "missing", "HUB_SECRET_KEY is not set; run `hub init`.")]
    file = hub.settings.var / ENV_FILE
    if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        return [Finding("secret key", "note", f"{file} can be read by others; set its mode to 600.")]
    return [Finding("secret key", "ok", "set")]


def _database(hub: Hub) -> list[Finding]:
    shown = make_url(hub.settings.database).render_as_string(hide_password=True)
    try:
        revision = migrate.current(hub.database.engine)
    except SQLAlchemyError as error:
        return [Finding("database", "missing", f"{shown} does not answer: {str(error.__cause__ or error).strip()}")]
    if revision != migrate.newest():
        return [
            Finding(
                "database", "missing", f"{shown} is at {revision or 'nothing'}, not {migrate.newest()}; run `hub init`."
            )
        ]
    return [Finding("database", "ok", f"{shown}, schema {revision}")]


def _corpus(hub: Hub) -> list[Finding]:
    with hub.database.session() as session:
        count = session.scalar(select(func.count()).select_from(Document).where(Document.status == "published")) or 0
    if count == 0:
        return [Finding("records", "note", "none; run `hub init` or `python -m indexer ingest FILE`.")]
    return [Finding("records", "ok", f"{count} published")]


def _model(hub: Hub) -> list[Finding]:
    if hub.settings.model is None:
        return [
            Finding(
                "embedding model", "note", "none, so search goes by words only; run `hub init` to get the default one."
            )
        ]
    if importlib.util.find_spec("sentence_transformers") is None or importlib.util.find_spec("torch") is None:
        return [
            Finding(
                "embedding model", "note", f"{hub.settings.model}, but sentence-transformers or torch is not installed."
            )
        ]
    return [Finding("embedding model", "ok", hub.settings.model)]


def _index(hub: Hub) -> list[Finding]:
    name = "search index"
    where = hub.settings.elasticsearch_url if hub.settings.search_engine == "elasticsearch" else str(hub.settings.index)
    try:
        status = hub.engine.status()
        found = hub.engine.versions()
    except SearchUnavailable as error:
        return [Finding(name, "missing", f"{status_word(error)} ({hub.settings.search_engine}, {where})")]
    if status.generation is None:
        return [Finding(name, "missing", f"none built yet ({where}); run `python -m indexer rebuild`.")]
    findings = [
        Finding(name, "ok", f"{status.engine}, generation {status.generation}, {status.documents} documents ({where})")
    ]
    with hub.database.session() as session:
        rows = session.execute(select(Document.id, Document.version).where(Document.status == "published"))
        wanted = {row.id: row.version for row in rows}
    behind = len(wanted.items() ^ dict(found).items())
    if behind:
        findings.append(
            Finding(name, "note", f"{behind} differences to the database; `python -m indexer sync` mends them.")
        )
    if hub.embedder is not None and status.model != hub.embedder.model:
        findings.append(Finding(name, "note", "built with another embedding model; run `python -m indexer rebuild`."))
    return findings


def status_word(error: SearchUnavailable) -> str:
    return error.detail or error.title


def _mail(hub: Hub) -> list[Finding]:
    if not hub.settings.smtp_url:
        return [Finding("mail", "note", "HUB_SMTP_URL is not set: nothing is mailed, notices are shown on the site.")]
    where = urlsplit(hub.settings.smtp_url).hostname
    try:
        mail.check(hub.settings)
    except outbox.NotYet as error:
        return [Finding("mail", "note", f"{where}: {error}; mails wait until it works.")]
    return [Finding("mail", "ok", f"{where}, from {hub.settings.mail_from}")]


def _files(hub: Hub) -> list[Finding]:
    """Reads every attached file once: one that is gone or changed is worth knowing before somebody asks for it."""
    store = FileStore(hub.settings.files, hub.settings.largest_file)
    with hub.database.session() as session:
        named: dict[str, list[str]] = {}
        for id_, sha256 in session.execute(
            select(Attachment.id, Attachment.sha256).where(Attachment.sha256.is_not(None)).order_by(Attachment.id)
        ):
            named.setdefault(sha256 or "", []).append(id_)
    found = {sha256: store.whole(sha256) for sha256 in named}
    findings: list[Finding] = []
    for state, told in ((None, "missing"), (False, "changed on the disk")):
        ids = [id_ for sha256, whole in found.items() if whole is state for id_ in named[sha256]]
        if ids:
            more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
            sentence = (
                f"{told} in {store.folder}: attachment {', '.join(ids[:5])}{more}; restore the folder from a backup."
            )
            findings.append(Finding("files", "note", sentence))
    count = sum(map(len, named.values()))
    return findings or [Finding("files", "ok", f"{count} attached ({store.folder})" if count else "none attached yet")]


def _jobs(hub: Hub) -> list[Finding]:
    findings: list[Finding] = []
    with hub.database.session() as session:
        for jobs in outbox.waiting(session):
            again = "python -m indexer sync --retry" if jobs.kind == sync.KIND else "hub worker --retry"
            if jobs.failed:
                told = f"{jobs.failed} failed five times and wait for a person; `{again}` takes them up again"
            elif jobs.late:
                told = f"{jobs.late} tried in vain for an hour or more, and tried again"
            else:
                continue
            findings.append(Finding(f"jobs {jobs.kind}", "note", f"{told}. The last error: {jobs.error}"))
    return findings or [Finding("jobs", "ok", "none waits for a person")]


def _limits(hub: Hub) -> list[Finding]:
    if hub.settings.processes > 1 and hub.settings.rate_limit_storage.startswith("memory:"):
        told = (
            f"each of the {hub.settings.processes} processes counts attempts to sign in for itself; set "
            "HUB_RATE_LIMIT_STORAGE to a Redis server, or HUB_SIGN_IN_LIMIT lower."
        )
        return [Finding("limits", "note", told)]
    return []


def _demo(hub: Hub) -> list[Finding]:
    if hub.settings.demo:
        return [Finding("demo accounts", "note", "may sign in (HUB_DEMO); never on a real installation.")]
    return []


def _disk(hub: Hub) -> list[Finding]:
    free = shutil.disk_usage(hub.settings.var).free
    if free < LEAST_DISK_BYTES:
        return [Finding("disk", "note", f"only {free // 1_000_000} MB free where {hub.settings.var} lies")]
    return []
