"""A network of quantum memristors as a scikit-learn classifier of static data: columns become time steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.checked import known_word, real_number, whole_number
from rydberg_qmem.errors import InputError, QmemError
from rydberg_qmem.learning import options
from rydberg_qmem.learning.features import KINDS
from rydberg_qmem.learning.reservoir import MemristorReservoir
from rydberg_qmem.learning.shots import random_state_of
from rydberg_qmem.programs.reservoirs import Port, memristor_network, random_photons
from rydberg_qmem.verification import MAX_ATOMS

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:  # pragma: no cover - the extra is not installed
    raise QmemError("estimators need scikit-learn: pip install rydberg_qmem[learn]") from error

Floats = NDArray[np.float64]


class MemristorClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Memristor cells with random encodings that see a sample column by column, and a logistic readout.

    Every cell gets a photon with a chance that is a random function of the columns of a round (`random_photons`), and
    remembers with a time constant of its own. Each column of X is scaled by its own range seen in `fit`, and every
    sample starts from the initial memory.

    Args:
        cells: Number of cells.
        channels: How many columns of X a round takes.
        gain: Scale of the random encodings.
        shortest: Smallest time constant, in rounds; they are spread geometrically.
        longest: Largest time constant, in rounds.
        port: What feeds back: "both" (default), "reflected" or "transmitted".
        features: Any of "means" (of each measured atom), "pairs" (mean products of outcomes within a key), "memory"
            (means of memory), "products" (products of two means).
        readout: "last" (default): features of the last round, so that all that earlier columns leave behind is memory,
            and `freeze` shows what that is worth; "all": those of all rounds, where frozen cells do as well on every
            task we tried.
        freeze: Whether all feedback is stopped.
        C: Inverse weight of the regularisation, as in scikit-learn's `LogisticRegression`.
        shots: How many times each sample is run; None for exact means.
        emulator: "ideal" (default) or another of `rydberg_qmem.run`.
        noise: As in `rydberg_qmem.run`; none by default.
        hardware: As in `rydberg_qmem.run`; an ideal machine by default.
        n_jobs: Number of processes; None for one.
        random_state: Draws the encodings and makes the sequence of calls after `fit` reproducible: with `shots`, each
            call draws new ones.

    Raises InputError in `fit` for wrong options.

    >>> X, y = np.array([[0.0, 0.1], [0.1, 0.0], [1.0, 0.9], [0.9, 1.0]]), [0, 0, 1, 1]
    >>> MemristorClassifier(cells=2, random_state=0).fit(X, y).predict(X).tolist()
    [0, 0, 1, 1]
    """

    def __init__(
        self,
        cells: int = 9,
        *,
        channels: int = 1,
        gain: float = 1.0,
        shortest: float = 1.3,
        longest: float = 6.0,
        port: Port = "both",
        features: tuple[str, ...] = ("means", "products"),
        readout: Literal["last", "all"] = "last",
        freeze: bool = False,
        C: float = 1.0,
        shots: int | None = None,
        emulator: str = "ideal",
        noise: Mapping[str, Any] | None = None,
        hardware: Mapping[str, Any] | str | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.cells = cells
        self.channels = channels
        self.gain = gain
        self.shortest = shortest
        self.longest = longest
        self.port = port
        self.features = features
        self.readout = readout
        self.freeze = freeze
        self.C = C
        self.shots = shots
        self.emulator = emulator
        self.noise = noise
        self.hardware = hardware
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> MemristorClassifier:
        """Draw the cells and fit the readout."""
        self._check_options()
        values, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        if len(np.unique(labels)) < 2:
            raise ValueError("Classifier can't train when only one class is present.")  # as scikit-learn has it
        if values.shape[1] % self.channels:
            raise InputError(f"channels must divide the {values.shape[1]} columns of X, but is {self.channels}")
        rng = random_state_of(self.random_state)
        seed, again = (int(rng.randint(2**31 - 1)) for _ in range(2))
        photons = random_photons(self.cells, self.channels, seed=seed, gain=self.gain)
        taus = np.geomspace(self.shortest, self.longest, self.cells).round(6).tolist()
        program = memristor_network(photons, time_constants=taus, channels=self.channels, port=self.port)
        reservoir = MemristorReservoir(
            program, features=self.features, readout=self.readout, freeze=self.freeze, shots=self.shots,
            emulator=self.emulator, noise=self.noise, hardware=self.hardware, n_jobs=self.n_jobs, random_state=again,
        )  # fmt: skip
        self.model_ = make_pipeline(reservoir, StandardScaler(), LogisticRegression(C=self.C, max_iter=1000))
        self.model_.fit(values, labels)
        self.classes_ = self.model_.classes_
        return self

    def _check_options(self) -> None:
        if 2 * whole_number("cells", self.cells) > MAX_ATOMS:
            raise InputError(f"cells must be at most {MAX_ATOMS // 2}, of two atoms each, but is {self.cells}")
        whole_number("channels", self.channels)
        real_number("gain", self.gain)
        real_number("longest", self.longest, minimum=real_number("shortest", self.shortest, minimum=1))
        real_number("C", self.C, above=0)
        known_word("port", self.port, get_args(Port))
        options.some_of("features", self.features, KINDS)
        known_word("readout", self.readout, ("last", "all"))
        options.flag("freeze", self.freeze)
        options.check_machine(self.emulator, self.shots, 1, self.n_jobs)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each sample."""
        return np.asarray(self._fitted().predict(self._checked(X)))

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the readout's probabilities (sample, class)."""
        return np.asarray(self._fitted().predict_proba(self._checked(X)))

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return the readout's values: (sample,) for two classes, else (sample, class)."""
        return np.asarray(self._fitted().decision_function(self._checked(X)))

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: what is read from shots differs from call to call."""
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.shots is not None
        return tags

    def _fitted(self) -> Any:
        check_is_fitted(self, "model_")
        return self.model_

    def _checked(self, X: ArrayLike) -> Floats:
        return np.asarray(validate_data(self, X, dtype=np.float64, reset=False))
