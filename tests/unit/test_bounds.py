"""Bounds: what is dropped, and the gap that accounts for it."""

import errno
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport import FakeTransport

from spool import Deferred, Delivered, Refused, Spool, dead, drain, segment
from spool.bounds import Bounds, dropped, enforce, gap_data, surplus
from spool.bundle import export_bundle
from spool.dead import enforce_bound as enforce_dead
from spool.dead import letters, names, read, requeue, requeue_all
from spool.disk import Disk
from spool.errors import BusyError, UnavailableError
from spool.inspection import count_dead, count_pending
from spool.locks import Lock
from spool.purge import Purged, drop_dead, droppable_dead, purge, purgeable
from spool.record import id_time, new_id, seal_line, timestamp

DAY = 24 * 3600 * 10**9
NOW_NS = 1_795_428_000_000_000_000
NOW = datetime.fromtimestamp(NOW_NS / 1e9, UTC)


class Clock:
    """A clock that tests set; no two looks at it are alike."""

    def __init__(self) -> None:
        self.ns = NOW_NS

    def __call__(self) -> int:
        self.ns += 1_000_000
        return self.ns


@pytest.fixture
def clock() -> Clock:
    """A clock at a fixed moment."""
    return Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Spool:
    """A spool that keeps one mebibyte."""
    return Spool(tmp_path / "spool", source="test", clock=clock, bounds=Bounds(octets=1024 * 1024))


def fill(spool: Spool, number: int, size: int = 10_000) -> list[str]:
    """Append some events and return their ids."""
    return [spool.append({"filler": "x" * size}, event_type="t") for _ in range(number)]


def account(spool: Spool) -> tuple[set[str], dict[str, int]]:
    """The ids of the pending events, and the records that gaps account for."""
    events = {record.id for record in spool.records() if gap_data(record) is None}
    return events, count_pending(spool, NOW).gaps


def written(record_id: str) -> str:
    """The time of a record as a gap has it."""
    return timestamp(id_time(record_id))


def named(ages: Sequence[int]) -> list[tuple[Path, int]]:
    """Segments of a kilobyte that were sealed so many days ago."""
    return [(Path(f"{new_id(NOW_NS - age * DAY)}.ndjson"), 1000) for age in ages]


def test_nothing_goes_within_the_bounds() -> None:
    """A spool within its bounds keeps everything."""
    assert surplus(named([90, 40, 0]), Bounds(octets=3000), NOW) == []


def test_the_oldest_go_first() -> None:
    """Over the bound of size, the oldest go until the rest fits; over that of age, all that are too old."""
    segments = named([100, 95, 50, 20, 0])
    assert [reason for _, reason in surplus(segments, Bounds(octets=9999), NOW)] == ["age", "age"]
    assert [reason for _, reason in surplus(segments, Bounds(octets=2000), NOW)] == ["age", "age", "size"]
    assert [path for path, _ in surplus(segments, Bounds(octets=0), NOW)] == [path for path, _ in segments]


def test_a_bound_of_a_day_in_a_tool_that_is_used_seldom() -> None:
    """What is older than a short bound goes, however long ago that was; no bound is too long to be kept."""
    segments = named([120, 60, 0])
    assert surplus(segments, Bounds(age=timedelta(days=1)), NOW) == [(path, "age") for path, _ in segments[:2]]
    ancient = named([5000, 0])
    assert surplus(ancient, Bounds(age=timedelta(days=1000)), NOW) == [(ancient[0][0], "age")]
    assert surplus(segments, Bounds(age=timedelta.max), NOW) == []


def test_a_name_of_1970_keeps_nothing_that_is_too_old() -> None:
    """A segment whose age nobody could have meant goes with the first one behind it that is too old, and not alone."""
    odd = (Path(f"{new_id(0)}.ndjson"), 1000)
    assert [reason for _, reason in surplus([odd, *named([100, 95, 50])], Bounds(octets=9999), NOW)] == ["age"] * 3
    assert surplus([odd, *named([50])], Bounds(octets=9999), NOW) == []


@given(st.lists(st.integers(0, 5000), max_size=30), st.integers(0, 50_000))
def test_what_is_kept_fits_and_no_more_goes_than_must(sizes: list[int], octets: int) -> None:
    """What is kept fits the bound, is the newest, and with one more segment it would not fit."""
    segments = [(Path(f"{new_id(NOW_NS - (99 - number) * 10**9)}.ndjson"), size) for number, size in enumerate(sizes)]
    gone = len(surplus(segments, Bounds(octets=octets), NOW))
    assert sum(sizes[gone:]) <= octets
    assert gone == 0 or sum(sizes[gone - 1 :]) > octets


def test_every_event_is_pending_or_counted(spool: Spool) -> None:
    """Far over the bound, every accepted event is pending or counted in a gap, once, and the newest are kept."""
    expected = fill(spool, 500)
    events, gaps = account(spool)
    assert events == set(expected[-len(events) :])
    assert gaps == {"size": 500 - len(events)}
    assert sum(path.stat().st_size for path in spool.sealed()) <= 1024 * 1024 + 4096
    assert sum(gap_data(record) is not None for record in spool.records()) == 1


def test_a_gap_says_from_when_to_when(spool: Spool) -> None:
    """A gap has the times of the first and the last record that were dropped, and a reason."""
    expected = fill(spool, 300)
    [gap] = [data for record in spool.records() if (data := gap_data(record))]
    first_kept = next(record for record in spool.records() if gap_data(record) is None)
    position = expected.index(first_kept.id)
    assert dropped(gap) == {"size": position}
    assert (gap["from"], gap["to"]) == (written(expected[0]), written(expected[position - 1]))


def test_a_gap_is_delivered_like_any_record(spool: Spool) -> None:
    """The endpoint gets the gap first, then the events that are left."""
    fill(spool, 300)
    endpoint = FakeTransport()
    drain(spool, endpoint)
    gap, *others = [gap_data(record) for record in endpoint.delivered]
    assert gap is not None
    assert dropped(gap) == {"size": 300 - len(others)}
    assert others == [None] * len(others)


def test_what_is_too_old_is_counted(spool: Spool, clock: Clock) -> None:
    """What is older than the bound of age is dropped when an append next begins a segment, and counted."""
    fill(spool, 30)
    spool.seal()
    clock.ns += 91 * DAY
    fill(spool, 30)
    events, gaps = account(spool)
    assert (len(events), gaps) == (30, {"age": 30})


def test_bounds_hold_where_every_flush_fails(spool: Spool, clock: Clock) -> None:
    """Where a drain seals before any segment is full, and fails, what is too old or too much goes all the same."""
    for _ in range(200):
        spool.append({"filler": "x" * 10_000}, event_type="t")
        drain(spool, FakeTransport(lambda _records: Deferred("no connection")), force=True)
        clock.ns += DAY // 24
    events, gaps = account(spool)
    assert set(gaps) == {"size"}
    assert len(events) + gaps["size"] == 200
    assert sum(path.stat().st_size for path in spool.sealed()) <= spool.bounds.octets
    clock.ns += 91 * DAY
    drain(spool, FakeTransport(lambda _records: Deferred("no connection")), force=True)
    newest = spool.append({}, event_type="t")
    events, gaps = account(spool)
    assert newest in events
    assert len(events) <= 26, "the records of one day"
    assert len(events) + sum(gaps.values()) == 201
    assert gaps["age"] > 0


def test_bounds_hold_where_somebody_keeps_the_lock(tmp_path: Path) -> None:
    """Events that become segments of their own, as another process sleeps with the lock, are held to the bounds too."""
    spool = Spool(tmp_path / "spool", source="test", bounds=Bounds(octets=4096))
    spool.append({}, event_type="t")
    with Lock(spool.layout.append_lock, Disk()).held() as locked:
        assert locked
        fill(spool, 12, 1000)
    assert sum(path.stat().st_size for path in spool.sealed()) <= 4096
    events, gaps = account(spool)
    assert len(events) + gaps["size"] == 13


def test_looking_and_draining_drop_nothing(spool: Spool, clock: Clock) -> None:
    """Neither looking nor a drain, however failing, drops what is over a bound."""
    expected = fill(spool, 20)
    spool.seal()
    clock.ns += 400 * DAY
    list(spool.records())
    count_pending(spool, NOW)
    endpoint = FakeTransport()
    drain(spool, endpoint)
    assert [record.id for record in endpoint.delivered] == expected


def test_what_is_about_to_be_delivered_is_not_dropped(spool: Spool) -> None:
    """While a drain is at work, appends go on and drop nothing."""
    expected = fill(spool, 1)
    with Lock(spool.layout.drain_lock, Disk()).held() as locked:
        assert locked
        expected += fill(spool, 200)
        assert account(spool) == (set(expected), {})
    assert account(Spool(spool.layout.root, source="test"))[0] == set(expected)


class CrashError(Exception):
    """The process is gone."""


class Crashing(Disk):
    """A disk on which the process ends at the removal with this number."""

    def __init__(self, fatal: int, folder: str = "pending") -> None:
        self.fatal = fatal
        self.folder = folder

    def unlink(self, path: Path) -> None:
        self.fatal -= path.parent.name == self.folder
        if self.fatal < 0:
            raise CrashError
        super().unlink(path)


@pytest.mark.parametrize("fatal", range(4))
def test_a_crash_while_dropping_counts_nothing_twice(spool: Spool, clock: Clock, fatal: int) -> None:
    """When a process dies between the gap and the removal of what it stands for, a drain finishes the removal."""
    fill(spool, 1)
    with Lock(spool.layout.drain_lock, Disk()).held():
        fill(spool, 199)
    dying = Spool(spool.layout.root, source="test", clock=clock, bounds=spool.bounds, disk=Crashing(fatal))
    try:
        accepted = 200 + len(fill(dying, 30))
    except CrashError:
        accepted = 0
    endpoint = FakeTransport()
    drain(spool, endpoint)
    delivered = [record for record in endpoint.delivered if gap_data(record) is None]
    counted = sum(sum(dropped(gap_data(record) or {}).values()) for record in endpoint.delivered)
    assert len(delivered) + counted >= 200
    assert accepted in (0, len(delivered) + counted)
    assert len({record.id for record in delivered}) == len(delivered)


def test_dead_letters_have_a_quarter(spool: Spool) -> None:
    """Dead letters over a quarter of the bound are dropped, oldest first, and counted in a gap."""
    expected = fill(spool, 90)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    kept = {path.stem for path in spool.layout.dead.iterdir()}
    assert kept == set(sorted(expected)[-len(kept) :])
    assert sum(path.stat().st_size for path in spool.layout.dead.iterdir()) <= 256 * 1024
    assert account(spool) == (set(), {"dead": 90 - len(kept)})


def test_dead_letters_have_a_quarter_however_many_there_are(spool: Spool) -> None:
    """Hundreds that are refused at once are held to that bound by the drain that buries them."""
    fill(spool, 1200, 300)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    assert sum(path.stat().st_size for path in spool.layout.dead.iterdir()) <= spool.bounds.octets // 4
    assert len(names(spool)) + account(spool)[1]["dead"] == 1200


@pytest.mark.parametrize(
    "change",
    [
        {"from": "0" * 65_000},
        {"from": "9" * 24, "to": "x" * 24},
        {"dropped": {"size": 10**4000}},
        {"dropped": {"x" * 65_000: 1}},
        {"dropped": [1]},
    ],
)
def test_what_a_forged_gap_says_stops_no_bound(spool: Spool, change: dict[str, object]) -> None:
    """A gap that no spool would write, dropped in its turn, leaves nothing behind but numbers that may be true."""
    gap = {"dropped": {"size": 1}, "from": None, "to": None, "files": []} | change
    spool.append(gap, event_type="spool.gap.v1")
    spool.seal()
    fill(spool, 400)
    assert sum(path.stat().st_size for path in spool.sealed()) <= spool.bounds.octets
    [real] = [data for record in spool.records() if (data := gap_data(record))]
    assert set(real["dropped"]) == {"size"}
    assert len(real["from"]) == len(real["to"]) == 24


def test_a_dead_gap_is_not_forgotten(spool: Spool) -> None:
    """A gap that was refused and is dropped from the dead letters leaves its count, and its times, to the next gap."""
    expected = fill(spool, 500)
    [gap] = [data for record in spool.records() if (data := gap_data(record))]
    for _ in range(6):
        fill(spool, 20)
        drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)), force=True)
    buried = [letter.record for letter in letters(spool)]
    gaps = [data for record in [*buried, *spool.records()] if record and (data := gap_data(record))]
    events = sum(record is not None and gap_data(record) is None for record in buried)
    assert events + sum(sum(dropped(data).values()) for data in gaps) == len(expected) + 120
    assert min(data["from"] for data in gaps) == gap["from"]


def test_a_forged_gap_removes_nothing_else(spool: Spool, tmp_path: Path) -> None:
    """A gap that names files outside the spool, or files that are no segments, removes none of them."""
    (tmp_path / "precious").write_text("x")
    files = ["../precious", "format.json", "pending/../../precious", str(tmp_path / "precious")]
    spool.append({"dropped": {"size": 1}, "files": files}, event_type="spool.gap.v1")
    drain(spool, FakeTransport())
    assert (tmp_path / "precious").exists()
    assert spool.layout.format.exists()


def test_a_gap_in_another_place_only_counts(spool: Spool, clock: Clock) -> None:
    """A gap that lies where it was not published, as an import leaves it, removes none of the files that it names."""
    [kept] = fill(spool, 1)
    sealed = spool.seal()
    assert sealed is not None
    clock.ns -= 10**12  # it is read first
    gap = spool.append({"dropped": {"size": 1}, "files": [f"pending/{sealed.name}"]}, event_type="spool.gap.v1")
    spool.seal()
    endpoint = FakeTransport()
    drain(spool, endpoint)
    assert endpoint.taken == [gap, kept]


def test_a_gap_that_is_too_old_stays_as_it_is(spool: Spool, clock: Clock) -> None:
    """Where nothing but a gap is over a bound, no other one takes its place: it keeps its id."""
    gap = spool.append({"dropped": {"size": 1}, "files": []}, event_type="spool.gap.v1")
    spool.seal()
    clock.ns += 100 * DAY
    [event] = fill(spool, 1)
    assert [record.id for record in spool.records()] == [gap, event]


def test_requeue_gives_back_the_same_bytes(spool: Spool) -> None:
    """A requeued dead letter is pending again, byte for byte, and no longer dead."""
    fill(spool, 3, size=10)
    before = list(spool.records())
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    assert [letter.why["status"] for letter in letters(spool)] == [400, 400, 400]
    assert requeue(spool, before[1].id)
    assert list(spool.records()) == [before[1]]
    assert [letter.record for letter in letters(spool)] == [before[0], before[2]]
    assert not requeue(spool, before[1].id)


def test_purge_gives_a_receipt(spool: Spool) -> None:
    """A purge deletes everything pending and says how many records that were, from when to when."""
    fill(spool, 3, size=10)
    first, *_, last = [record.recorded_at for record in spool.records()]
    receipt = purge(spool)
    assert (receipt.records, receipt.oldest, receipt.newest) == (3, first, last)
    assert list(spool.records()) == []
    assert purge(spool).records == 0


def test_purge_of_what_is_old(spool: Spool, clock: Clock) -> None:
    """A purge with an age leaves what is younger, and keeps the lines that are no records."""
    fill(spool, 3, size=10)
    with spool.layout.active.open("ab") as file:
        file.write(b"garbage\n")
    clock.ns += DAY
    young = fill(spool, 2, size=10)
    assert purge(spool, older_than=timedelta(hours=1)).records == 3
    assert [record.id for record in spool.records()] == young
    assert count_dead(spool) == 1
    assert drop_dead(spool) == Purged(corrupt=1)


def test_nothing_is_younger_than_now(tmp_path: Path) -> None:
    """What was recorded at this very instant is deleted where all that is older than no time at all is to go."""
    spool = Spool(tmp_path / "spool", source="test", clock=lambda: NOW_NS)
    fill(spool, 2, 10)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    fill(spool, 3, 10)
    assert purge(spool, older_than=timedelta(0)).records == 3
    assert drop_dead(spool, older_than=timedelta(0)).records == 2


def test_a_purge_does_what_it_announced(spool: Spool, clock: Clock) -> None:
    """What would be deleted is what is deleted, of all and of what is old, corrupt lines included."""
    for garbage in (b"torn\ntorn\n", b"", b"torn\n"):
        fill(spool, 2, size=10)
        with spool.layout.active.open("ab") as file:
            file.write(garbage)
        spool.seal()
        clock.ns += DAY
    for age, expected in ((timedelta(days=1.5), (4, 2)), (timedelta(days=30), (0, 0)), (None, (2, 1))):
        announced = purgeable(spool, older_than=age)
        assert (announced.records, announced.corrupt) == expected
        assert purge(spool, older_than=age) == announced
    assert purgeable(spool) == Purged()


def test_dead_letters_are_dropped_as_announced(spool: Spool, clock: Clock) -> None:
    """One, the old, or all dead letters are dropped, with a receipt that was announced."""
    ids = []
    for _ in range(3):
        ids += fill(spool, 2, size=10)
        drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
        clock.ns += DAY
    (spool.layout.dead / "foreign.ndjson").write_bytes(b"somebody's\n")
    assert names(spool, "foreign") == ["foreign"]
    assert read(spool, "foreign") == []
    for choice, number in (({"name": ids[1]}, 1), ({"name": "none"}, 0), ({"older_than": timedelta(days=1.5)}, 3)):
        announced = droppable_dead(spool, **choice)  # type: ignore[arg-type]
        assert announced.records == number
        assert drop_dead(spool, **choice) == announced  # type: ignore[arg-type]
    assert names(spool) == [*ids[4:], "foreign"]
    assert drop_dead(spool) == Purged(3, id_time(ids[4]), id_time(ids[5]))
    assert names(spool) == []


def test_all_dead_letters_are_requeued(spool: Spool) -> None:
    """All that have a record are pending again, byte for byte, and the rest stays."""
    fill(spool, 3, size=10)
    before = list(spool.records())
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    (spool.layout.dead / "foreign.ndjson").write_bytes(b"somebody's\n")
    assert requeue_all(spool) == 3
    assert list(spool.records()) == before
    assert names(spool) == ["foreign"]
    assert requeue_all(spool) == 0
    endpoint = FakeTransport()
    assert drain(spool, endpoint).requests == 1


def test_a_record_that_is_dead_and_pending_is_requeued_once(spool: Spool) -> None:
    """What a requeue left in both places when it was killed is pending once after the next, and not dead."""
    fill(spool, 3, size=10)
    before = list(spool.records())
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    spool.replace(spool.layout.segment(spool.new_id()), before[:2])
    assert requeue_all(spool) == 3
    assert list(spool.records()) == before
    assert names(spool) == []


def test_requeued_letters_leave_what_was_their_segment(spool: Spool) -> None:
    """What a segment of requeued records still holds survives when the first of them is refused and requeued again."""
    fill(spool, 3, size=10)
    before = list(spool.records())
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    requeue_all(spool)
    answers = iter([Refused("HTTP 400", 400), Refused("HTTP 400", 400), Deferred("HTTP 503", 503, server_error=True)])
    drain(spool, FakeTransport(lambda _records: next(answers)))
    assert requeue(spool, before[0].id)
    assert {record.id for record in spool.records()} == {record.id for record in before}


def test_purge_waits_for_no_drain(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a drain is at work, a purge says so and deletes nothing."""
    monkeypatch.setattr("spool.spool._DRAIN_PATIENCE", 0.05)
    expected = fill(spool, 2)
    with Lock(spool.layout.drain_lock, Disk()).held(), pytest.raises(Exception, match="a flush is at work"):
        purge(spool)
    assert account(spool)[0] == set(expected)
    assert json.loads(next(spool.records()).line)["source"] == "test"


def test_bounds_that_are_lowered_are_kept_step_by_step(spool: Spool) -> None:
    """However many segments are over a bound, a gap lists few files and the next drops the rest: all is counted."""
    expected = []
    for number in range(450):
        expected.append(spool.append({"number": number}, event_type="t"))
        spool.seal()
    spool.bounds = Bounds(octets=1000)
    for _ in range(5):
        enforce(spool)
        assert all(len(record.line) < 20_000 for record in spool.records())
    assert len(spool.sealed()) < 10
    pending, gaps = account(spool)
    assert len(pending) + sum(gaps.values()) == len(expected)


@pytest.mark.parametrize("dead", [False, True], ids=["pending", "dead"])
def test_files_with_long_names_are_dropped_step_by_step(spool: Spool, dead: bool) -> None:
    """However long the names of foreign files are, the gap that lists them is a record like any other."""
    [record_id] = fill(spool, 1)
    line = next(spool.records()).line
    folder = spool.layout.dead if dead else spool.layout.pending
    for number in range(150):
        (folder / f"{'字' * 80}{number:03}.ndjson").write_bytes(line + b"\n")
    spool.bounds = Bounds(octets=1000)
    for _ in range(5):
        enforce_dead(spool) if dead else enforce(spool)
    assert len(list(folder.iterdir())) < 10
    assert sum(account(spool)[1].values()) >= 140
    assert record_id in account(spool)[0]


def test_bounds_of_nothing(spool: Spool) -> None:
    """A drain that was faster leaves nothing to drop."""
    fill(spool, 1)
    enforce(spool)
    assert len(list(spool.records())) == 1


@pytest.mark.parametrize("data", [b'{"dropped":{"size":"many"}}', b'{"dropped":{"size":-1e9}}', b'{"dropped":', b"[]"])
def test_a_forged_gap_stops_nobody(spool: Spool, data: bytes) -> None:
    """A record with a checksum that says it is a gap, and makes no sense, is looked at and delivered like any other."""
    good = spool.append({}, event_type="t")
    line = next(spool.records()).line
    forged = line[: line.index(b'"type"')].replace(b'"source"', b'"type":"spool.gap.v1","source"') + b'"data":' + data
    with spool.layout.active.open("ab") as active:
        active.write(seal_line(forged.replace(good[-4:].encode(), b"0000")) + b"\n")
    assert account(spool)[1] == {}
    endpoint = FakeTransport()
    drain(spool, endpoint)
    assert len(endpoint.delivered) == 2


def test_what_a_gap_counts_is_not_requeued(spool: Spool, clock: Clock) -> None:
    """Dead letters that a crash left behind the gap which counts them do not come back."""
    fill(spool, 60)

    class CrashingAtTheDead(Disk):
        def unlink(self, path: Path) -> None:
            if path.parent == spool.layout.dead:
                raise CrashError
            super().unlink(path)

    dying = Spool(
        spool.layout.root, source="test", clock=clock, bounds=Bounds(octets=600_000), disk=CrashingAtTheDead()
    )
    with pytest.raises(CrashError):
        drain(dying, FakeTransport(lambda _records: Refused("HTTP 400", 400)), force=True)
    requeued = requeue_all(spool)
    events, gaps = account(spool)
    assert requeued == len(events)
    assert requeued + gaps["dead"] == 60


def test_requeue_leaves_a_gap_alone(spool: Spool) -> None:
    """A record that is dead, and was pending under the same name until a gap took its place, is requeued elsewhere."""
    [record_id] = fill(spool, 1)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    record = next(letter.record for letter in letters(spool) if letter.record)
    spool.publish(record.line + b"\n", spool.layout.segment(record_id))  # as a crash in a requeue leaves it
    fill(spool, 3)
    spool.bounds = Bounds(octets=500)
    spool.seal()
    enforce(spool)
    before = account(spool)[1]
    assert before
    assert requeue(spool, record_id)
    assert account(spool)[1] == before
    assert record_id in account(spool)[0]


@pytest.mark.parametrize("fatal", range(1, 4))
def test_export_and_purge_finish_what_a_crash_left_of_a_gap(
    spool: Spool, clock: Clock, tmp_path: Path, fatal: int
) -> None:
    """Where a process died between a gap and removing of what it stands for, a bundle and a receipt count that once."""
    fill(spool, 1)
    with Lock(spool.layout.drain_lock, Disk()).held():
        fill(spool, 199)
    dying = Spool(spool.layout.root, source="test", clock=clock, bounds=spool.bounds, disk=Crashing(fatal))
    with pytest.raises(CrashError):
        fill(dying, 30)
    [listed] = [data["files"] for record in spool.records() if (data := gap_data(record))]
    left = [name for name in listed[1:] if (spool.layout.root / name).exists()]
    assert left
    export_bundle(spool, tmp_path / "bundle", keep=True)
    assert not any((spool.layout.root / name).exists() for name in left)


class Volatile(Disk):
    """A disk that knows which names it would still have after a power cut."""

    def __init__(self) -> None:
        super().__init__()
        self.left: set[Path] = set()

    def unlink(self, path: Path) -> None:
        if path.exists():
            self.left.add(path)
        super().unlink(path)

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        self.left = {each for each in self.left if each.parent != path}


@pytest.mark.parametrize("delete", [purge, drop_dead, requeue_all])
def test_a_receipt_is_given_for_what_is_gone_for_good(
    spool: Spool, clock: Clock, delete: Callable[[Spool], object]
) -> None:
    """When a command says that records are deleted, or moved, no power cut brings them back to where they were."""
    fill(spool, 2, size=10)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    fill(spool, 2, size=10)
    spool.seal()
    fill(spool, 2, size=10)
    disk = Volatile()
    assert delete(Spool(spool.layout.root, source="test", clock=clock, disk=disk))
    assert disk.left == set()


@pytest.mark.parametrize("move", [purge, drop_dead, requeue_all])
def test_nobody_moves_what_a_drain_has(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, move: Callable[[Spool], object]
) -> None:
    """While a drain is at work, nothing is purged, dropped or requeued: it might be sent, or buried, meanwhile."""
    fill(spool, 2, size=10)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    fill(spool, 2, size=10)
    monkeypatch.setattr("spool.spool._DRAIN_PATIENCE", 0.0)
    with Lock(spool.layout.drain_lock, Disk()).held(), pytest.raises(BusyError):
        move(spool)
    assert (len(list(spool.records())), count_dead(spool)) == (2, 2)


def test_a_forged_gap_in_its_own_place_removes_nothing_else(spool: Spool, tmp_path: Path) -> None:
    """A gap where a spool would publish one, that names files outside `pending/` and `dead/`, removes none of them."""
    fill(spool, 1)
    (tmp_path / "precious").write_text("x")
    files = ["../precious", "format.json", "pending/../../precious", str(tmp_path / "precious"), "pending/x.txt"]
    (spool.layout.pending / "x.txt").write_text("y")
    with Lock(spool.layout.append_lock, Disk()).held():  # so that it lies under its own name
        gap = spool.append({"dropped": {"size": 1}, "files": files}, event_type="spool.gap.v1")
    assert spool.layout.segment(gap).exists()
    requeue_all(spool)  # looks at each gap
    assert (tmp_path / "precious").exists()
    assert spool.layout.format.exists()
    assert (spool.layout.pending / "x.txt").exists()


def until_it_crashes(act: Callable[[], list[str]]) -> Iterator[list[str]]:
    """Act again and again, and yield what that returns, until the process dies."""
    while True:
        try:
            yield act()
        except CrashError:
            return


@pytest.mark.parametrize("fatal", range(1, 4))
def test_a_bound_behind_a_crash_counts_nothing_twice(spool: Spool, clock: Clock, fatal: int) -> None:
    """Where a process died between a gap and the removal of what it stands for, the next to drop counts that once."""
    accepted = set(fill(spool, 1))
    with Lock(spool.layout.drain_lock, Disk()).held():
        accepted.update(fill(spool, 199))
    dying = Spool(spool.layout.root, source="test", clock=clock, bounds=spool.bounds, disk=Crashing(fatal))
    accepted.update(one for [one] in until_it_crashes(lambda: fill(dying, 1)))
    number = len(accepted) + 1  # it died when its last event was accepted
    number += len(fill(spool, 60))
    events, gaps = account(spool)
    assert len(events) + sum(gaps.values()) == number


@pytest.mark.parametrize("fatal", range(3))
def test_dead_letters_behind_a_crash_are_not_counted_twice(spool: Spool, clock: Clock, fatal: int) -> None:
    """Where a process died between a gap for dead letters and their removal, a drain that ends early knows of it."""
    fill(spool, 90)
    refusing = FakeTransport(lambda _records: Refused("HTTP 400", 400))
    crashing = Spool(spool.layout.root, source="test", clock=clock, bounds=spool.bounds, disk=Crashing(fatal, "dead"))
    with pytest.raises(CrashError):
        drain(crashing, refusing)
    Spool(spool.layout.root, source="test", clock=lambda: NOW_NS - DAY).append({}, event_type="t")
    spool.seal()
    oldest = spool.layout.segment(new_id(NOW_NS - DAY))
    spool.sealed()[-1].rename(oldest)
    drain(spool, FakeTransport(lambda _records: Deferred("no connection")), force=True)
    assert len(names(spool)) + account(spool)[1]["dead"] == 90


@pytest.mark.parametrize("bound", ["of the dead", "of the pending"])
def test_a_record_in_two_places_is_not_counted_while_one_of_them_stays(spool: Spool, bound: str) -> None:
    """What a crash in a burial or a requeue left pending and dead is not dropped when only one of the two is."""
    accepted = fill(spool, 90 if bound == "of the pending" else 4)
    dead.bury(spool, next(spool.records()), Refused("HTTP 400", 400))
    if bound == "of the pending":
        accepted += fill(spool, 60)
    else:
        spool.bounds = Bounds(octets=10_000)
        drain(spool, FakeTransport(lambda _records: Deferred("HTTP 503")))
    places = {record.id for record in spool.records() if gap_data(record) is None} | set(names(spool))
    assert (names(spool) == []) == (bound == "of the dead")
    assert len(places) + sum(account(spool)[1].values()) == len(accepted)


def test_a_dead_letter_that_cannot_be_read_again_is_not_dropped(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk does not give what is about to be counted, nothing is dropped: it would be in no account."""
    fill(spool, 90)
    refusing = FakeTransport(lambda _records: Refused("HTTP 400", 400))
    opened: dict[Path, int] = {}
    original = segment._open

    def failing(path: Path) -> int | None:
        opened[path] = opened.get(path, 0) + 1
        if path.parent.name == "dead" and opened[path] == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return original(path)

    monkeypatch.setattr(segment, "_open", failing)
    with pytest.raises(UnavailableError):
        drain(spool, refusing)
    monkeypatch.undo()
    assert len(names(spool)) + sum(account(spool)[1].values()) == 90


def test_what_a_gap_counts_is_gone_for_good(spool: Spool, clock: Clock) -> None:
    """Dead letters that a gap counts do not come back by a power cut once that gap is delivered."""
    fill(spool, 90)
    disk = Volatile()
    spool = Spool(spool.layout.root, source="test", clock=clock, bounds=spool.bounds, disk=disk)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    assert account(spool)[1]["dead"] > 0
    assert {path for path in disk.left if path.parent == spool.layout.dead} == set()


def test_what_died_before_it_was_durable_is_made_so(spool: Spool, clock: Clock) -> None:
    """Names that a dead process removed behind a gap are gone for good before that gap is delivered."""
    fill(spool, 90)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    disk = Volatile()
    [listed] = [data["files"] for record in spool.records() if (data := gap_data(record))]
    disk.left = {spool.layout.root / name for name in listed}
    endpoint = FakeTransport(lambda _records: Deferred("no") if disk.left else Delivered())
    drain(Spool(spool.layout.root, source="test", clock=clock, bounds=spool.bounds, disk=disk), endpoint, force=True)
    assert account(spool)[1] == {}


def test_an_append_drops_a_little_at_a_time(spool: Spool) -> None:
    """Where much is too old at once, the appends that follow drop it, none of them more than it reads in a moment."""
    spool.bounds = Bounds(octets=2**30)
    fill(spool, 300, 60_000)
    spool.seal()
    before = len(spool.sealed())
    spool.bounds = Bounds(octets=1000)
    enforce(spool)
    assert before - 8 < len(spool.sealed()) < before - 2
    for _ in range(30):
        enforce(spool)
    assert len(spool.sealed()) < 3
    assert sum(account(spool)[1].values()) + len(account(spool)[0]) == 300


def test_bounds_by_default() -> None:
    """Unless it is told otherwise, a spool keeps what README says: 16 MiB, and 90 days."""
    assert Bounds() == Bounds(octets=16 * 2**20, age=timedelta(days=90))
