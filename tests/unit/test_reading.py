"""Reading CSV files: pandas' types whatever the chunks, sampling on the way, and errors that say what to do."""

# ruff: noqa: PD011 - the values of our own columns, not of a frame

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidently_cli.report import DataError, Sampling
from evidently_cli.report.columns import Column, Dates, Labels, Numbers, Table
from evidently_cli.report.config import DataFormat
from evidently_cli.report.reading import open_csv
from evidently_cli.report.store import Store


def read(
    folder: Path,
    content: str | bytes,
    *,
    chunk_rows: int = 3,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    name: str = "x.csv",
    data_format: DataFormat = DataFormat(),  # noqa: B008 - frozen
) -> Table:
    """Write a file and read it, in small chunks unless said otherwise."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_csv(path, data_format).read(sampling, chunk_rows)


def values(column: Column) -> list[object]:
    """Return the values of a column, None for a missing one."""
    if isinstance(column, Labels):
        return [column.labels[code] if code >= 0 else None for code in column.codes]
    missing = np.isnan(column.values) if isinstance(column, Numbers) else np.isnat(column.values)
    return [None if gone else value for value, gone in zip(column.values.tolist(), missing, strict=True)]


NO_UTF8 = "is not UTF-8 text: save it as UTF-8, or name its encoding in data_format.encoding"
TOKENS = st.sampled_from(["1", "2", "007", "-3", "2.5", "1e3", "", "NA", "True", "false", "x", "inf", " 7", "null"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.lists(TOKENS, min_size=1, max_size=8), st.integers(1, 9))
def test_types_are_those_of_the_whole_file(tmp_path: Path, tokens: list[str], chunk_rows: int) -> None:
    """However a file falls into chunks, a column has the type and the values that pandas infers from all of it."""
    content = "row,a\n" + "".join(f"{index},{token}\n" for index, token in enumerate(tokens))
    column = read(tmp_path, content, chunk_rows=chunk_rows).columns["a"]
    whole = pd.read_csv(tmp_path / "x.csv")["a"]
    assert values(column) == [None if missing else value for value, missing in zip(whole, whole.isna(), strict=True)]
    assert isinstance(column, Numbers) == (whole.dtype.kind in "iuf")
    if isinstance(column, Numbers):
        assert column.values.dtype == whole.dtype


def test_text_far_down_keeps_the_text_above(tmp_path: Path) -> None:
    """A dirty value after thousands of numbers makes all of them text, as they stand in the file."""
    table = read(tmp_path, "a,b\n" + "007,1\n" * 3000 + "x,2\n", chunk_rows=1000)
    assert table.columns["a"].labels == ("007", "x")
    assert np.bincount(table.columns["a"].codes).tolist() == [3000, 1]
    assert isinstance(table.columns["b"], Numbers)


def test_numbers_are_pandas_doubles(tmp_path: Path) -> None:
    """Numbers become the same doubles as with pandas' default parser, to the last bit."""
    rng = np.random.default_rng(0)
    lines = [f"{number:.17g}" for number in np.concatenate([rng.normal(size=500), 10 ** rng.uniform(-300, 300, 500)])]
    column = read(tmp_path, "a\n" + "\n".join(lines), chunk_rows=64).columns["a"]
    assert column.values.tolist() == pd.read_csv(tmp_path / "x.csv")["a"].tolist()


@pytest.mark.parametrize("memory", [None, 0])
def test_whole_numbers_around_the_largest_signed_one(tmp_path: Path, memory: int | None) -> None:
    """Ids that fit into 64 bits without a sign are told apart, although some chunks hold smaller ones alone."""
    ids = range(2**63 - 50, 2**63 + 50)
    (tmp_path / "x.csv").write_text("a\n" + "".join(f"{number}\n" for number in ids))
    with Store(memory) as store:
        column = open_csv(tmp_path / "x.csv", DataFormat()).read(Sampling(), 30, store).columns["a"]
        assert values(column) == list(ids)


def test_truth_values_with_gaps(tmp_path: Path) -> None:
    """Truth values stay truth values beside missing ones, even where a whole chunk is missing."""
    table = read(tmp_path, "a,b\nTrue,1\n,1\n,1\n,1\n,1\n,1\nFalse,1\n")
    assert values(table.columns["a"]) == [True, None, None, None, None, None, False]


@pytest.mark.parametrize("content, expected", [
    ("2020-01-02\n2020-01-03 10:30\n", ["2020-01-02T00:00:00", "2020-01-03T10:30:00"]),
    ("01/02/2020\n\n02/01/2020\n12/31/2020\n11/30/2020\n", ["2020-01-02", "2020-02-01", "2020-12-31", "2020-11-30"]),
    ("2020-01-02T10:00:00+02:00\n", ["2020-01-02T08:00:00"]),
    ("20200102\n", ["2020-01-02"]),
])  # fmt: skip
def test_dates(tmp_path: Path, content: str, expected: list[str]) -> None:
    """The date column is read as dates, in one format for the whole file; a time zone is turned into UTC."""
    table = read(tmp_path, "d\n" + content, data_format=DataFormat(date_column="d"))
    column = table.columns["d"]
    assert isinstance(column, Dates)
    assert column.values.astype("datetime64[s]").tolist() == np.array(expected, "datetime64[s]").tolist()


JUNE = [f"{day:02}/06/2024" for day in range(1, 31)]


@pytest.mark.parametrize("chunk_rows", [1, 5, 13, 99])
@pytest.mark.parametrize("seen", [0, 30])
def test_dates_turn_out_to_have_the_day_first(tmp_path: Path, chunk_rows: int, seen: int) -> None:
    """A day above 12 far down settles the order of the days above it, which had been read as months."""
    content = "d\n" + "".join(f"{date} 10:30\n" for date in [*JUNE[:4], *JUNE[:12] * seen, *JUNE])
    column = read(tmp_path, content, data_format=DataFormat(date_column="d"), chunk_rows=chunk_rows).columns["d"]
    assert isinstance(column, Dates)
    assert column.order == "day"
    expected = pd.to_datetime([*JUNE[:4], *JUNE[:12] * seen, *JUNE], dayfirst=True) + pd.Timedelta("10:30:00")
    assert column.values.tolist() == expected.to_pydatetime().tolist()


@pytest.mark.parametrize("late", ["13/06/2024\nx\n", "13/06/2024\n06/13/2024\n"])
def test_dates_in_no_order(tmp_path: Path, late: str) -> None:
    """The value that is no date, in the order that most of its neighbours have, is told."""
    with pytest.raises(DataError, match=r'"(x|06/13/2024)" is not a date'):
        read(tmp_path, f"d\n01/02/2024\n\n01/02/2024\n{late}", data_format=DataFormat(date_column="d"))


def test_missing_dates(tmp_path: Path) -> None:
    """Missing dates do not hide the format of those that follow."""
    table = read(tmp_path, "d,x\n" + ",1\n" * 4 + "2020-01-02,1\n", data_format=DataFormat(date_column="d"))
    assert np.isnat(table.columns["d"].values).tolist() == [True] * 4 + [False]


def test_header_false(tmp_path: Path) -> None:
    """Without a header the columns are called 0, 1, ... as text, and the first line is data."""
    table = read(tmp_path, "5,a\n6,b\n", data_format=DataFormat(header=False))
    assert {name: values(column) for name, column in table.columns.items()} == {"0": [5, 6], "1": ["a", "b"]}


def test_unnamed_columns_and_byte_order_mark(tmp_path: Path) -> None:
    """A blank name becomes pandas' "Unnamed: 0"; a byte order mark is not part of a name."""
    assert list(read(tmp_path, "\ufeffa,,\n1,2,3\n").columns) == ["a", "Unnamed: 1", "Unnamed: 2"]


@pytest.mark.parametrize("name", ["x.csv.gz", "X.CSV.GZ"])
def test_gzip(tmp_path: Path, name: str) -> None:
    """A .csv.gz file is read like a .csv file."""
    table = read(tmp_path, gzip.compress(b"a,b\n1,x\n"), name=name)
    assert (table.name, table.rows) == (name, 1)


TEN = "a\n" + "".join(f"{index}\n" for index in range(10))


@pytest.mark.parametrize(
    "n, kept", [(1, list(range(10))), (2, [0, 2, 4, 6, 8]), (3, [0, 3, 6, 9]), (10, [0]), (99, [0])]
)
@pytest.mark.parametrize("chunk_rows", [1, 3, 100])
def test_every_nth_row(tmp_path: Path, n: int, kept: list[int], chunk_rows: int) -> None:
    """`nth` keeps rows 1, n + 1, 2n + 1, ...; with n = 1 all."""
    table = read(tmp_path, TEN, sampling=Sampling("nth", n=n), chunk_rows=chunk_rows)
    assert values(table.columns["a"]) == kept
    assert (table.rows, table.rows_read) == (len(kept), 10)


def test_random_rows(tmp_path: Path) -> None:
    """`random` keeps the given share, the same rows for the same seed whatever the chunks, others for another seed."""
    content = "a\n" + "".join(f"{index}\n" for index in range(5000))
    kept = {
        (seed, chunk_rows): values(
            read(
                tmp_path, content, sampling=Sampling("random", ratio=0.2, random_seed=seed), chunk_rows=chunk_rows
            ).columns["a"]
        )
        for seed in (1, 2)
        for chunk_rows in (7, 1000, 9999)
    }
    assert kept[1, 7] == kept[1, 1000] == kept[1, 9999] != kept[2, 7]
    assert 900 < len(kept[1, 7]) < 1100


def test_sampling_keeps_text_that_appears_late(tmp_path: Path) -> None:
    """The same rows are kept when a column has to be read again as text; the type is that of the whole file."""
    content = "a,b\n" + "".join(f"0{index % 10},{index}\n" for index in range(3000)) + "x,0\n"
    table = read(tmp_path, content, sampling=Sampling("nth", n=7), chunk_rows=500)
    assert values(table.columns["a"]) == [f"0{index % 10}" for index in range(0, 3000, 7)]
    assert values(table.columns["b"]) == list(range(0, 3000, 7))


NO_DATE = "is not a date, or is not written like those before it"
BIG = "a,b\n" + "1,2\n" * 2000


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "x.csv: is empty"),
        ("\n\n", "x.csv: is empty"),
        ("a,b\n", "x.csv: has a header, but no rows"),
        ("a,b\n1,2\n1,2,3\n", "x.csv: line 3 has 3 fields instead of 2"),
        (BIG + "1,2,3\n1,2\n", "x.csv: line 2002 has 3 fields instead of 2"),
        ("a,b\n1,2,3\n4,5,6\n", "x.csv: its rows have more fields than its header"),
        ('a,b\n1,2\n"x,2\n', 'x.csv: a quotation mark (") that is opened in row 2 is never closed'),
        ("a;b\n1;2\n", 'x.csv: has a single column "a;b": is data_format.separator ";"?'),
        ("a,b,a\n1,2,3\n", 'x.csv: has two columns called "a"'),
        (b"a,b\n1,\xff\n", f"x.csv: byte 0xff {NO_UTF8}"),
        (BIG.encode() + b"1,caf\xe9\n", f"x.csv: byte 0xe9 {NO_UTF8}"),
        ("a,b\n1,2\n".encode("utf-16"), f"x.csv: byte 0xff {NO_UTF8}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("chunk_rows", [3, 1000, 100_000])
def test_unsound_files(tmp_path: Path, content: str | bytes, message: str, chunk_rows: int) -> None:
    """A file that is not sound is told in one line, with the place, also when the fault is far down."""
    with pytest.raises(DataError) as error:
        read(tmp_path, content, chunk_rows=chunk_rows)
    assert str(error.value) == message
    assert error.value.exit_code == 1


@pytest.mark.parametrize("content, message", [
    ("e,dat\n1,2\n", 'x.csv: no column "date" (data_format.date_column); did you mean "dat"?'),
    ("e,f\n1,2\n", 'x.csv: no column "date" (data_format.date_column); there are: e, f'),
    ("date,f\n2020-01-01,2\n,1\n2020-01-xx,2\n",
     f'x.csv: column "date" (data_format.date_column): "2020-01-xx" {NO_DATE}'),
    ("date\n01/02/2020\n31/02/2020\n",
     f'x.csv: column "date" (data_format.date_column): "31/02/2020" {NO_DATE}'),
])  # fmt: skip
def test_no_dates(tmp_path: Path, content: str, message: str) -> None:
    """A date column that is missing, or holds something else, is told with the name or the value."""
    with pytest.raises(DataError) as error:
        read(tmp_path, content, data_format=DataFormat(date_column="date"))
    assert str(error.value) == message


def test_a_sample_without_rows(tmp_path: Path) -> None:
    """A sample that keeps nothing is an error, not an empty result."""
    with pytest.raises(DataError, match="the sampling keeps none of the 10 rows"):
        read(tmp_path, TEN, sampling=Sampling("random", ratio=1e-9))


@pytest.mark.parametrize(
    "content, says",
    [
        (gzip.compress(b"x,y\n1,2\n", mtime=0), r"is compressed: call it \.csv\.gz"),
        (b"PK\x03\x04\x14\xfe\n1\n", "is a zip archive or a spreadsheet"),
        (b"PAR1\x15\x04\xfe\n1\n", r"is Parquet: save it as a file that is called \.parquet"),
    ],
    ids=["gzip", "zip", "Parquet"],
)
def test_a_file_of_another_format(tmp_path: Path, content: bytes, says: str) -> None:
    """What is no CSV, and does not say so in its name, is told as what it is, not as one in a wrong encoding."""
    with pytest.raises(DataError, match=f"^a.csv: {says}"):
        read(tmp_path, content, name="a.csv")


@pytest.mark.parametrize(
    "name, message",
    [
        ("", "is a folder, not a CSV file"),
        ("none.csv", "no such file"),
        ("x" * 5000 + ".csv", "File name too long"),
        ("a\0b.csv", "no file can be called so"),
    ],
)
def test_no_file(tmp_path: Path, name: str, message: str) -> None:
    """A missing file and a folder are told as such."""
    with pytest.raises(DataError, match=message):
        open_csv(tmp_path / name, DataFormat())


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(b"a,b\n1,2\n" * 100, mtime=0)[:30]])
def test_broken_gzip(tmp_path: Path, content: bytes) -> None:
    """A damaged .gz file is told as one that cannot be read."""
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path, content, name="x.csv.gz")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.text("ab1,;\"'\n\r\t.é\0", max_size=60).map(str.encode), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, header: bool) -> None:
    """No bytes crash the reader: they become a table, or one line that says why not."""
    try:
        table = read(tmp_path, content, data_format=DataFormat(header=header))
    except DataError as error:
        message = str(error)
    else:
        message = ""
        assert all(len(values(column)) == table.rows > 0 for column in table.columns.values())
    assert "\n" not in message
