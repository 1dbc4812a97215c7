"""Wire formats: how records are written into a request body. Each is a small pure function and one row of the table."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from spool.record import ENVELOPE, Record, id_milliseconds

_INFO = 9  # OpenTelemetry's SeverityNumber for plain information; a number, as its JSON forbids the name
_LAST_NANOSECOND = 2**64 - 1  # of its times, in July 2554
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: in JSON, but not in UTF-8
_dumps = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class WireFormat:
    """
    How records are written into a body.

    `content_type` is sent exactly so: some receivers refuse a charset behind it. `alone` is set when a request carries
    one record. `encode` takes at least one, and raises ValueError at a record that is no event in its envelope: one
    that somebody else made.
    """

    content_type: str
    encode: Callable[[Sequence[Record]], bytes]
    alone: bool = False


def _json(records: Sequence[Record]) -> bytes:
    """Join the stored lines into a JSON array; nothing is serialised again, and nothing is copied twice."""
    lines = [record.line for record in records]
    lines[0] = b"[" + lines[0]
    lines[-1] += b"]"
    return b",".join(lines)


def _ndjson(records: Sequence[Record]) -> bytes:
    """Join the stored lines as they are."""
    return b"".join(record.line + b"\n" for record in records)


def _otlp(records: Sequence[Record]) -> bytes:
    """
    Write an OTLP/JSON ExportLogsServiceRequest: a log record each, in one resource for each program.

    Source: opentelemetry-proto, "JSON Protobuf Encoding": 64-bit integers are strings, enums are numbers, names are
    camelCase. The event is the body; the rest of its envelope is attributes, `event.id` first.
    """
    with _depth_checked():
        events = [(_attributes(record), record) for record in records]
        resources = [
            {
                "resource": {"attributes": [_attribute("service.name", source)]},
                "scopeLogs": [
                    {"scope": {"name": _text(source)}, "logRecords": [_log_record(*event) for event in group]}
                ],
            }
            for source, group in groupby(events, key=lambda event: event[0]["source"])
        ]
        return _dumps({"resourceLogs": resources}).encode("ascii")


def _payload(records: Sequence[Record]) -> bytes:
    """Write the documented event alone, without its envelope."""
    [record] = records
    with _depth_checked():
        return _dumps(_attributes(record)["data"]).encode("ascii")


@contextmanager
def _depth_checked() -> Iterator[None]:
    try:
        yield
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


WIRE_FORMATS = {
    "json": WireFormat("application/json", _json),
    "ndjson": WireFormat("application/x-ndjson", _ndjson),
    "otlp": WireFormat("application/json", _otlp),
    "cloudevents": WireFormat("application/cloudevents-batch+json", _json),
    "payload": WireFormat("application/json", _payload, alone=True),
}


def _attributes(record: Record) -> dict[str, Any]:
    attributes = record.attributes
    if not all(isinstance(attributes.get(name), str) for name in ("source", "type")) or "data" not in attributes:
        raise ValueError("no event in its envelope")
    return attributes


def _log_record(attributes: dict[str, Any], record: Record) -> dict[str, Any]:
    instant = id_milliseconds(record.id) * 1_000_000
    nanoseconds = str(instant if instant <= _LAST_NANOSECOND else 0)  # 0 is "not known" there; the id tells
    extensions = {name: value for name, value in attributes.items() if name not in ENVELOPE and value is not None}
    return {
        "timeUnixNano": nanoseconds,
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": _INFO,
        "severityText": "INFO",
        "eventName": _text(attributes["type"]),
        **_unless_null("body", attributes["data"]),
        "attributes": [_attribute("event.id", record.id)]
        + [_attribute(f"event.{name}", value) for name, value in extensions.items()],
    }


def _attribute(key: str, value: object) -> dict[str, Any]:
    return {"key": _text(key), **_unless_null("value", value)}


def _unless_null(name: str, value: object) -> dict[str, Any]:
    """Write a member that holds an AnyValue. Left out, it is null; written as `{}`, Rotel refuses the whole request."""
    return {} if value is None else {name: _any_value(value)}


def _text(text: str) -> str:
    """Return a text as it can be sent: protobuf's strings are UTF-8, and receivers refuse the whole request else."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def _any_value(value: object) -> dict[str, Any]:
    """
    Write a JSON value as an AnyValue; null, which only a list cannot leave out, is one that has nothing in it.

    An integer that no number there can hold keeps its digits, as text.
    """
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int() if -(2**63) <= value < 2**63:
            return {"intValue": str(value)}
        case int() if abs(value) > sys.float_info.max:
            return {"stringValue": str(value)}
        case int() | float():
            return {"doubleValue": float(value)}
        case list():
            return {"arrayValue": {"values": [_any_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": [_attribute(key, item) for key, item in value.items()]}}
        case _:
            return {"stringValue": _text(str(value))}
