"""A run that tries a program out: a few rounds of it, within a few seconds, heavy segments reckoned and not played."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import ceil, inf, prod
from typing import Any

import numpy as np

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import RepeatStep, Segment, Step, WhenStep, leaf
from rydberg_qmem.emulators.ideal import IdealPlan
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine.carried_levels import filled, levels_held, levels_of, note_group
from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.deduplicate import distinct
from rydberg_qmem.engine.evolution import settings
from rydberg_qmem.engine.memory import amplitudes_of, refuse_large
from rydberg_qmem.engine.own_states import OwnStates, evolve_group
from rydberg_qmem.engine.population import Part, Population, product, with_levels
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.rng import COHORT, Draws
from rydberg_qmem.engine.row_values import scope_of
from rydberg_qmem.engine.walk import walk as walk_through
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import Composite, Constant
from rydberg_qmem.pulses import column
from rydberg_qmem.running.brief import HEAVY_S, brief
from rydberg_qmem.running.error_budget import budget_of
from rydberg_qmem.running.job import Job, context_of, one_thread
from rydberg_qmem.units import NS_PER_US

BUDGET_S = 2.0
"""Seconds of the processor that all pilots of an estimate may take."""
PILOT_ROUNDS = 12
"""Rounds of a pilot at the most, and its shots."""
PILOT_SHOTS = COHORT
LIGHT = 512
"""States of so many amplitudes are played at any rate, their propagators kept."""
HEAVY_BYTES = 100_000_000
"""States that would take more are not made."""
JOINED, STATES_MADE = 2**14, 2**20
"""In place of heavy states, random ones of up to so many amplitudes are made; and as many as have so many in all."""
SAMPLE_BYTES = 130
"""Memory of one sample (1 ns) of a shaped drive while its segment is played, all copies counted."""
SAMPLE_S, TERM_S = 2e-6, 1.5e-7
"""Seconds of a sample of a shaped drive, for each state; and of each amplitude in a term of an expansion. Roughly."""
RABI = 6.0
"""Drive of an atom (rad/µs) that is reckoned with."""
GATE_TERMS = 0.25
"""Terms of an expansion that take as long as a gate."""


class OutOfTimeError(Exception):
    """A pilot's time is up."""


@dataclass
class Pilot:
    """What a run that tries a program out did, and what it would have cost where it did not."""

    recorder: Recorder
    until: float = inf
    """When to stop (s, of this thread's time)."""
    walked: int = 0
    """Steps done."""
    rows: int = 1
    """Largest number of rows so far."""
    reckoned_s: float = 0.0
    reckoned_bytes: int = 0
    stands_for: dict[int, int] = field(default_factory=dict)
    """For each atom whose states were not made, how many there are for each one that was made in their place."""
    cursor: Cursor = field(default_factory=Cursor)
    run: RunContext = field(init=False)
    """Set before the first step."""

    def reckon(self, seconds: float) -> None:
        """Add time of what is not played."""
        self.reckoned_s += seconds

    def notice(self, step: Step, population: Population) -> None:
        """Count a step; raise OutOfTimeError when time is up."""
        self.rows = max(self.rows, len(population))
        if time.thread_time() > self.until:
            raise OutOfTimeError
        if not isinstance(step, RepeatStep | WhenStep):
            self.walked += 1

    def evolve_group(
        self, run: RunContext, cursor: Cursor, plan: Any, population: Population, atoms: tuple[int, ...], step: Segment
    ) -> Population:
        """Evolve what is light; reckon what is heavy, and leave its atoms in any state that has all outcomes."""
        old = population.holding(atoms)
        held = levels_held(run, plan, *levels_of(old), noisy=run.is_noisy).during
        size, samples = amplitudes_of(run, held), _samples(run, cursor, step, population)
        scale = prod(self._scale(part) for part in old)
        rows = min(len(population), scale * _distinct(run, cursor, plan, population, atoms, step))
        seconds = rows * samples * SAMPLE_S
        if size > LIGHT or seconds > HEAVY_S:
            seconds += rows * size * _terms(run, cursor, plan, atoms, population) * TERM_S
        needed = rows * size * 16 + samples * SAMPLE_BYTES
        note_group(cursor, step, atoms, held, rows)
        if seconds < HEAVY_S and needed < HEAVY_BYTES:
            self.stands_for.update(dict.fromkeys(atoms, scale))
            return evolve_group(run, cursor, plan, population, atoms, step)
        refuse_large(run, step.place, held, rows)
        self.reckoned_s += seconds
        self.reckoned_bytes = max(self.reckoned_bytes, samples * SAMPLE_BYTES)
        made = _joined(run, plan, old, rows, len(population)) if size <= JOINED else None
        self.stands_for.update(dict.fromkeys(atoms, rows if made is None else -(-rows // len(made.states))))
        if made is not None:
            return population.with_parts(old, [made])
        return population.with_parts(old, [_evened(run, plan, part, len(population)) for part in old])

    def _scale(self, part: Part) -> int:
        """Return how many states there are for each one of a part: of those in one basis state each, no more."""
        factor = max(self.stands_for.get(atom, 1) for atom in part.atoms)
        return 1 if factor == 1 or (np.count_nonzero(part.states, axis=-1) <= 1).all() else factor


def pilot_of(job: Job, compiled: Compiled, maximum: int, shots: int | None, until: float = inf) -> tuple[float, Pilot]:
    """Walk a few rounds, but no longer than `until` (s, of this thread's time)."""
    short = replace(compiled, steps=_shortened(compiled.steps, maximum))
    draws = None if shots is None else Draws(0, 0, tuple(range(ceil(shots / COHORT))), COHORT)
    walk = Pilot(Recorder(short, shots, alone=True), until)
    began = time.thread_time()  # of the processor: what else the machine does is not scaled up
    job = replace(job, emulator=brief(emulator_of(job.emulator), walk.reckon))
    with one_thread(), suppress(OutOfTimeError):  # as a run has it
        budget = budget_of(job, compiled)
        walk.run = context_of(job, short, walk.recorder, draws, shots=shots, notice=walk.notice, budget=budget)
        if isinstance(walk.run.states, OwnStates):
            walk.run = replace(walk.run, states=replace(walk.run.states, evolve_group=walk.evolve_group))
        walk_through(walk.run, walk.cursor, shots)
    return time.thread_time() - began, walk


def further(
    before: tuple[float, Pilot], job: Job, compiled: Compiled, maximum: int, shots: int | None, until: float
) -> tuple[float, Pilot]:
    """Walk once more; where no time is left for any step, what was walked before is all that is known."""
    return pilot_of(job, compiled, maximum, shots, until) if time.thread_time() < until else before


def _shortened(steps: tuple[Step, ...], maximum: int) -> tuple[Step, ...]:
    """Return steps whose loops are cut: one in another goes round as often as the outer one leaves of `maximum`."""
    made: list[Step] = []
    for step in steps:
        match step:
            case RepeatStep():
                times = min(step.times, maximum)
                made.append(replace(step, times=times, body=_shortened(step.body, max(1, maximum // times))))
            case WhenStep():
                then, otherwise = _shortened(step.then, maximum), _shortened(step.otherwise, maximum)
                made.append(replace(step, then=then, otherwise=otherwise))
            case _:
                made.append(leaf(step))
    return tuple(made)


def _joined(run: RunContext, plan: Any, parts: list[Part], count: int, rows: int) -> Part:
    """Return atoms that a segment evolves together with up to `count` random states, entangled, of all outcomes."""
    several = [with_levels(part, filled(run, plan, part.atoms, part.levels)) for part in parts]
    joint = product([replace(part, states=part.states[:1], state_of=np.zeros(1, dtype=np.int64)) for part in several])
    size = prod(joint.sizes)
    count = max(1, min(count, STATES_MADE // joint.states.shape[1]))
    states = np.exp(2j * np.pi * np.random.default_rng(0).random((count, size))) / np.sqrt(size)
    if run.representation.is_mixed:
        states = (states[:, :, None] * states[:, None, :].conj()).reshape(count, -1)
    return replace(joint, states=states, state_of=np.arange(rows) % count)


def _evened(run: RunContext, plan: Any, part: Part, rows: int) -> Part:
    """Return a part with one state that has all outcomes, of the levels that a segment fills."""
    part = with_levels(part, filled(run, plan, part.atoms, part.levels))
    even = np.full((1, part.states.shape[1]), 1.0 / np.sqrt(prod(part.sizes)))
    if run.representation.is_mixed:
        even = even**2
    return replace(part, states=even.astype(complex), state_of=np.zeros(rows, dtype=np.int64))


def _distinct(
    run: RunContext, cursor: Cursor, plan: Any, population: Population, atoms: tuple[int, ...], step: Segment
) -> int:
    """Return how many states are evolved."""
    parts = population.holding(atoms)
    sizes = [len(part.states) for part in parts]
    if prod(sizes) == 1 or len(parts) == 1:
        state_of = parts[0].state_of
    else:
        _, state_of = distinct([part.state_of for part in parts])
    return len(settings(run, cursor, plan, atoms, state_of, population, step)[0])


def _terms(run: RunContext, cursor: Cursor, plan: Any, atoms: tuple[int, ...], population: Population) -> float:
    """Return about how many terms the expansion of a segment has."""
    if isinstance(plan, IdealPlan) and plan.only_gates:
        return GATE_TERMS * sum({*gate.atoms} <= {*atoms} for gate in plan.gates)
    if len(atoms) == 1:
        return 1.0
    target = run.compiled.target
    here = np.ix_(atoms, atoms)
    strength = float(np.triu(target.van_der_waals[here] + np.abs(target.exchange[here])).sum())
    scope = scope_of(run, cursor, population, frozenset().union(*(e.names for e in plan.timing)))
    time_ns = float(plan.durations(scope, len(population) if plan.timing else 1).max())
    return 20.0 + (strength / 2 + RABI * len(atoms)) * time_ns / NS_PER_US


def _samples(run: RunContext, cursor: Cursor, step: Segment, population: Population) -> int:
    """Return how many samples the shaped drives of a segment have, if any has many."""

    def longest(duration: Expression) -> int:
        scope = scope_of(run, cursor, population, duration.names)
        return int(np.max(column(duration, scope))) if duration.names <= scope.keys() else 0

    return longest_ns(step, longest)


def _constant(duration: Expression) -> int:
    return int(np.max(column(duration, {}))) if duration.is_constant else 0


def longest_ns(segment: Segment, length: Callable[[Expression], int] = _constant) -> int:
    """Return how many samples (1 ns) the shaped drives of a segment have, `length` giving those of a duration."""
    return sum(max(length(duration) for duration in durations) for durations in _shaped_durations(segment))


@lru_cache(maxsize=64)
def _shaped_durations(segment: Segment) -> tuple[tuple[Expression, ...], ...]:
    """Return, for each block that has any, the durations of its shaped drives."""
    made = []
    for placed in segment.blocks:
        waves = [getattr(placed.block, name, None) for name in ("amplitude", "detuning")]
        shaped = [wave.duration_ns for wave in waves if wave is not None and _is_shaped(wave)]
        made.append(tuple(duration for duration in shaped if duration is not None))
    return tuple(durations for durations in made if durations)


def _is_shaped(wave: Any) -> bool:
    """Return whether a waveform has samples of its own, which is all but constants."""
    if isinstance(wave, Composite):
        return any(_is_shaped(part) for part in wave.waveforms)
    return hasattr(wave, "duration_ns") and not isinstance(wave, Constant)
