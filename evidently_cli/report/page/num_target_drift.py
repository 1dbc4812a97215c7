"""The tab of `num_target_drift`: the numbers of target and prediction, alone, over time and by feature."""

from collections.abc import Iterator

from evidently_cli.report.page.figures import over_time
from evidently_cli.report.page.target_figures import correlations
from evidently_cli.report.page.target_tab import behavior_by_feature, column_drift, verdict
from evidently_cli.report.page.view import Figures, Tab, Widget
from evidently_cli.report.target_drift import NumTargetDrift

TITLE = "Numerical target drift"
_MEASURE = "The mean distance between the files' means of a bin, in standard deviations of the reference"


def tab(drift: NumTargetDrift) -> Tab:
    """The whole tab; `selection.selected` narrows it to the widgets that the configuration asks for."""
    return Tab(
        id="num_target_drift",
        title=TITLE,
        verdict=verdict(drift),
        widgets=tuple(_widgets(drift)),
    )


def _widgets(drift: NumTargetDrift) -> Iterator[Widget]:
    for column in drift.columns:
        what = column.role.capitalize()
        yield from column_drift(column)
        found = drift.correlations[column.role]
        if len(found.names) > 1:
            figures = (correlations(column.name, found),)
            yield Figures(title=f"{what} Correlations", level="full", figures=figures, half=True)
        if column.track is not None:
            yield Figures(title=f"{what} Values", level="full", figures=(over_time(column.track),), half=True)
    yield from behavior_by_feature(drift, _MEASURE)
