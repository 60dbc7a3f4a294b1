"""The secretariat acts for a State or an agency: which step, on what, and the step's own form."""

from datetime import date
from typing import Any

from flask import flash, request
from flask_babel import format_date, gettext, lazy_gettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import SECRETARIAT
from hub.database import new_id
from hub.errors import HubError, IllegalTransition, Invalid, NotFound, StaleVersion, TooLarge
from hub.events import Event
from hub.network import vocabulary
from hub.network.models import Entity
from hub.schemas import papers as schemas
from hub.schemas import requests as request_schemas
from hub.schemas.fields import LONGEST_KEY
from hub.search.types import LANGUAGES
from hub.support import behalf, delivery, reading, register
from hub.support.models import SupportRequest
from hub.web.i18n import language, name_of
from hub.web.register import GROUP_NAMES, SCORE_NAMES
from hub.web.support.attachments import largest_mb, store, uploaded
from hub.web.support.parts import blueprint, isolated, load, name_in_words, numbers, page, to_request
from hub.web.support.words import REASON_NAMES, USED_NAMES

SOURCE_NAMES = {
    "letter": lazy_gettext("letter"),
    "note_verbale": lazy_gettext("note verbale"),
    "email": lazy_gettext("e-mail"),
    "call": lazy_gettext("call"),
    "meeting": lazy_gettext("meeting"),
}
STEP_NAMES = {
    "edit": lazy_gettext("Change the words"),
    "submit": lazy_gettext("Submit to the secretariat"),
    "reply": lazy_gettext("Answer the secretariat’s question"),
    "withdraw": lazy_gettext("Withdraw the request"),
    "accept": lazy_gettext("Accept for the agency"),
    "refuse": lazy_gettext("Do not accept"),
    "propose": lazy_gettext("Propose a plan"),
    "no_plan": lazy_gettext("No plan is needed"),
    "agree": lazy_gettext("Agree to the plan"),
    "send_back": lazy_gettext("Ask for another plan"),
    "answer": lazy_gettext("Send an answer"),
    "close": lazy_gettext("Close: the answer is enough"),
    "reopen": lazy_gettext("Open it again"),
    "invite": lazy_gettext("Invite another State to ask together"),
    "join": lazy_gettext("Take part"),
    "stay_out": lazy_gettext("Do not take part"),
    "share": lazy_gettext("Let a peer State read everything"),
    "publish": lazy_gettext("Agree to publish a part of the request"),
    "unpublish": lazy_gettext("Take the agreement to publish a part back"),
    "release": lazy_gettext("Write an answer for publication"),
    "rate": lazy_gettext("Say what an answer was worth"),
}


def in_the_name(office: str, entity: Entity, event: Event) -> str:
    """The secretariat as it stands in a timeline when it acted for somebody."""
    source = str(event.data.get("source", ""))
    return gettext(
        "%(office)s, on behalf of %(entity)s (%(source)s of %(day)s)",
        office=office,
        entity=isolated(name_in_words(entity)),
        source=str(SOURCE_NAMES.get(source, source)),
        day=format_date(date.fromisoformat(str(event.data["dated"])), "d MMM yyyy"),
    )


@blueprint.route("/behalf", methods=["GET", "POST"])
@guard.role(SECRETARIAT)
@guard.takes_files
def new_on_behalf() -> Response:
    """A request that a State wrote on paper or said, in its words."""
    if request.method != "POST":
        return _words_form({"key": new_id()})
    try:
        values = load(schemas.BehalfRequest)
        row = behalf.write(
            db(),
            membership_needed(),
            store(),
            request_schemas.to_request(values),
            schemas.to_behalf(values),
            key=request.form.get("key", "")[:LONGEST_KEY] or None,
            letter=uploaded(),
        )
    except ValidationError as error:
        return _words_form(request.form, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _words_form(request.form, 422, errors=error.errors)
    except TooLarge as error:
        return _words_form(request.form, 413, errors={"file": [error.detail]})
    except StaleVersion as error:
        return _words_form(request.form, 409, errors={"_form": [error.detail]})
    flash(gettext("The request is submitted on behalf of the State."))
    return to_request(row)


def _words_form(given: Any, status: int = 200, *, errors: Any = None) -> Response:
    objectives = vocabulary.labels(db(), "objective", language())
    return page(
        "behalf_new.html",
        status,
        given=given,
        chosen=request.form.getlist("gcm_objectives"),
        errors=errors or {},
        labels=LABELS,
        states=vocabulary.states(db(), language()),
        objectives={code: f"{code}. {label}" for code, label in objectives.items()},
        language_names={code: name_of(code) for code in LANGUAGES},
        sources=SOURCE_NAMES,
        largest=largest_mb(),
    )


LABELS = {
    "country": lazy_gettext("State"),
    "title": lazy_gettext("Title"),
    "description": lazy_gettext("Description"),
    "summary": lazy_gettext("Summary for agencies"),
    "source": lazy_gettext("How it was said"),
    "dated": lazy_gettext("Day"),
    "file": lazy_gettext("File"),
    "note": lazy_gettext("In your own words"),
    "text": lazy_gettext("Text"),
    "reason": lazy_gettext("Reason"),
    "gcm_objectives": lazy_gettext("Objectives"),
    "group": lazy_gettext("Part"),
    "answer": lazy_gettext("Answer"),
    "score": lazy_gettext("How useful was it?"),
}


@blueprint.route("/<name>/behalf", methods=["GET", "POST"])
@guard.role(SECRETARIAT)
@guard.takes_files
def act_on_behalf(name: str) -> Response:
    """First who and which step, which is a link; then the form of that step."""
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    entity_id, _, action = str(request.values.get("step", "")).partition(":")
    if request.method != "POST":
        return _step_form(row, entity_id, action, {})
    given = request.form
    try:
        source = schemas.to_behalf(load(schemas.SourceBody))
        values = schemas.load_step(action, _own_fields(action), row) if action in schemas.BEHALF_STEPS else {}
        row = behalf.take(
            db(),
            membership,
            store(),
            row.id,
            entity_id=entity_id,
            action=action,
            behalf=source,
            values=values,
            letter=uploaded(),
        )
    except ValidationError as error:
        return _step_form(row, entity_id, action, given, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _step_form(row, entity_id, action, given, 422, errors=error.errors)
    except TooLarge as error:
        return _step_form(row, entity_id, action, given, 413, errors={"file": [error.detail]})
    except (StaleVersion, IllegalTransition) as error:
        return _conflict(row.id, entity_id, action, error)
    flash(gettext("The step is taken on behalf of %(name)s.", name=isolated(name_in_words(_entity(row, entity_id)))))
    return to_request(row)


def _own_fields(action: str) -> dict[str, Any]:
    form = request.form
    schema = schemas.BEHALF_STEPS[action]()
    given: dict[str, Any] = {field: form[field] for field in schema.fields if field in form}
    if "gcm_objectives" in schema.fields:
        given["gcm_objectives"] = form.getlist("gcm_objectives")
    if "part" in form:  # one choice of the form names all that is agreed to, in the words that stood there
        given["group"], _, rest = form["part"].partition(":")
        given["subject"], _, seal = rest.partition(":")
        if "seal" in schema.fields:
            given["seal"] = seal
    if action == "release":
        given["answer"], _, given["release_version"] = form.get("answer", "").partition(":")
    return given


def _conflict(id_: str, entity_id: str, action: str, error: HubError) -> Response:
    row = reading.get(db(), membership_needed(), id_)
    return _step_form(row, entity_id, action, request.form, 409, errors={"_form": [error.detail]})


def _entity(row: SupportRequest, entity_id: str) -> Entity:
    found = next((party.entity for party in row.parties if party.entity_id == entity_id), None)
    if found is None:
        raise NotFound
    return found


def _step_form(
    row: SupportRequest, entity_id: str, action: str, given: Any, status: int = 200, *, errors: Any = None
) -> Response:
    possible = behalf.possible(membership_needed(), row)
    choices = [
        (name_in_words(entity), [(f"{entity.id}:{step}", STEP_NAMES.get(step, step)) for step in steps])
        for entity, steps in possible
    ]
    entity = _entity(row, entity_id) if action else None
    allowed = {one.id: steps for one, steps in possible}.get(entity_id, ())
    if entity is not None and not errors and action not in allowed:
        raise IllegalTransition(reading.NOT_YOURS)
    stored = {"title": row.title, "description": row.description, "summary": row.summary} if action == "edit" else {}
    objectives = vocabulary.labels(db(), "objective", language())
    return page(
        "behalf.html",
        status,
        row=row,
        choices=choices,
        chosen=f"{entity_id}:{action}" if action else "",
        entity=isolated(name_in_words(entity)) if entity else "",
        action=action,
        action_name=STEP_NAMES.get(action, action),
        given={**stored, **(given.to_dict() if given else {})},
        errors=errors or {},
        labels=LABELS,
        sources=SOURCE_NAMES,
        refusals={code: REASON_NAMES[code] for code in delivery.REFUSALS},
        objectives={code: f"{code}. {label}" for code, label in objectives.items()},
        chosen_objectives=request.form.getlist("gcm_objectives") if given else numbers(row),
        parts=_parts(row) if action in {"publish", "unpublish"} else {},
        answers=_answers(row, released=action == "release") if action in {"release", "rate"} else {},
        score_names=SCORE_NAMES,
        used_names=USED_NAMES,
        states=vocabulary.states(db(), language()),
        language_names={code: name_of(code) for code in LANGUAGES},
        largest=largest_mb(),
    )


def _parts(row: SupportRequest) -> dict[str, str]:
    """What can be public, by `group:subject:seal`."""
    found = register.agreements(db(), membership_needed(), row)
    of_release = {one.id: one.answer for one in register.releases(db(), membership_needed(), row).values()}
    return {
        f"{one.group}:{one.subject}:{one.seal}": (
            gettext("Answer of %(office)s", office=isolated(name_in_words(of_release[one.subject].entity)))
            if one.group == register.ANSWER
            else str(GROUP_NAMES[one.group])
        )
        for one in found
    }


def _answers(row: SupportRequest, *, released: bool) -> dict[str, str]:
    """Answers that were sent, newest last; with the version of the words for publication that one has, if asked."""
    written = register.releases(db(), membership_needed(), row) if released else {}
    found = [one for one in reading.answers(db(), membership_needed(), row) if one.sent_at is not None]
    return {
        f"{one.id}:{written[one.id].version if one.id in written else ''}" if released else one.id: (
            f"{isolated(name_in_words(one.entity))}, {format_date(one.sent_at, 'd MMM yyyy')}"
        )
        for one in found
        if one.sent_at is not None
    }
