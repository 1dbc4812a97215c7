"""The tab of `cat_target_drift`: the labels of target and prediction, alone and by feature."""

from collections.abc import Iterator

from evidently_cli.report.page.target_figures import probability_distribution
from evidently_cli.report.page.target_tab import behavior_by_feature, column_drift, verdict
from evidently_cli.report.page.view import Figures, Tab, Widget
from evidently_cli.report.target_drift import CatTargetDrift

TITLE = "Categorical target drift"
_MEASURE = "Half the sum of the differences between the files' shares of rows by bin and label: 0 to 1"


def tab(drift: CatTargetDrift) -> Tab:
    """The whole tab; `selection.selected` narrows it to the widgets that the configuration asks for."""
    return Tab(
        id="cat_target_drift",
        title=TITLE,
        verdict=verdict(drift),
        widgets=tuple(_widgets(drift)),
    )


def _widgets(drift: CatTargetDrift) -> Iterator[Widget]:
    for column in drift.columns:
        yield from column_drift(column)
    found = drift.probabilities
    if found is not None:
        for file, shares in (("reference", found.reference), ("current", found.current)):
            yield Figures(
                title=f"{file.capitalize()}: Probability Distribution",
                level="full",
                figures=probability_distribution(found, shares, file),
                half=True,
            )
    yield from behavior_by_feature(drift, _MEASURE)
