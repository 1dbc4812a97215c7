"""regression_performance from CSV files to JSON and tab: the numbers of Evidently 0.1.x, without its crashes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import datasets, metrics

from evidently_cli.report import Config, DataError, Result, calculate
from evidently_cli.report.config import Kind
from evidently_cli.report.page.contents import drawn
from evidently_cli.report.page.regression_groups import spread_per_group
from evidently_cli.report.page.view import Counters, Figure, Figures, Tab, Table
from evidently_cli.report.regression import GROUPS, RegressionPerformance, Spread
from evidently_cli.report.sections import SECTIONS
from evidently_cli.report.sections.regression_performance import normality

NAME = "regression_performance"
BIAS = ("majority", "under", "over", "range")


def run(
    folder: Path, reference: pd.DataFrame, current: pd.DataFrame | None = None, *, kind: Kind = "report", **config: Any
) -> Result:
    """Write the frames as CSV and compute the section."""
    reference.to_csv(folder / "ref.csv", index=False)
    if current is not None:
        current.to_csv(folder / "cur.csv", index=False)
    keys = {"profile_sections": [NAME], "dashboard_tabs": [NAME]}
    file = folder / "cur.csv" if current is not None else None
    return calculate(folder / "ref.csv", file, Config.from_dict(keys | config), kind=kind)


def performance(
    folder: Path, reference: pd.DataFrame, current: pd.DataFrame | None = None, **config: Any
) -> RegressionPerformance:
    """Return the section of a report on the frames."""
    result: RegressionPerformance = run(folder, reference, current, **config).sections[NAME]  # type: ignore[assignment]
    return result


def profile(folder: Path, reference: pd.DataFrame, current: pd.DataFrame | None = None, **config: Any) -> Any:
    """Return the `data` of the section, read back from strict JSON."""
    text = run(folder, reference, current, kind="profile", **config).to_json(indent=False)
    return json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))[NAME]["data"]


def figures(tab: Tab) -> list[Figure]:
    """Return every figure of a tab."""
    found: list[Figure] = []
    for widget in tab.widgets:
        if isinstance(widget, Figures):
            found.extend(widget.figures)
        elif isinstance(widget, Table):
            found.extend(figure for row in widget.rows for figure in row.figures)
    return found


DIABETES: pd.DataFrame = datasets.load_diabetes(as_frame=True).frame
DIABETES["prediction"] = (152 + 950 * DIABETES["bmi"]).round(4)
REFERENCE, CURRENT = DIABETES[::2], DIABETES[1::2]
SMALL = pd.DataFrame({"target": [1.0, 2, 3, 4], "prediction": [1.5, 2, 2.5, 6], "c": ["a", "b", "b", "a"]})


def test_the_numbers_of_0_1(tmp_path: Path) -> None:
    """Even and odd rows of diabetes give the numbers that Evidently 0.1.x gave."""
    found = profile(tmp_path, REFERENCE, CURRENT)["metrics"]
    reference, current, bias = found["reference"], found["current"], found["error_bias"]["bmi"]
    expected = {
        "mean_error": -2.294687330316743,
        "mean_abs_error": 53.69407918552036,
        "mean_abs_perc_error": 47.9350249123516,
        "error_std": 64.24974879420239,
        "abs_error_std": 35.17329688040762,
        "abs_perc_error_std": 0.5699515105898512,
    }
    assert {key: reference[key] for key in expected} == pytest.approx(expected, rel=1e-9)
    groups = {
        "majority": (-1.8745923857868005, 53.03380117555462),
        "underestimation": (-126.83025833333333, 16.011920050583814),
        "overestimation": (115.34432499999998, 13.03373012150502),
    }
    assert tuple(reference["underperformance"]) == GROUPS == tuple(groups)
    for name, group in groups.items():
        assert tuple(reference["underperformance"][name].values()) == pytest.approx(group, rel=1e-9)
    quantiles = reference["error_normality"]
    line = [quantiles[key] for key in ("slope", "intercept", "r")]
    assert line == pytest.approx([64.40763610983004, -2.294687330316738, 0.994432056294449], rel=1e-9)
    assert quantiles["order_statistic_medians_x"][0] == pytest.approx(-2.7336847131210273, rel=1e-9)
    assert quantiles["order_statistic_medians_y"][0] == pytest.approx(-155.0439, rel=1e-9)
    assert [current[key] for key in ("mean_error", "mean_abs_error", "mean_abs_perc_error")] == pytest.approx(
        [2.0277239819004516, 49.88229954751131, 47.32227011214051], rel=1e-9
    )
    assert [bias[key] for key in ("ref_under", "ref_over", "ref_range", "current_range")] == pytest.approx(
        [-0.007014313191217648, 0.030888744740257063, 15.423976608187111, 12.362258953168046], rel=1e-9
    )


def test_the_keys_of_the_profile(tmp_path: Path) -> None:
    """The keys of 0.1.x come in its order and ours after them; without a second file there is none of current."""
    found = profile(tmp_path, SMALL)
    assert list(found["metrics"]) == ["error_bias", "reference"]
    assert list(found["metrics"]["error_bias"]["c"]) == ["feature_type", *(f"ref_{key}" for key in BIAS)]
    assert " ".join(found["metrics"]["reference"]) == (
        "mean_error mean_abs_error mean_abs_perc_error error_std abs_error_std abs_perc_error_std error_normality"
        " underperformance rmse r2_score max_abs_error mean_abs_perc_error_of_abs_target rows"
    )
    both = profile(tmp_path, SMALL, SMALL)["metrics"]
    assert list(both) == ["error_bias", "reference", "current"]
    assert list(both["error_bias"]["c"])[5:] == [f"current_{key}" for key in BIAS]


def test_the_numbers_of_scikit_learn(tmp_path: Path) -> None:
    """RMSE, R², the largest error and the percentage of absolute targets are those of scikit-learn."""
    data = pd.DataFrame({"target": DIABETES["target"] - 152.5, "prediction": DIABETES["prediction"] - 152})
    target, prediction = data["target"], data["prediction"]
    found = profile(tmp_path, data)["metrics"]["reference"]
    assert [found[key] for key in ("rmse", "r2_score", "max_abs_error")] == pytest.approx(
        [
            metrics.root_mean_squared_error(target, prediction),
            metrics.r2_score(target, prediction),
            metrics.max_error(target, prediction),
        ],
        rel=1e-9,
    )
    share = metrics.mean_absolute_percentage_error(target, prediction)
    assert found["mean_abs_perc_error_of_abs_target"] == pytest.approx(100 * share, rel=1e-9)


@pytest.mark.parametrize("n", [2, 3, 50, 10_000])
def test_quantiles_are_those_of_probplot(n: int) -> None:
    """The Q-Q points and their line are those of scipy.stats.probplot, without importing it."""
    errors = np.sort(np.random.default_rng(n).gamma(2, size=n))
    (x, y), line = stats.probplot(errors, dist="norm")
    found = normality(errors)
    assert found.x == pytest.approx(x, rel=1e-9, abs=1e-12)
    assert found.y == pytest.approx(y)
    assert (found.slope, found.intercept, found.r) == pytest.approx(line, rel=1e-9)


def test_quantiles_of_many_rows(tmp_path: Path) -> None:
    """Of more than 10 000 rows the profile keeps 1000 points, first and last included, and the line of all."""
    data = pd.DataFrame({"target": 0.0, "prediction": np.random.default_rng(0).normal(5, 2, size=10_001)})
    found = profile(tmp_path, data)
    quantiles = found["metrics"]["reference"]["error_normality"]
    (x, y), line = stats.probplot(data["prediction"], dist="norm")
    medians = quantiles["order_statistic_medians_x"]
    assert len(medians) == len(quantiles["order_statistic_medians_y"]) == 1000
    assert (medians[0], medians[-1]) == pytest.approx((x[0], x[-1]))
    assert quantiles["order_statistic_medians_y"][-1] == pytest.approx(y[-1])
    assert [quantiles[key] for key in ("slope", "intercept", "r")] == pytest.approx(line, rel=1e-9)
    assert any("evenly spaced points of 10\u202f001" in notice["text"] for notice in found["notices"])


def test_rows_without_a_number(tmp_path: Path) -> None:
    """Rows without a finite target and prediction are left out of every number, and counted for each file."""
    gaps = pd.DataFrame({"target": [np.nan, 1, np.inf, 4], "prediction": [1, np.nan, 2, -np.inf], "c": "z"})
    found = profile(tmp_path, pd.concat([gaps, SMALL]), pd.concat([SMALL, gaps[:1]]))
    alone = profile(tmp_path, SMALL, SMALL)
    assert found["metrics"] == alone["metrics"]
    assert found["metrics"]["reference"]["rows"] == 4
    assert [notice["text"] for notice in found["notices"]] == [
        "4 rows of the reference file without a number as target or prediction: left out",
        "1 row of the current file without a number as target or prediction: left out",
    ]


def test_targets_of_zero_or_below(tmp_path: Path) -> None:
    """The percentage of 0.1.x explodes for such targets, and a notice points to the one that does not."""
    found = profile(tmp_path, pd.DataFrame({"target": [-2.0, 0, 4], "prediction": [-1.0, 1, 5]}))
    reference = found["metrics"]["reference"]
    assert reference["mean_abs_perc_error"] > 1e17
    assert reference["mean_abs_perc_error_of_abs_target"] == pytest.approx(100 * (1 / 2 + 1 / 4) / 2)
    assert "2 rows of the reference file with a target of zero or below" in found["notices"][0]["text"]


def test_bias_of_a_category(tmp_path: Path) -> None:
    """A category has its most common value, the first seen of equals, and a range of 1.0 if any of the three differ."""
    errors = np.arange(-10.0, 11)
    data = pd.DataFrame({"target": 100.0, "prediction": 100 + errors, "c": "m", "same": "s", "code": 7, "tied": "t"})
    data.loc[data["prediction"] < 92, "c"] = ["u", "v"]
    data.loc[:9, "tied"] = "first"
    data.loc[10, "tied"] = None
    mapping = {"categorical_features": ["c", "same", "code", "tied"]}
    bias = profile(tmp_path, data, column_mapping=mapping)["metrics"]["error_bias"]
    values = {name: [entry[f"ref_{key}"] for key in BIAS] for name, entry in bias.items()}
    assert values == {
        "c": ["m", "u", "m", 1.0],
        "same": ["s", "s", "s", 0.0],
        "code": [7, 7, 7, 0.0],
        "tied": ["first", "first", "t", 1.0],
    }
    assert {entry["feature_type"] for entry in bias.values()} == {"cat"}


def test_bias_of_a_constant_number(tmp_path: Path) -> None:
    """A numeric feature that does not vary has a range of 0."""
    bias = profile(tmp_path, SMALL.assign(x=3.5))["metrics"]["error_bias"]["x"]
    assert [bias[f"ref_{key}"] for key in BIAS] == [3.5, 3.5, 3.5, 0.0]


def test_a_feature_without_values(tmp_path: Path) -> None:
    """A feature that is text in current, or empty, has nulls and a notice; the other numbers stand."""
    reference = SMALL.assign(x=[1.0, 2, 3, 4], e=[None] * 4)
    found = profile(tmp_path, reference, reference.assign(x=["p", "q", "r", "s"], c=[None] * 4))
    bias = found["metrics"]["error_bias"]
    assert [bias["x"][f"current_{key}"] for key in BIAS] == [None] * 4
    assert [bias["c"][f"current_{key}"] for key in BIAS] == [None] * 4
    assert bias["x"]["ref_majority"] == 2.5
    about = {(notice["column"], re.findall("reference|current", notice["text"])[0]) for notice in found["notices"]}
    assert about == {("x", "current"), ("c", "current"), ("e", "reference"), ("e", "current")}


def test_one_row(tmp_path: Path) -> None:
    """One row has an error but no standard deviation, which is null, and can be drawn."""
    one = SMALL[:1].assign(x=1.0)
    found = profile(tmp_path, one)["metrics"]["reference"]
    assert (found["mean_error"], found["rmse"], found["rows"]) == (0.5, 0.5, 1)
    assert found["error_std"] is found["r2_score"] is found["error_normality"]["slope"] is None
    assert found["underperformance"]["majority"] == {"mean_error": None, "std_error": None}
    tab = drawn(NAME, performance(tmp_path, one))
    assert json.dumps([figure.plot for figure in figures(tab)], allow_nan=False)
    assert tab.verdict is not None
    assert tab.verdict.reason == "The reference: RMSE 0.5, R² undefined."


def test_equal_errors(tmp_path: Path) -> None:
    """Where errors do not differ, every row is under and over at once, as in 0.1.x, and a notice says so."""
    found = profile(tmp_path, pd.DataFrame({"target": range(1, 9), "prediction": range(3, 11)}))
    groups = found["metrics"]["reference"]["underperformance"]
    assert [group["mean_error"] for group in groups.values()] == [None, 2, 2]
    assert found["metrics"]["reference"]["error_normality"]["r"] is None
    assert "share rows" in found["notices"][0]["text"]


def test_current_without_usable_rows(tmp_path: Path) -> None:
    """A current file without a usable row is told of, and the reference stands alone."""
    found = profile(tmp_path, SMALL, SMALL.assign(target=np.nan))
    assert list(found["metrics"]) == ["error_bias", "reference"]
    assert found["notices"][0]["text"].startswith("no row of the current file has a number both as target and as pre")


@pytest.mark.parametrize(
    "data, mapping, message",
    [
        (SMALL.drop(columns="target"), {}, "there is no target; name a column of numbers in column_mapping.target"),
        (SMALL.drop(columns="prediction"), {}, r"there is no prediction; name one column .* column_mapping.prediction"),
        (SMALL, {"prediction": ["prediction", "target"]}, "there are several predictions; name one column"),
        (
            SMALL,
            {"target": "c"},
            r'the target "c" \(column_mapping.target\) has values that are not numbers in the ref',
        ),
        (SMALL, {"prediction": "c"}, r'the prediction "c" \(column_mapping.prediction\) has values that are not'),
        (SMALL.assign(target=np.nan), {}, "no row of the reference file has a number both as target and as prediction"),
    ],
)
def test_what_it_needs(tmp_path: Path, data: pd.DataFrame, mapping: dict[str, Any], message: str) -> None:
    """Without numeric target, single numeric prediction and a row with both, one line says what to change."""
    with pytest.raises(DataError, match=f"^regression_performance: {message}"):
        run(tmp_path, data, column_mapping=mapping)


def test_a_text_target_in_current(tmp_path: Path) -> None:
    """A target that is text in the current file only is an error that names the file."""
    with pytest.raises(DataError, match=r"not numbers in the current file$"):
        run(tmp_path, SMALL, SMALL.assign(target="high"))


def test_the_tab_has_the_widgets_of_a_config(tmp_path: Path) -> None:
    """The titles are those that a config may name, in that order; pairs stand side by side, and current's may lack."""
    titles = SECTIONS[NAME].widgets
    tab = drawn(NAME, performance(tmp_path, REFERENCE, CURRENT))
    assert tuple(widget.title for widget in tab.widgets) == titles
    assert [widget.half for widget in tab.widgets] == [True] * 18 + [False]
    full = {widget.title.split(": ")[1] for widget in tab.widgets if widget.level == "full"}
    assert len(full) == 5
    alone = drawn(NAME, performance(tmp_path, REFERENCE))
    assert [widget.title for widget in alone.widgets] == [t for t in titles if not t.startswith("Current")]


def test_the_verdict_and_the_summary(tmp_path: Path) -> None:
    """Page and terminal begin with the mean absolute error of both files, which alarms nobody by itself."""
    found = performance(tmp_path, REFERENCE, CURRENT)
    verdict = drawn(NAME, found).verdict
    assert verdict is not None
    assert verdict.headline == "Mean absolute error 49.88 in current, 53.69 in the reference."
    assert verdict.reason == "Current: RMSE 60.55, R² 0.2792; the reference: RMSE 64.15, R² 0.3829."
    assert (verdict.alarming, found.drifted) == (None, None)
    summary = found.summary()
    assert summary.headline == "mean absolute error 49.88 in current, 53.69 in the reference"
    assert ("RMSE", "reference 64.15", "current 60.55") in summary.rows


def test_counters(tmp_path: Path) -> None:
    """The model quality shows errors with their standard deviations, the percentage in percent for both."""
    widget = drawn(NAME, performance(tmp_path, REFERENCE)).widgets[0]
    assert isinstance(widget, Counters)
    assert dict(widget.items)["Mean error"] == "-2.295 ± 64.25"
    assert dict(widget.items)["Mean absolute percentage error"] == "47.94\u00a0% ± 57\u00a0%"


def test_plots_are_aggregated(tmp_path: Path) -> None:
    """A plot has cells, bins and groups of rows: its size does not grow with the rows, and each has its story."""
    rng = np.random.default_rng(5)
    target = rng.normal(100, 10, size=30_000)
    data = pd.DataFrame({"target": target, "prediction": target + rng.normal(size=30_000), "x": target})
    found = performance(tmp_path, data, data[::3])
    plots = found.reference.plots
    assert plots is not None
    assert sum(rows for group in plots.cells for line in group for rows in line) == len(data)
    assert (len(plots.edges), len(plots.error_counts), len(plots.course.x)) == (31, 50, 150)
    assert sum(plots.error_counts) == len(data)
    drawings = figures(drawn(NAME, found))
    assert len(drawings) == 2 * 8 + 2
    assert max(len(json.dumps(figure.plot, allow_nan=False)) for figure in drawings) < 30_000
    assert all(figure.caption.endswith(".") and figure.legend and figure.height for figure in drawings)


def test_the_diagonal_and_the_axes(tmp_path: Path) -> None:
    """Cells are rows[predicted][actual]: a prediction that is too high stands above the diagonal, too low below."""
    data = pd.DataFrame({"target": [0.0, 30, 0, *range(1, 30)], "prediction": [30.0, 0, 0, *range(1, 30)]})
    plots = performance(tmp_path, data).reference.plots
    assert plots is not None
    majority, under, over = plots.cells
    assert (over[29][0], under[0][29], over[0][29], under[29][0]) == (1, 1, 0, 0)
    assert sum(map(sum, majority)) == 30


def test_in_time(tmp_path: Path) -> None:
    """With dates the means follow time, whatever the order of the rows; rows that are left out leave a gap."""
    when = pd.date_range("2024-01-01", periods=4, freq="D")
    data = SMALL.assign(when=when, prediction=[1.5, np.nan, 2.5, 6])[::-1]
    found = performance(
        tmp_path, data, data_format={"date_column": "when"}, column_mapping={"datetime": "when"}
    ).reference.plots
    assert found is not None
    assert (found.course.x_title, found.course.x[0]) == ("when", "2024-01-01T00:00:00")
    assert found.course.target == (1, None, 3, 4)
    assert found.course.error == (0.5, None, -0.5, 2)
    assert found.course.abs_perc_error == (0.5, None, pytest.approx(0.5 / 3), 0.5)


def test_the_band_of_the_error(tmp_path: Path) -> None:
    """The band around the mean error is as wide as conf_interval_n_sigmas says; the numbers do not depend on it."""
    options = {"quality_metrics": {"conf_interval_n_sigmas": 3}}
    wide, narrow = (performance(tmp_path, REFERENCE, options=each) for each in (options, {}))
    assert wide.to_dict() == narrow.to_dict()
    widget = next(w for w in drawn(NAME, wide).widgets if w.title == "Reference: Error (Predicted - Actual)")
    assert isinstance(widget, Figures)
    layout: Any = widget.figures[0].plot["layout"]
    band = layout["shapes"][1]
    assert band["y1"] - band["y0"] == pytest.approx(6 * wide.reference.error_std)
    assert "3 standard deviations of single rows (shaded) is -2.295 ± 192.7" in widget.figures[0].caption


def test_the_table_of_features(tmp_path: Path) -> None:
    """The feature with the largest range of either file comes first, and opens to its values in each group."""
    found = performance(tmp_path, REFERENCE, CURRENT)
    table = drawn(NAME, found).widgets[-1]
    assert isinstance(table, Table)
    ranges = [float(row.cells[-1].text.split("\u00a0")[0]) for row in table.rows]
    assert ranges == sorted(ranges, reverse=True)
    assert {len(row.cells) for row in table.rows} == {len(table.headings)}
    assert [[figure.title for figure in row.figures] for row in table.rows] == [
        ["Reference: distribution per group", "Current: distribution per group"]
    ] * 10
    spread = found.error_bias[0].reference_spread
    assert spread is not None
    assert spread.edges is not None
    assert len(spread.edges) == 21
    assert [sum(shares) for shares in spread.shares] == pytest.approx([1, 1, 1])


def test_one_group_is_told_in_the_singular(tmp_path: Path) -> None:
    """A file of one row has one group of rows to draw, and its captions say so."""
    widgets = drawn(NAME, performance(tmp_path, REFERENCE, REFERENCE[:1])).widgets
    captions = [figure.caption for widget in widgets if isinstance(widget, Figures) for figure in widget.figures]
    assert [caption for caption in captions if "in 0 of 1 group of rows" in caption or "in 1 of 1 group of" in caption]
    assert not [caption for caption in captions if "1 groups" in caption]


def test_few_whole_numbers_have_a_bin_each(tmp_path: Path) -> None:
    """A feature with as many rows of each hour is drawn without spikes and gaps."""
    rows = REFERENCE[:216].assign(hour=[*range(24)] * 9)
    hour = next(bias for bias in performance(tmp_path, rows, rows).error_bias if bias.name == "hour")
    assert hour.reference_spread is not None
    assert hour.reference_spread.edges == tuple(np.arange(-0.5, 24))


def test_labels_that_are_text_in_one_file_alone(tmp_path: Path) -> None:
    """A letter among the codes of one file makes text of them there: a code stands in one place for both files."""
    data = pd.DataFrame({"target": range(40), "prediction": np.arange(40) % 7, "c": ["01", "02"] * 20})
    current = data.assign(c=["01", "02"] * 19 + ["01", "1A"])
    found = performance(tmp_path, data, current, column_mapping={"categorical_features": ["c"]})
    spread = found.error_bias[0].reference_spread
    assert spread is not None
    assert spread.labels == ("1", "2", "1A")


def test_many_labels(tmp_path: Path) -> None:
    """Of more than 12 labels the rarest are merged; the caption never calls the merged ones the most common."""
    labels = [f"l{index % 40}" for index in range(400)]
    data = pd.DataFrame({"target": range(400), "prediction": np.arange(400) % 7, "c": labels})
    found = performance(tmp_path, data, data[:200])
    spread = found.error_bias[0].current_spread
    assert spread is not None
    assert spread.labels is not None
    assert (len(spread.labels), spread.labels[-1], spread.merged) == (12, "29 other labels", 29)
    caption = spread_per_group("current", spread).caption
    assert "29 other labels" not in caption
    only_merged = replace(spread, shares=((0.0,) * 11 + (1.0,),) * 2 + ((0.0,) * 12,))
    assert spread_per_group("current", only_merged).caption.endswith(
        "majority other labels, underestimation other labels. No row of overestimation has a value."
    )
    with pytest.raises(ValueError, match="labels or edges"):
        spread_per_group("current", Spread(None, None, ()))


@pytest.mark.parametrize("side, low, high", [("left", 0.2, 1), ("right", 0, 0.2), ("two-sided", 0.2, 0.8)])
def test_cut(tmp_path: Path, side: str, low: float, high: float) -> None:
    """A feature's histogram leaves out what is beyond the reference's quantile, in every group; no number changes."""
    options = {"quality_metrics": {"cut_quantile": {"bmi": [side, 0.2]}}}
    found, whole = (performance(tmp_path, REFERENCE, CURRENT, options=each) for each in (options, {}))
    assert found.to_dict() == whole.to_dict()
    bias = next(feature for feature in found.error_bias if feature.name == "bmi")
    first, last = REFERENCE["bmi"].quantile([low, high])
    if side != "two-sided":
        first, last = (-np.inf, last) if side == "right" else (first, np.inf)
    kept = [rows["bmi"][rows["bmi"].between(first, last)] for rows in (REFERENCE, CURRENT)]
    edges = np.histogram_bin_edges(pd.concat(kept), 20)
    for spread, rows in ((bias.reference_spread, REFERENCE), (bias.current_spread, CURRENT)):
        error = rows["prediction"] - rows["target"]
        under = rows["bmi"][error <= error.quantile(0.05)]
        assert spread is not None
        assert spread.edges == pytest.approx(tuple(edges))
        counts = np.histogram(under[under.between(first, last)], edges)[0]
        assert spread.shares[1] == pytest.approx(tuple(counts / len(under)))
    (before, now) = (figures(drawn(NAME, each)) for each in (found, whole))
    changed = [figure for figure, other in zip(before, now, strict=True) if figure != other]
    assert len(changed) == 2
    assert all("quantile" in figure.title and "are not drawn: " in figure.caption for figure in changed)


def test_a_group_beyond_the_cut(tmp_path: Path) -> None:
    """A group none of whose values is drawn counts as left out; one that has no values does not."""
    data = pd.DataFrame({"target": [0.0] * 40, "prediction": [*np.linspace(0, 1, 39), 99], "x": range(40)})
    data.loc[:2, "x"] = None  # the rows of underestimation
    options = {"quality_metrics": {"cut_quantile": ["right", 0.5]}}
    spread = performance(tmp_path, data, options=options).error_bias[0].reference_spread
    assert spread is not None
    assert spread.left_out == pytest.approx((16 / 35, 0, 1))
    caption = spread_per_group("reference", spread).caption
    assert "No row of underestimation and overestimation has a value that is drawn. " in caption
    assert caption.endswith("0\u00a0% of underestimation, 100.0\u00a0% of overestimation.")


def test_hostile_names(tmp_path: Path) -> None:
    """No name or label of the data can become markup or a formula in a plot."""
    hostile = "<b>$x$</b>"
    data = pd.DataFrame({"target": [1, 2, 3.0], "prediction": [2, 2, 2.0], hostile: [hostile, "b", hostile]})
    when = data.assign(**{"<i>when</i>": pd.date_range("2024-01-01", periods=3)})
    mapping = {"datetime": "<i>when</i>"}
    result = run(tmp_path, when, column_mapping=mapping, data_format={"date_column": "<i>when</i>"})
    for figure in figures(drawn(NAME, result.sections[NAME])):
        text = json.dumps(figure.plot, ensure_ascii=False)
        assert "<b>" not in text
        assert "<i>" not in text
        assert "$" not in text
    assert "<b>$x$" not in result.to_html("title")


def test_a_profile_draws_nothing(tmp_path: Path) -> None:
    """A profile computes no plots, and has the same numbers as a report."""
    drawn_result = performance(tmp_path, REFERENCE, CURRENT)
    plain = performance(tmp_path, REFERENCE, CURRENT, kind="profile")
    assert plain.to_dict() == drawn_result.to_dict()
    assert plain.reference.plots is plain.error_bias[0].reference_spread is None
    assert drawn_result.reference.plots is not None


def test_numbers_near_the_largest_double(tmp_path: Path) -> None:
    """A target beyond 4e307 is left out, as its error may be infinite; a feature of such numbers is not drawn."""
    data = SMALL.assign(x=1.797e308)
    found = performance(tmp_path, pd.concat([data, data.assign(target=5e307)]))
    assert found.reference.rows == 4
    assert found.error_bias[0].reference_spread is None
    assert figures(drawn(NAME, found))


NUMBER = st.one_of(st.none(), st.floats(), st.integers(-3, 3), st.sampled_from([1e308, -1.797e308, 5e-324, 1e16]))
LABEL = st.one_of(st.none(), st.booleans(), st.floats(), st.text(st.characters(codec="utf-8"), max_size=3))


def rows() -> st.SearchStrategy[list[tuple[object, ...]]]:
    """Rows of target, prediction, a number and anything."""
    return st.lists(st.tuples(NUMBER, NUMBER, NUMBER, LABEL), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(rows(), rows())
def test_no_data_crashes(
    tmp_path: Path, reference: list[tuple[object, ...]], current: list[tuple[object, ...]]
) -> None:
    """Gaps, infinities, huge and tiny numbers, mixed types: strict JSON and plots of finite numbers, or one line."""
    names = ["target", "prediction", "x", "c"]
    frames = [pd.DataFrame(data, columns=names, dtype=object) for data in (reference, current)]
    try:
        result = run(tmp_path, *frames)
    except DataError as error:
        message = str(error)
    else:
        message = ""
        assert json.loads(result.to_json(indent=False))[NAME]["data"]["metrics"]["reference"]["rows"] > 0
        for figure in figures(drawn(NAME, result.sections[NAME])):
            json.dumps(figure.plot, allow_nan=False)
    assert "\n" not in message
