"""What every step of a walk stands on: where it is, what its names mean, where its numbers go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.carried import CARRIED
from rydberg_qmem.compile.liveness import atoms_after
from rydberg_qmem.compile.steps import (
    UNNUMBERED,
    Compiled,
    MeasureStep,
    PushStep,
    RepeatStep,
    ResetStep,
    SetStep,
    Step,
    WhenStep,
    all_steps,
)
from rydberg_qmem.emulators.layout import Layout
from rydberg_qmem.emulators.protocol import Emulator, Holding, Replaying, RoundByRound
from rydberg_qmem.errors import RunError
from rydberg_qmem.execute import held as own
from rydberg_qmem.execute.apparatus import Apparatus, Numbers
from rydberg_qmem.execute.channels import ABSENT
from rydberg_qmem.execute.draws import APPARATUS, Draws, Place, RowSource
from rydberg_qmem.execute.environment import NOTHING, Environment, Surroundings
from rydberg_qmem.execute.frames import KeptFrames
from rydberg_qmem.execute.kinds import KINDS, Kind
from rydberg_qmem.execute.population import Population, Split, merge_branches, merge_states
from rydberg_qmem.execute.sharing import Index
from rydberg_qmem.execute.trace import Trace
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression

Array = NDArray[np.float64]
PRUNE_BELOW = 1e-14
"""Probability below which exact runs drop a branch; the record states the sum."""
MAX_BRANCHES = 2_000_000
BRANCHES = 2**10
"""So many are looked at before what they become is foretold."""
MOST_GB = 8.0
"""Memory that a run may take, unless asked."""
NEGLIGIBLE = 1e-10
"""Largest angle (rad) by which an interaction of unentangled atoms may turn an amplitude in a segment, unless asked."""


@dataclass
class Stage:
    """One walk: the cohorts of one point (sampled, with draws) or all branches (exact, without)."""

    compiled: Compiled
    emulator: Emulator
    trace: Trace
    draws: Draws | None
    kind: Kind = KINDS["vector"]
    around: Surroundings = NOTHING
    prune_below: float = PRUNE_BELOW
    on_round: Callable[[int], None] | None = None
    at: dict[str, int] = field(default_factory=dict)
    scope: dict[str, float] = field(default_factory=dict)
    clock_ns: float = 0.0
    beside: int = 0
    """How many populations wait while another walks."""
    pruned: float = 0.0
    most_bytes: float = MOST_GB * 1e9
    """What states and branches may take."""
    neglect: float = NEGLIGIBLE
    neglected: float = 0.0
    """Sum of all that was left out as negligible: no state is farther than this (norm) from what it would be."""
    groups: dict[tuple[int, tuple[int, ...]], int] = field(default_factory=dict)
    """Largest number of rows evolved together, by segment and atoms."""

    def __post_init__(self) -> None:
        self.layout = Layout.of(self.compiled.target)
        self._holder: Any = self.emulator if isinstance(self.emulator, Holding) else None
        self._jobs = self.emulator if isinstance(self.emulator, RoundByRound) else None
        self._played_back = self.emulator if isinstance(self.emulator, Replaying) else None
        self._plans: dict[int, Any] = {}
        self._splits: dict[tuple[object, ...], Split] = {}
        self._layouts: dict[int, Layout] = {}
        self.counted: list[tuple[int, float]] = []
        self._needed: dict[int, frozenset[int]] | None = None
        self._size = sum(1 for _ in all_steps(self.compiled.steps))
        self._expressions = {found: i for i, found in enumerate(self._random_places())}
        self.environment: Environment | None = None
        self.apparatus: Apparatus | None = None
        self.kept_frames: KeptFrames | None = None

    def _random_places(self) -> Iterator[tuple[int, str]]:
        """Yield step and name of all expressions in a fixed order, whatever the run comes to first.

        Steps count by themselves, not by their place in the file: those of a `for_each` stand at one place, and each
        draws numbers of its own.
        """
        yield from ((UNNUMBERED, f"{name}.initial") for name in (*self.compiled.scalars, *self.compiled.windows))
        for step in all_steps(self.compiled.steps):
            match step:
                case SetStep() | PushStep():
                    yield from ((step.number, name) for name, _ in step.values)
                case WhenStep():
                    yield step.number, "if"
                case _:
                    pass

    def _numbers(self, site: int) -> Numbers:
        """Return the door to the machine's chances at a place."""
        place, apparatus = self._place(site), self.apparatus
        assert apparatus is not None

        def numbers(population: Population, use: int, columns: int) -> Array | None:
            if self.draws is None:
                return None
            here = Place(place.step, place.visit * apparatus.uses + use)
            return self.draws.uniform(population.shots, APPARATUS, here, columns)

        return numbers

    def _place(self, step: int) -> Place:
        visit = 0
        for loop, k in self.at.items():
            visit = visit * self.compiled.rounds[loop] + k
        return Place(step, visit)

    def _needed_after(self, step: Step) -> frozenset[int]:
        """Return the atoms whose states still matter after a step."""
        if self._needed is None:
            hardware = self.around.hardware
            timeless = self.environment is None and not hardware.measuring_us and not hardware.reset_us
            everyone = frozenset(range(self.layout.atoms))
            self._needed = atoms_after(self.compiled.steps, everyone, timeless=timeless)
        return self._needed[step.number]

    def _layout(self, atoms: int) -> Layout:
        if atoms not in self._layouts:
            self._layouts[atoms] = Layout(self.layout.levels, atoms)
        return self._layouts[atoms]

    def _merged(self, population: Population, step: Step) -> Population:
        """Share equal states again, and in exact runs add up branches that are equal in all that is live."""
        if not len(population):
            return population
        population = replace(population, parts=tuple(merge_states(part) for part in population.parts))
        if population.held is not None:
            population = replace(population, held=own.settled(population.held, self._holder))
        if self.draws is not None or self._played_back is not None:
            return population
        frames = () if self.kept_frames is None else self.kept_frames.names.values()
        return merge_branches(population, self.compiled.live_after[step.number] | {ABSENT, CARRIED, *frames})

    def _carrying(self, population: Population, numbers: Array) -> Population:
        """Return the rows with the numbers of what the channels carry: one number for all is a name of the walk."""
        if len(numbers) > 1 and (numbers != numbers[0]).any():
            self.scope.pop(CARRIED, None)
            return population.with_values(**{CARRIED: numbers})
        self.scope[CARRIED] = float(numbers[0])
        if CARRIED not in population.values:
            return population
        return replace(population, values={n: v for n, v in population.values.items() if n != CARRIED})

    def _with_carried(self, population: Population) -> Population:
        """Return the rows, each with the number of what the channels carry, which is no longer one of the walk."""
        number = self.scope.pop(CARRIED, None)
        if number is None:
            return population
        return population.with_values(**{CARRIED: np.full(len(population), number)})

    def _count_branches(self, population: Population, step: RepeatStep) -> None:
        """After a round of an exact run: refuse it where branches double, and will till they are too many."""
        if self.draws is not None or len(self.at) != 1 or not len(population):
            return
        self.counted.append((len(population), _row_bytes(population)))
        left = step.times - 1 - self.at[step.name]
        coming = branches_expected(self.compiled, [count for count, _ in self.counted], left)
        row = self.counted[-1][1]
        if coming > MAX_BRANCHES:
            raise RunError(
                f"{self._round()}{step.place}: {len(population)} branches by now, and more in each round: the exact "
                f"run would have more than {MAX_BRANCHES}; run with shots, or let less memory stay live"
            )
        if coming > BRANCHES and coming * row > self.most_bytes:
            raise RunError(
                f"{self._round()}{step.place}: {len(population)} branches by now, and more in each round: all "
                f"{coming:.0f} would need {coming * row / 1e9:.1f} GB, more than {self.most_bytes / 1e9:g} GB: run "
                "with shots, let less memory stay live, or raise max_memory_gb"
            )

    def _refuse_branches(self, branches: int, step: MeasureStep | ResetStep) -> None:
        if branches > MAX_BRANCHES:
            raise RunError(
                f"{self._round()}{step.place}: {branches} branches in an exact run, more than "
                f"{MAX_BRANCHES}; run with shots, or let less memory stay live"
            )

    def _scope(self, population: Population, names: frozenset[str]) -> dict[str, Any]:
        scope: dict[str, Any] = {}
        for name in names:
            if name in self.scope:
                scope[name] = self.scope[name]
            elif name in population.values:
                value = population.values[name]
                scope[name] = Columns(self.compiled.keys[name], value) if name in self.compiled.keys else value
        return scope

    def _evaluate(self, expression: Expression, population: Population, step: Step | None, name: str) -> Array:
        place = f"{'memory' if step is None else step.place}.{name}"
        site = self._expressions[UNNUMBERED if step is None else step.number, name]
        random = RowSource(self.draws, population.shots, self._place(site)) if self.draws is not None else None
        if expression.is_random and random is None:
            raise RunError(f"{place}: {expression} draws random numbers, so the program needs shots")
        scope = self._scope(population, expression.names)
        try:
            cohort_of = self._cohort_of(population) if expression.uses_ensemble else None
            value = expression.evaluate(scope, random=random, weights=population.weights, cohort_of=cohort_of)
        except RunError as error:
            raise RunError(f"{self._round()}{place}: {error}") from None
        values = np.broadcast_to(np.asarray(value, dtype=float), (len(population),))
        self._finite(values, expression, place)
        return np.array(values)

    def _cohort_of(self, population: Population) -> Index | None:
        """Return the cohort of each row that means over the ensemble are taken in; None: all rows are one."""
        return None if self.draws is None else population.shots // self.draws.size

    def _finite(self, values: Array, expression: Expression, place: str) -> None:
        if not np.isfinite(values).all():
            bad = float(values[~np.isfinite(values)][0])
            raise RunError(f"{self._round()}{place}: {expression} is {bad}, not a finite number")

    def _round(self) -> str:
        where = ", ".join(f"{name} {k}" for name, k in self.at.items())
        return f"{where}: " if where else ""

    def _write(self, origin: str, source: str, population: Population, values: Array) -> None:
        self.trace.write(origin, source, values, population.weights, population.shots, self.at)


def branches_expected(compiled: Compiled, counts: list[int], left: int, *, least: int = BRANCHES) -> float:
    """Return how many branches an exact run will have, from its count after each round and the rounds left.

    What a window holds no longer tells branches apart: while windows fill, branches multiply till the longest is full,
    and only what they do after that tells how they go on.
    """
    window = max((size for size, _ in compiled.windows.values()), default=0)
    if len(counts) <= window:
        return branches_to_come(counts, min(left, window - len(counts)), least=least)
    return branches_to_come(counts[window:], left, least=least)


def branches_to_come(counts: list[int], left: int, *, least: int = BRANCHES) -> float:
    """Return how many branches there will be `left` rounds later, where they multiply; as many as now where not.

    They multiply if each of the last six rounds had them at least 1.3 times over, and the later three by no less than
    the three before: what only adds up grows by less and less.

    >>> branches_to_come([2**k for k in range(12)], 8) == 2**19, branches_to_come(list(range(1, 2000, 200)), 1000)
    (True, 1801)
    """
    now = counts[-1]
    if len(counts) < 7 or now < least or left <= 0:
        return now
    ratios = [b / a for a, b in pairwise(counts[-7:])]
    if min(ratios) < 1.3 or prod(ratios[3:]) < 0.97 * prod(ratios[:3]):
        return now
    each = float(prod(ratios[3:]) ** (1 / 3))
    return float(now * each ** min(left, 60.0 / np.log2(each)))


def _row_bytes(population: Population) -> float:
    """Return what a branch takes while a round goes on: its values and its share of the states, all copies counted."""
    values = sum(value.nbytes for value in population.values.values())
    states = sum(6 * part.states.nbytes + 8 * len(population) for part in population.parts)
    return (COPIES * values + states) / len(population) + COPIES * 16


COPIES = 6
"""Copies of a value that are there while branches are made, joined and merged."""
