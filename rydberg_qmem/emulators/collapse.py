"""Collapse operators of one atom: Pulser's definitions, level by level, and a machine's own decoherence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.noise import Noise

Complex = NDArray[np.complex128]
COVARIANT = 1e-12
"""Part of a dissipator that may change when levels get phases: rounding."""
LEAKED = "x"
"""The level outside of all bases that leakage goes to."""


def collapse_operators(
    levels: tuple[str, ...], noise: Noise | None, hardware: HardwareProfile | None
) -> tuple[Complex, ...]:
    """Return the operators C of one atom, rates included: dρ/dt = Σ CρC† - {C†C, ρ}/2.

    As `pulser_simulation` has them: dephasing √(2γ)|s⟩⟨s| on r, h, 1; relaxation √γ|g⟩⟨r|; depolarizing √(γ/4) times
    each Pauli matrix. Three levels, which Pulser refuses, have ρ → 1/3 at the same rate γ by √γ/3 times the eight
    Weyl operators; with two levels these are the Pauli matrices.
    """
    found: list[Complex] = []
    if noise is not None:
        found += _pulsers(levels, noise)
    if hardware is not None:
        found += _machines(levels, hardware)
    return tuple(c for c in found if np.any(c))


def _unit(levels: tuple[str, ...], to: str, start: str) -> Complex:
    made = np.zeros((len(levels), len(levels)), dtype=complex)
    made[levels.index(to), levels.index(start)] = 1.0
    return made


def _pulsers(levels: tuple[str, ...], noise: Noise) -> list[Complex]:
    rates = {"1": noise.dephasing_rate, "r": noise.dephasing_rate, "h": noise.hyperfine_dephasing_rate}
    found = [np.sqrt(2 * rates[s]) * _unit(levels, s, s) for s in levels if s in rates]
    if noise.relaxation_rate:
        if not {"r", "g"} <= set(levels):
            raise CapabilityError(f"noise.relaxation_rate: takes r to g, but the levels are {', '.join(levels)}")
        found.append(np.sqrt(noise.relaxation_rate) * _unit(levels, "g", "r"))
    if noise.depolarizing_rate:
        found += _depolarizing(levels, noise.depolarizing_rate)
    for k, (rate, operator) in enumerate(zip(noise.eff_noise_rates, noise.eff_noise_opers, strict=True)):
        matrix = np.array(operator, dtype=complex)
        if matrix.shape != (len(levels), len(levels)):
            raise CapabilityError(
                f"noise.eff_noise_opers[{k}]: must be {len(levels)} by {len(levels)}, for the levels "
                f"{', '.join(levels)} ({' by '.join(map(str, matrix.shape))})"
            )
        found.append(np.sqrt(rate) * matrix)
    return found


def _depolarizing(levels: tuple[str, ...], rate: float) -> list[Complex]:
    """Return √γ/d X^j Z^k on the d levels of the program; a leaked atom stays leaked."""
    inside = [k for k, level in enumerate(levels) if level != LEAKED]
    d = len(inside)
    shift = np.roll(np.eye(d), 1, axis=0)
    clock = np.diag(np.exp(2j * np.pi * np.arange(d) / d))
    found = []
    for j in range(d):
        for k in range(d):
            if j or k:
                made = np.zeros((len(levels), len(levels)), dtype=complex)
                weyl = np.linalg.matrix_power(shift, j) @ np.linalg.matrix_power(clock, k)
                made[np.ix_(inside, inside)] = np.sqrt(rate) / d * weyl
                found.append(made)
    return found


def _machines(levels: tuple[str, ...], hardware: HardwareProfile) -> list[Complex]:
    """Return relaxation, dephasing and Rydberg decay of atoms that wait."""
    found = []
    pair = ("g", "h") if "h" in levels else ("0", "1")
    if set(pair) <= set(levels):
        found.append(np.sqrt(2 * hardware.dephasing_rate) * _unit(levels, pair[1], pair[1]))
        if hardware.t1_us is not None:
            found.append(np.sqrt(1 / hardware.t1_us) * _unit(levels, *pair))
    if hardware.rydberg_lifetime_us is not None and {"r", "g"} <= set(levels):
        found.append(np.sqrt(1 / hardware.rydberg_lifetime_us) * _unit(levels, "g", "r"))
    return found


def take_to_rydberg(operators: tuple[Complex, ...], levels: tuple[str, ...]) -> bool:
    """Return whether noise alone may take an atom to the Rydberg level: by a jump, or while none comes.

    >>> relaxing, flipping = np.array([[0, 0], [1, 0]]), np.array([[0, 1], [1, 0]])
    >>> take_to_rydberg((relaxing,), ("r", "g")), take_to_rydberg((flipping,), ("r", "g"))
    (False, True)
    """
    if "r" not in levels:
        return False
    r = levels.index("r")
    return any(np.delete(part[r], r).any() for c in operators for part in (c, c.conj().T @ c))


def filled_by(operators: tuple[Complex, ...], levels: tuple[str, ...], some: set[str]) -> set[str]:
    """Return the levels that noise may take an atom to from some of them: by jumps, or while none comes.

    >>> relaxing = np.array([[0, 0], [1, 0]])
    >>> sorted(filled_by((relaxing,), ("r", "g"), {"g"})), sorted(filled_by((relaxing,), ("r", "g"), {"r"}))
    (['g'], ['g', 'r'])
    """
    moved = np.zeros((len(levels), len(levels)), dtype=bool)
    for c in operators:
        moved |= (c != 0) | (c.conj().T @ c != 0)
    found = set(some)
    while more := {levels[i] for i, j in np.argwhere(moved) if levels[j] in found} - found:
        found |= more
    return found


def turn_with_the_frame(operators: tuple[Complex, ...]) -> bool:
    """Return whether noise is the same whatever the phases of the levels: its dissipator is covariant under them.

    >>> raising, flipping = np.array([[0, 1], [0, 0]]), np.array([[0, 1], [1, 0]])
    >>> turn_with_the_frame((raising,)), turn_with_the_frame((flipping,))
    (True, False)
    """
    if not operators:
        return True
    total: Any = sum(dissipator(sparse.csr_matrix(operator)) for operator in operators).toarray()
    phases = np.exp(1j * np.arange(len(operators[0])) ** 2 * 0.7)
    turn = np.kron(phases, phases.conj())
    return bool(np.abs(turn[:, None] * total * turn.conj() - total).max() <= COVARIANT * np.abs(total).max())


def dissipator(operator: Any) -> Any:
    """Return ρ → CρC† - {C†C, ρ}/2 on flat density matrices, a sparse matrix."""
    one = sparse.identity(operator.shape[0], format="csr")
    weight = operator.conj().T @ operator
    return sparse.kron(operator, operator.conj()) - 0.5 * (sparse.kron(weight, one) + sparse.kron(one, weight.T))
