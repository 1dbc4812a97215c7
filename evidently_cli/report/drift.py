"""
The result of `data_drift`: frozen values, complete enough to write the profile and to draw the report.

`evidently_cli.report.sections.data_drift` computes them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Literal

from evidently_cli.report.config import DataDriftOptions
from evidently_cli.report.cut import Cut
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.section import Summary, profile_data
from evidently_cli.report.wording import counted, label, number, percents

FeatureType = Literal["num", "cat"]
Role = Literal["target", "prediction", "feature"]

_SHOWN = 10  # columns in a terminal
_SUMMARY = ("n_features", "n_drifted_features", "share_drifted_features", "dataset_drift")


@dataclass(frozen=True, slots=True)
class NumericHistogram:
    """Bars over `len(heights) + 1` ascending edges. Heights are densities: height x width sums to 1."""

    heights: tuple[float, ...]
    edges: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CategoryCounts:
    """How many rows have each label. The labels of both files are listed, so a count may be 0."""

    counts: tuple[int, ...]
    labels: tuple[str | int | float | bool, ...]


@dataclass(frozen=True, slots=True)
class Overlay:
    """
    Both files over the same bins or labels, as shares of each file's non-missing rows.

    `labels` is set for a categorical column: at most 30, where the last one may be "12 other labels" (`merged` = 12).
    `edges` is set for a numeric column: one more than there are shares. What `cut` leaves out is in none of them.
    """

    labels: tuple[str, ...] | None
    edges: tuple[float, ...] | None
    reference: tuple[float, ...]
    current: tuple[float, ...]
    cut: Cut | None = None
    merged: int = 0


@dataclass(frozen=True, slots=True)
class Track:
    """
    A numeric column over time, or over row numbers where there is no datetime column: at most 150 points per file.

    A point stands for a group of neighbouring rows; x is its centre (ISO text for dates). Its mean, low (minimum) and
    high (maximum) are taken over the finite values, and are None in a group without any. The band is the mean and
    the population standard deviation of the whole reference column.
    """

    x_title: str
    reference_x: tuple[str | float, ...]
    reference_mean: tuple[float | None, ...]
    current_x: tuple[str | float, ...]
    current_mean: tuple[float | None, ...]
    current_low: tuple[float | None, ...]
    current_high: tuple[float | None, ...]
    band_mean: float
    band_std: float


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One tested column. `score` is None when the result is not a finite number: such a column has not drifted."""

    name: str
    role: Role
    feature_type: FeatureType
    test: str  # the name a config uses: "ks"
    test_name: str  # the name a reader sees: "K-S p_value"
    is_p_value: bool
    score: float | None
    threshold: float
    drifted: bool
    reference_hist: NumericHistogram | CategoryCounts
    current_hist: NumericHistogram | CategoryCounts
    reference_missing: int  # rows without a finite value
    current_missing: int
    overlay: Overlay | None  # only computed for a report
    track: Track | None  # only computed for a report, and for numbers

    def to_dict(self) -> dict[str, object]:
        """Return what a profile tells of it, but for the histograms."""
        return {
            "feature_type": self.feature_type,
            "stattest_name": self.test_name,
            "drift_score": self.score,
            "drift_detected": self.drifted,
            "threshold": self.threshold,
            "feature_role": self.role,
            "ref_missing": self.reference_missing,
            "current_missing": self.current_missing,
        }

    @property
    def excess(self) -> float:
        """
        How far the score is past its threshold: 1 at the threshold itself, more for more drift, whatever the test.

        A distance counts in multiples of its threshold, a p-value in powers of ten below it, because that is how each
        of them grows with the difference: twice the threshold of a distance ranks with a tenth of the threshold of a
        p-value. A raw ratio would put every tiny p-value above every distance.
        """
        if self.score is None:
            return -math.inf
        if self.is_p_value:
            return 1 + _log10(self.threshold) - _log10(self.score)
        return self.score / self.threshold if self.threshold > 0 else math.inf


def _log10(value: float) -> float:
    return math.log10(max(value, 5e-324))  # a p-value that underflowed to 0 is as small as a float can say


@dataclass(frozen=True, slots=True)
class DataDrift:
    """
    Whether the current file has drifted away from the reference file: each column, and the whole.

    The columns stand in the order target, prediction, numeric features, categorical features. `dataset_drift` is true
    when the share of drifted columns among the tested ones is at least `drift_share`.
    """

    columns: tuple[ColumnDrift, ...]
    n_columns: int  # tested
    n_drifted: int
    share_drifted: float
    drift_share: float
    dataset_drift: bool
    notices: tuple[Notice, ...]
    n_not_tested: int = 0  # columns that could not be; `notices` say why
    roles: Roles = field(default_factory=Roles)
    options: DataDriftOptions = field(default_factory=DataDriftOptions)

    @property
    def ranked(self) -> list[ColumnDrift]:
        """The columns as a reader wants them: drifted ones first, then by how far each is past its threshold."""
        return sorted(self.columns, key=lambda column: (not column.drifted, -column.excess, column.name))

    @property
    def drifted(self) -> bool:
        """The verdict on the whole file."""
        return self.dataset_drift

    def summary(self) -> Summary:
        """Say how many columns drifted, and list those that drifted most."""
        share, limit = percents(self.share_drifted, self.drift_share)
        drifted = [column for column in self.ranked if column.drifted]
        return Summary(
            f"{self.n_drifted} of {counted(self.n_columns, 'column')} drifted ({share});"
            f" dataset drift is {'detected' if self.dataset_drift else 'not detected'} (limit {limit})"
            + (f"; {counted(self.n_not_tested, 'column')} not tested" if self.n_not_tested else ""),
            tuple(
                (label(column.name, 40), column.test_name, number(column.score or 0.0), against_limit(column))
                for column in drifted[:_SHOWN]
            ),
            numeric=frozenset({2}),
            left_out=max(0, len(drifted) - _SHOWN),
        )

    def to_dict(self) -> dict[str, object]:
        """
        Return the `data` of the profile's section, with the keys of Evidently 0.1.x.

        `metrics` is its flat object: four summary values, then one object per column under the column's name. The
        summary wins over a column with the same name. What 0.1.x did not have stands beside it, where no column name
        can clash: `notices`, `n_not_tested`, and `columns`, a list of the tested columns in order. Its entries leave
        out the two histograms, which `metrics` has, except for the column that `metrics` cannot hold.
        """
        xbins = self.options.xbins
        summary = (self.n_columns, self.n_drifted, self.share_drifted, self.dataset_drift)
        metrics = dict(zip(_SUMMARY, summary, strict=True)) | {
            column.name: _histograms(column) | column.to_dict()
            for column in self.columns
            if column.name not in _SUMMARY
        }
        return profile_data(self.roles, metrics, self.notices) | {
            "options": {
                "confidence": self.options.confidence,
                "drift_share": self.options.drift_share,
                "nbinsx": self.options.nbinsx,
                "xbins": {name: asdict(bins) for name, bins in xbins.items()} if xbins is not None else None,
            },
            "columns": [
                {"name": column.name} | (_histograms(column) if column.name in _SUMMARY else {}) | column.to_dict()
                for column in self.columns
            ],
            "n_not_tested": self.n_not_tested,
        }


def against_limit(column: ColumnDrift) -> str:
    """Say where the score lies: "below 0.05", or "not below 0.05" of a column that has not drifted."""
    side = "below" if column.is_p_value else "above"
    return f"{'' if column.drifted else 'not '}{side} {number(column.threshold)}"


def _histograms(column: ColumnDrift) -> dict[str, object]:
    return {"current_small_hist": _pair(column.current_hist), "ref_small_hist": _pair(column.reference_hist)}


def _pair(histogram: NumericHistogram | CategoryCounts) -> tuple[tuple[object, ...], tuple[object, ...]]:
    if isinstance(histogram, NumericHistogram):
        return histogram.heights, histogram.edges
    return histogram.counts, histogram.labels
