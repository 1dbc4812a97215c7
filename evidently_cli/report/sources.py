"""What can be compared: CSV and Parquet files by their path, and frames of pandas and polars."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from evidently_cli.report.columns import Table
from evidently_cli.report.config import DataFormat, Sampling
from evidently_cli.report.store import IN_MEMORY, Store

PARQUET = frozenset({".parquet", ".pq"})


class Source(Protocol):
    """Data that was looked at, but not yet read."""

    @property
    def name(self) -> str:
        """What a reader knows it by: a file's name without folders."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        ...

    def read(self, sampling: Sampling, /, *, store: Store = IN_MEMORY) -> Table:
        """Read all rows and keep those that the sampling selects, in this store unless they are in memory already."""
        ...


def open_source(data: object, which: str, data_format: DataFormat) -> Source:
    """Look at a file or a frame; `which` is what a frame is called. Raises DataError for what can be known so early."""
    if not isinstance(data, str | os.PathLike):
        from evidently_cli.report.frames import open_frame

        return open_frame(data, which, data_format.date_column)
    path = Path(data)
    if path.suffix.lower() in PARQUET:
        from evidently_cli.report.frames import open_parquet
        from evidently_cli.report.pieces import pieces

        return open_parquet(pieces(path), path.name, data_format.date_column)
    from evidently_cli.report.reading import open_csv

    return open_csv(path, data_format)
