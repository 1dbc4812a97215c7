"""What one check has found, and what mends it."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warning", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """
    `says` is a few words when all is well, else what is wrong; `mend` is a command that mends it, where one can.

    `fixable` is set when `--fix` would, `fixed` when it has: then `says` is what was wrong.
    """

    check: str
    state: State
    says: str
    mend: str | None = None
    fixable: bool = False
    fixed: bool = False


def ok(check: str, says: str) -> Check:
    """Return that all is well."""
    return Check(check, "ok", says)


def skipped(check: str, says: str) -> Check:
    """Return why this was not looked at."""
    return Check(check, "skipped", says)


def warning(check: str, says: str, mend: str | None = None, *, fixable: bool = False) -> Check:
    """Return what will not do for long, or not as somebody might think."""
    return Check(check, "warning", says, mend, fixable)


def error(check: str, says: str, mend: str | None = None, *, fixable: bool = False) -> Check:
    """Return what keeps events from being recorded, or from being delivered."""
    return Check(check, "error", says, mend, fixable)


def command(*words: str | Path) -> str:
    """Return a command line that a shell reads as these words."""
    return shlex.join(map(str, words))


def export(variable: str, value: str | Path) -> str:
    """Return the command that sets a variable."""
    return f"export {variable}={shlex.quote(str(value))}"
