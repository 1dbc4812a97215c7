"""Whatever somebody types, sets or writes into a config file: words and an exit code, never a traceback."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fork_server import Done, ForkServer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evidently_cli.config_file import VARIABLES
from spool import Spool

CODES = {0, 1, 2, 3, 75, 78}
WORDS = """
calculate report profile dashboard init telemetry status pending show preview flush purge dead list requeue
drop export import doctor enable disable --json --limit --newest --wait --force --dry-run --yes --older-than
--dead --keep --all --fix --raw --config --reference --current --output-path --quiet --verbose --fail-on-drift
-h --help --version --show-completion -- - 0 -1 1e9 nan inf 10m 99999999999999999999 -9d config.json ref.csv
cur.csv missing.csv . .. /dev/null /dev/full /proc/self/mem ~nobody-at-all *.csv [ 0 019
""".split()
# What the system hands over: text, and bytes that are none, each of which Python shows as half a character.
BYTES = st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"])
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0") | BYTES, max_size=30).filter(
    lambda text: not text.startswith("/")
)
ARGUMENT = st.sampled_from(WORDS) | TEXT | st.builds("{}={}".format, st.sampled_from(WORDS), TEXT)
COMMAND = st.sampled_from([[], ["telemetry"], ["calculate", "profile"], ["telemetry", "dead"], ["init"]])
OTHERS = ["EVIDENTLY_DISABLE_TELEMETRY", "DO_NOT_TRACK", "NO_COLOR", "EVIDENTLY_TELEMETRY_TOKEN", "LC_ALL", "TZ"]
BOUNDS = ["EVIDENTLY_SPOOL_DIR", "EVIDENTLY_SPOOL_MAX_MIB", "EVIDENTLY_SPOOL_MAX_DAYS"]
VARIABLE = st.sampled_from([*VARIABLES.values(), *BOUNDS, *OTHERS])
VALUE = (
    st.sampled_from(["", "0", "1", "no", "-1", "json", "http://127.0.0.1:9/", "http://[::1", "://", "/dev/null"]) | TEXT
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=8,
)
KEYS = """
profile_sections dashboard_tabs column_mapping data_format sampling options reference current type n ratio
target random_seed separator header date_column prediction numerical_features categorical_features datetime
pos_label
""".split()


@pytest.fixture(scope="module", params=[()])
def server(request: pytest.FixtureRequest) -> Iterator[ForkServer]:
    """The program, with the modules that a test's runs load."""
    process = ForkServer("evidently_cli.calculate", "evidently_cli.telemetry.app", *request.param)
    yield process
    process.close()


@pytest.fixture(scope="module")
def top() -> Iterator[Path]:
    """A directory in memory, where there is one: thousands of runs wait for no disk."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp is private
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        template = Path(name, "template")
        (template / "home").mkdir(parents=True)
        (template / "work").mkdir()
        for file in ("ref.csv", "cur.csv"):
            rows = "".join(f"{number},{'xy'[number % 2]}\n" for number in range(8))
            (template / "work" / file).write_text(f"a,b\n{rows}")
        (template / "work" / "config.json").write_text('{"profile_sections": ["data_drift"]}')
        spool = Spool(template / "state" / "evidently" / "spool", source="evidently-cli")
        for number in range(2):
            spool.append({"n": number}, event_type="t")
        yield Path(name)


def run(
    server: ForkServer, top: Path, arguments: list[str], variables: dict[str, str], files: dict[str, bytes]
) -> Done:
    """Run the program on a machine of its own, with two data files, a config, and a spool with two records."""
    machine = top / "machine"
    shutil.rmtree(machine, ignore_errors=True)
    shutil.copytree(top / "template", machine)
    for name, content in files.items():
        (machine / "work" / name).write_bytes(content)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(machine / "home"),
        "XDG_STATE_HOME": str(machine / "state"),
        "XDG_CONFIG_HOME": str(machine / "config"),
        "XDG_CONFIG_DIRS": str(machine / "etc"),
        "EVIDENTLY_TELEMETRY_FLUSH": "manual",
        **variables,
    }
    return server.run(arguments, machine / "work", environment)


def check(done: Done) -> None:
    """A documented exit code, no traceback, and one line when it failed."""
    assert "Traceback" not in done.err, done.err
    assert done.code in CODES, done
    if done.code in {1, 2} and not done.err.startswith("Usage:"):
        assert done.err.rstrip("\n").rpartition("\n")[2].startswith("evidently: "), done.err


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(
    command=COMMAND, arguments=st.lists(ARGUMENT, max_size=6), variables=st.dictionaries(VARIABLE, VALUE, max_size=2)
)
@example(command=["telemetry"], arguments=["pending", "--limit", "99999999999999999999"], variables={})
@example(command=["telemetry"], arguments=["show", "\ud800"], variables={})
@example(command=["telemetry"], arguments=["export", "\n"], variables={})
@example(command=["telemetry"], arguments=["import", "/proc/self/mem"], variables={})
@example(command=["telemetry"], arguments=["flush", "--wait", "nan"], variables={})
@example(command=["telemetry"], arguments=["status"], variables={"EVIDENTLY_SPOOL_DIR": "ref.csv"})
def test_hostile_arguments(
    server: ForkServer, top: Path, command: list[str], arguments: list[str], variables: dict[str, str]
) -> None:
    """Six hundred lists of arguments, with odd variables: each ends with words and a documented exit code."""
    check(run(server, top, [*command, *arguments], variables, {}))


@pytest.mark.parametrize("server", [("pandas", "scipy.stats", "evidently_cli.report.result")], indirect=True)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=st.binary(max_size=100)
    | JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    | st.dictionaries(st.sampled_from(KEYS), st.dictionaries(st.sampled_from(KEYS), JSON) | JSON, max_size=4).map(
        lambda value: json.dumps(value).encode("utf-8", "surrogatepass")
    ),
    name=st.sampled_from(["config.json", "config.yaml"]),
)
def test_hostile_configs(server: ForkServer, top: Path, content: bytes, name: str) -> None:
    """Four hundred config files: each is used, or ends the run with one line and exit code 2."""
    arguments = ["calculate", "profile", "--reference", "ref.csv", "--current", "cur.csv", "--config", name]
    check(run(server, top, arguments, {}, {name: content}))
