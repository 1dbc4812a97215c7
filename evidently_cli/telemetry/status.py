"""`status`: whether events are recorded and sent, who decided it, and what is pending."""

import os
from dataclasses import asdict
from datetime import UTC, datetime

from evidently_cli.delivery import ENDPOINT, Delivery
from evidently_cli.output import count, duration, emit, emit_json, local, size, table
from evidently_cli.settings import Settings
from evidently_cli.telemetry.options import AsJson
from spool import inspection, schedule
from spool.record import timestamp


def status(*, as_json: AsJson = False) -> None:
    """Say whether events are recorded and sent, who decided it, and what is pending."""
    settings = Settings.of(os.environ)
    delivery = Delivery.of(os.environ, settings)
    spool = settings.open_spool()
    now = datetime.now(UTC)
    pending = inspection.count_pending(spool, now)
    dead = inspection.count_dead(spool)
    plan = schedule.load(spool.layout.schedule).of(delivery.address) if spool.exists() else schedule.Schedule()
    if as_json:
        emit_json(
            {
                "recording": settings.consent.given,
                "sending": settings.consent.given and delivery.complaint is None,
                "decided_by": settings.consent.decided_by,
                "endpoint": delivery.endpoint,
                "wire": delivery.wire,
                "pending": {
                    "records": pending.records,
                    "bytes": pending.octets,
                    "oldest": _utc(pending.oldest),
                    "newest": _utc(pending.newest),
                    "ages": dict(pending.ages),
                    "corrupt": pending.corrupt,
                    "foreign": pending.foreign,
                },
                "dead": dead,
                "gaps": pending.gaps,
                "schedule": {
                    key: _utc(value) if isinstance(value, datetime) else value for key, value in asdict(plan).items()
                },
                "spool": str(settings.spool),
            }
        )
        return
    wait = plan.wait(now).total_seconds()
    rows = [
        ("telemetry", f"{'on' if settings.consent.given else 'off'} ({settings.consent.decided_by})"),
        ("endpoint", delivery.endpoint or f"none: events wait here until {ENDPOINT} names one"),
        *([("", delivery.complaint)] if delivery.endpoint and delivery.complaint else []),
        *([("wire", delivery.wire)] if delivery.endpoint else []),
        ("pending", count(pending.records, "record") + (f", {size(pending.octets)}" if pending.records else "")),
        *([("oldest", local(pending.oldest)), ("newest", local(pending.newest))] if pending.records else []),
        *([("corrupt", count(pending.corrupt, "line"))] if pending.corrupt else []),
        *([("dropped", count(sum(pending.gaps.values()), "record"))] if pending.gaps else []),
        ("dead", count(dead, "record")),
        ("last sent", local(plan.last_success)),
        *([("last error", f"{plan.last_error} ({count(plan.attempts, 'attempt')})")] if plan.last_error else []),
        *([("next try", f"in {duration(wait)}")] if wait else []),
        ("spool", str(settings.spool)),
    ]
    emit(table(rows))


def _utc(instant: datetime | None) -> str | None:
    """Return an instant as JSON has it: "2026-11-23T10:00:00.123Z"."""
    return None if instant is None else timestamp(instant)
