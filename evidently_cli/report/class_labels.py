"""Labels of several columns, of whatever types, made comparable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.columns import Column, Dates, Label, Labels
from evidently_cli.report.stattests.samples import label_text, read_alike

Codes = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as the place of each row's label among `labels`; -1 where it is missing or infinite."""

    codes: Codes
    labels: tuple[Label, ...]

    @classmethod
    def of(cls, column: Column) -> Coded:
        """Number the labels of any column."""
        if isinstance(column, Labels):
            return cls(column.codes.astype(np.int64), column.labels)
        present = ~np.isnat(column.values) if isinstance(column, Dates) else np.isfinite(column.values)
        if isinstance(column, Dates):
            instants, places = np.unique(column.values[present], return_inverse=True)
            labels = np.datetime_as_string(instants).tolist()
        else:
            numbers, places = np.unique(column.values[present], return_inverse=True)
            labels = numbers.tolist()
        codes = np.full(len(present), -1, np.int64)
        codes[present] = places
        return cls(codes, tuple(labels))

    def of_rows(self, rows: Bools) -> Coded:
        """Keep some rows, and the labels that they have."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        return Coded(codes.astype(np.int64), tuple(self.labels[code] for code in used))


def align(columns: Sequence[Coded]) -> tuple[tuple[Label, ...], list[Codes]]:
    """
    Return the labels of all columns in order, and each column's rows as places among them.

    Labels are equal when they read the same: the number 1 in one column is the text "1" or "01" in another. Beside
    numbers, true and false are 1 and 0. Whole numbers come back as int.
    """
    alike = read_alike([column.labels for column in columns])
    every = [label for labels in alike for label in labels]
    truth = all(isinstance(label, bool) for label in every)

    def plain(label: Label) -> Label:
        if isinstance(label, bool):
            return label if truth else int(label)
        return int(label) if isinstance(label, float) and label.is_integer() else label

    labels = list({label_text(plain(label)): plain(label) for label in every}.values())
    labels = [labels[place] for place in in_order(labels)]
    places = {label_text(label): place for place, label in enumerate(labels)}
    return tuple(labels), [
        np.array([places[label_text(plain(label))] for label in own], np.int64)[column.codes]
        for column, own in zip(columns, alike, strict=True)
    ]


def place_of(label: str | int, texts: Sequence[str]) -> int | None:
    """Return the place of the label that a config names, or None. 1 and 0 name true and false as well."""
    names = (str(label), {"0": "False", "1": "True"}.get(str(label)))
    return next((texts.index(name) for name in names if name in texts), None)


def in_order(labels: Sequence[Label]) -> list[int]:
    """Return the places of labels in ascending order: of numbers by value, else of their text."""
    if any(isinstance(label, str) for label in labels):
        return sorted(range(len(labels)), key=lambda place: label_text(labels[place]))
    return sorted(range(len(labels)), key=lambda place: float(labels[place]))
