"""Objects of classes: records and other data of xarray, classes, and functions."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from rydberg_qmem.arguments._taking import Kind, refuse
from rydberg_qmem.arguments._texts import text


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
    if not _is_of_xarray("Dataset", value):
        raise refuse(name, "a record, an xarray.Dataset", value)
    return value


def data_array(name: str, value: Any) -> Any:
    """Take an xarray DataArray."""
    if not _is_of_xarray("DataArray", value):
        raise refuse(name, "an xarray.DataArray", value)
    return value


def signal(name: str, value: Any) -> Any:
    """Take a variable's name, or an xarray DataArray."""
    if isinstance(value, str):
        return text(name, value)
    if not _is_of_xarray("DataArray", value):
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


def is_xarray(value: Any) -> bool:
    """Return whether a value is a Dataset or a DataArray of xarray."""
    return type(value).__module__.partition(".")[0] == "xarray"


def _is_of_xarray(class_name: str, value: Any) -> bool:
    """Return whether a value is of a class of xarray, which is imported already if it is."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(value, getattr(xarray, class_name))
