"""Is the place one for a spool: whose it is, who can read it, what file system it lies on, whether there is room."""

from datetime import timedelta
from pathlib import Path, PurePosixPath

from evidently_cli.doctor.check import Check, command, error, export, ok, skipped, warning
from evidently_cli.doctor.facts import Entry, Facts, Place
from evidently_cli.doctor.mounts import Mount, mount_of
from evidently_cli.output import count, size
from evidently_cli.settings import MOST_BOUND

_SPOOL_DIR = "EVIDENTLY_SPOOL_DIR"
_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_USE = 0o300
_OWNER = {"directory": 0o700, "file": 0o600}
_LASTING = PurePosixPath("/var/tmp")  # noqa: S108 - the name of a directory that outlives a reboot, and of none in it
_LEAST_OCTETS = 512 * 1024  # two segments
_LEAST_INODES = 10
_FEW_INODES = 1000


def home(facts: Facts) -> Check:
    """Whether the state directory, where the marks lie, can be used."""
    place = facts.place
    if not place.marks_writable:
        elsewhere = not place.marks.is_relative_to(place.spool.parent)
        says = f"{place.marks} cannot be made or written to"
        mend = _open_up(facts, place.marks_ground)
        if mend is None and (moved := _elsewhere(facts)):
            mend = export("XDG_STATE_HOME", moved)
        if elsewhere:
            return warning("home", f"{says}: what a run has shown and counted is forgotten", mend)
        return error("home", says, mend)
    if place.home is None and place.usual_home and place.marks.is_relative_to(place.usual_home):
        says = f"HOME is not set: {place.marks} is where the system thinks that you are at home"
        return warning("home", says, export("HOME", place.usual_home))
    return ok("home", f"{place.marks}")


def place(facts: Facts) -> Check:
    """Whether the spool lies where one should."""
    seen = facts.place
    root = seen.entries[0] if seen.entries else None
    if root and root.kind == "link":
        target = seen.nearest if seen.nearest != seen.spool else None
        says = f"{seen.spool} is a symbolic link: nothing is recorded through one"
        return error("place", says, export(_SPOOL_DIR, target) if target else None)
    if root and root.kind != "directory":
        away = command("mv", "-i", seen.spool, f"{seen.spool}.old") if root.kind == "file" else None  # not a device
        return error(
            "place", f"{seen.spool} is not a directory", away or (f"unset {_SPOOL_DIR}" if seen.chosen else None)
        )
    if seen.stranger is not None:
        says = f"{seen.spool} is not a spool: it holds {seen.stranger!r}"
        return error("place", says, mend_by_moving(facts))
    read_only = seen.space is not None and seen.space.read_only  # `space` says so
    if not seen.writable and not read_only and (root is None or root.mode & _OWNER["directory"] == _OWNER["directory"]):
        says = f"{seen.nearest} cannot be written to" + ("" if root else ": no spool can be made there")
        return error("place", says, _open_up(facts, seen.ground) or mend_by_moving(facts))
    if seen.chosen and not Path(seen.chosen).expanduser().is_absolute():
        says = f"{_SPOOL_DIR} is relative: {seen.chosen} is another spool in each directory"
        return warning("place", says, export(_SPOOL_DIR, seen.spool))
    if seen.work_tree:
        return warning("place", f"{seen.spool} lies in the git work tree {seen.work_tree}: it could be committed",
                       f"unset {_SPOOL_DIR}")  # fmt: skip
    return ok("place", f"{seen.spool}" if root else f"{seen.spool} (nothing was ever recorded)")


def owner(facts: Facts) -> Check:
    """Whether all of it belongs to whoever runs this."""
    if facts.uid is None:
        return skipped("owner", "Windows keeps a user's files to the user")
    if not facts.place.exists:
        return skipped("owner", "there is no spool yet")
    if facts.place.stranger is not None:  # what is another's, or others use, is not ours to mend
        return skipped("owner", "see above")
    foreign = [entry for entry in facts.place.entries if entry.uid != facts.uid]
    if not foreign:
        return ok("owner", "all of it is yours")
    says = f"{_named(foreign)} belongs to another user (uid {foreign[0].uid}): sudo may have left it"
    return error("owner", says, command("sudo", "chown", "-Rh", str(facts.uid), facts.place.spool))


def modes(facts: Facts) -> Check:
    """Whether nobody else can read or write it, and we can."""
    if facts.uid is None:
        return skipped("modes", "Windows has others than these")
    if not facts.place.exists:
        return skipped("modes", "there is no spool yet")
    if facts.place.stranger is not None or facts.place.entries[0].kind != "directory":
        return skipped("modes", "see above")
    wrong = wrong_modes(facts)
    if not wrong:
        return ok("modes", "nobody else can read it")
    mend = _chmod(facts.place, wrong)
    if open_ones := [entry for entry in wrong if entry.mode & _OTHERS_WRITE]:
        return error("modes", f"others can write to {_named(open_ones)}", mend, fixable=True)
    if shut := [entry for entry in wrong if entry.mode & _OWNER[entry.kind] != _OWNER[entry.kind]]:
        return error("modes", f"you cannot read and write {_named(shut)}", mend, fixable=True)
    return warning("modes", f"others can read {_named(wrong)}", mend, fixable=True)


def wrong_modes(facts: Facts) -> list[Entry]:
    """Return what is ours, is a directory or a file with one name, and has not the permissions of a spool."""
    return [
        entry
        for entry in facts.place.entries
        if entry.uid == facts.uid
        and (entry.kind == "directory" or (entry.kind == "file" and entry.names == 1))
        and (entry.mode & _OTHERS or entry.mode & _OWNER[entry.kind] != _OWNER[entry.kind])
    ]


def right_mode(entry: Entry) -> int:
    """Return the permissions that an entry should have."""
    return _OWNER[entry.kind]


def file_system(facts: Facts) -> Check:
    """Whether what is written there stays there, and can be locked."""
    mount = _mount(facts)
    if mount is None:
        return skipped("filesystem", "this system does not say which one it is")
    mend = mend_by_moving(facts)
    where = f"{mount.kind} on {mount.point}"
    if mount.sort == "network":
        return warning("filesystem", f"{where} is on a network: no two machines may share a spool", mend)
    if mount.sort == "overlay":
        volume = command("docker", "run", "--volume", f"evidently:{facts.place.spool.parent}", "IMAGE")
        return warning("filesystem", f"{where}: what is recorded here is lost with the container", volume)
    if mount.sort == "memory":
        return warning("filesystem", f"{where} is kept in memory: what is recorded here is lost at a reboot", mend)
    return ok("filesystem", where)


def space(facts: Facts) -> Check:
    """Whether there is room for as much as the spool may hold. A quota shows itself only when it is passed."""
    room = facts.place.space
    if room is None:
        return skipped("space", "this system does not say how much is left")
    mend = mend_by_moving(facts, disk=True)
    if room.read_only:
        return error("space", f"the file system of {facts.place.nearest} is read-only", mend)
    if room.inodes is not None and room.inodes < _FEW_INODES:
        verdict = error if room.inodes < _LEAST_INODES else warning
        return verdict("space", f"the file system has {count(room.inodes, 'inode')} left", mend)
    left = f"{size(room.octets)} left, the spool may take {size(facts.bounds.octets)}"
    if room.octets < _LEAST_OCTETS:
        return error("space", left, mend)
    if room.octets < facts.bounds.octets:
        return warning("space", left, _smaller(facts, room.octets))
    return ok("space", left)


def bounds(facts: Facts) -> Check:
    """Whether the user's own bounds hold."""
    if not facts.unusable:
        return ok("bounds", f"at most {size(facts.bounds.octets)}, for {facts.bounds.age / timedelta(days=1):,g} days")
    says = f"no number from above 0 to {MOST_BOUND:,} in {' and in '.join(facts.unusable)}: what is usual holds"
    return warning("bounds", says, command("unset", *facts.unusable))


def mend_by_moving(facts: Facts, *, disk: bool = False) -> str | None:
    """Return the command that has the spool elsewhere; on another file system with `disk`."""
    moved = _elsewhere(facts)
    if moved is None or (disk and mount_of(facts.place.mounts or "", _LASTING) == _mount(facts)):
        return None
    return export(_SPOOL_DIR, moved)


def _open_up(facts: Facts, ground: Entry | None) -> str | None:
    """Return the command that lets us write to a directory of ours."""
    if ground is None or ground.kind != "directory" or ground.uid != facts.uid or ground.mode & _USE == _USE:
        return None
    return command("chmod", "u+rwx", ground.path)


def _elsewhere(facts: Facts) -> Path | None:
    """Return a place for a spool that outlives a reboot and is on no network, or None when none is known."""
    mount = mount_of(facts.place.mounts or "", _LASTING)
    if facts.uid is None or mount is None or mount.sort != "local":
        return None
    return Path(f"{_LASTING}/evidently-{facts.uid}")


def _mount(facts: Facts) -> Mount | None:
    if not facts.place.mounts:
        return None
    return mount_of(facts.place.mounts, PurePosixPath(facts.place.nearest))


def _smaller(facts: Facts, octets: int) -> str:
    """Return the command that makes the bound half of what is left."""
    return export("EVIDENTLY_SPOOL_MAX_MIB", f"{min(facts.bounds.octets, octets) / 2 / 1024 / 1024:.2g}")


def _chmod(seen: Place, wrong: list[Entry]) -> str:
    if len(wrong) == 1:
        return command("chmod", f"{right_mode(wrong[0]):o}", wrong[0].path)
    return command("chmod", "-R", "u=rwX,go=", seen.spool)


def _named(entries: list[Entry]) -> str:
    others = len(entries) - 1
    return f"{entries[0].path}" + (f" and {count(others, 'other')} in the spool" if others else "")
