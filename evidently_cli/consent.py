"""May we record, may we send, and who decided."""

from collections.abc import Mapping
from dataclasses import dataclass

_VARIABLES = ("EVIDENTLY_DISABLE_TELEMETRY", "DO_NOT_TRACK")
_NO = {"", "0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Consent:
    """The decision, and the setting that made it; both are off or on together."""

    given: bool
    decided_by: str


def decide(environment: Mapping[str, str]) -> Consent:
    """
    Return the consent that an environment gives.

    Off when EVIDENTLY_DISABLE_TELEMETRY or DO_NOT_TRACK is set to anything but empty, 0, false, no or off, in any case;
    the first of them that says so is named.
    """
    for name in _VARIABLES:
        value = environment.get(name, "")
        if value.strip().lower() not in _NO:
            return Consent(given=False, decided_by=f"{name}={value[:40]}")
    return Consent(given=True, decided_by="default")
