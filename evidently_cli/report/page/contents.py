"""The page of a result: the files it compares and the tabs that its configuration asks for."""

from dataclasses import replace
from importlib import import_module, metadata

from evidently_cli.report.config import TabConfig
from evidently_cli.report.page.selection import selected
from evidently_cli.report.page.view import Note, Page, Series, Source, Tab, Text, Verdict
from evidently_cli.report.result import FileFacts, Result
from evidently_cli.report.roles import Notice
from evidently_cli.report.section import SectionResult, Unavailable
from evidently_cli.report.wording import count, label
from evidently_cli.visible import visible


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


def drawn(name: str, section: SectionResult) -> Tab:
    """The tab of one section, with every widget that it has, and with what the reader should know of the data."""
    module = import_module(f"{__package__}.{name}")
    if isinstance(section, Unavailable):
        verdict = Verdict("Not computed.", label(section.reason, 400), alarming=None, gauge=None)
        return Tab(name, module.TITLE, verdict, ())
    tab: Tab = module.tab(section)
    return replace(tab, notes=tuple(_note(notice) for notice in section.notices))


def _tab(result: Result, config: TabConfig) -> Tab:
    tab = drawn(config.id, result.sections[config.id])
    return replace(tab, widgets=selected(tab.widgets, config))


def _note(notice: Notice) -> Note:
    return Note("" if notice.column is None else label(notice.column, 60), label(notice.text, 400))


def _source(series: Series, file: FileFacts) -> Source:
    rows = count(file.rows_read)
    if file.sampling:
        rows = f"{count(file.rows_kept)} of {rows} ({file.sampling})"
    return Source(
        series, Text(label(file.name, 60), full=visible(file.name)), (("Rows", rows), ("Columns", count(file.columns)))
    )
