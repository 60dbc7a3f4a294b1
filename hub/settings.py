"""Settings, read once from `HUB_*` variables and from `hub.env` in the var folder, which `hub init` writes.

A variable of the environment wins over the file. A bad value stops the start and names itself.
"""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from hub.errors import SettingError

ENV_FILE = "hub.env"
SHORTEST_TOKEN = 16
MODEL_FOLDER = Path("model") / "multilingual-e5-small-q4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that differs between two installations. Durations in seconds."""

    var: Path = Path("var")
    """Folder of all state that is not in a database server: SQLite file, index, model, files, secrets."""
    secret_key: str = field(default="", repr=False)
    """Signs sessions and forms. No default outside tests: `hub init` writes a random one."""
    database_url: str = field(default="", repr=False)
    """SQLAlchemy address; the default is `hub.db` in the var folder."""
    search_engine: str = "embedded"
    """`embedded` or `elasticsearch`."""
    elasticsearch_url: str = field(default="", repr=False)
    elasticsearch_prefix: str = "hub"
    """Name of the alias, and beginning of every index name."""
    embedding_model: str = ""
    """Folder or hub name of a sentence-transformers model; default: the folder that set-up made, if it is there."""
    public_url: str = "http://127.0.0.1:8000"
    """Where people reach this hub; links in mails and feeds begin with it. `https` also makes cookies secure."""
    smtp_url: str = field(default="", repr=False)
    """Mail server: `smtp://user:password@host:587` (TLS by STARTTLS; `?starttls=no` for none), or `smtps://` for TLS from

    the start. Without it notices are shown on the site only.
    """
    mail_from: str = ""
    """Who mails are from: an address, or `Name <address>`."""
    demo: bool = False
    """Demo accounts may sign in. Never on a real installation."""
    log_level: str = "INFO"
    link_ttl_s: int = 72 * 3600
    """How long an invitation or reset link works."""
    session_ttl_s: int = 12 * 3600
    """How long a sign-in lasts without a visit."""
    sign_in_limit: str = "10 per minute;50 per hour"
    """Attempts to sign in, per address and per account, in the notation of limits."""
    rate_limit_storage: str = "memory://"
    """Where the counts of attempts live; one process: memory, several: a Redis address."""
    processes: int = 1
    """That serve; more than one on POSIX systems only, and then one more does queued work."""
    trusted_proxies: int = 0
    """How many reverse proxies stand in front and set `X-Forwarded-*`."""
    metrics_token: str = field(default="", repr=False)
    """What Prometheus sends to read `/metrics`; without it there is no such address."""
    search_log_sample: float = 0.1
    """Share of visitors' searches whose words are kept, without their asker, for 90 days; 0 keeps none."""
    files_folder: Path | None = None
    """Where attached files lie; default: `files` in the var folder."""
    largest_file_mb: int = 20
    """Of one attached file."""
    testing: bool = False

    @property
    def files(self) -> Path:
        return self.files_folder or self.var / "files"

    @property
    def largest_file(self) -> int:
        """In bytes."""
        return self.largest_file_mb << 20

    @property
    def index(self) -> Path:
        return self.var / "index"

    @property
    def model(self) -> str | None:
        """What to load as the encoder: the name asked for, the folder of set-up, or nothing (keyword search only)."""
        if self.embedding_model:
            return None if self.embedding_model == "none" else self.embedding_model
        folder = self.var / MODEL_FOLDER
        return str(folder) if folder.is_dir() else None

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.var / 'hub.db').absolute()}"


def _flag(name: str, text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"", "0", "false", "no", "off"}:
        return False
    raise SettingError(name, f"{text!r} is neither 1 nor 0")


def _whole(name: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise SettingError(name, f"{text!r} is not a whole number") from None
    if number < 0:
        raise SettingError(name, "must not be negative")
    return number


def _share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingError(name, f"{text!r} is not a number from 0 to 1")
    return share


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines; blank lines and lines beginning with `#` are passed over."""
    if not path.is_file():
        return {}
    values: dict[str, str] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, separator, value = stripped.partition("=")
        if not separator:
            raise SettingError(str(path), f"line {number} is not NAME=value")
        values[name.strip()] = value.strip()
    return values


VARIABLES: Mapping[str, str] = {
    "HUB_VAR": "var",
    "HUB_SECRET_KEY": "secret_key",
    "HUB_DATABASE_URL": "database_url",
    "HUB_SEARCH_ENGINE": "search_engine",
    "HUB_ELASTICSEARCH_URL": "elasticsearch_url",
    "HUB_ELASTICSEARCH_PREFIX": "elasticsearch_prefix",
    "HUB_EMBEDDING_MODEL": "embedding_model",
    "HUB_PUBLIC_URL": "public_url",
    "HUB_SMTP_URL": "smtp_url",
    "HUB_MAIL_FROM": "mail_from",
    "HUB_DEMO": "demo",
    "HUB_LOG_LEVEL": "log_level",
    "HUB_LINK_TTL_S": "link_ttl_s",
    "HUB_SESSION_TTL_S": "session_ttl_s",
    "HUB_SIGN_IN_LIMIT": "sign_in_limit",
    "HUB_RATE_LIMIT_STORAGE": "rate_limit_storage",
    "HUB_PROCESSES": "processes",
    "HUB_TRUSTED_PROXIES": "trusted_proxies",
    "HUB_METRICS_TOKEN": "metrics_token",
    "HUB_SEARCH_LOG_SAMPLE": "search_log_sample",
    "HUB_FILES": "files_folder",
    "HUB_LARGEST_FILE_MB": "largest_file_mb",
}
"""Variable -> field. `docs/settings.md` explains each; `tests/structure` holds the two together."""


def load(environ: Mapping[str, str] | None = None, *, serves_on: str = "") -> Settings:
    """Settings from the environment and the var folder's file. Raises `SettingError` naming the variable.

    `serves_on`: where this process serves, which is where people reach the hub unless HUB_PUBLIC_URL says otherwise.
    """
    given = dict(os.environ if environ is None else environ)
    var = Path(given.get("HUB_VAR") or "var")
    merged = {**read_env_file(var / ENV_FILE), **given}
    values: dict[str, str | int | float | bool | Path] = {"var": var}
    if serves_on:
        values["public_url"] = serves_on
    for name, attribute in VARIABLES.items():
        text = merged.get(name, "")
        if name == "HUB_VAR" or text == "":
            continue
        if attribute == "demo":
            values[attribute] = _flag(name, text)
        elif attribute in {"link_ttl_s", "session_ttl_s", "processes", "trusted_proxies", "largest_file_mb"}:
            values[attribute] = _whole(name, text)
        elif attribute == "search_log_sample":
            values[attribute] = _share(name, text)
        elif attribute == "files_folder":
            values[attribute] = Path(text)
        else:
            values[attribute] = text
    unknown = sorted(
        name
        for name in merged
        if name.startswith("HUB_") and name not in VARIABLES and not name.startswith("HUB_TEST_")
    )
    if unknown:
        raise SettingError(unknown[0], "there is no such setting")
    settings = Settings(**values)  # type: ignore[arg-type]
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """Raise `SettingError` for a value that cannot work, before anything is opened."""
    if settings.search_engine not in {"embedded", "elasticsearch"}:
        raise SettingError("HUB_SEARCH_ENGINE", f"{settings.search_engine!r} is neither embedded nor elasticsearch")
    if settings.search_engine == "elasticsearch" and not settings.elasticsearch_url:
        raise SettingError("HUB_ELASTICSEARCH_URL", "is needed when HUB_SEARCH_ENGINE is elasticsearch")
    if settings.log_level.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise SettingError("HUB_LOG_LEVEL", f"{settings.log_level!r} is none of DEBUG, INFO, WARNING, ERROR")
    if urlsplit(settings.public_url).scheme not in {"http", "https"}:
        raise SettingError("HUB_PUBLIC_URL", f"{settings.public_url!r} does not begin with http:// or https://")
    if settings.processes < 1:
        raise SettingError("HUB_PROCESSES", "must be at least 1")
    if settings.smtp_url:
        _check_mail(settings)
    if settings.metrics_token and len(settings.metrics_token) < SHORTEST_TOKEN:
        raise SettingError("HUB_METRICS_TOKEN", f"has fewer than {SHORTEST_TOKEN} characters and can be guessed")
    scheme = urlsplit(settings.database).scheme
    if scheme not in {"sqlite", "postgresql+psycopg"}:
        raise SettingError("HUB_DATABASE_URL", f"{scheme!r} is neither sqlite nor postgresql+psycopg")


def _check_mail(settings: Settings) -> None:
    parts = urlsplit(settings.smtp_url)
    if parts.scheme not in {"smtp", "smtps"}:
        raise SettingError("HUB_SMTP_URL", "does not begin with smtp:// or smtps://")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if not parts.hostname or port == 0:
        raise SettingError("HUB_SMTP_URL", "names no host, or a port that is none")
    if parts.query not in {"", "starttls=no"} or parts.path not in {"", "/"} or parts.fragment:
        raise SettingError("HUB_SMTP_URL", "may end with ?starttls=no, and with nothing else after the host")
    if not settings.mail_from:
        raise SettingError("HUB_MAIL_FROM", "is needed when HUB_SMTP_URL is set")
    _, address = parseaddr(settings.mail_from)
    if not settings.mail_from.isprintable() or not re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", address):
        raise SettingError("HUB_MAIL_FROM", f"{settings.mail_from!r} is neither an address nor Name <address>")


def new_secret() -> str:
    return secrets.token_urlsafe(48)
