"""The errors of opening and parsing a CSV file, as one line that the user can act on."""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from evidently_cli.report.errors import DataError, EncodingError

_OTHERS = {
    b"\x1f\x8b": "is compressed: call it .csv.gz",
    b"PK\x03\x04": "is a zip archive or a spreadsheet: unpack it, or save it as CSV",
    b"PAR1": "is Parquet: save it as a file that is called .parquet",
}


@contextmanager
def parser_warnings_as_errors() -> Iterator[None]:
    """
    Have pandas raise what it only warns about, rows that are longer than the header, and not tell how it reads dates.

    Not for a thread beside others: Python's filters of warnings are everybody's.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        warnings.filterwarnings("ignore", "Parsing dates in", UserWarning)
        yield


@contextmanager
def as_data_errors(path: Path) -> Iterator[None]:
    """Turn what pandas raises for a file that is not sound into a DataError."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise _no_text(path.name, error) from error
    except UnicodeError as error:  # UTF-16 without a byte order mark
        raise DataError(f"{path.name}: is not in the encoding that data_format.encoding names: {error}") from error
    except (EOFError, zlib.error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path.name}: is empty") from error
    except pd.errors.ParserWarning as error:  # all rows are longer; a single one is a ParserError
        raise DataError(f"{path.name}: its rows have more fields than its header") from error
    except pd.errors.ParserError as error:
        if "out of memory" in str(error):
            raise MemoryError from error
        raise DataError(f"{path.name}: {_reason(str(error))}") from error


def _no_text(name: str, error: UnicodeDecodeError) -> DataError:
    for beginning, says in _OTHERS.items():
        if error.object.startswith(beginning):
            return DataError(f"{name}: {says}")
    byte, encoding = error.object[error.start], error.encoding.upper()
    kind = "text of this encoding" if encoding == "CHARMAP" else f"{encoding} text"  # Python's word for all small ones
    advice = "save it as UTF-8, or name its encoding in data_format.encoding"
    return EncodingError(f"{name}: byte 0x{byte:02x} is not {kind}: {advice}")


def _reason(message: str) -> str:
    if ragged := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
        expected, line, seen = ragged.groups()
        return f"line {line} has {seen} fields instead of {expected}"
    if quote := re.search(r"EOF inside string starting at row (\d+)", message):
        return f'a quotation mark (") that is opened in row {quote[1]} is never closed'
    return f"is not CSV: {' '.join(message.split())}"
