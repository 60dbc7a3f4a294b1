"""`hub request`: what stands where, for the person at the machine, who can read the database anyway."""

import json
from typing import Any

import click


@click.group()
def request() -> None:
    """Requests for support: list, show, what is overdue, who has how much."""


def _print(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _row(row: Any) -> dict[str, Any]:
    """Where a request stands, in codes."""
    from hub.database import now
    from hub.support import desk, reading

    due = reading.next_due(row)
    return {
        "id": row.id,
        "reference": row.reference,
        "country": row.country_id,
        "status": row.status,
        "paused": row.paused_at is not None,
        "next_due_at": due.isoformat() if due else None,
        "overdue": desk.late_stages(row, now()),
        "agencies": [
            {"id": party.entity_id, "role": party.role, "state": party.state}
            for party in row.parties
            if party.role in {"lead", "contributor"} and party.until is None
        ],
    }


def _line(row: dict[str, Any]) -> str:
    due = str(row["next_due_at"] or "")[:10]
    late = f"  overdue: {', '.join(row['overdue'])}" if row["overdue"] else ""
    agencies = ", ".join(f"{one['id']} ({one['role']}, {one['state']})" for one in row["agencies"])
    return f"{row['reference']:14} {row['country']:4} {row['status']:14} {due:10} {agencies}{late}"


@request.command("list")
@click.option("--status", multiple=True, help="One or more; all of them if none is named.")
@click.option("--overdue", is_flag=True, help="Only those of which a date has passed.")
@click.option("--json", "as_json", is_flag=True)
def list_requests(status: tuple[str, ...], overdue: bool, as_json: bool) -> None:
    """Every request that was submitted, the next date first. Titles and texts are left out."""
    from hub.cli import opened
    from hub.support import desk
    from hub.support.lifecycle import STATUSES

    unknown = set(status) - set(STATUSES)
    if unknown:
        raise click.BadParameter(f"no such status: {', '.join(sorted(unknown))}", param_hint="--status")
    with opened() as parts, parts.database.session() as session:
        rows = [_row(row) for row in desk.for_operator(session, status)]
    rows = [row for row in rows if row["overdue"] or not overdue]
    if as_json:
        return _print(rows)
    for row in rows:
        click.echo(_line(row))
    return None


@request.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def overdue(ctx: click.Context, as_json: bool) -> None:
    """Requests of which a date has passed."""
    ctx.invoke(list_requests, status=(), overdue=True, as_json=as_json)


@request.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
def show(name: str, as_json: bool) -> None:
    """One request by its id or reference: where it stands and what happened. Titles and texts are left out."""
    from hub import events
    from hub.cli import opened
    from hub.support import reading

    with opened() as parts, parts.database.session() as session:
        row = reading.for_operator(session, name)
        value = _row(row)
        happened: list[dict[str, Any]] = [
            {"at": one.at.isoformat(), "action": one.action, "to": one.to_state, "reason": one.reason, **one.data}
            for one in events.timeline(session, (reading.SUBJECT, row.id), events.AUDIENCES)
        ]
    if as_json:
        return _print({**value, "events": happened})
    click.echo(_line(value))
    for one in happened:
        about = " ".join(f"{key}={text}" for key, text in one.items() if key not in {"at", "action"} and text)
        click.echo(f"  {one['at'][:16]}  {one['action']:18} {about}")
    return None


@request.command()
@click.option("--json", "as_json", is_flag=True)
def loads(as_json: bool) -> None:
    """What agencies have of the open requests, and which objectives nobody has taken."""
    from hub.cli import opened
    from hub.database import now
    from hub.schemas.desk import dump_loads
    from hub.support import desk

    with opened() as parts, parts.database.session() as session:
        found = desk.all_loads(session, now()), desk.all_shortages(session)
        value = dump_loads(*found)
    if as_json:
        return _print(value)
    for one in value["agencies"]:
        click.echo(
            f"{one['id']:14} asked {one['asked']:3}  accepted {one['accepted']:3}  overdue {one['overdue']:3}  "
            f"declined {one['declined']:3}"
        )
    for one in value["shortages"]:
        click.echo(f"objective {one['gcm_objective']:2}: {one['without_agency']} of {one['open']} without an agency")
    return None
