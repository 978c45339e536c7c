"""A Pulser sequence with all its values: variables and traps from the caller, the job around it, or its own file."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rydberg_qmem.errors import InputError, did_you_mean, short
from rydberg_qmem.interop.pulser_text import AbstractForm, cut, defaults_of, refuse_long, sequence_from, variables_in


@dataclass(frozen=True)
class Given:
    """Values for a sequence: `variables` and `qubits` of the caller, and which `job` to take others from."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    qubits: Mapping[Any, int] | None = None
    job: int | None = None


def built_from_text(form: AbstractForm, given: Given) -> Any:
    """Return the sequence that an abstract form holds, with all its values.

    Those which the caller does not give are the job's, else the defaults of the file. Raises InputError for a value
    that is missing, unknown, of the wrong length or kind, and for one that Pulser refuses.
    """
    defaults, traps = defaults_of(form.abstract)
    of_job = dict(_of_job(form, given.job))
    qubits = given.qubits or of_job.pop("qubits", None) or traps
    declared = {name: (len(v["value"]), v["type"] == "int") for name, v in form.abstract["variables"].items()}
    _check_known(given.variables, declared)
    values = {**defaults, **of_job, **given.variables}
    used = set(variables_in(form.abstract["operations"]))
    checked = {name: _value(name, *kind, values.get(name)) for name, kind in declared.items() if name in used}
    return _placed(sequence_from(form, checked), {}, given.qubits if given.qubits else qubits, asked=given.qubits)


def built(sequence: Any, given: Given) -> Any:
    """Return a live sequence with all its values; it is itself where it has no open ones."""
    if given.job is not None:
        raise InputError("from_pulser: a sequence holds no jobs: job is for the JSON of one")
    declared = {name: (int(v.size), v.dtype is int) for name, v in sequence.declared_variables.items()}
    _check_known(given.variables, declared)
    if not sequence.is_parametrized():
        return _placed(sequence, {}, given.qubits, asked=given.qubits)
    checked = {name: _value(name, *kind, given.variables.get(name)) for name, kind in declared.items()}
    try:
        form = AbstractForm(json.loads(_quietly(sequence.to_abstract_repr, skip_validation=True)))
        sequence_from(form, checked)  # which refuses one that lasts too long before it is sampled
    except InputError as error:
        if "samples" in str(error):
            raise
    except Exception:  # what Pulser cannot write it can build all the same
        pass
    return _placed(sequence, checked, given.qubits, asked=given.qubits)


def _check_known(variables: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    for name in sorted(variables.keys() - declared.keys()):
        known = did_you_mean(name, list(declared)) or ": the sequence has none"
        raise InputError(f"from_pulser: {name!r} is no variable of the sequence{known}")


def _of_job(form: AbstractForm, job: int | None) -> Mapping[str, Any]:
    """Return the values of one job."""
    if job is not None:
        if not 0 <= job < len(form.values):
            raise InputError(f"from_pulser: job must number one of the {len(form.values)} jobs with variables ({job})")
        return form.values[job]
    distinct = [values for i, values in enumerate(form.values) if values not in form.values[:i]]
    if len(distinct) > 1:
        raise InputError(f"from_pulser: the file holds {len(form.values)} jobs with variables: give job, from 0")
    return distinct[0] if distinct else {}


def _value(name: str, size: int, whole: bool, given: Any) -> Any:
    """Return a variable's value as Pulser takes it: of its length, and whole where it is an int."""
    asked = "a number" if size == 1 else f"{size} numbers"
    if given is None:
        raise InputError(f"from_pulser: variable {name} has no value: give variables {name}, {asked} (--set {name}=…)")
    try:
        numbers = np.atleast_1d(np.asarray(given, dtype=float))
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != (size,) or not np.isfinite(numbers).all():
        raise InputError(f"from_pulser: variable {name} must be {asked} ({short(given)})")
    if whole and np.any(numbers != np.round(numbers)):
        raise InputError(f"from_pulser: variable {name} must be whole ({short(given)})")
    return numbers.astype(int).tolist() if whole else numbers.tolist()


def _placed(sequence: Any, values: Mapping[str, Any], qubits: Mapping[Any, int] | None, *, asked: Any) -> Any:
    """Return the sequence with its atoms in traps and its variables set."""
    if not sequence.is_register_mappable():
        if asked:
            raise InputError("from_pulser: qubits are given, but the sequence's register has its places already")
        return _build(sequence, values) if values else sequence
    if not qubits:
        ids = list(map(str, sequence.get_register(include_mappable=True).qubit_ids))
        wanted = f"a trap for each of {', '.join(ids)}, or for the first of them (--qubits {ids[0]}=…)"
        raise InputError(f"from_pulser: the register is mappable: give qubits, {wanted}")
    return _build(sequence, {"qubits": dict(qubits), **values})


def _build(sequence: Any, given: Mapping[str, Any]) -> Any:
    try:
        made = _quietly(sequence.build, **given)
    except Exception as error:  # Pulser raises what its parts raise
        raise InputError(f"from_pulser: Pulser refuses these values: {type(error).__name__}: {cut(error)}") from None
    refuse_long(made.get_duration(), len(made.register.qubit_ids))
    return made


def _quietly(call: Any, *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*args, **kwargs)
