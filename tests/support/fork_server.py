"""
Run the program many times in little time: a process that has loaded it, and forks for each list of arguments.

Each child is the program as it is: its own process, file descriptors, directory and environment. Only the imports are
shared.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, cast


@dataclass(frozen=True)
class Done:
    """How a child ended. `code` is negative when a signal ended it."""

    code: int
    out: str
    err: str


class ForkServer:
    """The parent's side: `run` is one run of the program. `modules` are loaded once for all runs."""

    def __init__(self, *modules: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Done:
        """Run `evidently` with these arguments, an empty standard input, and this environment."""
        line = json.dumps([list(arguments), str(directory), dict(environment)])
        to, back = cast("BinaryIO", self._process.stdin), cast("BinaryIO", self._process.stdout)
        to.write(f"{line}\n".encode())
        to.flush()
        return Done(*json.loads(back.readline()))

    def close(self) -> None:
        """End the server."""
        self._process.communicate()


def _child(arguments: list[str], directory: str, environment: dict[str, str], out: int, err: int) -> None:
    from evidently_cli.app import main

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", errors="surrogateescape" if number else "strict")
        for number, mode in enumerate("rww")
    )
    sys.stderr.reconfigure(line_buffering=True)
    sys.argv = ["evidently", *arguments]
    main()


def _serve() -> None:
    for module in sys.argv[1:]:
        import_module(module)

    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if not child:
                try:
                    _child(*json.loads(line), out.fileno(), err.fileno())
                except BaseException:  # noqa: BLE001 - what a user would see as a traceback
                    sys.excepthook(*sys.exc_info())
                    sys.stderr.flush()
                os._exit(99)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode("utf-8", "replace"))
            sys.stdout.write(json.dumps([code, *texts]) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _serve()
