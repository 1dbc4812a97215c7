"""
The report as one HTML file: opens offline, loads nothing, sends nothing.

`view` says what a page shows, a module per tab (`data_drift`) fills it from that tab's result, `selection` narrows it
to what the configuration asks for, `document` writes it.
"""

from evidently_cli.report.result import Result

__all__ = ["render"]


def render(result: Result, title: str) -> str:
    """
    The report of `result` as a complete HTML file, about 2 MB whatever the number of rows.

    Raises `ConfigError` when `include_widgets` names a widget that its tab does not have.
    """
    from evidently_cli.report.page.contents import contents
    from evidently_cli.report.page.document import document

    return document(contents(result, title))
