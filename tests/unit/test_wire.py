"""Wire formats: what goes into a body, judged by the SDKs of those who made the formats."""

import json
import math
import time
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto_json.collector.logs.v1.logs_service import ExportLogsServiceRequest

from spool import WIRE_FORMATS, Record
from spool.record import encode, seal_line, verify

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.lists(st.dictionaries(st.text(), JSON, max_size=4), min_size=1, max_size=4)


def record(event: dict[str, Any], source: str = "tool", **extensions: str) -> Record:
    """A record of an event."""
    return encode(event, source=source, event_type="tool.run.v1", now_ns=time.time_ns(), extensions=extensions)


def body(wire: str, *records: Record) -> bytes:
    """A body."""
    return WIRE_FORMATS[wire].encode(records)


def value(any_value: dict[str, Any]) -> Any:
    """The JSON value that an AnyValue of OTLP/JSON stands for."""
    if not any_value:
        return None
    [(kind, content)] = any_value.items()
    match kind:
        case "intValue":
            assert isinstance(content, str)
            return int(content)
        case "arrayValue":
            return [value(item) for item in content["values"]]
        case "kvlistValue":
            return {item["key"]: value(item.get("value", {})) for item in content["values"]}
        case _:
            return content


def same(ours: Any, theirs: Any) -> bool:
    """Whether two values are the same, but for integers beyond 64 bits: OTLP has none."""
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list):
        return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, int) and not -(2**63) <= ours < 2**63:
        return isinstance(theirs, float) and math.isclose(ours, theirs)
    return type(ours) is type(theirs) and bool(ours == theirs)


def test_the_content_types() -> None:
    """Each format has exactly its content type: some receivers refuse a charset behind it."""
    assert {name: (wire.content_type, wire.alone) for name, wire in WIRE_FORMATS.items()} == {
        "json": ("application/json", False),
        "ndjson": ("application/x-ndjson", False),
        "otlp": ("application/json", False),
        "cloudevents": ("application/cloudevents-batch+json", False),
        "payload": ("application/json", True),
    }


@given(EVENTS)
def test_stored_lines_are_not_written_anew(events: list[dict[str, Any]]) -> None:
    """`json`, `ndjson` and `cloudevents` carry the lines as they lie on disk, checksums included."""
    records = [record(event) for event in events]
    lines = [each.line for each in records]
    assert body("ndjson", *records).split(b"\n") == [*lines, b""]
    for wire in ("json", "cloudevents"):
        array = body(wire, *records)
        assert array == b"[" + b",".join(lines) + b"]"
        assert [item["data"] for item in json.loads(array)] == events


@given(EVENTS)
def test_cloudevents(events: list[dict[str, Any]]) -> None:
    """The SDK of CloudEvents takes each item of a batch, and finds the event in it."""
    records = [record(event, firstof="day") for event in events]
    for item, ours, event in zip(json.loads(body("cloudevents", *records)), records, events, strict=True):
        theirs = JSONFormat().read(CloudEvent, json.dumps(item))
        assert (theirs.get_id(), theirs.get_source(), theirs.get_type()) == (ours.id, "tool", "tool.run.v1")
        assert theirs.get_extension("firstof") == "day"
        assert theirs.get_data() == event


@given(EVENTS)
def test_opentelemetry(events: list[dict[str, Any]]) -> None:
    """The messages of OpenTelemetry take every log record, and its body is the event, value by value."""
    records = [record(event, firstof="day") for event in events]
    text = body("otlp", *records).decode()
    request = ExportLogsServiceRequest.from_json(text)
    [resource] = request.resource_logs
    [scope] = resource.scope_logs
    assert len(scope.log_records) == len(events)
    logs = json.loads(text)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    for theirs, log, ours, event in zip(scope.log_records, logs, records, events, strict=True):
        assert theirs.time_unix_nano == int(log["timeUnixNano"]) == int(ours.recorded_at.timestamp() * 1000) * 10**6
        assert (theirs.event_name, int(theirs.severity_number)) == ("tool.run.v1", 9)
        attributes = {item["key"]: value(item["value"]) for item in log["attributes"]}
        assert attributes == {"event.id": ours.id, "event.firstof": "day"}
        assert same(event, value(log["body"]))


def test_opentelemetry_of_several_programs() -> None:
    """Records of several programs stand in a resource each, in their order."""
    sources = ["a", "a", "b", "a"]
    text = body("otlp", *(record({}, source) for source in sources))
    resources = json.loads(text)["resourceLogs"]
    assert [each["resource"]["attributes"][0]["value"]["stringValue"] for each in resources] == ["a", "b", "a"]
    assert [len(each["scopeLogs"][0]["logRecords"]) for each in resources] == [2, 1, 1]


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_payload(event: dict[str, Any]) -> None:
    """`payload` is the event alone."""
    assert json.loads(body("payload", record(event))) == event


HEAD = b'{"specversion":"1.0","id":"01a207d9-2100-7000-a656-2465651dd544",'


@pytest.mark.parametrize(
    "content",
    [
        b'"x":',
        b'"source":"a"',
        b'"source":1,"type":"t","data":{}',
        b'"source":"a","type":"t"',
        b'"data":' + b"[" * 9000,
    ],
    ids=lambda content: content[:20],
)
@pytest.mark.parametrize("wire", ["otlp", "payload"])
def test_what_is_no_event(wire: str, content: bytes) -> None:
    """A line with a right checksum that is no event in its envelope is a ValueError, and nothing worse."""
    ours = verify(seal_line(HEAD + content))
    assert ours is not None
    with pytest.raises(ValueError, match=r".+"):
        body(wire, ours)


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (2**63 - 1, {"intValue": str(2**63 - 1)}),
        (-(2**63), {"intValue": str(-(2**63))}),
        (2**63, {"doubleValue": float(2**63)}),
        (10**400, {"stringValue": "1" + "0" * 400}),
        ("\ud800", {"stringValue": "\ufffd"}),
        ([None], {"arrayValue": {"values": [{}]}}),
    ],
    ids=lambda each: str(each)[:20].encode("ascii", "replace").decode(),
)
def test_values_that_opentelemetry_knows_otherwise(ours: object, theirs: object) -> None:
    """What protobuf cannot hold as it is becomes what comes nearest, so that its neighbours are not refused with it."""
    line = body("otlp", record({"x": ours}))
    log = json.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert log["body"]["kvlistValue"]["values"] == [{"key": "x", "value": theirs}]
    assert ExportLogsServiceRequest.from_json(line.decode())


def test_a_clock_far_ahead() -> None:
    """A time beyond what nanoseconds can count in 64 bits is unknown, and the request is whole."""
    far = encode({}, source="tool", event_type="t", now_ns=200 * 10**18)
    log = json.loads(body("otlp", far))["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert (log["timeUnixNano"], log["attributes"][0]["value"]["stringValue"]) == ("0", far.id)
