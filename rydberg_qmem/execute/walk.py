"""Walk a compiled program with a population of rows: the meaning of every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.shapes import column
from rydberg_qmem.compile.steps import (
    Compiled,
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
from rydberg_qmem.compile.target import ONE, Target
from rydberg_qmem.compile.to_pulser import rows_of
from rydberg_qmem.emulators.journal import Ticket
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE, Layout, State
from rydberg_qmem.emulators.protocol import Emulator, Holding, Replaying, RoundByRound
from rydberg_qmem.errors import RunError
from rydberg_qmem.execute import held as own
from rydberg_qmem.execute.apparatus import Apparatus, Numbers
from rydberg_qmem.execute.channels import ABSENT, without_absent
from rydberg_qmem.execute.draws import APPARATUS, JUMPS, MEASURING, Draws, Place, RowSource
from rydberg_qmem.execute.environment import NOTHING, Environment, Surroundings
from rydberg_qmem.execute.kinds import KINDS, Kind, on_both_sides
from rydberg_qmem.execute.population import (
    Chosen,
    Part,
    Population,
    Split,
    choose,
    choose_all,
    collapse,
    connected,
    found,
    fresh,
    join,
    merge_branches,
    merge_states,
    product,
    projector,
    remover,
    traced,
)
from rydberg_qmem.execute.probes import probe_totals
from rydberg_qmem.execute.sharing import Index, distinct
from rydberg_qmem.execute.trace import Trace
from rydberg_qmem.execute.trajectories import settled
from rydberg_qmem.language.expressions import Columns, Expression
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
PRUNE_BELOW = 1e-14
"""Probability below which exact runs drop a branch; the record states the sum."""
MAX_BRANCHES = 2_000_000
MAX_STATE_BYTES = 8_000_000_000
MOST_JUMPS = 2**16
"""More jumps than a row can make in one step."""
SO_SMALL = 512
"""So many amplitudes are evolved about as fast as one state of them."""
NEGLIGIBLE = 1e-10
"""Largest change of an amplitude by interactions between unentangled atoms that is left out, per segment."""


@dataclass
class Walk:
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
    pruned: float = 0.0
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
        self._reset_next = dict(_reset_next(self.compiled.steps))
        self._sites = {id(step): i for i, step in enumerate(all_steps(self.compiled.steps))}
        self._expressions = {found: i for i, found in enumerate(self._random_places())}
        self.environment: Environment | None = None
        self.apparatus: Apparatus | None = None

    def run(self, shots: int | None) -> Population:
        """Walk the whole program and write the trace."""
        self.environment = Environment.of(self.around, self.compiled, self.emulator, self.draws, shots)
        if self.environment is not None:
            self.apparatus = Apparatus(self.around, self.compiled.target.atoms, self.layout, self.kind)
        population = self._steps(self.compiled.steps, self._start(shots))
        for name in self.compiled.scalars:
            self._write("final", name, population, population.values[name])
        if population.held is not None:
            self._report(population, population.held)
        return population

    def _start(self, shots: int | None) -> Population:
        rows = shots if shots is not None else 1
        if self._jobs is not None:
            self._jobs.begin(self.compiled.target)
        atoms = range(self.layout.atoms) if self.emulator.capabilities.states and self._holder is None else ()
        parts = tuple(fresh(atom, self.layout, rows, self.kind) for atom in atoms)
        if parts and not self.emulator.capabilities.factorises:
            parts = (product(list(parts), len(self.layout.levels)),)
        begin = self._holder and own.Held((self._holder.start(self.compiled.target),), np.zeros(rows, dtype=np.int64))
        population = Population(parts, np.ones(rows), np.arange(rows), {}, begin)
        if self.apparatus is not None:
            population = self.apparatus.start(population, self._numbers(len(self._sites)))
            rows = len(population)
        for name, initial in self.compiled.scalars.items():
            declared = name in self.compiled.program.memory
            unknown = np.full(rows, np.nan)  # a name that its first set introduces
            value = self._evaluate(initial, population, None, f"{name}.initial") if declared else unknown
            population = population.with_values(**{name: value})
        for name, (size, initial) in self.compiled.windows.items():
            value = self._evaluate(initial, population, None, f"{name}.initial")
            population = population.with_values(**{name: np.repeat(value[:, None], size, axis=1)})
        return population

    def _random_places(self) -> Iterator[tuple[int, str]]:
        """Yield step and name of all expressions in a fixed order, whatever the run comes to first.

        Steps count by themselves, not by their place in the file: those of a `for_each` stand at one place, and each
        draws numbers of its own.
        """
        yield from ((id(None), f"{name}.initial") for name in (*self.compiled.scalars, *self.compiled.windows))
        for step in all_steps(self.compiled.steps):
            match step:
                case SetStep() | PushStep():
                    yield from ((id(step), name) for name, _ in step.values)
                case WhenStep():
                    yield id(step), "if"
                case _:
                    pass

    # ------------------------------------------------------------------ steps

    def _steps(self, steps: tuple[Step, ...], population: Population) -> Population:
        for step in steps:
            if not len(population):
                return population
            population = self._step(step, population)
        return population

    def _step(self, step: Step, population: Population) -> Population:
        match step:
            case Segment():
                return self._segment(step, population)
            case MeasureStep():
                return self._measure(step, population)
            case ResetStep():
                return self._reset(step, population)
            case ProbeStep():
                return self._probe(step, population)
            case SetStep():
                return self._set(step, population)
            case PushStep():
                return self._push(step, population)
            case RepeatStep():
                return self._repeat(step, population)
            case WhenStep():
                return self._when(step, population)
            case _:
                assert_never(step)

    def plan_of(self, segment: Segment) -> Any:
        """Return the emulator's plan of a segment, made once."""
        if segment.index not in self._plans:
            self._plans[segment.index] = self.emulator.plan(segment, self.compiled.target)
        return self._plans[segment.index]

    def _segment(self, step: Segment, population: Population) -> Population:
        plan = self.plan_of(step)
        timing = frozenset().union(*(e.names for e in plan.timing))
        scope = self._scope(population, timing)
        for expression in plan.timing:
            self._finite(column(expression, scope), expression, step.place)
        try:
            durations = plan.durations(scope, len(population) if timing else 1)
            longest = int(durations.max())
            if self._jobs is not None:
                self._jobs.play(step, self._shared_values(step, population))
            if population.held is not None:
                population = self._evolve_held(plan, population, population.held, step)
            for group in self._groups(plan, population, longest, everyone=self.is_noisy):
                population = self._evolve(plan, population, group, step)
        except RunError as error:
            raise RunError(f"{self._round()}{error}") from None
        self.clock_ns += longest
        return population

    def _shared_values(self, step: Segment, population: Population) -> dict[Expression, float]:
        """Return the values of a segment's expressions, the same in all shots."""
        values = {}
        for expression in expressions_of(step):
            found = column(expression, self._scope(population, expression.names))
            self._finite(found, expression, step.place)
            if (found != found[0]).any():
                raise RunError(f"{step.place}: {expression} differs from shot to shot within one job")
            values[expression] = float(found[0])
        return values

    @property
    def is_noisy(self) -> bool:
        """Whether segments go another way than without noise."""
        around = self.environment
        return around is not None and around.pulses and (around.open is not None or around.fluctuating is not None)

    def _evolve(self, plan: Any, population: Population, atoms: tuple[int, ...], step: Segment) -> Population:
        """Evolve atoms that act on each other, those of them that are there."""
        old = population.holding(atoms)
        self._refuse_large(step.place, sum(len(part.atoms) for part in old), max(len(part.states) for part in old))
        part = product(old, len(self.layout.levels))

        def act(rows: Population, some: Part) -> Part:
            return self._evolve_part(plan, rows, some, step)

        new = without_absent(population, part, self.layout, act)
        return population.with_parts(old, [new])

    def _evolve_part(self, plan: Any, population: Population, part: Part, step: Segment) -> Part:
        """Evolve a part, once for each distinct state and setting of its controls; shots of their own one by one."""
        size = part.states.shape[1]
        states, scope, which = self._settings(plan, part.atoms, part.state_of, population, step, size=size)
        self._note(step, part, len(states))
        evolved = self._evolved(plan, scope, part.states[states], part.atoms)
        if self._decays and self.is_noisy:
            return self._settled(plan, scope, replace(part, states=part.states[states], state_of=which), evolved,
                                 population, self._sites[id(step)], 0.0)  # fmt: skip
        return replace(part, states=evolved, state_of=which)

    def _settings(
        self, plan: Any, atoms: tuple[int, ...], state_of: Index, population: Population, step: Segment,
        *, size: int = SO_SMALL,
    ) -> tuple[Index, dict[str, Any], Index]:  # fmt: skip
        """Return the states, and the scope of the controls, of each distinct combination, and which one rows have.

        Different memory may ask for the same control values: that is looked for unless states of this `size` are so
        few that one costs as much as all.
        """
        alone = self.is_noisy and self.environment is not None and bool(self.environment.settings)
        controls = plan.controls_of(tuple(range(self.layout.atoms)) if self.is_noisy else atoms)
        names = sorted(frozenset().union(*(e.names for e in controls)) - self.scope.keys())
        first, which = distinct([state_of, *(population.values[name] for name in names)])
        if alone:
            first = which = np.arange(len(population))
        scope = self._scope(population.take(first), frozenset().union(*(e.names for e in controls)))
        values = [column(e, scope) for e in controls]
        for expression, value in zip(controls, values, strict=True):
            self._finite(value, expression, step.place)
        states = state_of[first]
        if names and not alone and len(first) * size > SO_SMALL:
            some, same = distinct([states, *(v for v in values if len(v) > 1)])
            scope, which, states = rows_of(scope, some), same[which], states[some]
            first = first[some]
        if self.is_noisy and self.environment is not None:
            scope |= self.environment.scope_of(population.shots[first], self.clock_ns)
        return states, scope, which

    def _evolve_held(self, plan: Any, population: Population, held: own.Held, step: Segment) -> Population:
        """Evolve each distinct state of the emulator's own, once for each setting of the controls."""
        everything = tuple(range(self.layout.atoms))
        states, scope, which = self._settings(plan, everything, held.state_of, population, step)
        evolved = self.emulator.evolve(plan, scope, [held.states[k] for k in states], everything)  # type: ignore[arg-type]
        return replace(population, held=own.Held(tuple(evolved), which))

    @property
    def _decays(self) -> bool:
        """Whether vectors lose norm, and jump where they have lost enough."""
        return self.environment is not None and self.environment.decoheres and not self.kind.traces

    def _settled(
        self, plan: Any, scope: dict[str, Any], part: Part, decayed: State, population: Population, site: int,
        time_us: float,
    ) -> Part:  # fmt: skip
        """Let each row jump by chance, or keep its decayed state."""
        assert self.draws is not None
        assert self.environment is not None
        assert self.environment.open is not None
        draws, shots, place = self.draws, population.shots, self._place(site)
        lead, atoms = part.atoms[0], self.layout.atoms

        def chance(jump: int) -> Array:
            here = Place(place.step, (place.visit * MOST_JUMPS + jump) * atoms + lead)
            return draws.uniform(shots, JUMPS, here, 2)

        return settled(self.environment.open, plan, scope, part, decayed, time_us, chance)

    def _note(self, step: Segment, part: Part, rows: int) -> None:
        """Remember how much is evolved together; refuse what memory will not hold."""
        key = (step.index, part.atoms)
        self.groups[key] = max(self.groups.get(key, 0), rows)
        self._refuse_large(step.place, len(part.atoms), rows)

    def _refuse_large(self, place: str, atoms: int, rows: int) -> None:
        """Refuse states of entangled atoms that memory will not hold, before they are made."""
        size = len(self.layout.levels) ** atoms
        amplitudes = size**2 if self.kind.traces else size
        needed = rows * amplitudes * BYTES_PER_AMPLITUDE
        if needed > MAX_STATE_BYTES:
            raise RunError(
                f"{place}: {rows} states of {atoms} entangled atoms ({amplitudes} amplitudes each) would need "
                f"{needed / 1e9:.1f} GB, more than {MAX_STATE_BYTES / 1e9:.0f} GB: use fewer shots at a time, fewer "
                "atoms or levels, or atoms farther apart"
            )

    def _evolved(self, plan: Any, scope: dict[str, Any], states: State, atoms: tuple[int, ...]) -> State:
        if self.is_noisy and self.environment is not None:
            return self.environment.evolve(plan, scope, states, atoms, matrices=self.kind.traces)
        if not self.kind.traces:
            return self.emulator.evolve(plan, scope, states, atoms)
        return on_both_sides(states, lambda rows, which: self.emulator.evolve(plan, rows_of(scope, which), rows, atoms))

    def _groups(
        self, plan: Any, population: Population, duration_ns: float, *, everyone: bool = False
    ) -> list[tuple[int, ...]]:
        """Return the atoms that the segment changes, or all, in groups that act on each other while it lasts."""
        excited, touched = plan.excited if plan else frozenset(), plan.touched if plan else frozenset()
        edges = list(plan.linked) if plan else []
        if population.held is not None:
            return []
        everything = [part.atoms for part in population.parts]
        if self.emulator.capabilities.states and len(self.layout.levels) and self.layout.atoms > 1:
            bound = self._mutual(population, excited) * duration_ns / NS_PER_US
            edges += [(int(i), int(j)) for i, j in zip(*np.nonzero(np.triu(bound) > NEGLIGIBLE), strict=True)]
        busy = set(range(self.layout.atoms)) if everyone else set(touched).union(*edges)
        return [group for group in connected([*everything, *edges]) if busy & set(group)]

    def _mutual(self, population: Population, excited: frozenset[int]) -> Array:
        """Return the strength (rad/µs) of each pair's interaction, times the amplitudes that it acts on."""
        target = self.compiled.target
        if "0" in self.layout.levels:
            return np.abs(target.exchange) + np.abs(target.van_der_waals)
        if "r" not in self.layout.levels:
            return np.zeros((self.layout.atoms, self.layout.atoms))
        amplitude = np.ones(self.layout.atoms)
        for part in population.parts:
            layout = self._layout(len(part.atoms))
            weights = part.populations
            for k, atom in enumerate(part.atoms):
                if atom not in excited:
                    chance = weights @ layout.is_level(k, "r").astype(float)
                    amplitude[atom] = np.sqrt(chance.max())
        return np.asarray(target.van_der_waals * np.outer(amplitude, amplitude))

    def _layout(self, atoms: int) -> Layout:
        if atoms not in self._layouts:
            self._layouts[atoms] = Layout(self.layout.levels, atoms)
        return self._layouts[atoms]

    def _split(self, size: int, places: tuple[int, ...], basis: str) -> Split:
        """Return the outcomes of looking at some places of a part: bits of a basis, or levels for a reset."""
        key = (size, places, basis)
        if key not in self._splits:
            layout, levels = self._layout(size), len(self.layout.levels)
            if basis:
                self._splits[key] = Split(layout.code(places, basis), 2 ** len(places))
            else:
                self._splits[key] = Split(layout.level_code(places), levels ** len(places))
        return self._splits[key]

    def _measure(self, step: MeasureStep, population: Population) -> Population:
        if self._played_back is not None:
            rows = self._played_back.outcomes(step.key, dict(self.at), population.shots, len(step.atoms))
            population = population.with_values(**{step.key: rows.astype(float)})
        elif population.held is not None:
            self._forget(step, population)
            one = ONE[step.basis]
            zero = next(level for level in self.layout.levels if level != one)
            population, bits = self._look(step, population, (zero, one))
            population = population.with_values(**{step.key: bits.astype(float)})
        elif self._jobs is not None:
            read = self._jobs.read(step.atoms, step.basis, ticket=self._ticket(step), shots=len(population))
            population = population.with_values(**{step.key: read.astype(float)})
        else:
            self._forget(step, population)
            population = population.with_values(**{step.key: np.zeros((len(population), len(step.atoms)))})
            for part in population.holding(step.atoms):
                population = self._measure_part(step, part.atoms, population)
        if self.apparatus is not None and self.emulator.capabilities.states:
            population = self.apparatus.read(step, population, self._numbers(self._sites[id(step)]))
        population = self._pass(population, self.around.hardware.measuring_us, step)
        self._write("key", step.key, population, population.values[step.key])
        return population

    def _ticket(self, step: MeasureStep) -> Ticket:
        assert self.draws is not None  # what runs jobs has shots
        place = self._place(self._sites[id(step)])
        draws, rounds = self.draws, tuple(self.at.items())
        return Ticket(draws.point, draws.cohorts[0], place.step, place.visit, step.place, rounds, draws.seed)

    def _forget(self, step: MeasureStep, population: Population) -> None:
        """Take back what exact means hold of a key that is measured again in the same round."""
        old = population.values.get(step.key)
        if self.draws is None and step.key in self.compiled.remeasured and old is not None:
            rows = ~np.isnan(old[:, 0])
            self.trace.write("key", step.key, old[rows], -population.weights[rows], population.shots[rows], self.at)

    def _measure_part(self, step: MeasureStep, atoms: tuple[int, ...], population: Population) -> Population:
        here = [atom for atom in step.atoms if atom in atoms]
        places = tuple(atoms.index(atom) for atom in here)
        split = self._split(len(atoms), places, step.basis)
        chosen = self._chosen(population, atoms, split, step)
        seen = _bits(len(here)).take(chosen.outcome, axis=0)
        bits = seen
        if tuple(here) != step.atoms:
            bits = chosen.population.values[step.key].copy()
            bits[:, [step.atoms.index(atom) for atom in here]] = seen
        old = chosen.population.holding(atoms)
        if self._forgotten(step, atoms):
            new = [fresh(atom, self.layout, len(bits), self.kind) for atom in atoms]
        elif self.emulator.capabilities.factorises and len(self.layout.levels) == 2 and len(here) < len(atoms):
            rest = tuple(atom for atom in atoms if atom not in here)
            one = self.layout.levels.index(ONE[step.basis])
            new = [collapse(chosen, atoms, remover(split), rest)]
            level_of = np.where(seen == 1, one, 1 - one)
            new += [found(atom, self.layout, level_of[:, k], self.kind) for k, atom in enumerate(here)]
        else:
            new = [collapse(chosen, atoms, projector(split), atoms)]
        return chosen.population.with_parts(old, new).with_values(**{step.key: bits})

    def _forgotten(self, step: MeasureStep, atoms: tuple[int, ...]) -> bool:
        """Return whether the state that a measurement leaves is reset at once, before any time passes."""
        around = self.around.hardware
        idle = self.environment is None and not around.measuring_us and not around.reset_us
        return idle and self.emulator.capabilities.factorises and self._reset_next[id(step)].issuperset(atoms)

    def _look(
        self, step: MeasureStep | ResetStep, population: Population, levels: tuple[str, str], after: str | None = None
    ) -> tuple[Population, Index]:
        """Let every row find each atom of a step in one of two levels, atom by atom; put it into a level after it."""
        outcome = np.zeros((len(population), len(step.atoms)), dtype=np.int64)
        uniform: Array | None = None
        if self.draws is not None:
            place = self._place(self._sites[id(step)])
            uniform = self.draws.uniform(population.shots, MEASURING, place, len(step.atoms))
        for k, atom in enumerate(step.atoms):
            assert population.held is not None
            chances = own.first_chances(population.held, self._holder, atom, levels[0])
            if uniform is not None:
                found_in = own.seconds(chances, uniform[:, k])
            else:
                population, rows, found_in = self._both(population, chances, step)
                outcome = outcome[rows]
            assert population.held is not None
            held = own.collapsed(population.held, self._holder, atom, levels, found_in)
            if after is not None:
                held = own.moved(held, self._holder, atom, levels, found_in, after)
            population = replace(population, held=own.settled(held, self._holder))
            outcome[:, k] = found_in
        return population, outcome

    def _both(
        self, population: Population, chances: Array, step: MeasureStep | ResetStep
    ) -> tuple[Population, Index, Index]:
        """Let every row have both outcomes, weighted (exact runs); return the rows that they came from, too."""
        joint = population.weights[:, None] * np.stack([chances, 1 - chances], axis=1)
        rows, found_in = np.nonzero(joint > self.prune_below)
        self.pruned += max(0.0, float(joint.sum() - joint[rows, found_in].sum()))
        self._refuse_branches(len(rows), step)
        return replace(population.take(rows), weights=joint[rows, found_in]), rows, found_in

    def _report(self, population: Population, held: own.Held) -> None:
        """Write what the emulator says of the final states."""
        said = [self._holder.report(state) for state in held.states]
        for name in self._holder.reports:
            values = np.array([one[name] for one in said])[held.state_of]
            self._write("final", name, population, values)

    def _reset(self, step: ResetStep, population: Population) -> Population:
        if self._jobs is not None:
            self._jobs.reset(step.atoms)
        population = self._pass(population, self.around.hardware.reset_us, step)
        if population.held is not None:
            first, second = self.layout.levels
            population, _ = self._look(step, population, (first, second), self.compiled.target.ground)
        elif self.emulator.capabilities.states:
            for part in population.holding(step.atoms):
                population = self._reset_part(step, part.atoms, population)
            if self.apparatus is not None:
                population = self.apparatus.prepare(population, step.atoms, self._numbers(self._sites[id(step)]))
        return self._merged(population, step)

    def _reset_part(self, step: ResetStep, atoms: tuple[int, ...], population: Population) -> Population:
        here = tuple(atom for atom in step.atoms if atom in atoms)
        rest = tuple(atom for atom in atoms if atom not in step.atoms)
        if rest and self.kind.traces:
            new = [traced(population.holding(atoms)[0], len(self.layout.levels), rest)]
        elif rest:
            split = self._split(len(atoms), tuple(atoms.index(atom) for atom in here), "")
            chosen = self._chosen(population, atoms, split, step)
            population = chosen.population
            new = [collapse(chosen, atoms, remover(split), rest)]
        else:
            new = []
        new += [fresh(atom, self.layout, len(population), self.kind) for atom in here]
        if not self.emulator.capabilities.factorises:
            new = [product(new, len(self.layout.levels))]
        return population.with_parts(population.holding(atoms), new)

    def _probe(self, step: ProbeStep, population: Population) -> Population:
        if population.held is not None:
            totals = own.probe_totals(population.held, self._holder, self.layout.levels, step, population.weights)
        else:
            totals = probe_totals(self.layout.levels, step, population)
        for quantity, total in totals.items():
            self.trace.write_mean(quantity, step.probe.key, total, float(population.weights.sum()), self.at)
        return population

    def _set(self, step: SetStep, population: Population) -> Population:
        made = {}
        for name, expression in step.values:
            made[name] = self._evaluate(expression, population, step, name)
        return population.with_values(**made)

    def _push(self, step: PushStep, population: Population) -> Population:
        made = {}
        for name, expression in step.values:
            if name not in self.compiled.live_after[id(step)]:
                continue  # a window that nothing reads
            value = self._evaluate(expression, population, step, name)
            made[name] = _pushed(population.values[name], value)
        return population.with_values(**made)

    def _repeat(self, step: RepeatStep, population: Population) -> Population:
        outer = dict(self.scope)
        for k in range(step.times):
            self.at[step.name] = k
            self.scope[step.counter] = float(k)
            population = self._signalled(step, k, population)
            self.trace.write_time(step.name, self.clock_ns, self.at)
            gone = {key for key in self.compiled.remeasured if key in population.values}
            if gone:  # what the last round measured is not this round's
                values = {name: value for name, value in population.values.items() if name not in gone}
                population = replace(population, values=values)
            for name in step.recorded:
                self._write("memory", name, population, population.values[name])
            population = self._merged(self._steps(step.body, population), step.body[-1] if step.body else step)
            if self.on_round is not None:
                self.on_round(1)
            if not len(population):
                break
        del self.at[step.name]
        self.scope = outer
        return population

    def _signalled(self, step: RepeatStep, k: int, population: Population) -> Population:
        """Let the rows see this round's inputs."""
        for signal in step.signals:
            self.scope[signal] = float(self.compiled.inputs[signal][k])
        return population

    def _cohort_of(self, population: Population) -> Index | None:
        """Return the cohort of each row that means over the ensemble are taken in; None: all rows are one."""
        return None

    def _when(self, step: WhenStep, population: Population) -> Population:
        chance = step.condition.bernoulli() if self.draws is None else None
        if chance is not None:
            yes, no = self._chance(step, chance, population)
        else:
            holds = self._evaluate(step.condition, population, step, "if") != 0
            yes, no = population.take(holds), population.take(~holds)
        begin = self.clock_ns
        yes = self._side(step.then, yes, population)
        then_ns, self.clock_ns = self.clock_ns - begin, begin
        no = self._side(step.otherwise, no, population)
        otherwise_ns = self.clock_ns - begin
        self.clock_ns = begin + max(then_ns, otherwise_ns)
        fixed_then, fixed_otherwise = self._fixed_ns(step.then), self._fixed_ns(step.otherwise)
        if fixed_then is not None and fixed_otherwise is not None:
            yes = self._idle(yes, fixed_otherwise - fixed_then, step)
            no = self._idle(no, fixed_then - fixed_otherwise, step)
        return self._merged(join(yes, no, len(self.layout.levels)), step)

    def _side(self, steps: tuple[Step, ...], side: Population, before: Population) -> Population:
        """Walk one side; where nobody takes it, its time still passes: control cannot know in advance."""
        if len(side):
            return self._steps(steps, side)
        self.clock_ns += sum(self._time_of(step, before) for step in steps)
        return side

    def _fixed_ns(self, steps: tuple[Step, ...]) -> float | None:
        """Return how long steps take where memory does not decide it; else None: shots take their own time."""
        nothing = Population((), np.ones(1), np.zeros(1, dtype=np.int64), {})
        for step in all_steps(steps):
            if isinstance(step, Segment):
                timing = frozenset().union(*(e.names for e in self.plan_of(step).timing))
                if not timing <= self.scope.keys():
                    return None
        return sum(self._time_of(step, nothing) for step in steps)

    def _time_of(self, step: Step, population: Population) -> float:
        """Return the time of a step that no row takes; timing that hangs on what it would measure counts as none."""
        match step:
            case Segment():
                plan = self.plan_of(step)
                timing = frozenset().union(*(e.names for e in plan.timing))
                scope = self._scope(population, timing)
                return float(plan.durations(scope, len(population)).max()) if timing <= scope.keys() else 0.0
            case RepeatStep():
                return step.times * sum(self._time_of(inner, population) for inner in step.body)
            case WhenStep():
                then = sum(self._time_of(inner, population) for inner in step.then)
                return max(then, sum(self._time_of(inner, population) for inner in step.otherwise))
            case MeasureStep():
                return self.around.hardware.measuring_us * NS_PER_US
            case ResetStep():
                return self.around.hardware.reset_us * NS_PER_US
            case _:
                return 0.0

    def _chance(self, step: WhenStep, chance: Expression, population: Population) -> tuple[Population, Population]:
        p = self._evaluate(chance, population, step, "if")
        p = np.clip(p, 0.0, 1.0)  # uniform() < p holds never for p <= 0 and always for p >= 1
        yes = replace(population, weights=population.weights * p)
        no = replace(population, weights=population.weights * (1 - p))
        return yes.take(yes.weights > 0), no.take(no.weights > 0)

    def _pass(self, population: Population, time_us: float, step: Step) -> Population:
        """Let the time of a measurement or reset pass, for all atoms and the clock."""
        self.clock_ns += time_us * NS_PER_US
        return self._idle(population, time_us * NS_PER_US, step)

    def _idle(self, population: Population, duration_ns: float, step: Step) -> Population:
        """Let the atoms wait in the dark."""
        if self._jobs is not None and duration_ns > 0 and len(population):
            self._jobs.rest(int(duration_ns), step.place)
        if duration_ns <= 0 or not len(population) or not self.emulator.capabilities.states:
            return population
        if population.held is not None:
            waited = self.emulator.wait(self.compiled.target, list(population.held.states), round(duration_ns))  # type: ignore[arg-type]
            return replace(population, held=replace(population.held, states=tuple(waited)))
        around = self.environment
        for group in self._groups(None, population, duration_ns, everyone=around is not None and around.decoheres):
            old = population.holding(group)
            self._refuse_large(step.place, sum(len(part.atoms) for part in old), max(len(part.states) for part in old))
            part = product(old, len(self.layout.levels))
            new = without_absent(
                population, part, self.layout, lambda rows, some: self._idle_part(rows, some, duration_ns, step)
            )
            population = population.with_parts(old, [new])
        return population

    def _idle_part(self, population: Population, part: Part, duration_ns: float, step: Step) -> Part:
        around = self.environment
        if around is None or around.open is None:
            target = self.compiled.target.subset(part.atoms)
            return replace(part, states=self._waited(target, part.states, duration_ns))
        time_us = duration_ns / NS_PER_US
        if around.settings and around.open.fluctuating is not None:  # each shot has its own distances
            part = replace(part, states=part.states[part.state_of], state_of=np.arange(len(population)))
            scope = dict(around.scope_of(population.shots, self.clock_ns))
        else:
            scope = {}
        later = around.open.wait(scope, part.states, part.atoms, time_us, matrices=self.kind.traces)
        if not self._decays:
            return replace(part, states=later)
        return self._settled(None, scope, part, later, population, self._sites[id(step)], time_us)

    def _waited(self, target: Target, states: State, duration_ns: float) -> State:
        if not self.kind.traces:
            return self.emulator.wait(target, states, duration_ns)
        return on_both_sides(states, lambda rows, which: self.emulator.wait(target, rows, duration_ns))

    # ---------------------------------------------------------------- details

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

    def _merged(self, population: Population, step: Step) -> Population:
        """Share equal states again, and in exact runs add up branches that are equal in all that is live."""
        if not len(population):
            return population
        population = replace(population, parts=tuple(merge_states(part) for part in population.parts))
        if population.held is not None:
            population = replace(population, held=own.settled(population.held, self._holder))
        if self.draws is not None or self._played_back is not None:
            return population
        return merge_branches(population, self.compiled.live_after[id(step)] | {ABSENT})

    def _chosen(
        self, population: Population, atoms: tuple[int, ...], split: Split, step: MeasureStep | ResetStep
    ) -> Chosen:
        part = next(part for part in population.parts if part.atoms == atoms)
        if self.draws is not None:
            looked = [atom for atom in step.atoms if atom in atoms]
            place = self._place(self._sites[id(step)])
            numbers = self.draws.uniform(population.shots, MEASURING, place, len(step.atoms))
            if tuple(looked) != step.atoms:
                numbers = numbers[:, [step.atoms.index(atom) for atom in looked]]
            return choose(population, part, split, numbers)
        before = float(population.weights.sum())
        chosen = choose_all(population, part, split, self.prune_below)
        self.pruned += max(0.0, before - float(chosen.population.weights.sum()))
        self._refuse_branches(len(chosen.population), step)
        return chosen

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
        site = self._expressions[id(step), name]
        random = RowSource(self.draws, population.shots, self._place(site)) if self.draws is not None else None
        if expression.is_random and random is None:
            raise RunError(f"{place}: {expression} draws random numbers, so the program needs shots")
        scope = self._scope(population, expression.names)
        try:
            cohort_of = self._cohort_of(population)
            value = expression.evaluate(scope, random=random, weights=population.weights, cohort_of=cohort_of)
        except RunError as error:
            raise RunError(f"{self._round()}{place}: {error}") from None
        values = np.broadcast_to(np.asarray(value, dtype=float), (len(population),))
        self._finite(values, expression, place)
        return np.array(values)

    def _finite(self, values: Array, expression: Expression, place: str) -> None:
        if not np.isfinite(values).all():
            bad = float(values[~np.isfinite(values)][0])
            raise RunError(f"{self._round()}{place}: {expression} is {bad}, not a finite number")

    def _round(self) -> str:
        where = ", ".join(f"{name} {k}" for name, k in self.at.items())
        return f"{where}: " if where else ""

    def _write(self, origin: str, source: str, population: Population, values: Array) -> None:
        self.trace.write(origin, source, values, population.weights, population.shots, self.at)


@lru_cache(maxsize=64)
def _bits(atoms: int) -> Array:
    """Return the bits (outcomes, atoms) of each joint outcome, the first atom's the highest."""
    return (np.arange(2**atoms)[:, None] >> np.arange(atoms - 1, -1, -1) & 1).astype(float)


def _pushed(window: Array, value: Array) -> Array:
    """Return a window with a value in front and its last one gone; each column lies together in memory."""
    made = np.empty(window.shape[::-1]).T
    made[:, 0] = value
    made[:, 1:] = window[:, :-1]
    return made


def _reset_next(steps: tuple[Step, ...]) -> Iterator[tuple[int, frozenset[int]]]:
    """Yield each measurement and the atoms that are reset before anything but memory comes between."""
    for step, later in ((step, steps[k + 1 :]) for k, step in enumerate(steps)):
        match step:
            case MeasureStep():
                acting = next((other for other in later if not isinstance(other, SetStep | PushStep)), None)
                yield id(step), frozenset(acting.atoms) if isinstance(acting, ResetStep) else frozenset()
            case RepeatStep():
                yield from _reset_next(step.body)
            case WhenStep():
                yield from _reset_next(step.then)
                yield from _reset_next(step.otherwise)
            case _:
                pass


def all_steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield every step of a program, outer ones before inner ones."""
    for step in steps:
        yield step
        match step:
            case RepeatStep():
                yield from all_steps(step.body)
            case WhenStep():
                yield from all_steps((*step.then, *step.otherwise))
            case _:
                pass
