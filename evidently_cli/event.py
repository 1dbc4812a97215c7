"""The event of one run: the documented fields, and nothing that a user typed."""

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evidently_cli import __version__

if TYPE_CHECKING:
    from evidently_cli.report import Config, Sampling

TYPE = "evidently.cli.run.v1"


@dataclass(frozen=True, slots=True)
class SamplingUsage:
    """How one file was sampled: only the kind and its numbers."""

    type: Literal["none", "nth", "random"] = "none"
    ratio: float = 1.0
    n: int = 1
    random_seed: int | None = None

    @classmethod
    def of(cls, sampling: "Sampling") -> "SamplingUsage":
        """Return the part of a sampling that is recorded."""
        return cls(sampling.type, sampling.ratio, sampling.n, sampling.random_seed)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run did. `sections` are ids out of the seven known ones, in the order of the config."""

    type: Literal["profile", "report"]
    sections: Sequence[str]
    reference: SamplingUsage
    current: SamplingUsage

    @classmethod
    def of(cls, kind: Literal["profile", "report"], config: "Config") -> "Usage":
        """Return what a run with this config does."""
        reference, current = config.sampling.reference, config.sampling.current
        return cls(kind, config.sections(kind), SamplingUsage.of(reference), SamplingUsage.of(current))


def environment() -> dict[str, object]:
    """Describe this machine and interpreter; every value comes from Python, none from the user."""
    return {
        "os": _system(),
        "python": {
            "version": platform.python_version(),
            "interpreter": platform.python_implementation(),
            "conda": os.path.isdir(f"{sys.base_prefix}/conda-meta"),  # noqa: PTH112 - no error where we may not look
            "venv": sys.prefix != sys.base_prefix,
        },
    }


def _system() -> str:
    """
    Return `platform.platform()` to the letter, without the process that it would start: `uname -p`.

    That one is looked for on the user's PATH, takes as long as all the rest, and tells what the machine's name does.
    """
    known = platform.uname()
    of_macos = {"arm64": "arm", "x86_64": "i386"} if sys.platform == "darwin" else {}
    vars(known).setdefault("processor", of_macos.get(known.machine, known.machine))  # a cached property
    return platform.platform()


def build(usage: Usage, environment: dict[str, object], version: str = __version__) -> dict[str, object]:
    """
    Put together the event of a run, in the documented shape.

    >>> build(usage, environment())["usage"]["parts"]
    ['data_drift']
    """
    sections = list(usage.sections)
    return {
        "environment": environment,
        "evidently": {"version": version},
        "usage": {
            "type": usage.type,
            "parts": sections if usage.type == "profile" else [],
            "tabs": sections if usage.type == "report" else [],
            "sampling": {"reference": _sampling(usage.reference), "current": _sampling(usage.current)},
        },
    }


def extensions(firsts: Iterable[str]) -> dict[str, str] | None:
    """Return what the envelope says besides the event: of which month, week and day this run is the first."""
    text = ",".join(firsts)
    return {"firstof": text} if text else None


def _sampling(usage: SamplingUsage) -> dict[str, object]:
    return {"type": usage.type, "ratio": str(usage.ratio), "n": str(usage.n), "random_seed": usage.random_seed}
