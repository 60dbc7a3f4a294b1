"""Records and vocabulary as the API gives them: the names of `corpus/README.md`."""

from typing import Any

from marshmallow import Schema, fields

from hub.knowledge.models import Document


class DocumentSchema(Schema):
    """One language version of a practice or guidance record. `id` is its permanent slug."""

    id = fields.String()
    document_id = fields.String()
    work = fields.String()
    version = fields.Integer()
    kind = fields.String()
    title = fields.String()
    title_basis = fields.String(allow_none=True)
    summary = fields.String()
    language = fields.String()
    countries = fields.List(fields.String())
    regions = fields.List(fields.String())
    implementers = fields.List(fields.Dict())
    partners = fields.List(fields.String())
    publishers = fields.List(fields.String())
    year = fields.Integer(allow_none=True)
    gcm_objectives = fields.List(fields.Integer())
    gcm_objectives_basis = fields.String(allow_none=True)
    guiding_principles = fields.List(fields.String())
    sdg_targets = fields.List(fields.String())
    start_year = fields.Integer(allow_none=True)
    end_year = fields.Integer(allow_none=True)
    status = fields.String(allow_none=True)
    benefits = fields.String(allow_none=True)
    lessons = fields.String(allow_none=True)
    replicability = fields.String(allow_none=True)
    source_url = fields.String(allow_none=True)
    source_title = fields.String(allow_none=True)
    source_publisher = fields.String(allow_none=True)
    retrieved_from = fields.String(allow_none=True)
    updated_at = fields.DateTime()
    languages = fields.List(fields.Dict(keys=fields.String(), values=fields.String()))


def dump_document(row: Document, versions: list[Document]) -> dict[str, Any]:
    """`versions`: all published language versions of the work, this one included."""
    facts = row.facts
    return {
        "id": row.slug,
        "document_id": row.id,
        "work": row.work_id,
        "version": row.version,
        "kind": row.kind,
        "title": row.title,
        "title_basis": facts.get("title_basis"),
        "summary": row.summary,
        "language": row.language,
        "countries": [country.country for country in row.countries],
        "regions": row.regions,
        "implementers": row.implementers,
        "partners": row.partners,
        "publishers": row.publishers,
        "year": row.year,
        "gcm_objectives": [objective.number for objective in row.objectives],
        "gcm_objectives_basis": facts.get("gcm_objectives_basis"),
        "guiding_principles": row.principles,
        "sdg_targets": facts.get("sdg_targets", []),
        "start_year": facts.get("start_year"),
        "end_year": facts.get("end_year"),
        "status": facts.get("status"),
        "benefits": row.benefits,
        "lessons": row.lessons,
        "replicability": row.replicability,
        "source_url": row.source_url,
        "source_title": row.source_title,
        "source_publisher": row.source_publisher,
        "retrieved_from": row.retrieved_from,
        "updated_at": row.updated_at.isoformat(),
        "languages": [{"language": version.language, "id": version.slug} for version in versions],
    }
