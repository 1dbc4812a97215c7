"""A first config for some data: what was found in it, with every choice told in a comment."""

from __future__ import annotations

import codecs
import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd
import yaml

from evidently_cli.report.columns import Labels, Table
from evidently_cli.report.config import ColumnMapping, DataFormat, Sampling
from evidently_cli.report.errors import DataError, EncodingError
from evidently_cli.report.pieces import STANDARD_INPUT, pieces
from evidently_cli.report.roles import Roles, assign_roles, check_current
from evidently_cli.report.sources import PARQUET, open_source
from evidently_cli.report.wording import count, label

_SEPARATORS = ",;\t|"
_HEAD_BYTES = 65_536
_OTHER_ENCODING = "cp1252"  # of what is no UTF-8: what Windows saves in most of Europe and America
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TARGETS = ("target", "label", "y", "class", "y_true", "actual")
_PREDICTIONS = ("prediction", "predicted", "pred", "y_pred", "y_hat")
_TRIED = 200  # labels of a column that may be dates
_FRACTION = {mark: re.compile(rf"(?<![\d.,])\d+{re.escape(mark)}\d+(?![\d.,])") for mark in ",."}
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_SHOWN = 12  # columns in a comment

_TAIL = """\
# Rows to keep of each file: none (all), nth (every n-th) or random (the share `ratio`, the same for the same seed).
# sampling:
#   reference: {type: random, ratio: 0.1, random_seed: 1}
#   current: {type: nth, n: 10}

# options:
#   data_drift:
#     drift_share: 0.5        # the file has drifted when this share of its columns has
#     threshold: 0.05         # for every test; or one per column: {name: 0.05}
#     all_features_stattest: psi
#     per_feature_stattest: {name: ks}

pretty_print: true            # indent the profile
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What the reference file looks like."""

    table: Table
    data_format: DataFormat
    roles: Roles


def look_at(path: Path) -> Look:
    """Read a data file without being told how; raise DataError when it cannot be read."""
    _refuse_standard_input(path)
    is_parquet = path.suffix.lower() in PARQUET
    head = b"" if is_parquet else _head(pieces(path)[0].path)
    data_format = _format(head)
    try:
        table = open_source(path, "reference", data_format).read(Sampling())
    except EncodingError:
        if b"\0" in head:  # no text, or UTF-16 that does not say so
            raise
        data_format = replace(data_format, encoding=_OTHER_ENCODING)
        table = open_source(path, "reference", data_format).read(Sampling())
    date = None
    for name in filter(partial(_holds_dates, table), table.columns):
        with suppress(DataError):  # its first labels are dates, and others are not
            dated = replace(data_format, date_column=name)
            table = open_source(path, "reference", dated).read(Sampling())
            date, data_format = name, dated
            break
    target = _named(table, _TARGETS)
    mapping = ColumnMapping(target=target, prediction=_prediction(table, target), datetime=date)
    return Look(table, data_format, assign_roles(table, mapping))


def check_second(look: Look, path: Path) -> None:
    """Raise DataError when the file that will be judged cannot be read in the same way, or lacks a column."""
    _refuse_standard_input(path)
    source = open_source(path, "current", look.data_format)
    check_current(look.roles, source.columns, source.name)


def _refuse_standard_input(path: Path) -> None:
    if path == STANDARD_INPUT:
        raise DataError("standard input: is read once, but looked at more than once: save it as a file first")


def starter_config(look: Look, *, with_current: bool) -> str:
    """Return the text of a YAML config: valid as it is, and explained."""
    return "\n".join((*_lines(look, with_current=with_current), _TAIL))


def _lines(look: Look, *, with_current: bool) -> Iterator[str]:
    roles, table = look.roles, look.table
    found = f"{table.rows:,} rows, {len(table.columns):,} columns"
    yield f"# Made by `evidently init` from {label(table.name, 60)}: {found}."
    yield "# Change what is wrong. All but the sections can be left out."
    yield ""
    yield "data_format:"
    yield f"  separator: {_quoted(look.data_format.separator)}"
    yield f"  decimal: {_quoted(look.data_format.decimal)}                # in numbers"
    yield "  header: true                # false: the columns are called 0, 1, ..."
    yield f"  date_column: {_value(look.data_format.date_column)}"
    yield f"  encoding: {_encoding(look.data_format.encoding)}"
    yield ""
    yield "column_mapping:"
    yield f"  target: {_value(roles.target)}{_task(look)}"
    yield f"  prediction: {_value(roles.prediction)}"
    yield f"  datetime: {_value(roles.date)}"
    yield "  id: null                    # a column that is neither a feature nor anything else"
    yield f"  numerical_features: null    # null: {_found(roles.numerical)}"
    yield f"  categorical_features: null  # null: {_found(roles.categorical)}"
    yield ""
    sections = _sections(roles, with_current=with_current)
    for key, command in (("profile_sections", "profile"), ("dashboard_tabs", "report")):
        yield f"{key}:{' ' * (30 - len(key) - 1)}# what `evidently calculate {command}` computes"
        yield from (f"  - {section}" for section in sections)
        yield ""


def _sections(roles: Roles, *, with_current: bool) -> list[str]:
    several = isinstance(roles.prediction, tuple)
    regression = roles.task == "regression"
    performance = "regression" if regression else "prob_classification" if several else "classification"
    wanted = {
        "data_drift": with_current,
        "data_quality": True,
        f"{'num' if regression else 'cat'}_target_drift": with_current and roles.target is not None,
        f"{performance}_performance": roles.target is not None and roles.prediction is not None,
    }
    return [section for section, is_wanted in wanted.items() if is_wanted]


def _task(look: Look) -> str:
    target = look.roles.target
    if target is None:
        return "                # the column that a model should predict"
    return f"  # {look.roles.task}; set `task` when that is wrong"


def _found(names: Sequence[str]) -> str:
    shown = ", ".join(label(name, 30) for name in names[:_SHOWN])
    more = f", and {count(len(names) - _SHOWN)} more" if len(names) > _SHOWN else ""
    return f"{shown or 'none'}{more}"


def _encoding(found: str) -> str:
    comment = 'or "cp1252", "utf-16", ...'
    if found == _OTHER_ENCODING:
        comment = "a guess, as it is not UTF-8: look whether names and labels are right"
    return f"{_quoted(found):17} # {comment}"


def _head(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (OSError, EOFError):
        return b""  # a file that cannot be read: reading it tells why


def _format(head: bytes) -> DataFormat:
    """
    Return the separator that the first line has most of, outside of quotation marks, and UTF-16 where it says so.

    Numbers have a comma where fields do not end with one, and more of them look so than with a point.
    """
    encoding = "utf-16" if head.startswith(_UTF_16) else "utf-8"
    text = head.decode(encoding, "replace")
    separator = max(_SEPARATORS, key=re.sub('"[^"]*"', "", text.split("\n")[0]).count)
    commas, points = (len(_FRACTION[mark].findall(text)) for mark in ",.")
    decimal = "," if separator != "," and commas > points else "."
    return DataFormat(separator=separator, encoding=encoding, decimal=decimal)


def _holds_dates(table: Table, name: str) -> bool:
    column = table.columns[name]
    if not isinstance(column, Labels) or not column.labels:
        return False
    texts = [str(text) for text in column.labels[:_TRIED]]
    return all(map(_DATE.search, texts)) and bool(
        pd.to_datetime(texts, format="mixed", errors="coerce", utc=True).notna().all()
    )


def _prediction(table: Table, target: str | None) -> str | tuple[str, ...] | None:
    """Return the column of predictions, or the columns that are called like the labels of the target."""
    single = _named(table, _PREDICTIONS)
    column = table.columns.get(target) if target is not None else None
    if single is None and isinstance(column, Labels):
        labels = tuple(str(text) for text in column.labels)
        if len(labels) > 1 and all(text in table.columns for text in labels):
            return labels
    return single


def _named(table: Table, names: Iterable[str]) -> str | None:
    lower = {name.lower(): name for name in reversed(tuple(table.columns))}
    return next((lower[name] for name in names if name in lower), None)


def _value(name: str | tuple[str, ...] | None) -> str:
    if name is None:
        return "null"
    return _quoted(name) if isinstance(name, str) else f"[{', '.join(map(_quoted, name))}]"


def _quoted(text: str) -> str:
    return str(yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9)).strip()
