"""What noise does to mean signals: resampled shots tell it, or, where all shots share their feedback, cycles do.

The shots of a cohort are independent of each other only as long as nothing is fed back to them together: what their
shared feedback adds is the same in all, and shows only from one time to another. Under a periodic drive the cycles are
such times. How the means of C settled cycles scatter about their mean, phase by phase, is the noise of one of them,
with C - 1 degrees of freedom: C/(C-1) times the mean square. What makes that too large or too small:

- The first cycle starts from the memory's initial value and is never settled: it is left out, so three cycles at
  least tell an error. Memory that takes longer than a cycle to settle makes later ones drift, and errors too large.
- Memory that reaches over several cycles makes neighbours alike, and errors of a few cycles too small.
- Few cycles tell an error roughly: of C its own relative error is about 1/√(2C - 2), 50 % of three cycles. The root of
  a few squares is too small in the mean; it is divided by what that comes to (0.80, 0.89, 0.92 of 2, 3, 4 cycles).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from rydberg_qmem.analysis.cycles import CycleLayout, repeats
from rydberg_qmem.analysis.signals import Pair
from rydberg_qmem.analysis.standard_error import (
    FEW_COHORTS,
    inflation,
    mean_of,
    resampled,
    resamples,
    standard_error,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeanNoise:
    """By how much the means of two signals are off, drawn again and again.

    `x` and `y` are (resample, ...) with the axes of the means, as widely scattered as the means are. Errors found from
    them are to be multiplied by `widening`, a number or one for each of the means' points (point, 1): 1, or what a root
    of few squares is too small by; NaN where nothing tells an error. `freedom` is the degrees of freedom that tell it,
    at the worst point: one less than there are cohorts, or settled cycles. `cycles` is the number of the latter, None
    where shots tell the noise.
    """

    x: Floats
    y: Floats
    widening: Floats
    freedom: int
    cycles: int | None = None


def mean_noise(
    pair: Pair,
    points: list[int],
    layout: CycleLayout,
    samples: tuple[Floats, Floats],
    *,
    drawn: int,
    seed: int,
    cohort: int,
) -> MeanNoise | None:
    """Return the noise of the means of both signals' `samples` (point, shot, cycle, round); None where all is exact.

    `drawn` is how many deviations are drawn with `seed`; `cohort` is how many shots in a row share their feedback.
    """
    if not pair.shots:
        return None
    if 1 < cohort >= pair.shots:
        return _of_cycles(pair, points, layout, drawn, seed)
    x, y = (np.moveaxis(signal, 1, 0) for signal in samples)
    return of_shots(x, y, drawn=drawn, seed=seed, cohort=cohort)


def of_shots(x: Floats, y: Floats, *, drawn: int, seed: int, cohort: int) -> MeanNoise:
    """Return the noise of the means over the first axis, shots; a signal with one shot only is exact."""
    shots = max(len(x), len(y))
    blocks = list(resamples(shots, drawn, seed, cohort))
    weights = np.concatenate(blocks) if blocks else np.zeros((0, shots))
    by_x, by_y = (inflation(shots, cohort) * (resampled(signal, weights) - mean_of(signal)) for signal in (x, y))
    return MeanNoise(by_x, by_y, np.ones(()), -(-shots // cohort) - 1)


def of_cycles(x: Floats, y: Floats, *, drawn: int, seed: int) -> MeanNoise:
    """Return the noise of one cycle (resample, round) of mean signals (cycle, round), from how their cycles scatter.

    Deviations are sums of the settled cycles' residuals with normal weights, the same for both signals; all zero, and
    `widening` NaN, where fewer than two settled cycles are known.

    >>> noise = of_cycles(np.zeros((4, 1)), np.array([[9.0], [1.0], [2.0], [3.0]]), drawn=4000, seed=0)
    >>> noise.cycles, round(float(noise.y.std()), 1), round(float(noise.widening), 3)
    (3, 1.0, 1.128)
    """
    about_x, about_y = settled_cycles(x, y)
    count = len(about_x)
    if count < 2:
        nothing = np.zeros((drawn, x.shape[1]))
        return MeanNoise(nothing, nothing, np.full((), np.nan), 0, count)
    weights = np.random.Generator(np.random.Philox(seed)).normal(size=(drawn, count)) / np.sqrt(count - 1)
    return MeanNoise(weights @ about_x, weights @ about_y, np.asarray(_widening(count - 1)), count - 1, count)


def settled_cycles(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return what settled cycles of two mean signals (cycle, round) are off their mean, of those known throughout."""
    known = np.asarray(np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1))
    known[:1] = False
    kept = (x[known], y[known])
    return tuple(part - part.mean(axis=0) if len(part) else part for part in kept)  # type: ignore[return-value]  # two


def error_of_cycles(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the standard errors (round,) of one cycle of each of two mean signals (cycle, round)."""
    about = settled_cycles(x, y)
    freedom = len(about[0]) - 1
    if freedom < 1:
        return np.full(x.shape[1], np.nan), np.full(x.shape[1], np.nan)
    one, other = (_widening(freedom) * np.sqrt((part**2).sum(axis=0) / freedom) for part in about)
    return one, other


def errors_of_means(
    pair: Pair, points: list[int], layout: CycleLayout, samples: tuple[Floats, Floats], cohort: int
) -> tuple[Floats, Floats]:
    """Return the standard errors of the means of both signals' `samples`: (point, cycle, round), 0 where exact."""
    if 1 < cohort >= pair.shots > 0:
        each = [error_of_cycles(*series_of(pair, point, layout.period)) for point in points]
        told = [np.repeat(np.array(part)[:, None], layout.cycles, axis=1) for part in zip(*each, strict=True)]
    else:
        told = [standard_error(part, axis=1, cohort=cohort) for part in samples]
    sampled = (pair.drive.sampled, pair.response.sampled)
    drive, response = (error if noisy else np.zeros_like(error) for error, noisy in zip(told, sampled, strict=True))
    return drive, response


def series_of(pair: Pair, point: int, period: int) -> tuple[Floats, Floats]:
    """Return the means of both signals in all whole cycles of a point, (cycle, round), NaN where nothing is known.

    There are none where a drive without noise does not repeat itself: then the response does not either.
    """
    x, y = (cycles_of(mean_of(s.values[point % len(s.values)]), period) for s in (pair.drive, pair.response))
    if not pair.drive.sampled and not repeats(x):
        return x[:0], y[:0]
    return x, y


def cycles_of(series: Floats, period: int) -> Floats:
    """Return a series as its whole cycles, (round,) -> (cycle, round of the cycle)."""
    count = len(series) // period
    return series[: count * period].reshape(count, period)


def _of_cycles(pair: Pair, points: list[int], layout: CycleLayout, drawn: int, seed: int) -> MeanNoise:
    each = [of_cycles(*series_of(pair, point, layout.period), drawn=drawn, seed=seed) for point in points]
    x, y = (
        np.repeat(np.stack(parts, axis=1)[:, :, None], layout.cycles, axis=2)
        for parts in ([noise.x for noise in each], [noise.y for noise in each])
    )
    widening = np.array([[float(noise.widening)] for noise in each])
    worst = min(each, key=lambda noise: noise.cycles or 0)
    return MeanNoise(x, y, widening, worst.freedom, worst.cycles)


def _widening(freedom: int) -> float:
    """Return by how much the root of a mean of so many squares of normal numbers is too small, in the mean."""
    return float(np.sqrt(freedom / 2) * np.exp(gammaln(freedom / 2) - gammaln((freedom + 1) / 2)))


def rough_errors(shots: int, cohort: int, cycles: int | None = None) -> str | None:
    """Return a sentence about errors where few cohorts, or few cycles of one, tell them; None if nothing is to be said.

    >>> rough_errors(2000, 1000)
    'errors: shots share what is fed back over their cohort of 1000, and 2 cohorts tell errors roughly; run 10000 ...'
    >>> rough_errors(300, 1000, cycles=1)
    'errors: shots share what is fed back over their cohort of 1000, and one cohort tells none before three cycles ...'
    """
    cohorts = -(-shots // cohort)
    if cohort == 1 or not shots or cohorts >= FEW_COHORTS or (cohorts == 1 and (cycles or 0) >= FEW_COHORTS):
        return None
    way = f"run {FEW_COHORTS * cohort} shots or more"
    if cohorts > 1:
        told = f"{cohorts} cohorts tell errors roughly"
    elif cycles is not None and cycles > 1:
        told, way = f"the scatter of {cycles} settled cycles tells errors roughly", f"{way}, or more cycles"
    else:
        told = "one cohort tells none before three cycles of a periodic drive, the first not counting"
        way = f"{way}, or more cycles"
    return f"errors: shots share what is fed back over their cohort of {cohort}, and {told}; {way}"
