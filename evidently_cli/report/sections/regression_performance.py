"""How well is a numeric target predicted? The errors of each file, and which features large errors go with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evidently_cli.report.errors import SectionError
from evidently_cli.report.histogram import Floats
from evidently_cli.report.regression import FeatureBias, GroupError, Normality, Quality, RegressionPerformance
from evidently_cli.report.regression_bias import categorical_bias, numeric_bias
from evidently_cli.report.regression_plots import plots
from evidently_cli.report.regression_rows import Rows, mean, sample_std
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.sections import Inputs
from evidently_cli.report.wording import count, counted

_SMALLEST_TARGET = float(np.finfo(np.float64).eps)  # 0.1.x divides by no less
_ALL_QUANTILES = 10_000  # rows, up to which the profile has one point for each
_FEWER_QUANTILES = 1_000


def compute(inputs: Inputs) -> RegressionPerformance:
    """
    Measure the errors of both files over the rows with a finite target and prediction.

    Raises SectionError when there is no numeric target or no single numeric prediction, or no such row in the
    reference; a current file without any becomes a notice. It must have passed `roles.check_current`.
    """
    target, prediction = _columns(inputs.roles)
    notices = list(inputs.roles.notices)
    reference = Rows.of("reference", inputs.reference, target, prediction)
    if not len(reference):
        raise SectionError(
            "regression_performance: no row of the reference file has a number both as target and as prediction"
        )
    notices.extend(_about(reference))
    current = Rows.of("current", inputs.current, target, prediction) if inputs.current else None
    if current is not None:
        notices.extend(_about(current))
        current = current if len(current) else None
    with np.errstate(all="ignore"):  # values near the largest double: what is not finite becomes null
        inputs.progress("regression performance: errors")
        qualities = [_quality(rows, inputs) for rows in (reference, current) if rows is not None]
        features = _features(inputs, reference, current, notices)
    return RegressionPerformance(
        reference=qualities[0],
        current=qualities[1] if len(qualities) > 1 else None,
        error_bias=features,
        notices=tuple(notices),
        n_sigmas=inputs.config.options.quality_metrics.conf_interval_n_sigmas,
        roles=inputs.roles,
    )


def normality(ascending: Floats) -> Normality:
    """
    Return the Q-Q points of ascending errors against the normal distribution, and the least-squares line.

    The points are Filliben's estimates of the order statistics' medians, as in `scipy.stats.probplot`: importing
    `scipy.stats` takes longer than computing them. Of fewer than two rows, or of equal ones, r is NaN.
    """
    from scipy.special import ndtri

    n = len(ascending)
    medians = (np.arange(1, n + 1) - 0.3175) / (n + 0.365)
    medians[-1] = 0.5 ** (1 / n)
    medians[0] = 1 - medians[-1]
    x = ndtri(medians)
    centred_x, centred_y = x - x.mean(), ascending - ascending.mean()
    xx, xy, yy = centred_x @ centred_x, centred_x @ centred_y, centred_y @ centred_y
    slope = float(xy / xx) if n > 1 else np.nan
    r = float(xy / np.sqrt(xx * yy)) if ascending[0] < ascending[-1] else np.nan
    kept = np.arange(n) if n <= _ALL_QUANTILES else np.linspace(0, n - 1, _FEWER_QUANTILES).round().astype(np.int64)
    return Normality(
        x=tuple(x[kept].tolist()),
        y=tuple(ascending[kept].tolist()),
        slope=slope,
        intercept=float(ascending.mean() - slope * x.mean()),
        r=r,
    )


def _columns(roles: Roles) -> tuple[str, str]:
    if roles.target is None:
        raise SectionError(
            "regression_performance: there is no target; name a column of numbers in column_mapping.target"
        )
    if not isinstance(roles.prediction, str):
        found = "there is no prediction" if roles.prediction is None else "there are several predictions"
        raise SectionError(f"regression_performance: {found}; name one column of numbers in column_mapping.prediction")
    return roles.target, roles.prediction


def _about(rows: Rows) -> Iterator[Notice]:
    """Tell what the numbers of one file do not show."""
    file, dropped = rows.file, rows.table.rows - len(rows)
    if not len(rows):
        yield Notice(None, f"no row of the {file} file has a number both as target and as prediction: not computed")
        return
    if dropped:
        yield Notice(
            None, f"{counted(dropped, 'row')} of the {file} file without a number as target or prediction: left out"
        )
    not_positive = int(np.count_nonzero(rows.target <= 0))
    if not_positive:
        yield Notice(
            None,
            f"{counted(not_positive, 'row')} of the {file} file with a target of zero or below, which make"
            " mean_abs_perc_error huge, as in Evidently 0.1.x; mean_abs_perc_error_of_abs_target takes absolute"
            " targets, and leaves out zeros",
        )
    if len(rows) > _ALL_QUANTILES:
        yield Notice(
            None,
            f"error_normality of the {file} file: {count(_FEWER_QUANTILES)} evenly spaced points of"
            f" {count(len(rows))}; slope, intercept and r are those of all rows",
        )
    if len(rows) > 1 and rows.limits[0] == rows.limits[1]:
        yield Notice(
            None,
            f"most errors of the {file} file are equal: under- and overestimation share rows",
        )


def _quality(rows: Rows, inputs: Inputs) -> Quality:
    error, absolute, size = rows.error, np.abs(rows.error), np.abs(rows.target)
    ratio = absolute / np.maximum(rows.target, _SMALLEST_TARGET)
    squares = float(error @ error)
    spread = rows.target - rows.target.mean()
    constant = rows.target.min() == rows.target.max()
    return Quality(
        rows=len(rows),
        mean_error=mean(error),
        mean_abs_error=mean(absolute),
        mean_abs_perc_error=100 * mean(ratio),
        error_std=sample_std(error),
        abs_error_std=sample_std(absolute),
        abs_perc_error_std=sample_std(ratio),
        rmse=float(np.sqrt(squares / len(rows))),
        r2_score=np.nan if constant else float(1 - squares / (spread @ spread)),
        max_abs_error=float(absolute.max()),
        mean_abs_perc_error_of_abs_target=100 * mean(absolute[size > 0] / size[size > 0]),
        not_positive=int(np.count_nonzero(rows.target <= 0)),
        error_normality=normality(rows.ascending),
        underperformance=tuple(GroupError(mean(error[mask]), sample_std(error[mask])) for mask in rows.masks),
        plots=plots(rows, inputs.roles.date) if inputs.with_plots else None,
    )


def _features(inputs: Inputs, reference: Rows, current: Rows | None, notices: list[Notice]) -> tuple[FeatureBias, ...]:
    roles = inputs.roles
    kinds = [(name, numeric_bias) for name in roles.numerical] + [
        (name, categorical_bias) for name in roles.categorical
    ]
    plots = inputs.config.options.quality_metrics if inputs.with_plots else None
    features = []
    for place, (name, bias) in enumerate(kinds, 1):
        inputs.progress(f"regression performance: {place} of {len(kinds)} features")
        feature, about = bias(name, reference, current, plots)
        features.append(feature)
        notices.extend(about)
    return tuple(features)
