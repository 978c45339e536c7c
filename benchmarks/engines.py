"""One table: every ready sequence on every emulator that runs it, and how far their populations lie apart.

python benchmarks/engines.py                      prints it
python benchmarks/engines.py docs/engines.md      writes it
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import expm

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.emulators.qutip import Qutip
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.emulators.requirements import check_capabilities
from rydberg_qmem.engine.noise_settings import NoiseSettings, check_noise
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.running.job import Job, prepare
from rydberg_qmem.units import NS_PER_US

ENGINES = ("exact", "qutip", "emu_sv", "emu_mps")
"""Emulators that play the same pulses; `ideal` plays ideal gates, so that its column shows the pulses' own error."""
LIMIT = 1e-4
ROUNDS = 2
"""Rounds of a program with inputs: enough for memory to steer something, few enough for slow emulators."""
SMALL: dict[str, float] = {"rounds": 2, "period": 4, "window": 2}
"""Values of parameters, where a program has them, for the same reason."""
LONG: dict[str, dict[str, float]] = {"bit_flip_code": {"rounds": 1}, "phase_flip_code": {"rounds": 1}}
"""Five atoms of three levels and many branches: minutes of `qutip` even so."""
READOUT = {"p_false_pos": 0.02, "p_false_neg": 0.05}
"""Noise that every emulator's runs can have."""
DECAY = {
    "g": {},
    "r": {"relaxation_rate": 0.05, "dephasing_rate": 0.1},
    "h": {"hyperfine_dephasing_rate": 0.02},
    "1": {"dephasing_rate": 0.1},
}
"""Decoherence while pulses play (1/µs), by the levels that it acts on: of atoms far worse than those of today."""
DECOHERE = ("exact", "qutip", "emu_sv")
"""Emulators that solve the Lindblad equation, each by code of its own."""
LARGEST = 9
"""Basis states of the largest register whose density matrices are sent through `qutip`: 27 take it many minutes."""
PROBE = {"probe": {"atoms": "all", "occupation": True, "correlations": True, "key": "engines"}}


class Held(Qutip):
    """Pulser's own Hamiltonian at each nanosecond, held until the next: neither a spline nor an integrator."""

    def final(self, samples: Any, target: Target, state: State, noise: Noise | None) -> State:
        from pulser_simulation import QutipEmulator

        emulator = QutipEmulator(samples, target.register, target.device)
        for at_ns in range(samples.max_duration):
            state = expm(-1j * emulator.get_hamiltonian(at_ns).full() / NS_PER_US) @ state
        return state


SETTINGS = {
    "as it comes": Qutip(dark_ns=0, relative_tolerance=1e-6),
    "dark time": Qutip(relative_tolerance=1e-6),
    "1e-9": Qutip(dark_ns=0),
    "both": Qutip(),
    "samples held": Held(dark_ns=0),
}
"""QutipBackendV2 with neither remedy, with either, and with both; its Hamiltonian without either error."""
SQUARE = {"constant": {"duration_ns": 500, "value": 15}}
CHOSEN: dict[str, dict[str, Any]] = {
    "square global pulse, 500 ns, two atoms of g and r 7 µm apart": {
        "register": {"atoms": {"a": [0, 0], "b": [7, 0]}},
        "body": [{"pulse": {"channel": "rydberg_global", "amplitude": SQUARE, "detuning": 3}}],
    },
    "`rotate` and `cnot`, two atoms of g, r, h 5 µm apart": {
        "register": {"atoms": {"a": [0, 0], "b": [5, 0]}},
        "body": [{"rotate": {"atom": "a", "angle": "pi / 2"}}, {"cnot": {"control": "a", "target": "b"}}],
    },
    "`exchange` by Blackman pulses, two atoms of g, r, h 4 µm apart": {
        "register": {"atoms": {"a": [0, 0], "b": [4, 0]}},
        "body": [{"exchange": {"atoms": ["a", "b"], "angle": 0.46, "shape": "blackman"}}],
    },
}
"""Segments on which the errors of QutipBackendV2 are taken apart."""


@dataclass(frozen=True)
class Row:
    """One program: the difference of each pair of emulators, seconds of each, and why others cannot run it."""

    program: str
    differences: Mapping[tuple[str, str], float]
    seconds: Mapping[str, float]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def gates(self) -> float | None:
        """The difference between ideal gates and pulses, where there are gates."""
        return self.differences.get(("ideal", "exact"))


def compare(name: str, engines: Iterable[str] = ENGINES, noise: Any = None) -> Row:
    """Run one ready sequence on each emulator that can, and compare what they expect of every variable."""
    program = probed(rq.load(name))
    records: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    refused: dict[str, str] = {}
    for engine in ("ideal", *engines):
        why = refusal(program, engine, noise)
        if why:
            refused[engine] = why
            continue
        began = time.perf_counter()
        records[engine] = expectations(program, engine, noise)
        seconds[engine] = time.perf_counter() - began
    pairs = [pair for pair in combinations(records, 2) if "ideal" not in pair or pair == ("ideal", "exact")]
    differences = {(one, two): difference(records[one], records[two]) for one, two in pairs}
    return Row(name, differences, seconds, refused)


def comparable() -> list[str]:
    """Return the ready sequences that have exact expectation values: none that draws random numbers."""
    return [name for name in rq.gallery.names() if "drawn" not in rq.load(name).tags]


def probed(program: rq.Program) -> rq.Program:
    """Return a program that ends with a look at every atom and every pair of atoms."""
    data = json.loads(program.to_json())
    data["body"].append(PROBE)
    return rq.Program.from_dict(data)


def decay_of(name: str) -> dict[str, float] | None:
    """Return the decoherence of a ready sequence's levels, or None where its density matrices are too large."""
    program = rq.load(name)
    target = prepare(Job(program, {}, _rounds(program), None, None, "exact", "vector"), small(program)).target
    if target.dimension > LARGEST:
        return None
    return {field: rate for level in target.levels for field, rate in DECAY.get(level, {}).items()}


def refusal(program: rq.Program, engine: str, noise: Any = None) -> str:
    """Return why an emulator cannot run a program, or nothing."""
    emulator = emulator_of(engine)
    job = Job(program, {}, _rounds(program), None, None, "exact", "auto", NoiseSettings(Noise.of(noise)))
    try:
        compiled = prepare(job, small(program))
        check_noise(job.noise_settings, emulator, compiled, exact=True)
        check_capabilities(emulator, compiled, exact=True)
    except CapabilityError as error:
        return str(error)
    return ""


def small(program: rq.Program) -> dict[str, float]:
    """Return the parameters that make a program short."""
    return {name: value for name, value in SMALL.items() if name in program.parameters} | LONG.get(program.name, {})


def _rounds(program: rq.Program) -> int | None:
    return ROUNDS if program.inputs else None


def expectations(program: rq.Program, engine: str, noise: Any = None) -> dict[str, np.ndarray[Any, Any]]:
    """Return the exact expectation value of everything that a program's record holds."""
    more = {} if noise is None else {"noise": noise}
    sizes: Any = {"parameters": small(program), "rounds": _rounds(program)}
    record = rq.run(program, shots=None, emulator=engine, **sizes, **more)
    return {
        str(name): variable.values
        for name, variable in record.data_vars.items()
        if not str(name).startswith(("time_us", "mps_"))
    }


def difference(one: Mapping[str, np.ndarray[Any, Any]], two: Mapping[str, np.ndarray[Any, Any]]) -> float:
    """Return the largest difference of any value."""
    assert one.keys() == two.keys()
    return max(float(np.abs(one[name] - two[name]).max(initial=0.0)) for name in one)


def causes() -> str:
    """Return the table of what each remedy does to the error of QutipBackendV2 on one segment, as Markdown."""
    lines = ["| segment | " + " | ".join(SETTINGS) + " |", "|" + "---|" * (len(SETTINGS) + 1)]
    for name, chosen in CHOSEN.items():
        compiled = compile_program(rq.Program(name="segment", device="MockDevice", **chosen))
        [segment] = compiled.steps
        assert isinstance(segment, Segment)
        target, exact = compiled.target, Exact()
        parts = np.random.default_rng(1).normal(size=(2, 1, target.dimension))
        start = (parts[0] + 1j * parts[1]) / np.linalg.norm(parts)
        atoms = tuple(range(len(target.atoms)))
        wanted = exact.evolve(exact.plan(segment, target), {}, start, atoms)
        made = [one.evolve(one.plan(segment, target), {}, start, atoms) for one in SETTINGS.values()]
        errors = [float(np.linalg.norm(end * np.exp(-1j * np.angle(np.vdot(wanted, end))) - wanted)) for end in made]
        lines.append(f"| {name} | " + " | ".join(f"{error:.0e}" for error in errors) + " |")
    return "\n".join(lines)


def limits_kept(rows: list[Row]) -> str:
    """Return in words whether all emulators agree within the limit, and on which programs they do not."""
    pairs = {(row.program, pair): value for row in rows for pair, value in row.differences.items()}
    same = {where: value for where, value in pairs.items() if "ideal" not in where[1]}
    (program, pair), largest = max(same.items(), key=lambda item: item[1])
    told = f"The limit is {LIMIT:.0e}; the largest difference of emulators that play pulses is {largest:.1e}"
    told += f" ({program}, {' and '.join(pair)})."
    return told + (" †: beyond the limit, in pairs with `qutip` alone." if largest >= LIMIT else "")


def far_by_qutip(row: Row) -> bool:
    """Return whether only the pairs with qutip differ."""
    far = [pair for pair, value in row.differences.items() if value >= LIMIT and "ideal" not in pair]
    return bool(far) and all("qutip" in pair for pair in far)


def markdown(rows: list[Row], engines: tuple[str, ...] = ENGINES) -> str:
    """Return the table as Markdown."""
    pairs = list(combinations(engines, 2))
    gates = any(row.gates is not None for row in rows)
    heads = [*(f"{one}, {two}" for one, two in pairs), *(["gates: ideal, exact"] if gates else [])]
    lines = ["| program | " + " | ".join(heads) + " |", "|" + "---|" * (len(heads) + 1)]
    for row in rows:
        cells = [_cell(row.differences.get(pair), "qutip" in pair and far_by_qutip(row)) for pair in pairs]
        cells += [_cell(row.gates, False)] if gates else []
        lines.append(f"| {row.program} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: float | None, named: bool) -> str:
    if value is None:
        return "–"
    near = LIMIT / 2 < value < 2 * LIMIT
    return f"{value:.{int(near)}e}" + (" †" if named and value >= LIMIT else "")


def decohering() -> str:
    """Return the table of decohering atoms as Markdown, its last column what the noise does at all."""
    lines: list[str] = []
    for name in comparable():
        noise = decay_of(name)
        if not noise:
            continue
        row = compare(name, DECOHERE, noise)
        print(row, flush=True)
        head, rule, cells = markdown([row], DECOHERE).splitlines()
        lines += [] if lines else [f"{head} what the noise does |", f"{rule}---|"]
        lines.append(f"{cells} {_cell(effect(name, noise), False)} |")
    return "\n".join(lines)


def effect(name: str, noise: Any) -> float:
    """Return the largest change of any expectation value by noise."""
    program = probed(rq.load(name))
    return difference(expectations(program, "exact"), expectations(program, "exact", noise))


def _all() -> dict[str, float]:
    return {field: rate for fields in DECAY.values() for field, rate in fields.items()}


PAGE = """# Emulators against each other

Made by `python benchmarks/engines.py docs/engines.md`: the largest difference of any expectation value in the record
(outcomes, memory, probes, and a last look at every atom and pair of atoms), noiseless. Programs are cut short for the
slow emulators: {rounds} rounds of each program with rounds ({long}: one), memristors with a period of
{period} rounds and a window of {window}. Programs that draw their outcome from random numbers ({drawn}) have no such
values. A dash: one of the two cannot run the program (three levels need `exact`, `ideal` or `qutip`; `emu_mps`
needs two atoms; only `exact` and `ideal` end an SLM mask of the XY mode at the right nanosecond).

{table}

{limits}

The pairs with `qutip` differ by more than the others, for two reasons that lie in how QutipBackendV2 solves the same
equation. It puts a cubic spline through the 1 ns samples, which rings where a square pulse begins or ends, and drops
pulse area at the end of a sequence. And QuTiP's integrator errs by a relative 1e-6 in each of its steps, which adds up
where close atoms interact strongly. The emulator `qutip` plays {dark} ns of dark time around every segment, and has
the integrator keep 1e-9. Distance of state vectors to those of `exact`, from a random start, with neither, either and
both; and of Pulser's Hamiltonian with each sample held for its nanosecond, which has neither error, as `exact` does it:
what both leave is the spline's at the edges.

{causes}

With readout errors ({errors}), which feedforward passes on to the states that follow:

{noisy}

The last column is no difference of emulators: it is what gates made of pulses differ by from ideal ones.

With atoms that decohere while pulses play ({decay} per µs, those of the levels that a program has): density matrices
through the Lindblad equation of each emulator, with measurement, reset and feedforward in between. `exact` has its own
propagators, `qutip` Pulser's master equation (eigenvector by eigenvector, since its runs start from pure states),
`emu_sv` emu-sv's Krylov solver with its own collapse operators. Without this noise the same expectation values differ
from these by the last column. Registers of more than {largest} basis states are left out, for the time that `qutip` takes.

{decohering}

Quantum jumps, leakage, and fluctuations from shot to shot are modelled by `exact` alone; `tests/noise` holds them
against `qutip.mesolve`, closed forms, Pulser's collapse operators and Pulser's own noisy runs.

## What they cost, and what they can do

| name | levels | atoms | one segment of one state | note |
|---|---|---|---|---|
| `exact` | all | entangled groups of about 12 to 20 | well below a millisecond, shared by all rows | the default |
| `qutip` | all | 2^14 amplitudes | 0.1 s for two atoms, seconds for five of three levels | Pulser's reference; for checks |
| `emu_sv` | ground-rydberg | up to 20 | 10 to 100 ms, one step for each change of a sample | states run one by one: no batching |
| `emu_mps` | ground-rydberg, XY | tens, at least 2 | seconds to minutes | states run one by one; sampled runs, or exact ones with few branches |
| `stabilizer` | g, h | hundreds | microseconds for all shots | Clifford gates; rows that differ by Pauli operators share a tableau; sampled runs |

Shots that share their history share their state with every emulator, so the cost grows with the number of different
histories: after a measurement of k atoms there may be 2^k. A smooth pulse of 1 µs is 1000 steps at 1 ns; `averaged_ns`
of `EmuSv` and `EmuMps` (`rydberg_qmem.emulators.emu_sv`, `.emu_mps`) makes it fewer. The record of `emu_mps` says, for each
shot, the largest bond dimension (`mps_max_bond_dim`) and the weight that truncations dropped (`mps_truncation_error`).
Time steps and the projection of its sweeps have errors of their own: repeat a run with half the `longest_ns` to see them.
"""  # noqa: E501  # sentences of the page


def main() -> None:
    """Print the table, or write the page."""
    began = time.perf_counter()
    tables: list[str] = []
    within = ""
    for noise in (None, READOUT):
        rows = []
        for name in comparable():
            rows.append(compare(name, noise=noise))
            print(rows[-1], flush=True)
        tables.append(markdown(rows))
        within = within or limits_kept(rows)
        print(tables[-1])
    tables.append(decohering())
    print(tables[-1])
    print(f"{time.perf_counter() - began:.0f} s")
    if len(sys.argv) > 1:
        noiseless, noisy, open_ = tables
        Path(sys.argv[1]).write_text(page(noiseless, noisy, open_, within), encoding="utf-8")


def page(noiseless: str, noisy: str, open_: str, within: str) -> str:
    """Return the page of three tables, and of what keeps the emulator `qutip` near the others."""
    errors, decay = (", ".join(f"`{name}` {value}" for name, value in noise.items()) for noise in (READOUT, _all()))
    return PAGE.format(
        table=noiseless, noisy=noisy, decohering=open_, errors=errors, decay=decay, limits=within, causes=causes(),
        dark=Qutip().dark_ns, rounds=ROUNDS, largest=LARGEST, long=", ".join(f"`{name}`" for name in LONG),
        drawn=", ".join(f"`{name}`" for name in rq.gallery.names() if name not in comparable()), period=SMALL["period"],
        window=SMALL["window"],
    )  # fmt: skip


if __name__ == "__main__":
    main()
