"""Where events go and how they travel: what the user has set up, checked before anything is sent."""

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evidently_cli import __version__
from evidently_cli.settings import SOURCE, Settings
from spool.disk import open_to_read

if TYPE_CHECKING:
    from spool.http import HttpTransport

ENDPOINT = "EVIDENTLY_TELEMETRY_ENDPOINT"
WIRE = "EVIDENTLY_TELEMETRY_WIRE"
GZIP = "EVIDENTLY_TELEMETRY_GZIP"
INSECURE = "EVIDENTLY_TELEMETRY_INSECURE"
TOKEN = "EVIDENTLY_TELEMETRY_TOKEN"  # noqa: S105 - a name
TOKEN_FILE = "EVIDENTLY_TELEMETRY_TOKEN_FILE"  # noqa: S105 - a name
CA_BUNDLE = "EVIDENTLY_TELEMETRY_CA_BUNDLE"

_NO = {"0", "false", "no", "off"}
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
        """Read from the environment how events are to be sent. Nothing is contacted."""
        from spool.endpoint import shown

        address = settings.endpoint or ""
        bundle = environment.get(CA_BUNDLE)
        token, token_complaint = _token(environment)
        return cls(
            address=address,
            endpoint=shown(address) if address else None,
            wire=environment.get(WIRE) or "json",
            compress=environment.get(GZIP, "").lower() not in _NO,
            ca_bundle=Path(bundle).expanduser() if bundle else None,
            token=token,
            complaint=_complaint(address, environment, has_token=token is not None) or token_complaint,
        )

    def transport(self) -> "HttpTransport":
        """Return what sends events so."""
        from spool import WIRE_FORMATS
        from spool.http import HttpTransport

        return HttpTransport(
            self.address,
            WIRE_FORMATS[self.wire],
            user_agent=f"{SOURCE}/{__version__}",
            compress=self.compress,
            token=self.token,
            ca_bundle=self.ca_bundle,
        )


def _complaint(address: str, environment: Mapping[str, str], *, has_token: bool) -> str | None:
    from spool import WIRE_FORMATS
    from spool.endpoint import insecure

    wire = environment.get(WIRE) or "json"
    if wire not in WIRE_FORMATS:
        return f"{WIRE} is {wire[:40]!r}: it may be {', '.join(WIRE_FORMATS)}"
    if not address:
        return f"No endpoint is set: {ENDPOINT} names one, and until then the events stay here"
    accepted = environment.get(INSECURE, "").lower() not in {"", *_NO}
    if reason := insecure(address, allowed=accepted):
        return reason
    if has_token and insecure(address):
        return "a token is not sent over an unencrypted connection: use https"
    bundle = environment.get(CA_BUNDLE)
    if bundle and not Path(bundle).expanduser().is_file():
        return f"{CA_BUNDLE} names no file: {bundle}"
    return None


def _token(environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the bearer token, or why the one that is set cannot be used; the token is in no message."""
    if text := environment.get(TOKEN):
        return _checked(text, TOKEN)
    if not (name := environment.get(TOKEN_FILE)):
        return None, None
    path = Path(name).expanduser().resolve()  # a link to the file is fine
    try:
        with os.fdopen(open_to_read(path), "rb") as file:
            entry = os.fstat(file.fileno())
            if not stat.S_ISREG(entry.st_mode):
                return None, f"{TOKEN_FILE} names no file: {path}"
            if sys.platform != "win32" and (entry.st_mode & 0o077 or entry.st_uid not in {os.geteuid(), 0}):
                return None, f"others may read {path}: chmod 600 it, and it must be yours"
            content = file.read(_MOST_TOKEN + 1)
    except (OSError, ValueError) as error:
        return None, f"the token file {path} cannot be read: {getattr(error, 'strerror', None) or error}"
    return _checked(content.decode("latin-1"), str(path))


def _checked(text: str, origin: str) -> tuple[str | None, str | None]:
    from spool.endpoint import is_token

    token = text.strip()
    if is_token(token) and len(token) <= _MOST_TOKEN:
        return token, None
    return None, f"{origin} holds no token: it is one word of ASCII letters, digits and signs"
