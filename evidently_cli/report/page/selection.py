"""Which of a tab's widgets the configuration asks for."""

from evidently_cli.report.config import TabConfig
from evidently_cli.report.page.view import Widget


def selected(widgets: tuple[Widget, ...], config: TabConfig) -> tuple[Widget, ...]:
    """
    The widgets to show: those of `include_widgets` in that order if it is given, else by `verbose_level`.

    Level 0 shows what is always shown, level 1 everything. `Config.check` has seen that the titles are the tab's; a
    widget of the current file is not there without one.
    """
    if config.include_widgets is None:
        return tuple(widget for widget in widgets if widget.level == "always" or config.verbose_level > 0)
    by_title = {widget.title: widget for widget in widgets}
    return tuple(by_title[title] for title in config.include_widgets if title in by_title)
