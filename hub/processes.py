"""Several processes under one: each does its task, one that ends is started again, all end together. POSIX only."""

import gc
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess, parent_process

from hub.errors import HubError

log = logging.getLogger(__name__)

START_AGAIN_S = 1.0
"""After which what ended is started again: what cannot start at all must not fill the log."""
LONGEST_END_S = 30.0
"""For a task to end what it has in hand."""


def keep(tasks: Mapping[str, Callable[[], None]]) -> None:
    """Do each task, named by its key, in a process of its own until interrupted (SIGTERM, Ctrl-C).

    They are forked, so that what is imported lies in memory once. The caller must run no other thread and hold no open
    connection. They end by themselves when this process is killed.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        raise HubError("Several processes need a POSIX system; serve with one, or with several hubs behind a proxy.")
    context = multiprocessing.get_context("fork")
    running: dict[int, BaseProcess] = {}

    def start(name: str) -> None:
        process = context.Process(target=_do, args=(tasks[name],), name=name)
        process.start()
        running[process.sentinel] = process

    signal.signal(signal.SIGTERM, interrupt)
    gc.freeze()  # the collector would write to, and so copy, every page that is shared
    try:
        for name in tasks:
            start(name)
        while True:
            for sentinel in wait(list(running)):
                ended = running.pop(int(sentinel))  # type: ignore[call-overload]
                ended.join()
                log.error("the process %s ended (%s); it is started again", ended.name, ended.exitcode)
                time.sleep(START_AGAIN_S)
                start(ended.name)
    except KeyboardInterrupt:
        pass
    finally:
        for process in running.values():
            process.terminate()
        ending = time.monotonic() + LONGEST_END_S
        for process in running.values():
            process.join(max(0.0, ending - time.monotonic()))
            if process.is_alive():
                process.kill()


def interrupt(*_: object) -> None:
    """Handler of a signal: ends as Ctrl-C does."""
    raise KeyboardInterrupt


def _do(task: Callable[[], None]) -> None:
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    with suppress(KeyboardInterrupt):
        task()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
