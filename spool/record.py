"""A record: one event in its CloudEvents 1.0 envelope, as one line that carries its own checksum."""

import json
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from typing import Final

from spool.errors import InvalidEventError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # from here on by sums: floats are not exact, and Windows' C ends in 3000
MAX_RECORD_BYTES = 64 * 1024
REASON = slice(1000)  # what is kept of a reason: a transport may say anything
ENVELOPE = ("specversion", "id", "source", "type", "time", "datacontenttype", "data", "crc")
_START = b'{"specversion":"1.0","id":"'
_END = b'"}'
_HEAD = re.compile(re.escape(_START) + rb'([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})",')
ID = slice(len(_START), len(_START) + 36)
_HEX_TO_ZERO = bytes.maketrans(b"0123456789abcdef", b"0" * 16)
_HEAD_SHAPE = (_START + b'00000000-0000-0000-0000-000000000000",').translate(_HEX_TO_ZERO)
_HEAD_BYTES = len(_HEAD_SHAPE)
_VERSION, _VARIANT = ID.start + 14, ID.start + 19
_LAST_MILLISECOND = 253_402_300_799_999  # of the year 9999, where Python's dates end
LAST_NS = (_LAST_MILLISECOND - 366 * 24 * 3_600_000) * 1_000_000  # a schedule lies up to a day ahead
# ASCII on disk: neither a lone surrogate nor a Unicode line separator can then break a line.
_json = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_string = lru_cache(maxsize=16)(_json)
_SEAL = b',"crc":"%08x"}'
_CRC_BYTES = len(_SEAL % 0)
_MAX_DEPTH = 101  # with the envelope
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}
_content = itemgetter(slice(-_CRC_BYTES))  # of a line: each copy is dropped before the next is made


@dataclass(slots=True, unsafe_hash=True)  # frozen, it would take twice as long to make, and a drain makes many
class Record:
    """One verified line of a spool, without its newline. Nothing is parsed before it is asked for."""

    line: Final[bytes]

    @property
    def id(self) -> str:
        """The record's UUID, version 7; it never changes."""
        return self.line[ID].decode("ascii")

    @property
    def attributes(self) -> dict[str, object]:
        """The whole CloudEvents object."""
        parsed: dict[str, object] = json.loads(self.line, parse_constant=_no_number)
        return parsed

    @property
    def recorded_at(self) -> datetime:
        """When the event happened by the clock of this machine, to the millisecond, in UTC."""
        return id_time(self.id)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def new_id(now_ns: int) -> str:
    """
    Return a UUID of version 7 for a moment in nanoseconds since 1970.

    The 12 bits behind the milliseconds hold their fraction (RFC 9562, section 6.2, method 3), so that ids, and the
    names of the files called after them, sort by age to a quarter of a microsecond.
    """
    milliseconds, rest = divmod(now_ns, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    draw = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    digits = f"{milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | draw:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def id_time(uuid7: str) -> datetime:
    """Return the moment in a UUID of version 7, in UTC, to the millisecond."""
    return EPOCH + timedelta(milliseconds=min(id_milliseconds(uuid7), _LAST_MILLISECOND))


def id_milliseconds(uuid7: str) -> int:
    """Return the moment in a UUID of version 7, in milliseconds since 1970."""
    return int(uuid7[:8] + uuid7[9:13], 16)


def timestamp(instant: datetime) -> str:
    """Return an instant as it is written everywhere: "2026-11-23T10:00:00.123Z"."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(now_ns: int) -> str:
    """Return what `timestamp(id_time(new_id(now_ns)))` does, without an id; a second is formatted once."""
    seconds, milliseconds = divmod(min(now_ns // 1_000_000, _LAST_MILLISECOND), 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def printable(text: str) -> str:
    """Return the beginning of a text from outside, fit for a terminal, a line of a file and a log."""
    return "".join(character if character.isprintable() else "?" for character in text[:200])


def encode(
    event: Mapping[str, object],
    *,
    source: str,
    event_type: str,
    now_ns: int,
    extensions: Mapping[str, str] | None = None,
) -> Record:
    """
    Put an event into its envelope.

    `extensions` are CloudEvents extension attributes: lower-case names, short text.
    InvalidEventError when the event is no JSON object, when an extension has a name of the envelope's own, and when the
    line would be longer than 64 KiB with its newline. Another one when the event is nested more than 100 levels deep:
    not every reader of JSON takes more.
    """
    if not isinstance(event, (dict, Mapping)):  # the first is the usual one, and told at once
        raise InvalidEventError(f"an event is a JSON object, not {type(event).__name__}")
    if extensions and (taken := extensions.keys() & ENVELOPE):
        raise InvalidEventError(f"an extension cannot be called {min(taken)}: the envelope has that")
    try:
        data = _json(dict(event))
        more = f",{_json(dict(extensions))[1:-1]}" if extensions else ""
        head = f'{{"specversion":"1.0","id":"{new_id(now_ns)}","source":{_string(source)},"type":{_string(event_type)}'
        text = f'{head},"time":"{_time(now_ns)}"{more},"datacontenttype":"application/json","data":{data}'
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEventError(f"the event is not JSON: {error}") from error
    line = seal_line(text.encode("ascii"))
    if (octets := len(line) + 1) > MAX_RECORD_BYTES:
        raise InvalidEventError(f"the event's record is {octets:,} bytes long; the limit is {MAX_RECORD_BYTES:,}")
    if text.count("[") + text.count("{") > _MAX_DEPTH and _depth(text) > _MAX_DEPTH:
        raise InvalidEventError(f"the event is nested more than {_MAX_DEPTH - 1} levels deep")
    return Record(line)


def _depth(text: str) -> int:
    """Return how deep lists and objects are nested in a JSON text."""
    return max(accumulate(_STEPS.get(character, 0) for character in _STRING.sub("", text)))


def seal_line(content: bytes) -> bytes:
    """Close an unfinished JSON object, `{"a":1`, with the checksum of its bytes: `{"a":1,"crc":"9f3a01bc"}`."""
    return content + _SEAL % zlib.crc32(content)


def sealed_content(line: bytes) -> bytes | None:
    """Return what stands before a line's checksum, or None when the two do not agree. Parses nothing."""
    return line[:-_CRC_BYTES] if _is_sealed(line) else None


def _is_sealed(line: bytes) -> bool:
    return line.endswith(_SEAL % zlib.crc32(line[:-_CRC_BYTES]))


def verify(line: bytes) -> Record | None:
    """Return the record on a line, or None when the line is torn, damaged or foreign. Parses nothing."""
    return Record(line) if len(line) < MAX_RECORD_BYTES and _HEAD.match(line) and _is_sealed(line) else None


def verify_all(lines: Sequence[bytes]) -> tuple[Record, ...] | None:
    """Return the records on some lines, or None when one of them is none: all at once in half the time."""
    seals = b"".join([line[-_CRC_BYTES:] for line in lines])  # as long as those due only if each line is as long as one
    due = (_SEAL * len(lines)) % tuple(map(zlib.crc32, map(_content, lines)))
    whole = seals == due and max(map(len, lines), default=0) < MAX_RECORD_BYTES and _all_have_heads(lines)
    return tuple(map(Record, lines)) if whole else None


def _all_have_heads(lines: Sequence[bytes]) -> bool:
    """
    Whether `_HEAD` matches each line: by columns, as all heads are of one length, and no slice is longer.

    The shape takes any hexadecimal digit for any other, also those in `_START`: that one is counted as it is.
    """
    heads, number = b"".join([line[:_HEAD_BYTES] for line in lines]), len(lines)
    return (
        heads.translate(_HEX_TO_ZERO) == _HEAD_SHAPE * number
        and heads.count(_START) == number
        and heads[_VERSION::_HEAD_BYTES] == b"7" * number
        and not heads[_VARIANT::_HEAD_BYTES].translate(None, b"89ab")
    )


def looks_whole(lines: bytes) -> int | None:
    """
    Return how many records some lines are, by a look at their ends alone, or None when one of them is torn.

    Ten times as fast as `verify`. Overlooked are changes within records, and what ends as a record does and is none: a
    foreign line, or the one torn line in hundreds that a crash tore behind `"}`.
    """
    starts = lines.count(b"\n" + _START)
    whole = lines.startswith(_START) and lines.endswith(_END + b"\n") and starts == lines.count(_END + b"\n" + _START)
    return starts + 1 if whole else None
