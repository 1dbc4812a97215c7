"""The commands below `evidently telemetry`, in the order of their help."""

from typing import Any

import typer
from typer.core import TyperGroup

from evidently_cli.output import CommandError
from evidently_cli.telemetry import dead
from evidently_cli.telemetry.bundle import export_, import_
from evidently_cli.telemetry.doctor import doctor
from evidently_cli.telemetry.flush import flush
from evidently_cli.telemetry.preview import preview
from evidently_cli.telemetry.purge import purge
from evidently_cli.telemetry.records import pending, show
from evidently_cli.telemetry.status import status
from evidently_cli.telemetry.switch import disable, enable
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
for command in (status, pending, show, preview, flush, purge, enable, disable, doctor):
    app.command()(command)
app.add_typer(dead.app, name="dead")
app.command("export")(export_)
app.command("import")(import_)
