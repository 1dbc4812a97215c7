"""Target and prediction by feature, in bins: the rows themselves never reach the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.columns import Column, Dates, Label, Labels, Numbers, Table
from evidently_cli.report.drift import FeatureType
from evidently_cli.report.errors import UntestableError
from evidently_cli.report.histogram import Floats, uniform_edges
from evidently_cli.report.sections import Inputs
from evidently_cli.report.stattests.samples import label_text, read_alike
from evidently_cli.report.target_columns import TargetColumn
from evidently_cli.report.target_drift import Behavior, ByBin, FeatureBins, LabelsByBin, Range, ValuesByBin

_MOST_BINS = 20
_MOST_LABELS = 6  # of a target; what a stack of bars can show
_QUANTILES = (0.05, 0.95)

Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Coded:
    """The rows of both files as numbers of bins or labels, -1 where there is no value."""

    bins: FeatureBins
    count: int
    reference: Codes
    current: Codes


@dataclass(frozen=True, slots=True)
class Ordered:
    """The finite values of a file in ascending order, and the rows they are from."""

    rows: Codes
    values: Floats

    @classmethod
    def of(cls, column: Numbers) -> Ordered:
        """Sort a column."""
        values = column.values.astype(np.float64, copy=False)
        rows = np.argsort(values, kind="stable")
        rows = rows[np.isfinite(values[rows])]
        return cls(rows, values[rows])


@dataclass(frozen=True, slots=True)
class Behaviors:
    """Target and prediction, prepared once for all features."""

    targets: tuple[tuple[TargetColumn, Coded | tuple[Ordered, Ordered]], ...]

    @classmethod
    def of(cls, targets: Sequence[TargetColumn], feature_type: FeatureType) -> Behaviors:
        """Prepare targets that were tested as this type."""
        return cls(tuple((target, _prepared(target, feature_type)) for target in targets))

    def by(self, name: str, feature_type: FeatureType, reference: Column, current: Column) -> Behavior:
        """Return target and prediction by one feature."""
        try:
            coded = (coded_numbers if feature_type == "num" else coded_labels)(reference, current, _MOST_BINS)
        except UntestableError as error:
            return Behavior(name, feature_type, None, reason=str(error))
        return Behavior(
            name,
            feature_type,
            coded.bins,
            tuple((target.role, by_bin(coded, found)) for target, found in self.targets),
        )


def coded_numbers(reference: Column, current: Column, bins: int) -> Coded:
    """
    Put numbers into equal bins of the common range; raise UntestableError where that is impossible.

    Whole numbers with no more values than bins get a bin each: equal bins would leave gaps between them.
    """
    if not isinstance(reference, Numbers) or not isinstance(current, Numbers):
        raise UntestableError("has other values than numbers in one of the files")
    columns = [column.values.astype(np.float64, copy=False) for column in (reference, current)]
    finite = [np.isfinite(values) for values in columns]
    if not all(rows.any() for rows in finite):
        raise UntestableError("every value is missing in one of the files")
    distinct = np.unique(
        np.concatenate([np.unique(values[rows]) for values, rows in zip(columns, finite, strict=True)])
    )
    if len(distinct) <= bins and (distinct == np.floor(distinct)).all():
        return coded_labels(reference, current, bins)
    first, last = distinct[[0, -1]].tolist()
    if not math.isfinite(last - first):
        raise UntestableError("its values lie further apart than the largest double")
    edges = uniform_edges(first, last, bins)
    codes = (
        np.where(rows, np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1), -1)
        for values, rows in zip(columns, finite, strict=True)
    )
    return Coded(FeatureBins(None, tuple(edges.tolist())), bins, *codes)


def coded_labels(reference: Column, current: Column, most: int) -> Coded:
    """Number the labels in their order; the rarest become one where there are more than `most`."""
    own_labels, codes = zip(*(_labels_and_codes(column) for column in (reference, current)), strict=True)
    labels = read_alike(own_labels)
    by_text = {label_text(label): label for own in labels for label in own}
    texts = sorted(by_text, key=by_text.__getitem__)
    numbers = {text: code for code, text in enumerate(texts)}
    # The number of a missing value, -1, picks the last.
    both = [
        np.array([*(numbers[label_text(label)] for label in own), -1], np.intp)[each]
        for own, each in zip(labels, codes, strict=True)
    ]
    counts = [np.bincount(each[each >= 0], minlength=len(numbers)) for each in both]
    if not all(each.any() for each in counts):
        raise UntestableError("every value is missing in one of the files")
    shares = sum(each / each.sum() for each in counts)
    seen = np.flatnonzero(shares)
    kept = seen
    if len(seen) > most:
        kept = np.sort(np.argsort(-shares, kind="stable")[: most - 1])
    names = [texts[code] for code in kept]
    renumbered = np.full(len(texts) + 1, len(kept), np.intp)
    renumbered[kept], renumbered[-1] = np.arange(len(kept)), -1
    if len(kept) < len(seen):
        names.append(f"{len(seen) - len(kept)} other labels")
    return Coded(FeatureBins(tuple(names), None), len(names), *(renumbered[each] for each in both))


def _labels_and_codes(column: Column) -> tuple[Sequence[Label], Codes]:
    if isinstance(column, Labels):
        return column.labels, column.codes.astype(np.intp)
    present = ~np.isnat(column.values) if isinstance(column, Dates) else np.isfinite(column.values)
    codes = np.full(len(present), -1, np.intp)
    if isinstance(column, Dates):
        instants, codes[present] = np.unique(column.values[present], return_inverse=True)
        return np.datetime_as_string(instants).tolist(), codes
    distinct, codes[present] = np.unique(column.values[present], return_inverse=True)
    return distinct.tolist(), codes


def _prepared(target: TargetColumn, feature_type: FeatureType) -> Coded | tuple[Ordered, Ordered]:
    if feature_type == "num" and isinstance(target.reference, Numbers) and isinstance(target.current, Numbers):
        return Ordered.of(target.reference), Ordered.of(target.current)
    return coded_labels(target.reference, target.current, _MOST_LABELS + 1)


def by_bin(feature: Coded, target: Coded | tuple[Ordered, Ordered]) -> ByBin:
    """Return labels, or numbers, of both files by the bins of a feature; all from the same rows."""
    if isinstance(target, Coded):
        return _labels_by_bin(feature, target)
    return _values_by_bin(feature, *target)


def _labels_by_bin(feature: Coded, target: Coded) -> LabelsByBin:
    counts = []
    for bins, labels in ((feature.reference, target.reference), (feature.current, target.current)):
        both = (bins >= 0) & (labels >= 0)
        cells = np.bincount(labels[both] * feature.count + bins[both], minlength=target.count * feature.count)
        counts.append(cells.reshape(target.count, feature.count))
    reference, current = (each / max(1, each.sum()) for each in counts)
    comparable = all(each.any() for each in counts)
    return LabelsByBin(
        target.bins.labels or (),
        tuple(map(tuple, reference.tolist())),
        tuple(map(tuple, current.tolist())),
        float(np.abs(reference - current).sum() / 2) if comparable else None,
    )


def _values_by_bin(feature: Coded, reference: Ordered, current: Ordered) -> ValuesByBin:
    with np.errstate(all="ignore"):  # near the largest double a mean is not finite: such a bin is left out
        reference_ranges, _ = _ranges(reference, feature.reference, feature.count)
        current_ranges, rows = _ranges(current, feature.current, feature.count)
        unit = float(np.std(reference.values))
        distances = [
            (count, abs(now.mean - before.mean) / unit)
            for count, before, now in zip(rows, reference_ranges, current_ranges, strict=True)
            if before and now and unit > 0
        ]
    total = sum(count for count, _ in distances)
    difference = sum(count * distance for count, distance in distances) / total if total else None
    return ValuesByBin(
        reference_ranges,
        current_ranges,
        difference if difference is not None and np.isfinite(difference) else None,
    )


def _ranges(values: Ordered, codes: Codes, count: int) -> tuple[tuple[Range | None, ...], list[int]]:
    """Return the range of each bin and its rows. Small codes are sorted in linear time, and the values stay sorted."""
    bins = codes[values.rows].astype(np.int8)
    grouped = values.values[np.argsort(bins, kind="stable")]
    rows = np.bincount(bins.astype(np.intp) + 1, minlength=count + 1)
    groups = np.split(grouped, np.cumsum(rows)[:-1])[1:]  # the first are the rows without the feature
    return tuple(_range(group) for group in groups), rows[1:].tolist()


def _range(ascending: Floats) -> Range | None:
    if not len(ascending):
        return None
    low, high = np.quantile(ascending, _QUANTILES).tolist()
    mean = float(np.mean(ascending))
    return Range(mean, low, high) if np.isfinite([mean, low, high]).all() else None


def feature_behaviors(
    section: str, targets: Sequence[TargetColumn], target_type: FeatureType, inputs: Inputs, current: Table
) -> tuple[Behavior, ...]:
    """Return the targets, tested as `target_type`, by each numeric and categorical feature."""
    prepared = Behaviors.of(targets, target_type)
    features: list[tuple[str, FeatureType]] = [
        *((name, "num") for name in inputs.roles.numerical),
        *((name, "cat") for name in inputs.roles.categorical),
    ]
    found = []
    for number, (name, feature_type) in enumerate(features, 1):
        inputs.progress(f"{section}: by feature {number} of {len(features)}")
        found.append(prepared.by(name, feature_type, inputs.reference.columns[name], current.columns[name]))
    return tuple(found)
