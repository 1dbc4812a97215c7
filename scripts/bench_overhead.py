"""What telemetry adds to a `calculate profile` run, whatever the network does."""

import argparse
import json
import os
import platform
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import endpoints
from sklearn.datasets import load_digits

ADDED_MS = 20.0
RATIO = 1.1
PIPE_MS = 50.0
"""Budgets: what recording adds; any network against a fast collector; from a run's end to the end of its output."""

NOISY = 1.2
"""From here on the spread of one case is as large as what we want to see between two."""

_COMMAND = "-m evidently_cli calculate profile --reference reference.csv --current current.csv --config config.json"
_NETWORK_WORDS = re.compile(r"connect|refused|timed? ?out|urllib3|requests|https?:|errno|traceback", re.IGNORECASE)
_FLUSH_SECONDS = 2.0
_USED = "used"


@dataclass(frozen=True)
class Run:
    """One finished process: wall and processor time, and how long after its end its output ended."""

    wall_ms: float
    cpu_ms: float
    pipe_ms: float
    stderr: str


@dataclass(frozen=True)
class Row:
    """One case in the table. `added_ms` and `ratio` are medians of the rounds' differences and ratios."""

    case: str
    median_ms: float
    min_ms: float
    p90_ms: float
    cpu_ms: float
    added_ms: float
    ratio: float


def main() -> int:
    """Measure, print, judge: exit code 1 when a budget is missed."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="evidently-bench.") as name, ExitStack() as stack:
        folder = Path(name)
        _write_data(folder)
        reachable = {
            "fast": stack.enter_context(endpoints.fast(folder)),
            "refused": stack.enter_context(endpoints.refused()),
            "black hole": stack.enter_context(endpoints.black_hole()),
            "dripping": stack.enter_context(endpoints.dripping()),
        }
        cases: dict[str, dict[str, str]] = {"off": {"EVIDENTLY_DISABLE_TELEMETRY": "1"}, "no endpoint": {}}
        cases |= {case: {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url} for case, endpoint in reachable.items()}
        runs = _measure(cases, folder, options.rounds, options.seed)
        flushed = {case: endpoint.reached() for case, endpoint in reachable.items() if endpoint.reached}
    rows = [_row(case, runs) for case in runs]
    faults = [*_missed(rows), *_broken(runs), *_not_flushed(flushed, options.rounds)]
    _print(rows, faults, options)
    if options.json:
        options.json.write_text(json.dumps(_document(rows, runs, faults, options), indent=2) + "\n", encoding="utf-8")
    return 1 if faults else 0


def _write_data(folder: Path) -> None:
    """
    Write real data that is quickly compared: 1 797 handwritten digits, 20 of their pixels.

    Above 1000 rows no test needs scipy.stats, whose import takes as long as the rest of a run and would hide what we
    want to see.
    """
    digits = load_digits(as_frame=True).data.iloc[:, 10:30]
    digits[:1200].to_csv(folder / "reference.csv", index=False)
    digits[1200:].to_csv(folder / "current.csv", index=False)
    (folder / "config.json").write_text('{"profile_sections": ["data_drift"]}', encoding="utf-8")


def _measure(cases: Mapping[str, Mapping[str, str]], folder: Path, rounds: int, seed: int) -> dict[str, list[Run]]:
    """Run every case once a round, in shuffled order, so that a slow minute of the machine slows all of them."""
    runs: dict[str, list[Run]] = {case: [] for case in cases}
    shuffled = random.Random(seed)
    _make_used(folder)
    for number in range(rounds):
        for case in shuffled.sample(list(cases), len(cases)):
            if sys.stderr.isatty():
                sys.stderr.write(f"\r\033[Kround {number + 1} of {rounds}: {case}")
            runs[case].append(_run(cases[case], folder))
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    return runs


def _make_used(folder: Path) -> None:
    """Leave the state that a first run leaves; it warms the disk cache too."""
    environment = {**_environment(str(folder / _USED)), "EVIDENTLY_TELEMETRY_FLUSH": "manual"}
    subprocess.run([sys.executable, *_COMMAND.split()], cwd=folder, env=environment, check=True, capture_output=True)
    (folder / _USED / "spool" / "active.ndjson").write_bytes(b"")  # or each round would deliver this event again


def _run(settings: Mapping[str, str], folder: Path) -> Run:
    """Run the command once on a machine that has recorded before and never flushed: a flush is due, and starts."""
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as state:
        if (folder / _USED).exists():
            shutil.copytree(folder / _USED, state, dirs_exist_ok=True)
        environment = {**_environment(state), **settings}
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *_COMMAND.split()],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        _, status, usage = os.wait4(process.pid, 0)  # a few lines of output fit into the pipes: it need not be read yet
        process.returncode = os.waitstatus_to_exitcode(status)
        ended = time.perf_counter()
        _, stderr = process.communicate()  # to the end of both pipes, which a flush that inherited them would hold open
        closed = time.perf_counter()
        if process.returncode != 0:
            sys.exit(f"bench: the command failed with exit code {process.returncode}:\n{stderr}")
        if "EVIDENTLY_TELEMETRY_ENDPOINT" in settings:
            _end_flusher(state)
    cpu = usage.ru_utime + usage.ru_stime
    return Run((closed - started) * 1000, cpu * 1000, (closed - ended) * 1000, stderr)


def _environment(state: str) -> dict[str, str]:
    """
    Return the environment of a run that keeps everything in `state`.

    CI is set because the first run with a person looking on shows a notice, and sends nothing.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("EVIDENTLY_") and name not in {"DO_NOT_TRACK", "PYTHONDONTWRITEBYTECODE"}
    }
    return inherited | {"CI": "true", "EVIDENTLY_SPOOL_DIR": f"{state}/spool", "XDG_STATE_HOME": state}


def _end_flusher(state: str) -> None:
    """Let the flush that a run started come to its end, or to where it hangs, before the next run; then end it."""
    seen = False  # RACE: the run may end before its child shows an environment, so that none in sight is not yet an end
    deadline = time.monotonic() + _FLUSH_SECONDS
    while time.monotonic() < deadline:
        alive = any(_flushers(state))
        if seen and not alive:
            return
        seen = seen or alive
        time.sleep(0.01)
    for pid in _flushers(state):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _flushers(state: str) -> Iterator[int]:
    """Find processes by the spool in their environment, which no other run shares. Only Linux lets us look."""
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is another user's
            if f"EVIDENTLY_SPOOL_DIR={state}/spool".encode() in environment.read_bytes():
                yield int(environment.parent.name)


def _row(case: str, runs: Mapping[str, list[Run]]) -> Row:
    """Compare within each round, where the machine was the same for all."""
    walls = sorted(run.wall_ms for run in runs[case])
    off, fast = (list(zip(runs[case], runs[other], strict=True)) for other in ("off", "fast"))
    return Row(
        case=case,
        median_ms=statistics.median(walls),
        min_ms=walls[0],
        p90_ms=walls[int(0.9 * (len(walls) - 1) + 0.5)],
        cpu_ms=statistics.median(run.cpu_ms for run in runs[case]),
        added_ms=statistics.median(mine.wall_ms - its.wall_ms for mine, its in off),
        ratio=statistics.median(mine.wall_ms / its.wall_ms for mine, its in fast),
    )


def _missed(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        if row.added_ms > ADDED_MS:
            yield f"{row.case}: adds {row.added_ms:.1f} ms, and {ADDED_MS:.0f} are allowed"
        if row.ratio > RATIO:
            yield f"{row.case}: takes {row.ratio:.2f} times as long as with a fast collector, and {RATIO} are allowed"


def _broken(runs: Mapping[str, list[Run]]) -> Iterator[str]:
    """What no run may do: say a word about the network, or leave its output open behind it."""
    for case, of_case in runs.items():
        if spoken := {run.stderr for run in of_case if _NETWORK_WORDS.search(run.stderr)}:
            yield f"{case}: speaks of the network: {spoken.pop()!r}"
        if (held := statistics.median(run.pipe_ms for run in of_case)) > PIPE_MS:
            yield f"{case}: its output ends {held:.0f} ms after the run"


def _not_flushed(flushed: Mapping[str, int], rounds: int) -> Iterator[str]:
    for case, number in flushed.items():
        if number != rounds:
            yield f"{case}: {number} flushes reached the endpoint in {rounds} rounds: not what was to be measured"


def _print(rows: list[Row], faults: list[str], options: argparse.Namespace) -> None:
    print(f"{options.rounds} interleaved rounds, seed {options.seed}; milliseconds of `python {_COMMAND}`\n")
    print(f"{'':12}{'median':>9}{'min':>9}{'p90':>9}{'cpu':>9}{'added':>9}{'ratio':>9}")
    for row in rows:
        wide = f"{row.median_ms:9.1f}{row.min_ms:9.1f}{row.p90_ms:9.1f}{row.cpu_ms:9.1f}"
        print(f"{row.case:12}{wide}{row.added_ms:+9.1f}{row.ratio:9.3f}")
    print(f"\nbudget: added <= {ADDED_MS:.0f} ms over off, ratio <= {RATIO} to fast, output ends with the run, no word")
    print("of the network on stderr: " + ("kept" if not faults else "MISSED"))
    for fault in faults:
        print(f"  {fault}")
    if (spread := rows[0].p90_ms / rows[0].median_ms) > NOISY:
        print(f"The machine was busy: p90 of off is {spread:.2f} times its median. Repeat it on a quiet one.")


def _document(
    rows: list[Row], runs: Mapping[str, list[Run]], faults: list[str], options: argparse.Namespace
) -> dict[str, object]:
    return {
        "benchmark": "overhead",
        "rounds": options.rounds,
        "seed": options.seed,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "budget": {"added_ms": ADDED_MS, "ratio": RATIO, "pipe_ms": PIPE_MS},
        "rows": [asdict(row) for row in rows],
        "wall_ms": {case: [round(run.wall_ms, 3) for run in of_case] for case, of_case in runs.items()},
        "missed": faults,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often every case is run (default: 15)")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
