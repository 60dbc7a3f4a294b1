"""The page of notices and its twin in the API."""

import pytest

from hub.accounts.models import EXPERT, FOCAL_POINT
from hub.notices import notices
from hub.support import delivery, requests, triage
from hub.support.requests import RequestData
from hub.worker import Worker
from tests import factories, signing

PAGE = "/en/notices"
API = "/api/v1/notices"


def submit(session, by):
    data = RequestData(title="Protect <domestic> workers", description="Advice, please.", language="en")
    return requests.draft(session, by, data, submit=True)


def work(hub):
    worker = Worker(hub)
    while worker.run_once():
        pass


@pytest.fixture
def portugal(session):
    return factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))


@pytest.fixture
def office(session, portugal):
    return factories.secretariat(session)


def test_the_page_tells_what_is_new_and_leads_to_it(client, hub, session, portugal, office):
    first, second = submit(session, portugal), submit(session, portugal)
    work(hub)
    signing.sign_in(client, office)

    page = client.get(PAGE).text

    assert page.index(second.reference) < page.index(first.reference)
    assert "Protect &lt;domestic&gt; workers" in page
    assert page.count(">unread</span>") == 2
    assert "Notices (2 unread)" in page
    assert f'href="/en/requests/{first.id}"' in page
    assert client.get(f"/en/requests/{first.id}").status_code == 200


def test_marking_all_as_read_marks_what_was_on_the_page(client, hub, session, portugal, office):
    submit(session, portugal)
    work(hub)
    signing.sign_in(client, office)
    until = notices.listing(session, office).rows[0].notice.id
    submit(session, portugal)
    work(hub)

    answer = signing.post(client, f"{PAGE}/read", {"until": until}, follow_redirects=True)

    assert answer.request.path == PAGE
    assert "Notices (1 unread)" in answer.text
    assert answer.text.count(">unread</span>") == 1
    answer = signing.post(client, f"{PAGE}/read", {"until": ""}, follow_redirects=True)
    assert "Notices (1 unread)" in answer.text  # nothing was seen
    answer = signing.post(client, f"{PAGE}/read", follow_redirects=True)
    assert "Notices (" not in answer.text
    assert "Everything is read." in answer.text


def test_a_page_without_notices_says_so(client, session):
    signing.sign_in(client, factories.member(session, "administrator"))
    page = client.get(PAGE).text
    assert "You have no notices." in page
    assert "Notices (" not in page


def test_nothing_of_a_request_shows_once_access_to_it_ended(client, hub, session, portugal, office):
    expert = factories.member(session, EXPERT, factories.agency(session, "iom"))
    row = submit(session, portugal)
    row = triage.send(session, office, row.id, "iom", version=row.version)
    work(hub)
    signing.sign_in(client, expert)
    assert row.reference in client.get(PAGE).text
    notice = notices.listing(session, expert).rows[0].notice
    delivery.refuse(session, expert, row.id, version=row.version, reason="no_capacity")

    assert row.reference not in client.get(PAGE).text
    assert client.get(API).json["items"] == []
    assert client.get(f"{PAGE}/{notice.id}").status_code == 404


def test_a_link_leads_to_the_role_in_which_its_request_is_open(client, hub, session, portugal, office):
    other = factories.member(session, EXPERT, factories.agency(session, "ilo"))
    other.person = office.person
    session.commit()
    row = submit(session, portugal)
    work(hub)
    notice = notices.listing(session, office).rows[0].notice
    signing.sign_in(client, other)
    assert client.get(f"/en/requests/{row.id}").status_code == 404

    page = client.get(f"{PAGE}/{notice.id}")

    assert page.status_code == 200
    assert "Protect" not in page.text
    assert "1 unread notice as Secretariat" in client.get(PAGE).text
    form = {"membership_id": office.id, "next": f"/en/requests/{row.id}"}
    answer = signing.post(client, "/en/account/acting", form, follow_redirects=True)
    assert answer.request.path == f"/en/requests/{row.id}"
    assert answer.status_code == 200
    assert client.get(f"{PAGE}/{notice.id}").location == f"/en/requests/{row.id}"


def test_changing_the_role_leads_to_no_other_site(client, session, portugal):
    signing.sign_in(client, portugal)
    form = {"membership_id": portugal.id, "next": "https://evil.example/"}
    assert signing.post(client, "/en/account/acting", form).location == "/en/requests"


def test_how_mail_comes_is_set_on_the_account_page(client, session, portugal):
    signing.sign_in(client, portugal)
    assert '<option value="each" selected>' in client.get("/en/account").text
    form = {"name": "Desk", "language": "pt", "version": portugal.person.version, "mail": "daily"}
    assert signing.post(client, "/en/account", form).status_code == 422
    assert signing.post(client, "/en/account", {**form, "language": "en"}).status_code == 303
    assert '<option value="daily" selected>' in client.get("/en/account").text
    other = {**form, "language": "en", "version": form["version"] + 1, "mail": "hourly"}
    assert signing.post(client, "/en/account", other).status_code == 422


def test_a_script_lists_and_marks_the_notices_of_its_membership(client, hub, session, portugal, office):
    rows = [submit(session, portugal) for _ in range(3)]
    work(hub)
    headers = signing.bearer(office)

    first = client.get(f"{API}?limit=2", headers=headers).json
    second = client.get(f"{API}?limit=2&cursor={first['next']}", headers=headers).json

    items = first["items"] + second["items"]
    assert [item["request"]["reference"] for item in items] == [row.reference for row in reversed(rows)]
    assert {item["action"] for item in items} == {"submit"}
    assert second["next"] is None
    assert first["unread"] == 3
    marked = client.post(f"{API}/read", headers=headers, json={"ids": [items[1]["id"]]})
    assert marked.json == {"read": 1, "unread": 2}
    assert len(client.get(f"{API}?unread=1", headers=headers).json["items"]) == 2
    assert client.post(f"{API}/read", headers=headers, json={"until": items[2]["id"]}).json == {"read": 1, "unread": 1}
    assert client.post(f"{API}/read", headers=headers).json == {"read": 1, "unread": 0}


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=%27", "unread=perhaps", "limit=1&limit=2", "order=1"])
def test_a_list_that_cannot_be_understood_is_refused(client, session, office, query):
    session.commit()
    assert client.get(f"{API}?{query}", headers=signing.bearer(office)).status_code in {400, 422}


@pytest.mark.parametrize("body", [{"ids": "x"}, {"ids": [1]}, {"all": True}, {"ids": ["x"] * 201}])
def test_marking_something_else_is_refused(client, session, office, body):
    assert client.post(f"{API}/read", headers=signing.bearer(office), json=body).status_code == 422
