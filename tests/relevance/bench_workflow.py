"""Many people at once on requests: reads of pages, steps by the API, one machine, PostgreSQL. See docs/benchmarks.md.

    python -m tests.relevance.bench_workflow [--people 200] [--minutes 3] [--think 5] [--processes 2] [--vectors FILE]

Sets up a hub in a folder and a database of its own, starts `hub serve`, and brings four requests a focal point to stages of
the life cycle drawn by chance. Then everybody signs in and reads four times (list of requests, one request, their notices or, one
time in five, a search, the list by the API) and writes once, with a pause before each. Half are focal points, three in ten
experts, two in ten the secretariat.

Who writes takes the next step of a request whose turn is theirs: acknowledge, triage or a question, send (secretariat), accept,
propose a plan, answer (agency), reply, agree, close (State). One focal point in five writes a new request instead, so that
requests go on coming: one to about ten steps, as many as a request needs. For whom nothing waits, the round has no write but one
more look at the request. Colleagues do not arrange who takes which request, so some come second (409).

Prints p50, p95 and the largest time in ms of each kind of read and of write, what server, worker, PostgreSQL and these people
used of the processors, and every answer that was no 2xx, 303, 404 (a request that moved out of its reader's sight) or 409. At
the end each request's version and events in the database must be those of the steps that were answered with success: a
difference is a lost update, and the command fails, as it does with a 5xx.
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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import psutil
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from hub import migrate
from hub.accounts import people, tokens
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from hub.database import Database, Outbox
from hub.events import Event
from hub.knowledge.models import CachedVector
from hub.network.models import AGENCY, Agency, Entity, MemberState
from hub.outbox import due
from hub.support.models import SupportRequest
from hub.worker import HANDLERS
from tests import servers

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery staple, of a bench"
FINE = (200, 201, 204, 303, 404, 409)
NEEDS = [json.loads(line) for line in (ROOT / "corpus/judgements/requests_dev.jsonl").read_text("utf-8").splitlines()]
OPEN_AT_START = 4
"""Requests of each focal point before the measured time."""
NEXT = {
    "submit": "acknowledge", "acknowledge": "triage", "ask": "reply", "reply": "triage", "triage": "send", "send": "accept",
    "accept": "propose", "propose": "agree", "agree": "answer", "answer": "close",
}  # fmt: skip
"""Step -> the one that comes next. Every fourth request is asked about before it is triaged."""
BESIDE = ("adjust",)
"""Events that a step adds to its own."""
AT_WORK: Mapping[str, tuple[str, ...]] = {
    FOCAL_POINT: ("clarification", "planning", "answered"),
    SECRETARIAT: ("submitted", "triaged"),
    EXPERT: ("matching", "planning", "in_progress"),
}
"""Role -> statuses in which it may have something to do: what its people ask the API for."""


class Turns:
    """Which step comes next of each request, known to everybody."""

    def __init__(self) -> None:
        self._next: dict[str, str] = {}

    def next(self, request: str) -> str:
        return self._next.get(request, "")

    def taken(self, request: str, action: str, chance: random.Random) -> None:
        asked = action == "acknowledge" and chance.random() < 1 / 4
        self._next[request] = "ask" if asked else NEXT.get(action, "")


@dataclass(frozen=True)
class Account:
    email: str
    token: str
    role: str
    entity: str


class Person(threading.Thread):
    """One person: a cookie for pages, a token for steps."""

    def __init__(self, number: int, port: int, account: Account, think_s: float, turns: Turns) -> None:
        super().__init__(daemon=True)
        self._chance = random.Random(number)
        self._think_s, self._turns = think_s, turns
        self.account = account
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
        self._connection.close()  # it lies idle while the others set up, longer than a server keeps one; opens by itself
        _, page = self._ask("GET", "/en/sign-in", kind="sign-in")
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert csrf, page[:500]
        form = urlencode({"csrf_token": csrf[1], "email": self.account.email, "password": PASSWORD, "next": ""})
        status, page = self._ask("POST", "/en/sign-in", form, "application/x-www-form-urlencoded", kind="sign-in")
        assert status == 303, page[:2_000]

    def run(self) -> None:
        try:
            self._connection.close()
            time.sleep(self._chance.uniform(0, self._think_s))
            while time.monotonic() < self.ending:
                self._round()
        except Exception as error:  # noqa: BLE001 - a thread's error would be lost
            self.failure = "".join(traceback.format_exception(error))

    def _round(self) -> None:
        """Four reads and a write."""
        _, listing = self._read("/en/requests", "list")
        seen = re.findall(r'href="/en/requests/([0-9a-f-]{36})"', listing)
        if seen:
            self._read(f"/en/requests/{self._chance.choice(seen)}", "request")
        else:
            self._read("/en/notices", "notices")
        if self._chance.random() < 1 / 5:
            words = self._chance.choice(
                ("return and reintegration", "travail domestique", "remesas", "birth registration")
            )
            self._read("/en/search?" + urlencode({"q": words}), "search")
        else:
            self._read("/en/notices", "notices")
        statuses = urlencode({"status": AT_WORK[self.account.role], "limit": 20}, doseq=True)
        status, body = self._read(f"/api/v1/requests?{statuses}", "list by API", token=True)
        rows = json.loads(body)["items"] if status == 200 else []
        self._pause()
        self._write(rows, seen)

    def _pause(self) -> None:
        time.sleep(self._chance.uniform(0.5, 1.5) * self._think_s)

    def _read(self, address: str, kind: str, *, token: bool = False) -> tuple[int, str]:
        self._pause()
        return self._ask("GET", address, kind=f"read {kind}", token=token)

    def _write(self, rows: list[dict[str, Any]], seen: list[str]) -> None:
        ours = [row for row in rows if self._turns.next(row["id"]) in row["actions"]]
        if self.account.role == FOCAL_POINT and self._chance.random() < 1 / 5:
            self.write_request()
        elif ours:
            self.step(self._chance.choice(ours))
        elif seen:
            self._read(f"/en/requests/{self._chance.choice(seen)}", "request")

    def write_request(self) -> dict[str, Any] | None:
        """What the API says of the new one; None if it was refused."""
        need = self._chance.choice(NEEDS)
        body = {name: need[name] for name in ("title", "description", "gcm_objectives")}
        body |= {"language": "en", "summary": "Help with a need of the bench.", "submit": True}
        status, answer = self._post("/api/v1/requests", body, "new request")
        if status != 201:
            return None
        made = json.loads(answer)
        self.accepted[made["id"], "draft"] += 1
        self._took(made["id"], "submit")
        return made

    def look(self, request: str) -> dict[str, Any]:
        _, answer = self._ask("GET", f"/api/v1/requests/{request}", kind="read request by API", token=True)
        return json.loads(answer)

    def step(self, row: Mapping[str, Any]) -> None:
        """Take the step that comes next, unless somebody else was first."""
        action = self._turns.next(row["id"])
        body = BODIES[action](self._chance) | {"version": row["version"]}
        path = "answers" if action == "answer" else f"actions/{action}"
        status, _ = self._post(f"/api/v1/requests/{row['id']}/{path}", body, action)
        if status in {200, 201, 204}:
            self._took(row["id"], action)

    def _took(self, request: str, action: str) -> None:
        self.accepted[request, action] += 1
        self._turns.taken(request, action, self._chance)

    def _post(self, address: str, body: Mapping[str, object], kind: str) -> tuple[int, str]:
        return self._ask("POST", address, json.dumps(body), "application/json", kind=f"write {kind}", token=True)

    def _ask(
        self, method: str, address: str, body: str = "", content: str = "", *, kind: str, token: bool = False
    ) -> tuple[int, str]:
        headers = {"Accept-Language": "en"}
        if content:
            headers["Content-Type"] = content
        if token:
            headers["Authorization"] = f"Bearer {self.account.token}"
        elif self._cookie:
            headers["Cookie"] = self._cookie
        began = time.perf_counter()
        self._connection.request(method, address, body or None, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        self.took[kind].append(time.perf_counter() - began)
        self.statuses[f"{kind.partition(' ')[0]} {answer.status}"] += 1
        if answer.status not in FINE:
            self.statuses[f"{method} {address.split('?', maxsplit=1)[0]} -> {answer.status}"] += 1
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.split(";")[0]
        return answer.status, text


_AGENCIES: list[str] = []
"""Those that have somebody in the bench."""

BODIES: Mapping[str, Callable[[random.Random], dict[str, object]]] = {
    "acknowledge": lambda _: {},
    "triage": lambda _: {"reason": "in_scope"},
    "ask": lambda _: {"note": "Which groups do you have in mind?"},
    "reply": lambda _: {"note": "Seasonal workers."},
    "send": lambda chance: {
        "agency": chance.choice(_AGENCIES), "role": "lead", "confirm_unverified": True, "adjustment": "Chosen by the bench.",
    },
    "accept": lambda _: {},
    "propose": lambda _: {"text": "First we talk, then we write.", "language": "en"},
    "agree": lambda _: {},
    "answer": lambda _: {"text": "This is how others have done it.", "language": "en", "status": "sent"},
    "close": lambda _: {},
}  # fmt: skip
"""Step -> its body, without the version."""
ROLE_OF: Mapping[str, str] = {
    **dict.fromkeys(("acknowledge", "triage", "ask", "send"), SECRETARIAT),
    **dict.fromkeys(("reply", "agree", "close"), FOCAL_POINT),
    **dict.fromkeys(("accept", "propose", "answer"), EXPERT),
}


def populate(session: Session, number: int) -> list[Account]:
    """The people made: half focal points, three in ten experts, two in ten the secretariat."""
    states = list(session.scalars(select(MemberState.entity_id).order_by(MemberState.entity_id)))
    agencies = list(session.scalars(select(Agency.entity_id).order_by(Agency.entity_id).limit(12)))
    made: list[Account] = []
    experts = 0
    for each in range(number):
        if each % 2 == 0:
            role, entity = FOCAL_POINT, states[each // 4 % len(states)]
        elif each % 10 in {1, 7}:
            role, entity = SECRETARIAT, "secretariat"
        else:
            role, entity = EXPERT, agencies[experts // 2 % len(agencies)]
            experts += 1
        office = session.get_one(Entity, entity)
        assert role != EXPERT or office.kind == AGENCY
        person = people.create_person(session, email=f"person-{each}@bench.invalid", name=f"Person {each} (bench)")
        membership = people.join(session, person, office, role, by=None, reason="bench", confirmed=True)
        people.set_password(session, person, PASSWORD)
        _, token = tokens.create(session, membership, "bench")
        made.append(Account(person.email, token, role, entity))
    _AGENCIES.extend(sorted({one.entity for one in made if one.role == EXPERT}))
    return made


def open_requests(everybody: Sequence[Person], turns: Turns) -> None:
    """Bring some requests of each focal point to a stage drawn by chance, from submitted to closed."""
    chance = random.Random(0)
    members = {(person.account.role, person.account.entity): person for person in everybody}
    desk = members[SECRETARIAT, "secretariat"]
    askers = [person for person in everybody if person.account.role == FOCAL_POINT]
    for asker in OPEN_AT_START * askers:
        made = asker.write_request()
        assert made is not None, asker.statuses
        for _ in range(chance.randrange(len(NEXT))):
            action = turns.next(made["id"])
            if not action:
                break
            row = desk.look(made["id"])
            lead = next((party["id"] for party in row["parties"] if party["role"] == "lead"), "")
            role = ROLE_OF[action]
            office = {FOCAL_POINT: asker.account.entity, SECRETARIAT: "secretariat", EXPERT: lead}[role]
            members[role, office].step(row)
            assert turns.next(made["id"]) != action, members[role, office].statuses


def rest(database: Database) -> None:
    """Wait until the worker has done what it can do now, such as the vectors of the new requests."""
    for _ in range(600):
        with database.session() as session:
            if not session.scalar(select(func.count()).select_from(Outbox).where(due(tuple(HANDLERS)))):
                return
        time.sleep(1)
    raise TimeoutError("the worker does not come to an end")


def lost(session: Session, accepted: Counter[tuple[str, str]]) -> list[str]:
    """What the database does not have of the steps that were accepted, or has too much."""
    wrong: list[str] = []
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for (request, action), times in accepted.items():
        steps[request][action] += times
    kept: dict[str, Counter[str]] = defaultdict(Counter)
    for request, action, times in session.execute(
        select(Event.subject_id, Event.action, func.count())
        .where(Event.subject_kind == "request", Event.membership_id.is_not(None), Event.action.not_in(BESIDE))
        .group_by(Event.subject_id, Event.action)
    ):
        kept[request][action] = times
    wrong += [
        f"{request}: accepted {dict(steps[request])}, kept {dict(kept[request])}"
        for request in steps.keys() | kept.keys()
        if steps[request] != kept[request]
    ]
    for row in session.scalars(select(SupportRequest)):
        by_people = sum(times for action, times in steps[row.id].items() if action != "draft")
        if row.version < 1 + by_people:
            wrong.append(f"{row.reference}: version {row.version} after {by_people} steps")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--think", type=float, default=5, help="seconds, on average, before each read and write")
    parser.add_argument("--threads", type=int, default=8, help="of each process")
    parser.add_argument("--processes", type=int, default=2)
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
            [*command, "serve", "--port", str(port), "--threads", str(asked.threads), "--processes", str(asked.processes)],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(port)
        turns = Turns()
        everybody = [Person(at, port, account, asked.think, turns) for at, account in enumerate(accounts)]
        open_requests(everybody, turns)
        for person in everybody:
            person.sign_in()
        rest(database)
        for person in everybody:
            person.took.clear()
            person.statuses.clear()
        before = used(serving.pid)
        began = time.monotonic()
        for person in everybody:
            person.ending = began + 60 * asked.minutes
            person.start()
        for person in everybody:
            person.join()
        cpu = {part: seconds - before[part] for part, seconds in used(serving.pid).items()}
        lasted_s = time.monotonic() - began
        time.sleep(3)
        with database.session() as session:
            wrong = lost(session, sum((person.accepted for person in everybody), Counter[tuple[str, str]]()))
            requests = session.scalar(select(func.count()).select_from(SupportRequest))
    finally:
        serving.terminate()
        serving.wait(60)
        database.close()
    print(
        f"{asked.people} people, {asked.minutes} minutes, think {asked.think} s, {asked.processes} processes that serve"
    )
    print(f"{requests} requests at the end")
    return report(everybody, wrong, cpu, lasted_s)


def used(hub: int) -> dict[str, float]:
    """Seconds of processor time so far: of what serves, the worker, PostgreSQL, this program, everything on the machine."""
    top = psutil.Process(hub)
    seconds = {"server": 0.0, "worker": 0.0}
    for process in (top, *top.children(recursive=True)):
        seconds["worker" if process.nice() > top.nice() else "server"] += sum(process.cpu_times()[:2])
    note = Path(os.environ[servers.RUN]) / "postgres" / "data" / "postmaster.pid"
    if note.exists():  # else it is a server that somebody else started
        postgres = psutil.Process(int(note.read_text().split()[0]))
        seconds["PostgreSQL"] = sum(postgres.cpu_times()[:4])  # with connections that ended
        seconds["PostgreSQL"] += sum(sum(process.cpu_times()[:2]) for process in postgres.children())
    seconds["people"] = time.process_time()
    seconds["machine"] = sum(psutil.cpu_times()[:3])  # user, nice, system
    return seconds


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


def report(everybody: list[Person], wrong: list[str], cpu: Mapping[str, float], lasted_s: float) -> int:
    statuses = sum((person.statuses for person in everybody), Counter[str]())
    took: dict[str, list[float]] = defaultdict(list)
    for person in everybody:
        for kind, times in person.took.items():
            took[kind] += times
            took[kind.partition(" ")[0]] += times
    answers = len(took["read"]) + len(took["write"])
    print(f"{answers / lasted_s:.1f} answers a second")
    print(f"{'':20} answers    p50    p95  longest (ms)")
    for kind, times in sorted(took.items()):
        p50, p95 = np.percentile(times, [50, 95])
        print(f"{kind:20} {len(times):7} {1000 * p50:6.0f} {1000 * p95:6.0f} {1000 * max(times):8.0f}")
    for part, seconds in cpu.items():
        print(
            f"{part:12} {1000 * seconds / max(1, answers):6.1f} ms of CPU an answer, {seconds / lasted_s:.2f} processors"
        )
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
