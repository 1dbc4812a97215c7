"""The tab of `classification_performance`: how many predictions are right, of which class, and where errors sit."""

from evidently_cli.report.classification import ClassificationPerformance, accuracies
from evidently_cli.report.page.class_features import by_feature
from evidently_cli.report.page.class_widgets import (
    before_and_now,
    class_representation,
    confusion_matrix,
    counters,
    files_of,
    quality_by_class,
    sentence,
)
from evidently_cli.report.page.view import Tab, Verdict, Widget

TITLE = "Classification performance"


def tab(result: ClassificationPerformance) -> Tab:
    """Return the whole tab; a current file gets the same widgets as the reference."""
    files = files_of(result.reference, result.current, result.names)
    widgets: list[Widget] = []
    for widget in (counters, class_representation, confusion_matrix, quality_by_class):
        widgets.extend(widget(file) for file in files)
    return Tab(
        id="classification_performance",
        title=TITLE,
        verdict=Verdict(
            headline=sentence(accuracies(result.reference, result.current)),
            reason=sentence(before_and_now("macro F1", [file.quality.macro.f1 for file in files])),
            alarming=None,
            gauge=None,
        ),
        widgets=(*widgets, by_feature(result.features)),
    )
