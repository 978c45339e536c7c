"""States that the engine keeps itself: vectors or density matrices, those of unentangled atoms apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import MeasureStep, ProbeStep, ResetStep, Segment, Step
from rydberg_qmem.emulators.layout import State, on_both_sides
from rydberg_qmem.emulators.protocol import Replaying
from rydberg_qmem.emulators.smaller_states import Staged
from rydberg_qmem.engine import measurement
from rydberg_qmem.engine.carried_levels import filled, ground_part, levels_held, levels_of, note_group
from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.early_reads import leaving, read_early
from rydberg_qmem.engine.error_channels import ABSENT, without_absent
from rydberg_qmem.engine.evolution import settings
from rydberg_qmem.engine.interacting_parts import groups
from rydberg_qmem.engine.memory import amplitudes_of, refuse_large
from rydberg_qmem.engine.population import Part, Population, merge_states, product, with_levels
from rydberg_qmem.engine.probes import of_all_rows, probe_totals
from rydberg_qmem.engine.trajectories import after_jumps, jump_chances

Array = NDArray[np.float64]
LIGHT = 2**13
"""Amplitudes of all states of a group up to which its gates are played on it at once."""
EvolveGroup = Callable[[RunContext, Cursor, Any, Population, tuple[int, ...], Segment], Population]


def evolve_group(
    run: RunContext, cursor: Cursor, plan: Any, population: Population, atoms: tuple[int, ...], step: Segment
) -> Population:
    """Evolve atoms that act on each other, those of them that are there."""
    old = population.holding(atoms)
    held = levels_held(run, plan, *levels_of(old), noisy=run.is_noisy)
    refuse_large(run, step.place, held.during, max(len(part.states) for part in old))
    part = product(old)
    if ABSENT not in population.values:
        return population.with_parts(old, [evolve_part(run, cursor, plan, population, part, step)])

    def act(rows: Population, some: Part) -> Part:
        return evolve_part(run, cursor, plan, rows, some, step)

    return population.with_parts(old, [without_absent(population, part, act)])


def _is_light(run: RunContext, plan: Any, population: Population, group: tuple[int, ...]) -> bool:
    """Return whether all gates of a group are played on it at once sooner than one after the other."""
    parts = population.holding(group)
    rows = min(len(population), prod(len(part.states) for part in parts))
    return rows * amplitudes_of(run, filled(run, plan, *levels_of(parts))) <= LIGHT


def evolve_part(run: RunContext, cursor: Cursor, plan: Any, population: Population, part: Part, step: Segment) -> Part:
    """Evolve a part, once for each distinct state and setting of its controls; shots of their own one by one."""
    held = levels_held(run, plan, part.atoms, part.levels, noisy=run.is_noisy)
    plan, part = held.plan, with_levels(part, held.during)
    size = part.states.shape[1]
    states, scope, which = settings(run, cursor, plan, part.atoms, part.state_of, population, step, size=size)
    note_group(cursor, step, part.atoms, held.during, len(states))
    refuse_large(run, step.place, held.during, len(states))
    begun = part.states[states]
    evolved = run.evolve(plan, scope, begun, part.atoms)
    if run.decays and run.is_noisy:
        part = replace(part, states=begun, state_of=which)
        part = _jumped(run, cursor, plan, scope, part, evolved, population, step.number, 0.0)
        return with_levels(part, held.after)
    return with_levels(replace(part, states=evolved, state_of=which), held.after)


def _jumped(
    run: RunContext, cursor: Cursor, plan: Any, scope: dict[str, Any], part: Part, decayed: State,
    population: Population, site: int, duration_ns: float,
) -> Part:  # fmt: skip
    """Let each row jump by chance, or keep its decayed state."""
    assert run.acting_noise is not None
    chance = jump_chances(run, cursor, population.shots, site, part.atoms[0])
    return after_jumps(run.acting_noise.jumping(part.levels), plan, scope, part, decayed, duration_ns, chance)


@dataclass(frozen=True)
class OwnStates:
    """Vectors and density matrices of groups of entangled atoms, shared by rows."""

    levels: tuple[str, ...]
    evolve_group: EvolveGroup = evolve_group
    """How a group of atoms that act on each other is evolved."""
    record: Replaying | None = None
    """Who knows the outcomes, where states are not asked for them."""

    def start(self, run: RunContext, rows: int) -> Population:
        """Return rows whose atoms are all in their ground level, each a part of its own where that can be."""
        parts = tuple(ground_part(run, atom, rows) for atom in range(run.layout.atoms))
        if parts and not run.emulator.capabilities.factorises:
            parts = (product(list(parts)),)
        return Population(parts, np.ones(rows), np.arange(rows), {})

    def evolve(
        self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment, duration_ns: int
    ) -> Population:
        """Evolve each group of atoms that the segment changes; gates in stages, each on the atoms entangled by then."""
        staged = isinstance(plan, Staged) and plan.only_gates and not run.is_noisy
        for group in groups(run, cursor, plan, population, duration_ns, everyone=run.is_noisy):
            if staged and not _is_light(run, plan, population, group):
                population = self._in_stages(run, cursor, plan, population, group, step)
            else:
                population = self.evolve_group(run, cursor, plan, population, group, step)
        return population

    def _in_stages(
        self, run: RunContext, cursor: Cursor, plan: Staged, population: Population, group: tuple[int, ...],
        step: Segment,
    ) -> Population:  # fmt: skip
        """Play the gates of a group, each on the atoms that are entangled by then."""
        coming = leaving(run, population, step, group)
        stages = [(stage, done) for stage, done in plan.stages(frozenset(coming)) if stage.touched & {*group}]
        for k, (stage, done) in enumerate(stages):
            together, _ = levels_of(population.holding(stage.touched))
            population = self.evolve_group(run, cursor, stage, population, together, step)
            if done and k + 1 < len(stages):
                population = read_early(run, cursor, done, coming, population)
        return population

    def turn(self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment) -> Population:
        """Turn each part by itself."""
        made = []
        for part in population.parts:
            before, held = part.levels, levels_held(run, plan, part.atoms, part.levels, noisy=False)
            part, here = with_levels(part, held.during), held.plan
            states, scope, which = settings(run, cursor, here, part.atoms, part.state_of, population, step)
            after = run.evolve_quietly(here, scope, part.states[states], part.atoms)
            made.append(with_levels(replace(part, states=after, state_of=which), before))
        return replace(population, parts=tuple(made))

    def wait(
        self, run: RunContext, cursor: Cursor, population: Population, duration_ns: float, step: Step
    ) -> Population:
        """Let each group of atoms that act on each other wait."""
        everyone = run.acting_noise is not None and run.acting_noise.decoheres
        for group in groups(run, cursor, None, population, duration_ns, everyone=everyone):
            old = population.holding(group)
            held = levels_held(run, None, *levels_of(old), noisy=everyone)
            refuse_large(run, step.place, held.during, max(len(part.states) for part in old))
            part = product(old)

            def act(rows: Population, some: Part) -> Part:
                return _wait_part(run, cursor, rows, some, duration_ns, step)

            population = population.with_parts(old, [without_absent(population, part, act)])
        return population

    def measure(self, run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
        """Measure each part that holds any of the atoms, unless its outcomes are known."""
        if self.record is not None:
            known = measurement.replay(cursor, step, population, self.record)
            return measurement.read_by_machine(run, cursor, step, known)
        return measurement.measure_own(run, cursor, step, population)

    def reset(self, run: RunContext, cursor: Cursor, step: ResetStep, population: Population) -> Population:
        """Reset each part that holds any of the atoms, after the time that a reset takes."""
        return measurement.reset_own(run, cursor, step, population)

    def share(self, population: Population) -> Population:
        """Return the rows with equal states of each part kept once."""
        return replace(population, parts=tuple(merge_states(part) for part in population.parts))

    def probe_totals(self, step: ProbeStep, population: Population, quantities: Iterable[str]) -> Mapping[str, Any]:
        """Return, for each quantity, its sum over rows times their weights."""
        return probe_totals(self.levels, step, population, quantities)

    def of_all_rows(self, quantity: str, step: ProbeStep, population: Population) -> float:
        """Return the purity or entropy (bits) of the mean state of all rows."""
        return of_all_rows(quantity, self.levels, step, population)

    def reports(self, population: Population) -> Mapping[str, Array]:
        """Return nothing: all that is known of these states can be probed."""
        return {}


def _wait_part(
    run: RunContext, cursor: Cursor, population: Population, part: Part, duration_ns: float, step: Step
) -> Part:
    acting_noise, mixed = run.acting_noise, run.representation.is_mixed
    noisy = acting_noise is not None and acting_noise.acts_in_the_dark
    held = levels_held(run, None, part.atoms, part.levels, noisy=noisy)
    part, after = with_levels(part, held.during), held.after
    if acting_noise is None or not noisy:
        target, wait = run.compiled.target.subset(part.atoms).limited(part.levels), run.emulator.wait
        if mixed:
            states = on_both_sides(part.states, lambda rows, which: wait(target, rows, duration_ns))
        else:
            states = wait(target, part.states, duration_ns)
        return with_levels(replace(part, states=states), after)
    scope: dict[str, Any] = {}
    if acting_noise.settings:  # each shot has its own distances
        part = replace(part, states=part.states[part.state_of], state_of=np.arange(len(population)))
        scope = dict(acting_noise.scope_of(population.shots, cursor.clock_ns))
    later = acting_noise.wait(scope, part.states, part.atoms, duration_ns, mixed=mixed, levels=part.levels)
    if not run.decays:
        return with_levels(replace(part, states=later), after)
    part = _jumped(run, cursor, None, scope, part, later, population, step.number, duration_ns)
    return with_levels(part, after)
