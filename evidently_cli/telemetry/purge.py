"""`purge`: delete what was recorded, with a receipt."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from evidently_cli.output import count, emit_json, period, say, utc
from evidently_cli.settings import Settings
from evidently_cli.telemetry.options import AsJson, OlderThan, Yes, agreed

if TYPE_CHECKING:
    from spool.purge import Purged


def purge(
    *,
    older_than: OlderThan = None,
    dead: Annotated[bool, typer.Option("--dead", help="Delete dead letters instead.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """
    Delete the pending records, without ever sending them. Asks before; --json needs --yes.

    --json prints deleted (records), corrupt (lines that were none), oldest and newest (UTC, or null).
    """
    from spool.purge import drop_dead, droppable_dead, purgeable
    from spool.purge import purge as purge_pending

    spool = Settings.of(os.environ).open_spool()
    look, delete = (droppable_dead, drop_dead) if dead else (purgeable, purge_pending)
    if yes or may_delete(look(spool, older_than=older_than), dead=dead, as_json=as_json):
        show_receipt(delete(spool, older_than=older_than), dead=dead, as_json=as_json)


def may_delete(found: "Purged", *, dead: bool, as_json: bool) -> bool:
    """Ask whether to delete what was found; of nothing, nobody needs to be asked."""
    if not (found.records or found.corrupt) or agreed(f"delete {described(found, dead=dead)}", as_json=as_json):
        return True
    say("Nothing was deleted.")
    return False


def described(receipt: "Purged", *, dead: bool) -> str:
    """Return "12 pending records, never sent, from … to …"."""
    parts = []
    if receipt.records:
        kind = "dead record" if dead else "pending record"
        parts.append(
            f"{count(receipt.records, kind)}, never sent, {period(receipt.oldest, receipt.newest)}".rstrip(", ")
        )
    if receipt.corrupt:
        parts.append(count(receipt.corrupt, "corrupt line"))
    return " and ".join(parts)


def show_receipt(receipt: "Purged", *, dead: bool, as_json: bool) -> None:
    """Say what was deleted."""
    if as_json:
        emit_json(receipt_json(receipt))
    elif deleted := described(receipt, dead=dead):
        say(f"Deleted: {deleted}.")
    else:
        say("There was nothing to delete.")


def receipt_json(receipt: "Purged") -> dict[str, object]:
    """Return a receipt as JSON has it."""
    return {
        "deleted": receipt.records,
        "corrupt": receipt.corrupt,
        "oldest": utc(receipt.oldest),
        "newest": utc(receipt.newest),
    }
