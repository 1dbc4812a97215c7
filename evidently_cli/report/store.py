"""
Where the arrays of a run are kept: in memory up to a budget, beyond it in a file.

What is on disk is read back array by array, so every number is the same as if it had stayed in memory. One file holds
all arrays, because a thousand columns would need a thousand open files or maps; it has no name, so nothing is left of
it however the run ends. It is read, not mapped: a disk that fails is then an error with a reason, not a dead process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.errors import DataError
from evidently_cli.report.memory import available, roomy_folder

_GB = 1e9


def unnamed_file() -> IO[bytes]:
    """Open a temporary file that is not memory; without a buffer, so that a full disk shows where it is written to."""
    return tempfile.TemporaryFile(buffering=0, dir=roomy_folder())


class StoppedError(Exception):
    """Nobody wants the data any more."""


class SharedFile:
    """The file that all arrays go to. Two threads may use it: each reads and writes at places of its own."""

    def __init__(self, file: IO[bytes]) -> None:
        self.written = 0
        self._file = file
        self._lock = Lock()

    def append(self, octets: memoryview) -> int:
        """Write behind what is there, and return where it begins."""
        with self._lock:
            offset = self._file.seek(self.written)
            while octets:
                octets = octets[self._file.write(octets) :]
            self.written = self._file.tell()
            return offset

    def read_into(self, octets: memoryview, offset: int) -> int:
        """Fill a buffer from a place on; return how much of it stayed empty."""
        with self._lock:
            self._file.seek(offset)
            while octets and (read := self._file.readinto(octets)):  # type: ignore[attr-defined] # a raw file has it
                octets = octets[read:]
        return len(octets)

    def close(self) -> None:
        """Let the file go: it has no name."""
        with self._lock:
            self._file.close()


@dataclass(frozen=True, slots=True, eq=False)
class OnDisk:
    """An array of one dimension in a file. A slice, which has no step, is read anew each time."""

    file: SharedFile
    offset: int
    rows: int
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        start, stop, _ = rows.indices(self.rows)
        values = np.empty(max(0, stop - start), self.dtype)
        self.read_into(values, start)
        return values

    def read_into(self, values: NDArray[Any], start: int = 0) -> None:
        """Fill a contiguous array of the same type from row `start` on; raise DataError where the disk fails."""
        octets = values.view(np.uint8).data
        try:
            left = self.file.read_into(octets, self.offset + start * self.dtype.itemsize)
        except OSError as error:
            raise DataError(f"a temporary file in {roomy_folder()} cannot be read: {error.strerror}") from error
        if left:
            raise DataError(f"a temporary file in {roomy_folder()} is shorter than what was written to it")


Kept = NDArray[Any] | OnDisk
"""An array that a store keeps: it has a length, a dtype, and slices of rows."""


def joined(parts: Sequence[Kept]) -> NDArray[Any]:
    """
    Return the parts as one new array in memory, of the type that `np.concatenate` gives.

    But whole numbers stay whole: of int64 and uint64, it would make doubles, which tell few large numbers apart.
    """
    whole = np.empty(sum(map(len, parts)), _common_dtype(parts))
    start = 0
    for part in parts:
        target = whole[start : start + len(part)]
        start += len(part)
        if isinstance(part, OnDisk) and part.dtype == whole.dtype:
            part.read_into(target)
        else:
            target[:] = part[:]
    return whole


def _common_dtype(parts: Sequence[Kept]) -> np.dtype[Any]:
    if {part.dtype.kind for part in parts} == {"i", "u"}:
        signed = (part for part in parts if part.dtype.kind == "i")
        if all(part[:].min(initial=0) >= 0 for part in signed):
            return np.dtype(np.uint64)
    return np.result_type(*(part.dtype for part in parts))


class Store:
    """
    Keeps arrays in memory, until they are more than `memory` bytes: the others go into a file. None: all in memory.

    Two threads may share it. A context: at its end the file is gone.
    """

    def __init__(self, memory: int | None = None, open_file: Callable[[], IO[bytes]] = unnamed_file) -> None:
        self._left = memory
        self._open_file = open_file
        self._file: SharedFile | None = None
        self._lock = Lock()
        self._stopped = False

    @classmethod
    def of_quarter(cls) -> Store:
        """Return a store that takes a quarter of the memory that is available: the rest is to read and compute with."""
        left = available()
        return cls(None if left is None else left // 4)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._file is not None:
            self._file.close()

    @property
    def octets_on_disk(self) -> int:
        """How much did not stay in memory."""
        return self._file.written if self._file else 0

    def has_room(self, octets: int) -> bool:
        """Whether so many bytes more would stay in memory."""
        return self._left is None or octets <= self._left

    def keep(self, values: Kept) -> Kept:
        """Keep an array of one dimension, which nobody changes any more; raise DataError where no disk takes it."""
        if self._stopped:
            raise StoppedError
        if self._left is None or isinstance(values, OnDisk):
            return values
        with self._lock:
            if values.nbytes <= self._left:
                self._left -= values.nbytes
                return values
            self._left = 0  # what is still small enough would only take memory from those who compute
        return self.move(values)

    def stop(self) -> None:
        """Have whoever keeps anything more, in another thread, end with a StoppedError."""
        self._stopped = True

    def move(self, values: Kept) -> OnDisk:
        """Put an array on disk, if it is not there; raise DataError where no disk takes it."""
        if isinstance(values, OnDisk):
            return values
        try:
            return self._written_out(values)
        except OSError as error:
            folder, gigabytes = roomy_folder(), self.octets_on_disk / _GB
            raise DataError(
                f"the data is larger than the memory that is left, and after {gigabytes:.1f} GB {folder} takes no more"
                f" of it ({error.strerror}): set TMPDIR to a folder on another disk, or let sampling keep fewer rows"
            ) from error

    def scratch(self) -> Store:
        """Return a store for what is computed on the way: with the memory that is left here, and a file of its own."""
        return Store(self._left, self._open_file)

    def _written_out(self, values: NDArray[Any]) -> OnDisk:
        with self._lock:
            if self._file is None:
                self._file = SharedFile(self._open_file())
        offset = self._file.append(np.ascontiguousarray(values).view(np.uint8).data)
        return OnDisk(self._file, offset, len(values), values.dtype)


IN_MEMORY = Store()
"""Keeps everything in memory."""
