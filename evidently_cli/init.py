"""`evidently init`: look at the data, and write a config to start from."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from evidently_cli.files import write_whole
from evidently_cli.output import CommandError, say

app = typer.Typer(add_completion=False, rich_markup_mode=None)

Reference = Annotated[Path, typer.Option("--reference", help="Data to look at: CSV, Parquet, or a quoted pattern.")]
Current = Annotated[Path | None, typer.Option("--current", help="Data that will be judged, likewise.")]
Config = Annotated[Path, typer.Option("--config", help="Config file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a config that is there.")]


@app.command(help="Look at the data and write a commented config.")
def init(
    *, reference: Reference, current: Current = None, config: Config = Path("config.yaml"), force: Force = False
) -> None:
    """Write a config to start from."""
    from evidently_cli.report import ReportError
    from evidently_cli.report.starter import check_second, look_at, starter_config  # imports pandas

    if config.suffix.lower() not in {".yaml", ".yml"}:
        raise CommandError(f"{config}: the config is YAML, for its comments: call it config.yaml", 2)
    if config.exists() and not force:
        raise CommandError(f"{config}: is there already; --force replaces it", 2)
    try:
        look = look_at(reference)
        if current is not None:
            check_second(look, current)
    except ReportError as error:
        raise CommandError(str(error), error.exit_code) from error
    try:
        write_whole(config.resolve(), starter_config(look, with_current=current is not None))
    except OSError as error:
        raise CommandError(f"{config}: cannot be written: {error.strerror}") from error
    files = ["--reference", reference, *(["--current", current] if current else []), "--config", config]
    say(f"wrote {config}; next: evidently calculate report {shlex.join(map(str, files))}")
