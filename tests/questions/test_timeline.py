"""The time line of faults: simulated bands beside the mean dynamics, and who comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from separatrix.errors import ModelError
from separatrix.model.files import loads
from separatrix.questions.timeline import _stuck, timeline

MODEL = """\
separatrix: 1
name: T
servers:
  s: {{qsize: 60, apis: {{get: {{processing_rate: 10/s}}}}}}
sources:
  c: {{server: s, api: get, arrival_rate: 5/s, timeout: 2s, retries: {retries}}}
faults:
  - {{kind: spike, source: c, factor: 4x, start: 40s, duration: 20s}}
"""


@pytest.fixture(scope="module")
def stuck():
    return timeline(loads(MODEL.format(retries=4)), runs=60, seed=1, workers=1)


def test_a_service_without_retries_comes_back(stuck):
    calm = timeline(loads(MODEL.format(retries=0)), runs=60, seed=1, workers=1)
    assert calm.stuck == 0
    assert "All 60 simulated runs come back" in calm.finding()
    assert calm.before == pytest.approx(5.0, rel=0.1)
    assert calm.after == pytest.approx(5.0, rel=0.1)
    assert stuck.stuck > 50
    assert "are still stuck" in stuck.finding()


def test_load_and_calm_goodput_lie_in_the_band_of_the_runs(stuck):
    """A flow balance that no engine knows of: what is asked for is the rate, spike and all."""
    load = np.interp(stuck.times, stuck.mean_times, stuck.mean["load"])
    low, _, high = stuck.seen["load"]
    assert np.mean((low <= load) & (load <= high)) > 0.9
    assert load.max() == 20.0
    before = (stuck.times > 10) & (stuck.times < 40)
    middle = stuck.seen["goodput"][1][before].mean()
    assert middle == pytest.approx(5.0, rel=0.15)
    calm = np.interp(stuck.times[before], stuck.mean_times, stuck.mean["goodput"])
    assert calm.mean() == pytest.approx(5.0, rel=0.05)


def test_when_stuck_every_request_makes_every_retry(stuck):
    """At a full queue nobody is answered in time: retries are the load times the attempts allowed."""
    assert stuck.mean["retries"][-1] == pytest.approx(4 * 5.0, rel=0.02)
    assert stuck.seen["retries"][1][-40:].mean() == pytest.approx(4 * 5.0, rel=0.1)
    assert stuck.seen["queue"][1][-1] == pytest.approx(60, abs=3)


def test_json_holds_the_series_and_a_model_without_faults_is_followed_too():
    found = timeline(
        loads(MODEL.split("faults:")[0].format(retries=1)), horizon=30.0, runs=5, workers=1
    )
    assert found.stuck == 0
    assert "without a fault" in found.finding()
    told = found.to_dict()
    assert told["schema"] == "separatrix.timeline/1"
    assert told["goodput_before_per_s"] is None
    assert len(told["simulated"]["queue"][0]) == len(told["times_s"])


def test_what_the_mean_dynamics_cannot_carry_is_said_and_the_runs_remain():
    text = MODEL.format(retries=1).replace("qsize: 60", "qsize: 60, discipline: {kind: lifo}")
    found = timeline(loads(text), horizon=80.0, runs=5, workers=1)
    assert found.path is None
    assert not found.mean
    assert "lifo" in found.reason.lower()
    assert found.seen["queue"].shape[0] == 3


def test_a_horizon_that_is_none_is_refused():
    with pytest.raises(ModelError):
        timeline(loads(MODEL.format(retries=1)), horizon=-1.0, runs=5, workers=1)


def test_a_bad_spell_of_a_run_that_was_back_is_no_trap():
    good, asked = np.full((4, 60), 5.0), np.full((4, 60), 5.0)
    times = np.arange(60)
    good[1, 20:] = 0.0  # never back
    good[2, 50:] = 0.0  # back, then a bad spell
    good[3, 20:24] = 0.0  # takes its time
    found = _stuck({"goodput": good, "load": asked}, times < 10, times > 19, times > 44, 5)
    assert found == (1, 1)


def test_who_came_back_and_fails_again_is_told_apart(stuck):
    assert "then answer too little" not in replace(stuck, relapsed=0).finding()
    told = replace(stuck, stuck=0, relapsed=3).finding()
    assert told.startswith("All 60 simulated runs come back")
    assert told.endswith("3 of them then answer too little again.")
    assert "3 came back and then answer" in replace(stuck, stuck=7, relapsed=3).finding()
