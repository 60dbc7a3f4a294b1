"""One request: what it says, what happened, its buttons."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import current_app, flash, redirect, request, url_for
from flask_babel import gettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from hub.accounts import guard, policy
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from hub.database import now
from hub.errors import IllegalTransition, Invalid, NotFound, StaleVersion
from hub.network import vocabulary
from hub.schemas import steps as step_schemas
from hub.search.types import LANGUAGES
from hub.support import clocks, conflicts, delivery, ratings, reading, register, triage, verbs
from hub.support.lifecycle import ALTERNATE, CLARIFICATION
from hub.support.models import PEER, SupportRequest
from hub.support.reading import Entry
from hub.web.conflicts import conflict_lines
from hub.web.i18n import language, name_of
from hub.web.support import teams
from hub.web.support.behalf import in_the_name
from hub.web.support.matching import MATCHES, groups, notes
from hub.web.support.papers import papers_of
from hub.web.support.parts import blueprint, isolated, load, name_in_words, numbers, page, to_request
from hub.web.support.words import (
    CLOCK_NAMES,
    DONE,
    GROUP_NAMES,
    HAPPENED,
    PARTY_NAMES,
    PARTY_STATES,
    PLAN_NAMES,
    REASON_NAMES,
    TASK_NAMES,
    USED_NAMES,
)

if TYPE_CHECKING:
    from hub.matching.types import Matches

SENDING = {"send", "send_again", "lead"}
"""Tasks in which the secretariat chooses an agency, with the proposals before its eyes. Others ask for them: they take a while."""
DRAFTS = {"draft_answer": "support.answer", "draft_contribution": "support.contribute"}
"""Where an agency goes on with what it saved; a State does so where it wrote."""
FURTHER = {"share", "hand_over", "remove", "pause", "ask_peer", "invite", "decline", "reopen", "withdraw", "declare"}
"""Steps at the end of the page. To declare a conflict stands first until the agency has accepted."""


@blueprint.get("/<name>")
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
def show(name: str) -> Response:
    return _show(reading.get(db(), membership_needed(), name))


@blueprint.post("/<name>/actions/<action>")
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
def act(name: str, action: str) -> Response:
    """A button of the page. What went wrong is shown on the same page, with what was typed."""
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    if action not in verbs.VERBS:
        raise NotFound
    try:
        values = load(step_schemas.STEPS[action])
        if action == "send":
            values = teams.send_values(membership, row, values)
        row = verbs.VERBS[action](db(), membership, row.id, **values)
    except ValidationError as error:
        return _show(row, 422, failed=action, errors=error.normalized_messages())
    except Invalid as error:
        return _show(row, 422, failed=action, errors=error.errors)
    except (StaleVersion, IllegalTransition) as error:
        row = reading.get(db(), membership, row.id)
        return _show(row, 409, failed=action, conflict=gettext(error.detail))
    flash(str(DONE[action]))
    return to_request(row) if reading.readable(membership, row) else redirect(url_for("support.requests"), 303)


def _show(
    row: SupportRequest,
    status: int = 200,
    *,
    failed: str = "",
    errors: Mapping[str, Any] | None = None,
    conflict: str = "",
) -> Response:
    membership = membership_needed()
    actions = reading.possible_actions(membership, row)
    tasks = reading.tasks_in(db(), membership, row)
    may_match = policy.can(membership, "match", row)
    found = None
    if may_match and ("matches" in request.args or failed == "send" or SENDING.intersection(tasks)):
        parts = current_app.extensions["hub"]
        found = reading.matches(db(), membership, row, embedder=parts.embedder, engine=parts.engine, limit=MATCHES)
    choosing = found is not None and "send" in actions
    objectives = vocabulary.labels(db(), "objective", language())
    entries = reading.history(db(), membership, row)
    detailed = reading.detailed(membership, row)
    answers = reading.answers(db(), membership, row)
    plans = reading.plans(membership, row)
    running = clocks.running(row)
    submitted = row.status not in policy.UNSEEN
    may_publish = submitted and (policy.can(membership, "publish", row) or membership.role == SECRETARIAT)
    further = FURTHER if detailed else FURTHER - {"declare"}
    return page(
        "show.html",
        status,
        row=row,
        country=name_in_words(row.country),
        objectives=[(number, objectives.get(number, number)) for number in numbers(row)],
        parties=[(name_in_words(party.entity), party) for party in reading.shown_parties(membership, row)],
        party_names=PARTY_NAMES,
        party_states=PARTY_STATES,
        timeline=_timeline(entries),
        answers=[(name_in_words(answer.entity), answer) for answer in answers],
        papers=papers_of(row, answers),
        detailed=detailed,
        tasks=tasks,
        task_names=TASK_NAMES,
        task_places={
            "agree": "#plans",
            "read": "#answers",
            "reply": "#question",
            "offer": url_for("offers.compare", name=row.id),
            "finish": url_for(next((DRAFTS[one] for one in DRAFTS if one in actions), "support.edit"), name=row.id),
        },
        choosing=choosing,
        further=further & set(actions),
        plans=[(name_in_words(plan.entity), plan) for plan in reversed(plans)],
        plan_names=PLAN_NAMES,
        question=_question(row, entries),
        clocks=running,
        paused=clocks.waits_for_state(row),
        clock_names=CLOCK_NAMES,
        reply_by=next((clock.due_at for clock in running if clock.stage == clocks.REPLY), None),
        now=now(),
        language_names={code: name_of(code) for code in LANGUAGES},
        actions=actions,
        agencies=teams.agency_options(row, found) if choosing else {},
        states=_state_options(row, found) if {"ask_peer", "invite"} & set(actions) else {},
        peers=[
            (party.entity_id, name_in_words(party.entity))
            for party in row.parties
            if party.role == PEER and party.state == "accepted" and party.until is None
        ],
        own_role=next(
            (party.role for party in row.parties if party.entity_id == membership.entity_id and party.until is None), ""
        ),
        proposed=teams.proposed(row, found) if choosing else {},
        holders=teams.holders(row),
        colleagues=teams.colleagues(membership, row) if "hand_over" in actions else {},
        assignee=teams.assignee_of(membership, row),
        workers=teams.workers(membership, row),
        contributions=teams.contribution_lines(membership, row),
        contributors=teams.contributors(row) if answers or plans else {},
        refusals={code: REASON_NAMES[code] for code in delivery.REFUSALS},
        conflict_reasons={code: REASON_NAMES[code] for code in conflicts.REASONS},
        conflicts=conflict_lines(row) if membership.role == SECRETARIAT else (),
        declines={code: REASON_NAMES[code] for code in triage.DECLINES},
        eligible={code: REASON_NAMES[code] for code in triage.ELIGIBLE},
        roles={"lead": PARTY_NAMES["lead"], "contributor": PARTY_NAMES["contributor"]},
        may_match=may_match,
        agreements=register.agreements(db(), membership, row) if may_publish else (),
        published=register.published(db(), membership, row) if submitted and not may_publish else None,
        group_names=GROUP_NAMES,
        countries=vocabulary.labels(db(), "country", language()),
        verdicts=_verdicts(row) if answers else {},
        used_names=USED_NAMES,
        may_publish=may_publish,
        groups=groups(found) if found else (),
        notes=notes(found),
        failed=failed,
        given=request.form if failed else {},
        errors=errors or {},
        conflict=conflict,
    )


def _verdicts(row: SupportRequest) -> dict[str, list[dict[str, Any]]]:
    """Answer -> what each State that asked says of it, by the State's name."""
    countries = vocabulary.labels(db(), "country", language())
    found: dict[str, list[dict[str, Any]]] = {}
    for one in ratings.verdicts(db(), membership_needed(), row):
        said = {"state": countries.get(one.state, one.state), "score": one.score, "used": one.used, "word": one.word}
        found.setdefault(one.answer, []).append(said)
    return found


def _question(row: SupportRequest, entries: Sequence[Entry]) -> str:
    """What the secretariat wants to know, while it does and if the reader may see it."""
    if row.status != CLARIFICATION:
        return ""
    return next((entry.note or "" for entry in reversed(entries) if entry.event.action == "ask"), "")


def _timeline(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Steps as sentences. A draft answer saved again and again is told once."""
    lines: list[dict[str, Any]] = []
    for at, entry in enumerate(entries):
        follows = entries[at + 1] if at + 1 < len(entries) else None
        if (
            follows is not None
            and entry.event.action == follows.event.action
            and entry.event.action.startswith("draft_")
            and entry.office is not None
            and entry.office == follows.office
        ):
            continue
        office = isolated(name_in_words(entry.office) if entry.office else gettext("Secretariat of the Network"))
        if entry.in_the_name_of:
            office = in_the_name(office, entry.in_the_name_of, entry.event)
        target = isolated(name_in_words(entry.target)) if entry.target else ""
        stage = CLOCK_NAMES.get(str(entry.event.data.get("stage")), "")
        reason = entry.reason
        happened = entry.event.action
        if happened == "send" and entry.reason == ALTERNATE:
            happened = "send_itself"
        if happened == "escalate" and entry.target:
            happened = "escalate_co_lead"
        lines.append(
            {
                "at": entry.event.at,
                "sentence": str(HAPPENED[happened]) % {"office": office, "target": target, "stage": stage},
                "reason": REASON_NAMES[reason] if reason else "",
                "note": entry.note,
                "inside": entry.event.audience == "secretariat",
            }
        )
    return lines


def _state_options(row: SupportRequest, found: "Matches | None") -> dict[str, str]:
    """States to ask: the matched peers first, best first, then the others by name; without those that take part."""
    names = vocabulary.states(db(), language())
    present = {party.entity_id for party in row.parties if party.until is None}
    matched = [match.id for match in found.peer_states] if found else []
    return {code: names[code] for code in dict.fromkeys([*matched, *names]) if code in names and code not in present}
