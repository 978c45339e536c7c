"""The states that probes have recorded, as matrices of qubits."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.analysis.entanglement import within
from rydberg_qmem.errors import InputError, did_you_mean

Complex = NDArray[np.complex128]


@arguments.taking(
    record=arguments.record,
    key=arguments.text,
    kept=arguments.optional(arguments.values(arguments.text, "names of levels")),
)
def density_matrix(record: xr.Dataset, key: str, *, kept: tuple[str, str] | None = None) -> Complex:
    """Return a probed density matrix within two levels of each atom, (..., 2**n, 2**n), for `entanglement`.

    It is not normalised: what the trace lacks of 1 is the probability that an atom is outside. Leading dimensions are
    the record's, `point` and rounds; the first atom is the highest bit of an index.

    Args:
        record: A record of a program with a probe of the quantity `density_matrix`, which holds all levels of the run.
        key: Name of the probe.
        kept: The two levels that are kept, index 0 first; by default g and h where there is an h, else g and r, or 0
            and 1 in the XY basis.

    Raises InputError if `key` is no probed density matrix.

    >>> rho = xr.DataArray(np.diag([0.0, 1.0, 0.0]), dims=("rho_row", "rho_column"))
    >>> density_matrix(xr.Dataset({"rho": rho}, attrs={"levels": "r g h"}), "rho").real.tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    dims = (f"{key}_row", f"{key}_column")
    known = [str(name) for name in record.data_vars if f"{name}_row" in record[name].dims]
    if key not in known:
        raise InputError(
            f"key must name a probe with density_matrix: true, but {key!r} does not{did_you_mean(key, known)}"
        )
    levels = str(record.attrs.get("levels", ""))
    names = levels.split()
    pair = kept or next((two for two in (("g", "h"), ("g", "r"), ("0", "1")) if set(two) <= set(names)), ("g", "h"))
    part, left_out = within(record[key].transpose(..., *dims).values, levels, kept=pair)
    return np.asarray(part * (1 - left_out)[..., None, None])
