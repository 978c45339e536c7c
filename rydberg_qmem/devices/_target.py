"""The target of a compilation: device, register, level set and interactions, resolved once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices._interactions import Strengths, strengths
from rydberg_qmem.errors import CapabilityError, did_you_mean
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.registers import Register

Level = Literal["r", "g", "h", "0", "1", "x"]
DEVICES = ("DigitalAnalogDevice", "AnalogDevice", "WeightedAnalogDevice", "MockDevice")
WIDEST_LAYOUT_UM = 100
"""Largest radius (µm) of a device on which a layout is looked for: half a second for a dozen atoms."""
FIELD_ALONG_Z = (0.0, 0.0, 30.0)
"""Magnetic field (gauss) of the XY mode where the program names none, as in Pulser."""

LEVELS: dict[frozenset[str], tuple[str, ...]] = {
    frozenset({"ground-rydberg"}): ("r", "g"),
    frozenset({"digital"}): ("g", "h"),
    frozenset({"ground-rydberg", "digital"}): ("r", "g", "h"),
    frozenset({"XY"}): ("0", "1"),
}
"""Eigenstate order of each level set, as in Pulser."""

ONE: dict[str, str] = {"ground-rydberg": "r", "digital": "h", "XY": "1"}
"""The level that a measurement in a basis calls bit 1."""

DRIVEN: dict[str, tuple[str, str]] = {"ground-rydberg": ("g", "r"), "digital": ("h", "g"), "XY": ("0", "1")}
"""(a, b) of a basis: H = Ω/2 (exp(-iφ)|a⟩⟨b| + h.c.) - δ|b⟩⟨b|, as Pulser's simulation has it."""

FRAME: dict[str, tuple[str, int]] = {"ground-rydberg": ("r", -1), "digital": ("h", 1), "XY": ("1", -1)}
"""Level and sign of the frame change exp(i sign Φ) that a phase reference Φ stands for."""


@dataclass(frozen=True, eq=False)
class Target:
    """Device, register and level set that a program runs on."""

    device: Any
    register: Any
    atoms: tuple[str, ...]
    levels: tuple[str, ...]
    magnetic_field: tuple[float, float, float] = FIELD_ALONG_Z
    with_modulation: bool = False
    hidden: frozenset[str] = frozenset()
    """Atoms that do not interact: under the SLM mask of the XY mode."""
    each: tuple[tuple[str, ...], ...] = ()
    """The levels of each atom, where some of them need fewer than all."""
    _ledger: Any = field(default=None, init=False, repr=False)

    def subset(self, atoms: tuple[int, ...]) -> Target:
        """Return the target with some of the atoms only, made once."""
        if len(atoms) == len(self.atoms):
            return self
        if atoms not in self._variants:
            self._variants[atoms] = replace(self, atoms=tuple(self.atoms[i] for i in atoms))
        return self._variants[atoms]

    def limited(self, each: tuple[tuple[str, ...], ...]) -> Target:
        """Return the target whose atoms have some of the levels each, made once."""
        if all(levels == each[0] for levels in each):
            if each[0] == self.levels:
                return self
            if each[0] not in self._variants:
                self._variants[each[0]] = replace(self, levels=each[0])
            return self._variants[each[0]]
        if each not in self._variants:
            self._variants[each] = replace(self, each=each)
        return self._variants[each]

    def hiding(self, atoms: frozenset[str]) -> Target:
        """Return the target with some of the atoms free of interactions, made once."""
        here = atoms & set(self.atoms)
        if here == self.hidden:
            return self
        if here not in self._variants:
            self._variants[here] = replace(self, hidden=here)
        return self._variants[here]

    @cached_property
    def plans(self) -> dict[object, Any]:
        """Plans of the segments that were lowered for this target, kept from the check to the run."""
        return {}

    def ledger(self, made: Callable[[Target], Any]) -> Any:
        """Return what keeps account of what the channels carry between segments, made once."""
        if self._ledger is None:
            object.__setattr__(self, "_ledger", made(self))
        return self._ledger

    def renew(self) -> None:
        """Let go of plans, and of what channels carried: as a target that nothing was lowered for."""
        self.plans.clear()
        object.__setattr__(self, "_ledger", None)

    @cached_property
    def _variants(self) -> dict[object, Target]:
        return {}

    def indices(self, atoms: str | tuple[str, ...]) -> tuple[int, ...]:
        """Return where atoms stand in the register; text stands for all of them."""
        return tuple(map(self.atoms.index, self.atoms if isinstance(atoms, str) else atoms))

    @property
    def dimension(self) -> int:
        """Number of basis states of the whole register."""
        return int(len(self.levels) ** len(self.atoms))

    @property
    def ground(self) -> str:
        """The level that atoms start in and are reset to."""
        return "g" if "g" in self.levels else "0"

    @property
    def default_basis(self) -> str:
        """The basis that a measurement means when it names none."""
        if "h" in self.levels:
            return "digital"
        return "ground-rydberg" if "r" in self.levels else "XY"

    @cached_property
    def places_um(self) -> NDArray[np.float64]:
        """Where the atoms are (µm), shape (n, 3)."""
        made = np.zeros((len(self.atoms), 3))
        for i, name in enumerate(self.atoms):
            place = self.register.qubits[name].as_array(detach=True)
            made[i, : len(place)] = place
        return made

    @cached_property
    def distances_um(self) -> NDArray[np.float64]:
        """Distances between the atoms (µm), shape (n, n)."""
        gaps: NDArray[np.float64] = np.linalg.norm(self.places_um[:, None] - self.places_um[None, :], axis=-1)
        return gaps

    def strengths(self, places: NDArray[np.float64]) -> Strengths:
        """Return the interactions of these atoms at `places` (…, n, 3) in µm, hidden ones left out."""
        masked = np.array([name in self.hidden for name in self.atoms])
        return strengths(self.device, places, levels=self.levels, field=self.magnetic_field, masked=masked)

    @cached_property
    def _strengths(self) -> Strengths:
        return self.strengths(self.places_um)

    @property
    def van_der_waals(self) -> NDArray[np.float64]:
        """C6 / R⁶ (rad/µs) of each pair, zero on the diagonal."""
        return self._strengths.van_der_waals

    @property
    def exchange(self) -> NDArray[np.float64]:
        """C3 / R³ (rad/µs) times 1 - 3 cos² of the angle between pair and magnetic field; zero on the diagonal."""
        if self._strengths.exchange is None:
            return np.zeros_like(self.van_der_waals)
        return self._strengths.exchange

    def channel(self, channel_id: str) -> Any:
        """Return a channel or DMM of the device by its id, or say which ones there are."""
        channels = {**self.device.channels, **self.device.dmm_channels}
        if channel_id not in channels:
            hint = did_you_mean(channel_id, sorted(channels))
            raise CapabilityError(f"{self.device.name} has no channel {channel_id!r}{hint}")
        return channels[channel_id]


def device_of(program: Program) -> Any:
    """Return the Pulser device that a program names or holds."""
    return _device_of(program.device)


@lru_cache(maxsize=64)
def _device_of(text: str) -> Any:
    if text.startswith("{"):
        from pulser.json.abstract_repr.deserializer import deserialize_device

        try:
            return deserialize_device(text)
        except Exception as error:  # Pulser's schema errors come in several types, pages long
            raise CapabilityError(f"is not a device in Pulser's abstract form ({type(error).__name__})") from None
    return device_named(text)


def device_named(name: str) -> Any:
    """Return one of Pulser's devices by its name."""
    import pulser

    if name not in DEVICES:
        raise CapabilityError(f"no device {name!r}{did_you_mean(name, DEVICES)}")
    return getattr(pulser, name)


def register_of(program: Program, device: Any) -> Any:
    """Return the program's register, on a layout of its own where the device asks for one, unless it is very wide.

    Pulser needs the layout on machines only, and finding one takes the fourth power of the device's radius.
    """
    return _register_on(program.register, program.device)


@lru_cache(maxsize=64)
def _register_on(wanted: Register, device_text: str) -> Any:
    register, device = wanted.to_pulser(), _device_of(device_text)
    if register.layout is not None:
        return register
    if not device.requires_layout or device.max_radial_distance > WIDEST_LAYOUT_UM:
        return register
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return register.with_automatic_layout(device)
    except (RuntimeError, ValueError, TypeError, AttributeError):
        return register  # validation of the sequence will say what is wrong with it


def make_target(program: Program, bases: frozenset[str], *, leakage: bool = False) -> Target:
    """Resolve device and register, and pin the level set that `bases` need."""
    device = device_of(program)
    wanted = bases or frozenset({"ground-rydberg"})
    if wanted not in LEVELS:
        raise CapabilityError(f"XY (microwave) and {', '.join(sorted(wanted - {'XY'}))} cannot be used together")
    xy = wanted == frozenset({"XY"})
    if program.magnetic_field is not None and not xy:
        raise CapabilityError("magnetic_field: only the XY mode depends on it, and no microwave pulse is played")
    field = program.magnetic_field or FIELD_ALONG_Z
    register = register_of(program, device)
    levels = (*LEVELS[wanted], *(("x",) if leakage else ()))
    return Target(device, register, program.register.names, levels, field, program.with_modulation)
