"""How much memory this process may still take, and which folder is not memory itself."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})  # file systems
_ROOT = Path("/")


def available(root: Path = _ROOT) -> int | None:
    """
    Return the bytes that are left: the least of what the system, its control groups and `ulimit` leave.

    None where the system does not tell, as those other than Linux. `root` is the folder that has `proc` and `sys`.
    """
    left = [*_of_system(root), *_of_groups(root), *_of_limits(root)]
    return max(0, min(left)) if left else None


def roomy_folder(root: Path = _ROOT) -> Path:
    """Return the folder for large temporary files: that of `tempfile`, unless it is in memory and `/var/tmp` is not."""
    other = Path("/var/tmp")  # noqa: S108 - only files without a name go there
    try:
        usual = Path(tempfile.gettempdir())
    except FileNotFoundError:  # none can be written to: who tries to will say so
        return other
    if _is_memory(usual, root) and os.access(other, os.W_OK) and not _is_memory(other, root):
        return other
    return usual


def _is_memory(folder: Path, root: Path) -> bool:
    mounts = [line.split() for line in _text(root / "proc/mounts").splitlines()]
    kinds = {mount[1]: mount[2] for mount in mounts if len(mount) > 2}  # noqa: PLR2004 - device, folder, type
    resolved = folder.resolve()
    return next((kinds[str(each)] for each in (resolved, *resolved.parents) if str(each) in kinds), "") in _IN_MEMORY


def _of_system(root: Path) -> Iterator[int]:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _of_groups(root: Path) -> Iterator[int]:
    """Give what each control group leaves, version 1 or 2; a limit of a group above binds as well."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            tree, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            tree = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = tree / path.lstrip("/")
        # In a container, a path of version 1 is the host's: then only the top is there, and is the container's own.
        for each in (group, *(parent for parent in group.parents if parent.is_relative_to(tree))):
            limit, used = (_text(each / name).strip() for name in names[:2])
            if limit.isdecimal() and used.isdecimal():
                yield int(limit) - int(used) + _reclaimable(_text(each / "memory.stat"), names[2])


def _reclaimable(statistics: str, key: str) -> int:
    """Return the bytes of cached files, which make room when they have to."""
    return next((int(line.split()[1]) for line in statistics.splitlines() if line.startswith(f"{key} ")), 0)


def _of_limits(root: Path) -> Iterator[int]:
    if sys.platform == "win32":
        return
    import resource

    pages = _text(root / "proc/self/statm").split()
    if pages:
        for limit, used in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
            bound = resource.getrlimit(limit)[0]
            if bound != resource.RLIM_INFINITY:
                yield bound - int(used) * resource.getpagesize()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
