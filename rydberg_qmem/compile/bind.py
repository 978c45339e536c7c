"""Bind: put numbers in place of parameters, names in place of `$atom`; keep each block's place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.arguments import Kind, names_to, optional, setting, signal_of_rounds
from rydberg_qmem.arguments import whole as whole_number
from rydberg_qmem.compile.steps import Placed, Segment
from rydberg_qmem.errors import InputError, did_you_mean, listed, short
from rydberg_qmem.language.blocks import AnyBlock, ForEach, Repeat, When
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.program import Program

MAX_ROUNDS = 10_000_000
MAX_WINDOW = 100_000
MAX_WORK = 100_000_000
"""Terms of expressions that all inputs together may evaluate, one for each round."""
PART = 100_000
"""Rounds of an input that are evaluated at once."""
SETTINGS: dict[str, Kind] = {
    "parameters": optional(names_to("numbers", setting)),
    "inputs": optional(names_to("an expression, or one number for each round", signal_of_rounds)),
    "rounds": optional(whole_number(1, MAX_ROUNDS)),
}
"""What the settings of a program may be, wherever they are asked for."""


def bind_parameters(program: Program, overrides: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the value of every parameter; each may use the others.

    >>> from rydberg_qmem.language.program import Program
    >>> p = Program(name="p", register={"atoms": {"q": (0, 0)}}, parameters={"a": 2, "b": "3 * a"}, body=())
    >>> bind_parameters(p, {"a": 4})
    {'a': 4.0, 'b': 12.0}
    """
    given = dict(overrides or {})
    for name in given:
        if name not in program.parameters:
            hint = did_you_mean(name, list(program.parameters))
            raise InputError(f"parameters: program {program.name!r} has no parameter {name!r}{hint}")
    waiting: dict[str, Expression] = {
        name: Expression(given[name]) if name in given else value for name, value in program.parameters.items()
    }
    known: dict[str, float] = {}
    for name in _in_order(waiting):
        known[name] = known_number(waiting[name], known, f"parameters.{name}")
    return {name: known[name] for name in program.parameters}


def _in_order(values: Mapping[str, Expression]) -> Iterator[str]:
    """Yield names so that each comes after those that its value reads; InputError where that cannot be."""
    readers: dict[str, list[str]] = {}
    missing = {name: len(value.names) for name, value in values.items()}
    for name, value in values.items():
        for read in value.names:
            readers.setdefault(read, []).append(name)
    ready = [name for name, count in missing.items() if not count]
    for name in ready:  # grows on the way
        yield name
        for reader in readers.get(name, ()):
            missing[reader] -= 1
            if not missing[reader]:
                ready.append(reader)
    left = [name for name, count in missing.items() if count]
    if left:
        raise InputError(f"parameters: {listed(left)} depend on each other or on unknown names")


def known_number(expression: Expression, scope: Mapping[str, float], place: str) -> float:
    """Evaluate an expression that must be a finite number before the run."""
    free = expression.names - scope.keys()
    if free or expression.is_random or expression.uses_ensemble:
        what = ", ".join(sorted(free)) or "randomness or ensemble means"
        raise InputError(f"{place}: must be known before the run, but {expression} uses {what}")
    value = float(np.asarray(expression.evaluate(dict(scope))))
    if not np.isfinite(value):
        raise InputError(f"{place}: must be a finite number, but {expression} is {value}")
    return value


def known_whole_number(
    expression: Expression, scope: Mapping[str, float], place: str, *, minimum: int, maximum: int
) -> int:
    """Evaluate an expression that must be a whole number within bounds before the run."""
    value = known_number(expression, scope, place)
    if value != round(value) or not minimum <= value <= maximum:
        raise InputError(f"{place}: must be a whole number from {minimum} to {maximum} ({short(value)})")
    return int(value)


def bind_memory(
    program: Program, values: Mapping[str, float]
) -> tuple[dict[str, Expression], dict[str, tuple[int, Expression]]]:
    """Return the initial values of a program's memory: of single numbers, and of windows with their sizes."""
    scalars: dict[str, Expression] = {}
    windows: dict[str, tuple[int, Expression]] = {}
    for name, memory in program.memory.items():
        initial = memory.initial.bind(values)
        if memory.window is None:
            scalars[name] = initial
        else:
            size = known_whole_number(memory.window, values, f"memory.{name}.window", minimum=1, maximum=MAX_WINDOW)
            windows[name] = (size, initial)
    return scalars, windows


def bind_inputs(
    program: Program,
    parameters: Mapping[str, float],
    given: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the values of every input, one per round: given ones, or the program's defaults."""
    given = given or {}
    for name in given:
        if name not in program.inputs:
            hint = did_you_mean(name, list(program.inputs))
            raise InputError(f"inputs: program {program.name!r} has no input {name!r}{hint}")
    made: dict[str, NDArray[np.float64]] = {}
    left, work = MAX_ROUNDS, MAX_WORK
    for name in program.inputs:
        place = f"inputs.{name}"
        wanted = program.inputs[name].default if given.get(name) is None else given[name]
        if isinstance(wanted, str | Expression):
            expression = Expression(wanted)
            length = _length(program, name, parameters, rounds)
            left, work = left - length, work - length * expression.terms
            if left < 0 or work < 0:
                raise InputError(f"{place}: {_TOO_MANY}, but {name} would go beyond with {length} rounds")
            made[name] = _formula(expression, length, parameters, place)
        else:
            made[name] = _listed(wanted, rounds, place)
            left -= made[name].size
            if left < 0:
                raise InputError(f"{place}: {_TOO_MANY}, but {name} would go beyond with {made[name].size} rounds")
    return made


_TOO_MANY = f"inputs may have {MAX_ROUNDS} rounds in all, and {MAX_WORK} terms to be evaluated over their rounds"


def _length(program: Program, name: str, parameters: Mapping[str, float], rounds: int | None) -> int:
    count = rounds if rounds is not None else program.inputs[name].rounds
    if count is None:
        raise InputError(f"inputs.{name}: must say for how many rounds")
    return known_whole_number(Expression(count), parameters, f"inputs.{name}.rounds", minimum=1, maximum=MAX_ROUNDS)


def _formula(
    expression: Expression, length: int, parameters: Mapping[str, float], place: str
) -> NDArray[np.float64]:  # fmt: skip
    """Return the values of a formula of the round, evaluated a part at a time."""
    free = expression.names - parameters.keys() - {"k"}
    if free or expression.is_random or expression.uses_ensemble:
        raise InputError(f"{place}: may use parameters and k, but not {', '.join(sorted(free)) or 'randomness'}")
    scope: dict[str, Any] = {name: parameters[name] for name in expression.names - {"k"}}
    values = np.empty(length)
    for first in range(0, length, PART):
        part = values[first : first + PART]
        scope["k"] = np.arange(first, first + len(part), dtype=float)
        part[:] = expression.evaluate(scope)
    return _finite(values, place)


def _listed(wanted: ArrayLike, rounds: int | None, place: str) -> NDArray[np.float64]:
    try:
        values = np.array(wanted, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{place}: must be an expression, or one number per round ({short(wanted)})") from None
    if rounds is not None and len(np.atleast_1d(values)) != rounds:
        raise InputError(f"{place}: has {values.size} values, but {rounds} rounds were asked for")
    if values.ndim != 1 or not 1 <= values.size <= MAX_ROUNDS:
        raise InputError(f"{place}: must be one value per round, a one-dimensional array ({values.shape})")
    return _finite(values, place)


def _finite(values: NDArray[np.float64], place: str) -> NDArray[np.float64]:
    if not np.all(np.isfinite(values)):
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError(f"{place}: must be finite, but its value of round {bad} is {values[bad]}")
    return values


def map_expressions(value: Any, change: Callable[[Expression], Expression]) -> Any:
    """Return a copy of a block, waveform or container with every expression changed."""
    if isinstance(value, Expression):
        return change(value)
    if isinstance(value, Tagged):
        update = {name: map_expressions(getattr(value, name), change) for name in type(value).model_fields}
        return value.unchecked(update)
    if isinstance(value, tuple):
        return tuple(map_expressions(item, change) for item in value)
    if isinstance(value, dict):
        return type(value)({key: map_expressions(item, change) for key, item in value.items()})
    return value


def as_written(segment: Segment) -> Segment:
    """Return a segment that reads memory where its blocks were written to, not copies made before it."""
    if not segment.copies:
        return segment
    copies = dict(segment.copies)

    def written(placed: Placed) -> Placed:
        if copies.keys().isdisjoint(placed.expressions):
            return placed
        return replace(placed, block=map_expressions(placed.block, lambda e: copies.get(e, e)))

    return replace(segment, blocks=tuple(map(written, segment.blocks)), copies=())


B = TypeVar("B", bound=AnyBlock)


def bind_block(block: B, parameters: Mapping[str, float]) -> B:
    """Return the block with parameters replaced by their values, inner blocks untouched."""
    if isinstance(block, Repeat | When | ForEach):
        return block  # their own expressions are bound where they are walked
    return cast(B, map_expressions(block, lambda e: e.bind(parameters)))


def substitute_atom(block: AnyBlock, variable: str, atom: str) -> AnyBlock:
    """Return the block, and the blocks within, with `$variable` replaced by an atom's name.

    In a for_each within, of the same variable, the inner one's atoms stand for it.

    >>> from rydberg_qmem.language.blocks import Measure
    >>> substitute_atom(Measure(atoms="$atom", key="m_$atom"), "atom", "d0")
    Measure(atoms=('d0',), key='m_d0', basis=None)
    """
    token = re.compile(rf"\${variable}(?![A-Za-z0-9_])")

    def text(value: Any) -> Any:
        if isinstance(value, Expression):
            return value.substitute({variable: atom})
        if isinstance(value, str):
            return token.sub(atom, value)
        if isinstance(value, ForEach) and value.variable == variable:
            return value.unchecked({"atom": text(value.atom)})
        if isinstance(value, Tagged):
            return value.unchecked({f: text(getattr(value, f)) for f in type(value).model_fields})
        if isinstance(value, tuple):
            return tuple(text(item) for item in value)
        if isinstance(value, dict):
            return type(value)({text(key): text(item) for key, item in value.items()})
        return value

    return cast(AnyBlock, text(block))
