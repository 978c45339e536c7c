"""Out to Pulser: one `pulser.Sequence` for each segment, and its abstract JSON in a folder with an index."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import remainder, tau
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments
from rydberg_qmem.compile.bind import SETTINGS
from rydberg_qmem.compile.frames import frames_of
from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.steps import (
    Compiled,
    MeasureStep,
    PushStep,
    RepeatStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
    all_steps,
    expressions_of,
)
from rydberg_qmem.devices.target import Target
from rydberg_qmem.errors import CapabilityError, InputError, ProgramError, RunError, StoreError, did_you_mean
from rydberg_qmem.language import library
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.pulses.building import build
from rydberg_qmem.pulses.carried import NOTHING, Carried, Site
from rydberg_qmem.verification.check import compile_checked

INDEX = "index.json"
REFERENCE_DIGITS = 12
"""Decimals of the phase references that are written: sums that round differently are one angle."""
Frame = Mapping[str, Mapping[str, float]]
"""Phase references (rad) by atom and basis, as far as there are any."""


@dataclass(frozen=True)
class Exported:
    """One segment as a Pulser sequence: the block it begins at, and the values that its expressions were given.

    Where a branch or a later round comes to it with a phase reference C for B in `before`, the atom's state is to be
    turned first: exp(-i (C - B)) on the level r, or 1 of XY; exp(i (C - B)) on h.

    Attributes:
        index: Number of the segment, from 0.
        place: The block it begins at, such as "body[0].pulse".
        sequence: The `pulser.Sequence`.
        values: For each name that it reads, the number it was given (rad/µs, rad, ns as in the program) and, in words,
            where from.
        expressions: The number of each expression, by its text.
        measured: Basis that the sequence measures at its end, where the program measures all atoms there; else None.
        before: Phase references (rad) by atom and basis that its pulses begin with: those of the segments before it are
            in its phases.
        after: Phase references (rad) by atom and basis that it leaves.
    """

    index: int
    place: str
    sequence: Any
    values: Mapping[str, tuple[float | list[float], str]]
    expressions: Mapping[str, float]
    measured: str | None
    before: Frame
    after: Frame

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"segment_{self.index:03}.json"

    def to_json(self) -> str:
        """Return the sequence in Pulser's abstract form.

        Raises CapabilityError where that cannot say it: detuning maps have no third coordinate there.
        """
        maps = any(channel.startswith("dmm_") for channel in self.sequence.declared_channels)
        if maps and self.sequence.register.dimensionality > 2:
            raise CapabilityError(
                f"{self.place}: Pulser's abstract form has no detuning maps in three dimensions; to_pulser() returns "
                "the sequence itself, and an atom's own detuning can also be a pulse on a local channel"
            )
        return str(self.sequence.to_abstract_repr())


@arguments.taking(
    program=library.program,
    **SETTINGS,
    values=arguments.optional(arguments.names_to("numbers", arguments.real())),
    round=arguments.whole(0),
)
def to_pulser(
    program: Program,
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
    values: Mapping[str, float] | None = None,
    round: int = 0,
) -> tuple[Exported, ...]:
    """Return every segment of a program as a `pulser.Sequence`.

    What only a run can know is taken from `values`, else from the start of the program: memory as it begins (drawn,
    where it is random), inputs and counters of the given `round`. Outcomes have no such value, so a segment that reads
    one needs it in `values`. Memory that is set inside a segment, where nothing cuts it, has the value that follows
    from those.

    Played in turn, each from the state that the one before it left, the sequences are the program: their phases count
    from its beginning, and each begins with the pause that Pulser would keep after the one before it. In a loop that
    is, but for `round` 0, the loop's own last one; after a branch, the last of its first side.

    Args:
        program: The program.
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.
        inputs: For each input by name, an expression of the round k, or one number for each round, shape (rounds,).
        rounds: How many rounds the inputs that are expressions have; as the program says if not given.
        values: Numbers for memory, by name, and for outcomes, as `key` or `key.atom`; none by default.
        round: The round, from 0, of which inputs and counters are taken.

    Raises ProgramError for a program that does not pass `check`; InputError where a segment needs a value that nobody
    gave, or `values` holds one that none reads.

    >>> from rydberg_qmem.language.library import load
    >>> [one.place for one in to_pulser(load("rabi"))]
    ['body[0].pulse']
    >>> to_pulser(load("rabi"), parameters={"duration_ns": 400})[0].sequence.get_duration()
    400
    """
    compiled = compile_checked(program, parameters=parameters, inputs=inputs, rounds=rounds)
    problems = list(frames_of(compiled).problems.values())
    if problems:
        raise ProgramError(problems)
    known = _Known(compiled, dict(values or {}), round)
    made = tuple(_Path(compiled, known).steps(compiled.steps))
    unused = known.given.keys() - known.used
    if unused:
        name = sorted(unused)[0]
        hint = did_you_mean(name, sorted(known.names))
        raise InputError(f"values: no segment reads {name!r}{hint}")
    return made


@dataclass
class _Path:
    """Follows a program from segment to segment: what the channels carry, and the atoms' phase references."""

    compiled: Compiled
    known: _Known
    carried: Carried = NOTHING
    references: dict[Site, float] = field(default_factory=dict)
    count: int = 0

    def steps(self, steps: tuple[Step, ...]) -> Iterator[Exported]:
        """Yield what every segment of some steps is exported as."""
        inside = {
            j for k, s in enumerate(steps) if isinstance(s, Segment) and s.begins for j in range(k - s.settled, k)
        }
        for k, step in enumerate(steps):
            match step:
                case SetStep() | PushStep() | WhenStep() | RepeatStep() if k in inside:
                    pass  # it is followed with its segment
                case Segment() if step.begins:
                    known = self.known.following(steps[k - step.settled : k], _names_of(step))
                    last = next(i for i in range(k, len(steps)) if _ends(steps[i]))
                    after = steps[last + 1] if last + 1 < len(steps) else None
                    yield self._exported(step.whole, known, after)
                case RepeatStep():
                    yield from self._repeat(step)
                case WhenStep():
                    yield from self._when(step)
                case SetStep() | PushStep():
                    self.known.follow(step)
                case _:
                    pass

    def _repeat(self, step: RepeatStep) -> Iterator[Exported]:
        first, again = self.count, step.times > 1
        if again:
            self.known.forget(step.body)
        made = list(self.steps(step.body))
        if again and self.known.round:
            self.count = first
            self.known.forget(step.body)
            made = list(self.steps(step.body))
        if again:
            self.known.forget(step.body)
        yield from made

    def _when(self, step: WhenStep) -> Iterator[Exported]:
        begin = self.carried, dict(self.references)
        yield from self.steps(step.then)
        end = self.carried, self.references
        self.carried, self.references = begin
        yield from self.steps(step.otherwise)
        if step.then:
            self.carried, self.references = end
        self.known.forget((step,))

    def _exported(self, segment: Segment, known: _Known, after: Step | None) -> Exported:
        compiled, scope = self.compiled, {}
        shown: dict[str, tuple[float | list[float], str]] = {}
        expressions = expressions_of(segment)
        for name in sorted(frozenset().union(*(e.names for e in expressions))):
            scope[name], shown[name] = known.value(name, segment.place)
        numbers = {str(e): _number(e, scope, segment.place) for e in expressions}
        before = dict(self.references)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            operations, target = plan_segment(segment, compiled.target).operations, compiled.target
            builder, made = build(operations, target, scope, real=True, carried=self.carried, references=before)
            self.carried = made.leaves
            self.references = _turns(builder.angles())
            everyone = isinstance(after, MeasureStep) and len(after.atoms) == len(compiled.target.atoms)
            basis = after.basis if isinstance(after, MeasureStep) and everyone else None
            if basis is not None and basis in compiled.target.device.supported_bases:
                builder.sequence.measure(basis)
        self.count += 1
        frames = (_frame(compiled.target, references) for references in (before, self.references))
        return Exported(self.count - 1, segment.place, builder.sequence, shown, numbers, basis, *frames)


def _ends(step: Step) -> bool:
    return isinstance(step, Segment) and step.ends


def _turns(angles: Mapping[Site, float]) -> dict[Site, float]:
    """Return phase references as angles within half a turn, those that are none left out."""
    made = {site: round(remainder(angle, tau), REFERENCE_DIGITS) for site, angle in angles.items()}
    return {site: angle for site, angle in made.items() if angle}


def _frame(target: Target, references: Mapping[Site, float]) -> Frame:
    made: dict[str, dict[str, float]] = {}
    for (atom, basis), angle in sorted(references.items()):
        made.setdefault(target.atoms[atom], {})[basis] = angle
    return made


def _names_of(segment: Segment) -> frozenset[str]:
    return frozenset().union(*(e.names for e in expressions_of(segment)))


def _number(expression: Expression, scope: Mapping[str, Any], place: str) -> float:
    try:
        value = float(np.ravel(np.asarray(expression.evaluate(dict(scope)), dtype=float))[0])
    except RunError as error:
        raise InputError(f"{place}: {error}") from None
    if not np.isfinite(value):
        raise InputError(f"{place}: {expression} is {value}, not a finite number: give other values")
    return value


@dataclass
class _Known:
    """The values of names that expressions read, and where each is from."""

    compiled: Compiled
    given: Mapping[str, float]
    round: int
    used: set[str] = field(default_factory=set)
    followed: dict[str, tuple[Any, str]] = field(default_factory=dict)
    """Memory that was written on the way, where that is known, and where."""
    inside: dict[str, tuple[Any, str]] = field(default_factory=dict)
    """Memory that is written inside the segment."""

    def __post_init__(self) -> None:
        self.counters = {step.counter for step in _loops(self.compiled.steps)}
        columns = {f"{key}.{atom}" for key, atoms in self.compiled.keys.items() for atom in atoms}
        c = self.compiled
        self.names = {*c.scalars, *c.windows, *c.keys, *c.inputs, *self.counters, *columns}

    def follow(self, step: Step) -> None:
        """Do to memory what a step does, as far as that can be known; else it is as the program begins."""
        try:
            made = self._written(step)
        except (InputError, RunError):
            self.forget((step,))
            return
        self.followed.update(made)

    def forget(self, steps: tuple[Step, ...]) -> None:
        """Forget what some steps write."""
        for step in all_steps(steps):
            for name, _ in step.values if isinstance(step, SetStep | PushStep) else ():
                self.followed.pop(name, None)

    def following(self, steps: tuple[Step, ...], needed: frozenset[str]) -> _Known:
        """Return what is known after steps that write memory inside a segment, as far as it is `needed` there."""
        wanted: list[Step] = []
        for step in reversed(steps):
            written = {name for inner in all_steps((step,)) if isinstance(inner, SetStep | PushStep)
                       for name, _ in inner.values}  # fmt: skip
            if written & needed:
                wanted.append(step)
                needed = needed.union(*(e.names for inner in all_steps((step,)) for e in _reads(inner)))
        inside = replace(self, inside=dict(self.inside), followed=dict(self.followed), used=self.used)
        for step in reversed(wanted):
            inside.inside.update(inside._written(step))
        for step in steps:
            self.follow(step)
        return inside

    def _written(self, step: Step) -> dict[str, tuple[Any, str]]:
        """Return the values that a step of memory writes, each with where it is from."""
        made: dict[str, tuple[Any, str]] = {}
        match step:
            case SetStep():
                for name, expression in step.values:
                    made[name] = self._evaluated(expression, step.place), step.place
            case PushStep():
                for name, expression in step.values:
                    old = self.value(name, step.place)[0]
                    new = self._evaluated(expression, step.place)
                    made[name] = np.concatenate([[[new]], old[:, :-1]], axis=1), step.place
            case WhenStep():
                inner = replace(self, inside=dict(self.inside), followed=dict(self.followed), used=self.used)
                side = step.then if self._evaluated(step.condition, step.place) else step.otherwise
                for one in side:
                    new_values = inner._written(one)
                    inner.inside.update(new_values)
                    made.update(new_values)
            case RepeatStep():
                inner = replace(self, inside=dict(self.inside), followed=dict(self.followed), used=self.used)
                for k in step.numbers:
                    number = f"round {k}"
                    inner.inside[step.counter] = float(k), number
                    inner.inside.update({name: (float(self.compiled.inputs[name][k]), number) for name in step.signals})
                    for one in step.body:
                        new_values = inner._written(one)
                        inner.inside.update(new_values)
                        made.update(new_values)
            case _:
                pass
        return made

    def _evaluated(self, expression: Expression, place: str) -> float:
        if expression.is_random or expression.uses_ensemble:
            raise InputError(f"{place}: {expression} has its value at run only")
        return _number(expression, {name: self.value(name, place)[0] for name in expression.names}, place)

    def value(self, name: str, place: str) -> tuple[Any, tuple[float | list[float], str]]:
        """Return a name's value for expressions, and its value and origin for people."""
        compiled = self.compiled
        if name in compiled.keys:
            return self._outcome(name, place)
        if name in self.inside:
            return _shown(*self.inside[name])
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
        if name in self.followed:
            return _shown(*self.followed[name])
        return self._memory(name, place)

    def _memory(self, name: str, place: str) -> tuple[Any, tuple[float | list[float], str]]:
        compiled = self.compiled
        if name not in compiled.program.memory:
            raise InputError(f"{place}: {name} gets its value at run only: give it (--value {name}=…)")
        window = compiled.windows.get(name)
        initial = window[1] if window else compiled.scalars[name]
        number = float(np.ravel(np.asarray(initial.evaluate({}, random=_Drawn(name))))[0])
        origin = "initial, drawn" if initial.is_random else "initial"
        return (np.full((1, window[0]), number) if window else number), (number, origin)

    def _outcome(self, key: str, place: str) -> tuple[Any, tuple[float | list[float], str]]:
        atoms, bits = self.compiled.keys[key], []
        for atom in atoms:
            found = [name for name in (f"{key}.{atom}", key) if name in self.given]
            if not found:
                wanted = key if len(atoms) == 1 else f"{key}.{atom}"
                raise InputError(f"{place}: {wanted} is measured at run only: give it (--value {wanted}=…)")
            self.used.add(found[0])
            bits.append(float(self.given[found[0]]))
        return Columns(atoms, np.array([bits])), (bits if len(bits) > 1 else bits[0], "given")


class _Drawn:
    """The random numbers of a memory that begins with one: the same in every export."""

    def __init__(self, name: str) -> None:
        self.generator = np.random.Generator(np.random.Philox(list(name.encode())))

    def uniform(self) -> NDArray[np.float64]:
        return self.generator.uniform(size=1)

    def normal(self) -> NDArray[np.float64]:
        return self.generator.normal(size=1)


def _shown(value: Any, origin: str) -> tuple[Any, tuple[float | list[float], str]]:
    shown = value if np.ndim(value) == 0 else [float(number) for number in np.ravel(value)]
    return value, (shown, origin)


def _reads(step: Step) -> tuple[Expression, ...]:
    match step:
        case SetStep() | PushStep():
            return tuple(expression for _, expression in step.values)
        case WhenStep():
            return (step.condition,)
        case _:
            return ()


def _loops(steps: tuple[Step, ...]) -> Iterator[RepeatStep]:
    for step in steps:
        if isinstance(step, RepeatStep):
            yield step
            yield from _loops(step.body)
        elif isinstance(step, WhenStep):
            yield from _loops((*step.then, *step.otherwise))


@arguments.taking(
    made=arguments.values(arguments.made(Exported), "segments"), program=arguments.made(Program), folder=arguments.path
)
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
                "phase_references": {"before": one.before, "after": one.after},
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
