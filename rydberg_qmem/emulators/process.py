"""How good a gate's pulses are: the map that the engine makes of them, against the ideal gate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.bind import map_expressions
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.steps import Placed, Segment, all_steps
from rydberg_qmem.devices import GatePulse, Target
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.emulators.ideal import Ideal
from rydberg_qmem.emulators.layout import Layout
from rydberg_qmem.emulators.unitaries import IdealGate
from rydberg_qmem.gates import SPLIT, cz_as_cphase, interaction_steps, pair_calibration, zz_as_cphase
from rydberg_qmem.language.blocks import (
    CZ,
    ZZ,
    BlockadeMeasure,
    BlockadeRotate,
    CPhase,
    Gate,
    Ising,
    PhaseShift,
    Pulse,
    gate_rule,
)
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.programs.cells import blockade_measure
from rydberg_qmem.units import MHZ, NS_PER_US

STAND_IN = Expression("pi / 2")
"""Stands for an angle that is known only when the program runs."""


@dataclass(frozen=True)
class GateReport:
    """A gate as calibrated for its atoms: how long it takes, its numbers, and its infidelities from the engine."""

    gate: str
    atoms: tuple[str, ...]
    distance_um: float
    duration_ns: int
    parameters: tuple[tuple[str, float], ...]
    process_infidelity: float
    average_infidelity: float


def gate_report(block: Gate | BlockadeMeasure, target: Target) -> GateReport:
    """Return what the engine makes of a gate's pulses on its own atoms.

    Process infidelity is 1 - |Tr(V† M)|²/d², V the ideal gate and M the pulses' map, both from and to the d states
    that the gate is for; the average one counts what leaves those states as lost. Of `blockade_measure`, the d = 2
    states are those of its system, and each outcome has its own V and M: 1 - (Σ |Tr(V† M)|)²/d², since the phase
    between outcomes means nothing. Raises CapabilityError where the device cannot make the gate.
    """
    gate = _pulsed(block)
    atoms = IdealGate.of(gate, target).atoms
    segment = Segment(0, (Placed(gate, gate.kind),))
    exact, ideal = Exact(), Ideal()
    plan = exact.plan(segment, target)
    start, end = _qubits(gate, target, len(atoms))
    states = np.eye(Layout(target.levels, len(atoms)).dimension, dtype=complex)[start]
    made = exact.evolve(plan, {}, states, atoms)[:, end]
    wanted = ideal.evolve(ideal.plan(segment, target), {}, states, atoms)[:, end]
    process, average = _infidelities(made, wanted, 2 if isinstance(block, BlockadeMeasure) else 1)
    gaps = [target.distances_um[i, j] for i in atoms for j in atoms if i < j]
    names = tuple(target.atoms[i] for i in atoms)
    duration = int(plan.durations({}, 1)[0])
    return GateReport(
        block.kind, names, float(min(gaps, default=0.0)), duration, _numbers(gate, target, plan), process, average
    )


def pulses_infidelity(pulses: tuple[Pulse, ...], diagonal: NDArray[np.complex128], target: Target) -> float:
    """Return the process infidelity of pulses on all atoms of a target against a diagonal gate on their g and h."""
    plan = Exact().plan(Segment(0, tuple(Placed(pulse, "pulse") for pulse in pulses)), target)
    atoms = tuple(range(len(target.atoms)))
    qubits = [k for k, state in enumerate(product(target.levels, repeat=len(atoms))) if "r" not in state]
    states = np.eye(target.dimension, dtype=complex)[qubits]
    return _infidelities(Exact().evolve(plan, {}, states, atoms)[:, qubits], np.diag(diagonal))[0]


def _pulsed(block: Gate | BlockadeMeasure) -> Gate:
    """Return the gate that makes the pulses of a block: of a measuring cell, the one before its measurement."""
    if not isinstance(block, BlockadeMeasure):
        return block
    first = blockade_measure(block)[0]
    assert isinstance(first, BlockadeRotate)
    return first


def _infidelities(
    made: NDArray[np.complex128], wanted: NDArray[np.complex128], outcomes: int = 1
) -> tuple[float, float]:
    """Return process and average infidelity; the last atom's levels are told apart where there are two outcomes."""
    d = len(made)
    overlap = sum(float(abs(np.vdot(wanted[:, k::outcomes], made[:, k::outcomes]))) for k in range(outcomes))
    process = overlap**2 / d**2
    stays = float((np.abs(made) ** 2).sum()) / d
    return max(1 - process, 0.0), max(1 - (d * process + stays) / (d + 1), 0.0)  # below 0 by rounding alone


def _qubits(gate: Gate, target: Target, count: int) -> tuple[list[int], list[int]]:
    """Return the indices of the states that a gate is for: those that it may meet, and those it may leave."""
    levels = target.levels
    place = {level: k for k, level in enumerate(levels)}

    def index(state: tuple[str, ...]) -> int:
        return int(sum(place[level] * len(levels) ** k for k, level in enumerate(reversed(state))))

    rule = gate_rule(gate)
    everything = list(product(rule.levels, repeat=count))
    fresh = [k for k, (_, name) in enumerate(rule.atoms) if name in rule.fresh]
    start = [state for state in everything if all(state[k] == rule.levels[0] for k in fresh)]
    return [index(state) for state in start], [index(state) for state in everything]


def _numbers(gate: Gate, target: Target, plan: Plan) -> tuple[tuple[str, float], ...]:
    """Return the numbers worth knowing of a gate's pulses."""
    if isinstance(gate, Ising):
        steps = interaction_steps(gate, target)
        return ("patterns", float(len(steps.patterns))), ("interaction_us", float(sum(steps.times_us)))
    if isinstance(gate, CZ | CPhase | ZZ) and gate.method != SPLIT:
        phase = zz_as_cphase(gate)[0] if isinstance(gate, ZZ) else cz_as_cphase(gate) if isinstance(gate, CZ) else gate
        made = pair_calibration(phase, target)
        return ("rabi/2pi_MHz", made.peak_rabi / MHZ), *made.parameters
    pulses = [op for op, _ in plan.operations if isinstance(op, GatePulse)]
    numbers = [("pulse_ns", float(min(op.duration_ns for op in pulses)))] if pulses else []
    if any(isinstance(op, Pulse) for op, _ in plan.operations) or not pulses:
        return tuple(numbers)
    first = pulses[0]
    if not first.angle.is_constant or first.shape != "square":
        return tuple(numbers)
    area = abs(float(np.asarray(first.angle.evaluate({}))))
    return *numbers, ("rabi/2pi_MHz", area * NS_PER_US / first.duration_ns / MHZ)


def gate_reports(compiled: Compiled) -> list[GateReport]:
    """Return a report of every gate of a program, equal ones once, angles known only at run time taken as π/2."""
    found: dict[Gate, None] = {}
    segments = (step for step in all_steps(compiled.steps) if isinstance(step, Segment))
    for gate in (placed.block for segment in segments for placed in segment.blocks):
        if not isinstance(gate, Gate):
            continue
        plan = plan_segment(Segment(0, (Placed(gate, gate.kind),)), compiled.target)
        if all(isinstance(op, PhaseShift) for op, _ in plan.operations):
            continue  # virtual, exact
        found[_known(gate)] = None
    return [gate_report(gate, compiled.target) for gate in found]


def _known(gate: Gate) -> Gate:
    return cast(Gate, map_expressions(gate, lambda e: e if e.is_constant else STAND_IN))
