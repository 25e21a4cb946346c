"""The two names that Metafor's README uses without saying where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from metafor.dsl.dsl import Program, Server, Source, Work
from separatrix.model.quantities import duration_text


def program() -> Program:
    """The program of the README's first example: 9.5 requests/s at a server of 10/s."""
    made = Program("Service52")
    made.add_server(Server("52", {"insert": Work(10)}, qsize=100, orbit_size=20, thread_pool=1))
    made.add_source(Source("client", "insert", 9.5, timeout=3, retries=4))
    made.connect("client", "52")
    return made


@dataclass(frozen=True)
class BasicStats:
    """What `basic_stats` prints.

    Attributes
    ----------
    average_queue_size : stationary mean [requests].
    eigenvalues : real parts of the eigenvalues nearest to 0 [1/s], in descending order.
    mixing_time : ln(100) / spectral gap [s].
    full_to_empty : expected time from the fullest state to the empty one [s].
    """

    average_queue_size: float
    eigenvalues: tuple[float, ...]
    mixing_time: float
    full_to_empty: float

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "average_queue_size_requests": self.average_queue_size,
            "eigenvalues_per_s": list(self.eigenvalues), "mixing_time_s": self.mixing_time,
            "full_to_empty_s": self.full_to_empty,
        }  # fmt: skip

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.6g}" for value in self.eigenvalues)
        return "\n".join(
            (
                f"Average queue size: {self.average_queue_size:.6g} requests",
                f"Sorted eigenvalues [1/s]: {shown}, ...",
                f"Mixing time: {self.mixing_time:.6g} s",
                f"Expected hitting time, full to empty: {self.full_to_empty:.6g} s"
                f" ({duration_text(self.full_to_empty)})",
            )
        )


def basic_stats(p: Program) -> BasicStats:
    """Print and return a program's average queue, eigenvalues, mixing time and time to drain.

    With several servers the queue is the first server's. Raises ModelError where the program is wrong
    and NotConverged where a number could not be certified.
    """
    chain = p.build()
    stats = BasicStats(
        chain.main_queue_size_average(chain.get_stationary_distribution()),
        tuple(chain.get_eigenvalues().tolist()),
        chain.get_mixing_time(),
        chain.time_to_drain(),
    )
    print(stats)
    return stats
