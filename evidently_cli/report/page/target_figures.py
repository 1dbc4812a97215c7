"""Correlations and probabilities, as Plotly takes them, each with its story in words."""

from collections.abc import Sequence
from dataclasses import replace

from evidently_cli.report.page.figures import (
    BOTH,
    CURRENT,
    HEIGHT,
    REFERENCE,
    SHARE_AXIS,
    step_edges,
    step_heights,
)
from evidently_cli.report.page.view import Figure
from evidently_cli.report.target_drift import Correlations, Probabilities
from evidently_cli.report.wording import count, counted, in_figure, label, number, percent

_MOST_CORRELATIONS = 30
_BAR_HEIGHT = 34  # two bars and air
_AXES_HEIGHT = 80


def probability_distribution(found: Probabilities, shares: Sequence[Sequence[float]], file: str) -> tuple[Figure, ...]:
    """One figure for each column of a list prediction, of one file; the last tells of those that are not drawn."""
    color = REFERENCE if file == "reference" else CURRENT
    drawn = [
        _probabilities(name, found.edges, each, file, color) for name, each in zip(found.names, shares, strict=True)
    ]
    if found.left_out:
        more = f"{counted(found.left_out, 'more column')} of column_mapping.prediction not drawn."
        drawn[-1] = replace(drawn[-1], caption=f"{drawn[-1].caption} {more}")
    return tuple(drawn)


def _probabilities(name: str, edges: Sequence[float], shares: Sequence[float], file: str, color: str) -> Figure:
    fullest = max(range(len(shares)), key=lambda i: shares[i])
    caption = (
        f"The fullest bin of “{label(name, 60)}” is {number(edges[fullest])} to {number(edges[fullest + 1])}:"
        f" it holds {percent(shares[fullest])} of the probabilities in the {file} file."
        if any(shares)
        else f"The {file} file has no probability of “{label(name, 60)}”."
    )
    return Figure(
        title=label(name, 60),
        caption=caption,
        height=HEIGHT,
        legend=((file, color),),
        plot={
            "data": [
                {
                    "type": "scatter",
                    "mode": "lines",
                    "fill": "tozeroy",
                    "x": step_edges(edges),
                    "y": step_heights(shares),
                    "line": {"shape": "hv", "color": color, "width": 1.5},
                    "hovertemplate": "from %{x}: %{y:.1%}<extra></extra>",
                }
            ],
            "layout": {"hovermode": "x", "yaxis": SHARE_AXIS, "xaxis": {"title": {"text": "probability"}}},
        },
    )


def correlations(name: str, found: Correlations) -> Figure:
    """Bars of both files for each numeric feature, at most 30: those that differ most, the largest difference first."""
    rows = list(zip(found.names[:-1], found.reference[:-1], found.current[:-1], strict=True))  # the last is its own
    shown = sorted(rows, key=_unlike)[:_MOST_CORRELATIONS]
    positions = list(range(len(shown)))

    def bars(file: str, values: Sequence[float | None], color: str) -> dict[str, object]:
        return {
            "type": "bar",
            "orientation": "h",
            "x": [None if value is None else round(value, 4) for value in values],
            "y": positions,
            "marker": {"color": color},
            "customdata": [in_figure(label(feature, 200)) for feature, _, _ in shown],
            "hovertemplate": f"%{{customdata}}<br>{file} %{{x}}<extra></extra>",
        }

    left_out = f" Of {count(len(rows))} features, the {len(shown)} that change most are shown."
    return Figure(
        title="Correlation with the features",
        caption=_correlations_in_words(name, shown[0]) + (left_out if len(shown) < len(rows) else ""),
        height=_AXES_HEIGHT + _BAR_HEIGHT * len(shown),
        legend=BOTH,
        plot={
            "data": [
                bars("reference", [each for _, each, _ in shown], REFERENCE),
                bars("current", [each for _, _, each in shown], CURRENT),
            ],
            "layout": {
                "barmode": "group",
                "bargap": 0.3,
                "xaxis": {"range": [-1, 1], "title": {"text": "Pearson correlation"}},
                "yaxis": {
                    "tickvals": positions,
                    "ticktext": [in_figure(label(feature, 24)) for feature, _, _ in shown],
                    "autorange": "reversed",
                    "showgrid": False,
                },
            },
        },
    )


def _unlike(row: tuple[str, float | None, float | None]) -> tuple[float, str]:
    feature, reference, current = row
    return (1.0 if reference is None or current is None else -abs(current - reference)), feature


def _correlations_in_words(name: str, most: tuple[str, float | None, float | None]) -> str:
    feature, reference, current = most
    if reference is None or current is None:
        return f"No feature has a correlation with “{label(name, 60)}” in both files."
    return (
        f"The correlation of “{label(name, 60)}” changes most with “{label(feature, 60)}”:"
        f" {number(reference)} in the reference, {number(current)} in current."
    )
