"""The page of a result: the files it compares and the tabs that its configuration asks for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import metadata

from evidently_cli.report.config import TabConfig
from evidently_cli.report.drift import DataDrift
from evidently_cli.report.page.data_drift import data_drift_tab
from evidently_cli.report.page.selection import selected
from evidently_cli.report.page.view import Page, Series, Source, Tab, Text
from evidently_cli.report.result import FileFacts, Result
from evidently_cli.report.wording import count, label, visible

# Tab id -> what draws the result of that section.
TABS: Mapping[str, Callable[[DataDrift], Tab]] = {"data_drift": data_drift_tab}


def contents(result: Result, title: str) -> Page:
    """Everything the page shows, in the order of the configuration."""
    return Page(
        title=visible(title),
        creator=f"evidently-cli {metadata.version('evidently-cli')}",
        created=f"{result.created:%Y-%m-%d %H:%M}",
        sources=(
            _source("reference", result.reference),
            *([_source("current", result.current)] if result.current else []),
        ),
        tabs=tuple(_tab(result, config) for config in result.tabs),
    )


def _tab(result: Result, config: TabConfig) -> Tab:
    tab = TABS[config.id](result.sections[config.id])
    return replace(tab, widgets=selected(tab.widgets, config))


def _source(series: Series, file: FileFacts) -> Source:
    rows = count(file.rows_read)
    if file.sampling:
        rows = f"{count(file.rows_kept)} of {rows} ({file.sampling})"
    return Source(
        series, Text(label(file.name, 60), full=visible(file.name)), (("Rows", rows), ("Columns", count(file.columns)))
    )
