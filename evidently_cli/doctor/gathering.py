"""Look at this machine. Nothing is made or changed; the network is asked only when the user says so."""

import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from evidently_cli.delivery import Delivery
from evidently_cli.doctor.facts import Content, Endpoint, Entry, Facts, Kind, Locking, Locks, Place, Space
from evidently_cli.doctor.script import look as look_at_script
from evidently_cli.marks import Marks
from evidently_cli.settings import Settings, unusable_bounds
from spool import NewerFormatError, NoLocksError, Spool, SpoolError, inspection, schedule
from spool.background import INTERVAL
from spool.disk import read_small
from spool.layout import Layout
from spool.locks import Lock
from spool.place import stranger
from spool.probe import Probe

_MOUNTS = Path("/proc/self/mountinfo")
_MOST_NAMES = 10_000  # a spool within its bounds has some hundred
_PATIENCE = 1.0  # seconds; an append needs microseconds


def gather(environment: Mapping[str, str], settings: Settings, *, ask: bool) -> Facts:
    """Return the facts; `ask` lets this make one request to the endpoint, unless telemetry is off. It has no event."""
    spool = settings.open_spool()
    entries = tuple(_entries(spool.layout))
    now = datetime.now(UTC)
    consent = settings.consent
    return Facts(
        now=now,
        uid=os.geteuid() if hasattr(os, "geteuid") else None,
        bounds=settings.bounds,
        recording=consent.given,
        decided_by=consent.decided_by,
        misread=next((file.path for file in (*settings.site, settings.user) if file.complaint), None),
        place=_place(environment, settings, entries),
        content=_content(spool, Marks(settings.marks), now),
        endpoint=_endpoint(environment, settings, ask=ask and consent.given),
        script=look_at_script(environment),
        asked=ask,
        unusable=tuple(unusable_bounds(environment)),
    )


def _place(environment: Mapping[str, str], settings: Settings, entries: tuple[Entry, ...]) -> Place:
    nearest, marks = _nearest(settings.spool), _nearest(settings.marks)
    chosen = environment.get("EVIDENTLY_SPOOL_DIR") or None
    return Place(
        spool=settings.spool,
        nearest=nearest,
        writable=_is_writable(nearest),
        marks=settings.marks,
        marks_writable=_is_writable(marks),
        chosen=chosen,
        work_tree=_work_tree(settings.spool, environment) if chosen else None,
        home=environment.get("HOME") or None,
        usual_home=_usual_home(),
        ground=_entry(nearest),
        marks_ground=_entry(marks),
        entries=entries,
        stranger=_stranger(Layout(settings.spool)) if entries else None,
        mounts=_mounts(),
        space=_space(nearest),
    )


def _stranger(layout: Layout) -> str | None:
    with suppress(OSError):
        return stranger(layout)
    return None


def _nearest(path: Path) -> Path:
    """Return the closest that exists of a path and its parents; where that is a file, the file."""
    there = next((each for each in (path, *path.parents) if _entry(each) is not None), path)
    return Path(os.path.realpath(there))  # Path.resolve raises where links go round and round


def _is_writable(path: Path) -> bool:
    entry = _entry(path)
    return entry is not None and entry.kind == "directory" and os.access(path, os.W_OK | os.X_OK)


def _work_tree(spool: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the git work tree around the spool; a home directory that is one itself is nobody's project."""
    home = os.path.realpath(environment.get("HOME") or "/")
    trees = (parent for parent in Path(os.path.realpath(spool)).parents if _entry(parent / ".git") is not None)
    return next((tree for tree in trees if tree != Path(home)), None)


def _usual_home() -> str | None:
    if sys.platform == "win32":
        return None
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir or None
    except KeyError:
        return None


def _mounts() -> str | None:
    try:
        return os.fsdecode(_MOUNTS.read_bytes())
    except OSError:
        return None


def _space(directory: Path) -> Space | None:
    if sys.platform == "win32":
        return None
    try:
        system = os.statvfs(directory)
    except OSError:
        return None
    return Space(
        system.f_bavail * system.f_frsize,
        system.f_favail if system.f_files else None,
        read_only=bool(system.f_flag & os.ST_RDONLY),
    )


def _entries(layout: Layout) -> Iterable[Entry]:
    """Yield the spool's directory, its folders and files. What is linked to is not looked into."""
    root = _entry(layout.root)
    if root is None:
        return
    yield root
    if root.kind != "directory":
        return
    left = _MOST_NAMES
    for folder in (layout.root, layout.pending, layout.dead):
        entry = _entry(folder)
        if entry is None or entry.kind != "directory":
            continue
        with suppress(OSError), os.scandir(folder) as names:
            for name in names:
                if left and (found := _entry(Path(name.path))) is not None:
                    left -= 1
                    yield found


def _entry(path: Path) -> Entry | None:
    try:
        seen = path.lstat()
    except OSError:
        return None
    kinds: dict[int, Kind] = {stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "link"}
    return Entry(
        path,
        kinds.get(stat.S_IFMT(seen.st_mode), "other"),
        seen.st_uid,
        stat.S_IMODE(seen.st_mode),
        seen.st_nlink,
    )


def _content(spool: Spool, marks: Marks, now: datetime) -> Content:
    layout = spool.layout
    stale = tuple(_stale(marks, now))
    try:
        if not spool.exists():
            return Content(stale=stale)
        pending = inspection.count_pending(spool, now)
        dead = inspection.count_dead(spool)
    except SpoolError as error:
        return Content(trouble=str(error), newer=isinstance(error, NewerFormatError), stale=stale)
    plan = schedule.load(layout.schedule)
    return Content(
        locks=_locks(spool),
        format_damaged=_entry(layout.format) is not None and not _is_json(layout.format),
        schedule=plan,
        schedule_damaged=_entry(layout.schedule) is not None
        and plan == schedule.Schedule()
        and read_small(layout.schedule) != schedule.dump(plan),
        pending=pending,
        dead=dead,
        strange=_strange(layout),
        stale=stale,
    )


def _is_json(path: Path) -> bool:
    try:
        return "format" in json.loads(read_small(path) or b"")
    except (ValueError, TypeError, RecursionError):
        return False


def _strange(layout: Layout) -> Path | None:
    """Return a name beside the segments that is not ours, or else one among them."""
    with suppress(OSError):
        if (name := layout.foreign()) is not None:
            return layout.root / name
        with os.scandir(layout.pending) as names:
            for found in names:
                if not found.name.endswith(".ndjson") or not found.is_file(follow_symlinks=False):
                    return Path(found.path)
    return None


def _stale(marks: Marks, now: datetime) -> Iterable[Path]:
    """Yield the marks of a time to come: a clock was wrong. That the notice was shown stays true."""
    for path in (marks.flush_started, *sorted(marks.directory.glob("first-of-*"))):
        with suppress(OSError):
            if path.lstat().st_mtime - now.timestamp() > INTERVAL:
                yield path


def _locks(spool: Spool) -> Locks:
    """Take both locks for a moment. Only files that are there: looking makes none."""
    try:
        append = _lock(spool, spool.layout.append_lock, _PATIENCE)
        return Locks(append, _lock(spool, spool.layout.drain_lock, 0.0))
    except NoLocksError:
        return Locks("none", "none")
    except OSError as error:
        return Locks("unreadable", "unreadable", error.strerror or str(error))


def _lock(spool: Spool, path: Path, patience: float) -> Locking:
    if _entry(path) is None:
        return "absent"
    with Lock(path, spool.disk).held(patience=patience) as locked:
        if not locked:
            return "busy"
        with Lock(path, spool.disk).held() as twice:  # another open file, as another process would have
            return "no-op" if twice else "works"


def _endpoint(environment: Mapping[str, str], settings: Settings, *, ask: bool) -> Endpoint:
    delivery = Delivery.of(environment, settings)
    if not delivery.address:
        return Endpoint(complaint=delivery.complaint)
    from importlib.util import find_spec

    from spool.prober import proxy_of

    proxy = None if delivery.complaint else proxy_of(delivery.address)
    return Endpoint(
        shown=delivery.endpoint,
        complaint=delivery.complaint,
        proxy=proxy,
        proxies=tuple(sorted(name for name in environment if name.lower().endswith("_proxy") and environment[name])),
        no_socks=bool(proxy and proxy.lower().startswith("socks") and find_spec("socks") is None),
        probe=_probe(delivery) if ask and not delivery.complaint else None,
    )


def _probe(delivery: Delivery) -> Probe:
    return delivery.transport().probe()
