"""What later rounds still know of earlier ones: mutual information of outcomes, and memory time."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError

Floats = NDArray[np.float64]


@arguments.taking(
    earlier=arguments.data_array, later=arguments.data_array, bootstrap=arguments.RESAMPLES, seed=arguments.SEED
)
def mutual_information(
    earlier: xr.DataArray, later: xr.DataArray, *, bootstrap: int = 100, seed: int = 0
) -> xr.Dataset:
    """Return the mutual information (bits) of two outcomes, `information`, with its error and `bias`.

    It is the plug-in estimate less the bias of Miller and Madow, (cells - rows - columns + 1) / (2 N ln 2), of N shots
    and the cells, rows and columns of the table of both in which any lie. The error is the standard deviation over
    resamples of the shots with half a count added in each cell, so that what was not seen is not taken for impossible.

    Args:
        earlier: Outcomes (int) of one round along `shot`, as `record.m.isel(round=3)`; -1 is left out.
        later: The same, of another round, with as many shots.
        bootstrap: Number of resamples, two at least.
        seed: Starts the resamples.

    Raises InputError for arrays with other dimensions, or fewer than two shots with both outcomes.

    >>> bits = xr.DataArray(np.tile([0, 1], 500), dims="shot")
    >>> round(float(mutual_information(bits, bits).information), 2)
    1.0
    """
    if bootstrap < 2:
        raise InputError(f"bootstrap must be a whole number, 2 or more, but is {bootstrap}")
    if earlier.dims != ("shot",) or later.dims != ("shot",) or earlier.sizes != later.sizes:
        raise InputError("earlier and later must both have the one dimension 'shot', of the same length")
    pair = np.stack([earlier.values, later.values]).astype(int)
    pair = pair[:, (pair >= 0).all(axis=0)]
    if pair.shape[1] < 2:
        raise InputError("mutual_information needs two or more shots with both outcomes")
    table = np.zeros(tuple(pair.max(axis=1) + 1))
    np.add.at(table, tuple(pair), 1)
    value, bias = _information(table)
    generator = np.random.Generator(np.random.Philox(seed))
    drawn = [_information(again.reshape(table.shape))[0] for again in _resampled(table, bootstrap, generator)]
    made = {"information": value - bias, "information_error": float(np.std(drawn, ddof=1)), "bias": bias}
    return xr.Dataset({name: ((), number, {"units": "bit"}) for name, number in made.items()})


@arguments.taking(
    record=arguments.record,
    drive=arguments.text,
    response=arguments.text,
    lags=arguments.whole(1),
    blocks=arguments.whole(2),
    dim=arguments.text,
)
def memory_time(
    record: xr.Dataset, *, drive: str, response: str, lags: int, blocks: int = 10, dim: str = "round"
) -> xr.Dataset:
    """Return how many past rounds of a random drive the response holds, by its `weight` at each lag.

    The weights w_d are those of the least-squares fit of the (shot mean of the) response in round k to the drive in
    rounds k - d, d from 0 to `lags`. `memory_time` is (Σ|w|)² / Σ w², in rounds: W for a plain window of W, and (1 +
    a)/(1 - a) for weights that fall by a per round. `age` is Σ d|w| / Σ|w|, in rounds. Errors come from leaving out one
    block of rounds after the other.

    Args:
        record: A record.
        drive: Name of a variable along the rounds; it must vary at random, as a period makes lags indistinguishable.
        response: Name of a variable along the rounds, and perhaps shots.
        lags: Largest lag that is fitted, in rounds.
        blocks: Number of blocks of rounds for the errors, two at least.
        dim: Dimension of the rounds.

    Raises InputError for unknown names, fewer than 4 (lags + 2) rounds, and a drive whose past values follow from each
    other.

    >>> drive = np.random.default_rng(1).random(200)
    >>> window = np.convolve(drive, np.ones(3) / 3)[:200]  # a plain window of three rounds
    >>> made = xr.Dataset({"u": ("round", drive), "v": ("round", window)})
    >>> round(float(memory_time(made, drive="u", response="v", lags=5).memory_time), 6)
    3.0
    """
    x, y = (_mean(record, name, dim) for name in (drive, response))
    if lags < 0 or len(x) < 4 * (lags + 2) or blocks < 2:
        raise InputError(f"memory_time needs {4 * (lags + 2)} or more rounds for {lags} lags, but has {len(x)}")
    rows = np.stack([x[lags - d : len(x) - d] for d in range(lags + 1)], axis=1)
    rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    if np.linalg.cond(rows) > 1e6:
        raise InputError("drive must vary at random, but its past values follow from each other")
    target = y[lags:]
    weights = _fit(rows, target)
    number = np.arange(len(rows)) * blocks // len(rows)
    left = np.array([_fit(rows[number != b], target[number != b]) for b in range(blocks)])
    result = xr.Dataset({"weight": ("lag", weights), "weight_error": ("lag", _jackknife(left))})
    result = result.assign_coords(lag=np.arange(lags + 1))
    for name, measure in (("memory_time", _held), ("age", _age)):
        result[name] = ((), float(measure(weights)), {"units": "round"})
        result[f"{name}_error"] = ((), float(_jackknife(measure(left))), {"units": "round"})
    return result


def _resampled(table: Floats, number: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return tables drawn anew; half a count in each cell stands for what was not seen but may be there (Jeffreys)."""
    possible = (table.sum(axis=1, keepdims=True) > 0) & (table.sum(axis=0, keepdims=True) > 0)
    chance = (table + 0.5 * possible).ravel()
    return generator.multinomial(int(table.sum()), chance / chance.sum(), size=number)


def _information(table: NDArray[np.float64] | NDArray[np.int64]) -> tuple[float, float]:
    shots = table.sum()
    chance = table / shots
    apart = chance.sum(axis=1, keepdims=True) * chance.sum(axis=0, keepdims=True)
    held = chance > 0
    bits = float((chance[held] * np.log2(chance[held] / apart[held])).sum())
    rows, columns = (np.count_nonzero(table.sum(axis=axis)) for axis in (1, 0))
    return bits, (np.count_nonzero(held) - rows - columns + 1) / (2 * shots * np.log(2))


def _mean(record: xr.Dataset, name: str, dim: str) -> Floats:
    if name not in record:
        raise InputError(f"no variable {name!r} in the record")
    array = record[name].mean("shot") if "shot" in record[name].dims else record[name]
    if array.dims != (dim,):
        raise InputError(f"{name} must have the dimension {dim!r} beside shot, but has {array.dims}")
    return np.asarray(array.values, dtype=float)


def _fit(rows: Floats, target: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(rows, target, rcond=None)[0][:-1])


def _held(weights: Floats) -> Floats:
    size = np.abs(weights)
    return np.asarray(size.sum(axis=-1) ** 2 / (size**2).sum(axis=-1))


def _age(weights: Floats) -> Floats:
    size = np.abs(weights)
    return np.asarray((size * np.arange(size.shape[-1])).sum(axis=-1) / size.sum(axis=-1))


def _jackknife(left: Floats) -> Floats:
    blocks = len(left)
    return np.asarray(np.sqrt((blocks - 1) / blocks * ((left - left.mean(axis=0)) ** 2).sum(axis=0)))
