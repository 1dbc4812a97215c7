"""`doctor`: can telemetry work on this machine, and what mends it."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from evidently_cli.output import count, emit, emit_json, say, table
from evidently_cli.settings import Settings
from evidently_cli.telemetry.options import AsJson
from spool import SpoolError

if TYPE_CHECKING:
    from evidently_cli.doctor.check import Check

_UNHEALTHY = 1
_ROUNDS = 4  # what is wrong in a folder shows when the folder can be read


def doctor(
    *,
    network: Annotated[bool, typer.Option("--network", help="Ask the endpoint too: one request, no event.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can safely be mended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check whether telemetry can work here, and say what mends it. No event is sent. Exits with 1 on an error."""
    try:
        checks, words = _examine(Settings.of(os.environ), network=network, fix=fix, quiet=as_json)
    except SpoolError as error:  # there is no place for a spool at all
        checks, words = (
            [_homeless(str(error))],
            [] if as_json else ["1 error; without a place nothing else was looked at."],
        )
    healthy = all(check.state != "error" for check in checks)
    code = 0 if healthy else _UNHEALTHY
    if as_json:
        emit_json({"healthy": healthy, "checks": list(map(_json, checks)), "exit_code": code})
    else:
        emit(_shown(checks))
    for line in words:
        say(line)
    if code:
        raise typer.Exit(code)


def _examine(settings: Settings, *, network: bool, fix: bool, quiet: bool) -> "tuple[list[Check], list[str]]":
    """Return the checks, and the words for a person; when `quiet`, only of what could not be mended."""
    from evidently_cli.doctor.examination import examine
    from evidently_cli.doctor.gathering import gather
    from evidently_cli.doctor.mending import mend, with_fixes

    facts = gather(os.environ, settings, ask=network)
    checks = examine(facts)
    wrong: dict[str, Check] = {}
    failures: list[str] = []
    tried: list[Check] = []
    for _ in range(_ROUNDS if fix else 0):
        fixable = [check for check in checks if check.fixable]
        if fixable == tried:
            break
        tried = fixable
        wrong = {check.check: check for check in fixable} | wrong
        failures = mend(fixable, facts, settings)
        again = gather(os.environ, settings, ask=False)
        facts = replace(again, asked=network, endpoint=facts.endpoint)  # the network is asked once
        checks = examine(facts)
    checks = with_fixes(wrong, checks)
    if quiet:
        return checks, failures
    return checks, [*failures, *_summary(checks, facts.script.program, network=network, fix=fix)]


def _homeless(reason: str) -> "Check":
    from evidently_cli.doctor.check import error

    return error("home", reason, "export EVIDENTLY_SPOOL_DIR=/var/tmp/evidently-$(id -u)")


def _json(check: "Check") -> dict[str, object]:
    return {
        "check": check.check,
        "state": check.state,
        "says": check.says,
        "mend": check.mend,
        "fixed": check.fixed,
    }


def _shown(checks: "list[Check]") -> str:
    from evidently_cli.visible import visible  # names of files may hold anything

    rows: list[tuple[str, str, str]] = []
    for check in checks:
        rows.append(("mended" if check.fixed else check.state, check.check, visible(check.says)))
        if check.mend:
            rows.append(("", "", f"$ {visible(check.mend)}"))
    return table(rows)


def _summary(checks: "list[Check]", program: str, *, network: bool, fix: bool) -> list[str]:
    errors, warnings = (sum(check.state == state for check in checks) for state in ("error", "warning"))
    wrong = [count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    lines = [f"{' and '.join(wrong).capitalize()}." if wrong else "All is well."]
    if not fix and any(check.fixable for check in checks):
        lines.append(f"Some of it can be mended here: {program} telemetry doctor --fix")
    if not network:
        lines.append("The endpoint was not asked, which --network does: one request, and no event.")
    return lines
