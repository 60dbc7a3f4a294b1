"""How long each stage of a request may take, in working days, as rows that are started, paused, resumed and stopped.

Everything is counted in days of UTC, so no change of a local clock moves a date; a deadline is the end of its day. While
a request waits for its State only the State's own clock runs; the others go on afterwards, as many working days later.
Times are arguments: nothing here looks at the clock on the wall.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import pycountry
from sqlalchemy.orm import Session

from hub.database import later, new_id
from hub.support.lifecycle import (
    CLARIFICATION,
    IN_PROGRESS,
    MATCHING,
    PLANNING,
    SUBMITTED,
    TRIAGED,
    UNPLACED,
)
from hub.support.models import CO_LEAD, Clock, SupportRequest

if TYPE_CHECKING:
    from holidays import HolidayBase

CLOCK = "clock"
"""Kind of `Outbox` row: look at a clock. Payload: `{clock}`."""
OFFICE = ("CH", "GE")
"""Country and subdivision whose holidays the secretariat keeps: it sits with IOM in Geneva."""
DAY_S = 24 * 60 * 60
GRACE = 3
"""Working days from a deadline, when its owner is reminded, to the escalation."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`days`: working days from the start to the deadline; `open_in`: statuses in which it goes on.

    `audience`: whom a reminder is for.
    """

    days: int
    open_in: tuple[str, ...]
    audience: str
    until: str


ACKNOWLEDGE, TRIAGE, MATCH, PLAN, ANSWER, REPLY = "acknowledge", "triage", "match", "plan", "answer", "reply"
_TO_TRIAGE = (SUBMITTED, CLARIFICATION)
_TO_MATCH = (*_TO_TRIAGE, TRIAGED, MATCHING, UNPLACED)
_TO_PLAN = (*_TO_MATCH, PLANNING)

# Days of the first five: issue 5. Twenty to reply: as long as an agency has for its plan.
STAGES: Mapping[str, Stage] = {
    ACKNOWLEDGE: Stage(2, (SUBMITTED,), "secretariat", "the secretariat says that it has seen it, or takes a step"),
    TRIAGE: Stage(5, _TO_TRIAGE, "secretariat", "it is taken on or declined"),
    MATCH: Stage(10, _TO_MATCH, "secretariat", "a lead agency accepts"),
    PLAN: Stage(20, _TO_PLAN, "delivery", "the State agrees to a plan, or none is needed"),
    ANSWER: Stage(30, (*_TO_PLAN, IN_PROGRESS), "delivery", "the first answer is sent"),
    REPLY: Stage(20, (CLARIFICATION, PLANNING), "requesting", "the State replies, or decides on the plan"),
}
REPLY_REMINDER = 10
"""Working days after which a State that owes a reply is reminded; the deadline was announced with the question."""


def waits_for_state(row: SupportRequest) -> bool:
    """Is the next step the State's: an open question, or a plan that is proposed?"""
    return row.status == CLARIFICATION or (row.status == PLANNING and row.proposed_plan is not None)


def running(row: SupportRequest) -> list[Clock]:
    """Clocks of a request that go on now, the next deadline first."""
    found = [clock for clock in row.clocks if clock.stopped_at is None and clock.paused_at is None]
    return sorted(found, key=lambda clock: (clock.due_at, clock.id))


def follow(session: Session, row: SupportRequest, action: str, at: datetime) -> None:
    """Bring the clocks in line with a step that was just written; leaves the commit to the verb."""
    waits = waits_for_state(row)
    still = row.paused_at is not None
    going = {clock.stage: clock for clock in row.clocks if clock.stopped_at is None}
    for stage, clock in going.items():
        over = not waits if stage == REPLY else row.status not in STAGES[stage].open_in
        if over or (stage == ACKNOWLEDGE and action == "acknowledge"):
            _end_pause(row, clock, at)
            clock.stopped_at = at
        elif still or (waits and stage != REPLY):
            clock.paused_at = clock.paused_at or at
        elif clock.paused_at:
            _resume(session, row, clock, at)
    if action in {"submit", "reopen"} or row.status == UNPLACED:  # without its lead a request looks for one again
        for stage, limits in STAGES.items():
            if stage != REPLY and stage not in going and row.status in limits.open_in:
                _start(session, row, stage, at)
    if waits and REPLY not in going:
        _start(session, row, REPLY, at)
    if not any(clock.co_lead_told_at and clock.stopped_at is None for clock in row.clocks):
        for party in row.parties:
            if party.role == CO_LEAD and party.until is None:
                party.until = at


def _start(session: Session, row: SupportRequest, stage: str, at: datetime) -> None:
    calendar, first, days = calendar_of(row, stage), at.astimezone(UTC).date(), STAGES[stage].days
    due = add_working_days(calendar, first, days)
    reply = stage == REPLY
    clock = Clock(
        id=new_id(),
        stage=stage,
        started_at=at,
        remind_at=end_of(add_working_days(calendar, first, REPLY_REMINDER) if reply else due),
        due_at=end_of(due),
        escalate_at=end_of(due if reply else add_working_days(calendar, due, GRACE)),
    )
    row.clocks.append(clock)
    later(session, CLOCK, {"clock": clock.id}, run_at=clock.remind_at)


def _resume(session: Session, row: SupportRequest, clock: Clock, at: datetime) -> None:
    """Move what lies ahead by the working days of the pause."""
    paused_at = _end_pause(row, clock, at)
    calendar = calendar_of(row, clock.stage)
    days = count_working_days(calendar, paused_at.date(), at.astimezone(UTC).date())
    for name in ("remind_at", "due_at", "escalate_at"):
        moment: datetime = getattr(clock, name)
        if moment > paused_at:
            setattr(clock, name, end_of(add_working_days(calendar, moment.date(), days)))
    later(session, CLOCK, {"clock": clock.id}, run_at=clock.escalate_at if clock.reminded_at else clock.remind_at)


def grant_grace(session: Session, row: SupportRequest, clock: Clock, at: datetime) -> None:
    """Put off the escalation to the secretariat, as somebody else was told first."""
    clock.escalate_at = end_of(add_working_days(calendar_of(row, clock.stage), at.astimezone(UTC).date(), GRACE))
    later(session, CLOCK, {"clock": clock.id}, run_at=clock.escalate_at)


def _end_pause(row: SupportRequest, clock: Clock, at: datetime) -> datetime:
    """Count the pause, if there is one, and give its beginning."""
    if clock.paused_at is None:
        return at
    paused_at, clock.paused_at = clock.paused_at, None
    clock.paused_s += max(0, int((at - paused_at).total_seconds()))
    clock.paused_working_s += working_seconds(calendar_of(row, clock.stage), paused_at, at)
    return paused_at


def elapsed(clock: Clock, at: datetime) -> tuple[int, int]:
    """Seconds from its start to its stop, or to `at` if it goes on: of working days without pauses, and all of them.

    The first are what the stage took of those whose turn it was, the second what the State waited.
    """
    end = clock.stopped_at or at
    calendar = calendar_of(clock.request, clock.stage)
    total = max(0, int((end - clock.started_at).total_seconds()))
    working = working_seconds(calendar, clock.started_at, end) - clock.paused_working_s
    if clock.paused_at and not clock.stopped_at:
        working -= working_seconds(calendar, clock.paused_at, end)
    return max(0, working), total


# Working days


def calendar_of(row: SupportRequest, stage: str) -> "HolidayBase":
    """The State's calendar for what the State owes, else the secretariat's."""
    if stage != REPLY:
        return calendar(*OFFICE)
    country = pycountry.countries.get(alpha_3=row.country_id)
    return calendar(country.alpha_2 if country else "")


@lru_cache(maxsize=256)
def calendar(country: str, subdivision: str | None = None) -> "HolidayBase":
    """Weekend and public holidays of a country, by its ISO alpha-2 code; Saturday and Sunday alone where unknown."""
    import holidays  # noqa: PLC0415 - half a second and a country's module: not needed to read a page

    try:
        return holidays.country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        return holidays.HolidayBase()


def add_working_days(calendar: "HolidayBase", day: date, days: int) -> date:
    """The working day that is `days` after `day`, which does not count itself; 0 gives `day`."""
    while days > 0:
        day += timedelta(days=1)
        days -= calendar.is_working_day(day)
    return day


def count_working_days(calendar: "HolidayBase", after: date, until: date) -> int:
    """Working days after `after`, up to and with `until`; none if `until` is earlier."""
    span = range(1, (until - after).days + 1)
    return sum(calendar.is_working_day(after + timedelta(days=number)) for number in span)


def working_seconds(calendar: "HolidayBase", after: datetime, until: datetime) -> int:
    """Seconds between two times that lie on working days, of 24 hours in UTC; 0 if `until` is earlier."""
    start, end = after.astimezone(UTC), until.astimezone(UTC)
    if end <= start:
        return 0
    whole = (count_working_days(calendar, start.date(), end.date()) + calendar.is_working_day(start.date())) * DAY_S
    first = (start - datetime.combine(start.date(), time(), UTC)).total_seconds()
    last = DAY_S - (end - datetime.combine(end.date(), time(), UTC)).total_seconds()
    whole -= int(first) if calendar.is_working_day(start.date()) else 0
    return whole - (int(last) if calendar.is_working_day(end.date()) else 0)


def end_of(day: date) -> datetime:
    """The last second of a day, in UTC."""
    return datetime.combine(day, time(23, 59, 59), UTC)


def as_table() -> str:
    """The stages as a Markdown table, for the documentation."""
    lines = ["| Clock | Working days | Runs until |", "|---|---|---|"]
    lines += [f"| {name} | {stage.days} | {stage.until} |" for name, stage in STAGES.items()]
    return "\n".join(lines) + "\n"
