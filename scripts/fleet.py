"""A million machines, and an endpoint that is down for an hour, comes back at half its size and answers 429."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import fleet_plot
from fleet_figures import Case, Figures, figures
from fleet_simulation import BACK, DOWN, HINT, HOUR, MINUTE, QUOTA, SKEW, WELL, Fleet, Policy, Simulation

from spool.background import INTERVAL
from spool.segment import SEGMENT_BYTES

RECORD_BYTES = 700
"""A little more than README shows of a record."""

_AS_BUILT = Policy("as built", "backoff with full jitter")
_NO_JITTER = Policy("no jitter", "each pause as long as backoff can make it", jitter=False)
_ONE_HINT = Policy("one hint", f"429 says Retry-After: {HINT:.0f} to all", hint="constant")
_SPREAD = Policy("spread hints", f"429 says Retry-After: {HINT * 0.5:.0f} to {HINT * 1.5:.0f}, drawn", hint="spread")
_DATE = Policy("one date", "503 and 429 say Retry-After: the date at which it will be better", hint="date")
_ALL = (_AS_BUILT, _NO_JITTER, _ONE_HINT, _SPREAD, _DATE)

# People hardly ever run it twice within a pause, and a flush by hand passes over it: there, fewer policies differ.
CASES = (
    (Fleet("people", "run it 8 times a day, at random", 3.0 * HOUR, times=10), (_AS_BUILT, _NO_JITTER)),
    (Fleet("pipelines", "run it every 5 minutes, at random", 300.0), _ALL),
    (Fleet("cron", "run it every fifth minute, all at once", 300.0, planned=True), _ALL),
    (
        Fleet(
            "timers",
            "run it and `telemetry flush` every tenth minute, all at once",
            600.0,
            planned=True,
            by_hand=True,
        ),
        (_AS_BUILT, _ONE_HINT, _SPREAD, _DATE),
    ),
)


def main() -> int:
    """Simulate, print, draw, judge: exit code 1 when an event was lost."""
    options = _parser().parse_args()
    folder = options.out or Path(tempfile.mkdtemp(prefix="evidently-fleet."))
    folder.mkdir(parents=True, exist_ok=True)
    _print_model(options)
    jobs = [(fleet, policy, options) for fleet, policies in CASES for policy in policies]
    cases, rows = [], []
    with ProcessPoolExecutor() as processes:
        for case in processes.map(_simulate, jobs):
            cases.append(case)
            rows.append(figures(case))
            _print_row(rows)
    faults = list(_faults(rows))
    _print_verdict(rows, faults)
    (folder / "fleet.json").write_text(json.dumps(_document(rows, faults, options), indent=2) + "\n", encoding="utf-8")
    (folder / "fleet.svg").write_text(fleet_plot.svg(cases), encoding="utf-8")
    (folder / "fleet.html").write_text(fleet_plot.page(cases), encoding="utf-8")
    print(f"arrivals over time: {folder / 'fleet.html'} and fleet.svg; all figures: fleet.json")
    return 1 if faults else 0


def _simulate(job: tuple[Fleet, Policy, argparse.Namespace]) -> Case:
    fleet, policy, options = job
    machines = min(options.machines, options.sample * fleet.times)
    course = Simulation(fleet, policy, machines=machines, seed=options.seed).run()
    return Case(fleet, policy, course, options.machines / machines)


def _faults(rows: list[Figures]) -> Iterator[str]:
    for row in rows:
        if row.lost:
            yield f"{row.fleet}, {row.policy}: {row.lost:,.0f} events neither arrived nor are pending"
        if row.most_pending * RECORD_BYTES > SEGMENT_BYTES:
            yield f"{row.fleet}, {row.policy}: {row.most_pending} records on one machine are more than one request"


def _print_model(options: argparse.Namespace) -> None:
    print(f"{options.machines:,} machines in each fleet. Sampled; seed {options.seed}")
    print(
        f"- {(BACK - DOWN) // MINUTE} minutes without a connection; then, for {(WELL - BACK) // MINUTE}, the endpoint"
    )
    print(f"  takes {QUOTA:g} of what its busiest minute had brought, and answers 429 above; then it takes all.")
    print(f"- A machine starts a background flush only when it runs, and once in {INTERVAL / MINUTE:.0f} minutes.")
    print("- A flush sends all that is pending on the machine in one request.")
    for fleet, _ in CASES:
        machines = min(options.machines, options.sample * fleet.times)
        skew = f", within {SKEW:g} s" if fleet.planned else ""
        print(f"  {fleet.name:13}{fleet.words}{skew}; {machines:,} simulated, each for {options.machines / machines:g}")
    for policy in _ALL:
        print(f"  {policy.name:13}{policy.words}")
    print()


def _print_row(rows: list[Figures]) -> None:
    row = rows[-1]
    if len(rows) == 1:
        print(f"{'':26}{'steady':>8}  busiest minute over steady{'':9}{'failed':>8}{'refused':>9}  backlog, minutes")
        head = f"{'requests/s':>11}{'before':>8}{'down':>7}{'after':>7}{'minute':>8}"
        print(f"{'':23}{head}{'million':>9}{'million':>9}{'half':>9}{'gone':>7}{'lost':>6}")
    elif rows[-2].fleet != row.fleet:
        print()
    peaks = f"{row.peak_before:8.2f}{row.peak_down:7.2f}{row.peak_after:7.2f}{row.after_minute:8}"
    counts = f"{row.unanswered / 1e6:9.2f}{row.refused / 1e6:9.2f}"
    lasts = f"{_minutes(row.half_minutes):>9}{_minutes(row.gone_minutes):>7}"
    print(f"{row.fleet:10}{row.policy:13}{row.steady:11,.0f}{peaks}{counts}{lasts}{row.lost:6.0f}", flush=True)


def _minutes(number: int | None) -> str:
    return "never" if number is None else str(number)


def _print_verdict(rows: list[Figures], faults: list[str]) -> None:
    most = max(row.most_pending for row in rows)
    print(f"\nMinutes count from the instant at which it is back. At most {most} records were pending on one", end=" ")
    print(f"machine, {most * RECORD_BYTES / 1024:.0f} KiB: one segment, one request.")
    print("nothing lost" if not faults else "LOST")
    for fault in faults:
        print(f"  {fault}")


def _document(rows: list[Figures], faults: list[str], options: argparse.Namespace) -> dict[str, object]:
    return {
        "machines": options.machines,
        "sample": options.sample,
        "seed": options.seed,
        "endpoint": {"down": DOWN, "back": BACK, "well": WELL, "quota": QUOTA, "hint": HINT},
        "rows": [asdict(row) for row in rows],
        "faults": faults,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/fleet", description=__doc__)
    parser.add_argument("--machines", type=int, default=1_000_000, help="in each fleet (default: 1000000)")
    parser.add_argument("--sample", type=int, default=10_000, help="of them that are simulated (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="of all draws (default: 1)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for the plots and figures (default: a new one)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
