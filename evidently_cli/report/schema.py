"""The shape of the config: which keys there are, and the reader that checks each value."""

from __future__ import annotations

from typing import Any

from evidently_cli.report import validate as v
from evidently_cli.report.config import (
    Bins,
    ColumnMapping,
    Config,
    DataDriftOptions,
    DataFormat,
    Options,
    QualityMetricsOptions,
    Sampling,
    SamplingPair,
    TabConfig,
)
from evidently_cli.report.drift import FeatureType
from evidently_cli.report.errors import ConfigError, quoted
from evidently_cli.report.sections import SECTIONS
from evidently_cli.report.stattests import STATTESTS

_MOST_BINS = 1000  # of a histogram; more is a slip of the finger that would fill the page
_LONG_NUMBER = 10  # digits
_PAIR = 2


def _separator(value: object, where: str, /) -> str:
    if value in (r"\t", r"\s+"):  # spelled out, as in a YAML file without quotes
        return {r"\t": "\t", r"\s+": r"\s+"}[str(value)]
    if not isinstance(value, str) or len(value) != 1 or not value.isascii() or value.isalnum() or value in "\"'\n\r\0":
        raise ConfigError(f'{where}: expected one character such as ",", ";" or "\\t", found {v.shown(value)}')
    return value


def _encoding(value: object, where: str, /) -> str:
    name: str = v.name(value, where)
    try:
        "".encode(name)  # of text: some codecs are none of characters
    except (LookupError, ValueError) as error:  # the second for NUL in a name, too
        raise ConfigError(f'{where}: {v.shown(value)} is no encoding of text such as "utf-8" or "cp1252"') from error
    return name


def _test_for(*feature_types: FeatureType) -> v.Reader[str]:
    """Read the name of a statistical test for columns of one of these types."""

    def read(value: object, where: str, /) -> str:
        name: str = v.one_of(*STATTESTS)(value, where)
        if not STATTESTS[name].feature_types & set(feature_types):
            suited = ", ".join(test.name for test in STATTESTS.values() if test.feature_types & set(feature_types))
            raise ConfigError(f"{where}: {quoted(name)} is not a test for this type of column; those are: {suited}")
        return name

    return read


def _named_items(value: object, where: str, /) -> list[tuple[str, object]]:
    """Read the three spellings of a list of sections: names, one-key objects, or one object; as (id, inner value)."""
    items: list[tuple[str, object]] = []
    for index, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
        place = where if index is None else f"{where}[{index}]"
        items += (
            v.mapping(item, place).items() if isinstance(item, dict) else [(v.one_of(*SECTIONS)(item, place), None)]
        )
    for section, _ in items:
        v.one_of(*SECTIONS)(section, where)
    return items


def _sections(value: object, where: str, /) -> tuple[str, ...]:
    return tuple(dict.fromkeys(section for section, _ in _named_items(value, where)))


def _tabs(value: object, where: str, /) -> tuple[TabConfig, ...]:
    tabs: dict[str, TabConfig] = {}
    for section, inner in _named_items(value, where):
        place = v.inside(where, section)
        known = {key: item for key, item in v.optional(v.mapping, {})(inner, place).items() if key in _TAB}
        read = {key: _TAB[key](item, v.inside(place, key)) for key, item in known.items()}
        tabs[section] = TabConfig(section, **read)
    return tuple(tabs.values())


def _verbose_level(value: object, where: str, /) -> int:
    """Read a whole number, or text that is one."""
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal() and len(value) < _LONG_NUMBER:
        return int(value)
    return v.integer(-(2**31))(value, where)


def _sampling(value: object, where: str, /) -> Sampling:
    sampling = _SAMPLING(value, where)
    if sampling.type == "random" and sampling.ratio == 0:
        raise ConfigError(f"{where}.ratio: 0 keeps no row; ratio is the share of rows to keep")
    return sampling


def _bins(value: object, where: str, /) -> Bins:
    given = v.mapping(value, where)
    missing = [key for key in ("start", "end", "size") if key not in given]
    if missing:
        raise ConfigError(f"{where}: {missing[0]} is missing; start, end and size are needed")
    bins = _BINS(given, where)
    if not (bins.size > 0 and 0 < (bins.end - bins.start) / bins.size <= _MOST_BINS):
        raise ConfigError(f"{where}: start, end and size must make 1 to {_MOST_BINS} bins")
    return bins


def _prediction(value: object, where: str, /) -> str | tuple[str, ...]:
    """Read one column of predictions, or the list of the columns with each class's probability."""
    if not isinstance(value, list):
        return v.name(value, where)
    if not value:
        raise ConfigError(f"{where}: the list is empty; null means that there is no prediction")
    return v.list_of(v.name, "column names")(value, where)


def _class_names(value: object, where: str, /) -> tuple[str | int, ...]:
    """Read the names of the classes, which stand in the order of their labels: none can be left out."""
    names = v.list_of(v.label, "class names")(value, where)
    given = value if isinstance(value, list) else []
    twice = next((name for name in names if given.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{where}: {v.shown(twice)} stands there twice; each class needs a name of its own")
    return names


def _cut(value: object, where: str, /) -> tuple[str, float]:
    if not isinstance(value, list) or len(value) != _PAIR:
        raise ConfigError(f'{where}: expected a side and a quantile such as ["right", 0.95], found {v.shown(value)}')
    return v.one_of("left", "right", "two-sided")(value[0], f"{where}[0]"), _SHARE(value[1], f"{where}[1]")


def _drift_options(value: object, where: str, /) -> DataDriftOptions:
    options = _DRIFT_OPTIONS(value, where)
    if options.threshold is not None and options.confidence is not None:
        raise ConfigError(f"{where}: only one of threshold and confidence can be set")
    newer = ("all_features_stattest", "cat_features_stattest", "num_features_stattest", "per_feature_stattest")
    used = [key for key in newer if getattr(options, key) is not None]
    if options.feature_stattest_func is not None and used:
        raise ConfigError(f"{where}: feature_stattest_func is the older form of {used[0]}: only one can be set")
    return options


_SHARE = v.number(0, 1)
_NAMES = v.optional(v.list_of(v.name, "column names"))
_ANY_TEST = _test_for("num", "cat")

_TAB: dict[str, v.Reader[Any]] = {
    "verbose_level": _verbose_level,
    "include_widgets": v.optional(v.list_of(v.name, "widget titles")),
}
_BINS = v.record(Bins, start=v.number(-1e308), end=v.number(-1e308), size=v.number(0))
_SAMPLING = v.record(
    Sampling,
    type=v.optional(v.one_of("none", "nth", "random"), "none"),
    n=v.optional(v.integer(1), 1),
    ratio=v.optional(_SHARE, 1.0),
    random_seed=v.optional(v.integer(0)),
)
_DRIFT_OPTIONS = v.record(
    DataDriftOptions,
    confidence=v.optional(v.one_or_per_column(_SHARE)),
    threshold=v.optional(v.one_or_per_column(v.number(0))),  # a distance may exceed 1
    drift_share=v.optional(_SHARE, 0.5),
    nbinsx=v.optional(v.one_or_per_column(v.integer(1, _MOST_BINS)), 10),
    xbins=v.optional(v.mapping_of(_bins)),
    all_features_stattest=v.optional(_ANY_TEST),
    cat_features_stattest=v.optional(_test_for("cat")),
    num_features_stattest=v.optional(_test_for("num")),
    per_feature_stattest=v.optional(v.mapping_of(_ANY_TEST)),
    feature_stattest_func=v.optional(v.one_or_per_column(_ANY_TEST)),
    cat_target_stattest_func=v.optional(_test_for("cat")),
    num_target_stattest_func=v.optional(_test_for("num")),
    cat_target_threshold=v.optional(v.number(0)),
    num_target_threshold=v.optional(v.number(0)),
)
CONFIG = v.record(
    Config,
    profile_sections=v.optional(_sections, ()),
    dashboard_tabs=v.optional(_tabs, ()),
    data_format=v.optional(
        v.record(
            DataFormat,
            separator=v.optional(_separator, ","),
            header=v.optional(v.boolean, when_null=True),
            date_column=v.optional(v.name),
            encoding=v.optional(_encoding, "utf-8"),
            quote=v.optional(v.one_of('"', "'"), '"'),
            decimal=v.optional(v.one_of(".", ","), "."),
        ),
        DataFormat(),
    ),
    column_mapping=v.optional(
        v.record(
            ColumnMapping,
            target=v.optional(v.name),
            prediction=v.optional(_prediction),
            datetime=v.optional(v.name),
            id=v.optional(v.name),
            numerical_features=_NAMES,
            categorical_features=_NAMES,
            datetime_features=_NAMES,
            target_names=v.optional(_class_names),
            task=v.optional(v.one_of("regression", "classification")),
            pos_label=v.optional(v.label, 1),
        ),
        ColumnMapping(),
    ),
    sampling=v.optional(
        v.record(SamplingPair, reference=v.optional(_sampling, Sampling()), current=v.optional(_sampling, Sampling())),
        SamplingPair(),
    ),
    options=v.optional(
        v.record(
            Options,
            data_drift=v.optional(_drift_options, DataDriftOptions()),
            quality_metrics=v.optional(
                v.record(
                    QualityMetricsOptions,
                    conf_interval_n_sigmas=v.optional(v.integer(1), 1),
                    classification_threshold=v.optional(_SHARE, 0.5),
                    cut_quantile=v.optional(v.one_or_per_column(_cut)),
                ),
                QualityMetricsOptions(),
            ),
        ),
        Options(),
    ),
    pretty_print=v.optional(v.boolean, when_null=False),
)
