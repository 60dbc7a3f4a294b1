"""One table of rules, read in Python and in SQL: both give the same answer, whatever the rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hub.accounts import policy
from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT, ROLES, SECRETARIAT, Membership
from hub.database import Base, Database, now
from hub.events import AUDIENCES, Event
from hub.support import models
from hub.support.lifecycle import STATUSES
from hub.support.models import Answer, Party, SupportRequest
from tests import factories

PARTY_ROLES = (
    "co_lead",
    models.REQUESTING,
    models.CO_REQUESTING,
    models.COPIED,
    models.LEAD,
    models.CONTRIBUTOR,
    models.PEER,
)


@dataclass
class World:
    session: Session
    readers: list[Membership] = field(default_factory=list)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('policy') / 'hub.db'}")
    Base.metadata.create_all(database.engine)
    with database.session() as session:
        entities = [
            factories.state(session, "PRT"),
            factories.state(session, "GHA"),
            factories.agency(session, "iom"),
            factories.agency(session, "ilo"),
            factories.secretariat_office(session),
        ]
        made = World(session)
        for entity in entities:
            for role in ROLES:  # whatever makes no sense, such as the expert of a State, must gain nothing either
                made.readers.append(factories.member(session, role, entity))
        ended = factories.member(session, FOCAL_POINT, entities[0])
        ended.until = now()
        waiting = factories.member(session, FOCAL_POINT, entities[0], confirmed=False)
        made.readers += [ended, waiting]
        session.commit()
        yield made
    database.close()


parties = st.lists(
    st.tuples(
        st.sampled_from(["PRT", "GHA", "iom", "ilo"]),
        st.sampled_from(PARTY_ROLES),
        st.sampled_from(["active", "sent", "accepted", "shared", "told", "declined"]),
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda party: party[:2],
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.sampled_from(STATUSES), parties), min_size=1, max_size=4))
def test_can_and_visible_agree(world: World, rows: list[tuple[str, list[tuple[str, str, str, bool]]]]) -> None:
    session = world.session
    for status, named in rows:
        row = factories.request(session, world.readers[0], status=status)
        row.parties.clear()
        session.flush()
        row.parties = [
            Party(entity_id=entity, role=role, state=state, until=now() if ended else None)
            for entity, role, state, ended in named
        ]
    told = [
        Event(subject_kind="request", subject_id="any", action="send", audience=audience, data=data)
        for audience in AUDIENCES
        for data in ({}, {"entity": "iom"}, {"entity": "GHA"})
    ]
    session.add_all(told)
    session.flush()
    try:
        everything = session.scalars(select(SupportRequest)).all()
        for reader in [*world.readers, None]:
            for action in policy.RULES:
                seen = set(session.scalars(select(SupportRequest.id).where(policy.visible(reader, action))))
                assert seen == {row.id for row in everything if policy.can(reader, action, row)}
            pairs = select(SupportRequest.id, Event.id).join(Event, Event.subject_id == "any")
            assert {tuple(pair) for pair in session.execute(pairs.where(policy.heard(reader)))} == {
                (row.id, event.id) for row in everything for event in told if policy.hears(reader, row, event)
            }
    finally:
        session.rollback()


def test_an_action_without_a_rule_is_nobodys(session: Session) -> None:
    team = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    row = factories.request(session, team)
    assert not policy.can(team, "burn", row)
    assert session.scalar(select(func.count()).select_from(SupportRequest).where(policy.visible(team, "burn"))) == 0


def test_whoever_may_act_may_read(session: Session) -> None:
    team = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    iom = factories.agency(session, "iom")
    readers = [team, factories.secretariat(session), factories.member(session, EXPERT, iom)]
    for status in STATUSES:
        for state in ("sent", "accepted", "declined"):
            row = factories.request(session, team, status=status)
            factories.party(session, row, iom, state=state)
            for reader in readers:
                allowed = policy.actions(reader, row, policy.RULES)
                assert not allowed or "read" in allowed, (reader.role, status, state, allowed)
            session.execute(delete(Party).where(Party.request_id == row.id))


@pytest.mark.parametrize("status", STATUSES)
def test_an_administrator_reads_no_request(session: Session, status: str) -> None:
    row = factories.request(
        session, factories.member(session, FOCAL_POINT, factories.state(session, "PRT")), status=status
    )
    assert not policy.can(factories.member(session, ADMINISTRATOR), "read", row)


@pytest.mark.parametrize(("status", "read"), [(one, one not in {"draft", "discarded"}) for one in STATUSES])
def test_the_secretariat_reads_what_was_submitted(session: Session, status: str, read: bool) -> None:
    team = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    row = factories.request(session, team, status=status)
    assert policy.can(factories.secretariat(session), "read", row) is read


@pytest.mark.parametrize(
    ("role", "entity", "everything", "about_itself"),
    [
        (FOCAL_POINT, "PRT", {"requesting", "parties", "invited", "public"}, set()),
        (SECRETARIAT, None, set(AUDIENCES), set()),
        (EXPERT, "iom", {"delivery", "parties", "public"}, {"agency"}),
        (EXPERT, "unhcr", set(), {"agency", "parties", "public"}),
        (FOCAL_POINT, "FRA", set(), {"invited", "public"}),
        (FOCAL_POINT, "GHA", set(), set()),
        (EXPERT, "ilo", set(), set()),
        (ADMINISTRATOR, None, set(), set()),
    ],
)
def test_who_hears_what(
    session: Session, role: str, entity: str | None, everything: set[str], about_itself: set[str]
) -> None:
    entities = {code: factories.state(session, code) for code in ("PRT", "GHA", "FRA")}
    entities |= {code: factories.agency(session, code) for code in ("iom", "ilo", "unhcr")}
    row = factories.request(session, factories.member(session, FOCAL_POINT, entities["PRT"]), status="matching")
    factories.party(session, row, entities["iom"], state="accepted")
    factories.party(session, row, entities["unhcr"], role="contributor")
    factories.party(session, row, entities["FRA"], role="peer")
    reader = factories.member(session, role, entities.get(entity or ""))

    def heard(about: str) -> set[str]:
        return {one for one in AUDIENCES if policy.hears(reader, row, Event(audience=one, data={"entity": about}))}

    assert heard("somebody") == everything
    assert heard(reader.entity_id) == everything | about_itself


@pytest.mark.parametrize(
    ("role", "entity", "status", "read"),
    [
        (EXPERT, "iom", "draft", True),
        (EXPERT, "ilo", "draft", False),
        (FOCAL_POINT, "PRT", "draft", False),
        (SECRETARIAT, None, "draft", False),
        (FOCAL_POINT, "PRT", "sent", True),
        (FOCAL_POINT, "GHA", "sent", False),
        (EXPERT, "ilo", "sent", True),
        (SECRETARIAT, None, "sent", True),
    ],
)
def test_who_reads_an_answer(session: Session, role: str, entity: str | None, status: str, read: bool) -> None:
    entities = {code: factories.state(session, code) for code in ("PRT", "GHA")}
    entities |= {code: factories.agency(session, code) for code in ("iom", "ilo")}
    row = factories.request(session, factories.member(session, FOCAL_POINT, entities["PRT"]), status="answered")
    factories.party(session, row, entities["iom"], state="accepted")
    factories.party(session, row, entities["ilo"], role="contributor", state="accepted")
    author = factories.member(session, EXPERT, entities["iom"])
    answer = Answer(request_id=row.id, entity_id="iom", membership_id=author.id, language="en", text="", status=status)
    reader = factories.member(session, role, entities.get(entity or ""))
    assert policy.can_read_answer(reader, answer, row) is read


def test_a_state_is_written_for_by_its_own_confirmed_focal_points(session: Session) -> None:
    portugal, iom = factories.state(session, "PRT"), factories.agency(session, "iom")
    own = factories.member(session, FOCAL_POINT, portugal)
    assert policy.can_create(own, "PRT")
    assert not policy.can_create(own, "GHA")
    for other in [
        None,
        factories.member(session, FOCAL_POINT, portugal, confirmed=False),
        factories.secretariat(session),
        factories.member(session, EXPERT, iom),
        factories.member(session, ADMINISTRATOR),
    ]:
        assert not policy.can_create(other, "PRT")
