"""`flush --wait`: again and again, as the schedule and the endpoint allow."""

import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from transport import FakeTransport

from evidently_cli.flushing import conclusion, flush_until
from spool import Deferred, Delivered, Outcome, Record, Refused, Spool, Summary
from spool.disk import Disk

BUSY = Deferred("HTTP 429", retry_after=1.0)
DOWN = Deferred("HTTP 503", server_error=True)
WRONG = Deferred("HTTP 404", misconfigured=True)


class Machine:
    """A spool whose clock goes on while a flush sleeps, and an endpoint that answers as a script says."""

    def __init__(self, root: Path, *script: Outcome) -> None:
        self.ns = time.time_ns()
        self.naps: list[float] = []
        self.spool = Spool(root, source="test", clock=lambda: self.ns)
        self.spool.append({}, event_type="t")
        self.transport = FakeTransport(self.answer)
        self.script = list(script)
        self.may_send = self.stays_on = True

    def answer(self, _records: Sequence[Record]) -> Outcome:
        return self.script.pop(0) if self.script else Delivered()

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.may_send = self.stays_on
        self.ns += int(seconds * 1e9) + 1_000_000

    def flush(self, seconds: float) -> tuple[int, int]:
        """Flush for at most so long; return how many were delivered, in how many requests."""
        done = flush_until(
            self.spool,
            self.transport,
            time.monotonic() + seconds,
            force=False,
            may_send=lambda: self.may_send,
            progress=lambda _done: None,
            sleep=self.sleep,
        )
        return done.delivered, done.requests


def test_it_tries_until_nothing_is_pending(tmp_path: Path) -> None:
    """It sleeps as long as the schedule says, for the longer of our pause and the endpoint's wish, and tries again."""
    machine = Machine(tmp_path / "spool", BUSY, DOWN, DOWN)
    assert machine.flush(3600) == (1, 4)
    assert len(machine.naps) == 3
    assert machine.naps[0] >= 1.0
    assert all(nap <= bound for nap, bound in zip(machine.naps, (60.0, 120.0, 240.0), strict=True))


def test_it_does_not_sleep_for_what_comes_too_late(tmp_path: Path) -> None:
    """When the next attempt lies behind the end of its time it ends at once, and leaves what is pending."""
    machine = Machine(tmp_path / "spool", Deferred("HTTP 429", retry_after=900.0))
    assert machine.flush(600) == (0, 1)
    assert machine.naps == []
    assert len(list(machine.spool.records())) == 1


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_it_does_not_wait_where_waiting_does_not_help(tmp_path: Path, seconds: float) -> None:
    """A wrong endpoint ends it after one request."""
    machine = Machine(tmp_path / "spool", WRONG)
    assert machine.flush(seconds) == (0, 1)
    assert machine.naps == []


def test_it_ends_where_it_may_send_no_more(tmp_path: Path) -> None:
    """Switched off while it sleeps, it wakes up once, sends nothing, and leaves what is pending."""
    machine = Machine(tmp_path / "spool", DOWN)
    machine.stays_on = False
    assert machine.flush(3600) == (0, 1)
    assert len(machine.naps) == 1


def test_it_waits_though_the_schedule_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk, too, it leaves the endpoint alone for as long as that asked, and pauses behind a failure."""

    def full(_spool: Spool, _schedule: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("spool.drainer.save", full)
    machine = Machine(tmp_path / "spool", Deferred("HTTP 429", retry_after=900.0))
    assert machine.flush(600) == (0, 1)
    machine.script = [BUSY, DOWN]
    assert machine.flush(3600) == (1, 3)
    assert len(machine.naps) == 2
    assert all(nap >= 1.0 for nap in machine.naps)


def test_it_ends_where_the_spool_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what was delivered cannot be taken out of a segment, it is not sent again and again."""
    machine = Machine(tmp_path / "spool")
    for _ in range(3):
        machine.spool.append({}, event_type="t")
    *_, bad = (record.id for record in machine.spool.records())
    machine.transport.answer = lambda records: (
        Refused("HTTP 400", 400) if bad in {each.id for each in records} else Delivered()
    )

    def full(_disk: Disk, _data: bytes, _temporary: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    machine.spool.seal()
    monkeypatch.setattr(Disk, "publish", full)
    assert machine.flush(5)[0] == 3
    assert machine.naps == []
    assert len(machine.transport.delivered) == 3


def test_an_attempt_that_was_not_due_hides_no_failure(tmp_path: Path) -> None:
    """Where the clock is set back while it sleeps, the next attempt has to wait, and the last failure is told."""
    machine = Machine(tmp_path / "spool", DOWN)

    def sleep(_seconds: float) -> None:
        machine.ns -= 3600 * 10**9

    done = flush_until(
        machine.spool,
        machine.transport,
        time.monotonic() + 600,
        force=False,
        may_send=lambda: True,
        progress=lambda _done: None,
        sleep=sleep,
    )
    assert (done.failure, done.requests, done.wait is None) == (DOWN, 1, False)


def test_a_spool_that_cannot_be_written_to_is_told() -> None:
    """Where some records went, and others stay as the disk says no, a flush says that, and may be tried again."""
    words, code = conclusion(
        Summary(delivered=1, requests=2, stuck="Permission denied"), left=True, decided_by="default"
    )
    assert words == (
        "1 record delivered in 2 requests. The rest waits: the spool cannot be read or written to (Permission denied)."
    )
    assert code == 75
