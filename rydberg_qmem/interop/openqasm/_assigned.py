"""Which variables a part of an OpenQASM file may write: those must be in memory before the program decides on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from rydberg_qmem.interop.openqasm._scopes import Array, BitRegister, Cell, Meaning
from rydberg_qmem.interop.openqasm._translation import Translation


def assigned(here: Translation, statements: Any) -> list[Cell]:
    """Return the variables around some statements that these may write, flags of stopping early among them."""
    found: dict[int, Cell] = {}
    for cell in _assigned(here, statements, inside=False):
        found[id(cell)] = cell
    return list(found.values())


def _assigned(here: Translation, node: Any, *, inside: bool) -> Iterator[Cell]:
    if isinstance(node, list | tuple):
        for one in node:
            yield from _assigned(here, one, inside=inside)
        return
    if not hasattr(node, "span"):
        return
    kind = type(node).__name__
    match kind:
        case "ClassicalAssignment":
            yield from _named(here, node.lvalue)
        case "QuantumMeasurementStatement":
            yield from _named(here, node.target)
        case "FunctionCall":
            for argument in node.arguments:
                yield from _named(here, argument)
        case "BreakStatement" | "ContinueStatement" if not inside and here.loops[-1]:
            yield here.loops[-1][-1].left if kind == "BreakStatement" else here.loops[-1][-1].skipped
        case "ReturnStatement" | "EndStatement" if here.frames:
            yield here.frames[-1].returned
            yield from here.frames[-1].results or ()
    within = inside or kind in ("ForInLoop", "WhileLoop")
    for part in fields(node):
        if part.name not in ("span", "annotations"):
            yield from _assigned(here, getattr(node, part.name), inside=within)


def _named(here: Translation, node: Any) -> Iterator[Cell]:
    while node is not None and not isinstance(getattr(node, "name", None), str):
        node = getattr(node, "name", None) or getattr(node, "collection", None)
    if node is not None:
        found = here.scope.find(node.name)
        yield from () if found is None else cells_of(found)


def cells_of(found: Meaning) -> Iterator[Cell]:
    """Yield the variables that a name stands for."""
    match found:
        case Cell():
            yield found
        case BitRegister(cells=cells):
            yield from cells
        case Array(parts=parts):
            for part in parts:
                yield from cells_of(part)
        case _:
            pass
