"""The levels that states hold of each atom: those that something may have filled, where an emulator can do with them.

An atom begins, and is reset, with its ground level alone. A segment adds the levels that its pulses and gates act on,
noise those that it takes atoms to, and a measurement leaves the levels of its outcome. Only programs of three levels
have any to leave out.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class LevelsHeld:
    """Which levels states hold of some atoms while a segment plays, and after it, and its plan for such states."""

    plan: Any
    during: Levels
    after: Levels
    begun: Any
    """The plan as it was made, which is kept so that none other takes its place."""


def levels_held(run: RunContext, plan: Any, atoms: tuple[int, ...], levels: Levels, *, noisy: bool) -> LevelsHeld:
    """Return the levels of atoms, which may be in `levels`, in a segment, or without a plan a wait: found once.

    Noise that acts meanwhile, and cannot be evolved with fewer, is with all of them.
    """
    if not run.narrows:
        return LevelsHeld(plan, levels, levels, plan)
    key = (id(plan), atoms, levels, noisy)
    if key not in run.held:
        after = filled(run, plan, atoms, levels)
        if noisy and not (run.acting_noise is not None and run.acting_noise.narrows):
            run.held[key] = LevelsHeld(plan, (run.layout.levels,) * len(atoms), after, plan)
        else:
            emulator = cast(Narrowing, run.emulator)
            during = emulator.levels_in(plan, atoms, after)
            within = emulator.within(plan, during) if plan is not None else None
            run.held[key] = LevelsHeld(within, during, after, plan)
    return run.held[key]  # type: ignore[no-any-return]  # held as Any: contexts stand above it


def filled(run: RunContext, plan: Any, atoms: tuple[int, ...], levels: Levels) -> Levels:
    """Return the levels that atoms may be in after a segment, or without a plan after a wait."""
    if not run.narrows:
        return levels
    found = [{*here, *(plan.fills.get(atom, ()) if plan else ())} for atom, here in zip(atoms, levels, strict=True)]
    if run.acting_noise is not None:
        found = [run.acting_noise.filled(here) for here in found]
    return tuple(tuple(level for level in run.layout.levels if level in here) for here in found)


def note_group(cursor: Cursor, step: Segment, atoms: tuple[int, ...], levels: Levels, rows: int) -> None:
    """Note how many rows of some atoms are evolved together, and how many states they may be in."""
    key = (step.index, atoms)
    cursor.groups[key] = max(cursor.groups.get(key, 0), rows)
    cursor.dimensions[key] = max(cursor.dimensions.get(key, 0), prod(map(len, levels)))
