"""`enable` and `disable`: what the user has to say about telemetry, kept in their config.toml."""

import os
from typing import Annotated

import typer

from evidently_cli.config_file import switch
from evidently_cli.output import CommandError, emit_json, say
from evidently_cli.settings import Settings
from evidently_cli.telemetry.options import AsJson
from evidently_cli.telemetry.purge import described, receipt_json
from spool import SpoolError
from spool.disk import Disk


def enable(*, as_json: AsJson = False) -> None:
    """
    Record usage events again; send them where an endpoint is set.

    --json prints enabled (what holds now) and decided_by.
    """
    settings = _switched(enabled=True)
    consent = settings.consent
    if as_json:
        emit_json({"enabled": consent.given, "decided_by": consent.decided_by})
    elif consent.given:
        say(f"Telemetry is on ({consent.decided_by}). What a run records: evidently telemetry preview")
    else:
        say(f"{settings.user.path} says so, and telemetry is off all the same: {consent.decided_by} decides.")


def disable(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what is pending; it is not sent.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Record and send nothing from now on; delete what is pending.

    --json prints enabled, decided_by, and the receipts of pending and dead: deleted, corrupt, oldest, newest.
    """
    from spool.purge import Purged, drop_dead, purge

    settings = _switched(enabled=False)
    # RACE: a run that looked before us may append after us. Its record stays, and is not sent: `status` shows it.
    spool = settings.open_spool()
    try:
        pending, dead = (Purged(), Purged()) if keep else (purge(spool), drop_dead(spool))
    except SpoolError as error:
        said = f"telemetry is off, and what is pending is not deleted yet: {error}"
        raise CommandError(f"{said}; after that: evidently telemetry purge", error.exit_code) from error
    if as_json:
        decision = {"enabled": False, "decided_by": settings.consent.decided_by}
        emit_json({**decision, "pending": receipt_json(pending), "dead": receipt_json(dead)})
        return
    say(f"Telemetry is off ({settings.consent.decided_by}): nothing is recorded, nothing is sent.")
    if keep:
        say("What is pending stays where it is. To look at it: evidently telemetry pending")
        return
    deleted = [described(pending, dead=False), described(dead, dead=True)]
    say(f"Deleted: {' and '.join(filter(None, deleted))}." if any(deleted) else "Nothing was pending.")


def _switched(*, enabled: bool) -> Settings:
    """Write the user's wish, and return what holds then."""
    path = Settings.of(os.environ).user.path
    unreadable: Exception | None = None
    try:
        switch(path, Disk(), enabled=enabled)
    except (ValueError, RecursionError) as error:
        unreadable = error
    except OSError as error:
        instead = "" if enabled else "; EVIDENTLY_DISABLE_TELEMETRY=1 in the environment switches telemetry off as well"
        raise CommandError(f"{path} cannot be written: {error.strerror}{instead}") from error
    settings = Settings.of(os.environ)
    if unreadable is not None and settings.consent.given != enabled:  # what cannot be read counts as no, and may stay
        raise CommandError(f"{path} cannot be changed ({unreadable}): mend it, or remove it", 2) from unreadable
    return settings
