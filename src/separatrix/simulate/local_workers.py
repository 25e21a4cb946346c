"""Worker processes on this machine; one that dies is replaced, and its span is run again."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, cast

from separatrix.errors import SeparatrixError
from separatrix.simulate.worker import receive, send

MOST_DEATHS = 3  # of workers over the same span


class LocalWorkers:
    """Runs spans of a packed job on `count` processes; results come back as they are ready.

    No pickles and no import of the caller's script: a worker runs `worker.main`,
    and what passes over its pipes are arrays and text.
    """

    def __init__(self, job: bytes, count: int) -> None:
        self._job = job
        self._spans: queue.Queue[tuple[int, int] | None] = queue.Queue()
        self._results: queue.Queue[bytes | Exception] = queue.Queue()
        self._count = count
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, args=(i,), daemon=True) for i in range(count)
        ]

    def __enter__(self) -> LocalWorkers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        for _ in self._threads:
            self._spans.put(None)
        for process in list(self._processes.values()):
            process.kill()
        for thread in self._threads:
            thread.join()

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers alive."""
        return [p.pid for p in list(self._processes.values()) if p.poll() is None]

    def submit(self, first: int, count: int) -> None:
        """Ask for runs ``first .. first + count - 1``."""
        self._spans.put((first, count))

    def results(self) -> Iterator[bytes]:
        """Packed batches as they become ready; raises what a worker could not do."""
        while True:
            result = self._results.get()
            if isinstance(result, Exception):
                raise result
            yield result

    def _start(self, i: int) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        process = subprocess.Popen(
            [sys.executable, "-c", "from separatrix.simulate.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._processes[i] = process
        send(cast(BinaryIO, process.stdin), self._job)
        return process

    def _serve(self, i: int) -> None:
        process: subprocess.Popen[bytes] | None = None
        try:
            while (span := self._spans.get()) is not None and not self._closing.is_set():
                deaths = 0
                while True:
                    answer: tuple[bytes, bool] | None = None
                    try:
                        if process is None:
                            process = self._start(i)
                        answer = self._ask(process, span)
                    except (BrokenPipeError, OSError):
                        answer = None
                    if answer is not None:
                        break
                    if process is not None:
                        process.kill()
                        process.wait()
                    process = None
                    deaths += 1
                    if self._closing.is_set():
                        return
                    if deaths == MOST_DEATHS:
                        self._results.put(
                            SeparatrixError(
                                f"{deaths} workers died over runs {span[0]}..{sum(span) - 1}; "
                                "see what they printed, or try workers=1"
                            )
                        )
                        return
                data, failed = answer
                if failed:
                    self._results.put(SeparatrixError(json.loads(data)["error"]))
                    return
                self._results.put(data)
        finally:
            if process is not None:
                process.kill()
                process.wait()

    def _ask(
        self, process: subprocess.Popen[bytes], span: tuple[int, int]
    ) -> tuple[bytes, bool] | None:
        send(cast(BinaryIO, process.stdin), f"{span[0]},{span[1]}".encode())
        return receive(cast(BinaryIO, process.stdout))
