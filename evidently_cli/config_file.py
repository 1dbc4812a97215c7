"""`config.toml`: what the user, or whoever looks after the machine, has set up for telemetry."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spool.disk import Disk

VARIABLES = {
    "endpoint": "EVIDENTLY_TELEMETRY_ENDPOINT",
    "wire": "EVIDENTLY_TELEMETRY_WIRE",
    "gzip": "EVIDENTLY_TELEMETRY_GZIP",
    "token_file": "EVIDENTLY_TELEMETRY_TOKEN_FILE",
    "ca_bundle": "EVIDENTLY_TELEMETRY_CA_BUNDLE",
    "flush": "EVIDENTLY_TELEMETRY_FLUSH",
}
_PATHS = {"token_file", "ca_bundle"}
_SWITCHES = {"enabled", "gzip"}  # all others are texts
_MOST = 64 * 1024  # bytes


class _MistakeError(ValueError):
    """What is TOML, and not what we can go by."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """
    One file. `enabled` is None where it says nothing, `complaint` says why it could not be understood, if so.

    `choices` has what it sets, by key, in the words that the environment variables of VARIABLES take.
    """

    path: Path
    exists: bool = True
    enabled: bool | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    complaint: str | None = None


def read(path: Path) -> ConfigFile:
    """Read a config file; one that is not there says nothing. Never raises: what is wrong is the file's complaint."""
    try:
        text = _text(path)
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():  # somebody has one, on a disk that is not there
            return ConfigFile(path, complaint="it is a link to nothing")
        return ConfigFile(path, exists=False)
    except (OSError, ValueError) as error:
        return ConfigFile(path, complaint=f"it cannot be read ({getattr(error, 'strerror', None) or error})")
    import tomllib  # for those who have such a file

    try:
        enabled, choices = _checked(tomllib.loads(text), path.parent)
    except RecursionError:
        return ConfigFile(path, complaint="it is nested too deeply")
    except (ValueError, RuntimeError) as error:  # RuntimeError: the home of "~somebody" is not known
        return ConfigFile(path, complaint=str(error))
    return ConfigFile(path, enabled=enabled, choices=choices)


def switch(path: Path, disk: Disk, *, enabled: bool) -> None:
    """
    Write into the user's file whether telemetry is on; all else in it stays, comments too.

    ValueError when the file is no TOML, OSError when it cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = Path(os.path.realpath(path))  # those who keep it elsewhere have a link here
    try:
        document = tomlkit.parse(_text(path))
    except FileNotFoundError:
        document = tomlkit.document()
        document.add(tomlkit.comment("The telemetry of evidently; its README lists the keys."))
    except TOMLKitError as error:  # not all of them are ValueErrors
        raise _MistakeError(str(error)) from error
    if not isinstance(document.setdefault("telemetry", tomlkit.table()), dict):
        raise _MistakeError("[telemetry] is no table")
    document["telemetry"]["enabled"] = enabled
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    disk.unlink(temporary)  # in a container, the process that left it may have had our number
    disk.publish(tomlkit.dumps(document).encode(), temporary, path)


def _text(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no file")
        content = file.read(_MOST + 1)
    if len(content) > _MOST:
        raise ValueError("it is larger than 64 KiB")
    return content.decode("utf-8-sig")


def _checked(document: Mapping[str, Any], folder: Path) -> tuple[bool | None, dict[str, str]]:
    """Return `enabled`, and the other keys as text; relative paths are meant from where the file is."""
    if strange := document.keys() - {"telemetry"}:  # [telemetrie], or a key outside of any table, may be meant as a no
        raise _MistakeError(f"it has a {min(strange)[:40]!r}, and should have nothing but [telemetry]")
    table = document.get("telemetry", {})
    if not isinstance(table, dict):
        raise _MistakeError("[telemetry] is no table")
    for key, value in table.items():
        if key not in {"enabled", *VARIABLES}:
            raise _MistakeError(f"[telemetry] knows no {key[:40]!r}: it may have enabled, {', '.join(VARIABLES)}")
        if key in _SWITCHES and not isinstance(value, bool):
            raise _MistakeError(f"{key} is neither true nor false")
        if key not in _SWITCHES and not isinstance(value, str):
            raise _MistakeError(f"{key} is no text in quotes")
        if "\0" in str(value):
            raise _MistakeError(f"{key} holds a NUL")
    choices: dict[str, str] = {key: value for key, value in table.items() if key not in _SWITCHES and value}
    for key in _PATHS & choices.keys():
        choices[key] = str(folder / Path(choices[key]).expanduser())
    if "gzip" in table:
        choices["gzip"] = "on" if table["gzip"] else "off"
    return table.get("enabled"), choices
