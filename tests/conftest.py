"""Each test, and each process it starts, sees a machine that nobody has configured."""

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

# A shared machine is slow at times. Everything else stays as hypothesis sets it: in CI, the same examples in every run.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")

# A job in the background of a shell is started without: what tests interrupt would go on for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_FAIL_ON_SKIP = bool(os.environ.get("EVIDENTLY_TEST_NO_SKIP"))
_SETTINGS = ("EVIDENTLY_", "XDG_")
_SURROUNDINGS = ("DO_NOT_TRACK", "CI", "GITHUB_ACTIONS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _fresh_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in os.environ:
        if name.startswith(_SETTINGS) or name.upper() in _SURROUNDINGS:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test may be skipped for who or where it runs ("only root can ..."), never for want of a tool."""
    report = yield
    if _FAIL_ON_SKIP and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith("only "):
            report.outcome, report.longrepr = "failed", f"skipped where nothing may be missing: {reason}"
    return report
