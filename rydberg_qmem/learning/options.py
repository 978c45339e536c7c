"""Options of estimators: each is held against what it may be, and refused by its name, the rule and the value."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rydberg_qmem.compile.bind import bind_parameters
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.errors import InputError, did_you_mean, short
from rydberg_qmem.execute.run import surroundings
from rydberg_qmem.language.program import Program
from rydberg_qmem.learning.tasks import real, whole


def one_of(name: str, value: object, known: Sequence[str]) -> str:
    """Return `value` if it is one of the known words; raises InputError if not.

    >>> one_of("readout", "last", ("last", "all"))
    'last'
    """
    if not isinstance(value, str) or value not in known:
        hint = did_you_mean(value, known) if isinstance(value, str) else ""
        near = hint if hint.startswith("; did") else ""
        raise InputError(f"{name} must be one of {', '.join(known)}, but is {short(value)}{near}")
    return value


def some_of(name: str, value: object, known: Sequence[str]) -> tuple[str, ...]:
    """Return `value` as a tuple if it holds one or more of the known words, each once; raises InputError if not.

    >>> some_of("features", ["means"], ("means", "pairs"))
    ('means',)
    """
    chosen = tuple(value) if isinstance(value, list | tuple) else ()
    wrong = [word for word in chosen if not isinstance(word, str) or word not in known]
    if not chosen or wrong or len(set(chosen)) < len(chosen):
        raise InputError(f"{name} must be some of {sorted(known)}, each once, but are {short(value)}")
    return chosen


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False; raises InputError if not.

    >>> flag("freeze", True)
    True
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} must be True or False, but is {short(value)}")
    return bool(value)


def scaling(value: object) -> bool | str:
    """Return how inputs are scaled: True (each column), "together" or False; raises InputError for anything else.

    >>> scaling("together")
    'together'
    """
    if isinstance(value, bool | np.bool_) or value == "together":
        return bool(value) if not isinstance(value, str) else value
    raise InputError(f"scale must be True, False or 'together', but is {short(value)}")


def shots_of(value: object) -> int | None:
    """Return a number of shots, or None for exact means; raises InputError for anything else.

    >>> shots_of(200)
    200
    """
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1):
        raise InputError(f"shots must be a whole number of at least 1, or None for exact means, but is {short(value)}")
    return None if value is None else int(value)


def workers_of(n_jobs: object) -> int:
    """Return how many processes scikit-learn's `n_jobs` means: None is one, -1 as many as there are processors.

    >>> workers_of(None)
    1
    """
    if n_jobs is None:
        return 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs == 0:
        raise InputError(f"n_jobs must be a whole number other than 0, or None for one process, but is {short(n_jobs)}")
    return max(1, (os.cpu_count() or 1) + 1 + int(n_jobs)) if n_jobs < 0 else int(n_jobs)


def check_machine(emulator: Any, shots: object, batch: object, n_jobs: object) -> None:
    """Raise InputError for an emulator, a number of shots, of series in a batch, or of processes that cannot be.

    >>> check_machine("ideal", None, 1000, None)
    """
    if not isinstance(emulator, str) and not all(hasattr(emulator, name) for name in ("name", "capabilities")):
        raise InputError(f"emulator must be a name or an emulator, but is {short(emulator)}")
    emulator_of(emulator)
    shots_of(shots)
    whole("batch", batch)
    workers_of(n_jobs)


def check_conditions(program: Program, parameters: object, noise: Any, hardware: Any) -> None:
    """Raise InputError for parameters that a program does not have, and for noise and hardware that do not exist."""
    if parameters is not None:
        if not isinstance(parameters, Mapping):
            raise InputError(f"parameters must be a mapping from names to numbers, but is {short(parameters)}")
        for name, value in parameters.items():
            real(f"parameters[{name!r}]", value)
        bind_parameters(program, parameters)
    surroundings(program, noise, hardware)
