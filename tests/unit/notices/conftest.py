"""A hub with a mail server: aiosmtpd on a free port of the loopback address, keeping what it is handed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.database import Outbox, now
from hub.notices.notices import DIGEST, MAIL, NOTICE
from hub.settings import Settings
from hub.support import requests
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from hub.wiring import Hub
from hub.worker import Worker
from tests import factories

SECRET = "Trafficked children of Lisbon"
"""In title and description of every request here: never in a mail."""

KINDS = (NOTICE, MAIL, DIGEST)


class FreePort(Controller):
    """aiosmtpd tries its server out at the port it was given; 0 has to become the one that was found."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@dataclass
class Mailbox:
    """The server's side. `answer`: what it says to a mail; `on_recipient`, `on_mail`: called before it answers."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answer: str = "250 taken"
    on_recipient: Callable[[], None] = lambda: None
    on_mail: Callable[[], None] = lambda: None
    controller: FreePort | None = None
    options: dict[str, Any] = field(default_factory=dict)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        self.on_recipient()
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
            self.recipients += envelope.rcpt_tos
        self.on_mail()
        return self.answer

    def start(self, port: int = 0) -> int:
        self.controller = FreePort(self, "127.0.0.1", port, **self.options)
        self.controller.start()
        return self.controller.port

    def stop(self) -> int:
        """The server is away, until `start` with the port that this returns."""
        assert self.controller is not None
        self.controller.stop()
        return self.controller.port

    def to(self, membership: Membership) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == membership.person.email]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.start()
    yield box
    if box.controller is not None and box.controller.server is not None:
        box.controller.stop(no_assert=True)


@pytest.fixture
def settings(settings: Settings, mailbox: Mailbox) -> Settings:
    assert mailbox.controller is not None
    return replace(
        settings,
        smtp_url=f"smtp://127.0.0.1:{mailbox.controller.port}?starttls=no",
        mail_from="Hub <hub@network.example>",
        public_url="http://hub.example",
    )


@dataclass
class Cast:
    """Everybody who could hear of a request of Portugal, and some who must not."""

    ana: Membership
    ben: Membership
    iom: Membership
    iom_colleague: Membership
    unhcr: Membership
    secretary: Membership
    secretary_colleague: Membership
    strangers: dict[str, Membership]

    def everybody(self) -> dict[str, Membership]:
        return {**{name: who for name, who in vars(self).items() if name != "strangers"}, **self.strangers}


@pytest.fixture
def cast(session: Session) -> Cast:
    portugal, iom = factories.state(session, "PRT"), factories.agency(session, "iom")
    ended = factories.member(session, FOCAL_POINT, portugal)
    ended.until = now()
    made = Cast(
        ana=factories.member(session, FOCAL_POINT, portugal),
        ben=factories.member(session, FOCAL_POINT, portugal, language="fr"),
        iom=factories.member(session, EXPERT, iom),
        iom_colleague=factories.member(session, EXPERT, iom),
        unhcr=factories.member(session, EXPERT, factories.agency(session, "unhcr")),
        secretary=factories.secretariat(session),
        secretary_colleague=factories.secretariat(session),
        strangers={
            "ended": ended,
            "unconfirmed": factories.member(session, FOCAL_POINT, portugal, confirmed=False),
            "disabled": factories.member(session, FOCAL_POINT, portugal, disabled_at=now()),
            "other state": factories.member(session, FOCAL_POINT, factories.state(session, "GHA")),
            "other agency": factories.member(session, EXPERT, factories.agency(session, "ilo")),
            "administrator": factories.member(session, "administrator"),
        },
    )
    session.commit()
    return made


def submitted(session: Session, by: Membership) -> SupportRequest:
    return requests.draft(session, by, RequestData(title=SECRET, description=SECRET, language="en"), submit=True)


def work(hub: Hub) -> None:
    """Let the worker do everything that is due."""
    worker = Worker(hub)
    while worker.run_once():
        pass


def let_time_pass_and_work(hub: Hub, session: Session) -> None:
    """As if every mail that waits for its time, or for a worker that died, had waited long enough."""
    session.execute(update(Outbox).where(Outbox.kind.in_(KINDS)).values(run_at=now(), lease_until=None))
    session.commit()
    work(hub)
