"""Where expressions stand in blocks and waveforms: each with its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import Composite, Kaiser


def expressions_of_block(block: Any) -> Iterator[tuple[str, Expression]]:
    """Yield every expression of a block with its path inside the block."""
    for name, info in type(block).model_fields.items():
        yield from placed_expressions(getattr(block, name), info.alias or name)


def placed_expressions(value: Any, at: str) -> Iterator[tuple[str, Expression]]:
    """Yield every expression inside a value that stands at a path, each with its own."""
    if isinstance(value, Expression):
        yield at, value
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from placed_expressions(item, f"{at}[{i}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from placed_expressions(item, f"{at}.{name}")
    elif hasattr(type(value), "kind"):
        for inner, expression in expressions_of_block(value):
            yield f"{at}.{value.kind}.{inner}", expression


def kaiser_betas(shape: object, at: str) -> Iterator[tuple[str, Expression]]:
    """Yield the shape parameters of Kaiser windows, which fix a waveform's samples."""
    match shape:
        case Kaiser():
            yield f"{at}.kaiser.beta", shape.beta
        case Composite():
            for i, part in enumerate(shape.waveforms):
                yield from kaiser_betas(part, f"{at}.composite.waveforms[{i}]")
        case _:
            pass
