"""What a comparison that holds, or fails, says about the names on its sides."""

from __future__ import annotations

import ast

from rydberg_qmem.language.interval_scope import IntervalScope
from rydberg_qmem.language.interval_steps import compared
from rydberg_qmem.language.intervals import SOUND, Interval

_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}  # fmt: skip


def narrowed(
    box: IntervalScope,
    sign: type[ast.cmpop],
    names: tuple[str | None, str | None],
    ends: tuple[Interval, Interval],
    holds: bool,
) -> IntervalScope | None:
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


def name_of(node: ast.expr) -> str | None:
    """Return the name that a node reads, `key.atom` for an outcome; None if it is no name."""
    match node:
        case ast.Name(id=name) if name != "pi":
            return name
        case ast.Attribute(value=ast.Name(id=key), attr=atom):
            return f"{key}.{atom}"
        case _:
            return None


def _target(name: str | None, box: IntervalScope) -> str | None:
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
