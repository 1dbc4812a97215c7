"""`evidently calculate`: two files and a config in, a profile or a report out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evidently_cli.files import temporary_beside, write_whole
from evidently_cli.output import CommandError, emit, emit_json, say
from evidently_cli.progress import stages

if TYPE_CHECKING:
    from evidently_cli import report

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help="Compare two data files.")

Reference = Annotated[
    Path, typer.Option("--reference", help="Data to compare with: CSV, Parquet, a quoted pattern, or - for stdin.")
]
Current = Annotated[Path | None, typer.Option("--current", help="Data to judge, likewise.")]
Output = Annotated[Path, typer.Option("--output-path", "--output_path", "--output", help="Folder for the result.")]
Name = Annotated[str, typer.Option("--report-name", "--report_name", help="Name of the result.")]
Config = Annotated[Path, typer.Option("--config", help="JSON or YAML file that says what to compute.")]
FailOnDrift = Annotated[bool, typer.Option("--fail-on-drift", help="Exit with code 3 when drift is found.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Say what was found as one JSON object.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also tell when telemetry could not be recorded.")]

DRIFT_FOUND = 3


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run speaks, and how it ends."""

    fail_on_drift: bool = False
    quiet: bool = False
    json: bool = False
    verbose: bool = False


def _command(kind: Literal["profile", "report"], name: str, ending: str) -> Callable[..., None]:
    def command(
        *,
        reference: Reference,
        config: Config,
        current: Current = None,
        output_path: Output = Path(),
        report_name: Name = name,
        fail_on_drift: FailOnDrift = False,
        quiet: Quiet = False,
        json: Json = False,
        verbose: Verbose = False,
    ) -> None:
        if not report_name:
            raise typer.BadParameter("--report-name is empty")
        if reference == current == Path("-"):
            raise typer.BadParameter("only one of --reference and --current can be standard input")
        target = output_path / (report_name if report_name.endswith(ending) else report_name + ending)
        for path in (config, reference, current):
            if path is not None and _is_one(path, target):
                raise typer.BadParameter(f"the result would overwrite {path}: choose another --report-name")
        manner = Manner(fail_on_drift, quiet, json, verbose)
        _run(kind, config, target, manner, reference=reference, current=current)

    return command


app.command("profile", help="Write a JSON profile: NAME.json.")(_command("profile", "profile", ".json"))
app.command("report", help="Write an HTML report: NAME.html.")(_command("report", "report", ".html"))
app.command("dashboard", help="Write an HTML report, as Evidently 0.1.x called it.", hidden=True)(
    _command("report", "dashboard", ".html")
)


def _is_one(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


def _run(
    kind: Literal["profile", "report"],
    config_path: Path,
    target: Path,
    manner: Manner,
    *,
    reference: Path,
    current: Path | None,
) -> None:
    from evidently_cli import event, recorder, report, summary  # 25 ms that `--help` need not pay

    config = load_config(config_path, kind)
    try:
        write = _writer(target)
        with stages(quiet=manner.quiet) as progress:
            result = report.calculate(reference, current, config, kind=kind, progress=progress)
            progress(f"writing {target.name}")
            write(result.to_json(indent=config.pretty_print) if kind == "profile" else result.to_html())
    except report.ReportError as error:
        raise CommandError(str(error), error.exit_code) from error
    if manner.json:
        emit_json(summary.as_json(result, target))
    elif not manner.quiet:
        for notice in result.notices:
            say(f"note: {notice}")
        emit(summary.in_words(result, target))
    tell = say if manner.verbose else lambda _text: None
    recorder.record_run(event.Usage.of(kind, config), os.environ, tell, quiet=manner.quiet or manner.json)
    if manner.fail_on_drift:
        _stop_at_drift(result)


def _stop_at_drift(result: "report.Result") -> None:
    """End with the exit code for drift, or with an error: a pipeline that trusts in this must not pass unseen."""
    from evidently_cli import report

    if result.drifted:
        raise typer.Exit(DRIFT_FOUND)
    if result.drifted is None:
        if any(isinstance(section, report.Unavailable) for section in result.sections.values()):
            raise CommandError("--fail-on-drift: no section that could be computed looks for drift")
        raise CommandError("--fail-on-drift: none of the sections looks for drift", 2)
    for notice in result.notices:
        if notice.changed:
            raise CommandError(f"--fail-on-drift: {notice}")


def load_config(path: Path, kind: Literal["profile", "report"] | None) -> "report.Config":
    """Read the config of a run. CommandError when it is none for this kind, or (None) for any."""
    from evidently_cli import report

    try:
        config = report.load_config(path)
    except report.ReportError as error:
        raise CommandError(str(error), error.exit_code) from error
    try:
        config.check(kind)
    except report.ConfigError as error:
        raise CommandError(f"{path.name}: {error}", error.exit_code) from error
    return config


def _writer(target: Path) -> Callable[[str], None]:
    """Return a function that writes the result. The folder is made, and tried, before anything is computed."""
    temporary = temporary_beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        temporary.unlink()
    except FileExistsError as error:
        says = "is no folder, and --output-path names one; the file's name is --report-name's"
        raise CommandError(f"{target.parent} {says}") from error
    except OSError as error:
        raise CommandError(f"{target.parent}: no file can be written there: {error.strerror}") from error

    def write(text: str) -> None:
        try:
            write_whole(target, text)
        except OSError as error:
            raise CommandError(f"{target}: cannot be written: {error.strerror}") from error

    return write
