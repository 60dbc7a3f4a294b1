"""Any action, by anybody, in any status: it follows the table or says what is possible instead."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.database import Base, Database
from hub.errors import Forbidden, HubError, IllegalTransition, NotFound, StaleVersion
from hub.events import AUDIENCES, Event
from hub.support import contributions, delivery, lifecycle, requests, team, triage
from hub.support.delivery import AnswerData, PlanData
from hub.support.lifecycle import DISCARDED, DRAFT, STATUSES, TRANSITIONS
from hub.support.models import Plan
from hub.support.requests import RequestData
from hub.support.verbs import VERBS
from tests import factories

DATA = RequestData("Title", "Words", "en", (6,))


def act(session: Session, person: Membership, action: str, name: str, version: int) -> None:
    """Take the action with everything it needs."""
    if action == "edit":
        requests.edit(session, person, name, DATA, version=version)
    elif action == "send":
        triage.send(session, person, name, "ilo", version=version, role="contributor")
    elif action == "remove":
        triage.remove(session, person, name, version=version, agency="iom", note="Because.")
    elif action == "hand_over":
        team.hand_over(session, person, name, version=version, assignee="")
    elif action == "draft_contribution":
        contributions.save_draft(session, person, name, AnswerData("Words", "en"))
    elif action == "contribute":
        contributions.contribute(session, person, name, AnswerData("Words", "en"), version=version)
    elif action in {"refuse", "decline"}:
        VERBS[action](session, person, name, version=version, reason="other", note="Because.")
    elif action == "declare":
        VERBS[action](session, person, name, version=version, reason="personal")
    elif action in {"ask", "reply", "send_back", "pause"}:
        VERBS[action](session, person, name, version=version, note="Because.")
    elif action == "propose":
        delivery.propose(session, person, name, PlanData("Words", language="en"), version=version)
    elif action in {"invite", "ask_peer", "share"}:
        VERBS[action](session, person, name, version=version, country="FRA" if action == "share" else "GHA")
    elif action == "draft_answer":
        delivery.save_answer_draft(session, person, name, AnswerData("Words", "en"))
    elif action == "answer":
        delivery.answer(session, person, name, AnswerData("Words", "en"), version=version)
    else:
        VERBS[action](session, person, name, version=version)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Session, dict[str, Membership]]]:
    path: Path = tmp_path_factory.mktemp("lifecycle") / "hub.db"
    database = Database(f"sqlite:///{path}")
    Base.metadata.create_all(database.engine)
    with database.session() as session:
        people = {
            "team": factories.member(session, FOCAL_POINT, factories.state(session, "PRT")),
            "peer": factories.member(session, FOCAL_POINT, factories.state(session, "FRA")),
            "neighbour": factories.member(session, FOCAL_POINT, factories.state(session, "GHA")),
            "secretariat": factories.secretariat(session),
            "expert": factories.member(session, EXPERT, factories.agency(session, "iom")),
            "outsider": factories.member(session, EXPERT, factories.agency(session, "ilo")),
        }
        session.commit()
        yield session, people
    database.close()


@dataclass(frozen=True)
class Attempt:
    status: str
    action: str
    who: str
    party: str
    role: str
    planned: bool
    peer: str
    behind: bool


attempts = st.builds(
    Attempt,
    status=st.sampled_from(STATUSES),
    action=st.sampled_from([action for action in lifecycle.ACTIONS if action not in lifecycle.BY_ITSELF]),
    who=st.sampled_from(["team", "peer", "neighbour", "secretariat", "expert", "outsider"]),
    party=st.sampled_from(["sent", "accepted"]),
    role=st.sampled_from(["lead", "contributor"]),
    planned=st.booleans(),
    peer=st.sampled_from(["sent", "accepted"]),
    behind=st.booleans(),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attempt=attempts)
def test_a_step_follows_the_table_or_says_what_is_possible(
    world: tuple[Session, dict[str, Membership]], attempt: Attempt
) -> None:
    session, people = world
    row = factories.request(session, people["team"], status=attempt.status)
    factories.party(session, row, factories.agency(session, "iom"), role=attempt.role, state=attempt.party)
    factories.party(session, row, factories.state(session, "FRA"), role="peer", state=attempt.peer)
    if attempt.planned:
        author = people["expert"]
        row.plans.append(Plan(number=1, entity_id="iom", membership_id=author.id, language="en", text="Plan"))
    session.commit()
    before = row.version
    refused: HubError | None = None
    try:
        act(session, people[attempt.who], attempt.action, row.id, before - attempt.behind)
    except HubError as error:
        session.rollback()
        refused = error
    session.refresh(row)
    written = session.scalars(select(Event).where(Event.subject_id == row.id)).all()
    in_table = (attempt.status, attempt.action) in TRANSITIONS
    if (attempt.action in {"agree", "send_back"} and not attempt.planned) or attempt.action == "acknowledge":
        in_table = False  # there is nothing to agree to, and no clock that waits for it
    if (attempt.action == "share" and attempt.peer == "sent") or attempt.action == "resume":
        in_table = False
    if refused is None:
        (event,) = [one for one in written if one.action != "adjust"]  # the secretariat's reasons stand beside the step
        step = TRANSITIONS[attempt.status, attempt.action]
        assert row.status in step.ends
        assert (event.to_state, event.from_state) == (row.status, attempt.status)
        assert (event.action, event.audience) == (attempt.action, step.audience)
        assert row.version == before + (not attempt.action.startswith("draft_"))
        return
    assert (row.status, row.version, written) == (attempt.status, before, [])
    if isinstance(refused, IllegalTransition):
        assert not in_table
        assert attempt.action not in refused.extra["possible"]
        assert set(refused.extra["possible"]) <= set(lifecycle.possible(attempt.status))
    elif isinstance(refused, NotFound):
        assert attempt.who in {"neighbour", "outsider"} or attempt.status in {DRAFT, DISCARDED}
    elif isinstance(refused, StaleVersion):
        assert in_table
        assert attempt.behind
    else:
        assert isinstance(refused, Forbidden)
        assert in_table


def test_every_step_of_the_table_leads_to_a_known_status_and_audience() -> None:
    assert {end for step in TRANSITIONS.values() for end in step.ends} <= set(STATUSES)
    assert {step.audience for step in TRANSITIONS.values()} <= set(AUDIENCES)


def test_every_status_but_the_ends_can_be_left_and_every_one_reached() -> None:
    ends = {status for status in STATUSES if not lifecycle.possible(status)}
    assert ends == {"discarded", "withdrawn", "declined"}
    assert {end for step in TRANSITIONS.values() for end in step.ends} == set(STATUSES)


def test_the_whole_way_can_be_walked_by_the_table_alone() -> None:
    way = [
        "draft",
        "submitted",
        "clarification",
        "submitted",
        "triaged",
        "matching",
        "planning",
        "in_progress",
        "answered",
        "closed",
        "in_progress",
    ]
    for at, to in pairwise(way):
        assert to in {TRANSITIONS[at, action].to for action in lifecycle.possible(at)}


def test_the_documentation_shows_the_table_as_it_is() -> None:
    text = (Path(__file__).parents[3] / "docs" / "support.md").read_text("utf-8")
    assert lifecycle.as_table() in text
