"""Profiles of experts and ties between agencies and States: what forms and scripts send, and what they get."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from hub.schemas.fields import LARGEST_VERSION, Body, Objectives, Words
from hub.support.conflicts import Conflict
from hub.support.expert_models import ProgrammeTie
from hub.support.experts import DEFAULT_CAPACITY, MOST, Entry, ProfileData

LONGEST_NOTE = 2_000
SEEN = "Name the version that you read."


class Day(fields.Date):
    def __init__(self) -> None:
        super().__init__(required=True, error_messages={"invalid": "Not a date, such as 2026-12-31."})


class AbsenceBody(Body):
    """Both days included."""

    from_on = Day()
    until_on = Day()


class Codes(fields.List[str]):
    """Codes in order; a form may send some of them as one text, separated by commas or blanks."""

    def __init__(self, description: str) -> None:
        super().__init__(Words(60), load_default=list, metadata={"description": description})


class Count(fields.Integer):
    def __init__(self, **more: Any) -> None:
        super().__init__(
            validate=validate.Range(0, MOST, error="From {min} to {max}."),
            error_messages={"invalid": f"From 0 to {MOST}."},
            **more,
        )


class ProfileBody(Body):
    """The whole profile; what is left out is empty."""

    capacity = Count(required=True, metadata={"description": "Requests at a time."})
    minimum_load = Count(load_default=0, metadata={"description": "As many the expert should have."})
    languages = Codes("Two or three letters each; at least one.")
    gcm_objectives = Objectives()
    regions = Codes("M49 names and ISO 3166-1 alpha-3 codes; none: anywhere.")
    own_states = Codes("States of which the expert is a national, or for which they worked; alpha-3.")
    absences = fields.List(fields.Nested(AbsenceBody), load_default=list, validate=validate.Length(max=MOST))
    note = Words(LONGEST_NOTE, description="For the agency's coordinator and the secretariat.")
    version = fields.Integer(
        required=True,
        validate=validate.Range(0, LARGEST_VERSION),
        error_messages={"required": SEEN},
        metadata={"description": "Of the profile, as read; 0: there was none."},
    )


class ProfileForm(ProfileBody):
    """As a browser sends it: `other_languages` is one text; `from_1`, `until_1` and so on are absences."""

    other_languages = Words(200)

    @pre_load
    def gather(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        given = {name: value for name, value in data.items() if not name.startswith(("from_", "until_"))}
        pairs = [(data.get(f"from_{at}", ""), data.get(f"until_{at}", "")) for at in range(MOST)]
        if any(bool(first) != bool(last) for first, last in pairs):
            raise ValidationError("An absence needs its first and its last day.", "absences")
        given["absences"] = [{"from_on": first, "until_on": last} for first, last in pairs if first]
        others = str(given.get("other_languages", "")).replace(",", " ").lower().split()
        given["languages"] = [*given.get("languages", ()), *others]
        given.setdefault("capacity", "")
        return given


def to_profile(values: Mapping[str, Any]) -> ProfileData:
    return ProfileData(
        capacity=values["capacity"],
        minimum_load=values["minimum_load"],
        languages=tuple(values["languages"]),
        objectives=tuple(values["gcm_objectives"]),
        regions=tuple(one for one in values["regions"] if one),
        own_states=tuple(one for one in values["own_states"] if one),
        absences=tuple((one["from_on"], one["until_on"]) for one in values["absences"]),
        note=values["note"],
    )


class CoordinatorBody(Body):
    coordinator = fields.Boolean(load_default=False)
    version = fields.Integer(required=True, error_messages={"required": SEEN})


class TieBody(Body):
    agency = Words(60, needed=True)
    country = Words(3, needed=True)
    programme = Words(200, needed=True)
    source = Words(500, needed=True, description="Where it is written that both work in it.")


class ExpertSchema(Schema):
    """`note` and `own_states` are for the expert, the coordinator and the secretariat."""

    id = fields.String(metadata={"description": "Of the membership."})
    name = fields.String()
    entity = fields.String()
    capacity = fields.Integer()
    minimum_load = fields.Integer()
    requests_now = fields.Integer()
    languages = fields.List(fields.String())
    gcm_objectives = fields.List(fields.Integer())
    regions = fields.List(fields.String())
    absences = fields.List(fields.Nested(AbsenceBody))
    absent = fields.Boolean()
    coordinator = fields.Boolean()
    own_states = fields.List(fields.String())
    note = fields.String()
    version = fields.Integer()


class TieSchema(Schema):
    id = fields.String()
    agency = fields.String()
    country = fields.String()
    programme = fields.String()
    source = fields.String()


class ConflictSchema(Schema):
    """`expert` null: of the whole agency or State."""

    kind = fields.String()
    entity = fields.String()
    expert = fields.String(allow_none=True)
    reason = fields.String()
    id = fields.String(allow_none=True)
    source = fields.String()


def dump_expert(entry: Entry) -> dict[str, Any]:
    member, profile = entry.membership, entry.profile
    public = {
        "id": member.id,
        "name": member.person.name,
        "entity": member.entity_id,
        "capacity": profile.capacity if profile else DEFAULT_CAPACITY,
        "minimum_load": profile.minimum_load if profile else 0,
        "requests_now": entry.load,
        "languages": profile.languages if profile else [member.person.language],
        "gcm_objectives": profile.objectives if profile else [],
        "regions": profile.regions if profile else [],
        "absences": [
            {"from_on": away.from_on.isoformat(), "until_on": away.until_on.isoformat()}
            for away in (profile.absences if profile else ())
        ],
        "absent": entry.absent,
        "coordinator": profile.coordinator if profile else False,
        "version": profile.version if profile else 0,
    }
    if not entry.editable:
        return public
    return {**public, "own_states": profile.own_states if profile else [], "note": profile.note if profile else ""}


def dump_tie(row: ProgrammeTie) -> dict[str, Any]:
    return {
        "id": row.id,
        "agency": row.entity_id,
        "country": row.country_id,
        "programme": row.programme,
        "source": row.source,
    }


def dump_conflict(one: Conflict) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "entity": one.entity_id,
        "expert": one.membership_id,
        "reason": one.reason,
        "id": one.record_id,
        "source": one.source,
    }
