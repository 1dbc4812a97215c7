"""Which program the command `evidently` is: Evidently's own distribution brings one of the same name."""

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from evidently_cli.doctor.check import Check, command, ok, warning
from evidently_cli.doctor.facts import Facts, Script

DISTRIBUTION = "evidently-cli"
_NAME = "evidently"
_LAUNCHER = 256 * 1024  # bytes; on Windows, a script is a program with a name at its end


def look(environment: Mapping[str, str]) -> Script:
    """Return who owns the command; the distributions' own files say it."""
    here = shutil.which(_NAME, path=sysconfig.get_path("scripts"))
    found = shutil.which(_NAME, path=environment.get("PATH") or os.defpath)
    return Script(
        owners=tuple(sorted(set(_owners()))),
        found=Path(found) if found else None,
        ours=found is not None and _calls_us(Path(found)),
        here=Path(here) if here else None,
        python=sys.executable or "python",
    )


def _owners() -> Iterable[str]:
    from importlib.metadata import distributions

    for distribution in distributions():
        with suppress(Exception):  # the files of others, damaged in ways that nobody can foresee
            names = [point.name for point in distribution.entry_points if point.group == "console_scripts"]
            if _NAME in names:
                yield re.sub("[-_.]+", "-", distribution.metadata["Name"]).lower()


def _calls_us(script: Path) -> bool:
    """Whether a script runs this program, in whichever environment."""
    try:
        with script.open("rb") as file:
            return b"evidently_cli" in file.read(_LAUNCHER)
    except OSError:
        return False


def script(facts: Facts) -> Check:
    """Whether `evidently` is this program."""
    seen = facts.script
    others = [owner for owner in seen.owners if owner != DISTRIBUTION]
    if seen.found is None:
        if seen.here is None:
            return warning("script", "`evidently` is not on PATH", _alias(seen))
        return warning("script", f"`evidently` is not on PATH: it lies in {seen.here.parent}",
                       f"export PATH={command(seen.here.parent)}:$PATH")  # fmt: skip
    if not seen.ours:
        whose = f", from {' and '.join(others)}" if others else ""
        says = f"{seen.found} is another program{whose}; `pipx install {DISTRIBUTION}` keeps the two apart"
        return warning("script", says, _alias(seen))
    if others:
        return warning(
            "script",
            f"{seen.found} is this program, until {' or '.join(others)}, which brings a script of the same name, "
            "is updated",
            f"pipx install {DISTRIBUTION}",
        )
    return ok("script", f"{seen.found}")


def _alias(seen: Script) -> str:
    return command("alias", f"evidently={command(seen.python, '-m', 'evidently_cli')}")
