"""Clifford gates: what a unitary does to Pauli operators, up to signs and with them; and which gates are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import MeasureStep, ProbeStep, Segment, all_steps, expressions_in
from rydberg_qmem.emulators.unitaries import IdealGate
from rydberg_qmem.errors import Problem
from rydberg_qmem.language.blocks import Align, Delay, Gate, Timed
from rydberg_qmem.language.blocks.rules import Complex, Diagonal, Matrix, RotationMatrix, Values

Bits = NDArray[np.bool_]
SURE = 1e-9
"""Largest error of a matrix that counts as rounding: an angle's, for rotations."""
SEEN = ("occupation", "correlations", "pauli")
"""What probes see of a stabiliser state, exactly."""
ONE_ATOM = {"I": np.eye(2), "X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]]), "Z": np.diag([1, -1])}


@dataclass(frozen=True, eq=False)
class Clifford:
    """A Clifford gate on n atoms as Q V: V takes X and Z of each atom to Pauli operators without signs, Q is one.

    Attributes:
        images: Whether each operator X₁ … Xₙ, Z₁ … Zₙ (rows) becomes one with X₁ … Xₙ, Z₁ … Zₙ in it, (2n, 2n).
        after: The operator Q, (2n,) in the same order.
    """

    images: Bits
    after: Bits

    @cached_property
    def is_pauli(self) -> bool:
        """Whether V is the identity."""
        return bool((self.images == np.eye(len(self.images), dtype=bool)).all())

    @cached_property
    def key(self) -> bytes:
        """What tells V apart from others."""
        return self.images.tobytes()

    @cached_property
    def tableau(self) -> Any:
        """V as a `stim.Tableau`."""
        from stim import PauliString, Tableau

        n = len(self.images) // 2
        made = [PauliString.from_numpy(xs=row[:n].copy(), zs=row[n:].copy()) for row in self.images]
        return Tableau.from_conjugated_generators(xs=made[:n], zs=made[n:])


def clifford_of(unitary: Complex) -> Clifford | None:
    """Return a unitary (2ⁿ, 2ⁿ), whatever its phase, as a Clifford gate, or None if it is none.

    >>> np.flatnonzero(clifford_of(np.diag([1, -1]) + 0j).after)  # Z
    array([1])
    >>> clifford_of(np.diag([1, 1j])).images.astype(int).tolist()  # X to Y, Z to Z
    [[1, 1], [0, 1]]
    >>> clifford_of(np.diag([1, np.exp(0.25j * np.pi)])) is None
    True
    """
    rounded = np.round(unitary, 12) + 0.0
    return _known(rounded.tobytes(), len(rounded))


@lru_cache(maxsize=4096)
def _known(matrix: bytes, size: int) -> Clifford | None:
    unitary = np.frombuffer(matrix, dtype=complex).reshape(size, size)
    bits, operators = _paulis(size.bit_length() - 1)
    n = bits.shape[1] // 2
    generators = [operators[int(np.flatnonzero((bits == row).all(axis=1))[0])] for row in np.eye(2 * n, dtype=bool)]
    images, negative = np.zeros((2 * n, 2 * n), dtype=bool), np.zeros(2 * n, dtype=bool)
    for k, generator in enumerate(generators):
        parts = np.einsum("pij,ji->p", operators, unitary @ generator @ unitary.conj().T).real / size
        found = int(np.abs(parts).argmax())
        if abs(abs(parts[found]) - 1) > SURE or np.abs(np.delete(parts, found)).max() > SURE:
            return None
        images[k], negative[k] = bits[found], parts[found] < 0
    # an operator that anticommutes with those images alone which have a sign: the images of their partners
    partners = np.concatenate([negative[n:], negative[:n]])
    return Clifford(images, np.asarray((partners.astype(int) @ images.astype(int)) % 2 == 1))


@lru_cache(maxsize=4)
def _paulis(atoms: int) -> tuple[Bits, Complex]:
    """Return all Pauli operators of some atoms: what is in them (4ⁿ, 2n), X of each atom first, and their matrices."""
    bits, operators = [], []
    for names in product("IXYZ", repeat=atoms):
        made: Complex = np.ones((1, 1), dtype=complex)
        for name in names:
            made = np.kron(made, ONE_ATOM[name])
        bits.append([name in "XY" for name in names] + [name in "YZ" for name in names])
        operators.append(made)
    return np.array(bits), np.array(operators)


def matrices_of(ideal: IdealGate, of: Values) -> Complex:
    """Return the matrices (settings or 1, 2ⁿ, 2ⁿ) of a gate, at each setting of its angles."""
    assert ideal.rule.unitary is not None
    match ideal.rule.unitary(of):
        case Diagonal(factors=factors):
            return np.asarray(factors[:, :, None] * np.eye(factors.shape[1]))
        case RotationMatrix(alpha=alpha, beta=beta):
            rows = [np.stack([alpha, beta], axis=-1), np.stack([-beta.conj(), alpha.conj()], axis=-1)]
            return np.asarray(np.stack(rows, axis=1))
        case Matrix(matrix=matrix):
            return np.asarray(matrix)


def not_clifford(compiled: Compiled) -> Iterator[Problem]:
    """Yield each block that a stabiliser state cannot follow, as far as it is known before a run."""
    for step in all_steps(compiled.steps):
        match step:
            case Segment():
                for placed in step.blocks:
                    if found := _why_not(placed.block, compiled):
                        yield Problem(placed.place, found)
            case MeasureStep() if step.basis != "digital":
                yield Problem(step.place, f"a stabiliser state is measured in the digital basis only ({step.basis})")
            case ProbeStep() if step.basis != "digital" or not set(step.probe.quantities) <= set(SEEN):
                wrong = [step.basis] * (step.basis != "digital") + [q for q in step.probe.quantities if q not in SEEN]
                yield Problem(
                    step.place, f"of a stabiliser state a probe sees {', '.join(SEEN)}, in digital ({', '.join(wrong)})"
                )
            case _:
                pass


def _why_not(block: Timed, compiled: Compiled) -> str:
    """Return why a stabiliser state cannot follow a block; nothing where it can, or where a run must tell."""
    if isinstance(block, Delay | Align):
        return ""
    if not isinstance(block, Gate):
        return "is no gate, and a stabiliser state follows Clifford gates only; a phase shift is a rotate about z"
    ideal = IdealGate.of(block, compiled.target)
    if ideal.rule.levels != "gh" or ideal.rule.unitary is None:
        return "is no Clifford gate on the levels g and h, which a stabiliser state has alone"
    if expressions_in(block):
        return ""
    [matrix] = matrices_of(ideal, lambda expression: np.array([float(expression.evaluate({}))]))
    return "" if clifford_of(matrix) is not None else NO_CLIFFORD


NO_CLIFFORD = (
    "is no Clifford gate, which alone stabiliser states follow: its angle must be a multiple of π/2 (of π for cphase)"
)
"""Why a gate is refused."""
