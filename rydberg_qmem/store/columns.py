"""The arrays that a stored record has, found from its compiled points before any of them runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled, Variable
from rydberg_qmem.store.creation import RecordColumn
from rydberg_qmem.store.records import attributes_of


@dataclass
class _Seen:
    """One variable over all points: the room that the longest needs."""

    variable: Variable
    attrs: dict[str, Any]
    shape: tuple[int, ...] = ()
    given: dict[int, NDArray[Any]] = field(default_factory=dict)

    def take(self, point: int, variable: Variable, one: Compiled) -> None:
        """Make room for one more point."""
        shape = (*(one.rounds[loop] for loop in variable.loops), *variable.extra_shape)
        self.shape = tuple(map(max, self.shape, shape)) if self.shape else shape
        told = attributes_of(variable)
        self.attrs = {name: value for name, value in self.attrs.items() if told.get(name) == value}
        if variable.origin == "input":
            self.given[point] = np.asarray(one.inputs[variable.source])


def columns(
    compiled: Sequence[Compiled],
    points: Sequence[Mapping[str, float]],
    swept: tuple[str, ...] | None,
    shots: int | None,
) -> list[RecordColumn]:
    """Return the arrays of a record: along `point` if anything is swept, along `shot` if anything is sampled."""
    seen: dict[str, _Seen] = {}
    rounds: dict[str, int] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for number, one in enumerate(compiled):
        for variable in one.variables:
            known = seen.setdefault(variable.name, _Seen(variable, attributes_of(variable)))
            known.take(number, variable, one)
        for loop, times in one.rounds.items():
            rounds[loop] = max(times, rounds.get(loop, 0))
        for name, texts in one.coordinates.items():
            labels[name] = max(labels.get(name, ()), tuple(texts), key=len)
    made = [_column(one, len(points), swept is not None, shots) for one in seen.values()]
    made += [_texts(name, texts) for name, texts in labels.items()]
    made += [_counted(loop, times, f"{loop} of the program") for loop, times in rounds.items()]
    made += [] if shots is None else [_counted("shot", shots, "shot")]
    return made if swept is None else [*made, *_points(points, swept)]


def _column(seen: _Seen, points: int, swept: bool, shots: int | None) -> RecordColumn:
    variable = seen.variable
    sampled = shots is not None and variable.origin in ("key", "memory", "final")
    dims = (*(("point",) if swept else ()), *(("shot",) if sampled else ()), *variable.loops, *variable.extra_dims)
    shape = (*((points,) if swept else ()), *((shots or 0,) if sampled else ()), *seen.shape)
    dtype = variable.dtype if sampled or variable.dtype == "complex128" else "float64"
    return RecordColumn(variable.name, dims, shape, dtype, seen.attrs, _given(seen, points, swept))


def _given(seen: _Seen, points: int, swept: bool) -> NDArray[Any] | None:
    """Return an input's values, shorter points filled with NaN; None if this is no input."""
    if not seen.given:
        return None
    if not swept:
        return seen.given[0]
    made = np.full((points, *seen.shape), np.nan)
    for point, values in seen.given.items():
        into: tuple[Any, ...] = (point, *map(slice, values.shape))
        made[into] = values
    return made


def _texts(name: str, texts: tuple[str, ...]) -> RecordColumn:
    kind = np.dtypes.StringDType()
    return RecordColumn(name, (name,), (len(texts),), kind, {}, np.array(texts, dtype=object).astype(kind))


def _counted(name: str, size: int, told: str) -> RecordColumn:
    return RecordColumn(name, (name,), (size,), "int64", {"long_name": told} if told else {}, np.arange(size))


def _points(points: Sequence[Mapping[str, float]], swept: tuple[str, ...]) -> list[RecordColumn]:
    made = [_counted("point", len(points), "")]
    for name in swept:
        values = np.array([point[name] for point in points], dtype=float)
        made.append(RecordColumn(name, ("point",), values.shape, "float64", {"long_name": f"parameter {name}"}, values))
    return made
