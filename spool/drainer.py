"""One pass over what is due: send the oldest segment, act on the outcome, go on with the next."""

import errno
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol, assert_never

from spool import bounds, dead
from spool.outcome import Deferred, Delivered, Outcome, Refused
from spool.record import Record
from spool.schedule import Jitter, Schedule, dump, load
from spool.segment import Segment
from spool.spool import Spool

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES}  # or no permission to bury


class Transport(Protocol):
    """What sends records. Its outcome tells the drain what became of them; it raises for nothing a network does."""

    def send(self, records: Sequence[Record]) -> Outcome:
        """Send some records as one request."""
        ...


@dataclass(frozen=True, slots=True)
class Summary:
    """What a drain did. `wait` is set when nothing was due yet, `busy` when another drain was at work."""

    delivered: int = 0
    buried: int = 0
    requests: int = 0
    failure: Deferred | None = None
    wait: timedelta | None = None
    busy: bool = False


def drain(
    spool: Spool,
    transport: Transport,
    *,
    ignore_backoff: bool = False,
    jitter: Jitter | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> Summary:
    """
    Deliver what is pending, oldest first, until all is done or the endpoint fails.

    Leaves at once when another drain is at work or the schedule says that it is not time yet; `ignore_backoff` passes
    over our own pause, never over the server's. Threads, forked children and processes may all call it: one of them
    drains. `progress` is called with the number of records that are done with.
    """
    if not spool.exists():
        return Summary()
    with spool.disk_errors("write to"), spool.drain_lock.held() as locked:
        if not locked:
            return Summary(busy=True)
        schedule = load(spool.layout.schedule)
        wait = schedule.wait(spool.now(), ignore_backoff=ignore_backoff)
        if wait:
            return Summary(wait=wait)
        spool.sweep()
        run = _Run(spool, transport, schedule, jitter or _draw, progress)
        run.deliver_all()
        if run.buried:
            bounds.enforce_dead(spool)
        return run.finish()


def _draw(low: float, high: float) -> float:
    from random import SystemRandom  # children forked at one instant share the state of any other

    return SystemRandom().uniform(low, high)


class _Run:
    """The state of one drain: what it has counted, and the failure that ends it."""

    def __init__(
        self,
        spool: Spool,
        transport: Transport,
        schedule: Schedule,
        jitter: Jitter,
        progress: Callable[[int], None],
    ) -> None:
        self.spool = spool
        self.transport = transport
        self.schedule = schedule
        self.jitter = jitter
        self.progress = progress
        self.delivered = self.buried = self.requests = 0
        self.failure: Deferred | None = None

    def deliver_all(self) -> None:
        """Send one segment after another, until all are done with or the endpoint fails."""
        stuck: OSError | None = None
        for segment in self.spool.sealed_segments():
            try:
                if not self._deliver(segment):
                    break
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                stuck = (
                    error  # there is no room for a dead letter: it waits, and what is delivered behind it makes some
                )
        if stuck and not self.delivered:
            raise stuck

    def _deliver(self, segment: Segment) -> bool:
        """Send a segment, in halves where the endpoint takes issue with it. Returns whether the drain may go on."""
        if segment.corrupt:
            dead.bury_corrupt(self.spool, segment)
            self.buried += len(segment.corrupt)
        todo = deque([list(segment.records)] if segment.records else [])
        while todo:
            batch = todo.popleft()
            outcome = self.transport.send(batch)
            self.requests += 1
            match outcome:
                case Delivered(rejected):
                    by_name = [record for record in batch if record.id in rejected]
                    for record in by_name:
                        self._bury(record, Refused(rejected[record.id], status=200))
                    self.delivered += len(batch) - len(by_name)
                    self._done(segment.path, todo)
                case Refused() if len(batch) > 1:
                    middle = len(batch) // 2
                    todo.extendleft([batch[middle:], batch[:middle]])
                case Refused():
                    self._bury(batch[0], outcome)
                    self._done(segment.path, todo)
                case Deferred():
                    self.failure = outcome
                    return False
                case _:
                    assert_never(outcome)
        return True

    def finish(self) -> Summary:
        """Leave the schedule for the next drain."""
        if self.failure is not None:
            self._save(self.schedule.failed(self.failure, self.spool.now(), self.jitter))
        elif self.requests:
            self._save(self.schedule.succeeded(self.spool.now()))
        return Summary(self.delivered, self.buried, self.requests, self.failure)

    def _done(self, segment: Path, todo: deque[list[Record]]) -> None:
        """Take what is done with out of the segment, before anything else is sent: it is never sent again."""
        self.spool.replace(segment, [record for batch in todo for record in batch])
        if self.schedule.attempts:  # the endpoint is back: whatever happens to this drain, the next one need not wait
            self._save(self.schedule.succeeded(self.spool.now()))
        self.progress(self.delivered + self.buried)

    def _save(self, schedule: Schedule) -> None:
        """Keep the schedule, on a full disk in the file that is there; lost, it is an attempt earlier than planned."""
        self.schedule = schedule
        path, data = self.spool.layout.schedule, dump(schedule)
        with suppress(OSError):
            try:
                self.spool.publish(data, path)
            except OSError:
                descriptor = self.spool.disk.open(path)
                try:
                    self.spool.disk.truncate(descriptor, 0)
                    self.spool.disk.append(descriptor, data)
                finally:
                    os.close(descriptor)

    def _bury(self, record: Record, refusal: Refused) -> None:
        """Keep a refused record with its reason. It leaves its segment afterwards: a crash between buries it again."""
        letter = dead.refused(record, refusal, self.spool.now())
        self.spool.publish(letter + b"\n", self.spool.layout.dead_letter(record.id))
        self.buried += 1
