"""The form for a file, and erasing one. Downloads have one address, the API's."""

from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask_babel import gettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from hub.errors import Forbidden, Invalid, TooLarge
from hub.schemas import papers as schemas
from hub.schemas.fields import load
from hub.support import attachments, reading
from hub.support.filestore import FileStore, Upload
from hub.support.models import SupportRequest
from hub.support.papers import ANSWER, PLAN
from hub.web.support.parts import blueprint, page


def store() -> FileStore:
    settings = current_app.extensions["hub"].settings
    return FileStore(settings.files, settings.largest_file)


def uploaded() -> Upload | None:
    """The part `file` of the form, if one was chosen."""
    file = request.files.get("file")
    return Upload(file.stream, file.filename or "") if file is not None and file.filename else None  # pyright: ignore[reportArgumentType] - a spooled file is one


def _chosen() -> Upload:
    upload = uploaded()
    if upload is None:
        raise Invalid({"file": ["Choose a file."]})
    return upload


def largest_mb() -> int:
    return store().largest >> 20


@blueprint.route("/<name>/attachments", methods=["GET", "POST"])
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
@guard.takes_files
def attach(name: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    if not attachments.targets(db(), membership, row):
        raise Forbidden
    if request.method != "POST":
        return _form(row)
    try:
        kind, _, subject_id = request.form.get("subject", "request").partition(":")
        values = load(schemas.NewAttachment, {"subject": kind, "subject_id": subject_id or None})
        attachments.add(
            db(), membership, store(), row.id, _chosen(), kind=values["subject"], subject_id=values["subject_id"]
        )
    except ValidationError as error:
        return _form(row, 422, error.normalized_messages())
    except Invalid as error:
        return _form(row, 422, error.errors)
    except TooLarge as error:
        return _form(row, 413, {"file": [error.detail]})
    flash(gettext("The file is added."))
    return redirect(url_for("support.show", name=row.id, _anchor="files"), 303)


@blueprint.post("/<name>/attachments/<id_>/erase")
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
def erase_attachment(name: str, id_: str) -> Response:
    reading.get(db(), membership_needed(), name)
    row = attachments.erase(db(), membership_needed(), id_)
    flash(gettext("The file is erased."))
    return redirect(url_for("support.show", name=row.id, _anchor="files"), 303)


def _form(row: SupportRequest, status: int = 200, errors: Any = None) -> Response:
    targets = attachments.targets(db(), membership_needed(), row)
    return page(
        "attach.html",
        status,
        row=row,
        targets={f"{each.kind}:{each.id or ''}": target_name(each) for each in targets},
        given=request.form,
        errors=errors or {},
        largest=largest_mb(),
    )


def target_name(target: attachments.Target) -> str:
    if target.kind == PLAN:
        return gettext("Our plan, version %(number)s", number=target.number)
    if target.kind == ANSWER:
        return gettext("Our draft answer") if target.draft else gettext("Our answer")
    return gettext("The request")
