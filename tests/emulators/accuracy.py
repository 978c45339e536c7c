"""Random pulses of samples and holds, and their dense propagation: one exponential for each constant interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import expm
from scipy.sparse.linalg import expm_multiply

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segment_sequence import played, to_pulser
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import DRIVEN, Target
from rydberg_qmem.emulators.layout import Layout

Matrix = NDArray[np.complex128]
Drawn = np.random.Generator

MOST_ATOMS = {
    "holds": 3,
    "rydberg": 4,
    "local": 3,
    "map": 3,
    "digital": 3,
    "three": 2,
    "xy": 3,
    "eom": 3,
    "modulated": 3,
}
LEAST_UM = {"xy": 16.0, "holds": 9.0}
FAMILIES = tuple(MOST_ATOMS)
ANALOG = ("eom", "modulated")
DENSE = 128
"""Largest dimension of exponentials; beyond it, they act on the states."""
MOST_PIECES, LONGEST_SHAPE = 5, 110


@dataclass(frozen=True)
class Case:
    """A segment as its emulators get it, and states to start from (rows, dimension)."""

    plan: Plan
    states: Matrix

    @property
    def target(self) -> Target:
        return self.plan.target

    @property
    def atoms(self) -> tuple[int, ...]:
        return tuple(range(len(self.target.atoms)))


def hold_ns(rng: Drawn, longest: int) -> int:
    return int(np.exp(rng.uniform(0, np.log(longest))))


def piece(rng: Drawn, duration: int, low: float, high: float) -> dict[str, Any]:
    """Draw a waveform: a hold, darkness, a ramp, a bell, or samples that jump."""
    timed, level = {"duration_ns": duration}, float(rng.uniform(low, high))
    shaped = ["ramp", "ramp", "gentle", "bell", "hold"] + ["jumps"] * (duration < 20)
    kind = rng.choice(["hold", "dark"] if duration < 8 or duration > LONGEST_SHAPE else shaped)
    match kind:
        case "ramp":
            return {"ramp": timed | {"start": level, "stop": float(rng.uniform(low, high))}}
        case "gentle":
            return {"ramp": timed | {"start": level, "stop": level + 0.1 * (rng.uniform(low, high) - level)}}
        case "bell":
            return {"blackman": timed | {"area": level * duration * 4e-4}}
        case "jumps":
            return {"custom": {"samples": rng.uniform(low, high, duration).tolist()}}
        case _:
            return {"constant": timed | {"value": 0.0 if kind == "dark" else level}}


def waveform(rng: Drawn, total: int, low: float, high: float, longest: int, clock: int = 1) -> dict[str, Any]:
    """Draw pieces until they last `total` ns, shaped ones and holds."""
    made: list[dict[str, Any]] = []
    left = total
    while left:
        wanted = int(rng.integers(8, LONGEST_SHAPE)) if rng.random() < 0.6 else hold_ns(rng, longest)
        wanted = left if len(made) == MOST_PIECES else min(max(clock, wanted // clock * clock), left)
        made.append(piece(rng, wanted, low, high))
        left -= wanted
    return made[0] if len(made) == 1 else {"composite": made}


def pulse(rng: Drawn, channel: str, longest: int, clock: int = 1, also: dict[str, Any] | None = None) -> dict[str, Any]:
    """Draw a pulse whose amplitude and detuning change at times of their own."""
    shaped, held = rng.integers(8, 140), hold_ns(rng, longest)
    total = max(16, int(shaped + held) // clock * clock)
    strength, turn = float(rng.choice([0.3, 5.0, 12.0])), float(rng.choice([0.5, 15.0]))
    made = {
        "channel": channel,
        "amplitude": waveform(rng, total, 0.0, strength, longest, clock),
        "detuning": waveform(rng, total, -turn, turn, longest, clock),
        "phase": float(rng.uniform(-3, 3)) * bool(rng.integers(2)),
    }
    return {"pulse": made | (also or {})}


def ramp_and_holds(rng: Drawn, longest: int) -> dict[str, Any]:
    """Draw a resonant ramp of many samples and a few long holds, the detuning held with jumps of its own."""
    start = rng.uniform(1, 6)
    samples = int(rng.integers(60, LONGEST_SHAPE))
    ramp = {"duration_ns": samples, "start": start, "stop": start + rng.uniform(-1, 1)}
    holds = np.maximum(8, rng.dirichlet(np.ones(3)) * rng.integers(200, min(longest, 1200))).astype(int).tolist()
    total = samples + sum(holds)
    first, second = sorted(rng.integers(samples, total, 2).tolist())
    parts = [(ns, v) for ns, v in ((first, 0.0), (second - first, rng.uniform(-8, 8)), (total - second, -2.0)) if ns]
    amplitude = [{"constant": {"duration_ns": ns, "value": rng.uniform(0, 9) * rng.integers(2)}} for ns in holds]
    detuning = [{"constant": {"duration_ns": ns, "value": v}} for ns, v in parts]
    waves = {"amplitude": {"composite": [{"ramp": ramp}, *amplitude]}, "detuning": {"composite": detuning}}
    return {"pulse": {"channel": "rydberg_global", **waves}}


def body(rng: Drawn, family: str, names: list[str], longest: int) -> list[dict[str, Any]]:
    """Draw what a segment plays."""
    glow, beside = pulse(rng, "rydberg_global", longest), {"atoms": str(rng.choice(names)), "with": "previous"}
    match family:
        case "holds":
            return [ramp_and_holds(rng, longest)]
        case "rydberg":
            return [pulse(rng, "rydberg_global", longest) for _ in range(rng.integers(1, 3))]
        case "local":
            glow["pulse"]["phase"] = 0.0  # pulses at once on one transition, out of phase, must be resonant
            return [glow, pulse(rng, "rydberg_local", longest, also=beside | {"phase": 0.0})]
        case "map":
            total = int(rng.integers(40, 40 + longest))
            weights = {name: float(rng.uniform(0.1, 1)) for name in names}
            shape = waveform(rng, total, -12.0, 0.0, longest)
            here = {"channel": "dmm_0", "weights": weights, "detuning": shape, "with": "previous"}
            return [glow, {"detuning_map": here}]
        case "digital":
            return [pulse(rng, "raman_local", longest, also={"atoms": str(name)}) for name in rng.choice(names, 2)]
        case "three":
            return [glow, pulse(rng, "raman_local", longest, also=beside)]
        case "xy":
            return [pulse(rng, "mw_global", longest), {"delay": {"duration_ns": hold_ns(rng, longest)}}]
        case "modulated":
            return [pulse(rng, "rydberg_global", 400, 4), {"delay": {"duration_ns": 40}}]
        case _:
            eom = {"channel": "rydberg_global", "amp_on": float(rng.uniform(2, 9)), "detuning_on": rng.uniform(-2, 2)}
            square = [
                {"add_eom_pulse": {"channel": "rydberg_global", "duration_ns": 4 * int(rng.integers(4, 60)),
                                   "phase": float(rng.uniform(-3, 3))}}
                for _ in range(rng.integers(1, 3))
            ]  # fmt: skip
            return [pulse(rng, "rydberg_global", 400, 4), {"enable_eom_mode": eom}, *square]


def register(rng: Drawn, count: int, least: float) -> dict[str, tuple[float, float]]:
    """Place atoms on a row of pairs, near enough to interact strongly or hardly."""
    gap = float(rng.uniform(least, 2.2 * least))
    return {f"q{i}": (round(gap * (i // 2), 3), round(gap * (i % 2) * 1.1, 3)) for i in range(count)}


def draw(rng: Drawn, family: str, count: int = 0, rows: int = 2, longest: int = 10_000) -> Case:
    """Draw a segment on `count` atoms (as many as the family allows by default) and random states to start from."""
    atoms = register(rng, count or int(rng.integers(1 + (family == "xy"), MOST_ATOMS[family] + 1)),
                     LEAST_UM.get(family, 5.5))  # fmt: skip
    given = {
        "name": "accuracy",
        "device": "AnalogDevice" if family in ANALOG else "MockDevice",
        "register": {"atoms": atoms},
        "body": body(rng, family, list(atoms), longest),
        "with_modulation": family == "modulated",
    }
    return case(rng, rq.Program.from_dict(given), rows)


def case(rng: Drawn, program: rq.Program, rows: int) -> Case:
    """Return a program of one segment with random states to start from, the first row the ground state."""
    compiled = compile_program(program)
    (segment,) = [step for step in compiled.steps if isinstance(step, Segment)]
    plan = plan_segment(segment, compiled.target)
    size = compiled.target.dimension
    states = rng.normal(size=(rows, size)) + 1j * rng.normal(size=(rows, size))
    states[0] = Layout.of(compiled.target).initial
    return Case(plan, states / np.linalg.norm(states, axis=1)[:, None])


def on(operator: Matrix, atom: int, target: Target) -> Any:
    """Return an operator of one atom on all of them, sparse."""
    levels, count = len(target.levels), len(target.atoms)
    left, right = (sparse.identity(levels**atoms, format="csr") for atoms in (atom, count - atom - 1))
    return sparse.kron(sparse.kron(left, sparse.csr_array(operator)), right, format="csr")


def unit(target: Target, a: str, b: str) -> Matrix:
    made = np.zeros((len(target.levels),) * 2, dtype=complex)
    made[target.levels.index(a), target.levels.index(b)] = 1
    return made


def interaction(target: Target) -> Any:
    """Return what the atoms do in the dark."""
    xy, upper = "0" in target.levels, "0" if "0" in target.levels else "r"
    made = sparse.csr_array((target.dimension,) * 2, dtype=complex)
    if upper not in target.levels:
        return made
    there = [on(unit(target, upper, upper), k, target) for k in range(len(target.atoms))]
    for i in range(len(there)):
        for j in range(i):
            made = made + target.van_der_waals[i, j] * (there[i] @ there[j])
            if xy:
                swap = on(unit(target, "1", "0"), i, target) @ on(unit(target, "0", "1"), j, target)
                made = made + target.exchange[i, j] * (swap + swap.T)
    return made


def intervals(plan: Plan, scope: dict[str, float]) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Any]]:
    """Return how long samples stay the same (µs), their amplitudes, detunings and phases then, and (basis, atom)."""
    sequence = to_pulser(plan, scope)
    duration = int(plan.durations(scope, 1)[0])
    nested = played(sequence, plan.target, duration).to_nested_dict(all_local=True)["Local"]
    places, values = [], []
    for basis, atoms in nested.items():
        for name, one in atoms.items():
            places.append((basis, plan.target.atoms.index(name)))
            values.append([np.asarray(one[kind])[:duration] for kind in ("amp", "det", "phase")])
    made = np.array(values).reshape(len(values), 3, duration)
    cuts = [0, *(np.flatnonzero(np.abs(np.diff(made, axis=2)).max(axis=(0, 1))) + 1).tolist(), duration]
    return np.array([b - a for a, b in pairwise(cuts)]) / 1000, made[:, :, cuts[:-1]], places


def hamiltonians(plan: Plan, scope: dict[str, float], factor: float = 1.0) -> tuple[NDArray[np.float64], list[Any]]:
    """Return durations (µs) and Hamiltonians of Pulser's own samples, amplitudes times a factor."""
    target = plan.target
    times, values, places = intervals(plan, scope)
    fixed, drives = sized(interaction(target)), []
    for (basis, atom), (amp, det, phase) in zip(places, values, strict=True):
        a, b = DRIVEN[basis]
        up, here = (sized(on(unit(target, *pair), atom, target)) for pair in ((a, b), (b, b)))
        drives.append((0.5 * factor * amp * np.exp(-1j * phase), det, up, here))

    def at(k: int) -> Any:
        made = fixed
        for omega, det, up, here in drives:
            made = made + omega[k] * up + omega[k].conj() * up.T - det[k] * here
        return made

    return times, [at(k) for k in range(len(times))]


def sized(operator: Any) -> Any:
    """Return a sparse operator as a dense one where it is small."""
    return operator.toarray() if operator.shape[0] <= DENSE else operator


def liouvillian(h: Matrix, jumps: list[Any]) -> Matrix:
    """Return the generator of flat density matrices, ket index first."""
    one = np.eye(len(h))
    made = -1j * (np.kron(h, one) - np.kron(one, h.T))
    for jump in (jump.toarray() for jump in jumps):
        weight = jump.conj().T @ jump
        made += np.kron(jump, jump.conj()) - 0.5 * (np.kron(weight, one) + np.kron(one, weight.T))
    return np.asarray(made)


def propagated(times: NDArray[np.float64], generators: Iterable[Any], rows: Matrix) -> Matrix:
    """Return rows after exp(G t) of each interval, the exponential dense where it is small."""
    columns = rows.T
    for time, generator in zip(times.tolist(), generators, strict=True):
        if len(columns) <= DENSE:
            columns = expm(generator * time) @ columns
        else:
            columns = expm_multiply(generator * time, columns, traceA=time * generator.trace())
    return np.asarray(columns.T)
