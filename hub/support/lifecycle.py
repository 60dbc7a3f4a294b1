"""The life of a request as one table: from which status an action leads where, and who hears of it.

Who may act is `hub.accounts.policy`'s; a step is checked against both. Later issues add states, never a second table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

DRAFT, DISCARDED, SUBMITTED, MATCHING, IN_PROGRESS, ANSWERED, CLOSED, WITHDRAWN, DECLINED = STATUSES = (
    "draft",
    "discarded",
    "submitted",
    "matching",
    "in_progress",
    "answered",
    "closed",
    "withdrawn",
    "declined",
)


@dataclass(frozen=True, slots=True)
class Step:
    """`to`: the status after the action; `audience`: who sees the event (`hub.events.AUDIENCES`)."""

    to: str
    audience: str


TRANSITIONS: Mapping[tuple[str, str], Step] = {
    (DRAFT, "edit"): Step(DRAFT, "requesting"),
    (SUBMITTED, "edit"): Step(SUBMITTED, "requesting"),
    (DRAFT, "submit"): Step(SUBMITTED, "parties"),
    (DRAFT, "withdraw"): Step(DISCARDED, "requesting"),  # nobody but its team ever saw it, so nobody else learns of it
    (SUBMITTED, "withdraw"): Step(WITHDRAWN, "parties"),
    (MATCHING, "withdraw"): Step(WITHDRAWN, "parties"),
    (IN_PROGRESS, "withdraw"): Step(WITHDRAWN, "parties"),
    (SUBMITTED, "decline"): Step(DECLINED, "requesting"),
    (SUBMITTED, "send"): Step(MATCHING, "parties"),
    (MATCHING, "send"): Step(MATCHING, "parties"),
    (IN_PROGRESS, "send"): Step(IN_PROGRESS, "parties"),
    (ANSWERED, "send"): Step(ANSWERED, "parties"),
    (MATCHING, "accept"): Step(IN_PROGRESS, "parties"),
    (IN_PROGRESS, "accept"): Step(IN_PROGRESS, "parties"),
    (ANSWERED, "accept"): Step(ANSWERED, "parties"),
    (MATCHING, "refuse"): Step(MATCHING, "secretariat"),
    (IN_PROGRESS, "refuse"): Step(IN_PROGRESS, "secretariat"),
    (ANSWERED, "refuse"): Step(ANSWERED, "secretariat"),
    (IN_PROGRESS, "draft_answer"): Step(IN_PROGRESS, "delivery"),
    (ANSWERED, "draft_answer"): Step(ANSWERED, "delivery"),
    (IN_PROGRESS, "answer"): Step(ANSWERED, "parties"),
    (ANSWERED, "answer"): Step(ANSWERED, "parties"),
    (ANSWERED, "close"): Step(CLOSED, "parties"),
    (CLOSED, "reopen"): Step(IN_PROGRESS, "parties"),
}


ACTIONS: tuple[str, ...] = tuple(dict.fromkeys(action for _, action in TRANSITIONS))


def possible(status: str) -> tuple[str, ...]:
    """Actions that lead somewhere from a status, in the table's order."""
    return tuple(action for at, action in TRANSITIONS if at == status)
