"""How well are the labels predicted? Accuracy, macro averages, each class, the confusions, and where errors sit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evidently_cli.report.class_features import errors_by_feature
from evidently_cli.report.class_labels import Bools, Coded, align, place_of
from evidently_cli.report.class_metrics import confusion, quality
from evidently_cli.report.classification import ClassificationPerformance, Label, Quality
from evidently_cli.report.columns import Table
from evidently_cli.report.errors import SectionError, quoted
from evidently_cli.report.roles import Notice
from evidently_cli.report.sections import Inputs
from evidently_cli.report.stattests.samples import label_text
from evidently_cli.report.wording import count, counted

MOST_CLASSES = 1000  # a confusion matrix has the square of that
_SECTION = "classification_performance"


def compute(inputs: Inputs) -> ClassificationPerformance:
    """
    Compare the predicted labels with the true ones. A current file that cannot be computed becomes a notice.

    Raises SectionError when target or prediction is lacking, the prediction is a list of probability columns, the
    reference has no row with both, or so many labels that they are none.
    """
    target, prediction = _columns(inputs)
    notices = list(inputs.roles.notices)
    reference = _Pair.of(inputs.reference, target, prediction, notices)
    current = None
    check_classes(_SECTION, f"{quoted(target)} and {quoted(prediction)}", align(reference.columns)[0])
    if inputs.current:
        try:
            current = _Pair.of(inputs.current, target, prediction, notices)
            check_classes(_SECTION, inputs.current.name, align((*reference.columns, *current.columns))[0])
        except SectionError as error:
            current = None
            notices.append(without_current(error))
    pairs = [reference, *([current] if current else [])]
    labels, codes = align([column for pair in pairs for column in pair.columns])
    texts = tuple(label_text(label) for label in labels)
    positive = place_of(inputs.config.column_mapping.pos_label, texts)
    found: list[Quality] = []
    for true, predicted in zip(codes[::2], codes[1::2], strict=True):
        found.append(quality(confusion(true, predicted, len(labels)), labels, texts, positive))
    notices.extend(absent(found, texts))
    kept = [(pair.table, pair.kept) for pair in pairs]
    right = [true == predicted for true, predicted in zip(codes[::2], codes[1::2], strict=True)]
    return ClassificationPerformance(
        reference=found[0],
        current=found[1] if current else None,
        names=_names(inputs, labels, notices),
        features=errors_by_feature(inputs, kept, right) if inputs.with_plots else (),
        notices=tuple(notices),
        roles=inputs.roles,
    )


def _columns(inputs: Inputs) -> tuple[str, str]:
    roles = inputs.roles
    if isinstance(roles.prediction, tuple):
        raise SectionError(
            f"{_SECTION}: column_mapping.prediction lists probability columns: use prob_classification_performance"
        )
    for key in ("target", "prediction"):
        if getattr(roles, key) is None:
            raise lacking(_SECTION, key, inputs)
    return str(roles.target), str(roles.prediction)


def lacking(section: str, key: str, inputs: Inputs) -> SectionError:
    """Return the error of a section whose target or prediction is no column of the reference file."""
    name = getattr(inputs.config.column_mapping, key)
    why = f"there is no column {quoted(name)}" if isinstance(name, str) else f"column_mapping.{key} names none"
    return SectionError(
        f"{section}: needs a target and a prediction, but in {inputs.reference.name} {why}:"
        f" name the column in column_mapping.{key}"
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """Target and prediction of the rows that have both."""

    table: Table
    kept: Bools  # of the table's rows
    columns: tuple[Coded, Coded]

    @classmethod
    def of(cls, table: Table, target: str, prediction: str, notices: list[Notice]) -> _Pair:
        true, predicted = Coded.of(table.columns[target]), Coded.of(table.columns[prediction])
        kept = (true.codes >= 0) & (predicted.codes >= 0)
        check_rows(_SECTION, table, kept, notices)
        return cls(table, kept, (true.of_rows(kept), predicted.of_rows(kept)))


def check_rows(section: str, table: Table, kept: Bools, notices: list[Notice]) -> None:
    """Tell how many rows are left out for want of a value; raise SectionError when none is left."""
    left_out = len(kept) - int(kept.sum())
    if left_out == len(kept):
        raise SectionError(
            f"{section}: no row of {table.name} has both a target and a prediction"
            " (column_mapping.target, column_mapping.prediction)"
        )
    if left_out:
        notices.append(
            Notice(
                None,
                f"{table.name}: {count(left_out)} of {counted(len(kept), 'row')} left out of {section}:"
                " target or prediction is missing or infinite",
            )
        )


def check_classes(section: str, where: str, labels: Sequence[Label]) -> None:
    """Raise SectionError when there are too many labels for classes."""
    if len(labels) > MOST_CLASSES:
        raise SectionError(
            f"{section}: {where}: {count(len(labels))} different labels are too many for classes (at most"
            f" {count(MOST_CLASSES)}): do column_mapping.target and prediction hold numbers of a regression?"
        )


def without_current(error: SectionError) -> Notice:
    """Return what is told when only the reference file can be computed."""
    return Notice(None, f"the current file is not shown: {error}")


def absent(files: Sequence[Quality], texts: Sequence[str]) -> Iterator[Notice]:
    """Tell which labels only one of the files has in its target."""
    for file, found in zip(("reference", "current"), files, strict=False):
        without = [quoted(text) for text, row in zip(texts, found.matrix, strict=True) if not sum(row)]
        if without:
            more = f" and {len(without) - 3} more" if len(without) > 3 else ""  # noqa: PLR2004
            yield Notice(None, f"no row of the {file} file has the target {', '.join(without[:3])}{more}")


def _names(inputs: Inputs, labels: tuple[Label, ...], notices: list[Notice]) -> tuple[Label, ...]:
    names = inputs.roles.target_names
    if names is not None and len(names) != len(labels):
        notices.append(
            Notice(
                None,
                f"column_mapping.target_names has {counted(len(names), 'name')} for {counted(len(labels), 'label')}:"
                " the labels themselves are shown",
            )
        )
        return labels
    return names or labels
