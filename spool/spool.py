"""The spool: append an event, seal a segment, look at what is pending."""

import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from spool.disk import Disk, open_to_read
from spool.errors import NewerFormatError, SpoolError, UnavailableError, UnsafeError
from spool.layout import FORMAT, Layout
from spool.locks import held
from spool.record import Record, encode, new_id, verify

SEGMENT_BYTES = 256 * 1024  # well below the smallest body limit met among real receivers (1 MB)
_APPEND_PATIENCE = 0.05  # seconds; then the append makes a segment of its own
_SEAL_PATIENCE = 5.0  # seconds; a drain has time
_READ_LIMIT = 4 * 1024 * 1024  # bytes; a larger segment is no segment of ours


@dataclass(frozen=True, slots=True)
class Segment:
    """What one file of records held when it was read."""

    path: Path
    records: tuple[Record, ...]
    damaged: tuple[bytes, ...]  # lines that are torn, damaged or foreign; never sent


class Spool:
    """
    A durable queue of events in a directory, safe to share between threads, forked children and processes.

    Making a Spool touches nothing: the directory comes with the first append. `source` names the program in each record
    (CloudEvents `source`); `clock` gives nanoseconds since 1970; `disk` is where writes go.
    """

    def __init__(
        self, root: Path, *, source: str, clock: Callable[[], int] = time.time_ns, disk: Disk | None = None
    ) -> None:
        self.layout = Layout(root)
        self.source = source
        self.clock = clock
        self.disk = disk or Disk()
        self._prepared = False

    def append(
        self, event: Mapping[str, object], *, event_type: str, extensions: Mapping[str, str] | None = None
    ) -> str:
        """
        Accept an event and return its record's id.

        When this returns, the event survives a crash of the program, of the system and of the power supply. It never
        waits for the network or for a drain, and for other appends 50 ms at most. InvalidEventError when the event is
        no JSON object or too large, UnsafeError and NewerFormatError when the place is not ours to write to,
        UnavailableError when the disk says no: then the event was not accepted.
        """
        record = encode(event, source=self.source, event_type=event_type, now_ns=self.clock(), extensions=extensions)
        with self.disk_errors("write to"):
            self._prepare()
            with held(self.layout.append_lock, self.disk, patience=_APPEND_PATIENCE) as locked:
                descriptor = self._write(record.line + b"\n") if locked else None
            if descriptor is None:
                self.publish(record.line + b"\n", self.layout.segment(record.id))
                return record.id
            try:
                # Outside the lock, so that many appends share one commit of the file system. The segment may have been
                # sealed, or even delivered, in the meantime: the descriptor follows the file, whatever its name.
                self.disk.sync(descriptor)  # commit point
            finally:
                os.close(descriptor)
        return record.id

    def seal(self) -> Path | None:
        """
        Close the active segment, so that it becomes one request.

        Returns its new path, or None when nothing was recorded since the last seal, or when appends kept the lock.
        """
        if not self.exists():
            return None
        with self.disk_errors("write to"):
            self._prepare()
            with held(self.layout.append_lock, self.disk, patience=_SEAL_PATIENCE) as locked:
                return self._seal() if locked and _size(self.layout.active) else None

    def now(self) -> datetime:
        """Return the time in UTC by the spool's clock."""
        return datetime.fromtimestamp(self.clock() / 1e9, UTC)

    def exists(self) -> bool:
        """Whether there is a spool that may be read: False when nothing was ever recorded. Errors as for `append`."""
        try:
            entry = self.layout.root.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._unavailable("read", error) from error
        self._check_owner(entry)
        with self.disk_errors("read"):
            self._check_format()
        return True

    def segments(self) -> Iterator[Segment]:
        """
        Read the pending records, oldest segment first and the active one last. Streams: one segment is held at a time.

        Every record that was pending when this began is met, once, unless a drain delivers it first.
        """
        if not self.exists():
            return
        with self.disk_errors("read"):
            try:
                active = open_to_read(self.layout.active)
            except FileNotFoundError:
                active = None
            try:
                # RACE: the active segment may be sealed while we read. It was opened before the folder is listed, so
                # its records are met in any case, and its inode tells when they would be met twice.
                inode = None if active is None else os.fstat(active).st_ino
                for path in self.sealed():
                    segment = self.read(path, unless_inode=inode)
                    if segment is not None:
                        yield segment
                if active is not None:
                    yield _parse(self.layout.active, os.pread(active, _READ_LIMIT, 0))
            finally:
                if active is not None:
                    os.close(active)

    def records(self) -> Iterator[Record]:
        """Stream the pending records as `segments` reads them."""
        for segment in self.segments():
            yield from segment.records

    def sealed(self) -> list[Path]:
        """The sealed segments, oldest first."""
        try:
            return sorted(path for path in self.layout.pending.iterdir() if path.suffix == ".ndjson")
        except FileNotFoundError:
            return []

    def read(self, path: Path, *, unless_inode: int | None = None) -> Segment | None:
        """Read one sealed segment; None when it is gone by now, or when its inode is the one given."""
        try:
            descriptor = open_to_read(path)
        except FileNotFoundError:  # RACE: a drain delivered it since it was listed
            return None
        try:
            if os.fstat(descriptor).st_ino == unless_inode:
                return None
            return _parse(path, os.pread(descriptor, _READ_LIMIT, 0))
        finally:
            os.close(descriptor)

    def publish(self, data: bytes, target: Path) -> None:
        """Make a file of the spool hold exactly `data`, durably and in one step."""
        self.disk.publish(data, self.layout.temporary(new_id(self.clock())), target)

    def replace(self, segment: Path, records: list[Record]) -> None:
        """Make a sealed segment hold these of its records; without any, it is gone."""
        if records:
            data = b"".join(record.line + b"\n" for record in records)
            self.publish(data, segment)
        else:
            self.disk.unlink(segment)
            self.disk.sync_directory(self.layout.pending)

    def _write(self, line: bytes) -> int:
        """Put a line behind the active segment, under `append.lock`. Returns the descriptor, still to be synced."""
        size = _size(self.layout.active)
        if size is not None and size + len(line) > SEGMENT_BYTES:
            self._seal()
        elif size is None:
            self._create_active()
        descriptor = self.disk.open(self.layout.active)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            self.disk.append(descriptor, b"\n" + line if torn else line)  # a torn line stays alone on its line
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _seal(self) -> Path:
        """Close the active segment, under `append.lock`, every step durable before the next append may rest on it."""
        sealed = self.layout.segment(new_id(self.clock()))
        self.disk.rename(self.layout.active, sealed)
        self.disk.sync_directory(self.layout.pending)  # before the old name may be used again
        self._create_active()
        return sealed

    def _create_active(self) -> None:
        os.close(self.disk.create(self.layout.active))
        self.disk.sync_directory(self.layout.root)  # an append syncs its data only: the name is to be durable before

    def _prepare(self) -> None:
        """Make the directories, once for each Spool, and make sure that they are ours to write to."""
        if self._prepared and self.layout.root.exists():
            return
        if not self.exists():
            missing = [path for path in (self.layout.root, *self.layout.root.parents) if not path.exists()]
            for folder in reversed(missing):
                self.disk.make_directory(folder)
                self.disk.sync_directory(folder.parent)
        made = [self.disk.make_directory(folder) for folder in (self.layout.pending, self.layout.dead)]
        if self._format() is None:
            # RACE: several first appends may come here at once: they publish the same bytes, and a rename is atomic.
            if self.layout.format.exists():
                self.disk.rename(self.layout.format, self.layout.damaged_format)
            self.publish(b'{"format": %d}\n' % FORMAT, self.layout.format)
        elif any(made):
            self.disk.sync_directory(self.layout.root)
        self._prepared = True

    def _check_owner(self, entry: os.stat_result) -> None:
        root = self.layout.root
        if stat.S_ISLNK(entry.st_mode):
            raise UnsafeError(f"{root} is a symbolic link; a spool is a directory of its own")
        if not stat.S_ISDIR(entry.st_mode):
            raise UnsafeError(f"{root} is not a directory")
        if hasattr(os, "geteuid") and entry.st_uid != os.geteuid():
            raise UnsafeError(f"{root} belongs to another user (uid {entry.st_uid})")
        if os.name != "nt" and entry.st_mode & 0o022:
            raise UnsafeError(f"{root} can be written to by others: chmod 700 it")

    def _check_format(self) -> None:
        number = self._format()
        if number is not None and number > FORMAT:
            raise NewerFormatError(
                f"{self.layout.root} has format {number}, this program knows {FORMAT}: use the newer program"
            )
        if number is None and (foreign := self.layout.foreign()):
            raise UnsafeError(f"{self.layout.root} is not a spool: it holds {foreign!r}; choose an empty directory")

    def _format(self) -> int | None:
        """The format's number; None when it is not there yet or damaged: `append` then writes it anew."""
        try:
            number = json.loads(self.layout.format.read_bytes())["format"]
        except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return number if isinstance(number, int) else None

    @contextmanager
    def disk_errors(self, verb: str) -> Iterator[None]:
        """Turn what the disk says into an UnavailableError that names the spool: "cannot `verb` the spool in …"."""
        try:
            yield
        except OSError as error:
            raise self._unavailable(verb, error) from error

    def _unavailable(self, verb: str, error: OSError) -> SpoolError:
        return UnavailableError(f"cannot {verb} the spool in {self.layout.root}: {error.strerror or error}")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _parse(path: Path, data: bytes) -> Segment:
    records: list[Record] = []
    damaged: list[bytes] = []
    for line in data.split(b"\n"):
        record = verify(line)
        if record is not None:
            records.append(record)
        elif line:
            damaged.append(line)
    return Segment(path, tuple(records), tuple(damaged))
