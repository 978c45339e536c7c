"""How rows are measured and reset: by chance where they are shots, by weight where they are branches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import MeasureStep, ResetStep
from rydberg_qmem.devices import ONE
from rydberg_qmem.emulators.layout import Levels
from rydberg_qmem.emulators.protocol import Replaying
from rydberg_qmem.engine.branches import merged, refuse_branches
from rydberg_qmem.engine.carried_levels import ground_part
from rydberg_qmem.engine.context import Cursor, RunContext, machine_numbers, needed_after, place_of
from rydberg_qmem.engine.error_channels import ABSENT
from rydberg_qmem.engine.idle import spend
from rydberg_qmem.engine.memory import is_large, refuse_large
from rydberg_qmem.engine.outcomes import (
    Chosen,
    Partition,
    Project,
    bit_levels,
    bits_of,
    choose,
    choose_all,
    collapse,
    leaver,
    projector,
    remover,
    traced,
)
from rydberg_qmem.engine.population import Population, known_part, product
from rydberg_qmem.engine.rng import MEASURING

Array = NDArray[np.float64]


def measure(run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
    """Return the rows with their outcomes, after the time of a measurement, and write the outcomes down."""
    population = run.states.measure(run, cursor, step, population)
    population = spend(run, cursor, population, run.noise.hardware.measuring_us, step)
    run.recorder.write("key", step.key, population, population.values[step.key], cursor.rounds)
    return population


def reset(run: RunContext, cursor: Cursor, step: ResetStep, population: Population) -> Population:
    """Return the rows with some atoms in their ground level, after the time of a reset."""
    return merged(run, run.states.reset(run, cursor, step, population), step)


def take_back(run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> None:
    """Take back what exact means hold of a key that is measured again in the same round."""
    old = population.values.get(step.key)
    if run.draws is None and step.key in run.compiled.remeasured and old is not None:
        rows = ~np.isnan(old[:, 0])
        gone = Population((), -population.weights[rows], population.shots[rows], {})
        run.recorder.write("key", step.key, gone, old[rows], cursor.rounds)


def read_by_machine(run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
    """Return the rows with what the machine makes of true outcomes, and of the atoms."""
    if run.apparatus is None:
        return population
    return run.apparatus.read(step, population, machine_numbers(run, cursor, step.number))


def replay(cursor: Cursor, step: MeasureStep, population: Population, record: Replaying) -> Population:
    """Return the rows with outcomes that are known."""
    rows = record.outcomes(step.key, dict(cursor.rounds), population.shots, len(step.atoms))
    return population.with_values(**{step.key: rows.astype(float)})


# --- states that the engine keeps ---


def measure_own(run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
    """Return the rows after a measurement of the engine's own states."""
    take_back(run, cursor, step, population)
    if _means_only(run, step, population):
        return _measure_means(run, step, population)
    population = population.with_values(**{step.key: np.zeros((len(population), len(step.atoms)))})
    for part in population.holding(step.atoms):
        population = _measure_part(run, cursor, step, part.atoms, population)
    return read_by_machine(run, cursor, step, population)


def _means_only(run: RunContext, step: MeasureStep, population: Population) -> bool:
    """Return whether nothing but the means of a key is asked for: no branch of an exact run needs its outcomes."""
    if run.draws is not None or step.key in run.compiled.live_after[step.number] or ABSENT in population.values:
        return False
    looked = {atom for part in population.holding(step.atoms) for atom in part.atoms}
    return not run.noise.hardware.loss and not looked & needed_after(run, step)


def _measure_means(run: RunContext, step: MeasureStep, population: Population) -> Population:
    """Give every row the chance of each bit in place of bits, what reads them being none."""
    chances = np.empty((len(population), len(step.atoms)))
    for part in population.holding(step.atoms):
        layout = run.layout_of(part.levels)
        weights = np.clip(part.populations, 0.0, None)  # below zero by rounding would be an atom that is lost
        weights /= weights.sum(axis=1, keepdims=True)
        for k, atom in enumerate(step.atoms):
            if atom in part.atoms:
                bit = layout.bit(part.atoms.index(atom), step.basis)
                chances[:, k] = (weights @ bit.astype(float))[part.state_of]
        population = _dropped(run, part.atoms, population)
    for k, atom in enumerate(step.atoms):
        false_pos, false_neg = run.noise.readout(run.compiled.target.atoms[atom])
        chances[:, k] = false_pos + (1 - false_pos - false_neg) * chances[:, k]
    return population.with_values(**{step.key: chances})


def _dropped(run: RunContext, atoms: tuple[int, ...], population: Population) -> Population:
    """Return the population without a state that nothing asks for any more: its atoms are as at the start."""
    new = [ground_part(run, atom, len(population)) for atom in atoms]
    if not run.emulator.capabilities.factorises:
        new = [product(new)]
    return population.with_parts(population.holding(atoms), new)


def _measure_part(
    run: RunContext, cursor: Cursor, step: MeasureStep, atoms: tuple[int, ...], population: Population
) -> Population:
    here = tuple(atom for atom in step.atoms if atom in atoms)
    places = tuple(atoms.index(atom) for atom in here)
    split = _split(run, population.holding(atoms)[0].levels, places, step.basis)
    chosen = _chosen(run, cursor, population, atoms, split, step, here)
    seen = bits_of(chosen.outcome, len(here))
    bits = seen
    if here != step.atoms:
        bits = chosen.population.values[step.key].copy()
        bits[:, [step.atoms.index(atom) for atom in here]] = seen
    after = _left(run, step, chosen, split, atoms, seen, here, needed_after(run, step))
    return after.with_values(**{step.key: bits})


def _left(
    run: RunContext, step: MeasureStep, chosen: Chosen, split: Partition, atoms: tuple[int, ...], seen: Array,
    looked: tuple[int, ...], needed: frozenset[int],
) -> Population:  # fmt: skip
    """Return what looking at atoms leaves of a part: the states of those that anything still asks for.

    Atoms whose bits tell their levels leave it, before states of any outcome are made.
    """
    part = chosen.population.holding(atoms)[0]
    if needed.isdisjoint(atoms):
        return _dropped(run, atoms, chosen.population)
    levels = dict(zip(atoms, part.levels, strict=True))
    gone = tuple(atom for atom in looked if len({*levels[atom]} - {ONE[step.basis]}) == 1)
    if not run.emulator.capabilities.factorises or not gone:
        return _collapsed(run, step, chosen, atoms, projector(split), atoms)
    rest = tuple(atom for atom in atoms if atom not in gone)
    left = chosen.population
    if rest:
        layout = run.layout_of(part.levels)
        leave = leaver(split, layout, tuple(map(atoms.index, gone)), tuple(map(atoms.index, looked)), step.basis)
        left = _collapsed(run, step, chosen, atoms, leave, rest)
    new = []
    for atom in gone:
        if atom in needed:
            level_of = np.array(bit_levels(levels[atom], step.basis))[seen[:, looked.index(atom)].astype(np.int64)]
            new.append(known_part(atom, levels[atom], level_of, run.representation))
        else:
            new.append(ground_part(run, atom, len(left)))
    return left.with_parts([] if rest else left.holding(atoms), new)


def _collapsed(
    run: RunContext, step: MeasureStep | ResetStep, chosen: Chosen, atoms: tuple[int, ...], project: Project,
    kept: tuple[int, ...],
) -> Population:  # fmt: skip
    """Return the rows with the states of the `kept` atoms after their outcomes; refuse more than memory holds."""
    population = chosen.population
    maximum = min(len(population), chosen.chances.size)
    part = population.holding(atoms)[0]
    levels = tuple(part.levels[atoms.index(atom)] for atom in kept)
    if is_large(run, levels, maximum):
        refuse_large(run, step.place, levels, chosen.combinations(atoms))
    return population.with_parts(population.holding(atoms), [collapse(chosen, atoms, project, kept)])


def _split(run: RunContext, levels: Levels, places: tuple[int, ...], basis: str) -> Partition:
    """Return the outcomes of looking at some places of a part: bits of a basis, or levels for a reset."""
    key = (levels, places, basis)
    if key not in run.splits:
        layout = run.layout_of(levels)
        if basis:
            run.splits[key] = Partition(layout.code(places, basis), (2,) * len(places))
        else:
            sizes = tuple(layout.sizes[place] for place in places)
            run.splits[key] = Partition(layout.level_code(places), sizes)
    return run.splits[key]


def reset_own(run: RunContext, cursor: Cursor, step: ResetStep, population: Population) -> Population:
    """Return the rows after a reset of the engine's own states, and after its time."""
    population = spend(run, cursor, population, run.noise.hardware.reset_us, step)
    for part in population.holding(step.atoms):
        here = tuple(atom for atom in step.atoms if atom in part.atoms)
        population = _reset_part(run, cursor, step, part.atoms, population, here, needed_after(run, step))
    if run.apparatus is None:
        return population
    return run.apparatus.prepare(population, step.atoms, machine_numbers(run, cursor, step.number))


def read_atom(run: RunContext, cursor: Cursor, step: MeasureStep, atom: int, population: Population) -> Population:
    """Return the rows with one atom in the level that a measurement to come will find it in."""
    part = population.holding((atom,))[0]
    split = _split(run, part.levels, (part.atoms.index(atom),), step.basis)
    chosen = _chosen(run, cursor, population, part.atoms, split, step, (atom,))
    seen = bits_of(chosen.outcome, 1)
    return _left(run, step, chosen, split, part.atoms, seen, (atom,), frozenset(part.atoms))


def reset_atom(run: RunContext, cursor: Cursor, step: ResetStep, atom: int, population: Population) -> Population:
    """Return the rows with one atom reset, before the time of that."""
    atoms = population.holding((atom,))[0].atoms
    return _reset_part(run, cursor, step, atoms, population, (atom,), frozenset(atoms))


def _reset_part(
    run: RunContext, cursor: Cursor, step: ResetStep, atoms: tuple[int, ...], population: Population,
    here: tuple[int, ...], needed: frozenset[int],
) -> Population:  # fmt: skip
    rest = tuple(atom for atom in atoms if atom not in here)
    if needed.isdisjoint(rest):
        return _dropped(run, atoms, population)
    if run.representation.is_mixed:
        new = [traced(population.holding(atoms)[0], rest)]
    else:
        levels = population.holding(atoms)[0].levels
        split = _split(run, levels, tuple(atoms.index(atom) for atom in here), "")
        chosen = _chosen(run, cursor, population, atoms, split, step, here)
        population = _collapsed(run, step, chosen, atoms, remover(split), rest)
        new = population.holding(rest)
    new += [ground_part(run, atom, len(population)) for atom in here]
    if not run.emulator.capabilities.factorises:
        new = [product(new)]
    return population.with_parts(population.holding(atoms), new)


def _chosen(
    run: RunContext, cursor: Cursor, population: Population, atoms: tuple[int, ...], split: Partition,
    step: MeasureStep | ResetStep, looked: tuple[int, ...],
) -> Chosen:  # fmt: skip
    """Return the rows with an outcome each of the atoms looked at: by chance, or with all of them, weighted."""
    part = next(part for part in population.parts if part.atoms == atoms)
    if run.draws is not None:
        place = place_of(run, cursor, step.number)
        numbers = run.draws.uniform(population.shots, MEASURING, place, len(step.atoms))
        if looked != step.atoms:
            numbers = numbers[:, [step.atoms.index(atom) for atom in looked]]
        return choose(population, part, split, numbers)
    before = float(population.weights.sum())

    def refuse(branches: int) -> None:
        refuse_branches(cursor, branches, step)

    chosen = choose_all(population, part, split, run.prune_below, refuse)
    cursor.dropped += max(0.0, before - float(chosen.population.weights.sum()))
    return chosen
