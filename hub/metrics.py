"""Figures for Prometheus: how requests and searches went since the start of this process, and how things stand now."""

import os
import re
import time
from collections.abc import Iterator

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy.exc import SQLAlchemyError

from hub import outbox
from hub.database import now
from hub.errors import SearchUnavailable
from hub.search.types import Page
from hub.wiring import Hub

REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SEARCH_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.25, 0.5, 1, 2)
"""Seconds; close around the 60 ms that a search may take."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BLANK = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class Metrics:
    """One per application. `registry` is what `/metrics` answers.

    Several processes of one hub (`PROMETHEUS_MULTIPROC_DIR`) count in files, and whichever answers adds them up; figures
    of the process itself are not told then.
    """

    def __init__(self, hub: Hub) -> None:
        self.registry = CollectorRegistry()
        several = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        own = CollectorRegistry() if several else self.registry
        self._requests = Histogram(
            "hub_http_request_duration_seconds",
            "Time to answer, by route (a pattern, never an address) and status.",
            ("method", "route", "status"),
            buckets=REQUEST_BUCKETS,
            registry=own,
        )
        self._searches = Histogram(
            "hub_search_duration_seconds",
            "Time to find, without reading the question and writing the page, by the mode that was possible.",
            ("mode",),
            buckets=SEARCH_BUCKETS,
            registry=own,
        )
        if several:
            MultiProcessCollector(self.registry)
        else:
            ProcessCollector(registry=self.registry)
        self.registry.register(Standing(hub))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method if method in METHODS else "other", route, str(status)).observe(seconds)

    def searched(self, page: Page) -> None:
        self._searches.labels(page.mode).observe(page.took_ms / 1000)


class Standing:
    """Outbox and index, read when somebody asks. What does not answer is told by `hub_up`, and has no figures."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("hub_up", "Whether a part answers.", labels=("part",))
        for part, read in (("database", self._outbox), ("search", self._index)):
            try:
                yield from list(read())
                up.add_metric((part,), 1)
            except (SQLAlchemyError, SearchUnavailable):
                up.add_metric((part,), 0)
        yield up

    def _outbox(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily(
            "hub_outbox_jobs",
            "Work for later by kind: waiting (what is planned for another day too), or failed and left for a person.",
            labels=("kind", "state"),
        )
        with self._hub.database.session() as session:
            for kind in outbox.waiting(session):
                jobs.add_metric((kind.kind, "waiting"), kind.waiting)
                jobs.add_metric((kind.kind, "failed"), kind.failed)
        yield jobs

    def _index(self) -> Iterator[Metric]:
        status = self._hub.engine.status()
        served = GaugeMetricFamily(
            "hub_index_info",
            "The served generation; none is served without it.",
            labels=("engine", "generation", "model"),
        )
        if status.generation is not None:
            served.add_metric((status.engine, status.generation, status.model or ""), 1)
        yield served
        yield GaugeMetricFamily("hub_index_documents", "Documents in the served generation.", status.documents)
        rebuilding = status.rebuild_since is not None
        yield GaugeMetricFamily("hub_index_rebuilding", "Whether a rebuild runs.", int(rebuilding))
        if status.built_at is not None:
            age = (now() - status.built_at).total_seconds()
            yield GaugeMetricFamily("hub_index_age_seconds", "Since the served generation was built.", age)


def init_app(app: Flask) -> None:
    """Count every answer. `app.extensions["metrics"]` is the `Metrics`."""
    metrics = app.extensions["metrics"] = Metrics(app.extensions["hub"])

    @app.after_request
    def count(response: Response) -> Response:
        route = _BLANK.sub(r"{\1}", request.url_rule.rule) if request.url_rule else "none"
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        metrics.answered(request.method, route, response.status_code, seconds)
        return response
