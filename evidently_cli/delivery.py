"""Where events go and how they travel: what the user has set up, checked before anything is sent."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evidently_cli import __version__
from evidently_cli.config_file import VARIABLES
from evidently_cli.consent import NO
from evidently_cli.output import MISCONFIGURED, CommandError
from evidently_cli.settings import SOURCE, Choice, Settings
from spool.disk import open_to_read
from spool.platforms import here

if TYPE_CHECKING:
    from spool.http import HttpTransport

INSECURE = "EVIDENTLY_TELEMETRY_INSECURE"
TOKEN = "EVIDENTLY_TELEMETRY_TOKEN"  # noqa: S105 - a name
_MOST_TOKEN = 8192  # bytes; no server takes a longer header


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    How events would be sent. `complaint` says why nothing can be, if so.

    `endpoint` is the address fit to be shown; the address itself may hold a password in its query.
    """

    address: str
    endpoint: str | None
    wire: str
    compress: bool
    ca_bundle: Path | None
    token: str | None
    complaint: str | None

    @classmethod
    def of(cls, environment: Mapping[str, str], settings: Settings) -> "Delivery":
        """Check how events are to be sent. Nothing is contacted."""
        from spool.endpoint import shown

        address = settings.endpoint or ""
        wire, gzip, bundle = map(settings.choices.get, ("wire", "gzip", "ca_bundle"))
        token, token_complaint = _token(environment, settings.choices.get("token_file"))
        return cls(
            address=address,
            endpoint=shown(address) if address else None,
            wire=wire.text if wire else "json",
            compress=gzip is None or gzip.text.strip().lower() not in NO,
            ca_bundle=_expanded(bundle.text) if bundle else None,
            token=token,
            complaint=_wire(wire)
            or _address(address, environment, has_token=token is not None)
            or _bundle(bundle)
            or token_complaint,
        )

    def transport(self) -> "HttpTransport":
        """Return what sends events so, and what builds their requests even where none can be sent."""
        from spool import WIRE_FORMATS
        from spool.http import HttpTransport

        if self.wire not in WIRE_FORMATS:
            raise CommandError(self.complaint or self.wire, MISCONFIGURED)
        return HttpTransport(
            self.address,
            WIRE_FORMATS[self.wire],
            user_agent=f"{SOURCE}/{__version__}",
            compress=self.compress,
            token=self.token,
            ca_bundle=self.ca_bundle,
        )


def _wire(choice: Choice | None) -> str | None:
    from spool import WIRE_FORMATS

    if choice is None or choice.text in WIRE_FORMATS:
        return None
    return f"{choice.origin} is {choice.text[:40]!r}: it may be {', '.join(WIRE_FORMATS)}"


def _address(address: str, environment: Mapping[str, str], *, has_token: bool) -> str | None:
    from spool.endpoint import insecure

    if not address:
        return f"No endpoint is set: {VARIABLES['endpoint']} names one, and until then the events stay here"
    accepted = environment.get(INSECURE, "").strip().lower() not in NO
    if reason := insecure(address, allowed=accepted):
        return reason
    if has_token and insecure(address):
        return "a token is not sent over an unencrypted connection: use https"
    return None


def _bundle(choice: Choice | None) -> str | None:
    from spool.certificates import unusable

    if choice is None:
        return None
    if not os.path.isfile(_expanded(choice.text)):  # noqa: PTH113 - no error where we may not look
        return f"{choice.origin} names no file: {choice.text}"
    return unusable(_expanded(choice.text))


def _expanded(text: str) -> Path:
    """Return the path that starts in a home directory, if there is one: else it names no file, and that is told."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - no error for an unknown user


def _token(environment: Mapping[str, str], file: Choice | None) -> tuple[str | None, str | None]:
    """Return the bearer token, or why the one that is set cannot be used; the token is in no message."""
    if text := environment.get(TOKEN):
        return _checked(text, TOKEN)
    if file is None:
        return None, None
    path = Path(os.path.realpath(_expanded(file.text)))  # a link to the file is fine
    try:
        with os.fdopen(open_to_read(path), "rb") as content:
            entry = os.fstat(content.fileno())
            if not stat.S_ISREG(entry.st_mode):
                return None, f"{file.origin} names no file: {path}"
            if here.others_may_read(entry):
                return None, f"others may read {path}: chmod 600 it, and it must be yours"
            text = content.read(_MOST_TOKEN + 1).decode("latin-1")
    except (OSError, ValueError) as error:
        return None, f"the token file {path} cannot be read: {getattr(error, 'strerror', None) or error}"
    return _checked(text, str(path))


def _checked(text: str, origin: str) -> tuple[str | None, str | None]:
    from spool.endpoint import is_token

    token = text.strip()
    if is_token(token) and len(token) <= _MOST_TOKEN:
        return token, None
    return None, f"{origin} holds no token: it is one word of ASCII letters, digits and signs"
