"""What a report draws of each column of `data_quality`: distribution, over time, and by the target."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.columns import Column, Dates, Numbers, Table
from evidently_cli.report.config import QualityMetricsOptions
from evidently_cli.report.cut import Cut
from evidently_cli.report.errors import UntestableError
from evidently_cli.report.overlay import label_overlay, numeric_overlay
from evidently_cli.report.periods import Periods
from evidently_cli.report.quality import ColumnQuality, QualityType
from evidently_cli.report.quality_plots import ByTarget, LabelsInTime, RowsInTime
from evidently_cli.report.sections import Inputs
from evidently_cli.report.stattests.samples import CategoricalSamples, NumericSamples
from evidently_cli.report.target_behavior import Coded, Ordered, by_bin, coded_labels, coded_numbers
from evidently_cli.report.track import Axis

_BINS = 20  # of a distribution, and of a column that the target is told by
_PERIODS = 150  # of a date column, more or less
_STACKS = 30  # periods that can show a stack of labels
_MOST_LABELS = 6  # of a column over time and by the target: of more, the five most common and all others
_MOST_TARGETS = 7  # labels of a target
_MOST_DRAWN = 1e300  # near the largest double, neither an axis nor a rounded value can be told

Shares = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """The target in both files, or in the reference twice. `values` are set for a numeric one, `labels` for others."""

    name: str
    values: tuple[Ordered, Ordered] | None
    labels: Coded | None


@dataclass(frozen=True, slots=True)
class Time:
    """The rows of both files in periods of the datetime column; None for a file without dates in it."""

    date: str
    periods: Periods
    reference: NDArray[np.intp] | None
    current: NDArray[np.intp] | None


@dataclass(frozen=True, slots=True)
class ColumnPlots:
    """What all columns have in common: the files, the axis and periods of time, and the target."""

    reference: Table
    current: Table | None
    axis: Axis
    time: Time | None
    target: Target | None
    options: QualityMetricsOptions

    @classmethod
    def of(cls, inputs: Inputs, target_type: QualityType | None) -> ColumnPlots:
        """Prepare them, with the type that the target is described as; None where there is no target."""
        reference, current, date = inputs.reference, inputs.current, inputs.roles.date
        return cls(
            reference=reference,
            current=current,
            axis=Axis.of(reference, current or reference, date),
            time=None if date is None else _time(date, reference, current),
            target=_target(inputs.roles.target, target_type, reference, current or reference),
            options=inputs.config.options.quality_metrics,
        )

    def added(self, column: ColumnQuality) -> ColumnQuality:
        """Add the plots of one column; one without values in one of the files has nothing to draw."""
        before = self.reference.columns[column.name]
        now = self.current.columns[column.name] if self.current and column.current else before
        if column.reference.feature_type == "datetime":
            return replace(column, rows_in_time=_rows_in_time(before, now if column.current else None))
        try:
            if column.reference.feature_type == "num":
                return self._with_numbers(column, before, now)
            return self._with_labels(column, before, now)
        except UntestableError:
            return column

    def _with_numbers(self, column: ColumnQuality, before: Column, now: Column) -> ColumnQuality:
        if not isinstance(before, Numbers) or not isinstance(now, Numbers):  # text where numbers were
            return column
        numbers = NumericSamples.of(before, now)
        if max(np.abs([*numbers.reference[[0, -1]], *numbers.current[[0, -1]]])) > _MOST_DRAWN:
            return column
        cut = Cut.of(column.name, numbers.reference, self.options)
        overlay = numeric_overlay(numbers, _BINS, cut)
        return replace(
            column,
            overlay=overlay if column.current else replace(overlay, current=()),
            track=self.axis.track(before, now, numbers.reference),
            by_target=self._numbers_by_target(column.name, before, now, cut),
        )

    def _with_labels(self, column: ColumnQuality, before: Column, now: Column) -> ColumnQuality:
        overlay = label_overlay(CategoricalSamples.of(before, now).tally)
        labels = coded_labels(before, now, _MOST_LABELS)
        return replace(
            column,
            overlay=overlay if column.current else replace(overlay, current=()),
            labels_in_time=_labels_in_time(self.time, labels, alone=not column.current),
            by_target=self._labels_by_target(column.name, labels),
        )

    def _numbers_by_target(self, name: str, before: Numbers, now: Numbers, cut: Cut | None) -> ByTarget | None:
        target = self.target
        if target is None or target.name == name:
            return None
        if target.labels is not None:
            found = by_bin(target.labels, (Ordered.of(before), Ordered.of(now)))
            return ByTarget(target.name, bins_of_target=True, bins=target.labels.bins, found=found)
        if target.values is None:
            return None
        try:
            coded = coded_numbers(_kept(before, cut), _kept(now, cut), _BINS)
        except UntestableError:  # the cut has left nothing of current
            return None
        return ByTarget(target.name, bins_of_target=False, bins=coded.bins, found=by_bin(coded, target.values))

    def _labels_by_target(self, name: str, labels: Coded) -> ByTarget | None:
        target = self.target
        if target is None or target.name == name or (found := target.values or target.labels) is None:
            return None
        return ByTarget(target.name, bins_of_target=False, bins=labels.bins, found=by_bin(labels, found))


def _kept(column: Numbers, cut: Cut | None) -> Numbers:
    if cut is None:
        return column
    values = column.values.astype(np.float64)
    return Numbers((np.where(cut.inside(values), values, np.nan),))


def _target(name: str | None, feature_type: QualityType | None, reference: Table, current: Table) -> Target | None:
    """Return the target where it can be drawn: with values in both files, and none near the largest double."""
    if name is None:
        return None
    before, now = reference.columns[name], current.columns[name]
    if feature_type == "num" and isinstance(before, Numbers) and isinstance(now, Numbers):
        values = Ordered.of(before), Ordered.of(now)
        drawable = all(len(each.values) and np.abs(each.values[[0, -1]]).max() <= _MOST_DRAWN for each in values)
        return Target(name, values, None) if drawable else None
    try:
        return Target(name, None, coded_labels(before, now, _MOST_TARGETS))
    except UntestableError:
        return None


def _time(date: str, reference: Table, current: Table | None) -> Time | None:
    columns = [table.columns.get(date) if table else None for table in (reference, current)]
    dates = [column.values if isinstance(column, Dates) else None for column in columns]
    periods = Periods.of([each for each in dates if each is not None], _STACKS)
    if periods is None or periods.count == 1:
        return None
    return Time(date, periods, *(None if each is None else periods.codes(each) for each in dates))


def _rows_in_time(before: Column, now: Column | None) -> RowsInTime | None:
    if not isinstance(before, Dates):
        return None
    files = [before.values, *([now.values] if isinstance(now, Dates) else [])]
    periods = Periods.of(files, _PERIODS)
    if periods is None or periods.count == 1:
        return None
    counts = [tuple(periods.rows(dates).tolist()) for dates in files]
    return RowsInTime(periods.bins, counts[0], counts[1] if len(counts) > 1 else None)


def _labels_in_time(time: Time | None, labels: Coded, *, alone: bool) -> LabelsInTime | None:
    if time is None:
        return None
    reference = _shares(time, time.reference, labels, labels.reference)
    current = None if alone else _shares(time, time.current, labels, labels.current)
    if reference is None and current is None:
        return None
    return LabelsInTime(time.date, time.periods.bins, labels.bins.labels or (), reference, current)


def _shares(time: Time, when: NDArray[np.intp] | None, labels: Coded, codes: NDArray[np.intp]) -> Shares | None:
    """Return the share of each label in the rows of each period."""
    if when is None:
        return None
    both = (when >= 0) & (codes >= 0)
    periods = time.periods.count
    cells = np.bincount(codes[both] * periods + when[both], minlength=labels.count * periods)
    counts = cells.reshape(labels.count, periods)
    rows = counts.sum(axis=0)
    if not rows.any():
        return None
    shares = (counts / np.maximum(rows, 1)).tolist()
    return tuple(tuple(share if some else None for share, some in zip(line, rows > 0, strict=True)) for line in shares)
