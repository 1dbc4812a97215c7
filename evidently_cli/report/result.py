"""From two files to a result that can be written as a profile or as a report."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from evidently_cli.report.ahead import begin
from evidently_cli.report.config import Config, Kind, Sampling, TabConfig
from evidently_cli.report.errors import DataError, SectionError
from evidently_cli.report.roles import Notice, assign_roles, check_current, check_names
from evidently_cli.report.section import SectionResult, Unavailable
from evidently_cli.report.sections import SECTIONS, Inputs, compute, second_file

if TYPE_CHECKING:  # it imports numpy
    from evidently_cli.report.columns import Table


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What was read of one file."""

    name: str  # without folders
    rows_read: int
    rows_kept: int  # after sampling
    columns: int
    sampling: str  # "", or a phrase: "every 10th row", "a random 20 % (seed 1)"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one run. `created` is naive local time, as the profile has it."""

    reference: FileFacts
    current: FileFacts | None
    sections: Mapping[str, SectionResult]  # by section id, in the order of the config
    created: datetime
    tabs: tuple[TabConfig, ...] = ()  # how a report shows its sections

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the reader should know about the data, over all sections."""
        return tuple(dict.fromkeys(notice for section in self.sections.values() for notice in section.notices))

    @property
    def drifted(self) -> bool | None:
        """Whether any section found drift; None where none looks for it."""
        verdicts = [section.drifted for section in self.sections.values() if section.drifted is not None]
        return any(verdicts) if verdicts else None

    def to_dict(self) -> dict[str, object]:
        """Return the profile: one object per section, and the time of the run, last."""
        created = self.created.strftime("%Y-%m-%d %H:%M:%S.%f")
        files = {"reference": self.reference, "current": self.current}
        rows = {which: {"read": file.rows_read, "kept": file.rows_kept} for which, file in files.items() if file}
        sections = {
            key: {"name": key, "datetime": created, "data": {**section.to_dict(), "rows": rows}}
            for key, section in ((SECTIONS[name].key or name, section) for name, section in self.sections.items())
        }
        return {**sections, "timestamp": created}

    def to_json(self, *, indent: bool) -> str:
        """Return the profile as strictly valid ASCII JSON: numbers that are not finite are null."""
        return json.dumps(_finite(self.to_dict()), indent=2 if indent else None, allow_nan=False)

    def to_html(self, title: str | None = None) -> str:
        """Return the report as one HTML page that opens offline. A result of kind "profile" has no plots."""
        from evidently_cli.report.page import render  # imports jinja2

        reference = self.reference.name
        return render(self, title or (f"{self.current.name} compared with {reference}" if self.current else reference))

    def _repr_html_(self) -> str:
        """Show the report in a notebook, in a frame of its own: neither's style and scripts reach the other."""
        page = html.escape(self.to_html(), quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 800px; border: 0"></iframe>'


def calculate(
    reference: object,
    current: object = None,
    config: Config | Mapping[str, object] = Config(profile_sections=("data_drift",)),  # noqa: B008 - frozen
    *,
    kind: Kind | None = None,
    progress: Callable[[str], None] = lambda _stage: None,
    memory: int | None = None,
) -> Result:
    """
    Read the data and compute what the config asks for.

    `reference` and `current` are paths of CSV or Parquet files (a pattern such as "2026-*.csv" for several, "-" for
    standard input), or frames of pandas or polars. `kind` says what will be written: "profile" computes the config's
    `profile_sections` and no plots, "report" its `dashboard_tabs`; None computes the sections of both, for both.

    `progress` is told each stage as it begins ("reading ref.csv and cur.csv"). `memory` is how many bytes of columns
    may stay in memory, by default a quarter of what the system has to spare: the others wait in a temporary file, and
    no number changes. Raises ConfigError, before any data is read in full, or DataError.
    """
    config = config if isinstance(config, Config) else Config.from_dict(config)
    config.check(kind)
    sections = config.sections(kind)
    for section in sections:
        if SECTIONS[section].needs_current:
            second_file(section, current)

    from evidently_cli.report.csv_errors import parser_warnings_as_errors  # imports pandas
    from evidently_cli.report.dates import in_one_order
    from evidently_cli.report.sources import open_source
    from evidently_cli.report.store import Store  # imports numpy

    # Both files are looked at before the first is read: a misspelt path or name is told at once.
    reference_file = open_source(reference, "reference", config.data_format)
    check_names(config.column_mapping, reference_file.columns, reference_file.name)
    current_file = open_source(current, "current", config.data_format) if current is not None else None
    try:
        # Parsers work beside one another: a second file costs half of a first one.
        with parser_warnings_as_errors(), Store.of_quarter() if memory is None else Store(memory) as store:
            progress(f"reading {' and '.join(file.name for file in (reference_file, current_file) if file)}")
            reading = current_file and begin(partial(current_file.read, config.sampling.current, store=store))
            try:
                reference_table = reference_file.read(config.sampling.reference, store=store)
                roles = assign_roles(reference_table, config.column_mapping)
                if current_file:
                    check_current(roles, current_file.columns, current_file.name)
            except Exception:
                store.stop()
                if reading:
                    reading.exception()  # it ends at its next rows, and must not outlive what it writes to
                raise
            tables = [reference_table, *([reading.result()] if reading else [])]
            if config.data_format.date_column is not None:
                tables, told = in_one_order(tables, config.data_format.date_column)
                roles = replace(roles, notices=(*roles.notices, *told))
            tables = [table.settled() for table in tables]
            reference_table, current_table = tables[0], tables[1] if reading else None
            inputs = Inputs(reference_table, current_table, roles, config, kind != "profile", progress)
            return Result(
                reference=_facts(reference_table, config.sampling.reference),
                current=_facts(current_table, config.sampling.current) if current_table else None,
                sections=_compute_all(sections, inputs),
                created=datetime.now(),  # noqa: DTZ005 - naive local time, as in Evidently 0.1.x
                tabs=tuple(_tab(config, section) for section in sections),
            )
    except MemoryError as error:
        raise DataError("there is too little memory even for a few columns: let sampling keep fewer rows") from error


def _tab(config: Config, section: str) -> TabConfig:
    """Return how a report shows a section; one that is only in `profile_sections` is shown in full."""
    return next((tab for tab in config.dashboard_tabs if tab.id == section), TabConfig(section))


def _compute_all(sections: tuple[str, ...], inputs: Inputs) -> dict[str, SectionResult]:
    """Compute each section by itself: one that lacks its columns says so in its place, unless there is no other."""
    results: dict[str, SectionResult] = {}
    failure = None
    for section in sections:
        try:
            results[section] = compute(section, inputs)
        except SectionError as error:
            failure = failure or error
            results[section] = Unavailable(str(error), inputs.roles)
    if failure and all(isinstance(result, Unavailable) for result in results.values()):
        raise failure
    return results


def _facts(table: Table, sampling: Sampling) -> FileFacts:
    return FileFacts(table.name, table.rows_read, table.rows, len(table.columns), _phrase(sampling))


def _phrase(sampling: Sampling) -> str:
    if sampling.type == "nth" and sampling.n > 1:
        return f"every {_ordinal(sampling.n)} row"
    if sampling.type == "random" and sampling.ratio < 1:
        return f"a random {100 * sampling.ratio:.3g} % (seed {sampling.seed})"
    return ""


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _finite(value: object) -> object:
    """Return a JSON value in which null stands for every number that JSON cannot write."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
