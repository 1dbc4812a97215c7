"""The active segment: where an append writes, and what it leaves alone."""

import errno
import gc
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool import Spool, UnavailableError
from spool.active import ActiveFile, _last_line
from spool.disk import Disk
from spool.inspection import count_pending
from spool.segment import SEGMENT_BYTES, STEP, parse


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


def test_it_grows_in_steps(spool: Spool) -> None:
    """Blanks that JSON allows lie behind the last record: most appends leave the file as long as it is."""
    lengths = [append(spool) and spool.layout.active.stat().st_size for _ in range(60)]
    assert {length % STEP for length in lengths} == {0}
    assert len(set(lengths)) == max(lengths) // STEP == 6
    lines = spool.layout.active.read_bytes().split(b"\n")
    assert not b"".join(lines[60:]).strip()
    assert parse(Path(), b"\n".join(lines[:60])).corrupt == ()


def test_programs_write_behind_one_another(spool: Spool) -> None:
    """Programs that append in turn, each with its own memory of where the end was, overwrite nothing."""
    others = [Spool(spool.layout.root, source="test") for _ in range(3)]
    turns = [0, 0, 1, 0, 2, 2, 2, 1, 0, 1, 1, 2, 0] * 30
    expected = [append(others[turn], 100 * turn) for turn in turns]
    assert ids(spool) == expected
    assert not any(segment.corrupt for segment in spool.segments())


@pytest.mark.parametrize("torn", [b'{"specversion":"1.0","id":"torn', b"{", b'{"a":"\t', b"\0torn"])
def test_what_a_crash_left_over_the_blanks_stays_alone(spool: Spool, torn: bytes) -> None:
    """A write that was broken off over the blanks costs no record before or behind it."""
    first = append(spool)
    end = len(spool.layout.active.read_bytes().rstrip(b"\t\n")) + 1
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
    end = len(data.rstrip(b"\t\n")) + 1
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
    end = len(data.rstrip(b"\t\n")) + 1
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
    kept = len(data) if len(data) - kept > STEP else kept
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
    length = len(spool.layout.active.read_bytes().rstrip(b"\t\n")) + 1
    expected = [first, append(spool, STEP - 2 * length - more)]
    data = spool.layout.active.read_bytes()
    assert data[-more - 2 :] == b"}\n" + (b"\t" * (more - 1) + b"\n" if more else b"")
    assert len(data) == STEP
    expected.append(append(spool))
    assert ids(spool) == expected
    assert spool.layout.active.read_bytes()[: STEP - more] == data[: STEP - more]


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE])
def test_a_bad_sector_in_it_stops_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """A segment whose end the disk does not give is put aside; what is recorded goes on in the next one."""
    append(spool)
    read = os.read
    bad = spool.layout.active.stat().st_ino

    def failing(descriptor: int, number: int) -> bytes:
        if os.fstat(descriptor).st_ino == bad:
            raise OSError(error, os.strerror(error))
        return read(descriptor, number)

    monkeypatch.setattr(os, "read", failing)
    second = append(spool)
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


def test_a_file_that_stays_open_is_closed(spool: Spool) -> None:
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
