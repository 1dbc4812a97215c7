"""What both target drift sections do: find the target and the prediction, and test them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from evidently_cli.report.column_drift import column_drift
from evidently_cli.report.columns import Column, Table
from evidently_cli.report.drift import ColumnDrift, FeatureType, Role
from evidently_cli.report.errors import SectionError, UntestableError, quoted
from evidently_cli.report.roles import Notice
from evidently_cli.report.sections import Inputs
from evidently_cli.report.stattests.choice import ComparedColumn
from evidently_cli.report.track import Axis


@dataclass(frozen=True, slots=True, eq=False)  # each is itself: arrays have no hash
class TargetColumn:
    """A target or a prediction in both files."""

    name: str
    role: Role
    reference: Column
    current: Column


def mapped_columns(inputs: Inputs, current: Table) -> Iterator[TargetColumn]:
    """Give the target, and the prediction if it is a single column, of what there is."""
    parts: tuple[tuple[Role, object], ...] = (
        ("target", inputs.roles.target),
        ("prediction", inputs.roles.prediction),
    )
    for role, name in parts:
        if isinstance(name, str):
            yield TargetColumn(name, role, inputs.reference.columns[name], current.columns[name])


def tested_columns(
    section: str, columns: Iterable[TargetColumn], feature_type: FeatureType, inputs: Inputs, current: Table
) -> tuple[dict[TargetColumn, ColumnDrift], tuple[Notice, ...]]:
    """
    Test each of the columns; one that cannot be tested becomes a notice.

    Raises SectionError when there is none, or none could be tested, and ConfigError for a test that does not suit.
    """
    columns = tuple(columns)
    if not columns:
        raise SectionError(
            f"{section}: the files have neither a target nor a prediction;"
            " column_mapping.target and column_mapping.prediction name their columns"
        )
    axis = Axis.of(inputs.reference, current, inputs.roles.date) if inputs.with_plots else None
    tested: dict[TargetColumn, ColumnDrift] = {}
    notices: list[Notice] = []
    for column in columns:
        inputs.progress(f"{section}: {column.role}")
        # A table of its own: predicted labels are no column of the file, and could clash with one.
        before = replace(inputs.reference, columns={column.name: column.reference})
        now = replace(current, columns={column.name: column.current})
        compared = ComparedColumn(column.name, column.role, feature_type)
        try:
            tested[column] = column_drift(compared, before, now, inputs.config.options, axis)
        except UntestableError as error:
            notices.append(Notice(column.name, str(error), error.changed))
    if not tested:
        reasons = "; ".join(f"{quoted(notice.column or '')}: {notice.text}" for notice in notices)
        raise SectionError(f"{section}: there is nothing to test; {reasons}")
    return tested, (*inputs.roles.notices, *notices)
