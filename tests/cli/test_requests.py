"""What stands where, from the command line: no title or text of a request is ever printed."""

import json
from typing import Any

from sqlalchemy.orm import Session

from hub.accounts.models import FOCAL_POINT
from hub.support import requests, triage
from hub.support.requests import RequestData
from tests import factories


def test_requests_are_listed_and_shown_without_their_words(run: Any, session: Session) -> None:
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    factories.agency(session, "iom")
    secretariat = factories.secretariat(session)
    requests.draft(session, portugal, RequestData("A secret draft", "Words", "en"))
    row = requests.draft(session, portugal, RequestData("A secret title", "Words", "en", (6,)), submit=True)
    triage.send(session, secretariat, row.id, "iom", version=row.version)
    (listed,) = json.loads(run("request", "list", "--json").output)
    assert (listed["reference"], listed["status"]) == (row.reference, "matching")
    assert listed["agencies"] == [{"id": "iom", "role": "lead", "state": "sent"}]
    shown = run("request", "show", row.reference).output
    assert "send" in shown
    assert "secret" not in shown + str(listed)
    assert json.loads(run("request", "overdue", "--json").output) == []
    loads = json.loads(run("request", "loads", "--json").output)
    assert loads["shortages"] == [{"gcm_objective": 6, "open": 1, "without_agency": 1}]


def test_a_status_or_request_that_is_not_there_is_named(run: Any) -> None:
    assert "no such status: lost" in run("request", "list", "--status", "lost").output
    assert run("request", "show", "R-2000-0001").exit_code == 1
