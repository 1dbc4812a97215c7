"""The tab of `data_drift`: a verdict on the dataset, and one row per column."""

from evidently_cli.report.drift import ColumnDrift, DataDrift
from evidently_cli.report.page.figures import distribution, over_time
from evidently_cli.report.page.sparkline import mini_histograms
from evidently_cli.report.page.view import (
    Figure,
    Gauge,
    Heading,
    Row,
    Status,
    Tab,
    Table,
    Text,
    Verdict,
)
from evidently_cli.report.wording import count, counted, label, number, percents
from evidently_cli.visible import visible

TITLE = "Data drift"
_HEADINGS = (
    Heading("Column"),
    Heading("Type"),
    Heading("Reference", sortable=False),
    Heading("Current", sortable=False),
    Heading(
        "Drift",
        sorted=True,
        explanation="Sorted by how far the score is past its threshold, so that p-values and distances compare",
    ),
    Heading("Test"),
    Heading("Score", numeric=True),
    Heading("Threshold", numeric=True, explanation="A p-value shows drift below its threshold, a distance above it"),
)


def tab(drift: DataDrift) -> Tab:
    """The whole tab; `selection.selected` narrows it to the widgets that the configuration asks for."""
    return Tab(
        id="data_drift",
        title=TITLE,
        verdict=_verdict(drift),
        widgets=(
            Table(
                title="Data Drift",
                level="always",
                caption="Every tested column with its test of reference against current, drifted columns first",
                row_noun="columns",
                flag="Drifted only",
                headings=_HEADINGS,
                rows=tuple(_row(column, rank) for rank, column in enumerate(drift.ranked)),
            ),
        ),
    )


def _verdict(drift: DataDrift) -> Verdict:
    if drift.n_columns == 0:
        return Verdict("No column could be tested.", "The notes below say why.", alarming=False, gauge=None)
    share, limit = percents(drift.share_drifted, drift.drift_share)
    drifted = f"{count(drift.n_drifted)} of {counted(drift.n_columns, 'column')}"
    untested = f" {counted(drift.n_not_tested, 'column')} could not be tested." if drift.n_not_tested else ""
    return Verdict(
        headline="Dataset drift is detected." if drift.dataset_drift else "Dataset drift is not detected.",
        reason=f"{drifted} drifted ({share}); the limit is {limit}.{untested}",
        alarming=drift.dataset_drift,
        gauge=Gauge(drift.share_drifted, drift.drift_share, f"limit {limit}"),
    )


def _row(column: ColumnDrift, rank: int) -> Row:
    reference, current = mini_histograms(column.reference_hist, column.current_hist)
    limit = number(column.threshold)
    return Row(
        cells=(
            Text(
                label(column.name, 48), full=visible(column.name), badge="" if column.role == "feature" else column.role
            ),
            Text({"num": "number", "cat": "category"}[column.feature_type]),
            reference,
            current,
            Status("Drifted" if column.drifted else "No drift", alarming=column.drifted, sort=-rank),
            Text(column.test_name),
            Text("not finite" if column.score is None else number(column.score), sort=column.score),
            Text(f"below {limit}" if column.is_p_value else f"above {limit}", sort=column.threshold),
        ),
        flagged=column.drifted,
        notes=_notes(column),
        figures=_figures(column),
    )


def _notes(column: ColumnDrift) -> tuple[str, ...]:
    if not column.reference_missing and not column.current_missing:
        return ()
    missing = f"{count(column.reference_missing)} of the reference, {count(column.current_missing)} of current"
    return (f"Rows without a value: {missing}. They are left out of the test and of the plots.",)


def _figures(column: ColumnDrift) -> tuple[Figure, ...]:
    return (
        *([distribution(column.overlay)] if column.overlay else []),
        *([over_time(column.track)] if column.track else []),
    )
