"""The text in a timeline: durations, expressions and what the run sets, as they are written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.plots._canvas.outlines import expressions, level
from rydberg_qmem.plots._canvas.text import formula
from rydberg_qmem.pulses import Drive


def us(duration_ns: float) -> str:
    """Return a duration in µs as text.

    >>> us(4740), us(100000)
    ('4.74', '100')
    """
    return f"{duration_ns / 1000:.6g}"


_FLOAT = re.compile(r"\d+\.\d{5,}(?:e-?\d+)?")
_LONGEST = 160
"""Characters of an expression that are written in a picture."""
_HIDDEN = re.compile(r"\b([a-z]+)\d+__")


def expression_text(expression: Expression) -> str:
    """Return an expression as it is written by hand, long numbers rounded, hidden keys by their plain name.

    What no reader follows in a picture, as the phases of a hundred rounds added up, ends with its length.

    >>> expression_text(Expression("3.141592653589793 * click2__"))
    'π·click'
    """
    text = _HIDDEN.sub(r"\1", formula(expression)).replace("==", "=").replace("--", "")
    text = _FLOAT.sub(lambda found: _number(float(found[0])), text)
    return _shortened(text)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def _number(value: float) -> str:
    fractions = {1.0: "π", 2.0: "2π", 0.5: "π/2", 0.25: "π/4"}
    near = [shown for part, shown in fractions.items() if abs(value - part * np.pi) < 1e-9]
    return near[0] if near else f"{value:.4g}"


def shown_key(key: str) -> str:
    """Return a key by its plain name, hidden ones too."""
    return _HIDDEN.sub(r"\1", key)


def assigned_text(sign: str, values: Iterable[tuple[str, Expression]]) -> str:
    """Return changes of the memory as text, one a line."""
    return "\n".join(f"{name} {sign} {expression_text(value)}" for name, value in values)


def controls_of(drive: Drive) -> Iterable[str]:
    """Yield what the run sets of a drive, as text."""
    if drive.angle is not None and drive.angle.names:
        yield f"θ = {expression_text(drive.angle)}"
    for sign, shape in (("Ω", drive.amplitude), ("δ", drive.detuning)):
        if any(e.names for e in expressions(shape)):
            yield _FLOAT.sub(lambda found: _number(float(found[0])), level(shape, sign))
    if terms := _sum_of((factor, e) for factor, e in drive.phases if e.names):
        yield f"φ = {_shortened(terms)}"


def _sum_of(terms: Iterable[tuple[float, Expression]]) -> str:
    """Return a sum as text, equal terms taken together.

    >>> _sum_of([(1, Expression("a + b")), (-1, Expression("c")), (1, Expression("a + b"))])
    '2·(a + b) - c'
    """
    factors: dict[str, float] = {}
    for factor, expression in terms:
        text = expression_text(expression)
        factors[text] = factors.get(text, 0.0) + factor
    found = [(factor, text) for text, factor in factors.items() if factor]
    if [factor for factor, _ in found] == [1.0]:
        return found[0][1]
    made = [("-" if factor < 0 else "+", _times(abs(factor), text)) for factor, text in found]
    return " ".join(f"{sign} {text}" for sign, text in made).removeprefix("+ ")


def _times(factor: float, text: str) -> str:
    enclosed = text if text.isidentifier() else f"({text})"
    return enclosed if factor == 1 else f"{factor:g}·{enclosed}"
