"""Random sequences of all that can be done to a spool and happen to it, shrunk to the shortest that breaks it."""

import argparse
import os
import random
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent


def main() -> int:
    """Run the state machine of the tests for longer; its exit code is ours."""
    parser = argparse.ArgumentParser(prog="scripts/torture machine", description=__doc__)
    parser.add_argument("--examples", type=int, default=5000, help="how many sequences (default: 5000)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the sequences")
    options = parser.parse_args()
    print(f"machine: {options.examples:,} sequences of up to 30 steps, seed {options.seed}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "tests/system/test_spool_machine.py"]
    done = subprocess.run(
        [*command, f"--hypothesis-seed={options.seed}", "-o", "faulthandler_timeout=0"],  # it takes longer than a test
        cwd=_ROOT,
        env={**os.environ, "SPOOL_MACHINE_EXAMPLES": str(options.examples)},
        check=False,
    )
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
