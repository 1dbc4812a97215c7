"""One pass over what is due: send the oldest segment, act on the outcome, go on with the next."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from spool import bounds, dead
from spool.ahead import read_ahead
from spool.errors import SpoolError
from spool.outcome import Deferred
from spool.record import Record
from spool.schedule import Jitter, Schedule, load, save
from spool.sender import Sender, StoppedError
from spool.spool import Spool
from spool.transport import Transport
from spool.turns import read_one

_STUBBORN = 3  # failures over one segment, before another one is tried


@dataclass(frozen=True, slots=True)
class Summary:
    """
    What a drain did. `wait` is how long the next attempt has to wait, behind a failure and when nothing was due yet;
    `busy` is set when another drain was at work, `stopped` when it might not send any more. `stuck` says why something
    could not be buried or removed, where other things could: the next drain has it.
    """

    delivered: int = 0
    buried: int = 0
    requests: int = 0
    failure: Deferred | None = None
    wait: timedelta | None = None
    busy: bool = False
    stopped: bool = False
    stuck: str | None = None


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
    over our own pause, `force` over the server's wish as well. `may_send` is asked before each request, and
    before it is repeated: the drain ends when it says no. Threads, forked children and processes may all call it: one
    of them drains. `progress` is called with the number of records that are done with.
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
        transport.may_send = may_send
        run = _Run(spool, transport, schedule, jitter=jitter or _draw, progress=progress)
        try:
            run.deliver_all()
        except (OSError, SpoolError):
            run.finish()  # what the endpoint said holds, whatever the disk says
            raise
        return run.finish()


def _draw(low: float, high: float) -> float:
    from random import SystemRandom  # children forked at one instant share the state of any other

    return SystemRandom().uniform(low, high)


class _Run:
    """One drain: the order in which segments are sent, and what the schedule hears of it."""

    def __init__(
        self,
        spool: Spool,
        transport: Transport,
        schedule: Schedule,
        *,
        jitter: Jitter,
        progress: Callable[[int], None],
    ) -> None:
        self.spool = spool
        self.transport = transport
        self.schedule = schedule
        self.jitter = jitter
        self.progress = progress
        self.sender = Sender(spool, transport, done=self._done)
        self.stopped = False
        self._head: Path | None = None  # the segment over which the endpoint failed

    def deliver_all(self) -> None:
        """Send one segment after another, until all are done with, the endpoint fails, or nothing more may be sent."""
        try:
            while not self._deliver_in_order() and self._head_is_to_blame():
                pass
        except StoppedError:
            self.stopped = True
        finally:
            self.sender.remove_finished()
        if self.sender.requests:
            self._bound_the_dead()
        if self.sender.stuck and not self.sender.delivered and not self.sender.failure:
            raise self.sender.stuck

    def _deliver_in_order(self) -> bool:
        sender = self.sender
        sender.remove_finished()  # or it would be listed again, where the head vanished before it was sent
        for segment in read_ahead(self.spool, self._prepare, partial(sender.go_on_despite, reading=True)):
            if segment.path in sender.set_aside:
                continue
            try:
                if not sender.deliver(segment):
                    self._head = segment.path
                    return False
            except OSError as error:
                sender.go_on_despite(error)
        return True

    def _prepare(self, records: Sequence[Record]) -> None:
        if not self.transport.alone:
            self.transport.prepare(records)

    def _head_is_to_blame(self) -> bool:
        try:
            return self._search_head()
        except OSError as error:
            self.sender.go_on_despite(error, reading=True)
            return False

    def _search_head(self) -> bool:
        """
        Tell a dead endpoint from one that fails over a single segment, and take that one apart.

        An endpoint that has failed over the head several times is offered another segment, each time the next one; it
        may have taken one before, where a wrong clock has put the head behind all others. When it takes that, the head
        is halved as if it had been refused. Returns whether the drain may go on.
        """
        sender, failure, delivered = self.sender, self.sender.failure, self.sender.delivered
        if self._head is None or failure is None or not failure.server_error:
            return False
        sender.set_aside.add(self._head)
        failures = self.schedule.failures_of(self._head.stem) + 1
        if failures < _STUBBORN:
            return False
        bounds.finish_all(self.spool)  # what a gap counts is not offered
        others = [path for path in self.spool.sealed() if path not in sender.set_aside]
        if not (others or delivered):
            return False
        if others:
            # Where it hangs over both, whoever gave this drain a minute ends it before it can tell the next one.
            self._keep(self._failed(failure))
            offered = read_one(self.spool, others[(failures - _STUBBORN) % len(others)])
            if not sender.deliver(offered) or sender.delivered == delivered:
                wishes = [
                    each.retry_after for each in (failure, sender.failure) if each and each.retry_after is not None
                ]
                sender.failure = replace(failure, retry_after=max(wishes, default=None))
                return False
        sender.failure = None
        return sender.take_apart(self.spool.read(self._head), failure)

    def _bound_the_dead(self) -> None:
        try:
            dead.enforce_bound(self.spool)
        except OSError as error:
            self.sender.go_on_despite(error, reading=True)

    def _done(self, segment: Path) -> None:
        if self.schedule.attempts:  # the endpoint is back: whatever happens to this drain, the next one need not wait
            head, failures = self.schedule.head, self.schedule.head_failures
            self._save_success()
            if segment.stem != head:  # a wrong clock may have put that one behind all others: it is still to come
                self.schedule = replace(self.schedule, head=head, head_failures=failures)
        self.progress(self.sender.delivered + self.sender.buried)

    def finish(self) -> Summary:
        """Leave the schedule for the next drain."""
        sender = self.sender
        if sender.delivered + sender.buried:
            with suppress(OSError):  # at worst, what was delivered comes back after a crash
                self.spool.disk.sync_directory(self.spool.layout.pending)
        failure = sender.failure or sender.suspicion()
        wait = None
        if failure is not None:
            self._save(self._failed(failure))
            wait = self.schedule.wait(self.spool.now())
        elif sender.requests and not self.stopped:
            self._save_success()
        stuck = (getattr(sender.stuck, "strerror", None) or str(sender.stuck)) if sender.stuck else None
        return Summary(
            sender.delivered, sender.buried, sender.requests, failure, wait=wait, stopped=self.stopped, stuck=stuck
        )

    def _save_success(self) -> None:
        self._save(self.schedule.succeeded(self.spool.now(), delivered=self.sender.delivered > 0))

    def _failed(self, failure: Deferred) -> Schedule:
        head = self._head.stem if self._head else None
        return self.schedule.failed(failure, self.spool.now(), self.jitter, head=head)

    def _save(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self._keep(schedule)

    def _keep(self, schedule: Schedule) -> None:
        with suppress(OSError):  # lost, it is an attempt earlier than planned
            save(self.spool, schedule)
