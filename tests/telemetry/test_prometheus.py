from __future__ import annotations

import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import QualityLog, concat, prometheus
from separatrix.telemetry.prometheus import Server, query_range, read_prometheus, read_saved

GOOD, BAD = "s3cret", "wr0ng"


class Fake(BaseHTTPRequestHandler):
    """A Prometheus whose counters grow by 2 per second, and whose one processor is 30 % idle."""

    asked: list[dict[str, str]]
    seen_tokens: list[str | None]
    behaviour = "good"

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {k: v[0] for k, v in urllib.parse.parse_qs(body).items()}
        type(self).asked.append(asked)
        type(self).seen_tokens.append(self.headers.get("Authorization"))
        how = type(self).behaviour
        if how == "slow":
            time.sleep(1.5)
        if how == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/steal")
            self.end_headers()
            return
        if how == "refuse" and self.headers.get("Authorization") != f"Bearer {GOOD}":
            self._answer(401, "who are you?")
            return
        if how == "garbage":
            self._answer(200, "<html>login</html>")
            return
        if how == "error":
            self._answer(400, json.dumps({"status": "error", "error": "invalid parameter"}))
            return
        if how == "short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{")
            return
        self._answer(
            200,
            json.dumps(
                {
                    "status": "success",
                    "data": {"resultType": "matrix", "result": self._series(asked)},
                }
            ),
        )

    def _answer(self, code: int, text: str) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def _series(self, asked: dict[str, str]) -> list[dict]:
        query = asked["query"]
        stamps = np.arange(float(asked["start"]), float(asked["end"]) + 1e-6, float(asked["step"]))
        common = {"component": "mdt", "target": "fs-MDT0000", "instance": "mds1:32221"}
        if query.startswith("sum by (jobid"):
            length = float(query.split("[")[1].split("s]")[0])
            labels, values = (
                {"jobid": "app.7", "operation": "open", "target": "fs-MDT0000"},
                2 * length + 0 * stamps,
            )
        elif query.startswith("lustre_stats_total"):
            labels, values = (
                {"__name__": "lustre_stats_total", "operation": "open", **common},
                2 * stamps,
            )
        elif query.startswith("node_cpu"):
            labels = {
                "__name__": "node_cpu_seconds_total",
                "mode": "idle",
                "cpu": "0",
                "instance": "mds1:9100",
            }
            values = 0.3 * stamps
        else:
            return []
        return [
            {"metric": labels, "values": [[t, str(v)] for t, v in zip(stamps, values, strict=True)]}
        ]


@pytest.fixture
def address() -> Iterator[str]:
    Fake.asked, Fake.seen_tokens, Fake.behaviour = [], [], "good"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_range(address: str) -> None:
    server = Server(address + "/", token=GOOD, step=60.0)
    c = concat(read_prometheus(server, start=1_000_020.0, end=1_000_020.0 + 7_200))
    assert c.n_intervals == 120
    assert c.rates.ravel() == pytest.approx(2.0)
    assert c.cpu.ravel() == pytest.approx(70.0)
    assert c.accounts is not None
    assert c.accounts.counts.tolist() == [[7_200.0, 7_200.0]]
    assert c.accounts.by("user").labels == ("7",)
    assert set(Fake.seen_tokens) == {"Bearer s3cret"}
    assert "s3cret" not in str(c.quality) + repr(c.sources)


def test_long_ranges_are_asked_for_in_parts(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "POINTS", 25)
    server = Server(address, step=60.0, accounts=1_000.0, select='cluster="a"')
    parts = list(read_prometheus(server, start=0.0, end=6_000.0))
    assert [p.n_intervals for p in parts] == [25, 25, 25, 25]
    c = concat(parts)
    assert c.counts.sum() == pytest.approx(12_000)
    assert c.accounts is not None
    assert c.accounts.counts.sum() == pytest.approx(12_000)
    assert all('cluster="a"' in a["query"] for a in Fake.asked)
    assert set(Fake.seen_tokens) == {None}


def test_without_accounts(address: str) -> None:
    (c,) = read_prometheus(Server(address, accounts=None), start=0.0, end=600.0)
    assert c.accounts is None
    assert not any("jobid" in a["query"] for a in Fake.asked)


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("refuse", r"HTTP 401 .*who are you.*check the token"),
        ("slow", r"does not answer: .*time.*raise the time-out \(0.3 s\)"),
        ("garbage", "is not JSON"),
        ("error", "HTTP 400 .*invalid parameter"),
        ("redirect", "redirection to http://127.0.0.1:1/steal"),
        ("short", "does not answer"),
    ],
)
def test_servers_that_misbehave(address: str, behaviour: str, message: str) -> None:
    Fake.behaviour = behaviour
    server = Server(address, token=BAD, timeout=0.3)
    with pytest.raises(DataError, match=message) as wrong:
        list(read_prometheus(server, start=0.0, end=600.0))
    assert "wr0ng" not in str(wrong.value)


def test_no_server_and_no_address() -> None:
    with pytest.raises(DataError, match="does not answer"):
        query_range(Server("http://127.0.0.1:1", timeout=1.0), "up", 0, 1)
    for url in ("file:///etc/passwd", "ftp://x", "nonsense"):
        with pytest.raises(DataError, match="no http or https address"):
            query_range(Server(url), "up", 0, 1)
    with pytest.raises(DataError, match="must be positive"):
        list(read_prometheus(Server("http://x"), start=5.0, end=5.0))


def test_a_server_without_lustre(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "STATS", "other_total")
    with pytest.raises(DataError, match="holds no two readings"):
        list(read_prometheus(Server(address), start=0.0, end=600.0))


def _saved(path: Path, name: str | None = "lustre_stats_total") -> str:
    metric = {"component": "mdt", "target": "fs-MDT0000", "operation": "open", "instance": "m:1"}
    if name:
        metric["__name__"] = name
    values = [[60 * i, str(10 * i)] for i in range(4)]
    path.write_text(
        json.dumps(
            {
                "status": "success",
                "data": {"resultType": "matrix", "result": [{"metric": metric, "values": values}]},
            }
        )
    )
    return str(path)


def test_saved_answers(tmp_path: Path) -> None:
    c = read_saved(_saved(tmp_path / "a.json"), log=QualityLog())
    assert c.counts.ravel().tolist() == [10, 10, 10]
    assert c.quality.files == 1
    with pytest.raises(DataError, match=r"\(no name\); save the plain series, not rate\(\)"):
        read_saved(_saved(tmp_path / "b.json", None))
