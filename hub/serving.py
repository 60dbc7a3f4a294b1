"""Run the hub: a threaded server, the worker beside it, the model warmed up in the background; or several processes of them."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

from hub import create_app, logs, processes
from hub.settings import Settings
from hub.wiring import Hub

log = logging.getLogger(__name__)

CONNECTIONS = 1_000
"""Kept open at the same time. Of waitress's own 100 the hundred-and-first browser waits until another one leaves."""
BACKLOG = 1_024
"""Connections that wait to be taken, as many as waitress lets wait."""
WORKER_NICENESS = 10
"""Of a worker with a process of its own: it encodes for seconds, and people wait for answers meanwhile."""


def serve(hub: Hub, *, host: str, port: int, threads: int, worker: bool) -> None:
    """Serve from this process until interrupted. Prints the address once connections are taken."""
    logs.configure(hub.settings.log_level)
    server = _server(hub, threads, host=host, port=port)
    stop = threading.Event()
    helpers = [threading.Thread(target=_warm, args=(hub,), name="warm-up", daemon=True)]
    if worker:
        helpers.append(threading.Thread(target=_work, args=(hub, stop), name="worker", daemon=True))
    for helper in helpers:
        helper.start()
    signal.signal(signal.SIGTERM, processes.interrupt)
    _announce(hub, host, server.effective_port)
    try:
        server.run()
    finally:
        stop.set()
        server.close()
        for helper in helpers[1:]:
            helper.join(timeout=10)


def serve_from_several(hub: Hub, *, host: str, port: int, threads: int, count: int, worker: bool) -> None:
    """Serve from `count` processes of `threads` each until interrupted, and do queued work in one more.

    All take connections from one socket: whoever has time takes the next. `hub` is closed; each process opens its own.
    """
    logs.configure(hub.settings.log_level)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        TemporaryDirectory(prefix="hub-metrics-") as figures,
        socket.create_server((host, port), family=family, backlog=BACKLOG) as listener,
    ):
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures  # before prometheus_client is imported
        create_app(hub=hub)  # says what is wrong before anything starts, and imports what all share
        hub.close()
        tasks: dict[str, Callable[[], None]] = {
            f"server {number}": partial(_serve_alone, hub.settings, listener, threads) for number in range(1, count + 1)
        }
        if worker:
            tasks["worker"] = partial(_work_alone, hub.settings, listener)
        _announce(hub, host, listener.getsockname()[1])
        processes.keep(tasks)


def address(host: str, port: int) -> str:
    """Where a browser of this machine finds what listens there; nothing for a port that the system is to choose."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here
    name = f"[{reached}]" if ":" in reached else reached
    return f"http://{name}:{port}" if port else ""


def work(hub: Hub) -> None:
    """Drain the outbox until interrupted."""
    logs.configure(hub.settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _work(hub, stop)


def _serve_alone(settings: Settings, listener: socket.socket, threads: int) -> None:
    hub = Hub(settings)
    server = _server(hub, threads, sockets=[listener])
    threading.Thread(target=_warm, args=(hub,), name="warm-up", daemon=True).start()
    try:
        server.run()
    finally:
        server.close()
        hub.close()


def _work_alone(settings: Settings, listener: socket.socket) -> None:
    listener.close()
    os.nice(WORKER_NICENESS)
    hub = Hub(settings)
    try:
        work(hub)
    finally:
        hub.close()


def _server(hub: Hub, threads: int, **where: Any) -> Any:
    from waitress.server import create_server  # noqa: PLC0415

    return create_server(
        create_app(hub=hub),
        threads=threads,
        ident=None,
        clear_untrusted_proxy_headers=True,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,  # select() takes no more than 1,024
        **where,
    )


def _announce(hub: Hub, host: str, port: int) -> None:
    sys.stdout.write(f"The hub serves on http://{host}:{port}\n")
    accounts = hub.settings.var / "demo-accounts.txt"
    if hub.settings.demo and accounts.is_file():
        sys.stdout.write(f"Sign in with a demo account: e-mail addresses and passwords are in {accounts}\n")
    sys.stdout.flush()


def _warm(hub: Hub) -> None:
    """The first visitor should not wait for model, glossary and index, the first who asks not for what a match compares."""
    from hub.search import glossary, service  # noqa: PLC0415
    from hub.search.types import LANGUAGES, SearchQuery  # noqa: PLC0415

    for language in LANGUAGES:
        glossary.translated("warm up", language)
    from hub.matching import candidates  # noqa: PLC0415

    try:
        with hub.database.session() as session:
            service.search(hub.engine, hub.embedder, session, SearchQuery("migration"))
            candidates.evidence(session, hub.embedder)
    except Exception:  # the next search or match says itself what it has to do without
        log.exception("what searches and matches need could not be read beforehand")


def _work(hub: Hub, stop: threading.Event) -> None:
    from hub.worker import Worker  # noqa: PLC0415

    Worker(hub).run_forever(stop)
