"""Exported segments, played in turn with the state handed on, are the run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pulser.sampler import sample
from scipy.linalg import expm

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import (
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
)
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gallery import load, names
from rydberg_qmem.interop.export import write
from rydberg_qmem.interop.to_pulser import Exported, to_pulser
from rydberg_qmem.language.evaluation import Columns
from tests.reference import Reference

Complex = NDArray[np.complex128]
UPPER = {"digital": ("h", 1), "ground-rydberg": ("r", -1), "XY": ("1", -1)}


@dataclass(frozen=True)
class Branch:
    """One history: its unnormalised density matrix, memory, outcomes, and the phase references it has come to."""

    rho: Complex
    memory: Mapping[str, Any]
    outcomes: Mapping[str, tuple[int, ...]]
    turned: Mapping[tuple[str, str], float]
    counters: Mapping[str, float]
    begins: Mapping[str, Any]


class Player:
    """Plays what a program exports, piece by piece, and everything between the pieces by hand."""

    def __init__(self, program: rq.Program) -> None:
        self.program, self.compiled = program, compile_program(program)
        self.matrices = Reference(program)
        self.unitaries: dict[str, Complex] = {}
        self.pieces: dict[Any, tuple[Exported, ...]] = {}
        self.numbers = {segment.index: k for k, segment in enumerate(_segments(self.compiled.steps))}

    def means(self) -> dict[str, NDArray[np.float64]]:
        """Return the mean of what each key measured last."""
        found: dict[str, Any] = defaultdict(float)
        weight: dict[str, float] = defaultdict(float)
        for branch in self.play(self.compiled.steps, [self.start()]):
            chance = float(np.trace(branch.rho).real)
            for key, bits in branch.outcomes.items():
                found[key] = found[key] + chance * np.array(bits, dtype=float)
                weight[key] += chance
        return {key: value / weight[key] for key, value in found.items()}

    def start(self) -> Branch:
        size = len(self.matrices.interaction)
        rho = np.eye(size, dtype=complex)
        for atom in self.program.register.names:
            rho = rho @ self.matrices.projector(atom, self.matrices.ground)
        memory = {name: float(np.asarray(e.evaluate({}))) for name, e in self.compiled.scalars.items()}
        return Branch(rho, memory, {}, {}, {}, memory)

    def play(self, steps: tuple[Step, ...], branches: list[Branch]) -> list[Branch]:
        starts = {k - step.settled for k, step in enumerate(steps) if isinstance(step, Segment) and step.begins}
        for k, step in enumerate(steps):
            if k in starts:  # what is exported is told the memory that a segment begins with
                branches = [replace(branch, begins=branch.memory) for branch in branches]
            branches = [made for branch in branches for made in self.step(step, branch)]
        return branches

    def step(self, step: Step, branch: Branch) -> list[Branch]:
        match step:
            case Segment():
                return [self.piece(step, branch)] if step.ends else [branch]
            case MeasureStep():
                return self.measure(step, branch)
            case ResetStep():
                names = tuple(self.program.register.names[i] for i in step.atoms)
                return [replace(branch, rho=self.matrices._fresh(branch.rho, names))]
            case SetStep():
                scope = self.scope(branch)
                new = {name: float(np.ravel(np.asarray(e.evaluate(dict(scope))))[0]) for name, e in step.values}
                return [replace(branch, memory={**branch.memory, **new})]
            case WhenStep():
                holds = bool(np.ravel(np.asarray(step.condition.evaluate(dict(self.scope(branch)))))[0])
                taken, other = (step.then, step.otherwise) if holds else (step.otherwise, step.then)
                made = self.play(taken, [branch])
                gap = self.lasting(other, branch) - self.lasting(taken, branch)
                return [replace(b, rho=self.waited(b.rho, gap)) for b in made] if gap > 0 else made
            case RepeatStep():
                branches = [branch]
                for k in range(step.times):
                    branches = [replace(b, counters={**b.counters, step.counter: float(k)}) for b in branches]
                    branches = self.play(step.body, branches)
                return branches
            case ProbeStep():
                return [branch]
            case PushStep():
                raise NotImplementedError

    def scope(self, branch: Branch) -> dict[str, Any]:
        keys = {key: Columns(self.compiled.keys[key], np.array([bits], dtype=float))
                for key, bits in branch.outcomes.items()}  # fmt: skip
        memory = {name: np.array([value]) for name, value in branch.memory.items()}
        return {**memory, **branch.counters, **keys, **self.inputs(branch)}

    def inputs(self, branch: Branch) -> dict[str, float]:
        now = int(max(branch.counters.values(), default=0))
        return {name: float(signal[min(now, len(signal) - 1)]) for name, signal in self.compiled.inputs.items()}

    def exported(self, step: Segment, branch: Branch) -> Exported:
        """Return the piece of a segment with what this history knows."""
        values = {f"{key}.{atom}": float(bit) for key, bits in branch.outcomes.items()
                  for atom, bit in zip(self.compiled.keys[key], bits, strict=True)}  # fmt: skip
        values |= {name: value for name, value in branch.begins.items() if not name.endswith("__")}
        now = int(max(branch.counters.values(), default=0))
        everything = {**dict.fromkeys(self._everything(), 1.0), **values}
        used = {name: value for name, value in everything.items() if name in self._read()}
        mark = (now, *sorted(used.items()))
        if mark not in self.pieces:
            self.pieces[mark] = to_pulser(self.program, values=used, round=now)
        return self.pieces[mark][self.numbers[step.index]]

    def _everything(self) -> set[str]:
        return {f"{key}.{atom}" for key, atoms in self.compiled.keys.items() for atom in atoms}

    def _read(self) -> set[str]:
        """Return the names that some segment reads: others may not be given."""
        found: set[str] = set()
        for segment in _segments(self.compiled.steps):
            for expression in _expressions(segment):
                found |= expression.names - self.compiled.keys.keys()
                found |= {
                    f"{k}.{a}" for k in expression.names & self.compiled.keys.keys() for a in self.compiled.keys[k]
                }
        return (
            {name for name in found if not name.endswith("__") or "." in name} - self.compiled.inputs.keys() - {"round"}
        )

    def piece(self, step: Segment, branch: Branch) -> Branch:
        one = self.exported(step, branch)
        rho = branch.rho
        wanted = {(atom, basis): angle for atom, found in one.before.items() for basis, angle in found.items()}
        for atom, basis in {*wanted, *branch.turned}:
            level, sign = UPPER[basis]
            angle = branch.turned.get((atom, basis), 0.0) - wanted.get((atom, basis), 0.0)
            turn = expm(1j * sign * angle * self.matrices.projector(atom, level))
            rho = turn @ rho @ turn.conj().T
        unitary = self.unitary(one)
        after = {(atom, basis): angle for atom, found in one.after.items() for basis, angle in found.items()}
        return replace(branch, rho=unitary @ rho @ unitary.conj().T, turned=after)

    def unitary(self, one: Exported) -> Complex:
        text = one.to_json()
        if text not in self.unitaries:
            made, duration = np.eye(len(self.matrices.interaction), dtype=complex), one.sequence.get_duration()
            for hamiltonian, dt in self.matrices.pieces(sample(one.sequence), duration) if duration else ():
                made = expm(-1j * hamiltonian * dt / 1000) @ made
            self.unitaries[text] = made
        return self.unitaries[text]

    def lasting(self, steps: tuple[Step, ...], branch: Branch) -> float:
        pieces = [step for step in steps if isinstance(step, Segment) and step.ends]
        return float(sum(self.exported(step, branch).sequence.get_duration() for step in pieces))

    def waited(self, rho: Complex, duration_ns: float) -> Complex:
        unitary = expm(-1j * self.matrices.interaction * duration_ns / 1000)
        return np.asarray(unitary @ rho @ unitary.conj().T)

    def measure(self, step: MeasureStep, branch: Branch) -> list[Branch]:
        made = []
        level = {"digital": "h", "ground-rydberg": "r", "XY": "1"}[step.basis]
        for bits in product((0, 1), repeat=len(step.atoms)):
            collapse = np.eye(len(branch.rho), dtype=complex)
            for atom, bit in zip(step.atoms, bits, strict=True):
                up = self.matrices.projector(self.program.register.names[atom], level)
                collapse = collapse @ (up if bit else np.eye(len(up)) - up)
            rho = collapse @ branch.rho @ collapse
            if np.trace(rho).real > 1e-12:
                made.append(replace(branch, rho=rho, outcomes={**branch.outcomes, step.key: bits}))
        return made


def _segments(steps: tuple[Step, ...]) -> list[Segment]:
    made = []
    for step in steps:
        match step:
            case Segment() if step.ends:
                made.append(step)
            case RepeatStep():
                made += _segments(step.body)
            case WhenStep():
                made += _segments((*step.then, *step.otherwise))
            case _:
                pass
    return made


def _expressions(segment: Segment) -> Any:
    from rydberg_qmem.compile.steps import expressions_of

    return expressions_of(segment)


def shorter(value: Any) -> Any:
    """Return a program's blocks with two rounds of every loop."""
    if isinstance(value, dict):
        made = {name: shorter(item) for name, item in value.items()}
        return made | {"times": 2} if "times" in made else made
    return [shorter(item) for item in value] if isinstance(value, list) else value


def worst(program: rq.Program) -> float:
    """Return the largest difference of a mean outcome between the run and the pieces, in the last round."""
    record, gap = rq.run(program, shots=None), 0.0
    for key, mean in Player(program).means().items():
        if key in record:
            got = record[key].values
            for dim in record[key].dims:
                got = got if str(dim).endswith("_atom") else got[-1]
            gap = max(gap, float(np.abs(np.atleast_1d(got) - mean).max()))
    return gap


QUICK = ("active_reset", "amplitude_damping", "cz_gate", "entanglement_swapping", "native_cell", "teleportation")
PLAYED = (*QUICK, "beam_splitter", "blockade", "daqc_ising", "exchange_xy", "h2_ansatz", "iterative_phase_estimation",
          "light_shift_memory", "polariton_pair", "rabi", "tilted_exchange", "time_optimal_cz", "weak_measurement",
          "zeno")  # fmt: skip


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in PLAYED])
def test_pieces_of_a_ready_sequence_played_in_turn_are_the_run(name: str) -> None:
    told = load(name).to_dict()
    told["body"] = shorter(told["body"])
    for signal in told.get("inputs", {}).values():
        signal["rounds"] = 2

    assert worst(rq.Program.from_dict(told)) < 1e-9


@pytest.mark.parametrize("name", names())
def test_every_ready_sequence_is_exported(name: str, tmp_path: Path) -> None:
    program = load(name)

    pieces = program.to_pulser()
    written = write(pieces, program, tmp_path / "out")

    assert len(written) == len(pieces) + 1


def random_program(seed: int) -> rq.Program:
    """Return pulses and phases on two atoms, with measurements, memory and one-sided branches between them."""
    rng = np.random.default_rng(seed)
    body: list[dict[str, Any]] = []
    for k in range(int(rng.integers(3, 7))):
        atom, kind = str(rng.choice(["a", "b"])), rng.random()
        turn = {"rotate": {"atom": atom, "axis": str(rng.choice(["x", "y", "z"])), "angle": float(rng.uniform(-3, 3))}}
        shift = {"phase_shift": {"atoms": atom, "angle": float(rng.uniform(-3, 3)), "basis": "digital"}}
        if kind < 0.5:
            body.append(turn)
        elif kind < 0.65:
            body.append(shift)
        elif kind < 0.75:
            body.append({"set": {"x": "x + 0.3"}})
        elif kind < 0.85:
            body.append({"rotate": {"atom": atom, "axis": "y", "angle": "x"}})
        else:
            body.append({"measure": {"atoms": atom, "key": f"k{k}"}})
            side = str(rng.choice(["then", "otherwise"]))
            body.append({"when": {"if": f"k{k} == 1", side: [turn, shift]}})
    for atom in ("a", "b"):
        body.append({"rotate": {"atom": atom, "axis": "x", "angle": 1.1}})
    body.append({"measure": {"atoms": "all", "key": "m"}})
    device = str(rng.choice(["MockDevice", "DigitalAnalogDevice"]))
    atoms = {"a": (0, 0), "b": (6, 0)}
    return rq.Program(name="p", device=device, register={"atoms": atoms}, memory={"x": {"initial": 0.4}}, body=body)


def test_pieces_of_random_programs_played_in_turn_are_the_run() -> None:
    assert [seed for seed in range(15) if worst(random_program(seed)) > 1e-9] == []


@pytest.mark.slow
def test_pieces_of_many_random_programs_played_in_turn_are_the_run() -> None:
    assert [seed for seed in range(600) if worst(random_program(seed)) > 1e-9] == []


def test_phase_references_go_on_from_piece_to_piece_and_stand_in_the_index(tmp_path: Path) -> None:
    half = {"blackman": {"duration_ns": 200, "area": np.pi / 2}}
    body = [
        {"pulse": {"channel": "rydberg_global", "amplitude": half, "post_phase_shift": 1.0}},
        {"measure": {"atoms": "b", "key": "k"}},
        {"pulse": {"channel": "rydberg_global", "amplitude": half}},
    ]
    program = rq.Program(name="t", device="MockDevice", register={"atoms": {"a": (0, 0), "b": (30, 0)}}, body=body)

    first, second = program.to_pulser()
    write((first, second), program, tmp_path / "out")

    assert sample(second.sequence).to_nested_dict()["Global"]["ground-rydberg"]["phase"][0] == pytest.approx(1.0)
    index = json.loads((tmp_path / "out" / "index.json").read_text())["segments"]
    told = {atom: {"ground-rydberg": 1.0} for atom in ("a", "b")}
    assert [one["phase_references"] for one in index] == [
        {"before": {}, "after": told},
        {"before": told, "after": told},
    ]


def test_a_detuning_map_in_three_dimensions_is_exported_but_for_its_text() -> None:
    dark = {"constant": {"duration_ns": 100, "value": -3}}
    body = [{"detuning_map": {"channel": "dmm_0", "weights": {"a": 1.0, "b": 0.5}, "detuning": dark}}]
    atoms = {"a": (0, 0, 0), "b": (6, 0, 3)}
    [piece] = rq.Program(name="t", device="MockDevice", register={"atoms": atoms}, body=body).to_pulser()

    assert piece.sequence.get_duration() == 100
    with pytest.raises(CapabilityError, match="no detuning maps in three dimensions"):
        piece.to_json()
