"""Mails with a link to one question: to somebody without an account, once, and forgotten."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import update

from hub.database import Outbox, now
from hub.notices import mail
from hub.support import links, requests
from hub.support.links import LinkData
from tests.unit.notices.conftest import SECRET, submitted, work


def asked(hub, session, cast, row, **data):
    data = LinkData(
        **{"entity": "GHA", "question": SECRET, "language": "fr", "address": "office@ghana.example", **data}
    )
    return links.create(session, cast.secretary, row.id, data, secret_key=hub.settings.secret_key)


def questions(mailbox):
    return [mail for mail in mailbox.mails if mail["To"] == "office@ghana.example"]


def let_links_wait_and_work(hub, session):
    session.execute(update(Outbox).where(Outbox.kind == links.MAIL_LINK).values(run_at=now(), lease_until=None))
    session.commit()
    work(hub)


@pytest.mark.both_databases
def test_a_question_is_mailed_without_a_word_of_it_and_the_address_is_forgotten(hub, session, cast, mailbox, app):
    row = submitted(session, cast.ana)
    link, token = asked(hub, session, cast, row)
    port = mailbox.stop()
    work(hub)
    session.refresh(link)
    assert link.address == "office@ghana.example"
    mailbox.start(port)
    let_links_wait_and_work(hub, session)
    (made,) = questions(mailbox)
    text = made.get_content()
    assert SECRET not in text
    assert SECRET not in str(made["Subject"])
    assert made["Content-Language"] == "fr"
    assert row.reference not in text
    address = re.search(r"http://hub\.example(/fr/question/\S+)", text).group(1)
    assert address.endswith(token)
    assert app.test_client().get(address).status_code == 200
    session.refresh(link)
    assert link.address is None
    assert link.mailed_at is not None
    let_links_wait_and_work(hub, session)
    assert len(questions(mailbox)) == 1


def test_a_link_taken_back_before_its_mail_goes_out_is_not_mailed(hub, session, cast, mailbox):
    row = submitted(session, cast.ana)
    link, _ = asked(hub, session, cast, row)
    links.revoke(session, cast.secretary, link.id)
    other, _ = asked(hub, session, cast, row)
    requests.withdraw(session, cast.ana, row.id, version=row.version)
    work(hub)
    assert questions(mailbox) == []
    session.refresh(other)
    assert other.address is None


def test_a_link_of_another_secret_key_is_not_mailed_for_it_would_open_nothing(hub, session, cast, mailbox):
    row = submitted(session, cast.ana)
    asked(hub, session, cast, row)
    hub.settings = replace(hub.settings, secret_key="another key of this hub")
    work(hub)
    assert questions(mailbox) == []


def test_the_mail_of_a_link_has_the_same_message_id_however_often_it_goes_out(hub, session, cast, mailbox):
    row = submitted(session, cast.ana)
    link, token = asked(hub, session, cast, row)
    first, second = (mail.question_mail(hub.settings, link, link.address, token) for _ in range(2))
    other = mail.question_mail(hub.settings, asked(hub, session, cast, row)[0], "x@example.org", token)
    assert first["Message-ID"] == second["Message-ID"] != other["Message-ID"]
