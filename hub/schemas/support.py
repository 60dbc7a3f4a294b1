"""Support requests, answers and matches: what forms and scripts send, and what they get."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from hub.accounts.models import Membership
from hub.database import now
from hub.matching.types import MatchRequest
from hub.search.types import LANGUAGES
from hub.support import clocks, conflicts, delivery, desk, reading, steps, team, triage
from hub.support.delivery_models import CONTRIBUTION_STATUSES, HANDED, Contribution
from hub.support.escalation import Late
from hub.support.lifecycle import STATUSES
from hub.support.models import PLAN_STATUSES, Answer, Clock, Party, Plan, SupportRequest
from hub.support.reading import Entry
from hub.support.requests import RequestData
from hub.support.written import AnswerData, PlanData

LONGEST_TITLE = 300
LONGEST_DESCRIPTION = 20_000
LONGEST_SUMMARY = 1_000
LONGEST_ANSWER = 100_000
LONGEST_PLAN = 20_000
LONGEST_NOTE = 2_000
MOST_STEPS = 30
LONGEST_STEP = 500
LONGEST_KEY = 100
MOST_CITATIONS = 50
LARGEST_VERSION = 2**31 - 1
FILL_IN = "Fill this in."


class Words(fields.String):
    """Text as a person writes it: outer blanks off, one kind of line end, nothing that a database cannot hold.

    `needed`: not empty; then it must be given unless `required` is false.
    """

    def __init__(self, longest: int, *, needed: bool = False, required: bool = True, description: str = "") -> None:
        checks = [validate.Length(max=longest, error="At most {max} characters.")]
        if needed:
            checks.append(validate.Length(min=1, error=FILL_IN))
        more: dict[str, Any] = {"required": required} if needed else {"load_default": ""}
        super().__init__(
            validate=checks,
            error_messages={"required": FILL_IN},
            metadata={"description": description} if description else {},
            **more,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ValidationError("This holds a character that cannot be stored.")
        return text.replace("\r\n", "\n").replace("\r", "\n").strip()


class Language(fields.String):
    """One of the six official languages; absent, null or empty: detected from the text."""

    def __init__(self) -> None:
        super().__init__(
            load_default=None,
            allow_none=True,
            validate=validate.OneOf((*LANGUAGES, None), error="Not one of the six official languages."),
            metadata={"description": "Of the text; detected if absent."},
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return super()._deserialize(value, attr, data, **kwargs) or None


class Lines(fields.List[str]):
    """Short texts in order. A form sends them as one text, a line each; empty lines are passed over."""

    def __init__(self, longest: int, most: int, description: str) -> None:
        super().__init__(
            Words(longest),
            load_default=list,
            validate=validate.Length(max=most, error="At most {max} lines."),
            metadata={"description": description},
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = [line.strip() for one in value for line in one.splitlines() if line.strip()]
        return super()._deserialize(value, attr, data, **kwargs)


class Day(fields.Date):
    """A day, as 2026-12-31; absent, null or empty: none."""

    def __init__(self) -> None:
        super().__init__(
            load_default=None,
            allow_none=True,
            error_messages={"invalid": "Not a date, such as 2026-12-31."},
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return super()._deserialize(value, attr, data, **kwargs) if value else None


class Version(fields.Integer):
    """The version that the writer saw."""

    def __init__(self, description: str, *, required: bool) -> None:
        more: dict[str, Any] = {"required": True} if required else {"load_default": None, "allow_none": True}
        super().__init__(
            validate=validate.Range(1, LARGEST_VERSION),
            error_messages={"required": "Name the version that you read, here or in If-Match."},
            metadata={"description": description},
            **more,
        )


class Objectives(fields.List[int]):
    """Numbers of objectives of the Compact, 1 to 23."""

    def __init__(self) -> None:
        each = fields.Integer(validate=validate.Range(1, 23, error="Objectives are numbered 1 to 23."))
        super().__init__(each, load_default=list, validate=validate.Length(max=23))


class Body(Schema):
    class Meta:
        unknown = RAISE


class RequestBody(Body):
    """The words of a request. `country`: the writer's own State, which it is anyway."""

    title = Words(LONGEST_TITLE, needed=True)
    description = Words(LONGEST_DESCRIPTION, needed=True)
    summary = Words(LONGEST_SUMMARY, description="What an agency may see before it accepts.")
    language = Language()
    gcm_objectives = Objectives()


class NewRequest(RequestBody):
    """`submit`: hand it to the secretariat at once; else it is a draft that only its State's team sees."""

    country = fields.String(load_default=None, validate=validate.Length(3, 3), metadata={"example": "GHA"})
    submit = fields.Boolean(load_default=False)


class RequestChange(RequestBody):
    """Any of the words; what is left out stays (load it with `partial=KEPT`)."""

    title = Words(LONGEST_TITLE, needed=True, required=False)
    description = Words(LONGEST_DESCRIPTION, needed=True, required=False)
    version = Version("Of the request, as read; or send it as If-Match.", required=True)


KEPT = ("summary", "language", "gcm_objectives")
"""Fields of `RequestChange` that have a default, which must not replace what is stored."""


def load(schema: type[Schema], data: Any, **how: Any) -> dict[str, Any]:
    """What `schema` makes of one object. Raises `ValidationError`."""
    values: Any = schema().load(data, **how)
    return values


def to_request(values: Mapping[str, Any], current: RequestData | None = None) -> RequestData:
    """The words loaded by one of the schemas above; what they leave out is taken from `current`."""
    given: dict[str, Any] = {
        name: values[name] for name in ("title", "description", "summary", "language", "country") if name in values
    }
    if "gcm_objectives" in values:
        given["objectives"] = tuple(sorted(set(values["gcm_objectives"])))
    return RequestData(**given) if current is None else replace(current, **given)


def words_of(row: SupportRequest) -> RequestData:
    """What a request says, as its writer would send it."""
    return RequestData(
        title=row.title,
        description=row.description,
        summary=row.summary,
        language=row.language,
        objectives=tuple(objective.number for objective in row.objectives),
    )


class Step(Body):
    """A step that needs no words: submit, acknowledge, accept, agree, no_plan, close, join, stay_out."""

    version = Version("Of the request, as read; or send it as If-Match.", required=True)


class StepWithNote(Step):
    """Withdraw, reply, reopen."""

    note = Words(LONGEST_NOTE, description="For everybody who sees the step.")


class StepWithWords(Step):
    """Ask, send_back."""

    note = Words(LONGEST_NOTE, needed=True, description="For everybody who sees the step.")


class Triage(StepWithNote):
    """The secretariat takes a request on."""

    reason = fields.String(load_default=steps.IN_SCOPE, validate=validate.OneOf(triage.ELIGIBLE, error="Choose one."))


class Propose(Step):
    """The plan of the lead. Loads to `version` and `data`, a `PlanData`."""

    text = Words(LONGEST_PLAN, needed=True)
    steps = Lines(LONGEST_STEP, MOST_STEPS, "What will be done, in order.")
    target_on = Day()
    language = Language()
    contributions = fields.List(
        fields.String(), load_default=list, metadata={"description": "Ids of those that the plan rests on."}
    )

    @post_load
    def collect(self, values: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        data = PlanData(
            values["text"],
            tuple(values["steps"]),
            values["target_on"],
            values["language"],
            tuple(values["contributions"]),
        )
        return {"version": values["version"], "data": data}


class Send(Step):
    """The secretariat gives an agency access. `agency`: id or acronym. `alternates` absent: the next best matches.

    `adjustment`: why not the best match; `replace_lead`: although another agency was asked to lead and has not decided.
    """

    agency = Words(60, needed=True)
    role = fields.String(load_default="lead", validate=validate.OneOf(("lead", "contributor")))
    confirm_unverified = fields.Boolean(load_default=False)
    replace_lead = fields.Boolean(load_default=False)
    alternates = fields.List(
        Words(60),
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=team.MOST_ALTERNATES, error="At most {max}."),
    )
    adjustment = Words(LONGEST_NOTE, description="For the secretariat alone.")

    @post_load
    def drop_empty(self, values: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A form sends every box, chosen or not."""
        names: list[str] | None = values["alternates"]
        return {**values, "alternates": names and [name for name in names if name]}


class Remove(StepWithWords):
    """The secretariat ends an agency's part. `agency`: its id. The note is for the secretariat alone."""

    agency = Words(60, needed=True)


class HandOver(Step):
    """`assignee`: the id of a colleague's membership; empty: whoever comes first."""

    assignee = Words(36)


class StateStep(Step):
    """Invite, ask_peer, share: about another State, by its ISO 3166-1 alpha-3 code."""

    country = Words(3, needed=True)


class Refuse(StepWithNote):
    reason = fields.String(required=True, validate=validate.OneOf(delivery.REFUSALS, error="Choose one."))


class Declare(Step):
    """A conflict of interest: the expert's own, or the agency's."""

    reason = fields.String(
        required=True,
        validate=validate.OneOf(conflicts.REASONS, error="Choose one."),
        error_messages={"required": "Choose one."},
    )
    whole_agency = fields.Boolean(load_default=False)


class Decline(StepWithNote):
    reason = fields.String(required=True, validate=validate.OneOf(triage.DECLINES, error="Choose one."))


class AnyStep(StepWithNote):
    """For the description of the API only: what each action takes, together."""

    agency = fields.String(metadata={"description": "send: id or acronym of the agency; remove: its id"})
    role = fields.String(validate=validate.OneOf(("lead", "contributor")), metadata={"description": "send"})
    country = fields.String(metadata={"description": "invite, ask_peer, share: the other State", "example": "GHA"})
    confirm_unverified = fields.Boolean(metadata={"description": "send: to an agency whose membership is unverified"})
    replace_lead = fields.Boolean(metadata={"description": "send: instead of an agency that was asked to lead"})
    alternates = fields.List(
        fields.String(), metadata={"description": "send: who is asked next, in order; absent: the next best matches"}
    )
    adjustment = fields.String(metadata={"description": "send: why not the best match; for the secretariat alone"})
    assignee = fields.String(metadata={"description": "hand_over: id of a colleague's membership"})
    contributions = fields.List(fields.String(), metadata={"description": "propose: ids of those it rests on"})
    reason = fields.String(
        validate=validate.OneOf(
            tuple(dict.fromkeys(triage.ELIGIBLE + delivery.REFUSALS + conflicts.REASONS + triage.DECLINES))
        ),
        metadata={"description": "triage, refuse, declare, decline"},
    )
    whole_agency = fields.Boolean(metadata={"description": "declare: not for the expert alone"})
    text = Words(LONGEST_PLAN, description="propose: the plan")
    steps = Lines(LONGEST_STEP, MOST_STEPS, "propose: what will be done, in order")
    target_on = Day()
    language = Language()


STEPS: Mapping[str, type[Schema]] = {
    "submit": Step,
    "withdraw": StepWithNote,
    "acknowledge": Step,
    "triage": Triage,
    "ask": StepWithWords,
    "reply": StepWithNote,
    "send": Send,
    "remove": Remove,
    "pause": StepWithWords,
    "resume": Step,
    "decline": Decline,
    "accept": Step,
    "refuse": Refuse,
    "declare": Declare,
    "hand_over": HandOver,
    "propose": Propose,
    "agree": Step,
    "send_back": StepWithWords,
    "no_plan": Step,
    "close": Step,
    "reopen": StepWithNote,
    "invite": StateStep,
    "ask_peer": StateStep,
    "join": Step,
    "stay_out": Step,
    "share": StateStep,
}
"""What each of `verbs.VERBS` takes."""


class Picked(fields.String):
    """A request and the version of it that was seen, as `ID:VERSION`. Loads to a pair."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        name, _, version = super()._deserialize(value, attr, data, **kwargs).rpartition(":")
        if not name or not version.isascii() or not version.isdigit() or not 1 <= int(version[:11]) <= LARGEST_VERSION:
            raise ValidationError("Not a request and its version, such as R-2026-0042:3.")
        return name, int(version)


class Many(Body):
    """One step for many requests. `reason`, `note`: of decline, for all of them. Send goes to the best match of each."""

    action = fields.String(required=True, validate=validate.OneOf(tuple(desk.MANY), error="Choose one."))
    requests = fields.List(
        Picked(metadata={"example": "R-2026-0042:3"}),
        required=True,
        validate=validate.Length(1, desk.MOST, error="Choose at least one request, and at most {max}."),
    )
    reason = fields.String(load_default="")
    note = Words(LONGEST_NOTE)


def values_of_many(
    asked: Mapping[str, Any], best: Callable[[SupportRequest], Mapping[str, Any]]
) -> Callable[[SupportRequest], Mapping[str, Any]]:
    """What each of the requests takes for the step. `best`: whom a request is sent to."""
    if asked["action"] == "send":
        return best
    values = {"reason": asked["reason"], "note": asked["note"]} if asked["action"] == "decline" else {}
    return lambda _: values


class AnswerWords(Body):
    """What an answer says. `citations`: slugs or ids of published records."""

    text = Words(LONGEST_ANSWER)
    language = Language()
    citations = fields.List(Words(200, needed=True), load_default=list, validate=validate.Length(max=MOST_CITATIONS))


class AnswerBody(AnswerWords):
    """`status` draft keeps it for the agency's own eyes; then `version` is not needed."""

    status = fields.String(load_default="sent", validate=validate.OneOf(("draft", "sent")))
    version = Version("Of the request, as read; or send it as If-Match.", required=False)
    answer_version = Version("Of the agency's draft, if there is one.", required=False)
    contributions = fields.List(
        fields.String(),
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Ids of those that went into it; absent: of an answer that is sent, all that are in none."
        },
    )

    @validates_schema
    def names_what_it_saw(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["status"] == "sent" and data["version"] is None:
            raise ValidationError("Name the version that you read, here or in If-Match.", "version")


def to_answer(values: Mapping[str, Any]) -> AnswerData:
    put_in: list[str] | None = values.get("contributions")
    return AnswerData(
        text=values["text"],
        language=values["language"],
        citations=tuple(dict.fromkeys(values["citations"])),
        contributions=None if put_in is None else tuple(put_in),
    )


class ContributionBody(AnswerWords):
    """`status` draft keeps it for the agency's own eyes; handed gives it to the lead, for which `version` is needed."""

    status = fields.String(load_default="handed", validate=validate.OneOf(CONTRIBUTION_STATUSES))
    version = Version("Of the request, as read; or send it as If-Match.", required=False)
    answer_version = Version("Of the agency's draft, if there is one.", required=False)

    @validates_schema
    def names_what_it_saw(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["status"] == HANDED and data["version"] is None:
            raise ValidationError("Name the version that you read, here or in If-Match.", "version")


class ListParams(Body):
    """`status` may be given several times."""

    status = fields.List(fields.String(validate=validate.OneOf(STATUSES)), load_default=list)
    limit = fields.Integer(load_default=20, validate=validate.Range(1, reading.LARGEST_PAGE))
    cursor = fields.String(load_default=None, validate=validate.Length(max=200))

    @pre_load
    def collect(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A `MultiDict` of a request: only `status` may come several times."""
        lists = getattr(data, "getlist", None)
        if lists is None:
            return dict(data)
        repeated = {name: ["Given more than once."] for name in data if name != "status" and len(lists(name)) > 1}
        if repeated:
            raise ValidationError(repeated)
        return {name: lists(name) if name == "status" else data[name] for name in data}


class MatchLimit(Body):
    limit = fields.Integer(load_default=10, validate=validate.Range(1, 50))


class MatchBody(Body):
    """A need in words, as in `hub match`. Nothing of it is stored."""

    country = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Z]{3}\Z", error="Not an ISO 3166-1 alpha-3 code, such as GHA."),
        metadata={"example": "GHA"},
    )
    title = Words(LONGEST_TITLE)
    description = Words(LONGEST_DESCRIPTION)
    language = Language()
    gcm_objectives = Objectives()

    @validates_schema
    def says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data["title"] and not data["description"] and not data["gcm_objectives"]:
            raise ValidationError("Say what is needed: a title, a description or objectives.", "description")


def match_request(data: Any, *, unknown: Any = EXCLUDE) -> MatchRequest:
    """A need from JSON; further keys are ignored unless `unknown` says otherwise. Raises `ValidationError`."""
    values = load(MatchBody, data, unknown=unknown)
    return MatchRequest(
        country=values["country"],
        title=values["title"],
        description=values["description"],
        language=values["language"],
        objectives=tuple(sorted(set(values["gcm_objectives"]))),
    )


# What comes back


class PartySchema(Schema):
    """`state`: active, or of whoever was asked sent, accepted, declined; shared: a peer that reads everything."""

    id = fields.String()
    name = fields.String()
    role = fields.String()
    state = fields.String()
    since = fields.DateTime()


class ClockSchema(Schema):
    """`stage`: acknowledge, triage, match, plan, answer, or reply (the State's). `due_at`: the end of that day, UTC.

    `paused`: the request waits for its State. `overdue`: took, or has taken, longer than it should.
    """

    stage = fields.String(validate=validate.OneOf(tuple(clocks.STAGES)))
    started_at = fields.DateTime()
    due_at = fields.DateTime()
    paused = fields.Boolean()
    stopped_at = fields.DateTime(allow_none=True)
    overdue = fields.Boolean()


class RequestSchema(Schema):
    """`actions`: what the caller can do now. `title` and `description` are null for an agency that has not accepted."""

    id = fields.String()
    reference = fields.String()
    country = fields.String()
    title = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    summary = fields.String()
    language = fields.String()
    gcm_objectives = fields.List(fields.Integer())
    status = fields.String(validate=validate.OneOf(STATUSES))
    version = fields.Integer()
    created_at = fields.DateTime()
    submitted_at = fields.DateTime(allow_none=True)
    updated_at = fields.DateTime()
    closed_at = fields.DateTime(allow_none=True)
    parties = fields.List(fields.Nested(PartySchema))
    clocks = fields.List(fields.Nested(ClockSchema))
    actions = fields.List(fields.String())


class OutcomeSchema(Schema):
    """`detail`: why it was not done."""

    id = fields.String()
    reference = fields.String(allow_none=True)
    done = fields.Boolean()
    detail = fields.String()


class LoadSchema(Schema):
    """Open requests that the agency was asked to take, accepted, is late with; `declined`: ever."""

    id = fields.String()
    name = fields.String()
    asked = fields.Integer()
    accepted = fields.Integer()
    overdue = fields.Integer()
    declined = fields.Integer()


class ShortageSchema(Schema):
    """Open requests that name the objective, and those of them that no agency has accepted."""

    gcm_objective = fields.Integer()
    open = fields.Integer()
    without_agency = fields.Integer()


class LoadsSchema(Schema):
    agencies = fields.List(fields.Nested(LoadSchema))
    shortages = fields.List(fields.Nested(ShortageSchema))


class OverdueSchema(Schema):
    """`stages`: of those of `ClockSchema`, the ones that are late."""

    id = fields.String()
    reference = fields.String()
    country = fields.String()
    status = fields.String()
    stages = fields.List(fields.String())
    next_due_at = fields.DateTime(allow_none=True)


class LateSchema(Schema):
    """`due_at`: the day that has passed."""

    reference = fields.String()
    gcm_objectives = fields.List(fields.Integer())
    stage = fields.String()
    due_at = fields.DateTime()


class CitationSchema(Schema):
    id = fields.String()
    document_id = fields.String()
    title = fields.String()
    language = fields.String()


class AnswerSchema(Schema):
    """`number`: counts the versions of the answer that were sent. `contributors`: whose words went into it beside `agency`'s."""

    id = fields.String()
    number = fields.Integer(allow_none=True)
    agency = fields.String()
    contributors = fields.List(fields.String())
    language = fields.String()
    text = fields.String()
    status = fields.String()
    version = fields.Integer()
    citations = fields.List(fields.Nested(CitationSchema))
    created_at = fields.DateTime()
    sent_at = fields.DateTime(allow_none=True)


class ContributionSchema(Schema):
    """`answer_id`, `plan_id`: what the lead put it into. `citations`: ids of records."""

    id = fields.String()
    agency = fields.String()
    language = fields.String()
    text = fields.String()
    citations = fields.List(fields.String())
    status = fields.String(validate=validate.OneOf(CONTRIBUTION_STATUSES))
    version = fields.Integer()
    created_at = fields.DateTime()
    handed_at = fields.DateTime(allow_none=True)
    answer_id = fields.String(allow_none=True)
    plan_id = fields.String(allow_none=True)


class PlanSchema(Schema):
    """`number`: counts the proposals from 1. `target_on`: when the answer is to be there."""

    id = fields.String()
    number = fields.Integer()
    agency = fields.String()
    contributors = fields.List(fields.String())
    language = fields.String()
    text = fields.String()
    steps = fields.List(fields.String())
    target_on = fields.Date(allow_none=True)
    status = fields.String(validate=validate.OneOf(PLAN_STATUSES))
    proposed_at = fields.DateTime()
    decided_at = fields.DateTime(allow_none=True)


class OfficeSchema(Schema):
    id = fields.String()
    name = fields.String()


class EventSchema(Schema):
    """`office`: for which entity somebody acted; `target`: the agency that it was about.

    `on_behalf_of`: the entity for which the secretariat acted, on a `source` of the day `dated`.
    """

    id = fields.String()
    action = fields.String()
    from_status = fields.String(allow_none=True)
    to_status = fields.String(allow_none=True)
    at = fields.DateTime()
    office = fields.Nested(OfficeSchema, allow_none=True)
    target = fields.Nested(OfficeSchema, allow_none=True)
    reason = fields.String(allow_none=True)
    note = fields.String(allow_none=True)
    audience = fields.String()
    on_behalf_of = fields.Nested(OfficeSchema, allow_none=True)
    source = fields.String(allow_none=True)
    dated = fields.Date(allow_none=True)


class ReasonSchema(Schema):
    """`id` names the reason within its match. `without`: the score if its evidence were not there and all else stayed."""

    id = fields.String()
    code = fields.String()
    weight = fields.Float()
    without = fields.Float(allow_none=True)
    text = fields.String()
    evidence = fields.List(fields.String())


class MatchChangeSchema(Schema):
    """What would move a match. `rank`: its place then, null: not listed any more. `kind`: `behind`, `gain` or `loss`."""

    kind = fields.String()
    code = fields.String()
    weight = fields.Float()
    rank = fields.Integer(allow_none=True)
    text = fields.String()


class MatchSchema(Schema):
    """`id`: acronym of an agency, ISO alpha-3 of a State, slug of a record, else an id. Weights of the reasons sum to `score`."""

    id = fields.String()
    name = fields.String()
    score = fields.Float()
    rank = fields.Integer()
    verified = fields.Boolean()
    reasons = fields.List(fields.Nested(ReasonSchema))
    changes = fields.List(fields.Nested(MatchChangeSchema))


class NoteSchema(Schema):
    code = fields.String()
    text = fields.String()


class MatchesSchema(Schema):
    """`objectives`: those named, or inferred where `notes` says so. `experts`: for the secretariat alone, else empty."""

    agencies = fields.List(fields.Nested(MatchSchema))
    peer_states = fields.List(fields.Nested(MatchSchema))
    practices = fields.List(fields.Nested(MatchSchema))
    guidance = fields.List(fields.Nested(MatchSchema))
    experts = fields.List(fields.Nested(MatchSchema))
    offers = fields.List(fields.Nested(MatchSchema))
    funding = fields.List(fields.Nested(MatchSchema))
    notes = fields.List(fields.Nested(NoteSchema))
    objectives = fields.List(fields.Integer())


def dump_request(membership: Membership | None, row: SupportRequest) -> dict[str, Any]:
    """In the shape of `RequestSchema`, as this reader may see it."""
    detailed = reading.detailed(membership, row)
    return {
        "id": row.id,
        "reference": row.reference,
        "country": row.country_id,
        "title": row.title if detailed else None,
        "description": row.description if detailed else None,
        "summary": row.summary,
        "language": row.language,
        "gcm_objectives": [objective.number for objective in row.objectives],
        "status": row.status,
        "version": row.version,
        "created_at": _time(row.created_at),
        "submitted_at": _time(row.submitted_at),
        "updated_at": _time(row.updated_at),
        "closed_at": _time(row.closed_at),
        "parties": [_party(party) for party in reading.shown_parties(membership, row)],
        "clocks": [_clock(clock) for clock in row.clocks],
        "actions": list(reading.possible_actions(membership, row)),
    }


def _clock(clock: Clock) -> dict[str, Any]:
    return {
        "stage": clock.stage,
        "started_at": _time(clock.started_at),
        "due_at": _time(clock.due_at),
        "paused": clock.paused_at is not None,
        "stopped_at": _time(clock.stopped_at),
        "overdue": clock.overdue(now()),
    }


def _party(party: Party) -> dict[str, Any]:
    return {
        "id": party.entity_id,
        "name": party.entity.name,
        "role": party.role,
        "state": party.state,
        "since": _time(party.since),
    }


def dump_answers(answers: Sequence[Answer], contributors: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """`contributors`: as `contributions.contributors`."""
    return [
        {
            "id": answer.id,
            "number": answer.number,
            "agency": answer.entity_id,
            "contributors": list(contributors.get(answer.id, ())),
            "language": answer.language,
            "text": answer.text,
            "status": answer.status,
            "version": answer.version,
            "citations": [
                {
                    "id": citation.document.slug,
                    "document_id": citation.document_id,
                    "title": citation.document.title,
                    "language": citation.document.language,
                }
                for citation in answer.citations
            ],
            "created_at": _time(answer.created_at),
            "sent_at": _time(answer.sent_at),
        }
        for answer in answers
    ]


def dump_outcomes(outcomes: Sequence[desk.Outcome]) -> list[dict[str, Any]]:
    return [{"id": one.id, "reference": one.reference, "done": one.done, "detail": one.detail} for one in outcomes]


def dump_loads(loads: Sequence[desk.Load], shortages: Sequence[desk.Shortage]) -> dict[str, Any]:
    return {
        "agencies": [
            {
                "id": one.agency.id,
                "name": one.agency.name,
                "asked": one.asked,
                "accepted": one.accepted,
                "overdue": one.overdue,
                "declined": one.declined,
            }
            for one in loads
        ],
        "shortages": [
            {"gcm_objective": one.objective, "open": one.open, "without_agency": one.without} for one in shortages
        ],
    }


def dump_overdue(found: Sequence[tuple[SupportRequest, Sequence[str]]]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "reference": row.reference,
            "country": row.country_id,
            "status": row.status,
            "stages": list(stages),
            "next_due_at": _time(reading.next_due(row)),
        }
        for row, stages in found
    ]


def dump_late(found: Sequence[Late]) -> list[dict[str, Any]]:
    return [
        {
            "reference": one.reference,
            "gcm_objectives": list(one.objectives),
            "stage": one.stage,
            "due_at": _time(one.due_at),
        }
        for one in found
    ]


def dump_contributions(found: Sequence[Contribution]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "agency": one.entity_id,
            "language": one.language,
            "text": one.text,
            "citations": one.citations,
            "status": one.status,
            "version": one.version,
            "created_at": _time(one.created_at),
            "handed_at": _time(one.handed_at),
            "answer_id": one.answer_id,
            "plan_id": one.plan_id,
        }
        for one in found
    ]


def dump_plans(plans: Sequence[Plan], contributors: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    return [
        {
            "id": plan.id,
            "number": plan.number,
            "agency": plan.entity_id,
            "contributors": list(contributors.get(plan.id, ())),
            "language": plan.language,
            "text": plan.text,
            "steps": plan.steps,
            "target_on": plan.target_on.isoformat() if plan.target_on else None,
            "status": plan.status,
            "proposed_at": _time(plan.proposed_at),
            "decided_at": _time(plan.decided_at),
        }
        for plan in plans
    ]


def dump_entry(entry: Entry) -> dict[str, Any]:
    event = entry.event
    return {
        "id": event.id,
        "action": event.action,
        "from_status": event.from_state,
        "to_status": event.to_state,
        "at": _time(event.at),
        "office": entry.office and {"id": entry.office.id, "name": entry.office.name},
        "target": entry.target and {"id": entry.target.id, "name": entry.target.name},
        "reason": event.reason,
        "note": entry.note,
        "audience": event.audience,
        "on_behalf_of": entry.in_the_name_of and {"id": entry.in_the_name_of.id, "name": entry.in_the_name_of.name},
        "source": event.data.get("source"),
        "dated": event.data.get("dated"),
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
