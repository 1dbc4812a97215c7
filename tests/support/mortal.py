"""Processes that work on a spool and are killed in a chosen call to the disk; what they had done is in a log."""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spool import Bounds, Deferred, Delivered, Outcome, Record, Refused, Spool, Transport, drain, export_bundle
from spool.disk import Disk

_CALLS = {"make_directory", "create", "write", "sync", "sync_directory", "rename", "unlink", "truncate"}

# Children are forked by a server without threads: those of a test could hold locks that nobody would ever release.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["filelock", "spool.bundle", "spool.drainer", "spool.http", "spool.inspection"])


class MortalDisk(Disk):
    """A disk that kills its process after a number of calls; when the last one is a write, a half of it is done."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def __getattribute__(self, name: str) -> Any:
        if name in _CALLS:
            self.calls -= 1
            if self.calls < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write, or die in the middle of it."""
        if self.calls == 0:
            os.write(descriptor, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(descriptor, data)


class Scripted(Transport):
    """A transport that answers as it was told, then takes everything, and writes what it takes to a log beforehand."""

    def __init__(self, script: Sequence[str], log: Path) -> None:
        self._script = iter(script)
        self._log = log

    def send(self, records: Sequence[Record]) -> Outcome:
        answer = next(self._script, "take")
        rejected = {records[0].id: "not wanted"} if answer == "reject one" else {}
        if answer in {"take", "take and drop", "reject one"}:
            with self._log.open("ab") as log:
                log.writelines(record.line + b"\n" for record in records if record.id not in rejected)
        return _OUTCOMES.get(answer, Delivered(rejected))


_OUTCOMES: dict[str, Outcome] = {
    "take and drop": Deferred("no answer"),
    "503": Deferred("HTTP 503"),
    "503, in a while": Deferred("HTTP 503", retry_after=600.0),
    "a web page": Deferred("HTTP 200 with a web page", misconfigured=True),
    "refuse": Refused("HTTP 400", 400),
}
ANSWERS = ["take", "reject one", *_OUTCOMES]


@dataclass(frozen=True, slots=True)
class Life:
    """Which spool a process works on, when it begins by the spool's clock, and in which call to the disk it dies."""

    root: Path
    bounds: Bounds
    now_ns: int
    calls: int

    def spool(self) -> Spool:
        """Make the spool of this life."""
        clock = itertools.count(self.now_ns, 1000).__next__
        return Spool(self.root, source="mortal", bounds=self.bounds, clock=clock, disk=MortalDisk(self.calls))


def append_and_die(life: Life, log: Path, events: Sequence[dict[str, object]]) -> None:
    """Append in another process that dies; the log gets the id of each event when its append has returned."""
    _run(_append, life, log, events)


def drain_and_die(life: Life, log: Path, script: Sequence[str]) -> None:
    """Drain in another process that dies; the log gets the lines that were taken."""
    _run(_drain, life, log, script)


def carry_and_die(life: Life, bundle: Path) -> None:
    """Export into a bundle in another process that dies."""
    _run(_carry, life, bundle)


def _run(work: Callable[..., None], *arguments: object) -> None:
    process = _processes.Process(target=work, args=arguments, daemon=True)
    process.start()
    process.join(30)
    status = process.exitcode
    process.close()
    assert status in {0, -signal.SIGKILL}, f"{work.__name__} ended with exit code {status}"  # 0: it was done earlier


def _append(life: Life, log: Path, events: Sequence[dict[str, object]]) -> None:
    spool = life.spool()
    with log.open("ab", buffering=0) as acknowledged:
        for event in events:
            acknowledged.write(spool.append(event, event_type="machine.v1").encode() + b"\n")


def _carry(life: Life, bundle: Path) -> None:
    export_bundle(life.spool(), bundle)


def _drain(life: Life, log: Path, script: Sequence[str]) -> None:
    drain(life.spool(), Scripted(script, log), ignore_backoff=True)
