"""Eight appenders, two drainers, an exporter and an inspector, killed at random, against a server that fails."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from storm import storm  # type: ignore[import-not-found]  # tests/support: scripts/torture puts it on the path


def main() -> int:
    """Run, print, judge: exit code 1 when the promise is broken."""
    parser = argparse.ArgumentParser(prog="scripts/torture storm", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it lasts (default: 60)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of kills and failures")
    options = parser.parse_args()
    print(f"storm: {options.seconds:g} s, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="spool-storm.") as name:
        verdict = storm(Path(name), seed=options.seed, seconds=options.seconds)
    print(f"  {verdict.acknowledged:,} events accepted; {verdict.taken:,} arrived, {verdict.buried:,} were refused")
    print(f"  {verdict.duplicates:,} arrived once more; {verdict.unacknowledged:,} arrived though no append said so")
    print(f"  {verdict.torn:,} lines torn by a kill, buried; {verdict.bundles:,} bundles left by one,", end=" ")
    print(f"{verdict.unfinished:,} of them unfinished and refused")
    print("  kills: " + ", ".join(f"{role} {number}" for role, number in verdict.kills.most_common()))
    print("  answers: " + ", ".join(f"{answer} {number}" for answer, number in verdict.answers.most_common()))
    print(f"  breaches of the promise: {len(verdict.broken)}")
    for breach in verdict.broken[:20]:
        print(f"    {breach}")
    return 1 if verdict.broken else 0


if __name__ == "__main__":
    sys.exit(main())
