"""What holds for every section: alone or together, for any order of rows and columns, for data of any nastiness."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from report_data import HOSTILE_NAMES, SECTIONS, classes, nasty, regression

from evidently_cli.report import Config, ReportError, Result, Unavailable, calculate
from evidently_cli.report.sections import SECTIONS as KNOWN

CASES = [
    ("data_drift", "regression"),
    ("data_quality", "regression"),
    ("data_quality", "classes"),
    ("num_target_drift", "regression"),
    ("regression_performance", "regression"),
    ("data_drift", "classes"),
    ("cat_target_drift", "classes"),
    ("cat_target_drift", "probabilities"),
    ("classification_performance", "classes"),
    ("prob_classification_performance", "probabilities"),
]


def pair(data: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference file and a current one."""
    make = regression if data == "regression" else classes
    return make(seed=1), make(seed=2)


def mapping(data: str) -> dict[str, object]:
    """The column mapping of a data set."""
    return {"prediction": ["cat", "dog", "owl"]} if data == "probabilities" else {}


def run(reference: object, current: object, data: str, *sections: str) -> Result:
    """Compute some sections of two frames, with plots."""
    tabs = {section: {} for section in sections}
    return calculate(reference, current, {"dashboard_tabs": tabs, "column_mapping": mapping(data)})


def numbers(result: Result, section: str) -> Any:
    """What a profile says about a section, without its times."""
    text = result.to_json(indent=False)
    return json.loads(text, parse_constant=pytest.fail)[KNOWN[section].key or section]["data"]


def same(left: Any, right: Any, where: str = "") -> None:
    """Compare two JSON values; numbers may differ in the last digits, as sums depend on their order."""
    if isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            same(left[key], right[key], f"{where}.{key[:40]}")
    elif isinstance(left, list):
        assert len(left) == len(right), where
        for index, (a, b) in enumerate(zip(left, right, strict=True)):
            same(a, b, f"{where}[{index}]")
    elif isinstance(left, float) and isinstance(right, float):
        assert math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9), f"{where}: {left} {right}"
    else:
        assert left == right, where


@pytest.mark.parametrize("section, data", CASES)
def test_a_section_does_not_depend_on_the_others(section: str, data: str) -> None:
    """A section says the same alone and among all the others, before and after them."""
    reference, current = pair(data)
    before = reference.copy(), current.copy()
    alone = numbers(run(reference, current, data, section), section)
    others = [other for other in SECTIONS if other != section]
    assert numbers(run(reference, current, data, section, *others), section) == alone
    assert numbers(run(reference, current, data, *reversed(others), section), section) == alone
    pd.testing.assert_frame_equal(reference, before[0])
    pd.testing.assert_frame_equal(current, before[1])


@pytest.mark.parametrize("section, data", CASES)
def test_the_order_of_rows_and_columns_does_not_matter(section: str, data: str) -> None:
    """Shuffled rows and columns give the same numbers."""
    reference, current = pair(data)
    plain = numbers(run(reference, current, data, section), section)
    draw = np.random.default_rng(3)
    shuffled = [
        frame.iloc[draw.permutation(len(frame))][draw.permutation(frame.columns)] for frame in (reference, current)
    ]
    same(_without_ties(numbers(run(*shuffled, data, section), section)), _without_ties(plain))


def _without_ties(value: Any) -> Any:
    """Without what the order decides by contract: of values that are equally common, the first."""
    if isinstance(value, Mapping):
        labels_in_bias = value.get("feature_type") == "cat" and "ref_majority" in value
        return {
            key: _without_ties(item)
            for key, item in value.items()
            if not (labels_in_bias or key.startswith("most_common"))
        }
    return value


@pytest.mark.parametrize("section, data", CASES)
def test_a_file_does_not_drift_from_itself(section: str, data: str) -> None:
    """A file against itself never drifts, and its quality is the same on both sides."""
    reference, _ = pair(data)
    result = run(reference, reference, data, section)
    assert result.sections[section].drifted in (False, None)
    metrics = numbers(result, section)["metrics"]
    if "reference" in metrics and "current" in metrics and section != "data_quality":
        assert metrics["reference"] == metrics["current"]


@pytest.mark.parametrize("section, data", CASES)
def test_a_constant_column_changes_nothing_else(section: str, data: str) -> None:
    """A further column, constant, changes no number about the others."""
    reference, current = pair(data)
    plain = numbers(run(reference, current, data, section), section)
    more = numbers(run(reference.assign(zzz=1), current.assign(zzz=1), data, section), section)
    summaries = {"n_features", "share_drifted_features", "summary", "num_feature_names", "columns", "rows"}
    same(_without(more, {"zzz", *summaries}), _without(plain, {"zzz", *summaries}))


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    return value


@pytest.mark.parametrize("data", ["regression", "classes", "probabilities"])
def test_nasty_data_is_computed_and_shown(data: str) -> None:
    """Gaps, infinities, empty and constant columns and hostile names end no section, and the JSON stays strict."""
    reference, current = (nasty(frame) for frame in pair(data))
    result = run(reference, current, data, *SECTIONS)
    suited = [section for section, its_data in CASES if its_data == data]
    assert not [section for section in suited if isinstance(result.sections[section], Unavailable)]
    for section in SECTIONS:
        numbers(result, section)
        result.sections[section].summary()
    page = result.to_html()
    assert "<img src=x" not in page
    assert "<script>document" not in page
    assert len(page) < 6_000_000


SHAPES = {
    "one row": lambda frame: frame.head(1),
    "two rows": lambda frame: frame.head(2),
    "equal rows": lambda frame: pd.concat([frame.head(1)] * 30),
    "no target": lambda frame: frame.assign(target=None),
    "no prediction": lambda frame: frame.assign(prediction=None),
    "infinite": lambda frame: frame.assign(x=np.inf, y=-np.inf),
    "no features": lambda frame: frame[[name for name in frame if name not in ("x", "y", "few", "label", "truth")]],
    "text everywhere": lambda frame: frame.astype(str),
    "names": lambda frame: frame.rename(columns={"x": HOSTILE_NAMES[0], "y": HOSTILE_NAMES[5], "few": " "}),
}


@pytest.mark.parametrize("data", ["regression", "classes", "probabilities"])
@pytest.mark.parametrize("shape", SHAPES)
def test_odd_shapes_never_crash(shape: str, data: str) -> None:
    """Whatever one file or both look like, a section is computed, or one line says why not; a page can be made."""
    plain, other = pair(data)
    odd = SHAPES[shape]
    for reference, current in ((odd(plain), odd(other)), (odd(plain), other), (plain, odd(other)), (odd(plain), None)):
        sections = [section for section in SECTIONS if current is not None or not KNOWN[section].needs_current]
        try:
            result = run(reference, current, data, *sections)
        except ReportError as error:
            message = str(error)
        else:
            message = ""
            json.loads(result.to_json(indent=False), parse_constant=pytest.fail)
            result.to_html()
        assert "\n" not in message


@pytest.mark.parametrize("section, data", CASES)
def test_the_widgets_are_those_that_a_config_may_name(section: str, data: str) -> None:
    """The titles that are checked before any data is read are those of the tab, in its order."""
    from evidently_cli.report.page.contents import drawn

    result = run(*pair(data), data, section)
    titles = [widget.title for widget in drawn(section, result.sections[section]).widgets]
    known = list(KNOWN[section].widgets)
    assert set(titles) <= set(known)
    assert all(known.index(first) < known.index(second) for first, second in pairwise(titles))


@pytest.mark.parametrize("section", ["data_quality", "regression_performance"])
def test_without_a_second_file(section: str) -> None:
    """Sections that need one file alone leave out what they say about the other."""
    reference, _ = pair("regression")
    config = Config.from_dict({"dashboard_tabs": [section], "profile_sections": [section]})
    result = calculate(reference, None, config)
    assert "current" not in numbers(result, section)["metrics"]
    assert "Current:" not in result.to_html()
