"""Phase references that rows keep beside their states, where turning them into the states would change what happens.

A segment's references are turned into its states when it ends, as rotations about z. Whatever goes on then commutes
with these, pulses with other phases, decay, dephasing, interactions, but for noise about an axis of the equator. Under
such noise rows keep their references: segments begin with them as phases of their pulses, and while time passes the
states are those that one sequence would have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.frames import Frames, Site, frames_of
from rydberg_qmem.compile.plan import plan_segment, timed
from rydberg_qmem.compile.steps import Placed, Segment
from rydberg_qmem.devices import FRAME
from rydberg_qmem.emulators.collapse import collapse_operators, turn_with_the_frame
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.engine.noise_settings import NoiseSettings
from rydberg_qmem.language.blocks import PhaseShift
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.pulses import Scope, column

Array = NDArray[np.float64]
LETTERS = {"ground-rydberg": "r", "digital": "h", "XY": "u"}
DIGITS = 12
"""Decimals of a reference (rad) that tell rows apart."""


@dataclass(frozen=True)
class KeptFrames:
    """The phase references that the rows of a walk keep, by the names of their values."""

    compiled: Compiled
    frames: Frames

    @classmethod
    def of(cls, compiled: Compiled, noise_settings: NoiseSettings, emulator: Emulator) -> KeptFrames | None:
        """Return what rows keep, or None where references may as well be turned into the states."""
        if not emulator.capabilities.states or emulator.name == "ideal":
            return None
        frames, levels = frames_of(compiled), compiled.target.levels
        steady = turn_with_the_frame(collapse_operators(levels, noise_settings.noise, noise_settings.hardware))
        return None if steady or not frames.sites else cls(compiled, frames)

    @cached_property
    def names(self) -> dict[Site, str]:
        """The value's name of each reference."""
        return {(atom, basis): f"frame{atom}{LETTERS[basis]}__" for atom, basis in sorted(self.frames.sites)}

    def segment(self, step: Segment) -> Segment:
        """Return a segment that begins with the references that rows keep; atoms that share one have it as one."""
        first: dict[tuple[str, int, tuple[tuple[str, int], ...]], tuple[int, float]] = {}
        shifts = []
        for atoms, basis, reference in self.frames.groups(step.index):
            if reference.base or reference.shifts:
                key = (basis, reference.base, reference.shifts)
                atom, constant = first.setdefault(key, (atoms[0], reference.constant))
                shifts.append(self._shift(atoms, basis, f"{self.names[atom, basis]} - ({constant!r})", step.place))
            if reference.constant:
                shifts.append(self._shift(atoms, basis, repr(reference.constant), step.place))
        looks = tuple(look + len(shifts) for look in step.looks)
        return replace(step, blocks=(*shifts, *step.blocks), looks=looks, absolute=True)

    def turning(self, sign: int, place: str) -> Segment:
        """Return a segment of no time that turns all references into the states, or out of them."""
        return Segment(
            -1,
            tuple(self._shift((atom,), basis, f"{sign} * {name}", place) for (atom, basis), name in self.names.items()),
        )

    def _shift(self, atoms: tuple[int, ...], basis: str, angle: str, place: str) -> Placed:
        names = tuple(self.compiled.target.atoms[atom] for atom in atoms)
        return Placed(PhaseShift(atoms=names, angle=Expression(angle), basis=basis), place)

    def after(self, step: Segment, scope: Scope, rows: int) -> dict[str, Array]:
        """Return the references (rows) after a segment that began with them."""
        made = {name: np.zeros(rows) for name in self.names.values()}
        basis_of = {FRAME[basis][0]: basis for basis in FRAME}
        for schedule, chosen, part in timed(plan_segment(self.segment(step), self.compiled.target), scope, rows):
            for atom, level, parts in schedule.frame:
                basis = basis_of[level]
                if (atom, basis) not in self.names:
                    continue  # a shift by nothing
                total = sum(factor * column(expression, part) for factor, expression in parts)
                turned = np.round(np.remainder(FRAME[basis][1] * np.asarray(total) + np.pi, 2 * np.pi) - np.pi, DIGITS)
                made[self.names[atom, basis]][chosen] = turned
        return made
