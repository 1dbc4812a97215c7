"""
Delivery to receivers that nobody here wrote: Rotel, ClickHouse, HAProxy.

`.ci/run` installs them. Where they are missing, these tests are skipped.
"""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from receivers import ClickHouse, clickhouse, haproxy, replicas, rotel

from spool import WIRE_FORMATS, Spool, drain
from spool.dead import letters
from spool.http import HttpTransport

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
FLEET = README.partition("### From one machine to a fleet")[2]
TABLE = FLEET.partition("```sql\n")[2].partition("```")[0]
INTO = re.search(r"INSERT\+INTO\+(events\+FORMAT\+CSV&format_csv_delimiter=%01)'", FLEET)
VALUES = {"n": 7, "f": 1.5, "yes": True, "none": None, "text": 'ü "quoted", \n', "list": [1, "x", []], "o": {"k": {}}}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool(tmp_path / "spool", source="test")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A server of ClickHouse."""
    with clickhouse(tmp_path_factory.mktemp("clickhouse") / "server") as started:
        yield started


def fill(spool: Spool, segments: int, events: int) -> list[str]:
    """Seal some segments of some events each, and return their ids."""
    ids = []
    for _ in range(segments):
        ids += [spool.append({**VALUES, "number": n}, event_type="test.v1") for n in range(events)]
        spool.seal()
    return ids


def transport(url: str, wire: str, *, compress: bool = True) -> HttpTransport:
    """A transport as the program uses it."""
    return HttpTransport(url, WIRE_FORMATS[wire], user_agent="test/1", compress=compress)


def as_documented(server: str) -> str:
    """The endpoint as README gives it, on a server of ours."""
    assert INTO is not None
    return f"{server}/?query=INSERT+INTO+{INTO[1]}"


@pytest.mark.parametrize("compress", [True, False])
def test_opentelemetry_logs(spool: Spool, tmp_path: Path, compress: bool) -> None:
    """Rotel gets each event once through `otlp`, with its id, its name, its time and all of its values."""
    ids = fill(spool, 3, 100)
    with rotel(tmp_path / "rotel") as (url, output):
        assert drain(spool, transport(url, "otlp", compress=compress)).delivered == 300
        deadline = time.monotonic() + 20
        while output.read_text().count("LogRecord #") < 300 and time.monotonic() < deadline:
            time.sleep(0.1)
        printed = output.read_text()
    assert re.findall(r"event\.id: Str\((.*)\)", printed) == ids
    assert printed.count("EventName: test.v1") == printed.count("SeverityNumber: SEVERITY_NUMBER_INFO(9)") == 300
    assert set(re.findall(r"service\.name: Str\((.*)\)", printed)) == {"test"}
    times = [int(nanoseconds) / 1e9 for nanoseconds in re.findall(r"\nTimestamp: (\d+)", printed)]
    assert len(times) == 300
    assert all(abs(time.time() - each) < 600 for each in times)
    body = 'Body: Map(n:Int(7), f:Double(1.5), yes:Bool(true), none:Empty, text:Str(ü "quoted", \n), '
    body += "list:Slice(Int(1), Str(x), Slice()), o:Map(k:Map()), number:Int(99))"
    assert printed.count(body) == 3


def test_a_wrong_body_blames_its_record_alone(spool: Spool, tmp_path: Path) -> None:
    """Rotel refuses what is not OTLP for good, and each record is buried with that status."""
    fill(spool, 1, 3)
    with rotel(tmp_path / "rotel") as (url, _output):
        summary = drain(spool, transport(url, "json"))
    assert (summary.delivered, summary.buried) == (0, 3)
    assert {letter.why["status"] for letter in letters(spool)} == {400}


def test_clickhouse_as_documented(spool: Spool, server: ClickHouse) -> None:
    """ClickHouse stores each event once through `ndjson`, in README's table, though a segment comes twice."""
    server.query("DROP TABLE IF EXISTS events")
    server.query(TABLE)
    ids = fill(spool, 4, 50)
    shutil.copytree(spool.layout.pending, spool.layout.root / "again")
    endpoint = transport(as_documented(server.url), "ndjson")
    assert drain(spool, endpoint).delivered == 200
    for path in sorted((spool.layout.root / "again").iterdir()):  # as after a crash before they were unlinked
        shutil.move(path, spool.layout.pending)
    assert drain(spool, endpoint).delivered == 200
    assert server.query("SELECT id FROM events FINAL ORDER BY id").split() == sorted(ids)
    row = server.query("SELECT type, time, data, line FROM events FINAL ORDER BY id LIMIT 1 FORMAT JSONEachRow")
    stored = json.loads(row)
    assert stored["type"] == "test.v1"
    assert json.loads(stored["data"]) == {**VALUES, "number": 0}
    record = json.loads(stored["line"])
    assert record["id"] == min(ids)
    assert record["time"][:19].replace("T", " ") == stored["time"]


def test_a_value_that_clickhouse_cannot_store(spool: Spool, server: ClickHouse) -> None:
    """The one record that makes ClickHouse say 500 is found and buried with what it said; the rest is stored."""
    server.query("DROP TABLE IF EXISTS weights")
    server.query("CREATE TABLE weights (id String, weight Int64) ENGINE = ReplacingMergeTree ORDER BY id")
    weights = ["7"] * 40 + ["heavy"] + ["8"] * 30
    ids = [spool.append({}, event_type="t", extensions={"weight": weight}) for weight in weights]
    spool.seal()
    ids += [spool.append({}, event_type="t", extensions={"weight": "9"}) for _ in range(5)]
    url = server.insert("weights FORMAT JSONEachRow") + "&input_format_skip_unknown_fields=1"
    drains = [drain(spool, transport(url, "ndjson"), ignore_backoff=True) for _ in range(3)]
    assert [summary.delivered for summary in drains[:2]] == [0, 0]
    assert server.query("SELECT id FROM weights FINAL ORDER BY id").split() == sorted({*ids} - {ids[40]})
    [letter] = letters(spool)
    assert letter.record is not None
    assert (letter.record.id, letter.why["status"]) == (ids[40], 500)
    assert "heavy" in letter.why["detail"]
    assert next(spool.records(), None) is None


def test_acknowledgements_that_get_lost(spool: Spool, server: ClickHouse, tmp_path: Path) -> None:
    """
    Behind a proxy that refuses, and then loses what the database had answered, each event is stored exactly once.

    Of three requests the first is answered with 503 and `Retry-After`, the second with 502 after its batch was stored.
    """
    server.query("DROP TABLE IF EXISTS events")
    server.query(TABLE.replace("ReplacingMergeTree", "MergeTree"))  # which keeps what came twice
    ids = fill(spool, 20, 50)
    rules = """
  stick-table type integer size 10 expire 1h store http_req_cnt
  http-request track-sc0 int(1)
  http-request set-var(txn.n) sc_http_req_cnt(0)
  http-request return status 503 hdr Retry-After 0 if { var(txn.n),mod(3) eq 1 }
  http-response return status 502 if { var(txn.n),mod(3) eq 2 }
"""
    with haproxy(tmp_path / "haproxy", server.url, rules) as proxy:
        endpoint = transport(as_documented(proxy), "ndjson")
        drains = [drain(spool, endpoint, ignore_backoff=True) for _ in range(21)]
    reasons = {summary.failure.reason for summary in drains if summary.failure}
    assert reasons == {"HTTP 503"}
    assert server.query("SELECT uniqExact(id), count() FROM events") == "1000\t2000", "each batch was stored twice"
    assert server.query("SELECT DISTINCT id FROM events ORDER BY id").split() == sorted(ids)
    assert next(spool.records(), None) is None


def test_replicas_and_shards(spool: Spool, tmp_path: Path) -> None:
    """The same segment, twice to one replica and once to another, is stored once on both; a thousand events shard."""
    replicated = TABLE.replace("ReplacingMergeTree", "ReplicatedReplacingMergeTree('/clickhouse/events', '{replica}')")
    with replicas(tmp_path) as servers:
        for each in servers:
            each.query(replicated)
        ids = fill(spool, 1, 100)
        [segment] = spool.sealed()
        data = segment.read_bytes()
        for each in (servers[0], servers[0], servers[1]):
            segment.write_bytes(data)
            assert drain(spool, transport(as_documented(each.url), "ndjson")).delivered == 100
        for each in servers:
            each.query("SYSTEM SYNC REPLICA events")
            assert each.query("SELECT count(), uniqExact(id) FROM events") == f"{len(ids)}\t{len(ids)}"
            each.query(TABLE.replace("TABLE events", "TABLE shard"))
            each.query("CREATE TABLE whole (line String) ENGINE = Distributed(both, default, shard, cityHash64(line))")
        fill(spool, 4, 250)
        url = as_documented(servers[0].url).replace("events", "whole") + "&insert_distributed_sync=1"
        assert drain(spool, transport(url, "ndjson")).delivered == 1000
        parts = [int(server.query("SELECT count() FROM shard")) for server in servers]
        assert sum(parts) == 1000
        assert min(parts) > 300
