"""Have the labels of target and prediction drifted?"""

from __future__ import annotations

import numpy as np

from evidently_cli.report.columns import Table
from evidently_cli.report.histogram import Floats, bin_counts, uniform_edges
from evidently_cli.report.predicted_labels import PREDICTED_LABELS, predicted_labels, probability
from evidently_cli.report.sections import Inputs, second_file
from evidently_cli.report.target_behavior import feature_behaviors
from evidently_cli.report.target_columns import TargetColumn, mapped_columns, tested_columns
from evidently_cli.report.target_drift import CatTargetDrift, Probabilities

_ID = "cat_target_drift"
_PROBABILITY_BINS = 20
_MOST_CLASSES = 30  # that a report draws


def compute(inputs: Inputs) -> CatTargetDrift:
    """
    Test target and prediction as labels; a list of probabilities is tested by the labels that it predicts.

    Raises ConfigError without a current file or for a test that does not suit labels, SectionError when there is
    nothing to test or a column of probabilities is absent. The current file must have passed `roles.check_current`.
    """
    current = second_file(_ID, inputs.current)
    columns = [*mapped_columns(inputs, current)]
    classes = inputs.roles.prediction if isinstance(inputs.roles.prediction, tuple) else ()
    if classes:
        threshold = inputs.config.options.quality_metrics.classification_threshold
        labels = (predicted_labels(table, classes, threshold) for table in (inputs.reference, current))
        columns.append(TargetColumn(PREDICTED_LABELS, "prediction", *labels))
    tested, notices = tested_columns(_ID, columns, "cat", inputs, current)
    return CatTargetDrift(
        columns=tuple(tested.values()),
        notices=notices,
        roles=inputs.roles,
        behaviors=feature_behaviors(_ID, tuple(tested), "cat", inputs, current) if inputs.with_plots else (),
        probabilities=_probabilities(classes, inputs.reference, current) if classes and inputs.with_plots else None,
    )


def _probabilities(classes: tuple[str, ...], reference: Table, current: Table) -> Probabilities | None:
    """Return the shares of each column in 20 bins from 0 to 1, or further where its values lie further."""
    drawn = classes[:_MOST_CLASSES]
    files = [[_ascending(probability(table, name)) for name in drawn] for table in (reference, current)]
    values = [each for file in files for each in file if len(each)]
    first = min((float(each[0]) for each in values), default=0.0)
    last = max((float(each[-1]) for each in values), default=1.0)
    with np.errstate(over="ignore"):
        if not np.isfinite(np.float64(last) - first):
            return None
    edges = uniform_edges(min(0.0, first), max(1.0, last), _PROBABILITY_BINS)
    before, now = (
        tuple(tuple((bin_counts(each, edges) / max(1, len(each))).tolist()) for each in file) for file in files
    )
    return Probabilities(drawn, tuple(edges.tolist()), before, now, left_out=len(classes) - len(drawn))


def _ascending(values: Floats) -> Floats:
    return np.sort(values[np.isfinite(values)])
