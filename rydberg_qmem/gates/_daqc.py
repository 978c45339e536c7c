"""Digital-analog Ising gates: any couplings Σ g_jk Z_j Z_k out of the register's own interaction and π pulses.

Between π pulses on some atoms the interaction Σ U_jk n_j n_k has the couplings s_j s_k U_jk/4, s_j = -1 where atom j is
flipped. How long to stay in each pattern of flips is a linear program: the least total time t ≥ 0 with
Σ_s t_s s_j s_k U_jk/4 = wanted angle. It has a solution for every target, as the mean of s_j s_k over all patterns is 0
(Parra-Rodriguez et al., PRA 101, 022305 (2020), invert a matrix instead, which needs negative times and is singular for
four atoms).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise, product
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import (
    GATE_RABI,
    GatePulse,
    Lowered,
    Target,
    area_duration_ns,
    local_channel,
    rotation_duration_ns,
    rotation_reach,
    several_channel,
)
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.blocks import Delay, Ising, PhaseShift, Pulse
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import Constant
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
Signs = tuple[int, ...]

MOST_ATOMS = 8
LONGEST_US = 1000.0
RAMP = 0.75
"""Two π pulses from g to r and back count as so much of one pulse's time with both in r: 2 ∫ sin⁴ = 3/4."""
NOTHING = 1e-12


@dataclass(frozen=True)
class Steps:
    """The compiled gate: in which patterns of flips to stay, how long (µs), and the phase left on each upper level."""

    patterns: tuple[Signs, ...]
    times_us: tuple[float, ...]
    fields: tuple[float, ...]
    """Angle f_j of the exp(-i f_j Z_j) that the interaction leaves on each atom."""


def wanted_angles(block: Ising, target: Target) -> Array:
    """Return the angle g_jk t of each pair of the register, in the order of `combinations`."""
    pairs = list(combinations(target.atoms, 2))
    angles = dict.fromkeys(pairs, 0.0)
    for one, others in block.couplings.items():
        for other, coupling in others.items():
            pair = (one, other) if (one, other) in angles else (other, one)
            angles[pair] += _number(coupling, f"couplings.{one}.{other}") * _number(block.time_us, "time_us")
    return np.array([angles[pair] for pair in pairs])


def _number(expression: Expression, name: str) -> float:
    if not expression.is_constant:
        raise CapabilityError(f"{name}: must be known before the run, the steps are compiled for it ({expression})")
    return float(np.asarray(expression.evaluate({})))


def interaction_steps(block: Ising, target: Target) -> Steps:
    """Return the steps with the interaction switched on and off at once: what the ideal gate is made of."""
    return _compiled(block, target, 0.0)


def _compiled(block: Ising, target: Target, pulse_us: float) -> Steps:
    count = len(target.atoms)
    if not 2 <= count <= MOST_ATOMS:
        raise CapabilityError(f"ising takes registers of 2 to {MOST_ATOMS} atoms ({count})")
    key = tuple(target.van_der_waals[np.triu_indices(count, 1)].tolist())
    return _solved(tuple(wanted_angles(block, target).tolist()), key, count, block.mode == "banged", pulse_us)


@lru_cache(maxsize=256)
def _solved(
    angles: tuple[float, ...], strengths: tuple[float, ...], count: int, banged: bool, pulse_us: float
) -> Steps:
    """Solve for the times, until the pulses between the chosen patterns are accounted for too."""
    problem = _Problem(np.array(angles), np.array(strengths), count, banged, pulse_us)
    visited: tuple[Signs, ...] = ()
    while True:
        times = problem.times(visited)
        used = {problem.patterns[k] for k in np.flatnonzero(times > NOTHING)}
        if pulse_us == 0.0 or used <= set(visited):
            order = _in_order(used, count) if pulse_us == 0.0 else visited
            held = tuple(float(times[problem.patterns.index(signs)]) for signs in order)
            return Steps(order, held, tuple(problem.fields(order, held)))
        visited = _in_order(used | set(visited), count)


def _in_order(patterns: set[Signs], count: int) -> tuple[Signs, ...]:
    """Return patterns so that each differs from the one before by few flips, starting near none."""
    here, left, made = (1,) * count, sorted(patterns, reverse=True), []
    while left:
        here = min(left, key=lambda signs: sum(a != b for a, b in zip(signs, here, strict=True)))
        left.remove(here)
        made.append(here)
    return tuple(made)


@dataclass(frozen=True, eq=False)
class _Problem:
    """The linear program of one gate."""

    angles: Array
    strengths: Array
    count: int
    banged: bool
    pulse_us: float

    @property
    def patterns(self) -> list[Signs]:
        """Every pattern of flips; where virtual phases cancel the fields, up to a flip of all atoms."""
        free = product((1, -1), repeat=self.count if self.banged else self.count - 1)
        return list(free) if self.banged else [(1, *rest) for rest in free]

    def times(self, visited: tuple[Signs, ...]) -> Array:
        """Return the times in the patterns, beside what the pulses between `visited` ones do."""
        from scipy.optimize import linprog

        columns = np.array([self._rates(np.array(signs)) for signs in self.patterns]).T
        goal = np.concatenate([self.angles, np.zeros(len(columns) - len(self.angles))]) - self._between(visited)
        scale = np.abs(columns).max(axis=1, keepdims=True)
        if not scale.all():
            raise CapabilityError("ising needs an interaction between all atoms")
        found = linprog(np.ones(columns.shape[1]), A_eq=columns / scale, b_eq=goal / scale[:, 0], bounds=(0, None))
        if not found.success or found.fun > LONGEST_US:
            long = f"it would take {found.fun:.4g} µs, more than {LONGEST_US:g}" if found.success else found.message
            raise CapabilityError(f"these couplings cannot be made out of the register's interaction: {long}")
        return self._polished(columns, goal, np.asarray(found.x))

    def _polished(self, columns: Array, goal: Array, times: Array) -> Array:
        """Solve once more for the times that are not zero: a linear program stops at 1e-7."""
        used = np.flatnonzero(times > 1e-9)
        made = np.zeros_like(times)
        made[used] = np.linalg.lstsq(columns[:, used], goal, rcond=None)[0]
        return made if (made >= 0).all() else times

    def _rates(self, signs: Array) -> Array:
        """Return couplings (and fields) of a unit of time in a pattern."""
        pairs = [signs[i] * signs[j] for i, j in combinations(range(self.count), 2)]
        couplings: Array = np.array(pairs) * self.strengths / 4
        return np.concatenate([couplings, self._field(signs)]) if self.banged else couplings

    def _field(self, signs: Array) -> Array:
        """Return the coefficient of each Z_j: of n = (1 - Z)/2 in banged mode, (1 + Z)/2 in stepwise mode."""
        total: Array = np.zeros(self.count)
        for (i, j), u in zip(combinations(range(self.count), 2), self.strengths, strict=True):
            total[i] += u / 4
            total[j] += u / 4
        return np.asarray(-total * signs if self.banged else total * signs)

    def _between(self, visited: tuple[Signs, ...]) -> Array:
        """Return the angles that the pulses make: ramps of each block, or flips from pattern to pattern."""
        size = len(self.angles) + (self.count if self.banged else 0)
        if not visited:
            return np.zeros(size)
        if not self.banged:
            return np.asarray(RAMP * self.pulse_us * np.sum([self._rates(np.array(s)) for s in visited], axis=0))
        none = (1,) * self.count
        made = np.zeros(size)
        for before, after in pairwise((none, *visited, none)):
            if before != after:
                made += self.pulse_us * self._flipping(np.array(before), np.array(after))
        return made

    def _flipping(self, before: Array, after: Array) -> Array:
        """Return the mean rates while some atoms flip: Z_j averages to 0, Z_j Z_k of two that flip to a half."""
        both = np.array(
            [before[i] != after[i] and before[j] != after[j] for i, j in combinations(range(self.count), 2)]
        )
        mean = (self._rates(before) + self._rates(after)) / 2
        mean[: len(both)] = np.where(both, self._rates(before)[: len(both)] / 2, mean[: len(both)])
        return np.asarray(mean)

    def fields(self, patterns: tuple[Signs, ...], times: tuple[float, ...]) -> Array:
        """Return the field angles that virtual phases must cancel; in banged mode the times have done it."""
        if self.banged:
            return np.zeros(self.count)
        ramps = RAMP * self.pulse_us
        parts = [(t + ramps) * self._field(np.array(s)) for s, t in zip(patterns, times, strict=True)]
        return np.sum(parts, axis=0) if parts else np.zeros(self.count)


def lower_ising(block: Ising, place: str, target: Target) -> tuple[Lowered, ...]:
    """Lower an Ising gate to π pulses and waits."""
    return _banged(block, target) if block.mode == "banged" else _stepwise(block, place, target)


def _pi_ns(block: Ising, channel: Any) -> int:
    return area_duration_ns(channel, pi, "square", block.rabi or GATE_RABI)


def _stepwise(block: Ising, place: str, target: Target) -> tuple[Lowered, ...]:
    """Flip atoms between g and h while nothing interacts; excite g to r and back around each wait."""
    channel_id, channel, named = several_channel(target, target.atoms)
    pulse_ns = _pi_ns(block, channel)
    steps = _compiled(block, target, pulse_ns / NS_PER_US)
    made: list[Lowered] = []
    here: Signs = (1,) * len(target.atoms)
    for signs, time_us in zip(steps.patterns, steps.times_us, strict=True):
        made += _raman_flips(here, signs, place, target)
        made += [
            _pi_pulse(channel_id, named, pulse_ns, 0.0),
            *_wait(time_us, target),
            _pi_pulse(channel_id, named, pulse_ns, pi),
        ]
        here = signs
    made += _raman_flips(here, (1,) * len(target.atoms), place, target)
    return (*made, *(_shift(atom, -2 * field) for atom, field in zip(target.atoms, steps.fields, strict=True)))


def _shift(atom: str, angle: float) -> PhaseShift:
    return PhaseShift(atoms=atom, angle=Expression(angle))


def _raman_flips(before: Signs, after: Signs, place: str, target: Target) -> list[Lowered]:
    """Flip the atoms whose sign changes; back the other way round, so that two flips are nothing."""
    name, channel = local_channel(target, "digital")
    reach = rotation_reach(target)
    duration = rotation_duration_ns(channel, reach)
    return [
        GatePulse(name, atom, duration, Expression(pi if old == 1 else -pi), 0.0, place, 0.0)
        for atom, old, new in zip(target.atoms, before, after, strict=True)
        if old != new
    ]


def _pi_pulse(channel: str, atoms: tuple[str, ...] | None, duration_ns: int, phase: float) -> Pulse:
    wave = Constant(duration_ns=Expression(duration_ns), area=Expression("pi"))
    return Pulse(channel=channel, atoms=atoms, amplitude=wave, phase=Expression(phase))


def _wait(time_us: float, target: Target) -> list[Lowered]:
    clock = max(channel.clock_period for channel in target.device.channels.values())
    ticks = round(time_us * NS_PER_US / clock)
    return [Delay(duration_ns=Expression(ticks * clock))] if ticks else []


def _banged(block: Ising, target: Target) -> tuple[Lowered, ...]:
    """Flip atoms between g and r by fast pulses while the interaction goes on."""
    channel_id, channel = local_channel(target, "ground-rydberg")
    if channel.max_targets is not None and channel.max_targets < len(target.atoms):
        raise CapabilityError(
            f"banged mode flips several atoms at once, but {channel_id} of {target.device.name} has at most "
            f"{channel.max_targets} target"
        )
    pulse_ns = _pi_ns(block, channel)
    steps = _compiled(block, target, pulse_ns / NS_PER_US)
    none = (1,) * len(target.atoms)
    waits = [*(_wait(time, target) for time in steps.times_us), []]
    made: list[Lowered] = []
    for (before, after), wait in zip(pairwise((none, *steps.patterns, none)), waits, strict=True):
        if before != after:
            made += _rydberg_flips(before, after, pulse_ns, channel_id, target)
        made += wait
    return tuple(made)


def _rydberg_flips(before: Signs, after: Signs, pulse_ns: int, channel: str, target: Target) -> list[Lowered]:
    atoms = tuple(a for a, old, new in zip(target.atoms, before, after, strict=True) if old != new)
    return [_pi_pulse(channel, atoms, pulse_ns, 0.0)]
