"""
Machines that record and flush, and an endpoint that goes down and comes back: one event after the other, in order.

What a machine decides is decided by the product: `Schedule` says when it may try again, `INTERVAL` how seldom a run
starts a flush, `classify` what an answer means. What is assumed stands in this file: when machines run, and what the
endpoint answers.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from spool.background import INTERVAL
from spool.outcome import Deferred, Delivered, Outcome, Response, classify
from spool.schedule import Jitter, Schedule

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE, HOUR = 60, 3600

WARM_UP = HOUR
"""Before it machines are not yet spread as they would be after weeks. All instants are seconds since the start."""
DOWN = 3 * HOUR
BACK = 4 * HOUR
WELL = 5 * HOUR
"""No connection from DOWN to BACK; from there to WELL a quota a minute and 429 above it; then everything is taken."""
LAST = BACK + 24 * HOUR
SHOWN = WELL + 2 * HOUR
"""A simulation ends when the backlog is gone, not before SHOWN and not after LAST."""

QUOTA = 0.5
"""Of what the busiest minute before DOWN brought: a collector at half of the size that it needs."""
HINT = 1800.0
"""Seconds of `Retry-After`; a server that spreads its hint says anything from half of it to one and a half times it."""
SKEW = 2.0
"""Seconds within which machines whose clocks agree start what is planned for the same minute."""
GONE = 0.01
"""The backlog is gone when this part of its largest size is left."""

Hint = Literal["none", "constant", "spread", "date"]


@dataclass(frozen=True, slots=True)
class Fleet:
    """
    How machines run the tool: every `gap` seconds, at random or, when `planned`, all at the same instants.

    Each run is followed by `evidently telemetry flush` when the machines flush `by_hand`; otherwise the background
    flush of a run is all there is. A fleet that runs seldom needs `times` as large a sample to be seen.
    """

    name: str
    words: str
    gap: float
    planned: bool = False
    by_hand: bool = False
    times: int = 1

    def next_run(self, now: float, draw: random.Random) -> float:
        """Return when a machine that runs now runs again."""
        if self.planned:
            return (now // self.gap + 1.0) * self.gap + draw.uniform(0.0, SKEW)
        return now + draw.expovariate(1.0 / self.gap)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is compared: the draw of the backoff, and what the endpoint says besides "not now"."""

    name: str
    words: str
    jitter: bool = True
    hint: Hint = "none"


@dataclass(slots=True)
class Machine:
    """One machine: how many records are pending, and the two files that `_start_flush` looks at."""

    flush_started: float
    schedule: Schedule = field(default_factory=Schedule)
    pending: int = 0
    behind: bool = False

    def may_start(self, now: float) -> bool:
        """Whether a run starts a flush: it is due, and none was started in the last ten minutes. Marks the start."""
        if abs(now - self.flush_started) < INTERVAL:  # the product asks this last; here it is the cheaper question
            return False
        if self.schedule.wait(instant(now)):
            return False
        self.flush_started = now
        return True

    def may_flush(self, now: float) -> bool:
        """Whether `evidently telemetry flush` sends: it passes over our own pause, not over the server's."""
        return not self.schedule.wait(instant(now), ignore_backoff=True)

    def learn(self, outcome: Outcome, now: float, jitter: Jitter) -> None:
        """Keep what a flush keeps. All that is pending is one segment, so one request."""
        match outcome:
            case Delivered():
                self.schedule = self.schedule.succeeded(instant(now))
                self.pending, self.behind = 0, False
            case Deferred():
                self.schedule = self.schedule.failed(outcome, instant(now), jitter)
                self.behind = True
            case _:
                raise AssertionError(f"no answer of this endpoint blames a record: {outcome}")


class Endpoint:
    """What is at the other end. Times as above."""

    def __init__(self, hint: Hint, draw: random.Random) -> None:
        self.quota = 0
        self._hint = hint
        self._draw = draw
        self._minute = self._taken = 0
        self._delivered = classify(Response(202), 1, START)  # depends on nothing else: it need not be asked each time

    def answer(self, now: float, records: int) -> Outcome:
        """Answer a request, as the product reads it."""
        if now < DOWN or now >= WELL:
            return self._delivered
        if now < BACK:
            if self._hint != "date":
                return Deferred("no connection")  # as the transport says
            return classify(Response(503, {"retry-after": _date(BACK)}), records, instant(now))
        if self._within_quota(now):
            return self._delivered
        return classify(Response(429, self._headers()), records, instant(now))

    def _within_quota(self, now: float) -> bool:
        minute = int(now // MINUTE)
        if minute != self._minute:
            self._minute, self._taken = minute, 0
        if self._taken >= self.quota:
            return False
        self._taken += 1
        return True

    def _headers(self) -> dict[str, str]:
        match self._hint:
            case "none":
                return {}
            case "constant":
                return {"retry-after": f"{HINT:.0f}"}
            case "spread":
                return {"retry-after": f"{self._draw.uniform(0.5 * HINT, 1.5 * HINT):.0f}"}
            case "date":
                return {"retry-after": _date(WELL)}


@dataclass(slots=True)
class Course:
    """What happened, minute by minute, and second by second in `arrivals`. Sampled: each machine stands for several."""

    taken: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    unanswered: list[int] = field(default_factory=list)
    backlog: list[int] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)
    recorded: int = 0
    delivered: int = 0
    pending: int = 0
    most_pending: int = 0

    def minute(self, number: int) -> int:
        """Return how many requests were tried in a minute, whatever became of them."""
        return self.taken[number] + self.refused[number] + self.unanswered[number]


class Simulation:
    """One fleet under one policy. The same seed gives the same course."""

    def __init__(self, fleet: Fleet, policy: Policy, *, machines: int, seed: int) -> None:
        self.fleet = fleet
        self.course = Course()
        self._runs = random.Random(f"{seed} {fleet.name} runs")  # the same whatever the policy
        self._jitter = jitter(policy, random.Random(f"{seed} {fleet.name} jitter"))
        self._endpoint = Endpoint(policy.hint, random.Random(f"{seed} {fleet.name} hints"))
        self._backlog = 0
        cycle = INTERVAL + fleet.gap  # a mark is renewed by the first run after it went stale: its age is uniform
        self.machines = [Machine(-self._runs.uniform(0.0, cycle)) for _ in range(machines)]

    def run(self) -> Course:
        """Let every machine run until the backlog is gone."""
        fleet, draw, machines = self.fleet, self._runs, self.machines
        queue = [(fleet.next_run(0.0, draw), number) for number in range(len(machines))]
        heapq.heapify(queue)
        self._open_minute()
        ends = MINUTE
        while True:
            now, number = queue[0]
            while now >= ends:
                if self._close_minute(ends):
                    return self.course
                ends += MINUTE
            self._wake(machines[number], now)
            heapq.heapreplace(queue, (fleet.next_run(now, draw), number))

    def _wake(self, machine: Machine, now: float) -> None:
        """A machine runs the tool: it records, and perhaps it flushes."""
        machine.pending += 1
        self.course.recorded += 1
        self.course.most_pending = max(self.course.most_pending, machine.pending)
        self._backlog += machine.behind
        ready = machine.may_flush(now) if self.fleet.by_hand else machine.may_start(now)
        if not ready:
            return
        sent, was_behind = machine.pending, machine.behind
        outcome = self._endpoint.answer(now, sent)
        machine.learn(outcome, now, self._jitter)
        self._count(outcome, now, sent)
        self._backlog += machine.pending * machine.behind - sent * was_behind

    def _count(self, outcome: Outcome, now: float, sent: int) -> None:
        course = self.course
        course.arrivals[int(now)] += 1
        if isinstance(outcome, Delivered):
            course.taken[-1] += 1
            course.delivered += sent
        elif now < BACK:
            course.unanswered[-1] += 1
        else:
            course.refused[-1] += 1

    def _open_minute(self) -> None:
        for column in (self.course.taken, self.course.refused, self.course.unanswered):
            column.append(0)
        self.course.arrivals.extend([0] * MINUTE)

    def _close_minute(self, now: int) -> bool:
        """Look at the clock; True when it is over."""
        self.course.backlog.append(self._backlog)
        if now == DOWN:
            busiest = max(self.course.taken[WARM_UP // MINUTE :])
            self._endpoint.quota = max(1, round(QUOTA * busiest))
        if now >= LAST or (now >= SHOWN and self._backlog <= GONE * max(self.course.backlog)):
            self.course.pending = sum(machine.pending for machine in self.machines)
            return True
        self._open_minute()
        return False


def jitter(policy: Policy, draw: random.Random) -> Jitter:
    """Return the draw of the backoff: the product's, or none, so that every pause is as long as it can be."""
    bound: Callable[[float, float], float] = lambda _low, high: high  # noqa: E731 - a function of one expression
    return draw.uniform if policy.jitter else bound


def instant(seconds: float) -> datetime:
    """Return a time of the simulation as the product's code takes it."""
    return START + timedelta(seconds=seconds)


def _date(seconds: float) -> str:
    return format_datetime(instant(seconds), usegmt=True)
