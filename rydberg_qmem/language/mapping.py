"""A program changed block by block: what comes out is checked as if it were written anew."""

from __future__ import annotations

from rydberg_qmem import arguments
from rydberg_qmem.language import library
from rydberg_qmem.language.blocks import Change, map_tree
from rydberg_qmem.language.program import Program


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
    return program.with_(body=map_tree(program.body, change))
