"""Programs with inputs and keys as scikit-learn transformers: time series in, features out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.checked import known_word, real_number, whole_number
from rydberg_qmem.errors import InputError, QmemError, short
from rydberg_qmem.language.library import load
from rydberg_qmem.language.program import Program
from rydberg_qmem.learning import options
from rydberg_qmem.learning._cache import cached
from rydberg_qmem.learning.features import KINDS, features_of
from rydberg_qmem.learning.freezing import frozen
from rydberg_qmem.learning.shots import ShotStream, random_state_of
from rydberg_qmem.programs.reservoirs import memristor_network
from rydberg_qmem.running.series import run_series
from rydberg_qmem.running.series_means import SeriesState

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:  # pragma: no cover - the extra is not installed
    raise QmemError("estimators need scikit-learn: pip install rydberg_qmem[learn]") from error

Floats = NDArray[np.float64]
Layout = Literal["series", "stream", "window"]
LAYOUTS = ("series", "stream", "window")


@dataclass
class StreamState:
    """Where a stream stands between two calls: rounds behind it, memory and atoms, and the last rows of a window."""

    rounds: int = 0
    state: SeriesState | None = None
    past: Floats | None = None


class MemristorReservoir(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A program with inputs and keys as a transformer of time series.

    Where memory starts: a series and a window each start from the program's initial memory and atoms in g; before its
    first row a window sees that row again. A stream starts so too in every `transform`, unless `reset_state` is False:
    then each `transform` goes on where the last one ended, and `fit` starts anew. A stream cut into pieces gives the
    features of the whole, and in a pipeline, which transforms what it fits, the test rounds follow the training rounds.

    Equal exact transforms are found in a cache in memory, by fingerprint of program, options and inputs. With `shots`,
    every `transform` draws new ones from the estimator's own stream, of equal data too, as a device does. What no shot
    of a round saw counts 0.

    Args:
        program: A program with inputs and keys, a bundled one's name, or a path; the two-port memristor if not given.
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.
        layout: What X is. "series" (default): each row is a series by itself, its columns the rounds (with several
            inputs, all inputs of a round together). "stream": X is one series, each row a round, and features are those
            of each round. "window": the same, but each round's features come from a fresh run over its last rounds.
        window: How many rounds a window has.
        reset_state: Whether a stream starts from the initial memory in every `transform`.
        washout: Rounds after a start that are left out of the features (rows of a stream or window, rounds of a
            series); their targets are to be left out as well, and inside a pipeline it stays 0.
        features: Any of "means" (of each measured atom, and of what probes see), "pairs" (mean products of outcomes
            within a key), "memory" (means of memory at the start of the round), "products" (products of two means,
            which any classical post-processor can form: give controls the same).
        readout: "last" (default) keeps the last round's features, "all" those of all rounds.
        scale: True scales each column of X from its own range seen in `fit`, "together" gives all rounds of one input
            the same range, both clipped; False hands X to the program as it is.
        low: What the lowest value of the range becomes.
        high: What the highest value of the range becomes.
        freeze: Whether all feedback is stopped.
        shots: How many times each series is run; None for exact means.
        emulator: "ideal" (default) or another of `rydberg_qmem.run`.
        noise: As in `rydberg_qmem.run`; none by default.
        hardware: As in `rydberg_qmem.run`; an ideal machine by default.
        batch: How many series are run together, which changes no number.
        n_jobs: Number of processes that share the batches; None for one.
        random_state: Makes the sequence of calls after `fit` reproducible.

    Raises InputError in `fit` for wrong options.

    >>> X = np.random.default_rng(0).uniform(size=(4, 5))
    >>> MemristorReservoir().fit(X).transform(X).shape
    (4, 2)
    """

    def __init__(
        self,
        program: Program | str | Path | None = None,
        *,
        parameters: Mapping[str, float] | None = None,
        layout: Layout = "series",
        window: int = 5,
        reset_state: bool = True,
        washout: int = 0,
        features: tuple[str, ...] = ("means",),
        readout: Literal["last", "all"] = "last",
        scale: bool | Literal["together"] = True,
        low: float = 0.0,
        high: float = 1.0,
        freeze: bool = False,
        shots: int | None = None,
        emulator: str = "ideal",
        noise: Mapping[str, Any] | None = None,
        hardware: Mapping[str, Any] | str | None = None,
        batch: int = 1000,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.program = program
        self.parameters = parameters
        self.layout = layout
        self.window = window
        self.reset_state = reset_state
        self.washout = washout
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
        """Learn the range of the inputs and start the streams of shots and of rounds; targets are not looked at."""
        self._check_options()
        values = validate_data(self, X, dtype=np.float64)
        program = _program(self.program)
        options.check_conditions(program, self.parameters, self.noise, self.hardware)
        self.program_ = frozen(program) if self.freeze else program
        channels = len(self.program_.inputs)
        if not channels or values.shape[1] % channels or (self.layout != "series" and values.shape[1] != channels):
            raise InputError(
                f"X must have columns for the {channels} inputs of {program.name}, but has {values.shape[1]}"
            )
        self.low_, self.high_ = self._ranges(values)
        self.shots_ = ShotStream(self.random_state)
        self.standing_ = StreamState()
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return the features (row of X, feature), without the rounds of the wash-out."""
        check_is_fitted(self, "program_")
        values = self._scaled(validate_data(self, X, dtype=np.float64, reset=False))
        standing = StreamState() if self.reset_state else self.standing_
        match self.layout:
            case "series":
                series = values.reshape(len(values), -1, len(self.program_.inputs))
                return self._series(series)
            case "stream":
                found = self._stream(values, standing)
            case _:
                found = self._windows(values, standing)
        left_out = max(0, self.washout - standing.rounds)
        if self.reset_state and left_out >= len(values):
            raise InputError(f"washout must leave some of the {len(values)} rounds of X, but is {self.washout}")
        standing.rounds += len(values)
        return found[left_out:]

    def _check_options(self) -> None:
        known_word("layout", self.layout, LAYOUTS)
        known_word("readout", self.readout, ("last", "all"))
        options.some_of("features", self.features, KINDS)
        for name in ("reset_state", "freeze"):
            options.flag(name, getattr(self, name))
        options.scaling(self.scale)
        real_number("high", self.high, above=real_number("low", self.low))
        whole_number("window", self.window)
        whole_number("washout", self.washout, minimum=0)
        options.check_machine(self.emulator, self.shots, self.batch, self.n_jobs)
        random_state_of(self.random_state)
        if self.layout == "series" and not self.reset_state:
            raise InputError("reset_state must be True in the layout 'series', where each row is a series of its own")

    def _ranges(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the smallest and the largest value of each column, or of all columns of its input."""
        low, high = values.min(axis=0), values.max(axis=0)
        if self.scale != "together":
            return low, high
        channels = len(self.program_.inputs)
        shared = low.reshape(-1, channels).min(axis=0), high.reshape(-1, channels).max(axis=0)
        return np.tile(shared[0], len(low) // channels), np.tile(shared[1], len(low) // channels)

    def _scaled(self, values: Floats) -> Floats:
        if not self.scale:
            return values
        width = self.high_ - self.low_
        share = np.clip((values - self.low_) / np.where(width > 0, width, 1.0), 0.0, 1.0)
        return np.asarray(self.low + share * (self.high - self.low))

    def _series(self, series: Floats) -> Floats:
        """Return the features (row, feature) of series that each start anew."""
        if self.washout >= series.shape[1]:
            raise InputError(f"washout must leave some of the {series.shape[1]} rounds of X, but is {self.washout}")
        found = self._features(series)
        return _chosen(found[:, self.washout :], self.readout)

    def _stream(self, values: Floats, standing: StreamState) -> Floats:
        """Return the features (round, feature) of one long series, from where the stream stands."""
        if self.reset_state:
            return np.asarray(self._features(values[None])[0])
        found, standing.state = self._run(values[None], standing.state, keep_state=True)
        return np.asarray(found[0])

    def _windows(self, values: Floats, standing: StreamState) -> Floats:
        """Return the features of a series for each round, over the rounds before it that the stream has seen."""
        past = np.repeat(values[:1], self.window - 1, axis=0) if standing.past is None else standing.past
        padded = np.concatenate([past, values])
        standing.past = padded[len(padded) - (self.window - 1) :]
        cut = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=0).swapaxes(1, 2)
        return _chosen(self._features(cut), self.readout)

    def _features(self, series: Floats) -> Floats:
        """Return the features (series, round, feature) of series that start anew."""
        if self.shots is not None:
            return self._run(series, None)[0]
        known = (self.program_.fingerprint(), sorted((self.parameters or {}).items()), tuple(self.features),
                 self.emulator, self.noise, self.hardware, self.batch)  # fmt: skip
        return cached(known, series, lambda: self._run(series, None)[0])

    def _run(
        self, series: Floats, start: SeriesState | None, *, keep_state: bool = False
    ) -> tuple[Floats, SeriesState | None]:
        inputs = {name: series[:, :, i] for i, name in enumerate(self.program_.inputs)}
        means = run_series(
            self.program_, inputs, parameters=self.parameters, shots=self.shots, seed=self.shots_.seed(),
            emulator=self.emulator, noise=self.noise, hardware=self.hardware, batch=self.batch,
            workers=options.workers_of(self.n_jobs), start=start, keep_state=keep_state,
        )  # fmt: skip
        return features_of(means, tuple(self.features), name=self.program_.name), means.state

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: what is sampled, or goes on from the last call, differs from call to call."""
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.shots is not None or not self.reset_state
        return tags


def _chosen(features: Floats, readout: str) -> Floats:
    """Return the features (row, feature) of the last round, or of all, from (row, round, feature)."""
    return np.asarray(features[:, -1] if readout == "last" else features.reshape(len(features), -1))


def _program(given: Any) -> Program:
    if given is None:
        return memristor_network(["x0"], time_constants=[4])
    if not isinstance(given, Program | str | Path):
        raise InputError(f"program must be a Program, a sequence's name or a file, but is {short(given)}")
    return load(given)
