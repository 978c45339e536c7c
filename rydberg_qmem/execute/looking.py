"""How the rows of a walk are measured and reset: by chance where it has shots, by weight where it is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import MeasureStep, ResetStep
from rydberg_qmem.compile.target import ONE
from rydberg_qmem.emulators.journal import Ticket
from rydberg_qmem.execute import held as own
from rydberg_qmem.execute.channels import ABSENT
from rydberg_qmem.execute.draws import MEASURING
from rydberg_qmem.execute.population import (
    Chosen,
    Population,
    Project,
    Split,
    bits_of,
    choose,
    choose_all,
    collapse,
    found,
    fresh,
    product,
    projector,
    remover,
    traced,
)
from rydberg_qmem.execute.sharing import Index
from rydberg_qmem.execute.waiting import Waiting

Array = NDArray[np.float64]


class Looking(Waiting):
    """A stage on which atoms are measured and reset."""

    def _measure(self, step: MeasureStep, population: Population) -> Population:
        if self._played_back is not None:
            rows = self._played_back.outcomes(step.key, dict(self.at), population.shots, len(step.atoms))
            population = population.with_values(**{step.key: rows.astype(float)})
        elif population.held is not None:
            self._forget(step, population)
            one = ONE[step.basis]
            zero = next(level for level in self.layout.levels if level != one)
            population, bits = self._look(step, population, (zero, one))
            population = population.with_values(**{step.key: bits.astype(float)})
        elif self._jobs is not None:
            read = self._jobs.read(step.atoms, step.basis, ticket=self._ticket(step), shots=len(population))
            population = population.with_values(**{step.key: read.astype(float)})
        else:
            self._forget(step, population)
            if self._means_only(step, population):
                return self._noted(step, self._measure_means(step, population))
            population = population.with_values(**{step.key: np.zeros((len(population), len(step.atoms)))})
            for part in population.holding(step.atoms):
                population = self._measure_part(step, part.atoms, population)
        if self.apparatus is not None and self.emulator.capabilities.states:
            population = self.apparatus.read(step, population, self._numbers(step.number))
        return self._noted(step, population)

    def _noted(self, step: MeasureStep, population: Population) -> Population:
        """Let the time of a measurement pass and write down what it gave."""
        population = self._pass(population, self.around.hardware.measuring_us, step)
        self._write("key", step.key, population, population.values[step.key])
        return population

    def _ticket(self, step: MeasureStep) -> Ticket:
        assert self.draws is not None  # what runs jobs has shots
        place = self._place(step.number)
        draws, rounds = self.draws, tuple(self.at.items())
        return Ticket(draws.point, draws.cohorts[0], place.step, place.visit, step.place, rounds, draws.seed)

    def _forget(self, step: MeasureStep, population: Population) -> None:
        """Take back what exact means hold of a key that is measured again in the same round."""
        old = population.values.get(step.key)
        if self.draws is None and step.key in self.compiled.remeasured and old is not None:
            rows = ~np.isnan(old[:, 0])
            self.trace.write("key", step.key, old[rows], -population.weights[rows], population.shots[rows], self.at)

    def _means_only(self, step: MeasureStep, population: Population) -> bool:
        """Return whether nothing but the means of a key is asked for: no branch of an exact run needs its outcomes."""
        if self.draws is not None or step.key in self.compiled.live_after[step.number] or ABSENT in population.values:
            return False
        looked = {atom for part in population.holding(step.atoms) for atom in part.atoms}
        return not self.around.hardware.loss and not looked & self._needed_after(step)

    def _measure_means(self, step: MeasureStep, population: Population) -> Population:
        """Give every row the chance of each bit in place of bits, what reads them being none."""
        chances = np.empty((len(population), len(step.atoms)))
        for part in population.holding(step.atoms):
            layout, weights = self._layout(len(part.atoms)), part.populations
            weights /= weights.sum(axis=1, keepdims=True)
            for k, atom in enumerate(step.atoms):
                if atom in part.atoms:
                    bit = layout.bit(part.atoms.index(atom), step.basis)
                    chances[:, k] = (weights @ bit.astype(float))[part.state_of]
            population = self._dropped(part.atoms, population)
        for k, atom in enumerate(step.atoms):
            false_pos, false_neg = self.around.readout(self.compiled.target.atoms[atom])
            chances[:, k] = false_pos + (1 - false_pos - false_neg) * chances[:, k]
        return population.with_values(**{step.key: chances})

    def _dropped(self, atoms: tuple[int, ...], population: Population) -> Population:
        """Return the population without a state that nothing asks for any more: its atoms are as at the start."""
        new = [fresh(atom, self.layout, len(population), self.kind) for atom in atoms]
        if not self.emulator.capabilities.factorises:
            new = [product(new, len(self.layout.levels))]
        return population.with_parts(population.holding(atoms), new)

    def _measure_part(self, step: MeasureStep, atoms: tuple[int, ...], population: Population) -> Population:
        here = [atom for atom in step.atoms if atom in atoms]
        places = tuple(atoms.index(atom) for atom in here)
        split = self._split(len(atoms), places, step.basis)
        chosen = self._chosen(population, atoms, split, step)
        seen = bits_of(chosen.outcome, len(here))
        bits = seen
        if tuple(here) != step.atoms:
            bits = chosen.population.values[step.key].copy()
            bits[:, [step.atoms.index(atom) for atom in here]] = seen
        after = self._left(step, chosen, split, atoms, seen)
        return after.with_values(**{step.key: bits})

    def _left(
        self, step: MeasureStep, chosen: Chosen, split: Split, atoms: tuple[int, ...], seen: Array
    ) -> Population:  # fmt: skip
        """Return what a measurement leaves of a part: of its atoms, the states that anything still asks for."""
        here = [atom for atom in step.atoms if atom in atoms]
        needed = self._needed_after(step)
        if needed.isdisjoint(atoms):
            return self._dropped(atoms, chosen.population)
        if not self.emulator.capabilities.factorises or len(self.layout.levels) != 2:
            return self._collapsed(step, chosen, atoms, projector(split), atoms)
        rest = tuple(atom for atom in atoms if atom not in here)
        left = self._collapsed(step, chosen, atoms, remover(split), rest) if rest else chosen.population
        one = self.layout.levels.index(ONE[step.basis])
        level_of = np.where(seen == 1, one, 1 - one)
        new = [
            found(atom, self.layout, level_of[:, k], self.kind)
            if atom in needed
            else fresh(atom, self.layout, len(left), self.kind)
            for k, atom in enumerate(here)
        ]
        return left.with_parts([] if rest else left.holding(atoms), new)

    def _collapsed(
        self, step: MeasureStep | ResetStep, chosen: Chosen, atoms: tuple[int, ...], project: Project,
        kept: tuple[int, ...],
    ) -> Population:  # fmt: skip
        """Return the rows with the states of the `kept` atoms after their outcomes; refuse more than memory holds."""
        population = chosen.population
        most = min(len(population), chosen.chances.size)
        if self._is_large(len(kept), most):
            self._refuse_large(step.place, len(kept), chosen.combinations(atoms))
        return population.with_parts(population.holding(atoms), [collapse(chosen, atoms, project, kept)])

    def _split(self, size: int, places: tuple[int, ...], basis: str) -> Split:
        """Return the outcomes of looking at some places of a part: bits of a basis, or levels for a reset."""
        key = (size, places, basis)
        if key not in self._splits:
            layout, levels = self._layout(size), len(self.layout.levels)
            if basis:
                self._splits[key] = Split(layout.code(places, basis), 2 ** len(places))
            else:
                self._splits[key] = Split(layout.level_code(places), levels ** len(places))
        return self._splits[key]

    def _look(
        self, step: MeasureStep | ResetStep, population: Population, levels: tuple[str, str], after: str | None = None
    ) -> tuple[Population, Index]:
        """Let every row find each atom of a step in one of two levels, atom by atom; put it into a level after it."""
        outcome = np.zeros((len(population), len(step.atoms)), dtype=np.int64)
        uniform: Array | None = None
        if self.draws is not None:
            place = self._place(step.number)
            uniform = self.draws.uniform(population.shots, MEASURING, place, len(step.atoms))
        for k, atom in enumerate(step.atoms):
            assert population.held is not None
            chances = own.first_chances(population.held, self._holder, atom, levels[0])
            if uniform is not None:
                found_in = own.seconds(chances, uniform[:, k])
            else:
                population, rows, found_in = self._both(population, chances, step)
                outcome = outcome[rows]
            assert population.held is not None
            held = own.collapsed(population.held, self._holder, atom, levels, found_in)
            if after is not None:
                held = own.moved(held, self._holder, atom, levels, found_in, after)
            population = replace(population, held=own.settled(held, self._holder))
            outcome[:, k] = found_in
        return population, outcome

    def _both(
        self, population: Population, chances: Array, step: MeasureStep | ResetStep
    ) -> tuple[Population, Index, Index]:
        """Let every row have both outcomes, weighted (exact runs); return the rows that they came from, too."""
        joint = population.weights[:, None] * np.stack([chances, 1 - chances], axis=1)
        rows, found_in = np.nonzero(joint > self.prune_below)
        self.pruned += max(0.0, float(joint.sum() - joint[rows, found_in].sum()))
        self._refuse_branches(len(rows), step)
        return replace(population.take(rows), weights=joint[rows, found_in]), rows, found_in

    def _reset(self, step: ResetStep, population: Population) -> Population:
        if self._jobs is not None:
            self._jobs.reset(step.atoms)
        population = self._pass(population, self.around.hardware.reset_us, step)
        if population.held is not None:
            first, second = self.layout.levels
            population, _ = self._look(step, population, (first, second), self.compiled.target.ground)
        elif self.emulator.capabilities.states:
            for part in population.holding(step.atoms):
                population = self._reset_part(step, part.atoms, population)
            if self.apparatus is not None:
                population = self.apparatus.prepare(population, step.atoms, self._numbers(step.number))
        return self._merged(population, step)

    def _reset_part(self, step: ResetStep, atoms: tuple[int, ...], population: Population) -> Population:
        here = tuple(atom for atom in step.atoms if atom in atoms)
        rest = tuple(atom for atom in atoms if atom not in step.atoms)
        if self._needed_after(step).isdisjoint(rest):
            return self._dropped(atoms, population)
        if self.kind.traces:
            new = [traced(population.holding(atoms)[0], len(self.layout.levels), rest)]
        else:
            split = self._split(len(atoms), tuple(atoms.index(atom) for atom in here), "")
            chosen = self._chosen(population, atoms, split, step)
            population = self._collapsed(step, chosen, atoms, remover(split), rest)
            new = population.holding(rest)
        new += [fresh(atom, self.layout, len(population), self.kind) for atom in here]
        if not self.emulator.capabilities.factorises:
            new = [product(new, len(self.layout.levels))]
        return population.with_parts(population.holding(atoms), new)

    def _chosen(
        self, population: Population, atoms: tuple[int, ...], split: Split, step: MeasureStep | ResetStep
    ) -> Chosen:
        part = next(part for part in population.parts if part.atoms == atoms)
        if self.draws is not None:
            looked = [atom for atom in step.atoms if atom in atoms]
            place = self._place(step.number)
            numbers = self.draws.uniform(population.shots, MEASURING, place, len(step.atoms))
            if tuple(looked) != step.atoms:
                numbers = numbers[:, [step.atoms.index(atom) for atom in looked]]
            return choose(population, part, split, numbers)
        before = float(population.weights.sum())
        chosen = choose_all(
            population, part, split, self.prune_below, lambda branches: self._refuse_branches(branches, step)
        )
        self.pruned += max(0.0, before - float(chosen.population.weights.sum()))
        return chosen
