"""Mend what is safely mended: never a record deleted, a link followed, or a file of another user touched."""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from evidently_cli.doctor.check import Check
from evidently_cli.doctor.content import old_leftovers
from evidently_cli.doctor.facts import Entry, Facts
from evidently_cli.doctor.place import right_mode, wrong_modes
from evidently_cli.marks import Marks
from evidently_cli.settings import Settings
from spool import Spool, SpoolError, schedule
from spool.background import INTERVAL
from spool.locks import Lock


def mend(checks: Iterable[Check], facts: Facts, settings: Settings) -> list[str]:
    """Mend what these checks have found, which can be. Returns what could not be done, and why."""
    spool = settings.open_spool()
    ways: dict[str, Callable[[], None]] = {
        "modes": lambda: _mend_modes(wrong_modes(facts)),
        "format": spool.prepare,
        "leftovers": lambda: spool.sweep() if old_leftovers(facts) else None,
        "schedule": lambda: _mend_schedule(spool),
        "marks": lambda: _mend_marks(Marks(settings.marks), spool, facts.content.stale),
    }
    failures = []
    for check in checks:
        try:
            ways[check.check]()
        except SpoolError as error:
            failures.append(f"{check.check} could not be mended: {error}")
        except OSError as error:
            failures.append(f"{check.check} could not be mended: {error.strerror or error}")
    return failures


def with_fixes(wrong: Mapping[str, Check], after: Iterable[Check]) -> list[Check]:
    """Return the checks as they are now; what was wrong, by its name, and is well now says what it was."""
    return [
        replace(check, says=wrong[check.check].says, fixed=True)
        if check.check in wrong and check.state == "ok"
        else check
        for check in after
    ]


def _mend_modes(wrong: list[Entry]) -> None:
    """Set permissions, from the top: once the directory is ours alone, nobody can put other files under the names."""
    failed: OSError | None = None
    for entry in wrong:
        try:
            _mend_mode(entry)
        except FileNotFoundError:  # RACE: it has been delivered
            continue
        except OSError as error:
            failed = error
    if failed:
        raise failed


def _mend_mode(entry: Entry) -> None:
    if sys.platform == "win32":  # there a mode says nothing, and is never wrong
        return
    try:
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except PermissionError:
        if not hasattr(os, "O_PATH"):
            raise
        descriptor = os.open(entry.path, os.O_PATH | os.O_NOFOLLOW)  # Linux: what we may not even read
    try:
        seen = os.fstat(descriptor)
        kind = stat.S_ISDIR if entry.kind == "directory" else stat.S_ISREG
        # RACE: what the name stands for may be another file by now: only what is ours, and under no second name.
        if seen.st_uid == os.geteuid() and kind(seen.st_mode) and (entry.kind == "directory" or seen.st_nlink == 1):
            _chmod(descriptor, right_mode(entry))
    finally:
        os.close(descriptor)


def _chmod(descriptor: int, mode: int) -> None:
    if sys.platform == "win32":
        return
    try:
        os.fchmod(descriptor, mode)
    except OSError as error:
        if error.errno != errno.EBADF:  # as it is for O_PATH
            raise
        Path(f"/proc/self/fd/{descriptor}").chmod(mode)


def _mend_schedule(spool: Spool) -> None:
    """Forget waits that nobody meant; what the endpoint said, and how often it failed, stays."""
    path = spool.layout.schedule
    with spool.disk_errors("write to"), spool.exclusive():
        if not _is_our_file(path):
            raise PermissionError(f"{path} is no file of yours")
        schedule.save(spool, replace(schedule.load(path), not_before=None, retry_after=None))


def _mend_marks(marks: Marks, spool: Spool, stale: Iterable[Path]) -> None:
    with Lock(marks.flush_started.with_suffix(".lock"), spool.disk).held(patience=1.0):
        for path in stale:
            # RACE: a run may have made the mark anew.
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime - datetime.now(UTC).timestamp() > INTERVAL and _is_our_file(path):
                    spool.disk.unlink(path)


def _is_our_file(path: Path) -> bool:
    seen = path.lstat()
    return stat.S_ISREG(seen.st_mode) and (not hasattr(os, "geteuid") or seen.st_uid == os.geteuid())
