"""What a probe sees: expectation values and reduced states, summed over weighted rows."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import ProbeStep
from rydberg_qmem.devices import ONE
from rydberg_qmem.emulators.layout import Layout
from rydberg_qmem.engine.population import Part, Population, product

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


def probe_totals(
    levels: tuple[str, ...], step: ProbeStep, population: Population, quantities: Iterable[str] | None = None
) -> dict[str, NDArray[Any]]:
    """Return, for each quantity asked for, its sum over rows times their weights."""
    made: dict[str, NDArray[Any]] = {}
    for quantity in step.probe.quantities if quantities is None else quantities:
        match quantity:
            case "occupation":
                made[quantity] = population.weights @ _bits(levels, step, population)
            case "correlations":
                made[quantity] = _correlations(levels, step, population)
            case "pauli":
                made[quantity] = _pauli(levels, step, population)
            case _:
                part = product(population.holding(step.atoms))
                rho = reduced(levels, part, step.atoms)
                made[quantity] = np.tensordot(_weights(part, population), rho, axes=(0, 0))
    return made


def of_all_rows(quantity: str, levels: tuple[str, ...], step: ProbeStep, population: Population) -> float:
    """Return the purity or entropy (bits) of the mean state of some atoms over all rows.

    Of vectors, Σ w |s⟩⟨s| with the other atoms traced out is A A†, and its spectrum that of A† A but for zeros: the
    smaller of the two is made.
    """
    part = product(population.holding(step.atoms))
    weights = _weights(part, population)
    weights /= weights.sum()
    there = np.flatnonzero(weights)
    places = tuple(part.atoms.index(atom) for atom in step.atoms)
    size = prod(part.sizes[place] for place in places)
    if part.representation.is_mixed or len(there) * (part.states.shape[1] // size) >= size:
        rho = np.zeros((size, size), dtype=complex)
        for k in there:
            rho += weights[k] * part.representation.reduced(part.states[k : k + 1], part.sizes, places)[0]
        return float(of_mean_state(quantity, rho))
    atoms = len(part.atoms)
    order = (*places, *(i for i in range(atoms) if i not in places))
    split = part.states[there].reshape((len(there), *part.sizes)).transpose((0, *(1 + i for i in order)))
    flat = split.reshape(len(there), size, -1) * np.sqrt(weights[there])[:, None, None]
    flat = np.ascontiguousarray(flat.transpose(0, 2, 1)).reshape(-1, size)
    return float(of_mean_state(quantity, flat.conj() @ flat.T))


def of_mean_state(quantity: str, rho: Complex) -> NDArray[Any]:
    """Return a probed quantity of mean density matrices: purity and entropy are those of the whole ensemble."""
    match quantity:
        case "purity":
            return np.asarray(np.einsum("...ij,...ij->...", rho, rho.conj()).real)
        case "entropy":
            return entropy_bits(rho)
        case _:
            return rho


def reduced(levels: tuple[str, ...], part: Part, atoms: tuple[int, ...]) -> Complex:
    """Return the reduced density matrices (states, d^m, d^m) of some of a part's atoms, in the order given.

    They have all levels of the program, those too that states leave out.
    """
    places = tuple(part.atoms.index(atom) for atom in atoms)
    rho = part.representation.reduced(part.states, part.sizes, places)
    narrow = Layout(levels, len(atoms), tuple(part.levels[place] for place in places))
    wide = Layout(levels, len(atoms))
    if narrow.dimension == wide.dimension:
        return rho
    made, here = np.zeros((len(rho), wide.dimension, wide.dimension), dtype=complex), narrow.places_in(wide)
    made[:, here[:, None], here] = rho
    return made


def entropy_bits(rho: Complex) -> Array:
    """Return the von Neumann entropy (bits) of density matrices."""
    p = np.clip(np.linalg.eigvalsh(rho), 1e-300, None)
    return np.asarray(-(p * np.log2(p)).sum(axis=-1))


def _weights(part: Part, population: Population) -> Array:
    return np.bincount(part.state_of, population.weights, minlength=len(part.states)).astype(float)


def _bits(levels: tuple[str, ...], step: ProbeStep, population: Population) -> Array:
    """Return the chance of bit 1 in each row for each probed atom, (rows, atoms)."""
    columns = []
    for atom in step.atoms:
        part = population.holding((atom,))[0]
        layout = part.layout
        bit = layout.bit(part.atoms.index(atom), step.basis).astype(float)
        columns.append((part.populations @ bit)[part.state_of])
    return np.stack(columns, axis=1)


def _correlations(levels: tuple[str, ...], step: ProbeStep, population: Population) -> Array:
    bits = _bits(levels, step, population)
    made = np.asarray(np.einsum("n,ni,nj->ij", population.weights, bits, bits))
    for i, one in enumerate(step.atoms):
        part = population.holding((one,))[0]
        layout, weights = part.layout, _weights(part, population)
        for j, two in enumerate(step.atoms):
            if two in part.atoms:
                both = layout.bit(part.atoms.index(one), step.basis) & layout.bit(part.atoms.index(two), step.basis)
                made[i, j] = weights @ (part.populations @ both.astype(float))
    return made


def _pauli(levels: tuple[str, ...], step: ProbeStep, population: Population) -> Array:
    zero = "g" if "g" in levels else "0"
    a, b = levels.index(zero), levels.index(ONE[step.basis])
    rows = []
    for atom in step.atoms:
        part = population.holding((atom,))[0]
        rho = np.tensordot(_weights(part, population), reduced(levels, part, (atom,)), axes=(0, 0))
        values = {"X": 2 * rho[b, a].real, "Y": 2 * rho[b, a].imag, "Z": (rho[a, a] - rho[b, b]).real}
        rows.append([values[name] for name in step.probe.pauli])
    return np.array(rows)
