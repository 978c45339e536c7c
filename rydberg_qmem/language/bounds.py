"""Bounds of an expression, from bounds of the names that it reads; and what a condition says about those names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import nextafter, pi
from typing import Any

import numpy as np

from rydberg_qmem.language.arithmetic import BINARY, ELEMENTWISE, REDUCE, SEVERAL, UNARY
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.intervals import (
    SOUND,
    UNKNOWN,
    Interval,
    apply,
    averaged,
    compared,
    reduce_window,
)

UNIFORM = Interval(0.0, nextafter(1.0, 0.0))


@dataclass(frozen=True)
class Box:
    """What is known of the names in scope: an interval for each; outcomes as `key.atom`, one for each atom of a key.

    >>> box = Box({"R": Interval(0, 0.5), "m.a": Interval.of(0, 1)}, {"m": ("a",)})
    >>> bounds(Expression("20 * R + m"), box)
    Interval(low=0.0, high=11.0, values=None, width=0, fault=0)
    """

    names: Mapping[str, Interval]
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ensemble: Mapping[str, Interval] | None = None
    """What is known of the names in all rows that are evaluated together, where `names` are of some of them."""

    def get(self, name: str) -> Interval:
        """Return the interval of a name; a key on several atoms is as wide as they are many."""
        if name not in self.keys:
            return self.names.get(name, UNKNOWN)
        atoms = self.keys[name]
        made = self.names.get(f"{name}.{atoms[0]}", UNKNOWN)
        for atom in atoms[1:]:
            made = made.join(self.names.get(f"{name}.{atom}", UNKNOWN))
        if len(atoms) == 1:
            return made
        return Interval(made.low, made.high, made.values, len(atoms), made.fault)

    def width(self, names: Iterable[str]) -> int:
        """Return how wide an expression is that reads some names plainly: 0 where it gives one value."""
        return max((self.get(name).width for name in names), default=0)

    def narrowed(self, name: str, interval: Interval) -> Box:
        """Return the box with one name known better."""
        return Box({**self.names, name: interval}, self.keys, self.ensemble)


_Run = Callable[[Box], Interval]
_Sides = tuple[Box | None, Box | None]
_Split = Callable[[Box], _Sides]
"""Evaluates every part of a condition once, however deeply conditions are nested."""


def bounds(expression: Expression, box: Box) -> Interval:
    """Return an interval that holds every value of an expression for values of its names in a box."""
    with np.errstate(all="ignore"):
        return _compiled(expression).run(box)


def split(condition: Expression, box: Box) -> tuple[Box | None, Box | None]:
    """Return what is known of the names where a condition holds, and where not; None where that cannot be.

    >>> holds, fails = split(Expression("x > 2 and m == 1"), Box({"x": Interval(0, 5), "m.a": Interval.of(0, 1)}))
    >>> holds.names["x"].low, fails.names["x"].low
    (2.0, 0)
    """
    with np.errstate(all="ignore"):
        return _compiled(condition).split(box)


@dataclass(frozen=True)
class _Compiled:
    run: _Run
    split: _Split


@lru_cache(maxsize=4096)
def _compiled(expression: Expression) -> _Compiled:
    tree = expression.tree
    return _Compiled(_run(tree), _splitter(tree))


def _constant(number: float) -> _Run:
    made = Interval.of(number)
    return lambda box: made


def _run(node: ast.expr) -> _Run:
    match node:
        case ast.Constant(value=int() | float() as number):
            return _constant(float(number))
        case ast.Name(id="pi"):
            return _constant(pi)
        case ast.Name(id=name):
            return lambda box: box.get(name)
        case ast.Attribute(value=ast.Name(id=key), attr=atom):
            column = f"{key}.{atom}"
            return lambda box: box.names.get(column, UNKNOWN)
        case ast.Subscript(value=ast.Name(id=name)):
            return lambda box: _entry(box.get(name))
        case ast.UnaryOp(op=op, operand=operand):
            sign = {ast.UAdd: "positive", ast.USub: "negative", ast.Not: "not"}[type(op)]
            return _step(sign, UNARY[type(op)], [operand])
        case ast.BinOp(left=left, op=op, right=right):
            return _step(_SIGN_OF[type(op)], BINARY[type(op)], [left, right])
        case ast.BoolOp(op=op, values=values):
            name = "and" if isinstance(op, ast.And) else "or"
            return _step(name, _CONNECTIVES[name], values)
        case ast.Compare():
            return _comparison(node)
        case ast.Call(func=ast.Name(id=name), args=args):
            return _call(name, args)
        case _:
            raise AssertionError(f"the language has no {type(node).__name__}")


_SIGN_OF: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
}  # fmt: skip
_CONNECTIVES: dict[str, Callable[..., float]] = {
    "and": lambda *parts: float(all(parts)),
    "or": lambda *parts: float(any(parts)),
}


def _entry(window: Interval) -> Interval:
    return Interval(window.low, window.high, window.values, 0, window.fault)


def _step(name: str, function: Callable[..., Any], nodes: list[ast.expr]) -> _Run:
    parts = [_run(node) for node in nodes]
    return lambda box: apply(name, function, [part(box) for part in parts])


def _call(name: str, args: list[ast.expr]) -> _Run:
    if name == "uniform":
        return lambda box: UNIFORM
    if name == "normal":
        return lambda box: UNKNOWN
    if name == "where":
        return _where(*args)
    if name == "ensemble_mean":
        inner = _run(args[0])
        return lambda box: averaged(inner(box if box.ensemble is None else Box(box.ensemble, box.keys)))
    if name in ELEMENTWISE:
        return _step(name, ELEMENTWISE[name][1], args)
    if len(args) > 1:
        return _step(name, SEVERAL[name], args)
    window = _run(args[0])
    return lambda box: reduce_window(name, window(box))


def _where(condition: ast.expr, yes: ast.expr, no: ast.expr) -> _Run:
    """Return the bounds of a choice; each side is looked at where it is chosen."""
    parted, sides = _splitter(condition), (_run(yes), _run(no))
    plain = frozenset(_plain_names(condition)).union(_plain_names(yes), _plain_names(no))

    def run(box: Box) -> Interval:
        here = Box(box.names, box.keys, box.names if box.ensemble is None else box.ensemble)
        found = [side(known) for side, known in zip(sides, parted(here), strict=True) if known is not None]
        if not found:  # nothing is left of the box: any bounds hold
            found = [side(box) for side in sides]
        made = found[0].join(found[-1])
        width = box.width(plain)
        return made if width == made.width else Interval(made.low, made.high, made.values, width, made.fault)

    return run


def _plain_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that make an expression as wide as they are: not those that are reduced or indexed."""
    match node:
        case ast.Name(id=name) if name != "pi":
            yield name
        case ast.Subscript() | ast.Attribute() | ast.Call(func=ast.Name(id="ensemble_mean")):
            return
        case ast.Call(func=ast.Name(id=name), args=[_]) if name in REDUCE:
            return
        case ast.Call(args=args):
            for argument in args:
                yield from _plain_names(argument)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _plain_names(child)


def _comparison(node: ast.Compare) -> _Run:
    parts = [_run(part) for part in (node.left, *node.comparators)]
    signs = [type(sign) for sign in node.ops]

    def run(box: Box) -> Interval:
        values = [part(box) for part in parts]
        found = [compared(sign, a, b) for sign, a, b in zip(signs, values, values[1:], strict=False)]
        width = max(value.width for value in values)
        if False in found:
            return Interval.of(0, width=width)
        return Interval.of(*((0, 1) if None in found else (1,)), width=width)

    return run


# --- what conditions say about names ---


def _splitter(node: ast.expr) -> _Split:
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _not(_splitter(operand))
        case ast.BoolOp(op=ast.And(), values=values):
            return _all_of([_splitter(value) for value in values])
        case ast.BoolOp(values=values):
            return _any_of([_splitter(value) for value in values])
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return _pair(left, type(sign), right)
        case ast.Compare(left=left, ops=ops, comparators=right):
            ends = (left, *right)
            return _all_of([_pair(a, type(sign), b) for a, sign, b in zip(ends, ops, right, strict=False)])
        case ast.Name() | ast.Attribute():
            return _pair(node, ast.NotEq, ast.Constant(value=0))
        case _:
            return _by_value(_run(node))


def _not(part: _Split) -> _Split:
    def parted(box: Box) -> _Sides:
        holds, fails = part(box)
        return fails, holds

    return parted


def _by_value(run: _Run) -> _Split:
    def parted(box: Box) -> _Sides:
        value = run(box)
        if value.width:
            return box, box
        return None if value.is_zero else box, None if value.is_nonzero else box

    return parted


def _all_of(parts: list[_Split]) -> _Split:
    """Part a box by several conditions at once: all narrow it where all hold; one may fail unless all surely hold."""

    def parted(box: Box) -> _Sides:
        known, sure = box, True
        for part in parts:
            holds, fails = part(known)
            if holds is None:
                return None, box
            known, sure = holds, sure and fails is None
        return known, None if sure else box

    return parted


def _any_of(parts: list[_Split]) -> _Split:
    return _not(_all_of([_not(part) for part in parts]))


_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}  # fmt: skip


def _pair(left: ast.expr, sign: type[ast.cmpop], right: ast.expr) -> _Split:
    sides, names = (_run(left), _run(right)), (_name_of(left), _name_of(right))

    def parted(box: Box) -> _Sides:
        a, b = sides[0](box), sides[1](box)
        if a.width or b.width:
            return box, box
        return _narrowed(box, sign, names, (a, b), True), _narrowed(box, sign, names, (a, b), False)

    return parted


def _narrowed(
    box: Box, sign: type[ast.cmpop], names: tuple[str | None, str | None], ends: tuple[Interval, Interval], holds: bool
) -> Box | None:
    """Return what is known where a comparison of two names (or of what has none) holds, or fails."""
    a, b = ends
    if compared(sign, a, b) is (not holds):
        return None
    if (a.fault or b.fault) and holds == (sign is ast.NotEq):
        return box  # a comparison with nan fails, which says nothing about the other side
    actual = sign if holds else _NEGATED[sign]
    for name, this, by, other in ((names[0], a, actual, b), (names[1], b, _TURNED[actual], a)):
        target = _target(name, box)
        if target is None:
            continue
        smaller = _cut(this, by, other)
        if smaller is None:
            return None
        box = box.narrowed(target, smaller)
    return box


def _name_of(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) if name != "pi":
            return name
        case ast.Attribute(value=ast.Name(id=key), attr=atom):
            return f"{key}.{atom}"
        case _:
            return None


def _target(name: str | None, box: Box) -> str | None:
    """Return the name under which a box knows what can be narrowed, if it can."""
    if name is not None and name in box.keys:
        name = f"{name}.{box.keys[name][0]}" if len(box.keys[name]) == 1 else None
    return name if name in box.names else None


def _cut(this: Interval, sign: type[ast.cmpop], other: Interval) -> Interval | None:
    """Return the part of an interval for which a comparison with some number of another can hold."""
    if this.values is not None:
        kept = [v for v in this.values if compared(sign, Interval.of(v), Interval(other.low, other.high)) is not False]
        if sign is ast.Eq and other.values is not None:
            kept = [v for v in kept if v in other.values]
        if sign is ast.NotEq and other.low == other.high:
            kept = [v for v in kept if v != other.low]
        return Interval.of(*kept) if kept else None
    low, high = this.low, this.high
    if sign in (ast.Lt, ast.LtE, ast.Eq):
        high = min(high, other.high)
    if sign in (ast.Gt, ast.GtE, ast.Eq):
        low = max(low, other.low)
    return Interval(low, high, None, 0, SOUND) if low <= high else None


__all__ = ["UNIFORM", "Box", "bounds", "split"]
