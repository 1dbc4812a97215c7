"""What a report draws of a regression: rows counted in cells and bins, and averaged over time."""

from __future__ import annotations

import numpy as np

from evidently_cli.report.columns import Dates, Numbers, Table
from evidently_cli.report.histogram import Floats, bin_counts, uniform_edges
from evidently_cli.report.regression import GROUPS, Course, Plots
from evidently_cli.report.regression_rows import Rows
from evidently_cli.report.track import Groups

_CELLS = 30
_MOST_BINS = 50
_LARGEST_RATIO = 1e300  # of an error to a target that is next to nothing


def plots(rows: Rows, date: str | None) -> Plots:
    """
    Count and average the usable rows of one file.

    30 x 30 cells span target and prediction together; the errors have a bin per square root of rows, at most 50; the
    averages follow the datetime column where the file has dates in it, else the order of its rows.
    """
    first = min(rows.target.min(), rows.prediction.min())
    last = max(rows.target.max(), rows.prediction.max())
    edges = uniform_edges(first, last, _CELLS)
    places = (rows.groups * _CELLS + _bins(rows.prediction, edges)) * _CELLS + _bins(rows.target, edges)
    counts = np.bincount(places, minlength=len(GROUPS) * _CELLS**2).reshape(len(GROUPS), _CELLS, _CELLS)
    bins = min(_MOST_BINS, int(np.ceil(np.sqrt(len(rows)))))
    error_edges = uniform_edges(rows.ascending[0], rows.ascending[-1], bins)
    return Plots(
        edges=tuple(edges.tolist()),
        cells=tuple(tuple(tuple(line) for line in group) for group in counts.tolist()),
        course=_course(rows, date),
        error_edges=tuple(error_edges.tolist()),
        error_counts=tuple(bin_counts(rows.ascending, error_edges).tolist()),
    )


def _bins(values: Floats, edges: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    places: np.ndarray[tuple[int], np.dtype[np.int64]] = np.searchsorted(edges[1:-1], values, side="right")
    return places


def _course(rows: Rows, date: str | None) -> Course:
    x_title, groups = _in_time(rows.table, date)
    size = np.abs(rows.target)
    ratio = np.divide(np.abs(rows.error), size, out=np.full(len(rows), np.nan), where=size > 0)
    ratio[ratio > _LARGEST_RATIO] = np.nan

    def means(values: Floats) -> tuple[float | None, ...]:
        whole = np.full(rows.table.rows, np.nan)  # a row that is left out keeps its place in the file
        whole[rows.usable] = values
        return groups.means_lows_highs(Numbers((whole,)))[0]

    return Course(x_title, groups.x, means(rows.target), means(rows.prediction), means(rows.error), means(ratio))


def _in_time(table: Table, date: str | None) -> tuple[str, Groups]:
    column = table.columns.get(date) if date is not None else None
    if date is not None and isinstance(column, Dates):
        dates = column.values
        if not np.isnat(dates).all():
            return date, Groups.by_date(dates)
    return "row", Groups.by_row(table.rows)
