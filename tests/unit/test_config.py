"""The config: every spelling that Evidently 0.1.x knew is read, and every mistake is told in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidently_cli.report import Config, ConfigError, TabConfig, load_config
from evidently_cli.report.config import Bins, ColumnMapping, DataFormat, Sampling, SamplingPair
from evidently_cli.report.stattests import STATTESTS


def test_nothing_is_required() -> None:
    """An empty config has every default."""
    assert Config.from_dict({}) == Config()


@pytest.mark.parametrize(
    "key",
    ["data_format", "column_mapping", "options", "sampling", "pretty_print", "profile_sections", "dashboard_tabs"],
)
def test_null_is_the_default(key: str) -> None:
    """Null stands for the default, wherever a whole block can be left out."""
    assert Config.from_dict({key: None}) == Config()


@pytest.mark.parametrize("sections", [
    ["data_drift", "data_quality"],
    [{"data_drift": None}, {"data_quality": {}}],
    ["data_drift", {"data_quality": {"options": {"anything": 1}}}],
    {"data_drift": None, "data_quality": {"ignored": True}},
])  # fmt: skip
def test_spellings_of_sections(sections: object) -> None:
    """Sections are a list of names, a list of one-key objects or an object; what is inside them is ignored."""
    assert Config.from_dict({"profile_sections": sections}).profile_sections == ("data_drift", "data_quality")


@pytest.mark.parametrize("tabs", [
    ["data_drift"],
    [{"data_drift": None}],
    {"data_drift": {}},
    {"data_drift": {"verbose_level": "1", "unknown": 5}},
    ["data_drift", "data_drift"],
])  # fmt: skip
def test_spellings_of_tabs(tabs: object) -> None:
    """Tabs are spelled as sections are; unknown keys inside a tab are ignored."""
    assert Config.from_dict({"dashboard_tabs": tabs}).dashboard_tabs == (TabConfig("data_drift"),)


def test_tab_settings() -> None:
    """A tab can choose its level and its widgets."""
    config = Config.from_dict(
        {"dashboard_tabs": {"data_drift": {"verbose_level": 0, "include_widgets": ["Data Drift"]}}}
    )
    assert config.dashboard_tabs == (TabConfig("data_drift", 0, ("Data Drift",)),)


def test_a_full_config() -> None:
    """Every key of Evidently 0.1.x is read, null bins and a null seed included."""
    config = Config.from_dict(
        {
            "data_format": {"separator": ";", "header": False, "date_column": 3},
            "column_mapping": {
                "target": None,
                "prediction": ["a", "b"],
                "datetime": "when",
                "id": "id",
                "numerical_features": ["x", "x", 1],
                "categorical_features": [],
                "datetime_features": None,
                "target_names": ["no", 1],
                "task": "classification",
                "pos_label": "yes",
            },
            "options": {
                "data_drift": {
                    "threshold": {"x": 1},
                    "nbinsx": None,
                    "xbins": {"x": {"start": 0, "end": 1, "size": 0.5}},
                },
                "quality_metrics": {"cut_quantile": {"x": ["left", 0.1]}},
            },
            "sampling": {"reference": {"type": "nth", "n": 3}, "current": {"type": "random", "random_seed": None}},
            "pretty_print": True,
        }
    )
    assert config.data_format == DataFormat(";", header=False, date_column="3")
    assert config.column_mapping == ColumnMapping(
        target=None,
        prediction=("a", "b"),
        datetime="when",
        id="id",
        numerical_features=("x", "1"),
        categorical_features=(),
        target_names=("no", 1),
        task="classification",
        pos_label="yes",
    )
    assert config.options.data_drift.threshold == {"x": 1.0}
    assert config.options.data_drift.nbinsx == 10
    assert config.options.data_drift.xbins == {"x": Bins(0, 1, 0.5)}
    assert config.options.quality_metrics.cut_quantile == {"x": ("left", 0.1)}
    assert config.sampling == SamplingPair(Sampling("nth", n=3), Sampling("random", random_seed=None))
    assert config.pretty_print


DRIFT = "options.data_drift"


SECTIONS = (
    "data_drift, data_quality, cat_target_drift, num_target_drift, regression_performance, "
    "classification_performance, prob_classification_performance"
)
TOP = "profile_sections, dashboard_tabs, data_format, column_mapping, sampling, options, pretty_print"
FORMAT = "separator, header, date_column, encoding, quote, decimal"
LABEL_TESTS = "chisquare, z, jensenshannon, kl_div, psi, g_test"
BINS = {"start": 0, "end": 1, "size": 1e-9}


@pytest.mark.parametrize("config, message", [
    ([], "the config: expected an object, found a list"),
    (None, "the config: expected an object, found null"),
    ({"profile_section": []}, f'"profile_section" is not known; allowed: {TOP}; did you mean "profile_sections"?'),
    ({"profile_sections": ["data_drfit"]},
     f'profile_sections[0]: "data_drfit" is not known; allowed: {SECTIONS}; did you mean "data_drift"?'),
    ({"profile_sections": 3}, f"profile_sections: expected one of {SECTIONS}, found 3"),
    ({"dashboard_tabs": {"data_drift": {"verbose_level": "high"}}},
     'dashboard_tabs.data_drift.verbose_level: expected a whole number from -2147483648, found "high"'),
    ({"dashboard_tabs": {"data_drift": []}}, "dashboard_tabs.data_drift: expected an object, found a list"),
    ({"pretty_print": 1}, "pretty_print: expected true or false, found 1"),
    ({"data_format": {"separator": ""}},
     'data_format.separator: expected one character such as ",", ";" or "\\t", found ""'),
    ({"data_format": {"encoding": "utf\0"}},
     'data_format.encoding: "utf\\x00" is no encoding of text such as "utf-8" or "cp1252"'),
    ({"data_format": {"seperator": ","}},
     f'data_format: "seperator" is not known; allowed: {FORMAT}; did you mean "separator"?'),
    ({"column_mapping": {"numerical_features": "x"}},
     'column_mapping.numerical_features: expected a list of column names, found "x"'),
    ({"column_mapping": {"target": True}}, "column_mapping.target: expected a name (in quotes), found true"),
    ({"column_mapping": {"prediction": []}},
     "column_mapping.prediction: the list is empty; null means that there is no prediction"),
    ({"column_mapping": {"task": "regres"}},
     'column_mapping.task: "regres" is not known; allowed: regression, classification; did you mean "regression"?'),
    ({"column_mapping": {"target_names": ["a", "a", "b"]}},
     'column_mapping.target_names: "a" stands there twice; each class needs a name of its own'),
    ({"sampling": {"reference": {"type": "simple"}}},
     'sampling.reference.type: "simple" is not known; allowed: none, nth, random'),
    ({"sampling": {"reference": {"n": 0}}}, "sampling.reference.n: expected a whole number from 1, found 0"),
    ({"sampling": {"reference": {"n": True}}}, "sampling.reference.n: expected a whole number from 1, found true"),
    ({"sampling": {"current": {"n": 2.5}}}, "sampling.current.n: expected a whole number from 1, found 2.5"),
    ({"sampling": {"current": {"ratio": float("nan")}}},
     "sampling.current.ratio: expected a number from 0 to 1, found nan"),
    ({"sampling": {"current": {"type": "random", "ratio": 0}}},
     "sampling.current.ratio: 0 keeps no row; ratio is the share of rows to keep"),
    ({"options": {"data_drift": {"threshold": 0.1, "confidence": 0.9}}},
     f"{DRIFT}: only one of threshold and confidence can be set"),
    ({"options": {"data_drift": {"threshold": {"x": "low"}}}},
     f'{DRIFT}.threshold.x: expected a number from 0, found "low"'),
    ({"options": {"data_drift": {"confidence": 95}}}, f"{DRIFT}.confidence: expected a number from 0 to 1, found 95"),
    ({"options": {"data_drift": {"nbinsx": 0}}}, f"{DRIFT}.nbinsx: expected a whole number from 1 to 1000, found 0"),
    ({"options": {"data_drift": {"xbins": {"a b": {"start": 0}}}}},
     f'{DRIFT}.xbins."a b": end is missing; start, end and size are needed'),
    ({"options": {"data_drift": {"xbins": {"x": BINS}}}},
     f"{DRIFT}.xbins.x: start, end and size must make 1 to 1000 bins"),
    ({"options": {"data_drift": {"cat_features_stattest": "ks"}}},
     f'{DRIFT}.cat_features_stattest: "ks" is not a test for this type of column; those are: {LABEL_TESTS}'),
    ({"options": {"data_drift": {"feature_stattest_func": "ks", "all_features_stattest": "psi"}}},
     f"{DRIFT}: feature_stattest_func is the older form of all_features_stattest: only one can be set"),
    ({"options": {"quality_metrics": {"cut_quantile": ["up", 0.5]}}},
     'options.quality_metrics.cut_quantile[0]: "up" is not known; allowed: left, right, two-sided'),
    ({"options": {"quality": {}}},
     'options: "quality" is not known; allowed: data_drift, quality_metrics; did you mean "quality_metrics"?'),
])  # fmt: skip
def test_mistakes(config: object, message: str) -> None:
    """A mistake is told in one line: where it is, what stands there, what is allowed, and the nearest match."""
    with pytest.raises(ConfigError) as error:
        Config.from_dict(config)
    assert str(error.value) == message
    assert error.value.exit_code == 2


@pytest.mark.parametrize("wrong, hint", [("hellinger", ""), ("g-test", '; did you mean "g_test"?')])
def test_tests_that_do_not_exist(wrong: str, hint: str) -> None:
    """A test that Evidently's documentation listed, but no version had, is answered with the eleven there are."""
    with pytest.raises(ConfigError) as error:
        Config.from_dict({"options": {"data_drift": {"all_features_stattest": wrong}}})
    names = "ks, chisquare, z, jensenshannon, wasserstein, kl_div, psi, anderson, cramer_von_mises, g_test, mannw"
    assert str(error.value) == f'{DRIFT}.all_features_stattest: "{wrong}" is not known; allowed: {names}{hint}'
    assert len(STATTESTS) == 11


def test_an_error_is_short() -> None:
    """A message repeats only the beginning of a huge value."""
    with pytest.raises(ConfigError) as error:
        Config.from_dict({"sampling": {"reference": {"type": "x" * 10_000_000}}})
    assert len(str(error.value)) < 200


def test_what_is_missing() -> None:
    """A config is checked for the command that uses it: it names a section, and widgets that its tab has."""
    tabs_alone = Config.from_dict({"dashboard_tabs": ["data_drift"]})
    tabs_alone.check("report")
    with pytest.raises(ConfigError, match=r"^profile_sections is missing or empty"):
        tabs_alone.check("profile")
    with pytest.raises(ConfigError, match=r'no widget is called "Data Drfit"; there is "Data Drift"') as error:
        Config.from_dict({"dashboard_tabs": {"data_drift": {"include_widgets": ["Data Drfit"]}}}).check("report")
    assert error.value.exit_code == 2


@pytest.mark.parametrize("name", ["config.json", "config.yaml", "config.yml", "CONFIG.JSON"])
def test_files(tmp_path: Path, name: str) -> None:
    """JSON and YAML are told apart by the name's ending (JSON is YAML too), with or without a byte order mark."""
    path = tmp_path / name
    path.write_text("\ufeff" + json.dumps({"profile_sections": {"data_drift": None}}), encoding="utf-8")
    assert load_config(path).profile_sections == ("data_drift",)


def test_yaml(tmp_path: Path) -> None:
    """YAML's own spellings are understood: a bare number as a column's name, a tab without quotes."""
    path = tmp_path / "config.yaml"
    path.write_text(
        "data_format: {separator: \\t}\ncolumn_mapping:\n  target: 2020\nprofile_sections:\n- data_drift:\n"
    )
    config = load_config(path)
    assert (config.data_format.separator, config.column_mapping.target) == ("\t", "2020")
    assert config.profile_sections == ("data_drift",)


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("c.json", b'{"a": }', "c.json: not JSON: line 1, column 7: Expecting value"),
        ("c.json", b"", "c.json: not JSON: line 1, column 1: Expecting value"),
        ("c.json", b"[" * 100_000, "c.json: is nested too deeply"),
        ("c.json", b'{"a": ' + b"1" * 5000 + b"}", "c.json: not JSON: Exceeds the limit"),
        ("c.yaml", b"a: [1\nb: 2", "c.yaml: not YAML: line 2, column 2: expected ',' or ']', but got ':'"),
        ("c.yaml", b"a: !!python/object:os.system x", "c.yaml: not YAML: line 1, column 4: could not determine"),
        ("c.yaml", b"a: {x: 1}\na: {x: 2}", 'c.yaml: "a" stands twice in one object'),
        ("c.json", b'{"options": {"x": 1, "x": 2}}', 'c.json: "x" stands twice in one object'),
        ("c.yaml", b"a: 2020-99-99", "c.yaml: not YAML: month must be in 1..12"),
        ("c.yaml", b"a: \x07", "c.yaml: not YAML: unacceptable character"),
        ("c.yaml", b"", "c.yaml: the config: expected an object, found null"),
        ("c.yaml", b"pretty_print: 2020-01-01", "c.yaml: pretty_print: expected true or false, found a date"),
        ("c.yaml", b"sampling: {reference: {n: 0x" + b"f" * 9000 + b"}}",
         "c.yaml: sampling.reference.n: expected a whole number from 1, found a very large number"),
        ("c.json", b'{"\xff": 1}', "c.json: is not UTF-8 text (byte 3)"),
        ("c.json", b'{"data": 1}', 'c.json: "data" is not known'),
        ("c.txt", b"{}", "c.txt: a config is a .json, .yaml or .yml file"),
    ],
)  # fmt: skip
def test_broken_files(tmp_path: Path, name: str, text: bytes, message: str) -> None:
    """A broken file is told with its name, and with line and column where there are any."""
    (tmp_path / name).write_bytes(text)
    with pytest.raises(ConfigError) as error:
        load_config(tmp_path / name)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_no_file(tmp_path: Path) -> None:
    """A file that is missing or is a folder is told as such."""
    with pytest.raises(ConfigError, match="no such config file"):
        load_config(tmp_path / "config.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path / "folder.json")


WORDS = f"{TOP} {FORMAT} data_drift nbinsx reference type n ratio target threshold xbins x verbose_level start end"
KEYS = st.sampled_from(WORDS.replace(",", "").split()) | st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_value_is_read_or_refused(config: dict[str, object]) -> None:
    """No value in a config crashes: it is read, or refused in one short line."""
    try:
        Config.from_dict(config)
        message = ""
    except ConfigError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 500


def test_an_unknown_widget_is_an_error_before_data_is_read() -> None:
    """A widget title that the tab does not have is an error that names those it has."""
    config = Config.from_dict({"dashboard_tabs": {"data_drift": {"include_widgets": ["Drift"]}}})
    with pytest.raises(ConfigError, match=r'no widget is called "Drift"; there is "Data Drift"'):
        config.check("report")
