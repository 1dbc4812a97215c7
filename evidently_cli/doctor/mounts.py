"""Which file system a directory lies on, from the text of Linux's /proc/self/mountinfo (proc(5))."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Sort = Literal["network", "overlay", "memory", "local"]

_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "vboxsf", "afs", "coda", "ceph", "glusterfs", "lustre"),
    *("ocfs2", "gfs2", "gpfs", "beegfs", "orangefs", "pvfs2", "ncpfs", "davfs", "wekafs", "panfs", "prl_fs", "vmhgfs"),
}
_NETWORK_FUSE = {
    *(
        "sshfs",
        "rclone",
        "glusterfs",
        "ceph",
        "ceph-fuse",
        "s3fs",
        "gcsfuse",
        "goofys",
        "blobfuse2",
        "mount-s3",
        "juicefs",
    ),
    *(
        "davfs",
        "curlftpfs",
        "cvmfs2",
        "moosefs",
        "mfs",
        "lizardfs",
        "seaweedfs",
        "vmhgfs-fuse",
        "beegfs",
        "hdfs",
        "JuiceFS",
    ),
}
_OVERLAY = {"overlay", "aufs", "fuse.fuse-overlayfs", "unionfs"}
_MEMORY = {"tmpfs", "ramfs"}


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system and where it is mounted."""

    point: PurePosixPath
    kind: str

    @property
    def sort(self) -> Sort:
        """What that means for files that are to stay, and to be locked."""
        family, _, driver = self.kind.partition(".")
        if self.kind in _NETWORK or (family == "fuse" and driver in _NETWORK_FUSE):
            return "network"
        if self.kind in _OVERLAY:
            return "overlay"
        return "memory" if self.kind in _MEMORY else "local"


def mount_of(mountinfo: str, directory: PurePosixPath) -> Mount | None:
    """Return the mount that a directory, its links resolved, lies on; of two at one point, the later counts."""
    found: Mount | None = None
    for mount in filter(None, map(_mount, mountinfo.splitlines())):
        if directory.is_relative_to(mount.point) and (
            found is None or len(mount.point.parts) >= len(found.point.parts)
        ):
            found = mount
    return found


def _mount(line: str) -> Mount | None:
    """Read "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"."""
    left, separator, right = line.partition(" - ")
    fields, others = left.split(" "), right.split(" ")
    if not separator or len(fields) < 6:  # noqa: PLR2004 - before the optional fields
        return None
    return Mount(PurePosixPath(_unescaped(fields[4])), _unescaped(others[0]))


def _unescaped(text: str) -> str:
    r"""Spaces and such are octal there: `\040`. Names that are no UTF-8 came in as surrogates."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
