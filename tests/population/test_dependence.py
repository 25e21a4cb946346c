"""Where gradients may differ from zero: the union over the operands, and nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from separatrix.population.dependence import NOWHERE, dependence
from separatrix.population.expression import ADD, LESS, MULTIPLY, NEGATIVE, WHERE

CODES = [ADD, MULTIPLY, NEGATIVE, LESS, WHERE]


@st.composite
def tapes(draw):
    inputs, constants = draw(st.integers(1, 4)), draw(st.integers(0, 2))
    n = draw(st.integers(0, 8))
    codes = [draw(st.sampled_from(CODES)) for _ in range(n)]
    operands = [
        [draw(st.integers(0, inputs + constants + i - 1)) for _ in range(4)] for i in range(n)
    ]
    return inputs, constants, codes, operands


@given(tapes())
def test_each_slot_has_the_coordinates_of_its_operands(tape):
    inputs, constants, codes, operands = tape
    expected = [{i} for i in range(inputs)] + [set() for _ in range(constants)]
    for code, (one, two, *_) in zip(codes, operands, strict=True):
        expected.append(set() if code == LESS else expected[one] | expected[two])
    operands_ = np.array(operands, dtype=np.int64).reshape(-1, 4)
    found = dependence(inputs, constants, np.array(codes, dtype=np.int64), operands_)
    base = inputs + constants
    assert found.first[-1] == len(found.coordinate)
    for slot, wanted in enumerate(expected):
        here = range(found.first[slot], found.first[slot + 1])
        assert [found.coordinate[e] for e in here] == sorted(wanted)
        for e in here:
            for way, column in ((found.one, 0), (found.two, 1)):
                source = operands[slot - base][column] if slot >= base else None
                if source is None or found.coordinate[e] not in expected[source]:
                    assert way[e] == NOWHERE
                else:
                    assert found.first[source] <= way[e] < found.first[source + 1]
                    assert found.coordinate[way[e]] == found.coordinate[e]
