"""The `hub` command. Each command loads what it needs when it runs, so that `hub --help` is instant."""

import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from marshmallow import ValidationError

from hub import cli_desk, cli_papers, cli_requests
from hub.errors import HubError, SettingError
from hub.search.types import FACETS, LANGUAGES, SORTS
from hub.wiring import Hub


class Command(click.Group):
    """Errors that a person can act on become one line on standard error and an exit status, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingError as error:
            click.echo(f"hub: {error}", err=True)
            ctx.exit(2)
        except ValidationError as error:
            for name, sentence in _sentences(error.normalized_messages()):
                click.echo(f"hub: {name}: {sentence}", err=True)
            ctx.exit(1)
        except HubError as error:
            click.echo(f"hub: {error.detail or error.title}", err=True)
            for name, sentences in getattr(error, "errors", {}).items():
                click.echo(f"hub: {name}: {' '.join(sentences)}", err=True)
            ctx.exit(1)


def _sentences(errors: object, path: str = "") -> Generator[tuple[str, str]]:
    """Field and sentence of each fault in a tree of them, lists numbered from 1."""
    if isinstance(errors, Mapping):
        for name, below in errors.items():
            step = str(name + 1) if isinstance(name, int) else str(name)
            yield from _sentences(below, f"{path}.{step}" if path else step)
    elif isinstance(errors, list):
        for sentence in errors:
            yield path, str(sentence)


@contextmanager
def opened(serves_on: str = "") -> Generator[Hub]:
    """The hub that the settings describe, with its database at the newest schema. `serves_on`: as `settings.load`."""
    from hub import migrate, settings

    parts = Hub(settings.load(serves_on=serves_on))
    try:
        if migrate.current(parts.database.engine) != migrate.newest():
            raise HubError("The database is not set up or not up to date; run `hub init`.")
        yield parts
    finally:
        parts.close()


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="migration-hub")
def main() -> None:
    """Knowledge platform and connection hub of the UN Network on Migration."""


@main.command()
@click.option("--demo", is_flag=True, help="Create labelled demo accounts and let them sign in.")
def init(demo: bool) -> None:
    """Set everything up: secrets, database, vocabulary, corpus, model, index. Does only what is missing."""
    from hub import setup

    setup.run(demo=demo)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--threads", default=8, show_default=True, help="Requests served at the same time by each process.")
@click.option("--processes", type=click.IntRange(min=1), help="That serve; HUB_PROCESSES (1) if absent. POSIX only.")
@click.option("--worker/--no-worker", default=True, show_default=True, help="Do queued work too.")
def serve(host: str, port: int, threads: int, processes: int | None, worker: bool) -> None:
    """Serve pages and API."""
    from hub import serving

    with opened(serving.address(host, port)) as parts:
        count = processes or parts.settings.processes
        if count == 1:
            serving.serve(parts, host=host, port=port, threads=threads, worker=worker)
        else:
            serving.serve_from_several(parts, host=host, port=port, threads=threads, count=count, worker=worker)


@main.command()
@click.option("--retry", is_flag=True, help="First take up again notices and mails that failed five times.")
def worker(retry: bool) -> None:
    """Do queued work (index, notices, mails) until stopped."""
    from hub import outbox, serving
    from hub.worker import HANDLERS

    with opened() as parts:
        if retry:
            with parts.database.transaction() as session:
                click.echo(f"taken up again {outbox.retry(session, tuple(HANDLERS))}")
        serving.work(parts)


@main.command()
@click.argument("text")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100))
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of TEXT; detected if absent.")
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE", help=f"NAME is one of {', '.join(FACETS)}.")
@click.option("--mode", type=click.Choice(["hybrid", "keyword", "vector"]), default="hybrid", show_default=True)
@click.option(
    "--sort", type=click.Choice([*SORTS, "date"]), default="relevance", show_default=True, help="date: newest."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def search(
    text: str, limit: int, lang: str | None, filters: tuple[str, ...], mode: str, sort: str, as_json: bool
) -> None:
    """Search practices and guidance for TEXT."""
    from hub.schemas.search import dump_page, search_query
    from hub.search import service

    params: dict[str, Any] = {"q": text, "limit": limit, "mode": mode, "sort": "newest" if sort == "date" else sort}
    if lang:
        params["lang"] = lang
    for one in filters:
        name, separator, value = one.partition("=")
        if not separator or name not in FACETS:
            raise click.BadParameter(f"{one!r} is not NAME=VALUE with NAME one of {', '.join(FACETS)}")
        params.setdefault(name, []).append(value)
    query = search_query(params)
    with opened() as parts, parts.database.session() as session:
        page = service.search(parts.engine, parts.embedder, session, query)
    if as_json:
        return _print_json(dump_page(page))
    for note in page.notes:
        click.echo(f"({NOTES[note]})", err=True)
    click.echo(f"{'' if page.exact else 'about '}{page.total} results, {page.mode}, {page.took_ms:.0f} ms")
    for hit in page.hits:
        click.echo(f"{hit.rank:3}. [{hit.kind}, {hit.language}] {hit.title.text}  ({hit.slug})")
        click.echo(f"     {hit.passage.text}")
    return None


NOTES: Mapping[str, str] = {
    "query_malformed": "The signs of the query language could not be read, so everything was read as words.",
    "weak": "Nothing here seems to answer this; what comes nearest is shown.",
    "no_model": "No embedding model is set up, so this searches by words only.",
    "model_failed": "The embedding model cannot be used, so this searches by words only.",
    "model_mismatch": "The index was built with another embedding model, so this searches by words only; rebuild it.",
}


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


@main.command()
@click.argument("request")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100))
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def match(request: str, limit: int, as_json: bool) -> None:
    """Who could help with REQUEST: a JSON file, `-`, or the id or reference of a stored request."""
    from hub.matching import reasons, service

    with opened() as parts, parts.database.session() as session:
        wanted = _match_request(session, request)
        found = service.match(session, wanted, embedder=parts.embedder, engine=parts.engine, limit=limit)
        if as_json:
            return _print_json(reasons.to_json(found))
        for note in found.notes:
            click.echo(f"({note})", err=True)
        for heading, matches in (
            ("Agencies", found.agencies),
            ("Peer States", found.peer_states),
            ("Practices", found.practices),
            ("Guidance", found.guidance),
            ("Offers", found.offers),
            ("Areas of the fund (not verified)", found.funding),
        ):
            click.echo(f"\n{heading}")
            for one in matches:
                click.echo(f"{one.rank:3}. {one.score:6.3f}  {one.name} ({one.id})")
                for reason in one.reasons:
                    click.echo(f"       {reason.weight:+.3f}  {reasons.text(reason)}")
    return None


def _match_request(session: Any, given: str) -> Any:
    """From a file, standard input, or the database (the operator of the machine may read any request)."""
    from hub.schemas.matches import match_request
    from hub.support import reading

    if given != "-" and not Path(given).is_file():
        return reading.match_request(reading.for_operator(session, given))
    try:
        raw = sys.stdin.buffer.read() if given == "-" else Path(given).read_bytes()
        data = json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise HubError(f"{given} is not JSON in UTF-8: {error}") from None
    return match_request(data)


@main.group("offers")
def offers_group() -> None:
    """Offers of support by agencies and States."""


@offers_group.command("list")
@click.option("--kind", help="expertise, exchange, documents, training, equipment, funding or other.")
@click.option("--objective", type=click.IntRange(1, 23))
@click.option("--place", help="A region (Africa) or a country (GHA).")
@click.option("--lang", type=click.Choice(LANGUAGES), help="In which it can be given.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100))
@click.option("--json", "as_json", is_flag=True)
def offers_list(
    kind: str | None, objective: int | None, place: str | None, lang: str | None, limit: int, as_json: bool
) -> None:
    """What is offered to everybody today."""
    from hub.schemas.offers import dump_offer
    from hub.support import offers

    with opened() as parts, parts.database.session() as session:
        page = offers.listing(session, None, kind=kind, objective=objective, place=place, language=lang, limit=limit)
        rows = [dump_offer(None, offer) for offer in page.rows]
    if as_json:
        return _print_json(rows)
    for row in rows:
        click.echo(f"{row['id']}  {row['kind']:10} {row['entity']['id']:8} until {row['until']}  {row['title']}")
    return None


@main.command("experts")
@click.option("--json", "as_json", is_flag=True)
def experts_list(as_json: bool) -> None:
    """Who may be asked, what they take on, and what they have."""
    from hub.support import experts

    with opened() as parts, parts.database.session() as session:
        loads = experts.expert_loads(session)
        rows: list[dict[str, Any]] = [
            {
                "id": one.membership_id,
                "name": one.name,
                "entity": one.entity_id,
                "capacity": one.capacity,
                "minimum_load": one.minimum_load,
                "requests_now": loads.get(one.membership_id, 0),
                "languages": sorted(one.languages),
                "gcm_objectives": sorted(one.objectives),
                "regions": list(one.regions),
                "absent": one.absent,
            }
            for one in experts.directory(session)
        ]
    if as_json:
        return _print_json(rows)
    for row in rows:
        absent = "  absent" if row["absent"] else ""
        have = f"{row['requests_now']} of {row['capacity']}"
        click.echo(f"{row['entity']:8} {row['name']:35} {have:8} {','.join(row['languages'])}{absent}")
    return None


@main.command()
@click.option("--apply", "apply_id", metavar="RUN", help="Make a solution the proposals of today.")
@click.option("--undo", "undo_id", metavar="RUN", help="Bring back the proposals as they were before it.")
@click.option("--unlock", "unlocked", multiple=True, metavar="REQUEST", help="What was sent, accepted or locked, too.")
@click.option("--change-cost", type=click.FloatRange(0, 10), help="Affinity that a change must gain to be worth it.")
@click.option("--json", "as_json", is_flag=True)
def assign(
    apply_id: str | None, undo_id: str | None, unlocked: tuple[str, ...], change_cost: float | None, as_json: bool
) -> None:
    """Solve all open requests at once, as a dry run; or apply or undo one. Nothing is sent."""
    from hub.schemas.assignment import dump_run
    from hub.support import assigning

    if apply_id and undo_id:
        raise click.UsageError("Apply or undo, not both.")
    with opened() as parts, parts.database.session() as session:
        if apply_id:
            run = assigning.apply(session, None, apply_id, operator=True)
        elif undo_id:
            run = assigning.undo(session, None, undo_id, operator=True)
        else:
            cost = assigning.CHANGE_COST if change_cost is None else change_cost
            using = assigning.Parts(parts.embedder, parts.engine)
            run = assigning.propose(session, None, using, unlocked=unlocked, change_cost=cost, operator=True)
            assigning.solve(parts, session, {"run": run.id})
            session.commit()
        shown = dump_run(run)
    if as_json:
        return _print_json(shown)
    result = shown["result"]
    click.echo(f"{shown['id']}  {shown['status']}")
    click.echo(
        f"floor {result['floor_before']} -> {result['floor']}, total {result['total_before']} -> {result['total']}"
    )
    for line in result["lines"]:
        click.echo(f"{line['reference']}  {line['change']:7} {line['before'] or '-'} -> {line['expert'] or '-'}")
    for one in result["shortages"]:
        about = {name: one[name] for name in ("request", "expert", "language", "region", "objectives") if one[name]}
        click.echo(f"short of {one['places']}: {one['code']} {about}")
    return None


@main.command()
@click.option("--quarter", help="Such as 2026Q3; the newest that can be counted if absent.")
@click.option("--json", "as_json", is_flag=True)
def snapshot(quarter: str | None, as_json: bool) -> None:
    """Freeze the public figures of a quarter: once, safe to publish, never made again."""
    from hub.database import now
    from hub.schemas.register import dump_snapshot
    from hub.support import snapshots

    with opened() as parts, parts.database.session() as session:
        made, new = snapshots.make(session, quarter or snapshots.newest_due(now()))
    if as_json:
        return _print_json(dump_snapshot(made))
    total = made.figures["total"]
    click.echo(f"{made.quarter}: {'made' if new else 'was made'} on {made.made_at.date()}, as of {made.as_of}.")
    click.echo(f"Requests: {'not shown, as few could be told from it' if total is None else total}")
    return None


@main.group()
def user() -> None:
    """Accounts: add, list, disable."""


@user.command("add")
@click.option("--email", required=True)
@click.option("--name", required=True, help="Shown to others; the name of an office where no person's name is needed.")
@click.option("--role", required=True, type=click.Choice(["focal_point", "expert", "secretariat", "administrator"]))
@click.option("--entity", help="State (PRT) or agency (iom); the secretariat's roles need none.")
@click.option("--language", default="en", type=click.Choice(LANGUAGES), show_default=True)
def user_add(email: str, name: str, role: str, entity: str | None, language: str) -> None:
    """Create an account and print the link by which its person sets a password (single use, expires)."""
    from hub.accounts import console

    with opened() as parts, parts.database.session() as session:
        _, token = console.add(
            session,
            email=email,
            name=name,
            role=role,
            entity_id=entity,
            language=language,
            ttl_s=parts.settings.link_ttl_s,
        )
        click.echo(f"{parts.settings.public_url}/{language}/welcome/{token}")


@user.command("list")
@click.option("--json", "as_json", is_flag=True)
def user_list(as_json: bool) -> None:
    """Everybody with an account, and what they may act as."""
    from hub.accounts import console

    with opened() as parts, parts.database.session() as session:
        rows = console.listing(session)
    if as_json:
        return _print_json(rows)
    for row in rows:
        click.echo(f"{row['email']:40} {row['name']:35} {row['status']:10} {'; '.join(row['memberships'])}")
    return None


@user.command("disable")
@click.argument("email")
def user_disable(email: str) -> None:
    """Lock an account; its sessions and tokens end at once."""
    from hub.accounts import console

    with opened() as parts, parts.database.session() as session:
        console.disable(session, email)
    click.echo(f"{email} can no longer sign in.")


main.add_command(cli_requests.request)
main.add_command(cli_desk.corrections)
main.add_command(cli_desk.answer_links)
main.add_command(cli_papers.files)
main.add_command(cli_papers.translations)
main.add_command(cli_papers.calendar)


@main.command()
@click.option("--json", "as_json", is_flag=True)
def doctor(as_json: bool) -> None:
    """Say in plain words what is configured, reachable and missing. Exit status 1 if the hub cannot serve."""
    from hub import doctor as doctor_module
    from hub import settings

    findings = doctor_module.examine(Hub(settings.load()))
    if as_json:
        _print_json([finding.__dict__ for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{finding.mark} {finding.subject}: {finding.sentence}")
    if any(finding.state == "missing" for finding in findings):
        sys.exit(1)


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write database and files to FILE (.tar.gz). Works while the hub runs, on either database."""
    from hub import backup as backup_module

    with opened() as parts:
        summary = backup_module.backup(parts, file)
    click.echo(f"{file}: {summary.rows} rows of {summary.tables} tables, {summary.files} files")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Delete what the database holds first.")
def restore(file: Path, replace: bool) -> None:
    """Put a backup into an empty database of the same version, then rebuild the index."""
    from hub import backup as backup_module

    with opened() as parts:
        summary = backup_module.restore(parts, file, replace=replace)
    click.echo(f"{summary.rows} rows of {summary.tables} tables, {summary.files} files restored.")
    click.echo("Now run `python -m indexer rebuild`.")


@main.group("eval")
def evaluate() -> None:
    """Judge search and matching by data."""


@evaluate.command("search")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--vectors", type=click.Path(dir_okay=False, path_type=Path), help="Keep vectors in this file between runs."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as JSON to this file.")
@click.option("--json", "as_json", is_flag=True)
def eval_search(folder: Path, vectors: Path | None, out: Path | None, as_json: bool) -> None:
    """Index a BEIR-style FOLDER (corpus.jsonl, queries.jsonl, qrels.tsv) apart and judge the answers."""
    from hub import evaluation, settings

    result = evaluation.evaluate_folder(Hub(settings.load()), folder, vectors=vectors)
    _print_evaluation(result, f"{result['folder']} ({result['docs_per_s']:.0f} docs/s)", out, as_json=as_json)


@evaluate.command("hub")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(["keyword", "vector", "hybrid", "rrf"]),
    help="One or more; all of them if none is named.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as JSON to this file.")
@click.option("--json", "as_json", is_flag=True)
def eval_hub(file: Path, modes: tuple[Any, ...], out: Path | None, as_json: bool) -> None:
    """Judge the served index by the queries in FILE (JSON Lines: qid, query, language, relevant)."""
    from hub import evaluation

    with opened() as parts:
        result = evaluation.evaluate_hub(parts, file, modes or evaluation.MODES)
    _print_evaluation(result, result["file"], out, as_json=as_json)


@evaluate.command("compare")
@click.argument("before", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def eval_compare(before: Path, after: Path, as_json: bool) -> None:
    """What AFTER gains on BEFORE, two results of `hub eval search` or `hub eval hub`, with paired 95% intervals."""
    from hub import evaluation

    result = evaluation.compare(evaluation.read_result(before), evaluation.read_result(after))
    if as_json:
        return _print_json(result)
    click.echo(f"{result['queries']} queries in both")
    for mode, metrics in result["modes"].items():
        for metric, change in metrics.items():
            low, high = change["interval"]
            click.echo(
                f"  {mode:8} {metric:13} {change['difference']:+.4f} [{low:+.4f}, {high:+.4f}]  "
                f"{change['gained']} up, {change['lost']} down"
            )
    return None


def _print_evaluation(result: dict[str, Any], name: str, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        out.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    if as_json:
        _print_json(result)
        return
    click.echo(f"{name}: {result['documents']} documents, {result['queries']} judged queries, {result['engine']}")
    for mode, figures in result["modes"].items():
        click.echo(f"  {mode:8} p50 {figures['p50_ms']:.1f} ms  p95 {figures['p95_ms']:.1f} ms")
        languages = figures["languages"] if len(figures["languages"]) > 1 else {}
        for label, part in (("all", figures), *languages.items()):
            shown = (
                f"{title} {part[metric]:.3f} [{part['intervals'][metric][0]:.3f}, {part['intervals'][metric][1]:.3f}]"
                for title, metric in (
                    ("nDCG@10", "ndcg_at_10"),
                    ("recall@10", "recall_at_10"),
                    ("recall@100", "recall_at_100"),
                    ("MRR", "mrr"),
                )
            )
            click.echo(f"    {label:4} {'  '.join(shown)}")
    for group, share in result["weak"].items():
        click.echo(f"  {group:12} {share:.1%} said to have no answer")


@evaluate.command("match")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--hide-objectives", is_flag=True, help="Match as if the States had named no objective.")
@click.option("--json", "as_json", is_flag=True)
def eval_match(file: Path, hide_objectives: bool, as_json: bool) -> None:
    """Judge matches over the live corpus by FILE (requests with what is expected, JSON Lines)."""
    from hub.matching import evaluate as judge
    from hub.matching import service

    with opened() as parts, parts.database.session() as session:
        result = judge.evaluate(
            lambda wanted: service.match(session, wanted, embedder=parts.embedder, engine=parts.engine, limit=10),
            judge.read_requests(file),
            hide_objectives=hide_objectives,
        )
    if as_json:
        return _print_json(result)
    for group, figures in result.items():
        click.echo(f"{group:10} " + "  ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    return None
