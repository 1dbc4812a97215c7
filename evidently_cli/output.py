"""How results are shown: data on stdout, words on stderr, tables that line up, times as the clock on the wall says."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from spool.http import Request


TRY_LATER = 75  # exit code: records are left
MISCONFIGURED = 78  # exit code: no usable endpoint
_MEASURED = 1000  # rows


class CommandError(Exception):
    """An error that the user can act on: one line, and the exit code of the command."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def say(text: str) -> bool:
    """Write one line of words for a person. That nobody can read them is no error; returns whether somebody may."""
    try:
        sys.stderr.write(f"{text}\n")
        return not _is_null(sys.stderr)
    except (OSError, ValueError):  # broken, full, or closed
        return False


def _is_null(stream: TextIO) -> bool:
    """Whether a stream leads nowhere (`2>/dev/null`)."""
    with suppress(OSError, ValueError):  # no file, as in a test
        return os.path.samestat(os.fstat(stream.fileno()), Path(os.devnull).stat())
    return False


def emit(text: str) -> None:
    """Write one line of data."""
    sys.stdout.write(f"{text}\n")


def emit_json(value: object) -> None:
    """Write a value as JSON on one line."""
    emit(json.dumps(value, allow_nan=False))


def table(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Line up columns, two spaces apart; `right` has the numbers of those that end at one edge instead."""
    widths = _widths(rows)
    return "\n".join(_line(row, widths, right) for row in rows)


def emit_table(rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()) -> None:
    """Write a table of any length, and hold no more of it than the first rows: their widths are those of all."""
    rows = iter(rows)
    first = list(islice(rows, _MEASURED))
    widths = _widths(first)
    for row in chain(first, rows):
        emit(_line(row, widths, right))


def _widths(rows: Iterable[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _line(row: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    cells = (
        cell.rjust(width) if number in right else cell.ljust(width)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()


def local(instant: datetime | None) -> str:
    """Return an instant in local time, to the second: "2026-11-23 11:00:00"; "never" for none."""
    if instant is None:
        return "never"
    with suppress(OverflowError, ValueError, OSError):  # at either end of time there is no hour more, and UTC has to do
        instant = instant.astimezone()
    return f"{instant:%Y-%m-%d %H:%M:%S}"


def utc(instant: datetime | None) -> str | None:
    """Return an instant as JSON has it: "2026-11-23T10:00:00.123Z"."""
    from spool.record import timestamp  # no spool for `evidently --version`

    return None if instant is None else timestamp(instant)


def period(oldest: datetime | None, newest: datetime | None) -> str:
    """Return "from 2026-11-23 11:00:00 to 2026-11-24 09:30:00", "of 2026-11-23 11:00:00", or nothing for none."""
    first, last = local(oldest), local(newest)
    if oldest is None:
        return ""
    return f"of {first}" if first == last else f"from {first} to {last}"


def count(number: int, noun: str) -> str:
    """Return "1 record", "3,000 records"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(octets: int) -> str:
    """Return "812 B", "2.1 kB", "16.0 MB"."""
    for unit, scale in (("MB", 1_000_000), ("kB", 1_000)):
        if octets >= scale:
            return f"{octets / scale:.1f} {unit}"
    return f"{octets} B"


def request_json(request: "Request", body: bytes) -> dict[str, object]:
    """Return a request as JSON has it; `bytes` is how long the body is on the way."""
    from spool.endpoint import shown

    return {
        "url": shown(request.url),
        "headers": request.headers,
        "body": body.decode("ascii", "backslashreplace"),
        "bytes": len(request.body),
    }


def shown_request(request: "Request", body: bytes) -> str:
    """Return a request as it goes over the wire, with its body, uncompressed, and how long that is on the way."""
    from spool.endpoint import shown

    lines = [f"POST {shown(request.url) if request.url else '(no endpoint is set)'}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    packed = f"\n(The body takes {len(request.body):,} bytes, compressed.)" if len(request.body) != len(body) else ""
    return "\n".join(lines) + f"\n\n{body.decode('ascii', 'backslashreplace')}{packed}"


def duration(seconds: float) -> str:
    """Return "40 s", "12 min", "5 h"; never less than was asked for."""
    for unit, scale in (("h", 3600), ("min", 60)):
        if seconds >= 2 * scale:
            return f"{-(-seconds // scale):.0f} {unit}"
    return f"{-(-seconds // 1):.0f} s"
