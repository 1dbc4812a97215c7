"""The plots of one file's predictions and errors, as Plotly takes them, each with its story in words."""

import math
from collections.abc import Sequence
from itertools import pairwise

from evidently_cli.report.page.figures import CURRENT, HEIGHT, REFERENCE, SHARE_AXIS, rounded, shares_of
from evidently_cli.report.page.view import Figure, Series
from evidently_cli.report.regression import Normality, Plots
from evidently_cli.report.wording import count, number, percent

ACTUAL = "#858c94"  # grey, which stands out on white and on black (3:1)
COLORS = {"reference": REFERENCE, "current": CURRENT}
RGB = {"reference": "61,127,214", "current": "217,114,11"}
_MOST_QUANTILES = 200
_LARGEST_DRAWN = 8e307


def density_scale(rgb: str) -> list[tuple[float, str]]:
    """Return a colour scale that sets even a single row apart from the background, dark or bright."""
    return [(0, f"rgba({rgb},.2)"), (0.05, f"rgba({rgb},.4)"), (0.3, f"rgba({rgb},.7)"), (1, f"rgba({rgb},1)")]


def square(edges: Sequence[float]) -> dict[str, object]:
    """Return the layout of actual against predicted values, with the diagonal on which every error is 0."""
    ends = rounded((edges[0], edges[-1]), edges)
    diagonal = {"type": "line", "x0": ends[0], "y0": ends[0], "x1": ends[1], "y1": ends[1]}
    return {
        "hovermode": "closest",
        "xaxis": {"title": {"text": "actual"}, "range": ends, "showgrid": False},
        "yaxis": {"title": {"text": "predicted"}, "range": ends, "showgrid": False},
        "shapes": [diagonal | {"line": {"color": ACTUAL, "width": 1.5, "dash": "dash"}}],
    }


def centres(edges: Sequence[float]) -> list[float | None]:
    """Return the middle of each bin."""
    return rounded((low + (high - low) / 2 for low, high in pairwise(edges)), edges)


def predicted_vs_actual(series: Series, plots: Plots) -> Figure:
    """Rows counted in cells of actual and predicted value."""
    cells = [[sum(counts) for counts in zip(*lines, strict=True)] for lines in zip(*plots.cells, strict=True)]
    total = sum(map(sum, cells))
    near = sum(cells[y][x] for y in range(len(cells)) for x in range(max(0, y - 1), min(len(cells), y + 2)))
    fullest, y, x = max((rows, y, x) for y, line in enumerate(cells) for x, rows in enumerate(line))
    width = (plots.edges[-1] - plots.edges[0]) / len(cells)
    return Figure(
        title="Rows by actual and predicted value",
        caption=(
            f"{percent(near / total)} of the rows lie in the cells on and next to the dashed diagonal, where predicted"
            f" equals actual; a cell is {number(width)} wide. The fullest cell holds {percent(fullest / total)}: actual"
            f" {_bin(plots.edges, x)}, predicted {_bin(plots.edges, y)}."
        ),
        height=HEIGHT,
        legend=((f"rows of {file_in_words(series)}: the more, the stronger", COLORS[series]),),
        plot={
            "data": [
                {
                    "type": "heatmap",
                    "x": centres(plots.edges),
                    "y": centres(plots.edges),
                    "z": [[rows or None for rows in line] for line in cells],
                    "zmin": 0,
                    "colorscale": density_scale(RGB[series]),
                    "showscale": False,
                    "hoverongaps": False,
                    "hovertemplate": "actual %{x}<br>predicted %{y}<br>%{z} rows<extra></extra>",
                }
            ],
            "layout": square(plots.edges),
        },
    )


def error_distribution(series: Series, plots: Plots) -> Figure:
    """How many rows have an error of which size."""
    edges, counts = plots.error_edges, plots.error_counts
    shares = [rows / sum(counts) for rows in counts]
    fullest = max(range(len(counts)), key=lambda i: counts[i])
    names = [_bin(edges, i) for i in range(len(counts))]
    return Figure(
        title="Rows by error",
        caption=(
            f"The errors lie between {number(edges[0])} and {number(edges[-1])}; the fullest of {count(len(counts))}"
            f" bins, {names[fullest]}, holds {percent(shares[fullest])} of the rows. Below 0, predictions are too low."
        ),
        height=HEIGHT,
        legend=((f"rows of {file_in_words(series)}", COLORS[series]),),
        plot={
            "data": [
                {
                    "type": "bar",
                    "x": centres(edges),
                    "y": shares_of(shares),
                    "width": [float(f"{high - low:.4g}") for low, high in pairwise(edges)],
                    "marker": {"color": COLORS[series]},
                    "customdata": names,
                    "hovertemplate": "error %{customdata}<br>%{y:.1%} of rows<extra></extra>",
                }
            ],
            "layout": {
                "bargap": 0,
                "xaxis": {"title": {"text": "predicted - actual"}},
                "yaxis": SHARE_AXIS,
            },
        },
    )


def error_normality(series: Series, normality: Normality) -> Figure:
    """The errors' quantiles against those of a normal distribution: at most 200 of them."""
    last, kept = len(normality.x) - 1, min(len(normality.x), _MOST_QUANTILES)
    places = [round(i * last / max(1, kept - 1)) for i in range(kept)]
    x, y = [normality.x[i] for i in places], [normality.y[i] for i in places]
    line = [normality.intercept + normality.slope * end for end in (x[0], x[-1])]
    points: dict[str, object] = {
        "type": "scatter",
        "mode": "markers",
        "x": rounded(x, x),
        "y": rounded(y, y),
        "marker": {"size": 5, "color": COLORS[series]},
        "hovertemplate": "normal quantile %{x}<br>error %{y}<extra></extra>",
    }
    data: list[dict[str, object]] = [points]
    if all(abs(end) <= _LARGEST_DRAWN for end in line):  # neither NaN nor close to infinite
        straight: dict[str, object] = {"type": "scatter", "mode": "lines", "x": [x[0], x[-1]], "y": rounded(line, line)}
        data.append(straight | {"line": {"color": ACTUAL, "width": 1.5, "dash": "dash"}, "hoverinfo": "skip"})
    return Figure(
        title="Errors against a normal distribution",
        caption=_normality_in_words(normality),
        height=HEIGHT,
        legend=(
            (f"quantiles of the errors in {file_in_words(series)}", COLORS[series]),
            ("normal distribution", ACTUAL),
        ),
        plot={
            "data": data,
            "layout": {
                "hovermode": "closest",
                "xaxis": {"title": {"text": "quantile of the standard normal distribution"}},
                "yaxis": {"title": {"text": "error"}},
            },
        },
    )


def _normality_in_words(normality: Normality) -> str:
    if not math.isfinite(normality.r):
        return "The errors do not differ: there is no line to compare them with."
    first, last = (normality.y[i] - normality.intercept - normality.slope * normality.x[i] for i in (0, -1))
    ends = [
        f"the {which} error is {number(abs(gap))} {'above' if gap > 0 else 'below'} it"
        for which, gap in (("lowest", first), ("highest", last))
    ]
    return (
        f"Normally distributed errors would lie on the dashed line (r = {number(normality.r)}; 1 is a perfect fit);"
        f" {' and '.join(ends)}."
    )


def _bin(edges: Sequence[float], i: int) -> str:
    return f"{number(edges[i])} to {number(edges[i + 1])}"


def file_in_words(series: Series) -> str:
    """Return how a sentence calls the file."""
    return "the reference" if series == "reference" else "current"
