"""What arguments may be: each kind takes a name and a value and gives the value back, plain, or refuses it by name."""

from __future__ import annotations

import functools
import inspect
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numpy as np

from rydberg_qmem.errors import InputError, did_you_mean, short

P = ParamSpec("P")
R = TypeVar("R")
Kind: TypeAlias = Callable[[str, Any], Any]
"""What an argument may be: called with its name and value, it gives the value or raises InputError."""


LARGEST = 10**15
"""Whole numbers beyond this are refused wherever no other bound is said: floats count them no more one by one."""


def taking(**kinds: Kind) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function hold its arguments against their kinds, by name; what has its default is not looked at.

    >>> @taking(times=whole(1))
    ... def again(text, times=None):
    ...     return text * times
    >>> again("ab", 2)
    'abab'
    >>> again("ab", "2")
    Traceback (most recent call last):
    rydberg_qmem.errors.InputError: times: must be a whole number of at least 1 ('2')
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        if unknown := kinds.keys() - signature.parameters.keys():
            raise TypeError(f"{function.__qualname__} has no arguments {sorted(unknown)}")

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            for name, value in bound.arguments.items():
                if name in kinds and value is not signature.parameters[name].default:
                    bound.arguments[name] = kinds[name](name, value)
            return function(*bound.args, **bound.kwargs)

        return checked

    return decorate


def refuse(name: str, rule: str, value: object) -> InputError:
    """Return the error of an argument: its name, what it must be, and what it is."""
    return InputError(f"{name}: must be {rule} ({short(value)})")


def optional(kind: Kind) -> Kind:
    """Return a kind that is None as well."""
    return lambda name, value: None if value is None else kind(name, value)


def plain(value: Any) -> Any:
    """Return a single number of NumPy or xarray as Python's own; everything else as it is.

    >>> plain(np.float64(0.5)), plain("a")
    (0.5, 'a')
    """
    if getattr(value, "ndim", None) != 0 or not hasattr(value, "item"):
        return value
    return value if np.ma.is_masked(value) else value.item()


def whole(least: int | None = None, most: int | None = None, also: str = "") -> Kind:
    """Return the kind of whole numbers between bounds; 3.0 is one, True and "3" are none; `also` ends the rule.

    >>> whole(1, 9)("shots", 3.0)
    3
    """
    bounds = {
        (True, True): f" from {least} to {_said(most)}",
        (True, False): f" of at least {least}",
        (False, True): f" of at most {_said(most)}",
    }.get((least is not None, most is not None), "")

    def kind(name: str, value: Any) -> int:
        number = plain(value)
        fits = isinstance(number, int | float) and not isinstance(number, bool)
        if not fits or (isinstance(number, float) and not number.is_integer()):
            raise refuse(name, f"a whole number{bounds}{also}", value)
        if (least is not None and number < least) or number > (LARGEST if most is None else most) or number < -LARGEST:
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
    least: float = -math.inf, most: float = math.inf, *, above: float = -math.inf, finite: bool = True, also: str = ""
) -> Kind:
    """Return the kind of real numbers from `least` to `most`, `above` a bound; `finite=False` lets infinity in.

    >>> real(above=0, finite=False)("max_seconds", math.inf)
    inf
    """
    bounds = [f"of at least {least:g}"] * (least > -math.inf) + [f"above {above:g}"] * (
        above > -math.inf and above != 0
    )
    bounds += [f"of at most {most:g}"] * (most < math.inf)
    rule = " ".join([f"a {'positive ' * (above == 0)}{'finite ' * finite}number", *bounds]) + also

    def kind(name: str, value: Any) -> float:
        number = as_float(value)
        if number is None or not (least <= number <= most and number >= above and number != above):
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


def single(name: str, value: Any) -> Any:
    """Take one value, no array, whose kind is looked at elsewhere."""
    if getattr(value, "ndim", 0) or is_xarray(value):
        raise refuse(name, "one value, no array", value)
    return value


def ordered(name: str, value: Any) -> tuple[Any, ...]:
    """Take a list, a tuple, a range or an array, whose items are looked at elsewhere."""
    return tuple(listed(name, value))


def flag(name: str, value: Any) -> bool:
    """Take True and False.

    >>> flag("overwrite", np.True_)
    True
    """
    chosen = plain(value)
    if not isinstance(chosen, bool):
        raise refuse(name, "True or False", value)
    return chosen


def text(name: str, value: Any) -> str:
    """Take text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refuse(name, "a text, not empty", value)
    return str(value)


def labels(name: str, value: Any) -> Any:
    """Take labels of any kind, one for each case, in a list or an array, none of them masked."""
    if any(isinstance(one, list | tuple) for one in listed(name, value, "labels")):
        raise refuse(name, "a list of labels", value)
    return value


def words(name: str, value: Any) -> str:
    """Take text, which may be empty."""
    if not isinstance(value, str):
        raise refuse(name, "a text", value)
    return str(value)


def one_of(*known: str) -> Kind:
    """Return the kind of the known words.

    >>> one_of("vector", "auto")("state", "auto")
    'auto'
    """

    def kind(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            near = hint if hint.startswith("; did") else ""
            raise refuse(name, f"one of {', '.join(known)}{near}", value)
        return str(value)

    return kind


def path(name: str, value: Any) -> Path:
    """Take a path, as text or as an object."""
    if isinstance(value, str | os.PathLike) and isinstance(there := os.fspath(value), str) and there:
        return value if isinstance(value, Path) else Path(there)
    raise refuse(name, "a path", value)


def names_to(what: str, kind: Kind) -> Kind:
    """Return the kind of mappings from names to values of a kind.

    >>> names_to("numbers", real())("start", {"x": 1})
    {'x': 1.0}
    """

    def mapping(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or is_xarray(value):
            raise refuse(name, f"a mapping from names to {what}", value)
        for key in value:
            if not isinstance(key, str):
                raise refuse(name, f"a mapping from names to {what}, and a name a text", key)
        return {key: kind(f"{name}.{key}", item) for key, item in value.items()}

    return mapping


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


def values(kind: Kind, what: str = "values", least: int = 0, most: int | None = None) -> Kind:
    """Return the kind of lists, tuples, ranges and arrays of `least` to `most` items of a kind, as tuples.

    >>> values(whole(1), "whole numbers")("delays", range(1, 4))
    (1, 2, 3)
    """

    def several(name: str, value: Any) -> tuple[Any, ...]:
        made = listed(name, value, what)
        if len(made) < least or (most is not None and len(made) > most):
            raise refuse(name, f"a list of {'at least ' * (most is None)}{least} {what}", value)
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


def is_xarray(value: Any) -> bool:
    """Return whether a value is a Dataset or a DataArray of xarray."""
    return type(value).__module__.partition(".")[0] == "xarray"


def mapping(name: str, value: Any) -> Any:
    """Take a mapping, whose keys and values are looked at elsewhere."""
    if not isinstance(value, Mapping) or is_xarray(value):
        raise refuse(name, "a mapping", value)
    return value


def named(name: str, value: Any) -> dict[str, Any]:
    """Take a mapping from names, to values that are looked at elsewhere."""
    return dict(names_to("values", lambda name, item: item)(name, value))


def made(wanted: type[Any]) -> Kind:
    """Return the kind of the instances of a class.

    >>> made(int)("limits", "x")
    Traceback (most recent call last):
    rydberg_qmem.errors.InputError: limits: must be an object of the class int ('x')
    """

    def kind(name: str, value: Any) -> Any:
        if not isinstance(value, wanted):
            raise refuse(name, f"an object of the class {wanted.__name__}", value)
        return value

    return kind


def a_class(name: str, value: Any) -> Any:
    """Take a class, not an object of one."""
    if not isinstance(value, type):
        raise refuse(name, "a class", value)
    return value


def record(name: str, value: Any) -> Any:
    """Take a record: an xarray Dataset."""
    xarray = sys.modules.get("xarray")
    if xarray is None or not isinstance(value, xarray.Dataset):
        raise refuse(name, "a record, an xarray.Dataset", value)
    return value


def data_array(name: str, value: Any) -> Any:
    """Take an xarray DataArray."""
    xarray = sys.modules.get("xarray")
    if xarray is None or not isinstance(value, xarray.DataArray):
        raise refuse(name, "an xarray.DataArray", value)
    return value


def signal(name: str, value: Any) -> Any:
    """Take a variable's name, or an xarray DataArray."""
    if isinstance(value, str):
        return text(name, value)
    xarray = sys.modules.get("xarray")
    if xarray is None or not isinstance(value, xarray.DataArray):
        raise refuse(name, "a name or an xarray DataArray", value)
    return value


def function_of(count: int) -> Kind:
    """Return the kind of functions that take so many arguments by place."""

    def kind(name: str, value: Any) -> Any:
        if not takes(value, count):
            raise refuse(name, f"a function of {count} argument{'s' * (count != 1)}", value)
        return value

    return kind


def takes(value: object, count: int) -> bool:
    """Return whether a value is a function, no class, that can be called with so many arguments by place.

    >>> takes(len, 1), takes(lambda: 0, 1), takes(int, 1)
    (True, False, False)
    """
    if not callable(value) or isinstance(value, type):
        return False
    try:
        inspect.signature(value).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # built in, without a signature
        pass
    return True


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
