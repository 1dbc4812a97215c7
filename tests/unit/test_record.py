"""Records: the envelope, the line on disk, and the ids that sort by age."""

import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool import InvalidEventError
from spool.record import LAST_NS, MAX_RECORD_BYTES, encode, id_time, new_id, seal_line, timestamp, verify, verify_all

NOW = 1_795_428_000_123_456_789

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


def test_line_is_the_documented_one() -> None:
    """A record is the CloudEvents object of the documentation, in its order, with the checksum last."""
    record = encode({"a": 1}, source="tool", event_type="tool.v1", now_ns=NOW, extensions={"firstof": "day"})
    content = (
        f'{{"specversion":"1.0","id":"{record.id}","source":"tool","type":"tool.v1","time":"2026-11-23T10:00:00.123Z",'
        '"firstof":"day","datacontenttype":"application/json","data":{"a":1}'
    )
    assert record.line.decode() == f'{content},"crc":"{zlib.crc32(content.encode()):08x}"}}'


@given(now_ns=st.integers(0, LAST_NS))
def test_the_time_is_that_of_the_id(now_ns: int) -> None:
    """The time that a record states and the one in its id are the same."""
    record = encode({}, source="s", event_type="t", now_ns=now_ns)
    assert record.attributes["time"] == timestamp(record.recorded_at)


@given(milliseconds=st.integers(0, LAST_NS // 1_000_000))
def test_an_id_holds_its_time_to_the_millisecond(milliseconds: int) -> None:
    """The time of an id is that of its clock to the millisecond, in any year."""
    instant = id_time(new_id(milliseconds * 1_000_000 + 999_999))
    assert (instant - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1) == milliseconds


@given(event=st.dictionaries(st.text(), JSON_VALUES, max_size=5))
def test_every_json_object_comes_back(event: dict[str, object]) -> None:
    """Whatever JSON object is recorded, the same is read back, from one line of ASCII."""
    record = encode(event, source="s", event_type="t", now_ns=NOW)
    assert verify(record.line) == record
    assert record.attributes["data"] == json.loads(json.dumps(event))
    assert b"\n" not in record.line
    assert record.line.isascii()


@given(
    lines=st.lists(
        st.sampled_from([encode({"a": number}, source="s", event_type="t", now_ns=NOW).line for number in range(3)])
        | st.binary(max_size=30)
        | st.binary(max_size=30).map(seal_line)
    )
)
def test_all_lines_at_once_are_judged_as_one_by_one(lines: list[bytes]) -> None:
    """Some lines are all records exactly when each of them is one; then these are the records."""
    one_by_one = [verify(line) for line in lines]
    assert verify_all(lines) == (None if None in one_by_one else tuple(one_by_one))


@given(st.data())
def test_any_changed_byte_is_seen(data: st.DataObject) -> None:
    """A line in which one byte changed, or whose end is missing, is never taken for a record."""
    line = bytearray(encode({"a": "text"}, source="s", event_type="t", now_ns=NOW).line)
    position = data.draw(st.integers(0, len(line) - 1))
    damaged = bytes(line[:position]) + data.draw(st.binary(max_size=1)) + bytes(line[position + 1 :])
    assert damaged == line or (verify(damaged) is None and verify_all([damaged]) is None)
    assert verify(bytes(line[:position])) is None
    assert verify_all([bytes(line), bytes(line[:position])]) is None


@pytest.mark.parametrize("event", [["a", "list"], "text", None, 3])
def test_only_objects_are_events(event: object) -> None:
    """An event that is no JSON object is refused, and the message says what it was."""
    with pytest.raises(InvalidEventError, match=type(event).__name__):
        encode(event, source="s", event_type="t", now_ns=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["id", "data", "crc"])
def test_an_extension_cannot_stand_for_the_envelope(name: str) -> None:
    """An extension that would overwrite a part of the envelope is refused: the record could not be told from damage."""
    with pytest.raises(InvalidEventError, match=f"cannot be called {name}"):
        encode({}, source="s", event_type="t", now_ns=NOW, extensions={name: "x"})


@pytest.mark.parametrize("event", [{"a": float("nan")}, {"a": {1, 2}}, {"a": b"bytes"}])
def test_what_json_cannot_say_is_refused(event: dict[str, object]) -> None:
    """Values without a form in strict JSON are refused before anything is written."""
    with pytest.raises(InvalidEventError, match="not JSON"):
        encode(event, source="s", event_type="t", now_ns=NOW)


def test_size_limit() -> None:
    """A record may be just under 64 KiB long, with its newline 64 KiB, and no longer."""
    empty = len(encode({"a": ""}, source="s", event_type="t", now_ns=NOW).line)
    room = MAX_RECORD_BYTES - 1 - empty
    assert len(encode({"a": "x" * room}, source="s", event_type="t", now_ns=NOW).line) + 1 == MAX_RECORD_BYTES
    with pytest.raises(InvalidEventError, match="65,536"):
        encode({"a": "x" * (room + 1)}, source="s", event_type="t", now_ns=NOW)


def test_a_longer_line_is_no_record() -> None:
    """A line that is longer than any that was accepted is none, whatever its checksum says: no bundle carries it."""
    line = encode({"a": ""}, source="s", event_type="t", now_ns=NOW).line
    for octets in (MAX_RECORD_BYTES - 1, MAX_RECORD_BYTES):
        content = line[: line.rindex(b',"crc"')] + b" " * (octets - len(line))
        sealed = seal_line(content)
        assert len(sealed) == octets
        assert (verify(sealed) is None) == (verify_all([line, sealed]) is None) == (octets == MAX_RECORD_BYTES)


@given(st.integers(0, 2**48 - 1), st.integers(0, 999_999), st.integers(300, 10**12))
def test_ids_sort_by_age(milliseconds: int, rest: int, later: int) -> None:
    """Of two ids made more than 300 ns apart, the older one comes first in the alphabet."""
    then = milliseconds * 1_000_000 + rest
    if (then + later) // 1_000_000 < 2**48:
        assert new_id(then) < new_id(then + later)


def test_id_is_a_version_7_uuid() -> None:
    """Ids have the version and variant bits of RFC 9562, and tell their time to the millisecond."""
    record_id = new_id(NOW)
    assert (record_id[14], record_id[19] in "89ab") == ("7", True)
    assert id_time(record_id).isoformat() == "2026-11-23T10:00:00.123000+00:00"


@pytest.mark.parametrize("record_id", ["A-1", "", "01a209a9-9907-4b3a-b3d5-61aeed7405ae", "x" * 36])
def test_a_line_with_another_id_is_no_record(record_id: str) -> None:
    """A line with a right checksum and an id that is no UUID of version 7 is foreign."""
    assert verify(seal_line(b'{"specversion":"1.0","id":"%s","data":{}' % record_id.encode())) is None


def test_the_furthest_time() -> None:
    """The largest time that an id can hold is the end of the year 9999, where dates end."""
    assert id_time("ffffffff-ffff-7fff-bfff-ffffffffffff").year == 9999
