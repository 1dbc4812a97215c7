"""The active segment: where an append writes, and what it leaves alone."""

import errno
import gc
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool import Bounds, Spool, UnavailableError, UnsafeError
from spool.active import ActiveFile, _last_line
from spool.disk import Disk
from spool.inspection import count_pending
from spool.purge import Purged, purge, purgeable
from spool.segment import SEGMENT_BYTES, STEP, end_of_lines, parse, portions, portions_backwards


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool."""
    return Spool(tmp_path / "spool", source="test")


def append(spool: Spool, size: int = 500) -> str:
    """Append an event of a size."""
    return spool.append({"text": "x" * size}, event_type="t")


def ids(spool: Spool) -> list[str]:
    """The ids of what is pending."""
    return [record.id for record in spool.records()]


def used(spool: Spool) -> int:
    """Where the last line in the active segment ends."""
    return len(spool.layout.active.read_bytes().rstrip(b"\t\n\0")) + 1


def fill(spool: Spool, total: int) -> int:
    """Append until the last line ends there; return the bytes of a record with no text."""
    append(spool, 0)
    least = used(spool)
    while total - used(spool) > 60_000:
        append(spool, 30_000)
    append(spool, total - used(spool) - least)
    assert used(spool) == total
    return least


def open_files(inode: int) -> int:
    """How many descriptors of this process are of that file."""
    number = 0
    for descriptor in Path("/dev/fd").iterdir():
        with suppress(OSError):
            number += os.fstat(int(descriptor.name)).st_ino == inode
    return number


def test_it_grows_in_steps(spool: Spool) -> None:
    """Blanks that JSON allows lie behind the last record: most appends leave the file as long as it is."""
    lengths = [append(spool) and spool.layout.active.stat().st_size for _ in range(60)]
    assert {length % STEP for length in lengths} == {0}
    assert len(set(lengths)) == max(lengths) // STEP == 6
    lines = spool.layout.active.read_bytes().split(b"\n")
    assert not b"".join(lines[60:]).strip()
    assert parse(Path(), b"\n".join(lines[:60])).corrupt == ()


def test_programs_write_behind_one_another(spool: Spool) -> None:
    """Programs that append in turn find the end where the others have left it, and overwrite nothing."""
    others = [Spool(spool.layout.root, source="test") for _ in range(3)]
    turns = [0, 0, 1, 0, 2, 2, 2, 1, 0, 1, 1, 2, 0] * 30
    expected = [append(others[turn], 100 * turn) for turn in turns]
    assert ids(spool) == expected
    assert not any(segment.corrupt for segment in spool.segments())


@pytest.mark.parametrize("torn", [b'{"specversion":"1.0","id":"torn', b"{", b'{"a":"\t', b"\0torn"])
def test_what_a_crash_left_over_the_blanks_stays_alone(spool: Spool, torn: bytes) -> None:
    """A write that was broken off over the blanks costs no record before or behind it."""
    first = append(spool)
    end = used(spool)
    with spool.layout.active.open("r+b") as file:
        file.seek(end)
        file.write(torn)
    second = append(Spool(spool.layout.root, source="test"))
    [segment] = spool.segments()
    assert [record.id for record in segment.records] == [first, second]
    assert segment.corrupt == (torn.rstrip(b"\t"),)


def test_a_write_that_begins_later_than_it_should_costs_nothing(spool: Spool) -> None:
    """Where a power cut kept the end of a write and not its beginning, the record before it is whole."""
    first = append(spool)
    data = spool.layout.active.read_bytes()
    end = used(spool)
    spool.layout.active.write_bytes(data[: end + 200] + b'end of a record"}\n' + data[end + 218 :])
    second = append(spool)
    [segment] = spool.segments()
    assert [record.id for record in segment.records] == [first, second]
    assert [line.strip() for line in segment.corrupt] == [b'end of a record"}']


def test_a_sealed_one_has_no_blanks(spool: Spool) -> None:
    """Whoever seals, an append or a drain, what is sealed are records and nothing else."""
    while not spool.sealed():
        append(spool, 5000)
    append(spool)
    spool.seal()
    assert len(spool.sealed()) == 2
    for path in spool.sealed():
        assert path.read_bytes().endswith(b'"}\n')
        assert b"\t" not in path.read_bytes()


@pytest.mark.parametrize("sealed", [False, True])
def test_what_a_power_cut_leaves_of_a_seal_is_no_damage(spool: Spool, sealed: bool) -> None:
    """NULs in the place of blanks, as of a block that was cut and came back, are nobody's, and are written over."""
    expected = [append(spool)]
    data = spool.layout.active.read_bytes()
    end = used(spool)
    spool.layout.active.write_bytes(data[:end] + bytes(4096 - end) + data[4096:])
    if sealed:
        spool.layout.active.rename(spool.layout.segment(expected[0]))
    expected.append(append(spool))
    assert ids(spool) == expected
    assert not any(segment.corrupt for segment in spool.segments())


@given(
    lines=st.lists(st.sampled_from([b"a\n", b"\n", b"x" * 900 + b"\n", b"y" * 9000 + b"\n", b"\t\tz\n"]), max_size=9),
    torn=st.sampled_from([b"", b"", b"torn", b"torn\t"]),
    blanks=st.sampled_from(
        [b"", b"\n", b"\t\t\n", b"\t" * 5000 + b"\n", b"\t" * 30_000, b"\n\t\n\n", b"\0" * 700, b"\0" * 9 + b"\t\n"]
    ),
    fill=st.booleans(),
)
def test_nothing_but_blanks_is_written_over(lines: list[bytes], torn: bytes, blanks: bytes, fill: bool) -> None:
    """Whatever is in the file, a line is put behind it, on its own, and no newline behind a line is touched."""
    data = b"".join(lines) + torn
    data += blanks if not fill else b"\t" * (-(len(data) + 1) % STEP) + b"\n"
    disk = Written()
    with TemporaryDirectory() as folder:
        path = Path(folder, "active")
        path.write_bytes(data)
        descriptor = disk.open(path)
        file = ActiveFile(disk, descriptor, *_last_line(descriptor))
        file.append(b"new line\n")
        file.close()
        written = path.read_bytes()
    before, after = ([line.rstrip(b"\t\0") for line in each.split(b"\n")] for each in (data, written))
    assert [line for line in after if line] == [*(line for line in before if line), b"new line"]
    kept = len(data.rstrip(b"\t\n\0"))
    kept = len(data) if len(data) - kept > 2 * STEP else kept
    assert disk.offset >= kept + (data[kept : kept + 1] == b"\n" and kept > 0)
    assert len(written) >= len(data)


class Written(Disk):
    """A disk that remembers where it was written to."""

    offset = -1

    def write(self, descriptor: int, data: bytes) -> None:
        self.offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        super().write(descriptor, data)


@pytest.mark.parametrize("more", [0, 1, 2])
def test_a_record_that_ends_where_a_step_does(spool: Spool, more: int) -> None:
    """The record that fills a step to its last byte, or nearly so, keeps its newline, and the next lies behind it."""
    first = append(spool, 0)
    length = used(spool)
    expected = [first, append(spool, STEP - 2 * length - more)]
    data = spool.layout.active.read_bytes()
    assert data[-more - 2 :] == b"}\n" + (b"\t" * (more - 1) + b"\n" if more else b"")
    assert len(data) == STEP
    expected.append(append(spool))
    assert ids(spool) == expected
    assert spool.layout.active.read_bytes()[: STEP - more] == data[: STEP - more]


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE])
def test_a_bad_sector_in_it_stops_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """A segment whose end the disk does not give is counted, and put aside; appends go on in the next one."""
    append(spool)
    read = os.read
    bad = spool.layout.active.stat().st_ino

    def failing(descriptor: int, number: int) -> bytes:
        if os.fstat(descriptor).st_ino == bad:
            raise OSError(error, os.strerror(error))
        return read(descriptor, number)

    monkeypatch.setattr(os, "read", failing)
    assert count_pending(spool, spool.now()).foreign == 1
    second = append(spool)
    assert open_files(bad) == 0
    assert (ids(spool), len(spool.sealed())) == ([second], 1)
    assert count_pending(spool, spool.now()).foreign == 1


def test_no_descriptor_is_no_reason_to_put_it_aside(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no descriptor left for it, an append says so, and leaves the segment where it is."""
    first = append(spool)

    def none_left(_disk: Disk, path: Path) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))

    monkeypatch.setattr(Disk, "open", none_left)
    with pytest.raises(UnavailableError, match="Too many open files"):
        append(spool)
    monkeypatch.undo()
    assert (ids(spool), spool.sealed()) == ([first], [])


def test_what_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    """A file that damage has made endless has no room, and is not read to find that out."""
    path = tmp_path / "active"
    with path.open("wb") as file:
        file.truncate(2**40)
    descriptor = Disk().open(path)
    assert not ActiveFile(Disk(), descriptor, *_last_line(descriptor)).has_room(b"{}\n")
    os.close(descriptor)


def test_a_full_one_is_as_long_as_a_segment_may_be(spool: Spool) -> None:
    """With its blanks, too, an active segment is no longer than 256 KiB, however its last record fits in."""
    while not spool.sealed():
        append(spool, 1)
        assert spool.layout.active.stat().st_size <= SEGMENT_BYTES
    assert spool.sealed()[0].stat().st_size > SEGMENT_BYTES - 300


def test_a_line_that_is_being_written_is_no_damage(spool: Spool) -> None:
    """A look that meets the half of a line says nothing of it: the next append, or a seal, shows whether it is torn."""
    first = append(spool)
    whole = spool.layout.active.read_bytes().rstrip(b"\t\n") + b"\n"
    for blanks in (b"", b"\t" * 500 + b"\n"):
        spool.layout.active.write_bytes(whole + whole[:-40] + blanks)
        [segment] = spool.segments()
        assert ([record.id for record in segment.records], segment.corrupt) == ([first], ())
        assert count_pending(spool, spool.now()).corrupt == 0
    spool.seal()
    assert count_pending(spool, spool.now()).corrupt == 1


def test_an_append_that_fails_leaves_no_file_open(spool: Spool) -> None:
    """An append that fails, wherever it does, leaves no file open."""

    class Failing(Disk):
        left = 10**9

        def __getattribute__(self, name: str) -> object:
            if name in {"create", "open", "write", "sync", "sync_directory", "rename"}:
                self.left -= 1
                if self.left < 0:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().__getattribute__(name)

    spool.disk = spool._active._disk = disk = Failing()
    append(spool, 60_000)
    gc.collect()  # what other tests have left
    before = len(list(Path("/dev/fd").iterdir()))
    failed = 0
    for number in range(60):
        disk.left = number % 12
        try:
            append(spool, 60_000)
        except UnavailableError:
            failed += 1
    assert failed > 20
    assert len(list(Path("/dev/fd").iterdir())) <= before


@pytest.mark.parametrize("end", [b"\0\n", b"\0\t\n", b"\0"])
def test_nuls_behind_a_line_that_is_none_are_a_part_of_it(spool: Spool, end: bytes) -> None:
    """Damage that ends with NULs keeps them: nobody knows that they are blanks."""
    append(spool)
    spool.layout.active.write_bytes(b"noise" + end)
    spool.seal()
    [segment] = spool.segments()
    assert segment.corrupt == (b"noise\0",)


def test_what_is_closed_is_not_closed_again(tmp_path: Path) -> None:
    """Closing twice closes no file that has the number by now."""
    file = ActiveFile(Disk(), Disk().create(tmp_path / "active"))
    file.close()
    other = os.open(tmp_path, os.O_RDONLY)
    file.close()
    os.fstat(other)
    os.close(other)


def test_a_close_that_fails_refuses_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is synced is accepted, whatever the system says when the file is closed."""
    append(spool)
    active, close = spool.layout.active.stat().st_ino, os.close

    def failing(descriptor: int) -> None:
        ours = os.fstat(descriptor).st_ino == active
        close(descriptor)
        if ours:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "close", failing)
    append(spool)


@pytest.mark.parametrize("name", ["write", "sync", "truncate"])
def test_an_interrupt_leaves_no_file_open(spool: Spool, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """An append or a seal that is interrupted at the disk leaves no file open."""
    append(spool)
    inode = spool.layout.active.stat().st_ino

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Disk, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        spool.seal() if name == "truncate" else append(spool)
    assert open_files(inode) == 0


@pytest.mark.parametrize("missing, torn, sealed", [(0, False, 0), (1, False, 1), (0, True, 1), (-1, True, 0)])
def test_a_line_that_just_fits_in(spool: Spool, missing: int, torn: bool, sealed: int) -> None:
    """A segment is filled to its last byte, and not beyond, with the newline that sets a torn line apart counted."""
    probe = Spool(spool.layout.root.parent / "probe", source="test")
    append(probe, 0)
    least = used(probe)
    fill(spool, SEGMENT_BYTES - least + missing - 30 * torn)
    if torn:
        with spool.layout.active.open("r+b") as file:
            file.seek(used(spool))
            file.write(b"t" * 30)
    append(spool, 0)
    assert len(spool.sealed()) == sealed
    assert sealed or spool.layout.active.stat().st_size == SEGMENT_BYTES


def test_a_record_as_long_as_a_step_brings_no_blanks(spool: Spool) -> None:
    """Where a record ends with its step, the file does, too: a full segment is no longer than it may be."""
    append(spool, 0)
    least = used(spool)
    spool.seal()
    append(spool, STEP - least)
    assert spool.layout.active.stat().st_size == STEP


def test_a_torn_line_in_front_of_a_step_of_blanks(tmp_path: Path) -> None:
    """A line that is torn where a whole step of blanks begins is told from one that ends."""
    path = tmp_path / "active"
    path.write_bytes(b"whole\ntorn" + b"\t" * (STEP - 1) + b"\n")
    descriptor = Disk().open(path)
    assert _last_line(descriptor) == (10, 10 + STEP, True)
    os.close(descriptor)


def test_a_file_of_blanks_is_empty(spool: Spool) -> None:
    """Blanks without a line before them, as of a first write that was lost, are nothing to seal; names are synced."""
    append(spool)
    synced: list[Path] = []
    spool.layout.active.write_bytes(b"\t" * 70 + b"\n")
    assert (spool.seal(), spool.sealed()) == (None, [])
    spool.disk.sync_directory = synced.append  # type: ignore[method-assign]
    append(spool)
    assert synced == [spool.layout.pending, spool.layout.root]


def test_blanks_around_a_record_are_no_part_of_it(spool: Spool) -> None:
    """A record with blanks before or behind it on its line is one, and damage is kept without them."""
    append(spool)
    line = spool.layout.active.read_bytes()[: used(spool) - 1]
    segment = parse(Path(), b"\t\t" + line + b"\n" + line + b"\t\t\n\t \0torn \t\n")
    assert ([record.line for record in segment.records], segment.corrupt) == ([line, line], (b" \0torn ",))


@pytest.mark.parametrize("blank", [b"\t", b"\0"])
def test_blanks_within_a_line_are_kept(tmp_path: Path, blank: bytes) -> None:
    """What looks like blanks where a block ends, in the middle of a file, is read as it is."""
    path = tmp_path / "file"
    data = b"x" * (SEGMENT_BYTES - 50) + blank * 100 + b"y\n" + b"z\n" * (SEGMENT_BYTES // 2)
    path.write_bytes(data)
    assert b"".join(portions(path)) == data
    data = b"z\n" * (SEGMENT_BYTES // 2) + b"x" * 50 + blank * 100 + b"y" * (SEGMENT_BYTES - 101) + b"\n"
    path.write_bytes(data)
    assert b"".join(reversed(list(portions_backwards(path)))) == data


def test_where_nothing_can_be_sealed_the_bounds_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a stranger keeps the full segment open, on Windows, and each record gets a file, the bounds hold."""
    spool = Spool(tmp_path / "spool", source="test", bounds=Bounds(octets=SEGMENT_BYTES))
    rename = Disk.rename

    def kept_open(disk: Disk, source: Path, target: Path) -> None:
        if source == spool.layout.active:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        rename(disk, source, target)

    monkeypatch.setattr(Disk, "rename", kept_open)
    for _ in range(20):
        append(spool, 60_000)
    assert sum(path.stat().st_size for path in spool.sealed()) <= SEGMENT_BYTES


def test_a_full_segment_goes_through_no_link(spool: Spool, tmp_path: Path) -> None:
    """Where somebody has put a link in the place of `pending/`, nothing is moved out of the spool."""
    for _ in range(4):
        append(spool, 60_000)
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    spool.layout.pending.rmdir()
    spool.layout.pending.symlink_to(outside)
    with pytest.raises(UnsafeError):
        append(spool, 60_000)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "blanks, ours",
    [
        (b"\n" + b"\t" * 2 * STEP, True),
        (b"\n" + b"\t" * (STEP - 1) + b"\0" * STEP, True),
        (b"\n" + b"\0" * (2 * STEP + 1), False),
        (b"\n" + b"\t" * 3 * STEP, False),
    ],
)
def test_two_steps_of_blanks_are_ours_at_most(blanks: bytes, ours: bool) -> None:
    """What a lost write has left is a step of old blanks and one of NULs; of more, nothing is known."""
    data = b"x" * 100 + blanks
    assert end_of_lines(data) == (101 if ours else len(data))


def test_an_empty_line_is_nothing() -> None:
    """A file of newlines and blanks has no line."""
    assert end_of_lines(b"\n\t\n") == end_of_lines(b"\n") == end_of_lines(b"") == 0


def test_a_seal_that_is_refused_leaves_no_file_open(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the blanks of a full segment cannot be cut off, appends go on, and leave it closed."""

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Disk, "truncate", refused)
    for _ in range(9):
        append(spool, 60_000)
    assert open_files(spool.layout.active.stat().st_ino) == 0


def test_a_purge_says_beforehand_what_it_deletes(spool: Spool) -> None:
    """What is announced is what is deleted, a torn line in the active segment as well."""
    append(spool)
    line = spool.layout.active.read_bytes().rstrip(b"\t\n")
    for rest in (line, line[:-20]):
        spool.layout.active.write_bytes(rest)
        announced = purgeable(spool)
        assert announced != Purged()
        assert purge(spool) == announced


def test_the_end_of_a_line_that_is_seen_before_its_beginning_is_no_damage(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that meets a record that is half written over blanks looks once more before it tells of damage."""
    append(spool)
    end = used(spool)
    first = append(spool)
    data = spool.layout.active.read_bytes()
    looks = iter([data[:end] + b"\t" * 100 + data[end + 100 :], data])

    def readable(*_: object) -> Iterator[bytes]:
        yield next(looks)[: used(spool)]

    monkeypatch.setattr("spool.active.readable_portions", readable)
    [segment] = spool.segments()
    assert (segment.records[-1].id, segment.corrupt) == (first, ())
