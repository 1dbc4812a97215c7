"""`pending` and `show`: the records themselves."""

import os
import sys
from itertools import chain, islice
from typing import Annotated

import typer

from evidently_cli.delivery import Delivery
from evidently_cli.output import (
    CommandError,
    emit,
    emit_json,
    emit_table,
    local,
    request_json,
    say,
    shown_request,
)
from evidently_cli.settings import Settings
from evidently_cli.telemetry.options import AsJson, Limit, nothing_pending
from evidently_cli.visible import visible
from spool import Record, Spool, inspection


def pending(
    *,
    newest: Annotated[bool, typer.Option("--newest", help="Show the newest first.")] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """
    List what is recorded and not yet delivered, oldest first.

    Times are local.

    --json prints the stored lines as they are, one record a line: specversion, id, source, type, time (UTC),
    datacontenttype, data, crc; firstof on the first of a day.
    """
    spool = Settings.of(os.environ).open_spool()
    records = inspection.newest_first(spool) if newest else spool.records()
    if as_json:
        for record in islice(records, limit or None):
            emit(record.line.decode("ascii", "backslashreplace"))
        if limit and next(records, None) is not None:
            say("There are more: --limit 0 shows all.")
        return
    first = next(records, None)
    if first is None:
        say(nothing_pending(spool))
        return
    shown = islice(chain([first], records), limit or None)
    emit_table(chain([("ID", "RECORDED", "RUN", "BYTES")], map(_row, shown)), right=frozenset({3}))
    if limit and next(records, None) is not None:
        say("There are more: --limit 0 shows all.")
    say("The exact bytes of one: evidently telemetry show ID")


def show(
    record_id: Annotated[str, typer.Argument(metavar="ID", help="The record's id, or the beginning of it.")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Write the exact body, as it would leave, and no more.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Show one pending record, and the request that would carry it.

    --json prints record (the object as stored) and request (url, headers, body: before it is compressed, bytes: its
    length on the way). --raw is for `| gunzip` and `| sha256sum`.
    """
    if raw and as_json:
        raise typer.BadParameter("--raw and --json exclude each other")
    settings = Settings.of(os.environ)
    record = _find(settings.open_spool(), record_id.lower())
    delivery = Delivery.of(os.environ, settings)
    try:
        transport = delivery.transport()
        request, body, attributes = transport.request([record]), transport.body([record]), record.attributes
    except (ValueError, RecursionError) as error:  # a record that does not fit in the wire format
        raise CommandError(f"this record will not be sent: {error}") from error
    if raw:
        if request.body != body and sys.stdout.isatty():
            raise CommandError("the body is compressed, no text for a terminal: add | gunzip", 2)
        sys.stdout.buffer.write(request.body)
        return
    if as_json:
        emit_json({"record": attributes, "request": request_json(request, body)})
        return
    emit(record.line.decode("ascii", "backslashreplace"))
    say("\nSent alone, it would leave as this; with others, they share a request.\n")
    emit(shown_request(request, body))


def _find(spool: Spool, prefix: str) -> Record:
    from spool import dead

    found = inspection.find(spool, prefix)
    shown = repr(prefix[:40])
    if len(found) == 1:
        return found[0]
    if found:
        raise typer.BadParameter(f"several records begin with {shown}: give more of the id")
    if prefix and len(names := dead.names(spool, prefix)) == 1:
        raise typer.BadParameter(f"this one is dead: evidently telemetry dead show {names[0]}")
    raise typer.BadParameter(f"no pending record begins with {shown}: evidently telemetry pending lists them")


def _row(record: Record) -> tuple[str, str, str, str]:
    return record.id, local(record.recorded_at), visible(_run(record)), f"{len(record.line) + 1:,}"


def _run(record: Record) -> str:
    """Say what a record is about; anybody can make one that holds anything."""
    try:
        attributes = record.attributes
    except (ValueError, RecursionError):
        return "(no JSON)"
    try:
        usage = attributes["data"]["usage"]  # type: ignore[index]
        return " ".join([usage["type"], *usage["parts"], *usage["tabs"]])
    except (TypeError, KeyError):  # another program's event, or a gap
        return str(attributes.get("type"))
