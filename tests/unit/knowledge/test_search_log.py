"""Which searches are kept, what of them, for how long, and what is made of them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, inspect, select

from hub.database import Outbox, now
from hub.knowledge import search_log
from hub.knowledge.models import SearchLog
from hub.search.types import Filters, Page, SearchQuery
from hub.worker import Worker


def page(text="domestic workers", *, total=3, notes=(), language="en", **asked):
    query = SearchQuery(text=text, **asked)
    return Page(
        query=query,
        mode="hybrid",
        language=language,
        hits=(),
        total=total,
        exact=True,
        facets={},
        took_ms=1,
        notes=notes,
    )


def keep(database, *args, **more):
    row = search_log.candidate(page(*args, **more), 1)
    search_log.keep(database, row)
    return row


def test_a_row_has_no_place_for_a_person_an_address_or_a_time():
    assert set(inspect(SearchLog).columns.keys()) == {
        "id", "day", "text", "language", "mode", "total", "weak", "clicked_rank",
    }  # fmt: skip


@pytest.mark.both_databases
def test_the_words_are_kept_with_the_day_in_small_letters(database):
    keep(database, "  Domestic\n Workers ", total=0, notes=("weak",))

    with database.session() as session:
        row = session.scalar(select(SearchLog))
        assert (row.text, row.language, row.mode, row.total, row.weak) == ("domestic workers", "en", "hybrid", 0, True)
        assert (row.day, row.clicked_rank) == (now().date(), None)


def test_ids_do_not_tell_the_order_of_searches(database):
    ids = [search_log.candidate(page(), 1).id for _ in range(20)]

    assert ids != sorted(ids)
    assert len(set(ids)) == 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "maria.lopez@example.org visa",
        "ask @maria",
        "https://example.org/cases/maria",
        "www.example.org",
        "case 123456",
        "passport AB1234567",
        "جواز ١٢٣٤٥٦٧",
        "call +351 912 34 56",
        "912 345 678",
        "(0)30-1234-5678",
        "GB29 NWBK 6016 1331 9268 19",
        "x" * 201,
        "words \x00 and control signs",
    ],
)
def test_what_may_be_somebodys_own_is_never_kept(text):
    assert search_log.candidate(page(text), 1) is None


@pytest.mark.parametrize(
    "text", ["practices 2018-2022", "year:2019..2022", "SDG 10.7", "objective 6, 16, 23", "C189 and R201", "劳动移民"]
)
def test_numbers_of_the_field_are_no_personal_numbers(text):
    assert search_log.candidate(page(text), 1) is not None


@pytest.mark.parametrize("asked", [{"offset": 10}, {"filters": Filters({"country": ("PHL",)})}])
def test_further_pages_and_narrowed_searches_are_not_kept(asked):
    assert search_log.candidate(page(**asked), 1) is None


def test_the_share_decides_how_many_are_kept():
    def kept(share):
        return sum(search_log.candidate(page(), share) is not None for _ in range(2000))

    assert kept(0) == 0
    assert kept(1) == 2000
    assert 100 < kept(0.1) < 320  # 200 expected, 13 standard deviation


@pytest.mark.both_databases
def test_the_first_result_that_is_opened_is_noted_once(database):
    row = keep(database)
    for rank in (4, 1):
        search_log.opened(database, search_log.mark(row, rank))

    with database.session() as session:
        assert session.scalar(select(SearchLog.clicked_rank)) == 4


@pytest.mark.parametrize("given", ["", "x", "0" * 32 + "-1", "0" * 32 + "-0", "0" * 32 + "-1000", "'; drop table"])
def test_a_mark_that_is_none_does_nothing(database, given):
    keep(database)
    search_log.opened(database, given)

    with database.session() as session:
        assert session.scalar(select(SearchLog.clicked_rank)) is None


def test_a_failure_of_the_database_goes_no_further_and_is_logged_without_the_words(database, caplog):
    SearchLog.__table__.drop(database.engine)
    row = keep(database, "secret words")
    search_log.opened(database, search_log.mark(row, 1))

    assert len(caplog.records) == 2
    assert "secret" not in caplog.text


@pytest.mark.both_databases
def test_each_day_is_deleted_ninety_days_later_by_one_job(hub, database, monkeypatch):
    for _ in range(3):
        keep(database)
    today = now().date()
    with database.session() as session:
        jobs = session.scalars(select(Outbox).where(Outbox.kind == search_log.PURGE)).all()
        assert len(jobs) == 1
        assert jobs[0].run_at == datetime.combine(today + timedelta(days=90), datetime.min.time(), UTC)
        jobs[0].run_at = now()
        session.add(SearchLog(id="later", day=today + timedelta(days=1), text="t", mode="keyword", total=1, weak=False))
        session.commit()

    assert Worker(hub).run_once() == 1

    with database.session() as session:
        assert session.scalars(select(SearchLog.id)).all() == ["later"]
        assert session.scalar(select(func.count()).select_from(Outbox)) == 0


@pytest.mark.both_databases
def test_the_report_lists_what_is_asked_in_vain_often_and_without_interest(database):
    for _ in range(4):
        keep(database, "dull")
    for rank in range(1, 4):
        search_log.opened(database, search_log.mark(keep(database, "good"), rank))
    keep(database, "nothing", total=0)
    keep(database, "nothing", notes=("weak",), language=None)
    keep(database, "nothing", language=None)

    with database.session() as session:
        report = search_log.report(session)
        everything = search_log.everything(session)

    def told(rows):
        return [(one.text, one.language, one.searches, one.unanswered, one.opened) for one in rows]

    assert report.searches == 10
    assert sorted(told(report.unanswered), key=str) == [("nothing", "en", 1, 1, 0), ("nothing", None, 2, 1, 0)]
    assert told(report.frequent)[:3] == [("dull", "en", 4, 0, 0), ("good", "en", 3, 0, 3), ("nothing", None, 2, 1, 0)]
    assert told(report.seldom_opened) == [("dull", "en", 4, 0, 0)]
    assert everything == list(report.frequent)
