"""What a reservoir can compute: information-processing capacity, kernel rank and separation of its features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments
from rydberg_qmem.checked import whole_number
from rydberg_qmem.errors import InputError
from rydberg_qmem.learning.tasks import finite_array

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ProcessingCapacity:
    """The information-processing capacity of a device, degree by degree; `total` is the sum.

    Attributes:
        by_degree: The capacity of each degree, 1 being linear memory.
        floor: The capacity below which a single target counts 0.
    """

    by_degree: dict[int, float]
    floor: float

    @property
    def total(self) -> float:
        """The sum over degrees: at most the number of independent features."""
        return sum(self.by_degree.values())


@arguments.taking(
    states=arguments.numbers(),
    inputs=arguments.numbers(),
    degree=arguments.whole(1, 100),
    delays=arguments.whole(0, 10_000),
    washout=arguments.whole(0),
)
def processing_capacity(
    states: ArrayLike, inputs: ArrayLike, *, degree: int = 3, delays: int = 10, washout: int = 50
) -> ProcessingCapacity:
    """Return the information-processing capacity for products of Legendre polynomials of past inputs.

    For each product of total degree up to `degree` over up to `delays` rounds, the capacity is the share of its
    variance that the features explain linearly, 0 below the floor 2 (features + 4 sqrt(features)) / rounds that chance
    reaches (J. Dambre et al., Sci. Rep. 2, 514, 2012; the floor is derived from chi-squared).

    Args:
        states: Features of the device, (round, feature).
        inputs: What drove it, (round,), independent and uniform in [0, 1].
        degree: Largest total degree.
        delays: How many rounds, the present one among them.
        washout: Rounds at the start that are left out, `delays` at least.

    Raises InputError for few rounds, or a short wash-out.

    >>> u = np.random.default_rng(0).uniform(size=2000)
    >>> found = processing_capacity(np.stack([u, np.roll(u, 1)], axis=1), u, degree=2, delays=3)
    >>> round(found.by_degree[1], 2), round(found.by_degree[2], 2)
    (2.0, 0.0)
    """
    x, u = finite_array("states", states), finite_array("inputs", inputs)
    whole_number("delays", delays)
    if u.ndim != 1 or len(x) != len(u) or len(u) < washout + 2 * x.shape[1] or washout < delays:
        raise InputError(f"states {x.shape} and inputs {u.shape} must share rounds, more than washout {washout}")
    basis = _basis(x[washout:])
    rounds, rank = basis.shape
    floor = 2 * (rank + 4 * rank**0.5) / rounds
    past = np.stack([u[washout - d : len(u) - d] for d in range(delays)])
    polynomials = {n: legendre.legval(2 * past - 1, [0] * n + [1]) for n in range(1, degree + 1)}
    total = dict.fromkeys(range(1, degree + 1), 0.0)
    for powers in _powers(delays, degree):
        target = np.prod([polynomials[n][d] for d, n in powers.items()], axis=0)
        target = target - target.mean()
        share = float(np.sum((basis.T @ target) ** 2) / np.sum(target**2))
        total[sum(powers.values())] += share if share > floor else 0.0
    return ProcessingCapacity(total, floor)


@arguments.taking(features=arguments.numbers(dims=2), tolerance=arguments.real(0))
def kernel_rank(features: ArrayLike, tolerance: float = 1e-6) -> int:
    """Return how many singular values of some features exceed a part of the largest.

    Args:
        features: (case, feature).
        tolerance: That part.

    Raises InputError for numbers that are not finite, or a tolerance below 0.

    >>> kernel_rank([[1.0, 2.0], [2.0, 4.0]])
    1
    """
    values = np.linalg.svd(finite_array("features", features), compute_uv=False)
    return int(np.sum(values > tolerance * values[0])) if values[0] > 0 else 0


@arguments.taking(features=arguments.numbers(dims=2), labels=arguments.labels)
def separation(features: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean distance between class centres over one plus the mean distance to the own centre.

    (E. Goodman and D. Ventura, Proc. IJCNN, 2006, from memory.)

    Args:
        features: (case, feature).
        labels: The class of each case, (case,), numbers or texts.

    Raises InputError for fewer than two classes, or other numbers of labels than cases.

    >>> separation([[0.0], [0.0], [2.0], [2.0]], [0, 0, 1, 1])
    2.0
    """
    x, y = finite_array("features", features), np.asarray(labels)
    classes = np.unique(y)
    if len(classes) < 2 or len(y) != len(x):
        raise InputError("labels must be one for each case, of at least two classes")
    centres = np.stack([x[y == c].mean(axis=0) for c in classes])
    spread = np.mean([np.linalg.norm(x[y == c] - m, axis=1).mean() for c, m in zip(classes, centres, strict=True)])
    one, two = np.triu_indices(len(classes), 1)
    return float(np.linalg.norm(centres[one] - centres[two], axis=1).mean() / (1 + spread))


def _basis(x: Floats) -> Floats:
    left, values, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return np.asarray(left[:, values > 1e-10 * max(values.max(), 1e-300)])


def _powers(delays: int, degree: int) -> Iterator[dict[int, int]]:
    for size in range(1, degree + 1):
        for pick in combinations_with_replacement(range(delays), size):
            yield {d: pick.count(d) for d in set(pick)}
