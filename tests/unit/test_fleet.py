"""The fleet of `scripts/fleet`: its machines decide as the product does, and lose nothing."""

import itertools
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spool.background import claim_start
from spool.disk import Disk
from spool.outcome import Outcome, Response, classify
from spool.schedule import Schedule, dump, load

_TAKEN = Response(202)
_NOT_NOW = [Response(503), *(Response(429, {"retry-after": wish}) for wish in ("30", "700", "5000"))]
# The mark hides every pause below ten minutes: only after five failures in a row does backoff have a say.
_ANSWERS = st.sampled_from([_TAKEN, *_NOT_NOW[:1] * 16, *_NOT_NOW])
_RUNS = st.lists(st.tuples(st.integers(1, 1500), _ANSWERS), min_size=20, max_size=40)


@pytest.fixture(scope="module")
def fleet() -> Iterator[ModuleType]:
    """The simulation: scripts are no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
        import fleet_simulation

        yield fleet_simulation


class RealMachine:
    """What a run of the product does about a flush, with its files."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.schedule = folder / "schedule.json"
        self.mark = folder / "flush-started"
        self.jitter = random.Random(seed).uniform

    def may_start(self, fleet: ModuleType, now: float) -> bool:
        """As in evidently_cli.recorder."""
        instant = fleet.instant(now)
        if load(self.schedule).wait(instant):
            return False
        return claim_start(self.mark, Disk(), now=instant.timestamp())

    def learn(self, fleet: ModuleType, outcome: Outcome, now: float) -> None:
        """As at the end of a drain."""
        schedule, instant = load(self.schedule), fleet.instant(now)
        delivered = outcome == classify(_TAKEN, 1, instant)
        after = schedule.succeeded(instant) if delivered else schedule.failed(outcome, instant, self.jitter)
        self.schedule.write_bytes(dump(after))


@given(_RUNS, st.integers())
@settings(max_examples=50, deadline=None)
def test_a_machine_waits_as_the_product_does(fleet: ModuleType, runs: list[tuple[int, Response]], seed: int) -> None:
    """Whatever the endpoint says, a simulated machine flushes at exactly those runs at which the product would."""
    jitter = fleet.jitter(fleet.Policy("", ""), random.Random(seed))
    with tempfile.TemporaryDirectory() as folder:
        real, machine = RealMachine(Path(folder), seed), fleet.Machine(flush_started=-1e6)
        instants = itertools.accumulate(gap for gap, _ in runs)
        for now, (_, answer) in zip(instants, runs, strict=True):
            starts = machine.may_start(now)
            assert starts == real.may_start(fleet, now)
            if starts:
                outcome = classify(answer, 1, fleet.instant(now))
                machine.learn(outcome, now, jitter)
                real.learn(fleet, outcome, now)


def test_without_jitter_a_pause_is_the_longest(fleet: ModuleType) -> None:
    """Without jitter pauses double from a minute; with it each is shorter than that."""
    schedules = {jitter: Schedule() for jitter in (True, False)}
    now = fleet.instant(0)
    refusal = classify(Response(503), 1, now)
    for longest in (60, 120, 240, 480):
        for jitter, schedule in schedules.items():
            draw = fleet.jitter(fleet.Policy("", "", jitter=jitter), random.Random(longest))
            schedules[jitter] = schedule.failed(refusal, now, draw)
        assert schedules[True].wait(now) < schedules[False].wait(now)
        assert schedules[False].wait(now).total_seconds() == longest


@pytest.mark.parametrize("hint", ["none", "constant", "spread", "date"])
def test_a_fleet_drains_its_backlog(fleet: ModuleType, hint: str) -> None:
    """Whatever the server hints, nothing is lost and the backlog of the outage is delivered."""
    pipelines = fleet.Fleet("pipelines", "", 300.0)
    course = fleet.Simulation(pipelines, fleet.Policy("", "", hint=hint), machines=60, seed=1).run()
    assert sum(course.unanswered) > 0
    assert sum(course.refused) > 0
    assert course.recorded == course.delivered + course.pending
    assert course.backlog[-1] <= fleet.GONE * max(course.backlog)
    assert len(course.backlog) < fleet.LAST / fleet.MINUTE


def test_the_same_seed_gives_the_same_course(fleet: ModuleType) -> None:
    """A run can be repeated from its seed, and another seed is another run."""
    cron = fleet.Fleet("cron", "", 300.0, planned=True)
    courses = [fleet.Simulation(cron, fleet.Policy("", ""), machines=30, seed=seed).run() for seed in (1, 1, 2)]
    assert courses[0] == courses[1]
    assert courses[0] != courses[2]
