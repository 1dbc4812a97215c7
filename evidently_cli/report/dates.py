"""The date column of a config: text in one format, and with day and month in one order in both files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidently_cli.report.class_labels import Coded
from evidently_cli.report.columns import Column, DateOrder, Dates, Table
from evidently_cli.report.errors import DataError, did_you_mean, quoted
from evidently_cli.report.roles import Notice
from evidently_cli.report.stattests.samples import label_text

_MONTHS = 12
_SHOWN = 20  # names of columns in an error
_MIXED = "mixed"  # pandas guesses the format of each value by itself


@dataclass(slots=True)
class DateReader:
    """
    Reads dates chunk by chunk, in the format of the first one.

    `order` is that of what was read so far. A chunk can turn it from "assumed", which is the month first, to "day":
    what was read before is then to be `turned`.
    """

    format: str | None = None
    order: DateOrder | None = None

    def read(self, values: pd.Series[Any], where: str) -> NDArray[np.datetime64]:
        """Return the instants of a chunk; raise DataError, which begins with `where`, about one that is no date."""
        present = values.dropna()
        if self.format is None and len(present):
            self.format = _format_of(present.iloc[0])
            self.order = _order_of(self.format)
        try:
            instants = _parsed(values, self.format or _MIXED)
        except (ValueError, OverflowError) as error:
            instants = self._day_first(values, where, error)
        if self.order == "assumed" and (instants.dt.day > _MONTHS).any():
            self.order = "month"
        if self.order == "assumed" and "%z" in (self.format or ""):
            self.order = None  # in UTC the day may be another one: what was read cannot be turned any more
        plain: NDArray[np.datetime64] = instants.dt.tz_localize(None).to_numpy().astype("datetime64[us]", copy=False)
        return plain

    def _day_first(self, values: pd.Series[Any], where: str, error: Exception) -> pd.Series[Any]:
        """Read a chunk that was no date with the month first."""
        formats = [self.format or _MIXED]
        if self.order == "assumed":
            formats.append(re.sub("%[md]", lambda part: {"%m": "%d", "%d": "%m"}[part[0]], formats[0]))
            try:
                instants = _parsed(values, formats[1])
            except (ValueError, OverflowError):
                pass
            else:
                self.format, self.order = formats[1], "day"
                return instants
        present = values.dropna()
        wrong = min((present[_parsed(present, each, errors="coerce").isna()] for each in formats), key=len)
        raise DataError(
            f"{where} (data_format.date_column): {quoted(wrong.iloc[0])} is not a date, "
            "or is not written like those before it"
        ) from error


def _parsed(values: pd.Series[Any], date_format: str, errors: Any = "raise") -> pd.Series[Any]:
    # utc: instants with a time zone are told in UTC; those without are left as they are.
    return pd.to_datetime(values, format=date_format, errors=errors, utc=True)


def _format_of(text: str) -> str:
    """Return the format of a date, with the month first where it can be either."""
    guess = pd.tseries.api.guess_datetime_format(text) or _MIXED
    return "ISO8601" if guess.startswith("%Y-%m-%d") else guess


def _order_of(date_format: str) -> DateOrder | None:
    """Return what the format of one date says: pandas puts the day first only where that number is no month."""
    if date_format.startswith("%Y") or "%m" not in date_format or "%d" not in date_format:
        return None
    return "day" if date_format.index("%d") < date_format.index("%m") else "assumed"


def turned(instants: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Return dates whose day was taken for the month, and the month for the day."""
    days = instants.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    years = months.astype("datetime64[Y]")
    day, month = (days - months).astype(np.int64), (months - years).astype(np.int64)  # from 0; NaT stays NaT
    new_months = years.astype("datetime64[M]") + day.astype("timedelta64[M]")
    new_days = new_months.astype("datetime64[D]") + month.astype("timedelta64[D]")
    read_anew: NDArray[np.datetime64] = new_days + (instants - days)
    return read_anew


def check_date_column(name: str | None, columns: Sequence[str], file: str) -> None:
    """Raise DataError when a file lacks the column that the config calls its dates."""
    if name is not None and name not in columns:
        hint = did_you_mean(name, columns) or f"; there are: {', '.join(columns[:_SHOWN])}"
        raise DataError(f"{file}: no column {quoted(name)} (data_format.date_column){hint}")


def as_dates(column: Column, where: str) -> Dates:
    """Read what a column holds as dates, unless they are; raise DataError, which begins with `where`."""
    if isinstance(column, Dates):
        return column
    coded, reader = Coded.of(column), DateReader()
    texts = pd.Series([label_text(label) for label in coded.labels], dtype="str")
    instants = np.append(
        reader.read(texts, where), np.datetime64("NaT", "us")
    )  # the last one is that of a missing value
    return Dates((instants[coded.codes],), reader.order)


def in_one_order(tables: Sequence[Table], name: str) -> tuple[list[Table], list[Notice]]:
    """
    Read the dates of column `name` in the order that one of the files settles; tell where none does.

    In files of a few days, such as 01/06/2024 to 09/06/2024, every date may be read both ways.
    """
    columns = [column if isinstance(column := table.columns.get(name), Dates) else None for table in tables]
    orders = {column.order for column in columns if column}
    if "day" in orders:
        return [
            _day_first(table, name, column) if column and column.order == "assumed" else table
            for table, column in zip(tables, columns, strict=True)
        ], []
    unsettled = "assumed" in orders and "month" not in orders
    text = "day or month may come first, as no day is above 12: read with the month first; dates like 2024-06-09 leave"
    return list(tables), [Notice(name, f"{text} no doubt")] if unsettled else []


def _day_first(table: Table, name: str, column: Dates) -> Table:
    parts = tuple(table.store.keep(turned(part[:])) for part in column.parts)
    return replace(table, columns={**table.columns, name: Dates(parts, "day")})
