"""What the report of data_quality draws of a column: over time, by the target, and cut; the numbers of pandas."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidently_cli.report import Config, calculate
from evidently_cli.report.cut import Cut
from evidently_cli.report.drift import DataDrift, Overlay
from evidently_cli.report.page.contents import drawn
from evidently_cli.report.page.figures import distribution
from evidently_cli.report.page.view import Figure, Table
from evidently_cli.report.periods import Periods
from evidently_cli.report.quality import ColumnQuality, DataQuality
from evidently_cli.report.target_drift import LabelsByBin, Range, TargetDrift, ValuesByBin


def frame(rows: int, seed: int, start: str = "2025-01-01") -> pd.DataFrame:
    """Numbers, labels and dates with gaps, and a numeric target that depends on both."""
    draw = np.random.default_rng(seed)
    x = pd.Series(draw.lognormal(0, 1, rows)).mask(draw.random(rows) < 0.05)
    label = pd.Series(draw.choice(list("abcdefgh"), rows, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05]))
    label = label.mask(draw.random(rows) < 0.05)
    return pd.DataFrame(
        {
            "x": x,
            "label": label,
            "colour": draw.choice(["red", "green"], rows),
            "seen": pd.Timestamp("2024-03-05") + pd.to_timedelta(draw.integers(0, 700, rows), unit="D"),
            "datetime": pd.Timestamp(start) + pd.to_timedelta(draw.integers(0, 90 * 24, rows), unit="h"),
            "target": x.fillna(0) * 3 + label.fillna("a").map(ord) + draw.normal(0, 1, rows),
        }
    )


REFERENCE, CURRENT = frame(800, 1), frame(500, 2, "2025-04-01")
CATEGORIES = {"target": "colour"}


def quality(reference: pd.DataFrame, current: pd.DataFrame | None, **config: Any) -> DataQuality:
    """Return the section of a report."""
    result = calculate(reference, current, Config.from_dict({"dashboard_tabs": ["data_quality"]} | config))
    section = result.sections["data_quality"]
    assert isinstance(section, DataQuality)
    return section


def column(name: str, *, alone: bool = False, **config: Any) -> ColumnQuality:
    """Return one column of the two files."""
    found = quality(REFERENCE, None if alone else CURRENT, **config)
    return next(each for each in found.columns if each.name == name)


def cut_of(overlay: Overlay | None) -> Cut | None:
    """Return the cut of a histogram, which is there."""
    assert overlay is not None
    return overlay.cut


def opened(found: DataQuality, name: str) -> tuple[Figure, ...]:
    """Return the figures that the row of a column opens to."""
    table = drawn("data_quality", found).widgets[1]
    assert isinstance(table, Table)
    return next(row.figures for row in table.rows if getattr(row.cells[0], "text", "") == name)


@pytest.mark.parametrize(
    "frequency, count, unit, alias",
    [
        ("7s", 20, "second", "s"),
        ("h", 100, "hour", "h"),
        ("D", 5, "day", "D"),
        ("D", 200, "day", "D"),
        ("D", 900, "week", "W-SUN"),
        ("D", 5000, "month", "M"),
        ("D", 14_000, "quarter", "Q"),
        ("MS", 24, "month", "M"),
        ("YS", 40, "year", "Y"),
        ("YS", 200, "year", "Y"),
    ],
)
def test_periods_are_those_of_pandas(frequency: str, count: int, unit: str, alias: str) -> None:
    """The unit gives close to 150 periods and is not finer than the dates; the counts are those of pandas' periods."""
    dates = pd.Series(pd.date_range("1923-01-01", periods=count, freq=frequency)).sample(frac=0.9, random_state=1)
    dates = pd.concat([dates, pd.Series([pd.NaT])])
    periods = Periods.of([dates.to_numpy()], 150)
    assert periods is not None
    assert periods.bins.unit == unit
    expected = dates.dropna().dt.to_period(alias).value_counts().sort_index()
    expected = expected.reindex(pd.period_range(expected.index[0], expected.index[-1], freq=alias), fill_value=0)
    assert periods.rows(dates.to_numpy()).tolist() == expected.tolist()
    assert list(map(pd.Timestamp, periods.bins.edges[:-1])) == [period.start_time for period in expected.index]


@pytest.mark.parametrize("years", [300, 3000, 30_000])
def test_periods_of_any_span_are_few(years: int) -> None:
    """Dates as far apart as a file can have them still make fewer than 300 periods."""
    dates = np.array(["0001-01-01", "NaT", str(years)], "datetime64[us]")
    periods = Periods.of([dates, dates[1:2]], 150)
    assert periods is not None
    assert 1 < periods.count < 300
    assert periods.codes(dates).tolist() == [0, -1, periods.count - 1]
    assert Periods.of([dates[1:2]], 150) is None


def test_rows_in_time() -> None:
    """A date column opens to the rows of both files in common periods; without a second file, to those of the first."""
    found = column("seen").rows_in_time
    assert found is not None
    assert found.bins.unit == "week"
    for counts, rows in ((found.reference, REFERENCE), (found.current, CURRENT)):
        expected = rows["seen"].dt.to_period("W-SUN").value_counts()
        assert counts is not None
        starts = {name: rows for name, rows in zip(found.bins.names, counts, strict=True) if rows}
        assert starts == {f"{week.start_time:%Y-%m-%d}": rows for week, rows in expected.items()}  # type: ignore[attr-defined]
    (figure,) = opened(quality(REFERENCE, CURRENT), "seen")
    assert figure.title == "Rows per week"
    assert "Reference has 800 rows, the first in the week 2024-03-04, the last in 2026-02-02," in figure.caption
    alone = column("seen", alone=True).rows_in_time
    assert alone is not None
    assert alone.current is None
    (figure,) = opened(quality(REFERENCE, None), "seen")
    assert [text for text, _ in figure.legend] == ["reference"]


def test_dates_of_one_day_draw_nothing() -> None:
    """A single date, or none in one file, is no figure; nor do labels have a course then."""
    one = REFERENCE.assign(datetime=pd.Timestamp("2025-01-01"))
    assert opened(quality(one, one), "datetime") == ()
    assert [each.title for each in opened(quality(one, one), "label")] == ["Distribution", "Target by this column"]
    (figure,) = opened(quality(REFERENCE, CURRENT.assign(seen=pd.NaT)), "seen")
    assert "Current" not in figure.caption or "Current has no date." in figure.caption


def test_labels_in_time() -> None:
    """Shares of the five most common labels and of all others, among the rows of each period with a value."""
    found = column("label").labels_in_time
    assert found is not None
    assert (found.bins.unit, found.labels) == ("week", ("a", "b", "c", "d", "e", "3 other labels"))
    for shares, rows in ((found.reference, REFERENCE), (found.current, CURRENT)):
        merged = rows["label"].replace(dict.fromkeys("fgh", "3 other labels"))
        expected = pd.crosstab(merged, rows["datetime"].dt.to_period("W-SUN"), normalize="columns")
        assert shares is not None
        for label, line in zip(found.labels, shares, strict=True):
            assert [share for share in line if share is not None] == pytest.approx(expected.loc[label].tolist())
    figures = opened(quality(REFERENCE, CURRENT), "label")
    assert [each.title for each in figures] == [
        "Distribution",
        "Over time, reference",
        "Over time, current",
        "Target by this column",
    ]
    without = quality(REFERENCE.drop(columns="datetime"), CURRENT.drop(columns="datetime"))
    assert [each.title for each in opened(without, "label")] == ["Distribution", "Target by this column"]


def told(ranges: tuple[Range | None, ...]) -> list[list[float]]:
    """Return mean, 5 % and 95 % quantile of each bin that has rows."""
    return [[each.mean, each.low, each.high] for each in ranges if each]


def expected_ranges(values: pd.Series, by: Any) -> list[list[float]]:
    """Return the same, computed by pandas."""
    groups = values.groupby(by, observed=True)
    return np.column_stack([groups.mean(), groups.quantile(0.05), groups.quantile(0.95)]).tolist()


def test_a_numeric_target_by_numbers_and_by_labels() -> None:
    """Mean and range of the target in 20 equal bins of the common range, or in each label of a category."""
    by_x = column("x").by_target
    assert by_x is not None
    assert isinstance(by_x.found, ValuesByBin)
    both = pd.concat([REFERENCE["x"], CURRENT["x"]])
    edges = np.linspace(both.min(), both.max(), 21)
    edges[-1] = np.inf  # the last bin has both its edges
    for found, rows in ((by_x.found.reference, REFERENCE), (by_x.found.current, CURRENT)):
        bins = pd.cut(rows["x"], edges, right=False)
        assert np.array(told(found)) == pytest.approx(np.array(expected_ranges(rows["target"], bins)))
    by_label = column("label").by_target
    assert by_label is not None
    assert isinstance(by_label.found, ValuesByBin)
    order = dict(zip("abcdefgh", [0, 1, 2, 3, 4, 5, 5, 5], strict=True))
    expected = expected_ranges(CURRENT["target"], CURRENT["label"].map(order))
    assert np.array(told(by_label.found.current)) == pytest.approx(np.array(expected))
    assert column("target").by_target is None


def test_a_categorical_target() -> None:
    """Numbers are told by the target's labels; a category by shares of all rows, split by the target."""
    by_x = column("x", column_mapping=CATEGORIES).by_target
    assert by_x is not None
    assert by_x.bins_of_target
    assert isinstance(by_x.found, ValuesByBin)
    expected = expected_ranges(REFERENCE["x"].dropna(), REFERENCE["colour"])
    assert np.array(told(by_x.found.reference)) == pytest.approx(np.array(expected))
    by_label = column("label", column_mapping=CATEGORIES).by_target
    assert by_label is not None
    assert isinstance(by_label.found, LabelsByBin)
    merged = CURRENT["label"].replace(dict.fromkeys("fgh", "other"))
    cells = pd.crosstab(CURRENT["colour"], merged, normalize="all")
    assert np.array(by_label.found.current) == pytest.approx(cells.to_numpy())
    titles = [each.title for each in opened(quality(REFERENCE, CURRENT, column_mapping=CATEGORIES), "x")]
    assert titles == ["Distribution", "Over time", "By target “colour”"]


@pytest.mark.parametrize("mapping", [{}, CATEGORIES])
@pytest.mark.parametrize("name", ["x", "label"])
def test_by_target_without_a_second_file(mapping: dict[str, str], name: str) -> None:
    """With one file, the figures show and tell of that one alone."""
    found = quality(REFERENCE, None, column_mapping=mapping)
    figure = opened(found, name)[-1]
    assert "arget" in figure.title
    assert "urrent" not in figure.caption + json.dumps(figure.plot)
    assert column(name, alone=True, column_mapping=mapping).by_target is not None


@pytest.mark.parametrize("target", [None, np.nan, "text in current", 1e308])
def test_targets_that_cannot_be_drawn(target: object) -> None:
    """An empty target, one near the largest double and one that becomes text leave out its figures, or tell labels."""
    current = CURRENT.assign(target=target)
    titles = [each.title for each in opened(quality(REFERENCE, current), "x")]
    assert titles[:2] == ["Distribution", "Over time"]
    assert titles[2:] == (["By target “target”"] if target == "text in current" else [])


@pytest.mark.parametrize(
    "side, quantile, low, high, title",
    [
        ("left", 0.1, 0.1, 1, "from the 10\u00a0% quantile on"),
        ("right", 0.95, 0, 0.95, "up to the 95\u00a0% quantile"),
        ("two-sided", 0.05, 0.05, 0.95, "5\u00a0% to 95\u00a0% quantile"),
        ("two-sided", 0.95, 0.05, 0.95, "5\u00a0% to 95\u00a0% quantile"),
    ],
)
def test_cut(side: str, quantile: float, low: float, high: float, title: str) -> None:
    """The histogram leaves out what is beyond the reference's quantile, in both files; no number changes."""
    options = {"quality_metrics": {"cut_quantile": [side, quantile]}}
    found = column("x", options=options)
    ends = REFERENCE["x"].quantile([low, high])
    kept = [rows["x"][rows["x"].between(*ends)] for rows in (REFERENCE, CURRENT)]
    if side == "left":
        kept[1] = CURRENT["x"][CURRENT["x"] >= ends.iloc[0]]
    if side == "right":
        kept[1] = CURRENT["x"][CURRENT["x"] <= ends.iloc[1]]
    edges = np.histogram_bin_edges(pd.concat(kept), 20)
    assert found.overlay is not None
    assert found.overlay.edges == pytest.approx(tuple(edges))
    left_out = []
    for shares, values, rows in zip(
        (found.overlay.reference, found.overlay.current), kept, (REFERENCE, CURRENT), strict=True
    ):
        assert shares == pytest.approx(tuple(np.histogram(values, edges)[0] / rows["x"].count()))
        left_out.append(f"{100 * (1 - len(values) / rows['x'].count()):.1f}\u00a0%")
    cut, whole = quality(REFERENCE, CURRENT, options=options), quality(REFERENCE, CURRENT)
    assert cut.to_dict() == whole.to_dict()
    figures = opened(cut, "x")
    assert [figure.title for figure in figures] == [
        f"Distribution, {title}",
        "Over time",
        f"Target by this column, {title}",
    ]
    assert figures[0].caption.endswith(f"are not drawn: {left_out[0]} of the reference, {left_out[1]} of current.")
    assert opened(cut, "label") == opened(whole, "label")


def test_cut_of_named_columns() -> None:
    """A mapping cuts the columns that it names, and leaves the others whole; a cut that leaves nothing is none."""
    options = {"quality_metrics": {"cut_quantile": {"x": ["right", 0.9]}}}
    assert cut_of(column("x", options=options, alone=True).overlay) is not None
    assert cut_of(column("target", options=options).overlay) is None
    halves = pd.DataFrame({"x": [1.0, 1.0, 2.0, 2.0]})
    found = quality(halves, None, options={"quality_metrics": {"cut_quantile": ["two-sided", 0.5]}})
    assert cut_of(found.columns[0].overlay) is None


@pytest.mark.parametrize("section", ["data_drift", "num_target_drift"])
def test_cut_of_drift(section: str) -> None:
    """The distributions of drift are cut as well, and say so; score, verdict and small histograms stay."""
    tabs = {"dashboard_tabs": [section], "column_mapping": {"target": "target", "task": "regression"}}
    options = {"options": {"quality_metrics": {"cut_quantile": ["right", 0.9]}}}
    whole, cut = (
        calculate(REFERENCE, CURRENT, tabs | more).sections[section]  # type: ignore[operator]
        for more in ({}, options)
    )
    assert isinstance(whole, DataDrift | TargetDrift)
    assert isinstance(cut, DataDrift | TargetDrift)
    before, after = (next(each for each in found.columns if each.name == "target") for found in (whole, cut))
    assert cut_of(before.overlay) is None
    assert cut_of(after.overlay) is not None
    assert after.overlay is not None
    assert sum(after.overlay.reference) == pytest.approx(0.9, abs=0.01)
    assert (after.score, after.drifted, after.reference_hist) == (before.score, before.drifted, before.reference_hist)
    figure = distribution(after.overlay)
    assert figure.title == "Distribution, up to the 90\u00a0% quantile"
    assert "are not drawn: 10.0\u00a0% of the reference" in figure.caption


def test_current_beyond_the_cut() -> None:
    """Where a cut leaves no row of current, the figure says so."""
    options = {"quality_metrics": {"cut_quantile": ["right", 0.9]}}
    figure = opened(quality(REFERENCE, CURRENT.assign(x=CURRENT["x"] + 1000), options=options), "x")[0]
    assert figure.caption.endswith("of the reference, 100.0\u00a0% of current.")


HOURS = pd.DataFrame({"hour": [*range(24)] * 5, "target": ["a", "b"] * 60, "prediction": [*"abb"] * 40})


def test_few_whole_numbers_have_a_bin_each() -> None:
    """Where each hour is as frequent as the others, it is drawn so, and called by its number, wherever it is drawn."""
    tabs = ["data_drift", "data_quality", "classification_performance"]
    current = HOURS[HOURS["hour"] < 23].astype({"hour": float})
    result = calculate(HOURS, current, {"dashboard_tabs": tabs})
    for section in tabs[:2]:
        (hour,) = [column for column in result.sections[section].columns if column.name == "hour"]
        assert hour.overlay.edges == tuple(np.arange(-0.5, 24))
        assert hour.overlay.reference == pytest.approx([1 / 24] * 24)
        assert hour.overlay.current == pytest.approx([1 / 23] * 23 + [0])
    (feature,) = result.sections["classification_performance"].features
    assert [sum(rows) for rows in zip(feature.reference.right, feature.reference.wrong, strict=True)] == [5] * 24
    assert "They differ most in the bin 23: 4" in distribution(hour.overlay).caption


@pytest.mark.parametrize("values", [[0.5, 3], [0, 60], [2.0**60, 2.0**60 + 512], [-1e300, 1e300]])
def test_other_numbers_have_equal_bins(values: list[float]) -> None:
    """Fractions, numbers from a wide range, and numbers that a double cannot tell from their halves have 20 bins."""
    found = quality(pd.DataFrame({"x": values * 40}), None, column_mapping={"numerical_features": ["x"]})
    (x,) = found.columns
    assert x.overlay is not None
    assert x.overlay.edges is not None
    assert len(x.overlay.edges) == 21


@pytest.mark.parametrize("alone", [True, False])
def test_rare_labels_together_are_no_label(*, alone: bool) -> None:
    """The bar of all rare labels may be the longest; the caption tells of labels, and it is none."""
    rare = [f"r{index}" for index in range(150)]
    reference = pd.DataFrame({"c": [*(["b"] * 40), *(["a"] * 60), *rare]})
    current = pd.DataFrame({"c": [*(["b"] * 90), *rare]})
    found = quality(reference, None if alone else current, column_mapping={"categorical_features": ["c"]})
    assert opened(found, "c")[0].caption == (
        "The most common label is “a”: 24\u00a0% of the rows with a value."
        if alone
        else "Of the 29 labels drawn by themselves, the most common of the reference is “a”, that of current “b”."
        " They differ most in “a”: 24\u00a0% of the reference, 0\u00a0% of current."
    )


def test_files_without_a_common_label() -> None:
    """Where a file has rare labels only, the caption names none as its most common one."""
    reference, current = [f"r{index}" for index in range(30) for _ in range(3)], [f"c{index}" for index in range(90)]
    mapping = {"column_mapping": {"categorical_features": ["c"]}}
    found = quality(pd.DataFrame({"c": reference}), pd.DataFrame({"c": current}), **mapping)
    assert "that of current none of them." in opened(found, "c")[0].caption


def test_pages_of_many_columns_stay_small() -> None:
    """With 200 columns a page has less than 6 MB: beside its 2 MB of scripts, 20 kB for each column."""
    draw = np.random.default_rng(1)
    rows = 20_000
    many = pd.DataFrame(
        {
            "x": draw.lognormal(0, 1, rows),
            "label": draw.choice([f"label {i}" for i in range(40)], rows),
            "seen": pd.Timestamp("2000-01-01") + pd.to_timedelta(draw.integers(0, 10**9, rows), unit="s"),
            "datetime": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 10**7, rows), unit="s"),
            "target": draw.normal(0, 1, rows),
        }
    )
    for target in ("target", "label"):
        found = quality(many, many.sample(frac=0.5, random_state=1), column_mapping={"target": target})
        for name in many:
            packed = (gzip.compress(json.dumps(figure.plot).encode()) for figure in opened(found, str(name)))
            assert sum(len(base64.b64encode(each)) for each in packed) < 15_000, name
