"""`preview`: what a run would record, before one does."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from evidently_cli.output import emit, emit_json, say
from evidently_cli.settings import Settings
from evidently_cli.telemetry.options import AsJson
from spool import Record, SpoolError
from spool.place import obstacle
from spool.record import encode


def preview(
    kind: Annotated[
        Literal["profile", "report"] | None,
        typer.Argument(metavar="[profile|report]", help="What the run would make.", show_default=False),
    ] = None,
    *,
    config: Annotated[Path | None, typer.Option("--config", help="The config of the run.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """
    Show the event that a run would record now. Nothing is recorded.

    --json prints record (the object as it would be stored), recording (whether a run would record it), decided_by,
    and complaint (why the spool would take no record, or null).
    """
    settings = Settings.of(os.environ)
    record = _record(settings, kind, config)
    complaint = _complaint(settings)
    recording = settings.consent.given and complaint is None
    if as_json:
        emit_json(
            {
                "record": record.attributes,
                "recording": recording,
                "decided_by": settings.consent.decided_by,
                "complaint": complaint,
            }
        )
        return
    emit(record.line.decode("ascii"))
    if config is None:
        say("This is the event of a run with all sections; --config FILE shows that of yours.")
    if not settings.consent.given:
        say(f"A run would not record it: telemetry is off ({settings.consent.decided_by}).")
    elif complaint:
        say(f"A run could not record it: {complaint}.")
    else:
        say(f"A run would record it ({settings.consent.decided_by}). Nothing was recorded now.")


def _record(settings: Settings, kind: Literal["profile", "report"] | None, path: Path | None) -> Record:
    """Make the record as `recorder` does, with an id of its own, and keep it nowhere."""
    from evidently_cli import event
    from evidently_cli.calculate import load_config
    from evidently_cli.marks import Marks

    if path is None:
        from evidently_cli.report.sections import SECTIONS

        usage = event.Usage(kind or "report", list(SECTIONS), event.SamplingUsage(), event.SamplingUsage())
    else:
        config = load_config(path, kind)
        usage = event.Usage.of(kind or ("report" if config.sections("report") else "profile"), config)
    firsts: list[str] = []
    with suppress(OSError):
        firsts = Marks(settings.marks).coming_firsts(datetime.now(UTC))
    spool = settings.open_spool()
    return encode(
        event.build(usage, event.environment()),
        source=spool.source,
        event_type=event.TYPE,
        now_ns=spool.clock(),
        extensions=event.extensions(firsts),
    )


def _complaint(settings: Settings) -> str | None:
    spool = settings.open_spool()
    try:
        spool.exists()
        return obstacle(spool.layout)
    except (SpoolError, OSError) as error:
        return str(error)
