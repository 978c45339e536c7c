"""Cells: blocks that stand for several others, with an ancilla between them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rydberg_qmem.language.blocks.gates import PulseShape
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.values import AtomName, KeyName


class Damp(Tagged):
    """Amplitude damping of `system` with the given probability: one CZ, a measured ancilla, feedforward, reset.

    `shape` is that of its CZ.
    """

    kind: ClassVar[str] = "damp"
    system: AtomName
    ancilla: AtomName
    probability: Expression
    key: KeyName | None = None
    shape: PulseShape = "square"


class BeamSplitter(Tagged):
    """Send the excitation of `system` to a fresh `ancilla` (in g) with probability `reflectivity`, coherently.

    `shape` is that of its CZ.
    """

    kind: ClassVar[str] = "beam_splitter"
    system: AtomName
    ancilla: AtomName
    reflectivity: Expression
    shape: PulseShape = "square"


class WeakMeasure(Tagged):
    """Measure x, y or z of `system` with a strength between 0 (nothing) and 1 (projective), by one CZ.

    Kraus operators on z: diag(√((1±ε)/2), √((1∓ε)/2)); outcome bit 0 means +1 (g), bit 1 means -1 (h).
    `shape` is that of the CZ.
    """

    kind: ClassVar[str] = "weak_measure"
    system: AtomName
    ancilla: AtomName
    strength: Expression
    key: KeyName
    axis: Literal["x", "y", "z"] = "z"
    shape: PulseShape = "square"


class BlockadeMeasure(Tagged):
    """Measure whether `system`, in {g, r}, is in g, with the strength of one pulse's `area`; then reset the ancilla.

    The ancilla, in g, is rotated by `area` unless the system's r blockades it, and measured between g and r:
    outcome 1 has K1 = sin(area/2) |g⟩⟨g|, outcome 0 has K0 = cos(area/2) |g⟩⟨g| + |r⟩⟨r|.
    """

    kind: ClassVar[str] = "blockade_measure"
    system: AtomName
    ancilla: AtomName
    area: Expression
    key: KeyName
    infidelity: float = Field(default=1e-3, gt=0, le=0.1)
    shape: PulseShape = "square"
