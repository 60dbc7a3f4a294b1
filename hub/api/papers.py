"""Files, questions by link, steps on behalf of somebody, and translations for scripts; downloads for everybody."""

import logging
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request, send_file, url_for

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import SECRETARIAT
from hub.api.bodies import body_beside_file, idempotency_key, json_body, versioned_body
from hub.api.describe import describe
from hub.errors import Invalid, NotFound
from hub.schemas import papers as schemas
from hub.schemas import requests as request_schemas
from hub.schemas.fields import load
from hub.support import attachments, behalf, links, reading, register, translations
from hub.support.filestore import FileStore, Upload

log = logging.getLogger(__name__)

blueprint = Blueprint("api_papers", __name__, url_prefix="/api/v1")

CONFLICT = (409,)
SANDBOX = "sandbox; default-src 'none'"
"""Should a browser ever show a file instead of saving it, nothing in it runs, loads or reads."""


def _settings() -> Any:
    return current_app.extensions["hub"].settings


def _store() -> FileStore:
    return FileStore(_settings().files, _settings().largest_file)


def uploaded() -> Upload | None:
    """The part `file` of a form, if one was chosen."""
    file = request.files.get("file")
    return Upload(file.stream, file.filename or "") if file is not None and file.filename else None  # type: ignore[arg-type]


# Files


@blueprint.get("/requests/<name>/attachments")
@guard.signed_in
@describe("Files of a request that you may read", response=schemas.AttachmentSchema, many=True)
def get_attachments(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    files = attachments.listing(db(), membership_needed(), row)
    return jsonify({"items": [schemas.dump_attachment(file) for file in files], "next": None})


@blueprint.post("/requests/<name>/attachments")
@guard.signed_in
@guard.takes_files
@describe(
    "Add a file: PDF, DOCX or plain text",
    body=schemas.AttachmentForm,
    body_type="multipart/form-data",
    response=schemas.AttachmentSchema,
    status=201,
    errors=(413,),
)
def post_attachment(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    values = load(schemas.NewAttachment, request.form.to_dict())
    upload = uploaded()
    if upload is None:
        raise Invalid({"file": ["Choose a file."]})
    file = attachments.add(
        db(),
        membership_needed(),
        _store(),
        row.id,
        upload,
        kind=values["subject"],
        subject_id=values["subject_id"] or None,
    )
    response = jsonify(schemas.dump_attachment(file))
    response.status_code = 201
    response.headers["Location"] = url_for("api_papers.download", id_=file.id)
    return response


@blueprint.get("/attachments/<id_>")
@guard.signed_in
@describe("Download a file; the only address of its bytes, for pages too", errors=(410,))
def download(id_: str) -> Response:
    """Always saved, never shown; whether its reader may have it is asked each time."""
    file, _ = attachments.get(db(), membership_needed(), id_)
    path = _store().path(file.sha256 or "")
    try:
        response = send_file(
            Path.cwd() / path,
            mimetype=file.media_type,
            as_attachment=True,
            download_name=file.name,
            conditional=False,
            etag=False,
        )
    except OSError:
        log.exception("the file of an attachment is not there", extra={"attachment": file.id})
        raise NotFound("This file is missing on the server. Tell the secretariat.") from None
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.delete("/attachments/<id_>")
@guard.signed_in
@describe("Erase a file", status=204, errors=(410,))
def delete_attachment(id_: str) -> Response:
    attachments.erase(db(), membership_needed(), id_)
    return Response(status=204)


# Questions by link


@blueprint.get("/requests/<name>/links")
@guard.role(SECRETARIAT)
@describe("Questions asked by single-use link, with their answers", response=schemas.LinkSchema, many=True)
def get_links(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    found = links.listing(db(), membership_needed(), row)
    return jsonify({"items": [schemas.dump_link(each) for each in found], "next": None})


@blueprint.post("/requests/<name>/links")
@guard.role(SECRETARIAT)
@describe(
    "Ask an entity without an account one question; `url` is shown this once",
    body=schemas.NewLink,
    response=schemas.LinkSchema,
    status=201,
)
def post_link(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    data = schemas.to_link(load(schemas.NewLink, json_body()))
    if data.address and not _settings().smtp_url:
        raise Invalid({"address": ["No mail server is set up. Pass the link on yourself."]})
    link, token = links.create(db(), membership_needed(), row.id, data, secret_key=_settings().secret_key)
    url = f"{_settings().public_url.rstrip('/')}/{link.language}/question/{token}"
    response = jsonify(schemas.dump_link(links.Shown(link, links.WAITS), url))
    response.status_code = 201
    return response


@blueprint.post("/links/<id_>/revoke")
@guard.role(SECRETARIAT)
@describe("Take a link back", status=204, errors=(410,))
def revoke_link(id_: str) -> Response:
    links.revoke(db(), membership_needed(), id_)
    return Response(status=204)


@blueprint.delete("/links/<id_>")
@guard.role(SECRETARIAT)
@describe("Erase question and answer of a link", status=204)
def delete_link(id_: str) -> Response:
    links.erase(db(), membership_needed(), id_)
    return Response(status=204)


# On behalf of an entity


@blueprint.post("/behalf/requests")
@guard.role(SECRETARIAT)
@guard.takes_files
@describe(
    "Write and submit a request for a State that wrote, called or met the secretariat. "
    "With the letter: multipart/form-data, the JSON as part `body`, the letter as part `file`",
    body=schemas.BehalfRequest,
    response=request_schemas.RequestSchema,
    status=201,
    errors=CONFLICT,
)
def post_behalf_request() -> Response:
    values = load(schemas.BehalfRequest, body_beside_file())
    row = behalf.write(
        db(),
        membership_needed(),
        _store(),
        request_schemas.to_request(values),
        schemas.to_behalf(values),
        key=idempotency_key(),
        letter=uploaded(),
    )
    membership = membership_needed()
    response = jsonify(request_schemas.dump_request(membership, row, register.published(db(), membership, row)))
    response.status_code = 201
    response.headers["Location"] = url_for("api_support.get_request", name=row.id)
    return response


@blueprint.post("/requests/<name>/behalf/<entity>/actions/<action>")
@guard.role(SECRETARIAT)
@guard.takes_files
@describe(
    "Take a step of a State or agency for it, as it said by letter, note verbale, e-mail, call or meeting. "
    "With the letter: multipart/form-data, the JSON as part `body`, the letter as part `file`",
    body=schemas.AnyBehalfStep,
    response=request_schemas.RequestSchema,
    errors=(*CONFLICT, 413),
)
def post_behalf_action(name: str, entity: str, action: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    if action not in schemas.BEHALF_STEPS:
        raise NotFound("There is no such action.")
    given = body_beside_file()
    body = given if action in behalf.SAID else versioned_body(given)
    own = {field: body.pop(field) for field in schemas.SourceBody().fields if field in body}
    row = behalf.take(
        db(),
        membership,
        _store(),
        row.id,
        entity_id=entity,
        action=action,
        behalf=schemas.to_behalf(load(schemas.SourceBody, own)),
        values=schemas.load_step(action, body, row),
        letter=uploaded(),
    )
    response = jsonify(request_schemas.dump_request(membership, row, register.published(db(), membership, row)))
    response.set_etag(str(row.version))
    return response


# Translations


@blueprint.get("/requests/<name>/translations")
@guard.signed_in
@describe("Translations of a request, its plans and answers", response=schemas.TranslationSchema, many=True)
def get_translations(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    found = translations.shown(db(), membership_needed(), row)
    items = [schemas.dump_translation(each) for shown in found.values() for each in shown]
    return jsonify({"items": items, "next": None})


@blueprint.post("/requests/<name>/translations/<subject>/<subject_id>")
@guard.signed_in
@describe(
    "Add a translation of a request, plan or answer, or replace the one into that language",
    body=schemas.TranslationBody,
    response=schemas.TranslationSchema,
    status=201,
    errors=CONFLICT,
)
def post_translation(name: str, subject: str, subject_id: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    values = load(schemas.TranslationBody, versioned_body())
    data = schemas.to_translation(values)
    made = translations.put(db(), membership, row.id, (subject, subject_id), data, version=values["version"])
    found = translations.shown(db(), membership, row)[subject_id]
    response = jsonify(schemas.dump_translation(next(each for each in found if each.row.id == made.id)))
    response.status_code = 201
    return response


@blueprint.delete("/translations/<id_>")
@guard.signed_in
@describe("Take a translation away", status=204)
def delete_translation(id_: str) -> Response:
    translations.remove(db(), membership_needed(), id_)
    return Response(status=204)
