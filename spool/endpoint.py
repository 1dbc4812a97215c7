"""The endpoint's address: may records be sent there, and how much of it may be shown."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from spool.record import printable


def insecure(url: str, *, allowed: bool = False) -> str | None:
    """
    Return why records must not be sent to this address, or None: `https`, or `http` to this very machine.

    `allowed` is set when the user accepts that they travel unencrypted.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not url.isprintable() or " " in url or parts.scheme not in {"http", "https"}:
        return f"{shown(url)} is not an http or https address"
    if parts.username or parts.password:
        return "the endpoint's address holds a user name or password"
    if parts.scheme == "http" and not allowed and not _loopback(host):
        return f"{shown(url)} is not encrypted: use https"
    return None


def is_local(url: str) -> bool:
    """Whether an address is `http` to this very machine."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and _loopback(parts.hostname or "")
    except ValueError:
        return False


def is_token(text: str) -> bool:
    """Whether a text can be sent as a bearer token: one word of ASCII."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def shown(url: str) -> str:
    """Return an address fit to be shown: a user name, a password and a query, which may hold a token, are left out."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the address"
    scheme = f"{parts.scheme}://" if parts.netloc else ""  # what looks like one in "collector.example:8321" is none
    place = url.partition("//")[2] if parts.netloc else url
    login, _, behind = place.rpartition("@")
    if ":" in login or "/" not in login:  # of a mistyped address, it may hold anything
        place = behind
    return printable(f"{scheme}{re.split('[?#]', place)[0]}{'?…' if parts.query else ''}").strip() or "the address"


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
