"""`data_generation` as Metafor's README calls it, over separatrix's request-level simulator.

Differences that its users should know:

* Retries follow queued and dropped attempts, too, and late responses are discarded.
* With several servers the work is passed on: when a server is done with a request it calls the next
  one and does not wait; every hop has the timeout and the retries of the client.
* A server takes `queue_size` waiting requests besides the one in service.
* The files have Metafor's names and a safe content (see `metafor.data_generation.sim_data`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metafor.data_generation.sim_data import SimData, write_sim_data
from separatrix.errors import ModelError, Problem
from separatrix.model import (
    Constants,
    DependentCall,
    Exponential,
    Fifo,
    Lifo,
    Program,
    Schedule,
    Server,
    Source,
    Spike,
    ThresholdAdmission,
    Weibull,
    Work,
)
from separatrix.simulate.trajectories import ServerTrajectories, trajectories
from separatrix.views.figures_canvas import save_figure
from separatrix.views.figures_simulation import queue_and_latency

_LAWS = {"exp": Exponential(), "wei": Weibull(1.0)}  # Metafor's Weibull has shape 1
_DISCIPLINES = {"fifo": Fifo(), "lifo": Lifo()}


def data_generation(
    sim_time: float,
    runs: int,
    mean_t: float,
    rho: float,
    queue_size: int,
    timeout_t: float,
    max_retries: int,
    total_time: float,
    step_time: float,
    rho_fault: float,
    rho_reset: float,
    fault_start: Sequence[float],
    fault_duration: float,
    throttle: bool,
    ts: float,
    ap: float,
    queue_type: str,
    dist: str,
    num_servers: int,
    verbose: bool = True,
    *,
    seed: int = 0,
) -> list[SimData]:
    """Write ``data/server<k>/sim_data.pkl`` and ``discrete_results.pdf``; return the data.

    Parameters
    ----------
    sim_time : length of a run [s]; step_time : sampling step [s].
    runs : independent runs.
    mean_t : mean service time [s]; rho, rho_fault, rho_reset : load (arrival rate times `mean_t`)
        before, during and after a fault.
    queue_size : waiting requests a server takes.
    timeout_t : the client's timeout [s]; max_retries : further attempts.
    total_time : no further run is begun after this much real time [s].
    fault_start : begins of the faults [s]; entries at or beyond `sim_time` are none.
    fault_duration : length of a fault [s].
    throttle, ts, ap : with `throttle`, a queue filled to the share `ts` takes a request with
        probability `ap` only.
    queue_type : "fifo" or "lifo"; dist : "exp" or "wei".
    num_servers : servers in a row.
    verbose : print what is done.
    seed : of all random streams.

    Raises ModelError where a parameter makes no sense, DataError where a file cannot be written.
    """
    begun = time.monotonic()
    starts = sorted(start for start in fault_start if start < sim_time)
    faults = [
        (start, min(start + fault_duration, after))
        for start, after in zip(starts, [*starts, sim_time][1:], strict=True)
    ]
    program = _program(
        mean_t, rho, queue_size, timeout_t, max_retries, rho_fault, rho_reset, faults, sim_time,
        ThresholdAdmission(math.ceil(ts * queue_size), ap) if throttle else None,
        queue_type, dist, num_servers,
    )  # fmt: skip

    def go_on(done: int) -> bool:
        if verbose:
            print(f"simulated {done} of {runs} runs")
        return time.monotonic() - begun < total_time

    times, seen = trajectories(
        program, horizon=sim_time, step=step_time, runs=runs, seed=seed, go_on=go_on
    )
    found = [_sim_data(step_time, tuple(faults), times, server) for server in seen.values()]
    for k, data in enumerate(found, 1):
        write_sim_data(_place(k), data)
    # servers of an earlier, longer row must not be taken for this one's
    k = num_servers + 1
    while _place(k).exists():
        _place(k).unlink()
        k += 1
    figure = queue_and_latency(
        times,
        {f"server {k}": (data.queue, data.latency) for k, data in enumerate(found, 1)},
        faults,
    )
    save_figure(figure, "discrete_results.pdf", dpi=200)
    if verbose:
        done, spent = len(found[0].queue), time.monotonic() - begun
        print(f"{done} runs of {sim_time:g} s in {spent:.1f} s: data/server*/sim_data.pkl,")
        print("average queue length and latency in discrete_results.pdf")
    return found


def _place(server: int) -> Path:
    return Path("data") / f"server{server}" / "sim_data.pkl"


def _program(
    mean_t: float, rho: float, queue_size: int, timeout_t: float, max_retries: int,
    rho_fault: float, rho_reset: float, faults: list[tuple[float, float]], sim_time: float,
    admission: ThresholdAdmission | None, queue_type: str, dist: str, num_servers: int,
) -> Program:  # fmt: skip
    problems = [
        Problem(f"is {value!r}", name, f"write one of {', '.join(map(repr, known))}")
        for name, value, known in (
            ("queue_type", queue_type, _DISCIPLINES),
            ("dist", dist, _LAWS),
        )
        if value not in known
    ]
    problems += [
        Problem(f"must be > 0, got {value:g}", name, "give a positive number")
        for name, value in (
            ("mean_t", mean_t), ("rho", rho), ("rho_fault", rho_fault), ("rho_reset", rho_reset),
            ("num_servers", num_servers),
        )
        if not 0 < value < math.inf
    ]  # fmt: skip
    if problems:
        raise ModelError(problems)
    spikes: list[Spike] = []
    following = [*(start for start, _ in faults), sim_time][1:]
    for (start, end), after in zip(faults, following, strict=True):
        spikes.append(Spike("client", rho_fault / rho, start, end - start))
        if rho_reset != rho and after > end:
            spikes.append(Spike("client", rho_reset / rho, end, after - end))
    program = Program("data_generation", faults=Schedule(tuple(spikes)))
    for k in range(1, num_servers + 1):
        onward = DependentCall(
            f"server{k + 1}", f"server{k}", "request", Constants.FIRE_AND_FORGET,
            timeout_t, max_retries,
        )  # fmt: skip
        work = Work(1 / mean_t, (onward,) if k < num_servers else (), law=_LAWS[dist])
        program.add_server(
            Server(
                f"server{k}", {"request": work}, qsize=queue_size + 1, admission=admission,
                discipline=_DISCIPLINES[queue_type],
            )
        )  # fmt: skip
    program.add_source(
        Source("client", "request", rho / mean_t, timeout=timeout_t, retries=max_retries)
    )
    program.connect("client", "server1")
    return program


def _sim_data(
    step: float,
    faults: tuple[tuple[float, float], ...],
    times: NDArray[np.float64],
    seen: ServerTrajectories,
) -> SimData:
    return SimData(
        step=step, faults=faults, time=times, queue=seen.queue, orbit=seen.orbit,
        latency=_carried_on(seen.time_at_server), dropped=seen.dropped, served=seen.served,
        in_time=seen.in_time,
    )  # fmt: skip


def _carried_on(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill NaN along the last axis with the value before; 0 where there is none."""
    places: NDArray[np.intp] = np.arange(series.shape[-1], dtype=np.intp)
    known = np.where(np.isnan(series), 0, places)
    last = np.maximum.accumulate(known, axis=-1)
    return np.nan_to_num(np.take_along_axis(series, last, axis=-1))
