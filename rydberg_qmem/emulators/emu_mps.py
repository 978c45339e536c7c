"""Pulser's matrix-product emulator emu-mps, segment by segment, for tens of atoms.

Between segments the executor measures, collapses and resets atoms on the matrix-product state itself (`chain`).

Two-site sweeps follow only what neighbouring tensors can hold. Two atoms whose tensors lie on both sides of an atom
that is in a level for certain would feel each other as a mean field only. Atoms that are in a level for certain are
therefore left out of the sweeps while nothing drives them: what they do to the others is a known detuning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators import chain as chains
from rydberg_qmem.emulators.chain import Chain
from rydberg_qmem.emulators.emu import QUIET, one_thread, sequence_data
from rydberg_qmem.emulators.exact import PlayedSegment
from rydberg_qmem.emulators.layout import GROUND_FIRST, State
from rydberg_qmem.emulators.mps_trajectories import MatrixProductTrajectories, Trajectory, unravelled
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.played import Played, dark, each_row
from rydberg_qmem.emulators.protocol import DECOHERENCE, DURATIONS, READOUT, READOUT_NOISE, Capabilities
from rydberg_qmem.language.noise import LINDBLAD
from rydberg_qmem.pulses import Scope, column
from rydberg_qmem.units import NS_PER_US

CERTAIN = 1e-10
"""Probability below which an undriven atom counts as not being in a level; it counts as truncated."""
NEGLIGIBLE_TURN = 1e-6
"""Phase (rad) per segment up to which the interaction of a pair is left out."""
LARGEST_TURN = 30.0
"""Largest energy of a pair of atoms times duration of a step: Krylov subspaces must hold it."""


class EmuMps:
    """Ground-Rydberg and XY programs on emu-mps, for two atoms and more.

    Singular values are dropped as long as their squares add up to less than `precision` squared, and beyond
    `max_bond_dim`. What is dropped is in the record; errors of the time steps are not: halve `longest_ns` to see them.

    Args:
        precision: Norm of what a truncation may drop, 1e-6 by default.
        max_bond_dim: Largest bond dimension of a state, 256 by default.
        longest_ns: Longest step of time (ns), 10 by default.
        averaged_ns: Samples that change faster than this (ns) are averaged; 1 takes Pulser's samples as they are.
        krylov_tolerance: What a step of its Krylov method may err by, as a part of `precision`; 1e-3 by default.
        gpu: Whether states are evolved on a GPU (default False); without one, a run is refused before it begins.
    """

    name = "emu_mps"
    capabilities = Capabilities(
        packages=("emu-mps", "torch"),
        levels=frozenset({("r", "g"), ("0", "1")}),
        largest_dimension=2**1000,
        factorises=False,
        fewest_atoms=2,
        xy_masks=False,
        density_matrices=False,
        noise=READOUT_NOISE | (frozenset(LINDBLAD) - {"with_leakage"}),
        hardware=DURATIONS | READOUT | DECOHERENCE,
        extra="emu",
        module="emu_mps",
    )
    reports: Mapping[str, str] = {
        "mps_max_bond_dim": "largest bond dimension of the shot's matrix-product states",
        "mps_truncation_error": "weight that truncations of the shot's matrix-product states dropped, added up; where "
        "atoms decohere a bound on it, nan where bonds were cut at max_bond_dim",
    }

    @arguments.taking(
        precision=arguments.real(above=0),
        max_bond_dim=arguments.whole(1),
        longest_ns=arguments.real(above=0),
        averaged_ns=arguments.whole(1),
        krylov_tolerance=arguments.real(above=0),
        gpu=arguments.flag,
    )
    def __init__(
        self, *, precision: float = 1e-6, max_bond_dim: int = 256, longest_ns: float = 10.0, averaged_ns: int = 1,
        krylov_tolerance: float = 1e-3, gpu: bool = False,
    ) -> None:  # fmt: skip
        self.precision, self.max_bond_dim = precision, max_bond_dim
        self.longest_ns, self.averaged_ns = longest_ns, averaged_ns
        self.krylov_tolerance, self.gpu = krylov_tolerance, gpu
        if gpu:
            self.capabilities = replace(type(self).capabilities, gpu=True)

    def plan(self, segment: Segment, target: Target) -> Plan:
        """Lower the segment to pulses."""
        return plan_segment(segment, target)

    def start(self, target: Target) -> Chain:
        """Return the chain with every atom in its ground level, strongly interacting atoms near each other."""
        return chains.ground(
            site_order(target), target.levels, precision=self.precision, max_bond_dim=self.max_bond_dim, gpu=self.gpu
        )

    def evolve(self, plan: Plan, scope: Scope, states: Any, atoms: tuple[int, ...]) -> Any:
        """Run each state through emu-mps; always all atoms."""
        return self._play(plan.target, plan, scope, states, 0.0, None)

    def wait(self, target: Target, states: Any, duration_ns: float) -> Any:
        """Return the states after waiting in the dark."""
        return self._play(target, None, {}, states, duration_ns, None)

    def under(self, channel: NoiseChannel) -> MatrixProductTrajectories:
        """Return the evolution of decohering atoms: quantum jumps on matrix-product states."""
        return MatrixProductTrajectories(channel, partial(self._play, channel.target))

    def _play(
        self, target: Target, plan: Plan | None, scope: Scope, states: Sequence[Chain], duration_ns: float,
        ways: Sequence[Trajectory] | None,
    ) -> list[Chain]:  # fmt: skip
        """Play a segment, or without a plan a wait, to each state; where they decohere, each along its trajectory."""
        along = [None] * len(states) if ways is None else ways
        made: dict[int, Chain] = {}
        with one_thread():
            if plan is None:
                steps = dark(target, duration_ns)
                return [self._run(steps, state, way) for state, way in zip(states, along, strict=True)]
            for row, parts, segment in each_row(plan, scope, len(states), self.averaged_ns):
                end = states[row]
                for stretch in (stretch for part in parts for stretch in part.stretches()):
                    end = self._run(stretch, end, along[row])
                made[row] = _framed(segment, end)
        return [made[row] for row in range(len(states))]

    def chance(self, state: Chain, atom: int, level: str) -> float:
        """Return the probability of finding an atom in a level."""
        return chains.chance(state, atom, level)

    def collapsed(self, state: Chain, atom: int, level: str) -> Chain:
        """Return the normalised state after an atom was found in a level."""
        return chains.collapsed(state, atom, level)

    def moved(self, state: Chain, atom: int, before: str, after: str) -> Chain:
        """Return the state with an atom that is known to be in one level put into another."""
        return chains.moved(state, atom, before, after)

    def reduced(self, state: Chain, atoms: Sequence[int]) -> State:
        """Return the density matrix of some atoms."""
        return chains.reduced(state, atoms)

    def marks(self, state: Chain) -> tuple[float, ...]:
        """Return numbers that equal states share."""
        return state.marks

    def merged(self, one: Chain, two: Chain) -> Chain | None:
        """Return one state for two that are equal up to rounding, or None."""
        return chains.merged(one, two)

    def report(self, state: Chain) -> Mapping[str, float]:
        """Return what the state's history has cost."""
        return {"mps_max_bond_dim": float(state.largest_bond), "mps_truncation_error": state.truncated}

    def _run(self, steps: Played, state: Chain, way: Trajectory | None = None) -> Chain:
        """Return a state after steps that drive the same atoms; those that stay as they are left out meanwhile."""
        target = steps.target
        apart = _spectators(steps, state, way)
        active = np.array([k for k in range(len(state.sites)) if k not in apart.level_of])
        if not apart.moving:
            return state
        atoms = np.array(state.sites)[active]
        raised = [state.sites[site] for site, level in apart.level_of.items() if level == GROUND_FIRST.get("r")]
        shift = -target.van_der_waals[np.ix_(atoms, raised)].sum(axis=1) if raised else np.zeros(len(atoms))
        here = replace(steps.of_atoms(atoms, shift), cuts=steps.cuts - steps.cuts[0])
        interactions = _interactions(target, atoms, float(steps.cuts[-1] - steps.cuts[0]))
        scale = 2 * (np.abs(interactions).sum(axis=(0, 1)) + (here.amplitude + np.abs(here.detuning)).max(axis=0)).max()
        fine = here.cut(min(self.longest_ns, LARGEST_TURN * NS_PER_US / max(float(scale), 1e-9)))
        bare = chains.matrix_product(chains.without_sites(state, apart.level_of), state, center=None)
        end, bond, lost = self._swept(bare, fine, interactions, target.levels, way)
        factors = chains.with_sites(end.factors, len(state.sites), apart.level_of)
        return replace(
            state,
            mps=chains.matrix_product(factors, state, center=None),
            largest_bond=max(state.largest_bond, bond),
            truncated=state.truncated + lost,
        )

    def _swept(
        self, begin: Any, steps: Played, interactions: NDArray[np.float64], levels: tuple[str, ...],
        way: Trajectory | None,
    ) -> tuple[Any, int, float]:  # fmt: skip
        """Return the normalised state after emu-mps's sweeps, the largest bond dimension, and the weight dropped.

        The state that emu-mps takes in is truncated once; its steps do not renormalise, so that the norm at the end
        says what they dropped. Where states decohere it says how probable it is that nothing jumped, and what may
        have been dropped is counted: the square of `precision` a step of a sweep, unless bonds were cut.
        """
        from emu_mps import MPSConfig
        from emu_mps.mps_backend_impl import create_impl
        from pulser.backend import StateResult

        config = MPSConfig(
            initial_state=begin,
            observables=[StateResult(evaluation_times=[1.0])],
            precision=self.precision,
            max_bond_dim=self.max_bond_dim,
            extra_krylov_tolerance=max(self.krylov_tolerance, 1.1e-12 / self.precision),
            optimize_qubit_ordering=False,
            gpu=self.gpu,
            log_level=QUIET,
        )
        data = sequence_data(steps, interactions, levels)
        run = create_impl(data, config) if way is None else unravelled(data, config, way)
        run.init()
        lost = max(0.0, 1.0 - float(run.state.overlap(begin)))  # what `begin` itself lacks of norm counts, too
        bond, count = run.state.get_max_bond_dim(), 0
        while not run.is_finished():
            run.progress()
            bond, count = max(bond, run.state.get_max_bond_dim()), count + 1
        size = float(run.state.norm())
        if way is None:
            lost += max(0.0, 1.0 - size**2)
        else:
            way.survival *= size**2
            lost += count * self.precision**2 if bond < self.max_bond_dim else np.nan
        return (1.0 / size) * run.state, bond, lost


def site_order(target: Target) -> tuple[int, ...]:
    """Return the atoms in an order that keeps strong interactions short: as given, or by Cuthill and McKee."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    strength = target.van_der_waals if "r" in target.levels else np.abs(target.exchange)
    count = len(target.atoms)
    strong = strength >= 0.5 * strength.max(axis=1, keepdims=True)
    found = reverse_cuthill_mckee(csr_array((strong | strong.T).astype(np.int8)), symmetric_mode=True)

    def cost(order: Sequence[int]) -> float:
        place = np.argsort(order)
        return float((strength * np.abs(place[:, None] - place[None, :])).sum())

    given = tuple(range(count))
    other = tuple(int(k) for k in found)
    return other if cost(other) < cost(given) * (1 - 1e-9) else given


@dataclass(frozen=True)
class _Apart:
    """Sites that stay as they are, with their level's index, and whether anything happens at all."""

    level_of: dict[int, int]
    moving: bool


def _spectators(steps: Played, state: Chain, way: Trajectory | None) -> _Apart:
    """Find the undriven sites that are in a level for certain and stay; emu-mps needs two sites, so two remain."""
    if "r" not in steps.target.levels:
        return _Apart({}, True)
    upper = chains.excitations(state)
    driven = steps.driven[list(state.sites)]
    found = {
        site: int(p > 0.5) for site, p in enumerate(upper) if not driven[site] and (p < CERTAIN or p > 1 - CERTAIN)
    }
    if way is not None:
        found = {site: level for site, level in found.items() if way.stays(level)}
    moving = len(found) < len(state.sites)
    for site in list(found)[: max(0, 2 - (len(state.sites) - len(found)))]:
        del found[site]
    return _Apart(found, moving)


def _interactions(target: Target, atoms: NDArray[np.int64], duration_ns: float) -> NDArray[np.float64]:
    """Return the interaction matrices (kinds, atoms, atoms) of some atoms, without what will not be felt."""
    kinds = [target.van_der_waals] if "r" in target.levels else [target.exchange, target.van_der_waals]
    made = np.stack([kind[np.ix_(atoms, atoms)] for kind in kinds])
    return np.where(np.abs(made) * duration_ns / NS_PER_US < NEGLIGIBLE_TURN, 0.0, made)


def _framed(segment: PlayedSegment, state: Chain) -> Chain:
    """Turn the phase references that a segment leaves behind into the frame of the state."""
    for atom, level, parts in segment.schedule.frame:
        angle = sum(factor * float(column(expression, segment.scope)[0]) for factor, expression in parts)
        state = chains.with_phase(state, atom, level, angle)
    return state
