r"""The threads of one server: what they work on, how fast, and what they take up next.

With q attempts at the server, c threads of which W are held by calls that are waited for,
:math:`\min(q, c) - W` threads work, each at rate :math:`\mu\,s(x)`; s is the slowdown under load.
"""

from __future__ import annotations

import numpy as np

from separatrix.model import Server
from separatrix.population.frame import (
    Frame,
    Once,
    Outcome,
    certain,
    product,
    rest,
    room,
    summed,
)
from separatrix.population.lattice import Array, RateFunction, State
from separatrix.population.service_phases import ServicePhases


class Workplace:
    """A server in a frame: its queue, its threads and their phases of service.

    Attributes
    ----------
    server : as described.
    phases : of its service.
    q : axis of the queue length.
    occupied : axis of the threads in each phase; None for the first, which has none.
    held_by : numbers of threads held by calls that are waited for; filled in as these are found.
    speed : relative to an unloaded server.
    working : threads that work themselves.
    """

    def __init__(self, frame: Frame, server: Server, phases: ServicePhases) -> None:
        self.frame, self.server, self.phases = frame, server, phases
        self.q = frame.axis(f"queue[{server.name}]", server.qsize + 1, "queue")
        self.held_by: list[RateFunction] = []
        self.occupied: list[int | None] = [None]
        for phase in phases.phases[1:]:
            axis = frame.axis(f"{phase.name}[{server.name}]", server.thread_pool + 1, "phase")
            self.occupied.append(axis)
        self.working: RateFunction = Once(self._working)
        self.speed: RateFunction = Once(self._speed) if server.slowdown else certain
        self._name_approximations()

    def _name_approximations(self) -> None:
        note, phases = self.frame.note, self.phases
        if phases.averaged:
            note(
                "the services at a server differ; every attempt is served at the rate of the average "
                "request, as if the mix at the server were that of new requests"
            )
        if not phases.plain:
            note(
                "whether an attempt is in time is judged by a gamma law with the mean and variance "
                "of its sojourn; the service under way is taken as just begun"
            )
        if self.server.slowdown is not None:
            note(
                "service speed follows the load at every moment (not at the start of each service), and "
                "an attempt's sojourn is judged at the speed that it finds"
            )

    def held(self, x: State) -> Array:
        """Threads held by calls that are waited for."""
        return summed(self.held_by)(x)

    def _working(self, x: State) -> Array:
        present = np.minimum(x[self.q], self.server.thread_pool)
        return np.maximum(present - self.held(x), 0.0) if self.held_by else present

    def _speed(self, x: State) -> Array:
        slowdown = self.server.slowdown
        if slowdown is None:
            return np.ones(())
        n = x[self.q]
        if slowdown.by == "in_service":
            n = np.minimum(n, self.server.thread_pool)
        # a service begins with at least its own attempt there
        n = np.maximum(n, 1.0)
        return 1.0 / (1.0 + slowdown.coefficient * (n / slowdown.scale) ** slowdown.exponent)

    def occupancy(self, n: int) -> RateFunction:
        """Threads in service phase `n`."""
        axis = self.occupied[n]
        if len(self.occupied) == 1:
            return self.working
        if axis is None:
            return lambda x: np.maximum(self.working(x) - self._elsewhere(x), 0.0)

        def there(x: State) -> Array:
            # never more than work, as in states that can be reached
            most = self.working(x) / np.maximum(self._elsewhere(x), 1e-300)
            return x[axis] * np.minimum(most, 1.0)

        return there

    def _elsewhere(self, x: State) -> Array:
        """Threads in a phase other than the first."""
        return sum((x[a] for a in self.occupied if a is not None), start=np.zeros(()))

    def mend(self) -> None:
        """From states with more threads in phases of service than work, a way back."""
        rate = 1.0 / self.phases.mean
        for axis in self.occupied:
            if axis is not None:
                self.frame.move(
                    f"{self.server.name} is mended", self._excess(axis, rate), {axis: -1}
                )

    def _excess(self, axis: int, rate: float) -> RateFunction:
        def excess(x: State) -> Array:
            over = np.maximum(self._elsewhere(x) - self.working(x), 0.0)
            return rate * over * (x[axis] > 0)

        return excess

    def completion(self, n: int) -> RateFunction:
        """Rate [1/s] at which threads leave service phase `n`."""
        rate, occupancy = self.phases.phases[n].rate, self.occupancy(n)
        return product(lambda x: rate * occupancy(x), self.speed)

    def work_done(self) -> RateFunction:
        """Rate [1/s] at which the own work of attempts is over."""
        return summed([self.completion(n) for n, p in enumerate(self.phases.phases) if p.done])

    def starting(self, starts: RateFunction, freed: int | None = None) -> list[Outcome]:
        """A thread may take up an attempt (with chance `starts`): the phase in which it begins.

        freed : axis of the phase that the thread leaves at the same moment.
        """
        begun: list[Outcome] = []
        for n, phase in enumerate(self.phases.phases[1:], 1):
            axis = self.occupied[n]
            if phase.start and axis is not None:
                begun.append(
                    Outcome(self._begins(phase.start, axis, starts, axis == freed), {axis: 1})
                )
        if not begun:
            return [Outcome(certain, {})]
        return [*begun, Outcome(rest([b.chance for b in begun]), {})]

    def _begins(
        self, share: float, axis: int, starts: RateFunction, one_less: bool
    ) -> RateFunction:
        threads = self.server.thread_pool + int(one_less)
        return lambda x: share * np.minimum(starts(x), room(x[axis], threads))

    def on_leaving(self, freed: int | None = None) -> list[Outcome]:
        """An attempt leaves: queue and, if others wait, the service phase of the next."""
        q, c = self.q, self.server.thread_pool
        next_ = self.starting(lambda x: np.clip(x[q] - c, 0.0, 1.0), freed)
        return [Outcome(b.chance, {q: -1, **b.jump}) for b in next_]
