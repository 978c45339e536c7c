"""Cells: blocks that stand for several others, with an ancilla between them."""

from __future__ import annotations

from typing import ClassVar, Literal, assert_never

from pydantic import Field

from rydberg_qmem.language.blocks.gates import PulseShape
from rydberg_qmem.language.blocks.rules import BOTH, RYDBERG, CellRule, Label, Named, Within
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.values import AtomName, KeyName


class Damp(Tagged):
    """Amplitude damping of `system` with the given probability: one CZ, a measured ancilla, feedforward, reset.

    `shape` is that of its CZ.
    """

    kind: ClassVar[str] = "damp"
    system: AtomName = Field(description="The atom that is damped.")
    ancilla: AtomName = Field(description="A fresh atom (in g), measured and reset.")
    probability: Expression = Field(description="Chance, between 0 and 1, that an excited system decays.")
    key: KeyName | None = Field(
        None, description="The name that the ancilla's outcome is kept under; not kept by default."
    )
    shape: PulseShape = Field("square", description="Shape of the pulses of its CZ: `square` (default) or `blackman`.")


class BeamSplitter(Tagged):
    """Send the excitation of `system` to a fresh `ancilla` (in g) with probability `reflectivity`, coherently.

    `shape` is that of its CZ.
    """

    kind: ClassVar[str] = "beam_splitter"
    system: AtomName = Field(description="The atom whose excitation is sent on.")
    ancilla: AtomName = Field(description="A fresh atom (in g) that receives it.")
    reflectivity: Expression = Field(description="Chance, between 0 and 1, that the excitation goes to the ancilla.")
    shape: PulseShape = Field("square", description="Shape of the pulses of its CZ: `square` (default) or `blackman`.")


class WeakMeasure(Tagged):
    """Measure x, y or z of `system` with a strength between 0 (nothing) and 1 (projective), by one CZ.

    Kraus operators on z: diag(√((1±ε)/2), √((1∓ε)/2)); outcome bit 0 means +1 (g), bit 1 means -1 (h).
    `shape` is that of the CZ.
    """

    kind: ClassVar[str] = "weak_measure"
    system: AtomName = Field(description="The atom that is measured.")
    ancilla: AtomName = Field(description="A fresh atom (in g), measured and reset.")
    strength: Expression = Field(description="Strength ε between 0 (nothing is learned) and 1 (projective).")
    key: KeyName = Field(description="The name that the outcome is kept under.")
    axis: Literal["x", "y", "z"] = Field("z", description="What is measured: x, y or z (default) of the system.")
    shape: PulseShape = Field("square", description="Shape of the pulses of its CZ: `square` (default) or `blackman`.")


class BlockadeMeasure(Tagged):
    """Measure whether `system`, in {g, r}, is in g, with the strength of one pulse's `area`; then reset the ancilla.

    The ancilla, in g, is rotated by `area` unless the system's r blockades it, and measured between g and r:
    outcome 1 has K1 = sin(area/2) |g⟩⟨g|, outcome 0 has K0 = cos(area/2) |g⟩⟨g| + |r⟩⟨r|.
    """

    kind: ClassVar[str] = "blockade_measure"
    system: AtomName = Field(description="The atom that is measured, in g and r.")
    ancilla: AtomName = Field(description="An atom in g within its blockade, measured and reset.")
    area: Expression = Field(description="Area (rad) of the ancilla's pulse: π is projective.")
    key: KeyName = Field(description="The name that the outcome is kept under.")
    infidelity: float = Field(default=1e-3, gt=0, le=0.1, description="Bound of (Ω/U)² at area π; 1e-3 by default.")
    shape: PulseShape = Field("square", description="Shape of the pulse: `square` (default) or `blackman`.")


Cell = Damp | BeamSplitter | WeakMeasure | BlockadeMeasure
"""Blocks that stand for several others."""


def cell_rule(cell: Cell) -> CellRule:
    """Return what a cell is: the row of its kind, filled in with its fields."""
    match cell:
        case Damp(probability=p):
            within = Within("probability", p, 0)
            return CellRule(_atoms(cell), BOTH, (Label(("damp",), p), "meter"), cell.key, within)
        case BeamSplitter(reflectivity=r):
            return CellRule(_atoms(cell), BOTH, (Label(("BS",), r), "mirror"), None, Within("reflectivity", r, 0))
        case WeakMeasure(strength=strength):
            words, within = (f"weak {cell.axis}",), Within("strength", strength, -1)
            return CellRule(_atoms(cell), BOTH, (Label(words, strength), "meter"), cell.key, within)
        case BlockadeMeasure(area=area):
            return CellRule(_atoms(cell), RYDBERG, (Label(("blockade",), area), "meter"), cell.key)
        case _:
            assert_never(cell)


def _atoms(cell: Damp | BeamSplitter | WeakMeasure | BlockadeMeasure) -> Named:
    return ("system", cell.system), ("ancilla", cell.ancilla)


__all__ = ["BeamSplitter", "BlockadeMeasure", "Damp", "WeakMeasure"]
