"""Compare a reservoir with its controls on the same task, splits and readout: one Dataset, control beside result."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from rydberg_qmem.errors import InputError
from rydberg_qmem.learning.classical import echo_state, mean_field
from rydberg_qmem.learning.measures import mse, nmse
from rydberg_qmem.learning.readout import fit_ridge, polynomial, window
from rydberg_qmem.learning.reservoir import MemristorReservoir
from rydberg_qmem.learning.tasks import Series, Split

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]


def compare(
    reservoir: MemristorReservoir,
    tasks: Sequence[Series],
    *,
    train: int,
    washout: int = 0,
    windows: Sequence[int] = (1, 2, 4),
    polynomials: Sequence[tuple[int, int]] = ((4, 3),),
    regularisation: float = 1e-6,
    extra: Mapping[str, Sequence[Floats]] | None = None,
) -> xr.Dataset:
    """Return errors and numbers of features (model, task) of a reservoir in the layout "stream" and of its controls.

    Tasks are series of the same kind, one for each seed, which the device runs side by side. Controls, all with the
    same ridge readout and split: the feedback frozen; memory shuffled (the device meets the inputs in another order,
    features are put back in place: each round keeps its input and loses its past); a linear readout of the raw window
    and polynomial windows of (length, degree); an echo-state network with as many units as the reservoir has features;
    classical coins in the mean field, where the program has such a limit. `extra` adds features (round, feature) per
    task. Draw it with
    `rydberg_qmem.plots.comparison`.
    """
    import xarray as xr

    if reservoir.layout != "stream" or not tasks:
        raise InputError("compare needs a reservoir in the layout 'stream' and at least one task")
    if len({task.inputs.shape for task in tasks}) > 1:
        raise InputError("tasks must have inputs of one shape: series of the same kind, one for each seed")
    devices = _devices(reservoir, np.stack([_columns(task) for task in tasks]))
    rows: list[dict[str, tuple[float, float, int]]] = []
    for number, task in enumerate(tasks):
        split, named = task.split(train, washout), {name: every[number] for name, every in devices.items()}
        named |= _controls(task, named["memristor"].shape[1], number, windows, polynomials)
        named |= {name: values[number] for name, values in (extra or {}).items()}
        rows.append({name: _scores(x, task, split, regularisation) for name, x in named.items()})
    names = list(rows[0])
    table = np.array([[row[name] for row in rows] for name in names], dtype=float)
    data = {
        "mse": (("model", "task"), table[:, :, 0], {"long_name": "mean squared error"}),
        "nmse": (("model", "task"), table[:, :, 1], {"long_name": "normalised mean squared error"}),
        "features": (("model",), table[:, 0, 2].astype(int), {"long_name": "number of features"}),
    }
    attrs = {"title": tasks[0].name, "train": train, "washout": washout, "regularisation": regularisation}
    return xr.Dataset(data, {"model": np.array(names, dtype=np.dtypes.StringDType())}, attrs)


def _devices(reservoir: MemristorReservoir, x: Floats) -> dict[str, Floats]:
    """Return features (task, round, feature) of the device and of what is made of it; all tasks run side by side."""
    tasks, rounds, _ = x.shape
    orders = np.stack([np.random.default_rng(number).permutation(rounds) for number in range(tasks)])
    again = np.take_along_axis(x, orders[:, :, None], axis=1)
    side_by_side = clone(reservoir).set_params(layout="series", readout="all")
    device = side_by_side.fit(x.reshape(tasks, -1))
    both = device.transform(np.concatenate([x, again]).reshape(2 * tasks, -1)).reshape(2 * tasks, rounds, -1)
    shuffled = np.empty_like(both[tasks:])
    np.put_along_axis(shuffled, orders[:, :, None], both[tasks:], axis=1)
    frozen = clone(side_by_side).set_params(freeze=True).fit(x.reshape(tasks, -1))
    made = {"memristor": both[:tasks], "memory shuffled": shuffled}
    made["feedback frozen"] = frozen.transform(x.reshape(tasks, -1)).reshape(tasks, rounds, -1)
    with contextlib.suppress(InputError):  # a program without such a limit has nothing to compare
        made["mean field"] = _mean_field(device, x)
    return made


def _controls(
    task: Series, size: int, number: int, windows: Sequence[int], polynomials: Sequence[tuple[int, int]]
) -> dict[str, Floats]:
    """Return the features (round, feature) of the controls that know the inputs only."""
    x = _columns(task)
    made = {f"linear window {length}": window(x, length) for length in windows}
    made |= {f"polynomial window {length}, degree {d}": polynomial(window(x, length), d) for length, d in polynomials}
    made["echo state"] = echo_state(x, size, seed=number)
    return made


def _columns(task: Series) -> Floats:
    return task.inputs[:, None] if task.inputs.ndim == 1 else task.inputs


def _mean_field(device: Any, x: Floats) -> Floats:
    scaled = device._scaled(x)
    inputs = {name: scaled[:, :, i] for i, name in enumerate(device.program_.inputs)}
    means = mean_field(device.program_, inputs, device.parameters)
    kinds = [means] if "means" in device.features else []
    if "products" in device.features:
        one, two = np.triu_indices(means.shape[2])
        kinds.append(means[:, :, one] * means[:, :, two])
    if not kinds:
        raise InputError("a mean field has means and products only")
    return np.concatenate(kinds, axis=2)


def _scores(x: Floats, task: Series, split: Split, regularisation: float) -> tuple[float, float, int]:
    readout = fit_ridge(x[split.train], task.targets[split.train], regularisation=regularisation)
    found, expected = readout.predict(x[split.test]), task.targets[split.test]
    return mse(expected, found), nmse(expected, found), x.shape[1]
