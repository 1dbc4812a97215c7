"""Delivery over networks that lose, delay and swallow packets, to the real collector at their far end."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from network import Network, network

from spool import WIRE_FORMATS, Deferred, Spool, Summary, drain
from spool.http import HttpTransport
from spool.record import encode


@dataclass
class Far:
    """The collector at the far end of a network."""

    network: Network
    url: str
    database: Path

    @property
    def stored(self) -> list[str]:
        """The ids of what it has stored."""
        with closing(sqlite3.connect(self.database)) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM events ORDER BY id")]


@pytest.fixture
def link() -> Iterator[Network]:
    """A network to a namespace."""
    seed = time.time_ns()
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    with network(seed) as made:
        yield made


@pytest.fixture
def far(tmp_path: Path, link: Network) -> Iterator[Far]:
    """A collector at the far end of a network."""
    database = tmp_path / "events.sqlite"
    collector = [sys.executable, "-m", "evidently_cli.collector", "--quiet", "--port", "0", "--host", link.there]
    command = ["ip", "netns", "exec", link.namespace, *collector, "--database", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Far(link, process.stdout.readline().strip(), database)
        finally:
            process.kill()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool with a dozen segments of some events each."""
    filled = Spool(tmp_path / "spool", source="test")
    for _ in range(12):
        for number in range(25):
            filled.append({"number": number, "filler": "x" * 300}, event_type="t")
        filled.seal()
    return filled


def send(spool: Spool, far: Far, deadline: float = 3.0) -> Summary:
    """Drain over the network, whatever the backoff says."""
    transport = HttpTransport(far.url, WIRE_FORMATS["json"], user_agent="test/1", compress=False, deadline=deadline)
    return drain(spool, transport, ignore_backoff=True)


def pending(spool: Spool) -> list[str]:
    """The ids of what is pending."""
    return [record.id for record in spool.records()]


@pytest.mark.parametrize("loss, delay", [(0.0, 0.05), (0.05, 0.01), (0.2, 0.005)])
def test_a_network_that_loses_and_delays(spool: Spool, far: Far, loss: float, delay: float) -> None:
    """Over a network that loses every fifth packet, or is slow, each event arrives once."""
    expected = pending(spool)
    far.network.loss, far.network.delay = loss, delay
    for _ in range(60):
        if not send(spool, far, deadline=20.0).failure:
            break
    assert far.stored == expected
    assert pending(spool) == []


def test_a_black_hole(spool: Spool, far: Far) -> None:
    """Where packets vanish a drain ends with its deadline, blames nobody and keeps everything."""
    expected = pending(spool)
    far.network.down = True
    started = time.monotonic()
    summary = send(spool, far)
    assert time.monotonic() - started < 6
    assert summary.failure is not None
    assert (summary.delivered, summary.buried, far.stored) == (0, 0, [])
    assert pending(spool) == expected


def test_an_address_that_swallows_packets(link: Network) -> None:
    """An attempt to connect to a black hole is given up before the deadline, and no record is suspected."""
    link.down = True
    sender = HttpTransport(f"http://{link.there}/", WIRE_FORMATS["json"], user_agent="test/1", retries=0)
    started = time.monotonic()
    record = encode({}, source="test", event_type="t", now_ns=1_795_428_000_000_000_000)
    assert sender.send([record]) == Deferred("no connection in time")
    assert time.monotonic() - started < 8


LOOK_UP = """
import time
from spool import WIRE_FORMATS
from spool.http import HttpTransport
from spool.record import encode
record = encode({}, source="t", event_type="t", now_ns=10**18)
sender = HttpTransport("https://collector.example/", WIRE_FORMATS["json"], user_agent="t", deadline=1.0)
started = time.monotonic()
print(sender.send([record]).reason, time.monotonic() - started < 3)
"""


def test_a_name_server_that_is_silent(link: Network, tmp_path: Path) -> None:
    """A name look-up that hangs holds a request no longer than its deadline, and the process not at all."""
    link.down = True
    resolver = tmp_path / "resolv.conf"
    resolver.write_text(f"nameserver {link.there}\noptions timeout:20 attempts:1\n")
    mounted = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mounted, "sh", resolver, sys.executable, "-c", LOOK_UP]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "no answer within 1 s True\n"
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("unplugged", [False, True])
def test_a_network_that_goes_down_in_the_middle(spool: Spool, far: Far, *, unplugged: bool) -> None:
    """What was not delivered when packets vanished, or the interface went down, is delivered later, nothing twice."""
    expected = pending(spool)
    far.network.delay = 0.01
    transport = HttpTransport(far.url, WIRE_FORMATS["json"], user_agent="test/1", compress=False, deadline=3.0)

    def cut(done: int) -> None:
        if done >= 100 and unplugged:
            far.network.plug(there=False)
        far.network.down = done >= 100 and not unplugged

    summary = drain(spool, transport, progress=cut)
    assert summary.failure is not None
    assert 100 <= summary.delivered < 300
    assert pending(spool) == expected[summary.delivered :]
    if unplugged:
        cut_off = send(spool, far)  # what the machine's other networks say to that address is theirs: nothing, or no
        assert cut_off.failure is not None
        assert (cut_off.delivered, cut_off.failure.server_error) == (0, False)
    far.network.down = False
    far.network.plug(there=True)
    assert send(spool, far).delivered == 300 - summary.delivered
    assert far.stored == expected


def test_acknowledgements_that_never_come_back(spool: Spool, far: Far) -> None:
    """What was stored without our hearing of it is sent again, and stored once."""
    expected = pending(spool)
    assert send(spool, far).delivered == 300
    again = Spool(spool.layout.root, source="test")
    ids = [again.append({"number": number}, event_type="t") for number in range(20)]
    transport = HttpTransport(far.url, WIRE_FORMATS["json"], user_agent="test/1", compress=False, deadline=2.0)
    first = [again.append({}, event_type="t")]
    assert drain(again, transport, ignore_backoff=True).delivered == 21  # the connection is there now
    last = [again.append({"number": number}, event_type="t") for number in range(20)]
    far.network.mute = True
    assert drain(again, transport, ignore_backoff=True).failure is not None
    far.network.mute = False
    assert pending(again) == last
    assert send(again, far).delivered == 20
    assert far.stored == sorted([*expected, *ids, *first, *last])
