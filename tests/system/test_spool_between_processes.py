"""One spool, many processes and threads."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from transport import FakeTransport

from spool import Spool, drain
from spool.worker import Worker

APPEND = """
import sys
from pathlib import Path
from spool import Spool
spool = Spool(Path(sys.argv[1]), source="test")
for number in range(int(sys.argv[2])):
    print(spool.append({"number": number, "filler": "x" * 600}, event_type="t"), flush=True)
"""


def appenders(root: Path, processes: int, events: int) -> list["subprocess.Popen[str]"]:
    """Start processes that append, and print the id of each accepted event."""
    command = [sys.executable, "-c", APPEND, str(root), str(events)]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]


def test_eight_processes_at_once(tmp_path: Path) -> None:
    """Eight processes that append 200 events each leave every event exactly once, and not one torn line."""
    children = appenders(tmp_path / "spool", 8, 200)
    accepted = [line.strip() for child in children for line in child.communicate(timeout=120)[0].splitlines()]
    segments = list(Spool(tmp_path / "spool", source="test").segments())
    found = [record.id for segment in segments for record in segment.records]
    assert len(accepted) == 1600
    assert sorted(found) == sorted(accepted)
    assert [segment.corrupt for segment in segments if segment.corrupt] == []


FIRST = """
import os, sys
from pathlib import Path
from spool import Spool
read, write = os.pipe()
for number in range(40):
    if os.fork() == 0:
        os.close(write)
        os.read(read, 1)  # ends for all of them at one instant
        Spool(Path(sys.argv[1]), source="test").append({"number": number}, event_type="t")
        os._exit(0)
os.close(write)
sys.exit(sum(os.wait()[1] != 0 for _ in range(40)))
"""


def test_the_first_append_of_many_processes(tmp_path: Path) -> None:
    """Where there is no spool yet, forty processes that append at one instant make one, and each event is in it."""
    for number in range(4):
        root = tmp_path / str(number) / "spool"
        done = subprocess.run([sys.executable, "-c", FIRST, str(root)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        spool = Spool(root, source="test")
        assert sorted(record.attributes["data"]["number"] for record in spool.records()) == list(range(40))  # type: ignore[index]
        assert not spool.layout.corrupt_format.exists()


def test_draining_while_others_append(tmp_path: Path) -> None:
    """Drains that run while eight processes append deliver every event exactly once."""
    children = appenders(tmp_path / "spool", 8, 100)
    spool = Spool(tmp_path / "spool", source="test")
    endpoint = FakeTransport()
    accepted: list[str] = []
    readers = [
        threading.Thread(target=lambda child=child: accepted.extend(child.communicate()[0].split()))
        for child in children
    ]
    for reader in readers:
        reader.start()
    while any(reader.is_alive() for reader in readers):
        drain(spool, endpoint, ignore_backoff=True)
    for reader in readers:
        reader.join()
    drain(spool, endpoint, ignore_backoff=True)
    assert sorted(endpoint.taken) == sorted(accepted)
    assert len(accepted) == 800


def test_killed_appenders_lose_nothing_accepted(tmp_path: Path) -> None:
    """What a process was told is accepted is there after it was killed in the middle of its work."""
    for _ in range(5):
        children = appenders(tmp_path / "spool", 4, 100_000)
        heads = [child.stdout.readline() for child in children if child.stdout]  # each is at work
        for child in children:
            child.kill()
        accepted = [line.strip() for child, head in zip(children, heads, strict=True)
                    for line in [head, *child.communicate()[0].splitlines()] if len(line.strip()) == 36]  # fmt: skip
        found = {record.id for record in Spool(tmp_path / "spool", source="test").records()}
        assert set(accepted) <= found
        assert len(accepted) >= 4


def test_threads_share_a_spool(tmp_path: Path) -> None:
    """Threads that append through one Spool object leave every event exactly once."""
    spool = Spool(tmp_path / "spool", source="test")
    accepted: list[str] = []

    def work() -> None:
        for number in range(100):
            accepted.append(spool.append({"number": number}, event_type="t"))  # noqa: PERF401 - each append is the point

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(record.id for record in spool.records()) == sorted(accepted)
    assert len(accepted) == 800


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
def test_forked_children_share_a_spool(tmp_path: Path) -> None:
    """A Spool object that was used before a fork works in parent and children at once."""
    code = f"""
import os
from pathlib import Path
from spool import Spool
spool = Spool(Path({str(tmp_path / "spool")!r}), source="test")
spool.append({{}}, event_type="t")
for _ in range(3):
    child = os.fork()
    if not child:
        break
for number in range(100):
    spool.append({{"number": number}}, event_type="t")
if not child:
    os._exit(0)
for _ in range(3):
    os.wait()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    found = [record.id for record in Spool(tmp_path / "spool", source="test").records()]
    assert len(found) == len(set(found))
    assert len(found) == 1 + 4 * 100


def test_looking_and_appending_load_no_http_client(tmp_path: Path) -> None:
    """`import spool`, an append and reading it back load neither requests nor urllib3, nor asyncio, ssl or sqlite3."""
    code = f"""
import sys
from pathlib import Path
from spool import Spool
spool = Spool(Path({str(tmp_path / "spool")!r}), source="test")
before = "filelock" in sys.modules
list(spool.records())
spool.append({{}}, event_type="t")
list(spool.records())
print(before, sorted({{"requests", "urllib3", "asyncio", "ssl", "sqlite3", "http.client"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False []\n"


def test_a_daemon_that_closes_all_files_loses_nothing(tmp_path: Path) -> None:
    """A program that closes our descriptors, and gets their numbers for its own files, appends to the spool alone."""
    program = f"""
import os
from pathlib import Path
from spool import Spool
spool = Spool(Path({str(tmp_path / "spool")!r}), source="daemon")
spool.append({{"before": True}}, event_type="t")
if os.fork():
    os._exit(os.WEXITSTATUS(os.wait()[1]))
os.closerange(3, 64)
own = [os.open({str(tmp_path / "own")!r}, os.O_RDWR | os.O_CREAT) for _ in range(8)]
spool.append({{"before": False}}, event_type="t")
del spool
assert all(os.fstat(number).st_size == 0 for number in own)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    spool = Spool(tmp_path / "spool", source="reader")
    assert [record.attributes["data"] for record in spool.records()] == [{"before": True}, {"before": False}]


def test_a_forked_child_neither_keeps_nor_ends_a_lock(tmp_path: Path) -> None:
    """A child that is forked while its parent holds a lock does not let others in, and does not keep it locked."""
    spool, other = (Spool(tmp_path / "spool", source=name) for name in ("parent", "other"))
    spool.append({}, event_type="t")
    with spool.drain_lock.held() as locked:
        assert locked
        leave, stay = os.pipe()
        child = os.fork()
        if child == 0:
            spool.drain_lock._kept = None
            os.close(stay)
            os.read(leave, 1)  # lives on until its parent is done
            os._exit(0)
        with other.drain_lock.held() as let_in:
            assert not let_in
    with other.drain_lock.held() as let_in:
        assert let_in
    os.close(stay)
    assert os.waitpid(child, 0)[1] == 0


def test_a_child_that_leaves_its_parents_block_lets_nobody_in(tmp_path: Path) -> None:
    """Only the process that took a lock ends it."""
    spool, other = (Spool(tmp_path / "spool", source=name) for name in ("parent", "other"))
    spool.append({}, event_type="t")
    with spool.drain_lock.held() as locked:
        assert locked
        child = os.fork()
        parent = child != 0
        if parent:
            assert os.waitpid(child, 0)[1] == 0
            with other.drain_lock.held() as let_in:
                assert not let_in
    if not parent:
        os._exit(0)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_gets_a_thread_of_a_worker_of_its_own() -> None:
    """What a child has done by a worker that its parent used is done, and does not wait for a thread of nobody."""
    worker: Worker[int] = Worker()
    assert worker.do(lambda: 1, 30) == 1
    child = os.fork()
    if child == 0:
        os._exit(0 if worker.do(lambda: 2, 5) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert worker.do(lambda: 3, 30) == 3
