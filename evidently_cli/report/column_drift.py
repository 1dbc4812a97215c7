"""Has one column drifted? Its test, threshold and score, and what a report draws of it."""

from __future__ import annotations

import math

import numpy as np

from evidently_cli.report.columns import Column, Numbers, Table
from evidently_cli.report.config import Options
from evidently_cli.report.cut import Cut
from evidently_cli.report.drift import CategoryCounts, ColumnDrift, NumericHistogram, Overlay, Track
from evidently_cli.report.histogram import density_histogram
from evidently_cli.report.overlay import label_overlay, numeric_overlay
from evidently_cli.report.stattests.choice import ComparedColumn, choose_test, choose_threshold, for_column
from evidently_cli.report.stattests.samples import CategoricalSamples, NumericSamples, Samples
from evidently_cli.report.track import Axis

_SMALL_BINS = 10  # where nbinsx speaks of other columns only


def column_drift(
    column: ComparedColumn, reference: Table, current: Table, all_options: Options, axis: Axis | None
) -> ColumnDrift:
    """
    Test one column; with an axis, compute what a report draws of it as well.

    Raises UntestableError when a file has no value, or others than numbers in a column to be tested as `num`, and
    ConfigError when the options name a test or threshold that does not suit it.
    """
    options = all_options.data_drift
    reference_column, current_column = reference.columns[column.name], current.columns[column.name]
    samples: Samples
    tested: Samples
    if column.feature_type == "num":
        samples = NumericSamples.of(reference_column, current_column)
        tested = NumericSamples.exact(reference_column, current_column) or samples
    else:
        samples = tested = CategoricalSamples.of(reference_column, current_column)
    test = choose_test(column, tested, options)
    threshold = choose_threshold(column, test, options)
    with np.errstate(all="ignore"):  # values near the largest double: the score is not finite, and says so
        score = test.score(tested)
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
        overlay=_overlay(column.name, samples, all_options) if axis else None,
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


def _overlay(name: str, samples: Samples, options: Options) -> Overlay:
    if isinstance(samples, NumericSamples):
        drift = options.data_drift
        bins = (drift.xbins or {}).get(name) or for_column(drift.nbinsx, name) or _SMALL_BINS
        cut = Cut.of(name, samples.reference, options.quality_metrics)
        return numeric_overlay(samples, bins, cut, exact=bins != _SMALL_BINS)
    return label_overlay(samples.tally)


def _track(axis: Axis, reference: Column, current: Column, samples: Samples) -> Track | None:
    if isinstance(samples, NumericSamples) and isinstance(reference, Numbers) and isinstance(current, Numbers):
        return axis.track(reference, current, samples.reference)
    return None
