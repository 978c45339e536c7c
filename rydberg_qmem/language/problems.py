"""Turn what pydantic found wrong into problems with a place in the program and in its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rydberg_qmem.errors import Problem, ProgramError, did_you_mean, short
from rydberg_qmem.language.source_map import SourceMap

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)

MODELS: dict[str, type[BaseModel]] = {}
"""The classes of a program and of its parts by their names, each from when it is defined."""

ELSEWHERE = {
    **dict.fromkeys(("rx", "ry", "rz", "r", "x", "y", "z", "h", "hadamard", "raman", "rotation"), "rotate"),
    **dict.fromkeys(("cx", "controlled_not"), "cnot"),
    **dict.fromkeys(("cp", "cu1", "crz", "controlled_phase"), "cphase"),
    **dict.fromkeys(("readout", "read", "m", "mz", "measurement", "detect"), "measure"),
    **dict.fromkeys(("if", "if_else", "if_test", "conditional", "feedforward"), "when"),
    **dict.fromkeys(("for", "for_loop", "while", "loop", "rounds"), "repeat"),
    **dict.fromkeys(("wait", "idle", "sleep"), "delay"),
    **dict.fromkeys(("let", "assign", "update", "store", "memory"), "set"),
    **dict.fromkeys(("append",), "push"),
    **dict.fromkeys(("expect", "expectation", "observe", "snapshot"), "probe"),
}
"""What other languages call our blocks."""


def place_of(path: Sequence[str | int]) -> str:
    """Return a path as text.

    >>> place_of(("body", 0, "repeat", "body", 2, "pulse", "amplitude"))
    'body[0].repeat.body[2].pulse.amplitude'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def locate(problem: Problem, path: Sequence[str | int], source: SourceMap | None) -> Problem:
    """Return the problem with file, line and column where the source is known."""
    if source is None:
        return problem
    found = source.locate(path)
    line, column = found if found else (None, None)
    return problem.at(source.file, line, column)


def problems_of(error: ValidationError | None, data: object, source: SourceMap | None) -> list[Problem]:
    """Return every problem of a validation error, each at its place."""
    if error is None:
        return [locate(Problem("", "must not nest blocks this deep"), (), source)]
    made = []
    for entry in error.errors(include_url=False):
        path = _file_path(entry["loc"], data)
        rule, value = _rule(dict(entry), path)
        made.append(locate(Problem(place_of(path), rule, value), path, source))
    return list(dict.fromkeys(made))


def validated(model: type[M], data: object, place: str, source: SourceMap | None = None) -> M:
    """Return data that were given apart from a program as a model, or raise all their problems, places and all."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ProgramError(_placed(error, data, place, source)) from None


def refused(error: ValidationError, model: type[Any], fields: Mapping[str, Any]) -> ProgramError:
    """Return what is wrong with a part made in Python, each problem at its place: in a program, or below its kind."""
    if model._whole:
        return ProgramError(problems_of(error, fields, None))
    return ProgramError(_placed(error, fields, getattr(model, "kind", model.__name__.lower()), None))


def _placed(error: ValidationError, data: object, place: str, source: SourceMap | None) -> Iterator[Problem]:
    for entry in error.errors(include_url=False):
        path = _file_path(entry["loc"], data)
        rule, value = _rule(dict(entry), (place, *path))
        yield locate(Problem(place_of((place, *path)), rule, value), path, source)


def _file_path(loc: tuple[str | int, ...], data: object) -> Path:
    """Keep the parts of pydantic's location that exist in the file, and a missing last one."""
    path: list[str | int] = []
    here: Any = data
    for i, part in enumerate(loc):
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            if i == len(loc) - 1 and isinstance(here, Mapping) and isinstance(part, str):
                path.append(part)
            continue
        path.append(part)
    return tuple(path)


def _rule(entry: dict[str, Any], path: Path) -> tuple[str, str | None]:
    kind, value = entry["type"], entry.get("input")
    context = entry.get("ctx", {})
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _bad_tag(value, context)
    if kind == "missing":
        return "is missing", None
    if kind == "extra_forbidden":
        return f"is not known here{did_you_mean(str(path[-1]), _fields_at(path[:-1]))}", None
    if kind == "expression":
        column = context.get("column")
        where = f" at column {column} of the expression" if column else ""
        return f"{context.get('rule', entry['msg'])}{where}", short(value)
    if kind == "string_pattern_mismatch":
        return "must be a name: letters, digits, underscores; a letter first", short(value)
    if kind == "literal_error":
        return f"must be {context.get('expected')}", short(value)
    if kind == "model_type":
        return _mapping_of(path, context), short(value)
    if kind == "string_type" or (kind == "tuple_type" and str(entry["loc"][-1]).startswith("tuple[")):
        return "must be a name, in quotes if it looks like a number", short(value)  # of a union, each member says so
    message = str(entry["msg"])
    rule = message[0].lower() + message[1:] if message else "is not valid"
    shown = None if isinstance(value, Mapping | list | tuple) or hasattr(value, "model_fields") else short(value)
    return rule, shown


def _mapping_of(path: Path, context: dict[str, Any]) -> str:
    """Say what stands where something else than a mapping was given, as `measure: s`."""
    fields = _fields_at(path)
    of = f"fields: {', '.join(fields[:8])}{', …' * (len(fields) > 8)}" if fields else str(context.get("class_name"))
    return f"must be a mapping of {of}"


def _fields_at(path: Path) -> list[str]:
    """Return the fields that the mapping at a path may have."""
    fields = {"register": "Register", "noise": "Noise", "hardware": "HardwareProfile"}
    if not path:
        model = MODELS.get("Program")
    elif path[-1] in fields:
        model = MODELS.get(fields[str(path[-1])])
    elif path[0] in ("inputs", "memory"):
        model = MODELS.get("Input" if path[0] == "inputs" else "Memory")
    else:
        model = {**_kinds("block"), **_kinds("waveform")}.get(str(path[-1]))
    return [info.alias or name for name, info in model.model_fields.items()] if model is not None else []


def _kinds(family: str) -> dict[str, type[BaseModel]]:
    """Return the classes of all blocks, or of all waveforms, by the names of their kinds in files."""
    every: list[Any] = [model for model in MODELS.values() if getattr(model, "family", "") == family]
    return {model.kind: model for model in every if hasattr(model, "kind")}


def _bad_tag(value: object, context: dict[str, Any]) -> tuple[str, str | None]:
    wanted = [tag.strip(" '") for tag in str(context.get("expected_tags", "")).split(",")]
    kinds = _kinds("block")
    blocks = "constant" not in wanted and (not wanted[0] or set(wanted) & set(kinds))
    known = list(kinds if blocks else _kinds("waveform"))
    noun = "block" if blocks else "waveform"
    if isinstance(value, Mapping) and len(value) == 1:
        name = str(next(iter(value)))
        other = ELSEWHERE.get(name.lower()) if blocks else None
        hint = f"; here it is {other!r}" if other else did_you_mean(name, known)
        return f"is not a known {noun}{hint}", short(name)
    return f"must be a {noun}, written as a mapping with one key{did_you_mean('', known)}", short(value)
