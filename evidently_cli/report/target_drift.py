"""
The results of `cat_target_drift` and `num_target_drift`: complete enough for the profile and for the report.

`evidently_cli.report.sections` computes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evidently_cli.report.drift import ColumnDrift, FeatureType, Role, against_limit
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.section import Summary, profile_data
from evidently_cli.report.wording import label, number


@dataclass(frozen=True, slots=True)
class FeatureBins:
    """The parts of a feature, at most 20: labels, or the bins between ascending edges (one more than bins)."""

    labels: tuple[str, ...] | None
    edges: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class LabelsByBin:
    """
    How often each label of a target occurs in each bin of a feature.

    `reference[label][bin]` is the share of the file's rows that have both values; all shares of a file sum to 1. There
    are at most 7 labels, where the last one may be "12 other labels". `difference` is half the sum of the absolute
    differences of the shares (0: the same in both files, 1: nothing in common), None where a file has no such row.
    """

    labels: tuple[str, ...]
    reference: tuple[tuple[float, ...], ...]
    current: tuple[tuple[float, ...], ...]
    difference: float | None


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers of one bin: their mean, and the quantiles between which nine tenths of them lie (5 % and 95 %)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ValuesByBin:
    """
    The values of a target in each bin of a feature; None for a bin without any.

    `difference` is the mean distance between the files' means of a bin, over current's rows, in standard deviations of
    the reference target. None where no bin has values of both files, or the target is constant.
    """

    reference: tuple[Range | None, ...]
    current: tuple[Range | None, ...]
    difference: float | None


ByBin = LabelsByBin | ValuesByBin


@dataclass(frozen=True, slots=True)
class Behavior:
    """Target and prediction by one feature. Where it cannot be drawn, `bins` is None and `reason` says why."""

    feature: str
    feature_type: FeatureType
    bins: FeatureBins | None
    by_bin: tuple[tuple[Role, ByBin], ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Correlations:
    """Pearson's correlation of a column with each numeric feature and, last, itself; None where it is not defined."""

    names: tuple[str, ...]
    reference: tuple[float | None, ...]
    current: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Probabilities:
    """
    The columns of a list prediction, at most 30, over common bins.

    `reference[column][bin]` is the share of the column's values. `left_out` counts the columns beyond the 30.
    """

    names: tuple[str, ...]
    edges: tuple[float, ...]
    reference: tuple[tuple[float, ...], ...]
    current: tuple[tuple[float, ...], ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDrift:
    """Whether the target, the prediction or both have drifted: what the two sections have in common."""

    columns: tuple[ColumnDrift, ...]  # target, prediction
    notices: tuple[Notice, ...] = ()
    roles: Roles = field(default_factory=Roles)
    behaviors: tuple[Behavior, ...] = ()  # only computed for a report

    @property
    def drifted(self) -> bool:
        """Whether one of them drifted."""
        return any(column.drifted for column in self.columns)

    @property
    def headline(self) -> str:
        """The verdict: "target and prediction drift are detected"."""
        drifted = [column.role for column in self.columns if column.drifted]
        others = [column.role for column in self.columns if not column.drifted]
        if drifted and others:
            return f"{drifted[0]} drift is detected, {others[0]} drift is not"
        verb = "is" if len(self.columns) == 1 else "are"
        return f"{' and '.join(drifted or others)} drift {verb} {'detected' if drifted else 'not detected'}"

    def summary(self) -> Summary:
        """Say whether target and prediction drifted, with the score of each."""
        return Summary(
            self.headline,
            tuple(
                (
                    column.role,
                    label(column.name, 40),
                    column.test_name,
                    "not finite" if column.score is None else number(column.score),
                    against_limit(column),
                )
                for column in self.columns
            ),
            numeric=frozenset({3}),
        )

    def to_dict(self) -> dict[str, object]:
        """
        Return the `data` of the profile's section, with the keys of Evidently 0.1.x.

        Its `metrics` tell the score alone; `columns` beside them has the test, the threshold and the verdict as well.
        """
        metrics: dict[str, object] = {}
        for column in self.columns:
            of_column = {"name": column.name, "type": column.feature_type, "drift": column.score}
            metrics |= {
                f"{column.role}_{key}": value for key, value in (of_column | self.beside_drift(column.role)).items()
            }
        return profile_data(self.roles, metrics, self.notices) | {
            "columns": [{"name": column.name} | column.to_dict() for column in self.columns]
        }

    def beside_drift(self, _role: Role) -> dict[str, object]:
        """Return what a section writes of a column beside its drift."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatTargetDrift(TargetDrift):
    """Target and prediction as labels."""

    probabilities: Probabilities | None = None  # only computed for a report, and for a list prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class NumTargetDrift(TargetDrift):
    """Target and prediction as numbers."""

    correlations: Mapping[Role, Correlations] = field(default_factory=dict)

    def beside_drift(self, role: Role) -> dict[str, object]:
        """Return the correlations of both files."""
        found = self.correlations[role]
        files = {"current": found.current, "reference": found.reference}
        return {"correlations": {file: dict(zip(found.names, values, strict=True)) for file, values in files.items()}}
