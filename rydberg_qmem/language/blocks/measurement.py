"""Measurement, reset, and probes of the state."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.blocks.pulses import Basis
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.values import Atoms, KeyName


class Measure(Tagged):
    """Project atoms on one level of a basis and keep the bits under `key`.

    `digital`: h (1) against not-h (0); `ground-rydberg`: r (1) against not-r (0); `XY`: 1 against 0.
    """

    kind: ClassVar[str] = "measure"
    atoms: Atoms
    key: KeyName
    basis: Basis | None = None


class Reset(Tagged):
    """Trace atoms out and put them in g: a true reset, of entangled and superposed atoms too."""

    kind: ClassVar[str] = "reset"
    atoms: Atoms


class Probe(Tagged):
    """Look at the state without touching it: emulators only, no machine can do this.

    One quantity is recorded under `key`, several under `<key>_<quantity>`, always of the whole ensemble: means
    over shots, and purity and entropy (bits) of the mean density matrix.
    """

    kind: ClassVar[str] = "probe"
    atoms: Atoms
    key: KeyName
    occupation: bool = False
    correlations: bool = False
    pauli: tuple[Literal["X", "Y", "Z"], ...] = ()
    density_matrix: bool = False
    purity: bool = False
    entropy: bool = False
    basis: Basis | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.quantities:
            raise PydanticCustomError("probe", "must ask for at least one quantity")
        return self

    @property
    def quantities(self) -> tuple[str, ...]:
        """What is looked at, in a fixed order."""
        known = ("occupation", "correlations", "pauli", "density_matrix", "purity", "entropy")
        return tuple(name for name in known if getattr(self, name))
