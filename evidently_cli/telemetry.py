"""The telemetry commands: look at what was recorded, deliver it. Each calls the library and shows what it returns."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from evidently_cli import __version__
from evidently_cli.output import CommandError, count, duration, emit, emit_json, local, say, size, table
from evidently_cli.settings import FLUSHER, SOURCE, Settings
from spool import Record, Spool, SpoolError, inspection, schedule
from spool.record import timestamp

if TYPE_CHECKING:
    from spool import Summary
    from spool.http import HttpTransport, Request


class _Commands(TyperGroup):
    """What the spool refuses, any of these commands may be refused."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SpoolError as error:
            raise CommandError(str(error), error.exit_code) from error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the recorded usage events, and deliver them.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_WIRE = "json"
_USER_AGENT = f"{SOURCE}/{__version__}"
_TRY_LATER = 75
_MISCONFIGURED = 78


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Say whether events are recorded and sent, who decided it, and what is pending."""
    settings = Settings.of(os.environ)
    endpoint, complaint = _endpoint(settings)
    spool = settings.open_spool()
    now = datetime.now(UTC)
    pending = inspection.count_pending(spool, now)
    dead = inspection.count_dead(spool)
    plan = schedule.load(spool.layout.schedule) if spool.exists() else schedule.Schedule()
    if as_json:
        emit_json(
            {
                "recording": settings.consent.given,
                "sending": settings.consent.given and complaint is None,
                "decided_by": settings.consent.decided_by,
                "endpoint": endpoint,
                "wire": _WIRE,
                "pending": {
                    "records": pending.records,
                    "bytes": pending.octets,
                    "oldest": _utc(pending.oldest),
                    "newest": _utc(pending.newest),
                    "ages": dict(pending.ages),
                    "corrupt": pending.corrupt,
                    "foreign": pending.foreign,
                },
                "dead": dead,
                "gaps": pending.gaps,
                "schedule": {
                    key: _utc(value) if isinstance(value, datetime) else value for key, value in asdict(plan).items()
                },
                "spool": str(settings.spool),
            }
        )
        return
    wait = plan.wait(now).total_seconds()
    rows = [
        ("telemetry", f"{'on' if settings.consent.given else 'off'} ({settings.consent.decided_by})"),
        ("endpoint", endpoint or "none: events wait here until EVIDENTLY_TELEMETRY_ENDPOINT names one"),
        *([("", complaint)] if endpoint and complaint else []),
        ("pending", count(pending.records, "record") + (f", {size(pending.octets)}" if pending.records else "")),
        *([("oldest", local(pending.oldest)), ("newest", local(pending.newest))] if pending.records else []),
        *([("corrupt", count(pending.corrupt, "line"))] if pending.corrupt else []),
        *([("dropped", count(sum(pending.gaps.values()), "record"))] if pending.gaps else []),
        ("dead", count(dead, "record")),
        ("last sent", local(plan.last_success)),
        *([("last error", f"{plan.last_error} ({count(plan.attempts, 'attempt')})")] if plan.last_error else []),
        *([("next try", f"in {duration(wait)}")] if wait else []),
        ("spool", str(settings.spool)),
    ]
    emit(table(rows))


@app.command()
def pending(
    *,
    limit: Annotated[int, typer.Option(min=0, help="Show this many at most; 0 shows all.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what is recorded and not yet delivered, oldest first."""
    records = Settings.of(os.environ).open_spool().records()
    if as_json:
        for record in islice(records, limit or None):
            emit(record.line.decode("ascii"))
        return
    shown = list(islice(records, limit or None))
    more = next(records, None) is not None
    if not shown:
        say("Nothing is pending.")
        return
    emit(table([("ID", "RECORDED", "RUN", "BYTES"), *map(_row, shown)], right=frozenset({3})))
    if more:
        say(f"There are more than these {len(shown)}: --limit 0 shows all.")
    say("The exact bytes of one: evidently telemetry show ID")


@app.command()
def show(
    record_id: Annotated[str, typer.Argument(metavar="ID", help="The record's id, or the beginning of it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one pending record, and the exact request that would carry it."""
    from spool import WIRE_FORMATS

    settings = Settings.of(os.environ)
    record = _find(settings.open_spool(), record_id)
    request = _request(settings, [record])
    body = WIRE_FORMATS[_WIRE].encode([record]).decode("ascii")
    if as_json:
        emit_json(
            {"record": record.attributes, "request": {**asdict(request), "body": body, "bytes": len(request.body)}}
        )
        return
    emit(record.line.decode("ascii"))
    say("\nSent alone, it would leave as this; with others, they stand in one array.\n")
    emit(f"POST {request.url or '(no endpoint is set)'}")
    for name, value in request.headers.items():
        emit(f"{name}: {value}")
    emit(f"\n{body}")
    say(f"\nThe body takes {len(request.body):,} bytes, compressed.")


@app.command()
def flush(*, as_json: AsJson = False) -> None:
    """Deliver now what is pending. Exits with 75 when records are left for later, 78 when the endpoint is wrong."""
    from spool import Summary, background, drain

    in_background = FLUSHER in os.environ
    if in_background:
        background.limit_life()
    settings = Settings.of(os.environ)
    spool = settings.open_spool()
    if not settings.consent.given:
        _end(Summary(), as_json=as_json, words=f"Telemetry is off ({settings.consent.decided_by}): nothing is sent.")
        return
    if not in_background and next(spool.records(), None) is None:
        _end(Summary(), as_json=as_json, words="Nothing is pending.")
        return
    if complaint := _endpoint(settings)[1]:
        _end(Summary(), as_json=as_json, words=f"{complaint}.", code=_MISCONFIGURED)
    with _progress(spool, hidden=as_json) as progress:
        summary = drain(spool, _transport(settings), ignore_backoff=not in_background, progress=progress)
    words, code = _conclusion(summary, left=next(spool.records(), None) is not None)
    _end(summary, as_json=as_json, words=words, code=code)


def _conclusion(summary: "Summary", *, left: bool) -> tuple[str, int]:
    """Say what a drain did, and the exit code for it."""
    if summary.busy:
        return "Another flush is at work.", _TRY_LATER
    if summary.wait is not None:
        return f"The endpoint asked to wait: try again in {duration(summary.wait.total_seconds())}.", _TRY_LATER
    done = f"{count(summary.delivered, 'record')} delivered in {count(summary.requests, 'request')}."
    if summary.buried:
        done += f" {count(summary.buried, 'record')} refused or corrupt: kept in dead/ with the reason."
    if summary.failure is None:
        return (f"{done} Records that came meanwhile are left.", _TRY_LATER) if left else (done, 0)
    if summary.failure.misconfigured:
        return f"{done} The endpoint or its address is wrong: {summary.failure.reason}.", _MISCONFIGURED
    return f"{done} The rest waits: {summary.failure.reason}.", _TRY_LATER


def _utc(instant: datetime | None) -> str | None:
    """Return an instant as JSON has it: "2026-11-23T10:00:00.123Z"."""
    return None if instant is None else timestamp(instant)


def _end(summary: "Summary", *, as_json: bool, words: str, code: int = 0) -> None:
    if as_json:
        emit_json(
            {
                "delivered": summary.delivered,
                "buried": summary.buried,
                "requests": summary.requests,
                "error": summary.failure.reason if summary.failure else None,
                "message": words,
                "exit_code": code,
            }
        )
    if not as_json or summary.buried:
        say(words)
    if code:
        raise typer.Exit(code)


def _endpoint(settings: Settings) -> tuple[str | None, str | None]:
    """Return the endpoint as it may be shown, and why nothing can be sent there, if so."""
    if settings.endpoint is None:
        return None, "No endpoint is set: EVIDENTLY_TELEMETRY_ENDPOINT names one, and until then the events stay here"
    from spool.endpoint import insecure, shown

    return shown(settings.endpoint), insecure(settings.endpoint)


def _transport(settings: Settings) -> "HttpTransport":
    from spool import WIRE_FORMATS
    from spool.http import HttpTransport

    return HttpTransport(settings.endpoint or "", WIRE_FORMATS[_WIRE], user_agent=_USER_AGENT)


def _request(settings: Settings, records: list[Record]) -> "Request":
    from spool import WIRE_FORMATS
    from spool.http import build_request

    return build_request(
        _endpoint(settings)[0] or "", records, WIRE_FORMATS[_WIRE], user_agent=_USER_AGENT, now=datetime.now(UTC)
    )


def _find(spool: Spool, prefix: str) -> Record:
    found = list(islice((record for record in spool.records() if record.id.startswith(prefix.lower())), 2))
    if not found:
        raise typer.BadParameter(
            f"no pending record begins with {prefix[:40]!r}: evidently telemetry pending lists them"
        )
    if len(found) > 1:
        raise typer.BadParameter(f"several records begin with {prefix[:40]!r}: give more of the id")
    return found[0]


def _row(record: Record) -> tuple[str, str, str, str]:
    try:
        usage = record.attributes["data"]["usage"]  # type: ignore[index]
        run = " ".join([usage["type"], *usage["parts"], *usage["tabs"]])
    except (TypeError, KeyError):  # another program's event
        run = str(record.attributes.get("type"))
    return record.id, local(record.recorded_at), run, f"{len(record.line) + 1:,}"


@contextmanager
def _progress(spool: Spool, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    if hidden or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    total = inspection.count_pending(spool, datetime.now(UTC)).records
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("delivering", total=total)
        yield lambda done: bar.update(task, completed=done)
