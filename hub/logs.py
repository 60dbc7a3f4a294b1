"""Logs as one JSON object a line, each with the id of the request it belongs to. No query text, no private text."""

import json
import logging
import sys
import time
from datetime import UTC, datetime

from flask import Flask, Response, g, has_request_context, request

from hub.database import new_id

access = logging.getLogger("hub.access")
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """`at` in UTC, `level`, `logger`, `message`, `request_id` inside a request, and whatever `extra` named."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            line["request_id"] = g.get("request_id")
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str) -> None:
    """Send everything to standard error as JSON. Called by commands that serve, never at import."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("sentence_transformers", "transformers", "elastic_transport", "elasticsearch"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, getattr(logging, level.upper())))


def init_app(app: Flask) -> None:
    """Give every request an id (the caller's `X-Request-Id` if it is a plain one) and log how it ended."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if 0 < len(given) <= 64 and given.replace("-", "").isalnum() else new_id()
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        took_ms = (time.perf_counter() - g.get("began", time.perf_counter())) * 1000
        # The path only: the query string may hold what a ministry is looking for. The path of a link is its secret.
        hidden = {"accounts.welcome": "/welcome/…", "calendar.feed": "/calendar/…", "question.question": "/question/…"}
        path = hidden.get(request.endpoint or "", request.path)
        access.info(
            "%s %s %s",
            request.method,
            path,
            response.status_code,
            extra={"status": response.status_code, "took_ms": round(took_ms, 1)},
        )
        return response
