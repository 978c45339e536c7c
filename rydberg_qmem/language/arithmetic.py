"""The operators and functions of feedforward expressions: a fixed table, over all branches at once."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ROUNDING = 1e-12
"""How far rounding may carry an argument of asin, acos or sqrt out of its domain."""
UNARY: dict[type[ast.unaryop], Callable[..., Any]] = {
    ast.UAdd: np.positive,
    ast.USub: np.negative,
    ast.Not: lambda x: np.equal(x, 0).astype(float),
}
BINARY: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.remainder,
    ast.Pow: np.power,
}
COMPARE: dict[type[ast.cmpop], Callable[..., Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


def _inside_one(x: Array) -> Array:
    size = np.abs(x)
    return x if (size <= 1).all() else np.where((size > 1) & (size <= 1 + ROUNDING), np.sign(x), x)


def _root(x: Array) -> Array:
    return np.sqrt(x if (x >= 0).all() else np.where((x < 0) & (x >= -ROUNDING), 0.0, x))


def every(*values: Array) -> Any:
    """Return 1 where all values hold, else 0."""
    return reduce(np.logical_and, values).astype(float)


def some(*values: Array) -> Any:
    """Return 1 where any value holds, else 0."""
    return reduce(np.logical_or, values).astype(float)


def _least(*values: Array) -> Any:
    return reduce(np.minimum, values)


def _greatest(*values: Array) -> Any:
    return reduce(np.maximum, values)


ELEMENTWISE: dict[str, tuple[int, Callable[..., Any]]] = {
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "tan": (1, np.tan),
    "asin": (1, lambda x: np.arcsin(_inside_one(x))),
    "acos": (1, lambda x: np.arccos(_inside_one(x))),
    "atan": (1, np.arctan),
    "atan2": (2, np.arctan2),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "sqrt": (1, _root),
    "abs": (1, np.abs),
    "clip": (3, lambda x, low, high: np.minimum(np.maximum(x, low), high)),
    "where": (3, lambda condition, yes, no: np.where(np.not_equal(condition, 0), yes, no)),
    "floor": (1, np.floor),
    "sign": (1, np.sign),
    "tanh": (1, np.tanh),
}
REDUCE: dict[str, Callable[..., Any]] = {
    "mean": lambda columns: sum(columns) / len(columns),
    "sum": sum,
    "min": lambda columns: reduce(np.minimum, columns),
    "max": lambda columns: reduce(np.maximum, columns),
}
"""Over the columns one by one: a row's result must not hang on how the rows lie in memory."""
SEVERAL: dict[str, Callable[..., Any]] = {"min": _least, "max": _greatest}
RANDOM = frozenset({"uniform", "normal"})
FUNCTIONS = frozenset({*ELEMENTWISE, *REDUCE, *RANDOM, "ensemble_mean"})
RESERVED = FUNCTIONS | {"pi"}
"""Names that no parameter, input, memory variable or key may have."""
