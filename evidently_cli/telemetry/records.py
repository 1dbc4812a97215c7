"""`pending` and `show`: the records themselves."""

import os
from itertools import islice
from typing import Annotated

import typer

from evidently_cli.delivery import Delivery
from evidently_cli.output import CommandError, emit, emit_json, local, request_json, say, shown_request, table
from evidently_cli.settings import Settings
from evidently_cli.telemetry.options import AsJson
from spool import Record, Spool


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
