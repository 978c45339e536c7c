"""Out to Pulser: one `pulser.Sequence` for each segment of a program, in the order in which they are played."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import remainder, tau
from typing import Any, assert_never

from numpy.typing import ArrayLike

from rydberg_qmem import arguments
from rydberg_qmem.compile.bind import SETTINGS
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.frames import frames_of
from rydberg_qmem.compile.liveness import segment_names
from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.steps import (
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
    expressions_of,
)
from rydberg_qmem.devices import Target
from rydberg_qmem.errors import CapabilityError, InputError, ProgramError, did_you_mean
from rydberg_qmem.interop.known_values import KnownValues, number_of
from rydberg_qmem.language import library
from rydberg_qmem.language.program import Program
from rydberg_qmem.pulses import NOTHING, Carried, Site, build_sequence
from rydberg_qmem.verification import compile_checked

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
    known = KnownValues(compiled, dict(values or {}), round)
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
    known: KnownValues
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
                    known = self.known.following(steps[k - step.settled : k], segment_names(step))
                    last = next(i for i in range(k, len(steps)) if _ends(steps[i]))
                    after = steps[last + 1] if last + 1 < len(steps) else None
                    yield self._exported(step.whole, known, after)
                case RepeatStep():
                    yield from self._repeat(step)
                case WhenStep():
                    yield from self._when(step)
                case SetStep() | PushStep():
                    self.known.follow(step)
                case Segment() | MeasureStep() | ResetStep() | ProbeStep():
                    pass
                case _:
                    assert_never(step)

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

    def _exported(self, segment: Segment, known: KnownValues, after: Step | None) -> Exported:
        compiled, scope = self.compiled, {}
        shown: dict[str, tuple[float | list[float], str]] = {}
        expressions = expressions_of(segment)
        for name in sorted(frozenset().union(*(e.names for e in expressions))):
            scope[name], shown[name] = known.value(name, segment.place)
        numbers = {str(e): number_of(e, scope, segment.place) for e in expressions}
        before = dict(self.references)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            operations, target = plan_segment(segment, compiled.target).operations, compiled.target
            builder, made = build_sequence(
                operations, target, scope, real=True, carried=self.carried, references=before
            )
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
