"""Do large errors go with certain values of a feature? Its typical value in each group of rows, and its spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.columns import Column, Dates, Label, Labels, Numbers
from evidently_cli.report.config import QualityMetricsOptions
from evidently_cli.report.cut import Cut, left_out
from evidently_cli.report.drift import FeatureType
from evidently_cli.report.histogram import Floats, bin_counts, plot_edges
from evidently_cli.report.regression import FeatureBias, GroupValues, Spread
from evidently_cli.report.regression_rows import Rows, mean
from evidently_cli.report.roles import Notice
from evidently_cli.report.stattests.samples import label_text, read_alike

_BINS = 20
_MOST_LABELS = 12
_LARGEST_DRAWN = 1e308  # rounding a larger number for a plot can leave the range of a double
_NOTHING = GroupValues(None, None, None, np.nan)


def numeric_bias(
    name: str, reference: Rows, current: Rows | None, plots: QualityMetricsOptions | None
) -> tuple[FeatureBias, tuple[Notice, ...]]:
    """
    Compare the means of a numeric feature; a file where it has no numbers gives nulls and a notice.

    `plots` says how to draw the spread; with None, there is none.
    """
    files = [reference] if current is None else [reference, current]
    values = [_numbers(rows, name) for rows in files]
    means = [_means(rows, column) for rows, column in zip(files, values, strict=True)]
    spreads = _numeric_spreads(name, files, values, plots) if plots else (None,) * len(files)
    notices = tuple(
        Notice(name, f"has no numbers in the {rows.file} file: its error bias there is unknown")
        for rows, column in zip(files, values, strict=True)
        if np.isnan(column).all()
    )
    return _bias(name, "num", means, spreads), notices


def categorical_bias(
    name: str, reference: Rows, current: Rows | None, plots: QualityMetricsOptions | None
) -> tuple[FeatureBias, tuple[Notice, ...]]:
    """Compare the most common values of a categorical feature; a file without any value gives nulls and a notice."""
    files = [reference] if current is None else [reference, current]
    coded = [_coded(rows.table.columns[name], rows.usable) for rows in files]
    values = [_most_common_values(rows, *codes) for rows, codes in zip(files, coded, strict=True)]
    spreads = _label_spreads(files, coded) if plots else (None,) * len(files)
    notices = tuple(
        Notice(name, f"has no values in the {rows.file} file: its error bias there is unknown")
        for rows, (codes, _) in zip(files, coded, strict=True)
        if (codes < 0).all()
    )
    return _bias(name, "cat", values, spreads), notices


def _bias(
    name: str, feature_type: FeatureType, values: list[GroupValues], spreads: tuple[Spread | None, ...]
) -> FeatureBias:
    return FeatureBias(
        name=name,
        feature_type=feature_type,
        reference=values[0],
        current=values[1] if len(values) > 1 else None,
        reference_spread=spreads[0],
        current_spread=spreads[1] if len(spreads) > 1 else None,
    )


def _numbers(rows: Rows, name: str) -> Floats:
    """Return the feature in the usable rows, NaN for what is missing, infinite or not a number."""
    column = rows.table.columns[name]
    if not isinstance(column, Numbers):
        return np.full(len(rows), np.nan)
    values = column.values.astype(np.float64, copy=False)[rows.usable]
    return np.where(np.isfinite(values), values, np.nan)


def _means(rows: Rows, values: Floats) -> GroupValues:
    known = values[~np.isnan(values)]
    if not len(known):
        return _NOTHING
    _, under, over = (mean(group) for group in _by_group(rows, values))
    lowest, highest = known.min(), known.max()
    share = 0.0 if lowest == highest else 100 * float(np.abs(over - under) / (highest - lowest))
    return GroupValues(mean(known), under, over, share)


def _by_group(rows: Rows, values: Floats) -> Iterator[Floats]:
    known = ~np.isnan(values)
    return (values[mask & known] for mask in rows.masks)


def _numeric_spreads(
    name: str, files: list[Rows], values: list[Floats], options: QualityMetricsOptions
) -> tuple[Spread | None, ...]:
    known = [np.sort(column[~np.isnan(column)]) for column in values]
    cut = Cut.of(name, known[0], options)
    kept = [cut.kept(column) if cut else column for column in known]
    edges = plot_edges(kept, _BINS) if any(map(len, kept)) else np.array([np.nan])
    if not (np.abs(edges) <= _LARGEST_DRAWN).all():  # NaN where there is no value, or values are too far apart
        return (None,) * len(files)
    return tuple(
        _numeric_spread(list(_by_group(rows, column)), edges, cut) if len(column_known) else None
        for rows, column, column_known in zip(files, values, known, strict=True)
    )


def _numeric_spread(groups: list[Floats], edges: Floats, cut: Cut | None) -> Spread:
    ascending = [np.sort(group) for group in groups]
    shares = [
        tuple((bin_counts(cut.kept(group) if cut else group, edges) / max(1, len(group))).tolist())
        for group in ascending
    ]
    missing = tuple(left_out(each) if len(group) else 0.0 for each, group in zip(shares, ascending, strict=True))
    return Spread(None, tuple(edges.tolist()), tuple(shares), cut=cut, left_out=missing if cut else ())


def _shares(counts: NDArray[np.int64]) -> tuple[float, ...]:
    return tuple((counts / max(1, counts.sum())).tolist())


def _coded(column: Column, usable: NDArray[np.bool_]) -> tuple[NDArray[np.int64], tuple[Label, ...]]:
    """Return the code of each usable row (-1: no value) and the label of each code."""
    if isinstance(column, Labels):
        return column.codes[usable].astype(np.int64), column.labels
    if isinstance(column, Dates):
        instants = column.values[usable]
        codes, dates = _distinct(instants, ~np.isnat(instants))
        return codes, tuple(np.datetime_as_string(dates).tolist())
    values = column.values[usable]
    codes, numbers = _distinct(values, np.isfinite(values))
    return codes, tuple(numbers.tolist())


def _distinct(values: NDArray[Any], known: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    codes = np.full(len(values), -1, dtype=np.int64)
    distinct, codes[known] = np.unique(values[known], return_inverse=True)
    return codes, distinct


def _most_common_values(rows: Rows, codes: NDArray[np.int64], labels: tuple[Label, ...]) -> GroupValues:
    groups = (codes, codes[rows.masks[1]], codes[rows.masks[2]])
    majority, under, over = (_most_common(group, labels) for group in groups)
    if majority is None:
        return _NOTHING
    return GroupValues(majority, under, over, 0.0 if majority == under == over else 1.0)


def _most_common(codes: NDArray[np.int64], labels: tuple[Label, ...]) -> Label | None:
    """Return the most common label, of several the one that comes first in the file."""
    known = codes[codes >= 0]
    if not len(known):
        return None
    counts = np.bincount(known, minlength=len(labels))
    return labels[int(known[np.argmax(counts[known] == counts.max())])]


def _label_spreads(
    files: list[Rows], coded: list[tuple[NDArray[np.int64], tuple[Label, ...]]]
) -> tuple[Spread | None, ...]:
    places: dict[str, int] = {}  # the same label may have other codes in the other file
    spots = [
        np.array([places.setdefault(label_text(label), len(places)) for label in labels], int)
        for labels in read_alike([labels for _, labels in coded])
    ]
    counts = [
        np.array([np.bincount(spot[codes[mask & (codes >= 0)]], minlength=len(places)) for mask in rows.masks])
        for rows, (codes, _), spot in zip(files, coded, spots, strict=True)
    ]
    totals = [each.sum() for each in counts]
    shares = sum(each.sum(axis=0) / max(1, total) for each, total in zip(counts, totals, strict=True))
    order = np.argsort(-np.asarray(shares), kind="stable")
    order = order[np.asarray(shares)[order] > 0]  # sampling can leave a label without rows
    names = list(places)
    labels = [names[index] for index in order]
    merged = len(order) - _MOST_LABELS + 1 if len(order) > _MOST_LABELS else 0
    if merged:
        labels = [*labels[: _MOST_LABELS - 1], f"{merged} other labels"]
    return tuple(
        Spread(tuple(labels), None, tuple(_shares(_merged(group[order])) for group in each), merged) if total else None
        for each, total in zip(counts, totals, strict=True)
    )


def _merged(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up the counts of the labels beyond the most that are shown."""
    if len(counts) <= _MOST_LABELS:
        return counts
    return np.append(counts[: _MOST_LABELS - 1], counts[_MOST_LABELS - 1 :].sum())
