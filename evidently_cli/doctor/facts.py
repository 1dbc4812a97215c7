"""What can be seen of a machine: plain values, so that a test can have any machine it likes."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from spool.bounds import Bounds
from spool.inspection import Pending
from spool.probe import Probe
from spool.schedule import Schedule

Kind = Literal["directory", "file", "link", "other"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a directory, not followed if it is a link. `mode` has the permissions alone."""

    path: Path
    kind: Kind
    uid: int
    mode: int
    names: int


@dataclass(frozen=True, slots=True)
class Space:
    """What a file system has left for us; `inodes` is None where it does not count them."""

    octets: int
    inodes: int | None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where the spool lies, or would. `nearest` is the closest directory that exists, with all links resolved.

    `ground` and `marks_ground` are the closest that exist for the spool and for the marks, as directories.
    `chosen` is what EVIDENTLY_SPOOL_DIR says, `work_tree` the git work tree around it; `home` is the variable HOME and
    `usual_home` what the system has in its place. `entries` has the spool's directory first, if it is there, and
    `stranger` is a name in it that shows that it is no spool. `mounts` is the text of Linux's mountinfo.
    """

    spool: Path
    nearest: Path
    writable: bool
    marks: Path
    marks_writable: bool
    chosen: str | None = None
    work_tree: Path | None = None
    home: str | None = None
    usual_home: str | None = None
    ground: Entry | None = None
    marks_ground: Entry | None = None
    entries: tuple[Entry, ...] = ()
    stranger: str | None = None
    mounts: str | None = None
    space: Space | None = None

    @property
    def exists(self) -> bool:
        """Whether anything has the spool's name."""
        return bool(self.entries)


Locking = Literal["works", "busy", "no-op", "none", "absent", "unreadable"]


@dataclass(frozen=True, slots=True)
class Locks:
    """What became of taking both locks for a moment; "no-op" is a lock that two can hold. `reason` is the system's."""

    append: Locking = "absent"
    drain: Locking = "absent"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """
    What is in the spool; `trouble` is why it cannot be read, in one line.

    `strange` is a name beside or among the segments that is not ours, `stale` are our marks from a time to come.
    """

    trouble: str | None = None
    newer: bool = False
    locks: Locks = Locks()
    format_damaged: bool = False
    schedule: Schedule | None = None
    schedule_damaged: bool = False
    pending: Pending | None = None
    dead: int = 0
    strange: Path | None = None
    stale: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    How events would be sent. `shown` is the address fit to be shown, `proxy` the one on the way, without a password; it
    is empty when what is set can be none.

    `proxies` names the variables that name proxies, `no_socks` is set when a proxy speaks SOCKS and we do not. `probe`
    is None when the network was not asked.
    """

    shown: str | None = None
    complaint: str | None = None
    proxy: str | None = None
    proxies: tuple[str, ...] = ()
    no_socks: bool = False
    probe: Probe | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """
    Who owns the command `evidently`. `owners` are the distributions here that bring one, `found` is the one on PATH.

    `ours` says whether that runs this program, `here` where this environment's own lies, if it does. `python` is the
    interpreter, for those who have to call us by name.
    """

    owners: tuple[str, ...]
    found: Path | None
    ours: bool
    here: Path | None
    python: str

    @property
    def program(self) -> str:
        """How to call this program."""
        from evidently_cli.doctor.check import command

        return "evidently" if self.ours else command(self.python, "-m", "evidently_cli")


@dataclass(frozen=True, slots=True)
class Facts:
    """
    All that was seen. `uid` is None on Windows, which knows no such owners and modes.

    `bounds` is how much the spool may hold. `misread` is a config file that cannot be understood, `asked` says
    whether the user let us ask the network, `unusable` has variables that hold no bound although they should.
    """

    now: datetime
    uid: int | None
    bounds: Bounds
    recording: bool
    decided_by: str
    place: Place
    script: Script
    content: Content = Content()
    endpoint: Endpoint = Endpoint()
    misread: Path | None = None
    asked: bool = False
    unusable: tuple[str, ...] = ()
