"""
A CSV file, read in chunks into compact columns.

The types are those that pandas would infer from the whole file, however the chunks fall, and numbers are parsed by its
default parser. Chunks keep the peak of memory at about the size of the result: text becomes codes as soon as it is
read, and rows that the sampling drops never pile up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidently_cli.report.columns import Column, Dates, Labels, Numbers, Table
from evidently_cli.report.config import DataFormat, Sampling
from evidently_cli.report.csv_errors import as_data_errors, parser_warnings_as_errors
from evidently_cli.report.dates import DateReader, check_date_column, turned
from evidently_cli.report.errors import DataError, quoted
from evidently_cli.report.pieces import Piece, pieces
from evidently_cli.report.sampling import row_filter
from evidently_cli.report.store import IN_MEMORY, Kept, Store

_CHUNK_ROWS = 65_536  # measured: fewer is slower, more is not faster
_FIRST_ROWS = 1_000  # text among them is text in the whole file, and can be read as codes at once


@dataclass(frozen=True, slots=True)
class CsvFile:
    """CSV files, each of which was looked at: it exists, can be parsed and has these columns."""

    name: str
    pieces: tuple[Piece, ...]
    data_format: DataFormat
    columns: tuple[str, ...]
    text_columns: frozenset[str]

    def read(self, sampling: Sampling, chunk_rows: int = _CHUNK_ROWS, store: Store = IN_MEMORY) -> Table:
        """Read all rows and keep those that the sampling selects; raise DataError when none is left."""
        date = self.data_format.date_column
        gathered = {name: _Gathered(store, name == date, name in self.text_columns) for name in self.columns}
        rows_read, rows = self._gather(gathered, self.text_columns, sampling, chunk_rows)
        if not rows:
            raise DataError(f"{self.name}: the sampling keeps none of the {rows_read} rows")
        # What is text only further down was read as numbers above it. Their text ("007") is in the file alone.
        late = {name: _Gathered(store, is_text=True) for name, column in gathered.items() if column.is_mixed()}
        if late:
            self._gather(late, frozenset(late), sampling, chunk_rows)
        for piece in self.pieces:
            piece.close()
        return Table(
            name=self.name,
            rows=rows,
            rows_read=rows_read,
            columns={name: column.column() for name, column in (gathered | late).items()},
            store=store,
        )

    def _gather(
        self, into: dict[str, _Gathered], text: frozenset[str], sampling: Sampling, chunk_rows: int
    ) -> tuple[int, int]:
        """Add every chunk to the columns `into`; return the number of rows read and kept."""
        keep = row_filter(sampling)
        rows_read = rows = 0
        for frame in self._frames(into, text, chunk_rows):
            mask = keep(rows_read, len(frame))
            rows_read += len(frame)
            rows += len(frame) if mask is None else int(mask.sum())
            for name, column in into.items():
                column.add(frame[name], mask, f"{self.name}: column {quoted(name)}")
        return rows_read, rows

    def _frames(self, wanted: Collection[str], text: frozenset[str], chunk_rows: int) -> Iterator[pd.DataFrame]:
        dtype: dict[str, Any] = dict.fromkeys(text, "str")
        if self.data_format.date_column in self.columns:
            dtype[self.data_format.date_column] = "str"
        options: dict[str, Any] = {"names": list(self.columns), "dtype": dtype, "chunksize": chunk_rows}
        if len(wanted) < len(self.columns):  # only then: with it, pandas does not check the length of rows
            options["usecols"] = list(wanted)
        for piece in self.pieces:
            options |= _reader_options(piece.path, self.data_format)
            with as_data_errors(piece.path), pd.read_csv(piece.source(), **options) as chunks:
                yield from chunks


def open_csv(path: Path, data_format: DataFormat) -> CsvFile:
    """
    Look at the first rows of a CSV file (or `.csv.gz`), or of all that a pattern matches, or of standard input ("-").

    Raises DataError for what can be known so early: no such file, not UTF-8, no rows, a wrong separator, columns that
    share a name or are not those of the first file, a date column that is not there.
    """
    files = pieces(path)
    names, text = _looked_at(files[0], data_format)
    for piece in files[1:]:
        its_names, its_text = _looked_at(piece, data_format)
        if its_names != names:
            other = next((name for name in (*names, *its_names) if (name in names) != (name in its_names)), None)
            how = "in another order" if other is None else f"{quoted(other)} is in one of them only"
            raise DataError(f"{piece.path}: its columns are not those of {files[0].path}: {how}")
        text |= its_text
    name = path.name if len(files) > 1 else files[0].path.name
    return CsvFile(name, files, data_format, names, text - {data_format.date_column})


def _looked_at(piece: Piece, data_format: DataFormat) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return a file's columns, and those that have text among the first rows."""
    options = _reader_options(piece.path, data_format)
    with parser_warnings_as_errors(), as_data_errors(piece.path):
        first = pd.read_csv(piece.source(), **options | {"header": None}, nrows=1, dtype="str", keep_default_na=False)
        names = _column_names([str(name) for name in first.iloc[0]], piece.path, data_format)
        frame = pd.read_csv(piece.source(), names=list(names), nrows=_FIRST_ROWS, **options)
    if frame.empty:
        raise DataError(f"{piece.path.name}: has a header, but no rows")
    return names, frozenset(name for name in names if _kind(frame[name]) == "text")


def _reader_options(path: Path, data_format: DataFormat) -> dict[str, Any]:
    return {
        "sep": data_format.separator,
        "header": 0 if data_format.header else None,
        "encoding": data_format.encoding,
        "quotechar": data_format.quote,
        "decimal": data_format.decimal,
        "compression": "gzip" if path.suffix.lower() == ".gz" else None,
        "index_col": False,  # else pandas takes the first column for row names when rows are longer than the header
        "low_memory": False,  # else it infers types from pieces of the chunk and mixes them
    }


def _column_names(first_row: list[str], path: Path, data_format: DataFormat) -> tuple[str, ...]:
    """Return the names of the columns: the first row, or "0", "1", ... where that is data."""
    separators = [separator for separator in ",;\t|" if separator != data_format.separator]
    other = next((separator for separator in separators if separator in first_row[0]), None)
    if len(first_row) == 1 and other:
        raise DataError(
            f"{path.name}: has a single column {quoted(first_row[0])}: is data_format.separator {quoted(other)}?"
        )
    if data_format.header:
        names = tuple(name or f"Unnamed: {index}" for index, name in enumerate(first_row))
    else:
        names = tuple(str(index) for index in range(len(first_row)))
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise DataError(f"{path.name}: has two columns called {quoted(twice)}")
    check_date_column(data_format.date_column, names, path.name)
    return names


def _kind(values: pd.Series[Any]) -> str:
    """Return what pandas took a chunk of a column for: "number", "bool", "text", or "empty" without any value."""
    if values.dtype.kind == "b":
        return "bool"
    if values.dtype.kind in "iuf":
        return "empty" if values.dtype.kind == "f" and values.isna().all() else "number"
    return "bool" if pd.api.types.infer_dtype(values, skipna=True) == "boolean" else "text"


@dataclass(slots=True)
class _Gathered:
    """One column, growing by chunks."""

    store: Store
    is_date: bool = False
    is_text: bool = False
    kinds: set[str] = field(default_factory=set)
    parts: list[Kept] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)  # of the labels of a text column, in order of appearance
    dates: DateReader = field(default_factory=DateReader)

    def add(self, values: pd.Series[Any], mask: NDArray[np.bool_] | None, where: str) -> None:
        """Add the kept rows of a chunk. The type is that of the whole file, so the other rows have a say in it."""
        part: NDArray[Any]
        if self.is_date:
            order = self.dates.order
            part = self.dates.read(values, where)
            if order == "assumed" and self.dates.order == "day":
                self.parts = [self.store.keep(turned(each[:])) for each in self.parts]
        elif self.is_text:
            part = self._text_codes(values)
        else:
            kind = _kind(values)
            self.kinds.add(kind)
            if self.is_mixed():
                self.parts.clear()
                return
            part = _truth_codes(values) if kind == "bool" else values.to_numpy()
        self.parts.append(self.store.keep(part if mask is None else part[mask]))

    def is_mixed(self) -> bool:
        """Whether the values are numbers in one chunk and something else in another: then all are text."""
        return "text" in self.kinds or {"number", "bool"} <= self.kinds

    def column(self) -> Column:
        """Return the whole column."""
        if self.is_date:
            return Dates(tuple(self.parts), self.dates.order)
        if self.is_text:
            return Labels(tuple(self.parts), tuple(self.codes))
        if "bool" in self.kinds:  # a part without any value was read as NaN
            return Labels(tuple(map(self._codes, self.parts)), (False, True))
        return Numbers(tuple(self.parts))

    def _codes(self, part: Kept) -> Kept:
        return self.store.keep(np.full(len(part), -1, np.int32)) if part.dtype.kind == "f" else part

    def _text_codes(self, values: pd.Series[Any]) -> NDArray[np.int32]:
        codes, labels = pd.factorize(values.to_numpy(dtype=object))
        renumbered = [self.codes.setdefault(label, len(self.codes)) for label in labels]
        return np.array([*renumbered, -1], np.int32)[codes]  # the code of a missing value, -1, picks the last: -1


def _truth_codes(values: pd.Series[Any]) -> NDArray[np.int32]:
    """Return 0 for false, 1 for true, -1 for missing."""
    codes = np.where(values.isna(), -1, values == True)  # noqa: E712 - elementwise, and False for a missing value
    return codes.astype(np.int32)
