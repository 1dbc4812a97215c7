"""What a run found, for a terminal and for a script."""

from collections.abc import Iterator
from pathlib import Path

from evidently_cli.output import table
from evidently_cli.report import Result
from evidently_cli.visible import visible


def in_words(result: Result, target: Path) -> str:
    """Say what was found: each section's verdict, what matters most in it, and where the result lies."""
    lines = [*_sections(result)]
    for which, file in (("reference", result.reference), ("current", result.current)):
        if file and file.sampling:
            lines.append(f"{which}: {file.rows_kept:,} of {file.rows_read:,} rows ({file.sampling})")
    lines.append(f"wrote {visible(str(target))}")
    return "\n".join(lines).replace("\u00a0", " ")  # a terminal breaks no lines there, and an old one shows an escape


def _sections(result: Result) -> Iterator[str]:
    for name, section in result.sections.items():
        summary = section.summary()
        yield f"{name}: {summary.headline}"
        if summary.rows:
            yield table([(f"  {first}", *rest) for first, *rest in summary.rows], right=summary.numeric)
        if summary.left_out:
            yield f"  and {summary.left_out} more"


def as_json(result: Result, target: Path) -> dict[str, object]:
    """
    Return the same as one JSON object; keys are only ever added.

    `drifted` is true, false, or null where no section looked for drift; so is that of each section.
    """
    files = {"reference": result.reference, "current": result.current}
    return {
        "output": str(target),
        "drifted": result.drifted,
        "sections": {
            name: {"drifted": section.drifted, "headline": section.summary().headline.replace("\u00a0", " ")}
            for name, section in result.sections.items()
        },
        "rows": {
            which: {"read": file.rows_read, "kept": file.rows_kept} if file else None for which, file in files.items()
        },
        "notices": [{"column": notice.column, "text": notice.text} for notice in result.notices],
    }
