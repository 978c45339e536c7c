"""A slow, plain second opinion: one branch at a time, dense density matrices, Pulser's own samples.

Walks the blocks of a program itself, evaluates expressions with Python, builds every Hamiltonian from
Kronecker products and exponentiates it. It shares with the package what a program is and how a segment becomes
a `pulser.Sequence`, and nothing of how states evolve, branch, merge or are recorded.
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import combinations, groupby, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pulser.sampler import sample
from scipy.linalg import expm
from scipy.stats import binom, chi2, poisson

from rydberg_qmem.compile.bind import bind_block, bind_inputs, bind_parameters, map_expressions, substitute_atom
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.compile.plan import plan_segment, timed
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.steps import Placed, Segment, expressions_of
from rydberg_qmem.devices import Lowered, make_target
from rydberg_qmem.gates import expand_cell, lower
from rydberg_qmem.language.blocks import (
    CNOT,
    CZ,
    ZZ,
    AnyBlock,
    BeamSplitter,
    BlockadeMeasure,
    CPhase,
    Damp,
    EOMPulse,
    Exchange,
    ForEach,
    Gate,
    Measure,
    PhaseShift,
    Probe,
    Pulse,
    Push,
    Repeat,
    Reset,
    Rotate,
    Set,
    Swap,
    Timed,
    WeakMeasure,
    When,
)
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.pulses import CARRIED, NOTHING, Carried, ledger_of

Complex = NDArray[np.complex128]
Path = tuple[tuple[str, int], ...]
Written = dict[tuple[str, Path], Any]

MOST_BYTES = 200_000_000
"""What kept exponentials may take."""
NEGLIGIBLE = 1e-13
"""Outcomes less likely than this are left out."""

FUNCTIONS: dict[str, Any] = {
    "pi": math.pi,
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "exp", "log")},
    "sqrt": lambda x: math.sqrt(max(x, 0.0)),
    "abs": abs,
    "tanh": math.tanh,
    "floor": math.floor,
    "sign": lambda x: (x > 0) - (x < 0),
    "clip": lambda x, low, high: min(max(x, low), high),
    "where": lambda condition, yes, no: yes if condition else no,
    "min": min,
    "max": max,
    "sum": sum,
    "mean": lambda window: sum(window) / len(window),
}


class OneBit(float):
    """The outcome of a key on one atom: a number that also answers to the atom's name."""


class ManyBits(tuple[float, ...]):
    """The outcomes of a key on several atoms: `key.atom`, or all of them at once."""


@dataclass(frozen=True)
class Branch:
    """One history: its probability, the state that it leaves, its classical values, what it wrote."""

    probability: float
    rho: Complex
    scalars: dict[str, float]
    windows: dict[str, tuple[float, ...]]
    bits: dict[str, dict[str, int]] = field(default_factory=dict)
    written: Written = field(default_factory=dict)
    round: dict[str, float] = field(default_factory=dict)
    time_ns: int = 0
    carried: Carried = NOTHING
    frame: Complex | None = None
    """What the program's phase references have turned the state by so far; None is not at all."""

    def wrote(self, name: str, path: Path, value: Any) -> Branch:
        return replace(self, written={**self.written, (name, path): value})


@dataclass(frozen=True)
class Played:
    """What a segment does: to flat density matrices (noise) or to vectors, its frame, and how long it takes (ns)."""

    action: Complex
    frame: Complex
    time_ns: int
    carried: Carried = NOTHING
    looks: tuple[tuple[Complex, Complex, int], ...] = ()
    """What it has done, its frame, and how long it has taken (ns), when something inside of it looks."""


Look = tuple[int, Probe | str, Path]
"""How many blocks stand before a probe, or before a round whose time is written under a name, and in which rounds."""
Draft = tuple[Branch, tuple[Placed, ...], tuple[Look, ...], dict[str, Any]]
"""A segment under way: its branch, blocks, what looks at it, and what blocks read."""


class Reference:
    """Plays one program, either as the tree of all its branches or shot by shot."""

    def __init__(self, program: Program, *, ideal: bool = False) -> None:
        self.program, self.ideal = program, ideal
        self.parameters = bind_parameters(program)
        self.inputs = bind_inputs(program, self.parameters)
        self.target = make_target(program, bases_of(program))
        self.atoms, self.levels = program.register.names, self.target.levels
        self.ground = "0" if "0" in self.levels else "g"
        self.operators: dict[tuple[str, str, str], Complex] = {}
        self.interaction = self._interaction(frozenset())
        self.unitaries: dict[Any, Played] = {}
        self.exponentials: dict[tuple[bytes, float, bytes], Complex] = {}
        self.collapse = [self._local(atom, small) for small in self._collapse() for atom in self.atoms]
        self.loops = dict(_loop_names(program.body))
        self.rng: np.random.Generator | None = None
        self.lasting: dict[Any, tuple[int, ...]] = {}
        self.varying = False
        """Whether branches take different times, so that no one time is that of a round."""
        self.known: list[Branch] | None = None

    def branches(self) -> list[Branch]:
        """Return every branch, with its probability, played once."""
        if self.known is None:
            self.rng = None
            self.known = self._finished(self._play(self.program.body, [self._start()], ()))
        return self.known

    def shot(self, rng: np.random.Generator) -> Branch:
        """Return one branch, chosen at random."""
        self.rng = rng
        [branch] = self._finished(self._play(self.program.body, [self._start()], ()))
        return branch

    def means(self) -> Written:
        """Return the expectation of everything written, over the branches that wrote it."""
        total: dict[tuple[str, Path], Any] = {}
        weight: dict[tuple[str, Path], float] = {}
        for branch in self.branches():
            for place, value in branch.written.items():
                total[place] = total.get(place, 0.0) + branch.probability * np.asarray(value)
                weight[place] = weight.get(place, 0.0) + branch.probability
        return {place: value / weight[place] for place, value in total.items()}

    def largest_difference(self, record: Any) -> float:
        """Return the largest difference between an exact record and the means of this program."""
        wanted, loops, worst = self.means(), set(self.loops.values()), 0.0
        for name, variable in record.data_vars.items():
            dims = [str(dim) for dim in variable.dims if dim in loops]
            if self.varying and str(name).startswith("time_us"):
                continue
            for index in np.ndindex(*(record.sizes[dim] for dim in dims)):
                got = variable.values[index]
                expected = wanted.get((str(name), tuple(zip(dims, index, strict=True))))
                if expected is not None:
                    gap = np.abs(got - np.asarray(expected))
                    worst = max(worst, float(np.where(np.isnan(gap), np.inf, gap).max()))
                elif str(name) not in self.inputs and not str(name).startswith("time_us") and not np.isnan(got).all():
                    worst = np.inf
        return worst

    # ------------------------------------------------------------------ operators

    def projector(self, atom: str, level: str) -> Complex:
        """Return |level><level| of one atom on the whole register."""
        return self.operator(atom, level, level)

    def operator(self, atom: str, to: str, source: str) -> Complex:
        """Return |to><source| of one atom on the whole register; zero where the levels are not there."""
        if (atom, to, source) not in self.operators:
            self.operators[atom, to, source] = self._kronecker(atom, to, source)
        return self.operators[atom, to, source]

    def _kronecker(self, atom: str, to: str, source: str) -> Complex:
        size = len(self.levels)
        small = np.zeros((size, size), dtype=complex)
        if to in self.levels and source in self.levels:
            small[self.levels.index(to), self.levels.index(source)] = 1.0
        return self._local(atom, small)

    def _local(self, atom: str, small: Complex) -> Complex:
        """Return an operator of one atom on the whole register."""
        one = np.eye(len(self.levels), dtype=complex)
        factors = [small if name == atom else one for name in self.atoms]
        return np.asarray(reduce(np.kron, factors))

    def _collapse(self) -> list[Complex]:
        """Return the operators of the program's noise on one atom, rates included."""
        noise, d = self.program.noise, len(self.levels)
        if noise is None:
            return []
        here = {level: np.eye(d)[k] for k, level in enumerate(self.levels)}
        made = []
        for level, rate in (
            ("r", noise.dephasing_rate),
            ("1", noise.dephasing_rate),
            ("h", noise.hyperfine_dephasing_rate),
        ):
            if rate and level in here:
                made.append(np.sqrt(2 * rate) * np.outer(here[level], here[level]).astype(complex))
        if noise.relaxation_rate:
            made.append(np.sqrt(noise.relaxation_rate) * np.outer(here["g"], here["r"]).astype(complex))
        if noise.depolarizing_rate:
            paulis = [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]
            made += [np.sqrt(noise.depolarizing_rate / 4) * np.array(pauli, dtype=complex) for pauli in paulis]
        for rate, operator in zip(noise.eff_noise_rates, noise.eff_noise_opers, strict=True):
            made.append(np.sqrt(rate) * np.array(operator, dtype=complex))
        return made

    def _interaction(self, masked: frozenset[str]) -> Complex:
        """Return how atoms act on each other, all but those under a mask of the XY mode."""
        positions = {name: np.array([*place, 0.0][:3]) for name, place in self.program.register.positions.items()}
        device, size = self.target.device, len(self.levels) ** len(self.atoms)
        field = np.array(self.program.magnetic_field or (0.0, 0.0, 1.0))
        made = np.zeros((size, size), dtype=complex)
        for one, two in combinations(self.atoms, 2):
            if masked & {one, two}:
                continue
            apart = positions[one] - positions[two]
            gap = float(np.linalg.norm(apart))
            angle = float(apart @ field) / gap / float(np.linalg.norm(field))
            strong = "0" if "0" in self.levels else "r"
            made += device.interaction_coeff / gap**6 * self.projector(one, strong) @ self.projector(two, strong)
            if "0" in self.levels:
                swap = self.operator(one, "0", "1") @ self.operator(two, "1", "0")
                made += device.interaction_coeff_xy * (1 - 3 * angle**2) / gap**3 * (swap + swap.conj().T)
        return made

    def _drive(self, basis: str, atom: str, amplitude: float, detuning: float, phase: float) -> Complex:
        low, high = {"ground-rydberg": ("g", "r"), "digital": ("h", "g"), "XY": ("0", "1")}[basis]
        coupling = 0.5 * amplitude * np.exp(-1j * phase) * self.operator(atom, low, high)
        return np.asarray(coupling + coupling.conj().T - detuning * self.projector(atom, high))

    # ------------------------------------------------------------------ unitary steps

    def _segments(self, group: tuple[Placed | AnyBlock, ...], branch: Branch, path: Path) -> list[Branch]:
        """Play blocks of one segment: memory in between is written, and read, where it stands; probes look inside.

        Rounds are written out.
        """
        writes = not all(isinstance(item, Placed | Probe) for item in group)
        drafts = self._drafted(group, [(branch, (), (), {})], path, writes)
        name = tuple(item.block if isinstance(item, Placed) else item for item in group)
        return [
            replace(self._segment(placed, now, looks, name, seen), round=branch.round)
            for now, placed, looks, seen in drafts
        ]

    def _drafted(
        self, items: Iterable[Placed | AnyBlock], drafts: list[Draft], path: Path, writes: bool
    ) -> list[Draft]:
        for item in items:
            drafts = [made for draft in drafts for made in self._drafted_one(item, draft, path, writes)]
        return drafts

    def _drafted_one(self, item: Placed | AnyBlock, draft: Draft, path: Path, writes: bool) -> list[Draft]:
        now, placed, looks, seen = draft
        match item:
            case Placed():
                return [(now, (*placed, self._seen_by(item, now, seen) if writes else item), looks, seen)]
            case Probe():
                return [(now, placed, (*looks, (len(placed), item, path)), seen)]
            case Repeat():
                drafts = [draft]
                for k in range(self._times(item)):
                    here, label = (*path, (self.loops[id(item.body)], k)), self._label(item)
                    drafts = [
                        (self._begun(item, k, one, here), blocks, (*looks, (len(blocks), label, here)), seen)
                        for one, blocks, looks, seen in drafts
                    ]
                    drafts = self._drafted(self._placed(item.body), drafts, here, writes)
                return [(replace(one, round=now.round), *rest) for one, *rest in drafts]  # type: ignore[misc]
            case When():
                made = []
                for side, chance in self._sides(item, now):
                    begun = replace(now, probability=now.probability * chance)
                    inner = self._placed(item.then if side else item.otherwise)
                    made += self._drafted(inner, [(begun, placed, looks, dict(seen))], path, writes)
                return made
            case _:
                return [(then, placed, looks, dict(seen)) for then in self._step(item, now, path)]

    def _placed(self, blocks: Iterable[AnyBlock]) -> Iterator[Placed | AnyBlock]:
        for i, block in enumerate(self._expanded(blocks)):
            yield Placed(block, f"[{i}].{block.kind}") if isinstance(block, Timed) else block

    def _seen_by(self, placed: Placed, branch: Branch, seen: dict[str, Any]) -> Placed:
        """Return a block with a name of its own for each thing that it reads, and add what it stands for."""
        scope = self._package_scope(branch)

        def named(expression: Expression) -> Expression:
            if expression.is_constant:
                return expression
            name = f"seen{len(seen)}__"
            seen[name] = float(np.ravel(np.asarray(expression.evaluate(dict(scope))))[0])
            return Expression(name)

        return Placed(map_expressions(placed.block, named), placed.place)

    def _segment(
        self, blocks: tuple[Placed, ...], branch: Branch, looks: tuple[Look, ...], name: Any, seen: Mapping[str, Any]
    ) -> Branch:  # fmt: skip
        early = [look for look in looks if not look[0]]
        looks = looks[len(early) :]
        for _, what, path in early:
            branch = self._looked(branch, what, path, branch, 0)
        counts = tuple(sorted({count for count, _, _ in looks}))
        segment = Segment(0, blocks, looks=counts)
        scope = {**self._package_scope(branch), **seen}
        controls = tuple(np.asarray(e.evaluate(scope)).tobytes() for e in expressions_of(segment))
        turned = branch.frame.tobytes() if branch.frame is not None and self.collapse else b""
        place = (tuple(placed.block for placed in blocks), counts, controls, turned, branch.carried)
        if place not in self.unitaries:
            self.unitaries[place] = self._played(segment, scope, replace(branch, round={**branch.round, **seen}))
        played = self.unitaries[place]
        visit = (name, *sorted(branch.round.items()))  # all histories pass it: the longest of them sets the clock
        ends = (branch.time_ns, played.time_ns, *(time for _, _, time in played.looks))
        self.varying |= self.lasting.setdefault(visit, ends) != ends
        for count, what, path in looks:
            action, frame, time_ns = played.looks[counts.index(count)]
            then = replace(branch, rho=frame @ self._after(action, branch.rho) @ frame.conj().T)
            branch = self._looked(branch, what, path, then, time_ns)
        rho = played.frame @ self._after(played.action, branch.rho) @ played.frame.conj().T
        frame = played.frame if branch.frame is None else played.frame @ branch.frame
        time = branch.time_ns + played.time_ns
        return replace(branch, rho=rho, time_ns=time, frame=frame, carried=played.carried)

    def _looked(self, branch: Branch, what: Probe | str, path: Path, then: Branch, time_ns: int) -> Branch:
        if isinstance(what, str):
            return branch.wrote(what, path, (branch.time_ns + time_ns) / 1000)
        [seen] = self._step(what, then, path)
        return replace(branch, written=seen.written)

    def _after(self, action: Complex, rho: Complex) -> Complex:
        if not self.collapse:
            return np.asarray(action @ rho @ action.conj().T)
        return np.asarray((action @ rho.ravel()).reshape(rho.shape))

    def _played(self, segment: Segment, scope: dict[str, Any], branch: Branch) -> Played:
        action, total, carried = self._nothing(), 0, branch.carried
        one: Complex = np.eye(len(self.interaction), dtype=complex)
        frame, first = one, 0
        looks: dict[int, tuple[Complex, Complex, int]] = {}
        for is_gate, run in groupby(segment.blocks, key=lambda placed: self._is_ideal(placed.block)):
            blocks = tuple(run)
            last = first + len(blocks)
            if is_gate:
                for k, placed in enumerate(blocks):
                    action = self._gate(placed.block, branch) @ action
                    looks[first + k + 1] = action, frame, total
            else:
                inner = tuple(look - first for look in segment.looks if first < look < last)
                part = replace(segment, blocks=blocks, looks=inner)
                step = self._pulses(part, scope, replace(branch, carried=carried))
                for look, (done, turn, time_ns) in zip(inner, step.looks, strict=True):
                    looks[first + look] = done @ action, turn @ frame, total + time_ns
                action, carried, total = step.action @ action, step.carried, total + step.time_ns
                if self.ideal:  # gates act on states with all frames turned in
                    action = step.frame @ action
                else:
                    frame = step.frame @ frame
                looks[last] = action, frame, total
            first = last
        return Played(action, frame, total, carried, tuple(looks[look] for look in segment.looks))

    def _nothing(self) -> Complex:
        size = len(self.interaction)
        return np.eye(size**2 if self.collapse else size, dtype=complex)

    def _pulses(self, segment: Segment, scope: dict[str, Any], branch: Branch) -> Played:
        modulated = self.program.with_modulation
        ledger = ledger_of(self.target)
        scope = {**scope, CARRIED: np.array([float(ledger.number(branch.carried))])}
        plan = plan_segment(segment.whole, self.target)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sequence = to_pulser(plan, scope)
            carried = ledger.entries[int(plan.leaves(scope, 1)[0])]
            marks = [0]
            turns = []
            for part in range(len(segment.looks)):
                [(schedule, _, _)] = timed(plan_segment(replace(segment, part=part), self.target), scope, 1)
                marks.append(marks[-1] + schedule.duration_ns)
                turns.append(self._turned_by(schedule.frame, scope))
        made, duration = self._nothing(), 0
        if sequence.declared_channels:
            duration = sequence.get_duration(include_fall_time=modulated)
        if duration:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                samples = sample(sequence, modulation=modulated, extended_duration=duration)
            now, seen = 0, {mark: self._nothing() for mark in marks}
            for hamiltonian, dt_ns in self.pieces(samples, duration):
                for mark in marks:
                    if now < mark <= now + dt_ns:
                        seen[mark] = self._for(hamiltonian, mark - now, branch) @ made
                made, now = self._for(hamiltonian, dt_ns, branch) @ made, now + dt_ns
        else:
            seen = {mark: self._nothing() for mark in marks}
        looks = tuple((seen[mark], turn, mark) for mark, turn in zip(marks[1:], turns, strict=True))
        frame = self._drift(sequence)  # all of it where Pulser was told the program's own shifts, too
        if not any(map(shifts, sequence._calls)):
            frame = frame @ self._frame(segment, branch)
        return Played(made, frame, duration, carried, looks)

    def _turned_by(self, frame: Any, scope: dict[str, Any]) -> Complex:
        made = np.eye(len(self.interaction), dtype=complex)
        for atom, level, parts in frame:
            angle = sum(factor * float(np.ravel(np.asarray(e.evaluate(dict(scope))))[0]) for factor, e in parts)
            made = made @ expm(1j * angle * self.projector(self.atoms[atom], level))
        return made

    def _for(self, hamiltonian: Complex, dt_ns: float, branch: Branch) -> Complex:
        """Return what a Hamiltonian does in a time, computed once: a unitary, or with noise a map of flat matrices."""
        turned = b"" if branch.frame is None or not self.collapse else branch.frame.tobytes()
        key = (hamiltonian.tobytes(), dt_ns, turned)
        if key not in self.exponentials:
            made = self._exponential(hamiltonian, dt_ns, branch)
            if len(self.exponentials) * made.nbytes > MOST_BYTES:
                self.exponentials.clear()
            self.exponentials[key] = made
        return self.exponentials[key]

    def _exponential(self, hamiltonian: Complex, dt_ns: float, branch: Branch) -> Complex:
        """Noise stays where it is while the frame of the states turns: in that frame its operators turn back."""
        if not self.collapse:
            return np.asarray(expm(-1j * hamiltonian * dt_ns / 1000))
        one = np.eye(len(hamiltonian), dtype=complex)
        made: Any = -1j * (np.kron(hamiltonian, one) - np.kron(one, hamiltonian.T))
        for operator in self.collapse:
            if branch.frame is not None:
                operator = branch.frame @ operator @ branch.frame.conj().T
            weight = operator.conj().T @ operator
            made = made + np.kron(operator, operator.conj()) - 0.5 * (np.kron(weight, one) + np.kron(one, weight.T))
        return np.asarray(expm(made * dt_ns / 1000))

    def _drift(self, sequence: Any) -> Complex:
        """Return the z rotations that Pulser's own phase references stand for, those that correct drifts among them."""
        made = np.eye(len(self.interaction), dtype=complex)
        signs = {"digital": ("h", 1), "ground-rydberg": ("r", -1), "XY": ("1", -1)}
        for basis in {channel.basis for channel in sequence.declared_channels.values()}:
            level, sign = signs[basis]
            for atom in self.atoms:
                angle = float(sequence.current_phase_ref(atom, basis))
                made = made @ expm(1j * sign * angle * self.projector(atom, level))
        return made

    def _is_ideal(self, block: AnyBlock) -> bool:
        return self.ideal and isinstance(block, Gate)

    def _gate(self, block: AnyBlock, branch: Branch) -> Complex:
        one = np.eye(len(self.interaction))
        match block:
            case Rotate(angle=Expression() as angle, atom=atom, axis=axis):
                upper = "h" if block.basis == "digital" else "r"
                if axis == "z":
                    generator = -2 * self.projector(atom, upper)
                else:
                    generator = (1 if axis == "x" else -1j) * self.operator(atom, "g", upper)
                    generator = generator + generator.conj().T
                return np.asarray(expm(-0.5j * self.value(angle, branch) * generator))
            case CZ():
                return np.asarray(one - 2 * self.projector(block.control, "h") @ self.projector(block.target, "h"))
            case CNOT():
                on = self.projector(block.control, "h")
                flip = self.operator(block.target, "g", "h")
                same = self.projector(block.target, "r")
                return np.asarray(one - on + on @ (flip + flip.conj().T + same))
            case CPhase():
                both = self.projector(block.control, "h") @ self.projector(block.target, "h")
                return np.asarray(expm(1j * self.value(block.angle, branch) * both))
            case ZZ(atoms=(one_atom, other)):
                z = [self.projector(atom, "g") - self.projector(atom, "h") for atom in (one_atom, other)]
                return np.asarray(expm(-0.5j * self.value(block.angle, branch) * z[0] @ z[1]))
            case Swap(atoms=(one_atom, other)):
                return np.asarray(expm(-0.5j * np.pi * self._singlet(one_atom, other)))
            case Exchange(atoms=(one_atom, other), basis="digital"):
                hop = self.operator(one_atom, "g", "h") @ self.operator(other, "h", "g")
                return np.asarray(expm(-1j * self.value(block.angle, branch) * (hop + hop.conj().T)))
            case _:
                raise NotImplementedError(block.kind)

    def _singlet(self, one: str, other: str) -> Complex:
        """Return twice the projector on (gh - hg)/√2 of two atoms."""
        found = self.projector(one, "g") @ self.projector(other, "h") + self.projector(one, "h") @ self.projector(
            other, "g"
        )
        hop = self.operator(one, "g", "h") @ self.operator(other, "h", "g")
        return np.asarray(found - hop - hop.conj().T)

    def pieces(self, played: Any, duration: int) -> Iterator[tuple[Complex, int]]:
        """Yield Hamiltonians and how long (ns) they stay the same.

        Global and local drives of one atom are summed as drives, which `all_local` samples are not.
        """
        samples, mask = played.to_nested_dict(), played._slm_mask
        masked = frozenset(mask.targets) if "0" in self.levels else frozenset()
        until = int(mask.end) if masked else 0
        drives = [(basis, self.atoms, drive) for basis, drive in samples["Global"].items()]
        drives += [
            (basis, (atom,), drive) for basis, local in samples["Local"].items() for atom, drive in local.items()
        ]
        table = np.array([[drive[kind] for kind in ("amp", "det", "phase")] for _, _, drive in drives])
        begin = 0
        for end in range(1, duration + 1):
            if end in (until, duration) or not np.array_equal(table[:, :, end], table[:, :, begin]):
                hamiltonian = self._interaction(masked if begin < until else frozenset())
                for (basis, atoms, _), (amp, det, phase) in zip(drives, table[:, :, begin], strict=True):
                    for atom in atoms if amp or det else ():
                        hamiltonian += self._drive(basis, atom, amp, det, phase)
                yield hamiltonian, end - begin
                begin = end

    def _frame(self, segment: Segment, branch: Branch) -> Complex:
        """Return the z rotations that the segment's virtual phases stand for."""
        made = np.eye(len(self.interaction), dtype=complex)
        for placed in segment.blocks:
            ops = lower(placed.block, placed.place, self.target) if isinstance(placed.block, Gate) else (placed.block,)
            for atom, level, angle in (phase for op in ops for phase in self._phases(op, branch)):
                made = made @ expm(1j * angle * self.projector(atom, level))
        return made

    def _phases(self, block: AnyBlock | Lowered, branch: Branch) -> Iterator[tuple[str, str, float]]:
        virtual = {"digital": ("h", 1), "ground-rydberg": ("r", -1), "XY": ("1", -1)}
        match block:
            case Rotate(angle=Expression() as angle, axis="z"):
                yield block.atom, "h" if block.basis == "digital" else "r", self.value(angle, branch)
            case PhaseShift():
                level, sign = virtual[block.basis]
                for atom in self._names(block.atoms):
                    yield atom, level, sign * self.value(block.angle, branch)
            case Pulse() | EOMPulse():
                basis = self.target.device.channels[block.channel].basis
                level, sign = virtual[basis]
                for atom in self._names(getattr(block, "atoms", None) or "all"):
                    yield atom, level, sign * self.value(block.post_phase_shift, branch)
            case _:
                return

    # ------------------------------------------------------------------ the walk

    def _start(self) -> Branch:
        size = len(self.interaction)
        ground = reduce(np.matmul, (self.projector(name, self.ground) for name in self.atoms), np.eye(size))
        scalars, windows = {}, {}
        for name, memory in self.program.memory.items():
            initial = self.number(memory.initial, self.parameters)
            if memory.window is None:
                scalars[name] = initial
            else:
                windows[name] = (initial,) * int(self.number(memory.window, self.parameters))
        return Branch(1.0, ground.astype(complex), scalars, windows)

    def _finished(self, branches: Iterable[Branch]) -> list[Branch]:
        made = []
        for branch in branches:
            for name, value in branch.scalars.items():
                branch = branch.wrote(name, (), value).wrote(f"{name}_final", (), value)
            made.append(branch)
        return made

    def _play(self, blocks: tuple[AnyBlock, ...], branches: list[Branch], path: Path) -> list[Branch]:
        for group in self._groups(blocks):
            if isinstance(group, tuple):
                branches = [made for branch in branches for made in self._segments(group, branch, path)]
            else:
                branches = [made for branch in branches for made in self._step(group, branch, path)]
        return branches

    def _groups(self, blocks: Iterable[AnyBlock]) -> Iterator[tuple[Placed | AnyBlock, ...] | AnyBlock]:
        """Yield unitary blocks together, with what looks and remembers between them, everything else one by one."""
        run: list[Placed | AnyBlock] = []
        for i, block in enumerate(self._expanded(blocks)):
            if isinstance(block, Timed):
                run.append(Placed(block, f"[{i}].{block.kind}"))
            elif (run or self._plays(block)) and self._goes_on(block):
                run.append(block)
            else:
                yield from self._cut(run)
                run = []
                yield block
        yield from self._cut(run)

    def _goes_on(self, block: AnyBlock) -> bool:
        """Return whether a block lets a segment go on."""
        match block:
            case Set() | Push() | Probe():
                return True
            case When():
                inner = tuple(self._expanded((*block.then, *block.otherwise)))
                return all(self._goes_on(one) and not self._plays(one) for one in inner)
            case Repeat():
                return all(map(self._goes_on, self._expanded(block.body)))
            case _:
                return isinstance(block, Timed)

    def _plays(self, block: Placed | AnyBlock) -> bool:
        """Return whether a block, or one within it, plays."""
        match block:
            case Repeat():
                return any(map(self._plays, self._expanded(block.body)))
            case When():
                return any(map(self._plays, self._expanded((*block.then, *block.otherwise))))
            case _:
                return isinstance(block, Placed | Timed)

    def _cut(self, run: list[Placed | AnyBlock]) -> Iterator[tuple[Placed | AnyBlock, ...] | AnyBlock]:
        last = max((k for k, item in enumerate(run) if self._plays(item)), default=-1) + 1
        if last:
            yield tuple(run[:last])
        for item in run[last:]:
            assert not isinstance(item, Placed)
            yield item

    def _expanded(self, blocks: Iterable[AnyBlock]) -> Iterator[AnyBlock]:
        for block in blocks:
            match block:
                case ForEach():
                    for atom in self._names(block.atom):
                        yield from self._expanded(substitute_atom(b, block.variable, atom) for b in block.body)
                case Damp() | BeamSplitter() | WeakMeasure() | BlockadeMeasure():
                    yield from self._expanded(expand_cell(bind_block(block, self.parameters), hidden_key="click__"))
                case Rotate() if block.quaternion is not None:
                    yield from expand_cell(bind_block(block, self.parameters), hidden_key="")
                case _:
                    yield bind_block(block, self.parameters)

    def _step(self, block: AnyBlock, branch: Branch, path: Path) -> list[Branch]:
        match block:
            case Measure():
                return self._measure(block, branch, path)
            case Reset():
                return [replace(branch, rho=self._fresh(branch.rho, self._names(block.atoms)))]
            case Probe():
                return [branch.wrote(name, path, value) for name, value in self._seen(block, branch)][-1:]
            case Set():
                new = {name: self.value(e, branch) for name, e in block.values.items()}
                return [replace(branch, scalars={**branch.scalars, **new})]
            case Push():
                pushed = {name: (self.value(e, branch), *branch.windows[name][:-1]) for name, e in block.values.items()}
                return [replace(branch, windows={**branch.windows, **pushed})]
            case Repeat():
                return self._repeat(block, branch, path)
            case When():
                return self._when(block, branch, path)
            case _:
                raise NotImplementedError(block.kind)

    def _measure(self, block: Measure, branch: Branch, path: Path) -> list[Branch]:
        atoms, one = self._names(block.atoms), self._one(block.basis)
        found = []
        for bits in product((0, 1), repeat=len(atoms)):
            collapse = np.eye(len(branch.rho), dtype=complex)
            for atom, bit in zip(atoms, bits, strict=True):
                up = self.projector(atom, one)
                collapse = collapse @ (up if bit else np.eye(len(up)) - up)
            rho = collapse @ branch.rho @ collapse
            chance = float(np.trace(rho).real)
            if chance > NEGLIGIBLE:
                kept = {**branch.bits, block.key: dict(zip(atoms, bits, strict=True))}
                made = replace(branch, probability=branch.probability * chance, rho=rho / chance, bits=kept)
                found.append((chance, made.wrote(block.key, path, bits if len(bits) > 1 else bits[0])))
        return self._chosen(found)

    def _chosen(self, found: list[tuple[float, Branch]]) -> list[Branch]:
        if self.rng is None:
            return [branch for _, branch in found]
        chances = np.array([chance for chance, _ in found])
        return [found[int(self.rng.choice(len(found), p=chances / chances.sum()))][1]]

    def _fresh(self, rho: Complex, atoms: tuple[str, ...]) -> Complex:
        for atom in atoms:
            kraus = [self.operator(atom, self.ground, level) for level in self.levels]
            rho = np.asarray(sum(k @ rho @ k.conj().T for k in kraus))
        return rho

    def _seen(self, block: Probe, branch: Branch) -> Iterator[tuple[str, Any]]:
        atoms, one = self._names(block.atoms), self._one(block.basis)
        if block.quantities not in (("density_matrix",), ("occupation",)):
            raise NotImplementedError(block.quantities)
        if block.density_matrix:
            yield block.key, self.reduced(branch.rho, atoms)
        else:
            yield block.key, [float(np.trace(self.projector(atom, one) @ branch.rho).real) for atom in atoms]

    def reduced(self, rho: Complex, atoms: tuple[str, ...]) -> Complex:
        """Return the density matrix of some atoms: the others' levels summed over, one by one."""
        size = len(self.levels) ** len(atoms)
        made = np.zeros((size, size), dtype=complex)
        settings = list(product(self.levels, repeat=len(atoms)))
        for (i, left), (j, right) in product(enumerate(settings), enumerate(settings)):
            flip = reduce(np.matmul, (self.operator(a, to, at) for a, to, at in zip(atoms, right, left, strict=True)))
            made[i, j] = np.trace(flip @ rho)
        return made

    def _repeat(self, block: Repeat, branch: Branch, path: Path) -> list[Branch]:
        branches = [branch]
        for k in range(self._times(block)):
            here = (*path, (self.loops[id(block.body)], k))
            begun = [
                self._begun(block, k, one, here).wrote(self._label(block), here, one.time_ns / 1000) for one in branches
            ]
            branches = self._play(block.body, begun, here)
        return [replace(one, round=branch.round) for one in branches]

    def _times(self, block: Repeat) -> int:
        return len(self.inputs[block.over[0]]) if block.over else int(self.number(block.times, self.parameters))

    def _label(self, block: Repeat) -> str:
        name = self.loops[id(block.body)]
        return "time_us" if name == next(iter(self.loops.values())) else f"time_us_{name}"

    def _begun(self, block: Repeat, k: int, branch: Branch, here: Path) -> Branch:
        """Return a branch that begins a round, its memory and the round's inputs written."""
        known = {signal: float(self.inputs[signal][k]) for signal in block.over or ()}
        made = replace(branch, round={**branch.round, block.counter: float(k), **known})
        for scalar, value in made.scalars.items():
            made = made.wrote(scalar, here, value)
        for signal, value in known.items():
            made = made.wrote(signal, here[-1:], value)
        return made

    def _sides(self, block: When, branch: Branch) -> list[tuple[bool, float]]:
        """Return the sides that a branch takes, each with its chance."""
        text = str(block.condition)
        if self.rng is None and text.startswith("uniform() < "):
            chance = min(max(self.value(Expression(text.removeprefix("uniform() < ")), branch), 0.0), 1.0)
            return [(side, p) for side, p in ((True, chance), (False, 1 - chance)) if p > 0]
        return [(bool(self.value(block.condition, branch)), 1.0)]

    def _when(self, block: When, branch: Branch, path: Path) -> list[Branch]:
        then, otherwise = (
            self.duration_ns(side, branch.round, branch.carried)[0] for side in (block.then, block.otherwise)
        )
        made = []
        for side, chance in self._sides(block, branch):
            blocks = block.then if side else block.otherwise
            begun = replace(branch, probability=branch.probability * chance)
            ended = self._play(blocks, [begun], path)
            idle = 0 if then is None or otherwise is None else max(0, otherwise - then if side else then - otherwise)
            made += [self._wait(one, idle) for one in ended]
        return made

    def _wait(self, branch: Branch, idle_ns: int) -> Branch:
        rho = self._after(self._for(self.interaction, idle_ns, branch), branch.rho)
        carried = branch.carried.aged(idle_ns, self.target) if idle_ns else branch.carried
        return replace(branch, rho=rho, time_ns=branch.time_ns + idle_ns, carried=carried)

    def duration_ns(
        self, blocks: tuple[AnyBlock, ...], known: Mapping[str, float], carried: Carried
    ) -> tuple[int | None, Carried]:
        """Return how long blocks last, and what channels carry then; None where memory or outcomes decide it.

        `known` are counters and inputs.
        """
        total = 0
        for group in self._groups(blocks):
            took: int | None = 0
            match group:
                case tuple():
                    took, carried = self._segment_ns(group, known, carried)
                case Repeat(times=Expression() as times):
                    took = 0
                    for _ in range(int(self.number(times, self.parameters))):
                        once, carried = self.duration_ns(group.body, known, carried)
                        took = None if once is None or took is None else took + once
                case When():
                    sides = [self.duration_ns(side, known, carried) for side in (group.then, group.otherwise)]
                    if any(side[0] is None for side in sides):
                        took = None
                    else:
                        took, carried = max(sides, key=lambda side: side[0] or 0)
                case _:
                    pass
            if took is None:
                return None, carried
            total += took
        return total, carried

    def _segment_ns(
        self, group: tuple[Placed | AnyBlock, ...], known: Mapping[str, float], carried: Carried
    ) -> tuple[int | None, Carried]:
        total, ledger = 0, ledger_of(self.target)
        placed = list(self._written_out(group, {}))
        for is_gate, run in groupby(placed, key=lambda one: self._is_ideal(one.block)):
            if not is_gate:
                plan = plan_segment(Segment(0, tuple(run)), self.target)
                if any(not e.names <= known.keys() for e in plan.timing):
                    self.varying = True
                    return None, carried
                scope: dict[str, Any] = {**known, CARRIED: np.array([float(ledger.number(carried))])}
                [(schedule, _, _)] = timed(plan, scope, 1)
                total, carried = total + schedule.duration_ns, schedule.leaves
        return total, carried

    def _written_out(self, items: Iterable[Placed | AnyBlock], counters: Mapping[str, float]) -> Iterator[Placed]:
        for item in items:
            match item:
                case Placed(block=block):
                    yield Placed(bind_block(block, counters), item.place)
                case Repeat():
                    for k in range(self._times(item)):
                        yield from self._written_out(self._placed(item.body), {**counters, item.counter: k})
                case _:
                    pass

    # ------------------------------------------------------------------ values

    def number(self, expression: Expression | None, scope: Mapping[str, Any]) -> float:
        """Evaluate an expression with Python itself."""
        code = str(expression).replace("^", "**")
        return float(eval(code, {"__builtins__": {}}, {**FUNCTIONS, **scope}))

    def value(self, expression: Expression, branch: Branch) -> float:
        """Evaluate an expression in a branch."""
        scope: dict[str, Any] = {**self.parameters, **branch.scalars, **branch.windows, **branch.round}
        for key, bits in branch.bits.items():
            held: Any = OneBit(*bits.values()) if len(bits) == 1 else ManyBits(map(float, bits.values()))
            for atom, bit in bits.items():
                setattr(held, atom, float(bit))
            scope[key] = held
        if self.rng is not None:
            scope["uniform"], scope["normal"] = self.rng.random, self.rng.standard_normal
        return self.number(expression, scope)

    def _package_scope(self, branch: Branch) -> dict[str, Any]:
        scope: dict[str, Any] = {name: np.array([value]) for name, value in branch.scalars.items()}
        scope |= {name: np.array([window]) for name, window in branch.windows.items()} | branch.round
        for key, bits in branch.bits.items():
            scope[key] = Columns(tuple(bits), np.array([list(bits.values())], dtype=float))
        return scope

    def _names(self, atoms: str | tuple[str, ...]) -> tuple[str, ...]:
        return self.atoms if isinstance(atoms, str) else atoms

    def _one(self, basis: str | None) -> str:
        if basis is None:
            basis = "digital" if "h" in self.levels else "XY" if "0" in self.levels else "ground-rydberg"
        return {"digital": "h", "ground-rydberg": "r", "XY": "1"}[basis]


def _shorter_by(one: int | None, other: int | None) -> int:
    """Return how much longer (ns) the other side takes; no side waits where memory decides how long one takes."""
    return 0 if one is None or other is None else max(0, other - one)


def _loop_names(blocks: tuple[AnyBlock, ...], taken: list[str] | None = None) -> Iterator[tuple[int, str]]:
    """Yield the dimension of each repeat: its own name, else round, round_2, ... in order."""
    taken = [] if taken is None else taken
    for block in blocks:
        if isinstance(block, Repeat):
            fresh = next(n for i in range(1, 99) if (n := f"round_{i}" if i > 1 else "round") not in taken)
            taken.append(block.name or fresh)
            yield id(block.body), taken[-1]
            yield from _loop_names(block.body, taken)
        elif isinstance(block, When):
            yield from _loop_names((*block.then, *block.otherwise), taken)


def largest_difference(program: Program, record: Any, *, ideal: bool = False) -> float:
    """Return the largest difference between a program's exact record and the reference's means."""
    return Reference(program, ideal=ideal).largest_difference(record)


def least_likely(reference: Reference, record: Any) -> float:
    """Return the smallest two-sided binomial p-value of the counts of ones in a sampled record."""
    least = 1.0
    for (name, place), mean in reference.means().items():
        if name not in record or record[name].dtype != np.int8:
            continue
        bits = record[name].isel(dict(place)).values.reshape(record.sizes["shot"], -1)
        for column, chance in zip(bits.T, np.atleast_1d(mean), strict=True):
            shots, ones = int((column >= 0).sum()), int((column == 1).sum())
            p = min(max(float(chance), 1e-12), 1 - 1e-12)
            least = min(least, 2 * binom.cdf(ones, shots, p), 2 * binom.sf(ones - 1, shots, p))
    return float(least)


def chance_of(reference: Reference, record: Any, least: float = 10.0) -> float:
    """Return the chi-square p-value of the joint outcomes of all measurements of a sampled record.

    Histories that fewer than `least` shots are expected to have are counted as one; where that is still too few for
    a chi-square, a Poisson tail says whether too many shots have them.
    """
    bits = {str(name): variable for name, variable in record.data_vars.items() if variable.dtype == np.int8}
    shots = record.sizes["shot"]
    columns = [np.moveaxis(v.values, v.dims.index("shot"), 0).reshape(shots, -1) for v in bits.values()]
    histories, counts = np.unique(np.concatenate(columns, axis=1), axis=0, return_counts=True)
    seen = {tuple(history.tolist()): int(count) for history, count in zip(histories, counts, strict=True)}
    expected: dict[tuple[int, ...], float] = defaultdict(float)
    for branch in reference.branches():
        expected[_history(branch, bits)] += branch.probability * shots
    if not seen.keys() <= expected.keys():
        return 0.0
    pairs = [(seen.get(history, 0), mean) for history, mean in expected.items() if mean >= least]
    rest = (shots - sum(count for count, _ in pairs), max(shots - sum(mean for _, mean in pairs), 0.0))
    pairs += [rest] if rest[1] >= least else []
    tail = float(chi2.sf(sum((count - mean) ** 2 / mean for count, mean in pairs), max(len(pairs) - 1, 1)))
    return tail if rest[1] >= least else min(tail, float(poisson.sf(rest[0] - 1, rest[1])))


def _history(branch: Branch, bits: Mapping[str, Any]) -> tuple[int, ...]:
    """Return all outcomes of a branch in the order of a record's variables; -1 where nothing was measured."""
    made: list[int] = []
    for name, variable in bits.items():
        dims = [str(dim) for dim in variable.dims if dim != "shot" and not str(dim).endswith("_atom")]
        width = variable.sizes.get(f"{name}_atom", 1)
        for place in np.ndindex(*(variable.sizes[dim] for dim in dims)):
            found = branch.written.get((name, tuple(zip(dims, place, strict=True))))
            made += [-1] * width if found is None else [int(bit) for bit in np.atleast_1d(found)]
    return tuple(made)


def shifts(call: Any) -> bool:
    """Return whether a call on a Pulser sequence shifts phase references by itself, drifts apart."""
    if call.name == "phase_shift":
        return bool(call.args[0])
    pulse = next((arg for arg in call.args if hasattr(arg, "post_phase_shift")), None)
    return bool(getattr(pulse, "post_phase_shift", 0)) or bool(call.kwargs.get("post_phase_shift", 0))
