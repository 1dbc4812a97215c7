"""The rows of one file that a regression can be judged by, and which group each belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.columns import Numbers, Table
from evidently_cli.report.errors import SectionError, quoted
from evidently_cli.report.histogram import Floats
from evidently_cli.report.regression import File

_LARGEST = 4e307  # differences of two errors of this size are still finite


@dataclass(frozen=True)
class Rows:
    """The usable rows of one file, in its order."""

    file: File
    table: Table
    usable: NDArray[np.bool_]  # one for each row of the table
    target: Floats
    prediction: Floats

    @classmethod
    def of(cls, file: File, table: Table, target: str, prediction: str) -> Rows:
        """Take the rows with a finite target and prediction; raise SectionError where one is not a number column."""
        both = _numbers(file, table, target, "target"), _numbers(file, table, prediction, "prediction")
        usable = (np.abs(both[0]) <= _LARGEST) & (np.abs(both[1]) <= _LARGEST)
        return cls(file, table, usable, both[0][usable], both[1][usable])

    def __len__(self) -> int:
        return len(self.target)

    @cached_property
    def error(self) -> Floats:
        """Prediction - target."""
        return self.prediction - self.target

    @cached_property
    def ascending(self) -> Floats:
        """The errors in order."""
        return np.sort(self.error)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The 5 % and the 95 % quantile of the errors (linear)."""
        low, high = np.quantile(self.ascending, [0.05, 0.95])
        return float(low), float(high)

    @cached_property
    def masks(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Which rows are in each of GROUPS. Where both limits are equal, a row is under and over at once."""
        low, high = self.limits
        return (self.error > low) & (self.error < high), self.error <= low, self.error >= high

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """The group of each row, as its place in GROUPS: one only, and majority for a row that is under and over."""
        _, under, over = self.masks
        return np.where(under == over, 0, np.where(under, 1, 2))


def mean(values: Floats) -> float:
    """Return the mean; NaN of nothing."""
    return float(np.mean(values)) if len(values) else np.nan


def sample_std(values: Floats) -> float:
    """Return the standard deviation with ddof 1; NaN of fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def _numbers(file: File, table: Table, name: str, role: str) -> Floats:
    column = table.columns[name]
    if not isinstance(column, Numbers):
        raise SectionError(
            f"regression_performance: the {role} {quoted(name)} (column_mapping.{role}) has values that are"
            f" not numbers in the {file} file"
        )
    return column.values.astype(np.float64, copy=False)
