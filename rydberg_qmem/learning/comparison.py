"""Compare a reservoir with its controls on the same task, splits and readout: one Dataset, control beside result."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError, QmemError, short
from rydberg_qmem.learning.classical_reservoirs import echo_state, mean_field
from rydberg_qmem.learning.measures import mse, nmse
from rydberg_qmem.learning.readout import fit_ridge, polynomial, window
from rydberg_qmem.learning.reservoir import MemristorReservoir
from rydberg_qmem.learning.shots import random_state_of
from rydberg_qmem.learning.tasks import Series, Split

try:
    from sklearn.base import clone
except ImportError as error:  # pragma: no cover - the extra is not installed
    raise QmemError("comparisons need scikit-learn: pip install rydberg_qmem[learn]") from error

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]

ECHO_STATES = tuple(product((0.1, 0.3, 0.6, 0.9), (0.03, 0.1, 0.3, 1.0), (1.0, 0.5)))
"""Spectral radius, gain and leak of the echo states that a tuned one is chosen from."""


@arguments.taking(
    tasks=arguments.values(arguments.made(Series), "series", 1),
    windows=arguments.values(arguments.whole(1), "lengths"),
    polynomials=arguments.values(arguments.values(arguments.whole(1), "a length and a degree", 2, 2), "pairs"),
    extra=arguments.optional(
        arguments.names_to("features of each task", arguments.values(arguments.numbers(dims=2), "arrays"))
    ),
)
def compare(
    reservoir: MemristorReservoir,
    tasks: Sequence[Series],
    *,
    train: int,
    washout: int = 0,
    windows: Sequence[int] = (1, 2, 4),
    polynomials: Sequence[tuple[int, int]] = ((4, 3),),
    regularisation: float | Sequence[float] = 1e-6,
    extra: Mapping[str, Sequence[Floats]] | None = None,
) -> xr.Dataset:
    """Return errors and numbers of features (model, task) of a reservoir in the layout "stream" and of its controls.

    Controls, all with the same readout and split: the feedback frozen; memory shuffled (the device meets the inputs in
    another order, features are put back in place: each round keeps its input and loses its past); a linear readout of
    the raw window and polynomial windows; an echo-state network with as many units as the reservoir has features, as it
    comes (`echo_state`) and the best of 32; classical coins in the mean field, where the program has such a limit.

    A device that scales its inputs, and its controls, depend neither on their units nor on offsets. Ranges are those of
    each task's rounds of wash-out and training, applied alike to all its rounds: the device meets its inputs scaled and
    clipped as its options say, the controls that know the inputs alone meet them from 0 to 1, not clipped. The readout
    of every row is a ridge with a free bias on standardised features. The tuned echo state is chosen, by spectral
    radius, gain and leak, for each task on the last quarter of its training rounds; the device is as it is given, and
    so are all other controls. Draw the result with `rydberg_qmem.plots.comparison`.

    Args:
        reservoir: The device, in the layout "stream".
        tasks: Series of the same kind, one for each seed, which the device runs side by side, each from the initial
            memory.
        train: Rounds on which readouts are fitted.
        washout: Rounds before them that are left out.
        windows: Lengths, in rounds, of windows of the raw inputs.
        polynomials: (length, degree) of polynomial windows.
        regularisation: Weight of the ridge; of several, each row takes that with the smallest error on the last quarter
            of its training rounds, read out from those before.
        extra: Further rows by name: for each task the features (round, feature) of another device; none by default.

    Raises InputError for tasks that do not fit the device and for wrong options.

    >>> from rydberg_qmem.learning import MemristorReservoir
    >>> from rydberg_qmem.learning.tasks import short_term_memory
    >>> tasks = [short_term_memory(30, [1], seed=seed) for seed in (0, 1)]
    >>> device = MemristorReservoir(layout="stream")
    >>> made = compare(device, tasks, train=15, washout=5, windows=(2,), polynomials=())
    >>> made.nmse.dims, float(made.nmse.sel(model="linear window 2").max().round(6))  # the window holds what is asked
    (('model', 'task'), 0.0)
    """
    strengths = _strengths(regularisation)
    _check(reservoir, tasks, extra or {})
    splits = [task.split(train, washout) for task in tasks]
    devices = _devices(reservoir, np.stack([_columns(task) for task in tasks]), splits[0].train.stop)
    rows: list[dict[str, tuple[float, float, int]]] = []
    for number, (task, split) in enumerate(zip(tasks, splits, strict=True)):
        named = {name: every[number] for name, every in devices.items()}
        size = named["memristor"].shape[1]
        named |= _controls(task, split, size, number, windows, polynomials, strengths)
        named |= {name: np.asarray(values[number], dtype=float) for name, values in (extra or {}).items()}
        rows.append({name: _scores(x, task, split, strengths) for name, x in named.items()})
    chosen = strengths[0] if len(strengths) == 1 else strengths
    return _labelled(rows, {"title": tasks[0].name, "train": train, "washout": washout, "regularisation": chosen})


def _labelled(rows: Sequence[Mapping[str, tuple[float, float, int]]], attrs: Mapping[str, Any]) -> xr.Dataset:
    """Return the scores of each task, by model, as a Dataset."""
    import xarray as xr

    names = list(rows[0])
    table = np.array([[row[name] for row in rows] for name in names], dtype=float)
    data = {
        "mse": (("model", "task"), table[:, :, 0], {"long_name": "mean squared error"}),
        "nmse": (("model", "task"), table[:, :, 1], {"long_name": "normalised mean squared error"}),
        "features": (("model",), table[:, 0, 2].astype(int), {"long_name": "number of features"}),
    }
    return xr.Dataset(data, {"model": np.array(names, dtype=np.dtypes.StringDType())}, attrs)


def _strengths(regularisation: Any) -> list[float]:
    several = isinstance(regularisation, list | tuple | range) or getattr(regularisation, "ndim", 0) > 0
    given = regularisation if several else [regularisation]
    return list(arguments.values(arguments.real(0), "numbers", 1)("regularisation", given))


def _check(reservoir: Any, tasks: Sequence[Series], extra: Mapping[str, Sequence[Floats]]) -> None:
    """Refuse what cannot be compared."""
    if not isinstance(reservoir, MemristorReservoir):
        raise InputError(f"reservoir must be a MemristorReservoir, but is {short(reservoir)}")
    if reservoir.layout != "stream" or not len(tasks):
        raise InputError("compare needs a reservoir in the layout 'stream' and at least one task")
    if len({task.inputs.shape for task in tasks}) > 1:
        raise InputError("tasks must have inputs of one shape: series of the same kind, one for each seed")
    for name, values in extra.items():
        if len(values) != len(tasks) or any(np.ndim(v) != 2 or len(v) != len(tasks[0]) for v in values):
            raise InputError(f"extra[{name!r}] must hold features (round, feature) for each of the {len(tasks)} tasks")


def _devices(reservoir: MemristorReservoir, x: Floats, known: int) -> dict[str, Floats]:
    """Return features (task, round, feature) of the device and of what is made of it; all tasks run side by side.

    The first `known` rounds of each task say how its inputs are scaled.
    """
    tasks, rounds, _ = x.shape
    scaled = np.stack([clone(reservoir).fit(one[:known])._scaled(one) for one in x])
    orders = np.stack([np.random.default_rng(number).permutation(rounds) for number in range(tasks)])
    again = np.take_along_axis(scaled, orders[:, :, None], axis=1)
    seeds = random_state_of(reservoir.random_state).randint(2**32, size=2, dtype=np.uint32).tolist()
    side_by_side = {"layout": "series", "readout": "all", "scale": False, "reset_state": True, "washout": 0}
    device = clone(reservoir).set_params(**side_by_side, random_state=seeds[0])
    both = _features(device, np.concatenate([scaled, again]))
    shuffled = np.empty_like(both[tasks:])
    np.put_along_axis(shuffled, orders[:, :, None], both[tasks:], axis=1)
    frozen = clone(reservoir).set_params(**side_by_side, random_state=seeds[1], freeze=True)
    made = {"memristor": both[:tasks], "memory shuffled": shuffled, "feedback frozen": _features(frozen, scaled)}
    with contextlib.suppress(InputError):  # a program without such a limit has nothing to compare
        made["mean field"] = _mean_field(device, scaled)
    return made


def _features(device: Any, series: Floats) -> Floats:
    """Return the features (series, round, feature) of series (series, round, channel)."""
    flat = series.reshape(len(series), -1)
    return np.asarray(device.fit(flat).transform(flat).reshape(*series.shape[:2], -1))


def _controls(
    task: Series,
    split: Split,
    size: int,
    number: int,
    windows: Sequence[int],
    polynomials: Sequence[tuple[int, int]],
    strengths: Sequence[float],
) -> dict[str, Floats]:
    """Return the features (round, feature) of the controls that know the inputs only."""
    x = _in_range(_columns(task), split.train.stop)
    made = {f"linear window {length}": window(x, length) for length in windows}
    made |= {f"polynomial window {length}, degree {d}": polynomial(window(x, length), d) for length, d in polynomials}
    made["echo state"] = echo_state(x, size, seed=number)
    made["echo state, best of 32"] = _tuned(task, split, size, number, strengths)
    return made


def _tuned(task: Series, split: Split, size: int, number: int, strengths: Sequence[float]) -> Floats:
    """Return the states of the echo state that does best on the last quarter of the training rounds."""
    x = _in_range(_columns(task), split.train.stop)
    tried = [echo_state(x, size, seed=number, radius=r, gain=g, leak=leak) for r, g, leak in ECHO_STATES]
    errors = [min(_held_out(states, task.targets, split, strength) for strength in strengths) for states in tried]
    return tried[int(np.argmin(errors))]


def _in_range(x: Floats, known: int) -> Floats:
    """Return inputs (round, channel) from 0 to 1 over the range of each channel's first `known` rounds."""
    low, high = x[:known].min(axis=0), x[:known].max(axis=0)
    return np.asarray((x - low) / np.where(high > low, high - low, 1.0))


def _columns(task: Series) -> Floats:
    return task.inputs[:, None] if task.inputs.ndim == 1 else task.inputs


def _mean_field(device: Any, x: Floats) -> Floats:
    inputs = {name: x[:, :, i] for i, name in enumerate(device.program_.inputs)}
    means = mean_field(device.program_, inputs, device.parameters)
    kinds = [means] if "means" in device.features else []
    if "products" in device.features:
        one, two = np.triu_indices(means.shape[2])
        kinds.append(means[:, :, one] * means[:, :, two])
    if not kinds:
        raise InputError("a mean field has means and products only")
    return np.concatenate(kinds, axis=2)


def _scores(x: Floats, task: Series, split: Split, strengths: Sequence[float]) -> tuple[float, float, int]:
    y = task.targets
    readout = fit_ridge(x[split.train], y[split.train], regularisation=_best(x, y, split, strengths), standardise=True)
    found, expected = readout.predict(x[split.test]), y[split.test]
    return mse(expected, found), nmse(expected, found), x.shape[1]


def _best(x: Floats, y: Floats, split: Split, strengths: Sequence[float]) -> float:
    """Return the regularisation that does best on the last quarter of the training rounds."""
    if len(strengths) == 1:
        return strengths[0]
    return strengths[int(np.argmin([_held_out(x, y, split, strength) for strength in strengths]))]


def _held_out(x: Floats, y: Floats, split: Split, strength: float) -> float:
    """Return the error on the last quarter of the training rounds of a readout from those before."""
    start, stop = split.train.start, split.train.stop
    middle = stop - max(1, (stop - start) // 4)
    if middle <= start:
        raise InputError(f"train must be at least 2 rounds, the last to choose by, but is {stop - start}")
    readout = fit_ridge(x[start:middle], y[start:middle], regularisation=strength, standardise=True)
    return mse(y[middle:stop], readout.predict(x[middle:stop]))
