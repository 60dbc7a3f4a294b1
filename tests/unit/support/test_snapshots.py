"""Public figures of a quarter: made once, of what stood then, with nothing in them that a small count could be told from."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import FOCAL_POINT, Membership
from hub.database import Outbox
from hub.errors import BadRequest, NotFound
from hub.events import Event
from hub.support import snapshots
from hub.support.models import Clock, Snapshot, SupportRequest
from tests import factories

START = datetime(2026, 7, 6, 9, tzinfo=UTC)  # a Monday
LATER = datetime(2026, 11, 20, tzinfo=UTC)

STEPS = {
    "submitted": (("submit", "submitted", 0),),
    "planning": (("submit", "submitted", 0), ("send", "matching", 3), ("accept", "planning", 8)),
    "answered": (
        ("submit", "submitted", 0),
        ("ask", "clarification", 2),
        ("reply", "submitted", 9),
        ("send", "matching", 10),
        ("accept", "planning", 11),
        ("answer", "answered", 14),
    ),
    "withdrawn": (("submit", "submitted", 0), ("withdraw", "withdrawn", 1)),
}
ENDS = {
    "submitted": {},
    "planning": {"acknowledge": 3, "triage": 3, "match": 8},
    "answered": {"acknowledge": 2, "triage": 10, "match": 11, "plan": 14, "answer": 14},
    "withdrawn": dict.fromkeys(("acknowledge", "triage", "match", "plan", "answer"), 1),
}
"""Days after submission on which each clock stopped."""


@pytest.fixture
def portugal(session: Session) -> Membership:
    return factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))


@pytest.fixture
def ghana(session: Session) -> Membership:
    return factories.member(
        session,
        FOCAL_POINT,
        factories.state(session, "GHA", regions=("Western Africa", "Sub-Saharan Africa", "Africa")),
    )


def asked(
    session: Session, by: Membership, status: str, *, at: datetime = START, objectives: tuple[int, ...] = (6,)
) -> SupportRequest:
    """A request that went through the steps of `STEPS`, with its clocks."""
    row = factories.request(session, by, status=status, objectives=objectives, submitted_at=at)
    for action, to, days in STEPS[status]:
        session.add(
            Event(
                subject_kind="request",
                subject_id=row.id,
                action=action,
                audience="parties",
                to_state=to,
                at=at + timedelta(days=days),
            )
        )
        session.flush()
    for stage in ("acknowledge", "triage", "match", "plan", "answer"):
        days = ENDS[status].get(stage)
        row.clocks.append(
            Clock(
                stage=stage,
                started_at=at,
                remind_at=at,
                due_at=at,
                escalate_at=at,
                stopped_at=None if days is None else at + timedelta(days=days, seconds=1),
            )
        )
    session.commit()
    return row


def many(session: Session, by: Membership, count: int, status: str, **more: object) -> None:
    for _ in range(count):
        asked(session, by, status, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quarter", "start", "as_of"),
    [
        ("2026Q3", "2026-07-01", "2026-11-14"),
        ("2026Q4", "2026-10-01", "2027-02-14"),
        ("2027Q1", "2027-01-01", "2027-05-15"),
    ],
)
def test_a_quarter_is_counted_forty_five_days_after_its_end(quarter: str, start: str, as_of: str) -> None:
    assert snapshots.bounds(quarter)[0].date().isoformat() == start
    assert snapshots.as_of(quarter).isoformat() == as_of
    day = snapshots.as_of(quarter)
    assert snapshots.newest_due(datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)) < quarter
    assert snapshots.newest_due(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)) == quarter


@pytest.mark.both_databases
def test_figures_are_those_of_the_requests_of_the_quarter_as_they_stood(
    session: Session, portugal: Membership, ghana: Membership
) -> None:
    many(session, portugal, 6, "answered")
    many(session, ghana, 7, "planning", objectives=(6, 22))
    many(session, ghana, 3, "answered", at=START + timedelta(days=200))  # another quarter's
    factories.request(session, ghana)  # a draft
    session.commit()
    made, new = snapshots.make(session, "2026Q3", at=LATER)
    assert (new, made.as_of) == (True, date(2026, 11, 14))
    figures = made.figures
    assert figures["total"] is None  # it would tell that all other stages are nought
    assert {name: count for name, count in figures["stages"].items() if count} == {"planning": 7, "answered": 6}
    assert (figures["regions"]["Africa"], figures["regions"]["Asia"]) == (7, None)
    assert (figures["objectives"]["6"], figures["objectives"]["22"], figures["objectives"]["1"]) == (13, 7, None)


def test_times_leave_out_what_waited_for_the_state_and_count_what_is_open(
    session: Session, portugal: Membership
) -> None:
    many(session, portugal, 9, "answered")
    many(session, portugal, 6, "planning")
    asked(session, portugal, "withdrawn")
    figures = snapshots.figures(session, "2026Q3")
    triage = figures["times"]["triage"]
    # Nine took ten days, of which seven waited for the State (Wednesday to Wednesday); six took three.
    assert triage["total_days"] == {"median": 10, "p90": 10}
    assert triage["working_days"] == {"median": 3, "p90": 3}
    answer = figures["times"]["answer"]
    assert answer["total_days"] == {"median": 14, "p90": 14}
    assert answer["open"] is None  # not to be told from what is shown


def test_a_snapshot_never_changes(session: Session, portugal: Membership) -> None:
    many(session, portugal, 6, "answered")
    made, _ = snapshots.make(session, "2026Q3", at=LATER)
    before = dict(made.figures)
    many(session, portugal, 6, "answered")
    again, new = snapshots.make(session, "2026Q3", at=LATER)
    assert (new, again.figures) == (False, before)


def test_a_quarter_that_is_not_over_is_not_counted(session: Session) -> None:
    with pytest.raises(BadRequest, match="2026-11-14"):
        snapshots.make(session, "2026Q3", at=datetime(2026, 11, 14, 12, tzinfo=UTC))
    for nonsense in ("2026Q5", "2026", "2026Q3\n", "٢٠٢٦Q3"):
        with pytest.raises(BadRequest):
            snapshots.make(session, nonsense)
        with pytest.raises(NotFound):
            snapshots.get(session, nonsense)


def test_few_requests_show_nothing_at_all(session: Session, portugal: Membership) -> None:
    many(session, portugal, 4, "answered")
    figures = snapshots.figures(session, "2026Q3")
    assert figures["total"] is None
    assert set(figures["stages"].values()) == set(figures["regions"].values()) == {None}
    assert set(figures["objectives"].values()) == {None}
    assert {repr(one) for one in figures["times"].values()} == {
        "{'open': None, 'total_days': None, 'working_days': None}"
    }


def test_the_job_makes_every_quarter_that_is_due_and_comes_back_once(
    session: Session, portugal: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "now", lambda: LATER)
    many(session, portugal, 5, "answered", at=START - timedelta(days=150))
    snapshots.make_due(None, session, {})
    session.commit()
    snapshots.make_due(None, session, {})
    session.commit()
    assert [one.quarter for one in snapshots.listing(session)] == ["2026Q3", "2026Q2", "2026Q1"]
    job = session.scalars(select(Outbox).where(Outbox.kind == snapshots.SNAPSHOT)).one()
    assert job.run_at.date() == date(2027, 2, 15)
    assert session.get(Snapshot, "2026Q1") is not None
