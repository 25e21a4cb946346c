"""A worker process: reads a job and spans of runs from its standard input, answers with batches.

Protocol, in both directions: an 8-byte little-endian length, then that many bytes. First the job,
then ``first,count`` as text for each span; the answer is a packed batch, or a JSON object
``{"error": ...}`` after the length's top bit. The worker ends when its input does.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import BinaryIO

ERROR = 1 << 63


def send(pipe: BinaryIO, data: bytes, flag: int = 0) -> None:
    """Write one message."""
    pipe.write((len(data) | flag).to_bytes(8, "little"))
    pipe.write(data)
    pipe.flush()


def receive(pipe: BinaryIO) -> tuple[bytes, bool] | None:
    """Read one message and whether it is an error; None at the end of the pipe."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    length = int.from_bytes(head, "little")
    data = pipe.read(length & ~ERROR)
    if len(data) < length & ~ERROR:
        return None
    return data, bool(length & ERROR)


def main() -> None:
    """Serve one parent until it closes the pipe."""
    from separatrix.errors import SeparatrixError

    source = sys.stdin.buffer
    # whatever else prints must not end up among the messages
    target = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    first = receive(source)
    if first is None:
        return
    from separatrix.simulate.replication import Job, Replicator

    replicator = Replicator(Job.unpack(first[0]))
    # an interrupted or vanished parent is the end of the work, not an error to report
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        while (message := receive(source)) is not None:
            begin, count = (int(part) for part in message[0].split(b","))
            try:
                send(target, replicator.run(begin, count).pack())
            except SeparatrixError as error:
                send(target, json.dumps({"error": str(error)}).encode(), ERROR)
