"""What the tests compare: the clean values of one column in both files, in the form that each test asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.columns import Column, Dates, Label, Labels, Numbers, above, offset
from evidently_cli.report.drift import FeatureType
from evidently_cli.report.errors import UntestableError
from evidently_cli.report.histogram import Floats, bin_counts, sturges_edges

LabelCounts = dict[Label, int]

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_TRUTH = {text: truth for truth in (False, True) for text in (str(truth), str(truth).lower(), str(truth).upper())}
_BINNED_FROM = 21  # distinct values in the reference file; fewer get a bin each


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows of each file have each label. The labels are in order, and each occurs in one of the files."""

    labels: tuple[Label, ...]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]

    def shares(self) -> tuple[Floats, Floats]:
        """Return the counts as shares of each file."""
        return self.reference / self.reference.sum(), self.current / self.current.sum()


@dataclass(frozen=True)
class NumericSamples:
    """The finite values of a numeric column in both files, each in ascending order and with at least one value."""

    reference: Floats
    current: Floats

    feature_type: FeatureType = "num"

    @classmethod
    def of(cls, reference: Column, current: Column) -> NumericSamples:
        """Clean and sort both columns; raise UntestableError where one is not a column of numbers, or has none."""
        samples = cls(_ascending(reference, "reference"), _ascending(current, "current"))
        with np.errstate(over="ignore"):
            span = max(samples.reference[-1], samples.current[-1]) - min(samples.reference[0], samples.current[0])
        if not np.isfinite(span):
            raise UntestableError("its values lie further apart than the largest double: not tested")
        return samples

    @classmethod
    def exact(cls, reference: Column, current: Column) -> NumericSamples | None:
        """
        Return whole numbers as their distances from the least of them, where doubles would not tell all of them apart.

        None anywhere else. Every test looks at order, differences and counts alone.
        """
        if not isinstance(reference, Numbers) or not isinstance(current, Numbers):
            return None
        base = offset(reference.values, current.values)
        if base is None:
            return None
        return cls(np.sort(above(reference.values, base)), np.sort(above(current.values, base)))

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of clean rows of both files."""
        return len(self.reference), len(self.current)

    def distinct(self, at_most: int) -> int:
        """Count the distinct values of both files together, up to a bound that makes counting cheap."""
        alone = max(_distinct(self.reference), _distinct(self.current))
        return at_most if alone >= at_most else min(at_most, len(self.tally.labels))

    @cached_property
    def tally(self) -> Tally:
        """The counts of each distinct value."""
        values = np.union1d(self.reference, self.current)
        counts = (
            np.searchsorted(rows, values, side="right") - np.searchsorted(rows, values, side="left")
            for rows in (self.reference, self.current)
        )
        return Tally(tuple(values.tolist()), *counts)

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """The shares of each file's rows in common bins: Sturges' rule over both files, or a bin per value."""
        if _distinct(self.reference) < _BINNED_FROM:
            return self.tally.shares()
        edges = sturges_edges(self.reference, self.current)
        return (
            bin_counts(self.reference, edges) / len(self.reference),
            bin_counts(self.current, edges) / len(self.current),
        )


@dataclass(frozen=True)
class CategoricalSamples:
    """The label counts of a categorical column, with at least one row in each file."""

    tally: Tally

    feature_type: FeatureType = "cat"

    @classmethod
    def of(cls, reference: Column, current: Column) -> CategoricalSamples:
        """Count the labels of both columns; raise UntestableError where one has none."""
        counts = comparable(label_counts(reference), label_counts(current))
        for column_counts, file in zip(counts, ("reference", "current"), strict=True):
            if not column_counts:
                raise _untestable("every value is missing", file)
        labels = sorted(counts[0] | counts[1])
        return cls(Tally(tuple(labels), *(np.array([each.get(label, 0) for label in labels]) for each in counts)))

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of clean rows of both files."""
        return int(self.tally.reference.sum()), int(self.tally.current.sum())

    def distinct(self, at_most: int) -> int:
        """Count the labels of both files together, up to a bound."""
        return min(at_most, len(self.tally.labels))

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """The shares of each file's rows by label."""
        return self.tally.shares()


Samples = NumericSamples | CategoricalSamples


def label_text(label: Label) -> str:
    """Return a label as text. A whole number reads the same whether or not other values have decimals."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def comparable(reference: LabelCounts, current: LabelCounts) -> tuple[LabelCounts, LabelCounts]:
    """Return the counts of both files under labels that can be compared."""
    before, now = read_alike([tuple(reference), tuple(current)])
    return _merged(before, reference), _merged(now, current)


def read_alike(columns: Sequence[Sequence[Label]]) -> Sequence[Sequence[Label]]:
    """
    Return the labels of each column such that they can be compared with those of the others.

    With text in some columns only, as after a single dirty value, the labels of the others were read as numbers, or as
    truth values: "01234" is 1234 there, and "true" is True. So they are read in the same way in all, and come back as
    text. Where there are numbers and truth values beside it, true and false are 1 and 0.
    """
    if len({any(isinstance(label, str) for label in labels) for labels in columns if labels}) < 2:  # noqa: PLR2004
        return columns
    kinds = {type(label) for labels in columns for label in labels}
    truth_is_number = bool in kinds and not kinds.isdisjoint({int, float})

    def text(label: Label) -> str:
        value = _as_read(label) if isinstance(label, str) else label
        return label_text(int(value) if truth_is_number and isinstance(value, bool) else value)

    return [tuple(map(text, labels)) for labels in columns]


def _as_read(text: str) -> Label:
    """Return what pandas reads in a column without other text."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else _TRUTH.get(text, text)


def _merged(labels: Sequence[Label], counts: LabelCounts) -> LabelCounts:
    merged: LabelCounts = {}
    for label, count in zip(labels, counts.values(), strict=True):
        merged[label] = merged.get(label, 0) + count
    return merged


def _ascending(column: Column, file: str) -> Floats:
    if not isinstance(column, Numbers):
        has_values = bool(label_counts(column))
        raise _untestable(
            "is tested as numbers, but has other values" if has_values else "every value is missing", file
        )
    values = np.sort(column.finite())
    if not len(values):
        raise _untestable(f"every value is {'infinite or ' if np.isinf(column.values).any() else ''}missing", file)
    return values


def _untestable(why: str, file: str) -> UntestableError:
    return UntestableError(f"{why} in the {file} file: not tested", changed=file == "current")


def _distinct(ascending: Floats) -> int:
    return 1 + int(np.count_nonzero(ascending[1:] != ascending[:-1]))


def label_counts(column: Column, *, with_infinite: bool = False) -> LabelCounts:
    """Count each label, date or number; a missing value is none, and an infinite number only if asked for."""
    if isinstance(column, Labels):
        codes = column.codes
        per_code = np.bincount(codes[codes >= 0], minlength=len(column.labels)).tolist()
        labels: tuple[Label, ...] = column.labels
        return {label: count for label, count in zip(labels, per_code, strict=True) if count}
    if isinstance(column, Dates):
        instants, counts = np.unique(column.values[~np.isnat(column.values)], return_counts=True)
        return dict(zip(np.datetime_as_string(instants).tolist(), counts.tolist(), strict=True))
    values = column.values
    distinct, counts = np.unique(
        values[~np.isnan(values) if with_infinite else np.isfinite(values)], return_counts=True
    )
    return dict(zip(distinct.tolist(), counts.tolist(), strict=True))
