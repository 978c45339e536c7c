"""Train a Boltzmann machine of atoms: what the data show, less what the free machine shows, moves its weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError, short
from rydberg_qmem.learning.optimise import Optimum

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
Point = dict[str, float]


@arguments.taking(
    sample=arguments.function_of(1),
    data=arguments.numbers(dims=1),
    start=arguments.optional(arguments.names_to("numbers", arguments.real())),
    steps=arguments.whole(0, 1_000_000),
    rate=arguments.real(),
    callback=arguments.optional(arguments.function_of(2)),
    resume=arguments.optional(arguments.record),
)
def train_boltzmann(
    sample: Callable[[Point], Floats],
    data: Floats,
    *,
    start: Mapping[str, float] | None = None,
    steps: int = 20,
    rate: float = 1.0,
    callback: Callable[[Point, float], object] | None = None,
    resume: xr.Dataset | None = None,
) -> Optimum:
    """Return the weights whose thermal state shows the means and correlations of some data, and their history.

    Weights are b0, b1, ..., w01, .... Each step adds to them `rate` C⁻¹ (⟨P⟩_data - ⟨P⟩_free), P the strings Z_i and
    Z_i Z_j, C their covariance in the free machine: clamped less free statistics (G. E. Hinton and T. J. Sejnowski,
    1983; for quantum machines, whose transverse field stays as it is, M. H. Amin et al., Phys. Rev. X 8, 021050, 2018),
    as a Newton step at Γ = 0. The value is the Kullback-Leibler divergence of the data from the machine.

    Args:
        sample: Function of the weights, a dict of numbers by name, that returns the probabilities of a machine's 2^n
            outcomes, (2^n,), first atom first, bit 0 being Z = +1.
        data: The probabilities that are wanted, (2^n,).
        start: Weights at the start, by name; those not given are 0.
        steps: Largest number of steps.
        rate: Factor on the step.
        callback: Called with weights and value after every step; where it returns True, the training ends.
        resume: `history` of an earlier training, after which this one goes on.

    Raises InputError for data and histories that do not fit.

    >>> best = train_boltzmann(lambda w: thermal(w, 1), np.array([0.75, 0.25]))
    >>> round(best.parameters["b0"], 4), round(best.value, 9)
    (0.5493, 0.0)
    """
    atoms = _atoms(data)
    strings, names = _strings(atoms)
    wanted = strings @ data
    weights = np.array([(start or {}).get(name, 0.0) for name in names])
    seen = _known(names, resume)
    if unknown := set(start or {}) - set(names):
        raise InputError(f"start: no weights {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    for step in range(steps):
        if step < len(seen):
            weights, move = seen[step][0], seen[step][2]
        else:
            point = dict(zip(names, weights.tolist(), strict=True))
            found = arguments.numbers(dims=1)("what sample returns", sample(point))
            if found.shape != data.shape:
                raise InputError(f"what sample returns: must be {data.size} probabilities, but has {found.shape}")
            free = strings @ found
            covariance = (strings * found) @ strings.T - np.outer(free, free)
            value, move = divergence(data, found), np.linalg.pinv(covariance, rcond=1e-9) @ (wanted - free)
            seen.append((weights, value, move))
            if callback is not None and callback(point, value) is True:
                break
        weights = weights + rate * move
    return _optimum(names, seen)


def divergence(data: Floats, found: Floats) -> float:
    """Return the Kullback-Leibler divergence Σ d log(d/f) of probabilities, infinite where f lacks what d has.

    >>> divergence(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    0.0
    """
    there = data > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(data[there] * (np.log(data[there]) - np.log(np.maximum(found[there], 0)))))


def thermal(weights: Mapping[str, float], atoms: int, *, gamma: float = 0.0) -> Floats:
    """Return the outcomes' probabilities in exp(-H)/Z, H = -Γ Σ X - Σ b_i Z_i - Σ w_ij Z_i Z_j, by diagonalising.

    At Γ = 0 it is the classical Boltzmann machine.

    >>> thermal({"b0": 0.0}, 1).tolist()
    [0.5, 0.5]
    """
    strings, names = _strings(atoms)
    h = np.diag(-np.array([weights.get(name, 0.0) for name in names]) @ strings)
    for k in range(atoms):
        flip = np.arange(2**atoms) ^ (1 << (atoms - 1 - k))
        h[np.arange(2**atoms), flip] -= gamma
    levels, vectors = np.linalg.eigh(h)
    boltzmann = np.exp(levels.min() - levels)
    return np.asarray(vectors**2 @ boltzmann / boltzmann.sum())


def _atoms(data: Floats) -> int:
    atoms = int(math.log2(data.size)) if data.size else 0
    if data.ndim != 1 or data.size < 2 or data.size != 2**atoms:
        raise InputError(f"data must be the probabilities of 2, 4, 8, ... outcomes, but has the shape {data.shape}")
    if (data < 0).any() or abs(data.sum() - 1) > 1e-9:
        raise InputError(f"data must be probabilities that add up to 1, but is {short(data.tolist())}")
    return atoms


def _strings(atoms: int) -> tuple[Floats, list[str]]:
    """Return Z_i and Z_i Z_j of each outcome, one row each, and the names of their weights."""
    places = np.arange(atoms - 1, -1, -1)
    signs = 1.0 - 2.0 * (np.arange(2**atoms)[None, :] >> places[:, None] & 1)
    pairs = list(combinations(range(atoms), 2))
    rows = [*signs, *(signs[i] * signs[j] for i, j in pairs)]
    return np.array(rows), [*(f"b{k}" for k in range(atoms)), *(f"w{i}{j}" for i, j in pairs)]


def _known(names: list[str], history: xr.Dataset | None) -> list[tuple[Floats, float, Floats]]:
    if history is None:
        return []
    if missing := {*names, "value", "move"} - {str(name) for name in history.data_vars}:
        raise InputError(f"resume: the history has no {', '.join(sorted(missing))}")
    rows = np.array([history[name].values for name in names]).T
    return list(zip(rows, history["value"].values.tolist(), history["move"].values, strict=True))


def _optimum(names: list[str], seen: list[tuple[Floats, float, Floats]]) -> Optimum:
    import xarray as xr

    if not seen:
        raise InputError("steps must be at least 1")
    values = np.array([value for _, value, _ in seen])
    data: dict[str, Any] = {name: ("evaluation", [w[k] for w, _, _ in seen]) for k, name in enumerate(names)}
    data |= {"value": ("evaluation", values), "best": ("evaluation", np.minimum.accumulate(values))}
    data["move"] = (("evaluation", "weight"), np.array([move for _, _, move in seen]))
    history = xr.Dataset(data, {"evaluation": np.arange(len(values)), "weight": names})
    at = int(values.argmin())
    return Optimum(dict(zip(names, seen[at][0].tolist(), strict=True)), float(values[at]), history)
