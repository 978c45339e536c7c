"""Classical memory: values set and pushed."""

from __future__ import annotations

from typing import ClassVar, assert_never

from pydantic import Field

from rydberg_qmem.language.blocks.rules import ClassicalRule
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.values import FrozenMapping, VariableName


class Set(Tagged):
    """Give memory variables new values; all right-hand sides see the old ones."""

    kind: ClassVar[str] = "set"
    payload: ClassVar[str | None] = "values"
    values: FrozenMapping[VariableName, Expression] = Field(
        description="New values by variable; in files the mapping stands there itself."
    )


class Push(Tagged):
    """Push a value into each window; its oldest value drops out."""

    kind: ClassVar[str] = "push"
    payload: ClassVar[str | None] = "values"
    values: FrozenMapping[VariableName, Expression] = Field(
        description="Values by window; in files the mapping stands there itself."
    )


Classical = Set | Push
"""Blocks that write memory, and do nothing else."""


def classical_rule(block: Classical) -> ClassicalRule:
    """Return what a block writes: the row of its kind, filled in with its fields."""
    match block:
        case Set(values=values):
            return ClassicalRule(values)
        case Push(values=values):
            return ClassicalRule(values, windows=True)
        case _:
            assert_never(block)


__all__ = ["Push", "Set"]
