"""What can go wrong with a report. Each class carries the exit code of a command that ends with it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 60


class ReportError(Exception):
    """An error that the user can act on: one line that says what is wrong and, where known, what would be right."""

    exit_code = 1


class ConfigError(ReportError):
    """The config file, or the way the command was called, asks for something that does not exist."""

    exit_code = 2


class DataError(ReportError):
    """A data file cannot be read, or lacks what the config asks for."""


class EncodingError(DataError):
    """A data file is not text in the encoding that it is read with."""


class SectionError(DataError):
    """The files lack what one section needs. The other sections can be computed."""


class UntestableError(DataError):
    """
    One column cannot be tested. The other columns can: the caller turns this into a `Notice`.

    `changed` is set where the reference file has what the test needs, and the current one has not.
    """

    def __init__(self, text: str, *, changed: bool = False) -> None:
        super().__init__(text)
        self.changed = changed


def quoted(text: str) -> str:
    """Return the text in double quotes on one line, and only the start of a long one."""
    line = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return f'"{line}"' if len(line) <= _SHOWN else f'"{line[: _SHOWN - 1]}…"'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of an error message: `; did you mean "data_drift"?`, or nothing where no known word is near."""
    near = get_close_matches(word[:_SHOWN], list(known), n=1)
    return f"; did you mean {quoted(near[0])}?" if near else ""
