"""A program changed block by block: what comes out is checked as if it were written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.language import library
from rydberg_qmem.language.blocks import AnyBlock, ForEach, Repeat, When
from rydberg_qmem.language.program import Program

Change = Callable[[AnyBlock], Any]
"""Returns what stands in a block's place: a block, several of them, or none (an empty sequence)."""


@arguments.taking(program=library.program, change=arguments.function_of(1))
def map_blocks(program: Program, change: Change) -> Program:
    """Return a program with every block changed, inner blocks before those around them.

    Args:
        program: The program, which stays as it is.
        change: Takes a block, returns one, or a sequence of blocks that stand in its place; empty to leave it out.

    Raises ProgramError where what comes out is no program.

    >>> from rydberg_qmem.language.blocks import Reset
    >>> from rydberg_qmem.language.library import load
    >>> without = map_blocks(load("two_port_memristor"), lambda block: () if isinstance(block, Reset) else block)
    >>> [block.kind for block in without.body[0].body]
    ['rotate', 'beam_splitter', 'measure', 'push', 'set']
    """
    return program.with_(body=_mapped(program.body, change))


def _mapped(blocks: Iterable[AnyBlock], change: Change) -> tuple[Any, ...]:
    made: list[Any] = []
    for block in blocks:
        changed = change(_within(block, change))
        made += changed if isinstance(changed, list | tuple) else (changed,)
    return tuple(made)


def _within(block: AnyBlock, change: Change) -> AnyBlock:
    """Return a block with the blocks in it changed."""
    match block:
        case Repeat() | ForEach():
            return block.with_(body=_mapped(block.body, change))
        case When():
            return block.with_(then=_mapped(block.then, change), otherwise=_mapped(block.otherwise, change))
        case _:
            return block
