"""match() on a database: what counts as evidence, what is said when a part is missing, what is never kept."""

import json
import logging
import random
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import FOCAL_POINT
from hub.database import Outbox
from hub.errors import SearchUnavailable
from hub.knowledge.models import CachedVector, Document
from hub.matching import candidates, reasons, service, weights
from hub.matching.types import ExpertFacts, Inside, Matches, MatchRequest, Reason
from hub.network.models import Entity, Label, Term
from hub.search.embedding import EmbeddingUnavailable, HashEmbedder
from hub.search.text import terms
from hub.search.types import EngineHit, Retrieved, Words
from tests import factories

EMBEDDER = HashEmbedder(dim=256)
WANTED = MatchRequest(
    "PRT",
    "Protect domestic workers abroad",
    "Our nationals work in private households abroad. We ask for advice on contracts and inspection.",
    "en",
    (6,),
)


def corpus(session: Session) -> None:
    """Two practices, a guide, two agencies, four States; vectors as the indexer leaves them."""
    factories.state(session, "PRT")
    factories.agency(
        session, "ilo", objectives={6: "primary"}, mandate="Sets labour standards; protects domestic workers."
    )
    factories.agency(
        session, "unodc", objectives={9: "primary"}, mandate="Fights smuggling of migrants.", verified=False
    )
    factories.document(
        session,
        "contracts-for-domestic-workers",
        title="Contracts for domestic workers",
        summary="Standard contracts protect domestic workers in private households abroad.",
        countries=("PHL",),
        objectives=(6,),
        agencies=("ilo",),
    )
    factories.document(
        session,
        "birth-registration",
        title="Mobile birth registration",
        summary="Teams register births.",
        countries=("SEN",),
        objectives=(4,),
    )
    factories.document(
        session,
        "guide-to-inspection",
        title="Guide to labour inspection",
        kind="guidance",
        summary="How to inspect contracts of domestic workers.",
        objectives=(6,),
    )
    encode(session)


def encode(session: Session) -> None:
    for row in session.scalars(select(Document)):
        for text in candidates.encoded_texts(row.title, row.body, row.language):
            session.merge(
                CachedVector(
                    model=EMBEDDER.model,
                    content_hash=candidates.content_hash(text),
                    values=EMBEDDER.documents([text])[0].astype("<f4").tobytes(),
                )
            )
    session.commit()


class Engine:
    """The keyword side as an engine gives it: words shared with the title, one point each."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def retrieve(self, *, query: Words, limit: int, counted: bool) -> Retrieved:
        words = {stem for alternatives, _ in query.words for stem in alternatives}
        hits = [
            EngineHit(row.id, row.work_id, float(len(words & set(terms(row.title, row.language)))), row.language)
            for row in self._session.scalars(select(Document))
        ]
        found = sorted((hit for hit in hits if hit.score), key=lambda hit: (-hit.score, hit.id))
        return Retrieved(tuple(found[:limit]), (), len(found), {}, {})


class BrokenEngine:
    def retrieve(self, **_: Any) -> Retrieved:
        raise SearchUnavailable


class BrokenEmbedder(HashEmbedder):
    def queries(self, texts: Any) -> Any:
        raise EmbeddingUnavailable("no model")


def ids(matches: Any) -> list[str]:
    return [match.id for match in matches]


def match(session: Session, wanted: MatchRequest = WANTED, **options: Any) -> Matches:
    return service.match(session, wanted, **{"embedder": EMBEDDER, "engine": Engine(session), **options})


def test_a_need_finds_agency_peer_practice_and_guidance_by_their_public_names(session: Session) -> None:
    corpus(session)
    found = match(session)
    assert ids(found.agencies)[0] == "ILO"
    assert ids(found.peer_states)[0] == "PHL"
    assert ids(found.practices)[0] == "contracts-for-domestic-workers"
    assert ids(found.guidance)[0] == "guide-to-inspection"
    assert found.objectives == (6,)
    assert found.notes == ()
    assert found.agencies[0].url_id == "ilo"
    assert session.get(Document, found.practices[0].url_id) is not None


def test_an_agency_whose_membership_is_not_confirmed_is_shown_as_such(session: Session) -> None:
    corpus(session)
    found = match(session, MatchRequest("PRT", "Smuggling of migrants", "Fights smuggling of migrants", "en", (9,)))
    assert {match.id: match.verified for match in found.agencies}["UNODC"] is False


def test_without_a_model_words_and_objectives_still_match_and_the_answer_says_so(session: Session) -> None:
    corpus(session)
    found = match(session, embedder=None)
    assert ids(found.practices)[0] == "contracts-for-domestic-workers"
    assert found.notes == (reasons.MEANING_UNAVAILABLE,)
    codes = {reason.code for one in found.practices for reason in one.reasons}
    assert "words_shared" in codes
    assert "meaning_close" not in codes


def test_a_model_that_fails_is_as_good_as_none(session: Session) -> None:
    corpus(session)
    found = match(session, embedder=BrokenEmbedder(dim=256))
    assert found == match(session, embedder=None)


@pytest.mark.parametrize("engine", [None, BrokenEngine()])
def test_without_an_engine_meaning_and_objectives_still_match_and_the_answer_says_so(
    session: Session, engine: Any
) -> None:
    corpus(session)
    found = match(session, engine=engine)
    assert ids(found.practices)[0] == "contracts-for-domestic-workers"
    assert found.notes == (reasons.KEYWORDS_UNAVAILABLE,)


def test_objectives_that_were_not_named_are_inferred_and_the_answer_says_so(session: Session) -> None:
    corpus(session)
    found = match(session, MatchRequest("PRT", WANTED.title, WANTED.description, "en"))
    assert reasons.OBJECTIVES_PREDICTED in found.notes
    assert found.objectives[0] == 6
    codes = {reason.code for reason in found.agencies[0].reasons}
    assert "objective_predicted" in codes
    assert "objective_shared" not in codes


def test_an_empty_request_gives_empty_lists_and_a_sentence(session: Session) -> None:
    corpus(session)
    found = match(session, MatchRequest("PRT", "", ""))
    assert (found.agencies, found.peer_states, found.practices, found.guidance) == ((), (), (), ())
    assert [reasons.note(code) for code in found.notes] == [
        "Nothing published here is close to this request. Say more about it, or name the objectives it is about."
    ]


def test_the_asker_is_no_peer_of_its_own_but_its_practices_are_shown(session: Session) -> None:
    corpus(session)
    found = match(session, MatchRequest("PHL", WANTED.title, WANTED.description, "en", (6,)))
    assert "PHL" not in ids(found.peer_states)
    practice = found.practices[0]
    assert practice.id == "contracts-for-domestic-workers"
    assert ("place_own", ("PHL", practice.id)) in {(reason.code, reason.evidence) for reason in practice.reasons}


def test_what_is_withdrawn_or_edited_counts_at_the_next_match(session: Session) -> None:
    corpus(session)
    assert ids(match(session).practices)[0] == "contracts-for-domestic-workers"
    row = session.scalars(select(Document).where(Document.slug == "contracts-for-domestic-workers")).one()
    row.status = "withdrawn"
    session.commit()
    found = match(session)
    assert "contracts-for-domestic-workers" not in ids(found.practices)
    assert "PHL" not in ids(found.peer_states)
    evidence = {each for one in found.agencies for reason in one.reasons for each in reason.evidence}
    assert "contracts-for-domestic-workers" not in evidence


def test_a_record_that_was_just_encoded_counts_at_the_next_match(session: Session) -> None:
    corpus(session)
    factories.document(session, "new", title=WANTED.title, summary=WANTED.description, objectives=(6,))
    session.commit()
    before = next(one for one in match(session, engine=None).practices if one.id == "new")
    assert "meaning_close" not in {reason.code for reason in before.reasons}
    encode(session)
    assert ids(match(session, engine=None).practices)[0] == "new"


def test_an_agency_corrects_its_objectives_and_the_next_match_knows(session: Session) -> None:
    corpus(session)
    entity = session.get_one(Entity, "unodc")
    entity.objectives[0].strength = "secondary"
    entity.version += 1
    session.commit()
    wanted = MatchRequest("PRT", "Smuggling", "Smuggling", "en", (9,))
    reason = next(
        r
        for one in match(session, wanted).agencies
        if one.id == "UNODC"
        for r in one.reasons
        if r.params.get("objective")
    )
    assert reason.weight == 0.5


def test_evidence_is_read_once_while_nothing_changes(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(session)
    first = candidates.evidence(session, EMBEDDER)
    assert candidates.evidence(session, EMBEDDER) is first
    assert candidates.evidence(session, None) is not first


@pytest.mark.both_databases
def test_nothing_of_a_request_is_written_logged_or_kept(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    corpus(session)
    secret = "confidentialcorridor"
    rows = session.scalar(select(CachedVector.content_hash).order_by(CachedVector.content_hash))
    count = len(session.scalars(select(CachedVector.content_hash)).all())
    match(session, MatchRequest("PRT", secret, f"About {secret}.", "en", (6,)))
    match(
        session,
        MatchRequest("PRT", secret, f"About {secret}.", "en"),
        embedder=BrokenEmbedder(dim=256),
        engine=BrokenEngine(),
    )
    assert not session.new
    assert not session.dirty
    assert len(session.scalars(select(CachedVector.content_hash)).all()) == count
    assert session.scalar(select(CachedVector.content_hash).order_by(CachedVector.content_hash)) == rows
    assert session.scalars(select(Outbox)).all() == []
    assert secret not in caplog.text
    kept = candidates._kept[session.get_bind().engine]
    assert not any(secret in text for each in kept.values() for text in each.texts)


def test_requests_of_others_are_no_evidence(session: Session) -> None:
    corpus(session)
    before = match(session)
    focal_point = factories.member(session, FOCAL_POINT, factories.state(session, "NPL"))
    factories.request(session, focal_point, status="submitted", title=WANTED.title, description=WANTED.description)
    session.commit()
    assert match(session) == before


def test_reasons_name_objectives_and_regions_in_the_language_of_the_reader(session: Session, app: Any) -> None:
    session.add(
        Term(
            id="objective:6",
            scheme="objective",
            code="6",
            data={"description": "d", "keywords": [], "paragraph": 22, "round_table": "RT3", "fund_area": "x"},
        )
    )
    session.add_all(
        [
            Label(id="objective:6", language="en", text="Fair recruitment"),
            Label(id="objective:6", language="fr", text="Recrutement équitable"),
        ]
    )
    corpus(session)
    reason = next(reason for reason in match(session).agencies[0].reasons if reason.code == "objective_shared")
    assert reasons.text(reason) == "Objective 6 (Fair recruitment) is a core task of this agency"
    with app.test_request_context("/fr/"):
        assert "Recrutement équitable" in reasons.text(reason)
        assert "Fair recruitment" in reasons.text(reason, "en")


def test_json_has_the_promised_keys_and_sums(session: Session) -> None:
    corpus(session)
    answer = json.loads(json.dumps(reasons.to_json(match(session))))
    assert {"agencies", "peer_states", "practices"} <= set(answer)
    for name in ("agencies", "peer_states", "practices", "guidance"):
        assert answer[name]
        for one in answer[name]:
            assert {"id", "score", "rank", "reasons"} <= set(one)
            assert sum(reason["weight"] for reason in one["reasons"]) == pytest.approx(one["score"], abs=1e-9)
            for reason in one["reasons"]:
                assert set(reason) == {"id", "code", "weight", "without", "text", "evidence"}
                assert reason["evidence"]


@pytest.mark.parametrize("code", reasons.CODES)
@pytest.mark.parametrize("extra", [{}, {"strength": "primary"}, {"strength": "secondary", "basis": "working-group"}])
def test_every_code_has_a_sentence(code: str, extra: dict[str, Any]) -> None:
    params = {"objective": 6, "region": "Africa", "country": "GHA", "title": "100% “fair”", "count": 1, "days": 2.0, "percent": 50, "commission": "ECA", "route": "andes", "countries": "GHA",
        "origin": "GHA", "destination": "PRT", "roles": "origin", "size": "small", "language": "fr", "agency": "ILO", **extra}  # fmt: skip
    sentence = reasons.text(Reason(code, params, 1.0, ("x",)))
    assert sentence
    assert "%(" not in sentence


@pytest.mark.parametrize("code", reasons.NOTES)
def test_every_note_has_a_sentence(code: str) -> None:
    assert reasons.note(code).endswith(".")


def test_the_limit_bounds_every_list(session: Session) -> None:
    corpus(session)
    found = match(session, limit=1)
    assert [len(each) for each in (found.agencies, found.peer_states, found.practices, found.guidance)] == [1, 1, 1, 1]


@pytest.mark.parametrize("text", ['"', "NEAR(", "50%", "\x00", "ﷺ" * 50, "a" * 20_000, "\ud800", "（" * 300])
def test_any_text_is_safe(session: Session, text: str) -> None:
    corpus(session)
    found = match(session, MatchRequest("XXX", text, text, None, (6, 99, 0)))
    assert found.objectives == (6,)
    assert all(np.isfinite(one.score) for one in found.agencies)


def test_weights_of_agencies_are_those_of_the_table(session: Session) -> None:
    corpus(session)
    breadth = next(reason for reason in match(session).agencies[0].reasons if reason.code == "mandate_breadth")
    assert breadth.weight == pytest.approx(weights.WEIGHTS["agency.breadth"].value / 23)


@pytest.mark.parametrize("seed", range(4))
def test_all_requests_at_once_suit_experts_as_one_after_the_other_in_the_secretariats_view(
    session: Session, seed: int
) -> None:
    corpus(session)
    chance = random.Random(seed)
    words = [
        "domestic",
        "workers",
        "contracts",
        "births",
        "smuggling",
        "inspection",
        "private",
        "households",
        "teams",
        "migrants",
    ]
    numbers, languages, states = range(1, 24), ["en", "fr", "ar"], ["PRT", "PHL", "SEN", "GHA"]
    for at in range(12):
        factories.agency(
            session,
            f"agency-{at}",
            objectives={
                number: chance.choice(["primary", "secondary"])
                for number in chance.sample(numbers, chance.randint(0, 6))
            },
            mandate="; ".join(" ".join(chance.choices(words, k=3)) for _ in range(3)),
        )
        factories.document(
            session,
            f"record-{at}",
            title=" ".join(chance.choices(words, k=4)),
            summary=" ".join(chance.choices(words, k=12)),
            countries=chance.sample(states, chance.randint(0, 2)),
            objectives=chance.sample(numbers, chance.randint(0, 3)),
            agencies=(f"agency-{at}",),
        )
    encode(session)
    people = tuple(
        ExpertFacts(
            f"e{at:02}",
            "",
            f"agency-{chance.randrange(13)}",  # the last is nobody's
            frozenset(chance.sample(languages, 1)),
            frozenset(chance.sample(numbers, chance.choice([0, 0, 1, 4]))),
            chance.choice([None, frozenset(chance.sample(states, 2))]),
            frozenset(chance.sample(states, chance.choice([0, 0, 1]))),
            capacity=chance.randint(0, 3),
            load=chance.randint(0, 2),
            absent=chance.random() < 0.2,
        )
        for at in range(40)
    )
    inside = Inside({}, {}, {}, {}, frozenset(), people)
    requests = [
        MatchRequest(
            chance.choice(states),
            " ".join(chance.choices(words, k=5)) if at else "",  # the first says nothing
            " ".join(chance.choices(words, k=20)) if at else "",
            chance.choice(languages),
            tuple(chance.sample(numbers, chance.choice([0, 1, 3]))),
        )
        for at in range(12)
    ]
    engine = Engine(session)
    at_once = list(service.affinities(session, [(one, EMBEDDER) for one in requests], inside, engine=engine))
    listed = 0
    for request, found in zip(requests, at_once, strict=True):
        alone = match(session, request, engine=engine, view="secretariat", inside=inside, limit=1_000)
        scores = {
            one.id: score for one, score in zip(people, found.scores.tolist(), strict=True) if not np.isnan(score)
        }
        assert {one.id: one.score for one in alone.experts} == pytest.approx(scores, abs=1e-9)
        assert found.objectives == alone.objectives
        listed += len(scores)
    assert listed > 20
