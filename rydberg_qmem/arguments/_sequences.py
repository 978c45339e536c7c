"""Many values at once: lists, tuples and arrays of values of a kind, and arrays of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rydberg_qmem.arguments._numbers import as_float
from rydberg_qmem.arguments._objects import is_xarray
from rydberg_qmem.arguments._taking import Kind, refuse


def single(name: str, value: Any) -> Any:
    """Take one value, no array, whose kind is looked at elsewhere."""
    if getattr(value, "ndim", 0) or is_xarray(value):
        raise refuse(name, "one value, no array", value)
    return value


def ordered(name: str, value: Any) -> tuple[Any, ...]:
    """Take a list, a tuple, a range or an array, whose items are looked at elsewhere."""
    return tuple(listed(name, value))


def labels(name: str, value: Any) -> Any:
    """Take labels of any kind, one for each case, in a list or an array, none of them masked."""
    if any(isinstance(one, list | tuple) for one in listed(name, value, "labels")):
        raise refuse(name, "a list of labels", value)
    return value


def signal_of_rounds(name: str, value: Any) -> Any:
    """Take an expression as text, or one finite number for each round; what is masked is no number."""
    if value is None or isinstance(value, str) or type(value).__name__ == "Expression":
        return value
    return numbers(dims=1)(name, value)


def numbers(*, dims: int | None = None) -> Kind:
    """Return the kind of arrays of real numbers: nothing ragged, masked or complex, no text; None in it is NaN.

    >>> numbers(dims=1)("samples", [1, 2]).tolist()
    [1.0, 2.0]
    """
    rule = "real numbers, a list or an array" if dims is None else f"real numbers, an array of {dims} axis"

    def kind(name: str, value: Any) -> Any:
        if np.ma.is_masked(value):
            raise refuse(name, f"{rule}, none of them masked", value)
        try:
            made = np.asarray(value)
        except (TypeError, ValueError):
            raise refuse(name, rule, value) from None
        if made.dtype == object:
            made = _floats(name, rule, made, value)
        truth = made.dtype.kind == "b" and not made.ndim
        if made.dtype.kind not in "biuf" or truth or (dims is not None and made.ndim != dims):
            raise refuse(name, rule, value)
        return made.astype(float) if made.dtype.kind != "f" else made

    return kind


def amplitudes(name: str, value: Any) -> Any:
    """Take an array of numbers, which may be complex: a state, or a density matrix.

    >>> amplitudes("state", [1, 1j]).tolist()
    [(1+0j), 1j]
    """
    rule = "an array of numbers, real or complex"
    try:
        made = np.asarray(value)
    except (TypeError, ValueError):  # ragged
        raise refuse(name, rule, value) from None
    if made.dtype.kind not in "biufc" or not made.ndim or np.ma.is_masked(value):
        raise refuse(name, rule, value)
    return made.astype(complex)


def _floats(name: str, rule: str, made: Any, value: Any) -> Any:
    """Return an array of objects as floats, if each is a number or None."""
    if not made.ndim or not all(one is None or as_float(one) is not None for one in made.ravel().tolist()):
        raise refuse(name, rule, value)
    return made.astype(float)


def values(kind: Kind, what: str = "values", minimum: int = 0, maximum: int | None = None) -> Kind:
    """Return the kind of lists, tuples, ranges and arrays of `minimum` to `maximum` items of a kind, as tuples.

    >>> from rydberg_qmem.arguments import whole
    >>> values(whole(1), "whole numbers")("delays", range(1, 4))
    (1, 2, 3)
    """

    def several(name: str, value: Any) -> tuple[Any, ...]:
        made = listed(name, value, what)
        if len(made) < minimum or (maximum is not None and len(made) > maximum):
            raise refuse(name, f"a list of {'at least ' * (maximum is None)}{minimum} {what}", value)
        return tuple(kind(f"{name}[{i}]", item) for i, item in enumerate(made))

    return several


def listed(name: str, value: Any, what: str = "values") -> list[Any]:
    """Return the items of what has an order and an end: no set, no mapping, no text, nothing masked."""
    array = getattr(value, "ndim", 0) >= 1 and hasattr(value, "dtype")
    masked = bool(np.ma.is_masked(value))
    ordered = isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
    if masked or not (array or ordered):
        raise refuse(name, f"a list of {what}{', none of them masked' * masked}", value)
    return list(np.asarray(value)) if array else list(value)
