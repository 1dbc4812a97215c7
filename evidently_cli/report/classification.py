"""
The results of `classification_performance` and `prob_classification_performance`: frozen values, no arrays.

The modules of the same names in `evidently_cli.report.sections` compute them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from evidently_cli.report.config import QualityMetricsOptions
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.section import Summary, profile_data
from evidently_cli.report.wording import number, percent, percents

Label = str | int | float | bool
PrRow = tuple[float, int, float, int, int, float, float]  # top %, rows, probability, tp, fp, precision %, recall %


@dataclass(frozen=True, slots=True)
class Scores:
    """Precision, recall and F1 (0 to 1; 0 where undefined) of one class or on average, and its number of rows."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of the rows of the positive class (tpr, fnr) and of the other (tnr, fpr); None without such rows."""

    tpr: float | None
    tnr: float | None
    fpr: float | None
    fnr: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """
    How well the labels of one file are predicted.

    `labels`, `classes` and the rows (true) and columns (predicted) of `matrix` are in the same order; `classes` has
    None for a label that this file has neither as target nor as prediction. The averages are over the others.
    """

    accuracy: float
    labels: tuple[Label, ...]
    texts: tuple[str, ...]  # the labels as text
    classes: tuple[Scores | None, ...]
    macro: Scores
    weighted: Scores
    matrix: tuple[tuple[int, ...], ...]
    rates: Rates | None  # with two labels and a known positive one

    def to_dict(self, names: tuple[Label, ...]) -> dict[str, object]:
        """Return what both sections have in common, with the keys of Evidently 0.1.x and the rates beside them."""
        per_class = zip(self.texts, self.classes, strict=True)
        report: dict[str, object] = {text: _scores(scores) for text, scores in per_class if scores}
        return {
            "accuracy": self.accuracy,
            "precision": self.macro.precision,
            "recall": self.macro.recall,
            "f1": self.macro.f1,
            "metrics_matrix": report
            | {
                "accuracy": self.accuracy,
                "macro avg": _scores(self.macro),
                "weighted avg": _scores(self.weighted),
            },
            "confusion_matrix": {"labels": names, "values": self.matrix},
        } | (asdict(self.rates) if self.rates else {})


@dataclass(frozen=True, slots=True)
class RightWrong:
    """How many rows of one file have each bin or label of a feature, among right and among wrong predictions."""

    right: tuple[int, ...]
    wrong: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FeatureErrors:
    """A feature among right and wrong predictions: `edges` (one more than bins) of numbers, or `labels`, at most 12."""

    name: str
    edges: tuple[float, ...] | None
    labels: tuple[str, ...] | None
    reference: RightWrong
    current: RightWrong | None


@dataclass(frozen=True, slots=True)
class ClassificationPerformance:
    """
    How well labels are predicted, in both files over the same labels.

    `names` are the labels as a reader sees them: `target_names`, where they fit.
    """

    reference: Quality
    current: Quality | None
    names: tuple[Label, ...]
    features: tuple[FeatureErrors, ...]  # only computed for a report
    notices: tuple[Notice, ...]
    roles: Roles = field(default_factory=Roles)

    @property
    def drifted(self) -> None:
        """Quality is not compared against a limit."""
        return

    def summary(self) -> Summary:
        """Say how many predictions are right."""
        rows = _rows(self.reference, self.current)
        return Summary(accuracies(self.reference, self.current), rows, numeric=frozenset({1, 2}))

    def to_dict(self) -> dict[str, object]:
        """Return the `data` of the profile's section, with the keys of Evidently 0.1.x."""
        metrics = {"reference": self.reference.to_dict(self.names)}
        if self.current:
            metrics["current"] = self.current.to_dict(self.names)
        return profile_data(self.roles, metrics, self.notices)


@dataclass(frozen=True, slots=True)
class RocCurve:
    """False and true positive rates at descending thresholds; empty where the class has no rows, or all of them."""

    fpr: tuple[float, ...] = ()
    tpr: tuple[float, ...] = ()
    thrs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class PrCurve:
    """Precision and recall at ascending thresholds, one of which fewer; empty where the class has no rows."""

    pr: tuple[float, ...] = ()
    rcl: tuple[float, ...] = ()
    thrs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Separation:
    """How many rows of a class, and of the others, have its probability in each of 20 equal bins from 0 to 1."""

    own: tuple[int, ...]
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OneVsRest:
    """One class against all others. `roc_auc` is None where the file has rows of one side only."""

    text: str
    roc_auc: float | None
    roc: RocCurve
    pr: PrCurve
    pr_table: tuple[PrRow, ...]
    separation: Separation | None  # only computed for a report


@dataclass(frozen=True, slots=True)
class ProbabilityQuality:
    """
    How good the probabilities of one file are.

    `classes` are in the order of the probability columns; of two, only the first, which is the positive class.
    """

    quality: Quality
    roc_auc: float | None  # the mean over the classes; None if it is so for one of them
    log_loss: float | None  # None where values are no probabilities
    classes: tuple[OneVsRest, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the file's metrics: of two classes, the curves of the first; of more, curves per label."""
        several = len(self.classes) > 1
        curves: dict[str, Mapping[str, object]] = {
            "pr_curve": {one.text: asdict(one.pr) for one in self.classes},
            "pr_table": {one.text: one.pr_table for one in self.classes},
            "roc_curve": {one.text: asdict(one.roc) for one in self.classes},
        }
        first = self.classes[0].text
        found: dict[str, object] = {key: value if several else value[first] for key, value in curves.items()}
        if several:
            found["roc_aucs"] = [one.roc_auc for one in self.classes]
        probabilities = {"roc_auc": self.roc_auc, "log_loss": self.log_loss}
        return self.quality.to_dict(self.quality.labels) | found | probabilities


@dataclass(frozen=True, slots=True)
class ProbClassificationPerformance:
    """How well the probabilities of classes are predicted, in both files over the same classes."""

    reference: ProbabilityQuality
    current: ProbabilityQuality | None
    features: tuple[FeatureErrors, ...]  # only computed for a report
    notices: tuple[Notice, ...]
    roles: Roles = field(default_factory=Roles)
    options: QualityMetricsOptions = field(default_factory=QualityMetricsOptions)

    @property
    def drifted(self) -> None:
        """Quality is not compared against a limit."""
        return

    def summary(self) -> Summary:
        """Say how many predictions are right, and how good the probabilities are."""
        files = [self.reference, *([self.current] if self.current else [])]
        rows = (
            *_rows(self.reference.quality, self.current.quality if self.current else None),
            ("ROC AUC", *(_number(file.roc_auc) for file in files)),
            ("log loss", *(_number(file.log_loss) for file in files)),
        )
        quality, current = self.reference.quality, self.current.quality if self.current else None
        return Summary(accuracies(quality, current), rows, numeric=frozenset({1, 2}))

    def to_dict(self) -> dict[str, object]:
        """Return the `data` of the profile's section, with the keys of Evidently 0.1.x."""
        metrics = {"reference": self.reference.to_dict()}
        if self.current:
            metrics["current"] = self.current.to_dict()
        options = self.options
        return profile_data(self.roles, metrics, self.notices) | {
            "options": {
                "conf_interval_n_sigmas": options.conf_interval_n_sigmas,
                "classification_threshold": options.classification_threshold,
                "cut_quantile": options.cut_quantile,
            }
        }


def accuracies(reference: Quality, current: Quality | None) -> str:
    """`accuracy 96 % in the reference, 93 % in current`."""
    if current is None:
        return f"accuracy {percent(reference.accuracy)} in the reference"
    before, now = percents(reference.accuracy, current.accuracy)
    return f"accuracy {before} in the reference, {now} in current"


def _rows(reference: Quality, current: Quality | None) -> tuple[tuple[str, ...], ...]:
    files = [reference.macro, *([current.macro] if current else [])]
    return tuple(
        (f"macro {name}", *(number(getattr(macro, name)) for macro in files)) for name in ("precision", "recall", "f1")
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else number(value)


def _scores(scores: Scores) -> dict[str, object]:
    return {
        "precision": scores.precision,
        "recall": scores.recall,
        "f1-score": scores.f1,
        "support": scores.support,
    }
