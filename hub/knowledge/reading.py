"""Reading published records by their permanent names."""

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from hub.database import is_id
from hub.errors import Gone, NotFound
from hub.knowledge.models import Document


def get(session: Session, name: str) -> Document:
    """The published record of that slug or id. Raises `NotFound`, or `Gone` for a withdrawn one."""
    wanted = (Document.slug == name) | (Document.id == name) if is_id(name) else Document.slug == name
    row = session.scalar(
        select(Document)
        .where(wanted)
        .options(selectinload(Document.countries), selectinload(Document.objectives), selectinload(Document.entities))
    )
    if row is None:
        raise NotFound("There is no record of that name.")
    if row.status != "published":
        raise Gone("This record was withdrawn by its editors.")
    return row


def versions(session: Session, row: Document) -> list[Document]:
    """All published language versions of the record's work, itself included, in order of language."""
    return list(
        session.scalars(
            select(Document)
            .where(Document.work_id == row.work_id, Document.status == "published")
            .order_by(Document.language, Document.id)
        )
    )
