"""
Damage to a real spool directory, one seeded blow at a time, and what has to be left of the spool's promise afterwards.

A blow changes the bytes of a file, or what lies under a name. The oracle reads the directory itself: each record that
still stands whole on a line has to reach the endpoint, each other line has to end in `dead/` with its bytes, and where
the spool says that it cannot work, both have to stand where they stood.
"""

import base64
import json
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from transport import FakeTransport

from spool import Deferred, Refused, Spool, SpoolError, drain
from spool.bounds import Bounds
from spool.dead import letters
from spool.inspection import count_dead, count_pending
from spool.record import sealed_content, verify
from spool.segment import SEGMENT_BYTES, STEP

_BOUNDLESS = Bounds(octets=2**50, age=timedelta.max)  # what a bound drops is counted, and here bytes are compared
_PER_SPOOL = 50  # tries with copies of one spool: a copy is made in a fraction of the time


@dataclass
class Damage:
    """What was tried. `broken` has a line for each breach of the promise; `errors` counts what a user was told."""

    tries: int = 0
    delivered: int = 0
    buried: int = 0
    blows: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def damage(*, seed: int, number: int) -> Damage:
    """Strike copies of small spools `number` times, use each as a user would, and hold the outcome to the promise."""
    draws = random.Random(seed)
    report = Damage()
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is private
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        sample, root = Path(name, "sample"), Path(name, "spool")
        while report.blows.total() < number:
            if report.tries % _PER_SPOOL == 0:
                shutil.rmtree(sample, ignore_errors=True)
                _build(sample, draws)
            shutil.copytree(sample, root)
            _try(root, draws, report)
            shutil.rmtree(root)
    return report


def _sent(transport: FakeTransport) -> set[bytes]:
    return {record.line for record in transport.handed}


def _build(root: Path, draws: random.Random) -> None:
    """Make a spool that has a file of each kind: sealed and active segments, a dead letter, a schedule, locks."""
    spool = Spool(root, source="damage", bounds=_BOUNDLESS)
    _append(spool, draws, 1)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    for _ in range(draws.randrange(1, 4)):
        _append(spool, draws, draws.randrange(1, 6))
        spool.seal()
    drain(spool, FakeTransport(lambda _records: Deferred("HTTP 503")))
    _append(spool, draws, draws.randrange(4))


def _append(spool: Spool, draws: random.Random, number: int) -> None:
    for _ in range(number):
        spool.append({"filler": "x" * draws.randrange(200)}, event_type="damage.v1")


def _try(root: Path, draws: random.Random, report: Damage) -> None:
    """Strike a spool and use it while the endpoint fails; strike its segments again and use it when that is back."""
    spool = Spool(root, source="damage", bounds=_BOUNDLESS)
    down, up = FakeTransport(lambda _records: Deferred("HTTP 503")), FakeTransport()
    blows = [blow for _ in range(draws.choice((1, 1, 2))) for blow in _strike(root, draws)]
    try:
        struck = _State.of(root)
        _told(report, lambda: _look(spool))
        _told(report, lambda: _append(spool, draws, 1))
        appended = _State.of(root)
        report.broken += _breaches(struck, appended, set(), blows)
        _told(report, lambda: drain(spool, down, ignore_backoff=True))
        report.broken += _breaches(appended, _State.of(root), set(), blows)
        blows += _strike_bytes(root, draws, [path for path in _segments(root) if _is_file(path)])
        struck_again = _State.of(root)
        at_work = _told(report, lambda: drain(spool, up, ignore_backoff=True))
        left = _State.of(root)
        report.broken += _breaches(struck_again, left, _sent(up), blows)
        report.broken += [f"sent, and no record: {line!r}, after {blows}" for line in _sent(up) - struck_again.intact]
        report.broken += [f"sent, and no record: {line!r}, after {blows}" for line in _sent(down) - appended.intact]
        if at_work and (left.intact or left.damaged):
            report.broken.append(f"neither delivered nor buried: {left.intact} {left.damaged}, after {blows}")
        if _told(report, lambda: _look(spool)) and (shown := len(list(letters(spool)))) != left.dead:
            report.broken.append(f"{shown} of {left.dead} dead letters are shown, after {blows}")
        report.buried += len(left.buried)
    except Exception as error:  # noqa: BLE001 - a user would have met it
        report.broken.append(f"{type(error).__name__} reached the user: {error}, after {blows}")
    report.delivered += len(_sent(up))
    report.blows.update(blow.partition(":")[0] for blow in blows)
    report.tries += 1


def _told(report: Damage, use: Callable[[], object]) -> bool:
    """Use the spool, and return whether that worked; a SpoolError is one line that a user can read."""
    try:
        use()
    except SpoolError as error:
        words = str(error)
        report.errors[f"{type(error).__name__}: {words.partition(': ')[2] or words.rpartition('/')[2]}"] += 1
        return False
    return True


def _look(spool: Spool) -> None:
    count_pending(spool, spool.now())
    count_dead(spool)
    for record in spool.records():
        record.attributes  # noqa: B018 - it is parsed now
    for letter in letters(spool):
        assert letter.why["reason"] in {"refused", "corrupt"}, letter
        assert letter.why["time"], letter


@dataclass(frozen=True, slots=True)
class _State:
    """What stands in the directory: whole records and other lines among the segments, dead letters, foreign files."""

    intact: frozenset[bytes]
    damaged: tuple[bytes, ...]
    letters: frozenset[bytes]
    dead: int
    buried: tuple[bytes, ...]
    foreign: dict[Path, bytes]

    @classmethod
    def of(cls, root: Path) -> "_State":
        """Read it without the spool's help."""
        places = ("*", "pending/*", "dead/*")
        lines = [line for path in _segments(root) for line in _lines(path)]
        dead = [line for path in sorted(root.glob("dead/*.ndjson")) for line in _lines(path) if _is_letter(line)]
        why = [json.loads(line) for line in dead]
        return cls(
            intact=frozenset(line for line in lines if verify(line)),
            damaged=tuple(line for line in lines if not verify(line)),
            letters=frozenset(dead),
            dead=len(dead),
            buried=tuple(base64.b64decode(letter["bytes"]) for letter in why if letter["reason"] == "corrupt"),
            foreign={path: path.read_bytes() for place in places for path in root.glob(place) if _is_foreign(path)},
        )


def _breaches(before: _State, after: _State, sent: set[bytes], blows: list[str]) -> Iterator[str]:
    kept = {*after.damaged, *after.buried}
    everything = b"".join([*after.buried, *after.damaged])  # in this order a line stands that was divided
    for line in before.intact - after.intact - sent:
        yield f"lost record: {line!r}, after {blows}"
    for line in before.damaged:
        if line not in kept and not (len(line) > SEGMENT_BYTES and line in everything):
            yield f"lost bytes: {line[:200]!r}, after {blows}"
    for letter in before.letters - after.letters:
        yield f"lost dead letter: {letter[:200]!r}, after {blows}"
    for path, content in before.foreign.items():
        if after.foreign.get(path) != content:
            yield f"foreign file changed: {path.name!r}, after {blows}"


def _segments(root: Path) -> list[Path]:
    return [*sorted(root.glob("pending/*.ndjson")), root / "active.ndjson"]


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _lines(path: Path) -> list[bytes]:
    """Return the lines of a file that are not blank, without the blanks behind them."""
    data = path.read_bytes() if _is_file(path) else b""
    bare_data = data.rstrip(b"\t\n\0")
    if len(data) - len(bare_data) <= 2 * STEP and data[len(bare_data) :][:1] == b"\n":
        data = bare_data
    lines = data.split(b"\n")
    return [bare for line in lines if (bare := line.strip(b"\t"))]


def _is_letter(line: bytes) -> bool:
    return sealed_content(line) is not None and line.startswith(b'{"reason": ')


def _is_foreign(path: Path) -> bool:
    if path.parent.name in {"pending", "dead"}:
        return _is_file(path) and not path.name.endswith(".ndjson")
    ours = {"active.ndjson", "append.lock", "drain.lock", "format.json", "format.json.corrupt", "schedule.json"}
    unfinished = path.suffix == ".tmp" and len(path.stem) == 36
    return _is_file(path) and path.name not in ours and not unfinished


def _strike(root: Path, draws: random.Random) -> list[str]:
    """Strike the spool once, anywhere, and say how."""
    entries = sorted(root.rglob("*"))
    if draws.random() < 0.7:
        return _strike_bytes(root, draws, [path for path in entries if _is_file(path)])
    name, blow = draws.choice(list(_TO_NAMES.items()))
    path = draws.choice(entries)
    with suppress(OSError):  # an earlier blow took the folder that this one needs
        blow(root, path, draws)
    return [f"{name}: {path.relative_to(root)}"]


def _strike_bytes(root: Path, draws: random.Random, files: list[Path]) -> list[str]:
    if not files:
        return []
    name, blow = draws.choice(list(_TO_BYTES.items()))
    path = draws.choice(files)
    data = path.read_bytes()
    most = len(data.rstrip(b"\t\n")) + 1 if draws.random() < 0.5 else len(data)  # or nearly all would strike blanks
    path.write_bytes(blow(data[:most], draws) + data[most:])
    return [f"{name}: {path.relative_to(root)}"]


def _flip(data: bytes, draws: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(draws.randrange(1, 9)):
        changed[draws.randrange(len(changed))] ^= 1 << draws.randrange(8)
    return bytes(changed)


def _truncate(data: bytes, draws: random.Random) -> bytes:
    return data[: draws.randrange(len(data) + 1)]


def _splice(data: bytes, draws: random.Random) -> bytes:
    """Copy a part of the file to another place in it, over what is there or between."""
    start, end = sorted(draws.randrange(len(data) + 1) for _ in range(2))
    place = draws.randrange(len(data) + 1)
    return data[:place] + data[start:end] + data[place + draws.choice((0, end - start)) :]


def _insert(data: bytes, what: bytes, draws: random.Random) -> bytes:
    place = draws.randrange(len(data) + 1)
    return data[:place] + what + data[place:]


def _blank(data: bytes, draws: random.Random) -> bytes:
    """Put NULs in the place of a part, as a file system does after a power cut."""
    start, end = sorted(draws.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + bytes(end - start) + data[end:]


_TO_BYTES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bits flipped": _flip,
    "truncated": _truncate,
    "spliced": _splice,
    "NULs over it": _blank,
    "NULs behind it": lambda data, draws: data + bytes(draws.choice((1, 512, 4096))),
    "wrong UTF-8": lambda data, draws: _insert(data, draws.choice((b"\xff", b"\xc3\x28", b"\xed\xa0\x80")), draws),
    "a huge line": lambda data, draws: _insert(data, b"x" * draws.choice((70_000, 70_000, 300_000, 2_500_000)), draws),
    "a line broken": lambda data, draws: _insert(data, b"\n", draws),
    "lines joined": lambda data, draws: data.replace(b"\n", b"", draws.randrange(1, 3)),
    "line ends of Windows": lambda data, _draws: data.replace(b"\n", b"\r\n"),
    "noise": lambda data, draws: draws.randbytes(len(data)),
}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _put_directory(_root: Path, path: Path, draws: random.Random) -> None:
    _remove(path)
    path.mkdir(mode=0o700)
    if draws.random() < 0.5:
        (path / "inside").write_bytes(b"something")


def _put_pipe(_root: Path, path: Path, _draws: random.Random) -> None:
    _remove(path)
    os.mkfifo(path)


def _put_file(_root: Path, path: Path, draws: random.Random) -> None:
    _remove(path)
    path.write_bytes(draws.randbytes(20))


def _put_link(root: Path, path: Path, draws: random.Random) -> None:
    target = draws.choice((path, root / "format.json", root / "nowhere", root / "dead"))
    _remove(path)
    path.symlink_to(target)


def _duplicate(root: Path, path: Path, draws: random.Random) -> None:
    shutil.copyfile(path, root / draws.choice(("pending", "dead")) / _odd_name(draws))


def _rename(_root: Path, path: Path, draws: random.Random) -> None:
    path.rename(path.with_name(_odd_name(draws)))


def _put_foreign(root: Path, _path: Path, draws: random.Random) -> None:
    (root / draws.choice(("", "pending", "dead"))).joinpath(_odd_name(draws)).write_bytes(draws.randbytes(20))


def _odd_name(draws: random.Random) -> str:
    ordinary = ("thesis.tex", "notes.tmp", "20240101.tmp", "copy.ndjson", "old.ndjson.bak", "0.ndjson", ".ndjson")
    strange = ("-rf", "a\nb.ndjson", "é\u2028.ndjson", os.fsdecode(b"\xff\xfe.ndjson"), "x" * 240 + ".ndjson")
    return draws.choice((*ordinary, *strange))


_TO_NAMES: dict[str, Callable[[Path, Path, random.Random], None]] = {
    "removed": lambda _root, path, _draws: _remove(path),
    "a directory in its place": _put_directory,
    "a pipe in its place": _put_pipe,
    "a file in its place": _put_file,
    "a link in its place": _put_link,
    "duplicated": _duplicate,
    "renamed": _rename,
    "a foreign file": _put_foreign,
}
