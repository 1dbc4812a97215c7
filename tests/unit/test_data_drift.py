"""data_drift from CSV files to a result: scores, verdicts and JSON of Evidently 0.1.x, without its crashes."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import datasets

from evidently_cli.report import Config, ConfigError, DataDrift, DataError, Result, TabConfig, calculate
from evidently_cli.report.config import Kind


def compare(
    folder: Path, reference: pd.DataFrame, current: pd.DataFrame, *, kind: Kind = "profile", **config: object
) -> Result:
    """Write both frames as CSV and compare the files."""
    reference.to_csv(folder / "ref.csv", index=False)
    current.to_csv(folder / "cur.csv", index=False)
    keys = {"profile_sections": ["data_drift"], "dashboard_tabs": ["data_drift"]}
    return calculate(folder / "ref.csv", folder / "cur.csv", Config.from_dict(keys | config), kind=kind)


def drift(
    folder: Path, reference: pd.DataFrame, current: pd.DataFrame, *, kind: Kind = "profile", **options: object
) -> DataDrift:
    """Compare two frames with some options of data_drift."""
    return compare(folder, reference, current, kind=kind, options={"data_drift": options}).sections["data_drift"]


def scores(result: DataDrift) -> dict[str, float | None]:
    """Return the score of each column."""
    return {column.name: column.score for column in result.columns}


def frame(load: Callable[..., Any]) -> pd.DataFrame:
    """Return a data set of scikit-learn, with its `target`."""
    data: pd.DataFrame = load(as_frame=True).frame
    return data


IRIS, WINE, CANCER, DIABETES = (
    frame(load)
    for load in (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_diabetes)
)


@pytest.mark.parametrize(
    "data, n, drifted, some",
    [
        (IRIS, 5, 0, {"target": 1.0, "petal length (cm)": 0.9717333170639332, "sepal width (cm)": 0.9966899221363298}),
        (WINE, 14, 0, {"target": 0.9695217396787018, "alcohol": 0.7560914167788522, "ash": 0.9478904116273729}),
        (CANCER, 31, 2, {"target": 0.46786169393477106, "area error": 0.3369776301154817}),
        (
            DIABETES,
            11,
            1,
            {
                "target": 0.07380799049125161,
                "bmi": 0.03396006304729071,
                "s1": 0.9779171830200116,
                "sex": 0.7749047250365708,
            },
        ),
    ],
    ids=["iris", "wine", "breast cancer", "diabetes"],
)
def test_even_and_odd_rows(tmp_path: Path, data: pd.DataFrame, n: int, drifted: int, some: dict[str, float]) -> None:
    """Even rows against odd rows of four known data sets give the scores of Evidently 0.1.x."""
    result = drift(tmp_path, data[::2], data[1::2])
    assert (result.n_columns, result.n_drifted, result.dataset_drift) == (n, drifted, False)
    assert {name: score for name, score in scores(result).items() if name in some} == pytest.approx(some, rel=1e-9)
    assert result.share_drifted == drifted / n


@pytest.mark.parametrize(
    "data, n, drifted, some",
    [
        (IRIS, 5, 5, {"sepal length (cm)": 2.685462386506051e-12}),
        (WINE, 14, 13, {}),
        (CANCER, 31, 24, {}),
        (DIABETES, 11, 0, {"target": 0.27164747380510895}),
    ],
    ids=["iris", "wine", "breast cancer", "diabetes"],
)
def test_first_and_second_half(
    tmp_path: Path, data: pd.DataFrame, n: int, drifted: int, some: dict[str, float]
) -> None:
    """The first half against the second gives as many drifted columns as Evidently 0.1.x found."""
    half = len(data) // 2
    result = drift(tmp_path, data[:half], data[half:])
    assert (result.n_columns, result.n_drifted, result.dataset_drift) == (n, drifted, drifted / n >= 0.5)
    assert {name: score for name, score in scores(result).items() if name in some} == pytest.approx(some, rel=1e-9)


def test_more_than_1000_rows(tmp_path: Path) -> None:
    """Above 1000 reference rows distances take over, with the scores of Evidently 0.1.x."""
    names = ["pixel_0_0", "pixel_0_2", "pixel_0_5", "pixel_2_4", "pixel_7_7", "target"]
    digits = frame(datasets.load_digits)[names]
    mapping = {"task": "classification", "prediction": None}
    result = compare(tmp_path, digits[:1200], digits[1200:], column_mapping=mapping).sections["data_drift"]
    assert scores(result) == pytest.approx(
        {
            "target": 0.012735437708875285,
            "pixel_0_0": 0.0,
            "pixel_0_2": 0.09724369108267561,
            "pixel_0_5": 0.02922942324293523,
            "pixel_2_4": 0.03705249978780524,
            "pixel_7_7": 0.1087135669340706,
        },
        rel=1e-9,
    )
    assert [column.name for column in result.columns if column.drifted] == ["pixel_7_7"]
    assert result.share_drifted == 1 / 6


@pytest.mark.parametrize(
    "test, score",
    [
        ("anderson", 0.014530938976978635),
        ("mannw", 0.011876509492718275),
        ("cramer_von_mises", 0.01192358153280293),
        ("jensenshannon", 0.12373726220114384),
        ("kl_div", 0.07070350404323103),
        ("psi", 0.1275285948412526),
        ("wasserstein", 0.22745841337890021),
    ],
)
def test_named_tests(tmp_path: Path, test: str, score: float) -> None:
    """A test that is named for a column gives the score that Evidently 0.1.x gave on the same file."""
    result = drift(tmp_path, DIABETES[::2], DIABETES[1::2], per_feature_stattest={"bmi": test})
    assert scores(result)["bmi"] == pytest.approx(score, rel=1e-9)


@pytest.mark.parametrize("far", [2**60, -(2**62), 2**63 - 10])
@pytest.mark.parametrize("rows", [100, 1500])
@pytest.mark.parametrize(
    "test", [None, "ks", "mannw", "wasserstein", "kl_div", "psi", "jensenshannon", "anderson", "cramer_von_mises"]
)
def test_whole_numbers_beyond_doubles(tmp_path: Path, test: str | None, rows: int, far: int) -> None:
    """However large whole numbers are, a column of ids, say, each test tells them apart as it does small ones."""
    draw = np.random.default_rng(rows)
    before, now = draw.integers(0, 200, rows), draw.integers(20, 220, rows)
    options = {"num_features_stattest": test} if test else {}
    [near] = drift(tmp_path, pd.DataFrame({"x": before}), pd.DataFrame({"x": now}), **options).columns
    moved = [pd.DataFrame({"x": [far + int(value) for value in values]}) for values in (before, now)]
    if far > 2**62:
        moved = [each.astype("uint64") for each in moved]
    [distant] = drift(tmp_path, *moved, **options).columns
    assert (distant.score, distant.drifted) == (pytest.approx(near.score, rel=1e-9), near.drifted)
    assert distant.feature_type == "num"


def test_profile(tmp_path: Path) -> None:
    """The profile has the keys, types and order of Evidently 0.1.x; what is new stands beside them."""
    result = compare(tmp_path, IRIS[::2], IRIS[1::2], options={"data_drift": {"confidence": 0.9, "nbinsx": 3}})
    profile = json.loads(result.to_json(indent=True))
    assert list(profile) == ["data_drift", "timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", profile["timestamp"])
    assert list(profile["data_drift"]) == ["name", "datetime", "data"]
    data = profile["data_drift"]["data"]
    features = ["petal length (cm)", "petal width (cm)", "sepal length (cm)", "sepal width (cm)"]
    assert data["utility_columns"] == {"date": None, "id": None, "target": "target", "prediction": None}
    assert data["num_feature_names"] == features
    assert data["cat_feature_names"] == data["datetime_feature_names"] == []
    assert data["target_names"] is None
    assert data["options"] == {"confidence": 0.9, "drift_share": 0.5, "nbinsx": 3, "xbins": None}
    metrics = data["metrics"]
    summary = ["n_features", "n_drifted_features", "share_drifted_features", "dataset_drift"]
    assert list(metrics) == [*summary, "target", *features]
    assert [metrics[key] for key in summary] == [5, 0, 0.0, False]
    target = metrics["target"]
    assert target["current_small_hist"] == target["ref_small_hist"] == [[25, 25, 25], [0, 1, 2]]
    assert (target["feature_type"], target["stattest_name"]) == ("cat", "chi-square p_value")
    assert (target["drift_score"], target["drift_detected"]) == (1.0, False)
    assert (target["feature_role"], target["threshold"]) == ("target", pytest.approx(0.1))
    heights, edges = metrics["petal width (cm)"]["ref_small_hist"]
    assert (len(heights), len(edges)) == (3, 4)
    assert sum(np.array(heights) * np.diff(edges)) == pytest.approx(1)
    assert [column["name"] for column in data["columns"]] == ["target", *features]
    assert data["notices"] == []


def test_a_column_called_like_a_summary_key(tmp_path: Path) -> None:
    """A column called n_features cannot overwrite the summary, and is complete among the columns."""
    data = pd.DataFrame({"n_features": range(20), "x": range(20)})
    profile: Any = compare(tmp_path, data, data).to_dict()
    found = profile["data_drift"]["data"]
    assert found["metrics"]["n_features"] == 2
    assert set(found["metrics"]["x"]) | {"name"} == set(found["columns"][0])
    assert set(found["columns"][0]) - set(found["columns"][1]) == {"ref_small_hist", "current_small_hist"}


def test_strict_json(tmp_path: Path) -> None:
    """The profile is ASCII, and valid JSON even when a number is not finite."""
    data = pd.DataFrame({"größe": ["ä", "b", "ä"], "x": [1e308, -0.5e308, 0.0]})
    text = compare(tmp_path, data, data, options={"data_drift": {"num_features_stattest": "wasserstein"}}).to_json(
        indent=False
    )
    assert text.isascii()
    profile = json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    assert set(profile["data_drift"]["data"]["metrics"]) >= {"größe", "x"}


def test_a_score_that_is_not_finite(tmp_path: Path) -> None:
    """Where the test has no finite result, the score is null and the column has not drifted."""
    huge = pd.DataFrame({"x": [8e307] * 10})
    found = drift(tmp_path, huge, -huge, num_features_stattest="wasserstein").columns[0]
    assert (found.score, found.drifted) == (None, False)


def test_an_empty_column_is_a_notice(tmp_path: Path) -> None:
    """A column without any value is not tested and not counted; the others are."""
    data = pd.DataFrame({"x": range(20), "empty": [None] * 20})
    result = drift(tmp_path, data, data)
    assert (result.n_columns, list(scores(result))) == (1, ["x"])
    assert [(notice.column, notice.text) for notice in result.notices] == [
        ("empty", "every value is missing in the reference file: not tested")
    ]


def test_an_infinite_column_is_not_called_missing(tmp_path: Path) -> None:
    """A column that holds nothing finite is not tested, and the reader is told what it holds."""
    data = pd.DataFrame({"x": range(20), "y": [math.inf, None] * 10})
    [notice] = drift(tmp_path, data, data).notices
    assert (notice.column, notice.text) == (
        "y",
        "every value is infinite or missing in the reference file: not tested",
    )


def test_a_column_that_is_text_in_the_current_file(tmp_path: Path) -> None:
    """A column of numbers that holds text in the current file is not tested, and the reader is told."""
    result = drift(tmp_path, pd.DataFrame({"x": range(9), "y": 1}), pd.DataFrame({"x": ["a"] * 9, "y": 1}))
    assert [notice.column for notice in result.notices] == ["x"]
    assert "other values in the current file" in result.notices[0].text


def test_a_misspelt_option(tmp_path: Path) -> None:
    """An option for a column that does not exist is told with the nearest name."""
    data = pd.DataFrame({"price": range(9)})
    notice = drift(tmp_path, data, data, threshold={"prise": 0.1}).notices[0]
    assert notice.text == ('options.data_drift.threshold names "prise", which is not a column; did you mean "price"?')


def test_missing_values_are_counted(tmp_path: Path) -> None:
    """Missing and infinite values are left out of a test, and counted for each file."""
    reference = pd.DataFrame({"x": [1.0, 2, np.nan, np.inf, 3], "c": ["a", None, "b", "a", "b"]})
    current = pd.DataFrame({"x": [1.0, 2, 3], "c": [None, None, "b"]})
    found = {column.name: column for column in drift(tmp_path, reference, current).columns}
    assert (found["x"].reference_missing, found["x"].current_missing) == (2, 0)
    assert (found["c"].reference_missing, found["c"].current_missing) == (1, 2)


@pytest.mark.parametrize("share, verdict", [(0.0, True), (0.5, True), (0.51, False)])
def test_dataset_drift(tmp_path: Path, share: float, verdict: bool) -> None:
    """The dataset has drifted when the share of drifted columns reaches drift_share."""
    reference = pd.DataFrame({"x": range(50), "y": range(50)})
    current = pd.DataFrame({"x": range(50), "y": range(500, 550)})
    result = drift(tmp_path, reference, current, drift_share=share)
    assert (result.share_drifted, result.dataset_drift) == (0.5, verdict)


def test_order_and_roles(tmp_path: Path) -> None:
    """The target comes first, then the prediction, numbers, categories; a column that is listed twice counts once."""
    data = pd.DataFrame({"b": range(9), "a": range(9), "c": list("xyzxyzxyz"), "p": range(9), "t": [0, 1, 2] * 3})
    mapping = {"target": "t", "prediction": "p", "numerical_features": ["t", "b", "a", "p"]}
    result = compare(tmp_path, data, data, column_mapping=mapping).sections["data_drift"]
    assert [(column.name, column.role, column.feature_type) for column in result.columns] == [
        ("t", "target", "cat"),
        ("p", "prediction", "num"),
        ("a", "feature", "num"),
        ("b", "feature", "num"),
        ("c", "feature", "cat"),
    ]


def test_sections_do_not_share_state(tmp_path: Path) -> None:
    """The same files give the same result, in a report as in a profile."""
    profile = drift(tmp_path, WINE[::2], WINE[1::2])
    report = drift(tmp_path, WINE[::2], WINE[1::2], kind="report")
    assert profile.to_dict() == report.to_dict()
    assert all(column.overlay is None and column.track is None for column in profile.columns)


def test_a_report_knows_its_tabs(tmp_path: Path) -> None:
    """The result of a report carries how the config wants its tabs to be shown."""
    assert compare(tmp_path, IRIS, IRIS, kind="report").tabs == (TabConfig("data_drift"),)


def test_overlay_of_numbers(tmp_path: Path) -> None:
    """A report draws both files over the same bins: nbinsx of them over the common range, or those of xbins."""
    reference, current = pd.DataFrame({"x": range(100), "y": range(100)}), pd.DataFrame({"x": range(50, 150), "y": 0})
    xbins = {"y": {"start": 0, "end": 40, "size": 20}}
    x, y = drift(tmp_path, reference, current, kind="report", nbinsx={"x": 3}, xbins=xbins).columns
    assert x.overlay is not None
    assert y.overlay is not None
    assert x.overlay.edges == pytest.approx([0, 149 / 3, 298 / 3, 149])
    assert x.overlay.reference == pytest.approx([0.5, 0.5, 0])
    assert x.overlay.current == pytest.approx([0, 0.5, 0.5])
    assert (y.overlay.edges, y.overlay.reference) == ((0, 20, 40), (0.2, pytest.approx(0.21)))
    (few,) = drift(tmp_path, reference[["x"]] % 24, current[["x"]] % 24, kind="report", nbinsx={"x": 3}).columns
    assert few.overlay is not None
    assert few.overlay.edges == pytest.approx([0, 23 / 3, 46 / 3, 23])


def test_overlay_of_labels(tmp_path: Path) -> None:
    """A report draws at most 30 labels, the rarest merged into one; the shares of each file sum to 1."""
    labels = [f"l{index:02d}" for index in range(40) for _ in range(index + 1)]
    data = pd.DataFrame({"c": labels, "few": [index % 3 for index in range(len(labels))]})
    mapping = {"categorical_features": ["c", "few"]}
    result = compare(tmp_path, data, data[::2], kind="report", column_mapping=mapping).sections["data_drift"]
    many, few = (column.overlay for column in result.columns)
    assert many is not None
    assert few is not None
    assert many.labels == (*(f"l{index:02d}" for index in range(11, 40)), "11 other labels")
    assert (many.merged, few.merged) == (11, 0)
    assert [sum(many.reference), sum(many.current)] == pytest.approx([1, 1])
    assert few.labels == ("0", "1", "2")


def test_track_over_rows(tmp_path: Path) -> None:
    """Without dates a report shows a numeric column over row numbers, in at most 150 points, gaps as None."""
    reference = pd.DataFrame({"x": np.arange(1000.0)})
    current = pd.DataFrame({"x": [np.nan, 1, 2]})
    track = drift(tmp_path, reference, current, kind="report").columns[0].track
    assert track is not None
    assert (track.x_title, len(track.reference_x), len(track.reference_mean)) == ("row", 150, 150)
    assert track.reference_x[0] == pytest.approx(np.mean([1, 2, 3, 4, 5, 6]))
    assert track.reference_mean[0] == pytest.approx(np.mean([0, 1, 2, 3, 4, 5]))
    assert (track.current_x, track.current_mean) == ((1, 2, 3), (None, 1, 2))
    assert (track.band_mean, track.band_std) == (499.5, pytest.approx(np.std(np.arange(1000))))


@pytest.mark.parametrize("rows", [100, 1000])
def test_track_over_time(tmp_path: Path, rows: int) -> None:
    """With a datetime column the points are in the order of time, whatever the order of the rows."""
    when = pd.date_range("2020-01-01", periods=rows, freq="h")
    data = pd.DataFrame({"when": when, "x": np.arange(rows)}).sample(frac=1, random_state=1)
    result = compare(
        tmp_path,
        data,
        data[::2],
        kind="report",
        data_format={"date_column": "when"},
        column_mapping={"datetime": "when"},
    ).sections["data_drift"]
    track = result.columns[0].track
    assert track is not None
    assert track.x_title == "when"
    assert len(track.reference_x) == min(rows, 150)
    assert list(track.reference_x) == sorted(track.reference_x)  # type: ignore[type-var]
    means = [mean for mean in track.reference_mean if mean is not None]
    assert means == sorted(means)
    assert all(
        low <= mean <= high  # type: ignore[operator]
        for low, mean, high in zip(track.current_low, track.current_mean, track.current_high, strict=True)
    )


def test_facts_and_stages(tmp_path: Path) -> None:
    """The result says what was read and kept, and each stage is announced as it begins."""
    IRIS.to_csv(tmp_path / "ref.csv", index=False)
    IRIS.to_csv(tmp_path / "cur.csv", index=False)
    sampling = {"reference": {"type": "nth", "n": 22}, "current": {"type": "random", "ratio": 0.2, "random_seed": 7}}
    config = Config.from_dict({"profile_sections": ["data_drift"], "sampling": sampling})
    stages: list[str] = []
    result = calculate(tmp_path / "ref.csv", tmp_path / "cur.csv", config, kind="profile", progress=stages.append)
    facts = result.reference
    assert (facts.name, facts.rows_read, facts.rows_kept, facts.columns) == ("ref.csv", 150, 7, 5)
    assert facts.sampling == "every 22nd row"
    assert result.current is not None
    assert result.current.sampling == "a random 20 % (seed 7)"
    assert stages[:3] == ["reading ref.csv and cur.csv", "data drift: 1 of 5 columns", "data drift: 2 of 5 columns"]


def test_errors(tmp_path: Path) -> None:
    """What cannot be compared is told in one line, with the file or the key that is to blame."""
    data = pd.DataFrame({"x": range(9)})
    with pytest.raises(DataError, match=r'cur.csv: no column "x", which the reference file has; did you mean "x1"'):
        drift(tmp_path, data, pd.DataFrame({"x1": range(9)}))
    with pytest.raises(DataError, match=r'ref.csv: no column "y" \(column_mapping.target\)'):
        compare(tmp_path, data, data, column_mapping={"target": "y"})
    with pytest.raises(DataError, match=r"there is no column to test$"):
        compare(tmp_path, data, data, column_mapping={"id": "x"})
    with pytest.raises(DataError, match='there is no column to test; "x": every value is missing in the current file'):
        drift(tmp_path, data, pd.DataFrame({"x": [None, None], "y": 1}))
    with pytest.raises(ConfigError, match='all_features_stattest: "ks" cannot test "c"'):
        drift(tmp_path, pd.DataFrame({"c": ["a"]}), pd.DataFrame({"c": ["b"]}), all_features_stattest="ks")
    with pytest.raises(ConfigError, match="needs a second file: pass --current"):
        calculate(tmp_path / "none.csv", None, Config.from_dict({"profile_sections": ["data_drift"]}), kind="profile")


CELL = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.sampled_from(["2020-01-01", "1", "a", "</script>"]),
)
COLUMN = st.one_of(
    st.lists(st.floats(), min_size=1, max_size=8),
    st.lists(st.booleans() | st.none(), min_size=1, max_size=8),
    st.lists(CELL, min_size=1, max_size=8),
)
NAMES = st.sampled_from(["target", "prediction", "n_features", "x", "größe", "a\nb", '"', "<b>", "{{ x }}"])


def as_frame(columns: dict[str, list[object]]) -> pd.DataFrame:
    """Return a frame of columns of unequal length, a row number before them."""
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()}).reset_index()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, st.tuples(COLUMN, COLUMN), min_size=1, max_size=4), st.sampled_from([None, "regression"]))
def test_no_data_crashes(
    tmp_path: Path, columns: dict[str, tuple[list[object], list[object]]], task: str | None
) -> None:
    """One row, one label, unicode, hostile names, infinities, mixed types: a result in strict JSON, or one line."""
    reference, current = (as_frame({name: pair[file] for name, pair in columns.items()}) for file in (0, 1))
    try:
        result = compare(tmp_path, reference, current, kind="report", column_mapping={"task": task})
    except DataError as error:
        message = str(error)
    else:
        message = ""
        assert json.loads(result.to_json(indent=False))["data_drift"]["data"]["metrics"]["n_features"] >= 1
    assert "\n" not in message


def test_importing_is_cheap() -> None:
    """Importing the package loads none of the heavy libraries: commands that compute nothing start fast."""
    code = "import sys, evidently_cli.report; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pandas", "scipy", "yaml", "jinja2", "plotly"} & set(loaded)


def test_large_files_need_no_scipy(tmp_path: Path) -> None:
    """Above 1000 rows the default tests are plain numpy: importing scipy would take longer than they do."""
    data = pd.DataFrame({"x": np.arange(1001), "c": ["a", "b", "c"] * 333 + ["a", "a"]})
    data.to_csv(tmp_path / "ref.csv", index=False)
    code = """
import sys
from pathlib import Path
from evidently_cli.report import Config, calculate
config = Config.from_dict({"profile_sections": ["data_drift"]})
calculate(Path(sys.argv[1]), Path(sys.argv[1]), config, kind="profile").to_json(indent=False)
print("scipy" in sys.modules)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "ref.csv")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
