"""Freeze a program's feedback: the same blocks, but none that changes memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from rydberg_qmem import arguments
from rydberg_qmem.compile.steps import expressions_in
from rydberg_qmem.errors import InputError
from rydberg_qmem.language import library
from rydberg_qmem.language.blocks import (
    AnyBlock,
    Cell,
    ForEach,
    Measure,
    Probe,
    Push,
    Repeat,
    Reset,
    Set,
    Timed,
    When,
)
from rydberg_qmem.language.program import Program

Blocks = tuple[AnyBlock, ...]


@arguments.taking(program=library.program)
def frozen(program: Program) -> Program:
    """Return the program with its feedback frozen: nothing is set or pushed, so memory keeps its initial values.

    Such blocks are left out wherever they stand: in loops, in both sides of branches, in what is done for each atom.
    All other blocks stay, and so do branches whose sides are empty then: they take the time they took. Raises
    InputError where a block reads a name that was only ever set, as it has no initial value.

    >>> from rydberg_qmem.learning.networks import memristor_network
    >>> len(frozen(memristor_network(["x0"], time_constants=[4])).body[0].body)
    4
    """
    body = _without_memory(program.body)
    read = {name for expression in expressions_in(body) for name in expression.names}
    lost = (set(_names_set(program.body)) - program.memory.keys()) & read
    if lost:
        raise InputError(
            f"memory of program {program.name!r} must declare {', '.join(sorted(lost))} with an initial value: frozen, "
            "it is read but never set"
        )
    return program.with_(body=body)


def bodies(block: AnyBlock) -> dict[str, Blocks]:
    """Return the blocks that a block holds, by its field; none for most kinds.

    >>> bodies(When(condition="m == 1", then=(Reset(atoms="q"),)))["otherwise"]
    ()
    """
    if isinstance(block, Repeat | ForEach):
        return {"body": block.body}
    if isinstance(block, When):
        return {"then": block.then, "otherwise": block.otherwise}
    if isinstance(block, Timed | Cell | Measure | Reset | Probe | Set | Push):
        return {}
    assert_never(block)


def _names_set(blocks: Blocks) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Set | Push):
            yield from block.values
        for inner in bodies(block).values():
            yield from _names_set(inner)


def _without_memory(blocks: Blocks) -> Blocks:
    made: list[AnyBlock] = []
    for block in blocks:
        if not isinstance(block, Set | Push):
            inside = {name: _without_memory(inner) for name, inner in bodies(block).items()}
            made.append(block.with_(**inside) if inside else block)
    return tuple(made)
