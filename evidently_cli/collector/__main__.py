"""`python -m evidently_cli.collector`, which is what `scripts/collector` runs."""

import argparse
import signal
import sqlite3
import sys
from pathlib import Path

from evidently_cli.collector.server import Collector
from evidently_cli.collector.store import Store


def main() -> int:
    """Serve until SIGINT or SIGTERM; the only line on stdout is the URL, once connections are taken."""
    options = _parser().parse_args()
    # SIGINT by name as well: a shell starts what a script puts in the background with Ctrl-C ignored.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        store = Store(options.database)
        try:
            _serve(options, store)
        finally:
            store.close()
    except sqlite3.Error as error:
        return _fail(f"cannot use {options.database} as the database: {error}")
    except (OSError, OverflowError) as error:
        return _fail(f"cannot listen on {options.host} port {options.port}: {error}")
    except KeyboardInterrupt:
        pass  # the way to end it
    return 0


def _serve(options: argparse.Namespace, store: Store) -> None:
    with Collector(options.host, options.port, store, quiet=options.quiet) as collector:
        print(collector.url, flush=True)  # noqa: T201 - the one line of output
        collector.serve_forever(poll_interval=0.1)


def _fail(sentence: str) -> int:
    sys.stderr.write(f"collector: {sentence}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="collector",
        description="Take telemetry records over HTTP and store each of them once, in SQLite.",
        epilog="Stop it with Ctrl-C. Look inside with: sqlite3 events.sqlite 'SELECT * FROM events'",
    )
    parser.add_argument("--port", type=int, default=8321, help="port to listen on; 0 picks a free one (default: 8321)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument(
        "--database", type=Path, default=Path("events.sqlite"), help="file to store in (default: events.sqlite)"
    )
    parser.add_argument("--quiet", action="store_true", help="write no line per request to stderr")
    return parser


if __name__ == "__main__":
    sys.exit(main())
