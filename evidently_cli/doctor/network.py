"""Can events get to the endpoint: its address, the proxy on the way, and, for those who ask, the endpoint itself."""

import re
import sys
from datetime import timedelta
from urllib.parse import urlsplit

from evidently_cli.config_file import VARIABLES
from evidently_cli.doctor.check import Check, command, error, export, ok, skipped, warning
from evidently_cli.doctor.facts import Facts
from evidently_cli.output import duration, local
from spool.probe import Probe

_MOST_SKEW = timedelta(minutes=5)
_EXPIRES_SOON = timedelta(days=14)
_NO_SUCH_METHOD = {404, 405, 501}  # what a server that knows only POST there says to HEAD
_WANTS_TOKEN = {401, 403}
_REDIRECT, _CLIENT_ERROR, _SERVER_ERROR, _PROXY_LOGIN = 300, 400, 500, 407


def endpoint(facts: Facts) -> Check:
    """Whether one is set, and everything that goes with it is of use."""
    seen = facts.endpoint
    if seen.shown is None and not facts.recording:
        return ok("endpoint", "none is set")
    if seen.shown is None:
        return warning("endpoint", "none is set: events wait here, within the bounds of the spool",
                       export(VARIABLES["endpoint"], "https://collector.example/events"))  # fmt: skip
    if seen.complaint:
        return error("endpoint", seen.complaint, _mend(seen.complaint, seen.shown))
    return ok("endpoint", seen.shown)


def proxy(facts: Facts) -> Check:
    """Whether requests go through one."""
    seen = facts.endpoint
    if seen.shown is None or seen.complaint:
        return skipped("proxy", "no endpoint can be used")
    if seen.proxy is None:
        named = [name for name in seen.proxies if name.lower() != "no_proxy"]
        return ok("proxy", f"none for this endpoint, in spite of {named[0]}" if named else "none")
    if seen.no_socks:
        says = f"{seen.proxy} speaks SOCKS: that takes another package"
        return error("proxy", says, command("pipx", "inject", "evidently-cli", "pysocks"))
    scheme = urlsplit(seen.shown).scheme
    variable = next((name for name in seen.proxies if name.lower() in {f"{scheme}_proxy", "all_proxy"}), None)
    if not seen.proxy:
        says = f"{variable or 'the proxy'} holds no address: it is one like http://proxy.example:3128"
        return error("proxy", says, f"unset {variable}" if variable else None)
    return ok("proxy", seen.proxy + (f" ({variable})" if variable else ""))


def reachable(facts: Facts) -> Check:
    """Whether the endpoint answers. Whatever it answers, it is there: only a POST shows what it thinks of events."""
    probe, says = _asked(facts)
    if probe is None:
        return skipped("reachable", says)
    if probe.failure == "tls":
        return skipped("reachable", "see `certificate`")
    if probe.failure:
        return error("reachable", probe.reason, _mend_way(facts, probe))
    status = probe.status or 0
    answered = f"answers HTTP {status}"
    if status == _PROXY_LOGIN:
        return error("reachable", f"the proxy {answered}: it wants a login")
    if status >= _SERVER_ERROR and status not in _NO_SUCH_METHOD:
        return warning("reachable", f"{answered}: it has a fault of its own, or is overloaded")
    if _REDIRECT <= status < _CLIENT_ERROR:
        return warning("reachable", f"{answered}, a redirect, which no event would follow: is the address right?",
                       f"curl --head {facts.endpoint.shown}")  # fmt: skip
    if status in _WANTS_TOKEN:
        return ok("reachable", f"{answered} to HEAD without the token: it is there")
    if status in _NO_SUCH_METHOD:
        return ok("reachable", f"{answered} to HEAD, as one that knows only POST may: it is there")
    return ok("reachable", answered)


def certificate(facts: Facts) -> Check:
    """Whether the endpoint proves who it is, and for how long."""
    probe, says = _asked(facts)
    if probe is None:
        return skipped("certificate", says)
    if probe.failure == "tls":
        return error("certificate", f"the certificate or the encryption failed: {probe.reason}", _mend_trust(probe))
    if probe.failure:
        return skipped("certificate", "see `reachable`")
    if probe.expires is None:
        return skipped("certificate", "http to this very machine, or accepted without encryption")
    until = f"valid until {local(probe.expires)}"
    if probe.expires - probe.asked < _EXPIRES_SOON:
        return warning("certificate", f"{until}: its operator has to renew it soon")
    return ok("certificate", until)


def clock(facts: Facts) -> Check:
    """Whether this machine's clock agrees with the endpoint's."""
    probe, says = _asked(facts)
    if probe is None:
        return skipped("clock", says)
    if probe.failure:
        return skipped("clock", f"see `{'certificate' if probe.failure == 'tls' else 'reachable'}`")
    if probe.date is None:
        return skipped("clock", "the endpoint did not say what time it is")
    skew = probe.asked - probe.date
    if abs(skew) <= _MOST_SKEW:
        return ok("clock", f"agrees with the endpoint's, {local(probe.date)}")
    side = "ahead of" if skew > timedelta(0) else "behind"
    says = (
        f"{duration(abs(skew).total_seconds())} {side} the endpoint's: {local(probe.asked)} here, "
        f"{local(probe.date)} there"
    )
    mends = {
        "linux": "sudo timedatectl set-ntp true",
        "darwin": "sudo sntp -sS time.apple.com",
        "win32": "w32tm /resync",
    }
    return warning("clock", says, mends.get(sys.platform))


def _asked(facts: Facts) -> tuple[Probe | None, str]:
    """Return what was seen, or why nobody was asked."""
    if facts.endpoint.probe is not None:
        return facts.endpoint.probe, ""
    if not facts.asked:
        return None, "only with --network"
    if not facts.recording:
        return None, "telemetry is off: nobody is contacted"
    return None, "no endpoint can be used"


def _mend(complaint: str, shown: str) -> str | None:
    """Return the command that ends a complaint of `Delivery`."""
    if private := re.search(r"others may read (.+): chmod 600", complaint):
        return command("chmod", "600", private[1])
    if variable := re.match(r"EVIDENTLY_[A-Z_]+", complaint):
        return f"unset {variable[0]}"
    if file := re.match(r"[a-z_]+ in (/.+?config\.toml)", complaint):
        return f"${{EDITOR:-vi}} {command(file[1])}"
    if "unencrypted" in complaint or "not encrypted" in complaint:
        secure = f"https://{shown.partition('://')[2]}"
        return None if secure.endswith("?…") else export(VARIABLES["endpoint"], secure)  # what is hidden would be lost
    return None if shown else export(VARIABLES["endpoint"], "https://collector.example/events")


def _mend_way(facts: Facts, probe: Probe) -> str | None:
    if probe.failure == "proxy":
        return f"curl --verbose --head {facts.endpoint.shown}"
    if probe.failure == "name":
        return f"getent hosts {urlsplit(facts.endpoint.shown or '').hostname}"
    return None


def _mend_trust(probe: Probe) -> str | None:
    """An unknown authority can be made known; what else is wrong with a certificate is its operator's to mend."""
    unknown = "self-signed" in probe.reason or "issuer" in probe.reason
    return export(VARIABLES["ca_bundle"], "/path/to/authority.pem") if unknown else None
