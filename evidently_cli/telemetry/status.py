"""`status`: whether events are recorded and sent, who decided it, and what is pending."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain

from evidently_cli.config_file import VARIABLES
from evidently_cli.delivery import Delivery
from evidently_cli.marks import Marks
from evidently_cli.output import count, duration, emit, emit_json, local, size, table, utc
from evidently_cli.settings import Settings, in_ci
from evidently_cli.telemetry.options import AsJson
from evidently_cli.visible import visible
from spool import SpoolError, inspection
from spool.background import next_start
from spool.inspection import Pending
from spool.place import obstacle
from spool.schedule import Schedule, load


def status(*, as_json: AsJson = False) -> None:
    """
    Say what is recorded, sent and pending, and who decided it.

    --json prints recording, sending, decided_by, endpoint, complaint, wire, pending (records, bytes, oldest, newest,
    ages in minutes, corrupt, foreign), dead, gaps, schedule, spool, config (files), settings (who chose each).
    """
    settings = Settings.of(os.environ)
    delivery = Delivery.of(os.environ, settings)
    spool = settings.open_spool()
    now = datetime.now(UTC)
    try:
        pending = inspection.count_pending(spool, now)
        dead = inspection.count_dead(spool)
        plan = load(spool.layout.schedule).of(delivery.address) if spool.exists() else Schedule()
    except SpoolError:
        if not as_json:  # what was decided holds, whatever state the spool is in
            emit(_shown(chain(_who_and_where(settings, delivery), _files(settings))))
        raise
    if as_json:
        emit_json(_json(settings, delivery, pending, dead, plan))
        return
    emit(
        _shown(
            chain(
                _who_and_where(settings, delivery),
                _what(pending, dead),
                _when(settings, delivery, pending, plan, now),
                _files(settings),
            )
        )
    )
    if pending.records:
        emit("\n" + _ages(pending))


def _shown(rows: Iterable[tuple[str, str]]) -> str:
    return table([(name, visible(value)) for name, value in rows])


def _json(settings: Settings, delivery: Delivery, pending: Pending, dead: int, plan: Schedule) -> dict[str, object]:
    return {
        "recording": settings.consent.given,
        "sending": settings.consent.given and delivery.complaint is None,
        "decided_by": settings.consent.decided_by,
        "endpoint": delivery.endpoint,
        "complaint": delivery.complaint,
        "wire": delivery.wire,
        "pending": {
            "records": pending.records,
            "bytes": pending.octets,
            "oldest": utc(pending.oldest),
            "newest": utc(pending.newest),
            "ages": dict(pending.ages),
            "corrupt": pending.corrupt,
            "foreign": pending.foreign,
        },
        "dead": dead,
        "gaps": pending.gaps,
        "schedule": {key: utc(value) if isinstance(value, datetime) else value for key, value in asdict(plan).items()},
        "spool": str(settings.spool),
        "config": [str(file.path) for file in (*settings.site, settings.user) if file.exists],
        "settings": {key: choice.origin for key, choice in settings.choices.items()},
    }


def _who_and_where(settings: Settings, delivery: Delivery) -> Iterator[tuple[str, str]]:
    yield "telemetry", f"{'on' if settings.consent.given else 'off'} ({settings.consent.decided_by})"
    if settings.consent.given and (blocked := _obstacle(settings)):
        yield "", f"nothing can be recorded: {blocked}"
    if not delivery.endpoint:
        waits = f": events wait here until {VARIABLES['endpoint']} names one" if settings.consent.given else ""
        yield "endpoint", f"none{waits}"
        return
    origin = settings.choices["endpoint"].origin if "endpoint" in settings.choices else "built in"
    yield "endpoint", f"{delivery.endpoint} ({origin})"
    if delivery.complaint:
        yield "", delivery.complaint
    yield "wire", delivery.wire


def _obstacle(settings: Settings) -> str | None:
    try:
        return obstacle(settings.open_spool().layout)
    except OSError:
        return None  # whoever looks into the spool says why


def _what(pending: Pending, dead: int) -> Iterator[tuple[str, str]]:
    yield "pending", count(pending.records, "record") + (f", {size(pending.octets)}" if pending.records else "")
    if pending.records:
        yield "oldest", local(pending.oldest)
        yield "newest", local(pending.newest)
    if pending.corrupt:
        yield "corrupt", count(pending.corrupt, "line")
    if pending.foreign:
        yield "unreadable", f"{count(pending.foreign, 'file')}: evidently telemetry doctor"
    if pending.gaps:
        reasons = ", ".join(pending.gaps)
        yield "dropped", f"{count(sum(pending.gaps.values()), 'record')}, over a bound of the spool ({reasons})"
    yield "dead", count(dead, "record") + (": evidently telemetry dead list" if dead else "")


def _when(
    settings: Settings, delivery: Delivery, pending: Pending, plan: Schedule, now: datetime
) -> Iterator[tuple[str, str]]:
    yield "last sent", local(plan.last_success)
    if plan.last_error:
        yield "last error", f"{plan.last_error} ({count(plan.attempts, 'attempt')})"
    if not pending.records:
        return
    wait, wish = plan.wait(now), plan.wait(now, ignore_backoff=True)
    if not settings.consent.given:
        yield "next try", "never: telemetry is off; evidently telemetry purge deletes what is pending"
    elif delivery.complaint:
        yield "next try", "when there is an endpoint to use"
    elif wait:
        why = "the endpoint asked to wait" if wish == wait else "a pause after what failed"
        yield "next try", f"in {duration(wait.total_seconds())}: {why}"
    elif settings.starts_flushes(os.environ) and not Marks(settings.marks).is_told and not in_ci(os.environ):
        yield "next try", "once a run has shown its notice, which none does with -q or --json; or now, with flush"
    elif settings.starts_flushes(os.environ):
        due = next_start(Marks(settings.marks).flush_started, now.timestamp())
        when = "with the next run" if due is None else f"with a run after {local(due)}"
        yield "next try", f"{when}, or now: evidently telemetry flush"
    else:
        yield "next try", "when you run evidently telemetry flush"


def _files(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "spool", str(settings.spool)
    for file in (*settings.site, settings.user):
        if file.exists:
            yield "config", str(file.path)


def _ages(pending: Pending) -> str:
    """Lay out the records by age, as postfix's qshape does a queue."""
    names, numbers = zip(*pending.ages, strict=True)
    rows = [("minutes old", *names), ("records", *(f"{number:,}" for number in numbers))]
    return table(rows, right=frozenset(range(1, len(names) + 1)))
