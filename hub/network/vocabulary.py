"""The words of the Compact in six languages, and who is in the network: read once per process, safe to call per request.

Closed lists that code relies on stand here; everything else, and all labels, come from the database, where
`corpus.load.load_vocabulary` puts them.
"""

import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from hub.network.models import AGENCY, AREA, STATE, WORKING_GROUP, Entity, Label, Term


class Region(NamedTuple):
    """`m49`: numeric code. `parent`: name of the region above; None for World."""

    m49: str
    parent: str | None


REGIONS: Mapping[str, Region] = {
    "World": Region("001", None),
    "Africa": Region("002", "World"),
    "Northern Africa": Region("015", "Africa"),
    "Sub-Saharan Africa": Region("202", "Africa"),
    "Eastern Africa": Region("014", "Sub-Saharan Africa"),
    "Middle Africa": Region("017", "Sub-Saharan Africa"),
    "Southern Africa": Region("018", "Sub-Saharan Africa"),
    "Western Africa": Region("011", "Sub-Saharan Africa"),
    "Americas": Region("019", "World"),
    "Latin America and the Caribbean": Region("419", "Americas"),
    "Caribbean": Region("029", "Latin America and the Caribbean"),
    "Central America": Region("013", "Latin America and the Caribbean"),
    "South America": Region("005", "Latin America and the Caribbean"),
    "Northern America": Region("021", "Americas"),
    "Asia": Region("142", "World"),
    "Central Asia": Region("143", "Asia"),
    "Eastern Asia": Region("030", "Asia"),
    "South-eastern Asia": Region("035", "Asia"),
    "Southern Asia": Region("034", "Asia"),
    "Western Asia": Region("145", "Asia"),
    "Europe": Region("150", "World"),
    "Eastern Europe": Region("151", "Europe"),
    "Northern Europe": Region("154", "Europe"),
    "Southern Europe": Region("039", "Europe"),
    "Western Europe": Region("155", "Europe"),
    "Oceania": Region("009", "World"),
    "Australia and New Zealand": Region("053", "Oceania"),
    "Melanesia": Region("054", "Oceania"),
    "Micronesia": Region("057", "Oceania"),
    "Polynesia": Region("061", "Oceania"),
}
"""UN M49 regions by their English names, which are the codes of facets and filters."""

KINDS = (
    "practice",
    "guidance",
    "checklist",
    "policy-brief",
    "report",
    "training",
    "template",
    "voluntary-review",
    "regional-review",
    "joint-programme",
    "event",
)
PRINCIPLES = (
    "people-centred",
    "international-cooperation",
    "national-sovereignty",
    "rule-of-law",
    "sustainable-development",
    "human-rights",
    "gender-responsive",
    "child-sensitive",
    "whole-of-government",
    "whole-of-society",
)
IMPLEMENTERS = (
    "government",
    "local-government",
    "un",
    "igo",
    "civil-society",
    "red-cross",
    "private",
    "academia",
)
STATUSES = ("planned", "ongoing", "completed")
"""Of a practice, as its source gave it."""
OBJECTIVES = tuple(range(1, 24))

_KINDS_OF_ENTITY: Mapping[str, tuple[str, ...]] = {
    "country": (STATE, AREA),
    "agency": (AGENCY,),
    "group": (WORKING_GROUP,),
}


def with_ancestors(region: str) -> tuple[str, ...]:
    """The region and all above it up to its continent, smallest first; World only for World itself."""
    chain = [region]
    while (parent := REGIONS[chain[-1]].parent) not in {None, "World"}:
        chain.append(str(parent))
    return tuple(chain)


@dataclass(frozen=True, slots=True)
class Objective:
    """`title` and `description` are the English ones, in our own words; `paragraph` is that of the Compact."""

    number: int
    title: str
    description: str
    keywords: tuple[str, ...]
    paragraph: int
    round_table: str
    fund_area: str


@dataclass(frozen=True, slots=True)
class Country:
    """`state`: can ask and be a peer (Member and observer States, Cook Islands, Niue); else an area a record may name.

    `regions`: M49 names, smallest first. `champion`: the record with its `confidence`; None if not listed.
    """

    code: str
    name: str
    state: bool
    iso2: str
    m49: str
    un_status: str
    regions: tuple[str, ...]
    home_commissions: tuple[str, ...]
    champion: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class AgencyRecord:
    """`verified` false: Network membership was not confirmed and must be shown so. `objectives`: number -> strength."""

    code: str
    acronym: str
    name: str
    url: str | None
    mandate: str
    membership_status: str
    verified: bool
    executive_committee: bool
    coordinator: bool
    objectives: Mapping[int, str]


@dataclass(slots=True)
class _Vocabulary:
    """Everything, as of one state of the database. `texts`: (label id, language) -> text."""

    stamp: tuple[object, ...]
    texts: dict[tuple[str, str], str]
    terms: dict[str, list[str]]
    entities: dict[str, list[str]]
    objectives: tuple[Objective, ...]
    countries: tuple[Country, ...]
    agencies: tuple[AgencyRecord, ...]
    schemes: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict[tuple[str, str], dict[str, str]])


_read: WeakKeyDictionary[Engine, _Vocabulary] = WeakKeyDictionary()
_lock = threading.Lock()
STAMP = "meta:vocabulary"
"""Term whose `data["hash"]` changes with every change that `load_vocabulary` makes."""
_CHECKED = "vocabulary"


def label(session: Session, scheme: str, code: str, language: str) -> str:
    """The name of a term or entity in that language, else in English, else the code itself."""
    return labels(session, scheme, language).get(code, code)


def labels(session: Session, scheme: str, language: str) -> Mapping[str, str]:
    """Code -> name, in the order of the vocabulary; countries and agencies in order of their names.

    `scheme`: objective, principle, region, kind, implementer, status, fund_area, country, agency, group.
    """
    vocabulary = _vocabulary(session)
    if (scheme, language) not in vocabulary.schemes:
        vocabulary.schemes[scheme, language] = _scheme(vocabulary, scheme, language)
    return vocabulary.schemes[scheme, language]


def _scheme(vocabulary: _Vocabulary, scheme: str, language: str) -> dict[str, str]:
    kinds = _KINDS_OF_ENTITY.get(scheme)
    prefix = "entity" if kinds else scheme
    codes = [code for kind in kinds for code in vocabulary.entities.get(kind, ())] if kinds else None

    def name(code: str) -> str:
        key = f"{prefix}:{code}"
        return vocabulary.texts.get((key, language)) or vocabulary.texts.get((key, "en")) or code

    if codes is None:
        return {code: name(code) for code in vocabulary.terms.get(scheme, ())}
    return {code: text for text, code in sorted(((name(code), code) for code in codes), key=_alphabetical)}


def _alphabetical(pair: tuple[str, str]) -> tuple[str, str]:
    """Order of names without regard to case and accents."""
    plain = "".join(sign for sign in unicodedata.normalize("NFD", pair[0]) if not unicodedata.combining(sign))
    return plain.casefold(), pair[1]


def objectives(session: Session) -> tuple[Objective, ...]:
    """The 23 objectives, in order."""
    return _vocabulary(session).objectives


def countries(session: Session) -> tuple[Country, ...]:
    """States and areas that a record may name, in order of code."""
    return _vocabulary(session).countries


def states(session: Session, language: str) -> dict[str, str]:
    """Code -> name of what can ask and be a peer, in order of their names: no areas."""
    named = labels(session, "country", language)
    able = {country.code for country in countries(session) if country.state}
    return {code: name for code, name in named.items() if code in able}


def agencies(session: Session) -> tuple[AgencyRecord, ...]:
    """In order of code."""
    return _vocabulary(session).agencies


def _vocabulary(session: Session) -> _Vocabulary:
    """What this process read, unless the database says that it changed; asked once per session."""
    engine = session.get_bind().engine
    known = _read.get(engine)
    if known is not None and session.info.get(_CHECKED) == known.stamp:
        return known
    stamp = _stamp(session)
    if known is None or known.stamp != stamp:
        known = _load(session, stamp)
        with _lock:
            _read[engine] = known
    session.info[_CHECKED] = stamp
    return known


def touch(session: Session, change: str) -> None:
    """Let every process read the vocabulary again once the session commits. `change`: another word each time."""
    term = session.get(Term, STAMP, with_for_update=True) or Term(id=STAMP, scheme="meta", code="vocabulary", data={})
    term.data = {**term.data, "change": change}
    session.add(term)
    session.info.pop(_CHECKED, None)


def _stamp(session: Session) -> tuple[object, ...]:
    row = session.execute(
        select(
            select(Term.data).where(Term.id == STAMP).scalar_subquery(),
            select(func.count()).select_from(Entity).scalar_subquery(),
        )
    ).one()
    return (str(row[0]), row[1])


def _load(session: Session, stamp: tuple[object, ...]) -> _Vocabulary:
    texts = {
        (id_, language): text for id_, language, text in session.execute(select(Label.id, Label.language, Label.text))
    }
    terms: dict[str, list[str]] = {}
    found = session.scalars(select(Term).order_by(Term.scheme, Term.position, Term.code)).all()
    for term in found:
        terms.setdefault(term.scheme, []).append(term.code)
    areas = {term.code: term.data for term in found if term.scheme == AREA}
    rows = session.scalars(
        select(Entity)
        .where(Entity.kind.in_((AGENCY, STATE, AREA, WORKING_GROUP)))
        .options(joinedload(Entity.agency), joinedload(Entity.state), selectinload(Entity.objectives))
        .order_by(Entity.id)
    ).all()
    entities: dict[str, list[str]] = {}
    for row in rows:
        entities.setdefault(row.kind, []).append(row.id)
        texts.setdefault((f"entity:{row.id}", "en"), row.name)
    return _Vocabulary(
        stamp=stamp,
        texts=texts,
        terms=terms,
        entities=entities,
        objectives=tuple(_objective(term, texts) for term in found if term.scheme == "objective"),
        countries=tuple(_country(row, areas.get(row.id, {})) for row in rows if row.kind in {STATE, AREA}),
        agencies=tuple(_agency(row) for row in rows if row.kind == AGENCY),
    )


def _objective(term: Term, texts: Mapping[tuple[str, str], str]) -> Objective:
    data = term.data
    return Objective(
        number=int(term.code),
        title=texts.get((term.id, "en"), term.code),
        description=data["description"],
        keywords=tuple(data["keywords"]),
        paragraph=data["paragraph"],
        round_table=data["round_table"],
        fund_area=data["fund_area"],
    )


def _country(row: Entity, area: Mapping[str, Any]) -> Country:
    state = row.state
    return Country(
        code=row.id,
        name=row.name,
        state=state is not None,
        iso2=state.iso2 if state else area.get("iso2", ""),
        m49=state.m49 if state else area.get("m49", ""),
        un_status=state.un_status if state else "none",
        regions=tuple(state.regions if state else area.get("regions", ())),
        home_commissions=tuple(state.home_commissions if state else ()),
        champion=state.champion if state else None,
    )


def _agency(row: Entity) -> AgencyRecord:
    facts = row.agency
    assert facts is not None  # noqa: S101 - an agency's row is written with its facts
    strengths: dict[int, str] = {}
    for objective in row.objectives:
        if strengths.get(objective.number) != "primary":
            strengths[objective.number] = objective.strength
    return AgencyRecord(
        code=row.id,
        acronym=facts.acronym,
        name=row.name,
        url=facts.url,
        mandate=facts.mandate,
        membership_status=facts.membership_status,
        verified=facts.verified,
        executive_committee=facts.executive_committee,
        coordinator=facts.coordinator,
        objectives=strengths,
    )
