"""Records come in here, from files and from other portals."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from hub.database import Outbox, new_id, now
from hub.errors import HubError
from hub.events import Event
from hub.knowledge.agencies import AgencyNames
from hub.knowledge.models import (
    Document,
    DocumentCountry,
    DocumentEntity,
    DocumentObjective,
    DocumentVersion,
    Proposal,
)
from hub.network import vocabulary

BATCH = 500
"""Records of one transaction: short enough that others who write wait a tenth of a second, not more."""
NAMED = 5
"""How many missing records a report names."""

FACTS = ("title_basis", "gcm_objectives_basis", "sdg_targets", "start_year", "end_year", "status")


@dataclass(slots=True)
class ImportReport:
    """What an import did, or with `check` would do.

    `proposed`: new proposals; one that waits already counts as unchanged. `missing`: published records of the source that
    this import did not name; `missing_ids` are the first of them.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    proposed: int = 0
    missing: int = 0
    missing_ids: list[str] = field(default_factory=list[str])


def content_hash(record: Mapping[str, Any]) -> str:
    """SHA-256 of a loaded record, whatever the order of its fields in the file."""
    return hashlib.sha256(json.dumps(record, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def import_records(
    session: Session,
    records: Iterable[Mapping[str, Any]],
    *,
    source: str,
    check: bool = False,
    unreadable: Collection[str] = (),
) -> ImportReport:
    """Add or change the records of `source`, as `RecordSchema` loaded them, each `id` at most once.

    A record is known by (source, id) and written again when its content changed. One that a person has edited here is left
    alone: the change waits as a `Proposal`. Commits after every batch, so that a crash loses none that was reported and the
    next run carries on. `unreadable`: ids that the source names in lines which could not be read, so not missing; looked at
    when `records` is used up. `check` writes nothing. The session has nothing pending. Raises `HubError` when the vocabulary
    is not loaded.
    """
    report = ImportReport()
    seen: set[str] = set()
    importer = _Importer(session, source, check=check)
    for batch in _batches(records):
        seen.update(record["id"] for record in batch)
        importer.take(batch, report)
    seen.update(unreadable)
    names = session.scalars(
        select(Document.source_id)
        .where(Document.source == source, Document.status == "published")
        .order_by(Document.source_id)
        .execution_options(yield_per=5_000)
    )
    for name in names:
        if name not in seen:
            report.missing += 1
            if len(report.missing_ids) < NAMED:
                report.missing_ids.append(name)
    session.rollback()  # ends the reading
    session.expire_all()  # rows were written past the objects that the caller may hold
    return report


def _batches(records: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(records)
    while batch := list(islice(iterator, BATCH)):
        yield batch


class _Importer:
    """Writes batches by table: a hundred thousand records are a minute, not ten."""

    def __init__(self, session: Session, source: str, *, check: bool) -> None:
        self._session = session
        self._source = source
        self._check = check
        self._agencies = AgencyNames(session)
        self._regions = {country.code: country.regions[:1] for country in vocabulary.countries(session)}
        if not check and not self._regions:
            raise HubError("The vocabulary is not loaded: run `hub init`.")

    def take(self, batch: Sequence[Mapping[str, Any]], report: ImportReport) -> None:
        """One transaction."""
        session = self._session
        if not self._check and session.get_bind().dialect.name == "sqlite":
            # Nobody else writes between our look and our write; on PostgreSQL the rows looked at are locked.
            session.rollback()
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")
        known = self._known(batch)
        added: list[tuple[str, int, Mapping[str, Any], str]] = []
        changed: list[tuple[str, int, Mapping[str, Any], str]] = []
        proposals: list[dict[str, Any]] = []
        for record in batch:
            hash_ = content_hash(record)
            row = known.get(record["id"])
            if row is None:
                added.append((new_id(), 1, record, hash_))
            elif row.content_hash == hash_:
                report.unchanged += 1
            elif row.edited_at is None:
                changed.append((row.id, row.version + 1, record, hash_))
            else:
                proposals.append({"document_id": row.id, "content_hash": hash_, "data": record})
        proposals = self._not_waiting(proposals, report)
        report.added += len(added)
        report.changed += len(changed)
        report.proposed += len(proposals)
        if self._check:
            return
        if added:
            self._add(added)
        if changed:
            self._change(changed)
        if proposals:
            session.execute(insert(Proposal), proposals)
        session.commit()

    def _known(self, batch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        query = select(
            Document.id, Document.source_id, Document.content_hash, Document.edited_at, Document.version
        ).where(Document.source == self._source, Document.source_id.in_([record["id"] for record in batch]))
        if not self._check:
            query = query.with_for_update()
        return {row.source_id: row for row in self._session.execute(query)}

    def _not_waiting(self, proposals: list[dict[str, Any]], report: ImportReport) -> list[dict[str, Any]]:
        if not proposals:
            return []
        waiting = {
            tuple(row)
            for row in self._session.execute(
                select(Proposal.document_id, Proposal.content_hash).where(
                    Proposal.document_id.in_([proposal["document_id"] for proposal in proposals])
                )
            )
        }
        new = [each for each in proposals if (each["document_id"], each["content_hash"]) not in waiting]
        report.unchanged += len(proposals) - len(new)
        return new

    def _add(self, rows: Sequence[tuple[str, int, Mapping[str, Any], str]]) -> None:
        slugs = self._slugs([record["id"] for _, _, record, _ in rows])
        self._session.execute(
            insert(Document),
            [
                {
                    "id": id_,
                    "slug": slugs[record["id"]],
                    "source": self._source,
                    "source_id": record["id"],
                    **self._columns(record, hash_),
                }
                for id_, _, record, hash_ in rows
            ],
        )
        self._write_around(rows, "imported")

    def _slugs(self, ids: Sequence[str]) -> dict[str, str]:
        """Id -> slug: the id itself, unless another source has it already."""
        taken = set(self._session.scalars(select(Document.slug).where(Document.slug.in_(ids))))
        return {each: each if each not in taken else f"{each[:163]}-{new_id()}" for each in ids}

    def _change(self, rows: Sequence[tuple[str, int, Mapping[str, Any], str]]) -> None:
        ids = [id_ for id_, _, _, _ in rows]
        for table in (DocumentCountry, DocumentObjective, DocumentEntity):
            self._session.execute(
                delete(table).where(table.document_id.in_(ids)).execution_options(synchronize_session=False)
            )
        self._session.execute(
            update(Document),
            [
                {"id": id_, "version": version, "updated_at": now(), **self._columns(record, hash_)}
                for id_, version, record, hash_ in rows
            ],
        )
        self._write_around(rows, "changed")

    def _columns(self, record: Mapping[str, Any], hash_: str) -> dict[str, Any]:
        same = (
            "kind",
            "language",
            "title",
            "summary",
            "benefits",
            "lessons",
            "replicability",
            "implementers",
            "partners",
            "publishers",
            "source_url",
            "source_title",
            "source_publisher",
            "retrieved_from",
        )
        return {
            **{name: record[name] for name in same},
            "content_hash": hash_,
            "year": record["year"] or record["start_year"],
            "regions": record["regions"] or self._derived_regions(record["countries"]),
            "principles": record["guiding_principles"],
            "facts": {name: record[name] for name in FACTS},
        }

    def _derived_regions(self, countries: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(region for country in countries for region in self._regions[country]))

    def _write_around(self, rows: Sequence[tuple[str, int, Mapping[str, Any], str]], action: str) -> None:
        """Countries, objectives, agencies, the version as published, the event, and the work for the index."""
        self._insert(
            DocumentCountry,
            (
                {"document_id": id_, "country": country, "position": position}
                for id_, _, record, _ in rows
                for position, country in enumerate(record["countries"])
            ),
        )
        self._insert(
            DocumentObjective,
            (
                {"document_id": id_, "number": number}
                for id_, _, record, _ in rows
                for number in record["gcm_objectives"]
            ),
        )
        self._insert(
            DocumentEntity,
            (
                {"document_id": id_, "entity_id": code, "role": role}
                for id_, _, record, _ in rows
                for code, role in self._entities(record)
            ),
        )
        self._insert(
            DocumentVersion,
            ({"document_id": id_, "version": version, "data": record} for id_, version, record, _ in rows),
        )
        self._insert(
            Event,
            (
                {
                    "subject_kind": "document",
                    "subject_id": id_,
                    "action": action,
                    "version": version,
                    "audience": "public",
                    "data": {"source": self._source},
                }
                for id_, version, _, _ in rows
            ),
        )
        self._insert(Outbox, ({"kind": "index", "payload": {"document_id": id_}} for id_, _, _, _ in rows))

    def _insert(self, table: type[Any], rows: Iterable[dict[str, Any]]) -> None:
        if values := list(rows):
            self._session.execute(insert(table), values)

    def _entities(self, record: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(agency, role), each once, in order."""
        named = [("implementer", implementer["name"]) for implementer in record["implementers"]]
        named += [("partner", name) for name in record["partners"]]
        named += [("publisher", name) for name in record["publishers"]]
        return sorted({(code, role) for role, name in named for code in self._agencies.find(name)})
