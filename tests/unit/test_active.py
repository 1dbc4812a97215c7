"""The active segment: where an append writes, and what it leaves alone."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool import Spool
from spool.active import ActiveFile, read_active
from spool.disk import Disk
from spool.segment import SEGMENT_BYTES, parse

STEP = 8192


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


def test_programs_write_behind_one_another(spool: Spool) -> None:
    """Programs that append in turn, each with its own memory of where the end was, overwrite nothing."""
    others = [Spool(spool.layout.root, source="test") for _ in range(3)]
    turns = [0, 0, 1, 0, 2, 2, 2, 1, 0, 1, 1, 2, 0] * 30
    expected = [append(others[turn], 100 * turn) for turn in turns]
    assert ids(spool) == expected
    assert not any(segment.corrupt for segment in spool.segments())


@pytest.mark.parametrize("torn", [b'{"specversion":"1.0","id":"torn', b"{", b'{"a":"\t', b"\0" * 5000])
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


@given(
    lines=st.lists(st.sampled_from([b"a\n", b"\n", b"x" * 900 + b"\n", b"y" * 9000 + b"\n", b"\t\tz\n"]), max_size=9),
    torn=st.sampled_from([b"", b"", b"torn", b"torn\t"]),
    blanks=st.sampled_from([b"", b"\n", b"\t\t\n", b"\t" * 5000 + b"\n", b"\t" * 30_000, b"\n\t\n\n"]),
    near=st.integers(0, 60_000),
)
def test_the_end_is_found_wherever_it_is_looked_for(lines: list[bytes], torn: bytes, blanks: bytes, near: int) -> None:
    """Nothing but blanks is ever written over, whatever is in the file, and wherever its end was the last time."""
    data = b"".join(lines) + torn + blanks
    with TemporaryDirectory() as folder:
        path = Path(folder, "active")
        path.write_bytes(data)
        file = ActiveFile(Disk(), Disk().open(path), near)
        file.append(b"new line\n")
        written = path.read_bytes()
    before, after = ([line.rstrip(b"\t") for line in each.split(b"\n")] for each in (data, written))
    assert [line for line in after if line] == [*(line for line in before if line), b"new line"]
    assert written.startswith(data.rstrip(b"\t\n"))
    assert len(written) >= len(data)


def test_what_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    """A file that damage has made endless has no room, and is not read to find that out."""
    path = tmp_path / "active"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert not ActiveFile(Disk(), Disk().open(path)).has_room(b"{}\n")


def test_a_full_one_is_as_long_as_a_segment_may_be(spool: Spool) -> None:
    """With its blanks, too, an active segment is no longer than 256 KiB, however its last record fits in."""
    while not spool.sealed():
        append(spool, 1)
        assert spool.layout.active.stat().st_size <= SEGMENT_BYTES
    assert spool.sealed()[0].stat().st_size > SEGMENT_BYTES - 300


def test_a_line_that_is_being_written_is_no_damage(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that meets the half of a line looks once more before it tells anybody of damage."""
    append(spool)
    whole = spool.layout.active.read_bytes().rstrip(b"\t\n") + b"\n"
    looks = iter([whole[:-40] + b"\n", whole])

    def readable(*_: object, **__: object) -> Iterator[bytes]:
        yield next(looks)

    monkeypatch.setattr("spool.active.readable_portions", readable)
    assert read_active(spool.layout) == [whole]
    assert next(looks, None) is None
