"""data_quality from CSV files to a result: the numbers of pandas and of Evidently 0.1.x, without its crashes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn import datasets

from evidently_cli.report import Config, DataError, Result, calculate
from evidently_cli.report.config import Kind
from evidently_cli.report.correlations import cramer_v, kendall, kendall_rows, pearson, spearman
from evidently_cli.report.page.contents import drawn
from evidently_cli.report.page.view import Figures, Tab, Table
from evidently_cli.report.quality import DataQuality


def profiled(
    folder: Path, reference: pd.DataFrame, current: pd.DataFrame | None = None, *, kind: Kind = "profile", **config: Any
) -> Result:
    """Write the frames as CSV and describe the files."""
    reference.to_csv(folder / "ref.csv", index=False)
    if current is not None:
        current.to_csv(folder / "cur.csv", index=False)
    keys = {"profile_sections": ["data_quality"], "dashboard_tabs": ["data_quality"]}
    second = None if current is None else folder / "cur.csv"
    return calculate(folder / "ref.csv", second, Config.from_dict(keys | config), kind=kind)


def quality(folder: Path, reference: pd.DataFrame, current: pd.DataFrame | None = None, **config: Any) -> DataQuality:
    """Return the section."""
    section = profiled(folder, reference, current, **config).sections["data_quality"]
    assert isinstance(section, DataQuality)
    return section


def data(folder: Path, reference: pd.DataFrame, current: pd.DataFrame | None = None, **config: Any) -> Any:
    """Return the `data` of the section in the profile, read back from its JSON."""
    text = profiled(folder, reference, current, **config).to_json(indent=False)
    return json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))["data_quality"][
        "data"
    ]


def report(folder: Path, reference: pd.DataFrame, current: pd.DataFrame | None = None, **config: Any) -> Tab:
    """Return the tab of a report."""
    return drawn("data_quality", quality(folder, reference, current, kind="report", **config))


IRIS: pd.DataFrame = datasets.load_iris(as_frame=True).frame
NUMBERS = pd.DataFrame({"x": [1.0, 2, 2, 4, np.nan], "c": ["a", "b", "b", "b", "a"]})


def test_whole_numbers_beyond_doubles_have_a_spread(tmp_path: Path) -> None:
    """A column of large ids has the standard deviation of its numbers, and not of what doubles make of them."""
    near = pd.DataFrame({"x": range(60)})
    expected = data(tmp_path, near)["metrics"]["reference"]["x"]["std"]
    assert data(tmp_path, near + 2**60)["metrics"]["reference"]["x"]["std"] == expected


def iris_with_labels() -> pd.DataFrame:
    """Iris with text labels and a rule of two lengths as the prediction."""
    names = np.array(["setosa", "versicolor", "virginica"])
    wide = np.where(IRIS["petal width (cm)"] < 1.75, "versicolor", "virginica")
    prediction = np.where(IRIS["petal length (cm)"] < 2.5, "setosa", wide)
    return IRIS.assign(target=names[IRIS["target"]], prediction=prediction)


def test_iris(tmp_path: Path) -> None:
    """Even rows against odd rows of iris give the numbers of Evidently 0.1.x."""
    found = data(tmp_path, iris_with_labels()[::2], iris_with_labels()[1::2])
    assert found["metrics"]["reference"]["sepal width (cm)"] == {
        "feature_type": "num",
        "number_of_rows": 75,
        "count": 75,
        "infinite_count": 0,
        "infinite_percentage": 0.0,
        "missing_count": 0,
        "missing_percentage": 0.0,
        "unique_count": 20,
        "unique_percentage": 26.67,
        "percentile_25": 2.8,
        "percentile_50": 3.0,
        "percentile_75": 3.4,
        "max": 4.1,
        "min": 2.0,
        "mean": 3.06,
        "most_common_value": 3.0,
        "most_common_value_percentage": 13.33,
        "std": 0.44,
    }
    current = found["correlations"]["current"]
    assert current["cramer_v"]["target"]["prediction"] == pytest.approx(0.944911182523068, rel=1e-9)
    assert current["kendall"]["petal length (cm)"]["petal width (cm)"] == pytest.approx(0.8088639353896232, rel=1e-9)
    features = ["petal length (cm)", "petal width (cm)", "sepal length (cm)", "sepal width (cm)"]
    assert list(found["metrics"]["current"]) == ["target", "prediction", *features]
    assert list(current["pearson"]) == features
    assert list(current["pearson"]["petal length (cm)"]) == features[1:]


def test_numbers_are_described_as_by_pandas(tmp_path: Path) -> None:
    """Counts, moments and quartiles are those of pandas, rounded as numpy rounds; a spread is exact."""
    draws = np.random.default_rng(4)
    floats = pd.Series(draws.normal(1e3, 50, 500)).mask(draws.random(500) < 0.1)
    frame = pd.DataFrame({"f": floats, "i": draws.integers(-9, 9, 500), "u": np.arange(500, dtype=np.uint64) + 2**63})
    found = data(tmp_path, frame)["metrics"]["reference"]
    keys = {"std": "std", "mean": "mean", "min": "min", "max": "max"}
    keys |= {f"percentile_{share}": f"{share}%" for share in (25, 50, 75)}
    for name in frame:
        expected = frame[name].describe()
        expected["std"] = (frame[name] - frame[name].min()).std()  # pandas makes doubles of whole numbers first
        assert [found[name][key] for key in keys] == pytest.approx(
            [np.round(expected[of], 2) for of in keys.values()], rel=1e-12
        )
        assert found[name]["unique_count"] == frame[name].nunique()
    assert found["u"]["max"] == 2**63 + 499
    assert found["i"]["most_common_value_percentage"] == frame["i"].value_counts().max() / 5


def test_quartiles_of_whole_numbers_far_apart(tmp_path: Path) -> None:
    """Between whole numbers of 64 bits lie their quartiles, whatever their distance."""
    found = data(tmp_path, pd.DataFrame({"x": [-9 * 10**18, 9 * 10**18]}))["metrics"]["reference"]["x"]
    assert [found[f"percentile_{share}"] for share in (25, 50, 75)] == [-4.5e18, 0, 4.5e18]


def test_a_regression_correlates_its_target(tmp_path: Path) -> None:
    """Without a classification, a numeric target and prediction are numbers, and correlated as such."""
    frame = pd.DataFrame({"x": range(9), "target": range(9, 0, -1), "prediction": range(9)})
    found = data(tmp_path, frame)
    assert found["metrics"]["reference"]["target"]["feature_type"] == "num"
    assert found["correlations"]["reference"]["spearman"]["target"] == pytest.approx({"x": -1.0, "prediction": -1.0})
    assert found["correlations"]["reference"]["cramer_v"] == {}


def test_without_a_current_file(tmp_path: Path) -> None:
    """One file is enough: nothing then speaks of a current one, in the profile as in the report."""
    found = data(tmp_path, NUMBERS)
    assert [list(found[key]) for key in ("metrics", "correlations", "summary")] == [["reference"]] * 3
    tab = report(tmp_path, NUMBERS)
    assert "current" not in str(tab.widgets)
    assert tab.verdict is not None
    assert tab.verdict.headline == "10.0\u00a0% of the cells in reference are missing."


def test_statistics_of_labels_and_dates(tmp_path: Path) -> None:
    """Labels and dates have counts and a most common value; dates are text, with a range; no nulls beside them."""
    frame = pd.DataFrame(
        {"c": ["a", "b", "b", None], "d": ["2020-01-01", None, "2020-01-03 12:00", "2020-01-03 12:00"]}
    )
    config: dict[str, Any] = {"data_format": {"date_column": "d"}, "column_mapping": {"datetime": "d"}}
    found = data(tmp_path, frame, **config)["metrics"]["reference"]
    assert list(found) == ["d", "c"]
    common = {"number_of_rows": 4, "count": 3, "missing_count": 1, "missing_percentage": 25.0}
    common |= {"unique_count": 2, "unique_percentage": 50.0, "most_common_value_percentage": 50.0}
    assert found["c"] == common | {"feature_type": "cat", "most_common_value": "b"}
    assert found["d"] == common | {
        "feature_type": "datetime",
        "most_common_value": "2020-01-03 12:00:00",
        "max": "2020-01-03 12:00:00",
        "min": "2020-01-01 00:00:00",
    }


def test_missing_is_most_common(tmp_path: Path) -> None:
    """Where most rows have no value, the most common value is null, and the one after it is named."""
    frame = pd.DataFrame({"x": [None, None, None, 1.123456, 1.123456], "e": [None] * 5})
    found = data(tmp_path, frame)["metrics"]["reference"]
    assert (found["x"]["most_common_value"], found["x"]["most_common_value_percentage"]) == (None, 60.0)
    assert (found["x"]["most_common_not_null_value"], found["x"]["most_common_not_null_value_percentage"]) == (
        1.12346,
        40.0,
    )
    assert (found["e"]["count"], found["e"]["most_common_value"], found["e"]["mean"]) == (0, None, None)
    assert "most_common_not_null_value" not in found["e"]


def test_infinite_values_are_values(tmp_path: Path) -> None:
    """An infinite value is counted, not missing, and makes the mean infinite: null in the profile."""
    frame = pd.DataFrame({"x": [1.0, np.inf, 2.0, 3.0], "y": [1, 2, 3, 4]})
    column = quality(tmp_path, frame).columns[0].reference
    assert (column.count, column.missing, column.infinite, column.mean, column.maximum) == (4, 0, 1, np.inf, np.inf)
    found = data(tmp_path, frame)
    assert (found["metrics"]["reference"]["x"]["mean"], found["metrics"]["reference"]["x"]["min"]) == (None, 1.0)
    assert found["correlations"]["reference"]["pearson"]["x"]["y"] == pytest.approx(
        frame[frame.index != 1].corr().loc["x", "y"]
    )


@pytest.mark.parametrize(
    "before, now, new, unused",
    [
        (["a", "b"], ["b", "c", "d"], 2, 1),
        (["a", "b"], ["a", None], 1, 1),
        (["a", None], ["a", "a"], 0, 1),
        (["a", None], ["a", None], 0, 0),
        ([True, False], [True, True], 0, 1),
        (["1", "x"], ["1", "2"], 1, 1),
    ],
)
def test_new_and_unused_labels(tmp_path: Path, before: list[Any], now: list[Any], new: int, unused: int) -> None:
    """Labels of one file alone are counted, in current; a missing value is a label unless both files have it."""
    frames = (pd.DataFrame({"c": pd.Series(values, dtype=object), "x": 1}) for values in (before, now))
    metrics = data(tmp_path, *frames)["metrics"]
    changes = ("new_in_current_values_count", "unused_in_current_values_count")
    assert [metrics["current"]["c"][key] for key in changes] == [new, unused]
    assert not set(changes) & {*metrics["reference"]["c"], *metrics["current"]["x"]}


def test_the_files_as_a_whole(tmp_path: Path) -> None:
    """The summary counts missing cells, repeated rows, and columns that say nothing or almost nothing."""
    rows = 40
    frame = pd.DataFrame(
        {
            "constant": 1,
            "empty": [None] * rows,
            "almost constant": ["a"] * 38 + ["b"] * 2,
            "almost empty": [None] * 38 + [1.0, 2.0],
            "x": [-0.0, 0.0, *range(2, rows)],
        }
    )
    found = data(tmp_path, frame)["summary"]["reference"]
    assert found == {
        "number_of_rows": 40,
        "number_of_columns": 5,
        "duplicate_rows": 1,
        "missing_cells": 78,
        "missing_cells_percentage": 39.0,
        "constant_columns": ["constant"],
        "empty_columns": ["empty"],
        "almost_constant_columns": ["almost constant"],
        "almost_empty_columns": ["almost empty"],
    }


METHODS = {"pearson": pearson, "spearman": spearman, "kendall": kendall}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize("rows", [300, 3000])
def test_correlations_are_those_of_pandas(method: Any, gaps: float, rows: int) -> None:
    """With and without gaps, ties and far-off means, all coefficients are those of pandas."""
    draws = np.random.default_rng(1)
    frame = pd.DataFrame(draws.normal(size=(rows, 5)) @ draws.normal(size=(5, 5)), columns=list("abcde"))
    frame = frame.assign(a=frame["a"].round(), b=frame["b"] * 1e150, c=frame["c"] + 1e6, f=draws.integers(0, 2, rows))
    frame = frame.mask((draws.random(frame.shape) < gaps) & (frame.columns != "d"))
    found = METHODS[method]([frame[name].to_numpy(np.float64) for name in frame])
    off_diagonal = ~np.eye(6, dtype=bool)
    expected = (frame / [1, 1e150, 1, 1, 1, 1]).corr(method).to_numpy()
    assert found[off_diagonal] == pytest.approx(expected[off_diagonal], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("gaps", [0.0, 0.3, 0.9])
def test_kendall_of_wide_files_is_that_of_pandas(gaps: float) -> None:
    """Where there are many columns and few rows, the coefficients are the same, and undefined where they were."""
    draws = np.random.default_rng(3)
    frame = pd.DataFrame(draws.integers(0, 9, (60, 35)).astype(float)).assign(constant=1.0)
    frame = frame.mask(draws.random(frame.shape) < gaps)
    found = kendall([frame[name].to_numpy() for name in frame])
    expected = frame.corr("kendall").to_numpy()
    off_diagonal = ~np.eye(len(found), dtype=bool)
    assert found[off_diagonal] == pytest.approx(expected[off_diagonal], rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("method", METHODS)
def test_correlations_that_are_not_defined(method: str) -> None:
    """A column that is constant where the other has values has no correlation with it: not a number, no warning."""
    nan, inf = np.nan, np.inf
    columns = [
        np.array(each) for each in ([0.1, 0.1, nan, 0.3], [1.0, 2, 3, nan], [inf, nan, nan, nan], [5e-324, 0, 1, 2])
    ]
    found = METHODS[method](columns)
    assert np.isnan(found[0, 1])
    assert np.isnan(found[2]).all()
    assert np.isfinite(found[3, :2]).all()
    assert METHODS[method]([]).shape == (0, 0)


def test_cramer_v_is_that_of_scipy() -> None:
    """Cramér's V comes from the chi-square of the cross table of complete pairs, without a correction."""
    draws = np.random.default_rng(2)
    a, b = draws.integers(-1, 4, 200), draws.integers(-1, 2, 200)
    complete = (a >= 0) & (b >= 0)
    table = pd.crosstab(a[complete], b[complete])
    expected = np.sqrt(chi2_contingency(table, correction=False).statistic / complete.sum())
    found = cramer_v([a, b, np.zeros(200, np.int64)])
    assert found[0, 1] == pytest.approx(expected, rel=1e-9)
    assert np.isnan(found[2, 0])


def test_kendall_on_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kendall of many rows and columns rests on a random sample, the same each time, and the reader is told."""
    assert kendall_rows(100_000, 2) is None
    rows = kendall_rows(100_000, 25)
    assert rows is not None
    assert len(rows) == len(np.unique(rows)) == 20_000
    assert (rows[0] < 100, rows[-1] >= 99_900, bool((np.diff(rows) > 0).all())) == (True, True, True)
    np.testing.assert_array_equal(kendall_rows(100_000, 25), rows)
    wide = kendall_rows(5000, 10_000)
    assert wide is not None
    assert len(wide) == 1000
    monkeypatch.setattr("evidently_cli.report.correlations._KENDALL_ROWS", 10)
    monkeypatch.setattr("evidently_cli.report.correlations._KENDALL_ROWS_OF_ALL_PAIRS", 10)
    result = quality(tmp_path, pd.DataFrame({"x": range(30), "y": range(30)}))
    assert ["10 of its 30 rows" in notice.text for notice in result.notices] == [True]
    assert result.reference.correlations.kendall.pairs() == pytest.approx({("y", "x"): 1.0})


def test_kendall_of_rows_that_alternate() -> None:
    """A sample of rows in a regular pattern shows the whole pattern: groups that take turns are seen in equal parts."""
    step = np.arange(40_000)
    group, value = step % 2, step // 2 - step % 2 * 10_000.0
    rows = kendall_rows(len(step), 25)
    assert rows is not None
    whole, sampled = (kendall([group[kept].astype(float), value[kept]])[0, 1] for kept in (step, rows))
    assert whole < -0.4
    assert sampled == pytest.approx(whole, abs=0.02)


def test_columns_of_very_many_labels(tmp_path: Path) -> None:
    """A column with more than 1000 labels has no Cramér's V, and the reader is told; the others have theirs."""
    ids = [f"id {row}" for row in range(1001)]
    frame = pd.DataFrame({"id": ids, "a": ["x", "y", "z"] * 333 + ["x", "y"], "b": ["x", "y"] * 500 + ["x"]})
    result = quality(tmp_path, frame)
    assert [(notice.column, "left out" in notice.text) for notice in result.notices] == [("id", True)]
    assert list(result.reference.correlations.cramer_v.names) == ["a", "b"]


def test_order_changes_nothing(tmp_path: Path) -> None:
    """Neither the order of rows nor that of columns changes a statistic, and correlations only in the last digits."""
    frame = iris_with_labels().assign(gaps=IRIS["sepal length (cm)"].where(IRIS.index % 7 != 0))
    shuffled = frame.sample(frac=1, random_state=1)[sorted(frame.columns, reverse=True)]
    one, other = data(tmp_path, frame), data(tmp_path, shuffled)
    assert (one["metrics"], one["summary"]) == (other["metrics"], other["summary"])
    for method, columns in one["correlations"]["reference"].items():
        for name, row in columns.items():
            assert other["correlations"]["reference"][method][name] == pytest.approx(row, abs=1e-12)


def test_rows_that_repeat_a_missing_value() -> None:
    """Rows are equal where both lack a value, whatever the bits of it."""
    frame = pd.DataFrame({"x": [0.0, -np.nan, np.nan], "y": [0, 1, 1]})
    result = calculate(frame, config={"profile_sections": ["data_quality"]}).sections["data_quality"]
    assert isinstance(result, DataQuality)
    assert result.reference.duplicate_rows == 1


def test_a_constant_column_changes_no_other(tmp_path: Path) -> None:
    """Adding a constant column adds its own entry and changes no other result."""
    frame = iris_with_labels()
    one, other = data(tmp_path, frame), data(tmp_path, frame.assign(zero=0, word="same"))
    assert other["metrics"]["reference"].pop("zero")["std"] == 0
    assert other["metrics"]["reference"].pop("word")["unique_count"] == 1
    assert one["metrics"] == other["metrics"]
    assert one["correlations"] == other["correlations"]
    assert other["summary"]["reference"]["duplicate_rows"] == one["summary"]["reference"]["duplicate_rows"]


def test_text_where_numbers_were(tmp_path: Path) -> None:
    """A column of numbers that holds text in current is described as a category there, and the reader is told."""
    result = quality(tmp_path, pd.DataFrame({"x": range(9), "y": range(9)}), pd.DataFrame({"x": ["a"] * 9, "y": 1}))
    x = result.columns[0]
    assert x.current is not None
    assert (x.reference.feature_type, x.current.feature_type, x.current.common) == ("num", "cat", "a")
    assert [notice.column for notice in result.notices] == ["x"]


def test_text_prediction_without_a_target(tmp_path: Path) -> None:
    """A text prediction without a target is a category (Evidently 0.1.x stopped here)."""
    frame = pd.DataFrame({"prediction": ["a", "b", "a"], "x": range(3)})
    assert data(tmp_path, frame)["metrics"]["reference"]["prediction"]["feature_type"] == "cat"


def test_the_terminal_summary(tmp_path: Path) -> None:
    """In a terminal: how much is missing, what is constant or repeated, and the columns that miss most."""
    frame = pd.DataFrame({"x": [None, 1.0, 1.0, None], "c": ["a", None, "a", "b"], "k": 1})
    summary = quality(tmp_path, frame, frame).summary()
    assert summary.headline == "25.0\u00a0% of the cells in current are missing; 1 constant column"
    assert summary.rows == (("x", "missing", "50.0\u00a0%"), ("c", "missing", "25.0\u00a0%"))


def test_the_tab(tmp_path: Path) -> None:
    """The tab has three widgets: the files, a row for each column that opens to its plots, and the correlations."""
    frame = iris_with_labels()
    tab = report(tmp_path, frame[::2], frame[1::2])
    assert [(widget.title, widget.level) for widget in tab.widgets] == [
        ("Data Summary", "always"),
        ("Features", "always"),
        ("Correlations", "full"),
    ]
    facts, features, correlations = tab.widgets
    assert isinstance(facts, Table)
    assert isinstance(features, Table)
    assert isinstance(correlations, Figures)
    assert [heading.title for heading in facts.headings] == ["Fact", "Reference", "Current"]
    assert len(facts.rows) == 12
    assert [row.cells[0].badge for row in features.rows] == ["target", "prediction", "", "", "", ""]  # type: ignore[union-attr]
    assert [len(row.figures) for row in features.rows] == [1, 2, 3, 3, 3, 3]
    assert [figure.title for figure in correlations.figures] == [
        f"{name}: {which}"
        for name in ("Pearson", "Spearman", "Kendall", "Cramér's V")
        for which in ("reference", "current")
    ]
    assert correlations.figures[1].caption.startswith("The strongest in current: “petal length (cm)” and “petal")
    assert "Changed most: “" in correlations.figures[1].caption
    json.dumps([figure.plot for figure in correlations.figures], allow_nan=False)


def test_dates_that_the_current_file_lacks(tmp_path: Path) -> None:
    """A column of dates in text that only the reference file has is drawn for that file alone, by its own target."""
    reference = pd.DataFrame(
        {"datetime": ["1.1.", "2.1."] * 20, "c": ["a", "b"] * 20, "target": ["x", "y", "y", "x"] * 10}
    )
    current = reference.drop(columns="datetime")[::-1]
    described = {column.name: column for column in quality(tmp_path, reference, current, kind="report").columns}
    column = described["datetime"]
    assert (column.overlay is None, column.current) == (False, None)
    assert column.by_target is not None
    assert column.by_target == next(
        each.by_target for each in quality(tmp_path, reference, kind="report").columns if each.name == "datetime"
    )


def test_heatmaps_of_many_columns(tmp_path: Path) -> None:
    """At most 30 columns are drawn, those with the strongest correlations in one of the files."""
    draws = np.random.default_rng(3)
    frame = pd.DataFrame(draws.normal(size=(200, 40)), columns=[f"c{i}" for i in range(40)])
    frame["c38"] = frame["c39"]
    tab = report(tmp_path, frame)
    figure = tab.widgets[2].figures[0]  # type: ignore[union-attr]
    ticks = figure.plot["layout"]["yaxis"]["ticktext"]  # type: ignore[index]
    assert len(ticks) == 30
    assert {"c38", "c39"} <= set(ticks)
    assert figure.caption.startswith("The strongest in reference: “c38” and “c39” (1.00)")
    assert figure.caption.endswith("Not drawn: 10 columns with weaker ones.")


def test_a_correlation_of_almost_nothing_has_no_sign(tmp_path: Path) -> None:
    """What is 0 to two decimals reads as 0.00, from whichever side it comes."""
    tab = report(tmp_path, pd.DataFrame({"x": [-1, 0, 1] * 20, "y": [1.005, -2, 1] * 20}))
    assert tab.widgets[2].figures[0].caption == "The strongest in reference: “x” and “y” (0.00)."  # type: ignore[union-attr]


CELL = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.sampled_from(["2020-01-01", "1", "a", "</script>", "inf", "1e308", "-1e308"]),
)
COLUMN = st.one_of(
    st.lists(st.floats(), min_size=1, max_size=8),
    st.lists(st.integers(0, 3) | st.none(), min_size=1, max_size=8),
    st.lists(st.booleans() | st.none(), min_size=1, max_size=8),
    st.lists(CELL, min_size=1, max_size=8),
)
NAMES = st.sampled_from(["target", "prediction", "datetime", "x", "größe", "a\nb", '"', "<script>", "{{ x }}", "$x$"])


def as_frame(columns: dict[str, list[object]]) -> pd.DataFrame:
    """Return a frame of columns of unequal length."""
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.dictionaries(NAMES, st.tuples(COLUMN, COLUMN), min_size=1, max_size=4),
    st.sampled_from([None, "regression", "classification"]),
    st.one_of(st.none(), st.sets(NAMES, max_size=1)),
    st.sampled_from([None, ["left", 0.5], ["right", 0.5], ["two-sided", 0.3]]),
)
@example({"datetime": (["1.1.", "2.1."], []), "x": (["a"], ["b"]), "target": (["c"], ["d"])}, None, {"datetime"}, None)
def test_no_data_crashes(
    tmp_path: Path,
    columns: dict[str, tuple[list[object], list[object]]],
    task: str | None,
    absent: set[str] | None,
    cut: object,
) -> None:
    """One row, no value, no column, unicode, hostile names, infinities, mixed types: JSON and a page, or one line."""
    reference, current = (as_frame({name: pair[file] for name, pair in columns.items()}) for file in (0, 1))
    try:
        result = profiled(
            tmp_path,
            reference,
            None if absent is None else current.drop(columns=list(absent), errors="ignore"),
            kind="report",
            column_mapping={"task": task},
            options={"quality_metrics": {"cut_quantile": cut}},
        )
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017 - there is nothing to raise in most examples
    else:
        assert json.loads(result.to_json(indent=False))["data_quality"]["data"]["metrics"]["reference"] is not None
        tab = drawn("data_quality", result.sections["data_quality"])
        assert "<script>" not in json.dumps(
            [
                figure.plot
                for widget in tab.widgets
                for figure in (
                    widget.figures
                    if isinstance(widget, Figures)
                    else [each for row in getattr(widget, "rows", ()) for each in row.figures]
                )
            ],
            allow_nan=False,
        )


def test_a_page(tmp_path: Path) -> None:
    """The report is one page, and a column's name cannot become markup in it."""
    page = profiled(tmp_path, NUMBERS.rename(columns={"x": "<script>alert(1)</script>"}), kind="report").to_html("t")
    assert "<script>alert" not in page
    assert "Data Summary" in page


def test_importing_the_result_is_cheap() -> None:
    """The result's classes load none of the heavy libraries."""
    code = "import sys, evidently_cli.report.quality, evidently_cli.report.page.data_quality; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pandas", "scipy", "plotly"} & set(loaded)
