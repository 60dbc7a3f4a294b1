"""`hub files`, `hub translations` and `hub calendar`: what lies beside requests, for the person at the machine. No word of them."""

import click

from hub.cli_desk import tell_rows

_REQUEST = click.option("--request", "name", help="Of this one alone: its id or reference.")
_JSON = click.option("--json", "as_json", is_flag=True)


@click.group()
def files() -> None:
    """Files that came with requests. `hub doctor` says which are missing or changed on the disk."""


@files.command("list")
@_REQUEST
@_JSON
def list_files(name: str | None, as_json: bool) -> None:
    """Every file, newest first: of what it is, its type, bytes and digest. Names are left out; an erased one has no digest."""
    from hub.cli import opened
    from hub.support import attachments, reading

    with opened() as parts, parts.database.session() as session:
        row = reading.for_operator(session, name) if name else None
        rows = [
            {
                "id": file.id,
                "request": reference,
                "of": file.subject_kind,
                "entity": file.entity_id,
                "type": file.media_type,
                "bytes": file.size,
                "sha256": file.sha256,
                "added_at": file.added_at.isoformat(timespec="seconds"),
                "erased_at": file.erased_at.isoformat(timespec="seconds") if file.erased_at else None,
            }
            for file, reference in attachments.for_operator(session, row)
        ]
    tell_rows(rows, as_json=as_json)


@click.group()
def translations() -> None:
    """Translations beside requests, plans and answers."""


@translations.command("list")
@_REQUEST
@_JSON
def list_translations(name: str | None, as_json: bool) -> None:
    """Every translation by request and language: of what, by whom, human or machine. Its words are left out."""
    from hub.cli import opened
    from hub.support import reading
    from hub.support import translations as verbs

    with opened() as parts, parts.database.session() as session:
        row = reading.for_operator(session, name) if name else None
        rows = [
            {
                "id": one.id,
                "request": reference,
                "of": one.subject_kind,
                "language": one.language,
                "origin": one.origin,
                "entity": one.entity_id,
                "updated_at": one.updated_at.isoformat(timespec="seconds"),
            }
            for one, reference in verbs.for_operator(session, row)
        ]
    tell_rows(rows, as_json=as_json)


@click.group()
def calendar() -> None:
    """Secret addresses at which calendar programs read deadlines."""


@calendar.command("list")
@_JSON
def list_calendars(as_json: bool) -> None:
    """Addresses that work now, newest first: whose, and since when. The addresses themselves are not kept."""
    from hub.cli import opened
    from hub.support import calendar_feed

    with opened() as parts, parts.database.session() as session:
        rows = [
            {"id": feed.id, "account": feed.person.email, "created_at": feed.created_at.isoformat(timespec="seconds")}
            for feed in calendar_feed.for_operator(session)
        ]
    tell_rows(rows, as_json=as_json)


@calendar.command()
@click.argument("email")
def revoke(email: str) -> None:
    """End the address of the account EMAIL: programs that know it get nothing from now on."""
    from hub.cli import opened
    from hub.support import calendar_feed

    with opened() as parts, parts.database.session() as session:
        calendar_feed.revoke_by_operator(session, email)
    click.echo(f"The calendar address of {email} works no longer.")
