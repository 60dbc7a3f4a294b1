"""The secretariat's queue, page by page."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.accounts.models import FOCAL_POINT
from hub.errors import BadRequest, Forbidden
from hub.support import desk, requests, triage
from hub.support.models import Clock
from hub.support.requests import RequestData
from tests import factories, signing


def pages(session, who, *, between=lambda: None):
    found, cursor = [], None
    while True:
        rows, cursor = desk.waiting(session, who, cursor=cursor, limit=2)
        found.append([row.id for row in rows])
        if cursor is None:
            return found
        between()


@pytest.fixture
def queue(session):
    """Seven requests: the first five with deadlines, two of them at the same moment; the last two without."""
    portugal = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    session.commit()
    rows = [requests.draft(session, portugal, RequestData("T", "D", "en"), submit=True) for _ in range(7)]
    for row, days in zip(rows, (3, 1, 2, 2, 5), strict=False):
        for clock in row.clocks:
            clock.due_at = clock.started_at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
    for row in rows[5:]:
        for clock in session.scalars(select(Clock).where(Clock.request_id == row.id)):
            session.delete(clock)
    session.commit()
    session.expire_all()
    return [rows[at] for at in (1, 2, 3, 0, 4, 5, 6)]


@pytest.mark.both_databases
def test_every_request_that_waits_is_on_one_page_in_the_order_of_its_date(session, queue):
    secretary = factories.secretariat(session)
    ids = [row.id for row in queue]
    assert pages(session, secretary) == [ids[:2], ids[2:4], ids[4:6], ids[6:]]
    rows, cursor = desk.waiting(session, secretary)
    assert ([row.id for row in rows], cursor) == (ids, None)


def test_what_is_done_on_one_page_leaves_nothing_out_on_the_next(session, queue):
    secretary = factories.secretariat(session)
    session.commit()
    ids = [row.id for row in queue]
    waiting = list(queue)

    def decline_one() -> None:
        row = waiting.pop(0)
        triage.decline(session, secretary, row.id, version=row.version, reason="other", note="No.")

    assert [id_ for page in pages(session, secretary, between=decline_one) for id_ in page] == ids


@pytest.mark.parametrize("cursor", ["", "~", "nonsense", "2026-11-24~x", "2026-11-24T00:00:00~{id}", "x~{id}"])
def test_a_cursor_that_is_none_is_refused(session, queue, cursor):
    with pytest.raises(BadRequest):
        desk.waiting(session, factories.secretariat(session), cursor=cursor.format(id=queue[0].id))


def test_the_queue_is_the_secretariats(session, queue):
    with pytest.raises(Forbidden):
        desk.waiting(session, factories.member(session, FOCAL_POINT, factories.state(session, "PRT")))


def test_the_page_leads_to_the_next_one_and_steps_stay_on_it(client, session, queue, monkeypatch):
    monkeypatch.setattr(desk.waiting, "__kwdefaults__", {"cursor": None, "limit": 2})
    signing.sign_in(client, factories.secretariat(session))
    first = client.get("/en/requests/queue").text
    assert queue[1].reference in first
    assert queue[2].reference not in first
    following = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(following).text
    assert queue[2].reference in second
    assert queue[1].reference not in second
    assert 'rel="prev"' in second
    form = {"pick": f"{queue[2].id}:{queue[2].version}", "action": "acknowledge"}
    done = signing.post(client, following, form).text
    assert queue[3].reference in done
    assert queue[1].reference not in done
    assert client.get("/en/requests/queue?cursor=x").status_code == 400
