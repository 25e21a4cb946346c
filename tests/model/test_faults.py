from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import ModelError
from separatrix.model import Outage, Schedule, Slowdown, Spike

times = st.floats(0, 1e4)
lengths = st.floats(0.1, 1e4)
factors = st.floats(0.1, 10)
schedules = st.lists(
    st.one_of(
        st.builds(Spike, st.just("web"), factors, times, lengths),
        st.builds(Slowdown, st.just("db"), factors, times, lengths),
        st.builds(Outage, st.just("db"), times, lengths),
    ),
    max_size=4,
).map(lambda faults: Schedule(tuple(faults)))


def test_overlapping_faults_multiply() -> None:
    schedule = Schedule(
        (
            Spike("web", 3, 10, 10),
            Spike("web", 2, 15, 10),
            Slowdown("db", 4, 0, 5),
            Outage("db", 3, 1),
        )
    )
    assert [schedule.arrival_factor("web", t) for t in (0, 10, 15, 20, 25)] == [1, 3, 6, 2, 1]
    assert [schedule.service_factor("db", t) for t in (0, 3, 4, 5)] == [0.25, 0, 0.25, 1]
    assert schedule.arrival_factor("other", 12) == schedule.service_factor("other", 3) == 1
    assert schedule.breakpoints == (0, 3, 4, 5, 10, 15, 20, 25)
    assert schedule.end == 25


def test_no_faults_no_end() -> None:
    assert Schedule().end == 0
    assert Schedule().breakpoints == ()


@given(schedules, times)
def test_nothing_changes_between_breakpoints(schedule: Schedule, time: float) -> None:
    later = min((b for b in schedule.breakpoints if b > time), default=time + 1)
    middle = (time + later) / 2
    assert schedule.arrival_factor("web", time) == schedule.arrival_factor("web", middle)
    assert schedule.service_factor("db", time) == schedule.service_factor("db", middle)


@given(schedules)
def test_all_is_well_when_the_last_fault_is_over(schedule: Schedule) -> None:
    assert schedule.arrival_factor("web", schedule.end + 1) == 1
    assert schedule.service_factor("db", schedule.end + 1) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Spike("web", 0, 0, 1), "factor: must be > 0"),
        (lambda: Spike("web", 3, -1, 1), "start: must be >= 0 s"),
        (lambda: Slowdown("db", 3, 0, 0), "duration: must be > 0 s"),
        (lambda: Outage("", 0, 1), "server: must not be empty"),
        (lambda: Outage("a\nb", 0, 1), "server: must be printable text"),
        (lambda: Schedule(({"kind": "meteor"},)), "unknown kind 'meteor'"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()  # type: ignore[operator]
