"""The command line: one tree of commands, and the one boundary where an error becomes a line and an exit code."""

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from evidently_cli import __version__
from evidently_cli.output import CommandError, emit, say

_INTERRUPTED = 130
_BRANCHES = {
    "calculate": "evidently_cli.calculate",
    "init": "evidently_cli.init",
    "telemetry": "evidently_cli.telemetry.app",
}


class _Branches(TyperGroup):
    """Imports a branch of the tree when it is asked for: no command pays for the start of another."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that was meant; of the names that are here, typer suggests one that looks like it."""
        self.commands = dict.fromkeys(_BRANCHES)  # type: ignore[assignment] # only their names are looked at
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return list(_BRANCHES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        module = _BRANCHES.get(cmd_name)
        if module is None:
            return None
        branch = get_command(import_module(module).app)
        branch.name = cmd_name
        return branch


app = typer.Typer(
    name="evidently",
    cls=_Branches,
    no_args_is_help=True,
    rich_markup_mode=None,  # rich costs every --help 70 ms
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        emit(f"evidently {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Compare two data files: an HTML report or a JSON profile, offline."""


def main() -> None:
    """Run the command line. Ends the process: 0 done, 1 data or disk, 2 usage or config, others as README lists."""
    _mend_streams()
    try:
        code = app(prog_name="evidently", standalone_mode=False) or 0  # for `python -m` as well, whose Tab is Python's
    except typer.TyperException as error:
        text = error.format_message()
        say(text if text.startswith("Usage:") else _failure(text))  # without arguments: the help page
        code = error.exit_code
    except CommandError as error:
        say(_failure(str(error)))
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):  # the latter when a question is answered so
        code = _INTERRUPTED
    except SystemExit:  # typer, when who reads us has read enough
        code = 0
    except OSError as error:
        what = "the output cannot be written" if error.filename is None else error.filename
        say(_failure(f"{what}: {error.strerror or error}"))
        code = 1
    # Not sys.exit: all is written, and to take pandas apart object by object takes a quarter of a short run.
    # Who interrupts us waits for nobody, nor for a reader who has paused: `| less` reads on only when its user does.
    os._exit(code if code == _INTERRUPTED else _flushed(code))


def _failure(text: str) -> str:
    """Return an error's line; names from outside that it holds do nothing to a terminal."""
    from evidently_cli.visible import visible  # only for who has failed

    return f"evidently: {visible(text)}"


def _mend_streams() -> None:
    """Let no stream that is closed (`2>&-`) or of a poor encoding (a redirected Windows console) end a run."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flushed(code: int) -> int:
    """Write out what is buffered; a reader who has read enough changes nothing, a full disk is an error."""
    try:
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        # Python would try once more at exit, and complain: give it something to write into.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            say(f"evidently: the output cannot be written: {error.strerror}")
            return code or 1
    return code
