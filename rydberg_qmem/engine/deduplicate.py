"""Find equal rows: rows that share a quantum state, control values or memory are computed once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import State, times

Index = NDArray[np.int64]

STATE_TOLERANCE = 1e-12
"""Amplitudes closer than this, after the global phase is fixed, are one state."""

FEW = 256
"""So many values are sorted sooner than hashed."""
DENSE = 16
"""Codes up to so many times the number of rows are looked up in a table instead of hashed."""

_MIX = np.uint64(0x9E3779B97F4A7C15)


def distinct(columns: Sequence[NDArray[np.generic]]) -> tuple[Index, Index]:
    """Return one representative row of each distinct combination, and which one each row has.

    Columns are arrays (rows,) or (rows, width) of floats or integers, compared exactly.

    >>> import numpy as np
    >>> first, which = distinct([np.array([0, 1, 0]), np.array([0.5, 0.5, 0.5])])
    >>> which.tolist(), len(first)
    ([0, 1, 0], 2)
    """
    coded = [found for found in map(_coded, columns) if found[1] > 1]
    if not coded:
        return np.zeros(min(len(columns[0]), 1), dtype=np.int64), np.zeros(len(columns[0]), dtype=np.int64)
    code, size, rows = coded[0]
    if len(coded) == 1 and rows is not None:
        return rows, code
    for more, count, _ in coded[1:]:
        if size * count > DENSE * len(code):
            code, size = _renumbered(code, size)
        code, size = code * count + more, size * count
    which, size = _renumbered(code, size)
    first = np.empty(size, dtype=np.int64)
    first[which] = np.arange(len(which))
    return first, which


def _coded(column: NDArray[np.generic]) -> tuple[Index, int, Index | None]:
    """Return a number from 0 on for each row, equal where and only where the rows are, and their bound.

    Where every number below the bound is in use, a row of each of them comes third.
    """
    if column.ndim == 1 and column.dtype.kind != "f":
        low, high = int(column.min(initial=0)), int(column.max(initial=0))
        if low >= 0 and high < DENSE * len(column):
            return column.astype(np.int64, copy=False), high + 1, None
    words = _words(column)
    if (words == words[:1]).all():
        return np.zeros(len(words), dtype=np.int64), 1, None
    if len(words) < FEW and words.shape[1] > FEW:
        return _by_bytes(words)
    first, which = factorize(words[:, 0] if words.shape[1] == 1 else _hash(words))
    if words.shape[1] > 1 and not np.array_equal(words[first][which], words):  # a collision of 64-bit hashes
        _, first, which = np.unique(words, axis=0, return_index=True, return_inverse=True)
    return which.ravel(), len(first), first


def _by_bytes(words: NDArray[np.uint64]) -> tuple[Index, int, Index]:
    """Return the same for a few long rows, as density matrices are, which a loop over columns would make slow."""
    known: dict[bytes, int] = {}
    which = np.array([known.setdefault(row.tobytes(), len(known)) for row in words], dtype=np.int64)
    return which, len(known), np.searchsorted(np.maximum.accumulate(which), np.arange(len(known)))


def _renumbered(code: Index, size: int) -> tuple[Index, int]:
    """Return the codes, below `size`, numbered without gaps, and how many there are."""
    if size <= DENSE * len(code):
        used, which = compact(code, size)
        return which, len(used)
    first, which = factorize(code)
    return which, len(first)


def factorize(values: NDArray[Any]) -> tuple[Index, Index]:
    """Return the first row of each distinct value, and which value each row has, without sorting."""
    if len(values) < FEW:
        _, first, which = np.unique(values, return_index=True, return_inverse=True)
        return first, which
    import pandas as pd

    which, found = pd.factorize(values)
    first = np.empty(len(found), dtype=np.int64)
    first[which[::-1]] = np.arange(len(values) - 1, -1, -1)
    return first, which


def compact(codes: Index, size: int) -> tuple[Index, Index]:
    """Return the values in use among 0 … size - 1, and the place of each row's value among them.

    >>> import numpy as np
    >>> used, which = compact(np.array([5, 2, 5]), 8)
    >>> used.tolist(), which.tolist()
    ([2, 5], [1, 0, 1])
    """
    if size > DENSE * len(codes) + 1024:
        used, which = np.unique(codes, return_inverse=True)
        return used, which.ravel()
    present = np.zeros(size, dtype=bool)
    present[codes] = True
    used = np.flatnonzero(present)
    place = np.empty(size, dtype=np.int64)
    place[used] = np.arange(len(used))
    return used, place[codes]


def _words(column: NDArray[np.generic]) -> NDArray[np.uint64]:
    flat: NDArray[Any] = column.reshape(len(column), -1)
    if flat.dtype.kind == "f":
        return np.ascontiguousarray(flat + 0.0, dtype=np.float64).view(np.uint64)  # one zero, not two
    return np.ascontiguousarray(flat.astype(np.int64)).view(np.uint64)


def _hash(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    total = np.zeros(len(words), dtype=np.uint64)
    for column in words.T:
        total = (total ^ column) * _MIX
        total ^= total >> np.uint64(29)
    return total


def fix_phase(states: State) -> State:
    """Return states whose first sizeable amplitude is positive real: equal up to phase becomes equal."""
    size = np.abs(states)
    where = np.argmax(size >= 0.5 * size.max(axis=1, keepdims=True), axis=1)
    lead = states[np.arange(len(states)), where]
    return np.asarray(states * (lead.conj() / np.abs(lead))[:, None])


def distinct_states(states: State) -> tuple[State, Index]:
    """Return the distinct states up to phase, and which one each row is."""
    if len(states) == 1:
        return states, np.zeros(1, dtype=np.int64)
    fixed = fix_phase(states)
    mark = times(fixed, _marker(states.shape[1]))
    first, which = distinct([np.rint(np.stack([mark.real, mark.imag], axis=1) / STATE_TOLERANCE).astype(np.int64)])
    if len(first) < len(states) and np.abs(fixed[first][which] - fixed).max() > 10 * STATE_TOLERANCE:
        parts = fixed.view(np.float64).reshape(len(states), -1)  # two states with one mark
        first, which = distinct([np.rint(parts / STATE_TOLERANCE).astype(np.int64)])
    return fixed[first], which


@lru_cache(maxsize=64)
def _marker(size: int) -> State:
    """Return fixed numbers whose product with a state marks it."""
    rng = np.random.Generator(np.random.Philox(size))
    return np.asarray(rng.uniform(0.5, 1.0, size) * np.exp(2j * np.pi * rng.random(size)))
