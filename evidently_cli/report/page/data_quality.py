"""The tab of `data_quality`: how much is missing, the files as a whole, one row per column, correlations."""

import math
from collections.abc import Callable, Iterator

from evidently_cli.report.page.by_target import by_target
from evidently_cli.report.page.quality_figures import correlation_figures, shares_figure, track_figure
from evidently_cli.report.page.time_figures import labels_in_time, rows_in_time
from evidently_cli.report.page.view import Figure, Figures, Heading, Row, Tab, Table, Text, Verdict
from evidently_cli.report.quality import ColumnQuality, DataQuality, FileQuality, Statistics, Value
from evidently_cli.report.wording import count, counted, label, number, percent
from evidently_cli.visible import visible

TITLE = "Data quality"
_BOTH = "Reference → current; once where both are the same"
_TYPES = {"num": "number", "cat": "category", "datetime": "date"}


def tab(quality: DataQuality) -> Tab:
    """The whole tab; `selection.selected` narrows it to the widgets that the configuration asks for."""
    correlations = correlation_figures(
        quality.reference.correlations, quality.current.correlations if quality.current else None
    )
    return Tab(
        id="data_quality",
        title=TITLE,
        verdict=_verdict(quality),
        widgets=(
            _data_summary(quality),
            Table(
                title="Features",
                level="always",
                caption="Every column that plays a part: gaps, distinct values, the most common one, mean and range",
                row_noun="columns",
                flag="",
                headings=_headings(_BOTH if quality.current else ""),
                rows=tuple(_row(column) for column in quality.columns),
            ),
            *([Figures("Correlations", "full", correlations)] if correlations else []),
        ),
    )


def _verdict(quality: DataQuality) -> Verdict:
    name, file = list(quality.files.items())[-1]
    facts = (
        counted(len(file.constant), "constant column"),
        counted(len(file.empty), "empty column"),
        counted(file.duplicate_rows, "duplicate row"),
    )
    reference = f" In the reference, {_gaps(quality.reference.missing_share)} are." * bool(quality.current)
    return Verdict(
        headline=f"{quality.headline}.",
        reason=f"{name.capitalize()} has {facts[0]}, {facts[1]} and {facts[2]}.{reference}",
        alarming=None,
        gauge=None,
    )


def _data_summary(quality: DataQuality) -> Table:
    roles = quality.roles
    types = [column.reference.feature_type for column in quality.columns if column.role == "feature"]

    def same(text: str) -> Callable[[FileQuality], Text]:
        return lambda _: Text(label(text, 48), full=visible(text))

    lines: tuple[tuple[str, Callable[[FileQuality], Text]], ...] = (
        ("Target column", same("none" if roles.target is None else roles.target)),
        ("Date column", same("none" if roles.date is None else roles.date)),
        ("Columns", lambda file: Text(count(file.columns))),
        ("Rows", lambda file: Text(f"{count(file.rows)} ({count(file.duplicate_rows)} repeat another)")),
        (
            "Missing cells",
            lambda file: Text(f"{count(file.missing_cells)} ({_gaps(file.missing_share)})"),
        ),
        ("Categorical features", same(count(types.count("cat")))),
        ("Numeric features", same(count(types.count("num")))),
        ("Datetime features", same(count(types.count("datetime")))),
        ("Constant columns", lambda file: _names(file.constant)),
        ("Empty columns", lambda file: _names(file.empty)),
        ("Almost constant columns (95 %)", lambda file: _names(file.almost_constant)),
        ("Almost empty columns (95 %)", lambda file: _names(file.almost_empty)),
    )
    return Table(
        title="Data Summary",
        level="always",
        caption="Each file as a whole",
        row_noun="facts",
        flag="",
        headings=tuple(Heading(title, sortable=False) for title in ("Fact", *map(str.capitalize, quality.files))),
        rows=tuple(Row((Text(title), *(cell(file) for file in quality.files.values()))) for title, cell in lines),
    )


def _names(names: tuple[str, ...]) -> Text:
    if not names:
        return Text("0")
    listed = ", ".join(label(name, 40) for name in names)
    return Text(label(f"{count(len(names))}: {listed}", 80), full=f"{count(len(names))}: {label(listed, 2000)}")


def _headings(explanation: str) -> tuple[Heading, ...]:
    return (
        Heading("Column"),
        Heading("Type"),
        Heading("Missing", numeric=True, explanation=explanation),
        Heading("Unique", numeric=True, explanation=explanation),
        Heading("Most common", explanation=explanation),
        Heading("Mean", numeric=True, explanation=explanation),
        Heading("Range", explanation=explanation),
    )


def _row(column: ColumnQuality) -> Row:
    role = "" if column.role == "feature" else column.role
    return Row(
        cells=(
            Text(label(column.name, 48), full=visible(column.name), badge=role),
            Text(_TYPES[column.reference.feature_type]),
            _cell(column, lambda file: _gaps(file.share(file.missing)), lambda file: file.missing),
            _cell(column, lambda file: count(file.unique), lambda file: file.unique),
            _cell(column, _most_common, lambda _: None),
            _cell(column, lambda file: _value(file.mean), lambda file: file.mean),
            _cell(column, _range, lambda file: file.minimum),
        ),
        notes=_notes(column),
        figures=tuple(_figures(column)),
    )


def _cell(
    column: ColumnQuality, words: Callable[[Statistics], str], order: Callable[[Statistics], Value | None]
) -> Text:
    """Both files in one cell, sorted by the last; what no number stands for is sorted by its text."""
    texts = [words(file) for file in (column.reference, column.current) if file is not None]
    by = order(column.last)
    sort = float(by) if isinstance(by, int | float) and math.isfinite(by) else None
    return Text(" → ".join(dict.fromkeys(filter(None, texts))), sort=sort)


def _most_common(file: Statistics) -> str:
    if file.missing > file.common_count:
        return f"missing ({percent(file.share(file.missing))})"
    return f"{_value(file.common, 24)} ({percent(file.share(file.common_count))})"


def _range(file: Statistics) -> str:
    return "" if file.minimum is None else f"{_value(file.minimum)} to {_value(file.maximum)}"


def _gaps(share: float) -> str:
    return percent(share, 1) if share else percent(0)


def _value(value: Value | None, length: int = 40) -> str:
    if value is None:
        return ""
    if isinstance(value, str | bool):
        return label(str(value).removesuffix(" 00:00:00"), length)
    if math.isnan(value):
        return "undefined"
    return {math.inf: "∞", -math.inf: "-∞"}.get(value) or number(value)


def _notes(column: ColumnQuality) -> tuple[str, ...]:
    notes = []
    for which, file in (("Reference", column.reference), ("Current", column.current)):
        if file is not None and file.quartiles is not None and file.std is not None:
            first, middle, third = map(_value, file.quartiles)
            infinite = f", {counted(file.infinite, 'infinite value')}" if file.infinite else ""
            notes.append(
                f"{which}: median {middle}, half of the values from {first} to {third},"
                f" standard deviation {_value(file.std)}{infinite}."
            )
    if column.current is not None and column.current.new_labels is not None:
        new, unused = column.current.new_labels, column.current.unused_labels or 0
        notes.append(f"{counted(new, 'label')} of current {_are(new)} new, {count(unused)} of the reference unused.")
    return tuple(notes)


def _are(number_of: int) -> str:
    return "is" if number_of == 1 else "are"


def _figures(column: ColumnQuality) -> Iterator[Figure]:
    alone = column.current is None
    if column.overlay is not None:
        yield shares_figure(column.overlay)
    if column.track is not None:
        yield track_figure(column.track, alone=alone)
    if column.rows_in_time is not None:
        yield rows_in_time(column.name, column.rows_in_time)
    if column.labels_in_time is not None:
        yield from labels_in_time(column.labels_in_time)
    if column.by_target is not None:
        cut = column.overlay.cut if column.overlay else None
        yield by_target(column.name, column.by_target, cut, alone=alone)
