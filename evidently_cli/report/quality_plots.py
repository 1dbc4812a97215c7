"""What a report draws of a column beside its distribution: counts and shares, never single rows."""

from __future__ import annotations

from dataclasses import dataclass

from evidently_cli.report.target_drift import ByBin, FeatureBins


@dataclass(frozen=True, slots=True)
class TimeBins:
    """Neighbouring periods of the calendar, as ISO text: n names and centres, n + 1 edges."""

    unit: str  # "day"
    edges: tuple[str, ...]
    centres: tuple[str, ...]
    names: tuple[str, ...]  # a period's start, as far as it takes: "2026-01" is a month, or the quarter from there on


@dataclass(frozen=True, slots=True)
class RowsInTime:
    """How many rows of each file have their date in which period. `current` is None without a second file."""

    bins: TimeBins
    reference: tuple[int, ...]
    current: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class LabelsInTime:
    """
    A categorical column over the periods of the datetime column.

    `reference[label][period]` is the label's share of the rows that have a value and a date in the period; None in a
    period without such a row. At most 6 labels, where the last one may be "12 other labels". A file is None where it
    has no such row at all.
    """

    date: str  # the name of the datetime column
    bins: TimeBins
    labels: tuple[str, ...]
    reference: tuple[tuple[float | None, ...], ...] | None
    current: tuple[tuple[float | None, ...], ...] | None


@dataclass(frozen=True, slots=True)
class ByTarget:
    """
    A column and the target, by one another: the values or labels of one in the bins of the other.

    A numeric target is told by the bins of the column; a numeric column by the labels of a categorical target, so that
    `bins` are then those labels; two categories as shares of the target's labels in each label of the column. A column
    has 20 bins, or at most 6 labels, a target at most 7; the last may be "12 other labels". Without a second file,
    `current` of `found` is the reference once more.
    """

    target: str
    bins_of_target: bool
    bins: FeatureBins
    found: ByBin
