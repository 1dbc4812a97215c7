"""Where records end up: one SQLite table, one row per id."""

import json
import re
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_TABLE = """
CREATE TABLE IF NOT EXISTS events (
    id          TEXT PRIMARY KEY,
    received_at TEXT NOT NULL,  -- our clock, UTC
    sent_at     TEXT,           -- the client's clock at the same moment: their difference corrects `time`
    time        TEXT,           -- the client's clock when the event happened
    type        TEXT NOT NULL,
    firstof     TEXT,           -- "month,week,day": first event of that span on its machine; counts users, names none
    data        TEXT,           -- JSON
    record      TEXT NOT NULL   -- JSON, all of it, as it came
)
"""
_INSERT = """
INSERT INTO events (id, received_at, sent_at, time, type, firstof, data, record)
VALUES (:id, :received_at, :sent_at, :time, :type, :firstof, :data, :record)
ON CONFLICT (id) DO NOTHING
"""
_HALF_PAIR = re.compile("[\ud800-\udfff]")  # JSON can spell half a surrogate pair; UTF-8, and so a file, cannot hold it
_REQUIRED = ("specversion", "source", "type")
_OPTIONAL = ("time", "firstof")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A member that is no record. Its id is None when it has none that could be named."""

    id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request's members; the three add up to their number."""

    accepted: int
    duplicate: int
    rejected: tuple[Rejection, ...]


class Store:
    """
    The table of events in one database file, which is made if it is not there.

    Safe to share between threads: they take turns, so SQLite's own lock is never waited for inside this process.
    """

    def __init__(self, path: Path) -> None:
        self._turn = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")  # readers may look on while we write
            self._connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk, not on its way there
            self._connection.execute(_TABLE)
        except sqlite3.Error:
            self._connection.close()
            raise

    def add(self, members: Iterable[Any], *, received_at: datetime, sent_at: datetime | None) -> Receipt:
        """Store the members that are records, in one transaction; a repeated id changes nothing."""
        clocks = {"received_at": _utc(received_at), "sent_at": _utc(sent_at) if sent_at else None}
        rows, rejected = [], []
        for member in members:
            row = _row(member)
            if isinstance(row, Rejection):
                rejected.append(row)
            else:
                rows.append(row | clocks)
        accepted = self._insert(rows)
        return Receipt(accepted, len(rows) - accepted, tuple(rejected))

    def close(self) -> None:
        """Close the file, after a commit that is under way."""
        with self._turn:
            self._connection.close()

    def _insert(self, rows: list[dict[str, str | None]]) -> int:
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:  # commit point, at its end; an error rolls back, and the client comes again
                return self._connection.executemany(_INSERT, rows).rowcount if rows else 0


def _row(member: Any) -> dict[str, str | None] | Rejection:
    """Return the columns that a record fills by itself, or why this is no CloudEvents 1.0 record."""
    if not isinstance(member, dict):
        return Rejection(None, "not an object")
    name = member.get("id")
    if not isinstance(name, str) or not name or not _storable(name):
        return Rejection(None, "no id")
    for attribute in _REQUIRED:
        if not isinstance(member.get(attribute), str) or not member[attribute]:
            return Rejection(name, f"no {attribute}")
    if member["specversion"] != "1.0":
        return Rejection(name, "specversion is not 1.0")
    for attribute in _OPTIONAL:
        if not isinstance(member.get(attribute), str | None):
            return Rejection(name, f"{attribute} is not a string")
    try:
        record = _compact(member)
    except RecursionError:  # parsed one frame nearer to the interpreter's limit
        return Rejection(name, "nested too deeply")
    if not _storable(record):
        return Rejection(name, "not valid Unicode")
    data = _compact(member["data"]) if "data" in member else None
    own = {"id": name, "type": member["type"], "data": data, "record": record}
    return own | {attribute: member.get(attribute) for attribute in _OPTIONAL}


def _storable(text: str) -> bool:
    return _HALF_PAIR.search(text) is None


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _utc(moment: datetime) -> str:
    """Format an instant as the records do: `2026-11-23T10:00:00.123Z`, which also sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
