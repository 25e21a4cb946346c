r"""Would the known answers notice a wrong sign, index or operator in the elimination? Read "right" or "wrong".

The kernels of both eliminations run uncompiled. One place at a time is changed: an operator, a
comparison, a constant, an index, a `max` for a `min`, a statement left out. Each mutant then solves
small chains whose laws, hitting times, expected times, and signed solutions are known in 60 digits
(mpmath); it is killed when an entry is off by more than 1e-10, when it raises, or when it does not
come back. Panels of 2 and leaves of 6 states make small chains walk through every branch.

A mutant that survives must be named in `markov_equivalents`, change for change, with the reason why it
changes no answer.

Run: python verification/markov_mutants.py [--every K] [--offset N] [--only FUNCTION] [--out FILE]
(all of it: about 20 minutes of one processor; `--every 97` is part of the tests)
"""

from __future__ import annotations

import os

os.environ["NUMBA_DISABLE_JIT"] = "1"

import __future__

import argparse
import ast
import copy
import inspect
import math
import resource
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np

from markov_equivalents import excuse
from separatrix.markov import banded
from separatrix.markov.generator import Chain, Edges
from separatrix.markov.nested import (
    assembly,
    boxes,
    deepening,
    dissection,
    factors,
    fronts,
    packing,
    products,
    schedule,
    substitution,
    traversal,
)
from separatrix.markov.scaled import Scaled

mpmath.mp.dps = 60
LIMIT = 1e-10
PANEL, LEAF = 2, 6
KERNELS: dict[types.ModuleType, tuple[str, ...]] = {
    fronts: ("_invert", "_take", "_put", "_prepare", "_eliminate", "_hand_on"),
    assembly: ("_assemble", "_extend"),
    packing: ("packed_sizes", "_pack"),
    traversal: ("_factor_nodes",),
    products: ("_add", "_align", "_careful", "_multiply"),
    substitution: ("_solve_node", "_substitute"),
    boxes: ("_halve",),
    dissection: ("_number", "_surround", "_joined"),
    deepening: ("_join", "_collect", "_sweep_deep"),
    banded: (
        "invert", "factor", "_multiply", "_flushed", "BandFactor.right", "BandFactor.left",
        "BandFactor.right_scaled", "BandFactor.left_scaled", "BandFactor._in_range",
    ),
}  # fmt: skip


def ldexp(x: float, power: int) -> float:
    """As compiled code has it: any kind of integer, and infinite instead of an exception."""
    try:
        return math.ldexp(x, int(power))
    except OverflowError:
        return math.inf


def shrink() -> None:
    """Panels and leaves so small that small chains have many."""
    for module in (fronts, assembly, products, deepening):
        module.math = types.SimpleNamespace(ldexp=ldexp, frexp=math.frexp)
    factors.PANEL = PANEL
    schedule._ALONE = 0  # subtrees side by side, as in large chains
    dissection.dissect.__kwdefaults__["leaf"] = LEAF


# --- known answers -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A chain with what was removed and killed, and the inverse of its M-matrix in 60 digits."""

    name: str
    chain: Chain
    removed: np.ndarray
    killing: float
    anchor: int
    law: list
    inverse: np.ndarray  # of mpf, over the kept states


def lattice(
    shape: tuple[int, ...], jumps: tuple[tuple[int, ...], ...], rate: Callable[[int, tuple], np.ndarray]
) -> Chain:  # fmt: skip
    tables = []
    places = np.indices(shape)
    for number, jump in enumerate(jumps):
        inside = np.ones(shape, dtype=bool)
        for axis, step in enumerate(jump):
            inside &= (places[axis] + step >= 0) & (places[axis] + step < shape[axis])
        tables.append(np.where(inside, rate(number, shape), 0.0))
    names = tuple(f"axis{i}" for i in range(len(shape)))
    return Chain(shape, names, jumps, tuple(tables))


def dense(chain: Chain) -> list[list]:
    n = chain.n_states
    table = [[mpmath.mpf(0)] * n for _ in range(n)]
    for row, col, rate in zip(*chain.edges, strict=True):
        table[row][col] += mpmath.mpf(float(rate))
    return table


def exact_inverse(rates: list[list], kept: list[int], killing: float) -> np.ndarray:
    """Gauss-Jordan on the M-matrix of the kept states, diagonals rebuilt as sums."""
    n, inside = len(rates), set(kept)
    size = len(kept)
    leaving = [
        mpmath.mpf(killing) + mpmath.fsum(rates[i][j] for j in range(n) if j not in inside)
        for i in kept
    ]
    work = [[rates[i][j] for j in kept] + [leave] for i, leave in zip(kept, leaving, strict=True)]
    for k in range(size):
        row = work[k]
        pivot = mpmath.fsum(row[k + 1 :])
        row[k] = mpmath.mpf(1)
        row = work[k] = [x / pivot for x in row]
        for i in range(size):
            factor = work[i][k]
            if i != k and factor:
                work[i][k] = mpmath.mpf(0)
                work[i] = [x + factor * y for x, y in zip(work[i], row, strict=True)]
    return np.array([row[:size] for row in work], dtype=object).reshape(size, size)


def case(
    name: str, chain: Chain, removed: tuple[int, ...] = (), killing: float = 0.0, anchor: int | None = None
) -> Case:  # fmt: skip
    rates, n = dense(chain), chain.n_states
    gone = np.zeros(n, dtype=bool)
    gone[list(removed)] = True
    kept = [i for i in range(n) if not gone[i]]
    last = kept[0] if anchor is None else anchor
    if removed or killing:
        return Case(
            name, chain, gone.reshape(chain.shape), killing, last, [],
            exact_inverse(rates, kept, killing),
        )  # fmt: skip
    others = [i for i in kept if i != last]
    inverse = exact_inverse(rates, others, 0.0)
    visits = dict(zip(others, np.array([rates[last][j] for j in others]) @ inverse, strict=True))
    visits[last] = mpmath.mpf(1)
    total = mpmath.fsum(visits.values())
    law = [visits[i] / total for i in range(n)]
    return Case(name, chain, gone.reshape(chain.shape), 0.0, last, law, inverse)


def cases() -> list[Case]:
    rng = np.random.default_rng(7)
    around = tuple(
        (int(i) - 1, int(j) - 1) for i, j in np.ndindex(3, 3) if (int(i), int(j)) != (1, 1)
    )
    plane = lattice((6, 5), around, lambda k, s: 10.0 ** rng.uniform(-2, 2, s))
    sparse = lattice(
        (7, 4),
        ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1)),
        lambda k, s: 10.0 ** rng.uniform(-1, 1, s) * (rng.random(s) > 0.15 * (k > 3)),
    )
    cube = lattice(
        (3, 4, 3),
        ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1), (1, 1, -1)),
        lambda k, s: 10.0 ** rng.uniform(-1, 1, s),
    )
    wide = lattice(
        (11, 3),
        ((1, 0), (-1, 0), (2, 1), (0, -1), (0, 1)),
        lambda k, s: 10.0 ** rng.uniform(-1, 1, s),
    )
    # probabilities and times far beyond the range of a float64
    deep = lattice(
        (14, 2), ((1, 0), (-1, 0), (0, 1), (0, -1)),
        lambda k, s: np.full(s, (1e-20, 1.0, 1.0, 1e-9)[k]) * rng.uniform(0.5, 2.0, s),
    )  # fmt: skip
    # rates of one state a hundred decades apart
    wild = lattice(
        (6, 4),
        ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1)),
        lambda k, s: 10.0 ** rng.uniform(-40, 40, s),
    )
    # once the states below it are gone, hardly anything leaves a state
    steep = lattice(
        (7, 2), ((1, 0), (-1, 0), (0, 1), (0, -1)),
        lambda k, s: np.full(s, (1e-40, 1.0, 1e-90, 1e-91)[k]) * rng.uniform(0.5, 2.0, s),
    )  # fmt: skip
    return [
        case("plane", plane, anchor=13),
        case("plane, killed", plane, removed=(0, 1, 7, 17), killing=0.3, anchor=20),
        case("sparse", sparse),
        case("sparse, target", sparse, removed=(27,)),
        case("cube", cube),
        case("cube, target", cube, removed=(0, 5), anchor=30),
        case("wide", wide, anchor=32),
        case("wide, killed", wide, killing=1e-3),
        case("deep", deep, anchor=0),
        case("deep, target", deep, removed=(27,)),
        case("deep, steep", steep, removed=(13,), anchor=12),
        case("wild", wild, anchor=9),
        case("wild, target", wild, removed=(23,)),
    ]


# --- what a mutant must still get right --------------------------------------------------------


class Killed(Exception):
    """An answer is off."""


def agree(found: Scaled, truth: list) -> None:
    if found.size != len(truth):
        raise Killed
    for m, e, t in zip(found.mantissa, found.exponent, truth, strict=True):
        value = mpmath.ldexp(mpmath.mpf(float(m)), int(e)) if m else mpmath.mpf(0)
        if abs(value - t) > LIMIT * abs(t):
            raise Killed


def close(found: np.ndarray, truth: list) -> None:
    exact = np.array([float(t) for t in truth])
    if not np.abs(found - exact).max() <= LIMIT * np.abs(exact).max():
        raise Killed


def checks(every: list[Case]) -> list[Callable[[], None]]:
    """Everything that is asked of a mutant, the answers worked out beforehand."""
    from separatrix.markov.methods import solver_for

    asked: list[Callable[[], None]] = []
    rng = np.random.default_rng(3)
    for one in every:
        n = one.chain.n_states
        flat = one.removed.reshape(-1)
        deep = one.name.startswith("deep")
        if one.law:

            def law(one=one, **how) -> None:
                agree(solver_for(one.chain, anchor=one.anchor, **how).law(), one.law)

            others = [i for i in range(n) if i != one.anchor]
            asked += [
                lambda law=law: law(method="nested"),
                lambda law=law: law(method="nested", sides="left"),
                lambda law=law: law(method="nested", reverse=True),
                lambda law=law: law(method="levels", block=4),
                lambda law=law: law(method="dense", block=100),
            ]
            signed = rng.standard_normal(n)
            right, left = ([mpmath.mpf(0)] * n for _ in range(2))
            some = np.array([mpmath.mpf(float(x)) for x in signed[others]])
            for i, x, y in zip(others, one.inverse @ some, some @ one.inverse, strict=True):
                right[i], left[i] = x, y

            def anchored(one=one, signed=signed, right=right, left=left) -> None:
                for how in ({"method": "nested"}, {"method": "levels", "block": 4}):
                    solved = solver_for(one.chain, anchor=one.anchor, **how)
                    close(solved.anchored_right(signed), right)
                    close(solved.anchored_left(signed), left)

            if one.name == "wide":
                # strips across an axis that is not always the longest
                asked.append(lambda law=law: law(method="nested", strip=1))
            if not deep:
                asked.append(anchored)
            continue
        kept = np.flatnonzero(~flat)
        ones, some = np.where(flat, 0.0, 1.0), np.where(flat, 0.0, rng.random(n))
        few = np.where(np.arange(n) == kept[-1], 1.0, 0.0)
        vectors = {"ones": ones, "some": some, "few": few}
        truth = {}
        for name, b in (*vectors.items(), ("signed", some - 0.5 * ones)):
            exact = np.array([mpmath.mpf(float(x)) for x in b[kept]])
            for side, product in (("right", one.inverse @ exact), ("left", exact @ one.inverse)):
                full = [mpmath.mpf(0)] * n
                for i, x in zip(kept, product, strict=True):
                    full[i] = x
                truth[name, side] = full

        def solves(
            one=one, some=some, ones=ones, vectors=vectors, truth=truth, deep=deep, **how
        ) -> None:
            solved = solver_for(
                one.chain, removed=one.removed, killing=one.killing, anchor=one.anchor, **how
            )
            for name, b in vectors.items():
                agree(solved.right(b), truth[name, "right"])
                agree(solved.left(b), truth[name, "left"])
            if not deep:
                close(solved.signed_right(some - 0.5 * ones), truth["signed", "right"])
                close(solved.signed_left(some - 0.5 * ones), truth["signed", "left"])

        def carried(one=one, some=some, ones=ones, truth=truth) -> None:
            solved = solver_for(
                one.chain, removed=one.removed, killing=one.killing, anchor=one.anchor,
                method="nested", sides="right", load=ones,
            )  # fmt: skip
            agree(solved.right(ones), truth["ones", "right"])
            agree(solved.right(some), truth["some", "right"])

        def extended(solves=solves) -> None:
            """By levels with a power of two for every entry throughout."""
            usual = banded.BandFactor._in_range
            banded.BandFactor._in_range = lambda self, b, solve: None
            try:
                solves(method="levels", block=4)
            finally:
                banded.BandFactor._in_range = usual

        def alone(solves=solves) -> None:
            """One task walks through the whole tree."""
            usual, schedule._ALONE = schedule._ALONE, 10_000
            try:
                solves(method="nested")
            finally:
                schedule._ALONE = usual

        asked += [
            alone,
            lambda solves=solves: solves(method="nested"),
            lambda solves=solves: solves(method="nested", reverse=True),
            lambda solves=solves: solves(method="levels", block=4),
            extended,
            carried,
        ]
    laws = [one for one in every if one.law and one.name != "plane"]
    again = [lambda one=one: from_the_likely(one) for one in laws]
    return [sizes, sums, joins, lost, long_stay, ranges, numbers, *again, *asked, stuck]


def sizes() -> None:
    """As many factors as the panels have entries, and products in slabs."""
    for p in range(8):
        for s in range(5):
            lower = upper = 0
            for k0 in range(0, p, PANEL):
                k1 = min(k0 + PANEL, p)
                lower += (p + s - k0) * (k1 - k0)
                upper += (p + s - k1) * (k1 - k0)
            found = packing.packed_sizes(np.array([p]), np.array([s]), PANEL)
            if (int(found[0][0]), int(found[1][0])) != (lower, upper):
                raise Killed
    A, B = np.arange(60.0).reshape(20, 3), np.arange(6.0).reshape(3, 2)
    if not np.array_equal(banded._multiply(A, B, np.full((20, 2), np.nan)), A @ B):
        raise Killed


def stuck() -> None:
    """A state that nothing leaves is named, by its own number."""
    from separatrix.errors import ModelError
    from separatrix.markov.methods import solver_for

    jumps = ((1, 0), (-1, 0), (0, 1), (0, -1))
    for place in ((3, 2), (3, 3), (1, 2), (4, 1)):
        table = np.ones((4, 5, 4))
        table[(slice(None), *place)] = 0.0
        chain = lattice((5, 4), jumps, lambda k, s, table=table: table[k])
        for method in ("nested", "levels"):
            try:
                solver_for(chain, method=method)
            except ModelError as refusal:
                if f"axis0 = {place[0]}, axis1 = {place[1]}" not in str(refusal):
                    raise Killed from None
            else:
                raise Killed


def from_the_likely(one: Case) -> None:
    """The unlikely part of a law from the other, from a start that is far off."""
    log = np.array([float(mpmath.log(p)) for p in one.law])
    free = log < np.quantile(log, 0.1 if one.chain.names[2:] else 0.3)
    rng = np.random.default_rng(5)
    start = Scaled.of_logs(log + np.where(free, rng.uniform(-900.0, 900.0, log.size), 0.0))
    found = deepening.deepened(one.chain, start, free)
    if not found.error < LIMIT:
        raise Killed
    agree(found.law, one.law)
    if one.name != "sparse":
        return
    for place in range(log.size):
        free = np.arange(log.size) == place
        found = deepening.deepened(one.chain, Scaled.of_logs(log - 50.0 * free), free)
        agree(found.law, one.law)


def sums() -> None:
    """Numbers added to entries with other powers, ones and zeros among them."""
    for x in (0.0, 1.0, 0.75, -0.5, 3.0):
        for e in (-1500, -40, 0, 40, 1500):
            # a zero may have any power
            for m, k in ((0.0, products.NEVER), (0.0, 5), (0.5, 0), (0.75, -1400), (-0.5, 1)):
                value, power = np.array([m, 0.5]), np.array([k, 3])
                products.add(value, power, 0, x, e)
                truth = mpmath.ldexp(mpmath.mpf(x), e)
                truth += mpmath.ldexp(mpmath.mpf(m), k) if m else 0
                agree(Scaled(value, power), [truth, mpmath.mpf(4)])


def joins() -> None:
    """Flows added up: ones and zeros among them, and what goes far from its power of two is brought back."""
    for x in (0.0, 1.0, 0.75, 2.0**-450, 2.0**450):
        for e in (-1500, 0, 1500):
            for m, k in ((0.0, 5), (1.0, 0), (0.5, -1400), (2.0**290, 0)):
                value, power = np.array([m, 0.5]), np.array([k, 3])
                deepening.join(value, power, 0, x, e)
                truth = mpmath.ldexp(mpmath.mpf(x), e)
                truth += mpmath.ldexp(mpmath.mpf(m), k) if m else 0
                if value[0] and not 2.0**-301 < value[0] < 2.0**301:
                    raise Killed
                again = Scaled.of(value, power)
                agree(again, [truth, mpmath.mpf(4)])


def numbers() -> None:
    """In boxes of three axes that are not cut, too, every state but the anchor has a place of its own."""
    jumps = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1)])
    for leaf in (1, 12, 100):
        tree = dissection.dissect(np.ones((4, 4, 3), dtype=bool), jumps, 7, leaf=leaf)
        if sorted(tree.order.tolist()) != [i for i in range(48) if i != 7]:
            raise Killed


def lost() -> None:
    """A term below the range of a float64 that is as large as the sum, beside a factor above one."""
    store, value, power = (
        np.array([2.0**-600, 2.0**500, 0.0, 0.0]),
        np.full(3, 0.5),
        np.zeros(3, np.int64),
    )
    power[1], none, z, out = -1100, np.zeros(3, np.int64), np.zeros(2), np.zeros(2)
    products.multiply(
        store, 0, 2, 1, 2, False, True, True, value, power, none, 0, none, 2, z, out
    )  # fmt: skip
    agree(Scaled(value[2:], power[2:]), [mpmath.mpf(2) ** -600])


def long_stay() -> None:
    """Beside a start of 1, a flow below the range of a float64 into a state that is left after 1e60 s."""
    edges = Edges(np.array([0]), np.array([1]), np.array([1e-55]))
    made = banded.factor(edges, np.array([1.0, 1e-60, 1.0]), 1, 1)
    first = mpmath.mpf(1e-265) / (1 + mpmath.mpf(1e-55))
    second = first * mpmath.mpf(1e-55) / mpmath.mpf(1e-60)
    agree(made.left_scaled(Scaled.of(np.array([1e-265, 0.0, 1.0]))), [first, second, mpmath.mpf(1)])


def ranges() -> None:
    """Products of a block with entries hundreds of decades apart, every term with its own power."""
    rng = np.random.default_rng(11)
    height, width, begin, across = 3, 4, 5, 7
    ways = ((False, False), (True, False), (False, True), (True, True)) * 6
    for trial, (transposed, replace) in enumerate(sorted(ways) * 2):
        # zeros, so that the largest entries of the vector do not reach every result
        store = 10.0 ** rng.uniform(-280, 0, 40) * (rng.random(40) > 0.5)
        value, power = rng.uniform(0.5, 1.0, 12), rng.choice([0, -400, -1030, -1500], 12)
        reach = (60, 1500)[trial % 2]
        extra, after = rng.integers(-reach, reach, 12), rng.integers(-reach, reach, 12)
        value[2] = 0.0 if replace else value[2]
        count, size = (width, height) if transposed else (height, width)
        truth = []
        for r in range(count):
            total = mpmath.ldexp(mpmath.mpf(value[6 + r]), int(power[6 + r])) * (not replace)
            for c in range(size):
                i, k = (c, r) if transposed else (r, c)
                term = mpmath.mpf(store[begin + i * across + k]) * mpmath.mpf(value[1 + c])
                total += mpmath.ldexp(term, int(power[1 + c] + extra[1 + c] + after[6 + r]))
            truth.append(total)
        z, out = np.zeros(12), np.zeros(12)
        products.multiply(
            store, begin, across, height, width, transposed, True, replace, value, power, extra, 1,
            after, 6, z, out,
        )  # fmt: skip
        agree(Scaled(value[6 : 6 + count], power[6 : 6 + count]), truth)


# --- mutants -----------------------------------------------------------------------------------


OPERATORS = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,), ast.Mod: (ast.Mult,), ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}  # fmt: skip
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What one node of a function's syntax may be replaced by."""
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        for other in OPERATORS.get(type(node.op), ()):
            changed = copy.deepcopy(node)
            changed.op = other()
            yield changed
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            for other in COMPARISONS.get(type(op), ()):
                changed = copy.deepcopy(node)
                changed.ops[place] = other()
                yield changed
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        value = node.value
        yield ast.Constant(not value if isinstance(value, bool) else value + 1)
    if isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield changed
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub, ast.Invert)):
        yield copy.deepcopy(node.operand)
    if isinstance(node, ast.Name) and node.id in ("max", "min"):
        yield ast.Name("min" if node.id == "max" else "max", node.ctx)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, (ast.Name, ast.BinOp)):
        changed = copy.deepcopy(node)
        changed.slice = ast.BinOp(changed.slice, ast.Add(), ast.Constant(1))
        yield changed
    if isinstance(node, (ast.Assign, ast.AugAssign)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield ast.Pass()


class Swap(ast.NodeTransformer):
    """Replaces the node that is the `place`-th on the way through the syntax."""

    def __init__(self, place: int, new: ast.AST) -> None:
        self.place, self.new, self.at = place, new, -1

    def visit(self, node: ast.AST) -> ast.AST:
        self.at += 1
        if self.at == self.place:
            self.at += sum(1 for _ in ast.walk(node)) - 1
            return self.new
        return self.generic_visit(node)


@dataclass(frozen=True)
class Mutant:
    function: types.FunctionType
    name: str
    line: int
    text: str
    before: str
    after: str
    code: types.CodeType


def ordered(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in the order in which `Swap` meets them."""
    yield node
    for child in ast.iter_child_nodes(node):
        yield from ordered(child)


def mutants(only: str | None) -> Iterator[Mutant]:
    for module, names in KERNELS.items():
        source = inspect.getsource(module)
        tree, text = ast.parse(source), source.splitlines()
        for name in names:
            if only and only != name:
                continue
            held, place = module, tree
            for part in name.split("."):
                held = getattr(held, part)
                place = next(
                    n for n in place.body
                    if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name == part
                )  # fmt: skip
            skipped = {
                id(n) for part in (place.args, place.returns) if part for n in ast.walk(part)
            }
            for number, node in enumerate(ordered(place)):
                if id(node) in skipped:
                    continue
                for new in variants(node):
                    changed = Swap(number, new).visit(copy.deepcopy(place))
                    changed.decorator_list = []
                    whole = ast.fix_missing_locations(ast.Module([changed], []))
                    room: dict[str, object] = {}
                    flags = __future__.annotations.compiler_flag
                    code = compile(whole, f"<{name}>", "exec", flags=flags, dont_inherit=True)
                    exec(code, dict(vars(module)), room)  # noqa: S102 (our own source, changed)
                    function = room[changed.name]
                    line = node.lineno if hasattr(node, "lineno") else place.lineno
                    yield Mutant(
                        held, name, line, text[line - 1].strip(),
                        ast.unparse(node), ast.unparse(new), function.__code__,
                    )  # fmt: skip


def fate(mutant: Mutant, asked: list[Callable[[], None]], seconds: float) -> str:
    """What became of a mutant, in a process of its own: wrong, raised, hung, or survived."""
    child = os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        mutant.function.__code__ = mutant.code
        try:
            for ask in asked:
                ask()
        except Killed:
            os._exit(1)
        except BaseException:  # whatever a mutant raises has killed it
            os._exit(2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "hung"
    return ("survived", "wrong", "raised")[os.WEXITSTATUS(status)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every K-th mutant only")
    parser.add_argument(
        "--offset", type=int, default=0, help="begin with the mutant of this number"
    )
    parser.add_argument("--only", help="mutants of one function")
    parser.add_argument("--out", type=Path)
    asked_for = parser.parse_args()
    np.seterr(all="ignore")
    shrink()
    asked = checks(cases())
    start = time.process_time()
    for ask in asked:  # the kernels as they are: nothing may be killed
        ask()
    budget = max(10.0 * (time.process_time() - start), 3.0)
    # the quick checks first: most mutants die there
    counts: dict[str, dict[str, int]] = {}
    survivors: list[tuple[Mutant, str | None]] = []
    for number, mutant in enumerate(mutants(asked_for.only)):
        if (number - asked_for.offset) % asked_for.every:
            continue
        end = fate(mutant, asked, budget)
        row = counts.setdefault(
            mutant.name, dict.fromkeys(("wrong", "raised", "hung", "survived"), 0)
        )
        row[end] += 1
        if end == "survived":
            reason = excuse(mutant.name, mutant.text, mutant.before, mutant.after)
            survivors.append((mutant, reason))
            if reason is None:
                print(
                    f"survived: {mutant.name}:{mutant.line} `{mutant.before}` -> `{mutant.after}`",
                    flush=True,
                )
    lines = [
        "| kernel | mutants | wrong answer | raised | did not end | changes nothing | unseen |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in counts.items():
        unseen = sum(1 for m, reason in survivors if m.name == name and reason is None)
        lines.append(
            f"| {name} | {sum(row.values())} | {row['wrong']} | {row['raised']} | {row['hung']}"
            f" | {row['survived'] - unseen} | {unseen} |"
        )
    unseen = [m for m, reason in survivors if reason is None]
    total = sum(sum(row.values()) for row in counts.values())
    lines += [
        "",
        f"{total - len(survivors)} of {total} killed. " + ("wrong" if unseen else "right"),
    ]
    reasons = {(m.name, m.text): why for m, why in survivors if why}
    if reasons:
        lines += ["", "Lines on which mutants changed no answer:", ""]
        lines += [f"* {name}: `{text}`: {why}" for (name, text), why in reasons.items()]
    print("\n".join(lines))
    if asked_for.out:
        asked_for.out.write_text(
            "# Mutants of the elimination kernels\n\n" + "\n".join(lines) + "\n"
        )
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
