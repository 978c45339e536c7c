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
from rydberg_qmem.engine.pauli_frames import PauliFrames
from rydberg_qmem.engine.population import (
    Part,
    Population,
    join,
    known_part,
    merge_states,
    part_in,
    united,
    with_levels,
)
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
    population: Population, key: str, column: int, errors: tuple[float, float], uniform: Array | None
) -> Population:
    """Flip read bits: 0 with the chance of a false positive, 1 with that of a false negative; lost ones stay -1."""
    bits = population.values[key][:, column]
    chance = np.select([bits == 0, bits == 1], errors, 0.0)
    if uniform is not None:
        read = population.values[key].copy()
        read[:, column] = np.where(uniform < chance, 1 - bits, bits)
        return population.with_values(**{key: read})
    yes, no = either(population, chance, uniform)
    flipped = yes.values[key].copy()
    flipped[:, column] = 1 - flipped[:, column]
    return join(yes.with_values(**{key: flipped}), no)


def prepare(population: Population, atom: int, error: float, uniform: Array | None) -> Population:
    """Let an atom be there, but for the chance that its preparation failed."""
    absent = population.values[ABSENT].copy()
    absent[:, atom] = 0.0
    population = population.with_values(**{ABSENT: absent})
    if not error:
        return population
    yes, no = either(population, np.full(len(population), error), uniform)
    return join(_marked(yes, atom, MISSING), no)


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
    if isinstance(yes.held, PauliFrames):
        assert hit is not None  # exact runs on stabiliser states are refused
        return join(_marked(replace(yes, held=yes.held.after_reset(atom, hit)), atom, LOST), no)
    levels, ground = yes.holding((atom,))[0].levels_of(atom), layout.levels[layout.ground]
    yes = _dropped(yes, atom, hit, representation)
    yes = yes.with_parts([], [part_in(atom, levels, ground, len(yes), representation)])
    return join(_marked(yes, atom, LOST), no)


def _dropped(population: Population, atom: int, uniform: Array | None, representation: Representation) -> Population:
    """Return the population without an atom: traced out, or its level asked for and forgotten."""
    part = population.holding((atom,))[0]
    rest = tuple(other for other in part.atoms if other != atom)
    if not rest:
        return replace(population, parts=tuple(p for p in population.parts if p.atoms != part.atoms))
    if representation.is_mixed:
        new = traced(part, rest)
    else:
        split = _levels_of(part, atom)
        chosen = _chosen(population, part, split, uniform)
        population, new = chosen.population, collapse(chosen, part.atoms, remover(split), rest)
    others = tuple(p for p in population.parts if p.atoms != part.atoms)
    return replace(population, parts=tuple(sorted((*others, new), key=lambda p: p.atoms)))


def _levels_of(part: Part, atom: int) -> Partition:
    place = part.atoms.index(atom)
    return Partition(part.layout.level_code((place,)), (part.sizes[place],))


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
    if isinstance(population.held, PauliFrames):
        assert uniform is not None
        return replace(population, held=population.held.with_z(atom, (uniform[:, 0] < chance) & (uniform[:, 1] < 0.5)))
    part = population.holding((atom,))[0]
    split = _levels_of(part, atom)
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
    return join(yes, no)


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
        new = without_absent(population, part, lambda _, some: _warmed(some, atom, chance, _grounds(layout)))
        return population.with_parts([part], [new])
    there = np.ones(len(population)) if ABSENT not in population.values else population.values[ABSENT][:, atom] == 0
    if isinstance(population.held, PauliFrames):
        assert uniform is not None
        hit = uniform[:, 0] < chance * there
        return replace(
            population, held=population.held.depolarised(atom, hit, uniform[:, 1] < 0.5, uniform[:, 2] < 0.5)
        )
    yes, no = either(population, chance * there, None if uniform is None else uniform[:, 0])
    if not len(yes):
        return no
    numbers = None if uniform is None else uniform[uniform[:, 0] < chance * there]
    grounds = _grounds(layout)
    [levels] = united((yes.holding((atom,))[0].levels_of(atom),), (grounds,))
    places = np.array([levels.index(level) for level in grounds])
    yes = _dropped(yes, atom, None if numbers is None else numbers[:, 1], representation)
    if numbers is None:
        yes = _every(yes, len(grounds))
        part = known_part(atom, levels, np.repeat(places, len(yes) // len(grounds)), representation)
    else:
        pick = np.minimum((numbers[:, 2] * len(grounds)).astype(np.int64), len(grounds) - 1)
        part = known_part(atom, levels, places[pick], representation)
    return join(yes.with_parts([], [part]), no)


def _grounds(layout: Layout) -> tuple[str, ...]:
    return tuple(level for level in layout.levels if level in ("g", "h", "0", "1"))


def _warmed(part: Part, atom: int, chance: float, grounds: tuple[str, ...]) -> Part:
    """Return (1 - p)ρ + p σ ⊗ tr ρ, σ the even mixture of the ground levels."""
    if atom not in part.atoms:
        return part
    warm = tuple(grounds if other == atom else () for other in part.atoms)
    part = with_levels(part, united(part.levels, warm))
    levels, representation = part.levels_of(atom), part.representation
    places = [levels.index(level) for level in grounds]
    rest = tuple(other for other in part.atoms if other != atom)
    mixed = np.repeat(
        representation.of_levels(len(levels))[places].mean(axis=0, keepdims=True), len(part.states), axis=0
    )
    if rest:
        others = representation.reduced(part.states, part.sizes, tuple(part.atoms.index(other) for other in rest))
        mixed = representation.tensor(mixed, others.reshape(len(others), -1))
        order = [1 + rest.index(other) if other != atom else 0 for other in part.atoms]
        sizes = (len(levels), *(len(part.levels_of(other)) for other in rest))
        mixed = representation.reorder(mixed, sizes, order)
    return replace(part, states=(1 - chance) * part.states + chance * mixed)


def _every(population: Population, times: int) -> Population:
    """Return rows `times` over, each with its share of the weight."""
    made = population.take(np.tile(np.arange(len(population)), times))
    return replace(made, weights=made.weights / times)


Act = Callable[[Population, Part], Part]


def without_absent(population: Population, part: Part, act: Act) -> Part:
    """Let `act` evolve a part with only those atoms of each row that are there; the others are in the ground level."""
    gone = population.values[ABSENT][:, list(part.atoms)] > 0 if ABSENT in population.values else None
    if gone is None or not gone.any():
        return act(population, part)
    first, which = distinct([gone.astype(np.int64)])
    made: list[Part] = []
    for k, row in enumerate(first):
        rows = which == k
        kept = tuple(atom for atom, absent in zip(part.atoms, gone[row], strict=True) if not absent)
        now = part.take(rows)
        if kept:
            now = _among(act(population.take(rows), _only(now, kept)), part)
        made.append(now)
    levels = united(part.levels, *(now.levels for now in made))
    state_of = np.empty(len(population), dtype=np.int64)
    states, count = [], 0
    for k, now in enumerate(made):
        states.append(with_levels(now, levels).states)
        state_of[which == k] = now.state_of + count
        count += len(now.states)
    return merge_states(replace(part, states=np.concatenate(states), state_of=state_of, levels=levels))


def _ground(levels: tuple[str, ...]) -> tuple[str]:
    return ("g" if "g" in levels else "0",)


def _only(part: Part, kept: tuple[int, ...]) -> Part:
    """Return a part with the kept atoms alone, the others being in their ground level."""
    used, which = compact(part.state_of, len(part.states))
    pairs = list(zip(part.atoms, part.levels, strict=True))
    levels = tuple(here if atom in kept else _ground(here) for atom, here in pairs)
    made = with_levels(replace(part, states=part.states[used], state_of=which), levels)
    return replace(made, atoms=kept, levels=tuple(here for atom, here in pairs if atom in kept))


def _among(part: Part, whole: Part) -> Part:
    """Return a part with all atoms of another, those that it has not in their ground level alone."""
    each = dict(zip(part.atoms, part.levels, strict=True))
    levels = tuple(each.get(atom, _ground(here)) for atom, here in zip(whole.atoms, whole.levels, strict=True))
    return replace(part, atoms=whole.atoms, levels=levels)
