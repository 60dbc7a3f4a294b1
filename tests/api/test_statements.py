"""How often the pages and answers of requests ask the database: as often for many requests as for few."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.support import delivery, requests, triage
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from tests import factories, signing

pytestmark = pytest.mark.both_databases

LIST, API_LIST = 8, 9
SHOW = 22


@dataclass
class Cast:
    session: Session
    portugal: Membership
    secretariat: Membership
    iom: Membership

    def requests(self, number: int) -> list[SupportRequest]:
        """Every other one was sent and accepted."""
        found: list[SupportRequest] = []
        for each in range(number):
            data = RequestData(f"Request {each}", "We would like advice.", "en", objectives=(6, 22))
            row = requests.draft(self.session, self.portugal, data, submit=True)
            if each % 2 == 0:
                row = triage.send(self.session, self.secretariat, row.id, "iom", version=row.version)
                row = delivery.accept(self.session, self.iom, row.id, version=row.version)
            found.append(row)
        return found


@pytest.fixture
def cast(session: Session) -> Cast:
    iom = factories.member(session, EXPERT, factories.agency(session, "iom"))
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    return Cast(session, portugal, factories.secretariat(session), iom)


@contextmanager
def counted(session: Session) -> Generator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", note)


@pytest.fixture
def asked(app: Any, cast: Cast) -> Callable[[Membership, str], int]:
    """How many statements an address takes for a reader."""

    def ask(membership: Membership, address: str) -> int:
        client = app.test_client()
        signing.sign_in(client, membership)
        client.get("/en/account")  # the vocabulary is read once per process
        with counted(cast.session) as sent:
            assert client.get(address).status_code == 200
        return len(sent)

    return ask


@pytest.mark.parametrize(("address", "most"), [("/en/requests", LIST), ("/api/v1/requests?limit=100", API_LIST)])
def test_a_list_of_many_asks_the_database_as_often_as_one_of_few(
    address: str, most: int, cast: Cast, asked: Callable[[Membership, str], int]
) -> None:
    readers = (cast.portugal, cast.secretariat, cast.iom)
    cast.requests(5)
    few = [asked(reader, address) for reader in readers]
    cast.requests(20)
    assert [asked(reader, address) for reader in readers] == few
    assert max(few) <= most


def test_a_request_among_many_asks_the_database_as_often_as_one_among_few(
    cast: Cast, asked: Callable[[Membership, str], int]
) -> None:
    readers = (cast.portugal, cast.secretariat, cast.iom)
    accepted = cast.requests(5)[0]
    few = [asked(reader, f"/en/requests/{accepted.id}") for reader in readers]
    cast.requests(20)
    assert [asked(reader, f"/en/requests/{accepted.id}") for reader in readers] == few
    assert max(few) <= SHOW
