"""Which test a column gets, and the threshold for its score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from evidently_cli.report.config import DataDriftOptions
from evidently_cli.report.drift import FeatureType, Role
from evidently_cli.report.errors import ConfigError, quoted
from evidently_cli.report.stattests import STATTESTS
from evidently_cli.report.stattests.samples import Samples
from evidently_cli.report.stattests.stattest import StatTest

T = TypeVar("T")

_LARGE = 1000  # clean reference rows; above, p-values call every difference significant
_CONTINUOUS = 6  # distinct values
_SEVERAL = 3


@dataclass(frozen=True, slots=True)
class ComparedColumn:
    """A column to test."""

    name: str
    role: Role
    feature_type: FeatureType


def default_test(samples: Samples) -> StatTest:
    """
    Choose the test as Evidently 0.1.x does, by the reference file's clean rows and the distinct values of both files.

    | reference rows | num, > 5 values | num, 3 to 5 values | cat, > 2 values | 1 or 2 values  |
    | -------------- | --------------- | ------------------ | --------------- | -------------- |
    | up to 1000     | K-S             | chi-square         | chi-square      | z              |
    | more           | Wasserstein     | Jensen-Shannon     | Jensen-Shannon  | Jensen-Shannon |
    """
    distinct = samples.distinct(_CONTINUOUS)
    continuous = samples.feature_type == "num" and distinct == _CONTINUOUS
    if samples.sizes[0] > _LARGE:
        return STATTESTS["wasserstein" if continuous else "jensenshannon"]
    if continuous:
        return STATTESTS["ks"]
    return STATTESTS["chisquare" if distinct >= _SEVERAL else "z"]


def choose_test(column: ComparedColumn, samples: Samples, options: DataDriftOptions) -> StatTest:
    """Return the configured test, else the default one; raise ConfigError when it does not suit the column's type."""
    key, name = _configured_test(column, options)
    if name is None:
        return default_test(samples)
    if column.feature_type not in STATTESTS[name].feature_types:
        kind = "numeric" if column.feature_type == "num" else "categorical"
        raise ConfigError(
            f"options.data_drift.{key}: {quoted(name)} cannot test {quoted(column.name)}, which is a {kind} column; "
            f"{column.feature_type}_features_stattest or per_feature_stattest can name another test for it"
        )
    return STATTESTS[name]


def _configured_test(column: ComparedColumn, options: DataDriftOptions) -> tuple[str, str | None]:
    """Return the option that applies to a column and the name of the test it asks for."""
    if column.role == "target":
        key = f"{column.feature_type}_target_stattest_func"
        return key, getattr(options, key)
    if options.feature_stattest_func is not None:
        return "feature_stattest_func", for_column(options.feature_stattest_func, column.name)
    if options.per_feature_stattest and column.name in options.per_feature_stattest:
        return "per_feature_stattest", options.per_feature_stattest[column.name]
    by_type = f"{column.feature_type}_features_stattest"
    if getattr(options, by_type) is not None:
        return by_type, getattr(options, by_type)
    return "all_features_stattest", options.all_features_stattest


def choose_threshold(column: ComparedColumn, test: StatTest, options: DataDriftOptions) -> float:
    """
    Return the configured threshold, else the test's own. `confidence` speaks of p-values alone.

    ConfigError for a threshold that no p-value can be above: everything would be drift.
    """
    threshold = _configured_threshold(column, test, options)
    if test.is_p_value and threshold > 1:
        raise ConfigError(
            f"the threshold of {quoted(column.name)} is {threshold:g}; {test.name} gives a p-value, which is at most 1"
        )
    return threshold


def _configured_threshold(column: ComparedColumn, test: StatTest, options: DataDriftOptions) -> float:
    if column.role == "target":
        of_target = getattr(options, f"{column.feature_type}_target_threshold")
        if of_target is not None:
            return float(of_target)
    threshold = for_column(options.threshold, column.name)
    confidence = for_column(options.confidence, column.name)
    if threshold is not None:
        return threshold
    return 1.0 - confidence if confidence is not None and test.is_p_value else test.threshold


def for_column(option: T | Mapping[str, T] | None, column: str) -> T | None:
    """Return what an option says about a column, whether it is one value for all or one per column."""
    return option.get(column) if isinstance(option, Mapping) else option
