"""Have the numbers of target and prediction drifted, and their correlations with the features?"""

from __future__ import annotations

import numpy as np

from evidently_cli.report.columns import Column, Numbers, Table
from evidently_cli.report.errors import SectionError
from evidently_cli.report.histogram import Floats
from evidently_cli.report.pearson import pearson
from evidently_cli.report.roles import Notice
from evidently_cli.report.sections import Inputs, second_file
from evidently_cli.report.target_behavior import feature_behaviors
from evidently_cli.report.target_columns import TargetColumn, mapped_columns, tested_columns
from evidently_cli.report.target_drift import Correlations, NumTargetDrift

_ID = "num_target_drift"
_A_LIST = "column_mapping.prediction lists probabilities, which are no numeric prediction"


def compute(inputs: Inputs) -> NumTargetDrift:
    """
    Test target and prediction as numbers; one that is not numeric becomes a notice.

    Raises ConfigError without a current file or for a test that does not suit numbers, SectionError when there is
    nothing to test. The current file must have passed `roles.check_current`.
    """
    current = second_file(_ID, inputs.current)
    is_list = isinstance(inputs.roles.prediction, tuple)
    if is_list and inputs.roles.target is None:
        raise SectionError(f"{_ID}: {_A_LIST}, and there is no column_mapping.target; cat_target_drift tests them")
    tested, notices = tested_columns(_ID, mapped_columns(inputs, current), "num", inputs, current)
    if is_list:
        notices = (*notices, Notice(None, f"{_ID}: {_A_LIST}: not tested; cat_target_drift tests them"))
    return NumTargetDrift(
        columns=tuple(tested.values()),
        notices=notices,
        roles=inputs.roles,
        behaviors=feature_behaviors(_ID, tuple(tested), "num", inputs, current) if inputs.with_plots else (),
        correlations={column.role: _correlations(column, inputs, current) for column in tested},
    )


def _correlations(column: TargetColumn, inputs: Inputs, current: Table) -> Correlations:
    features = tuple(name for name in inputs.roles.numerical if name != column.name)
    return Correlations(
        (*features, column.name),
        _with_features(column.reference, features, inputs.reference),
        _with_features(column.current, features, current),
    )


def _with_features(column: Column, features: tuple[str, ...], table: Table) -> tuple[float | None, ...]:
    values = _values(column)

    def with_column(other: Column) -> float | None:
        others = _values(other)
        return None if values is None or others is None else pearson(values, others)

    return tuple(with_column(other) for other in (*(table.columns[name] for name in features), column))


def _values(column: Column) -> Floats | None:
    """Return the values of a column of numbers; a feature may be text in the current file."""
    return column.values.astype(np.float64, copy=False) if isinstance(column, Numbers) else None
