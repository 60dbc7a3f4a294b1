"""Steps of a request: what each of them takes."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from hub.schemas.fields import (
    LONGEST_NOTE,
    LONGEST_PLAN,
    LONGEST_STEP,
    MOST_STEPS,
    Body,
    Day,
    Language,
    Lines,
    Version,
    Words,
)
from hub.support import conflicts, delivery, steps, team, triage
from hub.support.written import PlanData


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
