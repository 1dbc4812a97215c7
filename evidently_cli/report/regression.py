"""
The result of `regression_performance`: frozen values, complete enough to write the profile and to draw the report.

`evidently_cli.report.sections.regression_performance` computes them. An error is prediction - target, in the unit of
the target. A number that is not defined (the standard deviation of one row) is NaN: null in the profile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evidently_cli.report.cut import Cut
from evidently_cli.report.drift import FeatureType
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.section import Summary, profile_data
from evidently_cli.report.wording import number

File = Literal["reference", "current"]
GROUPS = ("majority", "underestimation", "overestimation")  # the order of everything that comes in three


@dataclass(frozen=True, slots=True)
class GroupError:
    """The errors of one group of rows: their mean and sample standard deviation."""

    mean_error: float
    std_error: float


@dataclass(frozen=True, slots=True)
class Normality:
    """
    The errors (y, ascending) against the quantiles of the standard normal distribution (x), and the line through them.

    As `scipy.stats.probplot`. The line is fitted to all rows; of more than 10 000 rows, x and y keep at most 1000
    evenly spaced points, the first and the last among them.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    slope: float
    intercept: float
    r: float


@dataclass(frozen=True, slots=True)
class Course:
    """Means over neighbouring rows, at most 150 points: None where a group has no rows to average."""

    x_title: str  # the name of the datetime column, or "row"
    x: tuple[str | float, ...]  # the centre of each group; ISO text for dates
    target: tuple[float | None, ...]
    prediction: tuple[float | None, ...]
    error: tuple[float | None, ...]
    abs_perc_error: tuple[float | None, ...]  # a share of the absolute target; rows with target 0 are left out


@dataclass(frozen=True, slots=True)
class Plots:
    """What a report draws of one file: counts and means, never single rows."""

    edges: tuple[float, ...]  # of the cells, for target and prediction alike
    cells: tuple[tuple[tuple[int, ...], ...], ...]  # rows[group][prediction's bin][target's bin]
    course: Course
    error_edges: tuple[float, ...]
    error_counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """
    How well one file is predicted; std is the sample standard deviation (ddof 1).

    The rows of a group: underestimation has the errors up to their 5 % quantile, overestimation those from the 95 %
    quantile on, majority those between.
    """

    rows: int  # used: those with a finite target and prediction
    mean_error: float
    mean_abs_error: float
    mean_abs_perc_error: float  # 100 x mean(|error| / max(target, 2.2e-16)), as 0.1.x: negative targets explode
    error_std: float
    abs_error_std: float
    abs_perc_error_std: float  # of the same ratio, not in percent, as 0.1.x
    rmse: float
    r2_score: float  # NaN for a constant target
    max_abs_error: float
    mean_abs_perc_error_of_abs_target: float  # 100 x mean(|error| / |target|) over the rows with a target other than 0
    not_positive: int  # rows with a target of zero or below
    error_normality: Normality
    underperformance: tuple[GroupError, ...]  # in the order of GROUPS
    plots: Plots | None  # only computed for a report

    def to_dict(self) -> dict[str, object]:
        """Return the keys of Evidently 0.1.x, then ours."""
        normality = self.error_normality
        groups = zip(GROUPS, self.underperformance, strict=True)
        return {
            "mean_error": self.mean_error,
            "mean_abs_error": self.mean_abs_error,
            "mean_abs_perc_error": self.mean_abs_perc_error,
            "error_std": self.error_std,
            "abs_error_std": self.abs_error_std,
            "abs_perc_error_std": self.abs_perc_error_std,
            "error_normality": {
                "order_statistic_medians_x": normality.x,
                "order_statistic_medians_y": normality.y,
                "slope": normality.slope,
                "intercept": normality.intercept,
                "r": normality.r,
            },
            "underperformance": {
                name: {"mean_error": group.mean_error, "std_error": group.std_error} for name, group in groups
            },
            "rmse": self.rmse,
            "r2_score": self.r2_score,
            "max_abs_error": self.max_abs_error,
            "mean_abs_perc_error_of_abs_target": self.mean_abs_perc_error_of_abs_target,
            "rows": self.rows,
        }


GroupValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class GroupValues:
    """
    What is typical of a feature in all rows (`majority`, as 0.1.x calls it) and in the two groups of large errors.

    The mean of a numeric feature, whose `range` is 100 x |over - under| / (maximum - minimum); the most common value
    of a categorical one, whose `range` is 1.0 if any of the three differ, else 0.0. None, or NaN, without values.
    """

    majority: GroupValue
    under: GroupValue
    over: GroupValue
    range: float


@dataclass(frozen=True, slots=True)
class Spread:
    """
    A feature in each group, as shares of the group's rows that have a value: shares[group][bin or label].

    `edges` is set for a numeric feature (20 bins, or one for each of few whole numbers), `labels` for a categorical
    one: at most 12, where the last may be "7 other labels" (`merged` = 7). Both files have the same. A group without
    values has shares of 0. What a cut leaves out is missing from the shares, which then sum to less than 1.
    """

    labels: tuple[str, ...] | None
    edges: tuple[float, ...] | None
    shares: tuple[tuple[float, ...], ...]
    merged: int = 0
    cut: Cut | None = None
    left_out: tuple[float, ...] = ()  # with a cut: the share of each group's values that it leaves out


@dataclass(frozen=True, slots=True)
class FeatureBias:
    """Whether large errors go with certain values of one feature."""

    name: str
    feature_type: FeatureType
    reference: GroupValues
    current: GroupValues | None
    reference_spread: Spread | None  # only computed for a report
    current_spread: Spread | None

    @property
    def largest_range(self) -> float:
        """The larger range of the two files, -1 where neither is defined."""
        ranges = [values.range for values in (self.reference, self.current) if values is not None]
        return max((value for value in ranges if math.isfinite(value)), default=-1.0)

    def to_dict(self) -> dict[str, object]:
        """Return the entry of `error_bias`, with the keys of Evidently 0.1.x."""
        files = (("ref", self.reference), ("current", self.current))
        return {"feature_type": self.feature_type} | {
            f"{prefix}_{key}": value
            for prefix, values in files
            if values is not None
            for key, value in (
                ("majority", values.majority),
                ("under", values.under),
                ("over", values.over),
                ("range", values.range),
            )
        }


@dataclass(frozen=True, slots=True)
class RegressionPerformance:
    """How well a numeric target is predicted, in the reference and (where it has usable rows) in current."""

    reference: Quality
    current: Quality | None
    error_bias: tuple[FeatureBias, ...]
    notices: tuple[Notice, ...]
    n_sigmas: int = 1  # the half-width of the band around the mean error, in standard deviations
    roles: Roles = field(default_factory=Roles)

    @property
    def drifted(self) -> None:
        """The section measures errors and judges no drift."""
        return

    @property
    def headline(self) -> str:
        """The mean absolute error, in words."""
        reference = number(self.reference.mean_abs_error)
        if self.current is None:
            return f"Mean absolute error {reference} in the reference"
        return f"Mean absolute error {number(self.current.mean_abs_error)} in current, {reference} in the reference"

    def summary(self) -> Summary:
        """Say how large the errors are, and list the other numbers of both files."""
        files = [("reference", self.reference), *([("current", self.current)] if self.current else [])]
        rows = (
            ("mean error", *(f"{name} {defined(quality.mean_error)}" for name, quality in files)),
            ("RMSE", *(f"{name} {defined(quality.rmse)}" for name, quality in files)),
            ("R²", *(f"{name} {defined(quality.r2_score)}" for name, quality in files)),
        )
        return Summary(self.headline[0].lower() + self.headline[1:], rows)

    def to_dict(self) -> Mapping[str, object]:
        """Return the `data` of the profile's section, with the keys of Evidently 0.1.x."""
        metrics: dict[str, object] = {
            "error_bias": {feature.name: feature.to_dict() for feature in self.error_bias},
            "reference": self.reference.to_dict(),
        }
        if self.current is not None:
            metrics["current"] = self.current.to_dict()
        return profile_data(self.roles, metrics, self.notices)


def defined(value: float) -> str:
    """Return a number in words, where NaN stands for one that is not defined."""
    return "undefined" if math.isnan(value) else number(value)
