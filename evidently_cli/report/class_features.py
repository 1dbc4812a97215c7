"""Where the errors of a classification sit: each feature among right and among wrong predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evidently_cli.report.class_labels import Bools, Coded, align
from evidently_cli.report.classification import FeatureErrors, RightWrong
from evidently_cli.report.columns import Numbers, Table
from evidently_cli.report.histogram import bin_counts, plot_edges
from evidently_cli.report.sections import Inputs
from evidently_cli.report.stattests.samples import label_text
from evidently_cli.report.wording import count

_BINS = 20
_MOST_LABELS = 12
_LARGEST = 1e300  # beyond, the edges of bins, or what they are rounded to, may be no doubles


def errors_by_feature(
    inputs: Inputs, kept: Sequence[tuple[Table, Bools]], right: Sequence[Bools]
) -> tuple[FeatureErrors, ...]:
    """Return each feature among right and wrong predictions; `right` has a value per kept row, for each file."""
    numerical = (_by_number(name, kept, right) for name in inputs.roles.numerical)
    categorical = (_by_label(name, kept, right) for name in inputs.roles.categorical)
    return tuple(feature for feature in (*numerical, *categorical) if feature)


def _by_number(name: str, kept: Sequence[tuple[Table, Bools]], right: Sequence[Bools]) -> FeatureErrors | None:
    split = []
    for (table, rows), is_right in zip(kept, right, strict=True):
        column = table.columns[name]
        if isinstance(column, Numbers):
            values = column.values[rows].astype(np.float64)
            split.append([np.sort(values[np.isfinite(values) & chosen]) for chosen in (is_right, ~is_right)])
    filled = [values for file in split for values in file if len(values)]
    if not filled:
        return None
    first, last = min(values[0] for values in filled), max(values[-1] for values in filled)
    if max(-first, last) > _LARGEST:
        return None
    edges = plot_edges(filled, _BINS)
    files = [RightWrong(*(tuple(bin_counts(values, edges).tolist()) for values in file)) for file in split]
    return FeatureErrors(name, tuple(edges.tolist()), None, files[0], files[1] if len(files) > 1 else None)


def _by_label(name: str, kept: Sequence[tuple[Table, Bools]], right: Sequence[Bools]) -> FeatureErrors | None:
    columns = [Coded.of(table.columns[name]) for table, _ in kept]
    present = [(column.codes >= 0) & rows for column, (_, rows) in zip(columns, kept, strict=True)]
    labels, codes = align([column.of_rows(rows) for column, rows in zip(columns, present, strict=True)])
    if not labels:
        return None
    split = []
    for places, (_, rows), has_label, is_right in zip(codes, kept, present, right, strict=True):
        among = is_right[has_label[rows]]
        split.append([np.bincount(places[chosen], minlength=len(labels)) for chosen in (among, ~among)])
    texts = [label_text(label) for label in labels]
    if len(labels) > _MOST_LABELS:
        order = np.argsort(-np.sum(split, axis=(0, 1)), kind="stable")
        common, rare = np.sort(order[: _MOST_LABELS - 1]), order[_MOST_LABELS - 1 :]
        texts = [*(texts[place] for place in common), f"{count(len(rare))} other labels"]
        split = [[np.append(each[common], each[rare].sum()) for each in file] for file in split]
    files = [RightWrong(*(tuple(each.tolist()) for each in file)) for file in split]
    return FeatureErrors(name, None, tuple(texts), files[0], files[1] if len(files) > 1 else None)
