"""Everything that the environment decides, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from evidently_cli.consent import Consent, decide
from spool import Spool, UnavailableError
from spool.bounds import Bounds

SOURCE = "evidently-cli"  # who we are, in each record and each request
DEFAULT_ENDPOINT: str | None = None  # for packagers; upstream names none, and events then wait in the spool
_MOST = 1_000_000  # mebibytes, days
FLUSHER = "EVIDENTLY_TELEMETRY_FLUSHER"  # set in the background flush: it starts no other


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What the telemetry of one run goes by.

    `spool` is the spool's directory, `marks` the directory of the tool's own marks beside it.
    """

    consent: Consent
    spool: Path
    marks: Path
    bounds: Bounds
    endpoint: str | None
    background: bool

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings from environment variables; nothing is created. UnavailableError without a home."""
        import platformdirs

        spool = environment.get("EVIDENTLY_SPOOL_DIR")
        try:
            state = platformdirs.user_state_path("evidently", appauthor=False)
            place = Path(spool).expanduser().absolute() if spool else state / "spool"
        except (RuntimeError, OSError) as error:  # no home directory, or no working directory
            raise UnavailableError(f"there is no place for a spool ({error}): set EVIDENTLY_SPOOL_DIR") from error
        return cls(
            consent=decide(environment),
            spool=place,
            marks=state,
            bounds=_bounds(environment),
            endpoint=environment.get("EVIDENTLY_TELEMETRY_ENDPOINT") or DEFAULT_ENDPOINT,
            background=environment.get("EVIDENTLY_TELEMETRY_FLUSH") != "manual" and FLUSHER not in environment,
        )

    def open_spool(self) -> Spool:
        """Return the spool of this tool; nothing is touched."""
        return Spool(self.spool, source=SOURCE, bounds=self.bounds)


def _bounds(environment: Mapping[str, str]) -> Bounds:
    """What is no positive number counts as not set: a bound is no reason to lose an event."""
    usual = Bounds()
    mebibytes = _positive(environment.get("EVIDENTLY_SPOOL_MAX_MIB"))
    days = _positive(environment.get("EVIDENTLY_SPOOL_MAX_DAYS"))
    return Bounds(
        octets=int(mebibytes * 1024 * 1024) if mebibytes else usual.octets,
        age=timedelta(days=days) if days else usual.age,
    )


def _positive(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number <= _MOST else None  # neither infinite nor not a number
