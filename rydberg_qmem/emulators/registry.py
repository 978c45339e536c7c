"""Emulators by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from rydberg_qmem import emulators
from rydberg_qmem.arguments import refuse
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.errors import CapabilityError, did_you_mean

NAMES = tuple(emulators.EMULATORS)


def emulator_of(wanted: str | Emulator) -> Emulator:
    """Return the emulator of a name; an emulator object (such as a `Replay`) stays as it is."""
    if not isinstance(wanted, str):
        if isinstance(wanted, type) or not all(hasattr(wanted, name) for name in ("name", "capabilities", "evolve")):
            raise refuse("emulator", f"one of {', '.join(NAMES)}, or an emulator", wanted)
        return wanted
    if wanted == "replay":
        raise CapabilityError("emulator 'replay' needs outcomes: pass emulator=rq.Replay(record)")
    if wanted not in emulators.EMULATORS:
        raise CapabilityError(f"emulator: no emulator {wanted!r}{did_you_mean(wanted, NAMES)}")
    made: Emulator = getattr(emulators, emulators.EMULATORS[wanted])()
    return made


def with_options(name: str, options: Mapping[str, Any]) -> str | Emulator:
    """Return the emulator of a name, set up with options of its class; without any, the name itself."""
    if not options:
        return name
    known = _plain_options(type(emulator_of(name)))
    for option in options:
        if option not in known:
            rest = did_you_mean(option, known) if known else "; it has none"
            raise CapabilityError(f"emulator {name!r} has no option {option!r}{rest}")
    made: Emulator = getattr(emulators, emulators.EMULATORS[name])(**options)
    return made


def options_of(wanted: str | Emulator) -> dict[str, Any]:
    """Return the options that an emulator was set up with, by name: numbers, texts, and whether; defaults too.

    >>> options_of("qutip")
    {'dark_ns': 12, 'relative_tolerance': 1e-09}
    """
    emulator = emulator_of(wanted)
    found = {option: getattr(emulator, option, None) for option in _plain_options(type(emulator))}
    return {option: value for option, value in found.items() if isinstance(value, bool | int | float | str)}


def changed_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those options of an emulator that are not the defaults of the one of that name.

    >>> changed_options("qutip", {"dark_ns": 0, "relative_tolerance": 1e-9})
    {'dark_ns': 0}
    """
    own = options_of(name) if name in emulators.EMULATORS else {}
    return {option: value for option, value in options.items() if own.get(option) != value}


def call_of(wanted: str | Emulator) -> tuple[str, dict[str, Any]] | None:
    """Return the name and options by which a run can be called again, None where an object holds more than those."""
    if isinstance(wanted, str):
        return wanted, {}
    known = emulators.EMULATORS.get(wanted.name)
    if known is None or type(wanted).__name__ != known or type(wanted) is not getattr(emulators, known):
        return None
    return None if _holds_more(type(wanted)) else (wanted.name, options_of(wanted))


def _plain_options(kind: type[Any]) -> list[str]:
    """Return the options of an emulator's class that are numbers, texts, or whether."""
    found = inspect.signature(kind).parameters.values()
    return [p.name for p in found if p.kind is p.KEYWORD_ONLY and isinstance(p.default, bool | int | float | str)]


def _holds_more(kind: type[Any]) -> bool:
    """Return whether an emulator's class takes more than plain options."""
    return len(_plain_options(kind)) < len(inspect.signature(kind).parameters)
