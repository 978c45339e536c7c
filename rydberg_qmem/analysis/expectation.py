"""Expectation values of sums of Pauli strings, from records measured in few common bases, with errors."""

from __future__ import annotations

from collections.abc import Iterable, KeysView, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.analysis.mitigation import unfolded
from rydberg_qmem.errors import InputError

Floats = NDArray[np.float64]


def _terms(name: str, value: Any) -> tuple[Any, ...]:
    """Take Pauli strings in a list, or as the keys of a mapping."""
    given = list(value) if isinstance(value, dict | KeysView) else value
    return tuple(arguments.values(arguments.text, "Pauli strings")(name, given))


@arguments.taking(terms=_terms)
def group(terms: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Group Pauli strings that one product basis measures together; keys are those bases, one letter per atom.

    Strings go together where no atom needs two different letters (qubit-wise commuting), the heaviest first into the
    first group that takes them. Atoms that a group leaves free are read along Z; strings of I alone need no group.

    Args:
        terms: Pauli strings of equal length, a letter I, X, Y or Z for each atom, the first letter the first atom.

    Raises InputError for other letters, or strings of different lengths.

    >>> group(["II", "ZI", "IZ", "ZZ", "XX", "YY"])
    {'ZZ': ('ZZ', 'ZI', 'IZ'), 'XX': ('XX',), 'YY': ('YY',)}
    """
    strings = _strings(terms)
    bases: list[list[str]] = []
    members: list[list[str]] = []
    for term in sorted((t for t in strings if set(t) != {"I"}), key=lambda t: t.count("I")):
        for basis, inside in zip(bases, members, strict=True):
            if all("I" in (a, b) or a == b for a, b in zip(basis, term, strict=True)):
                basis[:] = [a if b == "I" else b for a, b in zip(basis, term, strict=True)]
                inside.append(term)
                break
        else:
            bases.append(list(term))
            members.append([term])
    return {"".join(b).replace("I", "Z"): tuple(m) for b, m in zip(bases, members, strict=True)}


@arguments.taking(
    records=arguments.names_to("records", arguments.record),
    terms=arguments.names_to("numbers", arguments.real()),
    key=arguments.text,
    unfold=arguments.flag,
)
def expectation(
    records: Mapping[str, xr.Dataset], terms: Mapping[str, float], *, key: str, unfold: bool = False
) -> xr.Dataset:
    """Return ⟨Σ c_P P⟩ as `value` with its `error`, and each string's `term_value` and `term_error` along `term`.

    Bit 0 counts as +1. The error of the sum knows the covariances of the strings that one basis measures, and takes
    bases as independent. Shots in which an atom was lost (-1) are left out of the whole basis.

    Args:
        records: For each basis that `group(terms)` names, a record of sampled bits, two shots at least.
        terms: The coefficient c_P of each Pauli string, in any unit, which is that of `value`.
        key: Name of the outcomes in every record, of dims shot and atom, an atom for each letter.
        unfold: Whether each bit m has the sign 1 - 2 (m - e01)/(1 - e01 - e10), by the readout errors that its record
            was made with. Atoms are misread independently, so products of these have the true mean, with larger errors.
            By default bits are taken as read.

    Raises InputError for missing bases and exact records, whose bits are no longer joint.

    >>> bits = xr.DataArray(np.array([[0, 0], [1, 1], [0, 1], [0, 0]], dtype=np.int8), dims=("shot", "m_atom"))
    >>> made = expectation({"ZZ": xr.Dataset({"m": bits})}, {"II": 1.0, "ZZ": 2.0}, key="m")
    >>> float(made.value), round(float(made.error), 6)
    (2.0, 1.0)
    """
    groups = group(terms)
    if missing := [basis for basis in groups if basis not in records]:
        raise InputError(f"records must hold one for each basis, but have none for {', '.join(missing)}")
    value = sum(c for term, c in terms.items() if set(term) == {"I"})
    variance = 0.0
    found = {term: (1.0, 0.0) for term in terms if set(term) == {"I"}}
    for basis, members in groups.items():
        signs = _signs(records[basis], key, basis, unfold)
        products = np.array([signs[:, [p != "I" for p in term]].prod(axis=1) for term in members])
        total = np.array([terms[term] for term in members]) @ products
        shots = total.size
        value += float(total.mean())
        variance += float(total.var(ddof=1)) / shots
        for term, product in zip(members, products, strict=True):
            found[term] = (float(product.mean()), float(np.sqrt(product.var(ddof=1) / shots)))
    names = list(terms)
    return xr.Dataset(
        {
            "value": value,
            "error": float(np.sqrt(variance)),
            "term_value": ("term", [found[name][0] for name in names]),
            "term_error": ("term", [found[name][1] for name in names]),
        },
        coords={"term": names},
    )


def _strings(terms: Iterable[str]) -> list[str]:
    strings = list(dict.fromkeys(terms))
    for term in strings:
        if not term or set(term) - set("IXYZ") or len(term) != len(strings[0]):
            raise InputError(f"Pauli strings must be I, X, Y and Z, all as long as the first, but one is {term!r}")
    return strings


def _signs(record: xr.Dataset, key: str, basis: str, unfold: bool) -> Floats:
    """Return +1 and -1 for each shot and atom; shots with a lost atom are left out."""
    if key not in record:
        raise InputError(f"the record of {basis} has no key {key!r}")
    if "shot" not in record[key].dims or record[key].ndim != 2:
        raise InputError(
            f"{key} must have shots and atoms, but has {', '.join(map(str, record[key].dims)) or 'neither'}"
        )
    bits = record[key].transpose("shot", ...).values
    if bits.shape[1] != len(basis):
        raise InputError(f"{key} must have one atom for each letter of {basis}, but has {bits.shape[1]}")
    there = bits[(bits >= 0).all(axis=1)]
    if len(there) < 2:
        raise InputError(f"{key} must have at least two shots without loss in basis {basis}, but has {len(there)}")
    if unfold:
        true = unfolded(record, key).transpose("shot", ...).values
        there = true[(bits >= 0).all(axis=1)]
    return np.asarray(1.0 - 2.0 * there)


__all__ = ["expectation", "group"]
