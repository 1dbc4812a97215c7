"""Power cuts: after each call that changes a spool, on every directory that the disk could be left with."""

import base64
import itertools
import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from crash_disk import KilledError, Machine, RecordedDisk, State, Synced, UnsyncedDisk, rebuilt
from transport import FakeTransport

import spool as package
from spool import (
    BundleError,
    Deferred,
    Delivered,
    Outcome,
    Record,
    Refused,
    Spool,
    UnavailableError,
    drain,
    export_bundle,
    import_bundle,
)
from spool.bounds import Bounds, dropped, gap_data
from spool.dead import letters, requeue, requeue_all
from spool.purge import purge
from spool.record import new_id, verify
from spool.segment import PORTION_BYTES, SEGMENT_BYTES, STEP

NOW_NS = 1_795_428_000_000_000_000
SECOND = 1_000_000_000
DAY = 24 * 3600 * SECOND
PLACE = Path("home", "state", "spool")
BIG = 60_000  # characters: four such events fill a segment
clock = itertools.count(NOW_NS, SECOND // 1000).__next__  # one for all: the order of the appends is the order of ids


class Endpoint(FakeTransport):
    """A transport that tells `settle` which records it took."""

    def __init__(
        self,
        answer: Callable[[Sequence[Record]], Outcome] = lambda _records: Delivered(),
        settle: Callable[..., None] = lambda *_ids: None,
    ) -> None:
        super().__init__(answer)
        self.settle = settle

    def send(self, records: Sequence[Record]) -> Outcome:
        before = len(self.delivered)
        outcome = super().send(records)
        self.settle(*self.taken[before:])
        return outcome


def opened(machine: Machine) -> Spool:
    """The spool as a new process of the machine sees it."""
    return Spool(machine.top / PLACE, source="test", clock=clock, disk=RecordedDisk(machine))


def append(machine: Machine, spool: Spool, size: int = 0) -> str:
    """Append an event, which is owed from the instant at which `append` returns."""
    record_id = spool.append({"filler": "x" * size}, event_type="t")
    machine.promise(record_id)
    return record_id


def append_alone(machine: Machine, spool: Spool) -> str:
    """Append an event while somebody else keeps the lock."""
    spool.prepare()  # the lock lies in the directory
    with spool.append_lock.held() as locked:
        assert locked
        return append(machine, spool)


def send(machine: Machine, spool: Spool, answer: Callable[[Sequence[Record]], Outcome] | None = None) -> None:
    """Drain to an endpoint that answers so, or takes everything."""
    endpoint = Endpoint(answer or (lambda _records: Delivered()), machine.settle)
    drain(spool, endpoint, ignore_backoff=True)


def used(machine: Machine, *sizes: int) -> Spool:
    """A spool in use: events of these sizes are pending in the active segment, and all is durable."""
    spool = opened(machine)
    for size in sizes or (0, 0, 0):
        append(machine, spool, size)
    machine.all_durable()
    return opened(machine)


def damage(machine: Machine, spool: Spool, line: bytes) -> None:
    """Put a line that is no record behind the active segment, durably; its bytes are owed too."""
    with spool.layout.active.open("ab") as file:
        file.write(line + b"\n")
    machine.promise(line.hex())
    machine.all_durable()


def refuse(*bad: str) -> Callable[[Sequence[Record]], Outcome]:
    """Answer like an endpoint that refuses requests with these records."""
    return lambda records: Refused("HTTP 400", 400) if {record.id for record in records} & {*bad} else Delivered()


def fail(_records: Sequence[Record]) -> Outcome:
    """Answer like an endpoint that is overloaded."""
    return Deferred("HTTP 503", retry_after=600)


Action = Callable[[Machine], None]
SCENARIOS: dict[str, Action] = {}


def scenario(action: Action) -> Action:
    """Have a function's crashes enumerated. It starts with an empty machine; what precedes `all_durable` is given."""
    SCENARIOS[action.__name__] = action
    return action


@scenario
def first_append(machine: Machine) -> None:
    """A new machine: not even the parents of the directory are there."""
    append(machine, opened(machine))


@scenario
def first_append_alone(machine: Machine) -> None:
    """A new machine, where somebody else keeps the lock."""
    append_alone(machine, opened(machine))


@scenario
def appends(machine: Machine) -> None:
    """Appends to a segment that is there."""
    spool = used(machine)
    for size in (0, 500, 0):
        append(machine, spool, size)


@scenario
def append_behind_a_full_step(machine: Machine) -> None:
    """An append where no blanks are left: the record before fills the file to the last byte of a step."""
    spool = used(machine, 0)
    empty = len(spool.layout.active.read_bytes().rstrip(b"\t\n") + b"\n")
    append(machine, spool, STEP - 2 * empty)
    assert spool.layout.active.read_bytes().endswith(b"}\n")
    append(machine, spool)
    append(machine, spool)


@scenario
def append_sealed_before_its_sync(machine: Machine) -> None:
    """Between an append's write and its sync, another process seals the segment, and a third appends to the next."""
    others = [lambda: opened(machine).seal(), lambda: append(machine, opened(machine))]

    class Slow(RecordedDisk):
        def sync(self, descriptor: int) -> None:
            while others:
                others.pop(0)()
            super().sync(descriptor)

    used(machine)
    append(machine, Spool(machine.top / PLACE, source="test", clock=clock, disk=Slow(machine)))


@scenario
def append_behind_a_torn_line(machine: Machine) -> None:
    """Appends after a crash in the middle of a write."""
    spool = used(machine)
    with spool.layout.active.open("ab") as file:
        file.write(b'{"specversion":"1.0","id":"torn')
    machine.all_durable()
    append(machine, spool)
    append(machine, spool)


@scenario
def append_that_seals(machine: Machine) -> None:
    """An append that the active segment has no room for."""
    spool = used(machine, *[BIG] * (SEGMENT_BYTES // BIG))
    append(machine, spool, BIG)
    append(machine, spool)
    assert len(spool.sealed()) == 1


@scenario
def append_without_the_lock(machine: Machine) -> None:
    """An append while somebody else keeps the lock."""
    append_alone(machine, used(machine))


@scenario
def append_into_a_removed_folder(machine: Machine) -> None:
    """Appends after somebody has removed pending/."""
    spool = used(machine)
    spool.layout.pending.rmdir()
    machine.all_durable()
    append(machine, spool)
    append_alone(machine, spool)


@scenario
def seal(machine: Machine) -> None:
    """A seal, and an append into the next segment."""
    spool = used(machine)
    spool.seal()
    append(machine, spool)


@scenario
def drain_all(machine: Machine) -> None:
    """A drain that delivers two segments."""
    spool = used(machine)
    spool.seal()
    append(machine, spool)
    machine.all_durable()
    send(machine, spool)
    append(machine, spool)


@scenario
def drain_refused(machine: Machine) -> None:
    """A drain that finds one refused record by halving."""
    spool = used(machine, 0, 0, 0, 0)
    send(machine, spool, refuse([record.id for record in spool.records()][1]))


@scenario
def drain_rejected(machine: Machine) -> None:
    """A drain whose endpoint names records that it rejects."""
    spool = used(machine)
    rejected = [record.id for record in spool.records()][::2]
    send(machine, spool, lambda _records: Delivered(dict.fromkeys(rejected, "too old")))


@scenario
def drain_corrupt(machine: Machine) -> None:
    """A drain that meets damage."""
    spool = used(machine)
    damage(machine, spool, b"no record\x00\xff")
    append(machine, spool)
    send(machine, spool)


@scenario
def drain_failing(machine: Machine) -> None:
    """A drain whose endpoint is overloaded."""
    spool = used(machine)
    append(machine, spool)
    send(machine, spool, fail)


@scenario
def drain_failing_beside_a_seal(machine: Machine) -> None:
    """A drain that fails, while another process seals and dies before the segment's new name is durable."""

    def answer(records: Sequence[Record]) -> Outcome:
        other = opened(machine)
        append(machine, other)
        with other.append_lock.held() as locked:
            assert locked
            other._active.seal(locked)
        return fail(records)

    send(machine, used(machine), answer)


@scenario
def drain_after_failure(machine: Machine) -> None:
    """A drain that finds the endpoint back."""
    spool = used(machine)
    drain(spool, Endpoint(lambda _records: Deferred("HTTP 503")))
    machine.all_durable()
    append(machine, spool)
    send(machine, spool)


@scenario
def drain_poisoned(machine: Machine) -> None:
    """A drain that takes a segment apart because the endpoint fails over it, and over no other."""
    spool = used(machine, 0, 0)
    bad = next(spool.records()).id
    spool.seal()
    append(machine, spool)
    spool.seal()

    def choke(records: Sequence[Record]) -> Outcome:
        poisoned = bad in {record.id for record in records}
        return Deferred("HTTP 500", server_error=True, status=500) if poisoned else Delivered()

    for _ in range(2):
        drain(spool, Endpoint(choke), ignore_backoff=True)
    machine.all_durable()
    send(machine, spool, choke)
    assert [letter.record.id for letter in letters(spool) if letter.record] == [bad]


@scenario
def drain_one_by_one(machine: Machine) -> None:
    """A drain whose requests carry one record each, and whose last one fails."""
    spool = used(machine)
    last = [record.id for record in spool.records()][-1]
    endpoint = Endpoint(lambda records: fail(records) if records[0].id == last else Delivered(), machine.settle)
    endpoint.alone = True
    drain(spool, endpoint)


@scenario
def sweep(machine: Machine) -> None:
    """A drain that meets unfinished files, old and young."""
    spool = used(machine)
    for age in (2 * 3600, 0):
        spool.layout.temporary(new_id(clock() - age * SECOND)).write_bytes(b'{"specversion')
    machine.all_durable()
    send(machine, spool)


@scenario
def divide(machine: Machine) -> None:
    """Drains that meet a file too large to be held."""
    spool = used(machine)
    damage(machine, spool, b"\0" * PORTION_BYTES)
    append(machine, spool)
    send(machine, spool, fail)
    send(machine, spool)


@scenario
def gap(machine: Machine) -> None:
    """An append that seals, and drops what is over the bounds."""
    used(machine).seal()
    spool = used(machine, *[BIG] * (SEGMENT_BYTES // BIG))
    spool.bounds = Bounds(octets=SEGMENT_BYTES // 2)
    append(machine, spool, BIG)


@scenario
def requeue_refused(machine: Machine) -> None:
    """A dead letter that is made pending again."""
    spool = used(machine)
    bad = next(spool.records()).id
    send(machine, spool, refuse(bad))
    machine.all_durable()
    assert requeue(spool, bad)


@scenario
def requeue_every_letter(machine: Machine) -> None:
    """Dead letters that are made pending again in one segment, which the endpoint takes but for one of them."""
    spool = used(machine)
    append(machine, spool)
    first = next(spool.records()).id
    send(machine, spool, refuse(*(record.id for record in spool.records())))
    machine.all_durable()
    requeue_all(spool)
    send(machine, spool, refuse(first))


@scenario
def purge_pending(machine: Machine) -> None:
    """Pending records that are deleted because their user says so."""
    spool = used(machine)
    append(machine, spool)
    machine.settle(*(record.id for record in spool.records()))
    purge(spool)
    append(machine, spool)


def bundle(machine: Machine) -> Path:
    """Where a bundle lies: on another medium than the spool, as far as names and syncs go."""
    return machine.top / "medium" / "bundle.gz"


def medium(machine: Machine) -> None:
    """Plug in a medium, before anything else happens."""
    (machine.top / "medium").mkdir(exist_ok=True)
    machine.all_durable()


@scenario
def export(machine: Machine) -> None:
    """Records that are moved into a bundle: an active segment, a sealed one, and damage between them."""
    medium(machine)
    spool = used(machine)
    damage(machine, spool, b"no record")
    spool.seal()
    append(machine, spool)
    machine.all_durable()
    export_bundle(spool, bundle(machine))
    append(machine, spool)


@scenario
def export_and_keep(machine: Machine) -> None:
    """Records that are copied into a bundle."""
    medium(machine)
    spool = used(machine)
    export_bundle(spool, bundle(machine), keep=True)


@scenario
def import_new(machine: Machine) -> None:
    """A bundle of several segments that is imported where no spool is, and thrown away then."""
    medium(machine)
    far = Spool(machine.top / "far", source="test", clock=clock, disk=RecordedDisk(machine))
    append(machine, far)
    append(machine, far)
    export_bundle(far, bundle(machine))
    machine.all_durable()
    import_and_throw_away(machine)


@scenario
def import_twice(machine: Machine) -> None:
    """A bundle with records that are pending already, or dead; and a spool that is in use."""
    medium(machine)
    spool = used(machine)
    export_bundle(spool, bundle(machine), keep=True)
    bad = next(spool.records()).id
    send(machine, spool, refuse(bad))
    append(machine, spool)
    machine.all_durable()
    import_and_throw_away(machine)


def import_and_throw_away(machine: Machine) -> None:
    """Import as a new process; when that is done the bundle is needed no longer."""
    import_bundle(opened(machine), bundle(machine))
    RecordedDisk(machine).unlink(bundle(machine))
    append(machine, opened(machine))


def follow_with_an_append(machine: Machine) -> None:
    """Another process appends."""
    append(machine, opened(machine))


def follow_with_an_append_alone(machine: Machine) -> None:
    """Another process appends while a third one keeps the lock."""
    append_alone(machine, opened(machine))


def follow_with_a_failing_drain(machine: Machine) -> None:
    """Another process drains to an endpoint that is overloaded."""
    send(machine, opened(machine), fail)


def follow_with_a_requeue(machine: Machine) -> None:
    """Somebody has all dead letters made pending again."""
    requeue_all(opened(machine))


def check(state: State, top: Path, known: set[Record]) -> None:
    """Recover: a day later a new process appends, and drains to an endpoint that takes everything. Is all kept?"""
    late = itertools.count(NOW_NS + DAY, SECOND // 1000).__next__
    spool = Spool(top / PLACE, source="test", clock=late, disk=UnsyncedDisk())
    own = spool.append({}, event_type="t")
    endpoint = Endpoint()
    drain(spool, endpoint, ignore_backoff=True)
    taken = {record.id for record in endpoint.handed}
    assert own in taken
    assert [record for record in endpoint.handed if record not in known and record.id != own] == []
    assert all(verify(record.line) for record in endpoint.handed)
    dead = list(letters(spool))
    damaged = b"".join(base64.b64decode(letter.why["bytes"]) for letter in dead if "bytes" in letter.why).hex()
    kept = taken | {letter.record.id for letter in dead if letter.record} | carried(top)
    missing = [token for token in state.owed - kept if token not in damaged]
    gaps = [data for record in known if record.id in taken | state.settled and (data := gap_data(record))]
    # What is in no place has to be in the count of a gap that was taken, before the crash or after, and in one only.
    assert len(missing) == sum(sum(dropped(data).values()) for data in gaps)
    left = content(spool)
    assert not [name for name in left if name.endswith(".tmp")]
    again = Endpoint()
    drain(spool, again, ignore_backoff=True)
    assert again.handed == []
    assert content(spool) == left


def carried(top: Path) -> set[str]:
    """The ids of the records that arrive at another machine when the bundle, if it is one, is carried there."""
    other = Spool(top / "other", source="test", clock=clock, disk=UnsyncedDisk())
    try:
        import_bundle(other, top / "medium" / "bundle.gz")
    except (BundleError, UnavailableError):  # it was broken off, or there is none
        return set()
    return {record.id for record in other.records()}


def content(spool: Spool) -> dict[str, bytes]:
    """The files of a spool that are no locks."""
    return {
        str(path): path.read_bytes()
        for path in spool.layout.root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def survives(machine: Machine, top: Path) -> int:
    """Check the promise in every state that the machine could be left in; returns how many they are."""
    known = {
        record for data in machine.written() for line in data.split(b"\n") if (record := verify(line.strip(b"\t\0")))
    }
    number = 0
    for state, place in rebuilt(machine.states(), top):
        try:
            check(state, place, known)
        except BaseException as error:
            error.add_note(str(state))
            raise
        number += 1
    return number


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody else keeps a lock here, waiting for it would be in vain."""
    monkeypatch.setattr("spool.spool._APPEND_PATIENCE", 0.0)


@pytest.fixture(autouse=True)
def _several_segments_in_a_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an import makes several segments, it is to make them of a few small records."""
    monkeypatch.setattr("spool.admission.SEGMENT_BYTES", 400)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory for thousands of small directories: in memory where the system has such a place."""
    shared = Path("/dev/shm")  # noqa: S108 - the directory in it has a name of its own
    with TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path) as directory:
        yield Path(directory)


@pytest.fixture
def report(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Say how many states were checked: with `pytest -s`, and as a property in the XML report."""

    def say(number: int) -> None:
        assert number > 0
        record_property("crash states", number)
        print(f" {number:,} crash states in {request.node.name}")  # noqa: T201 - the issue asks for the number

    return say


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_power_cut_keeps_the_promise(name: str, memory: Path, report: Callable[[int], None]) -> None:
    """Whenever the power fails, what was accepted is delivered or kept, and nothing torn or foreign is ever sent."""
    machine = Machine(memory / "machine")
    SCENARIOS[name](machine)
    report(survives(machine, memory / "state"))


def killed_in_each_call(name: str, memory: Path) -> Iterator[Machine]:
    """Machines on which the process of a scenario died, one for each of its calls."""
    whole = Machine(memory / "whole")
    SCENARIOS[name](whole)
    for fatal in range(whole.first_call, whole.calls):
        machine = Machine(memory / f"machine-{fatal}", fatal)
        with pytest.raises(KilledError):
            SCENARIOS[name](machine)
        machine.crash_from_here()
        yield machine


@pytest.mark.parametrize(
    "follow", [follow_with_an_append, follow_with_an_append_alone, follow_with_a_failing_drain, follow_with_a_requeue]
)
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "divide"])  # its states are megabytes
def test_a_process_may_rest_on_what_another_left(
    name: str, follow: Action, memory: Path, report: Callable[[int], None]
) -> None:
    """A process dies in any of its calls, another goes on, and then the power fails: the promise is kept."""
    number = 0
    for machine in killed_in_each_call(name, memory):
        follow(machine)
        number += survives(machine, memory / "state")
    report(number)


@pytest.mark.parametrize("name", ["append_that_seals", "seal", "drain_all"])
def test_a_program_that_goes_on_may_rest_on_what_another_left(
    name: str, memory: Path, report: Callable[[int], None]
) -> None:
    """A process dies in any of its calls, one that has looked at the place before appends, and then the power fails."""
    number = 0
    for machine in killed_in_each_call(name, memory):
        spool = opened(machine)
        spool._prepared = True  # by an append of its own, before the other one began
        append(machine, spool)
        number += survives(machine, memory / "state")
    report(number)


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "divide"])
def test_a_power_cut_during_recovery_keeps_the_promise(name: str, memory: Path, report: Callable[[int], None]) -> None:
    """The power fails once more while the next process appends and drains: the promise is kept."""
    before = Machine(memory / "before")
    SCENARIOS[name](before)
    states = list(before.states())
    number = 0
    for state in random.Random(name).sample(states, min(len(states), 4)):
        top = memory / f"machine-{number}"
        top.mkdir()
        state.build(top)
        machine = Machine(top)
        machine.promise(*state.owed)
        machine.settle(*state.settled)
        machine.all_durable()
        spool = opened(machine)
        append(machine, spool)
        send(machine, spool)
        number += survives(machine, memory / "state")
    report(number)


@pytest.mark.parametrize("left_out", [int, Path], ids=["of data", "of names"])
def test_a_missing_sync_is_noticed(left_out: type, memory: Path) -> None:
    """Were the syncs of data, or those of names, left out, a state would break the promise: the test can fail."""
    machine = Machine(memory / "machine")
    first_append(machine)
    machine.steps = [
        step
        for step in machine.steps
        if not (isinstance(step.changes[0], Synced) and isinstance(step.changes[0].what, left_out))
    ]
    with pytest.raises(AssertionError):
        survives(machine, memory / "state")


# Each row of the crash table in the package's docstring: the scenario that has it, and the call after which it comes.
ROWS = {
    "first directories made": (first_append, "make_directory .*/dead"),
    "first parents synced": (first_append, "sync_directory home/state"),
    "first format file published": (first_append, "rename .*tmp to .*/format.json"),
    "append active segment made": (first_append, "create .*/active.ndjson"),
    "append line written": (appends, "write .* bytes"),
    "append line synced = accepted": (appends, "sync file"),
    "append temporary file synced": (append_without_the_lock, "sync file"),
    "append renamed into pending/": (append_without_the_lock, "rename .*tmp to .*/pending/"),
    "append pending/ synced = accepted": (append_without_the_lock, "sync_directory .*/pending"),
    "seal blanks cut off": (seal, "truncate file"),
    "seal renamed into pending/": (seal, "rename .*/active.ndjson to .*/pending/"),
    "seal pending/ synced": (seal, "sync_directory .*/pending"),
    "seal next active segment made": (seal, "create .*/active.ndjson"),
    "drain sent, answer seen or not": (drain_all, "settle"),
    "drain segment unlinked": (drain_all, "unlink .*/pending/"),
    "drain rest of a segment rewritten": (drain_refused, "rename .*tmp to .*/pending/"),
    "drain dead letter published": (drain_refused, "rename .*tmp to .*/dead/"),
    "drain corrupt lines published": (drain_corrupt, "rename .*tmp to .*/dead/.*corrupt"),
    "drain part of a huge file cut out": (divide, "rename .*tmp to .*/pending/"),
    "purge segment unlinked": (purge_pending, "unlink .*/pending/"),
    "bound gap published": (gap, "rename .*tmp to .*/pending/"),
    "bound those files unlinked": (gap, "unlink .*/pending/"),
    "requeue segment published": (requeue_refused, "rename .*tmp to .*/pending/"),
    "export bundle written": (export, "write .* bytes"),
    "export bundle and its name synced": (export, "sync_directory medium"),
    "export segments unlinked": (export, "unlink .*/pending/"),
    "import segment published": (import_new, "rename .*tmp to .*/pending/"),
    "drain schedule published": (drain_failing, "rename .*tmp to .*/schedule.json"),
}


def documented_rows() -> set[str]:
    """The steps in the first column of the crash table."""
    _, rule, table = re.split(r"^ *((?:-+ +)+-+)$", package.__doc__ or "", maxsplit=1, flags=re.MULTILINE)
    column = slice(4, 4 + rule.index(" "))
    return {" ".join(line[column].split()) for line in table.splitlines()} - {""}


def test_each_row_of_the_crash_table_is_tried() -> None:
    """The documented crash table and the scenarios have the same rows."""
    assert documented_rows() == set(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_a_documented_step_is_one_that_is_made(row: str, memory: Path) -> None:
    """The scenario of a row makes the call that the row is about, so that a crash after it is among its states."""
    action, call = ROWS[row]
    machine = Machine(memory)
    action(machine)
    assert any(re.match(call, step.call) for step in machine.steps[machine.first :])
