"""nginx and PostgreSQL, driven into a stuck state and out of it, as predicted.

Both are Debian's. In front of each slow part a queue of 200 and 10 workers: behind nginx an upstream
that takes exp(100 ms) a request; before PostgreSQL a pool of 10 connections with a statement time-out,
each request a ``pg_sleep``. 80 requests/s, time-out 1 s, 3 retries: a 3x spike of 4 s traps it, and
only 10 s with hardly any load let it out. Writes results/real_servers.md; where a server is missing,
it is left out with the reason. PostgreSQL's client comes with the extra `verify`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from separatrix import Program, Schedule, Server, Source, Spike, Work
from separatrix.emulate import Emulation, Target, emulate
from separatrix.emulate.lag import LagMeter
from separatrix.emulate.series import server_grid
from separatrix.emulate.service import Service
from separatrix.emulate.wire import ServerEnd
from separatrix.simulate import simulate

RESULT = Path(__file__).parent / "results" / "real_servers.md"
PARTS = {"before": (2.0, 6.0), "stuck": (14.0, 19.0), "after": (34.0, 42.0)}
HORIZON, STEP = 42.1, 0.5
RUNS, MOST = (
    400,
    0.995,
)  # simulated runs; a real one lies inside 99 % of them, to a request a second


def program(retries: int = 3) -> Program:
    faults = Schedule((Spike("web", 3.0, 6.0, 4.0), Spike("web", 0.01, 19.0, 10.0)))
    built = Program("10 workers", faults=faults)
    built.add_server(Server("db", {"read": Work(10.0)}, qsize=200, thread_pool=10))
    built.add_source(Source("web", "read", 80.0, timeout=1.0, retries=retries))
    built.connect("web", "db")
    return built


# --- the slow parts ------------------------------------------------------------------------------


async def upstream() -> None:
    """A server of ours, as the slow upstream of nginx."""
    loop = asyncio.get_running_loop()
    server = program().servers[0]
    rng = np.random.default_rng(1)
    grid = server_grid(60.0, 3600.0)
    service = Service(server, Schedule(), {}, grid, LagMeter(), loop.time(), rng)

    def take(end: ServerEnd, url: str, headers: dict[str, str]) -> None:
        service.take(end, "/read", {})

    listening = await loop.create_server(lambda: ServerEnd(take), "127.0.0.1", 0, backlog=4096)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def pool(dsn: str) -> None:
    """A bounded queue before ten connections to PostgreSQL, each with a statement time-out."""
    import psycopg

    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[ServerEnd] = asyncio.Queue()
    present = 0
    rng = np.random.default_rng(1)

    async def worker() -> None:
        nonlocal present
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute("SET statement_timeout = '5s'")
            while True:
                end = await waiting.get()
                await connection.execute("SELECT pg_sleep(%s)", (float(rng.exponential(0.1)),))
                present -= 1
                end.answer(200)

    def take(end: ServerEnd, url: str, headers: dict[str, str]) -> None:
        nonlocal present
        if present < 200:
            present += 1
            waiting.put_nowait(end)

    workers = [loop.create_task(worker()) for _ in range(10)]
    listening = await loop.create_server(lambda: ServerEnd(take), "127.0.0.1", 0, backlog=4096)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in workers:
        task.cancel()


@contextmanager
def child(*arguments: str) -> Iterator[int]:
    """This file as a server of its own; its port."""
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@contextmanager
def nginx() -> Iterator[Target]:
    with child("upstream") as port, tempfile.TemporaryDirectory() as folder:
        own = free_port()
        config = Path(folder) / "nginx.conf"
        config.write_text(
            f"worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
            "events { worker_connections 8192; }\n"
            "http { access_log off;\n"
            + "".join(
                f"  {kind}_temp_path {folder}/{kind};\n"
                for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            + f"  upstream slow {{ server 127.0.0.1:{port}; keepalive 64; }}\n"
            f"  server {{ listen 127.0.0.1:{own} backlog=4096;\n"
            "    location / { proxy_pass http://slow; proxy_http_version 1.1;\n"
            '      proxy_set_header Connection ""; proxy_read_timeout 60s; } } }\n'
        )
        process = subprocess.Popen(
            [shutil.which("nginx") or "nginx", "-c", str(config), "-p", folder, "-g", "daemon off;"]
        )
        try:
            time.sleep(1.0)
            yield Target("127.0.0.1", own, "/")
        finally:
            process.terminate()
            process.wait()


@contextmanager
def postgres() -> Iterator[Target]:
    tools = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    with tempfile.TemporaryDirectory() as folder:
        data, port = Path(folder) / "data", free_port()
        as_user: list[str] = []
        if os.getuid() == 0:  # it refuses to run as root
            shutil.chown(folder, "postgres")
            as_user = ["runuser", "-u", "postgres", "--"]
        subprocess.run(
            [*as_user, tools / "initdb", "-D", data, "-A", "trust", "-U", "postgres"],
            check=True, capture_output=True,
        )  # fmt: skip
        server = subprocess.Popen(
            [*as_user, tools / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1",
             "-k", folder, "-c", "fsync=off"],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            time.sleep(3.0)
            with child(
                "pool", f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
            ) as front:
                yield Target("127.0.0.1", front, "/read")
        finally:
            subprocess.run([*as_user, tools / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
                           check=False, capture_output=True)  # fmt: skip
            server.wait()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- predicted and measured ----------------------------------------------------------------------


def measured(run: Emulation) -> dict[str, float]:
    return {name: run.rate("web", "goodput", *span) for name, span in PARTS.items()}


def predicted(retries: int) -> dict[str, np.ndarray]:
    """Part -> ends of the band of single runs, with the mean between them."""
    result = simulate(
        program(retries), horizon=HORIZON, step=STEP, runs=RUNS, keep=True, progress=False
    )
    series = result.to_xarray(runs=True).goodput.values[:, :, 0]
    moment = np.arange(series.shape[1]) * STEP
    found: dict[str, np.ndarray] = {}
    for name, (a, b) in PARTS.items():
        means = series[:, (moment > a) & (moment <= b)].mean(axis=1)
        low, high = np.quantile(means, (1 - MOST, MOST))
        found[name] = np.array([low, means.mean(), high])
    return found


def main() -> int:
    places: dict[str, tuple[Callable[[], object], str]] = {
        "nginx, slow upstream": (nginx, "" if shutil.which("nginx") else "nginx is not installed"),
        "PostgreSQL, pool of 10": (
            postgres,
            "" if list(Path("/usr/lib/postgresql").glob("*/bin/postgres")) else "no PostgreSQL",
        ),
    }
    lines = [
        "# Servers that people run",
        "",
        "Requests answered in time [1/s]: predicted mean (99 % of simulated runs) / measured in one run, before",
        "the spike, after it, and after ten seconds with hardly any load.",
        "",
        "| server | retries | before | after the spike | after the pause | lag p99 [ms] | reading |",
        "|---|---|---|---|---|---|---|",
    ]
    wrong = False
    for name, (place, missing) in places.items():
        if missing:
            lines.append(f"| {name} | | | | | | left out: {missing} |")
            continue
        for retries in (3, 0):
            expected = predicted(retries)
            for attempt in range(3):
                with place() as target:
                    run = emulate(
                        program(retries), horizon=HORIZON, step=STEP, target=target, seed=attempt
                    )
                if run.status == "ok":
                    break
            seen = measured(run)
            right = run.status == "ok" and all(
                expected[p][0] - 1 <= seen[p] <= expected[p][2] + 1 for p in PARTS
            )
            wrong = wrong or not right
            lag = 1e3 * max(lag.p99 for lag in run.lags.values())
            cells = " | ".join(
                f"{expected[p][1]:.3g} ({expected[p][0]:.3g} .. {expected[p][2]:.3g}) / {seen[p]:.3g}"
                for p in PARTS
            )
            word = "right" if right else f"WRONG {run.reason}"
            lines.append(f"| {name} | {retries} | {cells} | {lag:.1f} | {word} |")
            print(lines[-1], flush=True)
    RESULT.write_text("\n".join([*lines, ""]))
    return int(wrong)


if __name__ == "__main__":
    if sys.argv[1:2] == ["upstream"]:
        asyncio.run(upstream())
    elif sys.argv[1:2] == ["pool"]:
        asyncio.run(pool(sys.argv[2]))
    else:
        sys.exit(main())
