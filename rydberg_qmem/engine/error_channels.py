"""What a measurement does besides: misread bits, lose atoms, dephase and heat those that look on.

Every function takes a population and returns one. With `uniform` numbers each row has one fate by chance; without
(exact runs) rows have all of them, weighted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import Layout
from rydberg_qmem.engine.deduplicate import compact, distinct
from rydberg_qmem.engine.outcomes import (
    Chosen,
    Partition,
    choose,
    choose_all,
    collapse,
    projector,
    remover,
    traced,
)
from rydberg_qmem.engine.population import Part, Population, ground_part, join, known_part, merge_states
from rydberg_qmem.engine.representation import Representation

Array = NDArray[np.float64]
ABSENT = "#absent"
"""Value of a population: (rows, atoms), 0 present, 1 never there (reads 0), 2 lost (reads -1)."""
MISSING, LOST = 1.0, 2.0


def either(population: Population, chance: Array, uniform: Array | None) -> tuple[Population, Population]:
    """Return the rows that something happens to with a chance each, and those that it does not happen to."""
    if uniform is None:
        yes = replace(population, weights=population.weights * chance)
        no = replace(population, weights=population.weights * (1 - chance))
        return yes.take(yes.weights > 0), no.take(no.weights > 0)
    hit = uniform < chance
    return population.take(hit), population.take(~hit)


def misread(
    population: Population, key: str, column: int, errors: tuple[float, float], uniform: Array | None, levels: int
) -> Population:
    """Flip read bits: 0 with the chance of a false positive, 1 with that of a false negative; lost ones stay -1."""
    bits = population.values[key][:, column]
    chance = np.select([bits == 0, bits == 1], errors, 0.0)
    yes, no = either(population, chance, uniform)
    flipped = yes.values[key].copy()
    flipped[:, column] = 1 - flipped[:, column]
    return join(yes.with_values(**{key: flipped}), no, levels)


def prepare(population: Population, atom: int, error: float, uniform: Array | None, levels: int) -> Population:
    """Let an atom be there, but for the chance that its preparation failed."""
    absent = population.values[ABSENT].copy()
    absent[:, atom] = 0.0
    population = population.with_values(**{ABSENT: absent})
    if not error:
        return population
    yes, no = either(population, np.full(len(population), error), uniform)
    return join(_marked(yes, atom, MISSING), no, levels)


def _marked(population: Population, atom: int, what: float) -> Population:
    absent = population.values[ABSENT].copy()
    absent[:, atom] = what
    return population.with_values(**{ABSENT: absent})


def lose(
    population: Population,
    atom: int,
    chance: float,
    uniform: Array | None,
    layout: Layout,
    representation: Representation,
) -> Population:
    """Let an atom be lost with a chance: it is traced out and no longer there. `uniform` has two columns."""
    there = population.values[ABSENT][:, atom] == 0
    yes, no = either(population, chance * there, None if uniform is None else uniform[:, 0])
    if not len(yes):
        return no
    hit = None if uniform is None else uniform[uniform[:, 0] < chance * there, 1]
    yes = _dropped(yes, atom, hit, layout, representation)
    yes = yes.with_parts([], [ground_part(atom, layout, len(yes), representation)])
    return join(_marked(yes, atom, LOST), no, len(layout.levels))


def _dropped(
    population: Population, atom: int, uniform: Array | None, layout: Layout, representation: Representation
) -> Population:
    """Return the population without an atom: traced out, or its level asked for and forgotten."""
    part = population.holding((atom,))[0]
    rest = tuple(other for other in part.atoms if other != atom)
    if not rest:
        return replace(population, parts=tuple(p for p in population.parts if p.atoms != part.atoms))
    if representation.is_mixed:
        new = traced(part, len(layout.levels), rest)
    else:
        split = _levels_of(part, atom, layout)
        chosen = _chosen(population, part, split, uniform)
        population, new = chosen.population, collapse(chosen, part.atoms, remover(split), rest)
    others = tuple(p for p in population.parts if p.atoms != part.atoms)
    return replace(population, parts=tuple(sorted((*others, new), key=lambda p: p.atoms)))


def _levels_of(part: Part, atom: int, layout: Layout) -> Partition:
    here = Layout(layout.levels, len(part.atoms))
    return Partition(here.level_code((part.atoms.index(atom),)), len(layout.levels))


def _chosen(population: Population, part: Part, split: Partition, uniform: Array | None) -> Chosen:
    if uniform is None:
        return choose_all(population, part, split, 0.0)
    return choose(population, part, split, uniform[:, None])


def dephase(
    population: Population,
    atom: int,
    chance: float,
    uniform: Array | None,
    layout: Layout,
    representation: Representation,
) -> Population:
    """Take a part of the coherence between an atom's levels: ρ → (1 - p)ρ + p Σ PρP. `uniform` has two columns."""
    part = population.holding((atom,))[0]
    split = _levels_of(part, atom, layout)
    if representation.is_mixed:
        same = split.code[:, None] == split.code[None, :]
        states = part.states * np.where(same, 1.0, 1.0 - chance).ravel()
        return population.with_parts([part], [replace(part, states=states)])
    yes, no = either(population, np.full(len(population), chance), None if uniform is None else uniform[:, 0])
    if not len(yes):
        return no
    hit = None if uniform is None else uniform[uniform[:, 0] < chance, 1]
    chosen = _chosen(yes, yes.holding((atom,))[0], split, hit)
    new = collapse(chosen, part.atoms, projector(split), part.atoms)
    yes = chosen.population.with_parts([part], [new])
    return join(yes, no, len(layout.levels))


def heat(
    population: Population,
    atom: int,
    chance: float,
    uniform: Array | None,
    layout: Layout,
    representation: Representation,
) -> Population:
    """Leave an atom that is there, with a chance, in an equal mixture of its ground levels. Three columns."""
    if representation.is_mixed:
        part = population.holding((atom,))[0]
        new = without_absent(population, part, layout, lambda _, some: _warmed(some, atom, chance, layout))
        return population.with_parts([part], [new])
    there = np.ones(len(population)) if ABSENT not in population.values else population.values[ABSENT][:, atom] == 0
    yes, no = either(population, chance * there, None if uniform is None else uniform[:, 0])
    if not len(yes):
        return no
    numbers = None if uniform is None else uniform[uniform[:, 0] < chance * there]
    yes = _dropped(yes, atom, None if numbers is None else numbers[:, 1], layout, representation)
    grounds = _grounds(layout)
    if numbers is None:
        yes = _every(yes, len(grounds))
        part = known_part(atom, layout, np.repeat(grounds, len(yes) // len(grounds)), representation)
    else:
        pick = np.minimum((numbers[:, 2] * len(grounds)).astype(np.int64), len(grounds) - 1)
        part = known_part(atom, layout, np.array(grounds)[pick], representation)
    return join(yes.with_parts([], [part]), no, len(layout.levels))


def _grounds(layout: Layout) -> list[int]:
    return [k for k, level in enumerate(layout.levels) if level in ("g", "h", "0", "1")]


def _warmed(part: Part, atom: int, chance: float, layout: Layout) -> Part:
    """Return (1 - p)ρ + p σ ⊗ tr ρ, σ the even mixture of the ground levels."""
    if atom not in part.atoms:
        return part
    levels, representation = len(layout.levels), part.representation
    rest = tuple(other for other in part.atoms if other != atom)
    mixed = np.repeat(
        representation.of_levels(levels)[_grounds(layout)].mean(axis=0, keepdims=True), len(part.states), axis=0
    )
    if rest:
        others = representation.reduced(part.states, levels, tuple(part.atoms.index(other) for other in rest))
        mixed = representation.tensor(mixed, others.reshape(len(others), -1))
        order = [1 + rest.index(other) if other != atom else 0 for other in part.atoms]
        mixed = representation.reorder(mixed, levels, order)
    return replace(part, states=(1 - chance) * part.states + chance * mixed)


def _every(population: Population, times: int) -> Population:
    """Return rows `times` over, each with its share of the weight."""
    made = population.take(np.tile(np.arange(len(population)), times))
    return replace(made, weights=made.weights / times)


Act = Callable[[Population, Part], Part]


def without_absent(population: Population, part: Part, layout: Layout, act: Act) -> Part:
    """Let `act` evolve a part with only those atoms of each row that are there; the others are in the ground level."""
    gone = population.values[ABSENT][:, list(part.atoms)] > 0 if ABSENT in population.values else None
    if gone is None or not gone.any():
        return act(population, part)
    first, which = distinct([gone.astype(np.int64)])
    state_of = np.empty(len(population), dtype=np.int64)
    states, count = [], 0
    for k, row in enumerate(first):
        rows = which == k
        kept = tuple(atom for atom, absent in zip(part.atoms, gone[row], strict=True) if not absent)
        now = part.take(rows)
        if kept:
            now = _embedded(act(population.take(rows), _restricted(now, kept, layout)), part.atoms, layout)
        states.append(now.states)
        state_of[rows] = now.state_of + count
        count += len(now.states)
    return merge_states(replace(part, states=np.concatenate(states), state_of=state_of))


def _places(atoms: tuple[int, ...], kept: tuple[int, ...], layout: Layout) -> NDArray[np.int64]:
    """Return the basis states of a part in which all atoms but the kept ones are in their ground level."""
    digits = Layout(layout.levels, len(atoms)).digits
    others = [k for k, atom in enumerate(atoms) if atom not in kept]
    return np.flatnonzero((digits[others] == layout.ground).all(axis=0))


def _restricted(part: Part, kept: tuple[int, ...], layout: Layout) -> Part:
    used, which = compact(part.state_of, len(part.states))
    places = np.broadcast_to(_places(part.atoms, kept, layout), (len(used), len(layout.levels) ** len(kept)))
    return Part(kept, part.representation.pick(part.states, used, places), which, part.representation)


def _embedded(part: Part, atoms: tuple[int, ...], layout: Layout) -> Part:
    if part.atoms == atoms:
        return part
    places, size = _places(atoms, part.atoms, layout), len(layout.levels) ** len(atoms)
    if part.representation.is_mixed:
        made = np.zeros((len(part.states), size, size), dtype=complex)
        made[:, places[:, None], places[None, :]] = part.states.reshape(-1, len(places), len(places))
        return replace(part, atoms=atoms, states=made.reshape(len(made), -1))
    made = np.zeros((len(part.states), size), dtype=complex)
    made[:, places] = part.states
    return replace(part, atoms=atoms, states=made)
