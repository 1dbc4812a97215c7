"""The telemetry commands: look at what was recorded, deliver it. Each calls the library and shows what it returns."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from evidently_cli.delivery import ENDPOINT, Delivery
from evidently_cli.output import (
    CommandError,
    count,
    duration,
    emit,
    emit_json,
    local,
    request_json,
    say,
    seconds,
    shown_request,
    size,
    table,
)
from evidently_cli.settings import FLUSHER, Settings
from spool import Record, Spool, SpoolError, inspection, schedule
from spool.record import timestamp

if TYPE_CHECKING:
    from spool import Summary


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


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Say whether events are recorded and sent, who decided it, and what is pending."""
    settings = Settings.of(os.environ)
    delivery = Delivery.of(os.environ, settings)
    spool = settings.open_spool()
    now = datetime.now(UTC)
    pending = inspection.count_pending(spool, now)
    dead = inspection.count_dead(spool)
    plan = schedule.load(spool.layout.schedule).of(delivery.address) if spool.exists() else schedule.Schedule()
    if as_json:
        emit_json(
            {
                "recording": settings.consent.given,
                "sending": settings.consent.given and delivery.complaint is None,
                "decided_by": settings.consent.decided_by,
                "endpoint": delivery.endpoint,
                "wire": delivery.wire,
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
        ("endpoint", delivery.endpoint or f"none: events wait here until {ENDPOINT} names one"),
        *([("", delivery.complaint)] if delivery.endpoint and delivery.complaint else []),
        *([("wire", delivery.wire)] if delivery.endpoint else []),
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
    settings = Settings.of(os.environ)
    record = _find(settings.open_spool(), record_id)
    delivery = Delivery.of(os.environ, settings)
    try:
        transport = delivery.transport()
        request, body = transport.request([record]), transport.body([record])
    except (KeyError, ValueError) as error:  # no such wire format, or a record that does not fit into it
        raise CommandError(delivery.complaint or f"this record will not be sent: {error}") from error
    if as_json:
        emit_json({"record": record.attributes, "request": request_json(request, body)})
        return
    emit(record.line.decode("ascii"))
    say("\nSent alone, it would leave as this; with others, they share a request.\n")
    emit(shown_request(request, body))


@app.command()
def flush(
    *,
    wait: Annotated[
        float | None,
        typer.Option(parser=seconds, metavar="TIME", help='Keep trying for so long: "90s", "10m", "2h".'),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Send even when the endpoint asked to wait.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the exact requests; send nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deliver now what is pending. Exits with 75 when records are left for later, 78 when the endpoint is wrong."""
    from evidently_cli import flushing
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
    delivery = Delivery.of(os.environ, settings)
    if delivery.complaint:
        _end(Summary(), as_json=as_json, words=f"{delivery.complaint}.", code=flushing.MISCONFIGURED)
    if dry_run:
        flushing.rehearse(spool, delivery, as_json=as_json)
        return
    if in_background:
        raise typer.Exit(flushing.conclusion(drain(spool, delivery.transport()), left=False)[1])
    with _progress(spool, hidden=as_json) as progress:
        deadline = time.monotonic() + (wait or 0.0)
        summary = flushing.flush_until(spool, delivery.transport(), deadline, force=force, progress=progress)
    words, code = flushing.conclusion(summary, left=next(spool.records(), None) is not None)
    _end(summary, as_json=as_json, words=words, code=code)


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
