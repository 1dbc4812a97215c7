"""
The config of a run: what the data looks like, what to compute, and how.

The keys are those of Evidently 0.1.x, so that its config files keep working. Every key is optional, and every value is
checked here, before any data is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evidently_cli.report.errors import ConfigError, quoted

Kind = Literal["profile", "report"]


@dataclass(frozen=True, slots=True)
class DataFormat:
    """
    How to read the files: the dates of all of them, and the rest of CSV.

    Without a header line the columns are called "0", "1", ...
    """

    separator: str = ","
    header: bool = True
    date_column: str | None = None
    encoding: str = "utf-8"
    quote: str = '"'
    decimal: str = "."


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column plays which part. None for a list of features means: infer it from the reference file."""

    target: str | None = "target"
    prediction: str | tuple[str, ...] | None = "prediction"
    datetime: str | None = "datetime"
    id: str | None = None
    numerical_features: tuple[str, ...] | None = None
    categorical_features: tuple[str, ...] | None = None
    datetime_features: tuple[str, ...] | None = None
    target_names: tuple[str | int, ...] | None = None
    task: Literal["regression", "classification"] | None = None
    pos_label: str | int = 1


@dataclass(frozen=True, slots=True)
class Sampling:
    """
    Which data rows to keep.

    `none` keeps all; `nth` keeps rows 1, n + 1, 2n + 1, ...; `random` keeps each row with the probability `ratio`.
    (In Evidently 0.1.x, `ratio` was the share to drop, and `nth` with n = 1 kept nothing.)
    """

    type: Literal["none", "nth", "random"] = "none"
    n: int = 1
    ratio: float = 1.0
    random_seed: int | None = None

    @property
    def seed(self) -> int:
        """The seed in effect: a run can be repeated even where the config names none."""
        return 1 if self.random_seed is None else self.random_seed


@dataclass(frozen=True, slots=True)
class SamplingPair:
    """The sampling of each file."""

    reference: Sampling = Sampling()
    current: Sampling = Sampling()


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of a fixed size over a fixed range; values outside are not drawn."""

    start: float
    end: float
    size: float


@dataclass(frozen=True, slots=True)
class DataDriftOptions:
    """
    How to test for drift. Where both are given, a name per column wins over one per type, and that over one for all.

    `threshold` replaces the threshold of every test. `confidence` is its older twin (threshold = 1 - confidence) and
    speaks of p-values, so it applies to the tests that give one and leaves distances alone. (In Evidently 0.1.x it
    lowered the threshold of distances as well, from 0.1 to 0.05, in files of more than 1000 rows.)
    """

    confidence: float | Mapping[str, float] | None = None
    threshold: float | Mapping[str, float] | None = None
    drift_share: float = 0.5
    nbinsx: int | Mapping[str, int] = 10
    xbins: Mapping[str, Bins] | None = None
    all_features_stattest: str | None = None
    cat_features_stattest: str | None = None
    num_features_stattest: str | None = None
    per_feature_stattest: Mapping[str, str] | None = None
    feature_stattest_func: str | Mapping[str, str] | None = None
    cat_target_stattest_func: str | None = None
    num_target_stattest_func: str | None = None
    cat_target_threshold: float | None = None
    num_target_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class QualityMetricsOptions:
    """
    How to draw and threshold model quality.

    `cut_quantile` is a side ("left", "right" or "two-sided") and a quantile of the reference, at which histograms are
    cut: of every numeric column, or of the named ones. No number changes by that.
    """

    conf_interval_n_sigmas: int = 1
    classification_threshold: float = 0.5
    cut_quantile: tuple[str, float] | Mapping[str, tuple[str, float]] | None = None

    def cut_of(self, column: str) -> tuple[str, float] | None:
        """Return the side and the quantile at which the histograms of a column are cut."""
        return self.cut_quantile.get(column) if isinstance(self.cut_quantile, Mapping) else self.cut_quantile


@dataclass(frozen=True, slots=True)
class Options:
    """The options of each family of sections."""

    data_drift: DataDriftOptions = field(default_factory=DataDriftOptions)
    quality_metrics: QualityMetricsOptions = field(default_factory=QualityMetricsOptions)


@dataclass(frozen=True, slots=True)
class TabConfig:
    """One tab of the report. `include_widgets` names the widgets to show and wins over `verbose_level`."""

    id: str
    verbose_level: int = 1
    include_widgets: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A whole config, checked."""

    profile_sections: tuple[str, ...] = ()
    dashboard_tabs: tuple[TabConfig, ...] = ()
    data_format: DataFormat = DataFormat()
    column_mapping: ColumnMapping = ColumnMapping()
    sampling: SamplingPair = SamplingPair()
    options: Options = field(default_factory=Options)
    pretty_print: bool = False

    @classmethod
    def from_dict(cls, config: object) -> Config:
        """Check the value of a parsed config file; raise ConfigError about the first thing that is wrong with it."""
        from evidently_cli.report.schema import CONFIG  # which imports the classes of this module

        return CONFIG(config, "")

    def sections(self, kind: Kind | None) -> tuple[str, ...]:
        """Return the ids of the sections that a profile, a report, or (None) either asks for, in the config's order."""
        tabs = tuple(tab.id for tab in self.dashboard_tabs)
        both = tuple(dict.fromkeys((*self.profile_sections, *tabs)))
        return {"profile": self.profile_sections, "report": tabs, None: both}[kind]

    def check(self, kind: Kind | None) -> None:
        """Raise ConfigError when no section is asked for, or a widget that its tab does not have."""
        from evidently_cli.report.sections import SECTIONS  # whose results hold the options of this module

        key = "profile_sections" if kind == "profile" else "dashboard_tabs"
        if not self.sections(kind):
            raise ConfigError(
                f'{key} is missing or empty: it says what to compute; for example "{key}": ["data_drift"]'
            )
        for tab in self.dashboard_tabs if kind != "profile" else ():
            for title in set(tab.include_widgets or ()) - set(SECTIONS[tab.id].widgets):
                known = ", ".join(quoted(widget) for widget in SECTIONS[tab.id].widgets)
                raise ConfigError(
                    f"{key}.{tab.id}.include_widgets: no widget is called {quoted(title)}; there is {known}"
                )


def load_config(path: Path) -> Config:
    """
    Read a config file: JSON if its name ends in .json, YAML if in .yaml or .yml.

    Raises ConfigError with the file's name, and with line and column where the text itself is broken.
    """
    parse = {".json": _parse_json, ".yaml": _parse_yaml, ".yml": _parse_yaml}.get(path.suffix.lower())
    if parse is None:
        raise ConfigError(f"{path.name or path}: a config is a .json, .yaml or .yml file")
    try:
        return Config.from_dict(parse(path.read_text(encoding="utf-8-sig")))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such config file") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: is not UTF-8 text (byte {error.start + 1})") from error
    except RecursionError as error:
        raise ConfigError(f"{path.name}: is nested too deeply") from error
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error


def _parse_json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise ConfigError(f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:  # an integer of more than 4300 digits
        raise ConfigError(f"not JSON: {error}") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object; raise ConfigError for a key that stands there twice, as one of the two would not count."""
    made: dict[str, object] = {}
    for key, value in pairs:
        if key in made:
            raise ConfigError(f"{quoted(key)} stands twice in one object")
        made[key] = value
    return made


def _parse_yaml(text: str) -> object:
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            _once([(key.value, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)])
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)  # noqa: S506 - a safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"not YAML: {place}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:  # control characters; a date such as 2020-99-99
        raise ConfigError(f"not YAML: {' '.join(str(error).split())}") from error
