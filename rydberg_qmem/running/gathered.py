"""The record of several points in memory: arrays that the points are written into one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.store.records import dataset

if TYPE_CHECKING:
    import xarray as xr


class Gathered:
    """A record along `point`; points with fewer rounds than others are filled with -1 and NaN."""

    def __init__(self, layouts: Sequence[Compiled], shots: int | None) -> None:
        self.points, self.shots = len(layouts), shots
        every = dict.fromkeys(layouts)
        self.rounds = {loop: max(one.rounds[loop] for one in every) for loop in layouts[0].rounds}
        self.data: dict[str, NDArray[Any]] = {}
        self._layout = layouts[0]

    def add(self, point: int, inputs: Mapping[str, NDArray[np.float64]], trace: Recorder) -> None:
        """Write a finished point."""
        finished = trace.finished()
        for variable in self._layout.variables:
            given = variable.origin == "input"
            values = inputs[variable.source] if given else finished[variable.name]
            if variable.name not in self.data:
                lead = (self.shots or 0,) if trace.per_shot(variable) else ()
                shape = (*lead, *(self.rounds[loop] for loop in variable.loops), *variable.extra_shape)
                fill: Any = -1 if values.dtype == np.int8 else np.nan
                self.data[variable.name] = np.full((self.points, *shape), fill, dtype=values.dtype)
            where: tuple[Any, ...] = (point, *(slice(n) for n in values.shape))
            self.data[variable.name][where] = values

    def dataset(self, swept: Sequence[str], settings: Sequence[Mapping[str, float]]) -> xr.Dataset:
        """Return the record, without its provenance."""
        import xarray as xr

        one = dataset(self._layout, Recorder(self._layout, 0 if self.shots is not None else None))
        variables = {name: (("point", *one[name].dims), values, one[name].attrs) for name, values in self.data.items()}
        made = xr.Dataset(variables)
        for name, coordinate in one.coords.items():
            if name in self.rounds:
                made.coords[name] = (name, np.arange(self.rounds[str(name)]), coordinate.attrs)
            elif name == "shot":
                made.coords[name] = (name, np.arange(self.shots or 0), coordinate.attrs)
            else:
                made.coords[name] = coordinate
        for name in swept:
            values = np.array([point[name] for point in settings])
            made.coords[name] = ("point", values, {"long_name": f"parameter {name}"})
        return made.assign_coords(point=("point", np.arange(self.points)))
