"""Counting what is pending, at the speed of looking."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool import Spool
from spool.inspection import _foreign, count_pending, find, newest_first
from spool.record import encode, looks_whole
from spool.segment import PORTION_BYTES, portions, portions_backwards

NOW_NS = 1_795_428_000_000_000_000
NOW = datetime.fromtimestamp(NOW_NS / 1e9, UTC)
MINUTE = 60 * 10**9


def line(age_ns: int = 0) -> bytes:
    """A record as it lies on disk."""
    return encode({"text": 'a "quoted"}\n'}, source="test", event_type="t", now_ns=NOW_NS - age_ns).line


def pending(folder: Path, *segments: bytes) -> Spool:
    """A spool with these segments, the last one active."""
    spool = Spool(folder / "spool", source="test", clock=lambda: NOW_NS)
    spool.append({}, event_type="t")
    for number, data in enumerate(segments[:-1]):
        spool.layout.segment(f"{number:08}-0000-7000-8000-000000000000").write_bytes(data)
    spool.layout.active.write_bytes(segments[-1])
    return spool


@given(
    cuts=st.lists(st.integers(0, 250), min_size=1, max_size=6),
    between=st.lists(st.sampled_from([b"\n", b"\n\n", b"\n\0\0\n", b"\nno record\n"]), min_size=6, max_size=6),
)
def test_a_look_tells_torn_lines_from_whole_ones(cuts: list[int], between: list[bytes]) -> None:
    """A look counts the lines that begin and end as a record does, unless a crash tore others: then it says so."""
    data = b"".join(line()[: cut or None] + end for cut, end in zip(cuts, between, strict=False))
    number = looks_whole(data)
    look_so = [each.startswith(b'{"specversion":"1.0","id":"') and each.endswith(b'"}') for each in data.split(b"\n")]
    assert number in {None, sum(look_so)}
    assert number is not None or not all(look_so[:-1]) or not data.endswith(b"\n")


def test_whole_lines_are_seen_at_one_look() -> None:
    """The fast way is the usual way."""
    assert looks_whole(line() + b"\n") == 1
    assert looks_whole((line() + b"\n") * 300) == 300


def test_torn_lines_are_counted_as_such(tmp_path: Path) -> None:
    """What a crash tore and what somebody put there counts as corrupt, not as pending, once it is known to be that."""
    sealed = line() + b"\n" + line()[:90] + b"\n" + line() + b"\n"
    spool = pending(tmp_path, sealed, b"text\n" + line() + b"\n" + line()[:5])
    found = count_pending(spool, NOW)
    assert (found.records, found.corrupt) == (3, 2)  # the last one may be in the middle of being written
    spool.seal()
    assert count_pending(spool, NOW).corrupt == 3


@pytest.mark.parametrize("minutes", [0, 4.99, 5, 9.99, 10, 100, 1279.9, 1280, 50_000, -60])
def test_ages_are_those_of_qshape(tmp_path: Path, minutes: float) -> None:
    """A record counts in the age that it has reached; one of the future counts as young."""
    spool = pending(tmp_path, (line(int(minutes * MINUTE)) + b"\n") * 2)
    [(name, number)] = [(name, number) for name, number in count_pending(spool, NOW).ages if number]
    assert number == 2
    bounds = [float(bound) for bound in name.strip("<+").split("-")]
    assert minutes >= bounds[0] if name.endswith("+") else minutes < bounds[0]


def test_a_segment_of_several_ages_is_counted_one_by_one(tmp_path: Path) -> None:
    """Where the first and the last record of a segment differ in age, each counts as what it is."""
    sealed, active = (b"".join(line(minutes * MINUTE) + b"\n" for minutes in (45, 12, 11, 1)) for _ in range(2))
    found = count_pending(pending(tmp_path, sealed, active), NOW)
    assert {name: number for name, number in found.ages if number} == {"<5": 2, "<20": 4, "<80": 2}
    assert found.octets == len(sealed) + len(active)
    assert found.oldest == NOW - timedelta(minutes=45)
    assert found.newest == NOW - timedelta(minutes=1)


def test_a_look_at_nothing(tmp_path: Path) -> None:
    """A spool that never was holds nothing, and no time."""
    found = count_pending(Spool(tmp_path / "spool", source="test"), NOW)
    assert (found.records, found.octets, found.oldest, found.newest) == (0, 0, None, None)


def test_a_segment_that_is_delivered_under_a_look_is_not_foreign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is gone between the listing of `pending/` and the look at it is nobody's foreign file."""
    spool = pending(tmp_path, line(), b"")
    listed = os.scandir

    class Untold:
        """An entry of a file system that does not say what kind it is of: it is looked at when that is asked."""

        def __init__(self, entry: "os.DirEntry[str]") -> None:
            self.name, self.path = entry.name, entry.path

        def is_file(self, *, follow_symlinks: bool) -> bool:
            assert not follow_symlinks
            Path(self.path).unlink()
            return False

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            return os.stat(self.path, follow_symlinks=follow_symlinks)  # noqa: PTH116

    @contextmanager
    def untold(path: Path) -> Iterator[Iterator[Untold]]:
        with listed(path) as entries:
            yield map(Untold, entries)

    monkeypatch.setattr("spool.inspection.os.scandir", untold)
    assert _foreign(spool) == 0
    assert not list(spool.layout.pending.iterdir()), "the look came before the delivery"


@given(
    lengths=st.lists(st.sampled_from([0, 1, 900, 262_143, 262_144, 300_000, 1_100_000]), max_size=8),
    end=st.sampled_from([b"\n", b"", b"\t\n", b"\t" * 4000 + b"\n"]),
)
def test_a_file_reads_the_same_from_its_end(lengths: list[int], end: bytes) -> None:
    """Read from either end, a file has the same lines, without the blanks behind them, in portions as small."""
    lines = [b"%d" % number + b"x" * length + b"\n" for number, length in enumerate(lengths)]
    data = b"".join(lines)
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(data[:-1] + end if data else b"")
        forwards, backwards = list(portions(path)), list(portions_backwards(path))
    assert b"".join(backwards[::-1]) == b"".join(forwards) == (data if end[:1] == b"\n" else data[:-1])
    assert all(0 < len(portion) <= PORTION_BYTES for portion in backwards)
    if max(lengths, default=0) < PORTION_BYTES // 2:
        assert all(portion.endswith(b"\n") for portion in backwards[1:])


def test_nothing_is_read_from_the_end_of_what_is_no_file(tmp_path: Path) -> None:
    """A file that is gone, and a folder, hold no portions."""
    assert list(portions_backwards(tmp_path / "gone")) == list(portions_backwards(tmp_path)) == []


def test_a_segment_sealed_while_the_newest_are_read_is_met_once(tmp_path: Path) -> None:
    """Read newest first, each record is met once, though its segment is sealed between the reading of two."""
    spool = Spool(tmp_path / "spool", source="test")
    ids = []
    for _ in range(3):
        ids += [spool.append({}, event_type="t") for _ in range(4)]
        spool.seal()
    ids += [spool.append({}, event_type="t") for _ in range(4)]
    reader = newest_first(spool)
    met = [next(reader).id]
    spool.seal()
    spool.append({}, event_type="t")
    assert met + [record.id for record in reader] == ids[::-1]
    assert list(newest_first(Spool(tmp_path / "none", source="test"))) == []


def test_a_record_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    """What begins so is found, wherever it lies, once; of many, two."""
    spool = Spool(tmp_path / "spool", source="test")
    ids = [spool.append({"id": "0000"}, event_type="t") for _ in range(3)]
    path = spool.seal()
    assert path is not None
    ids.append(spool.append({}, event_type="t"))
    spool.layout.segment(spool.new_id()).write_bytes(path.read_bytes())
    for record_id in ids:
        assert [record.id for record in find(spool, record_id)] == [record_id]
    assert len(find(spool, ids[0][:6])) == 2
    assert find(spool, "0000") == find(spool, "\udcff") == []
