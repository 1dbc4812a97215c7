"""A column over the periods of the calendar, as Plotly takes it, each plot with its story in words."""

from collections.abc import Iterator, Sequence

from evidently_cli.report.page.figures import BOTH, CURRENT, HEIGHT, SHARE_AXIS
from evidently_cli.report.page.palette import label_colors
from evidently_cli.report.page.view import Figure, Series
from evidently_cli.report.quality_plots import LabelsInTime, RowsInTime, TimeBins
from evidently_cli.report.wording import count, counted, in_figure, label, percent

_REFERENCE_AREA = "rgba(61,127,214,.42)"
_CURRENT_AREA = "rgba(217,114,11,.16)"


def rows_in_time(name: str, found: RowsInTime) -> Figure:
    """How many rows of each file have their date in which period."""
    bins, current = found.bins, found.current
    counts = [("reference", found.reference), *([("current", current)] if current is not None else [])]
    lines = {
        "reference": {"fillcolor": _REFERENCE_AREA, "line": {"shape": "hv", "width": 0}},
        "current": {"fillcolor": _CURRENT_AREA, "line": {"shape": "hv", "color": CURRENT, "width": 2}},
    }
    data: list[dict[str, object]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "fill": "tozeroy",
            "hoverinfo": "skip",
            "x": (bins.edges[0], *bins.edges, bins.edges[-1]),
            "y": (0, *rows, *rows[-1:], 0),
            **lines[file],
        }
        for file, rows in counts
    ]
    data.append(
        {  # the steps' points are the starts of periods; a pointer is inside of one, and asks for its rows
            "type": "scatter",
            "mode": "markers",
            "marker": {"size": 1, "color": "rgba(0,0,0,0)"},
            "x": bins.centres,
            "y": [max(rows) for rows in zip(*(rows for _, rows in counts), strict=True)],
            "customdata": list(zip(bins.names, *(rows for _, rows in counts), strict=True)),
            "hovertemplate": "<br>".join(
                ["%{customdata[0]}", *(f"{file} %{{customdata[{i}]}} rows" for i, (file, _) in enumerate(counts, 1))]
            )
            + "<extra></extra>",
        }
    )
    return Figure(
        title=f"Rows per {bins.unit}",
        caption=" ".join(_rows_in_words(file, rows, bins) for file, rows in counts),
        height=HEIGHT,
        legend=BOTH[: len(counts)],
        plot={
            "data": data,
            "layout": {
                "hovermode": "x",
                "xaxis": {"type": "date", "title": {"text": in_figure(label(name, 60))}},
                "yaxis": {"rangemode": "tozero", "title": {"text": f"rows per {bins.unit}"}},
            },
        },
    )


def _rows_in_words(file: str, rows: Sequence[int], bins: TimeBins) -> str:
    filled = [place for place, each in enumerate(rows) if each]
    if not filled:
        return f"{file.capitalize()} has no date."
    most = max(filled, key=lambda place: rows[place])
    unit, first, last = bins.unit, filled[0], filled[-1]
    empty = last - first + 1 - len(filled)
    gaps = f"; none in {count(empty)} of {counted(last - first + 1, 'period')}" if empty else ""
    return (
        f"{file.capitalize()} has {counted(sum(rows), 'row')}, the first in the {unit} {bins.names[first]}, the last in"
        f" {bins.names[last]}, at most {count(rows[most])} per {unit} ({bins.names[most]}){gaps}."
    )


def labels_in_time(found: LabelsInTime) -> Iterator[Figure]:
    """One figure for each file: the shares of the labels in each period, stacked."""
    files: tuple[tuple[Series, Sequence[Sequence[float | None]] | None], ...] = (
        ("reference", found.reference),
        ("current", found.current),
    )
    for file, shares in files:
        if shares is not None:
            yield _stacks(file, shares, found)


def _stacks(file: Series, shares: Sequence[Sequence[float | None]], found: LabelsInTime) -> Figure:
    colors = label_colors(found.labels)
    filled = [place for place, share in enumerate(shares[0]) if share is not None]
    kept = slice(filled[0], filled[-1] + 1)
    names = found.bins.names[kept]
    data = [
        {
            "type": "bar",
            "x": found.bins.centres[kept],
            "y": [None if share is None else round(share, 4) for share in line[kept]],
            "marker": {"color": color, "line": {"width": 0}},
            "customdata": names,
            # Not in the template itself: there, a label such as "%{x}" would be taken for a value.
            "name": in_figure(label(text, 60)),
            "hovertemplate": "%{customdata}<br>%{fullData.name}: %{y:.1%}<extra></extra>",
        }
        for text, line, color in zip(found.labels, shares, colors, strict=True)
    ]
    return Figure(
        title=f"Over time, {file}",
        caption=_stacks_in_words(file, shares, filled, found),
        height=HEIGHT,
        legend=tuple((label(text, 40), color) for text, color in zip(found.labels, colors, strict=True)),
        plot={
            "data": data,
            "layout": {
                "barmode": "stack",
                "bargap": 0.06,
                "hovermode": "closest",
                "xaxis": {"type": "date", "showgrid": False, "title": {"text": in_figure(label(found.date, 60))}},
                "yaxis": SHARE_AXIS | {"range": [0, 1], "title": {"text": f"share of the {found.bins.unit}'s rows"}},
            },
        },
    )


def _stacks_in_words(
    file: Series, shares: Sequence[Sequence[float | None]], filled: Sequence[int], found: LabelsInTime
) -> str:
    """Tell of the label whose share changes most."""
    unit, names = found.bins.unit, found.bins.names
    start = f"Shares of the labels per {unit}, in {'the reference' if file == 'reference' else file}."
    courses = [[(share, place) for place in filled if (share := line[place]) is not None] for line in shares]
    lows, highs = [min(course) for course in courses], [max(course) for course in courses]
    widest = max(range(len(courses)), key=lambda i: highs[i][0] - lows[i][0])
    (low, when), (high, then) = lows[widest], highs[widest]
    if high == low:
        return f"{start} None changes."
    return (
        f"{start} That of “{label(found.labels[widest], 60)}” changes most: from {percent(low)} ({names[when]})"
        f" to {percent(high)} ({names[then]})."
    )
