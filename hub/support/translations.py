"""Labelled translations beside the words of a request, a plan or an answer. The author's words are the binding ones."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from hub.accounts import policy
from hub.accounts.models import EXPERT, Membership
from hub.database import is_id, new_id, now
from hub.errors import Forbidden, Invalid, NotFound, StaleVersion
from hub.search.types import LANGUAGES
from hub.support import reading, steps
from hub.support.lifecycle import DRAFT
from hub.support.models import Answer, Plan, SupportRequest
from hub.support.papers import ANSWER, HUMAN, ORIGINS, PLAN, REQUEST, Translation

FIELDS: Mapping[str, tuple[str, ...]] = {
    REQUEST: ("title", "description", "summary"),
    PLAN: ("text", "steps"),
    ANSWER: ("text",),
}
"""Kind of what is translated -> its fields. `steps`: one on each line."""
CHANGED = "Somebody else changed this translation since you opened it."


@dataclass(frozen=True, slots=True)
class Original:
    """What is translated, as its reader may see it. `entity_id`: whose words they are. `seal`: digest of all its words."""

    kind: str
    id: str
    entity_id: str
    language: str
    texts: Mapping[str, str]
    seal: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A translation with the fields that its reader may see. `outdated`: the original has other words by now."""

    row: Translation
    texts: Mapping[str, str]
    outdated: bool


@dataclass(frozen=True, slots=True)
class TranslationData:
    language: str
    texts: Mapping[str, str]
    origin: str = HUMAN


def originals(
    session: Session, membership: Membership | None, row: SupportRequest, answers: Sequence[Answer] | None = None
) -> list[Original]:
    """What this membership can read of a request, its plans and its sent answers, in that order.

    `answers`: those that it can read, if they are at hand.
    """
    if not reading.readable(membership, row):
        return []
    detailed = reading.detailed(membership, row)
    words = {"title": row.title, "description": row.description, "summary": row.summary}
    shown = words if detailed else {"summary": row.summary}
    found = [Original(REQUEST, row.id, row.country_id, row.language, shown, _seal(words))]
    found += [_plan(plan) for plan in reading.plans(membership, row)]
    answers = reading.answers(session, membership, row) if answers is None else answers
    found += [_answer(each) for each in answers if each.status == "sent"]
    return found


def _plan(plan: Plan) -> Original:
    texts = {"text": plan.text, "steps": "\n".join(plan.steps)}
    return Original(PLAN, plan.id, plan.entity_id, plan.language, texts, _seal(texts))


def _answer(answer: Answer) -> Original:
    texts = {"text": answer.text}
    return Original(ANSWER, answer.id, answer.entity_id, answer.language, texts, _seal(texts))


def _seal(texts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def shown(
    session: Session, membership: Membership | None, row: SupportRequest, seen: Sequence[Original] | None = None
) -> dict[str, list[Shown]]:
    """Id of a request, plan or answer -> its translations, as far as their reader sees the original; by language.

    `seen`: the originals that the reader sees, if they are at hand.
    """
    found: dict[str, list[Shown]] = {}
    rows = session.scalars(
        select(Translation)
        .where(Translation.request_id == row.id)
        .order_by(Translation.language)
        .options(joinedload(Translation.entity))
        .execution_options(populate_existing=True)
    ).all()
    if not rows:
        return {}
    readable = {each.id: each for each in (originals(session, membership, row) if seen is None else seen)}
    for each in rows:
        original = readable.get(each.subject_id)
        if original is None or original.kind != each.subject_kind:
            continue
        texts = {name: str(each.texts[name]) for name in original.texts if each.texts.get(name)}
        if texts:
            found.setdefault(original.id, []).append(Shown(each, texts, each.seal != original.seal))
    return found


def may_translate(membership: Membership | None, row: SupportRequest, original: Original) -> bool:
    """The State's team and the secretariat all that they read; an agency its own plans and answers."""
    if membership is None or not policy.can(membership, "translate", row):
        return False
    return membership.role != EXPERT or original.entity_id == membership.entity_id


def find(
    session: Session, membership: Membership | None, name: str, subject: tuple[str, str]
) -> tuple[SupportRequest, Original]:
    """What is to be translated, `subject` being its kind and id; `Forbidden` to a reader who may not."""
    row = reading.get(session, membership, name)
    original = next((each for each in originals(session, membership, row) if (each.kind, each.id) == subject), None)
    if original is None:
        raise NotFound
    if not may_translate(membership, row, original):
        raise Forbidden(reading.NOT_YOURS)
    return row, original


def put(
    session: Session,
    membership: Membership | None,
    name: str,
    subject: tuple[str, str],
    data: TranslationData,
    *,
    version: int | None = None,
) -> Translation:
    """Add a translation, or replace the one into that language; then `version` is that of the one seen.

    It is of the original as it stands now.
    """
    row, original = find(session, membership, name, subject)
    texts = {field: words for field in original.texts if (words := data.texts.get(field, "").strip())}
    errors: dict[str, list[str]] = {}
    if data.language not in LANGUAGES:
        errors["language"] = ["Not one of the six official languages."]
    elif data.language == original.language:
        errors["language"] = ["The original is in this language."]
    if data.origin not in ORIGINS:
        errors["origin"] = ["Choose one."]
    if not texts:
        errors[next(iter(original.texts))] = ["Write the translation first."]
    if errors or membership is None:
        raise Invalid(errors)
    values = {
        "texts": texts,
        "origin": data.origin,
        "seal": original.seal,
        "membership_id": membership.id,
        "entity_id": membership.entity_id,
        "updated_at": now(),
    }
    current = session.scalar(
        select(Translation)
        .where(Translation.subject_id == original.id, Translation.language == data.language)
        .execution_options(populate_existing=True)
    )
    if current is None:
        if version is not None:
            raise StaleVersion(CHANGED, version=None)
        current = Translation(
            id=new_id(),
            request_id=row.id,
            subject_kind=original.kind,
            subject_id=original.id,
            language=data.language,
            **values,
        )
        session.add(current)
        try:
            session.flush()
        except IntegrityError:  # somebody else added one in the same moment
            session.rollback()
            raise StaleVersion(CHANGED, version=1) from None
    else:
        written = session.scalar(
            update(Translation)
            .where(Translation.id == current.id, Translation.version == version)
            .values(version=Translation.version + 1, **values)
            .returning(Translation.version)
            .execution_options(synchronize_session=False)
        )
        if written is None:
            session.rollback()
            newest = session.scalar(select(Translation.version).where(Translation.id == current.id))
            raise StaleVersion(CHANGED, version=newest)
        session.refresh(current)
    _tell(session, membership, row, current, "translate")
    session.commit()
    return current


def remove(session: Session, membership: Membership | None, id_: str) -> SupportRequest:
    """Take a translation away for good."""
    current = session.get(Translation, id_, populate_existing=True) if is_id(id_) else None
    if current is None or membership is None:
        raise NotFound
    row, _ = find(session, membership, current.request_id, (current.subject_kind, current.subject_id))
    session.delete(current)
    _tell(session, membership, row, current, "remove_translation")
    session.commit()
    return row


def for_operator(session: Session, of: SupportRequest | None = None) -> list[tuple[Translation, str]]:
    """Every translation with the reference of its request, newest request first; for the machine's command line. Never for an edge."""
    found = (
        select(Translation, SupportRequest.reference)
        .join(SupportRequest, SupportRequest.id == Translation.request_id)
        .order_by(SupportRequest.id.desc(), Translation.subject_id, Translation.language)
    )
    rows = session.execute(found if of is None else found.where(Translation.request_id == of.id))
    return [(one, reference) for one, reference in rows]


def _tell(session: Session, membership: Membership, row: SupportRequest, current: Translation, action: str) -> None:
    steps.tell(
        session,
        membership,
        row,
        action,
        audience="requesting" if row.status == DRAFT else "parties",
        before=row.status,
        data={"translation": current.id, "subject": current.subject_kind, "entity": membership.entity_id},
    )
