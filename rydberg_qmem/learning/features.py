"""Features from the means of series: which columns of a run each kind of feature is made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.errors import InputError
from rydberg_qmem.running.series_means import SeriesMeans

Floats = NDArray[np.float64]
KINDS = ("means", "pairs", "memory", "products")
MISSING = {
    "means": "measures no key and probes nothing",
    "pairs": "measures no key of two atoms or more",
    "memory": "sets no memory",
    "products": "measures no key and probes nothing",
}


def features_of(found: SeriesMeans, chosen: tuple[str, ...], *, name: str) -> Floats:
    """Return features (series, round, feature) from means of a program called `name`.

    "means" are those of keys and of probes, "memory" those of memory when the round begins, whatever each is called;
    only what belongs to the rounds of the inputs counts. What no shot saw counts 0. Raises InputError for a kind of
    feature of which the program has none.
    """
    columns = [np.concatenate(list(_columns(found, kind, name)), axis=2) for kind in chosen]
    return np.asarray(np.nan_to_num(np.concatenate(columns, axis=2)))


def _columns(found: SeriesMeans, kind: str, name: str) -> Iterator[Floats]:
    made = list(_of_rounds(found, "means" if kind == "products" else kind))
    if not made:
        raise InputError(f"features: {kind!r} gives nothing, as {name} {MISSING[kind]} in the rounds of its inputs")
    if kind != "products":
        yield from made
        return
    first = np.concatenate(made, axis=2)
    one, two = np.triu_indices(first.shape[2])
    yield first[:, :, one] * first[:, :, two]


def _of_rounds(found: SeriesMeans, kind: str) -> Iterator[Floats]:
    """Yield the values (series, round, column) of all variables of a kind that each round of the inputs has."""
    source = found.pairs if kind == "pairs" else found.means
    for name, variable in found.variables.items():
        is_mean = variable.origin == "key" or variable.origin.startswith("probe:")
        fits = variable.origin == {"pairs": "key", "memory": "memory"}.get(kind) or (kind == "means" and is_mean)
        if fits and name in source and variable.loops[:1] and variable.loops[0] in found.signalled:
            values = source[name]
            yield values.reshape(*values.shape[:2], -1)
