"""What arguments may be: each kind takes a name and a value and gives the value back, plain, or refuses it by name."""

from __future__ import annotations

from rydberg_qmem.arguments._mappings import mapping, named, names_to
from rydberg_qmem.arguments._numbers import (
    LARGEST,
    RESAMPLES,
    ROUNDS,
    SEED,
    as_float,
    cycle,
    flag,
    number,
    plain,
    real,
    setting,
    whole,
)
from rydberg_qmem.arguments._objects import a_class, data_array, function_of, is_xarray, made, record, signal, takes
from rydberg_qmem.arguments._sequences import (
    amplitudes,
    labels,
    listed,
    numbers,
    ordered,
    signal_of_rounds,
    single,
    values,
)
from rydberg_qmem.arguments._taking import Kind, optional, refuse, taking
from rydberg_qmem.arguments._texts import one_of, path, text, words

__all__ = [
    "Kind",
    "LARGEST",
    "RESAMPLES",
    "ROUNDS",
    "SEED",
    "a_class",
    "amplitudes",
    "as_float",
    "cycle",
    "data_array",
    "flag",
    "function_of",
    "is_xarray",
    "labels",
    "listed",
    "made",
    "mapping",
    "named",
    "names_to",
    "number",
    "numbers",
    "one_of",
    "optional",
    "ordered",
    "path",
    "plain",
    "real",
    "record",
    "refuse",
    "setting",
    "signal",
    "signal_of_rounds",
    "single",
    "takes",
    "taking",
    "text",
    "values",
    "whole",
    "words",
]
