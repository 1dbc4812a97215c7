"""
What a report page shows, as plain values: tabs of widgets, and nothing about how they look.

A tab's module turns its result into a `Tab`; the template draws widgets and knows no tab. To add a kind of widget, add
its dataclass to `Widget` and the macro of the same name as its `kind` to `assets/page.html.j2`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

Level = Literal["always", "full"]
Series = Literal["reference", "current"]
MOST_ROWS_AT_ONCE = 12


@dataclass(frozen=True, slots=True)
class Text:
    """A cell of words or of a number."""

    kind: ClassVar = "text"
    text: str
    full: str = ""  # the whole of a text that was shortened
    badge: str = ""
    sort: float | None = None  # what to sort by, where the text would sort wrongly
    words: bool = False  # a label in a column of numbers: takes several lines where a number takes one


@dataclass(frozen=True, slots=True)
class Status:
    """A cell that says whether there is something to look at: by word and by icon, never by colour alone."""

    kind: ClassVar = "status"
    text: str
    alarming: bool
    sort: float


@dataclass(frozen=True, slots=True)
class MiniHistogram:
    """A cell with a small histogram: an SVG path in a box of `sparkline.WIDTH` x `sparkline.HEIGHT`."""

    kind: ClassVar = "mini_histogram"
    series: Series
    path: str
    text: str  # what the drawing shows, for those who do not see it


@dataclass(frozen=True, slots=True)
class Figure:
    """A Plotly figure, drawn when it comes into sight. The caption says in words what it shows."""

    title: str
    caption: str
    height: int  # CSS pixels
    legend: tuple[tuple[str, str], ...]  # what the colours mean: words, and the CSS colour
    plot: Mapping[str, object]  # {"data": [...], "layout": {...}}; every text in it escaped by `wording.in_figure`


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column."""

    title: str
    numeric: bool = False
    sortable: bool = True
    sorted: bool = False  # the rows come in this column's order, the greatest first
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its first cell is its header; with figures, it opens to show the notes and them."""

    cells: tuple[Text | Status | MiniHistogram, ...]
    flagged: bool = False  # stays when the reader asks for flagged rows only
    notes: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table to sort; a long one can be searched, one with a flag be narrowed down to its flagged rows."""

    kind: ClassVar = "table"
    title: str
    level: Level
    caption: str
    row_noun: str  # plural: "columns"
    flag: str  # "Drifted only"; "": no row is flagged
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    half: bool = False

    @property
    def searchable(self) -> bool:
        """Whether it is too long to be seen at once."""
        return bool(self.flag) or len(self.rows) > MOST_ROWS_AT_ONCE


@dataclass(frozen=True, slots=True)
class Counters:
    """A few numbers, each with its label."""

    kind: ClassVar = "counters"
    title: str
    level: Level
    items: tuple[tuple[str, str], ...]
    half: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side."""

    kind: ClassVar = "figures"
    title: str
    level: Level
    figures: tuple[Figure, ...]
    half: bool = False  # two of them stand side by side where there is room: the reference and current


Widget = Table | Counters | Figures


@dataclass(frozen=True, slots=True)
class Gauge:
    """A share (0 to 1) against its limit."""

    share: float
    limit: float
    limit_text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A tab's result in one sentence, with what it rests on. `alarming` is None where there is nothing to judge."""

    headline: str
    reason: str
    alarming: bool | None
    gauge: Gauge | None


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a reader would otherwise miss: a column that was not tested, and why."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One part of the report. The id names it in the page's address, `report.html#data_drift`."""

    id: str
    title: str
    verdict: Verdict | None
    widgets: tuple[Widget, ...]
    notes: tuple[Note, ...] = ()  # `contents` fills them in, for every tab


@dataclass(frozen=True, slots=True)
class Source:
    """One of the data files: its name and facts about it."""

    series: Series
    name: Text
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report. `creator` is the program and its version, `created` a date and time in words."""

    title: str
    creator: str
    created: str
    sources: tuple[Source, ...]
    tabs: tuple[Tab, ...]
