"""
Carry records by hand where there is no network: out of one spool into a file, and out of the file into another spool.

A bundle is NDJSON under gzip: a line that says what it is, the records byte for byte, and a line with their number and
the SHA-256 of all before it. `gunzip -c < FILE | jq` reads it.

    {"bundle": 1, "source": "my-tool", "time": "2026-11-23T10:00:00.123Z", "crc": "…"}
    {"specversion":"1.0","id":"…
    {"records": 1, "sha256": "…", "crc": "…"}
"""

import gzip
import hashlib
import json
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from spool import bounds, dead
from spool.admission import admit
from spool.errors import BundleError, NewerFormatError, UnavailableError
from spool.record import MAX_RECORD_BYTES, Record, id_time, printable, seal_line, sealed_content, timestamp, verify
from spool.segment import SEGMENT_BYTES
from spool.spool import Spool
from spool.turns import sealed_segments

FORMAT = 1
_ENDS = 4096  # bytes of the two lines that are no records
_MEMBER = 31  # zlib's window bits for a gzip file; its header then has neither a time nor a name


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written into a bundle: how many records, from when to when; and how many no import would have taken."""

    records: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    left: int = 0


@dataclass(frozen=True, slots=True)
class Imported:
    """How many records of a bundle became pending, and how many were skipped: the spool had them, pending or dead."""

    added: int
    skipped: int


def export_bundle(spool: Spool, target: Path, *, keep: bool = False) -> Exported:
    """
    Move all pending records into a new file, or copy them with `keep`. When nothing is pending, no file is made.

    They leave the spool when the file is durable and has been read back. A crash leaves them in the spool, or in both
    places. UnavailableError when one of the two cannot be written, when the file exists, and while a drain is at work.
    """
    if not spool.exists():
        return Exported()
    try:
        inside = target.parent.resolve().is_relative_to(spool.layout.root.resolve())
    except (OSError, RuntimeError) as error:  # a directory that is gone, links in a circle
        raise UnavailableError(f"cannot write {target}: {getattr(error, 'strerror', None) or error}") from error
    if inside:
        raise UnavailableError(f"{target} lies in the spool: choose a place outside")
    with spool.disk_errors("write to"), spool.exclusive():
        left: dict[Path, list[Record]] = {}
        records = _pending(spool, left, bury=not keep)
        first = next(records, None)
        if first is None:
            return Exported(left=sum(map(len, left.values())))
        exported = _write(spool, target, chain([first], records))
        if not keep:
            for path, staying in left.items():
                if staying:
                    spool.replace(path, staying)
                else:
                    spool.disk.unlink(path)
            spool.disk.sync_directory(spool.layout.pending)
        return replace(exported, left=sum(map(len, left.values())))


def import_bundle(spool: Spool, source: Path) -> Imported:
    """
    Make the records of a bundle pending, with the ids and times that they have. The file stays as it is.

    All of it is verified before anything is changed. A crash leaves a part of them pending; imported once more, these
    are skipped. BundleError when the file is damaged, was broken off, is none, or holds more than the spool may,
    UnavailableError when it cannot be read, when the spool has no room for it, and while a drain is at work.
    """
    most = spool.bounds.octets + SEGMENT_BYTES  # what a spool at this bound exports, its active segment included
    with _opened(source) as file:
        octets = {record.id: len(record.line) + 1 for record in _json(_read(file, source, most), source)}
        with spool.disk_errors("write to"):
            spool.prepare()
            with spool.exclusive():
                with suppress(OSError):  # or it is there, and stays
                    bounds.finish_all(spool)  # what a gap counts is not there any more
                there = {record.id for record in chain(spool.records(), _dead(spool)) if record.id in octets}
                needed = sum(octets.values()) - sum(octets[known] for known in there)
                room = bounds.room(spool) + SEGMENT_BYTES
                if needed > max(0, room):
                    raise UnavailableError(
                        f"{source} holds {needed:,} bytes, and the spool has room for {max(0, room):,}: flush it first"
                    )
                for _ in admit(spool, _read(file, source, most), there):
                    pass
    return Imported(added=len(octets) - len(there), skipped=len(there))


def _pending(spool: Spool, left: dict[Path, list[Record]], *, bury: bool) -> Iterator[Record]:
    """Yield the pending records, and collect their segments, with what of each is not yielded: no import takes it."""
    with spool.disk_errors("write to"):
        for segment in sealed_segments(spool):
            if segment.corrupt and bury:
                dead.bury_corrupt(spool, segment)
            if segment.records:
                left[segment.path] = [record for record in segment.records if not _is_json(record)]
            strange = {record.id for record in left.get(segment.path, ())}
            yield from (record for record in segment.records if record.id not in strange)


def _json(records: Iterable[Record], name: Path) -> Iterator[Record]:
    for record in records:
        if not _is_json(record):
            raise _damaged(name)
        yield record


def _is_json(record: Record) -> bool:
    """Whether a record is a JSON object in ASCII that everybody can read: anybody can make a checksum."""
    try:
        record.line.decode("ascii")
        record.attributes  # noqa: B018 - it is parsed now
    except (ValueError, RecursionError):
        return False
    return True


def _dead(spool: Spool) -> Iterator[Record]:
    return (letter.record for letter in dead.letters(spool) if letter.record)


def _write(spool: Spool, target: Path, records: Iterable[Record]) -> Exported:
    """Write a bundle under its own name: until its last line is there, the checksum tells that it is unfinished."""
    with _errors("write", target):
        try:
            descriptor = spool.disk.create(target)
        except FileExistsError:
            raise UnavailableError(f"{target} exists: choose another name") from None
        try:
            try:
                for block in _packed(_lines(spool, records)):
                    spool.disk.write(descriptor, block)
                spool.disk.sync(descriptor)
            finally:
                os.close(descriptor)
            spool.disk.sync_directory(target.parent)  # commit point
            with _opened(target) as file:  # a medium that took what it cannot give back: better noticed now
                exported = _summary(_read(file, target))
        except BaseException:
            spool.disk.unlink(target)
            raise
    return exported


def _summary(records: Iterator[Record]) -> Exported:
    number, oldest = 1, next(records).id
    newest = oldest
    for number, record in enumerate(records, 2):  # noqa: B007 - the last one is how many there are
        oldest, newest = min(oldest, record.id), max(newest, record.id)
    return Exported(number, id_time(oldest), id_time(newest))


def _lines(spool: Spool, records: Iterable[Record]) -> Iterator[bytes]:
    head = {"bundle": FORMAT, "source": spool.source, "time": timestamp(spool.now())}
    line = _sealed(head)
    digest, number = hashlib.sha256(line), 0
    yield line
    for number, record in enumerate(records, 1):  # noqa: B007 - the last one is how many there are
        line = record.line + b"\n"
        digest.update(line)
        yield line
    yield _sealed({"records": number, "sha256": digest.hexdigest()})


def _packed(lines: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=_MEMBER)
    for line in lines:
        if block := packer.compress(line):
            yield block
    yield packer.flush()


def _read(file: BinaryIO, name: Path, most: int | None = None) -> Iterator[Record]:
    """Yield the records of a bundle with at most so many bytes of them. Only at its end is it known to be whole."""
    file.seek(0)
    lines = _unpacked(file, name)
    head = next(lines, b"")
    about = _parse(head)
    if "bundle" not in about:
        raise BundleError(f"{name} is not a bundle")
    if about["bundle"] != FORMAT:
        found = printable(repr(about["bundle"]))
        raise NewerFormatError(f"{name} has format {found}, this program knows {FORMAT}: use the newer program")
    if most is not None and os.fstat(file.fileno()).st_size > most + most // 64 + _ENDS:
        raise _too_much(name, most)  # packed, nothing takes a hundredth more; what does is not worth to be read
    digest, octets = hashlib.sha256(head), 0
    for number, line in enumerate(lines):
        record = verify(line[:-1])
        if record is None:
            if _parse(line) == {"records": number, "sha256": digest.hexdigest()} and next(lines, None) is None:
                return
            break
        octets += len(line)
        if most is not None and octets > most:
            raise _too_much(name, most)
        digest.update(line)
        yield record
    raise _damaged(name)


def _unpacked(file: BinaryIO, name: Path) -> Iterator[bytes]:
    """Unpack line by line, no more than is asked for: whoever meets too much may give up."""
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
            while line := unpacked.readline(MAX_RECORD_BYTES + 1):
                if not line.endswith(b"\n"):
                    raise _damaged(name)
                yield line
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _damaged(name) from error


def _too_much(name: Path, most: int) -> BundleError:
    return BundleError(f"{name} holds more than the {most:,} bytes that the spool may hold: raise its bound")


def _damaged(name: Path) -> BundleError:
    return BundleError(f"{name} is damaged, was broken off, or is not a bundle: export or copy it once more")


def _sealed(fields: dict[str, Any]) -> bytes:
    return seal_line(json.dumps(fields).encode("ascii")[:-1]) + b"\n"


def _parse(line: bytes) -> dict[str, Any]:
    """Return the fields of the first or the last line; none when it is neither."""
    content = sealed_content(line[:-1])
    try:
        fields = json.loads((content or b"") + b"}")
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read, through links, and waiting for nobody: a pipe is no bundle."""
    with _errors("read", path):
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BundleError(f"{path} is not a file")
        with os.fdopen(descriptor, "rb") as file:
            yield file


@contextmanager
def _errors(verb: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(f"cannot {verb} {path}: {error.strerror or error}") from error
