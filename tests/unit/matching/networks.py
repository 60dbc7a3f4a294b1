"""Small networks of records, agencies, States, offers and areas, given or random, and what is matched over them."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
from hypothesis import strategies as st

from hub.matching import agencies as agency_scores
from hub.matching import means, peers, scoring
from hub.matching.candidates import (
    OBJECTIVES,
    AgencyFacts,
    AnswerFacts,
    AreaFacts,
    DocumentFacts,
    Evidence,
    OfferFacts,
    StateFacts,
)
from hub.matching.scoring import Need
from hub.matching.situation import Situations
from hub.matching.types import Match

REGIONS = {
    "GHA": ("Western Africa", "Africa"),
    "MLI": ("Western Africa", "Africa"),
    "NER": ("Western Africa", "Africa"),
    "SEN": ("Western Africa", "Africa"),
    "BEN": ("Western Africa", "Africa"),
    "KEN": ("Eastern Africa", "Africa"),
    "PRT": ("Southern Europe", "Europe"),
}
SITUATIONS = Situations(
    destinations={"GHA": frozenset({"PRT", "NER"}), "SEN": frozenset({"PRT"}), "MLI": frozenset({"PRT"})},
    origins={"PRT": frozenset({"GHA", "SEN", "MLI"}), "NER": frozenset({"GHA"})},
    routes={"MLI": frozenset({"atlantic"}), "SEN": frozenset({"atlantic"})},
    roles={"GHA": frozenset({"origin"}), "KEN": frozenset({"origin", "transit"}), "MLI": frozenset({"origin"})},
    sizes={"BEN": frozenset({"small"}), "PRT": frozenset({"small"})},
    languages={"SEN": frozenset({"fr"}), "BEN": frozenset({"fr"}), "MLI": frozenset({"fr"})},
)
STATES = tuple(
    StateFacts(code, code.title(), REGIONS[code], ("ECA",), champion=code == "KEN") for code in sorted(REGIONS)
)


def network(
    documents: list[dict[str, Any]],
    agencies: list[AgencyFacts],
    *,
    dim: int = 4,
    clauses: Any = None,
    offers: Any = (),
    areas: Any = (),
    answers: Any = (),
) -> Evidence:
    """Evidence of records given by `slug`, `kind`, `countries`, `objectives`, `agencies` (rows), `vector`, `work`.

    Offers, areas and answers come as (facts, vector).
    """
    documents = sorted(documents, key=lambda each: each["slug"])
    facts = tuple(
        DocumentFacts(each["slug"], each["slug"], each.get("work", each["slug"]), each["slug"], each["kind"], "en")
        for each in documents
    )
    state_rows = {state.id: row for row, state in enumerate(STATES)}
    objectives = np.zeros((len(documents), OBJECTIVES), np.float32)
    for row, each in enumerate(documents):
        objectives[row, [number - 1 for number in each["objectives"]]] = 1
    objectives /= np.maximum(np.linalg.norm(objectives, axis=1, keepdims=True), 1e-9)
    countries = [
        (row, state_rows[code], at == 0)
        for row, each in enumerate(documents)
        for at, code in enumerate(each["countries"])
    ]
    links = sorted((agency, row) for row, each in enumerate(documents) for agency in each["agencies"])
    clauses = np.zeros((0, dim), np.float32) if clauses is None else clauses
    vectors = np.array([each["vector"] for each in documents], np.float32).reshape(len(documents), dim)
    works = {work: at for at, work in enumerate(dict.fromkeys(each.work for each in facts))}

    def integers(values: Any) -> Any:
        return np.array(list(values), np.int64)

    return Evidence(
        documents=facts,
        agencies=tuple(agencies),
        states=STATES,
        document_rows={each.id: row for row, each in enumerate(facts)},
        slug_rows={each.slug: row for row, each in enumerate(facts)},
        state_rows=state_rows,
        agency_ids={each.acronym: each.id for each in agencies},
        practice=np.array([each.kind == "practice" for each in facts], np.bool_),
        objectives=objectives,
        languages=("en",),
        document_language=integers(0 for _ in facts),
        works=integers(works[each.work] for each in facts),
        passages=vectors,
        passage_document=integers(range(len(facts))),
        clauses=clauses,
        clause_level=clauses @ vectors.mean(axis=0) if facts else np.zeros(len(clauses), np.float32),
        clause_agency=integers(range(len(clauses))),
        objective_texts=np.zeros((0, dim), np.float32),
        objective_level=np.zeros(0, np.float32),
        scope=-1.0,
        country_document=integers(row for row, _, _ in countries),
        country_state=integers(state for _, state, _ in countries),
        country_first=np.array([first for _, _, first in countries], np.bool_),
        link_document=integers(row for _, row in links),
        link_agency=integers(agency for agency, _ in links),
        region_documents={
            region: integers(sorted({row for row, state, _ in countries if region in STATES[state].regions}))
            for region in {region for regions in REGIONS.values() for region in regions}
        },
        country_documents={
            code: integers(row for row, state, _ in countries if STATES[state].id == code) for code in REGIONS
        },
        situations=SITUATIONS,
        offers=tuple(each for each, _ in offers),
        offer_texts=np.array([vector for _, vector in offers], np.float32).reshape(len(offers), dim),
        offer_level=np.zeros(len(offers), np.float32),
        areas=tuple(each for each, _ in areas),
        area_texts=np.array([vector for _, vector in areas], np.float32).reshape(len(areas), dim),
        area_level=np.zeros(len(areas), np.float32),
        answers=tuple(each for each, _ in answers),
        answer_texts=np.array([vector for _, vector in answers], np.float32).reshape(len(answers), dim),
    )


DAY = date(2026, 11, 24)


def offer(number: int, **fields: Any) -> OfferFacts:
    values: dict[str, Any] = {
        "entity_id": "a0",
        "verified": True,
        "objectives": frozenset(),
        "places": frozenset(),
        "languages": frozenset(),
        "starts_on": DAY,
        "until": DAY,
        "public": True,
        **fields,
    }
    return OfferFacts(id=f"offer-{number}", title=f"Offer {number}", text="", **values)


def area(number: int, objectives: Any) -> AreaFacts:
    return AreaFacts(f"area-{number}", f"Area {number}", "", frozenset(objectives))


def agency(name: str, strengths: dict[int, str] | None = None, **facts: Any) -> AgencyFacts:
    values: dict[str, Any] = {"verified": True, "leads": {}, "commission": False, **facts}
    return AgencyFacts(
        id=name.lower(),
        acronym=name,
        name=name,
        strengths={number: (strength, "mandate") for number, strength in (strengths or {}).items()},
        **values,
    )


def need(country: str = "GHA", objectives: tuple[int, ...] = (), **fields: Any) -> Need:
    shares = scoring.named_objectives(objectives)
    values: dict[str, Any] = {"language": "en", "keyword": None, "vector": None, **fields}
    return Need(country=country, objectives=shares, predicted=not objectives, **values)


def prepared(evidence: Evidence, wanted: Need) -> Need:
    """With similarities, and with objectives that stand for those not named."""
    wanted = similar(evidence, wanted)
    if not wanted.predicted:
        return wanted
    text = np.add(*scoring.text_relevance(evidence, wanted))
    return replace(wanted, objectives=scoring.predict_objectives(evidence, wanted, text))


def lists_of(evidence: Evidence, wanted: Need, limit: int = 10) -> dict[str, tuple[Match, ...]]:
    """`wanted` as `prepared`, its similarities computed again."""
    wanted = similar(evidence, wanted)
    found = scoring.relevance(evidence, wanted, *scoring.text_relevance(evidence, wanted))
    return {
        "agencies": agency_scores.agencies(agency_scores.scored(evidence, wanted, found), limit=limit),
        "peers": peers.peer_states(evidence, wanted, found, limit=limit),
        "practices": scoring.records(evidence, wanted, found, practices=True, limit=limit),
        "guidance": scoring.records(evidence, wanted, found, practices=False, limit=limit),
        "offers": means.offers(evidence, wanted, members=True, on=DAY, limit=limit),
        "funding": means.funding(evidence, wanted, limit=limit),
    }


def all_lists(evidence: Evidence, wanted: Need, limit: int = 10) -> dict[str, tuple[Match, ...]]:
    return lists_of(evidence, prepared(evidence, wanted), limit)


def similar(evidence: Evidence, wanted: Need) -> Need:
    vector = wanted.vector
    return wanted if vector is None else replace(wanted, similar=scoring.similarities(evidence, vector))


def unit(values: Any) -> Any:
    array = np.asarray(values, np.float32)
    return array / np.maximum(np.linalg.norm(array, axis=-1, keepdims=True), 1e-9)


vectors = st.lists(st.floats(-1, 1, width=16), min_size=4, max_size=4).map(lambda values: unit([*values[:3], 1.1]))
OBJECTIVES_DRAWN = st.sampled_from([1, 6, 22])
numbers = st.lists(OBJECTIVES_DRAWN, max_size=3, unique=True)


@st.composite
def networks(draw: Any) -> tuple[Evidence, Need]:
    count = draw(st.integers(0, 4))
    members = [
        agency(
            f"A{row}",
            draw(st.dictionaries(OBJECTIVES_DRAWN, st.sampled_from(["primary", "secondary"]), max_size=5)),
            leads=draw(st.dictionaries(OBJECTIVES_DRAWN, st.just(("group-1",)), max_size=2)),
            commission=draw(st.booleans()),
            verified=draw(st.booleans()),
            presence=frozenset(draw(st.sets(st.sampled_from(["GHA", "Western Africa"])))),
            languages=frozenset(draw(st.sets(st.just("en")))),
        )
        for row in range(count)
    ]
    documents = [
        {
            "slug": f"record-{row}",
            "kind": draw(st.sampled_from(["practice", "guidance"])),
            "countries": draw(st.lists(st.sampled_from(sorted(REGIONS)), max_size=3, unique=True)),
            "objectives": draw(numbers),
            "agencies": draw(st.sets(st.sampled_from(range(count)))) if count else set(),
            "vector": draw(vectors),
            "work": draw(st.sampled_from([f"record-{row}", "shared"])),
        }
        for row in range(draw(st.integers(0, 8)))
    ]
    clauses = np.array([draw(vectors) for _ in range(count)], np.float32).reshape(count, 4)
    keyword = draw(
        st.none() | st.lists(st.floats(0, 50), min_size=len(documents), max_size=len(documents)).map(np.array)
    )
    named = frozenset(draw(st.sets(st.sampled_from(sorted(REGIONS)), max_size=2)))
    asker = draw(st.sampled_from([*sorted(REGIONS), "ZZZ"]))
    wanted = need(asker, tuple(draw(numbers)), keyword=keyword, states=named)
    if draw(st.booleans()):
        wanted = replace(wanted, vector=draw(vectors), parts=np.array([draw(vectors), draw(vectors)], np.float32))
    offers = [
        (
            offer(
                row,
                objectives=frozenset(draw(numbers)),
                places=frozenset(draw(st.sets(st.sampled_from(["GHA", "Africa", "Europe"]), max_size=2))),
                languages=frozenset(draw(st.sets(st.sampled_from(["en", "fr"])))),
                public=draw(st.booleans()),
            ),
            draw(vectors),
        )
        for row in range(draw(st.integers(0, 3)))
    ]
    areas = [(area(row, draw(numbers)), draw(vectors)) for row in range(draw(st.integers(0, 3)))]
    answers = [
        (
            AnswerFacts(f"answer-{row}", "entry", f"a{row % 2}", tuple(draw(st.sets(st.sampled_from(["MLI", "KEN"]))))),
            draw(vectors),
        )
        for row in range(draw(st.integers(0, 3)))
    ]
    return network(documents, members, clauses=clauses, offers=offers, areas=areas, answers=answers), wanted


def record(slug: str, **fields: Any) -> dict[str, Any]:
    return {
        "slug": slug,
        "kind": "practice",
        "countries": [],
        "objectives": [],
        "agencies": set(),
        "vector": unit([0, 0, 0, 1]),
        **fields,
    }
