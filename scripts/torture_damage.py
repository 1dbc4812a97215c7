"""Random damage to every file of small spools, which are then used as a user would."""

import argparse
import random
import sys

from damage import damage  # type: ignore[import-not-found]  # tests/support: scripts/torture puts it on the path


def main() -> int:
    """Run, print, judge: exit code 1 when the promise is broken."""
    parser = argparse.ArgumentParser(prog="scripts/torture damage", description=__doc__)
    parser.add_argument("--number", type=int, default=100_000, help="of blows (default: 100000)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of all blows")
    options = parser.parse_args()
    print(f"damage: {options.number:,} blows, seed {options.seed}", flush=True)
    report = damage(seed=options.seed, number=options.number)
    print(f"  {report.blows.total():,} blows in {report.tries:,} tries: {report.delivered:,} records arrived,", end=" ")
    print(f"{report.buried:,} damaged lines buried")
    print("  blows: " + ", ".join(f"{blow} {number:,}" for blow, number in report.blows.most_common()))
    print(f"  told the user instead of working: {report.errors.total():,} times")
    for error, number in report.errors.most_common(10):
        print(f"    {number:,} x {error[:100]}")
    print(f"  breaches of the promise: {len(report.broken)}")
    for breach in report.broken[:20]:
        print(f"    {breach[:300]}")
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
