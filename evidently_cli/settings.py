"""Everything that the environment decides, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evidently_cli.consent import Consent, decide

DEFAULT_ENDPOINT: str | None = None  # for packagers; upstream names none, and events then wait in the spool
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
    endpoint: str | None
    background: bool

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings from environment variables; nothing is created."""
        import platformdirs

        state = platformdirs.user_state_path("evidently", appauthor=False)
        spool = environment.get("EVIDENTLY_SPOOL_DIR")
        return cls(
            consent=decide(environment),
            spool=Path(spool).expanduser().absolute() if spool else state / "spool",
            marks=state,
            endpoint=environment.get("EVIDENTLY_TELEMETRY_ENDPOINT") or DEFAULT_ENDPOINT,
            background=environment.get("EVIDENTLY_TELEMETRY_FLUSH") != "manual" and FLUSHER not in environment,
        )
