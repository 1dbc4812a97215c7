"""The commands below `evidently telemetry`, in the order of their help."""

from typing import Any

import typer
from typer.core import TyperGroup

from evidently_cli.output import CommandError
from evidently_cli.telemetry.flush import flush
from evidently_cli.telemetry.records import pending, show
from evidently_cli.telemetry.status import status
from spool import SpoolError


class _Commands(TyperGroup):
    """What the spool refuses, any of these commands may be refused."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SpoolError as error:
            raise CommandError(str(error), error.exit_code) from error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,  # the root has it
    help="Look at the recorded usage events, and deliver them.",
)
for command in (status, pending, show, flush):
    app.command()(command)
