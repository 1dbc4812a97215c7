"""What the doctor makes of a machine: any machine, as its facts are plain values."""

import errno
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from evidently_cli.doctor.check import Check
from evidently_cli.doctor.examination import CHECKS, examine
from evidently_cli.doctor.facts import Content, Endpoint, Entry, Facts, Locks, Place, Script, Space
from evidently_cli.doctor.gathering import gather
from evidently_cli.doctor.mounts import mount_of
from evidently_cli.settings import Settings
from spool.bounds import Bounds
from spool.inspection import Pending
from spool.probe import Probe
from spool.prober import proxy_of
from spool.record import new_id
from spool.schedule import Schedule

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
HOME = Path("/home/kim")
SPOOL = HOME / ".local/state/evidently/spool"
UID = 1000
LOCAL = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
HOUR = timedelta(hours=1)
FIX = "evidently telemetry doctor --fix"


def entry(path: Path, kind: str = "file", mode: int = 0o600, uid: int = UID, names: int = 1) -> Entry:
    """A file of the spool."""
    return Entry(path, kind, uid, mode, names)  # type: ignore[arg-type]


ROOT = entry(SPOOL, "directory", 0o700)
ACTIVE = entry(SPOOL / "active.ndjson")
PENDING = Pending(3, 600, NOW - HOUR, NOW, (("<5", 3),), {}, 0, 0)
PLACE = Place(
    spool=SPOOL,
    nearest=SPOOL,
    writable=True,
    marks=SPOOL.parent,
    marks_writable=True,
    home=str(HOME),
    usual_home=str(HOME),
    entries=(ROOT, ACTIVE),
    mounts=LOCAL,
    space=Space(10**10, 10**6),
)
FAILING = Schedule(attempts=2, not_before=NOW + HOUR, last_error="HTTP 401")
CONTENT = Content(locks=Locks("works", "works"), schedule=Schedule(), pending=PENDING)
ENDPOINT = Endpoint(shown="https://collector.example/events")
SCRIPT = Script(("evidently-cli",), HOME / "bin/evidently", ours=True, here=None, python="/usr/bin/python3")
HEALTHY = Facts(
    now=NOW,
    uid=UID,
    bounds=Bounds(),
    recording=True,
    decided_by="default",
    place=PLACE,
    script=SCRIPT,
    content=CONTENT,
    endpoint=ENDPOINT,
)


def facts(**changes: object) -> Facts:
    """A healthy machine but for this: `place_writable=False` changes its place, `content_dead=1` its content."""
    parts: dict[str, dict[str, object]] = {"place": {}, "content": {}, "endpoint": {}, "script": {}}
    for name in list(changes):
        part, _, rest = name.partition("_")
        if part in parts and rest:
            parts[part][rest] = changes.pop(name)
    whole = {part: replace(getattr(HEALTHY, part), **inner) for part, inner in parts.items()}
    return replace(HEALTHY, **{**whole, **changes})  # type: ignore[arg-type]


def found(name: str, **changes: object) -> Check:
    """What one check says of such a machine."""
    [check] = [check for check in examine(facts(**changes)) if check.check == name]
    return check


def test_a_healthy_machine() -> None:
    """Where all is well every check says so in a few words, without a command, or was not asked for."""
    checks = examine(HEALTHY)
    assert {check.state for check in checks} == {"ok", "skipped"}
    assert [check.check for check in checks if check.state == "skipped"] == ["reachable", "certificate", "clock"]
    assert all(check.mend is None for check in checks)
    assert len({check.check for check in checks}) == len(CHECKS)


def test_a_machine_without_a_spool() -> None:
    """Where nothing was ever recorded nothing is wrong."""
    checks = examine(facts(place_entries=(), place_nearest=HOME, content=Content()))
    assert {check.state for check in checks} == {"ok", "skipped"}


def test_windows() -> None:
    """What Windows does not have is skipped."""
    seen = facts(uid=None, place_home=None, place_usual_home=None, place_mounts=None, place_space=None)
    states = {check.check: check.state for check in examine(seen)}
    assert {check for check, state in states.items() if state == "skipped"} >= {"owner", "modes", "filesystem", "space"}
    assert set(states.values()) == {"ok", "skipped"}


MOUNTED = {
    "nfs4": ("warning", "network"),
    "cifs": ("warning", "network"),
    "9p": ("warning", "network"),
    "fuse.sshfs": ("warning", "network"),
    "lustre": ("warning", "network"),
    "overlay": ("warning", "lost with the container"),
    "tmpfs": ("warning", "lost at a reboot"),
    "ramfs": ("warning", "lost at a reboot"),
    "ext4": ("ok", "ext4 on /home"),
    "fuse.ntfs-3g": ("ok", "fuse.ntfs-3g on /home"),
}


@pytest.mark.parametrize("kind", MOUNTED)
def test_file_systems(kind: str) -> None:
    """A file system on a network, in a container or in memory is named, with what that means and a place elsewhere."""
    state, words = MOUNTED[kind]
    check = found("filesystem", place_mounts=f"{LOCAL}30 22 0:9 / /home rw,noatime shared:1 - {kind} x:/y rw\n")
    assert (check.state, words in check.says) == (state, True)
    if kind == "overlay":
        assert check.mend == f"docker run --volume evidently:{SPOOL.parent} IMAGE"
    elif state == "warning":
        assert check.mend == "export EVIDENTLY_SPOOL_DIR=/var/tmp/evidently-1000"


def test_no_place_is_named_that_is_no_better() -> None:
    """Where /var/tmp lies in memory too, it is not offered as the place that survives a reboot."""
    assert found("filesystem", place_mounts="22 1 0:5 / / rw - tmpfs tmpfs rw\n").mend is None


def test_the_longest_mount_point_counts() -> None:
    """Of several mounts above a directory the nearest counts, of two at one point the later, and names may be odd."""
    mounts = (
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "2 1 8:2 / /home rw - xfs /dev/sda2 rw\n"
        "3 1 0:7 / /homes rw - nfs a:/b rw\n"
        r"4 2 0:8 / /home/a\040b\134c rw,x shared:1 master:2 - fuse.sshfs k:/ rw" + "\n"
        "5 1 0:9 / /srv rw - ext4 /dev/sda3 rw\n"
        "6 5 0:6 / /srv rw - tmpfs tmpfs rw\n"
        "no mount at all\n7 8\n"
    )
    kinds = {}
    for directory in ("/", "/home", "/home/kim", "/homes/kim", "/home/a b\\c/d", "/srv/x"):
        mount = mount_of(mounts, PurePosixPath(directory))
        kinds[directory] = mount.kind if mount else None
    assert kinds == {
        "/": "ext4",
        "/home": "xfs",
        "/home/kim": "xfs",
        "/homes/kim": "nfs",
        "/home/a b\\c/d": "fuse.sshfs",
        "/srv/x": "tmpfs",
    }
    assert mount_of("", PurePosixPath("/")) is None


@pytest.mark.parametrize(
    "name, changes, state, mend",
    [
        ("modes", {"place_entries": (ROOT, replace(ACTIVE, mode=0o644))}, "warning", f"chmod 600 {ACTIVE.path}"),
        ("modes", {"place_entries": (replace(ROOT, mode=0o755), ACTIVE)}, "warning", f"chmod 700 {SPOOL}"),
        ("modes", {"place_entries": (replace(ROOT, mode=0o770), ACTIVE)}, "error", f"chmod 700 {SPOOL}"),
        ("modes", {"place_entries": (replace(ROOT, mode=0o500), ACTIVE)}, "error", f"chmod 700 {SPOOL}"),
        ("modes", {"place_entries": (replace(ROOT, mode=0o755), replace(ACTIVE, mode=0o644))}, "warning",
         f"chmod -R u=rwX,go= {SPOOL}"),
        ("modes", {"place_entries": (ROOT, replace(ACTIVE, mode=0o644, names=2))}, "ok", None),
        ("modes", {"place_entries": (ROOT, replace(ACTIVE, mode=0o777, kind="link"))}, "ok", None),
        ("modes", {"place_entries": (replace(ROOT, kind="file", mode=0o644),)}, "skipped", None),  # somebody's own
        ("owner", {"place_entries": (ROOT, replace(ACTIVE, uid=0))}, "error", f"sudo chown -Rh 1000 {SPOOL}"),
        ("place", {"place_entries": (replace(ROOT, kind="link"),), "place_nearest": Path("/data/s")}, "error",
         "export EVIDENTLY_SPOOL_DIR=/data/s"),
        ("place", {"place_entries": (replace(ROOT, kind="file"),)}, "error", f"mv -i {SPOOL} {SPOOL}.old"),
        ("place", {"place_entries": (replace(ROOT, kind="other"),), "place_chosen": str(SPOOL)}, "error",
         "unset EVIDENTLY_SPOOL_DIR"),
        ("place", {"place_entries": (), "place_writable": False}, "error",
         "export EVIDENTLY_SPOOL_DIR=/var/tmp/evidently-1000"),
        ("place", {"place_chosen": "spool"}, "warning", f"export EVIDENTLY_SPOOL_DIR={SPOOL}"),
        ("place", {"place_chosen": str(SPOOL), "place_work_tree": HOME / "x"}, "warning", "unset EVIDENTLY_SPOOL_DIR"),
        ("home", {"place_home": None}, "warning", f"export HOME={HOME}"),
        ("home", {"place_marks_writable": False, "place_marks_ground": replace(ROOT, mode=0o500)}, "error",
         f"chmod u+rwx {SPOOL}"),
        ("home", {"place_marks_writable": False}, "error", "export XDG_STATE_HOME=/var/tmp/evidently-1000"),
        ("space", {"place_space": Space(10**6, 10**6)}, "warning", "export EVIDENTLY_SPOOL_MAX_MIB=0.48"),
        ("bounds", {"unusable": ("EVIDENTLY_SPOOL_MAX_DAYS",)}, "warning", "unset EVIDENTLY_SPOOL_MAX_DAYS"),
        ("space", {"place_space": Space(10**4, 10**6)}, "error", None),
        ("space", {"place_space": Space(10**10, 5)}, "error", None),
        ("space", {"place_space": Space(10**10, 500)}, "warning", None),
        ("space", {"place_space": Space(10**10, None)}, "ok", None),
        ("space", {"place_space": Space(10**10, 10**6, read_only=True)}, "error", None),
        ("locks", {"content_locks": Locks("none", "none")}, "error", None),
        ("locks", {"content_locks": Locks("no-op", "works")}, "error", None),
        ("locks", {"content_locks": Locks("unreadable", "unreadable", "Is a directory")}, "error", None),
        ("locks", {"content_locks": Locks("busy", "works")}, "warning", f"fuser -v {SPOOL}/append.lock"),
        ("locks", {"content_locks": Locks("works", "busy")}, "ok", None),
        ("locks", {"content_locks": Locks()}, "ok", None),
        ("format", {"content_format_damaged": True}, "warning", FIX),
        ("format", {"content": Content("format 9", newer=True)}, "error", "pipx upgrade evidently-cli"),
        ("leftovers", {"content_strange": SPOOL / "my file"}, "warning", f"mv -i '{SPOOL}/my file' ."),
        ("damage", {"content_pending": replace(PENDING, corrupt=2)}, "warning", "evidently telemetry flush"),
        ("damage", {"content_pending": replace(PENDING, foreign=1)}, "warning", f"ls -la {SPOOL}/pending"),
        ("schedule", {"content_schedule_damaged": True}, "warning", FIX),
        ("schedule", {"content_schedule": Schedule(not_before=NOW + 5 * HOUR)}, "ok", None),
        ("schedule", {"content_schedule": Schedule(not_before=NOW + 7 * HOUR)}, "warning", FIX),
        ("schedule", {"content_schedule": Schedule(retry_after=NOW + 23 * HOUR)}, "ok", None),
        ("schedule", {"content_schedule": Schedule(retry_after=NOW + 25 * HOUR)}, "warning", FIX),
        ("delivery", {"content_schedule": FAILING}, "warning", "evidently telemetry doctor --network"),
        ("delivery", {"content_schedule": FAILING, "asked": True}, "warning", None),
        ("delivery", {"content_schedule": FAILING, "recording": False}, "ok", None),
        ("marks", {"content_stale": (HOME / "flush-started",)}, "warning", f"rm {HOME}/flush-started"),
        ("backlog", {"recording": False}, "warning", "evidently telemetry purge"),
        ("backlog", {"recording": False, "misread": HOME / "config.toml"}, "warning", None),
        ("endpoint", {"endpoint_shown": None, "recording": False}, "ok", None),
        ("backlog", {"content_pending": replace(PENDING, gaps={"size": 9})}, "warning", "evidently telemetry flush"),
        ("dead", {"content_dead": 2}, "warning", "evidently telemetry dead list"),
        ("endpoint", {"endpoint_shown": None}, "warning",
         "export EVIDENTLY_TELEMETRY_ENDPOINT=https://collector.example/events"),
    ],
)  # fmt: skip
def test_what_is_wrong(name: str, changes: dict[str, object], state: str, mend: str | None) -> None:
    """Each thing that may be wrong is called so, with the command that mends it, and other checks do not repeat it."""
    check = found(name, **changes)
    assert (check.state, check.mend) == (state, mend), check.says
    if check.state == "error":
        assert [other.check for other in examine(facts(**changes)) if other.state == "error"] == [name]


@pytest.mark.parametrize("age, state", [(timedelta(minutes=59), "ok"), (timedelta(minutes=61), "warning")])
def test_leftovers(age: timedelta, state: str) -> None:
    """An unfinished file is a leftover when nobody can be writing to it any more; another's is never swept."""
    path = SPOOL / f"{new_id(int((NOW - age).timestamp() * 1e9))}.tmp"
    check = found("leftovers", place_entries=(ROOT, entry(path)))
    assert (check.state, check.fixable) == (state, state == "warning")
    assert not found("leftovers", place_entries=(ROOT, entry(path, uid=0))).fixable
    named = found("leftovers", place_entries=(ROOT, entry(SPOOL / "draft.tmp")))
    assert (named.state, named.fixable, named.mend) == ("warning", False, f"mv -i {SPOOL}/draft.tmp .")


COMPLAINTS = {
    "others may read /home/kim/my token: chmod 600 it, and it must be yours": "chmod 600 '/home/kim/my token'",
    "EVIDENTLY_TELEMETRY_WIRE is 'x': it may be json, otlp": "unset EVIDENTLY_TELEMETRY_WIRE",
    "wire in /etc/xdg/evidently/config.toml is 'x': it may be json": "${EDITOR:-vi} /etc/xdg/evidently/config.toml",
    "http://collector.example/ is not encrypted: use https": "export EVIDENTLY_TELEMETRY_ENDPOINT=https://c.example/",
}


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_an_endpoint_that_will_not_do(complaint: str) -> None:
    """Whatever keeps events from being sent is an error, with the command for it."""
    check = found("endpoint", endpoint_shown="http://c.example/", endpoint_complaint=complaint)
    assert (check.state, check.says, check.mend) == ("error", complaint, COMPLAINTS[complaint])


@pytest.mark.parametrize(
    "changes, state, words",
    [
        ({}, "ok", "none"),
        ({"proxy": "http://proxy.example:3128", "proxies": ("https_proxy",)}, "ok", "(https_proxy)"),
        ({"proxies": ("https_proxy", "no_proxy")}, "ok", "none for this endpoint, in spite of https_proxy"),
        ({"proxy": "", "proxies": ("HTTPS_PROXY",)}, "error", "HTTPS_PROXY holds no address"),
        ({"proxy": "socks5://p:1", "proxies": ("ALL_PROXY",), "no_socks": True}, "error", "SOCKS"),
    ],
)
def test_proxies(changes: dict[str, object], state: str, words: str) -> None:
    """It says which proxy requests take, which variable named it, and whether it can be one."""
    check = found("proxy", **{f"endpoint_{name}": value for name, value in changes.items()})
    assert (check.state, words in check.says) == (state, True)


@pytest.mark.parametrize(
    "proxy, seen",
    [
        ("http://kim:geheim@proxy.example:3128", "http://proxy.example:3128"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("http://proxy.example:3128/?key=geheim", "http://proxy.example:3128/?…"),
        ("kim:geheim@proxy.example:3128", ""),
        ("http://[proxy:geheim", ""),
        ("http://", ""),
    ],
)
def test_a_proxy_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch, proxy: str, seen: str) -> None:
    """A proxy's password is left out of what is shown, however the proxy is written; loopback needs none."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("HTTP_PROXY", proxy)
    assert proxy_of("https://collector.example/") == seen
    assert proxy_of("http://127.0.0.1:9/") is None
    monkeypatch.setenv("NO_PROXY", "collector.example")
    assert proxy_of("https://collector.example/") is None


def probed(probe: Probe) -> dict[str, Check]:
    """What the checks of the network say."""
    return {check.check: check for check in examine(facts(asked=True, endpoint_probe=probe))}


@pytest.mark.parametrize("off, state", [(-360, "warning"), (-240, "ok"), (0, "ok"), (290, "ok"), (310, "warning")])
def test_clocks(off: int, state: str) -> None:
    """A clock more than five minutes ahead of the endpoint's or behind it is said, with both times."""
    check = probed(Probe(NOW, 204, NOW - timedelta(seconds=off)))["clock"]
    assert check.state == state
    assert (("ahead" if off > 0 else "behind") in check.says) == (state == "warning")


@pytest.mark.parametrize(
    "status, state",
    [(200, "ok"), (204, "ok"), (401, "ok"), (404, "ok"), (405, "ok"), (501, "ok"), (302, "warning"), (503, "warning"),
     (407, "error")],
)  # fmt: skip
def test_what_an_endpoint_answers(status: int, state: str) -> None:
    """Any answer shows that the endpoint is there: to HEAD many say no that take events."""
    assert probed(Probe(NOW, status))["reachable"].state == state


def test_a_failure_is_said_once() -> None:
    """A connection that fails is one error, and so is a certificate that will not do."""
    for failure, check in (("refused", "reachable"), ("tls", "certificate"), ("name", "reachable")):
        checks = probed(Probe(NOW, failure=failure, reason="why"))  # type: ignore[arg-type]
        assert [each.check for each in checks.values() if each.state == "error"] == [check]
        assert "why" in checks[check].says


def test_certificates() -> None:
    """The end of the endpoint's certificate is shown, and is a warning in its last two weeks."""
    assert probed(Probe(NOW, 200, expires=NOW + timedelta(days=60)))["certificate"].state == "ok"
    assert probed(Probe(NOW, 200, expires=NOW + timedelta(days=3)))["certificate"].state == "warning"
    unknown = probed(Probe(NOW, failure="tls", reason="unable to get local issuer certificate"))["certificate"]
    assert unknown.mend == "export EVIDENTLY_TELEMETRY_CA_BUNDLE=/path/to/authority.pem"


def test_who_owns_the_command() -> None:
    """Another distribution's `evidently` is told from this one, and commands to copy call the right program."""
    other = {"script_owners": ("evidently", "evidently-cli")}
    both = found("script", **other)
    assert (both.state, both.mend) == ("warning", "pipx install evidently-cli")
    theirs = found("script", **other, script_ours=False)
    assert (theirs.state, theirs.mend) == ("warning", "alias 'evidently=/usr/bin/python3 -m evidently_cli'")
    assert "another program, from evidently;" in theirs.says
    dead = found("dead", content_dead=1, script_ours=False)
    assert dead.mend == "/usr/bin/python3 -m evidently_cli telemetry dead list"
    absent = found("script", script_found=None, script_ours=False, script_here=HOME / "venv/bin/evidently")
    assert absent.mend == "export PATH=/home/kim/venv/bin:$PATH"
    assert found("script", script_found=None, script_ours=False).state == "warning"


def test_telemetry_that_is_off() -> None:
    """Where telemetry is off nothing has to work: nothing is an error, and who decided it comes first."""
    checks = examine(
        facts(recording=False, decided_by="DO_NOT_TRACK=1", place_space=Space(0, 0, read_only=True), asked=True)
    )
    assert "error" not in {check.state for check in checks}
    assert checks[0].says.startswith("off (DO_NOT_TRACK=1)")
    assert next(check.says for check in checks if check.check == "reachable") == "telemetry is off: nobody is contacted"
    broken = found("consent", recording=False, decided_by="/c.toml: not TOML", misread=Path("/c.toml"))
    assert (broken.state, broken.mend) == ("warning", "${EDITOR:-vi} /c.toml")


def no_locks(_descriptor: int, *, blocking: bool) -> bool:
    """Lock as a file system does that cannot."""
    raise OSError(errno.ENOLCK, blocking)


@pytest.mark.parametrize(
    "lock, seen",
    [(None, "works"), (lambda _descriptor, **_how: True, "no-op"), (lambda _descriptor, **_how: False, "busy"),
     (no_locks, "none")],
)  # fmt: skip
def test_locks_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: object, seen: str) -> None:
    """Both locks are taken for a moment, and by two at once: it shows when a file system has none, or pretends."""
    environment = {"EVIDENTLY_SPOOL_DIR": str(tmp_path / "spool")}
    settings = Settings.of(environment)
    settings.open_spool().append({}, event_type="t")
    if lock:
        monkeypatch.setattr("filelock.lock_descriptor", lock)
    locks = gather(environment, settings, ask=False).content.locks
    assert (locks.append, locks.drain) == (seen, seen)


def test_no_lock_is_made_by_looking(tmp_path: Path) -> None:
    """Lock files that are missing stay so."""
    environment = {"EVIDENTLY_SPOOL_DIR": str(tmp_path / "spool")}
    settings = Settings.of(environment)
    spool = settings.open_spool()
    spool.append({}, event_type="t")
    for path in (spool.layout.append_lock, spool.layout.drain_lock):
        path.unlink()
    assert gather(environment, settings, ask=False).content.locks == Locks()
    assert not spool.layout.append_lock.exists()


def test_a_probe_carries_no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question that `doctor --network` asks an endpoint carries no login from ~/.netrc, wherever that is."""
    import requests

    from spool import prober

    (tmp_path / "netrc").write_text("machine endpoint.invalid login ada password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    session = prober.open_session
    made: list[requests.Session] = []
    monkeypatch.setattr(prober, "open_session", lambda *given: made.append(session(*given)) or made[-1])
    address = "https://endpoint.invalid/"
    prober.probe(address, user_agent="test", verify=True, deadline=5.0, clock=lambda: datetime.now(UTC))
    prepared = made[0].prepare_request(requests.Request("HEAD", address))
    assert "Authorization" not in prepared.headers
