"""`hub corrections` and `hub links`: what waits at the secretariat's desk, for the person at the machine. Codes and days, no words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from hub.network.models import CORRECTION_STATUSES


def tell_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """A line each, or JSON: a list of objects."""
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.echo("  ".join(str(value or "-") for value in row.values()))


@click.group()
def corrections() -> None:
    """What agencies say of their records. Deciding is the secretariat's: it signs in."""


@corrections.command("list")
@click.option("--status", type=click.Choice(CORRECTION_STATUSES), multiple=True, help="Only these; may be repeated.")
@click.option("--json", "as_json", is_flag=True)
def list_corrections(status: tuple[str, ...], as_json: bool) -> None:
    """Corrections, what waits first, then the newest. What is proposed and why is left out."""
    from hub.cli import opened
    from hub.knowledge import corrections as verbs

    with opened() as parts, parts.database.session() as session:
        rows: list[dict[str, Any]] = [
            {
                "id": one.id,
                "agency": one.entity_id,
                "field": one.field,
                "status": one.status,
                "proposed_at": one.proposed_at.isoformat(timespec="seconds"),
                "decided_at": one.decided_at.isoformat(timespec="seconds") if one.decided_at else None,
            }
            for one in verbs.for_operator(session, status)
        ]
    tell_rows(rows, as_json=as_json)


@click.group("links")
def answer_links() -> None:
    """Questions asked by single-use link."""


@answer_links.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_links(as_json: bool) -> None:
    """Every link, newest first, and where it stands. The links themselves, questions, answers and addresses are left out."""
    from hub.cli import opened
    from hub.support import links

    with opened() as parts, parts.database.session() as session:
        rows: list[dict[str, Any]] = [
            {
                "id": one.link.id,
                "request": reference,
                "entity": one.link.entity_id,
                "status": one.status,
                "expires_at": one.link.expires_at.isoformat(timespec="seconds"),
                "mailed": one.link.mailed_at is not None,
            }
            for one, reference in links.for_operator(session)
        ]
    tell_rows(rows, as_json=as_json)
