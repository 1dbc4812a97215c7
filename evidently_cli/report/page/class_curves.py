"""The figures of predicted probabilities: how they are spread, and what each threshold would find."""

from collections.abc import Sequence

from evidently_cli.report.classification import OneVsRest
from evidently_cli.report.page.class_widgets import File
from evidently_cli.report.page.figures import HEIGHT, step_edges, step_heights
from evidently_cli.report.page.view import Figure
from evidently_cli.report.wording import counted, in_figure, label, number, percent

_POINTS = 200  # of a curve: more than a reader can tell apart
_BINS = 20
_OTHERS = "#7b8794"
_OTHERS_AREA = "rgba(123,135,148,.35)"
# Apart in the common forms of colour blindness as far as eight hues can be; the dashes help beyond.
_COLORS = ("#3d7fd6", "#d9720b", "#2a9d6f", "#c2377a", "#8a63d2", "#8c7a1f", "#1f9bb5", "#7b8794")
_DASHES = ("solid", "dash", "dot")
_EDGES = [place / _BINS for place in range(_BINS + 1)]
_STEPS = "probability from %{x}: %{y:.1%} of the rows"
_DIAGONAL = {"type": "line", "x0": 0, "y0": 0, "x1": 1, "y1": 1, "line": {"color": _OTHERS, "width": 1, "dash": "dot"}}


def separation(file: File, one: OneVsRest) -> Figure:
    """The probability of a class among its own rows and among all others, in 20 bins."""
    own, others = (one.separation.own, one.separation.others) if one.separation else ((), ())
    name = label(one.text, 40)
    steps = {"type": "scatter", "mode": "lines", "fill": "tozeroy", "x": step_edges(_EDGES)}
    drawn = [
        steps
        | {
            "name": text,
            "y": step_heights(_shares(rows)),
            "fillcolor": area,
            "line": {"shape": "hv", "color": color, "width": width},
            "hovertemplate": "%{y:.1%}",
        }
        for text, rows, area, color, width in (
            ("other rows", others, _OTHERS_AREA, _OTHERS, 0),
            ("rows of the class", own, "rgba(0,0,0,0)", file.color, 2),
        )
        if sum(rows)
    ]
    return Figure(
        title=f"Probability of “{name}”",
        caption=_separation_in_words(name, own, others),
        height=HEIGHT,
        legend=((f"{file.series}, rows of the class", file.color), ("other rows", _OTHERS)),
        plot={
            "data": drawn,
            "layout": {
                "hovermode": "x",
                "xaxis": {"range": [0, 1], "title": {"text": in_figure(f"probability of {name}")}},
                "yaxis": {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": "share of rows"}},
            },
        },
    )


def _separation_in_words(name: str, own: Sequence[int], others: Sequence[int]) -> str:
    half = _BINS // 2
    high = [(sum(rows[half:]) / sum(rows) if sum(rows) else None) for rows in (own, others)]
    if high[0] is None:
        return f"No row is of the class “{name}”."
    rest = "there are no others" if high[1] is None else f"of {counted(sum(others), 'other row')} {percent(high[1])}"
    return f"Of {counted(sum(own), 'row')} of “{name}”, {percent(high[0])} have a probability of 0.5 or more; {rest}."


def probability_distribution(file: File, classes: Sequence[OneVsRest]) -> Figure:
    """The predicted probability of each class over all rows, in bins of 0.05."""
    rows = [
        [own + other for own, other in zip(one.separation.own, one.separation.others, strict=True)]
        for one in classes
        if one.separation
    ]
    lines = [
        _line(file, classes, place, step_edges(_EDGES), step_heights(_shares(counts)), hover=_STEPS)
        for place, counts in enumerate(rows)
    ]
    sure = sum(counts[0] + counts[-1] for counts in rows) / max(sum(map(sum, rows)), 1)
    what = "of all probabilities" if len(classes) > 1 else f"of the probabilities of “{label(classes[0].text, 40)}”"
    return Figure(
        title="Predicted probabilities",
        caption=f"{percent(sure)} {what} are below 0.05 or at least 0.95: there the model is sure." + file.rest,
        height=HEIGHT,
        legend=_legend(file, classes),
        plot={
            "data": lines,
            "layout": {
                "hovermode": "closest",
                "xaxis": {"range": [0, 1], "title": {"text": "probability"}},
                "yaxis": {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": "share of rows"}},
            },
        },
    )


def roc_curve(file: File, classes: Sequence[OneVsRest]) -> Figure:
    """True against false positive rate of each class."""
    lines = [
        _line(
            file, classes, place, _few(one.roc.fpr), _few(one.roc.tpr), hover="%{x:.1%} false, %{y:.1%} true positives"
        )
        for place, one in enumerate(classes)
        if one.roc.fpr
    ]
    return Figure(
        title="ROC curve",
        caption=_roc_in_words(classes) + file.rest,
        height=HEIGHT,
        legend=_legend(file, classes),
        plot={
            "data": lines,
            "layout": _unit_square("false positive rate", "true positive rate") | {"shapes": [_DIAGONAL]},
        },
    )


def _roc_in_words(classes: Sequence[OneVsRest]) -> str:
    known = [(one.roc_auc, one.text) for one in classes if one.roc_auc is not None]
    if not known:
        return "There is no curve: it takes rows with and without the class."
    lowest, text = min(known)
    which = "The least well separated class is" if len(known) > 1 else "This is the curve of"
    return (
        f"{which} “{label(text, 40)}”, with an area under the curve of {number(lowest)}: a row of the class has a"
        f" greater probability of it than another row in {percent(lowest)} of such pairs. The dotted line is chance,"
        f" {percent(0.5)}."
    )


def precision_recall_curve(file: File, classes: Sequence[OneVsRest]) -> Figure:
    """Precision against recall of each class."""
    lines = [
        _line(file, classes, place, _few(one.pr.rcl), _few(one.pr.pr), hover="recall %{x:.1%}, precision %{y:.1%}")
        for place, one in enumerate(classes)
        if one.pr.pr
    ]
    return Figure(
        title="Precision and recall",
        caption=_pr_in_words(classes) + file.rest,
        height=HEIGHT,
        legend=_legend(file, classes),
        plot={"data": lines, "layout": _unit_square("recall", "precision")},
    )


def _pr_in_words(classes: Sequence[OneVsRest]) -> str:
    known = [(_precision_at(one, 0.9), one) for one in classes if one.pr.pr]
    if not known:
        return "There is no curve: it takes rows of the class."
    precision, one = min(known, key=lambda each: each[0])
    hardest = ", the hardest class to find," if len(known) > 1 else ""
    return (
        f"Half of the rows of “{label(one.text, 40)}”{hardest} can be found with a precision of"
        f" {percent(_precision_at(one, 0.5))}, {percent(0.9)} of them with {percent(precision)}."
    )


def _precision_at(one: OneVsRest, recall: float) -> float:
    """Return the best precision with which that share of the class is found."""
    return max(pr for pr, rcl in zip(one.pr.pr, one.pr.rcl, strict=True) if rcl >= recall)


def _unit_square(x: str, y: str) -> dict[str, object]:
    return {
        "hovermode": "closest",
        "xaxis": {"range": [-0.01, 1.01], "title": {"text": x}},
        "yaxis": {"range": [-0.01, 1.01], "title": {"text": y}},
    }


def _color(file: File, classes: Sequence[OneVsRest], place: int) -> str:
    return _COLORS[place % len(_COLORS)] if len(classes) > 1 else file.color


def _line(
    file: File, classes: Sequence[OneVsRest], place: int, x: Sequence[float | None], y: Sequence[float], *, hover: str
) -> dict[str, object]:
    """One class; `hover` has its name, escaped: text that stands in a template must not be one."""
    dash = _DASHES[place // len(_COLORS) % len(_DASHES)]
    steps = {"shape": "hv"} if hover == _STEPS else {}
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": _color(file, classes, place), "width": 2, "dash": dash} | steps,
        "customdata": [in_figure(label(classes[place].text, 60))] * len(x),
        "hovertemplate": f"%{{customdata}}<br>{hover}<extra></extra>",
    }


def _legend(file: File, classes: Sequence[OneVsRest]) -> tuple[tuple[str, str], ...]:
    several = len(classes) > 1
    return tuple(
        (label(one.text, 30) if several else f"{file.series}, {label(one.text, 30)}", _color(file, classes, place))
        for place, one in enumerate(classes)
    )


def _shares(rows: Sequence[int]) -> list[float]:
    total = sum(rows)
    return [each / total if total else 0.0 for each in rows]


def _few(points: Sequence[float]) -> list[float]:
    """Return at most 200 points at even distances, both ends included."""
    last, few = len(points) - 1, min(len(points), _POINTS)
    return [round(points[round(place * last / (few - 1))], 4) for place in range(few)] if few > 1 else list(points)
