"""Support requests as pages: the list and what waits, the form, one request with its matches, the editor of answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext
from markupsafe import Markup
from marshmallow import Schema, ValidationError, fields
from sqlalchemy import select
from werkzeug.wrappers import Response

from hub.accounts import guard, policy
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from hub.database import new_id, now
from hub.errors import Forbidden, HubError, IllegalTransition, Invalid, NotFound, SearchUnavailable, StaleVersion
from hub.knowledge.models import Document
from hub.network import vocabulary
from hub.network.models import AGENCY, OFFICE, Entity
from hub.schemas import support as schemas
from hub.search import service as search_service
from hub.search.types import LANGUAGES, Hit, SearchQuery
from hub.support import clocks, requests
from hub.support.lifecycle import CLARIFICATION, STATUSES
from hub.support.models import PEER, Answer, SupportRequest
from hub.support.requests import Entry, RequestData
from hub.web.i18n import PREFIX, language, name_of

if TYPE_CHECKING:
    from hub.matching.types import Match, Matches, Reason

blueprint = Blueprint("support", __name__, url_prefix=f"{PREFIX}/requests")

PER_PAGE = 20
MATCHES = 5
"""Of each list on a page: what somebody reads through. The API gives more."""
RECORDS_FOUND = 8

STATUS_NAMES: Mapping[str, LazyString] = {
    "draft": lazy_gettext("Draft"),
    "discarded": lazy_gettext("Discarded draft"),
    "submitted": lazy_gettext("Submitted"),
    "clarification": lazy_gettext("Waits for the State’s reply"),
    "triaged": lazy_gettext("Taken on"),
    "matching": lazy_gettext("Sent to agencies"),
    "unplaced": lazy_gettext("No agency found yet"),
    "planning": lazy_gettext("Being planned"),
    "in_progress": lazy_gettext("An agency works on it"),
    "answered": lazy_gettext("Answered"),
    "closed": lazy_gettext("Closed"),
    "withdrawn": lazy_gettext("Withdrawn"),
    "declined": lazy_gettext("Declined"),
    "lapsed": lazy_gettext("Ended without a reply"),
}
CLOCK_NAMES: Mapping[str, LazyString] = {
    "acknowledge": lazy_gettext("Acknowledgement"),
    "triage": lazy_gettext("Decision to take it on"),
    "match": lazy_gettext("Agency found"),
    "plan": lazy_gettext("Plan agreed"),
    "answer": lazy_gettext("First answer"),
    "reply": lazy_gettext("Reply of the State"),
}
TASK_NAMES: Mapping[str, LazyString] = {
    "triage": lazy_gettext("Check it and send it on"),
    "send": lazy_gettext("Send it to an agency"),
    "send_again": lazy_gettext("Every agency declined: send it to another one"),
    "decide": lazy_gettext("Decide whether your agency takes it"),
    "plan": lazy_gettext("Propose a plan, or say that none is needed"),
    "write": lazy_gettext("Write the answer"),
    "reply": lazy_gettext("Answer the secretariat’s question"),
    "agree": lazy_gettext("Look at the proposed plan"),
    "join": lazy_gettext("Decide whether your State takes part"),
    "read": lazy_gettext("Read the answer"),
}
PARTY_NAMES: Mapping[str, LazyString] = {
    "requesting": lazy_gettext("Requesting State"),
    "co_requesting": lazy_gettext("Requesting together"),
    "copied": lazy_gettext("Copied"),
    "lead": lazy_gettext("Lead agency"),
    "contributor": lazy_gettext("Contributing agency"),
    "peer": lazy_gettext("Peer State"),
}
PARTY_STATES: Mapping[str, LazyString] = {
    "sent": lazy_gettext("asked, has not decided yet"),
    "accepted": lazy_gettext("accepted"),
    "shared": lazy_gettext("accepted, reads everything"),
    "declined": lazy_gettext("declined"),
}
PLAN_NAMES: Mapping[str, LazyString] = {
    "proposed": lazy_gettext("waits for the State’s agreement"),
    "agreed": lazy_gettext("agreed"),
    "sent_back": lazy_gettext("sent back"),
    "replaced": lazy_gettext("replaced"),
}
REASON_NAMES: Mapping[str, LazyString] = {
    "in_scope": lazy_gettext("Within the scope of the Network"),
    "partly_in_scope": lazy_gettext("Partly within the scope of the Network"),
    "no_capacity": lazy_gettext("No capacity at present"),
    "outside_mandate": lazy_gettext("Outside the agency’s mandate"),
    "conflict_of_interest": lazy_gettext("Conflict of interest"),
    "outside_scope": lazy_gettext("Outside the scope of the Network"),
    "incomplete": lazy_gettext("Not enough is said to act on it"),
    "duplicate": lazy_gettext("The same was asked before"),
    "other": lazy_gettext("Another reason"),
}
HAPPENED: Mapping[str, LazyString] = {
    "draft": lazy_gettext("%(office)s began a draft."),
    "edit": lazy_gettext("%(office)s changed the words."),
    "submit": lazy_gettext("%(office)s submitted the request."),
    "withdraw": lazy_gettext("%(office)s withdrew the request."),
    "decline": lazy_gettext("%(office)s declined the request."),
    "acknowledge": lazy_gettext("%(office)s has seen the request and looks into it."),
    "lapse": lazy_gettext("The request ended because no reply came. The State can open it again."),
    "remind": lazy_gettext("Reminder: %(stage)s is due."),
    "escalate": lazy_gettext("Overdue: %(stage)s."),
    "triage": lazy_gettext("%(office)s took the request on."),
    "ask": lazy_gettext("%(office)s asked a question."),
    "reply": lazy_gettext("%(office)s answered the question."),
    "propose": lazy_gettext("%(office)s proposed a plan."),
    "agree": lazy_gettext("%(office)s agreed to the plan."),
    "send_back": lazy_gettext("%(office)s asked for another plan."),
    "no_plan": lazy_gettext("%(office)s said that no plan is needed."),
    "send": lazy_gettext("%(office)s sent it to %(target)s."),
    "accept": lazy_gettext("%(office)s accepted."),
    "refuse": lazy_gettext("%(office)s did not accept."),
    "draft_answer": lazy_gettext("%(office)s saved a draft answer."),
    "answer": lazy_gettext("%(office)s sent an answer."),
    "close": lazy_gettext("%(office)s closed the request."),
    "reopen": lazy_gettext("%(office)s opened the request again."),
    "invite": lazy_gettext("%(office)s invited %(target)s to ask together."),
    "ask_peer": lazy_gettext("%(office)s asked %(target)s to be a peer."),
    "join": lazy_gettext("%(office)s takes part."),
    "stay_out": lazy_gettext("%(office)s does not take part."),
    "share": lazy_gettext("%(office)s lets %(target)s read everything."),
}
DONE: Mapping[str, LazyString] = {
    "submit": lazy_gettext("The request is submitted. The secretariat sees it now."),
    "withdraw": lazy_gettext("The request is withdrawn."),
    "acknowledge": lazy_gettext("The State knows now that you have seen the request."),
    "triage": lazy_gettext("The request is taken on. Send it to an agency next."),
    "ask": lazy_gettext("The question is sent. The State sees it now."),
    "reply": lazy_gettext("Your reply is sent. The secretariat sees it now."),
    "propose": lazy_gettext("The plan is proposed. The State sees it now."),
    "agree": lazy_gettext("You have agreed to the plan. The agency sees it now."),
    "send_back": lazy_gettext("The plan is sent back. The agency sees what should be different."),
    "no_plan": lazy_gettext("No plan is needed. Write the answer next."),
    "send": lazy_gettext("The request is sent. The agency sees it now."),
    "decline": lazy_gettext("The request is declined. The State sees why."),
    "accept": lazy_gettext("Your agency has accepted the request."),
    "refuse": lazy_gettext("Your agency has not accepted. The request is no longer open to it."),
    "close": lazy_gettext("The request is closed."),
    "reopen": lazy_gettext("The request is open again."),
    "invite": lazy_gettext("The State is invited. It sees the summary until it takes part."),
    "ask_peer": lazy_gettext("The State is asked. It sees the summary only."),
    "join": lazy_gettext("Your State takes part."),
    "stay_out": lazy_gettext("Your State does not take part. The request is no longer open to it."),
    "share": lazy_gettext("The State reads everything now."),
}


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """`evidence`: title and address of each record that it rests on, where `text` does not link it."""

    text: str | Markup
    weight: float
    evidence: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MatchLine:
    name: str
    address: str
    rank: int
    score: float
    verified: bool
    reasons: tuple[ReasonLine, ...]


@dataclass(frozen=True, slots=True)
class MatchGroup:
    """`scale`: the largest weight, the full length of a bar. `none`: what to say when nothing matches."""

    heading: LazyString
    none: LazyString
    lines: tuple[MatchLine, ...]
    scale: float


@dataclass(frozen=True, slots=True)
class Change:
    """A field that somebody else has meanwhile changed: its label and what stands there now."""

    label: LazyString | str
    now: str


# The list


@blueprint.get("", endpoint="requests")
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
def list_requests() -> Response:
    membership = membership_needed()
    asked = schemas.load(schemas.ListParams, request.args)
    page = requests.list_visible(db(), membership, status=asked["status"], limit=PER_PAGE, cursor=asked["cursor"])
    counts = requests.counts(db(), membership)
    chosen = asked["status"]
    filters = [
        (STATUS_NAMES[status], counts[status], url_for("support.requests", status=status), chosen == [status])
        for status in STATUSES
        if status in counts
    ]
    return _page(
        "list.html",
        tasks=requests.tasks(db(), membership),
        page=page,
        filters=filters,
        everything=sum(counts.values()),
        chosen=chosen,
        first=url_for("support.requests", status=chosen) if asked["cursor"] else "",
        next=url_for("support.requests", status=chosen, cursor=page.cursor) if page.cursor else "",
        may_write=membership.role == FOCAL_POINT,
        task_names=TASK_NAMES,
        next_due=requests.next_due,
        now=now(),
        country_names=vocabulary.labels(db(), "country", language()),
    )


# Writing


@blueprint.route("/new", methods=["GET", "POST"])
@guard.role(FOCAL_POINT)
def new() -> Response:
    membership = membership_needed()
    if not policy.can_create(membership, membership.entity_id):
        raise Forbidden
    if request.method == "GET":
        return _form_page({"key": new_id()})
    given = request.form
    try:
        data = schemas.to_request(_load(schemas.RequestBody))
    except ValidationError as error:
        return _form_page(given, 422, errors=error.normalized_messages())
    if given.get("do") == "match":
        return _form_page(given, found=_preview(membership.entity_id, data))
    submit = given.get("do") == "submit"
    try:
        row = requests.draft(
            db(), membership, data, key=given.get("key", "")[: schemas.LONGEST_KEY] or None, submit=submit
        )
    except StaleVersion as error:
        return _form_page(given, 409, conflict=gettext(error.detail), saved=error.extra)
    flash(str(DONE["submit"]) if submit else gettext("The draft is saved. Only your State’s team sees it."))
    return _to(row)


@blueprint.route("/<name>/edit", methods=["GET", "POST"])
@guard.role(FOCAL_POINT)
def edit(name: str) -> Response:
    membership = membership_needed()
    row = requests.get(db(), membership, name)
    if request.method == "GET":
        if "edit" not in requests.possible_actions(membership, row):
            raise IllegalTransition(requests.NOT_NOW)
        stored = {"title": row.title, "description": row.description, "summary": row.summary, "language": row.language}
        return _form_page({**stored, "version": row.version}, row=row, chosen=_numbers(row))
    given = request.form
    try:
        data = schemas.to_request(_load(schemas.RequestBody))
        version = schemas.load(schemas.Step, {"version": given.get("version")})["version"]
    except ValidationError as error:
        return _form_page(given, 422, row=row, errors=error.normalized_messages())
    if given.get("do") == "match":
        return _form_page(given, row=row, found=_preview(row.country_id, data))
    try:
        row = requests.edit(db(), membership, row.id, data, version=version)
        if given.get("do") == "submit":
            row = requests.submit(db(), membership, row.id, version=row.version)
    except (StaleVersion, IllegalTransition) as error:
        row = requests.get(db(), membership, row.id)
        return _form_page(
            {**given.to_dict(), "version": row.version},
            409,
            row=row,
            chosen=given.getlist("gcm_objectives"),
            conflict=gettext(error.detail),
            changes=_changes(row, data),
        )
    flash(str(DONE["submit"]) if given.get("do") == "submit" else gettext("Your changes are saved."))
    return _to(row)


def _form_page(
    given: Mapping[str, Any],
    status: int = 200,
    *,
    row: SupportRequest | None = None,
    chosen: Sequence[str] | None = None,
    errors: Mapping[str, Any] | None = None,
    found: "Matches | None" = None,
    conflict: str = "",
    saved: Mapping[str, Any] | None = None,
    changes: Sequence[Change] = (),
) -> Response:
    """The form with what was typed. `saved`: the request that the same form made before, if it did."""
    objectives = vocabulary.labels(db(), "objective", language())
    return _page(
        "form.html",
        status,
        row=row,
        given=given,
        chosen=request.form.getlist("gcm_objectives") if chosen is None else chosen,
        errors=errors or {},
        labels={
            "title": gettext("Title"),
            "description": gettext("Description"),
            "summary": gettext("Summary for agencies"),
            "language": gettext("Language"),
            "gcm_objectives": gettext("Objectives"),
        },
        objectives={code: f"{code}. {label}" for code, label in objectives.items()},
        language_names={code: name_of(code) for code in LANGUAGES},
        country=_name(membership_needed().entity),
        can_submit=row is None or row.status == "draft",
        groups=_groups(found) if found else (),
        notes=_notes(found),
        conflict=conflict,
        saved=saved or {},
        changes=changes,
    )


def _preview(country: str, data: RequestData) -> "Matches":
    """Who could help with what was typed. Nothing is stored."""
    from hub.matching import service  # noqa: PLC0415 - numpy and more, not needed by other pages
    from hub.matching.types import MatchRequest  # noqa: PLC0415 - as above

    wanted = MatchRequest(country, data.title, data.description, data.language, data.objectives)
    parts = current_app.extensions["hub"]
    return service.match(db(), wanted, embedder=parts.embedder, engine=parts.engine, limit=MATCHES)


def _changes(row: SupportRequest, data: RequestData) -> list[Change]:
    changes: list[Change] = []
    if row.title != data.title:
        changes.append(Change(lazy_gettext("Title"), row.title))
    if row.description != data.description:
        changes.append(Change(lazy_gettext("Description"), row.description))
    if row.summary != data.summary:
        changes.append(Change(lazy_gettext("Summary for agencies"), row.summary))
    if data.language and row.language != data.language:
        changes.append(Change(lazy_gettext("Language"), name_of(row.language)))
    if _numbers(row) != [str(number) for number in data.objectives]:
        changes.append(Change(lazy_gettext("Objectives"), ", ".join(_numbers(row)) or "–"))
    return changes


def _numbers(row: SupportRequest) -> list[str]:
    return [str(objective.number) for objective in row.objectives]


# One request


@blueprint.get("/<name>")
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
def show(name: str) -> Response:
    return _show(requests.get(db(), membership_needed(), name))


@blueprint.post("/<name>/actions/<action>")
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
def act(name: str, action: str) -> Response:
    """A button of the page. What went wrong is shown on the same page, with what was typed."""
    membership = membership_needed()
    row = requests.get(db(), membership, name)
    if action not in requests.VERBS:
        raise NotFound
    try:
        row = requests.VERBS[action](db(), membership, row.id, **_load(schemas.STEPS[action]))
    except ValidationError as error:
        return _show(row, 422, failed=action, errors=error.normalized_messages())
    except Invalid as error:
        return _show(row, 422, failed=action, errors=error.errors)
    except (StaleVersion, IllegalTransition) as error:
        row = requests.get(db(), membership, row.id)
        return _show(row, 409, failed=action, conflict=gettext(error.detail))
    flash(str(DONE[action]))
    return _to(row) if requests.readable(membership, row) else redirect(url_for("support.requests"), 303)


def _show(
    row: SupportRequest,
    status: int = 200,
    *,
    failed: str = "",
    errors: Mapping[str, Any] | None = None,
    conflict: str = "",
) -> Response:
    membership = membership_needed()
    actions = requests.possible_actions(membership, row)
    found = None
    if policy.can(membership, "match", row):
        parts = current_app.extensions["hub"]
        found = requests.matches(db(), membership, row, embedder=parts.embedder, engine=parts.engine, limit=MATCHES)
    objectives = vocabulary.labels(db(), "objective", language())
    entries = requests.history(db(), membership, row)
    return _page(
        "show.html",
        status,
        row=row,
        country=_name(row.country),
        objectives=[(number, objectives.get(number, number)) for number in _numbers(row)],
        parties=[(_name(party.entity), party) for party in requests.shown_parties(membership, row)],
        party_names=PARTY_NAMES,
        party_states=PARTY_STATES,
        timeline=_timeline(entries),
        answers=[(_name(answer.entity), answer) for answer in requests.answers(db(), membership, row)],
        detailed=requests.detailed(membership, row),
        plans=[(_name(plan.entity), plan) for plan in reversed(requests.plans(membership, row))],
        plan_names=PLAN_NAMES,
        question=_question(row, entries),
        clocks=clocks.running(row),
        paused=clocks.waits_for_state(row),
        clock_names=CLOCK_NAMES,
        reply_by=next((clock.due_at for clock in clocks.running(row) if clock.stage == clocks.REPLY), None),
        now=now(),
        language_names={code: name_of(code) for code in LANGUAGES},
        actions=actions,
        agencies=_agency_options(row, found) if "send" in actions else {},
        states=_state_options(row, found) if {"ask_peer", "invite"} & set(actions) else {},
        peers=[
            (party.entity_id, _name(party.entity))
            for party in row.parties
            if party.role == PEER and party.state == "accepted" and party.until is None
        ],
        own_role=next(
            (party.role for party in row.parties if party.entity_id == membership.entity_id and party.until is None), ""
        ),
        proposed=_proposed(row, found),
        refusals={code: REASON_NAMES[code] for code in requests.REFUSALS},
        declines={code: REASON_NAMES[code] for code in requests.DECLINES},
        eligible={code: REASON_NAMES[code] for code in requests.ELIGIBLE},
        roles={"lead": PARTY_NAMES["lead"], "contributor": PARTY_NAMES["contributor"]},
        may_match=found is not None,
        groups=_groups(found) if found else (),
        notes=_notes(found),
        failed=failed,
        given=request.form if failed else {},
        errors=errors or {},
        conflict=conflict,
    )


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
            and entry.event.action == follows.event.action == "draft_answer"
            and entry.office == follows.office
        ):
            continue
        office = _isolated(_name(entry.office)) if entry.office else gettext("Somebody")
        target = _isolated(_name(entry.target)) if entry.target else ""
        stage = CLOCK_NAMES.get(str(entry.event.data.get("stage")), "")
        reason = entry.event.reason
        lines.append(
            {
                "at": entry.event.at,
                "sentence": str(HAPPENED[entry.event.action]) % {"office": office, "target": target, "stage": stage},
                "reason": REASON_NAMES[reason] if reason else "",
                "note": entry.note,
                "inside": entry.event.audience == "secretariat",
            }
        )
    return lines


def _agency_options(row: SupportRequest, found: "Matches | None") -> dict[str, str]:
    """Agencies to send to: the matched ones first, best first, then the others by name; without those that have it."""
    names = vocabulary.labels(db(), "agency", language())
    verified = {agency.code: agency.verified for agency in vocabulary.agencies(db())}
    matched = [match.url_id for match in found.agencies if match.url_id] if found else []
    order = dict.fromkeys([*matched, *names])
    options: dict[str, str] = {}
    for code in order:
        if code in _holders(row) or code not in names:
            continue
        label = names[code]
        if code in matched:
            label = gettext("%(name)s – match %(rank)s", name=label, rank=matched.index(code) + 1)
        if not verified.get(code):
            label = gettext("%(name)s (membership not verified)", name=label)
        options[code] = label
    return options


def _state_options(row: SupportRequest, found: "Matches | None") -> dict[str, str]:
    """States to ask: the matched peers first, best first, then the others by name; without those that take part."""
    names = vocabulary.labels(db(), "country", language())
    present = {party.entity_id for party in row.parties if party.until is None}
    matched = [match.id for match in found.peer_states] if found else []
    others = sorted(names, key=lambda code: names[code])
    return {code: names[code] for code in dict.fromkeys([*matched, *others]) if code in names and code not in present}


def _holders(row: SupportRequest) -> set[str]:
    return {party.entity_id for party in row.parties if party.role in policy.DELIVERY and party.until is None}


def _proposed(row: SupportRequest, found: "Matches | None") -> dict[str, str]:
    """What the form to send begins with: the best match without the request yet; the first one asked leads."""
    holders = _holders(row)
    best = (
        next((match.url_id for match in found.agencies if match.url_id and match.url_id not in holders), "")
        if (found)
        else ""
    )
    leads = any(party.role == "lead" and party.until is None for party in row.parties)
    return {"agency": best or "", "role": "contributor" if leads else "lead"}


# Answering


@blueprint.route("/<name>/answer", methods=["GET", "POST"])
@guard.role(EXPERT)
def answer(name: str) -> Response:
    """The editor. One form does everything, so that nothing typed is lost: search, cite, remove, save, send."""
    membership = membership_needed()
    row = requests.get(db(), membership, name)
    if not policy.can(membership, "draft_answer", row):
        raise Forbidden
    draft = _own_draft(row)
    if request.method == "GET":
        if "draft_answer" not in requests.possible_actions(membership, row):
            raise IllegalTransition(requests.NOT_NOW)
        return _editor(row, draft, _stored(row, draft))
    given = {**request.form.to_dict(), "citations": request.form.getlist("citations")}
    if "add" in request.form:
        given["citations"] = list(dict.fromkeys([*given["citations"], request.form["add"]]))
    if "remove" in request.form:
        given["citations"] = [slug for slug in given["citations"] if slug != request.form["remove"]]
    do = request.form.get("do")
    if do not in {"save", "send"}:
        return _editor(row, draft, given)
    try:
        values = schemas.load(
            schemas.AnswerBody,
            {name: given[name] for name in ("text", "language", "citations", "version") if name in given}
            | {"answer_version": given.get("answer_version") or None, "status": "draft" if do == "save" else "sent"},
        )
        data, seen = schemas.to_answer(values), values["answer_version"]
        if do == "save":
            requests.save_answer_draft(db(), membership, row.id, data, answer_version=seen)
            flash(gettext("The draft is saved. Only your agency sees it."))
            return redirect(url_for("support.answer", name=row.id), 303)
        requests.answer(db(), membership, row.id, data, version=values["version"], answer_version=seen)
    except ValidationError as error:
        return _editor(row, draft, given, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _editor(row, draft, given, 422, errors=error.errors)
    except (StaleVersion, IllegalTransition) as error:
        return _conflicting(row, given, error)
    flash(gettext("The answer is sent. The State sees it now."))
    return _to(row)


def _own_draft(row: SupportRequest) -> Answer | None:
    return next(
        (answer for answer in requests.answers(db(), membership_needed(), row) if answer.status == "draft"), None
    )


def _stored(row: SupportRequest, draft: Answer | None) -> dict[str, Any]:
    if draft is None:
        return {"version": row.version, "language": row.language, "citations": []}
    return {
        "version": row.version,
        "answer_version": draft.version,
        "text": draft.text,
        "language": draft.language,
        "citations": [citation.document.slug for citation in draft.citations],
    }


def _conflicting(row: SupportRequest, given: Mapping[str, Any], error: HubError) -> Response:
    """The editor with what was typed beside what a colleague saved. Saving again replaces theirs, knowingly."""
    row = requests.get(db(), membership_needed(), row.id)
    draft = _own_draft(row)
    theirs = [Change(lazy_gettext("Your colleague’s text"), draft.text)] if draft else []
    changes = theirs if "answer_version" in error.extra else []
    versions = {"version": row.version, "answer_version": draft.version if draft else ""}
    return _editor(row, draft, {**given, **versions}, 409, conflict=gettext(error.detail), changes=changes)


def _editor(
    row: SupportRequest,
    draft: Answer | None,
    given: Mapping[str, Any],
    status: int = 200,
    *,
    errors: Mapping[str, Any] | None = None,
    conflict: str = "",
    changes: Sequence[Change] = (),
) -> Response:
    slugs: list[str] = given["citations"]
    rows = db().scalars(select(Document).where(Document.slug.in_(slugs), Document.status == "published"))
    documents = {document.slug: document for document in rows}
    hits, unavailable = _find(str(given.get("q", "")))
    return _page(
        "answer.html",
        status,
        row=row,
        country=_name(row.country),
        draft=draft,
        given=given,
        cited=[documents[slug] for slug in slugs if slug in documents],
        hits=[hit for hit in hits if hit.slug not in slugs],
        searched=bool(given.get("q")),
        unavailable=unavailable,
        language_names={code: name_of(code) for code in LANGUAGES},
        labels={"text": gettext("Answer"), "language": gettext("Language"), "citations": gettext("Records cited")},
        errors=errors or {},
        conflict=conflict,
        changes=changes,
    )


def _find(words: str) -> tuple[Sequence[Hit], bool]:
    """Records for the box of the editor, and whether search is away."""
    if not words.strip():
        return (), False
    parts = current_app.extensions["hub"]
    query = SearchQuery(text=words[:2_000], limit=RECORDS_FOUND, facets=())
    try:
        return search_service.search(parts.engine, parts.embedder, db(), query, reader=language()).hits, False
    except SearchUnavailable:
        return (), True


# What several pages need


@blueprint.app_template_global("request_title")
def request_title(row: SupportRequest) -> str:
    """What the reader may call a request: its title, or whose it is."""
    if requests.detailed(membership_needed(), row):
        return row.title
    return gettext("Request of %(country)s", country=_name(row.country))


def _page(template: str, status: int = 200, **values: Any) -> Response:
    """A page of somebody signed in; never kept by a cache."""
    html = render_template(f"support/{template}", status_names=STATUS_NAMES, **values)
    response = make_response(html, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _to(row: SupportRequest) -> Response:
    return redirect(url_for("support.show", name=row.id), 303)


def _load(schema: type[Schema]) -> dict[str, Any]:
    """The fields of a schema from the form; what else the form carries (buttons, tokens) is passed over."""
    form = request.form
    return schemas.load(
        schema,
        {
            name: form.getlist(name) if isinstance(kind, fields.List) else form[name]
            for name, kind in schema().fields.items()
            if name in form
        },
    )


def _name(entity: Entity) -> str:
    """What an office is called in the reader's language."""
    if entity.kind == OFFICE:
        return gettext("Secretariat of the Network")
    return vocabulary.label(db(), "agency" if entity.kind == AGENCY else "country", entity.id, language())


def _isolated(name: str) -> str:
    """A name that may run in another direction than the sentence around it (Unicode isolates)."""
    return f"\u2068{name}\u2069"


def _notes(found: "Matches | None") -> list[str]:
    """What is to be said about all lists; that one of them is empty is said in its place."""
    from hub.matching import reasons  # noqa: PLC0415 - as in `_preview`

    return [reasons.note(code) for code in found.notes if not code.startswith("no_")] if found else []


def _groups(found: "Matches") -> tuple[MatchGroup, ...]:
    lists: tuple[tuple[LazyString, LazyString, tuple[Match, ...], Callable[[Match], tuple[str, str]]], ...] = (
        (
            lazy_gettext("Agencies"),
            lazy_gettext("No agency matches well enough to be named."),
            found.agencies,
            _agency_link,
        ),
        (
            lazy_gettext("Peer States"),
            lazy_gettext("No other State has a practice that is close enough."),
            found.peer_states,
            _state_link,
        ),
        (lazy_gettext("Practices"), lazy_gettext("No practice is close enough."), found.practices, _record_link),
        (lazy_gettext("Guidance"), lazy_gettext("No guidance is close enough."), found.guidance, _record_link),
    )
    titles = _titles(found)
    return tuple(
        MatchGroup(
            heading,
            none,
            tuple(_line(match, link(match), titles) for match in matches),
            max((reason.weight for match in matches for reason in match.reasons), default=1.0),
        )
        for heading, none, matches, link in lists
    )


def _titles(found: "Matches") -> dict[str, str]:
    """Slug -> title of the records named as evidence, in one query."""
    named = {
        name
        for matches in (found.agencies, found.peer_states, found.practices, found.guidance)
        for match in matches
        for reason in match.reasons
        for name in reason.evidence
        if ":" not in name
    }
    rows = db().execute(
        select(Document.slug, Document.title).where(Document.slug.in_(named), Document.status == "published")
    )
    return {row.slug: row.title for row in rows}


def _line(match: "Match", link: tuple[str, str], titles: Mapping[str, str]) -> MatchLine:
    return MatchLine(
        *link,
        rank=match.rank,
        score=match.score,
        verified=match.verified,
        reasons=tuple(_reason(reason, match, titles) for reason in match.reasons),
    )


def _reason(reason: "Reason", match: "Match", titles: Mapping[str, str]) -> ReasonLine:
    """A reason that names its one record links it in the sentence; others list their records below."""
    from hub.matching import reasons  # noqa: PLC0415 - as in `_preview`

    text = reasons.text(reason)
    evidence = tuple(
        (titles[slug], url_for("documents.show", name=slug))
        for slug in reason.evidence
        if slug in titles and slug != match.id
    )
    if len(evidence) == 1 and evidence[0][0] in text:
        title, address = evidence[0]
        before, after = text.split(title, 1)
        linked = Markup('{}<a href="{}"><bdi>{}</bdi></a>{}').format(before, address, title, after)
        return ReasonLine(linked, reason.weight, ())
    return ReasonLine(text, reason.weight, evidence)


def _agency_link(match: "Match") -> tuple[str, str]:
    return vocabulary.label(db(), "agency", match.url_id or "", language()) if match.url_id else match.name, ""


def _state_link(match: "Match") -> tuple[str, str]:
    return vocabulary.label(db(), "country", match.id, language()), ""


def _record_link(match: "Match") -> tuple[str, str]:
    return match.name, url_for("documents.show", name=match.id)
