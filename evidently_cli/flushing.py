"""Deliver what is pending: once, until a time is over, or only as a rehearsal."""

import time
from collections.abc import Callable

from evidently_cli.delivery import Delivery
from evidently_cli.output import (
    MISCONFIGURED,
    TRY_LATER,
    count,
    duration,
    emit,
    emit_json,
    request_json,
    say,
    shown_request,
)
from spool import Spool, Summary, Transport, drain, schedule
from spool.sender import batches

_NOT_LET_IN = {401, 403}
_BUSY_PAUSE = 1.0  # seconds, between two looks at whether another flush has ended


def flush_until(
    spool: Spool,
    transport: Transport,
    deadline: float,
    *,
    force: bool,
    may_send: Callable[[], bool],
    progress: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Summary:
    """
    Drain again and again until nothing is pending or the deadline, by `time.monotonic`, would pass meanwhile.

    The first attempt passes over our own backoff; the ones behind it wait as the schedule says. Ends at once where
    waiting does not help. Returns what all drains did together, and how the last one ended.
    """
    done = drain(spool, transport, ignore_backoff=True, force=force, may_send=may_send, progress=progress)
    while not _finished(spool, done):
        pause = _pause(done)
        if time.monotonic() + pause > deadline:
            break
        sleep(pause)
        last = drain(spool, transport, may_send=may_send, progress=progress)
        done = Summary(
            delivered=done.delivered + last.delivered,
            buried=done.buried + last.buried,
            requests=done.requests + last.requests,
            failure=last.failure if last.requests or last.wait is None else done.failure,
            wait=last.wait,
            busy=last.busy,
            stopped=last.stopped,
            stuck=last.stuck,
        )
    return done


def _finished(spool: Spool, done: Summary) -> bool:
    # What cannot be written is not helped by waiting; what the endpoint failed over may be.
    hopeless = done.failure.misconfigured if done.failure else done.stuck is not None
    return hopeless or done.stopped or next(spool.records(), None) is None


def _pause(done: Summary) -> float:
    """Return the seconds until the next attempt; a little where none are asked for, as nothing else would pass."""
    asked = done.wait.total_seconds() if done.wait else 0.0
    return max(asked, _BUSY_PAUSE if done.busy or done.failure else 0.01)


def rehearse(spool: Spool, delivery: Delivery, *, as_json: bool) -> None:
    """Print each request that a flush would send now, in their order, and say what it would not send, and why."""
    transport = delivery.transport()
    wait = schedule.load(spool.layout.schedule).of(transport.address).wait(spool.now(), ignore_backoff=True)
    requests = records = corrupt = 0
    for segment in spool.segments():
        corrupt += len(segment.corrupt)
        for batch in batches(segment, alone=transport.alone):
            try:
                request = transport.request(batch)
            except ValueError as error:
                say(f"{batch[0].id} and others in its segment would be taken apart: {error}.")
                continue
            requests += 1
            records += len(batch)
            if as_json:
                emit_json(request_json(request, transport.body(batch)))
            else:
                emit(shown_request(request, transport.body(batch)) + "\n")
    say(f"Nothing was sent. A flush would send {count(records, 'record')} in {count(requests, 'request')}.")
    if delivery.token:
        say("Each request also carries the token, which is not shown.")
    if corrupt:
        lines = "1 line that is no whole record" if corrupt == 1 else f"{corrupt:,} lines that are no whole records"
        say(f"{lines} would be put into dead/, and not be sent.")
    if wait:
        say(f"The endpoint asked to wait for {duration(wait.total_seconds())} more: only --force would send before.")


def conclusion(summary: Summary, *, left: bool, decided_by: str) -> tuple[str, int]:
    """Say what a flush did, and the exit code for it. `decided_by` is what decides on consent by now."""
    if summary.busy:
        return "Another flush is at work.", TRY_LATER
    if summary.wait is not None and not summary.requests:
        wait = duration(summary.wait.total_seconds())
        return f"The endpoint asked to wait: try again in {wait}, or use --force.", TRY_LATER
    done = f"{count(summary.delivered, 'record')} delivered in {count(summary.requests, 'request')}."
    if summary.buried:
        done += f" {count(summary.buried, 'record')} refused or corrupt: kept in dead/ with the reason."
    if summary.stopped:
        return f"{done} Telemetry was switched off meanwhile ({decided_by}).", 0
    if summary.failure is None:
        if not left:
            return (done if summary.requests or summary.buried else "Nothing is pending any more."), 0
        if summary.stuck:
            return f"{done} The rest waits: the spool cannot be read or written to ({summary.stuck}).", TRY_LATER
        return f"{done} Records that came meanwhile are left.", TRY_LATER
    if summary.failure.status in _NOT_LET_IN:
        return (
            f"{done} The endpoint does not let us in: {summary.failure.reason}. It wants a token, or another.",
            MISCONFIGURED,
        )
    if summary.failure.misconfigured:
        return f"{done} The endpoint or its address is wrong: {summary.failure.reason}.", MISCONFIGURED
    return f"{done} The rest waits: {summary.failure.reason}.", TRY_LATER
