"""Quantum-jump trajectories of matrix-product states: emu-mps's own decaying sweeps, their chances handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.emulators.chain import Chain
from rydberg_qmem.emulators.layout import GROUND_FIRST
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.protocol import Chance
from rydberg_qmem.pulses import Scope

JUMP_NS = 1e-3
"""How closely the time of a jump is found (ns)."""
NextJump = Callable[[], tuple[float, float]]
"""When the next jump comes, as the chance that there is none before it, and which one it is, in [0, 1)."""


@dataclass
class Trajectory:
    """One history under decoherence: how probable it is that nothing has jumped, and where the next jump comes."""

    operators: tuple[NDArray[np.complex128], ...]
    """The collapse operators of one atom, the ground level first."""
    next_jump: NextJump | None = None
    """None: nothing jumps."""
    survival: float = 1.0
    """Chance that nothing has jumped since the beginning, or since the last jump."""
    bound: float = 0.0
    """The chance at which the next jump comes."""
    which: float = 0.0

    def __post_init__(self) -> None:
        """Draw the first jump."""
        self.jumped()

    @property
    def threshold(self) -> float:
        """The squared norm of the states to come, now normalised, at which the next jump comes; -1: none does."""
        return self.bound / self.survival if self.next_jump is not None else -1.0

    def jumped(self) -> None:
        """Draw the next jump."""
        if self.next_jump is not None:
            self.survival = 1.0
            self.bound, self.which = self.next_jump()

    def chosen(self, weights: NDArray[np.float64]) -> int:
        """Return which jump it is that comes, by its weight among all."""
        total = np.cumsum(np.maximum(weights, 0.0))
        return int(min(np.searchsorted(total, self.which * total[-1], side="right"), np.flatnonzero(weights > 0)[-1]))

    def stays(self, level: int) -> bool:
        """Return whether an atom that is in a level (ground first) for certain stays there, whatever jumps."""
        return all(np.count_nonzero(np.delete(c[:, level], level)) == 0 for c in self.operators)


@dataclass(frozen=True)
class Bracket:
    """Two times (ns) between which a jump comes, each with what the squared norm is above its threshold."""

    early: tuple[float, float]
    late: tuple[float, float]

    @property
    def crossing(self) -> float:
        """Where a straight line between them falls to the threshold."""
        (a, above), (b, below) = self.early, self.late
        return a + (b - a) * above / (above - below)

    def narrowed(self, now: tuple[float, float]) -> Bracket:
        """Return what is left of it, a time between looked at."""
        return Bracket(now, self.late) if now[1] >= 0 else Bracket(self.early, now)


class Sweeping(Protocol):
    """What plays a segment, or without a plan a wait, to one state along a trajectory."""

    def __call__(
        self, plan: Plan | None, scope: Scope, states: Sequence[Chain], duration_ns: float, ways: Sequence[Trajectory]
    ) -> list[Chain]:
        """Return the normalised states; their trajectories know the chance that nothing jumped."""
        ...


class MatrixProductTrajectories:
    """How emu-mps evolves its states under decoherence, jump by jump."""

    def __init__(self, channel: NoiseChannel, sweep: Sweeping) -> None:
        """Take the collapse operators of one atom from a channel, and what plays segments along them."""
        order = np.argsort([GROUND_FIRST[level] for level in channel.target.levels])
        self.operators = tuple(c[np.ix_(order, order)] for c in channel.collapse)
        self._sweep = sweep

    def decayed(
        self, plan: Plan | None, scope: Scope, states: Sequence[Chain], duration_ns: float
    ) -> tuple[list[Chain], NDArray[np.float64]]:
        """Return normalised states after a segment, or a wait, in which nothing jumped, and the chance of that."""
        ways = [Trajectory(self.operators) for _ in states]
        made = self._sweep(plan, scope, states, duration_ns, ways)
        return made, np.array([way.survival for way in ways])

    def jumped(
        self, plan: Plan | None, scope: Scope, states: Sequence[Chain], duration_ns: float, chance: Chance
    ) -> list[Chain]:
        """Return normalised states after a segment, or a wait, each with its own jumps."""
        ways = [Trajectory(self.operators, _numbers(chance, row)) for row in range(len(states))]
        return self._sweep(plan, scope, states, duration_ns, ways)


def _numbers(chance: Chance, row: int) -> NextJump:
    """Return what tells one row's jumps, one after the other."""
    count = iter(range(1_000_000_000))

    def following() -> tuple[float, float]:
        when, which = chance(next(count))[row]
        return float(when), float(which)

    return following


def unravelled(data: Any, config: Any, way: Trajectory) -> Any:
    """Return emu-mps's simulation of a sequence under decoherence, whose jumps a trajectory tells."""
    import torch

    operators = [torch.as_tensor(c, dtype=torch.complex128) for c in way.operators]
    return _unravelling()(config, replace(data, lindblad_ops=operators), way)


@cache
def _unravelling() -> type[Any]:
    """Make emu-mps's Monte Carlo take its chances from a trajectory, once emu-mps is imported."""
    from emu_mps.mps_backend_impl import NoisyMPSBackendImpl

    class Unravelling(NoisyMPSBackendImpl):  # type: ignore[misc]  # Any where emu-mps is not installed
        current_time: float
        target_time: float

        def __init__(self, config: Any, data: Any, way: Trajectory) -> None:
            super().__init__(config, data)
            self.way = way

            self.found: Bracket | None = None

        def set_jump_threshold(self, bound: float) -> None:
            self.jump_threshold = self.way.threshold
            self.norm_gap_before_jump = self.gap()

        def gap(self) -> float:
            return float(self.state.norm()) ** 2 - self.jump_threshold

        def sweep_complete(self) -> None:
            before = (self.current_time, self.norm_gap_before_jump)
            self.current_time = self.target_time
            now = (self.current_time, self.gap())
            if self.found is None and now[1] >= 0:
                self.norm_gap_before_jump = now[1]
                self.timestep_complete()
                return
            self.found = Bracket(before, now) if self.found is None else self.found.narrowed(now)
            self.target_time = self.found.crossing
            if abs(self.target_time - self.current_time) > JUMP_NS:
                return
            self.jump()
            self.found = None
            self.target_time = self.target_times[self._timestep_index + 1]

        def jump(self) -> None:
            weights = self.state.expect_batch(self.aggregated_lindblad_ops).real.cpu().numpy()
            site, kind = divmod(self.way.chosen(weights.reshape(-1)), len(self.lindblad_ops))
            self.state.apply(site, self.lindblad_ops[kind])
            self.state.orthogonalize(0)
            self.state *= 1 / self.state.norm()
            self.init_baths()
            self.way.jumped()
            self.set_jump_threshold(1.0)

    return Unravelling
