"""`python -m indexer ingest | rebuild | sync | status`."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from hub import settings
from hub.errors import HubError, SettingError
from hub.wiring import Hub


@contextmanager
def _hub() -> Generator[Hub]:
    """The parts of this installation; what goes wrong becomes a sentence and exit status 1."""
    import hub.accounts.models  # pyright: ignore[reportUnusedImport] - all tables are known
    import hub.support.models  # noqa: F401 # pyright: ignore[reportUnusedImport] - before the first query

    try:
        parts = Hub(settings.load())
    except SettingError as error:
        raise click.ClickException(str(error)) from None
    try:
        yield parts
    except HubError as error:
        raise click.ClickException(str(error)) from None
    except (OperationalError, ProgrammingError) as error:
        raise click.ClickException(_database_sentence(error)) from None
    finally:
        parts.close()


def _database_sentence(error: DBAPIError) -> str:
    text = str(error.orig)
    if "no such table" in text or "does not exist" in text:
        return "The database has no tables yet: run `hub init`."
    return f"The database cannot be used: {text}"


@click.group()
def main() -> None:
    """Bring records in, and keep the search index."""


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Say what would happen; write nothing.")
@click.option("--source", default="corpus", show_default=True, help="Who the records are from; ids are unique in it.")
def ingest(files: tuple[Path, ...], source: str, *, check: bool) -> None:
    """Add or change the records of FILES (JSON Lines, or CSV if named .csv; docs/corpus-format.md).

    A line that cannot be used is named on standard error, skipped and counted, and makes the exit status 1.
    """
    from indexer.ingest import ingest_files

    if not 1 <= len(source) <= 60:
        raise click.BadParameter("must have 1 to 60 characters", param_hint="--source")
    with _hub() as parts:
        report = ingest_files(parts, files, source=source, check=check)
    click.echo(f"would be: {report}" if check else str(report))
    if report.missing:
        more = " …" if report.missing > len(report.missing_ids) else ""
        click.echo(f"In the database but not in these files, and kept: {', '.join(report.missing_ids)}{more}")
    sys.exit(1 if report.bad else 0)


@main.command()
def rebuild() -> None:
    """Build the index anew beside the served one, check it, and swap."""
    from indexer.rebuild import rebuild as build

    with _hub() as parts:
        report = build(parts, show=True)
    click.echo(
        f"generation {report.generation}, documents {report.documents}, encoded {report.encoded}, "
        f"changed meanwhile {report.repaired}, model {report.model or 'none (keyword search only)'}, "
        f"{report.seconds:.1f} s"
    )


@main.command()
@click.option(
    "--repair", is_flag=True, help="Compare every record's version with the index, and put right what differs."
)
@click.option("--retry", is_flag=True, help="Take up again the changes that failed five times.")
def sync(*, repair: bool, retry: bool) -> None:
    """Bring the changes made since into the served index."""
    from hub import outbox
    from indexer import sync as index

    with _hub() as parts:
        if retry:
            with parts.database.transaction() as session:
                click.echo(f"taken up again {outbox.retry(session, (index.KIND,))}")
        report = index.drain(parts, show=True)
        click.echo(
            f"changes {report.changes}, written {report.written}, deleted {report.deleted}, failed {report.failed}"
        )
        if repair:
            repaired = index.repair(parts, show=True)
            click.echo(f"repaired: written {repaired.written}, deleted {repaired.deleted}")
            if repaired.ahead:
                click.echo(
                    f"{repaired.ahead} records are newer in the index than in the database: run `python -m indexer rebuild`",
                    err=True,
                )
                sys.exit(1)
    sys.exit(1 if report.failed else 0)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(*, as_json: bool) -> None:
    """What is served, and what still waits. Exit status 1 if nothing is served."""
    from indexer.status import read

    with _hub() as parts:
        found = read(parts)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        for name, value in found.items():
            click.echo(f"{name:20} {'-' if value is None else value}")
    sys.exit(0 if found["generation"] else 1)


if __name__ == "__main__":
    main()
