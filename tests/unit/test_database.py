"""Connections to a database server: what they keep from one session to the next."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.database import Database


def test_a_statement_is_planned_once_though_reads_end_with_a_rollback(fresh_postgres_url):
    database = Database(fresh_postgres_url)
    for number in range(10):
        with database.session() as session:
            session.execute(text("select :number + 1"), {"number": number})
    with database.session() as session:
        uses = session.scalar(text("select generic_plans from pg_prepared_statements where statement like '%+ 1'"))
    database.close()
    assert uses
    assert uses >= 3


def test_an_error_ends_its_transaction_and_no_other(fresh_postgres_url):
    database = Database(fresh_postgres_url)
    with database.session() as session:
        with pytest.raises(DBAPIError, match="division by zero"):
            session.execute(text("select 1 / 0"))
        session.rollback()
        assert session.scalar(text("select 1")) == 1
    with database.session() as session:
        assert session.scalar(text("select 2")) == 2
    database.close()
