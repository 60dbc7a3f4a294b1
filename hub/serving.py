"""Run the hub: a threaded server, the worker beside it, the model warmed up in the background."""

import logging
import signal
import sys
import threading
from typing import Any

from hub import create_app, logs
from hub.wiring import Hub

log = logging.getLogger(__name__)

CONNECTIONS = 1_000
"""Kept open at the same time. Of waitress's own 100 the hundred-and-first browser waits until another one leaves."""


def serve(hub: Hub, *, host: str, port: int, threads: int, worker: bool) -> None:
    """Serve until interrupted. Prints the address once connections are taken."""
    from waitress.server import create_server  # noqa: PLC0415

    logs.configure(hub.settings.log_level)
    app = create_app(hub=hub)
    server: Any = create_server(
        app,
        host=host,
        port=port,
        threads=threads,
        ident=None,
        clear_untrusted_proxy_headers=True,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,  # select() takes no more than 1,024
    )
    stop = threading.Event()
    helpers = [threading.Thread(target=_warm, args=(hub,), name="warm-up", daemon=True)]
    if worker:
        helpers.append(threading.Thread(target=_work, args=(hub, stop), name="worker", daemon=True))
    for helper in helpers:
        helper.start()
    signal.signal(signal.SIGTERM, _interrupt)
    sys.stdout.write(f"The hub serves on http://{host}:{server.effective_port}\n")
    accounts = hub.settings.var / "demo-accounts.txt"
    if hub.settings.demo and accounts.is_file():
        sys.stdout.write(f"Sign in with a demo account: e-mail addresses and passwords are in {accounts}\n")
    sys.stdout.flush()
    try:
        server.run()
    finally:
        stop.set()
        server.close()
        for helper in helpers[1:]:
            helper.join(timeout=10)


def work(hub: Hub) -> None:
    """Drain the outbox until interrupted."""
    logs.configure(hub.settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _work(hub, stop)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _warm(hub: Hub) -> None:
    """The first visitor should not wait for the model to load."""
    if hub.embedder is None:
        return
    try:
        hub.embedder.queries(["warm up"])
    except Exception:  # search itself will say that it answers by words only
        log.exception("the embedding model could not be loaded")


def _work(hub: Hub, stop: threading.Event) -> None:
    from hub.worker import Worker  # noqa: PLC0415

    Worker(hub).run_forever(stop)
