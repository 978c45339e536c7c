"""Single numbers: whole and real ones between bounds, truth values, and what a parameter may be set to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rydberg_qmem.arguments._taking import Kind, refuse
from rydberg_qmem.arguments._texts import one_of, text

LARGEST = 10**15
"""Whole numbers beyond this are refused wherever no other bound is said: floats count them no more one by one."""


def plain(value: Any) -> Any:
    """Return a single number of NumPy or xarray as Python's own; everything else as it is.

    >>> plain(np.float64(0.5)), plain("a")
    (0.5, 'a')
    """
    if getattr(value, "ndim", None) != 0 or not hasattr(value, "item"):
        return value
    return value if np.ma.is_masked(value) else value.item()


def whole(minimum: int | None = None, maximum: int | None = None, also: str = "") -> Kind:
    """Return the kind of whole numbers between bounds; 3.0 is one, True and "3" are none; `also` ends the rule.

    >>> whole(1, 9)("shots", 3.0)
    3
    """
    bounds = {
        (True, True): f" from {minimum} to {_said(maximum)}",
        (True, False): f" of at least {minimum}",
        (False, True): f" of at most {_said(maximum)}",
    }.get((minimum is not None, maximum is not None), "")

    def kind(name: str, value: Any) -> int:
        number = plain(value)
        fits = isinstance(number, int | float) and not isinstance(number, bool)
        if not fits or (isinstance(number, float) and not number.is_integer()):
            raise refuse(name, f"a whole number{bounds}{also}", value)
        if (
            (minimum is not None and number < minimum)
            or number > (LARGEST if maximum is None else maximum)
            or number < -LARGEST
        ):
            raise refuse(name, f"a whole number{bounds}{also}", value)
        return int(number)

    kind.__doc__ = f"Take a whole number{bounds}{also}."
    return kind


def _said(number: int | None) -> str:
    """Return a bound as it is said: a power of two, less one, where its digits say less."""
    if number is not None and number > LARGEST and (number + 1).bit_count() == 1:
        return f"2**{number.bit_length()} - 1"
    return str(number)


def real(
    minimum: float = -math.inf,
    maximum: float = math.inf,
    *,
    above: float = -math.inf,
    finite: bool = True,
    also: str = "",
) -> Kind:
    """Return the kind of real numbers from `minimum` to `maximum`, `above` a bound; `finite=False` lets infinity in.

    >>> real(above=0, finite=False)("max_seconds", math.inf)
    inf
    """
    bounds = [f"of at least {minimum:g}"] * (minimum > -math.inf) + [f"above {above:g}"] * (
        above > -math.inf and above != 0
    )
    bounds += [f"of at most {maximum:g}"] * (maximum < math.inf)
    rule = " ".join([f"a {'positive ' * (above == 0)}{'finite ' * finite}number", *bounds]) + also

    def kind(name: str, value: Any) -> float:
        number = as_float(value)
        if number is None or not (minimum <= number <= maximum and number >= above and number != above):
            raise refuse(name, rule, value)
        if math.isinf(number) and finite:
            raise refuse(name, rule, value)
        return number

    return kind


def as_float(value: Any) -> float | None:
    """Return a number, no truth value, as a float; None if it is none, or not one that floats can hold.

    >>> as_float(np.int64(2)), as_float("2")
    (2.0, None)
    """
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        return float(number)
    except OverflowError:
        return None


def number(name: str, value: Any) -> float:
    """Take a number whose bounds are looked at elsewhere, NaN and infinity among them."""
    made = as_float(value)
    if made is None:
        raise refuse(name, "a number", value)
    return made


def flag(name: str, value: Any) -> bool:
    """Take True and False.

    >>> flag("overwrite", np.True_)
    True
    """
    chosen = plain(value)
    if not isinstance(chosen, bool):
        raise refuse(name, "True or False", value)
    return chosen


def setting(name: str, value: Any) -> Any:
    """Take what a parameter may be set to: a finite number, or an expression as text."""
    if isinstance(value, str):
        return text(name, value)
    number = as_float(value)
    if type(value).__name__ == "Expression":
        return value
    if number is None or not math.isfinite(number):
        raise refuse(name, "a finite number", value)
    return plain(value)


def cycle(name: str, value: Any) -> Any:
    """Take a cycle of a series: `last`, `first`, `all`, or its number."""
    if isinstance(value, str):
        return one_of("last", "first", "all")(name, value)
    return whole(also=", or one of last, first, all")(name, value)


SEED = whole(0, 2**128 - 1)
"""What starts random numbers."""
RESAMPLES = whole(0, 1_000_000)
"""How many times shots are drawn anew for an error."""
ROUNDS = whole(1, 10_000_000)
"""How many rounds a series has."""
