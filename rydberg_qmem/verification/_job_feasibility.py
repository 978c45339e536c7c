"""Rounds: which steps of a program a machine can do that prepares all atoms, plays one sequence and reads at the end.

Such a machine has no measurement in the middle of a sequence. It can still feed back: between two jobs, with
numbers that all shots of the next job share, such as the mean of the last one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import assert_never

from rydberg_qmem.compile.bind import as_written
from rydberg_qmem.compile.compiled import Compiled
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
    all_steps,
    expressions_of,
)
from rydberg_qmem.language.blocks import DisableEOM, EnableEOM, SLMMask
from rydberg_qmem.language.expressions import Expression

MOST_PASSES = 4
"""A loop's body meets the states that it leaves itself; each pass can only add what stands in the way."""


@dataclass(frozen=True)
class QuantumStep:
    """One quantum step of a program: where, what, and why a machine that reads at the end cannot do it, if so.

    Where the reason is only that an earlier step cannot be done, `after` names that step's place.
    """

    place: str
    what: str
    reason: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.reason or 'can run'}"


@dataclass(frozen=True)
class _Job:
    """What has happened to the atoms since all of them were prepared."""

    played: bool = False
    read_at: str = ""
    basis: str = ""
    renewed: frozenset[int] = frozenset()
    renewed_at: str = ""
    broken_at: str = ""
    in_eom: str = ""


@dataclass
class _Reader:
    """Walks the steps once for each state that they can begin in, and notes the first obstacle of each."""

    atoms: tuple[str, ...]
    varying: frozenset[str]
    parts: dict[int, QuantumStep] = field(default_factory=dict)
    ends: dict[tuple[int, _Job], _Job] = field(default_factory=dict)
    """What each step leaves, for each state that it has begun in: loops within loops come by again and again."""

    def walk(self, steps: tuple[Step, ...], job: _Job) -> _Job:
        for step in steps:
            begun = (step.number, job)
            if begun not in self.ends:
                self.ends[begun] = self._step(step, job)
            job = self.ends[begun]
        return job

    def _note(self, step: Step, place: str, what: str, reason: str) -> None:
        known = self.parts.get(step.number)
        if known is None or (reason and not known.reason):
            self.parts[step.number] = QuantumStep(place, what, reason)

    def _follow(self, step: MeasureStep, place: str) -> None:
        known = self.parts.get(step.number)
        if known is None or not known.reason:
            self.parts[step.number] = QuantumStep(step.place, "measure", f"reads what {place} would have played", place)

    def _step(self, step: Step, job: _Job) -> _Job:
        match step:
            case Segment() if not step.begins:
                return job  # the sequence that was begun goes on
            case Segment():
                reason = self._of_segment(step, job)
                self._note(step, step.place, "pulses", reason)
                return _Job(played=True, broken_at=step.place if reason else "", in_eom=_left_in_eom(step))
            case MeasureStep():
                reason = self._of_measure(step, job)
                if job.broken_at and not reason:
                    self._follow(step, job.broken_at)
                else:
                    self._note(step, step.place, "measure", reason)
                return replace(job, read_at=job.read_at or step.place, basis=job.basis or step.basis)
            case ResetStep():
                self._note(step, step.place, "reset", "")
                renewed = job.renewed | set(step.atoms)
                return (
                    _Job() if len(renewed) == len(self.atoms) else replace(job, renewed=renewed, renewed_at=step.place)
                )
            case ProbeStep():
                self._note(step, step.place, "probe", "a probe looks at the state, which only an emulator has")
                return job
            case SetStep() | PushStep():
                return job
            case WhenStep():
                return self._when(step, job)
            case RepeatStep():
                for _ in range(min(step.times, MOST_PASSES)):
                    before, job = job, self.walk(step.body, job)
                    if job == before:
                        break
                return job
            case _:
                assert_never(step)

    def _when(self, step: WhenStep, job: _Job) -> _Job:
        quantum = any(
            not isinstance(inner, SetStep | PushStep | RepeatStep | WhenStep)
            for inner in all_steps((*step.then, *step.otherwise))
        )
        names = unshared(step.condition, self.varying)
        if quantum:
            self._note(step, step.place, "when", f"which side is taken differs {_from_shot(names)}" if names else "")
        one, other = self.walk(step.then, job), self.walk(step.otherwise, job)
        if one == other:
            return one
        return _Job(
            one.played or other.played,
            one.read_at or other.read_at,
            one.basis or other.basis,
            one.renewed & other.renewed,
            one.renewed_at or other.renewed_at,
            one.broken_at or other.broken_at,
            one.in_eom or other.in_eom,
        )

    def _of_segment(self, step: Segment, job: _Job) -> str:
        if job.renewed:
            names = ", ".join(self.atoms[i] for i in sorted(set(range(len(self.atoms))) - job.renewed))
            return f"plays on after a reset ({job.renewed_at}) that left {names} as they were: a job prepares all atoms"
        if job.read_at:
            return f"plays on after a measurement ({job.read_at}) without a reset of all atoms"
        if job.played and any(isinstance(placed.block, SLMMask) for placed in step.blocks):
            return "masks atoms after the job has begun: in one sequence a mask holds from its beginning"
        if job.in_eom:
            return f"plays on after a segment that leaves a channel in EOM mode ({job.in_eom}): disable_eom_mode there"
        for expression in expressions_of(as_written(step)):
            differing = unshared(expression, self.varying)
            if differing:
                return f"{expression} differs {_from_shot(differing)}: all shots of a job play the same pulses"
        return ""

    def _of_measure(self, step: MeasureStep, job: _Job) -> str:
        if not job.played:
            return "nothing has been played since the atoms were prepared, so there is no job to read out"
        if job.renewed & set(step.atoms):
            return f"reads atoms after their reset ({job.renewed_at}) within one job"
        if job.basis and job.basis != step.basis:
            return f"reads in the basis {step.basis}, but {job.read_at} reads in {job.basis}: a job reads in one"
        return ""


def _left_in_eom(segment: Segment) -> str:
    """Return the place at which a segment puts a channel in the EOM mode that its end ends."""
    on: dict[str, str] = {}
    for placed in segment.blocks:
        match placed.block:
            case EnableEOM(channel=channel):
                on[channel] = placed.place
            case DisableEOM(channel=channel):
                on.pop(channel, None)
            case _:
                pass
    return next(iter(on.values()), "")


def _from_shot(names: frozenset[str]) -> str:
    return f"from shot to shot ({', '.join(sorted(names))})"


def parts_of(compiled: Compiled) -> tuple[QuantumStep, ...]:
    """Return every quantum step of a program, each with what stands in the way of running it as part of a job."""
    reader = _Reader(compiled.target.atoms, varying_names(compiled))
    reader.walk(compiled.steps, _Job())
    return tuple(reader.parts.values())


def obstacles(compiled: Compiled) -> tuple[QuantumStep, ...]:
    """Return the steps that a machine which reads at the end cannot do: none, and the program is one job per round."""
    return tuple(part for part in parts_of(compiled) if part.reason and not part.after)


def jobs_of(compiled: Compiled) -> int:
    """Return how many jobs the rounds of a program make, at most: readings that follow a segment."""
    return _jobs(compiled.steps, [False])


def _jobs(steps: tuple[Step, ...], played: list[bool]) -> int:
    total = 0
    for step in steps:
        match step:
            case Segment():
                played[0] = True
            case MeasureStep() if played[0]:
                played[0], total = False, total + 1
            case RepeatStep():
                total += _jobs(step.body, played)
                total += (step.times - 1) * _jobs(step.body, played) if step.times > 1 else 0
            case WhenStep():
                sides = [list(played), list(played)]
                total += max(_jobs(step.then, sides[0]), _jobs(step.otherwise, sides[1]))
                played[0] = sides[0][0] or sides[1][0]
            case MeasureStep() | ResetStep() | ProbeStep() | SetStep() | PushStep():
                pass
            case _:
                assert_never(step)
    return total


def varying_names(compiled: Compiled) -> frozenset[str]:
    """Return the names that may differ from shot to shot: outcomes, random numbers, and what follows from them."""
    varying = set(compiled.keys)
    varying |= {name for name, initial in compiled.scalars.items() if initial.is_random}
    varying |= {name for name, (_, initial) in compiled.windows.items() if initial.is_random}
    while True:
        more = set(_assigned(compiled.steps, frozenset(varying), chosen=False)) - varying
        if not more:
            return frozenset(varying)
        varying |= more


def _assigned(steps: tuple[Step, ...], varying: frozenset[str], *, chosen: bool) -> Iterator[str]:
    """Yield the names that get values which differ between shots."""
    for step in steps:
        match step:
            case SetStep() | PushStep():
                yield from (name for name, value in step.values if chosen or unshared(value, varying))
            case RepeatStep():
                yield from _assigned(step.body, varying, chosen=chosen)
            case WhenStep():
                here = chosen or bool(unshared(step.condition, varying))
                yield from _assigned((*step.then, *step.otherwise), varying, chosen=here)
            case Segment() | MeasureStep() | ResetStep() | ProbeStep():
                pass
            case _:
                assert_never(step)


def unshared(expression: Expression, varying: frozenset[str]) -> frozenset[str]:
    """Return what makes an expression's value differ between shots; a mean over the ensemble is common to all.

    >>> sorted(unshared(Expression("ensemble_mean(m) + R * m"), frozenset({"m"})))
    ['m']
    >>> sorted(unshared(Expression("ensemble_mean(m)"), frozenset({"m"})))
    []
    """
    if not (expression.is_random or expression.names & varying):
        return frozenset()
    return frozenset(_read(expression.tree)) & (varying | {"uniform()", "normal()"})


def _read(node: ast.AST) -> Iterator[str]:
    """Yield the names that an expression reads outside of ensemble means, and its draws of random numbers."""
    match node:
        case ast.Call(func=ast.Name(id="ensemble_mean")):
            return
        case ast.Call(func=ast.Name(id=name), args=arguments):
            yield f"{name}()"
            for argument in arguments:
                yield from _read(argument)
        case ast.Name(id=name):
            yield name
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _read(child)
