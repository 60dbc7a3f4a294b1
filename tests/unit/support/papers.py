"""Files and people for the tests of papers."""

import io
import zipfile
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.support import delivery, requests, triage
from hub.support.filestore import Upload
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from tests import factories

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
CONTENT_TYPES = (
    '<?xml version="1.0"?><Types><Override PartName="/word/document.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)


def docx(**parts: bytes | str) -> bytes:
    """A Word document; `parts` adds files or replaces them, `/` written as `__`."""
    content: dict[str, bytes | str] = {"[Content_Types].xml": CONTENT_TYPES, "word/document.xml": "<w:document/>"}
    content |= {name.replace("__", "/"): part for name, part in parts.items()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    return target.getvalue()


def upload(content: bytes = PDF, filename: str = "letter.pdf") -> Upload:
    return Upload(io.BytesIO(content), filename)


@dataclass
class Cast:
    """Portugal asks; IOM leads, UNHCR was asked only; Ghana is a stranger."""

    ana: Membership
    ghana: Membership
    iom: Membership
    unhcr: Membership
    secretary: Membership
    administrator: Membership


def cast(session: Session) -> Cast:
    made = Cast(
        ana=factories.member(session, FOCAL_POINT, factories.state(session, "PRT")),
        ghana=factories.member(session, FOCAL_POINT, factories.state(session, "GHA")),
        iom=factories.member(session, EXPERT, factories.agency(session, "iom")),
        unhcr=factories.member(session, EXPERT, factories.agency(session, "unhcr")),
        secretary=factories.secretariat(session),
        administrator=factories.member(session, "administrator"),
    )
    session.commit()
    return made


def submitted(session: Session, people: Cast) -> SupportRequest:
    data = RequestData("Title in private", "Words in private", language="en", summary="Approved summary")
    return requests.draft(session, people.ana, data, submit=True)


def accepted(session: Session, people: Cast) -> SupportRequest:
    """IOM leads and has accepted; UNHCR was asked to contribute and has not decided."""
    row = submitted(session, people)
    row = triage.send(session, people.secretary, row.id, "iom", version=row.version)
    row = triage.send(session, people.secretary, row.id, "unhcr", version=row.version, role="contributor")
    return delivery.accept(session, people.iom, row.id, version=row.version)
