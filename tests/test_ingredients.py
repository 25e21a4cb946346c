"""Compiled code on disk must be made anew when anything that went into it has changed, wherever it stood."""

import importlib.util
import sys

import numpy as np
import pytest

from separatrix.compiled import compiled
from separatrix.ingredients import ingredients

CONSTANTS = """
import numpy as np

FACTOR = {factor}
TABLE = np.array([1.0, {entry}])
SHIFTS = (1, ({shift},))
UNUSED = 1
"""
CALLEE = """
from separatrix.compiled import compiled

def _deepest(x):
    return x {operator} 3.0

deepest = compiled(_deepest, fastmath=frozenset({options}))
"""
CALLER = """
import math
import constants as at
from constants import SHIFTS, TABLE
from callee import deepest
from separatrix.compiled import compiled

def _middle(x):
    return deepest(x) + TABLE[1]

def _kernel(x):
    return at.FACTOR * middle(x) + SHIFTS[1][0] + math.sqrt(4.0)

kernel = compiled(_kernel)
middle = compiled(_middle)  # after the kernel that calls it
"""
PLAIN = {"factor": 2.0, "entry": 5.0, "shift": 7, "operator": "+", "options": set()}


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write the three modules, import them as a new process would, and return the kernel."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    texts = {"constants": CONSTANTS, "callee": CALLEE, "caller": CALLER}

    def load(**changes):
        for name, text in texts.items():
            monkeypatch.delitem(sys.modules, name, raising=False)
            said = PLAIN | changes
            whole = text.format(**said) if name != "caller" else text
            (tmp_path / f"{name}.py").write_text(whole)
        importlib.invalidate_caches()
        return importlib.import_module("caller").kernel

    yield load
    for name in texts:
        sys.modules.pop(name, None)


def hits(kernel):
    return sum(kernel.stats.cache_hits.values())


def test_a_changed_callee_gives_a_fresh_kernel_and_an_unchanged_one_comes_from_the_disk(load):
    first = load()
    assert first(4.0) == 2.0 * (4.0 + 3.0 + 5.0) + 7 + 2.0
    again = load()
    assert again(4.0) == first(4.0)
    assert (hits(first), hits(again)) == (0, 1)
    changed = load(operator="*")
    assert changed(4.0) == 2.0 * (4.0 * 3.0 + 5.0) + 7 + 2.0
    constant = load(operator="*", factor=10.0)
    assert constant(4.0) == 10.0 * (4.0 * 3.0 + 5.0) + 7 + 2.0
    assert (hits(changed), hits(constant)) == (0, 0)


def test_every_ingredient_counts_and_nothing_else(load):
    changes = [
        {}, {"factor": 3.0}, {"entry": 6.0}, {"shift": 8}, {"operator": "-"}, {"options": {"nnan"}}
    ]  # fmt: skip
    prints = [ingredients(load(**change)) for change in changes]
    assert len(set(prints)) == len(changes)
    assert ingredients(load()) == prints[0]


def make(step, table):
    def kernel(x, start=1):
        return table[0] + step * x + start

    return compiled(kernel)


def test_values_of_closures_and_defaults():
    same = ingredients(make(2, np.arange(3)))
    assert same == ingredients(make(2, np.arange(3)))
    others = [make(3, np.arange(3)), make(2.0, np.arange(3)), make(2, np.arange(4))]
    later = make(2, np.arange(3))
    later.py_func.__defaults__ = (2,)
    prints = {ingredients(kernel) for kernel in (*others, later)}
    assert len(prints | {same}) == 5


def _even(n):
    return True if n == 0 else odd(n - 1)


def _odd(n):
    return False if n == 0 else even(n - 1)


even, odd = compiled(_even), compiled(_odd)


def test_functions_that_call_each_other_end():
    assert ingredients(even) != ingredients(odd)
