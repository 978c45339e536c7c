"""What plays when in a program, loops and branches once, read off the compiled program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, assert_never

import numpy as np

from rydberg_qmem.compile.bind import as_written
from rydberg_qmem.compile.clock import first_values, middling, schedule_of
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.samples import Track, evaluate
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
    leaf,
)
from rydberg_qmem.devices import GatePulse
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.blocks import (
    Align,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    ModifyEOM,
    PhaseShift,
    Pulse,
    Retarget,
    SLMMask,
)
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import ZERO
from rydberg_qmem.plots._canvas.outlines import expressions
from rydberg_qmem.plots._timeline.labels import assigned_text, controls_of, expression_text, shown_key, us
from rydberg_qmem.pulses import Drive, Schedule

Source = Literal["memory", "inputs", ""]
Row = tuple[str, str]
"""A channel and an atom's name, or `all`, or `map` for a weighted detuning."""


@dataclass(frozen=True, eq=False)
class Note:
    """One pulse on its rows; `wave` is None where its shape cannot be told before the run."""

    rows: tuple[Row, ...]
    start_ns: int
    stop_ns: int
    wave: Track | None
    phase: float
    source: Source = ""
    text: str = ""


@dataclass(frozen=True)
class PhaseTurn:
    """A virtual turn about z among the pulses of a segment: the time from which the phases of later pulses shift."""

    rows: tuple[Row, ...]
    at_ns: int


@dataclass(frozen=True, eq=False)
class Bar:
    """A segment: pulses against time, in the first round of the loops around it."""

    notes: tuple[Note, ...]
    duration_ns: int
    begin_ns: float
    turns: tuple[PhaseTurn, ...] = ()


@dataclass(frozen=True)
class Event:
    """What takes no laboratory time: a measurement, a reset, a probe, a phase shift, or a change of the memory."""

    look: Literal["measure", "reset", "probe", "shift", "memory"]
    lines: tuple[str, ...]
    source: Source = ""
    text: str = ""


@dataclass(frozen=True, eq=False)
class TimelineFrame:
    """A loop with its count, or a branch with its condition; `sides` stand side by side."""

    look: Literal["repeat", "when"]
    labels: tuple[str, ...]
    sides: tuple[tuple[Item, ...], ...]
    source: Source = ""


Item = Bar | Event | TimelineFrame


@dataclass
class Timeline:
    """Turns steps into items, and keeps the rows and the clock on the way."""

    compiled: Compiled
    clock_ns: float = 0.0
    rows: dict[Row, None] = field(default_factory=dict)

    @property
    def sorted_rows(self) -> tuple[Row, ...]:
        """The rows of the picture: channel by channel as they first play, atoms in the register's order."""
        channels = list(dict.fromkeys(channel for channel, _ in self.rows))
        atoms = {name: i for i, name in enumerate(self.compiled.target.atoms)}
        return tuple(sorted(self.rows, key=lambda row: (channels.index(row[0]), atoms.get(row[1], -1))))

    def items(self, steps: Iterable[Step]) -> tuple[Item, ...]:
        """Return what the steps look like, one after the other."""
        return tuple(chain.from_iterable(self._item(step) for step in steps))

    def _item(self, step: Step) -> tuple[Item, ...]:
        match step:
            case Segment():
                return self._segment(plan_segment(as_written(step), self.compiled.target))
            case MeasureStep():
                return (Event("measure", (f"measure {self._named(step.atoms)}", f"→ {shown_key(step.key)}")),)
            case ResetStep():
                return (Event("reset", (f"reset {self._named(step.atoms)}",)),)
            case ProbeStep():
                return (Event("probe", (f"probe {self._named(step.atoms)}", f"→ {step.probe.key}")),)
            case SetStep():
                return (Event("memory", (), text=assigned_text("←", step.values)),)
            case PushStep():
                return (Event("memory", (), text=assigned_text("⇐", step.values)),)
            case RepeatStep() if step.is_one_of_several and (step.times == 1 or not step.body):
                return self.items(step.body)  # a part of a round within its segment
            case RepeatStep():
                return (self._repeat(step),)
            case WhenStep():
                return (self._when(step),)
            case _:
                assert_never(step)

    def _repeat(self, step: RepeatStep) -> TimelineFrame:
        began = self.clock_ns
        body = self.items(step.body)
        once = self.clock_ns - began
        self.clock_ns = began + step.times * once
        count = f"{step.times} × {us(once)} µs"
        over = (f"for each {', '.join(step.signals)}: {count}",) if step.signals else (f"repeat {count}",)
        return TimelineFrame("repeat", (*over, count, f"{step.times} ×"), (body,))

    def _when(self, step: WhenStep) -> TimelineFrame:
        began, ends, sides = self.clock_ns, [self.clock_ns], []
        for side in (step.then, step.otherwise):
            self.clock_ns = began
            sides.append(self.items(side))
            ends.append(self.clock_ns)
        self.clock_ns = max(ends)
        shown = tuple(side for side in sides if side) or ((),)
        condition = ("if " if sides[0] or not sides[1] else "if not ") + expression_text(step.condition)
        return TimelineFrame("when", (condition,), shown, self._source([step.condition]))

    def _segment(self, plan: Plan) -> tuple[Item, ...]:
        schedule = schedule_of(self.compiled, plan)
        shifts = [op for op, _ in plan.operations if isinstance(op, PhaseShift) and plan.segment.begins]
        if schedule is None:
            return (Event("shift", ("pulses whose time", "is set in the run")),) if plan.segment.begins else ()
        if not schedule.drives and not schedule.duration_ns:
            return tuple(self._shift(op) for op in shifts)
        notes = tuple(self._note(drive) for drive in schedule.drives)
        self.rows.update(dict.fromkeys(row for note in notes for row in note.rows))
        bar = Bar(notes, schedule.duration_ns, self.clock_ns, tuple(self._turns(plan, schedule)))
        self.clock_ns += schedule.duration_ns
        return (bar,)

    def _turns(self, plan: Plan, schedule: Schedule) -> Iterator[PhaseTurn]:
        """Yield the turns about z of a segment, each where the next pulse on its atoms begins, or at the end."""
        last = {place: k for k, (_, place) in enumerate(plan.operations)}
        for k in plan.own:
            op, here = plan.operations[k]
            match op:
                case PhaseShift(atoms=atoms, basis=basis):
                    mine = [d for d in schedule.drives if d.basis == basis and self._meets(d, atoms)]
                    begin = [drive.start for drive in mine if last[drive.place] > k]
                    yield from self._turn(schedule, op, min(begin, default=schedule.duration_ns))
                case Pulse(post_phase_shift=shift) if shift != ZERO:
                    for drive in schedule.drives:
                        if drive.place == here:
                            yield PhaseTurn(self._rows(drive), drive.stop)
                case Pulse() | GatePulse() | DetuningMap() | SLMMask() | Retarget() | Delay() | Align():
                    pass
                case EnableEOM() | EOMPulse() | ModifyEOM() | DisableEOM():
                    pass
                case _:
                    assert_never(op)

    def _meets(self, drive: Drive, atoms: str | tuple[str, ...]) -> bool:
        return atoms == "all" or any(self.compiled.target.atoms[i] in atoms for i in drive.atoms)

    def _turn(self, schedule: Schedule, op: PhaseShift, at_ns: int) -> Iterator[PhaseTurn]:
        atoms = op.atoms
        drives = [d for d in schedule.drives if d.basis == op.basis and self._meets(d, atoms)]
        rows = [row for drive in drives for row in self._rows(drive)]
        met = tuple(row for row in dict.fromkeys(rows) if row[1] == "all" or atoms == "all" or row[1] in atoms)
        if met:
            yield PhaseTurn(met, at_ns)

    def _shift(self, op: PhaseShift) -> Event:
        indices = [i for i, n in enumerate(self.compiled.target.atoms) if op.atoms == "all" or n in op.atoms]
        source = self._source([op.angle])
        text = f"φ = {expression_text(op.angle)}" if source else ""
        lines = (f"phase {self._named(indices)}", *(() if source else (f"+ {expression_text(op.angle)}",)))
        return Event("shift", lines, source, text)

    def _note(self, drive: Drive) -> Note:
        phase = drive.fixed_phase
        wave = self._wave(drive)
        if wave is not None and wave.omega.any():
            phase = float(np.angle(np.conj(wave.omega[0][np.argmax(np.abs(wave.omega[0]))])))
        source = self._source(_varying(drive))
        text = ", ".join(controls_of(drive)) if source else ""
        return Note(self._rows(drive), drive.start, drive.stop, wave, phase, source, text)

    def _wave(self, drive: Drive) -> Track | None:
        """Return the samples of a drive, with middling values where the first ones would show nothing."""
        parts = (drive.angle, drive.amplitude, drive.detuning, *(e for _, e in drive.phases))
        steered = any(e.names for e in expressions((drive.angle, drive.amplitude)))
        tuned = any(e.names for e in expressions(drive.detuning))
        made: Track | None = None
        for scope in (first_values(self.compiled, parts), middling(parts)):
            with suppress(QmemError):
                [made] = evaluate(Schedule((drive,), drive.stop), scope, self.compiled.target)
                if (made.omega.any() or not steered) and (made.delta.any() or not tuned):
                    break
        return made

    def _rows(self, drive: Drive) -> tuple[Row, ...]:
        target = self.compiled.target
        if drive.weights is not None:
            return ((drive.channel, "map"),)
        if target.channel(drive.channel).addressing == "Global":
            return ((drive.channel, "all"),)
        return tuple((drive.channel, target.atoms[i]) for i in drive.atoms)

    def _source(self, parts: Iterable[Expression]) -> Source:
        """Return where the values come from: memory and outcomes, or inputs and counters."""
        names = frozenset[str]().union(*(part.names for part in parts))
        outer = self.compiled.inputs.keys() | _counters(self.compiled.steps)
        return "memory" if names - outer else "inputs" if names else ""

    def _named(self, atoms: Iterable[int]) -> str:
        names = [self.compiled.target.atoms[i] for i in atoms]
        return "all" if len(names) == len(self.compiled.target.atoms) > 2 else ", ".join(names)


def _varying(drive: Drive) -> list[Expression]:
    phases = [e for _, e in drive.phases]
    return [e for e in expressions((drive.angle, drive.amplitude, drive.detuning, *phases)) if e.names]


def _counters(steps: Iterable[Step]) -> frozenset[str]:
    made: frozenset[str] = frozenset()
    for step in steps:
        match step:
            case RepeatStep(counter=counter, body=body):
                made |= {counter} | _counters(body)
            case WhenStep(then=then, otherwise=otherwise):
                made |= _counters(then) | _counters(otherwise)
            case _:
                leaf(step)
    return made
