"""Servers that tests need: found by a variable, else started on loopback by the first test that asks, stopped with the run.

Workers of one run share them: the run's folder (its path in `HUB_TEST_RUN`, inherited by the workers) holds a lock and a
note per server. A run that was killed leaves its servers to the next one, which stops them.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from filelock import FileLock
from psycopg import sql
from sqlalchemy.engine import make_url

ES_NODE = Path(__file__).resolve().parents[2] / "shared" / "elasticsearch" / "es-node"
ELASTICSEARCH_IMAGE = "docker.elastic.co/elasticsearch/elasticsearch:9.5.3"
POSTGRES_IMAGE = "postgres:17-alpine"
CONTAINER_START_S = 120

RUN = "HUB_TEST_RUN"
"""Environment variable: folder of this test run. Set by the controller."""

_FOLDERS = "hub-test-run-"

Note = dict[str, Any]
"""Of a server: its `url`, and the id of its `container` if it runs in one; or `missing`, why there is none."""


class NotFound(Exception):
    """No server and no way to start one; says what was looked for."""


def open_run() -> None:
    """Give the run a folder; stop what killed runs left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"):
        with suppress(OSError, ValueError, subprocess.CalledProcessError):  # another run may sweep at the same time
            if not psutil.pid_exists(int((folder / "owner").read_text())):
                _stop_all(folder)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDERS))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own
    (folder / "owner").write_text(str(os.getpid()))
    os.environ[RUN] = str(folder)


def close_run() -> None:
    _stop_all(Path(os.environ.pop(RUN)))


def elasticsearch() -> str:
    """URL of the run's Elasticsearch. Skips the test if there is none, fails it in CI."""
    return os.environ.get("HUB_TEST_ELASTICSEARCH_URL") or _shared("elasticsearch", _start_elasticsearch)


def postgres() -> str:
    """URL (`postgresql+psycopg://...`) of the run's PostgreSQL. Skips the test if there is none, fails it in CI."""
    return os.environ.get("HUB_TEST_POSTGRES_URL") or _shared("postgres", _start_postgres)


def start_elasticsearch_node(data: Path, *, nodes: int = 1) -> list[str]:
    """URLs of a cluster of our own; `data/node-N.pid` holds the process ids. `stop_elasticsearch_node` ends it."""
    if not ES_NODE.exists():
        raise NotFound(f"a node of our own ({ES_NODE})")
    started = subprocess.run(
        [sys.executable, ES_NODE, "start", "--data", data, "--port", "0", "--nodes", str(nodes)],
        capture_output=True,
        text=True,
        check=False,
    )
    if started.returncode:
        raise NotFound(f"a node of our own ({started.stderr.strip()})")
    return started.stdout.split()


def stop_elasticsearch_node(data: Path) -> None:
    subprocess.run([sys.executable, ES_NODE, "stop", "--data", data], check=True)


def fresh_postgres_database(server_url: str) -> str:
    """URL of a new, empty database on that server. `drop_postgres_database` ends it."""
    name = f"hub_test_{uuid.uuid4().hex}"
    _on_postgres(
        server_url, sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name))
    )
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def drop_postgres_database(url: str) -> None:
    """Drop it, whoever is still connected."""
    name = make_url(url).database or ""
    server = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    _on_postgres(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _on_postgres(url: str, statement: sql.Composed) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statement)


def _shared(name: str, start: Callable[[Path], Note]) -> str:
    folder = Path(os.environ[RUN])
    note = folder / f"{name}.json"
    with FileLock(folder / f"{name}.lock"):
        if not note.exists():
            try:
                found = start(folder / name)
            except NotFound as why:
                found = {"missing": str(why)}
            note.write_text(json.dumps(found))
    found = json.loads(note.read_text())
    if "missing" in found:
        if os.environ.get("CI") == "true":
            pytest.fail(found["missing"])
        pytest.skip(found["missing"])
    return found["url"]


def _stop_all(folder: Path) -> None:
    """Everything in a run's folder, whether its start was seen to the end or not."""
    if (folder / "elasticsearch").exists():
        stop_elasticsearch_node(folder / "elasticsearch")
    programs = _postgres_programs()
    if programs and (folder / "postgres" / "data" / "postmaster.pid").exists():
        stop: list[str | Path] = [
            programs / "pg_ctl",
            "stop",
            "-D",
            folder / "postgres" / "data",
            "-m",
            "immediate",
            "-w",
        ]
        with suppress(NotFound):  # it is gone already
            _as_postgres(stop, folder / "postgres")
    for note in folder.glob("*.json"):
        if container := json.loads(note.read_text()).get("container"):
            import docker

            docker.from_env().containers.get(container).remove(force=True, v=True)
    shutil.rmtree(folder, ignore_errors=True)


def _start_elasticsearch(data: Path) -> Note:
    try:
        return {"url": start_elasticsearch_node(data)[0]}
    except NotFound as no_node:
        settings = {
            "discovery.type": "single-node",
            "xpack.security.enabled": "false",
            "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
        }
        try:
            return _start_container(ELASTICSEARCH_IMAGE, 9200, settings, "http://{}:{}", _ask_elasticsearch)
        except NotFound as no_docker:
            raise NotFound(
                f"no Elasticsearch: HUB_TEST_ELASTICSEARCH_URL is not set, {no_node} is not there, {no_docker}"
            ) from no_docker


def _ask_elasticsearch(url: str) -> None:
    urllib.request.urlopen(f"{url}/_cluster/health?wait_for_status=yellow", timeout=5).close()


def _ask_postgres(url: str) -> None:
    _on_postgres(url, sql.SQL("SELECT 1").format())


def _start_postgres(folder: Path) -> Note:
    programs = _postgres_programs()
    if programs is None:
        trusting = {"POSTGRES_HOST_AUTH_METHOD": "trust"}
        url = "postgresql+psycopg://postgres@{}:{}/postgres"
        try:
            return _start_container(POSTGRES_IMAGE, 5432, trusting, url, _ask_postgres)
        except NotFound as no_docker:
            raise NotFound(
                "no PostgreSQL: HUB_TEST_POSTGRES_URL is not set, no server is installed (initdb is neither on the path nor "
                f"in /usr/lib/postgresql/*/bin), {no_docker}"
            ) from no_docker
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, user=_postgres_user())
    data, port = folder / "data", free_port()
    _as_postgres(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"], folder
    )
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c full_page_writes=off"
    )
    _as_postgres([programs / "pg_ctl", "start", "-D", data, "-o", options, "-l", folder / "log", "-w", "-s"], folder)
    return {"url": f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"}


def _postgres_programs() -> Path | None:
    """Folder of the newest installed server."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((each.parent for each in installed), key=lambda each: int(each.parent.name), default=None)


def _postgres_user() -> str:
    """Whom to be where the server refuses root: the package's own user, else nobody."""
    import pwd

    return "postgres" if any(each.pw_name == "postgres" for each in pwd.getpwall()) else "nobody"


def _as_postgres(command: list[str | Path], folder: Path) -> None:
    user = _postgres_user() if os.geteuid() == 0 else None
    # pg_ctl leaves its output to the server, which would keep a pipe open: a file instead.
    with (folder / "output").open("w+") as output:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=user,
            group=user and _group_of(user),
            extra_groups=[] if user else None,
            check=False,
        )
        if done.returncode:
            output.seek(0)
            raise NotFound(f"{Path(command[0]).name} failed: {output.read().strip()}")


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def _start_container(image: str, port: int, environment: dict[str, str], url: str, ask: Callable[[str], None]) -> Note:
    """Without testcontainers' own reaper: it would end the container with the worker that happened to start it."""
    # Asked by its program: its Python client leaves a socket open, hence a warning in some test, when nobody answers.
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        raise NotFound("Docker does not answer")
    import docker
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    testcontainers_config.ryuk_disabled = True
    try:
        container = DockerContainer(image, env=environment, ports=[port]).start()
    except docker.errors.DockerException as error:
        raise NotFound(f"Docker does not start {image} ({error})") from error
    found = url.format(container.get_container_host_ip(), container.get_exposed_port(port))
    deadline = time.monotonic() + CONTAINER_START_S
    while True:
        try:
            ask(found)
        except (OSError, psycopg.Error):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return {"url": found, "container": container.get_wrapped_container().id}
