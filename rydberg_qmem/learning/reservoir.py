"""Programs with inputs and keys as scikit-learn transformers: time series in, features out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.errors import InputError, QmemError
from rydberg_qmem.execute.series import SeriesMeans, run_series
from rydberg_qmem.language.library import load
from rydberg_qmem.language.program import Program
from rydberg_qmem.learning.kept import kept
from rydberg_qmem.learning.networks import frozen, memristor_network

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:  # pragma: no cover - the extra is not installed
    raise QmemError("estimators need scikit-learn: pip install rydberg_qmem[learn]") from error

Floats = NDArray[np.float64]
Layout = Literal["series", "stream", "window"]


class MemristorReservoir(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A program with inputs and keys as a transformer of time series.

    `layout` says what X is. "series": each row is a series by itself, its columns the rounds (with several inputs,
    all inputs of a round together). "stream": X is one series, each row a round, and features are those of each
    round. "window": the same, but each round's features come from a fresh run over its last `window` rounds.

    `features` are any of "means" (of each measured atom), "pairs" (mean products of outcomes within a key),
    "memory" (means of memory at the end of the run or start of the round), and "products" (products of two means,
    which any classical post-processor can form: give controls the same). `readout` "last" keeps the last round's
    features, "all" those of all rounds. Inputs are scaled from the range seen in `fit` to `low`...`high` and clipped
    there; with `scale=False` they reach the program as they are. `freeze` stops all feedback. `shots=None` is exact.
    `noise` and `hardware` are those of `rydberg_qmem.run`; `n_jobs` processes share batches of `batch` series, which
    changes no number. Equal transforms are found in a cache in memory, by fingerprint of program, options and inputs.

    >>> X = np.random.default_rng(0).uniform(size=(4, 5))
    >>> MemristorReservoir().fit(X).transform(X).shape
    (4, 2)
    """

    def __init__(
        self,
        program: Program | str | None = None,
        *,
        parameters: Mapping[str, float] | None = None,
        layout: Layout = "series",
        window: int = 5,
        features: tuple[str, ...] = ("means",),
        readout: Literal["last", "all"] = "last",
        scale: bool = True,
        low: float = 0.0,
        high: float = 1.0,
        freeze: bool = False,
        shots: int | None = None,
        emulator: str = "ideal",
        noise: Mapping[str, Any] | None = None,
        hardware: Mapping[str, Any] | str | None = None,
        batch: int = 1000,
        n_jobs: int | None = None,
        random_state: int | None = None,
    ) -> None:
        self.program = program
        self.parameters = parameters
        self.layout = layout
        self.window = window
        self.features = features
        self.readout = readout
        self.scale = scale
        self.low = low
        self.high = high
        self.freeze = freeze
        self.shots = shots
        self.emulator = emulator
        self.noise = noise
        self.hardware = hardware
        self.batch = batch
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> MemristorReservoir:
        """Learn the range of the inputs and draw the seed of the shots; targets are not looked at."""
        values = validate_data(self, X, dtype=np.float64)
        known = {"means", "pairs", "memory", "products"}
        if not self.features or set(self.features) - known:
            raise InputError(f"features must be some of {sorted(known)}, but are {self.features}")
        program = load(self.program) if self.program is not None else memristor_network(["x0"], time_constants=[4])
        self.program_ = frozen(program) if self.freeze else program
        channels = len(self.program_.inputs)
        if not channels or values.shape[1] % channels or (self.layout != "series" and values.shape[1] != channels):
            raise InputError(
                f"X must have columns for the {channels} inputs of {program.name}, but has {values.shape[1]}"
            )
        self.range_ = float(values.min()), float(values.max())
        self.seed_ = seed_of(self.random_state, self.shots)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return the features (row of X, feature)."""
        check_is_fitted(self, "program_")
        values = self._scaled(validate_data(self, X, dtype=np.float64, reset=False))
        channels = len(self.program_.inputs)
        match self.layout:
            case "series":
                return self._of_series(values.reshape(len(values), -1, channels), self.readout)
            case "stream":
                return self._of_series(values[None], "all").reshape(len(values), -1)
            case "window":
                padded = np.concatenate([np.repeat(values[:1], self.window - 1, axis=0), values])
                cut = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=0).swapaxes(1, 2)
                return self._of_series(cut, self.readout)
            case _:
                raise InputError(f"layout must be series, stream or window, but is {self.layout!r}")

    def _scaled(self, values: Floats) -> Floats:
        if not self.scale:
            return values
        low, high = self.range_
        share = np.clip((values - low) / (high - low or 1.0), 0.0, 1.0)
        return np.asarray(self.low + share * (self.high - self.low))

    def _of_series(self, series: Floats, readout: str) -> Floats:
        options = (self.program_.fingerprint(), sorted((self.parameters or {}).items()), self.features, readout,
                   self.shots, self.emulator, self.noise, self.hardware, self.seed_, self.batch)  # fmt: skip
        return kept(options, series, lambda: self._made(series, readout))

    def _made(self, series: Floats, readout: str) -> Floats:
        inputs = {name: series[:, :, i] for i, name in enumerate(self.program_.inputs)}
        means = run_series(
            self.program_, inputs, parameters=self.parameters, shots=self.shots, seed=self.seed_,
            emulator=self.emulator, noise=self.noise, hardware=self.hardware, batch=self.batch,
            workers=workers_of(self.n_jobs),
        )  # fmt: skip
        every = features_of(means, self.features, rounds=series.shape[1])
        return every[:, -1] if readout == "last" else every.reshape(len(series), -1)


def seed_of(random_state: Any, shots: int | None) -> int:
    """Return the seed of the shots: drawn from a state as scikit-learn takes it, 0 where nothing is sampled.

    >>> seed_of(None, None)
    0
    """
    return 0 if shots is None else int(check_random_state(random_state).randint(2**31 - 1))


def workers_of(n_jobs: int | None) -> int:
    """Return how many processes scikit-learn's `n_jobs` means: None is one, -1 as many as there are processors.

    >>> workers_of(None)
    1
    """
    cores = os.cpu_count() or 1
    return 1 if n_jobs is None else max(1, cores + 1 + n_jobs) if n_jobs < 0 else n_jobs


def features_of(found: SeriesMeans, chosen: tuple[str, ...], *, rounds: int) -> Floats:
    """Return features (series, round, feature) from means; what is not measured in every round is left out."""
    count = len(next(iter(found.means.values())))

    def flat(values: Floats) -> Floats | None:
        return values.reshape(count, rounds, -1) if values.ndim > 1 and values.shape[1] == rounds else None

    means = [flat(values) for name, values in found.means.items() if name in found.labels or name.startswith("probe")]
    first = np.concatenate([v for v in means if v is not None], axis=2) if means else np.zeros((count, rounds, 0))
    columns: list[Floats] = []
    for kind in chosen:
        match kind:
            case "means":
                columns.append(first)
            case "pairs":
                columns += [v for v in map(flat, found.pairs.values()) if v is not None]
            case "memory":
                memory = {n: v for n, v in found.means.items() if n not in found.labels}
                columns += [v for v in map(flat, memory.values()) if v is not None]
            case _:
                one, two = np.triu_indices(first.shape[2])
                columns.append(first[:, :, one] * first[:, :, two])
    return np.nan_to_num(np.concatenate(columns, axis=2))
