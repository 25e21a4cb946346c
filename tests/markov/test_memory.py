from pathlib import Path

import pytest

from separatrix.markov import memory


def test_this_machine_says_something_sensible():
    free = memory.available_bytes()
    assert free is None or free > 0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    2000 kB\n"}, 2_048_000),
        (
            {
                "/proc/meminfo": "MemAvailable: 2000 kB\n",
                "/sys/fs/cgroup/memory.max": "1000000\n",
                "/sys/fs/cgroup/memory.current": "400000\n",
            },
            600_000,
        ),
        (
            {"/proc/meminfo": "MemAvailable: 2000 kB\n", "/sys/fs/cgroup/memory.max": "max\n"},
            2_048_000,
        ),
        ({}, None),
        ({"/proc/meminfo": "MemAvailable: many kB\n"}, None),
    ],
)
def test_smallest_limit_wins(monkeypatch, files, expected):
    def read(path, **_):
        try:
            return files[str(path)]
        except KeyError:
            raise FileNotFoundError(str(path)) from None

    monkeypatch.setattr(Path, "read_text", read)
    assert memory.available_bytes() == expected


def test_what_does_not_fit_is_told_and_a_trifle_is_not_asked_about(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**8)
    assert memory.short_of(2e8) == 10**8
    assert memory.short_of(9e7) is None
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    assert memory.short_of(1e30) is None
    monkeypatch.setattr(memory, "available_bytes", lambda: 0)
    assert memory.short_of(1e6) is None
    assert memory.short_of(1e9) == 0


def test_words():
    assert memory.human_bytes(1.9e9) == "1.9 GB"
    assert memory.human_bytes(2.5e6) == "2.5 MB"
    assert memory.human_bytes(3000) == "3 kB"
    assert memory.human_bytes(12) == "12 B"
