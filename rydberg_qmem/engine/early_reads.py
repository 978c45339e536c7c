"""Atoms that nothing touches any more before they are read or reset: that may be done at once, with the same law.

A measurement of levels commutes with all that happens to other atoms. Done early it halves the states of those; its
outcome is kept as the level of an atom that stands alone, and told when the measurement comes. Early, it takes the
random numbers that it would have taken. Atoms entangled with each other have theirs one after the other, so that shots
are the same, one by one, where they leave in the order in which they are read; else they are so in law.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from rydberg_qmem.compile.steps import (
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
)
from rydberg_qmem.devices import ONE
from rydberg_qmem.emulators.smaller_states import Staged
from rydberg_qmem.engine import measurement
from rydberg_qmem.engine.context import Cursor, RunContext, needed_after
from rydberg_qmem.engine.error_channels import ABSENT
from rydberg_qmem.engine.evolution import plan_of
from rydberg_qmem.engine.population import Population

Reading = MeasureStep | ResetStep
Coming = dict[int, Reading]
"""What comes next to each atom, if that is sure to be a reading or a reset in the same round."""


def readings_after(run: RunContext, step: Step) -> Coming:
    """Return what comes next to each atom after a step, found once for all steps."""
    if not run.readings:
        _in_body(run, run.compiled.steps, {}, run.readings)
    return run.readings[step.number]


def _in_body(run: RunContext, steps: tuple[Step, ...], coming: Coming, after: dict[int, Coming]) -> Coming:
    for step in reversed(steps):
        after[step.number] = coming
        coming = _before(run, step, coming, after)
    return coming


def _before(run: RunContext, step: Step, coming: Coming, after: dict[int, Coming]) -> Coming:
    match step:
        case Segment():
            plan = plan_of(run, step)
            timeless = isinstance(plan, Staged) and plan.only_gates
            return {atom: then for atom, then in coming.items() if timeless and atom not in plan.touched}
        case MeasureStep() | ResetStep():
            return coming | dict.fromkeys(step.atoms, step)
        case ProbeStep():  # of some shots it sees more once others are read; the mean over all branches is the same
            return {} if run.draws is not None else {a: then for a, then in coming.items() if a not in step.atoms}
        case SetStep() | PushStep():
            return coming
        case WhenStep():
            one, other = (_in_body(run, side, coming, after) for side in (step.then, step.otherwise))
            return {atom: then for atom, then in one.items() if other.get(atom) is then}
        case RepeatStep():
            _in_body(run, step.body, {}, after)
            return {}
        case _:
            assert_never(step)


def leaving(run: RunContext, population: Population, step: Segment, group: tuple[int, ...]) -> dict[int, Reading]:
    """Return those atoms of a group that may be read, or reset, as soon as a segment has done with them."""
    noise = run.acting_noise
    if ABSENT in population.values or (noise is not None and noise.disturbs_what_waits):
        return {}
    coming = readings_after(run, step)
    return {atom: coming[atom] for atom in group if atom in coming and _costs_less(run, coming[atom], group)}


def _costs_less(run: RunContext, then: Reading, group: tuple[int, ...]) -> bool:
    """Return whether a reading will tell branches, or shots, of the other atoms apart: early, it does so to fewer."""
    if isinstance(then, MeasureStep) and run.draws is None and then.key not in run.compiled.live_after[then.number]:
        return False
    return not needed_after(run, then).isdisjoint({*group} - {*then.atoms})


def read_early(
    run: RunContext, cursor: Cursor, atoms: tuple[int, ...], coming: Mapping[int, Reading], population: Population
) -> Population:
    """Return the rows with some atoms, that nothing touches any more, read or reset."""
    for atom in sorted(atoms, key=lambda atom: (coming[atom].number, coming[atom].atoms.index(atom))):
        then, levels = coming[atom], population.holding((atom,))[0].levels_of(atom)
        if isinstance(then, ResetStep):
            population = measurement.reset_atom(run, cursor, then, atom, population)
        elif "r" not in levels and len({*levels} - {ONE[then.basis]}) == 1:
            population = measurement.read_atom(run, cursor, then, atom, population)
    return population
