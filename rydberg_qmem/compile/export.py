"""Out to Pulser: one `pulser.Sequence` for each segment, and its abstract JSON in a folder with an index."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rydberg_qmem.compile.check import compile_checked
from rydberg_qmem.compile.frames import frames_of
from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.steps import Compiled, MeasureStep, RepeatStep, Segment, Step, WhenStep, expressions_of
from rydberg_qmem.compile.to_pulser import to_pulser
from rydberg_qmem.errors import InputError, ProgramError, RunError, StoreError, did_you_mean
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program

INDEX = "index.json"


@dataclass(frozen=True)
class Exported:
    """One segment as a Pulser sequence: the block it begins at, and the values that its expressions were given.

    `values` holds, by name, the number and where it is from; `measured` is the basis that the sequence measures
    at its end, where the program measures all atoms there.
    """

    index: int
    place: str
    sequence: Any
    values: Mapping[str, tuple[float | list[float], str]]
    expressions: Mapping[str, float]
    measured: str | None

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"segment_{self.index:03}.json"

    def to_json(self) -> str:
        """Return the sequence in Pulser's abstract form."""
        return str(self.sequence.to_abstract_repr())


def export(
    program: Program,
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
    values: Mapping[str, float] | None = None,
    round: int = 0,
) -> tuple[Exported, ...]:
    """Return every segment of a program as a `pulser.Sequence`.

    What only a run can know is taken from `values` (memory by name, outcomes as `key` or `key.atom`), else from the
    start of the program: memory as it begins, inputs and counters of the given `round`. Outcomes have no such value,
    so a segment that reads one needs it in `values`.

    >>> from rydberg_qmem.language.library import load
    >>> [one.place for one in export(load("rabi"))]
    ['body[0].pulse']
    """
    compiled = compile_checked(program, parameters=parameters, inputs=inputs, rounds=rounds)
    problems = list(frames_of(compiled).problems.values())
    if problems:
        raise ProgramError(problems)
    known = _Known(compiled, dict(values or {}), round)
    made = tuple(_exported(segment, after, compiled, known) for segment, after in _segments(compiled.steps))
    unused = known.given.keys() - known.used
    if unused:
        name = sorted(unused)[0]
        hint = did_you_mean(name, sorted(known.names))
        raise InputError(f"values: no segment reads {name!r}{hint}")
    return made


def _segments(steps: tuple[Step, ...]) -> Iterator[tuple[Segment, Step | None]]:
    """Yield every segment with the step after it."""
    for step, after in zip(steps, (*steps[1:], None), strict=True):
        match step:
            case Segment():
                yield step, after
            case RepeatStep():
                yield from _segments(step.body)
            case WhenStep():
                yield from _segments(step.then)
                yield from _segments(step.otherwise)
            case _:
                pass


def _exported(segment: Segment, after: Step | None, compiled: Compiled, known: _Known) -> Exported:
    scope: dict[str, Any] = {}
    shown: dict[str, tuple[float | list[float], str]] = {}
    expressions = expressions_of(segment)
    for name in sorted(frozenset().union(*(e.names for e in expressions))):
        scope[name], shown[name] = known.value(name, segment)
    numbers = {str(e): _number(e, scope, segment) for e in expressions}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sequence = to_pulser(plan_segment(segment, compiled.target), scope)
        everyone = isinstance(after, MeasureStep) and len(after.atoms) == len(compiled.target.atoms)
        basis = after.basis if isinstance(after, MeasureStep) and everyone else None
        if basis is not None and basis in compiled.target.device.supported_bases:
            sequence.measure(basis)
    return Exported(segment.index, segment.place, sequence, shown, numbers, basis)


def _number(expression: Expression, scope: Mapping[str, Any], segment: Segment) -> float:
    try:
        value = float(np.ravel(np.asarray(expression.evaluate(dict(scope)), dtype=float))[0])
    except RunError as error:
        raise InputError(f"{segment.place}: {error}") from None
    if not np.isfinite(value):
        raise InputError(f"{segment.place}: {expression} is {value}, not a finite number: give other values")
    return value


@dataclass
class _Known:
    """The values of names that expressions read, and where each is from."""

    compiled: Compiled
    given: Mapping[str, float]
    round: int

    def __post_init__(self) -> None:
        self.used: set[str] = set()
        self.counters = {step.counter for step in _loops(self.compiled.steps)}
        columns = {f"{key}.{atom}" for key, atoms in self.compiled.keys.items() for atom in atoms}
        c = self.compiled
        self.names = {*c.scalars, *c.windows, *c.keys, *c.inputs, *self.counters, *columns}

    def value(self, name: str, segment: Segment) -> tuple[Any, tuple[float | list[float], str]]:
        """Return a name's value for expressions, and its value and origin for people."""
        compiled = self.compiled
        if name in compiled.keys:
            return self._outcome(name, segment)
        if name in self.given:
            self.used.add(name)
            number = float(self.given[name])
            wide = compiled.windows.get(name)
            return (np.full((1, wide[0]), number) if wide else number), (number, "given")
        if name in compiled.inputs:
            signal = compiled.inputs[name]
            if not 0 <= self.round < len(signal):
                raise InputError(f"round: must be from 0 to {len(signal) - 1}, as {name} has values ({self.round})")
            return float(signal[self.round]), (float(signal[self.round]), f"round {self.round}")
        if name in self.counters:
            return float(self.round), (float(self.round), f"round {self.round}")
        return self._memory(name, segment)

    def _memory(self, name: str, segment: Segment) -> tuple[Any, tuple[float | list[float], str]]:
        compiled = self.compiled
        if name not in compiled.program.memory:
            raise InputError(f"{segment.place}: {name} gets its value at run only: give it (--value {name}=…)")
        window = compiled.windows.get(name)
        initial = window[1] if window else compiled.scalars[name]
        if initial.is_random:
            raise InputError(f"{segment.place}: {name} is random at first: give it (--value {name}=…)")
        number = float(np.asarray(initial.evaluate({})))
        return (np.full((1, window[0]), number) if window else number), (number, "initial")

    def _outcome(self, key: str, segment: Segment) -> tuple[Any, tuple[float | list[float], str]]:
        atoms, bits = self.compiled.keys[key], []
        for atom in atoms:
            found = [name for name in (f"{key}.{atom}", key) if name in self.given]
            if not found:
                wanted = key if len(atoms) == 1 else f"{key}.{atom}"
                raise InputError(f"{segment.place}: {wanted} is measured at run only: give it (--value {wanted}=…)")
            self.used.add(found[0])
            bits.append(float(self.given[found[0]]))
        return Columns(atoms, np.array([bits])), (bits if len(bits) > 1 else bits[0], "given")


def _loops(steps: tuple[Step, ...]) -> Iterator[RepeatStep]:
    for step in steps:
        if isinstance(step, RepeatStep):
            yield step
            yield from _loops(step.body)
        elif isinstance(step, WhenStep):
            yield from _loops((*step.then, *step.otherwise))


def write(made: tuple[Exported, ...], program: Program, folder: str | Path) -> list[Path]:
    """Write one file for each segment, and an index that says where each came from; return the paths."""
    place = Path(folder)
    index = {
        "program": program.name,
        "program_sha256": program.fingerprint(),
        "device": program.device_name,
        "segments": [
            {
                "file": one.file,
                "place": one.place,
                "duration_ns": int(one.sequence.get_duration()),
                "measured": one.measured,
                "values": {name: {"value": value, "from": origin} for name, (value, origin) in one.values.items()},
                "expressions": dict(one.expressions),
            }
            for one in made
        ],
    }
    texts = {one.file: one.to_json() for one in made} | {INDEX: json.dumps(index, indent=2, allow_nan=False)}
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise StoreError(f"{place}: is there already; choose another folder")
        place.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (place / name).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{place}: cannot be written ({error})") from None
    return [place / name for name in texts]
