"""May we record, may we send, and who decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evidently_cli.config_file import ConfigFile

NO = {"", "0", "false", "no", "off"}
_VARIABLES = ("EVIDENTLY_DISABLE_TELEMETRY", "DO_NOT_TRACK")


@dataclass(frozen=True, slots=True)
class Consent:
    """The decision, and the setting that made it; both are off or on together."""

    given: bool
    decided_by: str


def refused(environment: Mapping[str, str]) -> Consent | None:
    """
    Return the refusal that an environment holds, or None.

    EVIDENTLY_DISABLE_TELEMETRY or DO_NOT_TRACK refuses when it is set to anything but empty, 0, false, no or off, in
    any case; the first of them that does is named.
    """
    for name in _VARIABLES:
        value = environment.get(name, "")
        if value.strip().lower() not in NO:
            return Consent(given=False, decided_by=f"{name}={value[:40]}")
    return None


def decide(environment: Mapping[str, str], files: Iterable[ConfigFile]) -> Consent:
    """
    Return the consent that an environment and some config files give; `files` has the machine's before the user's.

    One refusal is enough, and the first is named. A file that cannot be understood refuses: it may be meant to.
    """
    refusal = refused(environment)
    if refusal is not None:
        return refusal
    decided_by = "default"
    for file in files:
        if file.complaint is not None:
            return Consent(given=False, decided_by=f"{file.path}: {file.complaint}")
        if file.enabled is False:
            return Consent(given=False, decided_by=str(file.path))
        if file.enabled:
            decided_by = str(file.path)
    return Consent(given=True, decided_by=decided_by)
