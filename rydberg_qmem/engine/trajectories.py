"""Trajectories: rows share a state until one of them jumps; those that did not keep sharing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.emulators.layout import State, squared_norms
from rydberg_qmem.emulators.protocol import Chance, JumpingEvolution
from rydberg_qmem.engine.context import Cursor, RunContext, place_of
from rydberg_qmem.engine.population import Part
from rydberg_qmem.engine.rng import JUMPS, Place

MOST_JUMPS = 2**16
"""More jumps than a row can make in one step."""


def jump_chances(run: RunContext, cursor: Cursor, shots: NDArray[np.int64], number: int, lead: int) -> Chance:
    """Return what gives two uniform numbers for the n-th jump of each shot at a step, of the atoms led by one."""
    assert run.draws is not None
    draws, place, atoms = run.draws, place_of(run, cursor, number), run.layout.atoms

    def chance(jump: int) -> NDArray[np.float64]:
        here = Place(place.step, (place.visit * MOST_JUMPS + jump) * atoms + lead)
        return draws.uniform(shots, JUMPS, here, 2)

    return chance


def after_jumps(
    evolution: JumpingEvolution,
    plan: Any,
    scope: dict[str, Any],
    part: Part,
    decayed: State,
    duration_ns: float,
    chance: Chance,
) -> Part:
    """Return a part whose rows have jumped, or not, during a segment (without a plan: a wait).

    `part` holds the states before it, `decayed` what each of them has become without a jump: shorter by the chance
    that there was none. Rows whose number is above that norm are taken through the segment again, to where they jump.
    """
    norms = squared_norms(decayed)
    jumping = np.flatnonzero(chance(0)[:, 0] >= norms[part.state_of])
    states = decayed / np.sqrt(np.maximum(norms, 1e-300))[:, None]
    if not len(jumping):
        return replace(part, states=states)
    which = part.state_of[jumping]
    after = evolution.jump(
        plan, rows_of(scope, which), part.states[which], part.atoms, duration_ns, lambda jump: chance(jump)[jumping]
    )
    state_of = part.state_of.copy()
    state_of[jumping] = len(states) + np.arange(len(jumping))
    return replace(part, states=np.concatenate([states, after]), state_of=state_of)
