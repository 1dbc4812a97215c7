"""What the course of a simulation comes to, on the scale of the whole fleet."""

from dataclasses import dataclass

from fleet_simulation import BACK, DOWN, GONE, MINUTE, WARM_UP, Course, Fleet, Policy

HALF = 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """One fleet under one policy: what happened, and each machine of it stands for `scale` machines."""

    fleet: Fleet
    policy: Policy
    course: Course
    scale: float


@dataclass(frozen=True, slots=True)
class Figures:
    """
    One row of the table.

    `steady` is requests a second in the hours before the endpoint went down; the peaks are the busiest minute of a time
    over it, `after_minute` when that was; both durations are minutes since the endpoint is back, None when the backlog
    outlived the simulation. `second_before` and `second_after` are the requests of the busiest second.
    """

    fleet: str
    policy: str
    steady: float
    peak_before: float
    peak_down: float
    peak_after: float
    after_minute: int
    second_before: float
    second_after: float
    unanswered: float
    refused: float
    recorded: float
    delivered: float
    pending: float
    lost: float
    most_pending: int
    half_minutes: int | None
    gone_minutes: int | None


def figures(case: Case) -> Figures:
    """Return the row of one case."""
    course, scale = case.course, case.scale
    steady = steady_minute(course)
    before, down = range(WARM_UP // MINUTE, DOWN // MINUTE), range(DOWN // MINUTE, BACK // MINUTE)
    after = range(BACK // MINUTE, len(course.taken))
    busiest = max(after, key=course.minute)
    return Figures(
        fleet=case.fleet.name,
        policy=case.policy.name,
        steady=steady * scale / MINUTE,
        peak_before=max(map(course.minute, before)) / steady,
        peak_down=max(map(course.minute, down)) / steady,
        peak_after=course.minute(busiest) / steady,
        after_minute=busiest - after.start,
        second_before=max(course.arrivals[WARM_UP:DOWN]) * scale,
        second_after=max(course.arrivals[BACK:]) * scale,
        unanswered=sum(course.unanswered) * scale,
        refused=sum(course.refused) * scale,
        recorded=course.recorded * scale,
        delivered=course.delivered * scale,
        pending=course.pending * scale,
        lost=(course.recorded - course.delivered - course.pending) * scale,
        most_pending=course.most_pending,
        half_minutes=_lasts(course, HALF),
        gone_minutes=_lasts(course, GONE),
    )


def steady_minute(course: Course) -> float:
    """Return how many sampled requests a minute brought on average before the endpoint went down."""
    return sum(course.taken[WARM_UP // MINUTE : DOWN // MINUTE]) / ((DOWN - WARM_UP) // MINUTE)


def _lasts(course: Course, share: float) -> int | None:
    """Return the minutes from BACK until not more than a share of the largest backlog is left, for good."""
    limit = share * max(course.backlog)
    last = max((minute for minute, backlog in enumerate(course.backlog) if backlog > limit), default=0)
    return None if last == len(course.backlog) - 1 else max(0, last + 1 - BACK // MINUTE)
