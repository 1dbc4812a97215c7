"""
A machine whose power may fail: what was done to its disk, and every directory that a crash could leave of it.

The model is the one of ALICE (Pillai et al., OSDI 2014) and CrashMonkey (Mohan et al., OSDI 2018). A crash may come
after each call. What a file was given since its last sync may be missing, cut off, or NULs, each write on its own.
What happened to the names in a directory since its last sync may be missing, each change on its own. A rename within
one directory is one change; a rename into another is two, and the old name goes last, unless a sync of the old
directory alone has made it go. What is in a directory whose own name is missing is missing too.
"""

import hashlib
import itertools
import math
import os
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spool.disk import Disk

_BLOCK = 4096  # bytes
_FOLDER = 0  # stands for a directory, where a file has its number
_EXHAUSTIVE = 32  # combinations at one crash point; where there are more, as many are drawn


@dataclass(frozen=True)
class Named:
    """A change of one directory, made in one step: its names and the files that they stand for from now on."""

    folder: Path
    names: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True)
class Written:
    """Bytes in a file."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    """A file's new end. The rest of its last block is zeroed, perhaps before the file is any shorter."""

    file: int
    size: int
    before: int


@dataclass(frozen=True)
class Synced:
    """The instant from which on a file's data, or a directory's names, survive."""

    what: int | Path


@dataclass(frozen=True)
class Promised:
    """A promise to the caller: from now on these are owed, or they are owed no longer."""

    tokens: frozenset[str]
    owed: bool


Effect = Named | Written | Cut
Change = Effect | Synced | Promised


@dataclass(frozen=True)
class Step:
    """A call, as a person reads it, and what it changes."""

    call: str
    changes: tuple[Change, ...]


@dataclass
class Tree:
    """Directories and files, by the paths of the ones and the numbers of the others."""

    folders: dict[Path, dict[str, int]]
    data: dict[int, bytes]

    def copy(self) -> "Tree":
        return Tree({folder: dict(names) for folder, names in self.folders.items()}, dict(self.data))

    def apply(self, effect: Effect) -> None:
        match effect:
            case Named(folder, names):
                entries = self.folders.setdefault(folder, {})
                for name, file in names:
                    if file is None:
                        entries.pop(name, None)
                    else:
                        entries[name] = file
            case Written(file, offset, data):
                old = self.data.get(file, b"").ljust(offset, b"\0")
                self.data[file] = old[:offset] + data + old[offset + len(data) :]
            case Cut(file, size, _):
                self.data[file] = self.data.get(file, b"")[:size]

    def walk(self, folder: Path) -> Iterator[tuple[Path, int]]:
        """Meet what can be reached from a directory, in order, each directory before what is in it."""
        for name, file in sorted(self.folders.get(folder, {}).items()):
            yield folder / name, file
            if file == _FOLDER:
                yield from self.walk(folder / name)


@dataclass(frozen=True)
class State:
    """What one crash leaves: paths, data, and the promises that were made before it."""

    calls: tuple[str, ...]
    paths: tuple[tuple[Path, int], ...]
    data: dict[int, bytes]
    owed: frozenset[str]
    settled: frozenset[str]

    def build(self, top: Path) -> None:
        """Make it a real directory. Two names of one file are two links to it, as on the disk that crashed."""
        made: dict[int, Path] = {}
        for path, file in self.paths:
            if file == _FOLDER:
                (top / path).mkdir(mode=0o700)
            elif file in made:
                (top / path).hardlink_to(made[file])
            else:
                made[file] = top / path
                made[file].write_bytes(self.data.get(file, b""))

    def digest(self) -> bytes:
        """Two states with the same digest are the same to whoever comes after the crash."""
        total = hashlib.blake2b("\0".join([*sorted(self.owed), "", *sorted(self.settled)]).encode())
        first: dict[int, Path] = {}
        for path, file in self.paths:
            linked = path if file == _FOLDER else first.setdefault(file, path)
            content = self.data.get(file, b"") if linked == path and file != _FOLDER else b""
            total.update(f"\0{path}\0{linked}\0{file == _FOLDER}\0{len(content)}\0".encode() + content)
        return total.digest()

    def __str__(self) -> str:
        """List the calls before the crash, and what it left."""
        files = (f"{path}: {self.data.get(file, b'')[:80]!r}" if file else f"{path}/" for path, file in self.paths)
        return "\n  ".join(["a crash after", *self.calls, "left", *files])


@dataclass
class Machine:
    """A directory in which processes work through a RecordedDisk; `states` are what a power cut could leave of it."""

    top: Path
    fatal: int | None = None  # so many calls succeed, and the process that makes the next one dies instead
    steps: list[Step] = field(default_factory=list)
    calls: int = 0  # that changed something

    def __post_init__(self) -> None:
        self.top.mkdir(exist_ok=True)
        self.all_durable()

    def all_durable(self) -> None:
        """Let the disk come to rest: what is there now survives every crash, and crashes come from here on."""
        self.steps = [step for step in self.steps if isinstance(step.changes[0], Promised)]
        self.crash_from_here()
        self.files: dict[int, int] = {}
        self._numbers = itertools.count(_FOLDER + 1)
        self.rest = Tree({}, {})
        for folder, folders, files in os.walk(self.top):
            names = dict.fromkeys(folders, _FOLDER)
            for name in files:
                path = Path(folder) / name
                names[name] = self.number(path.stat().st_ino)
                self.rest.data[names[name]] = path.read_bytes()
            self.rest.folders[Path(folder)] = names

    def crash_from_here(self) -> None:
        """Leave out the crashes before this instant: another scenario has them."""
        self.first = len(self.steps)
        self.first_call = self.calls

    def kills(self) -> bool:
        """Whether the process that makes the next call dies instead."""
        fatal = self.calls == self.fatal
        if fatal:
            self.fatal = None  # the next process lives
        return fatal

    def promise(self, *tokens: str) -> None:
        """Somebody was told that these are accepted."""
        self.steps.append(Step("promise", (Promised(frozenset(tokens), owed=True),)))

    def settle(self, *tokens: str) -> None:
        """These are nobody's business any more: an endpoint took them, or their user deleted them."""
        self.steps.append(Step("settle", (Promised(frozenset(tokens), owed=False),)))

    def record(self, call: str, *changes: Change) -> None:
        self.calls += 1
        self.steps.append(Step(call.replace(f"{self.top}/", ""), changes))

    def number(self, inode: int, *, new: bool = False) -> int:
        """Number the files: the system gives the inode of a file that is gone to a new one."""
        if new or inode not in self.files:
            self.files[inode] = next(self._numbers)
        return self.files[inode]

    def written(self) -> Iterator[bytes]:
        """All that was ever in a file."""
        yield from self.rest.data.values()
        for step in self.steps:
            yield from (change.data for change in step.changes if isinstance(change, Written))

    def states(self, seed: int = 0) -> Iterator[State]:
        """Enumerate what a crash could leave, each state once."""
        draw = random.Random(seed)
        past = _Past(self.rest.copy())
        seen: set[bytes] = set()
        for position in range(len(self.steps) + 1):
            if position >= self.first:
                calls = tuple(step.call for step in self.steps[:position])
                for tree in past.futures(draw):
                    paths = tuple((path.relative_to(self.top), file) for path, file in tree.walk(self.top))
                    state = State(calls, paths, tree.data, frozenset(past.owed), frozenset(past.settled))
                    if (digest := state.digest()) not in seen:
                        seen.add(digest)
                        yield state
            for change in self.steps[position].changes if position < len(self.steps) else ():
                past.add(position, change)


@dataclass
class _Past:
    """What has happened until some instant: what of it survives every crash, and what only some, by step."""

    durable: Tree
    pending: list[tuple[int, Effect]] = field(default_factory=list)
    owed: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)

    def add(self, step: int, change: Change) -> None:
        match change:
            case Synced(what):
                for _, effect in self.pending:
                    if _place(effect) == what:
                        self.durable.apply(effect)
                self.pending = [(step, effect) for step, effect in self.pending if _place(effect) != what]
            case Promised(tokens, owed=True):
                self.owed |= tokens
            case Promised(tokens):
                self.owed -= tokens
                self.settled |= tokens
            case _:
                self.pending.append((step, change))

    def futures(self, draw: random.Random) -> Iterator[Tree]:
        """What a crash at this instant could leave."""
        for choices in _combinations(_alternatives(self.pending), draw):
            tree = self.durable.copy()
            for effect in itertools.chain.from_iterable(choices):
                tree.apply(effect)
            yield tree


class KilledError(Exception):
    """The process is gone; the machine works on."""


class UnsyncedDisk(Disk):
    """The real disk without its syncs: as no power is really cut, they would only cost time."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


class RecordedDisk(UnsyncedDisk):
    """The real disk as the processes of a machine use it, each call that changes something written down."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.dead = False

    def _call(self) -> None:
        """Make a call, if this process lives to make one."""
        self.dead = self.dead or self.machine.kills()
        if self.dead:
            raise KilledError

    def make_directory(self, path: Path) -> None:
        self._call()
        made = not path.is_dir()
        super().make_directory(path)
        if made:
            self.machine.record(f"make_directory {path}", Named(path.parent, ((path.name, _FOLDER),)))

    def open(self, path: Path) -> int:
        self._call()
        return super().open(path)

    def create(self, path: Path) -> int:
        self._call()
        descriptor = super().create(path)
        file = self.machine.number(os.fstat(descriptor).st_ino, new=True)
        self.machine.record(f"create {path}", Named(path.parent, ((path.name, file),)))
        return descriptor

    def write(self, descriptor: int, data: bytes) -> None:
        self._call()
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        super().write(descriptor, data)
        file = self.machine.number(os.fstat(descriptor).st_ino)
        self.machine.record(f"write {len(data)} bytes to file {file} at {offset}", Written(file, offset, data))

    def sync(self, descriptor: int) -> None:
        self._call()
        super().sync(descriptor)
        file = self.machine.number(os.fstat(descriptor).st_ino)
        self.machine.record(f"sync file {file}", Synced(file))

    def sync_directory(self, path: Path) -> None:
        self._call()
        super().sync_directory(path)
        self.machine.record(f"sync_directory {path}", Synced(path))

    def rename(self, source: Path, target: Path) -> None:
        self._call()
        file = self.machine.number(source.stat().st_ino)
        super().rename(source, target)
        here, there = (source.name, None), (target.name, file)
        changes = (
            (Named(source.parent, (here, there)),)
            if source.parent == target.parent
            else (Named(target.parent, (there,)), Named(source.parent, (here,)))
        )
        self.machine.record(f"rename {source} to {target}", *changes)

    def unlink(self, path: Path) -> None:
        self._call()
        there = path.exists()
        super().unlink(path)
        if there:
            self.machine.record(f"unlink {path}", Named(path.parent, ((path.name, None),)))

    def truncate(self, descriptor: int, size: int) -> None:
        self._call()
        entry = os.fstat(descriptor)
        super().truncate(descriptor, size)
        file = self.machine.number(entry.st_ino)
        self.machine.record(f"truncate file {file} to {size} bytes", Cut(file, size, entry.st_size))


def rebuilt(states: Iterable[State], top: Path) -> Iterator[tuple[State, Path]]:
    """Make each state a real directory, one after another; the one before is removed."""
    for state in states:
        top.mkdir()
        state.build(top)
        yield state, top
        shutil.rmtree(top)


Choice = tuple[Effect, ...]


def _place(effect: Effect) -> int | Path:
    """What has to be synced for this to survive."""
    return effect.folder if isinstance(effect, Named) else effect.file


def _alternatives(pending: list[tuple[int, Effect]]) -> list[list[Choice]]:
    """For each step that is not durable, what can have come of it: first nothing, last all."""
    steps = (tuple(effect for _, effect in group) for _, group in itertools.groupby(pending, key=lambda item: item[0]))
    return [_remains(effects[0], effects) for effects in steps]


def _remains(effect: Effect, effects: Choice) -> list[Choice]:
    """What can have come of a step: of a write and a cut more than nothing or all."""
    match effect:
        case Written():
            return _remains_of_a_write(effect)
        case Cut(file, size, before):
            zeroed = bytes(max(0, min(before, -(-size // _BLOCK) * _BLOCK) - size))
            return [(), (Written(file, size, zeroed),), effects]
        case Named():
            return [effects[:number] for number in range(len(effects) + 1)]


def _remains_of_a_write(write: Written) -> list[Choice]:
    """A beginning, with or without NULs up to its end, or all."""
    size = len(write.data)
    beginnings = [write.data[:cut] for cut in (1, size // 2, size - 1)]
    pieces = [b"\0" * size, *beginnings, *(piece.ljust(size, b"\0") for piece in beginnings), write.data]
    return [(), *((replace(write, data=piece),) for piece in pieces)]


def _combinations(alternatives: Sequence[list[Choice]], draw: random.Random) -> Iterator[Sequence[Choice]]:
    """All combinations where they are few; else nothing, all, each alternative alone against both, and a sample."""
    if math.prod(len(choices) for choices in alternatives) <= _EXHAUSTIVE:
        yield from itertools.product(*alternatives)
        return
    nothing = [choices[0] for choices in alternatives]
    everything = [choices[-1] for choices in alternatives]
    for ground in (nothing, everything):
        yield ground
        for place, choices in enumerate(alternatives):
            yield from ([*ground[:place], choice, *ground[place + 1 :]] for choice in choices)
    for _ in range(_EXHAUSTIVE):
        yield [draw.choice(choices) for choices in alternatives]
