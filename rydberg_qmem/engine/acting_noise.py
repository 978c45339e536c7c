"""Noise as it acts in one run: resolved for the target, drawn for each shot, followed by the emulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.emulators.collapse import filled_by
from rydberg_qmem.emulators.fluctuations import Fluctuations
from rydberg_qmem.emulators.layout import Levels, State
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.protocol import Emulator, HeldEvolution, JumpingEvolution, NoisyEvolution, NoisyHolding
from rydberg_qmem.emulators.smaller_states import LimitedEvolution
from rydberg_qmem.engine.noise_settings import NoiseSettings, noisy_emulator
from rydberg_qmem.engine.rng import FLUCTUATING, Draws, Place
from rydberg_qmem.errors import CapabilityError

Array = NDArray[np.float64]


@dataclass
class ActingNoise:
    """The noise of one run, ready to act on its states: the emulator is asked to evolve them."""

    noise_settings: NoiseSettings
    channel: NoiseChannel
    evolution: NoisyEvolution | None
    """What the emulator gives for the noise, None where none acts while time passes, or on states of its own."""
    held: HeldEvolution | None = None
    """What an emulator gives that keeps states of its own."""
    pulses: bool = True
    """Whether the noise acts while segments play."""
    settings: dict[str, Array] = field(default_factory=dict)
    """What each shot keeps to its end: arrays (shots, numbers)."""

    @classmethod
    def of(
        cls,
        noise_settings: NoiseSettings,
        compiled: Compiled,
        emulator: Emulator,
        draws: Draws | None,
        shots: int | None,
    ) -> ActingNoise | None:
        """Return the noise of a run, or None where all is ideal."""
        if noise_settings.are_ideal:
            return None
        channel = NoiseChannel(compiled.target, noise_settings.noise, noise_settings.hardware)
        evolution, held = None, None
        if channel.acts and isinstance(emulator, NoisyHolding):
            held = emulator.under(channel)
        elif channel.acts:
            evolution = noisy_emulator(emulator, "noise").under(channel)
        made = cls(noise_settings, channel, evolution, held, emulator.capabilities.noisy_segments)
        if channel.varies and noise_settings.noise is not None and draws is not None:
            made.settings = _drawn(Fluctuations(compiled.target, noise_settings.noise), draws, shots or 0)
        return made

    @property
    def acts_on_segments(self) -> bool:
        """Whether segments go another way than without noise."""
        return self.pulses and self._acts

    @property
    def acts_in_the_dark(self) -> bool:
        """Whether atoms that wait go another way than without noise."""
        return self._acts and self.channel.acts_in_the_dark

    @property
    def decoheres(self) -> bool:
        """Whether states decohere as time passes."""
        return self.channel.decoheres

    @property
    def disturbs_what_waits(self) -> bool:
        """Whether atoms that wait, or are not read, are changed by it, or may be gone."""
        settings = self.noise_settings
        return self._acts or settings.disturb or settings.lose

    @property
    def _acts(self) -> bool:
        return self.evolution is not None or self.held is not None

    @property
    def excites(self) -> bool:
        """Whether atoms that nothing drives come to interact, since noise may take them to a Rydberg level."""
        return self.channel.excites

    def filled(self, levels: set[str]) -> set[str]:
        """Return the levels that an atom may come to from some, by the noise that acts while time passes."""
        return filled_by(self.channel.collapse, self.channel.target.levels, levels) if self.evolution else levels

    def evolve(self, plan: Any, scope: dict[str, Any], states: State, atoms: tuple[int, ...], *, mixed: bool) -> State:
        """Return states after a segment under the noise; vectors that decohere come back shorter."""
        return self.of_levels(getattr(plan, "levels", ())).evolve(plan, scope, states, atoms, mixed=mixed)

    def wait(
        self, scope: dict[str, Any], states: State, atoms: tuple[int, ...], duration_ns: float, *, mixed: bool,
        levels: Levels = (),
    ) -> State:  # fmt: skip
        """Return states after a wait in the dark under the noise; they hold some `levels` of atoms, or all."""
        return self.of_levels(levels).wait(scope, states, atoms, duration_ns, mixed=mixed)

    @property
    def narrows(self) -> bool:
        """Whether states that it evolves may leave out levels."""
        return isinstance(self.evolution, LimitedEvolution)

    def of_levels(self, levels: Levels) -> NoisyEvolution:
        """Return the evolution of states that hold such levels of atoms, one set for all; without any: all levels."""
        assert self.evolution is not None
        return (
            self.evolution.limited(levels[0])
            if levels and isinstance(self.evolution, LimitedEvolution)
            else (self.evolution)
        )

    def jumping(self, levels: Levels = ()) -> JumpingEvolution:
        """Return the emulator's evolution of states that hold such levels, where it can jump."""
        evolution = None if self.evolution is None else self.of_levels(levels)
        if not isinstance(evolution, JumpingEvolution):
            raise CapabilityError(
                "the emulator has no quantum jumps (its evolution has no method `jump`), so vectors cannot decohere: "
                "use state='density_matrix'"
            )
        return evolution

    def scope_of(self, shots: NDArray[np.int64], clock_ns: float) -> Mapping[str, Any]:
        """Return what the Hamiltonians of some shots need to know of them."""
        return {"#clock": clock_ns, **{name: values[shots] for name, values in self.settings.items()}}


def _drawn(fluctuating: Fluctuations, draws: Draws, shots: int) -> dict[str, Array]:
    """Draw what each shot keeps to its end."""
    every = np.arange(shots)
    made = {}
    for k, (name, size) in enumerate(fluctuating.sizes().items()):
        law = draws.uniform if name == "#phases" else draws.normal
        made[name] = fluctuating.scaled(name, law(every, FLUCTUATING, Place(k, 0), size))
    return made
