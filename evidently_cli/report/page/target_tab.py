"""What the tabs of `cat_target_drift` and `num_target_drift` have in common: verdict, distributions, features."""

from collections.abc import Iterator
from dataclasses import replace

from evidently_cli.report.drift import ColumnDrift, against_limit
from evidently_cli.report.page.behavior_figures import labels_by_bin, values_by_bin
from evidently_cli.report.page.figures import distribution
from evidently_cli.report.page.view import Figure, Figures, Heading, Row, Table, Text, Verdict
from evidently_cli.report.target_drift import Behavior, LabelsByBin, TargetDrift
from evidently_cli.report.wording import count, label, number
from evidently_cli.visible import visible


def verdict(drift: TargetDrift) -> Verdict:
    """The verdict on target and prediction, which rests on the test of each."""
    return Verdict(
        headline=f"{_capital(drift.headline)}.",
        reason=" ".join(f"{_capital(column.role)}: {_test_in_words(column)}." for column in drift.columns),
        alarming=drift.drifted,
        gauge=None,
    )


def column_drift(column: ColumnDrift) -> Iterator[Figures]:
    """The distribution of one column in both files, with the result of its test."""
    if column.overlay is None:
        return
    figure = distribution(column.overlay)
    said = f"{_capital(column.role)} drift is {'detected' if column.drifted else 'not detected'}"
    sentences = (f"{said}: {_test_in_words(column)}.", figure.caption, *_missing(column))
    yield Figures(
        title=f"{_capital(column.role)} Drift",
        level="always",
        figures=(replace(figure, title=label(column.name, 60), caption=" ".join(sentences)),),
        half=True,
    )


def behavior_by_feature(drift: TargetDrift, measure: str) -> Iterator[Table]:
    """One row per feature, which opens to target and prediction by it. The largest difference comes first."""
    if not drift.behaviors:
        return
    roles = [column.role for column in drift.columns]
    yield Table(
        title="Target (Prediction) Behavior By Feature",
        level="full",
        caption=f"{' and '.join(map(_capital, roles))} by each feature, in both files",
        row_noun="features",
        flag="",
        headings=(
            Heading("Feature"),
            Heading("Type"),
            *(
                Heading(f"{_capital(role)} difference", numeric=True, sorted=position == 0, explanation=measure)
                for position, role in enumerate(roles)
            ),
        ),
        rows=tuple(_row(behavior, drift) for behavior in sorted(drift.behaviors, key=_rank)),
    )


def _rank(behavior: Behavior) -> tuple[float, str]:
    differences = [found.difference for _, found in behavior.by_bin]
    return 1.0 if not differences else 0.5 if differences[0] is None else -differences[0], behavior.feature


def _row(behavior: Behavior, drift: TargetDrift) -> Row:
    differences = dict(behavior.by_bin)
    found = (differences.get(column.role) for column in drift.columns)
    return Row(
        cells=(
            Text(label(behavior.feature, 48), full=visible(behavior.feature)),
            Text({"num": "number", "cat": "category"}[behavior.feature_type]),
            *(
                Text(f"not drawn: {behavior.reason}")
                if each is None
                else Text("none")
                if each.difference is None
                else Text(number(each.difference), sort=each.difference)
                for each in found
            ),
        ),
        figures=tuple(_figures(behavior, drift)),
    )


def _figures(behavior: Behavior, drift: TargetDrift) -> Iterator[Figure]:
    if behavior.bins is None:
        return
    for column, (_, found) in zip(drift.columns, behavior.by_bin, strict=True):
        title = f"{_capital(column.role)} by feature: {label(column.name, 60)}"
        if isinstance(found, LabelsByBin):
            yield labels_by_bin(title, behavior.feature, behavior.bins, found)
        else:
            yield values_by_bin(title, behavior.feature, behavior.bins, found)


def _test_in_words(column: ColumnDrift) -> str:
    score = "not finite" if column.score is None else number(column.score)
    return f"{column.test_name} of “{label(column.name, 60)}” is {score}, {against_limit(column)}"


def _missing(column: ColumnDrift) -> Iterator[str]:
    if column.reference_missing or column.current_missing:
        yield (
            f"Rows without a value are left out: {count(column.reference_missing)} of the reference,"
            f" {count(column.current_missing)} of current."
        )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
