"""Has the current file drifted away from the reference file? One statistical test per column, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from evidently_cli.report.columns import Column, Numbers, Table
from evidently_cli.report.config import DataDriftOptions
from evidently_cli.report.drift import (
    CategoryCounts,
    ColumnDrift,
    DataDrift,
    NumericHistogram,
    Overlay,
    Track,
)
from evidently_cli.report.errors import SectionError, UntestableError, did_you_mean, quoted
from evidently_cli.report.histogram import density_histogram
from evidently_cli.report.overlay import label_overlay, numeric_overlay
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.sections import Inputs, second_file
from evidently_cli.report.stattests.choice import ComparedColumn, choose_test, choose_threshold, for_column
from evidently_cli.report.stattests.samples import CategoricalSamples, NumericSamples, Samples
from evidently_cli.report.track import Axis

_SMALL_BINS = 10  # where nbinsx speaks of other columns only
_NUMERIC_PREDICTION = 6  # distinct values, from which a prediction without a task is tested as numbers


def compute(inputs: Inputs) -> DataDrift:
    """
    Test each column; one that cannot be tested becomes a notice.

    Raises ConfigError without a current file or for a test that does not suit a column's type, SectionError when
    there is nothing to test. The current file must have passed `roles.check_current`.
    """
    reference, current = inputs.reference, second_file("data_drift", inputs.current)
    options = inputs.config.options.data_drift
    tested = tuple(compared_columns(reference, inputs.roles))
    axis = Axis.of(reference, current, inputs.roles.date) if inputs.with_plots else None
    columns: list[ColumnDrift] = []
    n_not_tested = 0
    notices = [*inputs.roles.notices, *_unknown_names(options, reference)]
    for number, column in enumerate(tested, 1):
        inputs.progress(f"data drift: {number} of {len(tested)} columns")
        try:
            columns.append(_drift(column, reference, current, options, axis))
        except UntestableError as error:
            notices.append(Notice(column.name, str(error)))
            n_not_tested += 1
    if not columns:
        reasons = [f"; {quoted(notice.column)}: {notice.text}" for notice in notices if notice.column is not None]
        raise SectionError("data_drift: there is no column to test" + "".join(reasons[:3]))
    drifted = sum(column.drifted for column in columns)
    return DataDrift(
        columns=tuple(columns),
        n_columns=len(columns),
        n_drifted=drifted,
        share_drifted=drifted / len(columns),
        drift_share=options.drift_share,
        dataset_drift=drifted / len(columns) >= options.drift_share,
        notices=tuple(notices),
        n_not_tested=n_not_tested,
        roles=inputs.roles,
        options=options,
    )


def compared_columns(reference: Table, roles: Roles) -> Iterator[ComparedColumn]:
    """List the columns to test, in order: target, single prediction, numeric features, categorical features."""
    regression = roles.task == "regression"
    if roles.target is not None:
        yield ComparedColumn(roles.target, "target", "num" if regression else "cat")
    if isinstance(roles.prediction, str) and roles.prediction != roles.target:
        column = reference.columns[roles.prediction]
        numeric = regression or (isinstance(column, Numbers) and column.distinct() >= _NUMERIC_PREDICTION)
        yield ComparedColumn(roles.prediction, "prediction", "num" if numeric else "cat")
    yield from (ComparedColumn(name, "feature", "num") for name in roles.numerical)
    yield from (ComparedColumn(name, "feature", "cat") for name in roles.categorical)


def _unknown_names(options: DataDriftOptions, reference: Table) -> Iterator[Notice]:
    """Tell of options for columns that do not exist: a misspelt name would otherwise go unnoticed."""
    for key in ("threshold", "confidence", "nbinsx", "xbins", "per_feature_stattest", "feature_stattest_func"):
        option = getattr(options, key)
        for name in option if isinstance(option, Mapping) else ():
            if name not in reference.columns:
                hint = did_you_mean(name, reference.columns)
                yield Notice(None, f"options.data_drift.{key} names {quoted(name)}, which is not a column{hint}")


def _drift(
    column: ComparedColumn, reference: Table, current: Table, options: DataDriftOptions, axis: Axis | None
) -> ColumnDrift:
    reference_column, current_column = reference.columns[column.name], current.columns[column.name]
    samples: Samples
    if column.feature_type == "num":
        samples = NumericSamples.of(reference_column, current_column)
    else:
        samples = CategoricalSamples.of(reference_column, current_column)
    test = choose_test(column, samples, options)
    threshold = choose_threshold(column, test, options)
    with np.errstate(all="ignore"):  # values near the largest double: the score is not finite, and says so
        score = test.score(samples)
    reference_rows, current_rows = samples.sizes
    reference_hist, current_hist = _small_histograms(samples, for_column(options.nbinsx, column.name) or _SMALL_BINS)
    return ColumnDrift(
        name=column.name,
        role=column.role,
        feature_type=column.feature_type,
        test=test.name,
        test_name=test.title,
        is_p_value=test.is_p_value,
        score=score if math.isfinite(score) else None,
        threshold=threshold,
        drifted=math.isfinite(score) and test.drifted(score, threshold),
        reference_hist=reference_hist,
        current_hist=current_hist,
        reference_missing=reference.rows - reference_rows,
        current_missing=current.rows - current_rows,
        overlay=_overlay(column.name, samples, options) if axis else None,
        track=_track(axis, reference_column, current_column, samples) if axis else None,
    )


def _small_histograms(
    samples: Samples, bins: int
) -> tuple[NumericHistogram, NumericHistogram] | tuple[CategoryCounts, CategoryCounts]:
    """Return each file's histogram over its own range, or both files' counts of the same labels, by their text."""
    if isinstance(samples, NumericSamples):
        return density_histogram(samples.reference, bins), density_histogram(samples.current, bins)
    tally = samples.tally
    order = sorted(range(len(tally.labels)), key=lambda index: str(tally.labels[index]))
    labels = tuple(tally.labels[index] for index in order)
    return (
        CategoryCounts(tuple(tally.reference[order].tolist()), labels),
        CategoryCounts(tuple(tally.current[order].tolist()), labels),
    )


def _overlay(name: str, samples: Samples, options: DataDriftOptions) -> Overlay:
    if isinstance(samples, NumericSamples):
        bins = (options.xbins or {}).get(name) or for_column(options.nbinsx, name) or _SMALL_BINS
        return numeric_overlay(samples, bins)
    return label_overlay(samples.tally)


def _track(axis: Axis, reference: Column, current: Column, samples: Samples) -> Track | None:
    if isinstance(samples, NumericSamples) and isinstance(reference, Numbers) and isinstance(current, Numbers):
        return axis.track(reference, current, samples.reference)
    return None
