"""What is taken in, by its content, and what stays when something goes wrong."""

import hashlib
import io
import os
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hub.errors import Invalid, TooLarge
from hub.support import filestore
from hub.support.filestore import DOCX, PDF, TEXT, FileStore
from tests.unit.support import papers


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "files", 1 << 20)


def kept(store, content, filename="letter.pdf"):
    with store.keep(papers.upload(content, filename)) as stored:
        return stored


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (papers.PDF, PDF),
        (papers.docx(), DOCX),
        ("Zażółć gęślą jaźń\r\n\tсписок".encode(), TEXT),
        (b"\xef\xbb\xbfwith a mark", TEXT),
    ],
)
def test_pdf_word_and_text_are_kept_under_their_hash(store, content, media_type):
    stored = kept(store, content)
    assert stored.media_type == media_type
    assert stored.size == len(content)
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert store.path(stored.sha256).read_bytes() == content
    assert store.whole(stored.sha256)
    assert list(store.kept()) == [store.path(stored.sha256)]


def twice():
    target = io.BytesIO(papers.docx())
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("word/document.xml", "<other/>")
    return target.getvalue()


def encrypted():
    content = bytearray(papers.docx())
    at = content.rfind(b"PK\x01\x02")
    content[at + 8] |= 1
    return bytes(content)


TEMPLATE = '<Relationship Type="…/attachedTemplate" Target="https://evil.example/x.dotm" TargetMode="External"/>'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"MZ\x90\x00" + papers.PDF, filestore.UNKNOWN),
        (b"\x7fELF\x02\x01\x01\x00" + papers.PDF, filestore.UNKNOWN),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 20, filestore.UNKNOWN),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 512, filestore.UNKNOWN),  # .doc, or a .docx with a password
        ("text in UTF-16".encode("utf-16"), filestore.UNKNOWN),
        (b"bell \x07", filestore.UNKNOWN),
        (b"", filestore.EMPTY),
        (b"%PDF-1.7\nthe transfer broke off", filestore.DAMAGED),
        (papers.PDF[:-6] + papers.docx() + b"%%EOF", filestore.UNKNOWN),
        (papers.docx()[:-30], filestore.DAMAGED),
        (papers.docx(word__vbaProject_bin="x").replace(b"vbaProject_bin", b"vbaProject.bin"), filestore.ACTIVE),
        (papers.docx(word__VBAPROJECT="x"), filestore.ACTIVE),
        (papers.docx(word__activeX__activeX1="x"), filestore.ACTIVE),
        (papers.docx(**{"word/_rels/settings.xml.rels": TEMPLATE}), filestore.ACTIVE),
        (papers.docx(**{"word/_rels/settings.xml.rels": TEMPLATE.encode("utf-16")}), filestore.DAMAGED),
        (
            papers.docx(**{"[Content_Types].xml": papers.CONTENT_TYPES.replace("document.main", "MacroEnabled.main")}),
            filestore.ACTIVE,
        ),
        (papers.docx(**{"[Content_Types].xml": "<Types/>"}), filestore.UNKNOWN),
        (papers.docx(**{"[Content_Types].xml": papers.CONTENT_TYPES + " " * (2 << 20)}), filestore.DAMAGED),
        (twice, filestore.DAMAGED),
        (encrypted, filestore.DAMAGED),
    ],
)
def test_anything_else_is_refused_in_a_sentence_and_leaves_nothing(store, content, sentence):
    with pytest.raises(Invalid) as refused:
        kept(store, content() if callable(content) else content)
    assert refused.value.errors == {"file": [sentence]}
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] in ([], [".lock"])


def test_a_document_that_unpacks_to_far_more_than_it_seems_is_refused(store, monkeypatch):
    monkeypatch.setattr(filestore, "LARGEST_UNPACKED", 1 << 20)
    bomb = papers.docx(word__media__image1="0" * (1 << 20))
    assert len(bomb) < 5_000
    with pytest.raises(Invalid) as refused:
        kept(store, bomb)
    assert refused.value.errors == {"file": [filestore.DAMAGED]}


def test_a_file_above_the_limit_is_refused_while_it_comes_in(store):
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            return b"a" * size

    with pytest.raises(TooLarge, match="at most 1 MB"), store.keep(filestore.Upload(Endless(), "x")):
        pass
    assert not list(store.kept())


def test_the_same_content_twice_is_one_file(store):
    first, second = kept(store, papers.PDF, "a.pdf"), kept(store, papers.PDF, "b.pdf")
    assert first.sha256 == second.sha256
    assert len(list(store.kept())) == 1


def test_a_row_that_cannot_be_written_takes_its_new_file_along_and_no_other(store):
    def fail(content):
        with pytest.raises(RuntimeError), store.keep(papers.upload(content)):
            raise RuntimeError("the database is away")

    fail(papers.PDF)
    assert list(store.kept()) == []
    stored = kept(store, papers.PDF)
    fail(papers.PDF)
    assert store.whole(stored.sha256)


def test_the_sweep_takes_what_nobody_names_and_what_uploads_left_behind(store):
    stored, lost = kept(store, papers.PDF), kept(store, b"plain")
    for name, age_s in ((".incoming-old", filestore.ABANDONED_S + 60), (".incoming-now", 0)):
        path = store.folder / name
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age_s,) * 2)
    with store.locked():
        assert store.sweep({stored.sha256}) == 2
    assert store.whole(stored.sha256)
    assert store.whole(lost.sha256) is None
    assert [path.name for path in store.folder.glob(".incoming-*")] == [".incoming-now"]


def test_a_file_that_changed_on_the_disk_is_noticed(store):
    stored = kept(store, papers.PDF)
    store.path(stored.sha256).write_bytes(b"%PDF-other")
    assert store.whole(stored.sha256) is False


@pytest.mark.parametrize(
    ("given", "media_type", "name"),
    [
        ("Letter of Ghana.pdf", PDF, "Letter of Ghana.pdf"),
        ("../../etc/passwd", PDF, "passwd.pdf"),
        ("C:\\Users\\Ana\\letter.PDF", PDF, "letter.pdf"),
        ("invoice.pdf.exe", PDF, "invoice.pdf.exe.pdf"),
        ("page.html", TEXT, "page.html.txt"),
        ("gnp.\u202eexe.docx", DOCX, "gnp.exe.docx"),
        ('a"b\r\nSet-Cookie: x.pdf', PDF, "abSet-Cookie x.pdf"),
        ("  .pdf", PDF, "file.pdf"),
        ("", TEXT, "file.txt"),
        ("رسالة.pdf", PDF, "رسالة.pdf"),
        ("x" * 500 + ".pdf", PDF, "x" * filestore.LONGEST_NAME + ".pdf"),
        ("half \ud800.pdf", PDF, "half.pdf"),
    ],
)
def test_names_are_made_safe(given, media_type, name):
    assert filestore.safe_name(given, media_type) == name


@hypothesis_settings(deadline=None)
@given(st.text(), st.sampled_from([PDF, DOCX, TEXT]))
def test_whatever_a_file_is_called_its_name_has_no_path_no_control_sign_and_the_right_end(given_name, media_type):
    name = filestore.safe_name(given_name, media_type)
    assert name.endswith(filestore.SUFFIXES[media_type])
    assert not set(name) & set('/\\<>:"|?*\x00\r\n')
    assert name.isprintable() or all(sign.isspace() or sign.isprintable() for sign in name)
    assert not name.startswith(".")
    assert filestore.safe_name(name, media_type) == name


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"%PDF-1.4", papers.docx()]))
def test_no_content_does_more_than_be_taken_or_be_refused(tmp_path_factory, noise, head):
    path = tmp_path_factory.mktemp("noise") / "file"
    path.write_bytes(head + noise)
    try:
        found = filestore.kind_of(path)
    except Invalid:
        return
    assert found in filestore.SUFFIXES
