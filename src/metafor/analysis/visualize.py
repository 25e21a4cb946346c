"""`Visualizer`: the phase portrait of a program, and its stationary law."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from metafor.analysis.experiment import Parameter, ParameterList, Setting, changed, settings
from metafor.ctmc import SingleServerCTMC
from metafor.dsl.dsl import Program
from separatrix.errors import ModelError, Problem, Unsupported
from separatrix.fluid.rest import rest_from
from separatrix.population import Array, Population, RateFunction, Transition
from separatrix.questions.portrait import Portrait, describe, portrait
from separatrix.questions.regimes import Regimes, regimes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Range: TypeAlias = tuple[float, float]
_POINTS = 61


class Visualizer:
    """Pictures of a program, returned as matplotlib figures and written as PNG files.

    Parameters
    ----------
    program : what to draw.
    directory : where the pictures go; made where it is not there.
    """

    def __init__(self, program: Program, directory: str | os.PathLike[str] = "results") -> None:
        self.program = program
        self.directory = Path(directory)

    def visualize(
        self,
        param: Parameter | ParameterList | None = None,
        qrange: Range | None = None,
        orange: Range | None = None,
        show_equilibrium: bool = False,
    ) -> list[Figure]:
        """Draw the mean drift over queue and orbit; no window opens.

        Parameters
        ----------
        param : draw once for every setting of these parameters; by default the program as it is.
        qrange, orange : lowest and highest queue [requests] and orbit [requests] shown; by default all
            of the queue, and the orbits that occur.
        show_equilibrium : also mark where the drift vanishes, say so below the picture, and draw the
            stationary law beside it.

        Raises ModelError for a wrong program, range or parameter, and `Unsupported` for what
        Metafor's chain cannot carry.
        """
        figures: list[Figure] = []
        for setting in [{}] if param is None else settings(param):
            program = changed(self.program, setting) if setting else self.program
            figures += self._drawn(program, _words(setting), qrange, orange, show_equilibrium)
        return figures

    def visualize_general(self, **options: Any) -> list[Figure]:
        """`visualize`, also for several servers: a picture of each, in the order of the program.

        A picture shows the mean drift of one server's queue and orbit while those of the others stay
        where the mean dynamics rest that start from the empty service.

        options : as in `visualize`; raises what that raises.
        """
        if len(self.program.servers) == 1:
            return self.visualize(**options)
        param = options.pop("param", None)
        figures: list[Figure] = []
        for setting in [{}] if param is None else settings(param):
            program = changed(self.program, setting) if setting else self.program
            figures += self._each(program, _words(setting), **options)
        return figures

    def _each(
        self, program: Program, words: str, qrange: Range | None = None,
        orange: Range | None = None, show_equilibrium: bool = False,
    ) -> list[Figure]:  # fmt: skip
        from separatrix.views.figures import phase_portrait
        from separatrix.views.figures_canvas import save_figure

        figures: list[Figure] = []
        for part in slices(program.build().population):
            picture = _windowed(regimes(part), qrange, orange)
            caption = f"{words} {part.name}: the other servers at rest.".strip()
            if show_equilibrium:
                caption = f"{caption} {describe(picture.points, part)}"
            else:
                picture = replace(picture, points=())
            figure = phase_portrait(picture, caption)
            name = re.sub(r"\W+", "_", f"{part.name} {words}").strip("_")
            save_figure(figure, self.directory / f"{name}_portrait.png")
            figures.append(figure)
        return figures

    def _drawn(
        self,
        program: Program,
        words: str,
        qrange: Range | None,
        orange: Range | None,
        show_equilibrium: bool,
    ) -> list[Figure]:
        from separatrix.views.figures import law_heat_map, phase_portrait
        from separatrix.views.figures_canvas import save_figure

        chain = program.build()
        if not isinstance(chain, SingleServerCTMC):
            count = len(program.servers)
            raise Unsupported("visualize", f"{count} servers", "call visualize_general")
        population, log_pi = _with_orbit_or_without(chain)
        picture = _windowed(regimes(population), qrange, orange)
        name = re.sub(r"\W+", "_", f"{program.name} {words}").strip("_")
        caption = words
        if show_equilibrium:
            caption = f"{words} {describe(picture.points, population)}".strip()
        else:
            picture = replace(picture, points=())
        figures = {f"{name}_portrait.png": phase_portrait(picture, caption)}
        if show_equilibrium:
            mean = chain.main_queue_size_average(chain.get_stationary_distribution())
            finding = f"{words} In the long run the queue holds {mean:.3g} on average.".strip()
            figures[f"{name}_law.png"] = law_heat_map(population, log_pi, finding)
        for figure in figures.values():
            if qrange is not None:
                figure.axes[0].set_xlim(picture.queue[0], picture.queue[-1])
            if orange is not None and chain.orbit_size > 1:
                figure.axes[0].set_ylim(picture.orbit[0], picture.orbit[-1])
        for file, figure in figures.items():
            save_figure(figure, self.directory / file)
        return list(figures.values())


def slices(population: Population) -> tuple[Population, ...]:
    """One population for each server of Metafor's chain: its queue and orbit, the others at rest."""
    rest = rest_from(population, np.zeros(len(population.axes))).state
    found: list[Population] = []
    for i in population.axes_of("queue"):
        moves = tuple(
            Transition(t.name, t.jump[i : i + 2], _held(t.rate, rest, i))
            for t in population.transitions
            if any(t.jump[i : i + 2])
        )
        name = f"{population.name} {population.axes[i].name}"
        axes = population.axes[i : i + 2]
        found.append(replace(population, name=name, axes=axes, transitions=moves, measures=()))
    return tuple(found)


def _held(rate: RateFunction, rest: Array, i: int) -> RateFunction:
    """A rate of queue and orbit at axes i and i + 1, with the other coordinates at `rest`."""
    return lambda x: rate((*map(np.asarray, rest[:i]), *x, *map(np.asarray, rest[i + 2 :])))


def _with_orbit_or_without(chain: SingleServerCTMC) -> tuple[Population, Array]:
    """The population with its stationary law's logarithm; an orbit that holds nobody is left out."""
    whole, log_pi = chain.population, chain.law.log_pi
    if chain.orbit_size > 1:
        return whole, log_pi

    def alone(rate: RateFunction) -> RateFunction:
        return lambda x: rate((x[0], np.zeros_like(x[0])))

    moves = tuple(
        replace(t, jump=t.jump[:1], rate=alone(t.rate)) for t in whole.transitions if t.jump[0]
    )
    return replace(whole, axes=whole.axes[:1], transitions=moves, measures=()), log_pi[:, 0]


def _windowed(found: Regimes, qrange: Range | None, orange: Range | None) -> Portrait:
    """The portrait on the asked window of the plane, cut to the chain's own box."""
    population = found.population
    top_q = population.shape[0] - 1.0
    span = _span(qrange, top_q, "qrange")
    whole = portrait(found, resolution=_POINTS)
    if len(population.axes) == 1:
        q = np.linspace(*span, _POINTS)
        drift = np.tile(population.drift((q,))[0], (2, 1))
        return replace(whole, queue=q, queue_drift=drift, orbit_drift=0.0 * drift)
    highest = max([4.0, *(1.5 * float(point.state[1]) for point in whole.points)])
    q = np.linspace(*span, _POINTS)
    top_o = population.shape[1] - 1.0
    o = np.linspace(*_span(orange or (0.0, highest), top_o, "orange"), _POINTS)
    Q, R = np.meshgrid(q, o)
    queue_drift, orbit_drift = population.drift((Q, R))
    ridge = None
    if found.committor is not None:
        ridge = found.committor.probability[
            np.ix_(np.rint(q).astype(int), np.rint(o).astype(int))
        ].T
    return replace(
        whole, queue=q, orbit=o, queue_drift=queue_drift, orbit_drift=orbit_drift, ridge=ridge
    )


def _span(given: Range | None, top: float, name: str) -> Range:
    low, high = (0.0, top) if given is None else given
    if not 0.0 <= low < min(high, top):
        raise ModelError(
            Problem(
                f"{given!r} shows nothing",
                name,
                f"give (low, high) with 0 <= low < high <= {top:g}",
            )
        )
    return low, min(high, top)


def _words(setting: Setting) -> str:
    """A setting for a caption, such as ``client arrival_rate = 8.``"""
    said = [f"{' '.join(map(str, name[1:]))} = {value}" for name, value in setting.items()]
    return ", ".join(said) + "." * bool(said)
