"""An agency corrects its record, the secretariat decides, and only then everything reads the new value."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from corpus import load
from hub.accounts.models import EXPERT, Membership
from hub.database import Database
from hub.errors import Forbidden, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.knowledge import corrections
from hub.knowledge.models import Document
from hub.matching import service
from hub.matching.types import Match, MatchRequest
from hub.network import vocabulary
from hub.network.models import Entity
from tests import factories, signing
from tests.api.test_pages import text

BECAUSE = "Our strategy says so."


@pytest.fixture
def ilo(session: Session, words: None) -> Membership:
    return factories.member(session, EXPERT, session.get(Entity, "ilo"))


@pytest.fixture
def secretariat(session: Session, words: None) -> Membership:
    return factories.secretariat(session)


def matched(session: Session, objective: int) -> Match | None:
    found = service.match(session, MatchRequest("GHA", "", "", "en", (objective,)), embedder=None, limit=50)
    return next((one for one in found.agencies if one.url_id == "ilo"), None)


def objectives(session: Session) -> dict[str, str]:
    return corrections.record(session, "ilo")["objectives"]


def test_matching_uses_a_confirmed_objective_at_once_and_not_before(session, ilo, secretariat):
    number = next(one for one in range(1, 24) if str(one) not in objectives(session))
    assert matched(session, number) is None

    wanted = {**objectives(session), str(number): "primary"}
    row = corrections.propose(session, ilo, "objectives", wanted, BECAUSE)
    assert matched(session, number) is None
    corrections.confirm(session, secretariat, row.id)

    found = matched(session, number)
    assert found is not None
    assert "objective_shared" in {reason.code for reason in found.reasons}


def test_matching_uses_confirmed_presence_and_languages_and_says_why(session, ilo, secretariat):
    for field, value in (("presence", ["GHA"]), ("languages", ["en"])):
        corrections.confirm(session, secretariat, corrections.propose(session, ilo, field, value, BECAUSE).id)

    found = matched(session, int(next(iter(objectives(session)))))

    assert found is not None
    assert {"works_in_country", "helps_in_language"} <= {reason.code for reason in found.reasons}
    assert found.score == pytest.approx(sum(reason.weight for reason in found.reasons))


def test_other_processes_read_the_corrected_vocabulary(hub, session, ilo, secretariat):
    def mandate(database: Database) -> str:
        with database.session() as other:
            return next(one.mandate for one in vocabulary.agencies(other) if one.code == "ilo")

    elsewhere = Database(str(hub.settings.database_url))
    assert mandate(elsewhere) != "Another mandate."
    row = corrections.propose(session, ilo, "mandate", "Another mandate.", BECAUSE)
    corrections.confirm(session, secretariat, row.id)

    assert mandate(elsewhere) == "Another mandate."
    assert mandate(hub.database) == "Another mandate."
    elsewhere.close()


def test_the_files_do_not_overwrite_a_confirmed_correction_but_everything_else(session, ilo, secretariat, monkeypatch):
    kept = {"6": "secondary"}
    corrections.confirm(session, secretariat, corrections.propose(session, ilo, "objectives", kept, BECAUSE).id)
    before = session.get_one(Entity, "ilo").agency.url
    groups = [
        (each.number, each.basis) for each in session.get_one(Entity, "ilo").objectives if each.basis != "mandate"
    ]

    def changed() -> Any:
        for id_, kind, name, facts in original():
            yield id_, kind, name, {**facts, "url": "https://example.org/new"} if id_ == "ilo" else facts

    original = load._entities
    monkeypatch.setattr(load, "_entities", changed)
    monkeypatch.setattr(load, "_state_of_files", lambda: "a later release")
    load.load_vocabulary(session)

    session.expire_all()
    entity = session.get_one(Entity, "ilo")
    assert objectives(session) == kept
    assert entity.agency.url == "https://example.org/new" != before
    assert [(each.number, each.basis) for each in entity.objectives if each.basis != "mandate"] == groups


def test_a_correction_is_undone_by_another(session, ilo, secretariat):
    first = objectives(session)
    for wanted in ({"6": "primary"}, first):
        corrections.confirm(session, secretariat, corrections.propose(session, ilo, "objectives", wanted, BECAUSE).id)

    assert objectives(session) == first


def test_a_contested_objective_goes_once_the_secretariat_confirms(session, ilo, secretariat):
    number = next(iter(objectives(session)))

    row = corrections.contest(session, ilo, f"objective_shared:objective:{number}", "Not ours any more.")
    assert number in objectives(session)
    corrections.confirm(session, secretariat, row.id)

    assert number not in objectives(session)


def test_a_contested_part_in_a_record_goes_and_the_record_stays(session, ilo, secretariat):
    factories.document(session, "not-ours", objectives=(6,), agencies=("ilo", "iom"))
    session.commit()

    row = corrections.contest(session, ilo, "record_of_agency:not-ours", "We were not part of it.")
    corrections.confirm(session, secretariat, row.id)

    document = session.scalars(select(Document).where(Document.slug == "not-ours")).one()
    assert [one.entity_id for one in document.entities] == ["iom"]


def test_a_refusal_says_why_and_changes_nothing(session, ilo, secretariat):
    before = objectives(session)
    row = corrections.propose(session, ilo, "objectives", {"1": "primary"}, BECAUSE)

    with pytest.raises(Invalid):
        corrections.refuse(session, secretariat, row.id, note=" ")
    corrections.refuse(session, secretariat, row.id, note="The strategy says otherwise.")

    assert objectives(session) == before
    with pytest.raises(StaleVersion):
        corrections.confirm(session, secretariat, row.id)
    assert {event.action for event in session.query(Event)} == {"correction_proposed", "correction_refused"}


def test_a_record_that_changed_meanwhile_is_not_overwritten(session, ilo, secretariat):
    wants = corrections.propose(session, ilo, "languages", ["en", "fr"], BECAUSE)
    session.get_one(Entity, "ilo").agency.languages = ["ar"]
    session.commit()

    with pytest.raises(StaleVersion):
        corrections.confirm(session, secretariat, wants.id)


def test_a_newer_proposal_replaces_the_one_that_waits(session, ilo, secretariat):
    corrections.propose(session, ilo, "presence", ["GHA"], BECAUSE)
    newer = corrections.propose(session, ilo, "presence", ["GHA", "Western Africa"], BECAUSE)

    assert corrections.waiting(session, secretariat) == 1
    corrections.confirm(session, secretariat, newer.id)
    assert corrections.record(session, "ilo")["presence"] == ["GHA", "Western Africa"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("objectives", {"24": "primary"}),
        ("objectives", {"6": "best"}),
        ("objectives", ["6"]),
        ("languages", ["de"]),
        ("presence", ["XXX"]),
        ("mandate", ""),
        ("url", "javascript:alert(1)"),
        ("name", "x"),
    ],
)
def test_what_cannot_be_a_value_is_refused(session, ilo, field, value):
    with pytest.raises(Invalid):
        corrections.propose(session, ilo, field, value, BECAUSE)


def test_only_its_own_agency_proposes_and_only_the_secretariat_decides(session, ilo, secretariat):
    row = corrections.propose(session, ilo, "languages", ["en"], BECAUSE)
    iom = factories.member(session, EXPERT, session.get(Entity, "iom"))

    with pytest.raises(Forbidden):
        corrections.propose(session, iom, "languages", ["fr"], BECAUSE, entity_id="ilo")
    with pytest.raises(Forbidden):
        corrections.confirm(session, ilo, row.id)
    with pytest.raises(NotFound):
        corrections.propose(session, secretariat, "languages", ["fr"], BECAUSE, entity_id="GHA")
    assert corrections.listing(session, iom) == []


def test_the_way_by_pages(app, session, ilo, secretariat):
    expert, office = app.test_client(), app.test_client()
    signing.sign_in(expert, ilo)
    signing.sign_in(office, secretariat)

    wrong = signing.post(expert, "/en/record", {"field": "presence", "value": "Ghana\nAtlantis", "because": BECAUSE})
    assert wrong.status_code == 422
    assert "Atlantis is not known here." in text(wrong.get_data(as_text=True))
    form = {"field": "presence", "value": "Ghana\nwestern africa", "because": BECAUSE}
    assert signing.post(expert, "/en/record", form).status_code == 303
    assert "waits for the secretariat" in text(expert.get("/en/record").get_data(as_text=True))
    assert "Corrections to decide: 1" in text(office.get("/en/requests").get_data(as_text=True))
    page = office.get("/en/corrections").get_data(as_text=True)
    assert BECAUSE in text(page)
    (address,) = {part.split('"')[0] for part in page.split('action="') if part.startswith("/en/corrections/")}
    assert signing.post(office, address, {"do": "confirm"}).status_code == 303

    assert corrections.record(session, "ilo")["presence"] == ["GHA", "Western Africa"]
    assert "confirmed" in text(expert.get("/en/record").get_data(as_text=True))
    contest = expert.get("/en/record?reason=mandate_close:ilo").get_data(as_text=True)
    assert "Contest a reason of a match" in text(contest)


def test_the_way_by_api(app, session, ilo, secretariat):
    expert, office = app.test_client(), app.test_client()
    signing.sign_in(expert, ilo)
    signing.sign_in(office, secretariat)
    mine, theirs = ({"X-CSRFToken": signing.csrf_token(one)} for one in (expert, office))

    made = expert.post("/api/v1/corrections", json={"field": "languages", "value": ["fr"]}, headers=mine)
    assert made.status_code == 201
    id_ = made.get_json()["id"]
    decision = f"/api/v1/corrections/{id_}/decision"
    assert expert.post(decision, json={"confirm": True}, headers=mine).status_code == 403
    decided = office.post(decision, json={"confirm": True}, headers=theirs).get_json()

    assert (decided["status"], decided["after"]) == ("confirmed", ["fr"])
    assert expert.get("/api/v1/corrections?status=confirmed").get_json()["items"][0]["id"] == id_
    nothing = expert.post("/api/v1/corrections", json={"contest": "mandate_close:ilo"}, headers=mine)
    assert nothing.status_code == 422
