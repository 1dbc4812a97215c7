"""What is in the files: counts and moments of each column, gaps and repetitions, correlations between columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.column_plots import ColumnPlots
from evidently_cli.report.columns import Column, Dates, Labels, Numbers, Table, above, offset
from evidently_cli.report.correlations import correlate
from evidently_cli.report.quality import (
    ColumnQuality,
    DataQuality,
    FileQuality,
    QualityRole,
    QualityType,
    Statistics,
)
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.sections import Inputs
from evidently_cli.report.stattests.samples import LabelCounts, comparable, label_counts


def compute(inputs: Inputs) -> DataQuality:
    """Describe every column that plays a part, and both files as a whole; no data is wrong for that."""
    reference, current, roles = inputs.reference, inputs.current, inputs.roles
    notices = list(roles.notices)
    described = tuple(described_columns(reference, roles))
    target_type = next((feature_type for _, role, feature_type in described if role == "target"), None)
    plots = alone = ColumnPlots.of(inputs, target_type) if inputs.with_plots else None
    if (
        plots and current and any(name not in current.columns for name, *_ in described)
    ):  # dates, which it need not have
        alone = ColumnPlots.of(replace(inputs, current=None), target_type)
    columns: list[ColumnQuality] = []
    for number, (name, role, feature_type) in enumerate(described, 1):
        inputs.progress(f"data quality: {number} of {len(described)} columns")
        column = _quality(name, role, feature_type, reference, current)
        if column.current and column.current.feature_type != column.reference.feature_type:
            notices.append(Notice(name, "has values of another type in the current file: described as they are there"))
        drawn = plots if column.current else alone
        columns.append(drawn.added(column) if drawn else column)
    files = []
    for table, which in ((reference, "reference"), (current, "current")):
        if table is not None:
            inputs.progress(f"data quality: correlations of {which}")
            statistics = {column.name: found for column in columns if (found := getattr(column, which))}
            correlations, told = correlate(table, roles, statistics, which)
            notices.extend(told)
            files.append(replace(_whole(table, statistics), correlations=correlations))
    return DataQuality(
        columns=tuple(columns),
        reference=files[0],
        current=files[1] if current else None,
        notices=tuple(dict.fromkeys(notices)),
        roles=roles,
    )


def described_columns(reference: Table, roles: Roles) -> Iterator[tuple[str, QualityRole, QualityType]]:
    """
    List the columns to describe, in order: target, single prediction, dates, categorical features, numeric features.

    A target or prediction is numeric unless the task is a classification, or its values are not numbers at all (in
    Evidently 0.1.x, a text prediction without a target was an error). A date that was read as text is a category.
    """
    seen = set()
    parts: list[tuple[str | None, QualityRole]] = [
        (roles.target, "target"),
        (roles.prediction if isinstance(roles.prediction, str) else None, "prediction"),
        *((name, "feature") for name in roles.datetimes),
        (roles.date, "date"),
        *((name, "feature") for name in roles.categorical),
        *((name, "feature") for name in roles.numerical),
    ]
    for name, role in parts:
        if name is None or name in seen:
            continue
        seen.add(name)
        own = _own_type(reference.columns[name])
        if role in ("target", "prediction"):
            is_number = own == "num" and roles.task != "classification"
            yield name, role, "num" if is_number else "cat"
        else:
            yield name, role, "cat" if name in roles.categorical else own


def _own_type(column: Column) -> QualityType:
    return "num" if isinstance(column, Numbers) else "datetime" if isinstance(column, Dates) else "cat"


def _quality(
    name: str, role: QualityRole, feature_type: QualityType, reference: Table, current: Table | None
) -> ColumnQuality:
    before = reference.columns[name]
    now = current.columns.get(name) if current else None  # only a date may be in one file alone
    described = ColumnQuality(name, role, statistics_of(before, feature_type), None)
    if now is None:
        return described
    statistics = statistics_of(now, feature_type)
    if feature_type == "cat" and role in ("target", "feature"):
        new, unused = _label_changes(label_counts(before, with_infinite=True), label_counts(now, with_infinite=True))
        gaps = described.reference.missing > 0, statistics.missing > 0
        statistics = replace(
            statistics,
            new_labels=new + (gaps == (False, True)),
            unused_labels=unused + (gaps == (True, False)),
        )
    return replace(described, current=statistics)


def statistics_of(column: Column, feature_type: QualityType) -> Statistics:
    """Describe one column of one file as this type; as a category where its values are of another type."""
    if feature_type == "num" and isinstance(column, Numbers):
        return _of_numbers(column.values)
    if feature_type == "datetime" and isinstance(column, Dates):
        return _of_dates(column.values)
    counts = label_counts(column, with_infinite=True)
    common = min(counts, key=lambda label: (-counts[label], label), default=None)
    return Statistics(
        feature_type="cat",
        rows=sum(len(part) for part in column.parts),
        count=sum(counts.values()),
        unique=len(counts),
        common=common,
        common_count=0 if common is None else counts[common],
    )


def _of_numbers(values: NDArray[np.generic]) -> Statistics:
    # All sums run over sorted values: the order of the rows must not show, not even in the last digit.
    ascending = np.sort(values[~np.isnan(values)])
    distinct, counts = _runs(ascending)
    some = len(ascending) > 0
    with np.errstate(all="ignore"):  # infinite values are part of the data, and their mean is not a number
        # As doubles: the distance of two whole numbers may be none that fits into their own 64 bits.
        doubles = ascending.astype(np.float64, copy=False)
        quartiles = np.percentile(doubles, (25, 50, 75)).tolist() if some else [np.nan] * 3
        mean = float(ascending.mean()) if some else np.nan
        base = offset(ascending)
        spread = ascending if base is None else above(ascending, base)
        std = float(spread.std(ddof=1)) if len(ascending) > 1 else np.nan
    return Statistics(
        feature_type="num",
        rows=len(values),
        count=len(ascending),
        unique=len(distinct),
        common=distinct[counts.argmax()].item() if some else None,
        common_count=int(counts.max(initial=0)),
        infinite=int(np.isinf(ascending).sum()),
        quartiles=(quartiles[0], quartiles[1], quartiles[2]),
        maximum=ascending[-1].item() if some else np.nan,
        minimum=ascending[0].item() if some else np.nan,
        mean=mean,
        std=std,
    )


def _of_dates(values: NDArray[np.datetime64]) -> Statistics:
    ascending = np.sort(values[~np.isnat(values)])
    distinct, counts = _runs(ascending)
    some = len(ascending) > 0
    return Statistics(
        feature_type="datetime",
        rows=len(values),
        count=len(ascending),
        unique=len(distinct),
        common=_date_text(distinct[counts.argmax()]) if some else None,
        common_count=int(counts.max(initial=0)),
        maximum=_date_text(ascending[-1]) if some else None,
        minimum=_date_text(ascending[0]) if some else None,
    )


def _date_text(instant: np.datetime64) -> str:
    return str(instant.astype("datetime64[us]").item())  # 2020-01-31 12:00:00, as `str` of a datetime is


def _runs(ascending: NDArray[np.generic]) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """Return the distinct values of an ascending array, and how often each occurs."""
    starts = np.flatnonzero(np.concatenate([[len(ascending) > 0], ascending[1:] != ascending[:-1]]))
    return ascending[starts], np.diff(np.append(starts, len(ascending)))


def _label_changes(reference: LabelCounts, current: LabelCounts) -> tuple[int, int]:
    """Count the labels of current alone, and of the reference alone."""
    before, now = (set(counts) for counts in comparable(reference, current))
    return len(now - before), len(before - now)


def _whole(table: Table, described: dict[str, Statistics]) -> FileQuality:
    """Describe the file as a whole, with the columns that play no part."""
    facts = {
        name: described.get(name) or statistics_of(column, _own_type(column)) for name, column in table.columns.items()
    }
    names = sorted(facts)
    return FileQuality(
        rows=table.rows,
        columns=len(facts),
        duplicate_rows=_duplicate_rows(table),
        missing_cells=sum(found.missing for found in facts.values()),
        constant=tuple(name for name in names if facts[name].constant),
        empty=tuple(name for name in names if facts[name].empty),
        almost_constant=tuple(name for name in names if facts[name].almost_constant),
        almost_empty=tuple(name for name in names if facts[name].almost_empty),
    )


def _duplicate_rows(table: Table) -> int:
    """
    Count the rows that repeat an earlier one.

    Each row is one number of 64 bits: in a million rows, two different ones fall together in 1 of 37 million files.
    """
    rows = np.zeros(table.rows, np.uint64)
    for column in table.columns.values():
        if isinstance(column, Labels):
            bits = column.codes.astype(np.int64).view(np.uint64)
        elif isinstance(column, Dates):
            bits = column.values.view(np.uint64)
        else:
            values = column.values + 0  # two zeros are equal, whatever their signs
            if values.dtype.kind == "f":
                values[np.isnan(values)] = np.nan  # so are two missing values, whatever their bits
            bits = values.view(np.uint64)
        rows = _mixed(_mixed(rows) + bits)
    return table.rows - len(np.unique(rows))


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread each bit over all others: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
