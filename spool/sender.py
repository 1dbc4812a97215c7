"""One segment to the endpoint: in halves where it takes issue with a batch, until each record is done with."""

import errno
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from spool import dead
from spool.errors import BusyError
from spool.outcome import Deferred, Delivered, Outcome, Refused
from spool.record import Record
from spool.segment import UNREADABLE, Segment
from spool.spool import Spool
from spool.transport import Transport

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM}  # or no permission
_HOPELESS = 16  # failures in a row, while a segment is taken apart: more than it takes to find one record


class StoppedError(Exception):
    """The caller does not want anything more to be sent."""


def batches(segment: Segment, *, alone: bool) -> list[Sequence[Record]]:
    """Return the members of each request that a segment becomes: one, or one for each record."""
    if alone:
        return [[record] for record in segment.records]
    return [segment.records] if segment.records else []


def _halves(batch: Sequence[Record]) -> tuple[Sequence[Record], Sequence[Record]]:
    """Return the second half and the first: in the order in which they are put before what is to be done."""
    middle = len(batch) // 2
    return batch[middle:], batch[:middle]


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A record over which, alone, the endpoint failed; it may be the endpoint all the same."""

    segment: Path
    record: Record
    failure: Deferred


class Sender:
    """
    Sends segments, acts on each outcome, and counts: what was delivered, what was buried, and the requests.

    `failure` is the last one of the endpoint, `stuck` why something could not be buried or removed. What is in
    `set_aside` is not to be sent by this drain. `done` is called with their segment when records are done with.
    """

    def __init__(self, spool: Spool, transport: Transport, *, done: Callable[[Path], None]) -> None:
        self.delivered = self.buried = self.requests = 0
        self.failure: Deferred | None = None
        self.stuck: OSError | BusyError | None = None
        self.set_aside: set[Path] = set()
        self._spool = spool
        self._transport = transport
        self._done = done
        self._suspects: list[_Suspect] = []
        self._finished: Path | None = None  # a segment that is done with, and still there

    def deliver(self, segment: Segment) -> bool:
        """Send a segment. Returns whether the drain may go on: the endpoint did not fail."""
        return self._deliver(segment, suspected=False)

    def take_apart(self, segment: Segment, failure: Deferred) -> bool:
        """
        Find the records over which the endpoint fails, though it takes other segments. Returns as `deliver` does.

        They are suspects: buried when it fails over each of them alone, takes another batch, and fails over them again.
        """
        if len(segment.records) != 1:
            return self._deliver(segment, suspected=True)
        self._suspects.append(_Suspect(segment.path, segment.records[0], failure))
        return self._judge_suspects()

    def suspicion(self) -> Deferred | None:
        """Return the failure over a record that is a suspect still."""
        return self._suspects[-1].failure if self._suspects else None

    def remove_finished(self) -> None:
        """
        Remove the segment that was done with last.

        It stays until the reading of another has begun, as to free its blocks takes a while in which Python would have
        nothing to do: a drain takes a tenth less time so.
        """
        if self._finished is None:
            return
        try:
            self._spool.disk.unlink(self._finished)  # durable at the end of the drain
        except OSError as error:
            self.set_aside.add(self._finished)  # or this drain would meet it again
            self.go_on_despite(error)
        self._finished = None

    def go_on_despite(self, error: OSError | BusyError, *, reading: bool = False) -> None:
        """
        Go on where there is no room to bury a record or to divide a file, or one file cannot be removed, or read.

        What else is delivered makes room: what is left, the next drain has. Any other error is raised.
        """
        of_a_file = isinstance(error, OSError) and (error.errno in _NO_ROOM or (reading and error.errno in UNREADABLE))
        if not of_a_file and not isinstance(error, BusyError):  # what is in the active segment stays there
            raise error
        self.stuck = error

    def _deliver(self, segment: Segment, *, suspected: bool) -> bool:
        self._bury_corrupt(segment)
        todo = deque(batches(segment, alone=self._transport.alone))
        failures = 0
        while todo:
            batch = todo.popleft()
            outcome = self._send(batch)
            match outcome:
                case Delivered(rejected):
                    failures = 0
                    self._taken(batch, rejected)
                    self._leave(segment.path, todo)
                    if not self._judge_suspects():
                        return False
                case Refused() if len(batch) > 1:
                    todo.extendleft(_halves(batch))
                case Refused():
                    self._bury(batch[0], outcome)
                    self._leave(segment.path, todo)
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
        self.remove_finished()
        if not self._transport.may_send():
            raise StoppedError
        self.requests += 1
        outcome = self._transport.send(batch)
        if isinstance(outcome, Deferred) and outcome.retry_after is not None:
            return replace(outcome, server_error=False)  # who asks to wait has not failed over anything
        if isinstance(outcome, Delivered) and outcome.rejected:
            rejected = {name.lower().removeprefix("urn:uuid:"): why for name, why in outcome.rejected.items()}
            strange = rejected.keys() - {record.id for record in batch}
            if strange:  # it rejected something under a name of its own: which one that is, halving finds out
                return Refused(rejected[min(strange)], status=200)
            return Delivered(rejected)
        return outcome

    def _taken(self, batch: Sequence[Record], rejected: Mapping[str, str]) -> None:
        by_name = [record for record in batch if record.id in rejected] if rejected else []
        for record in by_name:
            self._bury(record, Refused(rejected[record.id], status=200))
        self.delivered += len(batch) - len(by_name)

    def _leave(self, segment: Path, todo: deque[Sequence[Record]]) -> None:
        """Leave in a segment what is not done with, before anything else is sent: the rest is never sent again."""
        left = [suspect.record for suspect in self._suspects if suspect.segment == segment]
        left += [record for batch in todo for record in batch]
        if left:
            try:
                self._spool.replace(segment, left)
            except OSError as error:
                # On a full disk, the rest goes all the same: then the whole file goes, and makes room. Not so with
                # suspects, which are looked for in the file again.
                if error.errno not in _NO_ROOM or self._suspects:
                    raise
        else:
            self._finished = segment
        self._done(segment)

    def _judge_suspects(self) -> bool:
        """
        Bury the records over which, alone, an endpoint failed that takes others afterwards, and fails over them again.

        One that was down for a moment has done neither. Returns as `deliver` does.
        """
        for suspect in tuple(self._suspects):
            record = suspect.record
            outcome = self._send([record])
            match outcome:
                case Delivered(rejected) if record.id not in rejected:
                    self.delivered += 1
                case Deferred(server_error=False):
                    self.failure = outcome
                    return False
                case _:
                    self._bury(record, Refused(suspect.failure.reason, suspect.failure.status))
            self._suspects.remove(suspect)
            records = self._spool.read(suspect.segment).records
            self._spool.replace(suspect.segment, [each for each in records if each.id != record.id])
        return True

    def _bury_corrupt(self, segment: Segment) -> None:
        if segment.corrupt:
            self.remove_finished()  # it may be in the room that this takes
            dead.bury_corrupt(self._spool, segment)
            self.buried += len(segment.corrupt)

    def _bury(self, record: Record, refusal: Refused) -> None:
        dead.bury(self._spool, record, refusal)
        self.buried += 1
