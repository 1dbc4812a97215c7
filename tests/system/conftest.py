"""Real endpoints, and the program as a real process."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Browser
from command_line import CommandLine
from endpoint import Endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint that takes everything."""
    server = Endpoint()
    yield server
    server.close()


@pytest.fixture
def refused_url() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture
def evidently(tmp_path: Path) -> CommandLine:
    """The program, in a directory with `ref.csv`, `cur.csv` and `config.json`, without background flushes."""
    directory = tmp_path / "work"
    directory.mkdir()
    header = "a,b,target\n"
    (directory / "ref.csv").write_text(header + "".join(f"{i},{'xyz'[i % 3]},{i % 7}\n" for i in range(60)))
    (directory / "cur.csv").write_text(header + "".join(f"{i + 9},{'xyz'[i % 2]},{i % 7}\n" for i in range(60)))
    (directory / "config.json").write_text('{"profile_sections": ["data_drift"], "dashboard_tabs": ["data_drift"]}')
    environment = {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "EVIDENTLY_TELEMETRY_FLUSH": "manual",
        "CI": "true",  # no notice
    }
    return CommandLine(directory, environment)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all modules."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        missing = "no chromium, chromium-browser or google-chrome on PATH"
        if os.environ.get("EVIDENTLY_TEST_NO_SKIP"):
            pytest.fail(missing)
        pytest.skip(missing)
    chromium = Browser(program, tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()
