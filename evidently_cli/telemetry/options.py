"""Options that several telemetry commands have, and the question that some of them ask."""

import sys
from datetime import timedelta
from typing import Annotated

import typer

from evidently_cli.output import CommandError, say
from spool import Spool

_SCALES = {"s": 1, "m": 60, "h": 3600}
_WEEK = 7 * 24 * 3600.0
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_MOST = timedelta(days=36_500)


def seconds(text: str) -> float:
    """Read "90s", "10m", "2h" or "90" as seconds."""
    number, scale = (text[:-1], _SCALES[text[-1]]) if text[-1:] in _SCALES else (text, 1)
    try:
        value = float(number) * scale
    except ValueError:
        value = -1.0
    if not 0 <= value <= _WEEK:
        raise typer.BadParameter(f"{text[:40]!r} is no time up to a week; 90s, 10m and 2h are")
    return value


def age(text: str) -> timedelta:
    """Read "90m", "12h" or "30d". A number without its unit is refused: what is meant as days would delete the rest."""
    try:
        value = timedelta(**{_UNITS[text[-1:]]: float(text[:-1])})
    except (KeyError, ValueError, OverflowError):
        value = timedelta(-1)
    if not timedelta() <= value <= _MOST:
        raise typer.BadParameter(f"{text[:40]!r} is no age; 90m, 12h and 30d are")
    return value


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=0, max=sys.maxsize, help="Show this many at most; 0 shows all.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
OlderThan = Annotated[
    timedelta | None, typer.Option(parser=age, metavar="AGE", help='Only what is older: "90m", "12h", "30d".')
]


def nothing_pending(spool: Spool) -> str:
    """Say that nothing is pending, unless there is what cannot be read: nobody knows what that is."""
    if any(segment.unreadable for segment in spool.segments()):
        return "Nothing that can be read is pending; what cannot be: evidently telemetry doctor"
    return "Nothing is pending."


def agreed(deed: str, *, as_json: bool) -> bool:
    """Ask the user, who sits at a terminal: "Delete it? [y/N]". CommandError when nobody does, or a program reads."""
    if as_json or not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(f"there is nobody to ask: add --yes to {deed}", 2)
    sys.stderr.write(f"{deed[0].upper()}{deed[1:]}? [y/N] ")
    sys.stderr.flush()
    try:
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
    except UnicodeDecodeError:
        return False
    except KeyboardInterrupt:
        say("")
        raise
