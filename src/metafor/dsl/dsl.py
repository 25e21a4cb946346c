"""`Server`, `Work`, `Source`, `Program` and the rest of Metafor's language, as separatrix has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from metafor.ctmc import MultiServerCTMC, SingleServerCTMC
from separatrix.errors import ModelError, Problem
from separatrix.model import (
    Constants,
    DependentCall,
    Mixture,
    PhaseType,
    Server,
    StateMachine,
    Work,
)
from separatrix.model import Program as _Program
from separatrix.model import Source as _Source
from separatrix.population.metafor import ALPHA, metafor
from separatrix.population.metafor_network import metafor_network

__all__ = [
    "Constants", "DependentCall", "MixtureSource", "PhaseTypeSource", "Program", "Server", "Source",
    "StateMachineSource", "Work",
]  # fmt: skip

Source = _Source
Matrix = Sequence[Sequence[float]]


def StateMachineSource(
    name: str, api_name: str, transition_matrix: Matrix,
    lambda_map: Mapping[Any, float] | Sequence[float], timeout: float = 1.0, retries: int = 0,
) -> Source:  # fmt: skip
    """A source whose rate [1/s] follows a Markov chain (MMPP).

    Parameters
    ----------
    transition_matrix : (n, n) rates [1/s] between the states; the diagonal is rebuilt.
    lambda_map : arrival rate [1/s] in each state: n numbers, or a mapping from state to number that
        is read in the order of its keys.
    """
    if isinstance(lambda_map, Mapping):
        lambda_map = [lambda_map[state] for state in sorted(lambda_map)]
    arrivals = StateMachine(_rows(transition_matrix), _row(lambda_map))
    return Source(name, api_name, timeout=timeout, retries=retries, arrivals=arrivals)


def PhaseTypeSource(
    name: str, api_name: str, initial: Sequence[float], generator: Matrix,
    timeout: float = 1.0, retries: int = 0,
) -> Source:  # fmt: skip
    """A source with phase-type gaps: (n,) starting probabilities, (n, n) sub-generator [1/s]."""
    arrivals = PhaseType(_row(initial), _rows(generator))
    return Source(name, api_name, timeout=timeout, retries=retries, arrivals=arrivals)


def MixtureSource(
    name: str, api_name: str, weights: Sequence[float], rates: Sequence[float],
    timeout: float = 1.0, retries: int = 0,
) -> Source:  # fmt: skip
    """A source whose gaps are exponential, with one of several rates [1/s] by chance."""
    arrivals = Mixture(_row(weights), _row(rates))
    return Source(name, api_name, timeout=timeout, retries=retries, arrivals=arrivals)


class Program(_Program):
    """A program as Metafor's users write it; `build` gives its Markov chain.

    Parameters
    ----------
    name : of the program.
    retry_when_full : whether an attempt that a full queue refuses may come back (see
        `separatrix.population.metafor`).
    """

    def __init__(self, name: str, retry_when_full: bool = False) -> None:
        super().__init__(name)
        self.retry_when_full = retry_when_full

    def build(self, alpha: float = ALPHA) -> SingleServerCTMC | MultiServerCTMC:
        """The Markov chain of a program, entry by entry as Metafor makes it.

        Parameters
        ----------
        alpha : weight of the extra entry that a late arrival makes; with several servers Metafor has none.

        Raises ModelError where the program is wrong, and `Unsupported` where it has a feature that
        Metafor's chain cannot carry.
        """
        if len(self.servers) > 1:
            names = [server.name for server in self.servers]
            return MultiServerCTMC(metafor_network(self.name, self), names)
        population = metafor(self.name, self, alpha=alpha, retry_when_full=self.retry_when_full)
        return SingleServerCTMC(population, self.servers[0], self.sources_of(self.servers[0].name))

    def get_root_server(self) -> Server:
        """The server that no other server calls; ModelError unless there is exactly one."""
        called = {name for names in self.get_callgraph().values() for name in names}
        roots = [server for server in self.servers if server.name not in called]
        if len(roots) != 1:
            found = ", ".join(server.name for server in roots) or "none"
            raise ModelError(Problem(f"one root server is expected, there are: {found}", "servers"))
        return roots[0]

    def get_callees(self, server: str) -> list[Server]:
        """The servers that the server of that name calls, each once."""
        works = self.get_server(server).apis.values()
        names = dict.fromkeys(call.callee for work in works for call in work.downstream)
        return [self.get_server(name) for name in names]

    def get_callgraph(self) -> dict[str, list[str]]:
        """Server name -> names of the servers that it calls."""
        return {s.name: [c.name for c in self.get_callees(s.name)] for s in self.servers}

    def get_requests(self, server: str) -> list[tuple[str, str]]:
        """What the server of that name is asked from outside: (source name, api name) pairs."""
        return [(source.name, source.api) for source in self.sources_of(server)]

    def get_params(self) -> dict[str, Any]:
        """The numbers of a program with one server; per source in the order they were added."""
        server = self.get_root_server()
        sources = self.sources_of(server.name)
        return {
            "qsize": server.qsize, "orbit_size": server.orbit_size,
            "thread_pool": server.thread_pool, "retry_when_full": self.retry_when_full,
            "lambdas": [source.mean_rate for source in sources],
            "mus": [server.apis[source.api].processing_rate for source in sources],
            "timeouts": [source.timeout for source in sources],
            "retries": [source.retries for source in sources],
        }  # fmt: skip

    def print(self) -> None:
        """Print the program in English, with what is almost surely a mistake in it."""
        from separatrix.model.explain import explain

        print(explain(self))


def _row(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in cast(Any, values))


def _rows(values: Matrix) -> tuple[tuple[float, ...], ...]:
    return tuple(_row(row) for row in values)
