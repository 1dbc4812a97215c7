"""The widgets that `classification_performance` and `prob_classification_performance` share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidently_cli.report.classification import Quality
from evidently_cli.report.page.figures import CURRENT, REFERENCE
from evidently_cli.report.page.view import Counters, Figure, Figures, Level, Series
from evidently_cli.report.wording import count, counted, in_figure, label, number, percent

_MOST_CLASSES = 20
_CLASS_HEIGHT = 34
_AXES_HEIGHT = 90
_FEWEST_CLASSES = 3  # that a heatmap is as high as
# One hue per file, from faint to strong: readable under the numbers that Plotly writes in black or white.
_SCALES: Mapping[Series, list[list[object]]] = {
    "reference": [[0, "#e9f1fb"], [1, "#23589f"]],
    "current": [[0, "#fcf0e3"], [1, "#a4550a"]],
}


@dataclass(frozen=True, slots=True)
class File:
    """One file as its widgets show it. `shown` are the places of the classes that are drawn, in order."""

    series: Series
    quality: Quality
    names: tuple[str, ...]  # of all labels
    shown: tuple[int, ...]

    @property
    def color(self) -> str:
        """The colour of the file in every figure."""
        return REFERENCE if self.series == "reference" else CURRENT

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """What a figure of this file alone is."""
        return ((self.series, self.color),)

    @property
    def rest(self) -> str:
        """A sentence on the classes that are not drawn, or nothing."""
        if len(self.shown) == len(self.names):
            return ""
        return f" Only the {len(self.shown)} most common of {count(len(self.names))} classes are drawn."

    def title(self, widget: str) -> str:
        """Return the title that a config may name."""
        return f"{self.series.capitalize()}: {widget}"

    def quoted(self, place: int) -> str:
        """Return the name of a class as it stands in a sentence."""
        return f"“{label(self.names[place], 40)}”"

    def figures(self, widget: str, level: Level, *figures: Figure) -> Figures:
        """Return a widget of this file's figures."""
        return Figures(self.title(widget), level, figures, half=True)


def files_of(reference: Quality, current: Quality | None, names: Sequence[object]) -> tuple[File, ...]:
    """Return both files with the same classes: at most 20, the most common ones of the reference."""
    by_rows = sorted(range(len(names)), key=lambda place: -sum(reference.matrix[place]))
    shown, texts = tuple(sorted(by_rows[:_MOST_CLASSES])), tuple(str(name) for name in names)
    files = (File("reference", reference, texts, shown),)
    return (*files, File("current", current, texts, shown)) if current else files


def counters(file: File, more: tuple[tuple[str, str], ...] = ()) -> Counters:
    """Accuracy and the macro averages."""
    macro = file.quality.macro
    return Counters(
        title=file.title("Model Quality With Macro-average Metrics"),
        level="always",
        items=(
            ("Accuracy", percent(file.quality.accuracy, 1)),
            ("Precision", number(macro.precision)),
            ("Recall", number(macro.recall)),
            ("F1", number(macro.f1)),
            *more,
        ),
        half=True,
    )


def ticks(file: File) -> dict[str, object]:
    """Classes are tick texts: as values of an axis, two that are equal once shortened would be one."""
    texts = [in_figure(label(file.names[place], 24)) for place in file.shown]
    return {"tickvals": list(range(len(texts))), "ticktext": texts, "showgrid": False}


def _height(file: File) -> int:
    return _AXES_HEIGHT + _CLASS_HEIGHT * max(len(file.shown), _FEWEST_CLASSES)


def class_representation(file: File) -> Figures:
    """The number of rows of each true class."""
    rows = [sum(row) for row in file.quality.matrix]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [rows[place] for place in file.shown],
        "y": list(range(len(file.shown))),
        "marker": {"color": file.color},
        "customdata": [in_figure(label(file.names[place], 200)) for place in file.shown],
        "hovertemplate": "%{customdata}<br>%{x} rows<extra></extra>",
    }
    figure = Figure(
        title="Rows per class",
        caption=_representation_in_words(file, rows) + file.rest,
        height=_height(file),
        legend=file.legend,
        plot={
            "data": [bars],
            "layout": {
                "bargap": 0.3,
                "xaxis": {"title": {"text": "rows"}, "rangemode": "tozero"},
                "yaxis": ticks(file) | {"autorange": "reversed"},
            },
        },
    )
    return file.figures("Class Representation", "always", figure)


def _representation_in_words(file: File, rows: Sequence[int]) -> str:
    most, fewest = max(range(len(rows)), key=rows.__getitem__), min(range(len(rows)), key=rows.__getitem__)
    total = counted(sum(rows), "row")
    if len(rows) == 1:
        return f"There is one class, {file.quoted(0)}, with {total}."
    if rows[most] == rows[fewest]:
        return f"Each of the {len(rows)} classes has {counted(rows[most], 'row')} of {total}."
    return (
        f"Of {total}, {count(rows[most])} ({percent(rows[most] / sum(rows))}) are of the most common class,"
        f" {file.quoted(most)}, and {count(rows[fewest])} ({percent(rows[fewest] / sum(rows))}) of the rarest,"
        f" {file.quoted(fewest)}."
    )


def confusion_matrix(file: File) -> Figures:
    """How many rows of each true class are predicted as which, coloured by the share of the true class."""
    matrix = file.quality.matrix
    cells = [[matrix[true][predicted] for predicted in file.shown] for true in file.shown]
    shares = [
        [round(cell / sum(matrix[true]), 4) if sum(matrix[true]) else 0 for cell in row]
        for true, row in zip(file.shown, cells, strict=True)
    ]
    names = [in_figure(label(file.names[place], 60)) for place in file.shown]
    heatmap = {
        "type": "heatmap",
        "z": shares,
        "zmin": 0,
        "zmax": 1,
        "text": [[count(cell) for cell in row] for row in cells],
        "texttemplate": "%{text}",
        "customdata": [[f"{true}, predicted as {predicted}" for predicted in names] for true in names],
        "hovertemplate": "%{customdata}<br>%{text} rows, %{z:.1%} of the true class<extra></extra>",
        "colorscale": _SCALES[file.series],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    figure = Figure(
        title="True and predicted classes",
        caption=_confusion_in_words(file) + " The stronger the colour, the greater the share of the row." + file.rest,
        height=_height(file) + 20,
        legend=file.legend,
        plot={
            "data": [heatmap],
            "layout": {
                "xaxis": ticks(file) | {"title": {"text": "predicted"}},
                "yaxis": ticks(file) | {"title": {"text": "true"}, "autorange": "reversed"},
            },
        },
    )
    return file.figures("Confusion Matrix", "full", figure)


def _confusion_in_words(file: File) -> str:
    matrix = file.quality.matrix
    rows = sum(map(sum, matrix))
    right = sum(matrix[place][place] for place in range(len(matrix)))
    wrong = [(cell, i, j) for i, row in enumerate(matrix) for j, cell in enumerate(row) if i != j and cell]
    if not wrong:
        return f"All of {counted(rows, 'row')} are predicted right: they stand on the diagonal."
    most, true, predicted = max(wrong, key=lambda cell: cell[0])
    return (
        f"{count(right)} of {counted(rows, 'row')} are predicted right: they stand on the diagonal. The most frequent"
        f" confusion: {file.quoted(true)} predicted as {file.quoted(predicted)}, {counted(most, 'row')}."
    )


def quality_by_class(file: File, aucs: Mapping[str, float | None] | None = None) -> Figures:
    """Precision, recall and F1 of each class, and its ROC AUC where there are several."""
    measures = ("precision", "recall", "F1", *(("ROC AUC",) if aucs else ()))
    values: list[list[float | None]] = []
    for place in file.shown:
        scores = file.quality.classes[place]
        found = (scores.precision, scores.recall, scores.f1) if scores else (None, None, None)
        values.append([*found, *([aucs.get(file.quality.texts[place])] if aucs else [])])
    heatmap = {
        "type": "heatmap",
        "z": [[None if value is None else round(value, 4) for value in row] for row in values],
        "zmin": 0,
        "zmax": 1,
        "text": [["none" if value is None else f"{value:.3f}" for value in row] for row in values],
        "texttemplate": "%{text}",
        "customdata": [
            [f"{measure} of {in_figure(label(file.names[place], 60))}" for measure in measures] for place in file.shown
        ],
        "hovertemplate": "%{customdata}<br>%{text}<extra></extra>",
        "colorscale": _SCALES[file.series],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    figure = Figure(
        title="Precision, recall and F1",
        caption=_quality_in_words(file) + file.rest,
        height=_height(file),
        legend=file.legend,
        plot={
            "data": [heatmap],
            "layout": {
                "xaxis": {"tickvals": list(range(len(measures))), "ticktext": measures, "showgrid": False},
                "yaxis": ticks(file) | {"autorange": "reversed"},
            },
        },
    )
    return file.figures("Quality Metrics by Class", "always", figure)


def _quality_in_words(file: File) -> str:
    by_f1 = sorted((scores.f1, place) for place, scores in enumerate(file.quality.classes) if scores)
    (worst, bad), (best, good) = by_f1[0], by_f1[-1]
    if best == worst:
        return f"F1 is {number(best)} for every class."
    return (
        f"By F1, {file.quoted(good)} is predicted best ({number(best)}) and {file.quoted(bad)} worst ({number(worst)})."
    )


def sentence(text: str) -> str:
    """Return words as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."


def before_and_now(what: str, values: Sequence[float | None]) -> str:
    """`macro F1 0.96 in the reference, 0.93 in current`."""
    texts = ["undefined" if value is None else number(value) for value in values]
    return f"{what} {texts[0]}" + (f" in the reference, {texts[1]} in current" if len(texts) > 1 else "")
