"""Whose spool it is: each user's own, and no project's."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CommandLine

from evidently_cli.event import SamplingUsage, Usage
from evidently_cli.recorder import record_run
from evidently_cli.settings import Settings
from spool import Record, Spool, SpoolError

USAGE = Usage("profile", ["data_drift"], SamplingUsage(), SamplingUsage())
FIRST, SECOND = 61_001, 61_002  # ids of users that nobody has


def as_user(user: int, action: Callable[[], object]) -> str:
    """Do something as another user, in a process of its own that has loaded the program; return what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            result = str(action())
        except BaseException as error:  # noqa: BLE001 - the parent's to judge
            result = f"{type(error).__name__}: {error}"
        os.write(writing, result.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    return result


@pytest.fixture
def homes(tmp_path: Path) -> dict[int, Path]:
    """A home for each of two users, and a folder that all may write to, as /tmp is."""
    if sys.platform == "win32" or os.geteuid():
        pytest.skip("only root can act as two users")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o005)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    homes = {user: tmp_path / str(user) for user in (FIRST, SECOND)}
    for user, home in homes.items():
        home.mkdir(mode=0o700)
        os.chown(home, user, user)
    warm = Spool(tmp_path / "warm", source="test")  # so that a user who cannot read the program needs to load nothing
    warm.append({}, event_type="t")
    list(warm.records())
    Settings.of({"HOME": str(tmp_path)})
    return homes


def test_two_users_of_one_machine(homes: dict[int, Path], tmp_path: Path) -> None:
    """Each user has a spool of their own; in another's, a run records nothing, says so, and goes on."""

    def record(home: Path, **variables: str) -> str:
        os.environ.pop("XDG_STATE_HOME", None)
        os.environ["HOME"] = str(home)
        said: list[str] = []
        record_run(USAGE, {"CI": "true", "HOME": str(home), **variables}, said.append)
        return "\n".join(said)

    def look(spool: Path) -> int | str:
        try:
            return len(list[Record](Spool(spool, source="test").records()))
        except SpoolError as error:
            return str(error)

    spools = {user: home / ".local" / "state" / "evidently" / "spool" for user, home in homes.items()}
    for user, home in homes.items():
        assert as_user(user, lambda home=home: record(home)) == ""
        assert spools[user].stat().st_uid == user
    for user in homes:
        assert as_user(user, lambda user=user: look(spools[user])) == "1"
    assert "Permission denied" in as_user(SECOND, lambda: look(spools[FIRST]))

    shared = tmp_path / "tmp" / "spool"
    setting = {"EVIDENTLY_SPOOL_DIR": str(shared)}
    assert as_user(FIRST, lambda: record(homes[FIRST], **setting)) == ""
    said = as_user(SECOND, lambda: record(homes[SECOND], **setting))
    assert said == f"telemetry: not recorded: {shared} belongs to another user (uid {FIRST})"
    assert as_user(FIRST, lambda: look(shared)) == "1"


def test_a_project_redirects_nothing(evidently: CommandLine) -> None:
    """Neither a config file nor a spool nor an .env in the working directory is looked at, and nothing is put there."""
    text = "[telemetry]\nendpoint = 'https://elsewhere.example/'\n"
    for name in ("config.toml", "evidently.toml", "pyproject.toml", ".evidently/config.toml", "evidently/config.toml"):
        path = evidently.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (evidently.directory / ".env").write_text("EVIDENTLY_TELEMETRY_ENDPOINT=https://elsewhere.example/\n")
    (evidently.directory / "spool").mkdir()
    before = set(evidently.directory.rglob("*"))
    evidently("calculate", "profile", "--reference", "ref.csv", "--current", "cur.csv", "--config", "config.json")
    assert set(evidently.directory.rglob("*")) - before == {evidently.directory / "profile.json"}
    assert '"endpoint": null' in evidently("telemetry", "status", "--json").stdout
    assert (evidently.spool / "active.ndjson").exists()
