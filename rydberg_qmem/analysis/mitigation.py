"""Take readout errors and losses out of a record: unfolding by confusion matrices, post-selection, with errors.

Unfolding corrects what is read from the record. What misread bits did to the atoms through feedforward has happened:
a program that steers by outcomes unfolds them itself, in the expression that uses them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.analysis.standard_error import cohort_of, standard_error
from rydberg_qmem.errors import InputError, did_you_mean

Array = NDArray[np.float64]
Confusion = Mapping[str, tuple[float, float]] | tuple[float, float]
"""Chances of a false positive and a false negative, for all atoms or atom by atom."""

_CHANCES = arguments.values(arguments.real(0, 1), "chances, of a false positive and a false negative", 2, 2)


def _confusion(name: str, value: Any) -> Any:
    """Take two chances, or two for each of the named atoms."""
    several = isinstance(value, Mapping)
    return (arguments.names_to("two chances", _CHANCES) if several else _CHANCES)(name, value)


MOST_JOINT = 10
"""Atoms whose joint outcomes are unfolded together: 2^10 probabilities."""


@arguments.taking(record=arguments.record, key=arguments.text, confusion=arguments.optional(_confusion))
def unfold(record: xr.Dataset, key: str, *, confusion: Confusion | None = None) -> xr.Dataset:
    """Return the probability of the true bit 1, p = (q - e01) / (1 - e01 - e10) of the read one, with its error.

    Means are over the shots in which the atom was there; the error is the standard error of q over shots (cohorts,
    under feedback of ensemble means), divided by 1 - e01 - e10. Estimates may leave [0, 1] by their error: cutting them
    off would bias means.

    Args:
        record: A record.
        key: Name of the outcomes.
        confusion: (e01, e10), the probabilities of reading 0 as 1, and 1 as 0, or such a pair for each atom by name;
            the record's own if not given.

    Raises InputError for unknown names, and if a bit is read at random (e01 + e10 = 1).

    >>> record = xr.Dataset({"m": ("shot", np.array([1, 1, 1, 0], dtype=np.int8))})
    >>> made = unfold(record, "m", confusion=(0.0, 0.25))
    >>> float(made.probability), round(float(made.probability_error), 6)
    (1.0, 0.333333)
    """
    bits = _bits(record, key)
    e01, e10 = _errors(record, key, bits, confusion)
    gain = _gain(e01, e10)
    if "shot" in bits.dims:
        there = bits >= 0
        n = there.sum("shot")
        q = bits.where(there, 0).sum("shot") / n
        scatter = standard_error(bits.where(there).values, axis=bits.get_axis_num("shot"), cohort=cohort_of(record))
        error = q.copy(data=scatter) / np.abs(gain)
    else:
        q, error = bits, xr.zeros_like(bits)
    made = xr.Dataset({"probability": (q - e01) / gain, "probability_error": error})
    made.probability.attrs = {"long_name": f"probability of 1 in {key}, readout unfolded", "units": "1"}
    made.probability_error.attrs = {"long_name": "standard error", "units": "1"}
    return made


@arguments.taking(record=arguments.record, key=arguments.text, confusion=arguments.optional(_confusion))
def unfolded(record: xr.Dataset, key: str, *, confusion: Confusion | None = None) -> xr.DataArray:
    """Return (m - e01) / (1 - e01 - e10) for each shot's read bit m: its mean is the true probability; NaN if lost.

    Hand it to `hysteresis` as a response, which leaves lost atoms out, and whose bootstrap then gives errors that know
    of the unfolding.

    Args:
        record: A record.
        key: Name of the outcomes.
        confusion: (e01, e10), or a pair for each atom, as in `unfold`; the record's own if not given.

    Raises InputError where `unfold` does.

    >>> record = xr.Dataset({"m": ("shot", np.array([1, 0], dtype=np.int8))})
    >>> unfolded(record, "m", confusion=(0.1, 0.1)).values.round(4).tolist()
    [1.125, -0.125]
    """
    bits = _bits(record, key)
    e01, e10 = _errors(record, key, bits, confusion)
    values = bits.astype(float)
    made = (values.where(values >= 0) if "shot" in bits.dims else values) - e01
    return (made / _gain(e01, e10)).rename(key.partition(".")[0])


@arguments.taking(record=arguments.record, key=arguments.text, confusion=arguments.optional(_confusion))
def unfold_joint(record: xr.Dataset, key: str, *, confusion: Confusion | None = None) -> xr.Dataset:
    """Return the probabilities of all outcomes of a key's atoms together, along `outcome` (text of bits), with errors.

    Shots in which any of the atoms was lost are left out; the errors are those of multinomial counts, propagated.

    Args:
        record: A record.
        key: Name of the outcomes of several atoms.
        confusion: (e01, e10), or a pair for each atom, as in `unfold`; the record's own if not given.

    Raises InputError where `unfold` does.

    >>> record = xr.Dataset({"m": (("shot", "m_atom"), np.array([[1, 1], [0, 0]], dtype=np.int8))})
    >>> made = unfold_joint(record.assign_coords(m_atom=["a", "b"]), "m", confusion=(0.0, 0.0))
    >>> made.probability.sel(outcome="11").item()
    0.5
    """
    bits = _bits(record, key)
    dim = f"{key}_atom"
    if "shot" not in bits.dims or dim not in bits.dims:
        raise InputError(f"{key}: joint unfolding needs the shots of a key on several atoms")
    atoms = bits.sizes[dim]
    if atoms > MOST_JOINT:
        raise InputError(f"{key}: joint unfolding takes at most {MOST_JOINT} atoms ({atoms})")
    e01, e10 = _errors(record, key, bits, confusion)
    pairs = zip(np.broadcast_to(e01, atoms), np.broadcast_to(e10, atoms), strict=True)
    inverse = reduce(np.kron, [np.linalg.inv(np.array([[1 - a, b], [a, 1 - b]])) for a, b in pairs])
    there = (bits >= 0).all(dim)
    code = (bits.astype(int) * xr.DataArray(2 ** np.arange(atoms - 1, -1, -1), dims=dim)).sum(dim)
    outcomes = xr.DataArray(np.arange(2**atoms), dims="outcome")
    n = there.sum("shot")
    q = ((code == outcomes) & there).sum("shot") / n
    matrix = xr.DataArray(inverse, dims=("true", "outcome"))
    p = (matrix * q).sum("outcome")
    cohort = cohort_of(record)
    error = (
        np.sqrt(np.maximum((matrix**2 * q).sum("outcome") - p**2, 0) / (n - 1))
        if cohort == 1
        else _by_cohorts(inverse, code.where(there), cohort, p)
    )
    names = [format(k, f"0{atoms}b") for k in range(2**atoms)]
    made = xr.Dataset({"probability": p, "probability_error": error}).rename(true="outcome")
    return made.assign_coords(outcome=("outcome", names))


def _by_cohorts(inverse: Array, code: xr.DataArray, cohort: int, like: xr.DataArray) -> xr.DataArray:
    """Return the errors of unfolded joint probabilities from the scatter of whole cohorts."""
    known = code.notnull()
    shares = inverse[:, code.fillna(0).astype(int).values]  # true outcome, then the dims of code
    shares = np.where(known.values, shares, np.nan)
    error = standard_error(shares, axis=1 + code.get_axis_num("shot"), cohort=cohort)
    others = [d for d in code.dims if d != "shot"]
    return xr.DataArray(error, dims=("true", *others)).transpose(*like.dims)


@arguments.taking(record=arguments.record, keys=arguments.optional(arguments.values(arguments.text, "keys")))
def select_kept(record: xr.Dataset, *, keys: Sequence[str] | None = None) -> xr.Dataset:
    """Return the shots in which no atom was lost; attrs say which part was kept, with its error.

    A -1 also stands for a measurement that a branch left out: name the keys that every round measures.

    Args:
        record: A sampled record.
        keys: Names of the outcomes that are looked at; all if not given.

    Raises InputError for unknown names, or a record without shots.

    >>> record = xr.Dataset({"m": (("shot", "round"), np.array([[1, 0], [-1, 0]], dtype=np.int8))})
    >>> kept = select_kept(record)
    >>> kept.sizes["shot"], kept.attrs["kept_fraction"]
    (1, 0.5)
    """
    if "shot" not in record.dims:
        raise InputError("post-selection needs shots, but the record is exact")
    known = [str(name) for name, v in record.data_vars.items() if v.dtype == np.int8]
    wanted = list(keys) if keys is not None else known
    for name in wanted:
        if name not in known:
            raise InputError(f"keys: the record has no key {name!r}{did_you_mean(name, known)}")
    kept = np.ones(record.sizes["shot"], dtype=bool)
    for name in wanted:
        others = [dim for dim in record[name].dims if dim != "shot"]
        kept &= (record[name] >= 0).all(others).values
    made = record.isel(shot=np.flatnonzero(kept))
    share = float(kept.mean())
    error = float(standard_error(kept, cohort=cohort_of(record)))
    made.attrs = {**record.attrs, "kept_fraction": share, "kept_fraction_error": error}
    return made


def _bits(record: xr.Dataset, key: str) -> xr.DataArray:
    name, _, atom = key.partition(".")
    known = [str(k) for k in record.data_vars]
    if name not in known:
        raise InputError(f"the record has no key {name!r}{did_you_mean(name, known)}")
    bits = record[name]
    return bits.sel({f"{name}_atom": atom}) if atom else bits


def _errors(
    record: xr.Dataset, key: str, bits: xr.DataArray, confusion: Confusion | None
) -> tuple[xr.DataArray | float, xr.DataArray | float]:
    """Return e01 and e10, along the key's atoms where they differ."""
    name, _, atom = key.partition(".")
    dim = f"{name}_atom"
    given = _of_record(record) if confusion is None else confusion
    if not isinstance(given, Mapping):
        return given
    if dim in bits.dims:
        pairs = [_of_atom(given, str(label)) for label in bits[dim].values]
        e01, e10 = (xr.DataArray([pair[k] for pair in pairs], dims=dim) for k in (0, 1))
        return e01, e10
    return _of_atom(given, atom or str(record[name].attrs.get("long_name", "")).rpartition(" ")[2])


def _of_atom(confusion: Mapping[str, tuple[float, float]], atom: str) -> tuple[float, float]:
    if atom not in confusion and "" not in confusion:
        raise InputError(f"confusion: says nothing about the atom {atom!r}")
    return confusion.get(atom, confusion.get("", (0.0, 0.0)))


def _of_record(record: xr.Dataset) -> Mapping[str, tuple[float, float]]:
    """Return the confusion that a record was made with; the empty name stands for all atoms that are not named."""
    noise = json.loads(record.attrs.get("noise_json", "null")) or {}
    hardware = json.loads(record.attrs.get("hardware_json", "null")) or {}
    source = noise if "p_false_pos" in noise or "p_false_neg" in noise else hardware
    made = {"": (float(source.get("p_false_pos", 0.0)), float(source.get("p_false_neg", 0.0)))}
    own = hardware.get("confusion", {}) if source is hardware else {}
    return {**made, **{atom: (float(m[0][1]), float(m[1][0])) for atom, m in own.items()}}


def _gain(e01: xr.DataArray | float, e10: xr.DataArray | float) -> xr.DataArray | float:
    gain = 1 - e01 - e10
    if np.any(np.abs(np.asarray(gain)) < 1e-9):
        raise InputError("readout cannot be unfolded: a bit is read at random (e01 + e10 = 1)")
    return gain
