"""From text to a Pulser sequence: found in a job of a cloud, held against Pulser's schema field by field, and read."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rydberg_qmem.errors import InputError, short
from rydberg_qmem.language.abstract import DEPTH, MARKS, sequences_in

MOST_SAMPLES = 5_000_000
"""Atoms times nanoseconds of a sequence that is imported: the proof holds each of them several times (0.5 GB)."""


@dataclass(frozen=True)
class AbstractForm:
    """A sequence in Pulser's abstract form, where it was found, and what the job around it gives to its variables."""

    abstract: Mapping[str, Any]
    place: str = ""
    values: tuple[Mapping[str, Any], ...] = ()


def read(source: str | Mapping[str, Any]) -> AbstractForm:
    """Return the one sequence that a text or plain data hold, alone or somewhere in a job.

    Raises InputError with the field's place where it breaks Pulser's schema.
    """
    data = _parsed(source)
    found = list(sequences_in(data, ""))
    if not found and not (isinstance(data, Mapping) and data.keys() & MARKS):
        raise InputError(
            "from_pulser: holds no sequence in Pulser's abstract form: operations, channels and a register"
        )
    place, form = found[0] if found else ("", data)
    others = [at for at, other in found if other != form]
    if others:
        raise InputError(f"from_pulser: {place} and {others[0]} hold different sequences: give one of them")
    _hold_against_schema(form, place)
    return AbstractForm(form, place, tuple(_job_values(data)))


def sequence_from(form: AbstractForm, values: Mapping[str, Any]) -> Any:
    """Return Pulser's sequence of an abstract form, its variables replaced by values.

    Raises InputError with the place of the operation that Pulser refuses.
    """
    plain = {**form.abstract, "variables": {}}
    plain["operations"] = [_with_values(op, values, f"operations[{i}]") for i, op in enumerate(plain["operations"])]
    refuse_long(_least_ns(plain["operations"]), len(plain["register"]))
    try:
        return _sequence(plain, len(plain["operations"]))
    except Exception as error:  # Pulser raises what its parts raise
        at = _first_refused(plain)
        where = f"operations[{at}] ({plain['operations'][at]['op']}): " if at is not None else ""
        why = f"{type(error).__name__}: {cut(error)}"
        raise InputError(f"from_pulser: {_place(form.place, ())}{where}Pulser refuses it: {why}") from None


def refuse_long(duration_ns: float, atoms: int) -> None:
    """Refuse a sequence whose samples would not fit in memory."""
    if duration_ns * max(atoms, 1) > MOST_SAMPLES:
        raise InputError(
            f"from_pulser: a sequence must hold at most {MOST_SAMPLES} samples, its duration (ns) times its atoms, but "
            f"this one lasts {duration_ns:g} ns on {atoms}: write it with blocks, whose long pulses take no samples"
        )


def _parsed(source: str | Mapping[str, Any]) -> Any:
    if isinstance(source, Mapping):
        return source
    try:
        return json.loads(source)
    except (ValueError, RecursionError) as error:
        raise InputError(f"from_pulser: the text is not JSON ({error})") from None


# --- where the sequence is ---


def _job_values(data: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the values that each of a cloud's jobs gives to variables, outside the sequence itself."""
    if depth >= DEPTH or not isinstance(data, Mapping | list):
        return
    if isinstance(data, Mapping) and data.keys() >= MARKS:
        return
    if isinstance(data, Mapping) and isinstance(data.get("variables"), Mapping):
        yield data["variables"]
    for inner in data if isinstance(data, list) else data.values():
        yield from _job_values(inner, depth + 1)


def defaults_of(abstract: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the file's own values and traps: Pulser writes zeros where it was given none, so zeros alone are none."""
    values = {name: given["value"] for name, given in abstract["variables"].items() if any(given.get("value", ()))}
    traps = {q["qid"]: q["default_trap"] for q in abstract["register"] if "default_trap" in q}
    return values, traps


# --- what is wrong with it ---


def _hold_against_schema(form: Any, place: str) -> None:
    """Raise InputError that names the field which breaks Pulser's schema of sequences."""
    import jsonschema  # type: ignore[import-untyped]  # it has no types
    from pulser.json.abstract_repr import SCHEMAS
    from pulser.json.abstract_repr.validation import REGISTRY

    errors = jsonschema.Draft7Validator(SCHEMAS["sequence"], registry=REGISTRY).iter_errors(form)
    wrong = next(iter(_meant(errors)), None)
    if wrong is not None:
        at = _place(place, wrong.path)
        raise InputError(f"from_pulser: not a sequence in Pulser's abstract form: {at}{wrong.said}")


@dataclass(frozen=True)
class _Wrong:
    """What breaks a rule of the schema: where it stands, what it would have to be, and what it is."""

    path: tuple[Any, ...]
    rules: tuple[str, ...]
    shown: str
    names_a_kind: bool = False

    @property
    def said(self) -> str:
        """The rule and the value in words."""
        *others, last = self.rules
        return f"{', '.join(others)} or {last}{self.shown}" if others else f"{last}{self.shown}"


def _meant(errors: Iterable[Any]) -> list[_Wrong]:
    """Return what is wrong, each choice of alternatives replaced by what is wrong with the one that was meant.

    That is one whose constants (`op`, `kind`, the version) the data have, and then the one with the least errors;
    where all of them ask something else of one field, all that they ask.
    """
    found: list[_Wrong] = []
    for error in errors:
        ways: dict[Any, list[Any]] = {}
        for inner in error.context:
            ways.setdefault(inner.schema_path[0], []).append(inner)
        meant = [_meant(inner) for inner in ways.values()]
        kinds = [next((one for one in way if one.names_a_kind), way[0]) for way in meant]
        if not meant:
            found.append(_wrong(error))
        elif len({one.path for one in kinds}) == 1 and all(one.shown for one in kinds):
            first, *others = dict.fromkeys(rule for one in kinds for rule in one.rules)
            rules = (first, *(rule.removeprefix("must be ") for rule in others))
            found.append(_Wrong(kinds[0].path, rules, kinds[0].shown, any(one.names_a_kind for one in kinds)))
        else:
            found += min(meant, key=lambda way: _distance(list(way)))
    return found


def _distance(wrong: list[_Wrong]) -> tuple[bool, int, int]:
    return any(one.names_a_kind for one in wrong), len(wrong), -max(len(one.path) for one in wrong)


def _wrong(error: Any) -> _Wrong:
    """Return what a rule of the schema asks for, without the data that Pulser's message puts in front of it."""
    path, shown, wanted = tuple(error.absolute_path), f" ({short(error.instance)})", error.validator_value
    match error.validator:
        case "type":
            return _Wrong(path, (f"must be {wanted if isinstance(wanted, str) else ' or '.join(wanted)}",), shown)
        case "enum" | "const":
            named = [wanted] if error.validator == "const" else wanted
            rules = (f"must be {short(named[0])}", *(short(one) for one in named[1:]))
            return _Wrong(path, rules, shown, names_a_kind=True)
        case "required" | "additionalProperties" | "dependencies":
            return _Wrong(path, (cut(error.message),), "")
        case _:
            return _Wrong(path, (f"breaks the rule {error.validator}",), shown)


def _place(place: str, path: Iterable[Any]) -> str:
    for part in path:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    return f"{place.lstrip('.')}: " if place else ""


def cut(message: object) -> str:
    """Return the first line of a message, at most 200 characters of it."""
    line = next(iter(str(message).splitlines()), "")
    return line if len(line) <= 200 else f"{line[:199]}…"


def _sequence(form: Mapping[str, Any], operations: int) -> Any:
    """Return Pulser's sequence with the first operations of its abstract form."""
    import pulser

    part = {**form, "operations": form["operations"][:operations]}
    if operations < len(form["operations"]):
        part["measurement"] = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pulser.Sequence.from_abstract_repr(json.dumps(part))


def _first_refused(form: Mapping[str, Any]) -> int | None:
    """Return the index of the operation that Pulser refuses; None where it is none of them."""
    form = {**form, "measurement": None}
    good, bad = 0, len(form["operations"])
    if not _reads(form, good) or _reads(form, bad):
        return None
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _reads(form, middle) else (good, middle)
    return good


def _reads(form: Mapping[str, Any], operations: int) -> bool:
    try:
        _sequence(form, operations)
    except Exception:  # Pulser raises what its parts raise
        return False
    return True


# --- its values, and how long it is before anything is sampled ---


def _with_values(part: Any, values: Mapping[str, Any], place: str) -> Any:
    """Return a part of an abstract form with numbers in place of its variables and expressions."""
    if isinstance(part, list):
        return [_with_values(inner, values, place) for inner in part]
    if not isinstance(part, Mapping):
        return part
    if part.keys() & {"variable", "expression"}:
        try:
            return np.asarray(_evaluated(part, values)).tolist()
        except Exception as error:  # what NumPy raises, and names of no variable
            raise InputError(f"from_pulser: {place}: {type(error).__name__}: {cut(error)}") from None
    return {name: _with_values(inner, values, place) for name, inner in part.items()}


def _evaluated(value: Any, values: Mapping[str, Any]) -> Any:
    """Evaluate a parameter of Pulser's abstract form: a number, a variable, or an expression of them."""
    from pulser.json.abstract_repr.signatures import BINARY_OPERATORS, UNARY_OPERATORS

    if not isinstance(value, Mapping):
        return value
    if "variable" in value:
        if value["variable"] not in values:
            raise InputError(f"uses {value['variable']!r}, which is none of the sequence's variables")
        return np.asarray(values[value["variable"]])
    name = "truediv" if value["expression"] == "div" else str(value["expression"])
    left = _evaluated(value["lhs"], values)
    if name in UNARY_OPERATORS:
        return UNARY_OPERATORS[name](left)
    return BINARY_OPERATORS[name](left, _evaluated(value["rhs"], values))


def variables_in(part: Any) -> Iterator[str]:
    """Yield the names of the variables that a part of an abstract form uses."""
    if isinstance(part, Mapping) and isinstance(part.get("variable"), str):
        yield part["variable"]
    elif isinstance(part, Mapping | list):
        for inner in part if isinstance(part, list) else part.values():
            yield from variables_in(inner)


def _least_ns(operations: Iterable[Mapping[str, Any]]) -> float:
    """Return how long plain operations last at least: the longest of their channels."""
    ends: dict[str, float] = {}
    for op in operations:
        channel = str(op.get("channel", op.get("dmm_name", "")))
        ends[channel] = ends.get(channel, 0.0) + _operation_ns(op)
    return max(ends.values(), default=0.0)


def _operation_ns(op: Mapping[str, Any]) -> float:
    if op["op"] == "truncate":
        return 0.0
    shapes = [op[part] for part in ("amplitude", "detuning", "waveform", "phase") if isinstance(op.get(part), Mapping)]
    return max([_number(op.get("time", op.get("duration", 0))), *(_shape_ns(shape) for shape in shapes)])


def _shape_ns(shape: Mapping[str, Any]) -> float:
    if "waveforms" in shape:
        return sum(_shape_ns(part) for part in shape["waveforms"])
    samples = shape.get("samples")
    return float(len(samples)) if isinstance(samples, list) else _number(shape.get("duration", 0))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0
