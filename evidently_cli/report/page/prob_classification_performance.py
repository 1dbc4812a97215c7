"""The tab of `prob_classification_performance`: the labels' quality, and how well probabilities tell classes apart."""

from collections.abc import Sequence

from evidently_cli.report.classification import OneVsRest, ProbabilityQuality, ProbClassificationPerformance, accuracies
from evidently_cli.report.page.class_curves import (
    precision_recall_curve,
    probability_distribution,
    roc_curve,
    separation,
)
from evidently_cli.report.page.class_features import by_feature
from evidently_cli.report.page.class_widgets import (
    File,
    before_and_now,
    class_representation,
    confusion_matrix,
    counters,
    files_of,
    quality_by_class,
    sentence,
)
from evidently_cli.report.page.view import Figures, Heading, Row, Tab, Table, Text, Verdict, Widget
from evidently_cli.report.wording import label, number
from evidently_cli.visible import visible

TITLE = "Probabilistic classification performance"
_CELLS = ("{:.1f}", "{}", "{:.2f}", "{}", "{}", "{:.1f}", "{:.1f}")


def tab(result: ProbClassificationPerformance) -> Tab:
    """Return the whole tab; a current file gets the same widgets as the reference."""
    found = [result.reference, *([result.current] if result.current else [])]
    current = result.current.quality if result.current else None
    files = files_of(result.reference.quality, current, result.reference.quality.texts)
    pairs = list(zip(files, found, strict=True))
    widgets: list[Widget] = [_counters(file, quality) for file, quality in pairs]
    widgets.extend(class_representation(file) for file in files)
    widgets.extend(confusion_matrix(file) for file in files)
    widgets.extend(quality_by_class(file, _aucs(quality)) for file, quality in pairs)
    for widget in (_separation, _distribution, _roc, _precision_recall, _table):
        widgets.extend(widget(file, _shown(file, quality)) for file, quality in pairs)
    aucs, losses = [quality.roc_auc for quality in found], [quality.log_loss for quality in found]
    macro = before_and_now("macro F1", [file.quality.macro.f1 for file in files])
    return Tab(
        id="prob_classification_performance",
        title=TITLE,
        verdict=Verdict(
            headline=sentence(accuracies(result.reference.quality, current)),
            reason=sentence(f"{macro}; {before_and_now('ROC AUC', aucs)}; {before_and_now('log loss', losses)}"),
            alarming=None,
            gauge=None,
        ),
        widgets=(*widgets, by_feature(result.features)),
    )


def _aucs(quality: ProbabilityQuality) -> dict[str, float | None] | None:
    return {one.text: one.roc_auc for one in quality.classes} if len(quality.classes) > 1 else None


def _shown(file: File, quality: ProbabilityQuality) -> list[OneVsRest]:
    """Return the classes that are drawn; of two there is only the positive one."""
    texts = {file.quality.texts[place] for place in file.shown}
    return [one for one in quality.classes if one.text in texts]


def _counters(file: File, quality: ProbabilityQuality) -> Widget:
    values = (("ROC AUC", quality.roc_auc), ("LogLoss", quality.log_loss))
    return counters(file, tuple((name, "none" if value is None else number(value)) for name, value in values))


def _separation(file: File, classes: Sequence[OneVsRest]) -> Figures:
    return file.figures("Class Separation Quality", "full", *(separation(file, one) for one in classes))


def _distribution(file: File, classes: Sequence[OneVsRest]) -> Figures:
    return file.figures("Probability Distribution", "full", probability_distribution(file, classes))


def _roc(file: File, classes: Sequence[OneVsRest]) -> Figures:
    return file.figures("ROC Curve", "full", roc_curve(file, classes))


def _precision_recall(file: File, classes: Sequence[OneVsRest]) -> Figures:
    return file.figures("Precision-Recall Curve", "full", precision_recall_curve(file, classes))


def _table(file: File, classes: Sequence[OneVsRest]) -> Table:
    """What is found in the most probable rows: of several classes, with a column that names the class."""
    several = len(classes) > 1
    return Table(
        title=file.title("Precision-Recall Table"),
        level="full",
        caption=(
            "The rows with the greatest probability of "
            + ("each class" if several else f"“{label(classes[0].text, 40)}”")
            + ", down to each share of the file"
        ),
        row_noun="cuts",
        flag="",
        headings=(
            *((Heading("Class"),) if several else ()),
            Heading("Top %", numeric=True),
            Heading("Rows", numeric=True),
            Heading("Probability", numeric=True, explanation="That of the first row below the cut"),
            Heading("TP", numeric=True, explanation="Rows that are of the class"),
            Heading("FP", numeric=True, explanation="Rows that are not"),
            Heading("Precision %", numeric=True),
            Heading("Recall %", numeric=True),
        ),
        rows=tuple(
            Row(
                (
                    *((Text(label(one.text, 40), full=visible(one.text)),) if several else ()),
                    *(Text(text.format(cell), sort=cell) for text, cell in zip(_CELLS, cells, strict=True)),
                )
            )
            for one in classes
            for cells in one.pr_table
        ),
        half=not several,  # with a column more, half the width is too narrow
    )
