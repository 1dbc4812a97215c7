"""The plots that set the rows of large errors apart from the others, each with its story in words."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from evidently_cli.report.page.figures import (
    HEIGHT,
    SHARE_AXIS,
    bins_in_words,
    label_bars,
    rounded,
    shares_of,
    step_edges,
    step_heights,
)
from evidently_cli.report.page.regression_figures import centres, density_scale, square
from evidently_cli.report.page.view import Figure, Series
from evidently_cli.report.regression import GROUPS, Plots, Quality, Spread
from evidently_cli.report.wording import in_figure, label, number, percent

# Grey, violet and gold: violet and gold stay apart in every common form of colour blindness.
_RGB = ("133,140,148", "135,92,214", "184,134,11")
_LEGEND = tuple((group, f"rgb({rgb})") for group, rgb in zip(GROUPS, _RGB, strict=True))
_LABEL_HEIGHT = 46  # one label of a bar chart: three bars and air
_AXES_HEIGHT = 80


def mean_error_per_group(quality: Quality) -> Figure:
    """The mean error of each group, with its standard deviation."""
    groups = quality.underperformance
    means = [None if not math.isfinite(group.mean_error) else group.mean_error for group in groups]
    stds = [None if not math.isfinite(group.std_error) else group.std_error for group in groups]
    scale = [0.0, *(value for value in (*means, *stds) if value is not None)]
    said = [
        f"{name} {number(group.mean_error)}"
        + (f" ± {number(group.std_error)}" if math.isfinite(group.std_error) else "")
        for name, group in zip(GROUPS, groups, strict=True)
        if math.isfinite(group.mean_error)
    ]
    return Figure(
        title="Mean error and standard deviation",
        caption=(
            f"Mean error: {', '.join(said) or 'not finite'}. Underestimation are the 5 % of rows with the lowest"
            " errors (predicted - actual), overestimation the 5 % with the highest."
        ),
        height=HEIGHT,
        legend=_LEGEND,
        plot={
            "data": [
                {
                    "type": "bar",
                    "x": [0, 1, 2],
                    "y": rounded(means, scale),
                    "marker": {"color": [color for _, color in _LEGEND]},
                    "error_y": {"array": rounded((std or 0 for std in stds), scale), "color": "#858c94"},
                    "customdata": list(zip(GROUPS, map(number, (group.std_error for group in groups)), strict=True)),
                    "hovertemplate": "%{customdata[0]}<br>mean error %{y} ± %{customdata[1]}<extra></extra>",
                }
            ],
            "layout": {
                "bargap": 0.4,
                "xaxis": {"tickvals": [0, 1, 2], "ticktext": list(GROUPS), "showgrid": False},
                "yaxis": {"title": {"text": "predicted - actual"}},
            },
        },
    )


def predicted_vs_actual_per_group(plots: Plots) -> Figure:
    """Rows counted in cells of actual and predicted value, a cell in the colour of the group with most rows in it."""
    cells = range(len(plots.edges) - 1)
    counts = [[tuple(group[y][x] for group in plots.cells) for x in cells] for y in cells]
    data = [
        {
            "type": "heatmap",
            "x": centres(plots.edges),
            "y": centres(plots.edges),
            "z": [
                [sum(each) if sum(each) and each.index(max(each)) == i else None for each in line] for line in counts
            ],
            "zmin": 0,
            "colorscale": density_scale(rgb),
            "showscale": False,
            "hoverongaps": False,
            "hovertemplate": (f"actual %{{x}}<br>predicted %{{y}}<br>%{{z}} rows, most of them {name}<extra></extra>"),
        }
        for i, (name, rgb) in enumerate(zip(GROUPS, _RGB, strict=True))
    ]
    said = []
    for name, group in list(zip(GROUPS, plots.cells, strict=True))[1:]:
        actual = [sum(column) for column in zip(*group, strict=True)]
        filled = [i for i, rows in enumerate(actual) if rows]
        if filled:
            said.append(
                f"{name} has actual values from {number(plots.edges[filled[0]])}"
                f" to {number(plots.edges[filled[-1] + 1])}"
            )
    return Figure(
        title="Rows by actual and predicted value",
        caption=(
            f"Cells on the dashed diagonal have no error; below it the prediction is too low. {_sentence(said)}"
            " A cell has the colour of the group with most rows in it."
        ),
        height=HEIGHT,
        legend=_LEGEND,
        plot={"data": data, "layout": square(plots.edges)},
    )


def spread_per_group(series: Series, spread: Spread) -> Figure:
    """A feature's values in each group, as shares of the group."""
    title = f"{series.capitalize()}: distribution per group"
    if spread.labels is not None:
        return _labels_per_group(title, spread, spread.labels)
    if spread.edges is not None:
        figure = _numbers_per_group(title, spread, spread.edges)
        if spread.cut is None:
            return figure
        words = spread.cut.in_words(list(zip(GROUPS, spread.left_out, strict=True)))
        return replace(figure, title=f"{title}, {spread.cut.title}", caption=f"{figure.caption} {words}")
    raise ValueError("a spread has labels or edges")


def _numbers_per_group(title: str, spread: Spread, edges: Sequence[float]) -> Figure:
    bins = bins_in_words(edges)
    lines: list[dict[str, object]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "hoverinfo": "skip",
            "x": step_edges(edges),
            "y": step_heights(shares),
            "line": {"shape": "hv", "color": color, "width": 2, "dash": dash},
        }
        for shares, (_, color), dash in zip(spread.shares, _LEGEND, ("solid", "dash", "dot"), strict=True)
    ]
    under_the_pointer = {
        "type": "bar",
        "x": centres(edges),
        "y": shares_of(map(max, zip(*spread.shares, strict=True))),
        "width": [float(f"{high - low:.4g}") for low, high in pairwise(edges)],
        "marker": {"color": "rgba(0,0,0,0)"},
        "customdata": list(zip(bins, *map(shares_of, spread.shares), strict=True)),
        "hovertemplate": "<br>".join(
            ["%{customdata[0]}", *(f"{name} %{{customdata[{i}]:.1%}}" for i, name in enumerate(GROUPS, 1))]
        )
        + "<extra></extra>",
    }
    return Figure(
        title=title,
        caption=_spread_in_words(spread, bins, "The fullest bin"),
        height=HEIGHT,
        legend=_LEGEND,
        plot={
            "data": [*lines, under_the_pointer],
            "layout": {"bargap": 0, "hovermode": "x", "yaxis": SHARE_AXIS | {"title": {"text": "share of the group"}}},
        },
    )


def _labels_per_group(title: str, spread: Spread, labels: Sequence[str]) -> Figure:
    positions = list(range(len(labels)))
    data = [
        label_bars(name, shares, labels, color) for shares, (name, color) in zip(spread.shares, _LEGEND, strict=True)
    ]
    ticks = {"tickvals": positions, "ticktext": [in_figure(label(text, 24)) for text in labels]}
    return Figure(
        title=title,
        caption=_spread_in_words(spread, [f"“{label(text, 60)}”" for text in labels], "The most common label"),
        height=_AXES_HEIGHT + _LABEL_HEIGHT * len(labels),
        legend=_LEGEND,
        plot={
            "data": data,
            "layout": {
                "barmode": "group",
                "bargap": 0.3,
                "xaxis": SHARE_AXIS | {"title": {"text": "share of the group"}},
                "yaxis": ticks | {"autorange": "reversed", "showgrid": False},
            },
        },
    )


def _spread_in_words(spread: Spread, names: Sequence[str], what: str) -> str:
    filled = [(group, shares) for group, shares in zip(GROUPS, spread.shares, strict=True) if any(shares)]
    said = [f"{group} {_top(shares[:-1] if spread.merged else shares, names)}" for group, shares in filled]
    empty = [group for group, shares in zip(GROUPS, spread.shares, strict=True) if not any(shares)]
    drawn = " that is drawn" if spread.cut else ""
    without = f" No row of {' and '.join(empty)} has a value{drawn}." if empty else ""
    return f"{what} of each group, with its share of the group's rows: {', '.join(said)}.{without}"


def _top(shares: Sequence[float], names: Sequence[str]) -> str:
    top = max(range(len(shares)), key=lambda i: shares[i])
    return f"{names[top]} ({percent(shares[top])})" if shares[top] else "other labels"


def _sentence(said: Sequence[str]) -> str:
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else "No row has a large error."
