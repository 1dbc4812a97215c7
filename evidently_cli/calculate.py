"""`evidently calculate`: two files and a config in, a profile or a report out."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evidently_cli.output import CommandError, emit, say, table
from evidently_cli.progress import stages

if TYPE_CHECKING:
    from evidently_cli import event, report

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Compare two data files.")

Reference = Annotated[Path, typer.Option("--reference", help="CSV file to compare with.")]
Current = Annotated[Path | None, typer.Option("--current", help="CSV file to judge.")]
Output = Annotated[Path, typer.Option("--output-path", "--output_path", "--output", help="Folder for the result.")]
Name = Annotated[str, typer.Option("--report-name", "--report_name", help="Name of the result.")]
Config = Annotated[Path, typer.Option("--config", help="JSON or YAML file that says what to compute.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also tell when telemetry could not be recorded.")]


def _command(kind: Literal["profile", "report"], name: str, ending: str) -> Callable[..., None]:
    def command(
        *,
        reference: Reference,
        config: Config,
        current: Current = None,
        output_path: Output = Path(),
        report_name: Name = name,
        verbose: Verbose = False,
    ) -> None:
        if not report_name:
            raise typer.BadParameter("--report-name is empty")
        target = output_path / (report_name if report_name.endswith(ending) else report_name + ending)
        _run(kind, reference, current, config, target, verbose=verbose)

    return command


app.command("profile", help="Write a JSON profile: NAME.json.")(_command("profile", "profile", ".json"))
app.command("report", help="Write an HTML report: NAME.html.")(_command("report", "report", ".html"))
app.command("dashboard", help="Write an HTML report, as Evidently 0.1.x called it.", hidden=True)(
    _command("report", "dashboard", ".html")
)


def _run(
    kind: Literal["profile", "report"],
    reference: Path,
    current: Path | None,
    config_path: Path,
    target: Path,
    *,
    verbose: bool,
) -> None:
    from evidently_cli import event, recorder, report  # 25 ms that `--help` need not pay

    try:
        config = report.load_config(config_path)
        try:
            config.check(kind)
        except report.ConfigError as error:
            raise CommandError(f"{config_path.name}: {error}", error.exit_code) from error
        with _output(target) as write, stages() as progress:
            result = report.calculate(reference, current, config, kind=kind, progress=progress)
            progress(f"writing {target.name}")
            write(result.to_json(indent=config.pretty_print) if kind == "profile" else result.to_html(_title(result)))
    except report.ReportError as error:
        raise CommandError(str(error), error.exit_code) from error
    for notice in result.notices:
        say(f"note: {notice}")
    emit(_summary(result, target))
    usage = event.Usage(
        kind, config.sections(kind), _sampling(config.sampling.reference), _sampling(config.sampling.current)
    )
    recorder.record_run(usage, os.environ, say if verbose else lambda _text: None)


@contextmanager
def _output(target: Path) -> Iterator[Callable[[str], None]]:
    """
    Yield a function that writes the result. The folder is made, and tried, before anything is computed.

    The text goes into a temporary file and takes the target's name at the end: a reader never meets half a report.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        temporary.unlink()
    except OSError as error:
        raise CommandError(f"{target.parent}: no file can be written there: {error.strerror}") from error

    def write(text: str) -> None:
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(target)
        except OSError as error:
            raise CommandError(f"{target}: cannot be written: {error.strerror}") from error

    try:
        yield write
    finally:
        temporary.unlink(missing_ok=True)


def _title(result: "report.Result") -> str:
    reference = result.reference.name
    return reference if result.current is None else f"{result.current.name} compared with {reference}"


def _summary(result: "report.Result", target: Path) -> str:
    """Say what was found: a verdict for each section, what drifted most, and where the result lies."""
    from evidently_cli.report.wording import visible

    lines = []
    for name, section in result.sections.items():
        summary = section.summary()
        lines.append(f"{name}: {summary.headline}")
        if summary.rows:
            lines.append(table([(f"  {first}", *rest) for first, *rest in summary.rows], right=summary.numeric))
        if summary.left_out:
            lines.append(f"  and {summary.left_out} more")
    for which, file in (("reference", result.reference), ("current", result.current)):
        if file and file.sampling:
            lines.append(f"{which}: {file.rows_kept:,} of {file.rows_read:,} rows ({file.sampling})")
    lines.append(f"wrote {visible(str(target))}")
    return "\n".join(lines).replace("\u00a0", " ")  # a terminal breaks no lines there, and an old one shows an escape


def _sampling(sampling: "report.Sampling") -> "event.SamplingUsage":
    from evidently_cli import event

    return event.SamplingUsage(sampling.type, sampling.ratio, sampling.n, sampling.random_seed)
