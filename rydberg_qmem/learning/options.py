"""Options of estimators: each is held against what it may be, and refused by its name, the rule and the value."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.checked import checked, real_number, whole_number
from rydberg_qmem.compile.bind import bind_parameters
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.errors import InputError, short
from rydberg_qmem.language.program import Program
from rydberg_qmem.running.job import noise_settings_of

MOST_JOBS = 10_000
"""Processes of an estimator."""
NUMBERS = "a mapping from names to numbers"


def some_of(name: str, value: object, known: Sequence[str]) -> tuple[str, ...]:
    """Return `value` as a tuple if it holds one or more of the known words, each once; raises InputError if not.

    >>> some_of("features", ["means"], ("means", "pairs"))
    ('means',)
    """
    try:
        chosen: tuple[str, ...] = arguments.values(arguments.one_of(*known))(name, value)
    except InputError:
        chosen = ()
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"{name} must be some of {sorted(known)}, each once, but are {short(value)}")
    return chosen


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False; raises InputError if not.

    >>> flag("freeze", True)
    True
    """
    return bool(checked(arguments.flag, name, value, "True or False"))


def scaling(value: object) -> bool | str:
    """Return how inputs are scaled: True (each column), "together" or False; raises InputError for anything else.

    >>> scaling("together")
    'together'
    """
    kind = arguments.words if isinstance(value, str) and value == "together" else arguments.flag
    made: bool | str = checked(kind, "scale", value, "True, False or 'together'")
    return made


def shots_of(value: Any) -> int | None:
    """Return a number of shots, or None for exact means; raises InputError for anything else.

    >>> shots_of(200)
    200
    """
    kind = arguments.optional(arguments.whole(1))
    made: int | None = checked(kind, "shots", value, "a whole number of at least 1, or None for exact means")
    return made


def workers_of(n_jobs: Any) -> int:
    """Return how many processes scikit-learn's `n_jobs` means: None is one, -1 as many as there are processors.

    >>> workers_of(None)
    1
    """
    rule = "a whole number other than 0, or None for one process"
    asked = checked(arguments.optional(arguments.whole()), "n_jobs", n_jobs, rule)
    if asked is None:
        return 1
    if asked == 0 or abs(asked) > MOST_JOBS:
        raise InputError(f"n_jobs must be {rule}, but is {short(n_jobs)}")
    return max(1, (os.cpu_count() or 1) + 1 + asked) if asked < 0 else int(asked)


def check_machine(emulator: Any, shots: object, batch: object, n_jobs: object) -> None:
    """Raise InputError for an emulator, a number of shots, of series in a batch, or of processes that cannot be.

    >>> check_machine("ideal", None, 1000, None)
    """
    if not isinstance(emulator, str) and not all(hasattr(emulator, name) for name in ("name", "capabilities")):
        raise InputError(f"emulator must be a name or an emulator, but is {short(emulator)}")
    emulator_of(emulator)
    shots_of(shots)
    whole_number("batch", batch)
    workers_of(n_jobs)


def check_conditions(program: Program, parameters: Any, noise: Any, hardware: Any) -> None:
    """Raise InputError for parameters that a program does not have, and for noise and hardware that do not exist."""
    if parameters is not None:
        numbers = checked(arguments.names_to("numbers", lambda _, value: value), "parameters", parameters, NUMBERS)
        for name, value in numbers.items():
            real_number(f"parameters[{name!r}]", value)
        bind_parameters(program, numbers)
    noise_settings_of(program, noise, hardware)
