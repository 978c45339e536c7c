"""Run a compiled program on rows with states: what its control flow and its memory do to them.

`prepare` puts together what a run stands on, `start` the rows that it begins with; `steps` does the program to them,
and `finish` writes down what they end with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.semantics import Domain, Values, interpret
from rydberg_qmem.compile.steps import ProbeStep, PushStep, RepeatStep, SetStep, Step, WhenStep
from rydberg_qmem.emulators.layout import Layout
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.engine.acting_noise import ActingNoise
from rydberg_qmem.engine.apparatus import Apparatus
from rydberg_qmem.engine.branches import count_branches, merged
from rydberg_qmem.engine.carried_numbers import carrying, with_carried
from rydberg_qmem.engine.context import Cursor, Recording, RunContext, machine_numbers
from rydberg_qmem.engine.evolution import segment
from rydberg_qmem.engine.idle import idle, sides_ns, time_of
from rydberg_qmem.engine.kept_frames import KeptFrames
from rydberg_qmem.engine.measurement import measure, reset
from rydberg_qmem.engine.noise_settings import NOTHING, NoiseSettings
from rydberg_qmem.engine.population import Population, join
from rydberg_qmem.engine.representation import Representation
from rydberg_qmem.engine.rng import Draws
from rydberg_qmem.engine.row_values import SERIES, evaluate
from rydberg_qmem.engine.states import states_of
from rydberg_qmem.pulses import CARRIED, carries, ledger_of

Array = NDArray[np.float64]


def prepare(
    compiled: Compiled,
    emulator: Emulator,
    recorder: Recording,
    draws: Draws | None,
    representation: Representation,
    noise: NoiseSettings = NOTHING,
    *,
    shots: int | None,
    drawn: Mapping[str, Array] | None = None,
    **options: Any,
) -> RunContext:
    """Return what a run of so many `shots` (None: exact) stands on.

    `drawn` is what each shot has drawn already of noise that differs from shot to shot, else it is drawn here.
    `options` are the other fields of a `RunContext`.
    """
    acting_noise = ActingNoise.of(noise, compiled, emulator, draws, shots)
    if acting_noise is not None and drawn is not None:
        acting_noise.settings = dict(drawn)
    apparatus = None
    if acting_noise is not None:
        apparatus = Apparatus(noise, compiled.target.atoms, Layout.of(compiled.target), representation)
    frames, states = KeptFrames.of(compiled, noise, emulator), options.pop("states", None)
    states = states_of(emulator, compiled.target) if states is None else states
    return RunContext(
        compiled, emulator, recorder, draws, representation, noise, states, acting_noise, apparatus, frames, **options
    )


def start(run: RunContext, cursor: Cursor, shots: int | None) -> Population:
    """Return the rows that a run begins with: atoms prepared, memory at its initial values."""
    compiled = run.compiled
    population = run.states.start(run, shots if shots is not None else 1)
    if run.apparatus is not None:
        population = run.apparatus.start(population, machine_numbers(run, cursor, run.size))
    rows = len(population)
    for name in () if run.kept_frames is None else run.kept_frames.names.values():
        population = population.with_values(**{name: np.zeros(rows)})
    if carries(compiled.target):
        cursor.shared[CARRIED] = 0.0
    for name, initial in compiled.scalars.items():
        declared = name in compiled.program.memory
        unknown = np.full(rows, np.nan)  # a name that its first set introduces
        value = evaluate(run, cursor, initial, population, None, f"{name}.initial") if declared else unknown
        population = population.with_values(**{name: value})
    for name, (size, initial) in compiled.windows.items():
        value = evaluate(run, cursor, initial, population, None, f"{name}.initial")
        population = population.with_values(**{name: np.repeat(value[:, None], size, axis=1)})
    return population


def finish(run: RunContext, cursor: Cursor, population: Population) -> None:
    """Write down the memory that rows end with, and what is said of their states."""
    for name in run.compiled.scalars:
        run.recorder.write("final", name, population, population.values[name], cursor.rounds)
    for name, values in run.states.reports(population).items():
        run.recorder.write("final", name, population, values, cursor.rounds)


def steps(run: RunContext, cursor: Cursor) -> Domain[Population]:
    """Return what steps do to the rows of a run."""
    return Domain(
        compiled=run.compiled,
        is_over=is_empty,
        segment=partial(segment, run, cursor),
        measure=partial(measure, run, cursor),
        reset=partial(reset, run, cursor),
        probe=partial(probe, run, cursor),
        assign=partial(assign, run, cursor),
        push=partial(push, run, cursor),
        when=partial(when, run, cursor),
        begin=partial(begin_round, run, cursor),
        forget=forget,
        end=partial(end_round, run, cursor),
        leave=partial(leave_loop, cursor),
        notice=run.notice,
    )


def is_empty(population: Population) -> bool:
    """Return whether no rows are left."""
    return not len(population.weights)


def probe(run: RunContext, cursor: Cursor, step: ProbeStep, population: Population) -> Population:
    """Write down what a probe sees."""
    run.recorder.probe(step, population, run.states, cursor.rounds)
    return population


# --- memory ---


def assign(run: RunContext, cursor: Cursor, step: SetStep, values: Values, population: Population) -> Population:
    """Give names their values, all of them evaluated first."""
    made = {name: evaluate(run, cursor, expression, population, step, name) for name, expression in values}
    return population.with_values(**made)


def push(run: RunContext, cursor: Cursor, step: PushStep, values: Values, population: Population) -> Population:
    """Put values in front of windows, the oldest of which go."""
    made = {}
    for name, expression in values:
        made[name] = _pushed(population.values[name], evaluate(run, cursor, expression, population, step, name))
    return population.with_values(**made)


def _pushed(window: Array, value: Array) -> Array:
    """Return a window with a value in front and its last one gone; each column lies together in memory."""
    made = np.empty(window.shape[::-1]).T
    made[:, 0] = value
    made[:, 1:] = window[:, :-1]
    return made


# --- loops ---


def begin_round(run: RunContext, cursor: Cursor, step: RepeatStep, k: int | None, population: Population) -> Population:
    """Let the rows see the counter and the inputs of a round; note when it begins, and the memory that is recorded."""
    assert k is not None  # rows go round by round
    if step.name not in cursor.rounds:
        cursor.outer.append(dict(cursor.shared))
    cursor.rounds[step.name] = k
    if run.series is not None and step.signals:
        cursor.shared[step.counter] = float(run.series.behind + k)
        which, table = population.values[SERIES], run.series.table
        population = population.with_values(**{signal: table[signal][which, k] for signal in step.signals})
    else:
        cursor.shared[step.counter] = float(k)
        for signal in step.signals:
            cursor.shared[signal] = float(run.compiled.inputs[signal][k])
    if step.tells_time:
        run.recorder.write_time(step.name, cursor.clock_ns, cursor.rounds)
    for name in step.recorded:
        run.recorder.write("memory", name, population, population.values[name], cursor.rounds)
    return population


def forget(keys: frozenset[str], population: Population) -> Population:
    """Take back the outcomes of keys: what the last round measured is not this round's."""
    if keys.isdisjoint(population.values):
        return population
    return replace(population, values={name: v for name, v in population.values.items() if name not in keys})


def end_round(run: RunContext, cursor: Cursor, step: RepeatStep, k: int | None, population: Population) -> Population:
    """Merge what a round has made equal, and refuse an exact run whose branches will be too many."""
    if step.body:
        population = merged(run, population, step.body[-1])
    count_branches(run, cursor, population, step)
    if CARRIED in population.values and not cursor.aside:
        kept = ledger_of(run.compiled.target).kept(population.values[CARRIED])
        population = carrying(cursor, population, kept)
    return population


def leave_loop(cursor: Cursor, step: RepeatStep, population: Population) -> Population:
    """Forget a loop's counter and inputs."""
    del cursor.rounds[step.name]
    carried = {CARRIED: cursor.shared[CARRIED]} if CARRIED in cursor.shared else {}
    cursor.shared = {name: value for name, value in cursor.outer.pop().items() if name != CARRIED} | carried
    return population


# --- branches ---


def when(
    run: RunContext, cursor: Cursor, step: WhenStep, population: Population, domain: Domain[Population]
) -> Population:
    """Let the rows take the sides that their conditions ask for; both sides last equally long where that is fixed.

    What channels carry may make a side longer for some rows than for others: those take the step apart, each with its
    own waits, so that no row's time depends on which others there are.
    """
    apart = sides_ns(run, cursor, step, population)
    began, ended, shared = cursor.clock_ns, cursor.clock_ns, dict(cursor.shared)
    both: Population | None = None
    for rows, then_ns, otherwise_ns in apart:
        cursor.clock_ns, cursor.shared = began, dict(shared)
        made = _taken(run, cursor, step, rows, domain, None if then_ns is None else (otherwise_ns or 0.0) - then_ns)
        both = made if both is None else join(both, made)
        ended = max(ended, cursor.clock_ns)
    assert both is not None  # a population has at least one row
    cursor.clock_ns = ended
    if CARRIED in both.values:
        both = carrying(cursor, both, both.values[CARRIED])
    return merged(run, both, step)


def _taken(
    run: RunContext, cursor: Cursor, step: WhenStep, population: Population, domain: Domain[Population],
    longer_ns: float | None,
) -> Population:  # fmt: skip
    """Let rows take their sides, the other one `longer_ns` longer than `then`, or None where that is not fixed."""
    yes, no = _sides(run, cursor, step, population)
    began = cursor.clock_ns
    cursor.aside += 1
    shared = dict(cursor.shared)
    yes = with_carried(cursor, _side(run, cursor, step.then, yes, population, domain))
    then_ns, cursor.clock_ns = cursor.clock_ns - began, began
    cursor.shared = shared
    no = with_carried(cursor, _side(run, cursor, step.otherwise, no, population, domain))
    cursor.aside -= 1
    otherwise_ns = cursor.clock_ns - began
    cursor.clock_ns = began + max(then_ns, otherwise_ns)
    if longer_ns is not None:
        yes = idle(run, cursor, yes, longer_ns, step)
        no = idle(run, cursor, no, -longer_ns, step)
    return join(yes, no)


def _sides(run: RunContext, cursor: Cursor, step: WhenStep, population: Population) -> tuple[Population, Population]:
    """Return the rows that take each side; a branch of an exact run takes both where chance alone decides."""
    chance = step.condition.bernoulli() if run.draws is None else None
    if chance is None:
        holds = evaluate(run, cursor, step.condition, population, step, "if") != 0
        return population.take(holds), population.take(~holds)
    p = evaluate(run, cursor, chance, population, step, "if")
    p = np.clip(p, 0.0, 1.0)  # uniform() < p holds never for p <= 0 and always for p >= 1
    yes = replace(population, weights=population.weights * p)
    no = replace(population, weights=population.weights * (1 - p))
    return yes.take(yes.weights > 0), no.take(no.weights > 0)


def _side(
    run: RunContext, cursor: Cursor, side: tuple[Step, ...], rows: Population, before: Population,
    domain: Domain[Population],
) -> Population:  # fmt: skip
    """Do one side; where nobody takes it, its time still passes: control cannot know in advance."""
    if len(rows):
        return interpret(side, rows, domain)
    cursor.clock_ns += time_of(run, cursor, side, before)
    return rows
