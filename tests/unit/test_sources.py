"""Everything that can be compared: patterns, standard input, encodings, Parquet, frames of pandas and polars."""

# ruff: noqa: PD011 - the values of our own columns, not of a frame

from __future__ import annotations

import io
import json
import sys
import threading
import time
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidently_cli.report import Config, DataError, Result, Sampling, calculate
from evidently_cli.report.columns import Dates, Labels, Numbers, Table
from evidently_cli.report.config import DataFormat
from evidently_cli.report.frames import of_pandas, of_polars
from evidently_cli.report.sources import open_source

INSTANTS = [datetime(2026, 1, 1) + timedelta(hours=hour) for hour in range(60)]  # noqa: DTZ001 - as files have them
DATA = {
    "whole": list(range(60)),
    "real": [number / 7 if number % 5 else None for number in range(60)],
    "text": [f"label {number % 4}" if number % 6 else None for number in range(60)],
    "truth": [number % 3 == 0 if number % 7 else None for number in range(60)],
    "when": INSTANTS,
}
DRIFT = {"profile_sections": ["data_drift"]}


def metrics(result: Result, section: str = "data_drift") -> dict[str, dict[str, object]]:
    """The metrics of a section, as a profile has them."""
    metrics: dict[str, dict[str, object]] = json.loads(result.to_json(indent=False))[section]["data"]["metrics"]
    return metrics


def types(table: Table) -> dict[str, type]:
    """The type of each column."""
    return {name: type(column) for name, column in table.columns.items()}


def test_the_same_data_in_every_form(tmp_path: Path) -> None:
    """A CSV file, a Parquet file, a frame of pandas and one of polars give the same numbers, to the last digit."""
    polars = pl.DataFrame(DATA)
    polars.write_csv(tmp_path / "x.csv")
    polars.write_parquet(tmp_path / "x.parquet")
    pandas = pd.read_csv(tmp_path / "x.csv", parse_dates=["when"])
    config = {**DRIFT, "data_format": {"date_column": "when"}, "sampling": {"current": {"type": "nth", "n": 2}}}
    forms: list[object] = [tmp_path / "x.csv", str(tmp_path / "x.parquet"), pandas, polars]
    expected, *others = (metrics(calculate(data, data, config, kind="profile")) for data in forms)
    assert others == [expected] * 3


@pytest.mark.parametrize("values", [[[1], [2, 3], None], [{"a": 1}, {"a": 2}, None], [[1, 2], [3, 4], [1, 2]]])
def test_lists_and_dicts_are_text(tmp_path: Path, values: list[object]) -> None:
    """A column of lists or of dicts, in a frame or a Parquet file, is one of categories, as any other text."""
    frame = pl.DataFrame({"x": values * 20})
    frame.write_parquet(tmp_path / "x.parquet")
    config = {"profile_sections": ["data_drift", "data_quality"]}
    forms: list[object] = [pd.DataFrame({"x": values * 20}), frame, tmp_path / "x.parquet"]
    expected, *others = (metrics(calculate(data, data, config)) for data in forms)
    assert expected["x"]["feature_type"] == "cat"
    assert others == [expected] * 2


@pytest.mark.parametrize("form", ["pandas", "polars"])
def test_types_of_frames(form: str) -> None:
    """Numbers of every width, truth values, text, categories and instants with a time zone have their own type."""
    east = timezone(timedelta(hours=2))
    columns = {
        "small": np.arange(3, dtype=np.int8),
        "large": np.array([0, 1, 2**64 - 1], np.uint64),
        "single": np.array([0.5, np.nan, np.inf], np.float32),
        "text": ["a", None, "b"],
        "truth": [True, None, False],
        "zoned": [datetime(2026, 1, 1, hour, tzinfo=east) for hour in (1, 2, 3)],
    }
    frame = pd.DataFrame(columns) if form == "pandas" else pl.DataFrame(columns)
    table = open_source(frame, "current", DataFormat()).read(Sampling())
    assert types(table) == {
        "small": Numbers, "large": Numbers, "single": Numbers, "text": Labels, "truth": Labels, "zoned": Dates
    }  # fmt: skip
    large, zoned, truth = (table.columns[name] for name in ("large", "zoned", "truth"))
    assert isinstance(large, Numbers)
    assert large.values[-1] == 2**64 - 1
    assert isinstance(zoned, Dates)
    assert zoned.values[1] == np.datetime64("2026-01-01T00:00")
    assert isinstance(truth, Labels)
    assert [truth.labels[code] if code >= 0 else None for code in truth.codes] == [True, None, False]


def test_a_pattern_means_all_files_that_match(tmp_path: Path) -> None:
    """Files that match are read in the order of their names, as if they were one; types are those of all."""
    for day, rows in ((1, "1,x\n2,y\n"), (2, "3,z\n"), (10, "text,x\n")):
        (tmp_path / f"day-{day:02}.csv").write_text(f"a,b\n{rows}")
    table = open_source(tmp_path / "day-*.csv", "reference", DataFormat()).read(Sampling("nth", n=3))
    assert (table.name, table.rows_read, table.rows) == ("day-*.csv", 4, 2)
    column = table.columns["a"]
    assert isinstance(column, Labels)
    assert [column.labels[code] for code in column.codes] == ["1", "text"]


@pytest.mark.parametrize(
    "other, message",
    [
        ("b,a\n1,2\n", r"2\.csv: its columns are not those of .*1\.csv: in another order"),
        ("a\n1\n", '"b" is in one of them only'),
        ("a,b,c\n1,2,3\n", '"c" is in one of them only'),
        ("", r"2\.csv: is empty"),
    ],
)
def test_files_of_other_columns(tmp_path: Path, other: str, message: str) -> None:
    """Files whose columns differ are not mixed: the message names the file and the column."""
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text(other)
    with pytest.raises(DataError, match=message):
        open_source(tmp_path / "*.csv", "reference", DataFormat())


def months_of(result: Result, name: str = "when") -> tuple[object, object]:
    """The months from which to which the dates of both files go."""
    columns = {column.name: column for column in result.sections["data_quality"].columns}  # type: ignore[attr-defined]
    spans = ((file.minimum[5:7], file.maximum[5:7]) for file in (columns[name].reference, columns[name].current))
    return next(spans), next(spans)


@pytest.mark.parametrize(
    "reference, current, spans, is_told",
    [
        ("june-0*.csv", "june-2*.csv", (("06", "06"), ("06", "06")), False),
        ("june-2*.csv", "june-0*.csv", (("06", "06"), ("06", "06")), False),
        ("june-*.csv", "june-0*.csv", (("06", "06"), ("06", "06")), False),
        ("june-0*.csv", "june-1[012].csv", (("01", "09"), ("10", "12")), True),
        ("june-0*.csv", "months.csv", (("01", "09"), ("01", "12")), False),
    ],
)
def test_days_and_months_have_one_order_in_both_files(
    tmp_path: Path, reference: str, current: str, spans: tuple[object, object], is_told: bool
) -> None:
    """The file that has a day above 12 settles the order for both; where neither has, the reader is told."""
    for day in range(1, 31):
        (tmp_path / f"june-{day:02}.csv").write_text(f"when,x\n{day:02}/06/2024,1\n{day:02}/06/2024,2\n")
    (tmp_path / "months.csv").write_text("when,x\n01/31/2024,1\n12/24/2024,2\n")
    config = {"profile_sections": ["data_quality"], "data_format": {"date_column": "when"}}
    for memory in (None, 0):
        result = calculate(tmp_path / reference, tmp_path / current, config, memory=memory)
        assert months_of(result) == spans
        assert any("day or month may come first" in notice.text for notice in result.notices) == is_told


def test_a_pattern_without_files(tmp_path: Path) -> None:
    """A pattern that matches nothing is told; a file whose name looks like a pattern is taken as it is."""
    with pytest.raises(DataError, match=r"none-\*\.csv: no file matches"):
        open_source(tmp_path / "none-*.csv", "reference", DataFormat())
    (tmp_path / "[a].csv").write_text("a,b\n1,2\n")
    assert open_source(tmp_path / "[a].csv", "reference", DataFormat()).columns == ("a", "b")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads what is piped in, although types take a second pass over it."""
    rows = "".join(f"{number},{number if number < 1500 else 'late'}\n" for number in range(2000))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"a,b\n{rows}".encode())))
    table = open_source("-", "current", DataFormat()).read(Sampling())
    assert (table.name, table.rows, types(table)) == ("standard input", 2000, {"a": Numbers, "b": Labels})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "shift_jis"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    """A file in another encoding is read when the config names it; UTF-8 may have a byte order mark."""
    name = "größe" if encoding != "shift_jis" else "大きさ"
    (tmp_path / "x.csv").write_text(f"{name},b\n1,é\n".replace("é", "e"), encoding=encoding)
    spelled = "utf-8" if encoding == "utf-8-sig" else encoding
    assert open_source(tmp_path / "x.csv", "reference", DataFormat(encoding=spelled)).columns == (name, "b")


def test_decimal_commas_and_quotes(tmp_path: Path) -> None:
    """Numbers with a comma and text in single quotes are read when the config says so."""
    (tmp_path / "x.csv").write_text("a;b\n1,5;'x;y'\n2,25;z\n")
    data_format = DataFormat(separator=";", decimal=",", quote="'")
    table = open_source(tmp_path / "x.csv", "reference", data_format).read(Sampling())
    numbers, text = table.columns["a"], table.columns["b"]
    assert isinstance(numbers, Numbers)
    assert isinstance(text, Labels)
    assert (numbers.values.tolist(), text.labels) == ([1.5, 2.25], ("x;y", "z"))


@pytest.mark.parametrize(
    "data, message",
    [
        (3, "expected a path, or a frame of pandas or polars, not int"),
        (pd.DataFrame(), "has no columns"),
        (pd.DataFrame({"a": []}), "has no rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), 'has two columns called "a"'),
        (Path("none.parquet"), "none.parquet: no such file"),
        (Path("https://example.com/a.csv"), "is an address"),
        (Path("s3://bucket/a.parquet"), "is an address"),
        (Path(__file__).with_suffix(".pq"), "no such file"),
    ],
)
def test_what_cannot_be_compared(data: object, message: str) -> None:
    """Other objects, empty frames and files that are not there are one line each."""
    with pytest.raises(DataError, match=message):
        calculate(data, data, DRIFT)


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    """A file that only calls itself Parquet is told as one that cannot be read."""
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but nothing else")
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read as Parquet") as error:
        calculate(tmp_path / "x.parquet", None, DRIFT | {"profile_sections": ["data_quality"]})
    assert "\n" not in str(error.value)


CELLS = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3), st.booleans(), st.binary(max_size=2))


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=6))
def test_any_frame_is_read(cells: list[object]) -> None:
    """Whatever a column of a frame holds, it becomes a column of as many rows."""
    table = open_source(pd.DataFrame({"a": cells}, dtype=object), "current", DataFormat()).read(Sampling())
    column = table.columns["a"]
    assert len(column.codes if isinstance(column, Labels) else column.values) == len(cells)


def test_one_call_for_a_notebook() -> None:
    """Without a kind, a result can be written as a profile and shown as a report, with every section that was named."""
    frame = pd.DataFrame({"x": range(50), "y": ["a", "b"] * 25})
    result = calculate(frame, frame, Config.from_dict({"dashboard_tabs": ["data_drift"]}))
    assert (result.reference.name, result.drifted) == ("reference", False)
    assert "plot" in result.to_html()
    assert result._repr_html_().startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert list(calculate(frame, frame).sections) == ["data_drift"]


def test_an_error_ends_the_reading_of_the_other_file(tmp_path: Path) -> None:
    """When the reference cannot be used, nobody reads on in the current file, and Python's warnings are as before."""
    (tmp_path / "ref.csv").write_text("when,x\n2026-01-01,1\nno date,2\n")
    rows = "".join(f"2026-01-01,{number}\n" for number in range(400_000))
    (tmp_path / "cur.csv").write_text(f"when,x\n{rows}")
    config = {"data_format": {"date_column": "when"}, "profile_sections": ["data_drift"]}
    filters, threads = list(warnings.filters), threading.active_count()
    with pytest.raises(DataError, match="no date"):
        calculate(tmp_path / "ref.csv", tmp_path / "cur.csv", config)
    deadline = time.monotonic() + 1
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == threads
    assert list(warnings.filters) == filters


def test_a_long_row_is_an_error_whatever_the_other_file_does(tmp_path: Path) -> None:
    """Rows longer than the header end a run each time, though both files and their dates are read at once."""
    start = "".join(f"{number},2026-01-01,\n" for number in range(70_000))
    for name, more in (("ref.csv", ""), ("cur.csv", "1,2026-01-01,999\n")):
        (tmp_path / name).write_text(f"x,when\n{start}{more}")
    config = {"data_format": {"date_column": "when"}, "profile_sections": ["data_drift"]}
    for _ in range(5):
        with pytest.raises(DataError, match=r"cur\.csv: its rows have more fields than its header"):
            calculate(tmp_path / "ref.csv", tmp_path / "cur.csv", config)


def test_instants_are_the_same_whatever_their_unit() -> None:
    """The same dates in nanoseconds, microseconds and seconds do not drift, and none of them is out of bounds."""
    dates = pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02", "9999-12-31"] * 20).astype("datetime64[us]"))
    near = pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-02"] * 20).astype("datetime64[ns]"))
    config = {"profile_sections": ["data_drift"], "dashboard_tabs": ["data_quality"]}
    config |= {"column_mapping": {"categorical_features": ["when"]}}
    result = calculate(pd.DataFrame({"when": near}), pd.DataFrame({"when": near.astype("datetime64[s]")}), config)
    assert not result.drifted
    mixed = {"dashboard_tabs": ["data_quality"], "column_mapping": {"datetime": "when"}}
    assert calculate(pd.DataFrame({"when": near, "x": 1}), pd.DataFrame({"when": dates, "x": 1}), mixed).to_html()


def test_large_nullable_integers_are_exact() -> None:
    """Neighbours beyond 2**53 stay apart in a nullable column without gaps, as in a plain one."""
    frame = pd.DataFrame({"id": pd.Series([2**53, 2**53 + 1] * 5, dtype="Int64")})
    column = of_pandas(frame["id"])
    assert isinstance(column, Numbers)
    assert column.distinct() == 2


@pytest.mark.parametrize("dtype", ["boolean", "object"])
@pytest.mark.parametrize("gap", [None, pd.NA])
def test_truth_values_with_gaps_in_a_frame(dtype: str, gap: object) -> None:
    """True and false beside None or pd.NA, in a nullable column or among objects, stay truth values with gaps."""
    column = of_pandas(pd.Series([True, gap, False] * 10, dtype=dtype))
    assert isinstance(column, Labels)
    assert (column.labels, column.codes.tolist()) == ((False, True), [1, -1, 0] * 10)


def test_columns_without_any_value_are_numbers_in_every_form(tmp_path: Path) -> None:
    """An empty column is numeric in a frame and a Parquet file, as in a CSV file."""
    frame = pl.DataFrame({"x": [1, 2], "empty": [None, None]})
    frame.write_csv(tmp_path / "x.csv")
    frame.write_parquet(tmp_path / "x.parquet")
    pandas = pd.DataFrame({"x": [1, 2], "empty": [None, None]})
    instants = pd.DataFrame({"x": [1, 2], "empty": pd.Series([pd.NaT, None], dtype=object)})
    for form in (tmp_path / "x.csv", tmp_path / "x.parquet", frame, pandas, instants):
        assert types(open_source(form, "current", DataFormat()).read(Sampling())) == {"x": Numbers, "empty": Numbers}


@pytest.mark.parametrize("dtype", [pl.Null, pl.String])
def test_a_column_that_became_empty_is_said_to_be_empty(dtype: type[pl.DataType]) -> None:
    """Numbers beside nothing at all are told as missing, not as other values, whatever the type of nothing."""
    reference = pl.DataFrame({"x": [0.5, 1.5] * 20, "y": [1, 2] * 20})
    current = reference.with_columns(x=pl.Series([None] * 40, dtype=dtype))
    (notice,) = calculate(reference, current, DRIFT).notices
    assert (notice.text, notice.changed) == ("every value is missing in the current file: not tested", True)


@pytest.mark.parametrize("dtype", [pl.Int128, pl.UInt128])
def test_whole_numbers_of_128_bits(dtype: type[pl.DataType]) -> None:
    """Numbers wider than those of numpy become doubles."""
    column = of_polars(pl.Series([1, 2**100], dtype=dtype))
    assert isinstance(column, Numbers)
    assert column.values.tolist() == [1.0, 2.0**100]


def test_the_date_column_of_frames_and_parquet_files(tmp_path: Path) -> None:
    """Text in the date column is read as dates in every form, in the order that one of the files settles."""
    june = pl.DataFrame({"when": ["03/06/2024 10:00", None, "04/06/2024 10:00"] * 9, "x": range(27)})
    late = june.with_columns(when=pl.col("when").str.replace("0(.)/06", "2$1/06"))
    june.write_parquet(tmp_path / "june.parquet")
    june.write_csv(tmp_path / "june.csv")
    config = {"profile_sections": ["data_quality"], "data_format": {"date_column": "when"}}
    pandas = pd.DataFrame(june.to_dict(as_series=False))
    expected, *others = (
        metrics(calculate(form, late, config), "data_quality")
        for form in (tmp_path / "june.csv", tmp_path / "june.parquet", june, pandas)
    )
    assert expected["reference"]["when"]["min"] == "2024-06-03 10:00:00"  # type: ignore[index]
    assert expected["current"]["when"]["max"] == "2024-06-24 10:00:00"  # type: ignore[index]
    assert others == [expected] * 3


@pytest.mark.parametrize("date, message", [
    ("wen", r'no column "wen" \(data_format.date_column\); did you mean "when"\?'),
    ("x", r'column "x" \(data_format.date_column\): "no date" is not a date'),
])  # fmt: skip
def test_a_date_column_that_is_none(tmp_path: Path, date: str, message: str) -> None:
    """A misspelt date column, and one that holds no dates, end a run in every form."""
    frame = pl.DataFrame({"when": ["2024-06-03"], "x": ["no date"]})
    frame.write_parquet(tmp_path / "x.parquet")
    frame.write_csv(tmp_path / "x.csv")
    config = {"profile_sections": ["data_quality"], "data_format": {"date_column": date}}
    for form in (frame, pd.DataFrame({"when": ["2024-06-03"], "x": ["no date"]}), "x.parquet", "x.csv"):
        with pytest.raises(DataError, match=message):
            calculate(tmp_path / form if isinstance(form, str) else form, config=config)
