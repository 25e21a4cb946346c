"""What a mutant of the elimination kernels must still get right (see `markov_mutants`).

Panels of 2 and leaves of 6 states make small chains walk through every branch.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable

import mpmath
import numpy as np

from markov_mutant_answers import Case, lattice
from separatrix.markov import banded
from separatrix.markov.generator import Edges, chain_from_matrix
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
    strips,
)
from separatrix.markov.scaled import Scaled

LIMIT = 1e-10
PANEL, LEAF = 2, 6


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
    strips._NARROW = 0  # halves, where nothing else is asked for
    dissection.dissect.__kwdefaults__["leaf"] = LEAF


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
                in_levels(law),
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
            in_levels(solves),
            lambda solves=solves: solves(method="levels", block=4),
            extended,
            carried,
        ]
    laws = [one for one in every if one.law and one.name != "plane"]
    again = [lambda one=one: from_the_likely(one) for one in laws]
    return [
        sizes,
        sums,
        pair,
        joins,
        lost,
        beyond,
        long_stay,
        ranges,
        numbers,
        borders,
        slices,
        *again,
        *asked,
        stuck,
    ]


def in_levels(ask: Callable[..., None]) -> Callable[[], None]:
    """The same of a lattice that counts as narrow."""

    def narrow() -> None:
        usual, strips._NARROW = strips._NARROW, 24
        try:
            ask(method="nested")
        finally:
            strips._NARROW = usual

    return narrow


def slices() -> None:
    """Levels are disjoint, as thick as they are said to be but for the last ones, and boxes hold what is below."""
    for high in range(1, 9):
        for thick in (1, 2, 3):
            for goal in range(high):
                made = boxes.levels(np.array([2, 1]), np.array([5, 1 + high]), 1, thick, 1 + goal)
                if not (
                    (made.low[:, 0] == 2).all() and (made.high[:, 0] == 5).all()
                    and (made.own_low[:, 0] == 2).all() and (made.own_high[:, 0] == 5).all()
                ):  # fmt: skip
                    raise Killed
                sides = np.stack([made.own_low[:, 1], made.own_high[:, 1]], axis=1).tolist()
                every = [i for low, top in sides for i in range(low, top)]
                if sorted(every) != list(range(1, 1 + high)):
                    raise Killed
                thin = sum(top - low < thick for low, top in sides)
                last_low, last_top = sides[-1]
                if thin > 2 or last_top - last_low != min(thick, high):
                    raise Killed
                if not last_low <= 1 + goal < max(last_top, 1 + high - thick):
                    raise Killed
                box: list[set[int]] = []
                for node, (low, top) in enumerate(sides):
                    children = [int(c) for c in (made.left[node], made.right[node]) if c >= 0]
                    box.append(set(range(low, top)).union(*(box[c] for c in children)))
                    if box[-1] != set(range(made.low[node, 1], made.high[node, 1])):
                        raise Killed
                    if made.start[node] != min([node, *(made.start[c] for c in children)]):
                        raise Killed
                    if len(children) > 1 and top - low < thick:
                        raise Killed
                if len(box[-1]) != high or min(made.left.min(), made.right.min()) != -1:
                    raise Killed


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
    usual = banded._ONE_THREAD
    for most in (1, usual):
        banded._ONE_THREAD = most
        if not np.array_equal(banded._multiply(A, B, np.full((20, 2), np.nan)), A @ B):
            raise Killed
    banded._ONE_THREAD = usual


def pair() -> None:
    """One state beside the anchor, and none."""
    from separatrix.markov.methods import solver_for

    chain = chain_from_matrix(np.array([[0.0, 1.0], [3.0, 0.0]]))
    agree(solver_for(chain, method="levels").law(), [mpmath.mpf(3) / 4, mpmath.mpf(1) / 4])
    solved = solver_for(chain, removed=np.array([True, False]), method="levels")
    agree(solved.right(np.array([0.0, 1.0])), [mpmath.mpf(0), mpmath.mpf(1) / 3])


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
        # no box of three states a side needs be larger than a leaf may be
        if leaf > 1 and tree.own[tree.left < 0].max() > leaf:
            raise Killed


def borders() -> None:
    """A box is surrounded by the states that one jump joins to it, and by no others."""
    faces = [tuple(int(x) for x in row) for row in np.eye(3)]
    for shape, jumps, leaf in (
        ((5, 6, 5), (*faces, (1, 1, -1)), 12),
        ((11, 6), ((1, 0), (0, 1), (2, 1)), 6),
    ):
        every = {tuple(int(i) for i in place) for place in np.ndindex(shape)}
        number = {place: int(np.ravel_multi_index(place, shape)) for place in every}
        tree = dissection.dissect(np.ones(shape, dtype=bool), np.array(jumps), 0, leaf=leaf)
        places = [tuple(int(i) for i in np.unravel_index(n, shape)) for n in tree.order]
        for node in range(tree.left.size):
            box = set(places[tree.first[tree.start[node]] : tree.first[node + 1]])
            found = tree.border[tree.ends[node] : tree.ends[node + 1]].tolist()
            size = math.prod(max(x) - min(x) + 1 for x in zip(*box, strict=True))
            if tree.order.size in found or len(box) < size:
                continue  # the anchor is near, or in the box but not among its states
            near = {
                tuple(x + sign * j for x, j in zip(place, jump, strict=True))
                for place in box for jump in jumps for sign in (1, -1)
            }  # fmt: skip
            truth = {int(tree.position[number[place]]) for place in (near & every) - box}
            if sorted(found) != sorted(truth):
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


def beyond() -> None:
    """Times that leave the range of a float64 are blamed on the smallest pivot, whichever is the last."""
    rates = np.array([[0.0, 1.0, 0.0], [1e50, 0.0, 1e-270], [0.0, 0.0, 0.0]])
    leaving = np.array([0.0, 0.0, 1.0])
    if fronts.invert(np.column_stack([rates, leaving])) != 1:
        raise Killed
    try:
        banded.invert(rates, leaving)
    except banded.Breakdown as failure:
        if (failure.position, failure.pivot) != (1, 1e-270):
            raise Killed from None
    else:
        raise Killed


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
