"""All checks, in the order in which a person would ask."""

import shlex
from collections.abc import Callable
from dataclasses import replace

from evidently_cli.doctor import content, network, place
from evidently_cli.doctor.check import Check, ok, warning
from evidently_cli.doctor.facts import Facts
from evidently_cli.doctor.script import script


def consent(facts: Facts) -> Check:
    """Whether events are recorded and sent, and who decided it."""
    if facts.recording:
        return ok("consent", f"on ({facts.decided_by})")
    if facts.misread is not None and facts.decided_by.startswith(f"{facts.misread}: "):
        says = f"off, as a config file cannot be understood: {facts.decided_by}"
        return warning("consent", says, f"${{EDITOR:-vi}} {shlex.quote(str(facts.misread))}")
    return ok("consent", f"off ({facts.decided_by}): nothing is recorded or sent, so nothing below is an error")


CHECKS: tuple[Callable[[Facts], Check], ...] = (
    consent,
    place.home,
    place.place,
    place.owner,
    place.modes,
    content.readable,
    place.file_system,
    content.locks,
    place.space,
    place.bounds,
    content.leftovers,
    content.damage,
    content.schedule,
    content.delivery,
    content.marks,
    content.backlog,
    content.dead,
    network.endpoint,
    network.proxy,
    network.reachable,
    network.certificate,
    network.clock,
    script,
)


def examine(facts: Facts) -> list[Check]:
    """Decide what facts mean. Where telemetry is off nothing has to work: what would be an error is a warning then."""
    checks = [check(facts) for check in CHECKS]
    if facts.recording:
        return checks
    return [replace(check, state="warning") if check.state == "error" else check for check in checks]
