"""Record the event of a run, and start a flush when one is due. Nothing here waits, and nothing here opens a socket."""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from evidently_cli import event, output
from evidently_cli.config_file import VARIABLES
from evidently_cli.consent import refused
from evidently_cli.marks import NOTICE_SHOWN, Marks
from evidently_cli.settings import FLUSHER, Settings, in_ci
from spool import SpoolError, schedule

_NOTICE = """\
evidently records one anonymous usage event a run: the versions of Python and of the system, which sections were
calculated, how the files were sampled. Never your data, names or paths. This run sends nothing.
Read every byte of it: evidently telemetry pending      Switch it off: evidently telemetry disable"""


def record_run(
    usage: event.Usage, environment: Mapping[str, str], say: Callable[[str], object], *, quiet: bool = False
) -> None:
    """
    Record a successful run, if the user lets us. A quiet run shows no notice, and sends nothing before one was shown.

    Telemetry never breaks a run: what goes wrong with it is told to `say`, which shows it only with --verbose.
    """
    if refusal := refused(environment):
        say(f"telemetry: off ({refusal.decided_by})")
        return
    step = "not recorded"
    try:
        settings = Settings.of(environment)
        if not settings.consent.given:
            say(f"telemetry: off ({settings.consent.decided_by})")
            return
        _append(usage, settings)
        step = "recorded, not sent"
        if _is_told(settings, environment, quiet=quiet):
            _start_flush(settings, environment)
    except Exception as error:  # noqa: BLE001 - the report is written: no fault of ours may turn that into a failure
        say(f"telemetry: {step}: {str(error) or type(error).__name__}")


def _append(usage: event.Usage, settings: Settings) -> None:
    marks = Marks(settings.marks)
    firsts: dict[str, str] = {}
    with suppress(OSError):  # a home that cannot be written to may well have a spool elsewhere
        firsts = marks.firsts(datetime.now(UTC))
    try:
        settings.open_spool().append(
            event.build(usage, event.environment()),
            event_type=event.TYPE,
            extensions=event.extensions(firsts),
        )
    except SpoolError:
        marks.remove(list(firsts.values()))  # the day's first event is still to come
        raise


def _is_told(settings: Settings, environment: Mapping[str, str], *, quiet: bool) -> bool:
    """Whether an earlier run told the user, which is what lets this one send; else tell now. In CI nobody reads it."""
    if in_ci(environment):
        return True
    marks = Marks(settings.marks)
    if quiet:
        return marks.is_told
    try:
        if not marks.make(NOTICE_SHOWN):
            return True
    except OSError:  # a home that cannot be written to remembers nothing: each run tells, and none sends
        output.say(_NOTICE)
        return False
    told = False
    try:
        told = output.say(_NOTICE)
    finally:
        if not told:
            marks.remove([NOTICE_SHOWN])
    return False


def _start_flush(settings: Settings, environment: Mapping[str, str]) -> None:
    """Look before spawning: the schedule and one mark are read, never a directory."""
    from spool import background

    if settings.endpoint is None or not settings.starts_flushes(environment) or not sys.executable:
        return
    now = time.time()
    spool = settings.open_spool()
    if schedule.load(spool.layout.schedule).of(settings.endpoint).wait(datetime.fromtimestamp(now, UTC)):
        return
    if background.claim_start(Marks(settings.marks).flush_started, spool.disk, now=now):
        command = [sys.executable, *_flags(), "-m", "evidently_cli", "telemetry", "flush"]
        background.start(command, _flusher_environment(settings, environment))


def _flusher_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return ours with the marker, and with absolute paths: the child starts elsewhere, and would look there.

    Not so the homes, HOME and XDG_CONFIG_HOME: a relative one is passed over here, and made absolute it would not be in
    the child, which would go by what lies in the directory of somebody's project.
    """
    files = (VARIABLES["token_file"], VARIABLES["ca_bundle"], "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    paths = {name: str(Path(environment[name]).expanduser().absolute()) for name in files if environment.get(name)}
    return {**environment, **paths, FLUSHER: "1", "EVIDENTLY_SPOOL_DIR": str(settings.spool)}


def _flags() -> list[str]:
    """Return what keeps the child from code that we were kept from: by `python -I`, by `#!/usr/bin/python3 -sP`."""
    told = {"-E": sys.flags.ignore_environment, "-s": sys.flags.no_user_site}
    return ["-P", *(flag for flag, given in told.items() if given)]
