"""The life of a request as one table: from which status an action leads where, and who hears of it.

Who may act is `hub.accounts.policy`'s; a step is checked against both. Later issues add states, never a second table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

(
    DRAFT,
    DISCARDED,
    SUBMITTED,
    CLARIFICATION,
    TRIAGED,
    MATCHING,
    UNPLACED,
    PLANNING,
    IN_PROGRESS,
    ANSWERED,
    CLOSED,
    WITHDRAWN,
    DECLINED,
    LAPSED,
) = STATUSES = (
    "draft",
    "discarded",
    "submitted",
    "clarification",
    "triaged",
    "matching",
    "unplaced",
    "planning",
    "in_progress",
    "answered",
    "closed",
    "withdrawn",
    "declined",
    "lapsed",
)


@dataclass(frozen=True, slots=True)
class Step:
    """`to`: the status after the action; `audience`: who sees the event (`hub.events.AUDIENCES`).

    `or_to`: where it leads instead under the condition `when`, which the verb checks.
    """

    to: str
    audience: str
    or_to: str = ""
    when: str = ""

    @property
    def ends(self) -> tuple[str, ...]:
        return (self.to, self.or_to) if self.or_to else (self.to,)


_TO_BE_SENT = (SUBMITTED, CLARIFICATION, TRIAGED)
_WITH_AGENCIES = (MATCHING, UNPLACED, PLANNING, IN_PROGRESS, ANSWERED)
_WORKED_ON = (MATCHING, PLANNING, IN_PROGRESS, ANSWERED)
_ALONE = "no other agency has it"

TRANSITIONS: Mapping[tuple[str, str], Step] = {
    # The State writes
    (DRAFT, "edit"): Step(DRAFT, "requesting"),
    (DRAFT, "submit"): Step(SUBMITTED, "parties"),
    (DRAFT, "withdraw"): Step(DISCARDED, "requesting"),  # nobody but its team ever saw it, so nobody else learns of it
    # The secretariat looks whether the Network can take it on
    (SUBMITTED, "edit"): Step(SUBMITTED, "requesting"),
    (SUBMITTED, "acknowledge"): Step(SUBMITTED, "requesting"),
    (SUBMITTED, "triage"): Step(TRIAGED, "parties"),
    (SUBMITTED, "ask"): Step(CLARIFICATION, "requesting"),
    (SUBMITTED, "send"): Step(MATCHING, "parties"),  # one click finds it within scope and sends it
    (SUBMITTED, "decline"): Step(DECLINED, "requesting"),
    (SUBMITTED, "withdraw"): Step(WITHDRAWN, "parties"),
    (CLARIFICATION, "edit"): Step(CLARIFICATION, "requesting"),
    (CLARIFICATION, "reply"): Step(SUBMITTED, "requesting"),
    (CLARIFICATION, "triage"): Step(TRIAGED, "parties"),  # the question was settled elsewhere
    (CLARIFICATION, "decline"): Step(DECLINED, "requesting"),
    (CLARIFICATION, "withdraw"): Step(WITHDRAWN, "parties"),
    (CLARIFICATION, "lapse"): Step(LAPSED, "requesting"),
    (LAPSED, "reopen"): Step(SUBMITTED, "requesting"),
    (LAPSED, "withdraw"): Step(WITHDRAWN, "parties"),
    (TRIAGED, "edit"): Step(SUBMITTED, "requesting"),  # other words are looked at again
    (TRIAGED, "ask"): Step(CLARIFICATION, "requesting"),
    (TRIAGED, "send"): Step(MATCHING, "parties"),
    (TRIAGED, "decline"): Step(DECLINED, "requesting"),
    (TRIAGED, "withdraw"): Step(WITHDRAWN, "parties"),
    # Agencies are asked
    (MATCHING, "send"): Step(MATCHING, "parties"),
    (MATCHING, "accept"): Step(PLANNING, "parties", MATCHING, "a contributor accepts before any lead"),
    (MATCHING, "refuse"): Step(MATCHING, "secretariat", UNPLACED, _ALONE),
    (MATCHING, "declare"): Step(MATCHING, "secretariat", UNPLACED, _ALONE),
    (MATCHING, "withdraw"): Step(WITHDRAWN, "parties"),
    (UNPLACED, "send"): Step(MATCHING, "parties"),
    (UNPLACED, "decline"): Step(DECLINED, "requesting"),
    (UNPLACED, "withdraw"): Step(WITHDRAWN, "parties"),
    # Lead and State agree on a plan, unless the answer is short
    (PLANNING, "propose"): Step(PLANNING, "parties"),
    (PLANNING, "agree"): Step(IN_PROGRESS, "parties"),
    (PLANNING, "send_back"): Step(PLANNING, "parties"),
    (PLANNING, "no_plan"): Step(IN_PROGRESS, "parties"),
    (PLANNING, "send"): Step(PLANNING, "parties"),
    (PLANNING, "accept"): Step(PLANNING, "parties"),
    (PLANNING, "refuse"): Step(PLANNING, "secretariat"),
    (PLANNING, "declare"): Step(PLANNING, "secretariat", UNPLACED, _ALONE),
    (PLANNING, "draft_answer"): Step(PLANNING, "delivery"),
    (PLANNING, "answer"): Step(ANSWERED, "parties"),
    (PLANNING, "withdraw"): Step(WITHDRAWN, "parties"),
    # The answer
    (IN_PROGRESS, "propose"): Step(PLANNING, "parties"),
    (IN_PROGRESS, "send"): Step(IN_PROGRESS, "parties"),
    (IN_PROGRESS, "accept"): Step(IN_PROGRESS, "parties"),
    (IN_PROGRESS, "refuse"): Step(IN_PROGRESS, "secretariat"),
    (IN_PROGRESS, "declare"): Step(IN_PROGRESS, "secretariat", UNPLACED, _ALONE),
    (IN_PROGRESS, "draft_answer"): Step(IN_PROGRESS, "delivery"),
    (IN_PROGRESS, "answer"): Step(ANSWERED, "parties"),
    (IN_PROGRESS, "withdraw"): Step(WITHDRAWN, "parties"),
    (ANSWERED, "send"): Step(ANSWERED, "parties"),
    (ANSWERED, "accept"): Step(ANSWERED, "parties"),
    (ANSWERED, "refuse"): Step(ANSWERED, "secretariat"),
    (ANSWERED, "declare"): Step(ANSWERED, "secretariat"),
    (ANSWERED, "draft_answer"): Step(ANSWERED, "delivery"),
    (ANSWERED, "answer"): Step(ANSWERED, "parties"),
    (ANSWERED, "close"): Step(CLOSED, "parties"),
    (CLOSED, "reopen"): Step(IN_PROGRESS, "parties"),
    # Agencies among themselves, and what the secretariat does about them
    **{(status, "remove"): Step(status, "parties", UNPLACED, _ALONE) for status in (MATCHING, PLANNING, IN_PROGRESS)},
    (ANSWERED, "remove"): Step(ANSWERED, "parties"),
    **{(status, "hand_over"): Step(status, "agency") for status in _WORKED_ON},
    **{(status, "draft_contribution"): Step(status, "agency") for status in _WORKED_ON},
    **{(status, "contribute"): Step(status, "delivery") for status in _WORKED_ON},
    # Nobody of the State can act
    **{(status, "pause"): Step(status, "parties") for status in (*_TO_BE_SENT, *_WITH_AGENCIES)},
    **{(status, "resume"): Step(status, "parties") for status in (*_TO_BE_SENT, *_WITH_AGENCIES)},
    # Other States: the team invites one to ask together, the secretariat asks one that has done something like it
    **{(status, "invite"): Step(status, "invited") for status in (DRAFT, *_TO_BE_SENT)},
    **{(status, "ask_peer"): Step(status, "invited") for status in _WITH_AGENCIES},
    **{(status, "join"): Step(status, "invited") for status in (DRAFT, *_TO_BE_SENT, *_WITH_AGENCIES)},
    **{(status, "stay_out"): Step(status, "invited") for status in (DRAFT, *_TO_BE_SENT, *_WITH_AGENCIES)},
    **{(status, "share"): Step(status, "invited") for status in _WITH_AGENCIES},
}


ALTERNATE = "alternate"
"""Reason of a `send` that happened by itself, because the agency before did not accept. For the secretariat's eyes."""

ACTIONS: tuple[str, ...] = tuple(dict.fromkeys(action for _, action in TRANSITIONS))


BY_ITSELF = ("lapse",)
"""Steps that nobody takes: a clock does (`hub.support.reminders`)."""


def possible(status: str) -> tuple[str, ...]:
    """Actions that lead somewhere from a status, in the table's order."""
    return tuple(action for at, action in TRANSITIONS if at == status)


def as_table() -> str:
    """The transitions as a Markdown table, for the documentation."""
    lines = ["| From | Action | To | Heard by |", "|---|---|---|---|"]
    for (status, action), step in TRANSITIONS.items():
        to = f"{step.to} ({step.or_to} when {step.when})" if step.or_to else step.to
        lines.append(f"| {status} | {action} | {to} | {step.audience} |")
    return "\n".join(lines) + "\n"
