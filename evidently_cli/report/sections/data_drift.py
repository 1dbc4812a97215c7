"""Has the current file drifted away from the reference file? One statistical test per column, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evidently_cli.report.column_drift import column_drift
from evidently_cli.report.columns import Numbers, Table
from evidently_cli.report.config import DataDriftOptions
from evidently_cli.report.drift import ColumnDrift, DataDrift
from evidently_cli.report.errors import SectionError, UntestableError, did_you_mean, quoted
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.sections import Inputs, second_file
from evidently_cli.report.stattests.choice import ComparedColumn
from evidently_cli.report.track import Axis

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
            columns.append(column_drift(column, reference, current, inputs.config.options, axis))
        except UntestableError as error:
            notices.append(Notice(column.name, str(error), error.changed))
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
