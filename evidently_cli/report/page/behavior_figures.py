"""Target and prediction by the bins of a feature, as Plotly takes them, each plot with its story in words."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from evidently_cli.report.page.figures import (
    BOTH,
    CURRENT,
    HEIGHT,
    REFERENCE,
    SHARE_AXIS,
    bins_in_words,
    rounded,
    shares_of,
)
from evidently_cli.report.page.palette import label_colors
from evidently_cli.report.page.view import Figure
from evidently_cli.report.target_drift import FeatureBins, LabelsByBin, Range, ValuesByBin
from evidently_cli.report.wording import in_figure, label, number, percent

_BETWEEN = 2  # bins of air between the halves of a figure
_APART = 0.18  # of a bin, from its middle: the two files side by side


def labels_by_bin(title: str, feature: str, bins: FeatureBins, found: LabelsByBin, *, alone: bool = False) -> Figure:
    """
    The feature's distribution in both files, reference on the left, each bar split by the target's labels.

    `alone` leaves current out, where there is no second file.
    """
    names = [in_figure(name) for name in bin_names(bins)]
    colors = label_colors(found.labels)
    # One axis for both halves: the page's colours apply to a figure's first axes only.
    halves = [("reference", found.reference, 0), ("current", found.current, len(names) + _BETWEEN)][: 1 if alone else 2]

    def bars(file: str, rows: Sequence[Sequence[float]], start: int) -> Iterator[dict[str, object]]:
        for text, shares, color in zip(found.labels, rows, colors, strict=True):
            yield {
                "type": "bar",
                "x": list(range(start, start + len(names))),
                "y": shares_of(shares),
                "marker": {"color": color, "line": {"width": 0}},
                "customdata": names,
                # Not in the template itself: there, a label such as "%{x}" would be taken for a value.
                "name": in_figure(label(text, 60)),
                "hovertemplate": f"%{{customdata}}<br>%{{fullData.name}}: %{{y:.1%}} of {file}<extra></extra>",
            }

    places, texts = _ticks(bins)
    name = label(feature, 40)
    return Figure(
        title=title,
        caption=_labels_in_words(bins, found),
        height=HEIGHT,
        legend=tuple((label(text, 40), color) for text, color in zip(found.labels, colors, strict=True)),
        plot={
            "data": [bar for half in halves for bar in bars(*half)],
            "layout": {
                "barmode": "stack",
                "bargap": 0.2 if bins.edges is None else 0,
                "hovermode": "closest",
                "yaxis": SHARE_AXIS,
                "xaxis": {
                    "tickvals": [start + place for _, _, start in halves for place in places],
                    "ticktext": texts * len(halves),
                    "range": [-0.5, halves[-1][2] + len(names) - 0.5],  # a bin without rows has its place as well
                    "showgrid": False,
                    "title": {"text": in_figure(name if alone else f"{name}: left reference, right current")},
                },
            },
        },
    )


def _ticks(bins: FeatureBins) -> tuple[list[float], list[str]]:
    """Return where the ticks of a half stand, counted in bins from the middle of the first, and their texts."""
    if bins.labels is not None:
        return [float(place) for place in range(len(bins.labels))], [in_figure(label(text, 14)) for text in bins.labels]
    edges = bins.edges or ()
    marked = range(len(edges) // 4, len(edges), len(edges) // 2)  # two, so that those of both halves stay apart
    return [place - 0.5 for place in marked], [number(edges[place]) for place in marked]


def _labels_in_words(bins: FeatureBins, found: LabelsByBin) -> str:
    if found.difference is None:
        return "One of the files has no row with both values."
    cells = [
        (abs(now - before), text, name, before, now)
        for text, reference, current in zip(found.labels, found.reference, found.current, strict=True)
        for name, before, now in zip(bin_names(bins), reference, current, strict=True)
    ]
    _, text, name, before, now = max(cells, key=lambda cell: cell[0])
    return (
        "Each bar is the share of a file's rows in a bin of the feature, split by label; reference on the left, current"
        " on the right."
        f" The files differ most in “{label(text, 60)}” at {name}:"
        f" {percent(before)} of the reference, {percent(now)} of current."
    )


def values_by_bin(title: str, feature: str, bins: FeatureBins, found: ValuesByBin, *, alone: bool = False) -> Figure:
    """
    The mean and the range of the target in each bin of the feature, both files side by side.

    `alone` leaves current out, where there is no second file.
    """
    x, widths, axis, names = _places(bins)
    scale = [value for each in (*found.reference, *found.current) if each for value in (each.low, each.high, each.mean)]

    def points(file: str, ranges: Sequence[Range | None], color: str, symbol: str, side: float) -> dict[str, object]:
        drawn = [
            (place + side * _APART * width, each, name)
            for place, width, each, name in zip(x, widths, ranges, names, strict=True)
            if each
        ]
        return {
            "type": "scatter",
            "mode": "markers",
            "x": [place for place, _, _ in drawn],
            "y": rounded([each.mean for _, each, _ in drawn], scale) if scale else [],
            "marker": {"size": 7, "color": color, "symbol": symbol},
            "error_y": {
                "symmetric": False,
                # A mean may lie outside: one huge value among a hundred carries it beyond the 95 % quantile.
                "array": rounded([max(0.0, each.high - each.mean) for _, each, _ in drawn], scale) if scale else [],
                "arrayminus": rounded([max(0.0, each.mean - each.low) for _, each, _ in drawn], scale) if scale else [],
                "color": color,
                "thickness": 1.5,
                "width": 0,
            },
            "customdata": [(name, number(each.low), number(each.high)) for _, each, name in drawn],
            "hovertemplate": (
                f"%{{customdata[0]}}<br>{file} mean %{{y}}"
                "<br>5 % to 95 %: %{customdata[1]} to %{customdata[2]}<extra></extra>"
            ),
        }

    return Figure(
        title=title,
        caption=_values_in_words(bins, found),
        height=HEIGHT,
        legend=BOTH[: 1 if alone else 2],
        plot={
            "data": [
                points("reference", found.reference, REFERENCE, "circle", 0 if alone else -1),
                *([] if alone else [points("current", found.current, CURRENT, "diamond", 1)]),
            ],
            "layout": {"hovermode": "closest", "xaxis": {**axis, "title": {"text": in_figure(label(feature, 60))}}},
        },
    )


def _values_in_words(bins: FeatureBins, found: ValuesByBin) -> str:
    pairs = [
        (abs(now.mean - before.mean), name, before.mean, now.mean)
        for name, before, now in zip(bin_names(bins), found.reference, found.current, strict=True)
        if before and now
    ]
    story = "Points are the mean in each bin of the feature; the bars reach from the 5 % to the 95 % quantile. "
    if not pairs:
        return story + "No bin has values of both files."
    _, name, before, now = max(pairs, key=lambda pair: pair[0])
    return story + f"The means differ most at {name}: {number(before)} in the reference, {number(now)} in current."


def bin_names(bins: FeatureBins) -> list[str]:
    """Return the bins in words: “a”, or "1.5 to 2"."""
    if bins.labels is not None:
        return [f"“{label(text, 60)}”" for text in bins.labels]
    return bins_in_words(bins.edges or ())


def _places(bins: FeatureBins) -> tuple[list[float], list[float], Mapping[str, object], list[str]]:
    """Return the middle and the width of each bin, the axis, and the names of the bins for a pointer."""
    names = [in_figure(name) for name in bin_names(bins)]
    if bins.labels is None:
        edges = bins.edges or ()
        return (
            [low + (high - low) / 2 for low, high in pairwise(edges)],
            [high - low for low, high in pairwise(edges)],
            {},
            names,
        )
    places = [float(place) for place in range(len(bins.labels))]
    ticks = {
        "tickvals": places,
        "ticktext": [in_figure(label(text, 14)) for text in bins.labels],
        "range": [-0.5, len(places) - 0.5],
    }
    return places, [0.8] * len(places), ticks, names
