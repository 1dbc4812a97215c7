"""Profiles and reports beside evidently 0.7 and 0.1.59: time, memory, size; 10 k, 100 k and 1 M rows x 25 columns."""

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
FASTER = {10_000: 5.0, 100_000: 10.0, 1_000_000: 20.0}
MEMORY = 1 / 3
IRIS = 1 / 5
HTML_BYTES = 6_000_000
"""Budgets: times as fast as 0.7 by rows; peak memory against its; start to first result on iris; size of a report."""

_PEERS = {
    "0.7": ["evidently==0.7.23", "pandas<3"],  # with pandas 3 it cannot be imported
    "0.1.59": [
        "numpy==1.23.5", "pandas==1.5.3", "scikit-learn==1.2.2", "scipy==1.10.1", "plotly==5.24.1",
        "statsmodels==0.14.1", "requests", "PyYAML", "setuptools==65.5.0",
    ],
}  # fmt: skip
_NEW = """
import sys
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset, DataSummaryPreset
presets = {"data_drift": DataDriftPreset, "data_quality": DataSummaryPreset}
reference, current, what, kind = sys.argv[1:]
done = Report([presets[what]()]).run(pd.read_csv(current), pd.read_csv(reference))
done.save_json("out.json") if kind == "profile" else done.save_html("out.html")
"""


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output_bytes: int


@dataclass(frozen=True)
class Case:
    """What is computed from which files."""

    data: str  # "100000", or "iris"
    section: str
    kind: str


def main() -> int:
    """Measure, print, judge: exit code 1 when a budget is missed."""
    options = _parser().parse_args()
    peers = {name: _peer(name, options.peers) for name in options.tools}
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="evidently-bench.") as name:
        folder = Path(name)
        for case in _cases(options.rows, options.sections, options.kinds):
            reference, current = _files(folder, case.data)
            runs: dict[str, list[Run]] = {}
            for _ in range(options.rounds):  # side by side: what slows the machine down slows all down
                for tool, command in _commands(case, reference, current, peers).items():
                    for path in (reference, current):
                        path.read_bytes()  # nobody goes first for those after
                    runs.setdefault(tool, []).append(_run(command, folder))
            results += _report(case, runs)
    machine = {"machine": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()}
    if options.json:
        options.json.write_text(json.dumps({**machine, "rows": results}, indent=2) + "\n", encoding="utf-8")
    missed = [f"{row['data']} {row['section']} {row['kind']}: {miss}" for row in results for miss in _missed(row)]
    for miss in missed:
        print(f"MISSED  {miss}")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench report", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=list(FASTER), help="sizes (default: %(default)s)")
    parser.add_argument("--sections", nargs="+", default=["data_drift"], choices=["data_drift", "data_quality"])
    parser.add_argument("--kinds", nargs="+", default=["profile", "report"], choices=["profile", "report"])
    parser.add_argument("--tools", nargs="+", default=list(_PEERS), choices=list(_PEERS), help="to compare with")
    parser.add_argument("--rounds", type=int, default=3, help="of each case")
    parser.add_argument("--peers", type=Path, default=ROOT / ".bench", help="folder of the peers' environments")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser


def _peer(name: str, folder: Path) -> Path:
    """Return the Python of a peer's own environment, made once; it is judged as its users get it."""
    python = folder / f"evidently-{name}" / "bin" / "python"
    if not python.exists():
        print(f"installing evidently {name} into {python.parent.parent}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
        pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *_PEERS[name]], check=True)
        if name == "0.1.59":  # it asks for a PyYAML that cannot be built any more
            subprocess.run([*pip, "--no-deps", "evidently==0.1.59.dev0"], check=True)
    return python


def _cases(sizes: list[int], sections: list[str], kinds: list[str]) -> Iterator[Case]:
    yield Case("iris", "data_drift", "profile")
    yield from (Case(str(rows), section, kind) for rows in sizes for section in sections for kind in kinds)


def _files(folder: Path, data: str) -> tuple[Path, Path]:
    paths = folder / f"ref-{data}.csv", folder / f"cur-{data}.csv"
    if not paths[0].exists():
        # In a process of its own: what a child is said to have used begins with what its parent does.
        writer = multiprocessing.get_context("spawn").Process(target=_write, args=(data, paths))
        writer.start()
        writer.join()
    return paths


def _write(data: str, paths: tuple[Path, Path]) -> None:
    from sklearn.datasets import load_iris

    if data == "iris":
        iris = load_iris(as_frame=True).frame
        frames = iris[::2], iris[1::2]
    else:
        frames = _table(int(data), 42, drifted=False), _table(int(data), 43, drifted=True)
    for path, frame in zip(paths, frames, strict=True):
        frame.to_csv(path, index=False, float_format="%.6g")


def _table(rows: int, seed: int, *, drifted: bool) -> "pd.DataFrame":
    """Return 20 columns of numbers, two of them with gaps, and 5 of labels; when drifted, eight are moved."""
    import numpy as np
    import pandas as pd

    draw = np.random.default_rng(seed)
    columns: dict[str, object] = {}
    for index in range(20):
        shift = 0.25 * (1 + index % 3) if drifted and index in range(6) else 0.0
        kind = index % 4
        if kind == 0:
            values = draw.normal(index + shift, 1 + shift / 2, rows)
        elif kind == 1:
            values = draw.lognormal(0.1 * index + shift, 0.5, rows)
        elif kind == 2:  # noqa: PLR2004 - one of four
            values = draw.uniform(0, 10 + 10 * shift, rows)
        else:
            values = draw.integers(0, 100 + int(200 * shift), rows).astype(float)
        if index in (5, 13):
            values[draw.choice([True, False], rows, p=[0.01, 0.99])] = np.nan
        columns[f"num_{index:02d}"] = values
    for index, number in enumerate((2, 5, 10, 20, 50)):
        weights = np.linspace(3, 1, number) if drifted and index in (1, 3) else np.linspace(1, 2, number)
        names = np.array([f"c{index}_{label:02d}" for label in range(number)])
        columns[f"cat_{index}"] = names[draw.choice(number, rows, p=weights / weights.sum())]
    return pd.DataFrame(columns)


def _commands(case: Case, reference: Path, current: Path, peers: Mapping[str, Path]) -> dict[str, list[str | Path]]:
    """Return the command of each tool; all read the same files and write one file in the folder."""
    config = reference.with_name(f"{case.data}-{case.section}.json")
    sections: dict[str, object] = {case.section: {}}
    # What 0.1.59 insists on; ours needs none of it but the sections.
    config.write_text(
        json.dumps(
            {
                "data_format": {"separator": ",", "header": True, "date_column": None},
                "column_mapping": {},
                "options": {},
                "pretty_print": True,
                "profile_sections": sections,
                "dashboard_tabs": sections,
            }
        )
    )
    files: list[str | Path] = ["--reference", reference, "--current", current, "--config", config]
    place: list[str | Path] = ["--output_path", ".", "--report_name", "out"]
    old = "profile" if case.kind == "profile" else "dashboard"
    ours: list[str | Path] = [sys.executable, "-m", "evidently_cli", "calculate", case.kind, *files, *place]
    commands: dict[str, list[str | Path]] = {
        "0.7": ["-c", _NEW, reference, current, case.section, case.kind],
        "0.1.59": ["-m", "evidently", "calculate", old, *files, *place],
    }
    return {"ours": ours} | {name: [python, *commands[name]] for name, python in peers.items()}


def _run(command: list[str | Path], folder: Path) -> Run:
    for old in folder.glob("out.*"):
        old.unlink()
    environment = {**os.environ, "EVIDENTLY_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryFile() as words:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=words, stderr=words)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        outputs = list(folder.glob("out.*"))
        if process.returncode or len(outputs) != 1:
            words.seek(0)
            sys.exit(f"bench: {command[0]} failed:\n{words.read().decode(errors='replace')[-2000:]}")
    scale = 1024 if sys.platform != "darwin" else 1
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6, outputs[0].stat().st_size)


def _report(case: Case, runs: Mapping[str, list[Run]]) -> list[dict[str, object]]:
    """Print one case; return a row for each tool."""
    seconds = {tool: statistics.median(run.seconds for run in each) for tool, each in runs.items()}
    print(f"\n{case.data} rows, {case.section}, {case.kind}" if case.data != "iris" else "iris, data_drift, profile")
    print(f"  {'':8}{'time':>10}{'cpu':>10}{'peak':>10}{'output':>12}{'ours is faster':>16}")
    rows = []
    for tool, each in runs.items():
        cpu = statistics.median(run.cpu_seconds for run in each)
        peak = max(run.peak_mb for run in each)
        factor = seconds[tool] / seconds["ours"]
        size = each[0].output_bytes
        print(
            f"  {tool:8}{seconds[tool]:>8.2f} s{cpu:>8.2f} s{peak:>7.0f} MB{size / 1e6:>9.2f} MB"
            + (f"{factor:>14.1f} x" if tool != "ours" else ""),
            flush=True,
        )
        rows.append(
            {**asdict(case), "tool": tool, "seconds": seconds[tool], "cpu_seconds": cpu, "peak_mb": peak}
            | {"output_bytes": size, "factor": factor, "ours_mb": max(run.peak_mb for run in runs["ours"])}
        )
    return rows


def _missed(row: Mapping[str, object]) -> Iterator[str]:
    """Return what a row misses of the budgets; they speak of data_drift and of 0.7."""
    if row["tool"] == "ours":
        if row["kind"] == "report" and int(str(row["output_bytes"])) > HTML_BYTES:
            yield f"the report has {row['output_bytes']} bytes"
        return
    if row["tool"] != "0.7":
        return
    factor, wanted = (
        float(str(row["factor"])),
        1 / IRIS if row["data"] == "iris" else FASTER.get(int(str(row["data"])), 0),
    )
    if factor < wanted:
        yield f"{factor:.1f} x as fast as 0.7, {wanted:.0f} asked"
    if row["data"] != "iris" and float(str(row["ours_mb"])) > MEMORY * float(str(row["peak_mb"])):
        yield f"{row['ours_mb']:.0f} MB of {row['peak_mb']:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
