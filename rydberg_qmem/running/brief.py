"""Pulser's emulators in a pilot: they take states one by one, of which a few are played and the rest reckoned."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.emulators.emu_mps import EmuMps
from rydberg_qmem.emulators.emu_sv import EmuSv
from rydberg_qmem.emulators.protocol import Chance, Emulator, HeldEvolution, NoisyHolding
from rydberg_qmem.emulators.qutip import Qutip
from rydberg_qmem.pulses import Scope

HEAVY_S = 0.25
"""A segment that would take longer is reckoned."""


def brief(emulator: Emulator, reckon: Callable[[float], None]) -> Emulator:
    """Return an emulator as it is, or one that takes states one by one as a copy that plays few and reckons the rest.

    Pulser's emulators need up to seconds for each state; those not played are as ones that were.
    """
    if not isinstance(emulator, Qutip | EmuSv | EmuMps):
        return emulator

    def some(count: int, play: Callable[[int], Any]) -> list[Any]:
        began, made = time.thread_time(), list[Any]()
        while len(made) < count and (not made or time.thread_time() - began < HEAVY_S):
            made.append(play(len(made)))
        reckon((time.thread_time() - began) * (count / max(len(made), 1) - 1))
        return [made[k % len(made)] for k in range(count)]

    def evolve(plan: Any, scope: Scope, states: Any, atoms: tuple[int, ...]) -> Any:
        filled = some(len(states), lambda k: emulator.evolve(plan, _row(scope, k), states[k : k + 1], atoms)[0])
        return np.stack(filled) if isinstance(states, np.ndarray) else filled

    made = copy(emulator)
    made.evolve = evolve  # type: ignore[method-assign]  # of this copy alone
    whole: Any = emulator
    if isinstance(emulator, NoisyHolding):
        vars(made)["under"] = lambda channel: _BriefJumps(whole.under(channel), some)
    return made


@dataclass(frozen=True)
class _BriefJumps:
    """The evolution of a few of the states that decohere; those not played are as ones that were."""

    evolution: HeldEvolution
    some: Callable[[int, Callable[[int], Any]], list[Any]]

    def decayed(self, plan: Any, scope: Scope, states: Any, duration_ns: float) -> Any:
        """Return states in which nothing jumped, and the chances of that."""

        def play(k: int) -> tuple[Any, float]:
            made, chances = self.evolution.decayed(plan, _row(scope, k), states[k : k + 1], duration_ns)
            return made[0], float(chances[0])

        both = self.some(len(states), play)
        return [state for state, _ in both], np.array([chance for _, chance in both])

    def jumped(self, plan: Any, scope: Scope, states: Any, duration_ns: float, chance: Chance) -> Any:
        """Return states that jumped."""

        def play(k: int) -> Any:
            here = _row(scope, k)
            return self.evolution.jumped(plan, here, states[k : k + 1], duration_ns, lambda n: chance(n)[k : k + 1])[0]

        return self.some(len(states), play)


def _row(scope: Scope, row: int) -> dict[str, Any]:
    return rows_of(dict(scope), np.array([row]))
