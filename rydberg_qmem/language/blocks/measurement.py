"""Measurement, reset, and probes of the state."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.blocks.pulses import Basis
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.values import Atoms, KeyName


class Measure(Tagged):
    """Project atoms on one level of a basis and keep the bits under `key`.

    `digital`: h (1) against not-h (0); `ground-rydberg`: r (1) against not-r (0); `XY`: 1 against 0.
    """

    kind: ClassVar[str] = "measure"
    atoms: Atoms = Field(description="The atoms that are measured.")
    key: KeyName = Field(description="The name that their outcomes are kept under, one bit an atom.")
    basis: Basis | None = Field(
        None,
        description=(
            "What counts as 1: h (`digital`), r (`ground-rydberg`) or 1 (`XY`); where the program's channels "
            "leave a choice, it must be told."
        ),
    )


class Reset(Tagged):
    """Trace atoms out and put them in g: a true reset, of entangled and superposed atoms too."""

    kind: ClassVar[str] = "reset"
    atoms: Atoms = Field(description="The atoms that are put in g.")


class Probe(Tagged):
    """Look at the state without touching it: emulators only, no machine can do this.

    One quantity is recorded under `key`, several under `<key>_<quantity>`, always of the whole ensemble: means
    over shots, and purity and entropy (bits) of the mean density matrix.
    """

    kind: ClassVar[str] = "probe"
    atoms: Atoms = Field(description="The atoms that are looked at.")
    key: KeyName = Field(description="The name that the result is kept under.")
    occupation: bool = Field(False, description="Mean of each atom's 1.")
    correlations: bool = Field(False, description="Means of the product of every two atoms' 1.")
    pauli: tuple[Literal["X", "Y", "Z"], ...] = Field(
        (), description="Means of the Pauli operators named, of each atom."
    )
    density_matrix: bool = Field(False, description="The atoms' mean density matrix, over their qubit levels.")
    purity: bool = Field(False, description="Tr ρ² of the mean density matrix ρ.")
    entropy: bool = Field(False, description="Von Neumann entropy (bits) of the mean density matrix.")
    basis: Basis | None = Field(None, description="The two levels of a qubit, as for a measurement.")

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


__all__ = ["Measure", "Probe", "Reset"]
