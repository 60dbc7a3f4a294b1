"""Public figures: the requests of one quarter, counted once, frozen, and safe to subtract.

A snapshot is about the requests submitted in a quarter, as they stood `FOLLOW_UP_DAYS` after its end. Every request is in one
snapshot only and every table is made once, so no two snapshots can be subtracted from each other. `suppression` decides
what of a table is shown; everything else is worked out from what is shown already, or is a median over five or more.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from hub.database import Outbox, later, now
from hub.errors import BadRequest, NotFound
from hub.events import Event
from hub.network import vocabulary
from hub.support import clocks, suppression
from hub.support.lifecycle import (
    ANSWERED,
    CLARIFICATION,
    CLOSED,
    DECLINED,
    IN_PROGRESS,
    LAPSED,
    MATCHING,
    PLANNING,
    SUBMITTED,
    TRIAGED,
    UNPLACED,
    WITHDRAWN,
)
from hub.support.models import Clock, Snapshot, SupportRequest
from hub.support.reading import SUBJECT

SNAPSHOT = "snapshot"
"""Kind of `Outbox` row: make what is due. Payload: nothing."""
FOLLOW_UP_DAYS = 45
"""From the end of a quarter to the day of its figures: 30 working days, the longest clock, have passed for its last request."""
_QUARTER = re.compile(r"(20[0-9]{2})Q([1-4])\Z", re.ASCII)

STAGES: Mapping[str, tuple[str, ...]] = {
    "received": (SUBMITTED, CLARIFICATION),
    "placing": (TRIAGED, MATCHING, UNPLACED),
    "planning": (PLANNING,),
    "working": (IN_PROGRESS,),
    "answered": (ANSWERED, CLOSED),
    "ended": (WITHDRAWN, DECLINED, LAPSED),
}
"""Where a request stands, in order, and the statuses that mean it. `ended`: without an answer."""
CLOCKS: Mapping[str, tuple[str, ...]] = {
    clocks.ACKNOWLEDGE: ("received",),
    clocks.TRIAGE: ("received",),
    clocks.MATCH: ("received", "placing"),
    clocks.PLAN: ("received", "placing", "planning"),
    clocks.ANSWER: ("received", "placing", "planning", "working"),
}
"""What was timed, and the stages in which a request still waits for it, or may."""


@dataclass(frozen=True, slots=True)
class Passage:
    """How long one request took to a clock's end. Days of the calendar; working days leave out what waited for the State."""

    total_days: int
    working_days: int


# Quarters


def quarter_of(day: date) -> str:
    return f"{day.year}Q{(day.month + 2) // 3}"


def bounds(quarter: str) -> tuple[datetime, datetime]:
    """Its first moment, and that of the next one. `BadRequest` for what is no quarter."""
    found = _QUARTER.match(quarter)
    if found is None:
        raise BadRequest("A quarter is written as 2026Q3.")
    year, number = int(found[1]), int(found[2])
    start = datetime(year, 3 * number - 2, 1, tzinfo=UTC)
    end = datetime(year + number // 4, 3 * number % 12 + 1, 1, tzinfo=UTC)
    return start, end


def as_of(quarter: str) -> date:
    """The day whose end the figures of a quarter describe."""
    return (bounds(quarter)[1] + timedelta(days=FOLLOW_UP_DAYS - 1)).date()


def newest_due(at: datetime) -> str:
    """The last quarter whose figures can be made at that moment."""
    day = at.astimezone(UTC).date()
    quarter = quarter_of(day)
    while as_of(quarter) >= day:
        quarter = quarter_of(bounds(quarter)[0].date() - timedelta(days=1))
    return quarter


# Making


def make(session: Session, quarter: str, *, at: datetime | None = None) -> tuple[Snapshot, bool]:
    """The snapshot of a quarter, and whether it was made just now: one that exists is never made again. Commits.

    `BadRequest` while the quarter cannot be counted yet.
    """
    day = as_of(quarter)
    existing = session.get(Snapshot, quarter)
    if existing is not None:
        return existing, False
    if day >= (at or now()).astimezone(UTC).date():
        raise BadRequest(f"The figures of {quarter} can be made after {day.isoformat()}.")
    made = Snapshot(quarter=quarter, as_of=day, figures=figures(session, quarter))
    session.add(made)
    session.commit()
    return made, True


def make_due(_hub: object, session: Session, _payload: Mapping[str, Any]) -> None:
    """Job `snapshot`: make every snapshot that is due since the first request, and come back for the next.

    A job that was missed, or a hub that slept, loses no quarter.
    """
    first = session.scalar(
        select(SupportRequest.submitted_at).order_by(SupportRequest.submitted_at.nulls_last()).limit(1)
    )
    last = newest_due(now())
    quarter = quarter_of(first.astimezone(UTC).date()) if first else last
    while bounds(quarter) <= bounds(last):
        make(session, quarter)
        quarter = quarter_of(bounds(quarter)[1].date())
    schedule(session)


def schedule(session: Session) -> None:
    """Put the next look into the outbox, unless one waits there; leaves the commit to its caller."""
    following = quarter_of(bounds(newest_due(now()))[1].date())
    at = datetime.combine(as_of(following) + timedelta(days=1), time(1), UTC)
    waiting = session.scalar(select(Outbox.id).where(Outbox.kind == SNAPSHOT, Outbox.run_at > now()).limit(1))
    if waiting is None:
        later(session, SNAPSHOT, {}, run_at=at)


def figures(session: Session, quarter: str) -> dict[str, Any]:
    """The public numbers of the requests submitted in the quarter; None stands for what is withheld.

    `total`; `stages` and `regions`, which divide it; `objectives`, of which a request may have several; `times` by clock: `open`,
    and median and 90th percentile of total and working days of those that passed it.
    """
    start, end = bounds(quarter)
    moment = datetime.combine(as_of(quarter) + timedelta(days=1), time(), UTC)
    rows = session.scalars(
        select(SupportRequest)
        .where(SupportRequest.submitted_at >= start, SupportRequest.submitted_at < end)
        .options(selectinload(SupportRequest.objectives), selectinload(SupportRequest.clocks))
        .execution_options(populate_existing=True)
    ).all()
    told = _told(session, [row.id for row in rows], moment)
    stages = dict.fromkeys(STAGES, 0)
    regions = dict.fromkeys(_continents(), 0)
    objectives = {str(number): 0 for number in range(1, 24)}
    places = {one.code: one.regions for one in vocabulary.countries(session)}
    passed: dict[str, list[Passage]] = {name: [] for name in CLOCKS}
    unseen = 0
    for row in rows:
        stage = _stage(told.get(row.id, ()))
        stages[stage] += 1
        unseen += stage == "received" and _runs(row, clocks.ACKNOWLEDGE, moment)
        regions[_continent(places.get(row.country_id, ()))] += 1
        for objective in row.objectives:
            objectives[str(objective.number)] += 1
        for name in CLOCKS:
            if passage := _passage(row, name, told.get(row.id, ()), moment):
                passed[name].append(passage)
    shown_objectives = {number: suppression.alone(count) for number, count in objectives.items()}
    # A request may have several objectives, so they add up to nothing; but there are as many requests as of any of them.
    total, (shown, shown_regions) = suppression.shown(
        (stages, regions), len(rows), at_least=max(count or 0 for count in shown_objectives.values())
    )
    times = {name: _times(shown, CLOCKS[name], passed[name]) for name in CLOCKS}
    received = shown["received"]
    if received is not None:  # the only open ones that are no whole stage: a part of one, with a total of its own
        _, (parts,) = suppression.shown(({"unseen": unseen, "seen": received - unseen},), received, known=True)
        times[clocks.ACKNOWLEDGE]["open"] = parts["unseen"]
    return {
        "total": total,
        "stages": shown,
        "regions": shown_regions,
        "objectives": shown_objectives,
        "times": times,
    }


def _times(stages: Mapping[str, int | None], waiting: Sequence[str], passed: Sequence[Passage]) -> dict[str, Any]:
    """Shown only where a stage beyond is: then that five or more have passed is known already, as is what is open."""
    open_ = [stages[name] for name in waiting]
    beyond = [name for name in STAGES if name not in {*waiting, "ended"} and stages[name] is not None]
    still = sum(count for count in open_ if count is not None) if None not in open_ else None
    if not beyond or len(passed) < suppression.LEAST:
        return {"open": still, "total_days": None, "working_days": None}
    return {
        "open": still,
        "total_days": _spread([one.total_days for one in passed]),
        "working_days": _spread([one.working_days for one in passed]),
    }


def _spread(days: Sequence[int]) -> dict[str, int]:
    """Median (rounded up) and 90th percentile (the smallest value that nine in ten do not exceed)."""
    ordered = sorted(days)
    return {"median": -int(-median(ordered) // 1), "p90": ordered[-(-9 * len(ordered) // 10) - 1]}


def _continents() -> tuple[str, ...]:
    return tuple(name for name, region in vocabulary.REGIONS.items() if region.parent == "World")


def _continent(regions: Sequence[str]) -> str:
    """Of the State that asks, the first one where several do."""
    return next((name for name in _continents() if name in regions), _continents()[-1])


# What was at that time


def _told(session: Session, ids: Sequence[str], moment: datetime) -> dict[str, list[Event]]:
    """Steps of each request before the moment, oldest first."""
    found: dict[str, list[Event]] = {}
    for event in session.scalars(
        select(Event)
        .where(Event.subject_kind == SUBJECT, Event.subject_id.in_(ids), Event.at < moment)
        .order_by(Event.id)
    ):
        found.setdefault(event.subject_id, []).append(event)
    return found


def _stage(events: Sequence[Event]) -> str:
    status = _status(events)
    return next((name for name, statuses in STAGES.items() if status in statuses), "received")


def _status(events: Sequence[Event]) -> str:
    return next((event.to_state for event in reversed(events) if event.to_state), SUBMITTED)


def _passage(row: SupportRequest, stage: str, events: Sequence[Event], moment: datetime) -> Passage | None:
    """From submission to the end of the clock, by its first run; None while it runs, or if the request ended without it.

    Declining a request is a decision on it: it ends the first of the clocks as taking it on does.
    """
    clock = _first(row, stage)
    if clock is None or clock.stopped_at is None or clock.stopped_at >= moment:
        return None
    stopped_at = clock.stopped_at
    until = [event for event in events if event.at <= stopped_at]
    ended = STAGES["ended"] if stage != clocks.TRIAGE else (WITHDRAWN, LAPSED)
    if _status(until) in ended:
        return None
    calendar = clocks.calendar_of(row, stage)
    working, waits, since = 0, False, clock.started_at.date()
    for event in [*until, None]:
        day = event.at.date() if event else stopped_at.date()
        if not waits:
            working += clocks.count_working_days(calendar, since, day)
        since = max(since, day)
        waits = _waits(event, waits=waits) if event else False
    return Passage((stopped_at.date() - clock.started_at.date()).days, working)


def _runs(row: SupportRequest, stage: str, moment: datetime) -> bool:
    """Did the first clock of that stage still run then?"""
    clock = _first(row, stage)
    return clock is not None and (clock.stopped_at is None or clock.stopped_at >= moment)


def _first(row: SupportRequest, stage: str) -> Clock | None:
    runs = [clock for clock in row.clocks if clock.stage == stage]
    return min(runs, key=lambda one: (one.started_at, one.id), default=None)


def _waits(event: Event, *, waits: bool) -> bool:
    """Does the request wait for its State after this step? As `clocks.waits_for_state`, from the log."""
    if event.to_state == CLARIFICATION:
        return True
    if event.to_state != PLANNING:
        return False
    return event.action == "propose" or (waits and event.action not in {"send_back", "no_plan", "answer"})


# Reading


def listing(session: Session) -> list[Snapshot]:
    """All of them, the newest quarter first."""
    return list(session.scalars(select(Snapshot).order_by(Snapshot.quarter.desc())))


def get(session: Session, quarter: str) -> Snapshot:
    found = session.get(Snapshot, quarter) if _QUARTER.match(quarter) else None
    if found is None:
        raise NotFound("There are no figures of this quarter.")
    return found
