"""Marks: what this machine remembers, without knowing who its user is."""

import errno
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evidently_cli.marks import Marks


def test_firsts_of_a_year(tmp_path: Path) -> None:
    """Over some runs, each is the first of exactly those of its month, ISO week and day that no earlier run was in."""
    marks = Marks(tmp_path / "state")
    runs = ["2026-11-23", "2026-11-23", "2026-11-24", "2026-12-01", "2027-01-01", "2027-01-03", "2027-01-04"]
    firsts = [",".join(marks.firsts(datetime.fromisoformat(run).replace(tzinfo=UTC))) for run in runs]
    assert firsts == ["month,week,day", "", "day", "month,week,day", "month,week,day", "day", "week,day"]


def test_old_marks_go(tmp_path: Path) -> None:
    """At most one mark of each kind is kept, however long the tool is used."""
    marks = Marks(tmp_path)
    for day in range(1, 29):
        marks.firsts(datetime(2026, 11, day, tzinfo=UTC))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "first-of-day-2026-11-28",
        "first-of-month-2026-11",
        "first-of-week-2026-W48",
    ]


def test_one_run_is_the_first(tmp_path: Path) -> None:
    """Of many runs at one instant, exactly one is the first of the day."""
    marks = Marks(tmp_path / "state")
    found: list[str] = []
    now = datetime(2026, 11, 23, tzinfo=UTC)
    threads = [threading.Thread(target=lambda: found.extend(marks.firsts(now))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["day", "month", "week"]


def test_a_full_disk_makes_no_half_of_the_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only some marks can be made, none is: the next run is the first of the day, the week and the month."""
    marks = Marks(tmp_path / "state")
    now = datetime(2026, 11, 23, tzinfo=UTC)
    make, room = Marks.make, [True]

    def full(self: Marks, name: str) -> bool:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room.pop()
        return make(self, name)

    with monkeypatch.context() as patched:
        patched.setattr(Marks, "make", full)
        with pytest.raises(OSError, match="space"):
            marks.firsts(now)
    assert sorted(marks.firsts(now)) == ["day", "month", "week"]


def test_marks_are_private(tmp_path: Path) -> None:
    """The directory of the marks is for the user alone."""
    Marks(tmp_path / "state").make("notice-shown")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "notice-shown").stat().st_mode & 0o777 == 0o600
