"""The program as its users run it: a process of its own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass
class CommandLine:
    """The program as a user runs it: a real process in an environment and a directory of its own."""

    directory: Path
    environment: dict[str, str]

    @property
    def spool(self) -> Path:
        """The spool's directory."""
        return Path(self.environment["XDG_STATE_HOME"]) / "evidently" / "spool"

    @property
    def recorded(self) -> str:
        """The lines of the active segment, without the blanks behind them."""
        return (self.spool / "active.ndjson").read_text().rstrip("\t\n") + "\n"

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Start `evidently` and go on; the test ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "evidently_cli", *arguments],
            cwd=self.directory,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(
        self, *arguments: str, status: int | None = 0, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run `evidently` with some arguments; `status` is the exit code that the test expects."""
        done = subprocess.run(
            [sys.executable, "-m", "evidently_cli", *arguments],
            cwd=self.directory,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert status is None or done.returncode == status, done.stderr
        return done
