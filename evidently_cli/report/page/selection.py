"""Which of a tab's widgets the configuration asks for."""

from evidently_cli.report.config import TabConfig
from evidently_cli.report.errors import ConfigError
from evidently_cli.report.page.view import Widget


def selected(widgets: tuple[Widget, ...], config: TabConfig) -> tuple[Widget, ...]:
    """
    The widgets to show: those of `include_widgets` in that order if it is given, else by `verbose_level`.

    Level 0 shows what is always shown, level 1 everything. Raises `ConfigError` for a title that the tab does not have.
    """
    if config.include_widgets is None:
        return tuple(widget for widget in widgets if widget.level == "always" or config.verbose_level > 0)
    by_title = {widget.title: widget for widget in widgets}
    for title in config.include_widgets:
        if title not in by_title:
            allowed = ", ".join(f'"{allowed}"' for allowed in by_title)
            raise ConfigError(
                f'dashboard_tabs.{config.id}.include_widgets: no widget is called "{title}"; there is {allowed}.'
            )
    return tuple(by_title[title] for title in config.include_widgets)
