"""Small files that remember what this machine has done: the notice shown, the first run of a day, week and month."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

NOTICE_SHOWN = "notice-shown"


class Marks:
    """A directory of empty files, each made once: exclusive creation decides a race, and the loser knows."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def is_told(self) -> bool:
        """Whether a run has shown the user what is recorded."""
        return self.has(NOTICE_SHOWN)

    @property
    def flush_started(self) -> Path:
        """When a background flush was last started; see `spool.background`."""
        return self.directory / "flush-started"

    def make(self, name: str) -> bool:
        """Make a mark. Returns False when it was there already. OSError when the directory cannot be written to."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(self.directory / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return False
        os.close(descriptor)
        return True

    def has(self, name: str) -> bool:
        """Whether a mark was made. Where the directory cannot be read, it was not."""
        return (self.directory / name).exists()

    def remove(self, names: Sequence[str]) -> None:
        """Take marks back."""
        for name in names:
            (self.directory / name).unlink(missing_ok=True)

    def firsts(self, now: datetime) -> dict[str, str]:
        """
        Mark this run, and return what it is the first of: {"month": mark, "week": mark, "day": mark}, or less.

        Days, ISO weeks and months are UTC's, as the record's time is.
        """
        made: dict[str, str] = {}
        try:
            made.update((period, mark) for period, mark in _firsts(now).items() if self.make(mark))
        except OSError:  # or what is marked would be told by no run
            self.remove(list(made.values()))
            raise
        for period, mark in made.items():
            self.remove([old.name for old in self.directory.glob(f"first-of-{period}-*") if old.name < mark])
        return made

    def coming_firsts(self, now: datetime) -> list[str]:
        """Return what a run would be the first of, and mark nothing."""
        return [period for period, mark in _firsts(now).items() if not self.has(mark)]


def _firsts(now: datetime) -> dict[str, str]:
    year, week, _ = now.isocalendar()
    periods = {"month": f"{now:%Y-%m}", "week": f"{year}-W{week:02}", "day": f"{now:%Y-%m-%d}"}
    return {period: f"first-of-{period}-{value}" for period, value in periods.items()}
