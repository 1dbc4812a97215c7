"""
The large plots of a column, as Plotly takes them, each with its story in words.

Here is the data and how it is drawn; fonts, grid and background belong to the page (`assets/figures.js`, `report.css`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from evidently_cli.report.cut import left_out
from evidently_cli.report.drift import Overlay, Track
from evidently_cli.report.page.view import Figure
from evidently_cli.report.wording import count, in_figure, label, number, percent

# Blue and orange stay apart in every common form of colour blindness, and both stand out on white and on black (3:1).
REFERENCE = "#3d7fd6"
CURRENT = "#d9720b"
BOTH = (("reference", REFERENCE), ("current", CURRENT))  # the legend of a figure that shows both files
_REFERENCE_AREA = "rgba(61,127,214,.42)"
_REFERENCE_BAND = "rgba(61,127,214,.15)"
_CURRENT_AREA = "rgba(217,114,11,.16)"
_CURRENT_RANGE = "rgba(217,114,11,.38)"

HEIGHT = 300
_MOST_ZEROS = 290  # to round off: near the largest double, rounding up would leave the doubles
_LABEL_HEIGHT = 34  # one label of a bar chart: two bars and air
_AXES_HEIGHT = 80

SHARE_AXIS = {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": "share of rows"}}


def distribution(overlay: Overlay) -> Figure:
    """Both files over the same bins or labels, as shares of the rows that have a value."""
    if overlay.labels is not None:
        return _label_distribution(overlay, overlay.labels)
    if overlay.edges is not None:
        return with_cut(_number_distribution(overlay, overlay.edges), overlay)
    raise ValueError("an overlay has labels or edges")


def with_cut(figure: Figure, overlay: Overlay) -> Figure:
    """Say in title and caption what a cut leaves out."""
    if overlay.cut is None:
        return figure
    files = {"the reference": overlay.reference, "current": overlay.current}
    words = overlay.cut.in_words([(name, left_out(shares)) for name, shares in files.items() if shares])
    return replace(figure, title=f"{figure.title}, {overlay.cut.title}", caption=f"{figure.caption} {words}")


def _number_distribution(overlay: Overlay, edges: Sequence[float]) -> Figure:
    bins = bins_in_words(edges)
    steps = {"type": "scatter", "mode": "lines", "fill": "tozeroy", "hoverinfo": "skip", "x": step_edges(edges)}
    reference = steps | {
        "y": step_heights(overlay.reference),
        "fillcolor": _REFERENCE_AREA,
        "line": {"shape": "hv", "width": 0},
    }
    current = steps | {  # one is filled, the other outlined: they can be told apart without colours as well
        "y": step_heights(overlay.current),
        "fillcolor": _CURRENT_AREA,
        "line": {"shape": "hv", "color": CURRENT, "width": 2},
    }
    under_the_pointer = {  # the steps' points are the edges of bins; a pointer is inside a bin, and asks for its shares
        "type": "bar",
        "x": rounded((low + (high - low) / 2 for low, high in pairwise(edges)), edges),
        "y": [max(shares) for shares in zip(shares_of(overlay.reference), shares_of(overlay.current), strict=True)],
        "width": [float(f"{high - low:.4g}") for low, high in pairwise(edges)],
        "marker": {"color": "rgba(0,0,0,0)"},
        "customdata": list(zip(bins, shares_of(overlay.reference), shares_of(overlay.current), strict=True)),
        "hovertemplate": (
            "%{customdata[0]}<br>reference %{customdata[1]:.1%}<br>current %{customdata[2]:.1%}<extra></extra>"
        ),
    }
    fullest, fullest_now = _highest(overlay.reference), _highest(overlay.current)
    return Figure(
        title="Distribution",
        caption=(
            f"The fullest bin of the reference is {bins[fullest]} ({percent(overlay.reference[fullest])} of its rows),"
            f" that of current {bins[fullest_now]} ({percent(overlay.current[fullest_now])})."
            f" They differ most in the bin {_greatest_difference(overlay, bins)}."
        ),
        height=HEIGHT,
        legend=BOTH,
        plot={
            "data": [reference, current, under_the_pointer],
            "layout": {"bargap": 0, "hovermode": "x", "yaxis": SHARE_AXIS},
        },
    )


def _label_distribution(overlay: Overlay, labels: Sequence[str]) -> Figure:
    # The labels are tick texts, not values of the axis: as values, two that are equal once shortened would share one
    # bar, and those that look like dates or numbers would be placed as such.
    positions = list(range(len(labels)))
    ticks = {"tickvals": positions, "ticktext": [in_figure(label(text, 24)) for text in labels]}
    return Figure(
        title="Distribution",
        caption=_labels_in_words(overlay, [f"“{label(text, 60)}”" for text in single(labels, overlay)]),
        height=_AXES_HEIGHT + _LABEL_HEIGHT * len(labels),
        legend=BOTH,
        plot={
            "data": [
                label_bars("reference", overlay.reference, labels, REFERENCE),
                label_bars("current", overlay.current, labels, CURRENT),
            ],
            "layout": {
                "barmode": "group",
                "bargap": 0.3,
                "xaxis": SHARE_AXIS,
                "yaxis": ticks | {"autorange": "reversed", "showgrid": False},
            },
        },
    )


def single(labels: Sequence[str], overlay: Overlay) -> Sequence[str]:
    """Return the labels without the last where it stands for the rarest ones, and is none itself."""
    return labels[:-1] if overlay.merged else labels


def _labels_in_words(overlay: Overlay, names: Sequence[str]) -> str:
    def top(shares: Sequence[float]) -> str:
        place = _highest(shares[: len(names)])
        return names[place] if shares[place] else "none of them"

    # A rare one may be the most common of its file: which labels are rare is a matter of both files.
    which = (
        f"Of the {len(names)} labels drawn by themselves, the most common"
        if overlay.merged
        else "The most common label"
    )
    return (
        f"{which} of the reference is {top(overlay.reference)}, that of current {top(overlay.current)}."
        f" They differ most in {_greatest_difference(overlay, names)}."
    )


def label_bars(name: str, shares: Sequence[float], labels: Sequence[str], color: str) -> dict[str, object]:
    """Draw the share of each label as a bar at the label's position; `name` says under the pointer whose it is."""
    return {
        "type": "bar",
        "orientation": "h",
        "x": shares_of(shares),
        "y": list(range(len(labels))),
        "marker": {"color": color},
        "customdata": [in_figure(label(text, 200)) for text in labels],
        "hovertemplate": f"%{{customdata}}<br>{name} %{{x:.1%}}<extra></extra>",
    }


def over_time(track: Track) -> Figure:
    """Current's groups of rows, in time or row order, against the reference's mean and standard deviation."""
    low, high = track.band_mean - track.band_std, track.band_mean + track.band_std
    drawn = [value for value in (*track.current_low, *track.current_high, low, high) if value is not None]
    groups = list(zip(track.current_low, track.current_mean, track.current_high, strict=True))
    reference = {
        "type": "scatter",
        "mode": "lines",
        "x": track.reference_x,
        "y": rounded(track.reference_mean, drawn),
        "line": {"color": REFERENCE, "width": 1.2},
        "hovertemplate": "reference mean %{y}<extra></extra>",
    }
    current = {
        "type": "scatter",
        "mode": "markers",
        "x": track.current_x,
        "y": rounded(track.current_mean, drawn),
        "marker": {"size": 4, "color": CURRENT},
        "error_y": {  # Plotly fills an area across a group without values; a bar is simply not drawn
            "symmetric": False,
            "array": rounded((None if g[1] is None or g[2] is None else g[2] - g[1] for g in groups), drawn),
            "arrayminus": rounded((None if g[1] is None or g[0] is None else g[1] - g[0] for g in groups), drawn),
            "color": _CURRENT_RANGE,
            "thickness": 1.5,
            "width": 0,
        },
        "hovertemplate": "%{x}<br>current mean %{y}<extra></extra>",
    }
    across = {"xref": "paper", "x0": 0, "x1": 1, "layer": "below"}
    band = {"type": "rect", "y0": low, "y1": high, "line": {"width": 0}, "fillcolor": _REFERENCE_BAND}
    mean = {
        "type": "line",
        "y0": track.band_mean,
        "y1": track.band_mean,
        "line": {"color": REFERENCE, "width": 1.5, "dash": "dash"},
    }
    in_time = any(isinstance(x, str) for x in (*track.reference_x, *track.current_x))
    return Figure(
        title="Over time" if in_time else "In row order",
        caption=_track_in_words(track),
        height=HEIGHT,
        legend=BOTH,
        plot={
            "data": [reference, current],
            "layout": {
                "hovermode": "closest",
                "xaxis": {
                    "type": "date" if in_time else "linear",
                    "title": {"text": in_figure(label(track.x_title, 60))},
                },
                "shapes": [across | band, across | mean],
            },
        },
    )


def _track_in_words(track: Track) -> str:
    band = f"{number(track.band_mean)} ± {number(track.band_std)}"
    means = [mean for mean in track.current_mean if mean is not None]
    if not means:
        return f"The reference mean ± one standard deviation (shaded) is {band}. Current has no values."
    outside = sum(abs(mean - track.band_mean) > track.band_std for mean in means)
    return (
        f"The reference mean ± one standard deviation (shaded) is {band}."
        f" The means of current's groups of rows (dots; the bars reach from minimum to maximum) lie between"
        f" {number(min(means))} and {number(max(means))}; {count(outside)} of {count(len(means))} are outside the band."
    )


def bins_in_words(edges: Sequence[float]) -> list[str]:
    """Return bins in words: "1.5 to 2". One from 6.5 to 7.5 is drawn around a whole number, and has its name: "7"."""
    if all(low % 1 == 0.5 and high - low == 1 for low, high in pairwise(edges)):  # noqa: PLR2004 - see above
        return [f"{low + 0.5:.0f}" for low in edges[:-1]]
    return [f"{number(low)} to {number(high)}" for low, high in pairwise(edges)]


def step_edges(edges: Sequence[float]) -> list[float | None]:
    """Return the edges of a stepped line, which comes down to zero at both ends."""
    return rounded([edges[0], *edges, edges[-1]], edges)


def step_heights(shares: Sequence[float]) -> list[float]:
    """Return its heights."""
    return [0, *shares_of(shares), *shares_of(shares[-1:]), 0]


def _highest(shares: Sequence[float]) -> int:
    return max(range(len(shares)), key=lambda i: shares[i])


def _greatest_difference(overlay: Overlay, names: Sequence[str]) -> str:
    pairs = zip(overlay.reference, overlay.current, strict=True)
    i = _highest([abs(c - r) for r, c in pairs][: len(names)])
    return f"{names[i]}: {percent(overlay.reference[i])} of the reference, {percent(overlay.current[i])} of current"


def shares_of(shares: Iterable[float]) -> list[float]:
    """Return shares to a hundredth of a percent: less than a pixel."""
    return [round(share, 4) for share in shares]


def rounded(values: Iterable[float | None], scale: Sequence[float]) -> list[float | None]:
    """Return values to about a thousandth of the scale's range: less than a pixel, and a third of the bytes."""
    span = max(scale) - min(scale) or max(abs(value) for value in scale) or 1.0
    decimals = max(3 - math.floor(math.log10(span)), -_MOST_ZEROS) if math.isfinite(span) else -_MOST_ZEROS
    return [None if value is None else round(value, decimals) for value in values]
