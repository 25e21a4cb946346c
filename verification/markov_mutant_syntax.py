"""Every kernel of the eliminations with one place changed: an operator, a constant, a statement left out."""

from __future__ import annotations
import __future__

import ast
import copy
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass

from separatrix.markov import banded
from separatrix.markov.nested import (
    assembly,
    boxes,
    deepening,
    dissection,
    fronts,
    packing,
    products,
    substitution,
    traversal,
)

KERNELS: dict[types.ModuleType, tuple[str, ...]] = {
    fronts: ("_invert", "_take", "_put", "_prepare", "_eliminate", "_hand_on"),
    assembly: ("_assemble", "_extend"),
    packing: ("packed_sizes", "_pack"),
    traversal: ("_factor_nodes",),
    products: ("_add", "_align", "_careful", "_multiply"),
    substitution: ("_solve_node", "_substitute"),
    boxes: ("_halve", "levels"),
    dissection: ("_number", "_surround", "_joined"),
    deepening: ("_join", "_collect", "_sweep_deep"),
    banded: (
        "invert", "factor", "_multiply", "_flushed", "BandFactor.right", "BandFactor.left",
        "BandFactor.right_scaled", "BandFactor.left_scaled", "BandFactor._in_range",
    ),
}  # fmt: skip
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
