"""Consent: the truth table."""

import pytest

from evidently_cli.consent import Consent, decide

OFF = ["1", "true", "TRUE", "yes", "on", "2", "-1", "anything", "disable"]
ON = ["", "0", "false", "False", "NO", "no", "off", "OFF", " ", " 0 "]


def test_without_a_setting_it_is_on() -> None:
    """An empty environment gives consent, by default."""
    assert decide({}) == Consent(given=True, decided_by="default")


@pytest.mark.parametrize("name", ["EVIDENTLY_DISABLE_TELEMETRY", "DO_NOT_TRACK"])
@pytest.mark.parametrize("value", OFF)
def test_a_variable_switches_it_off(name: str, value: str) -> None:
    """Either variable, set to anything but empty, 0, false, no or off, switches telemetry off and is named."""
    assert decide({name: value}) == Consent(given=False, decided_by=f"{name}={value}")


@pytest.mark.parametrize("name", ["EVIDENTLY_DISABLE_TELEMETRY", "DO_NOT_TRACK"])
@pytest.mark.parametrize("value", ON)
def test_these_values_leave_it_on(name: str, value: str) -> None:
    """Empty, 0, false, no and off, in any case, leave it on."""
    assert decide({name: value}).given


@pytest.mark.parametrize("first", ["1", "0", None])
@pytest.mark.parametrize("second", ["1", "0", None])
def test_one_is_enough(first: str | None, second: str | None) -> None:
    """It is off when one of them says so, whatever the other says; the first that does is named."""
    settings = {"EVIDENTLY_DISABLE_TELEMETRY": first, "DO_NOT_TRACK": second}
    consent = decide({name: value for name, value in settings.items() if value is not None})
    assert consent.given == ("1" not in (first, second))
    if first == "1":
        assert consent.decided_by == "EVIDENTLY_DISABLE_TELEMETRY=1"
    elif second == "1":
        assert consent.decided_by == "DO_NOT_TRACK=1"
