"""Arrivals over time: a small drawing for a page, and a page to look closer."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import plotly.graph_objects as go  # type: ignore[import-untyped]
from fleet_figures import Case, steady_minute
from fleet_simulation import BACK, DOWN, MINUTE, SHOWN, WARM_UP, WELL
from plotly.subplots import make_subplots  # type: ignore[import-untyped]

_FROM, _TO = (DOWN + WARM_UP) // 2 // MINUTE, (SHOWN + WELL) // 2 // MINUTE
_SERIES = (("taken", "taken"), ("refused", "429"), ("unanswered", "no answer"))
_COLOURS = {"taken": "#2a78d6", "refused": "#eb6834", "unanswered": "#8d8c86"}

_WIDTH, _TOP, _LEFT = 980, 56, 44
_ROW, _COLUMN, _GAP = 142, 214, 16
_PLOT = 78
_HEAD, _TEXT = 26, 12
_COLUMNS = 4
_STYLE = """\
text{font:11px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#52514e}
.strong{font-weight:600;fill:#0b0b0b}
.taken{fill:#2a78d6}.refused{fill:#eb6834}.unanswered{fill:#8d8c86}
.axis{stroke:#c3c2b7}.down{fill:#8d8c86;opacity:.14}.limited{fill:#eb6834;opacity:.1}
.steady{stroke:#52514e;stroke-dasharray:2 3}
.ground{fill:#fcfcfb}
@media (prefers-color-scheme:dark){
text{fill:#c3c2b7}.strong{fill:#fff}.ground{fill:#1a1a19}.axis{stroke:#52514e}.steady{stroke:#c3c2b7}
.taken{fill:#3987e5}.refused{fill:#d95926}
}"""


def svg(cases: Sequence[Case]) -> str:
    """Return a drawing of the cases, a row for each fleet, for light and dark pages."""
    fleets = [list(group) for _, group in groupby(cases, key=lambda case: case.fleet.name)]
    drawn = [line for number, fleet in enumerate(fleets) for line in _row(fleet, _TOP + number * _ROW)]
    height = _TOP + _ROW * len(fleets) + 4
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img">',
            "<title>Requests a minute over the steady rate, while an endpoint is down and after it is back</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="ground" width="{_WIDTH}" height="{height}" rx="6"/>',
            *_legend(),
            *drawn,
            "</svg>\n",
        ]
    )


def page(cases: Sequence[Case]) -> str:
    """Return a page that opens offline: all cases minute by minute, with the backlog."""
    titles = [f"{case.fleet.name}, {case.policy.name}: {case.policy.words}" for case in cases]
    figure = make_subplots(
        rows=len(cases), cols=1, subplot_titles=titles, vertical_spacing=0.3 / len(cases), specs=_axes(len(cases))
    )
    for number, case in enumerate(cases, 1):
        hours = [(minute * MINUTE - BACK) / 3600 for minute in range(len(case.course.taken))]
        for name, label in _SERIES:
            rates = [count * case.scale / MINUTE for count in getattr(case.course, name)]
            bars = go.Bar(x=hours, y=rates, name=label, marker={"color": _COLOURS[name], "line": {"width": 0}})
            figure.add_trace(bars.update(legendgroup=name, showlegend=number == 1), row=number, col=1)
        backlog = [count * case.scale for count in case.course.backlog]
        line = go.Scatter(x=hours, y=backlog, name="backlog, events", line={"color": "#4a3aa7", "width": 1.5})
        line.update(legendgroup="backlog", showlegend=number == 1)
        figure.add_trace(line, row=number, col=1, secondary_y=True)
    figure.update_xaxes(title_text="hours since the endpoint is back")
    figure.update_yaxes(title_text="requests/s", secondary_y=False)
    figure.update_yaxes(title_text="events", secondary_y=True, showgrid=False, rangemode="tozero")
    figure.update_layout(
        barmode="stack", bargap=0, height=320 * len(cases), template="plotly_white", legend={"orientation": "h"}
    )
    return str(figure.to_html(include_plotlyjs=True, full_html=True))


def _axes(number: int) -> list[list[dict[str, bool]]]:
    return [[{"secondary_y": True}] for _ in range(number)]


def _legend() -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="22" class="strong">Requests a minute, over the steady rate</text>'
    x = _LEFT + 262
    for name, label in _SERIES:
        yield f'<rect x="{x}" y="13" width="10" height="10" rx="2" class="{name}"/>'
        yield f'<text x="{x + 15}" y="22">{label}</text>'
        x += 34 + 7 * len(label)
    for name, label in (("down", "endpoint down"), ("limited", "at half its size")):
        yield f'<rect x="{x}" y="11" width="14" height="14" class="{name}"/>'
        yield f'<text x="{x + 19}" y="22">{label}</text>'
        x += 38 + 6 * len(label)


def _row(fleet: Sequence[Case], top: int) -> Iterator[str]:
    """Draw the cases of one fleet on one scale: what is compared must be comparable."""
    chosen = [case for case in fleet if case.policy.hint != "spread"][:_COLUMNS]
    most = max(
        case.course.minute(minute) / steady_minute(case.course) for case in chosen for minute in range(_FROM, _TO)
    )
    yield f'<text x="{_LEFT}" y="{top}"><tspan class="strong">{fleet[0].fleet.name}</tspan> {_escaped(fleet[0])}</text>'
    for column, case in enumerate(chosen):
        yield from _panel(case, _LEFT + column * (_COLUMN + _GAP), top + _HEAD, most)


def _escaped(case: Case) -> str:
    return case.fleet.words.replace("`", "").replace("&", "&amp;")


def _panel(case: Case, left: int, top: int, most: float) -> Iterator[str]:
    bottom = top + _PLOT
    for name, start, end in (("down", DOWN, BACK), ("limited", BACK, WELL)):
        x, wide = _x(start / MINUTE), _x(end / MINUTE) - _x(start / MINUTE)
        yield f'<rect class="{name}" x="{left + x:.1f}" y="{top}" width="{wide:.1f}" height="{_PLOT}"/>'
    floor = [0.0] * (_TO - _FROM)
    for name, _ in _SERIES:
        counts = getattr(case.course, name)[_FROM:_TO]
        heights = [count / steady_minute(case.course) / most * _PLOT for count in counts]
        yield from _bars(name, heights, floor, left, bottom)
        floor = [low + height for low, height in zip(floor, heights, strict=True)]
    y = bottom - _PLOT / most
    yield f'<path class="steady" d="M{left} {y:.1f}h{_COLUMN}"/><path class="axis" d="M{left} {bottom}.5h{_COLUMN}"/>'
    yield f'<text x="{left}" y="{top - 6}">{case.policy.name}</text>'
    if left == _LEFT:
        yield f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end">1</text>'
        if y - top > _TEXT:  # or the two would lie upon each other
            yield f'<text x="{left - 5}" y="{top + 7}" text-anchor="end">{most:.1f}</text>'
    for hour, words in ((-1, "\N{MINUS SIGN}1 h"), (0, "back"), (1, "+1 h")):
        x = left + _x(BACK / MINUTE + hour * MINUTE)
        yield f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{words}</text>'


def _bars(name: str, heights: Sequence[float], floor: Sequence[float], left: int, bottom: int) -> Iterator[str]:
    """Draw one series as one path, a bar for each minute that has any."""
    wide = _COLUMN / len(heights)
    bars = [
        f"M{left + number * wide:.1f} {bottom - low:.1f}v{-height:.1f}h{wide:.2f}v{height:.1f}z"
        for number, (height, low) in enumerate(zip(heights, floor, strict=True))
        if height > 0
    ]
    if bars:
        yield f'<path class="{name}" d="{"".join(bars)}"/>'


def _x(minute: float) -> float:
    return (minute - _FROM) / (_TO - _FROM) * _COLUMN
