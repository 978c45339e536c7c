"""Noise and machine of a run as asked for, and what an emulator can follow of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.emulators.collapse import collapse_operators
from rydberg_qmem.emulators.protocol import IN_TIME, Emulator, Holding, NoisyEmulator, NoisyHolding
from rydberg_qmem.errors import CapabilityError, InputError
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.noise import Noise

Array = NDArray[np.float64]
IDEAL = HardwareProfile(name="ideal")
MOST_MATRIX = 16
"""Largest register (basis states) whose density matrices `auto` prefers to trajectories."""


@dataclass(frozen=True)
class NoiseSettings:
    """Noise and hardware of a run, as asked for."""

    noise: Noise | None = None
    hardware: HardwareProfile = IDEAL

    @property
    def are_ideal(self) -> bool:
        """Whether there is nothing to follow."""
        return self.noise is None and not set(self.hardware.to_dict()) - {"name", "about", "sources"}

    @property
    def fields(self) -> tuple[str, ...]:
        """What is not ideal, by name."""
        noise = tuple(f"noise.{name}" for name in (self.noise.active if self.noise is not None else ()))
        skip = {"name", "about", "sources"}
        return noise + tuple(f"hardware.{name}" for name in self.hardware.to_dict() if name not in skip)

    @property
    def decohere(self) -> bool:
        """Whether states decohere as time passes."""
        return self.hardware.decoheres or (self.noise is not None and self.noise.is_lindblad)

    @property
    def disturb(self) -> bool:
        """Whether unmeasured atoms suffer from others being measured."""
        return self.hardware.spectator_dephasing > 0 or self.hardware.spectator_heating > 0

    @property
    def lose(self) -> bool:
        """Whether atoms may be absent."""
        return self.hardware.loss > 0 or (self.noise is not None and self.noise.state_prep_error > 0)

    def readout(self, atom: str) -> tuple[float, float]:
        """Return the chances of a false positive and of a false negative of an atom."""
        if self.noise is not None and (self.noise.p_false_pos or self.noise.p_false_neg):
            return self.noise.p_false_pos, self.noise.p_false_neg
        return self.hardware.confusion_of(atom)


NOTHING = NoiseSettings()
"""Neither noise nor a machine's shortcomings."""


def check_noise(noise_settings: NoiseSettings, emulator: Emulator, compiled: Compiled, *, exact: bool) -> None:
    """Refuse what an emulator cannot follow, by its name, and what contradicts itself."""
    can = emulator.capabilities
    for name in noise_settings.fields:
        kind, _, item = name.partition(".")
        if item not in (can.noise if kind == "noise" else can.hardware):
            raise CapabilityError(f"emulator {emulator.name!r} cannot follow {name}")
        if name in IN_TIME and not isinstance(emulator, NoisyHolding):
            noisy_emulator(emulator, name)
    hardware, noise = noise_settings.hardware, noise_settings.noise
    read = hardware.p_false_pos or hardware.p_false_neg or hardware.confusion
    if noise is not None and read and (noise.p_false_pos or noise.p_false_neg):
        raise InputError("noise and hardware both have readout errors: leave those of one of them out")
    for atom in hardware.confusion:
        if atom not in compiled.target.atoms:
            raise InputError(f"hardware.confusion: no atom {atom!r} in the register")
    if noise is None:
        return
    if exact and noise.is_random:
        raise CapabilityError(
            f"noise.{noise.is_random[0]} differs from shot to shot, so no single Hamiltonian gives an exact run "
            "(shots=None): give shots"
        )
    xy = "0" in compiled.target.levels
    for name in noise.active:
        if xy and name in ("temperature", "amp_sigma", "laser_waist", "detuning_sigma", "detuning_hf_psd"):
            if name == "temperature" and not noise.has_doppler:
                continue
            raise CapabilityError(f"noise.{name}: has no meaning in XY, as in Pulser")
    collapse_operators(compiled.target.levels, noise, hardware)


def noisy_emulator(emulator: Emulator, name: str) -> NoisyEmulator:
    """Return an emulator that evolves states under noise itself, or refuse a field of that noise by its name."""
    if isinstance(emulator, Holding):
        raise CapabilityError(f"emulator {emulator.name!r} claims {name}, but keeps states of its own, without noise")
    if not isinstance(emulator, NoisyEmulator):
        raise CapabilityError(
            f"emulator {emulator.name!r} claims {name}, but has no method `under` that evolves states with it, and no "
            "other emulator does so in its place: add the method, or leave the field out of its capabilities"
        )
    return emulator


def kind_of_state(
    asked: str, noise_settings: NoiseSettings, compiled: Compiled, shots: int | None, *, emulator: Emulator
) -> str:
    """Return how states are kept: as asked, or by what is cheaper, or as the emulator can.

    A density matrix of D levels costs D⁴ for all shots that agree, a vector D² for each that does not.
    """
    chance = noise_settings.decohere or noise_settings.disturb
    if asked == "vector" and chance and shots is None:
        raise CapabilityError(
            "state='vector' with shots=None cannot decohere without chance: use state='density_matrix', or give shots"
        )
    if noise_settings.decohere and not emulator.capabilities.trajectories:
        if asked == "vector":
            raise CapabilityError(
                f"emulator {emulator.name!r} has no quantum jumps, so vectors cannot decohere: use "
                "state='density_matrix' or auto"
            )
        return "density_matrix"
    if chance and shots is None and not emulator.capabilities.density_matrices:
        raise CapabilityError(
            f"emulator {emulator.name!r} keeps no density matrices, so that shots=None cannot decohere without chance: "
            "give shots"
        )
    if asked != "auto":
        return asked
    if not chance or not emulator.capabilities.density_matrices:
        return "vector"
    if shots is None:
        return "density_matrix"
    dimension = compiled.target.dimension
    alone = noise_settings.noise is not None and bool(noise_settings.noise.is_random)
    return "density_matrix" if dimension <= (4 if alone else MOST_MATRIX) else "vector"
