"""cat_target_drift and num_target_drift: scores and JSON of Evidently 0.1.x, and a report that shows no raw rows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import datasets

from evidently_cli.report import Config, ConfigError, DataError, Result, Unavailable, calculate
from evidently_cli.report.columns import Labels, Numbers, Table
from evidently_cli.report.config import Kind
from evidently_cli.report.errors import SectionError
from evidently_cli.report.page.contents import drawn
from evidently_cli.report.page.view import Figure, Figures, Tab
from evidently_cli.report.page.view import Table as TableWidget
from evidently_cli.report.pearson import pearson
from evidently_cli.report.predicted_labels import predicted_labels
from evidently_cli.report.sections import SECTIONS
from evidently_cli.report.target_drift import CatTargetDrift, LabelsByBin, NumTargetDrift, ValuesByBin

CAT, NUM = "cat_target_drift", "num_target_drift"
BY_FEATURE = "Target (Prediction) Behavior By Feature"


def compare(
    folder: Path,
    section: str,
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    kind: Kind = "profile",
    **keys: object,
) -> Result:
    """Write both frames as CSV and compute one section of the files."""
    reference.to_csv(folder / "ref.csv", index=False)
    current.to_csv(folder / "cur.csv", index=False)
    config = Config.from_dict({"profile_sections": [section], "dashboard_tabs": [section], **keys})
    return calculate(folder / "ref.csv", folder / "cur.csv", config, kind=kind)


def categorical(folder: Path, reference: pd.DataFrame, current: pd.DataFrame, **keys: Any) -> CatTargetDrift:
    """Compute cat_target_drift."""
    result = compare(folder, CAT, reference, current, **keys).sections[CAT]
    assert isinstance(result, CatTargetDrift)
    return result


def numerical(folder: Path, reference: pd.DataFrame, current: pd.DataFrame, **keys: Any) -> NumTargetDrift:
    """Compute num_target_drift."""
    result = compare(folder, NUM, reference, current, **keys).sections[NUM]
    assert isinstance(result, NumTargetDrift)
    return result


def metrics(result: CatTargetDrift | NumTargetDrift) -> Any:
    """Return the metrics of a profile."""
    return result.to_dict()["metrics"]


def frame(load: Callable[..., Any]) -> pd.DataFrame:
    """Return a data set of scikit-learn, with its `target`."""
    data: pd.DataFrame = load(as_frame=True).frame
    return data


def diabetes() -> pd.DataFrame:
    """Diabetes with a prediction from the body mass index."""
    data = frame(datasets.load_diabetes)
    return data.assign(prediction=(152 + 950 * data["bmi"]).round(4))


def iris() -> pd.DataFrame:
    """Iris with text labels and a prediction from the petals."""
    data = frame(datasets.load_iris)
    names = np.array(["setosa", "versicolor", "virginica"])
    wide = np.where(data["petal width (cm)"] < 1.75, "versicolor", "virginica")
    return data.assign(
        target=names[data["target"]], prediction=np.where(data["petal length (cm)"] < 2.5, "setosa", wide)
    )


def cancer() -> pd.DataFrame:
    """Breast cancer with text labels and a probability of each."""
    data = frame(datasets.load_breast_cancer)
    malignant = (1 / (1 + np.exp(-(data["mean radius"] - 15)))).round(6)
    features = data[["mean radius", "mean texture", "mean smoothness"]]
    target = np.array(["malignant", "benign"])[data["target"]]
    return features.assign(target=target, malignant=malignant, benign=(1 - malignant).round(6))


LISTED = {"prediction": ["malignant", "benign"]}


def test_numbers_of_a_regression(tmp_path: Path) -> None:
    """Scores and correlations of a regression are those of Evidently 0.1.x (vector A3)."""
    data = diabetes()
    result = numerical(tmp_path, data[::2], data[1::2])
    found = metrics(result)
    assert found["target_drift"] == pytest.approx(0.07380799049125161, rel=1e-9)
    assert found["prediction_drift"] == pytest.approx(0.03396006304729071, rel=1e-9)
    assert found["target_correlations"]["reference"]["bmi"] == pytest.approx(0.6219063676854882, rel=1e-9)
    assert found["prediction_correlations"]["current"]["s5"] == pytest.approx(0.36144026291715387, rel=1e-9)
    assert found["target_correlations"]["current"]["target"] == 1.0
    assert (result.drifted, result.headline) == (True, "prediction drift is detected, target drift is not")


def test_numbers_of_a_large_file(tmp_path: Path) -> None:
    """Above 1000 rows the target is compared by a distance, with the score of Evidently 0.1.x (vector A2)."""
    digits = frame(datasets.load_digits)[["pixel_0_2", "target"]]
    result = numerical(tmp_path, digits[:1200], digits[1200:])
    assert metrics(result)["target_drift"] == pytest.approx(0.017725529867746146, rel=1e-9)
    assert result.columns[0].test == "wasserstein"


def test_labels_of_a_classification(tmp_path: Path) -> None:
    """Scores of labels are those of Evidently 0.1.x (vector A4)."""
    data = iris()
    found = metrics(categorical(tmp_path, data[::2], data[1::2]))
    assert list(found) == [f"{what}_{key}" for what in ("target", "prediction") for key in ("name", "type", "drift")]
    assert (found["target_name"], found["target_type"]) == ("target", "cat")
    assert found["target_drift"] == pytest.approx(1.0, rel=1e-9)
    assert found["prediction_drift"] == pytest.approx(0.8519253185690063, rel=1e-9)


def test_labels_out_of_probabilities(tmp_path: Path) -> None:
    """A list of probabilities is compared by the labels that it predicts, as in Evidently 0.1.x (vector A6)."""
    data = cancer()
    result = categorical(tmp_path, data[::2], data[1::2], column_mapping=LISTED)
    found = metrics(result)
    assert found["target_drift"] == pytest.approx(0.46786169393477195, rel=1e-9)
    assert found["prediction_drift"] == pytest.approx(0.7633271458552591, rel=1e-9)
    assert found["prediction_name"] == "predicted_labels"
    assert result.to_dict()["utility_columns"] == {
        "date": None,
        "id": None,
        "target": "target",
        "prediction": ("malignant", "benign"),
    }


def test_the_profile(tmp_path: Path) -> None:
    """The metrics have the keys of 0.1.x, with both files' correlations; what is new stands beside them."""
    reference = pd.DataFrame({"target": [1.0, 2, 4, 7, 9, 3, 8], "x": range(7), "c": list("abababa")})
    profile: Any = compare(tmp_path, NUM, reference, reference[::-1]).to_dict()
    data = profile[NUM]["data"]
    assert list(data["metrics"]) == ["target_name", "target_type", "target_drift", "target_correlations"]
    correlation = reference["x"].corr(reference["target"])
    expected = {"x": pytest.approx(correlation, rel=1e-9), "target": 1.0}
    assert data["metrics"]["target_correlations"] == {"current": expected, "reference": expected}
    assert list(data["metrics"]["target_correlations"]) == ["current", "reference"]
    assert data["columns"] == [
        {
            "name": "target",
            "feature_type": "num",
            "stattest_name": "K-S p_value",
            "drift_score": 1.0,
            "drift_detected": False,
            "threshold": 0.05,
            "feature_role": "target",
            "ref_missing": 0,
            "current_missing": 0,
        }
    ]


def test_options_of_the_target(tmp_path: Path) -> None:
    """A test and a threshold for the target apply to it alone; a test of the wrong type is told."""
    data = diabetes()
    options = {"num_target_stattest_func": "psi", "num_target_threshold": 0.7}
    target, prediction = numerical(tmp_path, data[::2], data[1::2], options={"data_drift": options}).columns
    assert (target.test, target.threshold, prediction.test) == ("psi", 0.7, "ks")
    with pytest.raises(ConfigError, match='all_features_stattest: "ks" cannot test "prediction"'):
        categorical(tmp_path, data, data, options={"data_drift": {"all_features_stattest": "ks"}})


def test_numbers_as_labels(tmp_path: Path) -> None:
    """Numbers are labels in cat_target_drift: each value is one, and missing and infinite ones are left out."""
    reference = pd.DataFrame({"target": [0, 1, 1, np.inf, np.nan], "prediction": [1, 1, 0, 0, 1]})
    current = pd.DataFrame({"target": [0, 1, 0, 1], "prediction": [1, 1, 1, 1]})
    target, prediction = categorical(tmp_path, reference, current).columns
    assert (target.reference_missing, target.feature_type, target.test) == (2, "cat", "z")
    assert (prediction.name, prediction.role) == ("prediction", "prediction")


@pytest.mark.parametrize("section", [CAT, NUM])
def test_neither_target_nor_prediction(tmp_path: Path, section: str) -> None:
    """Without a target and a prediction the section says which keys of the config name them."""
    data = pd.DataFrame({"x": range(9)})
    with pytest.raises(SectionError, match=r"column_mapping.target and column_mapping.prediction name their columns$"):
        compare(tmp_path, section, data, data)


def test_a_list_is_no_number(tmp_path: Path) -> None:
    """num_target_drift leaves a list of probabilities out with a notice, and is an error where that was all."""
    data = cancer().assign(target=range(569))
    result = numerical(tmp_path, data[::2], data[1::2], column_mapping=LISTED)
    assert [column.name for column in result.columns] == ["target"]
    assert [(notice.column, "cat_target_drift" in notice.text) for notice in result.notices] == [(None, True)]
    with pytest.raises(SectionError, match="lists probabilities"):
        numerical(tmp_path, data[::2], data[1::2], column_mapping={**LISTED, "target": None})


def test_what_is_not_numeric(tmp_path: Path) -> None:
    """A target that is text becomes a notice of num_target_drift, and an error where nothing else can be tested."""
    data = pd.DataFrame({"target": list("abcdefghi"), "prediction": range(9)})
    result = numerical(tmp_path, data, data, kind="report")
    assert [column.role for column in result.columns] == ["prediction"]
    assert next(iter(metrics(result))) == "prediction_name"
    assert [notice.column for notice in result.notices] == ["target"]
    with pytest.raises(SectionError, match='nothing to test; "target": is tested as numbers, but has other values'):
        numerical(tmp_path, data[["target"]], data[["target"]])


def test_a_missing_probability(tmp_path: Path) -> None:
    """A column of probabilities that the current file lacks, or that is text, is told by file and name."""
    data = cancer()
    with pytest.raises(SectionError, match=r'cur.csv: no column "benign", which column_mapping.prediction lists'):
        categorical(tmp_path, data, data.drop(columns="benign"), column_mapping=LISTED)
    with pytest.raises(SectionError, match=r'cur.csv: column "benign" has other values than numbers'):
        categorical(tmp_path, data, data.assign(benign="high"), column_mapping=LISTED)


def test_an_error_leaves_the_other_sections(tmp_path: Path) -> None:
    """A target drift that cannot be computed does not stop the sections beside it."""
    data = pd.DataFrame({"x": range(9)})
    result = compare(tmp_path, CAT, data, data, profile_sections=[CAT, "data_drift"])
    assert isinstance(result.sections[CAT], Unavailable)
    assert not isinstance(result.sections["data_drift"], Unavailable)


def table(**columns: list[float]) -> Table:
    """Return a file of numbers."""
    rows = len(next(iter(columns.values())))
    return Table("x.csv", rows, rows, {name: Numbers((np.array(values),)) for name, values in columns.items()})


def test_predicted_labels_of_two() -> None:
    """Of two probabilities the first decides, and only above the threshold; a row with a gap has no label."""
    found = predicted_labels(table(a=[0.5, 0.6, 0.4], b=[0.5, 0.4, 0.6]), ("a", "b"), 0.5)
    assert isinstance(found, Numbers)
    assert found.parts[0].dtype == np.int64
    assert found.parts[0].tolist() == [0, 1, 0]
    gaps = predicted_labels(table(a=[0.9, np.nan, np.inf, 0.9], b=[0.1, 0.1, 0.1, np.nan]), ("a", "b"), 0.2)
    assert isinstance(gaps, Numbers)
    assert gaps.parts[0].tolist() == pytest.approx([1, np.nan, np.nan, np.nan], nan_ok=True)


def test_predicted_labels_of_three() -> None:
    """Of three probabilities the largest gives its name, the first of equal ones; a row with a gap has no label."""
    found = predicted_labels(
        table(a=[0.2, 0.4, 0.1, np.nan], b=[0.5, 0.4, 0.1, 0.2], c=[0.3, 0.2, 0.8, 0.8]), ("a", "b", "c"), 0.5
    )
    assert isinstance(found, Labels)
    assert (found.codes.tolist(), found.labels) == ([1, 0, 2, -1], ("a", "b", "c"))
    with pytest.raises(SectionError, match="needs a column for each class"):
        predicted_labels(table(a=[0.2]), ("a",), 0.5)


VALUES = st.floats(-1e3, 1e3).map(lambda value: round(value, 3)) | st.sampled_from([np.nan, np.inf, -np.inf])


@given(st.integers(1, 20).flatmap(lambda rows: arrays(np.float64, (2, rows), elements=VALUES)))
def test_pearson_is_that_of_pandas(pair: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """The correlation is that of pandas over complete rows, infinite values missing; None for a constant."""
    x, y = np.where(np.isfinite(pair), pair, np.nan)
    both = ~np.isnan(x) & ~np.isnan(y)
    found = pearson(*pair)
    if min(len(set(x[both])), len(set(y[both]))) < 2:
        assert found is None
    else:
        assert found == pytest.approx(pd.Series(x).corr(pd.Series(y)), rel=1e-9, abs=1e-9)


def test_correlations_that_do_not_exist(tmp_path: Path) -> None:
    """A constant column, and one that is text in the current file, have no correlation: null in the profile."""
    reference = pd.DataFrame({"target": range(9), "same": 0.1, "x": range(9)})
    current = reference.assign(x="text")
    result = compare(tmp_path, NUM, reference, current)
    found = json.loads(result.to_json(indent=False))[NUM]["data"]["metrics"]["target_correlations"]
    assert found == {
        "reference": {"same": None, "x": pytest.approx(1.0), "target": 1.0},
        "current": {"same": None, "x": None, "target": 1.0},
    }


@pytest.mark.parametrize("section", [CAT, NUM])
def test_a_report_says_what_a_profile_says(tmp_path: Path, section: str) -> None:
    """The same files give the same result in a report; only a report computes what it draws."""
    data = diabetes()
    profile, report = (
        compare(tmp_path, section, data[::2], data[1::2], kind=kind).sections[section] for kind in ("profile", "report")
    )
    assert profile.to_dict() == report.to_dict()
    assert not profile.behaviors  # type: ignore[attr-defined]
    assert report.behaviors  # type: ignore[attr-defined]


def test_the_summary(tmp_path: Path) -> None:
    """A terminal is told whether target and prediction drifted, with the score and threshold of each."""
    data = iris()
    summary = categorical(tmp_path, data[:75], data[75:]).summary()
    assert summary.headline == "target and prediction drift are detected"
    assert [row[:3] for row in summary.rows] == [
        ("target", "target", "chi-square p_value"),
        ("prediction", "prediction", "chi-square p_value"),
    ]
    same = categorical(tmp_path, data, data, column_mapping={"prediction": None})
    assert same.summary().headline == "target drift is not detected"
    assert not same.drifted


def test_labels_by_feature(tmp_path: Path) -> None:
    """A feature's bins hold the share of each label: at most 20 bins and 7 labels, all shares of a file sum to 1."""
    rows = 400
    reference = pd.DataFrame(
        {
            "target": [f"t{index % 9}" for index in range(rows)],
            "x": range(rows),
            "c": [f"c{index % 50}" for index in range(rows)],
        }
    )
    current = reference.assign(x=reference["x"] * 2)
    number, text = categorical(tmp_path, reference, current, kind="report").behaviors
    for behavior in (number, text):
        ((role, found),) = behavior.by_bin
        assert isinstance(found, LabelsByBin)
        assert role == "target"
        assert (len(found.labels), found.labels[-1]) == (7, "3 other labels")
        assert len(found.reference[0]) == len(found.current[0]) == 20
        assert [np.sum(found.reference), np.sum(found.current)] == pytest.approx([1, 1])
    assert number.bins is not None
    assert text.bins is not None
    assert number.bins.edges == pytest.approx(np.linspace(0, 798, 21).tolist())
    assert text.bins.labels is not None
    assert text.bins.labels[-1] == "31 other labels"
    assert number.by_bin[0][1].difference == pytest.approx(0.5, abs=0.03)
    assert text.by_bin[0][1].difference == 0


def test_a_feature_with_text_in_one_file_alone(tmp_path: Path) -> None:
    """A letter among the codes of one file makes text of them there: a code is one bin of both files nevertheless."""
    reference = pd.DataFrame({"target": ["a", "b"] * 20, "code": ["01", "02"] * 20})
    current = reference.assign(code=["01", "02"] * 19 + ["1A", "1B"])
    mapping = {"column_mapping": {"categorical_features": ["code"]}}
    (behavior,) = categorical(tmp_path, reference, current, kind="report", **mapping).behaviors
    assert behavior.bins is not None
    assert behavior.bins.labels == ("1", "1A", "1B", "2")


def test_values_by_feature(tmp_path: Path) -> None:
    """A bin of a feature has the target's mean and its 5 % and 95 % quantiles; an empty one has nothing."""
    reference = pd.DataFrame({"target": range(101), "c": ["a"] * 100 + ["b"], "x": [0] * 101})
    current = pd.DataFrame({"target": range(100, 201), "c": ["a"] * 100 + [None], "x": [0] * 101})
    x, c = numerical(tmp_path, reference, current, kind="report").behaviors
    assert (x.feature, c.feature, c.feature_type) == ("x", "c", "cat")
    found = c.by_bin[0][1]
    assert isinstance(found, ValuesByBin)
    low, high = np.quantile(np.arange(100), [0.05, 0.95])
    assert found.reference[0] is not None
    mean_low_high = (found.reference[0].mean, found.reference[0].low, found.reference[0].high)
    assert mean_low_high == pytest.approx((49.5, low, high))
    assert found.current[1] is None
    assert found.difference == pytest.approx(100 / np.std(np.arange(101)))


def widgets(folder: Path, section: str, reference: pd.DataFrame, current: pd.DataFrame, **keys: Any) -> Tab:
    """Return the whole tab of a report."""
    return drawn(section, compare(folder, section, reference, current, kind="report", **keys).sections[section])


def figures(tab: Tab) -> Iterator[Figure]:
    """Give every figure of a tab."""
    for widget in tab.widgets:
        if isinstance(widget, Figures):
            yield from widget.figures
        elif isinstance(widget, TableWidget):
            for row in widget.rows:
                yield from row.figures


def test_the_numeric_tab(tmp_path: Path) -> None:
    """The tab of numbers has every widget that a config may name, in that order, and its verdict tells the tests."""
    data = diabetes()
    tab = widgets(tmp_path, NUM, data[::2], data[1::2])
    assert tuple(widget.title for widget in tab.widgets) == SECTIONS[NUM].widgets
    assert [widget.title for widget in tab.widgets if widget.level == "always"] == ["Target Drift", "Prediction Drift"]
    assert tab.verdict is not None
    assert tab.verdict.headline == "Prediction drift is detected, target drift is not."
    assert "K-S p_value of “target” is 0.07381, not below 0.05." in tab.verdict.reason
    assert tab.verdict.alarming


def test_the_categorical_tab(tmp_path: Path) -> None:
    """The tab of labels has the probabilities of a list prediction as well, one figure per column and file."""
    data = cancer()
    tab = widgets(tmp_path, CAT, data[::2], data[1::2], column_mapping=LISTED)
    found = {widget.title: widget for widget in tab.widgets}
    assert tuple(found) == ("Target Drift", "Prediction Drift", *SECTIONS[CAT].widgets[2:])
    assert tuple(found) == SECTIONS[CAT].widgets
    probabilities = found["Current: Probability Distribution"]
    assert isinstance(probabilities, Figures)
    assert [figure.title for figure in probabilities.figures] == ["malignant", "benign"]
    assert probabilities.half
    assert tab.verdict is not None
    assert (tab.verdict.headline, tab.verdict.alarming) == ("Target and prediction drift are not detected.", False)


def test_features_of_every_type(tmp_path: Path) -> None:
    """Dates and numbers can be categories, and values that no axis can hold are not drawn but said to be so."""
    days = [f"2020-01-0{day}" for day in (1, 2, 3, 1, 2, 3)]
    reference = pd.DataFrame({"target": list("ababab"), "when": days, "huge": [1e308, -1e308, 0, 0.5, 1, 2], "n": 1.5})
    keys = {
        "data_format": {"date_column": "when"},
        "column_mapping": {"categorical_features": ["when", "n", "gone"], "numerical_features": ["huge"]},
    }
    reference["gone"] = "a"
    behaviors = categorical(tmp_path, reference, reference.assign(gone=None), kind="report", **keys).behaviors
    huge, when, n, gone = behaviors
    assert huge.reason == "its values lie further apart than the largest double"
    assert gone.reason == "every value is missing in one of the files"
    assert when.bins is not None
    assert when.bins.labels is not None
    assert [text[:10] for text in when.bins.labels] == days[:3]
    assert n.bins is not None
    assert n.bins.labels == ("1.5",)


def test_many_classes(tmp_path: Path) -> None:
    """Of more than 30 columns of probabilities the first 30 are drawn, and the reader is told; a gap is no value."""
    names = [f"p{index:02d}" for index in range(32)]
    data = pd.DataFrame(np.random.default_rng(3).random((40, 32)).round(3), columns=names)
    current = data.assign(p00=np.nan, target=0)
    tab = widgets(tmp_path, CAT, data.assign(p01=np.inf, target=0), current, column_mapping={"prediction": names})
    (found,) = (widget for widget in tab.widgets if widget.title == "Current: Probability Distribution")
    assert isinstance(found, Figures)
    assert len(found.figures) == 30
    assert found.figures[0].caption == "The current file has no probability of “p00”."
    assert found.figures[-1].caption.endswith(" 2 more columns of column_mapping.prediction not drawn.")
    assert [note.subject for note in tab.notes] == ["predicted_labels"]


def test_features_that_differ_come_first(tmp_path: Path) -> None:
    """The table of features begins with the one by which the target differs most; one not drawn says why, last."""
    rows = np.arange(200)
    reference = pd.DataFrame({"target": rows % 7, "a": rows % 2, "b": rows % 7, "empty": 1.0})
    current = reference.assign(b=reference["b"].max() - reference["b"], empty=None)
    by_feature = widgets(tmp_path, NUM, reference, current).widgets[-1]
    assert isinstance(by_feature, TableWidget)
    assert by_feature.title == BY_FEATURE
    assert re.findall(r"full='(\w+)'", str([row.cells[0] for row in by_feature.rows])) == ["b", "a", "empty"]
    last = by_feature.rows[-1]
    assert "not drawn: every value is missing in one of the files" in str(last.cells[2])
    assert not last.figures


def test_correlations_are_bounded(tmp_path: Path) -> None:
    """At most 30 features are drawn, those whose correlation changes most, and the caption says so."""
    generator = np.random.default_rng(1)
    data = pd.DataFrame(generator.normal(size=(60, 40)), columns=[f"f{index:02d}" for index in range(40)])
    reference, current = data.assign(target=data["f07"]), data.assign(target=-data["f07"])
    tab = widgets(tmp_path, NUM, reference, current)
    (figure,) = next(widget for widget in tab.widgets if widget.title == "Target Correlations").figures  # type: ignore[union-attr]
    plot: Any = figure.plot
    assert [len(trace["x"]) for trace in plot["data"]] == [30, 30]
    assert (plot["data"][0]["customdata"][0], plot["data"][0]["x"][0], plot["data"][1]["x"][0]) == ("f07", 1, -1)
    assert "“f07”: 1 in the reference, -1 in current. Of 40 features, the 30" in figure.caption


@pytest.mark.parametrize("section", [CAT, NUM])
def test_no_raw_rows(tmp_path: Path, section: str) -> None:
    """However many rows there are, no list in a figure is longer than what the eye can tell apart."""
    rows = np.arange(3000)
    data = pd.DataFrame({"target": rows % 997, "x": rows, "c": [f"label {row}" for row in rows]})

    def longest(value: object) -> int:
        if isinstance(value, dict):
            return max(map(longest, value.values()), default=0)
        return max([len(value), *map(longest, value)]) if isinstance(value, list | tuple) else 0

    tab = widgets(tmp_path, section, data, data)
    assert max(longest(figure.plot) for figure in figures(tab)) <= 150
    assert all(figure.caption for figure in figures(tab))


HOSTILE = ["<b>", "%{x}", "$a$", "</script>", "a\nb"]


@pytest.mark.parametrize("section", [CAT, NUM])
def test_names_are_no_markup(tmp_path: Path, section: str) -> None:
    """A label or column name is text in every figure: no markup, no formula, no template."""
    rows = 50
    data = pd.DataFrame(
        {
            "target": HOSTILE * 10 if section == CAT else range(rows),
            "<i>feature</i>": range(rows),
            "$%{y}$": HOSTILE * 10,
        }
    )
    tab = widgets(tmp_path, section, data, data)
    for figure in figures(tab):
        text = re.sub(r"<br>|<extra></extra>", "", json.dumps(figure.plot, allow_nan=False))
        assert not re.search(r"[<>$]", text)
        assert not re.search(r'"hovertemplate": "[^"]*%\{[xy]\}&', text)
        assert "%{x}" not in str([trace.get("hovertemplate") for trace in figure.plot["data"]]) or section == NUM  # type: ignore[attr-defined]
    assert compare(tmp_path, section, data, data, kind="report").to_html("x").startswith("<!")


CELL = st.one_of(st.none(), st.integers(), st.floats(), st.booleans(), st.sampled_from(["2020-01-01", "1", "a", "<b>"]))
COLUMN = st.one_of(
    st.lists(st.floats(), min_size=1, max_size=8),
    st.lists(st.booleans() | st.none(), min_size=1, max_size=8),
    st.lists(CELL, min_size=1, max_size=8),
)
NAMES = st.sampled_from(["target", "prediction", "predicted_labels", "x", "größe", "a\nb"])
MAPPING = st.sampled_from([{}, {"categorical_features": ["index"]}, {"prediction": ["index", "index"]}])


def as_frame(columns: dict[str, list[object]]) -> pd.DataFrame:
    """Return a frame of columns of unequal length, a row number before them."""
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()}).reset_index()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.dictionaries(NAMES, st.tuples(COLUMN, COLUMN), min_size=1, max_size=4), st.sampled_from([CAT, NUM]), MAPPING)
def test_no_data_crashes(
    tmp_path: Path, columns: dict[str, tuple[list[object], list[object]]], section: str, mapping: dict[str, object]
) -> None:
    """One row, one label, infinities, mixed types: a report in strict JSON and HTML, or one line."""
    reference, current = (as_frame({name: pair[file] for name, pair in columns.items()}) for file in (0, 1))
    try:
        result = compare(tmp_path, section, reference, current, kind="report", column_mapping=mapping)
    except DataError as error:
        message = str(error)
    else:
        message = ""
        assert json.loads(result.to_json(indent=False))[section]["data"]["metrics"]
        for figure in figures(drawn(section, result.sections[section])):
            json.dumps(figure.plot, allow_nan=False)
    assert "\n" not in message


def test_results_are_light() -> None:
    """The results and their tabs load no numpy: a report is drawn from plain values."""
    code = "import sys, evidently_cli.report.target_drift, evidently_cli.report.page.target_tab;print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pandas", "scipy", "plotly"} & set(loaded)
