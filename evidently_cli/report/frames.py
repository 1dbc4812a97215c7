"""Tables out of data that has types already: frames of pandas or polars, and Parquet files."""

# ruff: noqa: PD011 - the values of our own columns, not of a frame

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidently_cli.report.columns import Column, Dates, Labels, Numbers, Table
from evidently_cli.report.config import Sampling
from evidently_cli.report.dates import as_dates, check_date_column
from evidently_cli.report.errors import DataError, quoted
from evidently_cli.report.pieces import Piece
from evidently_cli.report.sampling import row_filter
from evidently_cli.report.store import IN_MEMORY, Store

if TYPE_CHECKING:
    import polars as pl

_WIDTH = 8  # bytes of a number
_TEXT_ROWS = 250_000  # that are objects of Python at a time: they take twenty times as much as their codes


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of pandas or polars, with unique names of columns."""

    name: str
    frame: Any
    columns: tuple[str, ...]
    date_column: str | None

    def read(self, sampling: Sampling, *, store: Store = IN_MEMORY) -> Table:
        """Convert the rows that the sampling selects; raise DataError when there is none."""

        def column(position: int, name: str) -> Column:
            is_pandas = isinstance(self.frame, pd.DataFrame)
            return of_pandas(self.frame.iloc[:, position]) if is_pandas else of_polars(self.frame[name])

        read = ((name, column(position, name)) for position, name in enumerate(self.columns))
        # Its numbers are those of the frame, which stays in memory: a copy on disk would save nothing.
        return replace(_table(self, len(self.frame), read, sampling, IN_MEMORY), store=store)


def open_frame(frame: Any, name: str, date_column: str | None = None) -> Frame:
    """Look at a frame; raise DataError for what is none, for columns that share a name, and without the date column."""
    if not hasattr(frame, "columns") or not hasattr(frame, "shape"):
        raise DataError(f"{name}: expected a path, or a frame of pandas or polars, not {type(frame).__name__}")
    columns = _unique((str(column) for column in frame.columns), name)
    check_date_column(date_column, columns, name)
    return Frame(name, frame, columns, date_column)


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """Parquet files of the same columns, of which only the schema was looked at."""

    name: str
    pieces: tuple[Piece, ...]
    columns: tuple[str, ...]
    date_column: str | None

    def read(self, sampling: Sampling, *, store: Store = IN_MEMORY) -> Table:
        """Read all rows and keep those that the sampling selects; raise DataError when there is none."""
        import polars as pl

        with _as_data_errors(self.name):
            schemas = [pl.read_parquet_schema(piece.path) for piece in self.pieces]
            pl.concat([pl.DataFrame(schema=schema) for schema in schemas], how="vertical_relaxed")  # do they fit?
            rows = sum(pl.scan_parquet(piece.path).select(pl.len()).collect().item() for piece in self.pieces)
            # A column at a time takes longer: only where the frame, and what becomes of it, are too much at once.
            all_at_once = store.has_room(2 * _WIDTH * rows * len(self.columns))
            frame = self._frame(None) if all_at_once else None
            read = ((name, of_polars((self._frame([name]) if frame is None else frame)[name])) for name in self.columns)
            return _table(self, rows, read, sampling, store)

    def _frame(self, columns: list[str] | None) -> pl.DataFrame:
        import polars as pl

        parts = [pl.read_parquet(piece.path, columns=columns) for piece in self.pieces]
        return pl.concat(parts, how="vertical_relaxed") if len(parts) > 1 else parts[0]


def open_parquet(files: tuple[Piece, ...], name: str, date_column: str | None = None) -> ParquetFile:
    """Look at the columns of Parquet files; raise DataError for what is no such file, and without the date column."""
    import polars as pl

    with _as_data_errors(name):
        columns = _unique(pl.read_parquet_schema(files[0].path), name)
    check_date_column(date_column, columns, name)
    return ParquetFile(name, files, columns, date_column)


@contextmanager
def _as_data_errors(name: str) -> Iterator[None]:
    import polars as pl

    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{name}: no such file") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{name}: cannot be read as Parquet: {' '.join(str(error).split())[:200]}") from error


def _table(
    source: Frame | ParquetFile,
    rows_read: int,
    columns: Iterable[tuple[str, Column]],
    sampling: Sampling,
    store: Store,
) -> Table:
    mask = row_filter(sampling)(0, rows_read)
    rows = rows_read if mask is None else int(mask.sum())
    if not rows:
        none = "has no rows" if not rows_read else f"the sampling keeps none of the {rows_read} rows"
        raise DataError(f"{source.name}: {none}")

    def typed(name: str, column: Column) -> Column:
        return as_dates(column, f"{source.name}: column {quoted(name)}") if name == source.date_column else column

    kept = {name: _kept(typed(name, column), mask, store) for name, column in columns}
    return Table(source.name, rows, rows_read, kept, store)


def of_pandas(values: pd.Series[Any]) -> Column:
    """Convert a column of pandas: numbers, truth values, instants; what is anything else becomes text."""
    kind = values.dtype.kind if isinstance(values.dtype, np.dtype) else None
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        instants = values.dt.tz_convert("UTC").dt.tz_localize(None) if values.dt.tz is not None else values
        return Dates((instants.to_numpy().astype("datetime64[us]", copy=False),))
    if kind == "b" or isinstance(values.dtype, pd.BooleanDtype):
        return _truth(values.to_numpy(dtype=object), values.isna().to_numpy())
    if pd.api.types.is_numeric_dtype(values.dtype) and kind != "c":
        if kind in ("i", "u", "f"):
            return Numbers((_wide(values.to_numpy()),))
        whole = pd.api.types.is_integer_dtype(values.dtype) and not values.isna().any()
        kept = np.uint64 if whole and pd.api.types.is_unsigned_integer_dtype(values.dtype) else np.int64
        return Numbers((values.to_numpy(dtype=kept) if whole else values.to_numpy(dtype=np.float64, na_value=np.nan),))
    if pd.api.types.infer_dtype(values, skipna=True) == "boolean":
        return _truth(values.to_numpy(dtype=object), values.isna().to_numpy())
    if kind == "O" and values.isna().all():
        return _empty(len(values))
    return _text([values.to_numpy(dtype=object)])


def of_polars(values: pl.Series) -> Column:
    """Convert a column of polars, by the same rules."""
    import polars as pl

    dtype = values.dtype
    if dtype == pl.Boolean:
        return _truth(np.array(values.to_list(), dtype=object), values.is_null().to_numpy())
    if dtype.is_temporal() and dtype in (pl.Date, pl.Datetime):
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return Dates((values.cast(pl.Datetime("us")).to_numpy(),))
    if dtype.is_numeric():
        # numpy has no numbers of 128 bits. By name: not every polars that we take has pl.UInt128.
        whole = dtype.is_integer() and not values.null_count() and not str(dtype).endswith("128")
        return Numbers((_wide((values if whole else values.cast(pl.Float64)).to_numpy()),))
    if dtype == pl.Null:
        return _empty(len(values))
    starts = range(0, len(values), _TEXT_ROWS)
    return _text(np.fromiter(values.slice(start, _TEXT_ROWS).to_list(), dtype=object) for start in starts)


def _empty(rows: int) -> Numbers:
    """Return a column without any value or type: numbers, as in a CSV file."""
    return Numbers((np.full(rows, np.nan),))


def _wide(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as int64, uint64 or float64; every other width fits into one of them."""
    wide = {"i": np.int64, "u": np.int64 if values.dtype.itemsize < 8 else np.uint64, "f": np.float64}  # noqa: PLR2004
    return values.astype(wide[values.dtype.kind], copy=False)


def _truth(values: NDArray[Any], missing: NDArray[np.bool_]) -> Labels:
    codes = np.full(len(values), -1, np.int32)
    codes[~missing] = values[~missing].astype(bool)  # not of all: pd.NA is neither true nor false
    return Labels((codes,), (False, True))


def _text(pieces: Iterable[NDArray[Any]]) -> Labels:
    """Number the labels in order of appearance, and merge those that read the same, such as 1 and "1"."""
    numbers: dict[str, int] = {}
    parts = []
    for piece in pieces:
        try:
            codes, labels = pd.factorize(piece)
        except TypeError:  # lists, dicts and the like have no hash
            codes, labels = pd.factorize(np.fromiter(map(_scalar, piece), dtype=object))
        renumbered = [numbers.setdefault(str(label), len(numbers)) for label in labels]
        parts.append(np.array([*renumbered, -1], np.int32)[codes])
    return Labels(tuple(parts), tuple(numbers))


def _scalar(value: object) -> object:
    return value if pd.api.types.is_scalar(value) else str(value)


def _kept(column: Column, mask: NDArray[np.bool_] | None, store: Store) -> Column:
    parts = column.parts
    if mask is not None:
        parts = ((column.codes if isinstance(column, Labels) else column.values)[mask],)
    return replace(column, parts=tuple(map(store.keep, parts)))


def _unique(names: Iterable[str], name: str) -> tuple[str, ...]:
    columns = tuple(names)
    twice = next((column for index, column in enumerate(columns) if column in columns[:index]), None)
    if twice is not None:
        raise DataError(f"{name}: has two columns called {quoted(twice)}")
    if not columns:
        raise DataError(f"{name}: has no columns")
    return columns
