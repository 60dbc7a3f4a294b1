"""Files by the hash of their content, in a folder outside the database: looked at, kept, and swept away.

What a file is follows from its content, never from its name. It gets its place by a rename, and the row that names it is
committed while the folder's lock is held, so that no sweep takes a file away that somebody is about to name. A crash leaves
at worst a file that no row names, which the next sweep removes.
"""

import hashlib
import os
import re
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from filelock import FileLock

from hub.errors import Invalid, TooLarge

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEXT = "text/plain"
SUFFIXES = {PDF: ".pdf", DOCX: ".docx", TEXT: ".txt"}
"""What is taken, and the end of its name."""
LONGEST_NAME = 150
CHUNK = 1 << 20
MOST_PARTS, LARGEST_UNPACKED = 5_000, 400 << 20
"""Of a Word document: no letter comes near them, and nothing here or at its reader should unpack more."""
LARGEST_READ = 1 << 20
ABANDONED_S = 24 * 3600
"""After so long what an upload left half-written is nobody's any more."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
UNKNOWN = "This is neither a PDF, a Word document (.docx) nor plain text in UTF-8."
ACTIVE = "This Word document holds macros or other active content. Save it as .docx without them."
DAMAGED = "This file is damaged or incomplete."
EMPTY = "This file is empty."


@dataclass(frozen=True, slots=True)
class Stored:
    """`name`: safe to show and to offer for download. `size` in bytes."""

    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as somebody sent it."""

    content: BinaryIO
    filename: str


class FileStore:
    """`folder` is made when it is first written to; `largest`: bytes of one file."""

    def __init__(self, folder: Path, largest: int) -> None:
        self.folder = folder
        self.largest = largest

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    @contextmanager
    def keep(self, upload: Upload) -> Generator[Stored]:
        """Take a file in. The block commits the row that names it; if it fails, what is new is removed again.

        Raises `Invalid` for what is not taken and `TooLarge`. The same content twice is one file.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".incoming-", delete=False) as partial:
            path = Path(partial.name)
            try:
                size, sha256 = self._copy(upload.content, partial.file)
                media_type = kind_of(path)
            except BaseException:
                path.unlink()
                raise
        target = self.path(sha256)
        try:
            with self.locked():
                new = not target.exists()
                target.parent.mkdir(exist_ok=True)
                path.replace(target)
                _sync(target.parent)
                try:
                    yield Stored(safe_name(upload.filename, media_type), media_type, size, sha256)
                except BaseException:
                    if new:
                        target.unlink(missing_ok=True)
                    raise
        finally:
            path.unlink(missing_ok=True)

    def _copy(self, content: BinaryIO, target: IO[bytes]) -> tuple[int, str]:
        size, digest = 0, hashlib.sha256()
        while chunk := content.read(CHUNK):
            size += len(chunk)
            if size > self.largest:
                raise too_large(self.largest)
            digest.update(chunk)
            target.write(chunk)
        if not size:
            raise Invalid({"file": [EMPTY]})
        target.flush()
        os.fsync(target.fileno())
        return size, digest.hexdigest()

    @contextmanager
    def locked(self) -> Generator[None]:
        """Between giving a file its place and committing its row, and while unnamed ones are removed."""
        with FileLock(self.folder / ".lock"):
            yield

    def kept(self) -> Iterator[Path]:
        """Every file that has its place."""
        if self.folder.is_dir():
            yield from (path for path in sorted(self.folder.glob("??/*")) if len(path.name) == len(_NO_CONTENT))

    def sweep(self, named: Collection[str]) -> int:
        """Remove what has no name among these hashes, and what uploads left behind. Call it `locked`. Returns how many."""
        gone = [path for path in self.kept() if path.name not in named]
        old = time.time() - ABANDONED_S
        gone += [path for path in self.folder.glob(".incoming-*") if path.stat().st_mtime < old]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def whole(self, sha256: str) -> bool | None:
        """Is the file there with the content of its hash? None: it is not there."""
        try:
            with self.path(sha256).open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest() == sha256
        except OSError:
            return None


_NO_CONTENT = hashlib.sha256().hexdigest()


def too_large(largest: int) -> TooLarge:
    return TooLarge(f"A file has at most {largest >> 20} MB.")


def _sync(folder: Path) -> None:
    """A rename survives a power cut once its folder is written."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kind_of(path: Path) -> str:
    """The media type of a file by its content. `Invalid` for anything that is not taken, in a sentence for its sender."""
    with path.open("rb") as opened:
        head = opened.read(8)
        if head.startswith(b"PK\x03\x04"):
            _check_docx(path)
            return DOCX
        if head.startswith(b"%PDF-"):
            opened.seek(-min(path.stat().st_size, 2048), os.SEEK_END)
            if b"%%EOF" not in opened.read():
                raise Invalid({"file": [DAMAGED]})
            if zipfile.is_zipfile(path):  # two kinds in one file: what it is would depend on who opens it
                raise Invalid({"file": [UNKNOWN]})
            return PDF
        opened.seek(0)
        try:
            text = opened.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Invalid({"file": [UNKNOWN]}) from None
    if _CONTROL.search(text):
        raise Invalid({"file": [UNKNOWN]})
    return TEXT


def _check_docx(path: Path) -> None:
    """A Word document without macros. Nothing of it is unpacked but two short lists, each up to a limit."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            names = [part.filename for part in parts]
            if "word/document.xml" not in names or "[Content_Types].xml" not in names:
                raise Invalid({"file": [UNKNOWN]})
            unpacked = sum(part.file_size for part in parts)
            if len(parts) > MOST_PARTS or unpacked > LARGEST_UNPACKED or len(set(names)) < len(names):
                raise Invalid({"file": [DAMAGED]})
            if any(part.flag_bits & 1 for part in parts):  # encrypted: nobody can look inside
                raise Invalid({"file": [DAMAGED]})
            types = _read(archive, "[Content_Types].xml")
            links = _read(archive, "word/_rels/settings.xml.rels") if "word/_rels/settings.xml.rels" in names else b""
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError, RuntimeError):
        raise Invalid({"file": [DAMAGED]}) from None
    lowered = [name.lower() for name in names]
    macros = any("vbaproject" in name or "vbadata" in name or "/activex/" in name for name in lowered)
    template = b"attachedTemplate" in links and b"External" in links  # Word would load it, with its macros
    if macros or template or b"macroenabled" in types.lower():
        raise Invalid({"file": [ACTIVE]})
    if b"wordprocessingml.document.main+xml" not in types:
        raise Invalid({"file": [UNKNOWN]})


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as opened:
        content = opened.read(LARGEST_READ + 1)
    if len(content) > LARGEST_READ or b"\x00" in content:  # too long to be true, or UTF-16 that hides words
        raise Invalid({"file": [DAMAGED]})
    return content


def safe_name(given: str, media_type: str) -> str:
    """A name for people and for their disks: no path, no control or direction sign, the end that the content has."""
    name = unicodedata.normalize("NFC", given.encode("utf-8", "replace").decode("utf-8"))
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(sign for sign in name if unicodedata.category(sign)[0] != "C" and sign not in '<>:"|?*')
    suffix = SUFFIXES[media_type]
    stem = " ".join(name.split())
    if stem.lower().endswith(suffix):
        stem = stem[: -len(suffix)]
    return (stem.strip(" .")[:LONGEST_NAME].strip(" .") or "file") + suffix
