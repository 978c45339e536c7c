"""Features that were computed before, found again by fingerprint, in the memory of this process."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_KEPT: OrderedDict[str, Floats] = OrderedDict()
_ENTRIES = 64


def cached(options: object, data: Floats, make: Callable[[], Floats]) -> Floats:
    """Return what `make` gives, or gave before for the same options (by their repr) and data, as a copy.

    >>> cached("double", np.ones(1), lambda: np.full(1, 2.0)).tolist(), cached("double", np.ones(1), list).tolist()
    ([2.0], [2.0])
    """
    text = repr((options, data.shape)).encode()
    key = hashlib.sha256(text + np.ascontiguousarray(data).tobytes()).hexdigest()
    if key not in _KEPT:
        _KEPT[key] = make()
        while len(_KEPT) > _ENTRIES:
            _KEPT.popitem(last=False)
    return _KEPT[key].copy()
