"""Everything that the environment and the config files decide, as one frozen value."""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from evidently_cli.config_file import VARIABLES, ConfigFile, read
from evidently_cli.consent import Consent, decide
from spool import Spool, UnavailableError
from spool.bounds import Bounds

SOURCE = "evidently-cli"  # who we are, in each record and each request
DEFAULT_ENDPOINT: str | None = None  # for packagers; upstream names none, and events then wait in the spool
FLUSHER = "EVIDENTLY_TELEMETRY_FLUSHER"  # set in the background flush: it starts no other
_BOUNDS = ("EVIDENTLY_SPOOL_MAX_MIB", "EVIDENTLY_SPOOL_MAX_DAYS")
MOST_BOUND = 1_000_000  # mebibytes, days
# Where an administrator's file is read whatever XDG_CONFIG_DIRS says: desktops set it, and so could a user.
_FIXED = {"linux": ("/etc/xdg/evidently",), "darwin": ("/Library/Application Support/evidently",)}


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting's text, and who chose it: "EVIDENTLY_TELEMETRY_WIRE", "wire in /etc/xdg/evidently/config.toml"."""

    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What the telemetry of one run goes by.

    `choices` has a choice for each key of a config file that somebody chose: an environment variable wins over the
    user's file, and that over the machine's. `spool` is the spool's directory, `marks` the directory of the tool's own
    marks beside it, `site` and `user` the config files, which need not exist.
    """

    consent: Consent
    spool: Path
    marks: Path
    bounds: Bounds
    choices: Mapping[str, Choice]
    site: tuple[ConfigFile, ...]
    user: ConfigFile

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Read what was set up; nothing is created. UnavailableError without a home."""
        import platformdirs

        spool = environment.get("EVIDENTLY_SPOOL_DIR")
        try:
            state = platformdirs.user_state_path("evidently", appauthor=False)
            place = Path(spool).expanduser().absolute() if spool else state / "spool"
            user = platformdirs.user_config_path("evidently", appauthor=False)
            site = platformdirs.site_config_dir("evidently", appauthor=False, multipath=True)
        except (RuntimeError, OSError) as error:  # no home directory, or no working directory
            raise UnavailableError(
                f"there is no place for a spool ({error}): name an absolute one in EVIDENTLY_SPOOL_DIR"
            ) from error
        folders = dict.fromkeys([*site.split(os.pathsep), *_FIXED.get(sys.platform, ())])
        for_all = tuple(read(Path(folder, "config.toml")) for folder in folders)
        for_one = read(user / "config.toml")
        return cls(
            consent=decide(environment, [*for_all, for_one]),
            spool=place,
            marks=state,
            bounds=_bounds(environment),
            choices=_choices(environment, [for_one, *for_all]),
            site=for_all,
            user=for_one,
        )

    @property
    def endpoint(self) -> str | None:
        """Where events are delivered, or None."""
        choice = self.choices.get("endpoint")
        return choice.text if choice else DEFAULT_ENDPOINT

    def starts_flushes(self, environment: Mapping[str, str]) -> bool:
        """Whether a run may start a background flush: whoever sets anything but "background" wants none."""
        choice = self.choices.get("flush")
        return (choice is None or choice.text.strip().lower() == "background") and FLUSHER not in environment

    def open_spool(self) -> Spool:
        """Return the spool of this tool; nothing is touched."""
        return Spool(self.spool, source=SOURCE, bounds=self.bounds)


def in_ci(environment: Mapping[str, str]) -> bool:
    """Whether this is a build server's, where nobody reads a notice."""
    return environment.get("CI", "").lower() not in {"", "0", "false"}


def _choices(environment: Mapping[str, str], files: Iterable[ConfigFile]) -> dict[str, Choice]:
    """Merge by precedence, `files` first to last; what is empty is not chosen."""
    choices: dict[str, Choice] = {}
    for key, variable in VARIABLES.items():
        found = [Choice(environment.get(variable, ""), variable)]
        found += [Choice(file.choices.get(key, ""), f"{key} in {file.path}") for file in files]
        chosen = next((choice for choice in found if choice.text), None)
        if chosen:
            choices[key] = chosen
    return choices


def _bounds(environment: Mapping[str, str]) -> Bounds:
    """What is no positive number, or a huge one, counts as not set: a bound is no reason to lose an event."""
    usual = Bounds()
    mebibytes, days = (_positive(environment.get(name)) for name in _BOUNDS)
    return Bounds(
        octets=int(mebibytes * 1024 * 1024) if mebibytes else usual.octets,
        age=timedelta(days=days) if days else usual.age,
    )


def unusable_bounds(environment: Mapping[str, str]) -> list[str]:
    """Name the variables that are set to no number that may be a bound: the usual one holds in their place."""
    return [name for name in _BOUNDS if environment.get(name) and _positive(environment[name]) is None]


def _positive(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number <= MOST_BOUND else None  # neither infinite nor not a number
