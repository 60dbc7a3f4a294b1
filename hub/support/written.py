"""What agencies write in a request, as it comes from a form or a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.errors import Invalid
from hub.knowledge.models import Document


@dataclass(frozen=True, slots=True)
class AnswerData:
    """What an expert writes. `citations`: ids or slugs of published records, in order. `language` None: detected.

    `contributions`: ids of those that went into an answer. None: of a draft, as before; when it is sent, all that are in none.
    """

    text: str
    language: str | None = None
    citations: tuple[str, ...] = ()
    contributions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PlanData:
    """What a lead proposes. `steps` in order; `target_on`: when the answer is to be there. `language` None: detected.

    `contributions`: ids of those that it rests on.
    """

    text: str
    steps: tuple[str, ...] = ()
    target_on: date | None = None
    language: str | None = None
    contributions: tuple[str, ...] = ()


def cited(session: Session, names: Sequence[str]) -> list[Document]:
    """Published records by id or slug, in the order given, each once. `Invalid` names the ones that are not there."""
    found: dict[str, Document] = {}
    for document in session.scalars(
        select(Document).where(Document.status == "published", or_(Document.id.in_(names), Document.slug.in_(names)))
    ):
        found[document.id] = found[document.slug] = document
    missing = [name for name in names if name not in found]
    if missing:
        raise Invalid({"citations": [f"There is no published record {name}." for name in missing]})
    return list(dict.fromkeys(found[name] for name in names))
