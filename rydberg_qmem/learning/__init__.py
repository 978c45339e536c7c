"""Learning with quantum memristors, in scikit-learn's language.

`tasks` make series of inputs and targets, `readout` fits them from a device's features or from classical controls,
`measures` say how well. The rounds of a record, one row each, are such features.
"""

from rydberg_qmem.learning import measures, readout, tasks
from rydberg_qmem.learning.measures import Accuracy, MemoryCapacity, accuracy, memory_capacity, mse, nmse
from rydberg_qmem.learning.readout import Readout, fit_ridge, polynomial, window
from rydberg_qmem.learning.tasks import (
    Series,
    Split,
    mackey_glass,
    narma,
    narma_memristor,
    parity,
    short_term_memory,
)

__all__ = [
    "Accuracy",
    "MemoryCapacity",
    "Readout",
    "Series",
    "Split",
    "accuracy",
    "fit_ridge",
    "mackey_glass",
    "measures",
    "memory_capacity",
    "mse",
    "narma",
    "narma_memristor",
    "nmse",
    "parity",
    "polynomial",
    "readout",
    "short_term_memory",
    "tasks",
    "window",
]
