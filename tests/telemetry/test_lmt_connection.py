"""Against a real MariaDB, which the test starts for itself on loopback and stops again."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Counters, concat
from separatrix.telemetry.lmt import read_lmt
from separatrix.telemetry.lmt_connection import connected

pymysql = pytest.importorskip("pymysql", reason="pymysql is not installed")


def _test_lmt():
    """Import the neighbour, which import-mode importlib does not make importable by name."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        "lmt_rows", Path(__file__).with_name("test_lmt.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Running:
    port: int
    socket: str
    admin: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    daemon = shutil.which("mariadbd") or shutil.which("mysqld") or "/usr/sbin/mariadbd"
    install = shutil.which("mariadb-install-db") or shutil.which("mysql_install_db")
    if not Path(daemon).exists() or install is None:
        pytest.skip("no MariaDB server is installed (package mariadb-server)")
    # a socket's path may have 107 letters, pytest's own folders can be longer
    import tempfile

    with tempfile.TemporaryDirectory(prefix="lmt") as name:
        folder = Path(name)
        data = folder / "data"
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                f"--user={_me()}",
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        place = str(folder / "s.sock")
        process = subprocess.Popen(
            [
                daemon,
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={place}",
                f"--port={port}",
                "--bind-address=127.0.0.1",
                f"--pid-file={folder}/pid",
                f"--user={_me()}",
                "--innodb-buffer-pool-size=16M",
                "--innodb-flush-log-at-trx-commit=0",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _fill(place, process)
            yield Running(port, place, "root")
        finally:
            process.terminate()
            process.wait(timeout=60)


def _me() -> str:
    import getpass

    return getpass.getuser()


def _fill(place: str, process: subprocess.Popen) -> None:
    for _ in range(300):
        try:
            connection = pymysql.connect(unix_socket=place, user="root", autocommit=True)
            break
        except pymysql.err.OperationalError:
            assert process.poll() is None, "mariadbd has ended"
            time.sleep(0.1)
    else:
        pytest.fail("mariadbd does not answer")
    lmt = _test_lmt()
    clock = [*lmt.CLOCK, "2019-01-01 00:00:20"]
    tables = lmt.rows(clock, [2**40, 2**40 + 10, 2**40 + 30, 7, 9], mkdirs=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE filesystem_fs")
        cursor.execute("CREATE DATABASE empty_fs")
        cursor.execute("CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'pa/ss@word'")
        cursor.execute("GRANT SELECT ON *.* TO 'reader'@'127.0.0.1'")
        cursor.execute("USE filesystem_fs")
        for statement in lmt.SCHEMA.split(";"):
            if statement.strip():
                cursor.execute(statement)
        for name, content in tables.items():
            marks = ", ".join(["%s"] * len(content[0]))
            cursor.executemany(f"INSERT INTO {name} VALUES ({marks})", content)  # noqa: S608  (own names)


def _url(server: Running, code: str = "pa%2Fss%40word", schema: str = "filesystem_fs") -> str:
    return f"mysql://reader:{code}@127.0.0.1:{server.port}/{schema}"


def _check(c: Counters) -> None:
    opens = c.counts[c.operations.index("open"), 0]
    assert opens[:2].tolist() == [10, 20]
    assert np.isnan(opens[2])
    assert opens[3] == 2
    assert c.cpu.tolist() == [[1, 2, 3, 4]]
    assert c.targets == ("fs-MDT0000",)
    assert c.latency_sum is not None
    assert c.latency_sum[c.operations.index("mkdir"), 0, 0] == 1_000


def test_over_tcp_with_a_password(server: Running) -> None:
    c = concat(read_lmt(_url(server)))
    _check(c)
    assert c.sources == ("mysql://reader@127.0.0.1/filesystem_fs",)
    assert "pa/ss" not in repr(c.quality)


def test_password_from_the_environment(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"mariadb://reader@127.0.0.1:{server.port}/filesystem_fs?password_env=LMT_PW&timeout=5"
    monkeypatch.delenv("LMT_PW", raising=False)
    with pytest.raises(DataError, match="no variable LMT_PW"):
        concat(read_lmt(url))
    monkeypatch.setenv("LMT_PW", "pa/ss@word")
    _check(concat(read_lmt(url, fs="fs", start=1_546_300_800.0, end=1_546_300_830.0)))


def test_over_a_socket(server: Running) -> None:
    url = f"mysql://root@localhost/filesystem_fs?unix_socket={server.socket}"
    _check(concat(read_lmt(url)))


def test_refusals(server: Running) -> None:
    with pytest.raises(DataError, match="cannot connect") as wrong:
        concat(read_lmt(_url(server, "wr0ng")))
    assert "wr0ng" not in str(wrong.value)
    with pytest.raises(DataError, match="cannot connect"):
        concat(read_lmt(_url(server, schema="nothing")))
    with pytest.raises(DataError, match=r"the database refused.*FILESYSTEM_INFO"):
        concat(read_lmt(_url(server, schema="empty_fs")))


def test_nobody_listens() -> None:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        pytest.raises(DataError, match="cannot connect"),
        connected(f"mysql://u@127.0.0.1:{port}/x?timeout=2"),
    ):
        pass


def test_unknown_options() -> None:
    with (
        pytest.raises(DataError, match=r"unknown database option.*tls"),
        connected("mysql://u@h/x?tls=1"),
    ):
        pass


def test_null_and_blocks(server: Running) -> None:
    with connected(_url(server)) as database:
        (block,) = database.blocks("SELECT 1, NULL UNION ALL SELECT 2.5, %s", (7,))
        assert block[0, 0] == 1
        assert np.isnan(block[0, 1])
        assert block[1].tolist() == [2.5, 7]
