"""The levels that states hold of each atom: those that something may have filled, where an emulator can do with them.

An atom begins, and is reset, with its ground level alone. A segment adds the levels that its pulses and gates act on,
noise those that it takes atoms to, and a measurement leaves the levels of its outcome. Only programs of three levels
have any to leave out.
"""

from __future__ import annotations

from math import prod
from typing import Any, cast

from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.emulators.layout import Levels
from rydberg_qmem.emulators.smaller_states import Narrowing
from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.population import Part, part_in


def ground_part(run: RunContext, atom: int, rows: int) -> Part:
    """Return a part of one atom in its ground level."""
    ground = run.compiled.target.ground
    levels = (ground,) if run.narrows else run.layout.levels
    return part_in(atom, levels, ground, rows, run.representation)


def levels_of(parts: list[Part]) -> tuple[tuple[int, ...], Levels]:
    """Return the atoms of some parts, in register order, and their levels."""
    each = {atom: levels for part in parts for atom, levels in zip(part.atoms, part.levels, strict=True)}
    atoms = tuple(sorted(each))
    return atoms, tuple(each[atom] for atom in atoms)


def filled(run: RunContext, plan: Any, atoms: tuple[int, ...], levels: Levels) -> Levels:
    """Return the levels that atoms may be in after a segment, or without a plan after a wait."""
    if not run.narrows:
        return levels
    found = [{*here, *(plan.fills.get(atom, ()) if plan else ())} for atom, here in zip(atoms, levels, strict=True)]
    if run.acting_noise is not None:
        found = [run.acting_noise.filled(here) for here in found]
    return tuple(tuple(level for level in run.layout.levels if level in here) for here in found)


def needed_within(run: RunContext, plan: Any, atoms: tuple[int, ...], levels: Levels, *, noisy: bool) -> Levels:
    """Return the levels that states must hold of atoms while a segment plays, or without a plan while they wait.

    Noise that acts meanwhile is evolved with all of them.
    """
    if not run.narrows:
        return levels
    if noisy:
        return (run.layout.levels,) * len(atoms)
    return cast(Narrowing, run.emulator).levels_in(plan, atoms, filled(run, plan, atoms, levels))


def narrowed(run: RunContext, plan: Any, levels: Levels) -> Any:
    """Return a plan for states that hold such levels of the atoms that it will be asked to evolve."""
    if not run.narrows or run.is_noisy:
        return plan
    return cast(Narrowing, run.emulator).within(plan, levels)


def note_group(cursor: Cursor, step: Segment, atoms: tuple[int, ...], levels: Levels, rows: int) -> None:
    """Note how many rows of some atoms are evolved together, and how many states they may be in."""
    key = (step.index, atoms)
    cursor.groups[key] = max(cursor.groups.get(key, 0), rows)
    cursor.dimensions[key] = max(cursor.dimensions.get(key, 0), prod(map(len, levels)))
