"""One pass over what is due: send the oldest segment, act on the outcome, go on with the next."""

import errno
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import assert_never

from spool import dead
from spool.ahead import read_ahead
from spool.outcome import Deferred, Delivered, Outcome, Refused
from spool.record import Record
from spool.schedule import Jitter, Schedule, load, save
from spool.segment import Segment
from spool.spool import Spool
from spool.transport import Transport

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES}  # or no permission to bury
_STUBBORN = 3  # failures over one segment, before another one is tried
_HOPELESS = 16  # failures in a row, while a segment is taken apart: more than it takes to find one record


@dataclass(frozen=True, slots=True)
class Summary:
    """
    What a drain did. `wait` is set when nothing was due yet, `busy` when another drain was at work, `stopped` when it
    might not send any more. `stuck` says why something could not be buried or removed, where other things could: the
    next drain has it.
    """

    delivered: int = 0
    buried: int = 0
    requests: int = 0
    failure: Deferred | None = None
    wait: timedelta | None = None
    busy: bool = False
    stopped: bool = False
    stuck: str | None = None


class _StoppedError(Exception):
    """The caller does not want anything more to be sent."""


def drain(
    spool: Spool,
    transport: Transport,
    *,
    ignore_backoff: bool = False,
    force: bool = False,
    may_send: Callable[[], bool] = lambda: True,
    jitter: Jitter | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> Summary:
    """
    Deliver what is pending, oldest first, until all is done or the endpoint fails.

    Leaves at once when another drain is at work or the schedule says that it is not time yet; `ignore_backoff` passes
    over our own pause, `force` over the server's wish as well. `may_send` is asked before each request: the drain ends
    when it says no. Threads, forked children and processes may all call it: one of them drains. `progress` is called
    with the number of records that are done with.
    """
    if not spool.exists():
        return Summary()
    with spool.disk_errors("write to"), spool.drain_lock.held() as locked:
        if not locked:
            return Summary(busy=True)
        schedule = load(spool.layout.schedule).of(transport.address)
        wait = schedule.wait(spool.now(), ignore_backoff=ignore_backoff or force, ignore_wish=force)
        if wait:
            return Summary(wait=wait)
        spool.sweep()
        run = _Run(spool, transport, schedule, may_send=may_send, jitter=jitter or _draw, progress=progress)
        run.deliver_all()
        if run.buried:
            dead.enforce_bound(spool)
        return run.finish()


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A record over which, alone, the endpoint failed; it may be the endpoint all the same."""

    segment: Path
    record: Record
    failure: Deferred


def batches(segment: Segment, *, alone: bool) -> list[Sequence[Record]]:
    """Return the members of each request that a segment becomes: one, or one for each record."""
    if alone:
        return [[record] for record in segment.records]
    return [segment.records] if segment.records else []


def _halves(batch: Sequence[Record]) -> tuple[Sequence[Record], Sequence[Record]]:
    """Return the second half and the first: in the order in which they are put before what is to be done."""
    middle = len(batch) // 2
    return batch[middle:], batch[:middle]


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
        *,
        may_send: Callable[[], bool],
        jitter: Jitter,
        progress: Callable[[int], None],
    ) -> None:
        self.spool = spool
        self.transport = transport
        self.schedule = schedule
        self.may_send = may_send
        self.jitter = jitter
        self.progress = progress
        self.delivered = self.buried = self.requests = 0
        self.failure: Deferred | None = None
        self.stopped = False
        self._head: Path | None = None  # the segment over which the endpoint failed
        self._suspects: list[_Suspect] = []
        self._set_aside: set[Path] = set()
        self._stuck: OSError | None = None
        self._finished: Path | None = None  # a segment that is done with, and still there

    def deliver_all(self) -> None:
        """Send one segment after another, until all are done with, the endpoint fails, or nothing more may be sent."""
        try:
            while not self._deliver_in_order() and self._head_is_to_blame():
                pass
        except _StoppedError:
            self.stopped = True
        finally:
            self._remove_finished()
        if self._stuck and not self.delivered:
            raise self._stuck

    def _deliver_in_order(self) -> bool:
        self._remove_finished()  # or it would be listed again, where the head vanished before it was sent
        for segment in read_ahead(self.spool, self._prepare, self._wait_for_room):
            if segment.path in self._set_aside:
                continue
            try:
                if not self._deliver(segment):
                    self._head = segment.path
                    return False
            except OSError as error:
                self._wait_for_room(error)
        return True

    def _wait_for_room(self, error: OSError) -> None:
        """
        Go on where there is no room to bury a record or to divide a file, or a file cannot be removed.

        What else is delivered makes room: for what is left, the next drain has it.
        """
        if error.errno not in _NO_ROOM:
            raise error
        self._stuck = error

    def _prepare(self, records: Sequence[Record]) -> None:
        if not self.transport.alone:
            self.transport.prepare(records)

    def _head_is_to_blame(self) -> bool:
        """
        Tell a dead endpoint from one that fails over a single segment, and take that one apart.

        An endpoint that has failed over the head several times is offered another segment, each time the next one. When
        it takes that, the head is halved as if it had been refused. Returns whether the drain may go on.
        """
        failure, delivered = self.failure, self.delivered
        if self._head is None or failure is None or not failure.server_error:
            return False
        self._set_aside.add(self._head)
        others = [path for path in self.spool.sealed() if path not in self._set_aside]
        failures = self.schedule.failures_of(self._head.stem) + 1
        if failures < _STUBBORN or not others:
            return False
        offered = self.spool.read(others[(failures - _STUBBORN) % len(others)])
        if not self._deliver(offered) or self.delivered == delivered:
            self.failure = failure
            return False
        self.failure = None
        head = self.spool.read(self._head)
        if len(head.records) == 1:
            self._suspects.append(_Suspect(head.path, head.records[0], failure))
            self._judge_suspects()
            return True
        return self._deliver(head, suspected=True)

    def _deliver(self, segment: Segment, *, suspected: bool = False) -> bool:
        """Send a segment, in halves where the endpoint takes issue with it. Returns whether the drain may go on."""
        if segment.corrupt:
            self._remove_finished()  # it may be in the room that this takes
            dead.bury_corrupt(self.spool, segment)
            self.buried += len(segment.corrupt)
        todo = deque(batches(segment, alone=self.transport.alone))
        failures = 0
        while todo:
            batch = todo.popleft()
            outcome = self._send(batch)
            match outcome:
                case Delivered(rejected):
                    failures = 0
                    self._taken(batch, rejected)
                    self._done(segment.path, todo)
                    self._judge_suspects()
                case Refused() if len(batch) > 1:
                    todo.extendleft(_halves(batch))
                case Refused():
                    self._bury(batch[0], outcome)
                    self._done(segment.path, todo)
                case Deferred(server_error=True) if suspected:
                    failures += 1
                    if len(batch) > 1:
                        todo.extendleft(_halves(batch))
                    else:
                        self._suspects.append(_Suspect(segment.path, batch[0], outcome))
                    if failures == _HOPELESS:
                        break
                case Deferred():
                    self.failure = outcome
                    return False
                case _:
                    assert_never(outcome)
        return True

    def _send(self, batch: Sequence[Record]) -> Outcome:
        self._remove_finished()
        if not self.may_send():
            raise _StoppedError
        self.requests += 1
        return self.transport.send(batch)

    def _taken(self, batch: Sequence[Record], rejected: Mapping[str, str]) -> None:
        by_name = [record for record in batch if record.id in rejected] if rejected else []
        for record in by_name:
            self._bury(record, Refused(rejected[record.id], status=200))
        self.delivered += len(batch) - len(by_name)

    def finish(self) -> Summary:
        """Leave the schedule for the next drain."""
        if self.delivered + self.buried:
            with suppress(OSError):  # at worst, what was delivered comes back after a crash
                self.spool.disk.sync_directory(self.spool.layout.pending)
        if self.failure is None and self._suspects:
            self.failure = self._suspects[-1].failure
        if self.failure is not None:
            head = self._head.stem if self._head else None
            self._save(self.schedule.failed(self.failure, self.spool.now(), self.jitter, head=head))
        elif self.requests and not self.stopped:
            self._save_success()
        stuck = (self._stuck.strerror or str(self._stuck)) if self._stuck else None
        return Summary(self.delivered, self.buried, self.requests, self.failure, stopped=self.stopped, stuck=stuck)

    def _done(self, segment: Path, todo: deque[Sequence[Record]]) -> None:
        """
        Take what is done with out of the segment, before anything else is sent: it is never sent again.

        One that is wholly done with is only noted here. It is removed when the reading of another has begun, as to free
        its blocks takes a while in which Python would have nothing to do: a drain takes a tenth less time so.
        """
        left = [suspect.record for suspect in self._suspects if suspect.segment == segment]
        left += [record for batch in todo for record in batch]
        if left:
            self.spool.replace(segment, left)
        else:
            self._finished = segment
        if self.schedule.attempts:  # the endpoint is back: whatever happens to this drain, the next one need not wait
            self._save_success()
        self.progress(self.delivered + self.buried)

    def _remove_finished(self) -> None:
        if self._finished is None:
            return
        try:
            self.spool.disk.unlink(self._finished)  # durable at the end of the drain
        except OSError as error:
            self._set_aside.add(self._finished)  # or this drain would meet it again
            self._wait_for_room(error)
        self._finished = None

    def _judge_suspects(self) -> None:
        """
        Bury the records over which, alone, an endpoint failed that takes others afterwards, and fails over them again.

        One that was down for a moment has done neither.
        """
        for suspect in tuple(self._suspects):
            record = suspect.record
            outcome = self._send([record])
            match outcome:
                case Delivered(rejected) if record.id not in rejected:
                    self.delivered += 1
                case Deferred(server_error=False):
                    continue
                case _:
                    self._bury(record, Refused(suspect.failure.reason, suspect.failure.status))
            self._suspects.remove(suspect)
            records = self.spool.read(suspect.segment).records
            self.spool.replace(suspect.segment, [each for each in records if each.id != record.id])

    def _save_success(self) -> None:
        self._save(self.schedule.succeeded(self.spool.now(), delivered=self.delivered > 0))

    def _save(self, schedule: Schedule) -> None:
        self.schedule = schedule
        with suppress(OSError):  # lost, it is an attempt earlier than planned
            save(self.spool, schedule)

    def _bury(self, record: Record, refusal: Refused) -> None:
        dead.bury(self.spool, record, refusal)
        self.buried += 1
