"""Wire formats: how records are written into a request body. Each is a small pure function and one row of the table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spool.record import Record


@dataclass(frozen=True, slots=True)
class WireFormat:
    """A body's encoder, and its content type: exactly this, as some receivers refuse a charset behind it."""

    content_type: str
    encode: Callable[[Sequence[Record]], bytes]


def _json(records: Sequence[Record]) -> bytes:
    """Join the stored lines into a JSON array; nothing is serialised again."""
    return b"[" + b",".join(record.line for record in records) + b"]"


WIRE_FORMATS = {"json": WireFormat("application/json", _json)}
