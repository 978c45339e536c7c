"""The accessor `record.qmem`: what can be asked of a record, each method also a plain function."""

from __future__ import annotations

from typing import final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.analysis.cycles import Cycle
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.analysis.outcome_mean import outcome_mean
from rydberg_qmem.analysis.probed_states import density_matrix
from rydberg_qmem.analysis.signals import Signal
from rydberg_qmem.errors import InputError


@arguments.taking(record=arguments.record)
def program_json(record: xr.Dataset) -> str:
    """Return the JSON text of the program that made the record.

    Args:
        record: A record of `run`, or any Dataset with the attribute `program_json`.

    Raises InputError if the record carries no program.

    >>> program_json(xr.Dataset(attrs={"program_json": '{"name": "blink"}'}))
    '{"name": "blink"}'
    """
    text = record.attrs.get("program_json")
    if not isinstance(text, str):
        raise InputError("a record must carry its program in attrs['program_json'], but this one does not")
    return text


@arguments.taking(record=arguments.record)
def unstack(record: xr.Dataset) -> xr.Dataset:
    """Return the record with `point` laid out as the grid of the swept parameters, one dimension each.

    The swept parameters are the coordinates along `point`; values come in ascending order. Combinations that the sweep
    left out are NaN, -1 in int8 keys.

    Args:
        record: A record, or what `analysis` made of one, with the dimension `point`.

    Raises InputError if there is no sweep or a combination comes twice.

    >>> sweep = {"window": ("point", [3, 3, 9, 9]), "period": ("point", [12, 24, 12, 24])}
    >>> grid = unstack(xr.Dataset({"area": ("point", [0.1, 0.2, 0.3, 0.4])}, coords=sweep))
    >>> float(grid.area.sel(window=9, period=12)), dict(grid.sizes)
    (0.3, {'window': 2, 'period': 2})
    """
    if "point" not in record.dims:
        raise InputError("a record must have the dimension 'point' to be unstacked, but this one has none")
    swept = [str(name) for name, c in record.coords.items() if c.dims == ("point",) and name != "point"]
    if not swept:
        raise InputError("'point' must have a coordinate for each swept parameter, but has none")
    settings = list(zip(*(record[name].values.tolist() for name in swept), strict=True))
    if len(set(settings)) < len(settings):
        twice = next(setting for setting in settings if settings.count(setting) > 1)
        shown = ", ".join(f"{name} = {value}" for name, value in zip(swept, twice, strict=True))
        raise InputError(f"each point must be its own setting, but {shown} comes more than once")
    plain = record.drop_vars("point", errors="ignore")
    if len(swept) == 1:
        return plain.swap_dims(point=swept[0]).sortby(swept[0])
    fill = {name: -1 for name, array in plain.data_vars.items() if array.dtype == np.int8}
    return plain.set_index(point=swept).unstack("point", fill_value=fill)


@final
class RecordMethods:
    """The methods of `record.qmem`.

    >>> register()
    >>> record = xr.Dataset({"u": ("round", [0.0, 1, 1, 0]), "v": ("round", [0.0, 0, 1, 1])})
    >>> float(record.qmem.hysteresis(drive="u", response="v").area)
    1.0
    """

    def __init__(self, record: xr.Dataset) -> None:
        self._record = record

    @property
    def program_json(self) -> str:
        """The JSON text of the program, see `program_json`."""
        return program_json(self._record)

    def unstack(self) -> xr.Dataset:
        """Lay `point` out as the grid of the swept parameters, see `unstack`."""
        return unstack(self._record)

    def density_matrix(self, key: str, *, kept: tuple[str, str] | None = None) -> NDArray[np.complex128]:
        """Return the probed density matrix `key` within two levels of each atom, see `density_matrix`."""
        return density_matrix(self._record, key, kept=kept)

    def hysteresis(
        self,
        *,
        drive: Signal,
        response: Signal,
        period: int | None = None,
        cycle: Cycle = "last",
        bootstrap: int = 200,
        seed: int = 0,
        dim: str | None = None,
        cohort: int | None = None,
    ) -> xr.Dataset:
        """Measure the hysteresis loop of `response` against `drive`, see `hysteresis`."""
        return hysteresis(
            self._record,
            drive=drive,
            response=response,
            period=period,
            cycle=cycle,
            bootstrap=bootstrap,
            seed=seed,
            dim=dim,
            cohort=cohort,
        )

    def mean(self, key: str) -> xr.Dataset:
        """Return the mean of `key` over the shots in which it was measured, see `outcome_mean`."""
        return outcome_mean(self._record, key)


def register() -> None:
    """Make `record.qmem` known to xarray; a second call changes nothing.

    >>> register()
    >>> hasattr(xr.Dataset, "qmem")
    True
    """
    if not hasattr(xr.Dataset, "qmem"):
        xr.register_dataset_accessor("qmem")(RecordMethods)  # type: ignore[no-untyped-call]  # xarray has no types there
