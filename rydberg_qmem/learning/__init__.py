"""Learning with quantum memristors, in scikit-learn's language.

`tasks` make series of inputs and targets, `readout` fits them from a device's features or from classical controls,
`measures` and `capacities` say how well, `compare` puts controls beside the result, `optimise` trains a program's
parameters. The estimators (`MemristorReservoir`, `QuantumReservoir`, `MemristorClassifier`) and `compare` need
scikit-learn, the extra `learn`. The rounds of a record, one row each, are such features.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rydberg_qmem.learning import datasets
from rydberg_qmem.learning.boltzmann import train_boltzmann
from rydberg_qmem.learning.capacities import ProcessingCapacity, kernel_rank, processing_capacity, separation
from rydberg_qmem.learning.classical_reservoirs import echo_state, mean_field
from rydberg_qmem.learning.freezing import frozen
from rydberg_qmem.learning.measures import Accuracy, MemoryCapacity, accuracy, memory_capacity, mse, nmse
from rydberg_qmem.learning.optimise import Optimum, optimise
from rydberg_qmem.learning.readout import Readout, fit_ridge, polynomial, window
from rydberg_qmem.learning.spins import classical_spins
from rydberg_qmem.learning.tasks import (
    Series,
    mackey_glass,
    narma,
    narma_memristor,
    parity,
    short_term_memory,
)

if TYPE_CHECKING:
    from rydberg_qmem.learning.array_reservoir import QuantumReservoir
    from rydberg_qmem.learning.comparison import compare
    from rydberg_qmem.learning.network_classifier import MemristorClassifier
    from rydberg_qmem.learning.reservoir import MemristorReservoir

__all__ = [
    "Accuracy",
    "MemoryCapacity",
    "Readout",
    "Series",
    "accuracy",
    "fit_ridge",
    "mackey_glass",
    "memory_capacity",
    "mse",
    "narma",
    "narma_memristor",
    "nmse",
    "parity",
    "polynomial",
    "short_term_memory",
    "MemristorClassifier",
    "MemristorReservoir",
    "Optimum",
    "ProcessingCapacity",
    "QuantumReservoir",
    "classical_spins",
    "datasets",
    "compare",
    "echo_state",
    "frozen",
    "kernel_rank",
    "mean_field",
    "optimise",
    "processing_capacity",
    "separation",
    "train_boltzmann",
    "window",
]

_LAZY = {
    "MemristorClassifier": "network_classifier",
    "MemristorReservoir": "reservoir",
    "QuantumReservoir": "array_reservoir",
    "compare": "comparison",
}


def __getattr__(name: str) -> Any:
    """Import what needs scikit-learn when it is first used."""
    if name in _LAZY:
        return getattr(importlib.import_module(f"rydberg_qmem.learning.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'rydberg_qmem.learning' has no attribute {name!r}")
