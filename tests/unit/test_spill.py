"""Data larger than memory: columns wait on disk, every number stays the same, and nothing is left behind."""

# ruff: noqa: PD011 - the values of our own columns, not of a frame

from __future__ import annotations

import subprocess
import sys
import tempfile
import tracemalloc
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers

from evidently_cli.report import DataError, Result, Unavailable, calculate
from evidently_cli.report.columns import Labels, Numbers
from evidently_cli.report.config import DataFormat, Sampling
from evidently_cli.report.csv_errors import as_data_errors
from evidently_cli.report.memory import available, roomy_folder
from evidently_cli.report.sources import open_source
from evidently_cli.report.store import OnDisk, SharedFile, Store, joined

ROWS = 1500  # of each file: types are guessed from the first thousand
SECTIONS: dict[str, dict[str, object]] = {
    "data_drift": {"target": "label"},
    "data_quality": {"target": "label"},
    "cat_target_drift": {"target": "label", "prediction": "guess"},
    "num_target_drift": {"target": "real", "prediction": "gaps"},
    "regression_performance": {"target": "real", "prediction": "gaps"},
    "classification_performance": {"target": "label", "prediction": "guess"},
    "prob_classification_performance": {"target": "label", "prediction": ["a", "b", "c"]},
}


def frame(seed: int) -> pl.DataFrame:
    """Columns of every kind, with gaps in most of them."""
    rng = np.random.default_rng(seed)

    def with_gaps(values: Any) -> list[Any]:
        return [None if gap else value for value, gap in zip(values.tolist(), rng.random(ROWS) < 0.1, strict=True)]

    real = rng.normal(seed / 9, 1, ROWS)
    probabilities = rng.dirichlet([1, 1, 1], ROWS)
    start = datetime(2026, 1, 1 + seed)  # noqa: DTZ001 - as files have them
    return pl.DataFrame(
        {
            "when": [start + timedelta(minutes=minute) for minute in range(ROWS)],
            "label": rng.choice(list("abc"), ROWS),
            "guess": with_gaps(rng.choice(list("abc"), ROWS)),
            "truth": with_gaps(rng.random(ROWS) < 0.3),
            "whole": rng.integers(-5, 5, ROWS),
            "wide": rng.integers(0, 10**9, ROWS),
            "real": real,
            "gaps": with_gaps(real + rng.normal(0, 0.1, ROWS)),
            **{name: probabilities[:, place] for place, name in enumerate("abc")},
        }
    )


def write(folder: Path, name: str, seed: int) -> str:
    """Write two files, from one to the next of which the types change; return the pattern that means both."""
    for part in range(2):
        rows = frame(seed + part)
        lines = rows.with_columns(
            grows=pl.Series([f"{row}.5" if part else str(row) for row in range(ROWS)]),
            late=pl.Series(["late" if part and row == ROWS - 1 else f"0{row % 40}" for row in range(ROWS)]),
            empty=rows["truth"].cast(pl.String) if part else pl.lit(None, pl.String),
        )
        lines.write_csv(folder / f"{name}-{part}.csv")
    return str(folder / f"{name}-*.csv")


def told(result: Result) -> tuple[str, str]:
    """The profile and the report, as if they were from the same moment."""
    result = replace(result, created=datetime(2026, 1, 1))  # noqa: DTZ001 - as results have it
    return result.to_json(indent=True), result.to_html()


def open_files(folder: Path) -> list[str]:
    """The files of a folder that this process has open, whether or not they still have a name."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:  # that of the listing itself
            continue
    return [name for name in found if name.startswith(str(folder))]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.setattr("evidently_cli.report.store.roomy_folder", lambda: folder)
    return folder


@pytest.mark.parametrize("section", SECTIONS)
def test_every_number_stays_the_same(tmp_path: Path, section: str) -> None:
    """Each section of each kind of column is the same, to the last digit, with all, some or no columns in memory."""
    files = [write(tmp_path, name, seed) for name, seed in (("reference", 1), ("current", 5))]
    config = {
        "data_format": {"date_column": "when"},
        "column_mapping": SECTIONS[section] | {"datetime": "when"},
        "sampling": {"current": {"type": "nth", "n": 2}},
        "dashboard_tabs": [section],
    }
    in_memory, *others = (calculate(*files, config, memory=memory) for memory in (10**9, 100_000, 0))
    assert not isinstance(in_memory.sections[section], Unavailable)
    assert [told(other) for other in others] == [told(in_memory)] * 2


def test_parquet_a_column_at_a_time(tmp_path: Path) -> None:
    """Parquet files give the same numbers read at once or a column at a time, also where their types differ."""
    for name, seed in (("reference", 1), ("current", 5)):
        frame(seed).write_parquet(tmp_path / f"{name}-1.parquet")
        frame(seed + 1).cast({"whole": pl.Float64}).write_parquet(tmp_path / f"{name}-2.parquet")
    config = {
        "sampling": {"reference": {"type": "random", "ratio": 0.5, "random_seed": 3}},
        "dashboard_tabs": ["data_drift", "data_quality"],
    }
    files = [tmp_path / f"{name}-*.parquet" for name in ("reference", "current")]
    in_memory, *others = (calculate(*files, config, memory=memory) for memory in (10**9, 100_000, 0))
    assert [told(other) for other in others] == [told(in_memory)] * 2


def test_columns_are_on_disk(tmp_path: Path, disk: Path) -> None:
    """Without memory for them, all columns are in one file; what stayed in memory at first can follow them there."""
    source = open_source(write(tmp_path, "x", 1), "reference", DataFormat(date_column="when"))
    with Store(0) as store, Store(20_000) as some:
        table, mixed = source.read(Sampling(), store=store), source.read(Sampling(), store=some)
        assert all(isinstance(part, OnDisk) for column in table.columns.values() for part in column.parts)
        assert {type(part) for column in mixed.columns.values() for part in column.parts} == {np.ndarray, OnDisk}
        settled = [part for column in mixed.settled().columns.values() for part in column.parts]
        assert all(isinstance(part, OnDisk) for part in settled)
        assert len(open_files(disk)) == 2
        assert isinstance(table.columns["grows"], Numbers)
        assert table.columns["grows"].values[[0, -1]].tolist() == [0.0, ROWS - 0.5]
        assert isinstance(table.columns["late"], Labels)
        assert table.columns["late"].labels[::40] == ("00", "late")
        assert store.octets_on_disk >= sum(len(part) * 4 for column in table.columns.values() for part in column.parts)


def test_memory_is_bounded_by_a_few_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all columns on disk, a run takes far less memory than they would, also where it compares all pairs."""
    # Small data for a quick test: blocks of rows, and the rows of Kendall's tau, shrink with it.
    monkeypatch.setattr("evidently_cli.report.correlations._BLOCK", 8_192)
    monkeypatch.setattr("evidently_cli.report.correlations._KENDALL_ROWS", 100)
    monkeypatch.setattr("evidently_cli.report.correlations._KENDALL_ROWS_OF_ALL_PAIRS", 10)
    rows, columns = 40_000, 20
    rng = np.random.default_rng(0)
    for name in ("reference", "current"):
        data = {f"c{place}": rng.integers(0, 1000, rows) for place in range(columns)}
        pl.DataFrame(data).write_parquet(tmp_path / f"{name}.parquet")
    files = [tmp_path / f"{name}.parquet" for name in ("reference", "current")]
    config = {"profile_sections": ["data_drift", "data_quality"]}
    few = pl.DataFrame({"x": [1, 2, 3], "y": [1, 3, 2]})
    calculate(few, few, config, kind="profile")  # imports what it needs, which is not to be measured
    tracemalloc.start()
    try:
        calculate(*files, config, kind="profile", memory=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    of_both_files = 2 * 8 * rows * columns
    assert peak < of_both_files / 3


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_on_disk(tmp_path: Path, disk: Path, fails: bool) -> None:
    """The file on disk never has a name, and is closed at the end, also after an error."""
    pattern = write(tmp_path, "x", 1)
    if fails:
        last = tmp_path / "x-1.csv"
        last.write_text(last.read_text().replace("2026-01-03T23", "no date"))
    seen: list[int] = []

    def look(_stage: str) -> None:
        assert not list(disk.iterdir())
        seen.append(len(open_files(disk)))

    config = {"data_format": {"date_column": "when"}, "profile_sections": ["data_quality"]}
    reference = str(tmp_path / "x-0.csv")
    if fails:
        with pytest.raises(DataError, match='"no date'):
            calculate(reference, pattern, config, progress=look, memory=0)
    else:
        calculate(reference, pattern, config, progress=look, memory=0)
    assert fails or max(seen) >= 1
    assert open_files(disk) == []
    assert not list(disk.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk() -> None:
    """A full disk is one line, which says how far it went and what would help."""
    with Store(0, lambda: Path("/dev/full").open("r+b", buffering=0)) as store, pytest.raises(DataError) as error:
        store.keep(np.zeros(9))
    assert str(error.value) == (
        "the data is larger than the memory that is left, and after 0.0 GB"
        f" {roomy_folder()} takes no more of it (No space left on device):"
        " set TMPDIR to a folder on another disk, or let sampling keep fewer rows"
    )


def test_no_disk(tmp_path: Path, disk: Path) -> None:
    """A folder that takes no files is one line as well."""
    disk.rmdir()
    frame(1).write_csv(tmp_path / "x.csv")
    with pytest.raises(DataError, match=r"takes no more of it \(No such file or directory\): set TMPDIR") as error:
        calculate(tmp_path / "x.csv", tmp_path / "x.csv", memory=0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content, message", [(b"", "is shorter than what was written to it"), (None, "cannot be read")]
)
def test_a_disk_that_loses_data(tmp_path: Path, content: bytes | None, message: str) -> None:
    """What cannot be read back is an error, never other numbers."""
    path = tmp_path / "x"
    path.write_bytes(b"0" * 80)
    with path.open("rb" if content is not None else "wb", buffering=0) as file:
        column = OnDisk(SharedFile(file), 40, 10, np.dtype(np.float64))
        with pytest.raises(DataError, match=message):
            column[:]


ARRAYS = st.sampled_from(["<i8", "<u8", "<f8", "<i4", "?", "<M8[s]", "<M8[us]"]).flatmap(
    lambda dtype: numbers.arrays(dtype, st.integers(0, 5))
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ARRAYS, min_size=1, max_size=5), st.integers(0, 100))
def test_parts_are_joined_as_numpy_joins_them(arrays: list[Any], memory: int) -> None:
    """
    Wherever its parts are, a column has the type and the values that numpy gives to all of them together.

    But numpy makes doubles of whole numbers with and without a sign, also where none is negative.
    """
    natural = {array.dtype.kind for array in arrays} == {"i", "u"} and all((array >= 0).all() for array in arrays)
    try:
        expected = np.concatenate(arrays, dtype=np.uint64 if natural else None, casting="unsafe")
    except TypeError:  # numbers and dates: no column has both
        return
    with Store(memory) as store:
        whole = joined([store.keep(array) for array in arrays])
        assert whole.dtype == expected.dtype
        np.testing.assert_array_equal(whole, expected)
        for array in arrays:
            np.testing.assert_array_equal(store.keep(array)[1:3], array[1:3])


MEMINFO = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:    1000 kB\n"}
VERSION_2 = MEMINFO | {
    "proc/self/cgroup": "0::/a/b\n",
    "sys/fs/cgroup/a/memory.max": "500000\n",
    "sys/fs/cgroup/a/memory.current": "400000\n",
    "sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 50000\n",
    "sys/fs/cgroup/a/b/memory.max": "max\n",
    "sys/fs/cgroup/a/b/memory.current": "300000\n",
}
VERSION_1 = MEMINFO | {
    "proc/self/cgroup": "3:cpu,memory:/of/the/host\n0::/\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "700000\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "900000\n",
}


@pytest.mark.parametrize(
    "files, left",
    [
        ({}, None),
        (MEMINFO, 1_024_000),
        (VERSION_2, 150_000),
        (VERSION_1, 0),
        (VERSION_1 | {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 1_024_000),
    ],
)
def test_memory_that_is_available(tmp_path: Path, files: dict[str, str], left: int | None) -> None:
    """The tightest bound counts: the system's, or that of a control group of either version; cached files give way."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert available(tmp_path) == left


@pytest.mark.parametrize(
    "mounts, spared", [("tmpfs /tmp tmpfs rw 0 0\n", True), ("tmpfs /run tmpfs rw 0 0\n", False), ("", False)]
)
def test_a_folder_that_is_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, spared: bool) -> None:
    """Temporary files avoid a folder that is itself in memory."""
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")  # noqa: S108 - it is only named
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/mounts").write_text(f"/dev/sda / ext4 rw 0 0\n{mounts}")
    assert roomy_folder(tmp_path) == Path("/var/tmp" if spared else "/tmp")  # noqa: S108


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, nothing tells how much memory is left")
def test_limits_of_the_process() -> None:
    """What `ulimit` allows counts as well, less what the process has taken already."""
    limit = 300 * 2**20
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]),) * 2);"
        "from evidently_cli.report.memory import available; print(available())"
    )
    child = subprocess.run([sys.executable, "-c", code, str(limit)], capture_output=True, text=True, check=True)
    assert limit / 2 < int(child.stdout) < limit


def test_too_little_memory_for_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even a few columns fit into memory, that is one line, too."""
    frame(1).write_csv(tmp_path / "x.csv")

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("evidently_cli.report.sections.data_drift.column_drift", fail)
    with pytest.raises(DataError, match="there is too little memory even for a few columns: let sampling keep fewer"):
        calculate(tmp_path / "x.csv", tmp_path / "x.csv")


def test_a_parser_without_memory() -> None:
    """A parser that runs out of memory does not make the file look damaged."""
    with pytest.raises(MemoryError), as_data_errors(Path("x.csv")):
        raise pd.errors.ParserError("Error tokenizing data. C error: out of memory")
