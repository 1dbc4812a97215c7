"""
The sections of a profile, which are the tabs of a report.

To add one: `sections/<id>.py` with `compute`, `page/<id>.py` with `tab`, and its line in SECTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from evidently_cli.report.errors import ConfigError

if TYPE_CHECKING:  # config checks itself against SECTIONS
    from evidently_cli.report.columns import Table
    from evidently_cli.report.config import Config
    from evidently_cli.report.roles import Roles
    from evidently_cli.report.section import SectionResult

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a section may look at. It changes none of it, so no section depends on another."""

    reference: Table
    current: Table | None
    roles: Roles
    config: Config
    with_plots: bool  # a profile has no use for them
    progress: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Section:
    """What can be known of a section before any data is read."""

    widgets: tuple[str, ...]  # the titles of its tab, which a config may name
    needs_current: bool = False
    key: str | None = None  # in a profile, where it is not the id


def _each(*titles: str) -> tuple[str, ...]:
    """Return the titles of widgets that both files have."""
    return tuple(f"{file}: {title}" for title in titles for file in ("Reference", "Current"))


_BY_FEATURE = "Classification Quality By Feature"

SECTIONS: Mapping[str, Section] = {
    "data_drift": Section(("Data Drift",), needs_current=True),
    "data_quality": Section(("Data Summary", "Features", "Correlations")),
    "cat_target_drift": Section(
        (
            "Target Drift",
            "Prediction Drift",
            *_each("Probability Distribution"),
            "Target (Prediction) Behavior By Feature",
        ),
        needs_current=True,
    ),
    "num_target_drift": Section(
        (
            *(f"{what} {title}" for what in ("Target", "Prediction") for title in ("Drift", "Correlations", "Values")),
            "Target (Prediction) Behavior By Feature",
        ),
        needs_current=True,
    ),
    "regression_performance": Section(
        (
            *_each(
                "Model Quality (+/- std)",
                "Predicted vs Actual",
                "Predicted vs Actual in Time",
                "Error (Predicted - Actual)",
                "Absolute Percentage Error",
                "Error Distribution",
                "Error Normality",
                "Mean Error per Group (+/- std)",
                "Predicted vs Actual per Group",
            ),
            "Error Bias: Mean/Most Common Feature Value per Group",
        ),
    ),
    "classification_performance": Section(
        (
            *_each(
                "Model Quality With Macro-average Metrics",
                "Class Representation",
                "Confusion Matrix",
                "Quality Metrics by Class",
            ),
            _BY_FEATURE,
        ),
    ),
    "prob_classification_performance": Section(
        (
            *_each(
                "Model Quality With Macro-average Metrics",
                "Class Representation",
                "Confusion Matrix",
                "Quality Metrics by Class",
                "Class Separation Quality",
                "Probability Distribution",
                "ROC Curve",
                "Precision-Recall Curve",
                "Precision-Recall Table",
            ),
            _BY_FEATURE,
        ),
        key="probabilistic_classification_performance",
    ),
}


def compute(section: str, inputs: Inputs) -> SectionResult:
    """Compute one section; raise SectionError when the files lack what it needs."""
    result: SectionResult = import_module(f"{__name__}.{section}").compute(inputs)  # imports numpy
    return result


def second_file(section: str, current: T | None) -> T:
    """Return the current file, or raise ConfigError when the section needs it and there is none."""
    if current is None:
        raise ConfigError(f"{section} needs a second file: pass --current")
    return current
