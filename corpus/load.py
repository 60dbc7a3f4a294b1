"""Vocabulary files -> database: terms, labels, States, areas, agencies, working groups, the secretariat's office."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from hub.network.models import (
    AGENCY,
    AREA,
    CONFIRMED,
    MANDATE,
    OFFICE,
    STATE,
    WORKING_GROUP,
    Agency,
    Correction,
    Entity,
    EntityObjective,
    Label,
    MemberState,
    Term,
    WorkingGroup,
)
from hub.network.vocabulary import IMPLEMENTERS, KINDS, REGIONS, STAMP, STATUSES, with_ancestors

FOLDER = Path(__file__).parent
VOCAB = FOLDER / "vocab"
SECRETARIAT = "Secretariat of the United Nations Network on Migration"


Row = TypeVar("Row")


@dataclass(slots=True)
class VocabularySummary:
    """Terms, labels and entities together, by what happened to them."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


def seed_files() -> tuple[Path, ...]:
    """The records that come with the hub, for `indexer ingest`."""
    return FOLDER / "practices.jsonl", FOLDER / "guidance.jsonl"


@cache
def read(name: str) -> dict[str, Any]:
    """A vocabulary file, parsed."""
    return json.loads((VOCAB / name).read_text("utf-8"))


def load_vocabulary(session: Session) -> VocabularySummary:
    """Bring the database up to the files and commit. Files that were loaded before cost one query.

    An entity is written again when its own content hash changed; nothing is ever deleted.
    """
    state = _state_of_files()
    stamp = session.get(Term, STAMP)
    if stamp is not None and stamp.data.get("hash") == state:
        return VocabularySummary(unchanged=stamp.data["rows"])
    summary = VocabularySummary()
    _write_entities(session, summary)
    _write_terms(session, summary)
    _write_labels(session, summary)
    data = {"hash": state, "rows": summary.added + summary.changed + summary.unchanged}
    session.merge(Term(id=STAMP, scheme="meta", code="vocabulary", data=data))
    session.commit()
    return summary


def _state_of_files() -> str:
    digest = hashlib.sha256()
    for path in (Path(__file__), *sorted(VOCAB.glob("*.json"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _content_hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


# Terms


def _terms() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(scheme, code, data) in the order of the vocabulary."""
    for objective in read("gcm_objectives.json")["objectives"]:
        yield (
            "objective",
            str(objective["number"]),
            {
                "description": objective["description"],
                "keywords": objective["keywords"],
                "paragraph": objective["paragraph"],
                "round_table": objective["imrf_round_table"],
                "fund_area": objective["mptf_thematic_area"],
            },
        )
    for principle in read("guiding_principles.json")["principles"]:
        yield "principle", principle["slug"], {"description": principle["description"], "letter": principle["letter"]}
    for name, region in REGIONS.items():
        yield "region", name, {"m49": region.m49, "parent": region.parent}
    for scheme, codes in (("kind", KINDS), ("implementer", IMPLEMENTERS), ("status", STATUSES)):
        for code in codes:
            yield scheme, code, {}
    for area in read("mptf_thematic_areas.json")["areas"]:
        yield "fund_area", area["id"], {"description": area["description"], "objectives": area["objectives"]}
    for area in read("areas.json")["areas"]:
        if not area["state"]:
            regions = list(with_ancestors(area["region"])) if area["region"] else []
            yield AREA, area["id"], {"iso2": area["iso2"], "m49": area["m49"], "regions": regions}
    for code, agency in read("agency_aliases.json")["agencies"].items():
        yield AGENCY, code, {"aliases": agency["aliases"]}
    yield from _situations()


def _situations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Corridors and routes, and which States are origin, transit or destination, small or large, speak a language."""
    facts = read("situations.json")
    known = {"verified": facts["verified"]}
    for code in facts["corridors"]:
        origin, destination = code.split("-")
        yield "corridor", code, {"origin": origin, "destination": destination, **known}
    for route in facts["routes"]:
        yield "route", route["id"], {"transit": route["transit"], "arrival": route["arrival"], **known}
    for scheme, states in (("role", facts["roles"]), ("language", facts["languages"])):
        codes = dict.fromkeys(code for listed in states.values() for code in listed)
        for code in codes:
            yield scheme, code, {"states": [state for state, listed in states.items() if code in listed], **known}
    for code, states in facts["sizes"].items():
        yield "size", code, {"states": states, **known}


def _write_terms(session: Session, summary: VocabularySummary) -> None:
    known = {term.id: term for term in session.scalars(select(Term))}
    for position, (scheme, code, data) in enumerate(_terms()):
        term = known.get(f"{scheme}:{code}")
        if term is None:
            session.add(Term(id=f"{scheme}:{code}", scheme=scheme, code=code, position=position, data=data))
            summary.added += 1
        elif (term.position, term.data) != (position, data):
            term.position, term.data = position, data
            summary.changed += 1
        else:
            summary.unchanged += 1


# Labels


def _labels() -> Iterator[tuple[str, str, str, str]]:
    """(id, language, text, origin). Later ones replace earlier ones."""
    for objective in read("gcm_objectives.json")["objectives"]:
        yield f"objective:{objective['number']}", "en", objective["short_title"], "ours"
    for principle in read("guiding_principles.json")["principles"]:
        yield f"principle:{principle['slug']}", "en", principle["title"], "source"
    for name in REGIONS:
        yield f"region:{name}", "en", name, "source"
    for area in read("mptf_thematic_areas.json")["areas"]:
        yield f"fund_area:{area['id']}", "en", area["label"], "ours"
    for route in read("situations.json")["routes"]:
        for language, text in route["names"].items():
            yield f"route:{route['id']}", language, text, "ours"
    for block in read("labels.json")["blocks"]:
        for code, texts in block["labels"].items():
            for language, text in texts.items():
                yield f"{block['scheme']}:{code}", language, text, block["origin"]
    for country in (*read("countries.json")["countries"], *read("areas.json")["areas"]):
        for language, text in country["names"].items():
            yield f"entity:{country['id']}", language, text, country["names_source"]
    for member in read("network_members.json")["members"]:
        yield f"entity:{member['id']}", "en", member["name"], "source"
    for code, agency in read("agency_aliases.json")["agencies"].items():
        for language, text in agency["names"].items():
            yield f"entity:{code}", language, text, "ours"


def _write_labels(session: Session, summary: VocabularySummary) -> None:
    known = {(label.id, label.language): label for label in session.scalars(select(Label))}
    wanted = {(id_, language): (text, origin) for id_, language, text, origin in _labels()}
    for (id_, language), (text, origin) in wanted.items():
        label = known.get((id_, language))
        if label is None:
            session.add(Label(id=id_, language=language, text=text, origin=origin))
            summary.added += 1
        elif (label.text, label.origin) != (text, origin):
            label.text, label.origin = text, origin
            summary.changed += 1
        else:
            summary.unchanged += 1


# Entities


def _entities() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(id, kind, English name, what is special to the kind)."""
    yield "secretariat", OFFICE, SECRETARIAT, {}
    champions = {champion["id"]: champion for champion in read("champion_countries.json")["champions"]}
    for country in read("countries.json")["countries"]:
        smallest = country["m49_intermediate_region"] or country["m49_subregion"]
        facts = {
            "iso2": country["iso2"],
            "m49": country["m49"],
            "un_status": country["un_status"],
            "regions": list(with_ancestors(smallest)),
            "subregion": smallest,
            "commissions": country["regional_commissions"],
            "home_commissions": country["home_commissions"],
            "champion": _champion(champions.get(country["id"])),
        }
        yield country["id"], STATE, country["name"], facts
    for area in read("areas.json")["areas"]:
        if not area["state"]:
            yield area["id"], AREA, area["names"]["en"], {}
            continue
        facts = {
            "iso2": area["iso2"],
            "m49": area["m49"],
            "un_status": "none",
            "regions": list(with_ancestors(area["region"])),
            "subregion": area["region"],
            "commissions": [],
            "home_commissions": area["home_commissions"],
            "champion": None,
        }
        yield area["id"], STATE, area["names"]["en"], facts
    for member in read("network_members.json")["members"]:
        facts = {key: value for key, value in member.items() if key not in {"id", "name"}}
        yield member["id"], AGENCY, member["name"], facts
    agencies = _agency_ids()
    for group in read("working_groups.json")["groups"]:
        leads, members = group["co_leads"] or [], group["members"] or []
        facts = {
            "type": group["type"],
            "number": group["number"],
            "workplan": group["workplan"],
            "focus": group["focus"] or "",
            "co_leads": leads,
            "co_lead_ids": [agencies[name] for name in leads if name in agencies],
            "members": members,
            "member_ids": [agencies[name] for name in members if name in agencies],
            "co_leads_verified": group["co_leads_verified"],
            "source_url": group["source_url"],
            "objectives": [
                {"number": number, "basis": "working-group", "strength": "primary"} for number in group["objectives"]
            ],
        }
        yield group["id"], WORKING_GROUP, group["name"], facts


def _champion(record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {name: record[name] for name in ("joined_year", "champion_by", "confidence", "evidence", "source_urls")}


def _agency_ids() -> dict[str, str]:
    """Acronym or full name -> id."""
    members = read("network_members.json")["members"]
    return {member[name]: member["id"] for name in ("name", "acronym") for member in members}


def _write_entities(session: Session, summary: VocabularySummary) -> None:
    rows = session.scalars(
        select(Entity).options(
            joinedload(Entity.agency),
            joinedload(Entity.state),
            joinedload(Entity.group),
            selectinload(Entity.objectives),
        )
    )
    known = {row.id: row for row in rows}
    corrected = _corrected(session)
    for id_, kind, name, facts in _entities():
        content_hash = _content_hash({"kind": kind, "name": name, **facts})
        row = known.get(id_)
        if row is not None and row.content_hash == content_hash:
            summary.unchanged += 1
            continue
        if row is None:
            row = Entity(id=id_, version=1)
            session.add(row)
            summary.added += 1
        else:
            row.version += 1
            summary.changed += 1
        row.kind, row.name, row.content_hash = kind, name, content_hash
        _write_facts(row, facts, kept=corrected.get(id_, frozenset()))
    session.flush()


def _corrected(session: Session) -> dict[str, set[str]]:
    """Entity -> fields that the secretariat corrected: the files say nothing of them any more."""
    fields: dict[str, set[str]] = {}
    for entity_id, field in session.execute(
        select(Correction.entity_id, Correction.field).where(Correction.status == CONFIRMED)
    ):
        fields.setdefault(entity_id, set()).add(field)
    return fields


def _write_facts(row: Entity, facts: Mapping[str, Any], *, kept: Collection[str]) -> None:
    """`kept`: fields that stay as they are, of the objectives those of the mandate."""
    columns = {name: value for name, value in facts.items() if name != "objectives" and name not in kept}
    if row.kind == STATE:
        row.state = _filled(row.state or MemberState(), columns)
    elif row.kind == AGENCY:
        row.agency = _filled(row.agency or Agency(), columns)
    elif row.kind == WORKING_GROUP:
        row.group = _filled(row.group or WorkingGroup(), columns)
    wanted = {
        (each["number"], each["basis"]): each["strength"]
        for each in facts.get("objectives", ())
        if each["basis"] != MANDATE or "objectives" not in kept
    }
    there = {
        (each.number, each.basis): each for each in row.objectives if each.basis != MANDATE or "objectives" not in kept
    }
    for key, strength in wanted.items():
        if key in there:
            there[key].strength = strength
        else:
            row.objectives.append(EntityObjective(number=key[0], basis=key[1], strength=strength))
    for key, each in there.items():
        if key not in wanted:
            row.objectives.remove(each)


def _filled(row: Row, columns: Mapping[str, Any]) -> Row:
    for name, value in columns.items():
        setattr(row, name, value)
    return row
