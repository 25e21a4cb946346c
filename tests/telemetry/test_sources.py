"""Every kind of source through the one door."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import load


def test_text_exposition(tmp_path: Path) -> None:
    for i in range(3):
        path = tmp_path / f"{i}.prom"
        path.write_text(
            f'lustre_stats_total{{component="mdt",operation="open",target="fs-MDT0000"}} {10 * i}\n'
            f'lustre_job_stats_total{{component="mdt",jobid="a.7",operation="open",'
            f'target="fs-MDT0000"}} {10 * i}\n'
        )
        os.utime(path, (1_000 + 60 * i, 1_000 + 60 * i))
    c = load(str(tmp_path / "*"), fs="fs")
    assert c.values.ravel().tolist() == [10, 10]
    assert c.accounts is not None
    assert c.accounts.by("user").labels == ("7",)


def _matrix(values: list[list[object]]) -> str:
    metric = {
        "__name__": "lustre_stats_total",
        "component": "mdt",
        "target": "fs-MDT0000",
        "operation": "open",
        "instance": "mds1:32221",
    }
    result = [{"metric": metric, "values": values}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def test_saved_answers(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_text(_matrix([[60 * i, str(6 * i)] for i in range(4)]))
    assert load(str(path)).values.ravel().tolist() == [6, 6, 6]


class Prometheus(BaseHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        good = self.headers.get("Authorization") == "Bearer abc"
        self.send_response(200 if good else 401)
        self.end_headers()
        if good and "lustre_stats_total" in asked:
            self.wfile.write(_matrix([[60 * i, str(6 * i)] for i in range(11)]).encode())
        elif good:
            self.wfile.write(b'{"data": {"resultType": "matrix", "result": []}}')


def test_a_server(tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Prometheus)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url, word = f"http://127.0.0.1:{server.server_port}", "abc"
        c = load(url, start=0, end=600, token=word, cache=tmp_path)
        assert c.values.sum() == 60
        assert list(tmp_path.iterdir()) == []  # what a server says may change: never cached
        with pytest.raises(DataError, match="HTTP 401"):
            load(url, start=0, end=600, strict=True)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_database(shared_data: Path) -> None:
    path = str(shared_data / "tokio" / "snx11025_2018-01-28.sqlite3")
    c = load(path, tz="America/Los_Angeles", operations=("open",), fs="snx11025")
    assert c.operations == ("open",)
    assert c.n_intervals == 60
    with pytest.raises(DataError, match="no file system 'x'"):
        load(path, fs="x", strict=True)


def test_parquet_with_times_of_a_zone(tmp_path: Path) -> None:
    import pandas as pd

    index = pd.date_range("2019-01-01", periods=3, freq="5s", tz="Europe/Berlin")
    frame = pd.DataFrame({"time": index, "open": [1.0, 2.0, 3.0]})
    frame.to_parquet(tmp_path / "t.parquet")
    c = load(str(tmp_path / "t.parquet"), tz="Asia/Tokyo")
    assert c.start.tolist() == [index[0].timestamp() + 5 * i for i in range(3)]
    frame["time"] = frame["time"].dt.tz_localize(None)
    frame.to_parquet(tmp_path / "n.parquet")
    c = load(str(tmp_path / "n.parquet"), tz="Europe/Berlin")
    assert np.array_equal(c.start, [index[0].timestamp() + 5 * i for i in range(3)])
