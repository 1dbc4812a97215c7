"""When the next attempt may start: pure decisions, and the file that carries them from one process to the next."""

import json
import os
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from spool.disk import read_small
from spool.record import REASON, printable, timestamp

if TYPE_CHECKING:  # looking at a schedule, as each run does, needs no outcome
    from spool.outcome import Deferred
    from spool.spool import Spool

FIRST_BACKOFF = 60.0  # seconds
MAX_BACKOFF = 6 * 3600.0
MAX_RETRY_AFTER = 24 * 3600.0  # a server that asks for more is misread or mistaken
_MOST_FAILURES = 1_000_000


Jitter = Callable[[float, float], float]
"""Draws a number between two, as `random.uniform` does."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    What a drain leaves for the next one. Times are UTC.

    `not_before` is our own backoff and `retry_after` the server's wish; `attempts` counts the failures in a row.
    `endpoint` is a checksum of the address that all of this is about. `head` names the oldest segment when the endpoint
    failed over it the last time, and `head_failures` says how often it did.
    """

    endpoint: str | None = None
    attempts: int = 0
    not_before: datetime | None = None
    retry_after: datetime | None = None
    last_error: str | None = None
    last_success: datetime | None = None
    head: str | None = None
    head_failures: int = 0

    def of(self, address: str) -> "Schedule":
        """Return this schedule if it is about the endpoint with that address, else a new one."""
        endpoint = f"{zlib.crc32(address.encode('utf-8', 'backslashreplace')):08x}"
        return self if self.endpoint == endpoint else Schedule(endpoint=endpoint, last_success=self.last_success)

    def wait(self, now: datetime, *, ignore_backoff: bool = False, ignore_wish: bool = False) -> timedelta:
        """
        Return how long the next attempt has to wait, for our own backoff and the server's wish; zero when it is due.

        An instant further away than the longest wait that anybody could have meant is a clock that was wrong, then or
        now: it does not count, so that a clock step cannot freeze the spool.
        """
        waits = [timedelta(0)]
        if self.retry_after is not None and not ignore_wish:
            waits.append(_plausible(self.retry_after - now, MAX_RETRY_AFTER))
        if self.not_before is not None and not ignore_backoff:
            waits.append(_plausible(self.not_before - now, MAX_BACKOFF))
        return max(waits)

    def failed(self, outcome: "Deferred", now: datetime, jitter: Jitter, *, head: str | None = None) -> "Schedule":
        """Return the schedule after an attempt that ended with `outcome`, over the segment called `head`."""
        pause = timedelta(seconds=backoff(self.attempts, jitter))
        wish = None if outcome.retry_after is None else now + timedelta(seconds=_spread(outcome.retry_after, jitter))
        after = replace(
            self,
            attempts=self.attempts + 1,
            not_before=now + pause,
            retry_after=wish,
            last_error=outcome.reason[REASON],
        )
        if not outcome.server_error:  # it says nothing about the segment
            return after
        return replace(after, head=head, head_failures=self.failures_of(head) + 1)

    def failures_of(self, segment: str | None) -> int:
        """Return how often the endpoint has failed over a segment, if it is the last one it failed over."""
        return self.head_failures if segment == self.head else 0

    def succeeded(self, now: datetime, *, delivered: bool = True) -> "Schedule":
        """Return the schedule after the endpoint has answered; unless `delivered`, it has refused all that it got."""
        return Schedule(endpoint=self.endpoint, last_success=now if delivered else self.last_success)


def backoff(attempts: int, jitter: Jitter) -> float:
    """
    Return the seconds to wait after `attempts` failures before this one: exponential, with full jitter, at most 6 h.

    Full jitter (a uniform draw from zero to the bound) spreads a fleet that failed at one instant over the whole of the
    interval: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    return jitter(0.0, min(MAX_BACKOFF, FIRST_BACKOFF * 2.0 ** min(attempts, 30)))


def _spread(retry_after: float, jitter: Jitter) -> float:
    """
    Return the seconds to leave a server alone that asked for so many: up to half as many more.

    One that names a date names the same one to everybody: all of a fleet that runs by the clock would come at once.
    """
    asked = max(0.0, retry_after)  # in this order: zero, too, for what is no number
    return min(asked + jitter(0.0, asked / 2), MAX_RETRY_AFTER)


def load(path: Path) -> Schedule:
    """Read the schedule; an absent, unreadable or damaged file is a schedule that allows an attempt now."""
    try:
        stored = json.loads(read_small(path) or b"")
        return Schedule(
            endpoint=_text(stored["endpoint"]),
            attempts=_count(stored["attempts"]),
            not_before=_instant(stored["not_before"]),
            retry_after=_instant(stored["retry_after"]),
            last_error=_text(stored["last_error"]),
            last_success=_instant(stored["last_success"]),
            head=stored["head"] if isinstance(stored["head"], str) else None,
            head_failures=_count(stored["head_failures"]),
        )
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Schedule()


def dump(schedule: Schedule) -> bytes:
    """Return the bytes that `load` reads: one JSON object, times in ISO 8601."""
    fields = {
        key: timestamp(value) if isinstance(value, datetime) else value for key, value in asdict(schedule).items()
    }
    return json.dumps(fields).encode("ascii") + b"\n"


def save(spool: "Spool", schedule: Schedule) -> None:
    """Keep a schedule for the next drain; on a full disk, in the file that is there. The caller holds `drain.lock`."""
    path, data = spool.layout.schedule, dump(schedule)
    try:
        spool.publish(data, path)
    except OSError:
        descriptor = spool.disk.open(path)
        try:
            spool.disk.truncate(descriptor, 0)
            spool.disk.write(descriptor, data)
        finally:
            os.close(descriptor)


def _plausible(wait: timedelta, most: float) -> timedelta:
    return wait if wait.total_seconds() <= most else timedelta(0)


def _count(number: object) -> int:
    return min(max(0, int(number)), _MOST_FAILURES)  # type: ignore[call-overload, no-any-return]


def _text(text: object) -> str | None:
    return None if text is None else printable(str(text))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
