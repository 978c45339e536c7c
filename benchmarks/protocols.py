"""Write docs/protocols.md and its pictures: `python benchmarks/protocols.py`, or some rows only: `... 1 4 5`.

Figures of rows that are not run again are kept from docs/protocols/figures.json.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import rydberg_qmem as rq
from rydberg_qmem import programs as p
from rydberg_qmem.analysis import expectation, group
from rydberg_qmem.learning.boltzmann import divergence, thermal, train_boltzmann
from rydberg_qmem.learning.optimise import Optimum, optimise
from rydberg_qmem.plots import paper

ROOT = Path(__file__).resolve().parent.parent
PAGE, FOLDER = ROOT / "docs" / "protocols.md", ROOT / "docs" / "protocols"
KEPT = FOLDER / "figures.json"
EXACT: dict[str, Any] = {"shots": None, "emulator": "ideal"}
PULSES: dict[str, Any] = {"shots": None, "emulator": "exact"}
NOISY = {"temperature": 50.0, "amp_sigma": 0.01}
ROUGH: dict[str, Any] = {"noise": NOISY, "hardware": "zoned_2024"}
MORE = 6
"""Steps of training by collisions."""
FOUR: dict[str, Any] = {"sweeps": 4, "width_us": 0.35, "step_us": 0.1}
"""Collisions of four atoms."""
NOISE_TEXT = "Doppler shifts at 50 µK and 1 % of amplitude noise"
Figures = list[tuple[str, str, str]]
"""What, seen, expected."""


def pm(values: Any, digits: int = 4) -> str:
    """Return a mean with its standard error."""
    values = np.asarray(values, dtype=float).ravel()
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1) / np.sqrt(values.size):.{digits}f}"


def reward_learning(ax: Any) -> Figures:
    made: Figures = []
    environment: Any
    for environment, wanted in (
        ("great_circle", {30: "≥ 0.90 (published)"}),
        ("haar", {30: "0.843 ± 0.01 (derived)", 50: "0.878 ± 0.01 (derived)"}),
    ):
        rq.run(p.reward_learning(environment, rounds=1), shots=1, seed=1, emulator="ideal")  # imports are not timed
        began = time.perf_counter()
        record = rq.run(p.reward_learning(environment, rounds=51), shots=4000, seed=1, emulator="ideal")
        seconds = time.perf_counter() - began
        mean = record.fidelity.mean("shot")
        label = {"great_circle": "great circle", "haar": "Haar"}[environment]
        ax.plot(np.arange(1, 51), mean[1:], label=label)
        made += [(f"{label}: mean fidelity after {k}, 4000 agents", pm(record.fidelity.isel(round=k)), text)
                 for k, text in wanted.items()]  # fmt: skip
        made.append((f"{label}: 4000 agents × 51 iterations", f"{seconds:.1f} s", "< 30 s"))
    noisy = rq.run(p.reward_learning("great_circle", rounds=31), shots=4000, seed=2, emulator="ideal",
                   hardware="zoned_2024")  # fmt: skip
    ax.plot(np.arange(1, 31), noisy.fidelity.mean("shot")[1:], "--", label="great circle, zoned_2024")
    made.append(("great circle under zoned_2024, after 30", pm(noisy.fidelity.isel(round=30)), ""))
    pulses = rq.run(p.reward_learning("great_circle", rounds=31), shots=400, seed=3)
    made.append(("great circle pulse by pulse, after 30, 400 agents", pm(pulses.fidelity.isel(round=30)), "≥ 0.90"))
    noisy = rq.run(p.reward_learning("great_circle", rounds=31), shots=400, seed=3, **ROUGH)
    made.append((f"the same with {NOISE_TEXT} and zoned_2024", pm(noisy.fidelity.isel(round=30)), ""))
    for record, mark, at, text in (
        (pulses, "o", [6, 12, 18, 24, 30], "pulses, 400 agents"),
        (noisy, "s", [3, 9, 15, 21, 27], "noisy pulses, zoned_2024"),
    ):
        some = record.fidelity.isel(round=at)
        ax.errorbar(at, some.mean("shot"), some.std("shot") / some.sizes["shot"] ** 0.5, fmt=mark, color="k", mfc="w",
                    lw=0.8, label=f"great circle, {text}")  # fmt: skip
    ax.set(xlabel="iteration", ylabel="mean fidelity |⟨E|D|g⟩|²", ylim=(0.4, 1))
    ax.legend()
    return made


def thermal_learning(ax: Any) -> Figures:
    made: Figures = []
    record = rq.run(p.thermal_contact(), **EXACT)
    law = 0.3 + 0.7 * 0.8 ** np.arange(12)
    made.append(
        (
            "largest distance to q + (n0 - q)(1 - R)^k",
            f"{np.abs(record.n.values.ravel() - law).max():.1e}",
            "0 (derived)",
        )
    )
    got = rq.run(p.thermal_contact(rounds=4), **PULSES).n.values.ravel()
    made.append(("the same pulse by pulse, 4 collisions", f"{np.abs(got - law[:4]).max():.1e}", "0"))
    kinds: tuple[tuple[Any, str], ...] = (("great_circle", "great circle"), ("haar", "Haar"))
    warm = np.array([0.0, 0.5, 1.0, 2.0, 5.0, 20.0])
    occupied = [1 / (1 + np.exp(1 / t)) if t else 0.0 for t in warm]
    for (environment, name), style in zip(kinds, ("o-", "s--"), strict=True):
        free = rq.run(p.reward_learning(environment, rounds=50), shots=2000, seed=4, emulator="ideal").fidelity_final
        ax.axhline(float(free.mean()), color="k", ls=style[1:], lw=0.6)
        made.append((f"{name}, no bath: fidelity after 50", pm(free), ""))
        for colour, r in enumerate((0.05, 0.4)):
            seen = [
                rq.run(p.reward_learning(environment, bath=(r, q), rounds=50), shots=2000, seed=4, emulator="ideal")
                for q in occupied
            ]
            got = np.array([record.fidelity_final.values for record in seen])
            ax.errorbar(warm, got.mean(1), got.std(1) / 2000**0.5, fmt=style, color=f"C{colour}", capsize=2,
                        mfc="w" if style[0] == "s" else None, label=f"{name}, R = {r}")  # fmt: skip
            made += [(f"{name}, R = {r}, T = {warm[k]:g} ω (q = {occupied[k]:.3f}): fidelity after 50", pm(got[k]), "")
                     for k in (0, 2, 5)]  # fmt: skip
    ax.set(
        xlim=(-0.1, 24),
        xlabel="temperature of the bath $k_BT/\\hbar\\omega$",
        ylabel="fidelity after 50 iterations",
        ylim=(0.6, 1),
    )
    ax.set_xscale("symlog", linthresh=0.5, linscale=0.5)
    ax.set_xticks(warm, [f"{t:g}" for t in warm])
    ax.minorticks_off()
    ax.legend(ncols=2, fontsize="x-small", handlelength=3.5, title="thin lines: no bath", title_fontsize="x-small")
    return made


def reconstruction(ax: Any) -> Figures:
    made: Figures = []
    for epsilon in (0.5, 0.7, 0.8, 0.9):
        agents = 20_000 if epsilon == 0.8 else 4000
        record = rq.run(p.reward_learning("haar", epsilon=epsilon, rounds=51, semi_quantum=True), shots=agents, seed=5,
                        emulator="ideal")  # fmt: skip
        ax.plot(np.arange(1, 51), record.fidelity.mean("shot")[1:], label=f"ε = {epsilon}")
        reached = record.fidelity.isel(round=50)
        made.append((f"ε = {epsilon}: fidelity after 50, {agents} agents", pm(reached),
                     "over 0.88 within 50 (published); 0.878 ± 0.01 (derived)" if epsilon == 0.8 else ""))  # fmt: skip
        if epsilon == 0.8:
            far = np.cos(record.theta.values.reshape(agents, -1)[:, 0])
            made += [
                ("the same, median of the agents", f"{float(reached.median()):.4f}", ""),
                ("the same, agents with over 0.88", f"{float((reached > 0.88).mean()):.3f}", ""),
                *((f"the same, states {text} of the first guess", pm(reached.values[where]), "")
                  for text, where in (("within 60°", far > 0.5), ("beyond 60° and within 120°", np.abs(far) <= 0.5),
                                      ("beyond 120°", far < -0.5))),
            ]  # fmt: skip
    own = rq.run(p.reward_learning("haar", punishment=1.5, widest=2 * np.pi, rounds=51, semi_quantum=True),
                 shots=20_000, seed=5, emulator="ideal")  # fmt: skip
    ax.plot(np.arange(1, 51), own.fidelity.mean("shot")[1:], "k--", label="ε = 0.8, punishment 1.5, range ≤ 2π")
    made.append(("ε = 0.8, punishment 1.5, range up to 2π: fidelity after 50, 20000 agents",
                 pm(own.fidelity.isel(round=50)), "over 0.88 within 50 (published)"))  # fmt: skip
    longer = rq.run(p.reward_learning("haar", rounds=201, semi_quantum=True), shots=4000, seed=5, emulator="ideal")
    made.append(("ε = 0.8: fidelity after 200, 4000 agents", pm(longer.fidelity.isel(round=200)), "≥ 0.89 (derived)"))
    pulses = rq.run(p.reward_learning("haar", rounds=51, semi_quantum=True), shots=400, seed=5)
    made.append(("ε = 0.8, pulse by pulse, 400 agents: fidelity after 50", pm(pulses.fidelity.isel(round=50)), ""))
    ax.axhline(0.88, color="k", ls=":", lw=0.8, label="0.88")
    ax.set(xlabel="iteration", ylabel="mean fidelity")
    ax.legend()
    return made


def codes(ax: Any) -> Figures:
    made: Figures = []
    grid = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    for kind in ("bit", "phase"):
        for q in (0.0, 0.05):
            off = 0.0
            for chance in grid:
                record = rq.run(p.repetition_code(kind, p=float(chance), q=q, rounds=3), **EXACT)
                off = max(off, abs(float(record.logical) - enumerated(float(chance), q, 3)))
            made.append(
                (f"{kind} flips, q = {q}, 3 rounds: largest distance to enumeration", f"{off:.1e}", "≤ 1e-9 (derived)")
            )
        sampled = rq.run(p.repetition_code(kind, p=0.1, q=0.05, rounds=3), shots=100_000, seed=6, emulator="ideal")
        law = enumerated(0.1, 0.05, 3)
        away = (float(sampled.logical.mean()) - law) / np.sqrt(law * (1 - law) / 1e5)
        made.append((f"{kind} flips, p = 0.1, q = 0.05, 10⁵ shots: {law:.5f}", f"{away:+.2f} σ", "within 4 σ"))
    for q in (0.0, 0.05, 0.1):
        ax.plot(grid, [enumerated(c, q, 1) for c in grid], label=f"code, q = {q}")
        dots = [float(rq.run(p.repetition_code("bit", p=float(c), q=q, rounds=1), **EXACT).logical) for c in grid]
        ax.plot(grid, dots, "o", color=ax.lines[-1].get_color())
    ax.plot(grid, grid, "k:", label="bare atom")
    ways: tuple[tuple[str, dict[str, Any], int, str], ...] = (
        ("zoned_2024", {"emulator": "ideal", "hardware": "zoned_2024"}, 8000, "0.6"),
        ("zoned_2024, noisy pulses", ROUGH, 4000, "0.3"),
    )
    for name, how, shots, colour in ways:
        code, bare = ([zoned(kind, float(c), 1, shots, how) for c in grid] for kind in ("code", "bare"))
        for read, mark, label in ((code, "s--", "code"), (bare, "^:", "bare atom")):
            ax.errorbar(grid, [w.mean() for w in read], [w.std() / w.size**0.5 for w in read], fmt=mark, color=colour,
                        ms=3, capsize=2, label=f"{label}, {name}")  # fmt: skip
        for k in (0, 1, 2, 4, 6, 7):
            ideal = f"ideal {enumerated(grid[k], 0, 1):.4f}"
            made += [
                (f"one round under {name}, p = {grid[k]:g}: code", pm(code[k]), ideal),
                (f"one round under {name}, p = {grid[k]:g}: bare atom", pm(bare[k]),
                 f"the code gains {ahead(code[k], bare[k]):+.1f} σ"),
            ]  # fmt: skip
        code, readings = (zoned(kind, 0.1, 3, 20_000, how) for kind in ("code", "readings"))
        flipped = (1 - 0.8**3) / 2
        made += [
            (f"three rounds, p = 0.1, under {name}: code", pm(code), f"ideal {enumerated(0.1, 0, 3):.4f} (derived)"),
            (f"three rounds, p = 0.1, under {name}: three atoms read, nothing corrected", pm(readings),
             f"ideal {3 * flipped**2 - 2 * flipped**3:.4f} (derived); correcting gains {ahead(code, readings):+.1f} σ"),
        ]  # fmt: skip
        read = judged(rq.run("phase_flip_code", parameters={"p": 0.1, "rounds": 1}, shots=shots, seed=7, **how))
        made.append((f"phase flips, one round under {name}, p = 0.1: code", pm(read), "ideal 0.0280"))
    read = zoned("code", 0.1, 1, 4000, {})
    made.append(("one round, p = 0.1, pulse by pulse without noise, 4000 shots: code", pm(read), "0.0280 (derived)"))
    ax.set(xlabel="flip probability p", ylabel="logical error, one round", xscale="log", yscale="log", ylim=(4e-6, 1))
    ax.legend(fontsize="x-small", loc="lower right")
    return made


def zoned(kind: str, chance: float, rounds: int, shots: int, how: dict[str, Any]) -> Any:
    """Return for each shot whether the code, with or without corrections, or a bare atom that never waits is wrong."""
    program = rq.load("bit_flip_code")
    if kind == "bare":
        flip = {"when": {"if": "uniform() < p", "then": [{"rotate": {"atom": "d0", "angle": "pi", "axis": "x"}}]}}
        program = rq.Program(name="bare", device="MockDevice", register={"atoms": {"d0": (0, 0)}}, parameters={"p": 0},
                             body=[{"repeat": {"times": rounds, "body": [flip]}},
                                   {"measure": {"atoms": "d0", "key": "data"}}])  # fmt: skip
    if kind == "readings":
        program = uncorrected(program)
    values = {"p": chance} if kind == "bare" else {"p": chance, "rounds": rounds}
    return judged(rq.run(program, parameters=values, shots=shots, seed=7, **how))


def uncorrected(program: rq.Program) -> rq.Program:
    """Return a code that measures its syndromes and turns no atom for them."""
    loop = program.body[0]
    assert isinstance(loop, rq.Repeat)
    kept = tuple(block for block in loop.body if not isinstance(block, rq.When))
    return program.model_copy(update={"body": (loop.model_copy(update={"body": kept}), *program.body[1:])})


def judged(record: Any) -> Any:
    """Return for each shot how wrong the majority of the atoms that are left is; a tie, or none left, is a guess."""
    read = record.data.values.reshape(record.sizes["shot"], -1)
    ones, zeros = (read == 1).sum(axis=1), (read == 0).sum(axis=1)
    return np.where(ones == zeros, 0.5, ones > zeros)


def enumerated(chance: float, q: float, rounds: int) -> float:
    """Return the logical error of n rounds, over all 2³ data errors and 2² syndrome flips of each."""
    states = np.zeros(8)
    states[0] = 1
    fix = {(1, 0): 4, (1, 1): 2, (0, 1): 1, (0, 0): 0}
    for _ in range(rounds):
        after = np.zeros(8)
        for before, weight in enumerate(states):
            for error in range(8):
                for flip in range(4):
                    bits = before ^ error
                    a, b, c = bits >> 2, bits >> 1 & 1, bits & 1
                    n, m = bin(error).count("1"), bin(flip).count("1")
                    w = chance**n * (1 - chance) ** (3 - n) * q**m * (1 - q) ** (2 - m)
                    after[bits ^ fix[a ^ b ^ (flip >> 1), b ^ c ^ (flip & 1)]] += weight * w
        states = after
    return float(sum(states[k] for k in range(8) if bin(k).count("1") >= 2))


def feedforward(ax: Any) -> Figures:
    made: Figures = []
    psi = np.array([np.cos(0.55), np.exp(0.4j) * np.sin(0.55)])
    bell, labels = np.array([1, 0, 0, 1]) / np.sqrt(2), ["gg", "gh", "hg", "hh"]
    for emulator in ("ideal", "exact"):
        how: dict[str, Any] = {"shots": None, "emulator": emulator}
        rho = rq.run(p.teleportation(), **how).rho.sel(rho_row=["g", "h"], rho_column=["g", "h"]).values
        made.append((f"teleportation, {emulator}: fidelity", f"{(psi.conj() @ rho @ psi).real:.6f}", "1"))
        rho = rq.run(p.entanglement_swapping(), **how).rho.sel(rho_row=labels, rho_column=labels).values
        made.append((f"entanglement swapping, {emulator}: fidelity", f"{(bell @ rho @ bell).real:.6f}", "1"))
    for atoms, emulator in ((3, "ideal"), (4, "ideal"), (3, "exact")):
        ends = ["g" * atoms, "h" * atoms]
        state = rq.run(p.ghz_by_measurement(atoms), shots=None, emulator=emulator).rho
        fidelity = state.sel(rho_row=ends, rho_column=ends).values.real.sum() / 2
        made.append((f"GHZ of {atoms} in two CNOT layers, {emulator}: fidelity", f"{fidelity:.6f}", "1"))
    looks = np.arange(1, 33)
    seen = [float(rq.run(p.zeno(looks=int(n)), **EXACT).stayed_final) for n in looks[::3]]
    law = np.cos(np.pi / (2 * looks)) ** (2 * looks)
    ax.plot(looks, law, label="cos²ᴺ(π/2N)")
    ax.plot(looks[::3], seen, "o", label="program")
    made.append(("Zeno: largest distance to cos²(π/2N)ᴺ", f"{np.abs(np.array(seen) - law[::3]).max():.1e}", "0"))
    off = float(rq.run(p.zeno(looks=8), **PULSES).stayed_final) - law[7]
    made.append(("the same pulse by pulse, 8 looks", f"{abs(off):.1e}", "0"))
    left = rq.run(
        p.active_reset(rounds=3), **EXACT, hardware={"name": "misread", "p_false_pos": 0.01, "p_false_neg": 0.03}
    )
    start = float(np.sin(1) ** 2)
    once = start * 0.03 + (1 - start) * 0.01
    made.append(
        (
            "active reset, misread 1 % and 3 %: h after one round",
            f"{float(left.left.values.ravel()[1]):.6f}",
            f"{once:.6f}",
        )
    )
    for way, text in ((EXACT, "ideal"), (PULSES, "pulses")):
        got = float(rq.run(p.iterative_phase_estimation(phase=0.34375, bits=5), **way).estimate_final)
        made.append((f"iterative phase estimation of 0.34375 (5 bits), {text}: mean", f"{got:.6f}", "0.34375"))
    ax.set(xlabel="looks N during a π turn", ylabel="probability never to be found in h")
    ax.legend()
    return made


def with_probe(program: rq.Program, *atoms: str) -> rq.Program:
    return program.model_copy(
        update={"body": (*program.body[:-1], rq.Probe(atoms=atoms, density_matrix=True, key="rho"))}
    )


PAULI = {"I": np.eye(2), "X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]]), "Z": np.diag([1, -1])}
HAMILTONIAN = sum(c * np.kron(PAULI[t[0]], PAULI[t[1]]) for t, c in p.H2.items())


def energy(program: rq.Program, angles: Any, emulator: str = "ideal") -> float:
    labels = ["gg", "gh", "hg", "hh"]
    record = rq.run(program, parameters={f"t{k}": v for k, v in enumerate(angles)}, shots=None, emulator=emulator)
    return float(np.trace(HAMILTONIAN @ record.rho.sel(rho_row=labels, rho_column=labels).values).real)


def trained(objective: Callable[[Any], float], start: dict[str, float], **options: Any) -> Optimum:
    """Train and print how far it came."""
    best = optimise(objective, start, **options)
    print(f"  {best.history.sizes['evaluation']} evaluations: {best.value:.6f}", flush=True)
    return best


def vqe(ax: Any) -> Figures:
    ground = float(np.linalg.eigvalsh(HAMILTONIAN)[0])
    made: Figures = [("exact ground energy of the numbers used", f"{ground:.6f} Ha", "-1.1456 (derived)")]
    hardware = {"name": "misread", "p_false_pos": 0.02, "p_false_neg": 0.04}
    kinds: tuple[tuple[Any, int], ...] = (("digital_analog", 5), ("hardware_efficient", 4))
    for kind, size in kinds:
        name, program = kind.replace("_", "-"), with_probe(p.two_atom_ansatz(kind), "q0", "q1")
        start = {f"t{k}": v for k, v in enumerate(np.random.default_rng(3).uniform(-1, 1, size))}
        best = trained(lambda t, program=program: energy(program, t.values()), start, evaluations=300)  # type: ignore[misc]  # bound now
        ax.semilogy(best.history.best - ground, label=name)
        made += [
            (f"{name}, noiseless", f"{best.value:.6f} Ha", "within 1.6 mHa of -1.1456 (derived)"),
            (f"{name}, the same angles pulse by pulse", f"{energy(program, best.parameters.values(), 'exact'):.6f} Ha",
             ""),
        ]  # fmt: skip
        cases: tuple[tuple[str, dict[str, Any], int], ...] = (
            ("sampled", {"emulator": "ideal"}, 20_000),
            ("misread by 2 % and 4 %", {"emulator": "ideal", "hardware": hardware}, 20_000),
            (f"pulses with {NOISE_TEXT}, and misread", {"noise": NOISY, "hardware": hardware}, 10_000),
        )
        for what, how, shots in cases:
            records = {
                s: rq.run(p.two_atom_ansatz(kind, setting=s), parameters=best.parameters, shots=shots, seed=8, **how)
                for s in group(p.H2)
            }
            made += [
                (f"{name}, {what}{', unfolded' if unfold else ''}, 3 × {shots} shots", energy_of(records, unfold),
                 f"{ground:.4f}" if unfold or "misread" not in what else "")
                for unfold in ((False, True) if "misread" in what else (False,))
            ]  # fmt: skip
    ax.axhline(1.6e-3, color="k", ls=":", label="1.6 mHa")
    ax.set(xlabel="evaluation", ylabel="energy above the ground state (Ha)", ylim=(1e-8, None))
    ax.legend()
    return made


def energy_of(records: Any, unfold: bool) -> str:
    found = expectation(records, p.H2, key="m", unfold=unfold)
    return f"{float(found.value):.4f} ± {float(found.error):.4f} Ha"


def rings(ax: Any) -> Figures:
    made: Figures = []
    ratios = []
    for layers in (1, 2, 3):
        atoms = 2 * layers + 2
        program = p.qaoa_ring(atoms, layers)
        program = program.model_copy(update={"body": program.body[:-1]})

        def cut(t: Any, program: rq.Program = program, layers: int = layers, emulator: str = "ideal") -> float:
            mirrored = {f"beta{k}": -t[f"gamma{layers - 1 - k}"] for k in range(layers)}
            record = rq.run(program, parameters={**t, **mirrored}, shots=None, emulator=emulator)
            pairs = record.cut_correlations.values
            return -float(np.mean(np.diag(pairs) + np.roll(np.diag(pairs), -1) - 2 * np.diag(np.roll(pairs, -1, 1))))

        near = {1: [0.3], 2: [0.33, 0.6], 3: [0.27, 0.56, 0.65]}[layers]
        best = trained(cut, {f"gamma{k}": v for k, v in enumerate(near)}, evaluations=30 * layers, tolerance=1e-5)
        ratios.append(-best.value)
        wanted = f"{(2 * layers + 1) / (2 * layers + 2):.6f} (from memory)"
        made.append((f"ring of {atoms}, p = {layers}", f"{-best.value:.6f}", wanted))
        if layers == 1:
            by_pulses = -cut(best.parameters, emulator="exact")
            made.append((f"ring of {atoms}, p = 1, pulse by pulse", f"{by_pulses:.6f}", wanted))
    ax.plot([1, 2, 3], [3 / 4, 5 / 6, 7 / 8], "k_", ms=14, label="(2p+1)/(2p+2)")
    ax.plot([1, 2, 3], ratios, "o", label="QAOA, rings of 2p+2 atoms")
    ax.set(xlabel="layers p", ylabel="cut edges / all edges", xticks=[1, 2, 3], ylim=(0.7, 0.95))
    ax.legend()
    return made


def independent_sets(ax: Any) -> Figures:
    made: Figures = []
    five = {f"a{k}": (5.5 / (2 * np.sin(np.pi / 5)) * np.cos(2 * np.pi * k / 5),
                      5.5 / (2 * np.sin(np.pi / 5)) * np.sin(2 * np.pi * k / 5)) for k in range(5)}  # fmt: skip
    nine = {f"a{i}{j}": (5.5 * i, 5.5 * j) for i in range(3) for j in range(3)}
    graphs: tuple[tuple[str, Any, float, float, tuple[int, ...]], ...] = (
        ("5-ring", five, 10 * np.pi, 5.6, (1000, 1500, 2000, 3000, 4000)),
        ("3×3 king's graph", nine, 8 * np.pi, 8.0, (1000, 2000, 4000)),
    )
    for name, places, last, reach, times in graphs:
        swept = [rq.run(p.independent_set_sweep(places, last=last, reach_um=reach, duration_ns=t), **PULSES)
                 for t in times]  # fmt: skip
        ax.plot([t / 1000 for t in times], [float(record.largest) for record in swept], "o-", label=f"{name}, sweep")
        made += [
            (f"{name}: P(MIS), sweep of 4 µs, Ω ≤ 2π·2 MHz, pulses, exact", f"{float(swept[-1].largest):.6f}",
             "≥ 0.95 (asked)"),
            (f"{name}: no neighbours both in r", f"{float(swept[-1].independent):.6f}", "1"),
            (f"{name}: P(MIS), the same sweep in 1 µs", f"{float(swept[0].largest):.6f}", "less"),
        ]  # fmt: skip
    pieces = p.independent_set_pulses(five, reach_um=5.6)
    best = trained(lambda t: -float(rq.run(pieces, parameters=t, **PULSES).largest),
                   {k: float(v.value) for k, v in pieces.parameters.items()}, evaluations=200,
                   bounds={k: (0, 4 * np.pi) if "rabi" in k else (-12 * np.pi, 12 * np.pi) for k in pieces.parameters}
                   )  # fmt: skip
    ax.plot(4, -best.value, "*", ms=8, color="C2", label="5-ring, four trained pulses")
    made += [
        ("5-ring: P(MIS), 4 square pulses of 1 µs, before training", f"{-float(best.history.value[0]):.6f}", ""),
        ("the same, trained, 200 evaluations", f"{-best.value:.6f}", "≥ 0.95 (asked)"),
        (
            "Ω of the four pulses (rad/µs)",
            ", ".join(f"{best.parameters[f'rabi{k}']:.3f}" for k in range(4)),
            "≤ 12.566",
        ),
        ("their detunings (rad/µs)", ", ".join(f"{best.parameters[f'detuning{k}']:.3f}" for k in range(4)), ""),
    ]
    ax.axhline(0.95, color="k", ls=":")
    ax.set(xlabel="duration (µs)", ylabel="P(largest independent set)", ylim=(0, 1.02))
    ax.legend(loc="lower right")
    return made


def boltzmann(ax: Any) -> Figures:
    off = 0.0
    for beta in (0.5, 1.0, 3.0):
        for d in (-3.0, 0.0, 1.0):
            energy_of = np.hypot(1.0, d)
            law = (1 + d / energy_of * np.tanh(beta * energy_of / 2)) / 2
            off = max(off, abs(float(rq.run(p.thermal_atom(detuning=float(d), beta=beta), **EXACT).m) - law))
    made: Figures = [
        ("one atom: largest distance to (1 + (δ/E) tanh(βE/2))/2 after 40 collisions", f"{off:.1e}", "≤ 2e-6 (derived)")
    ]
    single = float(rq.run(p.thermal_atom(collisions=4), **PULSES).m - rq.run(p.thermal_atom(collisions=4), **EXACT).m)
    made.append(("the same, 4 collisions: pulses less ideal", f"{single:.1e}", "0"))
    cases = (
        ("two atoms, one of two in h", some_of((1, 2), 2), "both 0 (derived)"),
        ("four atoms, bars and stripes", some_of((0, 3, 5, 10, 12, 15), 4), "< 0.02 and below Γ = 0 (asked)"),
        ("the same with 10 % of noise", some_of((0, 3, 5, 10, 12, 15), 4, 0.1), "no bar: beyond both machines"),
        ("three atoms, even parity", some_of((0, 3, 5, 6), 3), "no bar: beyond both machines"),
    )
    for name, wanted, text in cases:
        atoms = round(np.log2(wanted.size))
        reached = [
            train_boltzmann(lambda w, g=g, n=atoms: thermal(w, n, gamma=g), wanted, rate=0.5, steps=60).value  # type: ignore[misc]  # bound now
            for g in (0.0, 0.3)
        ]
        made.append((f"{name}, exact thermal states: KL at Γ = 0, at Γ = 0.3",
                     ", ".join(f"{abs(value):.4f}" for value in reached), text))  # fmt: skip
    data = some_of((1, 2, 4), 3)
    three = {gamma: by_collisions(data, gamma, rate=0.1, sweeps=6, width_us=0.25) for gamma in (0.3, 0.0)}
    (exact, best, gap), (classical, control, _) = three.values()
    made += [
        ("three atoms, Γ = 0, exact thermal states (convex: its optimum): KL", f"{classical.value:.4f}", ""),
        (f"three atoms, Γ = 0, by collisions, best of {MORE} steps from there: KL", f"{control.value:.4f}", ""),
        ("three atoms, Γ = 0.3, exact thermal states, trained: KL", f"{exact.value:.4f}", "< 0.02 (asked)"),
        (f"three atoms, Γ = 0.3, by collisions, best of {MORE} steps from there: KL", f"{best.value:.4f}",
         "< 0.02 and below both Γ = 0 (asked)"),
        ("distance of the collided outcomes from the thermal ones of their weights (total variation)", f"{gap:.4f}",
         "0"),
    ]  # fmt: skip
    data = some_of((0, 3, 5, 10, 12, 15), 4)
    four = {gamma: by_collisions(data, gamma, rate=0.05, **FOUR) for gamma in (0.3, 0.0)}
    (_, best, gap), (_, control, _) = four.values()
    finer = [divergence(data, collided(o.parameters, gamma, 4, **{**FOUR, "step_us": 0.05}))
             for gamma, (_, o, _) in four.items()]  # fmt: skip
    made += [
        (f"four atoms, bars and stripes, Γ = 0, by collisions, best of {MORE} steps: KL", f"{control.value:.4f}", ""),
        (f"four atoms, bars and stripes, Γ = 0.3, by collisions, best of {MORE} steps: KL", f"{best.value:.4f}",
         "< 0.02 and below both Γ = 0 (asked)"),
        ("the same weights, Γ = 0.3 and Γ = 0, H in steps of 0.05 µs and not 0.1 µs: KL",
         ", ".join(f"{value:.4f}" for value in finer), "< 0.02 and below Γ = 0"),
        ("four atoms, distance of the collided outcomes from the thermal ones of their weights (total variation)",
         f"{gap:.4f}", "0"),
    ]  # fmt: skip
    for colour, gamma in (("C1", 0.0), ("C0", 0.3)):
        exact, best, _ = three[gamma]
        after = exact.history.sizes["evaluation"] + np.arange(MORE)
        ax.plot(exact.history.value, color=colour, label=f"three atoms, Γ = {gamma:g}, exact thermal states")
        ax.plot(after, best.history.value, "o-", lw=0.5, color=colour, label=f"three atoms, Γ = {gamma:g}, collisions")
        ax.plot(after, four[gamma][1].history.value, "s:", lw=0.5, color=colour, mfc="w",
                label=f"four atoms, Γ = {gamma:g}, collisions")  # fmt: skip
    ax.axhline(0.02, color="k", ls=":", label="0.02")
    ax.set(xlabel="step of training", ylabel="divergence of the data (nats)", yscale="log")
    ax.set_yticks([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1], ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"])
    ax.minorticks_off()
    ax.legend(fontsize="x-small", loc="upper right")
    return made


def some_of(shown: tuple[int, ...], atoms: int, noise: float = 0.02) -> Any:
    """Return some patterns of atoms, equally often, with uniform noise."""
    data = np.full(2**atoms, noise / 2**atoms)
    data[list(shown)] += (1 - noise) / len(shown)
    return data


def by_collisions(data: Any, gamma: float, *, rate: float, **machine: Any) -> tuple[Optimum, Optimum, float]:
    """Return machines trained by exact thermal states, then by collisions, and the latter's distance from theirs."""
    atoms = round(np.log2(data.size))
    seen = {}

    def sample(weights: dict[str, float]) -> Any:
        seen[tuple(weights.values())] = collided(weights, gamma, atoms, **machine)
        return seen[tuple(weights.values())]

    exact = train_boltzmann(lambda w: thermal(w, atoms, gamma=gamma), data, rate=0.5, steps=20 if atoms == 3 else 60)
    best = train_boltzmann(sample, data, start=exact.parameters, steps=MORE, rate=rate)
    away = seen[tuple(best.parameters.values())] - thermal(best.parameters, atoms, gamma=gamma)
    return exact, best, float(0.5 * np.abs(away).sum())


def collided(weights: dict[str, float], gamma: float, atoms: int, **machine: Any) -> Any:
    """Return the outcomes' probabilities of atoms after sweeps of collisions."""
    program = p.boltzmann_machine(atoms, gamma=gamma, **machine)
    record = rq.run(program, parameters=weights, **EXACT, state="density_matrix")
    labels = ["".join(bits) for bits in product("gh", repeat=atoms)]
    return np.diag(record.p.sel(p_row=labels, p_column=labels).values).real


def digits(ax: Any) -> Figures:
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    images, labels = (part[:900] for part in load_digits(return_X_y=True))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)

    def score(model: Any, features: Any) -> Any:
        return cross_val_score(model, features, labels, cv=folds)

    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    parts = PCA(4, random_state=0).fit_transform(images)
    parts = parts / parts.std(axis=0)
    radial = max((score(SVC(C=c, gamma=g), parts) for c in (1, 3, 10) for g in (0.08, 0.25)), key=np.mean)
    states = rho_of(parts * 0.5)
    overlaps = np.einsum("aij,bji->ab", states, states, optimize=True).real
    alone = np.prod(np.cos((parts[:, None] - parts[None]) / 4) ** 2, axis=2)
    kernels = [
        max((score(SVC(kernel="precomputed", C=c), k) for c in (1, 3, 10)), key=np.mean) for k in (overlaps, alone)
    ]
    patches = images.reshape(-1, 4, 2, 4, 2).transpose(0, 1, 3, 2, 4).reshape(-1, 4) / 16
    few, which = np.unique(patches, axis=0, return_inverse=True)
    convolved = features_of(few - 0.5, strength=1.0)[which.ravel()].reshape(len(images), -1)
    squares = np.concatenate([patches, *(patches[:, [i]] * patches[:, i:] for i in range(4))], axis=1)
    scores = {
        "4 components: linear": score(linear, parts),
        "4 components: digital-analog features, linear": score(linear, features_of(parts * 0.25)),
        "4 components: RBF kernel, best of 6 settings": radial,
        "4 components: digital-analog overlap kernel, best of 3 settings": kernels[0],
        "4 components: overlap kernel of one layer of turns, no analog block, best of 3": kernels[1],
        "64 pixels: linear": score(linear, images),
        "64 pixels: digital-analog quanvolution (2×2 patches, 160 features), linear": score(linear, convolved),
        "64 pixels: squares of the same patches, linear": score(linear, squares.reshape(len(images), -1)),
        "64 pixels: RBF": score(SVC(C=10), images),
    }
    short = ["linear", "features", "RBF", "kernel", "kernel of turns alone", "linear", "quanvolution", "squares", "RBF"]
    for ours, colour, mark, label in ((False, "0.4", "o", "controls"), (True, "C0", "s", "digital-analog")):
        of = [k for k, name in enumerate(short) if (name in ("features", "kernel", "quanvolution")) is ours]
        values = [list(scores.values())[k] for k in of]
        ax.errorbar(of, [v.mean() for v in values], [v.std(ddof=1) / 5**0.5 for v in values], fmt=mark, color=colour,
                    capsize=2, label=label)  # fmt: skip
    ax.axvline(4.5, color="k", lw=0.5)
    for where, text in ((2, "4 components"), (6.5, "64 pixels")):
        ax.text(where, 1.0, text, ha="center", va="bottom")
    ax.set_xticks(range(len(short)), short, rotation=45, ha="right", rotation_mode="anchor")
    ax.set(ylabel="accuracy, 5-fold", ylim=(0.8, 1))
    ax.legend(loc="lower right")
    by_pulses = np.abs(features_of(parts[:3] * 0.25, emulator="exact") - features_of(parts[:3] * 0.25)).max()
    some = few[:: len(few) // 200] - 0.5
    patchwise = np.abs(features_of(some, emulator="exact", strength=1.0) - features_of(some, strength=1.0)).max()
    made = [(name, pm(s), "") for name, s in scores.items()]
    return [*made, ("features of three digits: pulses less ideal, largest", f"{by_pulses:.1e}", "0"),
            (f"quanvolution of {len(some)} patches: pulses less ideal, largest", f"{patchwise:.1e}", "0")]  # fmt: skip


def features_of(x: Any, *, emulator: str = "ideal", strength: float = 0.6) -> Any:
    """Return the 10 features of each row of four numbers."""
    program = p.digital_analog_features(4, strength=strength)
    record = rq.run(program, inputs={f"x{k}": x[:, k] for k in range(4)}, shots=None, emulator=emulator)
    rows, columns = np.triu_indices(4)
    return record.f_correlations.values[:, rows, columns]


def rho_of(x: Any) -> Any:
    """Return the state of four atoms for each row of four numbers, qubits only."""
    program = p.digital_analog_features(4)
    loop = program.body[0]
    assert isinstance(loop, rq.Repeat)
    names = tuple(f"q{k}" for k in range(4))
    probe = rq.Probe(atoms=names, density_matrix=True, key="rho")
    loop = loop.model_copy(update={"body": (*loop.body[:-2], probe, loop.body[-1])})
    program = program.model_copy(update={"body": (loop,)})
    labels = ["".join(bits) for bits in product("gh", repeat=4)]
    made = []
    for part in np.array_split(x, 9):
        rho = rq.run(program, inputs={f"x{k}": part[:, k] for k in range(4)}, **EXACT).rho
        made.append(rho.sel(rho_row=labels, rho_column=labels).values)
    return np.concatenate(made)


def adaptive(ax: Any) -> Figures:
    made: Figures = []
    lost: dict[str, dict[int, Any]] = {"adaptive": {}, "fixed settings, same waits": {}, "shortest waits only": {}}
    for bits in range(3, 8):
        time_units = 3 * (2**bits - 1)
        lost["adaptive"][time_units] = phase_loss(p.ramsey_search(bits=bits, repeats=3), 10_000)
        fixed = p.ramsey_search(adaptive=False, bits=bits, repeats=3)
        lost["fixed settings, same waits"][time_units] = phase_loss(fixed, 4000)
        short = p.ramsey_search(adaptive=False, bits=1, repeats=time_units)
        lost["shortest waits only"][time_units] = phase_loss(short, 2000)
    for (name, losses), mark in zip(lost.items(), ("o-", "s--", "^-."), strict=True):
        means = [loss.mean() for loss in losses.values()]
        errors = [loss.std() / loss.size**0.5 for loss in losses.values()]
        ax.errorbar(list(losses), means, errors, fmt=mark, capsize=2, label=name)
        for t, loss in losses.items():
            law = f"1/2T = {1 / (2 * t):.5f} (derived, for large T)" if "short" in name else ""
            made.append((f"{name}, {t} units of time: mean of 1 - cos(error)", pm(loss, 5), law))
    best = lost["adaptive"][381]
    for name in ("fixed settings, same waits", "shortest waits only"):
        made.append((f"adaptive is below {name}, 381 units, by", f"{ahead(best, lost[name][381]):.1f} σ", "> 4 σ"))
    by_pulses = pulsed_phases(ax, lost)
    single = phase_loss(p.ramsey_search(bits=6), 20_000), phase_loss(p.ramsey_search(adaptive=False, bits=6), 4000)
    made += [
        *by_pulses,
        ("adaptive without repeats, 63 units", pm(single[0], 5), f"1/64 = {1 / 64:.5f} (derived)"),
        ("fixed settings without repeats, 63 units", pm(single[1]), "more"),
    ]
    ax.set(xlabel="total time (units)", ylabel="1 - cos(error)", xscale="log", yscale="log")
    ax.set_xticks(list(lost["adaptive"]), [str(t) for t in lost["adaptive"]])
    ax.set_yticks([0.001, 0.01, 0.1], ["0.001", "0.01", "0.1"])
    ax.minorticks_off()
    ax.legend(loc="lower left", fontsize="x-small")
    return made


def pulsed_phases(ax: Any, ideal: dict[str, dict[int, Any]]) -> Figures:
    """Return the same searches run by pulses, from other random numbers, and draw them."""
    made: Figures = []
    ways = {"adaptive": ("o", 20_000, True), "fixed settings, same waits": ("s", 8000, False)}
    seen: dict[str, dict[int, Any]] = {name: {} for name in ways}
    for name, (mark, shots, how) in ways.items():
        for bits in range(3, 8):
            program = p.ramsey_search(adaptive=how, bits=bits, repeats=3)
            seen[name][3 * (2**bits - 1)] = phase_loss(program, shots, seed=11, emulator="exact")
        means, errors = zip(*(mean_and_error(loss) for loss in seen[name].values()), strict=True)
        ax.errorbar([1.06 * t for t in seen[name]], means, errors, fmt=mark, color="k", mfc="w", lw=0.8, capsize=2,
                    label=f"{name.split(',')[0]}, pulses")  # fmt: skip
        made += [(f"{name}, pulse by pulse, {t} units, {shots} shots", pm(seen[name][t], 5),
                  f"pulses less ideal: {apart(seen[name][t], ideal[name][t])}") for t in (93, 381)]  # fmt: skip
    short = phase_loss(p.ramsey_search(adaptive=False, bits=1, repeats=381), 4000, seed=11, emulator="exact")
    made.append(("shortest waits only, pulse by pulse, 381 units, 4000 shots", pm(short, 5),
                 f"pulses less ideal: {apart(short, ideal['shortest waits only'][381])}"))  # fmt: skip
    for name, other in (("fixed settings, same waits", seen["fixed settings, same waits"][381]),
                        ("shortest waits only", short)):  # fmt: skip
        made.append((f"pulse by pulse, adaptive is below {name}, 381 units, by",
                     f"{ahead(seen['adaptive'][381], other):.1f} σ", "> 4 σ"))  # fmt: skip
    noisy = [phase_loss(p.ramsey_search(adaptive=how, bits=7, repeats=3), 8000, seed=12, emulator="exact", noise=NOISY)
             for how in (True, False)]  # fmt: skip
    made += [(f"{name}, pulses with {NOISE_TEXT}, 381 units, 8000 shots", pm(loss, 5), text)
             for name, loss, text in zip(ways, noisy, (f"below fixed settings by {ahead(*noisy):.1f} σ", ""),
                                         strict=True)]  # fmt: skip
    off = max(between_emulators(p.ramsey_search(adaptive=how, bits=4, repeats=3), phase)
              for how in (True, False) for phase in np.random.default_rng(13).uniform(size=8))  # fmt: skip
    return [*made, ("exact means of all bits and settings, 45 units, 8 phases: largest of pulses less ideal",
                    f"{off:.1e}", "0")]  # fmt: skip


def mean_and_error(values: Any) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / values.size**0.5)


def ahead(ours: Any, other: Any) -> float:
    """Return by how many standard errors the mean of the first is below that of the second."""
    (low, one), (high, two) = mean_and_error(ours), mean_and_error(other)
    return (high - low) / float(np.hypot(one, two))


def apart(ours: Any, other: Any) -> str:
    (low, one), (high, two) = mean_and_error(ours), mean_and_error(other)
    return f"{low - high:+.5f} ± {np.hypot(one, two):.5f}"


def between_emulators(program: rq.Program, phase: float) -> float:
    """Return how far exact means of a search for one phase by pulses are from those with ideal gates, at most."""
    data = program.to_dict()
    data["memory"]["phase"]["initial"] = phase
    ideal, pulses = (rq.run(rq.Program.from_dict(data), **how) for how in (EXACT, PULSES))
    return max(float(np.abs(ideal[key] - pulses[key]).max()) for key in ("bit", "setting", "estimate_final"))


def phase_loss(program: rq.Program, shots: int, *, seed: int = 10, emulator: str = "ideal", **how: Any) -> Any:
    """Return 1 - cos of each shot's error, of the estimate that is best for it on average (the posterior's mean)."""
    record = rq.run(program, shots=shots, seed=seed, emulator=emulator, **how)
    power, true = record.power.values[0], record.phase.values
    setting, bit = record.setting.shift(round=-1).values, record.bit.values
    setting[:, -1] = record.setting_final.values
    grid = np.arange(16 * max(64, 2 * int(power[0]))) / (16 * max(64, 2 * int(power[0])))
    made = []
    for rows in np.array_split(np.arange(shots), max(1, shots // 500)):
        posterior = np.ones((rows.size, grid.size))
        for k, times in enumerate(power):
            fringe = np.cos(2 * np.pi * (times * grid[None] - setting[rows, k, None]))
            posterior *= (1 + (1 - 2 * bit[rows, k, None]) * fringe) / 2
        made.append(1 - np.cos(np.angle(posterior @ np.exp(2j * np.pi * grid)) - 2 * np.pi * true[rows]))
    return np.concatenate(made)


def ramps(ax: Any) -> Figures:
    made: Figures = []
    times, drift = (3.0, 6.0, 9.0), 60.0
    places = drift * (2 * (np.arange(40) + 0.5) / 40 - 1)
    cases: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("fixed speed", "o-", {"adaptive": False}),
        ("fixed speed, Ω rounded over 5 %", "^--", {"adaptive": False, "edge": 0.05}),
        ("speed from four scouts", "s-", {"adaptive": True}),
    )
    lost = {name: [np.array([missed(place, time_us=t, **options) for place in places]) for t in times]
            for name, _, options in cases}  # fmt: skip
    for name, mark, options in cases:
        means, errors = [v.mean() for v in lost[name]], [v.std() / v.size**0.5 for v in lost[name]]
        ax.errorbar(times, means, errors, fmt=mark, capsize=2, label=name)
        laws = [""] * 3 if "edge" in options else [f"{landau_zener(t):.4f} (Landau and Zener; derived)" for t in times]
        if options["adaptive"]:
            laws = [f"below the better fixed one: by {(fixed - v.mean()) / error:.1f} σ"
                    for v, (fixed, error) in zip(lost[name], better(lost), strict=True)]  # fmt: skip
        made += [(f"{name}, {t:g} µs in all: not transferred, pulses", pm(v), law)
                 for t, v, law in zip(times, lost[name], laws, strict=True)]  # fmt: skip
    along = np.linspace(times[0], times[-1])
    ax.plot(along, landau_zener(along), "k:", label="Landau and Zener, fixed speed")
    ax.set(xlabel="time of the whole schedule (µs)", ylabel="not transferred", yscale="log")
    ax.set_xticks(times, [f"{t:g}" for t in times])
    ax.set_yticks([0.01, 0.02, 0.05, 0.1, 0.2, 0.3], ["0.01", "0.02", "0.05", "0.1", "0.2", "0.3"])
    ax.minorticks_off()
    ax.legend()
    return made


def better(lost: dict[str, list[Any]]) -> list[tuple[float, float]]:
    """Return at each time the mean of the better fixed schedule, and the error of its distance to the adaptive one."""
    *fixed, adaptive = lost.values()
    made = []
    for k, ours in enumerate(adaptive):
        best = min((schedule[k] for schedule in fixed), key=np.mean)
        made.append((float(best.mean()), float(np.hypot(best.std(), ours.std()) / ours.size**0.5)))
    return made


def landau_zener(time_us: Any) -> Any:
    """Return the probability that a sweep of ± 66 rad/µs in a time leaves an atom behind, Ω = 6 rad/µs."""
    return np.exp(-np.pi * 36 * time_us / (2 * 132))


def missed(place: float, **options: Any) -> float:
    """Return the exact probability that a ramp leaves the atom behind whose resonance lies at a place."""
    data = p.adaptive_ramp(**options).to_dict()
    data["memory"]["shift"]["initial"] = place
    return 1 - float(rq.run(rq.Program.from_dict(data), shots=None).up)


ROWS: dict[int, tuple[str, Callable[[Any], Figures], str]] = {
    1: (
        "Learning a state from rewards",
        reward_learning,
        "Albarrán-Arriagada et al. (PRA 98, 042315) state an average fidelity above 0.90 in fewer than 30 "
        "iterations. With the published rule that holds for states on a known great circle; averaged over all"
        " states (Haar) it does not: see below. Their averaging may differ. The Haar figures expected are those of a "
        "simulation of the rule without this package.",
    ),
    2: (
        "The same in a thermal bath",
        thermal_learning,
        "After Olivera-Atencio et al. (PRE 108, 014128): every copy of the environment meets a thermal "
        "ancilla (generalised amplitude damping) before the agent sees it. They state that a cold bath does not "
        "degrade the learning significantly and sometimes helps (abstract). R is the chance to relax in a contact, q "
        "the bath's occupation of h at its temperature.",
    ),
    3: (
        "Semi-quantum reconstruction",
        reconstruction,
        "The copy itself is measured, no register atom, as in the photonic experiment of Yu et al. (2019), "
        "which states that fidelities can come over 88 % within 50 iterations under a proper ratio of reward and "
        "punishment (abstract). With a punishment of 1/ε, as listed for the protocol with a register atom, the mean "
        "over all states stays half a percentage point below that, as does a simulation of the rule without this "
        "package. With another ratio, and a range that never exceeds a full turn, it is above. That ratio was found "
        "by a scan; the paper's is not known to us, nor over which states it averages.",
    ),
    4: (
        "Repetition codes",
        codes,
        "Three data atoms, two syndrome atoms, corrections fed forward; lines: enumeration, dots: the "
        "program. Under zoned_2024 syndromes are misread, atoms lost and data dephased as they wait; with noisy pulses "
        f"({NOISE_TEXT}, decay from r) gates err too. The logical bit is the majority of the atoms left. The bare "
        "atom is flipped and read on the same machine; part of the code's gain is that three last readings outvote a "
        "misread or lost one: the control reads the same atoms and corrects nothing. After one round it is "
        "as good, without noise; what corrections gain shows after three. Flips are then numbers of the program, "
        "not coins of atoms.",
    ),
    5: (
        "Measurement and feedforward",
        feedforward,
        "Exact means, with ideal gates or by pulses (`exact`); laws derived. Drawn: Zeno.",
    ),
    6: (
        "VQE for H2",
        vqe,
        "Coefficients after O'Malley et al. (PRX 6, 031007), from memory; their ground energy by diagonalising. "
        "Misread: 2 % of 0, 4 % of 1; unfolding takes outcomes as misread independently.",
    ),
    7: (
        "QAOA on rings",
        rings,
        "MaxCut by digital-analog layers; angles: a search from near the known optimum. The law is that of E. Farhi et "
        "al. (arXiv:1411.4028).",
    ),
    12: (
        "Largest independent sets",
        independent_sets,
        "Atoms 5.5 µm apart, two levels, pulses without noise, exact probabilities. The sweep's ends were chosen by a "
        "coarse scan; the line is the bar of 0.95 for 4 µs. On the king's graph the diagonal neighbours block each "
        "other too.",
    ),
    8: (
        "Thermal states by collisions, and a Boltzmann machine of them",
        boltzmann,
        "One atom: ancillas at a set temperature act in the eigenbasis. Three and four: H = -Γ Σ X - Σ b Z - Σ w ZZ "
        "acts while one ancilla, reset to a set temperature, is exchanged with one atom after the other; b and w are "
        "trained by clamped less free statistics of exact thermal states; steps by collisions follow where the table "
        "names them, small ones, as few collisions are not smooth in the weights. They also leave a state that is not "
        "quite thermal, and some of a gain may be theirs: numbers of sweeps, strengths and rates were chosen after a "
        "scan on these data: with some of them Γ = 0 passes too, and with others Γ = 0.3 does not. H acts in short "
        "steps, of 0.2 µs for three atoms and of 0.1 µs for four: steps of 0.2 µs could not tell costs 31 rad/µs "
        "apart, as theirs are. Data: one of three atoms in h, with 2 % of uniform noise, chosen because pairwise "
        "classical weights cannot have it, and bars and stripes of 2 × 2; with more noise, or patterns of a parity, "
        "neither machine comes below 0.02. On two atoms a classical machine has every distribution, and a transverse "
        "field gains nothing. Γ = 0 is the control: the same training, the same pairs of weights.",
    ),
    9: (
        "Digital-analog features, kernel and quanvolution of digits",
        digits,
        "scikit-learn's 8×8 digits, the first 900, five folds, exact features. The map: turns about y, one analog "
        "block, turns about x. Settings are chosen on the same folds, for controls too; errors: over the five folds. "
        "No advantage: the kernel is no better than RBF on the same components, nor its analog block than none; the "
        "quanvolution no better than pixels or their squares.",
    ),
    10: (
        "Adaptive phase estimation",
        adaptive,
        "Waits of 2^(b-1), ..., 2, 1 units, each three times, the last turn's setting fed back from majorities; or "
        "settings fixed beforehand; or as much time in waits of one unit (many more measurements). All take the "
        "same time in the dark, and the same Bayesian estimator. Without repeats the adaptive schedule is not better "
        "than the shortest waits (1/64 against 1/126 at 63 units); with three it is, once the time is long. Pulse by "
        "pulse (open marks, a little to the right, with other random numbers) both quarter turns are resonant pulses; "
        "the phase gathered in a wait, and the setting, are turns of the atom's frame.",
    ),
    11: (
        "Adaptive ramps",
        ramps,
        "An atom is to go from g to r by a detuning ramp, while the resonance drifts from shot to shot within ± 60 "
        "rad/µs. Half-way through, four more atoms that each swept a quarter of the range are measured; the speed "
        "and place of the rest follow. Equal time for both; the scouts are extra atoms. Means over 40 places of the "
        "resonance, evenly spread, of exact probabilities; errors are those of as many places drawn at random.",
    ),
}  # fmt: skip


def main() -> None:
    asked = [int(row) for row in sys.argv[1:]] or list(ROWS)
    FOLDER.mkdir(exist_ok=True)
    for row in asked:
        with paper():
            figure, ax = plt.subplots()
            figures = ROWS[row][1](ax)
            figure.savefig(FOLDER / f"row_{row}.png", dpi=200)
            plt.close(figure)
        kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
        kept[str(row)] = figures
        kept = {str(row): kept[str(row)] for row in ROWS if str(row) in kept}
        KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(row, *figures, sep="\n  ", flush=True)
        PAGE.write_text(page(kept), encoding="utf-8")


def page(kept: dict[str, Any]) -> str:
    lines = ["# Protocols", "", "Quantum-classical protocols as programs, built by `rydberg_qmem.programs`. "
             "Made by `python benchmarks/protocols.py`; "
        "errors are one standard error, gates are ideal unless pulses are named. What is expected is *published* "
        "(stated in a paper's abstract), *derived* (a closed form, an enumeration or a computation of this project), "
        "*from memory* (recalled, the source not at hand), or *asked* (a bar set beforehand). Ready sequences "
        "among them are drawn in the [gallery](gallery.md).", ""]  # fmt: skip
    for row, (title, _, about) in ROWS.items():
        if str(row) in kept:
            lines += [
                f"## {title}",
                "",
                *([about, ""] if about else []),
                "| figure | seen | expected |",
                "|---|---|---|",
            ]
            lines += [f"| {what} | {seen} | {wanted} |".replace("|⟨", "\\|⟨") for what, seen, wanted in kept[str(row)]]
            lines += ["", f"![{title}](protocols/row_{row}.png)", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
