"""Consent: the truth table."""

from itertools import product
from pathlib import Path

import pytest

from evidently_cli.config_file import ConfigFile
from evidently_cli.consent import Consent, decide

OFF = ["1", "true", "TRUE", "yes", "on", "2", "-1", "anything", "disable"]
NO = {"says no", "cannot be read"}
ON = ["", "0", "false", "False", "NO", "no", "off", "OFF", " ", " 0 "]


def test_without_a_setting_it_is_on() -> None:
    """An empty environment gives consent, by default."""
    assert decide({}, []) == Consent(given=True, decided_by="default")


@pytest.mark.parametrize("name", ["EVIDENTLY_DISABLE_TELEMETRY", "DO_NOT_TRACK"])
@pytest.mark.parametrize("value", OFF)
def test_a_variable_switches_it_off(name: str, value: str) -> None:
    """Either variable, set to anything but empty, 0, false, no or off, switches telemetry off and is named."""
    assert decide({name: value}, []) == Consent(given=False, decided_by=f"{name}={value}")


@pytest.mark.parametrize("name", ["EVIDENTLY_DISABLE_TELEMETRY", "DO_NOT_TRACK"])
@pytest.mark.parametrize("value", ON)
def test_these_values_leave_it_on(name: str, value: str) -> None:
    """Empty, 0, false, no and off, in any case, leave it on."""
    assert decide({name: value}, []).given


def test_a_long_value_is_named_by_its_beginning() -> None:
    """What somebody pasted into a variable by mistake is not repeated as a whole."""
    assert decide({"DO_NOT_TRACK": "x" * 1000}, []).decided_by == f"DO_NOT_TRACK={'x' * 40}"


SITE, USER = Path("/etc/xdg/evidently/config.toml"), Path("/home/me/.config/evidently/config.toml")
VARIABLE = {"says no": "1", "says yes": "0", "says nothing": None}
FILE = {
    "says no": {"enabled": False},
    "says yes": {"enabled": True},
    "says nothing": {},
    "is missing": {"exists": False},
    "cannot be read": {"complaint": "line 3"},
}


@pytest.mark.parametrize("ours, theirs, site, user", list(product(VARIABLE, VARIABLE, FILE, FILE)))
def test_one_refusal_is_enough(ours: str, theirs: str, site: str, user: str) -> None:
    """Off when one of the four refuses, whatever the others say, and the first that does is named; else on."""
    settings = {"EVIDENTLY_DISABLE_TELEMETRY": VARIABLE[ours], "DO_NOT_TRACK": VARIABLE[theirs]}
    files = [ConfigFile(SITE, **FILE[site]), ConfigFile(USER, **FILE[user])]  # type: ignore[arg-type]
    consent = decide({name: value for name, value in settings.items() if value is not None}, files)
    names = ("EVIDENTLY_DISABLE_TELEMETRY=1", "DO_NOT_TRACK=1", str(SITE), str(USER))
    refusals = [name for name, says in zip(names, (ours, theirs, site, user), strict=True) if says in NO]
    assert consent.given == (not refusals)
    if refusals:
        assert consent.decided_by.partition(": ")[0] == refusals[0]
    else:
        said = [name for name, says in ((str(USER), user), (str(SITE), site)) if says == "says yes"]
        assert consent.decided_by == [*said, "default"][0]
