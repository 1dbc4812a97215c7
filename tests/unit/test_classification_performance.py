"""Both classification sections from CSV files to a result and its tab: numbers of 0.1.x, without its crashes."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import datasets, metrics

from evidently_cli.report import Config, DataError, Result, calculate
from evidently_cli.report.class_metrics import Ranking, confusion, log_loss, quality
from evidently_cli.report.config import Kind
from evidently_cli.report.page.contents import drawn
from evidently_cli.report.page.view import Counters, Figure, Figures, Tab, Table
from evidently_cli.report.sections import SECTIONS

LABELS, PROBABILITIES = "classification_performance", "prob_classification_performance"


def calculated(
    folder: Path,
    section: str,
    reference: pd.DataFrame,
    current: pd.DataFrame | None,
    *,
    kind: Kind = "profile",
    **config: object,
) -> Result:
    """Write the frames as CSV and compute one section of them."""
    reference.to_csv(folder / "ref.csv", index=False)
    if current is not None:
        current.to_csv(folder / "cur.csv", index=False)
    keys = {"profile_sections": [section], "dashboard_tabs": [section]}
    second = None if current is None else folder / "cur.csv"
    return calculate(folder / "ref.csv", second, Config.from_dict(keys | config), kind=kind)


def data_of(result: Result) -> Any:
    """Return the section's `data`, after a trip through strict JSON."""
    profile = json.loads(result.to_json(indent=False), parse_constant=pytest.fail)
    return next(iter(profile.values()))["data"]


def found(folder: Path, section: str, reference: pd.DataFrame, current: pd.DataFrame | None, **mapping: object) -> Any:
    """Return the `data` of one section, with some column mapping."""
    return data_of(calculated(folder, section, reference, current, column_mapping=mapping))


def tab_of(folder: Path, section: str, reference: pd.DataFrame, current: pd.DataFrame | None, **mapping: object) -> Tab:
    """Return the section's tab."""
    result = calculated(folder, section, reference, current, kind="report", column_mapping=mapping)
    return drawn(section, result.sections[section])


def told(data: Any) -> str:
    """Return all notices as one text."""
    return "\n".join(notice["text"] for notice in data["notices"])


def figures_of(tab: Tab) -> list[Figure]:
    """Return all figures of a tab."""
    figures = [figure for widget in tab.widgets if isinstance(widget, Figures) for figure in widget.figures]
    rows = [row for widget in tab.widgets if isinstance(widget, Table) for row in widget.rows]
    return [*figures, *(figure for row in rows for figure in row.figures)]


def iris() -> pd.DataFrame:
    """Return iris with its target in text."""
    data = datasets.load_iris(as_frame=True)
    frame: pd.DataFrame = data.frame
    return frame.assign(target=data.target_names[frame["target"]])


def iris_labels() -> pd.DataFrame:
    """Return iris with the predictions of a simple rule (appendix A4 of the contract)."""
    data = iris()
    large = np.where(data["petal width (cm)"] < 1.75, "versicolor", "virginica")
    return data.assign(prediction=np.where(data["petal length (cm)"] < 2.5, "setosa", large))


def iris_probabilities() -> pd.DataFrame:
    """Return iris with probabilities of three classes (appendix A5)."""
    data = iris()
    weights = np.exp(-((data["petal length (cm)"].to_numpy()[:, None] - np.array([1.5, 4.3, 5.6])) ** 2))
    setosa, versicolor, _ = (weights / weights.sum(axis=1, keepdims=True)).round(6).T
    return data.assign(setosa=setosa, versicolor=versicolor, virginica=1 - setosa - versicolor)


def cancer_probabilities() -> pd.DataFrame:
    """Return breast_cancer with probabilities of two classes (appendix A6)."""
    data = datasets.load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = data.frame[["mean radius", "mean texture", "mean smoothness"]]
    malignant = (1 / (1 + np.exp(-(frame["mean radius"] - 15)))).round(6)
    target = data.target_names[data.frame["target"]]
    return frame.assign(target=target, malignant=malignant, benign=(1 - malignant).round(6))


A4, A5, A6 = iris_labels(), iris_probabilities(), cancer_probabilities()
THREE, TWO = ["setosa", "versicolor", "virginica"], ["malignant", "benign"]


def test_labels_of_iris(tmp_path: Path) -> None:
    """Predicted labels give the numbers of Evidently 0.1.x, and its JSON."""
    data = found(tmp_path, LABELS, A4[::2], A4[1::2])
    reference, current = data["metrics"]["reference"], data["metrics"]["current"]
    averages = ["accuracy", "precision", "recall", "f1"]
    assert list(reference) == [*averages, "metrics_matrix", "confusion_matrix"]
    assert [reference[key] for key in averages] == pytest.approx(
        [0.96, 0.9604700854700855, 0.96, 0.9599839935974389], rel=1e-9
    )
    assert [current[key] for key in averages] == pytest.approx(
        [0.96, 0.9642857142857143, 0.96, 0.9598554797270173], rel=1e-9
    )
    assert reference["confusion_matrix"] == {"labels": THREE, "values": [[25, 0, 0], [0, 24, 1], [0, 2, 23]]}
    assert current["confusion_matrix"]["values"] == [[25, 0, 0], [0, 25, 0], [0, 3, 22]]
    assert list(reference["metrics_matrix"]) == [*THREE, "accuracy", "macro avg", "weighted avg"]
    assert reference["metrics_matrix"]["setosa"] == {"precision": 1, "recall": 1, "f1-score": 1, "support": 25}
    assert isinstance(reference["metrics_matrix"]["macro avg"]["support"], int)
    assert data["notices"] == []


def test_probabilities_of_iris(tmp_path: Path) -> None:
    """Probabilities of three classes give the numbers of Evidently 0.1.x."""
    data = found(tmp_path, PROBABILITIES, A5[::2], A5[1::2], prediction=THREE)
    reference, current = data["metrics"]["reference"], data["metrics"]["current"]
    numbers = ["accuracy", "roc_auc", "log_loss"]
    assert [reference[key] for key in numbers] == pytest.approx(
        [0.96, 0.9906666666666667, 0.1964508262023211], rel=1e-9
    )
    assert [current[key] for key in numbers] == pytest.approx(
        [0.9333333333333333, 0.9941333333333334, 0.18502776230133303], rel=1e-9
    )
    assert reference["roc_aucs"] == pytest.approx([1.0, 0.9856, 0.9864], rel=1e-9)
    table = reference["pr_table"]["versicolor"]
    assert (table[0], table[5], len(table)) == (
        [5.3, 4, 0.92, 4, 0, 100.0, 16.0],
        [32.0, 24, 0.6, 23, 1, 95.8, 92.0],
        19,
    )
    assert list(reference["roc_curve"]) == list(reference["pr_curve"]) == THREE
    assert data["utility_columns"]["prediction"] == THREE
    assert data["options"] == {"conf_interval_n_sigmas": 1, "classification_threshold": 0.5, "cut_quantile": None}


def test_probabilities_of_breast_cancer(tmp_path: Path) -> None:
    """Probabilities of two classes give the numbers of Evidently 0.1.x; the first is the positive class."""
    data = found(tmp_path, PROBABILITIES, A6[::2], A6[1::2], prediction=TWO)
    reference, current = data["metrics"]["reference"], data["metrics"]["current"]
    assert {key: reference[key] for key in ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss")} == (
        pytest.approx(
            {
                "accuracy": 0.9052631578947369,
                "precision": 0.9155882352941176,
                "recall": 0.8784956605593057,
                "f1": 0.8925594448555592,
                "roc_auc": 0.9643469409621772,
                "log_loss": 0.23347215482054062,
            },
            rel=1e-9,
        )
    )
    assert [current[key] for key in ("accuracy", "roc_auc", "log_loss")] == pytest.approx(
        [0.8697183098591549, 0.9105276907001044, 0.351707472471058], rel=1e-9
    )
    assert reference["confusion_matrix"] == {"labels": ["benign", "malignant"], "values": [[178, 5], [22, 80]]}
    assert reference["tpr"] == pytest.approx(80 / 102)
    table = reference["pr_table"]
    assert (table[0], table[5], len(table)) == (
        [4.9, 14, 1.0, 14, 0, 100.0, 13.7],
        [29.5, 84, 0.51, 80, 4, 95.2, 78.4],
        21,
    )
    assert reference["roc_curve"]["thrs"][0] == pytest.approx(reference["roc_curve"]["thrs"][1] + 1)
    assert "roc_aucs" not in reference


def test_one_column_of_probabilities(tmp_path: Path) -> None:
    """A single column of the positive class's probability gives the numbers of two complementary columns."""
    one = A6.assign(p=A6["malignant"]).drop(columns=TWO)
    two = found(tmp_path, PROBABILITIES, A6[::2], A6[1::2], prediction=TWO)["metrics"]
    single = found(tmp_path, PROBABILITIES, one[::2], one[1::2], prediction="p", pos_label="malignant")["metrics"]
    for file in ("reference", "current"):
        assert single[file]["confusion_matrix"] == two[file]["confusion_matrix"]
        assert single[file]["pr_table"] == two[file]["pr_table"]
        assert [single[file][key] for key in ("roc_auc", "log_loss")] == pytest.approx(
            [two[file][key] for key in ("roc_auc", "log_loss")], rel=1e-9
        )


@pytest.mark.parametrize("decimals", [1, 16], ids=["many ties", "no ties"])
@pytest.mark.parametrize("seed", range(4))
def test_curves_are_those_of_scikit_learn(seed: int, decimals: int) -> None:
    """ROC AUC, both curves and their thresholds equal those of scikit-learn, but for its infinite threshold."""
    draw = np.random.default_rng(seed)
    is_class = np.append(draw.random(200) < 0.4, [True, False])
    probability = np.round(np.clip(draw.normal(0.3 + 0.2 * is_class, 0.3), 0, 1), decimals)
    ranking = Ranking.of(is_class, probability)
    assert ranking.roc_auc() == pytest.approx(metrics.roc_auc_score(is_class, probability), rel=1e-9)
    roc = ranking.roc_curve()
    fpr, tpr, thresholds = metrics.roc_curve(is_class, probability)
    assert (roc.fpr, roc.tpr, roc.thrs[1:]) == (pytest.approx(fpr), pytest.approx(tpr), pytest.approx(thresholds[1:]))
    assert roc.thrs[0] == probability.max() + 1
    pr = ranking.pr_curve()
    precision, recall, thresholds = metrics.precision_recall_curve(is_class, probability)
    assert (pr.pr, pr.rcl, pr.thrs) == (pytest.approx(precision), pytest.approx(recall), pytest.approx(thresholds))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_reports_are_those_of_scikit_learn(classes: int) -> None:
    """Accuracy, precision, recall, F1 and support equal those of scikit-learn, also of a class never predicted."""
    draw = np.random.default_rng(classes)
    true, predicted = draw.integers(0, classes, 100), draw.integers(0, classes - 1, 100)
    matrix = confusion(true, predicted, classes)
    assert matrix.tolist() == metrics.confusion_matrix(true, predicted, labels=range(classes)).tolist()
    labels = tuple(range(classes))
    ours: Any = quality(matrix, labels, tuple(map(str, labels)), None).to_dict(labels)["metrics_matrix"]
    theirs = metrics.classification_report(true, predicted, output_dict=True, zero_division=0)
    assert set(ours) == set(theirs)
    for key, scores in theirs.items():
        assert ours[key] == pytest.approx(scores, rel=1e-9)


@pytest.mark.parametrize("classes", [2, 4])
def test_log_loss_is_that_of_scikit_learn(classes: int) -> None:
    """Log loss equals that of scikit-learn; a probability of 0 counts as 1e-15, and rows are divided by their sum."""
    draw = np.random.default_rng(classes)
    probabilities = draw.dirichlet(np.ones(classes), 50)
    true = np.append(np.arange(classes), draw.integers(0, classes, 50 - classes))
    assert log_loss(true, probabilities) == pytest.approx(metrics.log_loss(true, probabilities), rel=1e-9)
    assert log_loss(true, 0.5 * probabilities) == pytest.approx(metrics.log_loss(true, probabilities), rel=1e-9)
    assert log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-math.log(1e-15), rel=1e-9)


def test_a_long_curve_is_thinned(tmp_path: Path) -> None:
    """A curve of more than 10 000 thresholds is thinned to at most 1000 points, ends included, and the reader told."""
    draw = np.random.default_rng(1)
    p = draw.random(12_000)
    data = pd.DataFrame({"target": np.where(draw.random(12_000) < p, "a", "b"), "a": p, "b": 1 - p})
    full = found(tmp_path, PROBABILITIES, data[:9000], None, prediction=["a", "b"])
    thin = found(tmp_path, PROBABILITIES, data, None, prediction=["a", "b"])
    assert len(full["metrics"]["reference"]["pr_curve"]["thrs"]) == 9000
    curve = thin["metrics"]["reference"]["pr_curve"]
    assert (len(curve["pr"]), len(curve["rcl"]), len(curve["thrs"])) == (1000, 1000, 999)
    assert (curve["rcl"][0], curve["rcl"][-1]) == (1, 0)
    assert "thinned" in told(thin)
    assert "thinned" not in told(full)


def test_numbers_and_text_that_read_the_same(tmp_path: Path) -> None:
    """Labels 0 and 1 match columns called "0" and "1", and predictions written as 1.0 or as text."""
    data = pd.DataFrame({"target": [0, 1, 1, 0], "0": [0.9, 0.2, 0.6, 0.7], "1": [0.1, 0.8, 0.4, 0.3]})
    reference = found(tmp_path, PROBABILITIES, data, data, prediction=["1", "0"])["metrics"]["reference"]
    assert (reference["accuracy"], reference["roc_auc"]) == (0.75, 1)
    assert reference["confusion_matrix"] == {"labels": [0, 1], "values": [[2, 0], [1, 1]]}
    floats = pd.DataFrame({"target": [0, 1, 1], "prediction": [0.0, 1.0, None]})
    text = pd.DataFrame({"target": ["0", "1", "?"], "prediction": [0, 1, 1]})
    metrics_of = found(tmp_path, LABELS, floats, text)["metrics"]
    assert metrics_of["reference"]["accuracy"] == 1
    assert metrics_of["current"]["accuracy"] == pytest.approx(2 / 3)
    assert metrics_of["current"]["confusion_matrix"]["labels"] == ["0", "1", "?"]


@pytest.mark.parametrize("target, predicted, dirty, labels", [
    (["TRUE", "FALSE"], ["TRUE", "FALSE"], "ABSTAIN", ["ABSTAIN", "False", "True"]),
    (["007", "042"], ["007", "042"], "none", ["42", "7", "none"]),
    (["true", "false"], ["1", "0"], "?", ["0", "1", "?"]),
])  # fmt: skip
def test_text_in_one_column_alone(
    tmp_path: Path, target: list[str], predicted: list[str], dirty: str, labels: list[str]
) -> None:
    """One label more in the prediction makes text of it alone: its other labels still match those of the target."""
    data = pd.DataFrame({"target": target * 20, "prediction": predicted * 19 + [dirty] * 2})
    clean = pd.DataFrame({"target": target * 20, "prediction": predicted * 20})
    found_there = found(tmp_path, LABELS, data, clean)["metrics"]
    assert [found_there[which]["accuracy"] for which in ("reference", "current")] == [0.95, 1]
    assert found_there["reference"]["confusion_matrix"]["labels"] == labels


def test_truth_values(tmp_path: Path) -> None:
    """True and false match 1 and 0, and columns that are called like them; 1 names the positive class."""
    data = pd.DataFrame({"target": [True, False, True], "prediction": [1, 0, 0], "true": [0.9, 0.1, 0.2], "p": 0.5})
    data["false"] = 1 - data["true"]
    labels = found(tmp_path, LABELS, data, None)["metrics"]["reference"]
    assert (labels["accuracy"], labels["tpr"]) == (pytest.approx(2 / 3), 0.5)
    assert (
        found(tmp_path, PROBABILITIES, data, None, prediction=["true", "false"])["metrics"]["reference"]["tpr"] == 0.5
    )
    assert found(tmp_path, PROBABILITIES, data, None, prediction="p")["metrics"]["reference"]["tpr"] == 1


def test_rates_of_two_classes(tmp_path: Path) -> None:
    """Two labels, one of them the positive one, give true and false positive and negative rates."""
    data = pd.DataFrame({"target": [1, 1, 1, 0, 0], "prediction": [1, 1, 0, 0, 1]})
    reference = found(tmp_path, LABELS, data, None)["metrics"]["reference"]
    rates = {"tpr": 2 / 3, "tnr": 1 / 2, "fpr": 1 / 2, "fnr": 1 / 3}
    assert {key: reference[key] for key in rates} == pytest.approx(rates)
    zero = found(tmp_path, LABELS, data, None, pos_label=0)["metrics"]["reference"]
    assert {key: zero[key] for key in rates} == pytest.approx({"tpr": 1 / 2, "tnr": 2 / 3, "fpr": 1 / 3, "fnr": 1 / 2})
    assert "tpr" not in found(tmp_path, LABELS, data, None, pos_label="yes")["metrics"]["reference"]


def test_incomplete_rows_are_counted(tmp_path: Path) -> None:
    """Rows without a target or a prediction are left out of each file, and counted."""
    reference = pd.DataFrame({"target": ["a", None, "b", "a"], "a": [1, 1, np.inf, 0.8], "b": [0, 0, 1, 0.2]})
    data = found(tmp_path, PROBABILITIES, reference, reference[:1], prediction=["a", "b"])
    assert data["metrics"]["reference"]["metrics_matrix"]["macro avg"]["support"] == 2
    assert "ref.csv: 2 of 4 rows left out" in told(data)
    assert "cur.csv: " not in told(data).split("ROC AUC")[0].splitlines()[0]
    labels = pd.DataFrame({"target": [1, 2, None], "prediction": [1, np.inf, 1]})
    assert "ref.csv: 2 of 3 rows left out" in told(found(tmp_path, LABELS, labels, None))


def test_target_names(tmp_path: Path) -> None:
    """Names of the right number stand for the labels of the matrix; others are told and not used."""
    names = ["one", "two", "three"]
    data = found(tmp_path, LABELS, A4[::2], None, target_names=names)
    assert data["metrics"]["reference"]["confusion_matrix"]["labels"] == names
    assert list(data["metrics"]["reference"]["metrics_matrix"])[:3] == THREE
    wrong = found(tmp_path, LABELS, A4[::2], None, target_names=["one"])
    assert wrong["metrics"]["reference"]["confusion_matrix"]["labels"] == THREE
    assert "target_names has 1 name for 3 labels" in told(wrong)


def test_a_class_that_one_file_lacks(tmp_path: Path) -> None:
    """A class absent from one file leaves its AUC null there, and the reader is told; nothing else is lost."""
    few = A5[A5["target"] == "setosa"]
    data = found(tmp_path, PROBABILITIES, A5, few, prediction=THREE)
    current = data["metrics"]["current"]
    assert (current["roc_auc"], current["roc_aucs"], current["accuracy"]) == (None, [None] * 3, 1)
    assert current["log_loss"] > 0
    assert current["roc_curve"]["setosa"] == {"fpr": [], "tpr": [], "thrs": []}
    assert 'no row of the current file has the target "versicolor", "virginica"' in told(data)
    assert "no ROC AUC" in told(data)
    labels = found(tmp_path, LABELS, A4, A4[A4["target"] == "setosa"])
    assert labels["metrics"]["current"]["confusion_matrix"]["values"] == [[50, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert list(labels["metrics"]["current"]["metrics_matrix"])[:2] == ["setosa", "accuracy"]


def test_probabilities_that_are_none(tmp_path: Path) -> None:
    """Rows that do not sum to 1 are told of; values outside 0 to 1 leave no log loss, but labels and AUC."""
    data = pd.DataFrame({"target": ["a", "b", "a"], "a": [0.5, 0.1, 0.4], "b": [0.1, 0.5, 0.2]})
    halves = found(tmp_path, PROBABILITIES, data, None, prediction=["a", "b"])
    assert "of 3 rows do not sum to 1" in told(halves)
    scores = found(tmp_path, PROBABILITIES, data.assign(a=data["a"] * 9), None, prediction=["a", "b"])
    assert scores["metrics"]["reference"]["log_loss"] is None
    assert scores["metrics"]["reference"]["roc_auc"] is not None
    assert "there is no log loss" in told(scores)


@pytest.mark.parametrize(
    "section, mapping, message",
    [
        (LABELS, {"target": None}, "column_mapping.target names none"),
        (LABELS, {}, 'there is no column "prediction": name the column in column_mapping.prediction'),
        (LABELS, {"prediction": TWO}, "use prob_classification_performance"),
        (LABELS, {"prediction": "empty"}, r"no row of ref.csv has both .*column_mapping"),
        (LABELS, {"target": "many", "prediction": "many"}, "too many for classes"),
        (PROBABILITIES, {}, 'there is no column "prediction"'),
        (PROBABILITIES, {"prediction": None}, "column_mapping.prediction names none"),
        (PROBABILITIES, {"prediction": ["malignant", "mean radius"]}, 'no probability column for the label "benign"'),
        (PROBABILITIES, {"prediction": ["malignant", "benign", "text"]}, 'other values than numbers in "text"'),
        (PROBABILITIES, {"prediction": "malignant"}, 'pos_label "1" is not a label of the target'),
        (PROBABILITIES, {"prediction": "malignant", "target": "three"}, "two labels, and this one has 3"),
        (PROBABILITIES, {"prediction": "mean radius", "pos_label": "benign"}, "outside 0 to 1"),
        (PROBABILITIES, {"prediction": "text", "pos_label": "benign"}, "other values than numbers"),
    ],
)
def test_errors(tmp_path: Path, section: str, mapping: dict[str, object], message: str) -> None:
    """What a section lacks is told in one line that names the key of column_mapping."""
    n = len(A6)
    data = A6.assign(empty=np.nan, text="x", three=["a", "b", "c"] * 189 + ["a", "b"], many=np.arange(n))
    data = pd.concat([data, data.assign(many=data["many"] + n)])
    with pytest.raises(DataError, match=message) as error:
        calculated(tmp_path, section, data, data, column_mapping=mapping)
    assert "column_mapping" in str(error.value)


@pytest.mark.parametrize(
    "section, current, reason",
    [
        (LABELS, A4.assign(prediction=None), "no row of cur.csv has both"),
        (PROBABILITIES, A5.drop(columns="setosa"), 'cur.csv has no column "setosa"'),
        (PROBABILITIES, A5.assign(setosa="x"), "cur.csv has other values than numbers"),
        (PROBABILITIES, A5.assign(target="rose"), 'cur.csv: no probability column for the label "rose"'),
    ],
)
def test_a_current_file_that_cannot_be_shown(tmp_path: Path, section: str, current: pd.DataFrame, reason: str) -> None:
    """When only the current file lacks something, the reference is computed and the reader told why it stands alone."""
    reference, prediction = (A4, "prediction") if section == LABELS else (A5, THREE)
    data = found(tmp_path, section, reference, current, prediction=prediction)
    assert list(data["metrics"]) == ["reference"]
    assert "the current file is not shown" in told(data)
    assert reason in told(data)


@pytest.mark.parametrize("section, data, prediction", [(LABELS, A4, "prediction"), (PROBABILITIES, A5, THREE)])
def test_widgets_are_those_that_a_config_may_name(
    tmp_path: Path, section: str, data: pd.DataFrame, prediction: object
) -> None:
    """The titles of a tab are those of the table of sections, in its order; without a current file half of them."""
    both = tab_of(tmp_path, section, data[::2], data[1::2], prediction=prediction)
    alone = tab_of(tmp_path, section, data[::2], None, prediction=prediction)
    titles = SECTIONS[section].widgets
    assert tuple(widget.title for widget in both.widgets) == titles
    assert tuple(widget.title for widget in alone.widgets) == tuple(
        title for title in titles if not title.startswith("Current")
    )
    pairs = [":" in title and (section == LABELS or "Table" not in title) for title in titles]
    assert [widget.half for widget in both.widgets] == pairs


def test_verdicts(tmp_path: Path) -> None:
    """The first thing a reader gets is the accuracy of both files and what else matters; it raises no alarm."""
    labels = tab_of(tmp_path, LABELS, A4[::2], A4[1::2]).verdict
    assert labels is not None
    assert (labels.headline, labels.alarming) == ("Accuracy 96\u00a0% in the reference, 96\u00a0% in current.", None)
    assert labels.reason == "Macro F1 0.96 in the reference, 0.9599 in current."
    probabilities = tab_of(tmp_path, PROBABILITIES, A6[::2], None, prediction=TWO).verdict
    assert probabilities is not None
    assert probabilities.headline == "Accuracy 91\u00a0% in the reference."
    assert probabilities.reason == "Macro F1 0.8926; ROC AUC 0.9643; log loss 0.2335."


@pytest.mark.parametrize(
    "section, data, prediction", [(LABELS, A4, "prediction"), (PROBABILITIES, A5, THREE), (PROBABILITIES, A6, TWO)]
)
def test_figures(tmp_path: Path, section: str, data: pd.DataFrame, prediction: object) -> None:
    """Every figure is strict JSON of few points, and tells its story in words."""
    figures = figures_of(tab_of(tmp_path, section, data[::2], data[1::2], prediction=prediction))
    assert len(figures) > 10
    for figure in figures:
        assert figure.caption.endswith(".")
        assert figure.legend
        plot: Any = figure.plot
        json.dumps(plot, allow_nan=False)
        assert plot["data"]
        assert all(len(trace.get("x", ())) <= 200 for trace in plot["data"])


def test_what_the_figures_say(tmp_path: Path) -> None:
    """The captions name the most frequent confusion, the worst class, and where the errors sit."""
    widgets = {widget.title: widget for widget in tab_of(tmp_path, LABELS, A4[::2], A4[1::2]).widgets}
    captions = {title: widget.figures[0].caption for title, widget in widgets.items() if isinstance(widget, Figures)}
    assert "“virginica” predicted as “versicolor”, 3 rows." in captions["Current: Confusion Matrix"]
    assert "72 of 75 rows are predicted right" in captions["Reference: Confusion Matrix"]
    assert "“virginica” worst (0.9388)" in captions["Reference: Quality Metrics by Class"]
    assert captions["Reference: Class Representation"] == "Each of the 3 classes has 25 rows of 75 rows."
    counters = widgets["Reference: Model Quality With Macro-average Metrics"]
    assert isinstance(counters, Counters)
    assert counters.items[0] == ("Accuracy", "96.0\u00a0%")
    table = widgets["Classification Quality By Feature"]
    assert isinstance(table, Table)
    assert len(table.rows) == 4
    assert all(len(row.cells) == len(table.headings) and len(row.figures) == 2 for row in table.rows)


def test_where_the_errors_sit(tmp_path: Path) -> None:
    """The feature that the errors have to do with comes first, with the range or label where they are most frequent."""
    x = np.arange(400)
    data = pd.DataFrame({"x": x, "noise": x * 7919 % 400, "c": np.where(x >= 380, "late", "early"), "target": "a"})
    data["many"] = data["noise"].map("v{}".format)
    data["prediction"] = np.where(x >= 380, "b", "a")
    result = calculated(tmp_path, LABELS, data, data[::2], kind="report")
    table = next(w for w in drawn(LABELS, result.sections[LABELS]).widgets if isinstance(w, Table))
    first, *_ = [[getattr(cell, "text", "") for cell in row.cells] for row in table.rows]
    assert first[0] in {"c", "x"}
    assert first[2] == "100\u00a0%"
    worst = {row.cells[0].full: row.cells[4].text for row in table.rows}  # type: ignore[union-attr]
    assert worst["c"] == "“late”: 100\u00a0% wrong"
    assert worst["x"] == "379.1 to 399: 100\u00a0% wrong"
    labels = next(feature for feature in result.sections[LABELS].features if feature.name == "many").labels
    assert (len(labels), labels[-1]) == (12, "389 other labels")


def test_the_table_of_cuts_names_its_class(tmp_path: Path) -> None:
    """Of three classes, one table of precision and recall has a column that names the class; of two, none."""

    def table(data: pd.DataFrame, prediction: list[str]) -> Table:
        tab = tab_of(tmp_path, PROBABILITIES, data, None, prediction=prediction)
        return next(w for w in tab.widgets if isinstance(w, Table) and w.title == "Reference: Precision-Recall Table")

    three, two = table(A5[::2], THREE), table(A6[::2], TWO)
    assert ([heading.title for heading in three.headings][:2], len(three.rows)) == (["Class", "Top %"], 3 * 19)
    assert (two.headings[0].title, len(two.rows)) == ("Top %", 21)


def test_many_classes(tmp_path: Path) -> None:
    """Of many classes the 20 most common are drawn, and the caption says so."""
    labels = [f"c{index:02d}" for index in range(40) for _ in range(index + 1)]
    data = pd.DataFrame({"target": labels, "prediction": labels[::-1], "x": range(len(labels)), "c": labels})
    figures = figures_of(tab_of(tmp_path, LABELS, data, data))
    matrix: Any = next(figure for figure in figures if figure.title == "True and predicted classes")
    assert len(matrix.plot["data"][0]["z"]) == 20
    assert "Only the 20 most common of 40 classes are drawn." in matrix.caption


HOSTILE = ["<b>", "$x$", "a\nb", "größe", "", " ", "{{ x }}", "%{x}", '"', "\u202e", "1", "True", "nan", "</script>"]


@pytest.mark.parametrize("section", [LABELS, PROBABILITIES])
def test_hostile_labels_stay_text(tmp_path: Path, section: str) -> None:
    """Labels made of markup, formulas or templates are shown as they are."""
    names = [name for name in HOSTILE if name and name != "nan"]
    data = pd.DataFrame({"target": names * 2, "prediction": names + names[::-1], "c": names * 2})
    for place, name in enumerate(names):
        data[name] = np.where(np.arange(len(data)) % len(names) == place, 0.5, 0.5 / (len(names) - 1))
    prediction = "prediction" if section == LABELS else names
    mapping = {"prediction": prediction}
    result = calculated(tmp_path, section, data, data, kind="report", column_mapping=mapping)
    for figure in figures_of(drawn(section, result.sections[section])):
        text = json.dumps(figure.plot, ensure_ascii=False)
        assert not any(sign in text for sign in ("<b>", "$x$", "</script>", "\u202e"))
    assert "{{ x }}" in result.to_html("t")


LABEL = st.one_of(st.none(), st.integers(0, 3), st.booleans(), st.sampled_from(HOSTILE), st.floats())
CELLS = st.one_of(*(st.lists(cell, min_size=1, max_size=8) for cell in (st.integers(0, 2), st.floats(), LABEL)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.tuples(CELLS, CELLS, CELLS),
    st.tuples(CELLS, CELLS, CELLS),
    st.sampled_from(["prediction", ["0", "1", "2"], ["1", "0"], ["True", "False"], "1"]),
    st.sampled_from([0, 1, "<b>"]),
)
def test_no_data_crashes(
    tmp_path: Path, reference: Any, current: Any, prediction: str | list[str], pos_label: str | int
) -> None:
    """One row, one label, infinities, mixed types: a result with its tab in strict JSON, or one line."""
    names = [prediction] if isinstance(prediction, str) else prediction
    frames = [
        pd.DataFrame(
            {"target": pd.Series(target, dtype=object), "x": pd.Series(x, dtype=object)}
            | {
                name: pd.Series(
                    cells if name == "prediction" else [place / 4 for place in range(len(target))], dtype=object
                )
                for name in names
            }
        ).reset_index()
        for target, cells, x in (reference, current)
    ]
    section = LABELS if prediction == "prediction" else PROBABILITIES
    mapping = {"prediction": prediction, "pos_label": pos_label}
    try:
        result = calculated(tmp_path, section, *frames, kind="report", column_mapping=mapping)
    except DataError as error:
        message = str(error)
    else:
        message = ""
        assert data_of(result)["metrics"]["reference"]["accuracy"] >= 0
        for figure in figures_of(drawn(section, result.sections[section])):
            assert figure.caption
            json.dumps(figure.plot, allow_nan=False)
        assert result.sections[section].summary().headline.startswith("accuracy")
    assert "\n" not in message


def test_sections_need_no_scikit_learn(tmp_path: Path) -> None:
    """Computing the sections imports neither scikit-learn nor scipy."""
    A5.assign(prediction=A5["target"]).to_csv(tmp_path / "ref.csv", index=False)
    code = """
import sys
from pathlib import Path
from evidently_cli.report import Config, calculate
for section, prediction in (
    ("classification_performance", "prediction"),
    ("prob_classification_performance", ["setosa", "versicolor", "virginica"]),
):
    config = Config.from_dict({"profile_sections": [section], "column_mapping": {"prediction": prediction}})
    calculate(Path(sys.argv[1]), Path(sys.argv[1]), config, kind="profile").to_json(indent=False)
print({"sklearn", "scipy"} & set(sys.modules))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "ref.csv")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"
