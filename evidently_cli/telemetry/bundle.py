"""`export` and `import`: carry records by hand from a machine without a network to one that has it."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from evidently_cli.output import CommandError, count, emit_json, period, say, utc
from evidently_cli.settings import Settings
from evidently_cli.telemetry.options import AsJson, nothing_pending


def _file(path: Path) -> Path:
    if path == Path("-"):
        raise typer.BadParameter("a bundle is a file, no pipe: it is checked as a whole before any record moves")
    return path


def export_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make.", callback=_file)],
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the records pending here, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Move what is pending into a file, to send it from elsewhere.

    --json prints file (null when nothing was pending), records, oldest and newest (UTC, or null), kept, left (records
    that no import would take: they stay pending).
    """
    from spool import export_bundle  # with gzip and hashlib

    spool = Settings.of(os.environ).open_spool()
    exported = export_bundle(spool, file, keep=keep)
    if as_json:
        emit_json(
            {
                "file": str(file) if exported.records else None,
                "records": exported.records,
                "oldest": utc(exported.oldest),
                "newest": utc(exported.newest),
                "kept": keep,
                "left": exported.left,
            }
        )
        return
    if exported.left:
        say(f"{count(exported.left, 'record')} that nobody could read as JSON stayed here: no import would take that.")
    if not exported.records:
        if exported.left:
            return
        say(f"{nothing_pending(spool)} No file was made.")
        return
    records = f"{count(exported.records, 'record')}, {period(exported.oldest, exported.newest)},"
    say(f"{records} {'copied' if keep else 'moved'} into {file}.")
    say(f"Carry it to a machine with a network, and there: evidently telemetry import {shlex.quote(file.name)}")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that `export` made.", callback=_file)],
    *,
    as_json: AsJson = False,
) -> None:
    """
    Make the records of an exported file pending here. The file stays; what is here already is skipped.

    --json prints added and skipped (records).
    """
    from spool import import_bundle
    from spool.bounds import room

    settings = Settings.of(os.environ)
    if not settings.consent.given:
        raise CommandError(f"telemetry is off ({settings.consent.decided_by}): nothing is imported", 2)
    spool = settings.open_spool()
    imported = import_bundle(spool, file)
    if as_json:
        emit_json({"added": imported.added, "skipped": imported.skipped})
        return
    skipped = f", {count(imported.skipped, 'record')} skipped, as this spool has them" if imported.skipped else ""
    say(f"{count(imported.added, 'record')} added{skipped}.")
    if imported.added and room(spool) < 0:
        say("The spool is over its bound now: flush before the next run, or the oldest give way to a gap record.")
    if imported.added:
        say("Send what is pending: evidently telemetry flush")
