"""Corrections and links from the command line: where they stand, and no word, address or token of them."""

import json

from hub.accounts.models import EXPERT, FOCAL_POINT
from hub.knowledge import corrections
from hub.support import links, requests
from hub.support.requests import RequestData
from tests import factories


def test_corrections_are_listed_what_waits_first(run, session):
    expert = factories.member(session, EXPERT, factories.agency(session, "iom"))
    secretary = factories.secretariat(session)
    first = corrections.propose(session, expert, "mandate", "A secret mandate", "A secret reason")
    second = corrections.propose(session, expert, "languages", ["fr"], "A secret reason")
    corrections.refuse(session, secretary, second.id, note="A secret note")
    listed = json.loads(run("corrections", "list", "--json").output)
    assert [(one["id"], one["status"], one["field"]) for one in listed] == [
        (first.id, "proposed", "mandate"),
        (second.id, "refused", "languages"),
    ]
    shown = run("corrections", "list", "--status", "refused").output
    assert second.id in shown
    assert first.id not in shown
    assert "secret" not in shown + str(listed)
    assert run("corrections", "list", "--status", "lost").exit_code == 2


def test_links_are_listed_without_what_opens_them(run, session):
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    factories.state(session, "MAR")
    secretary = factories.secretariat(session)
    session.commit()
    row = requests.draft(session, portugal, RequestData("Title", "Words", "en"), submit=True)
    asked = links.LinkData("MAR", "A secret question", address="secret@example.org")
    link, token = links.create(session, secretary, row.id, asked, secret_key="only for tests")
    (listed,) = json.loads(run("links", "list", "--json").output)
    assert (listed["id"], listed["request"], listed["entity"]) == (link.id, row.reference, "MAR")
    assert (listed["status"], listed["mailed"]) == ("waits", False)
    shown = run("links", "list").output
    assert row.reference in shown
    for hidden in (token, link.token_hash, "secret"):
        assert hidden not in shown + str(listed)
