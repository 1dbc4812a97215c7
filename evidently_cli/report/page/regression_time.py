"""The course of predictions and errors over time, or over rows, as Plotly takes it, each with its story in words."""

import math
from collections.abc import Sequence

from evidently_cli.report.page.figures import HEIGHT, rounded
from evidently_cli.report.page.regression_figures import ACTUAL, COLORS, RGB, file_in_words
from evidently_cli.report.page.view import Figure, Series
from evidently_cli.report.regression import Course, Quality
from evidently_cli.report.wording import count, counted, in_figure, label, number

Points = Sequence[float | None]


def in_time(series: Series, course: Course) -> Figure:
    """The means of target and prediction over groups of neighbouring rows."""
    drawn = _known((*course.target, *course.prediction))
    actual = _line(course, course.target, drawn, ACTUAL, "mean actual %{y}")
    predicted = _line(course, course.prediction, drawn, COLORS[series], "mean predicted %{y}")
    pairs = list(zip(course.x, course.target, course.prediction, strict=True))
    gaps = [
        (abs(p - t), x if isinstance(x, str) else number(x), t, p)
        for x, t, p in pairs
        if t is not None and p is not None
    ]
    caption = "No group of rows has a mean to draw."
    if gaps:
        _, x, t, p = max(gaps)
        above = sum(p > t for _, _, t, p in gaps)
        caption = (
            f"The mean prediction is above the mean actual value in {count(above)} of {counted(len(gaps), 'group')}"
            f" of rows. They are furthest apart near {label(course.x_title, 60)} {x}: predicted {number(p)},"
            f" actual {number(t)}."
        )
    return Figure(
        title=_over(course),
        caption=caption,
        height=HEIGHT,
        legend=(("actual", ACTUAL), ("predicted", COLORS[series])),
        plot={"data": [actual, predicted], "layout": {"hovermode": "x", "xaxis": _x_axis(course)}},
    )


def error_in_time(series: Series, quality: Quality, course: Course, n_sigmas: int) -> Figure:
    """The mean error of groups of neighbouring rows, against the mean and standard deviation of all errors."""
    half = n_sigmas * quality.error_std
    low, high = quality.mean_error - half, quality.mean_error + half
    banded = math.isfinite(low) and math.isfinite(high)
    drawn = [0.0, *_known(course.error), *([low, high] if banded else [])]
    means = _known(course.error)
    across = {"xref": "paper", "x0": 0, "x1": 1, "layer": "below"}
    shapes = [across | {"type": "line", "y0": 0, "y1": 0, "line": {"color": ACTUAL, "width": 1.5, "dash": "dash"}}]
    caption = "The band is undefined: the errors have no standard deviation. "
    if banded:
        band = {"type": "rect", "y0": low, "y1": high, "line": {"width": 0}, "fillcolor": f"rgba({RGB[series]},.15)"}
        shapes.append(across | band)
        outside = sum(not low <= mean <= high for mean in means)
        deviations = "one standard deviation" if n_sigmas == 1 else f"{number(n_sigmas)} standard deviations"
        caption = (
            f"The mean error ± {deviations} of single rows (shaded) is {number(quality.mean_error)} ± {number(half)};"
            f" the mean errors of {count(outside)} of {counted(len(means), 'group')} of rows are outside it. "
        )
    return Figure(
        title=f"Mean error {_over(course)[6:]}",
        caption=caption + _range(means, "mean error"),
        height=HEIGHT,
        legend=((f"error in {file_in_words(series)}", COLORS[series]), ("no error", ACTUAL)),
        plot={
            "data": [_line(course, course.error, drawn, COLORS[series], "mean error %{y}")],
            "layout": {"hovermode": "x", "xaxis": _x_axis(course), "shapes": shapes},
        },
    )


def percentage_in_time(series: Series, course: Course) -> Figure:
    """The mean absolute error as a share of the absolute target, over groups of neighbouring rows."""
    means = _known(course.abs_perc_error)
    line = _line(course, course.abs_perc_error, means or [0.0], COLORS[series], "%{y:.1%}")
    caption = "No group of rows has a target other than 0."
    if means:
        least, most = (f"{number(100 * share)}\u00a0%" for share in (min(means), max(means)))
        caption = (
            f"The mean of |predicted - actual| / |actual| lies between {least} and {most} in"
            f" {counted(len(means), 'group')} of rows; rows with an actual value of 0 are left out."
        )
    return Figure(
        title=f"Mean absolute percentage error {_over(course)[6:]}",
        caption=caption,
        height=HEIGHT,
        legend=((f"absolute percentage error in {file_in_words(series)}", COLORS[series]),),
        plot={
            "data": [line],
            "layout": {
                "hovermode": "x",
                "xaxis": _x_axis(course),
                "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
            },
        },
    )


def _known(points: Points) -> list[float]:
    """Return the points that have a value."""
    return [point for point in points if point is not None]


def _line(course: Course, points: Points, scale: Sequence[float], color: str, words: str) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "lines" if len(_known(points)) > 1 else "markers",
        "x": course.x,
        "y": rounded(points, scale or [0.0]),
        "line": {"color": color, "width": 1.5},
        "marker": {"color": color, "size": 5},
        "hovertemplate": f"{words}<extra></extra>",
    }


def _x_axis(course: Course) -> dict[str, object]:
    dates = any(isinstance(x, str) for x in course.x)
    return {"type": "date" if dates else "linear", "title": {"text": in_figure(label(course.x_title, 60))}}


def _over(course: Course) -> str:
    return "Means over time" if any(isinstance(x, str) for x in course.x) else "Means in row order"


def _range(means: Sequence[float], what: str) -> str:
    if not means:
        return "No group of rows has a mean to draw."
    return f"The {what} of a group lies between {number(min(means))} and {number(max(means))}."
