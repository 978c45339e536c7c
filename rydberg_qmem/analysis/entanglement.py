"""Purity and entanglement of density matrices of qubits: arrays (..., 2**n, 2**n) in, arrays (...) out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError

Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]

_FLIP = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=complex)
"""Y ⊗ Y."""
_LEVELS = arguments.values(arguments.text, "levels", 2, 2)
_QUBITS = arguments.values(arguments.whole(), "numbers of qubits")


@arguments.taking(rho=arguments.amplitudes)
def qubits(rho: ArrayLike) -> int:
    """Return how many qubits a density matrix has.

    Args:
        rho: Density matrices, (..., 2**n, 2**n).

    Raises InputError if it has no such shape.

    >>> qubits(np.eye(8) / 8)
    3
    """
    shape = np.shape(rho)
    n = int(shape[-1]).bit_length() - 1 if len(shape) >= 2 else -1
    if n < 1 or shape[-2:] != (2**n, 2**n):
        raise InputError(f"rho must have the shape (..., 2**n, 2**n), but has {shape}")
    return n


@arguments.taking(
    rho=arguments.amplitudes, levels=arguments.text, kept=arguments.values(arguments.text, "levels", 2, 2)
)
def within(rho: ArrayLike, levels: str, *, kept: tuple[str, str] = ("g", "h")) -> tuple[Complex, Floats]:
    """Return the state of atoms of several levels within two of them, of trace one, and the probability left out.

    Args:
        rho: Density matrices of n atoms, (..., d**n, d**n).
        levels: Names of the d levels as in a record's attrs, "r g h" say.
        kept: The two levels, index 0 first.

    Raises InputError for levels that do not fit the shape, or are not there.

    >>> state, lost = within(np.diag([0.1, 0.9, 0.0]), "r g h")
    >>> state.real.tolist(), round(float(lost), 3)
    ([[1.0, 0.0], [0.0, 0.0]], 0.1)
    """
    names, rho = levels.split(), np.asarray(rho, dtype=complex)
    size = rho.shape[-1]
    atoms = round(np.log(size) / np.log(len(names))) if len(names) > 1 and size else 0
    if not atoms or not set(kept) <= set(names) or rho.shape[-2:] != (len(names) ** atoms,) * 2:
        raise InputError(f"rho must be of atoms with the levels {levels} and {' '.join(kept)}, but has {rho.shape}")
    index = np.zeros(1, dtype=int)
    for _ in range(atoms):
        index = (index[:, None] * len(names) + [names.index(level) for level in kept]).ravel()
    part = rho[..., index[:, None], index]
    chance = np.einsum("...ii->...", part).real
    return np.asarray(part / chance[..., None, None]), np.asarray(1 - chance)


@arguments.taking(rho=arguments.amplitudes)
def purity(rho: ArrayLike) -> Floats:
    """Return Tr rho²: 1 for a pure state, 2**-n for the maximally mixed state of n qubits.

    Args:
        rho: Density matrices, (..., 2**n, 2**n).

    Raises InputError for other shapes.

    >>> float(purity(np.eye(2) / 2))
    0.5
    """
    rho = _matrices(rho)
    return np.asarray(np.einsum("...ij,...ji->...", rho, rho).real)


@arguments.taking(rho=arguments.amplitudes, keep=_QUBITS)
def reduced(rho: ArrayLike, keep: Sequence[int]) -> Complex:
    """Return the state of some qubits, in ascending order.

    Args:
        rho: Density matrices, (..., 2**n, 2**n).
        keep: The qubits, numbered from 0, left to right.

    Raises InputError for other shapes, or qubits that are not there.

    >>> bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    >>> reduced(np.outer(bell, bell), [1]).real.round(12).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    rho, n = _matrices(rho), qubits(rho)
    _refuse_others("keep", keep, n)
    lead = rho.ndim - 2
    state = rho.reshape(*rho.shape[:-2], *(2,) * (2 * n))
    for left, gone in zip(range(n, 0, -1), sorted(set(range(n)) - set(keep), reverse=True), strict=False):
        state = np.trace(state, axis1=lead + gone, axis2=lead + left + gone)
    size = 2 ** len(set(keep))
    return np.asarray(state.reshape(*rho.shape[:-2], size, size))


@arguments.taking(rho=arguments.amplitudes)
def concurrence(rho: ArrayLike) -> Floats:
    """Return Wootters' concurrence of two qubits: 0 separable, 1 a Bell state.

    Args:
        rho: Density matrices, (..., 4, 4).

    Raises InputError for other shapes.

    >>> p = 0.8  # a Werner state: (3 p - 1) / 2
    >>> singlet = np.array([0, 1, -1, 0]) / np.sqrt(2)
    >>> round(float(concurrence(p * np.outer(singlet, singlet) + (1 - p) * np.eye(4) / 4)), 9)
    0.7
    """
    rho = _exactly(rho, 2)
    root = _root(rho)
    lengths = np.linalg.svd(root @ _FLIP @ root.conj(), compute_uv=False)  # stable where eigenvalues are not
    return np.asarray(np.clip(2 * lengths.max(axis=-1) - lengths.sum(axis=-1), 0, None))


@arguments.taking(rho=arguments.amplitudes, part=_QUBITS)
def negativity(rho: ArrayLike, part: Sequence[int] = (0,)) -> Floats:
    """Return N, the sum of |negative eigenvalues| of the partial transpose on some qubits; 1/2 for a Bell state.

    Args:
        rho: Density matrices, (..., 2**n, 2**n).
        part: The qubits that are transposed, numbered from 0; the first by default.

    Raises InputError for other shapes, or qubits that are not there.

    >>> bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    >>> round(float(negativity(np.outer(bell, bell))), 12)
    0.5
    """
    rho, n = _matrices(rho), qubits(rho)
    _refuse_others("part", part, n)
    lead = rho.ndim - 2
    axes = np.arange(lead + 2 * n)
    for qubit in set(part):
        axes[[lead + qubit, lead + n + qubit]] = axes[[lead + n + qubit, lead + qubit]]
    turned = rho.reshape(*rho.shape[:-2], *(2,) * (2 * n)).transpose(axes).reshape(rho.shape)
    return np.asarray(-np.clip(np.linalg.eigvalsh(turned), None, 0).sum(axis=-1))


@arguments.taking(rho=arguments.amplitudes)
def tripartite_negativity(rho: ArrayLike) -> Floats:
    """Return N3 = (N_1-23 N_2-13 N_3-12)^(1/3) of three qubits; 1/2 for GHZ, 0 where any one is separable.

    Args:
        rho: Density matrices, (..., 8, 8).

    Raises InputError for other shapes.

    >>> ghz = np.array([1, 0, 0, 0, 0, 0, 0, 1]) / np.sqrt(2)
    >>> round(float(tripartite_negativity(np.outer(ghz, ghz))), 12)
    0.5
    """
    rho = _exactly(rho, 3)
    return np.asarray(np.cbrt(np.prod([negativity(rho, [qubit]) for qubit in range(3)], axis=0)))


@arguments.taking(state=arguments.amplitudes)
def three_tangle(state: ArrayLike) -> Floats:
    """Return the three-tangle 4 |d1 - 2 d2 + 4 d3| of pure states of three qubits (Coffman and others, 2000).

    Args:
        state: Amplitudes, (..., 8).

    Raises InputError for other shapes.

    >>> ghz, w = np.array([1, 0, 0, 0, 0, 0, 0, 1]) / np.sqrt(2), np.array([0, 1, 1, 0, 1, 0, 0, 0]) / np.sqrt(3)
    >>> float(three_tangle(ghz).round(12)), float(three_tangle(w))
    (1.0, 0.0)
    """
    a = np.asarray(state, dtype=complex)
    if a.shape[-1] != 8:
        raise InputError(f"state must have the shape (..., 8), but has {a.shape}")
    t = {f"{i:03b}": a[..., i] for i in range(8)}
    pairs = [t["000"] * t["111"], t["001"] * t["110"], t["010"] * t["101"], t["100"] * t["011"]]
    d1 = sum(pair**2 for pair in pairs)
    d2 = sum(pairs[i] * pairs[j] for i in range(4) for j in range(i))
    d3 = t["000"] * t["110"] * t["101"] * t["011"] + t["111"] * t["001"] * t["010"] * t["100"]
    return np.asarray(4 * np.abs(d1 - 2 * d2 + 4 * d3))


@arguments.taking(rho=arguments.amplitudes, focus=arguments.whole(0, 2))
def monogamy(rho: ArrayLike, focus: int = 0) -> Floats:
    """Return N²_1-23 - N²_1-2 - N²_1-3 of three qubits, with N twice the negativity.

    Not negative for pure states (Ou and Fan, 2007), where positive values mean entanglement that no pair holds.

    Args:
        rho: Density matrices, (..., 8, 8).
        focus: Qubit 1 of the formula, numbered from 0.

    Raises InputError for other shapes, or a qubit that is not there.

    >>> ghz = np.array([1, 0, 0, 0, 0, 0, 0, 1]) / np.sqrt(2)
    >>> round(float(monogamy(np.outer(ghz, ghz))), 12)
    1.0
    """
    rho = _exactly(rho, 3)
    others = [qubit for qubit in range(3) if qubit != focus]
    pairs = sum((2 * negativity(reduced(rho, [focus, other]))) ** 2 for other in others)
    return np.asarray((2 * negativity(rho, [focus])) ** 2 - pairs)


@arguments.taking(rho=arguments.amplitudes, starts=arguments.whole(0, 10_000), seed=arguments.SEED)
def genuine_tripartite(rho: ArrayLike, *, starts: int = 6, seed: int = 0) -> float:
    """Return by how much a state of three qubits breaks a bound of all mixtures of two-part separable states.

    Positive: genuinely tripartite entangled; 0 or less proves nothing. The largest, over turns of each qubit, of the
    two criteria of Gühne and Seevinck (2010), that around GHZ (1/2 for GHZ itself) and that around W.

    Args:
        rho: A density matrix, (8, 8).
        starts: Random starts of the search for the turns.
        seed: Draws them.

    Raises InputError for other shapes.

    >>> ghz = np.array([1, 0, 0, 0, 0, 0, 0, 1]) / np.sqrt(2)
    >>> round(genuine_tripartite(np.outer(ghz, ghz), starts=3), 3)
    0.5
    """
    from scipy.optimize import minimize

    rho = _exactly(rho, 3)
    if rho.ndim != 2:
        raise InputError(f"rho must have the shape (8, 8), but has {rho.shape}")
    generator = np.random.Generator(np.random.Philox(seed))

    def short(angles: Floats, criterion: Callable[[Complex], float]) -> float:
        turn = np.ones((1, 1), dtype=complex)
        for a, b, c in angles.reshape(3, 3):
            upper = (np.cos(a), np.exp(1j * b) * np.sin(a))
            lower = (-np.exp(1j * c) * np.sin(a), np.exp(1j * (b + c)) * np.cos(a))
            turn = np.kron(turn, np.array([upper, lower]))
        return -criterion(turn @ rho @ turn.conj().T)

    tries = [generator.uniform(-np.pi, np.pi, size=9) for _ in range(starts)]
    found = [
        minimize(short, start, args=(criterion,), method="L-BFGS-B").fun
        for start in (np.zeros(9), *tries)
        for criterion in (_around_ghz, _around_w)
    ]
    return float(-min(found))


def _around_ghz(rho: Complex) -> float:
    p = np.clip(np.diagonal(rho).real, 0, None)
    return float(abs(rho[0, 7]) - sum(np.sqrt(p[i] * p[7 - i]) for i in (1, 2, 4)))


def _around_w(rho: Complex) -> float:
    p = np.clip(np.diagonal(rho).real, 0, None)
    apart = sum(np.sqrt(p[0] * p[i]) for i in (3, 5, 6))
    return float(abs(rho[1, 2]) + abs(rho[1, 4]) + abs(rho[2, 4]) - apart - (p[1] + p[2] + p[4]) / 2)


def _matrices(rho: ArrayLike) -> Complex:
    made = np.asarray(rho, dtype=complex)
    qubits(made)
    return made


def _refuse_others(name: str, qubits: Sequence[int], n: int) -> None:
    """Raise InputError unless some of n qubits are named."""
    if not qubits or not set(qubits) <= set(range(n)):
        raise InputError(f"{name} must name qubits from 0 to {n - 1}, but is {list(qubits)}")


def _exactly(rho: ArrayLike, n: int) -> Complex:
    made = _matrices(rho)
    if qubits(made) != n:
        raise InputError(f"rho must be of {n} qubits, but is of {qubits(made)}")
    return made


def _root(rho: Complex) -> Complex:
    values, vectors = np.linalg.eigh(rho)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))[..., None, :]) @ np.swapaxes(vectors.conj(), -1, -2))
