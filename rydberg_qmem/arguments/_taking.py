"""A function's arguments are held against their kinds by name, and what does not fit is refused by name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar

from rydberg_qmem.errors import InputError, short

P = ParamSpec("P")
R = TypeVar("R")
Kind: TypeAlias = Callable[[str, Any], Any]
"""What an argument may be: called with its name and value, it gives the value or raises InputError."""


def taking(**kinds: Kind) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function hold its arguments against their kinds, by name; what has its default is not looked at.

    >>> from rydberg_qmem.arguments import whole
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
