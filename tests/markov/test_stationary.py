import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import ModelError
from separatrix.markov import unlikely
from separatrix.markov.generator import as_chain, chain_from_matrix
from separatrix.markov.stationary import stationary
from separatrix.population.lattice import Axis, Population, Transition


@settings(deadline=None, max_examples=25)
@given(
    arrival=st.floats(0.05, 50.0),
    service=st.floats(0.05, 50.0),
    servers=st.integers(1, 6),
    extra=st.integers(0, 400),
)
def test_many_servers_with_a_bound(known, arrival, service, servers, extra):
    bound = servers + extra
    law = stationary(known.many_servers(arrival, service, servers, bound))
    weight, total = [mpmath.mpf(1)], mpmath.mpf(1)
    for k in range(1, bound + 1):
        weight.append(weight[-1] * mpmath.mpf(arrival) / (mpmath.mpf(service) * min(k, servers)))
        total += weight[-1]
    exact = np.array([float(w / total) for w in weight])
    np.testing.assert_allclose(law.pi, exact, rtol=1e-12)
    assert law.status == "ok"
    assert law.certificate.residual < 1e-12


@pytest.mark.parametrize(("arrival", "again"), [(0.5, 0.3), (0.9, 2.0), (2.0, 0.1)])
def test_retrial_queue_with_one_place(arrival, again):
    """M/M/1/1 with retrials: cuts across the orbit give a two-term recursion."""
    bound, mu = 60, 1.0
    transitions = (
        Transition("serve", (-1, 0), lambda x: mu * (x[0] == 1) * np.ones_like(x[1])),
        Transition("arrive", (1, 0), lambda x: arrival * (x[0] == 0) * np.ones_like(x[1])),
        Transition("blocked", (0, 1), lambda x: arrival * (x[0] == 1) * (x[1] < bound)),
        Transition("retry", (1, -1), lambda x: again * x[1] * (x[0] == 0)),
    )
    axes = (Axis("queue", 2, "queue"), Axis("orbit", bound + 1, "orbit"))
    law = stationary(Population("retrial", "geometric", axes, transitions))
    with mpmath.workdps(40):
        lam, nu = mpmath.mpf(arrival), mpmath.mpf(again)
        idle, busy = [mpmath.mpf(1)], [lam]
        for n in range(bound):
            idle.append(lam * busy[n] / ((n + 1) * nu))
            busy.append((lam + (n + 1) * nu) * idle[n + 1])
        total = mpmath.fsum(idle) + mpmath.fsum(busy)
        exact = np.array([[float(v / total) for v in row] for row in (idle, busy)])
    np.testing.assert_allclose(law.pi, exact, rtol=1e-12)


def test_benchmark_chains_have_their_known_mass(known):
    law = stationary(known.retry_chain(200, 50, 8.5, 9.0), certify=True)
    assert law.probability(np.indices(law.pi.shape)[1] < 25) == pytest.approx(1.687e-6, rel=1e-3)
    assert law.error < 1e-12
    assert law.certificate.agreement is not None
    assert law.to_dict()["method"] == law.method


def test_laws_far_below_the_range_of_floats(known):
    n, ratio = 400, 1e-5
    chain = known.birth_death(np.full(n, ratio), np.ones(n))
    law = stationary(chain)
    with mpmath.workdps(40):
        r = mpmath.mpf(ratio)
        norm = (1 - r ** (n + 1)) / (1 - r)
        exact = [float(mpmath.log(r**k / norm)) for k in range(n + 1)]
    np.testing.assert_allclose(law.log_pi, exact, rtol=1e-14, atol=1e-14)
    assert law.pi[-1] == 0.0  # 1e-2000
    assert law.status == "ok"
    other = stationary(chain, anchor=n)  # the least likely state removed: the same law
    np.testing.assert_allclose(other.log_pi, exact, rtol=1e-14, atol=1e-14)


def test_nearly_decomposable_chain_at_the_last_digit():
    eps = 1e-14
    P = np.array(
        [[0.0, 0.5, 0.0, eps], [0.5, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5], [2 * eps, 0, 1, 0]]
    )
    law = stationary(chain_from_matrix(P))
    # flows across the weak edges balance: pi_0 eps = pi_3 2 eps; inside the pairs detailed balance
    np.testing.assert_allclose(law.pi[0] / law.pi[3], 2.0, rtol=1e-13)
    np.testing.assert_allclose(law.pi[2] / law.pi[3], 2.0, rtol=1e-13)


def test_transient_states_have_no_mass_and_do_not_disturb():
    rates = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [0.0, 1.0, 0.0]])
    law = stationary(chain_from_matrix(rates))
    np.testing.assert_allclose(law.pi, [0.0, 0.25, 0.75], rtol=1e-15)
    assert law.log_pi[0] == -np.inf
    assert law.status == "ok"


def test_several_closed_classes_are_an_error():
    rates = np.array([[0.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    with pytest.raises(ModelError, match="2 closed classes"):
        stationary(chain_from_matrix(rates))


def test_one_state_and_one_absorbing_state():
    assert stationary(chain_from_matrix(np.zeros((1, 1)))).pi.tolist() == [1.0]
    absorbing = chain_from_matrix(np.array([[0.0, 1.0], [0.0, 0.0]]))
    assert stationary(absorbing).pi.tolist() == [0.0, 1.0]


def test_periodic_structure_is_no_obstacle():
    ring = np.roll(np.eye(7), 1, axis=1) * 2.0
    np.testing.assert_allclose(stationary(chain_from_matrix(ring)).pi, 1 / 7, rtol=1e-15)


def test_a_wrong_law_is_inconclusive(known, monkeypatch):
    chain = as_chain(known.many_servers(1.0, 2.0, 1, 9))
    monkeypatch.setattr(unlikely, "state_imbalance", lambda *_: np.full(10, 1e-3))
    law = stationary(chain)
    assert law.status == "inconclusive"
    assert "0.001" in law.reason


def test_uncertain_entries_too_small_to_show_leave_the_law_ok(known, monkeypatch):
    chain = as_chain(known.many_servers(1e-9, 1.0, 1, 60))  # down to 1e-540
    deep = np.where(np.arange(61) > 40, 1.0, 0.0)
    monkeypatch.setattr(unlikely, "state_imbalance", lambda *_: deep)
    law = stationary(chain)
    assert law.status == "ok"
    assert law.floor == pytest.approx(41 * np.log(1e-9), rel=1e-6)
    assert law.to_dict()["certified_log10"] == pytest.approx(-369.0, rel=1e-6)
