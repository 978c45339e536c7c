"""State tomography from measured settings: linear inversion, maximum likelihood, and errors by resampling.

A setting turns each atom so that reading it in Z reads X (0), Y (1) or Z (2); setting number s reads atom i along
digit i of s in base 3, the first atom lowest. `rydberg_qmem.programs.tomography` makes such readings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError, did_you_mean

Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]

_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]], dtype=complex)
_STEPS = 5_000
_CLOSE = 1e-10


def counts_of(record: xr.Dataset, *, key: str, setting: str = "setting") -> Floats:
    """Return how often each outcome came in each setting, (3**n, 2**n); lost atoms leave their shot out.

    The record is a sampled sweep over all settings, its outcomes int8 of dims point, shot and the key's atoms.
    Raises InputError for anything else.
    """
    if key not in record:
        raise InputError(f"key: no key {key!r} in the record{did_you_mean(key, [str(k) for k in record])}")
    axis = f"{key}_atom"
    bits = record[key] if axis in record[key].dims else record[key].expand_dims(axis)
    if "shot" not in bits.dims or setting not in record.coords:
        raise InputError(f"tomography needs sampled outcomes swept over {setting!r}")
    bits = bits.transpose("point", "shot", axis)
    atoms = bits.sizes[axis]
    numbers = record[setting].values.astype(int)
    if sorted(numbers.tolist()) != list(range(3**atoms)):
        raise InputError(f"{setting} must take each of 0 to {3**atoms - 1} once for {atoms} atoms")
    weight = 2 ** np.arange(atoms)[::-1]
    counts = np.zeros((3**atoms, 2**atoms))
    for number, rows in zip(numbers, bits.values, strict=True):
        kept = rows[(rows >= 0).all(axis=1)].astype(int)
        counts[number] = np.bincount(kept @ weight, minlength=2**atoms)
    if (counts.sum(axis=1) == 0).any():
        raise InputError("each setting must have at least one shot without a lost atom")
    return counts


def linear_inversion(counts: Floats) -> Complex:
    """Return the density matrix whose Pauli means are those measured: unbiased, but perhaps not positive.

    Each mean is taken over all settings that read it. Shapes (..., 3**n, 2**n) -> (..., 2**n, 2**n).

    >>> always_g = np.array([[50.0, 50], [50, 50], [100, 0]])
    >>> linear_inversion(always_g).real.round(12).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    counts = np.asarray(counts, dtype=float)
    n = _atoms(counts)
    chance = counts / counts.sum(axis=-1, keepdims=True)
    digits = np.array([[s // 3**i % 3 for i in range(n)] for s in range(3**n)])
    signs = np.array([[1 - 2 * (b >> (n - 1 - i) & 1) for i in range(n)] for b in range(2**n)])
    rho = np.zeros((*counts.shape[:-2], 2**n, 2**n), dtype=complex)
    for axes in product(range(4), repeat=n):
        read = np.array([axis != 3 for axis in axes])
        settings = ((digits == axes) | ~read).all(axis=1)
        sign = np.prod(np.where(read, signs, 1), axis=1)
        mean = (chance[..., settings, :] @ sign).mean(axis=-1)
        rho += mean[..., None, None] * _tensor([_PAULI[axis] for axis in axes]) / 2**n
    return rho


def most_likely(counts: Floats) -> Complex:
    """Return the density matrix under which the counts are most likely: positive, of trace one.

    Iterates rho <- R rho R (Hradil 1997; Řeháček and others 2001), diluted where a step would lower the likelihood.

    >>> most_likely(np.array([[50.0, 50], [50, 50], [100, 0]])).real.round(3).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    n = _atoms(counts)
    effects = _effects(n).reshape(-1, 2**n, 2**n)
    share = (np.asarray(counts, dtype=float) / np.sum(counts)).ravel()
    seen = share > 0
    effects, share = effects[seen], share[seen]
    rho, dilution = np.eye(2**n, dtype=complex) / 2**n, np.inf
    best = _likelihood(rho, effects, share)
    for _ in range(_STEPS):
        chance = np.einsum("kij,ji->k", effects, rho).real
        pull = np.einsum("k,kij->ij", share / chance, effects)
        step = pull if np.isinf(dilution) else (np.eye(2**n) + dilution * pull) / (1 + dilution)
        new = step @ rho @ step
        new /= np.trace(new).real
        likelihood = _likelihood(new, effects, share)
        if likelihood < best:
            dilution = 1.0 if np.isinf(dilution) else dilution / 2
            if dilution < 1e-6:
                break
            continue
        gain, rho, best = likelihood - best, new, likelihood
        if gain < _CLOSE:
            break
    return np.asarray(0.5 * (rho + rho.conj().T))


@arguments.taking(
    record=arguments.record,
    key=arguments.text,
    setting=arguments.text,
    measures=arguments.optional(arguments.names_to("functions", arguments.function_of(1))),
    bootstrap=arguments.RESAMPLES,
    seed=arguments.SEED,
)
def tomography(
    record: xr.Dataset,
    *,
    key: str,
    setting: str = "setting",
    measures: Mapping[str, Callable[[Complex], Floats]] | None = None,
    bootstrap: int = 50,
    seed: int = 0,
) -> xr.Dataset:
    """Return the state behind measured settings, `linear` and `likely`, and `measures` of the latter with errors.

    `linear` is the density matrix whose Pauli means are those measured, unbiased, but perhaps not positive; `likely` is
    the one under which the counts are most likely (Hradil 1997). Both have dims `row` and `column`, of 2**n. Errors of
    measures come from resampled counts, and `*_bias` is the mean over them less the estimate: entanglement of noisy
    states is biased, upwards near 0.

    Args:
        record: A record of a sweep over all 3**n settings, sampled (`cells.tomography` makes such readings).
        key: Name of the outcomes of n atoms.
        setting: Name of the swept parameter with the numbers 0 to 3**n - 1.
        measures: Functions, by name, that take density matrices (..., 2**n, 2**n) and return numbers; none by default.
        bootstrap: Number of resamples of the counts.
        seed: Starts the resamples.

    Raises InputError where settings are missing, or outcomes are exact.

    >>> bits = np.tile(np.array([0, 1], dtype=np.int8), (3, 50))
    >>> bits[2] = 0  # read in X and Y one atom is 0 or 1 alike, in Z always 0: the state g
    >>> sweep = {"setting": ("point", [0, 1, 2])}
    >>> made = tomography(xr.Dataset({"m": (("point", "shot"), bits)}, coords=sweep), key="m")
    >>> made.likely.real.values.round(3).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    counts = counts_of(record, key=key, setting=setting)
    likely = most_likely(counts)
    dims = ("row", "column")
    result = xr.Dataset({"linear": (dims, linear_inversion(counts)), "likely": (dims, likely)})
    generator = np.random.Generator(np.random.Philox(seed))
    shots = counts.sum(axis=1).astype(int)
    chance = counts / shots[:, None]
    drawn = [
        most_likely(np.array([generator.multinomial(n, p) for n, p in zip(shots, chance, strict=True)], dtype=float))
        for _ in range(bootstrap if measures else 0)
    ]
    for name, measure in (measures or {}).items():
        value = float(measure(likely))
        found = np.array([float(measure(state)) for state in drawn])
        result[name] = value
        result[f"{name}_error"] = float(found.std(ddof=1)) if len(found) > 1 else np.nan
        result[f"{name}_bias"] = float(found.mean()) - value if len(found) else np.nan
    return result


def _atoms(counts: Floats) -> int:
    shape = np.shape(counts)
    n = int(shape[-1]).bit_length() - 1 if len(shape) > 1 else -1
    if n < 1 or shape[-2:] != (3**n, 2**n):
        raise InputError(f"counts must have the shape (..., 3**n, 2**n), but have {shape}")
    return n


def _likelihood(rho: Complex, effects: Complex, share: Floats) -> float:
    chance = np.einsum("kij,ji->k", effects, rho).real
    return float(share @ np.log(np.clip(chance, 1e-300, None)))


def _effects(n: int) -> Complex:
    """Return the projectors of every setting and outcome, (3**n, 2**n, d, d)."""
    halves = np.array([[(np.eye(2) + sign * pauli) / 2 for sign in (1, -1)] for pauli in _PAULI[:3]])
    return np.array(
        [
            [_tensor([halves[s // 3**i % 3, b >> (n - 1 - i) & 1] for i in range(n)]) for b in range(2**n)]
            for s in range(3**n)
        ]
    )


def _tensor(parts: list[Complex]) -> Complex:
    made: Complex = parts[0]
    for part in parts[1:]:
        made = np.asarray(np.kron(made, part))
    return np.asarray(made)
