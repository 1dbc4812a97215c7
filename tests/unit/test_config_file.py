"""The config file of telemetry: what it may say, and what becomes of one that cannot be understood."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evidently_cli.config_file import ConfigFile, read, switch
from evidently_cli.consent import decide
from evidently_cli.settings import Settings
from spool.disk import Disk

ALL = """
[telemetry]
enabled = true
endpoint = "https://events.example/"
wire = "ndjson"
gzip = false
token_file = "token"
ca_bundle = "/etc/ssl/ca.pem"
flush = "manual"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a config file may be."""
    return tmp_path / "config.toml"


def test_every_key_is_read(path: Path) -> None:
    """Each documented key is taken; a relative path is meant from where the file is."""
    path.write_text(ALL)
    assert read(path) == ConfigFile(
        path,
        enabled=True,
        choices={
            "endpoint": "https://events.example/",
            "wire": "ndjson",
            "gzip": "off",
            "token_file": str(path.parent / "token"),
            "ca_bundle": "/etc/ssl/ca.pem",
            "flush": "manual",
        },
    )


def test_a_byte_order_mark_is_passed_over(path: Path) -> None:
    """A file as some editors on Windows write it, with a mark before its first line, is read like any other."""
    path.write_text(ALL, encoding="utf-8-sig")
    assert read(path).enabled
    assert read(path).complaint is None


def test_a_file_that_is_not_there_says_nothing(path: Path) -> None:
    """No file, no complaint; nor is a file where its folder should be one."""
    assert read(path) == ConfigFile(path, exists=False)
    path.write_text("")
    assert read(path / "config.toml").complaint is None


@pytest.mark.parametrize(
    "text",
    [
        "[telemetry]\nenabled = flase",
        '[telemetry]\nenabled = "no"',
        "[telemetry]\nenable = false",
        "[telemetrie]\nenabled = false",
        "[Telemetry]\nenabled = false",
        "enabled = false",
        "[telemetry]\nenabled = true\n[telemetry_off]\nenabled = true",
        "telemetry = false",
        "[telemetry]\nendpoint = 1",
        '[telemetry]\ntoken_file = "~nobody-of-that-name/token"',
        '[telemetry]\ntoken_file = "a\\u0000b"',
        "[telemetry",
        "a = " + "[" * 5000,
        "#" * 70_000,
        "a = \0",
    ],
)
def test_what_cannot_be_understood_counts_as_no(path: Path, text: str) -> None:
    """A mistake in the file switches telemetry off, and is named: it may have been meant to."""
    path.write_text(text)
    file = read(path)
    assert file.complaint
    assert not decide({}, [file]).given


@pytest.mark.parametrize("kind", ["directory", "pipe", "loop", "dangling"])
def test_what_is_no_file_counts_as_no(path: Path, kind: str) -> None:
    """A directory, a pipe that nobody writes to, a link to itself or to nothing are told, and nobody waits for them."""
    {
        "directory": os.mkdir,
        "pipe": os.mkfifo,
        "loop": lambda name: name.symlink_to(name),
        "dangling": lambda name: name.symlink_to("nowhere"),
    }[kind](path)
    assert not decide({}, [read(path)]).given


@settings(max_examples=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: b"[telemetry]\n" + text.encode()))
@example(b"\xff")
@example(b"[telemetry]\nenabled = 2020-13-45")
@example(b"[telemetry]\nenabled = true\nenabled = false")
@example(b"[telemetry]\n[telemetry]")
def test_no_file_ends_a_run(path: Path, content: bytes) -> None:
    """Whatever bytes a config file holds, reading it and switching telemetry off in it raise nothing but words."""
    path.write_bytes(content)
    file = read(path)
    assert file.complaint is None or file.complaint
    try:
        switch(path, Disk(), enabled=False)
    except (ValueError, RecursionError):
        assert path.read_bytes() == content
        assert file.complaint, "a file that can be read can be changed"
    else:
        assert not decide({}, [read(path)]).given


def test_a_switch_leaves_all_else_as_it_is(path: Path) -> None:
    """Comments, order and other tables stay as the user wrote them; only `enabled` changes."""
    path.write_text("# mine\n[telemetry]  # here\nwire = 'otlp'\nenabled = true # for now\n\n[x]\ny = 1\n")
    switch(path, Disk(), enabled=False)
    assert path.read_text() == ("# mine\n[telemetry]  # here\nwire = 'otlp'\nenabled = false # for now\n\n[x]\ny = 1\n")


def test_a_switch_gets_past_what_a_crash_left(path: Path) -> None:
    """A half-written file that an earlier process with our number left behind keeps nobody from switching it off."""
    path.with_name(f".{path.name}.{os.getpid()}.tmp").write_text("[telem")
    switch(path, Disk(), enabled=False)
    assert read(path).enabled is False
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_switch_follows_a_link(path: Path, tmp_path: Path) -> None:
    """Whoever keeps the file elsewhere, behind a link, keeps the link."""
    elsewhere = tmp_path / "dotfiles.toml"
    elsewhere.write_text("")
    path.symlink_to(elsewhere)
    switch(path, Disk(), enabled=False)
    assert path.is_symlink()
    assert read(elsewhere).enabled is False


def test_a_variable_wins_over_the_user_and_the_user_over_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each key on its own: the environment's, else the user's, else the first of the machine's files; each is named."""
    folders = {name: tmp_path / name / "evidently" for name in ("user", "near", "far")}
    for name, lines in {
        "user": "wire = 'otlp'\nendpoint = 'https://user.example'",
        "near": "wire = 'ndjson'\ngzip = false",
        "far": "wire = 'payload'\ngzip = true\nflush = 'manual'",
    }.items():
        folders[name].mkdir(parents=True)
        (folders[name] / "config.toml").write_text(f"[telemetry]\n{lines}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", os.pathsep.join(str(tmp_path / name) for name in ("near", "far")))
    found = Settings.of({"EVIDENTLY_TELEMETRY_ENDPOINT": "https://here.example", "EVIDENTLY_TELEMETRY_GZIP": ""})
    assert {key: choice.text for key, choice in found.choices.items()} == {
        "endpoint": "https://here.example",
        "wire": "otlp",
        "gzip": "off",
        "flush": "manual",
    }
    assert found.choices["endpoint"].origin == "EVIDENTLY_TELEMETRY_ENDPOINT"
    assert found.choices["gzip"].origin == f"gzip in {folders['near'] / 'config.toml'}"


@pytest.mark.skipif(sys.platform != "linux", reason="the machine's file lies elsewhere on other systems")
def test_no_variable_hides_the_machines_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever XDG_CONFIG_DIRS names, as desktops set it, the file where README has the machine's is read as well."""
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    paths = [file.path for file in Settings.of({}).site]
    assert paths == [tmp_path / "evidently" / "config.toml", Path("/etc/xdg/evidently/config.toml")]
