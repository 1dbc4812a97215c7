"""Classification Quality By Feature: where right and wrong predictions differ."""

from collections.abc import Sequence
from itertools import accumulate

from evidently_cli.report.classification import FeatureErrors, RightWrong
from evidently_cli.report.page.figures import HEIGHT, SHARE_AXIS, bins_in_words, shares_of, step_edges, step_heights
from evidently_cli.report.page.view import Figure, Heading, Row, Table, Text
from evidently_cli.report.wording import count, counted, in_figure, label, percent
from evidently_cli.visible import visible

RIGHT, WRONG = "#7b8794", "#c2377a"  # neither is a colour of a file
_RIGHT_AREA, _WRONG_AREA = "rgba(123,135,148,.42)", "rgba(194,55,122,.14)"
_LABEL_HEIGHT, _AXES_HEIGHT = 34, 80
_MANY_ROWS = 30  # wrong ones, from which a difference is worth believing
_FEWEST_ROWS = 5  # of a bin whose share of errors is worth telling


def by_feature(features: Sequence[FeatureErrors]) -> Table:
    """One row per feature, the one in which wrong predictions differ most from right ones first."""
    both = any(feature.current for feature in features)
    difference = (
        "How far apart the distributions of right and wrong predictions are, 0 to 100 %: of numbers the greatest"
        " distance of their cumulative shares, of labels the share that would have to change"
    )
    files = ("reference", "current") if both else ("reference",)
    ranked = sorted(features, key=lambda feature: (-_difference(feature, feature.reference), feature.name))
    return Table(
        title="Classification Quality By Feature",
        level="full",
        caption=_caption(ranked),
        row_noun="features",
        flag="",
        headings=(
            Heading("Feature"),
            Heading("Type"),
            *(
                Heading(f"Difference, {file}", numeric=True, sorted=file == "reference", explanation=difference)
                for file in files
            ),
            *(Heading(f"Most errors, {file}") for file in files),
        ),
        rows=tuple(_row(feature, both=both) for feature in ranked),
    )


def _caption(features: Sequence[FeatureErrors]) -> str:
    if not features:
        return "There is no feature"
    wrong = max(sum(feature.reference.wrong) for feature in features)
    few = f". With {counted(wrong, 'wrong row')} in the reference, much of it is chance" if wrong < _MANY_ROWS else ""
    return (
        "Each feature among right and among wrong predictions; the greater the difference, the more the errors have to"
        f" do with it{few}"
    )


def _row(feature: FeatureErrors, *, both: bool) -> Row:
    files = [("reference", feature.reference), *([("current", feature.current)] if both else [])]
    return Row(
        cells=(
            Text(label(feature.name, 48), full=visible(feature.name)),
            Text("number" if feature.edges else "category"),
            *(
                Text(percent(_difference(feature, file)), sort=_difference(feature, file)) if file else Text("none")
                for _, file in files
            ),
            *(Text(_worst(feature, file)) for _, file in files),
        ),
        figures=tuple(_figure(feature, name, file) for name, file in files if file),
    )


def _shares(rows: Sequence[int]) -> list[float]:
    total = sum(rows)
    return [each / total if total else 0.0 for each in rows]


def _difference(feature: FeatureErrors, file: RightWrong | None) -> float:
    """Return how far apart right and wrong predictions are (0 to 1): of numbers, Kolmogorov-Smirnov over the bins."""
    if file is None or not sum(file.right) or not sum(file.wrong):
        return 0.0
    differences = [r - w for r, w in zip(_shares(file.right), _shares(file.wrong), strict=True)]
    if feature.edges is not None:
        return max(map(abs, accumulate(differences)))
    return sum(map(abs, differences)) / 2


def _bins(feature: FeatureErrors) -> list[str]:
    if feature.edges is not None:
        return bins_in_words(feature.edges)
    return [f"“{label(text, 40)}”" for text in feature.labels or ()]


def _worst(feature: FeatureErrors, file: RightWrong | None) -> str:
    """Return where the share of wrong predictions is greatest, in words."""
    rates = (
        [
            (wrong / (right + wrong), wrong, text)
            for right, wrong, text in zip(file.right, file.wrong, _bins(feature), strict=True)
            if wrong and right + wrong >= _FEWEST_ROWS
        ]
        if file
        else []
    )
    if not rates:
        return "none"
    share, _, text = max(rates)
    return f"{text}: {percent(share)} wrong"


def _figure(feature: FeatureErrors, name: str, file: RightWrong) -> Figure:
    draw = _of_labels if feature.edges is None else _of_numbers
    worst = _worst(feature, file)
    wrong, rows = sum(file.wrong), sum(file.wrong) + sum(file.right)
    words = (
        f"{count(wrong)} of {counted(rows, 'row')} with a value are predicted wrong."
        + (f" The share is greatest in {worst}." if worst != "none" else "")
        if wrong
        else f"None of {counted(rows, 'row')} with a value is predicted wrong."
    )
    plot, height = draw(feature, file)
    return Figure(
        title=f"Right and wrong predictions, {name}",
        caption=words,
        height=height,
        legend=(("right", RIGHT), ("wrong", WRONG)),
        plot=plot,
    )


def _of_numbers(feature: FeatureErrors, file: RightWrong) -> tuple[dict[str, object], int]:
    edges = feature.edges or ()
    steps = {"type": "scatter", "mode": "lines", "fill": "tozeroy", "x": step_edges(edges)}
    hover = {"hovertemplate": "%{y:.1%}"}
    right = (
        steps
        | hover
        | {
            "name": "right",
            "y": step_heights(_shares(file.right)),
            "fillcolor": _RIGHT_AREA,
            "line": {"shape": "hv", "width": 0},
        }
    )
    wrong = (
        steps
        | hover
        | {
            "name": "wrong",
            "y": step_heights(_shares(file.wrong)),
            "fillcolor": _WRONG_AREA,
            "line": {"shape": "hv", "color": WRONG, "width": 2},
        }
    )
    axis = {"title": {"text": in_figure(label(feature.name, 60))}}
    layout = {"hovermode": "x", "xaxis": axis, "yaxis": SHARE_AXIS | {"title": {"text": "share of right / of wrong"}}}
    return {"data": [right, wrong], "layout": layout}, HEIGHT


def _of_labels(feature: FeatureErrors, file: RightWrong) -> tuple[dict[str, object], int]:
    labels = feature.labels or ()
    places = list(range(len(labels)))

    def bars(name: str, rows: Sequence[int], color: str) -> dict[str, object]:
        return {
            "type": "bar",
            "orientation": "h",
            "x": shares_of(_shares(rows)),
            "y": places,
            "marker": {"color": color},
            "customdata": [in_figure(label(text, 200)) for text in labels],
            "hovertemplate": f"%{{customdata}}<br>%{{x:.1%}} of the {name} predictions<extra></extra>",
        }

    ticks = {"tickvals": places, "ticktext": [in_figure(label(text, 24)) for text in labels], "showgrid": False}
    layout = {
        "barmode": "group",
        "bargap": 0.3,
        "xaxis": SHARE_AXIS | {"title": {"text": "share of right / of wrong"}},
        "yaxis": ticks | {"autorange": "reversed"},
    }
    data = [bars("right", file.right, RIGHT), bars("wrong", file.wrong, WRONG)]
    return {"data": data, "layout": layout}, _AXES_HEIGHT + _LABEL_HEIGHT * len(labels)
