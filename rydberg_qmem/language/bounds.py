"""Bounds of an expression, from bounds of the names that it reads; and what a condition says about those names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import nextafter, pi
from typing import Any

import numpy as np

from rydberg_qmem.language.arithmetic import BINARY, ELEMENTWISE, REDUCE, SEVERAL, UNARY
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.interval_scope import IntervalScope
from rydberg_qmem.language.interval_steps import apply, averaged, compared, reduce_window
from rydberg_qmem.language.intervals import UNKNOWN, Interval
from rydberg_qmem.language.narrowing import name_of, narrowed

UNIFORM = Interval(0.0, nextafter(1.0, 0.0))
_Run = Callable[[IntervalScope], Interval]
_Sides = tuple[IntervalScope | None, IntervalScope | None]
_Split = Callable[[IntervalScope], _Sides]
"""Evaluates every part of a condition once, however deeply conditions are nested."""


def bounds(expression: Expression, box: IntervalScope) -> Interval:
    """Return an interval that holds every value of an expression for values of its names in a box."""
    with np.errstate(all="ignore"):
        return _compiled(expression).run(box)


def split(condition: Expression, box: IntervalScope) -> tuple[IntervalScope | None, IntervalScope | None]:
    """Return what is known of the names where a condition holds, and where not; None where that cannot be.

    >>> known = IntervalScope({"x": Interval(0, 5), "m.a": Interval.of(0, 1)})
    >>> holds, fails = split(Expression("x > 2 and m == 1"), known)
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
        return lambda box: averaged(inner(box if box.ensemble is None else IntervalScope(box.ensemble, box.keys)))
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

    def run(box: IntervalScope) -> Interval:
        here = IntervalScope(box.names, box.keys, box.names if box.ensemble is None else box.ensemble)
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

    def run(box: IntervalScope) -> Interval:
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
    def parted(box: IntervalScope) -> _Sides:
        holds, fails = part(box)
        return fails, holds

    return parted


def _by_value(run: _Run) -> _Split:
    def parted(box: IntervalScope) -> _Sides:
        value = run(box)
        if value.width:
            return box, box
        return None if value.is_zero else box, None if value.is_nonzero else box

    return parted


def _all_of(parts: list[_Split]) -> _Split:
    """Part a box by several conditions at once: all narrow it where all hold; one may fail unless all surely hold."""

    def parted(box: IntervalScope) -> _Sides:
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


def _pair(left: ast.expr, sign: type[ast.cmpop], right: ast.expr) -> _Split:
    sides, names = (_run(left), _run(right)), (name_of(left), name_of(right))

    def parted(box: IntervalScope) -> _Sides:
        a, b = sides[0](box), sides[1](box)
        if a.width or b.width:
            return box, box
        return narrowed(box, sign, names, (a, b), True), narrowed(box, sign, names, (a, b), False)

    return parted
