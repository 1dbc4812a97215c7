"""
A durable, file-locked spool of events for programs that run briefly, are often offline, and must never wait.

    spool = Spool(Path("~/.local/state/my-tool/spool").expanduser(), source="my-tool")
    spool.append({"command": "build"}, event_type="my-tool.run.v1")  # survives a crash from here on

    from spool.http import HttpTransport                             # where something is to be sent, not before
    summary = drain(spool, HttpTransport(url, WIRE_FORMATS["json"], user_agent="my-tool/1"))

Promise. An accepted event is delivered at least once, or buried with its reason, or counted in a gap. A crash at any
instant loses no accepted event and sends no torn one. Duplicates are possible and carry the same id.

What a crash after each step leaves, and what repairs it:

    step                                 a crash here leaves                      repaired by
    -----------------------------------  ---------------------------------------  -----------------------------------
    first   directories made             directories without a format file        the next append
    first   parents synced               the same, durable                        the next append
    first   format file published        a spool                                  -
    append  active segment made          an empty one, its name perhaps lost      the next append syncs the name first
    append  line written                 nothing, a torn line or a whole one,     the next append isolates a torn
                                         not accepted, and shown to nobody        one, a drain buries it
    append  line synced = accepted       a pending record                         -
    append  temporary file synced        a *.tmp, not accepted                    a drain, when it is an hour old
    append  renamed into pending/        a segment or a *.tmp, not accepted       delivered, or as above
    append  pending/ synced = accepted   a pending record                         -
    seal    blanks cut off               an active segment with or without them   -
    seal    renamed into pending/        the segment under one of both names      the next append syncs pending/ first
    seal    pending/ synced              a sealed segment, no active one          the next append makes an active one
    seal    next active segment made     as in "active segment made"              as there
    drain   sent, answer seen or not     a pending segment                        sent again: same ids, same key
    drain   segment unlinked             the segment may come back                sent again: same ids, same key
    drain   rest of a segment rewritten  the old segment or the new one           sent again: same ids
    drain   dead letter published        a dead letter and its pending record     buried again, under the same name
    drain   corrupt lines published      dead letters and their damaged segment   buried again, under the same name
    drain   part of a huge file cut out  records in two segments                  sent twice at worst: same ids
    bound   gap published                the gap and files that it stands for     whoever drains or drops next
    bound   those files unlinked         some of them may come back               whoever drains or drops next
    requeue segment published            a pending record and its dead letter     requeued again, to the same place
    purge   segment unlinked             some of them may come back               purged again, or delivered
    export  bundle written               an unfinished bundle, all still pending  export anew: an import refuses it
    export  bundle and its name synced   all records in both places               sent twice at worst: same ids
    export  segments unlinked            some of them may come back               sent twice at worst: same ids
    import  segment published            a part of the bundle is pending          import again: what is there is skipped
    drain   schedule published           the old schedule or the new one          an attempt earlier than planned
"""

from typing import TYPE_CHECKING, Any

from spool.bounds import Bounds
from spool.errors import (
    BundleError,
    BusyError,
    InvalidEventError,
    NewerFormatError,
    NoLocksError,
    SpoolError,
    UnavailableError,
    UnsafeError,
)
from spool.record import Record
from spool.spool import Spool

if TYPE_CHECKING:
    from spool.bundle import export_bundle, import_bundle
    from spool.drainer import Summary, drain
    from spool.outcome import Deferred, Delivered, Outcome, Refused
    from spool.transport import Transport
    from spool.wire import WIRE_FORMATS, WireFormat

__all__ = [
    "WIRE_FORMATS",
    "Bounds",
    "BundleError",
    "BusyError",
    "Deferred",
    "Delivered",
    "InvalidEventError",
    "NewerFormatError",
    "NoLocksError",
    "Outcome",
    "Record",
    "Refused",
    "Spool",
    "SpoolError",
    "Summary",
    "Transport",
    "UnavailableError",
    "UnsafeError",
    "WireFormat",
    "drain",
    "export_bundle",
    "import_bundle",
]

_WHEN_NEEDED = {
    **dict.fromkeys(("export_bundle", "import_bundle"), "spool.bundle"),
    **dict.fromkeys(("Summary", "drain"), "spool.drainer"),
    **dict.fromkeys(("Deferred", "Delivered", "Outcome", "Refused"), "spool.outcome"),
    "Transport": "spool.transport",
    **dict.fromkeys(("WIRE_FORMATS", "WireFormat"), "spool.wire"),
}


def __getattr__(name: str) -> Any:
    """Load what an append does not need when it is asked for: whoever appends starts 3 ms earlier (PEP 562)."""
    if name not in _WHEN_NEEDED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHEN_NEEDED[name]), name)
