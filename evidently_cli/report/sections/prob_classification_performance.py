"""How well are the probabilities of classes predicted? Labels by a threshold, ROC, precision and recall, log loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evidently_cli.report.class_features import errors_by_feature
from evidently_cli.report.class_labels import Bools, Coded, Codes, align, in_order, place_of
from evidently_cli.report.class_metrics import Floats, Ranking, confusion, log_loss, predicted_classes, quality
from evidently_cli.report.classification import Label, OneVsRest, ProbabilityQuality, ProbClassificationPerformance
from evidently_cli.report.columns import Numbers, Table
from evidently_cli.report.errors import SectionError, quoted
from evidently_cli.report.roles import Notice
from evidently_cli.report.sections import Inputs
from evidently_cli.report.sections.classification_performance import (
    absent,
    check_classes,
    check_rows,
    lacking,
    without_current,
)
from evidently_cli.report.stattests.samples import label_text
from evidently_cli.report.wording import counted

_SECTION = "prob_classification_performance"
_TOLERANCE = 1e-5  # of probabilities and their sums: they are often written with six digits


@dataclass(frozen=True, slots=True)
class _Classes:
    """The classes in the order of their probabilities. `columns` is a single one for the first of two classes."""

    target: str
    columns: tuple[str, ...]
    labels: tuple[Label, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(label_text(label) for label in self.labels)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one file with a target and all probabilities: true class and one probability per class."""

    table: Table
    kept: Bools  # of the table's rows
    true: Codes
    probabilities: Floats


def compute(inputs: Inputs) -> ProbClassificationPerformance:
    """
    Compare predicted probabilities with the true labels. A current file that cannot be computed becomes a notice.

    Raises SectionError when target or prediction is lacking, the probability columns do not match the labels of the
    target, a single one is not of a binary target with `pos_label`, or the reference has no complete row.
    """
    classes = _classes(inputs)
    notices = list(inputs.roles.notices)
    files = [_rows(inputs.reference, classes, notices)]
    if inputs.current:
        try:
            files.append(_rows(inputs.current, classes, notices))
        except SectionError as error:
            notices.append(without_current(error))
    threshold = inputs.config.options.quality_metrics.classification_threshold
    predicted = [predicted_classes(rows.probabilities, threshold) for rows in files]
    found = []
    for rows, labels in zip(files, predicted, strict=True):
        inputs.progress(f"probabilistic classification: {rows.table.name}")
        found.append(_quality(rows, labels, classes, notices, with_plots=inputs.with_plots))
    notices.extend(absent([file.quality for file in found], found[0].quality.texts))
    kept = [(rows.table, rows.kept) for rows in files]
    right = [rows.true == labels for rows, labels in zip(files, predicted, strict=True)]
    return ProbClassificationPerformance(
        reference=found[0],
        current=found[1] if len(found) > 1 else None,
        features=errors_by_feature(inputs, kept, right) if inputs.with_plots else (),
        notices=tuple(notices),
        roles=inputs.roles,
        options=inputs.config.options.quality_metrics,
    )


def _classes(inputs: Inputs) -> _Classes:
    """Return the classes that the mapping and the reference file's target speak of."""
    roles, reference = inputs.roles, inputs.reference
    for key in ("target", "prediction"):
        if not getattr(roles, key):
            raise lacking(_SECTION, key, inputs)
    target = str(roles.target)
    column = Coded.of(reference.columns[target])
    labels, _ = align([column.of_rows(column.codes >= 0)])
    check_classes(_SECTION, quoted(target), labels)
    names = tuple(dict.fromkeys((roles.prediction,) if isinstance(roles.prediction, str) else roles.prediction or ()))
    if len(names) == 1:
        return _Classes(target, names, _positive_first(inputs, names[0], labels))
    known = {_text_of(name, labels): name for name in names}
    unmatched = [quoted(label_text(label)) for label in labels if label_text(label) not in known]
    if unmatched:
        raise SectionError(
            f"{_SECTION}: {reference.name}: no probability column for the label {', '.join(unmatched[:3])} of"
            f" {quoted(target)}: column_mapping.prediction lists one column per label, each named like its label"
        )
    values = {label_text(label): label for label in labels}
    numeric = not any(isinstance(label, str | bool) for label in labels)
    if len(known) < len(names):
        raise SectionError(f"{_SECTION}: column_mapping.prediction lists two columns for one label")
    return _Classes(target, names, tuple(values.get(text, _value(text, numeric=numeric)) for text in known))


def _text_of(name: str, labels: tuple[Label, ...]) -> str:
    """Return the label that a column is named like: "1.0" is the number 1, "TRUE" the truth value."""
    if labels and all(isinstance(label, bool) for label in labels):
        return name.capitalize() if name.capitalize() in ("True", "False") else name
    if not any(isinstance(label, str) for label in labels):
        return label_text(_value(name, numeric=True))
    return name


def _value(text: str, *, numeric: bool) -> Label:
    try:
        value = float(text) if numeric else text
    except ValueError:
        return text
    if isinstance(value, float):
        if not np.isfinite(value):
            return text
        return int(value) if value.is_integer() else value
    return value


def _positive_first(inputs: Inputs, column: str, labels: tuple[Label, ...]) -> tuple[Label, ...]:
    positive = inputs.config.column_mapping.pos_label
    name = inputs.reference.name
    if len(labels) != 2:  # noqa: PLR2004
        raise SectionError(
            f"{_SECTION}: {name}: column_mapping.prediction names the single column {quoted(column)}, which is for a"
            f" target of two labels, and this one has {len(labels)}: list one probability column per label"
        )
    place = place_of(positive, [label_text(label) for label in labels])
    if place is None:
        raise SectionError(
            f"{_SECTION}: {name}: column_mapping.pos_label {quoted(str(positive))} is not a label of the target"
            f" ({', '.join(quoted(label_text(label)) for label in labels)}): it says whose probability"
            f" {quoted(column)} is"
        )
    return labels[place], labels[1 - place]


def _rows(table: Table, classes: _Classes, notices: list[Notice]) -> _Rows:
    columns = []
    for name in classes.columns:
        column = table.columns.get(name)
        if not isinstance(column, Numbers):
            what = "has no column" if column is None else "has other values than numbers in"
            raise SectionError(f"{_SECTION}: {table.name} {what} {quoted(name)} (column_mapping.prediction)")
        columns.append(column.values.astype(np.float64))
    probabilities = np.column_stack(columns)
    target = Coded.of(table.columns[classes.target])
    kept = (target.codes >= 0) & np.isfinite(probabilities).all(axis=1)
    check_rows(_SECTION, table, kept, notices)
    probabilities = probabilities[kept]
    if len(columns) == 1:
        if not _are_probabilities(probabilities):
            raise SectionError(
                f"{_SECTION}: {table.name}: {quoted(classes.columns[0])} (column_mapping.prediction) has values"
                " outside 0 to 1: they are not the probabilities of column_mapping.pos_label"
            )
        probabilities = np.column_stack([probabilities, 1 - probabilities])
    return _Rows(table, kept, _true(table, target.of_rows(kept), classes), probabilities)


def _true(table: Table, target: Coded, classes: _Classes) -> Codes:
    """Return each row's class; `align` takes both sides to the same form, whatever their types."""
    of_classes = Coded(np.arange(len(classes.labels)), classes.labels)
    labels, (rows, places) = align([target, of_classes])
    column = np.full(len(labels), -1, np.int64)
    column[places] = np.arange(len(places))
    unknown = [quoted(label_text(label)) for label, place in zip(labels, column, strict=True) if place < 0]
    if unknown:
        raise SectionError(
            f"{_SECTION}: {table.name}: no probability column for the label {', '.join(unknown[:3])} of"
            f" {quoted(classes.target)} (column_mapping.prediction)"
        )
    return column[rows]


def _quality(
    rows: _Rows, predicted: Codes, classes: _Classes, notices: list[Notice], *, with_plots: bool
) -> ProbabilityQuality:
    order = in_order(classes.labels)
    place = np.argsort(order)  # of each class, among the labels in order
    labels = tuple(classes.labels[each] for each in order)
    matrix = confusion(place[rows.true], place[predicted], len(labels))
    texts = tuple(label_text(label) for label in labels)
    shown = 1 if len(labels) == 2 else len(labels)  # noqa: PLR2004
    aucs: list[float | None] = []
    classes_shown: list[OneVsRest] = []
    is_thinned = False
    for each, text in enumerate(classes.texts):  # one after another: a ranking is several arrays of all rows
        ranking = Ranking.of(rows.true == each, rows.probabilities[:, each])
        aucs.append(ranking.roc_auc())
        if each < shown:
            classes_shown.append(_one_vs_rest(text, aucs[-1], ranking, with_plots=with_plots))
            is_thinned |= ranking.is_long
    known = [auc for auc in aucs if auc is not None]
    notices.extend(_told(rows, dict(zip(classes.texts, aucs, strict=True)), is_thinned=is_thinned))
    return ProbabilityQuality(
        quality=quality(matrix, labels, texts, int(place[0])),
        roc_auc=float(np.mean(known)) if len(known) == len(aucs) else None,
        log_loss=log_loss(rows.true, rows.probabilities) if _are_probabilities(rows.probabilities) else None,
        classes=tuple(classes_shown),
    )


def _one_vs_rest(text: str, auc: float | None, ranking: Ranking, *, with_plots: bool) -> OneVsRest:
    return OneVsRest(
        text=text,
        roc_auc=auc,
        roc=ranking.roc_curve(),
        pr=ranking.pr_curve(),
        pr_table=ranking.pr_table(),
        separation=ranking.separation() if with_plots else None,
    )


def _are_probabilities(values: Floats) -> bool:
    return bool(values.min() >= -_TOLERANCE and values.max() <= 1 + _TOLERANCE)


def _told(rows: _Rows, aucs: Mapping[str, float | None], *, is_thinned: bool) -> list[Notice]:
    """Return what is not as the numbers suggest."""
    texts = []
    without = [quoted(text) for text, auc in aucs.items() if auc is None]
    if without:
        texts.append(
            f"there is no ROC AUC of {', '.join(without[:3])}, so none on average: it takes rows with and without it"
        )
    if not _are_probabilities(rows.probabilities):
        texts.append("there is no log loss: some values of column_mapping.prediction are outside 0 to 1")
    else:
        off = int((np.abs(rows.probabilities.sum(axis=1) - 1) > _TOLERANCE).sum())
        if off:
            texts.append(
                f"the probabilities of {counted(off, 'row')} do not sum to 1: log loss divides them by their sum"
            )
    if is_thinned:
        texts.append("the ROC and precision-recall curves are thinned to at most 1000 points")
    return [Notice(None, f"{rows.table.name}: {text}") for text in texts]
