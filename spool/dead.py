"""Dead letters: what was refused for good or damaged, kept with its reason. One file each, so that `ls` lists them."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime

from spool.outcome import Refused
from spool.record import Record, seal_line, timestamp


def refused(record: Record, refusal: Refused, now: datetime) -> bytes:
    """Return the dead letter of a record that the endpoint refused; `record` is its line as it was."""
    reason = {"reason": "refused", "status": refusal.status, "detail": refusal.reason, "time": timestamp(now)}
    # The line is spliced in as it is, so that requeueing gives back the same bytes.
    return seal_line(json.dumps(reason).encode("ascii")[:-1] + b',"record":' + record.line)


def corrupt(lines: Sequence[bytes], now: datetime) -> bytes:
    """Return the dead letters of lines that are torn, damaged or foreign, one a line, their bytes in base64."""
    letters = []
    for line in lines:
        reason = {"reason": "corrupt", "time": timestamp(now), "bytes": base64.b64encode(line).decode("ascii")}
        letters.append(seal_line(json.dumps(reason).encode("ascii")[:-1]))
    return b"\n".join(letters)
