"""What a durable append costs, alone and in a crowd, beside a bare loop and other queues; what a backlog costs."""

import argparse
import json
import platform
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import workers
from backlog import LARGE, Backlog, Drained, empty, grow
from queues import EVENT_BYTES, QUEUES, append_once, event

CROWD = 8
BACKLOGS = (0, 10_000, 100_000, LARGE)
FLOORS = {1: 0.6, CROWD: 0.5}
LONGEST_MS = 100.0
INSPECT_SECONDS = 1.0
INSPECT_MIB = 80.0
DRAIN_MIB = 80.0
"""Budgets: rate over the bare loop by number of processes; longest append of a crowd; looking at and draining a lot."""

NOISY = 1.5
"""From here on the bare loop's own rounds differ as much as what we want to see between two queues."""

_OPENED = 50  # appends in each round to a queue that is opened for each

_QUICK = {"rounds": 2, "events": 800, "starts": 3, "backlog": 10_000}


@dataclass(frozen=True)
class Run:
    """Some processes appended the same number of events each to one new queue, and it was read back."""

    rate: float  # events per second, all processes together
    took_us: list[float]
    lost: int  # accepted, and not read back
    corrupt: int  # read back, and never accepted so, or met twice
    raised: int


@dataclass(frozen=True)
class Row:
    """One queue in the table, all rounds together. `over_bare` is the median of the rounds' ratios."""

    queue: str
    processes: int
    rate: float
    over_bare: float
    p50_us: float
    p99_us: float
    longest_ms: float
    lost: int
    corrupt: int
    raised: int
    durable: bool
    how: str


@dataclass(frozen=True)
class Verdict:
    """One budget: a figure that may be at most, or has to be at least, its limit."""

    what: str
    figure: float
    sign: str
    limit: float

    @property
    def kept(self) -> bool:
        """Whether the figure is on the right side of the limit."""
        return self.figure >= self.limit if self.sign == ">=" else self.figure <= self.limit


@dataclass(frozen=True)
class Results:
    """All that was measured. `missing` are peers that could not be installed."""

    rows: list[Row]
    opened_us: dict[str, float]
    fresh_ms: dict[str, float]
    backlogs: list[Backlog]
    drained: Drained
    verdicts: list[Verdict]
    missing: list[str]
    bare_spread: float


Runs = dict[tuple[str, int], list[Run]]


def main() -> int:
    """Measure, print, judge: exit code 1 when a budget is missed."""
    options = _parser().parse_args()
    if options.quick:
        vars(options).update(_QUICK)
    missing = list(workers.install_peers())
    sys.path.append(str(workers.PEERS))  # to read back what their processes wrote
    names = [name for name, queue in QUEUES.items() if queue.needs not in missing]
    shuffled = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="spool-bench.", dir=options.folder) as name:
        folder = Path(name)
        runs = _race(names, folder, shuffled, options)
        opened = _open_for_each(names, folder, shuffled, options)
        fresh = _start_fresh(names, folder, shuffled, options.starts)
        _tell("a growing backlog")
        backlogs = list(grow(folder / "backlog", [size for size in BACKLOGS if size <= options.backlog]))
        _tell("draining it")
        drained = empty(folder / "backlog")
    _tell("")
    rows = [_row(name, processes, runs) for processes in FLOORS for name in names]
    bare = [run.rate for run in runs["bare", 1]]
    verdicts = [*_judge_race(rows, runs), *_judge_opened(opened), *_judge_backlogs(backlogs, drained)]
    results = Results(rows, opened, fresh, backlogs, drained, verdicts, missing, max(bare) / min(bare))
    _print(results, options)
    if options.json:
        options.json.write_text(json.dumps(_document(results, runs, options), indent=2) + "\n", encoding="utf-8")
    return 0 if all(verdict.kept for verdict in verdicts) else 1


def _race(names: list[str], folder: Path, shuffled: random.Random, options: argparse.Namespace) -> Runs:
    """Run every case once a round, in shuffled order, so that a slow minute of the machine slows all of them."""
    cases = list(product(names, FLOORS))
    runs: Runs = {case: [] for case in cases}
    for number in range(options.rounds):
        for name, processes in shuffled.sample(cases, len(cases)):
            _tell(f"round {number + 1} of {options.rounds}: {name} x {processes}")
            with tempfile.TemporaryDirectory(dir=folder) as place:
                runs[name, processes].append(_run(name, place, processes, options.events // processes))
    return runs


def _run(name: str, place: str, processes: int, events: int) -> Run:
    QUEUES[name](place)  # made once: what happens when several processes make it at once is not the question
    reports = workers.append(name, place, processes, events)
    took = [each for report in reports for each in report.took_us]
    accepted = {
        json.dumps(event(worker, number))
        for worker, report in enumerate(reports)
        for number, each in enumerate([0.0, *report.took_us])
        if each is not None
    }
    found = list(_read(name, place))
    return Run(
        rate=len(took) / (max(report.ended for report in reports) - min(report.began for report in reports)),
        took_us=[each for each in took if each is not None],
        lost=len(accepted.difference(found)),
        corrupt=len(found) - len(accepted.intersection(found)),
        raised=took.count(None),
    )


def _read(name: str, place: str) -> Iterator[str]:
    """Read a queue to its end, or to where it raises: what cannot be read is lost."""
    try:
        yield from map(json.dumps, QUEUES[name](place).read())
    except Exception as error:  # noqa: BLE001 - whatever a damaged queue raises
        print(f"\nbench: {name} cannot be read to its end: {error!r}", file=sys.stderr)


def _open_for_each(
    names: list[str], folder: Path, shuffled: random.Random, options: argparse.Namespace
) -> dict[str, float]:
    """Return the microseconds of one append to a queue that is opened before and closed after it."""
    took: dict[str, list[int]] = {name: [] for name in names}
    for number in range(options.rounds):
        for name in shuffled.sample(names, len(names)):
            _tell(f"round {number + 1} of {options.rounds}: {name}, opened for each")
            with tempfile.TemporaryDirectory(dir=folder) as place:
                append_once(name, place, event(0, 0))  # makes the queue
                took[name] += [append_once(name, place, event(0, each)) for each in range(_OPENED)]
    return {name: statistics.median(of_name) / 1000 for name, of_name in took.items()}


def _start_fresh(names: list[str], folder: Path, shuffled: random.Random, starts: int) -> dict[str, float]:
    """Return the milliseconds of a process that appends one event to an existing queue, over one that does nothing."""
    commands = {"": [sys.executable, "-c", "pass"]}
    for name in names:
        (folder / name).mkdir()
        commands[name] = workers.command(name, str(folder / name), 0, 0)
    walls: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(starts + 1):  # the first makes the queues, and does not count
        _tell(f"start {number} of {starts}")
        for name in shuffled.sample(list(commands), len(commands)):
            walls[name].append(workers.timed(commands[name])[0] * 1000)
    medians = {name: statistics.median(of_name[1:]) for name, of_name in walls.items()}
    return {name: medians[name] - medians[""] for name in names}


def _row(name: str, processes: int, runs: Runs) -> Row:
    mine = runs[name, processes]
    took = sorted(each for run in mine for each in run.took_us) or [0.0]
    return Row(
        queue=name,
        processes=processes,
        rate=statistics.median(run.rate for run in mine),
        over_bare=_ratio(name, "bare", processes, runs),
        p50_us=statistics.median(took),
        p99_us=took[int(0.99 * (len(took) - 1))],
        longest_ms=took[-1] / 1000,
        lost=sum(run.lost for run in mine),
        corrupt=sum(run.corrupt for run in mine),
        raised=sum(run.raised for run in mine),
        durable=QUEUES[name].durable,
        how=QUEUES[name].how,
    )


def _ratio(name: str, other: str, processes: int, runs: Runs) -> float:
    """Compare rates within each round, where the machine was the same for both."""
    pairs = zip(runs[name, processes], runs[other, processes], strict=True)
    return statistics.median(mine.rate / its.rate for mine, its in pairs)


def _judge_race(rows: list[Row], runs: Runs) -> Iterator[Verdict]:
    for processes, floor in FLOORS.items():
        yield Verdict(f"x {processes}: rate over the bare loop", _ratio("spool", "bare", processes, runs), ">=", floor)
        peers = (row.queue for row in rows if row.processes == processes and row.durable)
        for peer in peers:
            if peer not in {"bare", "spool"}:
                yield Verdict(f"x {processes}: rate over {peer}", _ratio("spool", peer, processes, runs), ">=", 1.0)
    ours = [row for row in rows if row.queue == "spool"]
    yield Verdict("lost, corrupt, raised", sum(row.lost + row.corrupt + row.raised for row in ours), "<=", 0)
    yield Verdict(f"x {CROWD}: longest append, ms", ours[-1].longest_ms, "<=", LONGEST_MS)


def _judge_opened(opened: dict[str, float]) -> Iterator[Verdict]:
    for peer, microseconds in opened.items():
        if QUEUES[peer].durable and peer not in {"bare", "spool"}:
            yield Verdict(f"opened for each: rate over {peer}", microseconds / opened["spool"], ">=", 1.0)


def _judge_backlogs(backlogs: list[Backlog], drained: Drained) -> Iterator[Verdict]:
    yield Verdict("records miscounted", max(backlog.miscounted for backlog in backlogs), "<=", 0)
    yield Verdict("records left by a drain", drained.left, "<=", 0)
    if (largest := backlogs[-1]).records == LARGE:
        yield Verdict(f"count of {LARGE:,}, s", largest.count_s, "<=", INSPECT_SECONDS)
        yield Verdict(f"count of {LARGE:,}, MiB", largest.count_mib, "<=", INSPECT_MIB)
        yield Verdict(f"first page of {LARGE:,}, s", largest.page_s, "<=", INSPECT_SECONDS)
        yield Verdict(f"drain of {drained.octets / 1e9:.1f} GB, MiB", drained.mib, "<=", DRAIN_MIB)


def _print(results: Results, options: argparse.Namespace) -> None:
    print(
        f"{options.rounds} interleaved rounds, {options.events:,} events of {EVENT_BYTES} bytes, seed {options.seed}\n"
    )
    for processes in FLOORS:
        print(
            f"{f'append x {processes}':26}{'rate/s':>8}{'x bare':>8}{'p50 us':>8}{'p99 us':>8}{'longest ms':>12}",
            end="",
        )
        print(f"{'lost':>7}{'corrupt':>9}{'raised':>8}  durable?")
        for row in results.rows:
            if row.processes == processes:
                speed = f"{row.rate:8,.0f}{row.over_bare:8.2f}{row.p50_us:8.0f}{row.p99_us:8.0f}{row.longest_ms:12.1f}"
                safety = f"{row.lost:7}{row.corrupt:9}{row.raised:8}  {'yes' if row.durable else 'NO'}: {row.how}"
                print(f"{row.queue:26}{speed}{safety}")
        for name in results.missing:
            print(f"{name:26} cannot be installed")
        print()
    print("one append, the queue opened before and closed after it, as each run of a program does: us, medians")
    for name, microseconds in results.opened_us.items():
        print(f"{name:26}{microseconds:8.0f}")
    print(f"\none append in a process of its own, imports included: ms over a bare python, median of {options.starts}")
    for name, milliseconds in results.fresh_ms.items():
        print(f"{name:26}{milliseconds:8.1f}")
    head = f"{'x bare':>8}{'p50 us':>8}{'longest ms':>12}{'count s':>10}{'count MiB':>11}{'first page s':>14}"
    print(f"\n{'append to a backlog of':26}{head}")
    for backlog in results.backlogs:
        appends = f"{backlog.append_over_bare:8.2f}{backlog.append_p50_us:8.0f}{backlog.append_longest_ms:12.1f}"
        print(f"{backlog.records:<26,}{appends}{backlog.count_s:10.2f}{backlog.count_mib:11.0f}{backlog.page_s:14.3f}")
    drained = results.drained
    print(
        f"\ndrain of {drained.records:,} records, {drained.octets / 1e6:,.0f} MB, to an endpoint on this machine:",
        end=" ",
    )
    print(f"{drained.seconds:.1f} s, {drained.mib:.0f} MiB")
    print("\nbudgets of the spool")
    for verdict in results.verdicts:
        words = f"{verdict.what}: {verdict.figure:.2f}, and {verdict.sign} {verdict.limit:g} is asked"
        print(f"{'kept  ' if verdict.kept else 'MISSED'} {words}")
    if results.bare_spread > NOISY:
        print(
            f"The machine was busy: rounds of the bare loop differ {results.bare_spread:.1f} times. Trust ratios only."
        )


def _document(results: Results, runs: Runs, options: argparse.Namespace) -> dict[str, object]:
    return {
        "benchmark": "spool",
        "rounds": options.rounds,
        "events": options.events,
        "seed": options.seed,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **asdict(results),
        "verdicts": [{**asdict(verdict), "kept": verdict.kept} for verdict in results.verdicts],
        "rates": [
            {"queue": name, "processes": processes, "rates": [round(run.rate, 1) for run in of_case]}
            for (name, processes), of_case in runs.items()
        ],
    }


def _tell(words: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{words}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench spool", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="how often every case is run (default: 10)")
    parser.add_argument("--events", type=int, default=2000, help="appended in each case (default: 2000)")
    parser.add_argument("--starts", type=int, default=15, help="of fresh processes (default: 15)")
    parser.add_argument("--backlog", type=int, default=LARGE, help="the largest, in records (default: 1000000)")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds (default: 1)")
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: the temporary directory)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--quick", action="store_true", help="a look, in place of the numbers above: half a minute")
    return parser


if __name__ == "__main__":
    sys.exit(main())
