"""The collection in numbers and in order, from the database: right even while no engine answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, distinct, func, select
from sqlalchemy.orm import Session, selectinload

from hub.knowledge.models import PRACTICE, Document, DocumentCountry, DocumentObjective

PUBLISHED = Document.status == "published"


@dataclass(frozen=True, slots=True)
class Figures:
    """Published works, not language versions. `objectives`: number -> works. `countries`: named by a published work."""

    practices: int
    guidance: int
    languages: int
    countries: int
    objectives: Mapping[int, int]

    @property
    def works(self) -> int:
        return self.practices + self.guidance


def figures(session: Session) -> Figures:
    works = func.count(distinct(Document.work_id))
    by_kind = {
        str(kind): int(count)
        for kind, count in session.execute(select(Document.kind, works).where(PUBLISHED).group_by(Document.kind))
    }
    languages = session.scalar(select(func.count(distinct(Document.language))).where(PUBLISHED))
    countries = session.scalar(
        select(func.count(distinct(DocumentCountry.country)))
        .join(Document, Document.id == DocumentCountry.document_id)
        .where(PUBLISHED)
    )
    found = session.execute(
        select(DocumentObjective.number, works)
        .join(Document, Document.id == DocumentObjective.document_id)
        .where(PUBLISHED)
        .group_by(DocumentObjective.number)
        .order_by(DocumentObjective.number)
    )
    objectives = {int(number): int(count) for number, count in found}
    practices = by_kind.pop(PRACTICE, 0)
    return Figures(practices, sum(by_kind.values()), languages or 0, countries or 0, objectives)


@dataclass(frozen=True, slots=True)
class Listing:
    """A stretch of the works that fit, by title, each by one language version. `total` counts all that fit."""

    rows: tuple[Document, ...]
    total: int


def works(
    session: Session, *, reader: str, kind: str | None = None, language: str | None = None, offset: int = 0, limit: int
) -> Listing:
    """Published works, of one kind and with a version in one language where named.

    A work is shown in that language, else in `reader` if it exists in it, else in its first language.
    """
    conditions: list[ColumnElement[bool]] = [PUBLISHED]
    if kind:
        conditions.append(Document.kind == kind)
    if language:
        conditions.append(Document.language == language)
    total = session.scalar(select(func.count(distinct(Document.work_id))).where(*conditions)) or 0
    first = func.min(func.lower(Document.title))
    ids = session.scalars(
        select(Document.work_id)
        .where(*conditions)
        .group_by(Document.work_id)
        .order_by(first, Document.work_id)
        .offset(offset)
        .limit(limit)
    ).all()
    versions: dict[str, list[Document]] = {}
    for row in session.scalars(
        select(Document)
        .where(Document.work_id.in_(ids), *conditions)
        .order_by(Document.language, Document.id)
        .options(selectinload(Document.countries), selectinload(Document.objectives))
    ):
        versions.setdefault(row.work_id, []).append(row)
    wanted = language or reader
    shown = (next((row for row in versions[key] if row.language == wanted), versions[key][0]) for key in ids)
    return Listing(tuple(shown), total)
