"""All open requests at once, on the real database: a dry run, applied and undone as one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.database import Base, Database, Outbox, now
from hub.errors import Forbidden, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.support import assigning, conflicts, delivery, dry_run, experts, proposals, reading, triage
from hub.support.expert_models import AssignmentBoard, AssignmentProposal, AssignmentRun, ExpertProfile, ProgrammeTie
from hub.support.experts import ProfileData
from hub.support.models import DeclaredConflict, SupportRequest
from tests import factories
from tests.unit.support.test_request_verbs import at_once

PARTS = assigning.Parts(embedder=None, engine=None)
"""Neither model nor index: affinity rests on objectives, languages and regions alone."""


@dataclass
class World:
    session: Session
    secretariat: Membership
    portugal: Membership

    def expert(self, agency: str = "iom", **profile: Any) -> Membership:
        entity = factories.agency(self.session, agency, objectives={6: "primary", 22: "secondary"})
        member = factories.member(self.session, EXPERT, entity)
        self.session.commit()
        values = {"capacity": 1, "languages": ("en",), "objectives": (6,), **profile}
        experts.save(self.session, member, member.id, ProfileData(**values), version=0)
        return member

    def request(self, **fields: Any) -> SupportRequest:
        row = factories.request(self.session, self.portugal, **{"status": "triaged", **fields})
        self.session.commit()
        return row

    def solve(self, **how: Any) -> AssignmentRun:
        return assigning.propose(self.session, self.secretariat, PARTS, **how)

    def applied(self, **how: Any) -> AssignmentRun:
        return assigning.apply(self.session, self.secretariat, self.solve(**how).id)

    def undo(self, run: AssignmentRun) -> AssignmentRun:
        return assigning.undo(self.session, self.secretariat, run.id)

    def send(self, row: SupportRequest, agency: str) -> SupportRequest:
        seen = reading.get(self.session, self.secretariat, row.id)
        return triage.send(self.session, self.secretariat, row.id, agency, version=seen.version)


@pytest.fixture
def world(session: Session) -> World:
    made = World(
        session,
        factories.secretariat(session),
        factories.member(session, FOCAL_POINT, factories.state(session, "PRT")),
    )
    session.commit()
    return made


def table(session: Session) -> list[dict[str, Any]]:
    """Every column of every proposal."""
    columns = AssignmentProposal.__table__
    return [dict(row._mapping) for row in session.execute(select(columns).order_by(columns.c.id))]


def lines(run: AssignmentRun) -> dict[str, tuple[str, str | None]]:
    return {line["request"]: (line["change"], line["expert"]) for line in run.result["lines"]}


@pytest.mark.both_databases
def test_ten_requests_are_shared_out_proposed_sent_and_accepted(world: World) -> None:
    rows = [world.request(objectives=(6,) if at % 2 else (22,)) for at in range(10)]
    people = [world.expert("iom", capacity=3), world.expert("ilo", capacity=2)]
    people += [world.expert("unicef", capacity=5, objectives=(22,))]
    before = table(world.session)
    run = world.solve()
    assert (run.status, run.done, run.total) == ("ready", 10, 10)
    assert table(world.session) == before
    assert {change for change, _ in lines(run).values()} == {"new"}

    assigning.apply(world.session, world.secretariat, run.id)
    who = {one["request_id"]: one["membership_id"] for one in table(world.session)}
    assert who == {id_: expert for id_, (_, expert) in lines(run).items()}
    assert [list(who.values()).count(one.id) for one in people] == [3, 2, 5]

    sent, failed = assigning.send_all(world.session, world.secretariat)
    assert (sorted(sent), failed) == (sorted(row.reference for row in rows), {})
    assert experts.at_work(world.session) == who
    first = reading.get(world.session, world.secretariat, rows[1].id)
    asked = next(one for one in people if one.id == who[first.id])
    assert delivery.accept(world.session, asked, first.id, version=first.version).status == "planning"
    assert {change for change, _ in lines(world.solve()).values()} == {"fixed"}


def test_a_shortage_is_named(world: World) -> None:
    world.expert(objectives=(6, 22))
    row = world.request(objectives=(22,), language="fr")
    (shortage,) = world.solve().result["shortages"]
    assert (shortage["code"], shortage["request"]) == ("no_speaker", row.id)
    assert (shortage["language"], shortage["objectives"]) == ("fr", [22])


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ({"objectives": (5,)}, "no_expert"),
        ({"languages": ("fr",)}, "no_speaker"),
        ({"regions": ("GHA",)}, "no_presence"),
        ({"own_states": ("PRT",)}, "conflict"),
        ({"capacity": 0}, "capacity"),
        ({"absences": ((now().date(), now().date()),)}, "capacity"),
    ],
)
def test_every_rule_keeps_an_expert_from_a_request(world: World, profile: dict[str, Any], code: str) -> None:
    factories.state(world.session, "GHA")
    world.expert(**profile)
    world.request()
    run = world.solve()
    assert {expert for _, expert in lines(run).values()} == {None}
    assert [one["code"] for one in run.result["shortages"]] == [code]


def test_a_conflict_declared_or_recorded_keeps_an_expert_from_a_request(world: World) -> None:
    tied, declared, free = world.expert("ilo"), world.expert("iom"), world.expert("unicef")
    rows = [world.request(), world.request()]
    conflicts.tie(world.session, world.secretariat, agency="ilo", country="PRT", programme="P", source="S")
    rows[0].conflicts.append(conflicts.declared_by(declared, "personal", whole_agency=False))
    world.session.commit()
    run = world.solve()
    assert lines(run) == {rows[0].id: ("new", free.id), rows[1].id: ("new", declared.id)}
    assert tied.id not in str(run.result)


@pytest.mark.both_databases
def test_a_change_is_made_only_if_it_gains_more_than_it_costs(world: World) -> None:
    row, first = world.request(), world.expert("iom")
    worst = world.request(objectives=(5,))  # sets the floor, which no cost may lower
    only = world.expert("unicef", objectives=(5,))
    world.applied()
    better = world.expert("ilo", regions=("PRT",))
    for cost, expected in ((0, ("moved", better.id)), (5, ("kept", first.id)), (0.01, ("moved", better.id))):
        run = world.solve(change_cost=cost)
        assert lines(run) == {row.id: expected, worst.id: ("kept", only.id)}
    line = next(line for line in run.result["lines"] if line["request"] == row.id)
    assert (line["before"], line["cost"], run.result["cost"]) == (first.id, 0.01, 0.01)
    assert line["affinity"] > line["affinity_before"]
    assert run.result["floor_before"] == run.result["floor"]
    assert run.result["total"] - run.result["total_before"] == pytest.approx(line["affinity"] - line["affinity_before"])


@pytest.mark.both_databases
def test_undo_brings_back_every_column(world: World) -> None:
    rows = [world.request() for _ in range(3)]
    world.expert("iom", capacity=2)
    world.applied()
    assigning.lock(world.session, world.secretariat, next(iter(table(world.session)))["request_id"], locked=True)
    before = table(world.session)
    world.expert("ilo", capacity=3, regions=("PRT",))
    run = world.applied(change_cost=0, unlocked=[row.id for row in rows if row.id == before[0]["request_id"]])
    assert table(world.session) != before
    world.undo(run)
    assert table(world.session) == before
    told = [
        (event.action, event.audience)
        for event in world.session.scalars(select(Event).where(Event.subject_id == run.id).order_by(Event.id))
    ]
    assert told == [("apply", "secretariat"), ("undo", "secretariat")]


def test_runs_are_undone_one_after_the_other_the_last_one_first(world: World) -> None:
    world.request()
    world.expert("iom")
    first = world.applied()
    after_first = table(world.session)
    world.expert("ilo", regions=("PRT",))
    second = world.applied(change_cost=0)
    with pytest.raises(IllegalTransition):
        world.undo(first)
    world.undo(second)
    assert table(world.session) == after_first
    world.undo(first)
    assert table(world.session) == []
    with pytest.raises(IllegalTransition):
        world.undo(first)


def test_what_was_sent_cannot_be_undone(world: World) -> None:
    row = world.request()
    world.expert("iom")
    run = world.applied()
    world.send(row, "iom")
    with pytest.raises(IllegalTransition) as refused:
        world.undo(run)
    assert refused.value.extra["requests"] == [row.reference]
    assert assigning.get(world.session, world.secretariat, run.id).status == "applied"


@pytest.mark.both_databases
@pytest.mark.parametrize("what", ["request", "expert", "conflict", "sent", "board", "gone"])
def test_a_solution_that_is_out_of_date_is_not_applied_and_says_why(world: World, what: str) -> None:
    row, other = world.request(), world.request(objectives=(5,))
    one = world.expert("iom")
    run = world.solve()
    session = world.session
    expected: dict[str, Any] = {"requests": [row.reference]}
    if what == "request":
        row.version += 1
    elif what == "expert":
        experts.save(session, one, one.id, ProfileData(0, ("en",)), version=1)
        expected = {"experts": [one.id]}
    elif what == "conflict":
        row.conflicts.append(conflicts.declared_by(one, "personal", whole_agency=False))
    elif what == "sent":
        world.send(row, "iom")
    elif what == "gone":
        one.until = now()
        expected = {"experts": [one.id]}
    else:
        world.applied()
        expected = {"board": True}
    session.commit()
    before = table(session)
    with pytest.raises(StaleVersion) as refused:
        assigning.apply(session, world.secretariat, run.id)
    assert refused.value.extra["changed"] == expected
    assert table(session) == before
    assert assigning.get(session, world.secretariat, run.id).status == "ready"
    assert other.reference not in str(refused.value.extra)


def test_new_requests_and_experts_do_not_stand_in_the_way(world: World) -> None:
    world.request()
    world.expert("iom")
    run = world.solve()
    world.request()
    world.expert("ilo")
    assert assigning.apply(world.session, world.secretariat, run.id).status == "applied"


def test_a_solution_is_applied_once(world: World) -> None:
    run = world.applied()
    with pytest.raises(IllegalTransition):
        assigning.apply(world.session, world.secretariat, run.id)


@pytest.mark.both_databases
@pytest.mark.parametrize("earlier", [False, True], ids=["first", "later"])
def test_of_two_solutions_applied_at_once_one_wins_and_the_other_says_what_changed(
    world: World, database: Database, *, earlier: bool
) -> None:
    world.request()
    world.expert("iom", capacity=2)
    if earlier:  # the board has a row
        world.applied()
    runs = [world.solve().id, world.solve().id]
    people = [factories.secretariat(world.session), factories.secretariat(world.session)]
    world.session.commit()
    run_of = {person.id: run for person, run in zip(people, runs, strict=True)}
    results = at_once(database, people, lambda own, me: assigning.apply(own, me, run_of[me.id]).id)
    (won,) = [result for result in results if isinstance(result, str)]
    (lost,) = [result for result in results if not isinstance(result, str)]
    assert isinstance(lost, StaleVersion)
    assert lost.extra["changed"] == {"board": True}
    world.session.expire_all()
    status = {run: assigning.get(world.session, world.secretariat, run).status for run in runs}
    assert status == {run: "applied" if run == won else "ready" for run in runs}
    assert len(table(world.session)) == 1
    applied = select(Event).where(Event.subject_kind == assigning.SUBJECT, Event.action == "apply")
    assert len(world.session.scalars(applied.where(Event.subject_id.in_(runs))).all()) == 1


@pytest.mark.both_databases
def test_of_two_people_who_apply_the_same_solution_at_once_one_does(world: World, database: Database) -> None:
    world.request()
    world.expert("iom")
    run = world.solve().id
    people = [factories.secretariat(world.session), factories.secretariat(world.session)]
    world.session.commit()
    results = at_once(database, people, lambda own, me: assigning.apply(own, me, run).status)
    assert sorted(map(str, results)) == sorted(["applied", assigning.NOT_READY])
    assert [one["run_id"] for one in table(world.session)] == [run]


@pytest.mark.both_databases
def test_what_is_locked_or_held_moves_only_when_unlocked(world: World) -> None:
    locked, asked = world.request(), world.request()
    world.expert("iom", capacity=2)
    world.applied()
    assigning.lock(world.session, world.secretariat, locked.id, locked=True)
    world.send(asked, "iom")
    better = world.expert("ilo", capacity=2, regions=("PRT",))
    assert {change for change, _ in lines(world.solve(change_cost=0)).values()} == {"fixed"}

    run = world.applied(change_cost=0, unlocked=[locked.reference, asked.id])
    assert lines(run) == {locked.id: ("moved", better.id), asked.id: ("moved", better.id)}
    waiting = proposals.unsent(world.session, asked.id)
    assert waiting is not None
    assert (waiting.entity_id, waiting.replaces) == ("ilo", "iom")
    row = world.send(asked, "ilo")
    assert {party.entity_id: party.until is None for party in row.parties if party.role == "lead"} == {
        "iom": False,
        "ilo": True,
    }


def test_the_agency_is_asked_for_the_expert_and_colleagues_step_in_at_a_conflict(world: World) -> None:
    row, expert = world.request(), world.expert("iom")
    colleague = world.expert("iom", objectives=(5,))
    world.applied()
    sent = world.send(row, "iom")

    def waits_for() -> list[str]:
        return [one.id for one in (expert, colleague) if reading.tasks(world.session, one)]

    assert waits_for() == [expert.id]
    delivery.declare(world.session, expert, sent.id, version=sent.version, reason="personal")
    assert waits_for() == [colleague.id]


def test_what_was_proposed_to_somebody_who_left_goes_to_another(world: World) -> None:
    row, leaver = world.request(), world.expert("iom")
    world.applied()
    leaver.until = now()
    world.session.commit()
    assert lines(world.solve()) == {row.id: ("dropped", None)}
    other = world.expert("ilo")
    run = world.applied()
    assert lines(run) == {row.id: ("moved", other.id)}
    assert run.result["cost"] == assigning.CHANGE_COST


def test_only_what_is_kept_can_be_unlocked(world: World) -> None:
    row = world.request()
    for name in (row.id, "R-2026-9999"):
        with pytest.raises(Invalid):
            world.solve(unlocked=[name])


def test_another_lead_makes_the_proposal_void(world: World) -> None:
    row = world.request()
    world.expert("iom")
    world.expert("ilo", objectives=(5,))
    world.applied()
    world.send(row, "ilo")
    assert table(world.session) == []


def test_what_cannot_be_sent_stays_proposed_and_says_why(world: World) -> None:
    row = world.request()
    factories.agency(world.session, "odd", objectives={6: "primary"}, verified=False)
    world.expert("odd")
    world.applied()
    sent, failed = assigning.send_all(world.session, world.secretariat)
    assert (sent, list(failed)) == ([], [row.reference])
    assert proposals.unsent(world.session, row.id) is not None


def test_an_alternate_is_somebody_with_room_of_another_agency(world: World) -> None:
    row = world.request()
    world.expert("iom")
    second = world.expert("ilo")
    world.applied()
    world.send(row, "iom")
    found = proposals.next_alternate(world.session, reading.get(world.session, world.secretariat, row.id))
    assert found is not None
    assert found.id == second.id


def test_nobody_but_the_secretariat_solves_applies_or_looks(world: World) -> None:
    run = world.solve()
    for reader in (None, world.portugal, world.expert()):
        for verb in (assigning.apply, assigning.undo, assigning.get):
            with pytest.raises(Forbidden):
                verb(world.session, reader, run.id)
        with pytest.raises(Forbidden):
            assigning.propose(world.session, reader, PARTS)
        with pytest.raises(Forbidden):
            assigning.send_all(world.session, reader)
    with pytest.raises(NotFound):
        assigning.get(world.session, world.secretariat, "no-such-run")


@pytest.mark.both_databases
def test_many_requests_are_solved_by_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assigning, "SMALL", 2)
    monkeypatch.setattr(dry_run, "BATCH", 2)
    for _ in range(5):
        world.request()
    world.expert("iom", capacity=5)
    run = world.solve()
    assert (run.status, run.done, run.total) == ("waiting", 0, 5)
    with pytest.raises(IllegalTransition):
        assigning.apply(world.session, world.secretariat, run.id)
    job = world.session.scalars(select(Outbox).where(Outbox.kind == assigning.JOB)).one()
    for _ in range(2):  # a job may be done twice
        assigning.solve(PARTS, world.session, job.payload)
        world.session.commit()
    assert (run.status, run.done) == ("ready", 5)
    assert assigning.apply(world.session, world.secretariat, run.id).status == "applied"


# Whatever the data


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('assigning') / 'hub.db'}")
    Base.metadata.create_all(database.engine)
    with database.session() as session:
        made = World(
            session,
            factories.secretariat(session),
            factories.member(session, FOCAL_POINT, factories.state(session, "PRT")),
        )
        session.commit()
        yield made
    database.close()


PROFILES = st.fixed_dictionaries(
    {
        "agency": st.sampled_from(["iom", "ilo", "unicef"]),
        "capacity": st.integers(0, 2),
        "languages": st.sampled_from([("en",), ("fr",), ("en", "fr")]),
        "objectives": st.sampled_from([(6,), (22,), (6, 22), ()]),
        "own_states": st.sampled_from([(), (), ("PRT",)]),
    }
)
REQUESTS = st.fixed_dictionaries(
    {"language": st.sampled_from(["en", "fr"]), "objectives": st.sampled_from([(6,), (22,), (6, 22)])}
)


def _empty(session: Session) -> None:
    session.execute(delete(AssignmentProposal))
    session.execute(delete(AssignmentBoard))
    for model in (AssignmentRun, DeclaredConflict, ProgrammeTie):
        session.execute(delete(model))
    for row in session.scalars(select(SupportRequest)):
        session.delete(row)
    for profile in session.scalars(select(ExpertProfile)):
        session.get_one(Membership, profile.membership_id).until = now()
    session.commit()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(PROFILES, min_size=1, max_size=4),
    newcomers=st.lists(PROFILES, max_size=2),
    wanted=st.lists(REQUESTS, min_size=1, max_size=5),
    cost=st.sampled_from([0.0, 0.1]),
)
def test_no_rule_is_broken_and_undo_restores_exactly(
    room: World,
    people: list[dict[str, Any]],
    newcomers: list[dict[str, Any]],
    wanted: list[dict[str, Any]],
    cost: float,
) -> None:
    _empty(room.session)
    for profile in people:
        room.expert(**profile)
    rows = {row.id: row for row in [room.request(**fields) for fields in wanted]}
    before = table(room.session)
    first = room.applied(change_cost=cost)
    _check_rules(room, rows)
    middle = table(room.session)
    for profile in newcomers:
        room.expert(**profile)
    second = room.applied(change_cost=cost)
    _check_rules(room, rows)
    room.undo(second)
    assert table(room.session) == middle
    room.undo(first)
    assert table(room.session) == before


def _check_rules(room: World, rows: dict[str, SupportRequest]) -> None:
    known = {one.membership_id: one for one in experts.directory(room.session)}
    proposed = table(room.session)
    assert len({one["request_id"] for one in proposed}) == len(proposed)
    for one in proposed:
        row, expert = rows[one["request_id"]], known[one["membership_id"]]
        assert row.language in expert.languages
        assert not expert.objectives or expert.objectives & {each.number for each in row.objectives}
        assert row.country_id not in expert.own_states
        assert expert.entity_id == one["entity_id"]
    for id_, expert in known.items():
        assert [one["membership_id"] for one in proposed].count(id_) <= expert.capacity
