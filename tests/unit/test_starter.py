"""`evidently init`: a config that fits the data, says why, and works as it is."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidently_cli.report import Config, DataError, calculate
from evidently_cli.report.starter import look_at, starter_config


def made(path: Path, *, with_current: bool = True) -> Config:
    """The config for a file, read back."""
    return Config.from_dict(yaml.safe_load(starter_config(look_at(path), with_current=with_current)))


def rows(head: str, *patterns: str, number: int = 40) -> str:
    """A CSV file: a head, and the patterns in turn with the row's number in them."""
    return f"{head}\n" + "".join(
        patterns[row % len(patterns)].format(row, row % 28 + 1) + "\n" for row in range(number)
    )


@pytest.mark.parametrize(
    "content, found, sections",
    [
        (rows("x,target,prediction", "{0},{0},{0}.5"), (",", None, "target", "prediction"),
         ["data_drift", "data_quality", "num_target_drift", "regression_performance"]),
        (rows("when;y;pred", "2026-01-{1:02};a;a", "2026-01-{1:02};b;a"), (";", "when", "y", "pred"),
         ["data_drift", "data_quality", "cat_target_drift", "classification_performance"]),
        (rows("Target\ta\tb", "a\t0.5\t0.5", "b\t0.25\t0.75"), ("\t", None, "Target", ("a", "b")),
         ["data_drift", "data_quality", "cat_target_drift", "prob_classification_performance"]),
        (rows('"a,b"|c', "{0}|x"), ("|", None, None, None), ["data_drift", "data_quality"]),
    ],
)  # fmt: skip
def test_what_is_found(tmp_path: Path, content: str, found: tuple[object, ...], sections: list[str]) -> None:
    """The separator, the dates, the target, the predictions and the sections that make sense are found; it runs."""
    path = tmp_path / "x.csv"
    path.write_text(content)
    config = made(path)
    mapping, data_format = config.column_mapping, config.data_format
    assert (data_format.separator, data_format.date_column, mapping.target, mapping.prediction) == found
    assert mapping.datetime == data_format.date_column
    assert list(config.profile_sections) == [tab.id for tab in config.dashboard_tabs] == sections
    result = calculate(path, path, config, kind="profile")
    assert result.drifted is False
    assert not any(section.summary().headline == "not computed" for section in result.sections.values())


def test_a_packed_file_is_looked_into(tmp_path: Path) -> None:
    """The separator of a .csv.gz is that of the text inside; standard input cannot be looked at twice."""
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(rows("a;b", "{0};x", number=2000).encode()))
    assert made(path).data_format.separator == ";"
    with pytest.raises(DataError, match="save it as a file first"):
        look_at(Path("-"))


def test_utf_16_either_way_round(tmp_path: Path) -> None:
    """The mark of UTF-16 tells which of its two kinds a file has."""
    path = tmp_path / "x.csv"
    for mark, kind in (("\ufeff", "utf-16-be"), ("\ufeff", "utf-16-le")):
        path.write_text(mark + rows("\u672c\t\u00fc", "{0}\tb"), encoding=kind)
        assert (made(path).data_format.separator, made(path).data_format.encoding) == ("\t", "utf-16")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_usual_encoding(tmp_path: Path, encoding: str) -> None:
    """A file that is not UTF-8 gets a config that reads it: UTF-16 by its mark, else as Windows saves it, a guess."""
    path = tmp_path / "x.csv"
    path.write_text(rows("na\u00efve;x;d", "{0};\u00fc;2026-01-{1:02}", number=30_000), encoding=encoding)
    config = made(path)
    assert (config.data_format.separator, config.data_format.encoding) == (";", encoding.removesuffix("-sig"))
    assert config.data_format.date_column == "d"
    assert list(look_at(path).table.columns) == ["na\u00efve", "x", "d"]
    assert ("a guess" in starter_config(look_at(path), with_current=True)) == (encoding == "cp1252")
    assert calculate(path, path, config).drifted is False


@pytest.mark.parametrize("content", ["a;b\n1;\u00fc\n".encode("utf-16-le"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"])
def test_no_encoding_is_guessed_of_what_is_no_text(tmp_path: Path, content: bytes) -> None:
    """A picture, and UTF-16 without its mark, are told as what nobody can read, and become no config."""
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DataError):
        look_at(path)


@pytest.mark.parametrize(
    "content, found",
    [
        (rows("x;\u672c", "{0}.5;\u672c", number=20), (";", ".")),
        (rows("x;y", "{0},5;a", number=20), (";", ",")),
        (rows("x;y", "{0}.5;a,b", number=20), (";", ".")),
        (rows("x,y", "{0},5", number=20), (",", ".")),
        (rows("when\tx", "01.02.2026\t1.234,5", "01.02.2026\t{0},5", number=20), ("\t", ",")),
    ],
)
def test_decimal_commas(tmp_path: Path, content: str, found: tuple[str, str]) -> None:
    """Numbers with a comma are numbers, where it does not end a field."""
    path = tmp_path / "x.csv"
    for encoding in ("utf-8", "utf-16"):
        path.write_text(content, encoding=encoding)
        config = made(path)
        assert (config.data_format.separator, config.data_format.decimal) == found
        assert calculate(path, path, config).drifted is False


def test_dates_with_several_offsets(tmp_path: Path) -> None:
    """Times from before and behind a change of the clocks are dates; text that only begins with dates is text."""
    path = tmp_path / "x.csv"
    path.write_text(rows("when,x", "2026-03-28T10:00:00+01:00,{0}", "2026-03-30T10:00:00+02:00,{0}"))
    assert made(path).data_format.date_column == "when"
    path.write_text(rows("when,x", "2026-01-{1:02},{0}", number=400) + "unknown,1\n")
    assert made(path).data_format.date_column is None
    (tmp_path / "y.csv").write_text(rows("a,when", "2026-02-{1:02},2026-01-{1:02}", number=400) + "x,2026-01-01\n")
    assert made(tmp_path / "y.csv").data_format.date_column == "when"


def test_dates_that_a_parquet_file_holds_as_text(tmp_path: Path) -> None:
    """Text that is dates becomes the config's date column, in a Parquet file as in CSV."""
    path = tmp_path / "x.parquet"
    pl.DataFrame({"when": ["2026-01-01", "2026-01-02"] * 20, "x": range(40)}).write_parquet(path)
    config = made(path)
    assert config.data_format.date_column == config.column_mapping.datetime == "when"
    assert calculate(path, path, config).drifted is False


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_name_of_a_column(tmp_path: Path, name: str) -> None:
    """Whatever a column is called, the config names it so that it is read back the same."""
    path = tmp_path / "x.csv"
    path.write_text(f'"{name.replace(chr(34), chr(34) * 2)}",target\n2026-01-01,1\n2026-01-02,2\n', newline="")
    try:
        look = look_at(path)
    except DataError:
        return
    config = Config.from_dict(yaml.safe_load(starter_config(look, with_current=True)))
    assert config.data_format.date_column == look.roles.date == next(iter(look.table.columns))
