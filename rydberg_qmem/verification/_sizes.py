"""Sizes: how large a program may be, counted before anything of it is expanded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from rydberg_qmem.errors import Problem
from rydberg_qmem.language.blocks import (
    AnyBlock,
    Classical,
    ForEach,
    Probe,
    Repeat,
    bodies,
    classical_rule,
    key_of,
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


def _copies(block: AnyBlock, atoms: int) -> int:
    """Return how often a block's body stands in the program once each for_each is written out."""
    return (atoms if block.atom == "all" else len(block.atom)) if isinstance(block, ForEach) else 1


def _count(blocks: Iterable[AnyBlock], atoms: int) -> int:
    return sum(
        1 + _copies(block, atoms) * sum(_count(inner, atoms) for inner in bodies(block).values()) for block in blocks
    )


def _kept(blocks: Iterable[AnyBlock], atoms: int, copies: int, plain: set[str]) -> int:
    """Return how many names a for_each makes of its `$atom`; collect the other ones."""
    made = 0
    for block in blocks:
        made += sum(_kept(inner, atoms, copies * _copies(block, atoms), plain) for inner in bodies(block).values())
        if isinstance(block, Classical) and not (rule := classical_rule(block)).windows:
            plain.update(rule.values)
        key = block.key if isinstance(block, Probe) else key_of(block)
        if key is not None and "$" in key:
            made += copies
        elif key is not None:
            plain.add(key)
    return made


def _nesting(blocks: Iterable[AnyBlock]) -> int:
    """Return how many repeats stand within one another."""
    each = ((block, _nesting(chain.from_iterable(bodies(block).values()))) for block in blocks)
    return max((isinstance(block, Repeat) + inner for block, inner in each), default=0)
