"""The machine that measures and resets: its errors and what they do to the atoms, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import MeasureStep
from rydberg_qmem.emulators.layout import Layout
from rydberg_qmem.engine.error_channels import ABSENT, LOST, dephase, heat, lose, misread, prepare
from rydberg_qmem.engine.noise_settings import NoiseSettings
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.representation import Representation

Array = NDArray[np.float64]
Numbers = Callable[[Population, int, int], Array | None]
"""Uniform numbers of a population's rows: which use of them at this place, and how many columns; None if exact."""


@dataclass(frozen=True)
class Apparatus:
    """What reads, loses, disturbs and prepares the atoms of a walk."""

    noise_settings: NoiseSettings
    atoms: tuple[str, ...]
    layout: Layout
    representation: Representation

    def start(self, population: Population, numbers: Numbers) -> Population:
        """Let all atoms be prepared."""
        if not self.noise_settings.lose:
            return population
        population = population.with_values(**{ABSENT: np.zeros((len(population), len(self.atoms)))})
        return self.prepare(population, tuple(range(len(self.atoms))), numbers)

    def prepare(self, population: Population, atoms: tuple[int, ...], numbers: Numbers) -> Population:
        """Let atoms be put in place anew, each failing with the chance of the noise model."""
        if not self.noise_settings.lose:
            return population
        noise = self.noise_settings.noise
        error = noise.state_prep_error if noise is not None else 0.0
        for atom in atoms:
            uniform = _first(numbers(population, self._use(0, atom), 1)) if error else None
            population = prepare(population, atom, error, uniform)
        return population

    def read(self, step: MeasureStep, population: Population, numbers: Numbers) -> Population:
        """Turn true outcomes into read ones; let atoms be lost, and others be disturbed."""
        loss = self.noise_settings.hardware.loss
        for column, atom in enumerate(step.atoms):
            if loss:
                uniform = numbers(population, self._use(1, atom), 2)
                population = lose(population, atom, loss, uniform, self.layout, self.representation)
            if ABSENT in population.values:
                bits = population.values[step.key].copy()
                bits[population.values[ABSENT][:, atom] == LOST, column] = -1
                population = population.with_values(**{step.key: bits})
            errors = self.noise_settings.readout(self.atoms[atom])
            if any(errors):
                uniform = _first(numbers(population, self._use(2, atom), 1))
                population = misread(population, step.key, column, errors, uniform)
        return self._disturbed(step, population, numbers)

    def _disturbed(self, step: MeasureStep, population: Population, numbers: Numbers) -> Population:
        hardware = self.noise_settings.hardware
        for atom in range(len(self.atoms)):
            if atom in step.atoms:
                continue
            if hardware.spectator_dephasing:
                uniform = numbers(population, self._use(3, atom), 2)
                population = dephase(
                    population, atom, hardware.spectator_dephasing, uniform, self.layout, self.representation
                )
            if hardware.spectator_heating:
                uniform = numbers(population, self._use(4, atom), 3)
                population = heat(
                    population, atom, hardware.spectator_heating, uniform, self.layout, self.representation
                )
        return population

    def _use(self, what: int, atom: int) -> int:
        """Return the number of one use of chance at a place, so that no two share numbers."""
        return what * len(self.atoms) + atom

    @property
    def uses(self) -> int:
        """How many uses of chance a place may have."""
        return 5 * len(self.atoms)


def _first(numbers: Array | None) -> Array | None:
    return None if numbers is None else numbers[:, 0]
