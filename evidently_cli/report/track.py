"""A numeric column over time, or over the rows of its file, in at most 150 points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.columns import Dates, Numbers, Table
from evidently_cli.report.drift import Track
from evidently_cli.report.histogram import Floats

_MOST_POINTS = 150


@dataclass(frozen=True, slots=True)
class Groups:
    """The rows of one file in groups of neighbours; the same for each of its columns."""

    order: NDArray[np.intp] | slice  # which rows, in the order of x
    starts: NDArray[np.intp]  # where each group begins in that order
    x: tuple[str | float, ...]

    @classmethod
    def by_row(cls, rows: int) -> Groups:
        """Group by row number, counted from 1: groups of (almost) equal size."""
        points = min(rows, _MOST_POINTS)
        bounds = np.arange(points + 1) * rows // points
        return cls(slice(None), bounds[:-1], tuple(((bounds[:-1] + 1 + bounds[1:]) / 2).tolist()))

    @classmethod
    def by_date(cls, dates: NDArray[np.datetime64]) -> Groups:
        """Group by date: one group for each, or by equal spans of time where there are more than 150."""
        order = np.argsort(dates, kind="stable")[: np.count_nonzero(~np.isnat(dates))]  # NaT sorts last
        instants = dates[order]
        elapsed = (instants - instants[0]).astype(np.int64)
        changes = np.flatnonzero(np.diff(elapsed)) + 1
        if len(changes) >= _MOST_POINTS:
            span = (elapsed / (elapsed[-1] + 1) * _MOST_POINTS).astype(np.int64)
            changes = np.flatnonzero(np.diff(span)) + 1
        starts = np.concatenate([[0], changes])
        ends = np.append(changes, len(instants)) - 1
        centres = instants[starts] + (instants[ends] - instants[starts]) // 2
        return cls(order, starts, tuple(np.datetime_as_string(centres, unit="s").tolist()))

    def means_lows_highs(self, column: Numbers) -> tuple[tuple[float | None, ...], ...]:
        """Return the mean, minimum and maximum of each group's finite values."""
        values = column.values.astype(np.float64, copy=False)[self.order]
        finite = np.isfinite(values)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            means = np.add.reduceat(np.where(finite, values, 0.0), self.starts) / np.add.reduceat(
                finite, self.starts, dtype=np.int64
            )
        lows = np.minimum.reduceat(np.where(finite, values, np.inf), self.starts)
        highs = np.maximum.reduceat(np.where(finite, values, -np.inf), self.starts)
        return tuple(_finite_or_none(points) for points in (means, lows, highs))


@dataclass(frozen=True, slots=True)
class Axis:
    """The x-axis of all tracks."""

    title: str  # the name of the datetime column, or "row"
    reference: Groups
    current: Groups

    @classmethod
    def of(cls, reference: Table, current: Table, date: str | None) -> Axis:
        """Use the datetime column if both files have dates in it, else row numbers."""
        dates = [table.columns.get(date) if date is not None else None for table in (reference, current)]
        values = [column.values for column in dates if isinstance(column, Dates)]
        if date is not None and len(values) == len(dates) and not any(np.isnat(each).all() for each in values):
            return cls(date, *(Groups.by_date(each) for each in values))
        return cls("row", *(Groups.by_row(table.rows) for table in (reference, current)))

    def track(self, reference: Numbers, current: Numbers, clean_reference: Floats) -> Track | None:
        """Return the track of one column, or None where its values are too large to average."""
        with np.errstate(over="ignore", invalid="ignore"):
            mean, std = float(np.mean(clean_reference)), float(np.std(clean_reference))
        if not np.isfinite([mean, std]).all():
            return None
        reference_mean, _, _ = self.reference.means_lows_highs(reference)
        current_mean, current_low, current_high = self.current.means_lows_highs(current)
        return Track(
            x_title=self.title,
            reference_x=self.reference.x,
            reference_mean=reference_mean,
            current_x=self.current.x,
            current_mean=current_mean,
            current_low=current_low,
            current_high=current_high,
            band_mean=mean,
            band_std=std,
        )


def _finite_or_none(points: Floats) -> tuple[float | None, ...]:
    return tuple(point if finite else None for point, finite in zip(points.tolist(), np.isfinite(points), strict=True))
