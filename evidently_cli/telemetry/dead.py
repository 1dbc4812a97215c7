"""`dead`: what the endpoint refused for good, and what damage left. Look at it, send it again, or delete it."""

import os
import shlex
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evidently_cli.output import CommandError, count, emit, emit_json, emit_table, local, say, table
from evidently_cli.settings import Settings
from evidently_cli.telemetry.options import AsJson, Limit, Yes
from evidently_cli.telemetry.purge import may_delete, show_receipt
from evidently_cli.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spool import Spool
    from spool.dead import DeadLetter

_MOST_DETAIL = 60  # characters of a row

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at what was refused, requeue it, or drop it.")

Name = Annotated[str, typer.Argument(metavar="ID", help="The id of the dead letter, or the beginning of it.")]
NameOrNone = Annotated[str | None, typer.Argument(metavar="[ID]", help="The id, or the beginning of it.")]


@app.command("list")
def list_letters(*, limit: Limit = 20, as_json: AsJson = False) -> None:
    """
    List the dead letters, oldest first.

    --json prints one a line: id, reason ("refused" or "corrupt"), status (of HTTP, or null), detail (or null), time
    (when it was buried, UTC), record (the object as recorded, or null), bytes (of a corrupt line, in base64, or null).
    """
    from spool import dead

    damaged: list[Path] = []
    letters = dead.letters(Settings.of(os.environ).open_spool(), damaged.append)
    if as_json:
        for letter in islice(letters, limit or None):
            emit_json(_as_json(letter))
        _tell_the_rest(letters, damaged, limit)
        return
    first = next(letters, None)
    if first is None:
        say("No dead letter is whole." if damaged else "Nothing is dead.")
        _tell_the_rest(letters, damaged, limit)
        return
    shown = islice(chain([first], letters), limit or None)
    emit_table(chain([("ID", "BURIED", "REASON", "DETAIL")], map(_row, shown)))
    _tell_the_rest(letters, damaged, limit)
    say("One of them: evidently telemetry dead show ID    Send it again: evidently telemetry dead requeue ID")


def _tell_the_rest(letters: "Iterator[DeadLetter]", damaged: list[Path], limit: int) -> None:
    if limit and next(letters, None) is not None:
        say("There are more: --limit 0 shows all.")
    if damaged:
        others = f", and {count(len(damaged) - 1, 'other')} too" if damaged[1:] else ""
        name = visible(damaged[0].stem)
        say(f"{name} is damaged{others}: evidently telemetry dead drop {shlex.quote(name)} deletes it")


@app.command("show")
def show_letter(name: Name, *, as_json: AsJson = False) -> None:
    """
    Show why a record is dead, and the record.

    Of a line that was none, it shows the bytes.

    --json prints what `dead list --json` does, one line for each that bears this id.
    """
    from spool import dead

    spool = Settings.of(os.environ).open_spool()
    name = _named(spool, name)
    letters = dead.read(spool, name)
    if not letters:
        raise CommandError(f"this dead letter is damaged: evidently telemetry dead drop {name} deletes it")
    if as_json:
        for letter in letters:
            emit_json(_as_json(letter))
        return
    for letter in letters:
        why = {key: letter.why[key] for key in ("reason", "status", "detail") if letter.why.get(key) is not None}
        rows = {"id": letter.name, "buried": _buried(letter), **why}
        emit(table([(key, visible(str(value))) for key, value in rows.items()]))
        emit(f"\n{_content(letter)}\n")
    if letters[0].record:
        say(f"Send it again: evidently telemetry dead requeue {name}")
    say(f"Delete it: evidently telemetry dead drop {name}")


@app.command("requeue")
def requeue(
    name: NameOrNone = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Requeue all that have a record.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Make a dead record pending again, as it was.

    Do so when the endpoint was mended.

    --json prints requeued (records that are pending again) and left (dead letters that cannot be).
    """
    from spool import dead

    spool = Settings.of(os.environ).open_spool()
    _one_or_all(name, every=every)
    if name is None:
        number = dead.requeue_all(spool)
    else:
        name = _named(spool, name)
        number = int(dead.requeue(spool, name))
        if not number:
            raise CommandError(
                f"what {name} holds is no whole record, and cannot be sent: evidently telemetry dead drop {name}", 2
            )
    left = len(dead.names(spool)) if every else 0
    if as_json:
        emit_json({"requeued": number, "left": left})
        return
    if number:
        again = "1 record is" if number == 1 else f"{number:,} records are"
        say(f"{again} pending again. Send what is pending: evidently telemetry flush")
    else:
        say("Nothing that is dead could be sent again." if left else "Nothing is dead.")
    if left:
        say(f"{count(left, 'file')} without a whole record left: evidently telemetry dead list")


@app.command("drop")
def drop(
    name: NameOrNone = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Drop all of them.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """
    Delete a dead letter. Asks before; --json needs --yes.

    --json prints what `purge --json` does.
    """
    from spool.purge import drop_dead, droppable_dead

    spool = Settings.of(os.environ).open_spool()
    _one_or_all(name, every=every)
    if name is not None:
        name = _named(spool, name)
    if yes or may_delete(droppable_dead(spool, name=name), dead=True, as_json=as_json):
        show_receipt(drop_dead(spool, name=name), dead=True, as_json=as_json)


def _one_or_all(name: str | None, *, every: bool) -> None:
    if (name is None) != every:
        raise typer.BadParameter("name one ID, or --all: evidently telemetry dead list lists them")


def _named(spool: "Spool", prefix: str) -> str:
    """Return the name that begins so; one that is given in full wins over longer ones."""
    from spool import dead

    names = dead.names(spool, prefix.lower()) if prefix else []
    if prefix.lower() in names:
        return prefix.lower()
    if not names:
        raise typer.BadParameter(
            f"no dead letter begins with {prefix[:40]!r}: evidently telemetry dead list lists them"
        )
    if len(names) > 1:
        raise typer.BadParameter(f"several dead letters begin with {prefix[:40]!r}: give more of the id")
    return names[0]


def _row(letter: "DeadLetter") -> tuple[str, str, str, str]:
    found = _as_json(letter)
    reason = " ".join(visible(str(each)) for each in (found["reason"], found["status"]) if each is not None)
    detail = visible(str(found["detail"] or ""))
    short = detail if len(detail) <= _MOST_DETAIL else f"{detail[: _MOST_DETAIL - 1]}…"
    return letter.name, _buried(letter), reason, short


def _buried(letter: "DeadLetter") -> str:
    """When, in local time; the text as it is when it is no time."""
    text = str(letter.why.get("time"))
    try:
        return local(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return visible(text)


def _content(letter: "DeadLetter") -> str:
    """Return the record's line; of a corrupt one, its bytes as Python writes them."""
    import base64

    if letter.record:
        return letter.record.line.decode("ascii", "backslashreplace")
    try:
        return repr(base64.b64decode(str(letter.why.get("bytes", ""))))[2:-1]
    except ValueError:
        return "(its bytes cannot be read)"


def _as_json(letter: "DeadLetter") -> dict[str, Any]:
    record: object = None
    if letter.record:
        try:
            record = letter.record.attributes
        except (ValueError, RecursionError):  # somebody made a checksum of it
            record = None
    return {
        "id": letter.name,
        **{key: letter.why.get(key) for key in ("reason", "status", "detail", "time")},
        "record": record,
        "bytes": letter.why.get("bytes"),
    }
