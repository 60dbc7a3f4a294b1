"""Mails: jobs of the outbox handed to an SMTP server, in the language of the person, without a private word.

A mail says the reference of a request, what happened, and where to look; title, names and texts stay on the page behind
the sign-in. Whether the person may still hear of it is asked again just before sending. The `Message-ID` follows from
event and person: when the process dies between hand-over and commit, the repeat carries the same one.
"""

import hashlib
import smtplib
import ssl
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from babel.support import NullTranslations
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.accounts.credentials import hash_token
from hub.accounts.models import DAILY, EACH, Person
from hub.database import now
from hub.notices import notices, words
from hub.notices.models import Notice
from hub.notices.notices import Told
from hub.outbox import NotYet
from hub.settings import Settings
from hub.support import links
from hub.support.models import SupportRequest
from hub.support.papers import AnswerLink
from hub.wiring import Hub

TIMEOUT_S = 20.0
"""Of each answer of the server; a worker's lease on a job lasts longer than a hand-over with a few of them."""
LONGEST_DIGEST = 50
"""Notices listed in one digest; the page has all."""


class MailRefused(Exception):
    """The server answers, and does not take this mail. Its words are for the operator."""


# Jobs


def send_notice(hub: Hub, session: Session, payload: Mapping[str, Any]) -> None:
    """Job `mail`: one notice, unless it was read or mailed meanwhile, is not wanted, or is not to be seen any more."""
    notice = session.get(Notice, str(payload["notice"]))
    person = session.get(Person, notice.person_id) if notice else None
    if notice is None or person is None or notice.read_at or notice.mailed_at or not wants_mail(hub.settings, person):
        return
    if person.mail == DAILY:  # changed since
        notices.queue_mail(hub, session, person, notice.id)
        return
    told = next((told for told in notices.unread_of(session, person.id) if told.notice.id == notice.id), None)
    if told is None:
        return
    send(hub.settings, notice_mail(hub.settings, person, told))
    _note_mailed(session, [told])


def send_digest(hub: Hub, session: Session, payload: Mapping[str, Any]) -> None:
    """Job `digest`: everything unread in one mail, if any of it was not mailed yet."""
    person = session.get(Person, str(payload["person"]))
    if person is None or not wants_mail(hub.settings, person):
        return
    # Two workers with jobs of one person: the second finds the notices taken, and leaves them to the first.
    new = set(
        session.scalars(
            select(Notice.id)
            .where(Notice.person_id == person.id, Notice.read_at.is_(None), Notice.mailed_at.is_(None))
            .with_for_update(skip_locked=True)
        )
    )
    told = notices.unread_of(session, person.id)
    if not any(each.notice.id in new for each in told):
        return
    send(hub.settings, digest_mail(hub.settings, person, told, str(payload["day"])))
    _note_mailed(session, told)


def send_question(hub: Hub, session: Session, payload: Mapping[str, Any]) -> None:
    """Job `link`: a question of the secretariat to somebody without an account. The address goes with the mail."""
    link = session.get(AnswerLink, str(payload["link"]))
    row = session.get(SupportRequest, link.request_id) if link else None
    if link is None or row is None or not link.address:
        return
    token = links.token_of(link.id, hub.settings.secret_key)
    if hub.settings.smtp_url and links.status_of(link, row) == links.WAITS and hash_token(token) == link.token_hash:
        send(hub.settings, question_mail(hub.settings, link, link.address, token))
        link.mailed_at = now()
    link.address = None


def wants_mail(settings: Settings, person: Person) -> bool:
    """Demo accounts have made-up addresses; a disabled account hears nothing more."""
    return (
        bool(settings.smtp_url) and person.mail in {EACH, DAILY} and not person.is_demo and person.disabled_at is None
    )


def _note_mailed(session: Session, told: Sequence[Told]) -> None:
    session.execute(
        update(Notice)
        .where(Notice.id.in_([each.notice.id for each in told]), Notice.mailed_at.is_(None))
        .values(mailed_at=now())
        .execution_options(synchronize_session=False)
    )


# What the mails say


def notice_mail(settings: Settings, person: Person, told: Told) -> EmailMessage:
    speak = words.catalogue(person.language)
    step = _step(speak, told)
    text = f"{step}\n{notice_address(settings, person, told.notice)}\n\n{_foot(settings, person)}"
    return _compose(settings, person, step, text, key=f"{told.event.id} {person.id}")


def _step(speak: NullTranslations, told: Told) -> str:
    step = speak.gettext(words.step(told.event))
    return f"{told.reference}: {step}" if told.reference else step


def digest_mail(settings: Settings, person: Person, told: Sequence[Told], day: str) -> EmailMessage:
    """`told`: newest first. `day` (ISO) makes the mail the one of that day."""
    speak = words.catalogue(person.language)
    subject = speak.ngettext("%(number)s unread notice", "%(number)s unread notices", len(told))
    subject %= {"number": len(told)}
    lines = [
        f"{_step(speak, each)}\n{notice_address(settings, person, each.notice)}\n" for each in told[:LONGEST_DIGEST]
    ]
    if len(told) > LONGEST_DIGEST:
        lines.append(speak.gettext("All of them: %(link)s") % {"link": _address(settings, person, "notices")} + "\n")
    text = "\n".join([*lines, _foot(settings, person)])
    return _compose(settings, person, subject, text, key=f"{day} {person.id}")


def link_mail(settings: Settings, person: Person, link: str) -> EmailMessage:
    """The mail with a single-use `link` to set a password."""
    speak = words.catalogue(person.language)
    first = (
        speak.gettext("You are invited to the Migration Network Hub. Set your password here:")
        if person.password_hash is None
        else speak.gettext("Set another password for the Migration Network Hub here:")
    )
    hours = max(1, settings.link_ttl_s // 3600)
    last = speak.ngettext(
        "The link works once, within %(hours)s hour. If you did not expect this mail, do nothing.",
        "The link works once, within %(hours)s hours. If you did not expect this mail, do nothing.",
        hours,
    ) % {"hours": hours}
    subject = speak.gettext("Your access to the Migration Network Hub")
    return _compose(settings, person, subject, f"{first}\n{link}\n\n{last}\n", key=link)


def question_mail(settings: Settings, link: AnswerLink, address: str, token: str) -> EmailMessage:
    """The mail with a link to one question. What is asked, and about whom, stays behind the link."""
    office = Person(email=address, name="", language=link.language)
    speak = words.catalogue(link.language)
    subject = speak.gettext("A question from the UN Network on Migration")
    first = speak.gettext(
        "The secretariat of the UN Network on Migration asks you a question. Read and answer it here, without an account:"
    )
    last = speak.gettext(
        "The link works once, until %(day)s. Whoever has it can answer: pass it on within your office only."
    ) % {"day": link.expires_at.date().isoformat()}
    text = f"{first}\n{_address(settings, office, f'question/{token}')}\n\n{last}\n"
    return _compose(settings, office, subject, text, key=f"answer link {link.id}")


def notice_address(settings: Settings, person: Person, notice: Notice) -> str:
    """Leads to the request, in whichever of the person's memberships it is open."""
    return _address(settings, person, f"notices/{notice.id}")


def _address(settings: Settings, person: Person, path: str) -> str:
    return f"{settings.public_url.rstrip('/')}/{person.language}/{path}"


def _foot(settings: Settings, person: Person) -> str:
    speak = words.catalogue(person.language)
    name = speak.gettext("Migration Network Hub")
    how = speak.gettext("How often you get mail is set on your account page: %(link)s")
    return f"-- \n{name}\n{how % {'link': _address(settings, person, 'account')}}\n"


def _compose(settings: Settings, person: Person, subject: str, text: str, *, key: str) -> EmailMessage:
    """`key`: the same one gives the same `Message-ID`. Raises `ValueError` for an address that is none."""
    message = EmailMessage(policy=SMTP)
    sender = parseaddr(settings.mail_from)[1]
    message["From"] = settings.mail_from
    message["To"] = Address(addr_spec=person.email)  # without the name, which is the person's own text
    message["Subject"] = subject
    message["Date"] = format_datetime(now())
    message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: keeps absence notes from answering
    message.set_content(text, cte="quoted-printable")
    message["Content-Language"] = person.language  # after the content, which drops such headers
    return message


# The server


def send(settings: Settings, message: EmailMessage) -> None:
    """Hand one mail over. Raises `NotYet` when the server is away or asks to wait, `MailRefused` when it says no."""
    with _connected(settings) as client:
        try:
            client.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = next(iter(error.recipients.values()))
            raise _refusal(code, answer) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error


def _refusal(code: int, answer: bytes | str) -> Exception:
    """Codes from 400 ask to come again (a full disk, greylisting), those from 500 are final. RFC 5321, section 4.2.1."""
    told = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    reason = f"the mail server answers {code} {told}"
    return NotYet(reason) if 400 <= code < 500 else MailRefused(reason)


def check(settings: Settings) -> None:
    """Greet the server and sign in, as for a mail. Raises `NotYet` with the reason if that does not work."""
    with _connected(settings):
        pass


@contextmanager
def _connected(settings: Settings) -> Generator[smtplib.SMTP]:
    """A session with the server, signed in. Whatever keeps one from being opened is no mail's own fault."""
    try:
        client = _open(settings.smtp_url)
    except (OSError, smtplib.SMTPException) as error:
        raise NotYet(f"no session with the mail server: {error}", everything=True) from error
    try:
        yield client
    finally:
        with suppress(OSError, smtplib.SMTPException):  # what was taken is taken, however the farewell goes
            client.quit()
        client.close()


def _open(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "smtps":
        client = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT_S, context=ssl.create_default_context())
    else:
        client = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT_S)
    try:
        if parts.scheme == "smtp" and parse_qs(parts.query).get("starttls") != ["no"]:
            client.starttls(context=ssl.create_default_context())
        if parts.username:
            client.login(unquote(parts.username), unquote(parts.password or ""))
        return client
    except BaseException:
        client.close()
        raise
