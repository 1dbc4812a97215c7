"""The sections of a profile, which are the tabs of a report: what each is called and what computes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from evidently_cli.report.drift import DataDrift
from evidently_cli.report.errors import ConfigError

if TYPE_CHECKING:  # config checks itself against SECTIONS
    from evidently_cli.report.columns import Table
    from evidently_cli.report.config import Config
    from evidently_cli.report.roles import Roles

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


def second_file(section: str, current: T | None) -> T:
    """Return the current file, or raise ConfigError when the section needs it and there is none."""
    if current is None:
        raise ConfigError(f"{section} needs a second file: pass --current")
    return current


def _data_drift(inputs: Inputs) -> DataDrift:
    from evidently_cli.report.sections.data_drift import compute  # imports numpy

    return compute(inputs)


SECTIONS: Mapping[str, Callable[[Inputs], DataDrift] | None] = {
    "data_drift": _data_drift,
    "data_quality": None,  # None: known from Evidently 0.1.x, not built yet
    "cat_target_drift": None,
    "num_target_drift": None,
    "regression_performance": None,
    "classification_performance": None,
    "prob_classification_performance": None,
}
NEED_CURRENT = frozenset({"data_drift", "cat_target_drift", "num_target_drift"})

WIDGETS: Mapping[str, tuple[str, ...]] = {"data_drift": ("Data Drift",)}
"""The titles of each tab's widgets, which a config may name: checked before any data is read."""
