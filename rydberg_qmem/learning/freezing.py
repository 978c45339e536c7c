"""Freeze a program's feedback: the same blocks, but none that changes memory."""

from __future__ import annotations

from rydberg_qmem import arguments
from rydberg_qmem.compile.steps import expressions_in
from rydberg_qmem.errors import InputError
from rydberg_qmem.language import library
from rydberg_qmem.language.blocks import Classical, classical_rule, map_tree, walk
from rydberg_qmem.language.program import Program


@arguments.taking(program=library.program)
def frozen(program: Program) -> Program:
    """Return the program with its feedback frozen: nothing is set or pushed, so memory keeps its initial values.

    Such blocks are left out wherever they stand: in loops, in both sides of branches, in what is done for each atom.
    All other blocks stay, and so do branches whose sides are empty then: they take the time they took.

    Args:
        program: The program, which stays as it is.

    Raises InputError where a block reads a name that was only ever set, as it has no initial value.

    >>> from rydberg_qmem.programs import memristor_network
    >>> len(frozen(memristor_network(["x0"], time_constants=[4])).body[0].body)
    4
    """
    body = map_tree(program.body, lambda block: () if isinstance(block, Classical) else block)
    read = {name for expression in expressions_in(body) for name in expression.names}
    written = {
        name for block in walk(program.body) if isinstance(block, Classical) for name in classical_rule(block).values
    }
    lost = (written - program.memory.keys()) & read
    if lost:
        raise InputError(
            f"memory of program {program.name!r} must declare {', '.join(sorted(lost))} with an initial value: frozen, "
            "it is read but never set"
        )
    return program.with_(body=body)
