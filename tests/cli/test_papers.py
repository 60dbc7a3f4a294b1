"""Files, translations and calendar addresses from the command line: what there is, and no word, name or address of it."""

import json

from hub.accounts.models import FOCAL_POINT
from hub.support import attachments, calendar_feed, requests, translations
from hub.support.filestore import FileStore
from hub.support.requests import RequestData
from hub.support.translations import TranslationData
from tests import factories
from tests.unit.support import papers


def test_files_and_translations_are_listed_without_their_words(run, session, hub):
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    session.commit()
    row = requests.draft(session, portugal, RequestData("A secret title", "Words", "en"), submit=True)
    other = requests.draft(session, portugal, RequestData("Another", "Words", "en"), submit=True)
    store = FileStore(hub.settings.files, hub.settings.largest_file)
    file = attachments.add(session, portugal, store, row.id, papers.upload(filename="secret.pdf"))
    words = TranslationData("fr", {"title": "Un titre secret"})
    translation = translations.put(session, portugal, row.id, ("request", row.id), words)

    (listed,) = json.loads(run("files", "list", "--json").output)
    assert (listed["id"], listed["request"], listed["of"]) == (file.id, row.reference, "request")
    assert (listed["bytes"], listed["sha256"]) == (len(papers.PDF), file.sha256)
    (translated,) = json.loads(run("translations", "list", "--request", row.reference, "--json").output)
    assert (translated["id"], translated["language"], translated["origin"]) == (translation.id, "fr", "human")
    assert json.loads(run("files", "list", "--request", other.reference, "--json").output) == []
    assert json.loads(run("translations", "list", "--request", other.id, "--json").output) == []
    assert "secret" not in run("files", "list").output + run("translations", "list").output
    attachments.erase(session, portugal, file.id)
    (erased,) = json.loads(run("files", "list", "--json").output)
    assert erased["sha256"] is None
    assert erased["erased_at"]
    lost = run("files", "list", "--request", "R-1999-0001")
    assert lost.exit_code == 1
    assert "There is no request R-1999-0001." in lost.output


def test_the_operator_ends_a_calendar_address(run, session):
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    session.commit()
    token = calendar_feed.create(session, portugal)
    email = portugal.person.email
    (listed,) = json.loads(run("calendar", "list", "--json").output)
    assert listed["account"] == email
    assert token not in str(listed)
    assert run("calendar", "revoke", email.upper()).exit_code == 0
    session.expire_all()
    assert calendar_feed.current(session, portugal) is None
    again = run("calendar", "revoke", email)
    assert again.exit_code == 1
    assert f"No account {email} has a calendar address." in again.output
