"""Arguments of constructors, checked and returned: each is refused in a sentence that says what it must be, and is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError, did_you_mean, short


def checked(kind: arguments.Kind, name: str, value: object, rule: str, more: str = "") -> Any:
    """Return `value` as its kind has it; raises InputError with the rule, and what `more` there is to say, if it fails.

    >>> checked(arguments.flag, "freeze", 1, "True or False")
    Traceback (most recent call last):
    rydberg_qmem.errors.InputError: freeze must be True or False, but is 1
    """
    try:
        return kind(name, value)
    except InputError:
        raise InputError(f"{name} must be {rule}, but is {short(value)}{more}") from None


def whole_number(name: str, value: object, minimum: int = 1) -> int:
    """Return `value` as an int if it is a whole number of at least `minimum`; raises InputError if not.

    >>> whole_number("order", 3.0)
    3
    """
    return int(checked(arguments.whole(minimum), name, value, f"a whole number of at least {minimum}"))


def real_number(name: str, value: object, *, minimum: float = -math.inf, above: float = -math.inf) -> float:
    """Return `value` as a finite float, `minimum` or more, above `above`; raises InputError if it is none.

    >>> real_number("C", 2, above=0)
    2.0
    """
    bounds = [f"of at least {minimum:g}"] * (minimum > -math.inf) + [f"above {above:g}"] * (above > -math.inf)
    return float(checked(arguments.real(minimum, above=above), name, value, " ".join(["a finite number", *bounds])))


def known_word(name: str, value: object, known: Sequence[str]) -> str:
    """Return `value` if it is one of the known words; raises InputError if not.

    >>> known_word("readout", "last", ("last", "all"))
    'last'
    """
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    near = hint if hint.startswith("; did") else ""
    return str(checked(arguments.one_of(*known), name, value, f"one of {', '.join(known)}", near))
