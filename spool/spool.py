"""The spool: append an event, seal a segment, look at what is pending."""

import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from spool import bounds as limits
from spool import place
from spool.active import Active, ActiveFile, read_active
from spool.bounds import Bounds
from spool.disk import Disk
from spool.errors import BusyError, NoLocksError, SpoolError, UnavailableError
from spool.layout import Layout
from spool.locks import Lock
from spool.record import EPOCH, LAST_NS, Record, encode, id_time, new_id
from spool.segment import Segment, parse, portions, readable_portions, sealed

_APPEND_PATIENCE = 0.05  # seconds; then the append makes a segment of its own
_SEAL_PATIENCE = 5.0  # seconds; a drain has time
_DRAIN_PATIENCE = 5.0  # seconds; a drain that hangs in the network may take longer, and is not to be sawn off
_TEMPORARY = "????????-????-7???-????-????????????.tmp"  # whatever else ends so is somebody's
_UNFINISHED = timedelta(hours=1)  # nobody takes that long to finish a file


class Spool:
    """
    A durable queue of events in a directory, safe to share between the threads, forked children and processes of one
    machine; a directory on a network is not to be shared by several machines.

    Making a Spool touches nothing: the directory comes with the first append. `source` names the program in each
    record (CloudEvents `source`); `bounds` says how much is kept; `clock` gives nanoseconds since 1970; `disk` is where
    writes go.
    """

    def __init__(
        self,
        root: Path,
        *,
        source: str,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
        clock: Callable[[], int] = time.time_ns,
        disk: Disk | None = None,
    ) -> None:
        with suppress(FileNotFoundError):  # whoever is nowhere has no other place
            root = root.absolute()  # a program may change its directory
        self.layout = Layout(root)
        self.source = source
        self.bounds = bounds
        self.clock: Callable[[], int] = lambda: min(max(int(clock()), 0), LAST_NS)  # ids can hold no other instants
        self.disk = disk or Disk()
        self.append_lock = Lock(self.layout.append_lock, self.disk)
        self.drain_lock = Lock(self.layout.drain_lock, self.disk, opened_anew=True)
        self._active = Active(self.layout, self.disk, self.new_id)
        self._prepared = False

    def append(
        self, event: Mapping[str, object], *, event_type: str, extensions: Mapping[str, str] | None = None
    ) -> str:
        """
        Accept an event and return its record's id.

        When this returns, the event survives a crash of the program, of the system and of the power supply. It never
        waits for the network or for a drain, and for other appends 50 ms at most. InvalidEventError when the event is
        no JSON object, too large or too deep, UnsafeError and NewerFormatError when the place is not ours to write to,
        UnavailableError when the disk says no: then nobody may count on the event, though it may be delivered.
        """
        record = encode(event, source=self.source, event_type=event_type, now_ns=self.clock(), extensions=extensions)
        try:
            begins_segment = self._prepared and self._append(record)
        except FileNotFoundError:  # somebody has removed the spool, or a part of it, while this program ran
            self._prepared = False
            self.append_lock.forget()
        except OSError as error:
            raise self._unavailable("write to", error) from error
        if not self._prepared:
            with self.disk_errors("write to"):
                self.prepare()
                begins_segment = self._append(record)
        if begins_segment:
            with suppress(OSError, SpoolError):  # the event is accepted: tidying up must not say otherwise
                self._keep_bounds()
        return record.id

    def seal(self) -> Path | None:
        """
        Close the active segment, so that it becomes one request.

        Returns its new path, or None when nothing was recorded since the last seal. BusyError when appends kept the
        lock for five seconds, NoLocksError where the file system has none.
        """
        if not self.exists():
            return None
        with self.disk_errors("write to"):
            self.prepare()
            with self.append_lock.held(patience=_SEAL_PATIENCE) as locked:
                if locked is None:
                    raise BusyError("a program is stopped in the middle of an append: try again when it has gone on")
                path = self._active.seal(locked)
                if path is None:
                    return None
                with suppress(OSError):  # sealed it is: the next append makes an active segment, or says why it cannot
                    self._active.create(locked).close()
                return path

    def now(self) -> datetime:
        """Return the time in UTC by the spool's clock."""
        return EPOCH + timedelta(microseconds=self.clock() // 1000)

    def new_id(self) -> str:
        """Return an id for this instant."""
        return new_id(self.clock())

    def exists(self) -> bool:
        """Whether there is a spool that may be read: False when nothing was ever recorded. Errors as for `append`."""
        with self.disk_errors("read"):
            return place.check(self.layout, self.disk.platform)

    def segments(self, *, unfinished: bool = False) -> Iterator[Segment]:
        """
        Read the pending records, oldest segment first and the active one last. Streams: one portion is held at a time.

        Every record that was pending when this began is met, once, unless a drain is done with it before, or divides
        the file that damage has made too large. What the disk does not give is told at the end. A line that may be in
        the middle of being written is met when `unfinished` is set.
        """
        unreadable: list[Path] = []
        for path, data, elsewhere in self.portions(unreadable.append, unfinished=unfinished):
            segment = parse(path, data)
            yield replace(segment, records=tuple(record for record in segment.records if record.id not in elsewhere))
        yield from (Segment(path, unreadable=True) for path in unreadable)

    def portions(
        self, unreadable: Callable[[Path], None] = lambda _path: None, *, unfinished: bool = False
    ) -> Iterator[tuple[Path, bytes, Container[str]]]:
        """
        Yield what `segments` parses: a portion's path and lines, and the ids that are met in another portion.

        `unreadable` hears of each file that the disk does not give: a look goes on without it.
        """
        if not self.exists():
            return
        with self.disk_errors("read"):
            # RACE: the active segment may be sealed, and what is sealed be rewritten by a drain, while we read. So it
            # is read before the folder is listed, and what was in it is left out wherever else it is met.
            active = read_active(self.layout, unreadable, unfinished=unfinished)
            ours = {record.id for _, segment in active for record in segment.records}
            for path in self.sealed():
                for data in readable_portions(path, unreadable):
                    yield path, data, ours
            for data, _ in active:
                yield self.layout.active, data, ()

    def records(self) -> Iterator[Record]:
        """Stream the pending records as `segments` reads them."""
        for segment in self.segments():
            yield from segment.records

    def sealed(self) -> list[Path]:
        """The sealed segments, oldest first."""
        return sealed(self.layout.pending)

    def prepare(self) -> None:
        """Make sure that the directories are there and ours to write to."""
        place.prepare(self.layout, self.disk, self._temporary())
        self._prepared = True

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """
        Keep drains, and whoever else moves records, away for the length of the block; appends go on.

        BusyError while a drain is at work, NoLocksError where the file system has no locks.
        """
        with self.drain_lock.held(patience=_DRAIN_PATIENCE) as locked:
            if not locked:
                raise BusyError("a flush is at work: try again when it is done")
            yield

    def read(self, path: Path) -> Segment:
        """Read one sealed segment; an empty one when it is gone by now."""
        return parse(path, b"".join(portions(path)))

    def sweep(self) -> None:
        """Remove what crashes left of files that were never finished: nobody was told that they are accepted."""
        for path in self.layout.root.glob(_TEMPORARY):
            with suppress(ValueError, OSError):
                if self.now() - id_time(path.stem) > _UNFINISHED:
                    self.disk.unlink(path)

    def publish(self, data: bytes, target: Path) -> None:
        """Make a file of the spool hold exactly `data`, durably and in one step."""
        if target.parent == self.layout.root:
            self.disk.sync_directory(self.layout.pending)  # as in `place.sync_root`: publishing syncs the root
        self.disk.publish(data, self._temporary(), target)

    def replace(self, segment: Path, records: list[Record]) -> None:
        """Make a sealed segment hold these of its records; without any, it is gone."""
        if records:
            self.publish(b"".join(record.line + b"\n" for record in records), segment)
        else:
            self.disk.unlink(segment)
            self.disk.sync_directory(self.layout.pending)

    @contextmanager
    def disk_errors(self, verb: str) -> Iterator[None]:
        """Turn what the disk says into an UnavailableError that names the spool: "cannot `verb` the spool in …"."""
        try:
            yield
        except OSError as error:
            raise self._unavailable(verb, error) from error

    def _unavailable(self, verb: str, error: OSError) -> UnavailableError:
        return UnavailableError(f"cannot {verb} the spool in {self.layout.root}: {error.strerror or error}")

    def _append(self, record: Record) -> bool:
        """
        Make a record durable. Returns whether it is the first in a segment: then the bounds are to be looked after.

        Not only where this append sealed one: where each flush fails and seals, no append ever meets a full segment.
        """
        line = record.line + b"\n"
        file, begins_segment = self._write(line)
        if file is None:
            self.publish(line, self.layout.segment(record.id))  # commit point
            return begins_segment
        # Outside the lock, so that many appends share one commit of the file system. The segment may have been sealed,
        # or even delivered, in the meantime: the descriptor follows the file, whatever its name.
        try:
            file.sync()  # commit point
        finally:
            file.close()
        return begins_segment

    def _write(self, line: bytes) -> tuple[ActiveFile | None, bool]:
        """Write a line into the active segment, as `Active.write` does; no file when the lock is not to be had."""
        file, begins_segment = None, True
        try:
            with self.append_lock.held(patience=_APPEND_PATIENCE) as locked:
                if locked is not None:
                    file, begins_segment = self._active.write(line, locked)
        except NoLocksError as error:
            if limits.room(self) < len(line):  # what would make room, the bounds and a drain, needs locks
                raise UnavailableError(f"the spool is full, and {error}") from error
        except BaseException:
            if file is not None:
                file.close()
            raise
        return file, begins_segment

    def _keep_bounds(self) -> None:
        """Drop what is over the bounds, unless a drain is at work: what is about to be delivered is not dropped."""
        with self.drain_lock.held() as locked:
            if locked:
                limits.enforce(self)

    def _temporary(self) -> Path:
        return self.layout.temporary(self.new_id())
