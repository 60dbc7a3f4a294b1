"""The page behind a single-use link: one question, answered without an account. Looking never uses the link up."""

from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request
from marshmallow import ValidationError

from hub.accounts import guard
from hub.accounts.guard import db
from hub.accounts.throttle import address_key
from hub.errors import Gone, Invalid
from hub.network import vocabulary
from hub.schemas import papers as schemas
from hub.schemas.fields import load
from hub.support import links
from hub.support.links import Question
from hub.web.i18n import PREFIX, language
from hub.web.support.parts import isolated, name_in_words

blueprint = Blueprint("question", __name__, url_prefix=PREFIX)


@blueprint.route("/question/<token>", methods=["GET", "POST"])
@guard.public
def question(token: str) -> Response:
    current_app.extensions["throttle"].hit(f"question {address_key(request.remote_addr)}")
    try:
        return _ask(token)
    except Gone:
        return _sent(render_template("support/question_over.html"), 410)


def _ask(token: str) -> Response:
    asked = links.look(db(), token)
    if request.method != "POST":
        return _page(asked)
    try:
        reply = load(schemas.LinkReply, request.form.to_dict())
        choice = {"yes": True, "no": False}.get(reply["choice"])
        asked = links.answer(db(), token, choice=choice, text=reply["text"])
    except ValidationError as error:
        return _page(asked, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _page(asked, 422, errors=error.errors)
    return _page(asked, done=True)


def _page(asked: Question, status: int = 200, *, errors: Any = None, done: bool = False) -> Response:
    objectives = vocabulary.labels(db(), "objective", language())
    html = render_template(
        "support/question.html",
        asked=asked,
        country=isolated(name_in_words(asked.country)),
        entity=isolated(name_in_words(asked.link.entity)),
        objectives=[(number, objectives.get(str(number), str(number))) for number in asked.objectives],
        given=request.form,
        errors=errors or {},
        done=done,
    )
    return _sent(html, status)


def _sent(html: str, status: int) -> Response:
    response = make_response(html, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the secret
    return response
