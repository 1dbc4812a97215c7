"""Bundles: records that are carried by hand from one spool to another."""

import gzip
import hashlib
import os
import stat
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from transport import FakeTransport

from spool import (
    Bounds,
    BundleError,
    Delivered,
    InvalidEventError,
    NewerFormatError,
    Refused,
    Spool,
    SpoolError,
    UnavailableError,
    drain,
    export_bundle,
    import_bundle,
)
from spool.bounds import GAP_TYPE, dropped, gap_data
from spool.bundle import Exported
from spool.dead import letters
from spool.disk import Disk
from spool.record import seal_line


@pytest.fixture
def near(tmp_path: Path) -> Spool:
    """The spool on the machine without a network."""
    return Spool(tmp_path / "near", source="test")


@pytest.fixture
def far(tmp_path: Path) -> Spool:
    """The spool on the machine with one."""
    return Spool(tmp_path / "far", source="test")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Where a bundle goes: a stick, say."""
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick" / "events.ndjson.gz"


def append(spool: Spool, number: int = 3, size: int = 0) -> list[str]:
    """Append some events."""
    return [spool.append({"number": each, "filler": "x" * size}, event_type="t") for each in range(number)]


def lines(spool: Spool) -> list[bytes]:
    """The pending records byte for byte."""
    return [record.line for record in spool.records()]


def files(spool: Spool) -> dict[str, bytes]:
    """All that is in a spool's directory; empty when it was never made."""
    found = (path for path in spool.layout.root.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): path.read_bytes() for path in found}


def unpacked(bundle: Path) -> list[bytes]:
    """The lines of a bundle."""
    return gzip.decompress(bundle.read_bytes()).splitlines(keepends=True)


def pack(bundle: Path, data: list[bytes]) -> None:
    """Make a bundle of some lines."""
    bundle.write_bytes(gzip.compress(b"".join(data)))


def foot(data: list[bytes], number: int | None = None) -> bytes:
    """The last line that would make these lines a whole bundle."""
    digest = hashlib.sha256(b"".join(data)).hexdigest()
    return seal_line(b'{"records":%d,"sha256":"%b"' % (number or len(data) - 1, digest.encode())) + b"\n"


def test_records_arrive_byte_for_byte(near: Spool, far: Spool, bundle: Path) -> None:
    """What is exported here and imported there is there what it was here, in the same order, and is here no more."""
    append(near)
    near.seal()
    append(near)
    before = lines(near)
    exported = export_bundle(near, bundle)
    times = [record.recorded_at for record in near.records()]
    assert (exported.records, times) == (6, [])
    assert lines(near) == []
    assert import_bundle(far, bundle).added == 6
    assert lines(far) == before
    assert exported.oldest == min(record.recorded_at for record in far.records())
    assert exported.newest == max(record.recorded_at for record in far.records())


def test_a_bundle_is_text_under_gzip(near: Spool, bundle: Path) -> None:
    """Whoever carries a bundle can read it, and nobody else: its mode is 0600."""
    append(near)
    before = lines(near)
    export_bundle(near, bundle)
    assert [line[:-1] for line in unpacked(bundle)[1:-1]] == before
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600


def test_records_can_be_copied(near: Spool, far: Spool, bundle: Path) -> None:
    """With `keep` they are in both places, and damaged lines stay where they were."""
    append(near)
    with near.layout.active.open("ab") as active:
        active.write(b"damage\n")
    before = lines(near)
    assert export_bundle(near, bundle, keep=True).records == 3
    assert lines(near) == before
    assert [line for segment in near.segments() for line in segment.corrupt] == [b"damage"]
    import_bundle(far, bundle)
    assert lines(far) == before


def test_damage_is_not_carried(near: Spool, bundle: Path) -> None:
    """A damaged line stays behind as a dead letter with its bytes, and the records around it are moved."""
    append(near)
    with near.layout.active.open("ab") as active:
        active.write(b"damage\n")
    append(near)
    assert export_bundle(near, bundle).records == 6
    assert [letter.why["reason"] for letter in letters(near)] == ["corrupt"]
    assert lines(near) == []


def test_what_is_there_is_skipped(near: Spool, far: Spool, bundle: Path) -> None:
    """A record that the spool has, pending or dead, is not added once more; nor is one that comes twice."""
    refused, *_ = append(near, 4)
    export_bundle(near, bundle, keep=True)
    head, *records, _ = unpacked(bundle)
    pack(bundle, [*(partial := [head, *records[:2]]), foot(partial)])
    assert import_bundle(far, bundle).added == 2
    drain(far, refusing(refused))
    assert [letter.record.id for letter in letters(far) if letter.record] == [refused]
    pack(bundle, [*(twice := [head, *records, *records]), foot(twice)])
    imported = import_bundle(far, bundle)
    assert (imported.added, imported.skipped) == (3, 1)
    assert sorted(lines(far)) == [record[:-1] for record in records[1:]]


def refusing(refused: str) -> FakeTransport:
    """An endpoint that takes everything but one record."""
    return FakeTransport(
        lambda records: Refused("HTTP 400", 400) if refused in {record.id for record in records} else Delivered()
    )


def test_nothing_to_export(near: Spool, bundle: Path) -> None:
    """Where nothing is pending no file is made, and where no spool is no spool is made."""
    assert export_bundle(near, bundle).records == 0
    assert not near.layout.root.exists()
    append(near)
    export_bundle(near, bundle)
    second = bundle.with_name("second")
    assert export_bundle(near, second).records == 0
    assert not second.exists()


def test_a_file_is_never_written_over(near: Spool, bundle: Path) -> None:
    """A file that is there stays what it was, and the records stay pending."""
    append(near)
    bundle.write_bytes(b"a thesis")
    with pytest.raises(UnavailableError, match="exists: choose another name"):
        export_bundle(near, bundle)
    assert bundle.read_bytes() == b"a thesis"
    assert len(lines(near)) == 3


@pytest.mark.parametrize("place", ["near/events", "stick/../near/pending/b.ndjson", "gone/events", "stick"])
def test_a_bundle_needs_a_place(near: Spool, bundle: Path, tmp_path: Path, place: str) -> None:
    """Not in the spool, not where no folder is, not over a folder: one line says so, and the records stay pending."""
    append(near)
    with pytest.raises(UnavailableError) as caught:
        export_bundle(near, tmp_path / place)
    assert str(tmp_path / place) in str(caught.value)
    assert len(lines(near)) == 3
    assert not bundle.exists()


def test_a_drain_at_work_is_not_disturbed(near: Spool, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a drain is at work neither export nor import changes anything."""
    monkeypatch.setattr("spool.spool._DRAIN_PATIENCE", 0.05)
    append(near)
    export_bundle(near, bundle, keep=True)
    other = Spool(near.layout.root, source="test")
    before = files(near)
    with other.drain_lock.held():
        with pytest.raises(UnavailableError, match="a flush is at work"):
            export_bundle(near, bundle.with_name("second"))
        with pytest.raises(UnavailableError, match="a flush is at work"):
            import_bundle(near, bundle)
    assert files(near) == before


def test_a_bundle_of_a_newer_program(near: Spool, far: Spool, bundle: Path) -> None:
    """An older program says so, and changes nothing."""
    append(near)
    export_bundle(near, bundle)
    data = [seal_line(b'{"bundle": 2, "new": true') + b"\n", *unpacked(bundle)[1:-1]]
    pack(bundle, [*data, foot(data)])
    with pytest.raises(NewerFormatError, match="has format 2"):
        import_bundle(far, bundle)
    assert files(far) == {}


def test_a_gap_only_counts_where_it_is_carried(near: Spool, far: Spool, bundle: Path) -> None:
    """A gap from elsewhere keeps its count, stays alone in its segment, and removes no file that it lists."""
    near.bounds = Bounds(octets=1000)
    append(near, 30, 20_000)
    [number] = [sum(dropped(data).values()) for record in near.records() if (data := gap_data(record))]
    append(far)
    before = lines(far)
    sealed = far.seal()
    assert sealed is not None
    export_bundle(near, bundle)
    head, *records, _ = unpacked(bundle)
    gap = next(record for record in records if b"spool.gap.v1" in record)
    names = gap[gap.index(b'"pending/') : gap.index(b"]")]
    forged = gap[: gap.index(b',"crc"')].replace(names, b'"pending/%b"' % sealed.name.encode())
    data = [head, *(record if record is not gap else seal_line(forged) + b"\n" for record in records)]
    pack(bundle, [*data, foot(data)])
    import_bundle(far, bundle)
    endpoint = FakeTransport()
    drain(far, endpoint)
    assert set(before) <= {record.line for record in endpoint.handed}
    carried = [data for record in endpoint.handed if (data := gap_data(record))]
    assert [sum(dropped(data).values()) for data in carried] == [number]
    assert all(len(segment.records) == 1 for segment in far.segments() if any(map(gap_data, segment.records)))


def test_what_a_gap_counts_is_no_longer_there(near: Spool, far: Spool, bundle: Path) -> None:
    """Records that a crash left behind the gap which counts them are not skipped as known: they arrive."""
    ids = append(near, 2)
    export_bundle(near, bundle)
    import_bundle(far, bundle)
    [left] = far.sealed()
    account = {"dropped": {"size": 2}, "from": None, "to": None, "files": [f"pending/{left.name}"]}
    gap = far.append(account, event_type=GAP_TYPE)
    sealed = far.seal()
    assert sealed is not None
    sealed.rename(far.layout.segment(gap))
    assert import_bundle(far, bundle).added == 2
    assert sorted(record.id for record in far.records()) == sorted([*ids, gap])


@pytest.mark.parametrize("data", [b'"caf\xc3\xa9"', b"9" * 5000, b"nothing"])
def test_what_no_import_takes_is_not_exported(near: Spool, far: Spool, bundle: Path, data: bytes) -> None:
    """A record with a good checksum that an import would refuse stays pending, and holds up no other."""
    ids = append(near, 3)
    sealed = near.seal()
    assert sealed is not None
    first, second, third = sealed.read_bytes().splitlines()
    number = second.index(b'"data":') + len(b'"data":')
    sealed.write_bytes(b"\n".join([first, seal_line(second[:number] + data), third, b""]))
    exported = export_bundle(near, bundle)
    assert (exported.records, exported.left) == (2, 1)
    assert import_bundle(far, bundle).added == 2
    assert [record.id for record in far.records()] == [ids[0], ids[2]]
    assert [record.id for record in near.records()] == [ids[1]]
    assert export_bundle(near, bundle.with_name("again")) == Exported(left=1)


def test_what_a_full_spool_has_is_skipped(near: Spool, far: Spool, bundle: Path) -> None:
    """A bundle of which all is there needs no room: it may be imported once more, however full the spool is."""
    append(near, 3)
    export_bundle(near, bundle)
    import_bundle(far, bundle)
    append(far, 20, 60_000)
    far.seal()
    far.bounds = Bounds(octets=1000)
    assert import_bundle(far, bundle).skipped == 3


def test_a_bundle_with_padding_is_refused_at_once(near: Spool, far: Spool, bundle: Path) -> None:
    """A file that is larger than all that it may hold is not read to its end, which takes minutes for zeros."""
    append(near)
    export_bundle(near, bundle)
    os.truncate(bundle, 2**33)
    with pytest.raises(BundleError, match="holds more than"):
        import_bundle(far, bundle)
    assert files(far) == {}


def test_no_more_is_taken_than_the_spool_may_hold(near: Spool, far: Spool, bundle: Path) -> None:
    """What would at once be far over the bound is refused before anything is changed: it would only become a gap."""
    append(near, 20, 20_000)
    export_bundle(near, bundle)
    far.bounds = Bounds(octets=100_000, age=timedelta(days=1))
    with pytest.raises(BundleError, match=r"holds more than the 362,144 bytes .*: raise its bound"):
        import_bundle(far, bundle)
    assert files(far) == {}
    far.bounds = Bounds(octets=300_000)
    append(far, 10, 20_000)
    far.seal()
    before = files(far)
    with pytest.raises(UnavailableError, match="has room for"):
        import_bundle(far, bundle)
    assert files(far) == before


def test_a_full_spool_fits_into_an_empty_one_of_its_size(near: Spool, far: Spool, bundle: Path) -> None:
    """What a spool at its bound exports, the active segment as well, another with the same bound takes in."""
    near.bounds = far.bounds = Bounds(octets=2**20)
    append(near, 500, 10_000)
    exported = export_bundle(near, bundle).records
    assert import_bundle(far, bundle).added == exported


def test_whatever_is_accepted_can_be_carried(near: Spool, far: Spool, bundle: Path) -> None:
    """An event that would be nested too deeply for whoever reads it again is refused; the deepest one arrives."""
    event: dict[str, object] = {"note": "[[" * 200}
    for _ in range(99):
        event = {"in": event}
    near.append(event, event_type="t")
    with pytest.raises(InvalidEventError, match="more than 100 levels"):
        near.append({"in": event}, event_type="t")
    export_bundle(near, bundle)
    assert import_bundle(far, bundle).added == 1


def _bomb(path: Path, line: bytes = b"\0" * 60_000) -> None:
    """Pack so much of a line, between the first line of a bundle and none, that nobody should unpack it all."""
    packer = zlib.compressobj(1, wbits=31)
    with path.open("wb") as file:
        file.write(packer.compress(seal_line(b'{"bundle": 1') + b"\n"))
        for _ in range(2**27 // len(line)):
            file.write(packer.compress(line))
        file.write(packer.flush())


def _forged(path: Path) -> list[bytes]:
    """A bundle in which somebody has written a record by hand, and a checksum for it."""
    head, first, *_ = unpacked(path)
    return [head, first, seal_line(first[: first.index(b'"source"')] + b'"type":"spool.gap.v1",') + b"\n"]


HOSTILE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"hello\n"),
    "gzip of nothing": lambda path: pack(path, []),
    "gzip of text": lambda path: pack(path, [b"hello\n"]),
    "a bomb": _bomb,
    "a bomb of records": lambda path: _bomb(path, unpacked(path)[1]),
    "an absurd count": lambda path: pack(path, [*(data := unpacked(path)[:-1]), foot(data, 10**40)]),
    "a count too high": lambda path: pack(path, [*(data := unpacked(path)[:-1]), foot(data, 4)]),
    "a record too few": lambda path: pack(path, [*(data := unpacked(path))[:2], *data[3:]]),
    "a record twice": lambda path: pack(path, [*(data := unpacked(path))[:2], *data[1:]]),
    "records exchanged": lambda path: pack(path, [(data := unpacked(path))[0], data[2], data[1], *data[3:]]),
    "no last line": lambda path: pack(path, unpacked(path)[:-1]),
    "no first line": lambda path: pack(path, unpacked(path)[1:]),
    "something behind the last line": lambda path: pack(path, [*unpacked(path), b"more\n"]),
    "another bundle behind it": lambda path: path.write_bytes(path.read_bytes() * 2),
    "another line in between": lambda path: pack(path, [*(data := [*unpacked(path)[:-1], b"no record\n"]), foot(data)]),
    "numbers that nobody can read": lambda path: pack(path, [seal_line(b'{"bundle": ' + b"9" * 60_000) + b"\n"]),
    "depths that nobody can read": lambda path: pack(path, [seal_line(b'{"bundle": ' + b"[" * 60_000) + b"\n"]),
    "a list": lambda path: pack(path, [seal_line(b'["bundle"') + b"\n"]),
    "a record that is no JSON": lambda path: pack(path, [*(data := _forged(path)), foot(data)]),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "nothing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_changes_nothing(near: Spool, far: Spool, bundle: Path, name: str) -> None:
    """A file that is not what an export wrote is refused in one line, at once; nothing was changed, nothing is open."""
    append(near)
    export_bundle(near, bundle)
    opened = len(list(Path("/dev/fd").iterdir()))
    HOSTILE[name](bundle)
    with pytest.raises(SpoolError) as caught:
        import_bundle(far, bundle)
    assert str(bundle) in str(caught.value)
    assert files(far) == {}
    assert not far.layout.root.exists()
    assert len(list(Path("/dev/fd").iterdir())) <= opened


def test_no_byte_of_a_bundle_can_be_changed(near: Spool, far: Spool, bundle: Path) -> None:
    """Whichever byte is changed, and wherever it breaks off: all is imported as it was, or nothing."""
    append(near)
    expected = lines(near)
    export_bundle(near, bundle)
    whole = bundle.read_bytes()
    draws = Random(1)
    damaged = [whole[:cut] for cut in range(len(whole))]
    damaged += [whole[:at] + bytes([whole[at] ^ 1 << draws.randrange(8)]) + whole[at + 1 :] for at in range(len(whole))]
    for data in damaged:
        bundle.write_bytes(data)
        try:
            import_bundle(far, bundle)
        except SpoolError:
            assert files(far) == {}
        else:  # a bit of gzip's header that means nothing
            assert lines(far) == expected
            far = Spool(far.layout.root.with_name(os.urandom(8).hex()), source="test")


def test_a_stick_that_is_full(near: Spool, bundle: Path) -> None:
    """Where a bundle does not fit, no part of it stays, and the records stay pending."""
    draws = Random(1)
    for _ in range(20):
        near.append({"noise": draws.randbytes(20_000).hex()}, event_type="t")

    class FullDisk(Disk):
        def write(self, descriptor: int, data: bytes) -> None:
            if os.fstat(descriptor).st_size > 100_000:
                raise OSError(28, os.strerror(28))
            super().write(descriptor, data)

    before = lines(near)
    near.disk = FullDisk()
    with pytest.raises(UnavailableError, match=r"cannot write .*: No space left on device"):
        export_bundle(near, bundle)
    assert not bundle.exists()
    assert lines(near) == before


def test_a_gap_is_alone_where_it_is_imported(near: Spool, far: Spool, bundle: Path) -> None:
    """A gap among the records of a bundle gets a segment of its own, as whoever looks for one expects it."""
    first, gap, last = (
        near.append({"dropped": {"size": 1}, "files": []}, event_type=event_type) for event_type in ("t", GAP_TYPE, "t")
    )
    export_bundle(near, bundle)
    import_bundle(far, bundle)
    assert [[record.id for record in segment.records] for segment in far.segments()] == [[first], [gap], [last]]


def test_what_was_exported_is_gone_for_good(near: Spool, bundle: Path) -> None:
    """When an export says that the records were moved, no power cut brings them back, to be sent from here as well."""
    append(near)
    near.seal()
    append(near)
    calls: list[tuple[str, Path]] = []

    class Noting(Disk):
        def unlink(self, path: Path) -> None:
            calls.append(("unlink", path.parent))
            super().unlink(path)

        def sync_directory(self, path: Path) -> None:
            calls.append(("sync", path))
            super().sync_directory(path)

    assert export_bundle(Spool(near.layout.root, source="test", disk=Noting()), bundle).records == 6
    removed = [number for number, call in enumerate(calls) if call == ("unlink", near.layout.pending)]
    assert len(removed) == 2
    assert ("sync", near.layout.pending) in calls[removed[-1] :]


@pytest.mark.parametrize("text", ["é".encode(), b"\xff", "\u202e".encode()])
def test_a_record_with_bytes_that_no_spool_would_write_is_not_taken(
    near: Spool, far: Spool, bundle: Path, text: bytes
) -> None:
    """A record is ASCII to its last byte: one that is not, whatever its checksum says, makes a bundle a damaged one."""
    append(near, 1)
    export_bundle(near, bundle)
    head, record, _ = unpacked(bundle)
    forged = record[: record.index(b',"crc"')].replace(b'"t"', b'"t' + text + b'"')
    data = [head, seal_line(forged) + b"\n"]
    assert data[1] != record
    pack(bundle, [*data, foot(data)])
    with pytest.raises(BundleError, match="damaged"):
        import_bundle(far, bundle)
    assert files(far) == {}
