"""The event: exactly the documented fields."""

import json
import platform
import subprocess
import sys
from pathlib import Path

from evidently_cli.event import SamplingUsage, Usage, build, environment

DOCUMENTED = """\
{
  "environment": {
    "os": "macOS-11.4-x86_64-i386-64bit",
    "python": {
      "version": "3.8.2",
      "interpreter": "CPython",
      "conda": false,
      "venv": true
    }
  },
  "evidently": {
    "version": "0.1.19.dev0"
  },
  "usage": {
    "type": "profile",
    "parts": [
      "data_drift"
    ],
    "tabs": [],
    "sampling": {
      "reference": {
        "type": "none",
        "ratio": "0.1",
        "n": "1",
        "random_seed": null
      },
      "current": {
        "type": "nth",
        "ratio": "0.1",
        "n": "2",
        "random_seed": null
      }
    }
  }
}"""


def test_the_documented_example() -> None:
    """The event of the example's run is the example of the documentation, byte for byte."""
    usage = Usage("profile", ["data_drift"], SamplingUsage("none", 0.1, 1, None), SamplingUsage("nth", 0.1, 2, None))
    machine: dict[str, object] = {
        "os": "macOS-11.4-x86_64-i386-64bit",
        "python": {"version": "3.8.2", "interpreter": "CPython", "conda": False, "venv": True},
    }
    assert json.dumps(build(usage, machine, "0.1.19.dev0"), indent=2) == DOCUMENTED


def test_a_report_has_tabs() -> None:
    """The sections of a report are its tabs, and its parts are an empty list."""
    event = build(Usage("report", ("data_drift",), SamplingUsage(), SamplingUsage()), {})
    usage = event["usage"]
    assert isinstance(usage, dict)
    assert (usage["type"], usage["parts"], usage["tabs"]) == ("report", [], ["data_drift"])


def test_a_seed_is_a_number() -> None:
    """The seed of a random sampling is in the event as it is, each file's its own; ratio and n are texts."""
    event = build(Usage("profile", (), SamplingUsage("random", 0.5, 1, 7), SamplingUsage("random", 0.25, 1, 0)), {})
    usage = event["usage"]
    assert isinstance(usage, dict)
    assert usage["sampling"] == {
        "reference": {"type": "random", "ratio": "0.5", "n": "1", "random_seed": 7},
        "current": {"type": "random", "ratio": "0.25", "n": "1", "random_seed": 0},
    }


def test_the_environment_is_this_interpreters() -> None:
    """The environment block says what Python says about itself, in the documented fields and no others."""
    system = subprocess.run(
        [sys.executable, "-c", "import platform; print(platform.platform())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert environment() == {
        "os": system.stdout.strip(),
        "python": {
            "version": platform.python_version(),
            "interpreter": platform.python_implementation(),
            "conda": Path(sys.base_prefix, "conda-meta").is_dir(),
            "venv": sys.prefix != sys.base_prefix,
        },
    }
