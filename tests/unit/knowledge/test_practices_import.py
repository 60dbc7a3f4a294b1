import json

import pytest
from sqlalchemy import func, select

from corpus.load import load_vocabulary, seed_files
from hub.database import Outbox
from hub.errors import HubError
from hub.events import timeline
from hub.knowledge.agencies import AgencyNames
from hub.knowledge.models import Document, DocumentEntity, DocumentVersion, Proposal
from hub.knowledge.practices import BATCH, import_records
from hub.schemas.knowledge import RecordSchema
from tests.indexer.delivery import bring_in, edit, record


@pytest.fixture
def vocabulary(session):
    load_vocabulary(session)
    return session


def only(session) -> Document:
    session.expire_all()
    return session.scalars(select(Document)).one()


@pytest.mark.both_databases
def test_a_new_record_has_its_version_its_event_and_work_for_the_index(vocabulary):
    report = bring_in(vocabulary, record("one", countries=["GHA", "PRT"], gcm_objectives=[6, 22], start_year=2019))
    assert report.added == 1
    row = only(vocabulary)
    assert (row.slug, row.source, row.source_id, row.version, row.year) == ("one", "corpus", "one", 1, 2019)
    assert [country.country for country in row.countries] == ["GHA", "PRT"]
    assert [objective.number for objective in row.objectives] == [6, 22]
    assert row.regions == ["Western Africa", "Southern Europe"]
    assert vocabulary.get(DocumentVersion, (row.id, 1)).data["gcm_objectives"] == [6, 22]
    [event] = timeline(vocabulary, ("document", row.id), ["public"])
    assert (event.action, event.version) == ("imported", 1)
    assert [(job.kind, job.payload) for job in vocabulary.scalars(select(Outbox))] == [
        ("index", {"document_id": row.id})
    ]


@pytest.mark.both_databases
def test_a_changed_record_gets_a_new_version_and_keeps_its_id_and_the_old_version(vocabulary):
    bring_in(vocabulary, record("one", countries=["GHA"], gcm_objectives=[6]))
    before = only(vocabulary).id
    report = bring_in(vocabulary, record("one", countries=["PER", "CHL"], gcm_objectives=[7], benefits="Many."))
    assert (report.added, report.changed) == (0, 1)
    row = only(vocabulary)
    assert (row.id, row.version, row.benefits) == (before, 2, "Many.")
    assert [country.country for country in row.countries] == ["PER", "CHL"]
    assert [objective.number for objective in row.objectives] == [7]
    assert vocabulary.get(DocumentVersion, (row.id, 1)).data["countries"] == ["GHA"]
    assert [event.action for event in timeline(vocabulary, ("document", row.id), ["public"])] == ["imported", "changed"]


def test_the_order_of_fields_and_absent_or_empty_ones_make_no_change(vocabulary):
    first = record("one", benefits=None, partners=[])
    bring_in(vocabulary, first)
    bring_in_again = dict(reversed([item for item in first.items() if item[0] not in {"benefits", "partners"}]))
    assert bring_in(vocabulary, bring_in_again).unchanged == 1


@pytest.mark.both_databases
def test_a_record_that_a_person_edited_is_never_overwritten_and_the_change_waits_once(vocabulary):
    bring_in(vocabulary, record("one"))
    edit(vocabulary, "one", title="Better words")
    incoming = record("one", title="Title of the source")
    assert bring_in(vocabulary, incoming).proposed == 1
    again = bring_in(vocabulary, incoming)
    assert (again.proposed, again.unchanged, again.changed) == (0, 1, 0)
    row = only(vocabulary)
    assert (row.title, row.version) == ("Better words", 2)
    [proposal] = vocabulary.scalars(select(Proposal))
    assert (proposal.document_id, proposal.data["title"], proposal.status) == (row.id, "Title of the source", "open")
    assert bring_in(vocabulary, record("one", title="A third")).proposed == 1


def test_a_record_that_the_source_no_longer_has_is_named_and_kept(vocabulary):
    bring_in(vocabulary, record("one"), record("two"))
    bring_in(vocabulary, record("other"), source="elsewhere")
    report = bring_in(vocabulary, record("one"))
    assert (report.missing, report.missing_ids) == (1, ["two"])
    assert vocabulary.scalar(select(func.count()).select_from(Document)) == 3


@pytest.mark.both_databases
def test_a_delivery_larger_than_a_transaction_comes_in_whole(vocabulary):
    records = [record(f"record-{number}") for number in range(2 * BATCH + 1)]
    assert bring_in(vocabulary, *records).added == 2 * BATCH + 1
    records[BATCH]["title"] = "Another"
    report = bring_in(vocabulary, *records)
    assert (report.changed, report.unchanged) == (1, 2 * BATCH)


def test_a_check_reports_the_same_and_writes_nothing(vocabulary):
    bring_in(vocabulary, record("one"), record("two"), record("three"))
    edit(vocabulary, "two", title="Better words")
    incoming = (record("one", title="New"), record("two", title="New"), record("four"))
    wanted = bring_in(vocabulary, *incoming, check=True)
    assert (wanted.added, wanted.changed, wanted.proposed, wanted.missing) == (1, 1, 1, 1)
    assert bring_in(vocabulary, *incoming) == wanted


def test_records_wait_for_the_vocabulary(session):
    with pytest.raises(HubError, match="vocabulary"):
        bring_in(session, record())


def test_an_area_that_is_no_state_may_be_named(vocabulary):
    bring_in(vocabulary, record("one", countries=["HKG", "COK"]))
    assert only(vocabulary).regions == ["Eastern Asia", "Polynesia"]


@pytest.mark.parametrize(
    ("name", "agencies"),
    [
        ("International Organization for Migration", {"iom"}),
        ("International Organization for Migration (IOM)", {"iom"}),
        ("IOM", {"iom"}),
        ("OIM", {"iom"}),
        ("OIM Burkina Faso", {"iom"}),
        ("IOM, Haiti", {"iom"}),
        ("МОМ Беларусь", {"iom"}),
        ("国际移民组织", {"iom"}),
        ("المنظمة الدولية للهجرة - تونس", {"iom"}),
        ("Organisation internationale pour les migrations", {"iom"}),
        ("ACNUR", {"unhcr"}),
        ("HCR", {"unhcr"}),
        ("УВКБ ООН", {"unhcr"}),
        ("BIT", {"ilo"}),
        ("منظمة العمل الدولية", {"ilo"}),
        ("Fonds des Nations Unies pour l'enfance", {"unicef"}),
        ("Food and Agriculture Organization of the United Nations", {"fao"}),
        ("United Nations Office on Drugs and Crime", {"unodc"}),
        ("World Bank", {"world-bank"}),
        ("ILO, IOM and UNHCR", {"ilo", "iom", "unhcr"}),
        ("who", set()),
        ("bit", set()),
        ("Information Technology Centre (ITC)", set()),
        ("UN Network on Migration in Guinea", set()),
        ("Bangladesh Migrants Organization", set()),
        ("IOM Friends Association", set()),
        ("Development Bank of the Central African States", set()),
        ("", set()),
    ],
)
def test_an_agency_is_recognised_by_its_whole_name_only(agency_names, name, agencies):
    assert agency_names.find(name) == agencies


@pytest.fixture(scope="module")
def agency_names(tmp_path_factory):
    import hub.support.models  # noqa: F401
    from hub.database import Base, Database

    database = Database(f"sqlite:///{tmp_path_factory.mktemp('names') / 'hub.db'}")
    Base.metadata.create_all(database.engine)
    with database.session() as session:
        load_vocabulary(session)
        names = AgencyNames(session)
    database.close()
    return names


def test_agencies_of_a_record_are_linked_by_their_role(vocabulary):
    bring_in(
        vocabulary,
        record(
            "one", implementers=[{"name": "OIM", "type": "un"}], partners=["IOM", "ACNUR Colombia"], publishers=["ILO"]
        ),
    )
    links = vocabulary.execute(select(DocumentEntity.entity_id, DocumentEntity.role)).all()
    assert set(links) == {("iom", "implementer"), ("iom", "partner"), ("unhcr", "partner"), ("ilo", "publisher")}


def test_the_corpus_links_most_of_the_agencies_that_it_names(vocabulary):
    schema = RecordSchema()
    lines = (line for file in seed_files() for line in file.read_text("utf-8").splitlines())
    import_records(vocabulary, (schema.load(json.loads(line)) for line in lines), source="corpus")
    linked = set(vocabulary.scalars(select(DocumentEntity.entity_id)))
    assert len(linked) >= 22  # of 36; the others are named nowhere
