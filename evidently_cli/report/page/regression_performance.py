"""The tab of `regression_performance`: the quality of both files side by side, and the features behind large errors."""

import math
from collections.abc import Callable

from evidently_cli.report.page import regression_figures as figures
from evidently_cli.report.page import regression_time as time
from evidently_cli.report.page.regression_groups import (
    mean_error_per_group,
    predicted_vs_actual_per_group,
    spread_per_group,
)
from evidently_cli.report.page.view import (
    Counters,
    Figure,
    Figures,
    Heading,
    Level,
    Row,
    Series,
    Tab,
    Table,
    Text,
    Verdict,
    Widget,
)
from evidently_cli.report.regression import (
    FeatureBias,
    GroupValue,
    GroupValues,
    Plots,
    Quality,
    RegressionPerformance,
    Spread,
    defined,
)
from evidently_cli.report.wording import count, label, number
from evidently_cli.visible import visible

TITLE = "Regression performance"
Draw = Callable[[Series, Quality, Plots], Figure]
_FILES = {"reference": "Reference", "current": "Current"}


def tab(result: RegressionPerformance) -> Tab:
    """The whole tab; `selection.selected` narrows it to the widgets that the configuration asks for."""
    return Tab(
        id="regression_performance",
        title=TITLE,
        verdict=Verdict(f"{result.headline}.", _reason(result), alarming=None, gauge=None),
        widgets=(*_pairs(result), _bias(result)),
    )


def _files(result: RegressionPerformance) -> list[tuple[Series, Quality]]:
    files: list[tuple[Series, Quality]] = [("reference", result.reference)]
    if result.current is not None:
        files.append(("current", result.current))
    return files


def _reason(result: RegressionPerformance) -> str:
    names = {"reference": "the reference", "current": "current"}
    files = reversed(_files(result))
    said = [f"{names[series]}: RMSE {defined(q.rmse)}, R² {defined(q.r2_score)}" for series, q in files]
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _pairs(result: RegressionPerformance) -> list[Widget]:
    """Return the widgets that both files have, side by side."""
    widgets: list[Widget] = [
        Counters(f"{_FILES[series]}: Model Quality (+/- std)", "always", _counters(quality), half=True)
        for series, quality in _files(result)
    ]
    drawings: list[tuple[str, Level, Draw]] = [
        ("Predicted vs Actual", "always", lambda s, _, p: figures.predicted_vs_actual(s, p)),
        ("Predicted vs Actual in Time", "always", lambda s, _, p: time.in_time(s, p.course)),
        (
            "Error (Predicted - Actual)",
            "always",
            lambda s, q, p: time.error_in_time(s, q, p.course, result.n_sigmas),
        ),
        ("Absolute Percentage Error", "full", lambda s, _, p: time.percentage_in_time(s, p.course)),
        ("Error Distribution", "always", lambda s, _, p: figures.error_distribution(s, p)),
        ("Error Normality", "full", lambda s, q, _: figures.error_normality(s, q.error_normality)),
        ("Mean Error per Group (+/- std)", "full", lambda _, q, __: mean_error_per_group(q)),
        ("Predicted vs Actual per Group", "full", lambda _, __, p: predicted_vs_actual_per_group(p)),
    ]
    for title, level, draw in drawings:
        for series, quality in _files(result):
            drawn = (draw(series, quality, quality.plots),) if quality.plots else ()
            widgets.append(Figures(f"{_FILES[series]}: {title}", level, drawn, half=True))
    return widgets


def _counters(quality: Quality) -> tuple[tuple[str, str], ...]:
    percentage = f"{defined(quality.mean_abs_perc_error_of_abs_target)}\u00a0%"
    if not quality.not_positive and math.isfinite(quality.abs_perc_error_std):
        percentage += f" ± {number(100 * quality.abs_perc_error_std)}\u00a0%"
    return (
        ("Mean error", _with_std(quality.mean_error, quality.error_std)),
        ("Mean absolute error", _with_std(quality.mean_abs_error, quality.abs_error_std)),
        ("Mean absolute percentage error", percentage),
        ("RMSE", defined(quality.rmse)),
        ("R²", defined(quality.r2_score)),
        ("Largest absolute error", number(quality.max_abs_error)),
        ("Rows", count(quality.rows)),
    )


def _with_std(value: float, std: float) -> str:
    return f"{number(value)} ± {number(std)}" if math.isfinite(std) else number(value)


_RANGE = "Number: |over - under| as a share of maximum - minimum. Category: whether the three values differ"
_ALL = "Mean, or most common value, over all rows"
_UNDER = "The same over the 5 % of rows with the lowest errors (predicted - actual)"
_OVER = "The same over the 5 % of rows with the highest errors (predicted - actual)"


def _bias(result: RegressionPerformance) -> Table:
    """Return one row per feature, the largest range first."""
    features = sorted(result.error_bias, key=lambda feature: (-feature.largest_range, feature.name))
    return Table(
        title="Error Bias: Mean/Most Common Feature Value per Group",
        level="full",
        caption="Every feature with its typical value in all rows and in the rows of large errors, largest range first",
        row_noun="features",
        flag="",
        headings=_headings(both=result.current is not None),
        rows=tuple(_row(feature, rank, both=result.current is not None) for rank, feature in enumerate(features)),
    )


def _headings(*, both: bool) -> tuple[Heading, ...]:
    files = (("Ref.", "reference"), ("Current", "current")) if both else (("Ref.", "reference"),)
    return (
        Heading("Feature"),
        *(
            heading
            for short, file in files
            for heading in (
                Heading(f"{short} all", numeric=True, sortable=False, explanation=f"{_ALL}, in the {file} file"),
                Heading(f"{short} under", numeric=True, sortable=False, explanation=f"{_UNDER}, in the {file} file"),
                Heading(f"{short} over", numeric=True, sortable=False, explanation=f"{_OVER}, in the {file} file"),
                Heading(f"{short} range", numeric=True, explanation=_RANGE),
            )
        ),
        Heading("Largest range", numeric=True, sorted=True, explanation=_RANGE),
    )


def _row(feature: FeatureBias, rank: int, *, both: bool) -> Row:
    files = (feature.reference, feature.current) if both else (feature.reference,)
    spreads: tuple[tuple[Series, Spread | None], ...] = (
        ("reference", feature.reference_spread),
        ("current", feature.current_spread),
    )
    return Row(
        cells=(
            Text(
                label(feature.name, 48),
                full=visible(feature.name),
                badge="" if feature.feature_type == "num" else "category",
            ),
            *(cell for values in files if values is not None for cell in _cells(feature, values)),
            Text(_range(feature, feature.largest_range), sort=-rank if feature.largest_range >= 0 else None),
        ),
        figures=tuple(spread_per_group(series, spread) for series, spread in spreads if spread is not None),
    )


def _cells(feature: FeatureBias, values: GroupValues) -> tuple[Text, ...]:
    return (
        *(_value(value) for value in (values.majority, values.under, values.over)),
        Text(_range(feature, values.range), sort=values.range if math.isfinite(values.range) else None),
    )


def _value(value: GroupValue) -> Text:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return Text("none")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Text(number(value))
    return Text(label(str(value), 16), full=visible(str(value)), words=True)


def _range(feature: FeatureBias, value: float) -> str:
    if value < 0 or not math.isfinite(value):
        return "undefined"
    if feature.feature_type == "num":
        return f"{number(value)}\u00a0%"
    return "differ" if value else "same"
