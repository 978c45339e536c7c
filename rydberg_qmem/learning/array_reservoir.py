"""Analog arrays as scikit-learn transformers: a sample's columns in, occupations and correlations of the atoms out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.errors import InputError, QmemError
from rydberg_qmem.language.program import Program
from rydberg_qmem.learning import options
from rydberg_qmem.learning._cache import cached
from rydberg_qmem.learning.shots import ShotStream, random_state_of
from rydberg_qmem.learning.spins import classical_spins
from rydberg_qmem.programs.arrays import AnalogArray, Encoding
from rydberg_qmem.running.series import run_series
from rydberg_qmem.running.series_means import SeriesMeans

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:  # pragma: no cover - the extra is not installed
    raise QmemError("estimators need scikit-learn: pip install rydberg_qmem[learn]") from error

Floats = NDArray[np.float64]


class QuantumReservoir(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A chain of Rydberg atoms as a transformer: each row of X is a sample, encoded by `AnalogArray`, run and read.

    Samples know nothing of each other, so there is no order and nothing to wash out. Equal exact transforms are found
    in a cache in memory. With `shots`, every readout time is measured in a run of its own, and every `transform` draws
    new ones from the estimator's own stream, of equal data too.

    Args:
        encoding: "local_detuning" (default), "global_time" or "position", as in `AnalogArray`.
        atoms: Number of atoms, which only "global_time" leaves open; one per column if not given.
        spacing_um: Gaps of the chain (µm), one number or one for each gap.
        stretch: The part of a gap that the largest number adds to it.
        rabi: Rabi frequency of the drive (rad/µs).
        detuning: Largest detuning (rad/µs).
        duration_ns: Time of the drive (ns).
        readouts: How many times atoms are read, evenly, last at the end.
        features: Any of "means" (occupation of each atom) and "pairs" (mean products of two atoms' bits), at each of
            these times, all of a time together.
        scale: True divides each column of X by its largest number seen in `fit`, sign left out, "together" all columns
            by the largest of all; False divides none.
        classical: Whether the control is run: the same array as classical spins in their mean field, with products of
            means as "pairs".
        shots: How many times each sample is measured at each readout time; None for exact means.
        emulator: "exact" (default) or another of `rydberg_qmem.run`.
        noise: As in `rydberg_qmem.run`; none by default.
        hardware: As in `rydberg_qmem.run`; an ideal machine by default.
        batch: How many samples are run together, which changes no number.
        n_jobs: Number of processes that share the batches; None for one.
        random_state: Makes the sequence of calls after `fit` reproducible.

    Raises InputError in `fit` for wrong options.

    >>> X = np.random.default_rng(0).uniform(size=(5, 2))
    >>> QuantumReservoir(readouts=2, duration_ns=500).fit(X).transform(X).shape  # 2 times, 2 means and 1 pair
    (5, 6)
    """

    def __init__(
        self,
        encoding: Encoding = "local_detuning",
        *,
        atoms: int | None = None,
        spacing_um: float | Sequence[float] = 10.0,
        stretch: float = 0.1,
        rabi: float = 2 * np.pi,
        detuning: float = 6.0,
        duration_ns: int = 4000,
        readouts: int = 8,
        features: tuple[str, ...] = ("means", "pairs"),
        scale: bool | Literal["together"] = True,
        classical: bool = False,
        shots: int | None = None,
        emulator: str = "exact",
        noise: Mapping[str, Any] | None = None,
        hardware: Mapping[str, Any] | str | None = None,
        batch: int = 500,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.encoding = encoding
        self.atoms = atoms
        self.spacing_um = spacing_um
        self.stretch = stretch
        self.rabi = rabi
        self.detuning = detuning
        self.duration_ns = duration_ns
        self.readouts = readouts
        self.features = features
        self.scale = scale
        self.classical = classical
        self.shots = shots
        self.emulator = emulator
        self.noise = noise
        self.hardware = hardware
        self.batch = batch
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> QuantumReservoir:
        """Learn the scale of X and start the stream of shots; targets are not looked at."""
        options.some_of("features", self.features, ("means", "pairs"))
        options.scaling(self.scale)
        options.check_machine(self.emulator, self.shots, self.batch, self.n_jobs)
        random_state_of(self.random_state)
        values = validate_data(self, X, dtype=np.float64)
        if options.flag("classical", self.classical) and (self.shots, self.noise, self.hardware) != (None, None, None):
            raise InputError("classical spins are exact and have no noise: leave out shots, noise and hardware")
        self.array_ = AnalogArray(
            values.shape[1], self.encoding, self.atoms, self.spacing_um, self.stretch, self.rabi, self.detuning,
            self.duration_ns, self.readouts,
        )  # fmt: skip
        options.check_conditions(self.array_.program(), None, self.noise, self.hardware)
        self.scale_ = self._largest(values)
        self.shots_ = ShotStream(self.random_state)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return the features (sample, feature)."""
        check_is_fitted(self, "array_")
        samples = validate_data(self, X, dtype=np.float64, reset=False) / self.scale_
        if self.shots is not None:
            return self._made(samples)
        known = (
            self.array_,
            tuple(self.features),
            self.classical,
            self.emulator,
            self.noise,
            self.hardware,
            self.batch,
        )
        return cached(known, samples, lambda: self._made(samples))

    def _largest(self, values: Floats) -> Floats:
        """Return what each column is divided by; a column of zeros by 1."""
        if not self.scale:
            return np.ones(values.shape[1])
        largest = np.abs(values).max(axis=0)
        largest = np.full(len(largest), largest.max()) if self.scale == "together" else largest
        return np.where(largest > 0, largest, 1.0)

    def _made(self, samples: Floats) -> Floats:
        means, pairs = self._classical(samples) if self.classical else self._quantum(samples)
        columns = [{"means": means, "pairs": pairs}[kind] for kind in self.features]
        return np.concatenate(columns, axis=2).reshape(len(samples), -1)

    def _classical(self, samples: Floats) -> tuple[Floats, Floats]:
        means = classical_spins(self.array_, samples)
        one, two = np.triu_indices(self.array_.size, 1)
        return means, means[:, :, one] * means[:, :, two]

    def _quantum(self, samples: Floats) -> tuple[Floats, Floats]:
        if self.array_.encoding != "position":
            table = {name: samples[:, i : i + 1] for i, name in enumerate(self.array_.inputs)}
            return self._read(table, None)
        for row in samples:  # all of them before any is run
            self.array_.places_um(row.tolist())
        placeholder = {self.array_.inputs[0]: np.zeros((1, 1))}
        made = [self._read(placeholder, row.tolist()) for row in samples]
        return np.concatenate([m for m, _ in made]), np.concatenate([p for _, p in made])

    def _read(self, table: dict[str, Floats], sample: list[float] | None) -> tuple[Floats, Floats]:
        """Return means (sample, readout, atom) and pairs (sample, readout, pair) of one program's samples."""
        times = range(self.readouts)
        if self.shots is None:
            found = self._run(self.array_.program(sample=sample), table)
            return _probed(found, self.readouts, self.array_.size)
        runs = [self._run(self.array_.program(sample=sample, measured_at=k), table) for k in times]
        pairs = [run.pairs["m"][:, 0] if self.array_.size > 1 else run.means["m"][:, 0][:, :0] for run in runs]
        return np.stack([_measured(run, self.array_.size) for run in runs], axis=1), np.stack(pairs, axis=1)

    def _run(self, program: Program, table: dict[str, Floats]) -> SeriesMeans:
        return run_series(
            program, table, shots=self.shots, seed=self.shots_.seed(), emulator=self.emulator, noise=self.noise,
            hardware=self.hardware, batch=self.batch, workers=options.workers_of(self.n_jobs),
        )  # fmt: skip

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: sampled features differ from call to call."""
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.shots is not None
        return tags


def _measured(found: SeriesMeans, atoms: int) -> Floats:
    return found.means["m"].reshape(-1, atoms)


def _probed(found: SeriesMeans, readouts: int, atoms: int) -> tuple[Floats, Floats]:
    one, two = np.triu_indices(atoms, 1)
    if atoms == 1:
        means = np.stack([found.means[f"t{k}"].reshape(-1, 1) for k in range(readouts)], axis=1)
        return means, means[:, :, :0]
    means = np.stack([found.means[f"t{k}_occupation"][:, 0] for k in range(readouts)], axis=1)
    pairs = np.stack([found.means[f"t{k}_correlations"][:, 0][:, one, two] for k in range(readouts)], axis=1)
    return means, pairs
