"""Is what lies in the spool as it should be: its locks, its small files, leftovers, records that nobody will send."""

from datetime import datetime, timedelta

from evidently_cli.doctor.check import Check, command, error, ok, skipped, warning
from evidently_cli.doctor.facts import Entry, Facts
from evidently_cli.doctor.place import mend_by_moving, modes, owner, place
from evidently_cli.output import count, local
from spool.record import id_time
from spool.schedule import MAX_BACKOFF, MAX_RETRY_AFTER

_UNFINISHED = timedelta(hours=1)  # as `Spool.sweep` has it


def readable(facts: Facts) -> Check:
    """Whether the library takes the directory for a spool of its own."""
    seen = facts.content
    if seen.trouble and any(check(facts).state == "error" for check in (place, owner, modes)):
        return skipped("format", "see above")
    if seen.trouble:
        mend = "pipx upgrade evidently-cli" if seen.newer else None
        return error("format", seen.trouble, mend)
    if not facts.place.exists:
        return skipped("format", "there is no spool yet")
    if seen.format_damaged:
        return warning("format", "format.json is unreadable: the next run puts it aside", _fix(facts), fixable=True)
    return ok("format", "this program's")


def locks(facts: Facts) -> Check:
    """Whether two processes keep out of each other's way there."""
    if reason := _unread(facts):
        return skipped("locks", reason)
    seen = facts.content.locks
    if "none" in (seen.append, seen.drain):
        says = "the file system has no locks: events are recorded there, and cannot be sent"
        return error("locks", says, mend_by_moving(facts, disk=True))
    if "no-op" in (seen.append, seen.drain):
        says = "two can hold one lock at once: the file system only pretends to lock"
        return error("locks", says, mend_by_moving(facts, disk=True))
    if "unreadable" in (seen.append, seen.drain):
        return error("locks", f"a lock file cannot be opened: {seen.reason}", mend_by_moving(facts, disk=True))
    if seen.append == "busy":
        says = "append.lock has been held for over a second: a process may be stopped in the middle of an append"
        return warning("locks", says, command("fuser", "-v", facts.place.spool / "append.lock"))
    if seen.drain == "busy":
        return ok("locks", "a flush is at work")
    return ok("locks", "work") if "works" in (seen.append, seen.drain) else ok("locks", "the next run makes them")


def leftovers(facts: Facts) -> Check:
    """Whether crashes, or somebody, left what is no part of a spool."""
    if reason := _unread(facts):
        return skipped("leftovers", reason)
    unfinished = old_leftovers(facts)
    if unfinished:
        says = f"a crash left {count(len(unfinished), 'unfinished file')}; nothing accepted is in them"
        ours = all(entry.uid == facts.uid or facts.uid is None for entry in unfinished)
        return warning("leftovers", says, _fix(facts) if ours else None, fixable=ours)
    foreign = [entry for entry in facts.place.entries if entry.path.suffix == ".tmp" and _made(entry) is None]
    path = facts.content.strange or next((entry.path for entry in foreign), None)
    if path is not None:
        return warning("leftovers", f"{path} is no part of a spool", command("mv", "-i", path, "."))
    aside = facts.place.spool / "format.json.corrupt"
    if any(entry.path == aside for entry in facts.place.entries):
        return ok("leftovers", f"{aside.name} was put aside, and may go")
    return ok("leftovers", "none")


def old_leftovers(facts: Facts) -> list[Entry]:
    """Return the temporary files that nobody is writing to any more: those that `Spool.sweep` removes."""
    return [
        entry
        for entry in facts.place.entries
        if entry.path.suffix == ".tmp" and (made := _made(entry)) is not None and facts.now - made > _UNFINISHED
    ]


def damage(facts: Facts) -> Check:
    """Whether there are lines that are no records."""
    pending = facts.content.pending
    if pending is None:
        return skipped("damage", _unread(facts) or "there is no spool yet")
    if pending.corrupt:
        says = f"{count(pending.corrupt, 'line')} torn or damaged: a flush puts them aside in dead/"
        usable = facts.endpoint.shown is not None and not facts.endpoint.complaint
        return warning("damage", says, f"{facts.script.program} telemetry flush" if usable else None)
    if pending.foreign:
        return warning("damage", f"{count(pending.foreign, 'name')} in pending/ cannot be read as records",
                       command("ls", "-la", facts.place.spool / "pending"))  # fmt: skip
    return ok("damage", "none")


def schedule(facts: Facts) -> Check:
    """Whether the next attempt may come in good time."""
    plan = facts.content.schedule
    if plan is None:
        return skipped("schedule", _unread(facts) or "there is no spool yet")
    if facts.content.schedule_damaged:
        return warning(
            "schedule", "schedule.json is unreadable: an attempt may come too soon", _fix(facts), fixable=True
        )
    for instant, most in ((plan.not_before, MAX_BACKOFF), (plan.retry_after, MAX_RETRY_AFTER)):
        if instant is not None and (instant - facts.now).total_seconds() > most:
            says = f"the next attempt is set for {local(instant)}, later than anybody meant: a clock was wrong"
            return warning("schedule", says, _fix(facts), fixable=True)
    instants = [instant for instant in (plan.not_before, plan.retry_after) if instant is not None]
    if instants and max(instants) > facts.now:
        return ok("schedule", f"the next attempt at {local(max(instants))}")
    return ok("schedule", "an attempt may be made now")


def delivery(facts: Facts) -> Check:
    """Whether the last attempt to deliver something worked."""
    plan = facts.content.schedule
    if plan is None:
        return skipped("delivery", _unread(facts) or "there is no spool yet")
    if plan.attempts and facts.recording:
        says = f"the last attempt failed: {plan.last_error} ({count(plan.attempts, 'attempt')})"
        return warning("delivery", says, None if facts.asked else f"{facts.script.program} telemetry doctor --network")
    return ok("delivery", f"last sent: {local(plan.last_success)}")


def marks(facts: Facts) -> Check:
    """Whether a mark was made by a clock that was ahead: it could hold off flushes and counts until then."""
    stale = facts.content.stale
    if not stale:
        return ok("marks", "none from a time to come")
    says = f"{stale[0]} was made in a time to come: a clock was wrong"
    return warning("marks", says, command("rm", *stale), fixable=True)


def backlog(facts: Facts) -> Check:
    """Whether records wait that will not be sent, or too many."""
    pending = facts.content.pending
    if pending is None:
        return skipped("backlog", _unread(facts) or "there is no spool yet")
    records = count(pending.records, "record")
    program = facts.script.program
    if pending.records and not facts.recording:
        mend = None if facts.misread else f"{program} telemetry purge"  # else, somebody wanted it off
        return warning("backlog", f"{records} kept, and never sent while telemetry is off", mend)
    if dropped := sum(pending.gaps.values()):
        says = f"{records}; {count(dropped, 'record')} dropped for want of room or for their age"
        return warning("backlog", says, f"{program} telemetry flush")
    since = f", the oldest from {local(pending.oldest)}" if pending.records else ""
    return ok("backlog", f"{records}{since}")


def dead(facts: Facts) -> Check:
    """Whether the endpoint has refused records."""
    if facts.content.pending is None:
        return skipped("dead", _unread(facts) or "there is no spool yet")
    if facts.content.dead:
        refused = count(facts.content.dead, "dead letter")
        return warning("dead", f"{refused} kept with the reason", f"{facts.script.program} telemetry dead list")
    return ok("dead", "none")


def _unread(facts: Facts) -> str | None:
    """Return why nothing was looked at in the spool, or None."""
    if facts.content.trouble:
        return "the spool was not looked into"
    return None if facts.place.exists else "there is no spool yet"


def _fix(facts: Facts) -> str:
    return f"{facts.script.program} telemetry doctor --fix"


def _made(entry: Entry) -> datetime | None:
    """When a temporary file of ours was begun; None for another's."""
    try:
        return id_time(entry.path.stem) if entry.kind == "file" else None
    except ValueError:
        return None
