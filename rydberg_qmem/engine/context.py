"""What a run stands on and never changes (`RunContext`), where it is (`Cursor`), where its states live (`States`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.liveness import atoms_after
from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.compile.steps import (
    UNNUMBERED,
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
)
from rydberg_qmem.emulators.layout import Layout, Levels, State, on_both_sides
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.emulators.smaller_states import Narrowing
from rydberg_qmem.engine.acting_noise import ActingNoise
from rydberg_qmem.engine.apparatus import Apparatus, Numbers
from rydberg_qmem.engine.kept_frames import KeptFrames
from rydberg_qmem.engine.noise_settings import NoiseSettings
from rydberg_qmem.engine.outcomes import Partition
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.representation import Representation
from rydberg_qmem.engine.rng import APPARATUS, Draws, Place

Array = NDArray[np.float64]
PRUNE_BELOW = 1e-14
"""Probability below which exact runs drop a branch; the record states the sum."""
MOST_GB = 8.0
"""Memory that a run may take, unless asked."""
NEGLIGIBLE = 1e-10
"""Largest angle (rad) by which an interaction of unentangled atoms may turn an amplitude in a segment, unless asked."""
Evolve = Callable[[Any, Any, State, tuple[int, ...]], State]
"""Evolves states of some atoms through a planned segment: plan, scope, states, atoms."""


class Recording(Protocol):
    """What takes down the values of rows as a run comes by them."""

    def write(self, origin: str, source: str, population: Population, values: Array, at: Mapping[str, int]) -> None:
        """Take down one value per row, at a place in the loops."""
        ...

    def write_time(self, loop: str, time_ns: float, at: Mapping[str, int]) -> None:
        """Note when a round begins."""
        ...

    def probe(self, step: ProbeStep, population: Population, states: States, at: Mapping[str, int]) -> None:
        """Take down what a probe sees of the rows' states."""
        ...


class States(Protocol):
    """Where the states of rows live, and what happens to them there: the one place that asks what an emulator is."""

    def start(self, run: RunContext, rows: int) -> Population:
        """Return rows whose atoms are all in their ground level."""
        ...

    def evolve(
        self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment, duration_ns: int
    ) -> Population:
        """Return the rows after a segment, which lasts at most `duration_ns` in any of them."""
        ...

    def turn(self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment) -> Population:
        """Return the rows after a segment of no time, which turns phase references alone."""
        ...

    def wait(
        self, run: RunContext, cursor: Cursor, population: Population, duration_ns: float, step: Step
    ) -> Population:
        """Return the rows after a time in the dark."""
        ...

    def measure(self, run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
        """Return the rows with what a measurement reads under its key; it takes no time here."""
        ...

    def reset(self, run: RunContext, cursor: Cursor, step: ResetStep, population: Population) -> Population:
        """Return the rows after a reset, and after the time that it takes."""
        ...

    def share(self, population: Population) -> Population:
        """Return the rows with equal states kept once."""
        ...

    def probe_totals(self, step: ProbeStep, population: Population, quantities: Iterable[str]) -> Mapping[str, Any]:
        """Return, for each quantity, its sum over rows times their weights."""
        ...

    def of_all_rows(self, quantity: str, step: ProbeStep, population: Population) -> float:
        """Return a quantity of the mean state of all rows: its purity or entropy (bits)."""
        ...

    def reports(self, population: Population) -> Mapping[str, Array]:
        """Return what is said of the rows' final states, by name."""
        ...


@dataclass(frozen=True)
class SeriesInputs:
    """Inputs that differ from row to row: a table (series, round) for each, and the rounds that came before it."""

    table: Mapping[str, Array]
    behind: int = 0


@dataclass(frozen=True, eq=False)
class RunContext:
    """What a run stands on: the rows of one point (sampled, with draws) or all branches (exact, without)."""

    compiled: Compiled
    emulator: Emulator
    recorder: Recording
    draws: Draws | None
    representation: Representation
    noise: NoiseSettings
    states: States
    acting_noise: ActingNoise | None = None
    apparatus: Apparatus | None = None
    kept_frames: KeptFrames | None = None
    series: SeriesInputs | None = None
    within: frozenset[int] | None = None
    """The atoms that are walked, where others are walked by themselves; None: all."""
    prune_below: float = PRUNE_BELOW
    neglect: float = NEGLIGIBLE
    budget: float | None = None
    """How far (norm) all that is left out between groups may put a state off, in place of `neglect`; None: no bound."""
    max_bytes: float = MOST_GB * 1e9
    """What states and branches may take."""
    notice: Callable[[Step, Population], None] | None = None
    """Is told of each step before it is done, and may raise to stop."""
    plans: dict[int, Any] = field(default_factory=dict, repr=False)
    splits: dict[tuple[object, ...], Partition] = field(default_factory=dict, repr=False)
    readings: dict[int, dict[int, MeasureStep | ResetStep]] = field(default_factory=dict, repr=False)
    held: dict[tuple[object, ...], Any] = field(default_factory=dict, repr=False)
    layouts: dict[Levels, Layout] = field(default_factory=dict, repr=False)

    @cached_property
    def layout(self) -> Layout:
        """The layout of states of the whole register."""
        return Layout.of(self.compiled.target)

    def layout_of(self, levels: Levels) -> Layout:
        """Return the layout of states of atoms that have such levels, made once."""
        if levels not in self.layouts:
            self.layouts[levels] = Layout(self.layout.levels, len(levels), levels)
        return self.layouts[levels]

    @cached_property
    def narrows(self) -> bool:
        """Whether states leave out levels that atoms are not in: of three, where the emulator can do with fewer."""
        able = isinstance(self.emulator, Narrowing) and self.emulator.capabilities.factorises
        return able and self.layout.levels == ("r", "g", "h")

    @cached_property
    def size(self) -> int:
        """How many steps the program has."""
        return sum(1 for _ in all_steps(self.compiled.steps))

    @cached_property
    def random_sites(self) -> dict[tuple[int, str], int]:
        """A number for each expression, by its step and name: the same whatever the run comes to first.

        Steps count by themselves, not by their place in the file: those of a `for_each` stand at one place, and each
        draws numbers of its own.
        """
        return {site: i for i, site in enumerate(_random_sites(self.compiled))}

    @cached_property
    def is_noisy(self) -> bool:
        """Whether segments go another way than without noise."""
        return self.acting_noise is not None and self.acting_noise.acts_on_segments

    @cached_property
    def decays(self) -> bool:
        """Whether vectors lose norm, and jump where they have lost enough."""
        return self.acting_noise is not None and self.acting_noise.decoheres and not self.representation.is_mixed

    @cached_property
    def evolve_quietly(self) -> Evolve:
        """How states pass a segment without noise."""
        emulator = self.emulator
        if not self.representation.is_mixed:
            return emulator.evolve

        def both_sides(plan: Any, scope: Any, states: State, atoms: tuple[int, ...]) -> State:
            return on_both_sides(states, lambda rows, which: emulator.evolve(plan, rows_of(scope, which), rows, atoms))

        return both_sides

    @cached_property
    def evolve(self) -> Evolve:
        """How states pass a segment; vectors that decohere come back shorter."""
        if self.is_noisy and self.acting_noise is not None:
            return partial(self.acting_noise.evolve, mixed=self.representation.is_mixed)
        return self.evolve_quietly

    @cached_property
    def needed(self) -> Mapping[int, frozenset[int]]:
        """By the number of each step: the atoms whose states still matter after it."""
        hardware = self.noise.hardware
        timeless = self.acting_noise is None and not hardware.measuring_us and not hardware.reset_us
        everyone = frozenset(range(self.layout.atoms))
        return atoms_after(self.compiled.steps, everyone, timeless=timeless)


@dataclass
class Cursor:
    """Where a run is: the round of each loop, what all rows have in common there, the clock; and what it left out."""

    rounds: dict[str, int] = field(default_factory=dict)
    shared: dict[str, float] = field(default_factory=dict)
    """Values that all rows have in common: counters, inputs, what the channels carry."""
    outer: list[dict[str, float]] = field(default_factory=list)
    """What was shared before each loop around this place."""
    clock_ns: float = 0.0
    aside: int = 0
    """How many populations wait while another goes on."""
    dropped: float = 0.0
    """Probability of the branches that were dropped."""
    neglected: float = 0.0
    """Sum of all that was left out as negligible: no state is farther than this (norm) from what it would be."""
    ends_ns: float = 0.0
    """When the program ends, where that is known: what may be left out is spread over the time until then."""
    branches: list[tuple[int, float]] = field(default_factory=list)
    """Of each round of an exact run's loop: its branches, and the bytes of one."""
    groups: dict[tuple[int, tuple[int, ...]], int] = field(default_factory=dict)
    """Largest number of rows evolved together, by segment and atoms."""
    dimensions: dict[tuple[int, tuple[int, ...]], int] = field(default_factory=dict)
    """Largest number of basis states that their states held, in the same way."""

    def __str__(self) -> str:
        where = ", ".join(f"{name} {k}" for name, k in self.rounds.items())
        return f"{where}: " if where else ""


def _random_sites(compiled: Compiled) -> Iterator[tuple[int, str]]:
    yield from ((UNNUMBERED, f"{name}.initial") for name in (*compiled.scalars, *compiled.windows))
    for step in all_steps(compiled.steps):
        match step:
            case SetStep() | PushStep():
                yield from ((step.number, name) for name, _ in step.values)
            case WhenStep():
                yield step.number, "if"
            case Segment() | MeasureStep() | ResetStep() | ProbeStep() | RepeatStep():
                pass
            case _:
                assert_never(step)


def needed_after(run: RunContext, step: Step) -> frozenset[int]:
    """Return the atoms whose states still matter after a step."""
    return run.needed[step.number]


def place_of(run: RunContext, cursor: Cursor, site: int) -> Place:
    """Return where random numbers are wanted: a site of the program, and the visit of it that the loops count."""
    visit = 0
    for loop, k in cursor.rounds.items():
        visit = visit * run.compiled.rounds[loop] + k
    return Place(site, visit)


def machine_numbers(run: RunContext, cursor: Cursor, site: int) -> Numbers:
    """Return the function that draws the machine's numbers at a site."""
    place, apparatus = place_of(run, cursor, site), run.apparatus
    assert apparatus is not None

    def numbers(population: Population, use: int, columns: int) -> Array | None:
        if run.draws is None:
            return None
        here = Place(place.step, place.visit * apparatus.uses + use)
        return run.draws.uniform(population.shots, APPARATUS, here, columns)

    return numbers
