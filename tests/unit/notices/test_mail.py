"""Mails as a server gets them: what they say, to whom, how often, and what happens when that server is away."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.errors import MessageError
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from hub import doctor, outbox
from hub.accounts import people
from hub.accounts.models import Person
from hub.database import Outbox, new_id, now
from hub.events import Event
from hub.notices import mail, notices
from hub.notices.models import Notice
from hub.notices.notices import Told
from hub.settings import Settings
from hub.support import delivery, triage
from hub.support.models import SupportRequest
from hub.worker import Worker
from indexer import status
from tests import factories, signing
from tests.unit.notices.conftest import KINDS, SECRET, let_time_pass_and_work, submitted, work

ROOT = Path(__file__).parents[3]
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language",
    "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
}  # fmt: skip


def link(message) -> str:
    """The first address in a mail, without the host."""
    return re.search(r"http://hub\.example(/\S+)", message.get_content()).group(1)


def jobs(session, kind="mail"):
    session.expire_all()
    return session.scalars(select(Outbox).where(Outbox.kind == kind).order_by(Outbox.id)).all()


# What a mail says


def test_a_mail_names_reference_and_step_and_not_a_word_of_the_request(hub, session, cast, mailbox):
    row = submitted(session, cast.ana)
    work(hub)
    (got,) = mailbox.to(cast.secretary)
    assert got["Subject"] == f"{row.reference}: The request was submitted"
    assert set(got.keys()) == HEADERS
    assert got["Auto-Submitted"] == "auto-generated"
    assert "/en/account" in got.get_content()
    for each in mailbox.mails:
        for private in (SECRET, cast.ana.person.name, "Portugal", "PRT"):
            assert private not in str(each) + each.get_content()


def test_a_mail_is_in_the_language_of_its_reader(hub, session, cast, mailbox):
    with (ROOT / "hub/web/translations/fr/LC_MESSAGES/messages.po").open("rb") as file:
        french = read_po(file, locale="fr").get("The request was submitted").string
    assert french != "The request was submitted"
    row = submitted(session, cast.ana)
    work(hub)
    got = mailbox.to(cast.ben)[-1]
    assert got["Subject"] == f"{row.reference}: {french}"
    assert got["Content-Language"] == "fr"
    assert link(got).startswith("/fr/notices/")


def test_every_link_opens_a_page_that_its_reader_may_see(hub, session, cast, mailbox, app):
    row = submitted(session, cast.ana)
    triage.send(session, cast.secretary, row.id, "iom", version=row.version)
    work(hub)
    for who in (cast.ben, cast.iom, cast.secretary_colleague):
        client = app.test_client()
        signing.sign_in(client, who)
        found = mailbox.to(who)
        assert found
        for each in found:
            for address in re.findall(r"http://hub\.example(/\S+)", each.get_content()):
                assert client.get(address, follow_redirects=True).status_code == 200, address
            page = client.get(link(each), follow_redirects=True)
            assert page.request.path.endswith(f"/requests/{row.id}")
    assert app.test_client().get(link(mailbox.to(cast.iom)[0])).location.startswith("/en/sign-in?next=/en/notices/")
    outsider = app.test_client()
    signing.sign_in(outsider, cast.strangers["other agency"])
    assert outsider.get(link(mailbox.to(cast.iom)[0])).status_code == 404


def transient(title: str, name: str, email: str = "reader@example.org", language: str = "en") -> tuple[Person, Told]:
    """Rows in no database."""
    request = SupportRequest(id="r", reference="R-2026-0042", title=title, description=title, language="en")
    event = Event(id="e", action="submit", at=now())
    return Person(id="p", email=email, name=name, language=language), Told(Notice(id="n"), event, request)


SETTINGS = Settings(mail_from="Hub <hub@network.example>", smtp_url="smtp://127.0.0.1", public_url="http://hub.example")
HOSTILE = st.one_of(st.text(), st.text().map(lambda text: f"x\r\nBcc: {text}@evil.example\r\n\r\n"))


@hypothesis_settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_a_mail_is_the_same_whatever_people_write_into_titles_and_names(title, name):
    def written(title: str, name: str) -> str:
        person, told = transient(title, name)
        made = mail.notice_mail(SETTINGS, person, told)
        del made["Date"]
        return made.as_string() + mail.digest_mail(SETTINGS, person, [told], "2026-07-01").get_content()

    assert written(title, name) == written("Title", "Name")


@hypothesis_settings(deadline=None)
@given(HOSTILE)
def test_no_address_adds_a_header_or_a_recipient(email):
    person, told = transient("Title", "Name", email=f"{email}@example.org")
    try:
        made = mail.notice_mail(SETTINGS, person, told)
    except (ValueError, IndexError, MessageError):
        return  # it stays in the outbox for a person
    assert set(made.keys()) == HEADERS
    head = made.as_bytes().partition(b"\r\n\r\n")[0]
    assert not re.search(rb"(?im)^bcc", head)
    assert len(made["To"].addresses) == 1


# To whom, how often


def test_access_that_ends_between_queueing_and_sending_stops_the_mail(hub, session, cast, mailbox):
    row = submitted(session, cast.ana)
    row = triage.send(session, cast.secretary, row.id, "iom", version=row.version)
    port = mailbox.stop()
    work(hub)
    assert len(jobs(session)) > 0
    delivery.refuse(session, cast.iom_colleague, row.id, version=row.version, reason="no_capacity")
    people.end_membership(session, cast.ben, cast.ben.id)
    cast.secretary_colleague.person.disabled_at = now()
    session.commit()
    mailbox.start(port)
    let_time_pass_and_work(hub, session)
    for who in (cast.iom, cast.ben, cast.secretary_colleague):
        assert mailbox.to(who) == []
    assert mailbox.to(cast.secretary)  # the mailbox does work
    assert jobs(session) == []


def test_demo_people_and_those_who_want_none_get_notices_only(hub, session, cast, mailbox):
    cast.secretary.person.is_demo = True
    cast.secretary_colleague.person.mail = "none"
    session.commit()
    submitted(session, cast.ana)
    work(hub)
    assert mailbox.to(cast.secretary) == mailbox.to(cast.secretary_colleague) == []
    assert notices.count_unread(session, cast.secretary) == notices.count_unread(session, cast.secretary_colleague) == 1


def test_a_notice_read_on_the_site_meanwhile_is_not_mailed(hub, session, cast, mailbox):
    submitted(session, cast.ana)
    port = mailbox.stop()
    work(hub)
    notices.mark_read(session, cast.secretary)
    mailbox.start(port)
    let_time_pass_and_work(hub, session)
    assert mailbox.to(cast.secretary) == []
    assert mailbox.to(cast.secretary_colleague) != []


@pytest.mark.both_databases
def test_a_digest_is_one_mail_a_day_with_everything_unread(hub, session, cast, mailbox):
    cast.secretary.person.mail = "daily"
    session.commit()
    rows = [submitted(session, cast.ana) for _ in range(3)]
    work(hub)
    assert mailbox.to(cast.secretary) == []
    waiting = jobs(session, "digest")
    assert {job.run_at for job in waiting} == {notices.next_digest(now())}
    notices.mark_read(session, cast.secretary, until=notices.listing(session, cast.secretary).rows[-1].notice.id)
    let_time_pass_and_work(hub, session)
    (digest,) = mailbox.to(cast.secretary)
    assert digest["Subject"] == "2 unread notices"
    text = digest.get_content()
    assert rows[0].reference not in text
    assert rows[1].reference in text
    assert rows[2].reference in text
    assert SECRET not in text
    assert jobs(session, "digest") == []
    # The next day: nothing new, no mail; something new, and what is still unread comes along.
    submitted(session, cast.ana)
    work(hub)
    let_time_pass_and_work(hub, session)
    assert mailbox.to(cast.secretary)[1]["Subject"] == "3 unread notices"


def test_a_digest_comes_at_the_next_six_o_clock():
    day = datetime(2026, 7, 1, tzinfo=UTC)
    assert notices.next_digest(day + timedelta(hours=5, minutes=59)) == day + timedelta(hours=6)
    assert notices.next_digest(day + timedelta(hours=6)) == day + timedelta(days=1, hours=6)


def test_a_digest_of_very_much_lists_the_newest_and_leads_to_the_rest():
    person, told = transient("Title", "Name")
    made = mail.digest_mail(SETTINGS, person, [told] * 51, "2026-07-01")
    assert made["Subject"] == "51 unread notices"
    assert made.get_content().count("/en/notices/n\n") == mail.LONGEST_DIGEST
    assert "http://hub.example/en/notices\n" in made.get_content()


def test_who_changes_to_a_digest_gets_waiting_mails_with_it(hub, session, cast, mailbox):
    submitted(session, cast.ana)
    port = mailbox.stop()
    work(hub)
    cast.secretary.person.mail = "daily"
    session.commit()
    mailbox.start(port)
    let_time_pass_and_work(hub, session)
    assert mailbox.to(cast.secretary) == []
    let_time_pass_and_work(hub, session)
    assert len(mailbox.to(cast.secretary)) == 1


def test_without_a_mail_server_nothing_is_queued(hub, session, cast, mailbox):
    hub.settings = replace(hub.settings, smtp_url="", mail_from="")
    submitted(session, cast.ana)
    work(hub)
    assert notices.count_unread(session, cast.secretary) == 1
    assert session.scalars(select(Outbox).where(Outbox.kind.in_(KINDS))).all() == []
    assert "HUB_SMTP_URL is not set" in next(one.sentence for one in doctor._mail(hub))


# The server


KILLED = """
from hub.wiring import Hub
from hub.worker import Worker
from hub import settings
Worker(Hub(settings.load())).run_once()
"""


@pytest.mark.parametrize(("moment", "repeats"), [("on_recipient", 0), ("on_mail", 1)])
def test_a_worker_that_is_killed_sends_once_or_repeats_under_the_same_message_id(  # noqa: PLR0917
    hub, session, cast, mailbox, moment, repeats
):
    for who in (cast.ben, cast.secretary_colleague):
        who.person.mail = "none"
    session.commit()
    submitted(session, cast.ana)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
        "HUB_VAR": str(hub.settings.var),
        "HUB_DATABASE_URL": hub.settings.database,
        "HUB_SECRET_KEY": "x",
        "HUB_SMTP_URL": hub.settings.smtp_url,
        "HUB_MAIL_FROM": hub.settings.mail_from,
    }
    worker = subprocess.Popen([sys.executable, "-c", KILLED], env=environment, cwd=ROOT)
    setattr(mailbox, moment, worker.kill)
    assert worker.wait(timeout=120) == -signal.SIGKILL
    setattr(mailbox, moment, lambda: None)
    assert len(mailbox.mails) == repeats
    let_time_pass_and_work(hub, session)
    let_time_pass_and_work(hub, session)
    assert len(mailbox.mails) == 1 + repeats
    assert len({each["Message-ID"] for each in mailbox.mails}) == 1
    assert mailbox.to(cast.secretary) == mailbox.mails


@pytest.mark.both_databases
def test_a_mail_server_away_for_a_day_loses_nothing(hub, session, cast, mailbox):
    port = mailbox.stop()
    submitted(session, cast.ana)
    work(hub)
    waiting = len(jobs(session))
    assert waiting > 1
    session.execute(update(Outbox).where(Outbox.kind == "mail").values(created_at=now() - timedelta(days=1)))
    session.commit()
    for _ in range(6):  # more often than a job may fail
        let_time_pass_and_work(hub, session)
    found = jobs(session)
    assert len(found) == waiting
    assert {job.attempts for job in found} == {0}
    assert all(now() < job.run_at <= now() + timedelta(minutes=15) for job in found)
    assert doctor._jobs(hub)[0].sentence.startswith(f"{waiting} tried in vain for an hour or more")
    assert "mails wait until it works" in doctor._mail(hub)[0].sentence
    mailbox.start(port)
    let_time_pass_and_work(hub, session)
    assert jobs(session) == []
    assert len(mailbox.mails) == waiting
    assert doctor._mail(hub)[0].state == "ok"


def test_one_mail_meets_the_absent_server_and_the_others_wait_with_it(hub, session, cast, mailbox, monkeypatch):
    tries = []
    real = mail._open
    monkeypatch.setattr(mail, "_open", lambda url: tries.append(url) or real(url))
    mailbox.stop()
    submitted(session, cast.ana)
    work(hub)
    assert len(jobs(session)) > 1
    assert len(tries) <= 2  # notices and mails take turns


def test_a_mail_that_is_refused_five_times_waits_for_a_person_and_shows(hub, session, cast, mailbox):
    submitted(session, cast.ana)
    mailbox.answer = "554 no such mailbox"
    for _ in range(7):
        let_time_pass_and_work(hub, session)
    waiting = jobs(session)
    assert {job.attempts for job in waiting} == {outbox.MOST_ATTEMPTS}
    found = doctor._jobs(hub)[0]
    assert found.subject == "jobs mail"
    assert "no such mailbox" in found.sentence
    assert "hub worker --retry" in found.sentence
    assert status.read(hub)["jobs_failed"] == len(waiting)
    mailbox.answer = "250 taken"
    assert outbox.retry(session, ("mail",)) == len(waiting)
    session.commit()
    work(hub)
    assert len(mailbox.mails) == len(waiting)
    assert status.read(hub)["jobs_failed"] == 0


def test_a_server_that_asks_to_come_again_is_asked_again_and_holds_no_other_mail(hub, session, cast, mailbox):
    submitted(session, cast.ana)
    mailbox.answer = "451 greylisted"
    for _ in range(6):
        let_time_pass_and_work(hub, session)
    assert {job.attempts for job in jobs(session)} == {0}
    mailbox.answer = "250 taken"
    let_time_pass_and_work(hub, session)
    assert jobs(session) == []


def test_a_password_is_never_sent_to_a_server_without_tls(hub, settings, mailbox):
    url = settings.smtp_url.replace("smtp://", "smtp://hub:hush@").removesuffix("?starttls=no")
    with pytest.raises(outbox.NotYet, match="STARTTLS"):
        mail.check(replace(settings, smtp_url=url))


def test_worker_and_doctor_say_nothing_of_a_password(hub, session, cast, mailbox, caplog):
    mailbox.stop()
    hub.settings = replace(hub.settings, smtp_url=hub.settings.smtp_url.replace("smtp://", "smtp://hub:hush@"))
    submitted(session, cast.ana)
    Worker(hub).run_once()
    assert "hush" not in caplog.text + str(doctor._mail(hub)) + str([job.last_error for job in jobs(session)])


def test_an_address_that_is_none_does_not_stop_the_other_mails(hub, session, cast, mailbox):
    cast.secretary.person.email = "x\r\nBcc: y@evil.example"
    session.commit()
    submitted(session, cast.ana)
    work(hub)
    (left,) = jobs(session)
    assert left.attempts == 1
    assert mailbox.to(cast.secretary_colleague)
    assert "evil" not in "".join(mailbox.recipients)


# Links to set a password


def test_an_invitation_is_mailed_and_not_shown(hub, session, cast, mailbox, client):
    signing.sign_in(client, cast.secretary)
    page = signing.post(
        client,
        "/en/members",
        {"name": "Desk", "email": "desk@gov.example", "language": "fr", "role": "focal_point", "entity_id": "PRT"},
    )
    assert page.status_code == 201
    assert "desk@gov.example" in page.text
    assert "/welcome/" not in page.text
    (got,) = mailbox.mails
    assert got["To"] == "desk@gov.example"
    assert client.application.test_client().get(link(got)).status_code == 200
    assert link(got).startswith("/fr/welcome/")


def test_an_invitation_that_cannot_be_mailed_is_shown(hub, session, cast, mailbox, client):
    mailbox.stop()
    signing.sign_in(client, cast.secretary)
    form = {"name": "Desk", "email": "desk@gov.example", "role": "focal_point", "entity_id": "PRT"}
    page = signing.post(client, "/en/members", form)
    assert "http://hub.example/en/welcome/" in page.text


def test_a_reset_link_is_mailed(hub, session, cast, mailbox, client):
    signing.give_password(cast.ben.person)
    signing.sign_in(client, cast.secretary)
    page = signing.post(client, f"/en/people/{cast.ben.person_id}/link")
    assert "/welcome/" not in page.text
    assert link(mailbox.to(cast.ben)[0]).startswith("/fr/welcome/")


def test_a_demo_account_is_handed_its_link(hub, session, cast, mailbox, client):
    demo = factories.member(session, "expert", factories.agency(session, "iom"), is_demo=True)
    session.commit()
    signing.sign_in(client, cast.secretary)
    page = signing.post(client, f"/en/people/{demo.person_id}/link")
    assert "http://hub.example/en/welcome/" in page.text
    assert mailbox.mails == []


def test_the_same_event_and_person_give_the_same_message_id_and_others_another():
    def identity(person_id: str, event_id: str) -> str:
        person, told = transient("Title", "Name")
        person.id, told.event.id = person_id, event_id
        return mail.notice_mail(SETTINGS, person, told)["Message-ID"]

    one, other = new_id(), new_id()
    assert identity(one, other) == identity(one, other)
    assert len({identity(one, one), identity(one, other), identity(other, one)}) == 3
