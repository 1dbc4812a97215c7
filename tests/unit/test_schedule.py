"""The schedule: when the next attempt may start, and how it survives on disk."""

import math
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool.outcome import Deferred
from spool.schedule import MAX_BACKOFF, MAX_RETRY_AFTER, Jitter, Schedule, backoff, dump, load

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@given(st.integers(0, 10_000), st.integers())
def test_backoff_is_bounded(attempts: int, seed: int) -> None:
    """A pause is never negative, never above 6 hours, and after the first failure never above a minute."""
    pause = backoff(attempts, random.Random(seed).uniform)
    assert 0.0 <= pause <= min(MAX_BACKOFF, 60.0 * 2.0 ** min(attempts, 30))


def test_backoff_has_full_jitter() -> None:
    """The pauses of a fleet that failed together are spread over the whole interval."""
    jitter = random.Random(7).uniform
    pauses = sorted(backoff(3, jitter) for _ in range(1000))
    assert pauses[0] < 10
    assert pauses[-1] > 470
    assert 200 < pauses[500] < 280


def test_nothing_to_wait_for() -> None:
    """A new schedule allows an attempt at once."""
    assert Schedule().wait(NOW) == timedelta(0)


def test_the_longer_wait_counts() -> None:
    """Of the server's wish and our own backoff, the longer one binds; a flush passes over our own only."""
    schedule = Schedule(not_before=NOW + timedelta(minutes=5), retry_after=NOW + timedelta(minutes=2))
    assert schedule.wait(NOW) == timedelta(minutes=5)
    assert schedule.wait(NOW, ignore_backoff=True) == timedelta(minutes=2)


@pytest.mark.parametrize("step", [timedelta(days=-400), timedelta(days=400)])
def test_a_clock_step_cannot_freeze_the_spool(step: timedelta) -> None:
    """A schedule written by a clock that was years off allows an attempt."""
    schedule = Schedule().failed(Deferred("HTTP 503", retry_after=3600.0), NOW - step, random.Random(1).uniform)
    assert schedule.wait(NOW) == timedelta(0)


def test_failures_count_and_success_clears() -> None:
    """Each failure in a row is counted with its reason and the server's wish; a delivery clears them."""
    jitter: Jitter = min  # the shortest wait
    once = Schedule(last_success=NOW).failed(Deferred("HTTP 503", retry_after=90.0), NOW, jitter)
    twice = once.failed(Deferred("no connection"), NOW, jitter)
    assert (once.attempts, once.retry_after) == (1, NOW + timedelta(seconds=90))
    assert (twice.attempts, twice.retry_after, twice.last_error) == (2, None, "no connection")
    assert twice.last_success == NOW
    assert twice.succeeded(NOW) == Schedule(last_success=NOW)
    later = NOW + timedelta(days=1)
    assert twice.succeeded(later, delivered=False) == Schedule(last_success=NOW), "all of it was refused"


def test_it_survives_on_disk(tmp_path: Path) -> None:
    """What one process wrote, the next one reads, to the millisecond."""
    path = tmp_path / "schedule.json"
    schedule = Schedule(
        "9f3a01bc", 3, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2), "HTTP 503", NOW, "0192", 2
    )
    path.write_bytes(dump(schedule))
    assert load(path) == schedule


STORED = (
    '{"endpoint": null, "attempts": %s, "not_before": %s, "retry_after": null, "last_error": null, '
    '"last_success": null, "head": null, "head_failures": 0}'
)
DAMAGED = [
    *[b"", b"\x00" * 90, b"[]", b"{}", b'{"attempts": "x"}', b"\xff", b"[" * 50_000, b" " * 70_000],
    (STORED % ("1e999", "null")).encode(),
    (STORED % ("0", '"0001-01-01T00:00:00+23:59"')).encode(),
    (STORED % ("0", '"tomorrow"')).encode(),
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_stops_nothing(tmp_path: Path, content: bytes) -> None:
    """An absent or damaged schedule allows an attempt."""
    path = tmp_path / "schedule.json"
    assert load(path) == Schedule()
    path.write_bytes(content)
    assert load(path) == Schedule()


@pytest.mark.parametrize("number", [-1, -(10**400), 10**400])
def test_counts_that_no_drain_would_write_stop_nothing(tmp_path: Path, number: int) -> None:
    """From a count that is negative or beyond all measure, the schedule goes on, and can be kept and read again."""
    path = tmp_path / "schedule.json"
    path.write_text((STORED % (number, "null")).replace('"head_failures": 0', f'"head_failures": {number}'))
    schedule = load(path)
    assert 0 <= schedule.attempts <= 10**6
    assert 0 <= schedule.head_failures <= 10**6
    after = schedule.failed(Deferred("HTTP 503", server_error=True), NOW, lambda low, _high: low)
    path.write_bytes(dump(after))
    assert load(path).last_error == "HTTP 503"


def test_what_is_no_file_stops_nothing(tmp_path: Path) -> None:
    """A directory, a pipe or a link in place of the schedule allows an attempt, and nobody waits for it."""
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("directory", "pipe", "link"):
        assert load(tmp_path / name) == Schedule()


def test_an_old_error_is_fit_to_be_shown(tmp_path: Path) -> None:
    """A reason read from disk holds no control character and no half of a surrogate pair."""
    (tmp_path / "schedule.json").write_text(
        (STORED % (1, "null")).replace('"last_error": null', '"last_error": "\\u001b[2J\\ud800"')
    )
    assert load(tmp_path / "schedule.json").last_error == "?[2J?"


@pytest.mark.parametrize("asked", [0.0, 1.0, 3600.0, MAX_RETRY_AFTER])
def test_a_date_for_all_does_not_bring_all_at_once(asked: float) -> None:
    """A server gets the time that it asked for, and its clients come back over half as much again."""
    draws = random.Random(7)
    failure = Deferred("HTTP 503", retry_after=asked)
    waits = [Schedule().failed(failure, NOW, draws.uniform).wait(NOW, ignore_backoff=True) for _ in range(200)]
    seconds = sorted(wait.total_seconds() for wait in waits)
    assert seconds[0] >= asked
    assert seconds[-1] <= min(1.5 * asked, MAX_RETRY_AFTER)
    if 0 < asked < MAX_RETRY_AFTER:
        assert seconds[100] > 1.2 * asked


@pytest.mark.parametrize("asked", [math.nan, -1e300, math.inf, 1e300])
def test_a_wish_that_is_none(asked: float) -> None:
    """Whatever a transport says of a wait, the schedule behind it is one: at most a day, and not before now."""
    schedule = Schedule().failed(Deferred("busy", retry_after=asked), NOW, lambda _low, high: high)
    assert schedule.retry_after is not None
    assert timedelta(0) <= schedule.retry_after - NOW <= timedelta(days=1)


def test_a_name_of_any_length_is_that_of_the_head(tmp_path: Path) -> None:
    """Failures over a segment are counted, whatever somebody has called it."""
    name = "\u202e" + "x" * 230
    path = tmp_path / "schedule.json"
    path.write_bytes(
        dump(Schedule().failed(Deferred("HTTP 500", server_error=True), NOW, lambda _low, high: high, head=name))
    )
    assert load(path).failures_of(name) == 1


def test_another_endpoint_has_another_schedule() -> None:
    """What one endpoint asked for binds no other; when it was that something was delivered is kept."""
    first = (
        Schedule(last_success=NOW).of("https://a/").failed(Deferred("HTTP 429", 3600.0), NOW, lambda _low, high: high)
    )
    assert first.of("https://a/") == first
    other = first.of("https://b/")
    assert (other.wait(NOW), other.attempts, other.last_success) == (timedelta(0), 0, NOW)
    assert "https" not in dump(first).decode(), "an address may hold a password"


def test_failures_over_a_segment_are_counted() -> None:
    """Failures of the endpoint over one segment add up; a dead network in between says nothing about the segment."""
    jitter, broken = random.Random(1).uniform, Deferred("HTTP 500", server_error=True)
    schedule = Schedule().failed(broken, NOW, jitter, head="a").failed(Deferred("no connection"), NOW, jitter, head="a")
    schedule = schedule.failed(broken, NOW, jitter, head="a")
    assert (schedule.failures_of("a"), schedule.failures_of("b")) == (2, 0)
    assert schedule.failed(broken, NOW, jitter, head="b").failures_of("b") == 1
    assert schedule.succeeded(NOW).failures_of("a") == 0
