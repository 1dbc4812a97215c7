"""Which files a data set is made of: one, all that match a pattern, or standard input."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import IO

from evidently_cli.report.errors import DataError, quoted
from evidently_cli.report.memory import roomy_folder

STANDARD_INPUT = Path("-")
_ADDRESS = re.compile("[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # of the two slashes in one, a path keeps one


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a data set."""

    path: Path
    copy: IO[bytes] | None = None  # of standard input, which cannot be read twice

    def close(self) -> None:
        """Let go of what was copied."""
        if self.copy is not None:
            self.copy.close()

    def source(self) -> Path | IO[bytes]:
        """Return what to read, from its beginning."""
        if self.copy is None:
            return self.path
        self.copy.seek(0)
        return self.copy


def pieces(path: Path) -> tuple[Piece, ...]:
    """
    Find the files that a path means, sorted by name. A file whose own name holds `*`, `?` or `[` is taken as it is.

    DataError for a folder, a device, and a pattern that nothing matches; whether a plain file exists, reading it tells.
    """
    if path == STANDARD_INPUT:
        return (Piece(Path("standard input"), _copy_of_standard_input()),)
    if "\0" in str(path):
        raise DataError(f"{quoted(str(path))}: no file can be called so")
    exists = os.path.exists(path)  # noqa: PTH110 - never raises, however long the name is
    if _ADDRESS.match(str(path)) and not exists:
        raise DataError(f"{path}: is an address, and files alone are read: fetch it first, or pipe it in as -")
    if has_magic(str(path)) and not exists:
        found = [Path(name) for name in sorted(glob(str(path), recursive=True)) if Path(name).is_file()]  # noqa: PTH207
        if not found:
            raise DataError(f"{path}: no file matches")
        return tuple(Piece(each) for each in found)
    if exists and path.is_dir():
        raise DataError(f"{path}: is a folder, not a CSV file; {path / '*.csv'} means all CSV files in it")
    if exists and not path.is_file():  # it is read more than once
        raise DataError(f"{path}: is a pipe or a device, not a file: save it as one first, or pass it as -")
    return (Piece(path),)


def _copy_of_standard_input() -> IO[bytes]:
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError("standard input: nothing is piped into it")
    folder = roomy_folder()
    try:
        copy = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - has no name: nothing is left of it in any case
        shutil.copyfileobj(sys.stdin.buffer, copy)
    except OSError as error:
        raise DataError(f"standard input: cannot be copied to {folder}: {error.strerror}") from error
    return copy
