from __future__ import annotations

import math

import pytest
from hypothesis import given
from model_programs import hyperexponentials

from separatrix.errors import ModelError
from separatrix.model import (
    Empirical,
    Erlang,
    Hyperexponential,
    LoadSlowdown,
    Lognormal,
    LookAsideCache,
    Pareto,
    Weibull,
    Work,
)


@given(hyperexponentials())
def test_branches_are_scaled_to_mean_one(law: Hyperexponential) -> None:
    mean = sum(w / r for w, r in zip(law.weights, law.unit_rates, strict=True))
    assert mean == pytest.approx(1, rel=1e-12)
    assert law.unit_rates[0] / law.unit_rates[-1] == pytest.approx(
        law.relative_rates[0] / law.relative_rates[-1], rel=1e-12
    )


@pytest.mark.parametrize("cv", [1e-3, 0.5, 1.0, 10.0])
def test_lognormal_sigma_gives_its_coefficient_of_variation(cv: float) -> None:
    assert math.sqrt(math.expm1(Lognormal(cv).sigma ** 2)) == pytest.approx(cv, rel=1e-12)


def test_work_is_positional_as_in_metafor() -> None:
    work = Work(10, [])
    assert (work.processing_rate, work.downstream) == (10.0, ())
    assert Work("1.2k/s").processing_rate == 1200.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Erlang(0), "stages: must be >= 1, got 0"),
        (lambda: Erlang(2.5), "stages: must be a whole number, got 2.5"),
        (lambda: Erlang(True), "must be a whole number"),
        (lambda: Hyperexponential((0.5,), (1, 2)), "one rate per weight"),
        (lambda: Hyperexponential((0.5, 0.4), (1, 2)), "sum to 1"),
        (lambda: Hyperexponential((), ()), "one rate per weight"),
        (lambda: Lognormal(0), "must be > 0"),
        (lambda: Weibull(0.01), "must be >= 0.1"),
        (lambda: Pareto(1.0), "must be > 1"),
        (lambda: Empirical(()), "at least one sample"),
        (lambda: Empirical((0.0,)), "must be > 0 s"),
        (lambda: LoadSlowdown(-1, 1), "coefficient: must be >= 0"),
        (lambda: LoadSlowdown(1, 0.5), "scale: must be >= 1"),
        (lambda: LoadSlowdown(1, 1, by="moon"), "must be 'queue' or 'in_service', got 'moon'"),
        (lambda: LookAsideCache(0, 1), "keys: must be >= 1"),
        (lambda: LookAsideCache(1, 1, 1.5), 'warm: must be <= 1, got 1.5; did you mean "1.5%"'),
        (lambda: Work(0), 'processing_rate: must be > 0/s, got 0; write one such as "10/s"'),
        (lambda: Work(float("inf")), "must be finite"),
        (lambda: Work(1, law="erlang"), "law: must be a group"),
        (lambda: Work(1, law={"kind": "erlang", "stages": -1}), "law.stages: must be >= 1, got -1"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()  # type: ignore[operator]
