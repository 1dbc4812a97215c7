"""What a drain costs beside a loop that only compresses and posts, and beside one request for each event."""

import argparse
import gzip
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import endpoints

from evidently_cli import event
from spool.layout import Layout
from spool.record import encode, new_id
from spool.segment import SEGMENT_BYTES

EVENTS = 100_000
ALONE = 2_000  # events that are posted one by one: that many take as long as a drain of all
LARGE_OCTETS = 10**9
BUDGETS = (
    ("drain over compress-and-post", ">=", 0.8),
    ("drain over one event a request", ">=", 50.0),
    ("drain of 1 GB, MiB", "<=", 80.0),
    ("records left or lost", "<=", 0.0),
)
_DAY_NS = 24 * 3600 * 10**9


@dataclass(frozen=True)
class Result:
    """What one way of sending took: seconds, imports left out; MiB are the peak of its process."""

    events: int
    seconds: float
    mib: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds


def main() -> int:
    """Measure, print, judge: exit code 1 when a budget is missed. As a child: send in one way."""
    if sys.argv[1:2] == ["--child"]:
        _be_child(*sys.argv[2:])
        return 0
    options = _parser().parse_args()
    shuffled = random.Random(options.seed)
    runs: dict[str, list[Result]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory(prefix="drain-bench.", dir=options.folder) as name, endpoints.sink_apart() as url:
        folder = Path(name)
        _fill(folder / "whole", options.events)
        _fill(folder / "few", min(ALONE, options.events))
        for number in range(options.rounds):
            for way in shuffled.sample(list(WAYS), len(WAYS)):
                _tell(f"round {number + 1} of {options.rounds}: {way}")
                runs[way].append(_run(way, url, folder / ("few" if way == "one event a request" else "whole"), folder))
        large = None
        if not options.quick:
            _tell("a spool of 1 GB")
            _fill(folder / "large", LARGE_OCTETS // _octets_of_a_record())
            large = _run("drain", url, folder / "large", folder)
    _tell("")
    figures = _figures(runs, options.events, large)
    kept = _print(runs, figures, options)
    if options.json:
        document = {
            "benchmark": "drain",
            "events": options.events,
            "seed": options.seed,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "runs": {way: [asdict(result) for result in results] for way, results in runs.items()},
            "figures": figures,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if kept else 1


def _figures(runs: dict[str, list[Result]], events: int, large: Result | None) -> dict[str, float]:
    """Compare rates within each round, where the machine was the same for both."""

    def over(other: str) -> float:
        pairs = zip(runs["drain"], runs[other], strict=True)
        return statistics.median(mine.rate / its.rate for mine, its in pairs)

    figures = {
        "drain over compress-and-post": over("compress and post"),
        "drain over bodies compressed beforehand": over("post what is compressed"),
        "drain over the same in a plain loop": over("the same in a plain loop"),
        "drain over one event a request": over("one event a request"),
        "records left or lost": sum(abs(result.events - events) for result in runs["drain"]),
    }
    return figures | ({"drain of 1 GB, MiB": large.mib, "drain of 1 GB, s": large.seconds} if large else {})


def _print(runs: dict[str, list[Result]], figures: dict[str, float], options: argparse.Namespace) -> bool:
    print(f"{options.rounds} interleaved rounds, {options.events:,} events, seed {options.seed}\n")
    print(f"{'medians':28}{'events/s':>10}{'seconds':>9}{'MiB':>6}")
    for way, results in runs.items():
        rate, seconds = (statistics.median(getattr(each, name) for each in results) for name in ("rate", "seconds"))
        print(f"{way:28}{rate:10,.0f}{seconds:9.2f}{max(each.mib for each in results):6.0f}")
    print()
    for what, figure in figures.items():
        limits = [(sign, limit) for name, sign, limit in BUDGETS if name == what]
        words = "".join(f", and {sign} {limit:g} is asked" for sign, limit in limits)
        verdict = ("kept  " if _kept(what, figure) else "MISSED") if limits else "      "
        print(f"{verdict} {what}: {figure:.2f}{words}")
    return all(_kept(what, figure) for what, figure in figures.items())


def _kept(what: str, figure: float) -> bool:
    return all(figure >= limit if sign == ">=" else figure <= limit for name, sign, limit in BUDGETS if name == what)


def _event() -> dict[str, object]:
    usage = event.Usage("profile", ["data_drift"], event.SamplingUsage("nth", 0.1, 10), event.SamplingUsage())
    return dict(event.build(usage, event.environment()))


def _octets_of_a_record() -> int:
    return len(encode(_event(), source="bench", event_type=event.TYPE, now_ns=time.time_ns()).line) + 1


def _fill(place: Path, events: int) -> None:
    """Write full segments of the tool's own events from the last day, as appends would have left them."""
    from spool import Spool

    spool = Spool(place, source="bench")
    spool.prepare()
    data, now = _event(), time.time_ns()
    lines: list[bytes] = []
    for number in range(events):
        at = now - _DAY_NS + number * (_DAY_NS // events)
        lines.append(encode(data, source="evidently-cli", event_type=event.TYPE, now_ns=at).line + b"\n")
        if (len(lines) + 1) * len(lines[0]) > SEGMENT_BYTES or number == events - 1:
            Layout(place).segment(new_id(at)).write_bytes(b"".join(lines))
            lines.clear()


def _run(way: str, url: str, place: Path, folder: Path) -> Result:
    """Send a copy of a spool in one way, in a process of its own."""
    copy = folder / "copy"
    shutil.copytree(place, copy)
    os.sync()  # or what is timed next would wait for it
    try:
        done = subprocess.run(
            [sys.executable, __file__, "--child", way, url, str(copy)], stdout=subprocess.PIPE, text=True, check=True
        )
    finally:
        shutil.rmtree(copy)
    return Result(**json.loads(done.stdout))


def _be_child(way: str, url: str, place: str) -> None:
    send = WAYS[way](url, Path(place))
    started = time.perf_counter()
    events = send()
    seconds = time.perf_counter() - started
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - the peak of our parent is in getrusage
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    json.dump({"events": events, "seconds": seconds, "mib": peak / 1024}, sys.stdout)


def _drain(url: str, place: Path) -> Callable[[], int]:
    from spool import WIRE_FORMATS, Spool, drain
    from spool.http import HttpTransport

    import_module("filelock")  # a drain would do it on its way
    transport = HttpTransport(url, WIRE_FORMATS["json"], user_agent="bench")
    return lambda: drain(Spool(place, source="bench"), transport).delivered


def _bodies(place: Path) -> Iterator[tuple[int, bytes]]:
    """Make the bodies of a drain: the number of events in each, and its bytes."""
    for path in sorted(Layout(place).pending.iterdir()):
        lines = path.read_bytes().splitlines()
        yield len(lines), b"[" + b",".join(lines) + b"]"


def _poster(url: str) -> Callable[[bytes], None]:
    import requests

    session = requests.Session()
    session.trust_env = False
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    def post(body: bytes) -> None:
        session.post(url, data=body, headers=headers).raise_for_status()

    return post


def _plain_loop(url: str, place: Path) -> Callable[[], int]:
    """Do what a drain cannot leave out, one thing after another: read, verify, compress, post, remove."""
    from spool.segment import parse, portions
    from spool.wire import WIRE_FORMATS

    post, encode_body = _poster(url), WIRE_FORMATS["json"].encode

    def send() -> int:
        events = 0
        for path in sorted(Layout(place).pending.iterdir()):
            records = parse(path, b"".join(portions(path))).records
            post(gzip.compress(encode_body(records), 1))
            path.unlink()
            events += len(records)
        return events

    return send


def _compress_and_post(url: str, place: Path) -> Callable[[], int]:
    post, bodies = _poster(url), list(_bodies(place))

    def send() -> int:
        for _, body in bodies:
            post(gzip.compress(body, 1))
        return sum(number for number, _ in bodies)

    return send


def _post_compressed(url: str, place: Path) -> Callable[[], int]:
    post, bodies = _poster(url), [(number, gzip.compress(body, 1)) for number, body in _bodies(place)]

    def send() -> int:
        for _, body in bodies:
            post(body)
        return sum(number for number, _ in bodies)

    return send


def _post_one_by_one(url: str, place: Path) -> Callable[[], int]:
    post = _poster(url)
    lines = [line for path in sorted(Layout(place).pending.iterdir()) for line in path.read_bytes().splitlines()]

    def send() -> int:
        for line in lines:
            post(gzip.compress(line, 1))
        return len(lines)

    return send


WAYS: dict[str, Callable[[str, Path], Callable[[], int]]] = {
    "drain": _drain,
    "the same in a plain loop": _plain_loop,
    "compress and post": _compress_and_post,
    "post what is compressed": _post_compressed,
    "one event a request": _post_one_by_one,
}


def _tell(words: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{words}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench drain", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often every way is run (default: 7)")
    parser.add_argument("--events", type=int, default=EVENTS, help="in the spool (default: 100000)")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds (default: 1)")
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: the temporary directory)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--quick", action="store_true", help="leave out the spool of 1 GB")
    return parser


if __name__ == "__main__":
    sys.exit(main())
