"""Metafor's generators, entry by entry."""

from __future__ import annotations

import json

import numpy as np
import pytest

from separatrix.model import DependentCall, Program, Server, Source, Work
from separatrix.population.metafor import chebyshev_tail, metafor
from separatrix.population.metafor_network import metafor_network


def build(inputs: dict) -> Program:
    made = Program("m")
    apis = {f"api{i}": Work(mu) for i, mu in enumerate(inputs["mus"])}
    made.add_server(Server("s", apis, inputs["qsize"], inputs["orbit_size"], inputs["thread_pool"]))
    rows = zip(inputs["lambdas"], inputs["timeouts"], inputs["retries"], strict=True)
    for i, (rate, timeout, retries) in enumerate(rows):
        made.add_source(Source(f"c{i}", f"api{i}", rate, timeout=timeout, retries=retries))
        made.connect(f"c{i}", "s")
    return made


def dense(population) -> np.ndarray:
    number = np.arange(population.n_states).reshape(population.shape)
    Q = np.zeros((population.n_states, population.n_states))
    for transition, rate in population.rates(population.grid()):
        for state in np.argwhere(rate > 0):
            target = tuple(state + np.array(transition.jump))
            Q[number[tuple(state)], number[target]] += rate[tuple(state)]
    return Q - np.diag(Q.sum(axis=1))


def test_generators_of_metafor_entry_by_entry(shared):
    cases = json.loads((shared / "reference" / "metafor_generators.json").read_text())["single"]
    assert len(cases) == 12
    for case in cases:
        inputs = case["inputs"]
        population = metafor(
            "m", build(inputs), alpha=inputs["alpha"], retry_when_full=inputs["retry_when_full"]
        )
        nq, no = inputs["qsize"], inputs["orbit_size"]
        # Metafor numbers states orbit-major
        theirs = np.array(case["Q"]).reshape(no, nq, no, nq).transpose(1, 0, 3, 2)
        np.testing.assert_allclose(
            dense(population), theirs.reshape(nq * no, nq * no), rtol=1e-14, atol=1e-14
        )


def test_timeout_tail_by_hand():
    # one thread: mean q/mu, variance q/mu^2; two threads: see the closure's description
    assert chebyshev_tail(np.array(1.0), 3.0, 10.0, 1) == pytest.approx(0.01 / 2.9**2)
    assert chebyshev_tail(np.array(40.0), 3.0, 10.0, 1) == 1.0
    assert chebyshev_tail(np.array(0.0), 3.0, 10.0, 1) == 0.0
    assert chebyshev_tail(np.array(4.0), 3.0, 10.0, 3) == pytest.approx(
        4 / 900 / (3 - 1 / 30 - 0.1) ** 2
    )


def two(inputs: dict) -> Program:
    made = Program("two")
    for i, (mu, q, o, c) in enumerate(
        zip(
            inputs["mu0_ps"], inputs["main_queue_sizes"], inputs["retry_queue_sizes"],
            inputs["thread_pools"], strict=True,
        )
    ):  # fmt: skip
        calls = tuple(
            DependentCall(
                f"s{j}", f"s{i}", "x", timeout=inputs["timeouts"][j],
                retry=inputs["max_retries"][j],
            )
            for j, parents in enumerate(inputs["parent_list"]) if i in parents
        )  # fmt: skip
        made.add_server(Server(f"s{i}", {"x": Work(mu, calls)}, q, o, c))
        rate = inputs["lambdaas"][i]
        if rate or i == 0:
            made.add_source(
                Source(
                    f"c{i}", "x", rate, timeout=inputs["timeouts"][i],
                    retries=inputs["max_retries"][i],
                )
            )  # fmt: skip
            made.connect(f"c{i}", f"s{i}")
    return made


@pytest.mark.parametrize("case", range(3))
def test_two_servers_are_those_of_metafor_entry_by_entry(shared, case):
    data = json.loads((shared / "reference" / "metafor_generators.json").read_text())
    entry = data["two_servers"][case]
    population = metafor_network("two", two(entry["inputs"]))
    (q0, q1), (o0, o1) = entry["inputs"]["main_queue_sizes"], entry["inputs"]["retry_queue_sizes"]
    # its index is queue + qsize * orbit at each server, the first server fastest
    ours = np.arange(population.n_states).reshape(q0, o0, q1, o1).transpose(3, 2, 1, 0).ravel()
    Q = dense(population)[np.ix_(ours, ours)]
    np.testing.assert_allclose(Q, np.array(entry["Q"]), atol=1e-12)
