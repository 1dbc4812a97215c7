"""
The result of `data_quality`: frozen values, complete enough to write the profile and to draw the report.

`evidently_cli.report.sections.data_quality` computes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from evidently_cli.report.drift import Overlay, Track
from evidently_cli.report.quality_plots import ByTarget, LabelsInTime, RowsInTime
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.section import Summary, profile_data
from evidently_cli.report.wording import counted, label, percent

Value = str | int | float | bool
QualityType = Literal["num", "cat", "datetime"]
QualityRole = Literal["target", "prediction", "date", "feature"]

_ALMOST = 0.95  # the share of rows from which a column is almost constant, or almost empty
_SHOWN = 10  # columns in a terminal


@dataclass(frozen=True, slots=True)
class Statistics:
    """
    One column of one file. Nothing is rounded here: the profile rounds as 0.1.x did, the page to four digits.

    The most common value is None where a missing one is more common than each other; of two values that are equally
    common, it is the smaller. Infinite values are values: a mean with one inside is infinite, or not a number.
    """

    feature_type: QualityType
    rows: int
    count: int  # rows with a value
    unique: int  # distinct values
    common: Value | None  # the most common value, or None where there is none at all
    common_count: int
    infinite: int | None = None
    quartiles: tuple[float, float, float] | None = None  # linear interpolation
    maximum: Value | None = None
    minimum: Value | None = None
    mean: float | None = None
    std: float | None = None  # of a sample (ddof 1)
    new_labels: int | None = None  # in current only, a missing value being a label
    unused_labels: int | None = None  # in reference only

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - self.count

    @property
    def constant(self) -> bool:
        """Whether all rows have the same value."""
        return self.unique == 1 and not self.missing

    @property
    def empty(self) -> bool:
        """Whether no row has a value."""
        return not self.count

    @property
    def almost_constant(self) -> bool:
        """Whether 95 % of the rows, but not all, have the same value."""
        return not self.constant and bool(self.count) and self.common_count >= _ALMOST * self.rows

    @property
    def almost_empty(self) -> bool:
        """Whether 95 % of the rows, but not all, have no value."""
        return not self.empty and self.missing >= _ALMOST * self.rows

    def share(self, rows: int) -> float:
        """Return this number of rows as a share of all."""
        return rows / self.rows if self.rows else 0.0

    def to_dict(self) -> dict[str, object]:
        """Return the statistics with the keys and the rounding of Evidently 0.1.x; what does not apply is left out."""
        head: dict[str, object] = {"feature_type": self.feature_type, "number_of_rows": self.rows, "count": self.count}
        if not self.rows:
            return head
        is_number = self.feature_type == "num"
        common = _digits(self.common, 5) if is_number else self.common
        missing_wins = self.missing > self.common_count
        quartiles = self.quartiles or (None, None, None)
        applicable = {
            "infinite_count": self.infinite,
            "infinite_percentage": None if self.infinite is None else self._percentage(self.infinite),
            "missing_count": self.missing,
            "missing_percentage": self._percentage(self.missing),
            "unique_count": self.unique,
            "unique_percentage": self._percentage(self.unique),
            "percentile_25": _digits(quartiles[0], 2),
            "percentile_50": _digits(quartiles[1], 2),
            "percentile_75": _digits(quartiles[2], 2),
            "max": _digits(self.maximum, 2),
            "min": _digits(self.minimum, 2),
            "mean": _digits(self.mean, 2),
            "most_common_value": math.nan if missing_wins else common,  # not a number: null in the profile
            "most_common_value_percentage": self._percentage(self.missing if missing_wins else self.common_count),
            "std": _digits(self.std, 2),
            "most_common_not_null_value": common if missing_wins else None,
            "most_common_not_null_value_percentage": (
                self._percentage(self.common_count) if missing_wins and self.count else None
            ),
            "new_in_current_values_count": self.new_labels,
            "unused_in_current_values_count": self.unused_labels,
        }
        return head | {key: value for key, value in applicable.items() if value is not None}

    def _percentage(self, rows: int) -> Value | None:
        return _digits(100 * rows / self.rows, 2)


def _digits(value: Value | None, digits: int) -> Value | None:
    """Round a number as `numpy.round` does, which 0.1.x used: not always like Python's own `round`."""
    scale = 10.0**digits
    if not isinstance(value, float) or not math.isfinite(value * scale):
        return value
    return round(value * scale) / scale


@dataclass(frozen=True, slots=True)
class ColumnQuality:
    """
    One column in both files. `current` is None without a second file, or where that lacks the column.

    What follows `current` is only computed for a report. Without a second file the overlay's `current` is empty, and
    the track's current is the reference itself.
    """

    name: str
    role: QualityRole
    reference: Statistics
    current: Statistics | None
    overlay: Overlay | None = None  # its shares are of all rows with a value, whatever the cut leaves out
    track: Track | None = None
    rows_in_time: RowsInTime | None = None  # dates only
    labels_in_time: LabelsInTime | None = None  # categories only, and with a datetime column
    by_target: ByTarget | None = None

    @property
    def last(self) -> Statistics:
        """The file that a reader asks about: current, if it is there."""
        return self.current or self.reference


@dataclass(frozen=True, slots=True)
class Matrix:
    """One coefficient between all pairs of columns; NaN where it is not defined. The diagonal means nothing."""

    names: tuple[str, ...] = ()
    values: tuple[tuple[float, ...], ...] = ()

    def pairs(self) -> dict[tuple[str, str], float]:
        """Return each pair of columns whose coefficient is defined, once."""
        return {
            (self.names[row], self.names[column]): self.values[row][column]
            for row in range(len(self.names))
            for column in range(row)
            if math.isfinite(self.values[row][column])
        }

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Return the coefficients by column and other column."""
        return {
            name: {other: value for other, value in zip(self.names, row, strict=True) if other != name}
            for name, row in zip(self.names, self.values, strict=True)
        }


@dataclass(frozen=True, slots=True)
class Correlations:
    """The coefficients of one file. A matrix with fewer than two columns is empty."""

    pearson: Matrix = Matrix()
    spearman: Matrix = Matrix()
    kendall: Matrix = Matrix()
    cramer_v: Matrix = Matrix()

    def items(self) -> Iterator[tuple[str, Matrix]]:
        """List each coefficient under its key in a profile."""
        for key in ("pearson", "spearman", "kendall", "cramer_v"):
            yield key, getattr(self, key)

    def to_dict(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return all coefficients, as Evidently 0.1.x did."""
        return {key: matrix.to_dict() for key, matrix in self.items()}


@dataclass(frozen=True, slots=True)
class FileQuality:
    """One whole file: all its columns count here, also those without a part, such as the id."""

    rows: int
    columns: int
    duplicate_rows: int  # that repeat an earlier row in every column
    missing_cells: int
    constant: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    almost_constant: tuple[str, ...] = ()
    almost_empty: tuple[str, ...] = ()
    correlations: Correlations = Correlations()

    @property
    def missing_share(self) -> float:
        """The share of all cells that have no value."""
        return self.missing_cells / (self.rows * self.columns) if self.rows * self.columns else 0.0

    def to_dict(self) -> dict[str, object]:
        """Return what 0.1.x showed in its dashboard only."""
        return {
            "number_of_rows": self.rows,
            "number_of_columns": self.columns,
            "duplicate_rows": self.duplicate_rows,
            "missing_cells": self.missing_cells,
            "missing_cells_percentage": _digits(100 * self.missing_share, 2),
            "constant_columns": self.constant,
            "empty_columns": self.empty,
            "almost_constant_columns": self.almost_constant,
            "almost_empty_columns": self.almost_empty,
        }


@dataclass(frozen=True, slots=True)
class DataQuality:
    """
    What is in the files: each column, each file as a whole, and how columns hang together.

    The columns stand in the order target, prediction, dates, categorical features, numeric features.
    """

    columns: tuple[ColumnQuality, ...]
    reference: FileQuality
    current: FileQuality | None
    notices: tuple[Notice, ...] = ()
    roles: Roles = field(default_factory=Roles)

    @property
    def drifted(self) -> None:
        """Nothing is compared with a limit here."""
        return

    @property
    def files(self) -> Mapping[str, FileQuality]:
        """The files that there are, under their names in a profile."""
        return {"reference": self.reference} | ({"current": self.current} if self.current else {})

    @property
    def headline(self) -> str:
        """How much is missing in the file that a reader asks about: current, if it is there."""
        name, file = list(self.files.items())[-1]
        if not file.missing_cells:
            return f"No cell in {name} is missing"
        return f"{percent(file.missing_share, 1)} of the cells in {name} are missing"

    def summary(self) -> Summary:
        """Say how much is missing, and list the columns that miss most."""
        file = list(self.files.values())[-1]
        gaps = sorted(
            (column for column in self.columns if column.last.missing),
            key=lambda column: (-column.last.missing, column.name),
        )
        facts = (
            *([counted(len(file.constant), "constant column")] if file.constant else []),
            *([counted(len(file.empty), "empty column")] if file.empty else []),
            *([counted(file.duplicate_rows, "duplicate row")] if file.duplicate_rows else []),
        )
        return Summary(
            "; ".join((self.headline, *facts)),
            tuple(
                (label(column.name, 40), "missing", percent(column.last.share(column.last.missing), 1))
                for column in gaps[:_SHOWN]
            ),
            numeric=frozenset({2}),
            left_out=max(0, len(gaps) - _SHOWN),
        )

    def to_dict(self) -> dict[str, object]:
        """
        Return the `data` of the profile's section, with the keys of Evidently 0.1.x.

        `summary` is new: per file, what 0.1.x showed in its dashboard only.
        """
        metrics = {
            file: {
                column.name: statistics.to_dict()
                for column in self.columns
                if (statistics := column.reference if file == "reference" else column.current) is not None
            }
            for file in self.files
        }
        return profile_data(self.roles, metrics, self.notices) | {
            "correlations": {name: file.correlations.to_dict() for name, file in self.files.items()},
            "summary": {name: file.to_dict() for name, file in self.files.items()},
        }
