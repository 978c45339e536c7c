"""Noise that acts while time passes, as an emulator is asked to evolve states under it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.collapse import collapse_operators, take_to_rydberg
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.noise import Noise


@dataclass(frozen=True, eq=False)
class NoiseChannel:
    """The noise and the machine of a run, resolved for a target, as an emulator is asked to evolve states under it.

    What differs from shot to shot reaches an emulator as entries of the scope, arrays with one row for each state:
    `#doppler` (rad/µs, an atom each), `#amplitude` and `#dmm` (factors, a channel each), `#detuning` (rad/µs, a
    channel each), `#phases` (rad, channels times waves), `#place` (µm, three numbers an atom); `#clock` is when the
    segment begins (ns). Channels are those of the device in order, then its detuning-map modulators.

    Attributes:
        target: Device, register and level set.
        noise: The noise model of the run, if it has one.
        hardware: The machine, whose lifetimes and coherence times count here, if there is one.
    """

    target: Target
    noise: Noise | None = None
    hardware: HardwareProfile | None = None

    @cached_property
    def collapse(self) -> tuple[NDArray[np.complex128], ...]:
        """The collapse operators of one atom (levels, levels), rates included (1/√µs)."""
        return collapse_operators(self.target.levels, self.noise, self.hardware)

    @property
    def decoheres(self) -> bool:
        """Whether states decohere."""
        return bool(self.collapse)

    @property
    def varies(self) -> bool:
        """Whether drives or interactions of a shot differ from the program's."""
        return self.noise is not None and self.noise.changes_hamiltonian

    @property
    def moves(self) -> bool:
        """Whether atoms are displaced, so that interactions differ."""
        return self.noise is not None and self.noise.has_register

    @property
    def acts(self) -> bool:
        """Whether there is anything to evolve under."""
        return self.decoheres or self.varies

    @property
    def acts_in_the_dark(self) -> bool:
        """Whether it acts while nothing is played."""
        return self.decoheres or self.moves

    @cached_property
    def excites(self) -> bool:
        """Whether it may take atoms that nothing drives to a Rydberg level, so that they interact."""
        return take_to_rydberg(self.collapse, self.target.levels)
