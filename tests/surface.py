"""The public surface: every function, class and method with arguments that public names lead to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

DOORS = (
    "", "analysis", "blocks", "emulators", "gallery", "learning", "plots", "programs", "report", "waveforms",
    "language.hardware",
)  # fmt: skip
"""Where public names begin: the package, those within it, and modules that pages import from."""
BESIDE = (
    "gates.calibrate", "interop.export.write", "emulators.registry.emulator_of", "store.netcdf.export",
    "interop.openqasm.from_openqasm", "interop.openqasm.to_openqasm", "interop.openqasm.from_qiskit",
    "interop.openqasm.from_cirq", "interop.openqasm.from_stim",
)  # fmt: skip
"""Functions of other modules that pages and the command line lead to."""


def public() -> dict[str, Callable[..., Any]]:
    """Return everything public that is called with arguments, by module and name; inherited methods once."""
    found: dict[str, Callable[..., Any]] = {}
    for door in DOORS:
        for value in _values(import_module(f"rydberg_qmem.{door}".rstrip("."))):
            found |= dict(_called(value))
    for module, _, name in (place.rpartition(".") for place in BESIDE):
        found |= dict(_called(getattr(import_module(f"rydberg_qmem.{module}"), name)))
    return dict(sorted(found.items()))


def key_of(value: Any) -> str:
    """Return what a function, class or method is called here: `learning.readout.Readout.predict`, say."""
    plain = inspect.unwrap(getattr(value, "__func__", value))
    return f"{plain.__module__.removeprefix('rydberg_qmem.')}.{plain.__qualname__}"


def _values(module: ModuleType) -> Iterator[Any]:
    """Yield what a module gives away: the names of its `__all__`, else its own; of modules among them, theirs."""
    listed = getattr(module, "__all__", None)
    for name in list(vars(module)) if listed is None else listed:
        value = getattr(module, name)
        if listed is None and (name.startswith("_") or getattr(value, "__module__", None) != module.__name__):
            continue
        if isinstance(value, ModuleType):
            yield from _values(value)
        else:
            yield value


def _called(value: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield a function or class of this package, and a class's methods, if they take arguments."""
    if not callable(value) or not getattr(value, "__module__", "").startswith("rydberg_qmem"):
        return
    if not inspect.isclass(value):
        if inspect.signature(value).parameters:
            yield key_of(value), value
    elif not issubclass(value, Exception):
        if list(inspect.signature(value).parameters):
            yield key_of(value), value
        for name in dir(value):
            method = getattr(value, name)
            plain = inspect.unwrap(getattr(method, "__func__", method))
            own = inspect.isfunction(plain) and plain.__module__.startswith("rydberg_qmem.")
            if own and not name.startswith("_") and list(inspect.signature(method).parameters) not in ([], ["self"]):
                yield key_of(method), method
