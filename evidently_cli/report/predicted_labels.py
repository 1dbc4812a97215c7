"""The label that a model predicts, out of the probability that it gives to each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evidently_cli.report.columns import Labels, Numbers, Table
from evidently_cli.report.errors import SectionError, quoted
from evidently_cli.report.histogram import Floats

PREDICTED_LABELS = "predicted_labels"  # what Evidently 0.1.x calls the column

_BINARY = 2


def predicted_labels(table: Table, classes: Sequence[str], threshold: float) -> Numbers | Labels:
    """
    Return the predicted label of each row, missing where a probability is missing or infinite.

    With two columns of probabilities it is 1 where the first one is above the threshold, else 0. With more it is the
    name of the column with the largest probability, the first of equal ones. Raises SectionError where there is only
    one column, or one is absent from the file or not of numbers.
    """
    if len(classes) < _BINARY:
        raise SectionError("column_mapping.prediction: a list of probabilities needs a column for each class")
    probabilities = [probability(table, name) for name in classes]
    present = np.logical_and.reduce([np.isfinite(each) for each in probabilities])
    if len(classes) == _BINARY:
        positive = (probabilities[0] > threshold).astype(np.int64)
        return Numbers((positive if present.all() else np.where(present, positive, np.nan),))
    largest, codes = probabilities[0], np.zeros(table.rows, np.int32)
    for code, each in enumerate(probabilities[1:], 1):
        codes[each > largest] = code
        largest = np.maximum(largest, each)
    return Labels((np.where(present, codes, np.int32(-1)),), tuple(classes))


def probability(table: Table, name: str) -> Floats:
    """Return one column of probabilities; raise SectionError where the file lacks it, or it is not of numbers."""
    column = table.columns.get(name)
    if column is None:
        raise SectionError(f"{table.name}: no column {quoted(name)}, which column_mapping.prediction lists")
    if not isinstance(column, Numbers):
        raise SectionError(
            f"{table.name}: column {quoted(name)} has other values than numbers;"
            " a list in column_mapping.prediction names columns of probabilities"
        )
    return column.values.astype(np.float64, copy=False)
