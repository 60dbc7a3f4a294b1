"""Many people at once on requests: reads of pages, steps by the API, one machine, PostgreSQL. See docs/benchmarks.md.

    python -m tests.relevance.bench_workflow [--people 200] [--minutes 3] [--think 5] [--model FOLDER] [--vectors FILE]

Sets up a hub in a folder and a database of its own, starts `hub serve`, signs everybody in, and lets each of them read four
times and write once, with a pause before each. Half are focal points, the others experts and the secretariat. Prints p50, p95
and the largest time in ms of reads and of writes, and every answer that was no 2xx, 303, 404 (a request that moved out of its
reader's sight) or 409 (somebody else was first). At the end each request's version and events in the database must be those of
the steps that were answered with success: a difference is a lost update, and the command fails.
"""

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlencode

import numpy as np
import psutil
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from hub import migrate
from hub.accounts import people, tokens
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from hub.database import Database
from hub.events import Event
from hub.knowledge.models import CachedVector
from hub.network.models import AGENCY, Agency, Entity, MemberState
from hub.support.models import SupportRequest
from tests import servers

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery staple, of a bench"
FINE = (200, 201, 204, 303, 404, 409)
OWN_VERSION = {"draft_answer"}
"""Steps whose event leaves the request's version as it is."""
NEEDS = json.loads((ROOT / "corpus/judgements/requests_dev.jsonl").read_text("utf-8").splitlines()[0])


class Person(threading.Thread):
    """One person: a cookie for pages, a token for steps. `step` is told of each step that was accepted."""

    def __init__(self, number: int, port: int, account: tuple[str, str, str], think_s: float) -> None:
        super().__init__(daemon=True)
        self._chance = random.Random(number)
        self._port, self._think_s = port, think_s
        self._email, self._token, self.role = account
        self.ending = 0.0
        """When the person goes home, on the monotonic clock."""
        self._cookie = ""
        self.took: dict[str, list[float]] = defaultdict(list)
        self.statuses: Counter[str] = Counter()
        self.accepted: Counter[tuple[str, str]] = Counter()
        """(request, step) -> how often it was answered with success."""
        self.failure = ""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def sign_in(self) -> None:
        _, page = self._ask("GET", "/en/sign-in", kind="sign in")
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert csrf, page[:500]
        form = urlencode({"csrf_token": csrf[1], "email": self._email, "password": PASSWORD, "next": ""})
        status, page = self._ask("POST", "/en/sign-in", form, "application/x-www-form-urlencoded", kind="sign in")
        assert status == 303, page[:2_000]

    def run(self) -> None:
        try:
            time.sleep(self._chance.uniform(0, self._think_s))
            while time.monotonic() < self.ending:
                self._round()
        except Exception as error:  # noqa: BLE001 - a thread's error would be lost
            self.failure = "".join(traceback.format_exception(error))

    def _round(self) -> None:
        """Four reads and a write."""
        _, listing = self._read("/en/requests")
        seen = re.findall(r'href="/en/requests/([0-9a-f-]{36})"', listing)
        if seen:
            self._read(f"/en/requests/{self._chance.choice(seen)}")
        else:
            self._read("/en/notices")
        words = self._chance.choice(("return and reintegration", "travail domestique", "remesas", "birth registration"))
        self._read("/en/search?" + urlencode({"q": words}))
        status, body = self._read("/api/v1/requests?limit=20", token=True)
        rows = json.loads(body)["items"] if status == 200 else []
        self._pause()
        self._write(rows)

    def _pause(self) -> None:
        time.sleep(self._chance.uniform(0.5, 1.5) * self._think_s)

    def _read(self, address: str, *, token: bool = False) -> tuple[int, str]:
        self._pause()
        return self._ask("GET", address, kind="read", token=token)

    def _write(self, rows: list[dict[str, object]]) -> None:
        able = [(row, action) for row in rows for action in row["actions"] if action in _BODIES]  # type: ignore[union-attr]
        if self.role == FOCAL_POINT and (not able or self._chance.random() < 0.4):
            body = {name: NEEDS[name] for name in ("title", "description", "gcm_objectives")}
            body |= {"language": "en", "summary": "Help with a need of the bench.", "submit": True}
            status, answer = self._post("/api/v1/requests", body)
            if status == 201:
                made = json.loads(answer)["id"]
                self.accepted[made, "draft"] += 1
                self.accepted[made, "submit"] += 1
            return
        if not able:
            self._read("/en/notices")
            return
        row, action = self._chance.choice(able)
        body = _BODIES[action](self._chance) | {"version": row["version"]}
        path = "answers" if action == "answer" else f"actions/{action}"
        status, _ = self._post(f"/api/v1/requests/{row['id']}/{path}", body)
        if status in {200, 201, 204}:
            self.accepted[str(row["id"]), action] += 1

    def _post(self, address: str, body: Mapping[str, object]) -> tuple[int, str]:
        return self._ask("POST", address, json.dumps(body), "application/json", kind="write", token=True)

    def _ask(
        self, method: str, address: str, body: str = "", content: str = "", *, kind: str, token: bool = False
    ) -> tuple[int, str]:
        headers = {"Accept-Language": "en"}
        if content:
            headers["Content-Type"] = content
        if token:
            headers["Authorization"] = f"Bearer {self._token}"
        elif self._cookie:
            headers["Cookie"] = self._cookie
        began = time.perf_counter()
        self._connection.request(method, address, body or None, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        self.took[kind].append(time.perf_counter() - began)
        self.statuses[f"{kind} {answer.status}"] += 1
        if answer.status not in FINE:
            self.statuses[f"{method} {address.split('?', maxsplit=1)[0]} -> {answer.status}: {text[:200]}"] += 1
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.split(";")[0]
        return answer.status, text


_AGENCIES: list[str] = []

_BODIES: Mapping[str, Callable[[random.Random], dict[str, object]]] = {
    "acknowledge": lambda _: {},
    "triage": lambda _: {"reason": "in_scope"},
    "ask": lambda _: {"note": "Which groups do you have in mind?"},
    "reply": lambda _: {"note": "Seasonal workers."},
    "send": lambda chance: {
        "agency": chance.choice(_AGENCIES), "role": "lead", "confirm_unverified": True, "adjustment": "Chosen by the bench.",
    },
    "accept": lambda _: {},
    "no_plan": lambda _: {},
    "propose": lambda _: {"text": "First we talk, then we write.", "language": "en"},
    "agree": lambda _: {},
    "answer": lambda _: {"text": "This is how others have done it.", "language": "en", "status": "sent"},
    "close": lambda _: {},
}  # fmt: skip
"""Step -> its body, without the version."""


def populate(session: Session, number: int) -> list[tuple[str, str, str]]:
    """(address, token, role) of the people made: half focal points, four in ten experts, the rest the secretariat."""
    states = list(session.scalars(select(MemberState.entity_id).order_by(MemberState.entity_id)))
    agencies = list(session.execute(select(Agency.entity_id, Agency.acronym).order_by(Agency.entity_id).limit(12)))
    _AGENCIES.extend(acronym for _, acronym in agencies)
    made: list[tuple[str, str, str]] = []
    for each in range(number):
        if each % 2 == 0:
            role, entity = FOCAL_POINT, states[each // 4 % len(states)]
        elif each % 10 == 1:
            role, entity = SECRETARIAT, "secretariat"
        else:
            role, entity = EXPERT, agencies[each % len(agencies)][0]
        office = session.get_one(Entity, entity)
        assert role != EXPERT or office.kind == AGENCY
        person = people.create_person(session, email=f"person-{each}@bench.invalid", name=f"Person {each} (bench)")
        membership = people.join(session, person, office, role, by=None, reason="bench", confirmed=True)
        people.set_password(session, person, PASSWORD)
        _, token = tokens.create(session, membership, "bench")
        made.append((person.email, token, role))
    return made


def lost(session: Session, accepted: Counter[tuple[str, str]]) -> list[str]:
    """What the database does not have of the steps that were accepted, or has too much."""
    wrong: list[str] = []
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for (request, action), times in accepted.items():
        steps[request][action] += times
    kept: dict[str, Counter[str]] = defaultdict(Counter)
    for request, action, times in session.execute(
        select(Event.subject_id, Event.action, func.count())
        .where(Event.subject_kind == "request", Event.membership_id.is_not(None))
        .group_by(Event.subject_id, Event.action)
    ):
        kept[request][action] = times
    wrong += [
        f"{request}: accepted {dict(steps[request])}, kept {dict(kept[request])}"
        for request in steps.keys() | kept.keys()
        if steps[request] != kept[request]
    ]
    for row in session.scalars(select(SupportRequest)):
        by_people = sum(times for action, times in steps[row.id].items() if action not in OWN_VERSION | {"draft"})
        if row.version < 1 + by_people:
            wrong.append(f"{row.reference}: version {row.version} after {by_people} steps")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--think", type=float, default=5, help="seconds, on average, before each read and write")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument(
        "--vectors", type=Path, help="SQLite file of another hub, whose vectors of the corpus save the encoding"
    )
    parser.add_argument("--model", type=Path, default=ROOT / "var" / "model", help="folder of the encoder")
    asked = parser.parse_args()
    servers.open_run()
    url = servers.fresh_postgres_database(servers.postgres())
    try:
        with TemporaryDirectory() as folder:
            return measure(asked, url, Path(folder))
    finally:
        servers.drop_postgres_database(url)
        servers.close_run()


def measure(asked: argparse.Namespace, url: str, var: Path) -> int:
    environment = {
        **os.environ, "HUB_VAR": str(var), "HUB_DATABASE_URL": url, "HUB_SIGN_IN_LIMIT": "100000 per minute",
        "HUB_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    (var / "model").symlink_to(asked.model.resolve())
    command = [str(Path(sys.executable).with_name("hub"))]
    database = Database(url)
    if asked.vectors:
        migrate.upgrade(database.engine)
        lend(asked.vectors, database)
    subprocess.run([*command, "init"], check=True, env=environment)
    with database.session() as session:
        accounts = populate(session, asked.people)
    port = servers.free_port()
    with (ROOT / "build" / "bench_workflow.log").open("w") as log:
        serving = subprocess.Popen(
            [*command, "serve", "--port", str(port), "--threads", str(asked.threads)], env=environment, stdout=log, stderr=log
        )  # fmt: skip
    try:
        wait_for(port)
        everybody = [Person(at, port, account, asked.think) for at, account in enumerate(accounts)]
        for person in everybody:
            person.sign_in()
        before = psutil.Process(serving.pid).cpu_times()
        ending = time.monotonic() + 60 * asked.minutes
        for person in everybody:
            person.ending = ending
            person.start()
        for person in everybody:
            person.join()
        used = psutil.Process(serving.pid).cpu_times()
        time.sleep(3)
        with database.session() as session:
            wrong = lost(session, sum((person.accepted for person in everybody), Counter[tuple[str, str]]()))
            requests = session.scalar(select(func.count()).select_from(SupportRequest))
    finally:
        serving.terminate()
        serving.wait(30)
        database.close()
    cpu_s = used.user + used.system - before.user - before.system
    return report(everybody, wrong, requests or 0, cpu_s, asked)


def lend(file: Path, database: Database) -> None:
    """Copy the cached vectors of another hub."""
    other = Database(f"sqlite:///{file.absolute()}")
    with other.session() as source, database.transaction() as target:
        rows = source.execute(select(CachedVector.__table__)).mappings().all()
        target.execute(insert(CachedVector), [dict(row) for row in rows])
    other.close()


def wait_for(port: int) -> None:
    for _ in range(120):
        time.sleep(0.5)
        with suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/en/search?q=" + quote("warm up"))
            if connection.getresponse().status == 200:
                return
    raise TimeoutError("the server did not start")


def report(everybody: list[Person], wrong: list[str], requests: int, cpu_s: float, asked: argparse.Namespace) -> int:
    statuses = sum((person.statuses for person in everybody), Counter[str]())
    print(f"{asked.people} people, {asked.minutes} minutes, think {asked.think} s, {requests} requests written")
    for kind in ("read", "write"):
        took = np.array([one for person in everybody for one in person.took[kind]] or [0.0]) * 1000
        p50, p95 = np.percentile(took, [50, 95])
        print(f"{kind:6} {len(took):6} answers, p50 {p50:.0f} ms, p95 {p95:.0f} ms, longest {took.max():.0f} ms")
    answers = sum(len(took) for person in everybody for took in person.took.values()) - 2 * len(everybody)
    print(f"server: {cpu_s:.0f} s of CPU, {1000 * cpu_s / max(1, answers):.0f} ms an answer")
    for name, times in sorted(statuses.items()):
        print(f"  {times:6} {name}")
    broken = [person.failure for person in everybody if person.failure]
    for line in (*wrong[:10], *broken[:10]):
        print("WRONG", line)
    failed = any(re.search(r" 5\d\d$", name) for name in statuses)
    print("no lost update" if not wrong else f"{len(wrong)} requests differ")
    return int(bool(wrong or broken or failed))


if __name__ == "__main__":
    sys.exit(main())
