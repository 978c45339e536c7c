"""Readings in X, Y and Z, one setting per point of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from rydberg_qmem import arguments
from rydberg_qmem.language.blocks import AnyBlock, Measure, Rotate
from rydberg_qmem.language.expressions import Expression


@arguments.taking(
    atoms=arguments.values(arguments.text, "names of atoms", 1), key=arguments.text, setting=arguments.text
)
def tomography(atoms: Sequence[str], *, key: str = "tomo", setting: str = "setting") -> tuple[AnyBlock, ...]:
    """Return blocks that read each atom in X (0), Y (1) or Z (2), along the digits of a parameter in base 3.

    The parameter must be declared by the program, and is swept over range(3**n); the outcomes are what
    `analysis.tomography` takes. Levels g and h.

    Args:
        atoms: Names of the n atoms, one at least; the first follows the lowest digit.
        key: Name under which the outcomes are kept.
        setting: Name of the parameter.

    Raises InputError for an empty list of atoms.

    >>> [block.kind for block in tomography(["s"])]
    ['rotate', 'rotate', 'measure']
    """
    blocks: list[AnyBlock] = []
    for i, atom in enumerate(atoms):
        digit = f"floor({setting} / {3**i}) % 3"
        blocks.append(Rotate(atom=atom, axis="y", angle=Expression(f"where({digit} == 0, -pi / 2, 0)")))
        blocks.append(Rotate(atom=atom, axis="x", angle=Expression(f"where({digit} == 1, pi / 2, 0)")))
    return (*blocks, Measure(atoms=tuple(atoms), key=key, basis="digital"))
