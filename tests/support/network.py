"""
A network of its own between this machine and a namespace, that loses and delays packets as a test says.

Two tunnel devices, and a relay in between that passes IP packets from one to the other: no kernel has to know how to
be a bad network.
"""

import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_DEVICE = "/dev/net/tun"


@dataclass
class Network:
    """`there` is the address at the far end. What happens to packets may be changed at any time."""

    near: int
    far: int
    there: str
    namespace: str
    interface: str  # at the near end
    loss: float = 0.0  # share of packets, in both directions
    delay: float = 0.0  # seconds, one way
    down: bool = False  # packets vanish
    mute: bool = False  # nothing comes back
    passed: int = 0
    ended: bool = field(default=False, repr=False)

    def relay(self, draws: random.Random) -> None:
        """Pass packets on until the network has ended."""
        waiting: list[tuple[float, int, int, bytes]] = []
        number = 0
        while not self.ended:
            for source in select.select([self.near, self.far], [], [], 0.002 if waiting else 0.05)[0]:
                packet = os.read(source, 65536)
                lost = self.down or draws.random() < self.loss or (self.mute and source == self.far)
                if not lost:
                    number += 1
                    target = self.far if source == self.near else self.near
                    heapq.heappush(waiting, (time.monotonic() + self.delay, number, target, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, target, packet = heapq.heappop(waiting)
                with suppress(OSError):  # an interface that is down takes none
                    os.write(target, packet)
                self.passed += 1

    def plug(self, *, there: bool) -> None:
        """Take the near end's interface down, or up again."""
        _ip("link", "set", self.interface, "up" if there else "down")


@contextmanager
def network(seed: int) -> Iterator[Network]:
    """Make such a network; it goes with the block."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a network")
    for needed in (shutil.which("ip") or "/sbin/ip", _DEVICE):
        if not Path(needed).exists():
            pytest.skip(f"{needed} is missing")
    mark = os.getpid() % 4000
    names = (f"evn{mark}", f"evf{mark}")
    namespace, subnet = f"ev{mark}", f"10.213.{mark // 16}.{mark % 16 * 16}"
    here, there = (f"{subnet.rpartition('.')[0]}.{mark % 16 * 16 + end}" for end in (1, 2))
    near, far = map(_tunnel, names)
    made = Network(near, far, there, namespace, names[0])
    relay = threading.Thread(target=made.relay, args=(random.Random(seed),), daemon=True)
    try:
        _ip("netns", "add", namespace)
        _ip("link", "set", names[1], "netns", namespace)
        _ip("addr", "add", f"{here}/30", "dev", names[0])
        _ip("link", "set", names[0], "up")
        _ip("-n", namespace, "addr", "add", f"{there}/30", "dev", names[1])
        _ip("-n", namespace, "link", "set", names[1], "up")
        relay.start()
        yield made
    finally:
        made.ended = True
        if relay.ident is not None:
            relay.join()
        os.close(near)
        os.close(far)
        subprocess.run(["ip", "netns", "del", namespace], check=False)


def _tunnel(name: str) -> int:
    descriptor = os.open(_DEVICE, os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _IFF_TUN_NO_PI))
    return descriptor


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
