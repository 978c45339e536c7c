"""Numbers put in the place of names in the tree of an expression, and the text that a number has there."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from math import isfinite
from typing import cast

import numpy as np

from rydberg_qmem.errors import short
from rydberg_qmem.language.evaluation import (
    ExpressionError,
)
from rydberg_qmem.language.parsing import parsed
from rydberg_qmem.language.syntax import MAX_INTEGER, simplest


def number_text(number: object) -> str:
    """Return the text of a finite number; raise ExpressionError for what is none, or too large."""
    if isinstance(number, bool | np.bool_):
        raise ExpressionError(short(number), "must be a number or a text, not a truth value: write 1 or 0")
    if isinstance(number, int | np.integer):
        if abs(int(number)) > MAX_INTEGER:
            raise ExpressionError(short(number), "integers must lie within ±10**15")
        return str(int(number))
    if not isinstance(number, float | np.floating):
        raise ExpressionError(short(number), f"must be a number or a text, not {type(number).__name__}")
    if not isfinite(number):
        raise ExpressionError(short(number), "must be a finite number")
    return repr(simplest(float(number)))


class WithoutMeans(ast.NodeTransformer):
    """Puts what `ensemble_mean` averages in its place."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Return what a call of `ensemble_mean` averages, any other call as it is."""
        self.generic_visit(node)
        return node.args[0] if isinstance(node.func, ast.Name) and node.func.id == "ensemble_mean" else node


class Binder(ast.NodeTransformer):
    """Puts numbers in the place of plain names; keys before a dot and windows before an index stay."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self.values = values

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Return an outcome as it is."""
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Return an entry of a window as it is."""
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Return a call with numbers among its arguments; its name is none of the names."""
        node.args = [cast(ast.expr, self.visit(argument)) for argument in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Return the number of a name that has one."""
        if node.id not in self.values:
            return node
        number = parsed(number_text(self.values[node.id])).value
        if isinstance(number, str):
            raise ExpressionError(number, f"{node.id} must be bound to a number")
        constant = ast.Constant(value=abs(number))
        return constant if number >= 0 else ast.UnaryOp(op=ast.USub(), operand=constant)
