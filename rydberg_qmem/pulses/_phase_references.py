"""The phase references of atoms while a sequence is built: told to Pulser, or put into the phase of each pulse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rydberg_qmem.devices import FRAME
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import ZERO
from rydberg_qmem.pulses._carried import Site
from rydberg_qmem.pulses._open_sequence import OpenSequence
from rydberg_qmem.pulses._phases import Reference
from rydberg_qmem.pulses._schedule import Frame

Parts = tuple[tuple[float, Expression], ...]
"""Factors and expressions of which an angle is the sum."""


class PhaseReferences:
    """Phase references of each atom and basis of a sequence.

    Either each pulse is given with its reference in its phase, or `pulser_refers`: Pulser has the shifts, too.
    """

    def __init__(self, opened: OpenSequence, before: Mapping[Site, float], *, pulser_refers: bool) -> None:
        """Begin with the references (rad) that the atoms had `before` the sequence."""
        self.opened, self.pulser_refers = opened, pulser_refers
        self.shifts: dict[Site, list[tuple[float, Expression]]] = {
            site: [(1.0, Expression(angle))] for site, angle in before.items()
        }
        self.told: set[str] = set()
        """Bases of which Pulser knows the references that were there before it had a channel of them."""

    def shift(self, atoms: tuple[int, ...], basis: str, angle: Expression, place: str) -> None:
        """Shift references; Pulser is told, if of a shift by nothing, which orders pulses around it in time."""
        self._refer(atoms, basis, angle)
        if basis in self.opened.bases():
            names = [self.opened.target.atoms[i] for i in atoms]
            told = self.opened.number(angle) if self.pulser_refers else 0.0
            self.opened.call(place, self.opened.sequence.phase_shift, told, *names, basis=basis)

    def shift_after(self, atoms: tuple[int, ...], basis: str, angle: Expression, place: str) -> None:
        """Shift the references of a pulse's atoms after it; where Pulser refers, it has the shift with the pulse."""
        if angle == ZERO:
            return
        if self.pulser_refers:
            self._refer(atoms, basis, angle)
        else:
            self.shift(atoms, basis, angle, place)

    def _refer(self, atoms: tuple[int, ...], basis: str, angle: Expression) -> None:
        for atom in atoms:
            self.shifts.setdefault((atom, basis), []).append((1.0, angle))

    def tell(self, place: str) -> None:
        """Tell Pulser the references of bases that it has had no channel of before."""
        for basis in sorted(self.opened.bases() - self.told) if self.pulser_refers else ():
            self.told.add(basis)
            for (atom, of), parts in self.shifts.items():
                if of == basis:
                    name = self.opened.target.atoms[atom]
                    self.opened.call(place, self.opened.sequence.phase_shift, self._sum(parts), name, basis=basis)

    def shared(self, atoms: tuple[int, ...], basis: str, place: str) -> Parts:
        """Return the reference that the atoms of one pulse have in common, or refuse."""
        found = [tuple(self.shifts.get((atom, basis), ())) for atom in atoms]
        if len({Reference.of(parts) for parts in found}) > 1:
            raise CapabilityError(f"{place}: one pulse cannot act on atoms with different phase references")
        return found[0]

    def turned(
        self, pulse: Any, reference: Parts, atoms: tuple[int, ...], basis: str, after: Expression = ZERO
    ) -> tuple[Any, Any]:
        """Return a pulse turned by its atoms' reference, and as Pulser is told it.

        That is the same, or where Pulser keeps the references, the pulse as it is, with the shift `after` it.
        """
        import pulser

        def at(phase: float, shift: float = 0.0) -> Any:
            return pulser.Pulse(pulse.amplitude, pulse.detuning, phase, shift)

        own = float(pulse.phase)
        if not self.pulser_refers:
            whole = at(own + self._sum(reference))
            return whole, whole
        angle = float(self.opened.sequence.current_phase_ref(self.opened.target.atoms[atoms[0]], basis))
        return at(own + angle), at(own, self.opened.number(after))

    def angles(self) -> dict[Site, float]:
        """Return the phase references of the atoms now (rad), as far as there are any."""
        return {site: self._sum(parts) for site, parts in self._all().items()}

    def frame(self) -> Frame:
        """Return the phase references now, as angles of the levels' frame."""
        frame = []
        for (atom, basis), parts in self._all().items():
            level, sign = FRAME[basis]
            if level in self.opened.target.levels:
                frame.append((atom, level, tuple((sign * factor, e) for factor, e in parts)))
        return tuple(frame)

    def _all(self) -> dict[Site, list[tuple[float, Expression]]]:
        """Return the phase references now; Pulser's own are all, or those that correct an EOM's drift."""
        references = {key: list(parts) for key, parts in self.shifts.items()}
        for basis in sorted(self.opened.bases()) if self.opened.real else ():
            for atom, name in enumerate(self.opened.target.atoms):
                angle = float(self.opened.sequence.current_phase_ref(name, basis))
                if self.pulser_refers:
                    references[atom, basis] = [(1.0, Expression(angle))]
                elif angle:
                    references.setdefault((atom, basis), []).append((1.0, Expression(angle)))
        return references

    def _sum(self, parts: list[tuple[float, Expression]] | Parts) -> float:
        return sum(factor * self.opened.number(e) for factor, e in parts)
