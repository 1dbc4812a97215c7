"""The plots of `data_quality`: one file alone where there is no second one, and correlations as heatmaps."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from evidently_cli.report.drift import Overlay, Track
from evidently_cli.report.page.figures import (
    HEIGHT,
    REFERENCE,
    SHARE_AXIS,
    bins_in_words,
    distribution,
    over_time,
    rounded,
    shares_of,
    single,
    with_cut,
)
from evidently_cli.report.page.view import Figure
from evidently_cli.report.quality import Correlations, Matrix
from evidently_cli.report.wording import counted, in_figure, label, number, percent

_ALONE = (("reference", REFERENCE),)
# Purple and green stay apart in every common form of colour blindness, and are not the colours of the files.
_NEGATIVE = "#8e5bc0"
_POSITIVE = "#2f9e63"
_HARDLY_NEGATIVE = "rgba(142,91,192,.05)"
_HARDLY_POSITIVE = "rgba(47,158,99,.05)"
_MOST_DRAWN = 30  # columns of a heatmap
_MOST_WRITTEN = 10  # columns of a heatmap with room for numbers in it
_TOP = 3
_TITLES = {"pearson": "Pearson", "spearman": "Spearman", "kendall": "Kendall", "cramer_v": "Cramér's V"}

Pairs = Mapping[tuple[str, str], float]


def shares_figure(overlay: Overlay) -> Figure:
    """The distribution of a column in both files, or of the reference alone."""
    if overlay.current:
        return distribution(overlay)
    if overlay.labels is not None:
        names = [label(text, 60) for text in overlay.labels]
        bars: dict[str, object] = {"orientation": "h", "x": shares_of(overlay.reference), "y": list(range(len(names)))}
        ticks = {
            "tickvals": bars["y"],
            "ticktext": [in_figure(label(text, 24)) for text in overlay.labels],
            "autorange": "reversed",
            "showgrid": False,
        }
        layout: dict[str, object] = {"bargap": 0.3, "xaxis": SHARE_AXIS, "yaxis": ticks}
        story, height, value = "most common label is “{}”", 80 + 24 * len(names), "%{x:.1%}"
    else:
        edges = overlay.edges or ()
        names = bins_in_words(edges)
        bars = {
            "x": rounded((low + (high - low) / 2 for low, high in pairwise(edges)), edges),
            "y": shares_of(overlay.reference),
            "width": [float(f"{high - low:.4g}") for low, high in pairwise(edges)],
        }
        layout = {"bargap": 0, "yaxis": SHARE_AXIS}
        story, height, value = "fullest bin is {}", HEIGHT, "%{y:.1%}"
    most = max(range(len(single(names, overlay))), key=lambda i: overlay.reference[i])
    bars |= {
        "type": "bar",
        "marker": {"color": REFERENCE},
        "customdata": [in_figure(name) for name in names],
        "hovertemplate": f"%{{customdata}}<br>reference {value}<extra></extra>",
    }
    caption = f"The {story.format(names[most])}: {percent(overlay.reference[most])} of the rows with a value."
    return with_cut(Figure("Distribution", caption, height, _ALONE, {"data": [bars], "layout": layout}), overlay)


def track_figure(track: Track, *, alone: bool) -> Figure:
    """A numeric column over time or rows: current against the reference, or the reference alone."""
    both = over_time(track)
    if not alone:
        return both
    means = [mean for mean in track.reference_mean if mean is not None]
    story = f" The means of its {counted(len(means), 'group')} of rows lie between {number(min(means))} and"
    return Figure(
        title=both.title,
        caption=(
            f"The mean ± one standard deviation (shaded) is {number(track.band_mean)} ± {number(track.band_std)}."
            f"{story} {number(max(means))}."
            if means
            else "There are no values."
        ),
        height=both.height,
        legend=_ALONE,
        plot={**both.plot, "data": _first(both.plot["data"])},
    )


def _first(traces: object) -> list[object]:
    return list(traces[:1]) if isinstance(traces, list) else []


def correlation_figures(reference: Correlations, current: Correlations | None) -> tuple[Figure, ...]:
    """One heatmap per coefficient and file, of the columns with the strongest correlations."""
    figures = []
    for key, before in reference.items():
        now = dict(current.items())[key] if current else Matrix()
        drawn = _strongest_columns(before, now)
        for which, matrix in (("reference", before), ("current", now)):
            if matrix.names:
                changes = _changes(before.pairs(), now.pairs()) if which == "current" else ""
                figures.append(_heatmap(key, which, matrix, drawn, changes))
    return tuple(figures)


def _strongest_columns(*matrices: Matrix) -> frozenset[str]:
    """Return the columns to draw: all, or the 30 that have the strongest correlations in one of the files."""
    best: dict[str, float] = {}
    for matrix in matrices:
        best = dict.fromkeys(matrix.names, 0.0) | best
        for names, value in matrix.pairs().items():
            best |= {name: max(best[name], abs(value)) for name in names}
    return frozenset(sorted(best, key=lambda name: (-best[name], name))[:_MOST_DRAWN])


def _heatmap(key: str, which: str, matrix: Matrix, drawn: frozenset[str], changes: str) -> Figure:
    rows = [i for i, name in enumerate(matrix.names) if name in drawn]
    names = [in_figure(label(matrix.names[i], 60)) for i in rows]
    signed = key != "cramer_v"
    positions = list(range(len(rows)))
    ticks = {
        "tickvals": positions,
        "ticktext": [in_figure(label(matrix.names[i], 16)) for i in rows],
        "showgrid": False,
    }
    colours = [[0.5 if signed else 0, _HARDLY_POSITIVE], [1, _POSITIVE]]
    if signed:
        colours = [[0, _NEGATIVE], [0.5, _HARDLY_NEGATIVE], *colours]
    # NaN is not JSON, and a column with itself says nothing.
    values = [[None if i == j else _shown(matrix.values[i][j]) for j in rows] for i in rows]
    plot: dict[str, object] = {
        "type": "heatmap",
        "x": positions,
        "y": positions,
        "z": values,
        "zmin": -1 if signed else 0,
        "zmax": 1,
        "colorscale": colours,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "customdata": [[f"{name}<br>{other}" for other in names] for name in names],
        "hovertemplate": "%{customdata}<br>%{z:.3f}<extra></extra>",
    }
    if len(rows) <= _MOST_WRITTEN:
        plot["texttemplate"] = "%{z:.2f}"
    left_out = len(matrix.names) - len(rows)
    return Figure(
        title=f"{_TITLES[key]}: {which}",
        caption=_strongest(matrix.pairs(), which)
        + changes
        + (f" Not drawn: {counted(left_out, 'column')} with weaker ones." if left_out else ""),
        height=max(HEIGHT, 110 + 22 * len(rows)),
        legend=(*((("-1", _NEGATIVE),) if signed else ()), ("+1" if signed else "1", _POSITIVE)),
        plot={
            "data": [plot],
            "layout": {
                "hovermode": "closest",
                "xaxis": ticks | {"tickangle": -45},
                "yaxis": ticks | {"autorange": "reversed"},
            },
        },
    )


def _shown(value: float) -> float | None:
    return round(value, 3) if value == value else None  # noqa: PLR0124 - NaN is the number that differs from itself


def _strongest(pairs: Pairs, which: str) -> str:
    if not pairs:
        return f"No correlation of {which} is defined."
    top = sorted(pairs, key=lambda pair: (-abs(pairs[pair]), pair))[:_TOP]
    return f"The strongest in {which}: {_listed(f'{_pair(names)} ({_coefficient(pairs[names])})' for names in top)}."


def _changes(before: Pairs, now: Pairs) -> str:
    """Say which correlations of current differ most from those of the reference, if any does by 0.01."""
    common = {frozenset(names): value for names, value in before.items()}
    changed = [(names, common[frozenset(names)], value) for names, value in now.items() if frozenset(names) in common]
    top = sorted(changed, key=lambda change: (-abs(change[2] - change[1]), change[0]))[:_TOP]
    told = [
        f"{_pair(names)} ({_coefficient(was)} → {_coefficient(value)})"
        for names, was, value in top
        if round(abs(value - was), 2)
    ]
    return f" Changed most: {_listed(told)}." if told else " None differs from the reference by 0.01." * bool(top)


def _pair(names: Sequence[str]) -> str:
    return " and ".join(f"“{label(name, 40)}”" for name in sorted(names))


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _coefficient(value: float) -> str:
    return f"{value:z.2f}"  # z: nobody reads -0.00
