"""Sizes: how large a program may be, counted before anything of it is expanded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rydberg_qmem.errors import Problem
from rydberg_qmem.language.blocks import (
    AnyBlock,
    BlockadeMeasure,
    ForEach,
    Measure,
    Probe,
    Repeat,
    Set,
    WeakMeasure,
    When,
)
from rydberg_qmem.language.program import Program

MAX_BLOCKS = 10_000
"""Blocks of a program, each for_each written out."""
MAX_NESTED = 10
"""Repeats within repeats."""
MAX_NAMES = 2_000
"""Parameters, inputs and memory together."""


MAX_KNOWN = 2_000_000
"""Blocks times names that outcomes and memory are kept under: what each block may still need is kept track of."""


def sizes(program: Program) -> Iterator[Problem]:
    """Yield what is too large about a program.

    >>> from rydberg_qmem.language.library import load
    >>> list(sizes(load("two_port_memristor")))
    []
    """
    names = len(program.parameters) + len(program.inputs) + len(program.memory)
    if names > MAX_NAMES:
        yield Problem("", f"must have at most {MAX_NAMES} parameters, inputs and memory variables", str(names))
    for i, block in enumerate(program.body):
        if _nesting([block]) > MAX_NESTED:
            yield Problem(f"body[{i}].{block.kind}", f"must nest repeats at most {MAX_NESTED} deep")
    atoms = len(program.register.names)
    counts = [_count([block], atoms) for block in program.body]
    if sum(counts) > MAX_BLOCKS:
        i = counts.index(max(counts))
        place = f"body[{i}].{program.body[i].kind}" if max(counts) > 1 else "body"
        rule = f"must come to at most {MAX_BLOCKS} blocks, each for_each written out"
        yield Problem(place, rule, str(sum(counts)))
        return
    kept: set[str] = set(program.memory)
    known = _kept(program.body, atoms, 1, kept) + len(kept)
    if sum(counts) * known > MAX_KNOWN:
        rule = f"must have at most {MAX_KNOWN} blocks times names (of memory and of keys)"
        yield Problem("body", rule, f"{sum(counts)} blocks, {known} names")


def _count(blocks: Iterable[AnyBlock], atoms: int) -> int:
    total = 0
    for block in blocks:
        match block:
            case Repeat():
                total += 1 + _count(block.body, atoms)
            case When():
                total += 1 + _count(block.then, atoms) + _count(block.otherwise, atoms)
            case ForEach():
                each = atoms if block.atom == "all" else len(block.atom)
                total += 1 + each * _count(block.body, atoms)
            case _:
                total += 1
    return total


def _kept(blocks: Iterable[AnyBlock], atoms: int, copies: int, plain: set[str]) -> int:
    """Return how many names a for_each makes of its `$atom`; collect the other ones."""
    made = 0
    for block in blocks:
        match block:
            case Repeat():
                made += _kept(block.body, atoms, copies, plain)
            case When():
                made += _kept((*block.then, *block.otherwise), atoms, copies, plain)
            case ForEach():
                each = atoms if block.atom == "all" else len(block.atom)
                made += _kept(block.body, atoms, copies * each, plain)
            case Set():
                plain.update(block.values)
            case Measure() | WeakMeasure() | BlockadeMeasure() | Probe():
                if "$" in block.key:
                    made += copies
                else:
                    plain.add(block.key)
            case _:
                pass
    return made


def _nesting(blocks: Iterable[AnyBlock]) -> int:
    deepest = 0
    for block in blocks:
        match block:
            case Repeat():
                deepest = max(deepest, 1 + _nesting(block.body))
            case ForEach():
                deepest = max(deepest, _nesting(block.body))
            case When():
                deepest = max(deepest, _nesting((*block.then, *block.otherwise)))
            case _:
                pass
    return deepest
