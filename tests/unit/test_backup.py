import stat
import tarfile
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from hub import backup, migrate
from hub.backup import BackupError
from hub.database import Outbox, later
from hub.events import record
from hub.knowledge.models import CachedVector, Document, SearchLog
from hub.settings import Settings
from hub.support.models import SupportRequest
from hub.wiring import Hub
from tests import factories

pytestmark = pytest.mark.both_databases


@pytest.fixture
def migrated(settings: Settings):
    parts = Hub(settings)
    migrate.upgrade(parts.database.engine)
    yield parts
    parts.close()


def fill(hub):
    with hub.database.transaction() as session:
        focal_point = factories.member(session, "focal_point", factories.state(session, "PRT"))
        factories.document(session, "a-practice", title="Πρακτική 实践", countries=("PHL",), objectives=(6,))
        request = factories.request(session, focal_point, title="Private words")
        record(session, subject=("request", request.id), action="draft", audience="requesting")
        later(session, "index", {"document_id": "x"})
        session.add(CachedVector(model="m", content_hash="h", values=b"\x00\x01\xff"))
        session.add(SearchLog(id="x", day=date(2026, 2, 28), text="words", mode="keyword", total=0, weak=False))
    hub.settings.files.mkdir(parents=True)
    (hub.settings.files / "ab").mkdir()
    (hub.settings.files / "ab" / "letter.pdf").write_bytes(b"%PDF")
    for passing in (".lock", ".incoming-x"):  # no part of a backup
        (hub.settings.files / passing).touch()


def everything(hub):
    with hub.database.engine.connect() as connection:
        return {
            table.name: connection.execute(select(table).order_by(*table.primary_key)).all()
            for table in migrate.metadata().sorted_tables
        }


def test_database_and_files_come_back_as_they_were(migrated, tmp_path):
    fill(migrated)
    before = everything(migrated)
    backup.backup(migrated, tmp_path / "hub.tar.gz")
    with migrated.database.transaction() as session:
        session.query(SupportRequest).delete()
    (migrated.settings.files / "ab" / "letter.pdf").unlink()

    summary = backup.restore(migrated, tmp_path / "hub.tar.gz", replace=True)

    assert everything(migrated) == before
    assert (migrated.settings.files / "ab" / "letter.pdf").read_bytes() == b"%PDF"
    assert summary.files == 1


def test_a_backup_moves_to_another_database(migrated, tmp_path):
    fill(migrated)
    backup.backup(migrated, tmp_path / "hub.tar.gz")
    other = Hub(replace(migrated.settings, var=tmp_path / "other", database_url=f"sqlite:///{tmp_path / 'other.db'}"))
    migrate.upgrade(other.database.engine)
    backup.restore(other, tmp_path / "hub.tar.gz")
    assert everything(other) == everything(migrated)
    other.close()


def test_numbers_go_on_after_the_restored_ones(migrated, tmp_path):
    fill(migrated)
    backup.backup(migrated, tmp_path / "hub.tar.gz")
    backup.restore(migrated, tmp_path / "hub.tar.gz", replace=True)
    with migrated.database.transaction() as session:
        later(session, "index", {"document_id": "y"})
        session.flush()
        assert len(session.scalars(select(Outbox)).all()) == 2


def test_a_filled_database_is_not_touched_unless_told(migrated, tmp_path):
    fill(migrated)
    backup.backup(migrated, tmp_path / "hub.tar.gz")
    with pytest.raises(BackupError, match="not empty"):
        backup.restore(migrated, tmp_path / "hub.tar.gz")


def test_a_damaged_archive_changes_nothing(migrated, tmp_path):
    fill(migrated)
    before = everything(migrated)
    backup.backup(migrated, tmp_path / "hub.tar.gz")
    whole = (tmp_path / "hub.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupError):
        backup.restore(migrated, tmp_path / "cut.tar.gz", replace=True)
    assert everything(migrated) == before


def test_a_backup_of_another_schema_is_refused(migrated, tmp_path, monkeypatch):
    backup.backup(migrated, tmp_path / "hub.tar.gz")
    monkeypatch.setattr(migrate, "current", lambda _engine: "9999")
    with pytest.raises(BackupError, match="9999"):
        backup.restore(migrated, tmp_path / "hub.tar.gz")


def test_the_archive_is_private_and_holds_no_secret_key(migrated, tmp_path):
    fill(migrated)
    target = tmp_path / "hub.tar.gz"
    backup.backup(migrated, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with tarfile.open(target) as archive:
        assert all(name.split("/")[0] in {"manifest.json", "tables", "files"} for name in archive.getnames())


def test_a_backup_that_fails_leaves_the_old_one(migrated, tmp_path, monkeypatch):
    target = tmp_path / "hub.tar.gz"
    backup.backup(migrated, target)
    before = target.read_bytes()
    monkeypatch.setattr(backup, "_dump", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        backup.backup(migrated, target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".backup-")] == []


def test_documents_are_readable_after_a_restore(migrated, tmp_path):
    fill(migrated)
    backup.backup(migrated, tmp_path / "hub.tar.gz")
    backup.restore(migrated, tmp_path / "hub.tar.gz", replace=True)
    with migrated.database.session() as session:
        row = session.scalars(select(Document)).one()
        assert row.title == "Πρακτική 实践"
        assert [country.country for country in row.countries] == ["PHL"]
