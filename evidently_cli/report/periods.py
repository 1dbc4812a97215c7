"""Periods of the calendar: dates in days, weeks or years, whichever gives a readable number of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.quality_plots import TimeBins

_UNITS = (  # from fine to coarse: name, numpy's code, and the characters of an ISO date that name a period
    ("second", "s", 19),
    ("minute", "m", 16),
    ("hour", "h", 16),
    ("day", "D", 10),
    ("week", "W", 10),
    ("month", "M", 7),
    ("quarter", "3M", 7),
    ("year", "Y", 4),
    ("decade", "10Y", 4),
    ("hundred years", "100Y", 4),
    ("thousand years", "1000Y", 4),
)
_MONDAY = 3  # days from a Monday to the first of January 1970: weeks begin on Mondays

Dates = NDArray[np.datetime64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Periods:
    """Neighbouring periods of one unit that hold all dates of some files."""

    unit: int  # its place in _UNITS
    first: int  # periods from 1970 on
    count: int

    @classmethod
    def of(cls, files: Sequence[Dates], near: int) -> Periods | None:
        """
        Choose the unit whose number of periods is closest to `near`, which is below twice that; None without dates.

        No unit is finer than the dates are: for dates of whole days, hours would be gaps between spikes.
        """
        known = [dates[~np.isnat(dates)] for dates in files]
        known = [dates for dates in known if len(dates)]
        if not known:
            return None
        ends = np.array([min(dates.min() for dates in known), max(dates.max() for dates in known)])
        spans = [_indices(ends, code) for _, code, _ in _UNITS]
        counts = [int(last - first) + 1 for first, last in spans]
        unit = min(range(_resolution(known), len(_UNITS)), key=lambda unit: abs(counts[unit] - near))
        return cls(unit, int(spans[unit][0]), counts[unit])

    @property
    def bins(self) -> TimeBins:
        """The periods as a report draws them."""
        name, code, length = _UNITS[self.unit]
        starts = _starts(np.arange(self.first, self.first + self.count + 1), code).astype("datetime64[s]")
        centres = starts[:-1] + np.diff(starts) // 2
        edges = np.datetime_as_string(starts, unit="s").tolist()
        return TimeBins(
            unit=name,
            edges=tuple(edges),
            centres=tuple(np.datetime_as_string(centres, unit="s").tolist()),
            names=tuple(edge[:length].replace("T", " ") for edge in edges[:-1]),
        )

    def codes(self, dates: Dates) -> NDArray[np.intp]:
        """Return the number of each row's period, -1 for a row without a date."""
        known = ~np.isnat(dates)
        codes = np.full(len(dates), -1, np.intp)
        codes[known] = _indices(dates[known], _UNITS[self.unit][1]) - self.first
        return codes

    def rows(self, dates: Dates) -> NDArray[np.int64]:
        """Count the rows of each period."""
        codes = self.codes(dates)
        return np.bincount(codes[codes >= 0], minlength=self.count)


def _resolution(files: Sequence[Dates]) -> int:
    """Return the coarsest unit, at most a year, at whose starts all dates are."""
    years = next(place for place, (name, _, _) in enumerate(_UNITS) if name == "year")
    for unit in range(years, 0, -1):
        code = _UNITS[unit][1]
        if all((_starts(_indices(dates, code), code) == dates).all() for dates in files):
            return unit
    return 0


def _indices(dates: Dates, code: str) -> Indices:
    if code == "W":
        return (dates.astype("datetime64[D]").astype(np.int64) + _MONDAY) // 7
    return dates.astype(f"datetime64[{code}]").astype(np.int64)


def _starts(indices: Indices, code: str) -> Dates:
    if code == "W":
        return (indices * 7 - _MONDAY).astype("datetime64[D]")
    return indices.astype(f"datetime64[{code}]")
