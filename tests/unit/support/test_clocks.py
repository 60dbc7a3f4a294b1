"""Deadlines in working days. Time is an argument everywhere, so nothing here waits or depends on today."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.database import Database, Outbox
from hub.errors import HubError, IllegalTransition
from hub.events import Event
from hub.support import clocks, delivery, reading, reminders, requests, triage
from hub.support.delivery import PlanData
from hub.support.models import Clock, Plan, SupportRequest
from hub.worker import HANDLERS
from tests import factories

GENEVA = clocks.calendar(*clocks.OFFICE)


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


@dataclass
class Desk:
    """A request whose steps are written at times of one's own choosing."""

    session: Session
    row: SupportRequest
    portugal: Membership
    secretariat: Membership
    iom: Membership

    def step(self, action: str, status: str, moment: datetime) -> None:
        self.row.status = status
        clocks.follow(self.session, self.row, action, moment)
        self.session.commit()

    def propose(self) -> None:
        author = self.iom.id
        plan = Plan(number=1, entity_id="iom", membership_id=author, language="en", text="Plan", status="proposed")
        self.row.plans.append(plan)

    def ring(self, stage: str, moment: datetime) -> None:
        reminders.ring(self.session, self.clock(stage).id, at=moment)
        self.session.commit()

    def clock(self, stage: str) -> Clock:
        """The newest of that stage."""
        return max((one for one in self.row.clocks if one.stage == stage), key=lambda one: one.id)

    def due(self, stage: str) -> str:
        assert self.clock(stage).due_at.time().isoformat() == "23:59:59"
        return self.clock(stage).due_at.date().isoformat()

    def said(self) -> list[tuple[str, str, str]]:
        events = self.session.scalars(
            select(Event).where(Event.subject_id == self.row.id, Event.person_id.is_(None)).order_by(Event.id)
        )
        return [(event.action, str(event.data.get("stage", "")), event.audience) for event in events]


@pytest.fixture
def desk(session: Session) -> Desk:
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    iom = factories.member(session, EXPERT, factories.agency(session, "iom"))
    row = factories.request(session, portugal)
    made = Desk(session, row, portugal, factories.secretariat(session), iom)
    session.commit()
    return made


def test_submitting_starts_the_five_clocks(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))  # a Monday
    assert {clock.stage: desk.due(clock.stage) for clock in desk.row.clocks} == {
        "acknowledge": "2026-03-04",
        "triage": "2026-03-09",
        "match": "2026-03-16",
        "plan": "2026-03-30",
        "answer": "2026-04-15",  # Good Friday and Easter Monday do not count
    }


def test_weekends_and_holidays_do_not_count(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-12-23"))  # Wednesday; the Friday is Christmas Day
    assert desk.due("acknowledge") == "2026-12-28"


@pytest.mark.parametrize("hour", [0, 23])
def test_the_hour_of_the_day_makes_no_difference(desk: Desk, hour: int) -> None:
    desk.step("submit", "submitted", at("2026-03-27", hour))  # the Friday before European clocks change
    assert desk.due("acknowledge") == "2026-03-31"


def test_a_time_of_another_zone_counts_as_the_day_in_utc(desk: Desk) -> None:
    auckland = timezone(timedelta(hours=13))
    desk.step("submit", "submitted", datetime(2026, 3, 3, 1, tzinfo=auckland))  # still Monday in UTC
    assert desk.due("acknowledge") == "2026-03-04"


def test_a_step_of_the_secretariat_acknowledges(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("acknowledge", "submitted", at("2026-03-03"))
    assert desk.clock("acknowledge").stopped_at == at("2026-03-03")
    assert desk.clock("triage").stopped_at is None


def test_clocks_stop_one_after_the_other(desk: Desk) -> None:
    way = [
        ("triage", "triaged", {"acknowledge", "triage"}),
        ("send", "matching", set()),
        ("accept", "planning", {"match"}),
        ("no_plan", "in_progress", {"plan"}),
        ("answer", "answered", {"answer"}),
    ]
    desk.step("submit", "submitted", at("2026-03-02"))
    for number, (action, status, stopped) in enumerate(way):
        moment = at(f"2026-03-0{number + 3}")
        desk.step(action, status, moment)
        assert {clock.stage for clock in desk.row.clocks if clock.stopped_at == moment} == stopped
    assert clocks.running(desk.row) == []


@pytest.mark.parametrize("status", ["withdrawn", "declined"])
def test_an_end_stops_every_clock(desk: Desk, status: str) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("ask", "clarification", at("2026-03-03"))
    desk.step(status.removesuffix("d"), status, at("2026-03-04"))
    assert all(clock.stopped_at for clock in desk.row.clocks)


def test_waiting_for_the_state_moves_the_other_dates_by_its_working_days(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("ask", "clarification", at("2026-03-04"))
    assert [clock.stage for clock in clocks.running(desk.row)] == ["reply"]
    desk.step("edit", "clarification", at("2026-03-06"))
    desk.step("reply", "submitted", at("2026-03-11"))
    assert (desk.due("triage"), desk.due("match")) == ("2026-03-16", "2026-03-23")
    assert desk.clock("triage").paused_s == 7 * 86_400
    assert desk.clock("reply").stopped_at == at("2026-03-11")


def test_a_pause_over_a_weekend_moves_nothing(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("ask", "clarification", at("2026-03-06"))
    desk.step("reply", "submitted", at("2026-03-08"))
    assert desk.due("triage") == "2026-03-09"


def test_a_pause_does_not_excuse_what_was_late_before(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("ask", "clarification", at("2026-03-12"))
    desk.step("reply", "submitted", at("2026-03-19"))
    assert desk.due("triage") == "2026-03-09"
    assert desk.clock("triage").overdue(at("2026-03-19"))


def test_a_clock_on_the_wall_set_back_during_a_pause_does_no_harm(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("ask", "clarification", at("2026-03-05"))
    desk.step("reply", "submitted", at("2026-03-04"))
    assert (desk.due("triage"), desk.clock("triage").paused_s) == ("2026-03-09", 0)


def test_a_proposed_plan_waits_for_the_state_too(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("accept", "planning", at("2026-03-03"))
    desk.propose()
    desk.step("propose", "planning", at("2026-03-04"))
    assert [clock.stage for clock in clocks.running(desk.row)] == ["reply"]
    desk.row.plans[0].status = "agreed"
    desk.step("agree", "in_progress", at("2026-03-05"))
    assert [clock.stage for clock in clocks.running(desk.row)] == ["answer"]
    assert desk.due("answer") == "2026-04-16"


def test_a_state_counts_by_its_own_weekend_and_holidays(session: Session, desk: Desk) -> None:
    kuwait = factories.member(session, FOCAL_POINT, factories.state(session, "KWT"))
    desk.row = factories.request(session, kuwait)
    desk.step("ask", "clarification", at("2026-10-01"))  # a Thursday; Friday and Saturday are the weekend
    assert clocks.add_working_days(clocks.calendar("KW"), date(2026, 10, 1), 1) == date(2026, 10, 4)
    assert desk.due("reply") == "2026-10-29"


def test_a_country_unknown_to_the_calendar_has_saturday_and_sunday(session: Session, desk: Desk) -> None:
    desk.row = factories.request(session, factories.member(session, FOCAL_POINT, factories.state(session, "XKX")))
    desk.step("ask", "clarification", at("2026-12-24"))
    assert desk.due("reply") == "2027-01-21"


@settings(max_examples=60, deadline=None)
@given(day=st.dates(date(2020, 1, 1), date(2035, 1, 1)), days=st.integers(0, 60))
def test_adding_and_counting_working_days_agree(day: date, days: int) -> None:
    later = clocks.add_working_days(GENEVA, day, days)
    assert clocks.count_working_days(GENEVA, day, later) == days
    assert not days or GENEVA.is_working_day(later)


# What happens when the time comes


def test_a_deadline_is_followed_by_one_reminder_and_one_escalation(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    for day in ("2026-03-03", "2026-03-05", "2026-03-05", "2026-03-09", "2026-03-10", "2026-03-11"):
        desk.ring("acknowledge", at(day))
    assert desk.said() == [("remind", "acknowledge", "secretariat"), ("escalate", "acknowledge", "secretariat")]


def test_a_worker_that_was_away_says_both_at_once(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.ring("triage", at("2026-06-01"))
    assert [action for action, _, _ in desk.said()] == ["remind", "escalate"]


def test_an_agency_hears_of_its_own_deadlines(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("accept", "planning", at("2026-03-03"))
    desk.ring("plan", at("2026-04-01"))
    assert desk.said() == [("remind", "plan", "delivery")]


def test_a_clock_that_is_stopped_or_paused_says_nothing(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("ask", "clarification", at("2026-03-03"))
    for stage in ("acknowledge", "triage"):
        desk.ring(stage, at("2026-12-01"))
    assert desk.said() == []


def test_every_running_clock_has_a_job_for_its_next_time(desk: Desk) -> None:
    def jobs() -> set[tuple[str, datetime]]:
        rows = desk.session.scalars(select(Outbox).where(Outbox.kind == "clock"))
        return {(row.payload["clock"], row.run_at) for row in rows}

    desk.step("submit", "submitted", at("2026-03-02"))
    assert jobs() >= {(clock.id, clock.remind_at) for clock in clocks.running(desk.row)}
    desk.step("ask", "clarification", at("2026-03-03"))
    desk.step("reply", "submitted", at("2026-03-11"))
    assert jobs() >= {(clock.id, clock.remind_at) for clock in clocks.running(desk.row)}
    desk.ring("triage", at("2026-03-18"))
    assert desk.said() == [("remind", "triage", "secretariat")]
    assert (desk.clock("triage").id, desk.clock("triage").escalate_at) in jobs()


def test_a_job_that_comes_too_early_is_put_back(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    before = len(desk.session.scalars(select(Outbox)).all())
    desk.ring("triage", at("2026-03-02"))
    assert desk.said() == []
    assert len(desk.session.scalars(select(Outbox)).all()) == before + 1


def test_the_worker_knows_the_job(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2020-03-02"))
    HANDLERS["clock"](None, desk.session, {"clock": desk.clock("match").id})
    HANDLERS["clock"](None, desk.session, {"clock": "of a request that was erased"})
    assert [action for action, _, _ in desk.said()] == ["remind", "escalate"]


@pytest.mark.both_databases
def test_a_question_nobody_answers_is_recalled_and_then_ends_the_request(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("ask", "clarification", at("2026-03-03"))
    desk.ring("reply", at("2026-03-18"))
    assert desk.said() == [("remind", "reply", "requesting")]
    assert desk.row.status == "clarification"
    desk.ring("reply", at("2026-04-08"))
    assert desk.row.status == "lapsed"
    assert desk.said()[-1] == ("lapse", "", "requesting")
    assert all(clock.stopped_at for clock in desk.row.clocks)
    notices = desk.session.scalars(select(Outbox).where(Outbox.kind == "notice")).all()
    assert len(notices) == len(desk.said())


@pytest.mark.both_databases
def test_a_lapsed_request_is_opened_again_with_new_clocks(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("ask", "clarification", at("2026-03-03"))
    desk.ring("reply", at("2026-06-01"))
    row = reading.get(desk.session, desk.portugal, desk.row.id)
    assert set(reading.possible_actions(desk.portugal, row)) == {"reopen", "withdraw"}
    row = requests.reopen(desk.session, desk.portugal, row.id, version=row.version, note="We were away.")
    assert row.status == "submitted"
    assert {clock.stage for clock in clocks.running(row)} == {"acknowledge", "triage", "match", "plan", "answer"}


def test_a_plan_nobody_decides_on_is_told_to_the_secretariat_and_goes_on(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.propose()
    desk.step("propose", "planning", at("2026-03-04"))
    desk.ring("reply", at("2026-06-01"))
    assert desk.said() == [("remind", "reply", "requesting"), ("escalate", "reply", "secretariat")]
    assert desk.row.status == "planning"


def test_a_closed_request_that_is_opened_again_has_a_new_date_for_its_answer(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("answer", "answered", at("2026-03-05"))
    desk.step("close", "closed", at("2026-03-06"))
    desk.step("reopen", "in_progress", at("2026-05-04"))
    assert [clock.stage for clock in clocks.running(desk.row)] == ["answer"]
    assert desk.clock("answer").started_at == at("2026-05-04")


def test_a_plan_put_before_the_state_by_its_lead_stops_the_agencys_clocks(desk: Desk) -> None:
    session = desk.session
    row = requests.submit(session, desk.portugal, desk.row.id, version=1)
    row = triage.send(session, desk.secretariat, row.id, "iom", version=row.version)
    row = delivery.accept(session, desk.iom, row.id, version=row.version)
    assert {clock.stage for clock in clocks.running(row)} == {"plan", "answer"}
    row = delivery.propose(session, desk.iom, row.id, PlanData("Words", language="en"), version=row.version)
    assert {clock.stage for clock in clocks.running(row)} == {"reply"}
    row = requests.agree(session, desk.portugal, row.id, version=row.version)
    assert {clock.stage for clock in clocks.running(row)} == {"answer"}


def test_acknowledging_is_possible_once(desk: Desk) -> None:
    row = requests.submit(desk.session, desk.portugal, desk.row.id, version=1)
    row = triage.acknowledge(desk.session, desk.secretariat, row.id, version=row.version)
    with pytest.raises(IllegalTransition) as caught:
        triage.acknowledge(desk.session, desk.secretariat, row.id, version=row.version)
    assert "acknowledge" not in caught.value.extra["possible"]


def test_tasks_come_in_the_order_of_their_deadlines(desk: Desk) -> None:
    session = desk.session
    names = {}
    for name, day in (("late", "2026-03-02"), ("later", "2026-05-04"), ("urgent", "2026-01-05")):
        desk.row = factories.request(session, desk.portugal)
        desk.step("submit", "submitted", at(day))
        names[desk.row.id] = name
    factories.request(session, desk.portugal, status="submitted", title="without a clock")
    session.commit()
    found = reading.tasks(session, desk.secretariat)
    assert [names.get(task.request.id, "without") for task in found] == ["urgent", "late", "later", "without"]
    assert found[0].request.due_at == datetime(2026, 1, 7, 23, 59, 59, tzinfo=UTC)


@pytest.mark.both_databases
def test_a_reply_in_the_last_moment_and_the_end_of_the_request_do_not_mix(desk: Desk, database: Database) -> None:
    row = requests.submit(desk.session, desk.portugal, desk.row.id, version=1)
    row = triage.ask(desk.session, desk.secretariat, row.id, version=row.version, note="For whom?")
    clock, version, person = desk.clock("reply").id, row.version, desk.portugal.id
    barrier = threading.Barrier(2)
    refused: list[HubError] = []

    def run(act: Callable[[Session], object]) -> None:
        with database.session() as own:
            barrier.wait()
            try:
                act(own)
            except HubError as error:
                refused.append(error)

    def reply(own: Session) -> None:
        me = own.get_one(Membership, person)
        requests.reply(own, me, row.id, version=version, note="For all.")

    def ring(own: Session) -> None:
        reminders.ring(own, clock, at=at("2040-01-01"))
        own.commit()

    threads = [threading.Thread(target=run, args=(act,)) for act in (reply, ring)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    desk.session.expire_all()
    read = reading.get(desk.session, desk.portugal, row.id)
    taken = [entry.event.action for entry in reading.history(desk.session, desk.portugal, read)]
    assert ("reply" in taken) != ("lapse" in taken)
    assert read.status == ("submitted" if "reply" in taken else "lapsed")


def test_the_documentation_shows_the_clocks_as_they_are() -> None:
    text = (Path(__file__).parents[3] / "docs" / "support.md").read_text("utf-8")
    assert clocks.as_table() in text


def test_a_stage_took_its_working_days_without_pauses_and_all_of_the_time(desk: Desk) -> None:
    desk.step("submit", "submitted", at("2026-03-02"))
    desk.step("ask", "clarification", at("2026-03-04"))
    clock = desk.clock("triage")
    assert clocks.elapsed(clock, at("2026-03-06")) == (2 * clocks.DAY_S, 4 * clocks.DAY_S)
    desk.step("reply", "submitted", at("2026-03-11"))
    assert clocks.elapsed(clock, at("2026-03-12")) == (3 * clocks.DAY_S, 10 * clocks.DAY_S)
    desk.step("triage", "triaged", at("2026-03-13"))
    assert clocks.elapsed(clock, at("2026-04-01")) == (4 * clocks.DAY_S, 11 * clocks.DAY_S)
    assert clocks.elapsed(desk.clock("match"), at("2026-03-16")) == (5 * clocks.DAY_S, 14 * clocks.DAY_S)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds


@given(times=st.lists(moments, min_size=3, max_size=3))
def test_working_seconds_add_up_and_are_never_more_than_all(times: list[datetime]) -> None:
    first, second, third = sorted(one.replace(microsecond=0) for one in times)
    whole = clocks.working_seconds(GENEVA, first, third)
    assert whole == clocks.working_seconds(GENEVA, first, second) + clocks.working_seconds(GENEVA, second, third)
    assert 0 <= whole <= (third - first).total_seconds()
    assert clocks.working_seconds(GENEVA, third, first) == 0
