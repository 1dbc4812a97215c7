"""
Which column plays which part, decided from the reference file alone: target, prediction, date, features, task.

The rules are those of Evidently 0.1.x. Three things differ: a column that is listed twice counts once, a listed column
of the wrong type is left out with a notice instead of silently, and a name that is in no file is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from evidently_cli.report.config import ColumnMapping
from evidently_cli.report.errors import DataError, did_you_mean, quoted
from evidently_cli.report.wording import label

if TYPE_CHECKING:  # it imports numpy
    from evidently_cli.report.columns import Table

_LISTS = ("numerical_features", "categorical_features", "datetime_features")
_REGRESSION_FROM = 5  # distinct values of a numeric target


@dataclass(frozen=True, slots=True)
class Notice:
    """
    Something the reader should know, about one column or (None) about the whole section.

    `changed`: the column could not be tested, as the current file has nothing of the kind that the reference file has.
    """

    column: str | None
    text: str
    changed: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return self.text if self.column is None else f"{label(self.column, 60)}: {label(self.text, 400)}"


@dataclass(frozen=True, slots=True)
class Roles:
    """The parts that columns play. The feature lists hold neither the target nor a single prediction."""

    date: str | None = None
    id: str | None = None
    target: str | None = None
    prediction: str | tuple[str, ...] | None = None
    numerical: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    datetimes: tuple[str, ...] = ()
    target_names: tuple[str | int, ...] | None = None
    task: Literal["regression", "classification"] | None = None
    notices: tuple[Notice, ...] = ()


def check_names(mapping: ColumnMapping, columns: Iterable[str], file: str) -> None:
    """
    Raise DataError when the mapping names a column that the reference file does not have.

    The default names of target, prediction and datetime may be absent, and the id is only ever taken out.
    """
    known = list(columns)
    defaults = ColumnMapping()
    for key in ("target", "prediction", "datetime", *_LISTS):
        value = getattr(mapping, key)
        if value == getattr(defaults, key):
            continue
        for name in value if isinstance(value, tuple) else (value,):
            if name is not None and name not in known:
                raise DataError(f"{file}: no column {quoted(name)} (column_mapping.{key}){did_you_mean(name, known)}")


def assign_roles(table: Table, mapping: ColumnMapping) -> Roles:
    """Return the part of each column of the reference file; its names must have passed `check_names`."""
    from evidently_cli.report.columns import Dates, Numbers  # imports numpy

    columns = table.columns
    date = mapping.datetime if mapping.datetime in columns else None
    target = mapping.target if mapping.target in columns else None
    single = mapping.prediction if isinstance(mapping.prediction, str) and mapping.prediction in columns else None
    prediction = mapping.prediction if isinstance(mapping.prediction, tuple) else single
    utility = {date, mapping.id, target, single, *(prediction if isinstance(prediction, tuple) else ())}
    notices: list[Notice] = []

    def features(key: str, listed: tuple[str, ...] | None, suited: set[str], taken: Iterable[str]) -> tuple[str, ...]:
        if listed is None:
            return tuple(sorted(suited - utility - set(taken)))
        wrong = [name for name in listed if name not in suited]
        notices.extend(
            Notice(name, f"is listed in {key}, but its values are of another type: left out") for name in wrong
        )
        return tuple(name for name in listed if name in suited - {target, single} - set(taken))

    numbers = {name for name, column in columns.items() if isinstance(column, Numbers)}
    dates = {name for name, column in columns.items() if isinstance(column, Dates)}
    as_categories = mapping.categorical_features
    inferred_elsewhere = (as_categories or ()) if mapping.numerical_features is None else ()
    numerical = tuple(sorted(features("numerical_features", mapping.numerical_features, numbers, inferred_elsewhere)))
    suited = set(columns) - (numbers | dates) if as_categories is None else set(columns)
    return Roles(
        date=date,
        id=mapping.id,
        target=target,
        prediction=prediction,
        numerical=numerical,
        categorical=features("categorical_features", as_categories, suited, numerical),
        datetimes=tuple(sorted(features("datetime_features", mapping.datetime_features, dates, ()))),
        target_names=mapping.target_names,
        task=mapping.task or _task(table, target),
        notices=tuple(notices),
    )


def check_current(roles: Roles, columns: Iterable[str], file: str) -> None:
    """Raise DataError when the current file lacks the target, the single prediction or a feature of the reference."""
    known = set(columns)
    prediction = roles.prediction if isinstance(roles.prediction, str) else None
    for name in (roles.target, prediction, *roles.numerical, *roles.categorical):
        if name is not None and name not in known:
            raise DataError(
                f"{file}: no column {quoted(name)}, which the reference file has{did_you_mean(name, known)}"
            )


def _task(table: Table, target: str | None) -> Literal["regression", "classification"] | None:
    """Infer the task: a numeric target with five or more distinct values is a regression."""
    from evidently_cli.report.columns import Numbers  # imports numpy

    if target is None:
        return None
    column = table.columns[target]
    several = isinstance(column, Numbers) and column.distinct() >= _REGRESSION_FROM
    return "regression" if several else "classification"
