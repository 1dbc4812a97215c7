"""A data file: compact columns of three types, each in memory or, where there is too little of it, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.store import IN_MEMORY, Kept, Store, joined

Label = str | int | float | bool
DateOrder = Literal["day", "month", "assumed"]
"""What comes first in dates such as 03/04/2020: as a day above 12 shows, or the month, for want of one."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers, in the pieces it was read in: joining all columns for good would need their memory twice."""

    parts: tuple[Kept, ...]

    @property
    def values(self) -> NDArray[np.int64] | NDArray[np.uint64] | NDArray[np.float64]:
        """The numbers: int64 or uint64 where the whole file has whole numbers only, else float64 (NaN: missing)."""
        return joined(self.parts)

    def finite(self) -> NDArray[np.float64]:
        """The values that are neither missing nor infinite, in row order."""
        values = self.values.astype(np.float64, copy=False)
        finite = np.isfinite(values)
        return values if finite.all() else values[finite]

    def distinct(self) -> int:
        """How many different values there are, missing ones not counted."""
        values = self.values
        return len(np.unique(values[~np.isnan(values)]))


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of text, or of truth values: a code per row (-1: missing), and the label of each code."""

    parts: tuple[Kept, ...]
    labels: tuple[str, ...] | tuple[bool, ...]

    @property
    def codes(self) -> NDArray[np.int32]:
        """The code of each row. A label may be left without any: sampling can drop all its rows."""
        return joined(self.parts)


@dataclass(frozen=True, slots=True)
class Dates:
    """A column of instants without a time zone, to the microsecond; those that had one are in UTC."""

    parts: tuple[Kept, ...]
    order: DateOrder | None = None  # None: they were no text, or of a form in which the question does not arise

    @property
    def values(self) -> NDArray[np.datetime64]:
        """The instants (NaT: missing)."""
        return joined(self.parts)


Column = Numbers | Labels | Dates

_EXACT = 2**53  # doubles hold every whole number up to here


def offset(*columns: NDArray[np.generic]) -> int | None:
    """Return the least of some whole numbers when doubles would not tell all of them apart, and None otherwise."""
    if any(values.dtype.kind not in "iu" or not len(values) for values in columns):
        return None
    least, most = min(int(values.min()) for values in columns), max(int(values.max()) for values in columns)
    return least if max(-least, most) > _EXACT else None


def above(values: NDArray[np.generic], base: int) -> NDArray[np.float64]:
    """Return whole numbers less another that is none of them greater: exact up to 2**53, whatever they are."""
    return (values.astype(np.uint64) - np.uint64(base % 2**64)).astype(np.float64)  # modulo 2**64, as differences are


@dataclass(frozen=True, slots=True)
class Table:
    """The kept rows of one file. `rows_read` counts the rows before sampling, `store` is where large arrays go."""

    name: str
    rows: int
    rows_read: int
    columns: Mapping[str, Column]
    store: Store = field(default=IN_MEMORY, repr=False, compare=False)

    def settled(self) -> Table:
        """Return the table with all columns on disk if any data had to go there: the memory is then to compute with."""
        if not self.store.octets_on_disk:
            return self
        columns = {
            name: replace(column, parts=tuple(map(self.store.move, column.parts)))
            for name, column in self.columns.items()
        }
        return replace(self, columns=columns)
