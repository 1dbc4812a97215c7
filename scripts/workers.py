"""Child processes of `scripts/bench spool`: they append to a queue together, or do one thing that is timed."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
PEERS = _ROOT / ".bench"
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PEERS)}


@dataclass(frozen=True)
class Report:
    """When one worker began and ended (seconds of one clock), and how long each append took: None where it raised."""

    began: float
    ended: float
    took_us: list[float | None]


def command(queue: str, place: str, worker: int, events: int) -> list[str]:
    """Return the command of one worker; `queues.py` says what it does."""
    return [sys.executable, str(_ROOT / "scripts" / "queues.py"), queue, place, str(worker), str(events)]


def append(queue: str, place: str, processes: int, events: int) -> list[Report]:
    """Let workers append to one queue, all from the same instant on."""
    start, signal = os.pipe()
    workers = [
        subprocess.Popen(
            command(queue, place, worker, events), stdin=start, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT
        )
        for worker in range(processes)
    ]
    os.close(start)
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()  # "ready", or nothing: then there is no report either
    os.close(signal)
    outputs = [worker.communicate()[0] for worker in workers]
    if not all(outputs):
        sys.exit(f"bench: {queue} cannot be used by {processes} processes")
    return [_report(output) for output in outputs]


def _report(output: str) -> Report:
    found = json.loads(output)
    return Report(found["began"], found["ended"], [None if each is None else each / 1000 for each in found["took"]])


def timed(program: list[str]) -> tuple[float, str]:
    """Run a program to its end; return the seconds it took and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(
        program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True, env=_ENVIRONMENT
    )
    return time.perf_counter() - started, done.stdout


def install_peers() -> Iterator[str]:
    """
    Put the peers into a folder of their own, where nothing but this benchmark looks. Yields those we cannot have.

    It lasts from run to run; remove it to get newer ones.
    """
    wanted = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["bench"]
    there = {found.name for found in importlib.metadata.distributions(path=[str(PEERS)])}
    uv = shutil.which("uv")
    installer = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    for requirement in wanted:
        name = requirement.partition(">")[0]
        if name in there:
            continue
        done = subprocess.run(
            [*installer, "--quiet", "--no-deps", "--target", str(PEERS), requirement],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"bench: {name} cannot be installed: {reason}", file=sys.stderr)
            yield name
