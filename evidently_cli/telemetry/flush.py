"""`flush`: deliver what is pending, in the foreground or as the background flush."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from evidently_cli.delivery import Delivery
from evidently_cli.output import MISCONFIGURED, emit_json, say
from evidently_cli.settings import FLUSHER, Settings
from evidently_cli.telemetry.options import AsJson, seconds
from spool import Spool, inspection

if TYPE_CHECKING:
    from spool import Summary


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
    from spool import Deferred, Summary, background, drain

    in_background = FLUSHER in os.environ
    if in_background:
        background.limit_life()
    settings = Settings.of(os.environ)
    spool = settings.open_spool()
    ends_as_json = as_json and not dry_run  # a rehearsal prints requests alone: where there are none, nothing
    if not settings.consent.given:
        _end(
            Summary(), as_json=ends_as_json, words=f"Telemetry is off ({settings.consent.decided_by}): nothing is sent."
        )
        return
    if not in_background and not any(each.records or each.corrupt or each.unreadable for each in spool.segments()):
        _end(Summary(), as_json=ends_as_json, words="Nothing is pending.")
        return
    delivery = Delivery.of(os.environ, settings)
    if delivery.complaint and (delivery.address or not dry_run):  # a rehearsal needs no endpoint
        failure = Deferred(delivery.complaint, misconfigured=True)
        _end(Summary(failure=failure), as_json=ends_as_json, words=f"{delivery.complaint}.", code=MISCONFIGURED)
    if dry_run:
        flushing.rehearse(spool, delivery, as_json=as_json)
        return
    transport = delivery.transport()
    if in_background:
        summary = drain(spool, transport, may_send=_may_send)
    else:
        with _progress(spool, hidden=as_json) as progress:
            deadline = time.monotonic() + (wait or 0.0)
            summary = flushing.flush_until(
                spool, transport, deadline, force=force, may_send=_may_send, progress=progress
            )
    if summary.failure and not _may_send():  # whatever the last answer was, nobody waits for the next one
        summary = replace(summary, failure=None, wait=None, stopped=True)
    left = not in_background and (summary.stuck is not None or next(spool.records(), None) is not None)
    words, code = flushing.conclusion(summary, left=left, decided_by=Settings.of(os.environ).consent.decided_by)
    _end(summary, as_json=as_json, words=words, code=code)


def _may_send() -> bool:
    """Ask again before each request: the user may switch telemetry off while a flush is at work."""
    return Settings.of(os.environ).consent.given


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
