"""How the rows of a walk pass a segment: each distinct state and setting of its controls is evolved once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.carried import CARRIED
from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.compile.shapes import column
from rydberg_qmem.compile.steps import Segment, Step, expressions_of
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE, State
from rydberg_qmem.errors import RunError
from rydberg_qmem.execute import held as own
from rydberg_qmem.execute.channels import without_absent
from rydberg_qmem.execute.draws import JUMPS, Place
from rydberg_qmem.execute.kinds import on_both_sides
from rydberg_qmem.execute.population import Part, Population, connected, product
from rydberg_qmem.execute.sharing import Index, distinct
from rydberg_qmem.execute.stage import Stage
from rydberg_qmem.execute.trajectories import settled
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
MOST_JUMPS = 2**16
"""More jumps than a row can make in one step."""
SO_SMALL = 512
"""So many amplitudes are evolved about as fast as one state of them."""


class Evolving(Stage):
    """A stage on which segments are played."""

    def plan_of(self, segment: Segment) -> Any:
        """Return the emulator's plan of a segment, made once."""
        if segment.index not in self._plans:
            begun = segment if self.kept_frames is None else self.kept_frames.segment(segment)
            self._plans[segment.index] = self.emulator.plan(begun, self.compiled.target)
        return self._plans[segment.index]

    def _segment(self, step: Segment, population: Population) -> Population:
        plan = self.plan_of(step)
        population = self._turned(population, -1, step) if step.begins else population
        timing = frozenset().union(*(e.names for e in plan.timing))
        scope = self._scope(population, timing | {CARRIED})
        for expression in plan.timing:
            self._finite(column(expression, scope), expression, step.place)
        try:
            rows = len(population) if timing or CARRIED in population.values else 1
            durations = plan.durations(scope, rows)
            longest = int(durations.max())
            if self._jobs is not None and step.begins:
                self._jobs.play(step, self._shared_values(step, population))
            if population.held is not None:
                population = self._evolve_held(plan, population, population.held, step)
            for group in self._groups(plan, population, longest, everyone=self.is_noisy):
                population = self._evolve(plan, population, group, step)
        except RunError as error:
            raise RunError(f"{self._round()}{error}") from None
        self.clock_ns += longest
        if not step.ends:
            return population
        population = self._with_frames(step, population)
        return self._carrying(population, plan.leaves(scope, rows)) if CARRIED in scope else population

    def _with_frames(self, step: Segment, population: Population) -> Population:
        """Return the rows with the phase references that they keep after a segment."""
        if self.kept_frames is None:
            return population
        names = frozenset().union(*(e.names for e in self.plan_of(step).controls_of(tuple(range(self.layout.atoms)))))
        made = self.kept_frames.after(step, self._scope(population, names), len(population))
        return population.with_values(**made)

    def _turned(self, population: Population, sign: int, step: Step) -> Population:
        """Turn the references that rows keep into their states (1), or out of them (-1): no time passes."""
        if self.kept_frames is None:
            return population
        segment = self.kept_frames.turning(sign, step.place)
        plan = self.emulator.plan(segment, self.compiled.target)
        if population.held is not None:
            return self._evolve_held(plan, population, population.held, segment)
        made = []
        for part in population.parts:
            states, scope, which = self._settings(plan, part.atoms, part.state_of, population, segment)
            made.append(replace(part, states=self._clean(plan, scope, part.states[states], part.atoms), state_of=which))
        return replace(population, parts=tuple(made))

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
        return self.environment is not None and self.environment.acts_on_segments

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
                                 population, step.number, 0.0)  # fmt: skip
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
        carried = [population.values[CARRIED]] if CARRIED in population.values else []
        first, which = distinct([state_of, *(population.values[name] for name in names), *carried])
        if alone:
            first = which = np.arange(len(population))
        scope = self._scope(population.take(first), frozenset([CARRIED]).union(*(e.names for e in controls)))
        values = [column(e, scope) for e in controls]
        for expression, value in zip(controls, values, strict=True):
            self._finite(value, expression, step.place)
        states = state_of[first]
        if names and not alone and len(first) * size > SO_SMALL:
            some, same = distinct([states, *(v for v in values if len(v) > 1), *(v[first] for v in carried)])
            scope, which, states = rows_of(scope, some), same[which], states[some]
            first = first[some]
        if self.is_noisy and self.environment is not None:
            scope |= self.environment.scope_of(population.shots[first], self.clock_ns)
        return states, scope, which

    def _evolve_held(self, plan: Any, population: Population, held: own.Held, step: Segment) -> Population:
        """Evolve each distinct state of the emulator's own, once for each setting of the controls."""
        everything = tuple(range(self.layout.atoms))
        states, scope, which = self._settings(plan, everything, held.state_of, population, step)
        own_states: Any = [held.states[k] for k in states]  # of the emulator's own kind, not arrays
        evolved = self.emulator.evolve(plan, scope, own_states, everything)
        return replace(population, held=own.Held(tuple(evolved), which))

    @property
    def _decays(self) -> bool:
        """Whether vectors lose norm, and jump where they have lost enough."""
        return self.environment is not None and self.environment.decoheres and not self.kind.traces

    def _settled(
        self, plan: Any, scope: dict[str, Any], part: Part, decayed: State, population: Population, site: int,
        duration_ns: float,
    ) -> Part:  # fmt: skip
        """Let each row jump by chance, or keep its decayed state."""
        assert self.draws is not None
        assert self.environment is not None
        draws, shots, place = self.draws, population.shots, self._place(site)
        lead, atoms = part.atoms[0], self.layout.atoms

        def chance(jump: int) -> Array:
            here = Place(place.step, (place.visit * MOST_JUMPS + jump) * atoms + lead)
            return draws.uniform(shots, JUMPS, here, 2)

        return settled(self.environment.jumping, plan, scope, part, decayed, duration_ns, chance)

    def _note(self, step: Segment, part: Part, rows: int) -> None:
        """Remember how much is evolved together; refuse what memory will not hold."""
        key = (step.index, part.atoms)
        self.groups[key] = max(self.groups.get(key, 0), rows)
        self._refuse_large(step.place, len(part.atoms), rows)

    def _refuse_large(self, place: str, atoms: int, rows: int) -> None:
        """Refuse states of entangled atoms that memory will not hold, before they are made."""
        if self._is_large(atoms, rows):
            amplitudes = self._amplitudes(atoms)
            needed = rows * amplitudes * BYTES_PER_AMPLITUDE
            raise RunError(
                f"{place}: {rows} states of {atoms} entangled atoms ({amplitudes} amplitudes each) would need "
                f"{needed / 1e9:.1f} GB, more than {self.most_bytes / 1e9:g} GB: use fewer shots at a time, fewer "
                f"atoms or levels, atoms farther apart, a larger neglect (interactions that turn an amplitude by up to "
                f"{self.neglect:g} rad a segment are left out now), the emulator emu_mps, or raise max_memory_gb"
            )

    def _amplitudes(self, atoms: int) -> int:
        """Return how many numbers one state of some atoms has."""
        size = len(self.layout.levels) ** atoms
        return int(size**2 if self.kind.traces else size)

    def _is_large(self, atoms: int, rows: int) -> bool:
        """Return whether memory will not hold states of some atoms, and what their evolution takes besides."""
        return rows * self._amplitudes(atoms) * BYTES_PER_AMPLITUDE > self.most_bytes

    def _evolved(self, plan: Any, scope: dict[str, Any], states: State, atoms: tuple[int, ...]) -> State:
        if self.is_noisy and self.environment is not None:
            return self.environment.evolve(plan, scope, states, atoms, mixed=self.kind.traces)
        return self._clean(plan, scope, states, atoms)

    def _clean(self, plan: Any, scope: dict[str, Any], states: State, atoms: tuple[int, ...]) -> State:
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
        if everyone and self.environment is not None and self.environment.excites:
            excited = frozenset(range(self.layout.atoms))
        if self.emulator.capabilities.states and len(self.layout.levels) and self.layout.atoms > 1:
            bound = np.triu(self._mutual(population, excited)) * (duration_ns / NS_PER_US)
            near = bound > self.neglect
            edges += [(int(i), int(j)) for i, j in zip(*np.nonzero(near), strict=True)]
        else:
            bound = near = np.zeros((0, 0), dtype=bool)
        busy = set(range(self.layout.atoms)) if everyone else set(touched).union(*edges)
        groups = connected([*everything, *edges])
        if len(groups) > 1 and (left := bound * ~near).any():
            self.neglected += _between(groups, left)
        return [group for group in groups if busy & set(group)]

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


def _between(groups: list[tuple[int, ...]], bound: Array) -> float:
    """Return the sum of bounds (atoms, atoms) of pairs whose atoms are in different groups."""
    group_of = np.empty(len(bound), dtype=np.int64)
    for number, group in enumerate(groups):
        group_of[list(group)] = number
    return float(bound[group_of[:, None] != group_of[None, :]].sum())
