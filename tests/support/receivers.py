"""Receivers that nobody here wrote, each started on free ports of the loopback interface, its files in a folder."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

_ZOOKEEPER = Path("/usr/share/java/zookeeper.jar")  # of Debian's package
PATIENCE = 60.0  # seconds; a machine that is busy starts a Java program slowly


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Return when a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come up"
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[Path]:
    """Run a server until the block ends. Yields the file with what it prints."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{Path(command[0]).name} is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output"
    with output.open("wb") as file, subprocess.Popen(command, cwd=folder, stdout=file, stderr=file) as process:
        try:
            wait_for(lambda: listens(port) or process.poll() is not None, command[0])
            assert process.poll() is None, output.read_text(errors="replace")
            yield output
        finally:
            process.kill()


@contextmanager
def rotel(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run Rotel, an OpenTelemetry collector. Yields the URL for logs, and the file into which it prints each record."""
    spec = find_spec("rotel")
    if spec is None or spec.origin is None:
        pytest.skip("rotel is not installed")
    port = free_port()
    command = [str(Path(spec.origin).parent / "rotel-agent"), "start", "--exporter", "blackhole"]
    command += ["--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}"]
    command += ["--debug-log", "logs", "--debug-log-verbosity", "detailed"]
    command += ["--pid-file", str(folder / "pid"), "--log-file", str(folder / "log")]
    with running(command, folder, port) as output:
        yield f"http://127.0.0.1:{port}/v1/logs", output


@dataclass(frozen=True)
class ClickHouse:
    """A server of ClickHouse."""

    url: str

    def query(self, sql: str) -> str:
        """Run a statement and return what it prints."""
        answer = requests.post(self.url, data=sql.encode(), timeout=30)
        assert answer.ok, answer.text
        return answer.text.strip()

    def insert(self, into: str, *, through: str | None = None) -> str:
        """Return the URL that takes a body into a table, perhaps through a proxy at another URL."""
        return f"{through or self.url}/?query={quote(f'INSERT INTO {into}')}"


@contextmanager
def clickhouse(folder: Path, more: str = "", ports: tuple[int, int, int] | None = None) -> Iterator[ClickHouse]:
    """Run ClickHouse, with `more` in its configuration. `ports` are those for HTTP, for its protocol, for replicas."""
    http, native, replicas = ports or (free_port(), free_port(), free_port())
    folder.mkdir(parents=True)
    (folder / "config.xml").write_text(f"""<yandex>
        <logger><level>error</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
        <http_port>{http}</http_port><tcp_port>{native}</tcp_port>
        <interserver_http_port>{replicas}</interserver_http_port>
        <interserver_http_host>127.0.0.1</interserver_http_host><listen_host>127.0.0.1</listen_host>
        <path>{folder}/data/</path><tmp_path>{folder}/data/temporary/</tmp_path><mark_cache_size>10000000</mark_cache_size>
        <users><default><password></password><networks><ip>127.0.0.1</ip></networks>
        <profile>default</profile><quota>default</quota></default></users>
        <profiles><default/></profiles><quotas><default/></quotas>{more}</yandex>""")
    command = ["clickhouse-server", f"--config-file={folder / 'config.xml'}"]
    with running(command, folder, http):
        yield ClickHouse(f"http://127.0.0.1:{http}")


def _ask(port: int, command: bytes) -> bytes:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(command)
        return connection.recv(4096)
    return b""


@contextmanager
def replicas(folder: Path) -> Iterator[tuple[ClickHouse, ClickHouse]]:
    """Run two replicas of ClickHouse, which are two shards of the cluster "both" as well, and their ZooKeeper."""
    if not _ZOOKEEPER.exists():
        pytest.skip("zookeeper is not installed")
    keeper = free_port()
    (folder / "zookeeper").mkdir()
    (folder / "zookeeper" / "zoo.cfg").write_text(
        f"tickTime=500\ndataDir={folder}/zookeeper\nclientPort={keeper}\nclientPortAddress=127.0.0.1\n"
        "admin.enableServer=false\n"
    )
    java = ["java", "-cp", f"/etc/zookeeper/conf:{_ZOOKEEPER}"]
    command = [*java, "org.apache.zookeeper.server.ZooKeeperServerMain", "zoo.cfg"]
    ports = [(free_port(), free_port(), free_port()) for _ in range(2)]
    shards = "".join(
        f"<shard><replica><host>127.0.0.1</host><port>{native}</port></replica></shard>" for _, native, _ in ports
    )
    with ExitStack() as stack:
        stack.enter_context(running(command, folder / "zookeeper", keeper))
        wait_for(lambda: b"Mode" in _ask(keeper, b"srvr"), "ZooKeeper")
        servers = [
            stack.enter_context(
                clickhouse(
                    folder / f"replica-{number}",
                    f"<zookeeper><node><host>127.0.0.1</host><port>{keeper}</port></node></zookeeper>"
                    f"<remote_servers><both>{shards}</both></remote_servers>"
                    f"<macros><replica>{number}</replica></macros>",
                    three,
                )
            )
            for number, three in enumerate(ports)
        ]
        yield servers[0], servers[1]


@contextmanager
def haproxy(folder: Path, backend: str, rules: str) -> Iterator[str]:
    """Run HAProxy in front of a server, with more rules for its frontend. Yields its URL."""
    port = free_port()
    folder.mkdir(parents=True)
    (folder / "haproxy.cfg").write_text(f"""
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend in
  bind 127.0.0.1:{port}
{rules}
  default_backend out
backend out
  server only {backend.removeprefix("http://")}
""")
    with running(["haproxy", "-db", "-f", "haproxy.cfg"], folder, port):
        yield f"http://127.0.0.1:{port}"
