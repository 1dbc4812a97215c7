"""What one look at an endpoint has shown, without a record being sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Failure = Literal["name", "refused", "tls", "proxy", "time", "other"]


@dataclass(frozen=True, slots=True)
class Probe:
    """
    What an endpoint answered, or why it did not: then `failure` is the kind and `reason` says it in words.

    `asked` is the instant, by our clock, half-way between question and answer; `date` is what the endpoint's clock said
    then. `expires` is the end of its certificate. Times are UTC.
    """

    asked: datetime
    status: int | None = None
    date: datetime | None = None
    expires: datetime | None = None
    failure: Failure | None = None
    reason: str = ""
