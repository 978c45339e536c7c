"""One meaning of steps: a run, rows without states and intervals, done to one program, tell of the same memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from numpy.typing import NDArray

import rydberg_qmem as rq
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.semantics import interpret
from rydberg_qmem.compile.steps import PushStep, SetStep, WhenStep, all_steps
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine import interpreter
from rydberg_qmem.engine.context import Cursor, States
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.representation import REPRESENTATIONS
from rydberg_qmem.engine.rng import Draws
from rydberg_qmem.verification._interval_analysis import MOST_VISITS as MOST_STEPS
from rydberg_qmem.verification._interval_analysis import Reach
from rydberg_qmem.verification._program_controls import Controls
from rydberg_qmem.verification._replayer import MOST_VISITS, Replayer
from tests.strategies import if_a_device_takes_it, programs

Array = NDArray[np.float64]
SLACK = 1e-9


class Outcomes:
    """Takes down every outcome of one shot, of hidden keys too, by its key and rounds."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, tuple[tuple[str, int], ...]], Array] = {}

    def write(self, origin: str, source: str, population: Population, values: Array, at: Mapping[str, int]) -> None:
        if origin == "key":
            self.seen[source, tuple(at.items())] = np.array(values)

    def write_time(self, loop: str, time_ns: float, at: Mapping[str, int]) -> None:
        pass

    def probe(self, step: Any, population: Population, states: States, at: Mapping[str, int]) -> None:
        pass

    def __call__(self, kind: str, name: str, width: int, at: tuple[tuple[str, int], ...]) -> Array:
        return self.seen[name, at]


def draws_numbers(compiled: Compiled) -> bool:
    initial = [*compiled.scalars.values(), *(value for _, value in compiled.windows.values())]
    for step in all_steps(compiled.steps):
        if isinstance(step, SetStep | PushStep):
            initial += [value for _, value in step.values]
        elif isinstance(step, WhenStep):
            initial.append(step.condition)
    return any(expression.is_random for expression in initial)


def shot(compiled: Compiled, seed: int) -> tuple[Outcomes, Population]:
    """Run one shot; return its outcomes and the row that it ends with."""
    outcomes, cursor, draws = Outcomes(), Cursor(), Draws(seed, 0, (0,), 1)
    run = interpreter.prepare(
        compiled, emulator_of("exact"), outcomes, draws, REPRESENTATIONS["vector"], shots=1
    )  # fmt: skip
    rows = interpret(compiled.steps, interpreter.start(run, cursor, 1), interpreter.steps(run, cursor))
    return outcomes, rows


def agree(program: rq.Program, seed: int) -> int:
    """Hold one shot's memory to what the other domains say of it; return how many values were held."""
    compiled = compile_program(program)
    if draws_numbers(compiled) or len(compiled.remeasured) or not (compiled.scalars or compiled.windows):
        return 0
    outcomes, rows = shot(compiled, seed)
    replayer = Replayer(compiled, Controls(compiled), frozenset(), outcomes, 1, visits=10 * MOST_VISITS)
    reach = Reach(compiled, Controls(compiled), visits=MOST_STEPS)
    assert not replayer.play()
    assert reach.run()
    assert reach.end is not None
    bounds = reach.end.names
    for name in compiled.scalars:
        value = rows.values[name][0]
        assert value == pytest.approx(replayer.names[name][0], nan_ok=True)
        if np.isfinite(value):
            assert bounds[name].low - SLACK <= value <= bounds[name].high + SLACK
    return len(compiled.scalars)


def all_agree(count: int) -> int:
    held: list[int] = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def hold(program: rq.Program) -> None:
        with if_a_device_takes_it():
            held.append(agree(program, len(held)))

    hold()
    return sum(held)


def test_rows_with_states_rows_without_and_intervals_have_the_same_memory() -> None:
    assert all_agree(20) > 10


@pytest.mark.slow
def test_domains_agree_in_many_programs() -> None:
    assert all_agree(1500) > 500


def test_a_run_that_sets_memory_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assign = interpreter.assign

    def late(run: Any, cursor: Cursor, step: SetStep, values: Any, population: Population) -> Population:
        made = assign(run, cursor, step, values, population)
        return made.with_values(**{name: made.values[name] + 0.25 for name, _ in values})

    monkeypatch.setattr(interpreter, "assign", late)

    with pytest.raises(AssertionError):
        all_agree(60)
