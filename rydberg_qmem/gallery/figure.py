"""One number of one memristor: where its reference comes from, and how to get ours by each way of running."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem.analysis import entanglement
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.analysis.standard_error import mean_and_error as mean_and_error_of
from rydberg_qmem.analysis.standard_error import standard_error
from rydberg_qmem.running.run import run

Floats = NDArray[np.float64]
Trust = Literal["found", "from memory", "derived"]
Measured = tuple[float, float]
COHORT = 1000
"""Shots that share one fed-back mean, as in `run`."""
SHOTS = 16 * COHORT


@dataclass(frozen=True)
class RunConfig:
    """How to run: the emulator, how many shots (None: exact means), and what measuring and waiting cost."""

    emulator: Any = "ideal"
    shots: int | None = None
    hardware: str | None = None
    seed: int = 1

    def run(self, program: Any, **options: Any) -> xr.Dataset:
        """Return the record of a program."""
        seed = None if self.shots is None else self.seed
        given = {"emulator": self.emulator, "shots": self.shots, "hardware": self.hardware, "seed": seed}
        return run(program, **{**given, **options})

    def dense(self, program: Any, **options: Any) -> xr.Dataset:
        """Return an exact record by density matrices: what is never read makes no branches."""
        return self.run(program, **{"shots": None, "seed": None, "state": "density_matrix", **options})

    def joint(self, program: Any, **options: Any) -> NDArray[np.complex128]:
        """Return the states probed under `rho`, within g and h; the mean over shots where there are any."""
        record = self.dense(program, **options)
        rho = record.rho.mean("shot") if "shot" in record.rho.dims else record.rho
        return entanglement.within(rho.values, str(record.levels))[0]


@dataclass(frozen=True)
class Figure:
    """One number: row, what it is, where the model and the reference come from, how near ours must be.

    `measure(config)` returns the number and its statistical error, 0 where nothing is sampled. `sampled` says whether
    it can be had from shots. `pulses` says why it is not looked at pulse by pulse, and is empty where it is. `noisy` is
    the emulator of the column of noise, or why there is none. Either may be `FEW`.
    """

    row: int
    system: str
    quantity: str
    source: str
    trust: Trust
    reference: float
    tolerance: float
    measure: Callable[[RunConfig], Measured]
    sampled: bool = False
    pulses: str = ""
    noisy: str = "exact"


FEW = f"from {COHORT} shots"
"""What stands in a figure's `pulses` or `noisy` where that column is of so many shots, with their error."""
JUMPING = 200
"""Quantum-jump trajectories whose mean is the state of many atoms under a machine's noise."""
IDEAL, PULSES, SAMPLED = RunConfig(), RunConfig("exact"), RunConfig(shots=SHOTS)
CLASSICAL = "no quantum part"


def loop_area(
    config: RunConfig, record: xr.Dataset, *, drive: Any, response: Any, period: int, lobes: int = 1
) -> Measured:
    """Return the area of a record's last loop and its error over cohorts.

    Of one lobe the signed area is taken, which noise does not bias; of two the sum.
    """
    cohort = COHORT if config.shots is not None and config.shots >= 2 * COHORT else None
    found = hysteresis(record, drive=drive, response=response, period=period, cohort=cohort)
    if lobes == 1:
        return abs(float(found.signed_area)), float(found.signed_area_error)
    return float(found.area), float(found.area_error)


def mean_and_error(values: xr.DataArray) -> Measured:
    """Return the mean over shots (or the number itself) and its standard error; lost outcomes (-1) are left out."""
    mean, error = mean_and_error_of(values)
    return mean, float(np.nan_to_num(error))


def of_cohorts(values: Floats) -> Measured:
    """Return the mean over shots, and its error from the means of the cohorts (shots beyond the last one count too)."""
    mean = float(values.mean())
    return mean, float(np.nan_to_num(standard_error(values, cohort=COHORT)))


def limit(*values: float, order: int = 1) -> float:
    """Return what a number tends to for ever smaller steps, from those of steps each half the last (Richardson).

    Takes out what goes as the step to the power `order`, and with a third value the next power.

    >>> limit(1.5, 1.25), limit(2.0, 1.25, 1.0625)
    (1.0, 1.0)
    """
    rows = list(values)
    while len(rows) > 1:
        rows = [fine + (fine - rough) / (2**order - 1) for rough, fine in pairwise(rows)]
        order += 1
    return rows[0]
