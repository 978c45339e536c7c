"""Outlines of waveforms: what they look like before anything runs, and their size as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

import numpy as np

from rydberg_qmem.compile.bind import map_expressions
from rydberg_qmem.compile.clock import middling
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import (
    Blackman,
    Composite,
    Constant,
    Custom,
    Interpolated,
    Kaiser,
    Ramp,
    Waveform,
)
from rydberg_qmem.plots._canvas.canvas import Floats
from rydberg_qmem.plots._canvas.text import formula
from rydberg_qmem.pulses import duration_of, levels

Values = Mapping[str, float]


def duration_ns(shape: Waveform, values: Values) -> int:
    """Return how long a waveform lasts; 100 ns where that is not known before the run."""
    try:
        return min(max(duration_of(_bound(shape, values), middling(shape)), 1), 100_000)
    except QmemError:
        return 100


def _bound(shape: Any, values: Values) -> Any:
    return map_expressions(shape, lambda e: e.bind(values))


def outline_of(shape: Waveform | Expression, values: Values, length: int | None = None) -> Floats:
    """Return a waveform's outline, its largest value 1 or -1; a box where it cannot be told beforehand."""
    try:
        bound = _bound(shape, values)
        duration = length if isinstance(shape, Expression) else duration_ns(shape, values)
        made = levels(bound, middling(bound), duration or 100)
    except QmemError:
        return np.ones(2)
    at = np.linspace(0, made.breaks[-1] - 1, 41)
    heights = made.values[0][np.searchsorted(made.breaks, at, side="right") - 1]
    top = np.abs(heights).max()
    return np.asarray(heights / top if np.isfinite(top) and top > 0 else np.zeros(2))


def level(shape: Waveform | Expression, sign: str) -> str:
    """Return the size of a waveform as text: its value, area or ends, or else its kind.

    >>> level(Expression("pi / 2"), "Ω")
    'Ω = π/2'
    """
    match shape:
        case Expression() | Constant(value=Expression()):
            return f"{sign} = {formula(shape if isinstance(shape, Expression) else shape.value)}"
        case Constant(area=area) | Blackman(area=area) | Kaiser(area=area):
            return f"∫{sign} = {formula(area)}"
        case Ramp(start=start, stop=stop):
            return f"{sign}: {formula(start)} → {formula(stop)}"
        case Interpolated() | Custom() | Composite():
            return f"{sign}: {shape.kind}"
        case _:
            assert_never(shape)


def expressions(part: Any) -> list[Expression]:
    """Return all expressions inside a block or waveform."""
    found: list[Expression] = []

    def note(expression: Expression) -> Expression:
        found.append(expression)
        return expression

    map_expressions(part, note)
    return found
